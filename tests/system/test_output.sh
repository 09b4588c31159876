#!/bin/bash
# What zegel prints: with --json, JSON, from every command that prints data; and on a terminal, what takes long says that it goes on, and leaves nothing behind.
# shellcheck disable=SC2034 # of dnslib.sh
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"
# shellcheck source-path=SCRIPTDIR source=faultlib.sh
. "$(dirname "$0")/faultlib.sh"

own_network "$@"
need_programs
make_work_dir
ZONES="example.nl rot.nl"
for zone in $ZONES; do plain_zone "$zone"; done
# shellcheck disable=SC2119
allow_updates
start_internet
(umask 077; echo "$SECRET" >"$WORK/secret")
write_zegel_config --more "  - domain: rot.nl" --more "    rotation: yes" --more "dns: {resolver: $WORK/resolver.conf, update: {server: 127.0.0.2, key: zegel, secret: 'file:$WORK/secret'}}" \
    --more "rotation: {backup: required, publish: dns-update}" --more 'senders: [{network: local, domains: ["*"]}, {network: 127.0.0.0/8, domains: ["*"]}]' --more 'audit: {key: "pkcs11:token=zegel;object=audit.example.nl/log"}'
# A token that can be made slow.
export P11FAULT_MODULE P11FAULT_CONTROL=$WORK/fault
P11FAULT_MODULE=$(softhsm_module)
fault new
sed -i "s|    module: .*|    module: $BUILD/tests/p11fault.so\n    profile: local\n    read: [$BUILD/tests, $P11FAULT_MODULE]\n    write: [$WORK/fault]|" "$WORK/zegel.yaml"
chmod 700 "$WORK/state"
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"

# ---- JSON
ran=$'\n'
# json COMMAND... -- ARGUMENTS: what it prints is JSON, and nothing but
json() {
    local command=() code=0
    while [ "$1" != -- ]; do command+=("$1"); shift; done
    shift
    zegel "${command[@]}" --json "$@" >"$WORK/seen" 2>"$WORK/err" <"${INPUT:-/dev/null}" || code=$?
    ran+="${command[*]}"$'\n'
    verdict "zegel ${command[*]} --json" "exit code $code $(head -c 200 "$WORK/err")" \
        "$PYTHON" -c 'import json, sys; value = json.load(open(sys.argv[1])); sys.exit(not isinstance(value, (dict, list)))' "$WORK/seen"
}
fields() { # NAME...: the object has these
    verdict "... has $*" "" "$PYTHON" -c 'import json, sys; v = json.load(open(sys.argv[1])); v = v[0] if isinstance(v, list) else v; sys.exit(not set(sys.argv[2:]) <= set(v))' "$WORK/seen" "$@"
}
json token init -- --token softhsm --label second --so-pin-file "$WORK/so-pin"
fields name label serial
json token list --
fields label serial module
json token info --
json token unlatch -- softhsm
json key generate -- --domain audit.example.nl --selector log --algorithm ed25519
json key generate -- --domain example.nl --selector gone --algorithm ed25519
json key destroy -- --domain example.nl --selector gone
fields label destroyed
json key list --
json key show -- --domain example.nl --selector "$ED_SELECTOR"
json key forget -- --domain example.nl --selector "$ED_SELECTOR"
json dns record --
json dns publish --
fields name status
refreshed() { knotc -s "$WORK/secondary/knot.sock" zone-refresh example.nl >/dev/null; zegel dns check >/dev/null; }
wait_for 30 refreshed || not_ok "zegel dns check" "$(zegel dns check 2>&1)"
json dns check --
json dns observe --
fields name records
json check -- example.nl --no-canary
printf 'From: a@example.nl\nSubject: x\n\nHello.\n' >"$WORK/message"
json sign -- --explain "$WORK/message"
zegel sign <"$WORK/message" >"$WORK/signed" || not_ok "zegel sign" "see above"
INPUT=$WORK/signed json verify --
fields result domain
start_zegeld
LOAD_MESSAGES=4 "$LOAD" 127.0.0.1 "$MILTER_PORT" 1 30 2048 2 >/dev/null || not_ok "mail" "not signed"
json status --
json top -- --count 1
json audit key --
key=$(zegel audit key)
covered() { zegel audit verify --key "$key" 2>/dev/null | grep -q '^whole: 8 .*covers the first 8'; }
wait_for 30 covered || not_ok "a checkpoint over 8 records" "$(zegel audit verify --key "$key" 2>&1)"
json audit verify -- --key "$key"
json audit export -- --key "$key"
verdict "... all 8 records" "" "$PYTHON" -c 'import json, sys; sys.exit([r["seq"] for r in json.load(open(sys.argv[1]))] != list(range(8)))' "$WORK/seen"
verdict "... without --json, a line for each" "" [ "$(zegel audit export --key "$key" | "$PYTHON" -c 'import json, sys; print(len([json.loads(line) for line in sys.stdin]))')" = 8 ]
json audit prove -- --key "$key" 3
fields record inclusion_path
mkdir "$WORK/etc"
printf 'compatibility_level = 3.6\nqueue_directory = %s\n' "$WORK" >"$WORK/etc/main.cf"
echo 'smtp inet n - n - - smtpd' >"$WORK/etc/master.cf"
json doctor -- --postfix "$WORK/etc"
fields rule fix
printf 'Domain a.nl\nSelector s\nKeyFile /k\nMode s\n' >"$WORK/opendkim.conf"
json import opendkim -- "$WORK/opendkim.conf"
json import dkimpy -- "$WORK/opendkim.conf"
echo 'domain { a.nl { selector = s } }' >"$WORK/dkim_signing.conf"
json import rspamd -- "$WORK/dkim_signing.conf"
json rotate plan --
json rotate run --
json rotate status --
selector=$("$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))[0]["generations"][0]["selectors"][0])' "$WORK/seen")
json rotate approve -- backup --domain rot.nl --selector "$selector"
json rotate suspend -- --domain rot.nl
json rotate resume -- --domain rot.nl

# What wants a Zegel token (or two) is asked in test_zegeltoken.sh, ceremonies in tests of their own; the rest of rotate prints as run does.
elsewhere=$'\ntoken reconcile\ntoken shares\ntoken join\ntoken export\ntoken restore\nrotate compromise\nrotate abort\nrotate adopt\n'
none=$'\nmetrics\ncompletion\n' # Prometheus' format, and a script
missing=
while read -r command; do
    read -r -a words <<<"$command"
    case $command in ceremony*) continue ;; esac
    has=$("$BUILD/zegel" "${words[@]}" --help | grep -c -e '--json')
    case $none in *$'\n'"$command"$'\n'*) [ "$has" = 0 ] || missing+=" '$command has --json'"; continue ;; esac
    [ "$has" != 0 ] || missing+=" '$command has no --json'"
    case $ran$elsewhere in *$'\n'"$command"$'\n'*) ;; *) missing+=" '$command was not asked'" ;; esac
done < <("$BUILD/zegel" --help | sed -n 's/^  \(..................\).*/\1/p' | sed 's/ *$//')
verdict "every command that prints data has --json, and was asked" "$missing" [ -z "$missing" ]

# ---- what takes longer than a second, on a terminal
bar() { TERM=${TERMINAL:-xterm} "$PYTHON" "$SYSTEM/progress_screen.py" "$BUILD/zegel" "$@" --config "$WORK/zegel.yaml" >"$WORK/seen" 2>&1; }
left() { sed 1d "$WORK/seen"; } # what stands on the screen at the end
generate() { # SELECTOR [OPTION...]: a key, of a token that takes 2.5 s to look whether it has it
    local selector=$1
    shift
    fault rule C_FindObjectsInit 1x1 delay=2500
    bar key generate --domain example.nl --selector "$selector" --algorithm ed25519 "$@"
}
generate one
check "a slow token: a line after a second, which moves" grep -qx 'first=[1-9] moved=True percent=none colour=False status=0' "$WORK/seen"
check "... and is gone at the end" test "$(left | sed -n 1p)" = "example.nl/one: ed25519 key made on the token; it cannot leave it"
bar key list
check "a fast one: none" grep -q '^first=never .* status=0$' "$WORK/seen"
NO_COLOR=1 generate two
check "NO_COLOR: it is there, as it never had a colour" grep -qx 'first=[1-9] moved=True percent=none colour=False status=0' "$WORK/seen"
generate three --json
check "with --json: none" grep -q '^first=never .* status=0$' "$WORK/seen"
TERMINAL=dumb generate four
check "a dumb terminal: none" grep -q '^first=never .* status=0$' "$WORK/seen"
fault rule C_FindObjectsInit 1x1 delay=1500
zegel key generate --domain example.nl --selector five --algorithm ed25519 >"$WORK/out" 2>"$WORK/err"
check "no terminal: none" test ! -s "$WORK/err"
kill -STOP "$SECONDARY_PID"
bar dns check
check "a server that does not answer: a line, with how much of it is done" grep -qE '^first=[1-9] moved=True percent=[0-9]+ colour=False status=[13]$' "$WORK/seen"
check "... above which the results stand whole" test "$(left | grep -c '^[a-z0-9]*\._domainkey\.example\.nl: ')" -ge 2
check "... and nothing of it is left" test "$(left | grep -c '^\[')" -eq 0
bar check example.nl --no-canary
check "zegel check too" grep -qE '^first=[1-9] moved=True ' "$WORK/seen"
kill -CONT "$SECONDARY_PID"

# ---- ... because there is much of it: a day's audit log, tables of many domains
long_key=$("$PYTHON" "$SYSTEM/long_log.py" "$WORK/long" 20000) || die "no long log"
into() { # FILE COMMAND...: its output there, its standard error on the terminal
    # shellcheck disable=SC2016 # sh's
    TERM=xterm "$PYTHON" "$SYSTEM/progress_screen.py" sh -c 'out=$1; shift; exec "$@" >"$out"' sh "$@" >"$WORK/seen" 2>&1
}
bar audit verify --key "$long_key" "$WORK/long"
check "zegel audit verify of a long log: a line, with how much of it is done" grep -qE '^first=[0-9]+ moved=True percent=[1-9][0-9]* colour=False status=0$' "$WORK/seen"
check "... and then nothing but its result" test "$(left | tr -d '\n')" = "whole: 20000 records from number 0, 20000 signed checkpoints; the last covers the first 20000"
into "$WORK/export" "$BUILD/zegel" audit export --key "$long_key" "$WORK/long"
check "zegel audit export into a file: the same" grep -qE '^first=[0-9]+ moved=True percent=[1-9][0-9]* colour=False status=0$' "$WORK/seen"
check "... and the file has the records alone" cmp "$WORK/export" "$WORK/long/records-0000000000000000.jsonl"
"$BUILD/zegel" audit verify --key "$long_key" "$WORK/long" >"$WORK/seen" 2>"$WORK/err" &
"$BUILD/zegel" audit export --key "$long_key" "$WORK/long" 2>"$WORK/err2" | cat >"$WORK/export"
wait $!
check "no terminal: nothing of it" test ! -s "$WORK/err" -a ! -s "$WORK/err2" -a "$(wc -l <"$WORK/seen")" -eq 1
seq 120000 | awk '{ print "k" $1 " d" $1 ".example.nl:s:/k" }' >"$WORK/KeyTable"
seq 120000 | awk '{ print "*@d" $1 ".example.nl k" $1 }' >"$WORK/SigningTable"
printf 'KeyTable refile:%s\nSigningTable refile:%s\nMode s\n' "$WORK/KeyTable" "$WORK/SigningTable" >"$WORK/opendkim.conf"
into "$WORK/imported" "$BUILD/zegel" import opendkim "$WORK/opendkim.conf"
check "zegel import of 120000 domains: a line" grep -qE '^first=[0-9]+ moved=True percent=none colour=False status=0$' "$WORK/seen"
check "... all of them are carried over" test "$(grep -c '^  - domain: ' "$WORK/imported")" -eq 120000
check "... and so it says" test "$(left | tr -d '\n')" = "zegel import: 120000 domains; 120002 lines carried, 1 not needed, 0 not carried"
conclude
