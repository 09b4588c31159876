#!/bin/bash
# Install what is missing of the Debian 12 packages Zegel is built and tested with. Starts no service, removes nothing.
set -eu

packages=(
    # build
    gcc make pkg-config libc6-dev libssl-dev libmilter-dev libcyaml-dev libp11-kit-dev libpcsclite-dev libsqlite3-dev
    libjansson-dev libmicrohttpd-dev libp11-dev libgfshare-dev libldns-dev libunbound-dev libidn2-dev dns-root-data libseccomp-dev libsystemd-dev
    # test: unit tests, tokens, real servers, independent verifiers, senders
    check softhsm2 opensc postfix knot knot-dnsutils bind9 opendkim opendkim-tools libmail-dkim-perl
    gcovr python3 python3-dkim python3-dnspython python3-nacl swaks procps iproute2 openssl mandoc strace systemd groff poppler-utils
    # the token's firmware: its libraries, a compiler for the board, a machine to run it on, a reader that is none
    libbearssl-dev libsodium-dev gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm pcscd vsmartcard-vpcd opensc-pkcs11
    # the pages, in a browser (about 80 MB; nothing lighter renders CSS as browsers do)
    chromium
    # packages, and a bare Debian to install them on
    debhelper lintian debootstrap dpkg-dev systemd-container
    # what watches: Prometheus' own tool for its formats, and its client's parser
    # and a syslog daemon (2 MB; it is not started)
    prometheus python3-prometheus-client python3-pyte zsh fish rsyslog
    # what other mail servers link (they themselves cannot be installed beside Postfix: see fetch_mta.sh), and their configurations
    libidn12 libwrap0 libevent-2.1-7 libnsl2 libgnutls-dane0 libldap-2.5-0 libsasl2-2 libsasl2-modules sasl2-bin libdb5.3 m4
    # a TPM 2.0, and how programs share it
    swtpm tpm2-abrmd libtss2-tcti-tabrmd0 libtss2-tcti-swtpm0 libtpm2-pkcs11-1 libtpm2-pkcs11-tools tpm2-tools dbus-daemon
    # whose configurations zegel import reads (about 7 MB)
    dkimpy-milter rspamd
    # lint and fuzz
    clang clang-tidy clang-format cppcheck shellcheck libclang-rt-14-dev llvm
)

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
mta=${ZEGEL_MTA:-/var/cache/zegel-mta}
fetch_mta() { "$(dirname "$0")/system/fetch_mta.sh" "$mta"; }
if [ ! -e "$mta/sendmail-cf.unpacked" ]; then missing_mta=yes; fi
if [ ${#missing[@]} -eq 0 ] && [ -z "${missing_mta:-}" ]; then
    echo "deps: all ${#packages[@]} packages are installed"
    exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps: ${missing[*]} missing and neither root nor sudo at hand: run as root: make deps" >&2
        exit 1
    fi
    exec sudo "$0" "$@"
fi

# A policy-rc.d that says 101 keeps maintainer scripts from starting services; an existing one is the admin's own.
policy=/usr/sbin/policy-rc.d
cleanup() {
    if [ -n "${made_policy:-}" ]; then rm -f "$policy"; fi
    if [ -n "${log:-}" ]; then rm -f "$log"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM
if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

echo "deps: installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
install() {
    apt-get install -y -q --no-install-recommends --no-remove "${missing[@]}" >"$log" 2>&1 </dev/null
}
if [ ${#missing[@]} -gt 0 ] && ! install; then
    # Package lists may be missing or old: fetch them and try once more.
    apt-get update -q >/dev/null 2>&1 || true
    if ! install; then
        tail -n 20 "$log" >&2
        if grep -q 'no-remove\|Packages need to be removed' "$log"; then
            echo "deps: apt would have to remove another package (another mail server than Postfix?): nothing was changed; use a machine or container without it" >&2
        else
            echo "deps: apt-get could not install ${missing[*]} (output above); Zegel is built on Debian 12" >&2
        fi
        exit 1
    fi
fi
if ! fetch_mta 2>"$log"; then
    apt-get update -q >/dev/null 2>&1 || true
    fetch_mta || { echo "deps: the mail servers that tests/system/test_{exim,opensmtpd,sendmail}.sh run could not be downloaded" >&2; exit 1; }
fi
echo "deps: done"
