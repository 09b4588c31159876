#!/usr/bin/python3
"""Nasty messages through three DKIM implementations: Zegel's engine, dkimpy and libopendkim.

Each message is signed by one of the three, perhaps changed on its way, and verified by all. They must agree on whether
it passes. What they disagree on is a failure, unless VIOLATIONS.md names it: exception() below has the same names.
Usage: differential.py ENGINE COUNT [SEED]
"""
import base64
import collections
import ctypes
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

import dkim
import nacl.signing

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
# pylint: disable=wrong-import-position
from verify_opendkim import OPTS_QUERYINFO, OPTS_QUERYMETHOD, QUERY_FILE, SIGBH_MATCH, SIGFLAG_PASSED, STAT_OK, Verifier

CANONS = (b"simple", b"relaxed")
SINGLE = {b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"message-id", b"in-reply-to", b"references", b"subject",
          b"date", b"mime-version", b"content-type", b"content-transfer-encoding"}


# ---- messages ----

def white(r):
    return r.choice((b" ", b"  ", b"\t", b" \t ", b"   \t"))


def fold(r):
    return r.choice((b"\r\n ", b"\r\n\t", b" \r\n ", b"\t\r\n \t", b"\r\n  \r\n "))


def word(r):
    return r.choice((b"x", b"word", b"a;b=c", b"=?utf-8?q?=C3=A9?=", "été".encode(), b"\xe9\xff", b"\"q s\"", b"(c)", b":", b"v=1;", b"--", b"\x7f",
                     b"b=", b"~", bytes([r.randrange(33, 127)]) * r.randrange(1, 60)))


def value(r):
    out = r.choice((b"", b" ", b" ", b" ", b"\t", b"\r\n ", b"  "))
    for _ in range(r.choice((0, 1, 1, 2, 3, 6, 12))):
        out += word(r) + r.choice((b"", white(r), white(r), fold(r)))
    if out.rstrip(b" \t\r\n") == b"":  # a line of white space alone ends the field's text (RFC 5322 section 3.2.2)
        out = out.split(b"\r\n", 1)[0]
    return out.rstrip(b"\r\n") if out.endswith(b"\n") else out


def case(r, name):
    return r.choice((name, name, name, name.lower(), name.upper()))


def header(r):
    fields = [(case(r, b"From"), r.choice((b" a@example.nl", b" \"A\r\n B\" <a@example.nl>", b"a@example.nl  ", b"\r\n a@example.nl", b" A\t <a@example.nl>\t")))]
    for name in (b"To", b"Subject", b"Date", b"Message-ID", b"Cc", b"Reply-To", b"MIME-Version", b"Content-Type", b"References"):
        if r.random() < 0.5:
            fields.append((case(r, name), value(r)))
    for name in (b"X-A", b"Received", b"List-Id", b"Comments", b"X", b"List-Unsubscribe", b"Content-Language", b"Resent-To"):
        for _ in range(r.choice((0, 0, 0, 1, 2))):
            fields.append((case(r, name), value(r)))
    r.shuffle(fields)
    if r.random() < 0.05:
        fields.append((b"X-Long", b" " + b"y" * r.choice((900, 998, 5000, 70000))))
    gap = (lambda: r.choice((b"", b"", b"", b" ", b"\t"))) if r.random() < 0.1 else (lambda: b"")
    head = b"".join(name + gap() + b":" + text + b"\r\n" for name, text in fields)
    return head.replace(b"x", b"\x0c") if r.random() < 0.02 else head


def body(r):
    lines = []
    for _ in range(r.choice((0, 0, 1, 2, 5, 20, 60))):
        lines.append(r.choice((b"", b"", b".", b"..", b" ", b"\t ", b"text", b"text ", b"text\t \t", b"  lead", b"a  b", b"a\tb\t c", b"From here", b"-- ",
                               b"\xff\xfe", "ñ".encode(), b"\x0c", b"=", b"x" * 998, b"y" * 70, b"z" * r.choice((999, 4096, 65535)) if r.random() < 0.1 else b"k")))
    text = b"\r\n".join(lines)
    return text + r.choice((b"", b"\r\n", b"\r\n", b"\r\n", b"\r\n\r\n", b"\r\n \r\n", b"\r\n\t\r\n\r\n"))


def changed(r, signed):
    """What a message meets on its way. Most of it breaks a signature, some of it does not."""
    head, _, text = signed.partition(b"\r\n\r\n")
    what = r.randrange(12)
    if what == 0:
        head = b"Received: by mx\r\n" + head
    elif what == 1:
        head = head + b"\r\nX-Added: below"
    elif what == 2:
        head = r.choice((b"Subject: added\r\n", b"To: added\r\n", b"X-A: added\r\n", b"List-Id: x\r\n", b"From: b@example.nl\r\n")) + head
    elif what == 3:
        text = text + r.choice((b"\r\n", b"\r\n\r\n", b" ", b"x"))
    elif what == 4:
        text = text.replace(b"a  b", b"a b").replace(b"text ", b"text")
    elif what == 5:
        head = head.replace(b"\r\n ", b"\r\n\t")
    elif what == 6:
        head = head.replace(b"Subject:", b"subject:  ")
    elif what == 7:
        text = text.replace(b"text", b"test", 1)
    elif what == 8:
        head = head.replace(b"a@example.nl", b"b@example.nl")
    elif what == 9:
        head = head.replace(b"; s=", b";\r\n  s=", 1)
    elif what == 10:
        head = "\r\n".encode().join(reversed(head.split(b"\r\n"))) if b"\r\n " not in head and b"\r\n\t" not in head else head
    return head + b"\r\n\r\n" + text


# ---- implementations: sign(message, header canon, body canon, ed25519) -> field or None; verify(message) -> bool ----

class Zegel:
    def __init__(self, program, *files):
        self.process = subprocess.Popen([program, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # pylint: disable=consider-using-with

    def ask(self, operation, argument, message):
        self.process.stdin.write(operation + bytes([argument]) + struct.pack(">I", len(message)) + message)
        self.process.stdin.flush()
        return self.process.stdout.read(struct.unpack(">I", self.process.stdout.read(4))[0])

    def sign(self, message, head, text, ed):
        return self.ask(b"S", head | text << 1 | ed << 2, message) or None

    def verify(self, message):
        self.said = self.ask(b"V", 0, message).decode()
        return self.said.startswith("pass")


class Dkimpy:
    def __init__(self, rsa, seed, records):
        self.rsa, self.seed, self.records = rsa, seed, records

    def sign(self, message, head, text, ed):
        return dkim.sign(message, b"ed" if ed else b"rsa", b"example.nl", self.seed if ed else self.rsa, canonicalize=(CANONS[head], CANONS[text]),
                         signature_algorithm=b"ed25519-sha256" if ed else b"rsa-sha256")

    def verify(self, message):
        self.said = ""
        try:
            return dkim.DKIM(message, minkey=1024).verify(idx=0, dnsfunc=lambda name, timeout=5: self.records.get(name.rstrip(b".")))
        except (dkim.DKIMException, IndexError) as error:
            self.said = str(error)
            return False


class OpenDKIM(Verifier):
    def __init__(self, rsa, records):  # pylint: disable=super-init-not-called
        super().__init__(records.get)
        self.rsa = rsa
        self.lib.dkim_sign.restype = ctypes.c_void_p
        self.lib.dkim_sign.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p,
                                       ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_ssize_t, ctypes.c_void_p]
        self.lib.dkim_getsighdr_d.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p]
        for name, record in records.items():
            self.keys.write(name + b" " + record + b"\n")
        self.keys.flush()

    def feed(self, handle, message):
        lib = self.lib
        self.status = (lib.dkim_chunk(handle, message, len(message)), lib.dkim_chunk(handle, None, 0), lib.dkim_eom(handle, None))
        return self.status == (STAT_OK, STAT_OK, STAT_OK)

    def sign(self, message, head, text, ed):
        if ed:
            return None  # 2.11.0 makes no Ed25519 signatures that verify (OpenDKIM#6, #183)
        status = ctypes.c_int(-1)
        handle = self.lib.dkim_sign(self.handle, b"t", None, self.rsa, b"rsa", b"example.nl", head, text, 1, -1, ctypes.byref(status))
        try:
            field, size = ctypes.c_void_p(), ctypes.c_size_t()
            if not handle or not self.feed(handle, message) or \
                    self.lib.dkim_getsighdr_d(handle, 16, ctypes.byref(field), ctypes.byref(size)) != STAT_OK:
                return None
            return b"DKIM-Signature: " + ctypes.string_at(field, size.value).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"
        finally:
            self.lib.dkim_free(handle)

    def verify(self, message):  # pylint: disable=arguments-differ
        lib, status = self.lib, ctypes.c_int(-1)
        handle = lib.dkim_verify(self.handle, b"t", None, ctypes.byref(status))
        try:
            self.feed(handle, message)
            signatures, count = ctypes.POINTER(ctypes.c_void_p)(), ctypes.c_int(0)
            if lib.dkim_getsiglist(handle, ctypes.byref(signatures), ctypes.byref(count)) != STAT_OK or count.value == 0:
                self.said = f"{lib.dkim_geterror(handle)}, status {self.status}"
                return False
            lib.dkim_sig_process(handle, signatures[0])
            self.said = str(lib.dkim_sig_geterrorstr(lib.dkim_sig_geterror(signatures[0])))
            return bool(lib.dkim_sig_getflags(signatures[0]) & SIGFLAG_PASSED) and lib.dkim_sig_getbh(signatures[0]) == SIGBH_MATCH
        finally:
            lib.dkim_free(handle)


def exception(verdicts, message, zegel):
    """The name of the entry of VIOLATIONS.md that a disagreement falls under, or None."""
    head = message.partition(b"\r\n\r\n")[0]
    if not verdicts["zegel"] and "RFC 6376 8.15" in zegel.said:
        return "added-field"
    if b"\x0c" in message:
        return "form-feed"
    if not message.endswith(b"\r\n"):
        return "no-final-crlf"
    if re.search(rb"y{60000}", head) and verdicts["zegel"] == verdicts["dkimpy"]:
        return "long-field"
    if re.search(rb"(?m)^[!-9;-~]+[ \t]+:", head):
        return "space-before-colon"
    return None


def main():
    engine, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory(prefix="zegel-differential-") as work:
        rsa, edpem, zone = (os.path.join(work, name) for name in ("rsa.pem", "ed.pem", "records"))
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", rsa, "2048"], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", edpem], check=True)
        spki = subprocess.run(["openssl", "rsa", "-in", rsa, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        raw = subprocess.run(["openssl", "pkey", "-in", edpem, "-outform", "DER"], check=True, capture_output=True).stdout[-32:]
        public = bytes(nacl.signing.SigningKey(raw).verify_key)
        records = {b"rsa._domainkey.example.nl": b"v=DKIM1; k=rsa; p=" + base64.b64encode(spki),
                   b"ed._domainkey.example.nl": b"v=DKIM1; k=ed25519; p=" + base64.b64encode(public)}
        with open(zone, "wb") as handle:
            handle.write(b"".join(name + b" " + record + b"\n" for name, record in records.items()))
        with open(rsa, "rb") as handle:
            pem = handle.read()
        zegel = Zegel(engine, rsa, edpem, zone)
        all_three = {"zegel": zegel, "dkimpy": Dkimpy(pem, base64.b64encode(raw), records), "opendkim": OpenDKIM(pem, records)}
        return 0 if compare(all_three, count, random.Random(seed), zegel) else 1


def compare(all_three, count, r, zegel):
    tally, bad = collections.Counter(), 0
    for number in range(count):
        message = header(r) + b"\r\n" + body(r)
        signer = r.choice(("zegel", "zegel", "dkimpy", "opendkim"))
        ed = signer != "opendkim" and r.random() < 0.8
        try:
            field = all_three[signer].sign(message, r.randrange(2), r.randrange(2), ed)
        except (dkim.DKIMException, IndexError):
            field = None
        if field is None:
            tally[signer + " does not sign"] += 1
            continue
        signed = field + message
        altered = r.random() < 0.4
        if altered:
            signed = changed(r, signed)
        verdicts = {name: bool(one.verify(signed)) for name, one in all_three.items()}
        tally[f"{signer} signs, {'changed' if altered else 'as it is'}: " + ("all pass" if all(verdicts.values()) else "all fail" if not any(verdicts.values())
                                                                             else "disagreement")] += 1
        if len(set(verdicts.values())) == 1 and (altered or all(verdicts.values())):
            continue
        name = exception(verdicts, signed, zegel)
        if name:
            tally["exception " + name] += 1
            continue
        bad += 1
        if bad <= 10:
            path = f"/tmp/differential-{number}.eml"
            with open(path, "wb") as handle:
                handle.write(signed)
            print(f"DISAGREEMENT {number} ({signer} signed, {path}):", *(f"{n}={v} [{all_three[n].said}]" for n, v in verdicts.items()))
    for what in sorted(tally):
        print(f"{tally[what]:7} {what}")
    print(f"{count} messages, {bad} disagreements that are not in VIOLATIONS.md")
    return bad == 0


if __name__ == "__main__":
    sys.exit(main())
