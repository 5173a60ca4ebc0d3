/* vocabulary.c -- loading, and a byte trie kept as a hash table of edges.
 *
 * An edge (node, byte) is hashed to a slot, and the slot's number names the node it leads to, so that a step is one
 * probe, mostly in cache. The table is sized by the bytes of all tokens, an upper bound of the edges: never over
 * half full, never grown. Tokens and texts are valid UTF-8, so a match cannot end inside a character.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/vocabulary.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/mem.h"
#include "base/utf8.h"

enum {
    TEXT_MAX = 8 << 20, /* bytes of all tokens: keeps node numbers within 24 bits */
    NO_TOKEN = -1,
};

struct vocabulary_slot {
    uint32_t key; /* node << 8 | byte; 0 is an empty slot */
    int32_t id;   /* of the token that ends here, or NO_TOKEN */
};

/* ---- tokens as loaded, before the trie ---- */

struct token {
    size_t at; /* in the text */
    uint32_t n;
    int32_t id;
};

struct tokens {
    struct buf text;
    struct token *v; /* [n] */
    size_t n, cap;
    int limit;
    const char *path;
    struct err *err;
};

static int add_token(struct tokens *t, const char *s, size_t n, int64_t id)
{
    if (id < 0 || id >= t->limit)
        return err_set(t->err, E_FORMAT,
                       "'%s': token '%.40s' has id %lld, the model's vocabulary ends at %d",
                       t->path, s, (long long)id, t->limit - 1);
    if (utf8_check(s, n) != n)
        return err_set(t->err, E_FORMAT, "'%s': token %lld is not UTF-8", t->path, (long long)id);
    if (t->text.len + n > TEXT_MAX)
        return err_set(t->err, E_LIMIT, "'%s': the tokens have over %d bytes", t->path, TEXT_MAX);
    if (mem_reserve((void **)&t->v, &t->cap, t->n + 1, sizeof *t->v))
        return err_nomem(t->err);
    t->v[t->n++] = (struct token){t->text.len, (uint32_t)n, (int32_t)id};
    buf_add(&t->text, s, n);
    return buf_error(&t->text) ? err_nomem(t->err) : 0;
}

static int load_lines(struct tokens *t)
{
    struct lines *in = NULL;
    char *line;
    size_t n;
    int rc = lines_open(&in, t->path, t->err);

    if (rc)
        return rc;
    for (int64_t id = 0; (rc = lines_next(&line, &n, in, t->err)) == 1; id++) {
        rc = add_token(t, line, n, id);
        if (rc)
            break;
    }
    lines_close(in);
    return rc;
}

static int add_member(const char *key, const struct json *value, void *payload)
{
    return add_token(payload, key, strlen(key), json_int(value, -1));
}

/* Only what this tokenizer does may stand in the file: anything else would give other ids. */
static int check_kind(const struct json *model, const struct tokens *t)
{
    const char *type = json_text(json_get(model, "type"), "WordPiece");
    const char *prefix = json_text(json_get(model, "continuing_subword_prefix"), "##");
    int64_t longest = json_int(json_get(model, "max_input_chars_per_word"), 100);

    if (strcmp(type, "WordPiece") != 0)
        return err_set(t->err, E_INVALID, "'%s': a %.40s tokenizer; this model needs WordPiece",
                       t->path, type);
    if (strcmp(prefix, "##") != 0)
        return err_set(t->err, E_INVALID, "'%s': pieces continue words with '%.40s', not '##'",
                       t->path, prefix);
    if (longest != 100)
        return err_set(t->err, E_INVALID, "'%s': max_input_chars_per_word is %lld, not 100",
                       t->path, (long long)longest);
    if (!json_is_object(json_get(model, "vocab")))
        return err_set(t->err, E_FORMAT, "'%s': field 'model.vocab' is not an object", t->path);
    return 0;
}

static int load_json(struct tokens *t)
{
    struct json *root = NULL;
    const struct json *model;
    int rc = json_load(&root, t->path, t->err);

    if (rc)
        return rc;
    model = json_get(root, "model");
    rc = check_kind(model, t);
    if (!rc)
        rc = json_each(json_get(model, "vocab"), add_member, t);
    json_free(root);
    return rc;
}

/* ---- the trie ---- */

static uint32_t slot_of(const struct vocabulary *v, uint32_t key)
{
    return (key * 0x9e3779b1u) >> (32 - v->bits);
}

/* The node behind the edge (node, byte), or 0. */
static inline uint32_t step(const struct vocabulary *v, uint32_t node, unsigned char byte)
{
    uint32_t key = node << 8 | byte, mask = (1u << v->bits) - 1, i = slot_of(v, key);

    while (v->slots[i].key != key) {
        if (!v->slots[i].key)
            return 0;
        i = (i + 1) & mask;
    }
    return i + 1;
}

static uint32_t step_or_add(struct vocabulary *v, uint32_t node, unsigned char byte)
{
    uint32_t key = node << 8 | byte, mask = (1u << v->bits) - 1, i = slot_of(v, key);

    while (v->slots[i].key != key) {
        if (!v->slots[i].key) {
            v->slots[i].key = key;
            v->slots[i].id = NO_TOKEN;
            break;
        }
        i = (i + 1) & mask;
    }
    return i + 1;
}

static int build(struct vocabulary *v, const struct tokens *t)
{
    const char *text = buf_text(&t->text);

    v->bits = 10;
    while ((size_t)1 << v->bits < 2 * t->text.len)
        v->bits++;
    v->slots = mem_zalloc((size_t)1 << v->bits, sizeof *v->slots);
    if (!v->slots)
        return err_nomem(t->err);
    for (size_t i = 0; i < t->n; i++) {
        uint32_t node = 0;

        if (memchr(text + t->v[i].at, 0, t->v[i].n)) /* cleaned text has no NUL: can't match */
            continue;
        for (uint32_t k = 0; k < t->v[i].n; k++)
            node = step_or_add(v, node, (unsigned char)text[t->v[i].at + k]);
        if (node)
            v->slots[node - 1].id = t->v[i].id; /* of two equal tokens the later counts */
    }
    v->inner = step(v, 0, '#');
    if (v->inner)
        v->inner = step(v, v->inner, '#');
    return 0;
}

int vocabulary_load(struct vocabulary *v, const char *dir, int limit, struct err *err)
{
    struct tokens t = {.limit = limit, .err = err};
    char *lines = file_join(dir, "vocab.txt"), *json = file_join(dir, "tokenizer.json");
    int rc;

    if (!lines || !json) {
        rc = err_nomem(err);
    } else if (file_exists(lines)) {
        t.path = lines;
        rc = load_lines(&t);
    } else if (file_exists(json)) {
        t.path = json;
        rc = load_json(&t);
    } else {
        rc = err_set(err, E_NOTFOUND, "'%s' has neither vocab.txt nor tokenizer.json", dir);
    }
    if (!rc)
        rc = build(v, &t);
    mem_free(t.v);
    buf_clear(&t.text);
    mem_free(lines);
    mem_free(json);
    return rc;
}

void vocabulary_clear(struct vocabulary *v)
{
    mem_free(v->slots);
    memset(v, 0, sizeof *v);
}

int vocabulary_find(const struct vocabulary *v, const char *token)
{
    uint32_t node = 0;

    for (; *token; token++) {
        node = step(v, node, (unsigned char)*token);
        if (!node)
            return NO_TOKEN;
    }
    return node ? v->slots[node - 1].id : NO_TOKEN;
}

int vocabulary_spell(struct buf *out, const struct vocabulary *v, int id)
{
    const size_t n = (size_t)1 << v->bits;
    size_t end = 0, length = 0;
    char *to;

    while (end < n && (!v->slots[end].key || v->slots[end].id != id))
        end++;
    if (end == n)
        return 0;
    /* the way back: the upper half of a key is the node that the edge leaves, the root is 0 */
    for (uint32_t node = (uint32_t)end + 1; node; node = v->slots[node - 1].key >> 8)
        length++;
    to = buf_extend(out, length);
    for (uint32_t node = (uint32_t)end + 1; to && node; node = v->slots[node - 1].key >> 8)
        to[--length] = (char)v->slots[node - 1].key;
    return 1;
}

size_t vocabulary_match(int *id, const struct vocabulary *v, const char *s, size_t n, int inside)
{
    uint32_t node = inside ? v->inner : 0;
    size_t longest = 0;

    if (inside && !node)
        return 0;
    for (size_t i = 0; i < n; i++) {
        node = step(v, node, (unsigned char)s[i]);
        if (!node)
            break;
        if (v->slots[node - 1].id != NO_TOKEN) {
            *id = v->slots[node - 1].id;
            longest = i + 1;
        }
    }
    return longest;
}
