#!/bin/bash
# Whole ceremonies on SoftHSM: keys made, then one destroyed, over an air gap, with cards, an exception and a time stamp; checked by
# zegel, by openssl alone, and by a script that shares no code with Zegel.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs pkcs11-tool
make_work_dir
make_people
A=$WORK/one

prepare "$A" 1 --key example.nl/z1:rsa2048 --key example.nl/z2:ed25519 >"$WORK/out" || die "prepare"
accepted "lint" Z lint "$A/plan.yaml"
accepted "prepare again changes nothing" Z prepare "$A"
accepted "rehearse" Z rehearse --non-interactive "$A"
grep -q 'Rehearsed' "$WORK/out" || not_ok "rehearse" "says nothing"
if [ -n "$(ls /tmp/zegel-rehearsal-* 2>/dev/null)" ] && [ -z "${CI:-}" ]; then echo "note: another rehearsal is in /tmp"; fi
refused "run without approvals" 1 '0 of the 2 approvals' run "$A"
accepted "alice approves" approve "$A" alice
refused "run with one approval" 1 '1 of the 2 approvals' run "$A"
accepted "bob approves, with RSA" approve "$A" bob
accepted "export" Z export "$A"
accepted "import behind the air gap" Z import "$A/request.json" "$WORK/gap"
refused "import twice" 1 'new directory' Z import "$A/request.json" "$WORK/gap"
accepted "an exception" Z exception --text "the clock was 3 minutes slow" --decision "set by the witness" --agreed "alice, erin" "$WORK/gap"
cp "$A/script.md" "$WORK/gap/"
accepted "run" run "$WORK/gap"
cp "$WORK/out" "$WORK/screen"
refused "run again" 1 'this ceremony has ended' run "$WORK/gap"
refused "verify before the seal" 3 'manifest.json' Z verify "$WORK/gap"
accepted "seal" seal "$WORK/gap"
refused "verify without the people" 1 'signed by 0 custodians of 2 needed, not by the witness' Z verify "$WORK/gap"
accepted "custodians and witness sign" approve "$WORK/gap" alice carol erin
accepted "verify" env -i "$BUILD/zegel" ceremony verify --trust "$WORK/people/trust.pem" "$WORK/gap"
grep -q '^pass: ' "$WORK/out" || not_ok "verify" "does not say pass"
grep -q '^attested  E1 .*3 minutes slow' "$WORK/out" || not_ok "verify" "does not show the exception"
cp "$WORK/out" "$WORK/verify"

# What is on the token is what the transcript says: asked through another tool.
pkcs11-tool --module "$MODULE" --token-label zegel --login --pin 1234 -O >"$WORK/objects" 2>/dev/null
for selector in z1 z2; do
    [ "$(grep -c "label: *example.nl/$selector" "$WORK/objects")" -eq 2 ] || not_ok "token" "has no pair example.nl/$selector"
done
[ "$(grep -c "application: *'zegel ceremony'" "$WORK/objects")" -eq 1 ] || not_ok "token" "does not remember the ceremony"

# openssl alone, with the certificates from the people themselves.
for name in alice bob; do
    accepted "openssl cms: $name's approval" openssl cms -verify -binary -inform DER -in "$WORK/gap/approval-$name.p7s" \
        -content "$WORK/gap/plan.json" -certfile "$WORK/people/$name.pem" -CAfile "$WORK/people/$name.pem" -purpose any -out /dev/null
done
for name in alice carol erin transcript-key; do
    accepted "openssl cms: $name's manifest" openssl cms -verify -binary -inform DER -in "$WORK/gap/manifest-$name.p7s" \
        -content "$WORK/gap/manifest.json" -certfile "$WORK/people/$name.pem" -CAfile "$WORK/people/$name.pem" -purpose any -out /dev/null
done
accepted "the independent script" "$PYTHON" "$SYSTEM/ceremony_audit.py" "$WORK/gap" "$WORK/people"

# RFC 3161, with a time-stamping authority of our own.
mkdir "$WORK/tsa"
openssl req -x509 -newkey rsa:2048 -noenc -days 30 -subj /CN=tsa -addext extendedKeyUsage=critical,timeStamping \
    -keyout "$WORK/tsa/key" -out "$WORK/tsa/pem" 2>/dev/null
echo 01 >"$WORK/tsa/serial"
printf '[tsa]\ndefault_tsa = t\n[t]\nserial = %s/serial\ncrypto_device = builtin\nsigner_cert = %s/pem\nsigner_key = %s/key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256\naccuracy = secs:1\n' \
    "$WORK/tsa" "$WORK/tsa" "$WORK/tsa" >"$WORK/tsa/conf"
openssl ts -query -data "$WORK/gap/manifest.json" -sha256 -cert -out "$WORK/tsa/tsq" 2>/dev/null
openssl ts -reply -config "$WORK/tsa/conf" -queryfile "$WORK/tsa/tsq" -out "$WORK/gap/manifest.tsr" 2>/dev/null
accepted "verify with a time stamp" Z verify --tsa "$WORK/tsa/pem" "$WORK/gap"
grep -q 'proved    the manifest existed at' "$WORK/out" || not_ok "time stamp" "is not reported"
refused "a time stamp by somebody else" 1 'manifest.tsr' Z verify --tsa "$WORK/people/alice.pem" "$WORK/gap"
rm "$WORK/gap/manifest.tsr"

# The second ceremony destroys a key of the first, and continues its transcript.
B=$WORK/two
print=$("$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["keys"][1]["spki_sha256"])' "$WORK/gap/response.json")
prepare "$B" 2 --action destroy --previous "$WORK/gap" --key "example.nl/z2:ed25519:$print" >/dev/null || die "prepare 2"
approve "$B" bob carol >/dev/null || die "approve 2"
refused "run without the previous transcript" 1 'give its directory with --previous' run "$B"
accepted "destroy" run "$B" --previous "$WORK/gap"
{ seal "$B" && approve "$B" bob carol erin; } >/dev/null || die "seal 2"
accepted "verify both" Z verify --previous "$WORK/gap" --trust "$WORK/people/trust.pem" "$B"
grep -q 'claimed   example.nl/z2 .* is no longer on the token' "$WORK/out" || not_ok "destroy" "is not reported"
accepted "the independent script on it" "$PYTHON" "$SYSTEM/ceremony_audit.py" "$B" "$WORK/people"
pkcs11-tool --module "$MODULE" --token-label zegel --login --pin 1234 -O >"$WORK/objects" 2>/dev/null
! grep -q 'example.nl/z2' "$WORK/objects" || not_ok "destroy" "example.nl/z2 is on the token still"
grep -q 'example.nl/z1' "$WORK/objects" || not_ok "destroy" "example.nl/z1 is gone too"

[ "$failed" -eq 0 ] || die "$failed failed"
