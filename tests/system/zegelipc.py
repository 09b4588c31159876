"""What zegeld says to its children over descriptor 3, and what milter and resolver say to each other: enough of it to play one of them
falsely. See hostd/ipc/control.h and hostd/ipc/milter_resolver.h."""
import os
import socket
import struct

CONFIG, PIN, PEER, PREVIOUS, LISTEN, DRAIN, PING, NEED_PIN, PONG, READY = range(1, 11)
MAGIC, KEY_REQUEST, KEY_REPLY = 0x5a470021, 0x5a470031, 0x5a470032
FOUND, NONE, MANY, TRY_LATER = range(4)
INSECURE, SECURE, BOGUS = range(3)


def packed(data):
    return struct.pack("=I", len(data)) + data


class Control:
    """The socket to zegeld. receive() answers what wants an answer, and returns (kind, name, descriptor or None)."""

    def __init__(self):
        self.socket = socket.socket(fileno=3)

    def send(self, kind, name):
        self.socket.send(struct.pack("=II", MAGIC, kind) + packed(name))

    def receive(self):
        packet, descriptors, _, _ = socket.recv_fds(self.socket, 4096, 4)
        if not packet:
            os._exit(0)
        kind, size = struct.unpack("=II", packet[4:12])
        name = packet[12:12 + size]
        if kind == PING:
            self.send(PONG, name)
        elif kind == CONFIG:
            self.send(READY, name)
        return kind, name, descriptors[0] if descriptors else None


def key_request(number, name, left_ms=8000):
    return struct.pack("=IQI", KEY_REQUEST, number, left_ms) + packed(name)


def key_reply(number, status, security, txt):
    return struct.pack("=IQII", KEY_REPLY, number, status, security) + packed(txt)
