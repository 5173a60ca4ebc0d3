#!/bin/sh
# Figures against peers, as ratios in one run on the same cores.  Prints a table.
# FOVEA_BENCH keeps the peers and indexes between runs (default: bench-data in the build folder).
# SPDX-License-Identifier: Apache-2.0
set -eu
srcdir=${srcdir:-.}
builddir=${builddir:-.}
data=$srcdir/corpora/data/scifact
work=${FOVEA_BENCH:-$builddir/bench-data}
passages=${FOVEA_BENCH_PASSAGES:-512}
threads=${FOVEA_BENCH_THREADS:-2}
export PYTHONWARNINGS=ignore TRANSFORMERS_VERBOSITY=error TQDM_DISABLE=1
mkdir -p "$work"
python=$(sh "$srcdir/bench/peers.sh" "$work/peers")
models=${FOVEA_MODELS:-${XDG_DATA_HOME:-$HOME/.local/share}/fovea/models}

make -C "$builddir" -s bench/bench_search bench/bench_embed

# field FILE NAME: one number of a JSON object
field() { "$python" -c 'import json,sys
v = json.load(open(sys.argv[1]))
for k in sys.argv[2].split("/"): v = v[k]
print(v)' "$1" "$2"; }
row() { printf '%-44s %12s %12s %8s\n' "$@"; }
ratio() { "$python" -c 'import sys; print("%.2fx" % (float(sys.argv[1]) / float(sys.argv[2])))' "$1" "$2"; }

echo "== index SciFact (5,183 documents), $threads threads"
for leg in none minilm; do
    rm -f "$work/$leg.fovea" "$work/$leg.fovea-wal" "$work/$leg.fovea-shm"
    /usr/bin/time -f '%e %M' -o "$work/time-$leg" "$builddir/fovea" index "$work/$leg.fovea" "$data" \
        --model "$leg" --threads "$threads" --quiet
    read -r seconds kib < "$work/time-$leg"
    row "fovea, model $leg: seconds, peak MiB" "$seconds" "$((kib / 1024))" ""
done

row "BM25, SciFact's 1,109 queries, 1 thread" "fovea q/s" "peer q/s" "ratio"
for k in 10 1000; do
    "$builddir/bench/bench_search" "$work/none.fovea" "$data/queries.jsonl.gz" bm25 "$k" 5 > "$work/bm25-$k.json"
    "$python" "$srcdir/bench/bm25_peers.py" "$data" "$k" 5 > "$work/bm25-peers-$k.json"
    own=$(field "$work/bm25-$k.json" qps)
    for peer in numpy numba numpy_with_tokenising numba_with_tokenising; do
        theirs=$(field "$work/bm25-peers-$k.json" "${peer}_qps")
        row "top-$k against bm25s $peer" "$own" "$(printf '%.1f' "$theirs")" "$(ratio "$own" "$theirs")"
    done
done

row "MiniLM, $passages passages, 256 tokens, $threads threads" "fovea" "peer" "ratio"
"$python" "$srcdir/bench/embed_peers.py" "$models/minilm" "$data" "$passages" "$threads" 256 > "$work/embed-peers.json"
for precision in i8 f32; do
    "$builddir/bench/bench_embed" minilm "$data" "$passages" "$threads" "$precision" 256 > "$work/embed-$precision.json"
    for peer in sentence-transformers "onnxruntime f32" "onnxruntime int8"; do
        for what in passages_per_s query_ms; do
            own=$(field "$work/embed-$precision.json" $what)
            theirs=$(field "$work/embed-peers.json" "$peer/$what")
            row "$precision $what, $peer" "$own" "$(printf '%.2f' "$theirs")" "$(ratio "$own" "$theirs")"
        done
    done
done
