/* fuzz_model.c -- JSON, weights, vocabularies and the tokenizer. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "model/folder.h"
#include "model/safetensors.h"
#include "model/tokenizer.h"
#include "model/vocabulary.h"
#include "tests/fuzz/fuzz.h"

static void run_json(const uint8_t *data, size_t n)
{
    struct json *j = NULL;
    struct buf out = {0};
    struct err err = {0};

    if (!json_parse(&j, (const char *)data, n, &err))
        json_write(&out, j);
    json_free(j);
    buf_clear(&out);
}

static void run_safetensors(const uint8_t *data, size_t n)
{
    struct safetensors *st = NULL;
    struct err err = {0};
    float row[64];

    if (safetensors_open(&st, fuzz_file(".safetensors", data, n), &err))
        return;
    for (int i = 0; i < safetensors_count(st); i++) {
        const struct tensor *t = safetensors_at(st, i);

        if (t->n && t->type != TENSOR_OTHER) {
            tensor_read_f32(row, t, 0, t->n < 64 ? t->n : 64);
            tensor_read_f32(row, t, t->n - 1, 1);
        }
    }
    safetensors_close(st);
}

/* A file in a folder of its own, made when first used. */
static const char *put(const char *name, const void *data, size_t n)
{
    static char dir[64];
    char path[128];
    FILE *f;

    snprintf(dir, sizeof dir, "fuzz-model-%ld", (long)getpid());
    mkdir(dir, 0700);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f)) {
        perror(path);
        exit(2);
    }
    return dir;
}

static void take_away(const char *dir, const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
    rmdir(dir);
}

/* The first byte says whether the rest is vocab.txt or tokenizer.json. */
static void run_vocabulary(const uint8_t *data, size_t n)
{
    const char *name = n && data[0] & 1 ? "tokenizer.json" : "vocab.txt", *dir;
    struct vocabulary v = {0};
    struct err err = {0};
    int id;

    if (!n)
        return;
    dir = put(name, data + 1, n - 1);
    if (!vocabulary_load(&v, dir, 1000, &err)) {
        vocabulary_find(&v, "the");
        vocabulary_match(&id, &v, "thethe", 6, 0);
        vocabulary_clear(&v);
    }
    take_away(dir, name);
}

static void run_tokenizer(const uint8_t *data, size_t n)
{
    static const char words[] =
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##s\na\nb\n##a\n##b\n\xc3\xa9\n##\xe4\xb8\xad\n";
    static char unk[] = "[UNK]", cls[] = "[CLS]", sep[] = "[SEP]";
    static struct tokenizer *t;
    struct folder folder = {0};
    struct ids ids = {0};
    struct err err = {0};

    if (!t) {
        const char *dir = put("vocab.txt", words, sizeof words - 1);

        folder = (struct folder){.path = (char *)(uintptr_t)dir,
                                 .vocab = 13,
                                 .lower_case = 1,
                                 .strip_accents = 1,
                                 .split_chinese = 1,
                                 .unk = unk,
                                 .cls = cls,
                                 .sep = sep};
        if (tokenizer_open(&t, &folder, &err)) {
            fprintf(stderr, "fuzz: %s\n", err.text);
            exit(2);
        }
        take_away(dir, "vocab.txt");
    }
    if (!tokenizer_add(&ids, t, (const char *)data, n, 64, &err))
        for (size_t i = 0; i < ids.n; i++)
            if (ids.v[i] < 0 || ids.v[i] >= 13)
                abort();
    ids_clear(&ids);
}

static void tensor_seeds(void)
{
    static const char head[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
                               "\"b\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[16,22]},"
                               "\"__metadata__\":{\"x\":\"y\"}}";
    unsigned char file[512] = {sizeof head - 1};

    memcpy(file + 8, head, sizeof head - 1);
    fuzz_seed(file, 8 + sizeof head - 1 + 22);
}

static const char *const json[] = {
    "{\"a\": [1, 2.5e-3, \"x\\u00e9\\ud83d\\ude00\", null, true, {}]}", NULL};
static const char *const words[] = {"{",
                                    "}",
                                    "[",
                                    "]",
                                    "\"dtype\"",
                                    "\"shape\"",
                                    "\"data_offsets\"",
                                    "\"BF16\"",
                                    "\"F32\"",
                                    "\"model\"",
                                    "\"vocab\"",
                                    "\"added_tokens\"",
                                    "18446744073709551615",
                                    "-1",
                                    "1e400",
                                    "[UNK]\n",
                                    "##",
                                    NULL};
static const char *const vocabularies[] = {
    "0[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##s\na\n",
    "1{\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"[UNK]\", "
    "\"continuing_subword_prefix\": \"##\", \"vocab\": "
    "{\"[UNK]\": 0, \"[CLS]\": 1, \"[SEP]\": 2, \"a\": 3, \"##a\": 4}}}",
    NULL};
static const char *const texts[] = {"the thes ab \xc3\xa9 \xe4\xb8\xad\xe6\x96\x87 [SEP] don't",
                                    NULL};

const struct fuzz_target fuzz_json = {"json", run_json, json, NULL, words};
const struct fuzz_target fuzz_safetensors = {"safetensors", run_safetensors, NULL, tensor_seeds,
                                             words};
const struct fuzz_target fuzz_vocabulary = {"vocabulary", run_vocabulary, vocabularies, NULL,
                                            words};
const struct fuzz_target fuzz_tokenizer = {"tokenizer", run_tokenizer, texts, NULL, words};
