/* options.c -- parses a command line by a table of options; see options.h.
 *
 * getopt_long is not used because its messages cannot say the range of a number, the
 * allowed words, or the option that was probably meant.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- the nearest name ---- */

enum { NAME_MAX_LENGTH = 40 };

/* Edits (insert, delete, replace, swap neighbours) that make b from a, both shorter than
 * NAME_MAX_LENGTH.  Source: the "optimal string alignment" distance. */
static int edit_distance(const char *a, const char *b)
{
    int d[3][NAME_MAX_LENGTH + 1];
    const int n = (int)strlen(a), m = (int)strlen(b);

    for (int j = 0; j <= m; j++)
        d[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *row = d[i % 3], *above = d[(i + 2) % 3], *two_above = d[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                two_above[j - 2] + 1 < best)
                best = two_above[j - 2] + 1;
            row[j] = best;
        }
    }
    return d[n % 3][m];
}

/* Whether `text` could be meant for `name`: a beginning of it, or a few slips away. */
static int likeness(const char *text, const char *name)
{
    const size_t n = strlen(text);
    int d;

    if (n >= 2 && !strncmp(text, name, n))
        return 1;
    if (n >= NAME_MAX_LENGTH || strlen(name) >= NAME_MAX_LENGTH)
        return 100;
    d = edit_distance(text, name);
    return d <= 1 + (int)n / 4 ? d + 1 : 100;
}

const char *options_nearest(const char *text, const char *(*name)(size_t i))
{
    const char *best = NULL, *s;
    int best_d = 100;

    for (size_t i = 0; (s = name(i)); i++) {
        int d = likeness(text, s);
        if (d < best_d) {
            best_d = d;
            best = s;
        }
    }
    return best;
}

static int is_row(const struct option_row *r) { return r->name != NULL; }

static const char *nearest_row(const char *text, const struct option_row *rows)
{
    const char *best = likeness(text, "help") < 100 ? "help" : NULL;
    int best_d = best ? likeness(text, best) : 100;

    for (; is_row(rows); rows++) {
        int d = *rows->name ? likeness(text, rows->name) : 100;
        if (d < best_d) {
            best_d = d;
            best = rows->name;
        }
    }
    return best;
}

/* ---- one value ---- */

static void *field(void *settings, const struct option_row *row)
{
    return (char *)settings + row->offset;
}

static int not_a_choice(const struct option_row *row, const char *spelled, const char *value,
                        struct err *err)
{
    const char *near = options_nearest(value, row->choice), *s;
    struct buf list = {0};
    int rc;

    for (size_t i = 0; (s = row->choice(i)); i++)
        buf_printf(&list, "%s%s", i ? ", " : "", s);
    rc = err_set(err, E_INVALID, "%s is '%s'%s%s%s: use one of %s", spelled, value,
                 near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "",
                 buf_text(&list));
    buf_clear(&list);
    return rc;
}

static int set_number(void *at, const struct option_row *row, const char *spelled,
                      const char *value, struct err *err)
{
    const int whole = row->kind == OPT_INT;
    char *end;
    double x;

    errno = 0;
    x = strtod(value, &end);
    /* Hexadecimal, "inf" and the like are numbers to strtod but slips to a person. */
    if (end == value || *end || strspn(value, "+-.0123456789eE") != strlen(value) ||
        !(x >= row->low && x <= row->high) || (whole && x != floor(x)))
        return err_set(err, E_INVALID, "%s is '%s': give a %s from %.10g to %.10g", spelled, value,
                       whole ? "whole number" : "number", row->low, row->high);
    if (whole)
        *(int *)at = (int)x;
    else
        *(double *)at = x;
    return 0;
}

static int set_value(void *settings, const struct option_row *row, const char *spelled,
                     const char *value, struct err *err)
{
    void *at = field(settings, row);
    struct texts *list;
    const char *s;

    switch (row->kind) {
    case OPT_FLAG:
        *(int *)at = 1;
        return 0;
    case OPT_TEXT:
        *(const char **)at = value;
        return 0;
    case OPT_CHOICE:
        for (size_t i = 0; (s = row->choice(i)); i++)
            if (!strcmp(s, value)) {
                *(const char **)at = s;
                return 0;
            }
        return not_a_choice(row, spelled, value, err);
    case OPT_INT:
    case OPT_NUMBER:
        return set_number(at, row, spelled, value, err);
    case OPT_LIST:
        list = at;
        if (mem_reserve((void **)&list->items, &list->cap, list->n + 1, sizeof *list->items))
            return err_nomem(err);
        list->items[list->n++] = value;
        return 0;
    }
    return 0;
}

static void set_defaults(void *settings, const struct option_row *rows)
{
    for (; is_row(rows); rows++) {
        void *at = field(settings, rows);
        if (rows->kind == OPT_INT)
            *(int *)at = (int)rows->number;
        else if (rows->kind == OPT_NUMBER)
            *(double *)at = rows->number;
        else if (rows->kind == OPT_TEXT || rows->kind == OPT_CHOICE)
            *(const char **)at = rows->text;
    }
}

/* ---- the command line ---- */

struct parser {
    void *settings;
    const struct option_row *rows;
    int argc, at; /* at: the next word */
    char **argv;
    int *help;
    struct err *err;
};

/* The value of an option that stands in the next word. */
static int next_value(const char **value, struct parser *p, const struct option_row *row,
                      const char *spelled)
{
    if (p->at >= p->argc || !strncmp(p->argv[p->at], "--", 2))
        return err_set(p->err, E_INVALID, "%s needs a value: %s %s", spelled, spelled, row->arg);
    *value = p->argv[p->at++];
    return 0;
}

/* "--name", "--name=value", "--name value"; word is behind the dashes. */
static int parse_long(struct parser *p, const char *word)
{
    const size_t n = strcspn(word, "=");
    const struct option_row *row = p->rows;
    const char *value = word[n] ? word + n + 1 : NULL;
    char spelled[NAME_MAX_LENGTH + 3];
    int rc;

    snprintf(spelled, sizeof spelled, "--%.*s", (int)(n < NAME_MAX_LENGTH ? n : NAME_MAX_LENGTH),
             word);
    if (n == 4 && !strncmp(word, "help", 4)) {
        *p->help = 1;
        return 0;
    }
    while (is_row(row) && !(strlen(row->name) == n && n && !strncmp(row->name, word, n)))
        row++;
    if (!is_row(row)) {
        const char *near = nearest_row(spelled + 2, p->rows);
        return err_set(p->err, E_INVALID, "unknown option '%s'%s%s%s", spelled,
                       near ? "; did you mean '--" : "", near ? near : "", near ? "'?" : "");
    }
    if (row->kind == OPT_FLAG && value)
        return err_set(p->err, E_INVALID, "%s takes no value", spelled);
    if (row->kind != OPT_FLAG && !value && (rc = next_value(&value, p, row, spelled)))
        return rc;
    return set_value(p->settings, row, spelled, value, p->err);
}

/* "-k 10", "-k10", "-cq"; word is behind the dash. */
static int parse_short(struct parser *p, const char *word)
{
    for (; *word; word++) {
        const struct option_row *row = p->rows;
        const char spelled[3] = {'-', *word, '\0'};
        const char *value = word[1] ? word + 1 : NULL;
        int rc;

        if (*word == 'h') {
            *p->help = 1;
            return 0;
        }
        while (is_row(row) && row->letter != *word)
            row++;
        if (!is_row(row))
            return err_set(p->err, E_INVALID, "unknown option '%s'", spelled);
        if (row->kind != OPT_FLAG) {
            if (!value && (rc = next_value(&value, p, row, spelled)))
                return rc;
            return set_value(p->settings, row, spelled, value, p->err);
        }
        set_value(p->settings, row, spelled, NULL, p->err);
    }
    return 0;
}

int options_parse(void *settings, char ***args, int *n_args, int *help,
                  const struct option_row *rows, int argc, char **argv, struct err *err)
{
    struct parser p = {settings, rows, argc, 0, argv, help, err};
    int n = 0, rc = 0;

    *help = 0;
    set_defaults(settings, rows);
    while (!rc && !*help && p.at < argc) {
        char *word = argv[p.at++];
        if (!strcmp(word, "--"))
            break;
        if (word[0] == '-' && word[1] == '-')
            rc = parse_long(&p, word + 2);
        else if (word[0] == '-' && word[1])
            rc = parse_short(&p, word + 1);
        else
            argv[n++] = word; /* n < at: what is overwritten was read */
    }
    while (p.at < argc)
        argv[n++] = argv[p.at++];
    *args = argv;
    *n_args = n;
    return rc;
}

void options_free(void *settings, const struct option_row *rows)
{
    for (; is_row(rows); rows++)
        if (rows->kind == OPT_LIST)
            mem_free(((struct texts *)field(settings, rows))->items);
}

/* ---- what the help says ---- */

void options_spell(struct buf *out, const struct option_row *row)
{
    if (row->letter)
        buf_printf(out, "-%c", row->letter);
    if (row->letter && *row->name)
        buf_puts(out, ", ");
    if (*row->name)
        buf_printf(out, "--%s", row->name);
    if (row->arg)
        buf_printf(out, " %s", row->arg);
}

void options_explain(struct buf *out, const struct option_row *row)
{
    const char *sep = " (", *s;

    buf_puts(out, row->about);
    if (row->kind == OPT_CHOICE) {
        for (size_t i = 0; (s = row->choice(i)); i++)
            buf_printf(out, "%s%s", i ? ", " : sep, s);
        sep = "; ";
    }
    if (row->kind == OPT_INT || row->kind == OPT_NUMBER) {
        buf_printf(out, "%s%.10g to %.10g", sep, row->low, row->high);
        sep = "; ";
    }
    if (row->kind == OPT_LIST) {
        buf_printf(out, "%smay be given more than once", sep);
        sep = "; ";
    }
    if (row->shown || row->text)
        buf_printf(out, "%sdefault %s", sep, row->shown ? row->shown : row->text);
    else if (row->kind == OPT_INT || row->kind == OPT_NUMBER)
        buf_printf(out, "%sdefault %.10g", sep, row->number);
    if (sep[0] == ';' || row->shown || row->text)
        buf_putc(out, ')');
}
