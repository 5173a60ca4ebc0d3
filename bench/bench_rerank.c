/* bench_rerank.c -- how long it takes to re-rank a collection's first passages for a query.
 *
 * usage: bench_rerank METHOD MODEL CORPUS THREADS PASSAGES QUERY
 *
 * METHOD and MODEL are as `fovea rerank` takes them; all heads are read, as published.  The query is run ROUNDS times: the first run
 * finds no cache, the median of the others does.
 * Prints one JSON object.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "corpora/corpora.h"
#include "reranker/reranker.h"

enum { ROUNDS = 3 };

static struct err err;

static char *copy(const char *s)
{
    char *own = mem_strdup(s);

    if (!own)
        exit(1);
    return own;
}

/* The first n documents, whole; what they hold lives as long as the program. */
static void read_candidates(struct candidate *c, size_t n, const char *path)
{
    struct doc_source src = {0};
    struct doc doc;
    size_t i = 0;
    int rc = 1;

    bench_need(corpus_open(&src, path, &(struct corpus_options){0}, &err), &err);
    for (; i < n && (rc = src.next(&doc, src.self, &err)) == 1; i++) {
        c[i] = (struct candidate){.docno = copy(doc.docno), .at = i, .first = -(float)i};
        c[i].text.title = copy(doc.title);
        c[i].text.n_title = strlen(c[i].text.title);
        c[i].text.text = copy(doc.text);
        c[i].text.n_text = strlen(c[i].text.text);
    }
    bench_need(rc, &err);
    src.close(src.self);
    if (i < n) {
        fprintf(stderr, "bench: the corpus has %zu documents, not %zu\n", i, n);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct rerank_options opt = {.profile = "all", .first_stage = -1};
    struct reranker *r = NULL;
    struct candidate *candidates;
    double ms[ROUNDS], first;
    size_t n;

    if (argc != 7) {
        fprintf(stderr, "usage: bench_rerank METHOD MODEL CORPUS THREADS PASSAGES QUERY\n");
        return 2;
    }
    opt.method = argv[1];
    opt.model = argv[2];
    n = (size_t)atol(argv[5]);
    candidates = mem_zalloc(n, sizeof *candidates);
    if (!candidates)
        return 1;
    bench_need(pool_new(&opt.pool, atoi(argv[4]), &err), &err);
    read_candidates(candidates, n, argv[3]);
    bench_need(reranker_open(&r, &opt, &err), &err);
    for (int i = 0; i < ROUNDS; i++) {
        const double at = bench_seconds();

        bench_need(reranker_run(r, candidates, n, argv[6], &err), &err);
        ms[i] = 1e3 * (bench_seconds() - at);
    }
    first = ms[0];
    printf("{\"first_ms\":%.1f,\"again_ms\":%.1f,\"best\":\"%s\",\"note\":\"%s\"}\n", first,
           bench_percentile(ms + 1, ROUNDS - 1, 0.5), candidates[0].docno, reranker_note(r));
    reranker_close(r);
    pool_free(opt.pool);
    return 0;
}
