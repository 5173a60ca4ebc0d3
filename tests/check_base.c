/* check_base.c -- memory, buffers, maps, UTF-8, files, lines, JSON, checksums. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/testing.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/number.h"
#include "base/utf8.h"

TCase *tcase_run(void);  /* check_base_run.c */
TCase *tcase_pool(void); /* check_base_pool.c */
TCase *tcase_db(void);   /* check_base_db.c */
TCase *tcase_lock(void);

/* ---- err ---- */

START_TEST(the_first_error_wins)
{
    struct err err = {0};

    ck_assert_int_eq(err_set(&err, E_FORMAT, "block %d ends early", 7), E_FORMAT);
    ck_assert_int_eq(err_set(&err, E_IO, "later"), E_FORMAT);
    ck_assert_str_eq(err.text, "block 7 ends early");
    ck_assert_int_eq(err_wrap(&err, "postings"), E_FORMAT);
    ck_assert_str_eq(err.text, "postings: block 7 ends early");
    ck_assert_int_eq(err_set(NULL, E_LIMIT, "nobody listens"), E_LIMIT);
}
END_TEST

START_TEST(a_long_context_cuts_the_text_but_never_overruns_it)
{
    struct err err = {0};
    char long_text[2000];

    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    err_set(&err, E_IO, "%s", long_text);
    err_wrap(&err, "%s", long_text);
    ck_assert_uint_eq(strlen(err.text), sizeof err.text - 1);
}
END_TEST

START_TEST(controls_and_bytes_that_are_no_text_are_shown_not_sent)
{
    struct err err = {0};
    char colours[400];

    err_set(&err, E_FORMAT,
            "line \x1b[31m\r\n of '%s' \x7f \xc2\x9b \xe2\x80\xa8 \xff na\xc3\xafve", "a\tb");
    ck_assert_str_eq(err.text,
                     "line \\x1b[31m\\x0d\\x0a of 'a\\x09b' \\x7f \\xc2\\x9b \\xe2\\x80\\xa8 "
                     "\\xff na\xc3\xafve");
    err_wrap(&err, "in\n\x1b[2J");
    ck_assert_int_eq(strncmp(err.text, "in\\x0a\\x1b[2J: line \\x1b[31m", 28), 0);
    err_clear(&err);
    memset(colours, 0x1b, sizeof colours);
    colours[sizeof colours - 1] = '\0';
    err_set(&err, E_FORMAT, "%s", colours); /* four times as long: cut between two of them */
    ck_assert_uint_eq(strlen(err.text), (sizeof err.text - 1) / 4 * 4);
}
END_TEST

/* ---- mem, buf ---- */

START_TEST(an_overflowing_allocation_is_refused)
{
    ck_assert_ptr_null(mem_alloc(SIZE_MAX / 2, 4));
    ck_assert_ptr_null(mem_zalloc(SIZE_MAX / 2, 4));
    ck_assert_ptr_null(mem_alloc_aligned(SIZE_MAX / 2, 4));
}
END_TEST

START_TEST(aligned_memory_is_aligned_and_whole_whatever_its_size)
{
    const size_t sizes[] = {0, 1, 64, 100, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, (5 << 20) + 7};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *p = mem_alloc_aligned(sizes[i], 1);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 64, 0);
        memset(p, 0xa5, sizes[i]);
        if (sizes[i])
            ck_assert_uint_eq(p[sizes[i] - 1], 0xa5);
        mem_free(p);
    }
}
END_TEST

START_TEST(the_nth_allocation_fails_on_demand_and_only_that_one)
{
    void *p;

    mem_fail_at(2);
    p = mem_alloc(1, 1);
    ck_assert_ptr_nonnull(p);
    mem_free(p);
    ck_assert(!mem_has_failed());
    ck_assert_ptr_null(mem_alloc(1, 1));
    ck_assert(mem_has_failed());
    p = mem_alloc(1, 1);
    ck_assert_ptr_nonnull(p);
    mem_free(p);
    mem_fail_at(0);
}
END_TEST

START_TEST(an_arena_gives_aligned_memory_of_any_size)
{
    struct arena a = {0};

    for (size_t n = 0; n < 200000; n = n * 3 + 1) {
        char *p = arena_alloc(&a, n);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        memset(p, 7, n);
    }
    ck_assert_str_eq(arena_dup(&a, "fovea", 3), "fov");
    ck_assert_uint_gt(arena_bytes(&a), 200000 / 3);
    arena_clear(&a);
    ck_assert_uint_eq(arena_bytes(&a), 0);
}
END_TEST

START_TEST(a_buffer_stops_at_its_maximum_and_stays_stopped)
{
    struct buf b = {.max = 8};

    buf_puts(&b, "12345678");
    ck_assert_int_eq(buf_error(&b), 0);
    buf_putc(&b, '9');
    ck_assert_int_eq(buf_error(&b), E_LIMIT);
    buf_reset(&b);
    buf_puts(&b, "again");
    ck_assert_str_eq(buf_text(&b), "again");
    buf_clear(&b);
}
END_TEST

START_TEST(integers_read_back_as_they_were_written)
{
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    struct buf b = {0};
    struct bytes r;

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        buf_varint(&b, values[i]);
        buf_u64(&b, values[i]);
        buf_u32(&b, (uint32_t)values[i]);
        buf_u8(&b, (uint8_t)values[i]);
    }
    r = (struct bytes){(unsigned char *)b.data, (unsigned char *)b.data + b.len, 0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        ck_assert_uint_eq(bytes_varint(&r), values[i]);
        ck_assert_uint_eq(bytes_u64(&r), values[i]);
        ck_assert_uint_eq(bytes_u32(&r), (uint32_t)values[i]);
        ck_assert_uint_eq(bytes_u8(&r), (uint8_t)values[i]);
    }
    ck_assert(!r.bad);
    ck_assert_uint_eq(bytes_u8(&r), 0);
    ck_assert(r.bad);
    buf_clear(&b);
}
END_TEST

START_TEST(an_endless_varint_is_bad)
{
    unsigned char x[16];
    struct bytes r = {x, x + sizeof x, 0};

    memset(x, 0x80, sizeof x);
    ck_assert_uint_eq(bytes_varint(&r), 0);
    ck_assert(r.bad);
}
END_TEST

static int fill_buffer_and_map(void)
{
    struct buf b = {0};
    struct map m = {0};
    int rc = 0;

    for (int i = 0; i < 200 && !rc; i++) {
        buf_printf(&b, "term-%d", i);
        rc = buf_error(&b);
        if (!rc && !map_put(&m, b.data, b.len))
            rc = E_NOMEM;
        buf_reset(&b);
    }
    buf_clear(&b);
    map_clear(&m);
    return rc;
}

START_TEST(buffers_and_maps_survive_each_failing_allocation)
{
    int rc;

    FAIL_EACH_ALLOC(rc, rc = fill_buffer_and_map());
}
END_TEST

/* ---- hash ---- */

START_TEST(a_map_keeps_keys_in_order_of_insertion)
{
    struct map m = {0};
    char key[32];

    for (int i = 0; i < 5000; i++) {
        int64_t *v = map_put(&m, key, (size_t)sprintf(key, "k%d", i * 7919 % 5003));

        ck_assert_ptr_nonnull(v);
        *v += i + 1;
    }
    for (int i = 0; i < 5000; i++) {
        int64_t *v = map_find(&m, key, (size_t)sprintf(key, "k%d", i * 7919 % 5003));

        ck_assert_ptr_nonnull(v);
        ck_assert_int_eq(*v, i + 1);
        ck_assert_str_eq(m.entries[i].key, key);
    }
    ck_assert_ptr_null(map_find(&m, "absent", 6));
    ck_assert_ptr_eq(map_put(&m, "k0", 2), map_find(&m, "k0", 2));
    map_clear(&m);
}
END_TEST

/* ---- utf8 ---- */

START_TEST(every_code_point_decodes_to_itself)
{
    int n_wrong = 0; /* a check per code point would cost more than the work */

    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        char s[4];
        uint32_t back;
        int n = utf8_encode(s, cp);

        n_wrong += utf8_decode(&back, s, (size_t)n) != n;
        n_wrong += back != (cp >= 0xd800 && cp <= 0xdfff ? 0xfffd : cp);
        n_wrong += utf8_check(s, (size_t)n) != (size_t)n;
    }
    ck_assert_int_eq(n_wrong, 0);
}
END_TEST

START_TEST(malformed_bytes_are_found_and_repaired)
{
    static const struct {
        const char *bytes;
        size_t good;
        const char *repaired;
    } cases[] = {
        {"abc", 3, "abc"},
        {"a\xff"
         "b",
         1,
         "a\xef\xbf\xbd"
         "b"},
        {"\xc0\xaf", 0, "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xed\xa0\x80", 0, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {"\xf4\x90\x80\x80", 0, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"x\xe2\x82", 1, "x\xef\xbf\xbd\xef\xbf\xbd"}, /* cut off */
        {"\xc3\xa9\x80", 2, "\xc3\xa9\xef\xbf\xbd"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        size_t n = strlen(cases[i].bytes);

        ck_assert_uint_eq(utf8_check(cases[i].bytes, n), cases[i].good);
        utf8_repair(&b, cases[i].bytes, n);
        ck_assert_str_eq(buf_text(&b), cases[i].repaired);
        buf_clear(&b);
    }
    ck_assert_uint_eq(utf8_floor("a\xe2\x82\xac", 3), 1);
    ck_assert_uint_eq(utf8_floor("a\xe2\x82\xac", 1), 1);
}
END_TEST

/* ---- file, lines ---- */

static char dir[64];
static void make_dir(void) { tmp_dir(dir); }
static void drop_dir(void) { tmp_remove(dir); }

static const char *in_dir(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

START_TEST(a_replaced_file_reads_and_maps_back)
{
    struct err err = {0};
    struct file_map m = {0};
    char *text = NULL, **names = NULL;
    size_t n;

    ck_assert_ok(file_replace(in_dir("b"), "new", 3, &err), &err);
    ck_assert_ok(file_replace(in_dir("a"), "", 0, &err), &err);
    ck_assert_ok(file_read(&text, &n, in_dir("b"), 3, &err), &err);
    ck_assert_str_eq(text, "new");
    mem_free(text);
    ck_assert_err(file_read(&text, &n, in_dir("b"), 2, &err), E_LIMIT, "3 bytes", &err);
    ck_assert_ok(file_open_map(&m, in_dir("b"), &err), &err);
    ck_assert_mem_eq(m.data, "new", 3);
    file_unmap(&m);
    ck_assert_ok(file_open_map(&m, in_dir("a"), &err), &err);
    ck_assert_uint_eq(m.size, 0);
    file_unmap(&m);
    ck_assert_ok(file_list(&names, &n, dir, &err), &err);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(names[0], "a");
    ck_assert_str_eq(names[1], "b");
    mem_free(names);
    ck_assert_err(file_open_map(&m, in_dir("none"), &err), E_NOTFOUND, "none", &err);
    ck_assert_err(file_open_map(&m, dir, &err), E_IO, "regular", &err);
    ck_assert_err(file_replace(in_dir("no/such"), "x", 1, &err), E_IO, "no/such", &err);
}
END_TEST

START_TEST(lines_come_without_their_ends_whatever_these_are)
{
    static const char text[] = "\xef\xbb\xbfone\r\ntwo\n\nlast";
    static const char *want[] = {"one", "two", "", "last"};
    struct err err = {0};
    struct lines *in = NULL;
    char *line;
    size_t n;

    tmp_write(in_dir("t"), text, sizeof text - 1);
    ck_assert_ok(lines_open(&in, in_dir("t"), &err), &err);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(lines_next(&line, &n, in, &err), 1);
        ck_assert_str_eq(line, want[i]);
        ck_assert_uint_eq(n, strlen(want[i]));
        ck_assert_uint_eq(lines_number(in), i + 1);
    }
    ck_assert_int_eq(lines_next(&line, &n, in, &err), 0);
    ck_assert_int_eq(lines_next(&line, &n, in, &err), 0);
    lines_close(in);
    ck_assert_err(lines_open(&in, dir, &err), E_IO, "folder", &err);
}
END_TEST

START_TEST(a_line_longer_than_the_window_arrives_whole)
{
    struct err err = {0};
    struct lines *in = NULL;
    size_t n = 3000000;
    char *text = malloc(n), *line;

    memset(text, 'x', n);
    text[n - 2] = '\n';
    tmp_write(in_dir("t"), text, n);
    ck_assert_ok(lines_open(&in, in_dir("t"), &err), &err);
    ck_assert_int_eq(lines_next(&line, &n, in, &err), 1);
    ck_assert_uint_eq(n, 3000000 - 2);
    ck_assert_int_eq(lines_next(&line, &n, in, &err), 1);
    ck_assert_uint_eq(n, 1);
    lines_close(in);
    free(text);
}
END_TEST

/* printf 'alpha\nbeta\n' | gzip -9n */
static const unsigned char two_lines_gz[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0xcc, 0x29, 0xc8, 0x48, 0xe4,
    0x4a, 0x4a, 0x2d, 0x49, 0xe4, 0x02, 0x00, 0x6e, 0x50, 0x30, 0x6e, 0x0b, 0x00, 0x00, 0x00};

START_TEST(a_cut_off_gzip_file_is_an_error_not_an_end)
{
    struct err err = {0};
    int n_errors = 0;

    for (size_t cut = 3; cut < sizeof two_lines_gz; cut++) {
        struct lines *in = NULL;
        char *line;
        size_t n;
        int rc;

        tmp_write(in_dir("t.gz"), two_lines_gz, cut);
        rc = lines_open(&in, in_dir("t.gz"), &err);
        while (!rc && (rc = lines_next(&line, &n, in, &err)) == 1)
            rc = 0;
        n_errors += rc == E_FORMAT;
        err_clear(&err);
        lines_close(in);
    }
    ck_assert_int_ge(n_errors, (int)sizeof two_lines_gz - 3 - 8);
}
END_TEST

/* ---- digest ---- */

START_TEST(checksums_agree_with_the_published_vectors)
{
    char hex[65];
    char *million = malloc(1000000);

    ck_assert_uint_eq(digest_crc32(0, "123456789", 9), 0xcbf43926);
    ck_assert_uint_eq(digest_crc32(digest_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
    digest_sha256(hex, "abc", 3); /* FIPS 180-4 examples */
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    memset(million, 'a', 1000000);
    digest_sha256(hex, million, 1000000);
    ck_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    for (size_t n = 0; n < 300; n++) {
        char scalar[65];

        digest_sha256(hex, million, n);
        digest_sha256_scalar(scalar, million, n);
        ck_assert_str_eq(hex, scalar);
    }
    free(million);
}
END_TEST

START_TEST(checksums_are_the_same_with_and_without_the_processors_help)
{
    unsigned char bytes[1200];
    uint32_t state = 1, crc = 0;

    for (size_t i = 0; i < sizeof bytes; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(state >> 24);
    }
    for (size_t n = 0; n < 1100; n++) {
        const unsigned char *p = bytes + n % 37;

        ck_assert_uint_eq(digest_crc32(crc, p, n), digest_crc32_scalar(crc, p, n));
        crc = digest_crc32(crc, p, n);
    }
}
END_TEST

/* ---- json ---- */

START_TEST(json_fields_are_checked_by_name)
{
    static const char text[] = "{\"id\":\"7\",\"n\":3,\"x\":0.1,\"a\":[true,false,null]}";
    struct err err = {0};
    struct json *j = NULL;
    struct buf out = {0};
    const char *s;
    int64_t n;

    ck_assert_ok(json_parse(&j, text, strlen(text), &err), &err);
    ck_assert_ok(json_need_text(&s, j, "id", &err), &err);
    ck_assert_str_eq(s, "7");
    ck_assert_err(json_need_text(&s, j, "none", &err), E_FORMAT, "'none' is missing", &err);
    ck_assert_err(json_need_text(&s, j, "n", &err), E_FORMAT, "'n' is not a string", &err);
    ck_assert_ok(json_need_integer(&n, j, "n", 0, 3, &err), &err);
    ck_assert_int_eq(n, 3);
    ck_assert_err(json_need_integer(&n, j, "n", 4, 9, &err), E_FORMAT, "4..9", &err);
    ck_assert_int_eq(json_bool(json_at(json_get(j, "a"), 0), 0), 1);
    ck_assert_ptr_null(json_at(json_get(j, "a"), 3));
    ck_assert_ptr_null(json_get(NULL, "a"));
    json_write(&out, j);
    ck_assert_str_eq(buf_text(&out), text);
    buf_clear(&out);
    json_free(j);
    ck_assert_err(json_parse(&j, "{\"a\":1,\"a\":2}", 13, &err), E_FORMAT, "duplicate", &err);
    ck_assert_err(json_parse(&j, "{} x", 4, &err), E_FORMAT, "line 1", &err);
}
END_TEST

START_TEST(json_text_and_numbers_are_written_so_that_they_read_back)
{
    static const char nasty[] = "q\" b\\ \n\t\r\x01\x7f \xc3\xa9 \xe2\x82\xac \xff";
    struct err err = {0};
    struct json *j = NULL;
    struct buf out = {0};

    json_write_text(&out, nasty);
    ck_assert_ok(json_parse(&j, out.data, out.len, &err), &err);
    ck_assert_str_eq(json_text(j, ""), "q\" b\\ \n\t\r\x01\x7f \xc3\xa9 \xe2\x82\xac \xef\xbf\xbd");
    json_free(j);
    buf_reset(&out);
    json_write_number(&out, 0.1);
    ck_assert_str_eq(buf_text(&out), "0.1");
    buf_reset(&out);
    json_write_number(&out, 0.0 / (1.0 - 1.0));
    ck_assert_str_eq(buf_text(&out), "null");
    buf_clear(&out);
}
END_TEST

/* Makes and takes a locale with a decimal comma; 0 if this machine cannot. */
static int speak_with_commas(void)
{
    static const char source[] = "comment_char %\nescape_char /\nLC_NUMERIC\ndecimal_point \",\"\n"
                                 "thousands_sep \"\"\ngrouping -1\nEND LC_NUMERIC\n";
    char command[300];

    tmp_write(in_dir("comma.src"), source, strlen(source));
    snprintf(command, sizeof command,
             "localedef -c -i '%s/comma.src' -f ANSI_X3.4-1968 '%s/comma' >/dev/null 2>&1", dir,
             dir);
    if (system(command) < 0) /* it warns, and says so by its exit code */
        return 0;
    setenv("LOCPATH", dir, 1);
    return setlocale(LC_NUMERIC, "comma") != NULL;
}

START_TEST(numbers_have_a_point_in_every_locale)
{
    struct err err = {0};
    struct buf out = {0};
    struct json *j = NULL;
    char text[40], *end;

    if (!speak_with_commas())
        return;
    snprintf(text, sizeof text, "%g", 1.5);
    ck_assert_str_eq(text, "1,5");
    ck_assert_double_eq(number_read("1.5 x", &end), 1.5);
    ck_assert_str_eq(end, " x");
    number_write(text, 0.1, 1);
    ck_assert_str_eq(text, "0.1");
    ck_assert_ok(json_parse(&j, "[2.25]", 6, &err), &err);
    json_write(&out, j);
    ck_assert_str_eq(buf_text(&out), "[2.25]");
    snprintf(text, sizeof text, "%g", 1.5); /* the caller's locale is as it was */
    ck_assert_str_eq(text, "1,5");
    json_free(j);
    buf_clear(&out);
    setlocale(LC_NUMERIC, "C");
}
END_TEST

static Suite *base_suite(void)
{
    static const struct {
        const char *file;
        const TTest *const *tests[8];
    } groups[] = {
        {"err",
         {&the_first_error_wins, &a_long_context_cuts_the_text_but_never_overruns_it,
          &controls_and_bytes_that_are_no_text_are_shown_not_sent}},
        {"mem",
         {&an_overflowing_allocation_is_refused,
          &aligned_memory_is_aligned_and_whole_whatever_its_size,
          &the_nth_allocation_fails_on_demand_and_only_that_one,
          &an_arena_gives_aligned_memory_of_any_size}},
        {"buf",
         {&a_buffer_stops_at_its_maximum_and_stays_stopped,
          &integers_read_back_as_they_were_written, &an_endless_varint_is_bad,
          &buffers_and_maps_survive_each_failing_allocation}},
        {"hash", {&a_map_keeps_keys_in_order_of_insertion}},
        {"utf8", {&every_code_point_decodes_to_itself, &malformed_bytes_are_found_and_repaired}},
        {"file", {&a_replaced_file_reads_and_maps_back}},
        {"lines",
         {&lines_come_without_their_ends_whatever_these_are,
          &a_line_longer_than_the_window_arrives_whole,
          &a_cut_off_gzip_file_is_an_error_not_an_end}},
        {"digest",
         {&checksums_agree_with_the_published_vectors,
          &checksums_are_the_same_with_and_without_the_processors_help}},
        {"json",
         {&json_fields_are_checked_by_name,
          &json_text_and_numbers_are_written_so_that_they_read_back,
          &numbers_have_a_point_in_every_locale}},
    };
    Suite *suite = suite_create("base");
    TCase *tc;

    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        tc = tcase_create(groups[g].file);
        tcase_add_checked_fixture(tc, make_dir, drop_dir);
        for (size_t i = 0; i < 8 && groups[g].tests[i]; i++)
            tcase_add_test(tc, *groups[g].tests[i]);
        suite_add_tcase(suite, tc);
    }
    suite_add_tcase(suite, tcase_run());
    suite_add_tcase(suite, tcase_pool());
    suite_add_tcase(suite, tcase_db());
    suite_add_tcase(suite, tcase_lock());
    return suite;
}

int main(void) { return run_suite(base_suite()); }
