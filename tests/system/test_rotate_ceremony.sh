#!/bin/bash
# Rotation under dual control (made-by: ceremony, trust:): keys that custodians made are adopted, sign when custodians permit it, and are destroyed by them;
# each with a transcript, each transcript once, and none of somebody else's.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"
# shellcheck source-path=SCRIPTDIR source=rotatelib.sh
. "$(dirname "$0")/rotatelib.sh"
# shellcheck source-path=SCRIPTDIR source=ceremony.sh
. "$(dirname "$0")/ceremony.sh"

own_network "$@"
begin "$@"
umask 077
make_people
chmod 700 "$WORK/state"
ROTATION="keys: [ed25519], made-by: ceremony, trust: $WORK/people/trust.pem"
start_rotation_dns
write_rotation_config

held() { # DIR SERIAL OPTION...: a ceremony, from plan to seal
    { prepare "$WORK/$1" "$2" "${@:3}" && hold "$WORK/$1" "${PREVIOUS[@]}"; } >/dev/null || die "ceremony $1"
}
PREVIOUS=()
held made 1 --key example.nl/z1:ed25519
print=$(print_of "$WORK/made" 0)

R run
check "no keys are made: a ceremony is waited for" test "$CODE" -eq 0
check "... and nothing was" test -z "$(sql "SELECT * FROM keys")"
R adopt --domain example.nl --selector z1
check "adoption needs a transcript" says 1 'asks for the transcript of a ceremony'
R adopt --domain example.nl --selector z1,z2,z3 "$WORK/made"
check "... and as many selectors as a generation has keys" says 1 'a generation has 1 keys; name that many'
cp -r "$WORK/people/trust.pem" "$WORK/trust.pem"
cp "$WORK/people/alice.pem" "$WORK/people/trust.pem"
R adopt --domain example.nl --selector z1 "$WORK/made"
check "... signed by people who are trusted" says 1 'is not among them'
cp "$WORK/trust.pem" "$WORK/people/trust.pem"
R adopt --domain example.nl --selector z1 "$WORK/made"
check "adopted" test "$(state_of 1)" = publishing
R adopt --domain example.nl --selector z1 "$WORK/made"
check "... once" test "$CODE" -ne 0
catch_up
for _ in 1 2 3; do advance 900; R run; catch_up; done
advance 100000
R run
check "it stands by, and does not sign" test "$(state_of 1)" = standby
R status
check "... before a ceremony permits it" says 1 'rotate approve activate'
R approve activate --domain example.nl --selector z1 "$WORK/made"
check "the transcript of its making permits nothing else" says 1 'not one that permits'
check "... and it does not sign" test "$(state_of 1)" = standby
PREVIOUS=(--previous "$WORK/made")
held permit 2 --action activate --previous "$WORK/made" --key "example.nl/z1:ed25519:$print"
R approve activate --domain example.nl --selector z1 "$WORK/permit"
check "permitted: it signs" test "$(state_of 1)" = active
R approve activate --domain example.nl --selector z1 "$WORK/permit"
check "a permission is used once" says 1 'has been used already'

# ---- its successor, and its end
take
PREVIOUS=(--previous "$WORK/permit")
held second 3 --key example.nl/z2:ed25519 --previous "$WORK/permit"
R adopt --domain example.nl --selector z2 "$WORK/second"
catch_up
PREVIOUS=(--previous "$WORK/second")
held permit2 4 --action activate --previous "$WORK/second" --key "example.nl/z2:ed25519:$(print_of "$WORK/second" 0)"
R approve activate --domain example.nl --selector z2 "$WORK/permit2"
for _ in 1 2 3; do advance 900; R run; done
for _ in 1 2 3; do advance 1209600; R run; take; done
check "permitted before it stood by, it signs when it is its turn" test "$(state_of 2)" = active
check "the first one is retired, and past its time" test "$(state_of 1)" = revoked
objects() { pkcs11-tool --module "$MODULE" --token-label zegel --login --pin 1234 -O 2>/dev/null | grep -c "label: *example.nl/$1\$"; }
check "... and still on the token" test "$(objects z1)" -eq 2
PREVIOUS=(--previous "$WORK/permit2")
held retire 5 --action retire --previous "$WORK/permit2" --key "example.nl/z1:ed25519:$print"
R approve destroy --domain example.nl --selector z1 "$WORK/retire"
check "retirement is no permission to destroy" says 1 'not one that permits'
PREVIOUS=(--previous "$WORK/retire")
held destroy 6 --action destroy --previous "$WORK/retire" --key "example.nl/z1:ed25519:$print"
check "custodians destroy it" test "$(objects z1)" -eq 0
R approve destroy --domain example.nl --selector z1 "$WORK/destroy"
check "... and the store takes that down" test "$(sql "SELECT private_key FROM generations WHERE number = 1")" = destroyed
conclude
