/* stems.h -- a word's stem, kept for the next time the word comes. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_STEMS_H
#define INDEXER_STEMS_H

#include <stddef.h>

#include "base/err.h"

struct stems; /* one thread at a time */

/* Rewrites a stem s [n] in place, n >= 1, to at most as many bytes.  Returns how many, at least 1. */
typedef size_t stem_fn(char *s, size_t n);

/* language  libstemmer's name of an algorithm (UTF-8)
 * finish    what is done to each stem, or NULL */
int stems_new(struct stems **out, const char *language, stem_fn *finish, struct err *err);
void stems_free(struct stems *s);

/* Replaces *word [*len], 1..255 bytes, by its stem, borrowed until the next call; a word that the algorithm
 * would make nothing of, or too long, stays.  Returns 0 or E_NOMEM. */
int stems_get(const char **word, size_t *len, struct stems *s);

#endif
