# shellcheck shell=bash
# The firmware of the Zegel token.
while IFS= read -r line; do
    if [[ $line =~ ^token:\ (.*[^ ])\ +([0-9.]+)\ +goal\ (.=)\ ([0-9.]+) ]]; then
        figure "token: ${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "" "${BASH_REMATCH[3]}" "${BASH_REMATCH[4]}"
    else
        say "$line"
    fi
done < <(BUILD=$BUILD "$PYTHON" tests/firmware/speed.py "$WORK")
