/* tiers.c -- which segments are merged, and when.
 *
 * A segment of up to 1024 passages is of tier 0, of up to 8192 of tier 1, and so on by eights.  When
 * a tier has eight segments they become one, which is of the next tier or soon will be: each passage is
 * copied once a tier, and an index of a million passages has a few dozen segments at most.  A segment
 * with more than a third dead is written anew.  One commit merges no more than eight times
 * what it adds, or half a million passages, so that no commit takes unexpectedly long; the rest is left for
 * the next, or for index_merge.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "indexer/inside.h"
#include "indexer/merge.h"

enum { FAN_IN = 8, TIER_0 = 1024, WORK_MIN = 1 << 19, N_TIERS = 16 };

static int tier_of(uint64_t passages)
{
    int tier = 0;

    for (uint64_t most = TIER_0; passages > most && tier < N_TIERS - 1; most *= FAN_IN)
        tier++;
    return tier;
}

/* Removes a segment's rows from the file. */
static int drop_rows(struct index *ix, int64_t id, struct err *err)
{
    struct db *db = ix->wr.db;
    int rc =
        db_exec(db, err, "DELETE FROM \"%w_segments\" WHERE id = %lld", ix->name, (long long)id);

    rc = rc ? rc
            : db_exec(db, err, "DELETE FROM \"%w_tombstones\" WHERE segment = %lld", ix->name,
                      (long long)id);
    return rc ? rc
              : db_exec(db, err, "DELETE FROM \"%w_blobs\" WHERE id >= %lld AND id < %lld",
                        ix->name, (long long)part_row_id(id, 0, 0),
                        (long long)part_row_id(id + 1, 0, 0));
}

/* Takes the chosen segments off the list and out of the file. */
static int drop_chosen(struct index *ix, const unsigned char *chosen, struct err *err)
{
    struct pending *p = &ix->pending;
    size_t kept = 0;
    int rc = 0;

    for (size_t i = 0; i < p->n_segments; i++) {
        struct pending_segment *ps = &p->segments[i];

        if (!chosen[i]) {
            p->segments[kept++] = *ps;
            continue;
        }
        rc = rc ? rc : drop_rows(ix, ps->id, err);
        grave_close(&ps->grave);
        if (ps->is_new)
            segment_close(ps->s);
    }
    p->n_segments = kept;
    return rc;
}

/* Merges the chosen segments. */
static int merge_chosen(struct index *ix, const unsigned char *chosen, struct err *err)
{
    struct pending *p = &ix->pending;
    struct segment **segments = mem_alloc(p->n_segments, sizeof *segments);
    const uint64_t **dead = mem_alloc(p->n_segments, sizeof *dead);
    struct merge m = {.store = &ix->wr,
                      .segment = p->next_segment,
                      .dim = (int)ix->recorded.dim,
                      .vectors = ix->recorded.vectors,
                      .sparse = ix->recorded.sparse_words > 0,
                      .pool = ix->pool,
                      .progress = ix->progress,
                      .payload = ix->payload};
    uint64_t passages = 0;
    size_t n = 0;
    int rc = segments && dead ? 0 : err_nomem(err);

    for (size_t i = 0; !rc && i < p->n_segments; i++) {
        if (!chosen[i])
            continue;
        rc = pending_need(ix, &p->segments[i], err);
        if (rc)
            break;
        segments[n] = p->segments[i].s;
        dead[n++] = pending_dead(&p->segments[i]);
    }
    rc = rc ? rc : merge_segments(&passages, &m, segments, dead, n, err);
    mem_free(segments);
    mem_free(dead);
    rc = rc ? rc : drop_chosen(ix, chosen, err);
    if (rc)
        return rc;
    p->is_dirty = 1;
    if (!passages)
        return 0;
    p->next_segment++;
    return pending_add_segment(ix, m.segment, passages, err);
}

static uint64_t n_dead(const struct pending_segment *p)
{
    return (p->s ? p->s->n_dead : 0) + p->grave.n_new;
}

/* Marks what the tiers ask for first.  Returns the passages it is about, 0 if there is nothing to do. */
static uint64_t choose(unsigned char *chosen, const struct pending *p, uint64_t most)
{
    memset(chosen, 0, p->n_segments);
    for (size_t i = 0; i < p->n_segments; i++)
        if (3 * n_dead(&p->segments[i]) > p->segments[i].passages &&
            p->segments[i].passages <= most) {
            chosen[i] = 1;
            return p->segments[i].passages;
        }
    for (int tier = 0; tier < N_TIERS; tier++) {
        uint64_t passages = 0;
        int n = 0;

        for (size_t i = 0; i < p->n_segments && n < FAN_IN; i++)
            if (tier_of(p->segments[i].passages) == tier) {
                chosen[i] = 1;
                passages += p->segments[i].passages;
                n++;
            }
        if (n == FAN_IN && passages <= most)
            return passages;
        memset(chosen, 0, p->n_segments);
    }
    return 0;
}

static int merge_tiers(struct index *ix, struct err *err)
{
    struct pending *p = &ix->pending;
    uint64_t left = 8 * p->n_added > WORK_MIN ? 8 * p->n_added : WORK_MIN;

    while (p->n_segments) {
        unsigned char *chosen = mem_alloc(p->n_segments, 1);
        uint64_t passages;
        int rc = chosen ? 0 : err_nomem(err);

        passages = rc ? 0 : choose(chosen, p, left);
        if (passages)
            rc = merge_chosen(ix, chosen, err);
        mem_free(chosen);
        if (rc || !passages)
            return rc;
        left -= passages;
    }
    return 0;
}

int merge_pending(struct index *ix, int everything, struct err *err)
{
    struct pending *p = &ix->pending;
    unsigned char *chosen;
    int rc;

    if (!everything)
        return merge_tiers(ix, err);
    if (!p->n_segments || (p->n_segments == 1 && !n_dead(&p->segments[0])))
        return 0;
    chosen = mem_alloc(p->n_segments, 1);
    if (!chosen)
        return err_nomem(err);
    memset(chosen, 1, p->n_segments);
    rc = merge_chosen(ix, chosen, err);
    mem_free(chosen);
    return rc;
}
