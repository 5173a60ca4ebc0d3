#!/bin/sh
# Scoring a run: the digits and the layout of trec_eval; whole collections to a table.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"

# Two queries, by hand.  q1: relevant d1 (rank 1), d3 (rank 3); q2: relevant d9 (not found).
cat >qrels <<'END'
q1 0 d1 1
q1 0 d2 0
q1 0 d3 1
q2 0 d9 1
q3 0 d1 1
END
cat >run.txt <<'END'
q1 Q0 d1 1 3.0 t
q1 Q0 d2 2 2.0 t
q1 Q0 d3 3 1.0 t
q2 Q0 d1 1 1.0 t
END
tab=$(printf '\t')
run eval run.txt qrels -m AP -m P@2 -m RR@10 -m R@100 -m num_q
code_is 0
err_has "notice: 1 judged query is not in the run: left out"
out_has "^AP *${tab}all${tab}0.4167$"    # (1/1 + 2/3) / 2 = 0.8333, and 0
out_has "^P@2 *${tab}all${tab}0.2500$"
out_has "^RR@10 *${tab}all${tab}0.5000$"
out_has "^R@100 *${tab}all${tab}0.5000$"
out_has "^num_q *${tab}all${tab}2$"
run eval run.txt qrels -m AP -c
out_has "^AP *${tab}all${tab}0.2778$"    # q3 counts as 0
run eval run.txt qrels -m AP -q
out_has "^AP *${tab}q1${tab}0.8333$"
out_has "^AP *${tab}q2${tab}0.0000$"
run eval run.txt qrels -m num_ret -m num_rel -M 2 --quiet
err_is_empty
out_has "^num_ret *${tab}all${tab}3$"
out_has "^num_rel *${tab}all${tab}3$"
run eval run.txt qrels
code_is 0
out_has "^nDCG@10 *${tab}all${tab}0\.[0-9]{4}$"
run eval run.txt qrels -q --json
code_is 0
is_json out
out_has '"q1":\{'
"$fovea" eval - qrels -m AP <run.txt >out 2>err
code=$?
code_is 0
out_has "0.4167"
echo "q1 Q0 d1 1" >broken.txt
run eval broken.txt qrels
code_is 1
err_is_a_line
err_has "broken.txt:1: "
echo "x 0 d1 1" >other
run eval run.txt other
code_is 1
err_is_a_line

# lists, as trec_eval takes them; a measure that is named twice is one member of the JSON
run eval run.txt qrels -m ndcg_cut.1,5 -m "P(rel=1)@1,2,RR@10" -m iprec_at_recall_.5,.6 --quiet
code_is 0
[ "$(cut -f1 out | tr -s ' \n' ' ')" = "ndcg_cut_1 ndcg_cut_5 P(rel=1)@1 P(rel=1)@2 RR@10 iprec_at_recall_.5 iprec_at_recall_.6 " ] ||
    fail "a list of measures is not what it says"
run eval run.txt qrels -m "RBP(p=0.5, rel=1)@1,2,infAP" --quiet
[ "$(cut -f1 out | tr -s ' \n' ' ')" = "RBP(p=0.5,rel=1)@1 RBP(p=0.5,rel=1)@2 infAP " ] ||
    fail "the parameter is not kept apart from the cut-offs"
out_has "^RBP.p=0.5,rel=1.@2 *${tab}all${tab}0.2500$"
run eval run.txt qrels -m RR@10,AP -m AP --json --quiet
out_has '"measures":\{"RR@10":0.5,"AP":0.4166[0-9]*\}\}$'

# A whole collection.
mkdir -p tiny/qrels
write_corpus tiny/corpus.jsonl
printf '%s\n' '{"_id": "q1", "text": "fovea of the eye"}' '{"_id": "q2", "text": "hearing cells"}' \
    '{"_id": "q3", "text": "never judged"}' '{"_id": "mole", "text": "mole sees little"}' \
    '{"_id": "owl", "text": "an owl at night"}' >tiny/queries.jsonl
printf 'query-id\tcorpus-id\tscore\nq1\teye\t1\nq2\tear\t1\nmole\teye\t1\nowl\towl\t1\n' >tiny/qrels/test.tsv
run eval beir tiny --systems bm25 --runs runs
code_is 0
out_has "^tiny +bm25 +[01]\.[0-9]{4} +[01]\.[0-9]{4}"
err_has "4 documents indexed"
run eval beir tiny/ --systems bm25
out_has "^tiny +bm25 +1\.0000 +1\.0000"
said="the run of eval beir"
cp runs/tiny.bm25.run out
out_has "^q1 Q0 eye 1 "
out_lacks "^q3"
out_lacks "^mole Q0 mole"   # the query itself
out_has "^owl Q0 owl 1 "    # another text under the same id
run eval beir tiny --systems bm25 --json
code_is 0
is_json out
err_is_empty                 # the index is there already
out_has '^\{"rows":\[\{"dataset":"tiny","system":"bm25","measures":\{"nDCG@10":[0-9.]+,"R@100":[0-9.]+\},"seconds":[0-9.e-]+\}\]\}$'
# systems are tested against the first
run eval beir tiny --systems bm25,bm25 --test t
code_is 0
out_has "^compared with bm25: t-test, two-sided; Holm's correction for 2 comparisons$"
out_has "^tiny +R@100 +bm25 +([01]\.[0-9]{4}) +[01]\.[0-9]{4} +0\.0000 +0 +4 +0 +1\.0000 +1\.0000$"
run eval beir tiny --systems bm25,bm25 --test wilcoxon --json
is_json out
out_has '"seconds":[0-9.e-]+\}\],"test":"wilcoxon","n_comparisons":2,"comparisons":\[\{"dataset":"tiny",.*"p_holm":1,'
run eval beir tiny --systems bm25 --test t
code_is 2
err_is_a_line
err_has "give --systems two or more"
# its own run gives its own figures
run eval runs/tiny.bm25.run tiny -m nDCG@10 -m R@100 -c --json
cp out by-run
run eval beir tiny --systems bm25 --json
[ "$(sed 's/.*"measures":\({[^}]*}\).*/\1/' out)" = "$(sed 's/.*"measures":\({[^}]*}\).*/\1/' by-run)" ] ||
    fail "eval and eval beir disagree"
# documents that are gone from the collection may not stay in the index
sed -i '$d' tiny/corpus.jsonl
run eval beir tiny --systems bm25
code_is 1
err_is_a_line
err_has "1 documents? that are not in"

# a model that is named and not there is an error; without a name it is a notice
run eval beir tiny --model nosuch
code_is 1
err_is_a_line
err_has "no model 'nosuch'"
out_is_empty
run eval beir tiny --model none
code_is 1
err_has "1 documents? that are not in"

run eval beir "$srcdir/corpora/data/cranfield" --systems bm25 --index-dir ixs --json
code_is 0
is_json out
out_has '"dataset":"cranfield"'
[ -f ixs/cranfield.fovea ] || fail "--index-dir is not used"

finish
