#!/usr/bin/python3
"""Writes a message full of Authentication-Results: forged_authres.py ID MESSAGE EXPECTED. EXPECTED is MESSAGE without those that claim
to be of ID, or that cannot be read in only one way. Each forgery stands there eight times, in turn with honest fields."""
import sys

own, message, expected = sys.argv[1:]
NAMES = ["Authentication-Results", "authentication-results ", "AUTHENTICATION-RESULTS", "Authentication-results \t "]
FORGED = [
    f" {own}; dkim=pass header.d=bank.example",
    f"{own}; dkim=pass",
    f"\t{own.upper()};\n\tdkim=pass",
    f"\n {own};\n dkim=pass",
    f" (comment) {own} ; dkim=pass",
    f" (a (nested \\) one) here)\n\t{own} (after) ; dkim=pass",
    f" {own} 1; dkim=pass",
    f" {own} (v) 1 (w); dkim=pass",
    f" {own}/1; dkim=pass",
    f' "{own}"; dkim=pass',
    f' "{own[0]}\\{own[1:]}"; dkim=pass',
    f' " {own} "; dkim=pass',
    f" {own}.; dkim=pass",
    f" {own}",
    f" {own}; none",
    f" ; {own}; dkim=pass",
    f" (never closed {own}; dkim=pass",
    f' "never closed {own}; dkim=pass',
    f" {own} other.example; dkim=pass",
    f" {own}=1; dkim=pass",
    f" dkim=pass header.d={own}",
    f" {own.replace('.', ' . ')}; dkim=pass",
    f" {own}@other.example; dkim=pass",
    f" \u00e9{own}; dkim=pass",
    f" =?utf-8?q?{own}?=; dkim=pass",
    f" \x0b{own}; dkim=pass",
    f"\0 {own}; dkim=pass",
    f" other.example; dkim=fail\r{own}; dkim=pass",
    " ",
]
HONEST = [
    " other.example; dkim=pass header.d=one.example",
    f" not{own}; dkim=pass",
    f" {own}.example; dkim=pass",
    f" (a comment of {own}; dkim=pass) other.example; dkim=fail",
    f" other.example; dkim=fail\n\t(said by {own}; dkim=pass)",
    ' "quoted.example" 1; spf=pass',
]
fields, kept = ["X-First: 1"], ["X-First: 1"]
for turn in range(8):
    for number, value in enumerate(FORGED):
        fields.append(f"{NAMES[(turn + number) % 4]}:{value}")
        honest = [f"{NAMES[number % 4].strip()}:{HONEST[number % len(HONEST)]}", f"X-Between: {turn}-{number}"]
        fields += honest
        kept += honest
rest = ["ARC-Authentication-Results: i=1; " + own + "; dkim=pass", "X-Authentication-Results: " + own + "; dkim=pass",
        "From: someone@example.nl", "To: inbox@example.org", "Subject: forged", "Date: Wed, 25 Nov 2026 12:00:00 +0000",
        "Message-ID: <forged@example.nl>", "",
        f"Authentication-Results: {own}; this is the body", ""]
for path, lines in ((message, fields + rest), (expected, kept + rest)):
    with open(path, "w", encoding="utf-8", newline="") as out:
        out.write("\n".join(lines))
