/* cmd_eval.c -- `fovea eval`: scores a run against judgements and prints like trec_eval. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "api/cli.h"
#include "api/jout.h"
#include "api/knobs.h"
#include "api/scores.h"
#include "base/mem.h"

struct settings {
    struct texts measures;
    const char *split;
    struct eval_options how;
    int max_docs;
    int per_query, quiet, json;
};

static const struct option_row rows[] = {
    {"measure", 'm', OPT_LIST, offsetof(struct settings, measures), "MEASURE",
     "what to measure, e.g. nDCG@10 or ndcg_cut.5,10", .shown = DEFAULT_MEASURES_TEXT},
    FLAG_ROW("complete", 'c', struct settings, how.complete,
             "average over all judged queries: one that the run lacks counts as 0"),
    FLAG_ROW("per-query", 'q', struct settings, per_query, "print each query too"),
    {"level", 'l', OPT_INT, offsetof(struct settings, how.level), "N",
     "least grade that is relevant, for measures that do not say rel=", .low = 1, .high = 1000,
     .shown = "1"},
    FLAG_ROW("judged-only", 'J', struct settings, how.judged_only,
             "take documents without a judgement out of the rankings"),
    {"max-docs", 'M', OPT_INT, offsetof(struct settings, max_docs), "N",
     "look at so many documents of each query only", .low = 1, .high = 1000000000, .shown = "all"},
    {"split", 0, OPT_TEXT, offsetof(struct settings, split), "NAME",
     "which judgements, if QRELS is a BEIR folder", .text = "test"},
    FLAG_ROW("quiet", 0, struct settings, quiet, "show no notices"),
    COMMON_ROWS(struct settings),
    {0}};

/* Counts are whole numbers, as in trec_eval. */
static void print_value(const struct measure *m, const char *qid, double v)
{
    if (measure_is_count(m))
        printf("%-22s\t%s\t%.0f\n", m->name, qid, v);
    else
        printf("%-22s\t%s\t%6.4f\n", m->name, qid, v);
}

static void print_text(const struct eval_result *r, const struct measure *m, int per_query)
{
    for (size_t q = 0; per_query && q < r->n_queries; q++)
        for (size_t i = 0; i < r->n_measures; i++)
            if (measure_is_per_query(&m[i]))
                print_value(&m[i], r->qids[q], r->values[q * r->n_measures + i]);
    for (size_t i = 0; i < r->n_measures; i++)
        print_value(&m[i], "all", r->mean[i]);
}

static int print_json(const struct eval_result *r, const struct measure *m, int per_query)
{
    struct jout j = {0};

    jout_open(&j, NULL, '{');
    jout_count(&j, "n_queries", r->n_queries);
    jout_open(&j, "measures", '{');
    for (size_t i = 0; i < r->n_measures; i++)
        jout_number(&j, m[i].name, r->mean[i]);
    jout_close(&j);
    if (per_query) {
        jout_open(&j, "queries", '{');
        for (size_t q = 0; q < r->n_queries; q++) {
            jout_open(&j, r->qids[q], '{');
            for (size_t i = 0; i < r->n_measures; i++)
                jout_number(&j, m[i].name, r->values[q * r->n_measures + i]);
            jout_close(&j);
        }
        jout_close(&j);
    }
    jout_close(&j);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

/* What is left out changes the averages: nobody should have to guess. */
static void print_notices(const struct eval_result *r, const struct settings *s)
{
    if (s->quiet)
        return;
    if (r->n_missing)
        say("notice: %zu judged quer%s not in the run: %s", r->n_missing,
            r->n_missing == 1 ? "y is" : "ies are",
            s->how.complete ? "they count as 0" : "left out (-c counts them as 0)");
    if (r->n_unjudged)
        say("notice: %zu quer%s not judged: left out", r->n_unjudged,
            r->n_unjudged == 1 ? "y of the run is" : "ies of the run are");
}

static int run(void *settings, char **args, int n_args)
{
    static const char *const defaults[] = {DEFAULT_MEASURES, NULL};
    struct settings *s = settings;
    struct eval_result result = {0};
    struct measure *measures = NULL;
    struct qrels qrels = {0};
    struct run run = {0};
    struct err err = {0};
    size_t n = 0;
    int rc;

    (void)n_args;
    if (!strcmp(args[0], "-") && !strcmp(args[1], "-"))
        return say_usage(&cmd_eval, "RUN and QRELS cannot both be standard input");
    s->how.max_docs = (size_t)s->max_docs;
    if (scores_parse(&measures, &n, &s->measures, defaults, &err))
        return err.code == E_NOMEM ? say_err(&err) : say_usage(&cmd_eval, "%s", err.text);
    if (run_load(&run, args[0], &err) || scores_load_qrels(&qrels, args[1], s->split, &err) ||
        eval_run_with(&result, &run, &qrels, measures, n, &s->how, &err))
        rc = say_err(&err);
    else if (s->json)
        rc = print_json(&result, measures, s->per_query);
    else
        rc = 0, print_text(&result, measures, s->per_query);
    if (!rc)
        print_notices(&result, s);
    eval_result_clear(&result);
    run_clear(&run);
    qrels_clear(&qrels);
    mem_free(measures);
    return rc;
}

const struct command cmd_eval = {
    .name = "eval",
    .args = "RUN QRELS",
    .about = "score a run against judgements, to the digits of trec_eval",
    .details =
        "RUN is a TREC run (- for standard input), QRELS a TREC or BEIR file of judgements or "
        "a BEIR folder.  Measures have the names of ir-measures and of trec_eval; 'fovea help "
        "measures' lists them.  Ties are broken as trec_eval does, whatever the ranks of the "
        "run say.",
    .examples = "fovea eval hybrid.run corpora/data/scifact -m nDCG@10 -m R@100\n"
                "fovea eval bm25.run qrels.txt -m P_5 -c -q",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
