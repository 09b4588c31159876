"""idle.py SOCKET COUNT: that many connections, each of which has had one message signed; says "open" and keeps them."""
import socket
import struct
import sys
import time


def packet(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command + data


class Milter:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")
        self.socket.sendall(packet(b"O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF)))
        self.steps = struct.unpack(">III", self.answer()[1:])[2]
        self.say(b"C", b"client.example.nl\0004\x30\x39127.0.0.1\0", 0x1000)

    def answer(self):
        return self.file.read(struct.unpack(">I", self.file.read(4))[0])

    def say(self, command, data, silent):
        self.socket.sendall(packet(command, data))
        if not self.steps & silent and self.answer()[:1] != b"c":
            sys.exit("idle: refused")

    def message(self):
        self.socket.sendall(packet(b"D", b"M{auth_authen}\0load@example.nl\0"))
        self.say(b"M", b"<a@example.nl>\0", 0x4000)
        for name, value in ((b"From", b" <a@example.nl>"), (b"Date", b" Tue, 24 Nov 2026 08:00:00 +0000")):
            self.say(b"L", name + b"\0" + value + b"\0", 0x80)
        self.say(b"N", b"", 0x40000)
        self.say(b"B", b"Hello\r\n" * 300, 0x80000)
        self.socket.sendall(packet(b"E"))
        signed = False
        while (answer := self.answer())[:1] not in (b"a", b"c"):
            signed |= answer[:1] == b"i"
            if answer[:1] not in (b"i", b"p"):
                sys.exit("idle: not accepted")
        if not signed:
            sys.exit("idle: not signed")


def main():
    connections = [Milter(sys.argv[1]) for _ in range(int(sys.argv[2]))]
    for connection in connections:
        connection.message()
    print("open", flush=True)
    time.sleep(3600)


main()
