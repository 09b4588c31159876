#!/bin/bash
# All canonicalisation pairs and both algorithms, by 'zegel sign' and by zegeld, accepted by dkimpy, libopendkim and zegel.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

begin "$@"

accepted() { # NAME FILE...: signed by both keys, accepted by everybody
    local name=$1 out file
    shift
    if out=$(signed_by_both "$@"); then ok "$name: dkimpy, libopendkim"; else not_ok "$name" "$out"; fi
    for file in "$@"; do
        if ! out=$(zegel verify --zone "$ZONE" <"$file" 2>&1); then
            not_ok "$name" "zegel verify $file: $out"
            return
        fi
    done
    ok "$name: zegel verify"
}

MAILBOXES=(simple-simple simple-relaxed relaxed-simple relaxed-relaxed)
write_zegel_config
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
start_knot
start_postfix milter_connect_timeout=10s
cd "$WORK" || exit 1

for pair in simple/simple simple/relaxed relaxed/simple relaxed/relaxed; do
    box=${pair/\//-}
    write_zegel_config --canonicalization "$pair"
    mkdir "$box"
    for message in "$SYSTEM"/messages/*.eml; do
        sed 's/$/\r/' "$message" >m
        if ! zegel sign --domain example.nl <m >"$box/${message##*/}" 2>err; then
            not_ok "zegel sign $pair ${message##*/}" "$(cat err)"
        fi
    done
    accepted "zegel sign $pair" "$box"/*.eml
    start_zegeld
    if ! send --from someone@example.nl --to "$box@example.org" "$SYSTEM"/messages/*.eml >answers; then
        not_ok "zegeld $pair" "$(cat answers)"
    fi
    wait_for 30 has_delivered "$box" 6
    accepted "zegeld $pair" "$MAIL/$box"/new/*
    if ! grep -qa "c=$pair" "$MAIL/$box"/new/*; then
        not_ok "zegeld $pair" "signed with another canonicalisation"
    fi
    stop_zegeld
done
conclude
