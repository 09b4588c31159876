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
make_fault_tokens >/dev/null || die "no tokens"
zegel key generate --domain example.nl --selector other --algorithm rsa2048 --token faulty >/dev/null || die "no other key"

# ---- token removed and back
removals() { # NAME ROUNDS WORKERS [moves]
    local name=$1 rounds=$2 workers=$3 i logins most=0 slowest=0 begin took
    fault "${4:-clear}"
    one_signed || { not_ok "$name" "not signed before: $LOADED" && return; }
    for ((i = 1; i <= rounds; i++)); do
        fault remove
        one_refused || { not_ok "$name" "round $i: without a token: $LOADED" && return; }
        logins=$(calls C_Login)
        begin=$(now_ms)
        fault return
        wait_for 30 one_signed || { not_ok "$name" "round $i: not signed again: $(tail -n 2 "$WORK/log/zegeld")" && return; }
        took=$(($(now_ms) - begin))
        [ "$took" -le "$slowest" ] || slowest=$took
        logins=$(($(calls C_Login) - logins))
        [ "$logins" -le "$most" ] || most=$logins
    done
    verdict "$name" "$rounds times, signing again after $slowest ms at most, $most C_Login each at most" \
        test "$most" -ge 1 -a "$most" -le "$workers" -a "$slowest" -le "$(short_or 10000 2000)"
}
fresh_zegeld 2s
removals "token removed and back, two workers" "$(short_or 5 200)" 2
fresh_zegeld 2s "workers: 1"
removals "token removed and back" "$(short_or 3 200)" 1
removals "token removed and back in another slot" "$(short_or 3 50)" 1 moves

# What SoftHSM does that read a token's file while another process wrote it: without a new C_Initialize that worker never signs again.
fresh_zegeld 2s
one_signed || not_ok "token out of sight" "not signed before: $LOADED"
begin=$(now_ms)
fault blind
wait_for 30 one_signed
verdict "the module has lost sight of the token: a fresh process finds it" "after $(($(now_ms) - begin)) ms" one_signed

# ---- session, object, login lost: each rung of the ladder is used, and no message is lost
rung() { # NAME COUNTER AT_LEAST RULE...
    local name=$1 counter=$2 least=$3 before
    shift 3
    before=$(calls "$counter")
    fault clear
    fault rule "$@"
    MESSAGES=$(short_or 60 2000) load 4 60
    used_up() { [ $(($(calls "$counter") - before)) -ge "$least" ]; }
    wait_for 30 used_up # a fresh process starts when the messages have long been signed by the other
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
# The PIN is refused to a worker that is at work already: unlatch is enough.
fault rule C_SignInit 1x1 logout
fault rule C_Login 1x1 CKR_PIN_INCORRECT
MESSAGES=4 load 4 60
[ "$(said 'login: CKR_PIN_INCORRECT')" -eq 1 ] || not_ok "a PIN refused while at work" "it was not"
for pid in $(token_workers); do kill -0 "$pid" || not_ok "a PIN refused while at work" "the worker has ended"; done
workers=$(token_workers | sort | xargs)
zegel token unlatch faulty >/dev/null || not_ok "zegel token unlatch" "status $?"
both_sign() { MESSAGES=20 load 4 60 && [ "$GOOD" -eq 20 ]; }
verdict "a PIN refused while at work: zegel token unlatch, and it goes on" "signed $GOOD, tempfail $TEMPFAIL" wait_for 20 both_sign
fault clear
verdict "... with the same workers" "" test "$workers" = "$(token_workers | sort | xargs)"
pid=$(token_workers | sort | xargs)
others() { [ "$pid" != "$(token_workers | sort | xargs)" ]; }
rung "rung 5, not initialised any more: a new process" C_Initialize 1 C_SignInit 20x1 CKR_CRYPTOKI_NOT_INITIALIZED
verdict "rung 5: the worker was another one" "$pid, then $(token_workers | sort | xargs)" wait_for 30 others
fault idle=200
for _ in 1 2 3; do
    sleep 0.3
    one_signed || not_ok "idle sessions expire" "$LOADED"
done
fault idle=0
ok "idle sessions expire"

# ---- C_Sign hangs: after a second another worker of the token signs; the one that hangs is ended at its deadline
fresh_zegeld 4s
one_signed || not_ok "hang" "not signed before"
fault rule C_Sign 20x1 hang
logins=$(said 'token faulty: logged in')
MESSAGES=$(short_or 600 4000) load 4 60
verdict "C_Sign hangs for ever at load, deadline 4 s, a standby" "signed $GOOD, tempfail $TEMPFAIL, lost $LOST, bad $BAD; slowest $((SLOWEST / 1000)) ms" \
    test "$(fault fired)" -eq 1 -a "$((TEMPFAIL + LOST + BAD))" -eq 0 -a "$SLOWEST" -ge 900000 -a "$SLOWEST" -le "$(short_or 3500000 2000000)"
verdict "... all but that one" "p99 $P99 us, the median $P50 us" test "$P99" -lt 900000
verdict "... and its worker is ended" "" wait_for 30 grep -q 'overran its deadline' "$WORK/log/zegeld"
fault clear
successor_is_there() { [ "$(said 'token faulty: logged in')" -gt "$logins" ]; }
wait_for 30 successor_is_there || not_ok "... and another one is there" "it does not log in"
fault rule C_Login 1x1 hang # of the worker that follows: whoever can sign need not wait for it
for pid in $(token_workers); do
    [ "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d' ' -f2)" != faulty ] || { kill -9 "$pid" && break; }
done
MESSAGES=100 load 4 60
verdict "a worker killed, and its successor hangs in C_Login" "signed $GOOD, tempfail $TEMPFAIL, lost $LOST; slowest $((SLOWEST / 1000)) ms" \
    test "$GOOD" -eq 100 -a "$SLOWEST" -lt "$(short_or 3500000 2000000)"

# ---- the same without a standby; who uses another token notices nothing
fresh_zegeld 1s "workers: 1"
one_signed || not_ok "hang" "not signed before"
fault rule C_Sign 1x1 hang
(DOMAIN=example.org load 4 3 && echo "$LOADED" >"$WORK/others") &
others=$!
begin=$(now_ms)
MESSAGES=1 load 1 30
took=$(($(now_ms) - begin))
verdict "C_Sign hangs for ever, deadline 1 s" "signed $GOOD after $took ms" test "$GOOD" -eq 1 -a "$took" -ge 900 -a "$took" -le "$(short_or 15000 3000)"
wait "$others"
read -r rate _ p99 _ good tempfail lost bad slowest _ <"$WORK/others"
verdict "... meanwhile another token" "$rate messages/s, p99 $p99 us, slowest $slowest us" \
    test "$good" -gt 0 -a "$((tempfail + lost + bad))" -eq 0 -a "$slowest" -lt 900000
for call in C_Login C_OpenSession C_GetSlotList C_Initialize C_FindObjects; do
    fault clear
    fault rule "$call" 1x1 hang
    fault rule C_SignInit 1x1 CKR_CRYPTOKI_NOT_INITIALIZED # the next worker finds the hang
    verdict "$call hangs at start" "signed by the one after" one_signed
    [ "$(fault fired)" -eq 2 ] || not_ok "$call hangs at start" "it did not"
done

# ---- crashes
fresh_zegeld 2s
fault rule C_Sign 50/50 crash
fault rule C_SignInit 77/77 exit=0
load 8 "$(short_or 4 300)"
verdict "module crashes at every 50th C_Sign, exits at every 77th C_SignInit, $(short_or 4 300) s" \
    "$(fault fired) times; signed $GOOD, tempfail $TEMPFAIL, lost $LOST, bad $BAD; slowest $((SLOWEST / 1000)) ms" \
    test "$(fault fired)" -gt 2 -a "$TEMPFAIL" -eq 0 -a "$LOST" -eq 0 -a "$BAD" -eq 0
fault clear
fault rule C_Sign 10/10 fork
MESSAGES=100 load 4 60
verdict "module forks" "$(fault fired) tries, $(fault forks) processes; signed $GOOD" test "$(fault fired)" -gt 5 -a "$(fault forks)" -eq "$(if sanitized; then fault fired; else echo 0; fi)" -a "$GOOD" -eq 100

# ---- wrong signatures
for bend in flip=0 flip=777 flip=2047 short=1; do
    fresh_zegeld 2s
    fault rule C_Sign 1+ "$bend"
    MESSAGES=20 load 2 60
    verdict "every signature $bend" "released $GOOD, tempfail $TEMPFAIL; quarantined $(said 'QUARANTINED') keys" \
        test "$GOOD" -eq 0 -a "$TEMPFAIL" -eq 20 -a "$BAD" -eq 0 -a "$(said QUARANTINED)" -eq 2
done
# ---- a token that lies: the signature of something else, with another key, of another length, and about its public key
lies() { # NAME QUARANTINED RULE...
    local name=$1 quarantined=$2
    shift 2
    fresh_zegeld 2s
    fault rule "$@"
    [ "$1" != C_GetAttributeValue ] || for pid in $(token_workers); do kill -9 "$pid"; done # they have looked already
    MESSAGES=$(short_or 4 40) load 4 60
    verdict "lying token: $name" "$(fault fired) lies; released $GOOD, tempfail $TEMPFAIL, lost $LOST, bad $BAD; quarantined $(said QUARANTINED)" \
        test "$(fault fired)" -gt 0 -a "$GOOD" -eq 0 -a "$TEMPFAIL" -eq "$(short_or 4 40)" -a "$BAD" -eq 0 -a "$(said QUARANTINED)" -ge "$quarantined"
}
lies "signs something else" 2 C_Sign 1+ other=100
lies "signs with another key" 1 C_SignInit 1+ swap
lies "a longer signature than there is" 2 C_Sign 1+ long=1
lies "a signature of a million octets" 0 C_Sign 1+ long=1000000
lies "shows another public key" 0 C_GetAttributeValue 1+ lie=77
fresh_zegeld 2s
one_signed || not_ok "lying token: another public key later" "not signed before"
fault rule C_GetAttributeValue 1+ lie=77
for pid in $(token_workers); do kill -9 "$pid"; done
MESSAGES=4 load 4 60
verdict "lying token: another public key than the one that was pinned" "released $GOOD, tempfail $TEMPFAIL; $(said 'another public key than before') said" \
    test "$GOOD" -eq 0 -a "$TEMPFAIL" -eq 4 -a "$BAD" -eq 0 -a "$(said 'another public key than before')" -gt 0

# A worker that was taken over waits for a signer that has seen nothing yet: its key is another one of that name, and signs well.
fresh_zegeld 2s
one_signed || not_ok "another key of that name" "not signed before"
mkdir "$WORK/elsewhere"
sed "s|^state: .*|state: $WORK/elsewhere|" "$WORK/zegel.yaml" >"$WORK/elsewhere/zegel.yaml" # whose signer knows nothing of it
{ "$BUILD/zegel" key destroy --config "$WORK/elsewhere/zegel.yaml" --domain example.nl --selector e --token faulty &&
    zegel key generate --domain example.nl --selector e --algorithm ed25519 --token faulty; } >/dev/null || die "no other key"
for pid in $(pgrep -P "$ZEGELD_PID" zegel-signer) $(token_workers); do kill -9 "$pid"; done
MESSAGES=4 load 4 60
verdict "lying token: another key of that name, and a new signer" "released $GOOD, tempfail $TEMPFAIL; $(said 'another public key than before') said" \
    test "$GOOD" -eq 0 -a "$TEMPFAIL" -eq 4 -a "$BAD" -eq 0 -a "$(said 'another public key than before')" -gt 0
stop_zegeld
start_zegeld
verdict "... and a new zegeld" "" one_refused
zegel key forget --domain example.nl --selector e >/dev/null || not_ok "zegel key forget" "status $?"
stop_zegeld
start_zegeld
verdict "... until zegel key forget" "$(wc -l <"$WORK/state/audit/public-keys") lines" wait_for 20 one_signed
verdict "... and of zegel key forget, only of a key that is configured" "" test "$(zegel key forget --domain example.nl --selector none >/dev/null 2>&1; echo $?)" -eq 1

fresh_zegeld 2s
fault rule C_Sign 3x1 flip=5
MESSAGES=20 load 2 60
verdict "one wrong signature" "signed $GOOD, tempfail $TEMPFAIL" test "$GOOD" -eq 19 -a "$TEMPFAIL" -eq 1 -a "$BAD" -eq 0

# ---- a wrong PIN: sent once, ever
stop_zegeld
rm -rf "$WORK/state"
: >"$WORK/log/zegeld"
fault new
fault pin=3
write_fault_config 2s
cp "$WORK/pin" "$WORK/right"
(umask 077 && echo 99999999 >"$WORK/pin")
sed -i "/name: good/,/pin:/s|$WORK/pin|$WORK/right|" "$WORK/zegel.yaml"
restarts=$(short_or 10 100)
for ((i = 0; i < restarts; i++)); do
    start_zegeld
    wait_for 30 grep -qE 'CKR_PIN_INCORRECT|was refused before' "$WORK/log/zegeld" || not_ok "wrong PIN" "not said"
    if [ "$i" -eq 0 ]; then one_refused || not_ok "wrong PIN" "$LOADED"; fi
    if [ "$i" -eq 1 ]; then for pid in $(token_workers); do kill -9 "$pid"; done; fi
    stop_zegeld
done
verdict "wrong PIN, two workers, $restarts restarts" "$(calls C_Login) C_Login" test "$(calls C_Login)" -eq 1
cp "$WORK/right" "$WORK/pin"

# ---- a slow token and a crowd: bounded, and others are not starved
fresh_zegeld 5s
fault rule C_Sign 1+ delay=500
signer=$(pgrep -P "$ZEGELD_PID" zegel-signer)
rss() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$signer/status"; }
start crowd "$LOAD" 127.0.0.1 "$MILTER_PORT" 200 "$(short_or 30 60)" 1000 2
crowd=$STARTED
sleep 1
rss_before=$(rss)
DOMAIN=example.org load 4 2
verdict "slow token, 200 connections: others" "$GOOD signed, p99 $P99 us, slowest $((SLOWEST / 1000)) ms" \
    test "$GOOD" -gt 20 -a "$((TEMPFAIL + LOST + BAD))" -eq 0
sleep "$(short_or 1 40)"
verdict "slow token, 200 connections: memory of the signer" "$rss_before, then $(rss) kB" test "$(rss)" -le $((rss_before + 8192))
if [ -n "$SOAK" ]; then
    wait "$crowd"
    read -r _ _ _ _ good tempfail lost bad slowest _ <"$WORK/log/crowd"
    verdict "slow token, 200 connections" "signed $good, tempfail $tempfail, lost $lost, bad $bad; slowest answer $((slowest / 1000)) ms" \
        test "$good" -gt 0 -a "$tempfail" -gt 0 -a "$((lost + bad))" -eq 0 -a "$slowest" -lt 30000000
else
    kill "$crowd" # who is refused for want of time waits 20 s for it
fi
stop_zegeld
audit_holds
verdict "audit log after all this" "$(tail -n 1 "$WORK/verify")" audit_holds

stop_zegeld
conclude
