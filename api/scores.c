/* scores.c -- see scores.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/scores.h"

#include "base/mem.h"

int scores_parse(struct measure **out, size_t *n, const struct texts *given,
                 const char *const *defaults, struct err *err)
{
    struct measure *m;
    size_t count = given->n;
    int rc = 0;

    if (!given->n)
        while (defaults[count])
            count++;
    m = mem_zalloc(count, sizeof *m);
    if (!m)
        return err_nomem(err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = measure_parse(&m[i], given->n ? given->items[i] : defaults[i], err);
    if (rc) {
        mem_free(m);
        return rc;
    }
    *out = m;
    *n = count;
    return 0;
}
