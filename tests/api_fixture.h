/* api_fixture.h -- a folder with a small index for a test of the C interface. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_API_FIXTURE_H
#define TESTS_API_FIXTURE_H

#include <stdint.h>

#include "api/fovea.h"
#include "tests/testing.h"

TCase *hits_tests(void);
TCase *options_tests(void);
TCase *jout_tests(void);
TCase *compare_tests(void);
TCase *term_tests(void);
TCase *memory_tests(void);
TCase *memory_tests_all(void);
TCase *snippet_tests(void);
TCase *rerank_tests(void);
TCase *rerank_keys_tests(void);
TCase *attend_tests(void);

/* A call on a handle must give this code, and a text with `part` in it. */
#define ck_assert_fovea(call, ix, want, part)                                                      \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        ck_assert_msg(rc_ == (want), "%s: got %d, want %d (%s)", #call, rc_, (want),               \
                      fovea_error(ix));                                                            \
        ck_assert_msg(strstr(fovea_error(ix), (part)) != NULL, "%s: '%s' lacks '%s'", #call,       \
                      fovea_error(ix), (part));                                                    \
    } while (0)
#define ck_assert_done(call, ix)                                                                   \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        ck_assert_msg(rc_ == 0, "%s: %d %s", #call, rc_, fovea_error(ix));                         \
    } while (0)

static char dir[64], path[128];

static inline void set_up(void)
{
    tmp_dir(dir);
    snprintf(path, sizeof path, "%s/test.fovea", dir);
}

static inline void tear_down(void) { tmp_remove(dir); }

static inline fovea *open_with(fovea_options *opt, int mode)
{
    fovea *ix = NULL;

    opt->mode = mode;
    opt->threads = 1;
    ck_assert_done(fovea_open(&ix, path, opt), ix);
    return ix;
}

static inline fovea *open_mode(int mode)
{
    fovea_options opt = FOVEA_OPTIONS_INIT;

    return open_with(&opt, mode);
}

static const struct {
    const char *docno, *title, *text, *meta;
} docs[] = {
    {"eye", "The eye", "The fovea is the part of the retina that sees sharpest.", "{\"n\": 1}"},
    {"ear", "The ear", "The cochlea hears. Inner hair cells turn sound into signals.", NULL},
    {"owl", "Owls", "An owl has two foveas in each eye? No: one, and it hunts at night.", NULL},
    {"mole", NULL, "A mole sees little and lives below the ground.", NULL},
};
enum { N_DOCS = sizeof docs / sizeof *docs };

static inline int add_doc(fovea *ix, int i)
{
    return fovea_add(ix, docs[i].docno, docs[i].title, docs[i].text, docs[i].meta);
}

/* An index of the documents above, committed. */
static inline fovea *make(void)
{
    fovea *ix = open_mode(FOVEA_CREATE);

    for (int i = 0; i < N_DOCS; i++)
        ck_assert_int_eq(add_doc(ix, i), FOVEA_ADDED);
    ck_assert_done(fovea_commit(ix), ix);
    return ix;
}

static inline uint64_t count(fovea *ix)
{
    fovea_info info = FOVEA_INFO_INIT;

    ck_assert_done(fovea_describe(&info, ix), ix);
    return info.n_documents;
}

#endif
