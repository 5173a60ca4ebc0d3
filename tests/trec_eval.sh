#!/bin/sh
# Parity with trec_eval on its own test files and on a run of TREC 2019: these may not be bundled, so this
# runs where a folder ../shared/data beside the source tree (or $TREC_EVAL_TESTS) holds them.
# SPDX-License-Identifier: Apache-2.0
TREC_EVAL_TESTS=${TREC_EVAL_TESTS-${srcdir:-.}/../shared/data}
if [ ! -d "$TREC_EVAL_TESTS/trec_eval-test" ]; then
    echo "not run: no trec_eval-test in '$TREC_EVAL_TESTS'"
    exit 77
fi
export TREC_EVAL_TESTS
CK_RUN_CASE=trec_eval
export CK_RUN_CASE
exec "${builddir:-.}/tests/check_eval"
