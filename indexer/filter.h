/* filter.h -- a filter's tree as SQL over the table of documents. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_FILTER_H
#define INDEXER_FILTER_H

#include <stddef.h>

#include "base/buf.h"
#include "base/db.h"
#include "indexer/filter_parse.h"

/* An expression with ?1 .. ?n, and what stands for them: nothing that the user wrote is in the text itself. */
struct filter_sql {
    struct buf text;
    struct filter_value *params; /* [n]; texts borrowed from the tree */
    size_t n, cap;
};

/* Writes the expression, which is 1 or 0 for a row with the columns docno, title and meta, never NULL.
 * *out (zeroed before) is the caller's: filter_sql_clear, also after a failure. */
int filter_compile(struct filter_sql *out, const struct filter_node *root, struct err *err);

/* Binds all parameters. */
void filter_bind(struct stmt *s, const struct filter_sql *sql);

void filter_sql_clear(struct filter_sql *sql);

#endif
