#!/bin/bash
# The demo: a SoftHSM token, zegeld behind a real Postfix, real mail, two independent verifiers. KEEP=1: leave it running.
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root "$@"
need_programs
make_work_dir

step=0
say() {
    step=$((step + 1))
    printf '\n%d. %s\n' "$step" "$1"
}
show() { sed 's/^/     /'; }
# In this shell, not at the end of a pipe: what it exports stays, and what fails ends the demo.
shown() {
    local status=0
    "$@" >"$WORK/log/shown" 2>&1 || status=$?
    show <"$WORK/log/shown"
    [ "$status" -eq 0 ] || exit "$status"
}

cat <<EOF
Zegel signs outgoing mail with keys that stay inside a token. This demo builds a small mail system in $WORK
and on loopback ports only; no service and no configuration of this machine is touched.
EOF

say "A token: SoftHSM plays the HSM. It gets a PIN of its own, and two signing keys are made inside it."
write_zegel_config --subdomains
shown start_softhsm_token
shown generate_keys
echo "   What another PKCS#11 program (OpenSC) sees of the private keys:"
pkcs11-tool --module "$(softhsm_module)" --token-label zegel --login --pin "$(cat "$WORK/pin")" \
    --list-objects --type privkey 2>/dev/null | grep -E '^Private|label:|Access:' | show || true

say "DNS: Knot serves the zone example.nl with the two public keys, on 127.0.0.1."
start_knot
kdig +short @127.0.0.1 -p "$DNS_PORT" "$RSA_SELECTOR._domainkey.example.nl" TXT | cut -c 1-72 | sed 's/$/.../' | show
kdig +short @127.0.0.1 -p "$DNS_PORT" "$ED_SELECTOR._domainkey.example.nl" TXT | show

say "zegeld: the signing daemon. One process reads mail, another one decides, a third one holds the PIN and talks to the token."
start_zegeld
# shellcheck disable=SC2046 # one word per pid
ps -o pid=,comm= -p "$ZEGELD_PID" $(printf -- '-p %s ' $(descendants "$ZEGELD_PID")) | show

say "Postfix: a real one, with its own configuration and queue. It asks zegeld about every message (smtpd_milters)."
start_postfix milter_connect_timeout=10s
postconf -c "$POSTFIX_CONFIG" smtpd_milters milter_default_action | show

say "Mail: messages from example.nl to inbox@example.org go in by SMTP, and are delivered to files."
messages=("$SYSTEM"/messages/*.eml)
accepted=()
for message in "${messages[@]}"; do
    reply=$(send --from someone@example.nl --to inbox@example.org "$message") || true
    printf '     %-18s Postfix said: %s\n' "$(basename "$message" .eml)" "$reply"
    accepted+=("${reply%% *}")
done
wait_for 30 has_delivered inbox "${#messages[@]}" || true

say "Verification: dkimpy and OpenDKIM, neither of them ours, check what arrived, with the keys they get from DNS."
word() { # OUTPUT ALGORITHM SELECTOR: what a verifier said of that signature
    if grep -q " pass $2 d=example.nl s=$3 " <<<"$1"; then echo pass; else echo FAIL; fi
}
table=() good=0
for index in "${!messages[@]}"; do
    message=${messages[$index]}
    id=$(tr '\n' ' ' <"$message" | grep -oi 'message-id: *<[^>]*>' | grep -o '<.*>' | head -n 1)
    cells=(-- -- -- --)
    if file=$(delivered_file inbox "$id"); then
        dkimpy=$(verify_dkimpy --expect 2 "$file") && dkimpy_ok=yes || dkimpy_ok=no
        opendkim=$(verify_opendkim --expect 2 "$file") && opendkim_ok=yes || opendkim_ok=no
        grep -h FAIL <<<"$dkimpy"$'\n'"$opendkim" | show || true
        cells=("$(word "$dkimpy" rsa-sha256 "$RSA_SELECTOR")" "$(word "$opendkim" rsa-sha256 "$RSA_SELECTOR")"
            "$(word "$dkimpy" ed25519-sha256 "$ED_SELECTOR")" "$(word "$opendkim" ed25519-sha256 "$ED_SELECTOR")")
        if [ "$dkimpy_ok$opendkim_ok" = yesyes ] && [ "${cells[*]}" = "pass pass pass pass" ]; then
            good=$((good + 1))
            sample=$file
        fi
    fi
    table+=("$(printf '%-18s %-9s %-10s %-12s %-10s %s' "$(basename "$message" .eml)" "${accepted[$index]}" "${cells[@]}")")
done
tampered=missed
if [ -n "${sample:-}" ]; then
    sed 's/^Subject: /&Not /' "$sample" >"$WORK/tampered.eml"
    if ! verify_dkimpy --quiet "$WORK/tampered.eml" >/dev/null && ! verify_opendkim --quiet "$WORK/tampered.eml" >/dev/null; then
        tampered=noticed
    fi
    echo "   The header of a delivered message, as its receiver sees it:"
    sed '/^$/q' "$sample" | awk '/^[^ \t]/ { on = tolower($0) ~ /^dkim-signature:/ } on' | show
fi

cat <<EOF

Summary                       signed with RSA-2048    signed with Ed25519
message            accepted  dkimpy     OpenDKIM     dkimpy     OpenDKIM
------------------ --------- ---------- ------------ ---------- --------
EOF
printf '%s\n' "${table[@]}"
cat <<EOF

accepted: Postfix's answer to the sender, 250 is 'taken'. pass: that verifier fetched the public key from DNS and found the
signature genuine and the message unchanged. One word changed in a delivered message was $tampered by both.
EOF

if [ "$good" -ne "${#messages[@]}" ] || [ "$tampered" != noticed ]; then
    printf '\nFAILED: %d of %d messages were signed by both keys and accepted by both verifiers.\n' "$good" "${#messages[@]}"
    exit 1
fi
printf '\nAll %d messages were signed by both keys and accepted by both verifiers.\n' "${#messages[@]}"

[ "${KEEP:-0}" = 1 ] || exit 0

# Stops only the processes noted here, and only while they still are ours.
cat >"$WORK/stop" <<EOF
#!/bin/bash
postfix -c '$POSTFIX_CONFIG' stop 2>/dev/null
for pid in $(jobs -pr | xargs); do
    if tr '\\0' ' ' <"/proc/\$pid/cmdline" 2>/dev/null | grep -qF '$WORK'; then kill "\$pid"; fi
done
sleep 1
rm -rf '$WORK'
EOF
chmod 755 "$WORK/stop"
cat <<EOF

It is still running. Send mail of your own (as root; the sender's domain decides who signs):
  swaks --server 127.0.0.1:$SMTP_PORT --from you@example.nl --to inbox@example.org --header 'Subject: hello'
See it with its signatures:
  cat $MAIL/inbox/new/*
Verify it:
  $PYTHON $SYSTEM/verify_dkimpy.py --dns 127.0.0.1:$DNS_PORT FILE
  $PYTHON $SYSTEM/verify_opendkim.py --dns 127.0.0.1:$DNS_PORT FILE
Use the token (also with pkcs11-tool):
  export SOFTHSM2_CONF=$SOFTHSM2_CONF; $BUILD/zegel key list --config $WORK/zegel.yaml
Logs: $WORK/log.  Stop and clean up:
  $WORK/stop
EOF
trap - EXIT
