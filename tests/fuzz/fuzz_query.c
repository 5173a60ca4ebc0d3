/* fuzz_query.c -- queries with operators, searched for in a small index: no text is an error, and what is found is what the same
 * words find, if it is not less. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "indexer/index.h"
#include "retriever/retriever.h"
#include "tests/fuzz/fuzz.h"

enum { N_DOCS = 60, EVERYTHING = 1000 };

static void need(int rc, const struct err *err)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "fuzz: %s\n", err->text);
    abort();
}

/* Two segments with some dead passages, opened once. */
static struct index *opened(void)
{
    static const char *const words[] = {"retina", "of",        "the", "\xc3\xa9tude",
                                        "config", "configure", "a-b", "\xe6\x9d\xb1\xe4\xba\xac",
                                        "x1",     "it's"};
    struct index_options opt = {.mode = INDEX_CREATE, .settings = {.chunking = "words:9:2"}};
    static struct index *ix;
    struct err err = {0};
    const char *path = "fuzz-query.fovea";

    if (ix)
        return ix;
    unlink(path);
    need(index_open(&ix, path, &opt, &err), &err);
    for (int i = 0; i < N_DOCS; i++) {
        char docno[16], text[400] = "";
        struct doc doc = {.docno = docno, .title = words[i % 10], .text = text};

        snprintf(docno, sizeof docno, "d%d", i);
        for (int k = 0; k < 3 + i % 17; k++) {
            strcat(text, words[(i * k * 7 + i + k) % 10]);
            strcat(text, " ");
        }
        need(index_add(ix, &doc, &err), &err);
        if (i % 40 == 39)
            need(index_commit(ix, &err), &err);
    }
    need(index_commit(ix, &err), &err);
    need(index_delete(ix, "d7", &err), &err);
    need(index_delete(ix, "d51", &err), &err);
    need(index_commit(ix, &err), &err);
    unlink(path); /* open files stay */
    unlink("fuzz-query.fovea-wal");
    unlink("fuzz-query.fovea-shm");
    return ix;
}

/* Spans lie in the text, and only operators were changed. */
static void check_question(const struct question *q, const char *text)
{
    const size_t n = strlen(text);

    if (strlen(q->text) != n)
        abort();
    for (size_t i = 0; i < n; i++)
        if (q->text[i] != text[i] && q->text[i] != ' ')
            abort();
    for (size_t i = 0; i < q->n_phrases; i++)
        if (q->phrases[i].begin >= q->phrases[i].end || q->phrases[i].end > n)
            abort();
    for (size_t i = 0; i < q->n_prefixes; i++)
        if (!q->prefixes[i] || q->prefixes[i] >= n || text[q->prefixes[i]] != '*')
            abort();
}

static void assert_same(const struct hits *a, const struct hits *b)
{
    if (a->n != b->n)
        abort();
    for (size_t i = 0; i < a->n; i++)
        if (a->hits[i].segment != b->hits[i].segment || a->hits[i].passage != b->hits[i].passage ||
            a->hits[i].score != b->hits[i].score)
            abort();
}

/* Each of `some` is in `all`, with its score, and in the same order. */
static void assert_among(const struct hits *some, const struct hits *all)
{
    size_t at = 0;

    for (size_t i = 0; i < some->n; i++, at++) {
        while (at < all->n && (all->hits[at].segment != some->hits[i].segment ||
                               all->hits[at].passage != some->hits[i].passage))
            at++;
        if (at == all->n || all->hits[at].score != some->hits[i].score)
            abort();
    }
}

static void run_syntax(const uint8_t *data, size_t n)
{
    struct retrieve_options opt = {.system = "bm25", .k = EVERYTHING, .by_passage = 1};
    struct hits plain = {0}, all = {0}, slow = {0};
    char *text = fuzz_text(data, n < 4096 ? n : 4096);
    struct question q = {0};
    struct err err = {0};

    need(query_parse(&q, text, QUERY_OPERATORS, &err), &err);
    check_question(&q, text);
    opt.syntax = QUERY_OPERATORS;
    need(retrieve(&all, opened(), text, &opt, &err), &err);
    opt.exhaustive = 1;
    need(retrieve(&slow, opened(), text, &opt, &err), &err);
    assert_same(&all, &slow);
    opt.exhaustive = 0;
    opt.syntax = QUERY_PLAIN;
    need(retrieve(&plain, opened(), q.text, &opt, &err), &err);
    if (!q.n_prefixes)
        assert_among(&all, &plain);
    hits_clear(&all);
    hits_clear(&slow);
    hits_clear(&plain);
    query_clear(&q);
    free(text);
}

static const char *const queries[] = {
    "\"retina of the\" config*", "the \"it's a\" \xe2\x80\x9c\xc3\xa9tude x1\xe2\x80\x9d x*",
    "\"a\" \"b\" \"of the\" ret* conf* \xc3\xa9*", "5\" disk 2*3 ** \"", NULL};
static const char *const query_words[] = {
    "\"",      "*",      " ",   "\xe2\x80\x9c", "\xe2\x80\x9d", "\xd7\x90", "\"retina of\"",
    "\"the\"", "config", "co*", "\xff",         "\xe6\x9d\xb1", NULL};

const struct fuzz_target fuzz_syntax = {"syntax", run_syntax, queries, NULL, query_words};
