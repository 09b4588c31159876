#!/bin/bash
# The tests that have a long form, in it, one after the other, with all they say; last line: 'N passed, N failed'.
# soak.sh [NAME...]: only those of that name.
set -u
cd "$(dirname "$0")/.." || exit 1
export SOAK=1 BUILD=${BUILD:-build}
passed=0 failed=0
for test in tests/system/{test,soak}_*.sh; do
    grep -qE 'short_or|SOAK' "$test" || continue
    [ $# -eq 0 ] || [[ " $* " == *" $(basename "$test" .sh) "* ]] || continue
    echo "== $test, $(date -u +%T)"
    if "$test"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
