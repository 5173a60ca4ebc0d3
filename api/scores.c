/* scores.c -- see scores.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/scores.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "corpora/corpora.h"

struct scores {
    struct measure *measures; /* [n] */
    size_t n, cap;
};

/* A measure that is there already is no second time: its name is a key of the JSON. */
static int add(struct scores *s, const char *name, struct err *err)
{
    struct measure m;
    int rc = measure_parse(&m, name, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->measures[i].name, m.name))
            return 0;
    if (mem_reserve((void **)&s->measures, &s->cap, s->n + 1, sizeof *s->measures))
        return err_nomem(err);
    s->measures[s->n++] = m;
    return 0;
}

static int is_number(const char *s) { return (*s >= '0' && *s <= '9') || *s == '.'; }

/* The length of the first item of a list: up to a comma outside parentheses. */
static size_t item_length(const char *list)
{
    size_t n = 0;

    for (int inside = 0; list[n] && (inside || list[n] != ','); n++)
        inside = list[n] == '(' || (inside && list[n] != ')');
    return n;
}

/* The length of a name up to its cut-off: 5 of "nDCG@10", 9 of "ndcg_cut.10", 11 of "RBP(p=0.9)@10". */
static size_t stem_length(const char *name, size_t n)
{
    int inside = 0; /* parentheses */

    for (size_t i = 0; i < n; i++)
        if (name[i] == '(' || name[i] == ')')
            inside = name[i] == '(';
        else if (!inside && strchr("@._", name[i]) && is_number(name + i + 1))
            return i + 1;
    return 0;
}

/* "AP", "AP,RR@10", or with further cut-offs as trec_eval takes them: "ndcg_cut.5,10". */
static int add_list(struct scores *s, const char *list, struct err *err)
{
    const char *stem = list;
    size_t n_stem = 0, n;
    char name[128];
    int rc = 0;

    for (const char *item = list; !rc; item += n + 1) {
        n = item_length(item);
        if (!n_stem || !is_number(item)) {
            stem = item;
            n_stem = stem_length(item, n);
            snprintf(name, sizeof name, "%.*s", (int)n, item);
        } else {
            snprintf(name, sizeof name, "%.*s%.*s", (int)n_stem, stem, (int)n, item);
        }
        rc = add(s, name, err);
        if (!item[n])
            break;
    }
    return rc;
}

int scores_parse(struct measure **out, size_t *n, const struct texts *given,
                 const char *const *defaults, struct err *err)
{
    struct scores s = {0};
    int rc = 0;

    for (size_t i = 0; i < given->n && !rc; i++)
        rc = add_list(&s, given->items[i], err);
    for (size_t i = 0; !given->n && defaults[i] && !rc; i++)
        rc = add(&s, defaults[i], err);
    if (rc) {
        mem_free(s.measures);
        return rc;
    }
    *out = s.measures;
    *n = s.n;
    return 0;
}

int scores_load_qrels(struct qrels *out, const char *path, const char *split, struct err *err)
{
    char *file = NULL;
    int rc;

    if (!file_is_dir(path))
        return qrels_load(out, path, err);
    rc = corpus_qrels_path(&file, path, split, err);
    if (!rc)
        rc = qrels_load(out, file, err);
    mem_free(file);
    return rc;
}
