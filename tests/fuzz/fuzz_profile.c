/* fuzz_profile.c -- profiles of heads, and the stored keys of passages. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/keys_inside.h"
#include "model/profile.h"
#include "tests/fuzz/fuzz.h"

static void must(int ok)
{
    if (!ok)
        abort();
}

/* ---- profiles ---- */

/* What is read is written, and then reads and writes alike. */
static void run_profile(const uint8_t *data, size_t n)
{
    struct profile *p = NULL, *q = NULL;
    struct buf once = {0}, twice = {0};
    struct err err = {0};

    if (profile_parse(&p, (const char *)data, n, "fuzz", &err))
        return;
    must(p->n_heads >= 1 && p->n_heads <= PROFILE_MAX_HEADS && profile_layers(p) >= 1);
    must(!profile_write(&once, p, &err));
    must(!profile_parse(&q, once.data, once.len, "fuzz", &err));
    must(!profile_write(&twice, q, &err));
    must(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
    buf_clear(&once);
    buf_clear(&twice);
    profile_free(p);
    profile_free(q);
}

static const char *const profiles[] = {"{\"name\": \"n\", \"method\": \"stored\", \"model\": "
                                       "\"m\", \"sha256\": \"5\", \"statistic\": \"mass\", "
                                       "\"calibrated\": true, \"wants\": \"find\", \"bits\": 8, "
                                       "\"first_stage\": 0.5, \"heads\": [{\"layer\": 2, "
                                       "\"head\": 3, \"weight\": -1.5}, {\"layer\": 2, \"head\": "
                                       "5, \"weight\": 1e-3}], \"chosen\": \"x\"}",
                                       NULL};
static const char *const profile_words[] = {
    "\"layer\":", "\"head\":",  "\"weight\":", "\"heads\":", "\"bits\":", "\"calibrated\":",
    "\"wants\":", "\"answer\"", "\"icr\"",     "{",          "}",         "[",
    "]",          ",",          "1e999",       "-0",         "null",      "false",
    "\\u0000",    "\\ud800",    NULL};

/* ---- stored keys ---- */

/* Whatever passes for keys is decoded, and met. */
static void run_keys(const uint8_t *data, size_t n)
{
    float *queries, sums[3], largest[3], *content_free;
    struct key_meeting *m = NULL;
    struct err err = {0};
    struct keys k;

    if (keys_view(&k, data, n, NULL, &err))
        return;
    queries = calloc(3 * (size_t)k.d, sizeof *queries);
    content_free = calloc((size_t)k.rows + 1, sizeof *content_free);
    must(queries && content_free && !key_meeting_new(&m, k.d, 2, &err));
    for (int i = 0; i < 3 * k.d; i++)
        queries[i] = (float)(i % 7 - 3) / 100;
    for (int slot = 0; slot < k.slots; slot++) {
        key_meeting_take(m, &k, slot);
        key_meeting_run(sums, largest, 1, m, queries, 3);
        for (int i = 0; i < 3 && !k.n; i++)
            must(isinf(sums[i]) && isinf(largest[i]));
    }
    for (int head = 0; head < k.heads; head++)
        keys_content_free(content_free, 1, &k, head);
    key_meeting_free(m);
    free(queries);
    free(content_free);
}

static void seed_keys(void)
{
    static const int bits[] = {8, 4, 2};
    static const unsigned char widths[] = {8, 0, 2, 4};
    float keys[9 * 4], sums[2 * 3];
    struct err err = {0};

    for (int i = 0; i < 36; i++)
        keys[i] = (float)(i * i % 17) - 5;
    for (int i = 0; i < 6; i++)
        sums[i] = (float)i / 3;
    for (int i = 0; i < 9; i++) {
        const struct key_plan plan = {
            .n = 1 + i % 2, .d = 4, .bits = bits[i % 3], .heads = i < 3 ? 0 : 2};
        const int n = i < 6 ? 9 : 0;
        struct buf b = {0};

        keys_begin(&b, n, &plan, 3);
        for (int slot = 0; slot < plan.n; slot++)
            must(!keys_put(&b, keys, n, widths, &plan, &err));
        if (n)
            must(!keys_put_content_free(&b, sums, plan.heads, 3, &err));
        fuzz_seed(b.data, b.len);
        buf_clear(&b);
    }
}

static const char *const key_words[] = {"\x7f\x80", "\xff\xff\xff\xff", "\x02", "\x04", "\x08",
                                        "\x7c",     "\x01\x01",         NULL};

const struct fuzz_target fuzz_profile = {"profile", run_profile, profiles, NULL, profile_words};
const struct fuzz_target fuzz_keys = {"keys", run_keys, NULL, seed_keys, key_words};
