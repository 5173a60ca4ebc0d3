/* check_api_attend.c -- fovea_attend: keys through the C interface, stopped and gone on with, of other weights, refused. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "tests/api_decoder.h"

static uint64_t attended(fovea *ix)
{
    fovea_info info = FOVEA_INFO_INIT;

    ck_assert_done(fovea_describe(&info, ix), ix);
    ck_assert_uint_eq(info.n_passages, N_DOCS);
    ck_assert_uint_ge(info.n_passages, info.n_attended);
    ck_assert_int_eq(!strcmp(info.attention, "none"), !info.attention_bytes);
    return info.n_attended;
}

START_TEST(it_commits_what_is_pending_and_gives_it_keys)
{
    fovea *ix = open_mode(FOVEA_CREATE);
    fovea_hits *hits;

    for (int i = 0; i < N_DOCS; i++)
        ck_assert_int_eq(add_doc(ix, i), FOVEA_ADDED);
    ck_assert_done(fovea_attend(ix, choice), ix);
    ck_assert_uint_eq(attended(ix), N_DOCS);
    fovea_rollback(ix);
    hits = search(ix, named);
    ck_assert_str_eq(fovea_hits_note(hits), "");
    fovea_hits_free(hits);
    ck_assert_done(fovea_check(ix), ix);
    ck_assert_done(fovea_attend(ix, choice), ix); /* nothing is left to do */
    ck_assert_done(fovea_attend(ix, NULL), ix);
    ck_assert_uint_eq(attended(ix), N_DOCS);
    fovea_close(ix);
}
END_TEST

START_TEST(none_takes_the_keys_out_and_searches_read_passages_again)
{
    fovea *ix = make();
    fovea_hits *with, *without;

    ck_assert_done(fovea_attend(ix, choice), ix);
    with = search(ix, named);
    ck_assert_done(fovea_attend(ix, "none"), ix);
    ck_assert_uint_eq(attended(ix), 0);
    without = search(ix, named);
    ck_assert_ptr_nonnull(strstr(fovea_hits_note(without), "4 of 4 passages have no stored keys"));
    assert_same(with, without);
    fovea_hits_free(with);
    fovea_hits_free(without);
    ck_assert_done(fovea_attend(ix, "none"), ix);
    fovea_close(ix);
}
END_TEST

/* ---- stops ---- */

struct stops {
    uint64_t first, last, at; /* passages told of; 0 = none; and the one to stop at */
    int n;
};

static int tell(const char *what, uint64_t done, uint64_t total, void *payload)
{
    struct stops *s = payload;

    if (strcmp(what, "passages read") != 0)
        return 0;
    ck_assert_uint_eq(total, N_DOCS);
    ck_assert_uint_eq(done, s->last ? s->last + 1 : done);
    s->first = s->first ? s->first : done;
    s->last = done;
    s->n++;
    return done == s->at;
}

static fovea *open_telling(struct stops *s)
{
    fovea_options opt = FOVEA_OPTIONS_INIT;

    opt.progress = tell;
    opt.payload = s;
    return open_with(&opt, FOVEA_WRITE);
}

/* Stops at each passage, and goes on in the same handle or another one. */
START_TEST(what_is_stopped_keeps_its_keys_and_goes_on)
{
    struct stops s = {.at = (uint64_t)_i % N_DOCS + 1};
    const int again = _i >= N_DOCS;
    fovea_hits *resumed, *made;
    fovea *ix;

    fovea_close(make());
    ix = open_telling(&s);
    ck_assert_fovea(fovea_attend(ix, choice), ix, FOVEA_STOP, "keys that were made are kept");
    ck_assert_uint_eq(attended(ix), s.at);
    ck_assert_int_eq(s.n, (int)s.at);
    ck_assert_done(fovea_check(ix), ix);
    made = search(ix, named); /* some stored, some made now */
    ck_assert_int_eq(!*fovea_hits_note(made), s.at == N_DOCS);
    s = (struct stops){.at = 0};
    if (again) {
        fovea_close(ix);
        ix = open_telling(&s);
    }
    ck_assert_done(fovea_attend(ix, NULL), ix); /* the profile and the model that are recorded */
    ck_assert_int_eq(s.n, N_DOCS - (_i % N_DOCS + 1));
    ck_assert_uint_eq(s.first, s.n ? (uint64_t)_i % N_DOCS + 2 : 0);
    ck_assert_uint_eq(attended(ix), N_DOCS);
    ck_assert_done(fovea_check(ix), ix);
    resumed = search(ix, named);
    ck_assert_str_eq(fovea_hits_note(resumed), "");
    assert_same(made, resumed);
    fovea_hits_free(made);
    fovea_hits_free(resumed);
    fovea_close(ix);
}
END_TEST

/* ---- other weights ---- */

static float best(fovea *ix, const char *how)
{
    fovea_hits *hits = search(ix, how);
    const float score = fovea_hits_get(hits, 0)->score;

    fovea_hits_free(hits);
    return score;
}

START_TEST(a_handle_takes_the_weights_that_were_recorded_last)
{
    fovea *ix = make(), *reader;
    float before, after;

    ck_assert_done(fovea_attend(ix, choice), ix);
    setenv("FOVEA_MODELS", models, 1);
    reader = open_mode(FOVEA_READ);
    before = best(reader, "stored");
    write_profile(profile, "stored", sha256, 8); /* of the same name */
    ck_assert_done(fovea_attend(ix, choice), ix);
    after = best(ix, "stored");
    ck_assert_float_ne(before, after);
    ck_assert_float_eq(best(reader, "stored"), before); /* its view is the old one */
    ck_assert_done(fovea_refresh(reader), reader);
    ck_assert_float_eq(best(reader, "stored"), after);
    fovea_close(reader);
    fovea_close(ix);
}
END_TEST

/* ---- refused ---- */

START_TEST(what_is_refused_leaves_the_index_as_it_was)
{
    static const struct {
        const char *choice; /* %s is the folder of models */
        int rc;
        const char *part;
    } cases[] = {
        {"nosuch", FOVEA_NOTFOUND, "nosuch"},
        {"%s/nosuch.json", FOVEA_NOTFOUND, "nosuch.json"},
        {"%s", FOVEA_NOTFOUND, "neither a file nor one that ships"}, /* a folder */
        {"%s/tiny.json:%s/nosuch.gguf", FOVEA_NOTFOUND, "nosuch.gguf"},
        {"%s/tiny.json:%s/tiny.json", FOVEA_FORMAT, "tiny.json"}, /* no model */
        {"%s/tiny/model.gguf", FOVEA_FORMAT, "model.gguf"},       /* no profile */
        {"%s/empty.json", FOVEA_FORMAT, "empty.json"},
        {"%s/icr.json", FOVEA_INVALID, "is for re-ranking by icr"},
        {"%s/other.json:%s/tiny/model.gguf", FOVEA_INVALID, "SHA-256"},
        {"../../../../etc/passwd\n", FOVEA_NOTFOUND, ""},
    };
    char text[300], other[65];
    fovea *ix = make();
    int rc;

    memset(other, 'a', 64);
    other[64] = '\0';
    snprintf(text, sizeof text, "%s/empty.json", models);
    tmp_write(text, "", 0);
    snprintf(text, sizeof text, "%s/icr.json", models);
    write_profile(text, "icr", sha256, 1);
    snprintf(text, sizeof text, "%s/other.json", models);
    write_profile(text, "stored", other, 1);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, cases[_i].choice, models, models);
#pragma GCC diagnostic pop
    rc = fovea_attend(ix, text);
    ck_assert_msg(rc == cases[_i].rc, "%s: %d %s", text, rc, fovea_error(ix));
    ck_assert_ptr_nonnull(strstr(fovea_error(ix), cases[_i].part));
    ck_assert_ptr_null(strchr(fovea_error(ix), '\n'));
    ck_assert_uint_eq(attended(ix), 0);
    ck_assert_done(fovea_check(ix), ix);
    ck_assert_done(fovea_attend(ix, choice), ix);
    rc = fovea_attend(ix, text); /* a model is not opened where there is nothing to read */
    ck_assert_int_eq(rc, strstr(text, "tiny.json:") ? FOVEA_OK : rc < 0 ? rc : -99);
    ck_assert_uint_eq(attended(ix), N_DOCS);
    fovea_close(ix);
}
END_TEST

START_TEST(who_only_reads_cannot_make_keys)
{
    fovea_options opt = FOVEA_OPTIONS_INIT;
    fovea *ix;
    int rc;

    fovea_close(make());
    ix = open_mode(FOVEA_READ);
    ck_assert_fovea(fovea_attend(ix, choice), ix, FOVEA_INVALID, "for reading only");
    ck_assert_uint_eq(attended(ix), 0);
    fovea_close(ix);
    ck_assert_int_eq(chmod(path, 0444), 0);
    opt.mode = FOVEA_WRITE;
    rc = fovea_open(&ix, path, &opt);
    if (access(path, W_OK)) { /* root may write all the same */
        rc = rc ? rc : fovea_attend(ix, choice);
        ck_assert_int_lt(rc, 0);
        ck_assert_ptr_nonnull(strstr(fovea_error(ix), path));
    } else {
        ck_assert_done(rc, ix);
        ck_assert_done(fovea_attend(ix, choice), ix);
    }
    fovea_close(ix);
}
END_TEST

TCase *attend_tests(void)
{
    TCase *tc = tcase_create("fovea_attend");

    tcase_add_checked_fixture(tc, set_up_decoder, tear_down_decoder);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, it_commits_what_is_pending_and_gives_it_keys);
    tcase_add_test(tc, none_takes_the_keys_out_and_searches_read_passages_again);
    tcase_add_loop_test(tc, what_is_stopped_keeps_its_keys_and_goes_on, 0, 2 * N_DOCS);
    tcase_add_test(tc, a_handle_takes_the_weights_that_were_recorded_last);
    tcase_add_loop_test(tc, what_is_refused_leaves_the_index_as_it_was, 0, 10);
    tcase_add_test(tc, who_only_reads_cannot_make_keys);
    return tc;
}
