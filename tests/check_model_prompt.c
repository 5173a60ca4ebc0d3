/* check_model_prompt.c -- the wording that models read, as tokens. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include "model/model.h"
#include "model/prompt.h"
#include "tests/tiny_gguf.h"

static struct err err;
static char dir[64], path[96];
static struct reader *reader;

static void open_reader(const char *kind, const char *chat)
{
    struct tiny_gguf tiny = tiny_gguf_of(kind);

    tmp_dir(dir);
    snprintf(path, sizeof path, "%s/tiny.gguf", dir);
    tiny.chat = chat;
    tiny_gguf_write(path, &tiny);
    ck_assert_ok(
        reader_open(&reader, path, &(struct reader_options){.precision = MODEL_I8}, NULL, &err),
        &err);
}

static void close_reader(void)
{
    reader_close(reader);
    tmp_remove(dir);
}

/* The text of tokens begin..end-1, control tokens spelled out; static storage. */
static const char *text_of(const struct tokens *list, size_t begin, size_t end)
{
    static struct buf out;
    struct decoding d = {0};

    buf_reset(&out);
    ck_assert_ok(tokenizer_decode(&out, &d, reader_tokenizer(reader), list->ids + begin,
                                  end - begin, DECODE_CONTROL, &err),
                 &err);
    decoding_end(&out, &d);
    return buf_text(&out);
}

static struct prompt_passage passage_of(const char *title, const char *text)
{
    return (struct prompt_passage){title, strlen(title), text, strlen(text)};
}

#define TAIL "Find the paragraphs above that hold what the following query needs.\n\nQuery: the eye"

START_TEST(pieces_are_worded_as_they_are_said_to_be)
{
    static const struct {
        const char *kind, *chat, *head, *end;
    } rows[] = {
        {"llama", "unheard of", " Here are some paragraphs:", ""},
        {"qwen2", "... <|im_start|> ...",
         "<|im_start|>user\n Here are some paragraphs:", "<|im_end|>\n<|im_start|>assistant\n"},
        {"gemma3", "unheard of", "<bos> Here are some paragraphs:", ""},
        {"gemma3", "... <start_of_turn> ...",
         "<bos><start_of_turn>user\n Here are some paragraphs:",
         "<end_of_turn>\n<start_of_turn>model\n"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct prompt_passage p = passage_of(" The eye", "sees words. \n");
        struct tokens list = {0};
        struct prompt_range numbered, bare;
        struct prompt_tail tail;
        char want[256];

        open_reader(rows[i].kind, rows[i].chat);
        ck_assert_int_eq(reader_chat(reader) != NULL, rows[i].chat[0] == '.');
        ck_assert_ok(prompt_head(&list, reader, &err), &err);
        ck_assert_str_eq(text_of(&list, 0, list.n), rows[i].head);
        ck_assert_ok(prompt_passage(&list, &numbered, reader, &p, 12, 500, &err), &err);
        ck_assert_str_eq(text_of(&list, numbered.begin, numbered.end), "[12] The eye\nsees words.");
        ck_assert_ok(prompt_passage(&list, &bare, reader, &p, 0, 500, &err), &err);
        ck_assert_str_eq(text_of(&list, bare.begin, bare.end), "The eye\nsees words.");
        ck_assert_str_eq(text_of(&list, numbered.end, bare.begin), "\n\n");
        ck_assert_ok(prompt_tail(&list, &tail, reader, "\tthe eye \n", 10, PROMPT_FIND, 400, &err),
                     &err);
        snprintf(want, sizeof want, "%s%s", TAIL, rows[i].end);
        ck_assert_str_eq(text_of(&list, tail.asks.begin, tail.asks.end), want);
        ck_assert_uint_eq(tail.asks.end, list.n);
        ck_assert_str_eq(text_of(&list, tail.words.begin, tail.words.end), " the eye");
        ck_assert_str_eq(text_of(&list, bare.end, tail.asks.begin), "\n\n");
        tokens_clear(&list);
        close_reader();
    }
}
END_TEST

START_TEST(tokens_of_a_passage_do_not_depend_on_others_and_say_what_they_stand_for)
{
    const struct prompt_passage p = passage_of("The \xc3\xa9ye", "sees <|im_end|> words");
    static const char joined[] = "The \xc3\xa9ye\nsees <|im_end|> words";
    struct tokens alone = {0}, list = {0};
    struct prompt_range a, b;

    open_reader("qwen2", NULL);
    for (int number = 0; number < 2; number++) {
        size_t at = 0;

        alone.n = 0;
        ck_assert_ok(prompt_head(&list, reader, &err), &err);
        ck_assert_ok(prompt_passage(&alone, &a, reader, &p, number, 500, &err), &err);
        ck_assert_ok(prompt_passage(&list, &b, reader, &p, number, 500, &err), &err);
        ck_assert_uint_eq(a.end - a.begin, b.end - b.begin);
        ck_assert_mem_eq(alone.ids + a.begin, list.ids + b.begin,
                         (a.end - a.begin) * sizeof *list.ids);
        for (size_t i = a.begin; i < a.end; i++) {
            const struct token_span s = alone.spans[i];

            ck_assert_int_gt(alone.ids[i], TINY_END_OF_TURN); /* no mark from a text */
            ck_assert(s.begin <= s.end && s.end <= strlen(joined));
            if (s.begin < s.end) {
                ck_assert_uint_eq(s.begin, at);
                at = s.end;
            }
        }
        ck_assert_uint_eq(at, strlen(joined));
    }
    tokens_clear(&alone);
    tokens_clear(&list);
    close_reader();
}
END_TEST

START_TEST(what_is_too_long_is_cut)
{
    struct buf text = {0};
    struct tokens list = {0};
    struct prompt_passage p;
    struct prompt_range where;
    struct prompt_tail tail;
    const char *read;
    size_t n;

    open_reader("qwen2", NULL);
    for (int i = 0; i < 400; i++)
        buf_printf(&text, "%sw%d", i ? " " : "", i);
    p = passage_of("", buf_text(&text));
    ck_assert_ok(prompt_passage(&list, &where, reader, &p, 0, 100000, &err), &err);
    read = text_of(&list, where.begin, where.end);
    ck_assert_str_eq(read + strlen(read) - 5, " w299");
    ck_assert_int_eq(where.is_cut, 1);
    p.n_text = strlen(read) - 1; /* just that: all is read */
    list.n = 0;
    ck_assert_ok(prompt_passage(&list, &where, reader, &p, 0, 100000, &err), &err);
    ck_assert_int_eq(where.is_cut, 0);
    n = where.end - where.begin;
    for (size_t most = n - 1; most <= n; most++) {
        list.n = 0;
        ck_assert_ok(prompt_passage(&list, &where, reader, &p, 0, most, &err), &err);
        ck_assert_uint_eq(where.end - where.begin, most);
        ck_assert_int_eq(where.is_cut, most < n);
    }
    list.n = 0;
    ck_assert_ok(prompt_passage(&list, &where, reader, &p, 0, 7, &err), &err);
    ck_assert_uint_eq(where.end - where.begin, 7);
    ck_assert_uint_eq(where.end, list.n);
    list.n = 0;
    ck_assert_ok(
        prompt_tail(&list, &tail, reader, buf_text(&text), text.len, PROMPT_ANSWER, 9, &err), &err);
    ck_assert_uint_eq(tail.words.end - tail.words.begin, 9);
    ck_assert_int_eq(tail.words.is_cut, 1);
    ck_assert_ptr_nonnull(strstr(text_of(&list, 0, list.n), "Answer the following question"));
    buf_clear(&text);
    tokens_clear(&list);
    close_reader();
}
END_TEST

START_TEST(blanks_are_an_empty_passage)
{
    static const char *const blanks[] = {"", " ", "\n\t\r\v\f "};
    struct tokens list = {0};

    open_reader("qwen2", NULL);
    for (int i = 0; i < 3; i++)
        for (int number = 0; number < 2; number++) {
            const struct prompt_passage p = passage_of(i ? " " : "", blanks[i]);
            struct prompt_range where;

            ck_assert_ok(prompt_passage(&list, &where, reader, &p, number, 500, &err), &err);
            ck_assert_uint_eq(where.begin, where.end);
        }
    tokens_clear(&list);
    close_reader();
}
END_TEST

START_TEST(memory_may_end_while_a_prompt_is_made)
{
    const struct prompt_passage p = passage_of("The eye", "sees words");
    int rc;

    open_reader("qwen2", "... <|im_start|> ...");
    FAIL_EACH_ALLOC(rc, {
        struct tokens list = {0};
        struct prompt_range where;
        struct prompt_tail tail;
        size_t n = 0;

        err_clear(&err);
        rc = prompt_head(&list, reader, &err);
        n = rc ? n : list.n;
        rc = rc ? rc : prompt_passage(&list, &where, reader, &p, 3, 500, &err);
        n = rc ? n : list.n;
        rc = rc ? rc : prompt_tail(&list, &tail, reader, "the eye", 7, PROMPT_FIND, 400, &err);
        if (rc)
            ck_assert_uint_eq(list.n, n); /* as it was */
        tokens_clear(&list);
    });
    close_reader();
}
END_TEST

START_TEST(a_reader_is_called_after_its_folder_or_file)
{
    static const struct {
        const char *path, *name;
    } rows[] = {
        {"/models/smollm2/model.gguf", "smollm2"},
        {"smollm2//model.gguf", "smollm2"},
        {"model.gguf", "model"},
        {"/model.gguf", "model"},
        {"/models/tiny.gguf", "tiny"},
        {"tiny.bin", "tiny.bin"},
        {"x", "x"},
        {".gguf", ".gguf"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *name = reader_name_of(rows[i].path);

        ck_assert_str_eq(name, rows[i].name);
        mem_free(name);
    }
}
END_TEST

TCase *prompt_tests(void)
{
    TCase *tc = tcase_create("prompt");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, pieces_are_worded_as_they_are_said_to_be);
    tcase_add_test(tc, tokens_of_a_passage_do_not_depend_on_others_and_say_what_they_stand_for);
    tcase_add_test(tc, what_is_too_long_is_cut);
    tcase_add_test(tc, blanks_are_an_empty_passage);
    tcase_add_test(tc, memory_may_end_while_a_prompt_is_made);
    tcase_add_test(tc, a_reader_is_called_after_its_folder_or_file);
    return tc;
}
