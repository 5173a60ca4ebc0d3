/* lines.c -- a growing window over a file that zlib may unpack; the only user of zlib.
 *
 * gzread passes files through that do not start with gzip's magic bytes, so one path serves both.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"

enum { LINE_MAX_BYTES = 64 << 20, READ_BYTES = 256 << 10 };

struct lines {
    gzFile gz;
    char *name;
    char *data;             /* [cap + 1] */
    size_t begin, end, cap; /* data[begin..end) is unread */
    size_t scanned;         /* data[begin..scanned) holds no newline */
    size_t number;
    int at_end;
    int too_long; /* the line given up last has not ended yet */
};

int lines_open(struct lines **out, const char *path, struct err *err)
{
    struct lines *in = mem_zalloc(1, sizeof *in);
    int is_stdin = !strcmp(path, "-"), fd = -1, rc = 0;
    struct stat st;

    if (!in)
        return err_nomem(err);
    in->name = mem_strdup(is_stdin ? "standard input" : path);
    in->data = mem_alloc(READ_BYTES + 1, 1);
    in->cap = READ_BYTES;
    if (!in->name || !in->data) {
        rc = err_nomem(err);
        goto done;
    }
    fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        rc = err_set(err, errno == ENOENT ? E_NOTFOUND : E_IO, "cannot open '%s': %s", in->name,
                     strerror(errno));
        goto done;
    }
    if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
        rc = err_set(err, E_IO, "'%s' is a folder, a file is needed", in->name);
        goto done;
    }
    in->gz = gzdopen(fd, "rb");
    if (!in->gz) {
        rc = err_nomem(err);
        goto done;
    }
    fd = -1; /* gzclose closes it now */
    gzbuffer(in->gz, READ_BYTES);
    *out = in;
    in = NULL;
done:
    if (fd >= 0)
        close(fd);
    lines_close(in);
    return rc;
}

static int read_error(struct lines *in, struct err *err)
{
    int code;
    const char *why = gzerror(in->gz, &code);

    if (code == Z_ERRNO)
        return err_set(err, E_IO, "cannot read '%s': %s", in->name, strerror(errno));
    if (code == Z_MEM_ERROR)
        return err_nomem(err);
    return err_set(err, E_FORMAT, "'%s' is a damaged or cut-off gzip file (after line %zu): %s",
                   in->name, in->number, why && *why ? why : "unexpected end");
}

/* Reads more behind data[end), making room first. */
static int fill(struct lines *in, struct err *err)
{
    int k, code;

    if (in->begin) {
        memmove(in->data, in->data + in->begin, in->end - in->begin);
        in->scanned -= in->begin;
        in->end -= in->begin;
        in->begin = 0;
    }
    if (in->end == in->cap) {
        char *p;

        if (in->cap >= LINE_MAX_BYTES)
            return err_set(err, E_LIMIT, "%s:%zu: line is over %d MiB long", in->name,
                           in->number + 1, LINE_MAX_BYTES >> 20);
        p = mem_resize(in->data, in->cap * 2 + 1, 1);
        if (!p)
            return err_nomem(err);
        in->data = p;
        in->cap *= 2;
    }
    k = gzread(in->gz, in->data + in->end, (unsigned)(in->cap - in->end));
    if (k < 0)
        return read_error(in, err);
    if (!k) {
        gzerror(in->gz, &code); /* a stream cut off ends with 0 bytes and Z_BUF_ERROR */
        if (code != Z_OK && code != Z_STREAM_END)
            return read_error(in, err);
        in->at_end = 1;
    }
    in->end += (size_t)k;
    return 0;
}

/* Drops what is left of a line that was too long. */
static int skip_line(struct lines *in, struct err *err)
{
    for (;;) {
        char *nl = memchr(in->data + in->begin, '\n', in->end - in->begin);
        int rc;

        in->begin = in->scanned = nl ? (size_t)(nl + 1 - in->data) : in->end;
        if (nl || in->at_end)
            break;
        rc = fill(in, err);
        if (rc)
            return rc;
    }
    in->too_long = 0;
    return 0;
}

int lines_next(char **line, size_t *n, struct lines *in, struct err *err)
{
    char *nl = NULL;
    size_t len;
    int rc = in->too_long ? skip_line(in, err) : 0;

    if (rc)
        return rc;
    for (;;) {
        nl = memchr(in->data + in->scanned, '\n', in->end - in->scanned);
        in->scanned = in->end;
        if (nl || in->at_end)
            break;
        rc = fill(in, err);
        if (rc == E_LIMIT) {
            in->number++;
            in->begin = in->end;
            in->too_long = 1;
        }
        if (rc)
            return rc;
    }
    if (!nl && in->begin == in->end)
        return 0;
    *line = in->data + in->begin;
    len = nl ? (size_t)(nl - *line) : in->end - in->begin;
    in->begin += len + (nl != NULL);
    in->scanned = in->begin;
    in->number++;
    if (len && (*line)[len - 1] == '\r')
        len--;
    if (in->number == 1 && len >= 3 && !memcmp(*line, "\xef\xbb\xbf", 3)) {
        *line += 3;
        len -= 3;
    }
    (*line)[len] = '\0';
    *n = len;
    return 1;
}

size_t lines_number(const struct lines *in) { return in->number; }

const char *lines_name(const struct lines *in) { return in->name; }

void lines_close(struct lines *in)
{
    if (!in)
        return;
    if (in->gz)
        gzclose(in->gz);
    mem_free(in->name);
    mem_free(in->data);
    mem_free(in);
}
