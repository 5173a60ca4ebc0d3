#!/bin/sh
# Figures against peers, as ratios in one run on the same cores.  Prints tables.
# FOVEA_BENCH keeps the peers, collections and indexes between runs (default: bench-data in the build folder).
# FOVEA_BENCH_GROWTH gives the sizes at which one collection is indexed, up to 1000000, drawn in growth.svg (default: none).
# FOVEA_BENCH_SETS says which collections BM25 is measured on: scifact union debian million (default: the first three).
# FOVEA_BENCH_PASSAGES and FOVEA_BENCH_THREADS are for the encoder (512 and 2).
# FOVEA_BENCH_VECTORS is how many vectors are searched (500000; 0: none).
# FOVEA_BENCH_DECODERS says which language models are measured, of those that are installed ("smollm2 qwen0.5b"; none: "").
# SPDX-License-Identifier: Apache-2.0
set -eu
srcdir=${srcdir:-.}
builddir=${builddir:-.}
data=$srcdir/corpora/data
work=${FOVEA_BENCH:-$builddir/bench-data}
passages=${FOVEA_BENCH_PASSAGES:-512}
threads=${FOVEA_BENCH_THREADS:-2}
export PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore TRANSFORMERS_VERBOSITY=error TQDM_DISABLE=1
mkdir -p "$work"
python=$(sh "$srcdir/bench/peers.sh" "$work/peers")
models=${FOVEA_MODELS:-${XDG_DATA_HOME:-$HOME/.local/share}/fovea/models}

make -C "$builddir" -s bench/bench_search bench/bench_embed

# field FILE NAME: one number of a JSON object
field() { "$python" -c 'import json,sys
v = json.load(open(sys.argv[1]))
for k in sys.argv[2].split("/"): v = v[k]
print(v)' "$1" "$2"; }
row() { printf '%-48s %12s %12s %8s\n' "$@"; }
number() { "$python" -c 'import sys; x = float(sys.argv[1]); print("%.0f" % x if x >= 100 else "%.3g" % x)' "$1"; }

# compare LABEL OWN PEER [less]: both figures and how many times as good ours is
compare() {
    ratio=$("$python" -c 'import sys; a, b = map(float, sys.argv[1:3]); print("%.2fx" % (b / a if sys.argv[3:] else a / b))' "$2" "$3" ${4:+less})
    row "$1" "$(number "$2")" "$(number "$3")" "$ratio"
}

# index NAME FOLDER MODEL: makes $work/NAME.fovea anew, in one segment as peers do; seconds and KiB in $work/NAME.time
index() {
    rm -f "$work/$1.fovea" "$work/$1.fovea-wal" "$work/$1.fovea-shm"
    /usr/bin/time -f '%e %M' -o "$work/$1.time" "$builddir/fovea" index "$work/$1.fovea" "$2" --model "$3" \
        --threads "$threads" --merge --quiet >"$work/$1.log"
}

bm25() {
    set=$1
    case $set in
    scifact) folder=$data/scifact ;;
    *) folder=$work/$set && "$python" "$srcdir/bench/make_collections.py" "$set" "$folder" "$data" ;;
    esac
    queries=$folder/queries.jsonl
    [ -f "$queries" ] || queries=$queries.gz
    index "$set" "$folder" none
    read -r seconds kib <"$work/$set.time"
    peers="bm25s-numba tantivy"
    [ "$set" = million ] || peers="$peers bm25s-numpy"
    for k in 10 1000; do
        "$builddir/bench/bench_search" "$work/$set.fovea" "$queries" bm25 $k 5 >"$work/$set-$k.json"
    done
    # shellcheck disable=SC2086 # a list of words
    "$python" "$srcdir/bench/bm25_peers.py" "$folder" 5 $peers >"$work/$set-peers.json"
    documents=$(sed -n 's/^\([0-9,]*\) documents,.*/\1/p' "$work/$set.log")
    echo
    row "BM25: $set, $documents documents" fovea peer ratio
    for peer in $peers; do
        theirs=$work/$set-peers.json
        compare "index, seconds (own: $((kib / 1024)) MiB): $peer" "$seconds" "$(field "$theirs" "$peer/index_s")" less
        compare "index, bytes (own: with the texts): $peer" "$(wc -c <"$work/$set.fovea")" "$(field "$theirs" "$peer/bytes")" less
        for k in 10 1000; do
            own=$work/$set-$k.json
            compare "top $k, queries/s, not tokenising: $peer" "$(field "$own" qps_without_tokenising)" "$(field "$theirs" "$peer/top/$k/qps")"
            compare "top $k, median ms: $peer" "$(field "$own" p50_ms)" "$(field "$theirs" "$peer/top/$k/p50_ms")" less
            compare "top $k, p99 ms: $peer" "$(field "$own" p99_ms)" "$(field "$theirs" "$peer/top/$k/p99_ms")" less
        done
    done
}

embedding() {
    echo
    row "MiniLM, $passages passages of up to 256 tokens" fovea peer ratio
    "$python" "$srcdir/bench/embed_peers.py" "$models/minilm" "$data/scifact" "$passages" "$threads" 256 \
        "$work/embed-reference.f32" >"$work/embed-peers.json"
    for precision in i8 f32; do
        own=$work/embed-$precision.json
        "$builddir/bench/bench_embed" minilm "$data/scifact" "$passages" "$threads" $precision 256 "$work/embed-reference.f32" >"$own"
        for peer in sentence-transformers "onnxruntime f32" "onnxruntime int8" fasttextembed "fasttextembed at 6 layers"; do
            theirs=$work/embed-peers.json
            compare "$precision, passages/s: $peer" "$(field "$own" passages_per_s)" "$(field "$theirs" "$peer/passages_per_s")"
            compare "$precision, ms for one query: $peer" "$(field "$own" query_ms)" "$(field "$theirs" "$peer/query_ms")" less
            row "$precision, cosine to f32: $peer" "$(printf %.5f "$(field "$own" cosine)")" "$(printf %.5f "$(field "$theirs" "$peer/cosine")")" ""
        done
    done
    echo "fasttextembed has 12 layers compiled in: MiniLM's 6, one that takes the mean and 5 that add nothing, $(
        field "$work/embed-peers.json" fasttextembed/parameters) parameters; \"at 6 layers\" is half its time"
    index minilm "$data/scifact" minilm
    read -r seconds kib <"$work/minilm.time"
    row "index SciFact with vectors: seconds, MiB" "$seconds" "$((kib / 1024))" ""
}

for set in ${FOVEA_BENCH_SETS:-scifact union debian}; do
    bm25 "$set"
done
embedding
vectors=${FOVEA_BENCH_VECTORS:-500000}
[ "$vectors" = 0 ] || sh "$srcdir/bench/vectors.sh" "$python" "$work" "$vectors" "$threads"
for model in ${FOVEA_BENCH_DECODERS-smollm2 qwen0.5b}; do
    if [ -f "$models/$model/model.gguf" ]; then
        sh "$srcdir/bench/decoders.sh" "$python" "$work" "$threads" "$model"
    else
        echo "$model is not here: ./bootstrap model $model fetches it"
    fi
done
if [ -n "${FOVEA_BENCH_GROWTH:-}" ]; then
    "$python" "$srcdir/bench/make_collections.py" million "$work/million" "$data"
    echo
    # shellcheck disable=SC2086 # a list of numbers
    "$python" "$srcdir/bench/growth.py" "$builddir/fovea" "$builddir/bench/bench_search" "$work/million" "$work" \
        "$work/growth.svg" $FOVEA_BENCH_GROWTH
    echo "drawn: $work/growth.svg"
fi
