#!/bin/bash
# The demo is a test: it must end well, and leave nothing behind.
set -eu
parent=$(mktemp -d /tmp/zegel-demo-XXXXXX)
trap 'rm -rf "$parent"' EXIT
chmod 711 "$parent"
KEEP=0 WORK_PARENT=$parent "$(dirname "$0")/demo.sh"
left=$(ls -A "$parent")
if [ -n "$left" ]; then
    echo "FAIL the demo left $left in $parent"
    exit 1
fi
if pgrep -f "$parent"; then
    echo "FAIL the demo left these processes running"
    exit 1
fi
