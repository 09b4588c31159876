#!/bin/bash
# The audit log from outside: every signature is in it, whole as the public key alone can tell, an independent program checks a
# proof of inclusion, and one changed octet is found. And the audit of keys: one that may leave the token does not sign.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

begin "$@"
fails_with() { # STATUS COMMAND...
    local want=$1 got=0
    shift
    "$@" >"$WORK/out" 2>&1 || got=$?
    [ "$got" -eq "$want" ] || { echo "status $got, not $want: $(cat "$WORK/out")" && return 1; }
}

write_zegel_config --trusted 127.0.0.0/8
echo 'audit: {key: "pkcs11:token=zegel;object=audit.example.nl/log", origin: zegel.example.nl/log}' >>"$WORK/zegel.yaml"
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
zegel key generate --domain audit.example.nl --selector log --algorithm ed25519 --token softhsm >/dev/null || die "no audit key"
start_knot
start_zegeld
start_postfix "$@"
for message in "$SYSTEM"/messages/*.eml; do
    send --from someone@example.nl --to inbox@example.org "$message" >/dev/null || die "not taken: $message"
done
covers() { zegel audit verify --key "$key" --json | grep -q "\"covered\": $1,\|\"covered\": $1\$"; }
key=$(zegel audit key) || die "no audit key shown"
check "checkpoints cover all 12 records" wait_for 30 covers 12
zegel audit verify --key "$key"
zegel audit export --key "$key" >"$WORK/export" || die "no export"
check "export: twelve records, all signed" test "$(grep -c '"verdict":"signed"' "$WORK/export")" -eq 12
check "export: no address and no subject" test -z "$(grep -i 'someone@\|inbox@\|subject' "$WORK/export")"
zegel audit prove --key "$key" 5 >"$WORK/proof" || die "no proof"
check "an independent program accepts the proof" "$PYTHON" - "$WORK/proof" "$WORK/state/audit/checkpoint" <<'EOF'
import base64, hashlib, json, sys
p = json.load(open(sys.argv[1]))
note = open(sys.argv[2]).read().split("\n")
h = hashlib.sha256(b"\0" + p["record"].encode()).digest()
fn, sn = p["seq"], p["tree_size"] - 1           # RFC 9162 section 2.1.3.2
for step in map(bytes.fromhex, p["inclusion_path"]):
    assert sn > 0
    if fn & 1 or fn == sn:
        h = hashlib.sha256(b"\1" + step + h).digest()
        while fn and not fn & 1:
            fn, sn = fn >> 1, sn >> 1
    else:
        h = hashlib.sha256(b"\1" + h + step).digest()
    fn, sn = fn >> 1, sn >> 1
assert sn == 0 and int(note[1]) == p["tree_size"] and base64.b64decode(note[2]) == h, "proof does not lead to the checkpoint"
EOF
check "a key of another name is refused" fails_with 2 zegel audit verify --key "${key/zegel.example.nl/other.example.nl}"
stop_zegeld
cp -r "$WORK/state/audit" "$WORK/changed"
sed -i '3s/signed/Signed/' "$WORK"/changed/records-*.jsonl
check "one changed letter is found" fails_with 1 zegel audit verify --key "$key" "$WORK/changed"
rm -r "$WORK/changed"
cp -r "$WORK/state/audit" "$WORK/changed"
sed -i '$d' "$WORK"/changed/records-*.jsonl
check "a missing last record is found" fails_with 1 zegel audit verify --key "$key" "$WORK/changed"

# ---- a key that may leave the token
pkcs11-tool --module "$(softhsm_module)" --token-label zegel --login --pin "$(cat "$WORK/pin")" --keypairgen --key-type rsa:2048 \
    --label loose --id 4711 --extractable >/dev/null 2>&1 || die "pkcs11-tool made no key"
sed -i "s/object=example.nl\/$RSA_SELECTOR/object=loose/" "$WORK/zegel.yaml"
start_zegeld
answers() { send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/1-plain.eml" 2>&1 | grep -q "$1"; }
logged() { grep -q -- "$1" "$WORK/log/zegeld"; }
check "key-audit strict: not used" answers 451
check "key-audit strict: said why" logged 'key loose: .*key-audit: strict'
stop_zegeld
echo 'key-audit: warn' >>"$WORK/zegel.yaml"
start_zegeld
check "key-audit warn: used" answers 250
check "key-audit warn: said" logged 'used all the same (key-audit: warn)'
conclude
