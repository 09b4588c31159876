# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is read by those who source it
# What the benchmarks share: measuring at the same load zegeld, the bare token and OpenDKIM, in turns. Sourced after lib.sh.
# Figures go into $FIGURES as lines of JSON, which report.py makes text and a page of.

ROUNDS=${ROUNDS:-3}
SECONDS_EACH=${SECONDS_EACH:-3}
CONNECTIONS=16

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
calc() { awk "BEGIN { printf \"%.4g\", $1 }"; }

# figure NAME VALUE UNIT [SENSE GOAL]: one number; with a goal it is printed with PASS or FAIL. SENSE: >= or <=.
figure() {
    local goal=
    [ $# -lt 5 ] || goal=", \"sense\": \"$4\", \"goal\": $5"
    echo "{\"figure\": \"$1\", \"value\": $2, \"unit\": \"$3\"$goal}" >>"$FIGURES"
}
# point PLOT SERIES X Y: one point of a plot.
point() { echo "{\"plot\": \"$1\", \"series\": \"$2\", \"x\": $3, \"y\": $4}" >>"$FIGURES"; }
# because GOAL WHY: the profile that is printed with the figure of this name where it misses its goal.
because() { echo "{\"because\": \"$1\", \"text\": \"$2\"}" >>"$FIGURES"; }
say() { echo "  $*" >&2; }

# Processor time of a process and its children so far, as "NAME MICROSECONDS" lines summed by name.
processor_time() { # PID
    local pid
    for pid in $1 $(descendants "$1"); do
        # shellcheck disable=SC2016
        awk '{ gsub(/[()]/, "", $2); print $2, ($14 + $15) * 10000 }' "/proc/$pid/stat" 2>/dev/null
    done | awk '{ t[$1] += $2 } END { for (n in t) print n, t[n] }'
}

# drive PID SOCKET CONNECTIONS SECONDS OCTETS [RATE]: the load generator against the server PID. Sets RATE_MADE P50 P99 P999 GOOD
# TEMPFAIL BAD SLOWEST SLOWEST_TEMPFAIL, and processor time in microseconds per message: CPU (lines "NAME TIME") of the server, LOAD_CPU of the generator.
drive() {
    local pid=$1 out
    processor_time "$pid" >"$WORK/cpu.before"
    local TIMEFORMAT='%U %S'
    { time "$BUILD/bench/load" unix "$2" "$3" "$4" "$5" 1 "${6:-0}" >"$WORK/load.out" 2>&1; } 2>"$WORK/cpu.load" || die "load: $(cat "$WORK/load.out")"
    out=$(cat "$WORK/load.out")
    processor_time "$pid" >"$WORK/cpu.after"
    read -r RATE_MADE P50 P99 P999 GOOD TEMPFAIL _ BAD SLOWEST SLOWEST_TEMPFAIL <<<"$out"
    LOAD_CPU=$(awk -v n="$GOOD" '{ printf "%.1f", ($1 + $2) * 1e6 / n }' "$WORK/cpu.load")
    CPU=$(awk -v n="$GOOD" 'NR == FNR { b[$1] = $2; next } { printf "%s %.1f\n", $1, ($2 - b[$1]) / n }' "$WORK/cpu.before" "$WORK/cpu.after")
}
cpu_of() { awk -v name="$1" '$1 == name || name == "all" { sum += $2 } END { printf "%.1f", sum }' <<<"$CPU"; } # NAME, or all

# rawsign SELECTOR SECONDS [RATE]: sets RAW (signatures/s), RAW_P99 and RAW_CPU (us).
rawsign() {
    read -r RAW RAW_P99 RAW_CPU < <("$BUILD/bench/rawsign" "$WORK/zegel.yaml" softhsm "pkcs11:token=zegel;object=example.nl/$1" 2 "$2" ${3:+"$3"}) ||
        die "rawsign $1"
}

# zegeld with one key, so that one message is one signature, on a Unix socket as OpenDKIM is by default in Debian.
zegeld_with() { # SELECTOR ALGORITHM
    stop_zegeld
    sed -i -e '/^domains:/,$d' -e "s|^  - inet:.*|  - unix:$WORK/milter.sock|" "$WORK/zegel.yaml"
    cat >>"$WORK/zegel.yaml" <<YAML
domains:
  - domain: example.nl
    keys:
      - {selector: $1, algorithm: $2, key: "pkcs11:token=zegel;object=example.nl/$1"}
YAML
    start zegeld "$BUILD/zegeld" --config "$WORK/zegel.yaml"
    ZEGELD_PID=$STARTED
    wait_for 20 test -S "$WORK/milter.sock" || die "zegeld does not start"
    wait_for 20 signs || die "zegeld does not sign"
}
signs() { LOAD_MESSAGES=1 "$BUILD/bench/load" unix "$WORK/milter.sock" 1 5 100 1 >/dev/null 2>&1; }

# Where a message's time goes, as zegeld has measured it since it began: "C_Sign 0.5/1.2, ..." in ms, median and p99 of each.
stages() {
    zegel status --json | "$PYTHON" -c 'import json, sys
s = json.load(sys.stdin)
show = lambda t: "-" if t["p50-ms"] is None else "%.3g/%.3g" % (t["p50-ms"], t["p99-ms"])
signing = [w["signing"] for t in s["tokens"] for w in t["workers"] if w["signing"]["p50-ms"] is not None]
print("C_Sign %s, commit of the audit log %s, zegel-signer %s, zegel-milter from the end of the message %s" %
      (" and ".join(map(show, signing)), show(s["audit"]["commit"]), show(s["signer"]["answering"]), show(s["front-ends"][0]["answering"])))'
}

# OpenDKIM from Debian with the key in a file, as its own documentation sets it up.
start_opendkim() {
    openssl genrsa -out "$WORK/opendkim.pem" 2048 2>/dev/null
    chmod 600 "$WORK/opendkim.pem"
    cat >"$WORK/opendkim.conf" <<CONF
Syslog              yes
SyslogSuccess       yes
Canonicalization    relaxed/relaxed
Mode                s
Domain              example.nl
Selector            file
KeyFile             $WORK/opendkim.pem
OversignHeaders     From
InternalHosts       127.0.0.1
Socket              local:$WORK/opendkim.sock
RequireSafeKeys     no
Background          no
CONF
    start opendkim opendkim -x "$WORK/opendkim.conf"
    OPENDKIM_PID=$STARTED
    wait_for 10 test -S "$WORK/opendkim.sock" || die "opendkim does not start"
}
