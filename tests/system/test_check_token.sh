#!/bin/bash
# shellcheck disable=SC2016 # $TTL is of the zone file
# `zegel check` with a token and a running zegeld: the key in DNS is the token's or is not, a canary goes through the daemon and its
# signatures are read back, keys have the age that the audit log gives them; and what filters that are none of ours do to it.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"

own_network "$@"
begin "$@"

ip link set lo up
ZONES="live.nl"
DOMAINS="live.nl other.live.nl gone.live.nl barred.live.nl"
MILTER_PORT=$(free_port)
mkdir -p "$WORK/zones" "$WORK/state"
{
    cat <<END
state: $WORK/state
tokens:
  - {name: softhsm, module: $(softhsm_module), token: "pkcs11:token=zegel", pin: "file:$WORK/pin", deadline: 10s}
listen: ["inet:$MILTER_PORT@127.0.0.1"]
front-ends:
  - {listen: "inet:$MILTER_PORT@127.0.0.1", domains: [live.nl, other.live.nl, gone.live.nl]}
dns: {resolver: $WORK/resolver.conf}
domains:
END
    for domain in $DOMAINS; do
        printf '  - {domain: %s, keys: [{selector: r, algorithm: rsa-sha256}, {selector: e, algorithm: ed25519-sha256}]}\n' "$domain"
    done
} >"$WORK/zegel.yaml"
start_softhsm_token >/dev/null
for domain in live.nl other.live.nl barred.live.nl; do
    zegel key generate --domain "$domain" --selector r --algorithm rsa2048 >/dev/null
    zegel key generate --domain "$domain" --selector e --algorithm ed25519 >/dev/null
done

{
    printf '$ORIGIN live.nl.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 300\n@ NS ns1\n@ NS ns2\nns1 A 127.0.0.2\nns2 A 127.0.0.3\nmail A 192.0.2.1\n'
    for domain in $DOMAINS; do
        printf '%s. MX 10 mail\n%s. TXT "v=spf1 mx -all"\n_dmarc.%s. TXT "v=DMARC1\\; p=reject\\; rua=mailto:dmarc@live.nl"\n' "$domain" "$domain" "$domain"
    done
    zegel dns record --domain live.nl
    zegel dns record --domain barred.live.nl
    # The keys of one domain under the names of others: in DNS there is a key, and it is not the token's.
    for domain in other gone; do zegel dns record --domain live.nl | sed "s/_domainkey\.live\.nl\./_domainkey.$domain.live.nl./"; done
} >"$WORK/zones/live.nl.zone"
start_internet
start_zegeld

run_check() { # ARGUMENTS: sets CODE; output in $WORK/out
    CODE=0
    zegel check --json "$@" >"$WORK/out" 2>"$WORK/err" || CODE=$?
    cat "$WORK/out" "$WORK/err" >"$WORK/seen"
}
has() { # RESULT RULE [N]: N findings, at least one
    "$PYTHON" -c 'import json, sys
[d] = json.load(open(sys.argv[1]))
n = sum((f["result"], f["rule"]) == (sys.argv[2], sys.argv[3]) for f in d["findings"])
sys.exit(n != int(sys.argv[4]) if sys.argv[4] else n == 0)' "$WORK/out" "$1" "$2" "${3:-}"
}

run_check live.nl
check "a domain with token, daemon and DNS in order: 0" [ "$CODE" -eq 0 ]
check "both keys in DNS are the token's" has PASS dkim.token 2
check "the canary's signatures verify" has PASS canary
check "a key that never signed has no age" has INFO dkim.age 2
run_check live.nl
check "the canary gave each key its first signature" has PASS dkim.age 2
age_known() { grep -q "\"first-signed\": \"$(date -u +%F)\"" "$WORK/out" && grep -q "\"due\": \"$(date -u -d '180 days' +%F)\"" "$WORK/out"; }
check "which is today, and to be replaced in 180 days" age_known
run_check other.live.nl
check "another key in DNS than in the token: 1" [ "$CODE" -eq 1 ]
check "is said of both" has FAIL dkim.token 2
check "and the canary does not verify" has FAIL canary
run_check gone.live.nl
check "a key that the token does not have" has FAIL dkim.token 2
check "signs no canary" has FAIL canary
run_check barred.live.nl
check "a domain that no listen: may sign for has no canary" has WARN canary
run_check live.nl --no-token --no-canary
check "without either: no FAIL" [ "$CODE" -eq 0 ]
check "the token is a warning" has WARN dkim.token 2
check "and nobody asked the daemon" has PASS canary 0
declare -A fakes
stop_zegeld
run_check live.nl
check "no daemon: a warning, no FAIL" [ "$CODE" -eq 0 ]
check "and said so" has WARN canary
for how in gone huge garbage accept forge escape from loop silent; do
    port=$(free_port)
    start "fake-$how" "$PYTHON" "$SYSTEM/fake_filter.py" "$port" "$how"
    wait_for 30 port_open "$port" || die "no fake filter"
    sed "s/inet:$MILTER_PORT@/inet:$port@/" "$WORK/zegel.yaml" >"$WORK/fake-$how.yaml"
    # All at once, since the silent one takes as long as we wait for a daemon.
    "$BUILD/zegel" check live.nl --no-token --json --config "$WORK/fake-$how.yaml" >"$WORK/out-$how" 2>"$WORK/err-$how" &
    fakes[$!]=$how
    [ "$how" != escape ] || "$BUILD/zegel" check live.nl --no-token --config "$WORK/fake-$how.yaml" >"$WORK/text-$how" 2>&1
done

# ---- Age: a log of the daemon's form, in a state of its own.
record() { # SEQ DAYS-AGO SELECTOR VERDICT
    printf '{"seq":%d,"time":%d,"d":"live.nl","s":"%s","key":"k","queue":"Q","client":"local","block":"00","bh":"00","verdict":"%s"}\n' \
        "$1" "$(date -u -d "$2 days ago" +%s)" "$3" "$4"
}
mkdir -p "$WORK/old/audit"
{ record 0 400 e "no key"; record 1 200 r signed; } >"$WORK/old/audit/records-0000000000000000.jsonl"
{ record 2 100 r signed; record 3 170 e signed; echo '{"seq":4,"time":9999999999999999999999,"d":"live.nl","s":"e","verdict":"signed"}'; printf '{"seq":'; } \
    >"$WORK/old/audit/records-0000000000000002.jsonl"
sed "s#^state:.*#state: $WORK/old#" "$WORK/zegel.yaml" >"$WORK/old.yaml"
"$BUILD/zegel" check live.nl --no-token --no-canary --json --config "$WORK/old.yaml" >"$WORK/out" 2>"$WORK/err"
check "200 days are too many" has FAIL dkim.age 1
check "170 are not; what was refused is no use of a key" has PASS dkim.age 1

# ---- The page, as people see it: an old key, a young one, an explanation.
printf -- '- {rule: dkim.token, domain: gone.live.nl, reason: "A new token arrives on Monday; until then the old signer works beside it.", owner: CISO, expires: %s}\n' \
    "$(date -u -d '20 days' +%F)" >"$WORK/explain.yaml"
for language in en nl; do
    CODE=0
    "$BUILD/zegel" check --all --lang "$language" --explain "$WORK/explain.yaml" --html "$WORK/page-$language.html" --config "$WORK/old.yaml" >"$WORK/out" 2>"$WORK/err" || CODE=$?
    check "a page in $language" [ "$CODE" -eq 1 ]
done
if [ -n "${PAGES:-}" ]; then cp "$WORK"/page-??.html "$PAGES"; fi
if command -v chromium >/dev/null; then
    check "which Chromium shows as it should be" "$PYTHON" "$SYSTEM/check_page.py" "$WORK" "${PAGES:-$WORK}"
else
    echo "chromium is missing: nobody has looked at the page"
    skipped=1
fi
for pid in "${!fakes[@]}"; do
    CODE=0
    wait "$pid" || CODE=$?
    how=${fakes[$pid]}
    cp "$WORK/out-$how" "$WORK/out"
    check "a filter that is no zegeld ($how): 1" [ "$CODE" -eq 1 ]
    check "and the canary is what fails" has FAIL canary
done
plain() { cp "$WORK/text-escape" "$WORK/seen"; grep -q 'DNSSEC unknown' "$WORK/text-escape" && ! LC_ALL=C tr -d "\n" <"$WORK/text-escape" | LC_ALL=C grep -qP "[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae"; }
check "no control character of a filter reaches the terminal" plain
rm -r "$WORK/old/audit"
echo "no directory" >"$WORK/old/audit"
"$BUILD/zegel" check live.nl --no-token --no-canary --json --config "$WORK/old.yaml" >"$WORK/out" 2>"$WORK/err"
check "a log that cannot be read gives no age" has INFO dkim.age 2
[ "$failed" -gt 0 ] || [ -z "${skipped:-}" ] || exit 77
conclude
