/* run.c -- rankings by query: built line by line or read from a TREC run, sorted as trec_eval sorts.
 *
 * Query ids live in the map's own arena, document numbers in the run's, so a ranking is an
 * array of (pointer, score) and nothing else.  Duplicates are found by sorting on the
 * document number first, which costs no memory.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/lines.h"
#include "base/mem.h"
#include "base/number.h"

enum { COLUMNS = 6, COL_QID = 0, COL_DOCNO = 2, COL_SCORE = 4, COL_TAG = 5 };

/* The ranking of qid, made if there is none; NULL if out of memory (and nothing has changed). */
static struct ranking *ranking_of(struct run *run, const char *qid)
{
    struct ranking *r = run->n ? &run->rankings[run->n - 1] : NULL;
    size_t known = run->qids.n;
    int64_t *at;

    if (r && !strcmp(r->qid, qid)) /* lines of a query usually come together */
        return r;
    if (mem_reserve((void **)&run->rankings, &run->cap, run->n + 1, sizeof *run->rankings))
        return NULL;
    at = map_put(&run->qids, qid, strlen(qid));
    if (!at)
        return NULL;
    if (run->qids.n == known)
        return &run->rankings[*at];
    *at = (int64_t)run->n;
    r = &run->rankings[run->n++];
    *r = (struct ranking){.qid = run->qids.entries[known].key};
    return r;
}

int run_add_query(struct run *run, const char *qid, struct err *err)
{
    return ranking_of(run, qid) ? 0 : err_nomem(err);
}

int run_add(struct run *run, const char *qid, const char *docno, double score, struct err *err)
{
    struct ranking *r;
    char *copy;

    if (isnan(score)) /* has no place in an order */
        return err_set(err, E_INVALID, "query '%s', document '%s': the score is not a number", qid,
                       docno);
    r = ranking_of(run, qid);
    if (!r || mem_reserve((void **)&r->lines, &r->cap, r->n + 1, sizeof *r->lines))
        return err_nomem(err);
    copy = arena_dup(&run->strings, docno, strlen(docno));
    if (!copy)
        return err_nomem(err);
    r->lines[r->n++] = (struct run_line){copy, score};
    return 0;
}

int run_line_compare(const void *a, const void *b)
{
    const struct run_line *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return strcmp(y->docno, x->docno);
}

static int compare_docnos(const void *a, const void *b)
{
    return strcmp(((const struct run_line *)a)->docno, ((const struct run_line *)b)->docno);
}

int run_sort(struct run *run, struct err *err)
{
    for (size_t q = 0; q < run->n; q++) {
        struct ranking *r = &run->rankings[q];

        if (r->n < 2)
            continue;
        qsort(r->lines, r->n, sizeof *r->lines, compare_docnos);
        for (size_t i = 1; i < r->n; i++)
            if (!strcmp(r->lines[i - 1].docno, r->lines[i].docno))
                return err_set(err, E_FORMAT, "query '%s' names document '%s' twice", r->qid,
                               r->lines[i].docno);
        qsort(r->lines, r->n, sizeof *r->lines, run_line_compare);
    }
    return 0;
}

const struct ranking *run_find(const struct run *run, const char *qid)
{
    const int64_t *at = map_find(&run->qids, qid, strlen(qid));

    return at ? &run->rankings[*at] : NULL;
}

/* Cuts a line at white space into at most COLUMNS words, in place; what follows them is dropped,
 * as trec_eval does.  Returns how many there are. */
static int split(char *words[COLUMNS], char *line)
{
    int n = 0;
    char *save, *word = strtok_r(line, " \t\r\f\v", &save);

    for (; word && n < COLUMNS; word = strtok_r(NULL, " \t\r\f\v", &save))
        words[n++] = word;
    return n;
}

/* Adds one line of a file; empty lines and those that start with '#' are none. */
static int add_text(struct run *run, char *line, size_t n, struct err *err)
{
    char *word[COLUMNS] = {0}, *end;
    double score;
    int n_words;

    if (memchr(line, '\0', n))
        return err_set(err, E_FORMAT, "NUL byte: this is not a text file");
    n_words = split(word, line);
    if (!n_words || word[0][0] == '#')
        return 0;
    if (n_words < COLUMNS)
        return err_set(err, E_FORMAT,
                       "%d columns, a run has six: query, Q0, document, rank, score, run name",
                       n_words);
    score = number_read(word[COL_SCORE], &end);
    if (*end || end == word[COL_SCORE] || isnan(score))
        return err_set(err, E_FORMAT, "score '%s' is not a number", word[COL_SCORE]);
    if (!run->tag && !(run->tag = mem_strdup(word[COL_TAG])))
        return err_nomem(err);
    return run_add(run, word[COL_QID], word[COL_DOCNO], score, err);
}

int run_load(struct run *run, const char *path, struct err *err)
{
    struct run new = {0};
    struct lines *in = NULL;
    char *line;
    size_t n;
    int rc = lines_open(&in, path, err);

    if (rc)
        return rc;
    while ((rc = lines_next(&line, &n, in, err)) == 1) {
        rc = add_text(&new, line, n, err);
        if (rc) {
            if (rc != E_NOMEM)
                err_wrap(err, "%s:%zu", lines_name(in), lines_number(in));
            goto done;
        }
    }
    if (rc)
        goto done;
    rc = run_sort(&new, err);
    if (rc) {
        err_wrap(err, "%s", lines_name(in));
        goto done;
    }
    run_clear(run);
    *run = new;
    memset(&new, 0, sizeof new);
done:
    run_clear(&new);
    lines_close(in);
    return rc;
}

/* White space would tear the line apart: it goes out percent-encoded, as in a URL. */
static void write_word(FILE *out, const char *s)
{
    if (!*s)
        putc('-', out);
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || *s == 0x7f)
            fprintf(out, "%%%02X", (unsigned)*s);
        else
            putc(*s, out);
}

void ranking_write(FILE *out, const struct ranking *r, const char *tag)
{
    char score[40];

    for (size_t i = 0; i < r->n; i++) {
        write_word(out, r->qid);
        fputs(" Q0 ", out);
        write_word(out, r->lines[i].docno);
        fprintf(out, " %zu ", i + 1);
        number_write(score, r->lines[i].score, 15);
        fprintf(out, "%s ", score);
        write_word(out, tag ? tag : "fovea");
        putc('\n', out);
    }
}

void run_clear(struct run *run)
{
    if (!run)
        return;
    for (size_t q = 0; q < run->n; q++)
        mem_free(run->rankings[q].lines);
    mem_free(run->rankings);
    mem_free(run->tag);
    map_clear(&run->qids);
    arena_clear(&run->strings);
    memset(run, 0, sizeof *run);
}
