#!/bin/sh
# Slips on the command line, exit codes, help, JSON, and what happens to standard output.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
write_corpus corpus.jsonl
run index ix corpus.jsonl --model none
code_is 0

# ---- slips: code 2, one line that says what to do, nothing on standard output ----
slip() {
    pattern=$1
    shift
    run "$@"
    code_is 2
    out_is_empty
    err_is_a_line
    err_has "$pattern"
}
slip "no command 'serach': did you mean 'search'" serach
slip "no command 'xyzzy'; 'fovea help'" xyzzy
slip "unknown option '--jsno'; did you mean '--json'" search ix x --jsno
slip "-k is '0': give a whole number from 1 to 1000000" search ix x -k 0
slip "did you mean 'hybrid'" search ix x --system hybird
slip "--system needs a value" search ix x --system
slip "from 0 to 1" search ix x --b 2
slip "two or three numbers" search ix x --weights 1
slip "two or three numbers" search ix x --weights 0,0
slip "two or three numbers" search ix x --weights nan,1
slip "QUERY is empty" search ix ""
slip "not both" search ix x --queries corpus.jsonl
slip "not JSON" search ix x --run tag --json
slip "passages" search ix x --run tag --passages
slip "something is missing: fovea search INDEX" search
slip "nothing to do" index ix
slip "something is missing" index
slip "chunk" index ix corpus.jsonl --chunk words
slip "--format is 'xml'" index ix corpus.jsonl --format xml
slip "--analyzer is 'klingon'" index ix corpus.jsonl --analyzer klingon
slip "'b' is too much" info a b
slip "something is missing" check
slip "something is missing: fovea eval RUN QRELS" eval run
slip "nDCH@10" eval run qrels -m nDCH@10
slip "unknown measure ''" eval run qrels -m AP,
slip "cut-off 'x' is not" eval run qrels -m P@5,P@x
slip "-l is '0': give a whole number from 1" eval run qrels -l 0
slip "-M is '0': give a whole number from 1" eval run qrels -M 0
slip "cannot both be standard input" eval - -
slip "'x' is too much: fovea version; see" version x
slip "model is empty" index new.fovea corpus.jsonl --model ""
slip "no system 'psychic'" eval beir . --systems bm25,psychic
slip "not both" model x --embed a --tokens b
slip "one of" model x --pieces a --tokens b
slip "no command or topic 'corpra'; did you mean 'corpora'" help corpra
run
code_is 2
out_has "usage: fovea COMMAND"

# ---- failures: code 1 ----
failure() {
    pattern=$1
    shift
    run "$@"
    code_is 1
    err_is_a_line
    err_has "$pattern"
}
failure "nowhere" search nowhere x
failure "nowhere" info nowhere
failure "nowhere" check nowhere
failure "nowhere" index new.fovea nowhere
failure "nowhere" index nowhere --delete x
failure "nowhere" eval nowhere corpus.jsonl
failure "nowhere" eval beir nowhere --systems bm25
failure "nowhere" model nowhere
failure "nowhere" search ix --queries nowhere
[ ! -e new.fovea ] || fail "a slip in a path left an index behind"

# ---- help ----
for command in index search eval "eval beir" compare info check model help version; do
    # shellcheck disable=SC2086 # two words
    run $command --help
    code_is 0
    err_is_empty
    out_has "usage: fovea $command"
    out_has "--json"
    cp out by-option
    # shellcheck disable=SC2086
    run help $command
    same out by-option
done
for topic in corpora retrievers analyzers chunking fields models measures tests exit-codes environment; do
    run help $topic
    code_is 0
    [ "$(wc -l <out)" -gt 2 ] || fail "nothing is said"
done
run help corpora
out_has beir
run help retrievers
out_has bm25
run help measures
out_has nDCG
run --help
code_is 0
out_has "eval beir"
run --version
out_has "^fovea [0-9]+\.[0-9]+\.[0-9]+"
awk 'length($0) > 80 { bad = 1 } END { exit bad }' out || fail "a line is longer than 80"

# ---- JSON ----
for line in "version" "help" "info ix" "check ix" "search ix fovea" "search ix xyzzy" \
    "index ix corpus.jsonl" "search ix fovea --explain --passages"; do
    # shellcheck disable=SC2086
    run $line --json
    is_json out
    err_is_empty
    [ "$(wc -l <out)" -eq 1 ] || fail "JSON is not one line"
done
run check corpus.jsonl --json
code_is 1
is_json out
out_has '"ok":false'

# ---- standard output ----
if [ -w /dev/full ]; then
    for line in "help" "info ix" "search ix fovea" "search ix fovea --json" "version"; do
        said="fovea $line >/dev/full"
        # shellcheck disable=SC2086
        "$fovea" $line >/dev/full 2>err
        code=$?
        : >out
        code_is 1
        err_is_a_line
        err_has "standard output: No space left on device"
    done
fi
# A reader who leaves: no noise, whether SIGPIPE is fatal or ignored.
for how in "" "trap '' PIPE;"; do
    said="$how fovea help --man | true"
    (
        eval "$how"
        { "$fovea" help --man; echo $? >code; } 2>err | true
    )
    code=$(cat code)
    : >out
    code_is 141
    err_is_empty
done

finish
