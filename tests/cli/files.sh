#!/bin/sh
# Files that are not what they should be: no index, damaged, newer, read-only, a full disk.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
write_corpus corpus.jsonl
run index ix corpus.jsonl --model none
code_is 0

# one line, code 1, for each command
refused() {
    pattern=$1
    file=$2
    for line in "search $file x" "info $file" "check $file" "index $file corpus.jsonl"; do
        # shellcheck disable=SC2086
        run $line
        code_is 1
        out_is_empty
        err_has "$pattern"
        err_has "$file"
    done
}

cp corpus.jsonl not-an-index
cp not-an-index before
refused "" not-an-index
same not-an-index before
: >empty
for line in "search empty x" "info empty" "check empty"; do
    # shellcheck disable=SC2086
    run $line
    code_is 1
    err_is_a_line
done
mkdir folder
refused "" folder

# cut off, and overwritten in the middle: an error or a right answer, never a crash
size=$(wc -c <ix)
for part in 10 30 50 70 90 99; do
    head -c $((size * part / 100)) ix >cutoff
    run check cutoff
    # the last pages may be empty ones
    [ "$code" -eq 1 ] || [ $part -gt 70 ] || fail "exit code is $code"
    cp ix hit
    printf 'ThisIsNotWhatWasHere' | dd of=hit bs=1 seek=$((size * part / 100)) conv=notrunc 2>/dev/null
    for line in "check hit" "search hit fovea" "info hit"; do
        # shellcheck disable=SC2086
        run $line
        [ "$code" -le 3 ] || fail "exit code is $code"
    done
done

# read-only; root must lay down the right to write anywhere first
as_user() { "$@"; }
if [ "$(id -u)" -eq 0 ]; then
    as_user() { setpriv --bounding-set=-dac_override --inh-caps=-dac_override "$@"; }
fi
cp ix readonly
cp corpus.jsonl more.jsonl
echo '{"_id": "new", "text": "new"}' >>more.jsonl
mkdir fixed
mv readonly fixed/
chmod 444 fixed/readonly
chmod 555 fixed
if as_user true 2>/dev/null && ! as_user touch fixed/x 2>/dev/null; then
    said="index of a read-only file"
    as_user "$fovea" index fixed/readonly more.jsonl >out 2>err
    code=$?
    code_is 1
    err_has "fixed/readonly"
    err_has "read-only|[Pp]ermission|not writable|cannot be written"
    said="search of a read-only file in a read-only folder"
    as_user "$fovea" search fixed/readonly fovea >out 2>err
    code=$?
    code_is 0
    out_has eye
fi
chmod 755 fixed

# a full disk, by a limit on the size of files
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "{\"_id\": \"d%d\", \"text\": \"word%d and word%d fill the disk\"}\n", i, i, i * 7 }' >big.jsonl
cp ix full.fovea
run search full.fovea fovea --run r
cp out before
said="fovea index with files limited to 300 kB"
(
    ulimit -f 300 # blocks of 512 or 1024 bytes
    exec "$fovea" index full.fovea big.jsonl -q >out 2>err
)
code=$?
code_is 1
err_has "full.fovea"
run check full.fovea
code_is 0
run search full.fovea fovea --run r
same out before
run index full.fovea big.jsonl -q
code_is 0
run info full.fovea --json
out_has '"documents":20004'

finish
