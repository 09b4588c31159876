#!/bin/bash
# A ceremony killed (SIGKILL) behind each thing it made durable and in the middle of what it writes, or met by a full disk: the same
# command goes on, does to each key once what was planned, and the transcript verifies. SOAK=1: behind every write of every action.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/faultlib.sh
. "$SYSTEM/faultlib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs strace pkcs11-tool
make_work_dir
strace -f -qq -o /dev/null true 2>/dev/null || skip "strace may not trace here"
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # LeakSanitizer does not work under strace
make_people
A=$WORK/one
run_it=("$BUILD/zegel" ceremony run --pin "file:$WORK/pin" --state "$WORK/state" --non-interactive "$A")

# inject WHAT: run with one system call tampered with
inject() { strace -f -qq -o /dev/null -e "trace=$1" -e "inject=$1:$2" "${run_it[@]}" >"$WORK/out" 2>"$WORK/err"; } 2>/dev/null
baseline() { rm -rf "$WORK/base"; mkdir "$WORK/base"; cp -r "$A" "$WORK/base/one"; cp -r "$WORK/softhsm/tokens" "$WORK/base/tokens"; }
reset() { rm -rf "$A" "$WORK/softhsm/tokens" "$WORK/state/pin"; cp -r "$WORK/base/one" "$A"; cp -r "$WORK/base/tokens" "$WORK/softhsm/tokens"; }
objects() { pkcs11-tool --module "$MODULE" --token-label zegel --login --pin 1234 -O 2>/dev/null; }
count_calls() { # CALL: how often a whole run makes it
    strace -f -qq -o "$WORK/trace" -e "trace=$1" "${run_it[@]}" >/dev/null 2>&1 || die "a plain run fails"
    grep -c "$1(" "$WORK/trace"
    reset
}

# Finish after whatever happened. A token that was left with half a key (SoftHSM writes the halves one after the other) may only be
# cleared by people, with an exception; then the ceremony goes on as well.
finish() { # NAME
    if ! "${run_it[@]}" >"$WORK/out" 2>"$WORK/err"; then
        if grep -q 'this ceremony has ended' "$WORK/err"; then
            : # killed behind its last line
        elif grep -q 'matches no token' "$WORK/err" && mend_token "$WORK/base/tokens"; then
            lost=$((lost + 1))
            finish "$1" || return 1
        elif grep -q 'half-made' "$WORK/err"; then
            Z exception --text "half a key was left" --decision "destroyed by hand" --agreed "alice, erin" "$A" || return 1
            local type
            for type in pubkey privkey; do
                while pkcs11-tool --module "$MODULE" --token-label zegel --login --pin 1234 --delete-object --type "$type" \
                    --label "$HALF" >/dev/null 2>&1; do :; done
            done
            halves=$((halves + 1))
            "${run_it[@]}" >"$WORK/out" 2>"$WORK/err" || { not_ok "$1" "after the exception: $(cat "$WORK/err")"; return 1; }
        else
            not_ok "$1" "does not go on: $(cat "$WORK/err")"
            return 1
        fi
    fi
    objects >"$WORK/objects"
    if [ "$(grep -c "label: *$HALF" "$WORK/objects")" -ne "$KEY_OBJECTS" ]; then
        not_ok "$1" "the token has $(grep -c "label: *$HALF" "$WORK/objects") objects of $HALF, not $KEY_OBJECTS"
        return 1
    fi
    if [ "$(grep -c "label: *'standing of $HALF'" "$WORK/objects")" -ne "$NOTES" ]; then
        not_ok "$1" "the token does not have $NOTES notes on what the key may do"
        return 1
    fi
}

sealed_and_good() { # NAME [OPTION of verify...]
    local name=$1
    shift
    { seal "$A" && approve "$A" alice bob erin; } >/dev/null 2>"$WORK/err" || { not_ok "$name" "seal: $(cat "$WORK/err")"; return; }
    Z verify "$@" "$A" >"$WORK/out" 2>"$WORK/err" || not_ok "$name" "$(cat "$WORK/err")"
}

# killed ACTION CALL STEP: kill at every STEPth CALL; the last of them is sealed and verified
killed() {
    local calls n times=0
    reset
    calls=$(count_calls "$2")
    for ((n = 1; n <= calls; n += $3)); do
        reset
        inject "$2" "signal=SIGKILL:when=$n"
        [ $? -eq 137 ] || { not_ok "$1: killed at $2 $n of $calls" "was not killed"; continue; }
        times=$((times + 1))
        finish "$1: killed at $2 $n of $calls" || continue
        if [ $((times % 8)) -eq 0 ]; then sealed_and_good "$1: killed at $2 $n of $calls" "${MORE[@]}"; fi
    done
    [ "$times" -gt 0 ] || not_ok "$1" "nothing was killed"
    echo "ok   $1: killed $times times at $2, went on each time"
}

halves=0 lost=0 MORE=()
HALF=example.nl/z1 KEY_OBJECTS=2 NOTES=0
{ prepare "$A" 1 --key example.nl/z1:ed25519 && approve "$A" alice bob; } >/dev/null || die "prepare"
rm -f "$A/script.pdf"
baseline

# SIGKILL leaves what the kernel has; a power cut does not. So: what is written is synced before anything else of the ceremony is
# written, renamed or told to the token, and a name that is new before anything else too.
strace -f -qq -y -o "$WORK/trace" -e trace=write,fsync,rename,openat "${run_it[@]}" >/dev/null 2>&1 || die "a plain run fails"
if "$PYTHON" - "$WORK/trace" "$A" "$WORK/state/pin" >"$WORK/out" 2>&1 <<'PY'
import re, sys
trace, *places = sys.argv[1:]
owed, lines, names = {}, 0, 0  # path: why it has to be synced first
for line in open(trace):
    call = re.match(r"\d+ +(\w+)\((.*)\) += +(-?\d+)", line)
    if call is None or call[3].startswith("-"):
        continue
    name, rest = call[1], call[2]
    path = re.match(r"\d+<([^>]*)>", rest)
    if name == "fsync":
        owed.pop(path[1], None)
    elif name == "write" and path[1].startswith(tuple(p + "/" for p in places) + (places[0].rsplit("/", 1)[0] + "/softhsm/",)):
        assert not owed, (line, owed)
        if "/softhsm/" not in path[1]:
            owed[path[1]] = line
            lines += path[1].endswith("journal.jsonl")
    elif name == "rename":
        to = re.search(r', "([^"]*)/[^"/]*"', rest)
        if to is not None and to[1] in places:
            assert not owed, (line, owed)
            owed[to[1]] = line
            names += 1
    elif name == "openat" and "journal.jsonl" in rest and "O_CREAT" in rest:
        owed[places[0]] = line
assert not owed, owed
assert lines > 10 and names >= 3, (lines, names)
print(lines, "lines of the journal,", names, "names")
PY
then
    ok "each line and each name is durable before what comes next" "$(cat "$WORK/out")"
else
    not_ok "each line and each name is durable before what comes next" "$(tail -n 1 "$WORK/out")"
fi
reset
killed generate fsync 1
killed generate write "$(short_or 30 1)"

# SoftHSM itself, in the middle of writing its token.object: the token is gone, the run says so, and goes on when it is back.
reset
object=$(grep -lr zegel "$WORK"/softhsm/tokens/*/token.object)
{ strace -f -qq -o /dev/null -P "$object" -e trace=write -e inject=write:signal=SIGKILL:when=1 "${run_it[@]}" >/dev/null 2>&1; } 2>/dev/null
refused "SoftHSM lost its own token.object" 3 'matches no token .*; plug it in' "${run_it[@]}"
mend_token "$WORK/base/tokens" || not_ok "SoftHSM lost its own token.object" "it is whole"
accepted "and it is back" "${run_it[@]}"

# One sync may fail unseen: that the PIN latch is open again, which errs on the safe side when lost.
survived=0
# The disk is full, or broken, at each sync and at each writing of the journal.
reset
calls=$(count_calls fsync)
for ((n = 1; n <= calls; n += $(short_or 7 1))); do
    reset
    if inject fsync "error=ENOSPC:when=$n"; then survived=$((survived + 1)); continue; fi
    grep -qE 'No space left.*(same command again|another disk|no PIN was sent to the token; free space in .*/state/pin.*try again)' \
        "$WORK/err" || not_ok "full disk at fsync $n" "says $(cat "$WORK/err")"
    [ "$(wc -l <"$WORK/err")" -eq 1 ] || not_ok "full disk at fsync $n" "not one line: $(cat "$WORK/err")"
    finish "full disk at fsync $n"
done
[ "$survived" -le 1 ] || not_ok "full disk" "$survived failed syncs were not noticed"
echo "ok   full disk at fsync, then room again"

# The token is removed in mid step: its files go away between two steps, the session with them.
reset
inject fsync "signal=SIGKILL:when=12" || true
mv "$WORK/softhsm/tokens" "$WORK/softhsm/away"; mkdir "$WORK/softhsm/tokens"
refused "the token is gone" 3 'matches no token' "${run_it[@]}"
rmdir "$WORK/softhsm/tokens"; mv "$WORK/softhsm/away" "$WORK/softhsm/tokens"
if finish "the token is back"; then sealed_and_good "the token is back"; fi

# Activation, retirement and destruction of that key, cut off the same way.
next_action() { # SERIAL ACTION: it continues what $A holds
    local print
    print=$(print_of "$A" 0)
    rm -rf "$WORK/before-$2"
    mv "$A" "$WORK/before-$2"
    prepare "$A" "$1" --action "$2" --previous "$WORK/before-$2" --key "example.nl/z1:ed25519:$print" >/dev/null || die "prepare $2"
    approve "$A" alice bob >/dev/null || die "approve $2"
    rm -f "$A/script.pdf"
    MORE=(--previous "$WORK/before-$2")
    run_it=("$BUILD/zegel" ceremony run --pin "file:$WORK/pin" --state "$WORK/state" --non-interactive "${MORE[@]}" "$A")
    baseline
}
end_action() { # ACTION: undisturbed, and every change of its transcript noticed
    reset
    "${run_it[@]}" >/dev/null || die "$1"
    sealed_and_good "$1" "${MORE[@]}"
    # shellcheck disable=SC2046 # several words
    accepted "$1: every file, mutated" env SPREAD=1 "$PYTHON" "$SYSTEM/ceremony_mutate.py" "$BUILD/zegel-ceremony-verify" "$A" \
        $(short_or "journal.jsonl response.json plan.yaml" all)
    tail -n 1 "$WORK/out"
}
next_action 2 activate
NOTES=1
killed activate fsync "$(short_or 4 1)"
killed activate write "$(short_or 30 1)"
end_action activate
next_action 3 retire
NOTES=2
killed retire fsync "$(short_or 5 1)"
killed retire write "$(short_or 40 1)"
end_action retire
next_action 4 destroy
KEY_OBJECTS=0
killed destroy fsync "$(short_or 5 1)"
killed destroy unlink 1
killed destroy write "$(short_or 50 1)"
echo "halves that people had to clear: $halves; times that SoftHSM lost its own token.object: $lost"

conclude
