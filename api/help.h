/* help.h -- what `fovea help` and the manual page are made of. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_HELP_H
#define API_HELP_H

#include <stddef.h>

#include "base/buf.h"

/* A topic of `fovea help`. */
struct help_topic {
    const char *name;
    const char *about; /* one line */
    void (*write)(
        struct buf *out); /* plain text: paragraphs; lines that begin with a blank are kept */
};
extern const struct help_topic help_topics[]; /* ends with a NULL name */

/* Help texts are lines: a paragraph, an empty line, or a row "TAB name TAB about".
 * The next line of *text, which moves behind it.
 *
 * name    [*n_name]; NULL if the line is no row.
 * about   [*n_about]: of the row, or the paragraph; borrowed from *text.
 *
 * Returns 1, or 0 at the end.
 */
int help_line(const char **name, size_t *n_name, const char **about, size_t *n_about,
              const char **text);

/* The whole manual page in mdoc, from the tables of commands, options and topics. */
void help_manual(struct buf *out);

#endif
