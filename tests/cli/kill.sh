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
whole=5183
i=0
n=$whole
killed=0
while [ $killed -lt "$moments" ] && [ $i -lt $((4 * moments)) ]; do
    i=$((i + 1))
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    # Each run goes on where the last was killed; when all is done, a new index is begun.
    [ "$n" -ne $whole ] || {
        rm -f ix.fovea ix.fovea-wal ix.fovea-shm
        n=0
    }
    before=$n
    "$fovea" index ix.fovea "$corpus" --model none -q --commit-every $every >/dev/null 2>&1 &
    child=$!
    wait_ms=$((seed / 65536 % (took / 2 + 1)))
    sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
    if kill -9 $child 2>/dev/null; then killed=$((killed + 1)); fi
    wait $child 2>/dev/null
    said="moment $i, after $wait_ms ms"
    # Before the first commit there may be no file, or one without an index.
    if [ ! -s ix.fovea ]; then continue; fi
    "$fovea" info ix.fovea --json >out 2>err
    code=$?
    if [ $code -ne 0 ]; then
        if [ "$before" -ne 0 ] || ! grep -q "not an index" err; then fail "the index does not open"; fi
        continue
    fi
    n=$(sed 's/.*"documents":\([0-9]*\).*/\1/' out)
    [ $((n % every)) -eq 0 ] || [ "$n" -eq $whole ] || fail "$n documents are not whole commits"
    [ "$n" -ge "$before" ] || fail "$before documents were committed, $n are left"
    "$fovea" check ix.fovea >out 2>err
    code=$?
    code_is 0
done
echo "$killed of $i runs were killed"
[ "$killed" -ge "$moments" ] || fail "too few runs were killed"

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
