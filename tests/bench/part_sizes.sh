# shellcheck shell=bash
# 2 KB to 2 MB: messages/s, latencies and processor time beside OpenDKIM's.
zegeld_with "$RSA_SELECTOR" rsa-sha256
rawsign "$RSA_SELECTOR" "$SECONDS_EACH"
rsa=$(openssl speed -seconds 1 rsa2048 2>/dev/null | awk 'END { print 1e6 / $(NF - 1) }')
for size in 2048 20480 204800 2097152; do
    drive "$OPENDKIM_PID" "$WORK/opendkim.sock" "$CONNECTIONS" "$SECONDS_EACH" "$size"
    peer_rate=$RATE_MADE peer_cpu=$(cpu_of all) peer_p99=$P99
    drive "$ZEGELD_PID" "$WORK/milter.sock" "$CONNECTIONS" "$SECONDS_EACH" "$size"
    outside=$(calc "$(cpu_of all) - $(cpu_of zegel-token)")
    beyond=$(calc "$(cpu_of all) - $RAW_CPU")
    kb=$((size / 1024))
    say "$kb KB: zegel $RATE_MADE/s p50 $P50 p99 $P99 p99.9 $P999 us; $(echo "$CPU" | tr '\n' ' '); OpenDKIM $peer_rate/s p99 $peer_p99 us, $peer_cpu us each"
    point "messages/s by size (KB)" zegel "$kb" "$RATE_MADE"
    point "messages/s by size (KB)" OpenDKIM "$kb" "$peer_rate"
    point "processor time outside the key operation by size (KB), us" zegel "$kb" "$beyond"
    point "processor time outside the key operation by size (KB), us" OpenDKIM "$kb" "$(calc "$peer_cpu - $rsa")"
    figure "$kb KB: messages/s, p99" "$RATE_MADE" "/s, $P99 us"
    figure "$kb KB: OpenDKIM messages/s, p99" "$peer_rate" "/s, $peer_p99 us"
    if [ "$size" -eq 204800 ]; then
        figure "200 KB: processor time outside zegel-token" "$outside" "us/message"
        figure "200 KB: processor time of OpenDKIM without its RSA operation ($(calc "$rsa") us)" "$(calc "$peer_cpu - $rsa")" "us/message"
        figure "200 KB: outside the token / OpenDKIM without RSA" "$(calc "$outside / ($peer_cpu - $rsa)")" "" "<=" 0.25
    fi
done
