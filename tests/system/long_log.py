#!/usr/bin/python3
"""An audit log that takes seconds to read: a day of a busy host, with a checkpoint after each record. long_log.py DIR RECORDS; prints its key.
Made by its description (hostd/audit/log.h, note.h; RFC 6962), with nothing of ours."""
import base64
import hashlib
import sys
from pathlib import Path

from nacl.signing import SigningKey

directory, count = Path(sys.argv[1]), int(sys.argv[2])
origin = b"long.example.nl/log"
signer = SigningKey.generate()
public = b"\x01" + bytes(signer.verify_key)
name_hash = hashlib.sha256(origin + b"\n" + public).digest()[:4]


def sha256(data):
    return hashlib.sha256(data).digest()


def add(peaks, leaf):  # peaks: (leaves below, hash), biggest first
    peaks.append((1, leaf))
    while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
        (n, right), (_, left) = peaks.pop(), peaks.pop()
        peaks.append((2 * n, sha256(b"\x01" + left + right)))


def root(peaks):
    right = peaks[-1][1]
    for _, left in reversed(peaks[:-1]):
        right = sha256(b"\x01" + left + right)
    return right


records, notes, peaks = [], [], []
for number in range(count):
    records.append(b'{"seq":%d,"time":%d,"d":"example.nl","s":"s","verdict":"signed"}' % (number, 1790000000 + number))
    add(peaks, sha256(b"\x00" + records[-1]))
    text = b"%s\n%d\n%s\n" % (origin, number + 1, base64.b64encode(root(peaks)))
    signature = base64.b64encode(name_hash + signer.sign(text).signature)
    notes.append(b"%s\n\xe2\x80\x94 %s %s\n" % (text, origin, signature))
directory.mkdir()
(directory / "records-0000000000000000.jsonl").write_bytes(b"".join(r + b"\n" for r in records))
(directory / "tree-0000000000000000").write_bytes(b"0\n")
(directory / "checkpoints").write_bytes(b"".join(notes))
(directory / "checkpoint").write_bytes(notes[-1])
print(f"{origin.decode()}+{name_hash.hex()}+{base64.b64encode(public).decode()}")
