/* folder_inside.h -- what the readers of a model folder's files share; for model/folder*.c alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_FOLDER_INSIDE_H
#define MODEL_FOLDER_INSIDE_H

#include "base/err.h"
#include "base/json.h"
#include "model/folder.h"

/* One JSON file at work: its path for messages. */
struct source {
    char *path;
    struct json *root; /* an object or array */
};

/* Opens NAME in dir.  1: opened; 0: it does not exist; negative: error. */
int source_open(struct source *s, const char *dir, const char *name, struct err *err);

void source_close(struct source *s);

/* 1 if a value is absent or null. */
int source_lacks(const struct json *j);

/* An integer field of the root in lo..hi; it must be there. */
int source_int(int *out, const struct source *s, const char *key, int lo, int hi, struct err *err);

/* A field of an object in s that is true, false, or absent or null (*out stays). */
int source_bool(int *out, const struct source *s, const struct json *object, const char *key,
                struct err *err);

/* Replaces *out, which is freed, by a copy of text. */
int source_copy(char **out, const char *text, struct err *err);

/* modules.json and 1_Pooling/config.json: pooling, normalise. */
int folder_read_modules(struct folder *f, struct err *err);

/* tokenizer_config.json, tokenizer.json: how text is cleaned, special tokens; may lower max_tokens. */
int folder_read_tokenizer(struct folder *f, struct err *err);

/* sentence_bert_config.json: may lower max_tokens, or turn lower_case on. */
int folder_read_length(struct folder *f, struct err *err);

/* config_sentence_transformers.json: the prefixes. */
int folder_read_prompts(struct folder *f, struct err *err);

#endif
