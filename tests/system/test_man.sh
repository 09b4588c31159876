#!/bin/bash
# The man pages: mandoc finds nothing, and each key of zegel.yaml, each command and each option stands in them, and nothing that is not there.
set -eu -o pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
needs mandoc
mandoc -T lint -W warning hostd/man/*.[0-9] || not_ok "mandoc"

# word PAGE: the words of the page, formatted, without emphasis
words() { mandoc -T ascii "hostd/man/$1" | col -b | tr -s '[:space:]' ' '; }

keys=$(grep -oE '(CYAML_FIELD_[A-Z_]+|YAML_YES_NO|CHOICE)\("[a-z0-9-]+"' hostd/config/schema.c | cut -d'"' -f2 | sort -u)
page=$(words zegel.yaml.5)
for key in $keys; do
    [[ $page =~ [^a-z0-9-]"$key"[^a-z0-9-] ]] || not_ok "zegel.yaml(5) does not tell of $key:"
done

page=$(words zegel.1)
"$BUILD/zegel" --help | sed -n 's/^  \(..................\).*/\1/p' | sed 's/ *$//' >"${TMPDIR:-/tmp}/zegel-commands.$$"
mapfile -t commands <"${TMPDIR:-/tmp}/zegel-commands.$$"
rm -f "${TMPDIR:-/tmp}/zegel-commands.$$"
[ ${#commands[@]} -gt 20 ] || not_ok "zegel --help lists ${#commands[@]} commands"
for command in "${commands[@]}"; do
    [[ $page == *" $command "* ]] || not_ok "zegel(1) does not tell of 'zegel $command'"
    read -r -a argv <<<"$command"
    for option in $("$BUILD/zegel" "${argv[@]}" --help | grep -oE -e '--[a-z][a-z0-9-]+' | sort -u); do
        [[ $page =~ [^a-z-]${option}[^a-z0-9-] ]] || not_ok "zegel(1) does not tell of $option (zegel $command)"
    done
done
listed=$(printf '%s\n' "${commands[@]}")
while read -r command; do
    grep -qx -e "$command" <<<"$listed" || not_ok "zegel(1) tells of 'zegel $command', which is not there"
done < <(sed -nE 's/^\.It Cm ([a-z]+( [a-z-]+)?).*/\1/p' hostd/man/zegel.1 | sed 's/ *$//')

page=$(words zegeld.8)
for option in $("$BUILD/zegeld" --help | grep -oE -e '--[a-z]+'); do
    [[ $page == *"$option"* ]] || not_ok "zegeld(8) does not tell of $option"
done
[ "$failed" -gt 0 ] || ok "$(wc -w <<<"$keys") keys and ${#commands[@]} commands, each in its man page"
conclude
