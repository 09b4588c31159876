#!/bin/bash
# Attacks on a ceremony, each refused with a line that says why: one dishonest person, exchanged papers, a second run, a wrong token,
# and every file of a transcript changed in every way. SOAK=1: every octet.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs pkcs11-tool
make_work_dir
make_people
A=$WORK/one
prepare "$A" 1 --key example.nl/z1:rsa2048 >/dev/null || die "prepare"
prepare "$WORK/other" 1 --key evil.nl/z1:rsa2048 >/dev/null || die "prepare other"
approve "$WORK/other" alice bob >/dev/null || die "approve other"

# A fresh copy of the first ceremony in $C
copy() { C=$WORK/copy; rm -rf "$C"; cp -r "$A" "$C"; }

# ---- people
refused "the administrator approves" 1 'the administrator, who never approves' approve "$A" dave
refused "a stranger approves" 1 'nobody in this plan' approve "$A" mallory
refused "the witness approves the plan" 1 'signs the manifest, not the plan' approve "$A" erin
refused "with somebody else's card" 1 'no key that belongs to the certificate' \
    Z approve --as alice --module "$MODULE" --card pkcs11:token=bob --pin "file:$WORK/pin" --state "$WORK/state" --non-interactive "$A"
(umask 077; echo 9999 >"$WORK/wrong-pin")
approve_wrong() { Z approve --as carol --module "$MODULE" --card pkcs11:token=carol --pin "file:$1" --state "$WORK/state" --non-interactive "$A"; }
refused "a wrong PIN" 3 'CKR_PIN_INCORRECT' approve_wrong "$WORK/wrong-pin"
refused "and it is not sent again" 3 'refused before and is not sent again' approve_wrong "$WORK/wrong-pin"
rm -f "$WORK"/state/pin/*
refused "no such card" 3 'matches no token' \
    Z approve --as alice --module "$MODULE" --card pkcs11:token=none --pin "file:$WORK/pin" --state "$WORK/state" --non-interactive "$A"
people() { # FROM TO: the plan with one person exchanged
    rm -rf "$WORK/bad"; mkdir "$WORK/bad"
    "$PYTHON" - "$A/plan.yaml" "$WORK/bad/plan.yaml" "$@" <<'PY'
import sys
text = open(sys.argv[1]).read()
assert sys.argv[3] in text
open(sys.argv[2], "w").write(text.replace(sys.argv[3], sys.argv[4], 1))
PY
    Z prepare "$WORK/bad"
}
refused "an administrator who is custodian" 1 'P09: nobody has two roles' people 'name: dave' 'name: alice'
refused "an unknown key in the plan" 2 'plan.yaml:[0-9]+: .*colour' people 'serial: 1' 'colour: red'
refused "an extractable key" 1 'P07: the key can do nothing but sign' people 'CKA_EXTRACTABLE: false' 'CKA_EXTRACTABLE: true'
refused "one custodian is enough" 1 'P08: at least two custodians' people 'threshold: 2' 'threshold: 1'
swap_card() { # the administrator's certificate is a custodian's, under another name
    prepare "$WORK/bad2" 1 --key example.nl/z1:rsa2048 --administrator "dave=$WORK/people/alice.pem"
}
refused "an administrator with a custodian's card" 1 'P11: no two people hold the same key' swap_card
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 1 -subj /CN=old -keyout "$WORK/people/old.key" \
    -out "$WORK/people/old.pem" 2>/dev/null
refused "a certificate that ends before the plan" 1 'P10: certificates are' \
    prepare "$WORK/bad3" 1 --key example.nl/z1:rsa2048 --witness "erin=$WORK/people/old.pem"

if ! nm "$BUILD/zegel" | grep -q "__[at]san_init"; then
    "$PYTHON" -c 'import struct, sys; open(sys.argv[1], "wb").write(struct.pack("<q", -40 * 86400))' "$WORK/step" # made 40 days ago, for 30
    LD_PRELOAD=$BUILD/tests/clockstep.so CLOCKSTEP=$WORK/step openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 \
        -subj /CN=expired -keyout "$WORK/people/expired.key" -out "$WORK/people/expired.pem" 2>/dev/null
    openssl x509 -in "$WORK/people/expired.pem" -noout -checkend 0 >/dev/null && not_ok "an expired certificate" "it has not expired"
    refused "an expired certificate" 1 'P10: certificates are .*the certificate of gina.*change plan.yaml' \
        prepare "$WORK/bad4" 1 --key example.nl/z1:rsa2048 --custodian "gina=$WORK/people/expired.pem"
fi

# ---- papers
approve "$A" alice >/dev/null || die "approve"
copy; cp "$WORK/other/approval-bob.p7s" "$C"
refused "an approval of another plan" 1 'approval-bob.p7s: does not fit' run "$C"
copy; cp "$C/approval-alice.p7s" "$C/approval-bob.p7s"
refused "one custodian's approval twice" 1 'approval-bob.p7s: is by another certificate' run "$C"
copy; cp "$C/approval-alice.p7s" "$C/approval-mallory.p7s"
refused "an approval by nobody" 1 'approval-mallory.p7s: is by nobody' run "$C"
copy
openssl cms -sign -binary -nocerts -nosmimecap -md sha256 -outform DER -in "$C/plan.json" -signer "$WORK/people/dave.pem" \
    -inkey "$WORK/people/dave.key" -out "$C/approval-dave.p7s"
refused "the administrator's own signature" 1 'the administrator never approves' run "$C"
copy
openssl cms -sign -binary -nocerts -nosmimecap -md sha256 -outform DER -in "$C/plan.json" -signer "$WORK/people/old.pem" \
    -inkey "$WORK/people/old.key" -out "$C/approval-bob.p7s"
refused "a foreign certificate" 1 'approval-bob.p7s: is by another certificate' run "$C"
approve "$A" bob >/dev/null || die "approve"
copy; sed -i 's/example.nl/evil.nl/' "$C/plan.json"
refused "another plan.json" 1 'is not what plan.yaml compiles to' run "$C"
copy; sed -i 's/domain: "example.nl"/domain: "evil.nl"/' "$C/plan.yaml"
refused "another plan.yaml" 1 'is not what plan.yaml compiles to' run "$C"
copy; cp "$WORK/other/plan.json" "$WORK/other/plan.yaml" "$C"
refused "both plans exchanged" 1 'does not fit' run "$C"
expire() { # the window of the plan moved by so many days; approved anew by people who were deceived
    rm -rf "$WORK/late"; mkdir "$WORK/late"
    "$PYTHON" - "$A/plan.yaml" "$WORK/late/plan.yaml" "$1" <<'PY'
import datetime, re, sys
def move(match):
    t = datetime.datetime.strptime(match.group(2), "%Y-%m-%dT%H:%M:%SZ") + datetime.timedelta(days=int(sys.argv[3]))
    return match.group(1) + t.strftime("%Y-%m-%dT%H:%M:%SZ")
text = open(sys.argv[1]).read()
open(sys.argv[2], "w").write(re.sub(r'(not-(?:before|after): ")([^"]*)', move, text))
PY
    Z prepare "$WORK/late" && approve "$WORK/late" alice bob
}
expire 8 >/dev/null || die "a future plan"
refused "a plan of the future" 1 'the plan is valid from' run "$WORK/late"

# ---- the token
copy
mv "$WORK/softhsm/tokens" "$WORK/softhsm/away"; mkdir "$WORK/softhsm/tokens"
softhsm2-util --init-token --free --label zegel --so-pin 12345678 --pin 1234 >/dev/null
refused "another token of the same label" 3 'matches no token' run "$C"
rm -rf "$WORK/softhsm/tokens"; mv "$WORK/softhsm/away" "$WORK/softhsm/tokens"
cp -r "$WORK/softhsm/tokens" "$WORK/tokens-before"
pkcs11-tool --module "$MODULE" --token-label zegel --login --pin 1234 --keypairgen --key-type rsa:2048 --id 77 --label example.nl/z1 >/dev/null 2>&1
copy
refused "a key of that name is there" 1 'is on the token already' run "$C"
rm -rf "$WORK/softhsm/tokens"; cp -r "$WORK/tokens-before" "$WORK/softhsm/tokens"
copy; cp "$BUILD/zegel" "$WORK/zegel-changed"; printf x >>"$WORK/zegel-changed"
refused "another program" 1 'this zegel is not the one in the plan' \
    "$WORK/zegel-changed" ceremony run --pin "file:$WORK/pin" --state "$WORK/state" --non-interactive "$C"

cp "$MODULE" "$WORK/module.so"
(MODULE=$WORK/module.so prepare "$WORK/module" 1 --key example.nl/z1:rsa2048 && approve "$WORK/module" alice bob) >/dev/null || die "prepare module"
printf x >>"$WORK/module.so"
refused "another module" 1 'module.so is not the module in the plan .*; use that one, or plan anew' run "$WORK/module"

cp -r "$A" "$WORK/disk-lost"
cp -r "$A" "$WORK/rehearsed"
refused "an approval twice" 1 "bob: has signed already" approve "$A" bob
{ run "$A" && seal "$A" && approve "$A" alice carol erin; } >"$WORK/out" 2>&1 || { cat "$WORK/out"; die "hold"; }
accepted "the real ceremony" Z verify --trust "$WORK/people/trust.pem" "$A"

# ---- a second run
refused "the plan again, from a copy made before" 1 'ceremony 1 was held with it already' run "$WORK/disk-lost"
copy; head -n 5 "$A/journal.jsonl" >"$C/journal.jsonl"; rm "$C"/manifest* "$C/response.json"
refused "a journal cut short" 1 'is on the token already|half-made|was held' run "$C"
copy; head -n 3 "$A/journal.jsonl" >"$C/journal.jsonl"; rm "$C"/manifest* "$C/response.json"
refused "a journal cut before the plan was used" 1 'the journal was cut short' run "$C"
prepare "$WORK/again" 1 --key example.nl/z9:ed25519 >/dev/null; approve "$WORK/again" alice bob >/dev/null
refused "a used serial" 1 'ceremony 1 was held with it already' run "$WORK/again"
prepare "$WORK/skip" 3 --key example.nl/z9:ed25519 >/dev/null; approve "$WORK/skip" alice bob >/dev/null
refused "a plan that continues nothing" 1 'the plan does not continue that' run "$WORK/skip"
prepare "$WORK/next" 2 --previous "$A" --key example.nl/z9:ed25519 >/dev/null; approve "$WORK/next" alice bob >/dev/null
copy; sed -i 's/"serial":1/"serial":0/' "$C/manifest.json"
refused "a changed previous transcript" 1 'is not the transcript that this plan continues' run "$WORK/next" --previous "$C"
print=$(printf '%064d' 7)
prepare "$WORK/swap" 2 --previous "$A" --action destroy --key "example.nl/z1:rsa2048:$print" >/dev/null; approve "$WORK/swap" alice bob >/dev/null
refused "destroy another key than planned" 1 'holds another key of that name' run "$WORK/swap" --previous "$A"

# ---- one dishonest custodian has the transcript, and a card
copy; sed -i 's/z1/z0/' "$C/script.md"
forge "a dishonest custodian alone" 'signed by 1 custodians of 2' "alice"
copy; sed -i 's/z1/z0/' "$C/script.md"
forge "two custodians without the witness" 'not by the witness' "alice bob transcript-key"
# Even with every signature, a lie about the key does not verify.
everybody="alice bob carol erin transcript-key"
copy; "$PYTHON" "$SYSTEM/ceremony_forge.py" "$C" attribute
forge "all of them: an attribute" 'attribute as planned: CKA_EXTRACTABLE' "$everybody"
copy; "$PYTHON" "$SYSTEM/ceremony_forge.py" "$C" key
forge "all of them: another public key" 'no proof that the token holds' "$everybody"
copy; "$PYTHON" "$SYSTEM/ceremony_forge.py" "$C" record
forge "all of them: another DNS record" 'DNS record that does not hold it' "$everybody"
copy; "$PYTHON" "$SYSTEM/ceremony_forge.py" "$C" inventory
forge "all of them: one key more" 'inventories before and after' "$everybody"
copy; "$PYTHON" "$SYSTEM/ceremony_forge.py" "$C" rehearsal
forge "a rehearsal sold as the real thing" 'this was a rehearsal' "$everybody"
copy; "$PYTHON" "$SYSTEM/ceremony_forge.py" "$C" order
forge "steps in another order" 'where the plan has it' "$everybody"
copy; "$PYTHON" "$SYSTEM/ceremony_forge.py" "$C" time
forge "outside the plan's window" "outside the plan's window" "$everybody"
copy; "$PYTHON" "$SYSTEM/ceremony_forge.py" "$C" drop
forge "a step left out" 'where the plan has it' "$everybody"
copy; "$PYTHON" "$SYSTEM/ceremony_forge.py" "$C" response
forge "an edited response" 'response.json: is not what the journal says' "$everybody"
refused "people the auditor does not know" 1 'is not among them' Z verify --trust "$WORK/people/alice.pem" "$A"

# ---- every file, changed (a sanitizer makes each verify ten times slower: whole files only)
if nm "$BUILD/zegel" | grep -q "__[at]san_init"; then export SPREAD=0; fi
accepted "every file, mutated" env "SPREAD=${SPREAD:-1}" "$PYTHON" "$SYSTEM/ceremony_mutate.py" "$BUILD/zegel-ceremony-verify" "$A" ${SOAK:+all}
tail -n 1 "$WORK/out"

conclude
