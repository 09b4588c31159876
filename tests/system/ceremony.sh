# shellcheck shell=bash
# A ceremony of the test's own: a token, three custodians, a witness and a transcript key, each with a card (a SoftHSM token).
# Sourced by test_ceremony*.sh, after lib.sh.

PEOPLE=(alice bob carol erin frank transcript-key)

need_ceremony_programs() {
    needs openssl softhsm2-util "$PYTHON" "$@"
    [ -x "$BUILD/zegel" ] || die "$BUILD/zegel is missing: run 'make'"
}

Z() { "$BUILD/zegel" ceremony "$@"; }

certificate() { # NAME: a P-256 key (RSA for bob) and its certificate in $WORK/people
    local kind=(ec -pkeyopt ec_paramgen_curve:P-256)
    if [ "$1" = bob ]; then kind=(rsa:2048); fi
    openssl req -x509 -newkey "${kind[@]}" -noenc -days 30 -subj "/CN=$1" -keyout "$WORK/people/$1.key" \
        -out "$WORK/people/$1.pem" 2>/dev/null
}

# The people and their cards are the same in all these tests, and making them takes seconds: made once a day, in the build directory.
make_people() {
    local made=$BUILD/tests/ceremony-people
    MODULE=$(softhsm_module)
    export SOFTHSM2_CONF=$WORK/softhsm/conf
    mkdir -p "$WORK/softhsm" "$WORK/state"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$WORK/softhsm/tokens" >"$WORK/softhsm/conf"
    (umask 077; echo 1234 >"$WORK/pin")
    local lock
    exec {lock}>"$made.lock" # tests run beside one another
    flock "$lock"
    if [ -z "$(find "$made" -maxdepth 0 -newermt '-1 day' 2>/dev/null)" ]; then
        make_new_people
        rm -rf "$made" "$made.new"
        mkdir -p "$made.new"
        cp -r "$WORK/people" "$WORK/softhsm/tokens" "$made.new/"
        mv -T "$made.new" "$made"
    else
        cp -r "$made/people" "$WORK/people"
        cp -r "$made/tokens" "$WORK/softhsm/tokens"
    fi
    exec {lock}>&-
}

make_new_people() {
    local name
    mkdir -p "$WORK/people" "$WORK/softhsm/tokens"
    softhsm2-util --init-token --free --label zegel --so-pin 12345678 --pin 1234 >/dev/null || die "no token"
    for name in "${PEOPLE[@]}" dave; do
        certificate "$name"
        [ "$name" != dave ] || continue
        softhsm2-util --init-token --free --label "$name" --so-pin 12345678 --pin 1234 >/dev/null
        openssl pkcs8 -topk8 -nocrypt -in "$WORK/people/$name.key" -out "$WORK/people/$name.p8"
        softhsm2-util --import "$WORK/people/$name.p8" --token "$name" --label sign --id 01 --pin 1234 >/dev/null || die "no card"
    done
    cat "$WORK"/people/{alice,bob,carol,erin,frank,transcript-key}.pem >"$WORK/people/trust.pem"
}

# prepare DIR SERIAL [OPTION...]: --key is up to the caller
prepare() {
    local dir=$1 serial=$2
    shift 2
    Z prepare --serial "$serial" --organisation "Ministerie van Zegels" --module "$MODULE" --label zegel --threshold 2 \
        --custodian "alice=$WORK/people/alice.pem" --custodian "bob=$WORK/people/bob.pem" \
        --custodian "carol=$WORK/people/carol.pem" --administrator "dave=$WORK/people/dave.pem" --dns-operator "frank=$WORK/people/frank.pem" \
        --witness "erin=$WORK/people/erin.pem" --transcript "transcript-key=$WORK/people/transcript-key.pem" "$@" "$dir"
}

approve() { # DIR NAME...
    local dir=$1 name
    shift
    for name in "$@"; do
        Z approve --as "$name" --module "$MODULE" --card "pkcs11:token=$name" --pin "file:$WORK/pin" --state "$WORK/state" \
            --non-interactive "$dir" || return
    done
}

run() { # DIR [OPTION...]
    local dir=$1
    shift
    Z run --pin "file:$WORK/pin" --state "$WORK/state" --non-interactive "$@" "$dir"
}

seal() { # DIR
    Z seal --module "$MODULE" --card pkcs11:token=transcript-key --pin "file:$WORK/pin" --state "$WORK/state" "$1"
}

print_of() { # DIR N: SPKI SHA-256 of the Nth key of its response
    "$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["keys"][int(sys.argv[2])]["spki_sha256"])' "$1/response.json" "$2"
}

# hold DIR [OPTION of run...]: approvals, run, seal, signatures
hold() {
    local dir=$1
    shift
    approve "$dir" alice bob && run "$dir" "$@" && seal "$dir" && approve "$dir" alice bob erin
}

# SoftHSM writes token.object anew, in place, at each login: killed in the middle of that, it has lost its own token, and only a
# copy of that file brings it back. mend_token BASE: put back what is shorter than in BASE; false when nothing is.
mend_token() {
    local file mended=1
    for file in "$WORK"/softhsm/tokens/*/token.object; do
        local good=$1/${file#"$WORK/softhsm/tokens/"}
        if [ -e "$good" ] && [ "$(stat -c %s "$file")" -lt "$(stat -c %s "$good")" ]; then
            cp "$good" "$file"
            mended=0
        fi
    done
    return "$mended"
}

# refused NAME STATUS REGEX COMMAND...: that exit status, one line on standard error that matches
refused() {
    local name=$1 status=$2 regex=$3 got=0
    shift 3
    "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || got=$?
    if [ "$got" -ne "$status" ]; then
        not_ok "$name" "exit status $got, not $status: $(tail -n 3 "$WORK/err")"
    elif [ "$(wc -l <"$WORK/err")" -ne 1 ]; then
        not_ok "$name" "not one line on standard error: $(cat "$WORK/err")"
    elif ! grep -qE "$regex" "$WORK/err"; then
        not_ok "$name" "nothing like '$regex' in: $(cat "$WORK/err")"
    else
        ok "$name"
    fi
}

# is_json NAME EXPRESSION: what the last command printed is JSON, and of it (j) that is true
is_json() {
    "$PYTHON" -c 'import json, sys; j = json.load(open(sys.argv[1])); sys.exit(0 if eval(sys.argv[2]) else 1)' "$WORK/out" "$2" ||
        not_ok "$1" "not so: $2; it says $(cat "$WORK/out")"
}

accepted() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$WORK/out" 2>"$WORK/err" </dev/null; then
        ok "$name"
    else
        not_ok "$name" "exit status $?: $(tail -n 3 "$WORK/err")"
    fi
}

# forge NAME REGEX PEOPLE: what $C became is sealed anew with the signatures of those; verify says why it is refused
forge() {
    "$PYTHON" - "$C" <<'PY'
import hashlib, json, os, sys
d = sys.argv[1]
m = json.load(open(d + "/manifest.json"))
lines = open(d + "/journal.jsonl", "rb").read().split(b"\n")[:-1]
outside = lambda f: f == "manifest.json" or f.startswith("manifest-")
m["files"] = {f: hashlib.sha256(open(d + "/" + f, "rb").read()).hexdigest() for f in os.listdir(d) if not outside(f)}
m["journal_head"] = hashlib.sha256(lines[-1]).hexdigest()
open(d + "/manifest.json", "w").write(json.dumps(m, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
PY
    local name
    rm "$C"/manifest-*.p7s
    for name in $3; do
        openssl cms -sign -binary -nocerts -nosmimecap -md sha256 -outform DER -in "$C/manifest.json" \
            -signer "$WORK/people/$name.pem" -inkey "$WORK/people/$name.key" -out "$C/manifest-$name.p7s"
    done
    refused "$1" 1 "$2" Z verify "$C"
}
