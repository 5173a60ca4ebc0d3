#!/usr/bin/env python3
"""BM25F from its formula, in double precision and without an index: makes tests/golden/bm25f.txt.

    python3 tests/reference/bm25f.py > tests/golden/bm25f.txt

A word's frequency in a document is the sum over fields of weight times frequency, and so is the length; one saturation
comes after it (Robertson, Zaragoza and Taylor 2004).  Columns of D are separated by tabs.

Lines:  F fields                      a new index with these weighted fields
        D docno title text meta       a document is added or replaced
        X docno                       a document is deleted
        Q k1 b words...               a query; its scores follow, best first, ties by docno descending
        S docno score
Words are the terms: lower-case letters and digits, so that no analyzer changes them.
"""
import json
import math
from random import Random

ABSENT = object()
BLANK = {"title": 1.0, "headings": 1.0, "text": 1.0}


def words_of(value):
    """Words of a field: a text, a number, or a list of them; nothing else has any."""
    if isinstance(value, list):
        return [word for one in value if not isinstance(one, list) for word in words_of(one)]
    if isinstance(value, (bool, dict)) or value in (None, ABSENT):
        return []
    return str(value).split()


def member(meta, path):
    for part in path.split("."):
        if not isinstance(meta, dict) or part not in meta:
            return ABSENT
        meta = meta[part]
    return meta


def in_meta(meta, path):
    value = member(meta, path)
    return member(meta.get("metadata"), path) if value is ABSENT else value


def weigh(document, weights):
    """{word: weighted frequency}, and their sum."""
    title, text, meta = document
    counts = {}
    for name, weight in weights.items():
        value = {"title": title, "text": text, "headings": ""}.get(name)
        for word in words_of(in_meta(meta, name) if value is None else value):
            if weight:
                counts[word] = counts.get(word, 0.0) + weight
    return counts, sum(counts.values())


def search(documents, weights, query, k1, b):
    weighed = {docno: weigh(d, weights) for docno, d in documents.items()}
    n = len(weighed)
    mean = sum(length for _, length in weighed.values()) / n
    df = {}
    for counts, _ in weighed.values():
        for word in counts:
            df[word] = df.get(word, 0) + 1
    found = []
    for docno, (counts, length) in weighed.items():
        score, hit = 0.0, False
        for word in query:
            if word in counts:
                idf = math.log(1 + (n - df[word] + 0.5) / (df[word] + 0.5))
                f = counts[word]
                score += idf * f / (f + k1 * (1 - b + b * length / mean))
                hit = True
        if hit:
            found.append((score, docno))
    return sorted(found, reverse=True)


def run(random, fields):
    vocabulary = ["w%d" % i for i in range(50)]
    zipf = [1 / (i + 1) for i in range(50)]
    weights = dict(BLANK)
    weights.update((one.rsplit(":", 1)[0], float(one.rsplit(":", 1)[1])) for one in fields.split(","))
    documents = {}

    def some(n):
        return " ".join(random.choices(vocabulary, zipf, k=random.randint(0, n)))

    def make_meta():
        meta = {}
        if random.random() < 0.6:
            meta["keywords"] = [random.choice(vocabulary) for _ in range(random.randint(0, 4))]
        if random.random() < 0.6:
            meta["venue"] = {"name": some(3), "year": random.randint(1990, 1999)}
        if random.random() < 0.4:
            meta["year"] = random.choice([random.randint(1990, 1999), "1995 w3", True, None])
        if random.random() < 0.5:
            meta["metadata"] = {"keywords": some(5), "note": some(4)}
        return meta

    def add(docno):
        documents[docno] = (some(6), some(30), make_meta())
        title, text, meta = documents[docno]
        print("D", docno, title, text, json.dumps(meta), sep="\t")

    def ask_all():
        for k1, b in (0.9, 0.4), (1.2, 0.75), (2, 1):
            for n in 1, 2, 4:
                ask(k1, b, random.choices(vocabulary, k=n))
        ask(0.9, 0.4, ["1995", "w3"])

    def ask(k1, b, words):
        print("Q", k1, b, *words)
        for score, docno in search(documents, weights, words, k1, b):
            print("S", docno, repr(score))

    print("F", fields)
    for i in range(40):
        add("d%d" % i)
    ask_all()
    for i in range(0, 40, 5):
        del documents["d%d" % i]
        print("X", "d%d" % i)
    for i in range(3, 40, 9):
        add("d%d" % i)
    ask_all()


def main():
    random = Random(4)
    for fields in ("title:3", "title:0.5,text:1", "title:2.25,text:0.75,keywords:4",
                   "title:0,text:6,venue.name:2,year:10", "text:0,title:0,headings:0,note:64,year:0.25"):
        run(random, fields)


main()
