#!/bin/sh
# Re-ranking from outside: searches, conversations, TREC runs, evaluation, slips.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
mkdir cross encoder tiny-models tiny-models/tiny
export FOVEA_MODELS="$tmp/tiny-models"
for kind in cross encoder decoder; do
    dir=$kind
    [ $kind = decoder ] && dir=tiny-models/tiny
    "$builddir/tests/write_tiny" $kind $dir >out || {
        echo "no model was written"
        exit 1
    }
done
cat >corpus.jsonl <<'END'
{"_id": "eye", "title": "The eye", "text": "The fovea is the part of the retina that sees sharpest."}
{"_id": "ear", "title": "The ear", "text": "The cochlea hears. Inner hair cells turn sound into signals, not the eye."}
{"_id": "owl", "title": "Owls", "text": "An owl has a deep fovea in each eye and hunts at night."}
{"_id": "mole", "text": "A mole sees little with its eye and lives below the ground."}
END
run index ix corpus.jsonl --model none
code_is 0

# docnos FILE: of a run or of JSON, in order
order() {
    if grep -q '^{' "$1"; then
        grep -o '"docno":"[^"]*"' "$1" | sed 's/.*:"\(.*\)"/\1/' | tr '\n' ' '
    else
        cut -d' ' -f3 "$1" | tr '\n' ' '
    fi
}

# the words of $1 and of $2 are the same in any order
same_set() {
    n_checks=$((n_checks + 1))
    [ "$(echo "$1" | tr ' ' '\n' | sort)" = "$(echo "$2" | tr ' ' '\n' | sort)" ] || fail "'$1' is no permutation of '$2'"
}

# ---- fovea search ----
run search ix "eye fovea" --run tag
cp out first
run search ix "eye fovea" --rerank cross-encoder:cross --run tag
code_is 0
err_is_a_line
err_has "notice: of 2 of 4 passages only the beginning is read$" # the model has little room
same_set "$(order out)" "$(order first)"
cp out reranked
run search ix "eye fovea" --rerank cross-encoder:cross --rerank-depth 1 --run tag
n_checks=$((n_checks + 1))
[ "$(order out)" = "$(order first)" ] || fail "one hit re-ranked is another order"
run search ix "eye fovea" --rerank cross-encoder:cross --first-stage 1000 --run tag
n_checks=$((n_checks + 1))
[ "$(order out)" = "$(order first)" ] || fail "the first stage has no weight"
run search ix "eye fovea" -r cross-encoder:cross -k 2 --json
code_is 0
is_json out
out_has '"system":"bm25","reranker":"cross-encoder"'
out_has '"cross-encoder":\{"rank":1,'
out_has '"first_rank":[1-4],"first_score":[0-9.]+'
run search ix "eye fovea" --json
out_lacks 'first_rank'
out_lacks 'reranker'
run search ix "eye fovea" -r cross-encoder:cross --explain
out_has "^ +cross-encoder: reading -?[0-9.]+, rank 1; first stage [0-9.]+, rank [1-4]$"
out_has "^ +bm25 "
long=$(awk 'BEGIN { for (i = 0; i < 5000; i++) printf "eye " }')
run search ix "$long" -r cross-encoder:cross --run tag
code_is 0
err_is_a_line
err_has "notice: the query has 5000 tokens"
run search ix "$long" -r cross-encoder:cross --run tag -q
err_is_empty
run search ix "nothingofthekind" -r cross-encoder:cross -q
code_is 3
printf 'q1\teye fovea\nq2\teye\n' >queries.tsv
run search ix --queries queries.tsv -r cross-encoder:cross
code_is 0
out_has "^q1 Q0 [a-z]+ 1 .* fovea-bm25\+cross-encoder$"
run search ix --queries queries.tsv
cp out bm25.run

# ---- fovea rerank ----
run rerank bm25.run --queries queries.tsv --index ix -m cross-encoder:cross
code_is 0
err_has "cross: bert, 2 layers"
err_has "cross-encoder: 2 queries, up to 20 documents each: median .*, 99th percentile "
out_has "^q1 Q0 [a-z]+ 1 -?[0-9.e-]+ fovea-bm25\+cross-encoder$"
cp out by-index
run rerank bm25.run --queries queries.tsv --index ix -m cross-encoder:cross -q
err_is_empty
same out by-index
run rerank bm25.run --queries queries.tsv --corpus corpus.jsonl -m cross-encoder:cross -q
same out by-index
run rerank bm25.run --queries queries.tsv --index ix -m cross-encoder:cross -q --shuffle 3
same out by-index
run rerank bm25.run --queries queries.tsv --index ix -m cross-encoder:cross -q --threads 1
same out by-index
grep '^q1' by-index | sed 's/ [^ ]*$//; s/^q1/1/' >q1
sed 's/ [^ ]*$//' reranked >out
same q1 out # a search and its run are re-ranked alike
"$fovea" rerank - --queries queries.tsv --index ix -m cross-encoder:cross -q --run mine <bm25.run >out 2>err
said="a run from standard input"
code=$?
code_is 0
out_has " mine$"
run rerank bm25.run --queries queries.tsv --index ix -m cross-encoder:cross -q --depth 1
n_checks=$((n_checks + 1))
[ "$(order out)" = "$(order bm25.run)" ] || fail "one document re-ranked is another order"
run rerank bm25.run --queries queries.tsv --index ix -m cross-encoder:cross -q --precision f32 --first-stage 0.5
code_is 0
same_set "$(order out)" "$(order bm25.run)"
run rerank bm25.run --queries queries.tsv --index ix -m cross-encoder:cross -q --json
code_is 0
n_checks=$((n_checks + 1))
[ "$(wc -l <out)" -eq 2 ] || fail "a query is not a line"
head -1 out >line
is_json line
out_has '"qid":"q1","query":"eye fovea","reranker":"cross-encoder","seconds":'
out_has '"first_rank":2,"first_score":[0-9.]+,"reading":-?[0-9.]+'

# what is missing is named
failing() {
    pattern=$1
    shift
    run rerank "$@" -q
    code_is 1
    err_is_a_line
    err_has "$pattern"
    out_is_empty
}
sed 's/ mole / badger /' bm25.run >odd.run
failing "odd.run: query 'q1': document 'badger' is not in ix \(3 of 4 are\)" odd.run --queries queries.tsv --index ix -m cross-encoder:cross
failing "document 'badger' is not in corpus.jsonl" odd.run --queries queries.tsv --corpus corpus.jsonl -m cross-encoder:cross
head -1 queries.tsv >one.tsv
failing "bm25.run: query 'q2' is not among the 1 queries of one.tsv" bm25.run --queries one.tsv --index ix -m cross-encoder:cross
failing "nosuch" nosuch --queries one.tsv --index ix -m cross-encoder:cross
failing "nosuch" bm25.run --queries queries.tsv --index nosuch -m cross-encoder:cross
failing "no model 'nosuch'" bm25.run --queries queries.tsv --index ix -m cross-encoder:nosuch
failing "is no cross-encoder" bm25.run --queries queries.tsv --index ix -m cross-encoder:encoder
failing "no default model" bm25.run --queries queries.tsv --index ix -m cross-encoder
sed 's/ 1 [0-9.]* fovea/ 1 nan fovea/' bm25.run >nan.run
failing "nan.run:1: score 'nan' is not a number" nan.run --queries queries.tsv --index ix -m cross-encoder:cross

# an empty query keeps what it has, and the others go on; nobody asks for its documents
{
    printf 'blank Q0 owl 1 7 t\nblank Q0 mole 2 -inf t\nblank Q0 nowhere 3 -inf t\n'
    cat bm25.run
    printf 'b2 Q0 eye 1 1 t\n'
} >blank.run
{
    printf 'blank\t \nb2\t\n'
    cat queries.tsv
} >blank.tsv
for source in "--index ix" "--corpus corpus.jsonl"; do
    # shellcheck disable=SC2086
    run rerank blank.run --queries blank.tsv $source -m cross-encoder:cross --run fovea-bm25+cross-encoder
    code_is 0
    err_has "^fovea: notice: 2 empty queries keep the order of the first stage: blank, b2$"
    err_has "cross-encoder: 2 queries"
    out_has "^b2 Q0 eye 1 1 "
    out_has "^blank Q0 owl 1 7 "
    out_has "^blank Q0 nowhere 2 -inf "
    grep '^q' out >others
    run rerank bm25.run --queries queries.tsv --index ix -m cross-encoder:cross -q
    same out others
done
run rerank blank.run --queries blank.tsv --index ix -m cross-encoder:cross --json -q
code_is 0
err_is_empty
out_has '"qid":"b2".*"note":"the query is empty.*"docno":"eye","score":1,"first_rank":1,"first_score":1'
out_has '"docno":"nowhere","score":null,'
run index both corpus.jsonl --model encoder
run search both --queries blank.tsv --run tag
cp out both.run
run search both --queries blank.tsv --run tag -r cross-encoder:cross
code_is 0
err_has "^fovea: notice: 2 empty queries keep the order of the first stage: blank, b2$"
n_checks=$((n_checks + 2))
[ "$(grep -c '^b' out)" -eq 8 ] || fail "an empty query has no hits"
[ "$(grep '^b' out)" = "$(grep '^b' both.run)" ] || fail "an empty query has other scores"

# an infinite score counts as the next one that is not
sed 's/ 1 [0-9.]* fovea/ 1 inf fovea/; s/ 4 [0-9.]* fovea/ 4 -inf fovea/' bm25.run >infinite.run
awk '$4 == 1 { $5 = 1e300 } $4 == 4 { $5 = -1e300 } { print }' bm25.run >large.run
sed 's/^q2.*//' bm25.run | awk 'NF { s[NR] = $5; l[NR] = $0 } END { for (i = 1; i <= NR; i++) if (l[i]) { split(l[i], w, " "); print w[1], w[2], w[3], w[4], i == 1 ? s[2] : i == 4 ? s[3] : s[i], w[6] } }' >clamped.run
for file in infinite large clamped; do
    run rerank $file.run --queries queries.tsv --index ix -m cross-encoder:cross -q --first-stage 0.5
    code_is 0
    grep '^q1' out >$file
done
same infinite large
same infinite clamped
: >empty.run
run rerank empty.run --queries queries.tsv --index ix -m cross-encoder:cross
code_is 3
err_has "holds no rankings"

# ---- slips ----
slip() {
    pattern=$1
    shift
    run "$@"
    code_is 2
    out_is_empty
    err_is_a_line
    err_has "$pattern"
}
slip "no re-ranking by 'psychic'; there are .*cross-encoder" search ix eye --rerank psychic
slip "ends with nothing" search ix eye --rerank cross-encoder:
slip "about --rerank METHOD" search ix eye --rerank-depth 5
slip "about --rerank METHOD" search ix eye --first-stage 1
slip "--queries" rerank bm25.run --index ix
slip "--index INDEX or --corpus PATH" rerank bm25.run --queries queries.tsv
slip "--index INDEX or --corpus PATH" rerank bm25.run --queries queries.tsv --index ix --corpus corpus.jsonl
slip "no re-ranking by 'x'" rerank bm25.run --queries queries.tsv --index ix -m x
slip "something is missing: fovea rerank" rerank
run index ix2 corpus.jsonl --model cross
code_is 1
err_has "is a cross-encoder"

# ---- fovea eval beir ----
mkdir -p mini/qrels
cp corpus.jsonl mini/
printf '{"_id": "q1", "text": "eye fovea"}\n{"_id": "q2", "text": "eye"}\n' >mini/queries.jsonl
printf 'query-id\tcorpus-id\tscore\nq1\teye\t1\nq2\tmole\t1\n' >mini/qrels/test.tsv
run eval beir mini --systems bm25 --rerank cross-encoder:cross --rerank cross-encoder:cross --rerank-depth 1 --runs runs -t t
code_is 0
out_has "^mini +bm25 +[01]"
out_has "^mini +bm25\+cross-encoder-cross +[01]"
out_has "^compared with bm25: t-test"
n_checks=$((n_checks + 1))
[ "$(order runs/mini.bm25.run)" = "$(order runs/mini.bm25+cross-encoder-cross.run)" ] || fail "one hit re-ranked is another order"
run eval beir mini --systems bm25 --rerank cross-encoder:cross --json
code_is 0
is_json out
out_has '"system":"bm25\+cross-encoder-cross"'
slip "about --rerank METHOD" eval beir mini --systems bm25 --rerank-depth 5
slip "no re-ranking by 'x'" eval beir mini --systems bm25 --rerank x

# ---- keys that an index stores, or not ----
stored=stored:tiny:tiny-models/tiny/profile.json
run search ix "eye fovea" --rerank $stored --run tag
code_is 0
err_is_a_line
err_has "notice: 4 of 4 passages have no stored keys and were read now; 'fovea attend'"
cp out made
run attend ix --profile tiny-models/tiny/profile.json --model tiny
code_is 0
run search ix "eye fovea" --rerank $stored --run tag
err_is_empty
same out made
run search ix "eye fovea" --rerank stored --run tag # what the index has keys for
err_is_empty
same out made
run search ix "eye fovea" --rerank stored --explain
out_has "^ +attends to [A-Za-z]+ 0\.[0-9]{2}, "
run search ix --queries queries.tsv --rerank stored --rerank-depth 20 --run tag -q
cp out searched
run rerank bm25.run --queries queries.tsv --index ix -m stored --depth 20 --run tag # keys of the index, as in a search
code_is 0
n_checks=$((n_checks + 1))
! grep -q notice err || fail "keys were made anew"
same out searched
run rerank bm25.run --queries queries.tsv --corpus corpus.jsonl -m $stored --depth 20 --run tag -q
same out searched # keys made now are the same
run rerank bm25.run --queries queries.tsv --index ix -m $stored -q
code_is 0
cp out by-index
run rerank bm25.run --queries queries.tsv --index ix -m $stored -q --shuffle 5
same out by-index
# what lies here and is called like a model, or like its profile, hides neither
cp by-index named
echo "no model" >tiny
echo "no profile" >smollm2
run rerank bm25.run --queries queries.tsv --index ix -m $stored -q
same out named
run search ix "eye fovea" --rerank stored:tiny:smollm2 # of another model, but read
code_is 1
err_has "profile 'smollm2' is for the model 'smollm2'"
run search ix "eye fovea" --rerank stored:./tiny
code_is 1
err_has "'./tiny' is no GGUF file|./tiny"
rm tiny smollm2
# a document of several passages counts as its best one
awk 'BEGIN { printf "{\"_id\": \"long\", \"text\": \""; for (i = 0; i < 60; i++) printf "Word%d says little of it. ", i; print "The fovea of the eye." "\"}" }' >long.jsonl
cat corpus.jsonl >>long.jsonl
run index parts long.jsonl --model none --chunk words:40:0 --attention tiny-models/tiny/profile.json:tiny
code_is 0
run search parts --queries queries.tsv -k 10 --run tag
cp out parts.run
run rerank parts.run --queries queries.tsv --index parts -m stored --run tag --json
code_is 0
n_checks=$((n_checks + 1))
[ "$(head -1 out | grep -o '"docno":"long"' | wc -l)" -eq 1 ] || fail "a document comes more than once, or not"
run rerank parts.run --queries queries.tsv --index parts -m stored --run tag -q
cp out by-index
same_set "$(order out)" "$(order parts.run)"
run rerank parts.run --queries queries.tsv --index parts -m stored --run tag -q --shuffle 7
same out by-index
# what was left out is said: once, and with --json of each passage
awk 'BEGIN { printf "{\"_id\": \"wordy\", \"text\": \"fovea eye"; for (i = 0; i < 320; i++) printf " e"; print "\"}" }' >wordy.jsonl
echo '{"_id": "void", "text": ""}' >>wordy.jsonl
cat corpus.jsonl >>wordy.jsonl
run index wordy wordy.jsonl --model none --attention tiny-models/tiny/profile.json:tiny
code_is 0
printf 'q1 Q0 wordy 1 3 t\nq1 Q0 void 2 2 t\nq1 Q0 eye 3 1 t\nq2 Q0 eye 1 2 t\nq2 Q0 void 2 1 t\n' >wordy.run
for method in stored icr:tiny:all icr-blocks:tiny:all; do
    run rerank wordy.run --queries queries.tsv --index wordy -m $method
    code_is 0
    err_has "notice: query 'q1': (3 candidates do not fit into one prompt: 2 windows; )?of 1 of 3 passages there is nothing to read$"
    err_has "notice: 1 more query with such notes"
    err_has "notice: of 1 of 5 candidates only the beginning was read"
    run rerank wordy.run --queries queries.tsv --index wordy -m $method -q --json
    err_is_empty
    out_has '"docno":"wordy"[^}]*"cut":true'
    out_lacks '"docno":"eye"[^}]*"cut":true'
    run search wordy "fovea eye" --rerank $method --json
    err_has "notice: .*of 1 of [0-9] passages only the beginning is read$"
    out_has '"note":"[^"]*of 1 of [0-9] passages only the beginning is read"'
    out_has '"docno":"wordy".*"cut":true'
    run search wordy "$long" --rerank $method --run tag
    said="a query of 5000 words by $method"
    code_is 0
    err_is_a_line
    err_has "notice: the query has [0-9]+ tokens, the first 400 are read; .*of 1 of "
done
for method in icr icr-blocks; do
    run rerank bm25.run --queries queries.tsv --corpus corpus.jsonl -m $method:tiny:all -q --depth 3
    code_is 0
    same_set "$(order out)" "$(order bm25.run)"
done
run rerank bm25.run --queries queries.tsv --index ix -m icr-blocks:tiny:all -q
cp out by-index
run rerank bm25.run --queries queries.tsv --index ix -m icr-blocks:tiny:all -q --shuffle 5
same out by-index
for _ in cold warm; do
    run rerank bm25.run --queries queries.tsv --index ix -m icr-blocks:tiny:all -q --block-cache blocks --block-cache-size 1
    code_is 0
    same out by-index
done
n_checks=$((n_checks + 1))
[ "$(find blocks -name '*.block' | wc -l)" -eq 4 ] || fail "not every block was kept"
run search ix --queries queries.tsv --system bm25 --rerank icr-blocks:tiny:all --run tag -q
cp out by-search
run search ix --queries queries.tsv --system bm25 --rerank icr-blocks:tiny:all --run tag -q --block-cache blocks
code_is 0
same out by-search
run search ix "eye" --rerank stored:tiny:all --block-cache blocks
code_is 2
err_has "block-cache is about --rerank icr-blocks, not stored"
run search ix "eye" --block-cache blocks
code_is 2
failing "cannot make the folder" bm25.run --queries queries.tsv --index ix -m icr-blocks:tiny:all --block-cache no/such/folder
run rerank bm25.run --queries queries.tsv --index ix -m icr:tiny:all -q --reversed --window 2 --wants answer
code_is 0
run eval beir mini --systems bm25 --rerank $stored
code_is 0
out_has "^mini +bm25\+stored-tiny-profile.json +[01]"
run eval beir mini --systems bm25 --rerank $stored # the keys are there
err_is_empty
failing "no profile 'nosuch'" bm25.run --queries queries.tsv --index ix -m stored:tiny:nosuch

# a model that reads too few tokens
"$builddir/tests/write_tiny" decoder tiny-models/tiny 64 >out
for method in icr:tiny:all icr-blocks:tiny:all $stored; do
    failing "the model reads 64 tokens at a time, and ranking by attention needs 1024: take another one" bm25.run --queries queries.tsv --corpus corpus.jsonl -m "$method"
done
cp parts fresh
run attend fresh --drop
run attend fresh --profile tiny-models/tiny/profile.json --model tiny -q
code_is 1
err_has "the model reads 64 tokens"
run info fresh --json
out_has '"attention":"none"'

run help rerankers
code_is 0
out_has "cross-encoder"
out_has "icr-blocks"
run help rerank
code_is 0
out_has "shuffle"

finish
