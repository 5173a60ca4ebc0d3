/* bench_decoder.c -- tokens a second through a decoder, a short query's latency, and how well it predicts a text.
 *
 * usage: bench_decoder MODEL CORPUS THREADS i8|f32 speed
 *        bench_decoder MODEL CORPUS THREADS i8|f32 perplexity TOKENS
 *
 * MODEL is found as `fovea` finds it.  The text is that of the corpus's first documents.
 * Perplexity is over windows of 512 tokens, each token after the first of a window counted.
 * Prints one JSON object.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "corpora/corpora.h"
#include "model/decoder.h"
#include "model/model.h"
#include "model/session.h"
#include "model/tokenizer.h"

enum { WINDOW = 512, QUERY_TOKENS = 20, ROUNDS = 5, FEW_ROUNDS = 2, DECODED = 32, LONGEST = 4096 };

static struct err err;

static void read_tokens(struct tokens *list, const struct tokenizer *t, const char *path, size_t n)
{
    struct doc_source src = {0};
    struct doc doc;
    struct buf text = {0};
    int rc = 1;

    bench_need(corpus_open(&src, path, &(struct corpus_options){0}, &err), &err);
    while (list->n < n && (rc = src.next(&doc, src.self, &err)) == 1) {
        text.len = 0;
        buf_printf(&text, "%s\n%s\n\n", doc.title, doc.text);
        bench_need(tokenizer_encode(list, t, buf_text(&text), text.len, 0, &err), &err);
    }
    bench_need(rc, &err);
    buf_clear(&text);
    src.close(src.self);
    if (list->n < n) {
        fprintf(stderr, "bench: the corpus has %zu tokens, not %zu\n", list->n, n);
        exit(1);
    }
}

static double read_once_ms(struct session *s, const int *ids, int n)
{
    const double t = bench_seconds();

    session_cut(s, 0);
    bench_need(session_read(s, &(struct session_input){.ids = ids, .n = n}, NULL, &err), &err);
    return 1e3 * (bench_seconds() - t);
}

static double read_ms(struct session *s, const int *ids, int n)
{
    const int rounds = n > WINDOW ? FEW_ROUNDS : ROUNDS;
    double ms[ROUNDS];

    for (int i = 0; i < rounds; i++)
        ms[i] = read_once_ms(s, ids, n);
    return bench_percentile(ms, (size_t)rounds, 0.5);
}

/* Seconds a token, with its logits, behind what was read. */
static double decode_ms(struct session *s, const int *ids, float *logits)
{
    double t = bench_seconds();

    for (int i = 0; i < DECODED; i++) {
        bench_need(session_read(s, &(struct session_input){.ids = ids + i, .n = 1}, NULL, &err),
                   &err);
        bench_need(session_logits(logits, s, 0, 1, &err), &err);
    }
    return 1e3 * (bench_seconds() - t) / DECODED;
}

static void print_speed(struct session *s, const int *ids, float *logits)
{
    static const int lengths[] = {512, 2048, LONGEST};

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const double ms = read_ms(s, ids, lengths[i]);

        printf("\"prefill_%d\":%.1f,", lengths[i], 1e3 * lengths[i] / ms);
        if (!i)
            printf("\"decode\":%.1f,", 1e3 / decode_ms(s, ids, logits));
    }
    printf("\"query_ms\":%.2f,", read_ms(s, ids, QUERY_TOKENS));
}

static double surprise(const float *logits, int V, int id)
{
    float top = logits[0];
    double sum = 0;

    for (int i = 1; i < V; i++)
        top = logits[i] > top ? logits[i] : top;
    for (int i = 0; i < V; i++)
        sum += exp((double)(logits[i] - top));
    return log(sum) - (double)(logits[id] - top);
}

static void print_perplexity(struct session *s, const int *ids, size_t n, float *logits, int V)
{
    double sum = 0;
    size_t counted = 0;

    for (size_t at = 0; at + WINDOW <= n; at += WINDOW) {
        session_cut(s, 0);
        bench_need(
            session_read(s, &(struct session_input){.ids = ids + at, .n = WINDOW}, NULL, &err),
            &err);
        bench_need(session_logits(logits, s, 0, WINDOW, &err), &err);
        for (size_t i = 0; i + 1 < WINDOW; i++, counted++)
            sum += surprise(logits + i * (size_t)V, V, ids[at + i + 1]);
    }
    printf("\"tokens\":%zu,\"perplexity\":%.4f,", counted, exp(sum / (double)counted));
}

/* What is open. */
struct reader {
    struct gguf *g;
    struct decoder *m;
    struct tokenizer *t;
    struct session *s;
};

static void close_reader(struct reader *r)
{
    session_free(r->s);
    tokenizer_close(r->t);
    decoder_close(r->m);
    gguf_close(r->g);
    *r = (struct reader){0};
}

/* Seconds to open the model, with room for so many tokens if there are any. */
static double open_reader(struct reader *r, const char *path, int precision, int cells,
                          struct pool *pool)
{
    const struct decoder_options opt = {.has_head = 1, .precision = precision};
    const double at = bench_seconds();

    bench_need(gguf_open(&r->g, path, &err), &err);
    bench_need(decoder_open(&r->m, r->g, &opt, pool, &err), &err);
    bench_need(tokenizer_open_gguf(&r->t, r->g, &err), &err);
    if (cells)
        bench_need(session_new(&r->s, r->m, cells, pool, &err), &err);
    return bench_seconds() - at;
}

/* Medians of the time to open, and of that to the first 20 tokens read; the file is in memory. */
static void print_opening(const char *path, int precision, int cells, struct pool *pool)
{
    int ids[QUERY_TOKENS];
    double open_s[ROUNDS], first_s[ROUNDS];
    struct reader r = {0};

    for (int i = 0; i < QUERY_TOKENS; i++)
        ids[i] = 100 + i;
    for (int i = -1; i < ROUNDS; i++) {
        double seconds = open_reader(&r, path, precision, 0, pool);

        close_reader(&r);
        if (i >= 0)
            open_s[i] = seconds;
    }
    for (int i = 0; i < ROUNDS; i++) {
        first_s[i] = open_reader(&r, path, precision, cells, pool);
        first_s[i] += 1e-3 * read_once_ms(r.s, ids, QUERY_TOKENS);
        close_reader(&r);
    }
    printf("\"open_ms\":%.1f,\"first_ms\":%.1f,", 1e3 * bench_percentile(open_s, ROUNDS, 0.5),
           1e3 * bench_percentile(first_s, ROUNDS, 0.5));
}

int main(int argc, char **argv)
{
    struct pool *pool = NULL;
    struct reader r = {0};
    struct tokens list = {0};
    const int is_speed = argc == 6 && !strcmp(argv[5], "speed");
    int precision, cells, V;
    char *path = NULL;
    float *logits;

    if (!is_speed && argc != 7) {
        fprintf(stderr,
                "usage: bench_decoder MODEL CORPUS THREADS i8|f32 speed|(perplexity TOKENS)\n");
        return 2;
    }
    precision = strcmp(argv[4], "f32") ? MODEL_I8 : MODEL_F32;
    cells = is_speed ? LONGEST + DECODED : WINDOW;
    bench_need(pool_new(&pool, atoi(argv[3]), &err), &err);
    bench_need(model_find_gguf(&path, argv[1], &err), &err);
    printf("{");
    if (is_speed)
        print_opening(path, precision, cells, pool);
    open_reader(&r, path, precision, cells, pool);
    V = decoder_config(r.m)->vocab;
    read_tokens(&list, r.t, argv[2], is_speed ? (size_t)cells : (size_t)atol(argv[6]));
    logits = mem_alloc((size_t)V * (is_speed ? 1 : WINDOW), sizeof *logits);
    if (!logits)
        return 1;
    if (is_speed)
        print_speed(r.s, list.ids, logits);
    else
        print_perplexity(r.s, list.ids, (size_t)atol(argv[6]), logits, V);
    printf("\"kernels\":\"%s\"}\n", decoder_kernels(r.m));
    mem_free(logits);
    tokens_clear(&list);
    close_reader(&r);
    mem_free(path);
    pool_free(pool);
    return 0;
}
