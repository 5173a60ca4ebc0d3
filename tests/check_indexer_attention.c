/* check_indexer_attention.c -- attention keys of an index: what the model says of each passage, through updates, merges, stops,
 * other writers and damage. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/attention_fixture.h"

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

START_TEST(profiles_that_are_not_calibrated_have_keys_too)
{
    struct index_options opt = with_keys(NULL);
    struct fixture f;

    is_calibrated = 0;
    write_profile(profile, "plain", "stored", 1, 1);
    fixture_open(&f, &opt);
    for (int i = 0; i < 5; i++)
        add(&f, i, 0);
    fixture_commit(&f);
    ck_assert_int_eq(index_profile(f.ix)->is_calibrated, 0);
    assert_whole(&f);
    is_calibrated = 1; /* which needs more than is stored */
    write_profile(profile, "plain", "stored", 1, 1);
    ck_assert_err(index_attend(f.ix, profile, &f.err), E_INVALID, "--drop", &f.err);
    fixture_close(&f);
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
    tcase_add_test(tc, profiles_that_are_not_calibrated_have_keys_too);
    tcase_add_test(tc, an_index_without_keys_is_as_it_was_before_there_were_any);
    tcase_add_test(tc, stopped_work_is_kept_and_goes_on);
    tcase_add_test(tc, a_stopped_commit_leaves_the_last_one);
    tcase_add_loop_test(tc, documents_may_change_while_their_keys_are_made, 0, 6);
    tcase_add_test(tc, keys_that_are_taken_out_meanwhile_end_the_work);
    tcase_add_test(tc, handles_that_were_open_before_learn_of_keys_and_of_their_end);
    return tc;
}
