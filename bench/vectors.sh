#!/bin/sh
# Nearest vectors in one large segment, against hnswlib and usearch: build, memory, latency at recall@10 >= 0.95.
# usage: vectors.sh PYTHON WORK N THREADS       (srcdir and builddir in the environment; vector_peers.py says what is searched)
# What is embedded, made and built is kept in WORK.  One thread searches.
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2086 # lists of words
set -eu
python=${1:?usage: vectors.sh PYTHON WORK N THREADS}
work=$2
n=$3
threads=$4
srcdir=${srcdir:-.}
builddir=${builddir:-.}
driver=$builddir/bench/bench_vectors
peers="hnswlib usearch-bf16 usearch-i8"
efs="24 32 40 48 56 64 80 96 128 192 256"
dim=384
out=$work/vectors-$n

make -C "$builddir" -s bench/bench_vectors
real=''
asked=''
for set in scifact cranfield multihop-rag musique-100; do
    if [ ! -f "$work/$set.f32" ]; then
        rm -f "$work/$set-60.fovea"
        "$builddir/fovea" index "$work/$set-60.fovea" "$srcdir/corpora/data/$set" --model minilm --chunk words:60 \
            --threads "$threads" --quiet >&2
        "$driver" embed minilm "$srcdir/corpora/data/$set/queries.jsonl.gz" "$work/$set.queries.f32"
        "$driver" dump "$work/$set-60.fovea" "$work/$set.f32"
    fi
    real="$real $work/$set.f32"
    asked="$asked $work/$set.queries.f32"
done
[ -f "$out.truth" ] || "$python" "$srcdir/bench/vector_peers.py" make $dim "$n" "$out" $real -- $asked
if [ ! -f "$out.build.json" ]; then
    rm -f "$out.fovea" "$out.fovea-wal" "$out.fovea-shm"
    "$driver" build "$out.vectors" minilm auto "$out.fovea" "$threads" >"$out.build.tmp"
    mv "$out.build.tmp" "$out.build.json"
fi
files=
for peer in $peers; do
    "$python" "$srcdir/bench/vector_peers.py" peer "$peer" "$out" $dim 10 "$threads" $efs >"$out.$peer.run.json"
    files="$files $peer=$out.$peer.run.json"
done
"$driver" search "$out.fovea" "$out.queries" "$out.truth" 10 $efs >"$out.run.json"
echo
printf '%-44s %12s %12s %8s\n' "vectors: $n of $dim" fovea peer ratio
"$python" "$srcdir/bench/vector_peers.py" table "$out.build.json" "$out.run.json" $files
