/* windows.c -- windows of candidates; see windows.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reranker/windows.h"

#include <math.h>

#include "base/mem.h"

/* Where the window that ends at `end` begins. */
static size_t window_begin(const struct windows *w, const size_t *order, size_t end)
{
    size_t begin = end, tokens = 0;

    while (begin && (!w->most || end - begin < w->most) &&
           tokens + w->lengths[order[begin - 1]] <= w->room)
        tokens += w->lengths[order[--begin]];
    return begin < end ? begin : end - 1;
}

/* Sorts order[n] by scores falling; equals stay as they are. */
static void sort_window(size_t *order, size_t n, const float *read)
{
    for (size_t i = 1; i < n; i++) {
        const size_t x = order[i];
        size_t k = i;

        for (; k && read[order[k - 1]] < read[x]; k--)
            order[k] = order[k - 1];
        order[k] = x;
    }
}

int windows_run(float *read, size_t n, const struct windows *w, struct buf *note, struct err *err)
{
    size_t *order = mem_alloc(n, sizeof *order), begin, end = n, windows = 0;
    int rc = order ? 0 : err_nomem(err);

    for (size_t i = 0; !rc && i < n; i++)
        order[i] = i;
    while (!rc) {
        begin = window_begin(w, order, end);
        rc = w->score(read, order + begin, end - begin, w->self, err);
        if (rc || (!begin && !windows))
            break; /* one was enough */
        sort_window(order + begin, end - begin, read);
        windows++;
        if (!begin)
            break;
        end = begin + (end - begin) / 2;
        if (end == begin || window_begin(w, order, end) == begin)
            end = begin; /* there is no room to carry one on */
    }
    for (size_t i = 0; !rc && windows && i < n; i++)
        read[order[i]] = isfinite(read[order[i]]) ? (float)(n - i) : -INFINITY;
    if (!rc && windows)
        buf_printf(note, "%s%zu candidates do not fit into one prompt: %zu windows",
                   note->len ? "; " : "", n, windows);
    mem_free(order);
    return rc;
}
