"""Vectors to search, and hnswlib and usearch over them: time to build, memory, latency, recall.

usage: vector_peers.py make DIM N OUT REAL... -- QUERIES...    OUT.vectors, OUT.queries, OUT.truth
       vector_peers.py peer NAME OUT DIM K THREADS EF...       NAME is hnswlib, usearch-bf16 or usearch-i8; one JSON object
       vector_peers.py table OWN_BUILD OWN_SEARCH NAME=FILE... rows of a table from these objects and bench_vectors' own:
                                                               each at its least EF that reaches RECALL

REAL and QUERIES are embeddings of real passages and of real questions (float32).  Of the N vectors the first are the real ones.
Each of the others is a point between a real vector a and one, b, of its 20 nearest, moved by 0.7 times the difference
between another real vector c and one of its 20 nearest, d:  normalise(a + u (b - a) + 0.7 (d - c)), u uniform.  So the noise
has the covariance that neighbours really have.  The questions are as they are, at most 1,000.  The truth are the 100 nearest of each by
float32 products, as uint32.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import sys
import time

import numpy as np

TRUTH = 100
RECALL = 0.95
NEAREST = 20


def load(paths, dim):
    return np.concatenate([np.fromfile(p, dtype=np.float32).reshape(-1, dim) for p in paths])


def normalised(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def nearest(queries, base, k, without_self=False):
    """The k rows of base with the largest products, best first."""
    out = np.empty((len(queries), k), dtype=np.uint32)
    for at in range(0, len(queries), 250):
        scores = queries[at:at + 250] @ base.T
        if without_self:
            scores[np.arange(len(scores)), np.arange(at, at + len(scores))] = -2
        best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        out[at:at + 250] = np.take_along_axis(best, order, axis=1)
    return out


def make(dim, n, out, real, queries):
    rng = np.random.default_rng(4)
    real = np.unique(normalised(load(real, dim)), axis=0)[:n]
    rng.shuffle(real)
    queries = rng.permutation(normalised(load(queries, dim)))[:1000]
    close = nearest(real, real, NEAREST, without_self=True)

    def pairs(m):
        one = rng.integers(len(real), size=m)
        return real[one], real[close[one, rng.integers(NEAREST, size=m)]]

    with open(out + ".vectors", "wb") as f:
        real.tofile(f)
        for at in range(len(real), n, 50000):
            m = min(50000, n - at)
            (a, b), (c, d) = pairs(m), pairs(m)
            u = rng.random((m, 1), dtype=np.float32)
            normalised(a + u * (b - a) + np.float32(0.7) * (d - c)).astype(np.float32).tofile(f)
    base = load([out + ".vectors"], dim)
    queries.tofile(out + ".queries")
    nearest(queries, base, TRUTH).tofile(out + ".truth")


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096 / (1 << 20)


class Hnswlib:
    def __init__(self, dim):
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=dim)

    def build(self, base, threads):
        self.index.init_index(max_elements=len(base), M=16, ef_construction=200, random_seed=4)
        self.index.add_items(base, np.arange(len(base)), num_threads=threads)

    def save(self, path):
        self.index.save_index(path)

    def load(self, path):
        self.index.load_index(path)

    def search(self, ef):
        self.index.set_ef(ef)
        return lambda q, k: self.index.knn_query(q, k=k, num_threads=1)[0][0]


class Usearch:
    def __init__(self, dim, dtype):
        from usearch.index import Index

        self.index = Index(ndim=dim, metric="ip", dtype=dtype, connectivity=16, expansion_add=200)

    def build(self, base, threads):
        self.index.add(np.arange(len(base), dtype=np.uint64), base, threads=threads)

    def save(self, path):
        self.index.save(path)

    def load(self, path):
        self.index.load(path)

    def search(self, ef):
        self.index.expansion_search = ef
        return lambda q, k: self.index.search(q, k, threads=1).keys


PEERS = {"hnswlib": Hnswlib, "usearch-bf16": lambda dim: Usearch(dim, "bf16"), "usearch-i8": lambda dim: Usearch(dim, "i8")}


def build(name, out, dim, threads):
    """Builds and saves an index, once: OUT.NAME, and OUT.NAME.json says how long that took."""
    peer = PEERS[name](dim)
    base = load([out + ".vectors"], dim)
    begin = time.perf_counter()
    peer.build(base, threads)
    seconds = time.perf_counter() - begin
    peer.save(out + "." + name)
    with open(out + "." + name + ".json", "w") as f:
        json.dump(seconds, f)


def run(search, queries, truth, k):
    """The best of three rounds: median and 99th percentile in ms; and the recall."""
    p50 = p99 = 1e30
    for _ in range(3):
        ms, hits = [], 0
        for q, t in zip(queries, truth):
            begin = time.perf_counter()
            found = search(q, k)
            ms.append(1e3 * (time.perf_counter() - begin))
            hits += len(np.intersect1d(found, t))
        ms.sort()
        if ms[len(ms) // 2] < p50:
            p50, p99 = ms[len(ms) // 2], ms[int(0.99 * (len(ms) - 1))]
    return {"recall": hits / truth.size, "p50_ms": p50, "p99_ms": p99}


def search(name, out, dim, k, efs):
    queries = load([out + ".queries"], dim)
    truth = np.fromfile(out + ".truth", dtype=np.uint32).reshape(len(queries), TRUTH)[:, :k]
    peer = PEERS[name](dim)
    before = resident()
    peer.load(out + "." + name)
    mib = resident() - before
    runs = [{"ef": ef} | run(peer.search(ef), queries, truth, k) for ef in efs]
    with open(out + "." + name + ".json") as f:
        print(json.dumps({"build_s": json.load(f), "mib": mib, "runs": runs}))


def read(path):
    with open(path) as f:
        return json.load(f)


def table(own_build, own_search, peers):
    def row(what, own, theirs):
        print(f"{what:<44} {own:>12.3g} {theirs:>12.3g} {theirs / own:>7.2f}x")

    def best(result):
        good = [r for r in result["runs"] if r["recall"] >= RECALL]  # none: at its largest EF
        return min(good or [result["runs"][-1]], key=lambda r: r["ef"])

    own = read(own_search) | {"build_s": read(own_build)["seconds"]}
    for name, path in (p.split("=", 1) for p in peers):
        peer = read(path)
        a, b = best(own), best(peer)
        row(f"build, seconds: {name}", own["build_s"], peer["build_s"])
        row(f"memory, MiB: {name}", own["mib"], peer["mib"])
        row(f"median ms (ef {a['ef']}, {b['ef']}): {name}", a["p50_ms"], b["p50_ms"])
        row(f"p99 ms: {name}", a["p99_ms"], b["p99_ms"])
        print(f"{'recall@10 there: ' + name:<44} {a['recall']:>12.4f} {b['recall']:>12.4f}")


def main():
    if sys.argv[1] == "make":
        dim, n, out, *files = sys.argv[2:]
        split = files.index("--")
        make(int(dim), int(n), out, files[:split], files[split + 1:])
    elif sys.argv[1] == "table":
        table(sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        name, out, dim, k, threads, *efs = sys.argv[2:]
        if not os.path.exists(out + "." + name + ".json"):
            build(name, out, int(dim), int(threads))
        search(name, out, int(dim), int(k), [int(e) for e in efs])


main()
