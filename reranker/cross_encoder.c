/* cross_encoder.c -- re-ranking by a cross-encoder: BERT reads the query and a passage together and says a number.
 *
 * Nothing can be prepared before the query is known, so it costs a pass over every candidate's tokens.
 * Source: Nogueira, Cho, "Passage Re-ranking with BERT", 2019.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "reranker/reranker_inside.h"

struct cross {
    struct model *model;
};

static void cross_close(void *self)
{
    struct cross *c = self;

    model_close(c->model);
    mem_free(c);
}

static int cross_open(void **self, struct reranker *r, const struct rerank_options *opt,
                      struct err *err)
{
    const struct model_options how = {.precision = opt->precision};
    struct cross *c;
    char *path = NULL;
    int rc;

    if (!opt->model)
        return err_set(err, E_INVALID,
                       "a cross-encoder has no default model: name one, or its folder, as in "
                       "cross-encoder:ms-marco-MiniLM-L-6-v2");
    if (opt->profile)
        return err_set(err, E_INVALID, "a cross-encoder has no heads to choose: no profile");
    c = mem_zalloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    *self = c;
    rc = model_find(&path, opt->model, err);
    if (!rc)
        rc = model_open(&c->model, path, &how, err);
    mem_free(path);
    if (!rc && !model_is_cross(c->model))
        rc = err_set(err, E_INVALID,
                     "'%.80s' is no cross-encoder: its config.json names no "
                     "BertForSequenceClassification",
                     opt->model);
    if (!rc)
        buf_printf(&r->describe, "%s: %s", model_name(c->model), model_describe(c->model));
    return rc;
}

/* ---- running ---- */

/* Title and text of every candidate that has any, one after the other in one place. */
struct pairs {
    struct buf bytes;
    size_t *ends;             /* [n] of texts in bytes */
    struct model_text *texts; /* [n] */
    size_t *which;            /* [n] candidates */
    float *scores;            /* [n] */
    unsigned char *cut;       /* [n] */
    size_t n;
};

static void pairs_clear(struct pairs *p)
{
    buf_clear(&p->bytes);
    mem_free(p->ends);
    mem_free(p->texts);
    mem_free(p->which);
    mem_free(p->scores);
    mem_free(p->cut);
}

static int is_blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\n\v\f\r", s[i]) || !s[i])
            return 0;
    return 1;
}

static int gather(struct pairs *p, const struct candidate *c, size_t n, struct err *err)
{
    p->bytes.max = SIZE_MAX / 2;
    p->ends = mem_alloc(n, sizeof *p->ends);
    p->texts = mem_alloc(n, sizeof *p->texts);
    p->which = mem_alloc(n, sizeof *p->which);
    p->scores = mem_alloc(n, sizeof *p->scores);
    p->cut = mem_alloc(n, 1);
    if (!p->ends || !p->texts || !p->which || !p->scores || !p->cut)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const struct prompt_passage *t = &c[i].text;

        if (is_blank(t->title, t->n_title) && is_blank(t->text, t->n_text))
            continue; /* stays what could not be read */
        buf_add(&p->bytes, t->title, t->n_title);
        if (t->n_title)
            buf_putc(&p->bytes, '\n');
        buf_add(&p->bytes, t->text, t->n_text);
        p->which[p->n] = i;
        p->ends[p->n++] = p->bytes.len;
    }
    if (buf_error(&p->bytes))
        return err_nomem(err);
    for (size_t i = 0; i < p->n; i++) { /* the bytes do not move any more */
        const size_t begin = i ? p->ends[i - 1] : 0;

        p->texts[i] = (struct model_text){p->bytes.data + begin, p->ends[i] - begin};
    }
    return 0;
}

/* Cutting is longest first (model/pair.h): half of what a pair has room for is never taken from a query. */
static void note_query(struct reranker *r, const struct model *m, size_t n_query)
{
    const size_t half = ((size_t)model_max_tokens(m) - 3) / 2;

    if (n_query > half)
        buf_printf(&r->note, "the query has %zu tokens; before a long passage %zu are read",
                   n_query, half);
}

static int cross_run(void *self, struct reranker *r, struct candidate *candidates, size_t n,
                     const char *query, struct err *err)
{
    struct cross *c = self;
    struct pairs p = {0};
    size_t n_query = 0;
    int rc = gather(&p, candidates, n, err);

    if (!rc)
        rc = model_score_pairs(p.scores, p.cut, &n_query, c->model, r->pool,
                               (struct model_text){query, strlen(query)}, p.texts, p.n, err);
    for (size_t i = 0; i < p.n && !rc; i++) {
        candidates[p.which[i]].read = p.scores[i];
        candidates[p.which[i]].cut = p.cut[i];
    }
    if (!rc)
        note_query(r, c->model, n_query);
    pairs_clear(&p);
    return rc;
}

const struct rerank_method rerank_cross_encoder = {
    .name = "cross-encoder",
    .about = "Reads the query and each candidate together with a BERT that was trained to rank "
             "(BertForSequenceClassification, as the ms-marco models are). Accurate where it was "
             "trained, and each candidate costs a pass. Needs a model: cross-encoder:FOLDER.",
    .any_order = 1,
    .open = cross_open,
    .run = cross_run,
    .close = cross_close,
};
