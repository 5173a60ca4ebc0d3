/* bm25_maxscore.c -- BM25 by block-max MaxScore: skips what cannot enter the top k.
 *
 * A segment is walked in windows of passages.  For each window every term has a bound, from the
 * impacts of the blocks that reach into it.  A window whose bounds together do not exceed the threshold (the k-th
 * best score so far) is passed over without decoding anything.  Otherwise terms at the end of the
 * order whose bounds together are well below the threshold cannot lift a passage over it alone: only
 * the terms before them, the essential ones, are added up for the whole window.  Then each of the
 * others is looked up for just those passages that still can make it.
 *
 * Parts are added in the order of bm25.h in either half, so a passage that survives has the
 * exhaustive score to the bit.  Bounds are widened by what rounding could do (`slack`); on equality a later
 * passage loses to the earlier one, so `bound <= threshold` may skip.
 *
 * Sources: Turtle and Flood, "Query evaluation: strategies and optimizations" (1995); Ding and Suel,
 * "Faster top-k document retrieval using block-max indexes" (2011); windows as in Lucene's
 * MaxScoreBulkScorer.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "retriever/bm25.h"
#include "retriever/sums.h"

enum { CHUNK = 256 }; /* sums that are pushed before the threshold is looked at again */

/* Terms become essential until the bounds of the others are below this share of the threshold.  1 would
 * add up the fewest postings, but a passage with almost any sum would then be a candidate, and
 * candidates cost more: with 0.4, a third of the time was saved on 288,000 passages. */
static const double REST_SHARE = 0.4;

struct cursor {
    struct postings p;
    float weight;
    float bound;    /* of the term in this window */
    uint32_t block; /* where the search for the window's blocks goes on */
    uint32_t known; /* the block whose bound is known, or UINT32_MAX */
    float known_bound;
};

struct scorer {
    const struct bm25_query *q;
    const struct segment *s;
    const struct sums_kernel *kernel;
    const uint32_t *lengths; /* [segment_size] */
    struct topk *top;
    struct cursor *cursors; /* [n], in the order of summation */
    double *rest;           /* [n + 1]: bounds of cursors i.. added up */
    size_t n;
    double slack;
    uint32_t begin, end;  /* the window */
    const uint64_t *dead; /* of the segment, or NULL */
    float *sums;          /* [window + SUMS_PAD], zero between windows */
    uint32_t *passages;   /* [window + SUMS_PAD] candidates, ascending */
    float *scores;        /* [window + SUMS_PAD] theirs so far */
    size_t n_candidates;
};

/* ---- bounds ---- */

static float block_bound(struct scorer *sc, struct cursor *c, uint32_t block)
{
    const struct impact *pairs;
    float bound = 0;
    int n;

    if (block == c->known)
        return c->known_bound;
    pairs = postings_block_impacts(&n, &c->p, block);
    for (int i = 0; i < n; i++) {
        float part = bm25_part(sc->q, c->weight, pairs[i].freq, pairs[i].length);

        bound = part > bound ? part : bound;
    }
    c->known = block;
    c->known_bound = bound;
    return bound;
}

/* The most that a term can add to a passage of the window. */
static float window_bound(struct scorer *sc, struct cursor *c)
{
    float bound = 0;

    if (c->p.passage >= sc->end)
        return 0;
    c->block = postings_find_block(&c->p, sc->begin, c->block);
    for (uint32_t i = c->block; i < c->p.n_blocks; i++) {
        float b = block_bound(sc, c, i);

        bound = b > bound ? b : bound;
        if (postings_block_last(&c->p, i) >= sc->end - 1)
            break;
    }
    return bound;
}

/* Bounds all terms and says how many are essential: those before the longest tail that the
 * threshold holds down. */
static size_t count_essential(struct scorer *sc, float threshold)
{
    size_t essential = sc->n;

    sc->rest[sc->n] = 0;
    if (threshold == -INFINITY) {
        memset(sc->rest, 0, (sc->n + 1) * sizeof *sc->rest);
        return sc->n;
    }
    for (size_t i = sc->n; i-- > 0;) {
        sc->cursors[i].bound = window_bound(sc, &sc->cursors[i]);
        sc->rest[i] = sc->rest[i + 1] + (double)sc->cursors[i].bound;
    }
    if (sc->rest[0] * sc->slack <= (double)threshold)
        return 0;
    while (essential > 1 && sc->rest[essential - 1] * sc->slack <= REST_SHARE * (double)threshold)
        essential--;
    return essential;
}

/* The sum that a passage needs to have before terms with bounds `rest` are added: it is out if it has
 * not more than that. */
static float needed(const struct scorer *sc, float threshold, double rest)
{
    double need;

    if (threshold == -INFINITY)
        return 0;
    if (rest == 0)
        return threshold > 0 ? threshold : 0;
    need = (double)threshold / sc->slack - rest;
    return need > 0 ? nextafterf((float)need, -1) : 0;
}

/* ---- essential terms: added up for the whole window ---- */

/* Adds up the postings of a decoded block, from the current one to the window's end.
 * Returns the last passage. */
static uint32_t add_run(struct scorer *sc, struct cursor *c)
{
    const struct sums_formula f = {c->weight, sc->q->base, sc->q->slope, sc->q->linear};
    const uint32_t *passages, *freqs = NULL;
    const float *shares = NULL;
    uint32_t n = c->p.shares ? postings_rest_shares(&passages, &shares, &c->p)
                             : postings_rest(&passages, &freqs, &c->p);

    if (passages[n - 1] >= sc->end)
        for (n = 0; passages[n] < sc->end;)
            n++;
    if (!shares)
        sc->kernel->add(sc->sums, sc->begin, passages, freqs, n, sc->lengths, &f);
    else
        for (uint32_t i = 0; i < n; i++)
            sc->sums[passages[i] - sc->begin] += c->weight * shares[i];
    return passages[n - 1];
}

static void add_essential(struct scorer *sc, struct cursor *c)
{
    postings_seek(&c->p, sc->begin);
    while (c->p.passage < sc->end)
        postings_seek(&c->p, add_run(sc, c) + 1);
}

static inline int is_dead(const struct scorer *sc, uint32_t passage)
{
    return sc->dead && (sc->dead[passage >> 6] >> (passage & 63) & 1);
}

/* Drops dead candidates. */
static void bury(struct scorer *sc)
{
    size_t n = 0;

    for (size_t i = 0; i < sc->n_candidates; i++)
        if (!is_dead(sc, sc->passages[i])) {
            sc->passages[n] = sc->passages[i];
            sc->scores[n++] = sc->scores[i];
        }
    sc->n_candidates = n;
}

/* All terms were added up: pushes the live passages, and clears the sums.  The threshold rises on the way. */
static void push_sums(struct scorer *sc)
{
    for (uint32_t begin = sc->begin, n; begin < sc->end; begin += n) {
        float threshold, *sums = sc->sums + (begin - sc->begin);

        n = sc->end - begin < CHUNK ? sc->end - begin : CHUNK;
        threshold = topk_threshold(sc->top);
        sc->n_candidates = sc->kernel->take(sc->passages, sc->scores, sums, begin, n,
                                            threshold > 0 ? threshold : 0);
        for (size_t i = 0; i < sc->n_candidates; i++)
            if (!is_dead(sc, sc->passages[i]))
                topk_push(sc->top, sc->passages[i], sc->scores[i]);
    }
}

/* Makes candidates of the live passages with sums above need, and clears the sums. */
static void take_candidates(struct scorer *sc, float need)
{
    uint32_t n = sc->end - sc->begin;

    sc->n_candidates = sc->kernel->take(sc->passages, sc->scores, sc->sums, sc->begin, n, need);
    if (sc->dead)
        bury(sc);
}

/* ---- the other terms: looked up for candidates ---- */

/* The current posting's part. */
static float part_of(const struct scorer *sc, struct cursor *c, uint32_t passage)
{
    const uint32_t *passages;
    const float *shares;

    if (!c->p.shares)
        return bm25_part(sc->q, c->weight, postings_freq(&c->p), sc->lengths[passage]);
    postings_rest_shares(&passages, &shares, &c->p);
    return c->weight * shares[0];
}

static void add_to_candidates(struct scorer *sc, struct cursor *c, float need)
{
    size_t n = 0;

    for (size_t i = 0; i < sc->n_candidates; i++) {
        uint32_t passage = sc->passages[i];
        float score = sc->scores[i];

        if (!(score > need))
            continue;
        if (postings_seek(&c->p, passage) == passage)
            score += part_of(sc, c, passage);
        sc->passages[n] = passage;
        sc->scores[n++] = score;
    }
    sc->n_candidates = n;
}

static void score_window(struct scorer *sc)
{
    float threshold;
    size_t essential;

    topk_tighten(sc->top);
    threshold = topk_threshold(sc->top);
    essential = count_essential(sc, threshold);

    if (essential == 0)
        return;
    for (size_t i = 0; i < essential; i++)
        add_essential(sc, &sc->cursors[i]);
    if (essential == sc->n) {
        push_sums(sc);
        return;
    }
    take_candidates(sc, needed(sc, threshold, sc->rest[essential]));
    for (size_t i = essential; i < sc->n && sc->n_candidates; i++)
        if (sc->cursors[i].bound > 0)
            add_to_candidates(sc, &sc->cursors[i], needed(sc, threshold, sc->rest[i]));
    for (size_t i = 0; i < sc->n_candidates; i++)
        topk_push(sc->top, sc->passages[i], sc->scores[i]);
}

/* ---- the segment ---- */

/* Opens the cursors of the terms that the segment has. */
static int open_cursors(struct scorer *sc, int segment, struct err *err)
{
    const struct bm25_query *q = sc->q;

    for (size_t i = 0; i < q->n; i++) {
        struct cursor *c = &sc->cursors[sc->n];
        int rc;

        rc = bm25_open(&c->p, q, &q->terms[i], segment, err);
        if (rc < 0)
            return rc;
        if (!rc)
            continue;
        c->weight = q->terms[i].weight;
        c->block = 0;
        c->known = UINT32_MAX;
        sc->n++;
    }
    return 0;
}

int bm25_maxscore(struct topk *top, const struct bm25_query *q, int segment, struct err *err)
{
    struct scorer sc = {.q = q, .top = top, .s = index_segment(q->ix, segment)};
    uint32_t size = segment_size(sc.s);
    size_t room = (size < q->window ? size : q->window) + SUMS_PAD;
    int rc;

    sc.kernel = sums_kernel_best();
    sc.lengths = segment_lengths(sc.s);
    sc.dead = bm25_excluded(q, segment);
    sc.slack = 1 + (double)(q->n + 8) * 0x1p-22; /* 2^-24 an operation */
    sc.cursors = mem_alloc(q->n, sizeof *sc.cursors);
    sc.rest = mem_alloc(q->n + 1, sizeof *sc.rest);
    sc.sums = mem_zalloc(room, sizeof *sc.sums);
    sc.passages = mem_alloc(room, sizeof *sc.passages);
    sc.scores = mem_alloc(room, sizeof *sc.scores);
    if (sc.cursors && sc.rest && sc.sums && sc.passages && sc.scores)
        rc = open_cursors(&sc, segment, err);
    else
        rc = err_nomem(err);
    for (; !rc && sc.n && sc.begin < size; sc.begin = sc.end) {
        sc.end = size - sc.begin < q->window ? size : sc.begin + q->window;
        score_window(&sc);
    }
    mem_free(sc.cursors);
    mem_free(sc.rest);
    mem_free(sc.sums);
    mem_free(sc.passages);
    mem_free(sc.scores);
    return rc;
}
