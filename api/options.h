/* options.h -- a command's table of options: parsed, checked and explained from one place.
 *
 *     struct settings { int k; int json; };
 *     static const struct option_row rows[] = {
 *         {"hits", 'k', OPT_INT, offsetof(struct settings, k), "N", "hits wanted",
 *          .low = 1, .high = 1000, .number = 10},
 *         FLAG_ROW("json", 0, struct settings, json, "print JSON"),
 *         {0}};
 *
 * The help, the manual page and the parser read the same rows, so they cannot disagree.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_OPTIONS_H
#define API_OPTIONS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Values of an option that may be given more than once; borrowed from argv. */
struct texts {
    const char **items; /* [n] */
    size_t n, cap;
};

enum option_kind {
    OPT_FLAG,   /* int: 1 if given */
    OPT_TEXT,   /* const char * */
    OPT_CHOICE, /* const char *: one of choice(0), choice(1), ... */
    OPT_INT,    /* int in low..high */
    OPT_NUMBER, /* double in low..high */
    OPT_LIST,   /* struct texts */
};

/* One option.  A table ends with a zeroed row. */
struct option_row {
    const char *name; /* long name without "--"; "" if it has only a letter */
    char letter;      /* short name, or 0 */
    enum option_kind kind;
    size_t offset;                   /* of its value in the command's settings */
    const char *arg;                 /* what its value is called; NULL for a flag */
    const char *about;               /* one sentence, no capital, no period */
    const char *(*choice)(size_t i); /* OPT_CHOICE: the i-th allowed value, NULL beyond the last */
    double low, high;                /* OPT_INT and OPT_NUMBER */
    double number;                   /* default of OPT_INT and OPT_NUMBER */
    const char *text;                /* default of OPT_TEXT and OPT_CHOICE: as set and shown */
    const char *shown; /* shown as the default instead, where it depends on something */
};

#define FLAG_ROW(name_, letter_, type_, field_, about_)                                            \
    {                                                                                              \
        .name = name_, .letter = letter_, .kind = OPT_FLAG, .offset = offsetof(type_, field_),     \
        .about = about_                                                                            \
    }

/* Puts the defaults into settings (zeroed by the caller) and then what argv says.
 *
 * args, n_args   what is no option: argv is reordered so that args point into it.
 * argv           [argc], the command's name not included.
 * help           set to 1 by --help or -h, and then nothing else is checked.
 *
 * E_INVALID: one line that says what is wrong and what is allowed; E_NOMEM.
 * texts_free the lists of settings in any case (options_free).
 */
int options_parse(void *settings, char ***args, int *n_args, int *help,
                  const struct option_row *rows, int argc, char **argv, struct err *err);
void options_free(void *settings, const struct option_row *rows);

/* How an option is written: "-k, --hits N". */
void options_spell(struct buf *out, const struct option_row *row);

/* What it means, with range, choices and default: "hits wanted (1 to 1000; default 10)". */
void options_explain(struct buf *out, const struct option_row *row);

/* The name of names[0..) (NULL ends it) that is most like text, or NULL if none is close. */
const char *options_nearest(const char *text, const char *(*name)(size_t i));

#endif
