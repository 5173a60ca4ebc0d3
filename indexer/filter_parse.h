/* filter_parse.h -- the text of a filter as a tree.
 *
 *     struct filter_tree tree = {0};
 *     if (filter_parse(&tree, "year >= 2020 and source = 'x'", &err)) ...
 *     filter_tree_clear(&tree);
 *
 * Grammar; words of the language may be written in capitals too:
 *
 *     any    = all { "or" all }
 *     all    = one { "and" one }
 *     one    = "not" one | "(" any ")" | test
 *     test   = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
 *            | field ( "~" | "!~" ) text
 *            | field [ "not" ] ( "like" text | "in" "(" value { "," value } ")" | "between" value "and" value )
 *            | field "is" [ "not" ] "null"
 *     field  = part { "." part }         part = letters, digits, _ and -, not first a digit; or "anything"
 *     value  = text | number | "true" | "false"
 *     text   = 'anything' or "anything"; the quote itself is written twice
 *
 * "==" and "<>" stand for "=" and "!=".  What the tests mean is said in filter.c.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_FILTER_PARSE_H
#define INDEXER_FILTER_PARSE_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    FILTER_BYTES = 32768, /* the longest text */
    FILTER_DEPTH = 10,    /* parentheses inside each other; SQLite can take a few more */
    FILTER_TESTS = 500,
    FILTER_VALUES = 10000, /* in all lists together */
};

enum filter_kind { FILTER_ALL, FILTER_ANY, FILTER_TEST };

enum filter_op {
    FILTER_IN, /* "=" is a list of one */
    FILTER_LESS,
    FILTER_AT_MOST,
    FILTER_MORE,
    FILTER_AT_LEAST,
    FILTER_BETWEEN, /* two values */
    FILTER_LIKE,
    FILTER_CONTAINS,
    FILTER_NULL, /* no value */
};

enum filter_type { FILTER_INTEGER, FILTER_REAL, FILTER_BOOL, FILTER_TEXT };

struct filter_value {
    struct filter_value *next; /* of the same test, or NULL */
    enum filter_type type;
    int64_t integer; /* FILTER_BOOL: 0 or 1 */
    double real;
    const char *text;
};

enum filter_column { FILTER_META, FILTER_DOCNO, FILTER_TITLE };

struct filter_field {
    enum filter_column column;
    const char *path; /* FILTER_META: as SQLite's JSON functions take it: $."a"."b" */
    const char *
        nested; /* where it is looked for if there is nothing at path: $."metadata"."a"."b"; or NULL */
};

struct filter_node {
    enum filter_kind kind;
    int negate;                /* 1: holds where the rest does not */
    struct filter_node *next;  /* of the same list */
    struct filter_node *first; /* FILTER_ALL, FILTER_ANY: two or more */
    enum filter_op op;         /* FILTER_TEST, and the rest */
    struct filter_field field;
    struct filter_value *values;
};

struct filter_tree {
    struct filter_node *root;
    struct arena memory; /* of all of it */
};

/* Parses.  *out (zeroed before) is the caller's: filter_tree_clear, also after a failure.
 * E_INVALID: one line that names the column (characters, from 1) and what is expected there; E_LIMIT: beyond the
 * limits above; E_NOMEM. */
int filter_parse(struct filter_tree *out, const char *text, struct err *err);

void filter_tree_clear(struct filter_tree *tree);

#endif
