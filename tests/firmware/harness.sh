# shellcheck shell=bash
# A reader and a token for tests: pcscd with vsmartcard's virtual reader, in a network and mount namespace of its own (vpcd listens on every
# address, and pcscd's socket has one place), and one of the ports put into it. Sourced after tests/system/lib.sh.
#
#   harness_enter "$@"          first: starts the script anew inside the namespaces (as root)
#   make_work_dir; start_reader     (pcscd notices within 2 s that a card came or went)
#   start_token native|dev|qemu|plain start the port on $TOKEN_STORE (default $WORK/token); it keeps what it knew
#   stop_token                  as pulling it out; kill -9 "$TOKEN_PID" is the power failing

FIRMWARE=$BUILD/firmware
VPCD_PORT=35963

harness_enter() {
    [ "$(id -u)" -eq 0 ] || exec sudo CI="${CI:-}" BUILD="$BUILD" SOAK="${SOAK:-}" "$0" "$@"
    if [ -z "${HARNESS_INSIDE:-}" ]; then
        HARNESS_INSIDE=1 exec unshare --net --mount --propagation private -- "$0" "$@"
    fi
    ip link set lo up
    # The card's length and body are two writes: without quick acknowledgements each command waits 40 ms for a delayed one.
    for prefix in 127.0.0.0/8 127.0.0.1; do
        ip route replace table local local "$prefix" dev lo proto kernel scope host src 127.0.0.1 quickack 1
    done
}

harness_needs() { # PROGRAM...: exit 77 without them
    local program
    for program in pcscd qemu-system-arm "$@"; do
        command -v "$program" >/dev/null || { echo "$program is missing: run 'make deps'"; exit 77; }
    done
    for program in zegel-token-native zegel-token-imx6ul.elf; do
        [ -e "$FIRMWARE/$program" ] || { echo "$FIRMWARE/$program is missing: run 'make firmware'"; exit 77; }
    done
}

start_reader() { # anew, when there was one
    export XDG_CACHE_HOME=$WORK/cache # of OpenSC, which would know a card of another test by its serial number
    if [ -n "${READER_PID:-}" ]; then stop_pid "$READER_PID"; else mkdir -p /run/pcscd; fi
    mount -t tmpfs tmpfs /run/pcscd
    start pcscd pcscd --foreground
    READER_PID=$STARTED
    wait_for 30 port_open "$VPCD_PORT" || die "pcscd does not open vpcd's port $VPCD_PORT: $(tail -n 3 "$WORK/log/pcscd")"
}

# start_qemu LOG PORT: the imx6ul image; UART1 goes to PORT, UART2 into LOG. Sets STARTED.
start_qemu() {
    local store=${TOKEN_STORE:-$WORK/token}.sd
    [ -e "$store" ] || truncate -s 16M "$store"
    start qemu qemu-system-arm -M mcimx6ul-evk -m 512M -display none -monitor none -nic none -nic none -kernel "$FIRMWARE/zegel-token-imx6ul.elf" \
        -drive "if=sd,format=raw,file=$store" -chardev "socket,id=reader,host=127.0.0.1,port=$2,nodelay=on" -serial chardev:reader \
        -serial "file:$1"
}

start_token() { # native|dev|qemu|plain: the last is native without the Zegel application: any OpenPGP card
    local port
    TOKEN_LOG=$WORK/log/token
    : >"$TOKEN_LOG"
    case $1 in
    native) start token "$FIRMWARE/zegel-token-native" "${TOKEN_STORE:-$WORK/token}" 127.0.0.1 "$VPCD_PORT" ;;
    dev) start token "$FIRMWARE/zegel-token-native-dev" "${TOKEN_STORE:-$WORK/token}" 127.0.0.1 "$VPCD_PORT" ;;
    qemu) start_qemu "$TOKEN_LOG" "$VPCD_PORT" ;;
    plain)
        port=$(free_port)
        start plaincard "$PYTHON" "$ROOT/tests/firmware/plaincard.py" "$port" "$VPCD_PORT"
        wait_for 30 port_open "$port" || die "plaincard.py does not listen: $(tail -n 3 "$WORK/log/plaincard")"
        start token "$FIRMWARE/zegel-token-native" "${TOKEN_STORE:-$WORK/token}" 127.0.0.1 "$port"
        ;;
    *) die "start_token: $1?" ;;
    esac
    TOKEN_PID=$STARTED
    wait_for 30 grep -q 'token: ready' "$TOKEN_LOG" || die "the token ($1) is not ready: $(tail -n 5 "$TOKEN_LOG")"
}

# Until pcscd has noticed. A card that is exchanged faster than that is to pcscd still the one before: with its answer to reset, and
# with what programs think they know of it.
stop_token() {
    stop_pid "$TOKEN_PID"
    wait_for 30 no_card || die "pcscd does not notice that the token is gone"
}
no_card() { ! opensc-tool --list-readers 2>/dev/null | grep -q '^[0-9]* *Yes '; }
