#!/bin/bash
# Inside the bare Debian of test_deb.sh, as a service of the systemd that has booted it: zegeld as the package has it, with its PIN in a
# file and as an encrypted credential, reloaded, hanging, killed, and upgraded under load. One verdict a line; the last one is 'that is all'.
# What deb_first_hour.sh has made is there. /newer.deb is the next version of the package.
set -u
SOCKET=/run/zegel/milter.sock

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then echo "ok   $name"; else
        echo "FAIL $name"
        journalctl --no-pager --boot -u zegeld -n 30
    fi
}
wait_for() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2
    done
}
main_pid() { systemctl show --property=MainPID --value zegeld; }
said() { journalctl --no-pager --boot -u zegeld -o cat | grep -c -e "$1"; } # REGEX: in how many lines
signs() { [ "$(LOAD_MESSAGES=4 /usr/local/bin/load unix "$SOCKET" 1 30 2048 2 | cut -d ' ' -f 5)" = 4 ]; }
at_most() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a <= b) }'; }

cp /usr/share/doc/zegel/examples/zegel.yaml /etc/zegel/zegel.yaml
check "systemctl start, PIN in a file" systemctl start zegeld
check "... signs" signs
in_journal() { [ -n "$(journalctl --no-pager --boot -u zegeld "$@" -o cat)" ]; } # FIELD=VALUE...
check "... journald has the queue id, the domain and the result as fields" wait_for 30 in_journal QUEUE_ID=LOADTEST RESULT=signed DOMAIN=example.nl

systemd-creds encrypt --name=zegel-pin /etc/zegel/pin /etc/zegel/pin.cred 2>/dev/null
mv /etc/zegel/pin /root/pin
sed -i 's|file:/etc/zegel/pin|credential:zegel-pin|' /etc/zegel/zegel.yaml
check "systemctl restart, PIN by LoadCredentialEncrypted alone" systemctl restart zegeld
check "... signs" signs
check "... in order: nobody was ended by a signal" test "$(said 'ended by signal')" -eq 0
exposure=$(systemd-analyze --no-pager security zegeld | sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
check "systemd-analyze security, of the unit that runs: $exposure" at_most "$exposure" 1.0
pid=$(main_pid)
check "systemctl reload" systemctl reload zegeld
reloaded() { [ "$(said 'configuration reloaded')" -eq 1 ]; }
check "... the same process has taken it" wait_for 30 reloaded
check "... the same process" test "$(main_pid)" = "$pid"

# ---- the next version of the package, under load
logins=$(said 'logged in')
/usr/local/bin/load unix "$SOCKET" 4 40 1000 2 >/load.out &
load=$!
sleep 1
check "dpkg -i of the next version" dpkg -i /newer.deb
replaced() { [ "$(said 'all processes replaced')" -eq 1 ]; }
wait_for 30 replaced
sleep 1
kill "$load"
wait "$load"
read -r _ _ _ _ good tempfail lost bad slowest _ </load.out
check "package upgraded under load: signed $good, tempfail $tempfail, lost $lost, bad $bad; slowest $((slowest / 1000)) ms" \
    test "$good" -gt 20 -a "$((tempfail + lost + bad))" -eq 0
check "... without a restart: pid $pid, then $(main_pid)" test "$(main_pid)" = "$pid"
all_new() { ! find /proc/[0-9]*/exe -lname '*zegel*(deleted)' 2>/dev/null | grep -q .; }
check "... nobody runs the old files" wait_for 30 all_new
check "... each new worker has logged in once: $(($(said 'logged in') - logins))" test "$(($(said 'logged in') - logins))" -eq 2

# ---- zegeld hangs, and is killed
mkdir -p /run/systemd/system/zegeld.service.d
printf '[Service]\nWatchdogSec=8s\n' >/run/systemd/system/zegeld.service.d/soon.conf
systemctl daemon-reload
systemctl restart zegeld
pid=$(main_pid)
kill -STOP "$pid"
another() { [ "$(main_pid)" != "$pid" ] && [ "$(main_pid)" != 0 ]; }
check "zegeld hangs: systemd's watchdog ends it, and there is another" wait_for 40 another
check "... signs" signs
pid=$(main_pid)
kill -KILL "$pid"
check "zegeld is killed: there is another" wait_for 30 another
check "... signs" signs
check "systemctl stop" systemctl stop zegeld
check "... nobody is left" test -z "$(find /proc/[0-9]*/exe -lname '*zegel*' 2>/dev/null)"
check "zegeld.socket" systemctl start zegeld.socket
check "... the first connection starts zegeld" signs
check "... which serves the socket of systemd" systemctl is-active --quiet zegeld
mv /root/pin /etc/zegel/pin
echo "that is all"
