#!/usr/bin/python3
"""Nasty messages through four DKIM implementations: Zegel's engine, dkimpy, libopendkim and Mail::DKIM.

Each message is signed by one of them, perhaps changed on its way, and verified by all. Each must say what reference.py says, which
is the RFC and nothing else. What it says otherwise is a failure, unless VIOLATIONS.md names it: exception() below has the
same names, and tests for exactly what stands there.
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

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "system")]
# pylint: disable=wrong-import-position
import reference
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
        fields.append((b"X-Long", b" " + b"y" * r.choice((900, 998, 5000, 65000, 66000, 70000))))
    gap = (lambda: r.choice((b"", b"", b"", b" ", b"\t"))) if r.random() < 0.1 else (lambda: b"")
    if r.random() < 0.02:
        fields = [(name, text.replace(b"x", b"\x0c") if name.lower() != b"from" else text) for name, text in fields]
    return b"".join(name + gap() + b":" + text + b"\r\n" for name, text in fields)


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
    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # pylint: disable=consider-using-with

    def ask(self, operation, argument, message):
        self.process.stdin.write(operation + bytes([argument]) + struct.pack(">I", len(message)) + message)
        self.process.stdin.flush()
        return self.process.stdout.read(struct.unpack(">I", self.process.stdout.read(4))[0])

    def sign(self, message, head, text, ed):
        return self.ask(b"S", head | text << 1 | ed << 2, message) or None

    def verify(self, message):
        self.said = self.ask(b"V", 0, message).decode()
        return self.said.startswith("pass")


class MailDKIM(Zegel):
    """It knows RSA only."""

    def sign(self, message, head, text, ed):
        return None if ed else super().sign(message, head, text, False)


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


def added_singleton(fields, names):
    """One of these, which may stand there once, is signed, and there more often than h= names it."""
    tags = reference.signature_of(fields)[1]
    signed, there = collections.Counter(reference.signed_names(tags)), collections.Counter(map(reference.name_of, fields))
    return any(there[name] > 1 and there[name] > signed[name] > 0 for name in names)


# What each makes of a form feed in a relaxed header field: it is no WSP, and stays as it is (RFC 6376 section 2.8).
FORM_FEED = {
    "dkimpy": lambda value: re.sub(rb"[ \t]+", b" ", value).strip(b" \t\x0c"),  # gone at either end: bytes.strip()
    "opendkim": lambda value: re.sub(rb"[ \t\x0c]+", b" ", value.lstrip(b" \t")).rstrip(b" "),  # isspace()
    "mail-dkim": lambda value: re.sub(rb"[ \t]+", b" ", value).rstrip(b" ").lstrip(b" \t\x0c"),  # gone behind the colon: \s*
}
REFUSALS = {"dkimpy": "Unexpected characters", "opendkim": "status (", "mail-dkim": "none"}  # how each says that it did not read the header


def exception(name, verdict, expected, message, one, records):
    """The entry of VIOLATIONS.md that covers that `name` says `verdict` where the RFC says `expected`, or None."""
    fields, text = reference.split(message)
    if name == "zegel":
        return "added-field zegel" if expected and "RFC 6376 8.15" in one.said and added_singleton(fields, SINGLE) else None
    if name == "dkimpy" and expected and added_singleton(fields, {b"from"}):
        return "added-field dkimpy"
    refused = not verdict and REFUSALS[name] in one.said
    if name == "dkimpy" and not verdict and any(re.match(rb"From [ \t]*:", field) for field in fields):
        return "space-before-colon dkimpy"  # it takes that for the From_ line of an mbox, and leaves it out
    if refused and any(re.match(rb"[!-9;-~]+[ \t]+:", field) for field in fields):
        return "space-before-colon " + name
    if name == "opendkim" and max(map(len, fields)) > 65536:
        return "long-field opendkim"
    if text and not text.endswith(b"\r\n") and bool(one.verify(message + b"\r\n")) == reference.verify(message + b"\r\n", records):
        return "no-final-crlf " + name
    if any(b"\x0c" in fields[i] for i in reference.signed_fields(fields)) and verdict == reference.verify(message, records, FORM_FEED[name]):
        return "form-feed " + name
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
        everybody = {"zegel": zegel, "dkimpy": Dkimpy(pem, base64.b64encode(raw), records), "opendkim": OpenDKIM(pem, records),
                     "mail-dkim": MailDKIM("perl", os.path.join(HERE, "mail_dkim.pl"), rsa, zone)}
        return 0 if compare(everybody, count, random.Random(seed), records) else 1


def examine(everybody, message, records, tally):
    """Those who say what they should not: a list of NAME=VERDICT."""
    expected, wrong = reference.verify(message, records), []
    ed = reference.signature_of(reference.split(message)[0])[1][b"a"] == b"ed25519-sha256"
    for name, one in everybody.items():
        if ed and name == "mail-dkim":
            continue
        verdict = bool(one.verify(message))
        if verdict == expected:
            continue
        said = one.said
        excuse = exception(name, verdict, expected, message, one, records)
        tally["exception " + excuse if excuse else "DISAGREEMENT " + name] += 1
        if not excuse:
            wrong.append(f"{name}={verdict} [{said}]")
    return expected, wrong


def compare(everybody, count, r, records):
    tally, bad = collections.Counter(), 0
    for number in range(count):
        message = header(r) + b"\r\n" + body(r)
        signer = r.choice(("zegel", "zegel", "dkimpy", "opendkim", "mail-dkim"))
        ed = signer not in ("opendkim", "mail-dkim") and r.random() < 0.6
        try:
            field = everybody[signer].sign(message, r.randrange(2), r.randrange(2), ed)
        except (dkim.DKIMException, IndexError):
            field = None
        if field is None:
            tally[signer + " does not sign"] += 1
            continue
        signed = field + message
        altered = r.random() < 0.4
        if altered:
            signed = changed(r, signed)
        passes, wrong = examine(everybody, signed, records, tally)
        tally[f"{signer} signs, {'changed' if altered else 'as it is'}: {'passes' if passes else 'fails'}"] += 1
        if not wrong and not (signer == "zegel" and not altered and not passes):
            continue
        bad += 1
        if bad <= 10:
            path = f"/tmp/differential-{number}.eml"
            with open(path, "wb") as handle:
                handle.write(signed)
            print(f"DISAGREEMENT {number} ({signer} signed, {path}): the RFC says {passes};", *wrong)
    for what in sorted(tally):
        print(f"{tally[what]:7} {what}")
    print(f"{count} messages, {bad} disagreements that are not in VIOLATIONS.md")
    return bad == 0


if __name__ == "__main__":
    sys.exit(main())
