# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034 # $TTL is of the zone file; pids are for the tests
# A small Internet in a network namespace: each server has its own loopback address and the real port 53. Sourced after lib.sh.
#   127.0.0.1  root and nl (signed)    127.0.0.2, .3  primary and secondary of the zones under test (signed)

own_network() { # ARGUMENTS: once more, in a network of our own, as root
    need_root "$@"
    [ -n "${ZEGEL_NETNS:-}" ] && return
    unshare -n true 2>/dev/null || skip "network namespaces are not permitted here"
    ZEGEL_NETNS=1 exec unshare -n "$0" "$@"
}

KNOT_ENV=(env) # what a knotd is started with

# plain_zone ZONE: $WORK/zones/ZONE.zone, with its two servers and nothing else
plain_zone() {
    mkdir -p "$WORK/zones"
    printf '$ORIGIN %s.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 300\n@ NS ns1\n@ NS ns2\nns1 A 127.0.0.2\nns2 A 127.0.0.3\n' "$1" >"$WORK/zones/$1.zone"
}

# The primary takes updates by the key zegel, hmac-sha256, of this $SECRET, and by more of $1.
allow_updates() {
    SECRET=$(head -c 32 /dev/urandom | base64 -w0)
    KNOT_KEYS="key:
  - id: zegel.
    algorithm: hmac-sha256
    secret: $SECRET
${1:-}"
    KNOT_ACL="  - id: update
    key: [zegel.${2:-}]
    action: update"
}

knot_conf() { # NAME ADDRESS: the part before the zones
    cat <<EOF
server:
    listen: $2@53
    rundir: $WORK/$1
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: $WORK/$1
control:
    listen: $WORK/$1/knot.sock
${KNOT_KEYS:-}
policy:
  - id: sign
    algorithm: ecdsap256sha256
    single-type-signing: on
    nsec3: off
${KNOT_POLICY:-}
remote:
  - id: primary
    address: 127.0.0.2@53
acl:
  - id: transfer
    address: 127.0.0.0/8
    action: transfer
${KNOT_ACL:-}
template:
  - id: default
    storage: $WORK/$1
    acl: [transfer${KNOT_ACL:+, update}]
    zonefile-load: difference-no-serial
    journal-content: all
    serial-policy: increment
zone:
EOF
}

start_knotd() { # NAME
    start "$1" "${KNOT_ENV[@]}" knotd --config "$WORK/$1/knot.conf"
    KNOT_PID=$STARTED
}

serves() { # ADDRESS NAME TYPE
    [ -n "$(kdig +short +timeout=1 +retry=0 "@$1" "$2" "$3" 2>/dev/null)" ]
}

ds_of() { # ADDRESS ZONE: its DS records
    kdig +short "@$1" "$2" DNSKEY | sed "s/^/$2 3600 IN DNSKEY /" >"$WORK/ds"
    "$PYTHON" - "$WORK/ds" <<'PY'
import sys, dns.rdata, dns.dnssec, dns.name
for line in open(sys.argv[1]):
    name, _, _, _, rest = line.split(None, 4)
    key = dns.rdata.from_text("IN", "DNSKEY", rest)
    print(name, "3600 IN DS", dns.dnssec.make_ds(dns.name.from_text(name), key, "SHA256"))
PY
}

# The zones under test: $WORK/zones/NAME.zone, each listed in $ZONES; those in $UNSIGNED stay without DNSSEC, those in $BOGUS get a DS of no key.
start_internet() {
    local zone
    ip link set lo up
    mkdir -p "$WORK/primary" "$WORK/secondary" "$WORK/top"
    { knot_conf primary 127.0.0.2; for zone in $ZONES; do
        printf '  - domain: %s\n    file: %s\n' "$zone" "$WORK/zones/$zone.zone"
        case " ${UNSIGNED:-} " in *" $zone "*) ;; *) printf '    dnssec-signing: on\n    dnssec-policy: sign\n' ;; esac
        printf '    zonefile-sync: -1\n'
    done; } >"$WORK/primary/knot.conf"
    { knot_conf secondary 127.0.0.3; for zone in $ZONES; do
        printf '  - domain: %s\n    master: primary\n' "$zone"
    done; } >"$WORK/secondary/knot.conf"
    start_knotd primary
    PRIMARY_PID=$KNOT_PID
    for zone in $ZONES; do wait_for 30 serves 127.0.0.2 "$zone" SOA || die "the primary does not serve $zone"; done
    start_knotd secondary
    SECONDARY_PID=$KNOT_PID
    {
        printf '$ORIGIN nl.\n$TTL 3600\n@ SOA ns.nl. x.nl. 1 3600 600 86400 300\n@ NS ns.nl.\nns A 127.0.0.1\n'
        for zone in $ZONES; do
            printf '%s. NS ns1.%s.\n%s. NS ns2.%s.\nns1.%s. A 127.0.0.2\nns2.%s. A 127.0.0.3\n' "$zone" "$zone" "$zone" "$zone" "$zone" "$zone"
            case " ${UNSIGNED:-} " in *" $zone "*) continue ;; esac
            wait_for 30 serves 127.0.0.2 "$zone" DNSKEY || die "$zone is not signed"
            case " ${BOGUS:-} " in
            *" $zone "*) echo "$zone. 3600 IN DS 1 13 2 $(printf '%064d' 0)" ;;
            *) ds_of 127.0.0.2 "$zone." ;;
            esac
        done
        if [ -e "$WORK/more.nl" ]; then cat "$WORK/more.nl"; fi # zones of other servers
    } >"$WORK/top/nl.zone"
    # The DS of nl is known once nl is signed: the root, of the same server, gets its file only then.
    { knot_conf top 127.0.0.1; printf '  - domain: nl\n    file: %s/top/nl.zone\n    dnssec-signing: on\n    dnssec-policy: sign\n    zonefile-sync: -1\n' "$WORK"
      printf '  - domain: .\n    file: %s/top/root.zone\n    dnssec-signing: on\n    dnssec-policy: sign\n    zonefile-sync: -1\n' "$WORK"; } >"$WORK/top/knot.conf"
    start_knotd top
    TOP_PID=$KNOT_PID
    wait_for 30 serves 127.0.0.1 nl DNSKEY || die "nl is not served"
    {
        printf '$TTL 3600\n. SOA a.root. x.root. 1 3600 600 86400 300\n. NS a.root.\na.root. A 127.0.0.1\nnl. NS ns.nl.\nns.nl. A 127.0.0.1\n'
        ds_of 127.0.0.1 nl.
    } >"$WORK/top/root.zone"
    knotc -s "$WORK/top/knot.sock" zone-reload . >/dev/null
    wait_for 30 serves 127.0.0.1 . DNSKEY || die "the root is not served"
    kdig +short @127.0.0.1 . DNSKEY | sed 's/^/. 3600 IN DNSKEY /' >"$WORK/anchor"
    printf '. 3600 NS a.root.\na.root. 3600 A 127.0.0.1\n' >"$WORK/hints"
    cat >"$WORK/resolver.conf" <<EOF
server:
    trust-anchor-file: $WORK/anchor
    root-hints: $WORK/hints
    do-not-query-localhost: no
    module-config: "validator iterator"
    chroot: ""
    username: ""
    do-ip6: no
EOF
    for zone in $ZONES; do wait_for 30 serves 127.0.0.3 "$zone" SOA || die "the secondary does not serve $zone"; done
}

# The zone file was changed: the primary takes it up.
reload_zone() { # ZONE
    knotc -s "$WORK/primary/knot.sock" zone-reload "$1" >/dev/null
}
