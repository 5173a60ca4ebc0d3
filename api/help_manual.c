/* help_manual.c -- writes the manual page in mdoc from the tables of commands and topics.
 *
 * The page in the repository (man/fovea.1) is this output; a test compares them, so the page
 * cannot say anything that the program does not.  Source: mdoc(7).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/cli.h"
#include "api/help.h"

enum { LINE = 78 }; /* mandoc warns above 80 */

/* One word of running text: backslashes and double hyphens would be read by the formatter. */
static void put_word(struct buf *out, const char *s, size_t n, int begins_line)
{
    if (begins_line && n && (*s == '.' || *s == '\''))
        buf_puts(out, "\\&");
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\')
            buf_puts(out, "\\e");
        else if (s[i] == '-' && (i == 0 || (i == 1 && s[0] == '-') || s[i - 1] == '('))
            buf_puts(out, "\\-");
        else
            buf_putc(out, s[i]);
    }
}

/* Whether a sentence begins at s[i], behind that many blanks. */
static int sentence_ends(const char *s, size_t i, size_t blanks)
{
    const char before = i > blanks ? s[i - blanks - 1] : ' ';

    return before == '.' && (blanks > 1 || (s[i] >= 'A' && s[i] <= 'Z'));
}

/* Running text of one paragraph: wrapped, and each sentence on a new line as mdoc wants. */
static void put_text(struct buf *out, const char *s, size_t n)
{
    size_t column = 0;

    for (size_t i = 0; i < n;) {
        size_t blanks = 0, len = 0;
        while (i + blanks < n && s[i + blanks] == ' ')
            blanks++;
        i += blanks;
        while (i + len < n && s[i + len] != ' ')
            len++;
        if (!len)
            break;
        if (column && (sentence_ends(s, i, blanks) || column + 1 + len > LINE)) {
            buf_putc(out, '\n');
            column = 0;
        }
        if (column) {
            buf_putc(out, ' ');
            column++;
        }
        put_word(out, s + i, len, !column);
        column += len;
        i += len;
    }
    if (column)
        buf_putc(out, '\n');
}

static void put_string(struct buf *out, const char *s) { put_text(out, s, strlen(s)); }

/* Paragraphs and two-column rows, as topics and details have them. */
static void put_paragraphs(struct buf *out, const char *s)
{
    const char *name, *about;
    int in_list = 0, wants_break = 0;
    size_t n_name, n;

    while (help_line(&name, &n_name, &about, &n, &s)) {
        if (name && !in_list)
            buf_puts(out, ".Bl -tag -width Ds\n");
        if (!name && in_list)
            buf_puts(out, ".El\n");
        if (n && !name && wants_break)
            buf_puts(out, ".Pp\n");
        in_list = name != NULL;
        wants_break = n == 0;
        if (name) {
            buf_puts(out, *name == '"' ? ".It \\&" : ".It "); /* a macro would eat the quote */
            put_word(out, name, n_name, 0);
            buf_putc(out, '\n');
        }
        put_text(out, about, n);
    }
    if (in_list)
        buf_puts(out, ".El\n");
}

/* "INDEX [CORPUS...]" as macros. */
static void put_arguments(struct buf *out, const char *s)
{
    while (*s) {
        const size_t n = strcspn(s, " ");
        size_t from = *s == '[', to = n;
        const int closes = n && s[n - 1] == ']',
                  many = n > 3 && !strncmp(s + n - 3 - closes, "...", 3);

        to -= (size_t)closes + (many ? 3 : 0);
        if (from)
            buf_puts(out, " Oo");
        if (to - from == 1 && s[from] == '|')
            buf_puts(out, " |");
        else
            buf_printf(out, " Ar %.*s", (int)(to - from), s + from);
        if (many)
            buf_puts(out, " ...");
        if (closes)
            buf_puts(out, " Oc");
        s += n + (s[n] == ' ');
    }
}

/* "about" as a sentence, with a capital and a period. */
static void put_sentence(struct buf *out, const char *about)
{
    struct buf text = {0};

    buf_printf(&text, "%s.", about);
    if (text.data && text.data[0] >= 'a' && text.data[0] <= 'z')
        text.data[0] = (char)(text.data[0] - 'a' + 'A');
    put_string(out, buf_text(&text));
    if (buf_error(&text))
        out->code = buf_error(&text);
    buf_clear(&text);
}

static void put_option(struct buf *out, const struct option_row *row)
{
    struct buf about = {0};

    buf_puts(out, ".It");
    if (row->letter)
        buf_printf(out, " Fl %c", row->letter);
    if (row->letter && *row->name)
        buf_puts(out, " ,");
    if (*row->name)
        buf_printf(out, " Fl \\-%s", row->name);
    if (row->arg)
        buf_printf(out, " Ar %s", row->arg);
    buf_putc(out, '\n');
    options_explain(&about, row);
    put_sentence(out, buf_text(&about));
    if (buf_error(&about))
        out->code = buf_error(&about);
    buf_clear(&about);
}

static void put_command(struct buf *out, const struct command *cmd)
{
    buf_printf(out, ".Ss fovea %s\n", cmd->name);
    buf_printf(out, "Usage:\n.Nm\n.Cm %s\n", cmd->name);
    if (*cmd->args) {
        struct buf args = {0};
        put_arguments(&args, cmd->args);
        /* A line cannot begin with a blank: take the first away and make it a macro. */
        buf_printf(out, ".%s\n", buf_text(&args) + 1);
        buf_clear(&args);
    }
    buf_puts(out, ".Pp\n");
    put_sentence(out, cmd->about);
    if (cmd->details) {
        buf_puts(out, ".Pp\n");
        put_paragraphs(out, cmd->details);
    }
    buf_puts(out, ".Bl -tag -width Ds\n");
    for (const struct option_row *r = cmd->options; r->name; r++)
        put_option(out, r);
    buf_puts(out, ".El\n");
}

static void put_topic(struct buf *out, const char *name, const char *heading)
{
    struct buf text = {0};

    for (const struct help_topic *t = help_topics; t->name; t++)
        if (!strcmp(t->name, name)) {
            buf_printf(out, "%s\n", heading);
            t->write(&text);
            put_paragraphs(out, buf_text(&text));
        }
    if (buf_error(&text))
        out->code = buf_error(&text);
    buf_clear(&text);
}

static void put_examples(struct buf *out)
{
    buf_puts(out, ".Sh EXAMPLES\n.Bd -literal\n");
    for (const struct command *const *c = commands; *c; c++)
        for (const char *s = (*c)->examples; s && *s;) {
            const size_t n = strcspn(s, "\n");
            put_word(out, s, n, 1);
            buf_putc(out, '\n');
            s += n + (s[n] == '\n');
        }
    buf_puts(out, ".Ed\n");
}

void help_manual(struct buf *out)
{
    buf_puts(out, ".\\\" Written by 'fovea help --man'; do not edit.\n"
                  ".\\\" SPDX-License-Identifier: Apache-2.0\n"
                  ".Dd November 22, 2026\n.Dt FOVEA 1\n.Os\n"
                  ".Sh NAME\n.Nm fovea\n"
                  ".Nd search collections of documents by words and by meaning\n"
                  ".Sh SYNOPSIS\n");
    for (const struct command *const *c = commands; *c; c++) {
        buf_printf(out, ".Nm\n.Cm %s\n.Op Ar options\n", (*c)->name);
        if (*(*c)->args) {
            struct buf args = {0};
            put_arguments(&args, (*c)->args);
            buf_printf(out, ".%s\n", buf_text(&args) + 1);
            buf_clear(&args);
        }
    }
    buf_puts(out, ".Sh DESCRIPTION\n");
    put_string(out, "fovea keeps documents in an index, which is one SQLite file, and searches it "
                    "by words (BM25), by meaning (vectors of a small language model), or by both.  "
                    "It also scores searches against judgements, to the digits of trec_eval.");
    buf_puts(out, ".Pp\n");
    put_string(out,
               "Results go to standard output, messages and progress to standard error.  Every "
               "command takes --help, and --json to print its result for programs.");
    for (const struct command *const *c = commands; *c; c++)
        put_command(out, *c);
    put_topic(out, "corpora", ".Ss Formats of collections");
    put_topic(out, "retrievers", ".Ss Systems that search");
    put_topic(out, "queries", ".Ss Queries");
    put_topic(out, "filters", ".Ss Filters");
    put_topic(out, "analyzers", ".Ss Analyzers");
    put_topic(out, "chunking", ".Ss Passages");
    put_topic(out, "fields", ".Ss Weighted fields");
    put_topic(out, "models", ".Ss Models");
    put_topic(out, "measures", ".Ss Measures");
    put_topic(out, "tests", ".Ss Tests of significance");
    put_topic(out, "environment", ".Sh ENVIRONMENT");
    put_topic(out, "exit-codes", ".Sh EXIT STATUS");
    put_examples(out);
}
