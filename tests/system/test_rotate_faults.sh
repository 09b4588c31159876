#!/bin/bash
# What stands in the way of a rotation, each by its name, and none of it moves a state: a secondary that is down, a token that is away, a wrong TSIG secret,
# a record of somebody else, a clock that is behind, another run. Then what people decide: compromise, abort, approval; and publication by people and by a program.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"
# shellcheck source-path=SCRIPTDIR source=rotatelib.sh
. "$(dirname "$0")/rotatelib.sh"

own_network "$@"
begin "$@"
start_rotation_world
start_rotating_zegeld

# With a clock that is off by this more, seconds.
R_at() { # SECONDS COMMAND...
    cp "$CLOCKSTEP" "$WORK/clock2"
    CLOCKSTEP=$WORK/clock2 set_clock $((STEPPED + $1))
    CLOCKSTEP=$WORK/clock2 R "${@:2}"
}
taken() { grep -q "$1" "$WORK/state/taken" 2>/dev/null; } # SELECTOR
no_state_moved() { [ "$(states)" = "$1" ]; }
# Changes one record by hand, as somebody else would, and everybody serves it.
by_hand() { # LINE-OF-knsupdate...
    printf '%s\n' "server 127.0.0.2" "zone example.nl" "key hmac-sha256:zegel $SECRET" "$@" send >"$WORK/update"
    LD_PRELOAD=$OUR_CLOCK knsupdate "$WORK/update" || die "knsupdate"
    catch_up
}
objects() { pkcs11-tool --module "$(softhsm_module)" --token-label zegel --login --pin "$(cat "$WORK/pin")" -O 2>/dev/null | grep -c "label: *example.nl/z[0-9]*n$1[re]\$"; }
name() { echo "$(selector "$@")._domainkey.example.nl."; }
selector() { sql "SELECT selector FROM keys WHERE number = $1 AND algorithm ${2:-=} 'ed25519'"; } # GENERATION [<>]
record() { kdig +short @127.0.0.2 "$(selector "$1")._domainkey.example.nl" TXT; }

# ---- before anything is published
R_at -2592000 run
check "a clock from before the signatures of DNS: nothing is begun" says 3 'bogus'
check "... and no step was written" test -z "$(sql "SELECT * FROM transitions UNION SELECT seq, time_s, domain, number, act, what, outcome, outcome_s FROM intents")"
echo "not base64 of anything" | base64 >"$WORK/secret"
R run
check "a wrong TSIG secret is named" says 3 'another secret for the TSIG key zegel'
check "... and status says so, 1" test "$(R status; echo "$CODE $(grep -c 'another secret' "$WORK/seen")")" = "1 1"
echo "$SECRET" >"$WORK/secret"
mv "$WORK/softhsm/tokens" "$WORK/softhsm/away" && mkdir "$WORK/softhsm/tokens"
R run
check "a token that is away is named" says 3 'softhsm'
check "... and moves nothing" no_state_moved "1:publishing 2:publishing"
rmdir "$WORK/softhsm/tokens" && mv "$WORK/softhsm/away" "$WORK/softhsm/tokens"
R run
R run
R status
check "a secondary that lags is named" says 1 'waits for all servers to have the record: [^ ]*: ns2.example.nl 127.0.0.3: no record'
check "generation 1 signs after a day" until_state 1 active 10800 20
wait_for 30 taken "$(selector 1)" || die "zegeld does not take it up"
R run
before=$(states)
check "one signs, one stands by" test "$before" = "1:active 2:standby"
R plan
planned() { # the second signs when the first has for 14 days; what becomes of the first; and a year of it
    says 0 "^$(sql "SELECT date(activated_s + 14 * 86400, 'unixepoch') FROM generations WHERE number = 1") ..:.. UTC  example.nl  *2  activate\$" &&
        [ "$(awk '$5 == 1 { printf "%s ", $6 }' "$WORK/seen")" = "retire destroy revoke remove " ] && [ "$(grep -c ' activate$' "$WORK/seen")" -ge 25 ]
}
check "rotate plan: the coming year" planned

LD_PRELOAD=$OURS "$BUILD/zegel" check example.nl --no-canary --json --config "$WORK/zegel.yaml" >"$WORK/seen" 2>&1
known() { # what zegel check says of a key that signs is what zegel rotate knows
    local day
    for day in seen_s 'activated_s + 14 * 86400'; do
        [ "$(grep -c "\"$(sql "SELECT date($day, 'unixepoch') FROM generations WHERE number = 1")\"" "$WORK/seen")" -ge 2 ] || return 1
    done
}
check "zegel check knows since when its keys are seen, and until when they sign" known

# ---- while all is well
stop_pid "$SECONDARY_PID"
R run
check "a secondary that is down is named" says 3 'ns2.example.nl 127.0.0.3: no answer'
check "... and moves nothing" no_state_moved "$before"
start_knotd secondary
SECONDARY_PID=$KNOT_PID
wait_for 30 serves 127.0.0.3 example.nl SOA || die "the secondary does not come back"
R run
check "... and is forgotten when it is back" test "$CODE" -eq 0
advance -3600
R run
check "a clock that is behind is refused" says 1 'the clock is 3[56][0-9][0-9] s behind'
advance 3600
R_at $((900 * 86400)) run
check "a clock behind the end of all signatures: no answer validates" says 3 'bogus'
check "... and nothing moves, though all is due by it" no_state_moved "$before"
R run
check "... nor does it stand in the way of the right one" test "$CODE" -eq 0
sed -i "s,$WORK/anchor,$WORK/anchor2," "$WORK/resolver.conf"
echo ". 3600 IN DS 1 13 2 $(printf '%064d' 0)" >"$WORK/anchor2"
R run
check "bogus answers are named" says 3 'example.nl: resolver: .*bogus: '
check "... in the status too, 1" test "$(R status; echo "$CODE $(grep -c 'resolver: .*bogus: ' "$WORK/seen")")" = "1 1"
check "... and move nothing" no_state_moved "$before"
sed -i "s,$WORK/anchor2,$WORK/anchor," "$WORK/resolver.conf"

# A server that tells a lie of its own, unsigned: it is named; the resolver does not believe it, and so the domain is not frozen.
stop_pid "$SECONDARY_PID"
mkdir "$WORK/liar"
{ cat "$WORK/zones/example.nl.zone"; echo "$(name 1 '<>') TXT \"v=DKIM1; k=ed25519; p=AAAA\""; } >"$WORK/liar/example.nl.zone"
{ knot_conf liar 127.0.0.3; printf '  - domain: example.nl\n    file: %s/liar/example.nl.zone\n' "$WORK"; } >"$WORK/liar/knot.conf"
start_knotd liar
LIAR_PID=$KNOT_PID
wait_for 30 serves 127.0.0.3 "$(name 1 '<>')" TXT || die "the liar does not serve"
R run
check "a poisoned answer is named, with who gave it" says 3 'ns2.example.nl 127.0.0.3: a record that nobody here put there'
check "... and moves nothing" no_state_moved "$before"
R status
check "... nor freezes what the resolver sees as it should be" test "$(grep -c FROZEN "$WORK/seen")" -eq 0
stop_pid "$LIAR_PID"
start_knotd secondary
SECONDARY_PID=$KNOT_PID
wait_for 30 serves 127.0.0.3 example.nl SOA || die "the secondary does not come back"
R run
check "... and is forgotten when it is gone" test "$CODE" -eq 0
exec 7>>"$WORK/state/zegel.db.lock"
flock 7
R run
check "two at once: the second one is told" says 3 'another zegel rotate is at work'
exec 7>&-
active=$(cat "$WORK/state/active.yaml")
echo '- {domain: example.nl, keys: []}' >"$WORK/state/active.yaml"
R run
check "active.yaml is what the store says" test "$active" = "$(cat "$WORK/state/active.yaml")"

# ---- somebody else in DNS
good=$(record 2)
by_hand "del $(name 2) TXT" "add $(name 2) 3600 TXT \"v=DKIM1; k=ed25519; p=AAAA\""
R run
check "a record of somebody else freezes the domain" says 3 'freeze'
R status
check "... and status says it" says 1 'FROZEN'
by_hand "del $(name 2) TXT" "add $(name 2) 3600 TXT $good"
advance 1300000
R run
check "... until people have looked" no_state_moved "$before"
# Meanwhile messages go through, of two senders: zegeld changes keys under them.
burst() { # NAME
    local i=0
    while [ ! -e "$WORK/burst/stop" ]; do
        i=$((i + 1))
        "$PYTHON" "$SYSTEM/milter_sign.py" "$MILTER_PORT" example.nl "message $1$i" >"$WORK/burst/$1$i.eml" || echo "$1$i: $?" >>"$WORK/burst/refused"
    done
}
sent() { find "$WORK/burst" -name '*.eml' | wc -l; }
more_than() { [ "$(sent)" -gt "$1" ]; } # N messages
mkdir "$WORK/burst"
burst a & burst_a=$!
burst b & burst_b=$!
wait_for 60 more_than 10 || die "no messages"
R resume --domain example.nl --text 'it was the provider'
check "resumed: the successor is due, and signs" test "$(state_of 2)" = active
check "... and the ledger has the reason" test "$(sql "SELECT count(*) FROM transitions WHERE act = 'resume' AND note = 'it was the provider'")" -eq 1
wait_for 30 taken "$(selector 2)" || die "zegeld does not take it up"
wait_for 60 more_than $(($(sent) + 10)) || die "no messages"
touch "$WORK/burst/stop"
wait "$burst_a" "$burst_b"
sql "SELECT selector || '._domainkey.example.nl' FROM keys" >"$WORK/names"
signed_by() { grep -l "s=$1;" "$WORK"/burst/*.eml | wc -l; } # SELECTOR
verify_burst() { LD_PRELOAD=$OUR_CLOCK "$PYTHON" "$SYSTEM/rotate_verify.py" "$WORK/cache" "$WORK/names" "$WORK"/burst/*.eml; }
check "$(sent) messages while the keys changed: none was refused" test ! -e "$WORK/burst/refused"
check "... each verifies" verify_burst
check "... some by the old keys, some by the new ones, none by one of each" \
    test "$(signed_by "$(selector 1)") $(signed_by "$(selector 2)")" = "$(signed_by "$(selector 1 '<>')") $(signed_by "$(selector 2 '<>')")" -a "$(signed_by "$(selector 1)")" -gt 0 -a "$(signed_by "$(selector 2)")" -gt 0 -a $(($(signed_by "$(selector 1)") + $(signed_by "$(selector 2)"))) -eq "$(sent)"
R suspend --domain example.nl
advance 7200
R run
check "suspended: nothing moves" test "$(state_of 1)" = active
R resume --domain example.nl
advance 7200
R run
check "... and resumed, it goes on" test "$(state_of 1)" = retired

# ---- what people decide
ROTATION='approval: yes' write_rotation_config
advance 300000
R run
check "approval: yes: nothing is destroyed by time alone" test "$(objects 1)" -eq 4
R approve destroy --domain example.nl --selector "$(selector 1)"
check "... but when it was approved" test "$(objects 1)" -eq 0
write_rotation_config
check "generation 3 stands by" until_state 3 standby 10800 20
R abort --domain example.nl --selector "$(selector 2)"
check "what signs is not aborted" says 1 'it has signed'
R abort --domain example.nl --selector "$(selector 3)"
catch_up
R run
check "an aborted generation leaves the token" test "$(objects 3)" -eq 0
check "... and DNS" test -z "$(record 3)"
check "generation 4 stands by instead" until_state 4 standby 10800 20
R compromise --domain example.nl --selector "$(selector 2)" --text 'seen on a screen'
check "compromised: the successor signs at once" test "$(state_of 4)" = active
wait_for 30 taken "$(selector 4)" || die "zegeld does not take it up"
R run
check "... and once zegeld has it: an empty p=" test "$(record 2)" = '"v=DKIM1; k=ed25519; p="'
check "... and no key" test "$(objects 2)" -eq 0
catch_up

# ---- other ways to publish
ROTATION='publish: manual' write_rotation_config
waits() { R run; catch_up; says 0 "put this in DNS: .*_domainkey.example.nl. 3600 IN TXT"; }
R abort --domain example.nl --selector "$(selector 5)"
check "manual: the record is printed" until_state 6 publishing 1 3
check "... and waited for" waits
R status
check "... and status has all of it" says 0 "as one string: $(sql "SELECT record FROM keys WHERE selector = '$(selector 6 '<>')'" | sed 's/[.*]/\\&/g')"
by_hand "add $(name 6) 3600 TXT $(sql "SELECT '\"' || record || '\"' FROM keys WHERE selector = '$(selector 6)'")" \
    "add $(name 6 '<>') 3600 TXT $(sql "SELECT '\"' || substr(record, 1, 200) || '\" \"' || substr(record, 201) || '\"' FROM keys WHERE selector = '$(selector 6 '<>')'")"
check "... until it is there" until_state 6 visible 900 4
cat >"$WORK/publish" <<PROGRAM
#!/bin/bash
set -eu
[ -z "\${SOFTHSM2_CONF:-}\${LD_PRELOAD:-}" ]
record=\$(fold -w 200 | sed 's/.*/"&"/' | tr '\\n' ' ')
export LD_PRELOAD=$OUR_CLOCK CLOCKSTEP=$CLOCKSTEP
{ echo "server 127.0.0.2"; echo "zone example.nl"; echo "key hmac-sha256:zegel $SECRET"; echo "del \$2. TXT"
  [ "\$1" != set ] || echo "add \$2. \$3 TXT \$record"; echo send; } | knsupdate
PROGRAM
chmod 755 "$WORK/publish"
ROTATION="publish: exec, exec: $WORK/publish" write_rotation_config
R abort --domain example.nl --selector "$(selector 6)"
catch_up
R run
check "exec: the program removes" test -z "$(record 6)"
check "... and sets" until_state 7 visible 900 5
printf '#!/bin/sh\necho "no such zone here" >&2\nexit 4\n' >"$WORK/publish"
R abort --domain example.nl --selector "$(selector 7)"
check "a program that fails is named, and what it said" says 3 "publish: failed (exit 4): no such zone here"
chmod 777 "$WORK/publish"
R run
check "a program that others can write is not run" says 3 'nobody else can write'
chmod 755 "$WORK/publish"
mkdir -m 755 "$WORK/open" && mkdir -m 755 "$WORK/open/inside" && mv "$WORK/publish" "$WORK/open/inside/" && chmod 777 "$WORK/open"
ROTATION="publish: exec, exec: $WORK/open/inside/publish" write_rotation_config
R run
check "nor one below a directory that others can write" says 3 "$WORK/open: must be a directory of root"
chmod 755 "$WORK/open" && mkdir -m 777 "$WORK/link" && ln -s "$WORK/open/inside/publish" "$WORK/link/publish"
ROTATION="publish: exec, exec: $WORK/link/publish" write_rotation_config
R run
check "nor one behind a link that others can turn" says 3 "$WORK/link: must be a directory of root"
ROTATION="publish: exec, exec: $WORK/open/inside/publish" write_rotation_config
R run
check "and in a directory of root's it is run" says 3 'failed (exit 4)'
conclude
