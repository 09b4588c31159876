#!/bin/bash
# Approvals that are refused, before any login; a token that fails, vanishes, crashes or signs wrongly in the middle of a ceremony; no
# room for the PIN latch; a clock that is set back: each time the ceremony stops with a line that says why, and goes on when that is mended.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/faultlib.sh
. "$SYSTEM/faultlib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs pkcs11-tool unshare strace
[ -x "$FAULT" ] || die "$FAULT is missing: run 'make tests'"
make_work_dir
make_people
REAL=$MODULE
export P11FAULT_MODULE=$REAL P11FAULT_CONTROL=$WORK/fault
fault new
A=$WORK/one
MODULE=$BUILD/tests/p11fault.so prepare "$A" 1 --key example.nl/z1:rsa2048 --key example.nl/z2:ed25519 >/dev/null || die "prepare"
MODULE=$REAL approve "$A" alice bob >/dev/null || die "approve"
rm -f "$A/script.pdf"
mkdir "$WORK/base"
cp -r "$A" "$WORK/base/one"
cp -r "$WORK/softhsm/tokens" "$WORK/base/tokens"
reset() {
    fault clear
    rm -rf "$A" "$WORK/softhsm/tokens" "$WORK/state/pin"
    cp -r "$WORK/base/one" "$A"
    cp -r "$WORK/base/tokens" "$WORK/softhsm/tokens"
}
on_token() { pkcs11-tool --module "$REAL" --token-label zegel --login --pin 1234 -O 2>/dev/null | grep -c "label: *example.nl/$1"; }

# goes_on NAME: the same command, and each key is there once
goes_on() {
    fault clear
    if ! run "$A" >"$WORK/out" 2>"$WORK/err"; then
        not_ok "$1" "does not go on: $(cat "$WORK/err")"
    elif [ "$(on_token z1)" -ne 2 ] || [ "$(on_token z2)" -ne 2 ]; then
        not_ok "$1" "the token has not two whole pairs"
    else
        echo "ok   $1, and goes on"
    fi
}

# ---- approvals come first: while they are refused, no C_Login (the module counts), and the token's module is not even started

# untouched NAME REGEX: what $A has become is refused, with the token left alone
untouched() {
    fault new
    refused "$1: no C_Login" 1 "$2" run "$A"
    [ "$(fault calls C_Login)" -eq 0 ] || not_ok "$1" "$(fault calls C_Login) times C_Login"
    [ "$(fault calls C_Initialize)" -eq 0 ] || not_ok "$1" "$(fault calls C_Initialize) times C_Initialize"
}
signed_by() { # CERTIFICATE NAME: with an approval of the plan as NAME's, by the key of that certificate
    openssl cms -sign -binary -nocerts -nosmimecap -md sha256 -outform DER -in "$A/plan.json" -signer "$WORK/people/$1.pem" \
        -inkey "$WORK/people/$1.key" -out "$A/approval-$2.p7s" || die "cms"
}
reset
rm "$A"/approval-*.p7s
untouched "no approval" ': 0 of the 2 approvals that the plan needs; let another custodian'
reset
rm "$A/approval-bob.p7s"
untouched "threshold one short" ': 1 of the 2 approvals that the plan needs; let another custodian'
reset
cp "$A/approval-alice.p7s" "$A/approval-bob.p7s"
untouched "one approval twice" 'approval-bob.p7s: is by another certificate'
reset
mv "$A/approval-alice.p7s" "$WORK/swap"; mv "$A/approval-bob.p7s" "$A/approval-alice.p7s"; mv "$WORK/swap" "$A/approval-bob.p7s"
untouched "approvals swapped" 'is by another certificate'
reset
signed_by carol bob
untouched "a custodian's approval under another name" 'approval-bob.p7s: is by another certificate'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 -subj /CN=bob -keyout "$WORK/people/foreign.key" \
    -out "$WORK/people/foreign.pem" 2>/dev/null
reset
signed_by foreign bob
untouched "a foreign certificate" 'approval-bob.p7s: is by another certificate'
reset
signed_by dave dave
untouched "the administrator approves" 'the administrator never approves'
reset
MODULE=$BUILD/tests/p11fault.so prepare "$WORK/other" 1 --key evil.nl/z1:rsa2048 >/dev/null || die "prepare other"
MODULE=$REAL approve "$WORK/other" bob >/dev/null || die "approve other"
cp "$WORK/other/approval-bob.p7s" "$A"
untouched "an approval of another plan" 'approval-bob.p7s: does not fit'
reset
cp "$WORK/other/plan.yaml" "$WORK/other/plan.json" "$A"
untouched "another plan under the approvals" 'does not fit'
reset
"$PYTHON" - "$A/approval-bob.p7s" <<'PY' # one bit of the signature itself, which comes last
import sys
b = bytearray(open(sys.argv[1], "rb").read())
b[-1] ^= 1
open(sys.argv[1], "wb").write(b)
PY
untouched "an approval that was changed" 'approval-bob.p7s: '
if ! nm "$BUILD/zegel" | grep -q '__[at]san_init'; then
    reset
    "$PYTHON" -c 'import struct,sys; open(sys.argv[1],"wb").write(struct.pack("<q", 40 * 86400))' "$WORK/step"
    fault new
    refused "approvals of an expired plan: no C_Login" 1 'the plan is valid until' \
        env LD_PRELOAD="$BUILD/tests/clockstep.so" CLOCKSTEP="$WORK/step" "$BUILD/zegel" ceremony run --pin "file:$WORK/pin" \
        --state "$WORK/state" --non-interactive "$A"
    [ "$(fault calls C_Login)" -eq 0 ] || not_ok "an expired plan" "$(fault calls C_Login) times C_Login"
fi
reset
fault new
goes_on "the same with both approvals"
[ "$(fault calls C_Login)" -ge 1 ] || not_ok "the same with both approvals" "its C_Login is not counted, so the above says nothing"

# ---- no room for the PIN latch, on a file system that is really full: no PIN is sent, and the line says which directory
full() { # COMMAND...: with $WORK/full full
    # shellcheck disable=SC2016 # expands within
    unshare --mount sh -c 'mount -t tmpfs -o size=4k zegel-test "$0" && mkdir "$0/pin" && echo full >"$0/filler" && "$@"' "$WORK/full" "$@"
}
mkdir "$WORK/full"
if full true 2>/dev/null; then
    reset
    fault new
    refused "no room for the PIN latch" 3 \
        "^zegel ceremony run: PIN latch $WORK/full/pin/ceremony.latch: .*No space left on device; no PIN was sent to the token; free space in $WORK/full/pin " \
        full "$BUILD/zegel" ceremony run --pin "file:$WORK/pin" --state "$WORK/full" --non-interactive "$A"
    [ "$(fault calls C_Login)" -eq 0 ] || not_ok "no room for the PIN latch" "$(fault calls C_Login) times C_Login"
    goes_on "no room for the PIN latch"
fi

for call in C_GetTokenInfo C_OpenSession C_Login C_FindObjects C_GetAttributeValue C_SignInit C_Sign; do
    for deed in CKR_DEVICE_ERROR crash; do
        reset
        fault rule "$call" 1+ "$deed"
        if run "$A" >"$WORK/out" 2>"$WORK/err"; then not_ok "$call: $deed" "did not stop"; fi
        if [ "$deed" != crash ] && [ "$(wc -l <"$WORK/err")" -ne 1 ]; then not_ok "$call: $deed" "says $(cat "$WORK/err")"; fi
        goes_on "$call: $deed"
    done
done

# A signature that is none proves nothing: the key is destroyed again, and a sound one is made on the next run.
reset
fault rule C_Sign 1x1 flip=77
refused "a wrong signature" 1 'no proof that the token holds the private half; it was destroyed again' run "$A"
[ "$(on_token z1)" -eq 0 ] || not_ok "a wrong signature" "the key is on the token still"
goes_on "a wrong signature"

reset
fault remove
refused "the token is pulled out" 3 'matches no token' run "$A"
fault return
goes_on "the token is pulled out"

# The token is pulled out in mid step: the run is held (SIGSTOP) at a sync, the token goes, the run goes on without it.
if strace -f -qq -o /dev/null true 2>/dev/null; then
    pulled=0
    held() { grep -q 'stopped by SIGSTOP' "$WORK/trace" || ! kill -0 "$tracer" 2>/dev/null; }
    for ((n = 5; ; n += $(short_or 4 1))); do
        reset
        : >"$WORK/trace"
        ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -qq -o "$WORK/trace" -e trace=fsync -e "inject=fsync:signal=SIGSTOP:when=$n" \
            "$BUILD/zegel" ceremony run --pin "file:$WORK/pin" --state "$WORK/state" --non-interactive "$A" >"$WORK/out" 2>"$WORK/err" &
        tracer=$!
        wait_for 60 held || die "the run neither stops nor ends"
        fault remove
        pid=$(awk '/stopped by SIGSTOP/ { print $1; exit }' "$WORK/trace")
        [ -z "$pid" ] || kill -CONT "$pid"
        status=0
        wait "$tracer" || status=$?
        fault return
        [ -n "$pid" ] || break # it has fewer syncs than that
        [ "$status" -ne 0 ] || continue # it was done with the token
        pulled=$((pulled + 1))
        if [ "$status" -ne 3 ] || [ "$(wc -l <"$WORK/err")" -ne 1 ] || ! grep -qE '(CKR_DEVICE_REMOVED|matches no token).*; plug' "$WORK/err"; then
            not_ok "pulled out at sync $n" "exit status $status, $(cat "$WORK/err")"
        fi
        goes_on "pulled out at sync $n"
    done
    [ "$pulled" -ge 2 ] || not_ok "pulled out in mid step" "$pulled times only"
fi
# Pulled out in the middle of a step, at any call of the module (SOAK=1: each): what the token has, it keeps.
for call in C_FindObjects C_GetAttributeValue C_SignInit C_Sign; do
    times=0
    for ((n = 1; ; n += $(short_or 20 1))); do
        reset
        fault rule "$call" "${n}x1" remove
        if run "$A" >"$WORK/out" 2>"$WORK/err"; then break; fi
        times=$((times + 1))
        if [ "$(wc -l <"$WORK/err")" -ne 1 ] || ! grep -qE '(CKR_DEVICE_REMOVED|CKR_TOKEN_NOT_PRESENT|matches no token).*plug' "$WORK/err"; then
            not_ok "pulled out at $call $n" "says $(cat "$WORK/err")"
        fi
        fault return
        goes_on "pulled out at $call $n"
    done
    [ "$times" -gt 0 ] || not_ok "pulled out at $call" "never was"
done
fault return
# Does not answer once: what could not be read is not taken for what the token has (an inventory without a key, notes that somebody
# else wrote, an attribute that it does not say).
for call in C_FindObjects C_GetAttributeValue; do
    times=0
    for ((n = 5; ; n += $(short_or 25 1))); do
        reset
        fault rule "$call" "${n}x1" CKR_DEVICE_ERROR
        if ! run "$A" >"$WORK/out" 2>"$WORK/err"; then
            times=$((times + 1))
            if [ "$(wc -l <"$WORK/err")" -ne 1 ] || ! grep -q 'CKR_DEVICE_ERROR; it is tried again' "$WORK/err"; then
                not_ok "no answer to $call $n" "says $(cat "$WORK/err")"
            fi
            goes_on "no answer to $call $n"
        elif [ "$(fault fired)" -eq 0 ]; then
            break
        fi
        { MODULE=$REAL seal "$A" && MODULE=$REAL approve "$A" alice bob erin; } >"$WORK/out" 2>&1 || not_ok "no answer to $call $n" "$(cat "$WORK/out")"
        Z verify "$A" >"$WORK/out" 2>"$WORK/err" || not_ok "no answer to $call $n: verify" "$(cat "$WORK/err")"
    done
    [ "$times" -gt 0 ] || not_ok "no answer to $call" "was never noticed"
done

# The clock: forward a day is time that passed; back is refused.
if ! nm "$BUILD/zegel" | grep -q '__[at]san_init'; then
    step() { "$PYTHON" -c 'import struct,sys; open(sys.argv[1],"wb").write(struct.pack("<q", int(sys.argv[2])))' "$WORK/step" "$1"; }
    stepped() { LD_PRELOAD=$BUILD/tests/clockstep.so CLOCKSTEP=$WORK/step run "$A"; }
    reset
    fault rule C_Sign 1+ CKR_DEVICE_ERROR
    step 86400
    stepped >/dev/null 2>&1 && not_ok "clock" "did not stop"
    fault clear
    step 0
    refused "the clock was set back" 1 'the clock was set back; correct it first' stepped
    step 86401
    accepted "and is right again" stepped
    reset
    step $((40 * 86400))
    refused "an expired plan" 1 'the plan is valid until' stepped
fi

conclude
