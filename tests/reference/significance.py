#!/usr/bin/env python3
"""Paired tests of significance by scipy, Holm's correction by statsmodels: makes tests/golden/significance.txt.

    python3 tests/reference/significance.py        # needs scipy 1.13 or later and statsmodels

Where scipy has no exact value (ranks with ties, many queries) a count over whole numbers gives it, and is
compared with scipy's where that has one.

The file:  case NAME N           then N lines "BASELINE OTHER", then
           t STATISTIC P         nan where there is none
           wilcoxon STATISTIC P EXACT
           randomisation P       exact, also for cases that fovea samples; nan if it cannot be had
           holm N                then N lines "P ADJUSTED"
           beta N                then N lines "A B X Y VALUE"
"""
import math
import os
import warnings
from random import Random

import numpy as np
from scipy import special, stats
from statsmodels.stats.multitest import multipletests

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
OUT = os.path.join(ROOT, "tests", "golden", "significance.txt")
WILCOXON_EXACT = 500  # eval/s_wilcoxon.c


def cases():
    rng = Random(4)
    grid = lambda n, steps, shift: [(rng.randrange(steps + 1) / steps, rng.randrange(steps + 1) / steps + shift)
                                    for _ in range(n)]
    real = lambda n, shift: [(x, min(1, max(0, round(x + rng.gauss(shift, 0.2), 4))))
                             for x in (round(rng.random(), 4) for _ in range(n))]
    zeros = lambda n, share, pairs: [(a, a) if rng.random() < share else (a, b) for a, b in pairs(n)]
    yield "one", [(0.2, 0.7)]
    yield "two", [(0.2, 0.7), (0.3, 0.4)]
    yield "all-same", [(0.25, 0.5)] * 6
    yield "no-difference", [(0.25, 0.25), (0.5, 0.5), (1.0, 1.0)]
    yield "student", list(zip((0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0),  # sleep, 1908
                              (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)))
    yield "rounding", [(0.1 * i, 0.1 * (i + (1 if i % 3 else -1))) for i in range(9)]
    yield "eight", real(8, 0.1)
    yield "twelve-grid", grid(12, 10, 0)
    yield "thirty-two", real(32, 0.05)
    yield "thirty-three-grid", grid(33, 10, 0.1)
    yield "fifty", real(50, 0.03)
    yield "fifty-grid", grid(50, 10, 0)
    yield "grid-strong", grid(80, 10, 0.2)
    yield "zeros", zeros(300, 0.85, lambda n: real(n, 0.1))
    yield "zeros-grid", zeros(300, 0.6, lambda n: grid(n, 5, 0))
    yield "three-hundred", real(300, 0.02)
    yield "many", real(700, 0.01)
    yield "many-grid", grid(900, 4, 0)


def exact_signs(ranks, seen):
    """P(|sum of +-ranks| >= |seen|) for whole numbers: the chances of all sums, one rank after the other."""
    total = sum(map(abs, ranks))
    chance = np.zeros(2 * total + 1)
    chance[total] = 1
    for r in map(abs, ranks):
        more = np.zeros_like(chance)
        more[r:] += chance[: len(chance) - r] / 2
        more[: len(chance) - r] += chance[r:] / 2
        chance = more
    return float(chance[np.abs(np.arange(-total, total + 1)) >= abs(seen)].sum())


def t_test(d):
    if not d.any():
        return 0.0, 1.0
    if len(d) < 2 or np.all(d == d[0]):
        return math.nan, math.nan
    r = stats.ttest_1samp(d, 0)
    return r.statistic, r.pvalue


def wilcoxon(d):
    d = d[d != 0]
    if not len(d):
        return 0.0, 1.0, 1
    ranks = stats.rankdata(np.abs(d))
    if len(d) > WILCOXON_EXACT:
        r = stats.wilcoxon(d, correction=False, method="asymptotic")
        return r.statistic, r.pvalue, 0
    plus, minus = ranks[d > 0].sum(), ranks[d < 0].sum()
    p = exact_signs([int(2 * r) for r in ranks], int(2 * (plus - minus)))
    if len(set(ranks)) == len(ranks):
        assert math.isclose(p, stats.wilcoxon(d, method="exact").pvalue, rel_tol=1e-9), (p, len(d))
    if 2 <= len(d) <= 12:
        every = stats.PermutationMethod(n_resamples=np.inf)
        assert math.isclose(p, stats.wilcoxon(d, method=every).pvalue, rel_tol=1e-9), (p, len(d))
    return min(plus, minus), p, 1


def randomisation(d):
    if not d.any():
        return 1.0
    whole = np.round(d * 10000).astype(int).tolist()
    if max(abs(w / 10000 - x) for w, x in zip(whole, d)) > 1e-12:
        return math.nan
    nonzero = [w for w in whole if w]
    common = math.gcd(*nonzero)
    p = exact_signs([w // common for w in nonzero], sum(nonzero) // common)
    if 2 <= len(d) <= 12:
        mean = lambda x, axis: np.round(np.mean(x, axis=axis), 12)
        r = stats.permutation_test((d,), mean, permutation_type="samples", n_resamples=np.inf, vectorized=True)
        assert math.isclose(p, r.pvalue, rel_tol=1e-9), (p, r.pvalue)
    return p


def main():
    warnings.simplefilter("ignore")
    rng = Random(5)
    with open(OUT, "w") as f:
        for name, pairs in cases():
            d = np.round(np.array([b - a for a, b in pairs]), 12)  # tied differences are to be tied
            f.write(f"case {name} {len(pairs)}\n")
            f.writelines(f"{a!r} {b!r}\n" for a, b in pairs)
            f.write("t {!r} {!r}\n".format(*map(float, t_test(d))))
            statistic, p, exact = wilcoxon(d)
            f.write(f"wilcoxon {float(statistic)!r} {float(p)!r} {exact}\n")
            f.write(f"randomisation {float(randomisation(d))!r}\n")
        for n in (1, 2, 5, 12):
            p = [round(rng.random() ** 4, 5) for _ in range(n)]
            p[n // 2] = p[0]
            f.write(f"holm {n}\n")
            f.writelines(f"{x!r} {float(y)!r}\n" for x, y in zip(p, multipletests(p, method="holm")[1]))
        points = [(a, b, x) for a in (0.5, 1, 4.5, 24.5, 149.5, 4999.5) for b in (0.5, 1, 3, 60)
                  for x in (1e-9, 0.01, 0.3, 0.5, 0.9, 0.996, 0.9999)]
        f.write(f"beta {len(points)}\n")
        f.writelines(f"{a!r} {b!r} {x!r} {1 - x!r} {float(special.betainc(a, b, x))!r}\n" for a, b, x in points)


if __name__ == "__main__":
    main()
