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
#include "base/number.h"

static const struct measure_kind *const kinds[] = {
    &measure_ndcg,
    &measure_ap,
    &measure_gm_map,
    &measure_p,
    &measure_r,
    &measure_rr,
    &measure_rprec,
    &measure_bpref,
    &measure_gm_bpref,
    &measure_success,
    &measure_err,
    &measure_rbp,
    &measure_infap,
    &measure_judged,
    &measure_iprec,
    &measure_set_p,
    &measure_set_r,
    &measure_set_f,
    &measure_num_q,
    &measure_num_ret,
    &measure_num_rel,
    &measure_num_rel_ret,
    NULL,
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
    *out = number_read(text, &end);
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

static int has_rel(const struct measure_kind *k) { return !k->ignores_rel; }
static int has_p(const struct measure_kind *k) { return k->uses_p; }

static int read_rel(struct measure *m, const char *value)
{
    const char *end;

    m->has_rel = 1;
    return whole_number(&m->rel, &end, value, 0, INT_MAX) || *end ? -1 : 0;
}

static int read_p(struct measure *m, const char *value)
{
    return fraction(&m->p, value) || m->p >= 1 ? -1 : 0;
}

/* What may stand in parentheses. */
static const struct parameter {
    const char *name, *range;
    int (*is_of)(const struct measure_kind *k);
    int (*read)(struct measure *m, const char *value); /* 0 or -1 */
} parameters[] = {
    {"rel", "a whole number from 0", has_rel, read_rel},
    {"p", "a number from 0 up to, but not, 1", has_p, read_p},
};
enum { N_PARAMETERS = sizeof parameters / sizeof *parameters };

/* "rel=2" [n]; *seen has a bit for each parameter that was there before. */
static int set_parameter(struct measure *m, unsigned *seen, const char *item, size_t n,
                         const char *text, struct err *err)
{
    size_t n_name = strcspn(item, "="), i = 0;
    const struct parameter *p = parameters;
    char value[sizeof m->name];

    if (n_name >= n)
        return err_set(err, E_INVALID, "measure '%s': parameters are written (rel=2)", text);
    while (i < N_PARAMETERS && !same(p[i].name, item, n_name))
        i++;
    if (i == N_PARAMETERS || !p[i].is_of(m->kind))
        return err_set(err, E_INVALID, "measure '%s': %s has no parameter %.*s", text,
                       m->kind->names[0], (int)n_name, item);
    if (*seen & 1u << i)
        return err_set(err, E_INVALID, "measure '%s': %s is there twice", text, p[i].name);
    *seen |= 1u << i;
    memcpy(value, item + n_name + 1, n - n_name - 1);
    value[n - n_name - 1] = '\0';
    if (p[i].read(m, value))
        return err_set(err, E_INVALID, "measure '%s': %s is '%s': give %s", text, p[i].name, value,
                       p[i].range);
    return 0;
}

/* "(rel=2,p=0.9)" at *at, which moves behind it. */
static int set_parameters(struct measure *m, const char **at, const char *text, struct err *err)
{
    const char *s = *at;
    unsigned seen = 0;
    size_t n;
    int rc;

    do {
        s++;
        n = strcspn(s, ",)");
        rc = set_parameter(m, &seen, s, s[n] ? n : 0, text, err);
        s += n;
    } while (!rc && *s == ',');
    *at = s + 1;
    return rc;
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

/* The name without the blanks that may stand in it. */
static int copy_name(char *out, size_t size, const char *text, struct err *err)
{
    size_t n = 0;

    for (const char *s = text; *s; s++) {
        if (*s == ' ')
            continue;
        if (n + 1 == size)
            return err_set(err, E_INVALID, "measure '%.40s...' is too long", text);
        out[n++] = *s;
    }
    out[n] = '\0';
    return 0;
}

/* What follows the name in ir-measures' language: parameters and a cut-off. */
static int parse_rest(struct measure *m, int *is_cut, const char *rest, const char *text,
                      struct err *err)
{
    int rc = *rest == '(' ? set_parameters(m, &rest, text, err) : 0;

    if (rc)
        return rc;
    *is_cut = *rest == '@';
    if (*is_cut)
        return set_cutoff(m, rest + 1, text, err);
    if (*rest)
        return err_set(err, E_INVALID, "measure '%s': '%s' is too much", text, rest);
    return 0;
}

int measure_parse(struct measure *out, const char *text, struct err *err)
{
    struct measure m = {.rel = 1, .p = 0.8};
    int rc = copy_name(m.name, sizeof m.name, text, err), is_cut = 0;
    size_t base = strcspn(m.name, "(@"), at = 0;

    if (rc)
        return rc;
    m.kind = find_kind(m.name, base);
    if (m.kind && m.kind->trec_other && !strncmp(m.name, m.kind->trec_other, base))
        return err_set(err, E_INVALID, "measure '%s' of trec_eval is another one: write %s", text,
                       m.kind->trec_hint);
    if (m.kind) {
        rc = parse_rest(&m, &is_cut, m.name + base, text, err);
    } else {
        m.kind = find_trec(&at, m.name);
        if (!m.kind)
            return unknown(text, err);
        m.name[at] = '_';
        is_cut = 1;
        rc = set_cutoff(&m, m.name + at + 1, text, err);
    }
    if (rc)
        return rc;
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
