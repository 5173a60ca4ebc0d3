/* progress.c -- see progress.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/cli.h"
#include "api/term.h"

double clock_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int has_terminal(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
}

void progress_begin(struct progress *p, const char *label, const char *unit, uint64_t total,
                    int quiet)
{
    *p = (struct progress){
        .label = label, .unit = unit, .total = total, .quiet = quiet, .terminal = has_terminal()};
    p->start = p->last = clock_now();
}

static void write_line(char *line, size_t size, const struct progress *p, double position,
                       double rate)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT];
    double left = (double)p->total - position;
    int n;

    n = snprintf(line, size, "%.60s%s%s", p->label ? p->label : "", p->label ? ": " : "",
                 show_count(a, (uint64_t)position));
    if (p->total)
        n += snprintf(line + n, size - (size_t)n, " of %s", show_count(a, p->total));
    n += snprintf(line + n, size - (size_t)n, " %s", p->unit);
    if (p->total && left >= 0)
        n += snprintf(line + n, size - (size_t)n, ", %.0f%%", 100 * position / (double)p->total);
    if (rate > 0)
        n += snprintf(line + n, size - (size_t)n, ", %s/s", show_rate(a, rate));
    if (rate > 0 && p->total && left >= 0)
        snprintf(line + n, size - (size_t)n, ", %s left", show_time(b, left / rate));
}

void progress_update(struct progress *p, double position, double before)
{
    const double now = clock_now(), elapsed = now - p->start;
    const double work = position - before;
    char line[256];

    if (p->quiet || now - p->last < (p->terminal ? 0.1 : 30) || elapsed < 0.5)
        return;
    p->last = now;
    write_line(line, sizeof line, p, position, work > 0 ? work / elapsed : 0);
    if (!p->terminal) {
        say("%s", line);
        return;
    }
    fprintf(stderr, "\r%.*s\033[K", term_width(stderr) - 1, line);
    p->shown = 1;
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = 0;
}
