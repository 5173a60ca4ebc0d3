#!/bin/sh
# An index comes into being, grows, changes, shrinks; bad input; formats; standard input.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
write_corpus corpus.jsonl

run index ix corpus.jsonl --model none
code_is 0
err_is_empty
out_has "4 added"
out_has "by words only"
run search ix fovea
code_is 0
out_has "eye"
out_has "owl"
out_lacks "mole"
run search ix "which part of the retina sees?"
out_has "^ *1 +[0-9.]+ +eye$"
run search ix the retina unquoted
out_has "eye"

# nothing is found: code 3
run search ix xyzzy
code_is 3
out_is_empty
err_has "nothing found"
run search ix xyzzy --json
code_is 3
out_has '"hits":\[\]'
err_is_empty

# again: nothing to do
run index ix corpus.jsonl
code_is 0
out_has "0 added, 4 unchanged"

# a file without an index, as a killed run leaves it, gets what a new one gets
: >empty.fovea
export FOVEA_MODELS="$tmp/none" XDG_DATA_HOME="$tmp/none"
run index empty.fovea corpus.jsonl
code_is 0
err_has "finds words but not meaning"
run index empty.fovea corpus.jsonl
code_is 0
err_is_empty
unset FOVEA_MODELS XDG_DATA_HOME

# an update and a new document
printf '%s\n' '{"_id": "eye", "title": "The eye", "text": "The retina lines it."}' \
    '{"_id": "nose", "text": "The nose smells roses."}' >more.jsonl
run index ix more.jsonl --json
is_json out
out_has '"added":1,"updated":1,"unchanged":0'
run search ix sharpest
code_is 3
run search ix roses
out_has nose

# deleting
run index ix --delete nose --delete nobody
code_is 3
out_has "1 deleted"
err_has "no document 'nobody'"
run search ix roses
code_is 3
run index ix --delete owl --merge
code_is 0
printf 'a\tb\n' >one.tsv
run index one.fovea one.tsv --model none
out_has "^1 document, "
run check one.fovea
out_has "ok: 1 document, 1 passage checked"
run info ix --json
out_has '"documents":3,"passages":3,"deleted_passages":0'
out_has '"segments":1'
run info ix --recall
code_is 1
err_has "no dense leg"
run check ix
code_is 0
out_has "ok: 3 documents"

# standard input, other fields
printf '%s\n' '{"url": "u1", "name": "N", "content": "Peculiar content."}' >fields.jsonl
"$fovea" index ix - --format jsonl --id-field url --title-field name --text-field content \
    <fields.jsonl >out 2>err
code=$?
code_is 0
run search ix peculiar --json
out_has '"docno":"u1"'
out_has '"title":"N"'

# other formats: all must give the same ranking
mkdir -p beir text
cp corpus.jsonl beir/corpus.jsonl
printf 'd1\tThe title one\tall about lemurs\nd2\tThe title two\tall about ibexes\n' >two.tsv
printf 'all about lemurs\n' >text/d1.txt
printf '# Ibex\n\nall about ibexes\n' >text/d2.md
run index beir.fovea beir --model none -q
code_is 0
run search beir.fovea fovea --run r
cp out by-beir
run index jsonl.fovea corpus.jsonl --model none -q
run search jsonl.fovea fovea --run r
same out by-beir
gzip -k corpus.jsonl
run index gz.fovea corpus.jsonl.gz --model none -q
run search gz.fovea fovea --run r
same out by-beir
run index tsv.fovea two.tsv --model none
code_is 0
run search tsv.fovea ibex
out_has d2
run index text.fovea text --model none
code_is 0
run search text.fovea lemur
out_has d1

# an index in the folder that it is made from is no document of it, nor is what SQLite keeps there
for i in 1 2; do
    (cd text && "$fovea" index ./own.fovea . --model none) >out 2>err
    code=$?
    said="fovea index ./own.fovea . ($i)"
    code_is 0
    err_is_empty
    out_has "^2 documents, "
done
rm text/own.fovea*

# a bad line: file, line, reason; nothing of it stands
{ cat corpus.jsonl; echo '{"_id": "broken", "text": '; } >bad.jsonl
run index bad.fovea bad.jsonl --model none
code_is 1
err_has "bad.jsonl:5: "
err_has "skip-bad"
err_has "nothing was committed"
run index ones.fovea bad.jsonl --model none --commit-every 1
code_is 1
err_has "4 documents of this run are committed and safe"
echo "this is no JSON" >broken.jsonl
run index never.fovea broken.jsonl --model none
code_is 1
[ ! -e never.fovea ] || fail "a corpus that cannot be read left an index behind"
run index bad.fovea bad.jsonl --model none --skip-bad
code_is 0
out_has "1 bad"
err_has "skipped: .*bad.jsonl:5: "
run index bad.fovea bad.jsonl --model none --skip-bad --json -q
is_json out
out_has '"bad":1'
err_is_empty

# what is said to be committed is: a document that waits for its commit and comes again is not
awk 'BEGIN { for (i = 0; i < 5; i++) print "{\"_id\": \"same\", \"text\": \"again\"}"; print "{" }' >again.jsonl
run index again.fovea again.jsonl --model none
code_is 1
err_has "nothing was committed: the index is as it was before"
# nor are deletions, before the commit that they belong to
run index deleting.fovea corpus.jsonl --model none
printf '%s\n' '{"_id": "new", "text": "new"}' '{' >half.jsonl
run index deleting.fovea half.jsonl --delete owl
code_is 1
err_has "nothing was committed: the index is as it was before"
run search deleting.fovea owl
code_is 0

# what ends a file early cannot be passed over, and nobody is told so
awk 'BEGIN { for (i = 0; i < 5000; i++) print "{\"_id\": \"d" i * 7919 % 5000 "\", \"text\": \"some\"}" }' | gzip >whole.jsonl.gz
head -c $(($(wc -c <whole.jsonl.gz) / 2)) whole.jsonl.gz >cut.jsonl.gz
run index cut.fovea cut.jsonl.gz --model none
code_is 1
err_has "cut.jsonl.gz' is a damaged or cut-off gzip file"
n_checks=$((n_checks + 1))
! grep -q "skip-bad" err || fail "--skip-bad is offered where it cannot help"

# what an index is made with stays
run index words.fovea corpus.jsonl --model none --chunk words:5:2 --analyzer plain
code_is 0
out_has "4 documents in [0-9]+ passages"
run index words.fovea corpus.jsonl --chunk whole
code_is 1
err_has "words:5:2"
run index words.fovea corpus.jsonl --analyzer english
code_is 1
err_has "plain"
run index words.fovea corpus.jsonl
code_is 0
run search words.fovea "the eye" --passages -k 100 --json
is_json out
out_has '"passage":\[[0-9]+,[0-9]+\]'

# small commits give the same results
run index every.fovea corpus.jsonl --model none --commit-every 1 -q
run search every.fovea "fovea of the eye sees" --run r
cp out by-ones
run search jsonl.fovea "fovea of the eye sees" --run r
same out by-ones

# queries from a file, and a conversation
printf '%s\n' '{"_id": "q1", "text": "fovea"}' '{"_id": "q2", "text": "xyzzy"}' \
    '{"_id": "q3", "text": "cochlea"}' >queries.jsonl
run search jsonl.fovea --queries queries.jsonl
code_is 0
out_has "^q1 Q0 eye 1 [0-9.]+ fovea-bm25$"
out_has "^q3 Q0 ear 1 "
out_lacks "^q2"
run search jsonl.fovea --queries queries.jsonl --run mine
out_has " mine$"
echo >no-queries.tsv
run search jsonl.fovea --queries no-queries.tsv
code_is 3
err_is_a_line
err_has "'no-queries.tsv' holds no queries"
printf 'fovea\n\nxyzzy\ncochlea\n' >lines
"$fovea" search jsonl.fovea <lines >out 2>err
code=$?
code_is 0
out_has "^# fovea"
out_has "^# cochlea"
"$fovea" search jsonl.fovea --json <lines >out 2>err
code=$?
code_is 0
[ "$(wc -l <out)" -eq 3 ] || fail "not three objects"
while read -r object; do
    echo "$object" >one
    is_json one
done <out

# what a terminal would obey is not passed on
printf '{"_id": "esc", "title": "T\\u001b]0;x\\u0007", "text": "an escape \\u001b[2J here"}\n' >esc.jsonl
run index esc.fovea esc.jsonl --model none
code_is 0
run search esc.fovea escape
out_has "escape"
printf 'escape \033[2J\n' | "$fovea" search esc.fovea >>out 2>err # a query is shown, too
# shellcheck disable=SC2016
[ "$(tr -d '\033\007' <out | wc -c)" -eq "$(wc -c <out)" ] || fail "control characters reach the terminal"

finish
