/* hits.c -- fovea_search: retrieves, then reads what a person or a program wants to see of
 * each hit.  All strings of a result live in one arena and are freed with it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api/fovea.h"
#include "api/handle.h"
#include "api/rerank.h"
#include "api/snippet.h"
#include "base/mem.h"
#include "retriever/retriever.h"

_Static_assert((int)FOVEA_PLAIN == QUERY_PLAIN && (int)FOVEA_OPERATORS == QUERY_OPERATORS,
               "the syntaxes of fovea.h and retriever.h differ");

enum {
    SNIPPET_BYTES = 300,
    SNIPPET_MAX = 65536,
    RERANK_MAX = 10000,
    CACHE_MAX = 1 << 20,
    HITS = 10
};

struct fovea_hits {
    fovea_hit *hits; /* [n], in the arena */
    size_t n;
    const char *system;
    const char *reranker, *note; /* "" without re-ranking */
    struct arena memory;
};

/* What filling the hits of one search needs. */
struct filling {
    fovea *q;
    fovea_hits *out;
    struct snippet_words words; /* of the query */
    struct buf text;            /* of the document at hand */
    size_t snippet_bytes;
    int explain;
    const struct rerank_said *said; /* of every hit, or NULL */
};

static char *keep(struct arena *a, const char *s) { return arena_dup(a, s, strlen(s)); }

static int fill_legs(fovea_hit *to, const struct hit *from, const struct hits *all,
                     const struct rerank_said *said, struct filling *f)
{
    struct arena *memory = &f->out->memory;
    const size_t n = (size_t)all->n_legs;
    fovea_leg *legs = arena_alloc(memory, (n + 1) * sizeof *legs);

    if (!legs)
        return err_nomem(&f->q->err);
    for (size_t i = 0; i < n; i++) {
        legs[i].name = keep(memory, all->leg_names[i]);
        if (!legs[i].name)
            return err_nomem(&f->q->err);
        legs[i].rank = from->legs[i].rank;
        legs[i].score = from->legs[i].score;
        legs[i].part = from->legs[i].part;
    }
    if (said) {
        to->first_rank = said->first_rank;
        to->first_score = said->first_score;
        to->cut = said->cut;
        legs[n] = (fovea_leg){f->out->reranker, said->rank, said->read, from->score};
    }
    to->legs = legs;
    to->n_legs = n + (said ? 1 : 0);
    return 0;
}

/* The explanation of the first stage, below what re-ranking said. */
static int fill_explain(fovea_hit *to, const struct hit *from, const struct rerank_said *said,
                        struct filling *f)
{
    struct buf text = {0};

    if (said && said->rank)
        buf_printf(&text, "%s: reading %.4f, rank %d; first stage %.4f, rank %d\n",
                   f->out->reranker, (double)said->read, said->rank, (double)said->first_score,
                   said->first_rank);
    else if (said)
        buf_printf(&text, "%s: not read; first stage %.4f, rank %d\n", f->out->reranker,
                   (double)said->first_score, said->first_rank);
    if (said && said->attended)
        buf_printf(&text, "%s\n", said->attended);
    buf_puts(&text, from->explain);
    to->explain = buf_error(&text) ? NULL : keep(&f->out->memory, buf_text(&text));
    buf_clear(&text);
    return to->explain ? 0 : err_nomem(&f->q->err);
}

/* The matches of text that lie in [begin, end), counted from begin. */
static int keep_spans(const fovea_span **out, size_t *n_out, const struct match *m, size_t n,
                      size_t begin, size_t end, struct arena *memory)
{
    fovea_span *spans = NULL;
    size_t k = 0;

    if (n && !(spans = arena_alloc(memory, n * sizeof *spans)))
        return E_NOMEM;
    for (size_t i = 0; i < n; i++)
        if (m[i].begin >= begin && m[i].end <= end)
            spans[k++] = (fovea_span){m[i].begin - begin, m[i].end - begin};
    *out = spans;
    *n_out = k;
    return 0;
}

static int fill_snippet(fovea_hit *hit, size_t n_text, const struct filling *f)
{
    struct analyzer *a = index_analyzer(f->q->ix);
    struct arena *memory = &f->out->memory;
    struct err *err = &f->q->err;
    struct match *m;
    size_t n, begin, end;
    char *snippet;
    int rc = snippet_matches(&m, &n, memory, &f->words, a, hit->text, n_text, err);

    if (rc)
        return rc;
    snippet_choose(&begin, &end, hit->text, n_text, f->snippet_bytes, m, n);
    snippet = arena_dup(memory, hit->text + begin, end - begin);
    if (!snippet || keep_spans(&hit->matches, &hit->n_matches, m, n, begin, end, memory))
        return err_nomem(err);
    snippet_flatten(snippet, end - begin);
    hit->snippet = snippet;
    hit->snippet_begin = begin;
    n_text = strlen(hit->title);
    rc = snippet_matches(&m, &n, memory, &f->words, a, hit->title, n_text, err);
    if (rc)
        return rc;
    return keep_spans(&hit->title_matches, &hit->n_title_matches, m, n, 0, n_text, memory)
               ? err_nomem(err)
               : 0;
}

static int fill_headings(fovea_hit *to, const char *text, struct span span, struct filling *f)
{
    struct buf headings = {0};
    int rc = index_passage_headings(&headings, f->q->ix, text, span, &f->q->err);

    if (!rc && !(to->headings = keep(&f->out->memory, buf_text(&headings))))
        rc = err_nomem(&f->q->err);
    buf_clear(&headings);
    return rc;
}

/* Title, headings, passage and snippet of a hit. */
static int fill_text(fovea_hit *to, const struct hit *from, struct filling *f)
{
    struct arena *memory = &f->out->memory;
    struct index *ix = f->q->ix;
    struct err *err = &f->q->err;
    struct span span;
    struct doc doc;
    int rc = index_document(&doc, &f->text, ix, from->document, err);

    if (!rc)
        rc = index_passage_span(&span, ix, index_segment(ix, from->segment), from->passage, err);
    if (rc)
        return rc;
    if (span.begin > span.end || span.end > strlen(doc.text))
        return err_set(
            err, E_FORMAT,
            "%s: document '%s': a passage ends beyond the text; 'fovea check' tells more",
            index_path(ix), doc.docno);
    to->text = arena_dup(memory, doc.text + span.begin, span.end - span.begin);
    to->title = keep(memory, doc.title);
    to->meta = doc.meta ? keep(memory, doc.meta) : NULL;
    if (!to->text || !to->title || (doc.meta && !to->meta))
        return err_nomem(err);
    to->passage = (fovea_span){span.begin, span.end};
    rc = fill_headings(to, doc.text, span, f);
    return rc ? rc : fill_snippet(to, span.end - span.begin, f);
}

static int fill_hit(fovea_hit *to, const struct hits *all, size_t i, int fields, struct filling *f)
{
    struct arena *memory = &f->out->memory;
    const struct hit *from = &all->hits[i];
    const struct rerank_said *said = f->said ? &f->said[i] : NULL;
    int rc = fill_legs(to, from, all, said, f);

    if (rc)
        return rc;
    to->rank = (int)i + 1;
    to->score = from->score;
    to->title = to->headings = to->text = to->snippet = "";
    to->docno = keep(memory, from->docno);
    if (!to->docno)
        return err_nomem(&f->q->err);
    if (f->explain && from->explain && (rc = fill_explain(to, from, said, f)))
        return rc;
    return fields == FOVEA_DOCNOS ? 0 : fill_text(to, from, f);
}

/* Those of re-ranking, with their defaults. */
static int read_rerank(fovea_search_options *opt, struct err *err)
{
    struct rerank_choice choice = {0};
    int rc;

    if (!opt->rerank)
        return 0;
    if (opt->rerank_depth < 0 || opt->rerank_depth > RERANK_MAX)
        return err_set(err, E_INVALID, "options.rerank_depth is %d: use 0 to %d", opt->rerank_depth,
                       RERANK_MAX);
    if (!(opt->rerank_first > -1e6f && opt->rerank_first < 1e6f)) /* false for NaN */
        return err_set(err, E_INVALID, "options.rerank_first is not a moderate number");
    if (opt->block_cache_megabytes < 0 || opt->block_cache_megabytes > CACHE_MAX)
        return err_set(err, E_INVALID, "options.block_cache_megabytes is %d: use 0 to %d",
                       opt->block_cache_megabytes, CACHE_MAX);
    rc = rerank_choice_parse(&choice, opt->rerank, err);
    if (rc)
        return rc;
    if (!opt->rerank_depth)
        opt->rerank_depth = rerank_default_depth(choice.method);
    if (!opt->k)
        opt->k = HITS;
    rerank_choice_clear(&choice);
    return 0;
}

/* The caller's options as the retriever wants them. */
static int read_options(struct retrieve_options *ro, fovea_search_options *opt, fovea *q,
                        const fovea_search_options *given)
{
    int rc = handle_options(opt, sizeof *opt, given, &q->err);

    if (rc)
        return rc;
    if (opt->fields != FOVEA_FULL && opt->fields != FOVEA_DOCNOS)
        return err_set(&q->err, E_INVALID, "options.fields is %d: use FOVEA_FULL or FOVEA_DOCNOS",
                       opt->fields);
    if (opt->syntax != FOVEA_PLAIN && opt->syntax != FOVEA_OPERATORS)
        return err_set(&q->err, E_INVALID,
                       "options.syntax is %d: use FOVEA_PLAIN or FOVEA_OPERATORS", opt->syntax);
    if (!opt->snippet_bytes)
        opt->snippet_bytes = SNIPPET_BYTES;
    if (opt->snippet_bytes > SNIPPET_MAX)
        return err_set(&q->err, E_INVALID, "options.snippet_bytes is %zu: use 0 to %d",
                       opt->snippet_bytes, SNIPPET_MAX);
    if ((rc = read_rerank(opt, &q->err)))
        return rc;
    if (!opt->system)
        opt->system = index_vector_dim(q->ix) > 0 ? "hybrid" : "bm25";
    *ro = (struct retrieve_options){
        .system = opt->system,
        .k = opt->rerank && opt->k >= 0 && opt->rerank_depth > opt->k ? opt->rerank_depth : opt->k,
        .k1 = opt->k1,
        .b = opt->b,
        .fusion = opt->fusion,
        .weights = {opt->weights[0], opt->weights[1], opt->sparse_weight},
        .depth = opt->depth,
        .by_passage = opt->by_passage,
        .explain = opt->explain,
        .where = opt->where,
        .ef = opt->ef,
        .syntax = opt->syntax,
    };
    return 0;
}

/* Fills a result with what was found. */
static int fill_hits(struct filling *f, struct hits *hits, const char *query,
                     const fovea_search_options *opt)
{
    fovea_hits *r = f->out;
    struct err *err = &f->q->err;
    size_t n;
    int rc = 0;

    r->reranker = r->note = "";
    r->system = keep(&r->memory, opt->system);
    if (r->system && opt->rerank)
        r->reranker = arena_dup(&r->memory, opt->rerank, strcspn(opt->rerank, ":"));
    if (!r->system || !r->reranker)
        return err_nomem(err);
    if (opt->rerank)
        rc = rerank_hits(&f->said, &r->note, hits, &r->memory, f->q, query, opt);
    if (rc)
        return rc;
    n = opt->rerank && hits->n > (size_t)opt->k ? (size_t)opt->k : hits->n;
    r->hits = n ? arena_alloc(&r->memory, n * sizeof *r->hits) : NULL;
    if (n && !r->hits)
        return err_nomem(err);
    if (n)
        memset(r->hits, 0, n * sizeof *r->hits);
    if (opt->fields == FOVEA_FULL)
        rc = snippet_words(&f->words, index_analyzer(f->q->ix), query, opt->syntax, err);
    for (size_t i = 0; i < n && !rc; i++) {
        rc = fill_hit(&r->hits[i], hits, i, opt->fields, f);
        r->n = i + 1;
    }
    return rc;
}

int fovea_search(fovea_hits **out, fovea *q, const char *query, const fovea_search_options *given)
{
    struct filling f = {.q = q};
    struct retrieve_options ro;
    fovea_search_options opt;
    struct hits hits = {0};
    int rc = handle_begin(q);

    assert(out && query);
    *out = NULL;
    if (rc || (rc = read_options(&ro, &opt, q, given)))
        return rc;
    rc = retrieve(&hits, q->ix, query, &ro, &q->err);
    if (rc)
        return rc;
    f.out = mem_zalloc(1, sizeof *f.out);
    f.snippet_bytes = opt.snippet_bytes;
    f.explain = opt.explain;
    rc = f.out ? fill_hits(&f, &hits, query, &opt) : E_NOMEM;
    if (rc == E_NOMEM)
        err_nomem(&q->err);
    if (rc) {
        fovea_hits_free(f.out);
        f.out = NULL;
    }
    snippet_words_clear(&f.words);
    buf_clear(&f.text);
    hits_clear(&hits);
    *out = f.out;
    return rc;
}

size_t fovea_hits_count(const fovea_hits *hits) { return hits ? hits->n : 0; }

const fovea_hit *fovea_hits_get(const fovea_hits *hits, size_t i)
{
    return hits && i < hits->n ? &hits->hits[i] : NULL;
}

const char *fovea_hits_system(const fovea_hits *hits) { return hits ? hits->system : ""; }
const char *fovea_hits_reranker(const fovea_hits *hits) { return hits ? hits->reranker : ""; }
const char *fovea_hits_note(const fovea_hits *hits) { return hits ? hits->note : ""; }

void fovea_hits_free(fovea_hits *hits)
{
    if (!hits)
        return;
    arena_clear(&hits->memory);
    mem_free(hits);
}
