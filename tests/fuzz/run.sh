#!/bin/bash
# Runs each program that `make fuzz` built for SECONDS_EACH on its seeds; new inputs go to build/fuzz/corpus. Ends with 'N passed, N failed'.
set -eu
cd "$(dirname "$0")/../.."
SECONDS_EACH=${SECONDS_EACH:-60}
BUILD=build/fuzz
passed=0 failed=0
for target in tests/fuzz/fuzz_*.c; do
    name=$(basename "$target" .c)
    name=${name#fuzz_}
    mkdir -p "$BUILD/corpus/$name"
    if "$BUILD/fuzz_$name" -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=2048 -dict=tests/fuzz/dkim.dict \
        -artifact_prefix="$BUILD/$name-" "$BUILD/corpus/$name" "tests/fuzz/seeds/$name" >"$BUILD/$name.log" 2>&1; then
        echo "ok   $name: $(grep -c . <(ls "$BUILD/corpus/$name")) inputs kept, $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$BUILD/$name.log") runs"
        passed=$((passed + 1))
    else
        echo "FAIL $name: $BUILD/$name.log"
        tail -n 30 "$BUILD/$name.log"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
