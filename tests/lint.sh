#!/bin/bash
# clang-format (check only), cppcheck, clang-tidy, shellcheck. All findings are errors.
set -u
cd "$(dirname "$0")/.." || exit 2
status=0
mapfile -t c_files < <(git ls-files '*.c')
mapfile -t h_files < <(git ls-files '*.h')
mapfile -t scripts < <(git ls-files '*.sh'; echo .ci/run)
flags=(-std=c17 -D_GNU_SOURCE -Ihostd -Ipkcs11 -Iprovisioning -Itests/unit -Itests -I. '-DZEGEL_LIBEXEC="/usr/libexec/zegel"')
read -r -a p11 <<<"$(pkg-config --cflags p11-kit-1)"

run() { # NAME COMMAND...
    local name=$1
    shift
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
    --suppress=missingIncludeSystem --suppress=checkersReport -j 2 -D_GNU_SOURCE -Ihostd -Ipkcs11 -Iprovisioning -Itests/unit -Itests -I. "${c_files[@]}"
# shellcheck disable=SC2317 # called through run
tidy() {
    printf '%s\n' "${c_files[@]}" | xargs -P 2 -n 4 sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$@" -- '"$(printf '%q ' "${flags[@]}" "${p11[@]}")" tidy 2>/dev/null
}
run clang-tidy tidy
exit "$status"
