#!/bin/sh
# Searches with --where: what is kept, in every form of output, and what is no filter.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
cat >news.jsonl <<'END'
{"_id": "n1", "title": "Bank failures", "text": "Two banks failed in March.", "year": 2023, "source": "bbc", "tags": ["economy", "law"]}
{"_id": "n2", "title": "Podcast: banks", "text": "Why banks failed: a conversation.", "year": "2023", "source": "it's us", "tags": ["economy"]}
{"_id": "n3", "text": "When banks failed in 2008.", "year": 2008, "metadata": {"source": "bbc"}}
{"_id": "n4", "text": "Banks of rivers never failed."}
END
run index ix news.jsonl --model none
code_is 0

# keeps "DOCNO..." --where EXPR: the hits, in any order, are these
keeps() {
    want=$1
    run search ix "banks failed" --where "$2" --run tag
    if [ -n "$want" ]; then code_is 0; else code_is 3; fi
    n_checks=$((n_checks + 1))
    got=$(awk '{ print $3 }' out | sort | tr '\n' ' ')
    [ "$got" = "$want" ] || fail "$2 keeps $got"
}
keeps "n1 n2 n3 n4 " "docno != ''"
keeps "n1 n2 " "year >= 2020"
keeps "n1 n3 " "source = 'bbc'"
keeps "n1 " "year >= 2020 and source = 'bbc'"
keeps "n2 " "source = 'it''s us'"
keeps "n1 " "tags in ('law', 'tax') and not title ~ 'podcast'"
keeps "n3 n4 " "tags is null"
keeps "n4 " 'not "year" > 0'
keeps "" "year > 2023"
keeps "" "bogus = 1"

# ranks and scores are those without the filter
run search ix "banks failed" --run tag
awk '$3 == "n2" || $3 == "n1" { $4 = ++n; print }' out >want
run search ix "banks failed" --run tag --where "year = 2023"
same out want

# one query, many, JSON, a conversation
run search ix "banks" --where "year = 2008" --json
code_is 0
is_json out
out_has '"docno":"n3"'
out_lacks '"docno":"n1"'
run search ix "banks" --where "year = 2009" --json
code_is 3
is_json out
printf 'q1\tbanks failed\nq2\trivers\n' >queries.tsv
run search ix --queries queries.tsv --where "source is not null"
code_is 0
out_has "^q1 Q0 n1 "
out_lacks " n4 "
printf 'banks\n' >lines
"$fovea" search ix --where "docno = 'n4'" --run tag <lines >out 2>err
said="a conversation"
code=$?
code_is 0
out_has " n4 "
out_lacks " n1 "

# commits that come later are seen
printf '{"_id": "n5", "text": "More banks failed.", "year": 2023}\n' >more.jsonl
run index ix more.jsonl
code_is 0
keeps "n1 n2 n5 " "year = 2023"
run index ix --delete n1
code_is 0
keeps "n2 n5 " "year = 2023"

# what is no filter: code 2, one line with the column, and nothing was done
slip() {
    run search ix banks --where "$2"
    code_is 2
    out_is_empty
    err_is_a_line
    err_has "$1"
}
slip "^fovea search: --where: column 8: a value is expected after '>='" "year >="
slip "column 8: a value is expected; text stands in quotes: 'bbc'" "year = bbc"
slip "column 1: a field is expected" ""
slip "column 9: ';' means nothing here" "year = 1; drop table fovea_documents"
slip "no number; text stands in quotes" "year > 2023-01-01"
run check ix
code_is 0

finish
