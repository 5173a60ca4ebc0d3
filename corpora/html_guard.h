/* html_guard.h -- finds what would keep libxml2 busy for hours. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_HTML_GUARD_H
#define CORPORA_HTML_GUARD_H

#include <stddef.h>

/* Where a page (UTF-8, [n], a NUL behind it) has a tag of so many attributes that libxml2, which compares each with all
 * others, would not come to an end; n if nowhere.  Scripts, styles and comments are passed over. */
size_t html_guard(const char *page, size_t n);

#endif
