/* cmd_attend.c -- `fovea attend`: gives an index attention keys, completes them, or takes them out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "api/cli.h"
#include "api/jout.h"
#include "api/knobs.h"
#include "api/progress.h"
#include "api/term.h"
#include "base/mem.h"

struct settings {
    const char *profile, *model, *precision;
    int drop, threads, quiet, json;
};

static const struct option_row rows[] = {
    {"profile", 0, OPT_TEXT, offsetof(struct settings, profile), "PROFILE",
     "which heads rank: a profile's name, or its file (with a slash, or ending in .json)",
     .shown = "the index's own, or smollm2"},
    {"model", 0, OPT_TEXT, offsetof(struct settings, model), "MODEL",
     "the profile's model: a name, a folder or a file", .shown = "where the profile says"},
    FLAG_ROW("drop", 0, struct settings, drop, "take the keys out of the index"),
    {"threads", 0, OPT_INT, offsetof(struct settings, threads), "N",
     "threads; 0 is one per processor", .low = 0, .high = 64},
    {"precision", 0, OPT_CHOICE, offsetof(struct settings, precision), "P",
     "how the model computes, in an index without an encoder; else as the encoder does",
     name_of_precision, .text = "i8"},
    FLAG_ROW("quiet", 'q', struct settings, quiet, "show no progress"),
    COMMON_ROWS(struct settings),
    {0}};

struct work {
    struct progress progress;
    uint64_t before; /* passages that had keys when the first one was made */
    int has_begun;
};

static int on_progress(const char *what, uint64_t done, uint64_t total, void *payload)
{
    struct work *w = payload;

    if (strcmp(what, "passages read") != 0)
        return interrupted(); /* waits for another writer */
    if (!w->has_begun) {
        w->has_begun = 1;
        w->before = done ? done - 1 : 0;
    }
    w->progress.total = total;
    progress_update(&w->progress, (double)done, (double)w->before);
    return interrupted();
}

/* PROFILE[:MODEL], or NULL if neither is given; *memory is the caller's. */
static const char *choice_of(char **memory, const struct settings *s)
{
    if (s->drop)
        return "none";
    if (!s->model)
        return s->profile;
    *memory = mem_printf("%s:%s", s->profile ? s->profile : "", s->model);
    return *memory;
}

static int report(fovea *ix, const struct settings *s, const char *path, uint64_t made,
                  double seconds)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT], c[NUMBER_TEXT], name[NAME_TEXT], model[NAME_TEXT];
    fovea_info i = FOVEA_INFO_INIT;
    struct jout j = {0};

    if (fovea_describe(&i, ix))
        return say_fovea(ix);
    if (s->json) {
        jout_open(&j, NULL, '{');
        jout_text(&j, "index", path);
        jout_text(&j, "attention", i.attention);
        jout_text(&j, "attention_model", i.attention_model);
        jout_count(&j, "made", made);
        jout_number(&j, "seconds", seconds);
        jout_count(&j, "attended_passages", i.n_attended);
        jout_count(&j, "passages", i.n_passages);
        jout_count(&j, "attention_bytes", i.attention_bytes);
        jout_count(&j, "cut_passages", i.n_attended_cut);
        jout_count(&j, "empty_passages", i.n_attended_empty);
        jout_close(&j);
        return jout_print(&j) ? EXIT_FAILED : 0;
    }
    if (s->drop) {
        printf("%s: no attention keys; the room that they took in the file is used again\n", path);
        return 0;
    }
    printf("%s: keys of %s passage%s made in %s", path, show_count(a, made), made == 1 ? "" : "s",
           show_time(b, seconds));
    if (made && seconds > 0)
        printf(" (%s passages/s)", show_rate(c, (double)made / seconds));
    printf("\n%s of %s passages, ", show_count(a, i.n_attended), show_count(b, i.n_passages));
    if (*show_left_out(name, i.n_attended_cut, i.n_attended_empty))
        printf("%s, ", name);
    printf("%s, profile %s, model %s\n", show_bytes(c, i.attention_bytes),
           show_name(name, i.attention), show_name(model, i.attention_model));
    return 0;
}

/* After a failure: what the index holds, which had keys of n_before passages, or no place for any. */
static void say_what_stands(fovea *ix, int had_keys, uint64_t n_before)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT];
    fovea_info i = FOVEA_INFO_INIT;

    if (fovea_describe(&i, ix) ||
        (has_attention(&i) == had_keys && i.n_attended == n_before && !(had_keys && interrupted())))
        say("the index is as it was before");
    else
        say("%s%s of %s passages have keys; run the same command again to go on",
            interrupted() ? "interrupted; " : "", show_count(a, i.n_attended),
            show_count(b, i.n_passages));
}

static int attend(fovea *ix, const struct settings *s, const char *path, struct work *w)
{
    const double start = clock_now();
    char *memory = NULL;
    const char *choice = choice_of(&memory, s);
    fovea_info before = FOVEA_INFO_INIT, after = FOVEA_INFO_INIT;
    int rc = 0, had_keys;

    if (s->model && !memory)
        return say_failed("out of memory");
    progress_begin(&w->progress, NULL, "passages", 0, s->quiet);
    rc = fovea_describe(&before, ix);
    had_keys = has_attention(&before);
    if (rc || fovea_attend(ix, choice)) {
        progress_end(&w->progress);
        rc = say_fovea(ix);
        say_what_stands(ix, had_keys, before.n_attended);
    }
    mem_free(memory);
    progress_end(&w->progress);
    if (rc)
        return rc;
    if (fovea_describe(&after, ix))
        return say_fovea(ix);
    return report(ix, s, path,
                  after.n_attended > before.n_attended ? after.n_attended - before.n_attended : 0,
                  clock_now() - start);
}

static int run(void *settings, char **args, int n_args)
{
    const struct settings *s = settings;
    fovea_options opt = FOVEA_OPTIONS_INIT;
    struct work w = {0};
    fovea *ix = NULL;
    int rc;

    (void)n_args;
    if (s->drop && (s->profile || s->model))
        return say_usage(&cmd_attend, "--drop goes without --profile and --model");
    if ((s->profile && !*s->profile) || (s->model && !*s->model))
        return say_usage(&cmd_attend, "--profile or --model is empty");
    opt.mode = FOVEA_WRITE;
    opt.precision = precision_value(s->precision);
    opt.threads = s->threads;
    opt.progress = on_progress;
    opt.payload = &w;
    interrupt_watch();
    rc = fovea_open(&ix, args[0], &opt) ? say_fovea(ix) : attend(ix, s, args[0], &w);
    fovea_close(ix);
    return rc;
}

const struct command cmd_attend = {
    .name = "attend",
    .args = "INDEX",
    .about = "store attention keys in an index, for re-ranking without reading",
    .details =
        "A language model reads every passage once, and the keys of the heads that a profile "
        "names are stored in the index.  'fovea search --rerank stored' then reads the query "
        "alone.  'fovea index --attention' makes the same keys along with the index.\n\n"
        "Keys are committed every few seconds.  When the work is interrupted, run the same command "
        "again and it goes on from there; others can search and change the index all the while.  "
        "From the first moment on 'fovea index' stores keys of what it adds.\n\n"
        "An index has keys for one profile.  For another one take them out with --drop first; a "
        "profile that only weighs the same heads otherwise is recorded at once.",
    .examples = "fovea attend scifact.fovea\n"
                "fovea attend notes.fovea --profile my-profile.json --model models/qwen.gguf\n"
                "fovea attend notes.fovea --drop",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
