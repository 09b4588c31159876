#!/bin/bash
# Dependencies go one way only (HOUSE): what a file includes, and what a program links. Prints each breach; exits 1 when there is one.
set -u
cd "$(dirname "$0")/.." || exit 2
BUILD=${BUILD:-build}
breaches=0

breach() {
    echo "layers: $*"
    breaches=$((breaches + 1))
}

# includes DIRECTORY FORBIDDEN_REGEX WHY [EXCEPT_FILE]: no file there includes what the regex matches
includes() {
    local line
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        if [ -n "${4:-}" ] && [ "${line%%:*}" = "$4" ]; then continue; fi
        breach "$line ($3)"
    done < <(grep -rnE "^#include [\"<]($2)" --include='*.[ch]' "$1")
}

# Quoted includes that are not of the list of allowed folders.
only() { # DIRECTORY ALLOWED_REGEX WHY
    local line
    while IFS= read -r line; do
        [ -n "$line" ] && breach "$line ($3)"
    done < <(grep -rnE '^#include "' --include='*.[ch]' "$1" | grep -vE "#include \"($2)")
}

only hostd/base 'base/' "base stands on libc alone"
includes hostd/base 'openssl|cyaml|libmilter|systemd' "base stands on libc alone"
only hostd/dkim 'dkim/|base/bytes\.h' "dkim sees itself, base/bytes.h and libc"
includes hostd/dkim 'openssl' "only digest_openssl.c sees libcrypto" hostd/dkim/digest_openssl.c
includes hostd/dkim 'idn2' "only idna_libidn2.c sees libidn2" hostd/dkim/idna_libidn2.c
includes hostd/dkim 'pthread|sys/socket|unistd|stdio|time\.h' "dkim does no I/O and knows no clock"
only hostd/ipc 'ipc/|base/' "ipc stands on base"
only hostd/html 'html/|dkim/(base64|digest|out)\.h|base/' "html stands on base, and one hash"
only hostd/figures 'figures/|base/' "figures stand on base"
only hostd/status 'status/|html/|figures/|sandbox/|ipc/control\.h|config/|base/' "the status sees figures and the configuration, no mail and no token"
only hostd/config 'config/|base/|dkim/' "config knows names and units, no process"
only hostd/sandbox 'sandbox/|base/' "sandbox stands on base"
only hostd/audit 'audit/|base/' "audit stands on base"
only hostd/milter 'figures/|milter/|sandbox/|dkim/|ipc/|config/|base/' "milter: no pkcs11, no signer"
only hostd/signer 'figures/|signer/|audit/|sandbox/|dkim/|ipc/|config/|base/' "signer: no pkcs11, no milter"
only hostd/resolver 'resolver/|sandbox/|dkim/domain\.h|ipc/|config/|base/' "the resolver sees names, no mail"
only hostd/front 'front/|sandbox/|base/' "front ends see the MTA and a socket: no engine, no configuration"
includes hostd/front 'openssl|cyaml|libmilter/mfapi' "front ends see the MTA and a socket: no engine, no configuration"
only hostd/supervisor 'figures/|supervisor/|ipc/|config/|base/' "supervisor reads no mail"
for file in pkcs11/*.[ch]; do
    while IFS= read -r line; do
        [ -n "$line" ] && breach "$file:$line (pkcs11 sees hostd/base only)"
    done < <(grep -nE '^#include "' "$file" | grep -vE '#include "(pkcs11/|base/|core/reason\.h)')
done
only pkcs11/zegeltoken 'pkcs11/(zegeltoken/|cryptoki\.h)|core/(reason|sw|tlv)\.h' "the Zegel token's module knows its commands, no mail and no host"
only pkcs11/worker 'figures/|worker/|sandbox/|pkcs11/|ipc/|config/|base/' "the worker knows no mail"

only provisioning/ceremony 'ceremony/|pkcs11/|dkim/|config/(config|yaml)\.h|base/' "the ceremony engine knows no command"
only provisioning/dns 'dns/|resolver/context\.h|base/' "DNS knows no token and no command"
only provisioning/lifecycle 'lifecycle/|ceremony/(act|authority)\.h|dns/|pkcs11/|audit/segment\.h|dkim/|config/config\.h|base/' "the lifecycle knows no command"
for file in machine.h machine.c names.c; do
    while IFS= read -r line; do
        [ -n "$line" ] && breach "provisioning/lifecycle/$file: $line (the machine is pure)"
    done < <(grep -E '^#include' "provisioning/lifecycle/$file" | grep -vE '"lifecycle/machine\.h"|<(stdbool|stdint|stddef|string)\.h>')
done
only provisioning/check 'html/|check/|dns/observe\.h|dkim/|config/(config|yaml)\.h|base/' "the check judges what was observed"

only provisioning/doctor 'doctor/|config/(config|network)\.h|base/' "the doctor looks at Postfix and knows no mail"
only provisioning/import 'import/|config/network\.h|dkim/|base/' "an import reads files and knows no token"

only firmware/crypto '(crypto|hal|random|rsa|selftest)\.h"' "crypto stands on the port alone"
only firmware/port '(hal|token|crypto)\.h"|port/' "a port sees the core through token.h"

only firmware/core 'core/|hal\.h|crypto\.h|token\.h' "the token's core sees itself and firmware/include"
includes firmware/core 'stdio|stdlib|unistd|sys/|time\.h|errno|pthread|bearssl|sodium|openssl' "the token's core is freestanding"

# links PROGRAM REGEX WHY: no undefined symbol of the program matches
links() {
    local symbols
    symbols=$(nm -D --undefined-only "$BUILD/$1" | awk '{ print $NF }' | grep -E "$2" | tr '\n' ' ')
    [ -z "$symbols" ] || breach "$BUILD/$1 links $symbols($3)"
}

for program in zegel-milter zegel-signer zegel-resolver zegel-status zegeld; do
    [ -x "$BUILD/$program" ] || { echo "layers: $BUILD/$program is missing: run 'make'"; exit 2; }
    links "$program" '^(dlopen|dlsym|C_[A-Z]|p11_kit)' "no vendor code in there"
    if nm "$BUILD/$program" | grep -qE ' [TtUu] (C_GetFunctionList|module_open|token_login)$'; then breach "$BUILD/$program has token code"; fi
done
for program in zegel-opensmtpd zegel-pipe; do
    links "$program" '^(dlopen|dlsym|C_[A-Z]|p11_kit|EVP_|RSA_|SHA|ub_|cyaml_)' "front ends have no key, no cryptography, no DNS"
done
for program in zegel-signer zegel-token zegel-resolver zegel-status zegel-opensmtpd zegel-pipe zegeld zegel; do
    links "$program" '^(smfi_|mi_)' "libmilter belongs into zegel-milter"
done
for program in zegel-milter zegel-signer zegel-token; do
    links "$program" '^(ub_|ldns_|getaddrinfo|gethostby|res_)' "DNS belongs into zegel-resolver"
done
for program in zegel-milter zegel-signer zegel-token zegel-resolver zegeld zegel; do
    links "$program" '^MHD_' "HTTP belongs into zegel-status"
done
links zegel-signer '^(socket|connect|bind|accept)(@|$)' "the signer opens no socket"

links zegel-ceremony-verify '^(dlopen|dlsym|C_[A-Z]|p11_kit|PKCS11_)|^(socket|connect|getaddrinfo)(@|$)' "the auditor's program reads files, no more"

if [ "$breaches" -gt 0 ]; then
    echo "layers: $breaches breaches"
    exit 1
fi
echo "layers: all dependencies go one way"
