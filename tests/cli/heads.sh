#!/bin/sh
# Heads chosen from outside: a profile that serves, odd judgements, slips.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
mkdir -p models/tiny data/qrels
export FOVEA_MODELS="$tmp/models"
"$builddir/tests/write_tiny" decoder models/tiny >out || {
    echo "no model was written"
    exit 1
}
awk 'BEGIN { for (i = 0; i < 24; i++) printf "{\"_id\": \"d%d\", \"text\": \"the eye number %d has word%d and word%d\"}\n", i, i, i % 7, i % 5 }' >data/corpus.jsonl
awk 'BEGIN { for (i = 0; i < 24; i++) printf "{\"_id\": \"q%d\", \"text\": \"word%d word%d\"}\n", i, i % 7, i % 5 }' >data/queries.jsonl

# judge FILE GRADE...: two documents of each query, with these grades in turn
judge() {
    file=$1
    shift
    awk -v grades="$*" 'BEGIN {
        n = split(grades, g, " ")
        print "query-id\tcorpus-id\tscore"
        for (i = 0; i < 24; i++) {
            printf "q%d\td%d\t%s\n", i, i, g[i % n + 1]
            printf "q%d\td%d\t%s\n", i, (i + 7) % 24, g[(i + 1) % n + 1]
        }
    }' >"data/qrels/$file.tsv"
}
judge train 1 2
judge odd 1 64 100 2147483647 -5
judge beyond 1 9999999999

# figures NAME: of the last run's JSON, those of a field, one a line
figures() { grep -oE "\"$1\":[-+.e0-9]+" out | sed 's/.*://'; }

run heads tiny data --index-dir indexes --depth 6 --out p.json --name mine -q
code_is 0
[ -s p.json ] || fail "no profile was written"
run search indexes/data* "word3" --rerank stored:tiny:p.json --run tag -q
code_is 0
out_has "^1 Q0 d"

# a gain is a grade, however large, and nDCG stays between 0 and 1
run heads tiny data:odd --index-dir indexes --depth 6 -q --json
code_is 0
is_json out
n_checks=$((n_checks + 1))
{
    figures first_stage_ndcg
    figures alone
    figures fused
} >all
awk '$1 < 0 || $1 > 1.000001 { exit 1 } END { exit NR < 10 }' all || fail "nDCG is not in 0..1"
run heads tiny data:beyond --index-dir indexes --depth 6 -q
code_is 1
err_is_a_line
err_has "beyond.tsv:3: grade '9999999999' is out of range"

run heads tiny data --name 'a/b'
code_is 2
err_is_a_line
err_has "without a slash"

finish
