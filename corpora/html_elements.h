/* html_elements.h -- what HTML's elements and their attributes mean for the text. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_HTML_ELEMENTS_H
#define CORPORA_HTML_ELEMENTS_H

#include <stddef.h>

/* FOOTER and NAV are left out of most texts, SKIP of all; INLINE says nothing. */
enum meaning {
    INLINE,
    BLOCK,
    BREAK,
    CELL,
    FOOTER,
    HEADING,
    IMAGE,
    ITEM,
    LINE,
    LIST,
    NAV,
    PRE,
    ROW,
    SECTION,
    SKIP,
    TABLE,
    TITLE
};

/* The meaning of an element, by its name in lower case. */
enum meaning element_meaning(const char *name);

enum aside { SHOWN, HIDDEN, NAVIGATION };

/* Do the attributes (name, value or NULL, ..., NULL; or NULL) say that the element is not to be seen, or navigation?
 * is_texinfo: in pages of Texinfo the classes `header` and `contents` are. */
enum aside element_aside(const char *const *attributes, int is_texinfo);

/* The value of an attribute, "" if it has none. */
const char *element_attribute(const char *const *attributes, const char *name);

/* Was the page made by Texinfo?  By the attributes of a <meta>. */
int element_is_texinfo(const char *const *attributes);

/* The sign beside a heading that links to it: "#", the section's or the paragraph's sign, a chain. */
int is_anchor_sign(const char *s, size_t n);

#endif
