/* folder.h -- what the JSON files of a model folder say, read once and range-checked.
 *
 *     struct folder f = {0};
 *     if (folder_read(&f, "/models/minilm", &err))
 *         fail(err.text);
 *     ... f.layers, f.pooling ...
 *     folder_clear(&f);
 *
 * The layout is the one of sentence-transformers, which adds to a transformers folder:
 *
 *     config.json                         the network's shape             needed
 *     model.safetensors                   the weights                     needed (not read here)
 *     vocab.txt or tokenizer.json         the vocabulary                  one is needed (read by the tokenizer)
 *     tokenizer_config.json               how text is cleaned             optional
 *     modules.json                        what comes after the network    optional: else SPLADE pooling if the architecture
 *                                                                         is BertForMaskedLM, a pair's score if it is
 *                                                                         BertForSequenceClassification, else mean; not normalised
 *     1_Pooling/config.json               how tokens become one vector    needed if modules.json names it
 *     1_SpladePooling/config.json         the same of a SparseEncoder     needed if modules.json names it
 *     sentence_bert_config.json           longest text                    optional
 *     config_sentence_transformers.json   prompts                         optional
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_FOLDER_H
#define MODEL_FOLDER_H

#include "base/err.h"

enum { FOLDER_GELU, FOLDER_GELU_TANH, FOLDER_RELU };
enum { FOLDER_MEAN, FOLDER_CLS, FOLDER_SPLADE, FOLDER_PAIR };

struct folder {
    char *path;         /* the folder */
    char *name;         /* its last part */
    char *weights_path; /* model.safetensors in it */

    /* config.json */
    char *architecture;   /* model_type: "bert", ... */
    int hidden;           /* D, a multiple of heads */
    int layers;           /* L */
    int heads;            /* H */
    int intermediate;     /* F */
    int vocab;            /* V, rows of the word embeddings */
    int positions;        /* rows of the position embeddings */
    int types;            /* rows of the token type embeddings */
    int activation;       /* FOLDER_GELU (erf), FOLDER_GELU_TANH, FOLDER_RELU */
    float layer_norm_eps; /* above 0 */

    /* modules.json, 1_Pooling/config.json, sentence_bert_config.json */
    int pooling; /* FOLDER_MEAN, FOLDER_CLS; FOLDER_SPLADE: weighted words, not a vector; FOLDER_PAIR: a pair's score */
    int normalise;  /* 1 if vectors are brought to length 1 */
    int max_tokens; /* longest text, special tokens included; 3..positions */

    /* config_sentence_transformers.json; "" if none */
    char *query_prefix;
    char *passage_prefix;

    /* tokenizer_config.json, else tokenizer.json, else BERT's defaults */
    int lower_case;        /* 1 or 0 */
    int strip_accents;     /* 1 or 0 */
    int split_chinese;     /* 1 or 0: each Chinese character is a word of its own */
    char *unk, *cls, *sep; /* spelling of the special tokens */
};

/* Reads the folder's JSON files into a zeroed *f.
 *
 * Errors: E_NOTFOUND (no folder, no config.json); E_FORMAT names file and field; E_INVALID
 * for a pooling, module, activation or position embedding that fovea does not have, by name.
 * On failure *f is left zeroed.
 */
int folder_read(struct folder *f, const char *path, struct err *err);

/* Frees and zeroes. */
void folder_clear(struct folder *f);

#endif
