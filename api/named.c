/* named.c -- see named.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/named.h"

#include <string.h>

#include "api/cli.h"
#include "api/progress.h"
#include "corpora/corpora.h"
#include "indexer/index.h"

int named_docs_want(struct named_docs *d, const char *docno, struct err *err)
{
    const size_t n = d->docnos.n;
    int64_t *at = map_put(&d->docnos, docno, strlen(docno));

    if (!at)
        return err_nomem(err);
    if (d->docnos.n > n)
        *at = (int64_t)n;
    return 0;
}

static int begin(struct named_docs *d, struct err *err)
{
    d->docs = mem_zalloc(d->docnos.n, sizeof *d->docs);
    return d->docs ? 0 : err_nomem(err);
}

/* Of two documents of one name the first counts. */
static int take(struct named_docs *d, struct named_doc *to, const struct doc *from, struct err *err)
{
    if (to->found)
        return 0;
    to->n_title = strlen(from->title);
    to->n_text = strlen(from->text);
    to->title = arena_dup(&d->memory, from->title, to->n_title);
    to->text = arena_dup(&d->memory, from->text, to->n_text);
    if (!to->title || !to->text)
        return err_nomem(err);
    d->n_found++;
    to->found = 1;
    return 0;
}

static int look_up_all(struct named_docs *d, struct index *ix, struct err *err)
{
    struct buf text = {0};
    int rc = 0;

    for (size_t i = 0; i < d->docnos.n && !rc; i++) {
        struct doc doc;
        int64_t id;
        int found = index_find(&id, ix, d->docnos.entries[i].key, err);

        rc = found < 0 ? found : 0;
        if (found > 0)
            rc = index_document(&doc, &text, ix, id, err);
        if (found > 0 && !rc)
            rc = take(d, &d->docs[i], &doc, err);
    }
    buf_clear(&text);
    return rc;
}

int named_docs_look_up(struct named_docs *d, const char *index_path)
{
    struct index_options opt = {.mode = INDEX_READ};
    struct index *ix = NULL;
    struct err err = {0};
    int rc = begin(d, &err);

    rc = rc ? rc : index_open(&ix, index_path, &opt, &err);
    rc = rc ? rc : look_up_all(d, ix, &err);
    index_close(ix);
    return rc ? say_err(&err) : 0;
}

/* The document of the stream that is next, if it is wanted.  1, or 0 at the end, or negative. */
static int read_one(struct named_docs *d, struct doc_source *from, struct err *err)
{
    struct doc doc;
    const int64_t *at;
    int rc = from->next(&doc, from->self, err);

    if (rc != 1)
        return rc;
    at = map_find(&d->docnos, doc.docno, strlen(doc.docno));
    rc = at ? take(d, &d->docs[*at], &doc, err) : 0;
    return rc ? rc : 1;
}

int named_docs_read(struct named_docs *d, const char *corpus, const char *format, int quiet)
{
    const struct corpus_options opt = {.format = format};
    struct doc_source from = {0};
    struct progress progress;
    struct err err = {0};
    int rc = begin(d, &err), code = 0;
    uint64_t n = 0;

    if (!rc)
        rc = corpus_open(&from, corpus, &opt, &err);
    if (rc)
        return say_err(&err);
    progress_begin(&progress, NULL, "documents", 0, quiet);
    while (d->n_found < d->docnos.n && !code && (rc = read_one(d, &from, &err)) == 1) {
        progress_update(&progress, (double)++n, 0);
        if (interrupted())
            code = interrupt_code();
    }
    progress_end(&progress);
    from.close(from.self);
    return rc < 0 ? say_err(&err) : code;
}

const struct named_doc *named_docs_find(const struct named_docs *d, const char *docno)
{
    const int64_t *at = map_find(&d->docnos, docno, strlen(docno));

    return at && d->docs && d->docs[*at].found ? &d->docs[*at] : NULL;
}

void named_docs_clear(struct named_docs *d)
{
    map_clear(&d->docnos);
    mem_free(d->docs);
    arena_clear(&d->memory);
    *d = (struct named_docs){0};
}
