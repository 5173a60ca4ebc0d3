/* pdf.c -- see pdf.h.  The program writes a little HTML: <title>, then the bare text between <pre> and </pre>. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/pdf.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "corpora/sgml.h"

enum {
    SECONDS = 60,
    OUTPUT_BYTES = 64 << 20,
    MESSAGE_BYTES = 64 << 10,
    TITLE_BYTES = 200,
    END_STEPS = 2000
};

static const rlim_t memory_bytes = (rlim_t)2 << 30;

extern char **environ;

/* A run of the program. */
struct run {
    pid_t pid;         /* 0: it does not run */
    int out, said;     /* its standard output and error; -1 when they have ended */
    struct buf output; /* what it wrote */
    struct buf message;
};

/* Starts it with its output at the given ends of pipes. */
static int spawn(struct run *run, const char *path, int out, int said)
{
    char *argv[] = {(char *)"pdftotext",
                    (char *)"-htmlmeta",
                    (char *)"-enc",
                    (char *)"UTF-8",
                    (char *)"-eol",
                    (char *)"unix",
                    NULL,
                    (char *)"-",
                    NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, defaults;
    char *file = mem_printf(*path == '-' ? "./%s" : "%s", path); /* or it would be an option */
    int rc;

    if (!file)
        return ENOMEM;
    argv[6] = file;
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, said, 2);
    /* A group of its own: Ctrl-C is for us to answer, and not a reason to call the file bad. */
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    rc = posix_spawnp(&run->pid, "pdftotext", &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    mem_free(file);
    if (rc)
        run->pid = 0;
    return rc;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int start(struct run *run, const char *path, int seconds, struct err *err)
{
    struct rlimit cpu = {(rlim_t)seconds, (rlim_t)seconds + 1},
                  memory = {memory_bytes, memory_bytes};
    int out[2] = {-1, -1}, said[2] = {-1, -1}, rc;

    if (pipe2(out, O_CLOEXEC) || pipe2(said, O_CLOEXEC))
        rc = errno;
    else
        rc = spawn(run, path, out[1], said[1]);
    close_end(&out[1]);
    close_end(&said[1]);
    run->out = out[0];
    run->said = said[0];
    if (rc == ENOMEM)
        return err_nomem(err);
    if (rc == ENOENT)
        return err_set(err, E_NOTFOUND, "%s: a PDF file needs pdftotext (package poppler-utils)",
                       path);
    if (rc)
        return err_set(err, E_IO, "%s: cannot run pdftotext: %s", path, strerror(rc));
    prlimit(run->pid, RLIMIT_CPU, &cpu, NULL); /* for the case that we are killed meanwhile */
    prlimit(run->pid, RLIMIT_AS, &memory, NULL);
    return 0;
}

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes what is there of one pipe.  Beyond the buffer's limit it is read and forgotten. */
static void take(int *fd, struct buf *to)
{
    char step[16 << 10];
    ssize_t n = read(*fd, step, sizeof step);

    if (n > 0)
        buf_add(to, step, (size_t)n);
    else if (!n || errno != EINTR)
        close_end(fd);
}

/* Reads until both pipes have ended. */
static int read_pipes(struct run *run, const char *path, int seconds, struct err *err)
{
    const long long end = now_ms() + seconds * 1000LL;

    while (run->out >= 0 || run->said >= 0) {
        struct pollfd fds[2] = {{.fd = run->out, .events = POLLIN},
                                {.fd = run->said, .events = POLLIN}};
        const long long left = end - now_ms();

        if (left <= 0)
            return err_set(err, E_LIMIT, "%s: pdftotext was stopped after %d s", path, seconds);
        if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
            return err_set(err, E_IO, "%s: cannot read from pdftotext: %s", path, strerror(errno));
        if (fds[0].revents)
            take(&run->out, &run->output);
        if (fds[1].revents)
            take(&run->said, &run->message);
        if (buf_error(&run->output) == E_LIMIT)
            return err_set(err, E_LIMIT, "%s: its text is over %zu MiB", path,
                           run->output.max >> 20);
        if (buf_error(&run->output))
            return err_nomem(err);
    }
    return 0;
}

/* Waits for its end, which a signal brings about: at once if `is_over` is 0, else if it has closed its output
 * but does not end.  Returns the wait status. */
static int finish(struct run *run, int is_over)
{
    static const struct timespec step = {.tv_nsec = 1000 * 1000};
    int status = 0;

    close_end(&run->out);
    close_end(&run->said);
    if (!run->pid)
        return 0;
    for (int i = 0; is_over && i < END_STEPS; i++) {
        if (waitpid(run->pid, &status, WNOHANG)) { /* also if it is not ours to wait for */
            run->pid = 0;
            return status;
        }
        nanosleep(&step, NULL);
    }
    kill(run->pid, SIGKILL);
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
        ;
    run->pid = 0;
    return status;
}

/* What it said of a file that it could not read: its first error, else its first line. */
static int refuse(const struct run *run, const char *path, int status, struct err *err)
{
    const char *text = buf_text(&run->message), *line = strstr(text, "Error");

    if (WIFSIGNALED(status))
        return err_set(err, E_FORMAT, "%s: pdftotext died of signal %d", path, WTERMSIG(status));
    while (line && line > text && line[-1] != '\n')
        line--;
    if (!line)
        line = text;
    if (!*line)
        return err_set(err, E_FORMAT, "%s: pdftotext gave up with exit code %d", path,
                       WEXITSTATUS(status));
    return err_set(err, E_FORMAT, "%s: %.*s", path, (int)strcspn(line, "\n"), line);
}

/* One line of a page, without the white space at its ends. */
struct line {
    const char *s;
    size_t n;
};

static int next_line(struct line *out, const char **s, const char *end)
{
    const char *nl;

    if (*s >= end)
        return 0;
    nl = memchr(*s, '\n', (size_t)(end - *s));
    out->s = *s;
    out->n = (size_t)((nl ? nl : end) - *s);
    *s = nl ? nl + 1 : end;
    while (out->n && strchr(" \t\r", out->s[out->n - 1]))
        out->n--;
    return 1;
}

static int is_page_number(const struct line *l)
{
    return l->n && l->n <= 5 && strspn(l->s, "0123456789") >= l->n;
}

static int is_bullet(const struct line *l)
{
    static const char *const signs[] = {"\u2022", "\u25cf", "\u25e6", "\u25aa", "\u25a0"};

    const char *text = l->s + strspn(l->s, " \t");
    const size_t n = text < l->s + l->n ? (size_t)(l->s + l->n - text) : 0;

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (n == strlen(signs[i]) && !memcmp(text, signs[i], n))
            return 1;
    return 0;
}

/* Appends a page.  A bullet stands on a line of its own, an empty line before its text. */
static void add_page(struct buf *out, const char *page, const char *end, size_t start)
{
    int newlines = out->len > start ? 2 : 0, bullet = 0;
    struct line line;

    while (next_line(&line, &page, end)) {
        const char *rest = page + strspn(page, " \t\r\n");

        if (is_page_number(&line) && rest >= end)
            break;
        if (is_bullet(&line)) {
            bullet = 1;
            continue;
        }
        if (!line.n) {
            newlines = newlines ? 2 : 0;
            continue;
        }
        if (out->len > start)
            buf_add(out, "\n\n", bullet ? 1 : (size_t)newlines);
        if (bullet)
            buf_puts(out, "- ");
        for (size_t i = 0; i < line.n; i++)
            if ((unsigned char)line.s[i] >= ' ' || line.s[i] == '\t')
                buf_putc(out, line.s[i]);
        newlines = 1;
        bullet = 0;
    }
}

/* The title that the file gives itself; programs write their own name in front of it. */
static void add_title(struct buf *out, const char *html)
{
    static const char word[] = "Microsoft Word - ";
    const char *s = strstr(html, "<title>"), *end = s ? strstr(s, "</title>") : NULL;
    const size_t from = out->len;

    if (!end)
        return;
    s += strlen("<title>");
    s += strncmp(s, word, sizeof word - 1) ? 0 : sizeof word - 1;
    sgml_unescape(out, s, (size_t)(end - s));
    sgml_one_line(out, from);
}

/* Takes title and text out of what the program wrote.  Its text is as it is, so its end is the last </pre>. */
static int take_text(struct buf *text, struct buf *title, const char *html, size_t n)
{
    static const char begin[] = "<pre>\n", close[] = "</pre>";
    const char *s = strstr(html, begin), *end = html + n;
    const size_t start = text->len, title_at = title->len;

    while (end > html && strncmp(end, close, sizeof close - 1))
        end--;
    if (!s || end <= s)
        return -1;
    add_title(title, html);
    s += sizeof begin - 1;
    while (s < end) {
        const char *feed = memchr(s, '\f', (size_t)(end - s));

        add_page(text, s, feed ? feed : end, start);
        s = feed ? feed + 1 : end;
    }
    if (title->len == title_at && text->len > start) {
        const char *first = text->data + start;
        const size_t len = strcspn(first, "\n");

        if (len <= TITLE_BYTES)
            buf_add(title, first, len);
    }
    return 0;
}

/* The output as valid UTF-8 without NULs. */
static int clean(struct buf *out, const struct buf *raw)
{
    utf8_repair(out, buf_text(raw), raw->len);
    for (size_t i = 0; i < out->len; i++)
        if (!out->data[i])
            out->data[i] = ' ';
    return buf_error(out);
}

int pdf_to_text(struct buf *text, struct buf *title, const char *path,
                const struct pdf_limits *limits, struct err *err)
{
    static const struct pdf_limits defaults = {SECONDS, OUTPUT_BYTES};
    struct run run = {.out = -1, .said = -1};
    struct buf html = {0};
    int rc, status;

    limits = limits ? limits : &defaults;
    run.output.max = limits->bytes;
    run.message.max = MESSAGE_BYTES;
    rc = start(&run, path, limits->seconds, err);
    if (!rc)
        rc = read_pipes(&run, path, limits->seconds, err);
    status = finish(&run, !rc);
    if (!rc && status)
        rc = refuse(&run, path, status, err);
    if (!rc && clean(&html, &run.output))
        rc = err_nomem(err);
    if (!rc && take_text(text, title, buf_text(&html), html.len))
        rc = err_set(err, E_FORMAT, "%s: pdftotext wrote no text", path);
    if (!rc && (buf_error(text) || buf_error(title)))
        rc = err_nomem(err);
    buf_clear(&html);
    buf_clear(&run.output);
    buf_clear(&run.message);
    return rc;
}
