/* fuzz_index.c -- the index file and its postings, filters, chunks, analyzers and settings. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "indexer/analyzer.h"
#include "indexer/chunk.h"
#include "indexer/factory.h"
#include "indexer/filter_parse.h"
#include "indexer/index.h"
#include "indexer/postings.h"
#include "tests/fuzz/fuzz.h"

enum { SIZE = 5000 }; /* passages of the segment that postings are of */

static const uint32_t *lengths(void)
{
    static uint32_t all[SIZE];

    for (uint32_t i = 0; i < SIZE; i++)
        all[i] = 1 + i % 97;
    return all;
}

/* The first two bytes say how many postings there should be. */
static void run_postings(const uint8_t *data, size_t n)
{
    uint32_t count = n < 2 ? 0 : (uint32_t)data[0] | (uint32_t)data[1] << 8, before = 0, seen = 0;
    struct term_postings *t = NULL;
    struct err err = {0};
    unsigned char *bytes;
    struct postings p;

    if (n < 2)
        return;
    bytes = mem_zalloc(n - 2 + POSTINGS_PAD, 1);
    memcpy(bytes, data + 2, n - 2);
    if (term_postings_new(&t, bytes, n - 2, count, SIZE, lengths(), &err))
        return;
    for (postings_begin(&p, t); p.passage != POSTINGS_END; postings_next(&p), seen++) {
        if (p.passage >= SIZE || (seen && p.passage <= before) || !postings_freq(&p))
            abort();
        before = p.passage;
    }
    if (seen != count)
        abort();
    postings_begin(&p, t);
    for (uint32_t target = 0; postings_seek(&p, target) != POSTINGS_END; target += 700)
        if (p.passage < target)
            abort();
    term_postings_free(t);
}

static void postings_seeds(void)
{
    for (uint32_t n = 1; n < 700; n = n * 3 + 2) {
        uint64_t postings[700];
        struct buf out = {0};

        buf_u8(&out, (uint8_t)n);
        buf_u8(&out, (uint8_t)(n >> 8));
        for (uint32_t i = 0; i < n; i++)
            postings[i] = posting_make(i * 7 + i % 5, 1 + i % 3);
        postings_write(&out, postings, n, lengths());
        fuzz_seed(out.data, out.len);
        buf_clear(&out);
    }
}

static void add_document(struct index *ix, int i)
{
    char docno[16], text[200];
    struct doc doc = {.docno = docno, .title = "a title", .text = text, .meta = "{\"year\": 2020}"};
    struct err err = {0};

    snprintf(docno, sizeof docno, "d%d", i);
    snprintf(text, sizeof text, "words %d of document %d and some more of them, w%d", i, i * 3,
             i % 9);
    if (index_add(ix, &doc, &err) < 0) {
        fprintf(stderr, "fuzz: %s\n", err.text);
        exit(2);
    }
}

static void index_seeds(void)
{
    struct index_options opt = {.mode = INDEX_CREATE,
                                .settings = {.chunking = "sentences:20", .model = "none"}};
    const char *path = "fuzz-seed.fovea";
    struct index *ix = NULL;
    struct err err = {0};
    char *bytes = NULL;
    size_t n;

    unlink(path);
    if (index_open(&ix, path, &opt, &err)) {
        fprintf(stderr, "fuzz: %s\n", err.text);
        exit(2);
    }
    for (int i = 0; i < 40; i++)
        add_document(ix, i);
    if (index_commit(ix, &err) || index_delete(ix, "d7", &err) < 0 || index_commit(ix, &err))
        exit(2);
    index_close(ix);
    if (file_read(&bytes, &n, path, 1 << 24, &err))
        exit(2);
    fuzz_seed(bytes, n);
    mem_free(bytes);
    unlink(path);
}

static int on_token(const struct term_token *t, void *payload)
{
    *(size_t *)payload += t->len;
    return 0;
}

/* Opens a file that may be an index, walks some terms, checks it. */
static void run_index(const uint8_t *data, size_t n)
{
    const char *path = fuzz_file(".fovea", data, n);
    struct index *ix = NULL;
    struct err err = {0};
    char log[160];

    if (!index_open(&ix, path, NULL, &err)) {
        for (int i = 0; i < index_n_segments(ix); i++) {
            struct segment *s = index_segment(ix, i);
            struct postings p;
            struct term t;

            if (segment_find_term(&t, s, "document", 8, &err) == 1 &&
                !postings_open(&p, s, &t, &err))
                while (p.passage != POSTINGS_END)
                    postings_next(&p);
        }
        index_check(ix, &err);
        index_close(ix);
    }
    snprintf(log, sizeof log, "%s-wal", path);
    unlink(log);
    snprintf(log, sizeof log, "%s-shm", path);
    unlink(log);
}

static void run_filter(const uint8_t *data, size_t n)
{
    struct filter_tree tree = {0};
    struct err err = {0};
    char *text = fuzz_text(data, n);

    filter_parse(&tree, text, &err);
    filter_tree_clear(&tree);
    free(text);
}

/* The first byte says how; spans rise and lie within the text. */
static void run_chunks(const uint8_t *data, size_t n)
{
    static const char *const how[] = {"whole", "words:7:3", "sentences:9", "sections:11",
                                      "words:1"};
    struct chunking chunking;
    struct chunks chunks = {0};
    struct err err = {0};

    if (!n || chunking_parse(&chunking, how[data[0] % 5], &err))
        return;
    if (!chunk_text(&chunks, (const char *)data + 1, n - 1, &chunking, &err))
        for (size_t i = 0; i < chunks.n; i++)
            if (chunks.spans[i].begin > chunks.spans[i].end || chunks.spans[i].end > n - 1)
                abort();
    chunks_clear(&chunks);
}

static void run_analyzers(const uint8_t *data, size_t n)
{
    static struct analyzer *all[64];
    struct err err = {0};
    size_t kinds = 0, sum = 0;

    while (analyzer_kinds[kinds].name)
        kinds++;
    if (!n)
        return;
    kinds = data[0] % kinds;
    if (!all[kinds] && analyzer_new(&all[kinds], analyzer_kinds[kinds].name, &err))
        abort();
    analyzer_run(all[kinds], (const char *)data + 1, n - 1, on_token, &sum, &err);
}

/* What is a list of fields must be the same when it is written and read again. */
static void run_fields(const char *text)
{
    struct fields fields, again;
    struct buf form = {0}, second = {0};

    if (fields_parse(&fields, text, NULL))
        return;
    fields_format(&form, &fields);
    if (fields_parse(&again, buf_text(&form), NULL))
        abort();
    fields_format(&second, &again);
    if (strcmp(buf_text(&form), buf_text(&second)) != 0 || fields.unit != again.unit ||
        fields.n_more != again.n_more)
        abort();
    buf_clear(&form);
    buf_clear(&second);
}

static void run_settings(const uint8_t *data, size_t n)
{
    struct chunking chunking;
    struct analyzer *a = NULL;
    struct err err = {0};
    char *text = fuzz_text(data, n), again[40];

    if (!chunking_parse(&chunking, text, &err))
        chunking_format(again, &chunking);
    if (!analyzer_new(&a, text, &err))
        analyzer_free(a);
    run_fields(text);
    free(text);
}

static const char *const filters[] = {
    "year >= 2020 and source = 'x' or not (a.b in (1, 'two') and t ~ 'u')",
    "docno like 'a%' and title is not null and x between 1 and 2.5e3", NULL};
static const char *const filter_words[] = {
    "and", "or", "not", "(",  ")",     "in",    "like",  "is", "null", "between", ">=", "<>",
    "!~",  "'",  "''",  "\"", "docno", "title", "1e999", ".",  ",",    "%",       NULL};
static const char *const texts[] = {
    "\x03# One\n\nText of one. More of it!\n\nTwo\n---\n```\n# code\n```\n1. a\n2. b\r\n",
    "\x02Mr. Smith went. Then? Yes.",
    "\x01\xe4\xb8\xad\xe6\x96\x87\xe3\x80\x82 l'\xc3\xa9t\xc3\xa9 Stra\xc3\x9f"
    "e \xef\xbc\xa1 isn't",
    NULL};
static const char *const text_words[] = {"\n\n",         "# ",           "```\n",
                                         "---\n",        "===\n",        ". ",
                                         "\xcc\x81",     "\xe2\x80\x8d", "\xf0\x9f\x98\x80",
                                         "\xff",         "l'",           "\xc4\xb0",
                                         "\xe0\xb8\x81", "running",      NULL};
static const char *const settings[] = {"words:200:40",
                                       "sentences:100:20",
                                       "sections:150",
                                       "english",
                                       "cjk",
                                       "title:3,headings:0.5,text:1,\"x y\".b:2.75",
                                       "title:0,a.b:64",
                                       NULL};
static const char *const setting_words[] = {
    "words", "sentences", "sections", "whole", ":",   "4294967297", "-1",
    "title", "headings:", "text:",    ",",     ".25", "\"",         NULL};

const struct fuzz_target fuzz_postings = {"postings", run_postings, NULL, postings_seeds, NULL};
const struct fuzz_target fuzz_index = {"index", run_index, NULL, index_seeds, NULL};
const struct fuzz_target fuzz_filter = {"filter", run_filter, filters, NULL, filter_words};
const struct fuzz_target fuzz_chunks = {"chunks", run_chunks, texts, NULL, text_words};
const struct fuzz_target fuzz_analyzers = {"analyzers", run_analyzers, texts, NULL, text_words};
const struct fuzz_target fuzz_settings = {"settings", run_settings, settings, NULL, setting_words};
