#!/bin/bash
# Keys with a backup on a second token: encrypted on the way, restored, tried; then kept there, or removed again; destroyed on both.
# Killed behind each sync, the same command goes on. Changes of what was added to the transcript are noticed.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/faultlib.sh
. "$SYSTEM/faultlib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs pkcs11-tool strace
make_work_dir
make_people
softhsm2-util --init-token --free --label vault --so-pin 12345678 --pin 5678 >/dev/null || die "no second token"
(umask 077; echo 5678 >"$WORK/vault-pin")
on() { pkcs11-tool --module "$MODULE" --token-label "$1" --login --pin "$2" -O 2>/dev/null; }
count() { on "$1" "$2" | grep -c "label: *$3"; }
run_both() { local dir=$1; shift; run "$dir" --backup-pin "file:$WORK/vault-pin" "$@"; }

accepted "what SoftHSM wraps" "$PYTHON" "$SYSTEM/softhsm_wrap.py" "$MODULE" zegel 1234
[ "$(cat "$WORK/out")" = $'RSA wrapped\nEd25519 CKR_KEY_NOT_WRAPPABLE' ] || not_ok "what SoftHSM wraps" "$(cat "$WORK/out"): does P14 still say the truth?"
refused "an Ed25519 key cannot be wrapped, and the plan says so" 1 'P14: backup.*z1 is an Ed25519 key, which SoftHSM does not wrap' \
    prepare "$WORK/no" 1 --backup-label vault --key example.nl/z1:ed25519
refused "the same token is no backup" 1 'P14: backup' prepare "$WORK/same" 1 --backup-label zegel --key example.nl/z1:rsa2048

A=$WORK/file
prepare "$A" 1 --backup-label vault --key example.nl/z1:rsa2048 >"$WORK/out" || die "prepare"
grep -q 'W1: .*CKA_EXTRACTABLE' "$WORK/out" || not_ok "prepare" "does not warn"
accepted "rehearse" Z rehearse --non-interactive "$A"
approve "$A" alice bob >/dev/null || die "approve"
rm -f "$A/script.pdf"
mkdir "$WORK/base"
cp -r "$A" "$WORK/base/one"
cp -r "$WORK/softhsm/tokens" "$WORK/base/tokens"
reset() {
    rm -rf "$A" "$WORK/softhsm/tokens" "$WORK/state/pin"
    cp -r "$WORK/base/one" "$A"
    cp -r "$WORK/base/tokens" "$WORK/softhsm/tokens"
}

by_hand() { # TOKEN PIN LABEL: people destroy what is left of it
    local type
    for type in pubkey privkey; do
        while pkcs11-tool --module "$MODULE" --token-label "$1" --login --pin "$2" --delete-object --type "$type" --label "$3" >/dev/null 2>&1; do
            :
        done
    done
}
TORN='^zegel ceremony run: example.nl/z1: the token lost the private half .*run zegel ceremony abandon, destroy by hand .*plan it anew'

# Killed behind each sync (a long run: behind each; short: some).
if strace -f -qq -o /dev/null true 2>/dev/null; then
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
    command=("$BUILD/zegel" ceremony run --pin "file:$WORK/pin" --backup-pin "file:$WORK/vault-pin" --state "$WORK/state" --non-interactive "$A")
    killed() { # CALL STEP
        local n=0 times=0 half=0 torn=0
        while :; do
            n=$((n + $2))
            reset
            { strace -f -qq -o /dev/null -e "trace=$1" -e "inject=$1:signal=SIGKILL:when=$n" "${command[@]}" >/dev/null 2>&1; } 2>/dev/null
            [ $? -eq 137 ] || break
            times=$((times + 1))
            if ! "${command[@]}" >/dev/null 2>"$WORK/err" &&
                ! { grep -q 'matches no token' "$WORK/err" && mend_token "$WORK/base/tokens" && "${command[@]}" >/dev/null 2>"$WORK/err"; }; then
                if grep -q half-made "$WORK/err"; then half=$((half + 1)); continue; fi
                if grep -qE "$TORN" "$WORK/err"; then torn=$((torn + 1)); continue; fi
                grep -q 'this ceremony has ended' "$WORK/err" || { not_ok "killed at $1 $n" "$(cat "$WORK/err")"; continue; }
            fi
            if [ "$(count zegel 1234 example.nl/z1)" -ne 2 ] || [ "$(count vault 5678 example.nl/z1)" -ne 0 ] ||
                [ "$(count vault 5678 'backup of example.nl/z1')" -ne 2 ]; then not_ok "killed at $1 $n" "the tokens are not as planned"; fi
        done
        [ "$times" -gt 0 ] || not_ok "killed at $1" "nothing was killed"
        echo "ok   killed $times times at $1, went on each time (people had to clear a half $half times, a torn original $torn times)"
    }
    killed fsync "$(short_or 14 1)"
    killed write "$(short_or 200 3)"

    # SoftHSM, in the middle of writing the original anew without CKA_EXTRACTABLE: it has no private half any more, and people
    # have to end the ceremony. The next plan continues it, and may use the name.
    reset
    home=$(dirname "$(grep -l zegel "$WORK"/softhsm/tokens/*/token.object)")
    strace -f -qq -y -e trace=write -o "$WORK/trace" "${command[@]}" >/dev/null || not_ok "a torn original" "a plain run fails"
    n=$(grep -F 'write(' "$WORK/trace" | grep -nF "$home/" | grep -vF token.object | grep -F '.object>' | tail -n 1 | cut -d: -f1)
    reset
    { strace -f -qq -o /dev/null -e trace=write -e "inject=write:signal=SIGKILL:when=$n" "${command[@]}" >/dev/null 2>&1; } 2>/dev/null
    [ $? -eq 137 ] || not_ok "a torn original" "was not killed at write $n"
    if [ "$(count zegel 1234 example.nl/z1)" -ne 1 ] || [ "$(count vault 5678 example.nl/z1)" -ne 2 ]; then
        not_ok "a torn original" "it is not: $(on zegel 1234)"
    fi
    refused "a torn original" 1 "$TORN" "${command[@]}"
    grep -q '(1 on the token, 4 on the backup token)' "$WORK/err" || not_ok "a torn original" "says $(cat "$WORK/err")"
    refused "and again: nothing was touched" 1 "$TORN" "${command[@]}"
    accepted "it is given up" Z abandon --text "SoftHSM was killed and lost example.nl/z1" --decision "destroyed by hand, planned anew" \
        --agreed "alice, bob, erin" "$A"
    by_hand zegel 1234 example.nl/z1
    by_hand vault 5678 example.nl/z1
    by_hand vault 5678 'backup of example.nl/z1'
    { seal "$A" && approve "$A" alice bob erin; } >/dev/null || die "seal what was given up"
    accepted "verify what was given up" Z verify --trust "$WORK/people/trust.pem" "$A"
    print=$(grep -o '"spki_sha256":"[0-9a-f]*"' "$A/journal.jsonl" | head -n 1 | cut -d'"' -f4)
    refused "it permits nothing" 1 'not one that permits' Z permits --trust "$WORK/people/trust.pem" "$A" backup example.nl/z1 "$print"
    prepare "$WORK/anew" 2 --previous "$A" --backup-label vault --key example.nl/z1:rsa2048 >/dev/null && approve "$WORK/anew" alice bob >/dev/null
    accepted "planned anew, with the name" run_both "$WORK/anew" --previous "$A"
    { seal "$WORK/anew" && approve "$WORK/anew" alice bob erin; } >/dev/null || die "seal anew"
    accepted "verify that" Z verify --trust "$WORK/people/trust.pem" --previous "$A" "$WORK/anew"
fi

reset
accepted "a key, its backup tried, the copy removed again" run_both "$A"
{ seal "$A" && approve "$A" alice bob erin; } >/dev/null || die "seal"
accepted "verify" Z verify --trust "$WORK/people/trust.pem" "$A"
grep -q 'proved    example.nl/z1: restored from its backup, it signed' "$WORK/out" || not_ok "verify" "does not report the restore test"
accepted "the independent script" "$PYTHON" "$SYSTEM/ceremony_audit.py" "$A" "$WORK/people"
[ "$(count vault 5678 example.nl/z1)" -eq 0 ] || not_ok "the copy" "is on the backup token still"
on zegel 1234 >"$WORK/objects"
! grep -A6 'Private Key Object' "$WORK/objects" | grep -q 'Access:.*[^ ]extractable' || not_ok "the original" "can leave still"
# shellcheck disable=SC2046 # several words
accepted "every file, mutated" env SPREAD=1 "$PYTHON" "$SYSTEM/ceremony_mutate.py" "$BUILD/zegel-ceremony-verify" "$A" \
    $(short_or "backup-example.nl-z1.json journal.jsonl response.json" all)
tail -n 1 "$WORK/out"

# A second key whose copy stays; then it is destroyed on both.
B=$WORK/keep
prepare "$B" 2 --previous "$A" --backup-label vault --backup-restored keep --key example.nl/z2:rsa2048 >/dev/null && approve "$B" alice bob >/dev/null
accepted "a key whose copy stays" run_both "$B" --previous "$A"
{ seal "$B" && approve "$B" alice bob erin; } >/dev/null || die "seal keep"
accepted "verify that" Z verify --previous "$A" "$B"
[ "$(count vault 5678 example.nl/z2)" -eq 2 ] || not_ok "the copy" "did not stay"
[ "$(count vault 5678 'backup of example.nl/z2')" -eq 0 ] || not_ok "the pair" "did not go"
C=$WORK/destroy
prepare "$C" 3 --action destroy --previous "$B" --backup-label vault --key "example.nl/z2:rsa2048:$(print_of "$B" 0)" >/dev/null && approve "$C" alice bob >/dev/null
accepted "rehearse its destruction" Z rehearse --non-interactive "$C"
accepted "destroyed on both" run_both "$C" --previous "$B"
{ seal "$C" && approve "$C" alice bob erin; } >/dev/null || die "seal destroy"
accepted "verify that too" Z verify --previous "$B" "$C"
accepted "the independent script on it" "$PYTHON" "$SYSTEM/ceremony_audit.py" "$C" "$WORK/people"
[ "$(count vault 5678 example.nl/z2)" -eq 0 ] || not_ok "destroyed" "a copy is left"

conclude
