/* attention.h -- the attention leg: coded keys of passages (model/keys.h) for the heads of one profile, so that a query can
 * attend to passages that nobody reads any more.
 *
 * Keys depend on a passage's text alone, not on its segment: they are rows of a table of their own, by document and place, so that
 * merging segments moves none of them.  A document has the keys of its first m passages; all of them, unless
 * index_attend is not done.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_ATTENTION_H
#define INDEXER_ATTENTION_H

#include <stdint.h>

#include "base/buf.h"
#include "base/db.h"
#include "indexer/passage.h"

struct index;
struct profile;
struct reader;
struct store;
struct key_maker;
struct key_plan;

/* The key of a row: document, and number of the passage within it.  A document has fewer passages than bytes. */
enum { ATTENTION_PASSAGE_BITS = 29, ATTENTION_DOCUMENT_BITS = 33 };

static inline int64_t attention_id(int64_t document, uint32_t passage)
{
    return document << ATTENTION_PASSAGE_BITS | passage;
}

/* ---- what the leg was made with: attention_settings.c ---- */

/* Zeroed = no leg. */
struct attention {
    struct profile *profile; /* NULL = no leg */
    char *json;              /* the profile as recorded */
    char *model, *path;      /* the model's name, and where it was when the leg was made */
    int64_t precision_bits;  /* 8 or 32: MODEL_I8 or MODEL_F32 */
    int64_t slots, dim;      /* key heads of a passage, and numbers of a key */
    int generation;          /* grows when any of this changes */
    /* on first use */
    char *given;           /* the caller's model, or NULL */
    struct reader *reader; /* what makes keys */
    struct key_maker *maker;
    struct stmt *get; /* keys of a passage, for readers */
};
void attention_clear(struct attention *a);

/* What keys must look like; fields that keys_view does not ask are 0. */
void attention_plan(struct key_plan *out, const struct attention *a);

/* Opens profile and model for a new leg.
 *
 * choice   PROFILE[:MODEL], both as names or files; an empty PROFILE is the default
 * On failure *out is zeroed.  E_NOTFOUND, E_INVALID (not for stored keys, another model than the profile's), E_FORMAT. */
int attention_resolve(struct attention *out, const struct index *ix, const char *choice,
                      struct err *err);

/* Makes the table and writes the settings; in the transaction of ix->wr. */
int attention_create(struct index *ix, const struct attention *a, struct err *err);

/* The profile alone: all else is NULL or 0. */
int attention_resolve_profile(struct attention *out, const char *choice, struct err *err);

/* Writes another profile, which the same keys serve; in the transaction of ix->wr. */
int attention_rewrite(struct index *ix, const struct attention *a, struct err *err);

/* Takes table and settings out; in the transaction of ix->wr. */
int attention_drop(struct index *ix, struct err *err);

/* Reads ix->attention from the commit that the handle shows; what is open stays open if nothing has changed. */
int attention_load(struct index *ix, struct err *err);

/* Is choice (NULL = anything) what is recorded?  E_INVALID says how not.  A MODEL in it is where the model is from now on. */
int attention_compare(struct index *ix, const char *choice, struct err *err);

/* Do the keys of one profile serve another one? */
int attention_serves(const struct profile *a, const struct profile *b);

/* ---- what is counted: attention_counts.c ---- */

/* Over all rows; each is a setting.  Negative: of a file whose writer did not count it. */
struct attention_counts {
    int64_t passages, bytes;
    int64_t cut,
        empty; /* passages of which only the beginning was read, and those with nothing to read */
};

/* Reads them from a store of the index.  E_FORMAT if one that must be there is not. */
int attention_counts_read(struct attention_counts *out, struct index *ix, struct store *st,
                          struct err *err);

/* Writes them in the transaction of ix->wr. */
int attention_counts_write(struct index *ix, const struct attention_counts *c, struct err *err);

/* Adds a row's keys [n] to what is counted, or takes them off (sign -1). */
void attention_count(struct attention_counts *c, const void *keys, size_t n, int sign);

/* E_FORMAT unless what is recorded is what was counted. */
int attention_counts_compare(const struct attention_counts *recorded,
                             const struct attention_counts *counted, const struct index *ix,
                             struct err *err);

/* ---- the rows: attention.c ---- */

/* Opens what makes keys, on first use: E_INVALID says which model is needed; *out is borrowed until the leg changes. */
int attention_need_maker(struct key_maker **out, struct index *ix, struct err *err);

/* Coded keys of a passage: out is cleared first; `title` is scratch. */
int attention_make(struct buf *out, struct key_maker *maker, const struct passage_text *p,
                   struct buf *title, struct err *err);

/* Rows as a commit changes them.  Zeroed = there is no leg, and everything below does nothing. */
struct attention_writer {
    struct db *db;
    struct stmt *put, *list, *delete;
    struct attention_counts counts;
    int is_dirty;
    struct buf keys, title;
};

/* In the transaction of ix->wr, which the handle shows. */
int attention_begin(struct attention_writer *w, struct index *ix, struct err *err);

/* Stores keys of a passage, the next of its document.  1; 0 if they are there already; negative.
 * crc  of the document's row */
int attention_put(struct attention_writer *w, int64_t document, uint32_t passage, uint32_t crc,
                  const struct buf *keys, struct err *err);

/* Forgets a document's keys. */
int attention_forget(struct attention_writer *w, int64_t document, struct err *err);

/* Writes the counters, if any has changed. */
int attention_finish(struct attention_writer *w, struct index *ix, struct err *err);
void attention_end(struct attention_writer *w);

/* ---- fovea check ---- */

/* What is counted over all documents. */
struct attention_tally {
    struct stmt *list;
    struct attention_counts counts;
};

/* The rows of a document of so many passages, whose row has this checksum. */
int attention_check(struct attention_tally *t, struct index *ix, int64_t document,
                    uint32_t passages, int64_t crc, struct err *err);

/* After all documents: are there other rows, do the counters agree?  Ends the tally. */
int attention_check_end(struct attention_tally *t, struct index *ix, int failed, struct err *err);

#endif
