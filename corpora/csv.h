/* csv.h -- a file of comma-separated values, record by record.
 *
 *     struct csv csv = {0};
 *     csv_open(&csv, "a.csv", &err);
 *     while ((rc = csv_next(&csv, &err)) == 1)
 *         ... csv_field(&csv, i), i < csv.n_fields ...
 *     csv_close(&csv);
 *
 * RFC 4180, and what programs write beside it: the border is ',' ';' TAB or '|', whichever the first
 * line has most of outside quotes, or what Excel's line "sep=X" says; lines end in LF or CRLF.
 * A quote inside an unquoted field is a character like others.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_CSV_H
#define CORPORA_CSV_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/lines.h"

struct csv {
    size_t n_fields; /* of the record given last */
    size_t line;     /* where it begins, from 1 */
    int is_bad;      /* after an error: 1 if only a record is bad, and csv_next goes on behind it */

    /* the rest is csv.c's */
    struct lines *in;
    char border;      /* 0 before the first line */
    int state;        /* inside a record */
    size_t number;    /* of the line read last */
    struct buf text;  /* the fields, each with a NUL behind it */
    size_t *starts;   /* [n_fields] where they begin in text */
    size_t cap;       /* of starts */
    struct buf again; /* lines to read once more, from `at` */
    size_t at;
    struct buf seen; /* the lines of a record of several, while they are few */
};

/* Opens path, "-" for standard input; gzip or not. */
int csv_open(struct csv *out, const char *path, struct err *err);

/* Reads a record; empty lines are passed over.  Fields are UTF-8 without NULs; a line's end inside
 * quotes is one newline.
 *
 * Returns 1, 0 at the end, or an error with file and line in its text.  If is_bad, the next call goes
 * on with the line behind the one where the bad record began, or, where that would be reading
 * much again, behind the record.
 */
int csv_next(struct csv *csv, struct err *err);

/* Field i, NUL-terminated; borrowed until the next csv_next. */
const char *csv_field(const struct csv *csv, size_t i);

/* Frees; a zeroed struct is allowed. */
void csv_close(struct csv *csv);

#endif
