/* topics.c -- see topics.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/topics.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "corpora/formats.h"
#include "corpora/sgml.h"

enum { TOPIC_MAX_BYTES = 1 << 20 };

enum field { NUM, TITLE, DESC, N_FIELDS, OTHER = N_FIELDS };

static enum field field_of(const char *name)
{
    static const struct {
        const char *name;
        enum field field;
    } names[] = {
        {"num", NUM}, {"title", TITLE}, {"query", TITLE}, {"desc", DESC}, {"description", DESC}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i].name))
            return names[i].field;
    return OTHER;
}

/* Adds what stands between two tags to its field, without the label that old topics have in it. */
static void add_field(struct buf *out, const char *s, size_t n)
{
    static const char *const labels[] = {"Number:", "Topic:", "Description:"};

    if (out->len)
        return;
    sgml_text(out, s, n);
    sgml_one_line(out, 0);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        const size_t len = strlen(labels[i]);

        if (out->len >= len && !strncasecmp(out->data, labels[i], len)) {
            const char *rest = out->data + len + strspn(out->data + len, " ");

            out->len -= (size_t)(rest - out->data);
            memmove(out->data, rest, out->len + 1);
            return;
        }
    }
}

/* Cuts a topic into its fields.  A tag that is not closed ends where the next one begins. */
static void split(struct buf fields[N_FIELDS], const char *s, const char *end)
{
    enum field open = OTHER;
    const char *from = s;

    while ((s = memchr(s, '<', (size_t)(end - s)))) {
        struct sgml_tag tag;

        if (!sgml_tag(&tag, s, (size_t)(end - s))) {
            s++;
            continue;
        }
        if (tag.name[0] && !sgml_is_markup(tag.name)) {
            if (open != OTHER)
                add_field(&fields[open], from, (size_t)(s - from));
            open = tag.is_end ? OTHER : field_of(tag.name);
            from = s + tag.len;
        }
        s += tag.len;
    }
    if (open != OTHER)
        add_field(&fields[open], from, (size_t)(end - from));
}

/* "051" is judged as "51". */
static const char *without_zeros(const char *qid)
{
    if (qid[strspn(qid, "0123456789")])
        return qid;
    while (*qid == '0' && qid[1])
        qid++;
    return qid;
}

static int end_topic(struct topics *t, struct err *err)
{
    struct buf fields[N_FIELDS] = {{0}}, good = {0};
    const char *query;
    int rc = 0;

    t->is_inside = 0;
    utf8_repair(&good, buf_text(&t->raw), t->raw.len);
    if (!buf_error(&good) && !buf_error(&t->raw))
        split(fields, buf_text(&good), buf_text(&good) + good.len);
    for (int i = 0; i < N_FIELDS; i++)
        rc = rc ? rc : buf_error(&fields[i]);
    if (buf_error(&t->raw) == E_LIMIT)
        rc = err_set(err, E_LIMIT, "the topic is over %d KiB long", TOPIC_MAX_BYTES >> 10);
    else if (rc || buf_error(&good) || buf_error(&t->raw))
        rc = err_nomem(err);
    query = buf_text(fields[TITLE].len ? &fields[TITLE] : &fields[DESC]);
    if (!rc && !fields[NUM].len)
        rc = err_set(err, E_FORMAT, "the topic has no <num>");
    if (!rc && !*query)
        rc = err_set(err, E_FORMAT, "the topic has neither <title> nor <desc>");
    if (!rc)
        rc = t->add(without_zeros(buf_text(&fields[NUM])), query, t->payload, err);
    for (int i = 0; i < N_FIELDS; i++)
        buf_clear(&fields[i]);
    buf_clear(&good);
    return rc;
}

/* <topic number="7"> is written as <num>7</num>. */
static void take_number(struct topics *t, const char *tag, size_t n)
{
    static const char *const names[] = {"number=", "id="};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *s = strcasestr(tag, names[i]);

        if (s && s < tag + n) {
            s += strlen(names[i]);
            s += *s == '"' || *s == '\'';
            buf_puts(&t->raw, "<num>");
            buf_add(&t->raw, s, strcspn(s, "\"'> \t"));
            buf_puts(&t->raw, "</num>");
            return;
        }
    }
}

static int is_topic(const struct sgml_tag *tag)
{
    return !strcmp(tag->name, "top") || !strcmp(tag->name, "topic");
}

int topics_line(struct topics *t, const char *line, size_t number, struct err *err)
{
    const char *from = line, *s = line, *end = line + strlen(line);
    struct sgml_tag tag;
    int rc = 0;

    t->raw.max = TOPIC_MAX_BYTES;
    while (!rc && (s = memchr(s, '<', (size_t)(end - s)))) {
        const int found = sgml_tag(&tag, s, (size_t)(end - s));

        if (found && is_topic(&tag)) {
            if (t->is_inside && !tag.is_end)
                return err_set(err, E_FORMAT, "a topic begins, but that of line %zu has not ended",
                               t->begun);
            if (t->is_inside) {
                buf_add(&t->raw, from, (size_t)(s - from));
                rc = end_topic(t, err);
            } else if (!tag.is_end) {
                buf_reset(&t->raw);
                take_number(t, s, tag.len);
                t->is_inside = 1;
                t->begun = number;
            }
            from = s + tag.len;
        }
        s += found ? tag.len : 1;
    }
    if (t->is_inside) {
        buf_puts(&t->raw, from);
        buf_putc(&t->raw, '\n');
    }
    return rc;
}

int topics_end(const struct topics *t, struct err *err)
{
    return t->is_inside ? err_set(err, E_FORMAT, "the topic of line %zu has no </top>", t->begun)
                        : 0;
}

void topics_clear(struct topics *t) { buf_clear(&t->raw); }
