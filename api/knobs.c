/* knobs.c -- see knobs.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/knobs.h"

#include <stdlib.h>
#include <string.h>

#include "api/rerank.h"
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

const char *name_of_wants(size_t i)
{
    static const char *const names[] = {"find", "answer", NULL};

    return names[i];
}

const char *name_of_test(size_t i)
{
    return significance_tests[i] ? significance_tests[i]->name : NULL;
}

int precision_value(const char *name) { return strcmp(name, "f32") ? FOVEA_I8 : FOVEA_F32; }

/* Two numbers, or three: w[2] is 0 if it is not given. */
static int parse_weights(float w[3], const char *text, struct err *err)
{
    const char *at = text;
    char *end = NULL;
    int n = 0, more = 1;

    w[0] = w[1] = w[2] = 0;
    for (; more && n < 3; at = end + 1) {
        w[n] = strtof(at, &end);
        if (end == at || !(w[n] >= 0 && w[n] < 1e6f)) /* false for NaN */
            break;
        n++;
        more = *end == ',';
    }
    if (n >= 2 && !more && !*end && w[0] + w[1] + w[2] > 0)
        return 0;
    return err_set(err, E_INVALID,
                   "--weights wants two or three numbers from 0 that are not all 0, as in "
                   "0.3,0.7 or 0.2,0.5,0.3");
}

int knobs_apply(fovea_search_options *to, const struct knobs *knobs, struct err *err)
{
    to->k1 = knobs->k1 > 0 ? (float)knobs->k1 : -1.0f;
    to->b = (float)knobs->b;
    to->fusion = knobs->fusion;
    to->depth = knobs->depth;
    to->ef = knobs->ef;
    if (knobs->weights) {
        float w[3];
        int rc = parse_weights(w, knobs->weights, err);

        if (rc)
            return rc;
        to->weights[0] = w[0];
        to->weights[1] = w[1];
        to->sparse_weight = w[2];
    }
    return 0;
}

int rerank_knobs_apply(fovea_search_options *to, const struct rerank_knobs *knobs, struct err *err)
{
    struct rerank_choice choice = {0};
    int rc;

    if (!knobs->rerank)
        return knobs->depth || knobs->first >= 0 || knobs->block_cache
                   ? err_set(err, E_INVALID,
                             "--rerank-depth, --first-stage and --block-cache are about --rerank "
                             "METHOD")
                   : 0;
    rc = rerank_choice_parse(&choice, knobs->rerank, err);
    if (!rc && knobs->block_cache && !choice.method->has_blocks)
        rc = err_set(err, E_INVALID, "--block-cache is about --rerank icr-blocks, not %s",
                     choice.method->name);
    rerank_choice_clear(&choice);
    if (rc)
        return rc;
    to->rerank = knobs->rerank;
    to->rerank_depth = knobs->depth;
    to->block_cache = knobs->block_cache;
    to->block_cache_megabytes = knobs->block_megabytes;
    to->rerank_first = knobs->first > 0 ? (float)knobs->first : knobs->first < 0 ? 0 : -1;
    return 0;
}
