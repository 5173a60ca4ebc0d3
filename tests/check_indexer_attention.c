/* check_indexer_attention.c -- attention keys of an index: what the model says of each passage, through updates, merges, stops,
 * other writers and damage. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "model/keys.h"
#include "tests/indexer_fixture.h"
#include "tests/tiny_gguf.h"

static char dir[64], model[96], profile[96], choice[200];
static char sha256[65];

/* A profile of two layers' heads, that share a key head in the first. */
static void write_profile(const char *path, const char *name, const char *method, double weight,
                          int layer)
{
    char text[1024];
    int n = snprintf(
        text, sizeof text,
        "{\"name\": \"%s\", \"method\": \"%s\", \"model\": \"tiny\", \"sha256\": \"%s\","
        " \"statistic\": \"log-mass\", \"calibrated\": true, \"wants\": \"find\", \"bits\": 8,"
        " \"first_stage\": 0.5, \"heads\": [{\"layer\": 0, \"head\": 0, \"weight\": %g},"
        " {\"layer\": 0, \"head\": 1, \"weight\": 1}, {\"layer\": %d, \"head\": 3,"
        " \"weight\": 0.5}], \"chosen\": \"by hand\"}",
        name, method, sha256, weight, layer);

    tmp_write(path, text, (size_t)n);
}

static void write_model(unsigned seed)
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

static void make_model(void)
{
    tmp_dir(dir);
    snprintf(model, sizeof model, "%s/tiny.gguf", dir);
    snprintf(profile, sizeof profile, "%s/two.json", dir);
    snprintf(choice, sizeof choice, "%s:%s", profile, model);
    write_model(1);
    write_profile(profile, "two", "stored", 1, 1);
}

static void remove_model(void) { tmp_remove(dir); }

static struct index_options with_keys(const char *chunking)
{
    return (struct index_options){.settings = {.analyzer = "plain",
                                               .chunking = chunking ? chunking : "words:8",
                                               .attention = choice}};
}

static struct index_options without(const char *chunking)
{
    struct index_options opt = with_keys(chunking);

    opt.settings.attention = NULL;
    return opt;
}

/* Document i in its version v. */
static void make_text(char docno[16], char text[512], int i, int v)
{
    static const char *const words[] = {"the ",     "retina ", "of ",     "\n# An eye\n",
                                        "fovea \n", "x1 ",     "is it? ", "zebra "};
    uint64_t state = (uint64_t)(i * 31 + v * 1009 + 7);

    snprintf(docno, 16, "d%03d", i);
    text[0] = '\0';
    for (int n = 1 + (int)random_below(&state, 30); n; n--)
        strcat(text, words[random_below(&state, 8)]);
}

static void add(struct fixture *f, int i, int v)
{
    char docno[16], text[512];

    make_text(docno, text, i, v);
    fixture_add(f, docno, i % 3 ? "Eye" : "", text);
}

static void open_maker(struct key_maker **out, struct profile **p, struct err *err)
{
    ck_assert_ok(profile_open(p, profile, "stored", err), err);
    ck_assert_ok(key_maker_open(out, *p, model, MODEL_I8, NULL, err), err);
}

/* A passage as a model is to read it: title and headings, then text. */
static void read_passage(struct buf *title, struct buf *text, struct fixture *f, struct segment *s,
                         uint32_t passage)
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
static size_t assert_keys_are_the_models(struct fixture *f, int some)
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

static struct index_stats stats_of(struct fixture *f)
{
    struct index_stats s;

    ck_assert_ok(index_stats(&s, f->ix, &f->err), &f->err);
    return s;
}

/* All is well, and every passage has its keys. */
static void assert_whole(struct fixture *f)
{
    const struct index_stats s = stats_of(f);

    fixture_check(f);
    ck_assert_uint_eq(s.n_attended, s.n_passages);
    ck_assert_uint_eq(assert_keys_are_the_models(f, 0), s.n_passages);
    ck_assert_uint_gt(s.attention_bytes, s.n_passages * 100);
}

static int64_t number(struct fixture *f, const char *sql)
{
    struct db *db = NULL;
    int64_t v = -1;

    ck_assert_ok(db_open(&db, f->path, DB_READ, &f->err), &f->err);
    ck_assert_ok(db_get_int(&v, db, &f->err, "%s", sql), &f->err);
    db_close(db);
    return v;
}

static const char *const chunkings[] = {"words:8", "sections:8", "whole"};

START_TEST(keys_follow_updates_deletions_and_merges)
{
    struct index_options opt = with_keys(chunkings[_i]);
    struct fixture f;

    fixture_open(&f, &opt);
    ck_assert_str_eq(index_settings(f.ix)->attention, "two");
    ck_assert_str_eq(index_attention_model(f.ix), "tiny");
    for (int i = 0; i < 40; i++) {
        add(&f, i, 0);
        if (i == 5) /* replaced while it waits to be indexed */
            add(&f, i, 7);
        if (i % 20 == 19)
            fixture_commit(&f);
    }
    assert_whole(&f);
    for (int i = 0; i < 40; i += 4)
        add(&f, i, 1);
    ck_assert_int_eq(index_delete(f.ix, "d001", &f.err), 1);
    ck_assert_int_eq(index_delete(f.ix, "d039", &f.err), 1); /* whose id the next one gets */
    add(&f, 77, 0);
    fixture_commit(&f);
    fixture_again(&f);
    ck_assert_int_gt(index_n_segments(f.ix), 1);
    assert_whole(&f);
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    assert_whole(&f);
    add(&f, 2, 5);
    ck_assert_int_eq(index_delete(f.ix, "d003", &f.err), 1);
    index_rollback(f.ix);
    assert_whole(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(keys_made_later_are_those_made_while_indexing)
{
    struct index_options now = with_keys(chunkings[_i]), later = without(chunkings[_i]);
    struct fixture a, b;
    struct db *db = NULL;
    int64_t differ = -1;

    fixture_open(&a, &now);
    fixture_open(&b, &later);
    for (int i = 0; i < 20; i++) {
        add(&a, i, 0);
        add(&b, i, 0);
    }
    fixture_commit(&a);
    ck_assert_ok(index_attend(b.ix, choice, &b.err), &b.err); /* commits what is pending */
    assert_whole(&a);
    assert_whole(&b);
    ck_assert_ok(db_open(&db, a.path, DB_READ, &a.err), &a.err);
    ck_assert_ok(db_exec(db, &a.err, "ATTACH '%q' AS b", b.path), &a.err);
    ck_assert_ok(
        db_get_int(&differ, db, &a.err,
                   "SELECT count(*) FROM (SELECT * FROM (SELECT * FROM main.fovea_attention EXCEPT "
                   "SELECT * FROM b.fovea_attention) UNION ALL SELECT * FROM (SELECT * FROM "
                   "b.fovea_attention EXCEPT SELECT * FROM main.fovea_attention))"),
        &a.err);
    ck_assert_int_eq(differ, 0);
    db_close(db);
    add(&b, 50, 0); /* from now on they come along */
    fixture_commit(&b);
    assert_whole(&b);
    ck_assert_ok(index_attend(b.ix, NULL, &b.err), &b.err);
    fixture_close(&a);
    fixture_close(&b);
}
END_TEST

START_TEST(an_index_without_keys_is_as_it_was_before_there_were_any)
{
    struct index_options opt = without(NULL);
    struct fixture f;
    const struct index_stats *none = &(struct index_stats){0};
    int64_t size;

    fixture_open(&f, &opt);
    for (int i = 0; i < 10; i++)
        add(&f, i, 0);
    fixture_commit(&f);
    size = number(&f, "SELECT count(*) FROM fovea_settings");
    ck_assert_int_eq(number(&f, "PRAGMA user_version"), 1);
    ck_assert_int_eq(number(&f, "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%atten%'"), 0);
    ck_assert_str_eq(index_settings(f.ix)->attention, "none");
    ck_assert_ptr_null(index_profile(f.ix));
    ck_assert_uint_eq(stats_of(&f).attention_bytes, none->attention_bytes);

    ck_assert_ok(index_attend(f.ix, choice, &f.err), &f.err);
    ck_assert_int_eq(number(&f, "PRAGMA user_version"), 5);
    ck_assert_int_eq(number(&f, "SELECT value FROM fovea_settings WHERE key = 'format'"), 5);
    ck_assert_str_eq(index_profile(f.ix)->name, "two");
    ck_assert_int_eq(index_profile(f.ix)->n_heads, 3);
    ck_assert_int_eq(number(&f, "SELECT value FROM fovea_settings WHERE key = 'attention_slots'"),
                     2);

    ck_assert_ok(index_attend(f.ix, "none", &f.err), &f.err);
    ck_assert_int_eq(number(&f, "PRAGMA user_version"), 1);
    ck_assert_int_eq(number(&f, "SELECT value FROM fovea_settings WHERE key = 'format'"), 1);
    ck_assert_int_eq(number(&f, "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%atten%'"), 0);
    ck_assert_int_eq(number(&f, "SELECT count(*) FROM fovea_settings"), size);
    ck_assert_ptr_null(index_profile(f.ix));
    ck_assert_ok(index_attend(f.ix, "none", &f.err), &f.err);
    fixture_check(&f);
    fixture_close(&f);
}
END_TEST

/* ---- stops and other writers ---- */

/* Asks to stop after so many passages. */
static int stop_after(const char *what, uint64_t done, uint64_t total, void *payload)
{
    uint64_t *left = payload;

    if (strcmp(what, "passages read") != 0)
        return 0;
    ck_assert_uint_le(done, total);
    return --*left == 0;
}

START_TEST(stopped_work_is_kept_and_goes_on)
{
    struct index_options opt = without(NULL);
    struct fixture f;
    uint64_t left = 0, n = 0;

    opt.progress = stop_after;
    opt.payload = &left;
    fixture_open(&f, &opt);
    for (int i = 0; i < 20; i++)
        add(&f, i, 0);
    fixture_commit(&f);
    for (int stops = 0;; stops++) {
        int rc;

        left = 7; /* in the midst of a document, too */
        rc = index_attend(f.ix, stops ? NULL : choice, &f.err);
        fixture_check(&f);
        n += 7;
        if (!rc) {
            ck_assert_int_gt(stops, 4);
            break;
        }
        ck_assert_err(rc, E_STOP, "are kept", &f.err);
        ck_assert_uint_eq(stats_of(&f).n_attended, n);
        ck_assert_uint_eq(assert_keys_are_the_models(&f, 1), n);
        if (stops % 2)
            fixture_again(&f);
        if (stops == 2) { /* changes meanwhile, of what has keys and of what has none */
            const uint64_t before = stats_of(&f).n_attended;
            const int64_t last = number(&f, "SELECT max(id) >> 29 FROM fovea_attention");

            left = 1000;
            add(&f, (int)last - 1, 9);
            ck_assert_int_eq(index_delete(f.ix, "d019", &f.err), 1);
            fixture_commit(&f);
            n = stats_of(&f).n_attended;
            ck_assert_uint_ne(n, before);
        }
    }
    assert_whole(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(a_stopped_commit_leaves_the_last_one)
{
    struct index_options opt = with_keys(NULL);
    struct fixture f;
    uint64_t left = 1000, n;

    opt.progress = stop_after;
    opt.payload = &left;
    fixture_open(&f, &opt);
    add(&f, 1, 0);
    add(&f, 2, 0);
    fixture_commit(&f);
    n = stats_of(&f).n_attended;
    add(&f, 1, 1);
    add(&f, 3, 0);
    left = 2;
    ck_assert_err(index_commit(f.ix, &f.err), E_STOP, "the last commit stands", &f.err);
    ck_assert_uint_eq(stats_of(&f).n_attended, n);
    assert_whole(&f);
    fixture_close(&f);
}
END_TEST

/* Another writer, at work while keys are made. */
struct meddler {
    struct fixture *f;
    struct index_options opt;
    uint64_t at;
    const char *attend; /* what it asks of index_attend, or NULL */
};

static int meddle(const char *what, uint64_t done, uint64_t total, void *payload)
{
    struct meddler *m = payload;
    struct fixture other = *m->f;

    (void)what, (void)total;
    if (done != m->at)
        return 0;
    m->at = 0;
    other.ix = NULL;
    ck_assert_ok(index_open(&other.ix, other.path, &m->opt, &other.err), &other.err);
    if (m->attend)
        ck_assert_ok(index_attend(other.ix, m->attend, &other.err), &other.err);
    for (int i = 0; i < 20; i += 3)
        add(&other, i, 2);
    add(&other, 30, 0);
    ck_assert_int_eq(index_delete(other.ix, "d004", &other.err), 1);
    ck_assert_int_eq(index_delete(other.ix, "d005", &other.err), 1);
    ck_assert_ok(index_merge(other.ix, &other.err), &other.err);
    index_close(other.ix);
    return 0;
}

START_TEST(documents_may_change_while_their_keys_are_made)
{
    struct index_options opt = without(NULL);
    struct fixture f;
    struct meddler m = {&f, without(NULL), 1 + 6 * (uint64_t)_i, NULL};

    opt.progress = meddle;
    opt.payload = &m;
    m.opt.mode = INDEX_WRITE;
    fixture_open(&f, &opt);
    for (int i = 0; i < 20; i++)
        add(&f, i, 0);
    fixture_commit(&f);
    ck_assert_ok(index_attend(f.ix, choice, &f.err), &f.err);
    ck_assert_uint_eq(m.at, 0);
    assert_whole(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(keys_that_are_taken_out_meanwhile_end_the_work)
{
    struct index_options opt = without(NULL);
    struct fixture f;
    struct meddler m = {&f, without(NULL), 5, "none"};

    opt.progress = meddle;
    opt.payload = &m;
    m.opt.mode = INDEX_WRITE;
    fixture_open(&f, &opt);
    for (int i = 0; i < 20; i++)
        add(&f, i, 0);
    fixture_commit(&f);
    ck_assert_err(index_attend(f.ix, choice, &f.err), E_INVALID, "another process", &f.err);
    ck_assert_ptr_null(index_profile(f.ix));
    fixture_check(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(handles_that_were_open_before_learn_of_keys_and_of_their_end)
{
    struct index_options opt = without(NULL);
    struct fixture f, writer, reader;

    fixture_open(&f, &opt);
    add(&f, 1, 0);
    fixture_commit(&f);
    writer = reader = f;
    writer.opt.mode = INDEX_WRITE;
    reader.opt.mode = INDEX_READ;
    ck_assert_ok(index_open(&writer.ix, f.path, &writer.opt, &f.err), &f.err);
    ck_assert_ok(index_open(&reader.ix, f.path, &reader.opt, &f.err), &f.err);
    ck_assert_ok(index_attend(f.ix, choice, &f.err), &f.err);
    ck_assert_ptr_null(index_profile(reader.ix));
    ck_assert_ok(index_refresh(reader.ix, &f.err), &f.err);
    ck_assert_str_eq(index_profile(reader.ix)->name, "two");
    ck_assert_str_eq(index_settings(reader.ix)->attention, "two");
    assert_whole(&reader);

    add(&writer, 1,
        1); /* its first change since: keys of the old text go, those of the new one come */
    add(&writer, 2, 0);
    fixture_commit(&writer);
    assert_whole(&writer);
    ck_assert_ok(index_refresh(reader.ix, &f.err), &f.err);
    assert_whole(&reader);

    ck_assert_ok(index_attend(f.ix, "none", &f.err), &f.err);
    add(&writer, 2, 1);
    fixture_commit(&writer);
    ck_assert_ptr_null(index_profile(writer.ix));
    fixture_check(&writer);
    ck_assert_ok(index_refresh(reader.ix, &f.err), &f.err);
    ck_assert_ptr_null(index_profile(reader.ix));
    index_close(writer.ix);
    index_close(reader.ix);
    fixture_close(&f);
}
END_TEST

TCase *tcase_attention(void)
{
    TCase *tc = tcase_create("attention");

    tcase_add_checked_fixture(tc, make_model, remove_model);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, keys_follow_updates_deletions_and_merges, 0, 3);
    tcase_add_loop_test(tc, keys_made_later_are_those_made_while_indexing, 0, 3);
    tcase_add_test(tc, an_index_without_keys_is_as_it_was_before_there_were_any);
    tcase_add_test(tc, stopped_work_is_kept_and_goes_on);
    tcase_add_test(tc, a_stopped_commit_leaves_the_last_one);
    tcase_add_loop_test(tc, documents_may_change_while_their_keys_are_made, 0, 6);
    tcase_add_test(tc, keys_that_are_taken_out_meanwhile_end_the_work);
    tcase_add_test(tc, handles_that_were_open_before_learn_of_keys_and_of_their_end);
    return tc;
}
