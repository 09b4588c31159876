#!/usr/bin/python3
"""rotate_verify.py CACHE NAMES MESSAGE...: do all signatures verify for a receiver whose resolver asked for every selector as early as it could,
and keeps each answer, and each denial, for as long as it may?

CACHE is that resolver's memory (JSON), NAMES a file with the names of all selectors there ever were. Asks 127.0.0.2 and .3 in turn. Exit status:
0 every message has at least one signature and all verify; 1 otherwise, with what fails.
"""
import json
import os
import sys
import time

import dkim
import dns.message
import dns.query
import dns.rdatatype

cache_path, names_path = sys.argv[1:3]
cache = json.load(open(cache_path, encoding="ascii")) if os.path.exists(cache_path) else {"turn": 0}
now = time.time()


def ask(name):
    cache["turn"] = 1 - cache["turn"]
    server = "127.0.0.2" if cache["turn"] else "127.0.0.3"
    answer = dns.query.tcp(dns.message.make_query(name + ".", "TXT"), server, timeout=5)
    for rrset in answer.answer:
        if rrset.rdtype == dns.rdatatype.TXT:
            return rrset.ttl, b"".join(rrset[0].strings).decode()
    soa = next(r for r in answer.authority if r.rdtype == dns.rdatatype.SOA)
    return min(soa.ttl, soa[0].minimum), None


for name in open(names_path, encoding="ascii").read().split():
    if name not in cache or cache[name][0] <= now:
        ttl, text = ask(name)
        cache[name] = [now + ttl, text]
json.dump(cache, open(cache_path, "w", encoding="ascii"))


def lookup(name, timeout=5):  # pylint: disable=unused-argument
    text = cache.get((name if isinstance(name, str) else name.decode()).rstrip("."), [0, None])[1]
    return None if text is None else text.encode()


bad = 0
for path in sys.argv[3:]:
    message = dkim.DKIM(open(path, "rb").read())
    count = sum(1 for field, _ in message.headers if field.lower() == b"dkim-signature")
    for i in range(count):
        try:
            good = message.verify(idx=i, dnsfunc=lookup)
        except dkim.DKIMException as error:
            good = str(error)
        if good is not True:
            print(f"{path}: signature {i}: {good}")
            bad += 1
    if count == 0:
        print(f"{path}: not signed")
        bad += 1
sys.exit(bad > 0)
