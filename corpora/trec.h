/* trec.h -- one document of TREC's collections: what stands between <DOC> and </DOC>. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_TREC_H
#define CORPORA_TREC_H

#include <stddef.h>

#include "base/buf.h"
#include "corpora/corpora.h"

/* A document, in buffers that are used again.  A zeroed struct is empty. */
struct trec {
    struct buf docno, title, text, meta;
    struct buf rest; /* what is text if no field says so */
};

/* Parses a document.
 *
 * s       [n] bytes in any encoding, what is no UTF-8 is repaired; NULs are refused.
 * id      its name if it has no DOCNO (an attribute of <DOC>), or NULL.
 * opt     id_field, title_field, text_field name the tags instead of those below.
 *
 * DOCNO names it; HEADLINE, TITLE, HL, HEAD, TTL, TI are the title; TEXT, BODY, LP, LEADPARA, ABSTRACT and so on the
 * text, in their order.  Other fields of one short line are metadata, under their names in lower case.  Without
 * a field of text, what is neither title nor metadata is; behind a DOCHDR (web pages) the page is.
 *
 * Returns 0 and fills *doc, borrowed until the next call; E_FORMAT (no name, NUL), E_NOMEM, E_LIMIT.
 */
int trec_parse(struct doc *doc, struct trec *t, const char *s, size_t n, const char *id,
               const struct corpus_options *opt, struct err *err);

void trec_clear(struct trec *t);

#endif
