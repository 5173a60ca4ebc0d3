/* chat.c -- the table of chat templates; see chat.h.
 *
 * All of them are turns of: a token, the role, a token or nothing, line feeds, the text, a token, line feeds or nothing.
 * Sources: the templates that SmolLM2, Qwen2.5, Gemma 3, Llama 3 and Llama 3.1 are published with.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/chat.h"

#include <string.h>

#include "base/buf.h"

/* A conversation: [first] and for each message begin ROLE [role_end] gap TEXT end [after]. */
struct chat {
    const char *name;
    const char *mark;         /* in the model's template */
    const char *architecture; /* of models that come without a template; NULL = none */
    const char *first;        /* token; NULL = none, likewise below */
    const char *begin;        /* token */
    const char *role_end;     /* token */
    const char *gap;          /* text behind the role */
    const char *end;          /* token */
    const char *after;        /* text behind it */
    const char *assistant;    /* what the role is called */
    const char *system; /* text of a system message that is put in if there is none; NULL = none */
    const char *preamble; /* text before that of the system's message, which then is always there */
    int trims;            /* 1: blanks around texts are cut off */
    int joins_system; /* 1: there is no such role; its text goes before the first of the user's */
};

#define CHATML                                                                                     \
    .begin = "<|im_start|>", .gap = "\n", .end = "<|im_end|>", .after = "\n",                      \
    .assistant = "assistant"
#define LLAMA3                                                                                     \
    .first = "<|begin_of_text|>", .begin = "<|start_header_id|>", .role_end = "<|end_header_id|>", \
    .gap = "\n\n", .end = "<|eot_id|>", .assistant = "assistant", .trims = 1

/* A template is the first row whose mark it has. */
static const struct chat chats[] = {
    {.name = "smollm2",
     .mark = "You are a helpful AI assistant named SmolLM",
     .system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face",
     CHATML},
    {.name = "qwen2.5",
     .mark = "You are Qwen, created by Alibaba Cloud",
     .system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
     CHATML},
    {.name = "chatml", .mark = "<|im_start|>", CHATML},
    {.name = "gemma",
     .mark = "<start_of_turn>",
     .architecture = "gemma3",
     .first = "<bos>",
     .begin = "<start_of_turn>",
     .gap = "\n",
     .end = "<end_of_turn>",
     .after = "\n",
     .assistant = "model",
     .trims = 1,
     .joins_system = 1},
    {.name = "llama3.1",
     .mark = "Cutting Knowledge Date: December 2023",
     .preamble = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n",
     .system = "",
     LLAMA3},
    {.name = "llama3", .mark = "<|start_header_id|>", LLAMA3},
};

enum { N_CHATS = sizeof chats / sizeof *chats };

const char *chat_name(const struct chat *chat) { return chat->name; }

int chat_end(const struct chat *chat, const struct tokenizer *t)
{
    return tokenizer_find_special(t, chat->end);
}

/* ---- find ---- */

static int is_row(const struct chat *c, const char *text, size_t n, const char *architecture)
{
    if (text && n)
        return memmem(text, n, c->mark, strlen(c->mark)) != NULL;
    return architecture && c->architecture && !strcmp(architecture, c->architecture);
}

static int check_tokens(const struct chat *c, const struct tokenizer *t, struct err *err)
{
    const char *const tokens[] = {c->first, c->begin, c->role_end, c->end};

    for (int i = 0; i < 4; i++)
        if (tokens[i] && tokenizer_find_special(t, tokens[i]) < 0)
            return err_set(
                err, E_FORMAT,
                "the chat template '%s' needs the token '%s', which the vocabulary lacks", c->name,
                tokens[i]);
    return 0;
}

int chat_find(const struct chat **out, const struct tokenizer *t, const char *text, size_t n,
              const char *architecture, struct err *err)
{
    struct buf known = {0};
    int rc;

    for (int i = 0; i < N_CHATS; i++)
        if (is_row(&chats[i], text, n, architecture)) {
            rc = check_tokens(&chats[i], t, err);
            if (!rc)
                *out = &chats[i];
            return rc;
        }
    for (int i = 0; i < N_CHATS; i++)
        buf_printf(&known, "%s%s", i ? ", " : "", chats[i].name);
    rc = buf_error(&known) ? err_nomem(err)
         : text && n ? err_set(err, E_NOTFOUND, "a chat template that is not known; known are %s",
                               buf_text(&known))
                     : err_set(err, E_NOTFOUND, "the model has no chat template; known are %s",
                               buf_text(&known));
    buf_clear(&known);
    return rc;
}

/* ---- encode ---- */

/* A stretch of a turn's text. */
struct stretch {
    const char *s; /* [n] */
    size_t n;
    size_t skipped;           /* bytes of the message before it */
    struct chat_range *where; /* what to fill, if it is a message's text */
    int is_message;
};

enum { STRETCHES_MAX = 8 };

/* One conversation on its way. */
struct writing {
    struct tokens *out;
    const struct chat *chat;
    const struct tokenizer *t;
    struct stretch turn[STRETCHES_MAX]; /* of the text that is next, cut as one */
    int n_turn;
    struct err *err;
};

static void add_words(struct writing *w, const char *words)
{
    if (words && *words)
        w->turn[w->n_turn++] = (struct stretch){.s = words, .n = strlen(words)};
}

static void add_message(struct writing *w, const struct chat_message *m, int trims,
                        struct chat_range *where)
{
    static const char blanks[] = " \t\n\v\f\r";
    size_t begin = 0, end = m->n;

    while (trims && begin < end && m->text[begin] && strchr(blanks, m->text[begin]))
        begin++;
    while (trims && begin < end && m->text[end - 1] && strchr(blanks, m->text[end - 1]))
        end--;
    w->turn[w->n_turn++] = (struct stretch){.s = end ? m->text + begin : "",
                                            .n = end - begin,
                                            .skipped = begin,
                                            .where = where,
                                            .is_message = 1};
}

/* Says which of the tokens from `first` on are those of a stretch at bytes begin..end of the turn. */
static struct chat_range range_of(const struct tokens *list, size_t first, size_t begin, size_t end)
{
    struct chat_range r = {first, first};

    while (r.begin < list->n && list->spans[r.begin].end <= begin)
        r.begin++;
    for (r.end = r.begin; r.end < list->n && list->spans[r.end].begin < end;)
        r.end++;
    return r;
}

/* Makes spans of the turn those of its messages: empty where there is none. */
static void set_spans(struct writing *w, size_t first)
{
    struct chat_range ranges[STRETCHES_MAX] = {{0, 0}};
    size_t begins[STRETCHES_MAX], at = 0;

    for (int k = 0; k < w->n_turn; k++) {
        begins[k] = at;
        ranges[k] = range_of(w->out, first, at, at + w->turn[k].n);
        at += w->turn[k].n;
        if (w->turn[k].where)
            *w->turn[k].where = ranges[k];
    }
    for (size_t i = first; i < w->out->n; i++) {
        struct token_span *s = &w->out->spans[i], was = *s;

        *s = (struct token_span){0, 0};
        for (int k = 0; k < w->n_turn; k++)
            if (w->turn[k].is_message && i >= ranges[k].begin && i < ranges[k].end) {
                size_t begin = was.begin < begins[k] ? 0 : was.begin - begins[k];
                size_t end = was.end - begins[k];

                end = end < w->turn[k].n ? end : w->turn[k].n;
                s->begin = (uint32_t)(begin + w->turn[k].skipped);
                s->end = (uint32_t)(end + w->turn[k].skipped);
            }
    }
}

/* Appends the tokens of the stretches that were added. */
static int put_text(struct writing *w)
{
    size_t first = w->out->n;
    struct buf all = {0};
    int rc;

    for (int k = 0; k < w->n_turn; k++)
        buf_add(&all, w->turn[k].s, w->turn[k].n);
    rc = buf_error(&all) == E_LIMIT ? err_set(w->err, E_LIMIT, "a message is too long")
         : buf_error(&all)          ? err_nomem(w->err)
                           : tokenizer_encode(w->out, w->t, buf_text(&all), all.len, 0, w->err);
    buf_clear(&all);
    if (!rc)
        set_spans(w, first);
    w->n_turn = 0;
    return rc;
}

static int put_token(struct writing *w, const char *token)
{
    int rc = token ? tokens_add(w->out, tokenizer_find_special(w->t, token), w->err) : 0;

    if (!rc && token)
        w->out->spans[w->out->n - 1] = (struct token_span){0, 0};
    return rc;
}

/* Begins a turn, and adds the words in front of its text. */
static int begin_turn(struct writing *w, const char *role)
{
    const struct chat *c = w->chat;
    int rc = put_token(w, c->begin);

    add_words(w, strcmp(role, "assistant") ? role : c->assistant);
    if (!rc && c->role_end) {
        rc = put_text(w);
        if (!rc)
            rc = put_token(w, c->role_end);
    }
    add_words(w, c->gap);
    return rc;
}

static int end_turn(struct writing *w)
{
    int rc = put_text(w);

    if (!rc)
        rc = put_token(w, w->chat->end);
    add_words(w, w->chat->after);
    return rc || !w->n_turn ? rc : put_text(w);
}

/* A system message of the conversation, or the one that the template puts in. */
static int put_system(struct writing *w, const struct chat_message *m, struct chat_range *where)
{
    int rc = begin_turn(w, "system");

    add_words(w, w->chat->preamble);
    if (m)
        add_message(w, m, w->chat->trims, where);
    else
        add_words(w, w->chat->system);
    return rc ? rc : end_turn(w);
}

static int check_roles(const struct chat *c, const struct chat_message *m, size_t n,
                       struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        int system = !strcmp(m[i].role, "system");

        if (!system && strcmp(m[i].role, "user") && strcmp(m[i].role, "assistant"))
            return err_set(err, E_INVALID,
                           "message %zu has the role '%.40s'; there are system, user, assistant", i,
                           m[i].role);
        if (system && i)
            return err_set(err, E_INVALID, "message %zu is the system's; only the first may be", i);
        if (system && c->joins_system && (n < 2 || strcmp(m[1].role, "user")))
            return err_set(err, E_INVALID,
                           "with the chat template '%s' a system message goes with a user's",
                           c->name);
    }
    return 0;
}

static int put_messages(struct writing *w, struct chat_range *where, const struct chat_message *m,
                        size_t n)
{
    const struct chat *c = w->chat;
    int has_system = n && !strcmp(m[0].role, "system"), rc = put_token(w, c->first);
    size_t i = 0;

    if (!rc && !c->joins_system && (has_system || c->system)) {
        rc = put_system(w, has_system ? &m[0] : NULL, has_system && where ? &where[0] : NULL);
        i = (size_t)has_system;
    }
    for (; i < n && !rc; i++) {
        int joined = i == 0 && has_system;

        rc = begin_turn(w, joined ? m[1].role : m[i].role);
        if (joined) {
            add_message(w, &m[i], 0, where ? &where[i] : NULL);
            add_words(w, "\n\n");
            i++;
        }
        add_message(w, &m[i], c->trims, where ? &where[i] : NULL);
        if (!rc)
            rc = end_turn(w);
    }
    return rc;
}

int chat_encode(struct tokens *out, struct chat_range *where, const struct chat *chat,
                const struct tokenizer *t, const struct chat_message *messages, size_t n,
                int answer, struct err *err)
{
    struct writing w = {.out = out, .chat = chat, .t = t, .err = err};
    size_t n_before = out->n;
    int rc = check_roles(chat, messages, n, err);

    if (!rc)
        rc = put_messages(&w, where, messages, n);
    if (!rc && answer) {
        rc = begin_turn(&w, "assistant");
        if (!rc)
            rc = put_text(&w);
    }
    if (rc)
        out->n = n_before;
    return rc;
}

int chat_turn(struct tokens *before, struct tokens *after, const struct chat *chat,
              const struct tokenizer *t, struct err *err)
{
    const size_t n_before = before->n, n_after = after->n;
    struct writing w = {.out = before, .chat = chat, .t = t, .err = err};
    int rc = put_token(&w, chat->first);

    rc = rc ? rc : begin_turn(&w, "user");
    rc = rc ? rc : put_text(&w);
    w.out = after;
    rc = rc ? rc : end_turn(&w);
    rc = rc ? rc : begin_turn(&w, "assistant");
    rc = rc ? rc : put_text(&w);
    if (rc) {
        before->n = n_before;
        after->n = n_after;
    }
    return rc;
}
