/* check_retriever_phrase.c -- a phrase leaves what a reader of the texts would leave, in every leg, with the scores that there are
 * without it: at any depth, with a filter, after deletions and merges. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "tests/retriever_fixture.h"
#include "tests/tiny_model.h"

enum { N_DOCS = 600, EVERYTHING = 100000, WORDS_MAX = 64 };

static char sparse_dir[64], dense_dir[64];
static struct fixture f;
static struct err err;

static const char *const vocabulary[] = {"retina", "Eye",    "the",  "zebra", "cat", "of",
                                         "cats",   "retina", "wolf", "and",   "The", "eyes,"};

static void random_words(char *to, int n, uint64_t *state)
{
    *to = 0;
    for (; n > 0; n--) {
        uint64_t word = next_random(state) % 12;

        strcat(to, vocabulary[word * (next_random(state) % 12) / 12]);
        strcat(to, next_random(state) % 9 ? " " : " - ");
    }
}

static void add(int i, uint64_t *state)
{
    char docno[16], text[400], title[100], meta[100], note[60];
    struct doc doc = {.docno = docno, .title = title, .text = text, .meta = meta};

    random_words(title, (int)(next_random(state) % 4), state);
    random_words(text, 1 + (int)(next_random(state) % 20), state);
    random_words(note, (int)(next_random(state) % 4), state);
    snprintf(docno, sizeof docno, "d%04d", i);
    snprintf(meta, sizeof meta, "{\"n\":%d,\"note\":\"%s\"}", i, note);
    ck_assert_ok(index_add(f.ix, &doc, &err), &err);
}

/* Several segments, documents of several passages, some of them dead or replaced. */
static void open_with(const char *fields, int merged)
{
    struct index_settings s = {.analyzer = "english",
                               .chunking = "words:8:2",
                               .sparse = tmp_dir(sparse_dir),
                               .model = tmp_dir(dense_dir),
                               .fields = fields};
    uint64_t state = 5;
    char docno[16];

    tiny_splade_write(sparse_dir, 1);
    tiny_model_write(dense_dir, 1, "");
    fixture_open(&f, &s);
    for (int i = 0; i < N_DOCS; i++) {
        add(i, &state);
        if (i % 250 == 249)
            fixture_commit(&f);
    }
    fixture_commit(&f);
    for (int i = 0; i < N_DOCS; i += 9) {
        snprintf(docno, sizeof docno, "d%04d", i);
        ck_assert_int_eq(index_delete(f.ix, docno, &err), 1);
    }
    for (int i = 4; i < N_DOCS; i += 50)
        add(i, &state);
    fixture_commit(&f);
    ck_assert_int_gt(index_n_segments(f.ix), 1);
    if (merged)
        ck_assert_ok(index_merge(f.ix, &err), &err);
}

static void open_index(void) { open_with(NULL, 0); }
static void open_merged(void) { open_with("title:2,text:1,note:3", 1); }

static void close_index(void)
{
    fixture_close(&f);
    tmp_remove(sparse_dir);
    tmp_remove(dense_dir);
}

/* ---- a reader ---- */

/* Cuts at what is no letter, in lower case, endings taken off: words[] of at most 15 bytes. */
static int read_words(char words[][16], const char *text, size_t n)
{
    int count = 0, len = 0;

    for (size_t i = 0; i <= n; i++) {
        const char c = i < n ? (char)(text[i] | 0x20) : ' ';

        if (c >= 'a' && c <= 'z') {
            words[count][len++] = c;
        } else if (len) {
            words[count][len] = 0;
            if (!strcmp(words[count], "cats") || !strcmp(words[count], "eyes"))
                words[count][len - 1] = 0;
            count++;
            len = 0;
        }
    }
    return count;
}

static int has_sequence(const char *text, size_t n, const char *phrase)
{
    char words[WORDS_MAX][16], wanted[WORDS_MAX][16];
    int n_words = read_words(words, text, n), n_wanted = read_words(wanted, phrase, strlen(phrase));

    for (int i = 0; i + n_wanted <= n_words; i++) {
        int k = 0;

        while (k < n_wanted && !strcmp(words[i + k], wanted[k]))
            k++;
        if (k == n_wanted)
            return 1;
    }
    return 0;
}

static int holds(int segment, uint32_t passage, const char *phrase)
{
    const struct segment *s = index_segment(f.ix, segment);
    const int has_note = strstr(index_settings(f.ix)->fields, "note") != NULL;
    const char *note;
    struct buf memory = {0};
    struct span span;
    struct doc doc;
    int rc;

    ck_assert_ok(index_document(&doc, &memory, f.ix, segment_document(s, passage), &err), &err);
    ck_assert_ok(index_passage_span(&span, f.ix, s, passage, &err), &err);
    note = strstr(doc.meta, "note\":\"") + 7;
    rc = has_sequence(doc.text + span.begin, span.end - span.begin, phrase) ||
         has_sequence(doc.title, strlen(doc.title), phrase) ||
         (has_note && has_sequence(note, strlen(note), phrase));
    buf_clear(&memory);
    return rc;
}

/* ---- laws ---- */

static const struct {
    const char *query, *plain, *phrases[3]; /* those that must hold */
    const char *where;
} rows[] = {
    {"\"retina eye\"", "retina eye", {"retina eye"}, NULL},
    {"wolf \"the zebra\" cat", "wolf the zebra cat", {"the zebra"}, NULL},
    {"\"Cats of the eye\"", "cats of the eye", {"cat of the eye"}, NULL},
    {"\"cat cat\" \"retina\"", "cat cat retina", {"cat cat", "retina"}, NULL},
    {"\"retina retina retina\" and", "retina retina retina and", {"retina retina retina"}, NULL},
    {"\"retina eye\" \"eye the\" \"the retina\"",
     "retina eye eye the the retina",
     {"retina eye", "eye the", "the retina"},
     NULL},
    {"\"zebra retina\"", "zebra retina", {"zebra retina"}, "n >= 200"},
    {"retina \"eye the\"", "retina eye the", {"eye the"}, "n = 3 or n > 400"},
    {"retina \"of the\"", "retina of the", {NULL}, NULL},
    {"\"retina\" eyes", "retina eyes", {"retina"}, "n < 200"},
    {"\"retina nowhere\"", "retina nowhere", {"retina nowhere"}, NULL},
};

static const char *const systems[] = {"bm25", "dense", "sparse"};

static void search(struct hits *out, const char *query, struct retrieve_options opt)
{
    ck_assert_ok(retrieve(out, f.ix, query, &opt, &err), &err);
}

static int is_wanted(const struct hit *h, int row)
{
    for (int i = 0; i < 3 && rows[row].phrases[i]; i++)
        if (!holds(h->segment, h->passage, rows[row].phrases[i]))
            return 0;
    return 1;
}

/* Takes out passages that do not hold the phrases and, unless all passages are wanted, those behind another of their document. */
static void read_hits(struct hits *h, int row, int by_passage)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n; i++) {
        int is_first = 1;

        if (!is_wanted(&h->hits[i], row))
            continue;
        for (size_t k = 0; k < n && !by_passage; k++)
            is_first &= h->hits[k].document != h->hits[i].document;
        if (is_first)
            h->hits[n++] = h->hits[i];
    }
    h->n = n;
}

static void assert_head(const struct hits *want, const struct hits *got, size_t k, const char *what)
{
    ck_assert_msg(got->n == (want->n < k ? want->n : k), "%s: %zu hits of %zu", what, got->n,
                  want->n);
    for (size_t i = 0; i < got->n; i++) {
        ck_assert_msg(!strcmp(got->hits[i].docno, want->hits[i].docno), "%s: rank %zu: %s, not %s",
                      what, i + 1, got->hits[i].docno, want->hits[i].docno);
        ck_assert_mem_eq(&got->hits[i].score, &want->hits[i].score, sizeof(float));
        ck_assert_uint_eq(got->hits[i].passage, want->hits[i].passage);
        ck_assert_int_eq(got->hits[i].segment, want->hits[i].segment);
    }
}

/* From the third depth on in another handle, for which nothing has been looked at. */
START_TEST(a_leg_with_phrases_is_the_leg_read_afterwards)
{
    static const int depths[] = {EVERYTHING, 1, 2, 7, 50};
    const int row = _i % 11, system = _i / 11 % 3, by_passage = _i / 33;
    struct retrieve_options opt = {
        .system = systems[system], .k = EVERYTHING, .by_passage = 1, .where = rows[row].where};
    struct index *first = f.ix;
    struct hits want = {0};

    search(&want, rows[row].plain, opt);
    read_hits(&want, row, by_passage);
    opt.by_passage = by_passage;
    opt.syntax = QUERY_OPERATORS;
    for (int d = 4; d >= 0; d--) {
        struct index_options reader = {.mode = INDEX_READ};
        struct hits got = {0}, slow = {0};
        char what[200];

        snprintf(what, sizeof what, "%s: %s, k %d", systems[system], rows[row].query, depths[d]);
        if (d == 2)
            ck_assert_ok(index_open(&f.ix, f.path, &reader, &err), &err);
        opt.k = depths[d];
        search(&got, rows[row].query, opt);
        assert_head(&want, &got, (size_t)opt.k, what);
        opt.exhaustive = 1;
        search(&slow, rows[row].query, opt);
        assert_head(&got, &slow, (size_t)opt.k, what);
        opt.exhaustive = 0;
        hits_clear(&got);
        hits_clear(&slow);
    }
    if (row < 10)
        ck_assert_uint_gt(want.n, row < 2 ? 5 : 0);
    hits_clear(&want);
    index_close(f.ix);
    f.ix = first;
}
END_TEST

/* Words of a phrase are words of the query, so that nothing that holds it is missed: count what a reader finds. */
START_TEST(every_passage_with_the_phrase_is_found)
{
    struct retrieve_options opt = {
        .system = "bm25", .k = EVERYTHING, .by_passage = 1, .syntax = QUERY_OPERATORS};
    struct hits got = {0};
    size_t n = 0;

    search(&got, rows[_i].query, opt);
    for (int s = 0; s < index_n_segments(f.ix); s++)
        for (uint32_t p = 0; p < segment_size(index_segment(f.ix, s)); p++) {
            struct hit h = {.segment = s, .passage = p};

            n += !segment_is_dead(index_segment(f.ix, s), p) && is_wanted(&h, _i);
        }
    ck_assert_uint_eq(got.n, n);
    hits_clear(&got);
}
END_TEST

START_TEST(a_hybrid_finds_what_holds_the_phrases)
{
    struct retrieve_options opt = {.system = "hybrid",
                                   .k = EVERYTHING,
                                   .by_passage = 1,
                                   .where = rows[_i].where,
                                   .syntax = QUERY_OPERATORS};
    struct hits hybrid = {0}, dense = {0};

    search(&hybrid, rows[_i].query, opt);
    opt.system = "dense";
    search(&dense, rows[_i].query, opt);
    ck_assert_uint_eq(hybrid.n, dense.n); /* dense ranks everything */
    for (size_t i = 0; i < hybrid.n; i++)
        ck_assert(is_wanted(&hybrid.hits[i], _i));
    hits_clear(&hybrid);
    hits_clear(&dense);
}
END_TEST

START_TEST(commits_that_come_later_are_seen)
{
    struct retrieve_options opt = {.system = "bm25", .k = 10, .syntax = QUERY_OPERATORS};
    struct hits hits = {0};

    for (int i = 0; i < 4; i++) {
        search(&hits, "\"unheard of words\" retina", opt);
        ck_assert_int_eq((int)hits.n, i % 2);
        hits_clear(&hits);
        if (i % 2)
            ck_assert_int_eq(index_delete(f.ix, "new", &err), 1);
        else
            fixture_add(&f, "new", "These are unheard of words.");
        fixture_commit(&f);
    }
}
END_TEST

/* Headings above a passage are indexed with it: they hold phrases too, but none reaches from them into the text. */
START_TEST(headings_hold_phrases)
{
    static const struct {
        const char *query;
        size_t n; /* passages */
    } wanted[] = {{"\"install debian\"", 2}, {"\"the guide\"", 5}, {"\"debian take\"", 0},
                  {"\"use of it\"", 3},      {"\"take care\"", 2}, {"\"guide\" \"care of it\"", 1}};
    struct index_settings s = {.analyzer = "english", .chunking = "sections:6"};
    struct retrieve_options opt = {.system = "bm25", .by_passage = 1, .syntax = QUERY_OPERATORS};
    struct fixture old = f;

    fixture_open(&f, &s);
    fixture_add(&f, "manual",
                "# The Guide\n\n## Install Debian\n\nTake care of the disk now.\n\n"
                "## Use of it\n\nTake care of it, or do not.\n");
    fixture_commit(&f);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct hits hits = {0};

        search(&hits, wanted[i].query, opt);
        ck_assert_msg(hits.n == wanted[i].n, "%s: %zu", wanted[i].query, hits.n);
        hits_clear(&hits);
    }
    fixture_close(&f);
    f = old;
}
END_TEST

TCase *tcase_phrases(void)
{
    TCase *tc = tcase_create("phrase.c");

    tcase_set_timeout(tc, 120);
    tcase_add_unchecked_fixture(tc, open_index, close_index);
    tcase_add_loop_test(tc, every_passage_with_the_phrase_is_found, 0, 6);
    tcase_add_loop_test(tc, a_leg_with_phrases_is_the_leg_read_afterwards, 0, 66);
    tcase_add_test(tc, headings_hold_phrases);
    tcase_add_loop_test(tc, a_hybrid_finds_what_holds_the_phrases, 0, 11);
    return tc;
}

TCase *tcase_phrases_merged(void)
{
    TCase *tc = tcase_create("phrase.c with fields, merged");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, open_merged, close_index);
    tcase_add_loop_test(tc, every_passage_with_the_phrase_is_found, 0, 6);
    tcase_add_loop_test(tc, a_leg_with_phrases_is_the_leg_read_afterwards, 0, 11);
    tcase_add_test(tc, commits_that_come_later_are_seen);
    return tc;
}
