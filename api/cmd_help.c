/* cmd_help.c -- `fovea help`: the overview, a command, a topic, or the manual page. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "api/cli.h"
#include "api/help.h"
#include "api/jout.h"
#include "api/knobs.h"
#include "api/term.h"

struct settings {
    int man, json;
};

static const struct option_row rows[] = {
    FLAG_ROW("man", 0, struct settings, man, "print the manual page (mdoc)"),
    COMMON_ROWS(struct settings),
    {0}};

enum { OPTION_INDENT = 10, ROW_NAME = 14 };

static const struct style no_style = {"", "", "", ""};

/* One line of a help text: a wrapped paragraph, or a row whose name stands in a column of its
 * own, above the rest where it is too long for that. */
static void print_line(const char *name, size_t n_name, const char *about, size_t n_about,
                       int column)
{
    const int width = term_width(stdout);
    char text[2048];

    snprintf(text, sizeof text, "%.*s", (int)n_about, about);
    if (!name && !n_about) {
        putchar('\n');
    } else if (!name) {
        term_wrap(stdout, text, NULL, 0, 0, width, "", &no_style);
    } else if ((int)n_name + 4 <= column) {
        printf("  %-*.*s", column - 2, (int)n_name, name);
        term_wrap_on(stdout, text, column, width);
    } else {
        printf("  %.*s\n", (int)n_name, name);
        term_wrap(stdout, text, NULL, 0, OPTION_INDENT, width, "", &no_style);
    }
}

static void print_text(const char *text)
{
    const char *name, *about, *s = text;
    size_t n_name, n_about, widest = 0;

    while (help_line(&name, &n_name, &about, &n_about, &s))
        if (n_name <= ROW_NAME && n_name > widest)
            widest = n_name;
    while (help_line(&name, &n_name, &about, &n_about, &text))
        print_line(name, n_name, about, n_about, (int)widest + 4);
}

static void print_options(const struct command *cmd)
{
    static const struct option_row help =
        FLAG_ROW("help", 'h', struct settings, json, "print this");
    const struct option_row *r = cmd->options;
    struct buf b = {0};

    printf("\noptions:\n");
    for (;; r++) {
        const struct option_row *row = r->name ? r : &help;
        buf_reset(&b);
        options_spell(&b, row);
        printf("  %s%s\n", row->letter ? "" : "    ", buf_text(&b));
        buf_reset(&b);
        options_explain(&b, row);
        term_wrap(stdout, buf_text(&b), NULL, 0, OPTION_INDENT, term_width(stdout), "", &no_style);
        if (row == &help)
            break;
    }
    buf_clear(&b);
}

static void print_overview(void)
{
    printf("fovea %s searches collections of documents by words and by meaning\n\n"
           "usage: fovea COMMAND ...\n\ncommands:\n",
           fovea_version());
    for (const struct command *const *c = commands; *c; c++)
        printf("  %-11s  %s\n", (*c)->name, (*c)->about);
    printf("\ntopics:\n");
    for (const struct help_topic *t = help_topics; t->name; t++)
        printf("  %-11s  %s\n", t->name, t->about);
    printf("\n'fovea help COMMAND' and 'fovea help TOPIC' tell more.  To begin:\n\n"
           "  fovea index my.fovea FOLDER\n"
           "  fovea search my.fovea \"what I look for\"\n");
}

int help_print(const struct command *cmd)
{
    if (!cmd) {
        print_overview();
        return 0;
    }
    printf("fovea %s: %s\n\nusage: fovea %s %s\n", cmd->name, cmd->about, cmd->name, cmd->args);
    if (cmd->details) {
        putchar('\n');
        print_text(cmd->details);
    }
    print_options(cmd);
    if (cmd->examples) {
        printf("\nexamples:\n");
        for (const char *s = cmd->examples; *s;) {
            const size_t n = strcspn(s, "\n");
            printf("  %.*s\n", (int)n, s);
            s += n + (s[n] == '\n');
        }
    }
    return 0;
}

/* The commands and topics for programs. */
static int print_json(void)
{
    struct jout j = {0};
    struct buf b = {0};

    jout_open(&j, NULL, '{');
    jout_text(&j, "version", fovea_version());
    jout_open(&j, "commands", '[');
    for (const struct command *const *c = commands; *c; c++) {
        jout_open(&j, NULL, '{');
        jout_text(&j, "name", (*c)->name);
        jout_text(&j, "arguments", (*c)->args);
        jout_text(&j, "about", (*c)->about);
        jout_open(&j, "options", '[');
        for (const struct option_row *r = (*c)->options; r->name; r++) {
            jout_open(&j, NULL, '{');
            buf_reset(&b);
            options_spell(&b, r);
            jout_text(&j, "option", buf_text(&b));
            buf_reset(&b);
            options_explain(&b, r);
            jout_text(&j, "about", buf_text(&b));
            jout_close(&j);
        }
        jout_close(&j);
        jout_close(&j);
    }
    jout_close(&j);
    jout_open(&j, "topics", '[');
    for (const struct help_topic *t = help_topics; t->name; t++)
        jout_text(&j, NULL, t->name);
    jout_close(&j);
    jout_close(&j);
    buf_clear(&b);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

/* Names of commands, then of topics. */
static const char *any_name(size_t i)
{
    size_t n = 0;

    for (; commands[n]; n++)
        if (n == i)
            return commands[i]->name;
    for (const struct help_topic *t = help_topics; t->name; t++)
        if (n++ == i)
            return t->name;
    return NULL;
}

static int print_topic(const char *name)
{
    struct buf b = {0};

    for (const struct help_topic *t = help_topics; t->name; t++)
        if (!strcmp(t->name, name)) {
            t->write(&b);
            print_text(buf_text(&b));
            buf_clear(&b);
            return 0;
        }
    const char *near = options_nearest(name, any_name);
    return say_usage(&cmd_help, "there is no command or topic '%s'%s%s%s", name,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int print_manual(void)
{
    struct buf b = {0};
    int rc = 0;

    help_manual(&b);
    if (buf_error(&b))
        rc = say_failed("out of memory");
    else
        fwrite(b.data, 1, b.len, stdout);
    buf_clear(&b);
    return rc;
}

static int run(void *settings, char **args, int n_args)
{
    const struct settings *s = settings;
    const struct command *cmd;
    int n;

    if (s->man)
        return print_manual();
    if (s->json)
        return print_json();
    if (!n_args)
        return help_print(NULL);
    cmd = command_find(&n, n_args, args);
    return cmd && n == n_args ? help_print(cmd) : print_topic(args[n_args - 1]);
}

const struct command cmd_help = {
    .name = "help",
    .args = "[COMMAND | TOPIC]",
    .about = "explain a command or a topic",
    .examples = "fovea help index\nfovea help measures\nfovea help --man | man -l -",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 0,
    .max_args = 2,
    .run = run,
};
