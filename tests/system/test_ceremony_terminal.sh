#!/bin/bash
# A ceremony as people see it: through a pseudo-terminal of 80 columns, with typed answers and a typed PIN.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs cmp
make_work_dir
make_people
A=$WORK/one
prepare "$A" 1 --key example.nl/z1:ed25519 >/dev/null || die "prepare"
approve "$A" alice bob >/dev/null || die "approve"
"$PYTHON" "$SYSTEM/ceremony_terminal.py" "$WORK/screens" "$BUILD/zegel" ceremony run --state "$WORK/state" "$A" || die "the dialogue"
{ seal "$A" && approve "$A" alice bob erin; } >/dev/null || die "seal"
accepted "verify, by the separate program" env -i "$BUILD/zegel-ceremony-verify" --trust "$WORK/people/trust.pem" "$A"
printf x >>"$A/script.md"
refused "verify, by the separate program: a change" 1 'script.md was changed' "$BUILD/zegel-ceremony-verify" "$A"
if [ -n "${SHOW:-}" ]; then cat "$WORK/screens"; fi
[ "$failed" -eq 0 ] || die "$failed failed"
