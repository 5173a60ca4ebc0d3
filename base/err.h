/* err.h -- how every fallible function of fovea reports failure.
 *
 *     struct err err = {0};
 *     if (index_open(&ix, path, NULL, &err))
 *         fprintf(stderr, "fovea: %s\n", err.text);
 *
 * A function that can fail returns 0 or one of the negatives below and leaves
 * one line of text (what, where, what to do) in the caller's struct err, which
 * may be NULL.  The first error wins: setting an error that is already set
 * keeps the first text, because the first is the cause.  Control characters and bytes that are
 * no UTF-8, which names and lines of files may hold, are shown as \xNN.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

enum {
    E_NOMEM = -1,    /* out of memory */
    E_IO = -2,       /* the system refused: missing file, full disk, no permission */
    E_FORMAT = -3,   /* the bytes are not what they claim to be */
    E_INVALID = -4,  /* the request makes no sense: bad option, wrong model, bad query */
    E_NOTFOUND = -5, /* the named thing does not exist */
    E_LIMIT = -6,    /* a stated bound was reached */
    E_STOP = -7,     /* a callback asked to stop */
};

struct err {
    int code;       /* 0, or one of the above */
    char text[480]; /* one line, no newline, no trailing period */
};

/* Sets code and text unless an error is set already.
 *
 * err     may be NULL.
 *
 * Returns the code that err now holds (code itself if err is NULL), so that
 * `return err_set(err, E_FORMAT, "...")` works.
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts context in front of the text that is there: "CONTEXT: text".
 *
 * Returns the code that err holds, or E_INVALID if err is NULL or unset.
 */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets E_NOMEM.  Returns E_NOMEM. */
int err_nomem(struct err *err);

/* Writes text to out [size] as errors show it: on one line, control characters and bytes that are no UTF-8 as \xNN, as many whole
 * characters as fit. */
void err_line(char *out, size_t size, const char *text);

/* Makes err ready for use again. */
void err_clear(struct err *err);

#endif
