/* help.h -- what `fovea help` and the manual page are made of. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_HELP_H
#define API_HELP_H

#include "base/buf.h"

/* A topic of `fovea help`. */
struct help_topic {
    const char *name;
    const char *about; /* one line */
    void (*write)(
        struct buf *out); /* plain text: paragraphs; lines that begin with a blank are kept */
};
extern const struct help_topic help_topics[]; /* ends with a NULL name */

/* The whole manual page in mdoc, from the tables of commands, options and topics. */
void help_manual(struct buf *out);

#endif
