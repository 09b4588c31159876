#!/bin/bash
# make bench: what zegeld makes of a token, against the bare token and against OpenDKIM with its key in a file: medians of runs
# in turns on this machine. Prints the figures, then those with a goal and PASS or FAIL; writes build/bench/report.html.
# ROUNDS and SECONDS_EACH set how long it takes; ONLY="throughput sizes…" runs some of the parts.
set -eu
# shellcheck source-path=SCRIPTDIR source=../system/lib.sh
. "$(dirname "$0")/../system/lib.sh"
# shellcheck source-path=SCRIPTDIR source=benchlib.sh
. "$ROOT/tests/bench/benchlib.sh"
PARTS="throughput sizes latency connections slow mix pure domains token"
need_programs
command -v opendkim >/dev/null || die "opendkim is missing: run 'make deps'"
make_work_dir
FIGURES=$WORK/figures.json
: >"$FIGURES"
write_zegel_config --trusted 127.0.0.0/8
start_softhsm_token >/dev/null
generate_keys >/dev/null
start_opendkim
for part in ${ONLY:-$PARTS}; do
    echo "$part" >&2
    # shellcheck source=/dev/null
    . "$ROOT/tests/bench/part_$part.sh"
done
stop_zegeld
"$PYTHON" "$ROOT/tests/bench/report.py" "$FIGURES" "$BUILD/bench/report.html" "$ROUNDS x $SECONDS_EACH s, $(nproc) processors"
