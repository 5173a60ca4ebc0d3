/* filter_token.c -- cuts the text of a filter into words and signs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/filter_token.h"

#include <string.h>
#include <strings.h>

static const char *const signs[] = {"<=", ">=", "!=", "<>", "==", "!~", "=",
                                    "<",  ">",  "~",  "(",  ")",  ",",  NULL};
static const char *const words[] = {"and",  "or",   "not",   "in",      "like", "is",
                                    "null", "true", "false", "between", NULL};

/* ---- errors ---- */

int token_column(const struct parser *p, const char *at)
{
    int n = 1;

    for (const char *s = p->text; s < at; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

int token_expected(struct parser *p, const char *what)
{
    size_t n = p->previous ? (size_t)(p->previous_end - p->previous) : 0;
    int at = token_column(p, p->token == T_END ? p->previous_end : p->begin);

    if (!n)
        return err_set(p->err, E_INVALID, "column %d: %s is expected", at, what);
    return err_set(p->err, E_INVALID, "column %d: %s is expected after '%.*s'", at, what,
                   (int)(n < 60 ? n : 60), p->previous);
}

/* ---- tokens ---- */

static int is_first(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_more(char c) { return is_first(c) || is_digit(c) || c == '-'; }

const char *token_skip_quoted(const char *s)
{
    char quote = *s++;

    for (; *s; s++)
        if (*s == quote && *++s != quote)
            return s;
    return NULL;
}

const char *token_skip_name(const char *s)
{
    while (is_more(*s))
        s++;
    return s;
}

/* Behind the parts of a field; *is_whole 0 if a quote is not closed or a part missing. */
static const char *skip_field(const char *s, int *is_whole)
{
    for (;; s++) {
        const char *end = s;

        if (*s == '"')
            end = token_skip_quoted(s);
        else if (is_first(*s))
            end = token_skip_name(s);
        if (!end || end == s) {
            *is_whole = 0;
            return s;
        }
        s = end;
        if (*s != '.')
            return s;
    }
}

static const char *skip_number(const char *s)
{
    const char *digits;

    s += *s == '-' || *s == '+';
    digits = s;
    while (is_digit(*s))
        s++;
    if (*s == '.')
        for (s++; is_digit(*s);)
            s++;
    if (s == digits || (s == digits + 1 && *digits == '.'))
        return NULL;
    if (*s == 'e' || *s == 'E') {
        const char *e = s + 1;

        e += *e == '-' || *e == '+';
        if (is_digit(*e))
            for (s = e; is_digit(*s);)
                s++;
    }
    return s;
}

/* 2021-05-17 and 10.5mg are texts that lack their quotes. */
static int take_number(struct parser *p)
{
    const char *end = skip_number(p->at), *more;

    more = end ? end : p->at + 1;
    while (*more && (is_more(*more) || strchr(".:+/", *more)))
        more++;
    if (!end || more > end)
        return err_set(p->err, E_INVALID,
                       "column %d: '%.*s' is no number; text stands in quotes, as in 'text'",
                       token_column(p, p->begin),
                       (int)(more - p->begin < 60 ? more - p->begin : 60), p->begin);
    p->token = T_NUMBER;
    p->at = end;
    return 0;
}

static int not_closed(struct parser *p)
{
    return err_set(p->err, E_INVALID, "column %d: the quote %c is not closed",
                   token_column(p, p->begin), *p->begin);
}

int token_next(struct parser *p)
{
    int is_whole = 1;

    p->previous = p->begin;
    p->previous_end = p->at;
    p->at += strspn(p->at, " \t\r\n");
    p->begin = p->at;
    if (!*p->at) {
        p->token = T_END;
        return 0;
    }
    if (*p->at == '\'') {
        p->token = T_TEXT;
        p->at = token_skip_quoted(p->begin);
        return p->at ? 0 : not_closed(p);
    }
    if (is_first(*p->at) || *p->at == '"') {
        p->token = *p->at == '"' ? T_QUOTED : T_WORD;
        p->at = skip_field(p->begin, &is_whole);
        if (is_whole)
            return 0;
        if (*p->at == '"') {
            p->begin = p->at;
            return not_closed(p);
        }
        return err_set(p->err, E_INVALID, "column %d: a name is expected after '.'",
                       token_column(p, p->at));
    }
    for (int i = 0; signs[i]; i++)
        if (!strncmp(p->at, signs[i], strlen(signs[i]))) {
            p->token = T_SIGN;
            p->at += strlen(signs[i]);
            return 0;
        }
    if (is_digit(*p->at) || strchr("+-.", *p->at))
        return take_number(p);
    return err_set(p->err, E_INVALID, "column %d: '%c' means nothing here",
                   token_column(p, p->begin), *p->at);
}

int token_is(const struct parser *p, const char *word)
{
    size_t n = strlen(word);

    return (p->token == T_WORD || p->token == T_SIGN) && (size_t)(p->at - p->begin) == n &&
           !strncasecmp(p->begin, word, n);
}

int token_accept(struct parser *p, const char *word)
{
    int rc;

    if (!token_is(p, word))
        return 0;
    rc = token_next(p);
    return rc ? rc : 1;
}

int token_is_word(const struct parser *p)
{
    for (int i = 0; words[i]; i++)
        if (token_is(p, words[i]))
            return 1;
    return 0;
}

size_t token_unquote(char *out, const char *s, const char *end)
{
    char quote = *s;
    size_t n = 0;

    for (s++; s < end - 1; s++) {
        if (out)
            out[n] = *s;
        n++;
        s += *s == quote;
    }
    return n;
}
