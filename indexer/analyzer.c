/* analyzer.c -- words to terms: possessive, stop words, stem.
 *
 * The chain and its order are those of Lucene's EnglishAnalyzer, which published BM25 figures
 * on BEIR rest on: words.c splits and folds, then "'s" is cut off, then the 33
 * stop words go, then Porter's stemmer.  Stemming takes ten times as long as all the rest and text repeats its
 * words, so stems are kept in a direct-mapped cache: a word overwrites the one that hashed to the same place.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/analyzer.h"

#include <libstemmer.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "indexer/words.h"

_Static_assert((int)WORD_MAX == (int)TERM_MAX, "a word is a term at most");

const struct analyzer_kind analyzer_kinds[] = {
    {"english", "UAX #29 words, folded, no possessive 's, Lucene's 33 stop words, Porter stems",
     "porter", 1, 1},
    {"porter2", "as english, with Porter's newer English stemmer (Snowball)", "english", 1, 1},
    {"plain", "UAX #29 words, folded; nothing dropped, nothing stemmed", NULL, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};

/* ---- stop words ---- */

static const char stop_words[][6] = {
    "a",   "an",    "and",  "are",   "as",    "at",   "be",   "but", "by",  "for",  "if",
    "in",  "into",  "is",   "it",    "no",    "not",  "of",   "on",  "or",  "such", "that",
    "the", "their", "then", "there", "these", "they", "this", "to",  "was", "will", "with",
};

enum { STOP_SLOTS = 256, STOP_LONGEST = 5 };

/* A word of at most eight bytes as a number: its bytes, first one highest. */
static uint64_t pack(const char *word, size_t len)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len; i++)
        v = v << 8 | (unsigned char)word[i];
    return v;
}

static size_t stop_slot(uint64_t v) { return (size_t)(v * 0x9e3779b97f4a7c15u >> 56); }

/* ---- the analyzer ---- */

enum { CACHED_MAX = 31, CACHE_SLOTS = 8192 }; /* 512 KiB */

/* A word and its stem.  Zeroed: no word, for none is empty. */
struct cached {
    uint8_t word_len, stem_len;
    char word[CACHED_MAX], stem[CACHED_MAX];
};

struct analyzer {
    const struct analyzer_kind *kind;
    struct words *words;
    struct sb_stemmer *stemmer;
    struct cached *cache;       /* [CACHE_SLOTS], with a stemmer */
    uint64_t stops[STOP_SLOTS]; /* packed words, probed linearly */
    /* the run */
    analyzer_fn *fn;
    void *payload;
    int position, no_memory;
};

static const struct analyzer_kind *kind_find(const char *name)
{
    for (const struct analyzer_kind *k = analyzer_kinds; k->name; k++)
        if (!strcmp(k->name, name))
            return k;
    return NULL;
}

static int unknown_kind(const char *name, struct err *err)
{
    struct buf names = {0};
    int rc;

    for (const struct analyzer_kind *k = analyzer_kinds; k->name; k++)
        buf_printf(&names, "%s%s", names.len ? ", " : "", k->name);
    rc = err_set(err, E_INVALID, "analyzer '%s' is unknown; there are: %s", name, buf_text(&names));
    buf_clear(&names);
    return rc;
}

int analyzer_new(struct analyzer **out, const char *name, struct err *err)
{
    const struct analyzer_kind *kind = name ? kind_find(name) : analyzer_kinds;
    struct analyzer *a;
    int rc;

    if (!kind)
        return unknown_kind(name, err);
    a = mem_zalloc(1, sizeof *a);
    if (!a)
        return err_nomem(err);
    a->kind = kind;
    rc = words_new(&a->words, err);
    if (!rc && kind->stemmer) {
        a->stemmer = sb_stemmer_new(kind->stemmer, NULL);
        a->cache = mem_zalloc(CACHE_SLOTS, sizeof *a->cache);
        if (!a->stemmer || !a->cache)
            rc = err_nomem(err);
    }
    for (size_t i = 0; kind->stop && i < sizeof stop_words / sizeof *stop_words; i++) {
        uint64_t v = pack(stop_words[i], strlen(stop_words[i]));
        size_t slot = stop_slot(v);

        while (a->stops[slot])
            slot = (slot + 1) % STOP_SLOTS;
        a->stops[slot] = v;
    }
    if (rc)
        analyzer_free(a);
    else
        *out = a;
    return rc;
}

const char *analyzer_name(const struct analyzer *a) { return a->kind->name; }

void analyzer_free(struct analyzer *a)
{
    if (!a)
        return;
    words_free(a->words);
    if (a->stemmer)
        sb_stemmer_delete(a->stemmer);
    mem_free(a->cache);
    mem_free(a);
}

static int is_stop_word(const struct analyzer *a, const char *word, size_t len)
{
    uint64_t v;

    if (!a->kind->stop || len > STOP_LONGEST)
        return 0;
    v = pack(word, len);
    for (size_t slot = stop_slot(v); a->stops[slot]; slot = (slot + 1) % STOP_SLOTS)
        if (a->stops[slot] == v)
            return 1;
    return 0;
}

/* Replaces the word by its stem.  Returns 0 or E_NOMEM. */
static int stem(struct analyzer *a, struct term_token *t)
{
    struct cached *c = NULL;
    const sb_symbol *s;
    size_t n;

    if (t->len <= CACHED_MAX) {
        c = &a->cache[hash_bytes(t->term, t->len) % CACHE_SLOTS];
        if (c->word_len == t->len && !memcmp(c->word, t->term, t->len)) {
            t->term = c->stem;
            t->len = c->stem_len;
            return 0;
        }
    }
    s = sb_stemmer_stem(a->stemmer, (const sb_symbol *)t->term, (int)t->len);
    if (!s)
        return E_NOMEM;
    n = (size_t)sb_stemmer_length(a->stemmer);
    if (n == 0 || n > TERM_MAX) /* no term: the word stays as it is */
        return 0;
    if (c && n <= CACHED_MAX) {
        c->word_len = (uint8_t)t->len;
        c->stem_len = (uint8_t)n;
        memcpy(c->word, t->term, t->len);
        memcpy(c->stem, s, n);
    }
    t->term = (const char *)s;
    t->len = n;
    return 0;
}

static int on_word(const char *word, size_t len, size_t begin, size_t end, void *payload)
{
    struct analyzer *a = payload;
    struct term_token t = {word, len, begin, end, a->position++};

    if (a->kind->possessive && t.len > 2 && word[len - 1] == 's' && word[len - 2] == '\'')
        t.len -= 2;
    if (is_stop_word(a, t.term, t.len))
        return 0;
    if (a->stemmer && stem(a, &t)) {
        a->no_memory = 1;
        return E_NOMEM;
    }
    return a->fn(&t, a->payload);
}

static int run(struct analyzer *a, const char *text, size_t n, int all_unicode, analyzer_fn *fn,
               void *payload, struct err *err)
{
    int rc;

    a->fn = fn;
    a->payload = payload;
    a->position = 0;
    a->no_memory = 0;
    rc = words_walk(a->words, text, n, all_unicode, on_word, a, err);
    return a->no_memory ? err_nomem(err) : rc;
}

int analyzer_run(struct analyzer *a, const char *text, size_t n, analyzer_fn *fn, void *payload,
                 struct err *err)
{
    return run(a, text, n, 0, fn, payload, err);
}

int analyzer_run_unicode(struct analyzer *a, const char *text, size_t n, analyzer_fn *fn,
                         void *payload, struct err *err)
{
    return run(a, text, n, 1, fn, payload, err);
}
