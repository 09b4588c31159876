#!/usr/bin/python3
"""In the place of zegel-milter. For the socket $HOSTILE: a milter process that somebody has taken over, which asks the resolver for
anything, and says in $REPORT what it got. For any other socket: the real one, beside us."""
import collections
import json
import os
import socket
import struct
import sys
import time

real = os.path.join(os.path.dirname(sys.argv[0]), "zegel-milter.real")
if sys.argv[1] != os.environ["HOSTILE"]:
    os.execv(real, ["zegel-milter", sys.argv[1]])

sys.path.insert(0, os.environ["SYSTEM"])
import zegelipc as z

NOT_KEYS = [b"example.nl", b"_domainkey.example.nl", b"._domainkey.evil.nl", b"x._domainkey.", b"x._domainkey", b"a..b._domainkey.evil.nl",
            b"x._domainkey.evil.nl\nhost.evil.nl", b"x._domainkey.evil.nl\0y", b"x y._domainkey.evil.nl", b"", b".",
            b"x" * 64 + b"._domainkey.evil.nl", (b"x" * 60 + b".") * 3 + b"x" * 60 + b"._domainkey.evil.nl", b"\xff._domainkey.evil.nl",
            b"/etc/passwd", b"_dmarc.evil.nl", b"evil.nl._domainkey"]
control, peers, resolver = z.Control(), [], None
got = collections.Counter()


def read_answers(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        resolver.settimeout(max(0.01, end - time.monotonic()))
        try:
            packet = resolver.recv(65536)
        except (TimeoutError, OSError):
            return
        yield struct.unpack("=IQI", packet[:16])


def attack():
    for size in list(range(1, 40)) + [400, 5000, 60000]:
        resolver.send(os.urandom(size))
        resolver.send((z.key_request(1, b"x._domainkey.evil.nl") + bytes(size))[:size])
    resolver.send(z.key_request(1, b"x._domainkey.evil.nl")[:-20] + struct.pack("=I", 2**32 - 1) + b"x")
    null = os.open("/dev/null", os.O_RDONLY)
    for _ in range(100):
        socket.send_fds(resolver, [z.key_request(2, b"honest._domainkey.evil.nl")], [null] * 8)
    got["descriptors answered"] = sum(1 for _ in read_answers(3))
    for number, name in enumerate(NOT_KEYS):
        resolver.send(z.key_request(1000 + number, name))
    for _, number, status in read_answers(2):
        if number >= 1000:
            got[f"not a key: {('found', 'none', 'many', 'later')[status]}"] += 1
    resolver.settimeout(10)  # more than it takes on, and the answers are not read: whoever waits for us must not
    sent = 0
    try:
        for sent in range(20000):
            resolver.send(z.key_request(5000 + sent, b"silent%d._domainkey.evil.nl" % sent, 2**32 - 1))
    except OSError:
        pass
    got["flood"] = sent
    with open(os.environ["REPORT"] + ".new", "w", encoding="ascii") as out:
        json.dump({"peers": peers, "descriptors": sorted(os.listdir("/proc/self/fd")), "got": got}, out)
    os.rename(os.environ["REPORT"] + ".new", os.environ["REPORT"])


control_ready = False
while True:
    kind, name, fd = control.receive()
    if kind == z.PEER:
        peers.append(name.decode())
        if resolver is None:
            resolver = socket.socket(fileno=fd)
    if kind == z.PING and resolver is not None and not got:
        attack()
    if kind == z.CONFIG and not control_ready:
        control_ready = True
        control.send(z.READY, b"milter")
