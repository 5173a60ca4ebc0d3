/* stems.c -- libstemmer behind a cache.
 *
 * Stemming takes ten times as long as all else that is done to a word, and text repeats its words, so stems are
 * kept in a direct-mapped cache: a word overwrites the one that hashed to the same place.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/stems.h"

#include <libstemmer.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { LONGEST = 255, CACHED_MAX = 31, CACHE_SLOTS = 8192 }; /* 512 KiB */

/* A word and its stem.  Zeroed: no word, for none is empty. */
struct cached {
    uint8_t word_len, stem_len;
    char word[CACHED_MAX], stem[CACHED_MAX];
};

struct stems {
    struct sb_stemmer *stemmer;
    stem_fn *finish;
    struct cached *cache; /* [CACHE_SLOTS] */
    char stem[LONGEST];   /* the last one that the cache does not hold */
};

int stems_new(struct stems **out, const char *language, stem_fn *finish, struct err *err)
{
    struct stems *s = mem_zalloc(1, sizeof *s);

    if (!s)
        return err_nomem(err);
    s->finish = finish;
    s->stemmer = sb_stemmer_new(language, NULL);
    s->cache = mem_zalloc(CACHE_SLOTS, sizeof *s->cache);
    if (!s->stemmer || !s->cache) {
        stems_free(s);
        return err_nomem(err);
    }
    *out = s;
    return 0;
}

void stems_free(struct stems *s)
{
    if (!s)
        return;
    if (s->stemmer)
        sb_stemmer_delete(s->stemmer);
    mem_free(s->cache);
    mem_free(s);
}

/* Stems word [*len] to s->stem.  1; 0 if it stays; E_NOMEM. */
static int compute(struct stems *s, const char *word, size_t *len)
{
    const sb_symbol *stem = sb_stemmer_stem(s->stemmer, (const sb_symbol *)word, (int)*len);
    size_t n;

    if (!stem)
        return E_NOMEM;
    n = (size_t)sb_stemmer_length(s->stemmer);
    if (n > LONGEST || (n == 0 && !s->finish))
        return 0;
    if (n == 0) /* no stem, but the word is finished as stems are */
        memcpy(s->stem, word, n = *len);
    else
        memcpy(s->stem, stem, n);
    *len = s->finish ? s->finish(s->stem, n) : n;
    return 1;
}

int stems_get(const char **word, size_t *len, struct stems *s)
{
    struct cached *c = NULL;
    size_t n = *len;
    int rc;

    if (n <= CACHED_MAX) {
        c = &s->cache[hash_bytes(*word, n) % CACHE_SLOTS];
        if (c->word_len == n && !memcmp(c->word, *word, n)) {
            *word = c->stem;
            *len = c->stem_len;
            return 0;
        }
    }
    rc = compute(s, *word, &n);
    if (rc <= 0)
        return rc;
    if (c && n <= CACHED_MAX) {
        c->word_len = (uint8_t)*len;
        c->stem_len = (uint8_t)n;
        memcpy(c->word, *word, *len);
        memcpy(c->stem, s->stem, n);
    }
    *word = s->stem;
    *len = n;
    return 0;
}
