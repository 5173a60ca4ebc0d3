/* feed.h -- carries documents from corpora into an index, in commits, with progress; shared
 * by `fovea index` and `fovea eval beir`. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_FEED_H
#define API_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "api/fovea.h"
#include "api/progress.h"

#define DEFAULT_MODEL "minilm"

/* How to read; NULL or 0 = default. */
struct feed_options {
    const char *format, *id_field, *title_field, *text_field;
    const char *except; /* a file that is no document: the index itself */
    int skip_bad;
    int commit_every;
};

struct feed {
    fovea *ix; /* where to; owned by the caller */
    struct feed_options options;
    const char *label; /* in front of the progress, or NULL */
    int quiet;
    /* ---- counts, to be read ---- */
    size_t n_added, n_updated, n_unchanged, n_deleted, n_bad;
    size_t n_committed; /* added and updated documents that are safe */
    size_t n_safe; /* documents read so far that are sure to be in the index, unchanged ones too */
    /* ---- */
    size_t n_pending;  /* added and updated since the last commit */
    int has_committed; /* deletions count too */
    struct progress progress;
    int moving;   /* 1: progress has begun */
    int has_keys; /* the index has attention keys, which are slow to make */
};

/* Tries whether a corpus can be opened and its first document be read, so that a slip in a
 * command leaves no index behind; not with what can be read only once (pipes, "-").
 * Returns 0 or an exit code, having said why. */
int feed_try(const struct feed_options *options, const char *path);

/* Reads one corpus, "-" for standard input.  Returns 0 or an exit code, having said why. */
int feed_corpus(struct feed *f, const char *path);

/* Commits what is pending.  Returns 0 or an exit code, having said why. */
int feed_commit(struct feed *f);

/* For fovea_options.progress, with the feed as payload. */
int feed_progress(const char *what, uint64_t done, uint64_t total, void *payload);

/* Takes the progress line away. */
void feed_end(struct feed *f);

/* After a failure: says what the index holds and how to go on. */
void feed_say_what_stands(struct feed *f);

#endif
