/* fuzz.h -- parsers are given what no writer wrote.
 *
 * A target takes bytes and must neither crash, nor hang, nor leak, whatever they are.  It returns nothing: it is
 * up to the sanitizers, its own asserts and the clock to object.  To add one: a function and its seeds in a fuzz_*.c
 * file, a line in the table of fuzz.c.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_target {
    const char *name;
    void (*run)(const uint8_t *data, size_t n);
    const char *const *seeds; /* texts to begin with, NULL-terminated, or NULL */
    void (*more_seeds)(void); /* adds seeds that are not text with fuzz_seed, or NULL */
    const char *const *words; /* what the parser looks for, NULL-terminated, or NULL */
};

/* Adds an input to begin with; copied. */
void fuzz_seed(const void *data, size_t n);

/* Writes the bytes to a file whose name ends in `end` (".jsonl") and returns its path, valid until the
 * next call. */
const char *fuzz_file(const char *end, const uint8_t *data, size_t n);

/* The bytes as a string; the caller's (free). */
char *fuzz_text(const uint8_t *data, size_t n);

/* How many places in the code were reached by now that were not before: 0 where it is not compiled
 * with -fsanitize-coverage=trace-pc. */
size_t coverage_edges(void);

extern const struct fuzz_target fuzz_jsonl, fuzz_tsv, fuzz_csv, fuzz_trec, fuzz_html, fuzz_queries,
    fuzz_gzip;
extern const struct fuzz_target fuzz_qrels, fuzz_run, fuzz_measures;
extern const struct fuzz_target fuzz_json, fuzz_safetensors, fuzz_vocabulary, fuzz_tokenizer;
extern const struct fuzz_target fuzz_bpe, fuzz_sentencepiece;
extern const struct fuzz_target fuzz_postings, fuzz_index, fuzz_filter, fuzz_chunks, fuzz_analyzers,
    fuzz_settings;
extern const struct fuzz_target fuzz_syntax;
extern const struct fuzz_target fuzz_gguf, fuzz_gguf_words, fuzz_decoder;
extern const struct fuzz_target fuzz_profile, fuzz_keys;

#endif
