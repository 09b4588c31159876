#!/usr/bin/python3
"""A content filter of Postfix (FILTER_README: "advanced"): content_filter.py PORT NEXT-PORT. Takes mail by SMTP, adds a field on top and a
line below, and gives it back to NEXT-PORT; answers what that answered. A subject with "untouched" in it leaves the message as it is."""
import re
import smtplib
import sys

from smtpserver import Session, serve

port, next_port = map(int, sys.argv[1:])


def changed(message):
    header = message.partition(b"\r\n\r\n")[0]
    if re.search(rb"^subject:.*untouched", header, re.I | re.M):
        return message
    return b"X-Scanned: clean\r\n" + message.removesuffix(b"\r\n") + b"\r\n-- looked at by a filter\r\n"


class Filter(Session):
    name = "filter"
    sender, recipients = "", []

    def take(self, message):
        try:
            with smtplib.SMTP("127.0.0.1", next_port, local_hostname="filter.example.nl") as back:
                back.sendmail(self.sender, self.recipients, changed(message), ["BODY=8BITMIME"])
            return "250 given back"
        except smtplib.SMTPResponseException as error:
            return f"{error.smtp_code} {error.smtp_error.decode()}"
        except (OSError, smtplib.SMTPException) as error:
            return f"451 4.3.0 {type(error).__name__}"

    def command(self, verb, line):
        address = line.decode("ascii", "replace").partition("<")[2].partition(">")[0]
        if verb == b"MAIL":
            self.sender, self.recipients = address, []
        if verb == b"RCPT":
            self.recipients.append(address)
        return "250 ok"


serve("127.0.0.1", port, Filter)
