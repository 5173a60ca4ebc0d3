/* view.h -- a text as a tokenizer sees it, and where each of its bytes came from.
 *
 * Tokenizers change a text before they cut it: broken UTF-8 is mended, letters and their marks are composed, U+2581 is a blank.
 * Tokens still name bytes of the text that the caller gave, so each changed byte keeps its origin.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_VIEW_H
#define MODEL_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { VIEW_BYTES_MAX = 1 << 30 };

/* A zeroed struct is an empty view. */
struct view {
    const char *s; /* [n], valid UTF-8 */
    size_t n;
    const uint32_t
        *from; /* [n + 1]: the origin of each byte and of the end, never falling; NULL: base + i */
    uint32_t base;
    char *own_s;        /* what view_clear frees, */
    uint32_t *own_from; /* or NULL if the bytes are borrowed */
};

/* Views a text: each byte that is not part of valid UTF-8 becomes U+FFFD.  A text that needs no change is borrowed.
 *
 * prefix  1: a blank is put in front, unless the text is empty
 * blanks  1: U+2581 becomes a blank
 *
 * Errors: E_LIMIT for a text of more than VIEW_BYTES_MAX bytes; E_NOMEM.
 */
int view_open(struct view *out, const char *text, size_t n, int prefix, int blanks,
              struct err *err);

/* The bytes begin..end of a view in normal form C (UAX #15), as of Unicode 9 like the reference's; borrowed if they are so already.
 * Returns 0 or E_NOMEM. */
int view_compose(struct view *out, const struct view *in, size_t begin, size_t end,
                 struct err *err);

/* The bytes begin..end of a view, borrowed. */
struct view view_part(const struct view *v, size_t begin, size_t end);

void view_clear(struct view *v);

/* Where byte i, 0..n, came from. */
static inline uint32_t view_origin(const struct view *v, size_t i)
{
    return v->from ? v->from[i] : v->base + (uint32_t)i;
}

#endif
