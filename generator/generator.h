/* generator.h -- question x search to a cited answer, or "insufficient information".
 *
 * The face and its table stand; the generators come with the decoder runtime.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENERATOR_GENERATOR_H
#define GENERATOR_GENERATOR_H

#include "base/buf.h"
#include "base/err.h"

struct generator {
    const char *name;
    const char *about;
    int (*answer)(struct buf *out, const char *question, struct err *err);
};
extern const struct generator *const generators[]; /* NULL-terminated; empty so far */

/* Appends an answer to out.  E_INVALID for a name that is not in the table. */
int generate(struct buf *out, const char *question, const char *method, struct err *err);

#endif
