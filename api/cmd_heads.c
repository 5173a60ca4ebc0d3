/* cmd_heads.c -- `fovea heads`: finds the heads of a model that tell relevant passages, and writes them into a profile. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "api/cli.h"
#include "api/heads_data.h"
#include "api/jout.h"
#include "api/knobs.h"
#include "api/progress.h"
#include "api/term.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/model.h"

struct settings {
    const char *out, *name, *method, *precision, *index_dir, *wants;
    int queries, depth, bits, no_labels, threads, quiet, json;
};

static const char *name_of_method(size_t i)
{
    static const char *const names[] = {"stored", "icr-blocks", "icr", NULL};

    return names[i];
}

static const struct option_row rows[] = {
    {"out", 'o', OPT_TEXT, offsetof(struct settings, out), "FILE", "write the profile here",
     .text = NULL},
    {"name", 0, OPT_TEXT, offsetof(struct settings, name), "NAME", "what the profile is called",
     .shown = "the model's name"},
    {"method", 'm', OPT_CHOICE, offsetof(struct settings, method), "METHOD",
     "what the profile is for", name_of_method, .text = "stored"},
    {"queries", 'n', OPT_INT, offsetof(struct settings, queries), "N",
     "queries of each collection, those that BM25 finds a relevant document for", .low = 8,
     .high = 10000, .number = 100},
    {"depth", 'd', OPT_INT, offsetof(struct settings, depth), "N",
     "BM25's best documents are the candidates", .low = 2, .high = 1000, .number = 30},
    FLAG_ROW("no-labels", 0, struct settings, no_labels,
             "use no judgements: the model writes a query for each of some documents"),
    {"wants", 0, OPT_CHOICE, offsetof(struct settings, wants), "W",
     "what the model is told that the query wants", name_of_wants, .text = "find"},
    {"bits", 0, OPT_INT, offsetof(struct settings, bits), "N",
     "of a number of a stored key: 8, 4, 3 or 2", .low = 2, .high = 8, .number = 3},
    {"precision", 0, OPT_CHOICE, offsetof(struct settings, precision), "P",
     "how the model computes", name_of_precision, .text = "i8"},
    {"index-dir", 0, OPT_TEXT, offsetof(struct settings, index_dir), "DIR",
     "where indexes of collections are kept", .shown = "the user's cache"},
    {"threads", 0, OPT_INT, offsetof(struct settings, threads), "N", "how many threads", .low = 0,
     .high = 1024, .shown = "one per processor"},
    FLAG_ROW("quiet", 'q', struct settings, quiet, "show no progress"),
    COMMON_ROWS(struct settings),
    {0}};

/* ---- the table ---- */

static void print_row(const char *way, const struct heads_result *r)
{
    struct buf kind = {0};

    heads_kind_name(&kind, r->kind);
    printf("%-10s %-23s %6d %9d %8.4f %8.4f %7.2f\n", way, buf_text(&kind), r->n_heads,
           r->n_key_heads, r->alone, r->fused, r->first_stage);
    buf_clear(&kind);
}

/* The best of each way. */
static void print_table(const struct heads_choice *c, const struct heads_data *d)
{
    printf("%zu queries; nDCG@10 of queries that a choice did not see\n\n", d->n);
    printf("%-10s %-23s %6s %9s %8s %8s %7s\n", "way", "statistic", "heads", "key heads", "alone",
           "fused", "weight");
    printf("%-10s %-23s %6s %9s %8.4f\n", "bm25", "", "", "", c->first);
    for (const struct heads_way *const *way = heads_ways;; way++) {
        for (size_t i = 0; i < c->n; i++)
            if (c->results[i].way == *way) {
                print_row(*way ? (*way)->name : "all heads", &c->results[i]);
                break;
            }
        if (!*way)
            break;
    }
    printf("\n");
}

static void print_json(const struct heads_choice *c, const struct profile *p)
{
    struct jout j = {0};

    jout_open(&j, NULL, '{');
    jout_number(&j, "first_stage_ndcg", c->first);
    jout_open(&j, "results", '[');
    for (size_t i = 0; i < c->n; i++) {
        const struct heads_result *r = &c->results[i];
        struct buf kind = {0};

        heads_kind_name(&kind, r->kind);
        jout_open(&j, NULL, '{');
        jout_text(&j, "way", r->way ? r->way->name : "all");
        jout_text(&j, "statistic", buf_text(&kind));
        jout_int(&j, "heads", r->n_heads);
        jout_int(&j, "key_heads", r->n_key_heads);
        jout_number(&j, "alone", r->alone);
        jout_number(&j, "fused", r->fused);
        jout_number(&j, "weight", r->first_stage);
        jout_close(&j);
        buf_clear(&kind);
    }
    jout_close(&j);
    jout_open(&j, "heads", '[');
    for (int i = 0; i < p->n_heads; i++) {
        jout_open(&j, NULL, '{');
        jout_int(&j, "layer", p->heads[i].layer);
        jout_int(&j, "head", p->heads[i].head);
        jout_number(&j, "weight", p->heads[i].weight);
        jout_close(&j);
    }
    jout_close(&j);
    jout_close(&j);
    jout_print(&j);
}

static void print_choice(const struct profile *p, const struct heads_result *r)
{
    printf("chosen: %s, %s%s, weight of the first stage %.2f\n",
           r->way ? r->way->name : "all heads", p->statistic,
           p->is_calibrated ? ", calibrated" : "", p->first_stage);
    for (int i = 0; i < p->n_heads; i++)
        printf("%s%d-%d %.3f", i ? (i % 8 ? ", " : "\n        ") : "heads:  ", p->heads[i].layer,
               p->heads[i].head, p->heads[i].weight);
    printf("\n");
}

/* ---- the profile ---- */

static int fill_profile(struct profile *p, const struct settings *s, struct reader *r,
                        const struct heads_data *d, const struct heads_choice *c, char **data,
                        int n_data, struct err *err)
{
    const struct heads_result *best = heads_best(c);
    struct buf how = {0};
    int rc;

    if (!best)
        return err_set(err, E_INVALID, "no heads tell relevant passages from others");
    buf_printf(&how, "by 'fovea heads'%s from %zu queries of", s->no_labels ? " --no-labels" : "",
               d->n);
    for (int i = 0; i < n_data; i++)
        buf_printf(&how, "%s %s", i ? "," : "", file_basename(data[i]));
    buf_printf(&how, "; way %s; nDCG@10, cross-validated: BM25 %.4f, heads %.4f, fused %.4f",
               best->way->name, c->first, best->alone, best->fused);
    p->name = mem_strdup(s->name ? s->name : reader_name(r));
    p->method = mem_strdup(s->method);
    p->model = mem_strdup(reader_name(r));
    p->sha256 = mem_strdup(reader_sha256(r));
    p->wants = !strcmp(s->wants, "answer") ? PROMPT_ANSWER : PROMPT_FIND;
    p->bits = s->bits;
    p->chosen = mem_strdup(buf_text(&how));
    rc = p->name && p->method && p->model && p->sha256 && p->chosen && !buf_error(&how)
             ? heads_apply(p, d, best, err)
             : err_nomem(err);
    buf_clear(&how);
    return rc;
}

static int write_profile(const char *path, const struct profile *p, struct err *err)
{
    struct buf text = {0};
    int rc = profile_write(&text, p, err);

    rc = rc ? rc : file_replace(path, buf_text(&text), text.len, err);
    buf_clear(&text);
    return rc;
}

/* ---- all of it ---- */

static int on_passage(size_t done, size_t total, void *payload)
{
    struct progress *p = payload;

    p->total = total;
    progress_update(p, (double)done, 0);
    return interrupted();
}

static int choose(struct settings *s, struct reader *r, const struct heads_set *set, char **data,
                  int n_data, struct pool *pool)
{
    struct progress progress;
    const struct heads_options opt = {.wants =
                                          !strcmp(s->wants, "answer") ? PROMPT_ANSWER : PROMPT_FIND,
                                      .pool = pool,
                                      .progress = on_passage,
                                      .payload = &progress};
    struct heads_choice choice = {0};
    struct heads_data d = {0};
    struct profile *p = mem_zalloc(1, sizeof *p);
    struct err err = {0};
    int rc;

    progress_begin(&progress, NULL, "passages", 0, s->quiet);
    rc = p ? heads_collect(&d, r, set->queries, set->n, &opt, &err) : err_nomem(&err);
    progress_end(&progress);
    rc = rc ? rc : heads_try(&choice, &d, pool, &err);
    rc = rc ? rc : fill_profile(p, s, r, &d, &choice, data, n_data, &err);
    if (!rc && s->out)
        rc = write_profile(s->out, p, &err);
    if (!rc && s->json) {
        print_json(&choice, p);
    } else if (!rc) {
        print_table(&choice, &d);
        print_choice(p, heads_best(&choice));
        if (!s->out)
            say("the profile was not written: give --out FILE");
    }
    heads_choice_clear(&choice);
    heads_data_clear(&d);
    profile_free(p);
    return rc ? say_err(&err) : 0;
}

static int run(void *settings, char **args, int n_args)
{
    struct settings *s = settings;
    const struct heads_source source = {.queries = s->queries,
                                        .depth = s->depth,
                                        .index_dir = s->index_dir,
                                        .threads = s->threads,
                                        .quiet = s->quiet};
    struct reader_options how = {.precision = precision_value(s->precision),
                                 .has_head = s->no_labels};
    struct heads_set set = {0};
    struct reader *r = NULL;
    struct pool *pool = NULL;
    struct err err = {0};
    int rc;

    if (!profile_takes_bits(s->bits))
        return say_usage(&cmd_heads, "--bits is 8, 4, 3 or 2");
    if (s->name && !profile_is_name(s->name))
        return say_usage(&cmd_heads,
                         "--name is 1 to 100 printable characters without a slash, as UTF-8");
    interrupt_watch();
    rc = pool_new(&pool, s->threads, &err) || reader_open(&r, args[0], &how, pool, &err)
             ? say_err(&err)
             : 0;
    if (!rc && !profile_is_name(reader_name(r)))
        rc = say_failed("rename the model: a profile cannot call it '%s'", reader_name(r));
    for (int i = 1; i < n_args && !rc; i++)
        rc = s->no_labels ? heads_set_write(&set, args[i], &source, r, pool)
                          : heads_set_add(&set, args[i], &source);
    rc = rc ? rc : choose(s, r, &set, args + 1, n_args - 1, pool);
    heads_set_clear(&set);
    reader_close(r);
    pool_free(pool);
    return rc;
}

const struct command cmd_heads = {
    .name = "heads",
    .args = "MODEL DATA[:SPLIT]...",
    .about = "find the heads of a model that rank, and make a profile of them",
    .details =
        "DATA is a folder in BEIR's layout; SPLIT names its judgements, train unless said.  BM25 "
        "finds "
        "candidates, every head of the model is asked about them, and six ways to choose heads, "
        "their statistic and their number are tried on queries that the choice did not see.  The "
        "profile is the choice with the fewest stored keys that is within 0.004 nDCG@10 of the "
        "best.\n\n"
        "With --no-labels the model writes a query for each of some documents, which then is the "
        "one "
        "that is relevant; no judgements are needed.",
    .examples = "fovea heads smollm2 data/scifact:train --out my-profile.json\n"
                "fovea heads qwen0.5b my-collection --no-labels --out mine.json",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 2,
    .max_args = -1,
    .run = run,
};
