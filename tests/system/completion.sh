# shellcheck shell=bash
# What each shell offers behind "zegel WORDS...": completion_bash, completion_zsh, completion_fish WORDS... (the last one is what is typed so far; "" nothing).
# Sourced by test_status.sh; the scripts are in $WORK/completion.SHELL.
completion_bash() {
    bash -c '. "$1"; shift; COMP_WORDS=(zegel "$@") COMP_CWORD=$#; _zegel; printf "%s\n" "${COMPREPLY[@]}"' bash "$WORK/completion.bash" "$@"
}
completion_zsh() { # compsys itself wants a terminal; what it is given is printed instead
    zsh -f -c 'compdef() { :; }; _describe() { print -l -- ${list%%:*}; }; compadd() { shift; print -l -- "$@"; }; _files() { :; }
        . "$1"; shift; words=(zegel "$@"); CURRENT=$#words; _zegel' zsh "$WORK/completion.zsh" "$@"
}
completion_fish() {
    local last=${*: -1}
    # shellcheck disable=SC2016
    fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' "$WORK/completion.fish" "zegel $*" | cut -f 1 | grep -e "^${last:-.}" | grep -v '/$'
}
