/* check_model_profile.c -- profiles: what is read, what is refused and why. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <unistd.h>

#include "base/buf.h"
#include "model/profile.h"
#include "model/prompt.h"

static struct err err;

static const char good[] =
    "{\"name\": \"n\", \"method\": \"icr-blocks\", \"model\": \"m\", \"sha256\": \"5\", "
    "\"statistic\": \"mass\", \"calibrated\": true, \"wants\": \"answer\", \"bits\": 4, "
    "\"first_stage\": 0.25, \"heads\": [{\"layer\": 2, \"head\": 3, \"weight\": -1.5}, "
    "{\"layer\": 2, \"head\": 5, \"weight\": 1e-3}], \"chosen\": \"by \\\"hand\\\"\"}";

static int parse(struct profile **p, const char *json)
{
    return profile_parse(p, json, strlen(json), "p.json", &err);
}

START_TEST(what_is_written_is_what_was_read)
{
    struct profile *p = NULL, *q = NULL;
    struct buf once = {0}, twice = {0};

    ck_assert_ok(parse(&p, good), &err);
    ck_assert_str_eq(p->name, "n");
    ck_assert_str_eq(p->method, "icr-blocks");
    ck_assert_str_eq(p->statistic, "mass");
    ck_assert_str_eq(p->chosen, "by \"hand\"");
    ck_assert_int_eq(p->is_calibrated, 1);
    ck_assert_int_eq(p->wants, PROMPT_ANSWER);
    ck_assert_int_eq(p->bits, 4);
    ck_assert_double_eq(p->first_stage, .25);
    ck_assert_int_eq(p->n_heads, 2);
    ck_assert_int_eq(p->heads[1].head, 5);
    ck_assert_double_eq(p->heads[0].weight, -1.5);
    ck_assert_int_eq(profile_layers(p), 3);
    ck_assert_ok(profile_write(&once, p, &err), &err);
    ck_assert_ok(profile_parse(&q, once.data, once.len, "again", &err), &err);
    ck_assert_ok(profile_write(&twice, q, &err), &err);
    ck_assert_str_eq(buf_text(&once), buf_text(&twice));
    ck_assert_int_eq(q->bits, 4);
    ck_assert_double_eq(q->heads[1].weight, 1e-3);
    buf_clear(&once);
    buf_clear(&twice);
    profile_free(p);
    profile_free(q);
    profile_free(NULL);
}
END_TEST

START_TEST(a_fused_first_stage_has_the_weight_of_any_other_unless_said_otherwise)
{
    struct profile *p = NULL, *q = NULL;
    struct buf text = {0};

    ck_assert_ok(parse(&p, good), &err);
    ck_assert_double_eq(p->first_stage_fused, .25);
    p->first_stage_fused = 3;
    ck_assert_ok(profile_write(&text, p, &err), &err);
    ck_assert_ok(profile_parse(&q, text.data, text.len, "again", &err), &err);
    ck_assert_double_eq(q->first_stage, .25);
    ck_assert_double_eq(q->first_stage_fused, 3);
    buf_clear(&text);
    profile_free(p);
    profile_free(q);
}
END_TEST

/* good, with the first `was` in place of which is `is`. */
static void replaced(struct buf *out, const char *was, const char *is)
{
    const char *at = strstr(good, was);

    ck_assert_ptr_nonnull(at);
    buf_reset(out);
    buf_add(out, good, (size_t)(at - good));
    buf_printf(out, "%s%s", is, at + strlen(was));
}

START_TEST(a_bad_field_is_refused_by_its_name)
{
    static const struct {
        const char *was, *is, *name;
    } bad[] = {
        {"\"name\": \"n\"", "\"nam\": \"n\"", "'name'"},
        {"\"n\"", "7", "'name'"},
        {"\"icr-blocks\"", "\"icr-block\"", "'method'"},
        {"\"icr-blocks\"", "null", "'method'"},
        {"\"method\"", "\"m\"", "'method'"},
        {"\"model\"", "\"mod\"", "'model'"},
        {"\"n\"", "\"\"", "'name'"},
        {"\"n\"", "\"\\u001b[2J\"", "'name'"},
        {"\"n\"", "\"a\\nb\"", "'name'"},
        {"\"n\"", "\"\\u009b\"", "'name'"},
        {"\"n\"", "\"a/b\"", "'name'"},
        {"\"m\"", "\"/etc/passwd\"", "'model'"},
        {"\"m\"", "\"m\\u007f\"", "'model'"},
        {"\"sha256\"", "\"sha\"", "'sha256'"},
        {"\"mass\"", "[]", "'statistic'"},
        {"true", "1", "'calibrated'"},
        {"true", "\"no\"", "'calibrated'"},
        {"\"calibrated\"", "\"calib\"", "'calibrated'"},
        {"\"answer\"", "\"ask\"", "'wants'"},
        {"\"bits\": 4", "\"bits\": 5", "'bits'"},
        {"\"bits\": 4", "\"bits\": 4.5", "'bits'"},
        {"\"bits\": 4", "\"bits\": 1e99", "'bits'"},
        {"\"bits\": 4", "\"bits\": \"4\"", "'bits'"},
        {"\"bits\": 4,", "", "'bits'"},
        {"0.25", "-0.25", "'first_stage'"},
        {"0.25", "1e300", "'first_stage'"},
        {"0.25", "false", "'first_stage'"},
        {"\"layer\": 2", "\"layer\": -1", "'layer'"},
        {"\"layer\": 2", "\"layer\": 1025", "'layer'"},
        {"\"layer\": 2", "\"layer\": 2.5", "'layer'"},
        {"\"head\": 3", "\"head\": 99999999999999999999", ""},
        {"\"head\": 3", "\"head\": 99999999", "'head'"},
        {"-1.5", "-1e7", "'weight'"},
        {"-1.5", "[1]", "'weight'"},
        {"\"head\": 3", "\"head\": 5", "heads are not in order"},
        {"\"head\": 3", "\"head\": 6", "heads are not in order"},
        {"\"layer\": 2", "\"layer\": 3", "heads are not in order"},
        {"[{\"layer\": 2", "[7, {\"layer\": 2", "'layer'"},
        {"\"heads\"", "\"head\"", "'heads'"},
        {"\"chosen\"", "\"chose\"", "'chosen'"},
    };
    struct buf json = {0};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct profile *p = NULL;

        replaced(&json, bad[i].was, bad[i].is);
        ck_assert_msg(parse(&p, buf_text(&json)) == E_FORMAT, "%s", buf_text(&json));
        ck_assert_ptr_null(p);
        ck_assert_ptr_nonnull(strstr(err.text, "p.json"));
        ck_assert_msg(strstr(err.text, bad[i].name) != NULL, "%s for %s", err.text, bad[i].is);
        err_clear(&err);
    }
    buf_clear(&json);
}
END_TEST

START_TEST(names_of_profiles_are_printable_and_no_paths)
{
    struct profile *p = NULL;
    struct buf out = {0};
    char name[120];

    ck_assert(profile_is_name("Qwen2.5 (na\xc3\xafve)"));
    memset(name, 'x', sizeof name);
    for (int n = 99; n <= 101; n++) {
        name[n] = '\0';
        ck_assert_int_eq(profile_is_name(name), n <= 100);
        name[n] = 'x';
    }
    ck_assert(!profile_is_name("\xff"));
    ck_assert_ok(parse(&p, good), &err);
    p->model[0] = '/'; /* what would not be read is not written */
    ck_assert_err(profile_write(&out, p, &err), E_INVALID, "no slash", &err);
    buf_clear(&out);
    profile_free(p);
}
END_TEST

START_TEST(a_profile_has_1_to_64_heads)
{
    for (int n = 0; n <= 70; n += n < 60 ? 12 : 1) {
        struct buf heads = {0}, json = {0};
        struct profile *p = NULL;

        for (int i = 0; i < n; i++)
            buf_printf(&heads, "%s{\"layer\": %d, \"head\": %d, \"weight\": 1}", i ? "," : "",
                       i / 8, i % 8);
        replaced(&json,
                 "{\"layer\": 2, \"head\": 3, \"weight\": -1.5}, "
                 "{\"layer\": 2, \"head\": 5, \"weight\": 1e-3}",
                 buf_text(&heads));
        if (n >= 1 && n <= PROFILE_MAX_HEADS) {
            ck_assert_ok(parse(&p, buf_text(&json)), &err);
            ck_assert_int_eq(p->n_heads, n);
            profile_free(p);
        } else {
            ck_assert_err(parse(&p, buf_text(&json)), E_FORMAT, "1 to 64 heads", &err);
        }
        buf_clear(&heads);
        buf_clear(&json);
    }
}
END_TEST

START_TEST(hostile_json_is_refused)
{
    static const char *const bad[] = {"", "[]", "null", "{", "{}", "7", "\"x\"", "{\"name\":}"};
    struct buf deep = {0};
    struct profile *p = NULL;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(parse(&p, bad[i]), E_FORMAT);
        err_clear(&err);
    }
    for (size_t n = 0; n + 1 < strlen(good); n++) {
        ck_assert_int_eq(profile_parse(&p, good, n, "cut", &err), E_FORMAT);
        err_clear(&err);
    }
    for (int i = 0; i < 100000; i++)
        buf_puts(&deep, "[");
    ck_assert_int_eq(parse(&p, buf_text(&deep)), E_FORMAT);
    err_clear(&err);
    buf_clear(&deep);
    ck_assert_ptr_null(p);
}
END_TEST

START_TEST(a_profile_is_found_by_name_or_file)
{
    struct profile *p = NULL;
    const char *name, *text;
    char dir[64], path[96];
    size_t n;

    tmp_dir(dir);
    snprintf(path, sizeof path, "%s/p.json", dir);
    tmp_write(path, good, strlen(good));
    ck_assert_ok(profile_open(&p, path, "stored", &err), &err);
    profile_free(p);
    p = NULL;
    ck_assert_err(profile_open(&p, "nosuch", "stored", &err), E_NOTFOUND,
                  "no profile 'nosuch' for stored", &err);
    ck_assert_err(profile_open(&p, "", NULL, &err), E_NOTFOUND, "fovea heads", &err);
    ck_assert_err(profile_open(&p, dir, NULL, &err), E_NOTFOUND, "no profile", &err);
    for (int i = 0; (text = profile_shipped(&name, &n, i)); i++) { /* those that ship are right */
        char called[64];

        ck_assert_uint_eq(n, strlen(text));
        snprintf(called, sizeof called, "%.*s", (int)(strlen(name) - 5), name);
        ck_assert_ok(profile_open(&p, called, NULL, &err), &err);
        snprintf(called, sizeof called, "%s-%s.json", p->model, p->method);
        ck_assert_str_eq(called, name);
        ck_assert_uint_eq(strlen(p->sha256), 64);
        profile_free(p);
        p = NULL;
    }
    ck_assert_int_eq(chdir(dir), 0); /* files here do not hide those that ship */
    tmp_write("smollm2", "x", 1);
    tmp_write("smollm2-stored.json", good, strlen(good));
    tmp_write("mine", good, strlen(good));
    ck_assert_ok(profile_open(&p, "smollm2", "stored", &err), &err);
    ck_assert_str_eq(p->name, "smollm2");
    profile_free(p);
    ck_assert_ok(profile_open(&p, "smollm2-stored.json", "stored", &err), &err);
    ck_assert_str_eq(p->name, "n");
    profile_free(p);
    p = NULL;
    ck_assert_err(profile_open(&p, "mine", "stored", &err), E_NOTFOUND, "that is './mine'", &err);
    ck_assert_ok(profile_open(&p, "./mine", "stored", &err), &err);
    profile_free(p);
    ck_assert_int_eq(chdir("/"), 0);
    tmp_remove(dir);
}
END_TEST

START_TEST(memory_may_end_while_a_profile_is_read_or_written)
{
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct profile *p = NULL;
        struct buf out = {0};

        err_clear(&err);
        rc = parse(&p, good);
        rc = rc ? rc : profile_write(&out, p, &err);
        buf_clear(&out);
        profile_free(p);
    });
}
END_TEST

TCase *profile_tests(void)
{
    TCase *tc = tcase_create("profile");

    tcase_add_test(tc, what_is_written_is_what_was_read);
    tcase_add_test(tc, a_fused_first_stage_has_the_weight_of_any_other_unless_said_otherwise);
    tcase_add_test(tc, a_bad_field_is_refused_by_its_name);
    tcase_add_test(tc, names_of_profiles_are_printable_and_no_paths);
    tcase_add_test(tc, a_profile_has_1_to_64_heads);
    tcase_add_test(tc, hostile_json_is_refused);
    tcase_add_test(tc, a_profile_is_found_by_name_or_file);
    tcase_add_test(tc, memory_may_end_while_a_profile_is_read_or_written);
    return tc;
}
