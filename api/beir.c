/* beir.c -- see beir.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/beir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/cache.h"
#include "api/cli.h"
#include "api/feed.h"
#include "api/knobs.h"
#include "api/term.h"
#include "base/file.h"
#include "base/mem.h"

/* ---- the index ---- */

/* What a file is called by the choice of attention keys: the profile's file or name, else the model's. */
static char *name_of_keys(const char *choice)
{
    const size_t n = strcspn(choice, ":");
    char *profile = mem_dup(choice, n), *name = NULL;

    if (profile)
        name = mem_strdup(*profile    ? file_basename(profile)
                          : choice[n] ? file_basename(choice + n + 1)
                                      : "keys");
    mem_free(profile);
    return name;
}

/* NAME.fovea, NAME-MODEL.fovea, NAME-MODEL+SPARSE.fovea, NAME@PROFILE.fovea or NAME-MODEL-f32.fovea in the folder for indexes. */
static char *index_file(const struct beir_options *o, const char *name)
{
    const int plain = !strcmp(o->model, "none");
    char *dir = o->index_dir ? mem_strdup(o->index_dir) : cache_dir("beir"), *path = NULL;
    char *keys = o->attention ? name_of_keys(o->attention) : NULL;

    if (dir && (keys || !o->attention))
        path =
            mem_printf("%s/%s%s%s%s%s%s%s%s.fovea", dir, name, plain ? "" : "-",
                       plain ? "" : file_basename(o->model), o->sparse ? "+" : "",
                       o->sparse ? file_basename(o->sparse) : "", keys ? "@" : "", keys ? keys : "",
                       (plain && !o->sparse && !keys) || strcmp(o->precision, "f32") ? "" : "-f32");
    if (!path || make_dirs(dir)) {
        say_failed(path ? "%s: the folder cannot be made; give --index-dir" : "out of memory", dir);
        mem_free(path);
        path = NULL;
    }
    mem_free(keys);
    mem_free(dir);
    return path;
}

static int update_index(struct feed *f, const struct dataset *d, const char *path)
{
    fovea_info info = FOVEA_INFO_INIT;
    int rc = feed_corpus(f, d->dir);
    size_t n;
    char a[NUMBER_TEXT], t[NUMBER_TEXT];

    if (!rc)
        rc = feed_commit(f);
    feed_end(f);
    if (rc) {
        feed_say_what_stands(f);
        return rc;
    }
    n = f->n_added + f->n_updated;
    if (n && !f->quiet)
        say("%s: %s documents indexed in %s", d->name, show_count(a, n),
            show_time(t, clock_now() - f->progress.start));
    if (fovea_describe(&info, f->ix))
        return say_fovea(f->ix);
    n += f->n_unchanged;
    if (info.n_documents > n)
        return say_failed("%s holds %llu documents that are not in %s: remove it, or give "
                          "another --index-dir",
                          path, (unsigned long long)(info.n_documents - n), d->dir);
    return 0;
}

/* How far making keys is. */
struct attending {
    struct progress progress;
    uint64_t before; /* passages that had keys */
    int has_begun;
};

static int on_attend(const char *what, uint64_t done, uint64_t total, void *payload)
{
    struct attending *a = payload;

    if (!strcmp(what, "passages read")) {
        if (!a->has_begun)
            a->before = done ? done - 1 : 0;
        a->has_begun = 1;
        a->progress.total = total;
        progress_update(&a->progress, (double)done, (double)a->before);
    }
    return interrupted();
}

/* Gives an index keys where passages have none. */
static int attend(const char *path, const struct dataset *d, const struct beir_options *o)
{
    struct attending a = {0};
    fovea_options opt = FOVEA_OPTIONS_INIT;
    fovea *ix = NULL;
    int rc = 0;

    opt.mode = FOVEA_WRITE;
    opt.threads = o->threads;
    opt.precision = precision_value(o->precision);
    opt.progress = on_attend;
    opt.payload = &a;
    progress_begin(&a.progress, d->name, "passages read for their keys", 0, o->quiet);
    if (fovea_open(&ix, path, &opt) || fovea_attend(ix, *o->attention ? o->attention : NULL)) {
        progress_end(&a.progress);
        rc = say_fovea(ix);
    }
    progress_end(&a.progress);
    fovea_close(ix);
    return rc;
}

static int open_index(struct dataset *d, const struct beir_options *o)
{
    fovea_options opt = FOVEA_OPTIONS_INIT;
    struct feed f = {.label = d->name, .quiet = o->quiet, .options = {.format = "beir"}};
    char *path = index_file(o, d->name);
    int rc;

    if (!path)
        return EXIT_FAILED;
    opt.mode = FOVEA_CREATE;
    opt.model = o->model;
    opt.sparse = o->sparse;
    opt.threads = o->threads;
    opt.precision = precision_value(o->precision);
    opt.progress = feed_progress;
    opt.payload = &f;
    if (fovea_open(&f.ix, path, &opt))
        rc = say_fovea(f.ix);
    else
        rc = update_index(&f, d, path);
    fovea_close(f.ix);
    if (!rc && o->attention)
        rc = attend(path, d, o);
    /* The feed is gone: what searches must not report to it. */
    opt.mode = FOVEA_READ;
    opt.progress = NULL;
    if (!rc && fovea_open(&d->ix, path, &opt))
        rc = say_fovea(d->ix);
    mem_free(path);
    return rc;
}

/* ---- the searches ---- */

/* In some collections (ArguAna) queries are documents, under the same id.  BEIR's own evaluation goes by
 * the id alone; but ids may also be numbers that start at 1 on both sides (Cranfield). */
static int is_query_itself(struct dataset *d, const struct query *q, const char *docno)
{
    fovea_document *doc = NULL;
    int is;

    if (strcmp(docno, q->qid) != 0 || fovea_get(&doc, d->ix, docno))
        return 0;
    is = strstr(doc->text, q->text) || !strcmp(doc->title, q->text);
    fovea_document_free(doc);
    return is;
}

static int add_hits(struct run *run, struct dataset *d, const struct query *q,
                    const fovea_hits *hits, struct err *err)
{
    int rc = run_add_query(run, q->qid, err), n = 0;

    for (size_t i = 0; i < fovea_hits_count(hits) && n < BEIR_HITS && !rc; i++) {
        const fovea_hit *hit = fovea_hits_get(hits, i);

        if (is_query_itself(d, q, hit->docno))
            continue;
        rc = run_add(run, q->qid, hit->docno, (double)hit->score, err);
        n++;
    }
    return rc;
}

int dataset_search(struct run *run, double *seconds, size_t *n, struct dataset *d,
                   const fovea_search_options *opt, int quiet)
{
    struct progress progress;
    struct err err = {0};
    char label[80];
    int rc = 0, noticed = 0;

    if (opt->rerank) { /* the model is opened before the clock runs */
        fovea_hits *none = NULL;
        if (fovea_search(&none, d->ix, "", opt))
            return say_fovea(d->ix);
        fovea_hits_free(none);
    }
    snprintf(label, sizeof label, "%.40s %.12s%s%.*s", d->name, opt->system, opt->rerank ? "+" : "",
             opt->rerank ? (int)strcspn(opt->rerank, ":") : 0, opt->rerank ? opt->rerank : "");
    progress_begin(&progress, label, "queries", d->qrels.n, quiet);
    for (size_t i = 0; i < d->queries.n && !rc; i++) {
        const struct query *q = &d->queries.queries[i];
        fovea_hits *hits = NULL;
        const double start = clock_now();
        if (!qrels_find(&d->qrels, q->qid))
            continue;
        if (fovea_search(&hits, d->ix, q->text, opt))
            rc = say_fovea(d->ix);
        *seconds += clock_now() - start;
        ++*n;
        if (!rc && !quiet && !noticed && *fovea_hits_note(hits)) {
            noticed = 1;
            say("notice: %s: query '%s': %s", d->name, q->qid, fovea_hits_note(hits));
        }
        if (!rc && add_hits(run, d, q, hits, &err))
            rc = say_err(&err);
        fovea_hits_free(hits);
        progress_update(&progress, (double)*n, 0);
        if (!rc && interrupted())
            rc = interrupt_code();
    }
    progress_end(&progress);
    if (!rc && run_sort(run, &err))
        rc = say_err(&err);
    return rc;
}

int dataset_write_run(const struct run *run, const struct dataset *d, const char *dir,
                      const char *system)
{
    char *path = mem_printf("%s/%s.%s.run", dir, d->name, system);
    FILE *f = path && !make_dirs(dir) ? fopen(path, "w") : NULL;
    int failed = !f;

    for (size_t i = 0; f && i < run->n; i++)
        ranking_write(f, &run->rankings[i], system);
    if (f)
        failed = ferror(f) != 0;
    if (f && fclose(f))
        failed = 1;
    if (failed)
        say("%s: the run cannot be written: is the folder writable, the disk full?",
            path ? path : dir);
    mem_free(path);
    return failed ? EXIT_FAILED : 0;
}

/* ---- the collection ---- */

/* Judged queries without text would count as 0 without anyone knowing. */
static int check_queries(const struct dataset *d, int quiet)
{
    struct map have = {0};
    size_t missing = 0;

    for (size_t i = 0; i < d->queries.n; i++)
        if (!map_put(&have, d->queries.queries[i].qid, strlen(d->queries.queries[i].qid))) {
            map_clear(&have);
            return say_failed("out of memory");
        }
    for (size_t i = 0; i < d->qrels.n; i++)
        missing += !map_find(&have, d->qrels.topics[i].qid, strlen(d->qrels.topics[i].qid));
    map_clear(&have);
    if (missing && !quiet)
        say("notice: %s: %zu judged queries are not among the queries; they count as 0", d->name,
            missing);
    return 0;
}

char *dataset_name(const char *dir)
{
    char *real = realpath(dir, NULL), *name = mem_strdup(file_basename(real ? real : dir));

    free(real);
    return name;
}

int dataset_open(struct dataset *d, const char *dir, const struct beir_options *o)
{
    char *qrels_path = NULL;
    struct err err = {0};
    int rc;

    *d = (struct dataset){.name = dataset_name(dir), .dir = dir};
    if (!file_is_dir(dir))
        rc = say_failed("%s: there is no such folder", dir);
    else if (!d->name)
        rc = say_failed("out of memory");
    else if (!o->split)
        rc = 0;
    else if (corpus_qrels_path(&qrels_path, dir, o->split, &err) ||
             qrels_load(&d->qrels, qrels_path, &err) || queries_load(&d->queries, dir, &err))
        rc = say_err(&err);
    else
        rc = check_queries(d, o->quiet);
    if (!rc)
        rc = open_index(d, o);
    mem_free(qrels_path);
    return rc;
}

void dataset_close(struct dataset *d)
{
    fovea_close(d->ix);
    queries_clear(&d->queries);
    qrels_clear(&d->qrels);
    mem_free(d->name);
}
