/* folder.c -- see folder.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "corpora/formats.h"

enum { MAX_DEPTH = 256 };

/* A folder being walked. */
struct folder_level {
    char *dir;    /* from the root, "" for the root itself */
    char **names; /* [n] */
    size_t n, i;  /* i is next */
};

static void pop(struct folder *f)
{
    struct folder_level *l = &f->levels[--f->depth];

    mem_free(l->dir);
    mem_free(l->names);
}

/* Enters a folder; dir is taken. */
static int push(struct folder *f, char *dir, struct err *err)
{
    struct folder_level l = {.dir = dir};
    char *path = NULL;
    int rc;

    if (f->depth >= MAX_DEPTH) {
        rc = err_set(err, E_LIMIT, "%s/%s: folders are nested more than %d deep", f->root, dir,
                     MAX_DEPTH);
        goto done;
    }
    path = *dir ? file_join(f->root, dir) : mem_strdup(f->root);
    if (!path || mem_reserve((void **)&f->levels, &f->cap, f->depth + 1, sizeof *f->levels)) {
        rc = err_nomem(err);
        goto done;
    }
    rc = file_list(&l.names, &l.n, path, err);
    if (!rc) {
        f->levels[f->depth++] = l;
        dir = NULL;
    }
done:
    mem_free(path);
    mem_free(dir);
    return rc;
}

/* Is it the file that is no document, or one that SQLite keeps beside it?  (The latter come and
 * go, and while they are empty they look like text.) */
static int is_excepted(const struct folder *f, const char *path, const struct stat *st)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    const char *name = file_basename(path), *except = f->opt.except;
    const char *base = except ? file_basename(except) : "";
    const size_t n = strlen(base);
    char beside[PATH_MAX];
    struct stat own;
    int found = 0;

    if (!n || strncmp(name, base, n))
        return 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && !found; i++) {
        if (strcmp(name + n, suffixes[i]))
            continue;
        int len = snprintf(beside, sizeof beside, "%s%s", except, suffixes[i]);

        found = len > 0 && (size_t)len < sizeof beside && !stat(beside, &own) &&
                own.st_dev == st->st_dev && own.st_ino == st->st_ino;
    }
    return found;
}

/* One entry of the innermost folder: 1 if it is a file to give. */
static int visit(struct folder *f, struct err *err)
{
    struct folder_level *l = &f->levels[f->depth - 1];
    const char *name = l->names[l->i++];
    char *inner = NULL, *path = NULL;
    struct err why = {0};
    struct stat st;
    int rc = 0;

    if (name[0] == '.')
        return 0;
    inner = *l->dir ? file_join(l->dir, name) : mem_strdup(name);
    path = inner ? file_join(f->root, inner) : NULL;
    if (!path) {
        rc = err_nomem(err);
        goto done;
    }
    if (stat(path, &st)) {
        err_set(&why, E_IO, "cannot open '%s': %s", path, strerror(errno));
        rc = corpus_bad(&f->opt, &why, err);
    } else if (S_ISREG(st.st_mode) && is_excepted(f, path, &st)) {
        rc = 0;
    } else if (S_ISREG(st.st_mode)) {
        mem_free(f->last_path);
        mem_free(f->last_name);
        f->path = f->last_path = path;
        f->name = f->last_name = inner;
        return 1;
    } else if (S_ISDIR(st.st_mode) && !lstat(path, &st) && !S_ISLNK(st.st_mode)) {
        if (push(f, inner, &why))
            rc = corpus_bad(&f->opt, &why, err);
        inner = NULL; /* taken */
    }
done:
    mem_free(path);
    mem_free(inner);
    return rc;
}

int folder_next(struct folder *f, struct err *err)
{
    int rc = 0;

    if (!f->is_folder && f->root) { /* the one file */
        mem_free(f->last_path);
        f->path = f->last_path = f->root;
        f->name = file_basename(f->path);
        f->root = NULL;
        return 1;
    }
    while (!rc && f->depth) {
        if (f->levels[f->depth - 1].i == f->levels[f->depth - 1].n)
            pop(f);
        else
            rc = visit(f, err);
    }
    return rc;
}

int folder_open(struct folder *out, const char *path, const struct corpus_options *opt,
                struct err *err)
{
    char *top;
    int rc;

    memset(out, 0, sizeof *out);
    out->opt = *opt;
    out->is_folder = file_is_dir(path);
    out->root = mem_strdup(path);
    if (!out->root)
        return err_nomem(err);
    if (!out->is_folder)
        return 0;
    top = mem_strdup("");
    rc = top ? push(out, top, err) : err_nomem(err);
    if (rc)
        folder_close(out);
    return rc;
}

void folder_close(struct folder *f)
{
    while (f->depth)
        pop(f);
    mem_free(f->levels);
    mem_free(f->root);
    mem_free(f->last_path);
    mem_free(f->last_name);
    memset(f, 0, sizeof *f);
}
