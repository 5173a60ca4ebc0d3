/* candidates.c -- see candidates.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/candidates.h"

#include <string.h>

void candidates_begin(struct candidate_reader *out, struct index *ix, const struct reranker *r,
                      struct arena *memory)
{
    *out = (struct candidate_reader){
        .ix = ix,
        .memory = memory,
        .wants_keys = reranker_wants_keys(r),
        .has_keys = reranker_takes_keys(r, index_profile(ix)),
    };
}

void candidates_end(struct candidate_reader *r)
{
    buf_clear(&r->text);
    buf_clear(&r->headings);
    buf_clear(&r->title);
}

void candidate_title(struct buf *out, const char *title, const char *headings)
{
    const size_t n = strlen(title);
    const int twice =
        !strncmp(headings, title, n) && (!headings[n] || !strncmp(headings + n, " > ", 3));

    if (n && !(*headings && twice))
        buf_printf(out, "%s%s", title, *headings ? " " : "");
    buf_puts(out, headings);
}

/* 1, or 0 if there are none, or negative. */
static int read_keys(struct candidate *c, struct candidate_reader *r, const struct segment *s,
                     uint32_t passage, struct err *err)
{
    int rc;

    if (!r->has_keys)
        return 0;
    rc = index_keys(&c->keys, &c->n_keys, r->ix, s, passage, r->memory, err);
    if (rc <= 0)
        c->keys = NULL;
    return rc;
}

static int read_text(struct candidate *c, struct candidate_reader *r, const struct segment *s,
                     uint32_t passage, int64_t document, struct err *err)
{
    struct index *ix = r->ix;
    struct span span;
    struct doc doc;
    int rc = index_document(&doc, &r->text, ix, document, err);

    rc = rc ? rc : index_passage_span(&span, ix, s, passage, err);
    if (rc)
        return rc;
    if (span.begin > span.end || span.end > strlen(doc.text))
        return err_set(
            err, E_FORMAT,
            "%s: document '%s': a passage ends beyond the text; 'fovea check' tells more",
            index_path(ix), doc.docno);
    rc = index_passage_headings(&r->headings, ix, doc.text, span, err);
    if (rc)
        return rc;
    buf_reset(&r->title);
    candidate_title(&r->title, doc.title, buf_text(&r->headings));
    c->text.n_title = r->title.len;
    c->text.n_text = span.end - span.begin;
    c->text.title = arena_dup(r->memory, buf_text(&r->title), c->text.n_title);
    c->text.text = arena_dup(r->memory, doc.text + span.begin, c->text.n_text);
    return buf_error(&r->title) || !c->text.title || !c->text.text ? err_nomem(err) : 0;
}

int candidate_read(struct candidate *c, struct candidate_reader *r, const struct segment *s,
                   uint32_t passage, int64_t document, struct err *err)
{
    int rc = read_keys(c, r, s, passage, err);

    if (rc < 0)
        return rc;
    r->n_missing += r->wants_keys && !rc;
    return rc && !r->wants_text ? 0 : read_text(c, r, s, passage, document, err);
}
