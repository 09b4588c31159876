#!/usr/bin/python3
"""Send messages by SMTP and say, one line each, what the server answered.

Every file is sent byte for byte, but for its line ends, which become CRLF (--raw: left alone). With --load N, N
generated messages are sent over --threads connections instead, and each line is 'CODE MESSAGE-ID'. Exit status: 0 all accepted, 75 at least one 4xx, 76 at least one 5xx, 77 no answer.
"""
import argparse
import queue
import re
import smtplib
import ssl
import sys
import threading
import time


def crlf(data):
    return re.sub(rb"\r?\n", b"\r\n", data)


class Connection:
    """One SMTP connection, opened when needed; every message ends in a code, whatever stage gave it."""

    def __init__(self, options):
        self.options = options
        self.smtp = None

    def open(self):
        source = (self.options.source, 0) if self.options.source else None
        self.smtp = smtplib.SMTP("127.0.0.1", self.options.port, local_hostname="client.example.nl",
                                 timeout=self.options.timeout, source_address=source)
        if self.options.xclient:
            self.smtp.ehlo()
            code, text = self.smtp.docmd("XCLIENT " + self.options.xclient)
            if code != 220:
                raise smtplib.SMTPResponseException(code, text)
            self.smtp.ehlo_resp = self.smtp.helo_resp = None
        self.smtp.ehlo()
        if self.options.starttls:
            self.smtp.starttls(context=ssl._create_unverified_context())  # pylint: disable=protected-access
        if self.options.login:
            self.smtp.login(*self.options.login.split(" "), initial_response_ok=True)

    def send(self, sender, recipient, data):
        try:
            if self.smtp is None:
                self.open()
            steps = (lambda: self.smtp.mail(sender, ["BODY=8BITMIME"]),
                     lambda: self.smtp.rcpt(recipient),
                     lambda: self.smtp.data(data))
            for step in steps:
                code, text = step()
                if code >= 400:
                    break
            if code >= 400:
                if code == 421:
                    self.close()
                else:
                    self.smtp.rset()
        except smtplib.SMTPResponseException as error:
            code, text = error.smtp_code, error.smtp_error
            self.close()
        except (OSError, smtplib.SMTPException) as error:
            code, text = 0, str(error)
            self.close()
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        return code, text.replace("\n", " ")

    def close(self):
        if self.smtp is not None:
            try:
                self.smtp.close()
            finally:
                self.smtp = None


def load_message(number, sender, recipient):
    ident = f"load-{number}-{time.time_ns()}@example.nl"
    body = "".join(f"Regel {line} van bericht {number}.\r\n" for line in range(40))
    text = (f"From: Load <{sender}>\r\nTo: <{recipient}>\r\nSubject: load {number}\r\n"
            f"Date: Tue, 06 Oct 2026 10:00:00 +0200\r\nMessage-ID: <{ident}>\r\n\r\n{body}")
    return ident, text.encode("ascii")


def run_load(options):
    jobs = queue.Queue()
    for number in range(options.load):
        jobs.put(number)
    codes = []
    lock = threading.Lock()

    def worker():
        connection = Connection(options)
        while True:
            try:
                number = jobs.get_nowait()
            except queue.Empty:
                break
            ident, data = load_message(number, options.sender, options.to)
            code, _ = connection.send(options.sender, options.to, data)
            with lock:
                codes.append(code)
                print(f"{code} {ident}", flush=True)
            if options.pace:
                time.sleep(options.pace)
        connection.close()

    threads = [threading.Thread(target=worker) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return codes


def run_files(options):
    connection = Connection(options)
    codes = []
    for path in options.files:
        with open(path, "rb") as handle:
            data = handle.read()
        code, text = connection.send(options.sender, options.to, data if options.raw else crlf(data))
        print(f"{code} {text}", flush=True)
        codes.append(code)
    connection.close()
    return codes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--from", dest="sender", required=True, help="envelope sender; '' is the null sender")
    parser.add_argument("--to", required=True, help="envelope recipient")
    parser.add_argument("--source", help="local address to connect from")
    parser.add_argument("--xclient", help="attributes of an XCLIENT command, such as 'LOGIN=piet ADDR=192.0.2.7'")
    parser.add_argument("--login", metavar="'USER PASSWORD'", help="authenticate")
    parser.add_argument("--starttls", action="store_true", help="over TLS, whoever the server is")
    parser.add_argument("--raw", action="store_true", help="send the files with the line ends they have")
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--load", type=int, metavar="N", help="send N generated messages")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--pace", type=float, default=0, help="seconds each connection rests between messages")
    parser.add_argument("files", nargs="*", metavar="FILE")
    options = parser.parse_args()
    codes = run_load(options) if options.load else run_files(options)
    if any(code < 200 for code in codes):
        return 77
    if any(code >= 500 for code in codes):
        return 76
    if any(code >= 400 for code in codes):
        return 75
    return 0


if __name__ == "__main__":
    sys.exit(main())
