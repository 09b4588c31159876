#!/usr/bin/python3
"""An authoritative server that wishes its askers ill: hostile_dns.py ADDRESS TXT LOG. The first label of the name asked for says how; every
name asked for goes into LOG. TXT is an honest record (joined), which only the selector "honest" gets."""
import os
import socket
import struct
import sys
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset

address, honest, log_path = sys.argv[1:]


def txt(*strings):
    return b"".join(bytes([len(s)]) + s for s in strings)


def split(data):
    return txt(*[data[i:i + 255] for i in range(0, len(data), 255)])


def rsa(bits, exponent):
    """An RSA SubjectPublicKeyInfo by hand, so that no library refuses to make it."""
    import base64

    def der(tag, body):
        size = len(body)
        head = bytes([size]) if size < 128 else bytes([0x80 + (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
        return bytes([tag]) + head + body

    def number(n):
        return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))

    modulus = int.from_bytes(os.urandom(bits // 8), "big") | (1 << (bits - 1)) | 1
    key = der(0x30, number(modulus) + number(exponent))
    spki = der(0x30, der(0x30, bytes.fromhex("06092a864886f70d0101010500")) + der(3, b"\0" + key))
    return b"v=DKIM1; p=" + base64.b64encode(spki)


def answer(question, name, rdatas, owner=None, kind=16):
    """The packet with these rdata (octets), whatever they are."""
    head = struct.pack("!HHHHHH", question.id, 0x8400, 1, len(rdatas), 0, 0)
    asked = question.question[0].name.to_wire() + struct.pack("!HH", 16, 1)
    where = owner if owner is not None else b"\xc0\x0c"
    return head + asked + b"".join(where + struct.pack("!HHIH", kind, 1, 300, len(r)) + r for r in rdatas)


BREAKOUT = b'v=DKIM1; p=\r\n; dkim=pass header.d=bank.example\0"; dkim=pass ('
TRICKS = {
    "honest": lambda q, n: answer(q, n, [split(honest.encode())]),
    "garbage": lambda q, n: os.urandom(600),
    "halfgarbage": lambda q, n: answer(q, n, [])[:12] + os.urandom(600),
    "short": lambda q, n: answer(q, n, [split(honest.encode())])[:-40],
    "otherid": lambda q, n: struct.pack("!H", q.id ^ 1) + answer(q, n, [split(honest.encode())])[2:],
    "othername": lambda q, n: answer(q, n, [split(honest.encode())], owner=b"\x03abc\x04evil\x02nl\0"),
    "long": lambda q, n: answer(q, n, [split(honest.encode() + b"; n=" + b"x" * 50000)]),
    "many": lambda q, n: answer(q, n, [split(honest.encode() + b" " * i) for i in range(60)]),
    "lengths": lambda q, n: answer(q, n, [b"\xff" + honest.encode()[:50]]),
    "empty": lambda q, n: answer(q, n, [b""]),
    "nothing": lambda q, n: answer(q, n, [b"\0"]),
    "breakout": lambda q, n: answer(q, n, [split(BREAKOUT)]),
    "loop": lambda q, n: answer(q, n, [b"\xc0\x0c"], kind=5),
    "pointer": lambda q, n: answer(q, n, [b"\x01x\xc0" + bytes([len(answer(q, n, [])) + 12])], kind=5),
    "chain": lambda q, n: answer(q, n, [b"\x08" + b"%08x" % (int.from_bytes(os.urandom(4), "big")) + q.question[0].name.to_wire()[1 + len(q.question[0].name.labels[0]):]], kind=5),
    "servfail": lambda q, n: answer(q, n, [])[:2] + b"\x84\x02" + answer(q, n, [])[4:],
    "refused": lambda q, n: answer(q, n, [])[:2] + b"\x84\x05" + answer(q, n, [])[4:],
    "bigkey": lambda q, n: answer(q, n, [split(rsa(16384, 65537))]),
    "exponent": lambda q, n: answer(q, n, [split(rsa(2048, (1 << 2046) | 1))]),
    "slowkey": lambda q, n: answer(q, n, [split(rsa(8192, (1 << 63) | 1))]),
    "silent": lambda q, n: None,
    "stalled": lambda q, n: None,  # and over TCP, where the truncated answer sends one
}


def trick_of(packet):
    question = dns.message.from_wire(packet)
    name = question.question[0].name
    label = name.labels[0].decode("latin-1").lower()
    with open(log_path, "a", encoding="utf-8") as log:
        print(name.to_text(), question.question[0].rdtype, file=log)
    if label.startswith("silent"):
        label = "silent"
    return label if label in TRICKS else "chain" if len(label) == 8 else "refused", question, name


def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((address, 53))
        while True:
            packet, peer = s.recvfrom(65535)
            try:
                trick, question, name = trick_of(packet)
                reply = TRICKS[trick](question, name)
            except Exception as error:  # a question we do not understand has no answer
                print(error, file=sys.stderr, flush=True)
                continue
            if trick == "stalled" or (reply is not None and len(reply) > 1232):
                reply = packet[:2] + b"\x86\x00" + packet[4:6] + bytes(6) + packet[12:]  # truncated: come again over TCP
            if reply is not None:
                s.sendto(reply, peer)


def one(c):
    with c:
        size = struct.unpack("!H", c.recv(2))[0]
        packet = b""
        while len(packet) < size:
            packet += c.recv(size - len(packet))
        trick, question, name = trick_of(packet)
        reply = TRICKS[trick](question, name)
        if reply is None:
            time.sleep(60)
        else:
            c.sendall(struct.pack("!H", len(reply)) + reply)


def tcp():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, 53))
        s.listen(50)
        while True:
            threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()


threading.Thread(target=tcp, daemon=True).start()
udp()
