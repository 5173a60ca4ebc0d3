/* c_text.c -- a folder of text, Markdown, HTML and PDF files, or one such file: a document each.
 *
 * A document is called by its path from the folder's root, its bytes that are no UTF-8 as \xHH.  Its title is that of
 * the page, else the first heading of a Markdown file or page, else the file's name without its suffix.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "corpora/folder.h"
#include "corpora/formats.h"
#include "corpora/html.h"
#include "corpora/pdf.h"

enum { FILE_MAX_BYTES = 64 << 20, BINARY_HEAD = 512 };

static const char *const text_suffixes[] = {".txt", ".text", ".md", ".markdown", NULL};
static const char *const markdown_suffixes[] = {".md", ".markdown", NULL};
static const char *const html_suffixes[] = {".html", ".htm", ".xhtml", NULL};
static const char *const pdf_suffixes[] = {".pdf", NULL};

struct reader {
    struct corpus_options opt;
    struct folder files;
    struct buf docno, title, text; /* the document given last */
};

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

    if (r->title.len) /* the page had one */
        return;
    if (corpus_has_suffix(name, markdown_suffixes))
        heading = find_heading(&len, buf_text(&r->text));
    if (!heading) {
        heading = name;
        len = dot && dot != name ? (size_t)(dot - name) : strlen(name);
    }
    buf_add(&r->title, heading, len);
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

/* Does the path end so, in any case? */
static int is_kind(const char *path, const char *const *suffixes)
{
    const size_t n = strlen(path);

    for (; *suffixes; suffixes++) {
        const size_t k = strlen(*suffixes);

        if (n > k && !strcasecmp(path + n - k, *suffixes))
            return 1;
    }
    return 0;
}

static int is_claimed(const char *path)
{
    return corpus_has_suffix(path, text_suffixes) || is_kind(path, html_suffixes) ||
           is_kind(path, pdf_suffixes);
}

/* E_FORMAT if the bytes are no text. */
static int check_binary(const char *path, const char *data, size_t n, struct err *err)
{
    const char *nul = memchr(data, '\0', n);

    if (!nul)
        return 0;
    return err_set(err, E_FORMAT, "%s: not a text file (NUL byte at byte %zu)", path,
                   (size_t)(nul - data) + 1);
}

static int read_text(struct reader *r, const char *path, const char *data, size_t n,
                     struct err *err)
{
    const int has_mark = n >= 3 && !memcmp(data, "\xef\xbb\xbf", 3);
    int rc = check_binary(path, data, n, err);

    if (!rc)
        utf8_repair(&r->text, data + (has_mark ? 3 : 0), n - (has_mark ? 3 : 0));
    return rc;
}

/* A stray NUL does not make a page binary, but what begins with some is none; UTF-16 is full of them. */
static int read_page(struct reader *r, const char *path, const char *data, size_t n,
                     struct err *err)
{
    const int is_wide = n >= 2 && (!memcmp(data, "\xff\xfe", 2) || !memcmp(data, "\xfe\xff", 2));
    int rc = is_wide ? 0 : check_binary(path, data, n < BINARY_HEAD ? n : BINARY_HEAD, err);

    if (rc)
        return rc;
    rc = html_to_text(&r->text, &r->title, data, n, err);
    if (rc)
        err_wrap(err, "%s", path);
    return rc;
}

static int read_file(struct reader *r, const char *path, struct err *err)
{
    char *data = NULL;
    size_t n;
    int rc;

    if (is_kind(path, pdf_suffixes))
        return pdf_to_text(&r->text, &r->title, path, NULL, err);
    rc = file_read(&data, &n, path, FILE_MAX_BYTES, err);
    if (!rc)
        rc = is_kind(path, html_suffixes) ? read_page(r, path, data, n, err)
                                          : read_text(r, path, data, n, err);
    mem_free(data);
    return rc;
}

/* A file that is no text is an error if it claims to be one, by its suffix or because it was named
 * alone; other files may lie in the folder by right. */
static int pass_over(struct reader *r, const struct err *why, struct err *err)
{
    struct corpus_options opt = r->opt;

    if (why->code == E_FORMAT && r->files.is_folder && !is_claimed(r->files.path))
        opt.skip_bad = 1;
    return corpus_bad(&opt, why, err);
}

/* 1: r holds a document; 0: the file was passed over; negative: an error. */
static int read_document(struct reader *r, struct err *err)
{
    struct err why = {0};
    int rc;

    buf_reset(&r->docno);
    buf_reset(&r->title);
    buf_reset(&r->text);
    add_name(&r->docno, r->files.name);
    if (buf_error(&r->docno))
        return err_nomem(err);
    rc = corpus_check_name(buf_text(&r->docno), "file's name", &why);
    if (rc) {
        err_wrap(&why, "%s", r->files.path);
        return corpus_bad(&r->opt, &why, err);
    }
    rc = read_file(r, r->files.path, &why);
    if (rc)
        return pass_over(r, &why, err);
    make_title(r);
    return buf_error(&r->text) || buf_error(&r->title) ? err_nomem(err) : 1;
}

static int next(struct doc *doc, void *self, struct err *err)
{
    struct reader *r = self;
    int rc;

    do {
        rc = folder_next(&r->files, err);
        if (rc != 1)
            return rc;
        rc = read_document(r, err);
    } while (!rc);
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
    folder_close(&r->files);
    buf_clear(&r->docno);
    buf_clear(&r->title);
    buf_clear(&r->text);
    mem_free(r);
}

static int open_text(struct doc_source *out, const char *path, const struct corpus_options *opt,
                     struct err *err)
{
    struct reader *r;
    int rc;

    if (!strcmp(path, "-"))
        return err_set(err, E_INVALID, "format text reads a file or a folder, not standard input");
    r = mem_zalloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    r->opt = *opt;
    r->text.max = r->docno.max = r->title.max =
        4 * (size_t)FILE_MAX_BYTES; /* repairs triple a byte */
    rc = folder_open(&r->files, path, opt, err);
    if (rc)
        close_reader(r);
    else
        *out = (struct doc_source){.next = next, .close = close_reader, .self = r};
    return rc;
}

static int accepts(const char *path)
{
    size_t n = strlen(path);

    if (!strcmp(path, "-") || (n > 3 && !strcmp(path + n - 3, ".gz")))
        return 0;
    return file_is_dir(path) || is_claimed(path);
}

const struct corpus_format corpus_text = {
    .name = "text",
    .about =
        "A folder of text, Markdown, HTML and PDF files with all folders below it, or one such "
        "file; the path is\n"
        "the id; the page's title or first heading, else the file's name, is the title.  HTML "
        "becomes "
        "Markdown.\n"
        "PDF needs pdftotext (package poppler-utils).  Invalid UTF-8 is repaired.  "
        "Hidden files are passed\n"
        "over; so are binary files, which are counted.",
    .accepts = accepts,
    .open = open_text,
};
