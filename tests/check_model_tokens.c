/* check_model_tokens.c -- tokenizers of decoders on small vocabularies: what they make of texts, and laws. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model_tokens.h"

#include <pthread.h>

#include "base/utf8.h"
#include "model/merge.h"

static struct err err;

/* ---- byte-level BPE ---- */

static struct small small;

START_TEST(the_best_merge_comes_first)
{
    struct tokenizer *t;

    small_bpe(&small, NULL);
    t = small_open(&small);
    ck_assert_ids(t, "the", 0, "257");
    ck_assert_ids(t, " the", 0, "258 104 101"); /* " t" is joined before "th" */
    ck_assert_ids(t, "thing", 0, "256 261");
    ck_assert_ids(t, "aaaaaaa", 0, "267 266 97");
    ck_assert_ids(t, "\xc3\xa9x", 0, "262 120");
    ck_assert_ids(t, "", 0, "");
    tokenizer_close(t);
}
END_TEST

START_TEST(a_word_that_is_a_token_is_that_token_where_the_model_says_so)
{
    struct tokenizer *t;

    small_bpe(&small, "llama-bpe");
    t = small_open(&small);
    ck_assert_ids(t, "x the", 0, "120 259");
    ck_assert_ids(t, "x thex", 0, "120 258 104 101 120");
    tokenizer_close(t);
}
END_TEST

START_TEST(each_pattern_cuts_words_in_its_way)
{
    static const struct {
        const char *pre, *text, *ids;
    } rows[] = {
        {"gpt-2", "a  aa", "97 32 32 266"},    {"gpt-2", "   1", "268 32 49"},
        {"smollm", "   1", "268 32 49"}, /* three blanks, then the digit */
        {"smollm", "a   1", "97 268 32 49"},   {"qwen2", "e\xcc\x81", "262"},
        {"gpt-2", "e\xcc\x81", "101 204 129"}, {"llama3", "  aa", "32 32 266"},
    };

    small_bpe(&small, rows[_i].pre);
    struct tokenizer *t = small_open(&small);

    ck_assert_ids(t, rows[_i].text, 0, rows[_i].ids);
    tokenizer_close(t);
}
END_TEST

START_TEST(control_tokens_come_from_templates_alone)
{
    static const char text[] = "<|im_start|>the<tool><|im_end|>";
    struct tokenizer *t;

    small_bpe(&small, NULL);
    t = small_open(&small);
    ck_assert_ids(t, text, ENCODE_PARSE, "263 257 265 264");
    ck_assert_ids(
        t, text, 0,
        "60 124 105 109 95 115 116 97 114 116 124 62 257 265 60 124 105 109 95 101 110 100 124 62");
    ck_assert_int_eq(tokenizer_find_special(t, "<|im_end|>"), 264);
    ck_assert_int_eq(tokenizer_find_special(t, "<|im_"), -1);
    ck_assert_int_eq(tokenizer_find_special(t, "the"), -1);
    ck_assert_int_eq(tokenizer_specials(t).eot, 264);
    tokenizer_close(t);
}
END_TEST

START_TEST(a_merge_that_makes_a_control_token_is_not_made)
{
    struct tokenizer *t;

    small_bpe(&small, NULL);
    small_token(&small, "xy", TOKEN_CONTROL, 0);
    small_merge(&small, "x y");
    t = small_open(&small);
    ck_assert_ids(t, "xy", 0, "120 121");
    tokenizer_close(t);
}
END_TEST

START_TEST(ends_are_put_where_the_model_says_so)
{
    struct tokenizer *t;
    struct ids ids = {0};

    small_bpe(&small, NULL);
    t = small_open(&small);
    ck_assert_ids(t, "the", ENCODE_ENDS, "257");
    tokenizer_close(t);
    small.source.add_bos = small.source.add_eos = 1;
    t = small_open(&small);
    ck_assert_ids(t, "the", ENCODE_ENDS, "263 257 264");
    ck_assert_ids(t, "the", 0, "257");
    ck_assert_ok(tokenizer_add(&ids, t, "xxxxxx", 6, 4, &err), &err); /* cut: the end stays */
    ck_assert_uint_eq(ids.n, 4);
    ck_assert_int_eq(ids.v[2], 'x');
    ck_assert_int_eq(ids.v[3], 264);
    ids_clear(&ids);
    tokenizer_close(t);
}
END_TEST

START_TEST(a_byte_without_token_is_left_out)
{
    struct tokenizer *t;

    small_bpe(&small, NULL);
    small.types['x'] = TOKEN_UNUSED;
    t = small_open(&small);
    ck_assert_ids(t, "axa", 0, "266"); /* what is around it meets, as in the reference */
    tokenizer_close(t);
}
END_TEST

/* ---- SentencePiece ---- */

START_TEST(the_piece_with_the_best_score_comes_first)
{
    struct tokenizer *t;

    small_sentencepiece(&small, 0);
    t = small_open(
        &small); /* "▁" is 3, "a" 4 .. "e" 8, "▁a" 9, "ab" 10, "▁ab" 11, "abc" 12, "cd" 13, "▁▁" 14 */
    ck_assert_ids(t, " ab", 0, "11"); /* by way of "▁a", which is better than "ab" */
    ck_assert_ids(t, "abcd", 0, "12 7");
    ck_assert_ids(t, "   ab", 0, "14 11");
    ck_assert_ids(t,
                  "\xe2\x96\x81"
                  "a",
                  0, "9");
    ck_assert_ids(t, "cde de d", 0, "13 15 15"); /* "e▁d" goes on over a blank */
    ck_assert_ids(t, "a<b> b", 0, "4 16 3 5");
    ck_assert_ids(t,
                  "xyz"
                  "a",
                  0, "0 4"); /* unknown ones are one */
    ck_assert_ids(t, "a", ENCODE_ENDS, "1 4");
    ck_assert_ids(t, "<s>a</s>", ENCODE_PARSE, "1 4 2");
    ck_assert_ids(t, "</s>", 0, "0"); /* not one of its characters is a token */
    tokenizer_close(t);
    small.source.add_space_prefix = -1; /* as SentencePiece does */
    t = small_open(&small);
    ck_assert_ids(t, "a", 0, "9");
    ck_assert_ids(t, "", 0, "");
    tokenizer_close(t);
}
END_TEST

START_TEST(a_character_without_token_is_its_bytes)
{
    struct tokenizer *t;

    small_sentencepiece(&small, 1);
    t = small_open(&small);
    ck_assert_ids(t,
                  "\xc3\xa9"
                  "a\n",
                  0, "198 172 260 13");
    ck_assert_ids(t, "<0x41>", 0, "63 51 123 55 52 65"); /* not the byte */
    tokenizer_close(t);
}
END_TEST

/* ---- laws ---- */

/* Texts of pieces that meet each other in every way. */
static void random_text(struct buf *out, unsigned *seed)
{
    static const char *const bits[] = {"the",
                                       " the",
                                       "thing",
                                       " ",
                                       "  ",
                                       "\n",
                                       "aaa",
                                       "\xc3\xa9",
                                       "e\xcc\x81",
                                       "\xe4\xb8\xad",
                                       "\xf0\x9f\x98\x80",
                                       "\xff",
                                       "\xe2\x82",
                                       "<|im_end|>",
                                       "<tool>",
                                       "<b>",
                                       "42",
                                       "'s",
                                       "\xcc\x96\xcc\x81",
                                       "abcd",
                                       " ab",
                                       "e d",
                                       "\xe1\x84\x80\xe1\x85\xa1"};

    for (int i = 0; i < 30; i++)
        buf_puts(out, bits[(unsigned)rand_r(seed) % (sizeof bits / sizeof *bits)]);
}

START_TEST(spans_cover_the_text_in_order)
{
    struct tokenizer *t = small_open_nth(&small, _i);
    unsigned seed = 3;

    for (int round = 0; round < 300; round++) {
        struct buf text = {0};
        struct tokens list = {0};
        uint32_t at = 0;

        random_text(&text, &seed);
        ck_assert_ok(tokenizer_encode(&list, t, text.data, text.len, ENCODE_ENDS, &err), &err);
        for (size_t i = 0; i < list.n; i++) {
            ck_assert_uint_eq(list.spans[i].begin, at);
            ck_assert_uint_ge(list.spans[i].end, at);
            at = list.spans[i].end;
        }
        ck_assert_uint_eq(at, text.len);
        tokens_clear(&list);
        buf_clear(&text);
    }
    tokenizer_close(t);
}
END_TEST

/* A token at a time, each step whole characters. */
static void decode_slowly(struct buf *out, const struct tokenizer *t, const struct tokens *list)
{
    struct decoding d = {0};

    for (size_t i = 0; i < list->n; i++) {
        ck_assert_ok(tokenizer_decode(out, &d, t, &list->ids[i], 1, 0, &err), &err);
        ck_assert_uint_eq(utf8_check(buf_text(out), out->len), out->len);
    }
    decoding_end(out, &d);
}

START_TEST(decoding_gives_the_mended_text_back)
{
    struct tokenizer *t = small_open_nth(&small, _i);
    unsigned seed = 5;

    for (int round = 0; round < 300; round++) {
        struct buf text = {0}, mended = {0}, all = {0}, slowly = {0};
        struct decoding d = {0};
        struct tokens list = {0};

        random_text(&text, &seed);
        utf8_repair(&mended, text.data, text.len);
        ck_assert_ok(tokenizer_encode(&list, t, text.data, text.len, 0, &err), &err);
        ck_assert_ok(tokenizer_decode(&all, &d, t, list.ids, list.n, 0, &err), &err);
        decoding_end(&all, &d);
        decode_slowly(&slowly, t, &list);
        ck_assert_str_eq(buf_text(&all), buf_text(&slowly));
        if (_i != 2) /* Qwen's is composed */
            ck_assert_str_eq(buf_text(&all), buf_text(&mended));
        buf_clear(&text);
        buf_clear(&mended);
        buf_clear(&all);
        buf_clear(&slowly);
        tokens_clear(&list);
    }
    tokenizer_close(t);
}
END_TEST

START_TEST(broken_bytes_of_tokens_decode_to_replacement_characters)
{
    static const int ids[] = {0xe2, 0x82, 'a', 0xff, 0xf0, 0x9f, 264, 0x98, 0x80, 0xc3};
    struct tokenizer *t = small_open_nth(&small, 0);
    struct decoding d = {0};
    struct buf out = {0};

    ck_assert_ok(tokenizer_decode(&out, &d, t, ids, 10, 0, &err), &err);
    decoding_end(&out, &d);
    ck_assert_str_eq(buf_text(&out), "\xef\xbf\xbd\xef\xbf\xbd"
                                     "a\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd");
    buf_reset(&out);
    ck_assert_ok(tokenizer_decode(&out, &d, t, &ids[6], 1, DECODE_CONTROL, &err), &err);
    ck_assert_str_eq(buf_text(&out), "<|im_end|>");
    ck_assert_err(tokenizer_decode(&out, &d, t, (const int[]){400}, 1, 0, &err), E_INVALID,
                  "token 400", &err);
    ck_assert_err(tokenizer_decode(&out, &d, t, (const int[]){-1}, 1, 0, &err), E_INVALID,
                  "token -1", &err);
    buf_clear(&out);
    tokenizer_close(t);
}
END_TEST

/* Any pair may have a rank, by a hash of the two. */
static uint32_t random_rank(int *id, const void *payload, const struct symbol *a,
                            const struct symbol *b)
{
    uint32_t h = (uint32_t)(a->id * 31 + b->id * 17) * 2654435761u + *(const uint32_t *)payload;

    *id = (int)(h >> 8 & 15);
    return h >> 12 & 1 ? MERGE_NONE : h >> 16 & 63;
}

START_TEST(the_way_for_short_words_is_the_way_for_long_ones)
{
    unsigned seed = 9;

    for (uint32_t round = 0; round < 3000; round++) {
        struct merging few = {0}, many = {0};
        size_t n = 1 + (unsigned)rand_r(&seed) % 24;

        ck_assert_int_eq(mem_reserve((void **)&few.symbols, &few.cap, n, sizeof *few.symbols), 0);
        ck_assert_int_eq(mem_reserve((void **)&many.symbols, &many.cap, n, sizeof *many.symbols),
                         0);
        few.n = many.n = n;
        for (uint32_t i = 0; i < n; i++)
            few.symbols[i] = many.symbols[i] =
                (struct symbol){.begin = i, .end = i + 1, .id = (int)((unsigned)rand_r(&seed) % 4)};
        ck_assert_ok(merge_symbols(&few, random_rank, &round, &err), &err);
        ck_assert_ok(merge_by_heap(&many, random_rank, &round, &err), &err);
        ck_assert_uint_eq(few.n, many.n);
        for (size_t i = 0; i < few.n; i++) {
            ck_assert_int_eq(few.symbols[i].id, many.symbols[i].id);
            ck_assert_uint_eq(few.symbols[i].begin, many.symbols[i].begin);
            ck_assert_uint_eq(few.symbols[i].end, many.symbols[i].end);
        }
        merging_clear(&few);
        merging_clear(&many);
    }
}
END_TEST

static void *encode_often(void *t)
{
    struct tokens list = {0};
    struct err e = {0};

    for (int i = 0; i < 200; i++)
        tokenizer_encode(&list, t, "the thing  the abcd ab thing", 28, 0, &e);
    return list.n % 200 ? NULL : (tokens_clear(&list), t);
}

START_TEST(threads_may_share_a_tokenizer)
{
    struct tokenizer *t = small_open_nth(&small, _i);
    pthread_t threads[2];
    void *result;

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, encode_often, t), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_eq(result, t);
    }
    tokenizer_close(t);
}
END_TEST

TCase *tokens_tests(void)
{
    TCase *tc = tcase_create("tok_bpe.c, tok_sentencepiece.c");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_best_merge_comes_first);
    tcase_add_test(tc, a_word_that_is_a_token_is_that_token_where_the_model_says_so);
    tcase_add_loop_test(tc, each_pattern_cuts_words_in_its_way, 0, 7);
    tcase_add_test(tc, control_tokens_come_from_templates_alone);
    tcase_add_test(tc, a_merge_that_makes_a_control_token_is_not_made);
    tcase_add_test(tc, ends_are_put_where_the_model_says_so);
    tcase_add_test(tc, a_byte_without_token_is_left_out);
    tcase_add_test(tc, the_piece_with_the_best_score_comes_first);
    tcase_add_test(tc, a_character_without_token_is_its_bytes);
    tcase_add_loop_test(tc, spans_cover_the_text_in_order, 0, N_TOKENIZERS);
    tcase_add_loop_test(tc, decoding_gives_the_mended_text_back, 0, N_TOKENIZERS);
    tcase_add_test(tc, broken_bytes_of_tokens_decode_to_replacement_characters);
    tcase_add_test(tc, the_way_for_short_words_is_the_way_for_long_ones);
    tcase_add_loop_test(tc, threads_may_share_a_tokenizer, 0, N_TOKENIZERS);
    return tc;
}
