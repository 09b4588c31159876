#!/bin/bash
# What operators get wrong: each a clear line and the right exit code, and never a PIN sent twice or a key shown.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

need_programs
make_work_dir

# expect NAME STATUS REGEX COMMAND...: the exit status, one line on standard error that matches, nothing like a PIN in it
expect() {
    local name=$1 status=$2 regex=$3 got=0 lines
    shift 3
    "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || got=$?
    lines=$(wc -l <"$WORK/err")
    if [ "$got" -ne "$status" ]; then
        not_ok "$name" "exit status $got, not $status: $(cat "$WORK/err")"
    elif [ "$status" -ne 0 ] && [ "$lines" -ne 1 ]; then
        not_ok "$name" "$lines lines on standard error: $(cat "$WORK/err")"
    elif ! grep -qE "$regex" "$WORK/err" "$WORK/out"; then
        not_ok "$name" "nothing like '$regex' in: $(cat "$WORK/err")"
    elif [ -s "$WORK/pin" ] && grep -qF "$(cat "$WORK/pin")" "$WORK/err" "$WORK/out"; then
        not_ok "$name" "the PIN is in the output"
    else
        echo "ok   $name"
    fi
}

write_zegel_config --trusted 127.0.0.0/8
start_softhsm_token >/dev/null || die "no token"
cp "$WORK/zegel.yaml" "$WORK/good.yaml"
change() { sed "$@" "$WORK/good.yaml" >"$WORK/zegel.yaml"; } # SED_ARGUMENTS: a configuration that differs
zegeld() { "$BUILD/zegeld" --config "$WORK/zegel.yaml" "$@"; }

# ---- configuration
expect "configuration: good" 0 'good: 1 domains' zegeld --check
expect "configuration: no such file" 2 'none.yaml: No such file' "$BUILD/zegeld" --config "$WORK/none.yaml"
expect "zegel: no such configuration" 2 'none.yaml: No such file' "$BUILD/zegel" key list --config "$WORK/none.yaml"
chmod 000 "$WORK/zegel.yaml"
if [ "$(id -u)" -ne 0 ]; then expect "configuration: not readable" 2 'Permission denied' zegeld; fi
chmod 644 "$WORK/zegel.yaml"
change 's/^state:/colour:/'
expect "configuration: unknown key" 2 'zegel.yaml:1: .*colour' zegeld
change 's/deadline: 10s/deadline: [10]/'
expect "configuration: wrong type" 2 'zegel.yaml:' zegeld
change 's|module: .*|module: /nonexistent.so|'
expect "module: cannot be loaded" 3 '/nonexistent.so: cannot be loaded' zegel token list
expect "key list: module cannot be loaded" 3 '/nonexistent.so: cannot be loaded' zegel key list
change 's|module: .*|module: /lib/x86_64-linux-gnu/libc.so.6|'
expect "module: no PKCS#11" 3 'is no PKCS#11 module' zegel token list

# ---- token and keys
change 's/token: pkcs11:token=zegel/token: pkcs11:token=other/; s/key: pkcs11:token=zegel/key: pkcs11:token=other/'
expect "token: not there" 3 'token softhsm: pkcs11:token=other matches no token' zegel key list
expect "token info: not there" 1 'matches no token' zegel token info
cp "$WORK/good.yaml" "$WORK/zegel.yaml"
expect "token init: exists" 1 'token zegel: exists' zegel token init --so-pin-file "$WORK/so-pin"
expect "key show: not there" 1 'not on the token' zegel key show --domain example.nl --selector nosuch
expect "dns record: key not there" 3 'not on the token' zegel dns record
generate_keys >/dev/null || die "no keys"
expect "key generate: selector exists" 1 "example.nl/$RSA_SELECTOR: exists" zegel key generate --domain example.nl --selector "$RSA_SELECTOR" --algorithm rsa2048
expect "key generate: bad domain" 2 'must be domain names' sh -c "'$BUILD/zegel' key generate --domain 'a b' --selector s --algorithm ed25519 2>&1 | head -n 1 >&2; exit 2"
chmod 644 "$WORK/pin"
expect "PIN file: readable by all" 2 'others may read' zegel key list
chmod 600 "$WORK/pin"

# ---- sign and verify
sign() { "$BUILD/zegel" sign --config "$WORK/zegel.yaml" <"$WORK/m"; }
verify() { "$BUILD/zegel" verify --zone "${1:-$WORK/zone}" <"$WORK/m"; }
zegel dns record >"$WORK/zone"
printf 'To: x@example.org\n\nbody\n' >"$WORK/m"
expect "sign: no From" 1 'no From' sign
expect "verify: no signature" 1 'dkim=none' sh -c "'$BUILD/zegel' verify --zone '$WORK/zone' <'$WORK/m' | tee /dev/stderr; exit 1"
expect "verify: no such zone" 2 'No such file' verify "$WORK/nozone"
printf 'From: a@example.nl\nFrom: b@example.nl\n\nbody\n' >"$WORK/m"
expect "sign: two Froms" 1 'more than one From' sign
printf 'From: a@elsewhere.example\n\nbody\n' >"$WORK/m"
expect "sign: another domain" 1 'no key for this From' sign
printf 'From: a@example.nl\n\nbo\0dy\n' >"$WORK/m"
printf 'From: a@example.nl\n\nbo\rdy\n' >"$WORK/m2"
sign2() { zegel sign <"$WORK/m2"; }
expect "sign: NUL is warned of" 0 'warning: .* body: a NUL' sign
expect "sign: bare CR is warned of" 0 'warning: .* body: a CR without LF' sign2
write_zegel_config --trusted 127.0.0.0/8 --domain 'survive: refuse'
expect "survive: refuse: NUL" 1 'body: a NUL' sign
expect "survive: refuse: bare CR" 1 'body: a CR without LF' sign2
write_zegel_config --trusted 127.0.0.0/8
: >"$WORK/m"
expect "sign: nothing at all" 1 'no From' sign
printf 'garbage (\n' >"$WORK/badzone"
expect "verify: broken zone" 2 'badzone:' verify "$WORK/badzone"

# ---- the daemon
start_zegeld
expect "socket in use" 2 'in use' sh -c "'$BUILD/zegeld' --config '$WORK/zegel.yaml' 2>&1 | grep 'listen:' >&2; exit 2"
stop_zegeld

# ---- a wrong PIN: one C_Login ever, over restarts of daemon and tool
cp "$WORK/pin" "$WORK/right"
echo 000000 >"$WORK/pin"
start_zegeld
wait_for 30 grep -q CKR_PIN_INCORRECT "$WORK/log/zegeld" || not_ok "wrong PIN: said" "$(tail -n 3 "$WORK/log/zegeld")"
stop_zegeld
for _ in 1 2 3; do
    start_zegeld
    stop_zegeld
    expect "wrong PIN: tool refuses after the daemon" 3 'was refused before and is not sent again' zegel key list
done
cp "$WORK/right" "$WORK/pin"
expect "right PIN, but latched" 3 'zegel token unlatch softhsm' zegel key list
[ "$(grep -c CKR_PIN_INCORRECT "$WORK/log/zegeld")" -eq 1 ] || not_ok "wrong PIN: sent once" "$(grep -c CKR_PIN_INCORRECT "$WORK/log/zegeld") times"
grep -q 000000 "$WORK/log/zegeld" && not_ok "wrong PIN: in the log" "it is"
expect "unlatch" 0 'may be sent once more' zegel token unlatch softhsm
expect "after unlatch" 0 "$RSA_SELECTOR" zegel key list

# ---- the same with zegeld running: nothing is sent until the word is given, and no restart is needed then
echo 000000 >"$WORK/pin"
: >"$WORK/log/zegeld"
start_zegeld
wait_for 30 grep -q CKR_PIN_INCORRECT "$WORK/log/zegeld" || not_ok "wrong PIN, running: said" "$(tail -n 3 "$WORK/log/zegeld")"
cp "$WORK/right" "$WORK/pin"
sleep 2
grep -q 'logged in' "$WORK/log/zegeld" && not_ok "wrong PIN, running" "logged in before unlatch"
expect "unlatch, running" 0 'does so now' zegel token unlatch softhsm
wait_for 30 grep -q 'token softhsm: logged in' "$WORK/log/zegeld" || not_ok "unlatch, running" "$(tail -n 3 "$WORK/log/zegeld")"
[ "$(grep -c CKR_PIN_INCORRECT "$WORK/log/zegeld")" -eq 1 ] || not_ok "wrong PIN, running: sent once" "$(grep -c CKR_PIN_INCORRECT "$WORK/log/zegeld") times"
stop_zegeld

conclude
