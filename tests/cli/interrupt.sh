#!/bin/sh
# Ctrl-C: nothing half is committed, what stands is said, the same command goes on from there.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
awk 'BEGIN { for (i = 0; i < 200000; i++) printf "{\"_id\": \"d%d\", \"text\": \"fovea number %d of many, word%d\"}\n", i, i, i % 977 }' >big.jsonl

n=0
interrupt() {
    said="fovea index, then SIG$1"
    # A shell's background jobs ignore SIGINT: the program sets its own handler.
    "$fovea" index ix big.jsonl --model none --commit-every 1000 -q >out 2>err &
    child=$!
    tries=0
    # until there is a commit of this run
    until "$fovea" info ix --json >now 2>/dev/null && ! grep -q "\"documents\":$n," now || [ $tries -gt 200 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    kill -"$1" $child
    wait $child
    code=$?
    code_is "$2"
    out_is_empty
    err_has "interrupted; [0-9,]+ documents .* run the same command again"
    run info ix --json
    n=$(sed 's/.*"documents":\([0-9]*\).*/\1/' out)
    [ $((n % 1000)) -eq 0 ] || fail "$n documents are not whole commits"
    run check ix
    code_is 0
}
interrupt INT 130
interrupt TERM 143
before=$n
run index ix big.jsonl --commit-every 50000 --json
code_is 0
out_has "\"added\":$((200000 - before)),\"updated\":0,\"unchanged\":$before,"
run info ix --json
out_has '"documents":200000'

finish
