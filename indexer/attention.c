/* attention.c -- the rows of the attention leg: made, stored, forgotten with their document, read, checked. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/attention.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "indexer/inside.h"
#include "model/keys.h"

_Static_assert((int)INDEX_KEYS_WORDS == PROMPT_WORDS && (int)INDEX_KEYS_TOKENS == KEYS_MAX_TOKENS,
               "what is said of keys is what is done");

static int has_rows(int64_t document)
{
    return document >= 0 && !(document >> ATTENTION_DOCUMENT_BITS);
}

/* ---- making ---- */

static int open_model(struct index *ix, struct err *err)
{
    struct attention *a = &ix->attention;
    const struct reader_place place = {.given = a->given, .recorded = a->path};
    struct err why = {0};
    int rc = reader_open_for(&a->reader, a->profile, &place,
                             a->precision_bits == 32 ? MODEL_F32 : MODEL_I8, ix->pool, &why);

    if (rc == E_NOMEM)
        return err_nomem(err);
    return rc ? err_set(err, rc, "'%s' needs the model of its keys: %s", ix->path, why.text) : 0;
}

int attention_need_maker(struct key_maker **out, struct index *ix, struct err *err)
{
    struct attention *a = &ix->attention;
    int rc = a->reader ? 0 : open_model(ix, err);

    if (!rc && !a->maker)
        rc = key_maker_new(&a->maker, a->profile, a->reader, ix->pool, err);
    if (!rc)
        *out = a->maker;
    return rc;
}

int attention_make(struct buf *out, struct key_maker *maker, const struct passage_text *p,
                   struct buf *title, struct err *err)
{
    struct prompt_passage passage = {.text = p->text, .n_text = p->n_text};

    buf_reset(title);
    passage_title_add(title, p);
    if (buf_error(title))
        return err_nomem(err);
    passage.title = buf_text(title);
    passage.n_title = title->len;
    return key_maker_run(out, maker, &passage, 1, err);
}

/* ---- writing ---- */

int attention_begin(struct attention_writer *w, struct index *ix, struct err *err)
{
    struct db *db = ix->wr.db;
    int rc;

    if (!ix->attention.profile)
        return 0;
    w->db = db;
    rc = attention_counts_read(&w->counts, ix, &ix->wr, err);
    rc = rc ? rc
            : db_prepare(&w->put, db, err,
                         "INSERT OR IGNORE INTO \"%w_attention\" VALUES(?1, ?2, ?3, ?4)", ix->name);
    rc = rc ? rc
            : db_prepare(&w->list, db, err,
                         "SELECT keys FROM \"%w_attention\" WHERE id >= ?1 AND id < ?2", ix->name);
    return rc ? rc
              : db_prepare(&w->delete, db, err,
                           "DELETE FROM \"%w_attention\" WHERE id >= ?1 AND id < ?2", ix->name);
}

int attention_put(struct attention_writer *w, int64_t document, uint32_t passage, uint32_t crc,
                  const struct buf *keys, struct err *err)
{
    int rc;

    if (!has_rows(document) || passage >> ATTENTION_PASSAGE_BITS)
        return err_set(err, E_LIMIT, "'%s': document %lld is beyond the ids that keys can have",
                       db_path(w->db), (long long)document);
    stmt_bind_int(w->put, 1, attention_id(document, passage));
    stmt_bind_int(w->put, 2, crc);
    stmt_bind_int(w->put, 3, digest_crc32(0, keys->data, keys->len));
    stmt_bind_blob_borrowed(w->put, 4, keys->data, keys->len);
    rc = stmt_run(w->put, err);
    if (rc)
        return rc;
    if (!db_changes(w->db))
        return 0;
    attention_count(&w->counts, keys->data, keys->len, 1);
    w->is_dirty = 1;
    return 1;
}

int attention_forget(struct attention_writer *w, int64_t document, struct err *err)
{
    struct stmt *const both[] = {w->list, w->delete};
    const void *keys;
    size_t n;
    int rc, is_there = 0;

    if (!w->db || !has_rows(document))
        return 0;
    for (int i = 0; i < 2; i++) {
        stmt_bind_int(both[i], 1, attention_id(document, 0));
        stmt_bind_int(both[i], 2, attention_id(document + 1, 0));
    }
    while ((rc = stmt_step(w->list, err)) == 1) {
        keys = stmt_blob(w->list, 0, &n);
        attention_count(&w->counts, keys, n, -1);
        is_there = 1;
    }
    stmt_reset(w->list);
    if (rc || !is_there)
        return rc;
    w->is_dirty = 1;
    return stmt_run(w->delete, err);
}

int attention_finish(struct attention_writer *w, struct index *ix, struct err *err)
{
    return w->is_dirty ? attention_counts_write(ix, &w->counts, err) : 0;
}

void attention_end(struct attention_writer *w)
{
    stmt_free(w->put);
    stmt_free(w->list);
    stmt_free(w->delete);
    buf_clear(&w->keys);
    buf_clear(&w->title);
    *w = (struct attention_writer){0};
}

/* ---- reading ---- */

static int damaged(const struct index *ix, int64_t id, const char *what, struct err *err)
{
    return err_set(err, E_FORMAT, "'%s' is damaged: keys of passage %lld of document %lld: %s",
                   ix->path, (long long)(id & ((1 << ATTENTION_PASSAGE_BITS) - 1)),
                   (long long)(id >> ATTENTION_PASSAGE_BITS), what);
}

int index_keys(const unsigned char **keys, size_t *n, struct index *ix, const struct segment *s,
               uint32_t passage, struct arena *memory, struct err *err)
{
    struct attention *a = &ix->attention;
    const uint32_t d = segment_document_number(s, passage);
    int64_t id;
    const void *p;
    size_t size;
    int rc = 0;

    if (!a->profile || !has_rows(s->documents[d]))
        return 0;
    id = attention_id(s->documents[d], passage - s->first[d]);
    if (!a->get)
        rc = db_prepare(&a->get, ix->rd.db, err,
                        "SELECT keys, crc FROM \"%w_attention\" WHERE id = ?1", ix->name);
    if (rc)
        return rc;
    stmt_bind_int(a->get, 1, id);
    rc = stmt_step(a->get, err);
    if (rc == 1) {
        p = stmt_blob(a->get, 0, &size);
        if (!p || digest_crc32(0, p, size) != stmt_int(a->get, 1)) {
            rc = damaged(ix, id, "the checksum differs", err);
        } else {
            *keys = (const unsigned char *)arena_dup(memory, p, size);
            *n = size;
            rc = *keys ? 1 : err_nomem(err);
        }
    }
    stmt_reset(a->get);
    return rc;
}

const struct profile *index_profile(const struct index *ix) { return ix->attention.profile; }
const char *index_profile_path(const struct index *ix) { return ix->attention.path; }
int index_profile_version(const struct index *ix) { return ix->attention.generation; }

const char *index_attention_model(const struct index *ix)
{
    return ix->attention.profile ? ix->attention.model : "none";
}

/* ---- checking ---- */

/* The row that statement s is at: the next of its document's? */
static int check_row(struct attention_tally *t, struct index *ix, int64_t id, int64_t crc,
                     struct err *err)
{
    struct key_plan plan;
    struct err why = {0};
    struct keys view;
    size_t n = 0;
    const void *p = stmt_blob(t->list, 3, &n);

    attention_plan(&plan, &ix->attention);
    if (stmt_int(t->list, 0) != id)
        return damaged(ix, id, "they are missing, and those of later passages are not", err);
    if (!p || digest_crc32(0, p, n) != stmt_int(t->list, 2))
        return damaged(ix, id, "the checksum differs", err);
    if (stmt_int(t->list, 1) != crc)
        return damaged(ix, id, "they are of another text", err);
    if (keys_view(&view, p, n, &plan, &why))
        return damaged(ix, id, why.text, err);
    attention_count(&t->counts, p, n, 1);
    return 0;
}

int attention_check(struct attention_tally *t, struct index *ix, int64_t document,
                    uint32_t passages, int64_t crc, struct err *err)
{
    int64_t id, end;
    int rc = 0;

    if (!ix->attention.profile || !has_rows(document))
        return 0;
    id = attention_id(document, 0);
    end = id + passages;
    if (!t->list)
        rc = db_prepare(&t->list, ix->rd.db, err,
                        "SELECT id, document, crc, keys FROM \"%w_attention\" WHERE id >= ?1 AND "
                        "id < ?2 ORDER BY id",
                        ix->name);
    if (rc)
        return rc;
    stmt_bind_int(t->list, 1, id);
    stmt_bind_int(t->list, 2, attention_id(document + 1, 0));
    while ((rc = stmt_step(t->list, err)) == 1) {
        rc = id < end ? check_row(t, ix, id++, crc, err)
                      : damaged(ix, stmt_int(t->list, 0), "there is no such passage", err);
        if (rc)
            break;
    }
    stmt_reset(t->list);
    return rc;
}

int attention_check_end(struct attention_tally *t, struct index *ix, int failed, struct err *err)
{
    struct attention_counts recorded;
    int64_t n = 0;
    int rc = failed;

    stmt_free(t->list);
    t->list = NULL;
    if (rc || !ix->attention.profile)
        return rc;
    rc = db_get_int(&n, ix->rd.db, err, "SELECT count(*) FROM \"%w_attention\"", ix->name);
    rc = rc ? rc : attention_counts_read(&recorded, ix, &ix->rd, err);
    if (rc)
        return rc;
    if (n != t->counts.passages)
        return err_set(err, E_FORMAT,
                       "'%s' is damaged: keys of %lld passages, but only %lld of them are of a "
                       "document",
                       ix->path, (long long)n, (long long)t->counts.passages);
    return attention_counts_compare(&recorded, &t->counts, ix, err);
}
