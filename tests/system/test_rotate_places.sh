#!/bin/bash
# One complete rotation where the records are elsewhere: BIND as the primary that takes the updates, behind a DNAME, and behind CNAMEs that people make one by
# one, each of these domains with an update: of its own, beside one that Knot takes. And on several hosts: what one of them has not taken up is waited for.
# shellcheck disable=SC2016 # $TTL is of the zone file
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"
# shellcheck source-path=SCRIPTDIR source=rotatelib.sh
. "$(dirname "$0")/rotatelib.sh"

own_network "$@"
needs named
begin "$@"
umask 077
SECRET512=$(head -c 64 /dev/urandom | base64 -w0)

# keys.nl: BIND, signed, on an address that the machine has.
more_dns() {
    echo '_domainkey DNAME example.keys.nl.' >>"$WORK/zones/example.nl.zone"
    ip link set lo up
    ip address add 127.0.0.4/8 dev lo
    mkdir "$WORK/bind"
    printf '$ORIGIN keys.nl.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 300\n@ NS ns1\nns1 A 127.0.0.4\n' >"$WORK/bind/keys.nl.zone"
    cat >"$WORK/bind/named.conf" <<CONF
options { directory "$WORK/bind"; pid-file none; session-keyfile none; listen-on { 127.0.0.4; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; };
controls { };
key bind { algorithm hmac-sha512; secret "$SECRET512"; };
dnssec-policy long { keys { csk lifetime unlimited algorithm ecdsap256sha256; }; signatures-validity 800d; signatures-validity-dnskey 800d; signatures-refresh 30d; };
zone keys.nl { type primary; file "keys.nl.zone"; dnssec-policy long; inline-signing yes; update-policy { grant bind subdomain keys.nl. TXT; }; };
zone plain.nl { type primary; file "plain.nl.zone"; update-policy { grant bind subdomain plain.nl. TXT; }; };
zone open.nl { type primary; file "open.nl.zone"; update-policy { grant bind subdomain open.nl. TXT; }; };
CONF
    local zone
    for zone in plain open; do sed "s/keys\.nl/$zone.nl/" "$WORK/bind/keys.nl.zone" >"$WORK/bind/$zone.nl.zone"; done
    start named env LD_PRELOAD="$OUR_CLOCK" named -g -c "$WORK/bind/named.conf"
    wait_for 30 serves 127.0.0.4 keys.nl DNSKEY || die "named does not serve keys.nl"
    { printf 'keys.nl. NS ns1.keys.nl.\nns1.keys.nl. A 127.0.0.4\n'; ds_of 127.0.0.4 keys.nl.; } >"$WORK/more.nl"
    printf '%s.nl. NS ns1.%s.nl.\nns1.%s.nl. A 127.0.0.4\n' plain plain plain open open open >>"$WORK/more.nl"
}
ZONES="example.nl knot.nl one.nl"
start_rotation_dns
echo "$SECRET512" >"$WORK/secret512"
KEYS="    update: {server: 127.0.0.4, key: bind, algorithm: hmac-sha512, secret: 'file:$WORK/secret512'}
  - domain: one.nl
    rotation: yes
    update: {server: 127.0.0.4, key: bind, algorithm: hmac-sha512, secret: 'file:$WORK/secret512'}
  - domain: knot.nl
    rotation: yes
    rotation-policy: {keys: [ed25519]}"
write_rotation_config
echo 'nodes: [mx2]' >>"$WORK/zegel.yaml"
start_softhsm_token >/dev/null || die "no token"
mkdir -p "$WORK/state/nodes/mx2/audit"

state_in() { sql "SELECT state FROM generations WHERE domain = '$1' AND number = $2"; } # DOMAIN GENERATION
selectors() { sql "SELECT selector FROM keys WHERE domain = '$1' AND number = $2"; }
txt() { kdig +short "@$1" "$2" TXT; } # SERVER NAME
update_knot() { # ZONE LINE...
    printf '%s\n' "server 127.0.0.2" "zone $1" "key hmac-sha256:zegel $SECRET" "${@:2}" send >"$WORK/update"
    LD_PRELOAD=$OUR_CLOCK knsupdate "$WORK/update" || die "knsupdate"
}
# People make the CNAMEs that one.nl lacks.
add_cnames() {
    local s
    for s in $(sql "SELECT selector FROM keys k JOIN generations g ON k.domain = g.domain AND k.number = g.number WHERE k.domain = 'one.nl' AND state = 'publishing'"); do
        [ -n "$(kdig +short @127.0.0.2 "$s._domainkey.one.nl" CNAME)" ] || update_knot one.nl "add $s._domainkey.one.nl. 3600 CNAME $s.one.keys.nl."
    done
    catch_up
}
everywhere() { # GENERATION STATE
    local domain
    for domain in example.nl one.nl knot.nl; do [ "$(state_in "$domain" "$1")" = "$2" ] || return 1; done
}
mx2_follows() { cp "$WORK/state/taken" "$WORK/state/nodes/mx2/taken"; }
# Day by day, until generation N is STATE in each domain; the other host follows, unless $MX2 says otherwise.
live() { # N STATE STEP_S MOST
    local i
    for ((i = 0; i < $4; i++)); do
        R run
        [ "$CODE" -eq 0 ] || says 3 'one.nl: 127.0.0.4 refused the update: NOTAUTH' || return 1 # what add_cnames is for
        add_cnames
        take
        [ -n "${MX2:-}" ] || mx2_follows
        ! everywhere "$1" "$2" || return 0
        advance "$3"
    done
    R status
    return 1
}

R run
check "no CNAME yet: BIND has no such zone, which is named" says 3 '127.0.0.4 refused the update: NOTAUTH'
check "... and only that domain waits" test "$(state_in example.nl 1) $(state_in knot.nl 1)" = "publishing publishing"
check "... with its record nowhere" test -z "$(txt 127.0.0.4 "$(selectors one.nl 1 | head -n 1).one.keys.nl")"
add_cnames
mv "$WORK/secret512" "$WORK/away"
R run
check "a secret that is not there stops the domains whose server it is for" says 3 "secret512: No such file"
mv "$WORK/away" "$WORK/secret512"
check "CNAMEs are there: the first keys sign" live 1 active 90000 8
record=$(sql "SELECT record FROM keys WHERE domain = 'example.nl' AND algorithm = 'ed25519' AND number = 1")
selector=$(sql "SELECT selector FROM keys WHERE domain = 'example.nl' AND algorithm = 'ed25519' AND number = 1")
check "BIND has the record, at the end of the DNAME" test "$(txt 127.0.0.4 "$selector.example.keys.nl")" = "\"$record\""
check "BIND has the RSA record, in strings" test "$(txt 127.0.0.4 "$(selectors one.nl 1 | grep 'r$').one.keys.nl" | tr -d '" ')" = "$(sql "SELECT record FROM keys WHERE domain = 'one.nl' AND number = 1 AND algorithm <> 'ed25519'" | tr -d ' ')"
check "Knot has the one of its domain" test -n "$(txt 127.0.0.3 "$(selectors knot.nl 1)._domainkey.knot.nl")"

# ---- the successor, on two hosts
MX2=waits
check "the successors sign here" live 2 active 259200 8
for _ in 1 2 3; do advance 7200; R run; done
check "the old ones do not retire while another host has not taken the new ones up" everywhere 1 active
R status --domain knot.nl
check "... and status names it" says 0 'waits for every node to sign with the new key: mx2 does not yet'
head -c 40 "$WORK/state/taken" >"$WORK/state/nodes/mx2/taken"
R run
check "... half a copy is none" everywhere 1 active
mx2_follows
printf '{"time":%d,"d":"knot.nl",,"d":"knot.nl","s":"%s",}\n' "$(now)" "$(selectors knot.nl 1)" >"$WORK/state/nodes/mx2/audit/records-0000000000000000.jsonl"
R run
check "... it has: what it signed with the old one just now is waited for" test "$(state_in knot.nl 1) $(state_in one.nl 1)" = "active retired"
MX2=
advance 3700
R run
check "... for an hour" everywhere 1 retired

check "to the end: the first ones are tombstones" live 1 tombstone 259200 20
check "... and their records are gone from BIND" test -z "$(for s in $(selectors one.nl 1) $(selectors example.nl 1); do txt 127.0.0.4 "$s.one.keys.nl"; txt 127.0.0.4 "$s.example.keys.nl"; done)"
check "... and from Knot" test -z "$(txt 127.0.0.2 "$(selectors knot.nl 1)._domainkey.knot.nl")"
# ---- zones that nobody signs: where the policy accepts that, and where it does not
for zone in plain open; do
    KEYS="    update: {server: 127.0.0.4, key: bind, algorithm: hmac-sha512, secret: 'file:$WORK/secret512'}
  - domain: $zone.nl
    rotation: yes
    update: {server: 127.0.0.4, key: bind, algorithm: hmac-sha512, secret: 'file:$WORK/secret512'}
    rotation-policy: {keys: [ed25519]$([ $zone = open ] || echo ', dnssec: optional')}"
    write_rotation_config
    for _ in 1 2 3 4 5; do
        R run
        take
        advance 90000
    done
    cp "$WORK/seen" "$WORK/seen.$zone"
done
check "dnssec: optional: the keys of an insecure domain sign" test "$(state_in plain.nl 1)" = active
check "... else nothing is begun" test -z "$(sql "SELECT * FROM generations WHERE domain = 'open.nl'")"
check "... and it is said why" grep -q 'open.nl: .*is not secured by DNSSEC (dnssec: optional would allow it)' "$WORK/seen.open"
check "no act was left without an outcome" test -z "$(sql "SELECT * FROM intents WHERE outcome IS NULL")"
conclude
