#!/bin/sh
# Comparing runs with a baseline: what is paired, the three tests, the correction, slips.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"

# Eight queries with one relevant document; "good" finds it at rank 1, "base" at rank 2 or, for q8, also at 1.
for q in 1 2 3 4 5 6 7 8; do
    echo "q$q 0 rel 1" >>qrels
    echo "q$q Q0 rel 1 9 t" >>good.run
    printf 'q%s Q0 other 1 9 t\nq%s Q0 rel 2 8 t\n' $q $q >>low.run
done
sed 's/^\(q8 Q0 rel\) 2 8 t/\1 1 10 t/' low.run >base.run

run compare qrels base.run good.run -m RR -t randomisation
code_is 0
err_is_empty
out_has "^8 queries paired with base.run$"
out_has "^randomisation test, two-sided; Holm's correction for 1 comparison$"
# 7 wins of 1/2 each, so p = 2 / 2^7
out_has "^RR +good.run +0\.5625 +1\.0000 +\+0\.4375 +7 +1 +0 +0\.0156 +0\.0156 \*$"
run compare qrels base.run good.run -m RR -t wilcoxon
out_has "^RR +good.run .* 7 +1 +0 +0\.0156 +0\.0156 \*$"
run compare qrels base.run good.run -m RR          # t = 7: sqrt(8) * 0.4375 / 0.17678
out_has "^RR +good.run .* 7 +1 +0 +0\.0002 +0\.0002 \*$"
run compare qrels good.run base.run -m RR
out_has "^RR +base.run +1\.0000 +0\.5625 +-0\.4375 +0 +1 +7 +0\.0002"

# all rows are corrected together; a run against itself has p 1
run compare qrels base.run good.run base.run low.run -m RR -m nDCG@10 -t randomisation
code_is 0
out_has "for 6 comparisons"
out_has "^RR +good.run .* 0\.0156 +0\.0938$"       # 6 * 2/128, and no star
out_has "^RR +.*base.run +0\.5625 +0\.5625 +0\.0000 +0 +8 +0 +1\.0000 +1\.0000$"
out_lacks '\*'
run compare qrels base.run good.run low.run -m RR -t randomisation --json
code_is 0
is_json out
out_has '^\{"n_queries":8,"n_judged":8,"baseline":"base.run","test":"randomisation","n_comparisons":2,'
out_has '"run":"good.run","n_queries":8,"baseline_mean":0.5625,"mean":1,"difference":0.4375,"wins":7,"ties":1,"losses":0,'
out_has '"statistic":0.4375,"p":0.015625,"p_holm":0.03125,"exact":true\}'

# samples come from the seed
awk 'BEGIN {
    for (q = 0; q < 60; q++) {
        print q " 0 d 1" >"many.qrels"
        for (run = 1; run <= 2; run++) {
            at = (q * q * (run + 3) + 7 * run) % 11
            for (i = 0; i <= at; i++)
                print q " Q0 " (i == at ? "d" : "x" i) " 0 " (20 - i) " t" >("many" run)
        }
    }
}' </dev/null
run compare many.qrels many1 many2 -m RR -t randomisation --json --samples 5000
code_is 0
out_has '"exact":false'
cp out first
run compare many.qrels many1 many2 -m RR -t randomisation --json --samples 5000 --seed 0
same out first
run compare many.qrels many1 many2 -m RR -t randomisation --json --samples 5000 --seed 1
! cmp -s out first || fail "the seed does nothing"

# queries that a run lacks
grep -v "^q[78]" good.run >six.run
run compare qrels base.run good.run six.run -m RR
code_is 0
err_is_a_line
err_has "six.run lacks 2 of the 8 judged queries: left out of all runs"
out_has "^6 queries paired"
out_has "^RR +good.run +0\.5000 +1\.0000 "
run compare qrels base.run good.run six.run -m RR -c
err_has "six.run lacks 2 of the 8 judged queries: they count as 0"
out_has "^8 queries paired"
out_has "^RR +six.run +0\.5625 +0\.7500 "
run compare qrels base.run six.run -m RR -q
err_is_empty

# what the t-test cannot do
grep "^q1 " good.run >one.run
run compare qrels base.run one.run -m RR -q
code_is 0
out_has "^1 query paired"
out_has "for 0 comparisons"
out_has " 1 +0 +0 +- +-$"
out_has "^- no p: the t-test wants two queries"
run compare qrels base.run one.run -m RR -q --json
is_json out
out_has '"statistic":null,"p":null,"p_holm":null'
run compare qrels low.run good.run -m RR       # all differ by 1/2
out_has " 8 +0 +0 +- +-$"
run compare qrels base.run one.run -m RR -q -t randomisation
out_has " 1 +0 +0 +1\.0000 +1\.0000$"

# two of one name are told apart by their folders; standard input; a BEIR folder
mkdir -p new beir/qrels
cp good.run new/base.run
run compare qrels base.run new/base.run -m RR
out_has "^RR +new/base.run "
said="fovea compare qrels - good.run <base.run"
"$fovea" compare qrels - good.run -m RR <base.run >out 2>err
code=$?
code_is 0
out_has "^8 queries paired with -$"
sed 's/ 0 rel / rel /' qrels | tr ' ' '\t' >beir/qrels/test.tsv
run compare beir base.run good.run -m RR
code_is 0
out_has "^RR +good.run +0\.5625"

slip() {
    pattern=$1
    shift
    run "$@"
    code_is 2
    out_is_empty
    err_is_a_line
    err_has "$pattern"
}
slip "something is missing: fovea compare QRELS BASELINE RUN" compare qrels base.run
slip "did you mean 'randomisation'" compare qrels base.run good.run -t randomization
slip "'num_ret' cannot be compared" compare qrels base.run good.run -m num_ret
slip "'gm_map' cannot be compared" compare qrels base.run good.run -m gm_map
slip "unknown measure 'x'" compare qrels base.run good.run -m x
slip "only one file can be standard input" compare qrels - -
slip "samples is '10': give a whole number from 1000" compare qrels base.run good.run --samples 10
failure() {
    pattern=$1
    shift
    run "$@"
    code_is 1
    out_is_empty
    err_is_a_line
    err_has "$pattern"
}
sed 's/^q/x/' good.run >other.run
failure "nowhere" compare nowhere base.run good.run
failure "nowhere" compare qrels base.run nowhere
failure "base.run:1: 5 columns or more" compare base.run qrels good.run
failure "other.run: no query of the run is judged" compare qrels base.run other.run
failure "qrels:1: " compare qrels qrels good.run
grep "^q2" good.run >two.run
failure "no judged query is in all runs" compare qrels one.run two.run -q
sed 's/ 9 t/ nan t/' good.run >nan.run
failure "nan.run:1: " compare qrels base.run nan.run

finish
