#!/bin/bash
# The Nth allocation fails, the Nth system call is interrupted, fails or does only a part, in each of our processes: while
# they work on three messages, and while they start; in zegeld while it reloads and starts one of them again. No crash, nothing unsigned, and back to work. SOAK=1: every N.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=faultlib.sh
. "$(dirname "$0")/faultlib.sh"

need_programs
if sanitized; then echo "not with a sanitizer" && exit 0; fi
make_work_dir
make_fault_tokens >/dev/null || die "no tokens"
sysfault() { "$BUILD/tests/sysfault" "$WORK/sysfault" "$@"; }
sysfault new
export SYSFAULT=$WORK/sysfault LD_PRELOAD=$BUILD/tests/sysfault.so
fresh_zegeld 5s
unset LD_PRELOAD

# Ends by our SIGKILL do not count; 4, 6, 7, 8, 11, 31 are crashes.
crashes() { grep -cE 'ended by signal (4|6|7|8|11|31) ' "$WORK/log/zegeld"; }

# Whose fault: the first frames that are not libc's, one crash a line.
whose() { sed -n 's/.*sysfault: crash in: //p' "$WORK/log/zegeld" | sed -E 's/libc\.so\.6\([^)]*\) //g'; }
ours() { whose | grep -cvE '^(libcrypto|libseccomp|libsofthsm2)\.so'; }

# What makes the program work while its memory fails.
disturb() { # PHASE PROGRAM
    local victim=$2
    [ "$2" != zegeld ] || { kill -HUP "$ZEGELD_PID" && victim=zegel-token; }
    if [ "$1" = starting ] || [ "$2" = zegeld ]; then
        kill -9 "$(pgrep -P "$ZEGELD_PID" "$victim" | head -n 1)"
        wait_for 30 port_open "$MILTER_PORT"
    fi
}

# SoftHSM without memory answers C_Login with CKR_PIN_INCORRECT, and what was refused is not sent again: a custodian decides.
pin_refused() { tail -n 2 "$WORK/log/zegeld" | grep -q 'token faulty: the PIN was refused\|login: CKR_PIN_INCORRECT'; }
comes_back() { # PROGRAM FAULT
    wait_for 30 one_signed && return
    [ "$*" = "zegel-token alloc" ] && pin_refused && zegel token unlatch faulty >>"$WORK/unlatched" && wait_for 30 one_signed
}

# one PHASE PROGRAM N FAULT...: false when that Nth was never reached
one() {
    local phase=$1 program=$2 n=$3
    shift 3
    sysfault "$1" "$program" "$n" "${@:2}"
    disturb "$phase" "$program"
    MESSAGES=3 load 1 40
    fired=$(sysfault fired)
    sysfault off
    [ "$BAD" -eq 0 ] || not_ok "$program, $phase: $* $n" "NOT SIGNED AS IT SHOULD BE: $LOADED"
    comes_back "$program" "$1" || { not_ok "$program, $phase: $* $n" "does not come back: $(tail -n 2 "$WORK/log/zegeld")" && return 1; }
    [ "$fired" -gt 0 ]
}

sweep() { # PHASE PROGRAM FAULT...
    local phase=$1 program=$2 n=1 runs=0 before at_first missed=0 fired put_off=0
    shift 2
    before=$(crashes) at_first=$before
    while [ "$n" -lt 20000 ] && [ "$missed" -lt "$(short_or 1 3)" ]; do
        if one "$phase" "$program" "$n" "$@"; then runs=$((runs + 1)) missed=0; else missed=$((missed + 1)); fi
        put_off=$((put_off + TEMPFAIL + LOST))
        if [ -n "$SOAK" ]; then n=$((n + 1)); else n=$((n * 5 + 2)); fi
    done
    # libcrypto 3.0 and libseccomp do not survive every allocation that fails while they set themselves up: that is before any
    # mail, and the process is started again. SoftHSM does not always: that is why it has a process of its own. Our code does.
    [ "$phase $1" != "starting alloc" ] && [ "$program $1" != "zegel-token alloc" ] || before=$(crashes)
    verdict "$program, $phase: $*" "$runs faults, $put_off messages put off, $(($(crashes) - at_first)) crashes, $(ours) of them ours" \
        test "$(crashes)" -eq "$before" -a "$runs" -gt 0 -a "$(ours)" -eq 0
    kill -0 "$ZEGELD_PID" 2>/dev/null || die "zegeld itself has ended: $(tail -n 3 "$WORK/log/zegeld")"
}

sweep running zegeld alloc
for error in EINTR EIO short; do sweep running zegeld call "$error"; done
for program in zegel-milter zegel-signer zegel-token; do
    sweep running "$program" alloc
    for error in $(short_or "EIO short" "EINTR EIO short"); do sweep running "$program" call "$error"; done
    sweep starting "$program" alloc
    for error in $(short_or "" "EINTR EIO short"); do sweep starting "$program" call "$error"; done
done
sweep running zegel-signer call ENOSPC pwrite
whose | sort | uniq -c
stop_zegeld
audit_holds
verdict "audit log after all this" "$(tail -n 1 "$WORK/verify")" audit_holds
conclude
