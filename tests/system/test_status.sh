#!/bin/bash
# What zegel-status tells: the figures are those of the mail that was sent, for Prometheus (promtool has nothing to say), as JSON, and by zegel; and only to
# whom it may.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=faultlib.sh
. "$(dirname "$0")/faultlib.sh"
# shellcheck source-path=SCRIPTDIR source=completion.sh
. "$(dirname "$0")/completion.sh"

need_root "$@"
need_programs
needs promtool prometheus
make_work_dir
write_zegel_config --trusted 127.0.0.0/8
STATUS_PORT=$(free_port)
sed -i "/^listen:/i status: {listen: [\"unix:$WORK/state/status.sock\", \"inet:$STATUS_PORT@127.0.0.1\"]}" "$WORK/zegel.yaml"
start_softhsm_token >/dev/null || die "no token"
generate_keys >/dev/null || die "no keys"
zegel key generate --domain audit.example.nl --selector log --algorithm ed25519 >/dev/null || die "no audit key"
echo 'audit: {key: "pkcs11:token=zegel;object=audit.example.nl/log"}' >>"$WORK/zegel.yaml"
sed -i "s/^      - selector: $RSA_SELECTOR$/&\n        since: 2026-10-01\n        until: 2027-03-30/" "$WORK/zegel.yaml"
start_knot
start_zegeld
start_postfix "mynetworks_style = host"

ask() { "$PYTHON" "$SYSTEM/status_ask.py" "$@"; } # SOCKET PATH [METHOD [HEADER...]]: status line, header fields, body
tcp() { ask "$STATUS_PORT" "$@"; }
# value 'NAME{LABELS}': as the exposition has it
value() { tcp /metrics | "$PYTHON" "$SYSTEM/status_ask.py" --value "$1"; }
is() { # NAME WANTED GOT
    verdict "$1" "$3" [ "$2" = "$3" ]
}
becomes() { # NAME WANTED COMMAND...: soon; the processes count after they have answered
    local name=$1 wanted=$2
    shift 2
    soon() { [ "$("$@")" = "$wanted" ]; }
    wait_for 30 soon "$@"
    is "$name" "$wanted" "$("$@")"
}
wait_for 30 grep -q 'ready: ' "$WORK/log/zegeld" || die "not ready"

# ---- what Prometheus reads
send --from someone@example.nl --to inbox@example.org "$SYSTEM"/messages/*.eml >/dev/null || not_ok "mail" "not taken"
send --from someone@example.com --to inbox@example.org --xclient "ADDR=192.0.2.7 NAME=other.example.com" "$SYSTEM/messages/1-plain.eml" >/dev/null 2>&1
printf 'From: a@example.nl\r\nFrom: b@example.nl\r\nSubject: two\r\n\r\nx\r\n' >"$WORK/two.eml"
send --from someone@example.nl --to inbox@example.org "$WORK/two.eml" >/dev/null 2>&1
tcp /metrics | sed '1,/^$/d' >"$WORK/metrics"
verdict "promtool check metrics" "$(promtool check metrics <"$WORK/metrics" 2>&1 | head -n 3)" promtool check metrics <"$WORK/metrics"
front=inet:$MILTER_PORT@127.0.0.1
becomes "six messages signed" 6 value "zegel_messages_total{listen=\"$front\",result=\"signed\"}"
becomes "one malformed" 1 value "zegel_messages_total{listen=\"$front\",result=\"malformed\"}"
becomes "one untouched" 1 value "zegel_messages_total{listen=\"$front\",result=\"untouched\"}"
becomes "six RSA signatures" 6 value 'zegel_signatures_total{domain="example.nl",algorithm="rsa-sha256"}'
becomes "six Ed25519 signatures" 6 value 'zegel_signatures_total{domain="example.nl",algorithm="ed25519-sha256"}'
in_token() { # by both workers
    echo $(($(value 'zegel_token_signing_seconds_count{token="softhsm",worker="0"}') + $(value 'zegel_token_signing_seconds_count{token="softhsm",worker="1"}')))
}
verdict "twelve in the token, and a checkpoint or more" "$(in_token)" [ "$(in_token)" -ge 12 ]
becomes "twelve records" 12 value zegel_audit_records_total
no_lag() { [ "$(value zegel_audit_unsigned_records)" = 0 ]; }
verdict "the audit log's checkpoint catches up" "" wait_for 30 no_lag
becomes "the token is up" 1 value 'zegel_token_up{token="softhsm",worker="0"}'
all_found() { [ "$(value 'zegel_token_keys{token="softhsm",worker="1",state="found"}')" = 3 ]; }
verdict "three keys found" "" wait_for 30 all_found
is "histogram ends with its count" "$(value "zegel_message_seconds_count{listen=\"$front\"}")" "$(value "zegel_message_seconds_bucket{listen=\"$front\",le=\"+Inf\"}")"

is "since when a key signs" "$(date -d 2026-10-01Z +%s)" "$(value "zegel_key_since_timestamp_seconds{domain=\"example.nl\",selector=\"$RSA_SELECTOR\"}")"
is "and until when" "$(date -d 2027-03-30Z +%s)" "$(value "zegel_key_until_timestamp_seconds{domain=\"example.nl\",selector=\"$RSA_SELECTOR\"}")"

# ---- rules and dashboard, of hostd/prometheus
cd "$ROOT/hostd/prometheus" || exit 1
verdict "promtool check rules" "$(promtool check rules zegel.rules.yml 2>&1 | grep rules)" promtool check rules zegel.rules.yml
verdict "promtool test rules" "$(promtool test rules zegel.rules.test.yml 2>&1 | grep -iE 'failed|error' | head -n 5)" promtool test rules zegel.rules.test.yml
verdict "the dashboard is JSON" "" "$PYTHON" -c 'import json; [p["targets"][0]["expr"] for p in json.load(open("zegel-dashboard.json"))["panels"]]'
named() { grep -ohE 'zegel_[a-z_]+' zegel.rules.yml zegel-dashboard.json | sed -E 's/_(bucket|sum|count)$//' | sort -u; }
given() { sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$WORK/metrics" | sort -u; }
verdict "each of the $(named | wc -l) metrics that they name is one of ours" "$(comm -23 <(named) <(given) | xargs)" [ -z "$(comm -23 <(named) <(given))" ]
cd "$ROOT" || exit 1

"$PYTHON" "$SYSTEM/prometheus_ask.py" "$STATUS_PORT" "$(free_port)" "$WORK" >"$WORK/prometheus.out" 2>&1
is "a real Prometheus evaluates every expression of the dashboard and every rule" 0 $?
sed "s/^/     /" "$WORK/prometheus.out"

# ---- the last check: what stands in a file is counted where the configuration knows it, and is never markup
printf '{"time": 1790000000, "domains": [{"domain": "example.nl", "worst": "FAIL"}, {"domain": "<b>x", "worst": "FAIL"}, {"domain": 7}, 1]}' >"$WORK/state/status/check.json"
becomes "one domain failed" 1 value 'zegel_check_domains{result="FAIL"}'
becomes "at that time" 1790000000 value zegel_check_timestamp_seconds
is "the page names it" 1 "$(tcp /en | grep -c '<li>example.nl: does not comply')"
is "and no other" 0 "$(tcp /en | grep -c '<b>x')"

printf '{"softhsm": {"time": 1790000000, "differences": 2}, "other": {"time": 1, "differences": 9}}' >"$WORK/state/status/reconcile.json"
becomes "the token's log and the audit log differ" 2 value 'zegel_token_log_differences{token="softhsm"}'
is "of no token that is not configured" 0 "$(tcp /metrics | grep -c 'token="other"')"
is "which is a fault" 1 "$(tcp /status.json | grep -c '"fault": "token-log"')"
rm "$WORK/state/status/reconcile.json"

# ---- the page
mkdir -p "${PAGES:-$WORK/pages}"
if command -v chromium >/dev/null; then
    "$PYTHON" "$SYSTEM/status_page.py" "$STATUS_PORT" "${PAGES:-$WORK/pages}" "$RSA_SELECTOR" >"$WORK/page"
    is "the page in Chromium: light, dark, 320 to 1280 pixels, two languages" 0 $?
    grep FAIL "$WORK/page"
else
    echo "chromium is missing: run 'make deps'"
    exit 77
fi
page() { tcp "$1" GET "Host: localhost" "Accept-Language: $2" | grep -o '<html lang="..">'; }
is "the language that the reader likes" '<html lang="nl">' "$(page / nl-NL,en)"
is "and the configured one for all others" '<html lang="en">' "$(page / de)"
is "its policy: a style with this hash, and nothing else" 1 "$(tcp /en | grep -ci "^content-security-policy: default-src 'none'.*frame-ancestors 'none'; style-src 'sha256-[A-Za-z0-9+/]*='")"

# ---- what the shells complete, against the table that zegel --help prints
needs bash zsh fish
for shell in bash zsh fish; do
    "$BUILD/zegel" completion "$shell" >"$WORK/completion.$shell"
done
"$BUILD/zegel" --help | sed -n 's/^  \(..................\).*/\1/p' | sed 's/ *$//' >"$WORK/commands"
completes() { # SHELL: each command's words and options
    local command words option offered
    while read -r -a words; do
        command="completion_$1"
        offered=$("$command" "${words[@]:0:$((${#words[@]} - 1))}" "")
        grep -qx -e "${words[-1]}" <<<"$offered" || { echo "${words[*]}"; return 1; }
        offered=$("$command" "${words[@]}" --)
        for option in --help --config $("$BUILD/zegel" "${words[@]}" --help | sed -n 1p | grep -oE -e '--[a-z][a-z0-9-]+'); do
            grep -qx -e "$option" <<<"$offered" || { echo "${words[*]} $option"; return 1; }
        done
    done <"$WORK/commands"
}
for shell in bash zsh fish; do
    missing=$(completes "$shell")
    is "$shell completes all $(wc -l <"$WORK/commands") commands with their options" "" "$missing"
done
: >"$WORK/completed.yaml"
verdict "a file where a file is wanted" "" grep -qx "$WORK/completed.yaml" <(completion_bash status --config "$WORK/completed")

# ---- what zegel shows of it
zegel status >"$WORK/out"
is "zegel status: all well" 0 $?
verdict "zegel status: no faults" "$(head -n 2 "$WORK/out" | tail -n 1)" grep -qx 'No faults.' "$WORK/out"
verdict "zegel status: six signed" "" grep -qE "^inet:$MILTER_PORT@127.0.0.1 +6 +1 +0 +0 +1$" "$WORK/out"
verdict "zegel status: six of each key" "" grep -qE "^example.nl +6 +6 +$RSA_SELECTOR $ED_SELECTOR$" "$WORK/out"
verdict "zegel status: nothing but text" "" [ "$(tr -d '[:print:]\n' <"$WORK/out" | wc -c)" -eq 0 ]
is "zegel status --json" 6 "$(zegel status --json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["front-ends"][0]["signed"])')"
is "zegel audit key --json" "$(zegel audit key)" "$(zegel audit key --json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["key"])')"
zegel metrics >"$WORK/out"
verdict "zegel metrics" "" promtool check metrics <"$WORK/out"
zegel metrics --textfile "$WORK/zegel.prom"
verdict "zegel metrics --textfile" "$(find "$WORK" -maxdepth 1 -name 'zegel.prom*' -printf '%f %m')" cmp -s <(grep '^# TYPE' "$WORK/out") <(grep '^# TYPE' "$WORK/zegel.prom")
zegel metrics --textfile "$WORK/nowhere/zegel.prom" 2>/dev/null
is "zegel metrics into a directory that is not there" 3 $?
screen() { "$PYTHON" "$SYSTEM/top_screen.py" "$@" >"$WORK/screen" 2>"$WORK/screen.how"; } # [--until REGEX] SECONDS COMMAND...
nine='^inet:.* 9 +1 +0 +0 +[0-9.]+/s$'
(for _ in 1 2 3; do send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/1-plain.eml" >/dev/null; done) &
TERM=xterm screen --until "$nine" 60 "$BUILD/zegel" top --config "$WORK/zegel.yaml" --interval 500ms
wait $!
is "zegel top: a screen of its own, left as it was, ended by q" "ended=True status=0 terminal=restored screen=own COLOUR" "$(cat "$WORK/screen.how")"
verdict "zegel top: on 80 x 24 there are messages, tokens, signer and domains" "" [ "$(grep -cE '^(MESSAGES|TOKENS|SIGNER|DOMAINS)' "$WORK/screen")" -eq 4 ]
verdict "zegel top: nine signed by now, and a rate" "$(grep "^inet:" "$WORK/screen")" grep -qE "$nine" "$WORK/screen"
sed "s/^/     /" "$WORK/screen"
NO_COLOR=1 TERM=xterm screen 1 "$BUILD/zegel" top --config "$WORK/zegel.yaml"
is "NO_COLOR" "ended=True status=0 terminal=restored screen=own plain" "$(cat "$WORK/screen.how")"
TERM=dumb screen 60 "$BUILD/zegel" top --config "$WORK/zegel.yaml" --interval 200ms --count 2
is "a dumb terminal: frames, no escape sequences" "ended=True status=0 terminal=restored screen=none plain" "$(cat "$WORK/screen.how")"
is "into a pipe: two frames" 2 "$(zegel top --interval 200ms --count 2 | grep -c '^DOMAINS')"

# ---- a hostile message makes no label
before=$(grep -vc '^#' "$WORK/metrics")
for i in 1 2 3; do
    printf 'From: a@x%s"}\\n.example.nl\r\nSubject: x\r\n\r\nx\r\n' "$i" >"$WORK/hostile.eml"
    send --from "someone@x$i.example.nl" --to inbox@example.org "$WORK/hostile.eml" >/dev/null 2>&1
done
is "no new series by what mail says" "$before" "$(tcp /metrics | sed '1,/^$/d' | grep -vc '^#')"

# ---- a process that dies is started again, and goes on counting
kill -9 "$(pgrep -P "$ZEGELD_PID" zegel-milter)"
started_again() { [ "$(value "zegel_process_starts_total{process=\"zegel-milter\",name=\"$front\"}")" -ge 2 ]; }
verdict "the milter was started twice" "" wait_for 30 started_again
wait_for 30 port_open "$MILTER_PORT"
send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/1-plain.eml" >/dev/null
becomes "ten messages signed, by two processes" 10 value "zegel_messages_total{listen=\"$front\",result=\"signed\"}"
kill -USR2 "$ZEGELD_PID"
verdict "upgrade" "" wait_for 30 grep -q 'all processes replaced' "$WORK/log/zegeld"
becomes "figures go on over an upgrade" 10 value "zegel_messages_total{listen=\"$front\",result=\"signed\"}"
echo 'nonsense: 1' >>"$WORK/zegel.yaml"
kill -HUP "$ZEGELD_PID"
reload_failed() { [ "$(value 'zegel_config_reloads_total{result="failed"}')" = 1 ]; }
verdict "a failed reload is counted" "" wait_for 30 reload_failed
sed -i '/^nonsense/d' "$WORK/zegel.yaml"

# ---- who may ask, and for what
first() { head -n 1 | tr -d '\r'; }
is "another name (DNS rebinding)" "HTTP/1.1 421 Misdirected Request" "$(tcp /metrics GET 'Host: attacker.example' | first)"
is "a name that only begins like ours" "HTTP/1.1 421 Misdirected Request" "$(tcp /metrics GET 'Host: 127.0.0.1.attacker.example' | first)"
is "no name" 421 "$(tcp /metrics GET 'Host: ' | first | cut -d' ' -f2)"
is "POST" "HTTP/1.1 405 Method Not Allowed" "$(tcp /metrics POST "Host: localhost:$STATUS_PORT" | first)"
is "a body" "HTTP/1.1 413 Content Too Large" "$(tcp /metrics GET "Host: localhost" "Content-Length: 5" | first)"
for path in /../../etc/passwd /%2e%2e/etc/passwd //etc/passwd /status.json/../../zegel.yaml /metrics%00; do
    is "path $path" 404 "$(tcp "$path" | first | cut -d' ' -f2)"
done
is "a header without end" "" "$(tcp /metrics GET "Host: localhost" "X: $(head -c 20000 /dev/zero | tr '\0' x)" | grep -a 'HTTP/1.1 200')"
is "CSP" 1 "$(tcp /metrics | grep -ci "^content-security-policy: default-src 'none'")"
is "after all that it still answers" "HTTP/1.1 200 OK" "$(tcp /status.json | first)"
is "the socket in the state directory" "HTTP/1.1 200 OK" "$(ask "$WORK/state/status.sock" /status.json | first)"
is "is not for others" 660 "$(stat -c %a "$WORK/state/status.sock")"
# Many that say nothing keep nobody waiting for long.
"$PYTHON" - "$STATUS_PORT" <<'PY' &
import socket, sys, time
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(40)]
time.sleep(4)
PY
sleep 1
verdict "forty idle connections: the other socket answers" "" grep -q '^HTTP/1.1 200' <(ask "$WORK/state/status.sock" /metrics)
verdict "and this one again" "" wait_for 30 grep -q '^HTTP/1.1 200' <(sleep 4; tcp /metrics)

# ---- a page has one writer
status=$(pgrep -P "$ZEGELD_PID" zegel-status)
writable=$(for fd in /proc/"$status"/fdinfo/*; do
    case $(readlink "/proc/$status/fd/${fd##*/}") in *zegel-figures*) grep -H flags "$fd" ;; esac
done)
is "zegel-status holds no page that it could write" "" "$writable"
is "nor maps one so" 0 "$(grep zegel-figures "/proc/$status/maps" | grep -c ' rw')"
is "a milter maps one page" 1 "$(grep -c zegel-figures "/proc/$(pgrep -P "$ZEGELD_PID" zegel-milter)/maps")"
# Mail goes on without it.
kill -9 "$status"
send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/1-plain.eml" >/dev/null || not_ok "mail without zegel-status" "not taken"
eleven() { [ "$(value "zegel_messages_total{listen=\"$front\",result=\"signed\"}")" = 11 ]; }
verdict "and it comes back" "" wait_for 30 eleven

# ---- what wants a person
mv "$WORK/softhsm/tokens" "$WORK/softhsm/away"
# shellcheck disable=SC2046
kill -9 $(pgrep -P "$ZEGELD_PID" zegel-token)
down() { [ "$(zegel status --json | "$PYTHON" -c 'import json, sys; print(*(f["fault"] for f in json.load(sys.stdin)["faults"]))')" = token-down ]; }
verdict "a token that is gone is a fault" "" wait_for 30 down
zegel status >"$WORK/out"
is "and zegel status exits 1" 1 $?
verdict "and says so" "$(grep FAULT "$WORK/out")" grep -q '^FAULT  softhsm: no worker is logged in' "$WORK/out"
is "the page says so in Dutch" 1 "$(tcp /nl | grep -c '<span class="badge FAIL">Storing</span> softhsm: geen werkproces')"
mv "$WORK/softhsm/away" "$WORK/softhsm/tokens"

# ---- switched off, and on again
switch() { # the status: line; then a reload
    sed -i "s|^status: .*|status: $1|" "$WORK/zegel.yaml"
    kill -HUP "$ZEGELD_PID"
}
was=$(sed -n 's/^status: //p' "$WORK/zegel.yaml")
switch "{run: no}"
no_status() { ! pgrep -P "$ZEGELD_PID" zegel-status >/dev/null; }
verdict "status: {run: no}: no zegel-status" "" wait_for 30 no_status
no_port() { ! port_open "$STATUS_PORT"; } # closed at the end of the replacement, which the milters take part in
verdict "and no port" "" wait_for 30 no_port
zegel status 2>"$WORK/out"
is "zegel status then" 2 $?
verdict "says that it is switched off" "$(cat "$WORK/out")" grep -q 'switched off: status: {run: no}' "$WORK/out"
wait_for 30 port_open "$MILTER_PORT"
send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/1-plain.eml" >/dev/null || not_ok "mail without any zegel-status" "not taken"
switch "$was"
on_again() { tcp /status.json 2>/dev/null | grep -q '^HTTP/1.1 200'; }
verdict "and on again" "" wait_for 30 on_again

stop_zegeld
zegel status 2>"$WORK/out"
is "zegel status without zegeld" 3 $?
verdict "says what to do" "$(cat "$WORK/out")" grep -q 'does zegeld run?' "$WORK/out"
# An answer that ends before its status does.
sed "s|^status: .*|status: {listen: [\"unix:$WORK/short.sock\"]}|" "$WORK/zegel.yaml" >"$WORK/short.yaml"
for answer in '' HTTP/1. 'HTTP/1.1 20' 'HTTP/1.1 200 OK' 'HTTP/1.1 404 No\r\n\r\n'; do
    "$PYTHON" - "$WORK/short.sock" "$answer" <<'PY' &
import os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
peer, _ = server.accept()
peer.recv(4096)
peer.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
os.unlink(sys.argv[1])
PY
    server=$!
    wait_for 30 test -S "$WORK/short.sock"
    "$BUILD/zegel" status --config "$WORK/short.yaml" 2>"$WORK/out"
    is "an answer of '$answer': exit code" 3 $?
    verdict "and so it says" "$(cat "$WORK/out")" grep -q 'gave no answer' "$WORK/out"
    wait "$server"
done
conclude
