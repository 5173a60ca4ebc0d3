/* c_beir.c -- the folder layout of BEIR: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv, each maybe gzipped.
 *
 * Thakur et al., "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information
 * Retrieval Models", NeurIPS 2021 (datasets and benchmarks).  The documents are JSONL.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "corpora/formats.h"

/* By the names in the folder; allocates nothing, so that it cannot fail. */
static int accepts(const char *path)
{
    static const char *const names[] = {"corpus.jsonl", "corpus.jsonl.gz"};
    char file[PATH_MAX];

    if (!strcmp(path, "-"))
        return 0;
    for (int i = 0; i < 2; i++) {
        int n = snprintf(file, sizeof file, "%s/%s", path, names[i]);

        if (n > 0 && (size_t)n < sizeof file && file_exists(file))
            return 1;
    }
    return 0;
}

static int open_beir(struct doc_source *out, const char *path, const struct corpus_options *opt,
                     struct err *err)
{
    char *file = NULL;
    int rc;

    if (!strcmp(path, "-") || !file_is_dir(path))
        return err_set(err, E_INVALID, "'%s' is no folder: format beir reads FOLDER/corpus.jsonl",
                       path);
    rc = corpus_find_file(&file, path, "corpus.jsonl", err);
    if (rc)
        return rc;
    if (!file)
        return err_set(err, E_NOTFOUND, "'%s' holds neither corpus.jsonl nor corpus.jsonl.gz",
                       path);
    rc = corpus_open_jsonl(out, file, opt, err);
    mem_free(file);
    return rc;
}

/* "test, train" from the names in a folder of qrels; "none" if there is no split. */
static void list_splits(struct buf *out, char *const *names, size_t n)
{
    static const char *const suffixes[] = {".tsv", NULL};

    for (size_t i = 0; i < n; i++)
        if (corpus_has_suffix(names[i], suffixes)) {
            if (out->len)
                buf_puts(out, ", ");
            buf_add(out, names[i], (size_t)(strstr(names[i], ".tsv") - names[i]));
        }
    if (!out->len)
        buf_puts(out, "none");
}

static int no_split(const char *dir, const char *split, struct err *err)
{
    struct buf have = {0};
    char *folder = file_join(dir, "qrels"), **names = NULL;
    size_t n = 0;
    int rc;

    if (!folder)
        return err_nomem(err);
    rc = file_list(&names, &n, folder, err);
    if (rc)
        goto done;
    list_splits(&have, names, n);
    rc = buf_error(&have) ? err_nomem(err)
                          : err_set(err, E_NOTFOUND, "'%s' has no judgements '%s'; there are: %s",
                                    dir, split, buf_text(&have));
done:
    buf_clear(&have);
    mem_free(names);
    mem_free(folder);
    return rc;
}

int corpus_qrels_path(char **out, const char *dir, const char *split, struct err *err)
{
    char *name = mem_printf("qrels/%s.tsv", split), *path = NULL;
    int rc;

    if (!name)
        return err_nomem(err);
    rc = corpus_find_file(&path, dir, name, err);
    mem_free(name);
    if (rc)
        return rc;
    if (!path)
        return no_split(dir, split, err);
    *out = path;
    return 0;
}

const struct corpus_format corpus_beir = {
    .name = "beir",
    .about =
        "A folder in the layout of BEIR: corpus.jsonl (_id, title, text), queries.jsonl (_id, "
        "text),\n"
        "qrels/SPLIT.tsv (query-id, corpus-id, score); each may be gzipped.  Fields as in jsonl.",
    .accepts = accepts,
    .open = open_beir,
};
