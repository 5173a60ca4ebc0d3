"""Collections for the benchmarks, in BEIR's layout: corpus.jsonl and queries.jsonl.

usage: make_collections.py NAME FOLDER DATA      NAME is union, debian or million; DATA holds the bundled collections

union    SciFact and Cranfield together, and NPL where $FOVEA_NPL is its folder
debian   the long descriptions of Debian's packages; queries are 1,000 of the short ones
million  1,000,000 passages of 1 to 6 sentences, drawn from all of the above by a seeded generator; their queries are SciFact's
Nothing is made twice.  Debian's lists come through apt, into a private folder.
"""
# SPDX-License-Identifier: Apache-2.0
import glob
import gzip
import json
import os
import random
import re
import subprocess
import sys


def read(path):
    if os.path.exists(path + ".gz"):
        stream = gzip.open(path + ".gz", "rt", encoding="utf-8")
    else:
        stream = open(path, encoding="utf-8")
    with stream:
        yield from map(json.loads, stream)


def write(path, rows):
    with open(path, "w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def prefixed(folder, what, prefix):
    for row in read(f"{folder}/{what}.jsonl"):
        row["_id"] = f"{prefix}-{row['_id']}"
        yield row


def union(out, data):
    parts = [data + "/scifact", data + "/cranfield"] + [p for p in [os.environ.get("FOVEA_NPL", "")] if p]
    for what in ("corpus", "queries"):
        write(f"{out}/{what}.jsonl", (row for p in parts for row in prefixed(p, what, os.path.basename(p))))


def package_lists(folder):
    """Fetches the lists of descriptions with the machine's own sources, and says where they are."""
    os.makedirs(folder + "/partial", exist_ok=True)
    options = ["-o", "Dir::State::Lists=" + folder, "-o", "Acquire::Languages=en", "-o", "Acquire::GzipIndexes=false"]
    subprocess.run(["apt-get", "-qq", *options, "update"], check=True)
    files = glob.glob(folder + "/*_Translation-en*")
    if not files:
        sys.exit("make_collections.py: apt gave no descriptions of packages")
    return files


def stanzas(path):
    if path.endswith(".lz4"):
        text = subprocess.run(["lz4", "-dc", path], check=True, capture_output=True).stdout.decode()
    else:
        text = open(path, encoding="utf-8").read()
    yield from text.split("\n\n")


def debian(out, _):
    packages = {}
    for path in sorted(package_lists(out + "/lists")):
        for stanza in stanzas(path):
            name = re.search(r"^Package: (\S+)", stanza, re.M)
            about = re.search(r"^Description-en: (.*)\n((?: .*\n?)*)", stanza, re.M)
            if name and about and about[2]:
                packages[name[1]] = (about[1], re.sub(r"\s*\n (?:\.$)?", " ", about[2], flags=re.M).strip())
    names = sorted(packages)
    write(out + "/corpus.jsonl", ({"_id": n, "title": n, "text": packages[n][1]} for n in names))
    chosen = random.Random(1).sample(names, 1000)
    write(out + "/queries.jsonl", ({"_id": n, "text": packages[n][0]} for n in chosen))


def sentences(text):
    return [s for s in re.split(r"(?<=[.!?])\s+", text) if len(s) > 20]


def million(out, data):
    folders = [data + "/" + n for n in ("scifact", "cranfield", "multihop-rag", "musique-100")]
    folders.append(os.path.dirname(out) + "/debian")
    pool = [s for f in folders for row in read(f + "/corpus.jsonl") for s in sentences(row["text"])]
    rng = random.Random(1)
    write(out + "/corpus.jsonl",
          ({"_id": f"m{i:07}", "title": "", "text": " ".join(rng.choices(pool, k=rng.randint(1, 6)))} for i in range(1000000)))
    write(out + "/queries.jsonl", read(data + "/scifact/queries.jsonl"))


def main():
    name, out, data = sys.argv[1:4]
    if os.path.exists(out + "/queries.jsonl"):
        return
    os.makedirs(out, exist_ok=True)
    {"union": union, "debian": debian, "million": million}[name](out, data)


main()
