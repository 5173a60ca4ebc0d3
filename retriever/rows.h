/* rows.h -- the rows of the table of systems, one a file.  Their search functions get options that
 * retrieve() has checked and completed. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RETRIEVER_ROWS_H
#define RETRIEVER_ROWS_H

#include "retriever/retriever.h"

extern const struct retriever retriever_bm25, retriever_dense, retriever_sparse, retriever_hybrid;

#endif
