#!/usr/bin/python3
"""milter_sign.py PORT DOMAIN [TEXT]: one message from DOMAIN to the milter on PORT, as an MTA would send it.

Prints the message with the header fields that came back, CRLF. Exit status: 0 accepted, 75 tempfail, 76 anything else.
"""
import sys

import milter_client


def main():
    port, domain = int(sys.argv[1]), sys.argv[2]
    text = sys.argv[3] if len(sys.argv) > 3 else "text"
    fields = [("From", f"a@{domain}"), ("To", "b@example.org"), ("Subject", text), ("Date", "Wed, 25 Nov 2026 12:00:00 +0000"),
              ("Message-ID", f"<{text.replace(' ', '.')}@{domain}>")]
    try:
        with milter_client.Milter(port) as milter:
            added = milter.message(f"a@{domain}", "b@example.org", fields, text.encode() + b"\r\n")
    except milter_client.Refused as refused:
        sys.exit(75 if refused.temporary else 76)
    if added is None:
        sys.exit(76)
    header = "".join(f"{name}: {value.lstrip(' ')}\n" for name, value in added + fields)
    sys.stdout.buffer.write((header + "\n" + text + "\n").replace("\r\n", "\n").replace("\n", "\r\n").encode())


main()
