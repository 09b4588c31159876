# shellcheck shell=bash
# At 70 % of what it can do: how much later than the bare token at the same pace.
zegeld_with "$RSA_SELECTOR" rsa-sha256
drive "$ZEGELD_PID" "$WORK/milter.sock" "$CONNECTIONS" "$SECONDS_EACH" 2048
pace=$(calc "int($RATE_MADE * 0.7)")
zegeld_with "$RSA_SELECTOR" rsa-sha256 # what it measures from here on is at that pace
: >"$WORK/beyond"
for ((round = 0; round < ROUNDS; round++)); do
    rawsign "$RSA_SELECTOR" "$SECONDS_EACH" "$pace"
    drive "$ZEGELD_PID" "$WORK/milter.sock" "$CONNECTIONS" "$SECONDS_EACH" 2048 "$pace"
    say "at $pace/s: p50 $P50 p99 $P99 p99.9 $P999 us; the token alone p99 $RAW_P99 us"
    calc "($P99 - $RAW_P99) / 1000" >>"$WORK/beyond" && echo >>"$WORK/beyond"
done
because "p99 beyond the token's own, at 70 % load" "ms, median/p99, as zegeld measures it: $(stages); one message takes $(calc "$(cpu_of all) + $LOAD_CPU") us of $(nproc) processors, which 16 senders without a common clock do not ask for evenly; the token alone is asked evenly"
figure "p99 beyond the token's own, at 70 % load" "$(median <"$WORK/beyond")" ms "<=" 2
