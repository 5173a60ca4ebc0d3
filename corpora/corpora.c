/* corpora.c -- the table of formats, and what they share: guessing, bad lines, names. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/corpora.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "corpora/formats.h"

enum { NAME_SHOWN = 200 }; /* bytes of a path in a message */

const struct corpus_format *const corpus_formats[] = {
    &corpus_beir, &corpus_jsonl, &corpus_tsv, &corpus_csv, &corpus_trec, &corpus_text, NULL,
};

static const struct corpus_format *find_format(const char *name)
{
    for (size_t i = 0; corpus_formats[i]; i++)
        if (!strcmp(corpus_formats[i]->name, name))
            return corpus_formats[i];
    return NULL;
}

static const struct corpus_format *guess_format(const char *path)
{
    for (size_t i = 0; corpus_formats[i]; i++)
        if (corpus_formats[i]->accepts(path))
            return corpus_formats[i];
    return NULL;
}

/* "beir, jsonl, tsv, csv, trec, text" */
static void list_names(char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; corpus_formats[i]; i++) {
        const char *name = corpus_formats[i]->name;

        if (n + strlen(name) + 3 > size)
            break;
        if (i) {
            memcpy(out + n, ", ", 2);
            n += 2;
        }
        memcpy(out + n, name, strlen(name));
        n += strlen(name);
    }
    out[n] = '\0';
}

const struct corpus_format *corpus_format_of(const char *path, const struct corpus_options *opt)
{
    return opt && opt->format ? find_format(opt->format) : guess_format(path);
}

int corpus_open(struct doc_source *out, const char *path, const struct corpus_options *opt,
                struct err *err)
{
    static const struct corpus_options defaults;
    const struct corpus_format *format;
    char names[128];

    list_names(names, sizeof names);
    if (!opt)
        opt = &defaults;
    if (strcmp(path, "-") && !file_exists(path))
        return err_set(err, E_NOTFOUND, "'%s' does not exist", path);
    if (opt->format) {
        format = find_format(opt->format);
        if (!format)
            return err_set(err, E_INVALID, "unknown corpus format '%s': choose one of %s",
                           opt->format, names);
    } else {
        format = guess_format(path);
        if (!format)
            return err_set(err, E_INVALID,
                           "cannot tell the format of '%s' by its name: give --format, one of %s",
                           path, names);
    }
    return format->open(out, path, opt, err);
}

int corpus_bad(const struct corpus_options *opt, const struct err *why, struct err *err)
{
    if (why->code != E_NOMEM && opt->n_bad)
        ++*opt->n_bad;
    if (!opt->skip_bad || why->code == E_NOMEM)
        return err_set(err, why->code, "%s", why->text);
    if (opt->on_bad)
        opt->on_bad(why->text, opt->payload);
    return 0;
}

void corpus_at_line(struct err *why, const char *name, size_t number)
{
    const size_t n = strlen(name), skipped = n > NAME_SHOWN ? utf8_floor(name, n - NAME_SHOWN) : 0;

    /* The end of a long path says more than its beginning, and the reason must have room. */
    if (why->code != E_NOMEM)
        err_wrap(why, "%s%s:%zu", skipped ? "..." : "", name + skipped, number);
}

int corpus_check_text(const char *text, size_t n, struct err *err)
{
    const char *nul = memchr(text, '\0', n);
    size_t good;

    if (nul)
        return err_set(err, E_FORMAT, "NUL byte at byte %zu", (size_t)(nul - text) + 1);
    good = utf8_check(text, n);
    if (good < n)
        return err_set(err, E_FORMAT, "invalid UTF-8 at byte %zu (0x%02x)", good + 1,
                       (unsigned)(unsigned char)text[good]);
    return 0;
}

int corpus_check_name(const char *name, const char *what, struct err *err)
{
    if (!*name)
        return err_set(err, E_FORMAT, "the %s is empty", what);
    for (const char *s = name; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return err_set(err, E_FORMAT, "the %s holds a control character (0x%02x)", what,
                           (unsigned)(unsigned char)*s);
    return 0;
}

static int ends_in(const char *s, size_t n, const char *suffix)
{
    size_t k = strlen(suffix);

    return n >= k && !memcmp(s + n - k, suffix, k);
}

int corpus_has_suffix(const char *path, const char *const *suffixes)
{
    size_t n = strlen(path);

    if (ends_in(path, n, ".gz"))
        n -= 3;
    for (; *suffixes; suffixes++)
        if (ends_in(path, n, *suffixes))
            return 1;
    return 0;
}

int corpus_find_file(char **out, const char *dir, const char *name, struct err *err)
{
    char *path = file_join(dir, name), *zipped;

    *out = NULL;
    if (!path)
        return err_nomem(err);
    if (file_exists(path)) {
        *out = path;
        return 0;
    }
    zipped = mem_printf("%s.gz", path);
    mem_free(path);
    if (!zipped)
        return err_nomem(err);
    if (file_exists(zipped))
        *out = zipped;
    else
        mem_free(zipped);
    return 0;
}
