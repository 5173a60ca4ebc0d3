/* queries.c -- the queries of a collection: a BEIR folder, JSONL, TSV or TREC topics, all in memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/lines.h"
#include "base/mem.h"
#include "corpora/formats.h"
#include "corpora/topics.h"

/* What query_list.memory points to. */
struct store {
    struct map qids; /* qid -> position; owns the ids */
    struct arena texts;
};

struct loader {
    struct query_list list;
    size_t cap;
    struct store *store;
    struct buf id; /* a query id that was a number */
    int kind; /* decided by the first line: its first character, '{', '<', or another; 0 before it */
    struct topics topics;
};

static int add(struct loader *l, const char *qid, const char *text, struct err *err)
{
    size_t n = l->list.n;
    char *copy;
    int rc = corpus_check_name(qid, "query's id", err);

    if (rc)
        return rc;
    if (map_find(&l->store->qids, qid, strlen(qid)))
        return err_set(err, E_FORMAT, "query '%s' comes twice", qid);
    copy = arena_dup(&l->store->texts, text, strlen(text));
    if (!copy || mem_reserve((void **)&l->list.queries, &l->cap, n + 1, sizeof *l->list.queries) ||
        !map_put(&l->store->qids, qid, strlen(qid)))
        return err_nomem(err);
    l->list.queries[n] = (struct query){.qid = l->store->qids.entries[n].key, .text = copy};
    l->list.n++;
    return 0;
}

static int add_json(struct loader *l, const char *line, size_t n, struct err *err)
{
    static const char *const id_names[] = {"_id", "id", "qid", "query_id", NULL};
    static const char *const text_names[] = {"text", "query", "question", NULL};
    const char *id_used, *text_used, *qid, *text;
    const struct json *v;
    struct json *j = NULL;
    int rc = corpus_parse_object(&j, line, n, err);

    if (rc)
        return rc;
    v = corpus_field(&id_used, j, id_names);
    rc = corpus_name_of(&qid, &l->id, v, id_used, err);
    if (!rc) {
        corpus_field(&text_used, j, text_names);
        rc = json_need_text(&text, j, text_used, err);
    }
    if (!rc)
        rc = add(l, qid, text, err);
    json_free(j);
    return rc;
}

static int is_header(const char *id, const char *text)
{
    static const char *const ids[] = {"_id", "id", "qid", "query_id", "query-id", NULL};
    static const char *const texts[] = {"text", "query", "question", NULL};

    for (int i = 0; ids[i]; i++)
        for (int t = 0; texts[t]; t++)
            if (!strcmp(id, ids[i]) && !strcmp(text, texts[t]))
                return 1;
    return 0;
}

static int add_tsv(struct loader *l, char *line, size_t n, struct err *err)
{
    int rc = corpus_check_text(line, n, err);
    char *tab;

    if (rc)
        return rc;
    tab = strchr(line, '\t');
    if (!tab)
        return err_set(err, E_FORMAT, "no tab, needed is id TAB text");
    *tab++ = '\0';
    if (strchr(tab, '\t'))
        return err_set(err, E_FORMAT, "more than one tab, needed is id TAB text");
    if (!l->list.n && is_header(line, tab))
        return 0;
    return add(l, line, tab, err);
}

static int add_topic(const char *qid, const char *text, void *payload, struct err *err)
{
    return add(payload, qid, text, err);
}

static int add_topic_line(struct loader *l, const char *line, size_t n, size_t number,
                          struct err *err)
{
    const char *nul = memchr(line, '\0', n);

    if (nul)
        return err_set(err, E_FORMAT, "NUL byte at byte %zu", (size_t)(nul - line) + 1);
    l->topics.add = add_topic;
    l->topics.payload = l;
    return topics_line(&l->topics, line, number, err);
}

static int load_lines(struct loader *l, struct lines *in, struct err *err)
{
    struct err why = {0};
    char *line;
    size_t n;
    int rc;

    while ((rc = lines_next(&line, &n, in, err)) == 1) {
        if (n == strlen(line) && !line[strspn(line, " \t")])
            continue;
        if (!l->kind)
            l->kind = line[strspn(line, " \t")];
        if (l->kind == '<')
            rc = add_topic_line(l, line, n, lines_number(in), &why);
        else
            rc = l->kind == '{' ? add_json(l, line, n, &why) : add_tsv(l, line, n, &why);
        if (rc) {
            corpus_at_line(&why, lines_name(in), lines_number(in));
            return err_set(err, rc, "%s", why.text);
        }
    }
    if (!rc && topics_end(&l->topics, &why)) {
        corpus_at_line(&why, lines_name(in), lines_number(in));
        rc = err_set(err, E_FORMAT, "%s", why.text);
    }
    return rc;
}

/* The file to read: path itself, or queries.jsonl[.gz] in it.  The caller's. */
static int find_queries(char **out, const char *path, struct err *err)
{
    int rc;

    if (!strcmp(path, "-") || !file_is_dir(path)) {
        *out = mem_strdup(path);
        return *out ? 0 : err_nomem(err);
    }
    rc = corpus_find_file(out, path, "queries.jsonl", err);
    if (!rc && !*out)
        rc =
            err_set(err, E_NOTFOUND, "'%s' holds neither queries.jsonl nor queries.jsonl.gz", path);
    return rc;
}

int queries_load(struct query_list *out, const char *path, struct err *err)
{
    struct loader l = {0};
    struct lines *in = NULL;
    char *file = NULL;
    int rc = find_queries(&file, path, err);

    if (rc)
        return rc;
    l.list.memory = l.store = mem_zalloc(1, sizeof *l.store);
    rc = l.store ? lines_open(&in, file, err) : err_nomem(err);
    if (!rc)
        rc = load_lines(&l, in, err);
    if (!rc) {
        *out = l.list;
        memset(&l.list, 0, sizeof l.list);
    }
    queries_clear(&l.list);
    buf_clear(&l.id);
    topics_clear(&l.topics);
    lines_close(in);
    mem_free(file);
    return rc;
}

void queries_clear(struct query_list *q)
{
    struct store *store = q ? q->memory : NULL;

    if (!q)
        return;
    if (store) {
        map_clear(&store->qids);
        arena_clear(&store->texts);
        mem_free(store);
    }
    mem_free(q->queries);
    memset(q, 0, sizeof *q);
}
