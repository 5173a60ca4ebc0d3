/* knobs.h -- the options that several commands share: how to search, and names from tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_KNOBS_H
#define API_KNOBS_H

#include "api/cli.h"
#include "api/fovea.h"
#include "base/err.h"

/* Names of the tables of other folders, for OPT_CHOICE; NULL beyond the last. */
const char *name_of_format(size_t i);
const char *name_of_analyzer(size_t i);
const char *name_of_retriever(size_t i);
const char *name_of_fusion(size_t i);
const char *name_of_precision(size_t i);
const char *name_of_wants(size_t i); /* what a query wants: PROMPT_FIND, PROMPT_ANSWER */
const char *name_of_test(size_t i);

/* FOVEA_I8 or FOVEA_F32. */
int precision_value(const char *name);

/* How to rank. */
struct knobs {
    double k1, b;
    const char *fusion, *weights;
    int depth, ef;
};

#define KNOB_ROWS(type, field)                                                                     \
    {"k1",         0,                                                                              \
     OPT_NUMBER,   offsetof(type, field.k1),                                                       \
     "X",          "BM25: how fast repetition saturates",                                          \
     .low = 0,     .high = 1000,                                                                   \
     .number = 0.9},                                                                               \
        {"b",          0,                                                                          \
         OPT_NUMBER,   offsetof(type, field.b),                                                    \
         "X",          "BM25: how much length counts",                                             \
         .low = 0,     .high = 1,                                                                  \
         .number = 0.4},                                                                           \
        {"fusion",                                                                                 \
         0,                                                                                        \
         OPT_CHOICE,                                                                               \
         offsetof(type, field.fusion),                                                             \
         "F",                                                                                      \
         "hybrid: how legs are put together",                                                      \
         name_of_fusion,                                                                           \
         .text = "minmax"},                                                                        \
        {"weights",                                                                                \
         0,                                                                                        \
         OPT_TEXT,                                                                                 \
         offsetof(type, field.weights),                                                            \
         "A,B[,C]",                                                                                \
         "hybrid: weights of words (bm25), meaning (dense), weighted words (sparse)",              \
         .shown = "equal"},                                                                        \
        {"ef",                                                                                     \
         0,                                                                                        \
         OPT_INT,                                                                                  \
         offsetof(type, field.ef),                                                                 \
         "N",                                                                                      \
         "dense: candidates kept in a large index, more being better and slower",                  \
         .low = 0,                                                                                 \
         .high = 1000000,                                                                          \
         .shown = "96, or a quarter more than the hits asked for"},                                \
    {                                                                                              \
        "depth", 0, OPT_INT, offsetof(type, field.depth), "N", "hybrid: hits taken from each leg", \
            .low = 0, .high = 1000000, .shown = "the larger of 1000 and -k"                        \
    }

/* How to re-rank. */
struct rerank_knobs {
    const char *rerank; /* METHOD[:MODEL[:PROFILE]], or NULL */
    int depth;          /* 0 = the method's */
    double first;       /* below 0: the profile's */
    const char *block_cache;
    int block_megabytes; /* 0 = as the library has it */
};

/* Where icr-blocks keeps what it read. */
#define BLOCK_CACHE_ROWS(type, dir, megabytes)                                                     \
    {"block-cache",                                                                                \
     0,                                                                                            \
     OPT_TEXT,                                                                                     \
     offsetof(type, dir),                                                                          \
     "DIR",                                                                                        \
     "icr-blocks: keep in this folder what passages were read as, for the next run",               \
     .shown = "memory alone"},                                                                     \
    {                                                                                              \
        "block-cache-size", 0, OPT_INT, offsetof(type, megabytes), "MB",                           \
            "how large that folder may become; what was not used for longest goes",                \
            .low = 1, .high = 1 << 20, .number = 2048                                              \
    }

#define RERANK_NUMBER_ROWS(type, field)                                                            \
    {"rerank-depth",                                                                               \
     0,                                                                                            \
     OPT_INT,                                                                                      \
     offsetof(type, field.depth),                                                                  \
     "N",                                                                                          \
     "how many hits are re-ranked",                                                                \
     .low = 0,                                                                                     \
     .high = 10000,                                                                                \
     .shown = "100 for stored, else 20"},                                                          \
    {                                                                                              \
        "first-stage", 0, OPT_NUMBER, offsetof(type, field.first), "W",                            \
            "re-ranking: weight of the scores that hits had before",                               \
            .low = 0, .high = 1000, .number = -1, .shown = "the profile's, 0 without one"          \
    }

#define RERANK_KNOB_ROWS(type, field)                                                              \
    {"rerank",                                                                                     \
     'r',                                                                                          \
     OPT_TEXT,                                                                                     \
     offsetof(type, field.rerank),                                                                 \
     "METHOD[:MODEL[:PROFILE]]",                                                                   \
     "let a model read the first hits and put them in another order; see 'fovea help rerankers'",  \
     .text = NULL},                                                                                \
        RERANK_NUMBER_ROWS(type, field),                                                           \
        BLOCK_CACHE_ROWS(type, field.block_cache, field.block_megabytes)

/* Checks the choice and puts all into options (initialised).  E_INVALID, E_NOMEM. */
int rerank_knobs_apply(fovea_search_options *to, const struct rerank_knobs *knobs, struct err *err);

/* Puts the knobs into options (initialised).  E_INVALID for weights that are none. */
int knobs_apply(fovea_search_options *to, const struct knobs *knobs, struct err *err);

/* Options that every command has. */
#define COMMON_ROWS(type) FLAG_ROW("json", 0, type, json, "print the result as JSON")

#endif
