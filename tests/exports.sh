#!/bin/sh
# The shared library exports fovea_* and nothing else, and every function that fovea.h declares.
# Prints a line for each symbol that is wrong. SPDX-License-Identifier: Apache-2.0
set -eu
library=${builddir:-.}/.libs/libfovea.so
header=${srcdir:-.}/api/fovea.h

command -v nm >/dev/null || exit 77
[ -f "$library" ] || {
    echo "exports.sh: $library is not built"
    exit 1
}
exported=$(nm -D --defined-only "$library" | awk '{ print $3 }')
declared=$(sed -n '/^typedef/!s/^[a-z].*[ *]\(fovea_[a-z0-9_]*\)(.*/\1/p' "$header")
bad=0
for name in $exported; do
    case $name in
    fovea_*) ;;
    *)
        echo "$library: exports $name"
        bad=1
        ;;
    esac
done
for name in fovea_open $declared; do
    echo "$exported" | grep -qx "$name" || {
        echo "$library: does not export $name"
        bad=1
    }
done
exit $bad
