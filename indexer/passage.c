/* passage.c -- a passage as models read it, and field by field with weights.
 *
 * With weights the topmost heading, if it is the title, is counted as the title and not again as a heading.  So
 * title:1,headings:1,text:1 counts the same words, written out or not.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/passage.h"

#include <string.h>

/* Do the headings begin with the title? */
static int titled_twice(const struct passage_text *p)
{
    const size_t n = p->n_title;

    return p->n_headings >= n && !memcmp(p->headings, p->title, n) &&
           (p->n_headings == n || !strncmp(p->headings + n, " > ", 3));
}

void passage_title_add(struct buf *out, const struct passage_text *p)
{
    if (p->n_title && !(p->n_headings && titled_twice(p))) {
        buf_add(out, p->title, p->n_title);
        if (p->n_headings)
            buf_putc(out, ' ');
    }
    if (p->n_headings)
        buf_add(out, p->headings, p->n_headings);
}

void passage_text_add(struct buf *out, const struct passage_text *p)
{
    passage_title_add(out, p);
    if (p->n_title || p->n_headings)
        buf_putc(out, ' ');
    buf_add(out, p->text, p->n_text);
}

/* Field i of the three and those after them.  Returns its weight. */
static int take_field(struct stretch *s, int i, const struct passage_text *p,
                      const struct fields *f)
{
    if (i == 0) {
        s->text = p->title;
        s->n = p->n_title;
        return f->title;
    }
    if (i == 1) {
        const size_t n = p->n_title && p->n_headings && titled_twice(p) ? p->n_title : 0;

        s->text = p->n_headings ? p->headings + n : "";
        s->n = p->n_headings - n;
        return f->headings;
    }
    if (i == 2) {
        s->text = p->text;
        s->n = p->n_text;
        return f->text;
    }
    s->text = p->more ? p->more[i - 3] : "";
    s->n = strlen(s->text);
    return f->more[i - 3].weight;
}

int passage_next(struct stretch *s, const struct passage_text *p, const struct fields *f,
                 struct buf *scratch)
{
    if (f->is_plain) {
        if (s->at++)
            return 0;
        buf_reset(scratch);
        passage_text_add(scratch, p);
        s->text = buf_text(scratch);
        s->n = scratch->len;
        s->factor = 1;
        return !buf_error(scratch);
    }
    while (s->at < 3 + f->n_more) {
        const int weight = take_field(s, s->at++, p, f);

        s->factor = (uint32_t)(weight / f->unit);
        if (weight && s->n)
            return 1;
    }
    return 0;
}

int passage_too_long(struct err *err)
{
    return err_set(
        err, E_LIMIT,
        "a passage has over %d words, as its fields weigh: cut its document, or weigh less",
        PASSAGE_LENGTH_MAX);
}
