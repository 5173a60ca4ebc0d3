#!/bin/sh
# Indexes with --fields: what weights do to rankings, what is recorded, and what is no list of fields.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
cat >papers.jsonl <<'END'
{"_id": "p1", "title": "Owls at night", "text": "Birds of prey hunt in the dark.", "keywords": ["raptor", "hearing"], "year": 2021}
{"_id": "p2", "title": "Hearing", "text": "The owl hears a mouse below the snow, and the owl flies.", "metadata": {"keywords": "ear"}}
{"_id": "p3", "title": "Moles", "text": "They live below the ground.", "keywords": "digging"}
END

# first: the best hit is this
first() {
    run search "$1" "$2" --run tag
    code_is 0
    got=$(awk 'NR == 1 { print $3 }' out)
    [ "$got" = "$3" ] || fail "the first is $got"
}

run index ix papers.jsonl --model none
code_is 0
first ix owl p2
run search ix raptor
code_is 3
run info ix
out_has "fields +title:1,headings:1,text:1"

run index weighted papers.jsonl --model none --fields "keywords:2, title:10,year:1"
code_is 0
err_is_empty
first weighted owl p1
first weighted raptor p1
first weighted ear p2
first weighted 2021 p1
first weighted hearing p2
run search weighted hearing --explain
out_has "\(11 times\)"
out_has "\(2 times\)"
run info weighted
out_has "fields +title:10,headings:1,text:1,keywords:2,year:1"
run info weighted --json
out_has '"fields":"title:10,headings:1,text:1,keywords:2,year:1"'
run check weighted
code_is 0

# the recorded fields stay, named or not; others are refused
printf '%s\n' '{"_id": "p3", "title": "Moles", "text": "They live below the ground.", "keywords": "digger"}' >more.jsonl
run index weighted more.jsonl
code_is 0
out_has "1 updated"
run search weighted digging
code_is 3
first weighted digger p3
run index weighted more.jsonl --fields "year:1.0,title:10,keywords:2"
code_is 0
out_has "1 unchanged"
run index weighted more.jsonl --fields title:10
code_is 1
err_has "was made with fields 'title:10,headings:1,text:1,keywords:2,year:1'"

# what is no list leaves no index behind
for list in "" "title" "title:x" "title:0.3" "title:65" "title:1,title:2" "title:0,text:0,headings:0" "a b:1"; do
    run index none papers.jsonl --model none --fields "$list"
    code_is 2
    out_is_empty
    err_has "^fovea index: --fields: fields '"
    [ ! -e none ] || fail "an index was left behind"
done

finish
