#!/bin/bash
# What a ceremony says against what the world does: its keys sign mail in zegeld, its records are in live DNS (a chain of trust of
# our own, Knot), and the audit log has no signature that it does not let. A key with a wrapped backup is refused by zegeld until
# zegel.yaml names it, which the transcript lets.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"
# shellcheck source-path=SCRIPTDIR source=ceremony.sh
. "$SYSTEM/ceremony.sh"

need_root "$@"
need_programs
need_ceremony_programs cmp
own_network "$@"
make_work_dir
make_people
softhsm2-util --init-token --free --label vault --so-pin 12345678 --pin 5678 >/dev/null || die "no second token"
(umask 077; echo 5678 >"$WORK/vault-pin")

# ---- three ceremonies: an RSA key with a backup, and Ed25519 keys
A=$WORK/rsa B=$WORK/ed25519
trusted=(--trust "$WORK/people/trust.pem")
prepare "$A" 1 --backup-label vault --key example.nl/r:rsa2048 >/dev/null || die "prepare"
grep -q 'wrapped-backup' "$A/script.md" || not_ok "the script" "does not say what zegel.yaml has to say"
hold "$A" --backup-pin "file:$WORK/vault-pin" >/dev/null || die "hold"
prepare "$B" 2 --previous "$A" --key example.nl/e:ed25519 --key plain.nl/e:ed25519 >/dev/null || die "prepare 2"
hold "$B" --previous "$A" >/dev/null || die "hold 2"
prepare "$WORK/broken" 3 --previous "$B" --key broken.nl/e:ed25519 >/dev/null || die "prepare 3"
hold "$WORK/broken" --previous "$B" >/dev/null || die "hold 3"
print=$(print_of "$A" 0)

# ---- DNS, as it is now
ZONES="example.nl plain.nl broken.nl" UNSIGNED="plain.nl" BOGUS="broken.nl"
mkdir "$WORK/zones"
records() { # EXPRESSION: the zones with the records of all three, as python may change them in r (name → text); serial of the clock
    "$PYTHON" - "$WORK" "$1" <<'PY'
import json, sys, time
work, r = sys.argv[1], {}
for d in ("rsa", "ed25519", "broken"):
    r.update((k["record"]["name"], [k["record"]["txt"]]) for k in json.load(open("%s/%s/response.json" % (work, d)))["keys"])
exec(sys.argv[2])
for zone in ("example.nl", "plain.nl", "broken.nl"):
    with open("%s/zones/%s.zone" % (work, zone), "w") as f:
        f.write("$ORIGIN %s.\n$TTL 1\n@ SOA ns1 x %d 3600 600 86400 1\n@ NS ns1\n@ NS ns2\nns1 A 127.0.0.2\nns2 A 127.0.0.3\n" % (zone, time.time_ns() // 10**7 % 2**31))
        for name, texts in r.items():
            for text in texts if name.endswith(zone + ".") else ():
                f.write("%s 1 TXT %s\n" % (name, " ".join('"%s"' % text[i:i + 200] for i in range(0, len(text), 200))))
PY
}
records 'pass'
start_internet
live() { local dir=$1; shift; Z verify "${trusted[@]}" --dns --resolver "$WORK/resolver.conf" "$@" "$dir"; }
accepted "live DNS has the record, and DNSSEC vouches for it" live "$A"
grep -q 'proved    r._domainkey.example.nl. has the record of the transcript .* in DNS; DNSSEC vouches for that' "$WORK/out" || not_ok "live DNS" "is not reported"
accepted "a zone without DNSSEC" live "$B"
grep -q 'claimed   e._domainkey.plain.nl. has the record of the transcript .* in DNS; no DNSSEC vouches for that' "$WORK/out" || not_ok "no DNSSEC" "is not said"
refused "a bogus answer" 1 'DNS: e._domainkey.broken.nl.: bogus' live "$WORK/broken"
changed() { # EXPRESSION NAME ANSWER: and both servers know
    records "$1"
    reload_zone example.nl
    wait_for 30 answers "$2" "$3" 1 || die "the primary does not take up the change"
    knotc -s "$WORK/secondary/knot.sock" zone-refresh example.nl >/dev/null
    wait_for 30 answers "$2" "$3" || die "the servers do not take up the change"
}
answers() { # SELECTOR TEXT [SERVERS]: so many of them have it
    local server count=0
    for server in 127.0.0.2 127.0.0.3; do
        if kdig +short "@$server" "$1._domainkey.example.nl" TXT | grep -q "$2"; then count=$((count + 1)); fi
    done
    [ "$count" -ge "${3:-2}" ]
}
changed 'one = "r._domainkey.example.nl."; r[one] = [r[one][0].replace("p=MII", "p=MIJ")]' r 'p=MIJ'
refused "another key is published" 1 'DNS: r._domainkey.example.nl. is published with another record than the transcript' live "$A"
changed 'r["r._domainkey.example.nl."].append("v=DKIM1; p=AAAA")' r 'AAAA'
refused "published twice" 1 'has more than one TXT record' live "$A"
changed 'del r["r._domainkey.example.nl."]; r["x._domainkey.example.nl."] = ["there"]' x there
refused "not published" 1 'DNS: r._domainkey.example.nl. is not published' live "$A"
changed 'pass' r MII
accepted "and again as it should be" live "$A"
freeze "$PRIMARY_PID" "$SECONDARY_PID"
refused "no server answers" 3 'DNS: r._domainkey.example.nl.: ' live "$A"
kill -CONT "$PRIMARY_PID" "$SECONDARY_PID"

# ---- zegeld signs with the key whose backup was made: only when it is told to, and only with that one
write_zegel_config --trusted 127.0.0.0/8
sed -i -e "s/$RSA_SELECTOR/r/g; s/$ED_SELECTOR/e/g" "$WORK/zegel.yaml"
echo 'audit: {key: "pkcs11:token=zegel;object=audit.example.nl/log", origin: zegel.example.nl/log}' >>"$WORK/zegel.yaml"
zegel key generate --domain audit.example.nl --selector log --algorithm ed25519 --token softhsm >/dev/null || die "no audit key"
signed() { # four messages, each with both signatures
    local good
    LOAD_MESSAGES=4 "$BUILD/bench/load" 127.0.0.1 "$MILTER_PORT" 1 20 512 2 >"$WORK/load" || return
    read -r _ _ _ _ good _ <"$WORK/load"
    [ "$good" -eq 4 ]
}
backup_said() { # HASH: what zegel.yaml says of the key
    stop_zegeld
    sed -i '/wrapped-backup/d' "$WORK/zegel.yaml"
    [ -z "$1" ] || sed -i "/selector: r\$/a\\        wrapped-backup: $1" "$WORK/zegel.yaml"
    : >"$WORK/log/zegeld"
    start_zegeld
}
not_signed() { # NAME
    if signed; then not_ok "$1" "it signs"; fi
    if grep -q 'CKA_NEVER_EXTRACTABLE.*refused (key-audit: strict)' "$WORK/log/zegeld"; then echo "ok   $1"; else not_ok "$1" "does not say why"; fi
}
backup_said ""
not_signed "a key that could leave, unnamed: refused"
backup_said "$(printf '%064d' 7)"
not_signed "another key is named: refused"
permits() { Z permits "${trusted[@]}" "$@"; }
refused "no backup, says the ceremony without one" 1 'not one that permits to have a wrapped backup of example.nl/e' permits "$B" backup example.nl/e "$(print_of "$B" 0)"
refused "of this key, not of another" 1 'not one that permits' permits "$A" backup example.nl/r "$(printf '%064d' 7)"
accepted "the transcript lets zegel.yaml name it" permits "$A" backup example.nl/r "$print"
named=$(sed -n 's/.*wrapped-backup: //p' "$WORK/out")
[ "$named" = "$print" ] || not_ok "the transcript" "names $named"
backup_said "$named"
accepted "named: it signs" signed
grep -q 'key example.nl/r: .*wrapped backup' "$WORK/log/zegeld" || not_ok "named" "zegeld does not say so"

# ---- the audit log
note=$(zegel audit key) || die "no audit key shown"
covered() { zegel audit verify --key "$note" --json | "$PYTHON" -c 'import json,sys; r = json.load(sys.stdin); sys.exit(r["covered"] != r["records"] or r["records"] < 8)'; }
wait_for 30 covered || not_ok "the audit log" "is not all under a checkpoint"
stop_zegeld
audited() { local dir=$1; shift; Z verify "${trusted[@]}" --audit "$WORK/state/audit" --key "$note" "$@" "$dir"; }
accepted "transcript, live DNS and audit log at once" audited "$A" --dns --resolver "$WORK/resolver.conf"
grep -q 'proved    example.nl/r: the audit log .* has 4 signatures with it' "$WORK/out" || not_ok "the audit log" "is not reported"
refused "a log of somebody else's key" 2 'needs --key' Z verify --audit "$WORK/state/audit" --key nonsense "$A"
cp -r "$WORK/state/audit" "$WORK/changed"
sed -i '$s/signed/Signed/' "$WORK"/changed/records-*.jsonl
refused "a log that was changed" 1 'record' Z verify --audit "$WORK/changed" --key "$note" "$A"
# The key is activated an hour later (by the clock of that machine): it signed too early.
prepare "$WORK/activate" 4 --action activate --previous "$WORK/broken" --key "example.nl/r:rsa2048:$print" --backup-label vault >/dev/null || die "prepare activate"
approve "$WORK/activate" alice bob >/dev/null || die "approve activate"
if ! nm "$BUILD/zegel" | grep -q '__[at]san_init'; then
    "$PYTHON" -c 'import struct,sys; open(sys.argv[1],"wb").write(struct.pack("<q", 3600))' "$WORK/step"
    LD_PRELOAD=$BUILD/tests/clockstep.so CLOCKSTEP=$WORK/step run "$WORK/activate" --previous "$WORK/broken" >/dev/null || die "activate"
    { seal "$WORK/activate" && approve "$WORK/activate" alice bob erin; } >/dev/null || die "seal activate"
    refused "signed before it was activated" 1 'example.nl/r signed mail before it was activated: 4 signatures' audited "$WORK/activate"
fi

conclude
