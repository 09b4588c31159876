#!/bin/bash
# Inbound mail (verify: yes) through a real Postfix, with keys in zones that Knot signs: every result is right, forged
# Authentication-Results go and nothing else changes, and without DNS the mail still arrives.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"
# shellcheck source-path=SCRIPTDIR source=inboundlib.sh
. "$(dirname "$0")/inboundlib.sh"

own_network "$@"
begin "$@"

ip link set lo up
INBOUND_PORT=$(free_port)
# shellcheck disable=SC2119 # its options are its own
write_zegel_config
sed -i "s/^listen:/listen:\n  - inet:$INBOUND_PORT@127.0.0.1/" "$WORK/zegel.yaml"
cat >>"$WORK/zegel.yaml" <<EOF2
front-ends:
  - {listen: "inet:$INBOUND_PORT@127.0.0.1", verify: yes, authserv-id: mx.example.nl}
dns: {resolver: $WORK/resolver.conf}
EOF2
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"

# plain.nl has no DNSSEC, bogus.nl a chain that does not fit; both have the keys that dkimpy signs with
key="p._domainkey $(make_dkimpy_key)"
# shellcheck disable=SC2034 # of dnslib.sh
ZONES="example.nl plain.nl bogus.nl" UNSIGNED="plain.nl" BOGUS="bogus.nl"
mkdir "$WORK/zones"
zone() { # NAME, more on standard input
    { printf '%s\n' "\$ORIGIN $1." "\$TTL 300" "@ SOA ns1 hostmaster 1 3600 600 86400 300" "@ NS ns1" "@ NS ns2" \
        "ns1 A 127.0.0.2" "ns2 A 127.0.0.3"; cat; } >"$WORK/zones/$1.zone"
}
zegel dns record --domain example.nl | zone example.nl
echo "$key" | zone plain.nl
echo "$key" | zone bogus.nl
start_internet
start_zegeld
start_postfix "smtpd_milters = inet:127.0.0.1:$INBOUND_PORT" "cleanup_replace_stray_cr_lf = no" # leaves it to us

cd "$WORK" || die "no $WORK"
message someone@example.nl ours | zegel sign >m || die "zegel sign"
expect ours m "mx.example.nl; dkim=pass (2048-bit key) header.d=example.nl header.s=$RSA_SELECTOR header.a=rsa-sha256 header.b=* dns.sec=yes (From is aligned); dkim=pass (256-bit key) header.d=example.nl header.s=$ED_SELECTOR header.a=ed25519-sha256 header.b=* dns.sec=yes (From is aligned)"
sed 's/^One line/Another line/; s/<ours@/<tampered@/' m >t
expect tampered t "mx.example.nl; dkim=fail reason=\"body hash did not verify\"*; dkim=fail reason=\"body hash did not verify\"*"
message someone@plain.nl dkimpy | sign_dkimpy plain.nl >m
expect dkimpy m "mx.example.nl; dkim=pass (2048-bit key) header.d=plain.nl header.s=p header.a=rsa-sha256 header.b=* dns.sec=no (From is aligned)"
message someone@example.nl unaligned | sign_dkimpy plain.nl >m
expect unaligned m "mx.example.nl; dkim=pass * dns.sec=no (From is not aligned)"
{ message someone@plain.nl counted | sign_dkimpy plain.nl p length; echo 'What anybody added.'; } >m
expect counted m "mx.example.nl; dkim=policy reason=\"l= leaves part of the body unsigned\" header.d=plain.nl * (From is aligned)"
verifies() { # FILE STATUS WORDS: zegel verify ends with that, and says these
    local got
    got=$(zegel verify <"$1")
    if [ $? -eq "$2" ] && [[ $got == *"$3"* ]]; then ok "zegel verify: $got"; else not_ok "zegel verify" "$got"; fi
}
verifies m 1 'dkim=policy reason="l= leaves part of the body unsigned"'
message someone@example.nl unaligned | sign_dkimpy plain.nl >m
verifies m 0 ' dns.sec=no (From is not aligned)'
message someone@bogus.nl bogus | sign_dkimpy bogus.nl >m
expect bogus m "mx.example.nl; dkim=temperror * header.d=bogus.nl header.s=p header.b=* dns.sec=no (bogus) *"
message someone@plain.nl nokey | sign_dkimpy nokey.nl >m
expect nokey m "mx.example.nl; dkim=permerror reason=\"no key for signature\" header.d=nokey.nl * dns.sec=yes *"
message someone@plain.nl none >m
expect none m "mx.example.nl; dkim=none"
# Values that would break out of the field, and more signatures than are looked at
{ printf 'DKIM-Signature: v=1; a=rsa-sha256; d=plain.nl; s=p; bh="; dkim=pass header.d=bank.example; h=From; b=");dkim=pass\n'
  message someone@plain.nl escape; } >m
got=$(deliver escape m)
case $got in *bank.example* | *dkim=pass*) not_ok escape "$got" ;; "mx.example.nl; dkim=permerror"*) ok "escape: $got" ;; *) not_ok escape "$got" ;; esac
{ for i in $(seq 40); do printf 'DKIM-Signature: v=1; a=rsa-sha256; d=d%s.nl; s=s; h=From; bh=; b=\n' "$i"; done; message someone@plain.nl many; } >m
expect many m "mx.example.nl; dkim=permerror *; dkim=policy reason=\"more signatures than are looked at*"

# ---- forged ones go, nothing else changes
"$PYTHON" "$SYSTEM/forged_authres.py" mx.example.nl forged expected
expect forged forged "mx.example.nl; dkim=none"
file=$(delivered_file inbox '<forged@example.nl>')
if [ -n "$file" ] && sed -n '/^X-First: 1/,$p' "$file" | cmp - expected; then
    ok "forged: $(grep -ci '^authentication-results' forged) fields, $(grep -ci '^authentication-results' expected) honest, nothing else changed"
else
    not_ok "forged" "$(sed -n '/^X-First: 1/,$p' "$file" | diff - expected | head -n 5)"
fi

for name in Authentication-Results authentication-RESULTS; do
    { printf 'X-Harmless: yes\r%s: mx.example.nl; dkim=pass\n' "$name"; message someone@plain.nl hidden; } | sed 's/$/\r/' >m
    got=$(send --raw --from someone@example.com --to inbox@example.org m)
    case $got in "554 5.6.0 "*) ok "hidden behind a bare CR: $got" ;; *) not_ok "hidden" "$got" ;; esac
done

# ---- a resolver that cannot be: the daemon goes on
cp zegel.yaml good.yaml
sed -i 's|^dns:.*|dns: {resolver: /nonexistent.conf}|' zegel.yaml
kill -HUP "$ZEGELD_PID"
if wait_for 30 grep -q 'dns.resolver: /nonexistent.conf: No such file' log/zegeld && wait_for 30 grep -q 'the old configuration stays' log/zegeld; then
    ok "a dns.resolver that is not there: the old configuration stays"
else
    not_ok "reload" "nothing was said of dns.resolver"
fi
echo 'serve: {' >broken.conf
sed -i "s|^dns:.*|dns: {resolver: $WORK/broken.conf}|" zegel.yaml
kill -HUP "$ZEGELD_PID"
wait_for 30 grep -q 'all processes replaced' log/zegeld || not_ok "reload" "processes were not replaced"
message someone@plain.nl broken | sign_dkimpy plain.nl >m
WAIT=40 expect broken m "mx.example.nl; dkim=temperror *"
cp resolver.conf broken.conf
kill -HUP "$ZEGELD_PID"
wait_for 30 resolver_pid >/dev/null
message someone@plain.nl mended | sign_dkimpy plain.nl >m
expect mended m "mx.example.nl; dkim=pass *"
cp good.yaml zegel.yaml

# ---- the resolver dies, hangs; DNS is gone: the mail arrives
message someone@example.nl killed | zegel sign >m
kill -9 "$(resolver_pid)"
expect killed m "mx.example.nl; dkim=pass * dkim=pass *"
wait_for 30 resolver_pid >/dev/null || not_ok "resolver" "was not started again"
message someone@plain.nl stuck | sign_dkimpy plain.nl >m
freeze "$(resolver_pid)"
WAIT=40 expect stuck m "mx.example.nl; dkim=temperror reason=\"key lookup failed for now\" *"
if wait_for 30 grep -q 'zegel-resolver has not answered' "$WORK/log/zegeld"; then ok "a stuck resolver is ended"; else not_ok "stuck" "it was not ended"; fi
wait_for 30 resolver_pid >/dev/null
for pid in "$PRIMARY_PID" "$SECONDARY_PID" "$KNOT_PID"; do stop_pid "$pid"; done
message someone@plain.nl nodns | sign_dkimpy plain.nl >m
WAIT=40 expect nodns m "mx.example.nl; dkim=temperror *"

if [ "$(pgrep -cP "$ZEGELD_PID" zegel-milter)" -ne 2 ] || grep -q 'zegel-milter ended\|zegel-signer ended' "$WORK/log/zegeld"; then
    not_ok "processes" "$(grep ended "$WORK/log/zegeld")"
fi
if grep -aE 'AddressSanitizer|ThreadSanitizer|runtime error:' "$WORK/log/zegeld"; then not_ok "zegeld's log" "a defect was reported"; fi
conclude
