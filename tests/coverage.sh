#!/bin/bash
# Branch coverage of hostd/dkim and hostd/signer/blockcheck.c by the tests that use them.
set -eu
cd "$(dirname "$0")/.."
mapfile -t tests < <(grep -lE '"(dkim|signer)/|"forge\.h"' tests/{unit,rfc}/test_*.c | sed 's|.*/\(.*\)\.c|build/coverage/tests/\1|')
make --no-print-directory BUILD=build/coverage OPT="-O0 -g" SAN="--coverage" "${tests[@]}" >/dev/null
for test in "${tests[@]}"; do "$test" >/dev/null || echo "FAIL $test"; done
gcovr --root . --object-directory build/coverage --filter 'hostd/dkim/' --filter 'hostd/signer/blockcheck' --branches --exclude-throw-branches
