/* check_model_rope.c -- positions of seeded decoders, scaled and not, against transformers (tests/reference/decoder_rope.py). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdlib.h>

#include "base/lines.h"
#include "model/decoder.h"
#include "model/model.h"
#include "model/session.h"
#include "tests/gguf_writer.h"
#include "tests/tiny_gguf.h"

static struct err err;

enum { TOKENS = 200 };

struct rope_case {
    const char *name;
    int kv_heads;
    float base, factor, scale;
};
static const struct rope_case cases[] = {{"llama", 2, 10000, 0, 0},
                                         {"llama3", 2, 500000, 8, 0},
                                         {"linear", 2, 10000, 0, 4},
                                         {"mistral", 1, 1000000, 0, 0}};
enum { N_CASES = sizeof cases / sizeof *cases };

/* "CASE TOKEN LOGIT..." */
static int compare_line(const char *line, const struct rope_case *want, struct session *s,
                        int vocab)
{
    const size_t n = strlen(want->name);
    float *logits = mem_alloc((size_t)vocab, sizeof *logits);
    char *end;
    int found = 0;

    if (!strncmp(line, want->name, n) && line[n] == ' ') {
        const long token = strtol(line + n, &end, 10);

        ck_assert_ok(session_logits(logits, s, (int)token, 1, &err), &err);
        for (const char *p = end;; p = end, found++) {
            const double logit = strtod(p, &end);

            if (end == p)
                break;
            ck_assert_double_le(fabs((double)logits[found] - logit), 2e-3);
        }
    }
    mem_free(logits);
    return found;
}

START_TEST(logits_are_those_of_transformers_however_positions_are_scaled)
{
    const struct rope_case *want = &cases[_i];
    const struct decoder_options opt = {.precision = MODEL_F32, .has_head = 1};
    struct tiny_gguf tiny = tiny_gguf_of("llama");
    struct lines *golden = NULL;
    struct decoder *m = NULL;
    struct session *s = NULL;
    struct gguf *g = NULL;
    char dir[64], path[96], *line;
    int ids[TOKENS], found = 0, rc;
    size_t n;

    tiny.kv_heads = want->kv_heads;
    tiny.rope_base = want->base;
    tiny.rope_factor = want->factor;
    tiny.rope_scale = want->scale;
    for (int i = 0; i < TOKENS; i++)
        ids[i] = (i * 37 + 11) % 100;
    tmp_dir(dir);
    snprintf(path, sizeof path, "%s/model.gguf", dir);
    tiny_gguf_write(path, &tiny);
    ck_assert_ok(gguf_open(&g, path, &err), &err);
    ck_assert_ok(decoder_open(&m, g, &opt, NULL, &err), &err);
    ck_assert_ok(session_new(&s, m, TOKENS, NULL, &err), &err);
    ck_assert_ok(session_read(s, &(struct session_input){.ids = ids, .n = TOKENS}, NULL, &err),
                 &err);
    ck_assert_ok(lines_open(&golden, source_path("tests/golden/decoder_rope.txt"), &err), &err);
    while ((rc = lines_next(&line, &n, golden, &err)) == 1)
        found += compare_line(line, want, s, decoder_config(m)->vocab);
    ck_assert_ok(rc, &err);
    ck_assert_int_eq(found, 32);
    lines_close(golden);
    session_free(s);
    decoder_close(m);
    gguf_close(g);
    tmp_remove(dir);
}
END_TEST

START_TEST(other_ways_to_scale_positions_are_refused_by_name)
{
    static const struct {
        const char *type, *text;
        float scale;
    } bad[] = {
        {"yarn", "yarn", 4}, {"longrope", "longrope", 2}, {"linear", "scaling RoPE by -1", -1}};
    struct tiny_gguf tiny = tiny_gguf_of("llama");
    struct decoder *m = NULL;
    struct gguf *g = NULL;
    char dir[64], path[96];

    tiny.rope_type = bad[_i].type;
    tiny.rope_scale = bad[_i].scale;
    tmp_dir(dir);
    snprintf(path, sizeof path, "%s/model.gguf", dir);
    tiny_gguf_write(path, &tiny);
    ck_assert_ok(gguf_open(&g, path, &err), &err);
    ck_assert_err(
        decoder_open(&m, g, &(struct decoder_options){.precision = MODEL_F32}, NULL, &err),
        _i < 2 ? E_INVALID : E_FORMAT, bad[_i].text, &err);
    gguf_close(g);
    tmp_remove(dir);
}
END_TEST

TCase *rope_tests(void)
{
    TCase *tc = tcase_create("rope");

    tcase_add_loop_test(tc, logits_are_those_of_transformers_however_positions_are_scaled, 0,
                        N_CASES);
    tcase_add_loop_test(tc, other_ways_to_scale_positions_are_refused_by_name, 0, 3);
    return tc;
}
