#!/usr/bin/env python3
"""Measures from their definitions: makes tests/golden/measures/.

    python3 tests/reference/measures.py            # writes the files
    python3 tests/reference/measures.py --peers    # and compares with pytrec_eval, with gdeval and cwl_eval through
                                                   # ir_measures: whichever is installed
    python3 tests/reference/measures.py --trec-dl DIR   # only trec-dl-2019.txt, from a folder that is not
                                                        # bundled; tests/trec_eval.sh uses it where it is

Files:  NAME.run.gz      a TREC run, with ties: seeded random numbers, or a small tf-idf over a bundled set
        random.qrels     judgements with grades -2..3; the other sets have theirs in corpora/data
        NAME.txt         what is expected: "FLAGS MEASURE QUERY VALUE", FLAGS as for trec_eval or "-"
Standard library only.  pytrec_eval is trec_eval 9; see m_iprec.c for the measure that version 10 changed.
"""
import gzip
import json
import math
import os
import re
import sys
from collections import Counter, defaultdict
from random import Random

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
OUT = os.path.join(ROOT, "tests", "golden", "measures")


# ---- one query: docs is the ranking, judged maps documents to grades ----

def rank(scores):
    """Best first; ties by docno, descending."""
    by_docno = sorted(scores, reverse=True)
    return sorted(by_docno, key=lambda d: -scores[d])


def relevant(judged, rel):
    return {d for d, g in judged.items() if g >= rel}


def ap(docs, judged, rel, k=None):
    wanted, found, total = relevant(judged, rel), 0, 0.0
    for i, d in enumerate(docs[:k]):
        if d in wanted:
            found += 1
            total += found / (i + 1)
    return total / len(wanted) if wanted else 0.0


def dcg(grades):
    return sum((g / math.log2(i + 2) for i, g in enumerate(grades) if g > 0), 0.0)


def ndcg(docs, judged, k=None):
    ideal = dcg(sorted(judged.values(), reverse=True)[:k])
    return dcg([judged.get(d, 0) for d in docs[:k]]) / ideal if ideal else 0.0


def hits(docs, judged, rel, k=None):
    return len(relevant(judged, rel).intersection(docs[:k]))


def ratio(a, b):
    return a / b if b else 0.0


def rr(docs, judged, rel, k=None):
    wanted = relevant(judged, rel)
    return next((1 / (i + 1) for i, d in enumerate(docs[:k]) if d in wanted), 0.0)


def bpref(docs, judged, rel):
    R = len(relevant(judged, rel))
    N = sum(1 for g in judged.values() if 0 <= g < rel)
    above, total = 0, 0.0
    for d in docs:
        g = judged.get(d, -1)
        if 0 <= g < rel:
            above += 1
        elif g >= rel:
            total += 1 - min(above, R) / min(N, R) if above else 1.0
    return ratio(total, R)


def iprec(docs, judged, rel, recall):
    wanted, found, best = relevant(judged, rel), 0, 0.0
    need = math.floor(recall * len(wanted) + 0.5)
    for i, d in enumerate(docs):
        found += d in wanted
        if found >= need:
            best = max(best, found / (i + 1))
    return best


def set_f(docs, judged, rel):
    p, r = ratio(hits(docs, judged, rel), len(docs)), ratio(hits(docs, judged, rel), len(relevant(judged, rel)))
    return 2 * p * r / (p + r) if p and r else 0.0


def infap(docs, judged, rel):
    wanted, epsilon = relevant(judged, rel), 0.00001
    n_rel = n_nonrel = n_unjudged = 0
    total = 0.0
    for i, d in enumerate(docs):
        if d in wanted:
            pooled = n_rel + n_nonrel + n_unjudged
            rate = (n_rel + epsilon) / (n_rel + n_nonrel + 2 * epsilon)
            total += (1 + pooled * rate) / (i + 1)
            n_rel += 1
        elif d in judged:
            n_nonrel += judged[d] >= 0
            n_unjudged += judged[d] < 0
    return ratio(total, len(wanted))


def err(docs, judged, k=None):
    total, left = 0.0, 1.0
    for i, d in enumerate(docs[:k]):
        stops = (2 ** min(max(judged.get(d, 0), 0), 4) - 1) / 16
        total += left * stops / (i + 1)
        left -= left * stops
    return total


def rbp(docs, judged, rel, p, k=None):
    wanted = relevant(judged, rel)
    return math.fsum((1 - p) * p**i for i, d in enumerate(docs[:k]) if d in wanted)


def measures(rel):
    """name -> (function of ranking and judgements, how to average)"""
    m = {
        "num_q": (lambda d, j: 1.0, "sum"),
        "num_ret": (lambda d, j: float(len(d)), "sum"),
        "num_rel": (lambda d, j: float(len(relevant(j, rel))), "sum"),
        "num_rel_ret": (lambda d, j: float(hits(d, j, rel)), "sum"),
        "map": (lambda d, j: ap(d, j, rel), "mean"),
        "gm_map": (lambda d, j: ap(d, j, rel), "geometric"),
        "Rprec": (lambda d, j: ratio(hits(d, j, rel, len(relevant(j, rel))), len(relevant(j, rel))), "mean"),
        "bpref": (lambda d, j: bpref(d, j, rel), "mean"),
        "gm_bpref": (lambda d, j: bpref(d, j, rel), "geometric"),
        "recip_rank": (lambda d, j: rr(d, j, rel), "mean"),
        "ndcg": (lambda d, j: ndcg(d, j), "mean"),
        "set_P": (lambda d, j: ratio(hits(d, j, rel), len(d)), "mean"),
        "set_recall": (lambda d, j: ratio(hits(d, j, rel), len(relevant(j, rel))), "mean"),
        "set_F": (lambda d, j: set_f(d, j, rel), "mean"),
        "infAP": (lambda d, j: infap(d, j, rel), "mean"),
        "ERR": (lambda d, j: err(d, j), "mean"),
        "RBP": (lambda d, j: rbp(d, j, rel, 0.8), "mean"),
        "RBP(p=0.95,rel=2)": (lambda d, j: rbp(d, j, 2, 0.95), "mean"),
        "Judged": (lambda d, j: ratio(sum(x in j for x in d), len(d)), "mean"),
    }
    for k in (1, 3, 10, 1000):
        m[f"ndcg_cut_{k}"] = (lambda d, j, k=k: ndcg(d, j, k), "mean")
        m[f"map_cut_{k}"] = (lambda d, j, k=k: ap(d, j, rel, k), "mean")
        m[f"P_{k}"] = (lambda d, j, k=k: hits(d, j, rel, k) / k, "mean")
        m[f"recall_{k}"] = (lambda d, j, k=k: ratio(hits(d, j, rel, k), len(relevant(j, rel))), "mean")
        m[f"success_{k}"] = (lambda d, j, k=k: float(hits(d, j, rel, k) > 0), "mean")
        m[f"ERR@{k}"] = (lambda d, j, k=k: err(d, j, k), "mean")
        m[f"RBP(p=0.5)@{k}"] = (lambda d, j, k=k: rbp(d, j, rel, 0.5, k), "mean")
        m[f"RR@{k}"] = (lambda d, j, k=k: rr(d, j, rel, k), "mean")
        m[f"Judged@{k}"] = (lambda d, j, k=k: ratio(sum(x in j for x in d[:k]), min(k, len(d))), "mean")
    for r in ("0.00", "0.10", "0.50", "1.00"):
        m[f"iprec_at_recall_{r}"] = (lambda d, j, r=r: iprec(d, j, rel, float(r)), "mean")
    return m


def average(values, how):
    if how == "geometric":
        return math.exp(sum(math.log(max(v, 0.00001)) for v in values) / len(values))
    return sum(values) / (1 if how == "sum" else len(values))


def evaluate(run, qrels, flags):
    """Yields (measure, query, value), averages as query "all"."""
    rel = int(flags.partition("-l")[2][:1] or 1)
    keep = int(re.search(r"-M(\d+)", flags).group(1)) if "-M" in flags else None
    qids = sorted(q for q in qrels if q in run or "-c" in flags)
    for name, (score, how) in measures(rel).items():
        values = []
        for q in qids:
            docs = rank(run.get(q, {}))[:keep]
            if "-J" in flags:
                docs = [d for d in docs if qrels[q].get(d, -1) >= 0]
            values.append(score(docs, qrels[q]))
            yield name, q, values[-1]
        yield name, "all", average(values, how)


# ---- runs and judgements ----

def random_set():
    rng, run, qrels = Random(20), {}, {}
    for q in range(1, 41):
        docs = [f"d{i}" for i in range(rng.choice((3, 20, 90)))]
        grades = rng.choice(((0, 1), (0, 0, 0, 1, 2, 3), (-1, -2, 0, 1), (0,), (1,), (0, 3)))
        if q % 11:  # some queries are not judged
            qrels[str(q)] = {d: rng.choice(grades) for d in docs if rng.random() < 0.5} or {docs[0]: 0}
        if q % 7:  # some are missing from the run
            found = [d for d in docs if rng.random() < 0.7] or docs[:1]
            run[str(q)] = {d: rng.randrange(12) / 4 - 1 for d in found}
    return run, qrels


def read(name):
    return gzip.open(os.path.join(ROOT, "corpora", "data", name), "rt", encoding="utf-8")


def bundled_set(name, top):
    """tf-idf, rounded so that there are ties."""
    words = re.compile(r"[a-z0-9]+")
    postings, run, qrels = defaultdict(dict), {}, defaultdict(dict)
    n_docs = 0
    for line in read(f"{name}/corpus.jsonl.gz"):
        doc = json.loads(line)
        n_docs += 1
        for w, tf in Counter(words.findall((doc["title"] + " " + doc["text"]).lower())).items():
            postings[w][doc["_id"]] = tf
    with open(os.path.join(ROOT, "corpora", "data", name, "qrels", "test.tsv")) as f:
        for line in list(f)[1:]:
            q, d, grade = line.split("\t")
            qrels[q][d] = int(grade)
    for line in read(f"{name}/queries.jsonl.gz"):
        query = json.loads(line)
        if query["_id"] in qrels:
            scores = Counter()
            for w in sorted(set(words.findall(query["text"].lower()))):
                for d, tf in postings[w].items():
                    scores[d] += (1 + math.log(tf)) * math.log(n_docs / len(postings[w]))
            rounded = {d: round(s, 1) for d, s in scores.items()}
            run[query["_id"]] = {d: rounded[d] for d in rank(rounded)[:top]}
    return run, dict(qrels)


# ---- files ----

def write_run(name, run):
    with open(os.path.join(OUT, name + ".run.gz"), "wb") as raw:
        with gzip.GzipFile("", "wb", 9, raw, mtime=0) as f:
            for q, scores in run.items():
                for i, (d, s) in enumerate(scores.items()):
                    f.write(f"{q} Q0 {d} {i + 1} {s!r} golden\n".encode())


def write_expected(name, run, qrels, flag_sets):
    with open(os.path.join(OUT, name + ".txt"), "w") as f:
        for flags in flag_sets:
            for measure, q, value in evaluate(run, qrels, flags):
                if q == "all" or name == "random":
                    f.write(f"{flags} {measure} {q} {value!r}\n")


def compare_with_pytrec_eval(name, run, qrels):
    import pytrec_eval
    known = pytrec_eval.supported_measures
    compared = 0
    for flags, level in (("-", 1), ("-l2", 2)):
        mine = {(m, q): v for m, q, v in evaluate(run, qrels, flags)}
        names = {m for m, _ in mine if not m.startswith(("iprec", "gm_", "num_q"))}
        wanted = {re.sub(r"_(\d+)$", r".\1", m) for m in names if re.sub(r"_\d+$", "", m) in known}
        theirs = pytrec_eval.RelevanceEvaluator(qrels, wanted, relevance_level=level).evaluate(run)
        for q, values in theirs.items():
            for m, v in values.items():
                if m == "num_rel" and level > 1:  # is always that of level 1 there
                    continue
                assert abs(mine[m, q] - v) < 1e-12, (name, flags, m, q, mine[m, q], v)
                compared += 1
    print(f"{name}: {compared} values equal those of pytrec_eval")


def compare_with_ir_measures(name, run, qrels):
    """ERR and RBP: its providers break ties in their own ways, so they are given ranks as scores."""
    import ir_measures as ir
    mine = {(m, q): v for m, q, v in evaluate(run, qrels, "-")}
    judged = [ir.Qrel(q, d, g) for q, grades in qrels.items() for d, g in grades.items()]
    ranked = [ir.ScoredDoc(q, d, -i) for q, docs in run.items() for i, d in enumerate(rank(docs))]
    for peer, measure, ours, tolerance in (("gdeval", "ERR@10", "ERR@10", 5.1e-6),
                                           ("cwl_eval", "RBP(rel=1,p=0.8)", "RBP", 1e-12),
                                           ("cwl_eval", "RBP(rel=2,p=0.95)", "RBP(p=0.95,rel=2)", 1e-12)):
        if not getattr(ir, peer).is_available():
            print(f"{name}: {peer} is not installed")
            continue
        theirs = {v.query_id: v.value for v in getattr(ir, peer).iter_calc([ir.parse_measure(measure)], judged, ranked)}
        for q, v in theirs.items():
            assert (ours, q) not in mine or abs(mine[ours, q] - v) < tolerance, (name, ours, q, mine[ours, q], v)
        print(f"{name}: {len(theirs)} values of {measure} equal those of {peer}")


def compare_with_peers(name, run, qrels):
    for compare in (compare_with_pytrec_eval, compare_with_ir_measures):
        try:
            compare(name, run, qrels)
        except ModuleNotFoundError as e:
            print(f"{name}: {e}")


def trec_dl(folder):
    run, qrels = defaultdict(dict), defaultdict(dict)
    for line in open(os.path.join(folder, "runs", "bm25base_p.txt")):
        q, _, d, _, score, _ = line.split()
        run[q][d] = float(score)
    for line in list(open(os.path.join(folder, "qrels", "test.tsv")))[1:]:
        q, d, grade = line.split()
        qrels[q][d] = int(grade)
    write_expected("trec-dl-2019", dict(run), dict(qrels), ("-", "-l2"))
    if "--peers" in sys.argv:
        compare_with_peers("trec-dl-2019", dict(run), dict(qrels))


def main():
    os.makedirs(OUT, exist_ok=True)
    if "--trec-dl" in sys.argv:
        return trec_dl(sys.argv[sys.argv.index("--trec-dl") + 1])
    for name in ("random", "cranfield", "scifact"):
        run, qrels = random_set() if name == "random" else bundled_set(name, 20)
        write_run(name, run)
        write_expected(name, run, qrels, ("-", "-c", "-l2", "-c-M5", "-J-l3") if name == "random" else ("-", "-l2"))
        if name == "random":
            with open(os.path.join(OUT, "random.qrels"), "w") as f:
                for q, judged in qrels.items():
                    f.writelines(f"{q} 0 {d} {g}\n" for d, g in judged.items())
        if "--peers" in sys.argv:
            compare_with_peers(name, run, qrels)


if __name__ == "__main__":
    main()
