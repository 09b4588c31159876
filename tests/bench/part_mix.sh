# shellcheck shell=bash
# A slow token beside a fast one, and a domain with a crowd beside one with a letter now and then: neither waits for the other.
cp "$WORK/zegel.yaml" "$WORK/fast.yaml"
export P11FAULT_MODULE P11FAULT_CONTROL=$WORK/fault
P11FAULT_MODULE=$(softhsm_module)
rm -f "$WORK/fault"
"$BUILD/tests/p11fault" "$WORK/fault" new
stop_zegeld
sed -i -e '/^domains:/,$d' -e "s|^  - inet:.*|  - unix:$WORK/milter.sock|" "$WORK/zegel.yaml"
sed -i "/^listen:/i \\
  - name: slow\\
    module: $BUILD/tests/p11fault.so\\
    token: pkcs11:token=slow\\
    pin: file:$WORK/pin\\
    sessions: 4\\
    workers: 1\\
    deadline: 20s\\
    profile: local\\
    read: [$BUILD/tests, $(softhsm_module)]\\
    write: [$WORK/fault]" "$WORK/zegel.yaml"
zegel token init --token slow --label slow --so-pin-file "$WORK/so-pin" >/dev/null || die "no slow token"
zegel key generate --domain slow.example.nl --selector s --algorithm ed25519 --token slow >/dev/null || die "no slow key"
cat >>"$WORK/zegel.yaml" <<YAML
domains:
  - {domain: example.nl, keys: [{selector: $ED_SELECTOR, algorithm: ed25519-sha256, key: "pkcs11:token=zegel;object=example.nl/$ED_SELECTOR"}]}
  - {domain: slow.example.nl, keys: [{selector: s, algorithm: ed25519-sha256, key: "pkcs11:token=slow;object=slow.example.nl/s"}]}
  - {domain: crowd.example.nl, keys: [{selector: s, algorithm: ed25519-sha256, key: "pkcs11:token=slow;object=slow.example.nl/s"}]}
YAML
start zegeld "$BUILD/zegeld" --config "$WORK/zegel.yaml"
ZEGELD_PID=$STARTED
wait_for 20 signs || die "zegeld does not sign"
wait_for 20 env LOAD_DOMAIN=slow.example.nl LOAD_MESSAGES=1 "$BUILD/bench/load" unix "$WORK/milter.sock" 1 5 100 1 >/dev/null || die "the slow token does not sign"
"$BUILD/tests/p11fault" "$WORK/fault" rule C_Sign 1+ delay=50
beside() { LOAD_DOMAIN=$1 "$BUILD/bench/load" unix "$WORK/milter.sock" "$2" "$3" 2048 1 "${4:-0}" >"$WORK/beside.$1" & } # DOMAIN CONNECTIONS SECONDS [RATE]
: >"$WORK/mix" && : >"$WORK/slowly"
for ((round = 0; round < ROUNDS; round++)); do
    drive "$ZEGELD_PID" "$WORK/milter.sock" 1 "$SECONDS_EACH" 2048
    alone=$P50
    beside slow.example.nl 16 "$((SECONDS_EACH * 2))"
    drive "$ZEGELD_PID" "$WORK/milter.sock" 1 "$SECONDS_EACH" 2048
    wait $! || die "slow: $(cat "$WORK/beside.slow.example.nl")"
    calc "$P50 / $alone" >>"$WORK/mix" && echo >>"$WORK/mix"
    awk '{ print $1 / 80 }' "$WORK/beside.slow.example.nl" >>"$WORK/slowly"
    say "one sender at the fast token: median $alone us alone, $P50 us beside 16 at the slow one (4 sessions of 50 ms: $(awk '{ print $1 }' "$WORK/beside.slow.example.nl")/s of 80/s)"
done
figure "token mix: median at the fast token, beside 16 senders at the slow one / alone" "$(median <"$WORK/mix")" "" "<=" 1.5
figure "token mix: the slow token, of sessions / latency" "$(median <"$WORK/slowly")" "" ">=" 0.95
# 64 connections of one domain, and one of another with a key of its own name on the same token: a turn each.
beside crowd.example.nl 64 "$((SECONDS_EACH * 2 + 2))"
crowd=$!
sleep 1
beside slow.example.nl 1 "$((SECONDS_EACH * 2))"
wait $! || die "slow: $(cat "$WORK/beside.slow.example.nl")"
wait "$crowd" || die "crowd: $(cat "$WORK/beside.crowd.example.nl")"
read -r _ one _ <"$WORK/beside.slow.example.nl"
read -r _ many _ <"$WORK/beside.crowd.example.nl"
figure "fairness: median of a domain with a crowd of 64" "$(calc "$many / 1000")" ms
figure "fairness: median of another domain's one sender, at the same key / a C_Sign of 50 ms" "$(calc "$one / 50000")" "" "<=" 3
stop_zegeld
cp "$WORK/fast.yaml" "$WORK/zegel.yaml"
