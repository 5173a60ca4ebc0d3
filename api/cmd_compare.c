/* cmd_compare.c -- `fovea compare`: is a run better than a baseline by more than chance? */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "api/cli.h"
#include "api/compare.h"
#include "api/jout.h"
#include "api/knobs.h"
#include "api/scores.h"
#include "base/file.h"
#include "base/mem.h"

struct settings {
    struct texts measures;
    const char *test, *split;
    struct eval_options how;
    int samples, seed, quiet, json;
};

static const struct option_row rows[] = {
    {"measure", 'm', OPT_LIST, offsetof(struct settings, measures), "MEASURE",
     "what to compare by, e.g. nDCG@10 or AP,RR@10", .shown = "nDCG@10"},
    {"test", 't', OPT_CHOICE, offsetof(struct settings, test), "TEST",
     "how to test; 'fovea help tests' explains", name_of_test, .text = "t"},
    FLAG_ROW("complete", 'c', struct settings, how.complete,
             "compare on all judged queries: one that a run lacks counts as 0"),
    {"level", 'l', OPT_INT, offsetof(struct settings, how.level), "N",
     "least grade that is relevant, for measures that do not say rel=", .low = 1, .high = 1000,
     .shown = "1"},
    {"split", 0, OPT_TEXT, offsetof(struct settings, split), "NAME",
     "which judgements, if QRELS is a BEIR folder", .text = "test"},
    {"samples", 0, OPT_INT, offsetof(struct settings, samples), "N",
     "samples of the randomisation test where it is not exact", .low = 1000, .high = 1000000000,
     .number = 100000},
    {"seed", 0, OPT_INT, offsetof(struct settings, seed), "N", "seed of these samples", .low = 0,
     .high = 2147483647},
    FLAG_ROW("quiet", 'q', struct settings, quiet, "show no notices"),
    COMMON_ROWS(struct settings),
    {0}};

/* The runs and what they score; the baseline first. */
struct table {
    const struct settings *s;
    char **paths;
    const char **names; /* [n] */
    size_t n;
    struct qrels qrels;
    struct measure *measures;
    size_t n_measures;
    struct eval_result *results; /* [n] */
    struct comparisons comparisons;
};

/* Names without folders, unless two are the same then. */
static void name_runs(struct table *t)
{
    int same = 0;

    for (size_t i = 0; i < t->n; i++) {
        t->names[i] = file_basename(t->paths[i]);
        for (size_t j = 0; j < i; j++)
            same |= !strcmp(t->names[i], t->names[j]);
    }
    for (size_t i = 0; same && i < t->n; i++)
        t->names[i] = t->paths[i];
}

static int score_runs(struct table *t, const char *qrels, struct err *err)
{
    int rc = scores_load_qrels(&t->qrels, qrels, t->s->split, err);

    for (size_t i = 0; i < t->n && !rc; i++) {
        struct run run = {0};

        rc = run_load(&run, t->paths[i], err);
        if (!rc && eval_run_with(&t->results[i], &run, &t->qrels, t->measures, t->n_measures,
                                 &t->s->how, err))
            rc = err_wrap(err, "%s", t->paths[i]);
        run_clear(&run);
    }
    return rc;
}

/* Queries that some run lacks change what is compared: nobody should have to guess. */
static void print_notices(const struct table *t)
{
    for (size_t i = 0; i < t->n && !t->s->quiet; i++) {
        const size_t n = t->results[i].n_missing;

        if (n)
            say("notice: %s lacks %zu of the %zu judged queries: %s", t->names[i], n, t->qrels.n,
                t->s->how.complete ? "they count as 0"
                                   : "left out of all runs (-c counts them as 0)");
    }
}

static int compare_runs(struct table *t, struct err *err)
{
    int rc = eval_pair(t->results, t->n, t->measures, err);

    for (size_t m = 0; m < t->n_measures; m++)
        for (size_t i = 1; i < t->n && !rc; i++)
            rc = comparisons_add(&t->comparisons, NULL, t->names[0], t->names[i], &t->results[0],
                                 &t->results[i], t->measures, m, err);
    return rc ? rc : comparisons_correct(&t->comparisons, err);
}

static void print_text(const struct table *t)
{
    const size_t n = t->results[0].n_queries;

    printf("%zu quer%s paired with %s\n", n, n == 1 ? "y" : "ies", t->names[0]);
    comparisons_describe(&t->comparisons);
    putchar('\n');
    comparisons_print(&t->comparisons);
}

static int print_json(const struct table *t)
{
    struct jout j = {0};

    jout_open(&j, NULL, '{');
    jout_count(&j, "n_queries", t->results[0].n_queries);
    jout_count(&j, "n_judged", t->qrels.n);
    jout_text(&j, "baseline", t->names[0]);
    comparisons_json(&t->comparisons, &j);
    jout_close(&j);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

static int compare(struct table *t, const char *qrels)
{
    struct err err = {0};

    t->names = mem_zalloc(t->n, sizeof *t->names);
    t->results = mem_zalloc(t->n, sizeof *t->results);
    if (!t->names || !t->results)
        return say_failed("out of memory");
    name_runs(t);
    if (score_runs(t, qrels, &err))
        return say_err(&err);
    print_notices(t);
    if (compare_runs(t, &err))
        return say_err(&err);
    if (t->s->json)
        return print_json(t);
    print_text(t);
    return 0;
}

static int run(void *settings, char **args, int n_args)
{
    static const char *const defaults[] = {"nDCG@10", NULL};
    const struct settings *s = settings;
    struct table t = {.s = s, .paths = args + 1, .n = (size_t)n_args - 1};
    struct err err = {0};
    int rc, n_stdin = 0;

    for (int i = 0; i < n_args; i++)
        n_stdin += !strcmp(args[i], "-");
    if (n_stdin > 1)
        return say_usage(&cmd_compare, "only one file can be standard input");
    t.comparisons.test = significance_find(s->test);
    t.comparisons.opt.samples = (size_t)s->samples;
    t.comparisons.opt.seed = (uint64_t)s->seed;
    if (scores_parse(&t.measures, &t.n_measures, &s->measures, defaults, &err) ||
        comparisons_check(t.measures, t.n_measures, &err))
        rc = err.code == E_NOMEM ? say_err(&err) : say_usage(&cmd_compare, "%s", err.text);
    else
        rc = compare(&t, args[0]);
    for (size_t i = 0; t.results && i < t.n; i++)
        eval_result_clear(&t.results[i]);
    comparisons_clear(&t.comparisons);
    qrels_clear(&t.qrels);
    mem_free(t.results);
    mem_free(t.names);
    mem_free(t.measures);
    return rc;
}

const struct command cmd_compare = {
    .name = "compare",
    .args = "QRELS BASELINE RUN...",
    .about = "tell whether runs differ from a baseline by more than chance",
    .details =
        "BASELINE and each RUN are TREC runs (- for standard input), QRELS a TREC or BEIR file of "
        "judgements or a BEIR folder.  All are scored as 'fovea eval' does, on the judged queries "
        "that all of them have, and each RUN is tested against BASELINE query by query.\n\n"
        "A row says the two means and their difference, on how many queries the RUN is better, "
        "equal and worse, how likely so large a difference were if the two were alike (p, "
        "two-sided), and the same after Holm's correction for all rows.  Comparing by few "
        "measures keeps that correction small.",
    .examples = "fovea compare corpora/data/scifact bm25.run dense.run hybrid.run\n"
                "fovea compare qrels.txt old.run new.run -m nDCG@10,R@100 -t randomisation",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 3,
    .max_args = -1,
    .run = run,
};
