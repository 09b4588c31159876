#!/bin/bash
# What a domain's settings make of a message, through a real Postfix and through zegel sign: which fields are
# signed, who may have it signed, and what is done with mail that will not survive the way.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

begin "$@"

expect() { # NAME EXPECTED ACTUAL
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "expected '$2', got '$3'"; fi
}

# configure write_zegel_config-arguments...: zegeld runs with these
configure() {
    stop_zegeld
    write_zegel_config "$@"
    start_zegeld
}

message() { # FROM ID [HEADER-LINE...]
    local from=$1 id=$2
    shift 2
    printf 'From: %s\nTo: x@example.org\nSubject: %s\nDate: Tue, 06 Oct 2026 10:00:00 +0200\nMessage-ID: <%s@example.nl>\n' "$from" "$id" "$id"
    if [ $# -gt 0 ]; then printf '%s\n' "$@"; fi
    printf '\nbody\n'
}

# delivered ID MAILBOX: sends ./m through Postfix to MAILBOX, and names the file it arrives as
delivered() {
    send --from a@example.nl --to "$2@example.org" m >answer || { cat answer >&2; return 1; }
    wait_for 30 has_delivered "$2" 1 && delivered_file "$2" "$1@example.nl"
}

signed_names() { # FILE: h= of each signature, in lower case
    python3 - "$1" <<'PY'
import email, re, sys
message = email.message_from_binary_file(open(sys.argv[1], "rb"))
names = {re.sub(r"\s", "", re.search(r"\bh=([^;]*);", value).group(1)).lower() for value in message.get_all("DKIM-Signature")}
print(*names)
PY
}

verified() { # FILE: what zegel verify says of all signatures, as an exit status
    zegel verify --zone "$ZONE" <"$1" >/dev/null 2>&1
    echo $?
}

MAILBOXES=(own plus twice account loopback near local table)
write_zegel_config
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
start_knot
start_zegeld
start_postfix notify_classes=
cd "$WORK" || exit 1

# ---- sign-headers, oversign-headers, oversign-present-headers
configure --domain 'oversign-headers: [From, Subject]' --domain 'oversign-present-headers: [X-Case, List-Unsubscribe]' \
    --domain 'sign-headers: [X-Tag]'
message a@example.nl own 'X-Case: 1' 'X-Tag: a' 'X-Tag: b' >m
if file=$(delivered own own); then
    expect "lists of one's own" from:from:subject:subject:x-case:x-case:x-tag:x-tag "$(signed_names "$file")"
    expect "... and they verify" 0 "$(verified "$file")"
    for line in 'X-Case: 2' 'Subject: 2' 'X-Case:'; do
        { echo "$line"; cat "$file"; } >changed
        expect "... and not with another $line" 1 "$(verified changed)"
    done
    for line in 'X-Tag: c' 'List-Unsubscribe: <https://example.org/>' 'Cc: you@example.org'; do
        { echo "$line"; cat "$file"; } >changed
        expect "... but still with a $line" 0 "$(verified changed)"
    done
    zegel sign <m >by_hand
    expect "zegel sign has the same lists" "$(signed_names "$file")" "$(signed_names by_hand)"
else
    not_ok "lists of one's own" "not delivered"
fi

configure --domain 'oversign-headers: ["-Cc", "+X-Case"]' --domain 'sign-headers: ["+Cc"]'
message a@example.nl plus 'Cc: y@example.org' 'List-Unsubscribe: <https://example.nl/u>' >m
if file=$(delivered plus plus); then
    names=:$(signed_names "$file"):
    case $names in *:cc:*:cc:*) not_ok "changes to the default" "$names" ;; *:x-case:*:cc:*) ok "changes to the default" ;; *) not_ok "changes to the default" "$names" ;; esac
    case $names in *:list-unsubscribe:list-unsubscribe:*) ok "one-click unsubscription cannot be replaced" ;; *) not_ok "List-Unsubscribe" "$names" ;; esac
else
    not_ok "changes to the default" "not delivered"
fi

# ---- RFC 5322 §3.6: at most once
for name in Subject To Cc Date Message-ID Reply-To Sender MIME-Version Content-Type In-Reply-To References Content-Transfer-Encoding; do
    message a@example.nl twice "$name: x@example.nl" "$name: y@example.nl" >m
    answer=$(send --from a@example.nl --to twice@example.org m)
    case $answer in 5*"stands there twice"*) ;; *) not_ok "$name twice" "${answer:-no answer}" ;; esac
    if zegel sign <m >/dev/null 2>err; then not_ok "$name twice: zegel sign" "was signed"; fi
done
has_delivered twice 1 && not_ok "fields that stand there twice" "delivered"
ok "fields that may stand there once are refused when they stand there twice"

# ---- who may use the key: two domains, and the default is no
NET="  - {domain: example.net, keys: [{selector: $ED_SELECTOR, algorithm: ed25519-sha256, key: 'pkcs11:token=zegel;object=example.nl/$ED_SELECTOR'}]}"
near='ADDR=192.0.2.7 NAME=host.example.org'
account='ADDR=198.51.100.7 NAME=laptop.example.org LOGIN=piet@example.nl'

decided() { has_delivered "$1" "$2" || grep -qa 'milter-reject: .* 5.7.1 Not authorised' "$WORK/log/postfix"; } # MAILBOX N

# attempt NAME MAILBOX FROM XCLIENT OUTCOME: signed, unsigned (taken, and left alone) or forbidden
attempt() {
    local name=$1 mailbox=$2 from=$3 xclient=$4 outcome=$5 got=other count
    count=$(delivered_count "$mailbox")
    message "$from" "id$RANDOM$RANDOM" >m
    if [ "$xclient" = sendmail ]; then
        : >"$WORK/log/postfix"
        sendmail -C "$POSTFIX_CONFIG" -f "$from" "$mailbox@example.org" <m
        wait_for 30 decided "$mailbox" $((count + 1))
        answer="250 taken"
        has_delivered "$mailbox" $((count + 1)) || answer="550 $(grep -ahoE 'milter-reject: .*' "$WORK/log/postfix" | tail -n 1)"
    else
        answer=$(send --from "${from//ü/u}" --to "$mailbox@example.org" ${xclient:+--xclient "$xclient"} m)
    fi
    case $answer in
    550*'5.7.1 Not authorised'*) got=forbidden ;;
    250*)
        wait_for 30 has_delivered "$mailbox" $((count + 1))
        got=unsigned
        # shellcheck disable=SC2012 # names that Postfix makes
        grep -qi '^dkim-signature' "$(ls -t "$MAIL/$mailbox"/new/* | head -n 1)" && got=signed
        ;;
    esac
    expect "$name" "$outcome" "$got"
}

configure --trusted 192.0.2.0/24 --more "$NET"
attempt "no senders: an account, for its own domain" account piet@example.nl "$account" signed
attempt "no senders: an account, for another domain" account piet@example.net "$account" forbidden
attempt "no senders: a trusted network is no licence for every domain" near jan@example.net "$near" forbidden
attempt "no senders: nor is being on this machine" local root@example.nl sendmail forbidden
attempt "re-injected by SMTP from loopback is not local" loopback piet@example.nl "" unsigned
configure --trusted 192.0.2.0/24 --more "$NET" --more 'senders: [{network: local, domains: [example.nl]}, {network: 192.0.2.7, envelope: "*@example.net", domains: [example.net]}]'
attempt "senders: local" local root@example.nl sendmail signed
attempt "senders: network and envelope" near jan@example.net "$near" signed
attempt "senders: network, for another domain" near jan@example.nl "$near" forbidden
attempt "senders: an account without a rule" account piet@example.nl "$account" forbidden
attempt "senders: loopback is still not local" loopback root@example.nl "" unsigned
UMLAUT="  - {domain: xn--bcher-kva.example, keys: [{selector: $ED_SELECTOR, algorithm: ed25519-sha256, key: 'pkcs11:token=zegel;object=example.nl/$ED_SELECTOR'}]}"
configure --trusted 192.0.2.0/24 --more "$NET" --more "$UMLAUT"
attempt "a U-label in From is its A-label domain" near jan@bücher.example 'ADDR=198.51.100.7 NAME=x LOGIN=jan@xn--bcher-kva.example' signed
attempt "... and so is the account's" near jan@xn--bcher-kva.example 'ADDR=198.51.100.7 NAME=x LOGIN=jan@b+C3+BCcher.example' signed
attempt "... and no other" near jan@bücher.example "$account" forbidden
printf '%s\n' '# an OpenDKIM-style refile' '*@example.nl example.nl' 'Jan example.nl,example.net' 'network:192.0.2.0/24 example.net' >senders
configure --trusted 192.0.2.0/24 --more "$NET" --more "senders-table: $WORK/senders"
attempt "table: *@DOMAIN" table piet@example.nl "$account" signed
attempt "table: a name" table jan@example.net 'ADDR=198.51.100.7 NAME=x LOGIN=jan' signed
attempt "table: another name" table jan@example.net 'ADDR=198.51.100.7 NAME=x LOGIN=jans' forbidden
attempt "table: a network" table x@example.net "$near" signed
attempt "table: a network, for another domain" table x@example.nl "$near" forbidden
: >senders
configure --trusted 192.0.2.0/24 --more "$NET" --more "senders-table: $WORK/senders"
attempt "an empty table: nobody" table piet@example.nl "$account" forbidden

# ---- survive: what Postfix does to a message on its way out, and what was foretold
command -v smtp-sink >/dev/null || die "smtp-sink is missing: run 'make deps'"
"$PYTHON" - <<'PY'
base = b"From: a@example.nl\nTo: x@example.org\nDate: Tue, 06 Oct 2026 10:00:00 +0200\nMessage-ID: <%s@example.nl>\n"
mime = b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
messages = {  # header, body; "will-" breaks on the way, "may-" need not, "mended-" is by Postfix before we see it
    "plain": (b"Subject: x\n", b"body\n"),
    "signed-998": (b"Subject: " + b"a" * (998 - 9) + b"\n", b"body\n"),
    "will-signed-999": (b"Subject: " + b"a" * (999 - 9) + b"\n", b"body\n"),
    "will-signed-folded": (b"Subject: a\n " + b"a" * 998 + b"\n", b"body\n"),
    "unsigned-999": (b"X-Trace: " + b"a" * 2000 + b"\n", b"body\n"),
    "will-many-to": (b"Cc: " + b", ".join(b"someone%d@example.org" % i for i in range(80)) + b"\n", b"body\n"),
    "folded-to": (b"Cc: " + b",\n\t".join(b"someone%d@example.org" % i for i in range(80)) + b"\n", b"body\n"),
    "body-998": (b"Subject: x\n", b"a" * 998 + b"\n"),
    "will-body-999": (b"Subject: x\n", b"a" * 999 + b"\n"),
    "will-body-5000": (b"Subject: x\n", b"a" * 5000 + b"\n"),
    "may-nul": (b"Subject: x\n", b"a\0b\n"),
    "mended-cr": (b"Subject: x\n", b"a\rb\n"),
    "will-8bit": (b"Subject: x\n" + mime, b"caf\xc3\xa9\n"),
    "folds": (b"Subject:\n x\n \n\ty \t\nX-Empty:\nComments : x\n", b"body\n"),
    "ends": (b"Subject: x\n", b".\n..\n \n\n\n"),
    "rewritten": (b"Cc: foo, bar@example.org\n", b"body\n"),
}
for name, (header, body) in messages.items():
    open("way-" + name, "wb").write(base % name.encode() + header + b"\n" + body)
PY
SINK_PORT=$(free_port)
mkdir sink && chmod 777 sink
start sink smtp-sink -8 -u nobody -d "$WORK/sink/m." "127.0.0.1:$SINK_PORT" 10 # -8: it does not take 8BITMIME
wait_for 30 port_open "$SINK_PORT" || die "smtp-sink does not start"
postconf -c "$POSTFIX_CONFIG" -e virtual_mailbox_domains= "default_transport=smtp:[127.0.0.1]:$SINK_PORT" \
    smtpd_relay_restrictions=permit_mynetworks,reject
postfix -c "$POSTFIX_CONFIG" reload >/dev/null 2>&1
wait_for 30 port_open "$SMTP_PORT"

# foretold FILE: does --explain say that it will not survive?
foretold() { zegel sign --json --explain "$1" | grep -q '"what"'; }

for setting in warn refuse off; do
    configure --canonicalization relaxed/simple --domain "survive: $setting" --domain 'path: 7bit'
    rm -f sink/*
    : >"$WORK/log/zegeld"
    for m in way-*; do
        answer=$(send --from a@example.nl --to "$m@example.org" "$m")
        case $setting:$m:$answer in
        refuse:way-will-*:550*"cannot be signed: "*998* | refuse:way-will-8bit:550*"8-bit octets"* | refuse:way-may-*:550*"RFC 5321"*) ;;
        refuse:way-will-*:* | refuse:way-may-*:*) not_ok "survive: refuse: $m" "$answer" ;;
        *:250*) ;;
        *) not_ok "survive: $setting: $m" "$answer" ;;
        esac
        case $m in way-will-* | way-may-* | way-mended-*) expected=0 ;; *) expected=1 ;; esac
        if [ "$setting" != off ]; then
            foretold "$m"
            expect "survive: $setting: $m foretold" "$expected" $?
        fi
    done
    wait_for 30 queue_empty || not_ok "survive: $setting" "the queue does not become empty"
    warnings=$(grep -c 'may not survive' "$WORK/log/zegeld")
    expect "survive: $setting: warnings in the log" "$([ $setting = warn ] && echo 7 || echo 0)" "$warnings"
    arrived=0
    for file in sink/m.*; do
        name=$(sed -n 's/^X-Rcpt-Args: <way-\([^@]*\).*/\1/p' "$file")
        sed '1,/^X-Rcpt-Args/d; s/$/\r/' "$file" >arrived
        arrived=$((arrived + 1))
        case $name in
        will-*) expect "survive: $setting: $name breaks" 1 "$(verified arrived)" ;;
        may-*) ;;
        *) expect "survive: $setting: $name survives" 0 "$(verified arrived)" ;;
        esac
    done
    expect "survive: $setting: messages that arrived" "$([ $setting = refuse ] && echo 9 || echo 16)" "$arrived"
done

conclude
