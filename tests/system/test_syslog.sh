#!/bin/bash
# log: syslog, with rsyslog itself (of our own, at a /dev/log of our own): what is said of a message begins with Postfix's queue id, stands in the mail log as
# one line of facility mail with its program, process and priority, and goes on when rsyslog was started again.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root "$@"
if [ -z "${ZEGEL_DEV:-}" ]; then
    unshare -m --propagation private true 2>/dev/null || skip "mount namespaces are not permitted here"
    ZEGEL_DEV=1 exec unshare -m --propagation private "$0" "$@"
fi
PATH=$PATH:/usr/sbin
needs rsyslogd
need_programs
make_work_dir

own_dev() { # a /dev that has what programs want, and whose log is ours
    local node
    mkdir "$WORK/dev" && mount -t tmpfs -o mode=755 none "$WORK/dev" && mkdir "$WORK/dev/shm" && chmod 1777 "$WORK/dev/shm" &&
        ln -s /proc/self/fd "$WORK/dev/fd" || return 1
    for node in null zero random urandom; do
        : >"$WORK/dev/$node"
        mount --bind "/dev/$node" "$WORK/dev/$node" || return 1
    done
    mount --move "$WORK/dev" /dev
}
own_dev || skip "no /dev of our own: mounts are not permitted here"

# The first file is as Debian's rsyslog.conf has it, the other one what rsyslog made of each line.
cat >"$WORK/rsyslog.conf" <<CONFIG
module(load="imuxsock" SysSock.Name="/dev/log")
input(type="imuxsock" Socket="$WORK/log.sock")
template(name="fields" type="list" option.jsonf="on") {
    property(outname="program" name="programname" format="jsonf")
    property(outname="pid" name="procid" format="jsonf")
    property(outname="facility" name="syslogfacility-text" format="jsonf")
    property(outname="severity" name="syslogseverity-text" format="jsonf")
    property(outname="message" name="msg" format="jsonf")
}
mail.* action(type="omfile" file="$WORK/mail.log" template="RSYSLOG_TraditionalFileFormat")
*.* action(type="omfile" file="$WORK/fields.log" template="fields")
CONFIG
start_rsyslog() {
    start rsyslog rsyslogd -n -f "$WORK/rsyslog.conf" -i "$WORK/rsyslog.pid"
    RSYSLOG_PID=$STARTED
    wait_for 30 test -S /dev/log -a -S "$WORK/log.sock" || die "rsyslogd does not listen"
}
# line FIELD=REGEX...: rsyslog has a line with all of these
line() {
    "$PYTHON" - "$WORK/fields.log" "$@" <<'PY'
import json, re, sys
wanted = [w.split("=", 1) for w in sys.argv[2:]]
lines = [json.loads(text) for text in open(sys.argv[1])]
sys.exit(not any(all(re.fullmatch(regex, j[field].strip()) for field, regex in wanted) for j in lines))
PY
}
has_line() { verdict "$1" "" wait_for 30 line "${@:2}"; }
sent() { # FILE [OPTION...]: sets ID, the queue id that Postfix gave it
    ID=$(send --from someone@example.nl --to inbox@example.org "${@:2}" "$1" 2>&1 | sed -n 's/.*queued as \([0-9A-Za-z]*\).*/\1/p' | head -n 1)
    [ -n "$ID" ] || not_ok "mail" "not taken: $1"
}

start_rsyslog
write_zegel_config --more "log: syslog"
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
start_knot
start_zegeld
start_postfix "mynetworks_style = host"
has_line "a start" 'program=zegeld' 'facility=mail' 'severity=info' 'message=ready: 1 domains, 1 tokens, 1 sockets'
sent "$SYSTEM/messages/1-plain.eml"
has_line "a signed message" "message=$ID: client=127\.0\.0\.1 domain=example\.nl: signed, 2 signatures result=signed" 'program=zegel-milter' 'facility=mail' 'severity=info' \
    "pid=$(pgrep -P "$ZEGELD_PID" zegel-milter)"
verdict "... in mail.log, where that of Postfix goes too" "$(grep "$ID" "$WORK/mail.log")" \
    grep -qE "^[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [^ ]+ zegel-milter\[[0-9]+\]: $ID: client=.* result=signed$" "$WORK/mail.log"

# What is refused has a queue id too, which Postfix writes into its own log alone.
refused_id() { grep "milter-reject: .*$1" "$WORK/log/postfix" | sed -n 's/.*cleanup\[[0-9]*\]: \([0-9A-Za-z]*\): milter-reject.*/\1/p' | tail -n 1; }
printf 'From: a@example.nl\r\nFrom: b@example.nl\r\nSubject: two\r\n\r\nx\r\n' >"$WORK/two.eml"
send --from someone@example.nl --to inbox@example.org "$WORK/two.eml" >/dev/null 2>&1
wait_for 30 grep -q milter-reject "$WORK/log/postfix"
has_line "two From fields" "message=$(refused_id .): .*refused, 550: .* result=malformed" 'program=zegel-milter' 'severity=info'
mapfile -t workers < <(token_workers)
freeze "${workers[@]}"
send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/1-plain.eml" >/dev/null 2>&1
temporary() { [ -n "$(refused_id '4\.7\.')" ]; }
wait_for 60 temporary || not_ok "a token that does not answer" "not refused: $(grep milter-reject "$WORK/log/postfix")"
has_line "a token that does not answer" "message=warning: $(refused_id '4\.7\.'): .*not signed, 451: .* result=tempfailed" 'program=zegel-milter' 'severity=warning'
kill -CONT "${workers[@]}"

# ---- without the daemon: mail goes on, and what is said goes to standard error; with it again, there
stop_pid "$RSYSLOG_PID"
sent "$SYSTEM/messages/2-attachment.eml"
verdict "rsyslogd is gone: mail is signed, the line goes to standard error" "$(grep "$ID" "$WORK/log/zegeld")" wait_for 30 grep -q "$ID: .*: signed, 2 signatures" "$WORK/log/zegeld"
start_rsyslog
sent "$SYSTEM/messages/3-utf8.eml"
has_line "and back: it has the lines again, of the same processes" "message=$ID: .* signed, 2 signatures result=signed"

# ---- another socket
sed -i "s|^log: .*|log: syslog:$WORK/log.sock|" "$WORK/zegel.yaml"
stop_zegeld
start_zegeld
sent "$SYSTEM/messages/4-folding.eml"
has_line "log: syslog:/PATH" "message=$ID: .* signed, 2 signatures result=signed"
conclude
