"""How an index grows: seconds, bytes, memory and latency at several sizes of one collection, as a table and as an SVG.

usage: growth.py FOVEA BENCH_SEARCH COLLECTION WORK SVG SIZE...      COLLECTION is a folder in BEIR's layout

Each size takes the first documents of the collection; --model none, so that what is seen is the words' leg.  Both axes are
logarithmic: a straight line of slope 1 grows in proportion.
"""
# SPDX-License-Identifier: Apache-2.0
import itertools
import json
import math
import os
import subprocess
import sys
import time

PANELS = (  # title, unit, names of the lines
    ("Indexing", "s", ("seconds",)),
    ("File, with the texts", "MB", ("megabytes",)),
    ("Peak memory", "MB", ("index_mb", "search_mb")),
    ("Latency", "ms", ("p50_10", "p99_10", "p50_1000", "p99_1000")),
)
LABELS = {"seconds": "", "megabytes": "", "index_mb": "indexing", "search_mb": "searching", "p50_10": "top 10, median",
          "p99_10": "top 10, 99 %", "p50_1000": "top 1,000, median", "p99_1000": "top 1,000, 99 %"}
COLOURS = ("#1b6ca8", "#c8553d", "#588157", "#8d6a9f")
WIDTH, HEIGHT, LEFT, TOP = 330, 250, 52, 34  # of a panel, and of its axes' corner


def run(command):
    """Seconds, peak megabytes and standard output."""
    begin = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024, out.decode()


def measure(fovea, bench, collection, work, size):
    folder = f"{work}/growth-{size}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{collection}/corpus.jsonl", "rb") as source, open(f"{folder}/corpus.jsonl", "wb") as corpus:
        corpus.writelines(itertools.islice(source, size))
    index = folder + "/index.fovea"
    for end in ("", "-wal", "-shm"):
        if os.path.exists(index + end):
            os.remove(index + end)
    seconds, index_mb, _ = run([fovea, "index", index, folder, "--model", "none", "--quiet"])
    row = {"documents": size, "seconds": seconds, "megabytes": os.path.getsize(index) / 1e6, "index_mb": index_mb}
    for k in (10, 1000):
        _, row["search_mb"], out = run([bench, index, f"{collection}/queries.jsonl", "bm25", str(k), "3"])
        result = json.loads(out)
        row[f"p50_{k}"], row[f"p99_{k}"] = result["p50_ms"], result["p99_ms"]
    os.remove(folder + "/corpus.jsonl")
    return row


def decades(values):
    return range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)


def panel(rows, title, unit, names):
    sizes = [r["documents"] for r in rows]
    xs, ys = decades(sizes), decades([r[n] for r in rows for n in names])
    right, bottom = WIDTH - 14, HEIGHT - 34

    def x(v):
        return LEFT + (math.log10(v) - xs[0]) / max(xs[-1] - xs[0], 1) * (right - LEFT)

    def y(v):
        return bottom - (math.log10(v) - ys[0]) / max(ys[-1] - ys[0], 1) * (bottom - TOP)

    yield f'<text x="{LEFT}" y="16" font-weight="bold">{title}, {unit}</text>'
    for power in ys:
        yield f'<path d="M{LEFT} {y(10.0 ** power):.1f}H{right}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{y(10.0 ** power) + 4:.1f}" text-anchor="end">{10.0 ** power:g}</text>'
    for power in xs:
        yield f'<path d="M{x(10.0 ** power):.1f} {TOP}V{bottom}" stroke="#ddd"/>'
        yield f'<text x="{x(10.0 ** power):.1f}" y="{bottom + 16}" text-anchor="middle">{10 ** power:,}</text>'
    for i, name in enumerate(names):
        points = " ".join(f"{x(r['documents']):.1f},{y(r[name]):.1f}" for r in rows)
        yield f'<polyline points="{points}" fill="none" stroke="{COLOURS[i]}" stroke-width="2"/>'
        for r in rows:
            yield f'<circle cx="{x(r["documents"]):.1f}" cy="{y(r[name]):.1f}" r="3" fill="{COLOURS[i]}"/>'
        if LABELS[name]:
            yield f'<text x="{LEFT + 8}" y="{TOP + 14 + 14 * i}" fill="{COLOURS[i]}">{LABELS[name]}</text>'


def draw(rows):
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {2 * HEIGHT}" width="{2 * WIDTH}" '
           'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>')
    for i, (title, unit, names) in enumerate(PANELS):
        yield f'<g transform="translate({i % 2 * WIDTH} {i // 2 * HEIGHT})">'
        yield from panel(rows, title, unit, names)
        yield "</g>"
    yield "</svg>"


def main():
    fovea, bench, collection, work, svg, *sizes = sys.argv[1:]
    rows = [measure(fovea, bench, collection, work, int(s)) for s in sizes]
    names = [n for _, _, names in PANELS for n in names]
    print(f"{'documents':>10}" + "".join(f"{n:>11}" for n in names))
    for r in rows:
        print(f"{r['documents']:>10,}" + "".join(f"{r[n]:>11.3g}" if r[n] < 100 else f"{r[n]:>11.0f}" for n in names))
    with open(svg, "w", encoding="utf-8") as out:
        out.write("\n".join(draw(rows)) + "\n")


main()
