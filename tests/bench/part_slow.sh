# shellcheck shell=bash
# Slow tokens: p11fault.so in front of SoftHSM waits before each C_Sign. Throughput against sessions / latency.
cp "$WORK/zegel.yaml" "$WORK/fast.yaml"
export P11FAULT_MODULE P11FAULT_CONTROL=$WORK/fault
P11FAULT_MODULE=$(softhsm_module)
slow() { # NAME SESSIONS DELAY_MS CONNECTIONS GOAL
    stop_zegeld
    sed -e "s|module: .*|module: $BUILD/tests/p11fault.so|" \
        -e "s|^    deadline: .*|    deadline: 20s\n    sessions: $2\n    workers: 1\n    profile: local\n    read: [$BUILD/tests, $(softhsm_module)]\n    write: [$WORK/fault]|" \
        "$WORK/fast.yaml" >"$WORK/zegel.yaml"
    rm -f "$WORK/fault"
    "$BUILD/tests/p11fault" "$WORK/fault" new
    zegeld_with "$ED_SELECTOR" ed25519-sha256
    "$BUILD/tests/p11fault" "$WORK/fault" rule C_Sign 1+ "delay=$3"
    drive "$ZEGELD_PID" "$WORK/milter.sock" "$4" "$((SECONDS_EACH * 2))" 2048
    local could
    could=$(calc "$2 * 1000 / $3")
    say "$1: $RATE_MADE/s of $could/s, p50 $P50 p99 $P99 us, tempfail $TEMPFAIL; processor $(echo "$CPU" | tr '\n' ' ')"
    figure "$1: messages/s" "$RATE_MADE" /s
    # A signature costs processor time too, and so does the load generator; where that is less than the token could, it is the limit.
    local limit
    limit=$(calc "$(nproc) * 1e6 / ($(cpu_of all) + $LOAD_CPU)")
    figure "$1: what the processors could" "$limit" /s
    because "$1: of sessions / latency, or the processors' limit" \
        "us of processor time for a message: $(echo "$CPU" | tr '\n' ' ')and load generator $LOAD_CPU; ms, median/p99: $(stages); a commit waits for the disk while the processors do not"
    figure "$1: of sessions / latency, or the processors' limit" "$(awk -v r="$RATE_MADE" -v c="$could" -v l="$limit" 'BEGIN { printf "%.3f", r / (c < l ? c : l) }')" "" ">=" "$5"
}
slow "5 ms, 64 sessions" 64 5 128 0.95
slow "50 ms, 64 sessions" 64 50 128 0.95
slow "500 ms, 1 session" 1 500 4 0.95
# More than the token signs before their deadline of 20 s: the last of 64 would wait 32 s. These hear so at once.
LOAD_MESSAGES=64 drive "$ZEGELD_PID" "$WORK/milter.sock" 64 20 2048
say "500 ms, 1 session, 64 messages at once: $GOOD signed, $TEMPFAIL told to come again, the slowest of these after $SLOWEST_TEMPFAIL us"
figure "500 ms, 1 session, 64 messages at once: signed" "$GOOD" ""
figure "500 ms, 1 session, 64 messages at once: slowest 4xx" "$(calc "$SLOWEST_TEMPFAIL / 1e6")" s "<=" 2
stop_zegeld
cp "$WORK/fast.yaml" "$WORK/zegel.yaml"
