/* pair.c -- the tokens of a pair, and the head that makes a number of them; see pair.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pair.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/bind.h"

enum { LABELS = 2 }; /* at most */

struct pair_head {
    const struct kernels *kernels;
    struct gemm_lib *lib;
    int D, n_labels;
    struct linear *pooler; /* [D, D] */
    float *classifier;     /* [n_labels, D] */
    float bias[LABELS];
};

struct pair_scratch {
    float *h; /* [GEMM_ROWS, D] */
    struct linear_scratch *linear;
};

/* ---- opening ---- */

/* The classifier's labels are the rows that its matrix has. */
static int count_labels(int *out, const struct binder *b, int D)
{
    const struct tensor *t = NULL;
    int rc = bind_find(&t, b, -1, D, "classifier", ".weight");

    if (rc)
        return rc;
    if (t->shape[0] != 1 && t->shape[0] != LABELS)
        return err_set(b->err, E_INVALID,
                       "the classifier has %lld labels: only one with one label, or two, ranks",
                       (long long)t->shape[0]);
    *out = (int)t->shape[0];
    return 0;
}

static int check_finite(const float *x, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return err_set(err, E_FORMAT,
                           "the classifier has numbers that are not finite; is the weights file "
                           "damaged?");
    return 0;
}

static int read_classifier(struct pair_head *h, const struct binder *b)
{
    const size_t D = (size_t)h->D;
    int rc = count_labels(&h->n_labels, b, h->D);

    if (rc)
        return rc;
    h->classifier = mem_alloc((size_t)h->n_labels * D, sizeof *h->classifier);
    if (!h->classifier)
        return err_nomem(b->err);
    rc = bind_read(h->classifier, b, h->n_labels, h->D, "classifier", ".weight");
    rc = rc ? rc : bind_read(h->bias, b, h->n_labels, 0, "classifier", ".bias");
    rc = rc ? rc : check_finite(h->classifier, (size_t)h->n_labels * D, b->err);
    return rc ? rc : check_finite(h->bias, (size_t)h->n_labels, b->err);
}

int pair_open(struct pair_head **out, const struct safetensors *st, const struct folder *cfg,
              int precision, const struct kernels *k, struct err *err)
{
    static const char *const dense[] = {"pooler.dense"};
    const struct binder plain = {st, "", err};
    struct binder b = plain;
    struct pair_head *h = mem_zalloc(1, sizeof *h);
    int rc;

    if (!h)
        return err_nomem(err);
    if (safetensors_has(st, "bert.pooler.dense.weight"))
        b.prefix = "bert.";
    h->kernels = k;
    h->D = cfg->hidden;
    rc = gemm_lib_open(&h->lib, err);
    rc = rc ? rc : bind_linear(&h->pooler, &b, h->lib, precision, h->D, h->D, dense, 1);
    rc = rc ? rc : read_classifier(h, &plain);
    if (rc) {
        pair_close(h);
        return rc;
    }
    *out = h;
    return 0;
}

void pair_close(struct pair_head *h)
{
    if (!h)
        return;
    linear_free(h->pooler);
    mem_free(h->classifier);
    gemm_lib_close(h->lib);
    mem_free(h);
}

/* ---- running ---- */

int pair_scratch_new(struct pair_scratch **out, const struct pair_head *h, struct err *err)
{
    struct pair_scratch *s = mem_zalloc(1, sizeof *s);
    int rc;

    if (!s)
        return err_nomem(err);
    s->h = mem_alloc_aligned((size_t)GEMM_ROWS * (size_t)h->D, sizeof *s->h);
    rc = s->h ? linear_scratch_new(&s->linear, h->lib, h->D, h->D, err) : err_nomem(err);
    if (rc) {
        pair_scratch_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void pair_scratch_free(struct pair_scratch *s)
{
    if (!s)
        return;
    mem_free(s->h);
    linear_scratch_free(s->linear);
    mem_free(s);
}

static void tanh_row(float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = tanhf(x[i]);
}

static double logit(const struct pair_head *h, const float *x, int label)
{
    const float *w = h->classifier + (size_t)label * (size_t)h->D;
    double sum = (double)h->bias[label];

    for (int i = 0; i < h->D; i++)
        sum += (double)w[i] * (double)x[i];
    return sum;
}

int pair_run(float *out, const struct pair_head *h, struct pair_scratch *s, const float *x, int n,
             struct err *err)
{
    const size_t D = (size_t)h->D;

    for (int at = 0; at < n; at += GEMM_ROWS) {
        const int m = n - at < GEMM_ROWS ? n - at : GEMM_ROWS;
        int rc = linear_run(s->h, h->pooler, h->kernels, s->linear, x + (size_t)at * D, m, tanh_row,
                            err);

        for (int i = 0; i < m && !rc; i++) {
            const float *row = s->h + (size_t)i * D;
            const double score =
                h->n_labels == 1 ? logit(h, row, 0) : logit(h, row, 1) - logit(h, row, 0);

            out[at + i] = (float)score;
            if (!isfinite(out[at + i]))
                rc = err_set(err, E_FORMAT,
                             "the model yields numbers that are not finite; is its weights file "
                             "damaged?");
        }
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- tokens ---- */

void pair_share(size_t *query, size_t *passage, size_t n_query, size_t n_passage, size_t room)
{
    const size_t less = room / 2, more = room - less;

    *query = n_query;
    *passage = n_passage;
    if (n_query + n_passage <= room)
        return;
    if (n_query <= n_passage) {
        *query = n_query <= less ? n_query : less;
        *passage = n_query <= less ? room - n_query : more;
    } else {
        *passage = n_passage <= less ? n_passage : less;
        *query = n_passage <= less ? room - n_passage : more;
    }
}

int pair_tokens(struct ids *out, int *second, unsigned char *cut, const struct tokenizer *t,
                const struct ids *query, struct model_text passage, size_t max, struct err *err)
{
    const size_t n_query = query->n - 2, room = max - 3, at = out->n;
    /* As many as are needed to know which of the two is longer. */
    const size_t enough = (n_query > room ? n_query : room) + 1;
    size_t n_passage, q, p;
    int rc = tokenizer_add(out, t, passage.p, passage.n, enough + 2, err), *v;

    if (rc)
        return rc;
    n_passage = out->n - at - 2;
    pair_share(&q, &p, n_query, n_passage, room);
    if (mem_reserve((void **)&out->v, &out->cap, at + q + p + 3, sizeof *out->v))
        return err_nomem(err);
    v = out->v + at;
    memmove(v + q + 2, v + 1, p * sizeof *v);
    memcpy(v, query->v, (q + 1) * sizeof *v);
    v[q + 1] = v[q + 2 + p] = query->v[query->n - 1];
    out->n = at + q + p + 3;
    *second = (int)(q + 2);
    *cut = p < n_passage;
    return 0;
}
