"""bm25s and tantivy over a BEIR folder: queries a second for the top k, latencies, time and size of the index.

usage: bm25_peers.py FOLDER ROUNDS PEER...      PEER is bm25s-numba, bm25s-numpy or tantivy; prints one JSON object

Queries are tokenised (tantivy: parsed) beforehand; "tokenise_s" is what that takes for all of them.  One thread searches;
tantivy indexes with two.
"""
# SPDX-License-Identifier: Apache-2.0
import gzip
import json
import os
import re
import statistics
import sys
import tempfile
import time

DEPTHS = (10, 1000)


def rows(path):
    stream = gzip.open(path + ".gz", "rt", encoding="utf-8") if os.path.exists(path + ".gz") else open(path, encoding="utf-8")
    with stream:
        yield from map(json.loads, stream)


def seconds(work):
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def size_of(folder):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(folder) for f in files)


def figures(n, rounds, search_all, search_one):
    """search_all(k) answers every query; search_one(i, k) the i-th."""
    out = {}
    for k in DEPTHS:
        search_all(k)  # warms up, and compiles numba's functions
        search_one(0, k)
        best = min(seconds(lambda: search_all(k))[0] for _ in range(rounds))
        ms = sorted(1e3 * seconds(lambda i=i: search_one(i, k))[0] for i in range(min(n, 500)))
        out[str(k)] = {"qps": n / best, "p50_ms": statistics.median(ms), "p99_ms": ms[int(0.99 * (len(ms) - 1))]}
    return out


def bm25s_peer(backend):
    def run(texts, queries, rounds):
        import bm25s
        import Stemmer

        stemmer = Stemmer.Stemmer("porter")

        def tokenize(what):
            return bm25s.tokenize(what, stopwords="en", stemmer=stemmer, show_progress=False)

        def index():
            engine = bm25s.BM25(k1=0.9, b=0.4, backend=backend)
            engine.index(tokenize(texts), show_progress=False)
            return engine

        index_s, engine = seconds(index)
        tokenise_s, tokens = seconds(lambda: tokenize(queries))
        ones = [tokenize([q]) for q in queries[:500]]
        with tempfile.TemporaryDirectory() as folder:
            engine.save(folder, show_progress=False)
            size = size_of(folder)
        result = figures(len(queries), rounds,
                         lambda k: engine.retrieve(tokens, k=k, show_progress=False, n_threads=1),
                         lambda i, k: engine.retrieve(ones[i], k=k, show_progress=False, n_threads=1))
        return {"index_s": index_s, "bytes": size, "tokenise_s": tokenise_s, "top": result}

    return run


def tantivy_peer(texts, queries, rounds):
    import tantivy

    schema = tantivy.SchemaBuilder().add_text_field("text", stored=False, tokenizer_name="en_stem").build()
    with tempfile.TemporaryDirectory() as folder:
        index = tantivy.Index(schema, path=folder)

        def fill():
            writer = index.writer(heap_size=512 << 20, num_threads=2)
            for text in texts:
                writer.add_document(tantivy.Document(text=text))
            writer.commit()
            writer.wait_merging_threads()

        index_s, _ = seconds(fill)
        index.reload()
        searcher = index.searcher()
        words = [" ".join(re.findall(r"\w+", q)).lower() for q in queries]
        tokenise_s, parsed = seconds(lambda: [index.parse_query(q, ["text"]) for q in words])
        result = figures(len(queries), rounds,
                         lambda k: [searcher.search(q, k) for q in parsed],
                         lambda i, k: searcher.search(parsed[i], k))
        return {"index_s": index_s, "bytes": size_of(folder), "tokenise_s": tokenise_s, "top": result}


PEERS = {"bm25s-numba": bm25s_peer("numba"), "bm25s-numpy": bm25s_peer("numpy"), "tantivy": tantivy_peer}


def main():
    folder, rounds, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    texts = [(d.get("title", "") + " " + d["text"]).strip() for d in rows(folder + "/corpus.jsonl")]
    queries = [d["text"] for d in rows(folder + "/queries.jsonl")]
    print(json.dumps({name: PEERS[name](texts, queries, rounds) for name in names}))


main()
