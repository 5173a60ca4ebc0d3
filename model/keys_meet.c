/* keys_meet.c -- rows of queries against the stored keys of a passage.
 *
 * Of the logits query . key two numbers a row are kept, from which any statistic of attention follows: the logarithm of the
 * sum of their exponentials, which says how much of the row's attention the passage gets (a softmax over several passages
 * needs no more of each), and the largest.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/kernels.h"
#include "model/keys.h"

struct key_meeting {
    const struct kernels *kernels;
    int d, max_rows;
    float *keys;   /* [d, KEYS_MAX_TOKENS] */
    float *logits; /* [max_rows, KEYS_MAX_TOKENS] */
    int n;         /* tokens of the slot that is decoded */
};

int key_meeting_new(struct key_meeting **out, int d, int max_rows, struct err *err)
{
    struct key_meeting *m = mem_zalloc(1, sizeof *m);

    if (!m)
        return err_nomem(err);
    m->kernels = kernels_best();
    m->d = d;
    m->max_rows = max_rows;
    m->keys = mem_alloc_aligned((size_t)d * KEYS_MAX_TOKENS, sizeof *m->keys);
    m->logits = mem_alloc_aligned((size_t)max_rows * KEYS_MAX_TOKENS, sizeof *m->logits);
    if (!m->keys || !m->logits) {
        key_meeting_free(m);
        return err_nomem(err);
    }
    *out = m;
    return 0;
}

void key_meeting_free(struct key_meeting *m)
{
    if (!m)
        return;
    mem_free(m->keys);
    mem_free(m->logits);
    mem_free(m);
}

void key_meeting_take(struct key_meeting *m, const struct keys *k, int slot)
{
    m->n = k->n;
    keys_decode(m->keys, KEYS_MAX_TOKENS, k, slot);
}

void key_meeting_set(struct key_meeting *m, const float *keys, int n)
{
    m->n = n;
    m->kernels->transpose(m->keys, KEYS_MAX_TOKENS, keys, m->d, n, m->d);
}

void key_meeting_run(float *log_sums, float *largest, size_t stride, struct key_meeting *m,
                     const float *queries, int rows)
{
    for (int first = 0; first < rows; first += m->max_rows) {
        const int some = rows - first < m->max_rows ? rows - first : m->max_rows;

        if (m->n)
            m->kernels->matmul(m->logits, KEYS_MAX_TOKENS, queries + (size_t)first * (size_t)m->d,
                               m->d, m->keys, KEYS_MAX_TOKENS, some, m->n, m->d);
        for (int i = 0; i < some; i++) {
            float *row = m->logits + (size_t)i * KEYS_MAX_TOKENS;
            const size_t at = (size_t)(first + i) * stride;

            largest[at] = m->n ? m->kernels->largest(row, m->n) : -INFINITY;
            log_sums[at] =
                m->n ? largest[at] + logf(m->kernels->softmax_exp(row, 1, m->n)) : -INFINITY;
        }
    }
}
