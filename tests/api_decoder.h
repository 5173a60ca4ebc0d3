/* api_decoder.h -- a tiny decoder and a profile of two of its heads, for tests of the C interface. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_API_DECODER_H
#define TESTS_API_DECODER_H

#include <sys/stat.h>

#include "base/digest.h"
#include "tests/api_fixture.h"
#include "tests/tiny_gguf.h"

static char models[64], model[96], profile[96];
static char named[200];  /* stored:MODEL:PROFILE */
static char choice[200]; /* PROFILE:MODEL */

/* Head 1 of the first layer and head 2 of the second, which weighs as much as is said. */
static inline void write_profile(const char *to, const char *method, const char *sha, double weight)
{
    static const char json[] =
        "{\"name\":\"tiny\",\"method\":\"%s\",\"model\":\"tiny\",\"sha256\":\"%s\","
        "\"statistic\":\"log-mass\",\"calibrated\":true,\"wants\":\"find\",\"bits\":8,"
        "\"first_stage\":0,\"heads\":[{\"layer\":0,\"head\":1,\"weight\":1},"
        "{\"layer\":1,\"head\":2,\"weight\":%g}],\"chosen\":\"for a test\"}";
    char text[sizeof json + 128];
    const int n = snprintf(text, sizeof text, json, method, sha, weight);

    ck_assert(n > 0 && (size_t)n < sizeof text);
    tmp_write(to, text, (size_t)n);
}

static char sha256[65]; /* of the decoder */

static inline void set_up_decoder(void)
{
    struct tiny_gguf tiny = tiny_gguf_of("llama");
    struct buf bytes = {0};

    set_up();
    tmp_dir(models);
    tiny.context = 2048;
    tiny_gguf_build(&bytes, &tiny);
    snprintf(model, sizeof model, "%s/tiny", models);
    ck_assert_int_eq(mkdir(model, 0777), 0);
    snprintf(model, sizeof model, "%s/tiny/model.gguf", models);
    tmp_write(model, bytes.data, bytes.len);
    digest_sha256(sha256, bytes.data, bytes.len);
    buf_clear(&bytes);
    snprintf(profile, sizeof profile, "%s/tiny.json", models);
    write_profile(profile, "stored", sha256, 0.5);
    snprintf(named, sizeof named, "stored:%s:%s", model, profile);
    snprintf(choice, sizeof choice, "%s:%s", profile, model);
}

static inline void tear_down_decoder(void)
{
    tmp_remove(models);
    tear_down();
}

static const char words[] = "the eye sees cells in the night below";

/* All documents, re-ranked. */
static inline fovea_hits *search(fovea *ix, const char *how)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_hits *hits = NULL;

    opt.rerank = how;
    ck_assert_done(fovea_search(&hits, ix, words, &opt), ix);
    ck_assert_uint_eq(fovea_hits_count(hits), N_DOCS);
    return hits;
}

static inline void assert_same(const fovea_hits *a, const fovea_hits *b)
{
    ck_assert_uint_eq(fovea_hits_count(a), fovea_hits_count(b));
    for (size_t i = 0; i < fovea_hits_count(a); i++) {
        ck_assert_str_eq(fovea_hits_get(a, i)->docno, fovea_hits_get(b, i)->docno);
        ck_assert_float_eq(fovea_hits_get(a, i)->score, fovea_hits_get(b, i)->score);
    }
}

#endif
