#!/bin/sh
# The example at the top of fovea.h compiles without a warning as C and as C++, and runs.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
cc=${CC:-cc}
cxx=${CXX:-c++}
header=$srcdir/api/fovea.h

sed -n '/^ \*     #include <fovea.h>/,/^ \*     }$/s/^ \* \{0,5\}//p' "$header" >example.c
cp example.c example.cc
mkdir include
cp "$header" include/
grep -q "fovea_search" example.c || fail "there is no example in $header"

build() {
    said="$*"
    # shellcheck disable=SC2086 # the flags are lists
    "$builddir/libtool" --silent --tag="$tag" --mode=link $1 $2 ${SAN_FLAGS-} -Wall -Wextra -pedantic -Werror \
        -Iinclude "$3" -o "$4" "$builddir/libfovea.la" >out 2>err
    code=$?
    code_is 0
}
for_language() {
    tag=$1
    shift
    rm -f example.fovea
    build "$@"
    said="the example as $1"
    "$builddir/libtool" --mode=execute "./$4" >out 2>err
    code=$?
    code_is 0
    err_is_empty
    out_has "^1 eye [0-9.]+ Its fovea sees sharpest\.$"
    [ "$(wc -l <out)" -eq 1 ] || fail "more than one hit"
}
for_language CC "$cc" -std=c11 example.c example
if command -v "${cxx%% *}" >/dev/null; then
    for_language CXX "$cxx" -std=c++11 example.cc example-cc
fi

finish
