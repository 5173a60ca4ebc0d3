/* formats.h -- what the readers of corpora/ share: the rows of the table, bad lines, JSON documents. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_FORMATS_H
#define CORPORA_FORMATS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/json.h"
#include "corpora/corpora.h"

/* One row a file: c_NAME.c. */
extern const struct corpus_format corpus_beir;
extern const struct corpus_format corpus_jsonl;
extern const struct corpus_format corpus_tsv;
extern const struct corpus_format corpus_csv;
extern const struct corpus_format corpus_trec;
extern const struct corpus_format corpus_text;

/* What happens to a bad line or file.
 *
 * why     what is wrong, its text complete with file and line.
 *
 * Returns 0 if it is passed over (and then reported); else why's code, with why's text in
 * err.  It is counted either way.  Out of memory is never passed over.
 */
int corpus_bad(const struct corpus_options *opt, const struct err *why, struct err *err);

/* Puts "NAME:NUMBER: " in front of why's text. */
void corpus_at_line(struct err *why, const char *name, size_t number);

/* E_FORMAT if n bytes hold a NUL or invalid UTF-8. */
int corpus_check_text(const char *text, size_t n, struct err *err);

/* E_FORMAT if a name (of a document or query: `what`) is empty or holds a control character. */
int corpus_check_name(const char *name, const char *what, struct err *err);

/* 1 if path ends in one of the suffixes (NULL-terminated), ".gz" behind it allowed. */
int corpus_has_suffix(const char *path, const char *const *suffixes);

/* dir/name or, failing that, dir/name.gz: the caller's.  *out is NULL if neither exists.  E_NOMEM. */
int corpus_find_file(char **out, const char *dir, const char *name, struct err *err);

/* One line as a JSON object: checks the text, parses.  *out is the caller's.
 * E_FORMAT says "column N: reason". */
int corpus_parse_object(struct json **out, const char *line, size_t n, struct err *err);

/* The first of the named fields (NULL-terminated) that object j has.
 *
 * *used   its name, or the first name if there is none.
 * Returns it, or NULL.
 */
const struct json *corpus_field(const char **used, const struct json *j, const char *const *names);

/* A string or number as text; numbers are written to buf, which then owns the text.
 * E_FORMAT "field 'used' is missing" or "... is not a string or number". */
int corpus_name_of(const char **out, struct buf *buf, const struct json *v, const char *used,
                   struct err *err);

/* Adds a field to the metadata of a document, a JSON object that grows in meta: as a number if it is one
 * as JSON writes them and a double can hold it, else as a string.  An empty value says nothing and is left out. */
void corpus_meta_add(struct buf *meta, const char *key, const char *value);

/* Ends the object: *out is it, borrowed from meta, or NULL if nothing was added.  E_NOMEM, E_LIMIT. */
int corpus_meta_end(const char **out, struct buf *meta, struct err *err);

/* Opens a file of one JSON document a line, whatever it is called. */
int corpus_open_jsonl(struct doc_source *out, const char *path, const struct corpus_options *opt,
                      struct err *err);

#endif
