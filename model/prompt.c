/* prompt.c -- the pieces of a prompt, as tokens. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/prompt.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static const char BLANK_LINE[] = "\n\n";
static const char HEAD[] = " Here are some paragraphs:";
static const char QUERY[] = "Query:";
static const char *const sentences[] = {
    [PROMPT_FIND] = "Find the paragraphs above that hold what the following query needs.",
    [PROMPT_ANSWER] = "Answer the following question with what the paragraphs above say.",
};

/* ---- pieces ---- */

/* Appends words of the prompt itself, which stand for no text of a user. */
static int put_words(struct tokens *out, const struct reader *r, const char *words, struct err *err)
{
    const size_t first = out->n;
    int rc = tokenizer_encode(out, reader_tokenizer(r), words, strlen(words), 0, err);

    for (size_t i = first; i < out->n; i++)
        out->spans[i] = (struct token_span){0, 0};
    return rc;
}

/* Appends text[begin..end-1] of a user's behind a blank or nothing, at most `most` tokens; spans are bytes of text.  *is_cut
 * becomes 1 if there were more. */
static int put_text(struct tokens *out, int *is_cut, const struct reader *r, const char *text,
                    size_t begin, size_t end, int blank, size_t most, struct err *err)
{
    const size_t first = out->n, lead = blank ? 1 : 0;
    struct buf piece = {0};
    int rc;

    buf_add(&piece, " ", lead);
    buf_add(&piece, text + begin, end - begin);
    rc = buf_error(&piece)
             ? err_nomem(err)
             : tokenizer_encode(out, reader_tokenizer(r), buf_text(&piece), piece.len, 0, err);
    if (!rc && out->n > first + most) {
        out->n = first + most;
        *is_cut = 1;
    }
    for (size_t i = first; i < out->n; i++) {
        struct token_span *s = &out->spans[i];

        s->begin = (uint32_t)(begin + (s->begin > lead ? s->begin - lead : 0));
        s->end = (uint32_t)(begin + (s->end > lead ? s->end - lead : 0));
    }
    buf_clear(&piece);
    return rc;
}

/* What begins every text that the model knows, but does not end it. */
static int put_begin(struct tokens *out, const struct reader *r, struct err *err)
{
    const struct special_ids ids = tokenizer_specials(reader_tokenizer(r));
    const size_t first = out->n;
    int rc = tokenizer_encode(out, reader_tokenizer(r), "", 0, ENCODE_ENDS, err);

    if (!rc && out->n > first && out->ids[out->n - 1] == ids.eos && ids.eos != ids.bos)
        out->n--;
    return rc;
}

/* ---- head ---- */

int prompt_head(struct tokens *out, const struct reader *r, struct err *err)
{
    const size_t first = out->n;
    struct tokens after = {0};
    int rc = reader_chat(r) ? chat_turn(out, &after, reader_chat(r), reader_tokenizer(r), err)
                            : put_begin(out, r, err);

    rc = rc ? rc : put_words(out, r, HEAD, err);
    if (rc)
        out->n = first;
    tokens_clear(&after);
    return rc;
}

/* ---- passage ---- */

/* Bytes of a text up to the first so many pieces between single spaces. */
static size_t cut_words(const char *text, size_t n, int words)
{
    size_t at = 0;

    while (at < n && (text[at] != ' ' || --words > 0))
        at++;
    return at;
}

static int is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The end of a text without blanks. */
static size_t skip_blanks_back(const char *text, size_t n)
{
    while (n && is_blank(text[n - 1]))
        n--;
    return n;
}

int prompt_passage(struct tokens *out, struct prompt_range *where, const struct reader *r,
                   const struct prompt_passage *p, int number, size_t max_tokens, struct err *err)
{
    const size_t first = out->n, n_text = cut_words(p->text, p->n_text, PROMPT_WORDS);
    struct buf text = {0};
    size_t begin = 0, end;
    char marker[16];
    int rc = put_words(out, r, BLANK_LINE, err);

    where->begin = out->n;
    snprintf(marker, sizeof marker, "[%d]", number);
    if (!rc && number)
        rc = put_words(out, r, marker, err);
    buf_add(&text, p->title, p->n_title);
    buf_putc(&text, '\n');
    buf_add(&text, p->text, n_text);
    end = text.len;
    while (begin < end && is_blank(text.data[begin]))
        begin++;
    end = begin + skip_blanks_back(text.data + begin, end - begin);
    where->is_cut = n_text < skip_blanks_back(p->text, p->n_text);
    if (!rc && buf_error(&text))
        rc = err_nomem(err);
    if (begin < end)
        rc = rc ? rc
                : put_text(out, &where->is_cut, r, buf_text(&text), begin, end, number, max_tokens,
                           err);
    else
        where->begin = out->n; /* a marker alone is no passage */
    where->end = out->n;
    if (rc)
        out->n = first;
    buf_clear(&text);
    return rc;
}

/* ---- tail ---- */

int prompt_tail(struct tokens *out, struct prompt_tail *where, const struct reader *r,
                const char *query, size_t n, int wants, size_t max_words, struct err *err)
{
    const size_t first = out->n;
    struct tokens before = {0};
    size_t skip = 0;
    int rc = put_words(out, r, BLANK_LINE, err);

    while (skip < n && is_blank(query[skip]))
        skip++;
    n = skip + skip_blanks_back(query + skip, n - skip);
    *where = (struct prompt_tail){.asks.begin = out->n};
    rc = rc ? rc : put_words(out, r, sentences[wants], err);
    rc = rc ? rc : put_words(out, r, BLANK_LINE, err);
    rc = rc ? rc : put_words(out, r, QUERY, err);
    where->words.begin = out->n;
    rc = rc ? rc : put_text(out, &where->words.is_cut, r, query, skip, n, 1, max_words, err);
    where->words.end = out->n;
    if (!rc && reader_chat(r))
        rc = chat_turn(&before, out, reader_chat(r), reader_tokenizer(r), err);
    where->asks.end = out->n;
    if (rc)
        out->n = first;
    tokens_clear(&before);
    return rc;
}
