/* bench_search.c -- queries a second of one system over one index, and its latencies.
 *
 * usage: bench_search INDEX QUERIES SYSTEM K ROUNDS [exhaustive]
 *
 * Every query is analysed and searched anew in each round; the first round warms up and is not
 * counted.  "tokenise_s" is what analysing all queries takes of "seconds".  One thread.
 * Prints one JSON object.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "corpora/corpora.h"
#include "retriever/retriever.h"

static double search_all(double *ms, struct index *ix, const struct query_list *queries,
                         const struct retrieve_options *opt, size_t *n_hits)
{
    double begin = bench_seconds();

    for (size_t i = 0; i < queries->n; i++) {
        struct err err = {0};
        struct hits hits = {0};
        double t = bench_seconds();

        bench_need(retrieve(&hits, ix, queries->queries[i].text, opt, &err), &err);
        ms[i] = 1e3 * (bench_seconds() - t);
        *n_hits += hits.n;
        hits_clear(&hits);
    }
    return bench_seconds() - begin;
}

static int on_term(const struct term_token *t, void *payload)
{
    *(size_t *)payload += t->len;
    return 0;
}

static double tokenise_all(struct index *ix, const struct query_list *queries)
{
    double begin = bench_seconds();
    size_t bytes = 0;

    for (size_t i = 0; i < queries->n; i++) {
        const char *text = queries->queries[i].text;
        struct err err = {0};

        bench_need(analyzer_run(index_analyzer(ix), text, strlen(text), on_term, &bytes, &err),
                   &err);
    }
    return bytes ? bench_seconds() - begin : 0;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct index *ix = NULL;
    struct query_list queries = {0};
    struct retrieve_options opt = {0};
    double *ms, best = 1e30, tokenise = 1e30, p50 = 0, p99 = 0;
    size_t n_hits = 0;
    int rounds;

    if (argc < 6) {
        fprintf(stderr, "usage: bench_search INDEX QUERIES SYSTEM K ROUNDS [exhaustive]\n");
        return 2;
    }
    bench_need(index_open(&ix, argv[1], NULL, &err), &err);
    bench_need(queries_load(&queries, argv[2], &err), &err);
    opt.system = argv[3];
    opt.k = atoi(argv[4]);
    opt.exhaustive = argc > 6 && !strcmp(argv[6], "exhaustive");
    rounds = atoi(argv[5]);
    ms = mem_alloc(queries.n, sizeof *ms);
    if (!ms)
        return 1;
    search_all(ms, ix, &queries, &opt, &n_hits);
    for (int r = 0; r < rounds; r++) {
        double s;

        s = tokenise_all(ix, &queries);
        tokenise = s < tokenise ? s : tokenise;
        n_hits = 0;
        s = search_all(ms, ix, &queries, &opt, &n_hits);
        if (s < best) {
            best = s;
            p50 = bench_percentile(ms, queries.n, 0.5);
            p99 = bench_percentile(ms, queries.n, 0.99);
        }
    }
    printf("{\"queries\":%zu,\"hits\":%zu,\"seconds\":%.6f,\"tokenise_s\":%.6f,\"qps\":%.1f,"
           "\"qps_without_tokenising\":%.1f,\"p50_ms\":%.4f,\"p99_ms\":%.4f}\n",
           queries.n, n_hits, best, tokenise, (double)queries.n / best,
           (double)queries.n / (best - tokenise), p50, p99);
    mem_free(ms);
    queries_clear(&queries);
    index_close(ix);
    return 0;
}
