/* snippet_words.c -- finds the words of a query in a text.
 *
 * Matching goes through the index's own analyzer: a word is marked exactly if it counted for the score ("cells" for
 * "cell").  A phrase is one match, from its first word to its last, stop words too; of a long one its first
 * PHRASE_MAX words are looked for, which the last words of the text that were read are compared with.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/snippet.h"

enum { PHRASE_MAX = 32 }; /* a power of two */

struct snippet_phrase {
    int words[PHRASE_MAX]; /* [n] numbers of phrase_words */
    int n, has_indexed;
};

/* ---- the query ---- */

static int add_term(const struct term_token *t, void *payload)
{
    struct map *terms = payload;
    int64_t *v = map_put(terms, t->term, t->len);

    if (!v)
        return E_NOMEM;
    if (*v == 0)
        *v = (int64_t)terms->n;
    return 0;
}

/* The key of a word in phrase_words: key[1 + TERM_MAX]. */
static size_t make_key(char *key, const struct term_token *t)
{
    key[0] = (char)t->is_dropped;
    memcpy(key + 1, t->term, t->len);
    return t->len + 1;
}

static int add_phrase_word(const struct term_token *t, void *payload)
{
    struct snippet_words *w = payload;
    struct snippet_phrase *p = &w->phrases[w->n_phrases];
    char key[1 + TERM_MAX];
    int64_t *v;

    if (p->n == PHRASE_MAX)
        return 0;
    v = map_put(&w->phrase_words, key, make_key(key, t));
    if (!v)
        return E_NOMEM;
    if (*v == 0)
        *v = (int64_t)w->phrase_words.n;
    p->words[p->n++] = (int)*v;
    p->has_indexed |= !t->is_dropped;
    return 0;
}

/* Phrases of several words; others are words. */
static int read_phrases(struct snippet_words *words, struct analyzer *a, const struct question *q,
                        struct err *err)
{
    int rc = 0;

    if (!q->n_phrases)
        return 0;
    words->phrases = mem_zalloc(q->n_phrases, sizeof *words->phrases);
    if (!words->phrases)
        return err_nomem(err);
    for (size_t i = 0; !rc && i < q->n_phrases; i++) {
        struct snippet_phrase *p = &words->phrases[words->n_phrases];

        rc = analyzer_run_as(a, ANALYZER_ALL, q->text + q->phrases[i].begin,
                             q->phrases[i].end - q->phrases[i].begin, add_phrase_word, words, err);
        if (p->n > 1 && p->has_indexed)
            words->n_phrases++;
        else
            memset(p, 0, sizeof *p);
    }
    return rc == E_NOMEM ? err_nomem(err) : rc;
}

int snippet_words(struct snippet_words *words, struct analyzer *a, const char *query, int syntax,
                  struct err *err)
{
    struct question q = {0};
    int rc = query_parse(&q, query, syntax, err);

    rc = rc ? rc : query_prefixes(&words->prefixes, &words->n_prefixes, &q, a, err);
    rc = rc ? rc : read_phrases(words, a, &q, err);
    if (!rc) {
        rc = analyzer_run(a, q.text, strlen(q.text), add_term, &words->terms, err);
        if (rc == E_NOMEM)
            err_nomem(err);
    }
    query_clear(&q);
    return rc;
}

void snippet_words_clear(struct snippet_words *words)
{
    map_clear(&words->terms);
    map_clear(&words->phrase_words);
    mem_free(words->prefixes);
    mem_free(words->phrases);
    memset(words, 0, sizeof *words);
}

/* ---- a text ---- */

struct finder {
    const struct snippet_words *words;
    struct match *matches;
    size_t n, cap;
    /* the words of the text that were read last: word i is at i % PHRASE_MAX */
    int numbers[PHRASE_MAX];
    size_t begins[PHRASE_MAX], n_read;
};

/* The number of what the query says about a term, from 0; -1: nothing. */
static int number_of(const struct snippet_words *w, const struct term_token *t)
{
    const int64_t *v = map_find(&w->terms, t->term, t->len);

    if (v)
        return (int)*v - 1;
    for (size_t i = 0; i < w->n_prefixes; i++)
        if (t->len >= w->prefixes[i].len &&
            !memcmp(t->term, w->prefixes[i].term, w->prefixes[i].len))
            return (int)(w->terms.n + i);
    return -1;
}

static int add_match(struct finder *f, size_t begin, size_t end, int term, int worth)
{
    if (mem_reserve((void **)&f->matches, &f->cap, f->n + 1, sizeof *f->matches))
        return E_NOMEM;
    f->matches[f->n++] = (struct match){begin, end, term, worth};
    return 0;
}

static int find_match(const struct term_token *t, void *payload)
{
    struct finder *f = payload;
    const int number = t->is_dropped ? -1 : number_of(f->words, t);

    /* A word that the analyzer splits in two is marked once. */
    if (number < 0 || (f->n && f->matches[f->n - 1].end > t->begin))
        return 0;
    return add_match(f, t->begin, t->end, number, 1);
}

/* Do the last words read end with the phrase? */
static int ends_with(const struct finder *f, const struct snippet_phrase *p)
{
    if (f->n_read < (size_t)p->n)
        return 0;
    for (int i = 1; i <= p->n; i++)
        if (f->numbers[(f->n_read - (size_t)i) % PHRASE_MAX] != p->words[p->n - i])
            return 0;
    return 1;
}

/* Puts a phrase in place of its words. */
static int add_phrase(struct finder *f, size_t phrase, size_t end)
{
    const struct snippet_words *w = f->words;
    const int n = w->phrases[phrase].n;
    const size_t begin = f->begins[(f->n_read - (size_t)n) % PHRASE_MAX];

    while (f->n && f->matches[f->n - 1].begin >= begin)
        f->n--;
    if (f->n && f->matches[f->n - 1].end > begin) { /* two phrases overlap */
        f->matches[f->n - 1].end = end;
        return 0;
    }
    return add_match(f, begin, end, (int)(w->terms.n + w->n_prefixes + phrase), 2 * n);
}

static int find_phrases(const struct term_token *t, void *payload)
{
    struct finder *f = payload;
    char key[1 + TERM_MAX];
    const int64_t *v = map_find(&f->words->phrase_words, key, make_key(key, t));
    int rc = find_match(t, f);

    f->numbers[f->n_read % PHRASE_MAX] = v ? (int)*v : 0;
    f->begins[f->n_read++ % PHRASE_MAX] = t->begin;
    for (size_t i = 0; !rc && v && i < f->words->n_phrases; i++)
        if (ends_with(f, &f->words->phrases[i]))
            rc = add_phrase(f, i, t->end);
    return rc;
}

int snippet_matches(struct match **matches, size_t *n_matches, struct arena *arena,
                    const struct snippet_words *words, struct analyzer *a, const char *text,
                    size_t n, struct err *err)
{
    struct finder f = {.words = words};
    int rc = 0;

    *matches = NULL;
    *n_matches = 0;
    if ((!words->terms.n && !words->n_prefixes) || !n)
        return 0;
    if (words->n_phrases)
        rc = analyzer_run_as(a, ANALYZER_ALL, text, n, find_phrases, &f, err);
    else
        rc = analyzer_run(a, text, n, find_match, &f, err);
    if (!rc && f.n) {
        *matches = arena_alloc(arena, f.n * sizeof *f.matches);
        if (*matches) {
            memcpy(*matches, f.matches, f.n * sizeof *f.matches);
            *n_matches = f.n;
        } else {
            rc = E_NOMEM;
        }
    }
    mem_free(f.matches);
    return rc == E_NOMEM ? err_nomem(err) : rc;
}
