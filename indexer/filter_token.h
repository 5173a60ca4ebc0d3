/* filter_token.h -- the words and signs of a filter, for filter_parse.c. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_FILTER_TOKEN_H
#define INDEXER_FILTER_TOKEN_H

#include "base/err.h"
#include "base/mem.h"

enum token {
    T_END,
    T_WORD,   /* a field without quotes */
    T_QUOTED, /* a field that begins with a quote, or a text */
    T_TEXT,   /* '...' */
    T_NUMBER,
    T_SIGN,
};

struct parser {
    const char *text, *at; /* at: behind the token */
    enum token token;
    const char *begin;    /* of the token */
    const char *previous; /* the token before it, which an error names; NULL before the first */
    const char *previous_end;
    int depth, n_tests, n_values;
    struct arena *memory;
    struct err *err;
};

/* Goes on to the next token. */
int token_next(struct parser *p);

/* Is the token this word or sign? */
int token_is(const struct parser *p, const char *word);

/* Is it a word of the language? */
int token_is_word(const struct parser *p);

/* 1 and on to the next token, if it is this one; 0; negative. */
int token_accept(struct parser *p, const char *word);

/* Column of a place in the text: characters, from 1. */
int token_column(const struct parser *p, const char *at);

/* E_INVALID "column 9: a value is expected after '>='". */
int token_expected(struct parser *p, const char *what);

/* Behind the quote that closes the one at s, or NULL; and behind the last character of a name without quotes. */
const char *token_skip_quoted(const char *s);
const char *token_skip_name(const char *s);

/* Bytes between the quotes of [s, end), doubled ones once, to out unless it is NULL.  Returns how many. */
size_t token_unquote(char *out, const char *s, const char *end);

#endif
