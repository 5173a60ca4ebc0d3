/* keys.c -- which keys a profile needs, and how they are made: passages are read one by one behind the prompt's head. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/keys.h"

#include <string.h>

#include "base/mem.h"
#include "model/keys_inside.h"

/* ---- plan ---- */

/* The slot of a key head, after those that are there; heads of a profile come by layer, then head. */
static int slot_of(struct key_plan *p, int layer, int key_head)
{
    struct key_slot *last = &p->slots[p->n - 1];

    if (!p->n || last->layer != layer || last->key_head != key_head)
        p->slots[p->n++] = (struct key_slot){layer, key_head};
    return p->n - 1;
}

int key_plan_make(struct key_plan *out, const struct profile *p, const struct decoder_config *c,
                  struct err *err)
{
    memset(out, 0, sizeof *out);
    out->d = c->d;
    out->bits = p->bits;
    if (c->d > KEYS_MAX_D)
        return err_set(err, E_INVALID, "heads of %d numbers; stored keys have at most %d", c->d,
                       KEYS_MAX_D);
    for (int i = 0; i < p->n_heads; i++) {
        const struct profile_head *h = &p->heads[i];

        if (h->layer >= c->layers || h->head >= c->heads)
            return err_set(err, E_INVALID,
                           "profile '%.60s' has head %d of layer %d; the model has %d layers of %d",
                           p->name, h->head, h->layer, c->layers, c->heads);
        out->slot_of[i] = slot_of(out, h->layer, h->head / (c->heads / c->kv_heads));
    }
    return 0;
}

/* ---- making ---- */

struct key_maker {
    struct key_plan plan;
    struct reader *reader;
    int owns_reader;
    struct session *session;
    struct tokens prompt; /* the head, and a passage behind it */
    size_t n_head;
    float *keys; /* [KEYS_MAX_TOKENS, d] */
};

enum { BLANK_TOKENS = 8 }; /* at most, of the blank line before a passage */

int key_maker_new(struct key_maker **out, const struct profile *p, struct reader *r,
                  struct pool *pool, struct err *err)
{
    struct key_maker *k = mem_zalloc(1, sizeof *k);
    int rc =
        k ? key_plan_make(&k->plan, p, decoder_config(reader_decoder(r)), err) : err_nomem(err);

    if (!k)
        return rc;
    k->reader = r;
    rc = rc ? rc : prompt_head(&k->prompt, r, err);
    k->n_head = k->prompt.n;
    if (!rc) {
        k->keys = mem_alloc(KEYS_MAX_TOKENS * (size_t)k->plan.d, sizeof *k->keys);
        rc = k->keys ? session_new(&k->session, reader_decoder(r),
                                   (int)k->n_head + BLANK_TOKENS + KEYS_MAX_TOKENS, pool, err)
                     : err_nomem(err);
    }
    if (!rc)
        rc = session_read(k->session,
                          &(struct session_input){.ids = k->prompt.ids, .n = (int)k->n_head}, NULL,
                          err);
    if (rc) {
        key_maker_close(k);
        return rc;
    }
    *out = k;
    return 0;
}

int key_maker_open(struct key_maker **out, const struct profile *p, const char *model,
                   int precision, struct pool *pool, struct err *err)
{
    const struct reader_options opt = {.precision = precision, .layers = profile_layers(p)};
    struct reader *r = NULL;
    int rc = reader_open(&r, model ? model : p->model, &opt, pool, err);

    if (!rc && strcmp(reader_sha256(r), p->sha256))
        rc =
            err_set(err, E_INVALID,
                    "profile '%.60s' is for the model %.60s of SHA-256 %.12s..., not %s (%.12s...)",
                    p->name, p->model, p->sha256, reader_path(r), reader_sha256(r));
    rc = rc ? rc : key_maker_new(out, p, r, pool, err);
    if (rc)
        reader_close(r);
    else
        (*out)->owns_reader = 1;
    return rc;
}

void key_maker_close(struct key_maker *k)
{
    if (!k)
        return;
    session_free(k->session);
    if (k->owns_reader)
        reader_close(k->reader);
    tokens_clear(&k->prompt);
    mem_free(k->keys);
    mem_free(k);
}

static int make_one(struct buf *out, struct key_maker *k, const struct prompt_passage *p,
                    struct err *err)
{
    struct prompt_range where;
    int rc, n;

    k->prompt.n = k->n_head;
    rc = prompt_passage(&k->prompt, &where, k->reader, p, 0, KEYS_MAX_TOKENS, err);
    n = (int)(where.end - where.begin);
    if (rc)
        return rc;
    session_cut(k->session, (int)k->n_head);
    if (n)
        rc = session_read(k->session,
                          &(struct session_input){.ids = k->prompt.ids + k->n_head,
                                                  .n = (int)(k->prompt.n - k->n_head),
                                                  .keys_only = 1},
                          NULL, err);
    keys_begin(out, n, &k->plan);
    for (int i = 0; i < k->plan.n && !rc; i++) {
        const struct key_slot *s = &k->plan.slots[i];

        if (n)
            session_copy_keys(k->keys, k->session, s->layer, s->key_head, (int)where.begin, n);
        rc = keys_put(out, k->keys, n, &k->plan, err);
    }
    return rc ? rc : buf_error(out) ? err_nomem(err) : 0;
}

int key_maker_run(struct buf *out, struct key_maker *k, const struct prompt_passage *passages,
                  size_t n, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        buf_reset(&out[i]);
    for (size_t i = 0; i < n && !rc; i++)
        rc = make_one(&out[i], k, &passages[i], err);
    for (size_t i = 0; i < n && rc; i++)
        buf_reset(&out[i]);
    return rc;
}
