/* attend.c -- gives an index attention keys, or completes them.
 *
 * A list of what lacks keys is made once, from the segments.  It can only shrink: since the leg was committed, whoever
 * adds a document stores its keys with it.  Keys are made outside of any transaction, and put into the file every
 * few seconds in a short one, that passes over documents that were changed meanwhile.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "indexer/inside.h"

enum { BATCH_MS = 2000, BATCH_BYTES = 32 << 20 };

/* ---- the leg itself ---- */

/* pending_begin, however long others write: they say when they have finished, and we lose nothing by waiting. */
static int begin(struct index *ix, struct err *err)
{
    struct err why = {0};
    int rc;

    do {
        err_clear(&why);
        rc = pending_begin(ix, &why);
    } while (rc == E_IO && db_is_locked(ix->wr.db));
    return rc == E_NOMEM ? err_nomem(err) : rc ? err_set(err, rc, "%s", why.text) : 0;
}

static int drop(struct index *ix, struct err *err)
{
    int rc = begin(ix, err);

    if (rc)
        return rc;
    if (!ix->attention.profile) {
        index_rollback(ix);
        return 0;
    }
    attention_end(&ix->pending.attention);
    rc = attention_drop(ix, err);
    if (rc) {
        index_rollback(ix);
        return rc;
    }
    ix->pending.is_dirty = 1;
    return pending_commit(ix, MERGE_NOTHING, err);
}

/* Records what was resolved, in a transaction of its own.  1: another process has recorded something meanwhile. */
static int record(struct index *ix, struct attention *fresh, int is_new, struct err *err)
{
    int rc = begin(ix, err);

    if (rc)
        return rc;
    if (is_new
            ? ix->attention.profile != NULL
            : !ix->attention.profile || !attention_serves(ix->attention.profile, fresh->profile)) {
        index_rollback(ix);
        return 1;
    }
    rc = is_new ? attention_create(ix, fresh, err) : attention_rewrite(ix, fresh, err);
    if (rc) {
        index_rollback(ix);
        return rc;
    }
    ix->pending.is_dirty = 1;
    rc = pending_commit(ix, MERGE_NOTHING, err);
    if (!rc && ix->attention.json && !strcmp(ix->attention.json, fresh->json)) {
        ix->attention.reader = fresh->reader; /* it is open already */
        fresh->reader = NULL;
    }
    return rc;
}

/* Compares with the leg that there is; a profile that the same keys serve takes the recorded one's place. */
static int adapt_leg(struct index *ix, const char *choice, struct err *err)
{
    struct attention fresh = {0};
    struct err why = {0};
    int rc = attention_compare(ix, choice, &why);

    if (rc == E_INVALID) {
        rc = attention_resolve_profile(&fresh, choice, err);
        if (!rc && attention_serves(ix->attention.profile, fresh.profile))
            rc = record(ix, &fresh, 0, err);
        else if (!rc)
            rc = err_set(err, E_INVALID, "%s", why.text);
        attention_clear(&fresh);
        return rc < 0 ? rc : attention_compare(ix, choice, err); /* takes the model, too */
    }
    return rc == E_NOMEM ? err_nomem(err) : rc ? err_set(err, rc, "%s", why.text) : 0;
}

/* Makes sure that there is a leg, of the profile that is asked for. */
static int need_leg(struct index *ix, const char *choice, struct err *err)
{
    struct attention fresh = {0};
    int rc;

    if (ix->attention.profile)
        return adapt_leg(ix, choice, err);
    rc = attention_resolve(&fresh, ix, choice ? choice : "", err);
    rc = rc ? rc : record(ix, &fresh, 1, err);
    attention_clear(&fresh);
    return rc == 1 ? attention_compare(ix, choice, err) : rc;
}

/* ---- what is to be done ---- */

/* A document that lacks keys. */
struct todo {
    int64_t id;
    uint32_t done, n; /* passages with keys, and all */
};

/* Keys that wait to be stored. */
struct made {
    int64_t document;
    uint32_t passage, crc;
    struct buf keys;
};

struct attending {
    struct index *ix;
    struct key_maker *maker;
    int generation; /* of the leg that the keys are for */
    struct todo *todo;
    size_t n_todo, cap_todo;
    uint64_t n_done, n_passages; /* with keys, and all */
    struct made *made;
    size_t n_made, cap_made, made_bytes;
    int64_t since; /* when the batch was begun, in ms */
    int is_stopped;
    struct stmt *documents;
    struct buf text, title;
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void forget_made(struct attending *a)
{
    for (size_t i = 0; i < a->n_made; i++)
        buf_clear(&a->made[i].keys);
    a->n_made = a->made_bytes = 0;
}

static void attending_clear(struct attending *a)
{
    forget_made(a);
    mem_free(a->made);
    mem_free(a->todo);
    stmt_free(a->documents);
    buf_clear(&a->text);
    buf_clear(&a->title);
}

/* How many passages of a document have keys: the first ones. */
static int count_done(uint32_t *out, struct stmt *last, int64_t id, struct err *err)
{
    int rc;

    stmt_bind_int(last, 1, attention_id(id, 0));
    stmt_bind_int(last, 2, attention_id(id + 1, 0));
    rc = stmt_step(last, err);
    if (rc == 1) {
        const int64_t row = stmt_int(last, 0);

        *out = row ? (uint32_t)(row - attention_id(id, 0)) + 1 : 0;
        rc = 0;
    }
    stmt_reset(last);
    return rc;
}

static int list_document(struct attending *a, struct stmt *last, int64_t id, uint32_t n,
                         struct err *err)
{
    struct todo t = {.id = id, .n = n};
    int rc = id < 0 || id >> ATTENTION_DOCUMENT_BITS ? 0 : count_done(&t.done, last, id, err);

    a->n_passages += n;
    a->n_done += t.done < n ? t.done : n;
    if (rc || t.done >= n)
        return rc;
    if (mem_reserve((void **)&a->todo, &a->cap_todo, a->n_todo + 1, sizeof *a->todo))
        return err_nomem(err);
    a->todo[a->n_todo++] = t;
    return 0;
}

static int by_id(const void *x, const void *y)
{
    const struct todo *a = x, *b = y;

    return a->id < b->id ? -1 : a->id > b->id;
}

/* Lists what lacks keys in the commit that the handle shows, by id, as the rows lie in the file. */
static int list_all(struct attending *a, struct err *err)
{
    struct index *ix = a->ix;
    struct stmt *last = NULL;
    int rc =
        db_prepare(&last, ix->rd.db, err,
                   "SELECT max(id) FROM \"%w_attention\" WHERE id >= ?1 AND id < ?2", ix->name);

    for (int i = 0; i < ix->n_segments && !rc; i++) {
        const struct segment *s = ix->segments[i];

        for (uint32_t d = 0; d < s->n_documents && !rc; d++)
            if (!segment_is_dead(s, s->first[d]))
                rc = list_document(a, last, s->documents[d], s->first[d + 1] - s->first[d], err);
    }
    stmt_free(last);
    if (!rc && a->n_todo)
        qsort(a->todo, a->n_todo, sizeof *a->todo, by_id);
    return rc;
}

/* ---- doing it ---- */

/* Puts what was made into the file, but not for documents that are others by now. */
static int store_all(struct attending *a, struct err *err)
{
    struct index *ix = a->ix;
    struct stmt *find = NULL;
    int rc = db_prepare(&find, ix->wr.db, err, "SELECT crc FROM \"%w_documents\" WHERE id = ?1",
                        ix->name);

    for (size_t i = 0; find && i < a->n_made && rc >= 0; i++) {
        const struct made *m = &a->made[i];

        stmt_bind_int(find, 1, m->document);
        rc = stmt_step(find, err);
        if (rc == 1 && stmt_int(find, 0) == m->crc)
            rc = attention_put(&ix->pending.attention, m->document, m->passage, m->crc, &m->keys,
                               err);
        stmt_reset(find);
    }
    stmt_free(find);
    return rc < 0 ? rc : 0;
}

/* The maker is gone with the leg that it was for. */
static int check_leg(const struct attending *a, struct err *err)
{
    if (a->ix->attention.generation == a->generation)
        return 0;
    return err_set(err, E_INVALID,
                   "'%s': another process has changed the index's attention keys; run it again",
                   a->ix->path);
}

static int commit(struct attending *a, struct err *err)
{
    struct index *ix = a->ix;
    int rc = a->n_made ? begin(ix, err) : 0;

    if (!a->n_made || rc)
        return rc;
    rc = check_leg(a, err);
    rc = rc ? rc : store_all(a, err);
    if (rc)
        index_rollback(ix);
    rc = rc ? rc : pending_commit(ix, MERGE_NOTHING, err);
    rc = rc ? rc : check_leg(a, err); /* reading the commit back may have shown a later one, too */
    forget_made(a);
    a->since = now_ms();
    return rc;
}

static int make(struct attending *a, const struct todo *t, uint32_t crc, uint32_t passage,
                const struct passage_text *text, struct err *err)
{
    struct made *m;
    int rc;

    if (mem_reserve((void **)&a->made, &a->cap_made, a->n_made + 1, sizeof *a->made))
        return err_nomem(err);
    m = &a->made[a->n_made++];
    *m = (struct made){.document = t->id, .passage = passage, .crc = crc};
    rc = attention_make(&m->keys, a->maker, text, &a->title, err);
    if (rc)
        return rc;
    a->made_bytes += m->keys.len;
    a->n_done++;
    a->is_stopped = a->ix->progress &&
                    a->ix->progress("passages read", a->n_done, a->n_passages, a->ix->payload);
    if (a->is_stopped || a->made_bytes >= BATCH_BYTES || now_ms() - a->since >= BATCH_MS)
        rc = commit(a, err);
    return rc;
}

/* Makes the keys that a document lacks. */
static int attend_document(struct attending *a, const struct todo *t, struct err *err)
{
    struct index *ix = a->ix;
    struct chunks c = {0};
    struct doc doc;
    int64_t is_there = 0;
    uint32_t crc;
    int rc = db_get_int(&is_there, ix->rd.db, err, "SELECT 1 FROM \"%w_documents\" WHERE id = %lld",
                        ix->name, (long long)t->id);

    if (rc || !is_there) /* deleted since the list was made */
        return rc;
    rc = documents_read(&doc, &a->text, ix, a->documents, t->id, err);
    rc = rc ? rc : chunk_text(&c, doc.text, strlen(doc.text), &ix->chunking, err);
    crc = rc ? 0 : document_crc(&doc);
    for (size_t i = t->done; i < c.n && !rc && !a->is_stopped; i++) {
        const struct passage_text p = {.title = doc.title,
                                       .n_title = strlen(doc.title),
                                       .text = doc.text + c.spans[i].begin,
                                       .n_text = c.spans[i].end - c.spans[i].begin,
                                       .headings = chunk_headings(&c, i),
                                       .n_headings = strlen(chunk_headings(&c, i))};

        rc = make(a, t, crc, (uint32_t)i, &p, err);
    }
    chunks_clear(&c);
    return rc;
}

static int attend_all(struct attending *a, struct err *err)
{
    int rc = attention_need_maker(&a->maker, a->ix, err);

    rc = rc ? rc : documents_select(&a->documents, a->ix, err);
    a->generation = a->ix->attention.generation;
    a->since = now_ms();
    for (size_t i = 0; i < a->n_todo && !rc && !a->is_stopped; i++)
        rc = attend_document(a, &a->todo[i], err);
    rc = rc ? rc : commit(a, err);
    if (!rc && a->is_stopped)
        rc = err_set(err, E_STOP, "stopped; the keys that were made are kept");
    return rc;
}

/* Does a choice say which model?  Then it is to be the right one, even if there is nothing that it would read. */
static int names_model(const struct index *ix, const char *choice)
{
    return choice && ix->attention.given && strchr(choice, ':');
}

int index_attend(struct index *ix, const char *choice, struct err *err)
{
    struct attending a = {.ix = ix};
    int rc;

    if (ix->mode == INDEX_READ)
        return err_set(err, E_INVALID, "'%s' was opened for reading only", ix->path);
    rc = index_commit(ix, err);
    rc = rc ? rc : index_refresh(ix, err);
    if (rc)
        return rc;
    if (choice && !strcmp(choice, "none"))
        return drop(ix, err);
    rc = need_leg(ix, choice, err);
    rc = rc ? rc : list_all(&a, err);
    if (!rc && (a.n_todo || names_model(ix, choice)))
        rc = attend_all(&a, err);
    attending_clear(&a);
    return rc;
}
