/* cli.h -- what the commands of the program `fovea` share: their table, exit codes, messages. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_CLI_H
#define API_CLI_H

#include <stddef.h>

#include "api/fovea.h"
#include "api/options.h"
#include "base/err.h"

/* Exit codes; `fovea help exit-codes` explains them from the same table (cmd_help.c). */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,       /* data, files, memory */
    EXIT_USAGE = 2,        /* the command line makes no sense */
    EXIT_NONE = 3,         /* all went well, but nothing was found */
    EXIT_INTERRUPTED = 130 /* SIGINT; SIGTERM is 143 */
};

/* One row of the table of commands. */
struct command {
    const char *name;     /* "index", "eval beir" */
    const char *args;     /* "INDEX CORPUS..." */
    const char *about;    /* one line, no capital, no period */
    const char *details;  /* paragraphs, an empty line between them */
    const char *examples; /* lines: command, or "# remark" */
    const struct option_row *options;
    size_t settings_size; /* of the struct that the options fill */
    int min_args, max_args;
    /* Does it.  Returns an exit code, having said on standard error what went wrong. */
    int (*run)(void *settings, char **args, int n_args);
};

/* NULL-terminated, in the order of the help. */
extern const struct command *const commands[];

extern const struct command cmd_index, cmd_attend, cmd_search, cmd_rerank, cmd_heads, cmd_eval,
    cmd_eval_beir, cmd_compare, cmd_info, cmd_check, cmd_model, cmd_help, cmd_version;

/* Finds a command by the words of argv; *n_words is how many its name takes.  NULL if none. */
const struct command *command_find(int *n_words, int argc, char **argv);

/* "fovea: ..." on standard error.  say_failed returns EXIT_FAILED. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int say_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "fovea index: ...; see 'fovea help index'".  Returns EXIT_USAGE. */
int say_usage(const struct command *cmd, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Says what err or the handle holds.  Returns EXIT_FAILED, or the interrupt's code. */
int say_err(const struct err *err);
int say_fovea(const fovea *ix);

/* Notes on many queries: the first is said at once, how many more there were at the end; and which queries were empty, so that
 * re-ranking left them as they were. */
struct notices {
    size_t n, n_empty;
    int quiet;
    char empty[160]; /* the first of those, "q7, q12" */
};
void notices_add(struct notices *all, const char *qid, const char *note); /* "" is none */
void notices_add_empty(struct notices *all, const char *qid);
void notices_end(const struct notices *all);

/* Prints the help of a command to standard output. */
int help_print(const struct command *cmd);

/* 1 if an index is described that has attention keys, or is to get them; 0 before it is described, too. */
int has_attention(const fovea_info *i);

/* From the first SIGINT or SIGTERM on, interrupted() is true; a second one ends the program. */
void interrupt_watch(void);
int interrupted(void);
/* 128 + the signal, or 0. */
int interrupt_code(void);

#endif
