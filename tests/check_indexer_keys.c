/* check_indexer_keys.c -- attention keys of an index: which are refused, what damage is found, and memory that fails. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "base/file.h"
#include "tests/attention_fixture.h"

static void make_index(struct fixture *f, const struct index_options *opt, int n)
{
    fixture_open(f, opt);
    for (int i = 0; i < n; i++)
        add(f, i, 0);
    fixture_commit(f);
}

/* Opens the file with other settings of the leg. */
static int open_as(struct fixture *f, const char *attention, int mode)
{
    struct index_options opt = {.mode = mode, .settings = {.attention = attention}};
    struct index *ix = NULL;
    int rc = index_open(&ix, f->path, &opt, &f->err);

    index_close(ix);
    return rc;
}

START_TEST(another_profile_is_refused_and_says_which)
{
    struct index_options opt = with_keys(NULL);
    char other[96], heavier[96];
    struct fixture f, plain;

    snprintf(other, sizeof other, "%s/other.json", dir);
    snprintf(heavier, sizeof heavier, "%s/heavier.json", dir);
    write_profile(other, "other", "stored", 1, 0);
    write_profile(heavier, "heavier", "stored", 3, 1);
    make_index(&f, &opt, 3);
    for (int mode = INDEX_READ; mode <= INDEX_CREATE; mode++) {
        ck_assert_ok(open_as(&f, profile, mode), &f.err);
        ck_assert_ok(open_as(&f, choice, mode), &f.err);
        ck_assert_ok(open_as(&f, "two", mode), &f.err); /* by its recorded name, from nowhere */
        ck_assert_err(open_as(&f, other, mode), E_INVALID, "keys for the attention profile 'two'",
                      &f.err);
        ck_assert_err(open_as(&f, heavier, mode), E_INVALID, "weighs the same heads otherwise",
                      &f.err);
        ck_assert_err(open_as(&f, "none", mode), E_INVALID, "not 'none'", &f.err);
        ck_assert_err(open_as(&f, "nowhere", mode), E_NOTFOUND, "nowhere", &f.err);
    }
    ck_assert_err(index_attend(f.ix, other, &f.err), E_INVALID, "--drop", &f.err);
    ck_assert_ok(index_attend(f.ix, heavier, &f.err), &f.err);
    ck_assert_str_eq(index_profile(f.ix)->name, "heavier");
    ck_assert_double_eq(index_profile(f.ix)->heads[0].weight, 3);
    assert_whole(&f);
    ck_assert_err(open_as(&f, profile, INDEX_READ), E_INVALID, "'heavier'", &f.err);

    opt = without(NULL);
    make_index(&plain, &opt, 1);
    ck_assert_ok(open_as(&plain, "none", INDEX_CREATE), &plain.err);
    ck_assert_err(open_as(&plain, profile, INDEX_CREATE), E_INVALID, "'fovea attend' adds them",
                  &plain.err);
    fixture_close(&plain);
    fixture_close(&f);
}
END_TEST

START_TEST(profiles_and_models_that_cannot_serve_are_refused)
{
    struct index_options opt = without(NULL);
    char name[96], wrong[200];
    struct index *ix = NULL;
    struct fixture f;

    make_index(&f, &opt, 1);
    snprintf(name, sizeof name, "%s/icr.json", dir);
    write_profile(name, "icr", "icr", 1, 1);
    ck_assert_err(index_attend(f.ix, name, &f.err), E_INVALID, "by icr, not by stored keys",
                  &f.err);
    snprintf(name, sizeof name, "%s/deep.json", dir);
    write_profile(name, "deep", "stored", 1, 2);
    snprintf(wrong, sizeof wrong, "%s:%s", name, model);
    ck_assert_err(index_attend(f.ix, wrong, &f.err), E_INVALID, "layer", &f.err);
    ck_assert_err(index_attend(f.ix, profile, &f.err), E_NOTFOUND, "tiny", &f.err);
    write_model(2); /* the profile in `profile` is of the first one */
    ck_assert_err(index_attend(f.ix, choice, &f.err), E_INVALID, "SHA-256", &f.err);
    ck_assert_ptr_null(index_profile(f.ix));
    ck_assert_uint_eq(stats_of(&f).n_commits, 1);
    opt = with_keys(NULL);
    opt.mode = INDEX_CREATE;
    snprintf(name, sizeof name, "%s/new.fovea", dir);
    ck_assert_err(index_open(&ix, name, &opt, &f.err), E_INVALID, "SHA-256", &f.err);
    ck_assert(!file_exists(name));
    fixture_close(&f);
}
END_TEST

START_TEST(a_model_that_changed_makes_no_more_keys)
{
    struct index_options opt = with_keys(NULL);
    struct doc doc = {.docno = "x", .title = "", .text = "the eye"};
    struct fixture f;

    make_index(&f, &opt, 10);
    write_model(2);
    fixture_again(&f);
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err); /* asks no model */
    fixture_check(&f);
    ck_assert_int_eq(index_add(f.ix, &doc, &f.err), INDEX_ADDED);
    ck_assert_err(index_commit(f.ix, &f.err), E_INVALID, "give the right one", &f.err);
    ck_assert_int_eq(remove(model), 0);
    ck_assert_int_eq(index_add(f.ix, &doc, &f.err), INDEX_ADDED);
    ck_assert_err(index_commit(f.ix, &f.err), E_NOTFOUND, "needs the model of its keys", &f.err);
    fixture_check(&f);
    write_model(1);
    ck_assert_int_eq(index_add(f.ix, &doc, &f.err), INDEX_ADDED);
    fixture_commit(&f);
    assert_whole(&f);
    fixture_close(&f);
}
END_TEST

/* Who made the index may have put anything there, in the words of earlier versions, too. */
START_TEST(a_path_in_the_index_makes_no_other_file_the_model)
{
    static const char *const names[] = {"other.gguf", "two.json", ".", "nowhere"};
    struct index_options opt = with_keys(NULL);
    struct doc doc = {.docno = "x", .title = "", .text = "the eye"};
    char right[96], models[96], path[96], identity[80];
    struct fixture f;

    make_index(&f, &opt, 2);
    snprintf(right, sizeof right, "%s/right.gguf", dir);
    ck_assert_int_eq(rename(model, right), 0);
    snprintf(model, sizeof model, "%s/other.gguf", dir);
    write_model(2); /* another one, of another SHA-256 */
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        file_identity(identity, path);
        ck_assert_ok(db_exec(f.ix->wr.db, &f.err,
                             "UPDATE fovea_settings SET value = '%q' WHERE key = 'attention_path';"
                             "INSERT OR REPLACE INTO fovea_settings VALUES('attention_file', '%q')",
                             path, identity),
                     &f.err);
        f.opt.settings.attention = NULL;
        fixture_again(&f);
        ck_assert_int_eq(index_add(f.ix, &doc, &f.err), INDEX_ADDED);
        ck_assert_int_eq(index_commit(f.ix, &f.err), i == 0   ? E_INVALID
                                                     : i == 1 ? E_FORMAT
                                                              : E_NOTFOUND);
        err_clear(&f.err);
    }
    snprintf(models, sizeof models, "%s/models", dir);
    snprintf(path, sizeof path, "%s/models/tiny", dir);
    ck_assert_int_eq(mkdir(models, 0777) || mkdir(path, 0777), 0);
    snprintf(path, sizeof path, "%s/models/tiny/model.gguf", dir);
    ck_assert_int_eq(rename(right, path), 0);
    setenv("FOVEA_MODELS", models, 1); /* by its name it is found, whatever the path */
    ck_assert_int_eq(index_add(f.ix, &doc, &f.err), INDEX_ADDED);
    fixture_commit(&f);
    snprintf(model, sizeof model, "%s", path);
    assert_whole(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(precision_is_that_of_the_index)
{
    struct index_options opt = with_keys(NULL);
    struct fixture f;

    opt.precision = MODEL_F32;
    make_index(&f, &opt, 1);
    ck_assert_int_eq(number(&f, "SELECT value FROM fovea_settings WHERE key = 'attention_bits'"),
                     32);
    f.opt.precision = MODEL_I8; /* the default */
    fixture_again(&f);
    ck_assert_int_eq(f.ix->precision, MODEL_F32);
    fixture_close(&f);
    opt.precision = MODEL_I8;
    make_index(&f, &opt, 1);
    opt.mode = INDEX_WRITE;
    opt.precision = MODEL_F32;
    index_close(f.ix);
    f.ix = NULL;
    ck_assert_err(index_open(&f.ix, f.path, &opt, &f.err), E_INVALID, "precision 'i8'", &f.err);
    fixture_close(&f);
}
END_TEST

/* ---- another writer ---- */

static int no_patience(const char *what, uint64_t done, uint64_t total, void *payload)
{
    int *n = payload;

    (void)done, (void)total;
    *n += !strcmp(what, "waiting for another writer");
    return *n > 2;
}

START_TEST(waiting_for_another_writer_can_be_ended)
{
    struct index_options opt = without(NULL);
    struct fixture f, other;
    int n = 0;

    opt.progress = no_patience;
    opt.payload = &n;
    make_index(&f, &opt, 3);
    other = f;
    other.opt = without(NULL);
    other.opt.mode = INDEX_WRITE;
    ck_assert_ok(index_open(&other.ix, f.path, &other.opt, &f.err), &f.err);
    add(&other, 9, 0); /* holds the lock */
    ck_assert_err(index_attend(f.ix, choice, &f.err), E_STOP, "another process", &f.err);
    ck_assert_int_eq(n, 3);
    index_close(other.ix);
    n = -1000;
    ck_assert_ok(index_attend(f.ix, choice, &f.err), &f.err);
    assert_whole(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(readers_add_no_keys)
{
    struct index_options opt = without(NULL);
    struct fixture f;

    make_index(&f, &opt, 1);
    index_close(f.ix);
    f.ix = NULL;
    opt.mode = INDEX_READ;
    ck_assert_ok(index_open(&f.ix, f.path, &opt, &f.err), &f.err);
    ck_assert_err(index_attend(f.ix, choice, &f.err), E_INVALID, "for reading only", &f.err);
    fixture_close(&f);
}
END_TEST

/* ---- damage ---- */

/* What check must find, and the words it must use. */
static const char *const harms[][2] = {
    {"DELETE FROM fovea_attention WHERE id = (SELECT min(id) FROM fovea_attention)", "missing"},
    {"DELETE FROM fovea_attention", "attention_passages"},
    {"UPDATE fovea_attention SET crc = crc + 1 WHERE id & 536870911 = 1", "checksum"},
    {"UPDATE fovea_attention SET crc = crc + 4294967296 WHERE id & 536870911 = 1", "checksum"},
    {"UPDATE fovea_attention SET keys = substr(keys, 2) WHERE id & 536870911 = 0", "checksum"},
    {"UPDATE fovea_attention SET keys = zeroblob(0), crc = 0 WHERE id & 536870911 = 0", "checksum"},
    {"UPDATE fovea_attention SET keys = zeroblob(10), crc = 3817498742 WHERE id & 536870911 = 0",
     "no stored keys"},
    {"UPDATE fovea_attention SET document = document + 1 WHERE id & 536870911 = 0", "another text"},
    {"INSERT INTO fovea_attention SELECT id + 100, document, crc, keys FROM fovea_attention LIMIT "
     "1",
     "there is no such passage"},
    {"INSERT INTO fovea_attention SELECT id + 53687091200, document, crc, keys FROM "
     "fovea_attention LIMIT 1",
     "of a document"},
    {"INSERT INTO fovea_attention SELECT -id, document, crc, keys FROM fovea_attention LIMIT 1",
     "of a document"},
    {"UPDATE fovea_settings SET value = value - 1 WHERE key = 'attention_passages'",
     "attention_passages"},
    {"UPDATE fovea_settings SET value = value + 1 WHERE key = 'attention_bytes'",
     "attention_bytes"},
    {"UPDATE fovea_settings SET value = value + 1 WHERE key = 'attention_cut'", "attention_cut"},
    {"UPDATE fovea_settings SET value = value + 1 WHERE key = 'attention_empty'",
     "attention_empty"},
    {"UPDATE fovea_settings SET value = value + 1 WHERE key = 'attention_slots'", "the profile"},
    {"UPDATE fovea_settings SET value = 1000 WHERE key = 'attention_slots'", "key heads"},
    {"UPDATE fovea_settings SET value = 4 WHERE key = 'attention_dim'", "the profile"},
    {"UPDATE fovea_settings SET value = -1 WHERE key = 'attention_dim'", "attention_"},
    {"UPDATE fovea_settings SET value = 16 WHERE key = 'attention_bits'", "16 bits"},
    {"DELETE FROM fovea_settings WHERE key = 'attention_passages'", "attention_passages"},
    {"DELETE FROM fovea_settings WHERE key = 'attention_profile'", "attention_"},
    {"DELETE FROM fovea_settings WHERE key LIKE 'attention%'", "attention_"},
    {"UPDATE fovea_settings SET value = '{}' WHERE key = 'attention_profile'", "profile"},
    {"UPDATE fovea_settings SET value = x'00ff' WHERE key = 'attention_profile'", "profile"},
    {"UPDATE fovea_settings SET value = replace(value, '\"two\"', '\"\\u001b[2J\"') WHERE key = "
     "'attention_profile'",
     "'name'"},
    {"DROP TABLE fovea_attention", "fovea_attention"},
};

START_TEST(damage_is_found)
{
    struct index_options opt = with_keys(NULL);
    struct db *db = NULL;
    struct fixture f;
    int rc;

    make_index(&f, &opt, 5);
    ck_assert_ok(index_delete(f.ix, "d002", &f.err), &f.err);
    fixture_commit(&f);
    fixture_check(&f);
    index_close(f.ix);
    f.ix = NULL;
    ck_assert_ok(db_open(&db, f.path, DB_WRITE, &f.err), &f.err);
    ck_assert_ok(db_exec(db, &f.err, "%s", harms[_i][0]), &f.err);
    db_close(db);
    opt = (struct index_options){.mode = INDEX_READ};
    rc = index_open(&f.ix, f.path, &opt, &f.err);
    rc = rc ? rc : index_check(f.ix, &f.err);
    ck_assert_msg(rc == E_FORMAT || (rc == E_IO && strstr(harms[_i][0], "DROP")), "%s: %d %s",
                  harms[_i][0], rc, f.err.text);
    ck_assert_msg(strstr(f.err.text, harms[_i][1]) != NULL, "%s: '%s'", harms[_i][0], f.err.text);
    fixture_close(&f);
}
END_TEST

START_TEST(changed_keys_are_not_given_out)
{
    struct index_options opt = with_keys(NULL);
    struct arena memory = {0};
    const unsigned char *keys;
    struct fixture f;
    size_t n;

    make_index(&f, &opt, 2);
    ck_assert_ok(db_exec(f.ix->wr.db, &f.err, "UPDATE fovea_attention SET keys = zeroblob(9)"),
                 &f.err);
    ck_assert_ok(index_refresh(f.ix, &f.err), &f.err);
    ck_assert_err(index_keys(&keys, &n, f.ix, index_segment(f.ix, 0), 0, &memory, &f.err), E_FORMAT,
                  "checksum", &f.err);
    ck_assert_ok(db_exec(f.ix->wr.db, &f.err, "DELETE FROM fovea_attention"), &f.err);
    ck_assert_ok(index_refresh(f.ix, &f.err), &f.err);
    ck_assert_int_eq(index_keys(&keys, &n, f.ix, index_segment(f.ix, 0), 0, &memory, &f.err), 0);
    arena_clear(&memory);
    fixture_close(&f);
}
END_TEST

/* ---- memory ---- */

START_TEST(each_allocation_of_a_commit_with_keys_may_fail_once)
{
    struct index_options opt = with_keys(NULL);
    struct doc doc = {.docno = "y", .title = ""};
    struct fixture f;
    int rc, version = 0;

    make_index(&f, &opt, 2);
    FAIL_EACH_ALLOC(rc, {
        doc.text = version++ % 2 ? "the eye" : "retina";
        err_clear(&f.err);
        rc = index_add(f.ix, &doc, &f.err);
        rc = rc < 0 ? rc : index_merge(f.ix, &f.err);
    });
    assert_whole(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(each_allocation_of_opening_with_keys_may_fail_once)
{
    struct index_options opt = with_keys(NULL);
    struct index *ix = NULL;
    struct fixture f;
    int rc;

    make_index(&f, &opt, 2);
    opt.mode = INDEX_WRITE;
    FAIL_EACH_ALLOC(rc, {
        err_clear(&f.err);
        rc = index_open(&ix, f.path, &opt, &f.err);
        index_close(ix);
        ix = NULL;
    });
    fixture_close(&f);
}
END_TEST

START_TEST(each_allocation_of_attending_may_fail_once)
{
    struct index_options opt = without(NULL);
    struct fixture f;
    int rc;

    make_index(&f, &opt, 3);
    FAIL_EACH_ALLOC(rc, {
        err_clear(&f.err);
        rc = index_attend(f.ix, choice, &f.err);
    });
    assert_whole(&f);
    FAIL_EACH_ALLOC(rc, {
        err_clear(&f.err);
        rc = index_attend(f.ix, "none", &f.err);
    });
    fixture_check(&f);
    ck_assert_ptr_null(index_profile(f.ix));
    fixture_close(&f);
}
END_TEST

TCase *tcase_keys(void)
{
    TCase *tc = tcase_create("keys");

    tcase_add_checked_fixture(tc, make_model, remove_model);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, another_profile_is_refused_and_says_which);
    tcase_add_test(tc, profiles_and_models_that_cannot_serve_are_refused);
    tcase_add_test(tc, a_model_that_changed_makes_no_more_keys);
    tcase_add_test(tc, a_path_in_the_index_makes_no_other_file_the_model);
    tcase_add_test(tc, precision_is_that_of_the_index);
    tcase_add_test(tc, waiting_for_another_writer_can_be_ended);
    tcase_add_test(tc, readers_add_no_keys);
    tcase_add_loop_test(tc, damage_is_found, 0, sizeof harms / sizeof *harms);
    tcase_add_test(tc, changed_keys_are_not_given_out);
    tcase_add_test(tc, each_allocation_of_a_commit_with_keys_may_fail_once);
    tcase_add_test(tc, each_allocation_of_opening_with_keys_may_fail_once);
    tcase_add_test(tc, each_allocation_of_attending_may_fail_once);
    return tc;
}
