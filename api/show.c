/* show.c -- see show.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/cli.h"
#include "api/term.h"
#include "base/mem.h"

/* ---- for people ---- */

enum { INDENT = 4 };

static void show_explain(const char *s, const struct style *style)
{
    fputs(style->faint, stdout);
    while (*s) {
        const size_t n = strcspn(s, "\n");
        printf("%*s%.*s\n", INDENT, "", (int)n, s);
        s += n + (s[n] == '\n');
    }
    fputs(style->plain, stdout);
}

static void show_snippet(const fovea_hit *hit, int width, const struct style *style)
{
    const int cut_begin = hit->snippet_begin > 0;
    const int cut_end = hit->snippet_begin + strlen(hit->snippet) < strlen(hit->text);
    static const char ellipsis[] = "\xe2\x80\xa6 ";
    const size_t shift = cut_begin ? sizeof ellipsis - 1 : 0;
    char *line = mem_printf("%s%s%s", cut_begin ? ellipsis : "", hit->snippet,
                            cut_end ? " \xe2\x80\xa6" : "");
    fovea_span *spans = mem_alloc(hit->n_matches, sizeof *spans);

    if (line && spans) {
        for (size_t i = 0; i < hit->n_matches; i++)
            spans[i] = (fovea_span){hit->matches[i].begin + shift, hit->matches[i].end + shift};
        term_wrap(stdout, line, spans, hit->n_matches, INDENT, width, "", style);
    } else {
        term_puts(stdout, hit->snippet);
        putchar('\n');
    }
    mem_free(spans);
    mem_free(line);
}

static void show_hit(const fovea_hit *hit, int width, const struct style *style)
{
    const size_t n = strlen(hit->title);
    const char *headings = hit->headings;

    if (n && !strncmp(headings, hit->title, n) &&
        (!headings[n] || !strncmp(headings + n, " > ", 3)))
        headings += headings[n] ? n + 3 : n; /* what the title says need not be said again */
    printf("%*d  %.4f  ", INDENT - 2, hit->rank, (double)hit->score);
    term_puts(stdout, hit->docno);
    putchar('\n');
    if (*hit->title)
        term_wrap(stdout, hit->title, hit->title_matches, hit->n_title_matches, INDENT, width,
                  style->strong, style);
    if (*headings)
        term_wrap(stdout, headings, NULL, 0, INDENT, width, style->faint, style);
    if (*hit->snippet)
        show_snippet(hit, width, style);
    if (hit->explain)
        show_explain(hit->explain, style);
}

void show_hits(const fovea_hits *hits, double seconds)
{
    const struct style style = term_style(stdout);
    const int width = term_width(stdout);
    const size_t n = fovea_hits_count(hits);
    char a[NUMBER_TEXT];

    for (size_t i = 0; i < n; i++)
        show_hit(fovea_hits_get(hits, i), width, &style);
    if (n && isatty(STDOUT_FILENO))
        printf("%s%zu hit%s by %s%s%s in %s%s\n", style.faint, n, n == 1 ? "" : "s",
               fovea_hits_system(hits), *fovea_hits_reranker(hits) ? ", re-ranked by " : "",
               fovea_hits_reranker(hits), show_time(a, seconds), style.plain);
}

/* ---- JSON ---- */

static void json_spans(struct jout *j, const char *key, const fovea_span *spans, size_t n)
{
    jout_open(j, key, '[');
    for (size_t i = 0; i < n; i++) {
        jout_open(j, NULL, '[');
        jout_count(j, NULL, spans[i].begin);
        jout_count(j, NULL, spans[i].end);
        jout_close(j);
    }
    jout_close(j);
}

static void json_hit(struct jout *j, const fovea_hit *hit)
{
    jout_open(j, NULL, '{');
    jout_int(j, "rank", hit->rank);
    jout_text(j, "docno", hit->docno);
    jout_float(j, "score", hit->score);
    jout_text(j, "title", hit->title);
    jout_text(j, "headings", hit->headings);
    jout_text(j, "text", hit->text);
    jout_open(j, "passage", '[');
    jout_count(j, NULL, hit->passage.begin);
    jout_count(j, NULL, hit->passage.end);
    jout_close(j);
    jout_text(j, "snippet", hit->snippet);
    jout_count(j, "snippet_begin", hit->snippet_begin);
    json_spans(j, "matches", hit->matches, hit->n_matches);
    json_spans(j, "title_matches", hit->title_matches, hit->n_title_matches);
    jout_open(j, "legs", '{');
    for (size_t i = 0; i < hit->n_legs; i++) {
        jout_open(j, hit->legs[i].name, '{');
        jout_int(j, "rank", hit->legs[i].rank);
        jout_float(j, "score", hit->legs[i].score);
        jout_float(j, "part", hit->legs[i].part);
        jout_close(j);
    }
    jout_close(j);
    if (hit->first_rank) {
        jout_int(j, "first_rank", hit->first_rank);
        jout_float(j, "first_score", hit->first_score);
        if (hit->cut)
            jout_bool(j, "cut", 1);
    }
    if (hit->meta)
        jout_raw(j, "meta", hit->meta);
    if (hit->explain)
        jout_text(j, "explain", hit->explain);
    jout_close(j);
}

void show_json(struct jout *j, const char *query, const fovea_hits *hits, double seconds)
{
    jout_text(j, "query", query);
    jout_text(j, "system", fovea_hits_system(hits));
    if (*fovea_hits_reranker(hits))
        jout_text(j, "reranker", fovea_hits_reranker(hits));
    if (*fovea_hits_note(hits))
        jout_text(j, "note", fovea_hits_note(hits));
    jout_number(j, "seconds", seconds);
    jout_open(j, "hits", '[');
    for (size_t i = 0; i < fovea_hits_count(hits); i++)
        json_hit(j, fovea_hits_get(hits, i));
    jout_close(j);
}

int show_reranked(const struct reranker *r, double seconds, const char *query,
                  const struct ranking *before, const struct ranking *after,
                  const struct candidate *c, size_t n)
{
    struct jout j = {0};

    jout_open(&j, NULL, '{');
    jout_text(&j, "qid", before->qid);
    jout_text(&j, "query", query);
    jout_text(&j, "reranker", reranker_method(r));
    if (!n)
        jout_text(&j, "note", "the query is empty: nothing is re-ranked");
    else if (*reranker_note(r))
        jout_text(&j, "note", reranker_note(r));
    jout_number(&j, "seconds", seconds);
    jout_open(&j, "hits", '[');
    for (size_t i = 0; i < after->n; i++) {
        const size_t from = i < n ? c[i].at : i;

        jout_open(&j, NULL, '{');
        jout_count(&j, "rank", i + 1);
        jout_text(&j, "docno", after->lines[i].docno);
        jout_number(&j, "score", after->lines[i].score);
        jout_count(&j, "first_rank", from + 1);
        jout_number(&j, "first_score", before->lines[from].score);
        if (i < n && c[i].read > -1e30f)
            jout_float(&j, "reading", c[i].read);
        if (i < n && c[i].cut)
            jout_bool(&j, "cut", 1);
        jout_close(&j);
    }
    jout_close(&j);
    jout_close(&j);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

/* ---- TREC ---- */

int show_run(const char *qid, const fovea_hits *hits, const char *tag)
{
    const size_t n = fovea_hits_count(hits);
    struct run_line *lines = mem_alloc(n, sizeof *lines);
    const struct ranking ranking = {.qid = qid, .lines = lines, .n = n, .cap = n};

    if (!lines)
        return say_failed("out of memory");
    for (size_t i = 0; i < n; i++) {
        const fovea_hit *hit = fovea_hits_get(hits, i);
        lines[i] = (struct run_line){hit->docno, (double)hit->score};
    }
    ranking_write(stdout, &ranking, tag);
    mem_free(lines);
    return 0;
}
