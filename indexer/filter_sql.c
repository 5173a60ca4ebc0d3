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
 * So that the last one is true in SQL, each test ends with IS TRUE or IS NOT TRUE.
 * SQLite orders all numbers before all texts, and a comparison with CAST(... AS NUMERIC) converts texts that are numbers and
 * leaves others alone: what is not more than infinity is a number.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/filter.h"

#include <string.h>

/* ---- parameters ---- */

static struct filter_value text_value(const char *text)
{
    return (struct filter_value){.type = FILTER_TEXT, .text = text};
}

static int add_param(struct filter_sql *q, struct filter_value v, struct err *err)
{
    if (mem_reserve((void **)&q->params, &q->cap, q->n + 1, sizeof *q->params))
        return err_nomem(err);
    q->params[q->n++] = v;
    return 0;
}

/* Writes ?n for a value. */
static int put_value(struct filter_sql *q, const struct filter_value *v, struct err *err)
{
    int rc = v->type == FILTER_BOOL ? add_param(q, text_value(v->integer ? "true" : "false"), err)
                                    : add_param(q, *v, err);

    buf_printf(&q->text, "?%zu", q->n);
    return rc;
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
        buf_printf(out, "CASE WHEN %s<>'true' AND %s<>'false' AND ", s->kind, s->kind);
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
        rc = put_value(q, v, err);
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
        rc = put_value(q, v, err);
        buf_puts(&q->text, "))>0");
        return rc;
    }
    put_as(&q->text, s, v->type);
    buf_puts(&q->text, signs[t->op]);
    rc = put_value(q, v, err);
    if (!rc && t->op == FILTER_BETWEEN) {
        buf_puts(&q->text, " AND ");
        rc = put_value(q, v->next, err);
    }
    return rc;
}

/* ---- a test of a field ---- */

/* function(meta, path), or of the second path if there is nothing at the first. */
static void put_lookup(struct filter_sql *q, const char *function, size_t path, int n_paths)
{
    if (n_paths == 1)
        buf_printf(&q->text, "%s(meta,?%zu)", function, path);
    else
        buf_printf(&q->text, "coalesce(%s(meta,?%zu),%s(meta,?%zu))", function, path, function,
                   path + 1);
}

/* A field of the JSON object: (SELECT CASE kind WHEN 'array' THEN one of them... ELSE it... END FROM (value and kind)). */
static int put_meta_test(struct filter_sql *q, const struct filter_node *t, struct err *err)
{
    static const struct source scalar = {"v", "k"}, element = {"e.value", "e.type"};
    size_t path = q->n + 1;
    int rc = add_param(q, text_value(t->field.path), err);

    if (!rc && t->field.nested)
        rc = add_param(q, text_value(t->field.nested), err);
    buf_puts(&q->text, "SELECT CASE k WHEN 'array' THEN EXISTS(SELECT 1 FROM json_each(v) AS e "
                       "WHERE ");
    if (t->op == FILTER_NULL) {
        buf_puts(&q->text, "e.type<>'null') ELSE k<>'null' END");
    } else {
        rc = rc ? rc : put_condition(q, &element, t, err);
        buf_puts(&q->text, ") ELSE ");
        rc = rc ? rc : put_condition(q, &scalar, t, err);
        buf_puts(&q->text, " END");
    }
    buf_puts(&q->text, " FROM (SELECT ");
    put_lookup(q, "json_type", path, t->field.nested ? 2 : 1);
    buf_puts(&q->text, " AS k,");
    put_lookup(q, "json_extract", path, t->field.nested ? 2 : 1);
    buf_puts(&q->text, " AS v)");
    return rc;
}

static int put_column_test(struct filter_sql *q, const struct filter_node *t, struct err *err)
{
    /* every document has a name; an empty title is none */
    struct source s = {t->field.column == FILTER_DOCNO ? "docno" : "nullif(title,'')", NULL};

    if (t->op != FILTER_NULL)
        return put_condition(q, &s, t, err);
    buf_printf(&q->text, "%s IS NOT NULL", s.value);
    return 0;
}

/* A test, which FILTER_NULL turns around: its SQL says that something is there. */
static int put_test(struct filter_sql *q, const struct filter_node *t, int negate, struct err *err)
{
    int rc;

    negate ^= t->op == FILTER_NULL;
    buf_putc(&q->text, '(');
    rc = t->field.column == FILTER_META ? put_meta_test(q, t, err) : put_column_test(q, t, err);
    buf_puts(&q->text, negate ? ") IS NOT TRUE" : ") IS TRUE");
    return rc;
}

/* ---- the tree ---- */

/* Writes a list in SQL's order of AND before OR: SQLite's parser remembers a hundred things at a time, so there are
 * parentheses only where they mean something. */
static int put_node(struct filter_sql *q, const struct filter_node *node, int negate, int in_and,
                    struct err *err)
{
    int rc = 0, is_and;

    negate ^= node->negate;
    if (node->kind == FILTER_TEST)
        return put_test(q, node, negate, err);
    is_and = (node->kind == FILTER_ALL) != negate; /* not (a and b) is (not a) or (not b) */
    if (in_and && !is_and)
        buf_putc(&q->text, '(');
    for (const struct filter_node *n = node->first; n && !rc; n = n->next) {
        if (n != node->first)
            buf_puts(&q->text, is_and ? " AND " : " OR ");
        rc = put_node(q, n, negate, is_and, err);
    }
    if (in_and && !is_and)
        buf_putc(&q->text, ')');
    return rc;
}

int filter_compile(struct filter_sql *out, const struct filter_node *root, struct err *err)
{
    int rc = put_node(out, root, 0, 0, err);

    if (!rc && buf_error(&out->text))
        rc = err_nomem(err);
    return rc;
}
