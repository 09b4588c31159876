#!/bin/bash
# What `zegel dns observe` sees of real Knot servers, a chain of trust from a root of our own, and a validating resolver: secure, insecure, bogus, a CNAME, an
# answer too long for UDP, a secondary that lags, one that is frozen.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"

own_network "$@"
begin "$@"
ZONES="good.nl plain.nl broken.nl many.nl"
UNSIGNED="plain.nl many.nl"
BOGUS="broken.nl"
openssl genrsa -traditional -out "$WORK/rsa.pem" 2048 2>/dev/null
public=$(openssl rsa -in "$WORK/rsa.pem" -pubout -outform DER 2>/dev/null | base64 -w 0)
for zone in $ZONES; do
    plain_zone "$zone"
    cat >>"$WORK/zones/$zone.zone" <<EOF
a._domainkey 120 TXT "v=DKIM1; " "k=ed25519; p=AAAA"
v._domainkey 120 TXT "v=DKIM1; p=${public:0:200}" "${public:200}"
EOF
done
for i in $(seq 70); do printf '@ NS n%d\nn%d A 127.0.0.2\n' "$i" "$i"; done >>"$WORK/zones/many.nl.zone"
{
    echo 'c._domainkey CNAME a._domainkey.plain.nl.'
    printf 'long._domainkey TXT'
    for i in $(seq 14); do printf ' "%0250d"' "$i"; done
    echo
} >>"$WORK/zones/good.nl.zone"
cat >"$WORK/zegel.yaml" <<EOF
tokens:
  - {name: none, module: /nonexistent.so, token: "pkcs11:token=none", pin: prompt}
dns:
    resolver: $WORK/resolver.conf
domains:
$(for zone in $ZONES; do echo "  - domain: $zone
    keys: [{selector: a, algorithm: ed25519-sha256}, {selector: c, algorithm: ed25519-sha256}, {selector: long, algorithm: ed25519-sha256}]"; done)
EOF
start_internet

observe() { # DOMAIN SELECTOR: into $WORK/seen
    CODE=0
    "$BUILD/zegel" dns observe --config "$WORK/zegel.yaml" --domain "$1" --selector "$2" >"$WORK/seen" 2>&1 || CODE=$?
}
seen() { grep -q -- "$1" "$WORK/seen"; }
all_same() { [ "$CODE" -eq 0 ]; }
not_same() { [ "$CODE" -eq 1 ]; }
both_servers() { seen "ns1.$1 127.0.0.2 *NOERROR, TTL $2" && seen "ns2.$1 127.0.0.3 *NOERROR, TTL $2"; }

observe good.nl a
check "signed: the answer is secure" seen "resolver  *NOERROR, secure, TTL 120"
check "both servers serve the record, its strings joined" both_servers good.nl 120
check "... and all say the same" all_same
observe plain.nl a
check "not signed: insecure" seen "NOERROR, insecure"
observe broken.nl a
check "a DS of no key: bogus, with the reason" seen "resolver  *bogus: "
check "... which is not the same" not_same
observe good.nl c
check "a CNAME into another zone: its servers are asked, too" both_servers plain.nl 120
check "... and the chain is as insecure as its end" seen "NOERROR, insecure, TTL 120, CNAME a._domainkey.plain.nl"
observe good.nl long
check "an answer too long for UDP comes by TCP from both" [ "$(grep -c '0014"' "$WORK/seen")" -eq 3 ]
observe many.nl a
check "more servers than are asked: said" seen "not all of which were asked"
check "... and what the rest has is not known" not_same
observe broken.nl c
check "no record: said, not guessed" not_same

# `zegel verify` with keys from the same DNS, of a message that dkimpy signed.
verify() { # DOMAIN
    printf 'From: jan@%s\r\nSubject: x\r\n\r\nHello.\r\n' "$1" >"$WORK/plain.eml"
    "$PYTHON" - "$1" "$WORK/rsa.pem" "$WORK/plain.eml" >"$WORK/signed.eml" <<'PY'
import sys, dkim
message = open(sys.argv[3], "rb").read()
sys.stdout.buffer.write(dkim.sign(message, b"v", sys.argv[1].encode(), open(sys.argv[2], "rb").read()) + message)
PY
    CODE=0
    "$BUILD/zegel" verify --config "$WORK/zegel.yaml" <"$WORK/signed.eml" >"$WORK/seen" 2>&1 || CODE=$?
}
verified() { seen "dkim=pass (2048-bit key) header.d=$1 .* dns.sec=$2 (From is aligned)" && [ "$CODE" -eq 0 ]; }
try_later() { seen "dkim=temperror reason=\"$1" && [ "$CODE" -eq 3 ]; }
verify good.nl
check "verify: a key that DNSSEC vouches for" verified good.nl yes
verify plain.nl
check "verify: a key in an unsigned zone" verified plain.nl no
verify broken.nl
check "verify: a bogus key is none, for now" try_later "the key is bogus by DNSSEC"
freeze "$PRIMARY_PID" "$SECONDARY_PID"
verify good.nl
kill -CONT "$PRIMARY_PID" "$SECONDARY_PID"
check "verify: no server answers" try_later "key lookup failed for now"

# The secondary lags: it does not hear of the change before its refresh, 3600 s.
sed -i 's/p=AAAA/p=BBBB/' "$WORK/zones/good.nl.zone"
reload_zone good.nl
changed() { kdig +short +timeout=1 @127.0.0.2 a._domainkey.good.nl TXT | grep -q BBBB; }
wait_for 30 changed || die "the primary does not take up the change"
observe good.nl a
seen_lag() {
    [ "$(grep -A1 127.0.0.2 "$WORK/seen" | grep -c BBBB)" -eq 1 ] && [ "$(grep -A1 127.0.0.3 "$WORK/seen" | grep -c AAAA)" -eq 1 ]
}
check "a secondary that lags: seen" seen_lag
check "... and not the same" not_same

freeze "$SECONDARY_PID"
observe good.nl a
kill -CONT "$SECONDARY_PID"
check "a secondary that is down: named" seen "ns2.good.nl 127.0.0.3 *no answer"
check "... and not the same" not_same

conclude
