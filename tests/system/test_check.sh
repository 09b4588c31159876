#!/bin/bash
# `zegel check` against real signed zones: a good domain passes every rule, and each bad one is found by the rule that is there for it, and by no other.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"

need_root "$@"
need_programs
own_network "$0" "$@"
make_work_dir
SHOW_LOGS=1
failed=0

public() { # ALGORITHM [OPTION]: p= of a new key
    openssl genpkey -algorithm "$1" ${2:+-pkeyopt "$2"} 2>/dev/null | openssl pkey -pubout -outform DER | base64 -w0
}
RSA=$(public RSA rsa_keygen_bits:2048)
SMALL=$(public RSA rsa_keygen_bits:1024)
ED=$(public ED25519 | base64 -d | tail -c 32 | base64 -w0)
good_rsa="r._domainkey TXT \"v=DKIM1; k=rsa; \" \"p=${RSA:0:200}\" \"${RSA:200}\""
good_ed="e._domainkey TXT \"v=DKIM1; k=ed25519; p=$ED\""

ZONES="good.nl plain.nl none.nl small.nl two.nl revoked.nl kind.nl testing.nl wild.nl away.nl"
UNSIGNED="plain.nl"
mkdir "$WORK/zones"
zone() { # NAME LINE...
    local name=$1
    shift
    printf '%s\n' "\$ORIGIN $name." "\$TTL 300" "@ SOA ns1 hostmaster 1 3600 600 86400 300" "@ NS ns1" "@ NS ns2" "ns1 A 127.0.0.2" "ns2 A 127.0.0.3" \
        "$@" >"$WORK/zones/$name.zone"
}
mx="@ MX 10 mail"$'\n'"mail A 192.0.2.1"
zone good.nl "$mx" "$good_rsa" "$good_ed"
zone plain.nl "$mx" "$good_rsa" "$good_ed"
zone none.nl "$mx"
zone small.nl "$mx" "r._domainkey TXT \"v=DKIM1; k=rsa; p=$SMALL\"" "$good_ed"
zone two.nl "$mx" "$good_rsa" "$good_ed" "e._domainkey TXT \"v=DKIM1; p=\""
zone revoked.nl "$mx" "$good_rsa" "e._domainkey TXT \"v=DKIM1; k=ed25519; p=\""
zone kind.nl "$mx" "${good_ed/#e/r}" "$good_ed"
zone testing.nl "$mx" "$good_rsa" "e._domainkey TXT \"v=DKIM1; k=ed25519; t=y; p=$ED\""
zone wild.nl "$mx" "$good_rsa" "$good_ed" "*._domainkey TXT \"v=DKIM1; p=\""
zone away.nl "@ MX 10 mail.plain.nl." "$good_rsa" "$good_ed"
cat >"$WORK/zegel.yaml" <<EOF
tokens:
  - {name: none, module: /nonexistent.so, token: "pkcs11:token=none", pin: prompt}
dns:
    resolver: $WORK/resolver.conf
domains:
$(for zone in $ZONES; do echo "  - domain: $zone
    keys: [{selector: r, algorithm: rsa-sha256}, {selector: e, algorithm: ed25519-sha256}]"; done)
EOF
start_internet

# Every finding that is no PASS, as "RESULT rule ..." in one line
found() { # DOMAIN
    CODE=0
    "$BUILD/zegel" check "$1" --json --config "$WORK/zegel.yaml" >"$WORK/seen" 2>&1 || CODE=$?
    "$PYTHON" - "$WORK/seen" <<'PY'
import json, sys
[domain] = json.load(open(sys.argv[1]))
assert len(domain["findings"]) >= 7 and all(f["evidence"] and f["source"] and f["does-not-prove"] for f in domain["findings"])
print(*sorted({f["result"] + " " + f["rule"] for f in domain["findings"] if f["result"] != "PASS"}), sep=", ")
PY
}
expect() { # DOMAIN CODE FINDINGS
    found "$1" >"$WORK/found"
    if [ "$CODE" -eq "$2" ] && [ "$(cat "$WORK/found")" = "$3" ]; then echo "ok   $1: ${3:-all pass}"; else
        echo "FAIL $1: wanted $2 '$3', got $CODE '$(cat "$WORK/found")'"
        failed=$((failed + 1))
    fi
}
expect good.nl 0 ""
expect plain.nl 1 "FAIL dkim.dnssec, FAIL dnssec.domain, FAIL dnssec.mx"
expect none.nl 1 "FAIL dkim.node, FAIL dkim.record, FAIL dkim.servers"
expect small.nl 1 "FAIL dkim.record"
expect two.nl 1 "FAIL dkim.record, FAIL dkim.servers"
expect revoked.nl 1 "FAIL dkim.record"
expect kind.nl 1 "FAIL dkim.record"
expect testing.nl 0 "WARN dkim.record"
expect wild.nl 0 "WARN dkim.wildcard"
expect away.nl 1 "FAIL dnssec.mx"

# The secondary serves another key than the primary: the resolver may see the good one, the rule sees both.
sed -i "s/^e\._domainkey.*/e._domainkey TXT \"v=DKIM1; k=ed25519; p=$(public ED25519 | base64 -d | tail -c 32 | base64 -w0 | sed 's/[\/&]/\\&/g')\"/" "$WORK/zones/good.nl.zone"
reload_zone good.nl
changed() { [ "$(kdig +short @127.0.0.2 e._domainkey.good.nl TXT)" != "$(kdig +short @127.0.0.3 e._domainkey.good.nl TXT)" ]; }
wait_for 20 changed || die "the primary does not take up the change"
expect good.nl 1 "FAIL dkim.servers"

"$BUILD/zegel" check --all --config "$WORK/zegel.yaml" >"$WORK/all"
if [ "$(grep -cE '^[a-z]+\.nl: (PASS|WARN|FAIL)$' "$WORK/all")" -eq 10 ] && grep -q 'FAIL  dkim.node' "$WORK/all"; then echo "ok   --all"; else
    echo "FAIL --all"
    failed=$((failed + 1))
fi
[ "$failed" -eq 0 ]
