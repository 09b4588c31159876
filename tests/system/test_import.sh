#!/bin/bash
# zegel import against the real programs: what OpenDKIM signs, and what zegel signs with what was made of its configuration.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root "$@"
needs opendkim dkimpy-milter rspamd
make_work_dir
cat >"$WORK/tokens.yaml" <<EOF2
tokens:
  - {name: softhsm, module: $(softhsm_module), token: "pkcs11:token=zegel", pin: "file:$WORK/pin"}
EOF2
{ echo "state: $WORK/state"; cat "$WORK/tokens.yaml"; } >"$WORK/zegel.yaml"
start_softhsm_token >/dev/null
zegel key generate --domain shared --selector r --algorithm rsa2048 >/dev/null || die "no key"
zegel key generate --domain shared --selector e --algorithm ed25519 >/dev/null || die "no key"
"$PYTHON" "$SYSTEM/import_cases.py" opendkim "$WORK" "$BUILD"
cases=$?
for program in dkimpy rspamd; do
    "$PYTHON" "$SYSTEM/import_real.py" "$program" "$WORK" "$BUILD" || cases=1
done
"$PYTHON" "$SYSTEM/import_others.py" "$WORK" "$BUILD" && [ "$cases" -eq 0 ]
