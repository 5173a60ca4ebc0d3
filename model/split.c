/* split.c -- pre-tokenizers: a table of patterns, matched by PCRE2; see split.h.
 *
 * The patterns are written for engines to which \s is Unicode's White_Space.  PCRE2's \s differs (it has U+180E),
 * so it is spelled out here, and the patterns do not depend on PCRE2's options; so are letters and numbers that are younger
 * than its tables (found by asking both about every code point).  Patterns match at every place of every
 * text, and none runs back further than to the begin of a run of blanks.
 *
 * Sources: Radford et al. 2019 (GPT-2); the pattern of cl100k_base that Llama 3 and Qwen2 vary; the
 * tokenizer.json of SmolLM2, whose digits stand alone before GPT-2's pattern sees the rest (folded into one pattern).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/split.h"

#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "base/mem.h"

enum { STEPS_MAX = 100 * 1000 * 1000 }; /* of one match */

/* White_Space, to be used inside [ ]. */
#define S                                                                                          \
    "\\x09-\\x0d\\x20\\x85\\xa0\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}"   \
    "\\x{3000}"
/* Letters and numbers to the references, which know Unicode 16 where PCRE2 10.42 knows 14; to be used inside [ ]. */
#define LETTERS                                                                                    \
    "\\p{L}"                                                                                       \
    "\\x{1c89}-\\x{1c8a}\\x{a7cb}-\\x{a7cd}\\x{a7da}-\\x{a7dc}"                                    \
    "\\x{105c0}-\\x{105f3}\\x{10d4a}-\\x{10d65}\\x{10d6f}-\\x{10d85}"                              \
    "\\x{10ec2}-\\x{10ec4}\\x{1123f}-\\x{11240}\\x{11380}-\\x{11389}\\x{1138b}"                    \
    "\\x{1138e}\\x{11390}-\\x{113b5}\\x{113b7}\\x{113d1}\\x{113d3}"                                \
    "\\x{11bc0}-\\x{11be0}\\x{11f02}\\x{11f04}-\\x{11f10}\\x{11f12}-\\x{11f33}"                    \
    "\\x{1342f}\\x{13441}-\\x{13446}\\x{13460}-\\x{143fa}\\x{16100}-\\x{1611d}"                    \
    "\\x{16d40}-\\x{16d6c}\\x{18cff}\\x{1b132}\\x{1b155}\\x{1df25}-\\x{1df2a}"                     \
    "\\x{1e030}-\\x{1e06d}\\x{1e4d0}-\\x{1e4eb}\\x{1e5d0}-\\x{1e5ed}\\x{1e5f0}"                    \
    "\\x{2b739}\\x{2ebf0}-\\x{2ee5d}\\x{31350}-\\x{323af}"
#define NUMBERS                                                                                    \
    "\\p{N}"                                                                                       \
    "\\x{10d40}-\\x{10d49}\\x{116d0}-\\x{116e3}\\x{11bf0}-\\x{11bf9}"                              \
    "\\x{11f50}-\\x{11f59}\\x{16130}-\\x{16139}\\x{16d70}-\\x{16d79}"                              \
    "\\x{1ccf0}-\\x{1ccf9}\\x{1d2c0}-\\x{1d2d3}\\x{1e4f0}-\\x{1e4f9}"                              \
    "\\x{1e5f1}-\\x{1e5fa}"
/* Those that stand alone in SmolLM2, by another table of the reference, of Unicode 17. */
#define DIGITS NUMBERS "\\x{11de0}-\\x{11de9}\\x{16ff4}-\\x{16ff6}"
#define BLANKS "[" S "]+(?![^" S "])|[" S "]+"
#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define OTHERS "[^" S LETTERS NUMBERS "]+"
#define CL100K(numbers)                                                                            \
    CONTRACTIONS "|[^\\r\\n" LETTERS NUMBERS "]?[" LETTERS "]+|" numbers "| ?" OTHERS              \
                 "[\\r\\n]*|[" S "]*[\\r\\n]+|" BLANKS

static const struct splitting splittings[] = {
    {.names = "default gpt-2 gpt2",
     .pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?[" LETTERS "]+| ?[" NUMBERS "]+| ?" OTHERS "|" BLANKS},
    /* a digit ends the text for the rule about blanks before a word */
    {.names = "smollm starcoder refact",
     .pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?[" LETTERS "]+|[" DIGITS "]| ?[^" S LETTERS DIGITS "]+|"
                "[" S "]+(?![^" S DIGITS "])|[" S "]+"},
    {.names = "qwen2 deepseek-r1-qwen", .pattern = CL100K("[" NUMBERS "]"), .composes = 1},
    {.names = "llama-bpe llama3 llama-v3",
     .pattern = CL100K("[" NUMBERS "]{1,3}"),
     .whole_words = 1},
};

enum { N_SPLITTINGS = sizeof splittings / sizeof *splittings };

struct splitter {
    const struct splitting *about;
    pcre2_general_context *memory;
    pcre2_code *code;
    int is_native; /* compiled to machine code */
    int failed;    /* an allocation of the library did */
};

struct split {
    const struct splitter *splitter;
    pcre2_match_context *context;
    pcre2_match_data *match;
};

/* ---- memory ---- */

static void *give(size_t n, void *payload)
{
    struct splitter *s = payload;
    void *p = mem_alloc(n, 1);

    if (!p)
        s->failed = 1;
    return p;
}

static void *give_quietly(size_t n, void *payload)
{
    (void)payload;
    return mem_alloc(n, 1);
}

static void take_back(void *p, void *payload)
{
    (void)payload;
    mem_free(p);
}

/* ---- the table ---- */

/* 1 if `name` is one of the names in a row. */
static int has_name(const char *names, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = names; n && (at = strstr(at, name)); at++)
        if ((at == names || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return 1;
    return 0;
}

static int find(const struct splitting **out, const char *name, struct err *err)
{
    struct buf known = {0};
    int rc;

    for (int i = 0; i < N_SPLITTINGS; i++)
        if (!strchr(name, ' ') && has_name(splittings[i].names, name)) {
            *out = &splittings[i];
            return 0;
        }
    for (int i = 0; i < N_SPLITTINGS; i++)
        buf_printf(&known, "%s%s", i ? " " : "", splittings[i].names);
    rc = buf_error(&known)
             ? err_nomem(err)
             : err_set(err, E_INVALID, "a tokenizer that cuts words as '%.40s' does; known are: %s",
                       name, buf_text(&known));
    buf_clear(&known);
    return rc;
}

const struct splitting *splitter_about(const struct splitter *s) { return s->about; }

/* ---- open ---- */

static int compile(struct splitter *s, struct err *err)
{
    pcre2_compile_context *context = pcre2_compile_context_create(s->memory);
    PCRE2_SIZE at = 0;
    int code = 0;

    if (!context)
        return err_nomem(err);
    s->code = pcre2_compile((PCRE2_SPTR)s->about->pattern, PCRE2_ZERO_TERMINATED,
                            PCRE2_UTF | PCRE2_ANCHORED, &code, &at, context);
    pcre2_compile_context_free(context);
    if (s->failed)
        return err_nomem(err);
    if (!s->code)
        return err_set(err, E_INVALID, "PCRE2 refuses the pattern of '%s' at %zu (its error %d)",
                       s->about->names, (size_t)at, code);
    /* where machine code is not allowed, the pattern is interpreted */
    s->is_native = !pcre2_jit_compile(s->code, PCRE2_JIT_COMPLETE);
    return s->failed ? err_nomem(err) : 0;
}

int splitter_open(struct splitter **out, const char *name, struct err *err)
{
    struct splitter *s = mem_zalloc(1, sizeof *s);
    int rc;

    if (!s)
        return err_nomem(err);
    rc = find(&s->about, name ? name : "default", err);
    if (!rc) {
        s->memory = pcre2_general_context_create(give, take_back, s);
        rc = s->memory ? compile(s, err) : err_nomem(err);
    }
    if (rc)
        splitter_close(s);
    else
        *out = s;
    return rc;
}

void splitter_close(struct splitter *s)
{
    if (!s)
        return;
    pcre2_code_free(s->code);
    pcre2_general_context_free(s->memory);
    mem_free(s);
}

/* ---- match ---- */

int split_open(struct split **out, const struct splitter *splitter, struct err *err)
{
    pcre2_general_context *memory = pcre2_general_context_create(
        give_quietly, take_back, NULL); /* the splitter's is read-only */
    struct split *s = mem_zalloc(1, sizeof *s);

    if (s && memory) {
        s->splitter = splitter;
        s->context = pcre2_match_context_create(memory);
        s->match = pcre2_match_data_create(1, memory);
    }
    pcre2_general_context_free(memory);
    if (!s || !s->context || !s->match) {
        split_close(s);
        return err_nomem(err);
    }
    pcre2_set_match_limit(s->context, STEPS_MAX);
    *out = s;
    return 0;
}

void split_close(struct split *s)
{
    if (!s)
        return;
    pcre2_match_data_free(s->match);
    pcre2_match_context_free(s->context);
    mem_free(s);
}

int split_next(size_t *end, struct split *s, const char *text, size_t n, size_t at, struct err *err)
{
    const struct splitter *p = s->splitter;
    int rc = p->is_native
                 ? pcre2_jit_match(p->code, (PCRE2_SPTR)text, n, at, 0, s->match, s->context)
                 : pcre2_match(p->code, (PCRE2_SPTR)text, n, at, PCRE2_NO_UTF_CHECK, s->match,
                               s->context);

    if (rc == PCRE2_ERROR_NOMEMORY)
        return err_nomem(err);
    if (rc < 0)
        return err_set(err, E_LIMIT,
                       "cutting a text of %zu bytes into words: PCRE2's error %d at byte %zu", n,
                       rc, at);
    *end = pcre2_get_ovector_pointer(s->match)[1];
    return 0;
}
