/* testing.h -- what every Check program of fovea shares. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TESTING_H
#define TESTS_TESTING_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

/* Fails with the error's text unless a call returned 0 or more. */
#define ck_assert_ok(call, err)                                                                    \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        ck_assert_msg(rc_ >= 0, "%s: %d %s", #call, rc_, (err)->text);                             \
    } while (0)

/* The call must fail with this code, and its text must contain `part`; clears the error. */
#define ck_assert_err(call, want, part, err)                                                       \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        ck_assert_msg(rc_ == (want), "%s: got %d, want %d (%s)", #call, rc_, (want), (err)->text); \
        ck_assert_msg(strstr((err)->text, (part)) != NULL, "%s: text '%s' lacks '%s'", #call,      \
                      (err)->text, (part));                                                        \
        err_clear(err);                                                                            \
    } while (0)

/* Runs body with each allocation failing once, until it runs through: body must set
 * `int rc` (0 = success) and free what it made. */
#define FAIL_EACH_ALLOC(rc, body)                                                                  \
    do {                                                                                           \
        long fail_n_ = 1;                                                                          \
        for (;; fail_n_++) {                                                                       \
            mem_fail_at(fail_n_);                                                                  \
            body;                                                                                  \
            int failed_ = mem_has_failed();                                                        \
            mem_fail_at(0);                                                                        \
            if (!failed_)                                                                          \
                break;                                                                             \
            ck_assert_msg((rc) == E_NOMEM, "allocation %ld failed, but the call returned %d",      \
                          fail_n_, (rc));                                                          \
            ck_assert_int_lt(fail_n_, 1000000);                                                    \
        }                                                                                          \
        ck_assert_msg((rc) >= 0, "without a failing allocation the call returned %d", (rc));       \
    } while (0)

static inline int testing_remove_entry(const char *path, const struct stat *st, int flag,
                                       struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

/* A fresh folder for a test's files; dir is at least 64 bytes. */
static inline char *tmp_dir(char *dir)
{
    const char *base = getenv("TMPDIR");

    snprintf(dir, 64, "%.40s/fovea-XXXXXX", base && *base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    return dir;
}

static inline void tmp_remove(const char *dir)
{
    nftw(dir, testing_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file of a test. */
static inline void tmp_write(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(p, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

/* The path of a file of the source tree, e.g. "tests/golden/x.txt"; static storage. */
static inline const char *source_path(const char *name)
{
    static char path[1024];
    const char *dir = getenv("srcdir");

    snprintf(path, sizeof path, "%s/%s", dir ? dir : ".", name);
    return path;
}

/* The main of every test program: runs the suite, 0 if all passed. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
