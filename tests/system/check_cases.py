"""Domains for test_check.sh: each breaks one rule, in a zone of its own making, and says which finding it must lead to.
  check_cases.py make DIR        the zones and the part of zegel.yaml; prints nothing
  check_cases.py judge FILE      FILE: what `zegel check --all --json` printed; exits 1 unless every domain has exactly its findings
"""
import base64
import json
import subprocess
import sys


def public(*algorithm):
    key = subprocess.run(["openssl", "genpkey", *algorithm, "-outform", "DER"], check=True, capture_output=True).stdout
    return subprocess.run(["openssl", "pkey", "-pubout", "-inform", "DER", "-outform", "DER"], input=key, check=True, capture_output=True).stdout


def b64(octets):
    return base64.b64encode(octets).decode()


def txt(text):
    """One TXT record's strings, of at most 255 octets."""
    octets = text.encode() if isinstance(text, str) else text
    escaped = ["".join(chr(c) if 32 <= c < 127 and chr(c) not in '"\\;' else f"\\{c:03d}" for c in octets[i:i + 255])
               for i in range(0, len(octets), 255)]
    return " ".join(f'"{s}"' for s in escaped) or '""'


class Keys:
    """Made once for `make`; `judge` needs none."""
    def __getattr__(self, name):
        made = {"rsa": lambda: b64(public("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")),
                "small": lambda: b64(public("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")),
                "odd": lambda: b64(public("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2047")),
                "large": lambda: b64(public("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096")),
                "ed": lambda: b64(public("-algorithm", "ED25519")[-32:]),
                "ec": lambda: b64(public("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))}[name]()
        setattr(self, name, made)
        return made


ZONE = "cases.nl"
CASES = []  # (domain, sends, expected findings, records)
ELSEWHERE = {"dkim.token", "dkim.age"}
EXTRA = []  # records of the zone that belong to no case


def case(name, expected="", sends=True, zone=ZONE, **records):
    """`records`: mx, spf, dmarc, r, e (what differs from a good domain; None: not there; a list: several), more (zone lines)."""
    CASES.append((f"{name}.{zone}" if name else zone, sends, expected, records))


def all_cases(k):
    rsa, ed = f"v=DKIM1; k=rsa; p={k.rsa}", f"v=DKIM1; k=ed25519; p={k.ed}"
    case("good")

    # DKIM
    case("nokeys", "FAIL dkim.node, FAIL dkim.record, FAIL dkim.servers", r=None, e=None)
    case("onekey", "FAIL dkim.record, FAIL dkim.servers", e=None)
    case("small", "FAIL dkim.strength", r=f"v=DKIM1; k=rsa; p={k.small}")
    case("odd", "FAIL dkim.strength", r=f"v=DKIM1; k=rsa; p={k.odd}")
    case("large", "INFO dkim.strength", r=f"v=DKIM1; k=rsa; p={k.large}")
    case("sha1too", "FAIL dkim.strength", r=f"v=DKIM1; h=sha1:sha256; k=rsa; p={k.rsa}")
    case("sha1only", "FAIL dkim.record", r=f"v=DKIM1; h=sha1; k=rsa; p={k.rsa}")
    case("sha256", "", r=f"v=DKIM1; h=sha256; k=rsa; s=email; p={k.rsa}")
    case("two", "FAIL dkim.record, FAIL dkim.servers", e=[ed, "v=DKIM1; p="])
    case("revoked", "FAIL dkim.record", e="v=DKIM1; k=ed25519; p=")
    case("kind", "FAIL dkim.record", r=ed)
    case("ec", "FAIL dkim.record", r=f"v=DKIM1; k=rsa; p={k.ec}")
    case("version", "FAIL dkim.record", e="v=DKIM2; k=ed25519; p=" + k.ed)
    case("versionlate", "FAIL dkim.record", e="k=ed25519; v=DKIM1; p=" + k.ed)
    case("twotags", "FAIL dkim.record", e=ed + "; p=" + k.ed)
    case("notbase64", "FAIL dkim.record", e="v=DKIM1; k=ed25519; p=****")
    case("otherservice", "FAIL dkim.record", e=f"v=DKIM1; k=ed25519; s=chat; p={k.ed}")
    case("testing", "FAIL dkim.testing", e=f"v=DKIM1; k=ed25519; t=y; p={k.ed}")
    case("testings", "FAIL dkim.testing", e=f"v=DKIM1; k=ed25519; t=s:y; p={k.ed}")
    case("strict", "", e=f"v=DKIM1; k=ed25519; t=s; p={k.ed}")
    case("wild", "FAIL dkim.wildcard, INFO dkim.unknown", more=["*._domainkey.{d} TXT \"v=DKIM1\\; p=\""])
    case("unknown", "WARN dkim.unknown", more=[f"selector1._domainkey.{{d}} TXT {txt(rsa)}"])
    case("goneunknown", "", more=["selector1._domainkey.{d} TXT \"v=DKIM1\\; p=\""])
    case("alias", "", e=None, more=[f"e._domainkey.{{d}} CNAME e.keys.{ZONE}.", f"e.keys.{ZONE}. TXT {txt(ed)}"])
    case("aliasaway", "FAIL dkim.dnssec", e=None, more=["e._domainkey.{d} CNAME e.keys.plain.nl."])
    case("aliasnowhere", "FAIL dkim.record, FAIL dkim.servers", e=None, more=[f"e._domainkey.{{d}} CNAME nothing.{ZONE}."])

    # SPF
    case("spfnone", "FAIL spf.one", spf=None)
    case("spftwo", "FAIL spf.one", spf=["v=spf1 -all", "v=spf1 mx -all"])
    case("spfother", "", spf=["v=spf1 -all", "v=spf10 this is none", "google-site-verification=x"])
    case("spfneutral", "FAIL spf.all", spf="v=spf1 mx ?all")
    case("spfplus", "FAIL spf.all", spf="v=spf1 mx +all")
    case("spfbare", "FAIL spf.all", spf="v=spf1 mx all")
    case("spfopen", "FAIL spf.all", spf="v=spf1 mx")
    case("spfsoft", "", spf="v=spf1 mx ~all")
    case("spfupper", "", spf="V=SPF1 MX -ALL")
    case("spfredirect", "", spf=f"v=spf1 redirect=_spf.{ZONE}")
    case("spfredirectweak", "FAIL spf.all", spf=f"v=spf1 redirect=_weak.{ZONE}")
    case("spfredirectnone", "FAIL spf.all, FAIL spf.includes", spf=f"v=spf1 redirect=_none.{ZONE}")
    case("spfinclude", "", spf=f"v=spf1 include:_spf.{ZONE} -all")
    case("spfincludenone", "FAIL spf.includes", spf=f"v=spf1 include:_none.{ZONE} -all")
    case("spfincludetwo", "FAIL spf.includes", spf=f"v=spf1 include:_two.{ZONE} -all")
    case("spfself", "FAIL spf.includes", spf="v=spf1 include:{d} -all")
    case("spfloop", "FAIL spf.includes", spf=f"v=spf1 include:_loop1.{ZONE} -all")
    case("spfwide", "FAIL spf.lookups", spf=f"v=spf1 include:_wide.{ZONE} -all")
    case("spfterm", "FAIL spf.all, FAIL spf.syntax", spf="v=spf1 mx foo:bar -all")
    case("spfip", "FAIL spf.all, FAIL spf.syntax", spf="v=spf1 ip4:192.0.2.256 -all")
    case("spfcidr", "FAIL spf.all, FAIL spf.syntax", spf="v=spf1 ip4:192.0.2.0/33 -all")
    case("spfmacrobad", "FAIL spf.all, FAIL spf.syntax", spf="v=spf1 exists:%{x}.a.nl -all")
    case("spfincludebad", "FAIL spf.syntax", spf=f"v=spf1 include:_bad.{ZONE} -all")
    case("spfmacro", "INFO spf.lookups", spf="v=spf1 exists:%{i}._spf.a.nl -all")
    case("spften", "", spf="v=spf1 " + " ".join(f"a:h{i}.{ZONE}" for i in range(10)) + " -all")
    case("spfeleven", "FAIL spf.lookups", spf="v=spf1 " + " ".join(f"a:h{i}.{ZONE}" for i in range(11)) + " -all")
    case("spfptr", "FAIL spf.lookups", spf="v=spf1 " + " ".join(f"a:h{i}.{ZONE}" for i in range(10)) + " ptr -all")
    case("spfbehind", "", spf="v=spf1 mx -all " + " ".join(f"a:h{i}.{ZONE}" for i in range(11)))
    case("spfvoid2", "", spf=f"v=spf1 a:void1.{ZONE} a:void2.{ZONE} -all")
    case("spfvoid3", "FAIL spf.lookups", spf=f"v=spf1 a:void1.{ZONE} a:void2.{ZONE} exists:void3.{ZONE} -all")
    case("spfmx", "FAIL spf.lookups", spf=f"v=spf1 mx:manymx.{ZONE} -all")

    # DMARC
    case("dmarcnone", "FAIL dmarc.one", dmarc=None)
    case("dmarctwo", "FAIL dmarc.one", dmarc=["v=DMARC1; p=reject; rua=mailto:x@{d}", "v=DMARC1; p=none"])
    case("dmarcother", "", dmarc=["v=DMARC1; p=reject; rua=mailto:x@{d}", "v=spf1 -all"])
    case("dmarccase", "FAIL dmarc.one", dmarc="v=dmarc1; p=reject")
    case("dmarcpnone", "FAIL dmarc.policy, INFO dmarc.subdomains", dmarc="v=DMARC1; p=none; rua=mailto:x@{d}")
    case("dmarcnop", "FAIL dmarc.policy, INFO dmarc.subdomains", dmarc="v=DMARC1; rua=mailto:x@{d}")
    case("dmarcpbad", "FAIL dmarc.policy, FAIL dmarc.syntax, INFO dmarc.subdomains", dmarc="v=DMARC1; p=deny; rua=mailto:x@{d}")
    case("dmarcquarantine", "", dmarc="v=DMARC1; p=quarantine; rua=mailto:x@{d}")
    case("dmarctest", "FAIL dmarc.policy, INFO dmarc.subdomains", dmarc="v=DMARC1; p=quarantine; t=y; rua=mailto:x@{d}")
    case("dmarctestreject", "WARN dmarc.policy", dmarc="v=DMARC1; p=reject; t=y; rua=mailto:x@{d}")
    case("dmarcsp", "FAIL dmarc.subdomains", dmarc="v=DMARC1; p=reject; sp=none; rua=mailto:x@{d}")
    case("dmarcnp", "FAIL dmarc.subdomains", dmarc="v=DMARC1; p=reject; np=none; rua=mailto:x@{d}")
    case("dmarcspbad", "FAIL dmarc.policy, FAIL dmarc.subdomains, FAIL dmarc.syntax", dmarc="v=DMARC1; p=reject; sp=x; rua=mailto:x@{d}")
    case("dmarclate", "WARN dmarc.syntax", dmarc="v=DMARC1; rua=mailto:x@{d}; p=reject")
    case("dmarcpct", "WARN dmarc.syntax", dmarc="v=DMARC1; p=reject; pct=100; rua=mailto:x@{d}")
    case("dmarcsize", "WARN dmarc.syntax", dmarc="v=DMARC1; p=reject; rua=mailto:x@{d}!10m")
    case("dmarctag", "WARN dmarc.syntax", dmarc="v=DMARC1; p=reject; xyz=1; rua=mailto:x@{d}")
    case("dmarcjunk", "FAIL dmarc.syntax", dmarc="v=DMARC1; p=reject; nonsense; rua=mailto:x@{d}")
    case("dmarcnorua", "WARN dmarc.reports", dmarc="v=DMARC1; p=reject")
    case("dmarcweb", "WARN dmarc.reports", dmarc="v=DMARC1; p=reject; rua=https://{d}/")
    case("dmarcout", "FAIL dmarc.reports", dmarc="v=DMARC1; p=reject; rua=mailto:x@reports.plain.nl")
    case("dmarcruf", "FAIL dmarc.reports", dmarc="v=DMARC1; p=reject; rua=mailto:x@{d}; ruf=mailto:x@reports.plain.nl")
    case("dmarcagreed", "", dmarc=f"v=DMARC1; p=reject; rua=mailto:x@agrees.{ZONE}", more=[f"{{d}}._report._dmarc.agrees.{ZONE}. TXT \"v=DMARC1\\;\""])
    case("dmarcmany", "WARN dmarc.reports", dmarc="v=DMARC1; p=reject; rua=" + ",".join(f"mailto:x{i}@{{d}}" for i in range(12)))
    case("sub.org", "INFO dmarc.subdomains", dmarc=None, more=[f"_dmarc.org.{ZONE}. TXT \"v=DMARC1\\; p=reject\\; rua=mailto:x@org.{ZONE}\""])
    case("sub.orgsp", "FAIL dmarc.policy, INFO dmarc.subdomains", dmarc=None,
         more=[f"_dmarc.orgsp.{ZONE}. TXT \"v=DMARC1\\; p=reject\\; sp=none\\; rua=mailto:x@orgsp.{ZONE}\""])
    case("a.b.top", "INFO dmarc.subdomains", dmarc=None,
         more=[f"_dmarc.b.top.{ZONE}. TXT \"v=DMARC1\\; p=none\"", f"_dmarc.top.{ZONE}. TXT \"v=DMARC1\\; p=reject\\; rua=mailto:x@top.{ZONE}\""])
    case("a.stop.top2", "INFO dmarc.subdomains", dmarc=None,
         more=[f"_dmarc.stop.top2.{ZONE}. TXT \"v=DMARC1\\; p=reject\\; psd=n\\; rua=mailto:x@stop.top2.{ZONE}\"", f"_dmarc.top2.{ZONE}. TXT \"v=DMARC1\\; p=none\""])
    case("a.b.suffix", "INFO dmarc.subdomains", dmarc=None,
         more=[f"_dmarc.b.suffix.{ZONE}. TXT \"v=DMARC1\\; p=reject\\; rua=mailto:x@b.suffix.{ZONE}\"",
               f"_dmarc.suffix.{ZONE}. TXT \"v=DMARC1\\; p=none\\; psd=y\""])
    case("a.b.c.d.e.f.seven", "INFO dmarc.subdomains", dmarc=None,
         more=[f"_dmarc.c.d.e.f.seven.{ZONE}. TXT \"v=DMARC1\\; p=reject\\; rua=mailto:x@c.d.e.f.seven.{ZONE}\""])
    case("a.b.c.d.e.f.eight", "FAIL dmarc.one", dmarc=None,
         more=[f"_dmarc.b.c.d.e.f.eight.{ZONE}. TXT \"v=DMARC1\\; p=reject\\; rua=mailto:x@c.d.e.f.eight.{ZONE}\""])

    # DNSSEC, MX
    case("mxaway", "FAIL dnssec.mx", mx="10 mail.plain.nl.")
    case("mxmixed", "FAIL dnssec.mx", mx=["10 mail.{d}.", "20 mail.plain.nl."])
    case("mxnull", "", mx="0 .")
    case("mxnone", "INFO dnssec.mx", mx=None, spf="v=spf1 ip6:2001:db8::/32 -all")
    case("mxbogus", "FAIL dnssec.mx", mx="10 mail.bogus.nl.")
    case("", "FAIL dkim.dnssec, FAIL dnssec.domain, FAIL dnssec.mx", zone="plain.nl")

    # No mail from there
    quiet = {"mx": "0 .", "spf": "v=spf1 -all", "dmarc": "v=DMARC1; p=reject; rua=mailto:x@{d}", "r": None, "e": None,
             "more": ["*._domainkey.{d} TXT \"v=DKIM1\\; p=\""]}
    def silent(name, expected="", **changes):
        case(name, expected, sends=False, **{**quiet, **changes})
    silent("quiet")
    silent("quietmx", "FAIL nosend.mx", mx="10 mail.{d}.")
    silent("quietnomx", "FAIL nosend.mx, INFO dnssec.mx", mx=None)
    silent("quietpreference", "WARN nosend.mx", mx="10 .")
    silent("quietspf", "FAIL nosend.spf", spf="v=spf1 mx -all")
    silent("quietsoft", "FAIL nosend.spf", spf="v=spf1 ~all")
    silent("quietnospf", "FAIL nosend.spf", spf=None)
    silent("quietdmarc", "FAIL nosend.dmarc", dmarc="v=DMARC1; p=quarantine; rua=mailto:x@{d}")
    silent("quiettest", "FAIL nosend.dmarc", dmarc="v=DMARC1; p=reject; t=y; rua=mailto:x@{d}")
    silent("quietnodmarc", "FAIL dmarc.one, FAIL nosend.dmarc", dmarc=None)
    silent("quietnodkim", "WARN nosend.dkim", more=[])
    silent("quietkey", "FAIL nosend.dkim", more=[f"*._domainkey.{{d}} TXT {txt(rsa)}"])

    # Hostile: markup, control octets, a huge record, many strings; none may be more than a finding
    case("markup", "FAIL dkim.record", e="v=DKIM1; k=ed25519; p=<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>")
    case("octets", "FAIL dkim.record", e=b"v=DKIM1; k=ed25519; p=\x00\x07\x1b[31m\xff\xe2\x80\xae\r\nSet-Cookie: x")
    case("huge", "FAIL dkim.record", e="v=DKIM1; k=ed25519; n=" + "A" * 40000)
    case("manytags", "FAIL dkim.record", e="v=DKIM1; k=ed25519; " + "; ".join(f"x{i}=y" for i in range(400)))
    case("spfmarkup", "FAIL spf.all, FAIL spf.syntax", spf="v=spf1 <b>&amp;\"'</b> -all")
    case("spfhuge", "FAIL spf.all, FAIL spf.syntax", spf="v=spf1 " + "ip4:192.0.2.1 " * 2000 + "-all")
    case("spfcrowd", "", spf=["v=spf1 -all"] + [f"verification-{i}={'x' * 200}" for i in range(60)])
    case("dmarcmarkup", "WARN dmarc.syntax", dmarc="v=DMARC1; p=reject; rua=mailto:\"><svg/onload=alert(1)>@{d}!")
    case("dmarchuge", "FAIL dmarc.syntax", dmarc="v=DMARC1; p=reject; rua=mailto:x@{d}; " + "junk; " * 4000)

    EXTRA.extend([f"_spf.{ZONE}. TXT \"v=spf1 ip4:192.0.2.0/24 -all\"", f"_weak.{ZONE}. TXT \"v=spf1 ?all\"",
                  f"_two.{ZONE}. TXT \"v=spf1 -all\"", f"_two.{ZONE}. TXT \"v=spf1 mx -all\"", f"_bad.{ZONE}. TXT \"v=spf1 foo -all\"",
                  f"_loop1.{ZONE}. TXT \"v=spf1 include:_loop2.{ZONE} -all\"", f"_loop2.{ZONE}. TXT \"v=spf1 include:_loop1.{ZONE} -all\"",
                  f"_wide.{ZONE}. TXT \"v=spf1 " + " ".join(f"a:h{i}.{ZONE}" for i in range(10)) + " -all\""])
    EXTRA.extend(f"h{i}.{ZONE}. A 192.0.2.{i + 1}" for i in range(11))
    EXTRA.extend(f"manymx.{ZONE}. MX 10 h{i}.{ZONE}." for i in range(11))
    return rsa, ed


def lines_of(domain, records, good):
    out = []
    for name, kind in (("mx", "MX"), ("spf", "TXT"), ("dmarc", "TXT"), ("r", "TXT"), ("e", "TXT")):
        owner = {"mx": domain, "spf": domain, "dmarc": f"_dmarc.{domain}", "r": f"r._domainkey.{domain}", "e": f"e._domainkey.{domain}"}[name]
        values = records.get(name, good[name])
        for value in values if isinstance(values, list) else [] if values is None else [values]:
            value = value.replace("{d}", domain) if isinstance(value, str) else value
            out.append(f"{owner}. {kind} {value if kind == 'MX' else txt(value)}")
    out.extend(line.replace("{d}", domain + ("" if line.startswith("{d}._report") else ".")) for line in records.get("more", []))
    out.append(f"mail.{domain}. A 192.0.2.1")
    return out


def make(directory):
    rsa, ed = all_cases(Keys())
    good = {"mx": "10 mail.{d}.", "spf": "v=spf1 mx -all", "dmarc": "v=DMARC1; p=reject; rua=mailto:dmarc@{d}", "r": rsa, "e": ed}
    zones = {zone: [f"$ORIGIN {zone}.", "$TTL 300", "@ SOA ns1 hostmaster 1 3600 600 86400 300", "@ NS ns1", "@ NS ns2",
                    "ns1 A 127.0.0.2", "ns2 A 127.0.0.3"] for zone in (ZONE, "plain.nl", "bogus.nl")}
    for domain, _, _, records in CASES:
        zones["plain.nl" if domain == "plain.nl" else ZONE].extend(lines_of(domain, records, good))
    zones[ZONE].extend(EXTRA)
    zones["plain.nl"].append(f"e.keys TXT {txt(ed)}")
    zones["bogus.nl"].append("mail A 192.0.2.1")
    for zone, lines in zones.items():
        with open(f"{directory}/{zone}.zone", "w") as f:
            f.write("\n".join(dict.fromkeys(lines)) + "\n")
    with open(f"{directory}/domains.yaml", "w") as f:
        f.write("check:\n    non-sending:\n")
        f.writelines(f"      - {d}\n" for d, sends, _, _ in CASES if not sends)
        f.write("domains:\n")
        f.writelines(f"  - domain: {d}\n    keys: [{{selector: r, algorithm: rsa-sha256}}, {{selector: e, algorithm: ed25519-sha256}}]\n"
                     for d, sends, _, _ in CASES if sends)


def judge(path):
    all_cases(type("NoKeys", (), {"__getattr__": lambda self, name: ""})())
    with open(path) as f:
        seen = {d["domain"]: d for d in json.load(f)}
    # The token is left alone here, and nobody knows how old these keys are.
    aside = {"WARN dkim.token", "INFO dkim.age"}
    failed = 0
    for domain, sends, expected, _ in CASES:
        findings = seen[domain]["findings"]
        found = ", ".join(sorted({f"{f['result']} {f['rule']}" for f in findings if f["result"] != "PASS"} - aside))
        complete = all(f["source"] and f["does-not-prove"] and f["title"] and f["found"] for f in findings) and seen[domain]["sends"] == sends
        shown = all(any(c in line for c in ("Z",)) for f in findings for line in f["evidence"][:1] if "resolver" in line)
        if found != expected or not complete or not shown:
            failed += 1
            print(f"FAIL {domain}: wanted '{expected}', got '{found}'")
            for f in findings:
                if f["result"] != "PASS":
                    print("    ", f["result"], f["rule"], f["found"])
    # Each rule can be met and can be broken, and both were seen here; what the token or the daemon knows is test_check_token.sh's.
    results = {}
    for d in seen.values():
        for f in d["findings"]:
            results.setdefault(f["rule"], set()).add(f["result"])
    for rule, found in sorted(results.items()):
        if rule not in ELSEWHERE and not ("PASS" in found and found & {"FAIL", "WARN"}):
            failed += 1
            print(f"FAIL {rule}: seen as {', '.join(sorted(found))} only")
    print(f"{len(results)} rules: {' '.join(sorted(results))}")
    print(f"{len(CASES) - failed} of {len(CASES)} domains have the findings they must have")
    return failed == 0 and len(seen) == len(CASES)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    elif not judge(sys.argv[2]):
        sys.exit(1)
