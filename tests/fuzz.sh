#!/bin/sh
# Every fuzz target over its seeds and a fixed number of mutations; `make fuzz` goes on for as long as you like.
# SPDX-License-Identifier: Apache-2.0
set -eu
runs=${FUZZ_RUNS:-3000}
fuzz=$(cd "${builddir:-.}" && pwd)/tests/fuzz/fuzz
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"$fuzz" all "${runs}x"
