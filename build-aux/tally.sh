#!/bin/sh
# Adds up what `make check` ran: each Check program's own totals, and one for each shell test.
# usage: build-aux/tally.sh DIR [STATUS]      DIR holds the .log and .trs files, STATUS is make's
# Prints what failed, what was skipped and, alone on the last line, "N passed, N failed".
# Fails if anything failed or nothing ran. SPDX-License-Identifier: Apache-2.0
set -eu
dir=${1:?usage: tally.sh DIR [STATUS]}

find "$dir" -name '*.trs' | LC_ALL=C sort | while read -r trs; do
    echo "test ${trs%.trs} $(sed -n 's/^:test-result: *//p' "$trs")"
    cat "${trs%.trs}.log"
    echo
done | awk -v status="${2:-0}" '
function finish() { # counts the test that was read last
    if (name == "") return
    if (!totals && result == "SKIP") skipped++
    else if (!totals && result == "PASS") ok++
    else if (result != "PASS" && !bad_here) bad_here = 1 # it fell over outside its tests
    printf "%s: %s", name, result
    if (totals) printf ", %d of %d", ok, ok + bad_here
    print ""
    if (bad_here) printf "%s", said
    printf "%s", left_out
    passed += ok
    failed += bad_here
}

/^test [^ ]+ [A-Z]+$/ {
    finish()
    name = $2
    result = $3
    totals = ok = bad_here = 0
    said = left_out = ""
    next
}
/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$/ {
    gsub(/,/, "")
    totals++
    bad_here += $5 + $7
    ok += $3 - $5 - $7
    next
}
# parts of a Check program that said why they were not run, each reason once
name ~ /check_[a-z_]*$/ && /^skipped: / {
    if (!index(left_out, $0 "\n")) left_out = left_out "    " $0 "\n"
    next
}
# of a Check program its failed tests, of a shell test all it said
name ~ /check_[a-z_]*$/ ? /:[FE]:/ || /ERROR: / : NF { if (length(said) < 20000) said = said "    " $0 "\n" }

END {
    finish()
    if (status != 0 && failed == 0) {
        print "make check failed, but no test says so"
        failed++
    }
    if (skipped) printf "%d skipped\n", skipped
    printf "%d passed, %d failed\n", passed, failed
    exit failed > 0 || passed == 0
}'
