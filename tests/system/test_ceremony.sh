#!/bin/bash
# Whole ceremonies on SoftHSM: keys made, then one destroyed, over an air gap, with cards, an exception and a time stamp; checked by
# zegel, by openssl alone, and by a script that shares no code with Zegel.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs pkcs11-tool
make_work_dir
make_people
A=$WORK/one

prepare "$A" 1 --key example.nl/z1:rsa2048 --key example.nl/z2:ed25519 >"$WORK/out" || die "prepare"
accepted "lint" Z lint "$A/plan.yaml"
accepted "lint --json" Z lint --json "$A/plan.yaml"
is_json "lint --json" 'j == {"plan": j["plan"], "keeps": True, "problem": None, "warnings": []} and j["plan"].endswith("/plan.yaml")'
accepted "lint --json: the rules" Z lint --json
is_json "lint --json: the rules" '[r["rule"] for r in j["rules"]] == ["P%02d" % n for n in range(1, 16)] and all(len(r["text"]) > 9 for r in j["rules"])'
sed 's/threshold: 2/threshold: 1/' "$A/plan.yaml" >"$WORK/one.yaml"
refused "lint --json: a broken rule" 1 'P08: ' Z lint --json "$WORK/one.yaml"
is_json "lint --json: a broken rule" 'j["keeps"] is False and j["problem"].startswith("P08: ") and j["warnings"] == []'
accepted "prepare again changes nothing" Z prepare "$A"
accepted "rehearse" Z rehearse --non-interactive "$A"
grep -q 'Rehearsed' "$WORK/out" || not_ok "rehearse" "says nothing"
if [ -n "$(ls /tmp/zegel-rehearsal-* 2>/dev/null)" ] && [ -z "${CI:-}" ]; then echo "note: another rehearsal is in /tmp"; fi
refused "run without approvals" 1 '0 of the 2 approvals' run "$A"
accepted "alice approves" approve "$A" alice
refused "run with one approval" 1 '1 of the 2 approvals' run "$A"
accepted "bob approves, with RSA" approve "$A" bob
accepted "export" Z export "$A"
accepted "import behind the air gap" Z import "$A/request.json" "$WORK/gap"
refused "import twice" 1 'new directory' Z import "$A/request.json" "$WORK/gap"
accepted "an exception" Z exception --text "the clock was 3 minutes slow" --decision "set by the witness" --agreed "alice, erin" "$WORK/gap"
accepted "a second one" Z exception --text "carol came late" --decision "begun without her" --agreed "alice, bob, erin" "$WORK/gap"
cp "$A/script.md" "$WORK/gap/"
accepted "run" run "$WORK/gap"
cp "$WORK/out" "$WORK/screen"
refused "run again" 1 'this ceremony has ended' run "$WORK/gap"
refused "verify before the seal" 3 'manifest.json' Z verify "$WORK/gap"
accepted "seal" seal "$WORK/gap"
refused "verify without the people" 1 'signed by 0 custodians of 2 needed, not by the witness' Z verify "$WORK/gap"
accepted "custodians and witness sign" approve "$WORK/gap" alice carol erin
accepted "verify" env -i "$BUILD/zegel" ceremony verify --trust "$WORK/people/trust.pem" "$WORK/gap"
grep -q '^pass: ' "$WORK/out" || not_ok "verify" "does not say pass"
grep -q '^attested  E1 .*3 minutes slow' "$WORK/out" || not_ok "verify" "does not show the exception"
grep -q '^attested  E2 .*carol came late.*begun without her.*alice, bob, erin' "$WORK/out" || not_ok "verify" "does not show the second: $(grep E2 "$WORK/out")"
cp "$WORK/out" "$WORK/verify"

for program in "$BUILD/zegel ceremony verify" "$BUILD/zegel-ceremony-verify"; do
    # shellcheck disable=SC2086 # two words
    accepted "${program##*/} --json" $program --json --trust "$WORK/people/trust.pem" "$WORK/gap"
    is_json "${program##*/} --json" 'j["verified"] and j["problem"] is None and {s["kind"] for s in j["statements"]} == {"proved", "claimed", "attested", "unchecked"}'
    is_json "${program##*/} --json" 'len(j["statements"]) == '"$(($(wc -l <"$WORK/verify") - 1))"
    # shellcheck disable=SC2086 # two words
    refused "${program##*/} --json: people it does not know" 1 'is not among them' $program --json --trust "$WORK/people/alice.pem" "$WORK/gap"
    is_json "${program##*/} --json: people it does not know" 'not j["verified"] and j["statements"] == [] and "is not among them" in j["problem"]'
done

# What is on the token is what the transcript says: asked through another tool.
pkcs11-tool --module "$MODULE" --token-label zegel --login --pin 1234 -O >"$WORK/objects" 2>/dev/null
for selector in z1 z2; do
    [ "$(grep -c "label: *example.nl/$selector" "$WORK/objects")" -eq 2 ] || not_ok "token" "has no pair example.nl/$selector"
done
[ "$(grep -c "application: *'zegel ceremony'" "$WORK/objects")" -eq 1 ] || not_ok "token" "does not remember the ceremony"

# openssl alone, with the certificates from the people themselves.
for name in alice bob; do
    accepted "openssl cms: $name's approval" openssl cms -verify -binary -inform DER -in "$WORK/gap/approval-$name.p7s" \
        -content "$WORK/gap/plan.json" -certfile "$WORK/people/$name.pem" -CAfile "$WORK/people/$name.pem" -purpose any -out /dev/null
done
for name in alice carol erin transcript-key; do
    accepted "openssl cms: $name's manifest" openssl cms -verify -binary -inform DER -in "$WORK/gap/manifest-$name.p7s" \
        -content "$WORK/gap/manifest.json" -certfile "$WORK/people/$name.pem" -CAfile "$WORK/people/$name.pem" -purpose any -out /dev/null
done
accepted "the independent script" "$PYTHON" "$SYSTEM/ceremony_audit.py" "$WORK/gap" "$WORK/people"

# What is published: a zone file, as the auditor gets it by dig or AXFR; the program links no network.
zone() { # EXPRESSION: the records of the transcript, as python sees them in r (name → text), printed as dig does
    "$PYTHON" - "$WORK/gap/response.json" "$1" >"$WORK/zone" <<'PY'
import json, sys
r = {k["record"]["name"]: [k["record"]["txt"]] for k in json.load(open(sys.argv[1]))["keys"]}
one, two = "z1._domainkey.example.nl.", "z2._domainkey.example.nl."
exec(sys.argv[2])
print("; a zone\nexample.nl.\t3600\tIN\tSOA\tns.example.nl. x.example.nl. 1 2 3 4 5")
for name, texts in r.items():
    for text in texts:
        print("%s\t3600\tIN\tTXT\t%s" % (name, " ".join('"%s"' % text[i:i + 200].replace(";", "\\;") for i in range(0, len(text), 200))))
PY
}
published() { "$BUILD/zegel-ceremony-verify" --zone "$WORK/zone" "$WORK/gap"; }
zone 'pass'
accepted "published as in the transcript" published
grep -q 'proved    z1._domainkey.example.nl. has the record of the transcript' "$WORK/out" || not_ok "published" "is not reported"
zone 'del r[two]'
refused "not published" 1 'z2._domainkey.example.nl. is not published' published
zone 'r[one] = [r[one][0].replace("p=MII", "p=MIJ")]'
refused "another key is published" 1 'z1._domainkey.example.nl. is published with another record' published
zone 'r[one] = r[one] * 2'
refused "published twice" 1 'has more than one TXT record' published
zone 'pass'; sed -i 's/^z1.*/z1._domainkey.example.nl. TXT (/' "$WORK/zone"
refused "a record that cannot be read" 1 'zone:3: is not one TXT record in one line' published
zone 'pass'; sed -i 's/^example.nl./@/' "$WORK/zone"
refused "a relative name" 1 'zone:2: is not about a whole name' published

# RFC 3161, with a time-stamping authority of our own.
mkdir "$WORK/tsa"
openssl req -x509 -newkey rsa:2048 -noenc -days 30 -subj /CN=tsa -addext extendedKeyUsage=critical,timeStamping \
    -keyout "$WORK/tsa/key" -out "$WORK/tsa/pem" 2>/dev/null
echo 01 >"$WORK/tsa/serial"
printf '[tsa]\ndefault_tsa = t\n[t]\nserial = %s/serial\ncrypto_device = builtin\nsigner_cert = %s/pem\nsigner_key = %s/key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256\naccuracy = secs:1\n' \
    "$WORK/tsa" "$WORK/tsa" "$WORK/tsa" >"$WORK/tsa/conf"
openssl ts -query -data "$WORK/gap/manifest.json" -sha256 -cert -out "$WORK/tsa/tsq" 2>/dev/null
openssl ts -reply -config "$WORK/tsa/conf" -queryfile "$WORK/tsa/tsq" -out "$WORK/gap/manifest.tsr" 2>/dev/null
accepted "verify with a time stamp" Z verify --tsa "$WORK/tsa/pem" "$WORK/gap"
grep -q 'proved    the manifest existed at' "$WORK/out" || not_ok "time stamp" "is not reported"
refused "a time stamp by somebody else" 1 'manifest.tsr' Z verify --tsa "$WORK/people/alice.pem" "$WORK/gap"
rm "$WORK/gap/manifest.tsr"

# Small ceremonies with the second key: activate, retire, destroy; each is rehearsed, continues the one before, and leaves a mark
# on the token. What is out of turn is refused before the plan is used up.
print=$(print_of "$WORK/gap" 1)
before=$WORK/gap
next() { # SERIAL ACTION: prepared and approved in $WORK/ACTION
    local screen paper
    prepare "$WORK/$2" "$1" --action "$2" --previous "$before" --key "example.nl/z2:ed25519:$print" >/dev/null || die "prepare $2"
    accepted "rehearse $2" Z rehearse --non-interactive "$WORK/$2"
    screen=$(grep -oE 'STEP [0-9]+ of [0-9]+: .*' "$WORK/out")
    paper=$(sed -n 's/.*\(STEP [0-9]* of [0-9]*: \)[*][*]\([^*]*\)[*][*].*/\1\2/p' "$WORK/$2/script.md")
    if [ -z "$paper" ] || [ "$screen" != "$paper" ]; then not_ok "rehearse $2" "the script is not what is done"; fi
    approve "$WORK/$2" bob carol >/dev/null || die "approve $2"
}
finish_next() { # ACTION
    accepted "$1" run "$WORK/$1" --previous "$before"
    { seal "$WORK/$1" && approve "$WORK/$1" bob carol erin; } >/dev/null || die "seal $1"
    accepted "verify $1" Z verify --previous "$before" --trust "$WORK/people/trust.pem" "$WORK/$1"
    cp "$WORK/out" "$WORK/report"
    accepted "the independent script on $1" "$PYTHON" "$SYSTEM/ceremony_audit.py" "$WORK/$1" "$WORK/people"
    before=$WORK/$1
}
reported() { grep -q "$2" "$WORK/report" || not_ok "$1" "is not reported"; }
standing() { # WORD: what the token itself has on z2, asked through another tool
    pkcs11-tool --module "$MODULE" --token-label zegel --login --pin 1234 --read-object --type data --label 'standing of example.nl/z2' \
        --application-label 'zegel key standing' 2>/dev/null | grep -qa " $1 $print"
}
next 2 retire
refused "retire what is not active" 1 'only an activated key can be retired; nothing was done' run "$WORK/retire" --previous "$before"
rm -rf "$WORK/retire"
next 2 activate
refused "run without the previous transcript" 1 'give its directory with --previous' run "$WORK/activate"
finish_next activate
reported activate 'proved    example.nl/z2: the custodians permit that it is active; it was none'
standing active || not_ok "activate" "the token does not say so"
permits() { Z permits --trust "$WORK/people/$1.pem" "$WORK/$2" "$3" "example.nl/$4" "$5"; }
accepted "a script asks: activation is permitted" permits trust activate activate z2 "$print"
accepted "a script asks, --json" Z permits --json --trust "$WORK/people/trust.pem" "$WORK/activate" activate example.nl/z2 "$print"
is_json "a script asks, --json" 'j == {"permitted": True, "action": "activate", "domain": "example.nl", "selector": "z2", "spki_sha256": "'"$print"'", "ceremony": 2, "problem": None}'
refused "a script asks, --json: another action" 1 'not one that permits' Z permits --json --trust "$WORK/people/trust.pem" "$WORK/activate" retire example.nl/z2 "$print"
is_json "a script asks, --json: another action" 'j["permitted"] is False and j["ceremony"] is None and "not one that permits" in j["problem"]'
refused "a script asks: another action" 1 'not one that permits to retire example.nl/z2' permits trust activate retire z2 "$print"
refused "a script asks: another selector" 1 'not one that permits to activate example.nl/z1' permits trust activate activate z1 "$print"
refused "a script asks: another key" 1 'not one that permits' permits trust activate activate z2 "$(printf '%064d' 7)"
refused "a script asks: of people it does not know" 1 'is not among them' permits alice activate activate z2 "$print"
next 3 destroy
refused "destroy an active key" 1 'retire it first, by a ceremony of its own; nothing was done' run "$WORK/destroy" --previous "$before"
rm -rf "$WORK/destroy"
next 3 retire
finish_next retire
reported retire 'the custodians permit that it is retired; it was active'
refused "the DNS operator comes early" 1 'behind the seal' approve "$WORK/one" frank
accepted "the DNS operator says it is published" approve "$WORK/retire" frank
accepted "verify with that" Z verify --previous "$WORK/activate" "$WORK/retire"
grep -q 'attested  the DNS operator frank signed' "$WORK/out" || not_ok "published" "is not reported"
next 4 destroy
finish_next destroy
reported destroy 'claimed   example.nl/z2 .* is no longer on the token'
pkcs11-tool --module "$MODULE" --token-label zegel --login --pin 1234 -O >"$WORK/objects" 2>/dev/null
! grep -q "label: *'*example.nl/z2" "$WORK/objects" || not_ok "destroy" "example.nl/z2 is on the token still"
grep -q 'example.nl/z1' "$WORK/objects" || not_ok "destroy" "example.nl/z1 is gone too"
prepare "$WORK/reuse" 5 --previous "$before" --key example.nl/z2:ed25519 >/dev/null && approve "$WORK/reuse" alice bob >/dev/null
refused "a selector for the second time" 1 'was the name of a key before; a selector is never used twice' run "$WORK/reuse" --previous "$before"

# A ceremony that cannot go on is given up: sealed, reported, permits nothing, and the next one continues it.
prepare "$WORK/stuck" 5 --previous "$before" --key example.nl/z3:ed25519 --key example.nl/z4:ed25519 >/dev/null
approve "$WORK/stuck" alice bob >/dev/null
words=(--text "the lights went out" --decision "next week" --agreed "alice, bob, erin")
refused "give up what was not begun" 1 'has not begun' Z abandon "${words[@]}" "$WORK/stuck"
stop_at_key() { printf 'Yes\nYes\nYes\nYes\nNo\n' | Z run --pin "file:$WORK/pin" --state "$WORK/state" --previous "$before" "$WORK/stuck" >/dev/null; }
refused_stop() { stop_at_key; }
refused "stopped by people" 1 'stopped before step 5 .key example.nl/z4., as you said' refused_stop
# In the middle of it, somebody was at the journal.
cp "$WORK/stuck/journal.jsonl" "$WORK/journal"
meddled() { run "$WORK/stuck" --previous "$before"; }
sed -i 5d "$WORK/stuck/journal.jsonl"
refused "a dropped journal line" 1 'journal.jsonl:5: .*put back a copy' meddled
sed '5{h;d};6{G}' "$WORK/journal" >"$WORK/stuck/journal.jsonl"
refused "a reordered journal" 1 'journal.jsonl:5: .*put back a copy' meddled
sed '5s/"n":4/"n":5/' "$WORK/journal" >"$WORK/stuck/journal.jsonl"
refused "an edited journal" 1 'journal.jsonl:5: .*put back a copy' meddled
cp "$WORK/journal" "$WORK/stuck/journal.jsonl"
accepted "given up" Z abandon "${words[@]}" "$WORK/stuck"
refused "it does not go on" 1 'this ceremony has ended' run "$WORK/stuck" --previous "$before"
{ seal "$WORK/stuck" && approve "$WORK/stuck" alice bob erin; } >/dev/null || die "seal stuck"
accepted "verify what was given up" Z verify --previous "$before" --trust "$WORK/people/trust.pem" "$WORK/stuck"
cp "$WORK/out" "$WORK/report"
reported "given up" 'attested  the ceremony was abandoned; 1 of 2 keys were dealt with; it permits nothing'
accepted "the independent script on it" "$PYTHON" "$SYSTEM/ceremony_audit.py" "$WORK/stuck" "$WORK/people"
refused "what was given up permits nothing" 1 'not one that permits' permits trust stuck generate z3 "$("$PYTHON" -c \
    'import json,sys; print([json.loads(l)["data"]["spki_sha256"] for l in open(sys.argv[1]) if "key example.nl/z3" in l and "done" in l][0])' \
    "$WORK/stuck/journal.jsonl")"
prepare "$WORK/after" 6 --previous "$WORK/stuck" --key example.nl/z5:ed25519 >/dev/null && approve "$WORK/after" alice bob >/dev/null
accepted "the next one continues it" run "$WORK/after" --previous "$WORK/stuck"

conclude
