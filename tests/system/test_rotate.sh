#!/bin/bash
# The life of a domain's keys on real servers, with a clock that is ours: Knot (signed, with a secondary), SoftHSM, zegeld and its milter, `zegel rotate run`
# as a timer would start it. Every message signed at any moment verifies, at once and five days later, for a receiver whose resolver keeps what it heard for
# as long as it may. Then what stands in the way, each by its name. SOAK=1: three rotations, an hour at a time.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"
# shellcheck source-path=SCRIPTDIR source=rotatelib.sh
. "$(dirname "$0")/rotatelib.sh"

own_network "$@"
begin "$@"
KEYS='    on-failure: pass-unsigned'
start_rotation_world
start_rotating_zegeld
mkdir "$WORK/messages"

P() { LD_PRELOAD=$OUR_CLOCK "$PYTHON" "$@"; }
sign() { "$PYTHON" "$SYSTEM/milter_sign.py" "$MILTER_PORT" example.nl "${1:-text}" >"$WORK/message"; }
tempfails() { sign; [ $? -eq 75 ]; }

tempfails
check "no key signs yet: 451, whatever on-failure says" tempfails
R status
check "status: not run yet, and 1" says 1 'has not been run yet'

# The key from before rotation signs until the first generation does.
"$BUILD/zegel" key generate --config "$WORK/zegel.yaml" --domain example.nl --selector before --algorithm ed25519 >/dev/null || die "no key from before"
KEYS='    keys: [{selector: before, algorithm: ed25519-sha256}]' write_rotation_config
LD_PRELOAD=$OURS "$BUILD/zegel" dns publish --config "$WORK/zegel.yaml" --domain example.nl >/dev/null || die "not published"
kill -HUP "$ZEGELD_PID"
check "a key from before rotation signs meanwhile" wait_for 30 sign

# One tick of the world: the timer, the secondary, a message, a receiver; and what was signed five days ago, once more.
messages=0 bad=0
declare -a late=()
tick() { # STEP_S
    R run
    [ "$CODE" -eq 0 ] || { echo "run: $(cat "$WORK/seen")"; bad=$((bad + 1)); }
    catch_up
    sql "SELECT selector || '._domainkey.example.nl' FROM keys UNION SELECT 'before._domainkey.example.nl'" >"$WORK/names"
    local files=() file
    while [ ${#late[@]} -gt 0 ] && [ $(($(now) - ${late[0]%% *})) -ge 432000 ]; do
        files+=("${late[0]##* }")
        late=("${late[@]:1}")
    done
    # zegeld looks for active.yaml ten times a second, and takes it in a moment
    if grep -q ' activate,' "$WORK/seen"; then wait_for 30 taken_is_active || { echo "zegeld does not take it up"; bad=$((bad + 1)); }; fi
    messages=$((messages + 1))
    file=$WORK/messages/$messages
    if sign "message $messages"; then mv "$WORK/message" "$file"; files+=("$file"); late+=("$(now) $file"); else bad=$((bad + 1)); fi
    P "$SYSTEM/rotate_verify.py" "$WORK/cache" "$WORK/names" "${files[@]}" || bad=$((bad + 1))
    advance "$1"
}
taken_is_active() {
    local wanted
    wanted=$(sql "SELECT selector FROM keys JOIN domains ON keys.domain = domains.domain AND number = signing ORDER BY algorithm DESC" | paste -sd,)
    grep -q " $wanted\$" "$WORK/state/taken" 2>/dev/null
}
ticks() { # UNTIL_GENERATION STATE STEP_S MOST
    local i
    for ((i = 0; i < $4; i++)); do
        tick "$3"
        [ "$(state_of "$1")" != "$2" ] || return 0
    done
    return 1
}
live() { # GENERATION STATE STEP_S MOST: until then, and all verified
    local before=$messages
    bad=0
    ticks "$@" || bad=$((bad + 1))
    cp "$WORK/seen" "$WORK/status"
    check "generation $1 is $2: $((messages - before)) messages on the way, at day $((STEPPED / 86400)); each verifies" test "$bad" -eq 0
}
STEP=${SOAK:+3600}
live 1 active "${STEP:-10800}" 60
live 2 active "${STEP:-86400}" 400
live 1 retired 1800 10
objects() { pkcs11-tool --module "$(softhsm_module)" --token-label zegel --login --pin "$(cat "$WORK/pin")" -O 2>/dev/null | grep -c "label: *example.nl/z[0-9]*n$1[re]\$"; }
check "the retired key is still on the token" test "$(objects 1)" -eq 4
live 1 revoked "${STEP:-86400}" 400
check "... and destroyed before p= became empty" test "$(objects 1)" -eq 0
name=$(sql "SELECT selector FROM keys WHERE number = 1 AND algorithm = 'ed25519'")._domainkey.example.nl
check "the revoked record has an empty p=" test "$(kdig +short @127.0.0.3 "$name" TXT)" = '"v=DKIM1; k=ed25519; p="'
live 3 active "${STEP:-86400}" 400
live 1 tombstone 3600 10
check "the tombstone's record is gone" test -z "$(kdig +short @127.0.0.2 "$name" TXT)"
if [ -n "${SOAK:-}" ]; then live 5 active 3600 1500; fi
check "no act was left without an outcome" test -z "$(sql "SELECT * FROM intents WHERE outcome IS NULL OR outcome <> 'done'")"

conclude
