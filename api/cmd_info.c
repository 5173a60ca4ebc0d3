/* cmd_info.c -- `fovea info` and `fovea check`: what an index is, and whether it is whole. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "api/cli.h"
#include "api/jout.h"
#include "api/knobs.h"
#include "api/progress.h"
#include "api/term.h"

struct settings {
    int json, recall, samples, ef;
};

static const struct option_row check_rows[] = {COMMON_ROWS(struct settings), {0}};

static const struct option_row rows[] = {
    FLAG_ROW("recall", 0, struct settings, recall,
             "measure how much of what is nearest the dense leg finds"),
    {"samples", 0, OPT_INT, offsetof(struct settings, samples), "N",
     "with --recall: stored vectors that are searched for", .low = 1, .high = 1000000,
     .number = 200},
    {"ef", 0, OPT_INT, offsetof(struct settings, ef), "N",
     "with --recall: candidates kept, as in 'fovea search'", .low = 0, .high = 1000000,
     .shown = "that of a search"},
    COMMON_ROWS(struct settings),
    {0}};

static int info_json(const fovea_info *i, const char *path, const fovea_recall *r)
{
    struct jout j = {0};

    jout_open(&j, NULL, '{');
    jout_text(&j, "index", path);
    jout_count(&j, "documents", i->n_documents);
    jout_count(&j, "passages", i->n_passages);
    jout_count(&j, "deleted_passages", i->n_dead);
    jout_count(&j, "terms", i->n_terms);
    jout_count(&j, "segments", i->n_segments);
    jout_count(&j, "commits", i->n_commits);
    jout_text(&j, "analyzer", i->analyzer);
    jout_text(&j, "chunking", i->chunking);
    jout_text(&j, "fields", i->fields);
    jout_text(&j, "model", i->model);
    jout_text(&j, "model_sha256", i->dim ? i->model_sha256 : NULL);
    jout_text(&j, "vectors", i->dim ? i->vectors : NULL);
    jout_int(&j, "dimensions", i->dim);
    jout_text(&j, "sparse", i->sparse);
    jout_text(&j, "sparse_sha256", i->sparse_words ? i->sparse_sha256 : NULL);
    jout_text(&j, "attention", i->attention);
    if (has_attention(i)) {
        jout_text(&j, "attention_model", i->attention_model);
        jout_count(&j, "attended_passages", i->n_attended);
        jout_count(&j, "attention_bytes", i->attention_bytes);
        jout_count(&j, "cut_passages", i->n_attended_cut);
        jout_count(&j, "empty_passages", i->n_attended_empty);
    }
    jout_count(&j, "bytes", i->file_bytes);
    jout_count(&j, "text_bytes", i->text_bytes);
    jout_count(&j, "postings_bytes", i->postings_bytes);
    jout_count(&j, "vector_bytes", i->vector_bytes);
    jout_count(&j, "other_bytes", i->other_bytes);
    if (r) {
        jout_open(&j, "recall", '{');
        jout_int(&j, "queries", r->n_queries);
        jout_int(&j, "graphs", r->n_graphs);
        jout_number(&j, "at_10", r->at_10);
        jout_number(&j, "at_100", r->at_100);
        jout_number(&j, "p50_ms", r->p50_ms);
        jout_number(&j, "exact_p50_ms", r->exact_p50_ms);
        jout_close(&j);
    }
    jout_close(&j);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

static void attention_text(const fovea_info *i)
{
    const int has_all = i->n_attended >= i->n_passages;
    char n[NUMBER_TEXT], name[NAME_TEXT], model[NAME_TEXT], left_out[NAME_TEXT];

    printf("  attention  profile %s, model %s: keys of %s%s passages",
           show_name(name, i->attention), show_name(model, i->attention_model),
           has_all ? "all" : show_count(n, i->n_attended), has_all ? "" : " of the");
    if (*show_left_out(left_out, i->n_attended_cut, i->n_attended_empty))
        printf(", %s", left_out);
    printf("%s\n", has_all ? "" : "; 'fovea attend' makes the others");
}

static void info_text(const fovea_info *i, const char *path)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT], name[NAME_TEXT], other[NAME_TEXT];

    printf("%s\n", path);
    printf("  documents  %s\n", show_count(a, i->n_documents));
    printf("  passages   %s (%s)", show_count(a, i->n_passages), i->chunking);
    if (i->n_dead)
        printf("; %s deleted, until they are merged away", show_count(b, i->n_dead));
    printf("\n  words      %s (%s)\n", show_count(a, i->n_terms), i->analyzer);
    printf("  fields     %s\n", i->fields);
    if (i->dim)
        printf("  model      %s, %d dimensions, SHA-256 %.12s...\n  vectors    %s\n",
               show_name(name, i->model), i->dim, show_name(other, i->model_sha256), i->vectors);
    else
        printf("  model      none: searched by words only\n");
    if (i->sparse_words)
        printf("  sparse     %s, %d words, SHA-256 %.12s...\n", show_name(name, i->sparse),
               i->sparse_words, show_name(other, i->sparse_sha256));
    if (has_attention(i))
        attention_text(i);
    printf("  segments   %s, after %s commit%s\n", show_count(a, i->n_segments),
           show_count(b, i->n_commits), i->n_commits == 1 ? "" : "s");
    printf("  size       %s: ", show_bytes(a, i->file_bytes));
    printf("text %s, ", show_bytes(a, i->text_bytes));
    printf("postings %s, ", show_bytes(a, i->postings_bytes));
    if (i->vector_bytes)
        printf("vectors %s, ", show_bytes(a, i->vector_bytes));
    if (i->attention_bytes)
        printf("attention keys %s, ", show_bytes(a, i->attention_bytes));
    printf("other %s\n", show_bytes(a, i->other_bytes));
}

static void recall_text(const fovea_recall *r)
{
    printf("  recall     %.4f at 10, %.4f at 100: %d of the vectors as queries, %s\n"
           "  latency    %.3f ms for 100, %.3f ms exactly (medians)\n",
           r->at_10, r->at_100, r->n_queries,
           r->n_graphs ? "found on a graph" : "all segments are searched exactly", r->p50_ms,
           r->exact_p50_ms);
}

static int info(void *settings, char **args, int n_args)
{
    const struct settings *s = settings;
    fovea_info i = FOVEA_INFO_INIT;
    fovea_recall r = FOVEA_RECALL_INIT;
    fovea *ix = NULL;
    int rc = 0;

    (void)n_args;
    if (fovea_open(&ix, args[0], NULL) || fovea_describe(&i, ix) ||
        (s->recall && fovea_measure_recall(&r, ix, s->samples, s->ef))) {
        rc = say_fovea(ix);
    } else if (s->json) {
        rc = info_json(&i, args[0], s->recall ? &r : NULL);
    } else {
        info_text(&i, args[0]);
        if (s->recall)
            recall_text(&r);
    }
    fovea_close(ix);
    return rc;
}

const struct command cmd_info = {
    .name = "info",
    .args = "INDEX",
    .about = "describe an index: what is in it and how it was made",
    .details = "--recall searches for some of the stored vectors as a search would, and exactly, "
               "and compares: "
               "an index whose segments are all small is searched exactly.",
    .examples = "fovea info scifact.fovea\n"
                "fovea info large.fovea --recall --ef 200",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 1,
    .max_args = 1,
    .run = info,
};

/* ---- check ---- */

static int check_json(const char *path, const char *error, const fovea_info *i)
{
    struct jout j = {0};

    jout_open(&j, NULL, '{');
    jout_text(&j, "index", path);
    jout_bool(&j, "ok", !error);
    jout_text(&j, "error", error);
    if (!error) {
        jout_count(&j, "documents", i->n_documents);
        jout_count(&j, "passages", i->n_passages);
    }
    jout_close(&j);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

static int check(void *settings, char **args, int n_args)
{
    const struct settings *s = settings;
    const double start = clock_now();
    char a[NUMBER_TEXT], b[NUMBER_TEXT], t[NUMBER_TEXT];
    fovea_info i = FOVEA_INFO_INIT;
    fovea *ix = NULL;
    int rc;

    (void)n_args;
    if (fovea_open(&ix, args[0], NULL) || fovea_check(ix) || fovea_describe(&i, ix)) {
        if (s->json)
            check_json(args[0], fovea_error(ix), NULL);
        rc = say_fovea(ix);
    } else if (s->json) {
        rc = check_json(args[0], NULL, &i);
    } else {
        rc = 0;
        printf("%s: ok: %s document%s, %s passage%s checked in %s\n", args[0],
               show_count(a, i.n_documents), i.n_documents == 1 ? "" : "s",
               show_count(b, i.n_passages), i.n_passages == 1 ? "" : "s",
               show_time(t, clock_now() - start));
    }
    fovea_close(ix);
    return rc;
}

const struct command cmd_check = {
    .name = "check",
    .args = "INDEX",
    .about = "verify all of an index: checksums, order, counts",
    .details = "Names the first thing that is wrong and exits with 1.",
    .examples = "fovea check scifact.fovea",
    .options = check_rows,
    .settings_size = sizeof(struct settings),
    .min_args = 1,
    .max_args = 1,
    .run = check,
};
