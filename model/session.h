/* session.h -- tokens through a decoder: keys and values of what was read, and attention that can be watched.
 *
 *     struct session *s = NULL;
 *     session_new(&s, m, 4096, team, &err);
 *     session_read(s, &(struct session_input){.ids = ids, .n = n}, NULL, &err);    -- causal
 *     session_logits(logits, s, n - 1, 1, &err);
 *
 * What was read lies in cells, one a token, in the order of reading.  Each run of tokens says which cells it sees:
 *
 *     all so far and itself:           head = 0, from = 0                   causal
 *     a shared beginning and itself:   head = h, from = SESSION_ITSELF      independent blocks
 *
 * and at which position it begins; in blocks each begins where the shared beginning ends, so that it does not matter
 * in which order they are read (icr-blocks).  Whatever is read later may see all of them.
 *
 * One session is for one caller at a time; sessions of a decoder are independent.
 *
 * T tokens of a run, C cells, D, H heads of d numbers, K key heads.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SESSION_H
#define MODEL_SESSION_H

#include "base/err.h"
#include "base/pool.h"
#include "model/decoder.h"

struct session;

enum {
    SESSION_ITSELF = -1,  /* from: the run's own first cell */
    SESSION_CONTINUE = 0, /* position: one behind the last cell's */
    SESSION_CHUNK = 512,  /* tokens that go through the layers at a time, mostly */
    SESSION_MAX_CELLS = 1 << 17,
};

struct session_input {
    const int *ids; /* [n] */
    int n;
    int position;  /* of the first token, plus 1; SESSION_CONTINUE */
    int head;      /* cells 0..head-1 are seen, */
    int from;      /* and those from here on up to each token itself; or SESSION_ITSELF */
    int both_ways; /* 1: tokens see the whole run, not only up to themselves */
    int keys_only; /* 1: the last layer ends with its queries, keys and values; there are no states then */
};

/* What attention came to, for one head and one token of the run. */
struct session_sight {
    int layer, head;
    int row;             /* the token's place in the run */
    const float *weight; /* [n] not yet divided: softmax = weight * share */
    float share;
    int n;
    int split, first,
        second; /* weight[i] is of cell first + i for i < split, else of cell second + i - split */
};

/* What a head of a token asks for. */
struct session_question {
    int layer, head;
    int row;            /* the token's place in the run */
    const float *query; /* [d] turned by RoPE; attention is softmax(query . key / sqrt d) */
};

/* Watches some heads.  Either function is called for each watched (layer, head) and token, by several threads at once, but
 * for those of a key head by one thread, rows rising, and layers one after the other; NULL = not wanted. */
struct session_tap {
    const unsigned char *watched; /* [layers, H]: 1 = call */
    void (*see)(const struct session_sight *sight, void *payload);
    void (*ask)(const struct session_question *question, void *payload);
    void *payload;
};

/* Room for max_cells tokens, which may be more than the model's context: it is positions that must be below that.
 * team   threads that share each run, or NULL; must outlive the session.
 * Cost: 4 K d bytes a layer and cell where weights are in 8 bits, 8 K d in float32. */
int session_new(struct session **out, const struct decoder *m, int max_cells, struct pool *team,
                struct err *err);
void session_free(struct session *s);

int session_cells(const struct session *s);

/* Forgets all cells but the first n. */
void session_cut(struct session *s, int n);

/* Reads a run of tokens.
 *
 * tap    or NULL.  A run that is watched or read both ways is one chunk, however long: the session gets room for it.
 * Errors: E_INVALID for an id that is not in the vocabulary, or cells or positions that cannot be; E_LIMIT if there is
 * no room for n more cells; E_FORMAT if the weights yield numbers that are not finite.  On failure the cells are as before.
 * Cost: 2 T weights + 4 T C H d operations a layer.
 */
int session_read(struct session *s, const struct session_input *in, const struct session_tap *tap,
                 struct err *err);

/* Keys of n cells from `first` on, as attention reads them: out [n, d], turned by RoPE. */
void session_copy_keys(float *out, const struct session *s, int layer, int key_head, int first,
                       int n);

/* Another session that has read the same, with room for max_cells; what either reads from now on is its own.
 *
 * team  as for session_new.  E_LIMIT if max_cells are fewer than were read, or session_new's.  Cost: a copy of the cells.
 */
int session_fork(struct session **out, const struct session *s, int max_cells, struct pool *team,
                 struct err *err);

/* ---- cells kept outside a session, so that a passage is read once ---- */

/* Bytes of n cells: two a number where the decoder rounds keys and values to bfloat16, else four. */
size_t session_block_bytes(const struct session *s, int n);

/* Copies keys and values of cells first..first+n-1 to out [session_block_bytes]; nothing is lost. */
void session_save(void *out, const struct session *s, int first, int n);

/* Appends n cells that a session of the same decoder saved; it is then as if they had been read again.
 * position  of the first, plus 1, as they were read.
 * E_LIMIT if there is no room.  Cost: a copy. */
int session_load(struct session *s, const void *block, int n, int position, struct err *err);

/* Logits of n tokens of the last chunk read, from its row `first` on.  out [n, vocab].
 * The decoder has its head and all layers (E_INVALID). */
int session_logits(float *out, struct session *s, int first, int n, struct err *err);

/* What the last layer made of the last chunk's tokens: [rows, D], valid until the next read. */
const float *session_states(const struct session *s, int *rows);

#endif
