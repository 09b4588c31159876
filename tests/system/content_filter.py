#!/usr/bin/python3
"""A content filter of Postfix (FILTER_README: "advanced"): content_filter.py PORT NEXT-PORT. Takes mail by SMTP, adds a field on top and a
line below, and gives it back to NEXT-PORT; answers what that answered. A subject with "untouched" in it leaves the message as it is."""
import re
import smtplib
import socketserver
import sys

port, next_port = map(int, sys.argv[1:])


def changed(message):
    header = message.partition(b"\r\n\r\n")[0]
    if re.search(rb"^subject:.*untouched", header, re.I | re.M):
        return message
    return b"X-Scanned: clean\r\n" + message.removesuffix(b"\r\n") + b"\r\n-- looked at by a filter\r\n"


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def data(self, sender, recipients):
        self.say("354 go on")
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        else:
            return
        try:
            with smtplib.SMTP("127.0.0.1", next_port, local_hostname="filter.example.nl") as back:
                back.sendmail(sender, recipients, changed(b"".join(lines)), ["BODY=8BITMIME"])
            self.say("250 given back")
        except smtplib.SMTPResponseException as error:
            self.say(f"{error.smtp_code} {error.smtp_error.decode()}")
        except (OSError, smtplib.SMTPException) as error:
            self.say(f"451 4.3.0 {type(error).__name__}")

    def handle(self):
        sender, recipients = "", []
        self.say("220 filter ESMTP")
        for line in self.rfile:
            verb, address = line[:4].upper(), line.decode("ascii", "replace").partition("<")[2].partition(">")[0]
            if verb == b"DATA":
                self.data(sender, recipients)
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            elif verb == b"EHLO":
                self.say("250-filter")
                self.say("250 8BITMIME")
            else:
                if verb == b"MAIL":
                    sender, recipients = address, []
                if verb == b"RCPT":
                    recipients.append(address)
                self.say("250 ok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


Server(("127.0.0.1", port), Session).serve_forever()
