#!/bin/bash
# `zegel rotate run` killed (SIGKILL) at its system calls that leave something behind - what it writes and makes durable, on the disk, on the token, and to
# the DNS server - through one complete rotation; then run again. No key is lost, none is left behind unknowingly, never do two sign, and the end is the same.
# Short: in each run at a growing number of calls. SOAK=1: from the same beginning at each single call of each run (STRIDE: at each so many; STEPS="3 5": of these runs only).
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"
# shellcheck source-path=SCRIPTDIR source=rotatelib.sh
. "$(dirname "$0")/rotatelib.sh"

need_root "$@"
need_programs
if [ -n "$SANITIZER" ]; then echo "ok   not with a sanitizer: the calls are the same, and take too long" && exit 0; fi
strace -f -qq -o /dev/null true 2>/dev/null || skip "strace may not trace here"
own_network "$@"
make_work_dir
start_rotation_world
PIN=$(cat "$WORK/pin")
CALLS=write,pwrite64,fsync,fdatasync,rename,renameat,unlink,ftruncate,sendto,sendmsg,connect

killed() { # N: a run that is killed at its Nth call; 1 if it came to its end
    LD_PRELOAD='' strace -f -qq -o /dev/null -E LD_PRELOAD="$OUR_CLOCK" -e "trace=$CALLS" -e "inject=$CALLS:signal=SIGKILL:when=$1" \
        "$BUILD/zegel" rotate run --config "$WORK/zegel.yaml" >"$WORK/seen" 2>&1
    CODE=$?
    [ "$CODE" -eq 137 ]
} 2>/dev/null

# What must hold at any moment: at most one generation signs, and active.yaml has no other keys than its; the database is whole.
holds() {
    [ -e "$WORK/state/zegel.db" ] || return 0
    [ "$(sql "PRAGMA integrity_check")" = ok ] || { echo "the database is damaged"; return 1; }
    "$PYTHON" - "$WORK/state" <<'PY'
import os, re, sqlite3, sys
state = sys.argv[1]
db = sqlite3.connect(state + "/zegel.db")
if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'keys'").fetchone():
    sys.exit(0)
ever = {s: n for s, n in db.execute("SELECT selector, number FROM keys")}
active = re.findall(r"selector: (\S+),", open(state + "/active.yaml").read()) if os.path.exists(state + "/active.yaml") else []
numbers = {ever[s] for s in active}
signing = db.execute("SELECT signing FROM domains").fetchone()
if len(numbers) > 1:
    sys.exit(f"active.yaml has keys of several generations: {active}")
for number in numbers:
    private, st = db.execute("SELECT private_key, state FROM generations WHERE number = ?", (number,)).fetchone()
    if private != "live":
        sys.exit(f"generation {number} is in active.yaml, and its keys are {private} ({st})")
PY
}

# The token has exactly the keys that the database knows of, both halves; DNS has exactly the records.
whole() {
    pkcs11-tool --module "$(softhsm_module)" --token-label zegel --login --pin "$PIN" -O 2>/dev/null | sed -n 's/^ *label: *//p' | sort >"$WORK/on-token"
    sql "SELECT k.domain || '/' || selector FROM keys k JOIN generations g ON k.domain = g.domain AND k.number = g.number
        WHERE private_key IN ('live', 'disabled')" | sed p | sort >"$WORK/in-database"
    # SoftHSM, killed in the middle of writing an object, leaves one without any attribute: it has no name yet, and no key.
    torn=$(grep -c '^<empty>$' "$WORK/on-token")
    [ "$torn" -le "$(sql "SELECT count(*) FROM intents WHERE outcome = 'cut off' AND act = 'generate'")" ] || { echo "$torn nameless objects"; return 1; }
    sed -i '/^<empty>$/d' "$WORK/on-token"
    cmp -s "$WORK/on-token" "$WORK/in-database" || { echo "token and database differ:"; diff "$WORK/on-token" "$WORK/in-database"; return 1; }
    [ -z "$(sql "SELECT domain, number, act, count(*) FROM transitions WHERE act IN ('generate', 'activate', 'retire', 'destroy', 'revoke', 'remove')
        GROUP BY 1, 2, 3 HAVING count(*) > 1")" ] || { echo "something was done twice"; return 1; }
    local selector record
    while IFS='|' read -r selector record; do
        [ "$(kdig +short @127.0.0.2 "$selector._domainkey.example.nl" TXT | sed 's/" "//g; s/^"//; s/"$//')" = "$record" ] ||
            { echo "DNS has another record of $selector"; return 1; }
    done < <(sql "SELECT selector, CASE WHEN state IN ('publishing', 'visible', 'standby', 'active', 'retired') THEN record
        WHEN state = 'revoked' THEN substr(record, 1, instr(record, '; p=') + 3) ELSE '' END
        FROM keys k JOIN generations g ON k.domain = g.domain AND k.number = g.number")
}

finish() { # NAME: run to the end, as the timer would
    local i
    for ((i = 0; i < 6; i++)); do
        R run
        [ "$CODE" -ne 0 ] || break
        catch_up
    done
    [ "$CODE" -eq 0 ] || { echo "$1: does not go on: $(cat "$WORK/seen")"; return 1; }
    cut_off=$((cut_off + $(sql "SELECT count(*) FROM intents WHERE outcome = 'cut off'")))
    { holds && whole; } || { echo "$1: see above"; return 1; }
}

# SoftHSM, at each login, empties its token.object and writes it again: killed between the two it has no token any more. That is its own, and
# zegel names it, and waits; here the file is put back.
mend_token() {
    local file
    for file in "$WORK"/softhsm/tokens/*/token.object; do
        if [ -s "$file" ]; then continue; fi
        R run
        says 3 'matches no token' || { echo "a token that is gone is not named: $(cat "$WORK/seen")"; wrong=$((wrong + 1)); }
        cp "$WORK/token.object" "$file"
        mended=$((mended + 1))
    done
}

kills=0 wrong=0 cut_off=0 mended=0
cp "$WORK"/softhsm/tokens/*/token.object "$WORK/token.object"
marching() { # NAME
    local n
    for ((n = 1; ; n += ${GROWTH:-29})); do
        killed "$n" || break
        kills=$((kills + 1))
        mend_token
        holds || { echo "$1: killed at call $n"; wrong=$((wrong + 1)); }
    done
    finish "$1" || wrong=$((wrong + 1))
}

# What the world is, to be put back: the database, the token, the zone.
save() {
    rm -rf "$WORK/saved"
    mkdir "$WORK/saved"
    cp -a "$WORK/state" "$WORK/softhsm/tokens" "$WORK/saved/"
    zone_records >"$WORK/saved/records"
}
zone_records() { knotc -s "$WORK/primary/knot.sock" zone-read example.nl | sed -n 's/^\[example.nl.\] \(z[^ ]*_domainkey.example.nl.\) \([0-9]*\) TXT /\1 \2 TXT /p' | sort; }
put_back() {
    rm -rf "$WORK/state" "$WORK/softhsm/tokens"
    cp -a "$WORK/saved/state" "$WORK/state"
    cp -a "$WORK/saved/tokens" "$WORK/softhsm/tokens"
    zone_records >"$WORK/records"
    cmp -s "$WORK/records" "$WORK/saved/records" || {
        {
            echo "server 127.0.0.2"
            echo "zone example.nl"
            echo "key hmac-sha256:zegel $SECRET"
            cut -d' ' -f1 "$WORK/records" | sort -u | sed 's/^\(.*\)$/del \1 TXT/'
            sed 's/^/add /' "$WORK/saved/records"
            echo send
        } >"$WORK/update"
        LD_PRELOAD=$OUR_CLOCK knsupdate "$WORK/update" >/dev/null
    }
    catch_up
}
exhaustive() { # NAME
    local n
    save
    for ((n = 1; ; n += ${STRIDE:-1})); do
        put_back
        killed "$n" || break
        kills=$((kills + 1))
        mend_token
        holds || { echo "$1: killed at call $n"; wrong=$((wrong + 1)); }
        catch_up
        finish "$1: killed at call $n" || wrong=$((wrong + 1))
    done
    echo "     $1: up to call $n, killed $kills times so far"
}

steps=0
step() { # NAME SECONDS
    steps=$((steps + 1))
    if [ -n "${SOAK:-}" ] && [[ " ${STEPS:-$steps} " = *" $steps "* ]]; then exhaustive "$1"; fi
    marching "$1"
    catch_up
    take
    advance "$2"
}
step "the first keys made, and published" 900
step "seen" 900
step "visible" 86400
step "the first one signs" 1209600
take
step "its successor signs, a third one is made" 3700
step "the old one retires" 900
step "the third one is visible" 259200
step "the old keys are destroyed" 432000
step "p= is empty" 518400
step "the third one signs" 3700
step "the tombstone" 3600
echo "killed $kills times; $mended times in the middle of SoftHSM's token.object"
check "killed at each kind of call, and gone on: $(states)" test "$wrong" -eq 0
check "... and it was a whole rotation" test "$(sql "SELECT state FROM generations WHERE number = 1")" = tombstone
check "what was cut off is in the journal" test "$cut_off" -gt 0
check "no intent without an outcome" test "$(sql "SELECT count(*) FROM intents WHERE outcome IS NULL")" -eq 0
conclude
