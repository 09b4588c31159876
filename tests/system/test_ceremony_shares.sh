#!/bin/bash
# A token's PIN in shares: two of three custodians make it, nobody sees it; one alone, a wrong, a mistyped or a foreign share is found
# out before anything is sent to the token (C_Login is counted); a ceremony is held with it, at the terminal and from files.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs pkcs11-tool
FAULT=$BUILD/tests/p11fault
[ -x "$FAULT" ] || die "$FAULT is missing: run 'make tests'"
make_work_dir
make_people
REAL=$MODULE MODULE=$BUILD/tests/p11fault.so
export P11FAULT_MODULE=$REAL P11FAULT_CONTROL=$WORK/fault
"$FAULT" "$WORK/fault" new
logins() { "$FAULT" "$WORK/fault" calls C_Login; }
split() { Z split-pin --module "$MODULE" --card pkcs11:token=zegel --pin "$1" --state "$WORK/state" "${@:2}"; }

mkdir "$WORK/shares" "$WORK/other"
refused "one share is no sharing" 2 'at least 2 make it' split "file:$WORK/pin" --threshold 1 --shares 3 "$WORK/shares"
refused "more than there are" 2 'at least 2 make it' split "file:$WORK/pin" --threshold 4 --shares 3 "$WORK/shares"
: >"$WORK/other/share-2"
refused "what is there is not overwritten, and the PIN stays" 3 'share-2: File exists; the PIN was not changed' split "file:$WORK/pin" --threshold 2 --shares 3 "$WORK/other"
accepted "a random PIN, two of three make it" split "file:$WORK/pin" --threshold 2 --shares 3 "$WORK/shares"
[ "$(stat -c %a "$WORK/shares/share-1")" = 600 ] || not_ok "a share" "others may read it"
if pkcs11-tool --module "$REAL" --token-label zegel --login --pin 1234 -O >/dev/null 2>&1; then not_ok "the old PIN" "is still good"; else echo "ok   the old PIN is gone"; fi

A=$WORK/one
prepare "$A" 1 --key example.nl/z1:ed25519 >/dev/null || die "prepare"
MODULE=$REAL approve "$A" alice bob >/dev/null || die "approve"
with() { Z run --pin "$1" --state "$WORK/state" --non-interactive "$A"; }
unsent() { # NAME STATUS REGEX SOURCE: refused, and the token was not asked
    local before
    before=$(logins)
    refused "$1" "$2" "$3" with "$4"
    [ "$(logins)" -eq "$before" ] || not_ok "$1" "a PIN was sent to the token"
    [ ! -e "$WORK/state/pin/ceremony.latch" ] || not_ok "$1" "a latch was set"
}
s=$WORK/shares/share
unsent "one share" 1 'the shares are too few; nothing was sent' "shares:$s-1"
unsent "one share, twice" 1 'one stands there twice; nothing was sent' "shares:$s-1,$s-1"
tr 'a-y2' 'b-z3' <"$s-2" >"$WORK/typo"
unsent "a share that was changed" 1 'typo: is no share, or was changed; nothing was sent' "shares:$s-1,$WORK/typo"
# A custodian who knows how shares are made gives one that fits its own check, and is wrong.
"$PYTHON" - "$s-2" "$WORK/lie" <<'PY'
import base64, hashlib, sys
text = open(sys.argv[1]).read().replace(" ", "").strip().upper()
raw = base64.b32decode(text + "=" * (-len(text) % 8))
body = bytearray(raw[:-4])
body[10] ^= 1
text = base64.b32encode(bytes(body) + hashlib.sha256(body).digest()[:4]).decode().rstrip("=").lower()
open(sys.argv[2], "w").write(text + "\n")
PY
unsent "one dishonest custodian" 1 'make no PIN: one of them is wrong; nothing was sent' "shares:$s-1,$WORK/lie"
softhsm2-util --init-token --free --label other --so-pin 12345678 --pin 1234 >/dev/null || die "no other token"
rm "$WORK/other/share-2"; rm -f "$WORK/other/share-1"
Z split-pin --module "$REAL" --card pkcs11:token=other --pin "file:$WORK/pin" --state "$WORK/state" --threshold 2 --shares 2 "$WORK/other" >/dev/null || die "split other"
unsent "a share of another PIN" 1 'are of different PINs; nothing was sent' "shares:$s-1,$WORK/other/share-2"
# All shares of another token make a PIN, which this token refuses: once, and it is not sent again.
before=$(logins)
refused "a whole set for another token" 3 'CKR_PIN_INCORRECT' with "shares:$WORK/other/share-1,$WORK/other/share-2"
[ "$(logins)" -eq $((before + 1)) ] || not_ok "a whole set for another token" "was sent $(($(logins) - before)) times"
refused "and not a second time" 3 'refused before and is not sent again' with "shares:$WORK/other/share-1,$WORK/other/share-2"
[ "$(logins)" -eq $((before + 1)) ] || not_ok "and not a second time" "was sent again"
rm -f "$WORK"/state/pin/*

# At a terminal: three custodians see theirs, two type them, one of them wrongly at first.
PYTHONPATH=$SYSTEM "$PYTHON" - "$BUILD/zegel" "$MODULE" "$WORK" "$A" <<'PY' || not_ok "at the terminal" "see above"
import re, sys
from dialogue import hold
zegel, module, work, ceremony = sys.argv[1:]

def at_terminal(command, answer):
    asked = []
    def typed(shown, fd):
        if not re.search(r": $", shown):
            return None
        asked.append(shown)
        return answer(shown, len(asked) - 1) + "\n"
    return hold(command, typed)

kept = []

def custodians(question, n):
    shown = re.search(r"\n    ([a-z2-7 ]{30,})\n", question)
    if shown:
        kept.append(shown.group(1).strip())
    if "not shown" not in question:
        return ""
    number = int(re.search(r"Share (\d)", question).group(1))
    share = kept[0] if number == 1 else kept[2]
    if number == 2 and "mistyped" not in question:
        return share[:-1] + ("a" if share[-1] != "a" else "b")
    return share.upper()

files = "shares:%s/shares/share-1,%s/shares/share-3" % (work, work)
status, text = at_terminal([zegel, "ceremony", "split-pin", "--module", module, "--card", "pkcs11:token=zegel", "--pin", files,
                     "--state", work + "/state", "--threshold", "2", "--shares", "3"], custodians)
assert status == 0, text
assert len(kept) == 3 and len(set(kept)) == 3, kept
assert text.count("\033[2J\033[3J\033[H") == 3, "the screen was not cleared"
assert "Once more." in text, "a mistyped share was taken"
last = text.rindex("\033[2J")
assert not any(share.upper() in text[last:].upper() for share in kept), "what is typed is shown"
status, text = at_terminal([zegel, "ceremony", "run", "--pin", "shares", "--state", work + "/state", ceremony],
                    lambda q, n: "Yes" if "Type Yes" in q else kept[1] if "Share 1" in q else kept[2])
assert status == 0, text
assert not any(share in text for share in kept), "what is typed is shown"
print("ok   at the terminal: shown to one after the other, tried, typed for a ceremony")
PY
{ MODULE=$REAL seal "$A" && MODULE=$REAL approve "$A" alice bob erin; } >/dev/null || die "seal"
accepted "and its transcript verifies" Z verify --trust "$WORK/people/trust.pem" "$A"

conclude
