/* main.c -- the command `fovea`: finds the row of the subcommand, parses, runs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/cli.h"
#include "base/mem.h"

const struct command *const commands[] = {
    &cmd_index,   &cmd_attend, &cmd_search, &cmd_rerank, &cmd_heads, &cmd_eval,    &cmd_eval_beir,
    &cmd_compare, &cmd_info,   &cmd_check,  &cmd_model,  &cmd_help,  &cmd_version, NULL};

static const char *command_name(size_t i) { return commands[i] ? commands[i]->name : NULL; }

/* How many words of argv spell `name`; 0 if they do not. */
static int spells(const char *name, int argc, char **argv)
{
    int words = 0;

    while (words < argc) {
        size_t n = strlen(argv[words]);
        if (strncmp(name, argv[words], n) || (name[n] && name[n] != ' '))
            return 0;
        words++;
        if (!name[n])
            return words;
        name += n + 1;
    }
    return 0;
}

const struct command *command_find(int *n_words, int argc, char **argv)
{
    const struct command *best = NULL;

    *n_words = 0;
    for (const struct command *const *c = commands; *c; c++) {
        int n = spells((*c)->name, argc, argv);
        if (n > *n_words) {
            *n_words = n;
            best = *c;
        }
    }
    return best;
}

static int run_command(const struct command *cmd, int argc, char **argv)
{
    struct err err = {0};
    int n_args, help, rc;
    char **args;
    void *settings = mem_zalloc(1, cmd->settings_size);

    if (!settings)
        return say_failed("out of memory");
    rc = options_parse(settings, &args, &n_args, &help, cmd->options, argc, argv, &err);
    if (rc)
        rc = say_usage(cmd, "%s", err.text);
    else if (help)
        rc = help_print(cmd);
    else if (n_args < cmd->min_args)
        rc = say_usage(cmd, "something is missing: fovea %s %s", cmd->name, cmd->args);
    else if (cmd->max_args >= 0 && n_args > cmd->max_args)
        rc = say_usage(cmd, "'%s' is too much: fovea %s%s%s", args[cmd->max_args], cmd->name,
                       *cmd->args ? " " : "", cmd->args);
    else
        rc = cmd->run(settings, args, n_args);
    options_free(settings, cmd->options);
    mem_free(settings);
    return rc;
}

/* A full disk under standard output is an error; a reader who left is not. */
static int finish(int rc)
{
    const int failed = ferror(stdout);

    errno = 0;
    if (fflush(stdout) == 0 && !failed && fclose(stdout) == 0)
        return rc;
    /* The reason of a failure some writes ago is lost: ask for it again. */
    if (!errno && write(STDOUT_FILENO, "\n", 1) == 1)
        errno = 0;
    if (errno == EPIPE)
        return 128 + SIGPIPE;
    say("standard output: %s", errno ? strerror(errno) : "writing failed");
    return rc ? rc : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    static char help[] = "help", version[] = "version";
    const struct command *cmd;
    const char *near;
    int n;

    /* A file that may not grow is then an error with a line, not a death. */
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        help_print(NULL);
        return finish(EXIT_USAGE);
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        argv[1] = help;
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
        argv[1] = version;
    cmd = command_find(&n, argc - 1, argv + 1);
    if (cmd)
        return finish(run_command(cmd, argc - 1 - n, argv + 1 + n));
    near = options_nearest(argv[1], command_name);
    say("there is no command '%s'%s%s%s; 'fovea help' lists them", argv[1],
        near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
    return EXIT_USAGE;
}
