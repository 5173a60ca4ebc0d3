/* impacts_merge.c -- the sparse legs of several segments into one, and the check of one.
 *
 * Passages keep their impacts, so the encoder is not asked again, and the bytes are those that a fresh segment would have.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "indexer/check.h"
#include "indexer/impacts.h"

/* One word on its way. */
struct gathered {
    uint64_t *postings, *other;
    size_t n, cap, cap_other;
};

static void gathered_clear(struct gathered *g)
{
    mem_free(g->postings);
    mem_free(g->other);
}

/* Appends the living postings of word i of s, renumbered. */
static int gather(struct gathered *g, struct segment *s, uint32_t i, const uint32_t *place,
                  struct err *err)
{
    struct term_postings *t = NULL;
    struct postings p;
    int rc = impacts_read(&t, s, i, err);

    if (!rc && mem_reserve((void **)&g->postings, &g->cap, g->n + t->n, sizeof *g->postings))
        rc = err_nomem(err);
    if (!rc)
        for (postings_begin(&p, t); p.passage != POSTINGS_END; postings_next(&p))
            if (!place || place[p.passage] != UINT32_MAX)
                g->postings[g->n++] =
                    posting_make(place ? place[p.passage] : p.passage, postings_freq(&p));
    term_postings_free(t);
    return rc;
}

/* Merges postings[0..mid) and [mid..n), both sorted. */
static int join(struct gathered *g, size_t mid, struct err *err)
{
    const uint64_t *p = g->postings;
    size_t a = 0, b = mid, k = 0;

    if (!mid || mid == g->n || p[mid - 1] < p[mid])
        return 0;
    if (mem_reserve((void **)&g->other, &g->cap_other, g->n, sizeof *g->other))
        return err_nomem(err);
    while (a < mid && b < g->n)
        g->other[k++] = p[a] < p[b] ? p[a++] : p[b++];
    while (a < mid)
        g->other[k++] = p[a++];
    memcpy(g->postings, g->other, k * sizeof *g->other); /* the rest is in its place */
    return 0;
}

/* The least word that is next in any segment, IMPACT_TOKENS at the end. */
static uint32_t next_token(struct segment *const *segments, const uint32_t *at, size_t n)
{
    uint32_t least = IMPACT_TOKENS;

    for (size_t i = 0; i < n; i++) {
        const struct impacts *im = segments[i]->impacts;

        if (at[i] < im->n && im->tokens[at[i]] < least)
            least = im->tokens[at[i]];
    }
    return least;
}

static int merge_words(struct impacts_writer *w, struct segment *const *segments,
                       const uint32_t *const *place, size_t n, struct err *err)
{
    struct gathered g = {0};
    uint32_t *at = mem_zalloc(n, sizeof *at), token;
    int rc = at ? 0 : err_nomem(err);

    for (size_t i = 0; !rc && i < n; i++)
        rc = impacts_need(segments[i], err);
    while (!rc && !w->code && (token = next_token(segments, at, n)) < IMPACT_TOKENS) {
        g.n = 0;
        for (size_t i = 0; !rc && i < n; i++) {
            const struct impacts *im = segments[i]->impacts;
            size_t mid = g.n;

            if (at[i] == im->n || im->tokens[at[i]] != token)
                continue;
            rc = gather(&g, segments[i], at[i]++, place[i], err);
            rc = rc ? rc : join(&g, mid, err);
        }
        if (!rc && g.n)
            impacts_put(w, (int)token, g.postings, g.n);
    }
    gathered_clear(&g);
    mem_free(at);
    return rc;
}

int impacts_merge(struct store *st, int64_t segment, struct segment *const *segments,
                  const uint32_t *const *place, size_t n, uint32_t n_passages, struct err *err)
{
    struct impacts_writer w;
    int rc;

    impacts_begin(&w, st, segment, n_passages, err);
    rc = merge_words(&w, segments, place, n, err);
    return impacts_end(&w, rc);
}

/* ---- the check ---- */

static int check_word(struct segment *s, uint32_t i, struct gathered *g, struct buf *again,
                      struct err *err)
{
    struct impacts *im = s->impacts;
    const size_t bytes = (size_t)(im->offsets[i + 1] - im->offsets[i]);
    struct term_postings *t = NULL;
    int rc;

    g->n = 0;
    rc = gather(g, s, i, NULL, err);
    for (size_t k = 0; !rc && k < g->n; k++)
        if (posting_freq(g->postings[k]) > IMPACT_MAX)
            rc = part_damaged(&im->postings, err, "word %u: an impact of %u", im->tokens[i],
                              posting_freq(g->postings[k]));
    rc = rc ? rc : impacts_read(&t, s, i, err);
    if (rc)
        return rc;
    buf_reset(again);
    postings_write(again, g->postings, g->n, im->lengths);
    if (buf_error(again))
        rc = err_nomem(err);
    else if (again->len != bytes || memcmp(again->data, t->data, bytes) != 0)
        rc = part_damaged(&im->postings, err,
                          "word %u: its bytes or bounds are not what its postings give",
                          im->tokens[i]);
    term_postings_free(t);
    return rc;
}

int impacts_check(struct segment *s, int64_t n_words, struct err *err)
{
    struct gathered g = {0};
    struct buf again = {.max = SIZE_MAX / 4};
    int rc = impacts_need(s, err);

    if (!rc && s->impacts->n && s->impacts->tokens[s->impacts->n - 1] >= n_words)
        rc = part_damaged(&s->impacts->index, err, "word %u is not in the vocabulary",
                          s->impacts->tokens[s->impacts->n - 1]);
    for (uint32_t i = 0; !rc && i < s->impacts->n; i++)
        rc = check_word(s, i, &g, &again, err);
    gathered_clear(&g);
    buf_clear(&again);
    return rc;
}
