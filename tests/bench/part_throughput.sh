# shellcheck shell=bash
# Messages/s through the milter against raw C_Sign/s of the same token and against OpenDKIM; where the processor's time goes.
both() { # NAME SELECTOR ALGORITHM GOAL
    local round
    : >"$WORK/ratio" && : >"$WORK/peer" && : >"$WORK/rate" && : >"$WORK/raw"
    zegeld_with "$2" "$3"
    for ((round = 0; round < ROUNDS; round++)); do
        rawsign "$2" "$SECONDS_EACH"
        echo "$RAW" >>"$WORK/raw"
        drive "$OPENDKIM_PID" "$WORK/opendkim.sock" "$CONNECTIONS" "$SECONDS_EACH" 2048
        local peer=$RATE_MADE peer_cpu peer_load=$LOAD_CPU
        peer_cpu=$(cpu_of all)
        drive "$ZEGELD_PID" "$WORK/milter.sock" "$CONNECTIONS" "$SECONDS_EACH" 2048
        echo "$RATE_MADE" >>"$WORK/rate"
        calc "$RATE_MADE / $RAW" >>"$WORK/ratio" && echo >>"$WORK/ratio"
        calc "$RATE_MADE / $peer" >>"$WORK/peer" && echo >>"$WORK/peer"
        say "$1: raw $RAW/s, zegel $RATE_MADE/s (p50 $P50 p99 $P99 p99.9 $P999 us), OpenDKIM with its RSA file $peer/s"
    done
    figure "$1, messages/s through the milter" "$(median <"$WORK/rate")" /s
    figure "$1, raw C_Sign/s" "$(median <"$WORK/raw")" /s
    figure "$1: milter / raw C_Sign, 2 KB, $CONNECTIONS connections" "$(median <"$WORK/ratio")" "" ">=" "$4"
    local process
    for process in zegel-milter zegel-signer zegel-token; do
        figure "$1, 2 KB: processor time of $process" "$(cpu_of "$process")" "us/message"
        point "where the time goes, 2 KB (us)" "$process" "\"$1\"" "$(cpu_of "$process")"
    done
    figure "$1: processor time of one raw C_Sign" "$RAW_CPU" us
    figure "$1: processor time of the load generator" "$LOAD_CPU" us/message
    local spent
    spent="us of processor time for a message: raw C_Sign $RAW_CPU, the rest of zegel-token $(calc "$(cpu_of zegel-token) - $RAW_CPU"), zegel-signer $(cpu_of zegel-signer), zegel-milter $(cpu_of zegel-milter), load generator $LOAD_CPU"
    because "$1: milter / raw C_Sign, 2 KB, $CONNECTIONS connections" \
        "$spent; where these share the processors with the token, at most $(calc "$RAW_CPU / ($(cpu_of all) + $LOAD_CPU)")"
    because "$1: zegel / OpenDKIM with a file key, 2 KB, $CONNECTIONS connections" \
        "$spent; OpenDKIM $peer_cpu with its key in a file, and $peer_load of the load generator"
    figure "$1: raw C_Sign's share of the processor time of all three processes" "$(calc "$RAW_CPU / $(cpu_of all)")" ""
    point "where the time goes, 2 KB (us)" "raw C_Sign alone" "\"$1\"" "$RAW_CPU"
    # What the log and the look at each signature take of the processor time that the three processes spend on a message.
    local verify audit
    verify=$(openssl speed -seconds 1 "$5" 2>/dev/null | awk 'END { print 1e6 / $NF }')
    mkdir -p "$WORK/bench-audit"
    read -r _ audit < <("$BUILD/bench/audit" "$WORK/bench-audit" 4 1)
    figure "$1: one verification" "$(calc "$verify")" us
    figure "one record of the audit log, groups of 4" "$audit" us
    because "$1: audit log and self-verification, share of the processor time" \
        "a verification of $(calc "$verify") us and a record of $audit us, of $(cpu_of all) us for a message"
    figure "$1: audit log and self-verification, share of the processor time" "$(calc "($verify + $audit) / $(cpu_of all)")" "" "<=" 0.10
}
both RSA-2048 "$RSA_SELECTOR" rsa-sha256 0.90 rsa2048
figure "RSA-2048: zegel / OpenDKIM with a file key, 2 KB, $CONNECTIONS connections" "$(median <"$WORK/peer")" "" ">=" 2.0
both Ed25519 "$ED_SELECTOR" ed25519-sha256 0.50 ed25519
