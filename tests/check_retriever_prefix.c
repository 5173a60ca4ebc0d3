/* check_retriever_prefix.c -- a prefix is its terms: counted, weighed and added up here from the texts alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/buf.h"
#include "base/mem.h"
#include "retriever/bm25.h"
#include "tests/retriever_fixture.h"

enum { N_DOCS = 700, N_WORDS = 200, LENGTH = 25, EVERYTHING = 100000 };

static struct fixture f;
static struct err err;

/* counts[document][word] of the words w0 .. w199; of a document that is gone all are 0. */
static int counts[N_DOCS][N_WORDS];

static void add(int i, uint64_t *state)
{
    char docno[16], text[LENGTH * 6] = "";
    int n = 1 + (int)(next_random(state) % LENGTH);

    memset(counts[i], 0, sizeof counts[i]);
    for (; n > 0; n--) {
        int word = (int)(next_random(state) % N_WORDS * (next_random(state) % N_WORDS) / N_WORDS);

        snprintf(text + strlen(text), 7, "w%d ", word);
        counts[i][word]++;
    }
    snprintf(docno, sizeof docno, "d%04d", i);
    fixture_add(&f, docno, text);
}

static void open_index(void)
{
    uint64_t state = 11;
    char docno[16];

    fixture_open(&f, NULL);
    for (int i = 0; i < N_DOCS; i++) {
        add(i, &state);
        if (i % 300 == 299)
            fixture_commit(&f);
    }
    fixture_commit(&f);
    for (int i = 0; i < N_DOCS; i += 7) {
        snprintf(docno, sizeof docno, "d%04d", i);
        ck_assert_int_eq(index_delete(f.ix, docno, &err), 1);
        memset(counts[i], 0, sizeof counts[i]);
    }
    for (int i = 3; i < N_DOCS; i += 40)
        add(i, &state);
    fixture_commit(&f);
    ck_assert_int_gt(index_n_segments(f.ix), 1);
}

static void close_index(void) { fixture_close(&f); }

/* ---- the terms of a prefix ---- */

struct word {
    char text[8];
    int number, df;
};

static int most_first(const void *a, const void *b)
{
    const struct word *x = a, *y = b;

    return x->df != y->df ? y->df - x->df : strcmp(x->text, y->text);
}

/* The words that begin so, those in most documents first; n of them. */
static size_t words_beginning(struct word *out, const char *prefix)
{
    size_t n = 0;

    for (int w = 0; w < N_WORDS; w++) {
        struct word word = {.number = w};

        snprintf(word.text, sizeof word.text, "w%d", w);
        for (int d = 0; d < N_DOCS; d++)
            word.df += counts[d][w] > 0;
        if (word.df && !strncmp(word.text, prefix, strlen(prefix)))
            out[n++] = word;
    }
    qsort(out, n, sizeof *out, most_first);
    return n;
}

static const char *const prefixes[] = {"w", "w1", "w19", "w199", "w1999", "v", "x", "a"};

START_TEST(terms_that_begin_so_come_by_passages)
{
    static const size_t most[] = {1, 5, 64, 1000};
    struct word want[N_WORDS];
    size_t n_want = words_beginning(want, prefixes[_i]);

    for (int m = 0; m < 4; m++) {
        struct index_term *got = mem_alloc(most[m], sizeof *got);
        size_t n = 0;

        ck_assert_ok(
            index_terms_beginning(got, &n, f.ix, prefixes[_i], strlen(prefixes[_i]), most[m], &err),
            &err);
        ck_assert_uint_eq(n, n_want < most[m] ? n_want : most[m]);
        for (size_t i = 0; i < n; i++) {
            ck_assert_uint_eq(got[i].len, strlen(want[i].text));
            ck_assert_mem_eq(got[i].term, want[i].text, got[i].len);
            ck_assert_uint_eq(got[i].df, (uint64_t)want[i].df);
        }
        mem_free(got);
    }
}
END_TEST

START_TEST(the_dictionary_is_entered_where_a_term_would_be)
{
    struct index_term got[2];
    size_t n, n_words = 0;

    for (int w = 0; w < N_WORDS;
         w++) { /* each word has one term that is it: blocks are entered everywhere */
        char text[8];

        snprintf(text, sizeof text, "w%d", w);
        ck_assert_ok(index_terms_beginning(got, &n, f.ix, text, strlen(text), 2, &err), &err);
        n_words += n > 0;
    }
    ck_assert_uint_gt(n_words, 150);
}
END_TEST

/* ---- scores ---- */

/* A query of prefixes and words, and what it means: terms with their idf. */
static const struct {
    const char *query;
    const char *prefixes[3]; /* in any order */
    int words[3];            /* + 1; 0 ends */
} rows[] = {
    {"w1*", {"w1"}, {0}},
    {"w1* w2*", {"w1", "w2"}, {0}},
    {"w19* w7 w7", {"w19"}, {8, 8}},
    {"w12 w1* w3", {"w1"}, {13, 4}},
    {"w1* w19* w199*", {"w1", "w19", "w199"}, {0}},
    {"w1999* w5", {NULL}, {6}},
    {"nothing*", {NULL}, {0}},
};

static double idf(double n, double df) { return log(1 + (n - df + 0.5) / (df + 0.5)); }

/* weights[N_WORDS] of a row, and N. */
static double weigh(double *weights, int row, double n)
{
    double own[N_WORDS] = {0};

    memset(weights, 0, N_WORDS * sizeof *weights);
    for (int i = 0; i < 3 && rows[row].words[i]; i++) {
        struct word all[N_WORDS];
        size_t n_all = words_beginning(all, "w");

        for (size_t k = 0; k < n_all; k++)
            if (all[k].number == rows[row].words[i] - 1)
                own[all[k].number] += idf(n, all[k].df);
    }
    for (int i = 0; i < 3 && rows[row].prefixes[i]; i++) {
        struct word terms[N_WORDS];
        size_t n_terms = words_beginning(terms, rows[row].prefixes[i]);
        int df = 0, has_own = 0;

        n_terms = n_terms < BM25_EXPANSION ? n_terms : BM25_EXPANSION;
        for (size_t k = 0; k < n_terms; k++)
            has_own |= !strcmp(terms[k].text, rows[row].prefixes[i]);
        ck_assert(has_own || n_terms < BM25_EXPANSION); /* else it takes the place of the last */
        for (size_t k = 0; k < n_terms; k++)
            df += terms[k].df;
        for (size_t k = 0; k < n_terms; k++)
            weights[terms[k].number] = fmax(weights[terms[k].number], idf(n, fmin(df, n)));
    }
    for (int w = 0; w < N_WORDS; w++)
        weights[w] = fmax(weights[w], own[w]);
    return n;
}

START_TEST(scores_are_those_of_the_texts)
{
    const double n = (double)index_n_passages(f.ix),
                 mean = (double)index_n_terms(f.ix) / (double)index_n_passages(f.ix);
    struct retrieve_options opt = {.system = "bm25", .k = EVERYTHING, .syntax = QUERY_OPERATORS};
    struct hits hits = {0};
    double weights[N_WORDS];
    size_t n_found = 0;

    weigh(weights, _i, n);
    ck_assert_ok(retrieve(&hits, f.ix, rows[_i].query, &opt, &err), &err);
    for (int d = 0; d < N_DOCS; d++) {
        double score = 0, length = 0;

        for (int w = 0; w < N_WORDS; w++)
            length += counts[d][w];
        for (int w = 0; w < N_WORDS; w++)
            if (counts[d][w])
                score += weights[w] * counts[d][w] /
                         (counts[d][w] + 0.9 * (1 - 0.4 + 0.4 * length / mean));
        if (score == 0)
            continue;
        n_found++;
        for (size_t i = 0; i < hits.n; i++)
            if (atoi(hits.hits[i].docno + 1) == d) {
                ck_assert_double_eq_tol(hits.hits[i].score, score, 1e-5);
                score = 0;
            }
        ck_assert_msg(score == 0, "%s: d%04d is missing", rows[_i].query, d);
    }
    ck_assert_uint_eq(hits.n, n_found);
    hits_clear(&hits);
}
END_TEST

START_TEST(pruning_changes_nothing)
{
    static const int depths[] = {1, 3, 10, 100, EVERYTHING};

    for (int k = 0; k < 5; k++) {
        struct retrieve_options opt = {
            .system = "bm25", .k = depths[k], .explain = 1, .syntax = QUERY_OPERATORS};
        struct hits fast = {0}, slow = {0};

        ck_assert_ok(retrieve(&fast, f.ix, rows[_i].query, &opt, &err), &err);
        opt.exhaustive = 1;
        ck_assert_ok(retrieve(&slow, f.ix, rows[_i].query, &opt, &err), &err);
        ck_assert_uint_eq(fast.n, slow.n);
        for (size_t i = 0; i < fast.n; i++) {
            ck_assert_str_eq(fast.hits[i].docno, slow.hits[i].docno);
            ck_assert_mem_eq(&fast.hits[i].score, &slow.hits[i].score, sizeof(float));
            ck_assert_str_eq(fast.hits[i].explain, slow.hits[i].explain);
        }
        hits_clear(&fast);
        hits_clear(&slow);
    }
}
END_TEST

/* What has no operator, and what is too short for one, is what it is as plain text. */
START_TEST(words_are_searched_for_as_ever)
{
    static const char *const all[] = {"w1 w2 w3", "w* w12",    "\"w1",
                                      "w5 \"",    "5\" w1 w1", "* w7 **"};
    struct retrieve_options opt = {.system = "bm25", .k = 50};
    struct hits plain = {0}, operators = {0};
    char text[32];

    snprintf(text, sizeof text, "%s", all[_i]);
    ck_assert_ok(retrieve(&plain, f.ix, text, &opt, &err), &err);
    opt.syntax = QUERY_OPERATORS;
    ck_assert_ok(retrieve(&operators, f.ix, text, &opt, &err), &err);
    ck_assert_uint_gt(plain.n, 5);
    ck_assert_uint_eq(plain.n, operators.n);
    for (size_t i = 0; i < plain.n; i++) {
        ck_assert_str_eq(plain.hits[i].docno, operators.hits[i].docno);
        ck_assert_mem_eq(&plain.hits[i].score, &operators.hits[i].score, sizeof(float));
    }
    hits_clear(&plain);
    hits_clear(&operators);
}
END_TEST

/* ---- what nobody types ---- */

START_TEST(immoderate_queries_are_answered)
{
    static const struct {
        const char *text;
        int times;
    } all[] = {{"\"", 10000},
               {"w1 ", 5000},
               {"w1* ", 3000},
               {"\"w1 w2\" ", 3000},
               {"w", 100000},
               {"\"\xff\"", 999},
               {"\xc3\xa9\xff*\"w1", 999}};
    struct retrieve_options opt = {.system = "bm25", .syntax = QUERY_OPERATORS};
    struct hits hits = {0};
    struct buf text = {0};

    buf_putc(&text, _i % 2 ? '"' : ' ');
    for (int i = 0; i < all[_i / 2].times; i++)
        buf_puts(&text, all[_i / 2].text);
    buf_putc(&text, _i % 2 ? '"' : '*');
    ck_assert_ok(retrieve(&hits, f.ix, buf_text(&text), &opt, &err), &err);
    hits_clear(&hits);
    buf_clear(&text);
}
END_TEST

START_TEST(a_syntax_that_is_none_is_refused)
{
    struct retrieve_options opt = {.syntax = _i};
    struct hits hits = {0};

    ck_assert_err(retrieve(&hits, f.ix, "w1", &opt, &err), E_INVALID, "syntax is", &err);
}
END_TEST

/* With the index opened anew each time: dictionary, postings and filters are read then. */
START_TEST(operators_survive_each_failing_allocation)
{
    struct retrieve_options opt = {
        .system = "bm25", .k = 3, .where = "docno > 'd01'", .syntax = QUERY_OPERATORS};
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct index *ix = NULL;
        struct hits hits = {0};

        err_clear(&err);
        rc = index_open(&ix, f.path, NULL, &err);
        rc = rc ? rc : retrieve(&hits, ix, "w12* \"w1 w2\" w3 \"w4\"", &opt, &err);
        hits_clear(&hits);
        index_close(ix);
    });
}
END_TEST

TCase *tcase_prefixes(void)
{
    const int n = sizeof rows / sizeof *rows;
    TCase *tc = tcase_create("prefix.c");

    tcase_set_timeout(tc, 120);
    tcase_add_unchecked_fixture(tc, open_index, close_index);
    tcase_add_loop_test(tc, terms_that_begin_so_come_by_passages, 0, 8);
    tcase_add_test(tc, the_dictionary_is_entered_where_a_term_would_be);
    tcase_add_loop_test(tc, scores_are_those_of_the_texts, 0, n);
    tcase_add_loop_test(tc, pruning_changes_nothing, 0, n);
    tcase_add_loop_test(tc, words_are_searched_for_as_ever, 0, 6);
    tcase_add_loop_test(tc, immoderate_queries_are_answered, 0, 14);
    tcase_add_loop_test(tc, a_syntax_that_is_none_is_refused, 2, 4);
    tcase_add_test(tc, operators_survive_each_failing_allocation);
    return tc;
}
