/* keys.c -- which keys a profile needs, and how they are made: passages are read one by one behind the prompt's head. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/keys.h"

#include <string.h>

#include "base/mem.h"
#include "model/keys_inside.h"
#include "model/question.h"

/* ---- plan ---- */

/* The slot of a key head, after those that are there; heads of a profile come by layer, then head. */
static int slot_of(struct key_plan *p, int layer, int key_head)
{
    const struct key_slot *last = p->n ? &p->slots[p->n - 1] : NULL;

    if (!last || last->layer != layer || last->key_head != key_head)
        p->slots[p->n++] = (struct key_slot){layer, key_head};
    return p->n - 1;
}

int key_plan_make(struct key_plan *out, const struct profile *p, const struct decoder_config *c,
                  struct err *err)
{
    memset(out, 0, sizeof *out);
    out->d = c->d;
    out->bits = p->bits;
    out->heads = p->is_calibrated ? p->n_heads : 0;
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
    float *keys;           /* [slots, tokens, d], of a passage */
    unsigned char *widths; /* [slots, d], of its channels */

    /* if the profile is calibrated, or numbers have fewer than 8 bits */
    struct question content_free;
    float *energy; /* [slots, d] its mean square there */
    struct key_meeting *meeting;
    float *log_sums, *largest; /* [heads, rows]; [rows] */
};

enum {
    BLANK_TOKENS = 8, /* at most, of the blank line before a passage */
    MOST_ROWS = 255   /* of the content-free query, whose tail is short */
};

/* What queries ask the channels of keys, by the content-free one; of heads that share a key head, together. */
static void add_energy(float *energy, const struct question *q, const struct key_plan *plan)
{
    const size_t d = (size_t)q->d, each = (size_t)q->rows * d;

    for (int h = 0; h < q->n_heads; h++)
        for (size_t i = 0; i < each; i++) {
            const float x = q->queries[(size_t)h * each + i];

            energy[(size_t)plan->slot_of[h] * d + i % d] += x * x / (float)q->rows;
        }
}

/* Reads the content-free query, which the passages' keys will meet. */
static int ask_content_free(struct key_maker *k, const struct profile *p, struct pool *pool,
                            struct err *err)
{
    struct asker *asker = NULL;
    int rc = asker_open(&asker, k->reader, p->heads, p->n_heads, p->wants, pool, err);

    rc = rc ? rc : asker_ask(&k->content_free, asker, PROMPT_CONTENT_FREE, err);
    asker_close(asker);
    if (!rc && k->content_free.rows > MOST_ROWS)
        rc = err_set(err, E_LIMIT, "the prompt's tail has %d tokens; %d can be",
                     k->content_free.rows, MOST_ROWS);
    rc = rc ? rc : key_meeting_new(&k->meeting, k->plan.d, MOST_ROWS, err);
    if (rc)
        return rc;
    k->log_sums = mem_alloc((size_t)(p->n_heads * k->content_free.rows), sizeof *k->log_sums);
    k->largest = mem_alloc((size_t)k->content_free.rows, sizeof *k->largest);
    k->energy = mem_zalloc((size_t)k->plan.n * (size_t)k->plan.d, sizeof *k->energy);
    if (!k->log_sums || !k->largest || !k->energy)
        return err_nomem(err);
    add_energy(k->energy, &k->content_free, &k->plan);
    return 0;
}

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
        const size_t channels = (size_t)k->plan.n * (size_t)k->plan.d;

        k->keys = mem_alloc(KEYS_MAX_TOKENS * channels, sizeof *k->keys);
        k->widths = mem_alloc(channels, sizeof *k->widths);
        rc = k->keys && k->widths
                 ? session_new(&k->session, reader_decoder(r),
                               (int)k->n_head + BLANK_TOKENS + KEYS_MAX_TOKENS, pool, err)
                 : err_nomem(err);
    }
    if (!rc)
        rc = session_read(k->session,
                          &(struct session_input){.ids = k->prompt.ids, .n = (int)k->n_head}, NULL,
                          err);
    if (!rc && (k->plan.heads || k->plan.bits < 8))
        rc = ask_content_free(k, p, pool, err);
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
    struct reader *r = NULL;
    int rc = reader_open_for(&r, p, &(struct reader_place){.given = model}, precision, pool, err);

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
    mem_free(k->widths);
    mem_free(k->energy);
    question_clear(&k->content_free);
    key_meeting_free(k->meeting);
    mem_free(k->log_sums);
    mem_free(k->largest);
    mem_free(k);
}

/* What the content-free query finds in the keys: in the rounded ones, which queries will meet, so that what rounding does to both
 * falls away when one is taken off the other. */
static int put_content_free(struct buf *out, struct key_maker *k, struct err *err)
{
    const struct question *q = &k->content_free;
    const size_t each = (size_t)q->rows;
    struct keys rounded;

    if (buf_error(out))
        return err_nomem(err);
    keys_view_slots(&rounded, out);
    for (int h = 0; h < k->plan.heads; h++) {
        if (!h || k->plan.slot_of[h] != k->plan.slot_of[h - 1])
            key_meeting_take(k->meeting, &rounded, k->plan.slot_of[h]);
        key_meeting_run(k->log_sums + (size_t)h * each, k->largest, 1, k->meeting,
                        q->queries + (size_t)h * each * (size_t)q->d, q->rows);
    }
    return keys_put_content_free(out, k->log_sums, k->plan.heads, q->rows, err);
}

/* Codes keys [slots, n, d] of the passage that was read. */
static int put_all(struct buf *out, struct key_maker *k, int n, struct err *err)
{
    const size_t d = (size_t)k->plan.d;
    int rc = keys_choose_widths(k->widths, k->keys, n, k->energy, &k->plan, err);

    for (size_t i = 0; i < (size_t)k->plan.n && !rc; i++)
        rc = keys_put(out, k->keys + i * (size_t)n * d, n, k->widths + i * d, &k->plan, err);
    return !rc && n && k->plan.heads ? put_content_free(out, k, err) : rc;
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
    keys_begin(out, n, &k->plan, k->content_free.rows);
    if (where.is_cut)
        keys_set_cut(out);
    for (int i = 0; i < k->plan.n && n && !rc; i++)
        session_copy_keys(k->keys + (size_t)i * (size_t)n * (size_t)k->plan.d, k->session,
                          k->plan.slots[i].layer, k->plan.slots[i].key_head, (int)where.begin, n);
    rc = rc ? rc : put_all(out, k, n, err);
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
