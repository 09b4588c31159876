#!/bin/bash
# The Nth allocation fails, the Nth system call is interrupted, fails or does only a part, in each of our processes: while
# they work on three messages, and while they start; in zegeld while it reloads and starts one of them again. No crash, nothing
# unsigned, and back to work. SOAK=1: every N where there are at most $EVERY of them; otherwise the first $EVERY, and the first, second
# and last ($OF_EACH) from each distinct call stack, of which one run without a fault makes the list. (At its start a process
# allocates ten thousand times, from 1,500 call stacks, the most of libcrypto and libseccomp.) PROGRAM=...: this process only; otherwise each with a daemon of its own, side by side.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=faultlib.sh
. "$(dirname "$0")/faultlib.sh"

need_programs
if sanitized; then echo "not with a sanitizer" && exit 0; fi
EVERY=${EVERY:-150}
OF_EACH=${OF_EACH:-1 2 last}
PROGRAMS=${PROGRAM:-zegeld zegel-milter zegel-signer zegel-token}

if [ -n "$SOAK" ] && [ -z "${PROGRAM:-}" ]; then
    pids=() status=0
    trap 'kill "${pids[@]}" 2>/dev/null; exit 143' INT TERM
    for program in $PROGRAMS; do
        PROGRAM=$program "$0" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || status=1; done
    exit "$status"
fi
make_work_dir
make_fault_tokens >/dev/null || die "no tokens"
sysfault() { "$BUILD/tests/sysfault" "$WORK/sysfault" "$@"; }
sysfault new
export SYSFAULT=$WORK/sysfault LD_PRELOAD=$BUILD/tests/sysfault.so
keep_tokens
fresh_zegeld 5s
unset LD_PRELOAD

# Ends by our SIGKILL do not count; 4, 6, 7, 8, 11, 31 are crashes.
crashes() { grep -cE 'ended by signal (4|6|7|8|11|31) ' "$WORK/log/zegeld"; }

# Whose fault: the first frames that are not libc's, one crash a line.
whose() { sed -n 's/.*sysfault: crash in: //p' "$WORK/log/zegeld" | sed -E 's/libc\.so\.6\([^)]*\) //g'; }
THEIRS='^(libcrypto|libseccomp|libsofthsm2|(libstdc\+\+\.so\S+ )+libsofthsm2)\.so'
[ "${PROGRAM:-}" != zegel-token ] || THEIRS+='|^$' # once SoftHSM has thrown where it must not, there may be no stack to read
ours() { whose | grep -cvE "$THEIRS"; }

# What makes the program work while its memory fails.
disturb() { # PHASE PROGRAM
    local victim=$2
    if [ "$1" = first ]; then
        start_anew "$2"
        return
    fi
    [ "$2" != zegeld ] || { kill -HUP "$ZEGELD_PID" && victim=zegel-token; }
    if [ "$1" = starting ] || [ "$2" = zegeld ]; then
        kill -9 "$(pgrep -P "$ZEGELD_PID" "$victim" | head -n 1)"
        wait_for 30 port_open "$MILTER_PORT"
    fi
}

# The whole daemon, from the beginning: it gets ready by itself, or ends in a way that systemd takes for a reason to try again.
start_anew() { # PROGRAM
    local status
    launch
    # The line that says so may be what could not be written.
    wait_for 10 ready_or_ended || wait_for 60 one_signed || not_ok "$1, first start" "neither ready nor ended: $(tail -n 3 "$WORK/log/zegeld")"
    kill -0 "$ZEGELD_PID" 2>/dev/null && return
    status=0
    wait "$ZEGELD_PID" || status=$?
    [ "$1" = zegeld ] || not_ok "$1, first start" "zegeld gives up: $(tail -n 3 "$WORK/log/zegeld")"
    case $status in 0 | 1[3-9]?) not_ok "$1, first start" "ends with status $status: $(tail -n 3 "$WORK/log/zegeld")" ;; esac
    launch
    wait_for 60 is_ready || not_ok "$1, first start" "the second time, not ready: $(tail -n 3 "$WORK/log/zegeld")"
}
launch() {
    NTH_START=$(($(said 'ready: ') + 1))
    LD_PRELOAD=$BUILD/tests/sysfault.so start zegeld "$BUILD/zegeld" --config "$WORK/zegel.yaml"
    ZEGELD_PID=$STARTED
}
is_ready() { [ "$(said 'ready: ')" -ge "$NTH_START" ]; }
ready_or_ended() { is_ready || ! kill -0 "$ZEGELD_PID" 2>/dev/null; }

# SoftHSM without memory answers C_Login with CKR_PIN_INCORRECT, and what was refused is not sent again: a custodian decides.
pin_refused() { tail -n 2 "$WORK/log/zegeld" | grep -q 'token faulty: .* zegel token unlatch'; }
comes_back() { # PROGRAM FAULT
    wait_for 30 one_signed && return
    [ "$*" = "zegel-token alloc" ] || return
    put_back && wait_for 30 one_signed && return
    pin_refused && zegel token unlatch faulty >>"$WORK/unlatched" && wait_for 30 one_signed
}

# one PHASE PROGRAM N FAULT...: false when that Nth was never reached
one() {
    local phase=$1 program=$2 n=$3 hangs
    shift 3
    hangs=$(said 'has not answered for')
    [ "$phase" != first ] || stop_zegeld
    sysfault "$1" "$program" "$n" "${@:2}"
    disturb "$phase" "$program"
    MESSAGES=3 load 1 40
    fired=$(sysfault fired)
    sysfault off
    [ "$BAD" -eq 0 ] || not_ok "$program, $phase: $* $n" "NOT SIGNED AS IT SHOULD BE: $LOADED"
    comes_back "$program" "$1" || { not_ok "$program, $phase: $* $n" "does not come back: $(tail -n 2 "$WORK/log/zegeld")" && return 1; }
    [ "$(said 'has not answered for')" -eq "$hangs" ] || not_ok "$program, $phase: $* $n" "hung, and was replaced: $(grep 'has not answered for' "$WORK/log/zegeld" | tail -n 1)"
    [ "$fired" -gt 0 ]
}

# Which ones are to fail, one a line: N, or N@STACK (sysfault_tool.c).
which_ones() { # PHASE PROGRAM KIND
    local n stack calls all
    # A first start differs from a later one only in what zegeld makes of a child that ends before it was ever ready.
    if [ -z "$SOAK" ] || [ "$1 $2" = "first ${2#zegeld}" ]; then
        for ((n = 1; n < 20000; n = n * 5 + 2)); do echo "$n"; done
        return
    fi
    # What is used for the first time in a process's life is no part of what it does while it runs.
    if [ "$1" = first ]; then stop_zegeld; else wait_for 20 one_signed; fi
    sysfault record "$3" "$2"
    disturb "$1" "$2"
    MESSAGES=3 load 1 40
    all=$(sysfault seen)
    sysfault off
    [ "$GOOD" -eq 3 ] || not_ok "$2, $1: $3" "without a fault: $LOADED"
    sysfault stacks >"$WORK/stacks"
    echo "# $2, $1: $3: $all in all, from $(wc -l <"$WORK/stacks") call stacks" >&2
    # A few more than there are: a run is not always as long as the last one.
    for ((n = 1; n <= (all <= EVERY ? all + 10 : EVERY); n++)); do echo "$n"; done
    if [ "$all" -gt "$EVERY" ]; then
        while read -r stack calls; do
            for n in ${OF_EACH/last/$calls}; do
                [ "$n" -gt "$calls" ] || echo "$n@$stack"
            done | sort -u
        done <"$WORK/stacks"
    fi
}

sweep() { # PHASE PROGRAM FAULT...
    local phase=$1 program=$2 n runs=0 tried=0 before at_first missed=0 fired put_off=0 which least=1
    shift 2
    before=$(crashes) at_first=$before
    which_ones "$phase" "$program" "$1" >"$WORK/which" # not in a pipe: what is not ok there counts here
    mapfile -t which <"$WORK/which"
    # Not each run is as the one that was recorded. A sparse list ends with one that is never reached.
    [ ${#which[@]} -lt 20 ] || [ $# -gt 2 ] || least=$((${#which[@]} / 2))
    for n in "${which[@]}"; do
        tried=$((tried + 1))
        if one "$phase" "$program" "$n" "$@"; then runs=$((runs + 1)) missed=0; else missed=$((missed + 1)); fi
        put_off=$((put_off + TEMPFAIL + LOST))
        [ -n "$SOAK" ] || [ "$missed" -eq 0 ] || break
        [ -z "$SOAK" ] || [ $((tried % 200)) -ne 0 ] || echo "# $(date +%T) $program, $phase: $* $tried of ${#which[@]}" >&2
    done
    # libcrypto 3.0 and libseccomp do not survive every allocation that fails while they set themselves up: that is before any
    # mail, and the process is started again. SoftHSM does not always: that is why it has a process of its own. Our code does.
    [ "${phase/first/starting} $1" != "starting alloc" ] && [ "$program $1" != "zegel-token alloc" ] || before=$(crashes)
    verdict "$program, $phase: $*" "$runs faults of $tried tried, $put_off messages put off, $(($(crashes) - at_first)) crashes, $(ours) of them ours" \
        test "$(crashes)" -eq "$before" -a "$runs" -ge "$least" -a "$(ours)" -eq 0
    [ "$(ours)" -eq 0 ] || whose | grep -vE "$THEIRS" | sort | uniq -c
    kill -0 "$ZEGELD_PID" 2>/dev/null || die "zegeld itself has ended: $(tail -n 3 "$WORK/log/zegeld")"
}

for program in $PROGRAMS; do
    sweep running "$program" alloc
    for error in $(short_or "EIO short" "EINTR EIO short"); do sweep running "$program" call "$error"; done
    sweep first "$program" alloc
    for error in $(short_or "" "EINTR EIO short"); do sweep first "$program" call "$error"; done
    [ "$program" != zegeld ] || continue
    sweep starting "$program" alloc
    for error in $(short_or "short" "EINTR EIO short"); do sweep starting "$program" call "$error"; done
    [ "$program" != zegel-signer ] || sweep running "$program" call ENOSPC pwrite
done
whose | sort | uniq -c
[ "$TEARS" -eq 0 ] || echo "SoftHSM tore its token $TEARS times; it was put back"
stop_zegeld
audit_holds
verdict "audit log after all this" "$(tail -n 1 "$WORK/verify")" audit_holds
conclude
