#!/bin/bash
# The token's two ports: known answers inside the QEMU image, one trace with the same answers on both, power that fails at writes of the store,
# the same octets from two directories, and the reader's whole way (pcscd, vpcd, opensc) to each of them. SOAK=1: a cut at every write.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=faultlib.sh
. "$SYSTEM/faultlib.sh"
# shellcheck source=../firmware/harness.sh
. "$ROOT/tests/firmware/harness.sh"
harness_enter "$@"
harness_needs opensc-tool
make_work_dir

reproducible() { # the whole tree elsewhere, without a cache, gives the same octets
    local there=$WORK/elsewhere/zegel
    mkdir -p "$there/build/firmware"
    (cd "$ROOT" && git ls-files -z Makefile firmware | xargs -0 cp --parents -t "$there")
    cp -r "$FIRMWARE/armhf" "$there/build/firmware/"
    CCACHE_DISABLE=1 make -s -C "$there" -j2 BUILD=build build/firmware/zegel-token-imx6ul.elf build/firmware/zegel-token-native >"$WORK/log/make" 2>&1 || return 1
    cmp "$FIRMWARE/zegel-token-imx6ul.elf" "$there/build/firmware/zegel-token-imx6ul.elf" || return 1
    sanitized || cmp "$FIRMWARE/zegel-token-native" "$there/build/firmware/zegel-token-native"
}
small() { [ "$(arm-none-eabi-size "$FIRMWARE/zegel-token-imx6ul.elf" | awk 'NR == 2 { print $1 }')" -le 262144 ]; }
through_reader() { # PORT: OpenSC sees an OpenPGP card whose AID says 'development'
    start_reader
    start_token "$1"
    wait_for 30 opensc-tool --reader 0 --atr >/dev/null 2>&1 || return 1
    opensc-tool --reader 0 --send-apdu 00:A4:04:00:06:D2:76:00:01:24:01 --send-apdu 00:CA:00:4F:00 >"$WORK/opensc" 2>&1 || return 1
    stop_token
    grep -q 'SW1=0x90, SW2=0x00' "$WORK/opensc" && grep -qi "$2" "$WORK/opensc"
}

verdict "one trace, two ports" "" "$PYTHON" "$ROOT/tests/firmware/trace.py" "$WORK"
verdict "power cuts, native" "" "$PYTHON" "$ROOT/tests/firmware/powercut.py" dev "$WORK" "$(short_or 2 1)" "$(short_or 1 7)"
verdict "power cuts, QEMU" "" "$PYTHON" "$ROOT/tests/firmware/powercut.py" qemu "$WORK" "$(short_or 8 1)" "$(short_or 1 2)"
verdict "text of at most 256 KiB" "" small
verdict "reproducible" "two directories, the same octets" reproducible
verdict "reader, QEMU" "AID FFFF: a development seed" through_reader qemu 'D2 76 00 01 24 01 03 04 FF FF'
verdict "reader, native" "AID FF5A" through_reader native 'D2 76 00 01 24 01 03 04 FF 5A'
conclude
