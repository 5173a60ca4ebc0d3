/* chat.h -- how a conversation is spelled for a model: its chat template, as a row of a table.
 *
 *     const struct chat *chat = NULL;
 *     struct chat_message m = {"user", question, strlen(question)};
 *     if (chat_find(&chat, t, template, n_template, "llama", &err) ||
 *         chat_encode(&list, NULL, chat, t, &m, 1, 1, &err))
 *         fail(err.text);
 *
 * Templates in model files are programs in a template language; they are not run.  They are recognised, and what
 * they would write is written by the row.  Marks of turns are put in as token ids and never by way of text, so
 * that no message can end its turn.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_CHAT_H
#define MODEL_CHAT_H

#include <stddef.h>

#include "base/err.h"
#include "model/tokenizer.h"

struct chat;

struct chat_message {
    const char *role; /* "system", "user" or "assistant" */
    const char *text; /* [n] */
    size_t n;
};

/* Where a message's text is in a list of tokens. */
struct chat_range {
    size_t begin, end; /* tokens; the first and the last may hold bytes of the template too */
};

/* Finds the row of a model.
 *
 * text          [n], the model's template (tokenizer.chat_template); NULL = it has none
 * architecture  general.architecture, for models without a template; may be NULL
 *
 * Errors: E_NOTFOUND, with the known names, for a template that is not known; E_FORMAT if the vocabulary lacks one of
 * the template's tokens.
 */
int chat_find(const struct chat **out, const struct tokenizer *t, const char *text, size_t n,
              const char *architecture, struct err *err);

/* "smollm2", "qwen2.5", "chatml", "gemma", "llama3", "llama3.1". */
const char *chat_name(const struct chat *chat);

/* The token that ends a turn, at which writing an answer stops. */
int chat_end(const struct chat *chat, const struct tokenizer *t);

/* Appends the tokens of a conversation.
 *
 * messages  [n]; "system" only as the first.  Spans of tokens are bytes of their message's text; of the template's own
 *           words they are empty.
 * where     [n] or NULL: the tokens of each message's text
 * answer    1: ends with the begin of the assistant's turn
 *
 * Returns 0; E_INVALID for a role that there is not, or one that is not where it may be; those of tokenizer_encode.
 * On failure the list is as it was.
 */
int chat_encode(struct tokens *out, struct chat_range *where, const struct chat *chat,
                const struct tokenizer *t, const struct chat_message *messages, size_t n,
                int answer, struct err *err);

/* Appends what stands around a text of the user's that is the whole conversation, without a system's message: the tokens
 * before it, and those behind it up to the begin of the answer.  Spans are empty.
 * Errors: those of tokenizer_encode; the lists are then as they were. */
int chat_turn(struct tokens *before, struct tokens *after, const struct chat *chat,
              const struct tokenizer *t, struct err *err);

#endif
