#!/bin/sh
# The manual page is what the program says of itself, and the formatter has nothing to say of it.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"

run help --man
code_is 0
cp out fovea.1
cmp -s fovea.1 "$srcdir/man/fovea.1" ||
    fail "man/fovea.1 is not 'fovea help --man': write it again"
n_checks=$((n_checks + 1))
if command -v mandoc >/dev/null; then
    said="mandoc -Tlint"
    mandoc -Tlint -W warning fovea.1 >out 2>err
    code=$?
    code_is 0
    out_is_empty
fi
if command -v man >/dev/null; then
    said="man -l"
    MANWIDTH=80 man --warnings -l ./fovea.1 >out 2>err
    code=$?
    code_is 0
    err_is_empty
    out_has "EXIT STATUS"
fi

finish
