#!/bin/bash
# The running daemon, seen from outside: each process a user of its own, no capability, no new privileges, a seccomp filter; mail
# is signed all the same.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

begin "$@"
same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "$2, not $3"; fi; } # NAME GOT WANTED

write_zegel_config --trusted 127.0.0.0/8
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
start_knot
# Users that every Debian has; who they are does not matter here.
sed -i '1i users: {milter: nobody, signer: daemon, token: games, resolver: sync, status: bin}' "$WORK/zegel.yaml"
inbound=inet:$(free_port)@127.0.0.1
sed -i "s/^listen:/listen:\n  - $inbound/" "$WORK/zegel.yaml"
echo "front-ends: [{listen: \"$inbound\", verify: yes, authserv-id: mx.example.nl}]" >>"$WORK/zegel.yaml"
chown -R games "$WORK/softhsm/tokens"
# The checkout may lie where these users cannot go.
mkdir "$WORK/libexec"
cp "$BUILD"/zegel-* "$WORK/libexec/"
export ZEGEL_LIBEXEC_DIR=$WORK/libexec
start_zegeld

field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; } # PID NAME
sanitized=$(nm "$BUILD/zegel-milter" | grep -c __asan_init || true)
sanitized=$((sanitized + $(nm "$BUILD/zegel-milter" | grep -c __tsan_init || true)))
for pid in $(descendants "$ZEGELD_PID"); do
    name=$(cat "/proc/$pid/comm")
    case $name in
    zegel-milter) user=nobody ;;
    zegel-signer) user=daemon ;;
    zegel-token) user=games ;;
    zegel-resolver) user=sync ;;
    zegel-status) user=bin ;;
    *) not_ok "process" "what is $name?" && continue ;;
    esac
    same "$name: user" "$(field "$pid" Uid | cut -f 1,2,3,4 | tr '\t' ' ')" "$(printf '%s ' "$(id -u "$user")"{,,,} | sed 's/ $//')"
    same "$name: supplementary groups are the user's" "$(field "$pid" Groups | tr ' ' '\n' | sort -n | xargs)" "$(id -G "$user" | tr ' ' '\n' | sort -n | xargs)"
    same "$name: no new privileges" "$(field "$pid" NoNewPrivs)" 1
    same "$name: no capability" "$(field "$pid" CapEff)" 0000000000000000
    if [ "$sanitized" -eq 0 ]; then
        same "$name: seccomp filter" "$(field "$pid" Seccomp)" 2
        same "$name: no core dump" "$(awk '/Max core file size/ { print $5, $6 }' "/proc/$pid/limits")" "0 0"
        same "$name: not dumpable, so /proc belongs to root" "$(stat -c %U "/proc/$pid/mem")" root
    fi
    # Only the sockets it was given, and no file but what its work is.
    files=$(find "/proc/$pid/fd" -lname '/*' -printf '%l\n' | grep -vE '^/dev/null$|/log/zegeld$|/audit/records-[0-9]*.jsonl$|/softhsm/tokens/' || true)
    same "$name: open files" "$files" ""
done
[ -n "$(pgrep -P "$ZEGELD_PID" zegel-token)" ] || not_ok "token" "no zegel-token"
same "state: audit belongs to the signer" "$(stat -c '%U %a' "$WORK/state/audit")" "daemon 700"
same "state: PIN latch belongs to the token worker" "$(stat -c '%U %a' "$WORK/state/pin")" "games 700"

start_postfix "mynetworks_style = host"
if send --from someone@example.nl --to inbox@example.org "$SYSTEM"/messages/*.eml >"$WORK/answers" && wait_for 30 has_delivered inbox 6 &&
    out=$(signed_by_both "$MAIL"/inbox/new/*); then
    ok "six messages signed by both keys"
else
    not_ok "signing" "$(cat "$WORK/answers") ${out:-}"
fi
same "audit: a record for each signature" "$(wc -l <"$WORK/state/audit/records-0000000000000000.jsonl")" 12
# The PIN is in no process once it was used: not in the worker, that asks for it anew, and not in zegeld, that read it.
has_pin() { # PID...: prints those in whose memory the PIN stands, and whether in pages that are never swapped out
    "$PYTHON" - "$WORK/pin" "$@" <<'EOF'
import sys
pin = open(sys.argv[1], "rb").read().strip()
for pid in sys.argv[2:]:
    with open(f"/proc/{pid}/smaps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            word = line.split()[0]
            if "-" in word:
                where, found = line.split(), False
                start, end = (int(x, 16) for x in word.split("-"))
                try:
                    mem.seek(start)
                    found = where[1][0] == "r" and pin in mem.read(end - start)
                except (OSError, ValueError, OverflowError):
                    pass
            elif word == "VmFlags:" and found:
                print(pid, where[-1], "locked" if "lo" in line.split() else "UNLOCKED")
EOF
}
if [ "$sanitized" -eq 0 ]; then # they keep freed memory as it was
    # shellcheck disable=SC2034
    in_here=$(cat "$WORK/pin") # the search finds what is there
    [ -n "$(has_pin $$)" ] || not_ok "search for the PIN" "does not find it in this shell"
    unset in_here
    # shellcheck disable=SC2046
    same "no process has the PIN" "$(has_pin "$ZEGELD_PID" $(descendants "$ZEGELD_PID"))" ""
fi
same "zegeld: no core dump" "$(awk '/Max core file size/ { print $5, $6 }' "/proc/$ZEGELD_PID/limits")" "0 0"
# Who steals the disk: neither the state nor the log tells the PIN.
same "no file of ours has the PIN" "$(grep -rlaF -f "$WORK/pin" "$WORK/state" "$WORK/log" "$WORK/zegel.yaml" | xargs)" ""
kill -HUP "$ZEGELD_PID"
wait_for 30 grep -q 'configuration reloaded' "$WORK/log/zegeld" || not_ok "reload" "not said"
send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/1-plain.eml" >/dev/null || not_ok "after reload" "not taken"
if [ "$(pgrep -cP "$ZEGELD_PID")" -eq 7 ] && ! grep -q 'ended' "$WORK/log/zegeld"; then ok "no process ended meanwhile"; else not_ok "processes" "$(grep ended "$WORK/log/zegeld")"; fi
# zegeld replaced while Postfix sends.
replaced() { [ "$(grep -c 'all processes replaced' "$WORK/log/zegeld")" -ge "$1" ]; }
for i in 1 2 3; do
    kill -USR2 "$ZEGELD_PID"
    send --from someone@example.nl --to inbox@example.org "$SYSTEM"/messages/*.eml >"$WORK/answers" || not_ok "upgrade $i" "$(cat "$WORK/answers")"
    wait_for 30 replaced "$i" || not_ok "upgrade $i" "$(tail -n 3 "$WORK/log/zegeld")"
done
if wait_for 30 has_delivered inbox 25 && out=$(signed_by_both "$MAIL"/inbox/new/*); then ok "three upgrades: 18 messages of Postfix, all signed"; else not_ok "upgrade" "${out:-not delivered}"; fi
for pid in $(pgrep -P "$ZEGELD_PID" zegel-signer); do same "the new signer's user" "$(field "$pid" Uid | cut -f 2)" "$(id -u daemon)"; done
stop_zegeld
sed -i 's/milter: nobody/milter: nosuchuser/' "$WORK/zegel.yaml"
timeout 10 "$BUILD/zegeld" --config "$WORK/zegel.yaml" >"$WORK/out" 2>&1
same "unknown user: does not start" "$?" 2
sed -i 's/milter: nosuchuser/milter: nobody/' "$WORK/zegel.yaml"

# ---- what somebody else may have left where root starts us
refused() { # NAME WORD: zegeld does not start, and says that word
    timeout 10 "$BUILD/zegeld" --config "${CONFIG:-$WORK/zegel.yaml}" >"$WORK/out" 2>&1
    local status=$?
    if [ "$status" -ge 2 ] && [ "$status" -le 3 ] && grep -qF -e "$2" "$WORK/out"; then ok "$1"; else not_ok "$1" "status $status: $(cat "$WORK/out")"; fi
}
mkdir "$WORK/theirs"
chown nobody "$WORK/theirs"
cp "$WORK/zegel.yaml" "$WORK/theirs/"
CONFIG=$WORK/theirs/zegel.yaml refused "configuration in somebody else's directory" "$WORK/theirs: others than root"
ln -s "$WORK/theirs/zegel.yaml" "$WORK/link.yaml"
CONFIG=$WORK/link.yaml refused "a link to it" "$WORK/theirs: others than root"
touch "$WORK/theirs/file"
chown nobody "$WORK/theirs/file"
softhsm_conf=$SOFTHSM2_CONF libexec=$ZEGEL_LIBEXEC_DIR
for name in OPENSSL_CONF SOFTHSM2_CONF OPENSC_CONF LD_LIBRARY_PATH OPENSSL_MODULES ZEGEL_LIBEXEC_DIR; do
    path=$WORK/theirs/file
    case $name in *_PATH | *_MODULES | *_DIR) path=$WORK/theirs ;; esac
    export "$name=$path"
    refused "\$$name of somebody else" "$name: $path: others than root"
    unset "$name"
done
export SOFTHSM2_CONF=$softhsm_conf ZEGEL_LIBEXEC_DIR=$libexec
# A signer that was taken over left a link: nothing of ours is given away through it.
mv "$WORK/state/audit" "$WORK/state/audit.away"
mkdir "$WORK/roots"
ln -s "$WORK/roots" "$WORK/state/audit"
refused "state: audit is a link" "audit: is no directory"
same "... and where it leads stays root's" "$(stat -c %U "$WORK/roots")" root
rm "$WORK/state/audit"
mkdir "$WORK/state/audit"
chown games "$WORK/state/audit"
refused "state: audit belongs to another of our users" "audit: belongs to somebody else"
rmdir "$WORK/state/audit"
mv "$WORK/state/audit.away" "$WORK/state/audit"
chmod 777 "$WORK/state"
refused "state: anybody can write it" "others than its owner"
chmod 711 "$WORK/state"

# ---- where the PIN stands while it is needed: the login hangs
# shellcheck source-path=SCRIPTDIR source=faultlib.sh
. "$(dirname "$0")/faultlib.sh"
if [ "$sanitized" -eq 0 ]; then
    stop_zegeld
    rm -rf "$WORK/state" "$WORK/softhsm"
    make_fault_tokens >/dev/null || die "no fault tokens"
    write_fault_config 20s
    fault rule C_Login 1+ hang
    start_zegeld
    hangs() { [ "$(fault fired)" -gt 0 ]; }
    wait_for 30 hangs || not_ok "login that hangs" "it does not"
    # shellcheck disable=SC2046
    places=$(has_pin "$ZEGELD_PID" $(descendants "$ZEGELD_PID"))
    if [ -n "$places" ] && ! grep -v ' locked$' <<<"$places"; then ok "while C_Login hangs" "the PIN stands in locked memory: $(wc -l <<<"$places") place"; else not_ok "the PIN in locked memory" "$places"; fi
fi

conclude
