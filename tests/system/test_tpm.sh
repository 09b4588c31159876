#!/bin/bash
# TPM 2.0 through tpm2-pkcs11: zegeld signs with an RSA key in a TPM (swtpm, behind the resource manager tpm2-abrmd), each worker in its sandbox, and dkimpy and
# OpenDKIM verify what Postfix delivered.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=faultlib.sh
. "$(dirname "$0")/faultlib.sh"

need_root "$@"
need_programs
needs swtpm tpm2-abrmd tpm2_ptool dbus-daemon
MODULE=$(find /usr/lib -name 'libtpm2_pkcs11.so.1' | head -n 1)
[ -n "$MODULE" ] || skip "libtpm2_pkcs11 is missing: run 'make deps'"
make_work_dir

# ---- a TPM, and what stands between it and us: a real one has the kernel's /dev/tpmrm0 instead
mkdir "$WORK/tpm" "$WORK/store"
port=$(free_port)
start swtpm swtpm socket --tpm2 --tpmstate "dir=$WORK/tpm" --server "type=tcp,port=$port,bindaddr=127.0.0.1" \
    --ctrl "type=tcp,port=$((port + 1)),bindaddr=127.0.0.1" --flags startup-clear # tpm2-tss takes the next port for that
export DBUS_SESSION_BUS_ADDRESS=unix:path=$WORK/bus
start dbus dbus-daemon --session --nofork --address="$DBUS_SESSION_BUS_ADDRESS"
wait_for 30 port_open "$port" || die "swtpm does not listen"
wait_for 30 test -S "$WORK/bus" || die "dbus-daemon does not listen"
start abrmd tpm2-abrmd --session --allow-root --tcti="swtpm:host=127.0.0.1,port=$port"
export TPM2_PKCS11_STORE=$WORK/store TPM2_PKCS11_TCTI=tabrmd:bus_type=session TPM2TOOLS_TCTI=tabrmd:bus_type=session
wait_for 30 tpm2_getcap properties-fixed >"$WORK/tpm-is" 2>/dev/null || die "the TPM does not answer"

# ---- a token in it, as the handbook says
umask 077
echo 24681357 >"$WORK/pin"
umask 022
{ tpm2_ptool init && tpm2_ptool addtoken --pid 1 --label zegel --userpin "$(cat "$WORK/pin")" --sopin 13572468 &&
    tpm2_ptool addkey --algorithm rsa2048 --label zegel --userpin "$(cat "$WORK/pin")" --key-label example.nl/t2026; } >"$WORK/log/ptool" 2>&1 || die "tpm2_ptool"
MILTER_PORT=$(free_port)
mkdir "$WORK/state"
cat >"$WORK/zegel.yaml" <<CONFIG
state: $WORK/state
trusted-networks: [127.0.0.0/8]
key-audit: warn
tokens:
  - {name: tpm, module: $MODULE, token: "pkcs11:token=zegel", pin: "file:$WORK/pin", profile: pcsc, write: ["$WORK/store"]}
listen: ["inet:$MILTER_PORT@127.0.0.1"]
domains:
  - domain: example.nl
    keys: [{selector: t2026, algorithm: rsa-sha256, key: "pkcs11:token=zegel;object=example.nl/t2026"}]
CONFIG
zegel token list >"$WORK/out" || die "token list"
verdict "zegel token list shows the TPM" "$(grep '^zegel' "$WORK/out")" grep -q '^zegel .*TPM.*ready' "$WORK/out"
zegel key show --domain example.nl --selector t2026 >"$WORK/out" || die "key show"
verdict "the key is in the TPM, for good" "" [ "$(grep -cE '^CKA_(SENSITIVE|NEVER_EXTRACTABLE|LOCAL) +true$|^CKA_EXTRACTABLE +false$' "$WORK/out")" -eq 4 ]
verdict "proof of possession" "" grep -q 'signed and verified' "$WORK/out"

# ---- mail
RSA_SELECTOR=t2026 # the name that start_knot waits for
start_knot
start_zegeld
wait_for 30 grep -q 'ready: ' "$WORK/log/zegeld" || die "not ready"
start_postfix "mynetworks_style = host"
send --from someone@example.nl --to inbox@example.org "$SYSTEM"/messages/*.eml >"$WORK/out" || not_ok "mail" "$(cat "$WORK/out")"
verdict "six messages delivered" "$(delivered_count inbox)" wait_for 60 has_delivered inbox 6
verdict "dkimpy: each signed by the key in the TPM" "" verify_dkimpy --expect 1 --quiet "$MAIL"/inbox/new/*
verdict "OpenDKIM: the same" "" verify_opendkim --expect 1 --quiet "$MAIL"/inbox/new/*
sandboxed() { for pid in $(token_workers); do [ "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$pid/status")" = 2 ] || return 1; done; }
sanitized || verdict "its workers are in their sandbox" "" sandboxed
# ---- workers that die
before=$(delivered_count inbox)
# shellcheck disable=SC2046
kill -9 $(token_workers)
send --from someone@example.nl --to inbox@example.org "$SYSTEM/messages/1-plain.eml" >"$WORK/out" 2>&1 || not_ok "worker killed" "$(cat "$WORK/out")"
verdict "workers killed: others log in, mail is signed" "" wait_for 60 has_delivered inbox $((before + 1))
verdict "dkimpy still" "" verify_dkimpy --expect 1 --quiet "$MAIL"/inbox/new/*

stop_zegeld
conclude
