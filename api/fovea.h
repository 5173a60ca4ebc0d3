/* fovea.h -- searches a collection of documents by words and by meaning, from C or C++.
 *
 * A complete program; build it with `cc example.c $(pkg-config --cflags --libs fovea)`:
 *
 *     #include <fovea.h>
 *     #include <stdio.h>
 *
 *     int main(void)
 *     {
 *         fovea_options opt = FOVEA_OPTIONS_INIT;
 *         fovea_hits *hits = NULL;
 *         fovea *ix = NULL;
 *
 *         opt.mode = FOVEA_CREATE;
 *         if (fovea_open(&ix, "example.fovea", &opt) ||
 *             fovea_add(ix, "eye", "The eye", "Its fovea sees sharpest.", NULL) < 0 ||
 *             fovea_add(ix, "ear", "The ear", "Its cochlea hears.", NULL) < 0 ||
 *             fovea_commit(ix) ||
 *             fovea_search(&hits, ix, "what sees sharply?", NULL)) {
 *             fprintf(stderr, "%s\n", fovea_error(ix));
 *             fovea_close(ix);
 *             return 1;
 *         }
 *         for (size_t i = 0; i < fovea_hits_count(hits); i++) {
 *             const fovea_hit *hit = fovea_hits_get(hits, i);
 *             printf("%d %s %.4f %s\n", hit->rank, hit->docno, hit->score, hit->snippet);
 *         }
 *         fovea_hits_free(hits);
 *         fovea_close(ix);
 *         return 0;
 *     }
 *
 * An index is one SQLite file.  What was committed survives a crash; what was not is
 * forgotten.  All text is UTF-8.
 *
 * Errors: a function that can fail returns FOVEA_OK (or a count) or a negative code, and
 * fovea_error(ix) then has one line: what, where, what to do.  Nothing is ever printed.
 *
 * Threads: a handle, its hits and its documents belong to one thread at a time; different
 * handles are independent, also on the same file.  Readers never wait for a writer;
 * one writer at a time per file.  Do not carry an open handle across fork().
 *
 * ABI: structs that the caller makes begin with their size, set by their _INIT macro, and
 * structs that the library makes are only reached through pointers; so both may grow.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FOVEA_H
#define FOVEA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FOVEA_VERSION "0.1.0"
#define FOVEA_VERSION_NUMBER 100 /* major * 10000 + minor * 100 + patch */

/* ---- status codes ---- */

enum {
    FOVEA_OK = 0,
    FOVEA_NOMEM = -1,    /* out of memory */
    FOVEA_IO = -2,       /* the system refused: full disk, no permission, locked file */
    FOVEA_FORMAT = -3,   /* the bytes are not what they claim to be */
    FOVEA_INVALID = -4,  /* the request makes no sense: bad option, wrong model */
    FOVEA_NOTFOUND = -5, /* the named thing does not exist */
    FOVEA_LIMIT = -6,    /* a stated bound was reached */
    FOVEA_STOP = -7      /* a callback asked to stop */
};

/* An open index. */
typedef struct fovea fovea;

/* ---- opening ---- */

enum { FOVEA_READ = 0, FOVEA_WRITE = 1, FOVEA_CREATE = 2 }; /* fovea_options.mode */
enum { FOVEA_I8 = 0, FOVEA_F32 = 1 };                       /* fovea_options.precision */

/* Called now and then during long work.
 *
 * what    what is counted, e.g. "passages embedded"; borrowed during the call.
 * total   0 if it is not known.
 *
 * Returns 0 to go on; anything else ends the work with FOVEA_STOP, and the last commit
 * stands.  May not call the handle that calls it.
 */
typedef int fovea_progress_fn(const char *what, uint64_t done, uint64_t total, void *payload);

/* How to open.  Strings are not kept.
 *
 * analyzer, chunking, model, vectors, sparse, fields and attention are chosen when an index is made.  When an
 * existing one is opened, NULL means "as recorded", and another value than the recorded
 * one is FOVEA_INVALID.
 */
typedef struct fovea_options {
    size_t size;          /* set by FOVEA_OPTIONS_INIT */
    int mode;             /* FOVEA_READ, FOVEA_WRITE, or FOVEA_CREATE: make it if absent */
    int precision;        /* of the encoder: FOVEA_I8 (fast) or FOVEA_F32 (reference) */
    int threads;          /* for indexing; 0 = one per processor */
    const char *analyzer; /* text to terms; NULL = "english" */
    const char *chunking; /* documents to passages: "whole" (NULL), or "words:N[:OVERLAP]",
                                  * "sentences:N[:OVERLAP]", "sections:N"; 'fovea help chunking' */
    const char *model;    /* name or folder of the encoder; NULL or "none" = no dense leg */
    const char *vectors;  /* FAISS factory string; NULL = "auto"; `fovea help index` has more */
    size_t buffer_bytes;  /* text held in memory before it is written; 0 = 64 MiB */
    fovea_progress_fn *progress; /* or NULL */
    void *payload;               /* for progress */
    const char *sparse;          /* learned sparse model; NULL or "none" = no sparse leg */
    const char *fields; /* what BM25 counts, and how much: "title:3,headings:0.5,keywords:2";
                                  * NULL = "title:1,headings:1,text:1"; 'fovea help fields' */
    const char
        *attention; /* attention keys for re-ranking: PROFILE[:MODEL], names or files; NULL or
                                  * "none" = none; fovea_attend adds them later */
} fovea_options;

#define FOVEA_OPTIONS_INIT                                                                         \
    {                                                                                              \
        sizeof(fovea_options), FOVEA_READ, FOVEA_I8, 0, NULL, NULL, NULL, NULL, 0, NULL, NULL,     \
            NULL, NULL, NULL                                                                       \
    }

/* Opens an index.
 *
 * out     set even on failure, so that fovea_error(*out) can be read; NULL only if out of
 *         memory.  Close it with fovea_close in either case.
 * opt     NULL = defaults: read only.
 *
 * Returns FOVEA_OK; FOVEA_NOTFOUND if there is no such file (and mode is not FOVEA_CREATE);
 * FOVEA_FORMAT if it is no index, is damaged, or needs a newer version; FOVEA_INVALID for
 * other settings than recorded; FOVEA_IO.
 */
int fovea_open(fovea **out, const char *path, const fovea_options *opt);

/* Closes and frees; what was not committed is forgotten.  NULL is allowed. */
void fovea_close(fovea *ix);

/* Why the last call that took ix failed; "" if it did not.  Borrowed until the next call
 * that takes ix.  fovea_error(NULL) is "out of memory". */
const char *fovea_error(const fovea *ix);

/* The code that goes with fovea_error. */
int fovea_error_code(const fovea *ix);

/* ---- changing ---- */

enum { FOVEA_ADDED = 0, FOVEA_UPDATED = 1, FOVEA_UNCHANGED = 2 };

/* Adds a document to the pending commit, replacing the one of the same name.
 *
 * docno   its name; not empty.
 * title   NULL = none.
 * text    NULL = none.
 * meta    more about it as a JSON object, or NULL; kept and given back.
 *
 * Returns FOVEA_ADDED, FOVEA_UPDATED or FOVEA_UNCHANGED (the same content is there
 * already: nothing to do), or a negative code: FOVEA_INVALID if a string is not UTF-8 or
 * meta not a JSON object.  What was added before stays pending.
 */
int fovea_add(fovea *ix, const char *docno, const char *title, const char *text, const char *meta);

/* Deletes a document in the pending commit.  Returns 1 if it was there, 0 if not, or a
 * negative code. */
int fovea_delete(fovea *ix, const char *docno);

/* Makes everything since the last commit durable and visible, in one transaction.  On
 * failure the last commit stands and the pending changes are dropped.
 * Cost: embeds the pending passages if the index has a dense leg. */
int fovea_commit(fovea *ix);

/* Forgets everything since the last commit. */
void fovea_rollback(fovea *ix);

/* Commits, and merges everything into one segment without what was deleted: one transaction. */
int fovea_merge(fovea *ix);

/* Gives the index attention keys, which re-ranking by "stored" meets instead of reading passages; or completes them.
 *
 * profile  PROFILE[:MODEL], names or files; NULL or ":MODEL" = the recorded profile, or else the default; "none" = takes the
 *          keys out.
 *
 * Commits what is pending.  Then all passages without keys get them, committed every few seconds: what is there stays
 * when the work is stopped, and the next call goes on from there.  Others may search and write meanwhile.  From then on
 * whoever adds documents stores their keys too.
 * Returns FOVEA_OK; FOVEA_NOTFOUND: no such profile or model; FOVEA_INVALID: the index has keys for another profile, or the model
 * is not the profile's; FOVEA_STOP.
 * Cost: a run of each passage through some layers of a language model. */
int fovea_attend(fovea *ix, const char *profile);

/* Shows the handle what others have committed since it was opened. */
int fovea_refresh(fovea *ix);

/* ---- searching ---- */

enum { FOVEA_FULL = 0, FOVEA_DOCNOS = 1 };     /* fovea_search_options.fields */
enum { FOVEA_PLAIN = 0, FOVEA_OPERATORS = 1 }; /* fovea_search_options.syntax */

typedef struct fovea_search_options {
    size_t size;          /* set by FOVEA_SEARCH_OPTIONS_INIT */
    const char *system;   /* NULL = "hybrid" if the index has a model, else "bm25" */
    int k;                /* hits wanted; 0 = 10 */
    float k1, b;          /* BM25; both zero = 0.9 and 0.4; a negative k1 means really zero */
    const char *fusion;   /* of hybrid: "minmax" (NULL) or "rrf" */
    float weights[2];     /* of hybrid: bm25, dense; these and sparse_weight zero = equal */
    int depth;            /* hits that each leg gives to fusion; 0 = larger of 1000 and k */
    int by_passage;       /* 1: hits are passages; 0: documents by their best passage */
    int explain;          /* 1: fill fovea_hit.explain */
    int fields;           /* FOVEA_DOCNOS: no title, text or snippet, which is faster */
    size_t snippet_bytes; /* about how long a snippet is; 0 = 300; at most 65536 */
    float sparse_weight;  /* of hybrid, in an index with a sparse leg */
    const char *where;    /* a filter: "year >= 2020 and source = 'x'"; NULL = all documents */
    int ef; /* dense, in large segments: candidates kept (more: better and slower); 0 = default */
    int syntax; /* FOVEA_PLAIN: a query is its words; FOVEA_OPERATORS: it may hold "a phrase" and prefix* */
    const char
        *rerank;      /* METHOD[:MODEL[:PROFILE]], "stored", "icr-blocks", "icr" or "cross-encoder":
                                  * a model reads the first hits and puts them in another order; NULL = none */
    int rerank_depth; /* hits that are re-ranked; 0 = 100 with "stored", else 20; at most 10000 */
    float rerank_first; /* weight of the first stage's scores; 0 = the profile's; negative = none */
    const char *
        block_cache; /* icr-blocks: a folder that keeps what passages were read as, for other handles
                                  * and processes too; it is made if it is not there; NULL = memory alone */
    int block_cache_megabytes; /* how large that folder may become; 0 = 2048 */
} fovea_search_options;

#define FOVEA_SEARCH_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(fovea_search_options), NULL, 0, 0, 0, NULL, {0, 0}, 0, 0, 0, FOVEA_FULL, 0, 0,      \
            NULL, 0, FOVEA_PLAIN, NULL, 0, 0, NULL, 0                                              \
    }

/* Half-open range of bytes. */
typedef struct fovea_span {
    size_t begin, end;
} fovea_span;

/* What one leg says about a hit. */
typedef struct fovea_leg {
    const char *name; /* "bm25", "dense", "sparse"; the last may be the method of re-ranking */
    int rank;         /* from 1; 0 = the leg did not find it within its depth */
    float score;      /* the leg's own score */
    float part;       /* what it adds to the hit's score; of re-ranking, all of it */
} fovea_leg;

/* One hit.  Everything it points to is owned by the hits. */
typedef struct fovea_hit {
    const char *docno;
    int rank;                  /* from 1 */
    float score;               /* comparable within one search only */
    const char *title;         /* "" if none */
    const char *headings;      /* above the passage, "Guide > Install"; "" if none */
    const char *text;          /* of the passage that was found */
    fovea_span passage;        /* where that lies in the document's text */
    const char *snippet;       /* the best part of text, on one line */
    size_t snippet_begin;      /* where that lies in text; control characters are blanks */
    const fovea_span *matches; /* [n_matches] words of the query in snippet, in order */
    size_t n_matches;
    const fovea_span *title_matches; /* [n_title_matches] the same in title */
    size_t n_title_matches;
    const char *meta;      /* as given to fovea_add, or NULL */
    const fovea_leg *legs; /* [n_legs] */
    size_t n_legs;
    const char *
        explain; /* lines of text; NULL unless asked for; of re-ranking, also what the query attended to */
    int first_rank;    /* where the hit was before re-ranking, from 1; 0 without re-ranking */
    float first_score; /* and its score there, which the parts of the other legs add up to */
    int cut; /* 1: the passage was too long for the re-ranking model, which read its beginning */
} fovea_hit;

typedef struct fovea_hits fovea_hits;

/* Searches what is committed.
 *
 * out     NULL on failure.  The caller's: free it with fovea_hits_free, before or after
 *         fovea_close.
 * opt     NULL = defaults.
 *
 * Order: score descending, ties by docno descending (as trec_eval sorts).  A query without
 * a known word gives no hits, which is not an error.
 * A filter looks at docno, title and the members of a document's meta; `fovea help filters`
 * explains it.  Only documents that it holds for are ranked, so that none of them is missed,
 * with the scores that they have without it.  Cost: the first search with a filter after a
 * commit reads the table of documents; the handle keeps the last few filters.
 * With FOVEA_OPERATORS only passages that hold every "phrase" are ranked, none of them missed, and word* stands for all
 * words that begin so; `fovea help queries` explains it.  No text is an error.
 * With rerank a model reads the first hits, and they get new scores; hits below rerank_depth follow in their first order with
 * scores below.  `fovea help rerankers` says what the methods do.  The handle keeps the model open from search to search.
 * Returns FOVEA_OK; FOVEA_INVALID: a filter that is none (the error names the column),
 * unknown system, option out of range, no dense leg, or another model than the index was
 * made with; FOVEA_LIMIT: an immoderate filter; FOVEA_NOTFOUND: the model is not installed.
 */
int fovea_search(fovea_hits **out, fovea *ix, const char *query, const fovea_search_options *opt);

/* How many hits; 0 for NULL. */
size_t fovea_hits_count(const fovea_hits *hits);

/* Hit i, best first; NULL beyond the end.  Borrowed until fovea_hits_free. */
const fovea_hit *fovea_hits_get(const fovea_hits *hits, size_t i);

/* The name of the system that ran. */
const char *fovea_hits_system(const fovea_hits *hits);

/* The method that re-ranked them; "" if none did. */
const char *fovea_hits_reranker(const fovea_hits *hits);

/* What re-ranking had to leave out, for people ("the query has 5213 tokens; ..."); "" if nothing. */
const char *fovea_hits_note(const fovea_hits *hits);

void fovea_hits_free(fovea_hits *hits);

/* ---- reading ---- */

typedef struct fovea_document {
    const char *docno;
    const char *title; /* "" if none */
    const char *text;  /* "" if none */
    const char *meta;  /* or NULL */
} fovea_document;

/* Reads a committed document.  *out is the caller's (fovea_document_free); NULL on failure.
 * FOVEA_NOTFOUND. */
int fovea_get(fovea_document **out, fovea *ix, const char *docno);
void fovea_document_free(fovea_document *doc);

typedef struct fovea_info {
    size_t size; /* set by FOVEA_INFO_INIT */
    uint64_t n_documents;
    uint64_t n_passages;
    uint64_t n_dead;    /* passages deleted but not merged away */
    uint64_t n_terms;   /* running words, stop words left out, as fields weigh */
    uint64_t n_commits; /* since the index was made */
    uint64_t n_segments;
    uint64_t file_bytes; /* write-ahead log not counted; the next four say where they are */
    uint64_t text_bytes;
    uint64_t postings_bytes;
    uint64_t vector_bytes;
    uint64_t other_bytes;
    const char *analyzer; /* this and the following: borrowed until fovea_close */
    const char *chunking;
    const char *model;        /* "none" without a dense leg */
    const char *model_sha256; /* of its weights; "" without a dense leg */
    const char *vectors;      /* "" without a dense leg */
    int dim;                  /* floats in a vector; 0 without a dense leg */
    int sparse_words;         /* of the sparse model's vocabulary; 0 without a sparse leg */
    const char *sparse;       /* "none" without a sparse leg */
    const char *sparse_sha256;
    const char *fields; /* what BM25 counts, and how much: "title:1,headings:1,text:1" */
    const char *
        attention; /* the profile that it has attention keys for, "none" without; this and the next: until a refresh */
    const char *attention_model; /* "none" without */
    uint64_t n_attended;       /* passages with keys: n_passages, unless fovea_attend was stopped */
    uint64_t attention_bytes;  /* another part of file_bytes */
    uint64_t n_attended_cut;   /* of n_attended: too long, only their beginnings have keys */
    uint64_t n_attended_empty; /* of n_attended: nothing to read */
} fovea_info;

#define FOVEA_INFO_INIT                                                                            \
    {                                                                                              \
        sizeof(fovea_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, 0, 0,   \
            NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0                                               \
    }

/* Describes an index as it was last committed.  Fills as much of *out as out->size says. */
int fovea_describe(fovea_info *out, fovea *ix);

/* How well the dense leg of an index is searched. */
typedef struct fovea_recall {
    size_t size; /* set by FOVEA_RECALL_INIT */
    int n_queries;
    int n_graphs;                /* segments too large to be searched exactly */
    double at_10, at_100;        /* share of the 10 and 100 nearest vectors that are found */
    double p50_ms, exact_p50_ms; /* median time of a search for 100, and of the exact one */
} fovea_recall;

#define FOVEA_RECALL_INIT                                                                          \
    {                                                                                              \
        sizeof(fovea_recall), 0, 0, 0, 0, 0, 0                                                     \
    }

/* Searches for some of the stored vectors, as a query would and exactly, and compares.
 *
 * n_queries  how many, evenly chosen; 0 = 200.
 * ef         as in fovea_search_options.
 *
 * FOVEA_INVALID: the index has no dense leg.  Cost: n_queries passes over all vectors. */
int fovea_measure_recall(fovea_recall *out, fovea *ix, int n_queries, int ef);

/* Reads everything and compares: checksums, order, counts across legs, SQLite's own check.
 * FOVEA_FORMAT names the first thing that is wrong.  Cost: reads the whole file. */
int fovea_check(fovea *ix);

/* The version of the library that runs, as FOVEA_VERSION is that of this header. */
const char *fovea_version(void);

#ifdef __cplusplus
}
#endif
#endif
