#!/usr/bin/python3
"""A SmartCard-HSM that is none, behind vpcd: as much of its command set as OpenSC 0.23 uses (card-sc-hsm.c, sc-hsm-tool) for PINs, files,
RSA keys and the Device Key Encryption Key. It is not the card: it was written from OpenSC's side of the conversation, signs no
certificate, and its wrapped keys are in a format of its own (the host never looks into one).

smartcardhsm.py PORT SERIAL: serves until it is ended; everything is forgotten then. SERIAL: 8 to 11 letters and digits."""
import hashlib, hmac, os, socket, struct, subprocess, sys

ATR = bytes.fromhex("3BFE1800008131FE458031815448534D31738021408107FA")
AID = bytes.fromhex("E82B0601040181C31F0201")
VERSION = bytes.fromhex("0201FF0305")  # options, type, 3.5
RSA_OID = bytes.fromhex("04007F00070202020102")
KEY, DEVICE_KEY, DEVICE_CERTIFICATE = 0xCC, 0, 0x2F02
USER_PIN, SO_PIN = 0x81, 0x88

OK, NOT_THERE, NOT_NOW, NO_PIN_GIVEN, BAD_DATA, NO_SUCH_COMMAND, BLOCKED = 0x9000, 0x6A82, 0x6985, 0x6982, 0x6A80, 0x6D00, 0x6983
NO_SUCH_REFERENCE, NOT_INITIALISED, SHORT_READ, WRONG_PLACE = 0x6A88, 0x6984, 0x6282, 0x6A86


class Refused(Exception):
    pass


def tlv(tag, *parts):
    value = b"".join(parts)
    n = len(value)
    length = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else b"\x82" + struct.pack(">H", n)
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + length + value


def items(data):  # (tag, value) of one level
    at = 0
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 0x1F == 0x1F:
            tag = tag << 8 | data[at]
            at += 1
        length = data[at]
        at += 1
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at:at + size], "big")
            at += size
        yield tag, data[at:at + length]
        at += length


def openssl(*words, stdin=b""):
    return subprocess.run(("openssl",) + words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def number(n):
    return n.to_bytes((n.bit_length() + 7) // 8, "big")


class Key:  # RSA, as PKCS #1 has it
    def __init__(self, der):
        self.der = der
        (_, body), = items(der)
        self.n, self.e, self.d = (int.from_bytes(v, "big") for _, v in list(items(body))[1:4])

    @classmethod
    def make(cls, bits):
        return cls(openssl("rsa", "-traditional", "-outform", "DER", stdin=openssl("genrsa", str(bits))))

    def sign(self, algorithm, data):
        size = len(number(self.n))
        if algorithm == 0x33:
            data = bytes.fromhex("3031300D060960864801650304020105000420") + hashlib.sha256(data).digest()
        if algorithm in (0x30, 0x33):
            data = b"\x00\x01" + b"\xFF" * (size - 3 - len(data)) + b"\x00" + data
        if algorithm not in (0x20, 0x30, 0x33) or int.from_bytes(data, "big") >= self.n:
            raise Refused(BAD_DATA)
        return pow(int.from_bytes(data, "big"), self.d, self.n).to_bytes(size, "big")


class Card:
    def __init__(self, serial):
        self.serial = serial.encode()
        body = self.body(tlv(0x7F49, tlv(0x06, RSA_OID), tlv(0x81, b"\xC0" + bytes(255)), tlv(0x82, b"\x01\x00\x01")), b"00001")
        self.device_certificate = tlv(0x7F21, body, tlv(0x5F37, bytes(256)))
        self.erase()

    def erase(self):
        self.files, self.keys, self.at = {DEVICE_CERTIFICATE: self.device_certificate}, {}, None
        self.pin, self.so_pin, self.tries, self.verified = None, getattr(self, "so_pin", None), 0, False
        self.shares, self.missing, self.dkek = None, 0, None

    def body(self, public, sequence):
        return tlv(0x7F4E, tlv(0x5F29, b"\x00"), tlv(0x42, b"UTCA00001"), public, tlv(0x5F20, self.serial + sequence))

    # ---- files

    def select(self, p1, data):
        if p1 == 4:
            if data != AID:
                raise Refused(NOT_THERE)
            self.verified = False
            return tlv(0x6F, tlv(0x84, AID), tlv(0x85, VERSION))
        fid = int.from_bytes(data, "big")
        if fid not in self.files:
            raise Refused(NOT_THERE)
        self.at = fid
        return tlv(0x6F, tlv(0x80, struct.pack(">H", len(self.files[fid]))), tlv(0x82, b"\x01"), tlv(0x83, data))

    def read(self, data, le):
        content, offset = self.files[self.at], int.from_bytes(data[2:4], "big")
        part = content[offset:offset + le]
        return part, OK if len(part) == le else SHORT_READ

    def write(self, fid, data):
        self.need_pin()
        fields = dict(items(data))
        offset = int.from_bytes(fields[0x54], "big")
        fid = fid or self.at
        old = self.files.get(fid, b"")
        self.files[fid] = old[:offset].ljust(offset, b"\x00") + fields[0x53] + old[offset + len(fields[0x53]):]
        self.at = fid

    def delete(self, data):
        self.need_pin()
        fid = int.from_bytes(data, "big")
        if self.files.pop(fid, None) is None and not (fid >> 8 == KEY and self.keys.pop(fid & 0xFF, None)):
            raise Refused(NOT_THERE)

    def enumerate(self):
        return b"".join(struct.pack(">H", fid) for fid in list(self.files) + [KEY << 8 | k for k in [DEVICE_KEY, *self.keys]])

    # ---- PINs

    def need_pin(self):
        if not self.verified:
            raise Refused(NO_PIN_GIVEN)

    def verify(self, reference, data):
        if reference == SO_PIN and self.so_pin is not None:
            raise Refused(0x63CF)
        if reference != USER_PIN:
            raise Refused(NO_SUCH_REFERENCE)
        if self.pin is None:
            raise Refused(NOT_INITIALISED)
        if not data and self.verified:
            return
        if self.tries == 0:
            raise Refused(BLOCKED)
        if data:
            self.verified = data == self.pin
            self.tries = 3 if self.verified else self.tries - 1
        if not self.verified:
            raise Refused(0x63C0 | self.tries)

    def initialise(self, data):
        fields = dict(items(data))
        if self.so_pin is not None and fields[0x82] != self.so_pin:
            raise Refused(NO_PIN_GIVEN)
        self.erase()
        self.pin, self.so_pin, self.tries = fields[0x81], fields[0x82], fields[0x91][0]
        if 0x92 in fields:
            self.shares = self.missing = fields[0x92][0]
            self.dkek = bytes(32) if self.shares else os.urandom(32)

    # ---- the key that encrypts keys

    def check_value(self):
        return bytes(8) if self.missing else hashlib.sha256(self.dkek).digest()[:8]

    def share(self, data):
        if self.shares is None:
            raise Refused(NO_SUCH_COMMAND)
        if data:
            if not self.missing:
                raise Refused(NOT_NOW)
            self.dkek = bytes(a ^ b for a, b in zip(self.dkek, data))
            self.missing -= 1
        return bytes([self.shares, self.missing]) + self.check_value()

    def need_dkek(self):
        self.need_pin()
        if self.shares is None:
            raise Refused(NO_SUCH_COMMAND)
        if self.missing:
            raise Refused(NOT_NOW)

    def crypt(self, way, iv, data):
        return openssl("enc", way, "-aes-256-cbc", "-K", self.dkek.hex(), "-iv", iv.hex(), stdin=data)

    def wrap(self, reference, p2):
        self.need_dkek()
        if p2 != 0x92 or reference not in self.keys:
            raise Refused(NO_SUCH_REFERENCE)
        iv = os.urandom(16)
        blob = self.check_value() + iv + self.crypt("-e", iv, self.keys[reference].der)
        return blob + hmac.digest(self.dkek, blob, "sha256")

    def unwrap(self, reference, p2, data):
        self.need_dkek()
        if p2 != 0x93 or reference in self.keys:
            raise Refused(WRONG_PLACE)
        blob, mac = data[:-32], data[-32:]
        if blob[:8] != self.check_value() or not hmac.compare_digest(mac, hmac.digest(self.dkek, blob, "sha256")):
            raise Refused(BAD_DATA)
        self.keys[reference] = Key(self.crypt("-d", blob[8:24], blob[24:]))

    # ---- keys

    def generate(self, reference, data):
        self.need_pin()
        if self.missing or reference == DEVICE_KEY or reference in self.keys:
            raise Refused(NOT_NOW)
        wanted = dict(items(dict(items(data))[0x7F49]))
        key = self.keys[reference] = Key.make(int.from_bytes(wanted[0x02], "big"))
        public = tlv(0x7F49, tlv(0x06, wanted[0x06]), tlv(0x81, number(key.n)), tlv(0x82, number(key.e)))
        request = tlv(0x7F21, self.body(public, b"00001"), tlv(0x5F37, bytes(256)))
        return tlv(0x67, request, tlv(0x42, self.serial + b"00001"), tlv(0x5F37, bytes(256)))

    def sign(self, reference, algorithm, data):
        self.need_pin()
        if reference not in self.keys:
            raise Refused(NO_SUCH_REFERENCE)
        return self.keys[reference].sign(algorithm, data)

    def do(self, cla, ins, p1, p2, data, le):
        plain = {
            (0x00, 0xA4): lambda: self.select(p1, data),
            (0x00, 0xB1): lambda: self.read(data, le),
            (0x00, 0xD7): lambda: self.write(p1 << 8 | p2, data),
            (0x00, 0xE4): lambda: self.delete(data),
            (0x00, 0x84): lambda: os.urandom(le),
            (0x00, 0x20): lambda: self.verify(p2, data),
            (0x00, 0x46): lambda: self.generate(p1, data),
            (0x80, 0x58): lambda: self.enumerate(),
            (0x80, 0x50): lambda: self.initialise(data),
            (0x80, 0x52): lambda: self.share(data),
            (0x80, 0x72): lambda: self.wrap(p1, p2),
            (0x80, 0x74): lambda: self.unwrap(p1, p2, data),
            (0x80, 0x68): lambda: self.sign(p1, p2, data),
        }
        if (cla, ins) not in plain:
            raise Refused(NO_SUCH_COMMAND)
        answer = plain[cla, ins]()
        return answer if isinstance(answer, tuple) else (answer or b"", OK)

    def command(self, apdu):
        cla, ins, p1, p2 = apdu[:4]
        rest, data, le = apdu[4:], b"", 0
        wide = len(rest) > 2 and rest[0] == 0
        size = 2 if wide else 1
        if wide:
            rest = rest[1:]
        if len(rest) > size:
            lc = int.from_bytes(rest[:size], "big")
            data, rest = rest[size:size + lc], rest[size + lc:]
        if rest:
            le = int.from_bytes(rest, "big") or (65536 if wide else 256)
        try:
            answer, status = self.do(cla, ins, p1, p2, data, le)
        except Refused as refused:
            answer, status = b"", refused.args[0]
        except (KeyError, IndexError, ValueError, subprocess.CalledProcessError):
            answer, status = b"", BAD_DATA
        return answer + struct.pack(">H", status)


def main(port, serial):
    card, reader = Card(serial), socket.create_connection(("127.0.0.1", int(port)))
    stream = reader.makefile("rb")
    print("card %s is in the reader" % serial, flush=True)
    while head := stream.read(2):
        message = stream.read(int.from_bytes(head, "big"))
        if len(message) > 1:
            answer = card.command(message)
        elif message == b"\x04":
            answer = ATR
        else:  # power off, on, reset
            card.verified = False
            continue
        reader.sendall(struct.pack(">H", len(answer)) + answer)


main(*sys.argv[1:])
