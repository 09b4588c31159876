#!/bin/bash
# Ceremonies with two SmartCard-HSMs that share a Device Key Encryption Key: OpenSC's sc-hsm-tool and its PKCS#11 module, pcscd and vpcd
# are the real ones, the cards are tests/mock/smartcardhsm.py. No real card was used. SOAK=1: with the key derivation at its full length.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/firmware/harness.sh
. "$ROOT/tests/firmware/harness.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"
harness_enter "$@"
need_ceremony_programs sc-hsm-tool pkcs15-tool pkcs11-tool pcscd strace
make_work_dir
make_people
OPENSC=$(dpkg -L opensc-pkcs11 | grep '/opensc-pkcs11.so$' | head -n 1)
start_reader
for card in 1 2; do
    start "card$card" "$PYTHON" "$ROOT/tests/mock/smartcardhsm.py" $((VPCD_PORT + card - 1)) "DEZEGEL000$card"
done
export HSM_PIN=648219 HSM_SO_PIN=3537363231383830
(umask 077; echo "$HSM_PIN" >"$WORK/hsm-pin")

hsm() { # ARGUMENTS...: sc-hsm-tool, with few rounds unless there is time
    if [ -n "${SOAK:-}" ]; then sc-hsm-tool "$@"; else LD_PRELOAD=$BUILD/tests/fewrounds.so sc-hsm-tool "$@"; fi
}
custodian() {
    if [ -n "${SOAK:-}" ]; then "$PYTHON" "$SYSTEM/ceremony_dkek.py" "$@"; else LD_PRELOAD=$BUILD/tests/fewrounds.so "$PYTHON" "$SYSTEM/ceremony_dkek.py" "$@"; fi
}
initialise() { # READER LABEL SHARES: erases the card
    hsm --reader "$1" --initialize --so-pin env:HSM_SO_PIN --pin env:HSM_PIN --dkek-shares "$3" --label "$2"
}
check_value() { hsm --reader "$1" 2>/dev/null | sed -n 's/^DKEK key check value : //p' | tr A-F a-f; }
import_all() { # READER
    custodian import "$1" "$WORK/alice.share" "correct horse" && custodian import "$1" "$WORK/bob.share" "battery staple" &&
        custodian import-shared "$1" "$WORK/carol.share" "$WORK/carol.two"
}
on_card() { pkcs11-tool --module "$OPENSC" --token-label "$1 (UserPIN)" --login --pin env:HSM_PIN "${@:2}" 2>/dev/null; }
count() { on_card "$1" -O | grep -c "label: *$2\$"; }
plan() { # DIR SERIAL OPTION...
    MODULE=$OPENSC prepare "$1" "$2" --label "zegel (UserPIN)" --backup-label "vault (UserPIN)" --backup-dkek "$VALUE" "${@:3}"
}
hold_run() { # DIR [OPTION...]
    Z run --pin "file:$WORK/hsm-pin" --backup-pin "file:$WORK/hsm-pin" --state "$WORK/state" --non-interactive "${@:2}" "$1"
}

# ---- the shares of the DKEK, one custodian each; carol's has a password that no one person knows
is_there() { hsm --reader "$1" 2>&1 | grep -q '^Version'; }
for reader in 0 1; do wait_for 30 is_there "$reader" || die "no card in reader $reader: $(hsm --reader "$reader" 2>&1)"; done
accepted "alice makes a DKEK share" custodian create "$WORK/alice.share" "correct horse"
accepted "bob makes one" custodian create "$WORK/bob.share" "battery staple"
accepted "carol's has a password in three shares" custodian create-shared "$WORK/carol.share" 2 3 "$WORK/carol.all"
sed -n '1p;2p;4p' "$WORK/carol.all" >"$WORK/carol.two"
accepted "the first card" initialise 0 zegel 3
# sc-hsm-tool knows a wrong password by the padding: one in 256 makes a wrong share, which only the check value shows.
wrong() { local n; for n in 1 2 3; do custodian import 0 "$WORK/alice.share" "battery staple $n" || return; done; }
refused "a wrong password" 1 'Error decrypting DKEK share. Password correct' wrong
initialise 0 zegel 3 >/dev/null || die "initialise"
accepted "each imports theirs" import_all 0
VALUE=$(check_value 0)
[[ "$VALUE" =~ ^[0-9a-f]{16}$ ]] || die "no check value: $(hsm --reader 0 2>&1)"
accepted "the second card, with one share only" initialise 1 vault 1
custodian import 1 "$WORK/alice.share" "correct horse" || die "import"
[ "$(check_value 1)" != "$VALUE" ] || not_ok "another DKEK" "has the same check value"

# ---- the plan
A=$WORK/one
refused "a DKEK for Ed25519" 1 'P14: backup.*z1 is an Ed25519 key' plan "$WORK/no" 1 --key example.nl/z1:ed25519
short() { local VALUE=2f97D86c1ce33b33; plan "$WORK/short" 1 --key example.nl/z1:rsa2048; }
refused "a check value that is none" 1 'P14: backup.*dkek: is 2f97D86c1ce33b33' short
accepted "a plan with a DKEK" plan "$A" 1 --backup-restored keep --key example.nl/z1:rsa2048
grep -q '^W5: ' "$WORK/out" || not_ok "a plan with a DKEK" "does not warn"
accepted "lint" Z lint "$A/plan.yaml"
grep -q '^W5: ' "$WORK/out" || not_ok "lint" "does not warn"
accepted "rehearse" Z rehearse --non-interactive "$A"
approve "$A" alice bob >/dev/null || die "approve"

# ---- the second card is not as planned; then it is, and the same command goes on
refused "another DKEK on the second card" 1 "its DKEK has the check value [0-9a-f]{16}, not the plan's $VALUE" hold_run "$A"
! grep -q '"event":"done".*"step":"use plan"' "$A/journal.jsonl" || not_ok "another DKEK" "the plan is used up"
{ initialise 1 vault 3 && custodian import 1 "$WORK/alice.share" "correct horse"; } || die "initialise"
refused "shares are missing" 1 'waits for DKEK shares' hold_run "$A"
{ initialise 1 vault 3 && import_all 1; } || die "import"
until_backup() { printf 'Yes\nYes\nYes\nNo\n' | Z run --pin "file:$WORK/hsm-pin" --backup-pin "file:$WORK/hsm-pin" --state "$WORK/state" "$A"; }
refused "stopped before the backup" 1 'stopped before step 5 .backup example.nl/z1' until_backup
{ initialise 1 vault 1 && custodian import 1 "$WORK/bob.share" "battery staple"; } || die "initialise"
refused "another card by then" 1 "its DKEK has the check value [0-9a-f]{16}, not the plan's $VALUE" hold_run "$A"
[ "$(count vault example.nl/z1)" -eq 0 ] || not_ok "another DKEK" "the key is on the second card"
{ initialise 1 vault 3 && import_all 1; } || die "import"
accepted "run" strace -f -qq -s 4096 -o "$WORK/trace" -e trace=execve "$BUILD/zegel" ceremony run --pin "file:$WORK/hsm-pin" \
    --backup-pin "file:$WORK/hsm-pin" --state "$WORK/state" --non-interactive "$A"
[ "$(grep -c 'execve("/usr/bin/sc-hsm-tool"' "$WORK/trace")" -eq 4 ] || not_ok "run" "sc-hsm-tool was not run for check, check, wrap, unwrap: $(grep -c sc-hsm-tool "$WORK/trace")"
! grep -q "$HSM_PIN" "$WORK/trace" || not_ok "run" "the PIN is an argument"
for card in zegel vault; do [ "$(count $card example.nl/z1)" -eq 2 ] || not_ok "run" "the card $card has no pair"; done
{ seal "$A" && approve "$A" alice bob erin; } >/dev/null || die "seal"
accepted "verify" env -i "$BUILD/zegel-ceremony-verify" --trust "$WORK/people/trust.pem" "$A"
grep -q 'proved    example.nl/z1: restored from its backup, it signed' "$WORK/out" || not_ok "verify" "does not tell of the restore test"
grep -q 'both cards said the DKEK check value of the plan' "$WORK/out" || not_ok "verify" "does not tell of the check value"
accepted "the independent script" "$PYTHON" "$SYSTEM/ceremony_audit.py" "$A" "$WORK/people"
refused "it permits no wrapped-backup: in zegel.yaml" 1 'not one that permits to have a wrapped backup' \
    Z permits --trust "$WORK/people/trust.pem" "$A" backup example.nl/z1 "$(print_of "$A" 0)"
accepted "the encrypted key, mutated" env SPREAD=1 "$PYTHON" "$SYSTEM/ceremony_mutate.py" "$BUILD/zegel-ceremony-verify" "$A" backup-example.nl-z1.json
copy() { C=$WORK/copy; rm -rf "$C"; cp -r "$A" "$C"; "$PYTHON" "$SYSTEM/ceremony_forge.py" "$C" "$1"; }
everybody="alice bob carol erin transcript-key"
copy dkek; forge "all of them lie: another check value" 'was not made with the DKEK of the plan' "$everybody"
copy no-dkek; forge "all of them lie: none" 'was not made with the DKEK of the plan' "$everybody"

# ---- both cards are lost: a new one, the shares, and sc-hsm-tool alone; no program of ours
{ initialise 1 vault 3 && import_all 1; } || die "import"
"$PYTHON" - "$A" "$WORK" <<'PY'
import base64, json, sys
k = json.load(open(sys.argv[1] + "/backup-example.nl-z1.json"))
open(sys.argv[2] + "/wrapped", "wb").write(base64.b64decode(k["key"]))
r = json.load(open(sys.argv[1] + "/response.json"))
open(sys.argv[2] + "/public", "wb").write(base64.b64decode(r["keys"][0]["spki"]))
PY
accepted "a new card gets the key" hsm --reader 1 --unwrap-key "$WORK/wrapped" --key-reference 1 --pin env:HSM_PIN
signs() {
    head -c 100 /dev/urandom >"$WORK/data"
    on_card vault --sign --mechanism SHA256-RSA-PKCS --label example.nl/z1 -i "$WORK/data" -o "$WORK/signature" &&
        openssl dgst -sha256 -verify "$WORK/public" -keyform DER -signature "$WORK/signature" "$WORK/data"
}
accepted "and signs as the first one did" signs
{ initialise 1 vault 1 && custodian import 1 "$WORK/bob.share" "battery staple"; } || die "initialise"
refused "a card with another DKEK does not get it" 1 'Wrapped key does not match DKEK' \
    hsm --reader 1 --unwrap-key "$WORK/wrapped" --key-reference 1 --pin env:HSM_PIN
{ initialise 1 vault 3 && import_all 1; } || die "import"

# ---- killed behind every few syncs, and taken up again each time; the copy goes, the file stays; then both are destroyed
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
B=$WORK/two
{ plan "$B" 2 --previous "$A" --key example.nl/z2:rsa2048 >/dev/null 2>&1 && approve "$B" alice bob >/dev/null; } || die "prepare two"
times=0
for when in 6 5 6 4 5 7; do
    rm -rf "$WORK/state/pin"
    { strace -f -qq -o /dev/null -e trace=fsync -e "inject=fsync:signal=SIGKILL:when=$when" "$BUILD/zegel" ceremony run --pin "file:$WORK/hsm-pin" \
        --backup-pin "file:$WORK/hsm-pin" --state "$WORK/state" --non-interactive --previous "$A" "$B" >/dev/null 2>&1; } 2>/dev/null
    if [ $? -eq 137 ]; then times=$((times + 1)); fi
done
rm -rf "$WORK/state/pin"
accepted "killed $times times, it goes on" hold_run "$B" --previous "$A"
[ "$times" -ge 4 ] || not_ok "killed" "$times times only"
{ seal "$B" && approve "$B" alice bob erin; } >/dev/null || die "seal two"
accepted "verify that" Z verify --previous "$A" "$B"
[ "$(count zegel example.nl/z2) $(count vault example.nl/z2)" = "2 0" ] || not_ok "killed" "the copy did not go"
C=$WORK/gone
{ plan "$C" 3 --previous "$B" --action destroy --key "example.nl/z1:rsa2048:$(print_of "$A" 0)" >/dev/null 2>&1 && approve "$C" alice bob >/dev/null; } || die "prepare destroy"
accepted "destroyed on both" hold_run "$C" --previous "$B"
{ seal "$C" && approve "$C" alice bob erin; } >/dev/null || die "seal destroy"
accepted "verify the destruction" Z verify --previous "$B" "$C"
[ "$(count zegel example.nl/z1) $(count vault example.nl/z1)" = "0 0" ] || not_ok "destroyed" "a copy is left"

conclude
