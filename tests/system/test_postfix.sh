#!/bin/bash
# zegeld behind a real Postfix: who is signed, who is not, hostile messages, a killed token worker, a stopped zegeld.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

begin "$@"

message() { # FROM ID [HEADER-LINE...]: a small message with LF line ends
    local from=$1 id=$2
    shift 2
    printf 'From: %s\nTo: somebody@example.org\nSubject: test %s\n' "$from" "$id"
    printf 'Date: Tue, 06 Oct 2026 10:00:00 +0200\nMessage-ID: <%s@example.nl>\n' "$id"
    if [ $# -gt 0 ]; then printf '%s\n' "$@"; fi
    printf '\nHallo,\n\n%s\n' "$id"
}

# is_signed NAME MAILBOX N: N messages arrive there, all of them signed by both keys
is_signed() {
    local out
    if ! wait_for 30 has_delivered "$2" "$3"; then
        not_ok "$1" "$(delivered_count "$2") of $3 messages delivered"
    elif [ "$(delivered_count "$2")" -ne "$3" ]; then
        not_ok "$1" "$(delivered_count "$2") messages delivered instead of $3"
    elif out=$(signed_by_both "$MAIL/$2"/new/*); then
        ok "$1"
    else
        not_ok "$1" "$out"
    fi
}

# is_unsigned NAME MAILBOX: one message arrives there, untouched
is_unsigned() {
    local file
    if ! wait_for 30 has_delivered "$2" 1; then
        not_ok "$1" "not delivered"
        return
    fi
    for file in "$MAIL/$2"/new/*; do
        if ! unsigned "$file"; then
            not_ok "$1" "has a signature"
            return
        fi
    done
    ok "$1"
}

# send_ok NAME send-arguments...: Postfix takes it
send_ok() {
    local name=$1 out
    shift
    out=$(send "$@") && return
    not_ok "$name" "$out"
    return 1
}

# refused NAME MAILBOX send-arguments...: 4xx or 5xx, and nothing delivered
refused() {
    local name=$1 mailbox=$2 out
    shift 2
    out=$(send --from someone@example.nl --to "$mailbox@example.org" "$@")
    case $out in
    [45]??\ *) if has_delivered "$mailbox" 1; then not_ok "$name" "refused and delivered"; else ok "$name ($(cut -c 1-60 <<<"$out"))"; fi ;;
    *) not_ok "$name" "answer: ${out:-none}" ;;
    esac
}

# refused_or_signed NAME MAILBOX send-arguments...: never delivered unsigned
refused_or_signed() {
    local name=$1 mailbox=$2 out
    shift 2
    out=$(send --timeout 120 --from someone@example.nl --to "$mailbox@example.org" "$@")
    case $out in
    [45]??\ *) if has_delivered "$mailbox" 1; then not_ok "$name" "refused and delivered"; else ok "$name ($(cut -c 1-60 <<<"$out"))"; fi ;;
    250\ *) is_signed "$name (taken)" "$mailbox" 1 ;;
    *) not_ok "$name" "answer: ${out:-none}" ;;
    esac
}

MAILBOXES=(all trusted auth untrusted other mixed sub subdeep noaddfrom nofrom twofrom twosame nul nulhead barecr big manyheaders
    nobody nohead longline null bounced local load stopped back late)
write_zegel_config --subdomains --trusted 127.0.0.0/8
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
start_knot
start_zegeld
start_postfix notify_classes=
cd "$WORK" || exit 1

# ---- who is signed
send_ok "six messages, one connection" --from someone@example.nl --to all@example.org "$SYSTEM"/messages/*.eml &&
    is_signed "six messages, one connection: signed" all 6

message someone@example.nl trusted >m
send_ok "trusted network" --from someone@example.nl --to trusted@example.org m && is_signed "trusted network: signed" trusted 1

message someone@example.nl auth >m
send_ok "authenticated from outside" --from someone@example.nl --to auth@example.org \
    --xclient 'ADDR=192.0.2.7 NAME=laptop.example.com LOGIN=piet' m && is_signed "authenticated from outside: signed" auth 1

message someone@example.nl untrusted >m
send_ok "stranger" --from someone@example.nl --to untrusted@example.org \
    --xclient 'ADDR=192.0.2.7 NAME=laptop.example.com' m && is_unsigned "stranger with our From: untouched" untrusted

message someone@other.example other >m
send_ok "another domain" --from someone@other.example --to other@example.org m && is_unsigned "another domain: untouched" other

message someone@other.example mixed1 >m1
message someone@example.nl mixed2 >m2
if send_ok "two domains, one connection" --from someone@example.nl --to mixed@example.org m1 m2 m1; then
    wait_for 30 has_delivered mixed 3
    file=$(delivered_file mixed mixed2@example.nl)
    if out=$(signed_by_both "$file") && [ "$(grep -lai '^dkim-signature' "$MAIL"/mixed/new/* | wc -l)" -eq 1 ]; then
        ok "two domains, one connection: only ours signed"
    else
        not_ok "two domains, one connection" "${out:-another domain was signed}"
    fi
fi

message 'Sub <someone@sub.example.nl>' sub >m
send_ok "subdomain" --from someone@sub.example.nl --to sub@example.org m && is_signed "subdomain: signed with d=example.nl" sub 1
message '<someone@A.b.Sub.EXAMPLE.nl>' subdeep >m
send_ok "deep subdomain" --from someone@example.nl --to subdeep@example.org m && is_signed "deep subdomain in capitals: signed" subdeep 1

message someone@example.nl local | sendmail -C "$POSTFIX_CONFIG" -f someone@example.nl local@example.org ||
    not_ok "sendmail" "exit status $?"
is_signed "local submission (sendmail): signed" local 1

# ---- null sender, bounces
message 'MAILER-DAEMON@example.nl' null >m
send_ok "null sender" --from '' --to null@example.org m && is_signed "null sender: signed" null 1
message someone@other.example tobounce >m
send_ok "mail that bounces" --from bounced@example.net --to no-such-mailbox@example.org m &&
    is_signed "Postfix's own bounce: signed" bounced 1

# ---- hostile messages
message someone@example.nl twofrom 'From: other@other.example' >m
refused "two From fields" twofrom m
message someone@example.nl twosame 'From: someone@example.nl' >m
refused "the same From field twice" twosame m
message x nofrom | grep -v '^From:' >m
refused_or_signed "no From, Postfix adds one" noaddfrom m
postconf -c "$POSTFIX_CONFIG" -e local_header_rewrite_clients=
postfix -c "$POSTFIX_CONFIG" reload >/dev/null 2>&1
wait_for 30 port_open "$SMTP_PORT"
refused "no From, Postfix adds none" nofrom m
{ message someone@example.nl nul; printf 'before\0after\n'; } >m
refused_or_signed "NUL in the body" nul m
printf 'From: someone@example.nl\nSubject: a\0b\nMessage-ID: <nulhead@example.nl>\n\nbody\n' >m
refused_or_signed "NUL in the header" nulhead m
{ message someone@example.nl barecr; printf 'bare\rCR\n'; } >m
refused_or_signed "bare CR" barecr m
{ message someone@example.nl big; yes 'Dit bericht is vijftig megabyte groot, en elke regel ervan is dezelfde.' | head -c 52428800; echo; } >m
refused_or_signed "50 MB body" big m
{
    message someone@example.nl manyheaders | sed '/^$/,$d'
    seq -f 'X-Header-%.0f: a value' 10000
    printf '\nbody\n'
} >m
refused_or_signed "10,000 header fields" manyheaders m
printf 'From: someone@example.nl\nTo: x@example.org\nSubject: no body\nMessage-ID: <nobody@example.nl>\n' >m
refused_or_signed "no body" nobody m
printf '\nonly a body\n' >m
refused_or_signed "no header" nohead m
{ message someone@example.nl longline; head -c 200000 /dev/zero | tr '\0' x; echo; } >m
refused_or_signed "a line of 200,000 octets" longline m

# ---- the token worker is killed under load
worker=$(token_workers | head -n 1)
if [ -z "$worker" ]; then
    not_ok "token worker" "zegeld has no child zegel-token"
else
    send --from load@example.nl --to load@example.org --load "${LOAD:-1200}" --threads 8 --pace 0.02 >answers &
    sender=$!
    kills=0
    while kill -0 "$sender" 2>/dev/null && [ "$kills" -lt 20 ]; do
        sleep 0.7
        for worker in $(token_workers); do
            kill -9 "$worker" 2>/dev/null && kills=$((kills + 1))
        done
    done
    killed=$(date +%s%N)
    # Signing is back when Postfix takes a message again.
    message someone@example.nl back >m
    until send --from someone@example.nl --to back@example.org m >back-answer; do
        [ $(($(date +%s%N) - killed)) -lt 20000000000 ] || break
    done
    waited=$((($(date +%s%N) - killed) / 1000000))
    if grep -q ^250 back-answer && [ "$waited" -le 2000 ]; then
        ok "signing back $waited ms after SIGKILL"
    else
        not_ok "signing back within 2 s" "took $waited ms: $(cat back-answer)"
    fi
    is_signed "message after SIGKILL: signed" back 1
    wait "$sender"
    awk '$1 == 250 { print $2 }' answers | sort >taken
    taken=$(wc -l <taken)
    deferred=$(grep -c '^4' answers)
    wrong=$(grep -vc '^250\|^4' answers)
    echo "     load: $(wc -l <answers) messages, $taken taken, $deferred deferred (4xx), $wrong otherwise, $kills kills"
    if [ "$kills" -lt 3 ]; then not_ok "load" "only $kills kills hit it: raise LOAD"; fi
    if [ "$wrong" -ne 0 ]; then not_ok "load" "answers other than 250 and 4xx: $(grep -v '^250\|^4' answers | head -n 3)"; fi
    if [ "$taken" -lt $(($(wc -l <answers) / 4)) ]; then not_ok "load" "hardly anything was signed"; fi
    wait_for 60 has_delivered load "$taken"
    wait_for 30 queue_empty
    # Exactly the messages that were taken arrived, each once.
    grep -rhoai '^message-id: <load-[^>]*' "$MAIL/load/new" | sed 's/.*<//' | sort >arrived
    if cmp -s taken arrived; then ok "load: what was taken arrived, nothing else"; else not_ok "load" "taken and arrived differ: $(diff taken arrived | head -n 3)"; fi
    # find | xargs would cut the list; the verifiers take as many arguments as there are.
    if out=$(signed_by_both "$MAIL"/load/new/* 2>&1); then ok "load: every message signed by both keys"; else not_ok "load" "$(head -n 5 <<<"$out")"; fi
fi

# ---- zegeld is stopped: nothing passes; then it is back
stop_zegeld
message someone@example.nl stopped >m
out=$(send --from someone@example.nl --to stopped@example.org m)
case $out in
4*) ok "zegeld stopped: $(cut -c 1-60 <<<"$out")" ;;
*) not_ok "zegeld stopped" "answer: $out" ;;
esac
message someone@example.nl late | sendmail -C "$POSTFIX_CONFIG" -f someone@example.nl late@example.org
sleep 2
if has_delivered late 1 || has_delivered stopped 1; then not_ok "zegeld stopped" "a message was delivered"; else ok "zegeld stopped: nothing delivered"; fi
start_zegeld
send_ok "zegeld back" --from someone@example.nl --to stopped@example.org m && is_signed "zegeld back: signed" stopped 1
postkick -c "$POSTFIX_CONFIG" public pickup W
is_signed "zegeld back: the local message that waited is signed" late 1

if grep -aE 'AddressSanitizer|ThreadSanitizer|runtime error:|Assertion|core dumped' "$WORK/log/zegeld"; then
    not_ok "zegeld's log" "a defect was reported"
fi
conclude
