/* check.h -- does a segment hold what it says? */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_CHECK_H
#define INDEXER_CHECK_H

#include "indexer/segment.h"

/* Reads all parts: checksums, order, sums, bounds, and that postings are written as the writer would.
 * E_FORMAT names the first thing that is wrong. */
int check_segment(struct segment *s, struct err *err);

#endif
