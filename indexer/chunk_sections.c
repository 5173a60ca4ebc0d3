/* chunk_sections.c -- passages along the structure of a Markdown text.
 *
 * A passage is made of whole paragraphs of one section; the headings above it are indexed with it, so that a paragraph
 * about "installing" knows what is installed.  A heading goes with the text below it.  Headings with nothing between
 * them go together, for a passage that is a heading alone says nothing, and being short it
 * would rank high.  Short sections stay apart: what they are about is what divides them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "indexer/cutting.h"
#include "indexer/markdown.h"

enum { LEVELS = 6, HEADING_BYTES = 80 };

/* The passage that is being made. */
struct open_passage {
    struct span span;
    size_t words; /* 0: there is none */
    int has_text; /* beside headings */
    int level;    /* of the topmost of its headings; LEVELS + 1 if there is none */
};

struct sections {
    struct chunks *out;
    const char *text;
    size_t most; /* words */
    struct open_passage now;
    struct buf path, heading[LEVELS + 1]; /* by level; empty: none is open */
    struct pieces pieces;
};

/* ---- headings ---- */

/* Joins the headings above `level`, for the passages that are added from now on. */
static int set_path(struct sections *s, int level)
{
    buf_reset(&s->path);
    for (int i = 1; i < level; i++)
        if (s->heading[i].len)
            buf_printf(&s->path, "%s%s", s->path.len ? " > " : "", buf_text(&s->heading[i]));
    return buf_error(&s->path) ? buf_error(&s->path)
                               : chunks_set_headings(s->out, buf_text(&s->path), s->path.len);
}

/* A heading is open until one of its level or above comes; what is very long of it is cut off. */
static int open_heading(struct sections *s, const struct markdown_block *b)
{
    struct buf *plain = &s->path;
    size_t n;

    for (int i = b->level; i <= LEVELS; i++)
        buf_reset(&s->heading[i]);
    buf_reset(plain);
    markdown_plain(plain, s->text + b->heading.begin, b->heading.end - b->heading.begin);
    n = plain->len <= HEADING_BYTES ? plain->len : utf8_floor(plain->data, HEADING_BYTES);
    buf_add(&s->heading[b->level], buf_text(plain), n);
    return buf_error(plain) ? buf_error(plain) : buf_error(&s->heading[b->level]);
}

/* ---- the passage being made ---- */

static int flush(struct sections *s)
{
    int rc = s->now.words ? chunks_add(s->out, s->now.span) : 0;

    s->now = (struct open_passage){.level = LEVELS + 1};
    return rc;
}

/* Puts a piece into the passage, or into a new one below the headings above `level` if it does not fit. */
static int put(struct sections *s, const struct piece *p, int level)
{
    int rc = 0;

    if (s->now.words + p->words > s->most)
        rc = flush(s);
    if (!rc && !s->now.words) {
        rc = set_path(s, level);
        s->now.span.begin = p->span.begin;
    }
    s->now.span.end = p->span.end;
    s->now.words += p->words;
    return rc;
}

/* The pieces of a span, put one after the other. */
static int put_pieces(struct sections *s)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < s->pieces.n; i++)
        rc = put(s, &s->pieces.list[i], LEVELS + 1);
    s->pieces.n = 0;
    return rc;
}

/* ---- blocks ---- */

static int add_heading(struct sections *s, const struct markdown_block *b)
{
    const size_t words = count_words(s->text, b->span);
    int rc = 0, level;

    if (s->now.has_text || s->now.words + words > s->most)
        rc = flush(s);
    level = b->level < s->now.level ? b->level : s->now.level;
    rc = rc ? rc : open_heading(s, b);
    rc = rc ? rc : pieces_add(&s->pieces, s->text, b->span, s->most);
    for (size_t i = 0; !rc && i < s->pieces.n; i++)
        rc = put(s, &s->pieces.list[i], level);
    if (!rc && level < s->now.level) /* what is in the passage is not above it */
        rc = set_path(s, level);
    s->pieces.n = 0;
    s->now.level = level;
    return rc;
}

/* Lines of code that is too long. */
static int add_lines(struct sections *s, struct span span)
{
    int rc = 0;

    for (size_t at = span.begin, end; !rc && at < span.end; at = end) {
        const char *p = memchr(s->text + at, '\n', span.end - at);

        end = p ? (size_t)(p - s->text) + 1 : span.end;
        rc = pieces_add(&s->pieces, s->text, (struct span){at, end}, s->most);
    }
    return rc ? rc : put_pieces(s);
}

static int add_text(struct sections *s, const struct markdown_block *b, struct err *err)
{
    const struct piece whole = {trim(s->text, b->span), count_words(s->text, b->span)};
    const int fits = s->now.words + whole.words <= s->most;
    const int alone =
        whole.words <= s->most && (s->now.has_text || !s->now.words || b->kind == MARKDOWN_CODE);
    int rc;

    if (fits || alone) {
        rc = put(s, &whole, LEVELS + 1);
    } else if (b->kind == MARKDOWN_CODE) {
        rc = add_lines(s, b->span);
    } else {
        rc = pieces_add_sentences(&s->pieces, s->text, b->span, s->most, err);
        rc = rc ? rc : put_pieces(s);
    }
    s->now.has_text = 1;
    return rc;
}

static int cut_sections(struct chunks *out, const char *text, size_t n, const struct chunking *c,
                        struct err *err)
{
    struct sections s = {
        .out = out, .text = text, .most = (size_t)c->words, .now.level = LEVELS + 1};
    struct markdown m = {.text = text, .n = n};
    struct markdown_block b;
    int rc = 0;

    while (!rc && markdown_next(&b, &m))
        rc = b.kind == MARKDOWN_HEADING ? add_heading(&s, &b) : add_text(&s, &b, err);
    rc = rc ? rc : flush(&s);
    for (int i = 0; i <= LEVELS; i++)
        buf_clear(&s.heading[i]);
    buf_clear(&s.path);
    mem_free(s.pieces.list);
    return rc;
}

const struct chunk_kind chunk_sections = {
    .name = "sections",
    .form = "sections:N",
    .about =
        "paragraphs of one Markdown section, at most N words together (a longer one is cut at "
        "sentences), with the headings above them; code between fences is cut only if it is longer",
    .has_words = 1,
    .has_headings = 1,
    .cut = cut_sections,
};
