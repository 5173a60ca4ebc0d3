/* attention_fixture.h -- a tiny decoder, a profile of it, and indexes with its keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ATTENTION_FIXTURE_H
#define TESTS_ATTENTION_FIXTURE_H

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "model/keys.h"
#include "tests/indexer_fixture.h"
#include "tests/tiny_gguf.h"

static char dir[64], model[96], profile[96], choice[200];
static char sha256[65];
static int is_calibrated = 1; /* of profiles that are written */

/* A profile of two layers' heads, that share a key head in the first. */
static inline void write_profile(const char *path, const char *name, const char *method,
                                 double weight, int layer)
{
    char text[1024];
    int n = snprintf(
        text, sizeof text,
        "{\"name\": \"%s\", \"method\": \"%s\", \"model\": \"tiny\", \"sha256\": \"%s\","
        " \"statistic\": \"log-mass\", \"calibrated\": %s, \"wants\": \"find\", \"bits\": 8,"
        " \"first_stage\": 0.5, \"heads\": [{\"layer\": 0, \"head\": 0, \"weight\": %g},"
        " {\"layer\": 0, \"head\": 1, \"weight\": 1}, {\"layer\": %d, \"head\": 3,"
        " \"weight\": 0.5}], \"chosen\": \"by hand\"}",
        name, method, sha256, is_calibrated ? "true" : "false", weight, layer);

    tmp_write(path, text, (size_t)n);
}

static inline void write_model(unsigned seed)
{
    struct tiny_gguf tiny = tiny_gguf_of("llama");
    struct buf bytes = {0};

    tiny.seed = seed;
    tiny.context = 1024;
    tiny_gguf_build(&bytes, &tiny);
    digest_sha256(sha256, bytes.data, bytes.len);
    tmp_write(model, bytes.data, bytes.len);
    buf_clear(&bytes);
}

static inline void make_model(void)
{
    tmp_dir(dir);
    snprintf(model, sizeof model, "%s/tiny.gguf", dir);
    snprintf(profile, sizeof profile, "%s/two.json", dir);
    snprintf(choice, sizeof choice, "%s:%s", profile, model);
    write_model(1);
    write_profile(profile, "two", "stored", 1, 1);
}

static inline void remove_model(void) { tmp_remove(dir); }

static inline struct index_options with_keys(const char *chunking)
{
    return (struct index_options){.settings = {.analyzer = "plain",
                                               .chunking = chunking ? chunking : "words:8",
                                               .attention = choice}};
}

static inline struct index_options without(const char *chunking)
{
    struct index_options opt = with_keys(chunking);

    opt.settings.attention = NULL;
    return opt;
}

/* Document i in its version v. */
static inline void make_text(char docno[16], char text[512], int i, int v)
{
    static const char *const words[] = {"the ",     "retina ", "of ",     "\n# An eye\n",
                                        "fovea \n", "x1 ",     "is it? ", "zebra "};
    uint64_t state = (uint64_t)(i * 31 + v * 1009 + 7);

    snprintf(docno, 16, "d%03d", i);
    text[0] = '\0';
    for (int n = 1 + (int)random_below(&state, 30); n; n--)
        strcat(text, words[random_below(&state, 8)]);
}

static inline void add(struct fixture *f, int i, int v)
{
    char docno[16], text[512];

    make_text(docno, text, i, v);
    fixture_add(f, docno, i % 3 ? "Eye" : "", text);
}

static inline void open_maker(struct key_maker **out, struct profile **p, struct err *err)
{
    ck_assert_ok(profile_open(p, profile, "stored", err), err);
    ck_assert_ok(key_maker_open(out, *p, model, MODEL_I8, NULL, err), err);
}

/* A passage as a model is to read it: title and headings, then text. */
static inline void read_passage(struct buf *title, struct buf *text, struct fixture *f,
                                struct segment *s, uint32_t passage)
{
    struct buf strings = {0}, headings = {0};
    struct span span;
    struct doc doc;

    ck_assert_ok(index_document(&doc, &strings, f->ix, segment_document(s, passage), &f->err),
                 &f->err);
    ck_assert_ok(index_passage_span(&span, f->ix, s, passage, &f->err), &f->err);
    ck_assert_ok(index_passage_headings(&headings, f->ix, doc.text, span, &f->err), &f->err);
    buf_reset(title);
    buf_reset(text);
    buf_printf(title, "%s%s%s", doc.title, *doc.title && headings.len ? " " : "",
               buf_text(&headings));
    buf_add(text, doc.text + span.begin, span.end - span.begin);
    buf_clear(&strings);
    buf_clear(&headings);
}

/* Every living passage has exactly the keys that the model gives it; with `some`, or none.  Returns how many have. */
static inline size_t assert_keys_are_the_models(struct fixture *f, int some)
{
    struct key_maker *maker = NULL;
    struct profile *p = NULL;
    struct buf title = {0}, text = {0}, want = {0};
    struct arena memory = {0};
    size_t count = 0;

    open_maker(&maker, &p, &f->err);
    for (int i = 0; i < index_n_segments(f->ix); i++) {
        struct segment *s = index_segment(f->ix, i);

        for (uint32_t k = 0; k < segment_size(s); k++) {
            const unsigned char *got = NULL;
            struct prompt_passage passage;
            size_t n = 0;
            int rc;

            if (segment_is_dead(s, k))
                continue;
            rc = index_keys(&got, &n, f->ix, s, k, &memory, &f->err);
            ck_assert_msg(rc == 1 || (some && rc == 0), "passage %u: %d %s", k, rc, f->err.text);
            if (!rc)
                continue;
            read_passage(&title, &text, f, s, k);
            passage =
                (struct prompt_passage){buf_text(&title), title.len, buf_text(&text), text.len};
            ck_assert_ok(key_maker_run(&want, maker, &passage, 1, &f->err), &f->err);
            ck_assert_uint_eq(n, want.len);
            ck_assert_mem_eq(got, want.data, n);
            count++;
        }
    }
    arena_clear(&memory);
    buf_clear(&title);
    buf_clear(&text);
    buf_clear(&want);
    key_maker_close(maker);
    profile_free(p);
    return count;
}

static inline struct index_stats stats_of(struct fixture *f)
{
    struct index_stats s;

    ck_assert_ok(index_stats(&s, f->ix, &f->err), &f->err);
    return s;
}

/* All is well, and every passage has its keys. */
static inline void assert_whole(struct fixture *f)
{
    const struct index_stats s = stats_of(f);

    fixture_check(f);
    ck_assert_uint_eq(s.n_attended, s.n_passages);
    ck_assert_uint_eq(assert_keys_are_the_models(f, 0), s.n_passages);
    ck_assert_uint_gt(s.attention_bytes, s.n_passages * 100);
}

static inline int64_t number(struct fixture *f, const char *sql)
{
    struct db *db = NULL;
    int64_t v = -1;

    ck_assert_ok(db_open(&db, f->path, DB_READ, &f->err), &f->err);
    ck_assert_ok(db_get_int(&v, db, &f->err, "%s", sql), &f->err);
    db_close(db);
    return v;
}

#endif
