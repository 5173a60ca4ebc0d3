/* check_model_tokens_golden.c -- decoders' tokens and chats against the reference's (tests/golden/tokens_*.txt), where the models are. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/digest.h"
#include "base/lines.h"
#include "base/utf8.h"
#include "model/chat.h"
#include "model/gguf.h"
#include "tests/check_model.h"
#include "tests/check_model_tokens.h"

static struct err err;

static const struct {
    const char *name, *chat, *end;
    int bos, eos, eot;
    size_t size;
} models[] = {
    {"smollm2", "smollm2", "<|im_end|>", 1, 2, 2, 49152},
    {"qwen0.5b", "qwen2.5", "<|im_end|>", 151643, 151645, 151645, 151936},
    {"gemma3", "gemma", "<end_of_turn>", 2, 1, 106, 262144},
};

enum { N_MODELS = sizeof models / sizeof *models };

/* The golden values of a model, and the model. */
struct golden {
    struct tokenizer *t;
    const struct chat *chat;
    struct lines *in;
    char *line; /* at hand */
    uint32_t crc;
    size_t n_texts;
};

/* 0 if the model is not here. */
static int open_golden(struct golden *g, int model)
{
    const char *path = decoder_path(models[model].name);
    struct token_text chat = {0}, architecture = {0};
    struct gguf *file = NULL;
    char name[64], golden[64];

    if (!path)
        return 0;
    ck_assert_ok(gguf_open(&file, path, &err), &err);
    ck_assert_ok(tokenizer_open_gguf(&g->t, file, &err), &err);
    ck_assert_ok(gguf_text(&chat, file, "tokenizer.chat_template", &err), &err);
    ck_assert_ok(gguf_need_text(&architecture, file, "general.architecture", &err), &err);
    snprintf(name, sizeof name, "%.*s", (int)architecture.n, architecture.p);
    ck_assert_ok(chat_find(&g->chat, g->t, chat.p, chat.n, name, &err), &err);
    gguf_close(file);
    snprintf(golden, sizeof golden, "tests/golden/tokens_%s.txt", models[model].name);
    ck_assert_ok(lines_open(&g->in, source_path(golden), &err), &err);
    return 1;
}

static void close_golden(struct golden *g)
{
    lines_close(g->in);
    tokenizer_close(g->t);
}

/* The next line that begins with a word; 0 at the end. */
static int next_line(struct golden *g, const char *word)
{
    size_t n;
    int rc;

    while ((rc = lines_next(&g->line, &n, g->in, &err)) == 1)
        if (!strncmp(g->line, word, strlen(word)) && g->line[strlen(word)] == '\t')
            return 1;
    ck_assert_ok(rc, &err);
    return 0;
}

static uint32_t crc_of(const struct tokens *list, uint32_t crc)
{
    for (size_t i = 0; i < list->n; i++) {
        unsigned v = (unsigned)list->ids[i];
        unsigned char le[4] = {(unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16),
                               (unsigned char)(v >> 24)};

        crc = digest_crc32(crc, le, 4);
    }
    return crc;
}

/* ---- texts ---- */

static void compare_hundred(struct golden *g)
{
    ck_assert(next_line(g, "texts"));
    ck_assert_msg(strtoul(g->line + 6, NULL, 16) == g->crc,
                  "the texts up to %zu have other ids than the reference", g->n_texts);
    g->crc = 0;
}

static void add_text(size_t i, const char *text, void *payload)
{
    struct golden *g = payload;
    struct tokens list = {0};

    ck_assert_uint_eq(i, g->n_texts);
    ck_assert_ok(tokenizer_encode(&list, g->t, text, strlen(text), 0, &err), &err);
    ck_assert_ok(tokens_add(&list, -1, &err), &err);
    g->crc = crc_of(&list, g->crc);
    if (++g->n_texts % 100 == 0)
        compare_hundred(g);
    tokens_clear(&list);
}

START_TEST(tokens_of_every_scifact_text_are_those_of_the_reference)
{
    struct golden g = {0};

    if (!open_golden(&g, _i))
        return;
    each_scifact_text(add_text, &g);
    compare_hundred(&g);
    ck_assert(!next_line(&g, "texts"));
    ck_assert_uint_eq(g.n_texts, 5183 + 1109);
    close_golden(&g);
}
END_TEST

/* ---- hostile texts ---- */

/* Splits the line at hand at its tabs.  Returns the number of fields. */
static int split_line(struct golden *g, char **fields, int max)
{
    int n = 0;

    for (char *tab = g->line; tab && n < max;)
        fields[n++] = strsep(&tab, "\t");
    return n;
}

/* "616263" three times over. */
static void unhex(struct buf *out, const char *hex, int times)
{
    for (; times; times--)
        for (const char *h = hex; *h; h += 2) {
            unsigned byte;

            ck_assert_int_eq(sscanf(h, "%2x", &byte), 1);
            buf_putc(out, (char)byte);
        }
}

/* The ids of a field, "1 2 3", must be the first of the list. */
static void compare_ids(const struct tokens *list, char *ids, const char *what)
{
    size_t i = 0;

    for (char *id; (id = strsep(&ids, " ")) && *id; i++)
        ck_assert_msg(i < list->n && atoi(id) == list->ids[i],
                      "%s: token %zu is %d, the reference has %s", what, i,
                      i < list->n ? list->ids[i] : -1, id);
}

START_TEST(tokens_of_hostile_texts_are_those_of_the_reference)
{
    struct golden g = {0};
    size_t n_lines = 0;

    if (!open_golden(&g, _i))
        return;
    for (; next_line(&g, "hostile"); n_lines++) {
        struct buf text = {0};
        struct tokens list = {0};
        char *f[7];

        ck_assert_int_eq(split_line(&g, f, 7), 7);
        unhex(&text, f[3], atoi(f[2]));
        ck_assert_ok(tokenizer_encode(&list, g.t, buf_text(&text), text.len, 0, &err), &err);
        compare_ids(&list, f[6], f[1]);
        ck_assert_msg(list.n == strtoul(f[4], NULL, 10), "%s: %zu tokens, the reference has %s",
                      f[1], list.n, f[4]);
        ck_assert_msg(crc_of(&list, 0) == strtoul(f[5], NULL, 16),
                      "%s: other ids than the reference", f[1]);
        tokens_clear(&list);
        buf_clear(&text);
    }
    ck_assert_uint_gt(n_lines, 250);
    close_golden(&g);
}
END_TEST

/* ---- every code point ---- */

/* The ids of "ab* *1*the'*  **x" with a code point for each star, behind those that are there. */
static uint32_t sweep(const struct tokenizer *t, uint32_t cp, uint32_t crc)
{
    struct tokens list = {0};
    struct buf text = {0};
    char c[4];
    size_t n = (size_t)utf8_encode(c, cp);

    for (const char *s = "ab* *1*the'*  **x"; *s; s++)
        buf_add(&text, *s == '*' ? c : s, *s == '*' ? n : 1);
    ck_assert_int_eq(tokenizer_encode(&list, t, text.data, text.len, 0, &err), 0);
    crc = crc_of(&list, crc);
    tokens_clear(&list);
    buf_clear(&text);
    return crc;
}

START_TEST(every_code_point_is_treated_as_the_reference_does)
{
    struct golden g = {0};
    size_t n_lines = 0;

    if (!open_golden(&g, _i))
        return;
    for (; next_line(&g, "sweep"); n_lines++) {
        unsigned first, want;
        uint32_t crc = 0;

        ck_assert_int_eq(sscanf(g.line, "sweep %x %x", &first, &want), 2);
        for (uint32_t cp = first; cp < first + 4096; cp++)
            if (cp < 0xd800 || cp > 0xdfff)
                crc = sweep(g.t, cp, crc);
        ck_assert_msg(crc == want, "code points from %x: other ids than the reference", first);
    }
    ck_assert_uint_eq(n_lines, 50);
    close_golden(&g);
}
END_TEST

/* ---- chats ---- */

START_TEST(chats_are_spelled_as_the_model_s_template_does)
{
    struct golden g = {0};
    size_t n_lines = 0;

    if (!open_golden(&g, _i))
        return;
    ck_assert_str_eq(chat_name(g.chat), models[_i].chat);
    for (; next_line(&g, "chat"); n_lines++) {
        struct chat_message m[4];
        struct chat_range where[4];
        struct buf texts[4] = {0};
        struct tokens list = {0};
        char *f[3 + 8 + 1] = {0};
        int n_fields = split_line(&g, f, 12), n = (n_fields - 4) / 2;

        ck_assert_int_eq(n, atoi(f[2]));
        for (int i = 0; i < n; i++) {
            unhex(&texts[i], f[4 + 2 * i], 1);
            m[i] = (struct chat_message){f[3 + 2 * i], buf_text(&texts[i]), texts[i].len};
        }
        ck_assert_ok(chat_encode(&list, where, g.chat, g.t, m, (size_t)n, atoi(f[1]), &err), &err);
        compare_ids(&list, f[n_fields - 1], "a chat");
        for (int i = 0; i < n; i++) { /* where a message is, its text is */
            struct token_span first = list.spans[where[i].begin],
                              last = list.spans[where[i].end - 1];

            ck_assert_uint_eq(first.begin, 0);
            ck_assert_uint_eq(last.end, m[i].n);
            buf_clear(&texts[i]);
        }
        tokens_clear(&list);
    }
    ck_assert_uint_eq(n_lines, 8);
    close_golden(&g);
}
END_TEST

START_TEST(special_tokens_are_those_of_the_model)
{
    struct golden g = {0};
    struct special_ids special;

    if (!open_golden(&g, _i))
        return;
    special = tokenizer_specials(g.t);
    ck_assert_int_eq(special.bos, models[_i].bos);
    ck_assert_int_eq(special.eos, models[_i].eos);
    ck_assert_int_eq(special.eot, models[_i].eot);
    ck_assert_int_eq(chat_end(g.chat, g.t), models[_i].eot);
    ck_assert_int_eq(tokenizer_find_special(g.t, models[_i].end), models[_i].eot);
    ck_assert_uint_eq(tokenizer_size(g.t), models[_i].size);
    close_golden(&g);
}
END_TEST

TCase *tokens_slow_tests(void)
{
    TCase *tc = tcase_create("tokens of real models");

    tcase_set_tags(tc, "slow");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, special_tokens_are_those_of_the_model, 0, N_MODELS);
    tcase_add_loop_test(tc, tokens_of_every_scifact_text_are_those_of_the_reference, 0, N_MODELS);
    tcase_add_loop_test(tc, tokens_of_hostile_texts_are_those_of_the_reference, 0, N_MODELS);
    tcase_add_loop_test(tc, every_code_point_is_treated_as_the_reference_does, 0, N_MODELS);
    tcase_add_loop_test(tc, chats_are_spelled_as_the_model_s_template_does, 0, N_MODELS);
    return tc;
}
