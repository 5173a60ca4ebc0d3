#!/bin/sh
# Decoders against llama.cpp on the same GGUF file, and re-ranking in context against transformers.
# usage: decoders.sh PYTHON WORK THREADS MODEL...       (srcdir and builddir in the environment)
# FOVEA_BENCH_PASSAGES_READ is how many passages are re-ranked (20; 0: none).
# SPDX-License-Identifier: Apache-2.0
set -eu
python=${1:?usage: decoders.sh PYTHON WORK THREADS MODEL...}
work=$2
threads=$3
shift 3
srcdir=${srcdir:-.}
builddir=${builddir:-.}
corpus=$srcdir/corpora/data/scifact
passages=${FOVEA_BENCH_PASSAGES_READ:-20}
query="Do statins lower the risk of atrial fibrillation?"

make -C "$builddir" -s bench/bench_decoder bench/bench_rerank
for model in "$@"; do
    file=$("$builddir/fovea" model "$model" --json | "$python" -c 'import json,sys; print(json.load(sys.stdin)["file"])')
    out=$work/decoder-$model
    "$python" "$srcdir/bench/decoder_peers.py" llama "$file" "$corpus" "$threads" >"$out.llama.json"
    "$builddir/bench/bench_decoder" "$model" "$corpus" "$threads" i8 speed >"$out.json"
    if [ "$passages" != 0 ]; then
        "$python" "$srcdir/bench/decoder_peers.py" icr "$file" "$corpus" "$threads" "$passages" "$query" >"$out.transformers.json"
        "$builddir/bench/bench_rerank" icr "$model" "$corpus" "$threads" "$passages" "$query" >"$out.icr.json"
        "$builddir/bench/bench_rerank" icr-blocks "$model" "$corpus" "$threads" "$passages" "$query" >"$out.blocks.json"
    fi
    echo
    "$python" "$srcdir/bench/decoder_table.py" "$out" "$model" "$threads" "$passages"
done
