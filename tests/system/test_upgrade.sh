#!/bin/bash
# zegeld is replaced at load, by a new program and another configuration each time: no transaction fails, and each message sees one
# configuration; inbound mail is verified all the while. Sockets outlive whoever serves them. SOAK=1: 100 times.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=faultlib.sh
. "$(dirname "$0")/faultlib.sh"

need_programs
make_work_dir
make_fault_tokens >/dev/null || die "no tokens"
for n in r2:rsa2048 e2:ed25519; do
    zegel key generate --domain example.nl --selector "${n%:*}" --algorithm "${n#*:}" --token faulty >/dev/null || die "no key ${n%:*}"
done
keep_tokens
install_programs() { # what a package does: new files in the place of the old ones
    local program
    mkdir -p "$WORK/bin"
    for program in zegeld zegel-milter zegel-resolver zegel-signer zegel-status zegel-token; do
        cp "$BUILD/$program" "$WORK/bin/.new" && echo "upgrade $RANDOM" >>"$WORK/bin/.new" && mv "$WORK/bin/.new" "$WORK/bin/$program"
    done
}
use_keys() { # SUFFIX CANONICALIZATION: the configuration with these selectors
    write_fault_config 5s
    sed -i "s|{selector: r,\(.*\)/r\"}|{selector: r$1,\1/r$1\"}|; s|{selector: e,\(.*example.nl\)/e\"}|{selector: e$1,\1/e$1\"}|
        s|^  - domain: example.nl|&\n    canonicalization: $2|" "$WORK/zegel.yaml"
    [ -n "${INBOUND_PORT:-}" ] || return 0
    sed -i "s|^listen:|&\n  - inet:$INBOUND_PORT@127.0.0.1|" "$WORK/zegel.yaml"
    echo "front-ends: [{listen: \"inet:$INBOUND_PORT@127.0.0.1\", verify: yes, authserv-id: mx.example.nl}]" >>"$WORK/zegel.yaml"
    echo "dns: {resolver: $WORK/resolver.conf}" >>"$WORK/zegel.yaml"
}
replaced() { [ "$(said 'all processes replaced')" -ge "$1" ]; }
is_installed() { [ "$(stat -Lc %i "/proc/$1/exe")" = "$(stat -c %i "$WORK/bin/$2")" ]; }
all_installed() { # zegeld and its children run the files that are there now
    local pid
    is_installed "$ZEGELD_PID" zegeld || return 1
    for pid in $(pgrep -P "$ZEGELD_PID"); do is_installed "$pid" "$(cat "/proc/$pid/comm")" || return 1; done
}
launch() { # as start_zegeld, from where we install
    : >"$WORK/log/zegeld"
    start zegeld "$WORK/bin/zegeld" --config "$WORK/zegel.yaml"
    ZEGELD_PID=$STARTED
    wait_for 30 grep -q 'ready: ' "$WORK/log/zegeld" || die "zegeld is not ready: $(tail -n 5 "$WORK/log/zegeld")"
}
install_programs
use_keys "" relaxed/relaxed
RSA_SELECTOR=r start_knot
write_resolver example.nl "127.0.0.1@$DNS_PORT"
echo 'senders: [{network: local, domains: [example.nl]}]' >>"$WORK/zegel.yaml" # until use_keys writes it anew
printf 'From: a@example.nl\nTo: b@example.org\nSubject: inbound\n\nOne line.\n' | zegel sign >"$WORK/signed" || die "zegel sign"
INBOUND_PORT=$(free_port)
use_keys "" relaxed/relaxed
launch

# ---- upgrades at load
rounds=$(short_or 10 100)
start load "$LOAD" 127.0.0.1 "$MILTER_PORT" 4 "$((rounds * 40))" 1000 2
load_pid=$STARTED
: >"$WORK/log/load"
start inbound "$PYTHON" "$SYSTEM/milter_verify.py" "$INBOUND_PORT" "$WORK/signed" 2
inbound_pid=$STARTED
for ((i = 1; i <= rounds; i++)); do
    install_programs
    if [ $((i % 2)) -eq 1 ]; then use_keys 2 simple/simple; else use_keys "" relaxed/relaxed; fi
    kill -USR2 "$ZEGELD_PID"
    wait_for 40 replaced "$i" || { not_ok "upgrade $i" "$(tail -n 3 "$WORK/log/zegeld")"; break; }
done
fresh() { wait_for 30 all_installed; } # the last old milter goes with its last connection
verdict "upgrade x $rounds: zegeld is the same process, and all run the new files" "pid $ZEGELD_PID" fresh
kill -HUP "$ZEGELD_PID" # while at it: a reload that takes the keys away again
wait_for 30 grep -q 'configuration reloaded' "$WORK/log/zegeld" || not_ok "reload" "not said"
kill "$load_pid" "$inbound_pid"

wait "$inbound_pid"
verified() { grep -qE '^[1-9][0-9]+ passed, 0 otherwise' "$WORK/log/inbound"; }
verdict "upgrade x $rounds: inbound mail is verified meanwhile, with every signature" "$(tail -n 1 "$WORK/log/inbound")" verified
wait "$load_pid"
read -r rate _ p99 _ good tempfail lost bad slowest _ <"$WORK/log/load"
verdict "upgrade x $rounds at load, other keys and canonicalization each time" \
    "signed $good ($rate/s), tempfail $tempfail, lost $lost, bad $bad; p99 $p99 us, slowest $((slowest / 1000)) ms" \
    test "$good" -gt 100 -a "$((tempfail + lost + bad))" -eq 0
verdict "... nothing was refused, no process died" "$(said 'refused to sign') refusals, $(said ' ended ') ends" \
    test "$(said 'refused to sign')" -eq 0 -a "$(said ' ended ')" -eq 0

# ---- an upgrade that would not work does not happen
cp "$WORK/zegel.yaml" "$WORK/good.yaml"
echo 'nonsense: true' >>"$WORK/zegel.yaml"
kill -USR2 "$ZEGELD_PID"
verdict "a configuration that the new program does not take: all stays" "$(tail -n 1 "$WORK/log/zegeld")" wait_for 30 grep -q 'upgrade: .* finds fault' "$WORK/log/zegeld"
cp "$WORK/good.yaml" "$WORK/zegel.yaml"
verdict "... and signs" "" one_signed
printf '#!/bin/sh\nexit 3\n' >"$WORK/bin/.new" && chmod 755 "$WORK/bin/.new" && mv "$WORK/bin/.new" "$WORK/bin/zegeld"
kill -USR2 "$ZEGELD_PID"
again() { [ "$(said 'upgrade: .* finds fault')" -eq 2 ]; }
verdict "a program that does not run: all stays" "" wait_for 30 again
verdict "... and signs" "" one_signed
install_programs

# ---- a reload that changes the processes: one more socket, one token fewer
second=$(free_port)
sed -i "s|^  - inet:$MILTER_PORT@127.0.0.1|&\n  - inet:$second@127.0.0.1|" "$WORK/zegel.yaml"
count=$(said 'all processes replaced')
kill -HUP "$ZEGELD_PID"
verdict "reload with one more socket" "" wait_for 30 replaced $((count + 1))
first=$MILTER_PORT MILTER_PORT=$second
verdict "... which serves" "" one_signed
MILTER_PORT=$first
verdict "... as does the first" "" one_signed

# ---- a socket outlives its milter: who connects meanwhile waits
milter=$(pgrep -P "$ZEGELD_PID" zegel-milter | head -n 1)
start load "$LOAD" 127.0.0.1 "$MILTER_PORT" 4 3 1000 2
load_pid=$STARTED
: >"$WORK/log/load"
for _ in 1 2 3 4 5; do
    sleep 0.4
    for milter in $(pgrep -P "$ZEGELD_PID" zegel-milter); do kill -9 "$milter"; done
done
wait "$load_pid"
read -r _ _ _ _ good tempfail lost bad slowest _ <"$WORK/log/load"
verdict "milters killed 5 times: only what they had is lost, no connection is refused" "signed $good, tempfail $tempfail, lost $lost, bad $bad" \
    test "$good" -gt 10 -a "$tempfail" -eq 0 -a "$bad" -eq 0 -a "$lost" -le 20

# ---- sockets from systemd, or who does as it does: they are there before zegeld, and stay when it goes
stop_zegeld
INBOUND_PORT=
use_keys "" relaxed/relaxed
cat >"$WORK/activate.py" <<'PY'
"""activate.py SOCKET... -- COMMAND...: holds the sockets, and starts the command with them as systemd does, again and again."""
import os, signal, socket, subprocess, sys
at = sys.argv.index("--")
sockets = []
for name in sys.argv[1:at]:
    if name.startswith("/"):
        s = socket.socket(socket.AF_UNIX)
        s.bind(name)
    else:
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", int(name)))
    s.listen(100)
    sockets.append(s)
child = None
def stop(*_):
    global done
    done = True
    child.send_signal(signal.SIGTERM)
done = False
signal.signal(signal.SIGTERM, stop)
def pass_on():
    for i, s in enumerate(sockets):
        os.dup2(s.fileno(), 100 + i)
    for i in range(len(sockets)):
        os.dup2(100 + i, 3 + i)
        os.close(100 + i)
    os.environ["LISTEN_PID"] = str(os.getpid())
while not done:
    os.environ["LISTEN_FDS"] = str(len(sockets))
    child = subprocess.Popen(["/bin/sh", "-c", 'export LISTEN_PID=$$; exec "$@"', "sh"] + sys.argv[at + 1:], preexec_fn=pass_on, close_fds=False)
    print("started", child.pid, flush=True)
    child.wait()
PY
sed -i "s|^  - inet:$MILTER_PORT@127.0.0.1|&\n  - unix:$WORK/milter.sock|" "$WORK/zegel.yaml"
: >"$WORK/log/zegeld"
start zegeld "$PYTHON" "$WORK/activate.py" "$MILTER_PORT" "$WORK/milter.sock" -- "$WORK/bin/zegeld" --config "$WORK/zegel.yaml"
manager=$STARTED
verdict "sockets from systemd: signs without having opened one" "$(grep -c started "$WORK/log/zegeld") start" one_signed
pid() { sed -n 's/^started //p' "$WORK/log/zegeld" | tail -n 1; }
start load "$LOAD" 127.0.0.1 "$MILTER_PORT" 4 "$(short_or 8 60)" 1000 2
load_pid=$STARTED
: >"$WORK/log/load"
end=$((SECONDS + $(short_or 7 58))) kills=0
while [ "$SECONDS" -lt "$end" ]; do
    sleep 1
    kill -9 "$(pid)" && kills=$((kills + 1)) # zegeld itself, and with it all the others
done
wait "$load_pid"
read -r _ _ _ _ good tempfail lost bad slowest _ <"$WORK/log/load"
verdict "zegeld itself killed $kills times: who had a connection gets a 4xx of his MTA, who comes waits" \
    "signed $good, tempfail $tempfail, lost $lost, bad $bad; slowest $((slowest / 1000)) ms" \
    test "$good" -gt 20 -a "$bad" -eq 0 -a "$tempfail" -eq 0 -a "$lost" -le $((kills * 8))
put_back || true # whose login was killed
kill -TERM "$(pid)" # restart in order, with nobody connected: the next one waits in the queue
verdict "restart with a connection in the queue" "" one_signed
verdict "the file of a socket that is not ours stays" "" test -S "$WORK/milter.sock"
stop_pid "$manager" 20
ZEGELD_PID=
audit_holds
verdict "audit log after all this" "$(tail -n 1 "$WORK/verify")" audit_holds
conclude
