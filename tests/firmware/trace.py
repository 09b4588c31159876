#!/usr/bin/python3
"""One trace of commands into both ports: every answermust be the same, octet by octet. trace.py DIRECTORY"""
import random
import sys

from card import Token

ADMIN, USER, OTHER = "0020008308" + b"12345678".hex(), "0020008106" + b"123456".hex(), "0020008206" + b"123456".hex()
ED25519 = "0A162B06010401DA470F01"
HASH = "20" + "5A" * 32
INFO = "33" + "3031300D060960864801650304020105000420" + "A5" * 32
OPENPGP, ZEGEL = "00A4040006D27600012401", "00A4040007F05A6567656C01"

COMMANDS = [OPENPGP, "00CA004F00", "00CA006E00", "00CA00C400", "00CA5F5200", "00A5000000", "0084000020", "00CA007A00"]
COMMANDS += ["0020008106000000000000", USER, "002A9E9A" + HASH + "00"]  # wrong, right, and no key yet
COMMANDS += ["00DA00C1" + ED25519, ADMIN, "00DA00C3" + ED25519, "00478000000002A4000000"]  # an Ed25519 key for AUT
COMMANDS += [OTHER, "00880000" + HASH + "00", "0047810002A40000", "00478000000002B6000000", USER, "002A9E9A" + INFO + "00"]  # RSA for SIG
COMMANDS += ["002A9E9A0000" + INFO + "0000", "00CA007A00", "00C0000000", "00CA00C400", ZEGEL, "0084000008"]
COMMANDS += [ZEGEL + "00", OTHER, "00B0000000", OPENPGP, "00CA00C500", "00CA00C600", "00CA00CD00"]


def noise(seed, count):
    """Commands of any shape; instructions and lengths that exist come more often, PIN commands never (they would only block it)."""
    chance = random.Random(seed)
    for _ in range(count):
        ins = chance.choice([0xA4, 0xCA, 0xDA, 0x47, 0x2A, 0x88, 0x84, 0xC0, 0xDB, 0xA5, 0x10, 0x11, 0x12, chance.randrange(256)])
        if ins in (0x20, 0x24, 0x2C, 0xE6):
            continue
        head = bytes([chance.choice([0, 0, 0, 0x10, 0x80, 0x90, chance.randrange(256)]), ins, chance.choice([0, 0, 4, 0x80, 0x9E, chance.randrange(256)]),
                      chance.choice([0, 0x9A, 0xC4, chance.randrange(256)])])
        body = chance.randbytes(chance.choice([0, 1, 2, 5, 32, 200]))
        if ins == 0x47:
            head = head[:2] + b"\x81" + head[3:]  # reading: making keys takes its time
        tail = chance.choice([b"", bytes([len(body)]) + body, bytes([len(body)]) + body + b"\0", b"\0" + len(body).to_bytes(2, "big") + body + b"\0\0", body])
        yield head + tail


def run(port, directory):
    token = Token(port, directory + "/trace")
    answers = [token.atr()]
    for command in COMMANDS:
        answers.append(token.apdu(command))
    for command in noise(7, 400):
        answers.append(token.apdu(command))
    token.control(2)
    answers += [token.apdu("00CA004F00"), token.apdu(b"\0\xA4" + bytes(5000)), token.apdu(OPENPGP), token.apdu("00CA00C400")]
    token.off()
    again = Token(port, directory + "/trace")
    answers += [again.atr(), again.apdu(OPENPGP), again.apdu("00CA007A00"), again.apdu("0047810002B60000"), again.apdu("0084000008")]
    again.off()
    for line in ("selftest: sha-256 hmac hkdf hmac-drbg ed25519 xchacha20-poly1305 rsa-2048: ok", "dev-seed"):
        if line not in again.logged():
            sys.exit(f"FAIL {port} does not say '{line}': {again.logged()}")
    print(f"ok   {port}: known answers passed; it says that its seed is for development")
    return answers


def without(answer, tag):
    """The answer without the data object of that tag (one octet of length)."""
    at = answer.find(tag)
    return answer if at < 0 else answer[:at] + answer[at + len(tag) + 1 + answer[at + len(tag)]:]


def main():
    native, qemu = (run(port, sys.argv[1]) for port in ("dev", "qemu"))
    for number, (one, other) in enumerate(zip(native, qemu)):
        if one.startswith(b"\x4F\x10\xD2\x76"):  # who answers is another port; and its log has another time in it
            one, other = (without(without(answer, b"\x5F\x2E"), b"\x91") for answer in (one, other))
        if one != other:
            sys.exit(f"FAIL answer {number}: native {one.hex()}, qemu {other.hex()}")
    good = sum(1 for answer in native if answer[-2:] == b"\x90\x00")
    if good < 30 or not any(len(answer) == 258 for answer in native):
        sys.exit(f"FAIL only {good} commands of the trace succeeded: it shows nothing")
    print(f"ok   {len(native)} answers are the same on both ports ({good} of them 9000)")


main()
