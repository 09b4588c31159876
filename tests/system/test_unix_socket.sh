#!/bin/bash
# The milter on a Unix socket: Postfix reaches it through socket-group, nobody else does; a second zegeld does not take it away.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

begin "$@"

mkdir "$WORK/run"
chmod 711 "$WORK/run"
socket=$WORK/run/milter.sock
write_zegel_config --trusted 127.0.0.0/8
sed -i "s|inet:$MILTER_PORT@127.0.0.1|unix:$socket|; 1i socket-group: postfix" "$WORK/zegel.yaml"
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
start_knot
start zegeld "$BUILD/zegeld" --config "$WORK/zegel.yaml"
ZEGELD_PID=$STARTED
check "socket is made" wait_for 30 test -S "$socket"
check "socket belongs to the group, others have no access" [ "$(stat -c '%G %a' "$socket")" = "postfix 660" ]
start_postfix "smtpd_milters = unix:$socket" "non_smtpd_milters = unix:$socket"
check "Postfix takes mail" send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/1-plain.eml"
check "delivered" wait_for 30 has_delivered inbox 1
check "signed by both keys" signed_by_both "$MAIL"/inbox/new/*
second() { timeout 10 "$BUILD/zegeld" --config "$WORK/zegel.yaml" >"$WORK/seen" 2>&1; [ $? -eq 2 ] && grep -q "$socket: socket in use" "$WORK/seen"; }
check "a second zegeld ends, and says why" second
check "the first one still signs" send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/2-attachment.eml"
stop_zegeld
start zegeld "$BUILD/zegeld" --config "$WORK/zegel.yaml"
ZEGELD_PID=$STARTED
check "a left-over socket is replaced" wait_for 30 sh -c "ss -Hlx | grep -q '$socket'"
check "and serves" wait_for 30 send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/3-utf8.eml"
sed -i 's/socket-group: postfix/socket-group: nosuchgroup/' "$WORK/zegel.yaml"
stop_zegeld
unknown() { timeout 10 "$BUILD/zegeld" --config "$WORK/zegel.yaml" >"$WORK/seen" 2>&1; [ $? -eq 2 ] && grep -q 'nosuchgroup: no such group' "$WORK/seen"; }
check "unknown group is said" unknown
conclude
