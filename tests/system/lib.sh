# shellcheck shell=bash
# Functions that build a small mail system in a directory of its own: SoftHSM token, zegeld, Knot, Postfix.
# Sourced by demo.sh and test_*.sh. Nothing outside $WORK is written, no service of the system is touched.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SYSTEM=$ROOT/tests/system
BUILD=${BUILD:-$ROOT/build}
case $BUILD in /*) ;; *) BUILD=$ROOT/$BUILD ;; esac
PYTHON=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1
PATH=$PATH:/usr/sbin:/sbin

RSA_SELECTOR=z2026q4r
ED_SELECTOR=z2026q4e

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# ---------------------------------------------------------------- verdicts

failed=0

ok() { echo "ok   $1${2:+: $2}"; } # NAME [DETAIL]

not_ok() { # NAME [WHY]
    echo "FAIL $1${2:+: $2}"
    failed=$((failed + 1))
}

# verdict NAME DETAIL COMMAND...: ok when the command succeeds
verdict() {
    local name=$1 detail=$2
    shift 2
    if "$@"; then ok "$name" "$detail"; else not_ok "$name" "$detail"; fi
}

# check NAME COMMAND...: with what was seen last, in $WORK/seen, when it fails
check() {
    local name=$1
    shift
    if "$@"; then ok "$name"; else
        not_ok "$name"
        if [ -s "$WORK/seen" ]; then sed 's/^/     /' "$WORK/seen"; fi
    fi
}

# A part of the machine is missing: neither passed nor failed, which CI does not allow.
skip() { # WHY
    echo "$1"
    exit 77
}

needs() { # PROGRAM...
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || skip "$program is missing: run 'make deps'"
    done
}

# The last line of a test.
conclude() {
    [ "$failed" -eq 0 ] || { echo "$failed failed"; exit 1; }
}

# Postfix only starts as root, so everything here runs as root: through sudo where needed.
need_root() {
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null || die "Postfix can only be started by root, and there is no sudo: run this as root"
    exec sudo KEEP="${KEEP:-}" CI="${CI:-}" BUILD="$BUILD" WORK_PARENT="${WORK_PARENT:-}" "$0" "$@"
}

need_programs() {
    local program
    needs postfix knotd kdig softhsm2-util ss "$PYTHON"
    for program in zegeld zegel; do
        [ -x "$BUILD/$program" ] || die "$BUILD/$program is missing: run 'make'"
    done
}

# ---------------------------------------------------------------- work directory, processes

make_work_dir() {
    WORK=$(mktemp -d "${WORK_PARENT:-/tmp}/zegel-XXXXXX")
    chmod 711 "$WORK"
    mkdir "$WORK/log"
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# How most tests begin: as root, with all programs, in a directory of their own. "$@" of the script.
begin() {
    need_root "$@"
    need_programs
    make_work_dir
}

# Stops what we started and nothing else, then removes the work directory. A zegeld that does not end well is a failure of the test,
# but no reason to leave the others running.
cleanup() {
    local status=$? pid
    set +e
    trap - EXIT
    trap '' INT TERM HUP
    case $status in 0 | 77) ;; *) show_logs ;; esac
    stop_postfix
    end_zegeld || status=$((status > 0 ? status : 1))
    for pid in $(jobs -pr); do stop_pid "$pid"; done
    rm -rf "$WORK"
    exit "$status"
}

show_logs() {
    local log
    for log in "$WORK"/log/*; do
        [ -s "$log" ] || continue
        echo "--- last lines of ${log##*/}" >&2
        tail -n 25 "$log" >&2
    done
}

stop_pid() { # PID [SECONDS]: sets STOPPED, the status with which it ended, also when it had ended before
    local pid=$1 left=$((${2:-5} * 20))
    kill "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do
        [ "$left" -gt 0 ] || { kill -9 "$pid" 2>/dev/null; break; }
        left=$((left - 1))
        sleep 0.05
    done
    STOPPED=0
    wait "$pid" 2>/dev/null || STOPPED=$?
}

# SIGSTOP, and until every thread has stopped: the other threads of a busy machine's process go on answering until its first one had its turn.
freeze() { # PID...
    local pid
    kill -STOP "$@"
    for pid; do wait_for 30 stands_still "$pid" || die "process $pid does not stop"; done
}
stands_still() { ! sed 's/.*) //' /proc/"$1"/task/*/stat | grep -qv '^T'; }

# wait_for SECONDS COMMAND...: until the command succeeds; 1 if it never does.
wait_for() {
    local end=$(($(date +%s%N) + $1 * 1000000000))
    shift
    until "$@"; do
        [ "$(date +%s%N)" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# A loopback port that is free for TCP and UDP, outside the range the kernel gives to outgoing connections.
free_port() {
    "$PYTHON" - <<'PY'
import random, socket
while True:
    port = random.randint(20000, 32000)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break
PY
}

port_open() { # PORT: somebody listens on it (looked up, not connected to)
    [ -n "$(ss -Hltn "sport = :$1")" ]
}

# A process of its own session: Ctrl-C reaches only the script, which then stops it in order (cleanup). A script that is killed stops
# nothing: then the kernel does (but for KEEP=1 of the demo).
start() { # NAME COMMAND...: sets STARTED
    local name=$1 with_us=KILL
    shift
    [ "${KEEP:-0}" != 1 ] || with_us=clear
    setsid setpriv --pdeathsig "$with_us" "$@" >>"$WORK/log/$name" 2>&1 </dev/null &
    STARTED=$!
}

# All descendants of a process, one pid a line.
descendants() {
    local child
    for child in $(pgrep -P "$1"); do
        echo "$child"
        descendants "$child"
    done
}

# ---------------------------------------------------------------- token, keys, configuration

softhsm_module() {
    local path
    for path in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
        [ -e "$path" ] && { echo "$path"; return; }
    done
    die "SoftHSM's module libsofthsm2.so is missing: run 'make deps'"
}

zegel() {
    local command=()
    while [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; do command+=("$1"); shift; done
    "$BUILD/zegel" "${command[@]}" --config "$WORK/zegel.yaml" "$@"
}

# write_zegel_config [--subdomains] [--trusted NET] [--on-failure WORD] [--canonicalization PAIR]
#     [--domain "KEY: VALUE"]... [--more "KEY: VALUE"]: $WORK/zegel.yaml
write_zegel_config() {
    local subdomains=false trusted=127.0.0.0/8 failure=tempfail canonicalization=relaxed/relaxed domain="" more=""
    while [ $# -gt 0 ]; do
        case $1 in
        --subdomains) subdomains=true ;;
        --trusted) trusted=$2; shift ;;
        --on-failure) failure=$2; shift ;;
        --canonicalization) canonicalization=$2; shift ;;
        --domain) domain+="    $2"$'\n'; shift ;;
        --more) more+="$2"$'\n'; shift ;;
        *) die "write_zegel_config: $1?" ;;
        esac
        shift
    done
    MILTER_PORT=${MILTER_PORT:-$(free_port)}
    mkdir -p "$WORK/state"
    cat >"$WORK/zegel.yaml" <<EOF
state: $WORK/state
trusted-networks: [$trusted]
tokens:
  - name: softhsm
    module: $(softhsm_module)
    token: pkcs11:token=zegel
    pin: file:$WORK/pin
    deadline: 10s
listen:
  - inet:$MILTER_PORT@127.0.0.1
domains:
  - domain: example.nl
    subdomains: $subdomains
    canonicalization: $canonicalization
    keys:
      - selector: $RSA_SELECTOR
        algorithm: rsa-sha256
        key: pkcs11:token=zegel;object=example.nl/$RSA_SELECTOR
      - selector: $ED_SELECTOR
        algorithm: ed25519-sha256
        key: pkcs11:token=zegel;object=example.nl/$ED_SELECTOR
    on-failure: $failure
$domain$more
EOF
}

# A SoftHSM of our own (SOFTHSM2_CONF), with a token 'zegel' made by zegel; needs write_zegel_config first.
start_softhsm_token() {
    mkdir -p "$WORK/softhsm/tokens"
    cat >"$WORK/softhsm/softhsm2.conf" <<EOF
directories.tokendir = $WORK/softhsm/tokens
objectstore.backend = file
log.level = ERROR
slots.removable = false
EOF
    export SOFTHSM2_CONF=$WORK/softhsm/softhsm2.conf
    (
        umask 077
        printf '%s\n' "$(od -An -N8 -tu8 /dev/urandom | tr -d ' ')" >"$WORK/pin"
        printf '%s\n' "$(od -An -N8 -tu8 /dev/urandom | tr -d ' ')" >"$WORK/so-pin"
    )
    zegel token init --token softhsm --label zegel --so-pin-file "$WORK/so-pin"
}

generate_keys() {
    zegel key generate --domain example.nl --selector "$RSA_SELECTOR" --algorithm rsa2048 --token softhsm
    zegel key generate --domain example.nl --selector "$ED_SELECTOR" --algorithm ed25519 --token softhsm
}

# ---------------------------------------------------------------- zegeld

start_zegeld() {
    start zegeld "$BUILD/zegeld" --config "$WORK/zegel.yaml"
    ZEGELD_PID=$STARTED
    if ! wait_for 120 zegeld_up; then
        tail -n 20 "$WORK/log/zegeld" >&2
        die "zegeld does not listen on 127.0.0.1:$MILTER_PORT (its log is above)"
    fi
}

zegeld_up() {
    kill -0 "$ZEGELD_PID" 2>/dev/null || { tail -n 20 "$WORK/log/zegeld" >&2; die "zegeld ended at once"; }
    port_open "$MILTER_PORT"
}

stop_zegeld() {
    end_zegeld || exit 1
}

# Under a sanitizer this is where leaks show.
end_zegeld() {
    [ -n "${ZEGELD_PID:-}" ] || return 0
    local pid=$ZEGELD_PID
    ZEGELD_PID=
    stop_pid "$pid" 10
    [ "$STOPPED" -ne 0 ] || return 0
    tail -n 40 "$WORK/log/zegeld" >&2
    echo "${0##*/}: zegeld ended with status $STOPPED" >&2
    return 1
}

# The pids of the token workers of our zegeld.
token_workers() {
    local pid name
    for pid in $(descendants "$ZEGELD_PID"); do
        # A pid may be gone again by now.
        name=$({ cat "/proc/$pid/comm"; } 2>/dev/null) || continue
        if [ "$name" = zegel-token ]; then echo "$pid"; fi
    done
}

# ---------------------------------------------------------------- Knot: an authoritative server for example.nl

# $WORK/resolver.conf for libunbound: of ZONE, ask ADDRESS[@PORT], believe without DNSSEC, and ask nobody else
write_resolver() { # ZONE ADDRESS
    cat >"$WORK/resolver.conf" <<EOF
server:
    do-not-query-localhost: no
    module-config: "iterator"
    chroot: ""
    username: ""
    do-ip6: no
stub-zone:
    name: $1
    stub-addr: $2
EOF
}

start_knot() {
    mkdir -p "$WORK/knot/run"
    DNS_PORT=$(free_port)
    ZONE=$WORK/knot/example.nl.zone
    {
        cat <<EOF
\$ORIGIN example.nl.
\$TTL 3600
@ SOA ns.example.nl. hostmaster.example.nl. 1 3600 600 86400 300
@ NS ns.example.nl.
ns A 127.0.0.1
@ MX 10 mail.example.nl.
mail A 127.0.0.1
EOF
        zegel dns record --domain example.nl
    } >"$ZONE"
    cat >"$WORK/knot/knot.conf" <<EOF
server:
    listen: 127.0.0.1@$DNS_PORT
    rundir: $WORK/knot/run
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: $WORK/knot
zone:
  - domain: example.nl
    file: $ZONE
    journal-content: none
    semantic-checks: on
EOF
    start knot knotd --config "$WORK/knot/knot.conf"
    if ! wait_for 30 dns_answers "$RSA_SELECTOR._domainkey.example.nl"; then
        tail -n 20 "$WORK/log/knot" >&2
        die "Knot does not serve $RSA_SELECTOR._domainkey.example.nl (its log is above)"
    fi
}

dns_answers() { # NAME: the loopback server has a TXT record of that name
    [ -n "$(kdig +short +timeout=1 +retry=0 @127.0.0.1 -p "$DNS_PORT" "$1" TXT 2>/dev/null)" ]
}

# ---------------------------------------------------------------- Postfix

# The local parts that have a mailbox.
MAILBOXES=(inbox)

# Receives on 127.0.0.1:SMTP_PORT; mail for MAILBOX@example.org, .net or .nl is delivered to $WORK/mail/MAILBOX/new/.
# start_postfix [NAME=VALUE...]: more main.cf settings
start_postfix() {
    local postfix=$WORK/postfix owner=nobody mailbox domain
    SMTP_PORT=$(free_port)
    MAIL=$WORK/mail
    mkdir -p "$postfix/etc" "$postfix/queue" "$postfix/data" "$MAIL"
    chmod 755 "$postfix" "$postfix/etc" "$postfix/queue"
    chown postfix "$postfix/data"
    chmod 700 "$postfix/data"
    chown "$owner" "$MAIL"
    for mailbox in "${MAILBOXES[@]}"; do
        for domain in example.org example.net example.nl; do echo "$mailbox@$domain $mailbox/"; done
    done >"$postfix/etc/mailboxes"
    cat >"$postfix/etc/main.cf" <<EOF
compatibility_level = 3.6
queue_directory = $postfix/queue
data_directory = $postfix/data
daemon_directory = $(postconf -dh daemon_directory)
command_directory = $(postconf -dh command_directory)
maillog_file = $WORK/log/postfix
maillog_file_prefixes = $WORK/log
syslog_name = postfix
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.nl
myorigin = example.nl
mynetworks = 127.0.0.0/8
mydestination =
local_transport = error:5.1.1 no local mailboxes here
local_recipient_maps =
alias_maps =
alias_database =
relayhost =
default_transport = error:5.4.4 this mail system delivers nothing to the outside
smtp_host_lookup = native
smtpd_reject_unlisted_recipient = no
virtual_mailbox_domains = example.org, example.net, example.nl
virtual_mailbox_base = $MAIL
virtual_mailbox_maps = texthash:$postfix/etc/mailboxes
virtual_uid_maps = static:$(id -u "$owner")
virtual_gid_maps = static:$(id -g "$owner")
virtual_mailbox_limit = 0
message_size_limit = 104857600
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_client_connection_count_limit = 0
smtpd_client_restrictions =
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 10000
smtpd_hard_error_limit = 20000
smtpd_junk_command_limit = 10000
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
minimal_backoff_time = 2s
maximal_backoff_time = 5s
queue_run_delay = 2s
milter_default_action = tempfail
milter_protocol = 6
milter_content_timeout = 60s
internal_mail_filter_classes = bounce
smtpd_milters = inet:127.0.0.1:$MILTER_PORT
non_smtpd_milters = inet:127.0.0.1:$MILTER_PORT
EOF
    if [ $# -gt 0 ]; then postconf -c "$postfix/etc" -e "$@"; fi
    # Nothing is chrooted (fifth column n).
    cat >"$postfix/etc/master.cf" <<EOF
127.0.0.1:$SMTP_PORT inet n - n - 100 smtpd
pickup    unix  n - n 2 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
EOF
    touch -d '1 minute ago' "$postfix"/etc/* # what is younger than two seconds, every process of Postfix reads until it is not
    POSTFIX_CONFIG=$postfix/etc
    if ! postfix -c "$POSTFIX_CONFIG" start >"$WORK/log/postfix-start" 2>&1 || ! wait_for 30 port_open "$SMTP_PORT"; then
        cat "$WORK/log/postfix-start" "$WORK/log/postfix" >&2
        die "Postfix does not start (its log is above)"
    fi
    [ "${KEEP:-0}" = 1 ] || guard_postfix
}

# Postfix is nobody's child: when this script is killed, this stops it.
guard_postfix() {
    # shellcheck disable=SC2016 # of the inner shell
    setsid sh -c 'tail --pid="$1" -f /dev/null; postfix -c "$2" stop' guard $$ "$POSTFIX_CONFIG" >/dev/null 2>&1 </dev/null &
}

stop_postfix() {
    [ -n "${POSTFIX_CONFIG:-}" ] || return 0
    postfix -c "$POSTFIX_CONFIG" stop >/dev/null 2>&1
    POSTFIX_CONFIG=
}

send() { # send.py arguments without --port
    "$PYTHON" "$SYSTEM/send.py" --port "$SMTP_PORT" "$@"
}

delivered_count() { # MAILBOX: number of messages delivered to it
    find "$MAIL/$1/new" -type f 2>/dev/null | wc -l
}

has_delivered() { # MAILBOX N: at least N messages
    [ "$(delivered_count "$1")" -ge "$2" ]
}

queue_empty() {
    [ "$(postqueue -c "$POSTFIX_CONFIG" -p 2>/dev/null)" = "Mail queue is empty" ]
}

# The delivered file that has this Message-ID
delivered_file() { # MAILBOX MESSAGE-ID
    local file
    file=$(grep -lrF -e "$2" "$MAIL/$1/new" 2>/dev/null | head -n 1)
    [ -n "$file" ] && echo "$file"
}

# ---------------------------------------------------------------- verifiers: keys come from Knot, or from ZONE

verify_dkimpy() { # [--expect N] [--quiet] FILE...
    "$PYTHON" "$SYSTEM/verify_dkimpy.py" --dns "127.0.0.1:$DNS_PORT" "$@"
}

# Both keys signed every one of these files, and dkimpy and libopendkim accept every signature. Prints what does not.
signed_by_both() { # FILE...
    local out tool status=0
    for tool in verify_dkimpy verify_opendkim; do
        out=$("$tool" --expect 2 "$@") || { grep FAIL <<<"$out"; status=1; }
        if [ "$(grep -c "pass rsa-sha256 d=example.nl s=$RSA_SELECTOR " <<<"$out")" -ne $# ] ||
            [ "$(grep -c "pass ed25519-sha256 d=example.nl s=$ED_SELECTOR " <<<"$out")" -ne $# ]; then
            echo "$tool: not every one of $# messages has one good signature of each key"
            status=1
        fi
    done
    return "$status"
}

# No DKIM-Signature in the header
unsigned() { # FILE
    ! sed '/^\r*$/q' "$1" | grep -qai '^dkim-signature'
}

verify_opendkim() { # [--expect N] [--quiet] FILE...
    "$PYTHON" "$SYSTEM/verify_opendkim.py" --dns "127.0.0.1:$DNS_PORT" "$@"
}
