#!/bin/bash
# Nasty messages signed by Zegel, dkimpy, libopendkim and Mail::DKIM, some changed on the way, verified by all and
# measured by the RFC: 2,000 of them, with SOAK=1 100,000. A disagreement that tests/differential/VIOLATIONS.md does not argue for is a failure.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
if ! /usr/bin/python3 -c 'import dkim, nacl.signing, ctypes; ctypes.CDLL("libopendkim.so.11")' || ! perl -MMail::DKIM -e 1; then
    echo "dkimpy, nacl, libopendkim or Mail::DKIM is missing: run 'make deps'"
    exit 77
fi
if [ -n "${SOAK:-}" ]; then count=100000 seed=$RANDOM; else count=2000 seed=1; fi
echo "seed $seed"
exec /usr/bin/python3 tests/differential/differential.py "$BUILD/tests/engine" "$count" "$seed"
