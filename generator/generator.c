/* generator.c -- the table of answer generators and the way into it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/generator.h"

#include <string.h>

const struct generator *const generators[] = {NULL};

int generate(struct buf *out, const char *question, const char *method, struct err *err)
{
    for (const struct generator *const *g = generators; *g; g++)
        if (!strcmp((*g)->name, method))
            return (*g)->answer(out, question, err);
    return err_set(err, E_INVALID, "generating an answer with '%s' is not in this version yet",
                   method);
}
