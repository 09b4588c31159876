#!/usr/bin/python3
"""Both ports give the same octets: trace.py [--record] DIRECTORY.

session.trace has a session with both applications: '>' a command, '<' what must come back, '!' a reset, '%' power off and on with
the same store. It is played to the native port with constant random numbers and to the image under QEMU; then 400 commands of any
shape, whose answers must be the same on both. --record writes the answers of the native port into session.trace.
"""
import pathlib
import random
import sys

from card import Token

TRACE = pathlib.Path(__file__).with_name("session.trace")
SELFTEST = "selftest: sha-256 hmac hkdf hmac-drbg ed25519 xchacha20-poly1305 rsa-2048: ok"


def noise(seed, count):
    """Commands of any shape; instructions and lengths that exist come more often, PIN commands never (they would only block it)."""
    chance = random.Random(seed)
    for _ in range(count):
        ins = chance.choice([0xA4, 0xCA, 0xDA, 0x47, 0x2A, 0x88, 0x84, 0xC0, 0xDB, 0xA5, 0x10, 0x11, 0x12, 0x14, 0x16, chance.randrange(256)])
        if ins in (0x20, 0x24, 0x2C, 0xE6):
            continue
        head = bytes([chance.choice([0, 0, 0, 0x10, 0x80, 0x90, chance.randrange(256)]), ins, chance.choice([0, 0, 4, 0x80, 0x9E, chance.randrange(256)]),
                      chance.choice([0, 0x9A, 0xC4, chance.randrange(256)])])
        body = chance.randbytes(chance.choice([0, 1, 2, 5, 32, 200]))
        if ins == 0x47:
            head = head[:2] + b"\x81" + head[3:]  # reading: making keys takes its time
        tail = chance.choice([b"", bytes([len(body)]) + body, bytes([len(body)]) + body + b"\0", b"\0" + len(body).to_bytes(2, "big") + body + b"\0\0", body])
        yield head + tail


def without(answer, tag, length=b""):
    """The answer without the data object of that tag (one octet of length, which may be said)."""
    at = answer.find(tag + length)
    return answer if at < 0 else answer[:at] + answer[at + len(tag) + 1 + answer[at + len(tag)]:]


class Port:
    """One port, and all that it answered."""

    def __init__(self, name, directory):
        self.name, self.store = name, directory + "/trace"
        self.token = Token(name, self.store)
        self.atr = self.token.atr()

    def apdu(self, command):
        """What came back, less what only this port says: its name, and the log's head, which has the time in it."""
        answer = self.token.apdu(command)
        if answer.startswith(b"\x4F\x10\xD2\x76"):
            answer = without(without(answer, b"\x5F\x2E"), b"\x91", b"\x20")
        return answer

    def play(self, lines):
        """The session's lines with the answers of this port."""
        for line in lines:
            if line.startswith(">"):
                yield line
                yield "< " + self.apdu(bytes.fromhex(line[1:])).hex()
            elif not line.startswith("<"):
                if line == "!":
                    self.token.control(2)
                elif line == "%":
                    self.token.off()
                    self.token = Token(self.name, self.store)
                yield line

    def end(self):
        self.token.off()
        for line in (SELFTEST, "dev-seed"):
            if line not in self.token.logged():
                sys.exit(f"FAIL {self.name} does not say '{line}': {self.token.logged()}")


def compare(name, lines, played):
    for number, (want, have) in enumerate(zip(lines, played), 1):
        if want != have:
            sys.exit(f"FAIL {name}: line {number} of session.trace:\n  {want}\n  {have}")
    if len(lines) != len(played):
        sys.exit(f"FAIL {name}: {len(played)} lines for the {len(lines)} of session.trace")


def main():
    lines = TRACE.read_text(encoding="ascii").splitlines()
    if sys.argv[1] == "--record":
        port = Port("dev", sys.argv[2])
        TRACE.write_text("\n".join(port.play(lines)) + "\n", encoding="ascii")
        return port.end()
    noises = []
    for name in ("dev", "qemu"):
        port = Port(name, sys.argv[1])
        compare(name, lines, list(port.play(lines)))
        noises.append([port.atr] + [port.apdu(command) for command in noise(7, 400)])
        port.end()
    for number, (one, other) in enumerate(zip(*noises)):
        if one != other:
            sys.exit(f"FAIL command {number} of no shape: native {one.hex()}, QEMU {other.hex()}")
    good = sum(line.startswith("<") and line.endswith("9000") for line in lines)
    print(f"ok   {sum(line.startswith('>') for line in lines)} commands of session.trace ({good} answered 9000) and {len(noises[0])} of any shape: the same octets")
    return None


main()
