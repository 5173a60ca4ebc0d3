/* cmd_search.c -- `fovea search`: one query, a file of queries, or a conversation. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/cli.h"
#include "api/jout.h"
#include "api/knobs.h"
#include "api/progress.h"
#include "api/show.h"
#include "api/term.h"
#include "base/mem.h"
#include "corpora/corpora.h"
#include "indexer/index.h"
#include "retriever/retriever.h"

struct settings {
    int k, passages, explain, plain, json, quiet;
    const char *system, *run_tag, *queries, *precision, *where;
    struct knobs knobs;
    struct rerank_knobs rerank;
};

static const struct option_row rows[] = {
    {"", 'k', OPT_INT, offsetof(struct settings, k), "N", "hits wanted", .low = 1, .high = 1000000,
     .shown = "10; 1000 for a run"},
    {"system", 's', OPT_CHOICE, offsetof(struct settings, system), "S", "how to search",
     name_of_retriever, .shown = "hybrid if the index has a model, else bm25"},
    KNOB_ROWS(struct settings, knobs),
    RERANK_KNOB_ROWS(struct settings, rerank),
    {"where", 'w', OPT_TEXT, offsetof(struct settings, where), "EXPR",
     "search only documents that this holds for, such as \"year >= 2020 and source = 'x'\"; see "
     "'fovea help filters'",
     .text = NULL},
    FLAG_ROW(
        "plain", 0, struct settings, plain,
        "take quotes and * in a query as text; else \"...\" is a phrase and word* a beginning; see "
        "'fovea help queries'"),
    FLAG_ROW("passages", 0, struct settings, passages,
             "rank passages; else each document counts by its best passage"),
    FLAG_ROW("explain", 0, struct settings, explain,
             "show how each score comes about, and which words re-ranking attended to"),
    {"queries", 0, OPT_TEXT, offsetof(struct settings, queries), "FILE",
     "search for all queries of a BEIR folder, a .jsonl or a .tsv file (id, tab, text) or of TREC "
     "topics, and write a TREC run",
     .text = NULL},
    {"run", 0, OPT_TEXT, offsetof(struct settings, run_tag), "TAG",
     "write a TREC run with this name", .shown = "fovea-SYSTEM with --queries"},
    {"precision", 0, OPT_CHOICE, offsetof(struct settings, precision), "P", "how models compute",
     name_of_precision, .text = "i8"},
    FLAG_ROW("quiet", 'q', struct settings, quiet, "show no progress and no notices"),
    COMMON_ROWS(struct settings),
    {0}};

/* A search and how long it took. */
static int timed_search(fovea_hits **hits, double *seconds, fovea *ix, const char *query,
                        const fovea_search_options *opt)
{
    const double start = clock_now();
    int code;

    *seconds = 0;
    code = fovea_search(hits, ix, query, opt);
    if (code) {
        const int rc = say_fovea(ix);
        if (!opt->system && !opt->rerank && (code == FOVEA_NOTFOUND || code == FOVEA_INVALID))
            say("--system bm25 searches by words alone");
        return rc;
    }
    *seconds = clock_now() - start;
    return 0;
}

static int search_one(fovea *ix, const char *query, const fovea_search_options *opt,
                      const struct settings *s)
{
    struct jout j = {0};
    fovea_hits *hits;
    double seconds;
    int rc = timed_search(&hits, &seconds, ix, query, opt);

    if (rc)
        return rc;
    if (!s->quiet && *fovea_hits_note(hits))
        say("notice: %s", fovea_hits_note(hits));
    if (s->run_tag) {
        rc = show_run("1", hits, s->run_tag);
    } else if (s->json) {
        jout_open(&j, NULL, '{');
        show_json(&j, query, hits, seconds);
        jout_close(&j);
        rc = jout_print(&j) ? EXIT_FAILED : 0;
    } else {
        show_hits(hits, seconds);
    }
    if (!rc && !fovea_hits_count(hits)) {
        if (!s->json && !s->quiet)
            say("nothing found");
        rc = EXIT_NONE;
    }
    fovea_hits_free(hits);
    return rc;
}

/* ---- a file of queries ---- */

static int search_all(fovea *ix, const char *path, const fovea_search_options *opt,
                      const struct settings *s)
{
    struct query_list queries = {0};
    struct progress progress;
    struct err err = {0};
    fovea_hits *hits;
    double seconds;
    char tag[64];
    struct notices notices = {.quiet = s->quiet};
    int rc = 0;

    if (queries_load(&queries, path, &err))
        return say_err(&err);
    if (!queries.n) {
        say("'%s' holds no queries", path);
        rc = EXIT_NONE;
    }
    progress_begin(&progress, NULL, "queries", queries.n, s->quiet || isatty(STDOUT_FILENO));
    for (size_t i = 0; i < queries.n && !rc; i++) {
        rc = timed_search(&hits, &seconds, ix, queries.queries[i].text, opt);
        if (rc)
            break;
        if (opt->rerank && reranker_is_empty(queries.queries[i].text) && fovea_hits_count(hits))
            notices_add_empty(&notices, queries.queries[i].qid);
        else
            notices_add(&notices, queries.queries[i].qid, fovea_hits_note(hits));
        snprintf(tag, sizeof tag, "fovea-%s%s%s", fovea_hits_system(hits), opt->rerank ? "+" : "",
                 fovea_hits_reranker(hits));
        if (s->json) {
            struct jout j = {0};
            jout_open(&j, NULL, '{');
            jout_text(&j, "qid", queries.queries[i].qid);
            show_json(&j, queries.queries[i].text, hits, seconds);
            jout_close(&j);
            rc = jout_print(&j) ? EXIT_FAILED : 0;
        } else {
            rc = show_run(queries.queries[i].qid, hits, s->run_tag ? s->run_tag : tag);
        }
        fovea_hits_free(hits);
        progress_update(&progress, (double)i + 1, 0);
        if (ferror(stdout))
            break; /* main says so */
    }
    progress_end(&progress);
    notices_end(&notices);
    queries_clear(&queries);
    return rc;
}

/* ---- a conversation: one query a line ---- */

static const char conversation_help[] =
    "a line is a query; or\n"
    "  :k N           show N hits\n"
    "  :system NAME   how to search\n"
    "  :where EXPR    filter documents; :where alone: all\n"
    "  :rerank METHOD[:MODEL[:PROFILE]]\n"
    "                 re-rank the first hits; :rerank alone: no more\n"
    "  :plain         take quotes and * as text, or stop it\n"
    "  :explain       show how scores come about, or stop it\n"
    "  :quit          leave (also Ctrl-D)\n";

/* What options borrow from a conversation. */
struct said {
    char *where, *rerank;
};

/* A copy of a value in place of *kept; NULL for "". */
static int replace(char **kept, const char *value)
{
    char *copy = NULL;

    if (*value && !(copy = mem_strdup(value)))
        return say_failed("out of memory");
    mem_free(*kept);
    *kept = copy;
    return 0;
}

static void set_rerank(const char *value, struct said *said, fovea_search_options *opt)
{
    const struct rerank_knobs knobs = {.rerank = value, .first = -1};
    fovea_search_options check = *opt;
    struct err err = {0};

    if (*value && rerank_knobs_apply(&check, &knobs, &err))
        say("%s", err.text);
    else if (!replace(&said->rerank, value))
        opt->rerank = said->rerank;
}

/* Sets the filter; *said owns its text. */
static void set_filter(const char *where, struct said *said, fovea_search_options *opt)
{
    struct err err = {0};

    if (*where && filter_check(where, &err))
        say("%s; 'fovea help filters' explains", err.text);
    else if (!replace(&said->where, where))
        opt->where = said->where;
}

/* Obeys ":word value".  Returns 1 to leave. */
static int obey(char *line, struct said *said, fovea_search_options *opt)
{
    char *value = line + strcspn(line, " \t");

    if (*value)
        *value++ = '\0';
    value += strspn(value, " \t");
    if (!strcmp(line, ":quit") || !strcmp(line, ":q"))
        return 1;
    if (!strcmp(line, ":explain")) {
        opt->explain = !opt->explain;
    } else if (!strcmp(line, ":plain")) {
        opt->syntax = opt->syntax == FOVEA_PLAIN ? FOVEA_OPERATORS : FOVEA_PLAIN;
    } else if (!strcmp(line, ":k")) {
        const int k = atoi(value);
        if (k < 1 || k > 1000000)
            say("give :k a number from 1 to 1000000");
        else
            opt->k = k;
    } else if (!strcmp(line, ":system")) {
        const struct retriever *r = retriever_find(value);
        if (!r)
            say("there is no system '%s'; 'fovea help retrievers' lists them", value);
        else
            opt->system = r->name;
    } else if (!strcmp(line, ":where")) {
        set_filter(value, said, opt);
    } else if (!strcmp(line, ":rerank")) {
        set_rerank(value, said, opt);
    } else {
        fputs(conversation_help, stdout);
    }
    return 0;
}

static int converse(fovea *ix, fovea_search_options *opt, const struct settings *s)
{
    const int interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    size_t size = 0;
    struct said said = {0};
    char *line = NULL;
    int rc = 0, left = 0;

    if (interactive)
        printf("One query a line; :help for more.\n");
    while (!left) {
        if (interactive) {
            fputs("fovea> ", stdout);
            fflush(stdout);
        }
        ssize_t n = getline(&line, &size, stdin);
        if (n < 0)
            break;
        while (n > 0 && isspace((unsigned char)line[n - 1]))
            line[--n] = '\0';
        if (!n)
            continue;
        if (interactive && *line == ':') {
            left = obey(line, &said, opt);
            continue;
        }
        if (!interactive && !s->json && !s->run_tag) {
            fputs("# ", stdout);
            term_puts(stdout, line);
            putchar('\n');
        }
        /* What others committed meanwhile shows from query to query. */
        rc = fovea_refresh(ix) ? say_fovea(ix) : search_one(ix, line, opt, s);
        if (interactive || rc == EXIT_NONE)
            rc = 0; /* the next query may do better */
        if (rc || fflush(stdout))
            break;
    }
    if (interactive && !left)
        putchar('\n');
    free(line);
    mem_free(said.where);
    mem_free(said.rerank);
    return rc;
}

/* The words of a query that was given without quotes, with blanks between; free it. */
static char *join(char **words, int n)
{
    struct buf b = {0};

    for (int i = 0; i < n; i++)
        buf_printf(&b, "%s%s", i ? " " : "", words[i]);
    return buf_take(&b);
}

static int search(fovea *ix, char **words, int n_words, fovea_search_options *opt,
                  const struct settings *s)
{
    char *query;
    int rc;

    if (s->queries)
        return search_all(ix, s->queries, opt, s);
    if (!n_words)
        return converse(ix, opt, s);
    query = join(words, n_words);
    rc = query ? search_one(ix, query, opt, s) : say_failed("out of memory");
    mem_free(query);
    return rc;
}

static int run(void *settings, char **args, int n_args)
{
    struct settings *s = settings;
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_options open_opt = FOVEA_OPTIONS_INIT;
    const int makes_run = !s->json && (s->queries || s->run_tag);
    struct err err = {0};
    fovea *ix = NULL;
    int rc;

    if (s->where && filter_check(s->where, &err))
        return say_usage(&cmd_search, "--where: %s", err.text);
    if (knobs_apply(&opt, &s->knobs, &err) || rerank_knobs_apply(&opt, &s->rerank, &err))
        return say_usage(&cmd_search, "%s", err.text);
    if (s->queries && n_args > 1)
        return say_usage(&cmd_search, "give a QUERY or --queries, not both");
    if (s->json && s->run_tag)
        return say_usage(&cmd_search, "a run is not JSON: give --run or --json");
    if (makes_run && s->passages)
        return say_usage(&cmd_search, "a run ranks documents: leave --passages out");
    if (n_args == 2 && !args[1][strspn(args[1], " \t\n")])
        return say_usage(&cmd_search, "the QUERY is empty");
    opt.system = s->system;
    opt.k = s->k ? s->k : makes_run ? 1000 : 10;
    opt.by_passage = s->passages;
    opt.explain = s->explain;
    opt.where = s->where;
    opt.syntax = s->plain || makes_run || s->queries ? FOVEA_PLAIN : FOVEA_OPERATORS;
    opt.fields = makes_run ? FOVEA_DOCNOS : FOVEA_FULL;
    opt.snippet_bytes = 240;
    open_opt.precision = precision_value(s->precision);
    if (fovea_open(&ix, args[0], &open_opt))
        rc = say_fovea(ix);
    else
        rc = search(ix, args + 1, n_args - 1, &opt, s);
    fovea_close(ix);
    return rc;
}

const struct command cmd_search = {
    .name = "search",
    .args = "INDEX [QUERY...]",
    .about = "search an index by words, by meaning, or by both",
    .details =
        "Prints rank, score, name, title and the best part of each hit, best first.  Without "
        "QUERY it reads queries from standard input, one a line.\n\n"
        "A query may hold \"a phrase\" and beginnings of words*: 'fovea help queries'.  Those of "
        "--queries and for --run are plain text.\n\n"
        "Scores are comparable within one search only.  'fovea help retrievers' says what the "
        "systems do.\n\n"
        "With --json a search is one object; several queries give one object a line.  Offsets "
        "(passage, matches) count bytes of UTF-8.",
    .examples =
        "fovea search scifact.fovea \"does vitamin D prevent fractures?\"\n"
        "fovea search scifact.fovea \"vitamin D\" --system bm25 --explain -k 3\n"
        "fovea search notes.fovea '\"access denied\" config*'\n"
        "fovea search news.fovea \"bank failures\" --where \"year >= 2020 and source = 'bbc'\"\n"
        "fovea search scifact.fovea --queries corpora/data/scifact > hybrid.run\n"
        "fovea search scifact.fovea \"vitamin D and fractures\" --rerank stored --explain",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
