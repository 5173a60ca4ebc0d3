/* fuzz.c -- mutates inputs and keeps those that reach new code.
 *
 * usage: fuzz TARGET|all SECONDS|RUNSx [SEED]      fuzz TARGET FILE
 *
 * "100x" makes 100 runs, which is the same each time; a FILE is run once.  The input under way is in fuzz-TARGET.input, from
 * where a crash is played again.  `make fuzz` builds everything with sanitizers and coverage; without coverage
 * only the seeds are mutated.
 *
 * Mutations are those of AFL's havoc stage (Zalewski, 2014): bits, bytes, numbers at the edges of their
 * types, blocks moved, copied and cut, words of the target's language, halves of two inputs joined.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const struct fuzz_target *const targets[] = {
    &fuzz_jsonl,         &fuzz_tsv,         &fuzz_csv,        &fuzz_trec,      &fuzz_html,
    &fuzz_queries,       &fuzz_gzip,        &fuzz_qrels,      &fuzz_run,       &fuzz_measures,
    &fuzz_json,          &fuzz_safetensors, &fuzz_vocabulary, &fuzz_tokenizer, &fuzz_bpe,
    &fuzz_sentencepiece, &fuzz_postings,    &fuzz_index,      &fuzz_filter,    &fuzz_chunks,
    &fuzz_analyzers,     &fuzz_settings,    &fuzz_syntax,     &fuzz_gguf,      &fuzz_gguf_words,
    &fuzz_decoder,       &fuzz_profile,     &fuzz_keys,
};

#define RECORD "fuzz-%s.input"

enum { INPUT_MAX = 1 << 17, HANG_SECONDS = 60 /* of processor time */ };

struct input {
    uint8_t *data;
    size_t n;
};

static struct input *pool;
static size_t n_pool, cap_pool;
static uint64_t state;
static char file_path[128]; /* of fuzz_file */

/* ---- what targets use ---- */

static void *need(void *p)
{
    if (p)
        return p;
    perror("fuzz");
    exit(2);
}

void fuzz_seed(const void *data, size_t n)
{
    n = n < INPUT_MAX ? n : INPUT_MAX;
    if (n_pool == cap_pool) {
        cap_pool = cap_pool ? 2 * cap_pool : 64;
        pool = need(realloc(pool, cap_pool * sizeof *pool));
    }
    pool[n_pool].data = need(malloc(n + 1));
    memcpy(pool[n_pool].data, data, n);
    pool[n_pool++].n = n;
}

char *fuzz_text(const uint8_t *data, size_t n)
{
    char *text = need(malloc(n + 1));

    if (n)
        memcpy(text, data, n);
    text[n] = 0;
    return text;
}

const char *fuzz_file(const char *end, const uint8_t *data, size_t n)
{
    int fd;

    if (file_path[0])
        unlink(file_path);
    snprintf(file_path, sizeof file_path, "fuzz-%ld%s", (long)getpid(), end);
    fd = open(file_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, data, n) != (ssize_t)n) {
        perror(file_path);
        exit(2);
    }
    close(fd);
    return file_path;
}

/* ---- mutation ---- */

static uint32_t below(size_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 20) % (n ? n : 1));
}

static void cut(struct input *in)
{
    size_t at = below(in->n), n = 1 + below(in->n - at);

    memmove(in->data + at, in->data + at + n, in->n - at - n);
    in->n -= n;
}

/* Puts n bytes in at a random place; they may be part of the input itself. */
static void put(struct input *in, const void *p, size_t n)
{
    size_t at = below(in->n + 1);
    uint8_t copy[4096];

    n = n < sizeof copy ? n : sizeof copy;
    if (in->n + n > INPUT_MAX)
        return;
    memcpy(copy, p, n);
    memmove(in->data + at + n, in->data + at, in->n - at);
    memcpy(in->data + at, copy, n);
    in->n += n;
}

static void put_number(struct input *in)
{
    static const uint64_t edges[] = {0,          1,         0x7f,       0x80,       0xff,
                                     0x7fff,     0xffff,    0x7fffffff, 0x80000000, 0xffffffff,
                                     UINT64_MAX, INT64_MAX, 1u << 20,   100,        1000};
    uint64_t v = edges[below(sizeof edges / sizeof *edges)] - below(3);
    char text[32];
    size_t size = (size_t)1 << below(4), at = below(in->n);

    if (below(4) == 0)
        put(in, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)v));
    else if (at + size <= in->n)
        memcpy(in->data + at, &v, size);
}

static void put_word(struct input *in, const struct fuzz_target *t)
{
    size_t n = 0;

    while (t->words && t->words[n])
        n++;
    if (n) {
        const char *word = t->words[below(n)];

        put(in, word, strlen(word));
    }
}

static void join(struct input *in)
{
    const struct input *other = &pool[below(n_pool)];
    size_t keep = below(in->n + 1), from = below(other->n + 1), n = other->n - from;

    n = n < INPUT_MAX - keep ? n : INPUT_MAX - keep;
    memcpy(in->data + keep, other->data + from, n);
    in->n = keep + n;
}

static void mutate(struct input *in, const struct fuzz_target *t)
{
    size_t at = below(in->n);

    switch (in->n ? below(9) : 5) {
    case 0:
        in->data[at] ^= (uint8_t)(1 << below(8));
        break;
    case 1:
        in->data[at] = (uint8_t)below(256);
        break;
    case 2:
        cut(in);
        break;
    case 3:
        put_number(in);
        break;
    case 4:
        put(in, in->data + at, 1 + below(in->n - at));
        break;
    case 5:
        put_word(in, t);
        break;
    case 6:
        join(in);
        break;
    case 7:
        in->data[at] = (uint8_t)(in->data[at] + below(35) - 17);
        break;
    default:
        memset(in->data + at, in->data[at], 1 + below(in->n - at < 64 ? in->n - at : 64));
    }
}

/* ---- running ---- */

/* The input under way, in a file that survives a crash: its length, then its bytes. */
static uint8_t *open_record(const char *target)
{
    char path[64];
    uint8_t *p;
    int fd;

    snprintf(path, sizeof path, RECORD, target);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, 8 + INPUT_MAX))
        need(NULL);
    p = mmap(NULL, 8 + INPUT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return p == MAP_FAILED ? need(NULL) : p;
}

/* Ends the program with SIGPROF after so many seconds of processor time, which a busy machine does not shorten. */
static void watch(int seconds)
{
    const struct itimerval limit = {.it_value = {.tv_sec = seconds}};

    setitimer(ITIMER_PROF, &limit, NULL);
}

/* Runs it; 1 if it reached new code. */
static int run_input(const struct fuzz_target *t, const struct input *in, uint8_t *record)
{
    uint64_t n = in->n;
    size_t edges = coverage_edges();
    uint8_t *exact = need(malloc(in->n + !in->n)); /* reading past the end is seen */

    memcpy(record, &n, sizeof n);
    memcpy(record + 8, in->data, in->n);
    memcpy(exact, in->data, in->n);
    watch(HANG_SECONDS);
    t->run(exact, in->n);
    free(exact);
    return coverage_edges() > edges;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fuzz(const struct fuzz_target *t, double limit, uint64_t n_runs, uint64_t seed)
{
    struct input in = {need(malloc(INPUT_MAX)), 0};
    uint8_t *record = open_record(t->name);
    double begin = seconds();
    uint64_t runs = 0;
    size_t n_seeds, edges = coverage_edges();
    char path[64];

    state = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; t->seeds && t->seeds[i]; i++)
        fuzz_seed(t->seeds[i], strlen(t->seeds[i]));
    if (t->more_seeds)
        t->more_seeds();
    fuzz_seed("", 0);
    n_seeds = n_pool;
    for (size_t i = 0; i < n_seeds; i++)
        run_input(t, &pool[i], record);
    while (n_runs ? runs < n_runs : seconds() - begin < limit) {
        const struct input *from = &pool[below(n_pool)];

        memcpy(in.data, from->data, from->n);
        in.n = from->n;
        for (uint32_t i = 1 + below(8); i; i--)
            mutate(&in, t);
        if (run_input(t, &in, record))
            fuzz_seed(in.data, in.n);
        runs++;
    }
    watch(0);
    printf("%-12s %8llu runs, %6.0f a second, %zu edges, %zu inputs kept\n", t->name,
           (unsigned long long)runs, (double)runs / (seconds() - begin), coverage_edges() - edges,
           n_pool - n_seeds);
    fflush(stdout);
    for (size_t i = 0; i < n_pool; i++)
        free(pool[i].data);
    n_pool = 0;
    free(in.data);
    munmap(record, 8 + INPUT_MAX);
    snprintf(path, sizeof path, RECORD, t->name);
    unlink(path);
}

/* A file that run_input recorded, or any other. */
static void replay(const struct fuzz_target *t, const char *path)
{
    FILE *f = need(fopen(path, "rb"));
    uint8_t *bytes = need(malloc(8 + INPUT_MAX)), *exact;
    size_t n = fread(bytes, 1, 8 + INPUT_MAX, f);
    uint64_t recorded = 0;

    fclose(f);
    if (n == 8 + INPUT_MAX) {
        memcpy(&recorded, bytes, 8);
        n = (size_t)recorded;
        memmove(bytes, bytes + 8, n);
    }
    exact = need(malloc(n + !n));
    memcpy(exact, bytes, n);
    t->run(exact, n);
    free(exact);
    free(bytes);
}

int main(int argc, char **argv)
{
    int found = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: fuzz TARGET|all SECONDS|RUNSx [SEED]\n       fuzz TARGET FILE\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        const struct fuzz_target *t = targets[i];
        char *end;
        double limit = strtod(argv[2], &end);

        if (strcmp(argv[1], "all") && strcmp(argv[1], t->name))
            continue;
        found = 1;
        if (*end && strcmp(end, "x"))
            replay(t, argv[2]);
        else
            fuzz(t, limit, *end ? (uint64_t)limit : 0, argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
    }
    if (file_path[0])
        unlink(file_path);
    if (!found)
        fprintf(stderr, "fuzz: there is no target '%s'\n", argv[1]);
    free(pool);
    return !found;
}
