#!/bin/bash
# Runs each program that `make fuzz` built for SECONDS_EACH on its seeds, as many at once as there are processors; new inputs go to
# build/fuzz/corpus. Ends with 'N passed, N failed'.
set -eu
cd "$(dirname "$0")/../.."
SECONDS_EACH=${SECONDS_EACH:-60}
BUILD=build/fuzz
verdicts=$(mktemp)
trap 'rm -f "$verdicts"' EXIT

fuzz() { # NAME: says in one piece how it went
    local name=$1
    mkdir -p "$BUILD/corpus/$name"
    if "$BUILD/fuzz_$name" -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=2048 -dict=tests/fuzz/dkim.dict \
        -artifact_prefix="$BUILD/$name-" "$BUILD/corpus/$name" "tests/fuzz/seeds/$name" >"$BUILD/$name.log" 2>&1; then
        echo "ok   $name: $(find "$BUILD/corpus/$name" -type f | wc -l) inputs kept, $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$BUILD/$name.log") runs"
    else
        printf '%s\n%s\n' "FAIL $name: $BUILD/$name.log" "$(tail -n 30 "$BUILD/$name.log")"
    fi
}
export -f fuzz
export BUILD SECONDS_EACH
find tests/fuzz -maxdepth 1 -name 'fuzz_*.c' -printf '%f\n' | sed 's/^fuzz_//; s/\.c$//' | sort |
    xargs -P "$(nproc)" -I {} bash -c 'fuzz {}' | tee "$verdicts"
passed=$(grep -c '^ok   ' "$verdicts" || true) failed=$(grep -c '^FAIL ' "$verdicts" || true)
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
