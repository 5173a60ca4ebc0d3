/* charset.h -- pages in any encoding become UTF-8. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_CHARSET_H
#define CORPORA_CHARSET_H

#include <stddef.h>

#include "base/buf.h"

/* Appends the bytes of an HTML page as UTF-8 without NULs and without a byte order mark.
 *
 * The encoding is that of a byte order mark, else the one that the page's beginning declares (<meta
 * charset>, <?xml encoding>), else UTF-8 if the bytes are that, else Windows-1252.  What claims to be one
 * byte a character but is UTF-8 is read as UTF-8.  Bytes that mean nothing become U+FFFD.
 *
 * Errors are in buf_error(out).
 * Source: the encoding sniffing of the HTML standard, and the labels of WHATWG's Encoding.
 */
void charset_to_utf8(struct buf *out, const char *page, size_t n);

#endif
