#!/bin/bash
# A token that fails, vanishes, crashes or signs wrongly in the middle of a ceremony, and a clock that is set back: each time the
# ceremony stops with a line that says why, and goes on when that is mended.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs pkcs11-tool
FAULT=$BUILD/tests/p11fault
[ -x "$FAULT" ] || die "$FAULT is missing: run 'make tests'"
make_work_dir
make_people
REAL=$MODULE
export P11FAULT_MODULE=$REAL P11FAULT_CONTROL=$WORK/fault
fault() { "$FAULT" "$WORK/fault" "$@"; }
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
