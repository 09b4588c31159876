#!/bin/bash
# The token behind pcscd and vpcd, driven by tools that are not ours: opensc-tool, openpgp-tool, pkcs11-tool; OpenSSL verifies.
# test_token_conformance.sh [COMMAND...]: how the token is started; it gets the port of vpcd as its last argument. Without: the native port.
# In a network namespace of its own (vpcd listens on 0.0.0.0) and with a /run of its own (the machine's pcscd is left alone).
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
for tool in pcscd opensc-tool openpgp-tool pkcs11-tool openssl; do
    [ -n "$(command -v "$tool")" ] || { echo "no $tool"; exit 77; }
done
[ -e /etc/reader.conf.d/vpcd ] || { echo "no vpcd"; exit 77; }
if [ "${ZEGEL_INSIDE:-}" != 1 ]; then
    [ "$(id -u)" -eq 0 ] || { echo "needs root for a network namespace"; exit 77; }
    ZEGEL_INSIDE=1 exec unshare -n -m "$0" "$@"
fi

ip link set lo up
# Acknowledge at once: Nagle and delayed acknowledgement cost 40 ms for each command.
for p in 127.0.0.0/8 127.0.0.1; do
    ip route replace table local local "$p" dev lo proto kernel scope host src 127.0.0.1 quickack 1
done
mount -t tmpfs tmpfs /run
mkdir /run/pcscd
dir=$(mktemp -d)
pids=()
cleanup() {
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

wait_for() { # SECONDS COMMAND...
    local until=$(($(date +%s) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$until" ] || { echo "did not come: $*"; cat "$dir"/*.log; exit 1; }
        sleep 0.1
    done
}
listening() { ss -ltn | grep -q :35963; }
card_there() { opensc-tool -a 2>/dev/null | grep -q '^3b:da:18'; }

pcscd -f >"$dir/pcscd.log" 2>&1 &
pids+=($!)
wait_for 20 listening
if [ $# -gt 0 ]; then "$@" 35963 >"$dir/token.log" 2>&1 & else
    "$BUILD/firmware/zegel-token-native" "$dir/store" 127.0.0.1 35963 >"$dir/token.log" 2>&1 &
fi
pids+=($!)
wait_for 60 card_there

module=(pkcs11-tool --module /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so)
[ -e "${module[2]}" ] || module[2]=$(dpkg -L opensc-pkcs11 | grep '/opensc-pkcs11.so$' | head -n 1)
apdu() { # HEX...: each must answer 9000
    local arguments=() a
    for a in "$@"; do arguments+=(-s "$a"); done
    local out
    out=$(opensc-tool "${arguments[@]}" 2>&1)
    [ "$(grep -c 'SW1=0x90, SW2=0x00' <<<"$out")" -eq $# ] || { echo "$out"; return 1; }
}
check() { echo "--- $*"; }

check "opensc-tool: the card has a name"
opensc-tool -n | tee "$dir/name"
grep -qi openpgp "$dir/name"
check "openpgp-tool: PINs"
openpgp-tool --verify CHV1 --pin 123456
openpgp-tool --verify CHV3 --pin 12345678
if openpgp-tool --verify CHV1 --pin 000000; then echo "a wrong PIN is taken"; exit 1; fi
openpgp-tool --verify CHV1 --pin 123456
check "openpgp-tool: generates RSA-2048 on the card"
openpgp-tool --gen-key 1 --key-type rsa2048 --verify CHV3 --pin 12345678
check "an Ed25519 key in the other slot, made by raw commands"
apdu 00A4040006D27600012401 00:20:00:83:08:31:32:33:34:35:36:37:38 00:DA:00:C3:0A:16:2B:06:01:04:01:DA:47:0F:01 \
    00:47:80:00:02:A4:00:00 00:DA:00:C9:14:0102030405060708090A0B0C0D0E0F1011121314
check "pkcs11-tool: slots, mechanisms, objects"
"${module[@]}" -L
"${module[@]}" -M >"$dir/mechanisms"
grep -q 'SHA256-RSA-PKCS' "$dir/mechanisms"
grep -q EDDSA "$dir/mechanisms"
slot() { "${module[@]}" -L 2>/dev/null | sed -n "s/^Slot \([0-9]*\) .*/\1/p" | sed -n "$1p"; }
for n in 1 2; do "${module[@]}" --slot "$(slot $n)" --login --pin 123456 -O; done >"$dir/objects" 2>&1
[ "$(grep -c 'Private Key Object' "$dir/objects")" -eq 2 ]
check "pkcs11-tool --test"
"${module[@]}" --slot "$(slot 2)" --login --pin 123456 --test | tee "$dir/test"
grep -q 'RSA-PKCS: OK' "$dir/test"
grep -q 'No errors' "$dir/test"
check "RSA signature, OpenSSL verifies"
head -c 300 /dev/urandom >"$dir/data"
"${module[@]}" --slot "$(slot 2)" --login --pin 123456 --sign --id 01 -m SHA256-RSA-PKCS -i "$dir/data" -o "$dir/rsa.sig"
"${module[@]}" --slot "$(slot 2)" --read-object --type pubkey --id 01 -o "$dir/rsa.der"
openssl dgst -sha256 -verify "$dir/rsa.der" -keyform DER -signature "$dir/rsa.sig" "$dir/data"
check "Ed25519 signature, OpenSSL verifies"
openssl dgst -sha256 -binary "$dir/data" >"$dir/hash"
"${module[@]}" --slot "$(slot 1)" --login --pin 123456 --sign --id 03 -m EDDSA -i "$dir/hash" -o "$dir/ed.sig"
public=$(opensc-tool -s 00A4040006D27600012401 -s 00:47:81:00:02:A4:00:00 | sed -n '/^7F 49/,$p' | cut -c1-47 | tr -d ' \n' | sed 's/^7F4922862\?0\?//I' | grep -oE '^[0-9A-F]{64}')
# shellcheck disable=SC2059,SC2001 # the format is the octets
printf "$(sed 's/../\\x&/g' <<<"302A300506032B6570032100$public")" | openssl pkey -pubin -inform DER -out "$dir/ed.pem"
openssl pkeyutl -verify -pubin -inkey "$dir/ed.pem" -rawin -in "$dir/hash" -sigfile "$dir/ed.sig"
echo "conformance: all holds"
