#!/bin/bash
# The demo is a test: it must end well, and leave nothing behind.
set -euo pipefail
out=$(mktemp)
trap 'rm -f "$out"' EXIT
KEEP=0 "$(dirname "$0")/demo.sh" | tee "$out"
dir=$(grep -o '/tmp/zegel-[A-Za-z0-9]*' "$out" | head -n 1)
if [ -z "$dir" ] || [ -e "$dir" ]; then
    echo "FAIL the demo left its directory: $dir"
    exit 1
fi
if pgrep -f "$dir" >/dev/null; then
    echo "FAIL the demo left processes: $(pgrep -af "$dir")"
    exit 1
fi
