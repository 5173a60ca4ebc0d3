/* attention_counts.c -- how many passages have keys, how many bytes these are, and of how many passages they are not the whole:
 * counted as rows come and go, so that to tell is to read four settings. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "indexer/inside.h"
#include "model/keys.h"

/* Rows of the table of settings.  Files of earlier versions lack the last two. */
static const struct {
    const char *key;
    size_t at;
    int may_lack;
} rows[] = {
    {"attention_passages", offsetof(struct attention_counts, passages), 0},
    {"attention_bytes", offsetof(struct attention_counts, bytes), 0},
    {"attention_cut", offsetof(struct attention_counts, cut), 1},
    {"attention_empty", offsetof(struct attention_counts, empty), 1},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static int64_t get(const struct attention_counts *c, int i)
{
    return *(const int64_t *)((const char *)c + rows[i].at);
}

int attention_counts_read(struct attention_counts *out, struct index *ix, struct store *st,
                          struct err *err)
{
    int rc = 0;

    for (int i = 0; i < N_ROWS && !rc; i++) {
        int64_t *to = (int64_t *)((char *)out + rows[i].at);

        *to = -1;
        rc = rows[i].may_lack
                 ? db_get_int(to, st->db, err, "SELECT value FROM \"%w_settings\" WHERE key = '%q'",
                              ix->name, rows[i].key)
                 : counter_get(to, ix, st, rows[i].key, err);
    }
    return rc;
}

int attention_counts_write(struct index *ix, const struct attention_counts *c, struct err *err)
{
    int rc = 0;

    for (int i = 0; i < N_ROWS && !rc; i++)
        if (!rows[i].may_lack || get(c, i) >= 0)
            rc = counter_set(ix, rows[i].key, get(c, i), err);
    return rc;
}

void attention_count(struct attention_counts *c, const void *keys, size_t n, int sign)
{
    struct keys view;
    struct err why = {0};

    c->passages += sign;
    c->bytes += sign * (int64_t)n;
    if (!keys || keys_view(&view, keys, n, NULL, &why))
        return; /* fovea check finds it */
    if (c->cut >= 0)
        c->cut += sign * view.is_cut;
    if (c->empty >= 0)
        c->empty += sign * !view.n;
}

int attention_counts_compare(const struct attention_counts *recorded,
                             const struct attention_counts *counted, const struct index *ix,
                             struct err *err)
{
    for (int i = 0; i < N_ROWS; i++)
        if (get(recorded, i) != get(counted, i) && (!rows[i].may_lack || get(recorded, i) >= 0))
            return err_set(err, E_FORMAT, "'%s' is damaged: setting '%s' is %lld, not %lld",
                           ix->path, rows[i].key, (long long)get(recorded, i),
                           (long long)get(counted, i));
    return 0;
}
