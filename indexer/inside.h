/* inside.h -- what struct index holds, for the files that make it up. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_INSIDE_H
#define INDEXER_INSIDE_H

#include "indexer/attention.h"
#include "indexer/build.h"
#include "indexer/tombstones.h"

enum {
    INDEX_FORMAT = 5,               /* of the file; a reader refuses larger ones */
    INDEX_FORMAT_ATTENTION = 5,     /* of a file with attention keys */
    INDEX_FORMAT_FIELDS = 4,        /* of a file with weighted fields */
    INDEX_FORMAT_CODES = 3,         /* of a file with vectors "auto" */
    INDEX_FORMAT_SPARSE = 2,        /* of a file with a sparse leg */
    INDEX_FORMAT_PLAIN = 1,         /* of a file with neither, which older readers know */
    INDEX_APPLICATION = 0x466f7665, /* "Fove": PRAGMA application_id */
    INDEX_BUFFER_BYTES = 64 << 20,
    INDEX_FILTERS = 4, /* kept at a time */
};

/* The settings as the file has them; strings owned. */
struct recorded {
    char *analyzer, *chunking, *vectors;
    char *model;        /* name, "none" without a dense leg */
    char *model_folder; /* where it was when the index was made */
    char *model_file;   /* identity of the weights file, for which the SHA-256 holds */
    char *model_sha256;
    char *model_pooling, *model_query_prefix, *model_passage_prefix;
    int64_t model_normalised, dim, format;
    int64_t model_bits; /* 8 or 32: MODEL_I8 or MODEL_F32; 0 without a dense leg */
    /* the learned sparse model, as above; "none" and empty without a sparse leg */
    char *sparse, *sparse_folder, *sparse_file, *sparse_sha256;
    int64_t sparse_words; /* of its vocabulary; 0 = no sparse leg */
    int64_t sparse_bits;
    char *fields; /* as fields_format writes them; left out of the file if they are the default */
};

/* A segment as the pending commit sees it. */
struct pending_segment {
    int64_t id;
    uint64_t passages;
    struct segment *s;  /* NULL: written in this commit and not opened yet */
    int is_new;         /* written in this commit: s is owned */
    struct grave grave; /* .dead NULL: nothing deleted in this commit */
};

/* What is not committed yet. */
struct pending {
    int is_open;                 /* a write transaction is under way */
    int is_dirty;                /* and something was changed */
    struct build_document *docs; /* [n_docs] buffered; docno NULL: taken out again */
    size_t n_docs, cap_docs;
    struct map by_docno; /* docno -> place in docs + 1, 0 = none */
    struct arena strings;
    size_t bytes;                     /* of the buffered texts */
    struct pending_segment *segments; /* [n_segments] */
    size_t n_segments, cap_segments;
    uint64_t n_added; /* passages of the segments written */
    int64_t next_segment, n_documents, text_bytes;
    struct buf old; /* text of the document that is replaced or deleted */
    struct attention_writer attention;
    struct stmt *find, *insert, *update, *delete;
};

struct index {
    char *path, *name;
    struct store rd, wr; /* wr.db NULL in INDEX_READ */
    int mode, precision;
    struct pool *pool;
    size_t buffer_bytes;
    index_progress_fn *progress;
    void *payload;

    struct recorded recorded;
    struct index_settings settings; /* points into recorded */
    struct chunking chunking;
    struct fields fields;
    struct analyzer **analyzers; /* [n_analyzers]; the first is always there */
    int n_analyzers;
    char *model_given;   /* the caller's name or folder of the encoder, or NULL */
    struct model *model; /* NULL until used */
    char *sparse_given;
    struct model *sparse; /* NULL until used */
    struct attention attention;

    /* the commit that the handle shows */
    struct segment **segments; /* [n_segments], oldest first */
    int n_segments;
    int is_stale; /* could not be loaded: nothing is shown until a refresh succeeds */
    int64_t n_commits, n_documents, text_bytes;
    uint64_t n_passages, n_terms;

    /* filters of that commit, the one that was asked for last in front */
    struct filter *filters[INDEX_FILTERS];

    struct pending pending;
};

/* ---- settings.c ---- */

/* Resolves settings for a new index, opening the encoder if there is one. */
int settings_resolve(struct index *ix, const struct index_settings *want, struct err *err);

/* 1 if the database holds an index of this name, 0 if not, or negative. */
int settings_exist(struct db *db, const char *name, struct err *err);

/* Makes the tables and writes ix->recorded, in one transaction; does nothing if they are there. */
int settings_create(struct index *ix, struct err *err);

/* Reads ix->recorded and compares with what the caller wants. */
int settings_load(struct index *ix, const struct index_settings *want, struct err *err);

/* *to becomes a copy of text, "" if it is NULL.  E_NOMEM leaves it. */
int settings_replace(char **to, const char *text, struct err *err);

/* Parses a list of fields (NULL = the default); *to becomes its one form. */
int settings_fields(struct fields *f, char **to, const char *text, struct err *err);

/* Every text becomes "". */
int settings_empty(struct recorded *r, struct err *err);

void settings_clear(struct recorded *r);

/* The least format that has what the index needs beside attention keys. */
int64_t settings_least_format(const struct index *ix);

/* NULL, "" or "none"? */
int settings_is_none(const char *name);

/* Reads or writes a counter. */
int counter_get(int64_t *out, struct index *ix, struct store *st, const char *key, struct err *err);
int counter_set(struct index *ix, const char *key, int64_t value, struct err *err);

/* ---- index.c ---- */

/* index_refresh, whether a commit is pending or not: forgets the segments if it fails. */
int index_show_newest(struct index *ix, struct err *err);

/* Makes n analyzers of the index's kind, if there are not as many. */
int index_need_analyzers(struct index *ix, int n, struct err *err);

/* Sets st->max_bytes to what the file can hold now. */
int store_measure(struct store *st, struct err *err);

/* Reads the current row of a SELECT of segment_columns and crc. */
int segment_row_take(struct segment_row *row, struct stmt *s, struct store *st, struct err *err);

/* ---- documents.c ---- */

/* The checksum that a document's row has beside it; see FORMAT.md. */
uint32_t document_crc(const struct doc *doc);

/* 0, or E_FORMAT if a row's checksum is not that of what it holds. */
int document_check(const struct index *ix, const struct doc *doc, int64_t crc, struct err *err);

/* index_document in two steps, for many of them: a statement, and what it reads. */
int documents_select(struct stmt **out, struct index *ix, struct err *err);
int documents_read(struct doc *out, struct buf *text, struct index *ix, struct stmt *s,
                   int64_t document, struct err *err);

/* ---- filter.c ---- */

/* Forgets the filters that are kept: they are of one commit. */
void filters_forget(struct index *ix);

/* ---- writer.c ---- */

/* Begins a write transaction if none is under way; the handle then shows the newest commit. */
int pending_begin(struct index *ix, struct err *err);

/* Ends it.  Errors drop what is pending. */
enum { MERGE_NOTHING, MERGE_TIERS, MERGE_ALL };
int pending_commit(struct index *ix, int merge, struct err *err);

/* Makes the buffer a segment. */
int pending_flush(struct index *ix, struct err *err);

/* Opens the segment if it was written in this commit. */
int pending_need(struct index *ix, struct pending_segment *p, struct err *err);

/* Has the segment's passage been deleted, in this commit or before? */
static inline const uint64_t *pending_dead(const struct pending_segment *p)
{
    return p->grave.dead ? p->grave.dead : p->s->dead;
}

/* Takes over a segment that was written. */
int pending_add_segment(struct index *ix, int64_t id, uint64_t passages, struct err *err);

/* ---- tiers.c ---- */

/* Merges what the tiers ask for, or everything. */
int merge_pending(struct index *ix, int everything, struct err *err);

#endif
