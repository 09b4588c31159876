"""An MTA's side of the milter protocol, for asking any signing filter what it would put on a message."""
import re
import socket
import struct


class Refused(Exception):
    pass


def _packet(command, data=b""):
    return struct.pack("!I", len(data) + 1) + command + data


def signatures(port, sender, recipient="to@example.org", client="127.0.0.1", macros=(), extra=()):
    """(d=, s=, h= names, value) of every signature that the filter at 127.0.0.1:PORT adds to a small message from `sender`."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=30)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    added = []

    def read(n):
        data = b""
        while len(data) < n:
            more = peer.recv(n - len(data))
            if not more:
                raise Refused("connection closed")
            data += more
        return data

    def ask(command, data=b""):
        peer.sendall(_packet(command, data))
        while True:
            answer = read(struct.unpack("!I", read(4))[0])
            if answer[:1] in b"ih":
                name, value = answer[5 if answer[:1] == b"i" else 1:].split(b"\0")[:2]
                added.append((name.decode(), value.decode()))
            elif answer[:1] not in b"pm":
                return answer

    def words(*all_words):
        return b"".join(w.encode() + b"\0" for w in all_words)

    try:
        ask(b"O", struct.pack("!III", 6, 0x1ff, 0))
        for stage in b"CM":
            peer.sendall(_packet(b"D", bytes([stage]) + words("i", "TEST", "{daemon_name}", "smtpd", *[w for pair in macros for w in pair])))
        family = b"6" if ":" in client else b"4"
        steps = [(b"C", words("client.example.net")[:-1] + b"\0" + family + struct.pack("!H", 4321) + words(client)), (b"H", words("client.example.net")),
                 (b"M", words(f"<{sender}>")), (b"R", words(f"<{recipient}>"))]
        fields = [("From", sender), ("To", recipient), ("Subject", "about"), ("Date", "Wed, 25 Nov 2026 12:00:00 +0000"), ("Message-ID", "<1@example.net>"), *extra]
        steps += [(b"L", words(name, value)) for name, value in fields] + [(b"N", b""), (b"B", b"text\r\n"), (b"E", b"")]
        for command, data in steps:
            answer = ask(command, data)
            if answer[:1] in b"rty":
                raise Refused(answer.decode(errors="replace"))
            if answer[:1] in b"ad":
                break
    finally:
        peer.close()
    found = []
    for name, value in added:
        if name.lower() == "dkim-signature":
            tags = dict(t.strip().split("=", 1) for t in re.sub(r"\s+", "", value).rstrip(";").split(";"))
            found.append((tags["d"].lower(), tags["s"], tags["h"].lower().split(":"), tags))
    return found
