#!/usr/bin/python3
"""Runs a command on a terminal of its own (80 columns) and tells what of a progress line was seen there: progress_screen.py COMMAND...
Prints first=SECONDS until the line came ("never"), moved=whether it changed, percent=the highest one seen, colour=, status=, and then the screen as it was left."""
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

command = sys.argv[1:]
begin = time.monotonic()
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(command[0], command)
screen = pyte.Screen(80, 24)
stream = pyte.ByteStream(screen)
raw, lines, first = b"", set(), None
while True:
    if not select.select([fd], [], [], 60)[0]:
        sys.exit("nothing for a minute")
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    raw += data
    stream.feed(data)
    for line in screen.display:
        if re.match(r"\[[#.]{24}\]", line):
            first = first or time.monotonic() - begin
            lines.add(line.rstrip())
coloured = re.search(rb"\x1b\[[0-9;]*m", raw) is not None
percents = [int(p) for line in lines for p in re.findall(r" (\d+)%", line)]
print(f"first={'never' if first is None else int(first)}", f"moved={len(lines) > 1}", f"percent={max(percents, default='none')}",
      f"colour={coloured}", f"status={os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}")
print("\n".join(line.rstrip() for line in screen.display if line.strip()))
