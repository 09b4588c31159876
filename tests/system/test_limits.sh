#!/bin/bash
# What may be signed is bounded: a user has the own domain only; a domain's limit of a day holds over a restart and is said loudly; a front end has only the
# domains that it was given.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

begin "$@"
answer() { # one message: what the MTA said
    send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/1-plain.eml" 2>&1
}
answers() { answer | grep -q -- "$1"; }
logged() { grep -q -- "$1" "$WORK/log/zegeld"; }

write_zegel_config --trusted 127.0.0.0/8
sed -i 's/^    subdomains:.*/&\n    limit: 6\/d/' "$WORK/zegel.yaml"
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
start_knot
start_zegeld
start_postfix "$@"

as_user() { # USER: what the MTA says to that authenticated client from outside
    send --from someone@example.nl --to inbox@example.org --xclient "ADDR=192.0.2.7 NAME=laptop.example.com LOGIN=$1" \
        "$SYSTEM/messages/1-plain.eml" 2>&1
}
stranger_is_refused() { as_user piet@example.com | grep -q 'Not authorised'; }
check "an authenticated user of another domain" stranger_is_refused
for n in 1 2 3; do check "message $n of 3, two signatures each" answers 250; done
check "the fourth is put off" answers 'limit of today'
check "alarm when it is near" logged 'ALARM: domain example.nl is at four fifths'
check "alarm when it is reached" logged 'ALARM: domain example.nl has reached its limit'
sleep 1.2 # counts are kept once a second
stop_zegeld
start_zegeld
check "a restart does not begin the day anew" answers 'limit of today'

# The same key for a second domain, and a front end that is for that one only.
sed -i '/limit: 6/d' "$WORK/zegel.yaml"
cat >>"$WORK/zegel.yaml" <<EOF
  - domain: example.org
    keys:
      - {selector: other, algorithm: ed25519-sha256, key: "pkcs11:token=zegel;object=example.nl/$ED_SELECTOR"}
senders:
  - {network: 127.0.0.0/8, domains: ["*"]}
front-ends:
  - {listen: "inet:$MILTER_PORT@127.0.0.1", domains: [example.org]}
EOF
kill -HUP "$ZEGELD_PID"
check "taken up by a reload" wait_for 30 logged 'configuration reloaded'
check "a front end has its own domains only" answers 'this front end may not sign'
conclude
