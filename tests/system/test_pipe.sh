#!/bin/bash
# zegel-pipe against a zegel-milter that was taken over, or is none: it writes the message as that may change it, or nothing and 75.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
make_work_dir
exec "$PYTHON" "$SYSTEM/hostile_answers.py" "$BUILD/zegel-pipe" "$WORK"
