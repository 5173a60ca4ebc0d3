/* show_decoder.h -- `fovea model` for a language model: what it is, and what it makes of a text. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_SHOW_DECODER_H
#define API_SHOW_DECODER_H

/* The file `path`: its facts, as text or JSON.  Returns an exit code. */
int show_decoder(const char *path, int as_json);

/* A text's tokens as JSON: ids, or as they are spelled.  Returns an exit code. */
int show_decoder_tokens(const char *path, const char *text, int spelled);

#endif
