/* candidate_list.c -- see candidate_list.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/candidate_list.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"

void candidate_list_reset(struct candidate_list *list)
{
    list->n = 0;
    arena_clear(&list->memory);
}

void candidate_list_clear(struct candidate_list *list)
{
    mem_free(list->items);
    arena_clear(&list->memory);
    *list = (struct candidate_list){0};
}

struct candidate *candidate_list_add(struct candidate_list *list)
{
    struct candidate *c;

    if (mem_reserve((void **)&list->items, &list->cap, list->n + 1, sizeof *list->items))
        return NULL;
    c = &list->items[list->n++];
    *c = (struct candidate){.text = {"", 0, "", 0}};
    return c;
}

static int is_float(double x) { return fabs(x) <= (double)FLT_MAX; }

void candidate_list_set_first(struct candidate_list *list, const struct run_line *lines, size_t n)
{
    double least = INFINITY, most = -INFINITY;

    for (size_t i = 0; i < n; i++)
        if (is_float(lines[i].score)) {
            least = fmin(least, lines[i].score);
            most = fmax(most, lines[i].score);
        }
    for (size_t i = 0; i < list->n; i++) {
        const double score = lines[list->items[i].at].score;

        list->items[i].first = least > most ? 0 : (float)fmin(fmax(score, least), most);
    }
}

/* Fisher and Yates, by splitmix64 (Steele, Lea, Flood, 2014). */
void candidate_list_shuffle(struct candidate_list *list, int seed, const char *qid)
{
    struct candidate *c = list->items;
    uint64_t x = hash_bytes(qid, strlen(qid)) ^ ((uint64_t)seed + 1) * 0x9e3779b97f4a7c15u;

    for (size_t i = list->n; i > 1; i--) {
        struct candidate swap = c[i - 1];
        size_t k;

        x += 0x9e3779b97f4a7c15u;
        uint64_t z = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        k = (size_t)((z ^ z >> 31) % i);
        c[i - 1] = c[k];
        c[k] = swap;
    }
}

int candidate_list_keep_best(struct candidate_list *list, size_t n_documents, struct err *err)
{
    char *seen = mem_zalloc(n_documents, 1);
    size_t n = 0;

    if (!seen)
        return err_nomem(err);
    for (size_t i = 0; i < list->n; i++)
        if (!seen[list->items[i].at]) {
            seen[list->items[i].at] = 1;
            list->items[n++] = list->items[i];
        }
    list->n = n;
    mem_free(seen);
    return 0;
}
