#!/usr/bin/env python3
"""BM25 from its formula, in double precision and without an index: makes tests/golden/bm25.txt.

    python3 tests/reference/bm25.py > tests/golden/bm25.txt

Lines:  D docno words...          a document is added (or replaced)
        X docno                   a document is deleted
        Q k1 b words...           a query; its scores follow, best first, ties by docno descending
        S docno score
Words are the terms: lower-case letters and digits, so that no analyzer changes them.
"""
import math
from collections import Counter
from random import Random


def search(documents, query, k1, b):
    n = len(documents)
    mean = sum(len(words) for words in documents.values()) / n
    df = Counter(word for words in documents.values() for word in set(words))
    found = []
    for docno, words in documents.items():
        counts, score, hit = Counter(words), 0.0, False
        for word in query:  # repeated words count repeatedly
            if counts[word]:
                idf = math.log(1 + (n - df[word] + 0.5) / (df[word] + 0.5))
                tf = counts[word]
                score += idf * tf / (tf + k1 * (1 - b + b * len(words) / mean))
                hit = True
        if hit:
            found.append((score, docno))
    return sorted(found, reverse=True)


def main():
    random = Random(20)
    vocabulary = ["w%d" % i for i in range(60)]
    weights = [1 / (i + 1) for i in range(60)]
    documents = {}

    def add(docno, words):
        documents[docno] = words
        print("D", docno, *words)

    def delete(docno):
        del documents[docno]
        print("X", docno)

    def ask(k1, b, words):
        print("Q", k1, b, *words)
        for score, docno in search(documents, words, k1, b):
            print("S", docno, repr(score))

    def ask_all():
        for k1, b in (0.9, 0.4), (1.2, 0.75), (2.5, 1), (1.5, 0):
            for n in 1, 2, 3, 8:
                ask(k1, b, random.choices(vocabulary, k=n))
        ask(0.9, 0.4, ["w0"])
        ask(0.9, 0.4, ["w5", "w5", "w5", "w9"])
        ask(0.9, 0.4, ["w0", "unknown"])

    for i in range(70):
        add("d%d" % i, random.choices(vocabulary, weights, k=random.randint(1, 40)))
    add("twin2", documents["d3"])
    add("twin1", documents["d3"])
    ask_all()
    for i in range(0, 60, 7):
        delete("d%d" % i)
    add("d1", random.choices(vocabulary, weights, k=12))
    ask_all()


main()
