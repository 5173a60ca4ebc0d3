#!/bin/sh
# Installs the peers that the benchmarks compare with into a private folder, and prints its python.
# usage: peers.sh DIR
# SPDX-License-Identifier: Apache-2.0
set -eu
dir=${1:?usage: peers.sh DIR}
python=$dir/bin/python
if [ ! -f "$dir/.done-1" ]; then
    python3 -m venv "$dir" >&2
    "$dir/bin/pip" install -q bm25s==0.2.14 numba PyStemmer sentence-transformers onnxruntime onnx pytrec-eval-terrier >&2
    touch "$dir/.done-1"
fi
echo "$python"
