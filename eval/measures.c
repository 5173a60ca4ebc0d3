/* measures.c -- the table of measures, and their names in two languages.
 *
 * ir-measures writes NAME(rel=2)@10, trec_eval NAME_10 with other names; both lead to a row of
 * the table and its parameters.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"

static const struct measure_kind *const kinds[] = {
    &measure_ndcg,   &measure_ap,      &measure_gm_map,  &measure_p,           &measure_r,
    &measure_rr,     &measure_rprec,   &measure_bpref,   &measure_gm_bpref,    &measure_success,
    &measure_judged, &measure_iprec,   &measure_set_p,   &measure_set_r,       &measure_set_f,
    &measure_num_q,  &measure_num_ret, &measure_num_rel, &measure_num_rel_ret, NULL,
};

enum { CUTOFF_MAX = 1000000000 };

static int same(const char *name, const char *text, size_t n)
{
    return name && strlen(name) == n && !strncasecmp(name, text, n);
}

static const struct measure_kind *find_kind(const char *name, size_t n)
{
    for (size_t i = 0; kinds[i]; i++) {
        for (int a = 0; a < 3 && kinds[i]->names[a]; a++)
            if (same(kinds[i]->names[a], name, n))
                return kinds[i];
        if (same(kinds[i]->trec, name, n) || same(kinds[i]->trec_cut, name, n))
            return kinds[i];
    }
    return NULL;
}

/* The row whose trec_eval name is followed by "_VALUE" or ".VALUE" in text; *at is where. */
static const struct measure_kind *find_trec(size_t *at, const char *text)
{
    for (size_t i = 0; kinds[i]; i++) {
        size_t n = kinds[i]->trec_cut ? strlen(kinds[i]->trec_cut) : 0;

        if (n && !strncasecmp(kinds[i]->trec_cut, text, n) && (text[n] == '_' || text[n] == '.')) {
            *at = n;
            return kinds[i];
        }
    }
    return NULL;
}

/* A whole number lo..hi at the start of text; *end is behind it.  0 or -1. */
static int whole_number(int *out, const char **end, const char *text, long lo, long hi)
{
    size_t digits = strspn(text, "0123456789");
    long x;

    if (!digits || digits > 10)
        return -1;
    x = strtol(text, NULL, 10);
    if (x < lo || x > hi)
        return -1;
    *out = (int)x;
    *end = text + digits;
    return 0;
}

/* A decimal fraction 0..1 that is all of text. */
static int fraction(double *out, const char *text)
{
    char *end;

    if (!*text || text[strspn(text, "0123456789.")])
        return -1;
    *out = strtod(text, &end);
    return *end || *out < 0 || *out > 1 ? -1 : 0;
}

static int set_cutoff(struct measure *m, const char *value, const char *text, struct err *err)
{
    const char *end;

    if (m->kind->cutoff == CUTOFF_NONE)
        return err_set(err, E_INVALID, "measure '%s': %s takes no cut-off", text,
                       m->kind->names[0]);
    if (m->kind->cutoff == CUTOFF_RECALL) {
        if (fraction(&m->recall, value))
            return err_set(err, E_INVALID, "measure '%s': recall '%s' is not in 0..1", text, value);
        return 0;
    }
    if (whole_number(&m->cutoff, &end, value, 1, CUTOFF_MAX) || *end)
        return err_set(err, E_INVALID, "measure '%s': cut-off '%s' is not in 1..%d", text, value,
                       CUTOFF_MAX);
    return 0;
}

/* "(rel=2)" at *at, which moves behind it. */
static int set_rel(struct measure *m, const char **at, const char *text, struct err *err)
{
    const char *s = *at;

    if (strncmp(s, "(rel=", 5) || whole_number(&m->rel, &s, s + 5, 0, INT_MAX) || *s != ')')
        return err_set(err, E_INVALID, "measure '%s': parameters are written (rel=2)", text);
    if (m->kind->ignores_rel)
        return err_set(err, E_INVALID, "measure '%s': %s has no parameter rel", text,
                       m->kind->names[0]);
    m->has_rel = 1;
    *at = s + 1;
    return 0;
}

static void list_names(struct buf *out)
{
    static const char *const suffix[] = {[CUTOFF_NONE] = "",
                                         [CUTOFF_OPTIONAL] = "[@k]",
                                         [CUTOFF_NEEDED] = "@k",
                                         [CUTOFF_RECALL] = "@0.1"};

    for (size_t i = 0; kinds[i]; i++)
        buf_printf(out, "%s%s%s", i ? ", " : "", kinds[i]->names[0], suffix[kinds[i]->cutoff]);
}

static int unknown(const char *text, struct err *err)
{
    struct buf names = {0};
    int rc;

    list_names(&names);
    rc = buf_error(&names) ? err_nomem(err)
                           : err_set(err, E_INVALID, "unknown measure '%s': known are %s", text,
                                     buf_text(&names));
    buf_clear(&names);
    return rc;
}

int measure_parse(struct measure *out, const char *text, struct err *err)
{
    size_t base = strcspn(text, "(@"), at = 0;
    struct measure m = {.kind = find_kind(text, base), .rel = 1};
    const char *rest = text + base;
    int rc, is_cut = 0;

    if (strlen(text) >= sizeof m.name)
        return err_set(err, E_INVALID, "measure '%.40s...' is too long", text);
    strcpy(m.name, text);
    if (!m.kind) {
        m.kind = find_trec(&at, text);
        if (!m.kind)
            return unknown(text, err);
        m.name[at] = '_';
        is_cut = 1;
        rc = set_cutoff(&m, text + at + 1, text, err);
        if (rc)
            return rc;
        rest = "";
    }
    if (*rest == '(') {
        rc = set_rel(&m, &rest, text, err);
        if (rc)
            return rc;
    }
    if (*rest == '@') {
        is_cut = 1;
        rc = set_cutoff(&m, rest + 1, text, err);
        if (rc)
            return rc;
    } else if (*rest) {
        return err_set(err, E_INVALID, "measure '%s': '%s' is too much", text, rest);
    }
    if (!is_cut && m.kind->cutoff >= CUTOFF_NEEDED)
        return err_set(err, E_INVALID, "measure '%s' needs a cut-off: %s@%s", text,
                       m.kind->names[0], m.kind->cutoff == CUTOFF_RECALL ? "0.1" : "10");
    *out = m;
    return 0;
}

int measure_is_count(const struct measure *m) { return m->kind->is_count; }

int measure_is_per_query(const struct measure *m)
{
    return m->kind != &measure_num_q && m->kind->average != AVERAGE_GEOMETRIC;
}

/* "nDCG, nDCG@k (trec_eval: ndcg, ndcg_cut_k)" */
static void list_kind(struct buf *out, const struct measure_kind *k)
{
    const char *cut = k->cutoff == CUTOFF_RECALL ? "0.1" : "k";
    const char *name = k->names[0], * or = "";

    if (k->cutoff < CUTOFF_NEEDED)
        buf_puts(out, name);
    if (k->cutoff == CUTOFF_OPTIONAL)
        buf_puts(out, ", ");
    if (k->cutoff != CUTOFF_NONE)
        buf_printf(out, "%s@%s", name, cut);
    if (k->trec || k->trec_cut) {
        buf_puts(out, "  (trec_eval: ");
        if (k->trec) {
            buf_puts(out, k->trec);
            or = ", ";
        }
        if (k->trec_cut)
            buf_printf(out, "%s%s_%s", or, k->trec_cut, cut);
        buf_putc(out, ')');
    }
    buf_putc(out, '\n');
}

char *measure_list(void)
{
    struct buf out = {0};

    for (size_t i = 0; kinds[i]; i++) {
        list_kind(&out, kinds[i]);
        buf_puts(&out, "    ");
        for (const char *s = kinds[i]->about; *s; s++)
            if (*s == '\n')
                buf_puts(&out, "\n    ");
            else
                buf_putc(&out, *s);
        buf_putc(&out, '\n');
    }
    return buf_take(&out);
}
