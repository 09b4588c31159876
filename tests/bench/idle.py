"""idle.py SOCKET COUNT: that many connections, each of which has had one message signed; says "open" and keeps them."""
import sys
import time

from milter_client import Milter

FIELDS = [("From", "<a@example.nl>"), ("Date", "Tue, 24 Nov 2026 08:00:00 +0000")]


def main():
    connections = [Milter(sys.argv[1], macros=[("{auth_authen}", "load@example.nl")]) for _ in range(int(sys.argv[2]))]
    for connection in connections:
        if not connection.message("a@example.nl", "b@example.org", FIELDS, b"Hello\r\n" * 300):
            sys.exit("idle: not signed")
    print("open", flush=True)
    time.sleep(3600)


main()
