/* fuzz_files.c -- the readers of documents and of queries. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "corpora/corpora.h"
#include "corpora/html.h"
#include "tests/fuzz/fuzz.h"

/* Reads all documents, bad ones passed over, and looks at every byte of them. */
static void read_documents(const char *format, const char *end, const uint8_t *data, size_t n)
{
    struct corpus_options opt = {.format = format, .skip_bad = 1};
    struct doc_source source;
    struct err err = {0};
    struct doc doc;
    volatile size_t sum = 0;

    if (corpus_open(&source, fuzz_file(end, data, n), &opt, &err))
        return;
    while (source.next(&doc, source.self, &err) == 1)
        sum += strlen(doc.docno) + (doc.title ? strlen(doc.title) : 0) +
               (doc.text ? strlen(doc.text) : 0) + (doc.meta ? strlen(doc.meta) : 0);
    source.close(source.self);
}

static void run_jsonl(const uint8_t *data, size_t n) { read_documents("jsonl", ".jsonl", data, n); }
static void run_tsv(const uint8_t *data, size_t n) { read_documents("tsv", ".tsv", data, n); }
static void run_csv(const uint8_t *data, size_t n) { read_documents("csv", ".csv", data, n); }
static void run_trec(const uint8_t *data, size_t n) { read_documents("trec", ".sgml", data, n); }

static void run_html(const uint8_t *data, size_t n)
{
    struct buf text = {0}, title = {0};
    struct err err = {0};

    html_to_text(&text, &title, (const char *)data, n, &err);
    buf_clear(&text);
    buf_clear(&title);
}

static void run_queries(const uint8_t *data, size_t n)
{
    struct query_list queries = {0};
    struct err err = {0};

    if (!queries_load(&queries, fuzz_file(".txt", data, n), &err))
        queries_clear(&queries);
}

static const char *const json_words[] = {
    "\"_id\"", "\"title\"", "\"text\"", "\"metadata\"", "{",    "}",    "[",     "]",  ":",
    ",",       "\"",        "\\u",      "\\ud800",      "null", "true", "1e999", "\n", NULL};
static const char *const jsonl[] = {
    "{\"_id\": \"a\", \"title\": \"t\", \"text\": \"some text\", \"metadata\": {\"year\": 2020}}\n"
    "{\"_id\": 7, \"text\": \"\\u00e9\\n\", \"tags\": [1, \"x\", null, {\"y\": 1.5}]}\n",
    NULL};
static const char *const tsv[] = {"1\tsome text\n2\ttitle\tmore text\n", NULL};
static const char *const csv_words[] = {
    "\"", "\"\"", ",", ";", "\t", "\r\n", "\n", "sep=;\n", "id,", "\xef\xbb\xbf", NULL};
static const char *const csv[] = {
    "id,title,text,year\n1,\"a, \"\"b\"\"\",\"two\nlines\",2020\n2,x,y,\n",
    "sep=;\r\n_id;text\r\n1;hello\r\n", NULL};
static const char *const sgml_words[] = {
    "<DOC>",  "</DOC>", "<DOCNO>",  "</DOCNO>", "<TEXT>",     "</TEXT>", "<!--",
    "-->",    "&amp;",  "&#x",      "<top>",    "</top>",     "<num>",   "<title>",
    "<desc>", "<narr>", "<DOCHDR>", "<P>",      "<HEADLINE>", "\n",      NULL};
static const char *const trec[] = {
    "<DOC>\n<DOCNO> FT-1 </DOCNO>\n<DATE>910101</DATE>\n<HEADLINE>Head &amp; "
    "line</HEADLINE>\n<TEXT>\n<P>Some "
    "text.</P>\n</TEXT>\n</DOC>\n<DOC>\n<DOCNO>W-2</DOCNO>\n<DOCHDR>\nhttp://x\n</"
    "DOCHDR>\n<html><body>Page</body>"
    "</html>\n</DOC>\n",
    NULL};
static const char *const queries[] = {
    "<top>\n<num> Number: 301\n<title> International crime\n<desc> Description:\nWhat?\n<narr> "
    "N\n</top>\n",
    "{\"_id\": \"q1\", \"text\": \"what?\"}\n", "q1\twhat is it\n",
    "<topics><topic number=\"1\"><query>a b</query></topic></topics>", NULL};
static const char *const html_words[] = {
    "<p>",       "</p>",      "<table>",  "<tr><td>",   "<pre>",
    "<!--",      "-->",       "<script>", "</script>",  "<main>",
    "<h1>",      "<li>",      "&nbsp;",   "&#1114112;", "<meta charset=utf-16>",
    "<!DOCTYPE", "<![CDATA[", "<br",      "=\"",        NULL};
static const char *const html[] = {
    "<!DOCTYPE html><html><head><meta "
    "charset=\"utf-8\"><title>T</title></head><body><nav>n</nav><main><h1>H</h1><p>a "
    "<b>b</b>&eacute;</p><ul><li>1<li>2</ul><table><tr><td>x<td>y</table><pre>#\n "
    "```</pre></main></body></html>",
    "\xff\xfe<\0p\0>\0", NULL};

/* Compresses jsonl, so that what inflates it is met by broken streams. */
static void gzip_seeds(void)
{
    unsigned char out[4096];
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)jsonl[0],
                  .avail_in = (unsigned)strlen(jsonl[0]),
                  .next_out = out,
                  .avail_out = sizeof out};

    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK &&
        deflate(&z, Z_FINISH) == Z_STREAM_END)
        fuzz_seed(out, sizeof out - z.avail_out);
    deflateEnd(&z);
}

const struct fuzz_target fuzz_jsonl = {"jsonl", run_jsonl, jsonl, NULL, json_words};
const struct fuzz_target fuzz_tsv = {"tsv", run_tsv, tsv, NULL, csv_words};
const struct fuzz_target fuzz_csv = {"csv", run_csv, csv, NULL, csv_words};
const struct fuzz_target fuzz_trec = {"trec", run_trec, trec, NULL, sgml_words};
const struct fuzz_target fuzz_html = {"html", run_html, html, NULL, html_words};
const struct fuzz_target fuzz_queries = {"queries", run_queries, queries, NULL, sgml_words};
const struct fuzz_target fuzz_gzip = {"gzip", run_jsonl, NULL, gzip_seeds, NULL};
