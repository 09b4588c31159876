#!/usr/bin/python3
"""In the place of zegel-resolver: answers milters as the selector says, with the record $RECORD where it is honest."""
import os
import selectors
import socket
import struct
import sys

sys.path.insert(0, os.environ["SYSTEM"])
import zegelipc as z

control, chosen = z.Control(), selectors.DefaultSelector()
chosen.register(control.socket, selectors.EVENT_READ)


def lie(peer, packet):
    number = struct.unpack("=Q", packet[4:12])[0]
    how, record = packet[20:].split(b".")[0].decode(), os.environ["RECORD"]
    honest = z.key_reply(number, z.FOUND, z.SECURE, record.encode())
    if how == "garbage":
        for size in (1, 3, 4, 11, 12, 16, 20, 24, 500, 60000):
            peer.send(os.urandom(size))
            peer.send((honest[:4] + os.urandom(size))[:size])
    elif how == "twice":
        for _ in range(3):
            peer.send(honest)
    elif how == "others":  # answers that nobody has asked for, before the one
        for other in list(range(number + 1, number + 200)) + [0, 2**64 - 1]:
            peer.send(z.key_reply(other, z.FOUND, z.SECURE, b"v=DKIM1; p="))
        peer.send(honest)
    elif how == "long":
        peer.send(z.key_reply(number, z.FOUND, z.SECURE, b"v=DKIM1; p=" + b"A" * 60000))
    elif how == "numbers":
        for status, security in ((4, 0), (0, 3), (2**32 - 1, 2**32 - 1), (z.NONE, z.SECURE)):
            peer.send(z.key_reply(number, status, security, record.encode()))
    elif how == "descriptors":
        null = os.open("/dev/null", os.O_RDONLY)
        for count in (1, 2, 30, 250):
            socket.send_fds(peer, [z.key_reply(0, z.NONE, z.SECURE, b"")], [null] * count)
        os.close(null)
        peer.send(honest)
    elif how == "flood":
        for _ in range(20000):
            peer.send(b"\x32no answer at all")
        peer.send(honest)
    elif how == "crash":
        os._exit(1)
    elif how == "hangup":
        chosen.unregister(peer)
        peer.close()
    elif how == "honest":
        peer.send(honest)


while True:
    for key, _ in chosen.select():
        if key.fileobj is control.socket:
            kind, _, fd = control.receive()
            if kind == z.PEER:
                chosen.register(socket.socket(fileno=fd), selectors.EVENT_READ)
            continue
        packet = key.fileobj.recv(65536)
        if packet:
            lie(key.fileobj, packet)
        else:
            chosen.unregister(key.fileobj)
            key.fileobj.close()
