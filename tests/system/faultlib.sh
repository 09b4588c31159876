# shellcheck shell=bash
# What the tests under fire share: a token that fails on demand (example.nl) beside one that does not (example.org).
# Sourced after lib.sh. SOAK=1: the long forms.

SOAK=${SOAK:-}
FAULT=$BUILD/tests/p11fault
LOAD=$BUILD/bench/load
short_or() { if [ -n "$SOAK" ]; then echo "$2"; else echo "$1"; fi; } # SHORT LONG

# What is preloaded does not go with a sanitizer's own allocator.
sanitized() { nm "$BUILD/zegel-milter" | grep -q '__[at]san_init'; }

fault() { "$FAULT" "$WORK/fault" "$@"; }
calls() { fault calls "$1"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
said() { grep -c -e "$1" "$WORK/log/zegeld"; } # REGEX: in how many lines of the log

# write_fault_config [DEADLINE [MORE_TOKEN_OPTIONS]]
write_fault_config() {
    MILTER_PORT=${MILTER_PORT:-$(free_port)}
    mkdir -p "$WORK/state"
    cat >"$WORK/zegel.yaml" <<CONFIG
state: $WORK/state
trusted-networks: [127.0.0.0/8]
tokens:
  - name: faulty
    module: $BUILD/tests/p11fault.so
    token: pkcs11:token=faulty
    pin: file:$WORK/pin
    deadline: ${1:-2s}
    profile: local
    read: [$BUILD/tests, $(softhsm_module)]
    write: [$WORK/fault]
${2:+    $2}
  - name: good
    module: $(softhsm_module)
    token: pkcs11:token=good
    pin: file:$WORK/pin
audit: {key: "pkcs11:token=good;object=audit.example.org/log", origin: zegel.example.org/log}
listen:
  - inet:$MILTER_PORT@127.0.0.1
domains:
  - domain: example.nl
    keys:
      - {selector: r, algorithm: rsa-sha256, key: "pkcs11:token=faulty;object=example.nl/r"}
      - {selector: e, algorithm: ed25519-sha256, key: "pkcs11:token=faulty;object=example.nl/e"}
  - domain: example.org
    keys:
      - {selector: e, algorithm: ed25519-sha256, key: "pkcs11:token=good;object=example.org/e"}
CONFIG
}

make_fault_tokens() {
    write_fault_config
    mkdir -p "$WORK/softhsm/tokens"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$WORK/softhsm/tokens" >"$WORK/softhsm/softhsm2.conf"
    export SOFTHSM2_CONF=$WORK/softhsm/softhsm2.conf P11FAULT_MODULE P11FAULT_CONTROL=$WORK/fault
    P11FAULT_MODULE=$(softhsm_module)
    fault new
    (
        umask 077
        echo 24681357 >"$WORK/pin"
        echo 13572468 >"$WORK/so-pin"
    )
    zegel token init --token faulty --label faulty --so-pin-file "$WORK/so-pin" &&
        zegel token init --token good --label good --so-pin-file "$WORK/so-pin" &&
        zegel key generate --domain example.nl --selector r --algorithm rsa2048 --token faulty &&
        zegel key generate --domain example.nl --selector e --algorithm ed25519 --token faulty &&
        zegel key generate --domain example.org --selector e --algorithm ed25519 --token good &&
        zegel key generate --domain audit.example.org --selector log --algorithm ed25519 --token good &&
        AUDIT_KEY=$(zegel audit key)
}

# SoftHSM writes the file of its token anew with each login, and not in one piece: who is killed in the midst of it, or finds no memory,
# leaves an empty one, and nobody finds that token any more. What zegeld makes of kills is asked here, so such a file is put back, and
# counted in TEARS.
keep_tokens() {
    rm -rf "$WORK/whole"
    cp -a "$WORK/softhsm/tokens" "$WORK/whole"
    TEARS=0
}
torn() { find "$WORK/softhsm/tokens" -name token.object -size 0; }
put_back() { # false: there was nothing torn
    local file torn
    mapfile -t torn < <(torn)
    [ ${#torn[@]} -gt 0 ] || return
    sleep 1 # to tell it from one that is just being written
    for file in "${torn[@]}"; do
        [ ! -s "$file" ] || continue
        cp -a "$WORK/whole/${file#"$WORK/softhsm/tokens/"}" "$file"
        TEARS=$((TEARS + 1))
    done
}

# A daemon of its own for each row, with a log and a state of its own: no row sees what another one left.
fresh_zegeld() { # [DEADLINE [MORE_TOKEN_OPTIONS]]
    stop_zegeld
    rm -rf "$WORK/state"
    : >"$WORK/log/zegeld"
    fault new
    write_fault_config "$@"
    start_zegeld
    wait_for 30 grep -q 'ready: ' "$WORK/log/zegeld" || die "zegeld is not ready: $(tail -n 5 "$WORK/log/zegeld")"
}

# load CONNECTIONS SECONDS [RATE]: sets RATE_GOOD P50 P99 GOOD TEMPFAIL LOST BAD SLOWEST (the latter in us). DOMAIN, MESSAGES.
load() {
    local domain=${DOMAIN:-example.nl} signatures=2
    [ "$domain" = example.nl ] || signatures=1
    LOADED=$(LOAD_DOMAIN=$domain LOAD_MESSAGES=${MESSAGES:-0} "$LOAD" 127.0.0.1 "$MILTER_PORT" "$1" "$2" 1000 "$signatures" "${3:-0}")
    # shellcheck disable=SC2034 # for the callers
    read -r RATE_GOOD P50 P99 P999 GOOD TEMPFAIL LOST BAD SLOWEST _ <<<"$LOADED"
}
one_signed() { MESSAGES=1 load 1 30 && [ "$GOOD" -eq 1 ]; }
one_refused() { MESSAGES=1 load 1 40; [ "$TEMPFAIL" -eq 1 ]; }

audit_holds() { # the first checkpoint comes a second after the first record
    wait_for 30 test -s "$WORK/state/audit/checkpoint"
    zegel audit verify --key "$AUDIT_KEY" >"$WORK/verify" 2>&1
}
