/* markdown.h -- the blocks of a Markdown text, as far as they matter to cutting it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_MARKDOWN_H
#define INDEXER_MARKDOWN_H

#include <stddef.h>

#include "base/buf.h"
#include "indexer/chunk.h"

enum markdown_kind {
    MARKDOWN_TEXT,    /* lines without a blank one between them: a paragraph, a list, a table */
    MARKDOWN_CODE,    /* a fenced block with its fences, or the front matter */
    MARKDOWN_HEADING, /* "## Text", or lines underlined with = or - */
};

struct markdown_block {
    enum markdown_kind kind;
    int level;           /* of a heading, 1..6 */
    struct span span;    /* whole lines */
    struct span heading; /* the heading's text, without marks */
};

/* Where reading is.  To begin, zero it and set text and n. */
struct markdown {
    const char *text;
    size_t n, at;
};

/* The next block.  1, or 0 at the end.  Any text has blocks, one after the other, with nothing but blank lines between.
 *
 * This is CommonMark, less what takes knowing whole lists and quotes: what is indented by four or more blanks is text; a heading
 * underlined has at most three lines (CommonMark: any number) and does not begin like an item, a quote or a table. */
int markdown_next(struct markdown_block *out, struct markdown *m);

/* Appends a heading's text in one line, without tags and the targets of links. */
void markdown_plain(struct buf *out, const char *text, size_t n);

#endif
