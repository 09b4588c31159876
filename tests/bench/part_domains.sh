# shellcheck shell=bash
# 100,000 domains with two keys each.
read -r load domain sender memory < <("$BUILD/bench/tables")
figure "100,000 domains and senders: to load" "$load" s "<=" 2
figure "100,000 domains: to find one" "$domain" ns "<=" 1000
figure "100,000 senders: to find one" "$sender" ns "<=" 1000
figure "100,000 domains and senders: memory of one process" "$memory" MiB
stop_zegeld
write_zegel_config --trusted 127.0.0.0/8
sed -i "s|^  - inet:.*|  - unix:$WORK/milter.sock|" "$WORK/zegel.yaml"
"$PYTHON" "$SYSTEM/many_domains.py" 100000 <"$WORK/zegel.yaml" >"$WORK/many.yaml"
mv "$WORK/many.yaml" "$WORK/zegel.yaml"
begin=$(date +%s%N)
start zegeld "$BUILD/zegeld" --config "$WORK/zegel.yaml"
ZEGELD_PID=$STARTED
wait_for 60 test -S "$WORK/milter.sock" || die "zegeld does not start"
export LOAD_DOMAIN=d4711.example.nl
LOAD_MESSAGES=1 "$BUILD/bench/load" unix "$WORK/milter.sock" 1 60 100 2 >/dev/null || die "not signed"
figure "100,000 domains, 200,000 keys: from start to the first signed message" "$(calc "($(date +%s%N) - $begin) / 1e9")" s "<=" 3
resident() { for pid in $ZEGELD_PID $(descendants "$ZEGELD_PID"); do awk '/^VmRSS/ { print $2 / 1024 }' "/proc/$pid/status"; done | awk '{ s += $1 } END { print s }'; }
at_100() { "$BUILD/bench/load" unix "$WORK/milter.sock" 4 "$1" 2048 2 100 >"$WORK/load"; } # SECONDS
slowest() { awk '{ print $9 / 1000 }' "$WORK/load"; }
at_100 4 || die "no reload: $(cat "$WORK/load")"
before=$(slowest)
processor_time "$ZEGELD_PID" >"$WORK/cpu.before"
at_100 12 &
load=$!
sleep 4
kill -HUP "$ZEGELD_PID"
wait "$load" || die "reload: $(cat "$WORK/load")"
processor_time "$ZEGELD_PID" >"$WORK/cpu.after"
spent=$(awk 'NR == FNR { b[$1] = $2; next } { printf "%s %.2g s, ", $1, ($2 - b[$1]) / 1e6 }' "$WORK/cpu.before" "$WORK/cpu.after")
pause="100,000 domains: slowest message through a reload, beyond the slowest without"
because "$pause" "processor time, 1,200 messages and the reload: ${spent}on $(nproc) processors: each process reads the configuration anew, beside its work"
figure "$pause" "$(calc "$(slowest) - $before")" ms "<=" 100
figure "100,000 domains: memory of all processes after a reload" "$(resident)" MiB
unset LOAD_DOMAIN
stop_pid "$ZEGELD_PID" 30
ZEGELD_PID=
