/* architectures.c -- see architectures.h.
 *
 * Sources: Touvron et al., "LLaMA", 2023; the Qwen2 and Qwen3 technical reports, 2024 and 2025; "Gemma 3 Technical
 * Report", 2025.  Values' names: ggml's docs/gguf.md.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/architectures.h"

#include <stdio.h>
#include <string.h>

static const struct architecture llama = {.name = "llama"};
static const struct architecture qwen2 = {.name = "qwen2", .pairs_are_halves = 1};
static const struct architecture qwen3 = {
    .name = "qwen3", .pairs_are_halves = 1, .has_head_norms = 1};
static const struct architecture gemma3 = {.name = "gemma3",
                                           .pairs_are_halves = 1,
                                           .has_head_norms = 1,
                                           .has_output_norms = 1,
                                           .uses_gelu = 1,
                                           .scales_embeddings = 1,
                                           .window_pattern = 6,
                                           .local_rope_base = 10000};

const struct architecture *const architectures[] = {&llama, &qwen2, &qwen3, &gemma3, NULL};

enum { MAX_WIDTH = 1 << 15, MAX_LAYERS = 1000, MAX_ROWS = 1 << 24 };

static int find_architecture(const struct architecture **out, const struct gguf *g, struct err *err)
{
    struct token_text name;
    int rc = gguf_need_text(&name, g, "general.architecture", err);

    for (int i = 0; !rc && architectures[i]; i++)
        if (strlen(architectures[i]->name) == name.n &&
            !memcmp(architectures[i]->name, name.p, name.n)) {
            *out = architectures[i];
            return 0;
        }
    return rc ? rc
              : err_set(
                    err, E_INVALID,
                    "%s: architecture %.*s, which fovea does not run; it runs llama, qwen2, qwen3 "
                    "and gemma3",
                    gguf_path(g), (int)(name.n > 60 ? 60 : name.n), name.p);
}

/* Where values are read from: their names begin with the architecture's. */
struct reader {
    const struct gguf *g;
    const char *prefix;
    struct err *err;
    int rc;
};

static const char *key(char out[96], const struct reader *r, const char *name)
{
    snprintf(out, 96, "%s.%s", r->prefix, name);
    return out;
}

/* An integer in 1..most; `otherwise` if it is missing, which -1 forbids. */
static int size(struct reader *r, const char *name, int64_t most, int otherwise)
{
    char k[96];
    int64_t v = otherwise;
    int rc;

    if (r->rc)
        return 1;
    rc = otherwise < 0 ? gguf_need_int(&v, r->g, key(k, r, name), 1, most, r->err)
                       : gguf_int(&v, r->g, key(k, r, name), 1, most, r->err);
    if (rc < 0)
        r->rc = rc;
    return (int)v;
}

static float number(struct reader *r, const char *name, float otherwise)
{
    char k[96];
    float v = otherwise;
    int rc = r->rc ? 0 : gguf_number(&v, r->g, key(k, r, name), r->err);

    if (rc < 0)
        r->rc = rc;
    return v;
}

/* What positions are divided by, by old and new names.  Other scaling is in a tensor (llama 3), or refused: it would be
 * computed wrongly. */
static float read_rope_scale(struct reader *r)
{
    static const char *const names[] = {"rope.scaling.type", "rope.scaling.factor",
                                        "rope.scale_linear"};
    char k[96];
    struct token_text type = {"none", 4};
    int rc = gguf_text(&type, r->g, key(k, r, names[0]), r->err), is_linear;
    float factor = number(r, names[1], 1), old = number(r, names[2], 1);

    if (rc < 0)
        r->rc = rc;
    if (r->rc)
        return 1;
    is_linear = type.n == 6 && !memcmp(type.p, "linear", 6);
    if (!is_linear && !(type.n == 4 && !memcmp(type.p, "none", 4)) && factor != 1.0f)
        r->rc =
            err_set(r->err, E_INVALID, "%s: %s is %.*s, which fovea does not compute",
                    gguf_path(r->g), key(k, r, names[0]), (int)(type.n > 40 ? 40 : type.n), type.p);
    factor = is_linear ? factor : old;
    if (!r->rc && !(factor > 1e-3f && factor < 1e6f))
        r->rc = err_set(r->err, E_FORMAT, "%s: scaling RoPE by %g is not sensible", gguf_path(r->g),
                        (double)factor);
    return factor;
}

static int check(const struct decoder_config *c, const struct gguf *g, struct err *err)
{
    if (c->heads % c->kv_heads || c->d % 2)
        return err_set(err, E_FORMAT, "%s: %d heads of %d with %d key heads cannot be",
                       gguf_path(g), c->heads, c->d, c->kv_heads);
    if (c->heads * c->d > MAX_WIDTH)
        return err_set(err, E_FORMAT, "%s: %d heads of %d are wider than any such model",
                       gguf_path(g), c->heads, c->d);
    if (!(c->eps > 0 && c->eps < 1) || !(c->rope_base > 1))
        return err_set(err, E_FORMAT, "%s: epsilon %g or RoPE base %g is not sensible",
                       gguf_path(g), (double)c->eps, (double)c->rope_base);
    return 0;
}

int decoder_config_read(struct decoder_config *out, const struct gguf *g, struct err *err)
{
    struct decoder_config c = {0};
    struct reader r = {.g = g, .err = err};
    const struct gguf_tensor *words = gguf_find(g, "token_embd.weight");
    int64_t window = 0;
    char k[96];
    int rc = find_architecture(&c.arch, g, err);

    if (rc)
        return rc;
    if (!words)
        return err_set(err, E_FORMAT, "%s: tensor token_embd.weight is missing", gguf_path(g));
    r.prefix = c.arch->name;
    c.layers = size(&r, "block_count", MAX_LAYERS, -1);
    c.D = size(&r, "embedding_length", MAX_WIDTH, -1);
    c.heads = size(&r, "attention.head_count", DECODER_MAX_HEADS, -1);
    c.kv_heads = size(&r, "attention.head_count_kv", DECODER_MAX_HEADS, c.heads);
    c.d = size(&r, "attention.key_length", MAX_WIDTH, c.D / c.heads ? c.D / c.heads : 1);
    c.F = size(&r, "feed_forward_length", 1 << 18, -1);
    c.context = size(&r, "context_length", MAX_ROWS, -1);
    c.eps = number(&r, "attention.layer_norm_rms_epsilon", 1e-5f);
    c.rope_base = number(&r, "rope.freq_base", 10000);
    if (!r.rc && size(&r, "attention.value_length", MAX_WIDTH, c.d) != c.d)
        r.rc = err_set(err, E_INVALID, "%s: keys and values of different lengths", gguf_path(g));
    if (!r.rc && size(&r, "rope.dimension_count", MAX_WIDTH, c.d) != c.d)
        r.rc =
            err_set(err, E_INVALID, "%s: RoPE over a part of a head, which fovea does not compute",
                    gguf_path(g));
    c.rope_scale = read_rope_scale(&r);
    if (!r.rc)
        r.rc = gguf_int(&window, g, key(k, &r, "attention.sliding_window"), 0, MAX_ROWS, err);
    if (r.rc < 0)
        return r.rc;
    c.window = c.arch->window_pattern ? (int)window : 0;
    if (words->rows > MAX_ROWS)
        return err_set(err, E_FORMAT, "%s: token_embd.weight has too many rows", gguf_path(g));
    c.vocab = (int)words->rows;
    rc = check(&c, g, err);
    if (!rc)
        *out = c;
    return rc;
}
