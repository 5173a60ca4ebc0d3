/* check_indexer_damage.c -- files that lie: every byte changed or cut gives an error or the right answer.
 *
 * Harm of the first kind changes bytes and leaves checksums: it must always be found.  Harm of the second kind
 * puts the checksum right afterwards, as an attacker would: then anything but a crash is allowed.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"
#include "base/file.h"
#include "tests/indexer_fixture.h"

/* An index with everything: windows, several segments, tombstones, a term over several blocks. */
static void make(struct fixture *f)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .chunking = "words:20:5"}};
    char docno[16], text[600];
    uint64_t seed = 99;

    fixture_open(f, &opt);
    for (int i = 0; i < 300; i++) {
        snprintf(docno, sizeof docno, "d%d", i);
        random_text(text, &seed);
        fixture_add(f, docno, "w0", text);
        if (i == 200)
            fixture_commit(f);
    }
    fixture_commit(f);
    for (int i = 0; i < 30; i++) {
        snprintf(docno, sizeof docno, "d%d", i * 9);
        ck_assert_int_eq(index_delete(f->ix, docno, &f->err), 1);
    }
    fixture_commit(f);
    fixture_check(f);
    ck_assert_int_eq(index_n_segments(f->ix), 2);
}

/* Uses all of an index.  Returns 0 or the first error. */
static int use(struct fixture *f, uint64_t *sum)
{
    struct index_options opt = {0};
    struct index *ix = NULL;
    struct buf text = {0};
    int rc = index_open(&ix, f->path, &opt, &f->err);

    *sum = 0;
    for (int i = 0; !rc && i < index_n_segments(ix); i++) {
        struct segment *s = index_segment(ix, i);

        for (int w = 0; rc >= 0 && w < 300; w++) {
            char term[8];
            struct postings p;
            struct term t;

            snprintf(term, sizeof term, "w%d", w);
            rc = segment_find_term(&t, s, term, strlen(term), &f->err);
            if (rc != 1)
                continue;
            rc = postings_open(&p, s, &t, &f->err);
            for (; !rc && p.passage != POSTINGS_END; postings_next(&p)) {
                ck_assert_uint_lt(p.passage, segment_size(s));
                if (!segment_is_dead(s, p.passage))
                    *sum += (uint64_t)t.df * postings_freq(&p) *
                            (segment_lengths(s)[p.passage] + 1u) *
                            hash_bytes(segment_docno(s, p.passage),
                                       strlen(segment_docno(s, p.passage)));
            }
        }
        for (uint32_t p = 0; rc >= 0 && p < segment_size(s); p += 11) {
            struct span span;
            struct doc doc;

            if (segment_is_dead(s, p))
                continue;
            rc = index_passage_span(&span, ix, s, p, &f->err);
            rc = rc ? rc : index_document(&doc, &text, ix, segment_document(s, p), &f->err);
            if (!rc)
                *sum += span.begin * 31 + span.end + (span.end <= strlen(doc.text));
        }
        rc = rc > 0 ? 0 : rc;
    }
    if (!rc) {
        rc = index_check(ix, &f->err);
        if (rc)
            *sum = 0;
    }
    buf_clear(&text);
    index_close(ix);
    return rc;
}

static struct db *open_db(struct fixture *f)
{
    struct db *db = NULL;

    ck_assert_ok(db_open(&db, f->path, DB_WRITE, &f->err), &f->err);
    ck_assert_ok(db_exec(db, &f->err, "PRAGMA synchronous = OFF"), &f->err);
    return db;
}

/* A row of a table with columns id, crc, data. */
struct row {
    const char *table;
    int64_t id;
    unsigned char *data;
    size_t n;
};

static size_t list_rows(struct row **rows, struct fixture *f, const char *table, size_t n,
                        size_t *cap)
{
    struct db *db = open_db(f);
    struct stmt *s = NULL;
    int rc;

    ck_assert_ok(db_prepare(&s, db, &f->err, "SELECT id, data FROM %s", table), &f->err);
    while ((rc = stmt_step(s, &f->err)) == 1) {
        struct row r = {.table = table, .id = stmt_int(s, 0)};
        const void *p = stmt_blob(s, 1, &r.n);

        r.data = (unsigned char *)mem_dup(p, r.n);
        ck_assert_int_eq(mem_reserve((void **)rows, cap, n + 1, sizeof **rows), 0);
        (*rows)[n++] = r;
    }
    ck_assert_ok(rc, &f->err);
    stmt_free(s);
    db_close(db);
    return n;
}

/* Writes other bytes to a row; with crc, the checksum of what is written. */
static void put_row(struct fixture *f, const struct row *r, const void *p, size_t n, int with_crc)
{
    struct db *db = open_db(f);
    struct stmt *s = NULL;

    ck_assert_ok(db_prepare(&s, db, &f->err,
                            with_crc ? "UPDATE %s SET data = ?1, crc = ?2 WHERE id = %lld"
                                     : "UPDATE %s SET data = ?1 WHERE id = %lld",
                            r->table, (long long)r->id),
                 &f->err);
    stmt_bind_blob(s, 1, p, n);
    if (with_crc)
        stmt_bind_int(s, 2, digest_crc32(0, p, n));
    ck_assert_ok(stmt_run(s, &f->err), &f->err);
    stmt_free(s);
    db_close(db);
}

START_TEST(changed_and_cut_blobs_are_found_or_harmless)
{
    int with_crc = _i;
    struct row *rows = NULL;
    size_t n = 0, cap = 0;
    uint64_t seed = 123, right, sum;
    struct fixture f;

    make(&f);
    index_close(f.ix);
    f.ix = NULL;
    ck_assert_ok(use(&f, &right), &f.err);
    n = list_rows(&rows, &f, "fovea_blobs", n, &cap);
    n = list_rows(&rows, &f, "fovea_tombstones", n, &cap);
    ck_assert_uint_ge(n, 15);
    for (size_t i = 0; i < n; i++) {
        struct row *r = &rows[i];
        unsigned char *copy = (unsigned char *)mem_dup(r->data, r->n);

        for (int round = 0; round < 14; round++) {
            size_t at = random_below(&seed, (uint32_t)(round < 4 && r->n > 8 ? 8 : r->n));
            size_t keep = round % 7 == 6 ? at : r->n; /* cut off, or changed */
            int rc;

            copy[at] ^= (unsigned char)(1 + random_below(&seed, 255));
            put_row(&f, r, copy, keep, with_crc);
            rc = use(&f, &sum);
            if (with_crc)
                ck_assert_msg(rc == 0 || rc == E_FORMAT || rc == E_NOMEM, "%d: %s", rc, f.err.text);
            else
                ck_assert_msg(rc == E_FORMAT, "row %lld of %s, byte %zu: got %d %s",
                              (long long)r->id, r->table, at, rc, f.err.text);
            err_clear(&f.err);
            copy[at] = r->data[at];
        }
        put_row(&f, r, r->data, r->n, 1);
        mem_free(copy);
        mem_free(r->data);
    }
    mem_free(rows);
    ck_assert_ok(use(&f, &sum), &f.err);
    ck_assert_uint_eq(sum, right);
    fixture_close(&f);
}
END_TEST

/* What check must find, and the words it must use. */
static const char *const harms[][2] = {
    {"DELETE FROM fovea_documents WHERE docno = 'd5'", "document 6"},
    {"UPDATE fovea_documents SET docno = 'other' WHERE docno = 'd5'", "'other'"},
    {"UPDATE fovea_documents SET text = text || ' more words to cut' WHERE docno = 'd5'", "'d5'"},
    {"UPDATE fovea_documents SET title = title || 'x' WHERE docno = 'd5'", "'d5'"},
    {"UPDATE fovea_documents SET meta = '{}' WHERE docno = 'd5'", "'d5'"},
    {"UPDATE fovea_documents SET crc = crc + 4294967296 WHERE docno = 'd5'", "'d5'"},
    {"INSERT INTO fovea_documents(docno, title, text, crc) VALUES('extra', '', '', 0)",
     "documents in segments"},
    {"DELETE FROM fovea_blobs WHERE id = (SELECT max(id) FROM fovea_blobs)", "missing"},
    {"INSERT INTO fovea_blobs SELECT id + 1, crc, data FROM fovea_blobs ORDER BY id DESC LIMIT 1",
     "rows of blobs"},
    {"DELETE FROM fovea_tombstones", ""},
    {"UPDATE fovea_tombstones SET segment = 77", "segment 77"},
    {"DELETE FROM fovea_segments WHERE id = 2", ""},
    {"UPDATE fovea_segments SET passages = passages + 1 WHERE id = 1", "checksum"},
    {"UPDATE fovea_segments SET postings_bytes = 1000000000000 WHERE id = 1", "checksum"},
    {"UPDATE fovea_settings SET value = value + 1 WHERE key = 'documents'", "documents"},
    {"DELETE FROM fovea_settings WHERE key = 'documents'", "documents"},
    {"DELETE FROM fovea_settings WHERE key = 'analyzer'", "analyzer"},
    {"DELETE FROM fovea_settings WHERE key = 'commits'", "commits"},
    {"UPDATE fovea_settings SET value = 1 WHERE key = 'next_segment'", "next_segment"},
    {"UPDATE fovea_settings SET value = 1 WHERE key = 'next_tombstone'", "next_tombstone"},
    {"UPDATE fovea_settings SET value = 'words:9' WHERE key = 'chunking'", ""},
    {"UPDATE fovea_settings SET value = 'what' WHERE key = 'chunking'", "what"},
    {"UPDATE fovea_settings SET value = 'esperanto' WHERE key = 'analyzer'",
     "test.fovea' is damaged or"},
};

START_TEST(check_finds_tables_that_do_not_agree)
{
    struct fixture f;
    struct db *db;
    uint64_t sum;
    int rc;

    make(&f);
    index_close(f.ix);
    f.ix = NULL;
    db = open_db(&f);
    ck_assert_ok(db_exec(db, &f.err, "%s", harms[_i][0]), &f.err);
    ck_assert_int_gt(db_changes(db), 0);
    db_close(db);
    rc = use(&f, &sum);
    ck_assert_msg(rc == E_FORMAT || rc == E_INVALID || rc == E_NOTFOUND, "%s: got %d %s",
                  harms[_i][0], rc, f.err.text);
    ck_assert_msg(strstr(f.err.text, harms[_i][1]) != NULL, "%s: '%s'", harms[_i][0], f.err.text);
    fixture_close(&f);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_no_crash)
{
    struct fixture f;
    uint64_t seed = 5, sum;
    char *bytes = NULL;
    size_t n = 0;

    make(&f);
    index_close(f.ix);
    f.ix = NULL;
    ck_assert_ok(file_read(&bytes, &n, f.path, 1 << 28, &f.err), &f.err);
    for (int i = 0; i < 60; i++) {
        size_t keep = random_below(&seed, (uint32_t)n);
        int rc;

        tmp_write(f.path, bytes, keep);
        rc = use(&f, &sum);
        ck_assert_msg(rc < 0, "%zu of %zu bytes pass", keep, n);
        err_clear(&f.err);
    }
    for (int i = 0; i < 150; i++) { /* SQLite's own pages: found or, in free space, harmless */
        size_t at = random_below(&seed, (uint32_t)n);
        char was = bytes[at];

        bytes[at] = (char)random_below(&seed, 256);
        tmp_write(f.path, bytes, n);
        (void)use(&f, &sum);
        err_clear(&f.err);
        bytes[at] = was;
    }
    mem_free(bytes);
    fixture_close(&f);
}
END_TEST

TCase *tcase_damage(void)
{
    TCase *tc = tcase_create("damage");

    tcase_set_timeout(tc, 240);
    tcase_add_loop_test(tc, changed_and_cut_blobs_are_found_or_harmless, 0, 2);
    tcase_add_loop_test(tc, check_finds_tables_that_do_not_agree, 0, sizeof harms / sizeof *harms);
    tcase_add_test(tc, a_file_cut_anywhere_is_no_crash);
    return tc;
}
