#!/bin/bash
# The Nth allocation fails, the Nth system call is interrupted, fails or does only a part, in each of our processes: while
# they work on three messages, and while they start. No crash, nothing unsigned, and back to work. SOAK=1: every N.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=faultlib.sh
. "$(dirname "$0")/faultlib.sh"

need_programs
if sanitized; then echo "not with a sanitizer" && exit 0; fi
make_work_dir
SHOW_LOGS=1
make_fault_tokens >/dev/null || die "no tokens"
sysfault() { "$BUILD/tests/sysfault" "$WORK/sysfault" "$@"; }
sysfault new
export SYSFAULT=$WORK/sysfault LD_PRELOAD=$BUILD/tests/sysfault.so
fresh_zegeld 5s
unset LD_PRELOAD

# Ends by our SIGKILL do not count; 4, 6, 7, 8, 11, 31 are crashes.
crashes() { grep -cE 'ended by signal (4|6|7|8|11|31) ' "$WORK/log/zegeld"; }

# one PHASE PROGRAM N FAULT...: false when that Nth was never reached
one() {
    local phase=$1 program=$2 n=$3
    shift 3
    sysfault "$1" "$program" "$n" "${@:2}"
    if [ "$phase" = starting ]; then
        kill -9 "$(pgrep -P "$ZEGELD_PID" "$program" | head -n 1)"
        wait_for 10 port_open "$MILTER_PORT"
    fi
    MESSAGES=3 load 1 40
    fired=$(sysfault fired)
    sysfault off
    [ "$BAD" -eq 0 ] || not_ok "$program, $phase: $* $n" "NOT SIGNED AS IT SHOULD BE: $LOADED"
    wait_for 20 one_signed || { not_ok "$program, $phase: $* $n" "does not come back: $(tail -n 2 "$WORK/log/zegeld")" && return 1; }
    [ "$fired" -gt 0 ]
}

sweep() { # PHASE PROGRAM FAULT...
    local phase=$1 program=$2 n=1 runs=0 before at_first missed=0 fired put_off=0
    shift 2
    before=$(crashes) at_first=$before
    while [ "$n" -lt 20000 ] && [ "$missed" -lt "$(short_or 1 3)" ]; do
        if one "$phase" "$program" "$n" "$@"; then runs=$((runs + 1)) missed=0; else missed=$((missed + 1)); fi
        put_off=$((put_off + TEMPFAIL + LOST))
        if [ -n "$SOAK" ]; then n=$((n + 1)); else n=$((n * 4 + 2)); fi
    done
    # libcrypto 3.0 does not survive an allocation that fails while it sets itself up: that is before any mail, and the
    # process is started again. From then on nothing may crash.
    [ "$phase $1" != "starting alloc" ] || before=$(crashes)
    verdict "$program, $phase: $*" "$runs faults, $put_off messages put off, $(($(crashes) - at_first)) crashes" test "$(crashes)" -eq "$before" -a "$runs" -gt 0
}

for program in zegel-milter zegel-signer zegel-token; do
    for phase in running starting; do
        sweep "$phase" "$program" alloc
        errors=(EINTR EIO short)
        [ "$phase$SOAK" != starting ] || errors=(EIO)
        for error in "${errors[@]}"; do sweep "$phase" "$program" call "$error"; done
    done
done
sweep running zegel-signer call ENOSPC pwrite
stop_zegeld
audit_holds
verdict "audit log after all this" "$(tail -n 1 "$WORK/verify")" audit_holds
[ "$failed" -eq 0 ] || { echo "$failed failed"; exit 1; }
SHOW_LOGS=
