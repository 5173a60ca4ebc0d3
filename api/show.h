/* show.h -- prints the hits of a search: for people, as JSON, as lines of a TREC run. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_SHOW_H
#define API_SHOW_H

#include "api/fovea.h"
#include "api/jout.h"
#include "base/run.h"
#include "reranker/reranker.h"

/* For people: rank, score, docno, title, snippet; emphasis and width as standard output allows.
 * seconds     what the search took. */
void show_hits(const fovea_hits *hits, double seconds);

/* Members of an open object: "query", "system", "seconds", "hits". */
void show_json(struct jout *j, const char *query, const fovea_hits *hits, double seconds);

/* Lines of a TREC run.  Returns 0, or an exit code having said that memory ran out. */
int show_run(const char *qid, const fovea_hits *hits, const char *tag);

/* A ranking of a run, before and after candidates [n] of it were re-ranked (0: the query is empty), as an object on a line.  0 or an exit code. */
int show_reranked(const struct reranker *r, double seconds, const char *query,
                  const struct ranking *before, const struct ranking *after,
                  const struct candidate *c, size_t n);

#endif
