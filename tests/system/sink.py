#!/usr/bin/python3
"""The next mail server on the way: sink.py ADDRESS PORT DIRECTORY. Takes everything and keeps each message, as it came over the wire
(dots undone), in DIRECTORY/N. A recipient called "refused" is refused with 550."""
import itertools
import os
import socketserver
import sys

address, port, directory = sys.argv[1:]
numbers = itertools.count(1)


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def data(self):
        self.say("354 go on")
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        else:
            return False  # the end never came: there is no message
        path = os.path.join(directory, str(next(numbers)))
        with open(path + ".new", "wb") as out:
            out.write(b"".join(lines))
        os.rename(path + ".new", path)
        self.say("250 taken")
        return True

    def handle(self):
        self.say("220 sink ESMTP")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-sink")
                self.say("250 8BITMIME")
            elif verb == b"DATA":
                if not self.data():
                    return
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            elif verb == b"RCPT" and b"<refused@" in line.lower():
                self.say("550 5.1.1 no such user")
            else:
                self.say("250 ok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


Server((address, int(port)), Session).serve_forever()
