/* analyzer.c -- the table of analyzers, and the way of a word through one.
 *
 * words.c splits and folds; a variant (a_*.c) may change or drop the word; stems.c takes its stem, and the variant may
 * change that again.  The chain of "english" and its order are those of Lucene's EnglishAnalyzer.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/analyzer.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "indexer/terms.h"

_Static_assert((int)WORD_MAX == (int)TERM_MAX, "a word is a term at most");

const struct analyzer_kind analyzer_kinds[] = {
    {"english", "UAX #29 words, folded, no possessive 's, Lucene's 33 stop words, Porter stems",
     "porter", &steps_english},
    {"porter2", "as english, with Porter's newer English stemmer (Snowball)", "english",
     &steps_english},
    {"plain", "UAX #29 words, folded; nothing dropped, nothing stemmed", NULL, &steps_plain},
    {"cjk",
     "Chinese, Japanese, Korean: pairs of neighbouring characters (one alone if it has no "
     "neighbours); other words as plain",
     NULL, &steps_cjk},
    {"arabic", "Snowball's Arabic stems", "arabic", &steps_plain},
    {"armenian", "Snowball's Armenian stems", "armenian", &steps_plain},
    {"basque", "Snowball's Basque stems", "basque", &steps_plain},
    {"catalan", "Snowball's Catalan stems; l'aigua is aigua; accents do not count", "catalan",
     &steps_catalan},
    {"danish", "Snowball's Danish stems", "danish", &steps_plain},
    {"dutch", "Snowball's Dutch stems", "dutch", &steps_plain},
    {"finnish", "Snowball's Finnish stems", "finnish", &steps_plain},
    {"french", "Snowball's French stems; l'eau is eau; accents do not count", "french",
     &steps_french},
    {"german", "Snowball's German stems; ae, oe, ue are umlauts, and umlauts do not count",
     "german", &steps_german},
    {"greek", "Snowball's Greek stems", "greek", &steps_plain},
    {"hindi", "Snowball's Hindi stems", "hindi", &steps_plain},
    {"hungarian", "Snowball's Hungarian stems", "hungarian", &steps_plain},
    {"indonesian", "Snowball's Indonesian stems", "indonesian", &steps_plain},
    {"irish", "Snowball's Irish stems; d'athair is athair, so is nAthair", "irish", &steps_irish},
    {"italian", "Snowball's Italian stems; dell'acqua is acqua; accents do not count", "italian",
     &steps_italian},
    {"lithuanian", "Snowball's Lithuanian stems", "lithuanian", &steps_plain},
    {"nepali", "Snowball's Nepali stems", "nepali", &steps_plain},
    {"norwegian", "Snowball's Norwegian stems", "norwegian", &steps_plain},
    {"portuguese", "Snowball's Portuguese stems; accents do not count", "portuguese",
     &steps_portuguese},
    {"romanian", "Snowball's Romanian stems; letters with comma and cedilla are the same",
     "romanian", &steps_romanian},
    {"russian", "Snowball's Russian stems", "russian", &steps_plain},
    {"serbian", "Snowball's Serbian stems", "serbian", &steps_plain},
    {"spanish", "Snowball's Spanish stems; accents do not count, but n with tilde is a letter",
     "spanish", &steps_spanish},
    {"swedish", "Snowball's Swedish stems", "swedish", &steps_plain},
    {"tamil", "Snowball's Tamil stems", "tamil", &steps_plain},
    {"turkish", "Snowball's Turkish stems; I is dotless; endings after ' are cut off", "turkish",
     &steps_turkish},
    {"yiddish", "Snowball's Yiddish stems", "yiddish", &steps_plain},
    {NULL, NULL, NULL, NULL},
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
    a->steps = kind->steps;
    rc = words_new(&a->words, a->steps->words, err);
    if (!rc && kind->stemmer)
        rc = stems_new(&a->stems, kind->stemmer, a->steps->finish, err);
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
    stems_free(a->stems);
    mem_free(a);
}

static size_t character_bytes(const char *s, size_t n)
{
    size_t i = 1;

    while (i < n && ((unsigned char)s[i] & 0xc0) == 0x80)
        i++;
    return i;
}

/* Is the stem the word, but for letters that are not ASCII and were written otherwise (German and Greek stemmers take
 * marks away)? */
static int is_respelled(const char *stem, size_t n_stem, const char *word, size_t n_word)
{
    while (n_stem && n_word) {
        const size_t n = character_bytes(stem, n_stem), m = character_bytes(word, n_word);

        if (m == 1 && (n != 1 || *stem != *word))
            return 0;
        stem += n;
        n_stem -= n;
        word += m;
        n_word -= m;
    }
    return !n_stem && !n_word;
}

/* Makes t a word with its ending, in the letters that its stem would have. */
static int keep_ending(struct analyzer *a, struct term_token *t)
{
    struct term_text *w = &a->word;
    const char *stem;
    size_t n;

    memmove(w->bytes, t->term, t->len);
    t->term = stem = w->bytes;
    n = w->len = t->len;
    if (stems_get(&stem, &n, a->stems))
        return E_NOMEM;
    if (is_respelled(stem, n, w->bytes, w->len)) {
        t->term = stem;
        t->len = n;
    } else if (a->steps->finish) {
        t->len = a->steps->finish(w->bytes, w->len);
    }
    return 0;
}

static int on_word(const char *word, size_t len, size_t begin, size_t end, void *payload)
{
    struct analyzer *a = payload;
    struct term_token t = {word, len, begin, end, 0, 0};

    if (a->steps->give)
        return a->steps->give(a, &t);
    t.position = a->position++;
    t.is_dropped = a->steps->prepare && !a->steps->prepare(a, &t);
    if (t.is_dropped)
        return a->how & ANALYZER_ALL ? a->fn(&t, a->payload) : 0;
    if (a->stems &&
        (a->how & ANALYZER_WHOLE ? keep_ending(a, &t) : stems_get(&t.term, &t.len, a->stems))) {
        a->no_memory = 1;
        return E_NOMEM;
    }
    return a->fn(&t, a->payload);
}

static int run(struct analyzer *a, int how, const char *text, size_t n, int all_unicode,
               analyzer_fn *fn, void *payload, struct err *err)
{
    int rc;

    a->text = text;
    a->fn = fn;
    a->payload = payload;
    a->position = 0;
    a->no_memory = 0;
    a->how = how;
    a->last.len = 0;
    a->last_is_given = 0;
    rc = words_walk(a->words, text, n, all_unicode, on_word, a, err);
    if (!rc && a->steps->end)
        rc = a->steps->end(a);
    return a->no_memory ? err_nomem(err) : rc;
}

int analyzer_run(struct analyzer *a, const char *text, size_t n, analyzer_fn *fn, void *payload,
                 struct err *err)
{
    return run(a, 0, text, n, 0, fn, payload, err);
}

int analyzer_run_as(struct analyzer *a, int how, const char *text, size_t n, analyzer_fn *fn,
                    void *payload, struct err *err)
{
    return run(a, how, text, n, 0, fn, payload, err);
}

int analyzer_run_unicode(struct analyzer *a, const char *text, size_t n, analyzer_fn *fn,
                         void *payload, struct err *err)
{
    return run(a, 0, text, n, 1, fn, payload, err);
}
