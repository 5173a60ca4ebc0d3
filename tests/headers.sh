#!/bin/sh
# Each header compiles alone, and twice, without a warning; the public one also as strict C and as C++.
# Prints a line for each that does not, and the compiler's first words. SPDX-License-Identifier: Apache-2.0
set -eu
cd "${srcdir:-.}"
cc=${CC:-cc}
flags="-I. -Wall -Wextra -pedantic -Werror -fsyntax-only"

command -v "${cc%% *}" >/dev/null || exit 77
n=0
n_bad=0

# alone HEADER LANGUAGE COMPILER FLAG...
# shellcheck disable=SC2086 # $flags is a list
alone() {
    header=$1
    language=$2
    shift 2
    n=$((n + 1))
    said=$(printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        "$@" $flags -x "$language" - 2>&1) && return
    n_bad=$((n_bad + 1))
    echo "$header: does not compile alone ($*): $(echo "$said" | grep -m1 'error' || echo "$said")"
}

# shellcheck disable=SC2086 # CC may hold flags
for header in base/*.h model/*.h corpora/*.h indexer/*.h retriever/*.h reranker/*.h generator/*.h \
    eval/*.h api/*.h tests/*.h; do
    [ -f "$header" ] || continue
    alone "$header" c $cc -std=c11 -D_GNU_SOURCE
done
# shellcheck disable=SC2086
alone api/fovea.h c $cc -std=c99
if command -v g++ >/dev/null; then
    alone api/fovea.h c++ g++ -std=c++11
fi

[ "$n" -gt 5 ] || {
    echo "headers.sh: no headers here"
    exit 1
}
[ "$n_bad" -eq 0 ]
