#!/bin/sh
# One process searches while another indexes; two that write take turns or say so.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
write_corpus corpus.jsonl
run index ix corpus.jsonl --model none
code_is 0
awk 'BEGIN { for (i = 0; i < 30000; i++) printf "{\"_id\": \"d%d\", \"text\": \"fovea number %d of many, word%d\"}\n", i, i, i % 977 }' >big.jsonl

"$fovea" index ix big.jsonl --commit-every 500 -q >writer.out 2>writer.err &
writer=$!
n=0
before=0
while kill -0 $writer 2>/dev/null; do
    run search ix "retina" --run r
    code_is 0
    out_has "^1 Q0 eye 1 "
    run info ix --json
    code_is 0
    now=$(sed 's/.*"documents":\([0-9]*\).*/\1/' out)
    [ "$now" -ge "$before" ] || fail "the index shrank from $before to $now documents"
    # whole commits only: 4 documents and then 500 at a time
    [ $(((now - 4) % 500)) -eq 0 ] || fail "half a commit is visible: $now documents"
    before=$now
    n=$((n + 1))
done
wait $writer
code=$?
said="the writer"
cp writer.err err
cp writer.out out
code_is 0
echo "$n searches while indexing"
[ "$n" -ge 2 ] || fail "the writer was done before a reader could look"
run check ix
code_is 0
out_has "ok: 30,004 documents"

# two writers: each either does its work or says that the file is locked; nothing is lost
awk 'BEGIN { for (i = 0; i < 5000; i++) printf "{\"_id\": \"a%d\", \"text\": \"alpha %d\"}\n", i, i }' >a.jsonl
awk 'BEGIN { for (i = 0; i < 5000; i++) printf "{\"_id\": \"b%d\", \"text\": \"beta %d\"}\n", i, i }' >b.jsonl
"$fovea" index ix a.jsonl --commit-every 500 -q >a.out 2>a.err &
first=$!
"$fovea" index ix b.jsonl --commit-every 500 -q >b.out 2>b.err &
second=$!
wait $first
first=$?
wait $second
second=$?
for file in a b; do
    run index ix $file.jsonl -q
    code_is 0
done
run check ix
code_is 0
out_has "ok: 40,004 documents"
echo "two writers ended with $first and $second"
[ "$first" -eq 0 ] || [ "$second" -eq 0 ] || fail "both writers failed: $(cat a.err b.err)"

finish
