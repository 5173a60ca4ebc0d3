#!/bin/sh
# kill -9 at 50 random moments of indexing: the index opens, is whole, holds exactly whole
# commits, and in the end gives the results of an index that was never interrupted.
# SPDX-License-Identifier: Apache-2.0
. "${srcdir:-.}/tests/cli/lib.sh"
skip_unless_slow
corpus=$srcdir/corpora/data/scifact
every=100
moments=${MOMENTS:-50}

run index whole.fovea "$corpus" --model none -q --commit-every $every
code_is 0
# How long one run takes, in ms, sets where the moments lie.
begin=$(date +%s%N)
run index timed.fovea "$corpus" --model none -q --commit-every $every
took=$((($(date +%s%N) - begin) / 1000000))
[ "$took" -gt 0 ] || took=1
rm -f timed.fovea

seed=${SEED:-$(date +%s)}
echo "seed $seed, $took ms"
i=0
killed=0
while [ $i -lt "$moments" ]; do
    i=$((i + 1))
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    # The index grows from run to run, so what is left to do shrinks: start anew at times.
    [ $((i % 10)) -ne 1 ] || rm -f ix.fovea ix.fovea-wal ix.fovea-shm
    "$fovea" index ix.fovea "$corpus" --model none -q --commit-every $every >/dev/null 2>&1 &
    child=$!
    wait_ms=$((seed / 65536 % took))
    sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
    if kill -9 $child 2>/dev/null; then killed=$((killed + 1)); fi
    wait $child 2>/dev/null
    said="moment $i, after $wait_ms ms"
    # Before the first commit there may be no file, or one without an index.
    if [ ! -s ix.fovea ]; then continue; fi
    "$fovea" info ix.fovea --json >out 2>err
    code=$?
    if [ $code -ne 0 ]; then
        grep -q "no index" err || fail "the index does not open"
        continue
    fi
    n=$(sed 's/.*"documents":\([0-9]*\).*/\1/' out)
    [ $((n % every)) -eq 0 ] || [ "$n" -eq 5183 ] || fail "$n documents are not whole commits"
    "$fovea" check ix.fovea >out 2>err
    code=$?
    code_is 0
done
echo "$killed of $moments runs were killed"
[ "$killed" -ge $((moments / 3)) ] || fail "too few runs were killed: the test proves little"

run index ix.fovea "$corpus" --model none -q --commit-every $every
code_is 0
run check ix.fovea
code_is 0
for ix in whole ix; do
    run search $ix.fovea --queries "$corpus" -k 100 --run r -q
    code_is 0
    cp out $ix.run
done
[ -s whole.run ] || fail "no run"
same whole.run ix.run

finish
