/* filter.c -- which passages a predicate leaves: SQL finds the documents, a bit set a segment says the passages.
 *
 * The set is that of dead passages with the others that are not meant added, and retrievers pass over both alike.  So a
 * filter is exact whatever it leaves: what is searched is the living rest, not the best of everything.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/filter.h"

#include <string.h>

#include "indexer/inside.h"

struct filter {
    char *where;
    int n_segments;
    size_t *at;     /* [n_segments] where the words of each begin */
    uint32_t *kept; /* [n_segments] */
    uint64_t *bits; /* words of all segments */
};

/* Ids of documents. */
struct ids {
    int64_t *v; /* [n], rising */
    size_t n, cap;
    uint64_t *bits; /* the same as a bit set from v[0] on, where they lie close enough; else NULL */
};

static void filter_free(struct filter *f)
{
    if (!f)
        return;
    mem_free(f->where);
    mem_free(f->at);
    mem_free(f->kept);
    mem_free(f->bits);
    mem_free(f);
}

void filters_forget(struct index *ix)
{
    for (int i = 0; i < INDEX_FILTERS; i++) {
        filter_free(ix->filters[i]);
        ix->filters[i] = NULL;
    }
}

const uint64_t *filter_excluded(const struct filter *f, int segment)
{
    return f->bits + f->at[segment];
}

uint32_t filter_kept(const struct filter *f, int segment) { return f->kept[segment]; }

int filter_check(const char *where, struct err *err)
{
    struct filter_tree tree = {0};
    int rc = filter_parse(&tree, where, err);

    filter_tree_clear(&tree);
    return rc;
}

/* ---- documents ---- */

static int select_documents(struct ids *ids, struct index *ix, const struct filter_sql *sql,
                            struct err *err)
{
    struct stmt *s = NULL;
    struct err why = {0};
    int rc = db_prepare(&s, ix->rd.db, err, "SELECT id FROM \"%w_documents\" WHERE %s ORDER BY id",
                        ix->name, buf_text(&sql->text));

    if (rc)
        return rc;
    filter_bind(s, sql);
    while ((rc = stmt_step(s, &why)) == 1) {
        if (mem_reserve((void **)&ids->v, &ids->cap, ids->n + 1, sizeof *ids->v)) {
            rc = err_nomem(&why);
            break;
        }
        ids->v[ids->n++] = stmt_int(s, 0);
    }
    stmt_free(s);
    if (rc &&
        strstr(why.text, "malformed JSON")) /* what an index is given by fovea_add was checked */
        return err_set(err, E_FORMAT, "'%s' is damaged: the metadata of a document is no JSON",
                       ix->path);
    return rc ? err_set(err, rc, "%s", why.text) : 0;
}

static int find_documents(struct ids *ids, struct index *ix, const char *where, struct err *err)
{
    struct filter_tree tree = {0};
    struct filter_sql sql = {0};
    struct err why = {0};
    int rc = filter_parse(&tree, where, &why);

    if (rc == E_INVALID || rc == E_LIMIT)
        err_wrap(&why, "where");
    rc = rc ? rc : filter_compile(&sql, tree.root, &why);
    rc = rc ? rc : select_documents(ids, ix, &sql, &why);
    filter_sql_clear(&sql);
    filter_tree_clear(&tree);
    return rc ? err_set(err, why.code, "%s", why.text) : 0;
}

/* Makes the bit set, unless the ids are few and far apart: sixty-four bytes an id are too many. */
static int spread(struct ids *ids, struct err *err)
{
    uint64_t range = ids->n ? (uint64_t)ids->v[ids->n - 1] - (uint64_t)ids->v[0] : 0;

    if (range / 512 > ids->n + 1024)
        return 0;
    ids->bits = mem_zalloc((size_t)(range / 64) + 1, sizeof *ids->bits);
    if (!ids->bits)
        return err_nomem(err);
    for (size_t i = 0; i < ids->n; i++) {
        uint64_t at = (uint64_t)(ids->v[i] - ids->v[0]);

        ids->bits[at >> 6] |= (uint64_t)1 << (at & 63);
    }
    return 0;
}

static int has(const struct ids *ids, int64_t id)
{
    size_t begin = 0, end = ids->n;

    if (!end || id < ids->v[0] || id > ids->v[end - 1])
        return 0;
    if (ids->bits) {
        uint64_t at = (uint64_t)(id - ids->v[0]);

        return (int)(ids->bits[at >> 6] >> (at & 63) & 1);
    }
    while (end - begin > 1) {
        size_t middle = begin + (end - begin) / 2;

        if (ids->v[middle] <= id)
            begin = middle;
        else
            end = middle;
    }
    return ids->v[begin] == id;
}

/* ---- passages ---- */

/* The passages of a segment whose documents are not among ids, and the dead ones.  Returns how many are left. */
static uint32_t exclude(uint64_t *bits, const struct segment *s, const struct ids *ids)
{
    uint32_t kept = 0;

    for (uint32_t d = 0; d < s->n_documents; d++) {
        int is_in = has(ids, s->documents[d]);

        for (uint32_t p = s->first[d]; p < s->first[d + 1]; p++) {
            if (is_in && !segment_is_dead(s, p))
                kept++;
            else
                bits[p >> 6] |= (uint64_t)1 << (p & 63);
        }
    }
    return kept;
}

static int filter_make(struct filter **out, struct index *ix, const char *where, struct err *err)
{
    struct filter *f = mem_zalloc(1, sizeof *f);
    struct ids ids = {0};
    size_t words = 0;
    int rc;

    if (!f)
        return err_nomem(err);
    f->n_segments = ix->n_segments;
    f->where = mem_strdup(where);
    f->at = mem_alloc((size_t)f->n_segments, sizeof *f->at);
    f->kept = mem_alloc((size_t)f->n_segments, sizeof *f->kept);
    for (int i = 0; f->at && i < f->n_segments; i++) {
        f->at[i] = words;
        words += segment_dead_words(ix->segments[i]->size);
    }
    f->bits = mem_zalloc(words, sizeof *f->bits);
    rc = f->where && f->at && f->kept && f->bits ? 0 : err_nomem(err);
    rc = rc ? rc : find_documents(&ids, ix, where, err);
    rc = rc ? rc : spread(&ids, err);
    for (int i = 0; !rc && i < f->n_segments; i++)
        f->kept[i] = exclude(f->bits + f->at[i], ix->segments[i], &ids);
    mem_free(ids.v);
    mem_free(ids.bits);
    if (rc)
        filter_free(f);
    else
        *out = f;
    return rc;
}

int index_filter(const struct filter **out, struct index *ix, const char *where, struct err *err)
{
    struct filter *f = NULL;
    int at = 0, rc = 0;

    *out = NULL;
    if (!where)
        return 0;
    while (at < INDEX_FILTERS && ix->filters[at] && strcmp(ix->filters[at]->where, where) != 0)
        at++;
    if (at < INDEX_FILTERS && ix->filters[at]) {
        f = ix->filters[at];
    } else {
        rc = filter_make(&f, ix, where, err);
        if (rc)
            return rc;
        if (at == INDEX_FILTERS)
            filter_free(ix->filters[--at]);
    }
    memmove(ix->filters + 1, ix->filters, (size_t)at * sizeof *ix->filters);
    ix->filters[0] = f;
    *out = f;
    return 0;
}
