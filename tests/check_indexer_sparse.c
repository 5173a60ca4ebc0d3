/* check_indexer_sparse.c -- the sparse leg of an index: what the model says, through updates, merges and damage. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "indexer/impacts.h"
#include "tests/indexer_fixture.h"
#include "tests/tiny_model.h"

static char model_dir[64];

static void make_model(void)
{
    tmp_dir(model_dir);
    tiny_splade_write(model_dir, 1);
}

static void remove_model(void) { tmp_remove(model_dir); }

static struct index_options with_sparse(void)
{
    return (struct index_options){
        .settings = {.analyzer = "plain", .chunking = "words:8", .sparse = model_dir}};
}

/* Document i in its version v: some sentences. */
static void add(struct fixture *f, int i, int v)
{
    static const char *const words[] = {"the",       "retina", "of",  "eye",
                                        "foveation", "x1",     "is?", "zebra"};
    char docno[16], text[512] = "";
    uint64_t state = (uint64_t)(i * 31 + v * 1009 + 7);

    snprintf(docno, sizeof docno, "d%03d", i);
    for (int n = 1 + (int)random_below(&state, 30); n; n--) {
        strcat(text, words[random_below(&state, 8)]);
        strcat(text, " ");
    }
    fixture_add(f, docno, i % 3 ? "Eye" : "", text);
}

/* What is indexed of a passage. */
static void passage_text(struct buf *out, struct fixture *f, struct segment *s, uint32_t passage)
{
    struct buf strings = {0};
    struct span span;
    struct doc doc;

    ck_assert_ok(index_document(&doc, &strings, f->ix, segment_document(s, passage), &f->err),
                 &f->err);
    ck_assert_ok(index_passage_span(&span, f->ix, s, passage, &f->err), &f->err);
    buf_reset(out);
    if (*doc.title)
        buf_printf(out, "%s ", doc.title);
    buf_add(out, doc.text + span.begin, span.end - span.begin);
    buf_clear(&strings);
}

/* Every living passage has exactly the impacts that the model gives its text.  Returns how many there are. */
static size_t assert_impacts_are_the_models(struct fixture *f)
{
    struct model *m = NULL;
    struct buf text = {0};
    size_t count = 0;

    ck_assert_ok(index_sparse_encoder(&m, f->ix, &f->err), &f->err);
    for (int i = 0; i < index_n_segments(f->ix); i++) {
        struct segment *s = index_segment(f->ix, i);
        const size_t V = (size_t)model_vocabulary(m);
        unsigned char *got = mem_zalloc(segment_size(s) * V, 1);

        for (int token = 0; token < (int)V; token++) {
            struct postings p;
            int rc = impacts_open(&p, s, token, &f->err);

            ck_assert_msg(rc >= 0, "%s", f->err.text);
            for (; rc && p.passage != POSTINGS_END; postings_next(&p))
                got[p.passage * V + (size_t)token] = (unsigned char)postings_freq(&p);
        }
        for (uint32_t p = 0; p < segment_size(s); p++) {
            struct model_words w = {0};
            struct model_text t;

            if (segment_is_dead(s, p))
                continue;
            passage_text(&text, f, s, p);
            t = (struct model_text){buf_text(&text), text.len};
            ck_assert_ok(model_embed_words(&w, m, NULL, &t, 1, MODEL_PASSAGE, &f->err), &f->err);
            for (size_t k = 0; k < w.n; k++) {
                unsigned char *at = &got[p * V + (size_t)w.v[k].token];

                ck_assert_uint_eq(*at, impact_of(w.v[k].weight));
                count += *at > 0;
                *at = 0;
            }
            for (size_t k = 0; k < V; k++)
                ck_assert_uint_eq(got[p * V + k], 0);
            model_words_clear(&w);
        }
        mem_free(got);
    }
    buf_clear(&text);
    return count;
}

/* The bytes of the three parts of the only segment. */
static void parts_of(struct buf *out, struct fixture *f)
{
    struct segment *s = index_segment(f->ix, 0);
    struct part_reader *parts[3];

    ck_assert_int_eq(index_n_segments(f->ix), 1);
    ck_assert_ok(impacts_need(s, &f->err), &f->err);
    parts[0] = &s->impacts->head;
    parts[1] = &s->impacts->index;
    parts[2] = &s->impacts->postings;
    for (int i = 0; i < 3; i++) {
        unsigned char *p = NULL;

        ck_assert_ok(part_load(&p, parts[i], 0, &f->err), &f->err);
        buf_add(out, p, (size_t)parts[i]->size);
        mem_free(p);
    }
}

START_TEST(impacts_follow_updates_deletions_and_merges)
{
    struct index_options opt = with_sparse();
    struct fixture f, fresh;
    struct buf merged = {0}, want = {0};

    fixture_open(&f, &opt);
    for (int i = 0; i < 60; i++) {
        add(&f, i, 0);
        if (i % 20 == 19)
            fixture_commit(&f);
    }
    fixture_check(&f);
    ck_assert_uint_gt(assert_impacts_are_the_models(&f), 1000);
    for (int i = 0; i < 60; i += 4)
        add(&f, i, 1);
    ck_assert_int_eq(index_delete(f.ix, "d001", &f.err), 1);
    fixture_commit(&f);
    fixture_again(&f);
    fixture_check(&f);
    ck_assert_int_gt(index_n_segments(f.ix), 1);
    ck_assert_uint_gt(assert_impacts_are_the_models(&f), 1000);
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    fixture_check(&f);
    ck_assert_uint_gt(assert_impacts_are_the_models(&f), 1000);

    fixture_open(&fresh, &opt);
    for (int i = 59; i >= 0; i--)
        if (i != 1)
            add(&fresh, i, i % 4 == 0);
    fixture_commit(&fresh);
    parts_of(&merged, &f);
    parts_of(&want, &fresh);
    ck_assert_uint_eq(merged.len, want.len);
    ck_assert_mem_eq(merged.data, want.data, want.len);
    buf_clear(&merged);
    buf_clear(&want);
    fixture_close(&fresh);
    fixture_close(&f);
}
END_TEST

START_TEST(merging_asks_no_model_and_another_model_is_refused)
{
    struct index_options opt = with_sparse();
    struct fixture f;
    struct model *m;
    struct doc doc = {.docno = "x", .title = "", .text = "the eye"};

    fixture_open(&f, &opt);
    ck_assert_str_eq(index_sparse_sha256(f.ix), f.ix->recorded.sparse_sha256);
    ck_assert_uint_eq(strlen(index_sparse_sha256(f.ix)), 64);
    ck_assert_int_eq(index_sparse_words(f.ix), 147);
    for (int i = 0; i < 10; i++) {
        add(&f, i, 0);
        fixture_commit(&f);
    }
    tiny_splade_write(model_dir, 2);
    fixture_again(&f);
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    fixture_check(&f);
    ck_assert_err(index_sparse_encoder(&m, f.ix, &f.err), E_INVALID, "give the folder of the right",
                  &f.err);
    ck_assert_int_eq(index_add(f.ix, &doc, &f.err), INDEX_ADDED);
    ck_assert_err(index_commit(f.ix, &f.err), E_INVALID, "was made with the model", &f.err);
    fixture_check(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(sparse_settings_are_recorded_and_compared)
{
    struct index_options opt = with_sparse();
    struct index *ix = NULL;
    struct fixture f, plain;
    struct model *m;
    int64_t version = 0;

    fixture_open(&f, &opt);
    ck_assert_ok(db_get_int(&version, f.ix->wr.db, &f.err, "PRAGMA user_version"), &f.err);
    ck_assert_int_eq(version, 2);
    opt.settings.sparse = "none";
    ck_assert_err(index_open(&ix, f.path, &opt, &f.err), E_INVALID, "sparse model", &f.err);
    fixture_open(&plain, NULL);
    ck_assert_ok(db_get_int(&version, plain.ix->wr.db, &f.err, "PRAGMA user_version"), &f.err);
    ck_assert_int_eq(version, 1); /* files without a sparse leg are as they were */
    ck_assert_err(index_sparse_encoder(&m, plain.ix, &f.err), E_INVALID, "no sparse leg", &f.err);
    opt = with_sparse();
    opt.mode = INDEX_CREATE;
    opt.settings.chunking = NULL;
    ck_assert_err(index_open(&ix, plain.path, &opt, &f.err), E_INVALID, "sparse model 'none'",
                  &f.err);
    opt.settings = (struct index_settings){.model = model_dir};
    ck_assert_err(index_open(&ix, "/nonexistent/x.fovea", &opt, &f.err), E_INVALID,
                  "weighted words, not vectors", &f.err);
    tiny_model_write(model_dir, 1, "");
    opt.settings = (struct index_settings){.sparse = model_dir};
    ck_assert_err(index_open(&ix, "/nonexistent/x.fovea", &opt, &f.err), E_INVALID, "makes vectors",
                  &f.err);
    ck_assert_ptr_null(ix);
    fixture_close(&plain);
    fixture_close(&f);
}
END_TEST

/* One byte of a part is changed, with a checksum that fits. */
static void damage(struct fixture *f, int part, size_t at)
{
    struct segment *s = index_segment(f->ix, 0);
    struct part_reader r = {.store = &f->ix->rd, .segment = s->row.id, .part = part};
    const struct part_reader *real;
    struct part_writer w;
    unsigned char *p = NULL;

    ck_assert_ok(impacts_need(s, &f->err), &f->err);
    real = part == PART_IMPACT_HEAD    ? &s->impacts->head
           : part == PART_IMPACT_INDEX ? &s->impacts->index
                                       : &s->impacts->postings;
    r.size = real->size;
    ck_assert_ok(part_load(&p, &r, 0, &f->err), &f->err);
    p[at % r.size] ^= part == PART_IMPACTS ? 0x80 : 1; /* 0x80: where a number ends */
    ck_assert_ok(db_exec(f->ix->wr.db, &f->err, "DELETE FROM fovea_blobs WHERE id = %lld",
                         (long long)part_row_id(s->row.id, part, 0)),
                 &f->err);
    part_begin(&w, &f->ix->wr, s->row.id, part, &f->err);
    part_put(&w, p, (size_t)r.size);
    ck_assert_ok(part_finish(&w), &f->err);
    mem_free(p);
}

START_TEST(damage_that_checksums_cannot_see_is_found)
{
    struct index_options opt = with_sparse();
    struct fixture f;

    fixture_open(&f, &opt);
    for (int i = 0; i < 20; i++)
        add(&f, i, 0);
    fixture_commit(&f);
    damage(&f, PART_IMPACT_HEAD + _i % 3, (size_t)_i / 3 * 5);
    index_close(f.ix);
    f.ix = NULL;
    f.opt.mode = INDEX_READ;
    f.opt.settings = (struct index_settings){0};
    ck_assert_ok(index_open(&f.ix, f.path, &f.opt, &f.err), &f.err);
    ck_assert_err(index_check(f.ix, &f.err), E_FORMAT, "impact", &f.err);
    fixture_close(&f);
}
END_TEST

START_TEST(each_allocation_of_a_sparse_commit_may_fail_once)
{
    struct index_options opt = with_sparse();
    struct fixture f;
    struct doc doc = {.docno = "y", .title = ""};
    int rc, version = 0;

    fixture_open(&f, &opt);
    add(&f, 1, 0);
    fixture_commit(&f);
    FAIL_EACH_ALLOC(rc, {
        doc.text = version++ % 2 ? "the eye" : "retina";
        err_clear(&f.err);
        rc = index_add(f.ix, &doc, &f.err);
        rc = rc < 0 ? rc : index_merge(f.ix, &f.err);
    });
    fixture_check(&f);
    ck_assert_uint_gt(assert_impacts_are_the_models(&f), 10);
    fixture_close(&f);
}
END_TEST

TCase *tcase_sparse(void)
{
    TCase *tc = tcase_create("sparse");

    tcase_add_checked_fixture(tc, make_model, remove_model);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, impacts_follow_updates_deletions_and_merges);
    tcase_add_test(tc, merging_asks_no_model_and_another_model_is_refused);
    tcase_add_test(tc, sparse_settings_are_recorded_and_compared);
    tcase_add_loop_test(tc, damage_that_checksums_cannot_see_is_found, 0, 24);
    tcase_add_test(tc, each_allocation_of_a_sparse_commit_may_fail_once);
    return tc;
}
