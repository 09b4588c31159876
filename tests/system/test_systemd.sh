#!/bin/bash
# The unit: what systemd says of its exposure, that its filter has every system call that signing needs; and zegeld as a service:
# READY=1, WATCHDOG=1, and a process that hangs is ended and started again.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_programs
make_work_dir
UNIT=hostd/systemd/zegeld.service

# ---- the unit
mkdir -p "$WORK/units/zegeld.service.d"
sed 's,/usr/sbin/zegeld,/bin/true,' "$UNIT" >"$WORK/units/zegeld.service" # verify wants to see the program
exposure() { systemd-analyze security --offline=true "$WORK/units/${1:-zegeld}.service" 2>/dev/null | sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p'; }
at_most() { echo "     exposure $1"; awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a <= b) }'; }
check "systemd-analyze verify" test -z "$(systemd-analyze verify --man=no "$WORK/units/zegeld.service" 2>&1 | grep zegeld)"
check "exposure with a local token <= 1.0" at_most "$(exposure)" 1.0
cp hostd/systemd/network.conf "$WORK/units/zegeld.service.d/"
check "exposure with an HSM on the network <= 1.5" at_most "$(exposure)" 1.5

sed 's,/usr/bin/zegel ,/bin/true ,' hostd/systemd/zegel-rotate.service >"$WORK/units/zegel-rotate.service"
cp hostd/systemd/zegel-rotate.timer "$WORK/units/"
check "systemd-analyze verify, rotation and its timer" test -z "$(systemd-analyze verify --man=no "$WORK"/units/zegel-rotate.{service,timer} 2>&1 | grep zegel-rotate)"
check "exposure of rotation <= 1.5" at_most "$(exposure zegel-rotate)" 1.5

sed 's,/usr/bin/zegel ,/bin/true ,' hostd/systemd/zegel-reconcile.service >"$WORK/units/zegel-reconcile.service"
cp hostd/systemd/zegel-reconcile.timer "$WORK/units/"
check "systemd-analyze verify, reconciliation and its timer" test -z "$(systemd-analyze verify --man=no "$WORK"/units/zegel-reconcile.{service,timer} 2>&1 | grep zegel-reconcile)"
check "exposure of reconciliation <= 0.5" at_most "$(exposure zegel-reconcile)" 0.5

# ---- every system call of a signing daemon is in the filter
write_zegel_config --trusted 127.0.0.0/8
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
expand() { # GROUP...: names, groups within groups too
    local line
    systemd-analyze syscall-filter "$@" 2>/dev/null | sed -n 's/^ *\(@*[a-z0-9_-]*\)$/\1/p' | while read -r line; do
        case $line in
        @*) [ "$line" = "$1" ] || expand "$line" ;;
        ?*) echo "$line" ;;
        esac
    done
}
{
    expand @system-service
    expand @default
    sed -n 's/^SystemCallFilter=\([a-z].*\)/\1/p' "$UNIT" | tr ' ' '\n'
} | sort -u >"$WORK/allowed"
{ expand @resources; expand @privileged; } | sort -u >"$WORK/denied"
start zegeld strace -f -qq -o "$WORK/trace" "$BUILD/zegeld" --config "$WORK/zegel.yaml"
ZEGELD_PID=$STARTED
wait_for 30 port_open "$MILTER_PORT" || die "zegeld does not listen under strace"
LOAD_MESSAGES=20 "$BUILD/bench/load" 127.0.0.1 "$MILTER_PORT" 2 20 2048 2 >/dev/null || die "not signed under strace"
kill -TERM "$(pgrep -P "$ZEGELD_PID" zegeld)"
gone() { ! kill -0 "$ZEGELD_PID" 2>/dev/null; }
wait_for 30 gone || die "does not stop"
ZEGELD_PID=
sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' "$WORK/trace" | sort -u >"$WORK/used"
comm -23 "$WORK/allowed" "$WORK/denied" | comm -13 - "$WORK/used" >"$WORK/missing"
check "$(wc -l <"$WORK/used") system calls, all in SystemCallFilter" test ! -s "$WORK/missing"
cat "$WORK/missing"

# ---- a service
start notify "$PYTHON" -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode(), flush=True)' "$WORK/notify"
wait_for 30 test -S "$WORK/notify"
export NOTIFY_SOCKET=$WORK/notify WATCHDOG_USEC=30000000
start_zegeld
unset NOTIFY_SOCKET WATCHDOG_USEC
said() { [ "$(grep -c "$1" "$WORK/log/notify")" -ge "$2" ]; }
signers() { for pid in $(descendants "$ZEGELD_PID"); do [ "$(cat "/proc/$pid/comm")" = zegel-signer ] && echo "$pid"; done; }
check "READY=1" wait_for 30 said READY=1 1
old=$(signers)
kill -STOP "$old"
check "WATCHDOG=1, again and again" wait_for 30 said WATCHDOG=1 3
ended() { grep -q 'zegel-signer has not answered' "$WORK/log/zegeld" && [ -n "$(signers)" ] && [ "$(signers)" != "$old" ]; }
check "a signer that hangs is another one soon" wait_for 40 ended
check "which signs" env LOAD_MESSAGES=4 "$BUILD/bench/load" 127.0.0.1 "$MILTER_PORT" 1 20 2048 2
kill -HUP "$ZEGELD_PID"
check "RELOADING=1, and READY=1 again" wait_for 30 said READY=1 2
stop_zegeld
check "STOPPING=1" said STOPPING=1 1

# ---- sockets that systemd listens on: zegeld is there with the first connection, and leaves them to the next one
sed -i "s|^  - inet:$MILTER_PORT@127.0.0.1|&\n  - unix:$WORK/milter.sock|" "$WORK/zegel.yaml"
: >"$WORK/log/zegeld"
start zegeld systemd-socket-activate -l "127.0.0.1:$MILTER_PORT" -l "$WORK/milter.sock" -E SOFTHSM2_CONF="$SOFTHSM2_CONF" \
    -E ASAN_OPTIONS="${ASAN_OPTIONS:-}" -E TSAN_OPTIONS="${TSAN_OPTIONS:-}" -E LSAN_OPTIONS="${LSAN_OPTIONS:-}" "$BUILD/zegeld" --config "$WORK/zegel.yaml"
ZEGELD_PID=$STARTED
check "systemd-socket-activate listens, and nobody else" wait_for 30 port_open "$MILTER_PORT"
check "... nothing was started for it" test -z "$(descendants "$ZEGELD_PID")"
check "the first message is signed" env LOAD_MESSAGES=4 "$BUILD/bench/load" 127.0.0.1 "$MILTER_PORT" 1 30 2048 2
check "the process is zegeld now" test "$(cat "/proc/$ZEGELD_PID/comm")" = zegeld
check "the Unix socket serves as well" env LOAD_MESSAGES=4 "$BUILD/bench/load" unix "$WORK/milter.sock" 1 30 2048 2
kill -USR2 "$ZEGELD_PID"
check "an upgrade" wait_for 40 grep -q 'all processes replaced' "$WORK/log/zegeld"
check "... keeps them" env LOAD_MESSAGES=4 "$BUILD/bench/load" unix "$WORK/milter.sock" 1 30 2048 2
stop_zegeld
check "a socket that is systemd's stays" test -S "$WORK/milter.sock"

# ---- zegeld.service has no network (PrivateNetwork=yes): the port of status.listen is the socket unit's, and is asked from outside
STATUS_PORT=$(free_port)
sed -i "/^listen:/i status: {listen: [\"inet:$STATUS_PORT@127.0.0.1\"]}" "$WORK/zegel.yaml"
: >"$WORK/log/zegeld"
start zegeld systemd-socket-activate -l "$WORK/milter.sock" -l "127.0.0.1:$MILTER_PORT" -l "127.0.0.1:$STATUS_PORT" -E SOFTHSM2_CONF="$SOFTHSM2_CONF" \
    -E ASAN_OPTIONS="${ASAN_OPTIONS:-}" -E TSAN_OPTIONS="${TSAN_OPTIONS:-}" -E LSAN_OPTIONS="${LSAN_OPTIONS:-}" \
    unshare --user --map-root-user --net "$BUILD/zegeld" --config "$WORK/zegel.yaml"
ZEGELD_PID=$STARTED
check "all three sockets are there" wait_for 30 port_open "$STATUS_PORT"
check "in a network of its own it signs" env LOAD_MESSAGES=4 "$BUILD/bench/load" unix "$WORK/milter.sock" 1 30 2048 2
other_network() { [ "$(readlink "/proc/$ZEGELD_PID/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
check "... it is another network" other_network
metrics() { "$PYTHON" "$SYSTEM/status_ask.py" "$STATUS_PORT" /metrics | grep -q '^zegel_messages_total{.*result="signed"} 4$'; }
check "... and Prometheus on the host reads its figures over TCP" wait_for 30 metrics
stop_zegeld
conclude
