/* prompt.h -- what a model is given to read when it is to rank passages: the wording, in one place.
 *
 *     head     BOS, the begin of a user's turn, "Here are some paragraphs:"
 *     passage  a blank line; "[i] " if they are numbered; title, line feed, text
 *     tail     a blank line; a sentence that says what to look for; a blank line; "Query: " and the query; the end of the turn
 *
 * Pieces are cut into tokens one by one and put behind each other, so that a passage's tokens do not depend on its neighbours.
 * Source: Chen et al., "Attention in large language models yields efficient zero-shot re-rankers", 2024; the sentence is our own.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PROMPT_H
#define MODEL_PROMPT_H

#include "model/reader.h"

/* What the query wants. */
enum { PROMPT_FIND = 0, PROMPT_ANSWER = 1 };

/* What the calibrating query is. */
#define PROMPT_CONTENT_FREE "N/A"

enum { PROMPT_WORDS = 300 }; /* of a passage's text that are read, as published */

/* A passage; strings borrowed. */
struct prompt_passage {
    const char *title; /* [n_title], "" if none; headings may follow it */
    size_t n_title;
    const char *text; /* [n_text] */
    size_t n_text;
};

/* Tokens begin..end-1 of a list. */
struct prompt_range {
    size_t begin, end;
    int is_cut; /* 1: the text that they are of goes on */
};

/* Appends the head.  Spans of tokens are empty. */
int prompt_head(struct tokens *out, const struct reader *r, struct err *err);

/* Appends a passage.
 *
 * number      its marker; 0 = none
 * max_tokens  of the passage, blank line and marker not counted; those beyond are left out
 * where       its tokens, the marker with them and the blank line not; empty if there are but blanks
 *
 * Spans of tokens are bytes of title, line feed and text put together; of the marker and the blank line they are empty.
 * The text counts up to the first PROMPT_WORDS pieces between single spaces; where->is_cut tells what either limit left out.
 * Errors: those of tokenizer_encode.
 */
int prompt_passage(struct tokens *out, struct prompt_range *where, const struct reader *r,
                   const struct prompt_passage *p, int number, size_t max_tokens, struct err *err);

/* What a tail consists of. */
struct prompt_tail {
    struct prompt_range
        asks; /* from the sentence to the last token: what attention is averaged over as published */
    struct prompt_range words; /* the query's own */
};

/* Appends the tail.
 *
 * query       [n], blanks around it are left out
 * wants       PROMPT_FIND or PROMPT_ANSWER
 * max_words   tokens of the query that are read; the rest is left out
 *
 * Spans are bytes of the query; elsewhere empty.
 */
int prompt_tail(struct tokens *out, struct prompt_tail *where, const struct reader *r,
                const char *query, size_t n, int wants, size_t max_words, struct err *err);

#endif
