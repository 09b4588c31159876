#!/bin/bash
# The token behind pcscd and vpcd, driven by tools that are not ours: opensc-tool, openpgp-tool, pkcs11-tool; OpenSSL verifies. The same
# on the native port and on the image under QEMU.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=faultlib.sh
. "$SYSTEM/faultlib.sh"
# shellcheck source=../firmware/harness.sh
. "$ROOT/tests/firmware/harness.sh"
harness_enter "$@"
harness_needs opensc-tool openpgp-tool pkcs11-tool openssl
make_work_dir
module=$(dpkg -L opensc-pkcs11 | grep '/opensc-pkcs11.so$' | head -n 1)
tool() { timeout --foreground 60 pkcs11-tool --module "$module" "$@" 2>>"$WORK/log/opensc"; }
slot() { tool -L | sed -n "s/^Slot \([0-9]*\) .*/\1/p" | sed -n "$1p"; } # N: 1 is AUT's, 2 SIG's
login() { tool --slot "$(slot "$1")" --login --pin 123456 "${@:2}"; }
apdu() { # HEX...: each must be answered 9000
    local arguments=() a out
    for a in "$@"; do arguments+=(-s "$a"); done
    out=$(opensc-tool --reader 0 "${arguments[@]}" 2>&1)
    [ "$(grep -c 'SW1=0x90, SW2=0x00' <<<"$out")" -eq $# ] || { echo "$out"; return 1; }
}

is_named() { opensc-tool --reader 0 -n 2>/dev/null | grep -qi openpgp; }
pins() {
    openpgp-tool --verify CHV1 --pin 123456 && openpgp-tool --verify CHV3 --pin 12345678 &&
        ! openpgp-tool --verify CHV1 --pin 000000 && openpgp-tool --verify CHV1 --pin 123456
} >>"$WORK/log/opensc" 2>&1
generates() { openpgp-tool --gen-key 1 --key-type rsa2048 --verify CHV3 --pin 12345678 >>"$WORK/log/opensc" 2>&1; }
ed25519_key() { # openpgp-tool 0.23 makes none: raw commands
    apdu 00A4040006D27600012401 00:20:00:83:08:31:32:33:34:35:36:37:38 00:DA:00:C3:0A:16:2B:06:01:04:01:DA:47:0F:01 \
        00:47:80:00:02:A4:00:00 00:DA:00:C9:14:0102030405060708090A0B0C0D0E0F1011121314
}
lists() {
    tool -M >"$WORK/mechanisms" && grep -q SHA256-RSA-PKCS "$WORK/mechanisms" && grep -q EDDSA "$WORK/mechanisms" || return 1
    for n in 1 2; do login $n -O; done >"$WORK/objects"
    [ "$(grep -c 'Private Key Object' "$WORK/objects")" -eq 2 ]
}
own_test() { login 2 --test >"$WORK/test" && grep -q 'RSA-PKCS: OK' "$WORK/test" && grep -q 'No errors' "$WORK/test"; }
rsa_signs() {
    head -c 300 /dev/urandom >"$WORK/data"
    login 2 --sign --id 01 -m SHA256-RSA-PKCS -i "$WORK/data" -o "$WORK/rsa.sig" >/dev/null &&
        tool --slot "$(slot 2)" --read-object --type pubkey --id 01 -o "$WORK/rsa.der" >/dev/null &&
        openssl dgst -sha256 -verify "$WORK/rsa.der" -keyform DER -signature "$WORK/rsa.sig" "$WORK/data" >/dev/null
}
ed25519_signs() {
    local public
    openssl dgst -sha256 -binary "$WORK/data" >"$WORK/hash"
    login 1 --sign --id 03 -m EDDSA -i "$WORK/hash" -o "$WORK/ed.sig" >/dev/null || return 1
    public=$(opensc-tool --reader 0 -s 00A4040006D27600012401 -s 00:47:81:00:02:A4:00:00 | sed -n '/^7F 49/,$p' | cut -c1-47 | tr -d ' \n' |
        sed 's/^7F4922862\?0\?//I' | grep -oE '^[0-9A-F]{64}')
    "$PYTHON" -c 'import sys; sys.stdout.buffer.write(bytes.fromhex("302A300506032B6570032100" + sys.argv[1]))' "$public" |
        openssl pkey -pubin -inform DER -out "$WORK/ed.pem" && openssl pkeyutl -verify -pubin -inkey "$WORK/ed.pem" -rawin -in "$WORK/hash" -sigfile "$WORK/ed.sig" >/dev/null
}
hex() { od -An -v -tx1 | tr -d ' \n'; }
# A key of policy 'ticket' in AUT: a header block that the own application has checked, then its hash by stock OpenSC: once, and no other.
ticket() {
    local block
    block=$(printf 'from:a@example.nl\r\ndkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.nl; s=s1; t=1700000000; h=From:From; %s' \
        'bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=' | hex)
    apdu 00A4040007F05A6567656C01 80:20:00:83:08:31:32:33:34:35:36:37:38 80:34:03:00 \
        80:30:03:00:17:80:02:00:00:81:01:02:82:0A:6578616d706c652e6e6c:83:02:7331 80:20:00:82:06:31:32:33:34:35:36 80:10:03:00 \
        "80140100$(printf %02x $((${#block} / 2)))$block" || return 1
    "$PYTHON" -c 'import hashlib, sys; sys.stdout.buffer.write(hashlib.sha256(bytes.fromhex(sys.argv[1])).digest())' "$block" >"$WORK/hash"
    head -c 32 /dev/urandom >"$WORK/other"
    ! login 1 --sign --id 03 -m EDDSA -i "$WORK/other" -o "$WORK/no.sig" >/dev/null &&
        login 1 --sign --id 03 -m EDDSA -i "$WORK/hash" -o "$WORK/ed.sig" >/dev/null && [ "$(wc -c <"$WORK/ed.sig")" -eq 64 ] &&
        ! login 1 --sign --id 03 -m EDDSA -i "$WORK/hash" -o "$WORK/no.sig" >/dev/null
}

for port in native qemu; do
    rm -f "$WORK"/token.*
    start_reader
    start_token "$port"
    wait_for 30 is_named || die "$port: OpenSC sees no OpenPGP card"
    verdict "$port: openpgp-tool: PINs" "right, wrong, right" pins
    verdict "$port: openpgp-tool: generates RSA-2048" "" generates
    verdict "$port: an Ed25519 key" "" ed25519_key
    verdict "$port: pkcs11-tool: mechanisms, objects" "" lists
    verdict "$port: pkcs11-tool --test" "no errors" own_test
    verdict "$port: RSA" "OpenSSL verifies" rsa_signs
    verdict "$port: EDDSA" "OpenSSL verifies" ed25519_signs
    verdict "$port: a ticket" "its hash is signed once by OpenSC, another never" ticket
    stop_token
done
conclude
