/* phrase.c -- finds phrases without stored positions: postings say which passages have all the words, and of those the text
 * is analysed again.
 *
 * Positions would make postings about twice as large for every user, and all that they save is this: looking at passages that
 * have the words.  Retrievers look only at the best of them (index_holds).
 *
 * A phrase stands within the title, the headings, the text or another field that is indexed, never across two.  Stop words count in
 * it, though no posting tells of them: here the analyzer gives them too.  The sequence is found as Knuth, Morris and
 * Pratt do, so that no phrase costs more than its passage is long.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/phrase.h"

#include <stdlib.h>
#include <string.h>

struct phrase {
    int *words; /* [n] numbers of its words; borrowed from phrases.words */
    int *
        back; /* [n] of a match of i words that does not go on: how many of its last ones are a match */
    size_t n, at;
    int is_found; /* in the passage at hand */
};

struct phrases {
    struct phrase *list; /* [n] */
    size_t n;
    int *words;         /* of all phrases */
    int *backs;         /* the same */
    struct map numbers; /* word (a byte for is_dropped in front) -> number + 1 */
    int is_words;       /* every phrase is one word */
    struct fields fields;
    struct buf text, scratch; /* of the document at hand */
    struct stmt *select;      /* documents, when it is needed */
    struct index *ix;
};

void phrases_free(struct phrases *p)
{
    if (!p)
        return;
    mem_free(p->list);
    mem_free(p->words);
    mem_free(p->backs);
    map_clear(&p->numbers);
    buf_clear(&p->text);
    buf_clear(&p->scratch);
    stmt_free(p->select);
    mem_free(p);
}

int phrases_are_words(const struct phrases *p) { return p->is_words; }

/* ---- analysis ---- */

struct reading {
    struct phrases *p;
    size_t n, cap; /* words read */
    int has_indexed;
};

/* The key of a word in p->numbers: key[1 + TERM_MAX]. */
static size_t make_key(char *key, const struct term_token *t)
{
    key[0] = (char)t->is_dropped;
    memcpy(key + 1, t->term, t->len);
    return t->len + 1;
}

static int on_phrase_word(const struct term_token *t, void *payload)
{
    struct reading *r = payload;
    char key[1 + TERM_MAX];
    int64_t *number = map_put(&r->p->numbers, key, make_key(key, t));

    if (!number || mem_reserve((void **)&r->p->words, &r->cap, r->n + 1, sizeof *r->p->words))
        return E_NOMEM;
    if (!*number)
        *number = (int64_t)r->p->numbers.n;
    r->p->words[r->n++] = (int)*number;
    r->has_indexed |= !t->is_dropped;
    return 0;
}

/* Reads a phrase's words behind those before.  One without an indexed word leaves nothing. */
static int read_phrase(struct reading *r, const struct index_phrase *from, struct err *err)
{
    struct phrases *p = r->p;
    const size_t first = r->n;
    int rc;

    r->has_indexed = 0;
    rc = analyzer_run_as(p->ix->analyzers[0], ANALYZER_ALL, from->text, from->n, on_phrase_word, r,
                         err);
    if (rc)
        return rc == E_NOMEM ? err_nomem(err) : rc;
    if (!r->has_indexed) {
        r->n = first;
        return 0;
    }
    p->is_words &= r->n - first == 1;
    p->list[p->n++].n = r->n - first;
    return 0;
}

/* The table of Knuth, Morris and Pratt. */
static void make_back(struct phrase *f)
{
    size_t k = 0;

    f->back[0] = 0;
    for (size_t i = 1; i < f->n; i++) {
        while (k && f->words[i] != f->words[k])
            k = (size_t)f->back[k - 1];
        k += f->words[i] == f->words[k];
        f->back[i] = (int)k;
    }
}

int phrases_new(struct phrases **out, struct index *ix, const struct index_phrase *list, size_t n,
                struct err *err)
{
    struct phrases *p = mem_zalloc(1, sizeof *p);
    struct reading r = {.p = p};
    size_t at = 0;
    int rc;

    *out = NULL;
    if (!p)
        return err_nomem(err);
    p->ix = ix;
    p->is_words = 1;
    p->fields = ix->fields;
    p->fields.is_plain = 0; /* field by field, not joined */
    p->list = mem_zalloc(n, sizeof *p->list);
    rc = p->list ? 0 : err_nomem(err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = read_phrase(&r, &list[i], err);
    if (!rc && p->n && !(p->backs = mem_alloc(r.n, sizeof *p->backs)))
        rc = err_nomem(err);
    if (rc || !p->n) {
        phrases_free(p);
        return rc;
    }
    for (size_t i = 0; i < p->n; i++) {
        p->list[i].words = p->words + at;
        p->list[i].back = p->backs + at;
        make_back(&p->list[i]);
        at += p->list[i].n;
    }
    *out = p;
    return 0;
}

/* ---- passages with all the words ---- */

static int rarest_first(const void *a, const void *b)
{
    const struct term *x = a, *y = b;

    return (x->n > y->n) - (x->n < y->n);
}

/* Which numbers are words of phrases that count?  Those of a phrase of stop words alone may be in the map too. */
static void mark_used(char *used, const struct phrases *p)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->list[i].n; k++)
            used[p->list[i].words[k] - 1] = 1;
}

/* The indexed words as the segment has them, rarest first: terms[*n].  0 if it lacks one, 1, or negative. */
static int find_words(struct term *terms, size_t *n, const char *used, const struct phrases *p,
                      struct segment *s, struct err *err)
{
    *n = 0;
    for (size_t i = 0; i < p->numbers.n; i++) {
        const struct map_entry *e = &p->numbers.entries[i];
        int rc;

        if (e->key[0] || !used[i])
            continue;
        rc = segment_find_term(&terms[*n], s, e->key + 1, e->len - 1, err);
        if (rc <= 0)
            return rc;
        ++*n;
    }
    qsort(terms, *n, sizeof *terms, rarest_first);
    return 1;
}

/* Clears in `lack` what all cursors have. */
static void intersect(uint64_t *lack, struct postings *cursors, size_t n)
{
    uint32_t at = cursors[0].passage;

    while (at != POSTINGS_END) {
        size_t i = 1;

        while (i < n && postings_seek(&cursors[i], at) == at)
            i++;
        if (i == n) {
            lack[at >> 6] &= ~((uint64_t)1 << (at & 63));
            at = postings_next(&cursors[0]);
        } else if (cursors[i].passage == POSTINGS_END) {
            break;
        } else {
            at = postings_seek(&cursors[0], cursors[i].passage);
        }
    }
}

/* Clears in `lack` the passages that have all of terms [n]. */
static int have_all(uint64_t *lack, const struct term *terms, size_t n, struct segment *s,
                    struct err *err)
{
    struct postings *cursors = mem_alloc(n, sizeof *cursors);
    int rc = cursors ? 0 : err_nomem(err);

    for (size_t i = 0; !rc && i < n; i++)
        rc = postings_open(&cursors[i], s, &terms[i], err);
    if (!rc)
        intersect(lack, cursors, n);
    mem_free(cursors);
    return rc;
}

int phrases_exclude(uint64_t *bits, const struct phrases *p, struct segment *s, struct err *err)
{
    const size_t n_bits = segment_dead_words(s->size);
    struct term *terms = mem_alloc(p->numbers.n, sizeof *terms);
    char *used = mem_zalloc(p->numbers.n, 1);
    uint64_t *lack = mem_alloc(n_bits, sizeof *lack);
    size_t n = 0;
    int rc = E_NOMEM;

    if (terms && used && lack) {
        memset(lack, 0xff, n_bits * sizeof *lack);
        mark_used(used, p);
        rc = find_words(terms, &n, used, p, s, err);
    } else {
        err_nomem(err);
    }
    if (rc > 0)
        rc = have_all(lack, terms, n, s, err);
    for (size_t i = 0; !rc && i < n_bits; i++)
        bits[i] |= lack[i];
    mem_free(terms);
    mem_free(used);
    mem_free(lack);
    return rc;
}

/* ---- looking ---- */

static int on_word(const struct term_token *t, void *payload)
{
    struct phrases *p = payload;
    char key[1 + TERM_MAX];
    const int64_t *found = map_find(&p->numbers, key, make_key(key, t));
    const int word = found ? (int)*found : 0;

    for (size_t i = 0; i < p->n; i++) {
        struct phrase *f = &p->list[i];

        while (f->at && f->words[f->at] != word)
            f->at = (size_t)f->back[f->at - 1];
        f->at += f->words[f->at] == word;
        if (f->at == f->n) {
            f->is_found = 1;
            f->at = (size_t)f->back[f->at - 1];
        }
    }
    return 0;
}

/* 1 if a passage holds all phrases, 0 if not, or negative. */
static int look_at(struct phrases *p, const struct passage_text *text, struct err *err)
{
    struct stretch s = {0};
    int holds = 1;

    for (size_t i = 0; i < p->n; i++)
        p->list[i].is_found = 0;
    while (passage_next(&s, text, &p->fields, &p->scratch)) {
        int rc;

        for (size_t i = 0; i < p->n; i++)
            p->list[i].at = 0;
        rc = analyzer_run_as(p->ix->analyzers[0], ANALYZER_ALL, s.text, s.n, on_word, p, err);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < p->n; i++)
        holds &= p->list[i].is_found;
    return holds;
}

/* What is indexed of a passage with this span.  c: the document cut anew if passages have headings, and where in it to go on
 * looking. */
static struct passage_text passage_of(const struct doc *doc, const char *const *more,
                                      struct span span, const struct chunks *c, size_t *at)
{
    struct passage_text t = {.title = doc->title,
                             .n_title = strlen(doc->title),
                             .text = doc->text + span.begin,
                             .n_text = span.end - span.begin,
                             .headings = "",
                             .more = more};

    while (*at + 1 < c->n && c->spans[*at + 1].begin <= span.begin)
        ++*at;
    if (c->n) {
        t.headings = chunk_headings(c, *at);
        t.n_headings = strlen(t.headings);
    }
    return t;
}

static int span_of(struct span *out, struct phrases *p, struct segment *s, uint32_t passage,
                   size_t n_text, struct err *err)
{
    int rc = 0;

    *out = (struct span){0, n_text};
    if (s->row.bytes[PART_SPANS])
        rc = segment_read_span(out, s, passage, err);
    if (!rc && (out->begin > out->end || out->end > n_text))
        rc = err_set(err, E_FORMAT, "'%s' is damaged: a span ends at %zu of %zu bytes", p->ix->path,
                     out->end, n_text);
    return rc;
}

int phrases_look(uint64_t *bits, struct phrases *p, struct index *ix, struct segment *s,
                 uint32_t document, uint32_t *kept, struct err *err)
{
    const char *const *more = NULL;
    struct arena memory = {0};
    struct chunks c = {0};
    struct doc doc;
    size_t at = 0;
    int rc = p->select ? 0 : documents_select(&p->select, ix, err);

    rc = rc ? rc : documents_read(&doc, &p->text, ix, p->select, s->documents[document], err);
    rc = rc ? rc : fields_read(&more, NULL, &memory, &p->fields, doc.meta, err);
    if (!rc && ix->chunking.kind->has_headings)
        rc = chunk_text(&c, doc.text, strlen(doc.text), &ix->chunking, err);
    for (uint32_t i = s->first[document]; !rc && i < s->first[document + 1]; i++) {
        struct passage_text text;
        struct span span;

        if (bits[i >> 6] >> (i & 63) & 1)
            continue;
        rc = span_of(&span, p, s, i, strlen(doc.text), err);
        if (rc)
            break;
        text = passage_of(&doc, more, span, &c, &at);
        rc = look_at(p, &text, err);
        if (rc == 0) {
            bits[i >> 6] |= (uint64_t)1 << (i & 63);
            --*kept;
        }
        rc = rc < 0 ? rc : 0;
    }
    arena_clear(&memory);
    chunks_clear(&c);
    return rc;
}
