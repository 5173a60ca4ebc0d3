/* html.h -- the text of an HTML page as Markdown; the only door to libxml2.
 *
 *     struct buf text = {0}, title = {0};
 *     html_to_text(&text, &title, page, n, &err);
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_HTML_H
#define CORPORA_HTML_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the text of a page, UTF-8.
 *
 * Headings are lines "## Heading", list items "- Item", table rows a line with " | " between cells,
 * preformatted text stands between fences "```"; other blocks are paragraphs, an empty line apart.  Scripts,
 * styles, forms' controls, navigation and footers of the whole page are left out; if the page has a <main>, so is all
 * beside it.  But what is left out of all that is taken if there is no other text.
 *
 * text    the page's text.
 * title   <title>, else the first heading, one line; "" if there is neither.
 * page    [n] bytes in any encoding (charset.h), broken or not: any bytes give some text.
 *
 * Nothing but the bytes given is read.  Returns 0, E_NOMEM or E_LIMIT (text->max).
 * Cost: linear; a page nested so deeply that parsing is not has its tags stripped from there on.
 */
int html_to_text(struct buf *text, struct buf *title, const char *page, size_t n, struct err *err);

/* The character that &NAME; stands for in HTML, 0 if there is none. */
uint32_t html_entity(const char *name);

#endif
