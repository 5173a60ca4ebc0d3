/* filter.c -- which passages a predicate leaves, and which hold phrases: a bit set a segment says it.
 *
 * SQL finds the documents of a predicate; phrase.c finds passages with a phrase's words, and looks at them when it is asked.
 *
 * The set is that of dead passages with the others that are not meant added, and retrievers pass over both alike.  So a
 * filter is exact whatever it leaves: what is searched is the living rest, not the best of everything.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/filter.h"

#include <string.h>

#include "indexer/phrase.h"

struct filter {
    char *key; /* [n_key] what was asked for, of make_key */
    size_t n_key;
    int n_segments;
    size_t *at;              /* [n_segments] where the words of each begin */
    uint32_t *kept;          /* [n_segments] */
    uint64_t *bits;          /* words of all segments */
    struct phrases *phrases; /* NULL: the bits are final */
    uint64_t *
        looked; /* a bit a document, at[] as for passages: its passages' bits are final; NULL as phrases */
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
    mem_free(f->key);
    mem_free(f->at);
    mem_free(f->kept);
    mem_free(f->bits);
    phrases_free(f->phrases);
    mem_free(f->looked);
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

/* A filter with its arrays, and nothing excluded. */
static int filter_new(struct filter **out, const struct index *ix, struct err *err)
{
    struct filter *f = mem_zalloc(1, sizeof *f);
    size_t words = 0;

    if (!f)
        return err_nomem(err);
    f->n_segments = ix->n_segments;
    f->at = mem_alloc((size_t)f->n_segments + 1, sizeof *f->at);
    f->kept = mem_alloc((size_t)f->n_segments, sizeof *f->kept);
    for (int i = 0; f->at && i < f->n_segments; i++) {
        f->at[i] = words;
        words += segment_dead_words(ix->segments[i]->size);
    }
    f->bits = mem_zalloc(words, sizeof *f->bits);
    if (!f->at || !f->kept || !f->bits) {
        filter_free(f);
        return err_nomem(err);
    }
    f->at[f->n_segments] = words;
    *out = f;
    return 0;
}

/* What is excluded is what `where` excludes. */
static int make_where(struct filter *f, struct index *ix, const char *where, struct err *err)
{
    struct ids ids = {0};
    int rc = find_documents(&ids, ix, where, err);

    rc = rc ? rc : spread(&ids, err);
    for (int i = 0; !rc && i < f->n_segments; i++)
        f->kept[i] = exclude(f->bits + f->at[i], ix->segments[i], &ids);
    mem_free(ids.v);
    mem_free(ids.bits);
    return rc;
}

/* How many of so many passages are not out. */
static uint32_t count_kept(const uint64_t *bits, uint32_t size)
{
    uint32_t kept = 0;

    for (uint32_t at = 0; at < size; at += 64) {
        uint64_t in = ~bits[at >> 6];

        if (size - at < 64)
            in &= ((uint64_t)1 << (size - at)) - 1;
        kept += (uint32_t)__builtin_popcountll(in);
    }
    return kept;
}

/* What is excluded is what `base` (or NULL: death) excludes, and what lacks a word of the phrases, which f takes. */
static int make_phrases(struct filter *f, struct index *ix, const struct filter *base,
                        struct phrases *phrases, struct err *err)
{
    int rc = 0;

    f->phrases = phrases;
    f->looked = mem_zalloc(f->at[f->n_segments], sizeof *f->looked);
    if (!f->looked)
        return err_nomem(err);
    for (int i = 0; !rc && i < f->n_segments; i++) {
        struct segment *s = ix->segments[i];
        uint64_t *bits = f->bits + f->at[i];
        const uint64_t *out = base ? filter_excluded(base, i) : s->dead;

        if (out)
            memcpy(bits, out, segment_dead_words(s->size) * sizeof *bits);
        rc = phrases_exclude(bits, phrases, s, err);
        f->kept[i] = count_kept(bits, s->size);
    }
    return rc;
}

/* ---- the filters that are kept ---- */

/* A text for a predicate (or NULL) and phrases, different from that of all others. */
static int make_key(struct buf *key, const char *where, const struct index_phrase *phrases,
                    size_t n, struct err *err)
{
    buf_putc(key, where ? 'w' : '-');
    buf_puts(key, where ? where : "");
    buf_putc(key, '\0');
    for (size_t i = 0; i < n; i++) {
        buf_varint(key, phrases[i].n);
        buf_add(key, phrases[i].text, phrases[i].n);
    }
    return buf_error(key) ? err_nomem(err) : 0;
}

/* The kept filter of a key, which is now the first; or NULL. */
static struct filter *find_kept(struct index *ix, const struct buf *key)
{
    for (int i = 0; i < INDEX_FILTERS && ix->filters[i]; i++) {
        struct filter *f = ix->filters[i];

        if (f->n_key != key->len || memcmp(f->key, key->data, key->len) != 0)
            continue;
        memmove(ix->filters + 1, ix->filters, (size_t)i * sizeof *ix->filters);
        ix->filters[0] = f;
        return f;
    }
    return NULL;
}

/* Keeps a filter in place of the one that was not asked for for longest. */
static void keep(struct index *ix, struct filter *f, struct buf *key)
{
    f->n_key = key->len;
    f->key = buf_take(key);
    filter_free(ix->filters[INDEX_FILTERS - 1]);
    memmove(ix->filters + 1, ix->filters, (INDEX_FILTERS - 1) * sizeof *ix->filters);
    ix->filters[0] = f;
}

/* base: the filter of the predicate alone, or NULL */
static int filter_make(struct filter **out, struct index *ix, const char *where,
                       const struct filter *base, struct phrases *phrases, struct err *err)
{
    int rc = filter_new(out, ix, err);

    if (rc) {
        phrases_free(phrases);
        return rc;
    }
    rc = phrases ? make_phrases(*out, ix, base, phrases, err) : make_where(*out, ix, where, err);
    if (rc)
        filter_free(*out);
    return rc;
}

int index_filter_phrases(const struct filter **out, struct index *ix, const char *where,
                         const struct index_phrase *list, size_t n, struct err *err)
{
    const struct filter *base = NULL;
    struct phrases *phrases = NULL;
    struct filter *f = NULL;
    struct buf key = {0};
    int rc;

    *out = NULL;
    if (!where && !n)
        return 0;
    rc = make_key(&key, where, list, n, err);
    if (!rc && !(f = find_kept(ix, &key))) {
        rc = n ? index_filter_phrases(&base, ix, where, NULL, 0, err) : 0;
        rc = rc || !n ? rc : phrases_new(&phrases, ix, list, n, err);
        if (!rc && n && !phrases) {
            *out = base;
            goto done;
        }
        rc = rc ? rc : filter_make(&f, ix, where, base, phrases, err);
        if (!rc)
            keep(ix, f, &key);
    }
    *out = rc ? NULL : f;
done:
    buf_clear(&key);
    return rc;
}

int index_filter(const struct filter **out, struct index *ix, const char *where, struct err *err)
{
    return index_filter_phrases(out, ix, where, NULL, 0, err);
}

int filter_is_final(const struct filter *f)
{
    return !f || !f->phrases || phrases_are_words(f->phrases);
}

int index_holds(struct index *ix, const struct filter *filter, int segment, uint32_t passage,
                struct err *err)
{
    struct filter *f = (struct filter *)filter; /* it is the handle's own */
    struct segment *s = ix->segments[segment];
    const uint32_t d = segment_document_number(s, passage);
    uint64_t *bits = f->bits + f->at[segment], *looked = NULL;

    if (!filter_is_final(f)) {
        looked = f->looked + f->at[segment];
        if (!(looked[d >> 6] >> (d & 63) & 1)) {
            int rc = phrases_look(bits, f->phrases, ix, s, d, &f->kept[segment], err);

            if (rc)
                return rc;
            looked[d >> 6] |= (uint64_t)1 << (d & 63);
        }
    }
    return !(bits[passage >> 6] >> (passage & 63) & 1);
}
