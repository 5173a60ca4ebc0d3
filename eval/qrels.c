/* qrels.c -- judgements from a file: TREC's four columns or BEIR's three. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/lines.h"
#include "base/mem.h"
#include "eval/eval.h"

enum { MAX_COLUMNS = 5 };

static const char blanks[] = " \t\r\f\v";

/* The topic of qid, made if there is none; NULL if out of memory (and nothing has changed). */
static struct topic *topic_of(struct qrels *q, const char *qid)
{
    struct topic *t = q->n ? &q->topics[q->n - 1] : NULL;
    size_t known = q->qids.n;
    int64_t *at;

    if (t && !strcmp(t->qid, qid)) /* lines of a query usually come together */
        return t;
    if (mem_reserve((void **)&q->topics, &q->cap, q->n + 1, sizeof *q->topics))
        return NULL;
    at = map_put(&q->qids, qid, strlen(qid));
    if (!at)
        return NULL;
    if (q->qids.n == known)
        return &q->topics[*at];
    *at = (int64_t)q->n;
    t = &q->topics[q->n++];
    *t = (struct topic){.qid = q->qids.entries[known].key};
    return t;
}

static int add(struct qrels *q, const char *qid, const char *docno, int grade, struct err *err)
{
    struct topic *t = topic_of(q, qid);
    char *copy;

    if (!t || mem_reserve((void **)&t->judged, &t->cap, t->n + 1, sizeof *t->judged))
        return err_nomem(err);
    copy = arena_dup(&q->docnos, docno, strlen(docno));
    if (!copy)
        return err_nomem(err);
    t->judged[t->n++] = (struct judgement){copy, grade};
    return 0;
}

/* Is there white space between words of s? */
static int has_inner_blank(const char *s)
{
    s += strspn(s, blanks);
    s += strcspn(s, blanks);
    return s[strspn(s, blanks)] != '\0';
}

/* Cuts a line into columns in place: at tabs if it has exactly three fields between tabs and the last is
 * one word (BEIR, whose names may hold spaces), else at white space.  Returns how many there are,
 * MAX_COLUMNS at most. */
static int split(char *columns[MAX_COLUMNS], char *line)
{
    char *tab = strchr(line, '\t'), *second = tab ? strchr(tab + 1, '\t') : NULL, *save, *word;
    int n = 0;

    if (second && !strchr(second + 1, '\t') && !has_inner_blank(second + 1)) {
        *tab = *second = '\0';
        columns[0] = line;
        columns[1] = tab + 1;
        columns[2] = second + 1;
        return 3;
    }
    for (word = strtok_r(line, blanks, &save); word && n < MAX_COLUMNS;
         word = strtok_r(NULL, blanks, &save))
        columns[n++] = word;
    return n;
}

/* BEIR's first line: query-id, corpus-id, score. */
static int is_header(char *const *columns)
{
    static const char *const names[] = {"score", "grade",     "rel", "relevance",
                                        "label", "judgement", NULL};

    for (int i = 0; names[i]; i++)
        if (!strcasecmp(columns[2], names[i]))
            return 1;
    return 0;
}

/* A grade may have white space around it. */
static int parse_grade(int *out, char *text, struct err *err)
{
    char *end = text;
    long x = strtol(text, &end, 10);

    if (end == text || end[strspn(end, blanks)])
        return err_set(err, E_FORMAT, "grade '%s' is not a whole number", text);
    if (x < -INT_MAX || x > INT_MAX)
        return err_set(err, E_FORMAT, "grade '%s' is out of range", text);
    *out = (int)x;
    return 0;
}

/* Adds one line of a file; empty lines and those that start with '#' are none. */
static int add_text(struct qrels *q, char *line, size_t n, int is_first, struct err *err)
{
    char *columns[MAX_COLUMNS] = {0};
    int n_columns, grade = 0, rc;

    if (memchr(line, '\0', n))
        return err_set(err, E_FORMAT, "NUL byte: this is not a text file");
    if (!line[strspn(line, blanks)] || line[strspn(line, blanks)] == '#')
        return 0;
    n_columns = split(columns, line);
    if (n_columns < 3 || n_columns > 4)
        return err_set(
            err, E_FORMAT,
            "%d column%s%s, needed are query, 0, document, grade or query, document, grade",
            n_columns, n_columns == 1 ? "" : "s", n_columns == MAX_COLUMNS ? " or more" : "");
    if (is_first && n_columns == 3 && is_header(columns))
        return 0;
    rc = parse_grade(&grade, columns[n_columns - 1], err);
    if (rc)
        return rc;
    if (!*columns[0] || !*columns[n_columns - 2])
        return err_set(err, E_FORMAT, "the %s is empty", *columns[0] ? "document" : "query");
    return add(q, columns[0], columns[n_columns - 2], grade, err);
}

static int compare_docnos(const void *a, const void *b)
{
    return strcmp(((const struct judgement *)a)->docno, ((const struct judgement *)b)->docno);
}

/* The number of the line of path where a document is judged for the second time; 0 if it cannot be found
 * again (standard input). */
static size_t find_second(const char *path, const char *qid, const char *docno)
{
    struct lines *in = NULL;
    char *line, *columns[MAX_COLUMNS];
    size_t n, at = 0, seen = 0;

    if (!strcmp(path, "-") || lines_open(&in, path, NULL))
        return 0;
    while (!at && lines_next(&line, &n, in, NULL) == 1) {
        int n_columns = split(columns, line);

        if (n_columns >= 3 && n_columns <= 4 && !strcmp(columns[0], qid) &&
            !strcmp(columns[n_columns - 2], docno) && seen++)
            at = lines_number(in);
    }
    lines_close(in);
    return at;
}

static int judged_twice(const char *qid, const char *docno, const char *path, const char *name,
                        struct err *err)
{
    size_t line = find_second(path, qid, docno);

    if (line)
        return err_set(err, E_FORMAT, "%s:%zu: document '%s' of query '%s' is judged twice", name,
                       line, docno, qid);
    return err_set(err, E_FORMAT, "%s: document '%s' of query '%s' is judged twice", name, docno,
                   qid);
}

static int sort_topics(struct qrels *q, const char *path, const char *name, struct err *err)
{
    for (size_t i = 0; i < q->n; i++) {
        struct topic *t = &q->topics[i];

        qsort(t->judged, t->n, sizeof *t->judged, compare_docnos);
        for (size_t j = 1; j < t->n; j++)
            if (!compare_docnos(&t->judged[j - 1], &t->judged[j]))
                return judged_twice(t->qid, t->judged[j].docno, path, name, err);
    }
    return 0;
}

int qrels_load(struct qrels *out, const char *path, struct err *err)
{
    struct qrels new = {0};
    struct lines *in = NULL;
    char *line;
    size_t n;
    int rc = lines_open(&in, path, err);

    if (rc)
        return rc;
    while ((rc = lines_next(&line, &n, in, err)) == 1) {
        struct err why = {0};

        rc = add_text(&new, line, n, !new.n, &why);
        if (rc == E_NOMEM) {
            err_nomem(err);
            goto done;
        }
        if (rc) {
            err_set(err, rc, "%s:%zu: %s", lines_name(in), lines_number(in), why.text);
            goto done;
        }
    }
    if (!rc)
        rc = sort_topics(&new, path, lines_name(in), err);
    if (rc)
        goto done;
    qrels_clear(out);
    *out = new;
    memset(&new, 0, sizeof new);
done:
    qrels_clear(&new);
    lines_close(in);
    return rc;
}

const struct topic *qrels_find(const struct qrels *q, const char *qid)
{
    const int64_t *at = map_find(&q->qids, qid, strlen(qid));

    return at ? &q->topics[*at] : NULL;
}

int topic_grade(int *grade, const struct topic *t, const char *docno)
{
    struct judgement key = {.docno = docno};
    const struct judgement *found = NULL;

    if (t->n)
        found = bsearch(&key, t->judged, t->n, sizeof key, compare_docnos);
    if (found)
        *grade = found->grade;
    return found != NULL;
}

void qrels_clear(struct qrels *q)
{
    if (!q)
        return;
    for (size_t i = 0; i < q->n; i++)
        mem_free(q->topics[i].judged);
    mem_free(q->topics);
    map_clear(&q->qids);
    arena_clear(&q->docnos);
    memset(q, 0, sizeof *q);
}
