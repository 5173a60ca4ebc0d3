/* sheet.c -- memory of sheets, and a softmax's divisor. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reranker/sheet.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

int sheet_new(struct sheet *out, int heads, int rows, int passages, struct err *err)
{
    const size_t n_rows = (size_t)heads * (size_t)rows, n = n_rows * (size_t)passages;

    *out = (struct sheet){.heads = heads, .rows = rows, .passages = passages};
    out->log_sums = mem_alloc(n, sizeof *out->log_sums);
    out->largest = mem_alloc(n, sizeof *out->largest);
    out->rest = mem_alloc(n_rows, sizeof *out->rest);
    if (out->log_sums && out->largest && out->rest)
        return 0;
    sheet_clear(out);
    return err_nomem(err);
}

void sheet_clear(struct sheet *s)
{
    mem_free(s->log_sums);
    mem_free(s->largest);
    mem_free(s->rest);
    memset(s, 0, sizeof *s);
}

double sheet_total(const struct sheet *s, int head, int row)
{
    const float *sums = s->log_sums + sheet_at(s, head, row);
    const float rest = s->rest[(size_t)head * (size_t)s->rows + (size_t)row];
    double most = (double)rest, total;

    for (int i = 0; i < s->passages; i++)
        most = fmax(most, (double)sums[i]);
    total = exp((double)rest - most);
    for (int i = 0; i < s->passages; i++)
        total += exp((double)sums[i] - most);
    return most + log(total);
}

int question_sheet(struct sheet *out, const struct question *q, int passages, struct err *err)
{
    int rc = sheet_new(out, q->n_heads, q->rows, passages, err);

    if (rc)
        return rc;
    out->words_begin = q->words_begin;
    out->words_end = q->words_end;
    memcpy(out->rest, q->rest, (size_t)q->n_heads * (size_t)q->rows * sizeof *out->rest);
    return 0;
}
