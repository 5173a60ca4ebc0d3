/* reranker.h -- query x hits to hits, by what a language model attends to.
 *
 *     struct reranker *r = NULL;
 *     struct rerank_options opt = {.method = "icr-blocks", .model = "smollm2"};
 *     reranker_open(&r, &opt, &err);
 *     reranker_run(r, candidates, n, query, &err);     -- sorts them
 *     reranker_close(r);
 *
 * The table of methods: icr (one prompt with all candidates, as published), icr-blocks (each candidate a block, kept in a
 * cache), stored (keys that an index holds; only the query is read), cross-encoder (each pair through an encoder).
 *
 * Order: score descending, ties by docno descending, then by passage.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_RERANKER_H
#define RERANKER_RERANKER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "model/prompt.h"

struct reranker;

/* A word of a passage: bytes of its title, a line feed and its text, put together; and its share of what the query's own
 * words gave to the passage's tokens. */
struct attended {
    size_t begin, end;
    float share;
};

/* A passage to be re-ranked, and where the first stage put it.  Strings borrowed. */
struct candidate {
    const char *docno;
    struct prompt_passage text;
    const unsigned char
        *keys; /* [n_keys] stored keys (model/keys.h), or NULL: made now if the method wants them */
    size_t n_keys;
    float first; /* the first stage's score */
    float score; /* out */
    float read;  /* out: what the model alone says, before the first stage's part is added */
    int cut;     /* out: 1 if the passage was too long and only its beginning was read */
    size_t at;   /* the caller's: survives sorting */
    struct attended *
        attended; /* out: [n_attended] with options.attended, most attended first; the reranker's until its next run */
    size_t n_attended;
};

struct rerank_options {
    const char *method; /* of the table */
    const char *model;  /* name, folder or file; NULL = the profile's, or the method's default */
    const char *
        profile; /* name or file; NULL = the one that ships for method and model, else all heads; "all" = all heads */
    const struct profile *
        stored; /* what an index has keys for: taken by a method that wants keys if no profile is named, and no
                                   * model but its own; copied; NULL = none */
    const char *
        stored_path; /* where that profile's model was when the keys were made: looked at if it is not found by its name; or NULL */
    int precision;   /* MODEL_I8 or MODEL_F32 */
    int wants;       /* PROMPT_FIND or PROMPT_ANSWER, where no profile says it */
    float first_stage; /* weight of the first stage; negative = the profile's, 0 without one */
    int first_is_fused; /* 1: of the profile's weights the one for a first stage that fuses several rankings */
    int window; /* icr: candidates in one prompt; 0 = as many as fit */
    int reversed; /* icr: 1 = the first stage's best goes last, next to the query (as published); else first */
    size_t cache_bytes;    /* icr-blocks: of keys and values kept in memory; 0 = 256 MiB */
    const char *cache_dir; /* icr-blocks: a folder that keeps them from run to run; NULL = none */
    uint64_t cache_dir_bytes; /* of all its files; 0 = 2 GiB */
    int attended;      /* 1: runs tell which words the query attended to (not cross-encoder) */
    struct pool *pool; /* borrowed until close; NULL = this thread alone */
};

/* E_INVALID for a method that is not in the table, or a profile of another method or model; those of the model's opening. */
int reranker_open(struct reranker **out, const struct rerank_options *opt, struct err *err);
void reranker_close(struct reranker *r);

/* Scores and sorts candidates [n]; none is added or lost.  One thread at a time.
 *
 * An empty passage comes last.  Too many for the model's window are read in windows of it; too long a query is cut:
 * reranker_note says so.  Too long a passage is cut, as its `cut` tells.
 * Errors: E_INVALID for an empty query; E_FORMAT for stored keys that are not this profile's; E_NOMEM.
 */
int reranker_run(struct reranker *r, struct candidate *candidates, size_t n, const char *query,
                 struct err *err);

/* 1: the query has nothing that a model could read: reranker_run refuses it. */
int reranker_is_empty(const char *query);

/* What the last run had to leave out, for people: "the query has 5213 tokens, 512 are read"; "" if nothing. */
const char *reranker_note(const struct reranker *r);

/* Of how many candidates of the last run only the beginning was read: those whose `cut` is set. */
size_t reranker_n_cut(const struct reranker *r);

const char *reranker_method(const struct reranker *r);
const char *
reranker_describe(const struct reranker *r); /* one line: model, profile, heads, precision */

/* 1: the method wants stored keys, of the profile that reranker_profile gives. */
int reranker_wants_keys(const struct reranker *r);
const struct profile *reranker_profile(const struct reranker *r); /* NULL = none */

const char *reranker_profile_name(const struct profile *p); /* NULL gives NULL */

/* 1: keys that were made for a profile (NULL: none) serve this reranker: they are of the same heads, model and bits, and calibrated
 * alike: for the same prompt, or not at all. */
int reranker_takes_keys(const struct reranker *r, const struct profile *made_for);

/* The table. */
struct rerank_method {
    const char *name, *about;
    int wants_keys; /* 1: candidates should come with stored keys */
    int has_blocks; /* 1: what it reads of a candidate can be kept in a folder */
    int any_order; /* 1: their order does not matter, and they are put in one, so that not even roundings depend on it */
    int (*open)(void **self, struct reranker *r, const struct rerank_options *opt, struct err *err);
    int (*run)(void *self, struct reranker *r, struct candidate *candidates, size_t n,
               const char *query, struct err *err);
    void (*close)(void *self);
};
extern const struct rerank_method *const rerank_methods[]; /* ends with NULL */

#endif
