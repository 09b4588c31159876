#!/bin/bash
# Run every unit test in build/tests/ and every tests/system/test_*.sh; last line: 'N passed, N failed'.
# run.sh [NAME...]: only the tests whose name contains one of the words. BUILD: the build directory (default build). JOBS: so many at
# once (three on two processors: most of them wait for servers most of the time).
# A test that exits 77 was skipped; with CI=true that is a failure.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
export BUILD
LIMIT=${LIMIT:-900}
JOBS=${JOBS:-$(($(nproc) * 3 / 2))}
logs=$BUILD/test-logs
mkdir -p "$logs"
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

wanted() { # NAME WORD...
    local name=$1 word
    shift
    [ $# -eq 0 ] && return
    for word in "$@"; do
        case $name in *"$word"*) return 0 ;; esac
    done
    return 1
}

# Says in one piece how it went, and leaves "passed" or "failed" in $results/NAME.
run() { # NAME PROGRAM
    local name=$1 log=$logs/$1.log begin status why
    begin=$(date +%s)
    timeout --kill-after=30 "$LIMIT" "$2" >"$log" 2>&1 </dev/null
    status=$?
    if [ "$status" -eq 77 ] && [ "${CI:-}" != true ]; then
        echo "skip $name: $(tail -n 1 "$log")"
        return
    elif [ "$status" -eq 0 ]; then
        echo "ok   $name ($(($(date +%s) - begin)) s)"
        echo passed >"$results/$name"
        return
    fi
    case $status in
    77) why="skipped, which CI does not allow" ;;
    124 | 137) why="did not end within $LIMIT s" ;;
    *) why="exit status $status" ;;
    esac
    printf '%s\n%s\n' "FAIL $name: $why; its verdicts and the end of $log:" "$({ grep -a -m 20 '^FAIL' "$log"; echo ...; tail -n 20 "$log"; } | cut -c 1-400 | sed 's/^/     /')"
    echo failed >"$results/$name"
}

# Each test runs under a timeout of its own process group, which a Ctrl-C does not reach.
stop() {
    trap '' INT TERM
    for pid in $(jobs -p); do pkill -TERM -P "$pid"; done
    wait
    exit 130
}
trap stop INT TERM

under_way=0 begun='' names=''
# The longest one begins first, so that nothing waits for it in the end.
for program in tests/system/test_deb.sh "$BUILD"/tests/test_* tests/system/test_*.sh; do
    if [ ! -f "$program" ] || [ ! -x "$program" ]; then continue; fi
    name=$(basename "$program" .sh)
    wanted "$name" "$@" || continue
    case " $begun " in *" $program "*) continue ;; esac
    case " $names " in *" $name "*) name=$name.sh ;; esac # a unit test has that name too: both run
    begun+=" $program" names+=" $name"
    if [ "$under_way" -ge "$JOBS" ]; then
        wait -n
        under_way=$((under_way - 1))
    fi
    run "$name" "$program" &
    under_way=$((under_way + 1))
done
wait

passed=$(cat "$results"/* 2>/dev/null | grep -c passed)
failed=$(cat "$results"/* 2>/dev/null | grep -c failed)
if [ $((passed + failed)) -eq 0 ]; then
    echo "no tests found: run 'make' first" >&2
    failed=1
fi
[ "$failed" -eq 0 ] || echo "failed: $(cd "$results" && grep -l failed -- * 2>/dev/null | xargs)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
