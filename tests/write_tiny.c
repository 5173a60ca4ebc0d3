/* write_tiny.c -- writes a small random model for the shell tests: write_tiny cross|encoder|decoder DIR [CONTEXT].
 *
 * A decoder comes with a profile of stored keys, DIR/profile.json, and reads CONTEXT tokens, 1024 unless said.
 *
 * The writers check what they do as tests do, so they run as one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"
#include "tests/testing.h"
#include "tests/tiny_gguf.h"
#include "tests/tiny_model.h"

static const char *kind, *dir;
static int context = 1024;

static void write_decoder(void)
{
    struct tiny_gguf tiny = tiny_gguf_of("llama");
    struct buf bytes = {0};
    char path[512], text[640], sha256[65];
    int n;

    tiny.context = context;
    tiny_gguf_build(&bytes, &tiny);
    digest_sha256(sha256, bytes.data, bytes.len);
    snprintf(path, sizeof path, "%.480s/model.gguf", dir);
    tmp_write(path, bytes.data, bytes.len);
    n = snprintf(
        text, sizeof text,
        "{\"name\": \"tiny\", \"method\": \"stored\", \"model\": \"tiny\", \"sha256\": \"%s\","
        " \"statistic\": \"log-mass\", \"calibrated\": true, \"wants\": \"find\", \"bits\": 8,"
        " \"first_stage\": 0.5, \"heads\": [{\"layer\": 0, \"head\": 1, \"weight\": 1},"
        " {\"layer\": 1, \"head\": 3, \"weight\": 0.5}], \"chosen\": \"by hand\"}\n",
        sha256);
    snprintf(path, sizeof path, "%.480s/profile.json", dir);
    tmp_write(path, text, (size_t)n);
    buf_clear(&bytes);
}

START_TEST(a_model_is_written)
{
    if (!strcmp(kind, "cross"))
        tiny_cross_write(dir, 1, 1);
    else if (!strcmp(kind, "decoder"))
        write_decoder();
    else
        tiny_model_write(dir, 1, "");
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("tiny");
    TCase *tc = tcase_create("tiny");

    if (argc < 3 || argc > 4 ||
        (strcmp(argv[1], "cross") && strcmp(argv[1], "encoder") && strcmp(argv[1], "decoder"))) {
        fprintf(stderr, "usage: write_tiny cross|encoder|decoder DIR [CONTEXT]\n");
        return 2;
    }
    kind = argv[1];
    dir = argv[2];
    if (argc > 3)
        context = atoi(argv[3]);
    tcase_add_test(tc, a_model_is_written);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
