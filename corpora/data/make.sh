#!/bin/sh
# Makes the bundled collections: compresses folders in the BEIR layout, so that the same
# input gives the same bytes (gzip -n stores neither name nor time).
# usage: corpora/data/make.sh FROM      FROM holds scifact/, cranfield/, multihop-rag/, musique-100/
# SPDX-License-Identifier: Apache-2.0
set -eu
from=${1:?usage: corpora/data/make.sh FROM}
here=$(dirname "$0")

for name in scifact cranfield multihop-rag musique-100; do
    mkdir -p "$here/$name/qrels"
    for file in "$from/$name"/*.json "$from/$name"/*.jsonl; do
        [ -f "$file" ] || continue
        gzip -9nc "$file" >"$here/$name/$(basename "$file").gz"
    done
    cp "$from/$name"/qrels/*.tsv "$here/$name/qrels/"
    chmod -R u+w "$here/$name"
done
(cd "$here" && find . -type f \( -name '*.gz' -o -name '*.tsv' \) | LC_ALL=C sort |
    xargs sha256sum >SHA256SUMS)
