/* topics.h -- queries as TREC writes them: topics. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORPORA_TOPICS_H
#define CORPORA_TOPICS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct topics {
    struct buf raw; /* between <top> and </top> */
    int is_inside;
    size_t begun; /* the line of the <top> */

    /* Called for each topic; its error ends the reading. */
    int (*add)(const char *qid, const char *text, void *payload, struct err *err);
    void *payload;
};

/* Takes the next line of a file of topics.
 *
 * <top> <num> Number: 301 <title> ... <desc> Description: ... </top> with tags closed or not, and
 * <topic number="801"> <query>...</query> ... </topic>.  The query is the title, else the description; TREC's
 * numbers lose their leading zeros, as in its judgements.
 *
 * Errors: E_FORMAT ("the topic has no <num>"), E_LIMIT, E_NOMEM, those of add.
 */
int topics_line(struct topics *t, const char *line, size_t number, struct err *err);

/* After the last line: E_FORMAT if a topic is open. */
int topics_end(const struct topics *t, struct err *err);

void topics_clear(struct topics *t);

#endif
