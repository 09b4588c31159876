#!/bin/bash
# The daemon under fire, from the system's side: reloads and kills at load, an audit log that cannot be written, a clock that
# steps, clients that do nothing. Nothing unsigned passes, nothing is signed without a record, and it comes back by itself.
# SOAK=1: the long forms.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=faultlib.sh
. "$(dirname "$0")/faultlib.sh"

need_root "$@"
# A file system of our own that can be full, in a mount namespace of our own.
if [ "${1:-}" != inside ]; then
    unshare -m true 2>/dev/null || skip "mount namespaces are not permitted here"
    exec unshare -m "$0" inside
fi
need_programs
make_work_dir
make_fault_tokens >/dev/null || die "no tokens"

sysfault() { "$BUILD/tests/sysfault" "$WORK/sysfault" "$@"; }
load_behind() { start load "$LOAD" 127.0.0.1 "$MILTER_PORT" "$1" "$2" 1000 2 && LOAD_PID=$STARTED && : >"$WORK/log/load"; } # CONNECTIONS SECONDS
load_ends() {
    wait "$LOAD_PID"
    # shellcheck disable=SC2034
    read -r RATE_GOOD P50 P99 P999 GOOD TEMPFAIL LOST BAD SLOWEST _ <"$WORK/log/load"
}

# ---- SIGHUP at load, each time with another configuration
fresh_zegeld 5s
hups=$(short_or 50 1000)
load_behind 4 "$(short_or 5 120)"
for ((i = 1; i <= hups; i++)); do
    if [ $((i % 2)) -eq 1 ]; then sed -i 's/^  - domain: example.nl/&\n    canonicalization: simple\/simple/' "$WORK/zegel.yaml"; else sed -i '/canonicalization: simple/d' "$WORK/zegel.yaml"; fi
    kill -HUP "$ZEGELD_PID"
    sleep "$(short_or 0.05 0.08)"
done
load_ends
verdict "SIGHUP x $hups at load, with another canonicalization each time" \
    "$(said 'configuration reloaded') reloads; signed $GOOD, tempfail $TEMPFAIL, lost $LOST, bad $BAD" \
    test "$GOOD" -gt 0 -a "$((TEMPFAIL + LOST + BAD))" -eq 0 -a "$(said 'configuration reloaded')" -ge 2

# A process that dies before it has taken the configuration: nobody waits for it.
for program in zegel-token zegel-signer zegel-milter; do
    pid=$(pgrep -P "$ZEGELD_PID" "$program" | head -n 1)
    count=$(said 'configuration reloaded')
    kill -STOP "$pid"
    kill -HUP "$ZEGELD_PID"
    sleep 0.3
    kill -KILL "$pid"
    reloaded() { [ "$(said 'configuration reloaded')" -gt "$count" ]; }
    verdict "SIGHUP, and $program dies of it" "" wait_for 30 reloaded
    wait_for 30 one_signed || not_ok "SIGHUP, and $program dies of it" "not signed again: $LOADED"
done

# ---- restart at load: a connection is lost (the MTA says 4xx), a message is not
restarts=$(short_or 3 100)
load_behind 4 "$(short_or 5 150)"
for ((i = 0; i < restarts; i++)); do
    sleep 0.7
    stop_zegeld
    start_zegeld
done
load_ends
verdict "restart x $restarts at load" "signed $GOOD, tempfail $TEMPFAIL, connections lost or refused $LOST, bad $BAD" test "$GOOD" -gt 0 -a "$BAD" -eq 0

# ---- SIGKILL to any process
keep_tokens
fresh_zegeld 5s
seconds=$(short_or 5 600)
load_behind 8 "$seconds"
end=$((SECONDS + seconds - 1)) kills=0 slowest=0
while [ "$SECONDS" -lt "$end" ]; do
    mapfile -t pids < <(pgrep -P "$ZEGELD_PID")
    kill -9 "${pids[RANDOM % ${#pids[@]}]}" 2>/dev/null && kills=$((kills + 1))
    begin=$(now_ms)
    wait_for 30 one_signed || put_back || not_ok "SIGKILL" "not signed again: $(tail -n 2 "$WORK/log/zegeld")"
    took=$(($(now_ms) - begin))
    put_back && wait_for 30 one_signed && continue # not even a fresh process signs without its token
    [ "$took" -le "$slowest" ] || slowest=$took
    sleep "0.$((RANDOM % 5))"
done
load_ends
verdict "SIGKILL to any process for $seconds s" "$kills kills; signed $GOOD, tempfail $TEMPFAIL, lost $LOST, bad $BAD; back after $slowest ms at most; SoftHSM tore $TEARS tokens" \
    test "$kills" -gt 2 -a "$GOOD" -gt 0 -a "$BAD" -eq 0 -a "$slowest" -le "$(short_or 15000 2000)"
stop_zegeld
audit_holds
verdict "... and the audit log" "$(tail -n 1 "$WORK/verify")" audit_holds

# ---- the audit log cannot be written
mkdir -p "$WORK/disk"
mount -t tmpfs -o size=1m,mode=755 zegel-test "$WORK/disk" || die "tmpfs"
rm -rf "$WORK/state"
mkdir "$WORK/disk/state"
ln -s disk/state "$WORK/state"
: >"$WORK/log/zegeld"
sysfault new
export SYSFAULT=$WORK/sysfault LD_PRELOAD=
sanitized || LD_PRELOAD=$BUILD/tests/sysfault.so
start_zegeld
unset LD_PRELOAD
one_signed || not_ok "audit disk" "not signed before: $LOADED"
head -c 2m /dev/zero >"$WORK/disk/filler" 2>/dev/null
# What is left of the last page is used up, and then nothing is signed.
MESSAGES=$(short_or 60 1000) load 2 60
records() { cat "$WORK"/state/audit/records-* | grep -c '"verdict":"signed"'; }
MESSAGES=10 load 2 60
verdict "audit disk full" "signed $GOOD, tempfail $TEMPFAIL, lost $LOST, bad $BAD" test "$GOOD" -eq 0 -a "$TEMPFAIL" -eq 10
before=$(records)
rm "$WORK/disk/filler"
verdict "... and room again" "signed by itself" wait_for 30 one_signed
verdict "... each of its signatures with a record" "$before, then $(records)" test "$(records)" -eq $((before + 2))
for call in "EIO pwrite" "EROFS pwrite" "ENOSPC fdatasync" "EIO fdatasync"; do
    ! sanitized || break
    before=$(records)
    # shellcheck disable=SC2086 # two words
    sysfault call zegel-signer 1+ $call
    MESSAGES=5 load 1 60
    after=$(records)
    sysfault off
    verdict "audit log: $call" "signed $GOOD, tempfail $TEMPFAIL; records $before, then $after" test "$GOOD" -eq 0 -a "$TEMPFAIL" -eq 5
    wait_for 30 one_signed || not_ok "audit log: $call" "does not resume"
done
sysfault call zegel-signer 1+ short pwrite
MESSAGES=5 load 1 60
verdict "audit log: one octet a write" "signed $GOOD" test "$GOOD" -eq 5
sysfault off
wait_for 30 test -s "$WORK/state/audit/checkpoint" || not_ok "audit disk" "no checkpoint once it can be written" # a second after a record
stop_zegeld
audit_holds
verdict "... and the audit log" "$(tail -n 1 "$WORK/verify")" audit_holds
umount "$WORK/disk"
rm -rf "$WORK/state" "$WORK/disk"

# ---- the clock steps
clock_steps() {
    export CLOCKSTEP=$WORK/clock
    set_clock() { "$PYTHON" -c 'import struct, sys; open(sys.argv[1], "r+b").write(struct.pack("q", int(sys.argv[2])))' "$CLOCKSTEP" "$1"; }
    head -c 8 /dev/zero >"$CLOCKSTEP"
    export LD_PRELOAD=$BUILD/tests/clockstep.so
    stop_zegeld
    rm -rf "$WORK/state"
    : >"$WORK/log/zegeld"
    write_fault_config 5s
    start_zegeld
    unset LD_PRELOAD
    one_signed || not_ok "clock" "not signed before: $LOADED"
    load_behind 4 "$(short_or 4 60)"
    for ((i = 0; i < $(short_or 6 200); i++)); do
        set_clock $(((i % 3 - 1) * 86400))
        sleep 0.25
    done
    load_ends
    verdict "clock steps of a day, $i of them" "signed $GOOD, tempfail $TEMPFAIL, lost $LOST, bad $BAD; slowest $((SLOWEST / 1000)) ms" \
        test "$GOOD" -gt 0 -a "$LOST" -eq 0 -a "$BAD" -eq 0 -a "$SLOWEST" -lt 5000000 -a "$TEMPFAIL" -le $((i * 8))
    set_clock 86400
    one_signed
    day=$(grep -o '"time":[0-9]*' "$WORK"/state/audit/records-* | tail -n 1 | grep -o '[0-9]*$')
    verdict "the clock that was stepped is the one zegeld saw" "$((day - $(date +%s))) s ahead" test $((day - $(date +%s))) -gt 80000
    set_clock 0
    verdict "the clock is right again" "signed by itself" wait_for 30 one_signed
}
sanitized || clock_steps

# ---- clients that do nothing
fresh_zegeld 5s
# By number and not by time: of 2,000 SYNs at once some are sent again after seconds.
MESSAGES=$(short_or 1000 0) load 4 "$(short_or 60 20)"
alone=$P99
start crowd "$PYTHON" "$SYSTEM/crowd.py" "$MILTER_PORT" 1000 1000 "$(short_or 10 60)"
crowd=$STARTED
wait_for 60 grep -q up "$WORK/log/crowd" || not_ok "2,000 clients" "$(cat "$WORK/log/crowd")"
MESSAGES=$(short_or 1000 0) load 4 "$(short_or 60 20)"
total=0
for pid in "$ZEGELD_PID" $(descendants "$ZEGELD_PID"); do total=$((total + $(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status"))); done
wait "$crowd"
verdict "2,000 idle or slow clients: the good ones" "signed $GOOD, tempfail $TEMPFAIL, lost $LOST, bad $BAD; p99 $alone us alone, $P99 us with them" \
    test "$GOOD" -gt 0 -a "$((TEMPFAIL + LOST + BAD))" -eq 0 -a \( -z "$SOAK" -o "$P99" -le $((2 * alone)) \)
verdict "2,000 idle or slow clients: memory" "$((total / 1024)) MiB in all; $(tail -n 1 "$WORK/log/crowd") still connected" test "$total" -le "$(sanitized && echo 1048576 || echo 262144)"

stop_zegeld
conclude
