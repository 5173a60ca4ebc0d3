/* help_topics.c -- the topics of `fovea help`, written from the tables that they describe. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/help.h"
#include "base/mem.h"
#include "corpora/corpora.h"
#include "eval/eval.h"
#include "eval/significance.h"
#include "indexer/index.h"
#include "reranker/reranker.h"
#include "retriever/retriever.h"

int help_line(const char **name, size_t *n_name, const char **about, size_t *n_about,
              const char **text)
{
    const char *s = *text;
    size_t n = strcspn(s, "\n");

    if (!*s)
        return 0;
    *text = s + n + (s[n] == '\n');
    *name = NULL;
    *n_name = 0;
    if (*s == '\t') {
        *name = s + 1;
        *n_name = strcspn(s + 1, "\t\n");
        s += 1 + *n_name + (s[1 + *n_name] == '\t');
        n = strcspn(s, "\n");
    }
    *about = s;
    *n_about = n;
    return 1;
}

static void row(struct buf *out, const char *name, const char *about)
{
    buf_printf(out, "\t%s\t", name);
    for (; *about; about++) /* some tables have lines, which wrap anew here */
        buf_putc(out, *about == '\n' ? ' ' : *about);
    buf_putc(out, '\n');
}

static void corpora(struct buf *out)
{
    buf_puts(out, "What 'fovea index' reads.  The format is guessed from the path, or given by "
                  "--format.  Files may be compressed with gzip.\n\n");
    for (const struct corpus_format *const *f = corpus_formats; *f; f++)
        row(out, (*f)->name, (*f)->about);
}

static void retrievers_topic(struct buf *out)
{
    buf_puts(out, "What --system chooses.\n\n");
    for (const struct retriever *const *r = retrievers; *r; r++)
        row(out, (*r)->name, (*r)->about);
    buf_puts(out,
             "\nHits come best first; equal scores are ordered by name, descending, as trec_eval "
             "sorts them.\n");
}

static void rerankers(struct buf *out)
{
    buf_puts(out,
             "What --rerank chooses: a model reads the first hits of a search and puts them in "
             "another order.  Those beyond --rerank-depth follow in the order that they had.\n\n");
    for (const struct rerank_method *const *m = rerank_methods; *m; m++)
        row(out, (*m)->name, (*m)->about);
    buf_puts(
        out,
        "\nBehind the method may stand a model and a profile: METHOD:MODEL:PROFILE.  A MODEL is "
        "a name, a folder or a file ('fovea help models').  A PROFILE says which attention "
        "heads count and how much: a file if it has a slash or ends in .json, else the name of one "
        "that ships with fovea, as one for the default model does.  all takes all "
        "heads, and METHOD::PROFILE leaves the model to the profile.\n\n"
        "Scores of re-ranked hits are the model's, or, if the first stage has a weight, sums of "
        "both after each was brought to mean 0 and deviation 1 over the hits.  With --explain the "
        "methods that attend also "
        "tell the words of a passage that the query attended to most, each with its share.\n\n"
        "Methods that attend read the first 300 words of a passage, at most 512 tokens, and the "
        "first "
        "400 tokens of a query.  Candidates that do not fit into one prompt are read in windows "
        "that "
        "overlap; empty ones come last.  A notice says what was left out, and so does --json.  "
        "A model must read 1,024 tokens at a time, or more.\n\n");
    row(out, "--rerank stored", "the default model and its profile");
    row(out, "--rerank icr:smollm2:all", "all heads of a model, as published");
    row(out, "--rerank cross-encoder:ms-marco-MiniLM-L-6-v2", "a folder of that name");
}

static void filters(struct buf *out)
{
    buf_puts(out,
             "What --where of 'fovea search' takes: a predicate on documents.  Only those that it "
             "holds for are searched, by every system, so none of them is missed however few "
             "they are; they keep the scores that they have without it (BM25's statistics are "
             "those of the whole index).\n\n");
    row(out, "F = V, F != V", "the value of the field; == and <> mean the same");
    row(out, "F < V, F <= V, F > V, F >= V", "order");
    row(out, "F between V and V", "both ends included");
    row(out, "F in (V, ...)", "one of these");
    row(out, "F like 'TEXT'",
        "a pattern: % is any text, _ one character; letters a to z in either "
        "case");
    row(out, "F ~ 'TEXT', F !~ 'TEXT'", "contains, does not; letters a to z in either case");
    row(out, "F is null, F is not null", "the document lacks the field, has it");
    row(out, "A and B, A or B, not A, (A)", "'not' also stands before between, in and like");
    buf_puts(
        out,
        "\nA field is docno, title, or one that the collection gave the document: another member "
        "of its JSON object, another column.  It is looked for in the object, then in its member "
        "metadata (BEIR), and a.b is member b of a.  A name with anything but letters, digits, _ "
        "and -, or with a digit first, stands in \"...\", and so does a word of the language, or a "
        "field of the collection "
        "that is named docno or title.  Capitals count in names of fields and in texts.\n\n"
        "A value is a number, a text in '...' or \"...\" (the quote itself twice), true or false.  "
        "With a number a field is compared as a number, also if it is a text such as \"2021\"; "
        "with a text as text, byte by byte, which puts dates such as '2023-10-01' in order.  A "
        "list has every property that one of its elements has: tags = 'x' finds documents with x "
        "among their tags.\n\n"
        "Where the field is absent, null or of no fitting kind a test is false, and so != and "
        "'not' hold there: add 'and F is not null' to leave such documents out.  A filter holds "
        "or does not; there is no third way as in SQL.\n\n");
    row(out, "year >= 2020 and source = 'bbc'", "two tests");
    row(out, "date between '2023-03' and '2023-04'",
        "all of March: '2023-03-31' is before '2023-04'");
    row(out, "tags in ('law', 'tax') and not title ~ 'podcast'", "a list, and a part of the title");
    row(out, "docno like 'nyt-%'", "part of a collection");
    buf_puts(out, "\n"
                  "An error names the column.  Limits: 32,768 bytes, 500 tests, 10,000 values, 10 "
                  "parentheses inside each other.\n");
}

static void queries(struct buf *out)
{
    buf_puts(out, "What a query to 'fovea search' may hold beside words.  The shell takes double "
                  "quotes away and "
                  "replaces a *, so put the query between single quotes:\n\n"
                  "    fovea search notes.fovea '\"access denied\" config*'\n\n");
    row(out, "\"access denied\"",
        "a phrase: only passages that hold these words, one after another, in the title, the "
        "headings, the text or another indexed field.  Words are compared as the analyzer sees "
        "them (Access, accesses), but all of them count, stop words too.  A phrase of one word "
        "requires it; one of stop words alone asks for nothing");
    row(out, "config*",
        "every word that begins so: at least two characters, at most the 64 terms that most "
        "passages hold, weighing together as one word.  The beginning is compared with the terms "
        "of the "
        "index, which are stems in most languages, and in cjk pairs of characters; the word's own "
        "stem is searched for too, so configure* finds configuration as well");
    buf_puts(
        out,
        "\nSeveral phrases must all hold, together with --where.  Phrases rank nothing by "
        "themselves: their words score as other words do, and systems that use models read them "
        "without the quotes.  Up to 64 phrases and 32 beginnings count.\n\n"
        "Nothing is an error: a quote that none closes, or behind a letter or digit (a 5\" disk), "
        "and a * that no word precedes (or with letters behind it) are text.  Curled quotes are "
        "quotes.  With --plain, and in "
        "--queries and for --run, everything is text, and so it is for 'fovea eval' and the "
        "C API unless asked.\n\n"
        "The index stores no positions: passages with all words of a phrase are read again, best "
        "first, until there are enough hits.\n");
}

static void analyzers(struct buf *out)
{
    buf_puts(out, "How text becomes words: what --analyzer of 'fovea index' chooses.  Queries go "
                  "through the analyzer that the index was made with.\n\n");
    for (const struct analyzer_kind *a = analyzer_kinds; a->name; a++)
        row(out, a->name, a->about);
    buf_puts(out, "\nOnly the English ones drop stop words: a frequent word weighs little anyway. "
                  "In all but cjk, each Chinese character and each letter of hiragana is a word, "
                  "and so is each run of katakana.\n");
}

static void chunking(struct buf *out)
{
    buf_puts(out, "How documents become passages: what --chunk of 'fovea index' chooses.  "
                  "Passages are what is ranked; a document counts by its best one, unless "
                  "--passages is asked for.\n\n");
    for (const struct chunk_kind *const *k = chunk_kinds; *k; k++)
        row(out, (*k)->form, (*k)->about);
    buf_puts(out,
             "\nA word is what stands between blanks.  For sentences and sections a Chinese or "
             "Japanese character is one too, and so are every 32 bytes of something longer; the "
             "end of a line ends no sentence, but a blank line and an item of a list do.\n\n"
             "The title is indexed with each passage of a document.  So are the headings above a "
             "passage of a section, as in \"Guide > Install > Debian\".\n");
}

static void fields(struct buf *out)
{
    buf_puts(out,
             "Which fields of a document bm25 counts the words of, and how much: what --fields of "
             "'fovea index' takes, a list of NAME:WEIGHT.  A word in a field of weight 3 counts as "
             "if it "
             "stood there three times, in the document's length too (BM25F).\n\n");
    row(out, "title", "the title; 1 if it is not named");
    row(out, "headings", "those above a passage (--chunk sections:N); 1 if it is not named");
    row(out, "text", "the text; 1 if it is not named");
    row(out, "others",
        "what else the collection gave the document: another member of its JSON object, another "
        "column.  Texts, numbers and lists of them count; names are as in filters: a.b is member "
        "b of a, and a name with anything but letters, digits, _ and - stands in \"...\".  Not "
        "counted if it is not named");
    buf_puts(out, "\nA weight is a multiple of 0.25 up to 64; 0 leaves the field out.  With each "
                  "passage of a document all its fields are indexed but the text, of which it is a "
                  "part.  Models read title, headings and text, whatever the weights are.\n\n");
    row(out, "title:2", "words of the title count twice");
    row(out, "headings:0.5", "words of headings count half");
    row(out, "title:1,text:1,authors:1,keywords:2", "two more fields");
}

static void measures(struct buf *out)
{
    char *list = measure_list();
    int explained = 0; /* 1: the row has its second column */

    buf_puts(out,
             "What -m takes, by the names of ir-measures or of trec_eval.  Parameters stand behind "
             "ir-measures' names: P(rel=2)@10 counts grades from 2 as relevant, "
             "RBP(p=0.95,rel=2) has two.\n\n");
    /* The list has a line of names for each measure and then indented ones that explain it. */
    for (const char *s = list; s && *s;) {
        const size_t n = strcspn(s, "\n"), lead = strspn(s, " ");
        if (lead) {
            buf_puts(out, explained ? " " : "\t");
            explained = 1;
        } else {
            buf_puts(out, s == list ? "\t" : "\n\t");
            explained = 0;
        }
        buf_add(out, s + lead, n - lead);
        s += n + (s[n] == '\n');
    }
    buf_putc(out, '\n');
    mem_free(list);
}

static void tests(struct buf *out)
{
    buf_puts(out, "What --test chooses: how likely a difference were if two runs were alike.  All "
                  "tests are two-sided and pair the runs query by query.\n\n");
    for (const struct significance_test *const *t = significance_tests; *t; t++)
        row(out, (*t)->name, (*t)->about);
    buf_puts(out,
             "\nSeveral comparisons at once are corrected by Holm's procedure (1979): of those "
             "with a corrected p below 0.05, one or more are wrong with a chance of at most "
             "0.05.\n");
}

static void models(struct buf *out)
{
    buf_puts(
        out,
        "A model is a folder in the layout of sentence-transformers or transformers: "
        "config.json, model.safetensors, vocab.txt or tokenizer.json, and where they are there "
        "modules.json, 1_Pooling/config.json and the like, which decide pooling, length, "
        "prefixes and normalisation.\n\n"
        "A NAME is looked for in $FOVEA_MODELS, then in $XDG_DATA_HOME/fovea/models "
        "(~/.local/share/fovea/models), then as a folder here.  What has a slash or ends in .gguf "
        "is a path, ./NAME too.  minilm (all-MiniLM-L6-v2) is the default.\n\n"
        "A learned sparse model (SPLADE: a masked language model that gives each text weighted "
        "words instead of a vector) is known by modules.json with SpladePooling, or by the "
        "architecture BertForMaskedLM in config.json; 'fovea model NAME --embed TEXT' prints the "
        "words.\n\n"
        "A language model is a GGUF file: model.gguf, or the only .gguf file, in a folder of that "
        "name, or a file given by its path.  ./bootstrap model NAME fetches smollm2, gemma3, "
        "qwen0.5b and qwen1.5b.\n\n"
        "An index records the name and the SHA-256 of its model, and refuses another.\n");
}

static void exit_codes(struct buf *out)
{
    row(out, "0", "done");
    row(out, "1", "failed: a file, data, the disk, memory; one line on standard error says why");
    row(out, "2", "the command line makes no sense");
    row(out, "3", "nothing found: a search without hits, a document to delete that is not there");
    row(out, "130", "interrupted (SIGINT; 143 for SIGTERM); what was committed stands");
    row(out, "141", "the reader of standard output went away");
}

static void environment(struct buf *out)
{
    row(out, "FOVEA_MODELS", "folder where models are looked for first");
    row(out, "XDG_DATA_HOME", "models are looked for in fovea/models there (~/.local/share)");
    row(out, "XDG_CACHE_HOME",
        "'fovea eval beir' keeps its indexes in fovea/beir there (~/.cache)");
    row(out, "NO_COLOR", "if set, no emphasis on terminals");
    row(out, "COLUMNS", "width of output that goes to no terminal (80)");
}

const struct help_topic help_topics[] = {{"corpora", "formats of collections", corpora},
                                         {"retrievers", "systems that search", retrievers_topic},
                                         {"rerankers", "models that put hits in order", rerankers},
                                         {"queries", "phrases and beginnings of words", queries},
                                         {"filters", "what --where takes", filters},
                                         {"analyzers", "how text becomes words", analyzers},
                                         {"chunking", "how documents become passages", chunking},
                                         {"fields", "what --fields of index takes", fields},
                                         {"models", "where models are found", models},
                                         {"measures", "what 'fovea eval' measures", measures},
                                         {"tests", "how 'fovea compare' tests", tests},
                                         {"exit-codes", "what the program returns", exit_codes},
                                         {"environment", "variables that it reads", environment},
                                         {NULL, NULL, NULL}};
