#!/bin/bash
# `zegel dns publish` and `zegel dns check` against Knot (signed, with a secondary) and BIND as primaries: updates with TSIG that may be
# repeated, and every fault by its name: a lag, a server that is down, a wrong secret, an unknown key, a clock that differs, an answer
# that is truncated or not signed, a record of somebody else.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"

own_network "$@"
needs named
begin "$@"
SECRET512=$(head -c 64 /dev/urandom | base64 -w0)
allow_updates "  - id: long.
    algorithm: hmac-sha512
    secret: $SECRET512" ", long."
ZONES="example.nl keys.nl"
for zone in $ZONES; do plain_zone "$zone"; done
echo 'c._domainkey CNAME c.example.keys.nl.' >>"$WORK/zones/example.nl.zone"
start_internet

umask 077
configure() { # [SERVER [KEY [ALGORITHM [SECRET]]]]
    echo "${4:-$SECRET}" >"$WORK/secret"
    write_zegel_config --on-failure tempfail
    cat >>"$WORK/zegel.yaml" <<CONF
  - domain: keys.nl
    keys: [{selector: unused, algorithm: ed25519-sha256, key: "pkcs11:token=zegel;object=example.nl/$ED_SELECTOR"}]
dns:
    resolver: $WORK/resolver.conf
    update: {server: ${1:-127.0.0.2}, key: ${2:-zegel}, algorithm: ${3:-hmac-sha256}, secret: "file:$WORK/secret"}
CONF
}
configure
if ! { start_softhsm_token && generate_keys; } >/dev/null; then die "no keys"; fi
Z() { # COMMAND [SELECTOR [DOMAIN]]: into $WORK/seen
    CODE=0
    "$BUILD/zegel" dns "$1" --config "$WORK/zegel.yaml" --domain "${3:-example.nl}" ${2:+--selector "$2"} >"$WORK/seen" 2>&1 || CODE=$?
}
says() { [ "$CODE" -eq "$1" ] && grep -q -- "$2" "$WORK/seen"; } # EXIT_CODE REGEX
refresh() { knotc -s "$WORK/secondary/knot.sock" zone-refresh "$1" >/dev/null; }
secondary_has() { serves 127.0.0.3 "$1._domainkey.example.nl" TXT; }
absent() { ! serves 127.0.0.2 "$ED_SELECTOR._domainkey.example.nl" TXT; }

Z check "$RSA_SELECTOR"
check "nothing there: absent, and 1" says 1 "$RSA_SELECTOR._domainkey.example.nl: absent"
configure 127.0.0.2 zegel hmac-sha256 "$(head -c 32 /dev/urandom | base64 -w0)"
Z publish "$ED_SELECTOR"
check "a wrong secret is named" says 1 'another secret for the TSIG key zegel'
configure 127.0.0.2 nobody
Z publish "$ED_SELECTOR"
check "a key the server does not know is named" says 1 'does not know the TSIG key nobody'
configure 127.0.0.9
Z publish "$ED_SELECTOR"
check "a server that is not there is named" says 3 '127.0.0.9 port 53: no answer'
configure
if ! nm "$BUILD/zegel" | grep -q '__[at]san_init'; then
    "$PYTHON" -c "import struct,sys; open('$WORK/step','wb').write(struct.pack('q', 1000))"
    CODE=0
    CLOCKSTEP=$WORK/step LD_PRELOAD=$BUILD/tests/clockstep.so "$BUILD/zegel" dns publish --config "$WORK/zegel.yaml" --domain example.nl --selector "$ED_SELECTOR" >"$WORK/seen" 2>&1 || CODE=$?
    check "a clock that differs is named" says 1 'its clock and ours differ by more than 300 s'
fi

# A server of our own, with answers that no success may follow from.
cat >"$WORK/liar.py" <<'PY'
import socket, struct, sys
import dns.message, dns.flags, dns.tsigkeyring
listener = socket.create_server(("127.0.0.8", 53))
print("listening", flush=True)
for kind in sys.argv[1:]:
    c, _ = listener.accept()
    n = struct.unpack("!H", c.recv(2))[0]
    wire = b""
    while len(wire) < n:
        wire += c.recv(n - len(wire))
    reply = bytearray(wire[:12])
    reply[2:12] = b"\xa8\x00" + bytes(8)  # QR, UPDATE, NOERROR, four empty sections
    if kind == "truncated":
        reply[2] |= 2
    if kind == "other":
        reply[0] ^= 1
    if kind == "garbage":
        reply = bytearray(b"\xff" * 40)
    if kind == "reflect":
        reply = bytearray(wire)
        reply[2] |= 0x80
    if kind != "silence":
        c.sendall(struct.pack("!H", len(reply)) + bytes(reply))
    c.close()
PY
start liar "$PYTHON" "$WORK/liar.py" unsigned truncated other garbage reflect silence
wait_for 30 grep -q listening "$WORK/log/liar" || die "the liar does not listen"
configure 127.0.0.8
Z publish "$ED_SELECTOR"
check "NOERROR without a signature is no success" says 3 'not signed by the TSIG key zegel'
Z publish "$ED_SELECTOR"
check "a truncated answer is named" says 3 'truncated'
Z publish "$ED_SELECTOR"
check "the answer to another question is named" says 3 'answered something else'
Z publish "$ED_SELECTOR"
check "garbage is named" says 3 'cannot be read\|something else'
Z publish "$ED_SELECTOR"
check "our own message, reflected, is no success" says 3 'not signed'
Z publish "$ED_SELECTOR"
check "a connection that is closed is no answer" says 3 'no answer'
check "... and none of this published anything" absent

configure
Z publish
check "published: both keys" says 0 "$ED_SELECTOR._domainkey.example.nl: sent"
Z check
check "the secondary lags, and is named" says 1 "$RSA_SELECTOR._domainkey.example.nl: lag (ns2.example.nl 127.0.0.3: no record)"
refresh example.nl
wait_for 30 secondary_has "$ED_SELECTOR" || die "the secondary does not take it up"
Z check
check "then all have it, and it is secure" says 0 "$RSA_SELECTOR._domainkey.example.nl: good (2 servers, secure"
before=$(kdig +short @127.0.0.2 example.nl SOA)
Z publish
check "publishing again does no harm" says 0 "$ED_SELECTOR._domainkey.example.nl: there already"
check "... and changes nothing" [ "$before" = "$(kdig +short @127.0.0.2 example.nl SOA)" ]
verified() { "$PYTHON" - "$(kdig +short @127.0.0.3 "$RSA_SELECTOR._domainkey.example.nl" TXT)" <<'PY'
import base64, re, sys
from cryptography.hazmat.primitives.serialization import load_der_public_key
text = "".join(re.findall(r'"([^"]*)"', sys.argv[1]))
load_der_public_key(base64.b64decode(re.search(r"p=([A-Za-z0-9+/=]+)", text).group(1)))
PY
}
if "$PYTHON" -c 'import cryptography' 2>/dev/null; then check "the record, longer than one string, holds a key" verified; fi
freeze "$SECONDARY_PID"
Z check "$ED_SELECTOR"
kill -CONT "$SECONDARY_PID"
check "a server that is down is named" says 1 'fault (ns2.example.nl 127.0.0.3: no answer'

# Somebody else's record at one server.
knotc -s "$WORK/primary/knot.sock" zone-begin example.nl >/dev/null
knotc -s "$WORK/primary/knot.sock" zone-unset example.nl "$ED_SELECTOR._domainkey" TXT >/dev/null
knotc -s "$WORK/primary/knot.sock" zone-set example.nl "$ED_SELECTOR._domainkey" 300 TXT '"v=DKIM1; p="' >/dev/null
knotc -s "$WORK/primary/knot.sock" zone-commit example.nl >/dev/null
Z check "$ED_SELECTOR"
check "a record of somebody else is named" says 1 'different'
Z publish "$ED_SELECTOR"
check "... and is not overwritten" says 1 'the name has been used for something else'

# hmac-sha512, and a CNAME into a zone that is ours to change.
configure 127.0.0.2 long hmac-sha512 "$SECRET512"
sed -i "s/- selector: $ED_SELECTOR\$/- selector: c/" "$WORK/zegel.yaml"
Z publish c
check "hmac-sha512, at the end of a CNAME" says 0 'c._domainkey.example.nl: sent'
refresh keys.nl
delegated() { serves 127.0.0.3 c.example.keys.nl TXT; }
wait_for 30 delegated || die "keys.nl does not have it"
Z check c
check "... where all servers have it" says 0 'c._domainkey.example.nl: good'

# BIND, which listens on addresses that the machine has.
ip address add 127.0.0.4/8 dev lo
mkdir "$WORK/bind"
cp "$WORK/zones/example.nl.zone" "$WORK/bind/example.nl.zone"
cat >"$WORK/bind/named.conf" <<CONF
options { directory "$WORK/bind"; pid-file none; session-keyfile none; listen-on { 127.0.0.4; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; };
controls { };
key zegel { algorithm hmac-sha256; secret "$SECRET"; };
zone example.nl { type primary; file "example.nl.zone"; update-policy { grant zegel subdomain _domainkey.example.nl. TXT; }; };
CONF
start named named -g -c "$WORK/bind/named.conf"
wait_for 30 serves 127.0.0.4 example.nl SOA || die "named does not serve example.nl"
configure 127.0.0.4
Z publish "$RSA_SELECTOR"
check "BIND takes the same update" says 0 "$RSA_SELECTOR._domainkey.example.nl: sent"
check "... and serves the record" serves 127.0.0.4 "$RSA_SELECTOR._domainkey.example.nl" TXT
Z publish unused keys.nl
check "BIND refuses a zone that is not its own, by name" says 1 'refused the update: NOTAUTH'

conclude
