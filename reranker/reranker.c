/* reranker.c -- the table of re-ranking methods and the way into it: profile, fusion with the first stage, order. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reranker/reranker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "reranker/reranker_inside.h"

const struct rerank_method *const rerank_methods[] = {&rerank_icr, &rerank_icr_blocks,
                                                      &rerank_stored, &rerank_cross_encoder, NULL};

/* ---- opening ---- */

static const struct rerank_method *find_method(const char *name)
{
    for (const struct rerank_method *const *m = rerank_methods; *m; m++)
        if (name && !strcmp((*m)->name, name))
            return *m;
    return NULL;
}

static int unknown_method(const char *name, struct err *err)
{
    struct buf known = {0};
    int rc;

    for (const struct rerank_method *const *m = rerank_methods; *m; m++)
        buf_printf(&known, "%s%s", m == rerank_methods ? "" : ", ", (*m)->name);
    rc = buf_error(&known)
             ? err_nomem(err)
             : err_set(err, E_INVALID, "there is no re-ranking by '%.40s'; there are %s",
                       name ? name : "", buf_text(&known));
    buf_clear(&known);
    return rc;
}

int reranker_open(struct reranker **out, const struct rerank_options *opt, struct err *err)
{
    const struct rerank_method *method = find_method(opt->method);
    struct reranker *r;
    int rc;

    if (!method)
        return unknown_method(opt->method, err);
    r = mem_zalloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    r->method = method;
    r->pool = opt->pool;
    r->attended = opt->attended;
    rc = method->open(&r->self, r, opt, err);
    if (!rc && (buf_error(&r->describe)))
        rc = err_nomem(err);
    if (rc) {
        reranker_close(r);
        return rc;
    }
    r->first_stage = opt->first_stage >= 0 ? (double)opt->first_stage
                     : !r->profile         ? 0
                     : opt->first_is_fused ? r->profile->first_stage_fused
                                           : r->profile->first_stage;
    *out = r;
    return 0;
}

void reranker_close(struct reranker *r)
{
    if (!r)
        return;
    if (r->self)
        r->method->close(r->self);
    profile_free(r->profile);
    arena_clear(&r->memory);
    buf_clear(&r->note);
    buf_clear(&r->describe);
    mem_free(r);
}

/* ---- running ---- */

static int compare(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int order;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    order = strcmp(y->docno, x->docno);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Mean and deviation of finite numbers of candidates. */
struct spread {
    double mean, deviation;
    size_t n;
};

static void spread_add(struct spread *s, double x)
{
    s->n++;
    s->mean += x;
    s->deviation += x * x;
}

static void spread_end(struct spread *s)
{
    if (!s->n)
        return;
    s->mean /= (double)s->n;
    s->deviation = sqrt(fmax(s->deviation / (double)s->n - s->mean * s->mean, 0));
}

static double standard(const struct spread *s, double x)
{
    return s->deviation > 1e-12 * (1 + fabs(s->mean)) ? (x - s->mean) / s->deviation : 0;
}

/* score = standardised reading + weight * standardised first stage.  What could not be read (-inf) stays last. */
static void fuse(const struct reranker *r, struct candidate *c, size_t n)
{
    struct spread read = {0}, first = {0};

    for (size_t i = 0; i < n; i++) {
        if (isfinite(c[i].read))
            spread_add(&read, (double)c[i].read);
        spread_add(&first, (double)c[i].first);
    }
    spread_end(&read);
    spread_end(&first);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(c[i].read))
            c[i].score = -INFINITY; /* NaN has no place in an order */
        else if (r->first_stage == 0)
            c[i].score = c[i].read;
        else
            c[i].score = (float)(standard(&read, (double)c[i].read) +
                                 r->first_stage * standard(&first, (double)c[i].first));
    }
}

/* What candidates [n] have been read of. */
static void count_unread(struct reranker *r, const struct candidate *c, size_t n)
{
    size_t n_empty = 0;

    for (size_t i = 0; i < n; i++) {
        r->n_cut += c[i].cut != 0;
        n_empty += isfinite(c[i].read) ? 0 : 1;
    }
    if (n_empty)
        buf_printf(&r->note, "%sof %zu of %zu passages there is nothing to read",
                   r->note.len ? "; " : "", n_empty, n);
}

static int compare_text(const char *a, size_t n_a, const char *b, size_t n_b)
{
    const int order = memcmp(a, b, n_a < n_b ? n_a : n_b);

    return order ? order : (n_a > n_b) - (n_a < n_b);
}

/* By the first stage, then by what they are; passages of a document that come with keys alone differ in these. */
static int by_first_stage(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int order;

    if (x->first != y->first)
        return x->first > y->first ? -1 : 1;
    if ((order = strcmp(y->docno, x->docno)) ||
        (order = compare_text(x->text.title, x->text.n_title, y->text.title, y->text.n_title)))
        return order;
    if ((order = compare_text(x->text.text, x->text.n_text, y->text.text, y->text.n_text)))
        return order;
    if (!x->keys || !y->keys)
        return (x->keys != NULL) - (y->keys != NULL);
    return compare_text((const char *)x->keys, x->n_keys, (const char *)y->keys, y->n_keys);
}

/* Blanks of any script, controls, and marks without width: nobody asks anything with these. */
static int is_nothing(uint32_t cp)
{
    return cp <= 0x20 || (cp >= 0x7f && cp <= 0xa0) || cp == 0xad || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202f) ||
           (cp >= 0x205f && cp <= 0x2064) || cp == 0x3000 || cp == 0xfeff;
}

int reranker_is_empty(const char *query)
{
    size_t n = strlen(query);
    uint32_t cp;

    while (n) {
        const size_t len = (size_t)utf8_decode(&cp, query, n);

        if (!is_nothing(cp))
            return 0;
        query += len;
        n -= len;
    }
    return 1;
}

int reranker_run(struct reranker *r, struct candidate *candidates, size_t n, const char *query,
                 struct err *err)
{
    int rc;

    buf_reset(&r->note);
    r->n_cut = 0;
    arena_clear(&r->memory);
    if (reranker_is_empty(query))
        return err_set(err, E_INVALID, "the query is empty");
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(candidates[i].first))
            return err_set(err, E_INVALID, "the first stage's score of '%.100s' is not a number",
                           candidates[i].docno);
        candidates[i].cut = 0;
        candidates[i].attended = NULL;
        candidates[i].n_attended = 0;
        candidates[i].read = -INFINITY;
    }
    if (r->method->any_order)
        qsort(candidates, n, sizeof *candidates, by_first_stage);
    rc = n ? r->method->run(r->self, r, candidates, n, query, err) : 0;
    if (!rc)
        count_unread(r, candidates, n);
    if (!rc && buf_error(&r->note))
        rc = err_nomem(err);
    if (rc)
        return rc;
    fuse(r, candidates, n);
    qsort(candidates, n, sizeof *candidates, compare);
    return 0;
}

/* ---- what it is ---- */

const char *reranker_note(const struct reranker *r)
{
    return r->note.len ? buf_text(&r->note) : "";
}
size_t reranker_n_cut(const struct reranker *r) { return r->n_cut; }
const char *reranker_method(const struct reranker *r) { return r->method->name; }
const char *reranker_describe(const struct reranker *r) { return buf_text(&r->describe); }
const struct profile *reranker_profile(const struct reranker *r) { return r->profile; }
int reranker_wants_keys(const struct reranker *r) { return r->method->wants_keys; }

const char *reranker_profile_name(const struct profile *p) { return p ? p->name : NULL; }

int reranker_takes_keys(const struct reranker *r, const struct profile *made_for)
{
    const struct profile *p = r->profile;
    int same = r->method->wants_keys && p && made_for && !strcmp(p->sha256, made_for->sha256) &&
               p->bits == made_for->bits && p->n_heads == made_for->n_heads &&
               p->is_calibrated == made_for->is_calibrated &&
               (!p->is_calibrated || p->wants == made_for->wants);

    for (int i = 0; same && i < p->n_heads; i++)
        same = p->heads[i].layer == made_for->heads[i].layer &&
               p->heads[i].head == made_for->heads[i].head;
    return same;
}
