/* filter_parse.c -- the text of a filter as a tree, by recursive descent. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/filter_parse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/number.h"
#include "base/utf8.h"
#include "indexer/filter_token.h"

static void *get_memory(struct parser *p, size_t n)
{
    void *m = arena_alloc(p->memory, n);

    if (m)
        memset(m, 0, n);
    else
        err_nomem(p->err);
    return m;
}

/* ---- fields and values ---- */

static char *take_quoted(struct parser *p)
{
    size_t n = token_unquote(NULL, p->begin, p->at);
    char *out = get_memory(p, n + 1);

    if (out)
        token_unquote(out, p->begin, p->at);
    return out;
}

/* Adds ."part" of a field. */
static int add_part(struct parser *p, struct buf *path, const char *begin, const char *end)
{
    char *part;
    size_t n = (size_t)(end - begin);

    if (*begin == '"')
        n = token_unquote(NULL, begin, end);
    part = get_memory(p, n + 1);
    if (!part)
        return E_NOMEM;
    if (*begin == '"')
        token_unquote(part, begin, end);
    else
        memcpy(part, begin, n);
    if (!n)
        return err_set(p->err, E_INVALID, "column %d: a field has no name", token_column(p, begin));
    /* SQLite's paths have no way to write these two. */
    if (strpbrk(part, "\"\\"))
        return err_set(p->err, E_INVALID, "column %d: the name of a field cannot hold '\"' or '\\'",
                       token_column(p, begin));
    buf_printf(path, ".\"%s\"", part);
    return 0;
}

static int take_path(struct parser *p, struct filter_field *f)
{
    struct buf path = {0};
    int rc = 0;

    for (const char *s = p->begin, *end; !rc && s < p->at; s = end + 1) {
        end = *s == '"' ? token_skip_quoted(s) : token_skip_name(s);
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

    if ((p->token != T_WORD && p->token != T_QUOTED) || token_is_word(p))
        return token_expected(p, "a field");
    if (token_is(p, "docno"))
        f->column = FILTER_DOCNO;
    else if (token_is(p, "title"))
        f->column = FILTER_TITLE;
    else
        rc = take_path(p, f);
    return rc ? rc : token_next(p);
}

static int take_value(struct parser *p, struct filter_value ***end)
{
    struct filter_value *v;

    if (p->token == T_WORD && token_is(p, "null"))
        return err_set(p->err, E_INVALID,
                       "column %d: nothing compares with null; write FIELD is null",
                       token_column(p, p->begin));
    if (p->token == T_WORD && !token_is_word(p))
        return err_set(p->err, E_INVALID,
                       "column %d: a value is expected; text stands in quotes: '%.*s'",
                       token_column(p, p->begin),
                       (int)(p->at - p->begin < 60 ? p->at - p->begin : 60), p->begin);
    if (p->token == T_QUOTED && token_skip_quoted(p->begin) != p->at)
        return token_expected(p, "a value");
    if (++p->n_values > FILTER_VALUES)
        return err_set(p->err, E_LIMIT, "column %d: more than %d values", token_column(p, p->begin),
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
                           token_column(p, p->begin));
    } else if (token_is(p, "true") || token_is(p, "false")) {
        v->type = FILTER_BOOL;
        v->integer = token_is(p, "true");
    } else {
        return token_expected(p, "a value");
    }
    **end = v;
    *end = &v->next;
    return token_next(p);
}

/* ---- tests ---- */

static int take_text(struct parser *p, struct filter_value ***end)
{
    if (p->token == T_NUMBER || token_is(p, "true") || token_is(p, "false"))
        return token_expected(p, "a text");
    return take_value(p, end);
}

static int take_list(struct parser *p, struct filter_value ***end)
{
    int rc = token_accept(p, "(");

    if (!rc)
        return token_expected(p, "'('");
    do {
        rc = rc < 0 ? rc : take_value(p, end);
    } while (!rc && (rc = token_accept(p, ",")) == 1);
    if (rc)
        return rc;
    rc = token_accept(p, ")");
    return rc > 0 ? 0 : rc ? rc : token_expected(p, "',' or ')'");
}

static int take_range(struct parser *p, struct filter_node *t, struct filter_value ***end)
{
    const char *at = p->begin;
    int rc = take_value(p, end);

    if (rc)
        return rc;
    rc = token_accept(p, "and");
    if (rc <= 0)
        return rc ? rc : token_expected(p, "'and'");
    rc = take_value(p, end);
    if (rc)
        return rc;
    if ((t->values->type == FILTER_TEXT) != (t->values->next->type == FILTER_TEXT) ||
        t->values->next->type == FILTER_BOOL)
        return err_set(p->err, E_INVALID,
                       "column %d: a range is from number to number or from "
                       "text to text",
                       token_column(p, at));
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
        int rc = token_accept(p, table[i].sign);

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
    int rc = token_accept(p, "is");

    if (rc) {
        if (rc > 0)
            rc = t->negate = token_accept(p, "not");
        if (rc >= 0)
            rc = token_accept(p, "null");
        t->op = FILTER_NULL;
        return rc > 0 ? 0
               : rc   ? rc
                      : token_expected(p, t->negate ? "'null'" : "'null' or 'not null'");
    }
    rc = t->negate = token_accept(p, "not");
    if (rc >= 0 && (rc = token_accept(p, "like")) != 0) {
        t->op = FILTER_LIKE;
        return rc > 0 ? take_text(p, end) : rc;
    }
    if (rc >= 0 && (rc = token_accept(p, "between")) != 0) {
        t->op = FILTER_BETWEEN;
        return rc > 0 ? take_range(p, t, end) : rc;
    }
    if (rc >= 0 && (rc = token_accept(p, "in")) != 0) {
        t->op = FILTER_IN;
        return rc > 0 ? take_list(p, end) : rc;
    }
    if (rc < 0)
        return rc;
    return token_expected(p, t->negate ? "'in', 'like' or 'between'"
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
                       token_column(p, p->begin), FILTER_TESTS);
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
        return err_set(p->err, E_INVALID, "column %d: true and false have no order",
                       token_column(p, at));
    *out = t;
    return 0;
}

/* ---- and, or, not ---- */

static int parse_list(struct filter_node **out, struct parser *p, enum filter_kind kind);

static int parse_one(struct filter_node **out, struct parser *p)
{
    int negate = 0, rc;

    while ((rc = token_accept(p, "not")) == 1)
        negate = !negate;
    if (rc)
        return rc;
    rc = token_accept(p, "(");
    if (rc < 0)
        return rc;
    if (!rc) {
        rc = parse_test(out, p);
    } else {
        if (++p->depth > FILTER_DEPTH)
            return err_set(p->err, E_LIMIT, "column %d: more than %d parentheses inside each other",
                           token_column(p, p->previous), FILTER_DEPTH);
        rc = parse_list(out, p, FILTER_ANY);
        if (!rc && (rc = token_accept(p, ")")) == 0)
            rc = token_expected(p, "'and', 'or' or ')'");
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
    } while ((rc = token_accept(p, kind == FILTER_ANY ? "or" : "and")) == 1);
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
    rc = token_next(&p);
    rc = rc ? rc : parse_list(&out->root, &p, FILTER_ANY);
    if (!rc && p.token != T_END)
        rc = token_expected(&p, "'and' or 'or'");
    return rc;
}

void filter_tree_clear(struct filter_tree *tree)
{
    arena_clear(&tree->memory);
    tree->root = NULL;
}
