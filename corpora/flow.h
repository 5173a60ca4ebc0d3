/* flow.h -- lays words out as Markdown while a page is read: what html.c writes to. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_FLOW_H
#define CORPORA_FLOW_H

#include <stddef.h>

#include "base/buf.h"

/* Breaks and marks wait until there is a word behind them, so that empty elements leave no trace. */
struct flow {
    struct buf *out;
    size_t start;     /* out->len at the beginning */
    int newlines;     /* that wait: 0 to 2 */
    int space;        /* a space waits */
    int cell;         /* " | " waits */
    int bullet;       /* "- " waits */
    int heading;      /* inside a heading: its level, else 0 */
    int marked;       /* the heading's mark is written */
    int fresh;        /* a cell or item has just begun: its first block joins it */
    int closed;       /* a block has ended, or a list or table begins, that nothing may join */
    int in_line;      /* the line has words */
    size_t row_at;    /* out->len when the row began */
    int cells;        /* that are open */
    int depth;        /* of lists */
    int pre;          /* elements of preformatted text that are open */
    struct buf plain; /* that text */
    size_t title_at;  /* where the first heading's words begin and end in out; equal: none yet */
    size_t title_end;
};

/* Words and white space, UTF-8. */
void flow_text(struct flow *f, const char *s, size_t n);

/* A new line (1) or paragraph (2) before the next word. */
void flow_break(struct flow *f, int newlines);

void flow_heading(struct flow *f, int level);
void flow_heading_end(struct flow *f);
void flow_list(struct flow *f);
void flow_list_end(struct flow *f);
void flow_item(struct flow *f);
void flow_item_end(struct flow *f);

/* Rows are lines; cells of a row are joined by " | " unless a block comes between. */
void flow_table(struct flow *f);
void flow_table_end(struct flow *f);
void flow_row(struct flow *f);
void flow_cell(struct flow *f);
void flow_cell_end(struct flow *f);

void flow_pre(struct flow *f);
void flow_pre_end(struct flow *f);

/* Ends what is open and frees. */
void flow_end(struct flow *f);

#endif
