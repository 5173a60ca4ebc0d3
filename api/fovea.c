/* fovea.c -- the facade: opens, changes and describes an index for users of the library.
 *
 * Each function forwards to a stage's face and keeps the error in the handle, as SQLite
 * does, so that callers need no struct of their own.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fovea.h"

#include <assert.h>
#include <string.h>

#include "api/handle.h"
#include "api/rerank.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/model.h"

enum { RECALL_QUERIES = 200 };

_Static_assert((int)FOVEA_NOMEM == E_NOMEM && (int)FOVEA_IO == E_IO &&
                   (int)FOVEA_FORMAT == E_FORMAT && (int)FOVEA_INVALID == E_INVALID &&
                   (int)FOVEA_NOTFOUND == E_NOTFOUND && (int)FOVEA_LIMIT == E_LIMIT &&
                   (int)FOVEA_STOP == E_STOP,
               "the status codes of fovea.h and base/err.h differ");
_Static_assert((int)FOVEA_READ == INDEX_READ && (int)FOVEA_WRITE == INDEX_WRITE &&
                   (int)FOVEA_CREATE == INDEX_CREATE,
               "the modes of fovea.h and index.h differ");
_Static_assert((int)FOVEA_I8 == MODEL_I8 && (int)FOVEA_F32 == MODEL_F32,
               "the precisions of fovea.h and model.h differ");
_Static_assert((int)FOVEA_ADDED == INDEX_ADDED && (int)FOVEA_UPDATED == INDEX_UPDATED &&
                   (int)FOVEA_UNCHANGED == INDEX_UNCHANGED,
               "the results of adding of fovea.h and index.h differ");

int handle_begin(struct fovea *q)
{
    assert(q);
    if (!q->ix)
        return q->err.code;
    err_clear(&q->err);
    return 0;
}

int handle_options(void *to, size_t to_size, const void *from, struct err *err)
{
    size_t n;

    memset(to, 0, to_size);
    memcpy(to, &to_size, sizeof to_size);
    if (!from)
        return 0;
    memcpy(&n, from, sizeof n);
    if (n < sizeof n || n > 1 << 16)
        return err_set(err, E_INVALID,
                       "options.size is %zu: initialise options with their _INIT macro", n);
    for (size_t i = to_size; i < n; i++)
        if (((const unsigned char *)from)[i])
            return err_set(err, E_INVALID,
                           "an option is set that fovea %s does not know: the program was "
                           "built for a newer version",
                           FOVEA_VERSION);
    n = n < to_size ? n : to_size;
    memcpy((char *)to + sizeof n, (const char *)from + sizeof n, n - sizeof n);
    return 0;
}

static int on_progress(const char *what, uint64_t done, uint64_t total, void *payload)
{
    struct fovea *q = payload;

    return q->progress(what, done, total, q->payload);
}

static int open_index(struct fovea *q, const char *path, const fovea_options *given)
{
    fovea_options opt;
    int rc = handle_options(&opt, sizeof opt, given, &q->err);

    if (rc)
        return rc;
    if (opt.mode < FOVEA_READ || opt.mode > FOVEA_CREATE)
        return err_set(&q->err, E_INVALID,
                       "options.mode is %d: use FOVEA_READ, FOVEA_WRITE or FOVEA_CREATE", opt.mode);
    if (opt.precision != FOVEA_I8 && opt.precision != FOVEA_F32)
        return err_set(&q->err, E_INVALID, "options.precision is %d: use FOVEA_I8 or FOVEA_F32",
                       opt.precision);
    if (opt.threads < 0 || opt.threads > 64)
        return err_set(&q->err, E_INVALID, "options.threads is %d: use 0 to 64", opt.threads);
    /* A query is one text, which more threads would not embed faster. */
    if (opt.mode != FOVEA_READ && opt.threads != 1) {
        rc = pool_new(&q->pool, opt.threads, &q->err);
        if (rc)
            return rc;
    }
    q->precision = opt.precision;
    q->threads = opt.threads;
    q->progress = opt.progress;
    q->payload = opt.payload;
    struct index_options ixo = {
        .mode = opt.mode,
        .settings = {.analyzer = opt.analyzer,
                     .chunking = opt.chunking,
                     .model = opt.model,
                     .vectors = opt.vectors,
                     .sparse = opt.sparse,
                     .fields = opt.fields,
                     .attention = opt.attention},
        .precision = opt.precision,
        .pool = q->pool,
        .buffer_bytes = opt.buffer_bytes,
        .progress = opt.progress ? on_progress : NULL,
        .payload = q,
    };
    return index_open(&q->ix, path, &ixo, &q->err);
}

int fovea_open(fovea **out, const char *path, const fovea_options *opt)
{
    struct fovea *q = mem_zalloc(1, sizeof *q);
    int rc;

    assert(out && path);
    *out = q;
    if (!q)
        return FOVEA_NOMEM;
    rc = open_index(q, path, opt);
    if (rc == E_NOMEM) {
        fovea_close(q);
        *out = NULL;
    }
    return rc;
}

void fovea_close(fovea *q)
{
    if (!q)
        return;
    reranking_close(q->reranking);
    index_close(q->ix);
    pool_free(q->pool);
    mem_free(q);
}

const char *fovea_error(const fovea *q) { return q ? q->err.text : "out of memory"; }

int fovea_error_code(const fovea *q) { return q ? q->err.code : FOVEA_NOMEM; }

static int check_utf8(const char *s, const char *what, const char *docno, struct err *err)
{
    const size_t n = strlen(s), good = utf8_check(s, n);

    if (good == n)
        return 0;
    return err_set(err, E_INVALID, "document '%s': its %s is not UTF-8 at byte %zu (0x%02x)", docno,
                   what, good + 1, (unsigned)(unsigned char)s[good]);
}

static int check_meta(const char *meta, const char *docno, struct err *err)
{
    struct json *j = NULL;
    struct err why = {0};
    int rc = json_parse(&j, meta, strlen(meta), &why);
    const int is_object = !rc && json_is_object(j);

    json_free(j);
    if (rc == E_NOMEM)
        return err_nomem(err);
    return is_object ? 0
                     : err_set(err, E_INVALID, "document '%s': its meta is not a JSON object%s%s",
                               docno, rc ? ": " : "", why.text);
}

static int check_document(const struct doc *doc, struct err *err)
{
    int rc = check_utf8(doc->docno, "name", doc->docno, err);

    if (!rc)
        rc = check_utf8(doc->title, "title", doc->docno, err);
    if (!rc)
        rc = check_utf8(doc->text, "text", doc->docno, err);
    return rc || !doc->meta ? rc : check_meta(doc->meta, doc->docno, err);
}

int fovea_add(fovea *q, const char *docno, const char *title, const char *text, const char *meta)
{
    struct doc doc = {docno, title ? title : "", text ? text : "", meta};
    int rc = handle_begin(q);

    if (rc)
        return rc;
    if (!docno || !*docno)
        return err_set(&q->err, E_INVALID, "a document needs a name: docno is empty");
    rc = check_document(&doc, &q->err);
    return rc ? rc : index_add(q->ix, &doc, &q->err);
}

int fovea_delete(fovea *q, const char *docno)
{
    int rc = handle_begin(q);

    if (rc)
        return rc;
    if (!docno || !*docno)
        return err_set(&q->err, E_INVALID, "a document needs a name: docno is empty");
    return index_delete(q->ix, docno, &q->err);
}

int fovea_commit(fovea *q)
{
    int rc = handle_begin(q);

    return rc ? rc : index_commit(q->ix, &q->err);
}

void fovea_rollback(fovea *q)
{
    if (!handle_begin(q))
        index_rollback(q->ix);
}

int fovea_merge(fovea *q)
{
    int rc = handle_begin(q);

    return rc ? rc : index_merge(q->ix, &q->err);
}

int fovea_attend(fovea *q, const char *profile)
{
    int rc = handle_begin(q);

    return rc ? rc : index_attend(q->ix, profile, &q->err);
}

int fovea_refresh(fovea *q)
{
    int rc = handle_begin(q);

    return rc ? rc : index_refresh(q->ix, &q->err);
}

int fovea_check(fovea *q)
{
    int rc = handle_begin(q);

    return rc ? rc : index_check(q->ix, &q->err);
}

int fovea_measure_recall(fovea_recall *out, fovea *q, int n_queries, int ef)
{
    struct index_recall r;
    int rc = handle_begin(q);

    if (rc)
        return rc;
    if (out->size < sizeof out->size || out->size > 1 << 16)
        return err_set(&q->err, E_INVALID,
                       "recall.size is %zu: initialise it with FOVEA_RECALL_INIT", out->size);
    rc = index_recall(&r, q->ix, n_queries ? n_queries : RECALL_QUERIES, ef, &q->err);
    if (rc)
        return rc;
    const fovea_recall recall = {out->size, r.n_queries, r.n_graphs,    r.at_10,
                                 r.at_100,  r.p50_ms,    r.exact_p50_ms};
    if (out->size > sizeof recall)
        memset((char *)out + sizeof recall, 0, out->size - sizeof recall);
    memcpy(out, &recall, out->size < sizeof recall ? out->size : sizeof recall);
    return 0;
}

int fovea_describe(fovea_info *out, fovea *q)
{
    const struct index_settings *set;
    struct index_stats s;
    int rc = handle_begin(q);

    if (rc)
        return rc;
    if (out->size < sizeof out->size || out->size > 1 << 16)
        return err_set(&q->err, E_INVALID, "info.size is %zu: initialise it with FOVEA_INFO_INIT",
                       out->size);
    rc = index_stats(&s, q->ix, &q->err);
    if (rc)
        return rc;
    set = index_settings(q->ix);
    const int dense = index_vector_dim(q->ix) > 0;
    const fovea_info info = {
        .size = out->size,
        .n_documents = s.n_documents,
        .n_passages = s.n_passages,
        .n_dead = s.n_dead,
        .n_terms = s.n_terms,
        .n_commits = s.n_commits,
        .n_segments = (uint64_t)s.n_segments,
        .file_bytes = s.bytes,
        .text_bytes = s.text_bytes,
        .postings_bytes = s.postings_bytes,
        .vector_bytes = s.vector_bytes,
        .other_bytes = s.other_bytes,
        .analyzer = set->analyzer,
        .chunking = set->chunking,
        .model = dense ? set->model : "none",
        .model_sha256 = index_model_sha256(q->ix),
        .vectors = dense ? set->vectors : "",
        .dim = index_vector_dim(q->ix),
        .sparse_words = index_sparse_words(q->ix),
        .sparse = set->sparse,
        .sparse_sha256 = index_sparse_sha256(q->ix),
        .fields = set->fields,
        .attention = set->attention,
        .attention_model = index_attention_model(q->ix),
        .n_attended = s.n_attended,
        .attention_bytes = s.attention_bytes,
        .n_attended_cut = s.n_attended_cut,
        .n_attended_empty = s.n_attended_empty,
    };
    /* A newer program's longer struct keeps zeroes in the fields that are not known here. */
    if (out->size > sizeof info)
        memset((char *)out + sizeof info, 0, out->size - sizeof info);
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return 0;
}

const char *fovea_version(void) { return FOVEA_VERSION; }

/* ---- reading ---- */

struct document_memory {
    fovea_document doc; /* first: the caller's pointer is ours */
    struct buf text;
};

int fovea_get(fovea_document **out, fovea *q, const char *docno)
{
    struct document_memory *m = NULL;
    struct doc doc;
    int64_t id;
    int rc = handle_begin(q);

    *out = NULL;
    if (rc)
        return rc;
    if (!docno || !*docno)
        return err_set(&q->err, E_INVALID, "a document needs a name: docno is empty");
    m = mem_zalloc(1, sizeof *m);
    if (!m)
        return err_nomem(&q->err);
    rc = index_find(&id, q->ix, docno, &q->err);
    if (rc == 0)
        rc = err_set(&q->err, E_NOTFOUND, "%s: no document '%s'", index_path(q->ix), docno);
    else if (rc > 0)
        rc = index_document(&doc, &m->text, q->ix, id, &q->err);
    if (rc) {
        fovea_document_free(&m->doc);
        return rc;
    }
    m->doc = (fovea_document){doc.docno, doc.title, doc.text, doc.meta};
    *out = &m->doc;
    return 0;
}

void fovea_document_free(fovea_document *doc)
{
    struct document_memory *m = (struct document_memory *)(void *)doc;

    if (!m)
        return;
    buf_clear(&m->text);
    mem_free(m);
}
