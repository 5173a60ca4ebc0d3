/* legs.c -- from the passages of each segment to the documents of the index. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "retriever/legs.h"

#include <string.h>

#include "base/mem.h"

void ranked_clear(struct ranked *r)
{
    mem_free(r->items);
    memset(r, 0, sizeof *r);
}

int scored_compare(const struct index *ix, const struct scored *a, const struct scored *b)
{
    int by_docno;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    if (a->segment == b->segment) /* passages are numbered in the order of docno descending */
        return a->passage < b->passage ? -1 : a->passage > b->passage;
    by_docno = strcmp(segment_docno(index_segment(ix, b->segment), b->passage),
                      segment_docno(index_segment(ix, a->segment), a->passage));
    return by_docno ? by_docno : a->segment - b->segment;
}

/* ---- passages of all segments ---- */

/* Lists of segments one behind the other; list i ends at ends[i]. */
struct lists {
    struct ranked all;
    size_t *at, *ends; /* [n_segments] */
};

static int append_sorted(struct ranked *r, struct topk *top, int segment, struct err *err)
{
    topk_sort(top);
    if (mem_reserve((void **)&r->items, &r->cap, r->n + top->n, sizeof *r->items))
        return err_nomem(err);
    for (size_t i = 0; i < top->n; i++)
        r->items[r->n++] = (struct scored){topk_score(top, i), segment, topk_passage(top, i)};
    return 0;
}

/* Searches a segment and adds its list.  `scores` holds the best k scores of the segments before: what scores
 * less than the last of them cannot be wanted any more. */
static int search_segment(struct lists *l, struct topk *scores, struct topk *top,
                          const struct leg *leg, void *state, int segment, int n_segments,
                          struct err *err)
{
    size_t begin = l->all.n;
    int rc;

    topk_tighten(scores);
    if (topk_threshold(scores) > -INFINITY)
        topk_floor(top, topk_threshold(scores));
    rc = leg->segment(top, state, segment, err);
    if (!rc)
        rc = append_sorted(&l->all, top, segment, err);
    if (segment + 1 == n_segments)
        return rc;
    for (size_t i = begin; !rc && i < l->all.n; i++)
        topk_push(scores, (uint32_t)i, l->all.items[i].score);
    return rc;
}

static int search_segments(struct lists *l, const struct leg *leg, void *state, struct index *ix,
                           size_t k, struct err *err)
{
    struct topk top = {0}, scores = {0};
    int rc = topk_init(&scores, k, err);

    for (int i = 0; !rc && i < index_n_segments(ix); i++) {
        size_t size = segment_size(index_segment(ix, i));

        l->at[i] = l->all.n;
        if (size > 0)
            rc = topk_reset(&top, k < size ? k : size, err);
        if (!rc && size > 0)
            rc = search_segment(l, &scores, &top, leg, state, i, index_n_segments(ix), err);
        l->ends[i] = l->all.n;
    }
    topk_clear(&top);
    topk_clear(&scores);
    return rc;
}

/* Takes the best head of all lists, again and again.  There are few segments. */
static int merge(struct ranked *out, struct lists *l, struct index *ix, size_t k, struct err *err)
{
    int n_segments = index_n_segments(ix);
    struct ranked merged = {0};

    if (k > l->all.n)
        k = l->all.n;
    if (mem_reserve((void **)&merged.items, &merged.cap, k ? k : 1, sizeof *merged.items))
        return err_nomem(err);
    while (merged.n < k) {
        int best = -1;

        for (int i = 0; i < n_segments; i++)
            if (l->at[i] < l->ends[i] &&
                (best < 0 ||
                 scored_compare(ix, &l->all.items[l->at[i]], &l->all.items[l->at[best]]) < 0))
                best = i;
        merged.items[merged.n++] = l->all.items[l->at[best]++];
    }
    *out = merged;
    return 0;
}

int leg_passages(struct ranked *out, const struct leg *leg, void *state, struct index *ix, size_t k,
                 struct err *err)
{
    size_t n_segments = (size_t)index_n_segments(ix);
    struct lists l = {0};
    int rc = 0;

    l.at = mem_alloc(2 * n_segments, sizeof *l.at);
    if (!l.at)
        return err_nomem(err);
    l.ends = l.at + n_segments;
    rc = search_segments(&l, leg, state, ix, k, err);
    if (!rc && n_segments == 1) {
        *out = l.all;
        memset(&l.all, 0, sizeof l.all);
    } else if (!rc) {
        rc = merge(out, &l, ix, k, err);
    }
    ranked_clear(&l.all);
    mem_free(l.at);
    return rc;
}

/* ---- documents ---- */

/* Keeps the first passage of each document, at most k of them, in place. */
static int keep_best_of_each(struct ranked *r, struct index *ix, size_t k, struct err *err)
{
    size_t n_slots = 16, kept = 0;
    uint32_t *slots; /* place among the kept + 1, or 0 */

    while (n_slots < 2 * r->n)
        n_slots *= 2;
    slots = mem_zalloc(n_slots, sizeof *slots);
    if (!slots)
        return err_nomem(err);
    for (size_t i = 0; i < r->n && kept < k; i++) {
        struct scored hit = r->items[i];
        int64_t id = segment_document(index_segment(ix, hit.segment), hit.passage);
        size_t slot = (size_t)((uint64_t)id * 0x9e3779b97f4a7c15u >> 20) & (n_slots - 1);

        for (; slots[slot]; slot = (slot + 1) & (n_slots - 1)) {
            const struct scored *other = &r->items[slots[slot] - 1];

            if (segment_document(index_segment(ix, other->segment), other->passage) == id)
                break;
        }
        if (slots[slot])
            continue;
        r->items[kept++] = hit;
        slots[slot] = (uint32_t)kept;
    }
    r->n = kept;
    mem_free(slots);
    return 0;
}

/* Keeps the passages that hold the query's phrases, at most k of them, in place. */
static int keep_holding(struct ranked *r, struct index *ix, const struct filter *filter, size_t k,
                        struct err *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->n && kept < k; i++) {
        int rc = index_holds(ix, filter, r->items[i].segment, r->items[i].passage, err);

        if (rc < 0)
            return rc;
        if (rc)
            r->items[kept++] = r->items[i];
    }
    r->n = kept;
    return 0;
}

int leg_results(struct ranked *out, const struct leg *leg, void *state, struct index *ix,
                const struct filter *filter, size_t k, int by_passage, struct err *err)
{
    const int is_final = filter_is_final(filter);
    size_t all = (size_t)index_n_passages(ix), ask;
    struct ranked list = {0};
    int rc;

    if (k > all)
        k = all;
    if (k == 0) {
        ranked_clear(out);
        return 0;
    }
    by_passage |= !strcmp(index_settings(ix)->chunking, "whole"); /* a document is a passage */
    if (by_passage && is_final)
        return leg_passages(out, leg, state, ix, k, err);
    for (ask = by_passage ? k : 4 * k;; ask *= 4) {
        size_t found;

        ask = ask < all ? ask : all;
        rc = leg_passages(&list, leg, state, ix, ask, err);
        if (rc)
            return rc;
        found = list.n;
        if (!is_final)
            rc = keep_holding(&list, ix, filter, by_passage ? k : list.n, err);
        if (!rc && !by_passage)
            rc = keep_best_of_each(&list, ix, k, err);
        if (rc || list.n == k || found < ask || ask == all)
            break;
        ranked_clear(&list);
    }
    if (rc)
        ranked_clear(&list);
    else
        *out = list;
    return rc;
}

/* ---- hits ---- */

int hits_make(struct hits *out, struct index *ix, const struct scored *list, size_t n,
              struct err *err)
{
    size_t bytes = 1;
    struct hit *hits = mem_zalloc(n, sizeof *hits);
    char *text;

    for (size_t i = 0; i < n; i++)
        bytes += segment_docno_length(index_segment(ix, list[i].segment), list[i].passage) + 1;
    text = mem_alloc(bytes, 1);
    if (!hits || !text) {
        mem_free(hits);
        mem_free(text);
        return err_nomem(err);
    }
    memset(out, 0, sizeof *out);
    out->hits = hits;
    out->n = n;
    out->memory = text;
    for (size_t i = 0; i < n; i++) {
        const struct segment *s = index_segment(ix, list[i].segment);
        size_t len = segment_docno_length(s, list[i].passage) + 1;

        hits[i].docno = memcpy(text, segment_docno(s, list[i].passage), len);
        text += len;
        hits[i].document = segment_document(s, list[i].passage);
        hits[i].segment = list[i].segment;
        hits[i].passage = list[i].passage;
        hits[i].score = list[i].score;
    }
    return 0;
}

void hits_clear(struct hits *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->n; i++)
        mem_free(h->hits[i].explain);
    mem_free(h->hits);
    mem_free(h->memory);
    memset(h, 0, sizeof *h);
}

static int explain_hits(struct hits *hits, const struct leg *leg, void *state,
                        const struct ranked *list, struct err *err)
{
    for (size_t i = 0; i < hits->n; i++) {
        struct buf text = {0};
        int rc = leg->explain(&text, state, &list->items[i], err);

        if (!rc && buf_error(&text))
            rc = err_nomem(err);
        hits->hits[i].explain = rc ? NULL : buf_take(&text);
        buf_clear(&text);
        if (rc)
            return rc;
    }
    return 0;
}

int leg_search(struct hits *out, const struct leg *leg, struct index *ix,
               const struct question *query, const struct retrieve_options *opt, struct err *err)
{
    struct ranked list = {0};
    struct hits hits = {0};
    void *state = NULL;
    int rc = leg->open(&state, ix, query, opt, err);

    if (!rc)
        rc =
            leg_results(&list, leg, state, ix, query->filter, (size_t)opt->k, opt->by_passage, err);
    if (!rc)
        rc = hits_make(&hits, ix, list.items, list.n, err);
    for (size_t i = 0; !rc && i < hits.n; i++)
        hits.hits[i].legs[0] =
            (struct leg_score){(int)i + 1, list.items[i].score, list.items[i].score};
    hits.n_legs = 1;
    hits.leg_names[0] = leg->name;
    if (!rc && opt->explain)
        rc = explain_hits(&hits, leg, state, &list, err);
    if (rc)
        hits_clear(&hits);
    else
        *out = hits;
    leg->close(state);
    ranked_clear(&list);
    return rc;
}
