/* reader_profile.c -- opens the model that a profile was chosen for, and no other: heads are numbers, and those of another model
 * would be other heads.
 *
 * The file is hashed each time: what an index says of files may be hostile, and hashing takes a fraction of what opening does.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "model/profile.h"
#include "model/reader.h"

static int check(struct reader *r, const struct profile *p, struct err *err)
{
    if (!strcmp(reader_sha256(r), p->sha256))
        return 0;
    return err_set(
        err, E_INVALID,
        "profile '%.60s' is for the model '%.60s' with SHA-256 %.12s..., but '%.200s' has "
        "%.12s...: give the right one",
        p->name, p->model, p->sha256, reader_path(r), reader_sha256(r));
}

static int open_one(struct reader **out, const struct profile *p, const char *name, int precision,
                    struct pool *pool, struct err *err)
{
    const struct reader_options opt = {.precision = precision, .layers = profile_layers(p)};
    struct reader *r = NULL;
    int rc = reader_open(&r, name, &opt, pool, err);

    rc = rc ? rc : check(r, p, err);
    if (rc) {
        reader_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

int reader_open_for(struct reader **out, const struct profile *p, const struct reader_place *place,
                    int precision, struct pool *pool, struct err *err)
{
    struct err why = {0};
    int rc;

    if (place->given)
        return open_one(out, p, place->given, precision, pool, err);
    rc = open_one(out, p, p->model, precision, pool, &why);
    if (!rc)
        return 0;
    if (rc != E_NOMEM && place->recorded && file_is_regular(place->recorded))
        return open_one(out, p, place->recorded, precision, pool, err);
    return rc == E_NOMEM ? err_nomem(err) : err_set(err, rc, "%s", why.text);
}
