/* cmd_rerank.c -- `fovea rerank`: the TREC run of any system, in another order. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/cli.h"
#include "api/knobs.h"
#include "api/named.h"
#include "api/progress.h"
#include "api/rerank.h"
#include "api/show.h"
#include "api/term.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/run.h"
#include "corpora/corpora.h"
#include "indexer/index.h"

struct settings {
    const char *queries, *index, *corpus, *format, *method, *wants, *precision, *tag, *block_cache;
    double first;
    int depth, window, reversed, shuffle, threads, quiet, json, block_megabytes;
};

static const struct option_row rows[] = {
    {"queries", 0, OPT_TEXT, offsetof(struct settings, queries), "FILE",
     "the queries of the run: a BEIR folder, a .jsonl or a .tsv file (id, tab, text), TREC topics",
     .text = NULL},
    {"index", 'i', OPT_TEXT, offsetof(struct settings, index), "INDEX",
     "an index that holds the documents", .text = NULL},
    {"corpus", 'c', OPT_TEXT, offsetof(struct settings, corpus), "PATH",
     "a collection that holds them, instead", .text = NULL},
    {"format", 'f', OPT_CHOICE, offsetof(struct settings, format), "F", "what the corpus is",
     name_of_format, .shown = "guessed from the path"},
    {"method", 'm', OPT_TEXT, offsetof(struct settings, method), "METHOD[:MODEL[:PROFILE]]",
     "how to re-rank; see 'fovea help rerankers'", .text = "stored"},
    {"depth", 'd', OPT_INT, offsetof(struct settings, depth), "N",
     "how many documents of a query are re-ranked; the others follow in their order", .low = 0,
     .high = 10000, .shown = "100 for stored, else 20"},
    {"first-stage", 0, OPT_NUMBER, offsetof(struct settings, first), "W",
     "weight of the run's scores beside the model's", .low = 0, .high = 1000, .number = -1,
     .shown = "the profile's, 0 without one"},
    {"wants", 0, OPT_CHOICE, offsetof(struct settings, wants), "W",
     "what the model is told that the query wants, where no profile says it", name_of_wants,
     .text = "find"},
    {"window", 0, OPT_INT, offsetof(struct settings, window), "N", "icr: candidates in one prompt",
     .low = 0, .high = 10000, .shown = "as many as fit"},
    FLAG_ROW("reversed", 0, struct settings, reversed,
             "icr: the best candidate goes last, next to the query, as published"),
    {"shuffle", 0, OPT_INT, offsetof(struct settings, shuffle), "SEED",
     "give candidates to the model in a random order, to see what that changes", .low = 0,
     .high = 2147483647, .number = -1, .shown = "no shuffling"},
    BLOCK_CACHE_ROWS(struct settings, block_cache, block_megabytes),
    {"precision", 0, OPT_CHOICE, offsetof(struct settings, precision), "P", "how models compute",
     name_of_precision, .text = "i8"},
    {"threads", 0, OPT_INT, offsetof(struct settings, threads), "N",
     "threads; 0 is one per processor", .low = 0, .high = 64},
    {"run", 0, OPT_TEXT, offsetof(struct settings, tag), "TAG", "the name of the new run",
     .shown = "that of RUN, + and the method"},
    FLAG_ROW("quiet", 'q', struct settings, quiet, "show no progress, notices and times"),
    COMMON_ROWS(struct settings),
    {0}};

/* All that a run of the command carries around. */
struct work {
    const struct settings *s;
    const char *run_path, *source; /* as given */
    struct run run;
    struct query_list queries;
    struct map qids; /* to the place in queries */
    struct named_docs docs;
    struct candidate_list candidates; /* of the query at hand */
    struct reranker *reranker;
    struct pool *pool;
    size_t depth;
    char *tag;
    double *seconds; /* [n_timed] of each query */
    size_t n_timed;
    struct notices notices;
    size_t n_read, n_cut; /* candidates, and those of which only the beginning was read */
};

/* ---- what is needed, and is it there? ---- */

static const char *query_of(const struct work *w, const char *qid)
{
    const int64_t *at = map_find(&w->qids, qid, strlen(qid));

    return at ? w->queries.queries[*at].text : NULL;
}

/* How many documents of a ranking are re-ranked; by an empty query none. */
static size_t depth_of(const struct work *w, const struct ranking *r)
{
    if (reranker_is_empty(query_of(w, r->qid)))
        return 0;
    return r->n < w->depth ? r->n : w->depth;
}

static int load_queries(struct work *w)
{
    struct err err = {0};

    if (run_load(&w->run, w->run_path, &err) || queries_load(&w->queries, w->s->queries, &err))
        return say_err(&err);
    for (size_t i = 0; i < w->queries.n; i++) {
        const char *qid = w->queries.queries[i].qid;
        int64_t *at = map_put(&w->qids, qid, strlen(qid));

        if (!at)
            return say_failed("out of memory");
        *at = (int64_t)i;
    }
    for (size_t i = 0; i < w->run.n; i++)
        if (!query_of(w, w->run.rankings[i].qid))
            return say_failed("%s: query '%s' is not among the %zu queries of %s", w->run_path,
                              w->run.rankings[i].qid, w->queries.n, w->s->queries);
    return 0;
}

static int load_docs(struct work *w)
{
    const struct settings *s = w->s;
    struct err err = {0};
    int rc;

    for (size_t i = 0; i < w->run.n; i++)
        for (size_t k = 0; k < depth_of(w, &w->run.rankings[i]); k++)
            if (named_docs_want(&w->docs, w->run.rankings[i].lines[k].docno, &err))
                return say_err(&err);
    if (s->index && named_docs_look_up(&w->docs, w->reranker, &err))
        return say_err(&err);
    rc = s->index ? 0 : named_docs_read(&w->docs, s->corpus, s->format, s->quiet);
    for (size_t i = 0; i < w->run.n && !rc; i++)
        for (size_t k = 0; k < depth_of(w, &w->run.rankings[i]) && !rc; k++)
            if (!named_docs_has(&w->docs, w->run.rankings[i].lines[k].docno))
                rc = say_failed("%s: query '%s': document '%s' is not in %s (%zu of %zu are)",
                                w->run_path, w->run.rankings[i].qid,
                                w->run.rankings[i].lines[k].docno, w->source, w->docs.n_found,
                                w->docs.docnos.n);
    return rc;
}

/* ---- one query ---- */

/* The first n documents as candidates; at is a document's place in the ranking. */
static int make_candidates(struct work *w, const struct ranking *r, size_t n, struct err *err)
{
    struct candidate_list *list = &w->candidates;

    candidate_list_reset(list);
    for (size_t i = 0; i < n; i++) {
        const size_t first = list->n;
        int rc = named_docs_add(list, &w->docs, r->lines[i].docno, err);

        if (rc)
            return rc;
        for (size_t k = first; k < list->n; k++)
            list->items[k].at = i;
    }
    candidate_list_set_first(list, r->lines, n);
    if (w->s->shuffle >= 0)
        candidate_list_shuffle(list, w->s->shuffle, r->qid);
    return 0;
}

static int write_ranking(struct work *w, const struct ranking *before, const struct ranking *after,
                         size_t n, double seconds)
{
    if (w->s->json)
        return show_reranked(w->reranker, seconds, query_of(w, before->qid), before, after,
                             w->candidates.items, n);
    ranking_write(stdout, after, w->tag);
    return 0;
}

/* The ranking of an empty query stays as it is. */
static int keep_ranking(struct work *w, const struct ranking *r)
{
    notices_add_empty(&w->notices, r->qid);
    return write_ranking(w, r, r, 0, 0);
}

static int rerank_query(struct work *w, const struct ranking *r, struct run_line *lines)
{
    const size_t n = depth_of(w, r);
    const struct ranking after = {.qid = r->qid, .lines = lines, .n = r->n, .cap = r->n};
    const char *query = query_of(w, r->qid);
    struct candidate_list *list = &w->candidates;
    struct err err = {0};
    const double start = clock_now();
    int rc = make_candidates(w, r, n, &err);

    rc = rc ? rc : reranker_run(w->reranker, list->items, list->n, query, &err);
    w->n_read += list->n;
    rc = rc ? rc : candidate_list_keep_best(list, n, &err);
    if (rc) {
        err_wrap(&err, "query '%s'", r->qid);
        return say_err(&err);
    }
    w->seconds[w->n_timed++] = clock_now() - start;
    notices_add(&w->notices, r->qid, reranker_note(w->reranker));
    w->n_cut += reranker_n_cut(w->reranker);
    for (size_t i = 0; i < r->n; i++)
        lines[i] = (struct run_line){r->lines[i < n ? list->items[i].at : i].docno,
                                     (double)rerank_score(list->items, n, i)};
    return write_ranking(w, r, &after, n, w->seconds[w->n_timed - 1]);
}

/* ---- all queries ---- */

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void say_times(struct work *w)
{
    const size_t n = w->n_timed;
    char a[NUMBER_TEXT], b[NUMBER_TEXT], c[NUMBER_TEXT];

    if (!n || w->s->quiet)
        return;
    qsort(w->seconds, n, sizeof *w->seconds, by_size);
    say("%s: %s quer%s, up to %zu documents each: median %s, 99th percentile %s",
        reranker_method(w->reranker), show_count(a, n), n == 1 ? "y" : "ies", w->depth,
        show_time(b, w->seconds[n / 2]), show_time(c, w->seconds[(n * 99 + 99) / 100 - 1]));
}

/* What is to be known about all queries together. */
static void say_notices(const struct work *w)
{
    char n[NUMBER_TEXT], all[NUMBER_TEXT];

    notices_end(&w->notices);
    if (w->n_cut && !w->s->quiet)
        say("notice: of %s of %s candidates only the beginning was read; --json tells which",
            show_count(n, w->n_cut), show_count(all, w->n_read));
    if (w->docs.n_missing && !w->s->quiet)
        say("notice: %s has no keys of %s candidates for this reranker, so they were read now; "
            "'fovea attend' stores them",
            w->source, show_count(n, w->docs.n_missing));
}

static int rerank_all(struct work *w)
{
    struct progress progress;
    struct run_line *lines = NULL;
    size_t most = 0;
    int rc = 0;

    for (size_t i = 0; i < w->run.n; i++)
        most = w->run.rankings[i].n > most ? w->run.rankings[i].n : most;
    lines = mem_alloc(most, sizeof *lines);
    w->seconds = mem_alloc(w->run.n, sizeof *w->seconds);
    if (!lines || !w->seconds)
        rc = say_failed("out of memory");
    progress_begin(&progress, NULL, "queries", w->run.n, w->s->quiet);
    for (size_t i = 0; i < w->run.n && !rc; i++) {
        rc = depth_of(w, &w->run.rankings[i]) ? rerank_query(w, &w->run.rankings[i], lines)
                                              : keep_ranking(w, &w->run.rankings[i]);
        progress_update(&progress, (double)i + 1, 0);
        if (!rc && interrupted())
            rc = interrupt_code();
        if (ferror(stdout))
            break; /* main says so */
    }
    progress_end(&progress);
    if (!rc) {
        say_notices(w);
        say_times(w);
    }
    mem_free(lines);
    return rc;
}

static int open_reranker(struct work *w, const struct rerank_choice *choice)
{
    const struct settings *s = w->s;
    struct rerank_options opt = {
        .method = choice->method->name,
        .model = choice->model,
        .profile = choice->profile,
        .stored = w->docs.ix ? index_profile(w->docs.ix) : NULL,
        .stored_path = w->docs.ix ? index_profile_path(w->docs.ix) : NULL,
        .precision = precision_value(s->precision),
        .wants = strcmp(s->wants, "answer") ? PROMPT_FIND : PROMPT_ANSWER,
        .first_stage = (float)s->first,
        .window = s->window,
        .reversed = s->reversed,
        .cache_dir = s->block_cache,
        .cache_dir_bytes = (uint64_t)s->block_megabytes << 20,
    };
    struct err err = {0};
    int rc = s->threads == 1 ? 0 : pool_new(&w->pool, s->threads, &err);

    opt.pool = w->pool;
    rc = rc ? rc : reranker_open(&w->reranker, &opt, &err);
    if (rc)
        return say_err(&err);
    if (!s->quiet)
        say("%s", reranker_describe(w->reranker));
    return 0;
}

static int work_through(struct work *w, const struct rerank_choice *choice)
{
    int rc = load_queries(w);

    if (!rc && !w->run.n) {
        say("'%s' holds no rankings", w->run_path);
        return EXIT_NONE;
    }
    if (w->s->index && !rc)
        rc = named_docs_open(&w->docs, w->s->index);
    rc = rc ? rc : open_reranker(w, choice);
    rc = rc ? rc : load_docs(w);
    if (!rc) {
        w->tag = w->s->tag ? mem_strdup(w->s->tag)
                           : mem_printf("%s+%s", w->run.tag ? w->run.tag : "run",
                                        reranker_method(w->reranker));
        rc = w->tag ? rerank_all(w) : say_failed("out of memory");
    }
    return rc;
}

static int run(void *settings, char **args, int n_args)
{
    const struct settings *s = settings;
    struct work w = {.s = s,
                     .notices = {.quiet = s->quiet},
                     .run_path = args[0],
                     .source = s->index ? s->index : s->corpus};
    struct rerank_choice choice = {0};
    struct err err = {0};
    int rc;

    (void)n_args;
    if (!s->queries)
        return say_usage(&cmd_rerank, "give the queries of the run: --queries FILE");
    if (!s->index == !s->corpus)
        return say_usage(&cmd_rerank, "give the documents: --index INDEX or --corpus PATH");
    if (rerank_choice_parse(&choice, s->method, &err))
        return say_usage(&cmd_rerank, "--method: %s", err.text);
    w.depth = (size_t)(s->depth ? s->depth : rerank_default_depth(choice.method));
    interrupt_watch();
    rc = work_through(&w, &choice);
    rerank_choice_clear(&choice);
    reranker_close(w.reranker);
    pool_free(w.pool);
    candidate_list_clear(&w.candidates);
    named_docs_clear(&w.docs);
    map_clear(&w.qids);
    queries_clear(&w.queries);
    run_clear(&w.run);
    mem_free(w.tag);
    mem_free(w.seconds);
    return rc;
}

const struct command cmd_rerank = {
    .name = "rerank",
    .args = "RUN --queries FILE --index INDEX|--corpus PATH",
    .about = "put the documents of a TREC run in another order, by a model",
    .details =
        "RUN is the TREC run of any system (- for standard input).  For each of its queries a "
        "model reads the first documents, and a TREC run with their new scores goes to standard "
        "output; documents beyond --depth follow in the order that they had, with scores below.  "
        "Texts come from an index or from a collection; a document is read from its beginning as "
        "far as the method reads.  An empty query keeps the order and the scores that it has, "
        "and is named at the end.  A score of the run that is infinite counts as the query's next "
        "one that is not; one that is no number is refused.  Where the index stores keys that "
        "'stored' takes, they are used: "
        "a document then counts as its best passage, as in a search.\n\n"
        "At the end the times of queries are told: median and 99th percentile, without opening "
        "the model.\n\n"
        "With --json each query is an object on a line of its own: qid, query, reranker, seconds "
        "and hits, each with rank, docno, score, first_rank, first_score and reading, which is "
        "what the model alone says.",
    .examples =
        "fovea rerank bm25.run --queries corpora/data/scifact --index scifact.fovea > stored.run\n"
        "fovea rerank bm25.run --queries topics.tsv --corpus docs.jsonl -m icr:smollm2 -d 20\n"
        "fovea rerank bm25.run --queries q.tsv --index ix -m icr-blocks --shuffle 1 > shuffled.run",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
