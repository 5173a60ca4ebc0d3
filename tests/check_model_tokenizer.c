/* check_model_tokenizer.c -- WordPiece against the reference's ids (tests/golden), laws, hostile vocabularies. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/lines.h"
#include "base/utf8.h"
#include "model/characters.h"
#include "model/tokenizer.h"
#include "model/vocabulary.h"

static struct tokenizer *tokenizer;
static struct err err;

/* The real vocabulary without the network. */
static void open_minilm(void)
{
    struct folder f = {0};

    ck_assert_ok(folder_read(&f, minilm_path(), &err), &err);
    ck_assert_ok(tokenizer_open(&tokenizer, &f, &err), &err);
    folder_clear(&f);
}

static void close_minilm(void) { tokenizer_close(tokenizer); }

static struct ids ids_of(const struct tokenizer *t, const char *text, size_t n, size_t max)
{
    struct ids ids = {0};

    ck_assert_ok(tokenizer_add(&ids, t, text, n, max, &err), &err);
    return ids;
}

static uint32_t crc_of(const struct ids *ids, uint32_t crc)
{
    for (size_t i = 0; i < ids->n; i++) {
        unsigned v = (unsigned)ids->v[i];
        unsigned char le[4] = {(unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16),
                               (unsigned char)(v >> 24)};

        crc = digest_crc32(crc, le, 4);
    }
    return crc;
}

static int same_ids(const struct ids *a, const struct ids *b)
{
    return a->n == b->n && !memcmp(a->v, b->v, a->n * sizeof *a->v);
}

/* ---- golden ---- */

struct golden {
    struct lines *in;
    size_t n;
};

static void compare_text(size_t i, const char *text, void *payload)
{
    struct golden *g = payload;
    struct ids ids = ids_of(tokenizer, text, strlen(text), SIZE_MAX / 2);
    char *line, crc[16];
    size_t n;

    ck_assert_int_eq(lines_next(&line, &n, g->in, &err), 1);
    snprintf(crc, sizeof crc, "%08x", crc_of(&ids, 0));
    ck_assert_msg(!strcmp(crc, line), "text %zu: '%.80s...' has other ids than the reference", i,
                  text);
    g->n++;
    ids_clear(&ids);
}

START_TEST(ids_of_every_scifact_text_are_those_of_the_reference)
{
    struct golden g = {0};
    char *line;
    size_t n;

    ck_assert_ok(lines_open(&g.in, source_path("tests/golden/wordpiece_scifact.txt"), &err), &err);
    ck_assert_int_eq(lines_next(&line, &n, g.in, &err), 1); /* the comment */
    each_scifact_text(compare_text, &g);
    ck_assert_int_eq(lines_next(&line, &n, g.in, &err), 0);
    ck_assert_uint_eq(g.n, 5183 + 1109);
    lines_close(g.in);
}
END_TEST

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

/* Compares one line of wordpiece_hostile.txt. */
static void compare_hostile(char *line)
{
    char *field[6], *save = NULL, want[16];
    struct buf text = {0};
    struct ids ids;
    int n = 0;

    for (char *tab = line; n < 6; n++) { /* strsep keeps empty fields */
        field[n] = strsep(&tab, "\t");
        ck_assert_ptr_nonnull(field[n]);
    }
    unhex(&text, field[2], atoi(field[1]));
    ids = ids_of(tokenizer, buf_text(&text), text.len, SIZE_MAX / 2);
    save = field[5];
    for (size_t i = 0; save && i < ids.n && i < 200; i++) {
        const char *id = strsep(&save, " ");

        ck_assert_msg(atoi(id) == ids.v[i], "%s: id %zu is %d, the reference has %s", field[0], i,
                      ids.v[i], id);
    }
    ck_assert_msg(ids.n == (size_t)atoi(field[3]), "%s: %zu ids, the reference has %s", field[0],
                  ids.n, field[3]);
    snprintf(want, sizeof want, "%08x", crc_of(&ids, 0));
    ck_assert_str_eq(want, field[4]);
    ids_clear(&ids);
    buf_clear(&text);
}

START_TEST(ids_of_hostile_texts_are_those_of_the_reference)
{
    struct lines *in = NULL;
    char *line;
    size_t n;
    int rc;

    ck_assert_ok(lines_open(&in, source_path("tests/golden/wordpiece_hostile.txt"), &err), &err);
    while ((rc = lines_next(&line, &n, in, &err)) == 1)
        if (line[0] != '#')
            compare_hostile(line);
    ck_assert_ok(rc, &err);
    ck_assert_uint_gt(lines_number(in), 80);
    lines_close(in);
}
END_TEST

/* ---- every code point ---- */

/* The vocabulary of tests/reference/wordpiece.py, sweep_vocabulary. */
static void write_sweep_vocabulary(const char *dir, uint32_t plane)
{
    struct buf b = {0};

    buf_puts(&b, "[UNK]\n[CLS]\n[SEP]\n");
    for (uint32_t p = 0; p < 17; p++) {
        if (p > 1 && p != plane)
            continue;
        for (uint32_t cp = p << 16; cp < (p + 1) << 16; cp++) {
            char c[4];
            size_t n = (size_t)utf8_encode(c, cp);

            if (cp <= 0x20 || (cp >= 0x7f && cp <= 0xa0) || (cp >= 0xd800 && cp <= 0xdfff))
                continue;
            buf_add(&b, c, n);
            buf_puts(&b, "\n##");
            buf_add(&b, c, n);
            buf_putc(&b, '\n');
        }
    }
    folder_put(dir, "vocab.txt", buf_text(&b));
    buf_clear(&b);
}

/* CRC of the ids of the texts "c acB a(1D16D)c(1D165)" of 4096 code points. */
static uint32_t sweep_block(const struct tokenizer *t, uint32_t first)
{
    struct ids ids = {0};
    uint32_t crc = 0;

    for (uint32_t cp = first; cp < first + 4096; cp++) {
        struct buf text = {0};
        char c[5] = {0};

        if (cp >= 0xd800 && cp <= 0xdfff)
            continue;
        c[utf8_encode(c, cp)] = '\0';
        for (int i = 0; i < 3; i++) {
            static const char *const before[] = {"", " a", "B a\xf0\x9d\x85\xad"};

            buf_puts(&text, before[i]);
            buf_add(&text, c, cp ? strlen(c) : 1);
        }
        buf_puts(&text, "\xf0\x9d\x85\xa5");
        ids.n = 0;
        ck_assert_int_eq(tokenizer_add(&ids, t, text.data, text.len, SIZE_MAX / 2, &err), 0);
        crc = crc_of(&ids, crc);
        buf_clear(&text);
    }
    ids_clear(&ids);
    return crc;
}

/* Compares all lines of wordpiece_sweep.txt of one plane, or only those of the default options. */
static void sweep(unsigned plane, int all_options)
{
    struct folder f = {.vocab = 1 << 20,
                       .unk = (char[]){"[UNK]"},
                       .cls = (char[]){"[CLS]"},
                       .sep = (char[]){"[SEP]"}};
    struct lines *in = NULL;
    char dir[64], *line;
    size_t n, n_blocks = 0;

    f.path = tmp_dir(dir);
    f.split_chinese = 1;
    write_sweep_vocabulary(dir, plane);
    ck_assert_ok(lines_open(&in, source_path("tests/golden/wordpiece_sweep.txt"), &err), &err);
    while (lines_next(&line, &n, in, &err) == 1) {
        struct tokenizer *t = NULL;
        unsigned p, first, want;
        int strip;

        if (sscanf(line, "%u %d %d %x %x", &p, &f.lower_case, &strip, &first, &want) != 5 ||
            p != plane || (!all_options && (!f.lower_case || strip >= 0)))
            continue;
        f.strip_accents = strip < 0 ? f.lower_case : strip;
        ck_assert_ok(tokenizer_open(&t, &f, &err), &err);
        ck_assert_msg(
            sweep_block(t, first) == want,
            "code points from %x: not the reference's ids (lower case %d, strip accents %d)", first,
            f.lower_case, strip);
        tokenizer_close(t);
        n_blocks++;
    }
    ck_assert_uint_eq(n_blocks, all_options ? 64 : 16);
    lines_close(in);
    tmp_remove(dir);
}

START_TEST(every_code_point_of_the_basic_plane_is_treated_as_the_reference_does) { sweep(0, 0); }
END_TEST

START_TEST(every_code_point_with_all_options_is_treated_as_the_reference_does)
{
    static const unsigned planes[] = {0, 1, 2, 14};

    sweep(planes[_i], 1);
}
END_TEST

/* ---- laws ---- */

/* Texts of pieces that meet each other in every way. */
static void random_text(struct buf *out, unsigned *seed)
{
    static const char *const bits[] = {"a",
                                       "Word",
                                       "unbelievable",
                                       " ",
                                       "  \n",
                                       "-",
                                       "...",
                                       "\xc3\xa9",
                                       "e\xcc\x81",
                                       "\xe4\xb8\xad",
                                       "\xe2\x80\x94",
                                       "\xf0\x9f\x98\x80",
                                       "\xff",
                                       "\xe2\x80\x8b",
                                       "[SEP]",
                                       "[CLS]",
                                       "42",
                                       "\xce\xa3",
                                       "#",
                                       "##s",
                                       "\xed\x95\x9c",
                                       "'"};

    for (int i = 0; i < 30; i++)
        buf_puts(out, bits[(unsigned)rand_r(seed) % (sizeof bits / sizeof *bits)]);
}

START_TEST(cutting_keeps_the_first_ids_and_the_separator)
{
    unsigned seed = 7;

    for (int round = 0; round < 200; round++) {
        struct buf text = {0};
        struct ids all, cut;

        random_text(&text, &seed);
        all = ids_of(tokenizer, text.data, text.len, SIZE_MAX / 2);
        for (size_t max = 2; max < all.n + 3; max++) {
            size_t n = max < all.n ? max : all.n;

            cut = ids_of(tokenizer, text.data, text.len, max);
            ck_assert_uint_eq(cut.n, n);
            ck_assert_int_eq(memcmp(cut.v, all.v, (n - 1) * sizeof *cut.v), 0);
            ck_assert_int_eq(cut.v[n - 1], 102);
            ids_clear(&cut);
        }
        ids_clear(&all);
        buf_clear(&text);
    }
}
END_TEST

START_TEST(special_tokens_never_come_from_text)
{
    unsigned seed = 11;

    for (int round = 0; round < 1000; round++) {
        struct buf text = {0};
        struct ids ids;

        random_text(&text, &seed);
        ids = ids_of(tokenizer, text.data, text.len, SIZE_MAX / 2);
        ck_assert_int_eq(ids.v[0], 101);
        ck_assert_int_eq(ids.v[ids.n - 1], 102);
        for (size_t i = 1; i + 1 < ids.n; i++)
            ck_assert(ids.v[i] != 0 && (ids.v[i] < 101 || ids.v[i] > 103));
        ids_clear(&ids);
        buf_clear(&text);
    }
}
END_TEST

/* U+200B is dropped wherever it stands, and takes the text off the path for ASCII. */
START_TEST(the_short_way_for_ascii_is_the_long_way)
{
    unsigned seed = 13;

    for (int round = 0; round < 500; round++) {
        struct buf text = {0}, apart = {0};
        struct ids a, b;
        uint32_t cp;

        random_text(&text, &seed);
        for (size_t i = 0; i < text.len;) {
            size_t n = (size_t)utf8_decode(&cp, text.data + i, text.len - i);

            buf_add(&apart, text.data + i, n);
            buf_puts(&apart, "\xe2\x80\x8b");
            i += n;
        }
        a = ids_of(tokenizer, text.data, text.len, SIZE_MAX / 2);
        b = ids_of(tokenizer, apart.data, apart.len, SIZE_MAX / 2);
        ck_assert_msg(same_ids(&a, &b), "'%s'", text.data);
        ids_clear(&a);
        ids_clear(&b);
        buf_clear(&text);
        buf_clear(&apart);
    }
}
END_TEST

START_TEST(ids_are_appended_behind_those_that_are_there)
{
    struct ids two = {0}, one = ids_of(tokenizer, "fovea", 5, 16);

    for (int i = 0; i < 2; i++)
        ck_assert_ok(tokenizer_add(&two, tokenizer, "fovea", 5, 16, &err), &err);
    ck_assert_uint_eq(two.n, 2 * one.n);
    ck_assert_int_eq(memcmp(two.v, one.v, one.n * sizeof *one.v), 0);
    ck_assert_int_eq(memcmp(two.v + one.n, one.v, one.n * sizeof *one.v), 0);
    ids_clear(&one);
    ids_clear(&two);
}
END_TEST

/* ---- vocabularies ---- */

static char dir[64];

static void make_dir(void) { tmp_dir(dir); }
static void remove_dir(void) { tmp_remove(dir); }

static struct folder folder_of(int n_words)
{
    static char unk[] = "[UNK]", cls[] = "[CLS]", sep[] = "[SEP]";

    return (struct folder){.path = dir,
                           .vocab = n_words,
                           .lower_case = 1,
                           .strip_accents = 1,
                           .split_chinese = 1,
                           .unk = unk,
                           .cls = cls,
                           .sep = sep};
}

static int open_with(struct tokenizer **t, const char *file, const char *text, int n_words)
{
    struct folder f = folder_of(n_words);

    folder_put(dir, file, text);
    return tokenizer_open(t, &f, &err);
}

#define SPECIALS "[UNK]\n[CLS]\n[SEP]\n"
#define JSON_SPECIALS "\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2"

START_TEST(words_are_cut_into_the_longest_known_pieces)
{
    struct tokenizer *t = NULL;
    struct ids ids;
    static const int want[] = {1, 4, 7, 0, 5, 2};

    ck_assert_ok(open_with(&t, "vocab.txt", SPECIALS "a\nab\nb\n##bc\n##bcd\n##d\n", 9), &err);
    ids = ids_of(t, "abbcd abbcx b", 13, 99); /* "abbcx" is unknown as a whole */
    ck_assert_uint_eq(ids.n, 6);
    ck_assert_int_eq(memcmp(ids.v, want, sizeof want), 0);
    ids_clear(&ids);
    tokenizer_close(t);
}
END_TEST

START_TEST(a_vocabulary_in_json_is_the_same_vocabulary)
{
    struct tokenizer *t = NULL;
    struct ids ids;

    ck_assert_ok(open_with(&t, "tokenizer.json",
                           "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{" JSON_SPECIALS
                           ",\"x\":9,\"##y\":4,\"\\u00e9\":5}}}",
                           10),
                 &err);
    ids = ids_of(t, "xyy Y", 5, 99);
    ck_assert_uint_eq(ids.n, 6);
    ck_assert_int_eq(ids.v[1], 9);
    ck_assert_int_eq(ids.v[2], 4);
    ck_assert_int_eq(ids.v[3], 4);
    ck_assert_int_eq(ids.v[4], 0);
    ids_clear(&ids);
    tokenizer_close(t);
}
END_TEST

static const struct {
    const char *file, *text, *part;
    int n_words, code;
} broken[] = {
    {"vocab.txt", "", "no special token '[UNK]'", 10, E_FORMAT},
    {"vocab.txt", "[UNK]\n[SEP]\n", "no special token '[CLS]'", 10, E_FORMAT},
    {"vocab.txt", SPECIALS "a\nb\n", "the model's vocabulary ends at 3", 4, E_FORMAT},
    {"vocab.txt", SPECIALS "a\xff\n", "token 3 is not UTF-8", 10, E_FORMAT},
    {"other.txt", "", "neither vocab.txt nor tokenizer.json", 10, E_NOTFOUND},
    {"tokenizer.json", "", "tokenizer.json", 10, E_FORMAT},
    {"tokenizer.json", "{", "tokenizer.json' is not valid JSON", 10, E_FORMAT},
    {"tokenizer.json", "[]", "model.vocab", 10, E_FORMAT},
    {"tokenizer.json", "{\"model\":{\"vocab\":[]}}", "model.vocab", 10, E_FORMAT},
    {"tokenizer.json", "{\"model\":{\"type\":\"BPE\",\"vocab\":{}}}", "a BPE tokenizer", 10,
     E_INVALID},
    {"tokenizer.json", "{\"model\":{\"continuing_subword_prefix\":\"@@\",\"vocab\":{}}}", "'@@'",
     10, E_INVALID},
    {"tokenizer.json", "{\"model\":{\"max_input_chars_per_word\":50,\"vocab\":{}}}", "50", 10,
     E_INVALID},
    {"tokenizer.json", "{\"model\":{\"vocab\":{\"a\":-1}}}", "id -1", 10, E_FORMAT},
    {"tokenizer.json", "{\"model\":{\"vocab\":{\"a\":\"b\"}}}", "id -1", 10, E_FORMAT},
    {"tokenizer.json", "{\"model\":{\"vocab\":{\"a\":10}}}", "ends at 9", 10, E_FORMAT},
    {"tokenizer.json", "{\"model\":{\"vocab\":{\"a\":1,\"a\":2}}}", "duplicate", 10, E_FORMAT},
};

START_TEST(a_broken_vocabulary_is_refused_by_name)
{
    struct tokenizer *t = NULL;

    ck_assert_err(open_with(&t, broken[_i].file, broken[_i].text, broken[_i].n_words),
                  broken[_i].code, broken[_i].part, &err);
    ck_assert_ptr_null(t);
}
END_TEST

START_TEST(a_vocabulary_without_inner_pieces_works)
{
    struct tokenizer *t = NULL;
    struct ids ids;

    ck_assert_ok(open_with(&t, "vocab.txt", SPECIALS "a\n", 10), &err);
    ids = ids_of(t, "a aa", 4, 99);
    ck_assert_uint_eq(ids.n, 4);
    ck_assert_int_eq(ids.v[1], 3);
    ck_assert_int_eq(ids.v[2], 0);
    ids_clear(&ids);
    tokenizer_close(t);
}
END_TEST

static int open_and_run(void)
{
    struct folder f = folder_of(10);
    struct tokenizer *t = NULL;
    struct ids ids = {0};
    struct err e = {0};
    int rc = tokenizer_open(&t, &f, &e);

    for (int i = 0; !rc && i < 300; i++)
        rc = tokenizer_add(&ids, t, "a \xc3\xa9 b", 6, 99, &e);
    ids_clear(&ids);
    tokenizer_close(t);
    return rc;
}

START_TEST(each_allocation_of_the_tokenizer_may_fail_once)
{
    int rc = 0;

    folder_put(dir, "vocab.txt", SPECIALS "a\nb\ne\n");
    FAIL_EACH_ALLOC(rc, rc = open_and_run());
    folder_put(dir, "tokenizer.json", "{\"model\":{\"vocab\":{" JSON_SPECIALS ",\"x\":9}}}");
    FAIL_EACH_ALLOC(rc, rc = open_and_run());
}
END_TEST

/* ---- characters ---- */

START_TEST(characters_younger_than_the_tables_are_unassigned)
{
    ck_assert_uint_eq(char_flags(0x2e43), 0);             /* punctuation since Unicode 9 */
    ck_assert_uint_eq(char_flags(0x2e42), CHAR_PUNCT);    /* since 7 */
    ck_assert_uint_eq(char_flags(0x1df6) & CHAR_MARK, 0); /* a mark since 10 */
    ck_assert_uint_eq(char_flags(0x0301), CHAR_MARK | CHAR_REORDERS);
    ck_assert_uint_eq(char_flags(0xfffd), CHAR_DROP);
    ck_assert_uint_eq(char_flags(0xe000), CHAR_DROP);
    ck_assert_uint_eq(char_flags(0x0378), 0); /* unassigned is kept */
}
END_TEST

START_TEST(lower_case_is_of_single_characters)
{
    uint32_t low[2];

    ck_assert_int_eq(char_lower(low, 0x3a3), 1);
    ck_assert_uint_eq(low[0], 0x3c3);
    ck_assert_int_eq(char_lower(low, 0x130), 2);
    ck_assert_uint_eq(low[0], 'i');
    ck_assert_uint_eq(low[1], 0x307);
    ck_assert_int_eq(char_lower(low, 0x10d65), 1);
    ck_assert_uint_eq(low[0], 0x10d85);
}
END_TEST

START_TEST(no_decomposition_is_longer_than_its_room)
{
    uint32_t parts[CHAR_PARTS_MAX];

    for (uint32_t cp = 0x80; cp < 0x30000; cp++) {
        int n;

        if (!(char_flags(cp) & CHAR_COMPOSED))
            continue;
        n = char_decompose(parts, cp);
        ck_assert(n >= 1 && n <= CHAR_PARTS_MAX);
        for (int i = 0; i < n; i++)
            ck_assert_uint_eq(char_flags(parts[i]) & CHAR_COMPOSED, 0);
    }
    ck_assert_int_eq(char_decompose(parts, 0x1e69), 3);
    ck_assert_uint_eq(parts[1], 0x323);
}
END_TEST

/* ---- the cases ---- */

TCase *characters_tests(void)
{
    TCase *tc = tcase_create("characters.c");

    tcase_add_test(tc, characters_younger_than_the_tables_are_unassigned);
    tcase_add_test(tc, lower_case_is_of_single_characters);
    tcase_add_test(tc, no_decomposition_is_longer_than_its_room);
    tcase_add_test(tc, every_code_point_of_the_basic_plane_is_treated_as_the_reference_does);
    tcase_set_timeout(tc, 60);
    return tc;
}

TCase *tokenizer_tests(void)
{
    TCase *tc = tcase_create("tok_wordpiece.c");

    tcase_add_unchecked_fixture(tc, open_minilm, close_minilm);
    tcase_add_checked_fixture(tc, make_dir, remove_dir);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, ids_of_every_scifact_text_are_those_of_the_reference);
    tcase_add_test(tc, ids_of_hostile_texts_are_those_of_the_reference);
    tcase_add_test(tc, cutting_keeps_the_first_ids_and_the_separator);
    tcase_add_test(tc, special_tokens_never_come_from_text);
    tcase_add_test(tc, the_short_way_for_ascii_is_the_long_way);
    tcase_add_test(tc, ids_are_appended_behind_those_that_are_there);
    tcase_add_test(tc, words_are_cut_into_the_longest_known_pieces);
    tcase_add_test(tc, a_vocabulary_in_json_is_the_same_vocabulary);
    tcase_add_test(tc, a_vocabulary_without_inner_pieces_works);
    tcase_add_loop_test(tc, a_broken_vocabulary_is_refused_by_name, 0,
                        sizeof broken / sizeof *broken);
    tcase_add_test(tc, each_allocation_of_the_tokenizer_may_fail_once);
    return tc;
}

TCase *tokenizer_slow_tests(void)
{
    TCase *tc = tcase_create("every code point");

    tcase_set_tags(tc, "slow");
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, every_code_point_with_all_options_is_treated_as_the_reference_does, 0,
                        4);
    return tc;
}
