#!/bin/bash
# Sendmail, which speaks milter itself, signs and verifies through zegel-milter as hostd/handbook/mta.md configures it.
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
start_signing milter inbound
cat >>zegel.yaml <<EOF
front-ends: [{listen: "unix:$WORK/run/inbound.sock", verify: yes, authserv-id: mx.example.nl}]
EOF
kill -HUP "$ZEGELD_PID"
wait_for 30 grep -q 'all processes replaced' log/zegeld || die "no reload"
SMTP_PORT=$(free_port)
MX_PORT=$(free_port)
install -d -m 700 /var/spool/mqueue /var/lib/sendmail/host_status
chmod 755 "$WORK"
make_certificate rsa:2048
configuration() { # PORT SOCKET: standard output
    m4 -D_CF_DIR_=/usr/share/sendmail/cf/ /usr/share/sendmail/cf/m4/cf.m4 - 2>/dev/null <<EOF
OSTYPE(\`debian')dnl
DOMAIN(\`debian-mta')dnl
FEATURE(\`no_default_msa')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`accept_unqualified_senders')dnl
FEATURE(\`promiscuous_relay')dnl
FEATURE(\`nocanonify')dnl
define(\`confDOMAIN_NAME', \`mail.example.nl')dnl
define(\`confSERVICE_SWITCH_FILE', \`$WORK/switch')dnl
define(\`confLOG_LEVEL', \`9')dnl
define(\`ALIAS_FILE', \`')dnl
define(\`confCONTROL_SOCKET_NAME', \`')dnl
define(\`STATUS_FILE', \`$WORK/statistics')dnl
define(\`confTO_IDENT', \`0')dnl
define(\`confTRUSTED_USER', \`root')dnl
define(\`confPID_FILE', \`$WORK/sendmail-$1.pid')dnl
define(\`confMIN_QUEUE_AGE', \`0')dnl
define(\`confDONT_PROBE_INTERFACES', \`true')dnl
define(\`RELAY_MAILER_ARGS', \`TCP [127.0.0.1] $SINK_PORT')dnl
define(\`ESMTP_MAILER_ARGS', \`TCP [127.0.0.1] $SINK_PORT')dnl
define(\`SMART_HOST', \`esmtp:[127.0.0.1]')dnl
define(\`confSERVER_CERT', \`$WORK/tls.pem')dnl
define(\`confSERVER_KEY', \`$WORK/tls.key')dnl
define(\`confCACERT', \`$WORK/tls.pem')dnl
define(\`confCACERT_PATH', \`/etc/ssl/certs')dnl
define(\`confTLS_SRV_OPTIONS', \`V')dnl
define(\`confAUTH_OPTIONS', \`p')dnl
define(\`confAUTH_MECHANISMS', \`PLAIN')dnl
TRUST_AUTH_MECH(\`PLAIN')dnl
DAEMON_OPTIONS(\`Family=inet, Name=MTA, Port=$1, Addr=127.0.0.1')dnl
dnl --- from the handbook
INPUT_MAIL_FILTER(\`zegel', \`S=unix:$WORK/run/$2.sock, F=T, T=C:1m;S:30s;R:3m;E:5m')dnl
dnl ---
MAILER(\`smtp')dnl
EOF
}
echo 'hosts files' >switch
# Who may log in, where libsasl2 looks for it; --starttls, since PLAIN is not offered without ("p")
for account in piet:example.nl jan:example.org; do
    printf geheim | saslpasswd2 -p -c -f "$WORK/sasldb2" -u "${account#*:}" "${account%:*}" || die "saslpasswd2"
done
mount -t tmpfs tmpfs /usr/lib/sasl2
printf '%s\n' 'pwcheck_method: auxprop' 'auxprop_plugin: sasldb' "sasldb_path: $WORK/sasldb2" 'mech_list: PLAIN' >/usr/lib/sasl2/Sendmail.conf
configuration "$SMTP_PORT" milter >sendmail.cf || die "m4"
configuration "$MX_PORT" inbound >mx.cf || die "m4"
SENDMAIL=/usr/libexec/sendmail/sendmail
start sendmail "$SENDMAIL" -C "$WORK/sendmail.cf" -bD -q1s -X "$WORK/log/smtp"
start mx "$SENDMAIL" -C "$WORK/mx.cf" -bD
wait_for 30 port_open "$SMTP_PORT" || die "Sendmail does not listen: $(cat log/sendmail)"
wait_for 30 port_open "$MX_PORT" || die "Sendmail does not listen: $(cat log/mx)"
submit() { # FILE SOURCE [LOGIN]: the answer
    send --source "$2" --from piet@example.nl --to inbox@example.org ${3:+--starttls --login "$3"} "$1"
}
own() { # FILE: as the machine's own mail, over standard input
    "$PYTHON" - "$1" "$SENDMAIL" -C "$WORK/sendmail.cf" -bs <<'PY'
import smtplib, socket, subprocess, sys
ours, theirs = socket.socketpair()
subprocess.Popen(sys.argv[2:], stdin=theirs, stdout=theirs)
theirs.close()
smtp = smtplib.SMTP(local_hostname="mail.example.nl")
smtp.sock, smtp.file = ours, None
smtp.getreply()
smtp.sendmail("piet@example.nl", ["inbox@example.org"], open(sys.argv[1], "rb").read().replace(b"\n", b"\r\n"))
smtp.quit()
PY
}
senders_are_told_apart
message piet@example.nl local >m
own m
is_signed "the machine's own mail is signed" local
message piet@example.nl loopback >m
expect_answer "SMTP from loopback, as from Sendmail's own submission program" "250 *" "$(submit m 127.0.0.1)"
is_unsigned "is from no trusted network" loopback
for file in "$SYSTEM"/messages/*; do
    submit "$file" 192.0.2.1 >/dev/null
    is_signed "message ${file##*/}" "$(message_id "$file")"
done
{ echo "From: boss@example.nl"; message piet@example.nl two; } >m
expect_answer "two From fields" "550 5.6.0 *" "$(submit m 192.0.2.1)"
for pid in $(pgrep -P "$ZEGELD_PID" zegel-signer); do freeze "$pid"; done
message piet@example.nl stopped >m
submit m 192.0.2.1 >stopped-answer &
stopped=$!
sleep 2
pgrep -P "$ZEGELD_PID" zegel-signer | xargs kill -CONT
wait "$stopped"
expect_answer "mail that is signed waits for zegel-signer" "250 *" "$(cat stopped-answer)"
is_signed "and goes out signed" stopped
mv run/milter.sock run/away
expect_answer "no zegel-milter" "4* " "$(submit m 192.0.2.1) "
mv run/away run/milter.sock

# ---- inbound
{ echo "Authentication-Results: mx.example.nl; dkim=pass header.d=bank.example"; echo "Authentication-Results: other.example; dkim=fail"
  message piet@example.nl forged; } >m
SMTP_PORT=$MX_PORT
expect_answer "inbound" "250 *" "$(submit m 198.51.100.1)"
wait_for 30 sunk forged >/dev/null
got=$(grep -i '^Authentication-Results' "$(sunk forged)" | tr -d '\r')
expect_answer "the result is on top, the forged one is gone" "Authentication-Results: mx.example.nl; dkim=none
Authentication-Results: other.example; dkim=fail" "$got"

conclude
