/* bench_vectors.c -- nearest vectors in one large segment: time to build, memory, latency, recall.
 *
 * usage: bench_vectors dump INDEX OUT              the vectors of an index
 *        bench_vectors embed MODEL QUERIES OUT     the vectors of queries
 *        bench_vectors build VECTORS MODEL VECTORS_SETTING INDEX THREADS
 *        bench_vectors search INDEX QUERIES TRUTH K EF...
 *
 * Files of vectors are float32, dim numbers a row, without a head.  TRUTH has 100 rows' numbers (uint32) a query: the nearest,
 * best first.  Documents are named so that row r is passage r.  "build" writes below the encoder: the index
 * is as if the model had made these vectors.  One thread searches.  Prints one JSON object (an array for several EF).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "corpora/corpora.h"
#include "indexer/inside.h"
#include "indexer/segment.h"
#include "indexer/vectors.h"

enum { TRUTH_DEPTH = 100 };

static void need(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s\n", what);
        exit(1);
    }
}

/* A whole file of numbers of 4 bytes; *n is how many. */
static void *load(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    long size;
    void *p;

    need(f && !fseek(f, 0, SEEK_END), path);
    size = ftell(f);
    rewind(f);
    p = mem_alloc((size_t)size, 1);
    need(p && fread(p, 1, (size_t)size, f) == (size_t)size, path);
    fclose(f);
    *n = (size_t)size / 4;
    return p;
}

/* MiB of this process in memory now. */
static double resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    need(f && fscanf(f, "%*d %ld", &pages) == 1, "/proc/self/statm");
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static int dump(char **args)
{
    struct err err = {0};
    struct index *ix = NULL;
    FILE *f = fopen(args[1], "wb");
    float v[4096];

    need(f != NULL, args[1]);
    bench_need(index_open(&ix, args[0], NULL, &err), &err);
    need(index_vector_dim(ix) > 0 && index_vector_dim(ix) <= 4096, "no vectors");
    for (int i = 0; i < index_n_segments(ix); i++)
        for (uint32_t p = 0; p < segment_size(index_segment(ix, i)); p++) {
            bench_need(segment_vector(v, index_segment(ix, i), p, &err), &err);
            fwrite(v, sizeof *v, (size_t)index_vector_dim(ix), f);
        }
    index_close(ix);
    return fclose(f) != 0;
}

static int embed(char **args)
{
    struct err err = {0};
    struct query_list queries = {0};
    struct model *m = NULL;
    char *folder = NULL;
    FILE *f = fopen(args[2], "wb");
    float v[4096];

    need(f != NULL, args[2]);
    bench_need(queries_load(&queries, args[1], &err), &err);
    bench_need(model_find(&folder, args[0], &err), &err);
    bench_need(model_open(&m, folder, NULL, &err), &err);
    need(model_dim(m) <= 4096, "vectors are too long");
    for (size_t i = 0; i < queries.n; i++) {
        struct model_text text = {queries.queries[i].text, strlen(queries.queries[i].text)};

        bench_need(model_embed(v, m, NULL, &text, 1, MODEL_QUERY, &err), &err);
        fwrite(v, sizeof *v, (size_t)model_dim(m), f);
    }
    mem_free(folder);
    model_close(m);
    queries_clear(&queries);
    return fclose(f) != 0;
}

/* One segment of n passages without words. */
static void write_segment(struct index *ix, const float *rows, uint32_t n, struct err *err)
{
    const int dim = (int)ix->recorded.dim;
    uint32_t *lengths = mem_zalloc(n, sizeof *lengths);
    struct segment_writer w;
    struct vectors_writer v;
    const int64_t id = ix->pending.next_segment;

    need(lengths != NULL, "memory");
    segment_begin(&w, &ix->wr, id, err);
    for (uint32_t i = 0; i < n; i++) {
        char docno[16];

        snprintf(docno, sizeof docno, "d%09u", 999999999 - i);
        segment_put_document(&w, docno, i + 1, 1);
    }
    segment_put_lengths(&w, lengths);
    bench_need(vectors_begin(&v, &ix->wr, id, ix->recorded.vectors, dim, n, err), err);
    v.pool = ix->pool;
    vectors_put(&v, rows, n);
    bench_need(vectors_end(&v, &w.row, 0), err);
    bench_need(segment_end(&w, 0), err);
    bench_need(pending_add_segment(ix, id, n, err), err);
    ix->pending.next_segment++;
    ix->pending.is_dirty = 1;
    mem_free(lengths);
}

static int build(char **args)
{
    struct err err = {0};
    struct index *ix = NULL;
    struct pool *pool = NULL;
    struct index_options opt = {.mode = INDEX_CREATE,
                                .settings = {.model = args[1], .vectors = args[2]}};
    size_t n;
    float *rows = load(args[0], &n);
    double begin, before = resident();

    bench_need(pool_new(&pool, atoi(args[4]), &err), &err);
    opt.pool = pool;
    bench_need(index_open(&ix, args[3], &opt, &err), &err);
    begin = bench_seconds();
    bench_need(pending_begin(ix, &err), &err);
    write_segment(ix, rows, (uint32_t)(n / (size_t)ix->recorded.dim), &err);
    bench_need(index_commit(ix, &err), &err);
    printf("{\"seconds\":%.2f,\"input_mib\":%.0f}\n", bench_seconds() - begin, before);
    index_close(ix);
    pool_free(pool);
    mem_free(rows);
    return 0;
}

static size_t hits(const uint32_t *found, size_t n, const uint32_t *truth, size_t k)
{
    size_t n_hits = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++)
            n_hits += found[i] == truth[j];
    return n_hits;
}

static void search_all(struct segment *s, const float *queries, const uint32_t *truth, size_t n,
                       int dim, size_t k, int ef, struct err *err)
{
    uint32_t *found = mem_alloc(k, sizeof *found);
    float *scores = mem_alloc(k, sizeof *scores);
    double *ms = mem_alloc(n, sizeof *ms), recall = 0, p50 = 1e30, p99 = 0;

    need(found && scores && ms, "memory");
    for (int round = 0; round < 4; round++) { /* the first warms up */
        double median;
        size_t n_hits = 0;

        for (size_t i = 0; i < n; i++) {
            double t = bench_seconds();
            size_t n_found;

            bench_need(segment_nearest(found, scores, &n_found, s, queries + i * (size_t)dim, k, ef,
                                       NULL, err),
                       err);
            ms[i] = 1e3 * (bench_seconds() - t);
            n_hits +=
                hits(found, n_found, truth + i * TRUTH_DEPTH, k < TRUTH_DEPTH ? k : TRUTH_DEPTH);
        }
        recall = (double)n_hits / (double)(n * (k < TRUTH_DEPTH ? k : TRUTH_DEPTH));
        median = bench_percentile(ms, n, 0.5);
        if (round && median < p50) {
            p50 = median;
            p99 = bench_percentile(ms, n, 0.99);
        }
    }
    printf("{\"ef\":%d,\"recall\":%.4f,\"p50_ms\":%.4f,\"p99_ms\":%.4f}", ef, recall, p50, p99);
    mem_free(found);
    mem_free(scores);
    mem_free(ms);
}

static int search(char **args, int n_args)
{
    struct err err = {0};
    struct index *ix = NULL;
    size_t n, n_truth, k = (size_t)atoi(args[3]);
    float *queries = load(args[1], &n);
    uint32_t *truth = load(args[2], &n_truth);
    double before, begin, seconds;
    int dim;

    bench_need(index_open(&ix, args[0], NULL, &err), &err);
    dim = index_vector_dim(ix);
    n /= (size_t)dim;
    need(n_truth >= n * TRUTH_DEPTH && index_n_segments(ix) == 1, "files do not fit together");
    before = resident();
    begin = bench_seconds();
    bench_need(vectors_need(index_segment(ix, 0), &err), &err);
    seconds = bench_seconds() - begin;
    printf("{\"load_s\":%.2f,\"mib\":%.0f,\"queries\":%zu,\"runs\":[", seconds, resident() - before,
           n);
    for (int i = 4; i < n_args; i++) {
        printf("%s", i > 4 ? "," : "");
        search_all(index_segment(ix, 0), queries, truth, n, dim, k, atoi(args[i]), &err);
        fflush(stdout);
    }
    printf("]}\n");
    index_close(ix);
    mem_free(queries);
    mem_free(truth);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (!strcmp(what, "dump") && argc == 4)
        return dump(argv + 2);
    if (!strcmp(what, "embed") && argc == 5)
        return embed(argv + 2);
    if (!strcmp(what, "build") && argc == 7)
        return build(argv + 2);
    if (!strcmp(what, "search") && argc >= 7)
        return search(argv + 2, argc - 2);
    fprintf(stderr, "usage: bench_vectors dump | embed | build | search ...: see the file's top\n");
    return 2;
}
