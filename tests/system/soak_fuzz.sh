#!/bin/bash
# Every fuzz target for five minutes each, or FUZZ_SECONDS: what make check does for two seconds, and make soak (SOAK=1) in full.
set -eu
cd "$(dirname "$0")/../.."
exec make --no-print-directory fuzz SECONDS="${FUZZ_SECONDS:-300}"
