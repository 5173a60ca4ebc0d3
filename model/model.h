/* model.h -- runs small transformers on the CPU.  The encoder half: text to vector.
 *
 *     struct model *m = NULL;
 *     struct err err = {0};
 *     if (model_open(&m, "/models/minilm", NULL, &err))
 *         fail(err.text);
 *     float v[384];
 *     struct model_text t = {"what is a fovea?", 16};
 *     if (model_embed(v, m, NULL, &t, 1, MODEL_QUERY, &err))
 *         fail(err.text);
 *     model_close(m);
 *
 * A model is read-only once open and may be shared by threads; what changes
 * while text flows through lives in scratch memory of each call's workers.
 *
 * Shapes are [slowest, ..., fastest], row-major, float32 unless said.
 * L layers, H heads, T tokens of one text, D hidden size, V vocabulary.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/pool.h"

struct model;

enum {
    MODEL_I8 = 0,  /* 8-bit weights and activations (default) */
    MODEL_F32 = 1, /* float32 throughout: the reference */
};

/* What a text is for: models may want another prefix for each. */
enum { MODEL_QUERY = 0, MODEL_PASSAGE = 1 };

struct model_options {
    int precision; /* MODEL_I8 or MODEL_F32 */
    int max_tokens; /* cut texts to this many tokens, special ones included; 0 = the model's own limit */
    const char *kernels; /* "scalar", "avx2", "avx512"; NULL = the best this processor has */
};

/* What a learned sparse model makes of a text: words of its vocabulary, each with a weight. */
struct model_word {
    int32_t token; /* 0..V-1 */
    float weight;  /* above 0, finite */
};

/* Zeroed = empty. */
struct model_words {
    struct model_word *v; /* [n], tokens rising */
    size_t n, cap;
};
void model_words_clear(struct model_words *w);

struct model_text {
    const char *p; /* [n] UTF-8; invalid bytes are treated as U+FFFD */
    size_t n;
};

/* 1 for a path, 0 for a name: a path has a slash, ends in .gguf or .json, or is "." or "..".  What merely lies in the current
 * folder and is called like a model or a profile is not meant by its name. */
int model_is_path(const char *name);

/* Finds the folder of a model: `name` itself if it is the path of a folder, else NAME in $FOVEA_MODELS, else in
 * $XDG_DATA_HOME/fovea/models (~/.local/share/fovea/models), else in the current folder.
 * *path is the caller's (mem_free).  E_NOTFOUND says where it looked and how to fetch it. */
int model_find(char **path, const char *name, struct err *err);

/* Finds the file of a language model: `name` itself if it is the path of a file, else model.gguf, or the only .gguf, in the folder
 * that model_find finds.  *path is the caller's (mem_free).
 * E_NOTFOUND, also for the folder of an encoder; E_INVALID if there are several. */
int model_find_gguf(char **path, const char *name, struct err *err);

/* 1 if a name is the path of a file, or of a folder with .gguf files and without config.json: a language model.
 * 0 also if memory is out. */
int model_is_gguf(const char *name);

/* Opens a folder in the layout of sentence-transformers or transformers: config.json,
 * model.safetensors, vocab.txt or tokenizer.json; optional modules.json, 1_Pooling/config.json,
 * sentence_bert_config.json, config_sentence_transformers.json (prompts) decide pooling, length,
 * prefixes and normalisation.
 *
 * opt     NULL = defaults.
 * Errors: E_NOTFOUND, E_IO; E_FORMAT names file, tensor or field; E_INVALID for an
 * architecture that is not in the table.
 * Cost: maps the weights; quantises the matrices once (tens of milliseconds).
 */
int model_open(struct model **out, const char *path, const struct model_options *opt,
               struct err *err);
void model_close(struct model *m);

const char *model_name(const struct model *m); /* the folder's name */
const char *model_path(const struct model *m); /* the folder */
const char *
model_weights_path(const struct model *m); /* the weights file, which the SHA-256 is of */
const char *model_architecture(const struct model *m); /* "bert" */
const char *model_pooling(const struct model *m);      /* "mean", "cls", "splade" or "pair" */
const char *model_prefix(const struct model *m,
                         int kind);             /* "" if none; kind: MODEL_QUERY or MODEL_PASSAGE */
int model_is_normalised(const struct model *m); /* 1 if vectors have length 1 */
int model_dim(const struct model *m);           /* floats in a vector; 0 if it makes no vectors */
int model_is_sparse(const struct model *m);     /* 1 if texts become weighted words, not vectors */
int model_is_cross(const struct model *m);      /* 1 if it scores pairs: a cross-encoder */
int model_vocabulary(const struct model *m);    /* V */
int model_max_tokens(const struct model *m);    /* after options */
const char *model_kernels(const struct model *m); /* the kernel table in use */
const char *model_best_kernels(void); /* the table that this processor gets by default */
const char *
model_describe(const struct model *m); /* one line: layers, heads, parameters, precision */

/* SHA-256 of the weights file, computed on the first call and kept (hence no const). */
const char *model_sha256(struct model *m);

/* Embeds n texts; texts too long are cut at model_max_tokens.
 *
 * out     [n, model_dim]; row i belongs to texts[i].
 * pool    NULL = this thread alone.  The result does not depend on it.
 * kind    MODEL_QUERY or MODEL_PASSAGE.
 *
 * A vector does not depend on the other texts of the call either.
 * An empty text gives the vector of the special tokens alone.
 * Cost: O(sum of tokens); texts are sorted by length inside, no padding is computed.
 * Peak memory: scratch per worker of a few MB plus 4 bytes a token.
 */
int model_embed(float *out, struct model *m, struct pool *pool, const struct model_text *texts,
                size_t n, int kind, struct err *err);

/* The same with a sparse model: out [n], zeroed, becomes the weighted words of each text (SPLADE: the logarithm of 1 + the
 * largest logit over its tokens, where that is above 0); the caller's (model_words_clear each).
 * E_INVALID if the model makes vectors, as model_embed gives if it makes words. On failure out is empty. */
int model_embed_words(struct model_words *out, struct model *m, struct pool *pool,
                      const struct model_text *texts, size_t n, int kind, struct err *err);

/* Scores texts by how well they answer a query, with a cross-encoder: each is read together with the query.
 *
 * out      [n] the model's number: the logit of its one label, or how far the second of two is above the first.
 * cut      [n] 1 for a text that was too long and lost its end; or NULL.
 * n_query  out: tokens of the query; more than a pair has room for are cut where the reference cuts (pair.h).  Or NULL.
 * pool     NULL = this thread alone.  The result does not depend on it.
 *
 * A score does not depend on the other texts of the call.
 * E_INVALID if the model is none.  Cost: as model_embed, of texts with the query before each.
 */
int model_score_pairs(float *out, unsigned char *cut, size_t *n_query, struct model *m,
                      struct pool *pool, struct model_text query, const struct model_text *texts,
                      size_t n, struct err *err);

/* Appends the spelling of a token, "[17]" if the vocabulary has none of that number. */
void model_spell(struct buf *out, const struct model *m, int token);

/* Token ids of a text as the model sees it: prefix for kind, special tokens, cut at the limit.
 * *ids is the caller's (mem_free). */
int model_tokenize(int **ids, int *n_ids, struct model *m, struct model_text text, int kind,
                   struct err *err);

#endif
