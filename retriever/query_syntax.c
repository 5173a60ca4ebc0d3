/* query_syntax.c -- finds the operators of a question; see query_syntax.h for what they are.
 *
 * A pass over the bytes.  What a word is, the analyzer says later: here a word ends where an ASCII letter or digit, or any
 * character that is not ASCII, does.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "retriever/query_syntax.h"

#include <string.h>

#include "base/mem.h"

void query_clear(struct question *q)
{
    if (!q)
        return;
    mem_free(q->text);
    mem_free(q->phrases);
    mem_free(q->prefixes);
    memset(q, 0, sizeof *q);
}

static int is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int ends_word(char c) { return is_alnum(c) || c == '_' || c == '\'' || (c & 0x80); }

/* The letters of a word may go on with it. */
static int goes_on(char c) { return ends_word(c) || c == '*'; }

static int is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* U+0590 to U+05FF, of two bytes each, begin with one of these. */
static int begins_hebrew(char c) { return (unsigned char)c == 0xd6 || (unsigned char)c == 0xd7; }

/* Bytes of the quote at text[i], 0 if there is none. */
static size_t quote_at(const char *text, size_t i)
{
    const char *s = text + i;

    if (*s == '"')
        return i >= 2 && begins_hebrew(s[-2]) && begins_hebrew(s[1]) ? 0 : 1;
    if (*s != '\xe2' || s[1] != '\x80')
        return 0;
    return (unsigned char)s[2] >= 0x9c && (unsigned char)s[2] <= 0x9e ? 3 : 0;
}

/* The next quote from i on, or the text's end. */
static size_t find_quote(const char *text, size_t i)
{
    while (text[i] && !quote_at(text, i))
        i++;
    return i;
}

static void blank(char *text, size_t begin, size_t n) { memset(text + begin, ' ', n); }

static int is_empty(const char *text, size_t begin, size_t end)
{
    while (begin < end && is_blank(text[begin]))
        begin++;
    return begin == end;
}

struct parsing {
    struct question *q;
    size_t cap_phrases, cap_prefixes;
    int is_unbalanced; /* no quote is left */
};

/* At a quote.  *i moves behind the phrase, or by one. */
static int take_phrase(struct parsing *p, size_t *i)
{
    struct question *q = p->q;
    const size_t n = quote_at(q->text, *i), begin = *i + n;
    size_t end;

    if (p->is_unbalanced || (*i && is_alnum(q->text[*i - 1]))) {
        *i = begin;
        return 0;
    }
    end = find_quote(q->text, begin);
    if (!q->text[end]) {
        p->is_unbalanced = 1;
        *i = begin;
        return 0;
    }
    if (!is_empty(q->text, begin, end) && q->n_phrases < QUERY_PHRASES) {
        if (mem_reserve((void **)&q->phrases, &p->cap_phrases, q->n_phrases + 1,
                        sizeof *q->phrases))
            return E_NOMEM;
        q->phrases[q->n_phrases++] = (struct span){begin, end};
    }
    *i = end + quote_at(q->text, end);
    blank(q->text, end, *i - end);
    blank(q->text, begin - n, n);
    return 0;
}

/* At a *. */
static int take_prefix(struct parsing *p, size_t i)
{
    struct question *q = p->q;

    if (!i || !ends_word(q->text[i - 1]) || goes_on(q->text[i + 1]) ||
        q->n_prefixes == QUERY_PREFIXES)
        return 0;
    if (mem_reserve((void **)&q->prefixes, &p->cap_prefixes, q->n_prefixes + 1,
                    sizeof *q->prefixes))
        return E_NOMEM;
    q->prefixes[q->n_prefixes++] = i;
    blank(q->text, i, 1);
    return 0;
}

int query_parse(struct question *out, const char *text, int syntax, struct err *err)
{
    struct parsing p = {.q = out};
    int rc = 0;

    memset(out, 0, sizeof *out);
    out->text = mem_strdup(text);
    if (!out->text)
        return err_nomem(err);
    if (syntax == QUERY_PLAIN)
        return 0;
    for (size_t i = 0; !rc && out->text[i];) {
        if (quote_at(out->text, i))
            rc = take_phrase(&p, &i);
        else if (out->text[i] == '*')
            rc = take_prefix(&p, i++);
        else
            i++;
    }
    if (!rc)
        return 0;
    query_clear(out);
    return err_nomem(err);
}

/* ---- prefixes ---- */

struct finding {
    const struct question *q;
    struct query_prefix *found; /* [n] */
    size_t n, next;             /* the next of q->prefixes */
};

static size_t count_characters(const char *s, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)s[i] & 0xc0) != 0x80;
    return count;
}

static int on_word(const struct term_token *t, void *payload)
{
    struct finding *f = payload;
    struct query_prefix *p = &f->found[f->n];

    while (f->next < f->q->n_prefixes && f->q->prefixes[f->next] < t->end)
        f->next++;
    if (f->next == f->q->n_prefixes || f->q->prefixes[f->next] != t->end ||
        count_characters(t->term, t->len) < QUERY_PREFIX_LEAST)
        return 0;
    memcpy(p->term, t->term, t->len);
    p->len = t->len;
    p->end = t->end;
    f->n++;
    f->next++;
    return 0;
}

int query_prefixes(struct query_prefix **out, size_t *n, const struct question *q,
                   struct analyzer *a, struct err *err)
{
    struct finding f = {.q = q};
    int rc;

    *out = NULL;
    *n = 0;
    if (!q->n_prefixes)
        return 0;
    f.found = mem_alloc(q->n_prefixes, sizeof *f.found);
    if (!f.found)
        return err_nomem(err);
    rc = analyzer_run_as(a, ANALYZER_ALL | ANALYZER_WHOLE, q->text, strlen(q->text), on_word, &f,
                         err);
    if (rc) {
        mem_free(f.found);
        return rc;
    }
    *out = f.found;
    *n = f.n;
    return 0;
}
