#!/bin/bash
# The Zegel token signs mail: zegeld with zegel-pkcs11.so, pcscd and vpcd, both ports; dkimpy and libopendkim verify. The token's own
# rules hold when the host's do not; it is pulled out, taken by another program, told to lie.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=faultlib.sh
. "$SYSTEM/faultlib.sh"
# shellcheck source=../firmware/harness.sh
. "$ROOT/tests/firmware/harness.sh"
harness_enter "$@"
harness_needs opensc-tool
need_programs
make_work_dir
export P11FAULT_MODULE=$BUILD/zegel-pkcs11.so P11FAULT_CONTROL=$WORK/fault
(umask 077 && echo 123456 >"$WORK/pin" && echo 12345678 >"$WORK/so-pin")
ED_OF_KEY=$ED_SELECTOR

write_config() { # MODULE: $ED_OF_KEY is the selector under which the Ed25519 key was made
    MILTER_PORT=${MILTER_PORT:-$(free_port)}
    mkdir -p "$WORK/state"
    cat >"$WORK/zegel.yaml" <<CONFIG
state: $WORK/state
trusted-networks: [127.0.0.0/8]
tokens:
  - name: zegel
    module: $1
    token: pkcs11:token=zegel
    pin: file:$WORK/pin
    deadline: 10s
    profile: pcsc
    read: [$BUILD]
    write: [$WORK/fault]
audit: {key: "pkcs11:token=zegel;object=audit.example.nl/log", origin: zegel.example.nl/log}
listen:
  - inet:$MILTER_PORT@127.0.0.1
domains:
  - domain: example.nl
    keys:
      - {selector: $RSA_SELECTOR, algorithm: rsa-sha256, key: "pkcs11:token=zegel;object=example.nl/$RSA_SELECTOR"}
      - {selector: $ED_SELECTOR, algorithm: ed25519-sha256, key: "pkcs11:token=zegel;object=example.nl/$ED_OF_KEY"}
CONFIG
}
fresh() { # MODULE: a daemon with a state of its own
    stop_zegeld
    rm -rf "$WORK/state"
    : >"$WORK/log/zegeld"
    fault new
    write_config "${1:-$BUILD/zegel-pkcs11.so}"
    start_zegeld
    wait_for 30 grep -q 'ready: ' "$WORK/log/zegeld" || die "zegeld is not ready: $(tail -n 5 "$WORK/log/zegeld")"
}
make_key() { zegel key generate --domain "$1" --selector "$2" --algorithm "$3" --so-pin-file "$WORK/so-pin" "${@:4}" >"$WORK/out" 2>&1; }
info() { zegel token info --json | "$PYTHON" -c 'import json, sys; print(eval(sys.argv[1], {"j": json.load(sys.stdin)}))' "$1"; }
says_policy() { [ "$(info '[(k["selector"], k["policy"]) for k in j["keys"]]')" = "[('$RSA_SELECTOR', 'dkim-only'), ('$ED_SELECTOR', 'dkim-only'), ('log', 'blind')]" ]; }
mail() { # all six messages through Postfix and zegeld, accepted by both verifiers
    rm -rf "$MAIL/inbox"
    send --from someone@example.nl --to inbox@example.org "$SYSTEM"/messages/*.eml >"$WORK/answers" 2>&1 || { cat "$WORK/answers"; return 1; }
    wait_for 30 has_delivered inbox 6 && signed_by_both "$MAIL/inbox"/new/*
}
all_by_hand() { # zegel sign
    local message
    rm -rf "$WORK/hand" && mkdir "$WORK/hand"
    for message in "$SYSTEM"/messages/*.eml; do
        sed 's/$/\r/' "$message" | zegel sign --domain example.nl >"$WORK/hand/${message##*/}" || return 1
    done
    signed_by_both "$WORK/hand"/*.eml
}
counted() { [ "$(info 'sum(k["signatures"] for k in j["keys"] if k["policy"] == "dkim-only")')" -eq "$1" ]; }

try_port() { # native|qemu: the token as it comes, and its first mail
    local port=$1
    rm -rf "$WORK/state" "$WORK"/token.*
    start_reader
    start_token "$port"
    write_config "$BUILD/zegel-pkcs11.so"
    wait_for 30 zegel token info || die "no token: $(zegel token info 2>&1)"
    verdict "$port: keys" "made by the administrator" make_key example.nl "$RSA_SELECTOR" rsa2048
    make_key example.nl "$ED_SELECTOR" ed25519 || die "no key: $(cat "$WORK/out")"
    make_key audit.example.nl log ed25519 --policy blind || die "no key: $(cat "$WORK/out")"
    verdict "$port: token info" "policies, signed by the attestation key" says_policy
    verdict "$port: a selector twice" "refused" refused_twice
    [ -z "${KNOT_PID:-}" ] || stop_pid "$KNOT_PID"
    start_knot
    KNOT_PID=$STARTED
    [ -n "${POSTFIX_CONFIG:-}" ] || start_postfix milter_connect_timeout=10s
    fresh
    verdict "$port: mail" "6 messages, both algorithms: dkimpy, libopendkim" mail
    verdict "$port: the token counted" "12 signatures of header blocks" counted 12
    AUDIT_KEY=$(zegel audit key)
    verdict "$port: the audit log" "its checkpoints are signed by a blind key of the token" audit_holds
}
refused_twice() { ! make_key example.nl "$ED_SELECTOR" ed25519 && grep -q 'selector is never used twice' "$WORK/out"; }
# ---- QEMU first, and what follows with the native port
try_port qemu
verdict "QEMU: zegel sign" "dkimpy, libopendkim" all_by_hand
stop_zegeld
stop_token
try_port native

# ---- two logs that say the same, until somebody signs past the daemon or turns the token back
reconcile() { # EXIT [DIFFERENCE...]: that exit status, these lines and no other difference
    local status=0 want=$1
    shift
    wait_for 30 audit_holds
    zegel token reconcile --key "$AUDIT_KEY" >"$WORK/reconcile" 2>&1 || status=$?
    if [ "$status" -ne "$want" ] || [ "$(grep -c '^DIFFERENCE' "$WORK/reconcile")" -ne $# ]; then cat "$WORK/reconcile"; return 1; fi
    for line in "$@"; do grep -q "$line" "$WORK/reconcile" || { cat "$WORK/reconcile"; return 1; }; done
}
verdict "token and audit log" "say the same" reconcile 0
answered() { # EXPRESSION: what a command printed into $WORK/answer is JSON and nothing but, and this is true of it (j)
    "$PYTHON" -c 'import json, sys; sys.exit(not eval(sys.argv[2], {"j": json.load(open(sys.argv[1]))}))' "$WORK/answer" "$1" || { cat "$WORK/answer"; return 1; }
}
reconcile_json() { # EXIT EXPRESSION over j, what is said of the one token
    local status=0
    zegel token reconcile --json --key "$AUDIT_KEY" >"$WORK/answer" 2>"$WORK/reconcile" || status=$?
    [ "$status" -eq "$1" ] && answered "len(j) == 1 and (lambda j: $2)(j[0])"
}
verdict "... as JSON" "" reconcile_json 0 'j["token"] == "zegel" and j["differences"] == []'
cp "$WORK/token" "$WORK/older"
one_signed
verdict "... one message later" "say the same" reconcile 0
by_hand() { sed 's/$/\r/' "$SYSTEM/messages/1-plain.eml" | zegel sign --domain example.nl >"$WORK/past"; } # the daemon knows nothing of it
by_hand
verdict "... signed past the daemon" "both signatures are told" reconcile 1 \
    "signed for d=example.nl s=$RSA_SELECTOR .*audit log does not know" "signed for d=example.nl s=$ED_SELECTOR .*audit log does not know"
by_hand # what was told once is not told again
verdict "... as JSON" "" reconcile_json 1 'len(j["differences"]) == 2 and all("audit log does not know" in d for d in j["differences"])'
alarm() { zegel status --json | "$PYTHON" -c 'import json, sys; sys.exit(not any(f["fault"] == "token-log" for f in json.load(sys.stdin)["faults"]))'; }
as_the_timer() { # as zegel-reconcile.service has it: told once, and an alarm until somebody has explained it
    zegel audit key >"$WORK/audit.pub" && alarm && zegel token reconcile --key "file:$WORK/audit.pub" >"$WORK/reconcile" && alarm &&
        zegel token reconcile --key "file:$WORK/audit.pub" --text "this test did that" >"$WORK/reconcile" && ! alarm
}
verdict "... zegel status" "says so until it is explained" as_the_timer
crowd() { # more than the token's ring holds
    MESSAGES=700 load 4 300
    [ "$GOOD" -eq 700 ] && reconcile 0 && grep -q 'overwritten unread' "$WORK/reconcile" && by_hand && MESSAGES=600 load 4 300 &&
        reconcile 1 'overwritten unread; since the time before the token made'
}
[ -z "$SOAK" ] || verdict "... when entries were overwritten" "counters say the same, and not after a signature past the daemon" crowd
made_up() { # a record that no checkpoint is over yet, without the block that was signed
    local records=("$WORK"/state/audit/records*.jsonl)
    one_signed && audit_holds || return 1
    printf '{"seq":%d,"time":0,"d":"example.nl","s":"%s","verdict":"signed"}\n' "$(cat "${records[@]}" | wc -l)" "$RSA_SELECTOR" >>"${records[-1]}"
    reconcile 1 "audit log has a signature for d=example.nl s=$RSA_SELECTOR .*that the token's log does not have"
}
verdict "... a record of a signature that says of no block" "told" made_up
turned_back() {
    stop_token
    cp "$WORK/older" "$WORK/token"
    start_token native
    wait_for 30 zegel token info >/dev/null 2>&1 && reconcile 1 'went back: it was at number'
}
verdict "... an older copy of the token's memory" "told" turned_back

# ---- the token has the last word
before=$(info 'j["log_number"]')
ED_SELECTOR=other
fresh
ED_SELECTOR=$ED_OF_KEY
one_refused && others=$(said 'the token refuses the header block: s= is not the key.s selector')
verdict "a key asked to sign for another selector" "the host was told to; the token refuses: 451" test "${others:-0}" -ge 1 -a "$GOOD" -eq 0
verdict "... and writes that down" "log $before -> $(info 'j["log_number"]')" test "$(info 'j["log_number"]')" -gt "$before"

# ---- other programs, and the plug
fresh
taken() { # another program takes the card between two messages, again and again; none is lost, the PIN is sent again each time
    local i
    for ((i = 0; i < 3; i++)); do
        opensc-tool --reader 0 --send-apdu 00:A4:04:00:06:D2:76:00:01:24:01 >"$WORK/opensc" 2>&1 || return 1
        one_signed || return 1
    done
}
verdict "another program selects another application" "3 times, the next message is signed each time" taken
pulled() {
    local i
    for ((i = 0; i < $(short_or 2 20); i++)); do
        kill -9 "$TOKEN_PID"
        one_refused || return 1
        start_token native
        wait_for 30 one_signed || return 1
    done
}
verdict "the power of the token fails" "4xx meanwhile, signed after, $(short_or 2 20) times" pulled
pcscd_again() { start_reader; stop_token; start_token native; wait_for 30 one_signed; }
verdict "pcscd is started anew" "signed after" pcscd_again

# ---- a lying module, a stuttering one: the same ladder as for any token
for bend in flip=0 flip=777 short=1; do
    fresh "$BUILD/tests/p11fault.so"
    fault rule C_Sign 1+ "$bend"
    MESSAGES=4 load 2 60
    verdict "every signature $bend" "released $GOOD, tempfail $TEMPFAIL" test "$GOOD" -eq 0 -a "$TEMPFAIL" -eq 4 -a "$BAD" -eq 0
done
fresh "$BUILD/tests/p11fault.so"
fault rule C_Sign 4/10 CKR_DEVICE_REMOVED
fault rule C_SignInit 6/11 stale
MESSAGES=40 load 4 60
verdict "removed and stale now and then" "$(fault fired) faults; signed $GOOD, tempfail $TEMPFAIL" \
    test "$(fault fired)" -gt 5 -a "$GOOD" -eq 40 -a "$LOST" -eq 0 -a "$BAD" -eq 0

# ---- a wrong PIN costs one try
wrong_pin() {
    stop_zegeld
    echo 999999 >"$WORK/pin"
    fresh
    one_refused && one_refused || return 1
    [ "$(info 'j["pin_latch"], j["pin_count_low"]')" = "('PIN refused', True)" ]
}
verdict "a wrong PIN" "sent once" wrong_pin

# ---- a key that may leave goes from one port to the other, with two of three shares
stop_zegeld
echo 123456 >"$WORK/pin"
zegel token unlatch zegel >/dev/null
admin() { zegel token "$@" --json --so-pin-file "$WORK/so-pin" >"$WORK/answer" 2>>"$WORK/backup"; }
key_of() { info '[(k["id"], k["policy"], k["daily_cap"], k["may_leave_wrapped"]) for k in j["keys"] if k["selector"] == "spare"]'; }
backup() {
    local before
    mkdir "$WORK/shares"
    admin shares --shares 2/3 --out "$WORK/shares" && answered "j == {'name': 'zegel', 'directory': '$WORK/shares', 'needed': 2, 'shares': 3}" &&
        make_key example.nl spare ed25519 --may-leave --daily-cap 500 || return 1
    before=$(key_of)
    ! admin export --domain example.nl --selector "$RSA_SELECTOR" --out "$WORK/box" &&
        admin export --domain example.nl --selector spare --out "$WORK/box" &&
        answered "j == {'name': 'zegel', 'file': '$WORK/box', 'domain': 'example.nl', 'selector': 'spare'}" || return 1
    stop_token
    TOKEN_STORE=$WORK/second start_token qemu
    wait_for 30 info 1 >/dev/null 2>&1
    ! admin restore "$WORK/box" && ! admin join "$WORK/shares/share-3" "$WORK/shares/share-3" &&
        admin join "$WORK/shares/share-3" "$WORK/shares/share-1" && answered "j == {'name': 'zegel', 'backup_domain': True}" &&
        admin restore "$WORK/box" && answered "j == {'name': 'zegel', 'domain': 'example.nl', 'selector': 'spare', 'policy': 'dkim-only'}" &&
        [ "$(key_of)" = "$before" ] && [[ $before = *"'dkim-only', 500, True"* ]]
}
verdict "a wrapped key, native to QEMU, 2 of 3 shares" "the same key, bound to the same" backup

# ---- the stock way: OpenSC's module and the OpenPGP application, whose keys are blind; two tokens of PKCS#11 on one card
opensc_keys() {
    openpgp-tool --gen-key 1 --key-type rsa2048 --verify CHV3 --pin 12345678 >"$WORK/out" 2>&1 &&
        opensc-tool --reader 0 -s 00A4040006D27600012401 -s 00:20:00:83:08:31:32:33:34:35:36:37:38 -s 00:DA:00:C3:0A:16:2B:06:01:04:01:DA:47:0F:01 \
            -s 00:47:80:00:02:A4:00:00 -s 00:DA:00:C9:14:0102030405060708090A0B0C0D0E0F1011121314 >"$WORK/out" 2>&1
}
write_opensc_config() { # ["" | "prefer: ..., "]
    local prefer=${1:-} module sig="pkcs11:token=OpenPGP%20card%20%28User%20PIN%20%28sig%29%29" aut="pkcs11:token=OpenPGP%20card%20%28User%20PIN%29"
    module=$(dpkg -L opensc-pkcs11 | grep '/opensc-pkcs11.so$' | head -n 1)
    rm -rf "$WORK/state" && mkdir "$WORK/state"
    cat >"$WORK/zegel.yaml" <<CONFIG
state: $WORK/state
trusted-networks: [127.0.0.0/8]
key-audit: warn # OpenSC's objects say that they can be changed
tokens:
  - {name: sig, ${prefer}module: $module, token: "$sig", pin: "file:$WORK/pin", deadline: 10s}
  - {name: aut, ${prefer}module: $module, token: "$aut", pin: "file:$WORK/pin", deadline: 10s}
listen:
  - inet:$MILTER_PORT@127.0.0.1
domains:
  - domain: example.nl
    keys:
      - {selector: $RSA_SELECTOR, algorithm: rsa-sha256, key: "$sig;id=%01"}
      - {selector: $ED_SELECTOR, algorithm: ed25519-sha256, key: "$aut;id=%03"}
CONFIG
}
both_logged_in() { [ "$(said ': logged in')" -ge 2 ]; }
opensc_mail() {
    stop_token
    TOKEN_STORE=$WORK/third start_token native
    wait_for 30 opensc-tool --reader 0 -n >/dev/null 2>&1
    opensc_keys && write_opensc_config || return 1
    stop_pid "$KNOT_PID"
    start_knot
    : >"$WORK/log/zegeld"
    start_zegeld
    wait_for 30 both_logged_in && mail
}
verdict "zegeld with the stock opensc-pkcs11" "6 messages, both algorithms: dkimpy, libopendkim" opensc_mail

# ---- prefer: the own application of a Zegel token, OpenSC for any other card in the same reader, without a restart
goes_through() { # MODULE.so: both tokens, as zegel status has it
    [ "$(zegel status --json | "$PYTHON" -c 'import json, os, sys
print({(t["up"], os.path.basename(w["module"])) for t in json.load(sys.stdin)["tokens"] for w in t["workers"]})')" = "{(True, '$1')}" ]
}
noticed() { MESSAGES=1 load 1 40; goes_through "$1"; } # with the next message or two
through() { # PORT MODULE.so: that card, and mail is signed by that module
    stop_token
    TOKEN_STORE=$WORK/third start_token "$1"
    wait_for 30 noticed "$2" || { zegel status; return 1; }
    mail
}
preferred() {
    stop_zegeld
    write_opensc_config "prefer: {module: $BUILD/zegel-pkcs11.so, token: 'pkcs11:token=zegel'}, read: [$BUILD], "
    start_zegeld
    through native zegel-pkcs11.so
}
verdict "prefer: a Zegel token" "through its own application: 6 messages, both verifiers" preferred
verdict "... another OpenPGP card in its place" "through OpenSC: 6 messages, both verifiers" through plain opensc-pkcs11.so
verdict "... the Zegel token again" "through its own application" through native zegel-pkcs11.so
conclude
