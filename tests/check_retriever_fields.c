/* check_retriever_fields.c -- BM25 over weighted fields: golden scores, and the laws that say what a weight is. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/lines.h"
#include "corpora/corpora.h"
#include "tests/retriever_fixture.h"

static struct hits search(struct fixture *f, const char *query, int k, float k1, float b,
                          int exhaustive)
{
    struct retrieve_options opt = {
        .system = "bm25", .k = k, .k1 = k1, .b = b, .exhaustive = exhaustive};
    struct hits hits = {0};
    struct err err = {0};

    ck_assert_ok(retrieve(&hits, f->ix, query, &opt, &err), &err);
    return hits;
}

/* ---- golden: tests/reference/bm25f.py ---- */

struct golden {
    struct fixture f;
    int is_open, exhaustive, n_changes, n_queries;
    struct hits hits;
    size_t n_expected;
};

static void end_query(struct golden *g)
{
    ck_assert_uint_eq(g->hits.n, g->n_expected);
    hits_clear(&g->hits);
    g->n_expected = 0;
}

static void begin_index(struct golden *g, const char *fields)
{
    const struct index_settings settings = {.analyzer = "plain", .fields = fields};

    if (g->is_open)
        fixture_close(&g->f);
    fixture_open(&g->f, &settings);
    g->is_open = 1;
}

/* Several commits, so that changes find what they replace in the buffer and in segments. */
static void change(struct golden *g, char *line)
{
    struct err err = {0};
    char *column[4];

    if (*line == 'X') {
        ck_assert_int_eq(index_delete(g->f.ix, line + 2, &err), 1);
    } else {
        for (int i = 0; i < 4; i++) {
            line = strchr(line, '\t');
            ck_assert_ptr_nonnull(line);
            *line++ = '\0';
            column[i] = line;
        }
        const struct doc doc = {column[0], column[1], column[2], column[3]};

        ck_assert_ok(index_add(g->f.ix, &doc, &err), &err);
    }
    if (++g->n_changes % 13 == 0)
        fixture_commit(&g->f);
}

static void ask(struct golden *g, const char *line)
{
    char *words = NULL;
    const float k1 = strtof(line, &words), b = strtof(words, &words);

    fixture_commit(&g->f);
    g->n_queries++;
    g->hits = search(&g->f, words, 1000, k1, b, g->exhaustive);
}

static void expect(struct golden *g, char *line)
{
    char *score = strchr(line, ' ');
    const double want = atof(score);
    const struct hit *hit = NULL;

    *score = '\0';
    g->n_expected++;
    for (size_t i = 0; i < g->hits.n && !hit; i++)
        if (!strcmp(g->hits.hits[i].docno, line))
            hit = &g->hits.hits[i];
    ck_assert_msg(hit != NULL, "%s was not found", line);
    ck_assert_msg(fabs((double)hit->score - want) <= 2e-6 * (1 + want), "%s: %.9g, want %.9g", line,
                  (double)hit->score, want);
}

START_TEST(scores_are_those_of_the_formula_over_weighted_fields)
{
    struct golden g = {.exhaustive = _i};
    struct lines *in = NULL;
    struct err err = {0};
    int asking = 0, rc;
    char *line;
    size_t n;

    ck_assert_ok(lines_open(&in, source_path("tests/golden/bm25f.txt"), &err), &err);
    while ((rc = lines_next(&line, &n, in, &err)) == 1) {
        if (asking && *line != 'S')
            end_query(&g);
        asking = *line == 'Q' || *line == 'S';
        if (*line == 'F')
            begin_index(&g, line + 2);
        else if (*line == 'D' || *line == 'X')
            change(&g, line);
        else if (*line == 'Q')
            ask(&g, line + 2);
        else
            expect(&g, line + 2);
    }
    ck_assert_ok(rc, &err);
    end_query(&g);
    ck_assert_int_eq(g.n_queries, 100);
    lines_close(in);
    fixture_close(&g.f);
}
END_TEST

/* ---- laws, on Cranfield ---- */

/* An index of Cranfield whose titles stand there `times` times and whose texts `text_times`. */
static void index_cranfield(struct fixture *f, const char *fields, int times, int text_times)
{
    const struct index_settings settings = {.analyzer = "english", .fields = fields};
    struct corpus_options opt = {0};
    struct buf title = {0}, text = {0};
    struct doc_source src = {0};
    struct err err = {0};
    struct doc doc;
    int rc;

    fixture_open(f, &settings);
    ck_assert_ok(corpus_open(&src, source_path("corpora/data/cranfield"), &opt, &err), &err);
    while ((rc = src.next(&doc, src.self, &err)) == 1) {
        buf_reset(&title);
        buf_reset(&text);
        for (int i = 0; i < times; i++)
            buf_printf(&title, "%s\n", doc.title);
        for (int i = 0; i < text_times; i++)
            buf_printf(&text, "%s\n", doc.text);
        doc.title = buf_text(&title);
        doc.text = buf_text(&text);
        ck_assert_ok(index_add(f->ix, &doc, &err), &err);
    }
    ck_assert_ok(rc, &err);
    src.close(src.self);
    fixture_commit(f);
    buf_clear(&title);
    buf_clear(&text);
}

static void assert_same_hits(struct hits *a, struct hits *b, const char *query)
{
    ck_assert_msg(a->n == b->n, "%s: %zu and %zu hits", query, a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        ck_assert_msg(!strcmp(a->hits[i].docno, b->hits[i].docno) &&
                          !memcmp(&a->hits[i].score, &b->hits[i].score, sizeof(float)),
                      "%s, rank %zu: %s %.9g and %s %.9g", query, i + 1, a->hits[i].docno,
                      (double)a->hits[i].score, b->hits[i].docno, (double)b->hits[i].score);
    hits_clear(a);
    hits_clear(b);
}

/* All queries must have the same hits, bit by bit: in a with k1, in b with k1 * scale, and pruned or not. */
static void assert_same_rankings(struct fixture *a, struct fixture *b, float scale)
{
    struct query_list list = {0};
    struct err err = {0};

    ck_assert_ok(queries_load(&list, source_path("corpora/data/cranfield"), &err), &err);
    ck_assert_uint_gt(list.n, 200);
    for (size_t i = 0; i < list.n; i++) {
        const char *q = list.queries[i].text;
        struct hits x = search(a, q, 50, 0.9f, 0.4f, 0),
                    y = search(b, q, 50, 0.9f * scale, 0.4f, 0),
                    z = search(a, q, 50, 0.9f, 0.4f, 1), again = search(a, q, 50, 0.9f, 0.4f, 0);

        ck_assert_uint_gt(x.n, 0);
        assert_same_hits(&x, &y, q);
        assert_same_hits(&z, &again, q);
    }
    queries_clear(&list);
}

/* fields, and how often title and text stand there in the index without weights. */
static const struct {
    const char *fields, *others;
    int title, text;
    float scale;
} laws[] = {
    {"title:3", NULL, 3, 1, 1},
    {"title:0", NULL, 0, 1, 1},
    {"title:1,text:2", NULL, 1, 2, 1},
    {"title:0.5,text:1", "title:1,text:2,headings:0", 1, 1, 2}, /* half of all is twice k1 */
    {"title:0.25,text:0.5", NULL, 1, 2, 4},
    {"title:64,text:32", "title:2,text:1", 1, 1, 0.03125f},
};

START_TEST(a_weight_is_a_number_of_repetitions)
{
    struct fixture a, b;

    index_cranfield(&a, laws[_i].fields, 1, 1);
    index_cranfield(&b, laws[_i].others, laws[_i].title, laws[_i].text);
    assert_same_rankings(&a, &b, laws[_i].scale);
    fixture_close(&a);
    fixture_close(&b);
}
END_TEST

/* ---- explanations ---- */

START_TEST(explanations_count_words_as_fields_weigh)
{
    const struct index_settings settings = {.analyzer = "plain",
                                            .fields = "title:2.5,keywords:0.25"};
    struct retrieve_options opt = {.system = "bm25", .k = 10, .explain = 1};
    const struct doc doc = {"a", "owl night", "an owl hunts",
                            "{\"keywords\":[\"night\",\"bird\"]}"};
    struct err err = {0};
    struct hits hits = {0};
    struct fixture f;

    fixture_open(&f, &settings);
    ck_assert_ok(index_add(f.ix, &doc, &err), &err);
    fixture_add(&f, "b", "a mole sees little");
    fixture_commit(&f);
    ck_assert_ok(retrieve(&hits, f.ix, "owl night bird", &opt, &err), &err);
    ck_assert_uint_eq(hits.n, 1);
    /* title 2 x 2.5, text 3, keywords 2 x 0.25; and the other's 4 */
    ck_assert_ptr_nonnull(strstr(hits.hits[0].explain, ": 8.5 terms (mean 6.25)"));
    ck_assert_ptr_nonnull(strstr(hits.hits[0].explain, "(3.5 times)"));
    ck_assert_ptr_nonnull(strstr(hits.hits[0].explain, "(2.75 times)"));
    ck_assert_ptr_nonnull(strstr(hits.hits[0].explain, "(0.25 times)"));
    hits_clear(&hits);
    fixture_close(&f);
}
END_TEST

TCase *tcase_fields(void)
{
    TCase *tc = tcase_create("fields");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, scores_are_those_of_the_formula_over_weighted_fields, 0, 2);
    tcase_add_loop_test(tc, a_weight_is_a_number_of_repetitions, 0,
                        (int)(sizeof laws / sizeof *laws));
    tcase_add_test(tc, explanations_count_words_as_fields_weigh);
    return tc;
}
