# shellcheck shell=bash
# 1 to 1,000 connections, and what an idle one costs.
zegeld_with "$RSA_SELECTOR" rsa-sha256
milter=$(pgrep -P "$ZEGELD_PID" -x zegel-milter | head -n 1)
resident() { awk '/^VmRSS/ { print $2 / 1024 }' "/proc/$milter/status"; }
peak() { awk '/^VmHWM/ { print $2 / 1024 }' "/proc/$milter/status"; }
before=$(resident)
for connections in 1 4 16 64 256 1000; do
    drive "$ZEGELD_PID" "$WORK/milter.sock" "$connections" "$SECONDS_EACH" 2048
    zegel=$RATE_MADE zegel_p99=$P99
    drive "$OPENDKIM_PID" "$WORK/opendkim.sock" "$connections" "$SECONDS_EACH" 2048
    say "$connections connections: zegel $zegel/s p99 $zegel_p99 us; OpenDKIM $RATE_MADE/s p99 $P99 us"
    point "messages/s by connections" zegel "$connections" "$zegel"
    point "messages/s by connections" OpenDKIM "$connections" "$RATE_MADE"
    point "p99 by connections (us)" zegel "$connections" "$zegel_p99"
    point "p99 by connections (us)" OpenDKIM "$connections" "$P99"
done
figure "zegel-milter at rest" "$before" MiB
figure "zegel-milter, most with 1,000 busy connections" "$(peak)" MiB
stop_zegeld
zegeld_with "$RSA_SELECTOR" rsa-sha256
milter=$(pgrep -P "$ZEGELD_PID" -x zegel-milter | head -n 1)
before=$(resident)
PYTHONPATH=$SYSTEM "$PYTHON" "$ROOT/tests/bench/idle.py" "$WORK/milter.sock" 1000 >"$WORK/idle" &
idle=$!
wait_for 30 grep -q open "$WORK/idle"
figure "1,000 idle connections after a message each" "$(calc "$(resident) - $before")" MiB "<=" 64
stop_pid "$idle"
# A body passes through: what 16 messages in flight need does not depend on how long they are.
# shellcheck disable=SC2153 # CONNECTIONS is benchlib.sh's
for octets in 2048 20971520; do
    zegeld_with "$RSA_SELECTOR" rsa-sha256
    milter=$(pgrep -P "$ZEGELD_PID" -x zegel-milter | head -n 1)
    drive "$ZEGELD_PID" "$WORK/milter.sock" "$CONNECTIONS" "$SECONDS_EACH" "$octets"
    in_flight[octets]=$(peak)
    figure "zegel-milter with $CONNECTIONS messages of $((octets / 1024)) KB in flight" "${in_flight[octets]}" MiB
done
figure "20 MB bodies: memory more for each message in flight" "$(calc "(${in_flight[20971520]} - ${in_flight[2048]}) / $CONNECTIONS")" MiB "<=" 0.25
