/* fusion.c -- the table of fusion functions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "retriever/fusion.h"

#include <string.h>

#include "base/buf.h"

static double minmax(const struct fusion_list *list, int rank, float score, double sum_weights,
                     int rrf_k)
{
    double range = (double)list->max - (double)list->min;
    double x = range > 0 ? ((double)score - (double)list->min) / range : 1;

    (void)rank, (void)rrf_k;
    return (double)list->weight / sum_weights * x;
}

static double rrf(const struct fusion_list *list, int rank, float score, double sum_weights,
                  int rrf_k)
{
    (void)score, (void)sum_weights;
    return (double)list->weight / ((double)rrf_k + rank);
}

const struct fusion fusions[] = {
    {"minmax", "weighted sum of scores, each leg's scaled to 0..1 over its list", minmax},
    {"rrf", "reciprocal rank fusion: weighted sum of 1 / (rrf_k + rank)", rrf},
    {NULL, NULL, NULL},
};

const struct fusion *fusion_find(const char *name)
{
    for (const struct fusion *f = fusions; f->name; f++)
        if (!strcmp(f->name, name))
            return f;
    return NULL;
}

int fusion_unknown(const char *name, struct err *err)
{
    struct buf names = {0};
    int rc;

    for (const struct fusion *f = fusions; f->name; f++)
        buf_printf(&names, "%s%s", names.len ? ", " : "", f->name);
    rc = err_set(err, E_INVALID, "retriever: fusion '%s' is unknown; there are: %s", name,
                 buf_text(&names));
    buf_clear(&names);
    return rc;
}
