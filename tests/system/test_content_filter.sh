#!/bin/bash
# A content filter of Postfix that changes messages and gives them back over loopback, as hostd/handbook/mta.md configures it: signed once,
# behind the filter, and good at the next server. And what zegel doctor says of the wrong ways round, which break as it foretells.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=mtalib.sh
. "$(dirname "$0")/mtalib.sh"

begin "$@"
cd "$WORK" || die "no $WORK"
start_sink
FILTERED_PORT=$(free_port)
write_zegel_config --trusted 192.0.2.0/24
sed -i "s|^listen:|&\n  - inet:$FILTERED_PORT@127.0.0.1|" zegel.yaml
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
start_knot
start_zegeld
FILTER_PORT=$(free_port)
BACK_PORT=$(free_port)
start filter "$PYTHON" "$SYSTEM/content_filter.py" "$FILTER_PORT" "$BACK_PORT"
# The handbook's: nothing is signed where mail goes to the filter; bounces, which do not go there, are signed by cleanup.
start_postfix "virtual_mailbox_domains=" "default_transport=smtp:[127.0.0.1]:$SINK_PORT" "mynetworks=127.0.0.0/8 192.0.2.0/24" \
    "smtpd_relay_restrictions=permit_mynetworks,reject" "content_filter=smtp:[127.0.0.1]:$FILTER_PORT" "receive_override_options=no_address_mappings,no_milters"
cat >>"$POSTFIX_CONFIG/master.cf" <<EOF
127.0.0.1:$BACK_PORT inet n - n - 100 smtpd
    -o content_filter=
    -o smtpd_milters=inet:127.0.0.1:$FILTERED_PORT
    -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks
    -o mynetworks=127.0.0.0/8
    -o smtpd_relay_restrictions=permit_mynetworks,reject
EOF
FRONT=127.0.0.1:$SMTP_PORT/inet BACK=127.0.0.1:$BACK_PORT/inet
reload_postfix() { # [SERVICE/NAME=VALUE...]: with these settings
    if [ $# -gt 0 ]; then postconf -c "$POSTFIX_CONFIG" -P "$@"; fi
    postfix -c "$POSTFIX_CONFIG" reload >/dev/null 2>&1
    wait_for 30 port_open "$SMTP_PORT" || die "Postfix does not listen: $(tail -n 5 log/postfix)"
    wait_for 30 port_open "$BACK_PORT" || die "Postfix does not listen for the filter: $(tail -n 5 log/postfix)"
}
trust_filter() {
    echo "front-ends: [{listen: 'inet:$FILTERED_PORT@127.0.0.1', trusted-networks: [127.0.0.1]}]" >>zegel.yaml
    : >log/zegeld
    kill -HUP "$ZEGELD_PID"
    wait_for 30 grep -q 'configuration reloaded' log/zegeld || die "no reload: $(tail -n 5 log/zegeld)"
}
submit() { # ID [SUBJECT [RECIPIENT]]: by an authenticated user
    message someone@example.nl "$1" | sed "s/^Subject:.*/Subject: ${2:-hello}/" >m
    send --from someone@example.nl --to "${3:-inbox}@example.org" --xclient 'ADDR=192.0.2.7 NAME=laptop.example.com LOGIN=someone@example.nl' m >answer ||
        not_ok "$1" "$(cat answer)"
}
advises() { # PATTERN: what zegel doctor says of this filter
    local got
    got=$(zegel doctor --json --postfix "$POSTFIX_CONFIG" | "$PYTHON" -c '
import json, sys
print(*(f["result"] + " " + f["found"] for f in json.load(sys.stdin) if f["rule"] == "content_filter"))')
    # shellcheck disable=SC2053 # a pattern
    if [[ $got == $1 ]]; then ok "     doctor" "${got:-finds nothing}"; else not_ok "doctor" "'$got', not '$1'"; fi
}
went_through() { # NAME ID SIGNATURES VERIFIED: it arrived with so many, and zegel verify ends with that
    local file status
    file=$(wait_for 30 sunk "$2" >/dev/null && sunk "$2") || { not_ok "$1" "$2 did not arrive"; return; }
    zegel verify --zone "$ZONE" <"$file" >/dev/null 2>&1
    status=$?
    if [ "$(grep -ci '^dkim-signature' "$file")" -eq "$3" ] && [ "$status" -eq "$4" ]; then ok "$1"; else not_ok "$1" "verify: $status; $(grep -ci '^dkim-signature' "$file") signatures"; fi
}
reload_postfix

# ---- as it should be
advises 'FAIL *passes unsigned'
submit untrusted
went_through "re-injected from loopback is not local: unsigned" untrusted 0 1
trust_filter
advises ''
submit behind
is_signed "signed behind the filter" behind
if grep -q '^X-Scanned' "$(sunk behind)" && grep -q '^-- looked at' "$(sunk behind)"; then ok "... which has changed it"; else not_ok "filter" "not changed"; fi
message someone@example.nl local | sendmail -C "$POSTFIX_CONFIG" -f someone@example.nl inbox@example.org
is_signed "what sendmail submits, too" local
submit bounced hello refused
bounced() { grep -rlF 'Undelivered Mail' sink | grep -v new | head -n 1 | grep .; }
if wait_for 30 bounced >/dev/null && why=$(signed_by_both "$(bounced)"); then ok "a bounce, which meets no filter, too"; else not_ok "a bounce" "${why:-none}"; fi

# ---- signed before the filter
reload_postfix "$FRONT/receive_override_options=no_address_mappings" "$BACK/receive_override_options=no_milters"
advises 'WARN *signs before the content filter*'
submit before
went_through "signed before the filter: broken behind it" before 2 1
message someone@example.nl loopback >m
send --from someone@example.nl --to inbox@example.org m >answer || not_ok "loopback" "$(cat answer)"
went_through "what comes from loopback to another smtpd is not signed" loopback 0 1
submit same "untouched"
is_signed "unless that changes nothing" same

# ---- on both sides
reload_postfix "$BACK/receive_override_options=no_header_body_checks"
advises 'FAIL *signed twice'
submit twice
went_through "on both sides: four signatures, and two are broken" twice 4 1

conclude
