#!/bin/bash
# What a domain's settings make of a message, through a real Postfix and through zegel sign: which fields are signed.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root "$@"
need_programs
make_work_dir
SHOW_LOGS=1
failed=0

ok() { echo "ok   $1"; }
not_ok() { # NAME WHY
    echo "FAIL $1: $2"
    failed=$((failed + 1))
}
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
    wait_for 20 has_delivered "$2" 1 && delivered_file "$2" "$1@example.nl"
}

signed_names() { # FILE: h= of each signature, in lower case
    python3 - "$1" <<'PY'
import email, re, sys
message = email.message_from_binary_file(open(sys.argv[1], "rb"))
names = {re.sub(r"\s", "", re.search(r"\bh=([^;]*);", value).group(1)).lower() for value in message.get_all("DKIM-Signature")}
print(*names)
PY
}

verdict() { # FILE: what zegel verify says of all signatures, as an exit status
    zegel verify --zone "$ZONE" <"$1" >/dev/null 2>&1
    echo $?
}

MAILBOXES=(own plus twice)
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
    expect "... and they verify" 0 "$(verdict "$file")"
    for line in 'X-Case: 2' 'Subject: 2' 'X-Case:'; do
        { echo "$line"; cat "$file"; } >changed
        expect "... and not with another $line" 1 "$(verdict changed)"
    done
    for line in 'X-Tag: c' 'List-Unsubscribe: <https://example.org/>' 'Cc: you@example.org'; do
        { echo "$line"; cat "$file"; } >changed
        expect "... but still with a $line" 0 "$(verdict changed)"
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

[ "$failed" -eq 0 ] || { echo "$failed failed"; exit 1; }
SHOW_LOGS=
