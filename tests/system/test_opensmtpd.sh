#!/bin/bash
# OpenSMTPD signs through its filter zegel-opensmtpd, as hostd/handbook/mta.md configures it: the real smtpd, and lines that a real one does
# not write. What was not judged is not taken.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=mtalib.sh
. "$(dirname "$0")/mtalib.sh"

own_machine "$@"
begin "$@"
furnish_machine
cd "$WORK" || die "no $WORK"
start_sink
start_signing opensmtpd inbound
cat >>zegel.yaml <<EOF
front-ends: [{listen: "unix:$WORK/run/inbound.sock", verify: yes, authserv-id: mx.example.nl}]
EOF
kill -HUP "$ZEGELD_PID"
wait_for 30 grep -q 'all processes replaced' log/zegeld || die "no reload"
SMTP_PORT=$(free_port)
MX_PORT=$(free_port)
mkdir -p /var/lib/opensmtpd/empty
chmod 711 /var/lib/opensmtpd/empty
cp "$BUILD/zegel-opensmtpd" "$WORK/zegel-opensmtpd"
chmod 755 "$WORK"
chgrp opensmtpq run/opensmtpd.sock run/inbound.sock
chmod 660 run/opensmtpd.sock run/inbound.sock
make_certificate rsa:2048
AUTH_PORT=$(free_port)
encrypted=$(openssl passwd -6 geheim)
printf '%s %s\n' piet@example.nl "$encrypted" jan@example.org "$encrypted" >accounts
cat >smtpd.conf <<EOF
pki mail.example.nl cert "$WORK/tls.pem"
pki mail.example.nl key "$WORK/tls.key"
table accounts file:$WORK/accounts
filter zegel proc-exec "/usr/bin/env -u LD_PRELOAD $WORK/zegel-opensmtpd --socket $WORK/run/opensmtpd.sock" user opensmtpd group opensmtpq
filter inbound proc-exec "/usr/bin/env -u LD_PRELOAD $WORK/zegel-opensmtpd --socket $WORK/run/inbound.sock" user opensmtpd group opensmtpq
listen on socket filter zegel
listen on lo port $SMTP_PORT filter zegel
listen on lo port $MX_PORT filter inbound
listen on lo port $AUTH_PORT tls-require pki mail.example.nl auth <accounts> filter zegel
action out relay host smtp://127.0.0.1:$SINK_PORT
match from any for any action out
EOF
smtpd -n -f "$WORK/smtpd.conf" >conf 2>&1 || die "$(cat conf)"
install -g opensmtpq -m 2555 /usr/sbin/smtpctl run/sendmail
cp "$BUILD/tests/smtpdkey.so" . # without, it takes no TLS connection
start smtpd env LD_PRELOAD="$WORK/smtpdkey.so" smtpd -d -f "$WORK/smtpd.conf"
SMTPD_PID=$STARTED
wait_for 30 port_open "$SMTP_PORT" || die "smtpd does not listen: $(cat log/smtpd)"

submit() { # FILE SOURCE [LOGIN]: the answer
    send --source "$2" --from piet@example.nl --to inbox@example.org ${3:+--port "$AUTH_PORT" --starttls --login "$3"} "$1"
}
senders_are_told_apart
message piet@example.nl loopback >m
expect_answer "SMTP from loopback" "250 *" "$(submit m 127.0.0.1)"
is_unsigned "is not the machine's own mail" loopback
message piet@example.nl local | run/sendmail -f piet@example.nl inbox@example.org
is_signed "the machine's own mail is signed" local
for file in "$SYSTEM"/messages/*; do
    submit "$file" 192.0.2.1 >/dev/null
    is_signed "message ${file##*/}" "$(message_id "$file")"
done
shut_in zegel-opensmtpd
# many at once, in sessions that overlap; and clients that go away in the middle
seq 12 | while read -r n; do message piet@example.nl "crowd$n" >"c$n"; done
crowd=()
for n in $(seq 12); do
    submit "c$n" 192.0.2.1 >/dev/null &
    crowd+=($!)
    "$PYTHON" -c 'import smtplib, sys
s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), source_address=("192.0.2.1", 0)); s.ehlo(); s.mail("a@example.nl"); s.rcpt("b@example.org")
s.putcmd("data"); s.getreply(); s.send(b"From: a@example.nl\r\nMessage-ID: <gone@example.nl>\r\n\r\nhalf of" + b".\r\n" * 3); s.close()' "$SMTP_PORT" &
    crowd+=($!)
done
wait "${crowd[@]}"
for n in $(seq 12); do is_signed "crowd $n" "crowd$n"; done
if grep -rq '<gone@' sink; then not_ok "clients that went away" "their mail was sent"; else ok "of clients that went away nothing is sent"; fi

# ---- what is not taken
{ echo "From: boss@example.nl"; message piet@example.nl two; } >m
expect_answer "two From fields" "550 5.6.0 *" "$(submit m 192.0.2.1)"
{ message piet@example.nl nofield | sed '3i no field at all'; } >m
expect_answer "a line that is no field" "550 5.6.0 *" "$(submit m 192.0.2.1)"
message piet@example.nl stopped >m
for pid in $(pgrep -P "$ZEGELD_PID" zegel-signer); do freeze "$pid"; done
submit m 192.0.2.1 >stopped-answer &
stopped=$!
message piet@example.nl beside >m2
sleep 1
expect_answer "while zegel-signer hangs, a stranger" "250 *" "$(submit m2 198.51.100.1)"
pgrep -P "$ZEGELD_PID" zegel-signer | xargs kill -CONT
wait "$stopped"
expect_answer "mail that is signed waits" "250 *" "$(cat stopped-answer)"
is_signed "and goes out signed" stopped
message piet@example.nl back >m
mv run/opensmtpd.sock run/away
expect_answer "no zegel-milter" "451 4.7.5 *" "$(submit m 192.0.2.1)"
expect_answer "not even a stranger's mail goes on" "451 4.7.5 *" "$(submit m2 198.51.100.1)"
install -d -o nobody "$WORK/nobody"
start impostor runuser -u nobody -- "$PYTHON" -c '
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5)
while True: s.accept()[0].send(b"\0\0\0\rO\0\0\0\6\0\0\0\21\0\20\3\x8a")' "$WORK/nobody/socket"
wait_for 30 test -S "$WORK/nobody/socket" && mv "$WORK/nobody/socket" run/opensmtpd.sock && chmod 666 run/opensmtpd.sock
expect_answer "somebody else on the socket" "451 4.7.5 *neither root nor user zegel*" "$(submit m 192.0.2.1)"
mv run/away run/opensmtpd.sock
expect_answer "once it is back" "250 *" "$(submit m 192.0.2.1)"
is_signed "it is signed" back
kill -0 "$SMTPD_PID" || not_ok "smtpd" "has ended"

# ---- inbound: a body in one packet, and in many
for lines in 1 4000; do
    { echo "Authentication-Results: mx.example.nl; dkim=pass header.d=bank.example"; echo "Authentication-Results: other.example; dkim=fail"
      message piet@example.nl "forged$lines"; yes 'A line of the body.' | head -n "$lines"; } >m
    expect_answer "inbound, $lines lines" "250 *" "$(SMTP_PORT=$MX_PORT submit m 198.51.100.1)"
    wait_for 30 sunk "forged$lines" >/dev/null
    expect_answer "the result is on top, the forged one is gone" "Authentication-Results: mx.example.nl; dkim=none
Authentication-Results: other.example; dkim=fail" "$(grep -i '^Authentication-Results' "$(sunk "forged$lines")" | tr -d '\r')"
done

# ---- the lines of an smtpd that we play: those of other versions, and nonsense
"$PYTHON" "$SYSTEM/smtpd_lines.py" "$WORK/zegel-opensmtpd" "$WORK/run/opensmtpd.sock" || not_ok "the cases" "see above"

conclude
