"""An MTA's side of the milter protocol (version 6, an answer to every step), for asking any signing filter what it puts on a message."""
import re
import socket
import struct


class Refused(Exception):
    """temporary: a 4xx."""

    def __init__(self, text, temporary=False):
        super().__init__(text)
        self.temporary = temporary


def _words(*all_words):
    return b"".join(w.encode() + b"\0" for w in all_words)


class Milter:
    """One connection, to a port of 127.0.0.1 or the path of a socket; closed when a `with` ends."""

    def __init__(self, where, client="127.0.0.1", macros=()):
        if isinstance(where, int):
            self.peer = socket.create_connection(("127.0.0.1", where), timeout=60)
            self.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.peer = socket.socket(socket.AF_UNIX)
            self.peer.settimeout(60)
            self.peer.connect(where)
        self.stream = self.peer.makefile("rb")
        self.added = []
        self.macros = _words("i", "TEST", "{daemon_name}", "smtpd", *[w for pair in macros for w in pair])
        family = b"6" if ":" in client else b"4"
        self._ask(b"O", struct.pack("!III", 6, 0x1ff, 0))
        self._tell_macros(b"C")
        self._step(b"C", _words("client.example.net") + family + struct.pack("!H", 4321) + _words(client))
        self._step(b"H", _words("client.example.net"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.peer.close()

    def _send(self, command, data=b""):
        self.peer.sendall(struct.pack("!I", len(data) + 1) + command + data)

    def _tell_macros(self, stage):
        self._send(b"D", stage + self.macros)

    def _ask(self, command, data=b""):
        """The answer; the fields that came before it go to self.added."""
        self._send(command, data)
        while True:
            head = self.stream.read(4)
            answer = self.stream.read(struct.unpack("!I", head)[0]) if len(head) == 4 else b""
            if not answer:
                raise Refused("connection closed")
            if answer[:1] in b"ih":
                name, value = answer[5 if answer[:1] == b"i" else 1:].split(b"\0")[:2]
                self.added.append((name.decode(), value.decode()))
            elif answer[:1] not in b"pm":
                return answer

    def _step(self, command, data=b""):
        """Whether it goes on: False when the filter has seen enough of this message."""
        answer = self._ask(command, data)
        if answer[:1] in b"rty":
            raise Refused(answer.decode(errors="replace"), answer[:1] == b"t" or answer[:2] == b"y4")
        return answer[:1] not in b"ad"

    def message(self, sender, recipient, fields, body):
        """The (name, value) of what the filter adds, or None when it took the message before it was over."""
        self.added = []
        self._tell_macros(b"M")
        steps = [(b"M", _words(f"<{sender}>")), (b"R", _words(f"<{recipient}>")), *((b"L", _words(*field)) for field in fields), (b"N", b""), (b"B", body)]
        for command, data in steps:
            if not self._step(command, data):
                return None
        self._step(b"E")
        return self.added


def signatures(port, sender, recipient="to@example.org", client="127.0.0.1", macros=(), extra=()):
    """(d=, s=, h= names, value) of every signature that the filter at 127.0.0.1:PORT adds to a small message from `sender`."""
    fields = [("From", sender), ("To", recipient), ("Subject", "about"), ("Date", "Wed, 25 Nov 2026 12:00:00 +0000"), ("Message-ID", "<1@example.net>"), *extra]
    with Milter(port, client, macros) as milter:
        added = milter.message(sender, recipient, fields, b"text\r\n") or []
    found = []
    for name, value in added:
        if name.lower() == "dkim-signature":
            tags = dict(t.strip().split("=", 1) for t in re.sub(r"\s+", "", value).rstrip(";").split(";"))
            found.append((tags["d"].lower(), tags["s"], tags["h"].lower().split(":"), tags))
    return found
