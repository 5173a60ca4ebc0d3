/* c_text.c -- a folder of text and Markdown files, or one such file: a document each.
 *
 * The folder is walked in the order of names, so the same tree gives the same stream.  A document
 * is called by its path from the folder's root, its bytes that are no UTF-8 as \xHH.  Its title is the first heading of a Markdown
 * file, else the file's name without its suffix.  Hidden files are passed over, links to folders
 * are not followed (they may lead in circles).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "corpora/formats.h"

enum { FILE_MAX_BYTES = 64 << 20, MAX_DEPTH = 256 };

static const char *const text_suffixes[] = {".txt", ".text", ".md", ".markdown", NULL};
static const char *const markdown_suffixes[] = {".md", ".markdown", NULL};

/* A folder being walked. */
struct level {
    char *dir;    /* from the root, "" for the root itself */
    char **names; /* [n] */
    size_t n, i;  /* i is next */
};

struct reader {
    struct corpus_options opt;
    char *root;           /* NULL when one file is read */
    char *file;           /* that file, until it has been read */
    struct level *levels; /* [depth], the innermost last */
    size_t depth, cap;
    struct buf docno, title, text; /* the document given last */
};

static void pop(struct reader *r)
{
    struct level *l = &r->levels[--r->depth];

    mem_free(l->dir);
    mem_free(l->names);
}

/* Enters a folder; dir is taken. */
static int push(struct reader *r, char *dir, struct err *err)
{
    struct level l = {.dir = dir};
    char *path = NULL;
    int rc;

    if (r->depth >= MAX_DEPTH) {
        rc = err_set(err, E_LIMIT, "%s/%s: folders are nested more than %d deep", r->root, dir,
                     MAX_DEPTH);
        goto done;
    }
    path = *dir ? file_join(r->root, dir) : mem_strdup(r->root);
    if (!path || mem_reserve((void **)&r->levels, &r->cap, r->depth + 1, sizeof *r->levels)) {
        rc = err_nomem(err);
        goto done;
    }
    rc = file_list(&l.names, &l.n, path, err);
    if (!rc) {
        r->levels[r->depth++] = l;
        dir = NULL;
    }
done:
    mem_free(path);
    mem_free(dir);
    return rc;
}

/* The end of the line that starts at s, its newline or NUL. */
static const char *line_end(const char *s) { return s + strcspn(s, "\n"); }

static int is_fence(const char *s) { return !strncmp(s, "```", 3) || !strncmp(s, "~~~", 3); }

/* Finds "# Heading ##" (CommonMark's ATX form, levels 1 to 6) outside code fences: text of
 * *len bytes, or NULL. */
static const char *find_heading(size_t *len, const char *text)
{
    int in_fence = 0;

    for (const char *s = text; *s; s = line_end(s) + (*line_end(s) == '\n')) {
        const char *end = line_end(s);
        size_t level = strspn(s, "#");

        if (is_fence(s))
            in_fence = !in_fence;
        if (in_fence || level < 1 || level > 6 || (s[level] != ' ' && s[level] != '\t'))
            continue;
        s += level;
        while (s < end && strchr(" \t", *s))
            s++;
        while (end > s && strchr(" \t\r", end[-1]))
            end--;
        while (end > s && end[-1] == '#')
            end--;
        while (end > s && strchr(" \t", end[-1]))
            end--;
        *len = (size_t)(end - s);
        if (*len)
            return s;
    }
    return NULL;
}

static void make_title(struct reader *r)
{
    const char *name = file_basename(buf_text(&r->docno)), *dot = strrchr(name, '.'),
               *heading = NULL;
    size_t len;

    if (corpus_has_suffix(name, markdown_suffixes))
        heading = find_heading(&len, buf_text(&r->text));
    if (!heading) {
        heading = name;
        len = dot && dot != name ? (size_t)(dot - name) : strlen(name);
    }
    buf_reset(&r->title);
    buf_add(&r->title, heading, len);
}

/* Tells that a file is no text.  Of a file that claims to be one, by its suffix or because it was
 * named alone, this is an error; other files may lie in the folder by right. */
static int refuse_binary(struct reader *r, const char *path, size_t at, struct err *err)
{
    struct corpus_options opt = r->opt;
    struct err why = {0};

    err_set(&why, E_FORMAT, "%s: not a text file (NUL byte at byte %zu)", path, at + 1);
    if (r->root && !corpus_has_suffix(path, text_suffixes))
        opt.skip_bad = 1;
    return corpus_bad(&opt, &why, err);
}

/* Bytes that are no UTF-8 become \xHH, and not all the same sign: else files named in Latin-1
 * would replace each other. */
static void add_name(struct buf *out, const char *name)
{
    size_t n = strlen(name);

    while (n) {
        size_t good = utf8_check(name, n);

        buf_add(out, name, good);
        if (good < n)
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)name[good++]);
        name += good;
        n -= good;
    }
}

/* 1: r holds a document; 0: the file was passed over; negative: an error. */
static int read_document(struct reader *r, const char *path, const char *name, struct err *err)
{
    struct err why = {0};
    char *data = NULL, *text;
    size_t n;
    int rc;

    buf_reset(&r->docno);
    buf_reset(&r->text);
    add_name(&r->docno, name);
    if (buf_error(&r->docno))
        return err_nomem(err);
    rc = corpus_check_name(buf_text(&r->docno), "file's name", &why);
    if (rc)
        err_wrap(&why, "%s", path);
    else
        rc = file_read(&data, &n, path, FILE_MAX_BYTES, &why);
    if (rc) {
        rc = corpus_bad(&r->opt, &why, err);
        goto done;
    }
    text = memchr(data, '\0', n);
    if (text) {
        rc = refuse_binary(r, path, (size_t)(text - data), err);
        goto done;
    }
    text = data;
    if (n >= 3 && !memcmp(data, "\xef\xbb\xbf", 3)) { /* byte order mark */
        text += 3;
        n -= 3;
    }
    utf8_repair(&r->text, text, n);
    make_title(r);
    if (buf_error(&r->text) || buf_error(&r->title))
        rc = err_nomem(err);
    else
        rc = 1;
done:
    mem_free(data);
    return rc;
}

/* Is it the file that is no document, or one that SQLite keeps beside it?  (The latter come and
 * go, and while they are empty they look like text.) */
static int is_excepted(const struct reader *r, const char *path, const struct stat *st)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    const char *name = file_basename(path), *except = r->opt.except;
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

/* One entry of the innermost folder, as read_document. */
static int visit(struct reader *r, struct err *err)
{
    struct level *l = &r->levels[r->depth - 1];
    const char *name = l->names[l->i++];
    char *inner = NULL, *path = NULL;
    struct err why = {0};
    struct stat st;
    int rc = 0;

    if (name[0] == '.')
        return 0;
    inner = *l->dir ? file_join(l->dir, name) : mem_strdup(name);
    path = inner ? file_join(r->root, inner) : NULL;
    if (!path) {
        rc = err_nomem(err);
        goto done;
    }
    if (stat(path, &st)) {
        err_set(&why, E_IO, "cannot open '%s': %s", path, strerror(errno));
        rc = corpus_bad(&r->opt, &why, err);
    } else if (S_ISREG(st.st_mode) && is_excepted(r, path, &st)) {
        rc = 0;
    } else if (S_ISREG(st.st_mode)) {
        rc = read_document(r, path, inner, err);
    } else if (S_ISDIR(st.st_mode) && !lstat(path, &st) && !S_ISLNK(st.st_mode)) {
        if (push(r, inner, &why))
            rc = corpus_bad(&r->opt, &why, err);
        inner = NULL; /* taken */
    }
done:
    mem_free(path);
    mem_free(inner);
    return rc;
}

static int next(struct doc *doc, void *self, struct err *err)
{
    struct reader *r = self;
    int rc = 0;

    if (r->file) {
        rc = read_document(r, r->file, file_basename(r->file), err);
        mem_free(r->file);
        r->file = NULL;
    }
    while (!rc && r->depth) {
        if (r->levels[r->depth - 1].i == r->levels[r->depth - 1].n)
            pop(r);
        else
            rc = visit(r, err);
    }
    if (rc == 1)
        *doc = (struct doc){
            .docno = buf_text(&r->docno), .title = buf_text(&r->title), .text = buf_text(&r->text)};
    return rc;
}

static void close_reader(void *self)
{
    struct reader *r = self;

    if (!r)
        return;
    while (r->depth)
        pop(r);
    mem_free(r->levels);
    mem_free(r->root);
    mem_free(r->file);
    buf_clear(&r->docno);
    buf_clear(&r->title);
    buf_clear(&r->text);
    mem_free(r);
}

static int open_text(struct doc_source *out, const char *path, const struct corpus_options *opt,
                     struct err *err)
{
    int is_dir = file_is_dir(path), rc = 0;
    struct reader *r;
    char *copy, *top;

    if (!strcmp(path, "-"))
        return err_set(err, E_INVALID, "format text reads a file or a folder, not standard input");
    r = mem_zalloc(1, sizeof *r);
    copy = mem_strdup(path);
    if (!r || !copy) {
        mem_free(copy);
        rc = err_nomem(err);
        goto done;
    }
    r->opt = *opt;
    r->text.max = r->docno.max = r->title.max =
        4 * (size_t)FILE_MAX_BYTES; /* repairs triple a byte */
    if (!is_dir) {
        r->file = copy;
    } else {
        r->root = copy;
        top = mem_strdup("");
        rc = top ? push(r, top, err) : err_nomem(err);
    }
    if (!rc) {
        *out = (struct doc_source){.next = next, .close = close_reader, .self = r};
        r = NULL;
    }
done:
    close_reader(r);
    return rc;
}

static int accepts(const char *path)
{
    size_t n = strlen(path);

    if (!strcmp(path, "-") || (n > 3 && !strcmp(path + n - 3, ".gz")))
        return 0;
    return file_is_dir(path) || corpus_has_suffix(path, text_suffixes);
}

const struct corpus_format corpus_text = {
    .name = "text",
    .about = "A folder of text and Markdown files with all folders below it, or one such file; the "
             "path is the\n"
             "id; the first Markdown heading, else the file's name, is the title.  Invalid UTF-8 "
             "is repaired.\n"
             "Hidden files are passed over; so are binary files, which are counted.",
    .accepts = accepts,
    .open = open_text,
};
