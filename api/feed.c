/* feed.c -- see feed.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/feed.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api/cli.h"
#include "api/term.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/mem.h"
#include "corpora/corpora.h"

/* With a model a commit's worth of work should be seconds, without one a segment's. */
enum { EVERY_WITH_KEYS = 64, EVERY_WITH_MODEL = 512, EVERY_WITHOUT = 50000, BAD_SHOWN = 10 };

/* The documents of a corpus that has one a line; 0 if that cannot be told. */
static uint64_t count_lines(const char *path)
{
    struct lines *in = NULL;
    uint64_t n = 0;
    char *line;
    size_t len;

    if (lines_open(&in, path, NULL))
        return 0;
    while (lines_next(&line, &len, in, NULL) == 1)
        n += len > 0;
    lines_close(in);
    return n;
}

static uint64_t count_documents(const char *path, const struct corpus_options *opt)
{
    static const char *const names[] = {"corpus.jsonl", "corpus.jsonl.gz"};
    const struct corpus_format *format = corpus_format_of(path, opt);
    uint64_t n = 0;

    if (!file_is_dir(path))
        return format && format->is_by_line ? count_lines(path) : 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && !n; i++) {
        char *file = file_join(path, names[i]);
        if (file && file_exists(file))
            n = count_lines(file);
        mem_free(file);
    }
    return n;
}

static void on_bad(const char *message, void *payload)
{
    struct feed *f = payload;

    progress_end(&f->progress);
    if (f->quiet || f->n_bad > BAD_SHOWN)
        return;
    say("skipped: %s", message);
    if (f->n_bad == BAD_SHOWN)
        say("further lines that are skipped are only counted");
}

static size_t changed(const struct feed *f) { return f->n_added + f->n_updated; }

/* Pending documents count by how far their embedding is. */
static void show(struct feed *f, double part_of_pending)
{
    const double before = (double)f->n_unchanged;

    progress_update(&f->progress,
                    before + (double)f->n_committed + (double)f->n_pending * part_of_pending,
                    before);
}

int feed_progress(const char *what, uint64_t done, uint64_t total, void *payload)
{
    struct feed *f = payload;

    /* Reading passages takes far longer than all else: with attention keys that alone counts. */
    if (f->moving && total && (!f->has_keys || !strcmp(what, "passages read")))
        show(f, (double)done / (double)total);
    return interrupted();
}

static int has_model(struct feed *f)
{
    fovea_info info = FOVEA_INFO_INIT;

    if (fovea_describe(&info, f->ix))
        return 0;
    f->has_keys = has_attention(&info);
    return f->has_keys || info.dim > 0 || info.sparse_words > 0;
}

int feed_commit(struct feed *f)
{
    if (interrupted())
        return interrupt_code();
    if (fovea_commit(f->ix)) {
        progress_end(&f->progress);
        return say_fovea(f->ix);
    }
    f->n_committed = changed(f);
    f->n_safe = changed(f) + f->n_unchanged;
    f->n_pending = 0;
    f->has_committed = 1;
    return 0;
}

static int add(struct feed *f, const struct doc *doc, size_t every, int dense)
{
    switch (fovea_add(f->ix, doc->docno, doc->title, doc->text, doc->meta)) {
    case FOVEA_ADDED:
        f->n_added++;
        f->n_pending++;
        break;
    case FOVEA_UPDATED:
        f->n_updated++;
        f->n_pending++;
        break;
    case FOVEA_UNCHANGED:
        f->n_unchanged++;
        /* Else it may be the same as a document that only waits for its commit. */
        if (!f->n_pending)
            f->n_safe = changed(f) + f->n_unchanged;
        break;
    default:
        progress_end(&f->progress);
        return say_fovea(f->ix);
    }
    if (f->n_pending >= every)
        return feed_commit(f);
    if ((changed(f) + f->n_unchanged) % 64 == 0)
        show(f, dense ? 0 : 1);
    return interrupted() ? interrupt_code() : 0;
}

static struct corpus_options corpus_options(const struct feed_options *o)
{
    return (struct corpus_options){
        .format = o->format,
        .id_field = o->id_field,
        .title_field = o->title_field,
        .text_field = o->text_field,
        .except = o->except,
        .skip_bad = o->skip_bad,
    };
}

/* n_bad: lines that could not be read; without one, skipping lines would not help. */
static int say_corpus(const struct err *err, const struct feed_options *o, size_t n_bad)
{
    const int rc = say_err(err);

    if (n_bad && !o->skip_bad)
        say("--skip-bad passes over what cannot be read, and counts it");
    return rc;
}

/* Can it be read a second time? */
static int is_file_or_folder(const char *path)
{
    struct stat st;

    return strcmp(path, "-") && stat(path, &st) == 0 &&
           (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

int feed_try(const struct feed_options *options, const char *path)
{
    struct corpus_options opt = corpus_options(options);
    struct doc_source src;
    size_t n_bad = 0;
    struct err err = {0};
    struct doc doc;
    int rc;

    if (!is_file_or_folder(path) && (!strcmp(path, "-") || file_exists(path)))
        return 0;
    opt.n_bad = &n_bad;
    if (corpus_open(&src, path, &opt, &err))
        return say_corpus(&err, options, 0);
    rc = src.next(&doc, src.self, &err);
    src.close(src.self);
    return rc < 0 ? say_corpus(&err, options, n_bad) : 0;
}

int feed_corpus(struct feed *f, const char *path)
{
    const int dense = has_model(f);
    const int given = f->options.commit_every;
    const size_t every = given         ? (size_t)given
                         : f->has_keys ? EVERY_WITH_KEYS
                         : dense       ? EVERY_WITH_MODEL
                                       : EVERY_WITHOUT;
    struct corpus_options opt = corpus_options(&f->options);
    struct doc_source src;
    struct err err = {0};
    struct doc doc;
    int rc = 0, got = 0;

    opt.n_bad = &f->n_bad;
    opt.on_bad = on_bad;
    opt.payload = f;
    if (corpus_open(&src, path, &opt, &err))
        return say_corpus(&err, &f->options, 0);
    if (!f->moving)
        progress_begin(&f->progress, f->label, "documents", 0, f->quiet);
    f->moving = 1;
    if (!f->quiet && is_file_or_folder(path)) {
        const uint64_t n = count_documents(path, &opt);
        f->progress.total = n ? (uint64_t)(changed(f) + f->n_unchanged) + n : 0;
    }
    while (!rc && (got = src.next(&doc, src.self, &err)) == 1)
        rc = add(f, &doc, every, dense);
    src.close(src.self);
    if (got < 0) {
        progress_end(&f->progress);
        rc = say_corpus(&err, &f->options, f->n_bad);
    }
    return rc;
}

void feed_end(struct feed *f) { progress_end(&f->progress); }

void feed_say_what_stands(struct feed *f)
{
    const size_t safe = f->n_safe;
    char a[NUMBER_TEXT];

    fovea_rollback(f->ix);
    if (interrupted() && !safe && !f->has_committed)
        say("interrupted before anything was committed: the index is as it was before");
    else if (interrupted())
        say("interrupted; %s documents were committed before and are safe; run the same "
            "command again to go on",
            show_count(a, safe));
    else if (safe)
        say("%s document%s of this run %s committed and safe; run the same command again when "
            "the cause is removed",
            show_count(a, safe), safe == 1 ? "" : "s", safe == 1 ? "is" : "are");
    else if (f->has_committed)
        say("what was deleted is committed; run the same command again when the cause is removed");
    else
        say("nothing was committed: the index is as it was before");
}
