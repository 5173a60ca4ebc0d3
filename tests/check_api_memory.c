/* check_api_memory.c -- the whole way with each allocation failing once: an index of three legs is made, changed, searched by
 * every system and scored.  Each failure must be an error with a text, lose no commit and leave a sound file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/run.h"
#include "eval/eval.h"
#include "indexer/index.h"
#include "retriever/retriever.h"
#include "tests/api_fixture.h"
#include "tests/tiny_model.h"

/* Every so many allocations one fails; 1 when all are wanted. */
enum { STRIDE = 29 };

struct way {
    char dir[64], dense[64], sparse[64], file[96], qrels[96];
    uint64_t committed; /* documents of the last commit */
    int n_commits;
};

static int add(struct index *ix, const char *docno, const char *text, struct err *err)
{
    struct doc doc = {.docno = docno, .title = "a b", .text = text, .meta = "{\"n\": 1}"};
    int rc = index_add(ix, &doc, err);

    return rc < 0 ? rc : 0;
}

static int commit(struct way *w, struct index *ix, uint64_t documents, struct err *err)
{
    int rc = index_commit(ix, err);

    if (!rc) {
        w->committed = documents;
        w->n_commits++;
    }
    return rc;
}

static int make_index(struct way *w, struct err *err)
{
    struct index_options opt = {
        .mode = INDEX_CREATE,
        .settings = {.chunking = "sentences:8", .model = w->dense, .sparse = w->sparse}};
    struct index *ix = NULL;
    int rc = index_open(&ix, w->file, &opt, err);

    if (rc)
        return rc;
    if (!(rc = add(ix, "d1", "One. Two three. Four.", err)) &&
        !(rc = add(ix, "d2", "Two four a.", err)) && !(rc = add(ix, "d3", "Three a b c.", err)) &&
        !(rc = commit(w, ix, 3, err)) && !(rc = add(ix, "d2", "Another text.", err)))
        rc = add(ix, "d4", "A fourth one.", err);
    if (!rc) {
        rc = index_delete(ix, "d1", err);
        rc = rc < 0 ? rc : 0;
    }
    rc = rc ? rc : commit(w, ix, 3, err);
    rc = rc ? rc : index_merge(ix, err);
    index_close(ix);
    return rc;
}

static int search(struct run *run, struct index *ix, const char *system, struct err *err)
{
    struct retrieve_options opt = {.system = system, .k = 3, .where = "n = 1", .explain = 1};
    struct hits hits = {0};
    int rc = retrieve(&hits, ix, "two a", &opt, err);

    for (size_t i = 0; !rc && i < hits.n; i++)
        rc = run_add(run, system, hits.hits[i].docno, (double)hits.hits[i].score, err);
    hits_clear(&hits);
    return rc;
}

static int score(const struct way *w, struct run *run, struct err *err)
{
    struct eval_result result = {0};
    struct qrels qrels = {0};
    struct measure m;
    int rc = measure_parse(&m, "nDCG@10", err);

    rc = rc ? rc : run_sort(run, err);
    rc = rc ? rc : qrels_load(&qrels, w->qrels, err);
    rc = rc ? rc : eval_run(&result, run, &qrels, &m, 1, 0, err);
    eval_result_clear(&result);
    qrels_clear(&qrels);
    return rc;
}

static int go(struct way *w, struct err *err)
{
    struct index_options opt = {.settings = {.model = w->dense, .sparse = w->sparse}};
    struct index *ix = NULL;
    struct run run = {0};
    int rc = make_index(w, err);

    rc = rc ? rc : index_open(&ix, w->file, &opt, err);
    for (int i = 0; !rc && i < 4; i++)
        rc = search(&run, ix, (const char *[]){"bm25", "dense", "sparse", "hybrid"}[i], err);
    rc = rc ? rc : score(w, &run, err);
    run_clear(&run);
    index_close(ix);
    return rc;
}

/* Whatever failed: the file is sound and shows the last commit. */
static void check_file(const struct way *w)
{
    struct index *ix = NULL;
    struct index_stats stats;
    struct err err = {0};

    if (!w->n_commits)
        return; /* there may be no index yet */
    ck_assert_ok(index_open(&ix, w->file, NULL, &err), &err);
    ck_assert_ok(index_stats(&stats, ix, &err), &err);
    ck_assert_uint_eq(stats.n_documents, w->committed);
    ck_assert_uint_ge(stats.n_commits, (uint64_t)w->n_commits);
    ck_assert_ok(index_check(ix, &err), &err);
    index_close(ix);
}

static void fail_every(long stride)
{
    struct way w = {0};
    int failed = 1;

    tmp_dir(w.dir);
    tiny_model_write(tmp_dir(w.dense), 1, "");
    tiny_splade_write(tmp_dir(w.sparse), 1);
    snprintf(w.file, sizeof w.file, "%s/ix.fovea", w.dir);
    snprintf(w.qrels, sizeof w.qrels, "%s/qrels", w.dir);
    folder_put(w.dir, "qrels", "bm25 0 d2 1\ndense 0 d3 1\nhybrid 0 d4 1\n");
    for (long n = 1; failed; n += stride) {
        struct err err = {0};
        int rc;

        w.committed = 0;
        w.n_commits = 0;
        mem_fail_at(n);
        rc = go(&w, &err);
        failed = mem_has_failed();
        mem_fail_at(0);
        ck_assert_msg(failed ? rc == E_NOMEM && err.text[0] : rc == 0, "allocation %ld: %d %s", n,
                      rc, err.text);
        check_file(&w);
        unlink(w.file);
    }
    tmp_remove(w.dir);
    tmp_remove(w.dense);
    tmp_remove(w.sparse);
}

START_TEST(no_allocation_that_fails_loses_or_spoils_anything) { fail_every(STRIDE); }
END_TEST

START_TEST(none_at_all_does) { fail_every(1); }
END_TEST

TCase *memory_tests(void)
{
    TCase *tc = tcase_create("memory");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, no_allocation_that_fails_loses_or_spoils_anything);
    return tc;
}

TCase *memory_tests_all(void)
{
    TCase *tc = tcase_create("memory, every allocation");

    tcase_set_tags(tc, "slow");
    tcase_set_timeout(tc, 1200);
    tcase_add_test(tc, none_at_all_does);
    return tc;
}
