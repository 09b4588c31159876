#!/bin/bash
# Nasty messages signed by Zegel, dkimpy and libopendkim, some changed on the way, verified by all three: 2,000 of them, with SOAK=1
# 100,000. A disagreement that tests/differential/VIOLATIONS.md does not argue for is a failure.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
/usr/bin/python3 -c 'import dkim, nacl.signing, ctypes; ctypes.CDLL("libopendkim.so.11")' || { echo "dkimpy, nacl or libopendkim is missing"; exit 77; }
if [ -n "${SOAK:-}" ]; then count=100000 seed=$RANDOM; else count=2000 seed=1; fi
echo "seed $seed"
exec /usr/bin/python3 tests/differential/differential.py "$BUILD/tests/engine" "$count" "$seed"
