#!/bin/bash
# The recorded session gives the same octets on this port. test_token_trace.sh [COMMAND...]: how another port is started; it gets the port
# to connect to as its last argument. Without: the native port whose random numbers are constant.
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
[ $# -gt 0 ] || set -- "$BUILD/firmware/zegel-token-native-dev" "$dir/store" 127.0.0.1
python3 tests/firmware/replay.py tests/firmware/session.trace "$@"
