/* check_corpora.h -- what the tests of the readers share: a folder of files, and documents as lines. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_CORPORA_H
#define TESTS_CHECK_CORPORA_H

#include "tests/testing.h"

#include "base/buf.h"
#include "corpora/corpora.h"

/* The folder of the test that runs; made before it, removed after it. */
extern char corpora_dir[64];

/* Adds a group of tests that have the folder to the suite. */
TCase *corpora_group(Suite *suite, const char *file);

/* A path in the folder; static storage. */
const char *in_dir(const char *name);

/* Writes a file in the folder. */
void put(const char *name, const char *text);

/* Runs a command whose one %s is arg. */
void run_command(const char *fmt, const char *arg) __attribute__((format(printf, 1, 0)));

/* Reads all documents into text: "docno|title|text|meta\n" for each.  0 or the error. */
int read_all(struct buf *out, const char *path, const struct corpus_options *opt, struct err *err);

/* Reads a file of the folder and compares; lines "bad MESSAGE" stand where something was passed over. */
void expect(const char *name, struct corpus_options opt, const char *want);

/* Reading it must fail like this. */
void expect_error(const char *name, const char *format, int code, const char *part);

/* Loads queries and compares: "qid|text\n" for each. */
void expect_queries(const char *name, const char *want);

/* Reads it, skipping what is bad, with each allocation failing once. */
void fail_each_alloc(const char *name, const char *format);

/* The groups of the other files. */
void add_csv_tests(Suite *suite);
void add_trec_tests(Suite *suite);
void add_html_tests(Suite *suite);
void add_pdf_tests(Suite *suite);

#endif
