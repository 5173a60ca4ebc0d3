/* cmd_version.c -- `fovea version`: what to put into a report of a fault. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "api/cli.h"
#include "api/jout.h"
#include "api/knobs.h"
#include "base/db.h"
#include "model/model.h"

#ifndef FAISS_VERSION /* from its headers, by configure: the C interface does not tell */
#define FAISS_VERSION "unknown"
#endif

struct settings {
    int json;
};

static const struct option_row rows[] = {COMMON_ROWS(struct settings), {0}};

static int run(void *settings, char **args, int n_args)
{
    const struct settings *s = settings;
    struct jout j = {0};

    (void)args, (void)n_args;
    if (!s->json) {
        printf("fovea %s\nSQLite %s, FAISS %s, %s kernels\n", fovea_version(), db_version(),
               FAISS_VERSION, model_best_kernels());
        return 0;
    }
    jout_open(&j, NULL, '{');
    jout_text(&j, "version", fovea_version());
    jout_text(&j, "sqlite", db_version());
    jout_text(&j, "faiss", FAISS_VERSION);
    jout_text(&j, "kernels", model_best_kernels());
    jout_close(&j);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

const struct command cmd_version = {
    .name = "version",
    .args = "",
    .about = "print the versions of fovea and its libraries",
    .examples = "fovea version --json",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 0,
    .max_args = 0,
    .run = run,
};
