/* check_api_rerank_keys.c -- searches re-ranked by attention: keys that the index stores, or that are made now. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rerank.h"
#include "indexer/index.h"
#include "tests/api_decoder.h"

/* An index of docs with keys for the profile. */
static void make_with_keys(void)
{
    struct index_options opt = {.mode = INDEX_CREATE, .settings = {.attention = choice}};
    struct index *ix = NULL;
    struct err err = {0};

    ck_assert_ok(index_open(&ix, path, &opt, &err), &err);
    for (int i = 0; i < N_DOCS; i++) {
        const struct doc doc = {docs[i].docno, docs[i].title ? docs[i].title : "", docs[i].text,
                                docs[i].meta};

        ck_assert_int_eq(index_add(ix, &doc, &err), INDEX_ADDED);
    }
    ck_assert_ok(index_commit(ix, &err), &err);
    index_close(ix);
}

START_TEST(stored_keys_and_keys_made_now_rank_alike)
{
    fovea_hits *stored, *made;
    fovea *ix;

    make_with_keys();
    ix = open_mode(FOVEA_READ);
    stored = search(ix, named);
    ck_assert_str_eq(fovea_hits_note(stored), "");
    ck_assert_str_eq(fovea_hits_reranker(stored), "stored");
    fovea_close(ix);
    ck_assert_int_eq(remove(path), 0);
    fovea_close(make());
    ix = open_mode(FOVEA_READ);
    made = search(ix, named);
    ck_assert_ptr_nonnull(strstr(fovea_hits_note(made), "4 of 4 passages have no stored keys"));
    assert_same(stored, made);
    fovea_hits_free(stored);
    fovea_hits_free(made);
    fovea_close(ix);
}
END_TEST

START_TEST(without_a_name_the_profile_is_the_one_that_the_index_has_keys_for)
{
    char with_model[128];
    fovea_hits *a, *b;
    fovea *ix;

    make_with_keys();
    ix = open_mode(FOVEA_READ);
    a = search(ix, named);
    setenv("FOVEA_MODELS", models, 1); /* the profile's model is looked for by its name */
    b = search(ix, "stored");
    ck_assert_str_eq(fovea_hits_note(b), "");
    assert_same(a, b);
    fovea_hits_free(b);
    snprintf(with_model, sizeof with_model, "stored:%s", model);
    b = search(ix, with_model);
    assert_same(a, b);
    fovea_hits_free(a);
    fovea_hits_free(b);
    fovea_close(ix);
}
END_TEST

START_TEST(methods_that_read_passages_need_no_keys)
{
    static const char *const methods[] = {"icr", "icr-blocks"};
    char how[160];
    fovea_hits *hits;
    fovea *ix;

    make_with_keys();
    ix = open_mode(FOVEA_READ);
    snprintf(how, sizeof how, "%s:%s:all", methods[_i], model);
    hits = search(ix, how);
    ck_assert_str_eq(fovea_hits_reranker(hits), methods[_i]);
    ck_assert_str_eq(fovea_hits_note(hits), "");
    for (size_t i = 0; i < fovea_hits_count(hits); i++)
        ck_assert_int_gt(fovea_hits_get(hits, i)->legs[1].rank, 0);
    fovea_hits_free(hits);
    fovea_close(ix);
}
END_TEST

/* "attends to WORD SHARE, ...": words of the hit, shares falling, none of more than all. */
static void check_attended(const fovea_hit *hit)
{
    const char *at = strstr(hit->explain, "attends to ");
    double sum = 0, before = 1;

    ck_assert_ptr_nonnull(at);
    for (at += strlen("attends to "); *at != '\n'; at += strspn(at, ", ")) {
        char word[64] = "";
        const size_t n = strcspn(at, " ");
        char *end;
        double share;

        ck_assert_uint_lt(n, sizeof word);
        memcpy(word, at, n);
        ck_assert(strstr(hit->text, word) || strstr(hit->title, word));
        share = strtod(at + n, &end);
        ck_assert(share >= 0 && share <= before + 1e-9);
        before = share;
        sum += share;
        at = end;
    }
    ck_assert(sum > 0 && sum < 1.1); /* of two digits */
}

START_TEST(a_folder_keeps_blocks_for_other_handles)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    char how[160], folder[128], file[200];
    struct stat st;
    fovea_hits *hits, *want;
    fovea *ix = make();

    snprintf(how, sizeof how, "icr-blocks:%s:all", model);
    snprintf(folder, sizeof folder, "%s/blocks", models);
    want = search(ix, how);
    opt.rerank = how;
    opt.block_cache = folder;
    for (int i = 0; i < 3; i++) { /* made; read by this handle's next search; by another handle */
        if (i == 2) {
            fovea_close(ix);
            ix = open_mode(FOVEA_READ);
        }
        ck_assert_done(fovea_search(&hits, ix, words, &opt), ix);
        assert_same(hits, want);
        fovea_hits_free(hits);
        ck_assert_int_eq(stat(folder, &st), 0);
    }
    opt.block_cache_megabytes = -1;
    ck_assert_int_eq(fovea_search(&hits, ix, words, &opt), FOVEA_INVALID);
    ck_assert_ptr_nonnull(strstr(fovea_error(ix), "block_cache_megabytes is -1"));
    opt.block_cache_megabytes = 0;
    snprintf(file, sizeof file, "%s/below", model); /* a folder cannot be below a file */
    opt.block_cache = file;
    ck_assert_int_ne(fovea_search(&hits, ix, words, &opt), FOVEA_OK);
    ck_assert_ptr_nonnull(strstr(fovea_error(ix), file));
    fovea_hits_free(want);
    fovea_close(ix);
}
END_TEST

START_TEST(explaining_tells_the_words_that_were_attended_to_and_changes_no_score)
{
    static const char *const methods[] = {"stored", "icr", "icr-blocks"};
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_hits *plain, *explained = NULL;
    char how[200];
    fovea *ix;

    make_with_keys();
    ix = open_mode(FOVEA_READ);
    snprintf(how, sizeof how, "%s:%s:all", methods[_i], model);
    opt.rerank = _i ? how : named;
    plain = search(ix, opt.rerank);
    opt.explain = 1;
    ck_assert_done(fovea_search(&explained, ix, words, &opt), ix);
    assert_same(plain, explained);
    for (size_t i = 0; i < N_DOCS; i++)
        check_attended(fovea_hits_get(explained, i));
    fovea_hits_free(plain);
    fovea_hits_free(explained);
    fovea_close(ix);
}
END_TEST

START_TEST(it_survives_each_failing_allocation)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_options options = FOVEA_OPTIONS_INIT;
    fovea *ix = NULL;
    int rc;

    make_with_keys();
    options.threads = 1;
    opt.rerank = named;
    opt.explain = _i;
    FAIL_EACH_ALLOC(rc, {
        fovea_hits *hits = NULL;

        rc = fovea_open(&ix, path, &options);
        rc = rc ? rc : fovea_search(&hits, ix, "the eye", &opt);
        if (rc)
            ck_assert_ptr_null(hits);
        fovea_hits_free(hits);
        fovea_close(ix);
    });
}
END_TEST

TCase *rerank_keys_tests(void)
{
    TCase *tc = tcase_create("rerank.c, keys");

    tcase_add_checked_fixture(tc, set_up_decoder, tear_down_decoder);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, stored_keys_and_keys_made_now_rank_alike);
    tcase_add_test(tc, without_a_name_the_profile_is_the_one_that_the_index_has_keys_for);
    tcase_add_loop_test(tc, methods_that_read_passages_need_no_keys, 0, 2);
    tcase_add_test(tc, a_folder_keeps_blocks_for_other_handles);
    tcase_add_loop_test(tc, explaining_tells_the_words_that_were_attended_to_and_changes_no_score,
                        0, 3);
    tcase_add_loop_test(tc, it_survives_each_failing_allocation, 0, 2);
    return tc;
}
