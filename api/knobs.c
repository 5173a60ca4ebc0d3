/* knobs.c -- see knobs.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/knobs.h"

#include <stdlib.h>
#include <string.h>

#include "corpora/corpora.h"
#include "eval/significance.h"
#include "indexer/index.h"
#include "retriever/retriever.h"

/* The tables end with NULL and are walked from the front: i is never beyond the end. */
const char *name_of_format(size_t i) { return corpus_formats[i] ? corpus_formats[i]->name : NULL; }

const char *name_of_analyzer(size_t i) { return analyzer_kinds[i].name; }

const char *name_of_retriever(size_t i) { return retrievers[i] ? retrievers[i]->name : NULL; }

const char *name_of_fusion(size_t i)
{
    static const char *const names[] = {"minmax", "rrf", NULL};

    return names[i];
}

const char *name_of_precision(size_t i)
{
    static const char *const names[] = {"i8", "f32", NULL};

    return names[i];
}

const char *name_of_test(size_t i)
{
    return significance_tests[i] ? significance_tests[i]->name : NULL;
}

int precision_value(const char *name) { return strcmp(name, "f32") ? FOVEA_I8 : FOVEA_F32; }

static int parse_weights(float w[2], const char *text, struct err *err)
{
    char *end;

    w[0] = strtof(text, &end);
    if (end != text && *end == ',') {
        text = end + 1;
        w[1] = strtof(text, &end);
        /* The comparisons are false for NaN. */
        if (end != text && !*end && w[0] >= 0 && w[1] >= 0 && w[0] + w[1] > 0 && w[0] + w[1] < 1e6f)
            return 0;
    }
    return err_set(err, E_INVALID,
                   "--weights wants two numbers from 0 that are not both 0, as in 0.3,0.7");
}

int knobs_apply(fovea_search_options *to, const struct knobs *knobs, struct err *err)
{
    to->k1 = knobs->k1 > 0 ? (float)knobs->k1 : -1.0f;
    to->b = (float)knobs->b;
    to->fusion = knobs->fusion;
    to->depth = knobs->depth;
    return knobs->weights ? parse_weights(to->weights, knobs->weights, err) : 0;
}
