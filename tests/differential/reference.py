"""RFC 6376 and RFC 8463, as short as they can be written: what the four implementations are measured by.

No error handling, no caps: it is given messages that differential.py makes.
"""
import base64
import hashlib
import re

import nacl.exceptions
import nacl.signing

WSP = b" \t"  # RFC 6376 section 2.8


def body_canonical(text, relaxed):
    lines = text.split(b"\r\n")
    if relaxed:
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and lines[-1] == b"":
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines) or (b"" if relaxed else b"\r\n")


def relaxed_value(unfolded):
    return re.sub(rb"[ \t]+", b" ", unfolded).strip(WSP)


def field_canonical(field, relaxed, relaxed_value=relaxed_value):
    if not relaxed:
        return field
    name, _, value = field.partition(b":")
    return name.rstrip(WSP).lower() + b":" + relaxed_value(value.replace(b"\r\n", b""))


def split(message):
    head, _, text = message.partition(b"\r\n\r\n")
    return re.split(rb"\r\n(?![ \t])", head.removesuffix(b"\r\n")), text


def name_of(field):
    return field.partition(b":")[0].rstrip(WSP).lower()


def tags_of(value):
    pairs = (spec.partition(b"=") for spec in value.split(b";") if spec.strip())
    return {name.strip(): re.sub(rb"\s", b"", text) for name, _, text in pairs}


def signature_of(fields):
    """The first DKIM-Signature: its index and its tags."""
    own = next(i for i, field in enumerate(fields) if name_of(field) == b"dkim-signature")
    return own, tags_of(fields[own].partition(b":")[2])


def signed_names(tags):
    return [name.lower() for name in tags[b"h"].split(b":")]


def without_b(field):
    specs = field.split(b";")
    return b";".join(re.sub(rb"(?s)^([^=]*=).*", rb"\1", spec) if re.match(rb"(?s)(\S*:)?\s*b\s*=", spec) else spec for spec in specs)


def signed_fields(fields):
    """Indices of what the first signature covers, bottom-most first (RFC 6376 section 5.4.2)."""
    own, tags = signature_of(fields)
    left, out = [i for i in range(len(fields)) if i != own], []
    for name in signed_names(tags):
        index = next((i for i in reversed(left) if name_of(fields[i]) == name), None)
        if index is not None:
            left.remove(index)
            out.append(index)
    return out


def verify(message, records, value=relaxed_value):
    """`value` takes the place of relaxed_value where an implementation's departure from the RFC is to be modelled."""
    fields, text = split(message)
    own, tags = signature_of(fields)
    head, _, rest = tags.get(b"c", b"simple").partition(b"/")
    head, rest = head == b"relaxed", rest == b"relaxed"
    if hashlib.sha256(body_canonical(text, rest)).digest() != base64.b64decode(tags[b"bh"]):
        return False
    block = b"".join(field_canonical(fields[i], head, value) + b"\r\n" for i in signed_fields(fields))
    digest = hashlib.sha256(block + field_canonical(without_b(fields[own]), head, value)).digest()
    record = tags_of(records[tags[b"s"] + b"._domainkey." + tags[b"d"]])
    key, signature = base64.b64decode(record[b"p"]), base64.b64decode(tags[b"b"])
    return ed25519(key, digest, signature) if tags[b"a"] == b"ed25519-sha256" else rsa(key, digest, signature)


def ed25519(key, digest, signature):
    try:
        nacl.signing.VerifyKey(key).verify(digest, signature)
        return True
    except (nacl.exceptions.BadSignatureError, ValueError):
        return False


def rsa(spki, digest, signature):
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2.2); of the SubjectPublicKeyInfo only what a 2048-bit key with e = 65537 has."""
    modulus = int.from_bytes(spki[-5 - 256:-5], "big")
    expected = b"\x00\x01" + b"\xff" * 202 + b"\x00" + bytes.fromhex("3031300d060960864801650304020105000420") + digest
    return pow(int.from_bytes(signature, "big"), 65537, modulus).to_bytes(256, "big") == expected
