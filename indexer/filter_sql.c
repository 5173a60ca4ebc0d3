/* filter_sql.c -- a filter's tree as SQL over the table of documents.
 *
 * What tests mean:
 *
 * - docno and title are the document's own; every other field is one of the JSON object `meta`, looked for in it and
 *   then in its member "metadata", where BEIR's collections keep theirs.
 * - The value decides how it is compared.  With a number: as numbers; a string counts if the whole of it is
 *   a number in decimal.  With a text: as text, byte by byte; numbers and true, false count as they are written.
 * - A list has every property that one of its elements has: tags = 'x' holds if x is among the tags.
 * - What is not there, null, an object, or of no fitting kind has no property at all: the test is false.  There is no
 *   "unknown": != and the tests with "not" hold exactly where those without it do not.
 *
 * So that the last one is true in SQL, each test is an EXISTS, or ends with IS TRUE or IS NOT TRUE.
 * SQLite orders all numbers before all texts, and a comparison with CAST(... AS NUMERIC) converts texts that are numbers and
 * leaves others alone: what is not more than infinity is a number.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/filter.h"

#include <string.h>

/* ---- parameters ---- */

/* Writes ?n for a value. */
static int put_param(struct filter_sql *q, struct filter_value v, struct err *err)
{
    if (mem_reserve((void **)&q->params, &q->cap, q->n + 1, sizeof *q->params))
        return err_nomem(err);
    q->params[q->n++] = v;
    buf_printf(&q->text, "?%zu", q->n);
    return 0;
}

static int put_text(struct filter_sql *q, const char *text, struct err *err)
{
    return put_param(q, (struct filter_value){.type = FILTER_TEXT, .text = text}, err);
}

void filter_bind(struct stmt *s, const struct filter_sql *sql)
{
    for (size_t i = 0; i < sql->n; i++) {
        const struct filter_value *v = &sql->params[i];

        if (v->type == FILTER_TEXT)
            stmt_bind_text(s, (int)i + 1, v->text);
        else if (v->type == FILTER_REAL)
            stmt_bind_real(s, (int)i + 1, v->real);
        else
            stmt_bind_int(s, (int)i + 1, v->integer);
    }
}

void filter_sql_clear(struct filter_sql *sql)
{
    buf_clear(&sql->text);
    mem_free(sql->params);
    memset(sql, 0, sizeof *sql);
}

/* ---- a test of one value ---- */

/* Where a value comes from: SQL for it, and for its kind in the words of json_type; kind NULL: a text column. */
struct source {
    const char *value, *kind;
};

/* The value as a number, or NULL. */
static void put_as_number(struct buf *out, const struct source *s)
{
    if (s->kind)
        buf_printf(out, "CASE WHEN %s IN ('integer','real','text') AND ", s->kind);
    else
        buf_puts(out, "CASE WHEN ");
    buf_printf(out, "%s<=CAST(9e999 AS NUMERIC) THEN %s+0 END", s->value, s->value);
}

/* The value as a text, or NULL. */
static void put_as_text(struct buf *out, const struct source *s)
{
    if (!s->kind)
        buf_puts(out, s->value);
    else
        buf_printf(out,
                   "CASE %s WHEN 'text' THEN %s WHEN 'integer' THEN CAST(%s AS TEXT) "
                   "WHEN 'real' THEN CAST(%s AS TEXT) WHEN 'true' THEN 'true' "
                   "WHEN 'false' THEN 'false' END",
                   s->kind, s->value, s->value, s->value);
}

static void put_as(struct buf *out, const struct source *s, enum filter_type type)
{
    buf_putc(out, '(');
    if (type == FILTER_TEXT || type == FILTER_BOOL)
        put_as_text(out, s);
    else
        put_as_number(out, s);
    buf_putc(out, ')');
}

enum group { NUMBERS, TEXTS, BOOLS, N_GROUPS };

static enum group group_of(const struct filter_value *v)
{
    return v->type == FILTER_TEXT ? TEXTS : v->type == FILTER_BOOL ? BOOLS : NUMBERS;
}

/* x IN (...) for the values of one group.  Writes nothing if there are none. */
static int put_group(struct filter_sql *q, const struct source *s, const struct filter_node *t,
                     enum group group, int *n_groups, struct err *err)
{
    int n = 0, rc = 0;

    for (struct filter_value *v = t->values; v && !rc; v = v->next) {
        if (group_of(v) != group)
            continue;
        if (!n++) {
            buf_puts(&q->text, (*n_groups)++ ? " OR " : "");
            if (group == BOOLS)
                buf_puts(&q->text, s->kind ? s->kind : "NULL");
            else
                put_as(&q->text, s, v->type);
            buf_puts(&q->text, " IN (");
        } else {
            buf_putc(&q->text, ',');
        }
        rc = group == BOOLS ? put_text(q, v->integer ? "true" : "false", err)
                            : put_param(q, *v, err);
    }
    if (n)
        buf_putc(&q->text, ')');
    return rc;
}

static int put_condition(struct filter_sql *q, const struct source *s, const struct filter_node *t,
                         struct err *err)
{
    static const char *const signs[] = {
        [FILTER_LESS] = "<",      [FILTER_AT_MOST] = "<=",  [FILTER_MORE] = ">",
        [FILTER_AT_LEAST] = ">=", [FILTER_LIKE] = " LIKE ", [FILTER_BETWEEN] = " BETWEEN "};
    const struct filter_value *v = t->values;
    int rc = 0, n_groups = 0;

    if (t->op == FILTER_IN) {
        for (int g = 0; g < N_GROUPS && !rc; g++)
            rc = put_group(q, s, t, (enum group)g, &n_groups, err);
        return rc;
    }
    if (t->op == FILTER_CONTAINS) { /* as LIKE, the letters a to z in either case */
        buf_puts(&q->text, "instr(lower(");
        put_as(&q->text, s, v->type);
        buf_puts(&q->text, "),lower(");
        rc = put_param(q, *v, err);
        buf_puts(&q->text, "))>0");
        return rc;
    }
    put_as(&q->text, s, v->type);
    buf_puts(&q->text, signs[t->op]);
    rc = put_param(q, *v, err);
    if (!rc && t->op == FILTER_BETWEEN) {
        buf_puts(&q->text, " AND ");
        rc = put_param(q, *v->next, err);
    }
    return rc;
}

/* ---- a test of a field ---- */

/* Where a field is, as SQLite's JSON functions take it. */
static int put_path(struct filter_sql *q, const struct filter_field *f, struct err *err)
{
    size_t first = q->n + 1;
    int rc;

    if (!f->nested)
        return put_text(q, f->path, err);
    buf_puts(&q->text, "iif(json_type(meta,");
    rc = put_text(q, f->path, err);
    buf_puts(&q->text, ") IS NULL,");
    rc = rc ? rc : put_text(q, f->nested, err);
    buf_printf(&q->text, ",?%zu)", first);
    return rc;
}

/* A field of the JSON object.  json_each gives the elements of a list, what is no list as the only one, and
 * the members of an object, which alone have texts for keys. */
static int put_meta_test(struct filter_sql *q, const struct filter_node *t, int negate,
                         struct err *err)
{
    static const struct source element = {"e.value", "e.type"};
    int rc;

    if (t->op == FILTER_NULL)
        negate = !negate;
    buf_puts(&q->text, negate ? "NOT EXISTS" : "EXISTS");
    buf_puts(&q->text, "(SELECT 1 FROM json_each(meta,");
    rc = put_path(q, &t->field, err);
    buf_puts(&q->text, ") AS e WHERE ");
    if (t->op == FILTER_NULL) {
        buf_puts(&q->text, "e.type<>'null'");
    } else {
        buf_puts(&q->text, "typeof(e.key)<>'text' AND (");
        rc = rc ? rc : put_condition(q, &element, t, err);
        buf_putc(&q->text, ')');
    }
    buf_putc(&q->text, ')');
    return rc;
}

static int put_column_test(struct filter_sql *q, const struct filter_node *t, int negate,
                           struct err *err)
{
    /* every document has a name; an empty title is none */
    struct source s = {t->field.column == FILTER_DOCNO ? "docno" : "nullif(title,'')", NULL};
    int rc = 0;

    buf_putc(&q->text, '(');
    if (t->op == FILTER_NULL)
        buf_printf(&q->text, "%s IS NULL", s.value);
    else
        rc = put_condition(q, &s, t, err);
    buf_puts(&q->text, negate ? ") IS NOT TRUE" : ") IS TRUE");
    return rc;
}

/* ---- the tree ---- */

static int put_node(struct filter_sql *q, const struct filter_node *node, int negate,
                    struct err *err)
{
    int rc = 0;

    negate ^= node->negate;
    buf_putc(&q->text, '(');
    if (node->kind == FILTER_TEST)
        rc = node->field.column == FILTER_META ? put_meta_test(q, node, negate, err)
                                               : put_column_test(q, node, negate, err);
    /* "not" wanders down to the tests: not (a and b) is (not a) or (not b) */
    for (const struct filter_node *n = node->first; n && !rc; n = n->next) {
        if (n != node->first)
            buf_puts(&q->text, (node->kind == FILTER_ALL) == !negate ? " AND " : " OR ");
        rc = put_node(q, n, negate, err);
    }
    buf_putc(&q->text, ')');
    return rc;
}

int filter_compile(struct filter_sql *out, const struct filter_node *root, struct err *err)
{
    int rc = put_node(out, root, 0, err);

    if (!rc && buf_error(&out->text))
        rc = err_nomem(err);
    return rc;
}
