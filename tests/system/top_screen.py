#!/usr/bin/python3
"""Runs a command on a terminal of its own (80 columns, 24 lines) for some seconds, or until a line of the screen shows REGEX, sends it 'q', and
prints what stood on the screen: top_screen.py [--until REGEX] SECONDS COMMAND...
On standard error: whether it ended by itself, and whether the terminal was left as it was found; COLOUR when there is any."""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

import pyte

arguments = sys.argv[1:]
until = None
if arguments[0] == "--until":
    until, arguments = re.compile(arguments[1]), arguments[2:]
seconds, command = float(arguments[0]), arguments[1:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
before = termios.tcgetattr(fd)
screen = pyte.Screen(80, 24)
stream = pyte.ByteStream(screen)
raw = b""
shown = []


def read_until(end, wanted=None):
    global raw
    while time.monotonic() < end and not (wanted and any(wanted.search(line.rstrip()) for line in screen.display)):
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                return True
            if not data:
                return True
            raw += data
            stream.feed(data)
    return False


ended = read_until(time.monotonic() + seconds, until)
shown = list(screen.display)
if not ended:
    os.write(fd, b"q")
    ended = read_until(time.monotonic() + 30)
same = "?"
try:
    same = "restored" if termios.tcgetattr(fd)[3] == before[3] else "NOT RESTORED"
except termios.error:
    same = "restored"
_, status = os.waitpid(pid, 0) if ended else os.waitpid(pid, os.WNOHANG)
print("\n".join(line.rstrip() for line in shown))
print(f"ended={ended} status={os.waitstatus_to_exitcode(status)} terminal={same} screen={'own' if b'[?1049h' in raw and raw.rstrip().endswith(b'[?1049l') else 'none'} {'COLOUR' if b'[1;3' in raw or b'[1m' in raw else 'plain'}", file=sys.stderr)
