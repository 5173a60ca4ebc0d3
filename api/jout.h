/* jout.h -- writes JSON to standard output, member by member.
 *
 *     struct jout j = {0};
 *     jout_open(&j, NULL, '{');
 *     jout_text(&j, "docno", "42");
 *     jout_open(&j, "legs", '[');
 *     jout_close(&j);
 *     jout_close(&j);
 *     return jout_print(&j);
 *
 * key is NULL for elements of an array and for the outermost value.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_JOUT_H
#define API_JOUT_H

#include <stdint.h>

#include "base/buf.h"

struct jout {
    struct buf b;
    int depth;
    char closers[16]; /* [depth] '}' or ']' */
    int comma;        /* 1: the next member needs a comma in front */
};

void jout_open(struct jout *j, const char *key, char bracket);
void jout_close(struct jout *j);
void jout_text(struct jout *j, const char *key, const char *v); /* NULL is written as null */
void jout_int(struct jout *j, const char *key, int64_t v);
void jout_count(struct jout *j, const char *key, uint64_t v);
void jout_number(struct jout *j, const char *key, double v);
void jout_float(struct jout *j, const char *key,
                float v); /* shortest form that reads back as this float */
void jout_bool(struct jout *j, const char *key, int v);

/* An object or array of JSON text made elsewhere, checked; null if it is NULL or damaged. */
void jout_raw(struct jout *j, const char *key, const char *json);

/* Writes what is there and a newline to standard output and frees it.
 * Returns 0, or -1 having said that memory ran out. */
int jout_print(struct jout *j);

#endif
