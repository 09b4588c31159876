#!/bin/bash
# clang-format (check only), cppcheck, clang-tidy, shellcheck. All findings are errors.
# lint.sh [FILE...]: only those.
set -u
cd "$(dirname "$0")/.." || exit 2
status=0
files() { # all that git knows, or those that were named
    if [ ${#named[@]} -eq 0 ]; then git ls-files; echo .ci/run; else printf '%s\n' "${named[@]}"; fi
}
named=("$@")
mapfile -t c_files < <(files | grep '\.c$')
mapfile -t h_files < <(files | grep '\.h$')
mapfile -t scripts < <(files | grep -E '\.sh$|^\.ci/run$' | sort -u)
flags=(-std=c17 -D_GNU_SOURCE -Ifirmware/include -Ifirmware -Ihostd -Ipkcs11 -Iprovisioning -Itests/unit -Itests -I. '-DZEGEL_LIBEXEC="/usr/libexec/zegel"' '-DZEGEL_VERSION="0"')
read -r -a p11 <<<"$(pkg-config --cflags p11-kit-1 libpcsclite)"

run() { # NAME COMMAND...
    local name=$1
    shift
    case $name in
    clang-format) [ $((${#c_files[@]} + ${#h_files[@]})) -gt 0 ] || return ;;
    shellcheck) [ ${#scripts[@]} -gt 0 ] || return ;;
    *) [ ${#c_files[@]} -gt 0 ] || return ;;
    esac
    if "$@"; then
        echo "lint: $name: clean"
    else
        echo "lint: $name: FAILED"
        status=1
    fi
}

run clang-format clang-format --dry-run --Werror "${c_files[@]}" "${h_files[@]}"
run shellcheck shellcheck -x -P SCRIPTDIR "${scripts[@]}"
run cppcheck cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
    --suppress=missingIncludeSystem --suppress=checkersReport -j 2 -D_GNU_SOURCE -Ifirmware/include -Ifirmware -Ihostd -Ipkcs11 -Iprovisioning -Itests/unit -Itests -I. "${c_files[@]}"
# shellcheck disable=SC2317 # called through run
tidy() {
    printf '%s\n' "${c_files[@]}" | xargs -P 2 -n 4 sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$@" -- '"$(printf '%q ' "${flags[@]}" "${p11[@]}")" tidy 2>/dev/null
}
run clang-tidy tidy
exit "$status"
