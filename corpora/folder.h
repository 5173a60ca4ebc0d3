/* folder.h -- the files of a folder and of the folders below it, in the order of names; or one file.
 *
 *     while ((rc = folder_next(&f, &err)) == 1)
 *         ... f.path, f.name ...
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_FOLDER_H
#define CORPORA_FOLDER_H

#include <stddef.h>

#include "corpora/corpora.h"

struct folder {
    const char *path; /* the file given last, as it can be opened */
    const char *name; /* the same from the folder's root; of one file its last part */
    int is_folder;    /* else it is the one file */

    /* the rest is folder.c's */
    struct corpus_options opt;
    char *root;                  /* the folder, or the file until it has been given */
    char *last_path, *last_name; /* own what is above */
    struct folder_level *levels; /* [depth], the innermost last */
    size_t depth, cap;
};

/* Opens a folder or a file that is there.  opt is copied; its strings are borrowed. */
int folder_open(struct folder *out, const char *path, const struct corpus_options *opt,
                struct err *err);

/* The next regular file: 1; 0 at the end; negative: an error.
 *
 * The same tree gives the same files in the same order.  Hidden files are passed over, links to
 * folders are not followed (they may lead in circles), nor is what opt.except names given.  What cannot be
 * opened is bad (corpus_bad).
 */
int folder_next(struct folder *f, struct err *err);

/* Frees; a zeroed struct is allowed. */
void folder_close(struct folder *f);

#endif
