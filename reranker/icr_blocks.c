/* icr_blocks.c -- in-context re-ranking with each candidate a block of its own.
 *
 * A block sees the prompt's head and itself, at the same places as any other; the tail sees all blocks.  So what a
 * passage becomes does not depend on the others and is kept for the next query.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "model/keys.h"
#include "model/model.h"
#include "reranker/attended.h"
#include "reranker/block_cache.h"
#include "reranker/in_context.h"
#include "reranker/windows.h"

enum {
    CACHE_BYTES = 256 << 20, /* unless said otherwise */
    DISK_BYTES = 2047 << 20,
    WINDOW_TOKENS = 16384, /* of all passages that the tail sees at a time */
};

/* A candidate's tokens. */
struct block {
    struct tokens tokens;
    struct prompt_range passage; /* in tokens; the blank line comes before it */
};

struct blocks {
    struct in_context context;
    struct block_cache *cache;
    int most;

    /* the run at hand */
    struct block *blocks; /* [n] */
    struct candidate *candidates;
    struct reranker *owner;
    size_t n;
    const char *query;
};

static void close(void *self)
{
    struct blocks *s = self;

    if (!s)
        return;
    block_cache_free(s->cache);
    in_context_close(&s->context);
    mem_free(s);
}

/* The folder that keeps blocks, if there is to be one; they depend on the model, how it computes, and the prompt's head. */
static int open_disk(struct block_disk **out, const struct blocks *s,
                     const struct rerank_options *opt, struct err *err)
{
    const struct in_context *c = &s->context;
    char sha256[65], opening[200];

    if (!opt->cache_dir)
        return 0;
    digest_sha256(sha256, c->head.ids, c->head.n * sizeof *c->head.ids);
    snprintf(opening, sizeof opening, "%s %d bits, %d layers, behind %s", reader_sha256(c->reader),
             opt->precision == MODEL_F32 ? 32 : 8, decoder_layers(reader_decoder(c->reader)),
             sha256);
    return block_disk_open(out, opt->cache_dir,
                           opt->cache_dir_bytes ? opt->cache_dir_bytes : DISK_BYTES, opening, err);
}

static int open(void **self, struct reranker *r, const struct rerank_options *opt, struct err *err)
{
    struct blocks *s = mem_zalloc(1, sizeof *s);
    struct block_disk *disk = NULL;
    int rc;

    if (!s)
        return err_nomem(err);
    *self = s;
    s->most = opt->window;
    rc = in_context_open(&s->context, r, opt, err);
    rc = rc ? rc : open_disk(&disk, s, opt, err);
    return rc ? rc
              : block_cache_new(&s->cache, opt->cache_bytes ? opt->cache_bytes : CACHE_BYTES, disk,
                                err);
}

/* ---- a window ---- */

/* Reads the prompt's head, if it is not there, and forgets the rest. */
static int begin_cells(struct in_context *c, int cells, struct err *err)
{
    const int n_head = (int)c->head.n;
    const struct session_input in = {.ids = c->head.ids, .n = n_head};
    int rc = in_context_need(c, cells, err);

    if (rc || session_cells(c->session) >= n_head) {
        if (!rc)
            session_cut(c->session, n_head);
        return rc;
    }
    return session_read(c->session, &in, NULL, err);
}

/* The last layer's values are not needed: it is only watched. */
static int read_block(struct watch_range *where, struct blocks *s, const struct block *b,
                      struct err *err)
{
    struct in_context *c = &s->context;
    const int first = session_cells(c->session), n_head = (int)c->head.n;
    const struct session_input in = {.ids = b->tokens.ids,
                                     .n = (int)b->tokens.n,
                                     .position = n_head + 1,
                                     .head = n_head,
                                     .from = SESSION_ITSELF,
                                     .keys_only = 1};

    *where = (struct watch_range){first + (int)b->passage.begin, first + (int)b->passage.end};
    return b->passage.begin < b->passage.end ? block_cache_read(s->cache, c->session, &in, err) : 0;
}

/* A window_fn. */
static int score(float *read, const size_t *some, size_t n, void *self, struct err *err)
{
    struct blocks *s = self;
    struct in_context *c = &s->context;
    struct watch_range *where = mem_alloc(n, sizeof *where);
    float *scores = mem_alloc(n, sizeof *scores);
    size_t cells = c->head.n + TAIL_ROOM;
    int rc = where && scores ? 0 : err_nomem(err);

    for (size_t i = 0; i < n; i++)
        cells += s->blocks[some[i]].tokens.n;
    if (cells < c->head.n + QUESTION_DISTANCE + TAIL_ROOM)
        cells = c->head.n + QUESTION_DISTANCE + TAIL_ROOM; /* positions need room, too */
    rc = rc ? rc : begin_cells(c, (int)cells, err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = read_block(&where[i], s, &s->blocks[some[i]], err);
    rc = rc ? rc
            : in_context_score(scores, c, where, (int)n, (int)c->head.n + QUESTION_DISTANCE + 1,
                               s->query, err);
    for (size_t i = 0; i < n && !rc; i++)
        read[some[i]] = scores[i];
    for (size_t i = 0; i < n && !rc && c->keeps; i++)
        rc = attended_set(&s->candidates[some[i]], s->owner, c->given + where[i].begin,
                          s->blocks[some[i]].tokens.spans + s->blocks[some[i]].passage.begin,
                          (size_t)(where[i].end - where[i].begin), err);
    mem_free(where);
    mem_free(scores);
    return rc;
}

/* ---- a run ---- */

static int make_blocks(struct blocks *s, size_t *lengths, struct candidate *candidates, size_t n,
                       struct err *err)
{
    const size_t room = in_context_room(&s->context) - MARKER_ROOM;
    const size_t most = room < KEYS_MAX_TOKENS ? room : KEYS_MAX_TOKENS;
    int rc = 0;

    for (size_t i = 0; i < n && !rc; i++) {
        struct block *b = &s->blocks[i];

        rc = prompt_passage(&b->tokens, &b->passage, s->context.reader, &candidates[i].text, 0,
                            most, err);
        lengths[i] = b->tokens.n;
        candidates[i].cut = b->passage.is_cut;
    }
    return rc;
}

static int run(void *self, struct reranker *r, struct candidate *candidates, size_t n,
               const char *query, struct err *err)
{
    struct blocks *s = self;
    size_t *lengths = mem_alloc(n, sizeof *lengths);
    float *read = mem_alloc(n, sizeof *read);
    struct windows w = {lengths, WINDOW_TOKENS, (size_t)s->most, score, s};
    struct tokens tail = {0};
    struct prompt_tail where;
    int rc;

    s->query = query;
    s->candidates = candidates;
    s->owner = r;
    s->n = n;
    s->blocks = mem_zalloc(n, sizeof *s->blocks);
    rc = s->blocks && lengths && read ? 0 : err_nomem(err);
    rc = rc ? rc : make_blocks(s, lengths, candidates, n, err);
    rc = rc ? rc : in_context_tail(&tail, &where, &s->context, query, &r->note, err);
    rc = rc ? rc : windows_run(read, n, &w, &r->note, err);
    for (size_t i = 0; s->blocks && i < n; i++) {
        if (!rc)
            candidates[i].read = read[i];
        tokens_clear(&s->blocks[i].tokens);
    }
    mem_free(s->blocks);
    s->blocks = NULL;
    tokens_clear(&tail);
    mem_free(lengths);
    mem_free(read);
    return rc;
}

const struct rerank_method rerank_icr_blocks = {
    .name = "icr-blocks",
    .about = "in-context attention, each candidate a block that sees no other",
    .has_blocks = 1,
    .any_order = 1,
    .open = open,
    .run = run,
    .close = close,
};
