/* fields.h -- which fields of a document BM25 counts, and how much: "title:3,headings:0.5,keywords:2".
 *
 * A term's frequency in a passage is the sum over its fields of weight times frequency, the length likewise, and
 * saturation comes after the sum: as if each field stood there `weight` times.  (Robertson, Zaragoza and
 * Taylor, "Simple BM25 extension to multiple weighted fields", CIKM 2004.)
 *
 * Weights are steps of a quarter.  What is kept in postings are whole numbers: multiples of the `unit`, the
 * greatest common divisor of the weights.
 *
 *     list   = one { "," one }
 *     one    = field ":" weight
 *     field  = "title" | "headings" | "text" | name { "." name }
 *     name   = letters, digits, _ and -, not first a digit; or "anything", the quote written twice
 *
 * Names other than those three, and those three in quotes, are members of the document's JSON object `meta`, found as
 * filters find them (filter_sql.c): in the object, then in its member "metadata"; a.b is member b of a.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_FIELDS_H
#define INDEXER_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    FIELDS_MAX = 16,     /* members of meta */
    FIELDS_BYTES = 1024, /* of the text */
    FIELD_STEPS = 4,     /* of a weight of 1 */
    FIELD_WEIGHT_MAX = 64,
    FIELD_PARTS = 8, /* of a name: a.b has two */
};

/* A member of meta. */
struct member {
    uint16_t at, n;  /* its parts, in fields.names: each followed by a NUL, n bytes in all */
    uint16_t weight; /* in steps */
};

struct fields {
    int title, headings, text;      /* weights in steps */
    struct member more[FIELDS_MAX]; /* [n_more], by name */
    int n_more;
    int unit;     /* in steps: divides all weights */
    int is_plain; /* title, headings and text with weight 1, and nothing else: the default */
    char names[FIELDS_BYTES];
};

/* Parses; NULL = the default.  A field that is not named has weight 1 if it is title, headings or text, else 0.
 * E_INVALID says what is wrong and what is wanted; *out is then undefined. */
int fields_parse(struct fields *out, const char *text, struct err *err);

/* Appends the text of these fields: the same for all texts that mean the same. */
void fields_format(struct buf *out, const struct fields *f);

/* What 1 of a stored frequency or length stands for; 1 by default. */
double fields_unit(const struct fields *f);

/* The texts of f->more in meta, a JSON object or NULL.
 *
 * out     [f->n_more] NUL-terminated, in memory; "" where there is nothing.  A string, a number, or the strings and
 *         numbers of a list with a blank between them.  NULL if n_more is 0 or there is nothing at all.
 * bytes   of all of them, or NULL
 * What is no JSON object has no fields.  E_NOMEM. */
int fields_read(const char *const **out, size_t *bytes, struct arena *memory,
                const struct fields *f, const char *meta, struct err *err);

#endif
