/* write.c -- answers; see write.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/write.h"

#include <string.h>

#include "base/mem.h"
#include "model/session.h"

enum { WRITER_CELLS = 2048 };

struct writer {
    const struct reader *reader;
    struct session *session;
    float *logits; /* [vocab] */
    int cells;
};

int writer_open(struct writer **out, const struct reader *r, struct pool *pool, struct err *err)
{
    const struct decoder_config *c = decoder_config(reader_decoder(r));
    struct writer *w = mem_zalloc(1, sizeof *w);
    int rc;

    if (!w)
        return err_nomem(err);
    w->reader = r;
    w->cells = c->context < WRITER_CELLS ? c->context : WRITER_CELLS;
    w->logits = mem_alloc((size_t)c->vocab, sizeof *w->logits);
    rc = w->logits ? session_new(&w->session, reader_decoder(r), w->cells, pool, err)
                   : err_nomem(err);
    if (rc)
        writer_close(w);
    else
        *out = w;
    return rc;
}

void writer_close(struct writer *w)
{
    if (!w)
        return;
    session_free(w->session);
    mem_free(w->logits);
    mem_free(w);
}

/* The request as tokens: a turn, or as it is for a model without turns. */
static int encode(struct tokens *out, const struct reader *r, const char *request, struct err *err)
{
    const struct chat_message m = {"user", request, strlen(request)};

    if (reader_chat(r))
        return chat_encode(out, NULL, reader_chat(r), reader_tokenizer(r), &m, 1, 1, err);
    return tokenizer_encode(out, reader_tokenizer(r), request, m.n, ENCODE_ENDS, err);
}

static int likeliest(const float *logits, int n)
{
    int best = 0;

    for (int i = 1; i < n; i++)
        best = logits[i] > logits[best] ? i : best;
    return best;
}

static int is_end(const struct reader *r, int id)
{
    const struct special_ids ids = tokenizer_specials(reader_tokenizer(r));

    return id == ids.eos || id == ids.eot ||
           (reader_chat(r) && id == chat_end(reader_chat(r), reader_tokenizer(r)));
}

/* Writes token after token behind what was read. */
static int write_tokens(struct buf *out, struct writer *w, int max_tokens, struct err *err)
{
    const int vocab = decoder_config(reader_decoder(w->reader))->vocab;
    struct decoding d = {0};
    int rc = 0;

    for (int i = 0; i < max_tokens && session_cells(w->session) < w->cells && !rc; i++) {
        int rows, id;

        session_states(w->session, &rows);
        rc = session_logits(w->logits, w->session, rows - 1, 1, err);
        if (rc || is_end(w->reader, id = likeliest(w->logits, vocab)))
            break;
        rc = tokenizer_decode(out, &d, reader_tokenizer(w->reader), &id, 1, 0, err);
        rc = rc ? rc
                : session_read(w->session, &(struct session_input){.ids = &id, .n = 1}, NULL, err);
    }
    decoding_end(out, &d);
    return rc ? rc : buf_error(out) ? err_nomem(err) : 0;
}

int writer_answer(struct buf *out, struct writer *w, const char *request, int max_tokens,
                  struct err *err)
{
    static const char blanks[] = " \t\n\v\f\r";
    struct tokens list = {0};
    struct buf answer = {0};
    size_t skip;
    int rc = encode(&list, w->reader, request, err);

    session_cut(w->session, 0);
    if (!rc && list.n >= (size_t)w->cells)
        rc = err_set(err, E_LIMIT, "the request has %zu tokens; %d can be read", list.n, w->cells);
    rc = rc ? rc
            : session_read(w->session, &(struct session_input){.ids = list.ids, .n = (int)list.n},
                           NULL, err);
    rc = rc ? rc : write_tokens(&answer, w, max_tokens, err);
    while (!rc && answer.len && strchr(blanks, answer.data[answer.len - 1]))
        answer.data[--answer.len] = '\0';
    skip = strspn(buf_text(&answer), blanks);
    if (!rc)
        buf_add(out, buf_text(&answer) + skip, answer.len - skip);
    rc = rc ? rc : buf_error(out) ? err_nomem(err) : 0;
    tokens_clear(&list);
    buf_clear(&answer);
    return rc;
}
