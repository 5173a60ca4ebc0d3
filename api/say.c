/* say.c -- what the commands say when something goes wrong, and how they notice Ctrl-C. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/cli.h"

/* ---- messages ---- */

static void say_va(const char *who, const char *fmt, va_list ap)
{
    char text[1024], line[2048];

    /* One write, so that lines of several processes do not mix; what files call things must not move the cursor. */
    vsnprintf(text, sizeof text, fmt, ap);
    err_line(line, sizeof line, text);
    fflush(stdout);
    fprintf(stderr, "fovea%s%s: %s\n", *who ? " " : "", who, line);
}

void say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say_va("", fmt, ap);
    va_end(ap);
}

int say_failed(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say_va("", fmt, ap);
    va_end(ap);
    return EXIT_FAILED;
}

int say_usage(const struct command *cmd, const char *fmt, ...)
{
    char text[900];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fflush(stdout);
    fprintf(stderr, "fovea %s: %s; see 'fovea help %s'\n", cmd->name, text, cmd->name);
    return EXIT_USAGE;
}

int say_err(const struct err *err)
{
    if (err->code == E_STOP && interrupted())
        return interrupt_code();
    return say_failed("%s", err->text);
}

int say_fovea(const fovea *ix)
{
    if (fovea_error_code(ix) == FOVEA_STOP && interrupted())
        return interrupt_code();
    return say_failed("%s", fovea_error(ix));
}

/* ---- notices ---- */

void notices_add(struct notices *all, const char *qid, const char *note)
{
    if (*note && !all->quiet && !all->n++)
        say("notice: query '%s': %s", qid, note);
}

void notices_end(const struct notices *all)
{
    if (all->n > 1)
        say("notice: %zu more quer%s with such notes, which --json tells", all->n - 1,
            all->n == 2 ? "y" : "ies");
    if (all->n_empty && !all->quiet)
        say("notice: %zu empty quer%s keep%s the order of the first stage: %s", all->n_empty,
            all->n_empty == 1 ? "y" : "ies", all->n_empty == 1 ? "s" : "", all->empty);
}

void notices_add_empty(struct notices *all, const char *qid)
{
    const size_t n = strlen(all->empty), room = sizeof all->empty - n;

    all->n_empty++;
    if (!n || room > strlen(qid) + strlen(", , ...") + 1)
        snprintf(all->empty + n, room, "%s%.140s", n ? ", " : "", qid);
    else if (n < 3 || strcmp(all->empty + n - 3, "...") != 0)
        snprintf(all->empty + n, room, "%s...", n ? ", " : "");
}

/* ---- interruption ---- */

/* The one global that changes: a signal handler can reach nothing else. */
static volatile sig_atomic_t interrupt_signal;

static void on_signal(int signal)
{
    static const char text[] = "\nfovea: stopping after this batch; press Ctrl-C again to stop at "
                               "once (what is committed is safe either way)\n";

    const int saved = errno;
    ssize_t n = 0;

    interrupt_signal = signal;
    if (signal == SIGINT && isatty(STDERR_FILENO))
        n = write(STDERR_FILENO, text, sizeof text - 1);
    (void)n;
    errno = saved;
}

void interrupt_watch(void)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};

    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
}

int interrupted(void) { return interrupt_signal != 0; }

int interrupt_code(void) { return interrupt_signal ? 128 + (int)interrupt_signal : 0; }

/* ---- indexes ---- */

int has_attention(const fovea_info *i) { return i->attention && strcmp(i->attention, "none") != 0; }
