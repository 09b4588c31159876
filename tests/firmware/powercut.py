#!/usr/bin/python3
"""Power fails at a write of the store: powercut.py PORT DIRECTORY STRIDE CHANCES. Afterwards: no counter fell, no PIN try came back, a key is
whole or absent. Every STRIDE-th write, each with CHANCES ways of what is kept, lost and torn."""
import pathlib
import sys

from nacl.signing import VerifyKey

from card import Gone, Token

OPENPGP, ZEGEL = "00A4040006D27600012401", "00A4040007F05A6567656C0100"
WRONG, RIGHT, OTHER = "0020008106" + b"654321".hex(), "0020008106" + b"123456".hex(), "0020008206" + b"123456".hex()
ADMIN = "0020008308" + b"12345678".hex()
HASH = bytes(range(32))


class Fail(Exception):
    pass


class Known:
    """What the reader may conclude from the answers it has got, and from the command that is under way."""

    def __init__(self):
        self.tries, self.signatures, self.keys = {3}, 0, {0xB6: {None}, 0xA4: {None}}


def expect(answer, sw="9000"):
    if answer[-2:].hex() != sw:
        raise Fail(f"answered {answer.hex()} instead of {sw}")
    return answer[:-2]


def public_of(token, crt):
    answer = token.apdu(f"0047810002{crt:02X}0000")
    return answer[-34:-2] if answer[-2:] == b"\x90\x00" else None


def tries(token):
    return expect(token.apdu("00CA00C400"))[4]


def signatures(token):
    return int.from_bytes(expect(token.apdu("00CA007A00"))[-3:], "big")


def sequence(token):
    """Of the token's log."""
    expect(token.apdu(ZEGEL))
    answer = expect(token.apdu("80CA000000"))
    expect(token.apdu(OPENPGP))
    return int.from_bytes(answer[answer.index(b"\x90\x08") + 2:][:8], "big")


def steps(token, known):
    """The life of a token, from an empty store; `known` is kept true at every moment."""
    def wrong():
        before = min(known.tries)
        known.tries = {before, before - 1}
        expect(token.apdu(WRONG), f"63c{before - 1}")
        known.tries = {before - 1}

    def right():
        known.tries = {3} | known.tries | {min(known.tries) - 1}
        expect(token.apdu(RIGHT))
        known.tries = {3}

    def sign():
        VerifyKey(list(known.keys[0xB6])[0]).verify(HASH, expect(token.apdu("002A9E9A20" + HASH.hex() + "00")))
        known.signatures += 1

    def generate(crt):
        known.keys[crt] = known.keys[crt] | {"new"}
        public = expect(token.apdu(f"0047800002{crt:02X}0000"))[-32:]
        known.keys[crt] = {public}

    expect(token.apdu(OPENPGP))
    expect(token.apdu(ADMIN))
    for tag in ("C1", "C3"):
        expect(token.apdu(f"00DA00{tag}0A162B06010401DA470F01"))
    generate(0xB6)
    wrong()
    wrong()
    right()
    for _ in range(5):
        sign()
    generate(0xA4)
    wrong()
    right()
    expect(token.apdu(ADMIN))
    generate(0xB6)  # in place of one that is there
    known.signatures = 0  # a new key begins to count anew
    right()
    sign()
    wrong()


def check(token, known):
    expect(token.apdu(OPENPGP))
    left = tries(token)
    if left not in known.tries:
        raise Fail(f"{left} tries are left where {sorted(known.tries)} may be")
    for crt, allowed in known.keys.items():
        public = public_of(token, crt)
        if public not in allowed and not (public is not None and "new" in allowed):
            raise Fail(f"key {crt:02X} is {public and public.hex()} and may be {allowed}")
        if public is not None and left > 0:
            expect(token.apdu(RIGHT if crt == 0xB6 else OTHER))
            command = "002A9E9A20" if crt == 0xB6 else "0088000020"
            VerifyKey(public).verify(HASH, expect(token.apdu(command + HASH.hex() + "00")))
    if "new" not in known.keys[0xB6] and signatures(token) < known.signatures + (1 if left > 0 and None not in known.keys[0xB6] else 0):
        raise Fail(f"the counter says {signatures(token)} after {known.signatures} signatures")


def one_cut(port, directory, write, chance):
    """True when the cut came before the steps were done."""
    store, known, before = f"{directory}/cut-{port}", Known(), 0
    for suffix in (".native", ".sd"):
        pathlib.Path(store + suffix).unlink(missing_ok=True)
    token = None
    try:
        token = Token(port, store, cut=(write, chance))
        steps(token, known)
        cut = False
    except (Gone, TimeoutError):
        cut = True
    if token is not None:
        if not cut:
            before = sequence(token)
        token.off()
    token = Token(port, store)
    try:
        check(token, known)
        if sequence(token) < before:
            raise Fail(f"the log's sequence fell from {before} to {sequence(token)}")
    except (Fail, Gone) as error:
        sys.exit(f"FAIL {port}: cut at write {write}, chance {chance:x}: {error}")
    finally:
        token.off()
    return cut


def main():
    port, directory, stride, chances = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    ways = [0xE4E4E4E4E4E4E4E4, 0x5555555555555555, 0xAAAAAAAAAAAAAAAA, 0x1B1B1B1B1B1B1B1B, 0x0, 0xFFFFFFFFFFFFFFFF, 0x9999999999999999]
    write, cuts = 1, 0
    while True:
        done = [one_cut(port, directory, write, ways[(write + i) % len(ways)]) for i in range(chances)]
        if not any(done):
            break
        cuts += sum(done)
        write += stride
    if cuts < 3:
        sys.exit(f"FAIL {port}: only {cuts} cuts: it shows nothing")
    print(f"ok   {port}: {cuts} power cuts over {write} writes: no counter fell, no try came back, every key whole or absent")


main()
