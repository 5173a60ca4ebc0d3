/* cmd_index.c -- `fovea index`: reads collections into an index, or changes one.
 *
 * Work is committed in batches, and documents that the index has already are passed over;
 * so an interrupted run is resumed by running the same command again.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "api/cli.h"
#include "api/feed.h"
#include "api/jout.h"
#include "api/knobs.h"
#include "api/progress.h"
#include "api/term.h"
#include "base/mem.h"
#include "indexer/chunk.h"
#include "indexer/index.h"
#include "model/model.h"

struct settings {
    struct feed_options feed;
    const char *model, *sparse, *analyzer, *chunk, *fields, *vectors, *precision, *attention;
    struct texts deletes;
    int merge, threads, quiet, json;
};

static const struct option_row rows[] = {
    {"format", 'f', OPT_CHOICE, offsetof(struct settings, feed.format), "F", "what the corpus is",
     name_of_format, .shown = "guessed from the path"},
    {"model", 0, OPT_TEXT, offsetof(struct settings, model), "NAME",
     "encoder for searching by meaning: a name, a folder, or none",
     .shown = DEFAULT_MODEL " if it is installed"},
    {"sparse", 0, OPT_TEXT, offsetof(struct settings, sparse), "NAME",
     "learned sparse model (SPLADE) for searching by weighted words: a name, a folder, or none",
     .shown = "none"},
    {"attention", 0, OPT_TEXT, offsetof(struct settings, attention), "PROFILE[:MODEL]",
     "attention keys for re-ranking by 'stored': a profile's name or file, or none; 'fovea attend' "
     "adds them later",
     .shown = "none"},
    {"analyzer", 0, OPT_CHOICE, offsetof(struct settings, analyzer), "A", "how text becomes words",
     name_of_analyzer, .shown = "english"},
    {"chunk", 0, OPT_TEXT, offsetof(struct settings, chunk), "C",
     "how documents become passages: whole, words:N[:OVERLAP], sentences:N[:OVERLAP] or "
     "sections:N; see 'fovea help chunking'",
     .shown = "whole"},
    {"fields", 0, OPT_TEXT, offsetof(struct settings, fields), "LIST",
     "fields whose words are searched, with weights, as in title:3,headings:0.5,keywords:2; see "
     "'fovea help fields'",
     .shown = "title:1,headings:1,text:1"},
    {"vectors", 0, OPT_TEXT, offsetof(struct settings, vectors), "V",
     "how vectors are searched: auto, auto:N (exactly in segments of up to N passages, on a graph "
     "in larger ones), or a FAISS factory string such as Flat (always exact) or IVF1024,SQ8",
     .shown = "auto, which is auto:50000"},
    {"id-field", 0, OPT_TEXT, offsetof(struct settings, feed.id_field), "NAME",
     "field (JSON member, column, tag) that names a document", .shown = "_id, id, docno or docid"},
    {"title-field", 0, OPT_TEXT, offsetof(struct settings, feed.title_field), "NAME",
     "field that holds the title", .shown = "title"},
    {"text-field", 0, OPT_TEXT, offsetof(struct settings, feed.text_field), "NAME",
     "field that holds the text", .shown = "text, contents, body or doc"},
    FLAG_ROW("skip-bad", 0, struct settings, feed.skip_bad,
             "pass over lines that cannot be read, and count them"),
    {"delete", 0, OPT_LIST, offsetof(struct settings, deletes), "DOCNO", "delete this document",
     .text = NULL},
    FLAG_ROW("merge", 0, struct settings, merge,
             "merge all segments into one and drop what was deleted: a large index is searched up "
             "to a fifth faster"),
    {"commit-every", 0, OPT_INT, offsetof(struct settings, feed.commit_every), "N",
     "commit after so many changed documents", .low = 0, .high = 1000000000,
     .shown = "64 with attention keys, 512 with a model, 50000 without"},
    {"threads", 0, OPT_INT, offsetof(struct settings, threads), "N",
     "threads; 0 is one per processor", .low = 0, .high = 64},
    {"precision", 0, OPT_CHOICE, offsetof(struct settings, precision), "P",
     "how the encoder computes", name_of_precision, .text = "i8"},
    FLAG_ROW("quiet", 'q', struct settings, quiet, "show no progress and no notices"),
    COMMON_ROWS(struct settings),
    {0}};

/* Which model a new index gets.  *found is the caller's; no model is a notice, not a secret. */
static const char *default_model(int quiet)
{
    struct err err = {0};
    char *path = NULL;
    const int rc = model_find(&path, DEFAULT_MODEL, &err);

    mem_free(path);
    if (!rc)
        return DEFAULT_MODEL;
    if (!quiet)
        say("notice: %s; without it the index finds words but not meaning (--model none "
            "hides this notice)",
            err.text);
    return "none";
}

static int check_usage(const struct settings *s, int n_corpora)
{
    struct chunking chunking;
    struct fields fields;
    struct err err = {0};

    if (s->chunk && chunking_parse(&chunking, s->chunk, &err))
        return say_usage(&cmd_index, "--chunk: %s", err.text);
    if (s->fields && fields_parse(&fields, s->fields, &err))
        return say_usage(&cmd_index, "--fields: %s", err.text);
    if (s->model && !*s->model)
        return say_usage(&cmd_index, "--model is empty: give a name, a folder, or none");
    if (s->sparse && !*s->sparse)
        return say_usage(&cmd_index, "--sparse is empty: give a name, a folder, or none");
    if (s->attention && !*s->attention)
        return say_usage(&cmd_index, "--attention is empty: give a profile or none");
    if (!n_corpora && !s->deletes.n && !s->merge)
        return say_usage(&cmd_index, "nothing to do: give a CORPUS, --delete or --merge");
    return 0;
}

/* Deletes what --delete names, in the commit to come.  *missing counts those that are not there. */
static int delete_documents(struct feed *f, const struct texts *docnos, size_t *missing)
{
    for (size_t i = 0; i < docnos->n; i++) {
        int rc = fovea_delete(f->ix, docnos->items[i]);
        if (rc < 0)
            return say_fovea(f->ix);
        if (rc == 0) {
            say("no document '%s' in the index", docnos->items[i]);
            ++*missing;
        }
        f->n_deleted += (size_t)rc;
    }
    return 0;
}

static int print_json(const struct feed *f, const fovea_info *info, const char *path,
                      double seconds)
{
    struct jout j = {0};

    jout_open(&j, NULL, '{');
    jout_text(&j, "index", path);
    jout_count(&j, "added", f->n_added);
    jout_count(&j, "updated", f->n_updated);
    jout_count(&j, "unchanged", f->n_unchanged);
    jout_count(&j, "deleted", f->n_deleted);
    jout_count(&j, "bad", f->n_bad);
    jout_number(&j, "seconds", seconds);
    jout_count(&j, "documents", info->n_documents);
    jout_count(&j, "passages", info->n_passages);
    jout_count(&j, "bytes", info->file_bytes);
    jout_text(&j, "model", info->model);
    jout_close(&j);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

static void print_report(const struct feed *f, const fovea_info *info, const char *path,
                         double seconds)
{
    const size_t n = f->n_added + f->n_updated;
    char a[NUMBER_TEXT], b[NUMBER_TEXT], name[NAME_TEXT];

    printf("%s: %s added", path, show_count(a, f->n_added));
    if (f->n_updated)
        printf(", %s updated", show_count(a, f->n_updated));
    if (f->n_unchanged)
        printf(", %s unchanged", show_count(a, f->n_unchanged));
    if (f->n_deleted)
        printf(", %s deleted", show_count(a, f->n_deleted));
    if (f->n_bad)
        printf(", %s bad and skipped", show_count(a, f->n_bad));
    printf(" in %s", show_time(a, seconds));
    if (n && seconds > 0)
        printf(" (%s documents/s)", show_rate(a, (double)n / seconds));
    printf("\n%s document%s", show_count(a, info->n_documents), info->n_documents == 1 ? "" : "s");
    if (info->n_passages != info->n_documents)
        printf(" in %s passage%s", show_count(a, info->n_passages),
               info->n_passages == 1 ? "" : "s");
    printf(", %s, %s%s\n", show_bytes(b, info->file_bytes),
           info->dim ? "by words and by meaning: model " : "by words only: no model",
           info->dim ? show_name(name, info->model) : "");
}

/* Everything between opening and closing. */
static int change(struct feed *f, const struct settings *s, const char *path, char **corpora,
                  int n_corpora)
{
    const double start = clock_now();
    fovea_info info = FOVEA_INFO_INIT;
    size_t missing = 0;
    int rc = 0;

    if (s->deletes.n)
        rc = delete_documents(f, &s->deletes, &missing);
    for (int i = 0; i < n_corpora && !rc; i++)
        rc = feed_corpus(f, corpora[i]);
    if (!rc)
        rc = feed_commit(f);
    if (!rc && s->merge && fovea_merge(f->ix))
        rc = say_fovea(f->ix);
    feed_end(f);
    if (rc) {
        feed_say_what_stands(f);
        return rc;
    }
    if (fovea_describe(&info, f->ix))
        return say_fovea(f->ix);
    if (s->json)
        rc = print_json(f, &info, path, clock_now() - start);
    else
        print_report(f, &info, path, clock_now() - start);
    return rc ? rc : missing ? EXIT_NONE : 0;
}

static int run(void *settings, char **args, int n_args)
{
    struct settings *s = settings;
    fovea_options opt = FOVEA_OPTIONS_INIT;
    /* Not whether there is a file: a run that was killed at once, or found the disk full, leaves an empty one. */
    const int is_new = index_exists(args[0], NULL, NULL) == 0;
    struct feed f = {.quiet = s->quiet};
    int rc = check_usage(s, n_args - 1);

    s->feed.except = args[0];
    f.options = s->feed;
    for (int i = 1; i < n_args && !rc; i++)
        rc = feed_try(&s->feed, args[i]);
    if (rc)
        return rc;
    opt.mode = n_args > 1 ? FOVEA_CREATE : FOVEA_WRITE;
    opt.model = s->model || !is_new || n_args < 2 ? s->model : default_model(s->quiet);
    opt.analyzer = s->analyzer;
    opt.chunking = s->chunk;
    opt.vectors = s->vectors;
    opt.sparse = s->sparse;
    opt.fields = s->fields;
    opt.attention = s->attention;
    opt.precision = precision_value(s->precision);
    opt.threads = s->threads;
    opt.progress = feed_progress;
    opt.payload = &f;
    interrupt_watch();
    if (fovea_open(&f.ix, args[0], &opt))
        rc = say_fovea(f.ix);
    else
        rc = change(&f, s, args[0], args + 1, n_args - 1);
    fovea_close(f.ix);
    return rc;
}

const struct command cmd_index = {
    .name = "index",
    .args = "INDEX [CORPUS...]",
    .about = "make or update an index from collections of documents",
    .details =
        "Reads each CORPUS (a folder, a file, or - for standard input) into the file INDEX, "
        "which is made if it does not exist.  A document whose name is there already is "
        "replaced; one that has not changed costs nothing.  'fovea help corpora' lists the "
        "formats.\n\n"
        "Changes are committed in batches.  When the work is interrupted (Ctrl-C, a crash, a "
        "full disk), the index holds the last commit; run the same command again and it goes "
        "on from there.  Others can search the index all the while.\n\n"
        "Analyzer, chunking, fields, models, precision and vectors are chosen when an index is "
        "made; "
        "it records them and refuses others.  Attention keys may be added later.",
    .examples = "fovea index scifact.fovea corpora/data/scifact\n"
                "fovea index notes.fovea ~/notes --chunk words:200:40\n"
                "fovea index papers.fovea papers.jsonl --fields title:2,text:1,keywords:2\n"
                "zcat dump.jsonl.gz | fovea index big.fovea - --format jsonl --id-field url\n"
                "fovea index notes.fovea --delete old.md --merge",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
