/* cache.c -- see cache.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

char *cache_dir(const char *name)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (xdg && *xdg == '/') /* the specification: others are ignored */
        return mem_printf("%s/fovea/%s", xdg, name);
    if (home && *home)
        return mem_printf("%s/.cache/fovea/%s", home, name);
    return mem_printf(".fovea-cache/%s", name);
}

int make_dirs(const char *path)
{
    char *p = mem_strdup(path);

    if (!p)
        return -1;
    for (char *s = p + 1; *p && *s; s++)
        if (*s == '/') {
            *s = '\0';
            mkdir(p, 0777);
            *s = '/';
        }
    mkdir(p, 0777);
    mem_free(p);
    return file_is_dir(path) ? 0 : -1;
}
