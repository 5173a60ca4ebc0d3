/* check_indexer_parts.c -- rows of blobs and the dictionary over them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"
#include "indexer/dictionary.h"
#include "tests/indexer_fixture.h"

/* Writes `n` bytes as a part of a segment that no table lists, in odd pieces. */
static void write_part(struct fixture *f, int64_t segment, const unsigned char *p, size_t n)
{
    struct part_writer w;

    part_begin(&w, &f->ix->wr, segment, PART_VECTORS, &f->err);
    for (size_t at = 0, k = 1; at < n; at += k, k = k * 7 % 9001 + 1)
        part_put(&w, p + at, n - at < k ? n - at : k);
    ck_assert_ok(part_finish(&w), &f->err);
    ck_assert_uint_eq(w.size, n);
}

static struct part_reader reader_of(struct fixture *f, int64_t segment, int part, uint64_t size)
{
    struct part_reader r = {.store = &f->ix->wr, .segment = segment, .part = part, .size = size};

    ck_assert_ok(store_measure(&f->ix->wr, &f->err), &f->err);
    return r;
}

START_TEST(a_part_reads_back_at_any_offset)
{
    static const size_t sizes[] = {1, 100, PART_ROW - 1, PART_ROW, PART_ROW + 1, 3 * PART_ROW + 77};
    size_t n = sizes[_i];
    unsigned char *p = mem_alloc(n, 1), *q = NULL, *piece = mem_alloc(n, 1);
    struct part_reader r;
    struct fixture f;
    uint64_t seed = 3;

    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)random_below(&seed, 256);
    fixture_open(&f, NULL);
    write_part(&f, 9, p, n);
    r = reader_of(&f, 9, PART_VECTORS, n);
    for (int round = 0; round < 200; round++) {
        size_t at = random_below(&seed, (uint32_t)n),
               k = random_below(&seed, (uint32_t)(n - at)) + 1;

        ck_assert_ok(part_read(piece, &r, at, k, &f.err), &f.err);
        ck_assert_mem_eq(piece, p + at, k);
    }
    ck_assert_ok(part_read(piece, &r, n, 0, &f.err), &f.err);
    ck_assert_err(part_read(piece, &r, n, 1, &f.err), E_FORMAT, "asked for", &f.err);
    ck_assert_err(part_read(piece, &r, 1, n, &f.err), E_FORMAT, "asked for", &f.err);
    ck_assert_ok(part_load(&q, &r, 5, &f.err), &f.err);
    ck_assert_mem_eq(q, p, n);
    ck_assert_mem_eq(q + n, "\0\0\0\0\0", 5);
    part_close(&r);
    mem_free(p);
    mem_free(q);
    mem_free(piece);
    fixture_close(&f);
}
END_TEST

START_TEST(a_damaged_missing_or_cut_row_is_an_error)
{
    static const char *const harm[][2] = {
        {"UPDATE fovea_blobs SET data = CAST('x' || substr(data, 2) AS BLOB) WHERE id = %lld",
         "checksum"},
        {"UPDATE fovea_blobs SET crc = crc + 1 WHERE id = %lld", "checksum"},
        {"UPDATE fovea_blobs SET data = substr(data, 2) WHERE id = %lld", "bytes"},
        {"UPDATE fovea_blobs SET data = zeroblob(0) WHERE id = %lld", "bytes"},
        {"DELETE FROM fovea_blobs WHERE id = %lld", "missing"},
    };
    size_t n = 2 * PART_ROW + 5;
    unsigned char *p = mem_zalloc(n, 1), byte;
    struct part_reader r;
    struct fixture f;

    fixture_open(&f, NULL);
    write_part(&f, 9, p, n);
    ck_assert_ok(
        db_exec(f.ix->wr.db, &f.err, harm[_i][0], (long long)part_row_id(9, PART_VECTORS, 1)),
        &f.err);
    r = reader_of(&f, 9, PART_VECTORS, n);
    ck_assert_ok(part_read(&byte, &r, 0, 1, &f.err), &f.err);
    ck_assert_ok(part_read(&byte, &r, n - 1, 1, &f.err), &f.err);
    ck_assert_err(part_read(&byte, &r, PART_ROW, 1, &f.err), E_FORMAT, harm[_i][1], &f.err);
    ck_assert_err(part_read(p, &r, 0, n, &f.err), E_FORMAT, "segment 9, vectors: row 1", &f.err);
    part_close(&r);
    mem_free(p);
    fixture_close(&f);
}
END_TEST

/* ---- dictionary ---- */

/* Term i of a list in order; lengths from 2 to 255, long shared beginnings. */
static size_t term_at(char out[TERM_MAX + 1], uint32_t i)
{
    snprintf(out, TERM_MAX + 1, "%c%06u", 'a' + (int)(i / 1000), i);
    for (size_t n = strlen(out); n < TERM_MAX && i % 97 == 5; n++)
        out[n] = (char)(0x80 + i % 100), out[n + 1] = '\0';
    return strlen(out);
}

struct words {
    struct fixture f;
    struct part_reader terms, index;
    struct dictionary d;
    uint64_t bytes;
};

static void write_words(struct words *w, uint32_t n)
{
    struct dictionary_writer dw;
    char term[TERM_MAX + 1];

    fixture_open(&w->f, NULL);
    dictionary_begin(&dw, &w->f.ix->wr, 5, &w->f.err);
    w->bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        size_t len = term_at(term, 2 * i);

        dictionary_add(&dw, term, len, i + 1, 3 * i + 1);
        w->bytes += 3 * i + 1;
    }
    ck_assert_ok(dictionary_finish(&dw), &w->f.err);
    w->terms = reader_of(&w->f, 5, PART_TERMS, dw.terms.size);
    w->index = reader_of(&w->f, 5, PART_TERM_INDEX, dw.index.size);
}

static void end_words(struct words *w)
{
    dictionary_close(&w->d);
    part_close(&w->terms);
    part_close(&w->index);
    fixture_close(&w->f);
}

START_TEST(every_term_is_found_and_no_other)
{
    static const uint32_t sizes[] = {0, 1, 31, 32, 33, 64, 3000};
    struct dictionary_cursor c = {0};
    uint32_t n = sizes[_i];
    struct words w;
    char term[TERM_MAX + 1];
    uint64_t offset = 0;
    int rc;

    write_words(&w, n);
    ck_assert_ok(dictionary_open(&w.d, &w.terms, &w.index, n, w.bytes, &w.f.err), &w.f.err);
    for (uint32_t i = 0; i < 2 * n + 2; i++) {
        size_t len = term_at(term, i);
        struct dictionary_entry e;

        rc = dictionary_find(&e, &w.d, term, len, &w.f.err);
        ck_assert_ok(rc, &w.f.err);
        ck_assert_int_eq(rc, i % 2 == 0 && i < 2 * n);
        if (rc) {
            ck_assert_uint_eq(e.number, i / 2);
            ck_assert_uint_eq(e.n, i / 2 + 1);
            ck_assert_uint_eq(e.offset, offset);
            offset += e.bytes;
        }
        rc = dictionary_find(&e, &w.d, term, len - 1, &w.f.err); /* a beginning is no term */
        ck_assert_int_eq(rc, 0);
    }
    ck_assert_uint_eq(offset, w.bytes);
    c.d = &w.d;
    for (uint32_t i = 0; i < n; i++) {
        ck_assert_ok(dictionary_next(&c, &w.f.err), &w.f.err);
        ck_assert_uint_eq(c.len, term_at(term, 2 * i));
        ck_assert_mem_eq(c.term, term, c.len);
        ck_assert_uint_eq(c.entry.n, i + 1);
    }
    ck_assert_int_eq(dictionary_next(&c, &w.f.err), 0);
    dictionary_cursor_close(&c);
    end_words(&w);
}
END_TEST

/* Changes a byte of a row and its checksum with it: what only a hostile writer does. */
static void poke(struct fixture *f, int64_t row, size_t at, unsigned char value, unsigned char *was)
{
    struct db *db = f->ix->wr.db;
    struct stmt *s = NULL;
    unsigned char *copy;
    size_t n;
    const void *p;

    ck_assert_ok(
        db_prepare(&s, db, &f->err, "SELECT data FROM fovea_blobs WHERE id = %lld", (long long)row),
        &f->err);
    ck_assert_int_eq(stmt_step(s, &f->err), 1);
    p = stmt_blob(s, 0, &n);
    copy = (unsigned char *)mem_dup(p, n);
    stmt_free(s);
    ck_assert(at < n);
    *was = copy[at];
    copy[at] = value;
    ck_assert_ok(db_prepare(&s, db, &f->err,
                            "UPDATE fovea_blobs SET data = ?1, crc = ?2 WHERE id = %lld",
                            (long long)row),
                 &f->err);
    stmt_bind_blob(s, 1, copy, n);
    stmt_bind_int(s, 2, digest_crc32(0, copy, n));
    ck_assert_ok(stmt_run(s, &f->err), &f->err);
    stmt_free(s);
    mem_free(copy);
}

START_TEST(a_hostile_dictionary_gives_an_error_or_terms_in_order)
{
    enum { N = 200 };
    uint64_t seed = 41;
    struct words w;

    write_words(&w, N);
    ck_assert_ok(db_exec(w.f.ix->wr.db, &w.f.err, "PRAGMA synchronous = OFF"), &w.f.err);
    for (int round = 0; round < 600; round++) {
        int part = round % 2 ? PART_TERMS : PART_TERM_INDEX;
        struct part_reader *r = round % 2 ? &w.terms : &w.index;
        size_t at = random_below(&seed, (uint32_t)r->size);
        unsigned char was, now = (unsigned char)random_below(&seed, 256);
        struct dictionary_cursor c = {0};
        char last[TERM_MAX], term[TERM_MAX + 1];
        struct dictionary_entry e;
        size_t n_last = 0;
        uint32_t n = 0;
        int rc;

        poke(&w.f, part_row_id(5, part, 0), at, now, &was);
        part_close(&w.terms);
        part_close(&w.index);
        rc = dictionary_open(&w.d, &w.terms, &w.index, N, w.bytes, &w.f.err);
        if (!rc) {
            c.d = &w.d;
            while ((rc = dictionary_next(&c, &w.f.err)) == 1) {
                ck_assert(!n || dictionary_compare(last, n_last, c.term, c.len) < 0);
                ck_assert(c.entry.offset + c.entry.bytes <= w.bytes && c.entry.n > 0);
                memcpy(last, c.term, c.len);
                n_last = c.len;
                n++;
            }
            err_clear(&w.f.err);
            for (uint32_t i = 0; i < 2 * N; i += 7) {
                int found = dictionary_find(&e, &w.d, term, term_at(term, i), &w.f.err);

                ck_assert(found >= 0 || found == E_FORMAT);
                ck_assert(found != 1 || (e.number < N && e.offset + e.bytes <= w.bytes));
                err_clear(&w.f.err);
            }
        }
        ck_assert(rc == 0 || rc == E_FORMAT);
        err_clear(&w.f.err);
        dictionary_cursor_close(&c);
        dictionary_close(&w.d);
        poke(&w.f, part_row_id(5, part, 0), at, was, &now);
    }
    end_words(&w);
}
END_TEST

TCase *tcase_parts(void)
{
    TCase *tc = tcase_create("parts");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_part_reads_back_at_any_offset, 0, 6);
    tcase_add_loop_test(tc, a_damaged_missing_or_cut_row_is_an_error, 0, 5);
    return tc;
}

TCase *tcase_dictionary(void)
{
    TCase *tc = tcase_create("dictionary");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, every_term_is_found_and_no_other, 0, 7);
    tcase_add_test(tc, a_hostile_dictionary_gives_an_error_or_terms_in_order);
    return tc;
}
