/* cmd_eval_beir.c -- `fovea eval beir`: whole test collections, from folder to table.
 *
 * As BEIR's own evaluation does: all judged queries of the split, 1,000 hits each, hits that
 * are the query itself (ArguAna) left out, queries without hits counted as 0.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "api/beir.h"
#include "api/cli.h"
#include "api/compare.h"
#include "api/contender.h"
#include "api/feed.h"
#include "api/jout.h"
#include "api/knobs.h"
#include "api/scores.h"
#include "api/term.h"
#include "base/mem.h"
#include "model/model.h"
#include "retriever/retriever.h"

enum { SYSTEMS_MAX = 16 };

struct settings {
    struct beir_options beir;
    const char *systems, *runs, *test;
    struct texts measures, reranks;
    struct rerank_knobs rerank; /* its choice is each of reranks in turn */
    struct knobs knobs;
    int json;
};

static const struct option_row rows[] = {
    {"systems", 's', OPT_TEXT, offsetof(struct settings, systems), "S,S...", "systems to compare",
     .shown = "bm25,dense,hybrid; bm25 if no model is installed"},
    {"measure", 'm', OPT_LIST, offsetof(struct settings, measures), "MEASURE", "what to measure",
     .shown = "nDCG@10, R@100"},
    {"split", 0, OPT_TEXT, offsetof(struct settings, beir.split), "NAME", "which judgements",
     .text = "test"},
    {"sparse", 0, OPT_TEXT, offsetof(struct settings, beir.sparse), "NAME",
     "learned sparse model, for the system sparse and as a third leg of hybrid", .shown = "none"},
    {"model", 0, OPT_TEXT, offsetof(struct settings, beir.model), "NAME",
     "encoder of dense and hybrid: a name or a folder", .shown = DEFAULT_MODEL},
    {"precision", 0, OPT_CHOICE, offsetof(struct settings, beir.precision), "P",
     "how the encoder computes", name_of_precision, .text = "i8"},
    {"index-dir", 0, OPT_TEXT, offsetof(struct settings, beir.index_dir), "DIR",
     "where the indexes are kept and found again", .shown = "the user's cache folder"},
    {"runs", 0, OPT_TEXT, offsetof(struct settings, runs), "DIR",
     "write each run there as DATASET.SYSTEM.run", .text = NULL},
    {"test", 't', OPT_CHOICE, offsetof(struct settings, test), "TEST",
     "also test each system against the first; 'fovea help tests' explains", name_of_test,
     .shown = "no test"},
    KNOB_ROWS(struct settings, knobs),
    {"rerank", 'r', OPT_LIST, offsetof(struct settings, reranks), "METHOD[:MODEL[:PROFILE]]",
     "also measure each system re-ranked so; see 'fovea help rerankers'", .text = NULL},
    RERANK_NUMBER_ROWS(struct settings, rerank),
    {"threads", 0, OPT_INT, offsetof(struct settings, beir.threads), "N",
     "threads for indexing; 0 is one per processor", .low = 0, .high = 64},
    FLAG_ROW("quiet", 'q', struct settings, beir.quiet, "show no progress and no notices"),
    COMMON_ROWS(struct settings),
    {0}};

/* All that a run of the command carries around. */
struct bench {
    const struct settings *s;
    const struct retriever *systems[SYSTEMS_MAX + 1]; /* NULL-terminated */
    struct contender *contenders;                     /* [n_contenders] */
    size_t n_contenders;
    int system_width;
    struct measure *measures;
    size_t n_measures;
    struct beir_options beir;
    char *attention; /* of beir */
    fovea_search_options opt;
    struct jout json;
    int name_width, n_sets;
    double *sums;                   /* [n_contenders, n_measures] for the average */
    struct eval_result first;       /* of the first contender, if there is a test */
    struct comparisons comparisons; /* with it */
};

/* ---- which systems and which model ---- */

static int is_installed(const char *model, struct err *err)
{
    char *path = NULL;
    const int rc = model_find(&path, model, err);

    mem_free(path);
    return rc == 0;
}

static int parse_systems(struct bench *b, const char *list)
{
    char name[32];
    size_t n = 0;

    for (const char *p = list; p; p = *p ? p + 1 : NULL) {
        const size_t len = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), p);
        if (n == SYSTEMS_MAX)
            return say_usage(&cmd_eval_beir, "--systems: at most %d", SYSTEMS_MAX);
        b->systems[n] = retriever_find(name);
        if (!b->systems[n++])
            return say_usage(&cmd_eval_beir,
                             "--systems: there is no system '%s'; "
                             "'fovea help retrievers' lists them",
                             name);
        p += len;
        if (!*p)
            break;
    }
    return 0;
}

static int choose_systems(struct bench *b)
{
    const char *list = b->s->systems, *given = b->s->beir.model;
    const char *model = given ? given : DEFAULT_MODEL;
    struct err err = {0};
    int rc;

    if (!list && !strcmp(model, "none")) {
        list = "bm25";
    } else if (!list && is_installed(model, &err)) {
        list = "bm25,dense,hybrid";
    } else if (!list && given) {
        return say_err(&err); /* who names a model wants that one */
    } else if (!list) {
        list = "bm25";
        if (!b->s->beir.quiet)
            say("notice: %s; so only bm25 is measured (--systems bm25 hides this notice)",
                err.text);
    }
    rc = parse_systems(b, list);
    b->beir.model = "none";
    for (const struct retriever *const *r = b->systems; *r && !rc; r++)
        if ((*r)->needs_vectors)
            b->beir.model = model;
    for (const struct retriever *const *r = b->systems; *r && !rc; r++)
        if ((*r)->needs_sparse && !b->beir.sparse)
            rc = say_usage(&cmd_eval_beir, "system '%s' needs --sparse MODEL", (*r)->name);
    if (!rc && strcmp(b->beir.model, "none") && !is_installed(b->beir.model, &err))
        rc = say_err(&err);
    return rc;
}

/* Every system by itself, then re-ranked in each way. */
static int list_contenders(struct bench *b)
{
    const struct texts *reranks = &b->s->reranks;
    struct err err = {0};
    size_t n_systems = 0;
    int rc = reranks->n ? 0 : rerank_knobs_apply(&b->opt, &b->s->rerank, &err);

    while (b->systems[n_systems])
        n_systems++;
    b->contenders = mem_zalloc(n_systems * (1 + reranks->n), sizeof *b->contenders);
    if (!b->contenders)
        return say_failed("out of memory");
    for (size_t r = 0; r < reranks->n && !rc && !b->beir.attention; r++) {
        rc = contender_keys(&b->attention, reranks->items[r], &err);
        b->beir.attention = b->attention;
    }
    for (size_t i = 0; i < n_systems * (1 + reranks->n) && !rc; i++) {
        struct contender *c = &b->contenders[b->n_contenders++];
        const size_t r = i % (1 + reranks->n);

        c->system = b->systems[i / (1 + reranks->n)];
        c->rerank = r ? reranks->items[r - 1] : NULL;
        rc = contender_name(c, &err);
        if ((int)strlen(c->name) > b->system_width)
            b->system_width = (int)strlen(c->name);
    }
    if (rc && err.code == E_INVALID)
        return say_usage(&cmd_eval_beir, "%s", err.text);
    return rc ? say_err(&err) : 0;
}

/* ---- the table ---- */

static void print_header(const struct bench *b)
{
    printf("%-*s  %-*s", b->name_width, "dataset", b->system_width, "system");
    for (size_t i = 0; i < b->n_measures; i++)
        printf("  %8s", b->measures[i].name);
    printf("  %10s\n", "queries/s");
    fflush(stdout);
}

static void print_row(const struct bench *b, const char *name, const char *system,
                      const double *values, double rate)
{
    char a[NUMBER_TEXT];

    printf("%-*s  %-*s", b->name_width, name, b->system_width, system);
    for (size_t i = 0; i < b->n_measures; i++) {
        const int width = (int)strlen(b->measures[i].name);
        printf("  %*.*f", width < 8 ? 8 : width, measure_is_count(&b->measures[i]) ? 0 : 4,
               values[i]);
    }
    if (rate > 0)
        printf("  %10s", show_rate(a, rate));
    putchar('\n');
    fflush(stdout);
}

static void json_row(struct bench *b, const char *name, const char *system, const double *values,
                     double seconds)
{
    jout_open(&b->json, NULL, '{');
    jout_text(&b->json, "dataset", name);
    jout_text(&b->json, "system", system);
    jout_open(&b->json, "measures", '{');
    for (size_t i = 0; i < b->n_measures; i++)
        jout_number(&b->json, b->measures[i].name, values[i]);
    jout_close(&b->json);
    jout_number(&b->json, "seconds", seconds);
    jout_close(&b->json);
}

/* Tests a system against the first, whose result is kept; both have all judged queries. */
static int compare_system(struct bench *b, const struct dataset *d, size_t at,
                          struct eval_result *result)
{
    struct err err = {0};

    if (!at) {
        b->first = *result;
        *result = (struct eval_result){0};
        return 0;
    }
    for (size_t m = 0; m < b->n_measures; m++)
        if (comparisons_add(&b->comparisons, d->name, b->contenders[0].name, b->contenders[at].name,
                            &b->first, result, b->measures, m, &err))
            return say_err(&err);
    return 0;
}

static int measure_system(struct bench *b, struct dataset *d, size_t at)
{
    const struct contender *c = &b->contenders[at];
    struct rerank_knobs knobs = b->s->rerank;
    struct eval_result result = {0};
    struct run run = {0};
    struct err err = {0};
    double seconds = 0;
    size_t n = 0;
    fovea_search_options opt = b->opt;
    int rc;

    opt.system = c->system->name;
    knobs.rerank = c->rerank;
    rc = c->rerank && rerank_knobs_apply(&opt, &knobs, &err) ? say_err(&err) : 0;
    rc = rc ? rc : dataset_search(&run, &seconds, &n, d, &opt, b->s->beir.quiet);

    if (!rc && b->s->runs)
        rc = dataset_write_run(&run, d, b->s->runs, c->name);
    if (!rc && eval_run(&result, &run, &d->qrels, b->measures, b->n_measures, 1, &err))
        rc = say_err(&err);
    if (!rc) {
        for (size_t i = 0; i < b->n_measures; i++)
            b->sums[at * b->n_measures + i] += result.mean[i];
        if (b->s->json)
            json_row(b, d->name, c->name, result.mean, seconds);
        else
            print_row(b, d->name, c->name, result.mean, seconds > 0 ? (double)n / seconds : 0);
        if (b->s->test)
            rc = compare_system(b, d, at, &result);
    }
    eval_result_clear(&result);
    run_clear(&run);
    return rc;
}

static int measure_dataset(struct bench *b, const char *dir)
{
    struct dataset d;
    int rc = dataset_open(&d, dir, &b->beir);

    for (size_t i = 0; i < b->n_contenders && !rc; i++)
        rc = measure_system(b, &d, i);
    eval_result_clear(&b->first);
    dataset_close(&d);
    return rc;
}

static void print_average(const struct bench *b)
{
    for (size_t i = 0; i < b->n_contenders && b->n_sets > 1; i++) {
        double *v = b->sums + i * b->n_measures;
        for (size_t m = 0; m < b->n_measures; m++)
            v[m] /= b->n_sets;
        print_row(b, "average", b->contenders[i].name, v, 0);
    }
}

/* What the tests say, behind the table or as a member of the JSON. */
static int finish_tests(struct bench *b)
{
    struct err err = {0};

    if (comparisons_correct(&b->comparisons, &err))
        return say_err(&err);
    if (b->s->json) {
        comparisons_json(&b->comparisons, &b->json);
        return 0;
    }
    printf("\ncompared with %s: ", b->contenders[0].name);
    comparisons_describe(&b->comparisons);
    putchar('\n');
    comparisons_print(&b->comparisons);
    return 0;
}

static int measure_all(struct bench *b, char **dirs, int n_dirs)
{
    int rc = 0;

    b->name_width = 7;
    b->n_sets = n_dirs;
    for (int i = 0; i < n_dirs; i++) {
        char *name = dataset_name(dirs[i]);
        const int n = name ? (int)strlen(name) : 0;
        b->name_width = n > b->name_width ? n : b->name_width;
        mem_free(name);
    }
    jout_open(&b->json, NULL, '{');
    jout_open(&b->json, "rows", '[');
    if (!b->s->json)
        print_header(b);
    for (int i = 0; i < n_dirs && !rc; i++)
        rc = measure_dataset(b, dirs[i]);
    jout_close(&b->json);
    if (!rc && !b->s->json)
        print_average(b);
    if (!rc && b->s->test)
        rc = finish_tests(b);
    jout_close(&b->json);
    if (rc || !b->s->json)
        buf_clear(&b->json.b);
    else if (jout_print(&b->json))
        rc = EXIT_FAILED;
    return rc;
}

static int run(void *settings, char **args, int n_args)
{
    static const char *const defaults[] = {"nDCG@10", "R@100", NULL};
    static const fovea_search_options init = FOVEA_SEARCH_OPTIONS_INIT;
    const struct settings *s = settings;
    struct bench b = {.s = s, .opt = init, .beir = s->beir};
    struct err err = {0};
    int rc;

    if (knobs_apply(&b.opt, &b.s->knobs, &err) ||
        scores_parse(&b.measures, &b.n_measures, &b.s->measures, defaults, &err) ||
        (s->test && comparisons_check(b.measures, b.n_measures, &err))) {
        mem_free(b.measures);
        return say_usage(&cmd_eval_beir, "%s", err.text);
    }
    b.opt.k = BEIR_HITS + 1; /* one may be the query itself */
    b.opt.fields = FOVEA_DOCNOS;
    b.comparisons.test = s->test ? significance_find(s->test) : NULL;
    interrupt_watch();
    b.system_width = 8;
    rc = choose_systems(&b);
    rc = rc ? rc : list_contenders(&b);
    if (!rc && s->test && b.n_contenders < 2)
        rc = say_usage(&cmd_eval_beir, "--test compares systems: give --systems two or more");
    if (!rc) {
        b.sums = mem_zalloc(b.n_contenders * b.n_measures, sizeof *b.sums);
        rc = b.sums ? measure_all(&b, args, n_args) : say_failed("out of memory");
    }
    comparisons_clear(&b.comparisons);
    mem_free(b.contenders);
    mem_free(b.attention);
    mem_free(b.sums);
    mem_free(b.measures);
    return rc;
}

const struct command cmd_eval_beir = {
    .name = "eval beir",
    .args = "DIR...",
    .about = "index, search and score whole test collections",
    .details =
        "Each DIR is a collection in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/).  It "
        "is indexed where needed (the index is kept, and updated next time), all judged "
        "queries are searched for to 1,000 hits, and the runs are scored.  A hit whose name "
        "is the query's is left out, as BEIR does.\n\n"
        "With --rerank METHOD, which may be given more than once, each system is measured as it is "
        "and then with its first hits re-ranked, as SYSTEM+METHOD.  For stored the "
        "index is given keys of the first profile that is asked for, which takes a language model "
        "some time; they are kept.\n\n"
        "Seconds and queries/s are of the searches alone.  --json prints "
        "{\"rows\":[{\"dataset\":...,\"system\":...,\"measures\":{...},\"seconds\":...}]}, and "
        "with --test \"comparisons\" as 'fovea compare' "
        "does.",
    .examples =
        "fovea eval beir corpora/data/scifact --systems bm25,dense,hybrid\n"
        "fovea eval beir corpora/data/scifact -s bm25 --rerank stored --rerank icr-blocks -t t\n"
        "fovea eval beir ~/beir/* --systems bm25 --json > bm25.json",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
