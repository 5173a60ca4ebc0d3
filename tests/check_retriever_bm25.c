/* check_retriever_bm25.c -- BM25: golden scores, and the law that pruning changes nothing. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/lines.h"
#include "retriever/bm25.h"
#include "retriever/legs.h"
#include "tests/retriever_fixture.h"

/* ---- golden: tests/reference/bm25.py ---- */

/* The query that lines S are about, and its hits. */
struct asked {
    struct hits hits;
    size_t n_expected;
};

static void end_query(struct asked *a)
{
    ck_assert_uint_eq(a->hits.n, a->n_expected);
    for (size_t i = 1; i < a->hits.n; i++) {
        const struct hit *x = &a->hits.hits[i - 1], *y = &a->hits.hits[i];

        ck_assert(x->score > y->score || (x->score == y->score && strcmp(x->docno, y->docno) > 0));
    }
    hits_clear(&a->hits);
    a->n_expected = 0;
}

static void ask(struct asked *a, struct fixture *f, char *line, int exhaustive)
{
    struct retrieve_options opt = {.system = "bm25", .k = 1000, .exhaustive = exhaustive};
    struct err err = {0};
    char *words = NULL;

    opt.k1 = strtof(line, &words);
    opt.b = strtof(words, &words);
    ck_assert_ok(retrieve(&a->hits, f->ix, words, &opt, &err), &err);
}

static void expect(struct asked *a, char *line)
{
    char *score = strchr(line, ' ');
    double want = atof(score);

    *score = 0;
    a->n_expected++;
    for (size_t i = 0; i < a->hits.n; i++)
        if (!strcmp(a->hits.hits[i].docno, line)) {
            if (fabs((double)a->hits.hits[i].score - want) > 2e-6 * (1 + want))
                ck_abort_msg("%s: %.9g, want %.9g", line, (double)a->hits.hits[i].score, want);
            return;
        }
    ck_abort_msg("%s was not found", line);
}

START_TEST(scores_are_those_of_the_formula)
{
    struct lines *in = NULL;
    struct fixture f;
    struct asked a = {0};
    struct err err = {0};
    int pending = 0, asking = 0, queries = 0, rc;
    char *line, *words;
    size_t n;

    fixture_open(&f, NULL);
    ck_assert_ok(lines_open(&in, source_path("tests/golden/bm25.txt"), &err), &err);
    while ((rc = lines_next(&line, &n, in, &err)) == 1) {
        if (asking && *line != 'S')
            end_query(&a);
        asking = *line == 'Q' || *line == 'S';
        words = strchr(line + 2, ' ');
        if (*line == 'D') {
            *words = 0;
            fixture_add(&f, line + 2, words + 1);
            if (++pending % 20 == 0) /* several segments */
                fixture_commit(&f);
        } else if (*line == 'X') {
            ck_assert_int_eq(index_delete(f.ix, line + 2, &err), 1);
            pending++;
        } else if (*line == 'Q') {
            if (pending)
                fixture_commit(&f);
            pending = 0;
            queries++;
            ask(&a, &f, line + 2, _i);
        } else {
            expect(&a, line + 2);
        }
    }
    ck_assert_ok(rc, &err);
    end_query(&a);
    ck_assert_int_eq(queries, 38);
    lines_close(in);
    fixture_close(&f);
}
END_TEST

/* ---- the law: pruned == exhaustive ---- */

static void add_random_text(struct buf *text, uint64_t *seed)
{
    uint64_t n = 1 + next_random(seed) % 30;

    buf_reset(text);
    while (n--) { /* about Zipf: the product of two uniform numbers is small more often */
        uint64_t word = next_random(seed) % 1000 * (next_random(seed) % 1000) / 5000;

        buf_printf(text, "w%u ", (unsigned)word);
    }
}

/* Documents in segments of any size, many of them alike, some deleted or replaced. */
static void fill(struct fixture *f, int n_documents, int n_commits, uint64_t *seed)
{
    struct buf text = {0};
    struct err err = {0};
    char docno[24];

    for (int i = 0; i < n_documents; i++) {
        if (i % 5) /* each text five times: ties */
            snprintf(docno, sizeof docno, "d%d", (int)(next_random(seed) % 1000000));
        else
            add_random_text(&text, seed);
        snprintf(docno, sizeof docno, "d%d", i * 7919 % n_documents);
        fixture_add(f, docno, buf_text(&text));
        if ((i + 1) % (n_documents / n_commits) == 0)
            fixture_commit(f);
    }
    for (int i = 0; i < n_documents; i += 3 + (int)(next_random(seed) % 9)) {
        snprintf(docno, sizeof docno, "d%d", i);
        if (index_delete(f->ix, docno, &err) != 1)
            ck_abort_msg("%s: %s", docno, err.text);
    }
    fixture_commit(f);
    buf_clear(&text);
}

/* One segment, one query: both ways, the same keys.  Returns hits. */
static size_t compare_ways(const struct bm25_query *q, int segment, size_t k)
{
    struct topk pruned, exhaustive;
    struct err err = {0};
    size_t n;

    if (topk_init(&pruned, k, &err) || topk_init(&exhaustive, k, &err) ||
        bm25_maxscore(&pruned, q, segment, &err) || bm25_exhaustive(&exhaustive, q, segment, &err))
        ck_abort_msg("%s", err.text);
    topk_sort(&pruned);
    topk_sort(&exhaustive);
    n = pruned.n;
    if (n != exhaustive.n || memcmp(pruned.keys, exhaustive.keys, n * sizeof *pruned.keys))
        ck_abort_msg("k %zu, window %u, k1 %g, b %g: pruned and exhaustive differ", k, q->window,
                     (double)q->k1, (double)q->b);
    topk_clear(&pruned);
    topk_clear(&exhaustive);
    return n;
}

static void random_query(struct buf *text, uint64_t *seed)
{
    uint64_t n = 1 + next_random(seed) % 12;

    buf_reset(text);
    while (n--)
        buf_printf(text, "w%u ", (unsigned)(next_random(seed) % (n % 2 ? 200 : 8)));
}

START_TEST(pruning_changes_no_byte_on_random_collections)
{
    static const uint32_t windows[] = {16, 100, 512, BM25_WINDOW};
    static const size_t ks[] = {1, 10, 100, 1000};
    uint64_t seed = 40;
    struct err err = {0};
    struct buf text = {0};
    struct fixture f;
    size_t found = 0;

    fixture_open(&f, NULL);
    fill(&f, 3000, 3, &seed);
    for (int round = 0; round < 400; round++) {
        struct retrieve_options opt = {.k1 = (float)(next_random(&seed) % 300) / 100,
                                       .b = (float)(next_random(&seed) % 101) / 100};
        struct bm25_query *q = NULL;

        random_query(&text, &seed);
        if (bm25_query_open(&q, f.ix, &(struct question){.text = text.data}, &opt, &err))
            ck_abort_msg("%s", err.text);
        for (int s = 0; q->n && s < index_n_segments(f.ix); s++)
            for (int k = 0; k < 4; k++) {
                q->window = windows[(round + k) % 4];
                found += compare_ways(q, s, ks[k]);
            }
        bm25_query_close(q);
    }
    ck_assert_uint_gt(found, 100000);
    buf_clear(&text);
    fixture_close(&f);
}
END_TEST

/* What is left out early in one segment because of another must not be missed. */
START_TEST(fewer_hits_are_the_head_of_more_hits)
{
    struct buf text = {0};
    struct err err = {0};
    struct fixture f;
    uint64_t seed = 42;

    fixture_open(&f, NULL);
    fill(&f, 2000, 5, &seed);
    ck_assert_int_ge(index_n_segments(f.ix), 2);
    for (int round = 0; round < 200; round++) {
        struct retrieve_options opt = {.system = "bm25", .k = 3000};
        struct hits all = {0}, head = {0};

        random_query(&text, &seed);
        if (retrieve(&all, f.ix, buf_text(&text), &opt, &err))
            ck_abort_msg("%s", err.text);
        opt.k = 1 + round % 40;
        opt.exhaustive = round % 2;
        if (retrieve(&head, f.ix, buf_text(&text), &opt, &err))
            ck_abort_msg("%s", err.text);
        if (head.n != ((size_t)opt.k < all.n ? (size_t)opt.k : all.n))
            ck_abort_msg("%zu hits of %zu, k %d", head.n, all.n, opt.k);
        for (size_t i = 0; i < head.n; i++)
            if (strcmp(head.hits[i].docno, all.hits[i].docno) ||
                head.hits[i].score != all.hits[i].score)
                ck_abort_msg("k %d: rank %zu is %s, not %s", opt.k, i + 1, head.hits[i].docno,
                             all.hits[i].docno);
        hits_clear(&all);
        hits_clear(&head);
    }
    buf_clear(&text);
    fixture_close(&f);
}
END_TEST

/* Copies of one document: any k of them are those with the largest docnos, whatever is skipped. */
START_TEST(the_first_of_many_equals_win)
{
    struct retrieve_options opt = {.system = "bm25"};
    struct err err = {0};
    struct fixture f;
    char docno[24];

    fixture_open(&f, NULL);
    for (int i = 0; i < 1000; i++) {
        snprintf(docno, sizeof docno, "d%04d", i);
        fixture_add(&f, docno, "fox dog");
        if (i % 400 == 399)
            fixture_commit(&f);
    }
    fixture_commit(&f);
    for (opt.k = 1; opt.k <= 1000; opt.k = opt.k * 3 + 1) {
        struct hits hits = {0};

        ck_assert_ok(retrieve(&hits, f.ix, "dog fox", &opt, &err), &err);
        ck_assert_int_eq((int)hits.n, opt.k);
        for (int i = 0; i < opt.k; i++) {
            snprintf(docno, sizeof docno, "d%04d", 999 - i);
            if (strcmp(docno, hits.hits[i].docno))
                ck_abort_msg("rank %d is %s", i + 1, hits.hits[i].docno);
        }
        hits_clear(&hits);
    }
    fixture_close(&f);
}
END_TEST

START_TEST(a_query_of_five_thousand_words_is_answered)
{
    struct retrieve_options opt = {.system = "bm25", .k = 100};
    struct hits pruned = {0}, exhaustive = {0};
    struct buf text = {0};
    struct err err = {0};
    struct fixture f;
    uint64_t seed = 41;

    fixture_open(&f, NULL);
    fill(&f, 500, 2, &seed);
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "w%d ", (int)(next_random(&seed) % 400));
    ck_assert_ok(retrieve(&pruned, f.ix, buf_text(&text), &opt, &err), &err);
    opt.exhaustive = 1;
    ck_assert_ok(retrieve(&exhaustive, f.ix, buf_text(&text), &opt, &err), &err);
    ck_assert_uint_eq(pruned.n, 100);
    for (size_t i = 0; i < 100; i++) {
        ck_assert_float_eq(pruned.hits[i].score, exhaustive.hits[i].score);
        ck_assert_str_eq(pruned.hits[i].docno, exhaustive.hits[i].docno);
    }
    hits_clear(&pruned);
    hits_clear(&exhaustive);
    buf_clear(&text);
    fixture_close(&f);
}
END_TEST

/* From the second time on, shares of the same k1 and b are read instead of frequencies. */
START_TEST(a_query_asked_again_gets_the_same_bytes)
{
    static const float parameters[][2] = {{0.9f, 0.4f},  {0.9f, 0.4f}, {0.9f, 0.4f}, {1.2f, 0.75f},
                                          {1.2f, 0.75f}, {0.9f, 0.4f}, {-1, 0.4f},   {-1, 0.4f}};
    struct err err = {0};
    struct buf text = {0};
    struct fixture f;
    uint64_t seed = 21;
    char docno[16];

    fixture_open(&f, NULL);
    for (int i = 0; i < 700; i++) {
        buf_reset(&text);
        for (int n = 1 + (int)(next_random(&seed) % 30); n; n--)
            buf_printf(&text, "w%d ", (int)(next_random(&seed) % 40));
        snprintf(docno, sizeof docno, "d%03d", i);
        fixture_add(&f, docno, buf_text(&text));
    }
    fixture_commit(&f);
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        struct retrieve_options opt = {
            .system = "bm25", .k1 = parameters[i][0], .b = parameters[i][1]};
        struct hits pruned = {0}, exhaustive = {0};

        ck_assert_ok(retrieve(&pruned, f.ix, "w1 w2 w3 w4 w5", &opt, &err), &err);
        opt.exhaustive = 1;
        ck_assert_ok(retrieve(&exhaustive, f.ix, "w1 w2 w3 w4 w5", &opt, &err), &err);
        ck_assert_uint_eq(pruned.n, 10);
        for (size_t j = 0; j < pruned.n; j++) {
            ck_assert_float_eq(pruned.hits[j].score, exhaustive.hits[j].score);
            ck_assert_str_eq(pruned.hits[j].docno, exhaustive.hits[j].docno);
        }
        hits_clear(&pruned);
        hits_clear(&exhaustive);
    }
    buf_clear(&text);
    fixture_close(&f);
}
END_TEST

START_TEST(a_query_of_stop_words_finds_nothing)
{
    struct index_settings settings = {.analyzer = "english"};
    struct retrieve_options opt = {.system = "bm25"};
    struct hits hits = {0};
    struct err err = {0};
    struct fixture f;

    fixture_open(&f, &settings);
    fixture_add(&f, "hamlet", "to be or not to be, that is the question");
    fixture_commit(&f);
    ck_assert_ok(retrieve(&hits, f.ix, "to be or not to be", &opt, &err), &err);
    ck_assert_uint_eq(hits.n, 0);
    hits_clear(&hits);
    ck_assert_ok(retrieve(&hits, f.ix, "the questions", &opt, &err), &err);
    ck_assert_uint_eq(hits.n, 1);
    hits_clear(&hits);
    fixture_close(&f);
}
END_TEST

START_TEST(an_empty_index_answers_with_nothing)
{
    struct retrieve_options opt = {.system = "bm25"};
    struct hits hits = {0};
    struct err err = {0};
    struct fixture f;

    fixture_open(&f, NULL);
    ck_assert_ok(retrieve(&hits, f.ix, "fox", &opt, &err), &err);
    ck_assert_uint_eq(hits.n, 0);
    hits_clear(&hits);
    fixture_add(&f, "a", "fox");
    fixture_commit(&f);
    ck_assert_int_eq(index_delete(f.ix, "a", &err), 1);
    fixture_commit(&f);
    ck_assert_ok(retrieve(&hits, f.ix, "fox", &opt, &err), &err);
    ck_assert_uint_eq(hits.n, 0);
    hits_clear(&hits);
    fixture_close(&f);
}
END_TEST

TCase *tcase_bm25(void)
{
    TCase *tc = tcase_create("bm25");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, scores_are_those_of_the_formula, 0, 2);
    tcase_add_test(tc, pruning_changes_no_byte_on_random_collections);
    tcase_add_test(tc, fewer_hits_are_the_head_of_more_hits);
    tcase_add_test(tc, the_first_of_many_equals_win);
    tcase_add_test(tc, a_query_of_five_thousand_words_is_answered);
    tcase_add_test(tc, a_query_asked_again_gets_the_same_bytes);
    tcase_add_test(tc, a_query_of_stop_words_finds_nothing);
    tcase_add_test(tc, an_empty_index_answers_with_nothing);
    return tc;
}
