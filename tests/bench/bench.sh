#!/bin/bash
# What zegeld makes of a token, against what the token makes alone; medians of interleaved runs on this machine. The last lines
# are: name, figure, goal, PASS or FAIL. ROUNDS and SECONDS_EACH set how long it takes.
set -eu
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../system/lib.sh"
ROUNDS=${ROUNDS:-3}
SECONDS_EACH=${SECONDS_EACH:-3}
CONNECTIONS=16
need_programs
make_work_dir
SHOW_LOGS=1
write_zegel_config --trusted 127.0.0.0/8
start_softhsm_token >/dev/null
generate_keys >/dev/null

# zegeld with one key only, so that one message is one signature.
only_key() { # SELECTOR ALGORITHM
    sed -e '/^domains:/,$d' "$WORK/zegel.yaml" >"$WORK/one.yaml"
    cat >>"$WORK/one.yaml" <<EOF
domains:
  - domain: example.nl
    keys:
      - {selector: $1, algorithm: $2, key: "pkcs11:token=zegel;object=example.nl/$1"}
EOF
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

results=()
measure() { # NAME SELECTOR ALGORITHM GOAL
    local name=$1 selector=$2 algorithm=$3 goal=$4 round raw daemon both
    only_key "$selector" "$algorithm"
    cp "$WORK/zegel.yaml" "$WORK/both.yaml"
    cp "$WORK/one.yaml" "$WORK/zegel.yaml"
    start_zegeld
    : >"$WORK/raw" && : >"$WORK/daemon" && : >"$WORK/ratio"
    for ((round = 0; round < ROUNDS; round++)); do
        raw=$("$BUILD/bench/rawsign" "$WORK/zegel.yaml" softhsm "pkcs11:token=zegel;object=example.nl/$selector" 2 "$SECONDS_EACH")
        both=$("$BUILD/bench/load" 127.0.0.1 "$MILTER_PORT" "$CONNECTIONS" "$SECONDS_EACH" 2048 1) || die "load: $both"
        daemon=${both%% *}
        echo "$raw" >>"$WORK/raw"
        echo "$daemon" >>"$WORK/daemon"
        awk -v d="$daemon" -v r="$raw" 'BEGIN { printf "%.3f\n", d / r }' >>"$WORK/ratio"
        echo "  $name round $((round + 1)): raw C_Sign $raw/s, milter $daemon messages/s (p50 p99 p99.9 us, good tempfail lost bad slowest: ${both#* })"
    done
    stop_zegeld
    cp "$WORK/both.yaml" "$WORK/zegel.yaml"
    local ratio verdict=FAIL
    ratio=$(median <"$WORK/ratio")
    awk -v a="$ratio" -v b="$goal" 'BEGIN { exit !(a >= b) }' && verdict=PASS
    results+=("$name raw C_Sign/s: $(median <"$WORK/raw")" "$name messages/s through the milter: $(median <"$WORK/daemon")")
    goals+=("$(printf '%-44s %8s  goal >= %-5s %s' "$name: milter / raw C_Sign, 2 KB, $CONNECTIONS conn" "$ratio" "$goal" "$verdict")")
}

goals=()
echo "zegeld on SoftHSM, $(nproc) processors, medians of $ROUNDS rounds of $SECONDS_EACH s, raw and milter in turn"
measure RSA-2048 "$RSA_SELECTOR" rsa-sha256 0.90
measure Ed25519 "$ED_SELECTOR" ed25519-sha256 0.50
# The audit log alone, in groups as 16 connections make them: what it could take, and what share of a message it costs.
mkdir -p "$WORK/bench-audit"
read -r records cost < <("$BUILD/bench/audit" "$WORK/bench-audit" 16 "$SECONDS_EACH")
share=$(awk -v c="$cost" -v r="$(median <"$WORK/daemon")" -v n="$(nproc)" 'BEGIN { printf "%.1f", 100 * c * r / (n * 1e6) }')
results+=("audit log, groups of 16: $records records/s, $cost us of processor time each: $share % of an Ed25519 message's")
goals+=("$(printf '%-44s %8s  goal >= %-5s %s' "audit log, records/s" "$records" 5000 "$(awk -v r="$records" 'BEGIN { print r >= 5000 ? "PASS" : "FAIL" }')")")
# Canonicalising and hashing a body, as a share of what SHA-256 alone does.
while read -r size kind content ratio ours alone; do
    goal=0.60
    [ "$size" -lt 2097152 ] || goal=0.75
    goals+=("$(printf '%-44s %8s  goal >= %-5s %s' "$kind + SHA-256 / SHA-256, $size octets, $content" "$ratio" "$goal" \
        "$(awk -v r="$ratio" -v g="$goal" 'BEGIN { print r >= g ? "PASS" : "FAIL" }')")")
    results+=("canonicalise and hash, $kind, $size octets, $content: $ours MB/s, SHA-256 alone $alone MB/s")
done < <("$BUILD/bench/canon")
read -r load domain sender memory < <("$BUILD/bench/tables")
results+=("100,000 domains and senders: loaded in $load s, $memory MiB; finding a domain $domain ns, a sender $sender ns")
goals+=("$(printf '%-44s %8s  goal <= %-5s %s' "100,000 domains, seconds to load" "$load" 2 "$(awk -v v="$load" 'BEGIN { print v <= 2 ? "PASS" : "FAIL" }')")")
goals+=("$(printf '%-44s %8s  goal <= %-5s %s' "100,000 senders, ns to find one" "$sender" 1000 "$(awk -v v="$sender" 'BEGIN { print v <= 1000 ? "PASS" : "FAIL" }')")")
while IFS= read -r line; do
    case $line in
    token:*) goals+=("${line#token: }") ;;
    *) results+=("$line") ;;
    esac
done < <(BUILD=$BUILD /usr/bin/python3 tests/firmware/speed.py "$WORK")
printf '%s\n' "" "${results[@]}" "" "${goals[@]}"
