# shellcheck shell=sh
# What the tests of the command line share: run the program, look at what it said.
# Each script prints a line for each failed check and exits 0 or 1 (77: skipped).
# SPDX-License-Identifier: Apache-2.0
set -u

srcdir=$(cd "${srcdir:-.}" && pwd)
builddir=$(cd "${builddir:-.}" && pwd)
fovea=$builddir/fovea
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
cd "$tmp" || exit 1
unset NO_COLOR COLUMNS
XDG_CACHE_HOME=$tmp/cache
export XDG_CACHE_HOME
n_checks=0
n_failed=0

[ -x "$fovea" ] || {
    echo "$fovea is not built"
    exit 1
}

skip() {
    echo "skipped: $1"
    exit 77
}

# Slow tests run with `make check-all`.
skip_unless_slow() {
    case " ${CK_EXCLUDE_TAGS-} " in *" slow "*) skip "slow" ;; esac
}

# run ARG...: the program's output is in ./out and ./err, its exit code in $code.
run() {
    said="fovea $*"
    "$fovea" "$@" >out 2>err </dev/null
    code=$?
}

fail() {
    n_failed=$((n_failed + 1))
    echo "FAILED: $said: $1"
    sed 's/^/    out: /' out 2>/dev/null | head -5
    sed 's/^/    err: /' err 2>/dev/null | head -5
}

# The last run's exit code.
code_is() {
    n_checks=$((n_checks + 1))
    [ "$code" -eq "$1" ] || fail "exit code is $code, not $1"
}

# A pattern (grep -E) that standard output / standard error must have.
out_has() {
    n_checks=$((n_checks + 1))
    grep -qE -e "$1" out || fail "standard output lacks: $1"
}
err_has() {
    n_checks=$((n_checks + 1))
    grep -qE -e "$1" err || fail "standard error lacks: $1"
}
out_lacks() {
    n_checks=$((n_checks + 1))
    ! grep -qE -e "$1" out || fail "standard output has: $1"
}
out_is_empty() {
    n_checks=$((n_checks + 1))
    [ ! -s out ] || fail "standard output is not empty"
}
err_is_empty() {
    n_checks=$((n_checks + 1))
    [ ! -s err ] || fail "standard error is not empty"
}

# An error is one line that begins with the program's name.
err_is_a_line() {
    n_checks=$((n_checks + 1))
    if [ "$(wc -l <err)" -ne 1 ] || ! grep -q '^fovea[a-z ]*: ' err; then
        fail "standard error is not one line"
    fi
}

# The file must be JSON.
is_json() {
    n_checks=$((n_checks + 1))
    if command -v python3 >/dev/null; then
        python3 -c 'import json, sys; json.load(open(sys.argv[1], encoding="utf-8"))' "$1" \
            2>/dev/null || fail "$1 is no JSON"
    elif command -v jq >/dev/null; then
        jq -e . "$1" >/dev/null || fail "$1 is no JSON"
    fi
}

# same FILE FILE
same() {
    n_checks=$((n_checks + 1))
    cmp -s "$1" "$2" || fail "$1 and $2 differ"
}

# A few documents.
write_corpus() {
    cat >"$1" <<'END'
{"_id": "eye", "title": "The eye", "text": "The fovea is the part of the retina that sees sharpest."}
{"_id": "ear", "title": "The ear", "text": "The cochlea hears. Inner hair cells turn sound into signals."}
{"_id": "owl", "title": "Owls", "text": "An owl has a deep fovea in each eye and hunts at night."}
{"_id": "mole", "text": "A mole sees little and lives below the ground."}
END
}

# The last line of every script.
finish() {
    echo "$n_checks checks, $n_failed failed"
    [ "$n_failed" -eq 0 ] && [ "$n_checks" -gt 0 ]
    exit
}
