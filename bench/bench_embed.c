/* bench_embed.c -- passages a second through the encoder, and one short query's latency.
 *
 * usage: bench_embed MODEL CORPUS N THREADS i8|f32 MAX_TOKENS [REFERENCE]
 *
 * Embeds the first N documents of a corpus (title and text), then one short query 200 times.
 * REFERENCE is a file of the same documents' vectors by another (float32, of length one, end to end).
 * Prints one JSON object; with a reference the mean cosine to it too.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "corpora/corpora.h"
#include "model/model.h"

enum { QUERY_ROUNDS = 200 };

static size_t read_texts(struct model_text *texts, size_t n, const char *path)
{
    struct err err = {0};
    struct doc_source src = {0};
    struct doc doc;
    size_t got = 0;
    int rc = 0;

    bench_need(corpus_open(&src, path, &(struct corpus_options){0}, &err), &err);
    while (got < n && (rc = src.next(&doc, src.self, &err)) == 1) {
        char *text = mem_printf("%s %s", doc.title, doc.text);

        texts[got++] = (struct model_text){text, strlen(text)};
    }
    bench_need(rc, &err);
    src.close(src.self);
    return got;
}

static double query_ms(struct model *m, struct pool *pool, float *vector)
{
    static const char query[] = "Do statins lower the risk of atrial fibrillation?";
    struct model_text text = {query, sizeof query - 1};
    double ms[QUERY_ROUNDS];
    struct err err = {0};

    for (int i = 0; i < QUERY_ROUNDS; i++) {
        double t = bench_seconds();

        bench_need(model_embed(vector, m, pool, &text, 1, MODEL_QUERY, &err), &err);
        ms[i] = 1e3 * (bench_seconds() - t);
    }
    return bench_percentile(ms, QUERY_ROUNDS, 0.5);
}

/* The mean cosine of n vectors to those in a file. */
static double mean_cosine(const float *vectors, size_t n, size_t dim, const char *path)
{
    FILE *f = fopen(path, "rb");
    float *row = mem_alloc(dim, sizeof *row);
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        if (!f || !row || fread(row, sizeof *row, dim, f) != dim) {
            fprintf(stderr, "bench: %s: not %zu vectors of %zu; make it with embed_peers.py\n",
                    path, n, dim);
            exit(1);
        }
        for (size_t d = 0; d < dim; d++)
            sum += (double)vectors[i * dim + d] * (double)row[d];
    }
    fclose(f);
    mem_free(row);
    return sum / (double)n;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct model *m = NULL;
    struct pool *pool = NULL;
    struct model_options opt = {0};
    struct model_text *texts;
    char *path = NULL;
    double t, open_s, embed_s, latency, cosine = 0;
    size_t n;
    float *out;

    if (argc != 7 && argc != 8) {
        fprintf(stderr,
                "usage: bench_embed MODEL CORPUS N THREADS i8|f32 MAX_TOKENS [REFERENCE]\n");
        return 2;
    }
    n = (size_t)atol(argv[3]);
    opt.precision = strcmp(argv[5], "f32") ? MODEL_I8 : MODEL_F32;
    opt.max_tokens = atoi(argv[6]);
    bench_need(pool_new(&pool, atoi(argv[4]), &err), &err);
    bench_need(model_find(&path, argv[1], &err), &err);
    t = bench_seconds();
    bench_need(model_open(&m, path, &opt, &err), &err);
    open_s = bench_seconds() - t;
    texts = mem_alloc(n, sizeof *texts);
    out = mem_alloc(n, (size_t)model_dim(m) * sizeof *out);
    if (!texts || !out)
        return 1;
    n = read_texts(texts, n, argv[2]);
    t = bench_seconds();
    bench_need(model_embed(out, m, pool, texts, n, MODEL_PASSAGE, &err), &err);
    embed_s = bench_seconds() - t;
    if (argc == 8)
        cosine = mean_cosine(out, n, (size_t)model_dim(m), argv[7]);
    latency = query_ms(m, pool, out);
    printf("{\"passages\":%zu,\"seconds\":%.4f,\"passages_per_s\":%.2f,\"query_ms\":%.3f,"
           "\"open_ms\":%.1f,\"kernels\":\"%s\"",
           n, embed_s, (double)n / embed_s, latency, 1e3 * open_s, model_kernels(m));
    if (argc == 8)
        printf(",\"cosine\":%.5f", cosine);
    printf("}\n");
    for (size_t i = 0; i < n; i++)
        mem_free((void *)(size_t)texts[i].p);
    mem_free(texts);
    mem_free(out);
    mem_free(path);
    model_close(m);
    pool_free(pool);
    return 0;
}
