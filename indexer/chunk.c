/* chunk.c -- the table of ways to cut documents into passages, and their names. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/chunk.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "indexer/cutting.h"

enum { WORDS_MAX = 1000000 };

const struct chunk_kind *const chunk_kinds[] = {&chunk_whole, &chunk_words, &chunk_sentences,
                                                &chunk_sections, NULL};

/* ---- names ---- */

/* Reads a decimal number of at most WORDS_MAX.  Returns what follows it, or NULL. */
static const char *read_number(int *out, const char *s)
{
    int v = 0;

    if (*s < '0' || *s > '9')
        return NULL;
    for (; *s >= '0' && *s <= '9'; s++) {
        v = v * 10 + (*s - '0');
        if (v > WORDS_MAX)
            return NULL;
    }
    *out = v;
    return s;
}

/* 1 if text is a chunking of this kind. */
static int parse_kind(struct chunking *c, const char *text, const struct chunk_kind *kind)
{
    const size_t n = strlen(kind->name);
    const char *s = text + n;

    *c = (struct chunking){.kind = kind};
    if (strncmp(text, kind->name, n) != 0)
        return 0;
    if (!kind->has_words)
        return !*s;
    s = *s == ':' ? read_number(&c->words, s + 1) : NULL;
    if (s && *s == ':' && kind->has_overlap)
        s = read_number(&c->overlap, s + 1);
    return s && !*s && c->words > 0 && c->overlap < c->words;
}

int chunking_parse(struct chunking *out, const char *text, struct err *err)
{
    struct buf forms = {0};
    struct chunking c;
    int rc;

    for (const struct chunk_kind *const *k = chunk_kinds; *k; k++)
        if (parse_kind(&c, text, *k)) {
            *out = c;
            return 0;
        }
    for (const struct chunk_kind *const *k = chunk_kinds; *k; k++)
        buf_printf(&forms, "%s%s", k == chunk_kinds ? "" : k[1] ? ", " : " or ", (*k)->form);
    rc = err_set(err, E_INVALID, "chunking '%.80s': want %s with N 1..%d and OVERLAP < N", text,
                 buf_text(&forms), WORDS_MAX);
    buf_clear(&forms);
    return rc;
}

void chunking_format(char out[40], const struct chunking *c)
{
    if (c->words <= 0)
        snprintf(out, 40, "%s", c->kind->name);
    else if (c->overlap <= 0)
        snprintf(out, 40, "%s:%d", c->kind->name, c->words);
    else
        snprintf(out, 40, "%s:%d:%d", c->kind->name, c->words, c->overlap);
}

int chunking_is_by_sentences(const struct chunking *c)
{
    return c->kind == &chunk_sentences || c->kind == &chunk_sections;
}

/* ---- passages ---- */

void chunks_clear(struct chunks *c)
{
    mem_free(c->spans);
    mem_free(c->paths);
    buf_clear(&c->headings);
    memset(c, 0, sizeof *c);
}

const char *chunk_headings(const struct chunks *c, size_t passage)
{
    return c->headings.len ? c->headings.data + c->paths[passage] : "";
}

int chunk_text(struct chunks *out, const char *text, size_t n, const struct chunking *c,
               struct err *err)
{
    int rc = c->kind->cut(out, text, n, c, err);

    if (!rc && !out->n)
        rc = chunks_add(out, (struct span){0, n});
    if (rc) {
        chunks_clear(out);
        if (rc == E_LIMIT)
            return err_set(err, E_LIMIT, "the headings of a document's passages are over 1 GiB");
        return rc == E_NOMEM ? err_nomem(err) : rc;
    }
    out->spans[out->n - 1].end = n;
    return 0;
}
