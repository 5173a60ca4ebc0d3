#!/bin/sh
# The main job on real data: index the bundled SciFact, search it three ways, evaluate it.
# `make demo` and `./bootstrap demo` run it. The index stays, so a second run only searches and evaluates.
# Environment: srcdir, builddir. SPDX-License-Identifier: Apache-2.0
set -eu
corpus=${srcdir:-.}/corpora/data/scifact
indexes=${builddir:-.}/demo
index=$indexes/scifact-minilm.fovea # the name that `fovea eval beir` looks for
program=${builddir:-.}/fovea

# show ARGUMENT...: prints a command of fovea as one would type it, and runs it
show() {
    printf '\n$ fovea'
    for word in "$@"; do
        case $word in
        *' '*) printf ' "%s"' "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$program" "$@"
}

mkdir -p "$indexes"
show index "$index" "$corpus" --model minilm
show search "$index" "vitamin D deficiency and birth weight" --system bm25 -k 3
show search "$index" "do people live longer when they exercise" --system dense -k 3
show search "$index" "statins lower cholesterol, but do they prevent cancer" --system hybrid -k 3
show eval beir "$corpus" --systems bm25,dense,hybrid --index-dir "$indexes"
