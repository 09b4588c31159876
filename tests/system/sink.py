#!/usr/bin/python3
"""The next mail server on the way: sink.py ADDRESS PORT DIRECTORY. Takes everything and keeps each message, as it came over the wire
(dots undone), in DIRECTORY/N. A recipient called "refused" is refused with 550."""
import itertools
import os
import sys

from smtpserver import Session, serve

address, port, directory = sys.argv[1:]
numbers = itertools.count(1)


class Sink(Session):
    name = "sink"

    def take(self, message):
        path = os.path.join(directory, str(next(numbers)))
        with open(path + ".new", "wb") as out:
            out.write(message)
        os.rename(path + ".new", path)
        return "250 taken"

    def command(self, verb, line):
        return "550 5.1.1 no such user" if verb == b"RCPT" and b"<refused@" in line.lower() else "250 ok"


serve(address, int(port), Sink)
