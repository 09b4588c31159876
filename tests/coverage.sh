#!/bin/bash
# Branch coverage of hostd/dkim and hostd/signer/blockcheck.c by the tests that use them: the canonicalisers have all of theirs covered.
set -eu
cd "$(dirname "$0")/.."
mapfile -t tests < <(grep -lE '"(dkim|signer)/|"forge\.h"' tests/{unit,rfc,hostile}/test_*.c | sed 's|.*/\(.*\)\.c|build/coverage/tests/\1|')
make --no-print-directory BUILD=build/coverage OPT="-O0 -g" SAN="--coverage" "${tests[@]}" >/dev/null
find build/coverage -name '*.gcda' -delete # of a build before this one
failed=0
for test in "${tests[@]}"; do "$test" >/dev/null || { echo "FAIL $test"; failed=1; }; done
report() { # LEAST FILTER...: the table; fails below LEAST percent of the branches
    local least=$1
    shift
    gcovr --root . --object-directory build/coverage "${@/#/--filter=}" --branches --exclude-throw-branches --fail-under-branch "$least"
}
report 100 hostd/dkim/canon_
report 95 hostd/dkim/ hostd/signer/blockcheck
exit "$failed"
