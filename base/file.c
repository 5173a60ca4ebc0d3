/* file.c -- whole files and paths; see file.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

/* Opens a regular file for reading; *size is its length. */
static int open_regular(int *fd, size_t *size, const char *path, struct err *err)
{
    struct stat st;

    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return err_set(err, errno == ENOENT ? E_NOTFOUND : E_IO, "cannot open '%s': %s", path,
                       strerror(errno));
    if (fstat(*fd, &st) || !S_ISREG(st.st_mode)) {
        close(*fd);
        return err_set(err, E_IO, "'%s' is not a regular file", path);
    }
    *size = (size_t)st.st_size;
    return 0;
}

int file_open_map(struct file_map *out, const char *path, struct err *err)
{
    size_t size;
    void *p = NULL;
    int fd, rc = open_regular(&fd, &size, path, err);

    if (rc)
        return rc;
    if (size) {
        p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
            rc = err_set(err, E_IO, "cannot map '%s': %s", path, strerror(errno));
    }
    close(fd);
    if (!rc) {
        out->data = p;
        out->size = size;
    }
    return rc;
}

void file_unmap(struct file_map *m)
{
    if (m->data)
        munmap((void *)(uintptr_t)m->data, m->size);
    m->data = NULL;
    m->size = 0;
}

int file_read(char **out, size_t *n, const char *path, size_t max, struct err *err)
{
    size_t size, got = 0;
    char *p = NULL;
    int fd, rc = open_regular(&fd, &size, path, err);

    if (rc)
        return rc;
    if (size > max) {
        rc = err_set(err, E_LIMIT, "'%s' has %zu bytes, %zu are allowed", path, size, max);
        goto done;
    }
    p = mem_alloc(size + 1, 1);
    if (!p) {
        rc = err_nomem(err);
        goto done;
    }
    while (got < size) {
        ssize_t k = read(fd, p + got, size - got);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) {
            rc = err_set(err, E_IO, "cannot read '%s': %s", path, strerror(errno));
            goto done;
        }
        if (!k)
            break; /* it shrank meanwhile: what is there is what we take */
        got += (size_t)k;
    }
    p[got] = '\0';
    *out = p;
    if (n)
        *n = got;
    p = NULL;
done:
    mem_free(p);
    close(fd);
    return rc;
}

static int write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = write(fd, p, n);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -1;
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

int file_replace(const char *path, const void *p, size_t n, struct err *err)
{
    char *tmp = mem_printf("%s.tmp-%ld", path, (long)getpid());
    int fd, rc = 0;

    if (!tmp)
        return err_nomem(err);
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        rc = err_set(err, E_IO, "cannot create '%s': %s", tmp, strerror(errno));
    } else {
        int bad = write_all(fd, p, n) || fsync(fd);

        bad |= close(fd) != 0;
        if (bad || rename(tmp, path)) {
            rc = err_set(err, E_IO, "cannot write '%s': %s", path, strerror(errno));
            unlink(tmp);
        }
    }
    mem_free(tmp);
    return rc;
}

int file_exists(const char *path)
{
    struct stat st;

    return !stat(path, &st);
}

int file_is_dir(const char *path)
{
    struct stat st;

    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

int file_is_regular(const char *path)
{
    struct stat st;

    return !stat(path, &st) && S_ISREG(st.st_mode);
}

int64_t file_size(const char *path)
{
    struct stat st;

    return stat(path, &st) ? 0 : (int64_t)st.st_size;
}

void file_identity(char out[80], const char *path)
{
    struct stat st;

    out[0] = '\0';
    if (!stat(path, &st))
        snprintf(out, 80, "%lld:%lld%09ld:%llu", (long long)st.st_size,
                 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (unsigned long long)st.st_ino);
}

char *file_join(const char *dir, const char *name)
{
    size_t n = strlen(dir);

    return mem_printf(n && dir[n - 1] == '/' ? "%s%s" : "%s/%s", dir, name);
}

const char *file_basename(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_list(char ***names, size_t *n, const char *dir, struct err *err)
{
    struct buf text = {0};
    struct dirent *e;
    char **list = NULL, *p;
    size_t count = 0;
    int rc = 0;
    DIR *d = opendir(dir);

    if (!d)
        return err_set(err, errno == ENOENT ? E_NOTFOUND : E_IO, "cannot open folder '%s': %s", dir,
                       strerror(errno));
    while (errno = 0, (e = readdir(d)))
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
            buf_add(&text, e->d_name, strlen(e->d_name) + 1);
            count++;
        }
    if (errno)
        rc = err_set(err, E_IO, "cannot read folder '%s': %s", dir, strerror(errno));
    closedir(d);
    if (rc)
        goto done;
    if (!buf_error(&text))
        list = mem_alloc(1, count * sizeof *list + text.len);
    if (!list) {
        rc = err_nomem(err);
        goto done;
    }
    p = (char *)(list + count);
    if (text.len)
        memcpy(p, text.data, text.len);
    for (size_t i = 0; i < count; i++, p += strlen(p) + 1)
        list[i] = p;
    qsort(list, count, sizeof *list, compare_names);
    *names = list;
    *n = count;
done:
    buf_clear(&text);
    return rc;
}
