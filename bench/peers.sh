#!/bin/sh
# Installs the peers that the benchmarks compare with into a private folder, and prints its python.
# usage: peers.sh DIR
# SPDX-License-Identifier: Apache-2.0
set -eu
dir=${1:?usage: peers.sh DIR}
python=$dir/bin/python
if [ ! -f "$dir/.done-6" ]; then
    python3 -m venv "$dir" >&2
    "$dir/bin/pip" install -q bm25s==0.3.16 numba==0.68.1 PyStemmer==3.1.0 tantivy==0.27.0 \
        sentence-transformers==6.2.0 transformers==5.23.0 torch==2.15.0 onnxruntime==1.32.0 onnx==1.23.2 accelerate==1.15.0 \
        hnswlib==0.8.0 usearch==2.26.6 fasttextembed==1.0.2 gguf==0.19.0 >&2
    # from its sources, for this very processor: 10 minutes
    CMAKE_ARGS="-DGGML_NATIVE=ON" CMAKE_BUILD_PARALLEL_LEVEL=$(nproc) "$dir/bin/pip" install -q \
        --no-binary llama-cpp-python llama-cpp-python==0.3.36 >&2
    touch "$dir/.done-6"
fi
echo "$python"
