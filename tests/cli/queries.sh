#!/bin/sh
# Phrases and beginnings of words: where they count (a query, a conversation) and where quotes are text (runs, evaluation).
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
cat >notes.jsonl <<'END'
{"_id": "n1", "title": "Permissions", "text": "Access denied: the config file is as it is written.", "year": 2020}
{"_id": "n2", "title": "Access", "text": "Denied by the server, which was configured so.", "year": 2021}
{"_id": "n3", "title": "Denied access", "text": "It is written as it is in the configuration.", "year": 2022}
{"_id": "n4", "title": "Others", "text": "Nothing of the kind.", "year": 2023}
END
run index ix notes.jsonl --model none
code_is 0

# finds "DOCNO..." QUERY [ARG...]: the hits, in any order, are these
finds() {
    want=$1
    shift
    run search ix "$@" --json
    if [ -n "$want" ]; then code_is 0; else code_is 3; fi
    is_json out
    n_checks=$((n_checks + 1))
    got=$(grep -o '"docno":"[^"]*"' out | sort | sed 's/.*:"\(.*\)"/\1/' | tr '\n' ' ')
    [ "$got" = "$want" ] || fail "finds $got"
}
finds "n1 n2 n3 " 'access denied'
finds "n1 " '"access denied"'
finds "n1 n2 n3 " '"access denied"' --plain
finds "n1 n2 n3 " 'access denied"'
finds "n1 " '"as it is written"'
finds "n3 " '"written as it is"'
finds "n1 n3 " '"written" access'
finds "n3 " '"denied access" "configuration"'
finds "" '"access denied" "configuration"'
finds "n1 n2 n3 " 'confi*'
finds "n1 n2 n3 " 'configure* files*'
finds "" 'confi*' --plain
finds "" 'c*'
finds "n1 " '"access denied"' --where 'year < 2021'
finds "" '"access denied"' --where 'year > 2020'
finds "n4 " '"of the" kind'
run search ix 'confi*' --explain
code_is 0
out_has "all that begin so: in 3 of 4"

# marked where they are found
run search ix 'serv*' --json
out_has '"snippet":"Denied by the server, .*"matches":\[\[14,20\]\]'

# runs and files of queries are plain text
run search ix '"access denied"' --run tag
code_is 0
out_has " n2 "
printf 'q1\t"access denied"\n' >queries.tsv
run search ix --queries queries.tsv
code_is 0
out_has "^q1 Q0 n2 "
out_has "^q1 Q0 n3 "

# a conversation
printf '"access denied"\nconfi*\n"\n' >lines
"$fovea" search ix <lines >out 2>err
said="a conversation"
code=$?
code_is 0
out_has "Permissions"
n_checks=$((n_checks + 1))
[ "$(grep -c '^ *[0-9]' out)" = 4 ] || fail "four hits are expected"
"$fovea" search ix --plain <lines >out 2>err
code=$?
code_is 0
n_checks=$((n_checks + 1))
[ "$(grep -c '^ *[0-9]' out)" = 3 ] || fail "three hits are expected"

run help queries
code_is 0
out_has "access denied"

finish
