#!/bin/bash
# zegel doctor on configurations of a real Postfix; and that what it leaves alone (rewriting in cleanup) does break no signature.
# shellcheck disable=SC2016,SC2119
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

begin "$@"
"$PYTHON" "$SYSTEM/doctor_cases.py" "$WORK" "$BUILD" || die "doctor: see above"

# Headers are rewritten and added before filters see a message: signatures hold.
write_zegel_config
start_softhsm_token >/dev/null
generate_keys >/dev/null
start_zegeld
start_knot
echo '/^(Subject:) .*/ REPLACE ${1} replaced' >"$WORK/header_checks"
start_postfix "sender_canonical_maps=static:renamed@example.nl" "masquerade_domains=example.nl" "always_add_missing_headers=yes" \
    "header_checks=regexp:$WORK/header_checks"
printf 'From: u@sub.example.nl\nSubject: original\n\ntext\n' >"$WORK/message"
send --from u@example.nl --to inbox@example.org "$WORK/message" >/dev/null || die "Postfix refuses the message"
wait_for 30 has_delivered inbox 1 || die "not delivered"
grep -q "^From: renamed@example.nl" "$MAIL"/inbox/new/* || die "Postfix has not rewritten From"
grep -q "^Message-I[dD]:" "$MAIL"/inbox/new/* || die "Postfix has added no Message-ID"
signed_by_both "$MAIL"/inbox/new/* || die "rewriting in cleanup breaks signatures: zegel doctor must warn of it"
echo "ok   what cleanup rewrites is rewritten before it is signed"
