/* check_corpora.c -- the readers: what they give, what they refuse and in which words. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_corpora.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/utf8.h"

char corpora_dir[64];
static char *const dir = corpora_dir;

static void make_dir(void) { tmp_dir(dir); }
static void drop_dir(void) { tmp_remove(dir); }

TCase *corpora_group(Suite *suite, const char *file)
{
    TCase *tc = tcase_create(file);

    tcase_set_timeout(tc, 30); /* a busy machine, sanitizers */
    tcase_add_checked_fixture(tc, make_dir, drop_dir);
    suite_add_tcase(suite, tc);
    return tc;
}

const char *in_dir(const char *name)
{
    static char path[1024];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

void put(const char *name, const char *text) { tmp_write(in_dir(name), text, strlen(text)); }

void run_command(const char *fmt, const char *arg)
{
    char command[512];

    snprintf(command, sizeof command, fmt, arg);
    ck_assert_int_eq(system(command), 0);
}

static void note_bad(const char *message, void *payload)
{
    struct buf *log = payload;

    buf_printf(log, "bad %s\n", message);
}

int read_all(struct buf *out, const char *path, const struct corpus_options *opt, struct err *err)
{
    struct doc_source src = {0};
    struct doc doc;
    int rc = corpus_open(&src, path, opt, err);

    if (rc)
        return rc;
    while ((rc = src.next(&doc, src.self, err)) == 1)
        buf_printf(out, "%s|%s|%s|%s\n", doc.docno, doc.title, doc.text, doc.meta ? doc.meta : "");
    src.close(src.self);
    return rc ? rc : buf_error(out);
}

void expect(const char *name, struct corpus_options opt, const char *want)
{
    struct buf got = {0}, path = {0};
    struct err err = {0};

    opt.on_bad = note_bad;
    opt.payload = &got;
    buf_puts(&path, in_dir(name));
    ck_assert_ok(read_all(&got, buf_text(&path), &opt, &err), &err);
    ck_assert_str_eq(buf_text(&got), want);
    buf_clear(&got);
    buf_clear(&path);
}

void expect_error(const char *name, const char *format, int code, const char *part)
{
    struct corpus_options opt = {.format = format};
    struct buf got = {0};
    struct err err = {0};

    ck_assert_err(read_all(&got, in_dir(name), &opt, &err), code, part, &err);
    buf_clear(&got);
}

/* ---- corpora.c, c_beir.c ---- */

START_TEST(the_format_is_guessed_from_the_name)
{
    static const struct {
        const char *path, *format;
    } cases[] = {
        {"beir", "beir"},         {"zipped", "beir"}, {"notes", "text"},   {"a.jsonl", "jsonl"},
        {"a.ndjson.gz", "jsonl"}, {"a.tsv", "tsv"},   {"a.tsv.gz", "tsv"}, {"a.md", "text"},
        {"a.txt", "text"},        {"a.csv", "csv"},   {"a.csv.gz", "csv"}, {"a.xls", NULL},
        {"a.txt.gz", NULL},       {"a.json", NULL},
    };

    mkdir(in_dir("beir"), 0700);
    put("beir/corpus.jsonl", "");
    mkdir(in_dir("zipped"), 0700);
    put("zipped/corpus.jsonl.gz", "");
    mkdir(in_dir("notes"), 0700);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = NULL;

        for (size_t f = 0; corpus_formats[f] && !got; f++)
            if (corpus_formats[f]->accepts(in_dir(cases[i].path)))
                got = corpus_formats[f]->name;
        ck_assert_msg(cases[i].format ? got && !strcmp(got, cases[i].format) : !got, "%s: got %s",
                      cases[i].path, got ? got : "none");
    }
    ck_assert_str_eq(corpus_formats[0]->name, "beir");
    ck_assert(corpus_formats[1]->accepts("-") && !corpus_formats[0]->accepts("-"));
}
END_TEST

START_TEST(a_path_that_no_reader_takes_is_refused_by_name)
{
    put("a.xls", "1,2\n");
    put("a.jsonl", "{}\n");
    expect_error("none.jsonl", NULL, E_NOTFOUND, "none.jsonl' does not exist");
    expect_error("a.xls", NULL, E_INVALID,
                 "give --format, one of beir, jsonl, tsv, csv, trec, text");
    expect_error("a.xls", "xml", E_INVALID, "unknown corpus format 'xml': choose one of beir");
    expect_error("a.jsonl", "beir", E_INVALID, "is no folder");
    expect_error(".", "beir", E_NOTFOUND, "holds neither corpus.jsonl nor");
    expect_error(".", "jsonl", E_IO, "is a folder");
}
END_TEST

START_TEST(the_bundled_collections_are_complete)
{
    static const struct {
        const char *name;
        size_t n_docs, n_queries;
    } sets[] = {{"scifact", 5183, 1109},
                {"cranfield", 1400, 225},
                {"multihop-rag", 3005, 500},
                {"musique-100", 1890, 100}};

    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct doc_source src = {0};
        struct query_list queries = {0};
        struct err err = {0};
        struct doc doc;
        char name[64], *qrels = NULL;
        size_t n = 0;
        int rc;

        snprintf(name, sizeof name, "corpora/data/%s", sets[i].name);
        ck_assert_ok(corpus_open(&src, source_path(name), NULL, &err), &err);
        while ((rc = src.next(&doc, src.self, &err)) == 1) {
            ck_assert(doc.docno[0] && doc.title && doc.text);
            n++;
        }
        ck_assert_ok(rc, &err);
        src.close(src.self);
        ck_assert_uint_eq(n, sets[i].n_docs);
        ck_assert_ok(queries_load(&queries, source_path(name), &err), &err);
        ck_assert_uint_eq(queries.n, sets[i].n_queries);
        queries_clear(&queries);
        ck_assert_ok(corpus_qrels_path(&qrels, source_path(name), "test", &err), &err);
        ck_assert(file_exists(qrels));
        mem_free(qrels);
    }
}
END_TEST

START_TEST(missing_judgements_are_answered_with_those_there_are)
{
    struct err err = {0};
    char *path = NULL;

    ck_assert_err(corpus_qrels_path(&path, dir, "test", &err), E_NOTFOUND, "qrels", &err);
    mkdir(in_dir("qrels"), 0700);
    ck_assert_err(corpus_qrels_path(&path, dir, "test", &err), E_NOTFOUND, "there are: none", &err);
    put("qrels/dev.tsv", "");
    put("qrels/train.tsv.gz", "");
    put("qrels/README", "");
    ck_assert_err(corpus_qrels_path(&path, dir, "test", &err), E_NOTFOUND, "there are: dev, train",
                  &err);
    ck_assert_ok(corpus_qrels_path(&path, dir, "train", &err), &err);
    ck_assert_str_eq(path, in_dir("qrels/train.tsv.gz"));
    mem_free(path);
}
END_TEST

/* ---- c_jsonl.c ---- */

START_TEST(json_fields_become_a_document_and_the_rest_its_metadata)
{
    struct corpus_options none = {0},
                          named = {.id_field = "n", .title_field = "h", .text_field = "b"};

    put("a.jsonl",
        "\xef\xbb\xbf{\"_id\": \"a\", \"title\": \"T\", \"text\": \"x\\ny\"}\r\n"
        "\n  \t\n"
        "{\"year\": 1984, \"id\": 7, \"contents\": \"\", \"title\": null, \"tags\": [\"p\", "
        "{\"q\": 1.50}]}\n"
        "{\"docno\": -1.5, \"body\": \"b\", \"metadata\": {}, \"none\": null, \"ok\": false}\n"
        "{\"docid\": \"\xc3\xa9 \xe2\x82\xac\", \"doc\": \"\\ud83d\\ude00\", \"_id\": \"first\"}");
    expect("a.jsonl", none,
           "a|T|x\ny|\n"
           "7|||{\"year\":1984,\"tags\":[\"p\",{\"q\":1.5}]}\n"
           "-1.5||b|{\"ok\":false}\n"
           "first||\xf0\x9f\x98\x80|{\"docid\":\"\xc3\xa9 \xe2\x82\xac\"}\n");
    put("b.jsonl", "{\"n\":12345678901234567,\"h\":\"H\",\"b\":\"B\",\"text\":\"other\"}\n");
    expect("b.jsonl", named, "12345678901234567|H|B|{\"text\":\"other\"}\n");
}
END_TEST

static const struct {
    const char *line, *why;
} bad_json[] = {
    {"{\"text\":\"x\"}", "field '_id' is missing"},
    {"{\"_id\":null,\"text\":\"x\"}", "field '_id' is neither a string nor a number"},
    {"{\"_id\":\"\",\"text\":\"x\"}", "the document's id is empty"},
    {"{\"_id\":\"a\\tb\",\"text\":\"x\"}", "holds a control character (0x09)"},
    {"{\"_id\":\"a\"}", "field 'text' is missing"},
    {"{\"_id\":\"a\",\"text\":null}", "field 'text' is not a string"},
    {"{\"_id\":\"a\",\"contents\":[\"x\"]}", "field 'contents' is not a string"},
    {"{\"_id\":\"a\",\"text\":\"x\",\"title\":3}", "field 'title' is not a string"},
    {"{\"_id\":\"a\",\"text\":\"x\\u0000y\"}", "\\u0000"},
    {"{\"_id\":\"a\",\"text\":\"x\xff\"}", "invalid UTF-8 at byte 21 (0xff)"},
    {"{\"_id\":\"a\",\"text\":\"\\ud800\"}", "Unicode"},
    {"{\"_id\":\"a\",\"_id\":\"b\",\"text\":\"\"}", "duplicate object key"},
    {"{\"_id\":\"a\",\"text\":\"x\"", "column 21: '}' expected"},
    {"{\"_id\":\"a\",\"text\":\"x\"} {}", "end of file expected"},
    {"[\"_id\"]", "not a JSON object"},
    {"\"a\"", "not a JSON object"},
    {"text", "column 4: invalid token"},
    {"{\"_id\":1e999,\"text\":\"x\"}", "real number overflow"},
};

START_TEST(a_bad_json_line_is_named_with_its_reason)
{
    struct corpus_options skip = {.skip_bad = 1};
    struct buf text = {0};
    size_t n_bad = 0;

    buf_puts(&text, "{\"_id\":\"one\",\"text\":\"\"}\n\n");
    buf_puts(&text, bad_json[_i].line);
    buf_puts(&text, "\n{\"_id\":\"two\",\"text\":\"\"}\n");
    put("a.jsonl", buf_text(&text));
    buf_reset(&text);
    expect_error("a.jsonl", NULL, E_FORMAT, bad_json[_i].why);
    expect_error("a.jsonl", NULL, E_FORMAT, "a.jsonl:3: ");
    skip.n_bad = &n_bad;
    ck_assert_int_eq(read_all(&text, in_dir("a.jsonl"), &skip, NULL), 0);
    ck_assert_str_eq(buf_text(&text), "one|||\ntwo|||\n");
    ck_assert_uint_eq(n_bad, 1);
    buf_clear(&text);
}
END_TEST

START_TEST(a_nul_byte_is_a_bad_line)
{
    struct corpus_options skip = {.skip_bad = 1};
    static const char text[] =
        "\0\n{\"_id\":\"a\",\"text\":\"x\0y\"}\n{\"_id\":\"b\",\"text\":\"z\"}\n";
    struct buf want = {0}, path = {0};

    tmp_write(in_dir("a.jsonl"), text, sizeof text - 1);
    expect_error("a.jsonl", NULL, E_FORMAT, "a.jsonl:1: NUL byte at byte 1");
    buf_printf(&want, "bad %s:1: NUL byte at byte 1\n", in_dir("a.jsonl"));
    buf_printf(&want, "bad %s:2: NUL byte at byte 21\nb||z|\n", in_dir("a.jsonl"));
    expect("a.jsonl", skip, buf_text(&want));
    buf_clear(&want);
    buf_clear(&path);
}
END_TEST

START_TEST(a_line_that_is_too_long_can_be_passed_over)
{
    struct corpus_options skip = {.skip_bad = 1};
    size_t n_bad = 0, n = (size_t)65 << 20;
    struct buf got = {0};
    FILE *f = fopen(in_dir("a.jsonl"), "w");
    char *block = malloc(n);

    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(block);
    memset(block, 'x', n);
    fputs("{\"_id\":\"a\",\"text\":\"\"}\n", f);
    ck_assert_uint_eq(fwrite(block, 1, n, f), n);
    fputs("\n{\"_id\":\"b\",\"text\":\"\"}\n", f);
    ck_assert_uint_eq(fwrite(block, 1, n, f), n);
    fclose(f);
    free(block);
    expect_error("a.jsonl", NULL, E_LIMIT, "a.jsonl:2: line is over 64 MiB");
    skip.n_bad = &n_bad;
    ck_assert_int_eq(read_all(&got, in_dir("a.jsonl"), &skip, NULL), 0);
    ck_assert_str_eq(buf_text(&got), "a|||\nb|||\n");
    ck_assert_uint_eq(n_bad, 2);
    buf_clear(&got);
}
END_TEST

START_TEST(a_damaged_gzip_file_is_an_error_even_when_skipping)
{
    struct corpus_options skip = {.skip_bad = 1};
    struct file_map map = {0};
    struct buf got = {0};
    struct err err = {0};
    char *bytes;

    ck_assert_ok(file_open_map(&map, source_path("corpora/data/cranfield/corpus.jsonl.gz"), &err),
                 &err);
    bytes = mem_dup(map.data, map.size);
    tmp_write(in_dir("cut.jsonl.gz"), bytes, map.size / 2);
    ck_assert_err(read_all(&got, in_dir("cut.jsonl.gz"), &skip, &err), E_FORMAT, "cut-off gzip",
                  &err);
    ck_assert_uint_gt(got.len, 100000);
    bytes[map.size / 2] ^= 0x55;
    tmp_write(in_dir("bad.jsonl.gz"), bytes, map.size);
    buf_reset(&got);
    ck_assert_int_eq(read_all(&got, in_dir("bad.jsonl.gz"), &skip, &err), E_FORMAT);
    mem_free(bytes);
    file_unmap(&map);
    buf_clear(&got);
}
END_TEST

START_TEST(standard_input_is_read_as_jsonl_unless_said)
{
    struct corpus_options opt = {0};
    struct buf got = {0};
    struct err err = {0};

    put("in", "{\"id\":1,\"text\":\"x\"}\n");
    ck_assert_ptr_nonnull(freopen(in_dir("in"), "r", stdin));
    ck_assert_ok(read_all(&got, "-", &opt, &err), &err);
    ck_assert_str_eq(buf_text(&got), "1||x|\n");
    put("in", "1\tx\nfoo\n");
    ck_assert_ptr_nonnull(freopen(in_dir("in"), "r", stdin));
    opt.format = "tsv";
    ck_assert_err(read_all(&got, "-", &opt, &err), E_FORMAT, "standard input:2: 1 column, needed",
                  &err);
    opt.format = "text";
    ck_assert_err(read_all(&got, "-", &opt, &err), E_INVALID, "not standard input", &err);
    opt.format = "beir";
    ck_assert_err(read_all(&got, "-", &opt, &err), E_INVALID, "is no folder", &err);
    buf_clear(&got);
}
END_TEST

/* ---- c_tsv.c ---- */

START_TEST(the_first_tsv_line_decides_whether_there_are_titles)
{
    struct corpus_options none = {0};

    put("two.tsv", "a\tx \"quoted\" y\r\nb c\t\n\nd\tz");
    expect("two.tsv", none, "a||x \"quoted\" y|\nb c|||\nd||z|\n");
    put("three.tsv", "a\tT\tx\nb\t\ty\n");
    expect("three.tsv", none, "a|T|x|\nb||y|\n");
    put("head.tsv", "docno\ttitle\ttext\na\tT\tx\n");
    expect("head.tsv", none, "a|T|x|\n");
    put("nohead.tsv", "id\tof something\nid2\ttext\n");
    expect("nohead.tsv", none, "id||of something|\nid2||text|\n");
    put("empty.tsv", "");
    expect("empty.tsv", none, "");
    run_command("gzip -k %s", in_dir("three.tsv"));
    expect("three.tsv.gz", none, "a|T|x|\nb||y|\n");
}
END_TEST

START_TEST(a_bad_tsv_line_is_named_with_its_reason)
{
    struct corpus_options skip = {.skip_bad = 1};
    struct buf want = {0};

    put("a.tsv", "a\tx\nb\n\ty\nc\tu\tv\nd\tz\xff\ne\t1\t2\t3\nf\tw\n");
    expect_error("a.tsv", NULL, E_FORMAT, "a.tsv:2: 1 column, needed are id TAB text");
    buf_puts(&want, "a||x|\n");
    buf_printf(&want, "bad %s:2: 1 column, needed are id TAB text or id TAB title TAB text\n",
               in_dir("a.tsv"));
    buf_printf(&want, "bad %s:3: the document's id is empty\n", in_dir("a.tsv"));
    buf_printf(&want, "bad %s:4: 3 columns, the lines before have 2\n", in_dir("a.tsv"));
    buf_printf(&want, "bad %s:5: invalid UTF-8 at byte 4 (0xff)\n", in_dir("a.tsv"));
    buf_printf(&want, "bad %s:6: 4 columns, needed are id TAB text or id TAB title TAB text\n",
               in_dir("a.tsv"));
    buf_puts(&want, "f||w|\n");
    expect("a.tsv", skip, buf_text(&want));
    buf_clear(&want);
}
END_TEST

/* ---- c_text.c ---- */

START_TEST(a_folder_is_walked_in_the_order_of_names)
{
    struct corpus_options none = {0};

    mkdir(in_dir("t"), 0700);
    mkdir(in_dir("t/b"), 0700);
    mkdir(in_dir("t/b/deep"), 0700);
    mkdir(in_dir("t/.git"), 0700);
    mkdir(in_dir("t/empty"), 0700);
    put("t/z.txt", "last\r\n");
    put("t/a.md", "intro\n```\n# code\n```\n##  A *heading* ##  \n# later\n");
    put("t/b/plain.text", "# no heading here");
    put("t/b/deep/caf\xc3\xa9 au lait.md", "#nospace\n####### seven\n#\nnone");
    put("t/b/README", "");
    put("t/.hidden", "no");
    put("t/.git/config.txt", "no");
    put("t/latin.txt", "\xef\xbb\xbf"
                       "caf\xe9");
    ck_assert_int_eq(symlink("..", in_dir("t/b/loop")), 0);
    expect("t", none,
           "a.md|A *heading*|intro\n```\n# code\n```\n##  A *heading* ##  \n# later\n|\n"
           "b/README|README||\n"
           "b/deep/caf\xc3\xa9 au lait.md|caf\xc3\xa9 au lait|#nospace\n####### seven\n#\nnone|\n"
           "b/plain.text|plain|# no heading here|\n"
           "latin.txt|latin|caf\xef\xbf\xbd|\n"
           "z.txt|z|last\r\n|\n");
    expect("t/a.md", none,
           "a.md|A *heading*|intro\n```\n# code\n```\n##  A *heading* ##  \n# later\n|\n");
}
END_TEST

START_TEST(binary_files_are_passed_over_and_counted_but_never_called_text)
{
    struct corpus_options skip = {.skip_bad = 1}, none = {0};
    struct buf want = {0};
    size_t n_bad = 0;

    mkdir(in_dir("t"), 0700);
    tmp_write(in_dir("t/a.png"), "\x89PNG\0\0", 6);
    put("t/b.txt", "text");
    mkfifo(in_dir("t/pipe"), 0600);
    none.n_bad = &n_bad;
    buf_printf(&want, "bad %s: not a text file (NUL byte at byte 5)\nb.txt|b|text|\n",
               in_dir("t/a.png"));
    expect("t", none, buf_text(&want));
    ck_assert_uint_eq(n_bad, 1);
    tmp_write(in_dir("t/c.txt"), "x\0y", 3);
    put("t/d\n.txt", "text");
    ck_assert_int_eq(symlink("nowhere", in_dir("t/e.txt")), 0);
    expect_error("t", NULL, E_FORMAT, "c.txt: not a text file (NUL byte at byte 2)");
    expect_error("t/a.png", "text", E_FORMAT, "a.png: not a text file (NUL byte at byte 5)");
    buf_printf(&want, "bad %s: not a text file (NUL byte at byte 2)\n", in_dir("t/c.txt"));
    buf_printf(&want, "bad %s: the file's name holds a control character (0x0a)\n",
               in_dir("t/d\\x0a.txt")); /* a message is one line */
    buf_printf(&want, "bad cannot open '%s': No such file or directory\n", in_dir("t/e.txt"));
    expect("t", skip, buf_text(&want));
    buf_clear(&want);
}
END_TEST

START_TEST(a_long_path_leaves_room_for_the_reason)
{
    struct buf path = {0};

    for (int i = 0; i < 4; i++) {
        buf_printf(&path, "%s%0200d", i ? "/" : "", i);
        mkdir(in_dir(buf_text(&path)), 0700);
    }
    buf_puts(&path, "/bad.jsonl");
    put(buf_text(&path), "{}\n");
    expect_error(buf_text(&path), NULL, E_FORMAT, "03/bad.jsonl:1: field '_id' is missing");
    buf_clear(&path);
}
END_TEST

START_TEST(two_files_whose_names_are_no_utf8_are_two_documents)
{
    mkdir(in_dir("t"), 0700);
    put("t/caf\xe8.txt", "one");
    put("t/caf\xe9.txt", "two");
    put("t/caf\xc3\xa9.txt", "three");
    expect("t", (struct corpus_options){0},
           "caf\xc3\xa9.txt|caf\xc3\xa9|three|\n"
           "caf\\xe8.txt|caf\\xe8|one|\n"
           "caf\\xe9.txt|caf\\xe9|two|\n");
}
END_TEST

/* ---- queries.c ---- */

void expect_queries(const char *name, const char *want)
{
    struct query_list q = {0};
    struct buf got = {0};
    struct err err = {0};

    ck_assert_ok(queries_load(&q, in_dir(name), &err), &err);
    for (size_t i = 0; i < q.n; i++)
        buf_printf(&got, "%s|%s\n", q.queries[i].qid, q.queries[i].text);
    ck_assert_str_eq(buf_text(&got), want);
    buf_clear(&got);
    queries_clear(&q);
}

START_TEST(queries_keep_the_order_of_their_file)
{
    put("queries.jsonl", "{\"_id\":\"z\",\"text\":\"one\",\"metadata\":{}}\n\n{\"id\":3,\"query\":"
                         "\"two\"}\n{\"qid\":\"a\",\"question\":\"\"}\n");
    expect_queries(".", "z|one\n3|two\na|\n");
    expect_queries("queries.jsonl", "z|one\n3|two\na|\n");
    put("q.tsv", "query_id\ttext\n10\tone two\r\n2\tthree");
    expect_queries("q.tsv", "10|one two\n2|three\n");
    put("q.txt", "  {\"_id\":\"z\",\"text\":\"one\"}\n");
    expect_queries("q.txt", "z|one\n");
    put("none.tsv", "");
    expect_queries("none.tsv", "");
}
END_TEST

START_TEST(a_bad_query_is_named_with_its_reason)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"1\tx\n2\ty\n1\tz\n", "q:3: query '1' comes twice"},
        {"1\tx\n2 y\n", "q:2: no tab"},
        {"1\tx\ty\n", "q:1: more than one tab"},
        {"\tx\n", "q:1: the query's id is empty"},
        {"1\t\xfe\n", "q:1: invalid UTF-8 at byte 3"},
        {"{\"_id\":1,\"text\":\"x\"}\n{\"_id\":\"1\",\"text\":\"x\"}\n",
         "q:2: query '1' comes twice"},
        {"{\"_id\":1}\n", "q:1: field 'text' is missing"},
        {"{\"text\":\"x\"}\n", "q:1: field '_id' is missing"},
        {"{\"_id\":1,\"text\":\"x\"}\n1\tx\n", "q:2: column 3: end of file expected"},
    };
    struct query_list q = {0};
    struct err err = {0};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put("q", cases[i].text);
        ck_assert_err(queries_load(&q, in_dir("q"), &err), E_FORMAT, cases[i].why, &err);
        ck_assert_ptr_null(q.queries);
    }
    ck_assert_err(queries_load(&q, dir, &err), E_NOTFOUND, "holds neither queries.jsonl nor", &err);
    ck_assert_err(queries_load(&q, in_dir("none"), &err), E_NOTFOUND, "none", &err);
}
END_TEST

/* ---- recovery ---- */

START_TEST(damaged_files_are_refused_or_read_but_never_crash)
{
    static const char json[] =
        "{\"_id\":\"a\",\"title\":\"T\",\"text\":\"x \\u00e9 y\",\"k\":[1,{\"z\":null}]}\n"
        "{\"id\":12.5e3,\"contents\":\"\xc3\xa9\"}\n";
    static const char tsv[] = "id\ttitle\ttext\n1\tT\tx\n2\t\t\xe2\x82\xac\n";
    static const char *const names[] = {"x.jsonl", "x.tsv", "x.md"};
    unsigned state = 3;

    for (int round = 0; round < 300; round++) {
        struct corpus_options opt = {.skip_bad = round & 1};
        struct query_list q = {0};
        struct buf got = {0};
        struct err err = {0};
        char text[sizeof json];
        size_t n = round % 3 ? sizeof tsv - 1 : sizeof json - 1;
        int rc;

        memcpy(text, round % 3 ? tsv : json, n);
        for (int i = 0; i < 3; i++) {
            state = state * 1664525u + 1013904223u;
            text[(state >> 8) % n] =
                (char)(state & 0x80 ? state >> 16 : (unsigned)"\t\n\"\\{[#"[state >> 29]);
        }
        tmp_write(in_dir(names[round % 3]), text, n);
        rc = read_all(&got, in_dir(names[round % 3]), &opt, &err);
        ck_assert_int_eq(rc, err.code);
        ck_assert(!strchr(err.text, '\n') && (!rc || err.text[0]));
        ck_assert_uint_eq(utf8_check(buf_text(&got), got.len), got.len);
        queries_load(&q, in_dir(names[round % 3]), NULL);
        queries_clear(&q);
        buf_clear(&got);
    }
}
END_TEST

void fail_each_alloc(const char *name, const char *format)
{
    struct corpus_options opt = {.skip_bad = 1};
    char path[1024];
    int rc;

    opt.format = format;
    snprintf(path, sizeof path, "%s", in_dir(name));
    FAIL_EACH_ALLOC(rc, {
        struct doc_source src = {0};
        struct err err = {0};
        struct doc doc;

        rc = corpus_open(&src, path, &opt, &err);
        if (!rc) {
            while ((rc = src.next(&doc, src.self, &err)) == 1)
                ck_assert_uint_ge(strlen(doc.text), 1);
            src.close(src.self);
        }
    });
}

START_TEST(readers_survive_each_failing_allocation)
{
    static const char *const names[] = {"beir", "a.tsv", "notes"};
    const char *name = names[_i];

    mkdir(in_dir("beir"), 0700);
    put("beir/corpus.jsonl",
        "{\"id\":1,\"text\":\"x\",\"k\":\"v\"}\nbad\n{\"_id\":\"b\",\"text\":\"y\"}\n");
    run_command("gzip %s", in_dir("beir/corpus.jsonl"));
    put("a.tsv", "a\tT\tx\nbad\nb\tT\tx\n");
    mkdir(in_dir("notes"), 0700);
    mkdir(in_dir("notes/sub"), 0700);
    put("notes/a.md", "# H\ntext");
    put("notes/sub/b.txt", "text");
    fail_each_alloc(name, NULL);
}
END_TEST

START_TEST(query_lists_survive_each_failing_allocation)
{
    int rc;

    put("queries.jsonl", "{\"id\":1,\"text\":\"x\"}\n{\"_id\":\"b\",\"text\":\"y\"}\n");
    mkdir(in_dir("qrels"), 0700);
    put("qrels/dev.tsv.gz", "");
    FAIL_EACH_ALLOC(rc, {
        struct query_list q = {0};
        struct err err = {0};
        char *path = NULL;

        rc = queries_load(&q, dir, &err);
        if (!rc)
            rc = corpus_qrels_path(&path, dir, "dev", &err);
        mem_free(path);
        queries_clear(&q);
    });
    FAIL_EACH_ALLOC(rc, {
        struct err err = {0};
        char *path = NULL;

        rc = corpus_qrels_path(&path, dir, "none", &err);
        if (rc == E_NOTFOUND)
            rc = 0;
    });
}
END_TEST

static Suite *corpora_suite(void)
{
    static const struct {
        const char *file;
        const TTest *const *tests[8];
    } groups[] = {
        {"corpora",
         {&the_format_is_guessed_from_the_name, &a_path_that_no_reader_takes_is_refused_by_name,
          &a_long_path_leaves_room_for_the_reason}},
        {"c_beir",
         {&the_bundled_collections_are_complete,
          &missing_judgements_are_answered_with_those_there_are}},
        {"c_jsonl",
         {&json_fields_become_a_document_and_the_rest_its_metadata, &a_nul_byte_is_a_bad_line,
          &a_line_that_is_too_long_can_be_passed_over,
          &a_damaged_gzip_file_is_an_error_even_when_skipping,
          &standard_input_is_read_as_jsonl_unless_said}},
        {"c_tsv",
         {&the_first_tsv_line_decides_whether_there_are_titles,
          &a_bad_tsv_line_is_named_with_its_reason}},
        {"c_text",
         {&a_folder_is_walked_in_the_order_of_names,
          &binary_files_are_passed_over_and_counted_but_never_called_text,
          &two_files_whose_names_are_no_utf8_are_two_documents}},
        {"queries",
         {&queries_keep_the_order_of_their_file, &a_bad_query_is_named_with_its_reason,
          &query_lists_survive_each_failing_allocation,
          &damaged_files_are_refused_or_read_but_never_crash}},
    };
    Suite *suite = suite_create("corpora");

    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        TCase *tc = corpora_group(suite, groups[g].file);

        for (size_t i = 0; i < 8 && groups[g].tests[i]; i++)
            tcase_add_test(tc, *groups[g].tests[i]);
        if (!strcmp(groups[g].file, "c_jsonl"))
            tcase_add_loop_test(tc, a_bad_json_line_is_named_with_its_reason, 0,
                                (int)(sizeof bad_json / sizeof *bad_json));
        if (!strcmp(groups[g].file, "corpora"))
            tcase_add_loop_test(tc, readers_survive_each_failing_allocation, 0, 3);
    }
    add_csv_tests(suite);
    add_trec_tests(suite);
    add_html_tests(suite);
    add_pdf_tests(suite);
    return suite;
}

int main(void) { return run_suite(corpora_suite()); }
