/* check_reranker_disk.c -- blocks kept in a folder: the same scores whatever is in it, and its bound. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "reranker/block_disk.h"
#include "tests/check_reranker_tiny.h"

static struct tiny tiny;
static struct err err;
static char folder[64], cache[96];

static void set_up(void)
{
    tiny_make(&tiny, "llama", 2048);
    tmp_dir(folder);
    snprintf(cache, sizeof cache, "%s/blocks", folder);
}

static void tear_down(void)
{
    tiny_remove(&tiny);
    tmp_remove(folder);
}

/* How many files the cache has, and their bytes. */
static size_t count(uint64_t *bytes)
{
    char **names = NULL;
    size_t n = 0;

    *bytes = 0;
    ck_assert_ok(file_list(&names, &n, cache, &err), &err);
    for (size_t i = 0; i < n; i++) {
        char *path = file_join(cache, names[i]);

        *bytes += (uint64_t)file_size(path);
        mem_free(path);
    }
    mem_free(names);
    return n;
}

/* Does this to each file of the cache: cuts it short, changes a byte of its numbers, or empties it. */
static void damage(int how)
{
    char **names = NULL;
    size_t n = 0;

    ck_assert_ok(file_list(&names, &n, cache, &err), &err);
    ck_assert_uint_gt(n, 0);
    for (size_t i = 0; i < n; i++) {
        char *path = file_join(cache, names[i]), *bytes = NULL;
        size_t size;

        ck_assert_ok(file_read(&bytes, &size, path, 1 << 28, &err), &err);
        bytes[how == 1 ? size / 2 : 0] ^= 1;
        tmp_write(path, bytes, how == 0 ? size - 1 : how == 3 ? 0 : size);
        mem_free(bytes);
        mem_free(path);
    }
    mem_free(names);
}

/* Scores of a run by a reranker of its own: bytes. */
static void rank(struct buf *out, const char *dir, uint64_t most)
{
    const struct rerank_options opt = {.cache_dir = dir, .cache_dir_bytes = most};
    struct reranker *r = tiny_open(&tiny, "icr-blocks", 0, &opt);
    struct candidate c[TINY_TEXTS];

    tiny_candidates(c);
    ck_assert_ok(reranker_run(r, c, TINY_TEXTS, "what does the eye see?", &err), &err);
    buf_reset(out);
    for (size_t i = 0; i < TINY_TEXTS; i++)
        buf_printf(out, "%s %.9g\n", c[i].docno, (double)c[i].score);
    reranker_close(r);
}

START_TEST(scores_are_the_same_whatever_the_folder_holds)
{
    struct buf want = {0}, got = {0};
    uint64_t bytes, again;
    size_t n;

    rank(&want, NULL, 0);
    for (int run = 0; run < 2; run++) { /* cold, then warm */
        rank(&got, cache, 0);
        ck_assert_str_eq(buf_text(&want), buf_text(&got));
    }
    n = count(&bytes);
    ck_assert_uint_ge(n, 5);
    for (int how = 0; how < 4; how++) {
        damage(how);
        rank(&got, cache, 0);
        ck_assert_str_eq(buf_text(&want), buf_text(&got));
        ck_assert_uint_eq(count(&again), n); /* made anew */
        ck_assert_uint_eq(again, bytes);
    }
    buf_clear(&want);
    buf_clear(&got);
}
END_TEST

START_TEST(the_bound_is_kept_and_the_oldest_go_first)
{
    float block[100], back[100];
    struct block_disk *d = NULL;
    uint64_t bytes;
    char other[120];

    for (int i = 0; i < 100; i++)
        block[i] = (float)i / 3;
    ck_assert_ok(block_disk_open(&d, cache, 1300, "a", &err), &err); /* three blocks */
    snprintf(other, sizeof other, "%s/mine.txt", cache);
    tmp_write(other, block, sizeof block);
    for (int id = 0; id < 5; id++) {
        block[0] = (float)id;
        block_disk_write(d, block, sizeof block, &id, 1);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* times of files differ */
        if (id > 2) /* is used all the time, and stays */
            ck_assert_int_eq(block_disk_read(back, sizeof back, d, &(int){2}, 1), 1);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    ck_assert_uint_eq(count(&bytes), 3 + 1);
    ck_assert_uint_le(bytes, 1300 + sizeof block);
    for (int id = 0; id < 5; id++) {
        ck_assert_int_eq(block_disk_read(back, sizeof back, d, &id, 1), id >= 2);
        if (id >= 2)
            ck_assert_float_eq(back[0], (float)id);
        ck_assert_int_eq(block_disk_read(back, sizeof back - 4, d, &id, 1),
                         0); /* of another size */
    }
    block_disk_close(d);
    ck_assert_ok(block_disk_open(&d, cache, 1300, "b", &err), &err); /* of another model */
    ck_assert_int_eq(block_disk_read(back, sizeof back, d, &(int){4}, 1), 0);
    block_disk_close(d);
    ck_assert_ok(block_disk_open(&d, cache, 500, "a", &err),
                 &err); /* less room: the newest stays */
    ck_assert_uint_eq(count(&bytes), 1 + 1);
    ck_assert_int_eq(block_disk_read(back, sizeof back, d, &(int){4}, 1), 1);
    block_disk_write(d, block, sizeof block, &(int){9}, 1);
    ck_assert_uint_eq(count(&bytes), 1 + 1);
    block_disk_close(d);
    ck_assert(file_exists(other)); /* no block: not ours */
    ck_assert_err(block_disk_open(&d, other, 500, "a", &err), E_IO, other, &err);
}
END_TEST

TCase *disk_tests(void)
{
    TCase *tc = tcase_create("block_disk.c");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, scores_are_the_same_whatever_the_folder_holds);
    tcase_add_test(tc, the_bound_is_kept_and_the_oldest_go_first);
    return tc;
}
