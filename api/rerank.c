/* rerank.c -- see rerank.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rerank.h"

#include <math.h>
#include <string.h>

#include "api/candidates.h"
#include "api/handle.h"
#include "base/file.h"
#include "model/model.h"

#define LEAST_SHARE 0.005f /* of a word that is told: it is printed as 0.01 */

enum { DEPTH = 20, DEPTH_STORED = 100, WORDS = 10 };

/* ---- METHOD[:MODEL[:PROFILE]] ---- */

static const struct rerank_method *find_method(const char *name, size_t n)
{
    for (const struct rerank_method *const *m = rerank_methods; *m; m++)
        if (strlen((*m)->name) == n && !memcmp((*m)->name, name, n))
            return *m;
    return NULL;
}

static int unknown_method(const char *name, size_t n, struct err *err)
{
    struct buf known = {0};
    int rc;

    for (const struct rerank_method *const *m = rerank_methods; *m; m++)
        buf_printf(&known, "%s%s", m == rerank_methods ? "" : ", ", (*m)->name);
    rc = buf_error(&known)
             ? err_nomem(err)
             : err_set(err, E_INVALID, "there is no re-ranking by '%.*s'; there are %s",
                       n < 60 ? (int)n : 60, name, buf_text(&known));
    buf_clear(&known);
    return rc;
}

int rerank_choice_parse(struct rerank_choice *out, const char *text, struct err *err)
{
    const size_t n = strcspn(text, ":");
    char *colon;

    *out = (struct rerank_choice){.method = find_method(text, n)};
    if (!out->method)
        return unknown_method(text, n, err);
    if (!text[n])
        return 0;
    out->memory = mem_strdup(text + n + 1);
    if (!out->memory)
        return err_nomem(err);
    colon = strrchr(out->memory, ':');
    if (colon && !(model_is_path(out->memory) && file_exists(out->memory))) {
        *colon = '\0';
        out->profile = colon + 1;
    }
    out->model = *out->memory ? out->memory : NULL;
    if ((out->profile && !*out->profile) || (!out->model && !out->profile)) {
        rerank_choice_clear(out);
        return err_set(err, E_INVALID,
                       "'%.100s' ends with nothing: write METHOD, METHOD:MODEL, "
                       "METHOD:MODEL:PROFILE or METHOD::PROFILE",
                       text);
    }
    return 0;
}

void rerank_choice_clear(struct rerank_choice *c)
{
    mem_free(c->memory);
    *c = (struct rerank_choice){0};
}

int rerank_default_depth(const struct rerank_method *m)
{
    return m->wants_keys ? DEPTH_STORED : DEPTH;
}

/* ---- the reranker of a handle ---- */

struct reranking {
    char *what;        /* as the options said it, */
    char *block_cache; /* and this, or NULL */
    int block_megabytes;
    float first;
    int keys;     /* index_profile_version when it was opened */
    int is_fused; /* 1: behind hybrid retrieval */
    int attended; /* 1: it tells what queries attend to */
    struct reranker *reranker;
    struct pool *pool; /* of its own if the handle has none */
};

void reranking_close(struct reranking *r)
{
    if (!r)
        return;
    reranker_close(r->reranker);
    pool_free(r->pool);
    mem_free(r->what);
    mem_free(r->block_cache);
    mem_free(r);
}

static int open_reranking(struct reranking *r, fovea *q, const fovea_search_options *opt)
{
    struct rerank_choice choice = {0};
    struct rerank_options ro = {.stored = index_profile(q->ix),
                                .stored_path = index_profile_path(q->ix),
                                .precision = q->precision,
                                .pool = q->pool};
    int rc = rerank_choice_parse(&choice, opt->rerank, &q->err);

    if (rc)
        return rc;
    if (!q->pool && q->threads != 1) {
        rc = pool_new(&r->pool, q->threads, &q->err);
        ro.pool = r->pool;
    }
    ro.attended = r->attended;
    ro.method = choice.method->name;
    ro.model = choice.model;
    ro.profile = choice.profile;
    /* 0 = what the profile says; below = really none */
    ro.first_stage = opt->rerank_first > 0 ? opt->rerank_first : opt->rerank_first < 0 ? 0 : -1;
    ro.first_is_fused = r->is_fused;
    ro.cache_dir = r->block_cache;
    ro.cache_dir_bytes = (uint64_t)r->block_megabytes << 20;
    rc = rc ? rc : reranker_open(&r->reranker, &ro, &q->err);
    rerank_choice_clear(&choice);
    return rc;
}

static int same_text(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

/* Does it do what the options want? */
static int serves(const struct reranking *r, const fovea *q, const fovea_search_options *opt)
{
    return !strcmp(r->what, opt->rerank) && r->first == opt->rerank_first &&
           same_text(r->block_cache, opt->block_cache) &&
           r->block_megabytes == opt->block_cache_megabytes &&
           r->is_fused == !strcmp(opt->system, "hybrid") && r->attended >= (opt->explain != 0) &&
           r->keys == index_profile_version(q->ix);
}

static int new_reranking(struct reranking **out, const fovea *q, const fovea_search_options *opt)
{
    struct reranking *r = mem_zalloc(1, sizeof *r);

    *out = r;
    if (!r || !(r->what = mem_strdup(opt->rerank)) ||
        (opt->block_cache && !(r->block_cache = mem_strdup(opt->block_cache))))
        return E_NOMEM;
    r->first = opt->rerank_first;
    r->block_megabytes = opt->block_cache_megabytes;
    r->keys = index_profile_version(q->ix);
    r->is_fused = !strcmp(opt->system, "hybrid");
    r->attended = opt->explain != 0;
    return 0;
}

/* The handle's reranker as the options want it. */
static int find_reranking(struct reranker **out, fovea *q, const fovea_search_options *opt)
{
    struct reranking *r = q->reranking;
    int rc;

    if (r && serves(r, q, opt)) {
        *out = r->reranker;
        return 0;
    }
    reranking_close(r);
    q->reranking = NULL;
    if (new_reranking(&r, q, opt)) {
        reranking_close(r);
        return err_nomem(&q->err);
    }
    rc = open_reranking(r, q, opt);
    if (rc) {
        reranking_close(r);
        return rc;
    }
    q->reranking = r;
    *out = r->reranker;
    return 0;
}

/* ---- candidates ---- */

static int read_candidates(struct candidate *c, size_t *n_missing, const struct hits *hits,
                           size_t n, fovea *q, const struct reranking *to, struct arena *memory)
{
    struct candidate_reader r;
    int rc = 0;

    candidates_begin(&r, q->ix, to->reranker, memory);
    r.wants_text = to->attended;
    for (size_t i = 0; i < n && !rc; i++) {
        const struct hit *hit = &hits->hits[i];

        c[i] = (struct candidate){
            .docno = hit->docno, .text = {"", 0, "", 0}, .first = hit->score, .at = i};
        rc = candidate_read(&c[i], &r, index_segment(q->ix, hit->segment), hit->passage,
                            hit->document, &q->err);
    }
    *n_missing = r.n_missing;
    candidates_end(&r);
    return rc;
}

/* ---- the new order ---- */

/* said[i].rank of candidates [n], sorted, by what the model alone says; 0 of what it could not read. */
static void rank_readings(struct rerank_said *said, const struct candidate *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t above = 0;

        for (size_t k = 0; k < n; k++)
            above += c[k].read > c[i].read || (k < i && c[k].read == c[i].read);
        said[i].rank = isfinite(c[i].read) ? (int)above + 1 : 0;
    }
}

float rerank_score(const struct candidate *c, size_t n, size_t i)
{
    size_t last = n;

    if (i < n && isfinite(c[i].score))
        return c[i].score;
    while (last && !isfinite(c[last - 1].score))
        last--;
    return (last ? c[last - 1].score : 0) - 1 - (i < n ? 0 : (float)(i - n + 1));
}

/* "attends to retina 0.21, fovea 0.12" in the arena; NULL if the method does not tell, or memory is out. */
static const char *write_attended(const struct candidate *c, struct arena *memory)
{
    struct buf text = {0};
    const char *line = NULL;

    for (size_t i = 0; i < c->n_attended && i < WORDS; i++) {
        const struct attended *w = &c->attended[i];

        if (i && w->share < LEAST_SHARE)
            break;
        const int in_title = w->begin < c->text.n_title;
        const size_t shift = in_title ? 0 : c->text.n_title + 1;

        buf_printf(&text, "%s%.*s %.2f", i ? ", " : "attends to ", (int)(w->end - w->begin),
                   (in_title ? c->text.title : c->text.text) + w->begin - shift, (double)w->share);
    }
    if (text.len && !buf_error(&text))
        line = arena_dup(memory, text.data, text.len);
    buf_clear(&text);
    return line;
}

/* Puts hits in the order of candidates [n], the others behind them; of none, all stay as they are. */
static int order_hits(struct rerank_said *said, struct hits *hits, const struct candidate *c,
                      size_t n, struct arena *memory, struct err *err)
{
    struct hit *old = mem_alloc(hits->n, sizeof *old);

    if (!old)
        return err_nomem(err);
    memcpy(old, hits->hits, hits->n * sizeof *old);
    for (size_t i = 0; i < hits->n; i++) {
        const size_t from = i < n ? c[i].at : i;

        hits->hits[i] = old[from];
        hits->hits[i].score = n ? rerank_score(c, n, i) : old[from].score;
        said[i] = (struct rerank_said){.first_rank = (int)from + 1,
                                       .first_score = old[from].score,
                                       .read = i < n && isfinite(c[i].read) ? c[i].read : 0};
        said[i].cut = i < n && c[i].cut;
        if (i < n && c[i].n_attended && !(said[i].attended = write_attended(&c[i], memory))) {
            mem_free(old);
            return err_nomem(err);
        }
    }
    mem_free(old);
    rank_readings(said, c, n);
    return 0;
}

/* Re-ranks candidates [n] of hits by the words of the query. */
static int rerank_first_n(struct rerank_said *said, size_t *n_missing, struct hits *hits, size_t n,
                          fovea *q, const char *query, struct arena *memory)
{
    const struct reranking *to = q->reranking;
    struct arena texts = {0};
    struct candidate *c = mem_alloc(n, sizeof *c);
    int rc = c ? read_candidates(c, n_missing, hits, n, q, to, &texts) : err_nomem(&q->err);

    if (!rc && n)
        rc = reranker_run(to->reranker, c, n, query, &q->err);
    if (!rc)
        rc = order_hits(said, hits, c, n, memory, &q->err);
    mem_free(c);
    arena_clear(&texts);
    return rc;
}

/* What people should know about the run over n candidates. */
static int write_note(const char **note, const struct reranker *r, size_t n, size_t n_missing,
                      struct arena *memory, struct err *err)
{
    struct buf text = {0};

    if (!n)
        buf_puts(&text, "the query is empty: nothing is re-ranked");
    else
        buf_puts(&text, reranker_note(r));
    if (n && reranker_n_cut(r))
        buf_printf(&text, "%sof %zu of %zu passages only the beginning is read",
                   text.len ? "; " : "", reranker_n_cut(r), n);
    if (n_missing)
        buf_printf(&text,
                   "%s%zu of %zu passages have no stored keys and were read now; 'fovea attend' "
                   "stores them",
                   text.len ? "; " : "", n_missing, n);
    *note = buf_error(&text) ? NULL : arena_dup(memory, buf_text(&text), text.len);
    buf_clear(&text);
    return *note ? 0 : err_nomem(err);
}

int rerank_hits(const struct rerank_said **said, const char **note, struct hits *hits,
                struct arena *memory, fovea *q, const char *query, const fovea_search_options *opt)
{
    struct rerank_said *all = NULL;
    struct question words = {
        0}; /* models read a question without its operators, as the dense leg does */
    struct reranker *r = NULL;
    size_t n = 0, n_missing = 0;
    int rc = find_reranking(&r, q, opt);

    *note = "";
    if (rc || !hits->n)
        return rc;
    rc = query_parse(&words, query, opt->syntax, &q->err);
    if (rc)
        return rc;
    if (!reranker_is_empty(words.text))
        n = hits->n < (size_t)opt->rerank_depth ? hits->n : (size_t)opt->rerank_depth;
    all = arena_alloc(memory, hits->n * sizeof *all);
    rc = all ? rerank_first_n(all, &n_missing, hits, n, q, words.text, memory) : err_nomem(&q->err);
    *said = all;
    rc = rc ? rc : write_note(note, r, n, n_missing, memory, &q->err);
    query_clear(&words);
    return rc;
}
