#!/bin/bash
# `zegel check` against real signed zones: a good domain passes every rule, and each of a table of bad ones (check_cases.py) leads to the finding
# that is there for it, and to no other. Then what changes with explain.yaml, with a secondary that lags, and with dead servers.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=dnslib.sh
. "$(dirname "$0")/dnslib.sh"

own_network "$@"
begin "$@"

ZONES="cases.nl plain.nl bogus.nl"
UNSIGNED="plain.nl"
BOGUS="bogus.nl"
mkdir "$WORK/zones"
"$PYTHON" "$SYSTEM/check_cases.py" make "$WORK/zones" || die "no zones"
{
    printf 'tokens:\n  - {name: none, module: /nonexistent.so, token: "pkcs11:token=none", pin: prompt}\ndns: {resolver: %s/resolver.conf}\n' "$WORK"
    cat "$WORK/zones/domains.yaml"
} >"$WORK/zegel.yaml"
start_internet

run_check() { # ARGUMENTS: sets CODE; output in $WORK/out
    CODE=0
    "$BUILD/zegel" check "$@" --no-token --no-canary --config "$WORK/zegel.yaml" >"$WORK/out" 2>"$WORK/err" || CODE=$?
    seen
}
seen() { { echo "exit code $CODE"; head -c 2000 "$WORK/err"; head -c 2000 "$WORK/out"; } >"$WORK/seen"; } # what check shows when it fails
has() { # RESULT RULE: in the JSON of one domain
    "$PYTHON" -c 'import json, sys
[d] = json.load(open(sys.argv[1]))
sys.exit(not any((f["result"], f["rule"]) == (sys.argv[2], sys.argv[3]) for f in d["findings"]))' "$WORK/out" "$1" "$2"
}

run_check --all --json
check "a domain that fails makes exit code 1" [ "$CODE" -eq 1 ]
"$PYTHON" "$SYSTEM/check_cases.py" judge "$WORK/out" || not_ok "the cases" "see above"
run_check good.cases.nl
check "a good domain makes exit code 0" [ "$CODE" -eq 0 ]
plain() { ! LC_ALL=C tr -d "\n" <"$WORK/out" | LC_ALL=C grep -qP "[\x00-\x1f\x7f]|\xc2[\x80-\x9f]"; }
check "no control character reaches the terminal" plain
run_check octets.cases.nl
check "nor any of a hostile record" plain
run_check nowhere.nl
check "a domain that is not configured: 1" [ "$CODE" -eq 1 ]
run_check quiet.cases.nl
check "a domain that sends no mail, by configuration: 0" [ "$CODE" -eq 0 ]
run_check good.cases.nl --non-sending
check "any domain as one that sends no mail: 1" [ "$CODE" -eq 1 ]
run_check 'a b.nl'
check "no domain name: 2" [ "$CODE" -eq 2 ]
run_check good.cases.nl --lang fr
check "no such language: 2" [ "$CODE" -eq 2 ]

# ---- explain.yaml
in_days() { date -u -d "$1 days" +%F; }
entry() { printf -- '- {rule: %s, domain: %s, reason: "%s", owner: CISO, expires: %s}\n' "$@"; }
entry spf.all spfneutral.cases.nl "a supplier moves" "$(in_days 30)" >"$WORK/explain.yaml"
run_check spfneutral.cases.nl --json --explain "$WORK/explain.yaml"
check "an explained FAIL makes exit code 0" [ "$CODE" -eq 0 ]
check "and is shown as such" has EXPLAINED spf.all
run_check spfneutral.cases.nl --lang nl --explain "$WORK/explain.yaml"
check "with its end, owner and reason" grep -q "Uitgelegd tot $(in_days 30), CISO: a supplier moves" "$WORK/out"
entry spf.all '"*"' "for all" "$(in_days 30)" >"$WORK/explain.yaml"
run_check spfplus.cases.nl --json --explain "$WORK/explain.yaml"
check "for every domain" has EXPLAINED spf.all
entry spf.all spfneutral.cases.nl "a supplier moves" "$(in_days -1)" >"$WORK/explain.yaml"
run_check spfneutral.cases.nl --json --explain "$WORK/explain.yaml"
check "an expired one explains nothing" [ "$CODE" -eq 1 ]
check "and is a warning itself" has WARN explain
entry spf.all spfneutral.cases.nl "the last day" "$(in_days 0)" >"$WORK/explain.yaml"
run_check spfneutral.cases.nl --json --explain "$WORK/explain.yaml"
check "on its last day it still holds" [ "$CODE" -eq 0 ]
entry spf.all good.cases.nl "not needed" "$(in_days 30)" >"$WORK/explain.yaml"
run_check good.cases.nl --json --explain "$WORK/explain.yaml"
check "one that explains nothing is noted" has INFO explain
for bad in 'rule: spf.all' '- {rule: no.such, domain: a.nl, reason: x, owner: y, expires: 2026-12-01}' "$(entry spf.all a.nl x "$(in_days 400)")" \
    "$(entry spf.all a.nl x 2026-02-30)" "$(entry spf.all a.nl x "$(in_days 9)"; entry spf.all A.nl x "$(in_days 9)")" '- {rule: spf.all, domain: a.nl, color: red}' \
    "$(entry spf.all a.nl 'x\e[31m' "$(in_days 9)")" "$(entry explain a.nl x "$(in_days 9)")"; do
    echo "$bad" >"$WORK/explain.yaml"
    run_check good.cases.nl --explain "$WORK/explain.yaml"
    check "refused: ${bad:0:70}" [ "$CODE" -eq 2 ]
done

# ---- The secondary serves another key than the primary: the resolver may see the good one, the rule sees both.
"$PYTHON" - "$WORK/zones/cases.nl.zone" <<'PY'
import re, sys
text = open(sys.argv[1]).read()
changed = re.sub(r'(?m)^(e\._domainkey\.good\.cases\.nl\. TXT .*p=)\S+"$', r'\1' + "A" * 43 + '="', text)
assert changed != text
open(sys.argv[1], "w").write(changed)
PY
reload_zone cases.nl
changed() { kdig +short @127.0.0.2 e._domainkey.good.cases.nl TXT | grep -q AAAAAAAA; }
wait_for 30 changed || die "the primary does not take up the change"
run_check good.cases.nl --json
check "a server with another key than the others is found" has FAIL dkim.servers
freeze "$SECONDARY_PID"
run_check good.cases.nl --json
check "a server that does not answer is no pass" has FAIL dkim.servers
kill -CONT "$SECONDARY_PID"

# ---- The page: a regular file, whole or not at all. What cannot be done is exit code 3, and nothing is written then.
run_check strict.cases.nl --html "$WORK/page.html"
check "a page: 0" [ "$CODE" -eq 0 ]
check "which is whole" grep -q "</html>" "$WORK/page.html"
echo mine >"$WORK/mine"
ln -s "$WORK/mine" "$WORK/link.html"
mkfifo "$WORK/fifo.html"
for target in "$WORK/link.html" "$WORK/fifo.html" "$WORK/nowhere/page.html" "$WORK/zones" /proc/page.html; do
    run_check good.cases.nl --html "$target"
    check "no page to $target: 3" [ "$CODE" -eq 3 ]
done
check "what the link points to is as it was" grep -qx mine "$WORK/mine"
check "nothing is left beside them" [ -z "$(find "$WORK" -name '.zegel-*')" ]
sed "s#^dns:.*#dns: {resolver: $WORK/broken.conf}#" "$WORK/zegel.yaml" >"$WORK/broken.yaml"
broken() { # SETTING: CODE of a check with it
    printf 'server:\n    %s\n' "$1" >"$WORK/broken.conf"
    CODE=0
    "$BUILD/zegel" check good.cases.nl --no-token --no-canary --config "$WORK/broken.yaml" >"$WORK/out" 2>"$WORK/err" || CODE=$?
    seen
}
broken "trust-anchor-file: /nonexistent"
check "a resolver that answers nothing: 3" [ "$CODE" -eq 3 ]
broken "nonsense: yes"
check "a resolver's configuration with an error: 2" [ "$CODE" -eq 2 ]
freeze "$TOP_PID"
run_check good.cases.nl
check "no answer from the root: 3" [ "$CODE" -eq 3 ]
kill -CONT "$TOP_PID"
run_check good.cases.nl --explain "$WORK/none.yaml"
check "no explain.yaml where one is named: 2" [ "$CODE" -eq 2 ]

conclude
