#!/usr/bin/python3
"""milter_verify.py PORT FILE SIGNATURES: shows a signed message to the verifying milter on PORT as an MTA would, five times over each
connection, until SIGTERM. Prints "N passed, N otherwise" and the first of the latter; passed: every one of SIGNATURES did."""
import email
import email.policy
import signal
import sys

import milter_client

going_on = True


def stop(*_):
    global going_on
    going_on = False


def results(added):
    return [value for name, value in added or [] if name == "Authentication-Results"]


def main():
    port, path, signatures = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    signal.signal(signal.SIGTERM, stop)
    with open(path, "rb") as handle:
        message = email.message_from_binary_file(handle, policy=email.policy.compat32)
    fields = [(name, value.replace("\r\n", "\n")) for name, value in message.items()]
    body = message.get_payload().replace("\r\n", "\n").replace("\n", "\r\n").encode()
    passed, others = 0, []
    while going_on:
        try:
            with milter_client.Milter(port) as milter:
                for _ in range(5):
                    got = results(milter.message("a@example.com", "b@example.org", fields, body))
                    if len(got) == 1 and got[0].count("dkim=pass") == signatures:
                        passed += 1
                    else:
                        others.append(got)
        except (milter_client.Refused, OSError) as error:
            others.append(repr(error))
    print(f"{passed} passed, {len(others)} otherwise", *others[:1], flush=True)


main()
