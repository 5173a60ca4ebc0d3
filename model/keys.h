/* keys.h -- the keys of a passage, for the heads of a profile, in few bits: what an index stores so that a query can attend to a
 * passage that nobody reads any more.
 *
 *     struct key_maker *k = NULL;
 *     key_maker_open(&k, profile, NULL, MODEL_I8, pool, &err);
 *     key_maker_run(out, k, passages, n, &err);        -- out [n] zeroed bufs: the coded keys of each passage
 *     key_maker_close(k);
 *
 * A passage is read as a block behind the prompt's head; keys are turned by RoPE for the places they had there.  Heads that
 * share a key head share its keys.  keys.c describes the bytes.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_KEYS_H
#define MODEL_KEYS_H

#include "model/profile.h"
#include "model/prompt.h"
#include "model/session.h"

enum {
    KEYS_MAX_TOKENS = 512, /* of a passage; those beyond are not read */
    KEYS_MAX_D = 512       /* numbers of a key */
};

/* The key heads that a profile's heads ask. */
struct key_plan {
    int n; /* slots */
    struct key_slot {
        int layer, key_head;
    } slots[PROFILE_MAX_HEADS];     /* by layer, then key head */
    int slot_of[PROFILE_MAX_HEADS]; /* of each head of the profile */
    int d, bits;                    /* bits: of a number, in the mean over the passage's channels */
    int heads; /* whose content-free log sums are kept: all of the profile's if it is calibrated, else 0 */
};

/* E_INVALID if the model has no such layer or head. */
int key_plan_make(struct key_plan *out, const struct profile *p, const struct decoder_config *c,
                  struct err *err);

/* ---- making ---- */

struct key_maker;

/* Opens a profile's model, or `model` instead (a name, folder or file).
 *
 * p, pool  borrowed until close; pool may be NULL.
 * Errors: those of reader_open; E_INVALID if the model's SHA-256 is not the profile's.
 */
int key_maker_open(struct key_maker **out, const struct profile *p, const char *model,
                   int precision, struct pool *pool, struct err *err);

/* With a reader that is open already, of at least profile_layers layers; borrowed. */
int key_maker_new(struct key_maker **out, const struct profile *p, struct reader *r,
                  struct pool *pool, struct err *err);
void key_maker_close(struct key_maker *k);

/* out [n] are cleared and get the coded keys of passages [n].  One thread at a time.
 * Cost: a run of each passage through profile_layers layers.  On failure all of out are empty. */
int key_maker_run(struct buf *out, struct key_maker *k, const struct prompt_passage *passages,
                  size_t n, struct err *err);

/* ---- using ---- */

/* What a passage's coded keys are: a view into them. */
struct keys {
    int n;      /* tokens; 0 = an empty passage */
    int is_cut; /* 1: of a passage that was too long, of which only the beginning was read */
    int slots, d, bits;
    int heads, rows; /* of the content-free log sums */
    const unsigned char *bytes;
    size_t at[PROFILE_MAX_HEADS + 1]; /* where slots begin, and the log sums */
};

/* Looks at coded keys [n_bytes], which stay borrowed.  E_FORMAT if they are not those of such a plan (NULL: of any). */
int keys_view(struct keys *out, const unsigned char *bytes, size_t n_bytes,
              const struct key_plan *plan, struct err *err);

/* The keys of a slot, decoded: out [d, n] as columns, row stride ld >= n. */
void keys_decode(float *out, int ld, const struct keys *k, int slot);

/* What the content-free query's rows find in the passage, by a head of the profile: log_sums[i * stride] for row i of k->rows, as
 * key_meeting_run would give them, within 1e-3. */
void keys_content_free(float *log_sums, size_t stride, const struct keys *k, int head);

/* Where queries meet the keys of a passage: memory of one thread. */
struct key_meeting;

/* d numbers a key; max_rows rows at a time (more are met in turns). */
int key_meeting_new(struct key_meeting **out, int d, int max_rows, struct err *err);
void key_meeting_free(struct key_meeting *m);

/* The keys that queries meet next: those of a slot, or keys [n, d], n <= KEYS_MAX_TOKENS. */
void key_meeting_take(struct key_meeting *m, const struct keys *k, int slot);
void key_meeting_set(struct key_meeting *m, const float *keys, int n);

/* For each row of queries [rows, d], already divided by sqrt d: the log of the sum over the passage's tokens of
 * exp(query . key), and the largest query . key; -inf for an empty passage.
 *
 * log_sums, largest  row i goes to place i * stride
 * Cost: 2 rows n d operations. */
void key_meeting_run(float *log_sums, float *largest, size_t stride, struct key_meeting *m,
                     const float *queries, int rows);

#endif
