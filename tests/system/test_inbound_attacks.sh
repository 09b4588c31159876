#!/bin/bash
# Inbound mail under attack, behind a real Postfix: DNS servers that send anything, a resolver that has been taken over, a milter process
# that has been taken over. Every message arrives with one honest result, and nobody is brought down by another.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"
# shellcheck source-path=SCRIPTDIR source=inboundlib.sh
. "$(dirname "$0")/inboundlib.sh"

own_network "$@"
begin "$@"
cd "$WORK" || die "no $WORK"
ip link set lo up
INBOUND_PORT=$(free_port)
MORE_PORT=$(free_port)
# shellcheck disable=SC2119 # its options are its own
write_zegel_config
sed -i "s/^listen:/listen:\n  - inet:$INBOUND_PORT@127.0.0.1\n  - inet:$MORE_PORT@127.0.0.1/" "$WORK/zegel.yaml"
cat >>"$WORK/zegel.yaml" <<EOF
front-ends:
  - {listen: "inet:$INBOUND_PORT@127.0.0.1", verify: yes, authserv-id: mx.example.nl}
  - {listen: "inet:$MORE_PORT@127.0.0.1", verify: yes, authserv-id: mx.example.nl}
dns: {resolver: $WORK/resolver.conf}
EOF
write_resolver evil.nl 127.0.0.9
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
record=$(make_dkimpy_key | sed 's/^TXT //; s/" "//; s/"//g')
start dns "$PYTHON" "$SYSTEM/hostile_dns.py" 127.0.0.9 "$record" "$WORK/asked"
mkdir "$WORK/libexec"
cp "$BUILD"/zegel-* "$WORK/libexec/"
export ZEGEL_LIBEXEC_DIR=$WORK/libexec SYSTEM RECORD=$record REPORT=$WORK/report HOSTILE=inet:$MORE_PORT@127.0.0.1
start_zegeld
start_postfix "smtpd_milters = inet:127.0.0.1:$INBOUND_PORT"
signed() { # ID SELECTOR
    message someone@evil.nl "$1" | sign_dkimpy evil.nl "$2"
}
defects() { # signal 9 is ours; the log stays the file that is written to
    grep -aE 'AddressSanitizer|ThreadSanitizer|runtime error:|zegel-(milter|resolver|signer) ended' "$WORK/log/zegeld" |
        grep -avE 'zegel-(milter|resolver) ended by signal 9 '
}
no_defects() { # NAME
    if defects >"$WORK/defects"; then not_ok "$1" "$(head -n 3 "$WORK/defects")"; else ok "$1: nobody ended"; fi
}

send_all() { # KIND SELECTOR...: at once, and until Postfix has answered for each
    local kind=$1 selector sending=()
    shift
    for selector in "$@"; do
        signed "$kind-$selector" "$selector" >"m-$selector"
        send --from someone@example.com --to inbox@example.org "m-$selector" >"answer-$selector" &
        sending+=($!)
    done
    wait "${sending[@]}"
}
arrived() { # KIND SELECTOR PATTERN: with one result, which is like this
    local got=
    wait_for 30 delivered_file inbox "<$1-$2@example.nl>" >/dev/null && got=$(results "$(delivered_file inbox "<$1-$2@example.nl>")")
    # shellcheck disable=SC2053 # a pattern
    if [[ $got == "mx.example.nl; "$3 && $got != *bank.example* && $got != *"; dkim="*"; dkim="* ]]; then
        ok "$1 $2: $(cut -c 15-100 <<<"$got")"
    else
        not_ok "$1 $2" "${got:-not delivered: $(cat "answer-$2")}"
    fi
}

# ---- DNS servers. All at once: some never answer.
tricks=(honest garbage halfgarbage short otherid othername long many lengths empty nothing breakout loop pointer chain servfail refused bigkey exponent slowkey silent stalled)
send_all dns "${tricks[@]}"
for trick in "${tricks[@]}"; do
    case $trick in
    honest) want="dkim=pass * dns.sec=no (From is aligned)" ;;
    othername | long | many | lengths | empty | nothing | breakout | bigkey | loop) want="dkim=@(permerror|temperror) *" ;;
    slowkey | exponent) want="dkim=@(fail|permerror) *" ;;
    *) want="dkim=temperror *" ;;
    esac
    arrived dns "$trick" "$want"
done
no_defects "DNS"
if grep -vE '^([^ ]*\.)?_domainkey\.evil\.nl\. ' asked | grep .; then not_ok "DNS" "other names were asked for"; else ok "DNS: $(wc -l <asked) questions, all for keys"; fi
# Thirty keys to look for, none of which is to be had
{ for i in $(seq 30); do
    printf 'DKIM-Signature: v=1; a=rsa-sha256; d=evil.nl; s=r%s; h=From; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\n' "$i"
  done
  message someone@evil.nl thirty; } >m
got=$(deliver thirty m)
names=$(grep -oE '^r[0-9]+\._domainkey' asked | sort -u | wc -l)
if [ "$names" -eq 8 ] && [ "$(grep -o 'dkim=temperror' <<<"$got" | wc -l)" -eq 8 ] && [ "$(grep -o 'dkim=' <<<"$got" | wc -l)" -eq 9 ]; then
    ok "thirty signatures: $names look-ups, 9 results"
else
    not_ok "thirty signatures" "$names look-ups; $got"
fi

# ---- a milter process that was taken over
mv libexec/zegel-milter libexec/zegel-milter.real
cp "$SYSTEM/hostile_milter.py" libexec/zegel-milter
: >asked
pkill -9 -P "$ZEGELD_PID" -f "$HOSTILE"
sent=0
until [ -s "$REPORT" ] || [ "$sent" -ge 60 ]; do
    sent=$((sent + 1))
    signed "beside-$sent" honest >m
    got=$(deliver "beside-$sent" m)
    case $got in "mx.example.nl; dkim=pass "*) ;; *) not_ok "beside a hostile milter" "$got" && break ;; esac
    sleep 0.3
done
if [ -s "$REPORT" ]; then ok "beside a hostile milter: $sent messages, all verified"; else not_ok "hostile milter" "no report"; fi
"$PYTHON" - "$REPORT" asked <<'PY' || not_ok "hostile milter" "it got more than it may"
import json, sys
report = json.load(open(sys.argv[1]))
print(report)
assert set(report["peers"]) == {"resolver"}, "it was given a socket to somebody else"
assert report["got"].get("not a key: none") == 16 and not {"not a key: found", "not a key: later"} & set(report["got"])
assert report["got"]["flood"] > 100
names = [line.split()[0] for line in open(sys.argv[2])]
others = [n for n in names if not ("." + n).endswith("._domainkey.evil.nl.")]
assert names and not others, others
PY
open_files=$(find "/proc/$(resolver_pid)/fd" | wc -l)
if [ "$open_files" -le 40 ]; then ok "the resolver kept none of the descriptors ($open_files open)"; else not_ok "descriptors" "$open_files open"; fi
lines=$(grep -c 'zegel-resolver' "$WORK/log/zegeld")
if [ "$lines" -le 200 ]; then ok "the resolver's log: $lines lines"; else not_ok "the resolver's log" "$lines lines"; fi
no_defects "hostile milter"

# ---- a resolver that was taken over
cp "$SYSTEM/hostile_resolver.py" libexec/zegel-resolver.new && mv libexec/zegel-resolver.new libexec/zegel-resolver
kill -9 "$(resolver_pid)"
sleep 0.5
milters=$(pgrep -P "$ZEGELD_PID" zegel-milter | xargs)
lies() { # HOW...: at once; some never have an answer
    local how want
    send_all lie "$@"
    for how in "$@"; do
        case $how in honest | twice | others | descriptors | flood) want="dkim=pass *" ;; *) want="dkim=temperror *" ;; esac
        arrived lie "$how" "$want"
    done
}
lies honest garbage twice others long numbers descriptors flood silence
lies crash hangup
lines=$(grep -c 'resolver sent a malformed answer' "$WORK/log/zegeld")
if [ "$lines" -ge 2 ] && [ "$lines" -le 100 ]; then ok "the milters' log of it: $lines lines"; else not_ok "the milters' log of it" "$lines lines"; fi
if [ "$(pgrep -P "$ZEGELD_PID" zegel-milter | xargs)" = "$milters" ]; then ok "hostile resolver: no milter ended"; else not_ok "hostile resolver" "$(defects)"; fi

conclude
