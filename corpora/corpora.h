/* corpora.h -- reads document collections, queries and judgements of many formats.
 *
 *     struct doc_source src;
 *     struct corpus_options opt = {0};
 *     if (corpus_open(&src, "data/scifact", &opt, &err)) ...
 *     while ((rc = src.next(&doc, src.self, &err)) == 1) ...
 *     src.close(src.self);
 *
 * Readers stream: memory is bounded by one document.  A bad line is an error
 * "FILE:LINE: reason"; with skip_bad it is counted and passed over.  What ends a file early
 * (a damaged gzip stream, a read error) stays an error.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_CORPORA_H
#define CORPORA_CORPORA_H

#include <stddef.h>

#include "base/doc.h"
#include "base/err.h"

struct corpus_options;

/* One row of the table of formats. */
struct corpus_format {
    const char *name;  /* "beir", "jsonl", "tsv", "csv", "trec", "text" */
    const char *about; /* printed by `fovea help corpora` */
    /* 1 if this path looks like the format (by its name and kind, not by its content). */
    int (*accepts)(const char *path);
    int (*open)(struct doc_source *out, const char *path, const struct corpus_options *opt,
                struct err *err);
    int is_by_line; /* a document is a line, so that lines can be counted to know how far a reader is */
};

struct corpus_options {
    const char
        *format; /* a name of the table; NULL = guess from the path; "-" reads jsonl unless said */
    const char *
        id_field; /* JSONL, CSV: default "_id", else "id", "docno", "docid"; a string or a number */
    const char *title_field; /* JSONL, CSV: default "title"; may be missing or null */
    const char *text_field;  /* JSONL, CSV: default "text", else "contents", "body", "doc" */
    /* A file that is no document of the collection even if it lies in its folder, the index that is
     * being made, say; nor are the files of SQLite beside it.  NULL = none. */
    const char *except;
    int skip_bad;  /* pass over bad lines and files, and count them */
    size_t *n_bad; /* where bad ones are counted, also one that is an error; or NULL */
    /* Told about each bad line or file that is passed over ("FILE:LINE: reason"), or NULL. */
    void (*on_bad)(const char *message, void *payload);
    void *payload;
};

/* NULL-terminated, default first. */
extern const struct corpus_format *const corpus_formats[];

/* Opens a collection.
 *
 * path    a file or folder, or "-" for standard input.
 * opt     NULL for the defaults.  Copied; the strings and pointers in it are borrowed until close.
 *
 * Returns 0; E_NOTFOUND, E_IO, or E_INVALID if no format accepts the path (names them).
 * Close with src.close(src.self).
 */
int corpus_open(struct doc_source *out, const char *path, const struct corpus_options *opt,
                struct err *err);

/* The format that corpus_open would read a path in; NULL if there is none. */
const struct corpus_format *corpus_format_of(const char *path, const struct corpus_options *opt);

/* Queries: id and text, in the order of the file. */
struct query {
    const char *qid;
    const char *text;
};
struct query_list {
    struct query *queries; /* [n] */
    size_t n;
    void *memory; /* owns the strings */
};

/* Reads queries from a BEIR folder (queries.jsonl[.gz]), a JSONL file, a TSV file (id TAB text; a header
 * line is recognised) or a file of TREC topics (topics.h); "-" is standard input.  JSONL when the first line starts
 * with '{', topics when with '<'.  The fields of JSONL are "_id", else "id", "qid", "query_id", and "text", else
 * "query", "question".
 * E_FORMAT "FILE:LINE: reason"; a query id that comes twice is an error.
 * Frees with queries_clear; *out is unchanged on failure. */
int queries_load(struct query_list *out, const char *path, struct err *err);
void queries_clear(struct query_list *q);

/* The path of the judgements of a BEIR folder: qrels/SPLIT.tsv or .tsv.gz; the caller's.
 * E_NOTFOUND lists the splits that there are. */
int corpus_qrels_path(char **out, const char *dir, const char *split, struct err *err);

#endif
