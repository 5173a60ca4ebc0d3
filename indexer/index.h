/* index.h -- the index: one SQLite file that holds documents, terms and vectors.
 *
 *     struct index *ix = NULL;
 *     struct index_options opt = {.mode = INDEX_CREATE, .settings = {.model = "minilm"}};
 *     if (index_open(&ix, "scifact.fovea", &opt, &err)) ...
 *     index_add(ix, &doc, &err);            // or index_delete(ix, "docno", &err)
 *     index_commit(ix, &err);               // all of it, in every leg, or nothing
 *     index_close(ix);
 *
 * An index is a list of immutable segments.  A segment holds passages numbered
 * 0..n-1 *in the order of docno descending* (then of place in the document): so the
 * smaller of two passage numbers is the one that trec_eval ranks first on a tie,
 * and a top-k over a segment breaks ties right by keeping what came first.
 *
 * Threads: one thread at a time per handle; open a handle per thread.  Readers in other
 * handles and processes never wait for a writer; one writer at a time per file.
 * FORMAT.md describes every byte.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_INDEX_H
#define INDEXER_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/doc.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "indexer/analyzer.h"
#include "indexer/chunk.h"
#include "indexer/fields.h"
#include "model/model.h"

struct index;

enum { INDEX_READ = 0, INDEX_WRITE = 1, INDEX_CREATE = 2 };

/* What an index is made with, once.  NULL or zeroed = default when made, "as recorded" when opened. */
struct index_settings {
    const char *analyzer; /* default "english" */
    const char *chunking; /* default "whole"; see chunk.h */
    const char
        *model; /* encoder: a name or folder for model_find; NULL = no dense leg; "none" says so */
    const char *vectors; /* FAISS factory string; default "Flat": exact */
    const char *sparse;  /* learned sparse model, named as an encoder; NULL = no sparse leg */
    const char *fields;  /* what BM25 counts, and how much; default "title:1,headings:1,text:1" */
    const char *
        attention; /* keys for re-ranking: PROFILE[:MODEL], names or files; NULL = none.  When recorded: the profile's name */
};

/* Long work tells how far it is: `done` of `total` (0 = unknown) `what` ("passages embedded", "waiting for another writer").
 * Non-zero asks to stop: the call returns E_STOP and the last commit stands. */
typedef int index_progress_fn(const char *what, uint64_t done, uint64_t total, void *payload);

struct index_options {
    int mode;         /* INDEX_READ (default), INDEX_WRITE, INDEX_CREATE */
    const char *name; /* prefix of the tables; default "fovea" */
    struct index_settings
        settings; /* an index that was made with others is an error that says which */
    int precision; /* how the encoder computes: MODEL_I8 (default) or MODEL_F32.  Whoever writes to an
                                     * index made in f32 gets that; f32 for one made in i8 is an error */
    struct pool *pool;           /* borrowed until close; NULL = this thread alone */
    size_t buffer_bytes;         /* text held before it is written as a segment; 0 = 64 MiB */
    index_progress_fn *progress; /* or NULL */
    void *payload;
};

/* Opens an index.
 * E_NOTFOUND no such file (mode not INDEX_CREATE); E_FORMAT not a SQLite file, no index in it, or a
 * newer format (says which version is needed); E_INVALID other settings than recorded; E_IO. */
int index_open(struct index **out, const char *path, const struct index_options *opt,
               struct err *err);

/* Does the file hold an index of this name (NULL = "fovea"), whatever state it is in?  1, or 0 (a file that is
 * not there holds none), or negative: E_FORMAT not a SQLite file, E_IO, E_NOMEM. */
int index_exists(const char *path, const char *name, struct err *err);

/* Closes; what was not committed is forgotten. */
void index_close(struct index *ix);

/* Adds a document to the pending commit, replacing the one with the same docno.
 * The first change takes the write lock, which the commit or rollback gives back; E_IO if another
 * process does not give it back within ten seconds.
 * Returns INDEX_ADDED, INDEX_UPDATED or INDEX_UNCHANGED (the same content is there already:
 * nothing to do, which is how interrupted indexing resumes), or negative.
 * E_INVALID (no docno) and E_LIMIT (over 512 MiB) change nothing; any other failure drops the
 * pending changes, so that no document is ever half there. */
enum { INDEX_ADDED = 0, INDEX_UPDATED = 1, INDEX_UNCHANGED = 2 };
int index_add(struct index *ix, const struct doc *doc, struct err *err);

/* Deletes in the pending commit.  1 if it was there, 0 if not, or negative: as index_add. */
int index_delete(struct index *ix, const char *docno, struct err *err);

/* Makes everything since the last commit durable and visible, in one transaction,
 * merging segments when the tiers ask for it.  On failure the last commit stands
 * and the pending changes are dropped. */
int index_commit(struct index *ix, struct err *err);

/* Forgets everything since the last commit. */
void index_rollback(struct index *ix);

/* Commits what is pending, merges all segments into one and drops deleted passages, in one transaction. */
int index_merge(struct index *ix, struct err *err);

/* Shows the handle the newest commit.  Cheap if there is none.  Between refreshes (or commits) a handle
 * shows one commit, whatever others write; SQLite's log cannot shrink meanwhile, so refresh now and then. */
int index_refresh(struct index *ix, struct err *err);

/* Gives the index attention keys, or completes them, as index_commit does for passages that are added.
 *
 * choice  PROFILE[:MODEL], names or files; NULL or ":MODEL" = the recorded profile, or else the default; "none" = takes the keys out
 *
 * What is pending is committed first.  Then passages that have no keys get them, committed every few seconds of work; others
 * may write in between, and are waited for as long as it takes.  What is committed stays when the work is stopped or
 * fails, and the next call goes on from there.
 * Another profile than the recorded one: one that weighs the same heads otherwise is recorded; else E_INVALID.
 * Progress: "passages read".  Errors: those of opening profile and model; E_STOP.
 */
int index_attend(struct index *ix, const char *choice, struct err *err);

/* ---- what it is ---- */

/* Attention keys are of a passage's first words, and of its first tokens. */
enum { INDEX_KEYS_WORDS = 300, INDEX_KEYS_TOKENS = 512 };

struct index_stats {
    uint64_t n_documents; /* live */
    uint64_t n_passages;  /* live */
    uint64_t n_dead;      /* passages deleted but not merged away */
    uint64_t n_terms;     /* sum of lengths of live passages, as fields weigh */
    int n_segments;
    uint64_t n_commits; /* since the index was made */
    uint64_t bytes;     /* of the file, WAL not counted */
    uint64_t text_bytes, postings_bytes, vector_bytes, other_bytes; /* where they are */
    uint64_t attention_bytes;                                       /* the same */
    uint64_t n_attended; /* passages that have attention keys; n_passages if the leg is whole */
    uint64_t n_attended_cut,
        n_attended_empty; /* those too long to be read to their end, and those with nothing to read */
};
int index_stats(struct index_stats *out, struct index *ix, struct err *err);

const char *index_path(const struct index *ix);
const struct index_settings *index_settings(const struct index *ix); /* as recorded */
const char *index_model_sha256(const struct index *ix);              /* "" without a dense leg */
int index_vector_dim(const struct index *ix);                        /* 0 without a dense leg */

const char *index_sparse_sha256(const struct index *ix); /* "" without a sparse leg */

/* Words of the sparse model's vocabulary; 0 without a sparse leg. */
int index_sparse_words(const struct index *ix);

/* The profile that the index has attention keys for; NULL without.  Borrowed until the next change, commit, refresh or close. */
struct profile;
const struct profile *index_profile(const struct index *ix);

/* The file of its model, where it was when the first keys were made; NULL without.  Borrowed like the profile; a hint from a
 * file that anybody may have written: what lies there counts by its SHA-256 alone. */
const char *index_profile_path(const struct index *ix);

/* Another number whenever that profile, its weights or its model are others, as this handle sees the file. */
int index_profile_version(const struct index *ix);

/* The name of its model, "none" without; borrowed as the profile. */
const char *index_attention_model(const struct index *ix);

/* Reads everything and compares: checksums, order, counts across legs, SQLite's own check.
 * E_FORMAT names the first thing that is wrong. */
int index_check(struct index *ix, struct err *err);

/* ---- reading, for retriever/ and reranker/ ---- */

/* The analyzer that the passages went through; borrowed until close. */
struct analyzer *index_analyzer(struct index *ix);

/* The encoder, opened on first use and checked against the recorded SHA-256 (E_INVALID says which model is needed);
 * borrowed until close.  E_INVALID "no dense leg" without one. */
int index_encoder(struct model **out, struct index *ix, struct err *err);

/* The same for the learned sparse model; E_INVALID "no sparse leg" without one. */
int index_sparse_encoder(struct model **out, struct index *ix, struct err *err);

struct segment; /* borrowed from the index until the next change, commit, refresh, check or close */

int index_n_segments(const struct index *ix);
struct segment *index_segment(const struct index *ix, int i);

/* Live passages and the sum of their lengths over all segments: N and N * avgdl of BM25. */
uint64_t index_n_passages(const struct index *ix);
uint64_t index_n_terms(const struct index *ix);

/* What 1 of a length and of a frequency stands for, everywhere below and above: 1, but for weighted fields. */
double index_unit(const struct index *ix);

uint32_t segment_size(const struct segment *s);           /* passages, dead ones included */
const uint32_t *segment_lengths(const struct segment *s); /* [size] terms of each passage */
const uint64_t *
segment_dead(const struct segment *s); /* bit set, one bit a passage; NULL if none is dead */
const char *segment_docno(const struct segment *s, uint32_t passage); /* borrowed as the segment */
size_t segment_docno_length(const struct segment *s, uint32_t passage); /* its strlen */
int64_t segment_document(const struct segment *s, uint32_t passage);    /* id for index_document */

static inline int segment_is_dead(const struct segment *s, uint32_t passage)
{
    const uint64_t *dead = segment_dead(s);

    return dead && (dead[passage >> 6] >> (passage & 63) & 1);
}

/* ---- filters ---- */

/* Passages of the documents that a predicate holds for.  Borrowed from the index until the segments are, or
 * until filters of other texts push it out (index_filter keeps the last few). */
struct filter;

/* Is this a predicate (filter_parse.h has the grammar, filter.c the meaning)?  E_INVALID or E_LIMIT say at which column
 * it is none; E_NOMEM. */
int filter_check(const char *where, struct err *err);

/* Finds what a predicate holds for in the commit that the handle shows.
 *
 * where   NULL = everything, for which *out is NULL.
 * Returns 0, or negative: what filter_check says, with "where: " before it; E_FORMAT, E_IO.
 * Cost: the first time for a commit, a pass over the table of documents; then none. */
int index_filter(const struct filter **out, struct index *ix, const char *where, struct err *err);

/* A text whose words must stand in a passage, one after another: in its title, its headings, its text or another field that
 * is indexed. */
struct index_phrase {
    const char *text; /* [n] */
    size_t n;
};

/* As index_filter, of passages that hold all of phrases [n] too.  One without a word that is indexed (of stop words alone) does
 * not count.
 *
 * Unless filter_is_final, passages with all the words may be left in that do not hold the phrase: ask index_holds of those that
 * matter.
 * Cost: the postings of the rarest word are read, blocks of the others; none if the filter is kept. */
int index_filter_phrases(const struct filter **out, struct index *ix, const char *where,
                         const struct index_phrase *phrases, size_t n, struct err *err);

/* 1 if a filter leaves in what it should and nothing else, or is NULL. */
int filter_is_final(const struct filter *f);

/* Is a passage that filter_excluded leaves in really meant?  1; 0, and it is out from now on; negative.
 * Cost: reads and analyses the document, once a filter. */
int index_holds(struct index *ix, const struct filter *f, int segment, uint32_t passage,
                struct err *err);

/* Passages of a segment that are out, dead or not meant: bit set, one bit a passage; not NULL. */
const uint64_t *filter_excluded(const struct filter *f, int segment);

/* How many passages of a segment are not out. */
uint32_t filter_kept(const struct filter *f, int segment);

/* A term's entry in a segment's dictionary. */
struct term {
    uint32_t df;     /* live passages that hold it: exact, whatever was deleted */
    uint32_t n;      /* postings, dead ones included */
    uint64_t offset; /* of its postings, in the segment's postings */
    uint64_t bytes;  /* of its postings */
};

/* Looks a term up.  1 found, 0 not there, negative: damaged or I/O. */
int segment_find_term(struct term *out, struct segment *s, const char *term, size_t len,
                      struct err *err);

/* A term of the index. */
struct index_term {
    char term[TERM_MAX]; /* [len] */
    size_t len;
    uint64_t df; /* live passages that hold it */
};

/* The terms that begin with prefix [len], at most `most`: those that most live passages hold, ties by bytes.
 *
 * out  [most]; *n of them are filled, by df falling, then by bytes
 * Returns 0, or negative: damaged, I/O, E_NOMEM.  Cost: a walk over the part of each dictionary that begins so. */
int index_terms_beginning(struct index_term *out, size_t *n, struct index *ix, const char *prefix,
                          size_t len, size_t most, struct err *err);

enum { POSTINGS_BLOCK = 128 };
#define POSTINGS_END UINT32_MAX

/* A pair that bounds a block: some passages of it may have freq up to `freq` only when their
 * length is at least `length`.  The score of any posting of the block is at most the largest
 * over its pairs of any score that grows with freq and falls with length. */
struct impact {
    uint32_t freq, length;
};

/* A cursor over the postings of one term, in order of passage number.
 * Fields above the line are for reading; the rest belongs to postings.c. */
struct postings {
    uint32_t passage; /* current passage; POSTINGS_END after the last */
    /* ---- */
    uint32_t passages[POSTINGS_BLOCK]; /* the decoded block, first `in_block` are valid */
    uint32_t freqs[POSTINGS_BLOCK];    /* decoded on demand */
    int at, in_block, has_freqs;
    uint32_t block, n_blocks;            /* the decoded block; n_blocks after the last */
    const struct postings_block *blocks; /* [n_blocks] directory, owned by the segment's cache */
    const unsigned char *data;           /* the term's bytes, owned by the segment's cache */
    const float *shares;                 /* [all postings] of postings_open_shares, or NULL */
};

/* Opens a cursor on the first posting.  The term's bytes are read on first use and kept compressed by the segment. */
int postings_open(struct postings *p, struct segment *s, const struct term *t, struct err *err);

/* BM25's saturation: the share of its weight that a term gives to a passage.  It grows with freq and
 * falls with length, up to rounding.  base, slope: see bm25.h. */
static inline float posting_share(float freq, float length, float base, float slope)
{
    return freq / (freq + (base + slope * length));
}

/* Of a term that is opened again with the same base and slope, the segment keeps the shares of all
 * postings, 4 bytes each, up to so many bytes in all: adding them up is then twice as fast. */
enum { SHARES_MAX_BYTES = 128 << 20 };

/* postings_open, and p->shares if they are kept. */
int postings_open_shares(struct postings *p, struct segment *s, const struct term *t, float base,
                         float slope, struct err *err);

/* The sparse leg: a weight w of a passage's word is kept as the impact w * IMPACT_STEPS, rounded, 1..IMPACT_MAX. */
enum { IMPACT_STEPS = 64, IMPACT_MAX = 255, IMPACT_TOKENS = 1 << 22 };

/* Opens a cursor on the postings of a word of the sparse leg, whose freqs are impacts and whose blocks are bounded by
 * pairs of length 0.  1; 0 if no passage of the segment has it; negative: damaged or I/O.
 * token in 0..IMPACT_TOKENS-1. */
int impacts_open(struct postings *p, struct segment *s, int token, struct err *err);

/* Moves on by one / to the first passage >= target (never back).  Returns p->passage. */
uint32_t postings_next(struct postings *p);
uint32_t postings_seek(struct postings *p, uint32_t target);

/* The current posting's frequency, >= 1. */
uint32_t postings_freq(struct postings *p);

/* What is left of the decoded block, from the current posting on: passages[n], freqs[n], n >= 1,
 * valid until the cursor moves.  Not after the last posting.  For scoring a block at a time. */
static inline uint32_t postings_rest(const uint32_t **passages, const uint32_t **freqs,
                                     struct postings *p)
{
    postings_freq(p); /* decodes the frequencies of the block */
    *passages = p->passages + p->at;
    *freqs = p->freqs + p->at;
    return (uint32_t)(p->in_block - p->at);
}

/* The same with the shares, which must be there; decodes no frequencies. */
static inline uint32_t postings_rest_shares(const uint32_t **passages, const float **shares,
                                            const struct postings *p)
{
    *passages = p->passages + p->at;
    *shares = p->shares + (size_t)p->block * POSTINGS_BLOCK + p->at;
    return (uint32_t)(p->in_block - p->at);
}

/* The block that holds the first passage >= target, without decoding it.
 *
 * from    a block number to begin the search at (0, or what the last call returned, if targets grow).
 * Returns its number, or p->n_blocks if there is none. */
uint32_t postings_find_block(const struct postings *p, uint32_t target, uint32_t from);

/* The last passage of a block, and the pairs that bound it: impacts[*n], borrowed from the segment. */
uint32_t postings_block_last(const struct postings *p, uint32_t block);
const struct impact *postings_block_impacts(int *n, const struct postings *p, uint32_t block);

/* The k live passages of a segment nearest to query by inner product, best first, ties by
 * passage number ascending; exact where there is no graph.  k are missed only if there are none.
 *
 * passages, scores   [k];  *n  how many were found.
 * query              [index_vector_dim]
 * ef                 how many candidates a graph keeps (more: better and slower); 0 = default
 * excluded           passages not wanted beside the dead ones: bit set, one bit a passage; NULL = none
 */
int segment_nearest(uint32_t *passages, float *scores, size_t *n, struct segment *s,
                    const float *query, size_t k, int ef, const uint64_t *excluded,
                    struct err *err);

/* How well the dense leg is searched. */
struct index_recall {
    int n_queries;
    int n_graphs;                /* segments that are not searched exactly */
    double at_10, at_100;        /* share of the 10 and 100 nearest that are found */
    double p50_ms, exact_p50_ms; /* median time of a search for 100, and of the exact one */
};

/* Searches for n_queries stored vectors (evenly chosen, themselves left out) as segment_nearest does with ef, and exactly.
 * E_INVALID: no dense leg.  Cost: n_queries times a pass over all vectors. */
int index_recall(struct index_recall *out, struct index *ix, int n_queries, int ef,
                 struct err *err);

/* Copies the stored vector of a passage to out [index_vector_dim]. */
int segment_vector(float *out, struct segment *s, uint32_t passage, struct err *err);

/* A document with the strings owned by `text` (cleared first).  E_FORMAT if there is none of this id:
 * ids come out of the index. */
int index_document(struct doc *out, struct buf *text, struct index *ix, int64_t document,
                   struct err *err);

/* The id of a docno: 1 found, 0 not there, negative. */
int index_find(int64_t *document, struct index *ix, const char *docno, struct err *err);

/* The bytes of its document's text that a passage covers. */
int index_passage_span(struct span *out, struct index *ix, const struct segment *s,
                       uint32_t passage, struct err *err);

/* The attention keys of a passage (model/keys.h): 1, with *keys [*n] in the arena; 0, it has none (yet); negative.
 * Cost: reads 64 KB with a checksum. */
int index_keys(const unsigned char **keys, size_t *n, struct index *ix, const struct segment *s,
               uint32_t passage, struct arena *memory, struct err *err);

/* The headings above a passage, "Guide > Install", with which it was indexed (see chunk_headings); "" where there are
 * none.
 *
 * text  of the document;  span  of the passage
 * *out is cleared first.  Cost: cuts the text again if passages are sections, else none. */
int index_passage_headings(struct buf *out, const struct index *ix, const char *text,
                           struct span span, struct err *err);

#endif
