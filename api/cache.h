/* cache.h -- where the command keeps what it can make again. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_CACHE_H
#define API_CACHE_H

/* $XDG_CACHE_HOME/fovea/NAME, ~/.cache/fovea/NAME, or .fovea-cache/NAME without a home; the
 * caller's (mem_free).  NULL if out of memory. */
char *cache_dir(const char *name);

/* Makes a folder and those above it.  0, or -1 if it is not there afterwards. */
int make_dirs(const char *path);

#endif
