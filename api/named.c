/* named.c -- see named.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/named.h"

#include <string.h>

#include "api/candidates.h"
#include "api/cli.h"
#include "api/progress.h"
#include "corpora/corpora.h"

/* A document: its text, or where it lies in the index. */
struct named_doc {
    int found;
    const char *title, *text; /* [n_title], [n_text], NUL-terminated */
    size_t n_title, n_text;
    int segment;
    uint32_t first, n; /* its passages there */
    int64_t id;
};

/* ---- names ---- */

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

static struct named_doc *find(const struct named_docs *d, const char *docno)
{
    const int64_t *at = map_find(&d->docnos, docno, strlen(docno));

    return at && d->docs ? &d->docs[*at] : NULL;
}

int named_docs_has(const struct named_docs *d, const char *docno)
{
    const struct named_doc *doc = find(d, docno);

    return doc && doc->found;
}

/* ---- of an index ---- */

/* The passages of a document lie side by side. */
static void look_through(struct named_docs *d, const struct segment *s, int segment)
{
    const uint32_t size = segment_size(s);

    for (uint32_t first = 0, next; first < size; first = next) {
        const int64_t id = segment_document(s, first);
        struct named_doc *doc;

        for (next = first + 1; next < size && segment_document(s, next) == id;)
            next++;
        doc = segment_is_dead(s, first) ? NULL : find(d, segment_docno(s, first));
        if (!doc || doc->found)
            continue;
        *doc = (struct named_doc){
            .found = 1, .segment = segment, .first = first, .n = next - first, .id = id};
        d->n_found++;
    }
}

int named_docs_open(struct named_docs *d, const char *index_path)
{
    struct index_options opt = {.mode = INDEX_READ};
    struct err err = {0};

    return index_open(&d->ix, index_path, &opt, &err) ? say_err(&err) : 0;
}

int named_docs_look_up(struct named_docs *d, const struct reranker *r, struct err *err)
{
    int rc = begin(d, err);

    d->reranker = r;
    for (int i = 0; i < index_n_segments(d->ix) && !rc; i++)
        look_through(d, index_segment(d->ix, i), i);
    return rc;
}

/* Passages of the index with their keys. */
static int add_passages(struct candidate_list *out, struct named_docs *d,
                        const struct named_doc *doc, struct candidate_reader *reader,
                        struct err *err)
{
    const struct segment *s = index_segment(d->ix, doc->segment);

    for (uint32_t i = 0; i < doc->n; i++) {
        struct candidate *c = candidate_list_add(out);
        int rc = c ? candidate_read(c, reader, s, doc->first + i, doc->id, err) : err_nomem(err);

        if (rc)
            return rc;
    }
    return 0;
}

/* The document as a whole. */
static int add_whole(struct candidate_list *out, struct named_docs *d, const struct named_doc *doc,
                     struct candidate_reader *reader, struct err *err)
{
    struct doc whole;
    struct candidate *c = candidate_list_add(out);
    int rc = c ? index_document(&whole, &reader->text, d->ix, doc->id, err) : err_nomem(err);

    if (rc)
        return rc;
    c->text.n_title = strlen(whole.title);
    c->text.n_text = strlen(whole.text);
    c->text.title = arena_dup(&out->memory, whole.title, c->text.n_title);
    c->text.text = arena_dup(&out->memory, whole.text, c->text.n_text);
    reader->n_missing = (size_t)reader->wants_keys;
    return c->text.title && c->text.text ? 0 : err_nomem(err);
}

static int add_of_index(struct candidate_list *out, struct named_docs *d,
                        const struct named_doc *doc, struct err *err)
{
    struct candidate_reader reader;
    int rc;

    candidates_begin(&reader, d->ix, d->reranker, &out->memory);
    rc = reader.has_keys ? add_passages(out, d, doc, &reader, err)
                         : add_whole(out, d, doc, &reader, err);
    d->n_missing += reader.n_missing;
    candidates_end(&reader);
    return rc;
}

int named_docs_add(struct candidate_list *out, struct named_docs *d, const char *docno,
                   struct err *err)
{
    const struct named_doc *doc = find(d, docno);
    const size_t first = out->n;
    struct candidate *c;
    int rc = 0;

    if (d->ix) {
        rc = add_of_index(out, d, doc, err);
    } else if ((c = candidate_list_add(out))) {
        c->text = (struct prompt_passage){doc->title, doc->n_title, doc->text, doc->n_text};
    } else {
        rc = err_nomem(err);
    }
    for (size_t i = first; i < out->n; i++)
        out->items[i].docno = docno;
    return rc;
}

/* ---- of a collection ---- */

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

void named_docs_clear(struct named_docs *d)
{
    map_clear(&d->docnos);
    mem_free(d->docs);
    index_close(d->ix);
    arena_clear(&d->memory);
    *d = (struct named_docs){0};
}
