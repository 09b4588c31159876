# shellcheck shell=bash
# shellcheck disable=SC2034 # for dnslib.sh and the tests
# A domain whose keys come and go, in a world whose clock is ours: Knot as primary and secondary, a SoftHSM token, zegeld. All of them have
# clockstep.so preloaded. Sourced after lib.sh and dnslib.sh; own_network first.

export CLOCKSTEP
set_clock() { "$PYTHON" -c 'import struct, sys; open(sys.argv[1], "r+b").write(struct.pack("q", int(sys.argv[2])))' "$CLOCKSTEP" "$1"; }
advance() { # SECONDS
    STEPPED=$((STEPPED + $1))
    set_clock "$STEPPED"
}
now() { echo $(($(date +%s) + STEPPED)); }

# Ours are started with this; a sanitizer's runtime wants to come first, and asks the next one for the time.
OUR_CLOCK=$BUILD/tests/clockstep.so
SANITIZER=$(ldd "$BUILD/zegel" | sed -n 's,.*=> \(/[^ ]*/lib[at]san[^ ]*\).*,\1,p')
OURS=${SANITIZER:+$SANITIZER }$OUR_CLOCK

# $ROTATION: more of rotation:, as in "approval: yes"; $KEYS: a line for the domain
write_rotation_config() {
    MILTER_PORT=${MILTER_PORT:-$(free_port)}
    mkdir -p "$WORK/state"
    chmod 700 "$WORK/state"
    cat >"$WORK/zegel.yaml" <<CONFIG
state: $WORK/state
trusted-networks: [127.0.0.0/8]
tokens:
  - name: softhsm
    module: $(softhsm_module)
    token: pkcs11:token=zegel
    pin: file:$WORK/pin
listen:
  - inet:$MILTER_PORT@127.0.0.1
dns:
    resolver: $WORK/resolver.conf
    update: {server: 127.0.0.2, key: zegel, secret: "file:$WORK/secret"}
rotation: {active: 14d, revoke: 8d${ROTATION:+, $ROTATION}}
domains:
  - domain: example.nl
    rotation: yes
${KEYS:-}
CONFIG
}

# The clock and DNS.
start_rotation_dns() {
    umask 077
    CLOCKSTEP=$WORK/clock STEPPED=0
    head -c 8 /dev/zero >"$CLOCKSTEP"
    KNOT_ENV=(env LD_PRELOAD="$OUR_CLOCK")
    KNOT_POLICY="    rrsig-lifetime: 800d
    rrsig-refresh: 30d"
    allow_updates
    ZONES=${ZONES:-example.nl}
    local zone
    for zone in $ZONES; do plain_zone "$zone"; done
    if declare -F more_dns >/dev/null; then more_dns; fi
    start_internet
    echo "$SECRET" >"$WORK/secret"
}

# ... and a token.
start_rotation_world() {
    start_rotation_dns
    write_rotation_config
    start_softhsm_token >/dev/null || die "no token"
}

# zegel rotate, with our clock; into $WORK/seen, CODE
R() {
    CODE=0
    LD_PRELOAD=$OURS "$BUILD/zegel" rotate "$@" --config "$WORK/zegel.yaml" >"$WORK/seen" 2>&1 || CODE=$?
}
says() { [ "$CODE" -eq "$1" ] && grep -q -- "$2" "$WORK/seen"; } # EXIT_CODE REGEX
refresh() { knotc -s "$WORK/secondary/knot.sock" zone-refresh >/dev/null; }
serials() { local zone; for zone in $ZONES; do kdig +short "@$1" "$zone" SOA | cut -d' ' -f3; done; }
same_serial() { [ "$(serials 127.0.0.2)" = "$(serials 127.0.0.3)" ]; }
# The secondary has what the primary has.
catch_up() {
    same_serial && return
    refresh
    wait_for 30 same_serial || die "the secondary does not follow"
}
start_rotating_zegeld() {
    start zegeld env LD_PRELOAD="$OURS" "$BUILD/zegeld" --config "$WORK/zegel.yaml"
    ZEGELD_PID=$STARTED
    wait_for 30 zegeld_up || die "zegeld does not listen"
}
# The states of all generations, as "1:active 2:standby"
states() {
    R status --domain example.nl --json
    "$PYTHON" -c 'import json, sys; print(" ".join("%d:%s" % (g["number"], g["state"]) for d in json.load(open(sys.argv[1])) for g in d["generations"]))' "$WORK/seen"
}
state_of() { sql "SELECT state FROM generations WHERE number = $1"; } # GENERATION, also of one whose life is over
sql() { "$PYTHON" -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print("|".join(str(c) for c in row))' "$WORK/state/zegel.db" "$1"; }
# Runs, with time going on, until generation N is STATE.
until_state() { # N STATE STEP_S MOST_STEPS
    local i
    for ((i = 0; i < $4; i++)); do
        R run
        catch_up
        [ "$(state_of "$1")" != "$2" ] || return 0
        advance "$3"
    done
    return 1
}
# Where nobody runs zegeld: what is in active.yaml is taken now.
take() {
    "$PYTHON" - "$WORK/state" "$(now)" <<'PY'
import os, re, sys
state, now = sys.argv[1:]
old = dict(line.split(" ", 1) for line in open(state + "/taken")) if os.path.exists(state + "/taken") else {}
new = {}
for part in open(state + "/active.yaml").read().split("- domain: ")[1:]:
    domain, selectors = part.split()[0], ",".join(re.findall(r"selector: (\S+),", part))
    new[domain] = old[domain] if old.get(domain, "").strip().endswith(" " + selectors) else f"{now} {selectors}\n"
open(state + "/taken", "w").writelines(f"{domain} {rest}" for domain, rest in sorted(new.items()))
PY
}
