/* csv.c -- see csv.h.  A state machine that is fed line by line.
 *
 * Shafranovich, "Common Format and MIME Type for Comma-Separated Values (CSV) Files", RFC 4180.
 *
 * A quote that is opened and never closed makes one record of what were many.  So the lines behind
 * a bad record's first one are read again, as long as they are few.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/csv.h"

#include <string.h>

#include "base/mem.h"
#include "corpora/formats.h"

enum { RECORD_MAX_BYTES = 64 << 20, MAX_FIELDS = 4096, AGAIN_MAX_BYTES = 64 << 10 };

enum { FIELD_START, PLAIN, QUOTED, QUOTE_CLOSED };

int csv_open(struct csv *out, const char *path, struct err *err)
{
    memset(out, 0, sizeof *out);
    out->text.max = RECORD_MAX_BYTES;
    return lines_open(&out->in, path, err);
}

const char *csv_field(const struct csv *csv, size_t i) { return csv->text.data + csv->starts[i]; }

void csv_close(struct csv *csv)
{
    lines_close(csv->in);
    mem_free(csv->starts);
    buf_clear(&csv->text);
    buf_clear(&csv->again);
    buf_clear(&csv->seen);
    memset(csv, 0, sizeof *csv);
}

/* The line to be read next, from those to be read again or from the file. */
static int next_line(const char **line, size_t *n, struct csv *csv, struct err *err)
{
    char *own;
    int rc;

    if (csv->at < csv->again.len) {
        const char *s = csv->again.data + csv->at;

        *line = s;
        *n = (size_t)((const char *)memchr(s, '\n', csv->again.len - csv->at) - s);
        csv->at += *n + 1;
        csv->number++;
        return 1;
    }
    rc = lines_next(&own, n, csv->in, err);
    csv->is_bad = rc == E_LIMIT;
    if (rc == 1 || rc == E_LIMIT)
        csv->number = lines_number(csv->in);
    if (rc == 1)
        *line = own;
    return rc;
}

/* The character that the line has most of outside quotes; a comma if it has none. */
static char find_border(const char *line, size_t n)
{
    static const char borders[] = ",;\t|";
    size_t counts[sizeof borders] = {0}, best = 0;
    int quoted = 0;

    for (size_t i = 0; i < n; i++) {
        const char *b = line[i] ? strchr(borders, line[i]) : NULL;

        quoted ^= line[i] == '"';
        if (b && !quoted)
            counts[b - borders]++;
    }
    for (size_t i = 1; i < sizeof borders - 1; i++)
        if (counts[i] > counts[best])
            best = i;
    return borders[best];
}

static int begin_field(struct csv *csv, struct err *err)
{
    if (csv->n_fields == MAX_FIELDS)
        return err_set(err, E_FORMAT, "more than %d columns", MAX_FIELDS);
    if (mem_reserve((void **)&csv->starts, &csv->cap, csv->n_fields + 1, sizeof *csv->starts))
        return err_nomem(err);
    csv->starts[csv->n_fields++] = csv->text.len;
    csv->state = FIELD_START;
    return 0;
}

/* Appends up to the first c; returns what is behind it, or NULL if there is none in [s, end). */
static const char *copy_until(struct csv *csv, const char *s, const char *end, char c)
{
    const char *at = memchr(s, c, (size_t)(end - s));

    buf_add(&csv->text, s, (size_t)((at ? at : end) - s));
    return at ? at + 1 : NULL;
}

/* Feeds one line to the record.  After it, csv->state is QUOTED if the record goes on. */
static int feed(struct csv *csv, const char *line, size_t n, struct err *err)
{
    const char *s = line, *end = line + n;
    int rc = 0;

    if (csv->state == QUOTED)
        buf_putc(&csv->text, '\n');
    for (;;) {
        if (csv->state == FIELD_START) {
            csv->state = s < end && *s == '"' ? QUOTED : PLAIN;
            s += csv->state == QUOTED;
        }
        if (csv->state == QUOTED) {
            s = copy_until(csv, s, end, '"');
            if (!s)
                return 0;
            csv->state = QUOTE_CLOSED;
        }
        if (csv->state == QUOTE_CLOSED) {
            if (s < end && *s == '"') { /* doubled: the character itself */
                buf_putc(&csv->text, *s++);
                csv->state = QUOTED;
                continue;
            }
            if (s < end && *s != csv->border)
                return err_set(err, E_FORMAT,
                               "text behind a closing quote (column %zu): a quote inside quotes is "
                               "written twice",
                               csv->n_fields);
            s = s < end ? s + 1 : NULL;
        } else {
            s = copy_until(csv, s, end, csv->border);
        }
        buf_putc(&csv->text, '\0');
        if (!s)
            return 0;
        rc = begin_field(csv, err);
        if (rc)
            return rc;
    }
}

/* Puts the lines behind the bad record's first one back, before those that still wait. */
static int read_again(struct csv *csv)
{
    const char *first = csv->seen.len ? memchr(csv->seen.data, '\n', csv->seen.len) : NULL;
    struct buf lines = {0};

    if (!first || buf_error(&csv->seen))
        return 0;
    first++;
    buf_add(&lines, first, csv->seen.len - (size_t)(first - csv->seen.data));
    if (csv->at < csv->again.len)
        buf_add(&lines, csv->again.data + csv->at, csv->again.len - csv->at);
    if (buf_error(&lines))
        return E_NOMEM;
    buf_clear(&csv->again);
    csv->again = lines;
    csv->at = 0;
    csv->number = csv->line;
    return 0;
}

/* Remembers a line of a record of several.  Beyond the limit buf's sticky error forgets them all. */
static void remember(struct csv *csv, const char *line, size_t n)
{
    csv->seen.max = AGAIN_MAX_BYTES;
    buf_add(&csv->seen, line, n);
    buf_putc(&csv->seen, '\n');
}

/* One line of a record: its first one if `n_lines` is 0. */
static int add_line(struct csv *csv, const char *line, size_t n, size_t n_lines, struct err *err)
{
    int rc = corpus_check_text(line, n, err);

    if (n_lines)
        remember(csv, line, n);
    if (!rc)
        rc = feed(csv, line, n, err);
    if (!rc && buf_error(&csv->text))
        rc = buf_error(&csv->text) == E_NOMEM
                 ? err_nomem(err)
                 : err_set(err, E_LIMIT,
                           "a record of over %d MiB; is a quote opened and not closed?",
                           RECORD_MAX_BYTES >> 20);
    if (!rc && csv->state == QUOTED && !n_lines)
        remember(csv, line, n);
    return buf_error(&csv->seen) == E_NOMEM ? err_nomem(err) : rc;
}

/* The first line says what the border is.  1 if it says nothing else. */
static int learn_border(struct csv *csv, const char *line, size_t n)
{
    if (csv->border)
        return 0;
    if (n == 5 && !memcmp(line, "sep=", 4)) {
        csv->border = line[4];
        return 1;
    }
    csv->border = find_border(line, n);
    return 0;
}

static int begin_record(struct csv *csv, struct err *err)
{
    buf_reset(&csv->text);
    buf_reset(&csv->seen);
    csv->n_fields = 0;
    csv->is_bad = 0;
    return begin_field(csv, err);
}

int csv_next(struct csv *csv, struct err *err)
{
    struct err why = {0};
    const char *line;
    size_t n, n_lines = 0;
    int rc = begin_record(csv, &why);

    while (!rc && (rc = next_line(&line, &n, csv, &why)) == 1) {
        if (!n_lines)
            csv->line = csv->number;
        if (!n_lines && (!n || learn_border(csv, line, n))) {
            rc = 0;
            continue;
        }
        rc = add_line(csv, line, n, n_lines++, &why);
        if (!rc && csv->state != QUOTED)
            return 1;
        if (rc) {
            csv->is_bad = rc != E_NOMEM;
            corpus_at_line(&why, lines_name(csv->in), csv->number);
        }
    }
    if (!rc && !n_lines)
        return 0;
    if (!rc) {
        csv->is_bad = 1;
        rc = err_set(&why, E_FORMAT, "a quote is opened and not closed");
        corpus_at_line(&why, lines_name(csv->in), csv->line);
    }
    if (csv->is_bad && read_again(csv)) {
        csv->is_bad = 0;
        return err_nomem(err);
    }
    return err_set(err, rc, "%s", why.text);
}
