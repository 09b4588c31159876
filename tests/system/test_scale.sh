#!/bin/bash
# Many domains with two keys each: mail is signed from the start and during a reload, long before all keys have been looked for.
set -eu
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/faultlib.sh
. "$SYSTEM/faultlib.sh"
DOMAINS=$(short_or 10000 100000)
need_programs
make_work_dir
write_zegel_config --trusted 127.0.0.0/8
start_softhsm_token >/dev/null
generate_keys >/dev/null
"$PYTHON" "$SYSTEM/many_domains.py" "$DOMAINS" <"$WORK/zegel.yaml" >"$WORK/many.yaml"
mv "$WORK/many.yaml" "$WORK/zegel.yaml"

start_zegeld
read -r good tempfail lost bad < <(LOAD_DOMAIN=d77.example.nl LOAD_MESSAGES=20 "$BUILD/bench/load" 127.0.0.1 "$MILTER_PORT" 1 60 2048 2 |
    awk '{ print $5, $6, $7, $8 }')
if [ "$good $tempfail $lost $bad" = "20 0 0 0" ]; then
    ok "$DOMAINS domains, $((2 * DOMAINS)) keys: the first 20 messages are signed"
else
    not_ok "the first messages" "signed $good, tempfail $tempfail, lost $lost, bad $bad"
fi

LOAD_DOMAIN=d$((DOMAINS - 1)).example.nl "$BUILD/bench/load" 127.0.0.1 "$MILTER_PORT" 4 "$(short_or 6 20)" 2048 2 50 >"$WORK/load" &
load=$!
sleep 1
kill -HUP "$ZEGELD_PID"
wait "$load" || true
read -r good tempfail lost bad slowest < <(awk '{ print $5, $6, $7, $8, $9 }' "$WORK/load")
grep -q "configuration reloaded: $DOMAINS domains" "$WORK/log/zegeld" || not_ok "reload" "it did not come"
if [ "$good" -gt 0 ] && [ "$tempfail $lost $bad" = "0 0 0" ]; then
    ok "signed through a reload: $good, slowest $((slowest / 1000)) ms"
else
    not_ok "signed through a reload" "signed $good, tempfail $tempfail, lost $lost, bad $bad"
fi
ended=$(grep -c 'ended' "$WORK/log/zegeld" || true)
if [ "$ended" = 0 ]; then ok "no process was ended"; else not_ok "processes" "$ended were ended"; fi
conclude
