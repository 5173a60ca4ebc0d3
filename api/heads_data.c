/* heads_data.c -- see heads_data.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/heads_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/beir.h"
#include "api/cli.h"
#include "api/progress.h"
#include "api/candidates.h"
#include "base/buf.h"
#include "model/write.h"

enum {
    QUERY_TOKENS = 48, /* of one that a model writes */
    NDCG_PLACES = 10
};

void heads_set_clear(struct heads_set *s)
{
    mem_free(s->queries);
    arena_clear(&s->memory);
    memset(s, 0, sizeof *s);
}

static char *keep(struct heads_set *s, const char *text)
{
    return arena_dup(&s->memory, text, strlen(text));
}

/* ---- candidates ---- */

/* What makes a hit relevant: a topic's grade, or being the document that a query was written for. */
struct labels {
    const struct topic *topic;
    const char *docno;
};

static int grade_of(const struct labels *l, const char *docno)
{
    int grade = 0;

    if (l->docno)
        return !strcmp(l->docno, docno);
    return topic_grade(&grade, l->topic, docno) ? grade : 0;
}

/* DCG at 10 of the best ranking there could be: the highest grades, falling.  A gain is a grade, however large. */
static double ideal_of(const struct labels *l)
{
    int best[NDCG_PLACES] = {0};
    double sum = 0;

    if (l->docno)
        return 1;
    for (size_t i = 0; i < l->topic->n; i++) {
        int grade = l->topic->judged[i].grade;

        for (int place = 0; place < NDCG_PLACES; place++)
            if (grade > best[place]) {
                const int lower = best[place];

                best[place] = grade;
                grade = lower;
            }
    }
    for (int place = 0; place < NDCG_PLACES; place++)
        sum += best[place] / log2(place + 2);
    return sum;
}

static int keep_candidate(struct heads_candidate *to, struct heads_set *s, const fovea_hit *hit,
                          const struct labels *l)
{
    struct buf title = {0};
    const char *kept_title;

    candidate_title(&title, hit->title, hit->headings);
    kept_title = buf_error(&title) ? NULL : keep(s, buf_text(&title));
    *to = (struct heads_candidate){
        .docno = keep(s, hit->docno),
        .text = {.title = kept_title, .n_title = title.len, .text = keep(s, hit->text)},
        .first = hit->score,
        .grade = grade_of(l, hit->docno)};
    buf_clear(&title);
    if (!to->docno || !kept_title || !to->text.text)
        return say_failed("out of memory");
    to->text.n_text = strlen(to->text.text);
    return 0;
}

/* Adds a query if BM25 finds something relevant, and something else.  *added counts. */
static int add_query(struct heads_set *s, int *added, fovea *ix, const char *qid, const char *text,
                     const struct labels *l, const struct heads_source *how)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    struct heads_candidate *c;
    fovea_hits *hits = NULL;
    size_t n = 0, relevant = 0;
    int rc = 0;

    opt.system = "bm25";
    opt.k = how->depth + 1;
    opt.snippet_bytes = 1;
    if (fovea_search(&hits, ix, text, &opt))
        return say_fovea(ix);
    c = arena_alloc(&s->memory, (fovea_hits_count(hits) + 1) * sizeof *c);
    if (!c)
        rc = say_failed("out of memory");
    for (size_t i = 0; i < fovea_hits_count(hits) && n < (size_t)how->depth && !rc; i++) {
        const fovea_hit *hit = fovea_hits_get(hits, i);

        if (qid && !strcmp(hit->docno, qid) && !strcmp(hit->title, text))
            continue; /* the query itself */
        rc = keep_candidate(&c[n], s, hit, l);
        relevant += !rc && c[n].grade > 0;
        n++;
    }
    fovea_hits_free(hits);
    if (rc || !relevant || relevant == n)
        return rc;
    if (mem_reserve((void **)&s->queries, &s->cap, s->n + 1, sizeof *s->queries))
        return say_failed("out of memory");
    s->queries[s->n] =
        (struct heads_query){.text = keep(s, text), .candidates = c, .n = n, .ideal = ideal_of(l)};
    if (!s->queries[s->n].text)
        return say_failed("out of memory");
    s->n++;
    ++*added;
    return 0;
}

/* ---- judged queries ---- */

/* Judged queries in an order that spreads them: every so manieth, then those beside. */
static int add_judged(struct heads_set *s, struct dataset *d, const struct heads_source *how)
{
    const size_t n = d->queries.n, stride = n / (size_t)how->queries + 1;
    int added = 0, rc = 0;

    for (size_t first = 0; first < stride && !rc; first++)
        for (size_t i = first; i < n && added < how->queries && !rc; i += stride) {
            const struct query *q = &d->queries.queries[i];
            const struct labels l = {.topic = qrels_find(&d->qrels, q->qid)};

            if (l.topic)
                rc = add_query(s, &added, d->ix, q->qid, q->text, &l, how);
            if (!rc && interrupted())
                rc = interrupt_code();
        }
    if (!rc && added < how->queries && !how->quiet)
        say("%s: %d queries with a relevant document among the first %d; %d were wanted", d->name,
            added, how->depth, how->queries);
    return rc;
}

static int open_source(struct dataset *d, const char *dir, const char *split,
                       const struct heads_source *how)
{
    const struct beir_options opt = {.split = split,
                                     .index_dir = how->index_dir,
                                     .model = "none",
                                     .precision = "i8",
                                     .threads = how->threads,
                                     .quiet = how->quiet};

    return dataset_open(d, dir, &opt);
}

int heads_set_add(struct heads_set *s, const char *data, const struct heads_source *how)
{
    const char *colon = strrchr(data, ':');
    char *dir = colon ? mem_printf("%.*s", (int)(colon - data), data) : mem_strdup(data);
    struct dataset d = {0};
    int rc =
        dir ? open_source(&d, dir, colon ? colon + 1 : "train", how) : say_failed("out of memory");

    rc = rc ? rc : add_judged(s, &d, how);
    dataset_close(&d);
    mem_free(dir);
    return rc;
}

/* ---- queries that a model writes ---- */

static const char request[] =
    "Write one short question that the following paragraph answers. Write the question alone.\n\n";

/* Asks for a query about a document: text gets it. */
static int write_query(struct buf *text, struct writer *w, const struct doc *doc)
{
    struct buf prompt = {0};
    struct err err = {0};
    char *end;
    int rc;

    buf_printf(&prompt, "%s%s\n%.1500s", request, doc->title, doc->text);
    buf_reset(text);
    rc = buf_error(&prompt) ? err_nomem(&err)
                            : writer_answer(text, w, buf_text(&prompt), QUERY_TOKENS, &err);
    buf_clear(&prompt);
    if (rc)
        return say_err(&err);
    end = text->len ? strchr(text->data, '\n') : NULL;
    if (end)
        *end = '\0';
    return 0;
}

static int write_queries(struct heads_set *s, struct dataset *d, const struct heads_source *how,
                         struct writer *w)
{
    fovea_info info = FOVEA_INFO_INIT;
    struct doc_source src = {0};
    struct progress progress;
    struct buf text = {0};
    struct err err = {0};
    struct doc doc;
    uint64_t stride, at = 0;
    int rc, more = 1, added = 0;

    if (fovea_describe(&info, d->ix))
        return say_fovea(d->ix);
    if (corpus_open(&src, d->dir, &(struct corpus_options){.format = "beir"}, &err))
        return say_err(&err);
    stride = info.n_documents / (uint64_t)how->queries;
    stride = stride ? stride : 1;
    progress_begin(&progress, d->name, "queries", (uint64_t)how->queries, how->quiet);
    for (rc = 0; !rc && added < how->queries && (more = src.next(&doc, src.self, &err)) == 1;) {
        const struct labels l = {.docno = doc.docno};

        if (at++ % stride)
            continue;
        rc = write_query(&text, w, &doc);
        if (!rc && text.len)
            rc = add_query(s, &added, d->ix, NULL, buf_text(&text), &l, how);
        progress_update(&progress, added, 0);
        if (!rc && interrupted())
            rc = interrupt_code();
    }
    progress_end(&progress);
    if (!rc && more < 0)
        rc = say_err(&err);
    buf_clear(&text);
    src.close(src.self);
    return rc;
}

int heads_set_write(struct heads_set *s, const char *data, const struct heads_source *how,
                    const struct reader *r, struct pool *pool)
{
    struct dataset d = {0};
    struct writer *w = NULL;
    struct err err = {0};
    int rc = writer_open(&w, r, pool, &err) ? say_err(&err) : open_source(&d, data, NULL, how);

    rc = rc ? rc : write_queries(s, &d, how, w);
    writer_close(w);
    dataset_close(&d);
    return rc;
}
