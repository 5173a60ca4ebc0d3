/* statistics.c -- the table of statistics; rows are tokens of the query, A a row's attention to a passage.
 *
 *     mass        mean of A over the whole tail, as published (Chen et al., 2024)
 *     word-mass   mean of A over the query's own tokens
 *     log-mass    mean of log A over the query's own tokens: a product over words, not a sum
 *     largest     mean over the query's own tokens of the largest logit (Khattab and Zaharia, "ColBERT", 2020)
 *     peak        mean over the query's own tokens of the largest attention to one token
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reranker/statistics.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/* Adds up a function of a row and a passage over rows, and divides. */
static void mean_over(float *out, const struct sheet *s, int head, int begin, int end,
                      double (*of)(float log_sum, float largest, double total))
{
    const double share = end > begin ? 1.0 / (end - begin) : 0;
    double total;

    memset(out, 0, (size_t)s->passages * sizeof *out);
    for (int row = begin; row < end; row++) {
        const size_t at = sheet_at(s, head, row);

        total = sheet_total(s, head, row);
        for (int i = 0; i < s->passages; i++)
            out[i] +=
                (float)(share * of(s->log_sums[at + (size_t)i], s->largest[at + (size_t)i], total));
    }
}

static double mass_of(float log_sum, float largest, double total)
{
    (void)largest;
    return exp((double)log_sum - total);
}

static double log_mass_of(float log_sum, float largest, double total)
{
    (void)largest;
    return (double)log_sum - total;
}

static double logit_of(float log_sum, float largest, double total)
{
    (void)log_sum;
    (void)total;
    return (double)largest;
}

static double peak_of(float log_sum, float largest, double total)
{
    (void)log_sum;
    return exp((double)largest - total);
}

static void mass(float *out, const struct sheet *s, int head)
{
    mean_over(out, s, head, 0, s->rows, mass_of);
}

static void word_mass(float *out, const struct sheet *s, int head)
{
    mean_over(out, s, head, s->words_begin, s->words_end, mass_of);
}

static void log_mass(float *out, const struct sheet *s, int head)
{
    mean_over(out, s, head, s->words_begin, s->words_end, log_mass_of);
}

static void largest(float *out, const struct sheet *s, int head)
{
    mean_over(out, s, head, s->words_begin, s->words_end, logit_of);
}

static void peak(float *out, const struct sheet *s, int head)
{
    mean_over(out, s, head, s->words_begin, s->words_end, peak_of);
}

static const struct statistic st_mass = {"mass", "mean attention of the prompt's whole tail", 0,
                                         mass};
static const struct statistic st_word_mass = {"word-mass", "mean attention of the query's words", 0,
                                              word_mass};
static const struct statistic st_log_mass = {
    "log-mass", "mean logarithm of the attention of the query's words", 0, log_mass};
static const struct statistic st_largest = {"largest", "mean largest logit of the query's words", 1,
                                            largest};
static const struct statistic st_peak = {
    "peak", "mean largest attention of the query's words to one token", 1, peak};

const struct statistic *const statistics[] = {&st_mass,    &st_word_mass, &st_log_mass,
                                              &st_largest, &st_peak,      NULL};

const struct statistic *statistic_find(const char *name)
{
    for (const struct statistic *const *t = statistics; *t; t++)
        if (!strcmp((*t)->name, name))
            return *t;
    return NULL;
}

/* ---- running ---- */

static int is_empty(const struct sheet *s, int passage) { return !isfinite(s->log_sums[passage]); }

int statistic_run(float *out, const struct statistic *t, const struct sheet *asked,
                  const struct sheet *content_free, struct err *err)
{
    const int n = asked->passages;
    float *off = content_free ? mem_alloc((size_t)n, sizeof *off) : NULL;

    if (content_free && !off)
        return err_nomem(err);
    for (int head = 0; head < asked->heads; head++) {
        float *row = out + (size_t)head * (size_t)n;

        t->compute(row, asked, head);
        if (content_free)
            t->compute(off, content_free, head);
        for (int i = 0; i < n; i++) {
            if (content_free)
                row[i] -= off[i];
            if (is_empty(asked, i))
                row[i] = -INFINITY;
        }
    }
    mem_free(off);
    return 0;
}

/* Mean and deviation of the finite ones. */
static void spread_of(double *mean, double *deviation, const float *x, int n)
{
    double sum = 0, squares = 0;
    int k = 0;

    for (int i = 0; i < n; i++)
        if (isfinite(x[i])) {
            sum += (double)x[i];
            k++;
        }
    *mean = k ? sum / k : 0;
    for (int i = 0; i < n; i++)
        if (isfinite(x[i]))
            squares += ((double)x[i] - *mean) * ((double)x[i] - *mean);
    *deviation = k ? sqrt(squares / k) : 0;
}

void heads_combine(float *out, const float *scores, const double *weights, int heads, int passages)
{
    const size_t n = (size_t)passages;

    for (size_t i = 0; i < n; i++)
        out[i] = isfinite(scores[i]) ? 0 : -INFINITY;
    for (int h = 0; h < heads; h++) {
        const float *row = scores + (size_t)h * n;
        double mean, deviation;

        spread_of(&mean, &deviation, row, passages);
        for (size_t i = 0; i < n && deviation > 1e-9 * fabs(mean); i++)
            if (isfinite(row[i]))
                out[i] += (float)((weights ? weights[h] : 1) * ((double)row[i] - mean) / deviation);
    }
}
