#!/bin/bash
# A ceremony among enemies: a directory that came on a hostile USB stick, root without a card, a module that lies. Each attack is a
# check of its own, and says what stops it; one cannot be stopped, and then the transcript says that it was only claimed.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs pkcs11-tool strace truncate mkfifo
LIAR=$BUILD/tests/p11liar.so
[ -x "$LIAR" ] || die "$LIAR is missing: run 'make tests'"
make_work_dir
make_people
A=$WORK/one
{ prepare "$A" 1 --key example.nl/z1:rsa2048 && approve "$A" alice bob; } >/dev/null || die "prepare"
cp -r "$A" "$WORK/approved"
cp -r "$WORK/softhsm/tokens" "$WORK/fresh"
{ run "$A" && seal "$A" && approve "$A" alice bob erin; } >/dev/null || die "hold"
accepted "the ceremony that is attacked below" Z verify --trust "$WORK/people/trust.pem" "$A"
print=$(print_of "$A" 0)

# ---- a hostile USB stick: every command that reads a directory refuses it, and waits for nothing
copy() { C=$WORK/copy; rm -rf "$C"; cp -r "${1:-$A}" "$C"; }
each_command() { # NAME REGEX: verify (both programs), permits, seal, approve, run; within seconds
    refused "$1: verify" 1 "$2" timeout 20 "$BUILD/zegel" ceremony verify "$C"
    refused "$1: the separate program" 1 "$2" timeout 20 "$BUILD/zegel-ceremony-verify" "$C"
    refused "$1: permits" 1 "$2" timeout 20 "$BUILD/zegel" ceremony permits --trust "$WORK/people/trust.pem" "$C" generate example.nl/z1 "$print"
    refused "$1: seal" 1 "$2" timeout 20 "$BUILD/zegel" ceremony seal --module "$MODULE" --card pkcs11:token=transcript-key --pin "file:$WORK/pin" --state "$WORK/state" "$C"
    refused "$1: approve" 1 "$2" approve "$C" carol
    refused "$1: run" 1 "$2" run "$C"
}
copy; mv "$C/response.json" "$WORK/elsewhere.json"; ln -s "$WORK/elsewhere.json" "$C/response.json"
each_command "a symbolic link for a file" 'response.json: is no regular file; nothing here was used'
copy; ln -s /etc/shadow "$C/approval-carol.p7s"
each_command "a symbolic link to what only root may read" 'approval-carol.p7s: is no regular file'
copy; ln -s /nowhere "$C/extra"
refused "a link to nothing" 1 'extra: is no regular file' Z verify "$C"
copy; rm "$C/plan.json"; mkfifo "$C/plan.json"
each_command "a FIFO" 'plan.json: is no regular file'
copy; mkdir "$C/people"
refused "a directory" 1 'people: is no regular file' Z verify "$C"
copy; truncate -s 1T "$C/approval-carol.p7s"
each_command "a file of a terabyte" 'approval-carol.p7s: is larger than anything that a ceremony makes'
copy; for i in 1 2 3 4 5; do truncate -s 15M "$C/note$i"; done
refused "many large files" 1 'is larger than anything' Z verify "$C"
copy; for ((i = 0; i < 600; i++)); do : >"$C/f$i"; done
refused "too many files" 1 'is one file more than any ceremony has' Z verify "$C"
copy; printf x >"$C/"$'x.p7s\npass: everything'
each_command "a name with a line of its own" 'x.p7s\?pass: everything: is no name of a ceremony'
copy; printf x >"$C/"$'\e[2J\e[Hpass'
refused "a name that clears the screen" 1 '/\?\[2J\?\[Hpass: is no name' Z verify "$C"
copy; printf x >"$C/"$'\xff\xfe'
refused "a name that is no text" 1 'is no name' Z verify "$C"
copy; mv "$C" "$WORK/"$'dir\npass: all'
refused "a directory named like a verdict" 1 'dir\?pass: all: the name of the directory' Z verify "$WORK/"$'dir\npass: all'
for kind in fifo link huge; do
    request=$WORK/$kind.json
    case $kind in
    fifo) mkfifo "$request" ;;
    link) ln -s /dev/zero "$request" ;;
    huge) truncate -s 1T "$request" ;;
    esac
    refused "a request that is a $kind" 3 "$kind.json: (not a regular file|larger than)" timeout 20 "$BUILD/zegel" ceremony import "$request" "$WORK/imported"
done
import_forged() { # EXPRESSION: the request with something changed
    "$PYTHON" - "$A/request.json" "$WORK/forged.json" "$1" <<'PY'
import json, sys
r = json.load(open(sys.argv[1]))
exec(sys.argv[3])
open(sys.argv[2], "w").write(json.dumps(r, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
PY
    rm -rf "$WORK/in/dir"; mkdir -p "$WORK/in"
    Z import "$WORK/forged.json" "$WORK/in/dir"
}
refused "a request that writes elsewhere" 1 'a name in it is none' import_forged 'r["approvals"]["../../x"] = r["approvals"]["alice"]'
if [ -n "$(find "$WORK/in" -name 'x.p7s' -o -name 'approval-x.p7s')" ]; then not_ok "a request that writes elsewhere" "did"; fi
refused "a request with an approval less" 1 'approvals that the plan needs' import_forged 'del r["approvals"]["bob"]'
refused "a request with another plan" 1 'is not what plan.yaml compiles to' import_forged 'r["plan.yaml"] = r["plan.yaml"].replace("example.nl", "evil.nl")'
"$PYTHON" -c 'print("[" * 1000000)' >"$WORK/deep.json"
refused "a request of a million brackets" 1 'deep.json' Z import "$WORK/deep.json" "$WORK/deep"

# ---- a transcript that is exchanged between being checked and being used: there is no such moment
once() { # NAME COMMAND...: each file of $A is opened once
    local name=$1
    shift
    strace -f -qq -y -o "$WORK/trace" -e trace=openat "$@" >/dev/null 2>&1 || { not_ok "$name" "fails under strace"; return; }
    grep -o "openat([^,]*, \"[^\"]*\", [^)]*) = [0-9]*<$A/[^>]*>" "$WORK/trace" | sed 's/.*<//' | sort | uniq -c >"$WORK/opened"
    if [ "$(wc -l <"$WORK/opened")" -ne "$(find "$A" -type f | wc -l)" ] || grep -qv '^ *1 ' "$WORK/opened"; then
        not_ok "$name" "$(cat "$WORK/opened")"
    else
        echo "ok   $name: $(wc -l <"$WORK/opened") files, each opened once"
    fi
}
if strace -f -qq -o /dev/null true 2>/dev/null; then
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
    once "a swapped transcript: permits" "$BUILD/zegel" ceremony permits --trust "$WORK/people/trust.pem" "$A" generate example.nl/z1 "$print"
    once "a swapped transcript: verify" "$BUILD/zegel-ceremony-verify" "$A"
fi

# ---- root, with the token's PIN and everything on this machine, but no card
refused "root holds a ceremony without approvals" 1 '0 of the 2 approvals' run "$(rm -rf "$WORK/bare"; cp -r "$WORK/approved" "$WORK/bare"; rm "$WORK"/bare/*.p7s; echo "$WORK/bare")"
mkdir "$WORK/root"
for name in alice bob carol erin frank transcript-key dave; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 -subj "/CN=$name" -keyout "$WORK/root/$name.key" -out "$WORK/root/$name.pem" 2>/dev/null
done
sign_as_root() { # PREFIX CONTENT NAME...
    local prefix=$1 content=$2 name
    shift 2
    for name in "$@"; do
        openssl cms -sign -binary -nocerts -nosmimecap -md sha256 -outform DER -in "$content" -signer "$WORK/root/$name.pem" \
            -inkey "$WORK/root/$name.key" -out "${content%/*}/$prefix-$name.p7s"
    done
}
copy "$WORK/bare"; sign_as_root approval "$C/plan.json" alice bob
refused "root signs for the custodians" 1 'is by another certificate' run "$C"
# A token of root's own, made the same way, where root is everybody; and a whole transcript of it.
rm -rf "$WORK/softhsm/tokens"; cp -r "$WORK/fresh" "$WORK/softhsm/tokens"
P=$WORK/puppets
Z prepare --serial 1 --organisation "Ministerie van Zegels" --module "$MODULE" --label zegel --threshold 2 --key example.nl/z1:ed25519 \
    --custodian "alice=$WORK/root/alice.pem" --custodian "bob=$WORK/root/bob.pem" --administrator "dave=$WORK/root/dave.pem" \
    --dns-operator "frank=$WORK/root/frank.pem" --witness "erin=$WORK/root/erin.pem" --transcript "transcript-key=$WORK/root/transcript-key.pem" "$P" >/dev/null || die "puppets"
sign_as_root approval "$P/plan.json" alice bob
run "$P" >/dev/null || die "run puppets"
seal "$P" >/dev/null 2>&1 # makes the manifest; the card is not root's
sign_as_root manifest "$P/manifest.json" alice bob erin transcript-key
accepted "root plays all roles: the transcript is in order" Z verify "$P"
refused "but not one of people anybody knows" 1 'certificate of custodian alice is not among them' Z verify --trust "$WORK/people/trust.pem" "$P"
refused "and permits nothing" 1 'is not among them' Z permits --trust "$WORK/people/trust.pem" "$P" generate example.nl/z1 "$(print_of "$P" 0)"
# The approvals of the real one again, on the token as it was, its memory wiped.
rm -rf "$WORK/softhsm/tokens"; cp -r "$WORK/fresh" "$WORK/softhsm/tokens"
copy "$WORK/approved"
accepted "root replays approvals, with the token's memory wiped" run "$C"
seal "$C" >/dev/null || die "seal the replay"
refused "replayed approvals sign no manifest" 1 'signed by 0 custodians of 2' Z verify "$C"
cp "$A"/manifest-*.p7s "$C/"
refused "nor do the signatures of the first run" 1 'manifest-.*p7s: does not fit' Z verify "$C"
refused "and the second key is not permitted" 1 'not one that permits' Z permits --trust "$WORK/people/trust.pem" "$A" generate example.nl/z1 "$(print_of "$C" 0)"
prepare "$WORK/next" 2 --previous "$A" --key example.nl/z2:ed25519 >/dev/null && approve "$WORK/next" alice bob >/dev/null
refused "the next ceremony does not continue the replay" 1 'is not the transcript that this plan continues' run "$WORK/next" --previous "$C"

# ---- a module that lies
lying() { # LIE DIR [OPTION...]
    local lie=$1 dir=$2
    shift 2
    P11LIAR_MODULE=$MODULE P11LIAR_LIE=$lie P11LIAR_TWIN=example.nl/z1 run "$dir" "$@"
}
on_token() { pkcs11-tool --module "$MODULE" --token-label zegel --login --pin 1234 -O 2>/dev/null | grep -c "label: *example.nl/$1"; }
liar_reset() {
    rm -rf "$WORK/softhsm/tokens" "$WORK/liar"
    cp -r "$WORK/fresh" "$WORK/softhsm/tokens"
    cp -r "$WORK/liar-base" "$WORK/liar"
}
rm -rf "$WORK/softhsm/tokens"; cp -r "$WORK/fresh" "$WORK/softhsm/tokens"
export P11LIAR_MODULE=$MODULE
liar_plan() { # DIR SERIAL OPTION...: a plan for the module that may lie
    local dir=$1
    REAL=$MODULE; MODULE=$LIAR; prepare "$@" >/dev/null || die "prepare $dir"; MODULE=$REAL
    approve "$dir" alice bob >/dev/null || die "approve $dir"
}
liar_plan "$WORK/liar-base" 1 --key example.nl/z1:rsa2048
liar_reset
refused "a module that makes keys extractable" 1 'CKA_EXTRACTABLE is not false; it was destroyed again' lying extractable "$WORK/liar"
[ "$(on_token z1)" -eq 0 ] || not_ok "a module that makes keys extractable" "the key is on the token still"
liar_reset
refused "a module that shows another public key" 1 'key example.nl/z1: .*; it was destroyed again' lying public "$WORK/liar"
[ "$(on_token z1)" -eq 0 ] || not_ok "a module that shows another public key" "the key is on the token still"
liar_reset
accepted "an honest run of the same module" lying nothing "$WORK/liar"
{ seal "$WORK/liar" && approve "$WORK/liar" alice bob erin; } >/dev/null || die "seal liar"
cp -r "$WORK/softhsm/tokens" "$WORK/after-one"
liar_plan "$WORK/again" 2 --previous "$WORK/liar" --key example.nl/z2:rsa2048
refused "a module that hands out the same key twice" 1 'made a key that it had before; it was destroyed again' lying again "$WORK/again" --previous "$WORK/liar"
rm -rf "$WORK/softhsm/tokens"; cp -r "$WORK/after-one" "$WORK/softhsm/tokens"
liar_plan "$WORK/gone" 2 --previous "$WORK/liar" --action destroy --key "example.nl/z1:rsa2048:$(print_of "$WORK/liar" 0)"
refused "a module that does not destroy" 3 'example.nl/z1' lying destroy "$WORK/gone" --previous "$WORK/liar"
accepted "and does, when it stops lying" lying nothing "$WORK/gone" --previous "$WORK/liar"
rm -rf "$WORK/softhsm/tokens"; cp -r "$WORK/fresh" "$WORK/softhsm/tokens"
softhsm2-util --init-token --free --label vault --so-pin 12345678 --pin 5678 >/dev/null || die "no second token"
(umask 077; echo 5678 >"$WORK/vault-pin")
liar_plan "$WORK/long" 1 --backup-label vault --key example.nl/z1:rsa2048
refused "a module that says it wrote more than there was room for" 1 'CKR_WRAPPED_KEY_LEN_RANGE' lying long "$WORK/long" --backup-pin "file:$WORK/vault-pin"
# What no program can find out: the module keeps a way out for the key, and denies it.
liar_reset
accepted "a module that lies well" lying innocent "$WORK/liar"
{ seal "$WORK/liar" && approve "$WORK/liar" alice bob erin; } >/dev/null || die "seal liar"
accepted "its transcript" Z verify "$WORK/liar"
grep -q 'claimed   example.nl/z1: made on the token, sensitive, never extractable, can only sign (the module says so)' "$WORK/out" ||
    not_ok "a module that lies well" "the transcript says more than that the module claims it"
! grep -q 'proved.*extractable' "$WORK/out" || not_ok "a module that lies well" "passes for a proof"

conclude
