"""bm25s over a BEIR folder: queries a second for top-k, tokenising left out and put in.

usage: bm25_peers.py FOLDER K ROUNDS      prints one JSON object
"""
# SPDX-License-Identifier: Apache-2.0
import gzip
import json
import os
import sys
import time

import bm25s
import Stemmer


def lines(path):
    if os.path.exists(path + ".gz"):
        return gzip.open(path + ".gz", "rt", encoding="utf-8")
    return open(path, encoding="utf-8")


def best(rounds, work):
    work()  # warms up, and compiles numba's functions
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def main():
    folder, k, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    corpus = [json.loads(x) for x in lines(folder + "/corpus.jsonl")]
    texts = [d.get("title", "") + " " + d["text"] for d in corpus]
    queries = [json.loads(x)["text"] for x in lines(folder + "/queries.jsonl")]
    stemmer = Stemmer.Stemmer("porter")

    def tokenize(what):
        return bm25s.tokenize(what, stopwords="en", stemmer=stemmer, show_progress=False)

    begin = time.perf_counter()
    tokens = tokenize(texts)
    numba = bm25s.BM25(k1=0.9, b=0.4, backend="numba")
    numba.index(tokens, show_progress=False)
    index_s = time.perf_counter() - begin
    plain = bm25s.BM25(k1=0.9, b=0.4)
    plain.index(tokens, show_progress=False)
    queries_tokens = tokenize(queries)
    result = {"queries": len(queries), "index_s": index_s}
    for name, engine in (("numba", numba), ("numpy", plain)):
        seconds = best(rounds, lambda e=engine: e.retrieve(queries_tokens, k=k, show_progress=False, n_threads=1))
        result[name + "_qps"] = len(queries) / seconds
        both = best(rounds, lambda e=engine: e.retrieve(tokenize(queries), k=k, show_progress=False, n_threads=1))
        result[name + "_with_tokenising_qps"] = len(queries) / both
    print(json.dumps(result))


main()
