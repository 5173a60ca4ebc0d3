/* check_model_tokens_broken.c -- tokenizers of decoders: what is refused, hostile vocabularies and texts, no memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "tests/check_model_tokens.h"

static struct err err;
static struct small small;

static void no_tokens(struct small *s)
{
    s->source.n_tokens = 0;
    s->source.bos = s->source.eos = -1;
}

static void type_9(struct small *s) { s->types[7] = 9; }
static void bos_outside(struct small *s) { s->source.bos = 1000; }
static void other_pre(struct small *s) { s->source.pre = "viking"; }
static void half_a_name(struct small *s) { s->source.pre = "llama"; }
static void empty_name(struct small *s) { s->source.pre = ""; }
static void other_model(struct small *s) { s->source.model = "rwkv"; }
static void merge_of_one(struct small *s) { small_merge(s, "th"); }
static void merge_of_blank(struct small *s) { small_merge(s, " "); }
static void merge_of_none(struct small *s) { small_merge(s, ""); }
static void merge_of_strangers(struct small *s) { small_merge(s, "th xx"); }
static void merge_to_stranger(struct small *s) { small_merge(s, "th th"); }
static void merge_of_three(struct small *s) { small_merge(s, "t h e"); }
static void long_mark(struct small *s)
{
    static char text[400];

    memset(text, 'x', 399);
    small_token(s, text, TOKEN_USER, 0);
}
static void sentencepiece(struct small *s) { small_sentencepiece(s, 1); }
static void no_scores(struct small *s)
{
    sentencepiece(s);
    s->source.scores = NULL;
}
static void not_a_score(struct small *s)
{
    sentencepiece(s);
    s->scores[4] = (float)strtod("nan", NULL);
}

static const struct {
    void (*change)(struct small *s);
    int code;
    const char *part;
} broken[] = {
    {no_tokens, E_FORMAT, "no tokens"},
    {type_9, E_FORMAT, "token 7 has the type 9"},
    {bos_outside, E_FORMAT, "the BOS token is 1000"},
    {other_pre, E_INVALID, "'viking' does; known are: default gpt-2"},
    {half_a_name, E_INVALID, "'llama' does; known are"},
    {empty_name, E_INVALID, "'' does; known are"},
    {other_model, E_INVALID, "'rwkv'; known are: gpt2 (bpe), llama (sentencepiece)"},
    {merge_of_one, E_FORMAT, "merge 9, 'th', is not two tokens"},
    {merge_of_blank, E_FORMAT, "is not two tokens"},
    {merge_of_none, E_FORMAT, "is not two tokens"},
    {merge_of_strangers, E_FORMAT, "no token for the right part"},
    {merge_to_stranger, E_FORMAT, "no token for the two together"},
    {merge_of_three, E_FORMAT, "no token for the right part"},
    {long_mark, E_FORMAT, "has 399 bytes; a special token has at most 256"},
    {no_scores, E_FORMAT, "no scores"},
    {not_a_score, E_FORMAT, "the score of token 4"},
};

START_TEST(a_vocabulary_that_contradicts_itself_is_refused)
{
    struct tokenizer *t = NULL;

    small_bpe(&small, NULL);
    broken[_i].change(&small);
    ck_assert_err(tokenizer_new(&t, &small.source, &err), broken[_i].code, broken[_i].part, &err);
    ck_assert_ptr_null(t);
}
END_TEST

START_TEST(odd_vocabularies_are_taken)
{
    struct tokenizer *t;

    small_bpe(&small,
              NULL); /* tokens that are empty, twice there, not in the alphabet; a merge twice */
    small_token(&small, "", TOKEN_NORMAL, 0);
    small_token(&small, "", TOKEN_CONTROL, 0);
    small_token(&small, "", TOKEN_USER, 0);
    small_token(&small, "the", TOKEN_NORMAL, 0);
    small_token(&small, "a b", TOKEN_NORMAL, 0);
    small_token(&small, "\xff", TOKEN_NORMAL, 0);
    small_merge(&small, "t h");
    t = small_open(&small);
    ck_assert_ids(t, "the", 0, "272"); /* the later of two */
    ck_assert_ids(t, "a b", 0, "97 32 98");
    tokenizer_close(t);
    memset(&small, 0, sizeof small); /* nothing but a word */
    small.source =
        (struct tokenizer_source){.model = "gpt2", .bos = -1, .eos = -1, .eot = -1, .unk = -1};
    small_token(&small, "x", TOKEN_NORMAL, 0);
    t = small_open(&small);
    ck_assert_ids(t, "abx\xff", 0, "0");
    tokenizer_close(t);
    small_sentencepiece(&small, 0); /* bytes that are none, no unknown token */
    small.source.unk = -1;
    small_token(&small, "<0xZZ>", TOKEN_BYTE, 0);
    small_token(&small, "", TOKEN_BYTE, 0);
    t = small_open(&small);
    ck_assert_ids(t, "axyb", 0, "4 5");
    tokenizer_close(t);
}
END_TEST

START_TEST(long_words_take_time_in_proportion)
{
    static const char *const bits[] = {
        "a", " ", "ab", "-", "\n", " \n", "'", "1", "e\xcc\x96\xcc\x81", "\xff", "\xe2\x96\x81"};
    enum { BYTES = 400000 };

    for (size_t b = 0; b < sizeof bits / sizeof *bits; b++) {
        struct tokenizer *t = small_open_nth(&small, _i);
        struct tokens list = {0};
        struct buf text = {0};

        while (text.len < BYTES)
            buf_puts(&text, bits[b]);
        buf_puts(&text, "x");
        ck_assert_ok(tokenizer_encode(&list, t, text.data, text.len, 0, &err), &err);
        ck_assert_uint_gt(list.n, 1);
        tokens_clear(&list);
        buf_clear(&text);
        tokenizer_close(t);
    }
}
END_TEST

/* ---- allocations ---- */

static int open_and_run(void)
{
    static const char text[] = "the thing \xff e\xcc\x81\xcc\x96 <tool> "
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \xe2\x96\x81";
    struct tokenizer *t = NULL;
    struct tokens list = {0};
    struct ids ids = {0};
    struct err e = {0};
    int rc = tokenizer_new(&t, &small.source, &e);

    if (!rc)
        rc = tokenizer_encode(&list, t, text, sizeof text - 1, ENCODE_ENDS, &e);
    if (rc)
        ck_assert_uint_eq(list.n, 0);
    if (!rc)
        rc = tokenizer_add(&ids, t, text, sizeof text - 1, 10, &e);
    ids_clear(&ids);
    tokens_clear(&list);
    tokenizer_close(t);
    return rc;
}

START_TEST(each_allocation_of_a_decoder_s_tokenizer_may_fail_once)
{
    int rc = 0;

    tokenizer_close(small_open_nth(&small, _i)); /* fills `small` */
    FAIL_EACH_ALLOC(rc, rc = open_and_run());
}
END_TEST

TCase *tokens_broken_tests(void)
{
    TCase *tc = tcase_create("broken vocabularies");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_vocabulary_that_contradicts_itself_is_refused, 0,
                        sizeof broken / sizeof *broken);
    tcase_add_test(tc, odd_vocabularies_are_taken);
    tcase_add_loop_test(tc, each_allocation_of_a_decoder_s_tokenizer_may_fail_once, 0,
                        N_TOKENIZERS);
    return tc;
}

TCase *tokens_long_tests(void)
{
    TCase *tc = tcase_create("long words");

    tcase_set_tags(tc, "heavy");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, long_words_take_time_in_proportion, 0, N_TOKENIZERS);
    return tc;
}
