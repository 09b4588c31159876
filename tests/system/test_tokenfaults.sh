#!/bin/bash
# The token under fire: what a module may do to us, done by p11fault.so at the head of the real SoftHSM. Nothing is ever lost
# (each message is signed or gets a 4xx), nothing unsigned passes, and signing resumes by itself. SOAK=1: the long forms.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=faultlib.sh
. "$(dirname "$0")/faultlib.sh"

need_programs
make_work_dir
SHOW_LOGS=1
make_fault_tokens >/dev/null || die "no tokens"

# ---- token removed and back
removals() { # NAME ROUNDS
    local name=$1 rounds=$2 i logins most=0 slowest=0 begin took
    fault "${3:-clear}"
    one_signed || { not_ok "$name" "not signed before: $LOADED" && return; }
    for ((i = 1; i <= rounds; i++)); do
        fault remove
        one_refused || { not_ok "$name" "round $i: without a token: $LOADED" && return; }
        logins=$(calls C_Login)
        begin=$(now_ms)
        fault return
        wait_for 15 one_signed || { not_ok "$name" "round $i: not signed again: $(tail -n 2 "$WORK/log/zegeld")" && return; }
        took=$(($(now_ms) - begin))
        [ "$took" -le "$slowest" ] || slowest=$took
        logins=$(($(calls C_Login) - logins))
        [ "$logins" -le "$most" ] || most=$logins
    done
    verdict "$name" "$rounds times, signing again after $slowest ms at most, $most C_Login each at most" \
        test "$most" -eq 1 -a "$slowest" -le "$(short_or 10000 2000)"
}
fresh_zegeld 2s
removals "token removed and back" "$(short_or 5 200)"
removals "token removed and back in another slot" "$(short_or 3 50)" moves

# ---- session, object, login lost: each rung of the ladder is used, and no message is lost
rung() { # NAME COUNTER AT_LEAST RULE...
    local name=$1 counter=$2 least=$3 before
    shift 3
    before=$(calls "$counter")
    fault clear
    fault rule "$@"
    MESSAGES=$(short_or 60 2000) load 4 60
    local used=$(($(calls "$counter") - before)) fired
    fired=$(fault fired)
    fault clear
    verdict "$name" "$fired faults, $used $counter; signed $GOOD, tempfail $TEMPFAIL, lost $LOST, bad $BAD" \
        test "$fired" -gt 0 -a "$used" -ge "$least" -a "$TEMPFAIL" -eq 0 -a "$LOST" -eq 0 -a "$BAD" -eq 0
}
rung "rung 1, session lost: a new one" C_OpenSession 5 C_SignInit 3/10 close
rung "rung 2, login lost: once more" C_Login 2 C_SignInit 3/20 logout
rung "rung 3, handles stale: found again" C_FindObjectsInit 2 C_SignInit 5/20 stale
rung "operation lost between the calls" C_OpenSession 3 C_Sign 4/10 CKR_OPERATION_NOT_INITIALIZED
rung "busy" C_Sign 60 C_Sign 2/5 CKR_FUNCTION_FAILED
rung "device error" C_OpenSession 3 C_Sign 5/20 CKR_DEVICE_ERROR
pid=$(token_workers | sort | xargs)
rung "rung 5, not initialised any more: a new process" C_Initialize 1 C_SignInit 20x1 CKR_CRYPTOKI_NOT_INITIALIZED
verdict "rung 5: the worker was another one" "$pid, then $(token_workers | sort | xargs)" test "$pid" != "$(token_workers | sort | xargs)"
fault idle=200
for _ in 1 2 3; do
    sleep 0.3
    one_signed || not_ok "idle sessions expire" "$LOADED"
done
fault idle=0
ok "idle sessions expire"

stop_zegeld
[ "$failed" -eq 0 ] || { echo "$failed failed"; exit 1; }
SHOW_LOGS=
