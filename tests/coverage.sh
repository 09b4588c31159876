#!/bin/bash
# Branch coverage of hostd/dkim and hostd/signer/blockcheck.c by the unit tests.
set -eu
cd "$(dirname "$0")/.."
make --no-print-directory BUILD=build/coverage OPT="-O0 -g" SAN="--coverage" tests >/dev/null
for test in build/coverage/tests/test_*; do if [ -x "$test" ] && [ -f "$test" ]; then "$test" >/dev/null || echo "FAIL $test"; fi; done
gcovr --root . --object-directory build/coverage --filter 'hostd/dkim/' --filter 'hostd/signer/blockcheck' --branches --exclude-throw-branches
