# shellcheck shell=bash
# What the tests of inbound mail share. Sourced after lib.sh; the current directory is $WORK by the time messages are made.

resolver_pid() { pgrep -P "$ZEGELD_PID" zegel-resolver; }
make_dkimpy_key() { # $WORK/key.pem, which sign_dkimpy uses; prints the TXT record without its owner
    local p
    openssl genrsa -out "$WORK/key.pem" 2048 2>/dev/null
    p=$(openssl rsa -in "$WORK/key.pem" -pubout -outform DER 2>/dev/null | base64 -w0)
    echo "TXT \"v=DKIM1; k=rsa; p=${p:0:200}\" \"${p:200}\""
}
message() { # FROM ID
    printf 'From: %s\nTo: inbox@example.org\nSubject: %s\nDate: Wed, 25 Nov 2026 12:00:00 +0000\nMessage-ID: <%s@example.nl>\n\nOne line.\n' "$1" "$2" "$2"
}
sign_dkimpy() { # DOMAIN [SELECTOR [length]] <MESSAGE; length: with an l=, of all the body there is
    "$PYTHON" -c '
import dkim, sys
m = sys.stdin.buffer.read().replace(b"\n", b"\r\n")
s = dkim.sign(m, sys.argv[3].encode(), sys.argv[1].encode(), open(sys.argv[2], "rb").read(), canonicalize=(b"simple", b"simple"), length=len(sys.argv) > 4)
sys.stdout.buffer.write((s + m).replace(b"\r\n", b"\n"))' "$1" "$WORK/key.pem" "${2:-p}" ${3:+"$3"}
}
results() { # FILE: its topmost Authentication-Results, unfolded; fails unless that stands above every Received
    "$PYTHON" - "$1" <<'PY'
import email, email.policy, sys
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.compat32)
names = [n.lower() for n in m.keys()]
at = names.index("authentication-results")
assert "received" in names and at < names.index("received"), names
print(" ".join(m.values()[at].split()))
PY
}
# What Postfix took, as delivered: RESULTS
deliver() { # ID FILE
    send --from someone@example.com --to inbox@example.org "$2" >answer
    grep -q ^250 answer || { echo "not taken: $(cat answer)"; return; }
    wait_for "${WAIT:-20}" delivered_file inbox "<$1@example.nl>" >/dev/null || { echo "not delivered"; return; }
    results "$(delivered_file inbox "<$1@example.nl>")"
}
expect() { # ID FILE PATTERN
    local got
    got=$(deliver "$1" "$2")
    # shellcheck disable=SC2053 # a pattern
    if [[ $got == $3 ]]; then ok "$1: $(cut -c 1-110 <<<"$got")"; else not_ok "$1" "$got, not $3"; fi
}
