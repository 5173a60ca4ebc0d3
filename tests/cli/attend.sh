#!/bin/sh
# Attention keys from outside: made while indexing and later, interrupted, killed, searched, taken out.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
mkdir tiny
"$builddir/tests/write_tiny" decoder tiny >out || {
    echo "no model was written"
    exit 1
}
cp tiny/profile.json p.json
awk 'BEGIN { for (i = 0; i < 5000; i++) printf "{\"_id\": \"d%d\", \"title\": \"Eye\", \"text\": \"fovea number %d of many, word%d\"}\n", i, i, i % 97 }' >many.jsonl
head -20 many.jsonl >few.jsonl

# ---- the same keys, made while indexing or later ----
run index now few.jsonl --model none --attention p.json:tiny
code_is 0
run info now --json
out_has '"attention":"tiny","attention_model":"tiny","attended_passages":20,"attention_bytes":[0-9]+'
run index later few.jsonl --model none
code_is 0
run info later --json
out_has '"attention":"none","bytes"'
run info later
out_lacks attention
run attend later --profile p.json --model tiny --json
code_is 0
err_is_empty
is_json out
out_has '"made":20,.*"attended_passages":20,"passages":20'
run info later
out_has '^  attention  profile tiny, model tiny: keys of all passages$'
out_has ', attention keys [0-9.]+ kB, other '
run check later
code_is 0
run attend later
code_is 0
out_has 'keys of 0 passages made'
out_has '^20 of 20 passages, .* profile tiny, model tiny$'
for ix in now later; do
    run search $ix "fovea word7" --rerank stored:tiny:p.json --run tag
    code_is 0
    err_is_empty
    cp out $ix.run
done
[ -s now.run ] || fail "no run"
same now.run later.run

# ---- a model that only its path finds: searches know it from the index ----
mkdir elsewhere && cp tiny/model.gguf elsewhere/moved.gguf
run index there few.jsonl --model none
run attend there --profile p.json --model ./elsewhere/moved.gguf -q
code_is 0
mv tiny hidden
run search there "fovea word7" --rerank stored --run tag
code_is 0
same out later.run
rm elsewhere/moved.gguf
run search there "fovea word7" --rerank stored --run tag
code_is 1
err_has "tiny"
mv hidden tiny

# ---- documents that come and go ----
echo '{"_id": "d3", "title": "Eye", "text": "another text"}' >new.jsonl
echo '{"_id": "new", "text": "a new one"}' >>new.jsonl
run index later new.jsonl --delete d5
code_is 0
run check later
code_is 0
run info later --json
out_has '"documents":20,"passages":20,.*"attended_passages":20'

# ---- what is not read to its end is counted, as it comes and goes ----
awk 'BEGIN { printf "{\"_id\": \"wordy\", \"text\": \"fovea"; for (i = 0; i < 320; i++) printf " e"; print "\"}" }' >long.jsonl
echo '{"_id": "void", "text": ""}' >>long.jsonl
printf '%s\n' '{"_id": "blank", "text": " \n "}' >>long.jsonl
cat long.jsonl few.jsonl >mixed.jsonl
run index counted mixed.jsonl --model none
run attend counted --profile p.json --model tiny
code_is 0
out_has '^23 of 23 passages, 1 cut at 300 words or 512 tokens, 2 empty, [0-9.]+ kB, profile tiny'
run info counted
out_has 'keys of all passages, 1 cut at 300 words or 512 tokens, 2 empty$'
sed 's/wordy/wordier/; q' long.jsonl >more.jsonl
run index counted more.jsonl --delete void
code_is 0
run info counted --json
out_has '"attended_passages":23,.*"cut_passages":2,"empty_passages":1,'
run index counted more.jsonl --delete wordy --delete blank --merge
code_is 0
run attend counted --json
out_has '"made":0,.*"cut_passages":1,"empty_passages":0'
run check counted
code_is 0
if command -v sqlite3 >/dev/null; then # a file of a version that did not count them
    sqlite3 counted "DELETE FROM fovea_settings WHERE key IN ('attention_cut', 'attention_empty')"
    run index counted mixed.jsonl --delete wordier
    code_is 0
    run check counted
    code_is 0
    run info counted
    out_has 'keys of all passages$'
fi

# ---- slips ----
sed 's/"layer": 0/"layer": 1/; s/"head": 1/"head": 0/' p.json >q.json
run attend later --profile q.json --model tiny
code_is 1
err_has "keys for the attention profile 'tiny', not 'q.json'"
run index later new.jsonl --attention q.json
code_is 1
err_is_a_line
err_has "keys for the attention profile 'tiny'"
run index later new.jsonl --attention ''
code_is 2
run attend later --drop --profile p.json
code_is 2
run attend nowhere
code_is 1
run attend later --profile nowhere
code_is 1
err_has "no profile 'nowhere'"
# all have keys, but what is named must be there, and be right
for how in "--profile p.json --model nothing" "--profile p.json:nothing" "--model nothing"; do
    # shellcheck disable=SC2086
    run attend now $how
    code_is 1
    err_has "no model 'nothing'"
    err_has "the index is as it was before$"
    out_is_empty
done
mkdir other
"$builddir/tests/write_tiny" decoder other 2048 >out
run attend now --profile p.json --model other
code_is 1
err_has "give the right one"
run attend now --profile p.json --model tiny
code_is 0
out_has 'keys of 0 passages made'
run attend now --profile nothing:tiny
code_is 1
err_has "no profile 'nothing'"

# ---- names out of a file cannot paint the terminal ----
if command -v sqlite3 >/dev/null; then
    cp now painted
    sqlite3 painted "UPDATE fovea_settings SET value = 'm' || char(27) || '[2J' WHERE key = 'attention_model'"
    for how in "info painted" "attend painted"; do
        # shellcheck disable=SC2086
        run $how
        code_is 0
        out_has 'model m.x1b\[2J'
    done
    sqlite3 painted "UPDATE fovea_settings SET value = replace(value, '\"tiny\"', '\"\\u001b[2J\"') WHERE key = 'attention_profile'"
    run info painted
    code_is 1
    err_is_a_line
    err_has "is damaged: .*field 'name'"
fi
printf 'q\033[2J Q0 d1 1 1 t\n' >painted.run
run rerank painted.run --queries few.jsonl --index now
code_is 1
err_is_a_line
err_has "query 'q.x1b\[2J' is not among"

# ---- interrupted and killed: what was made is kept ----
run index ix many.jsonl --model none
code_is 0
n=0
stop() {
    said="fovea attend, then SIG$1"
    "$fovea" attend ix --profile p.json --model tiny --threads 1 -q >out 2>err &
    child=$!
    sleep "0.$2"
    kill -"$1" $child 2>/dev/null
    wait $child
    code=$?
    if [ $code -ne 0 ] && [ "$1" = INT ]; then
        code_is 130
        out_is_empty
        err_has "interrupted; [0-9,]+ of 5,000 passages have keys; run the same command again"
    fi
    run check ix
    code_is 0
    run info ix --json
    before=$n
    n=$(sed -n 's/.*"attended_passages":\([0-9]*\).*/\1/p' out)
    n=${n:-0}
    n_checks=$((n_checks + 1))
    [ "$n" -ge "$before" ] || fail "$before passages had keys, $n are left"
}
stop INT 15
stop KILL 15
stop INT 15
run attend ix --profile p.json --model tiny -q --json
code_is 0
out_has '"attended_passages":5000,"passages":5000'
run check ix
code_is 0

# ---- taken out ----
run attend ix --drop
code_is 0
out_has 'no attention keys'
run info ix --json
out_has '"attention":"none","bytes"'
run check ix
code_is 0

finish
