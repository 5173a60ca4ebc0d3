/* filter_parse.c -- the text of a filter as a tree, by recursive descent. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/filter_parse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/number.h"
#include "base/utf8.h"

enum token {
    T_END,
    T_WORD,   /* a field without quotes */
    T_QUOTED, /* a field that begins with a quote, or a text */
    T_TEXT,   /* '...' */
    T_NUMBER,
    T_SIGN, /* of signs[] */
};

struct parser {
    const char *text, *at; /* at: behind the token */
    enum token token;
    const char *begin;    /* of the token */
    const char *previous; /* token before it: what an error says it comes after */
    const char *previous_end;
    int depth, n_tests, n_values;
    struct arena *memory;
    struct err *err;
};

static const char *const signs[] = {"<=", ">=", "!=", "<>", "==", "!~", "=",
                                    "<",  ">",  "~",  "(",  ")",  ",",  NULL};
static const char *const words[] = {"and",  "or",   "not",   "in",      "like", "is",
                                    "null", "true", "false", "between", NULL};

/* ---- errors ---- */

static int column(const struct parser *p, const char *at)
{
    int n = 1;

    for (const char *s = p->text; s < at; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* "column 9: a value is expected after '>='" */
static int expected(struct parser *p, const char *what)
{
    size_t n = p->previous ? (size_t)(p->previous_end - p->previous) : 0;
    int column_ = column(p, p->token == T_END ? p->previous_end : p->begin);

    if (!n)
        return err_set(p->err, E_INVALID, "column %d: %s is expected", column_, what);
    return err_set(p->err, E_INVALID, "column %d: %s is expected after '%.*s'", column_, what,
                   (int)(n < 60 ? n : 60), p->previous);
}

static void *get_memory(struct parser *p, size_t n)
{
    void *m = arena_alloc(p->memory, n);

    if (m)
        memset(m, 0, n);
    else
        err_nomem(p->err);
    return m;
}

/* ---- tokens ---- */

static int is_first(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_more(char c) { return is_first(c) || is_digit(c) || c == '-'; }

/* Behind the quote that closes the one at s, or NULL. */
static const char *skip_quoted(const char *s)
{
    char quote = *s++;

    for (; *s; s++)
        if (*s == quote && *++s != quote)
            return s;
    return NULL;
}

/* Behind the parts of a field; *is_whole 0 if a quote is not closed or a part missing. */
static const char *skip_field(const char *s, int *is_whole)
{
    for (;; s++) {
        const char *end = s;

        if (*s == '"')
            end = skip_quoted(s);
        else if (is_first(*s))
            while (is_more(*end))
                end++;
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
                       column(p, p->begin), (int)(more - p->begin < 60 ? more - p->begin : 60),
                       p->begin);
    p->token = T_NUMBER;
    p->at = end;
    return 0;
}

static int not_closed(struct parser *p)
{
    return err_set(p->err, E_INVALID, "column %d: the quote %c is not closed", column(p, p->begin),
                   *p->begin);
}

/* Goes on to the next token. */
static int next(struct parser *p)
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
        p->at = skip_quoted(p->begin);
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
                       column(p, p->at));
    }
    for (int i = 0; signs[i]; i++)
        if (!strncmp(p->at, signs[i], strlen(signs[i]))) {
            p->token = T_SIGN;
            p->at += strlen(signs[i]);
            return 0;
        }
    if (is_digit(*p->at) || strchr("+-.", *p->at))
        return take_number(p);
    return err_set(p->err, E_INVALID, "column %d: '%c' means nothing here", column(p, p->begin),
                   *p->at);
}

static int is_token(const struct parser *p, const char *word)
{
    size_t n = strlen(word);

    return (p->token == T_WORD || p->token == T_SIGN) && (size_t)(p->at - p->begin) == n &&
           !strncasecmp(p->begin, word, n);
}

/* 1 and on to the next token, if it is this one; 0; negative. */
static int accept(struct parser *p, const char *word)
{
    int rc;

    if (!is_token(p, word))
        return 0;
    rc = next(p);
    return rc ? rc : 1;
}

static int is_word(const struct parser *p)
{
    for (int i = 0; words[i]; i++)
        if (is_token(p, words[i]))
            return 1;
    return 0;
}

/* ---- fields and values ---- */

/* Bytes between the quotes, doubled ones once, to out (if not NULL).  Returns how many. */
static size_t unquote(char *out, const char *s, const char *end)
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

static char *take_quoted(struct parser *p)
{
    size_t n = unquote(NULL, p->begin, p->at);
    char *out = get_memory(p, n + 1);

    if (out)
        unquote(out, p->begin, p->at);
    return out;
}

/* Adds ."part" of a field. */
static int add_part(struct parser *p, struct buf *path, const char *begin, const char *end)
{
    char *part;
    size_t n = (size_t)(end - begin);

    if (*begin == '"')
        n = unquote(NULL, begin, end);
    part = get_memory(p, n + 1);
    if (!part)
        return E_NOMEM;
    if (*begin == '"')
        unquote(part, begin, end);
    else
        memcpy(part, begin, n);
    if (!n)
        return err_set(p->err, E_INVALID, "column %d: a field has no name", column(p, begin));
    /* SQLite's paths have no way to write these two. */
    if (strpbrk(part, "\"\\"))
        return err_set(p->err, E_INVALID, "column %d: the name of a field cannot hold '\"' or '\\'",
                       column(p, begin));
    buf_printf(path, ".\"%s\"", part);
    return 0;
}

static int take_path(struct parser *p, struct filter_field *f)
{
    struct buf path = {0};
    int rc = 0;

    for (const char *s = p->begin, *end; !rc && s < p->at; s = end + 1) {
        if (*s == '"')
            end = skip_quoted(s);
        else
            for (end = s; is_more(*end);)
                end++;
        rc = add_part(p, &path, s, end);
    }
    if (!rc && !buf_error(&path)) {
        char *text = get_memory(p, 2 * path.len + 16);

        rc = text ? 0 : E_NOMEM;
        if (text) {
            char *nested = text + path.len + 2;

            f->path = text;
            memcpy(stpcpy(text, "$"), path.data, path.len);
            if (strncmp(path.data, ".\"metadata\".", 12)) {
                memcpy(stpcpy(nested, "$.\"metadata\""), path.data, path.len);
                f->nested = nested;
            }
        }
    } else if (!rc) {
        rc = err_nomem(p->err);
    }
    buf_clear(&path);
    return rc;
}

static int take_field(struct parser *p, struct filter_field *f)
{
    int rc = 0;

    if ((p->token != T_WORD && p->token != T_QUOTED) || is_word(p))
        return expected(p, "a field");
    if (is_token(p, "docno"))
        f->column = FILTER_DOCNO;
    else if (is_token(p, "title"))
        f->column = FILTER_TITLE;
    else
        rc = take_path(p, f);
    return rc ? rc : next(p);
}

static int take_value(struct parser *p, struct filter_value ***end)
{
    struct filter_value *v;

    if (p->token == T_WORD && is_token(p, "null"))
        return err_set(p->err, E_INVALID,
                       "column %d: nothing compares with null; write FIELD is null",
                       column(p, p->begin));
    if (p->token == T_WORD && !is_word(p))
        return err_set(
            p->err, E_INVALID, "column %d: a value is expected; text stands in quotes: '%.*s'",
            column(p, p->begin), (int)(p->at - p->begin < 60 ? p->at - p->begin : 60), p->begin);
    if (p->token == T_QUOTED && skip_quoted(p->begin) != p->at)
        return expected(p, "a value");
    if (++p->n_values > FILTER_VALUES)
        return err_set(p->err, E_LIMIT, "column %d: more than %d values", column(p, p->begin),
                       FILTER_VALUES);
    v = get_memory(p, sizeof *v);
    if (!v)
        return E_NOMEM;
    if (p->token == T_TEXT || p->token == T_QUOTED) {
        v->type = FILTER_TEXT;
        v->text = take_quoted(p);
        if (!v->text)
            return E_NOMEM;
    } else if (p->token == T_NUMBER) {
        char *stop;

        errno = 0;
        v->integer = strtoll(p->begin, &stop, 10);
        v->type = stop == p->at && !errno ? FILTER_INTEGER : FILTER_REAL;
        v->real = number_read(p->begin, &stop);
        if (!isfinite(v->real))
            return err_set(p->err, E_INVALID, "column %d: the number is too large",
                           column(p, p->begin));
    } else if (is_token(p, "true") || is_token(p, "false")) {
        v->type = FILTER_BOOL;
        v->integer = is_token(p, "true");
    } else {
        return expected(p, "a value");
    }
    **end = v;
    *end = &v->next;
    return next(p);
}

/* ---- tests ---- */

static int take_text(struct parser *p, struct filter_value ***end)
{
    if (p->token == T_NUMBER || is_token(p, "true") || is_token(p, "false"))
        return expected(p, "a text");
    return take_value(p, end);
}

static int take_list(struct parser *p, struct filter_value ***end)
{
    int rc = accept(p, "(");

    if (!rc)
        return expected(p, "'('");
    do {
        rc = rc < 0 ? rc : take_value(p, end);
    } while (!rc && (rc = accept(p, ",")) == 1);
    if (rc)
        return rc;
    rc = accept(p, ")");
    return rc > 0 ? 0 : rc ? rc : expected(p, "',' or ')'");
}

static int take_range(struct parser *p, struct filter_node *t, struct filter_value ***end)
{
    const char *at = p->begin;
    int rc = take_value(p, end);

    if (rc)
        return rc;
    rc = accept(p, "and");
    if (rc <= 0)
        return rc ? rc : expected(p, "'and'");
    rc = take_value(p, end);
    if (rc)
        return rc;
    if ((t->values->type == FILTER_TEXT) != (t->values->next->type == FILTER_TEXT))
        return err_set(p->err, E_INVALID,
                       "column %d: a range is from number to number or from "
                       "text to text",
                       column(p, at));
    return 0;
}

/* The signs.  1 if there was one. */
static int take_sign(struct parser *p, struct filter_node *t, struct filter_value ***end)
{
    static const struct {
        const char *sign;
        enum filter_op op;
        int negate;
    } table[] = {{"=", FILTER_IN, 0},       {"==", FILTER_IN, 0},       {"!=", FILTER_IN, 1},
                 {"<>", FILTER_IN, 1},      {"<", FILTER_LESS, 0},      {"<=", FILTER_AT_MOST, 0},
                 {">", FILTER_MORE, 0},     {">=", FILTER_AT_LEAST, 0}, {"~", FILTER_CONTAINS, 0},
                 {"!~", FILTER_CONTAINS, 1}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int rc = accept(p, table[i].sign);

        if (!rc)
            continue;
        t->op = table[i].op;
        t->negate = table[i].negate;
        if (rc > 0)
            rc = t->op == FILTER_CONTAINS ? take_text(p, end) : take_value(p, end);
        return rc < 0 ? rc : 1;
    }
    return 0;
}

/* The words: is null, like, in, between. */
static int take_word(struct parser *p, struct filter_node *t, struct filter_value ***end)
{
    int rc = accept(p, "is");

    if (rc) {
        if (rc > 0)
            rc = t->negate = accept(p, "not");
        if (rc >= 0)
            rc = accept(p, "null");
        t->op = FILTER_NULL;
        return rc > 0 ? 0 : rc ? rc : expected(p, t->negate ? "'null'" : "'null' or 'not null'");
    }
    rc = t->negate = accept(p, "not");
    if (rc >= 0 && (rc = accept(p, "like")) != 0) {
        t->op = FILTER_LIKE;
        return rc > 0 ? take_text(p, end) : rc;
    }
    if (rc >= 0 && (rc = accept(p, "between")) != 0) {
        t->op = FILTER_BETWEEN;
        return rc > 0 ? take_range(p, t, end) : rc;
    }
    if (rc >= 0 && (rc = accept(p, "in")) != 0) {
        t->op = FILTER_IN;
        return rc > 0 ? take_list(p, end) : rc;
    }
    if (rc < 0)
        return rc;
    return expected(p, t->negate ? "'in', 'like' or 'between'"
                                 : "one of = != < <= > >= ~ !~, in, like, between, is null");
}

static int parse_test(struct filter_node **out, struct parser *p)
{
    struct filter_value **end;
    struct filter_node *t;
    const char *at = p->begin;
    int rc;

    if (++p->n_tests > FILTER_TESTS)
        return err_set(p->err, E_LIMIT, "column %d: more than %d tests; 'in' takes a list",
                       column(p, p->begin), FILTER_TESTS);
    t = get_memory(p, sizeof *t);
    if (!t)
        return E_NOMEM;
    t->kind = FILTER_TEST;
    end = &t->values;
    rc = take_field(p, &t->field);
    if (!rc && (rc = take_sign(p, t, &end)) == 0)
        rc = take_word(p, t, &end);
    if (rc < 0)
        return rc;
    if (t->op >= FILTER_LESS && t->op <= FILTER_BETWEEN && t->values->type == FILTER_BOOL)
        return err_set(p->err, E_INVALID, "column %d: true and false have no order", column(p, at));
    *out = t;
    return 0;
}

/* ---- and, or, not ---- */

static int parse_list(struct filter_node **out, struct parser *p, enum filter_kind kind);

static int parse_one(struct filter_node **out, struct parser *p)
{
    int negate = 0, rc;

    while ((rc = accept(p, "not")) == 1)
        negate = !negate;
    if (rc)
        return rc;
    rc = accept(p, "(");
    if (rc < 0)
        return rc;
    if (!rc) {
        rc = parse_test(out, p);
    } else {
        if (++p->depth > FILTER_DEPTH)
            return err_set(p->err, E_LIMIT, "column %d: more than %d parentheses inside each other",
                           column(p, p->previous), FILTER_DEPTH);
        rc = parse_list(out, p, FILTER_ANY);
        if (!rc && (rc = accept(p, ")")) == 0)
            rc = expected(p, "'and', 'or' or ')'");
        rc = rc > 0 ? 0 : rc;
        p->depth--;
    }
    if (!rc)
        (*out)->negate ^= negate;
    return rc;
}

/* A list of two or more, or what it is a list of. */
static int parse_list(struct filter_node **out, struct parser *p, enum filter_kind kind)
{
    struct filter_node *list = NULL, *node = NULL, **end = NULL;
    int rc;

    do {
        rc = kind == FILTER_ANY ? parse_list(&node, p, FILTER_ALL) : parse_one(&node, p);
        if (rc)
            return rc;
        if (!list) {
            *out = node;
            list = get_memory(p, sizeof *list);
            if (!list)
                return E_NOMEM;
            list->kind = kind;
            end = &list->first;
        }
        *end = node;
        end = &node->next;
    } while ((rc = accept(p, kind == FILTER_ANY ? "or" : "and")) == 1);
    if (!rc && list->first->next)
        *out = list;
    return rc;
}

int filter_parse(struct filter_tree *out, const char *text, struct err *err)
{
    struct parser p = {.text = text, .at = text, .memory = &out->memory, .err = err};
    size_t n = strlen(text);
    int rc;

    if (n > FILTER_BYTES)
        return err_set(err, E_LIMIT, "the filter has %zu bytes; %d are allowed", n, FILTER_BYTES);
    if (utf8_check(text, n) < n)
        return err_set(err, E_INVALID, "the filter is not UTF-8");
    rc = next(&p);
    rc = rc ? rc : parse_list(&out->root, &p, FILTER_ANY);
    if (!rc && p.token != T_END)
        rc = expected(&p, "'and' or 'or'");
    return rc;
}

void filter_tree_clear(struct filter_tree *tree)
{
    arena_clear(&tree->memory);
    tree->root = NULL;
}
