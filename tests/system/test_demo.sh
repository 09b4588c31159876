#!/bin/bash
# The demo is a test: it must end well, and leave nothing behind.
set -eu
here=$(dirname "$0")
before=$(find /tmp -maxdepth 1 -name 'zegel-??????' | sort)
KEEP=0 "$here/demo.sh"
after=$(find /tmp -maxdepth 1 -name 'zegel-??????' | sort)
if [ "$before" != "$after" ]; then
    echo "FAIL the demo left something in /tmp: $after"
    exit 1
fi
