/* sgml.h -- text with tags and entities, where no grammar is known: TREC's documents and topics, and
 * what is left of a page that is too deeply nested to be parsed. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_SGML_H
#define CORPORA_SGML_H

#include <stddef.h>

#include "base/buf.h"

/* A tag, comment or declaration. */
struct sgml_tag {
    char name[32]; /* lower case, cut off if longer; "" for what is neither a start nor an end */
    int is_end;    /* </NAME> */
    size_t len;    /* bytes from '<' to '>' */
};

/* Is there one at s[0..n)?  "a < b" has none, nor has a '<' whose '>' is not within 4 KiB or comes
 * behind another '<' (comments may be longer). */
int sgml_tag(struct sgml_tag *out, const char *s, size_t n);

/* Appends the text of s[0..n): tags are left out (<P> ends a paragraph, <BR> a line, inline markup such as
 * <B> nothing, others a word), entities are resolved (those not known stay as they are), spaces at the ends of
 * lines, empty lines at both ends and second empty lines are dropped. */
void sgml_text(struct buf *out, const char *s, size_t n);

/* Is a name (lower case) that of a tag which sgml_text knows as markup of text: <P>, <B>, and so on? */
int sgml_is_markup(const char *name);

/* Appends s with its entities resolved and nothing else changed. */
void sgml_unescape(struct buf *out, const char *s, size_t n);

/* Makes text from out->data[from] one line, in place: runs of white space become a space, none at the ends. */
void sgml_one_line(struct buf *out, size_t from);

#endif
