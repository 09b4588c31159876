#!/bin/bash
# Run every unit test in build/tests/ and every tests/system/test_*.sh; last line: 'N passed, N failed'.
# run.sh [NAME...]: only the tests whose name contains one of the words. BUILD: the build directory (default build).
# A test that exits 77 was skipped; with CI=true that is a failure.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
export BUILD
LIMIT=${LIMIT:-600}
logs=$BUILD/test-logs
mkdir -p "$logs"
passed=0 failed=0

wanted() { # NAME WORD...
    local name=$1 word
    shift
    [ $# -eq 0 ] && return
    for word in "$@"; do
        case $name in *"$word"*) return 0 ;; esac
    done
    return 1
}

for program in "$BUILD"/tests/test_* tests/system/test_*.sh; do
    if [ ! -f "$program" ] || [ ! -x "$program" ]; then continue; fi
    name=$(basename "$program" .sh)
    wanted "$name" "$@" || continue
    log=$logs/$name.log
    begin=$(date +%s)
    timeout --kill-after=30 "$LIMIT" "$program" >"$log" 2>&1 </dev/null
    status=$?
    if [ "$status" -eq 77 ] && [ "${CI:-}" != true ]; then
        echo "skip $name: $(tail -n 1 "$log")"
    elif [ "$status" -eq 0 ]; then
        echo "ok   $name ($(($(date +%s) - begin)) s)"
        passed=$((passed + 1))
    else
        case $status in
        77) why="skipped, which CI does not allow" ;;
        124 | 137) why="did not end within $LIMIT s" ;;
        *) why="exit status $status" ;;
        esac
        echo "FAIL $name: $why; the end of $log:"
        tail -n 40 "$log" | sed 's/^/     /'
        failed=$((failed + 1))
    fi
done

if [ $((passed + failed)) -eq 0 ]; then
    echo "no tests found: run 'make' first" >&2
    failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
