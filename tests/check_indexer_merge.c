/* check_indexer_merge.c -- however an index came to hold its documents, it scores and merges the same. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/postings.h"
#include "tests/indexer_fixture.h"

enum { N_DOCS = 120 };

/* What the index should hold: the text of each docno, "" = deleted. */
struct model_of {
    char texts[N_DOCS][600];
    int is_live[N_DOCS];
};

static void add_live(struct fixture *f, const struct model_of *m, int step)
{
    char docno[16];

    for (int i = 0, d = 0; i < N_DOCS; i++, d = (d + step) % N_DOCS)
        if (m->is_live[d]) {
            snprintf(docno, sizeof docno, "d%d", d);
            fixture_add(f, docno, d % 3 ? "w1 title" : "", m->texts[d]);
        }
}

/* Adds, updates and deletes at random, committing now and then. */
static void live_through(struct fixture *f, struct model_of *m, uint64_t *seed, int n)
{
    for (int i = 0; i < n; i++) {
        int d = (int)random_below(seed, N_DOCS);
        char docno[16];

        snprintf(docno, sizeof docno, "d%d", d);
        if (random_below(seed, 4) == 0) {
            ck_assert_int_eq(index_delete(f->ix, docno, &f->err), m->is_live[d]);
            m->is_live[d] = 0;
        } else {
            random_text(m->texts[d], seed);
            fixture_add(f, docno, d % 3 ? "w1 title" : "", m->texts[d]);
            m->is_live[d] = 1;
        }
        if (random_below(seed, 12) == 0)
            fixture_commit(f);
        if (random_below(seed, 60) == 0) {
            index_rollback(f->ix);
            fixture_again(f);
            /* what was rolled back is done again */
            for (int k = 0; k < N_DOCS; k++) {
                snprintf(docno, sizeof docno, "d%d", k);
                if (m->is_live[k])
                    fixture_add(f, docno, k % 3 ? "w1 title" : "", m->texts[k]);
                else
                    ck_assert_ok(index_delete(f->ix, docno, &f->err), &f->err);
            }
        }
    }
    fixture_commit(f);
}

START_TEST(a_lived_in_index_scores_and_merges_as_a_fresh_one)
{
    static const char *const chunkings[] = {"whole", "words:7:2"};
    struct index_options opt = {.settings = {.analyzer = "plain", .chunking = chunkings[_i % 2]},
                                .buffer_bytes = _i % 3 ? 3000 : 0};
    struct model_of *m = mem_zalloc(1, sizeof *m);
    uint64_t seed = (uint64_t)_i + 1;
    struct fixture a, b;

    ck_assert_ptr_nonnull(m);
    fixture_open(&a, &opt);
    for (int round = 0; round < 3; round++) {
        live_through(&a, m, &seed, 150);
        fixture_check(&a);
        opt.buffer_bytes = 0;
        fixture_open(&b, &opt);
        add_live(&b, m, 7);
        fixture_commit(&b);
        assert_same_knowledge(&a, &b);
        ck_assert_ok(index_merge(a.ix, &a.err), &a.err);
        fixture_check(&a);
        assert_same_knowledge(&a, &b);
        assert_same_parts(&a, &b);
        fixture_close(&b);
    }
    mem_free(m);
    fixture_close(&a);
}
END_TEST

START_TEST(many_deletions_in_many_commits_are_joined)
{
    struct fixture a, b;
    char docno[16];

    fixture_open(&a, NULL);
    fixture_open(&b, NULL);
    for (int i = 0; i < 200; i++) {
        snprintf(docno, sizeof docno, "d%03d", i);
        fixture_add(&a, docno, "", i % 2 ? "w1 w2" : "w2 w3 w3");
        if (i >= 60)
            fixture_add(&b, docno, "", i % 2 ? "w1 w2" : "w2 w3 w3");
    }
    fixture_commit(&a);
    fixture_commit(&b);
    for (int i = 0; i < 60; i++) {
        int64_t rows = 0;

        snprintf(docno, sizeof docno, "d%03d", i);
        ck_assert_int_eq(index_delete(a.ix, docno, &a.err), 1);
        fixture_commit(&a);
        ck_assert_ok(
            db_get_int(&rows, a.ix->rd.db, &a.err, "SELECT count(*) FROM fovea_tombstones"),
            &a.err);
        ck_assert_int_le(rows, 16);
        ck_assert_uint_eq(index_n_passages(a.ix), 199 - (size_t)i);
        if (i % 9 == 0)
            fixture_again(&a);
    }
    ck_assert_int_eq(index_n_segments(a.ix), 1);
    assert_same_knowledge(&a, &b);
    fixture_check(&a);
    for (int i = 60; i < 70; i++) { /* over a third: written anew */
        snprintf(docno, sizeof docno, "d%03d", i);
        ck_assert_int_eq(index_delete(a.ix, docno, &a.err), 1);
        ck_assert_int_eq(index_delete(b.ix, docno, &b.err), 1);
    }
    fixture_commit(&a);
    fixture_commit(&b);
    ck_assert_ptr_null(segment_dead(index_segment(a.ix, 0)));
    assert_same_knowledge(&a, &b);
    fixture_close(&a);
    fixture_close(&b);
}
END_TEST

START_TEST(what_is_cut_into_other_words_than_it_was_is_still_deleted_exactly)
{
    struct fixture a, b;

    fixture_open(&a, NULL);
    fixture_open(&b, NULL);
    fixture_add(&a, "gone", "", "w1 w2 w2 w3");
    fixture_add(&a, "also", "", "w1 w1 w4");
    fixture_add(&a, "kept", "", "w1 w2 w5");
    fixture_add(&b, "kept", "", "w1 w2 w5");
    fixture_commit(&a);
    fixture_commit(&b);
    /* as if another analyzer had read them: a word that is unknown, and another number of words */
    ck_assert_ok(db_exec(a.ix->wr.db, &a.err,
                         "UPDATE fovea_documents SET text = 'w1 w2 zz w3' WHERE docno = 'gone';"
                         "UPDATE fovea_documents SET text = 'w1_w1 w4' WHERE docno = 'also'"),
                 &a.err);
    ck_assert_int_eq(index_delete(a.ix, "gone", &a.err), 1);
    ck_assert_int_eq(index_delete(a.ix, "also", &a.err), 1);
    a.ix->pending.segments[0].passages = 100; /* too few are dead to write it anew */
    fixture_commit(&a);
    ck_assert_uint_eq(segment_size(index_segment(a.ix, 0)), 3);
    assert_same_knowledge(&a, &b);
    fixture_check(&a);
    fixture_close(&a);
    fixture_close(&b);
}
END_TEST

START_TEST(small_commits_do_not_pile_up_segments)
{
    struct fixture f;
    char docno[16];

    fixture_open(&f, NULL);
    for (int i = 0; i < 150; i++) {
        snprintf(docno, sizeof docno, "d%d", i * 7 % 150);
        fixture_add(&f, docno, "", "w1 w2 w3");
        fixture_commit(&f);
        ck_assert_int_lt(index_n_segments(f.ix), 9);
        ck_assert_uint_eq(index_n_passages(f.ix), (size_t)i + 1);
    }
    ck_assert_uint_eq(known_of(&f, "w1").df, 150);
    fixture_check(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(threads_and_buffers_change_no_byte)
{
    struct model_of *m = mem_zalloc(1, sizeof *m);
    struct index_options opt = {.settings = {.analyzer = "english"}};
    struct pool *pool = NULL;
    struct fixture a, b;
    uint64_t seed = 77;
    char docno[16], *text = mem_zalloc(40000, 1);

    ck_assert_ptr_nonnull(m);
    fixture_open(&a, &opt);
    ck_assert_ok(pool_new(&pool, 3, &a.err), &a.err);
    opt.pool = pool;
    fixture_open(&b, &opt);
    for (int i = 0; i < 60; i++) { /* enough text for several runs */
        size_t at = 0;

        while (at < 30000)
            at += (size_t)snprintf(text + at, 40000 - at, "word%u of it. ",
                                   random_below(&seed, 9000));
        snprintf(docno, sizeof docno, "d%d", i);
        fixture_add(&a, docno, "", text);
        fixture_add(&b, docno, "", text);
    }
    fixture_commit(&a);
    fixture_commit(&b);
    assert_same_parts(&a, &b);
    fixture_check(&b);
    fixture_close(&a);
    fixture_close(&b);
    pool_free(pool);
    mem_free(text);
    mem_free(m);
}
END_TEST

static int stop_at_once(const char *what, uint64_t done, uint64_t total, void *payload)
{
    (void)done, (void)total;
    *(const char **)payload = what;
    return 1;
}

START_TEST(a_merge_can_be_stopped_and_leaves_the_last_commit)
{
    const char *what = NULL;
    struct index_options opt = {
        .settings = {.analyzer = "plain"}, .progress = stop_at_once, .payload = &what};
    struct fixture f;
    char docno[16], *text = mem_alloc(100000, 1);
    size_t at = 0;

    fixture_open(&f, &opt);
    for (int i = 0; i < 6000; i++)
        at += (size_t)snprintf(text + at, 100000 - at, "t%d ", i);
    for (int i = 0; i < 3; i++) {
        snprintf(docno, sizeof docno, "d%d", i);
        fixture_add(&f, docno, "", text);
        fixture_commit(&f);
    }
    fixture_add(&f, "pending", "", "x");
    ck_assert_err(index_merge(f.ix, &f.err), E_STOP, "stopped", &f.err);
    ck_assert_str_eq(what, "passages merged");
    ck_assert_int_eq(index_n_segments(f.ix), 3);
    ck_assert_uint_eq(index_n_passages(f.ix), 3);
    fixture_again(&f);
    ck_assert_uint_eq(index_n_passages(f.ix), 3);
    f.ix->progress = NULL;
    fixture_check(&f);
    mem_free(text);
    fixture_close(&f);
}
END_TEST

START_TEST(the_log_does_not_grow_without_end)
{
    struct fixture f;
    char docno[16], log[128], *text = mem_alloc(300001, 1);
    FILE *file;

    memset(text, 'a', 300000);
    text[300000] = '\0';
    fixture_open(&f, NULL);
    snprintf(log, sizeof log, "%s-wal", f.path);
    for (int i = 0; i < 60; i++) { /* 18 MB of text */
        snprintf(docno, sizeof docno, "d%d", i);
        fixture_add(&f, docno, "", text);
        fixture_commit(&f);
    }
    file = fopen(log, "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    ck_assert_int_lt(ftell(file), 10 << 20);
    fclose(file);
    mem_free(text);
    fixture_close(&f);
}
END_TEST

TCase *tcase_merge(void)
{
    TCase *tc = tcase_create("merge");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_lived_in_index_scores_and_merges_as_a_fresh_one, 0, 6);
    tcase_add_test(tc, many_deletions_in_many_commits_are_joined);
    tcase_add_test(tc, what_is_cut_into_other_words_than_it_was_is_still_deleted_exactly);
    tcase_add_test(tc, small_commits_do_not_pile_up_segments);
    tcase_add_test(tc, threads_and_buffers_change_no_byte);
    tcase_add_test(tc, a_merge_can_be_stopped_and_leaves_the_last_commit);
    tcase_add_test(tc, the_log_does_not_grow_without_end);
    return tc;
}
