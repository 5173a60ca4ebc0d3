/* contender.c -- see contender.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/contender.h"

#include <stdio.h>

#include "api/rerank.h"
#include "base/file.h"
#include "base/mem.h"

int contender_name(struct contender *c, struct err *err)
{
    struct rerank_choice choice = {0};
    int rc = c->rerank ? rerank_choice_parse(&choice, c->rerank, err) : 0;

    if (rc)
        return rc;
    snprintf(c->name, sizeof c->name, "%s%s%s%s%s%s%s", c->system->name, c->rerank ? "+" : "",
             c->rerank ? choice.method->name : "", choice.model ? "-" : "",
             choice.model ? file_basename(choice.model) : "", choice.profile ? "-" : "",
             choice.profile ? file_basename(choice.profile) : "");
    rerank_choice_clear(&choice);
    return 0;
}

int contender_keys(char **out, const char *rerank, struct err *err)
{
    struct rerank_choice c = {0};
    int rc = rerank_choice_parse(&c, rerank, err);

    *out = NULL;
    if (!rc && c.method->wants_keys) {
        *out = mem_printf("%s%s%s", c.profile ? c.profile : "", c.model ? ":" : "",
                          c.model ? c.model : "");
        rc = *out ? 0 : err_nomem(err);
    }
    rerank_choice_clear(&c);
    return rc;
}
