/* hits.c -- fovea_search: retrieves, then reads what a person or a program wants to see of
 * each hit.  All strings of a result live in one arena and are freed with it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api/fovea.h"
#include "api/handle.h"
#include "api/snippet.h"
#include "base/mem.h"
#include "retriever/retriever.h"

_Static_assert((int)FOVEA_PLAIN == QUERY_PLAIN && (int)FOVEA_OPERATORS == QUERY_OPERATORS,
               "the syntaxes of fovea.h and retriever.h differ");

enum { SNIPPET_BYTES = 300, SNIPPET_MAX = 65536 };

struct fovea_hits {
    fovea_hit *hits; /* [n], in the arena */
    size_t n;
    const char *system;
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
};

static char *keep(struct arena *a, const char *s) { return arena_dup(a, s, strlen(s)); }

static int fill_legs(fovea_hit *to, const struct hit *from, const struct hits *all,
                     struct arena *memory, struct err *err)
{
    const size_t n = (size_t)all->n_legs;
    fovea_leg *legs = arena_alloc(memory, n * sizeof *legs);

    if (!legs)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        legs[i].name = keep(memory, all->leg_names[i]);
        if (!legs[i].name)
            return err_nomem(err);
        legs[i].rank = from->legs[i].rank;
        legs[i].score = from->legs[i].score;
        legs[i].part = from->legs[i].part;
    }
    to->legs = legs;
    to->n_legs = n;
    return 0;
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
    int rc = fill_legs(to, from, all, memory, &f->q->err);

    if (rc)
        return rc;
    to->rank = (int)i + 1;
    to->score = from->score;
    to->title = to->headings = to->text = to->snippet = "";
    to->docno = keep(memory, from->docno);
    if (!to->docno)
        return err_nomem(&f->q->err);
    if (f->explain && from->explain) {
        to->explain = keep(memory, from->explain);
        if (!to->explain)
            return err_nomem(&f->q->err);
    }
    return fields == FOVEA_DOCNOS ? 0 : fill_text(to, from, f);
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
    if (!opt->system)
        opt->system = index_vector_dim(q->ix) > 0 ? "hybrid" : "bm25";
    *ro = (struct retrieve_options){
        .system = opt->system,
        .k = opt->k,
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

int fovea_search(fovea_hits **out, fovea *q, const char *query, const fovea_search_options *given)
{
    struct filling f = {.q = q};
    struct retrieve_options ro;
    fovea_search_options opt;
    struct hits hits = {0};
    fovea_hits *r = NULL;
    int rc = handle_begin(q);

    assert(out && query);
    *out = NULL;
    if (rc || (rc = read_options(&ro, &opt, q, given)))
        return rc;
    rc = retrieve(&hits, q->ix, query, &ro, &q->err);
    if (rc)
        goto done;
    rc = E_NOMEM;
    r = mem_zalloc(1, sizeof *r);
    if (!r)
        goto done;
    f.out = r;
    f.snippet_bytes = opt.snippet_bytes;
    f.explain = opt.explain;
    r->system = keep(&r->memory, opt.system);
    if (hits.n)
        r->hits = arena_alloc(&r->memory, hits.n * sizeof *r->hits);
    if (!r->system || (hits.n && !r->hits))
        goto done;
    rc = 0;
    if (hits.n)
        memset(r->hits, 0, hits.n * sizeof *r->hits);
    if (opt.fields == FOVEA_FULL)
        rc = snippet_words(&f.words, index_analyzer(q->ix), query, opt.syntax, &q->err);
    for (size_t i = 0; i < hits.n && !rc; i++) {
        rc = fill_hit(&r->hits[i], &hits, i, opt.fields, &f);
        r->n = i + 1;
    }
done:
    if (rc == E_NOMEM)
        err_nomem(&q->err);
    if (rc) {
        fovea_hits_free(r);
        r = NULL;
    }
    snippet_words_clear(&f.words);
    buf_clear(&f.text);
    hits_clear(&hits);
    *out = r;
    return rc;
}

size_t fovea_hits_count(const fovea_hits *hits) { return hits ? hits->n : 0; }

const fovea_hit *fovea_hits_get(const fovea_hits *hits, size_t i)
{
    return hits && i < hits->n ? &hits->hits[i] : NULL;
}

const char *fovea_hits_system(const fovea_hits *hits) { return hits ? hits->system : ""; }

void fovea_hits_free(fovea_hits *hits)
{
    if (!hits)
        return;
    arena_clear(&hits->memory);
    mem_free(hits);
}
