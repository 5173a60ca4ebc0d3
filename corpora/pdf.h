/* pdf.h -- the text of a PDF file, by poppler's program pdftotext. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_PDF_H
#define CORPORA_PDF_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Bounds of one run. */
struct pdf_limits {
    int seconds;  /* of wall time; the program is killed then */
    size_t bytes; /* of its output */
};

/* Appends the text of a PDF file, UTF-8, pages a paragraph apart, without lines that are a page's number.
 *
 * title   the title that the file gives itself, else its first line.
 * limits  NULL: a minute, 64 MiB.
 *
 * pdftotext is looked for on PATH and run as a process of its own, without a shell, with at most 2 GiB
 * of memory; it has ended when this returns.
 * Errors name the path: E_NOTFOUND "... needs pdftotext (package poppler-utils)"; E_FORMAT with
 * pdftotext's own words; E_LIMIT; E_IO; E_NOMEM.
 */
int pdf_to_text(struct buf *text, struct buf *title, const char *path,
                const struct pdf_limits *limits, struct err *err);

#endif
