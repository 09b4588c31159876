#!/usr/bin/python3
"""Verify every DKIM-Signature of messages with dkimpy, a DKIM implementation that is not ours.

The public keys come from a zone file (--zone) or from a DNS server (--dns HOST:PORT), never from Zegel.
Prints one line per signature. Exit status: 0 every signature of every file passes and each file has at least
--expect of them; 1 otherwise; 2 wrong usage.
"""
import argparse
import re
import sys

import dkim
import dns.message
import dns.query
import dns.rdatatype
import dns.zone


def zone_lookup(path):
    """A dkimpy dnsfunc that answers from the TXT records of a zone file."""
    with open(path, encoding="ascii") as handle:
        content = handle.read()
    # dnspython wants the SOA record, where there is one, at the origin.
    origin = re.search(r"(?m)^\$ORIGIN[ \t]+(\S+)", content)
    zone = dns.zone.from_text(content, origin=origin.group(1) if origin else ".", relativize=False, check_origin=False)
    records = {to_text(name.to_text()): b"".join(rdata.strings)
               for name, _, rdata in zone.iterate_rdatas("TXT")}

    def lookup(name, timeout=5):  # pylint: disable=unused-argument
        return records.get(to_text(name))

    return lookup


def dns_lookup(server):
    """A dkimpy dnsfunc that asks one DNS server, over UDP and over TCP when the answer is cut off."""
    host, port = server.rsplit(":", 1)

    def lookup(name, timeout=5):
        query = dns.message.make_query(to_text(name) + ".", "TXT")
        answer, _ = dns.query.udp_with_fallback(query, host, timeout=timeout, port=int(port))
        for rrset in answer.answer:
            if rrset.rdtype == dns.rdatatype.TXT:
                return b"".join(rrset[0].strings)
        return None

    return lookup


def to_text(name):
    if isinstance(name, bytes):
        name = name.decode("ascii")
    return name.rstrip(".").lower()


def signatures(message):
    """The number of DKIM-Signature fields of a message."""
    headers, _ = dkim.rfc822_parse(message)
    return sum(1 for name, _ in headers if name.lower() == b"dkim-signature")


def verify(path, lookup, expect, quiet):
    with open(path, "rb") as handle:
        message = handle.read()
    try:
        count = signatures(message)
    except dkim.DKIMException as error:
        print(f"dkimpy: FAIL {path}: {error}")
        return False
    good = count >= expect
    if not good:
        print(f"dkimpy: FAIL {path}: {count} signatures, {expect} expected")
    for index in range(count):
        verifier = dkim.DKIM(message, minkey=1024, timeout=5)
        why = ""
        try:
            passed = verifier.verify(idx=index, dnsfunc=lookup)
            if not passed:
                why = ": signature or body hash wrong, or no key"
        except Exception as error:  # pylint: disable=broad-except  # whatever dkimpy chokes on is a failure
            passed = False
            why = f": {error}"
        fields = verifier.signature_fields or {}
        tags = {tag: fields.get(tag, b"?").decode("ascii", "replace") for tag in (b"a", b"d", b"s", b"c")}
        if not (passed and quiet):
            print(f"dkimpy: {'pass' if passed else 'FAIL'} {tags[b'a']} d={tags[b'd']} s={tags[b's']}"
                  f" c={tags[b'c']}{why}")
        good = good and passed
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--zone", metavar="FILE", help="take the keys from this zone file")
    source.add_argument("--dns", metavar="HOST:PORT", help="ask this DNS server for the keys")
    parser.add_argument("--expect", type=int, default=1, metavar="N", help="at least N signatures (default 1)")
    parser.add_argument("--quiet", action="store_true", help="print only what fails")
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args()
    lookup = zone_lookup(options.zone) if options.zone else dns_lookup(options.dns)
    good = [verify(path, lookup, options.expect, options.quiet) for path in options.files]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
