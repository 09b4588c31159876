"""What zegel import makes of configurations, against what their programs do with them. import_cases.py opendkim|dkimpy WORK BUILD

For every case and every address: the d= that the real filter signs with, and the d= that zegel signs with under the imported
configuration. They are the same, or less where the case says so; more never."""
import ipaddress
import json
import os
import random
import re
import socket
import subprocess
import sys
import time

import milter_client

WHAT, WORK, BUILD = sys.argv[1:4]
ADDRESSES = ["u@a.nl", "ceo@a.nl", "U@A.NL", "u@sub.a.nl", "u@x.sub.a.nl", "u@b.nl", "u@sub.b.nl", "u@notb.nl", "u@c.nl", "u@d.nl", "u@s.d.nl",
             "u@e.nl", "u@sub.e.nl", "u@third.nl", "u@unrelated.org"]
KEY = f"{WORK}/old.key"
KEYTABLE = f"a a.nl:s1:{KEY}\na2 a.nl:s2:{KEY}\nb b.nl:default:{KEY}\nc c.nl:default:{KEY}\nd d.nl:x:{KEY}\nthird third.nl:x:{KEY}\nself %:own:{KEY}\n" \
           f"e.nl e.nl:by-name:{KEY}\n"
TABLES = f"KeyTable file:{WORK}/keytable\n"
RE = f"SigningTable refile:{WORK}/signing\n"
FILE = f"SigningTable file:{WORK}/signing\n"
MANY = "MultipleSignatures yes\n"


class Case:
    def __init__(self, name, conf, signing="", less=(), keytable=KEYTABLE, code=1, only=None, lost=()):
        self.name, self.conf, self.signing, self.less, self.keytable = name, conf, signing, set(less), keytable
        self.code, self.only, self.lost = code, only, lost


PLAIN = f"Domain a.nl, b.nl\nSelector s1\nKeyFile {KEY}\n"
CASES = [
    Case("one key", PLAIN, code=0),
    Case("one key, subdomains", PLAIN + "SubDomains yes\n", code=0),
    Case("domains in a file", PLAIN.replace("a.nl, b.nl", f"{WORK}/list"), signing="a.nl # ours\n\nb.nl\n", code=0),
    Case("refile: whole domains", TABLES + RE, "*@a.nl a\n*@b.nl b\n", code=0),
    Case("refile: a domain and what is below it", TABLES + RE, "*@a.nl a\n*@*.a.nl a\n", code=0),
    Case("refile: only what is below a domain", TABLES + RE, "*@*.a.nl a\n", less=["u@sub.a.nl", "u@x.sub.a.nl"], lost=["*@*.a.nl"]),
    Case("refile: another's signature", TABLES + RE, "*@a.nl a\n*@c.nl third\n", less=["u@c.nl"], lost=["*@c.nl"]),
    Case("refile: the first entry holds", TABLES + RE, "*@c.nl third\n*@c.nl c\n*@a.nl a\n", less=["u@c.nl"], lost=["*@c.nl"]),
    Case("refile: a subdomain goes elsewhere, before", TABLES + RE, "*@sub.a.nl third\n*@a.nl a\n*@*.a.nl a\n", less=["u@sub.a.nl", "u@x.sub.a.nl"],
         lost=["*@sub.a.nl", "*@*.a.nl"]),
    Case("refile: a subdomain goes elsewhere, behind", TABLES + RE, "*@a.nl a\n*@*.a.nl a\n*@sub.a.nl third\n", lost=["*@sub.a.nl"]),
    Case("refile: one address", TABLES + RE, "ceo@a.nl a\n*@b.nl b\n", less=["ceo@a.nl"], lost=["ceo@a.nl"]),
    Case("refile: one address of a domain that signs", TABLES + RE, "ceo@a.nl a2\n*@a.nl a\n", code=0),
    Case("refile: text before the domain", TABLES + RE, "*b.nl b\n", less=["u@b.nl", "u@sub.b.nl", "u@notb.nl"], lost=["*b.nl"]),
    Case("refile: everybody, with one key", TABLES + RE, "* a\n", less=set(ADDRESSES) - {"u@a.nl", "ceo@a.nl", "U@A.NL"}, lost=["*"]),
    Case("refile: everybody, by name", TABLES + RE, "* %\n", keytable=f"a.nl a.nl:s:{KEY}\ne.nl %:s:{KEY}\n", code=0, only=["u@a.nl", "u@e.nl", "ceo@a.nl"]),
    Case("refile: a domain by itself", TABLES + RE, "*@a.nl self\n*@d.nl self\n", code=0),
    Case("refile: two keys, all of them", TABLES + RE + MANY, "*@a.nl a\n*@a.nl a2\n*@b.nl b\n*@b.nl third\n", less=["u@b.nl"], lost=["*@b.nl"]),
    Case("refile: no @", TABLES + RE, "a.nl a\n*@b.nl b\n", lost=["a.nl"]),
    Case("refile: an address at no domain", TABLES + RE, "u@localhost a\n*@b.nl b\n", lost=["u@localhost"]),
    Case("a key's name twice: its own domain first", TABLES + RE, "*@a.nl a\n*@b.nl b\n", keytable=f"a a.nl:s:{KEY}\na third.nl:x:{KEY}\nb b.nl:s:{KEY}\n", code=0),
    Case("a key's name twice: another domain first", TABLES + RE, "*@a.nl a\n*@b.nl b\n", less=["u@a.nl", "ceo@a.nl", "U@A.NL"], lost=["*@a.nl"],
         keytable=f"b b.nl:s:{KEY}\na third.nl:x:{KEY}\na a.nl:s:{KEY}\n"),
    Case("file: domains", TABLES + FILE, "a.nl a\nb.nl b\n", code=0),
    Case("file: a domain and what is below it", TABLES + FILE, "a.nl a\n.a.nl a\n.d.nl d\nd.nl d\n", code=0),
    Case("file: the nearer one first", TABLES + FILE, ".a.nl a\na.nl a\nsub.a.nl third\n", less=["u@sub.a.nl", "u@x.sub.a.nl"], lost=["sub.a.nl", ".a.nl"]),
    Case("file: one address first", TABLES + FILE, "a.nl a\nceo@a.nl third\n", less=(), lost=["ceo@a.nl"], only=[x for x in ADDRESSES if x != "ceo@a.nl"]),
    Case("file: everybody", TABLES + FILE, "a.nl a\n* third\n", less=set(ADDRESSES) - {"u@a.nl", "ceo@a.nl", "U@A.NL", "u@third.nl"}, lost=["*"]),
    Case("csl tables", f"KeyTable csl:a=a.nl:s1:{KEY},b=b.nl:s:{KEY}\nSigningTable csl:a.nl=a,b.nl=b\n", code=0),
    Case("a key that is not there", TABLES + RE, "*@a.nl nokey\n*@b.nl b\n", lost=["*@a.nl"], only=["u@b.nl", "u@c.nl", "u@sub.b.nl"]),
    Case("a parent's signature, where the parent signs", TABLES + RE, "*@a.nl a\n*@sub.a.nl a\n*@*.a.nl a\n", code=0),
    Case("a parent's signature, where only this one signs so", TABLES + RE, "*@a.nl a\n*@sub.a.nl a\n", less=["u@sub.a.nl"], lost=["*@sub.a.nl"]),
    Case("exempt domains", TABLES + RE + "ExemptDomains sub.a.nl\n", "*@a.nl a\n*@*.a.nl a\n*@b.nl b\n", less=["u@a.nl", "ceo@a.nl", "U@A.NL", "u@x.sub.a.nl"],
         lost=["*@a.nl"]),
]
CLIENTS = ["127.0.0.1", "192.0.2.1", "192.0.2.7", "198.51.100.9", "198.51.101.9", "203.0.113.5", "2001:db8::1", "2001:db8:1::1"]
failed = 0


def expect(what, good, seen=""):
    global failed
    failed += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else f': {seen}'}", flush=True)


def free_port():
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def write(name, text):
    with open(f"{WORK}/{name}", "w") as f:
        f.write(text)
    return f"{WORK}/{name}"


class Filter:
    def __init__(self, conf):
        self.port = free_port()
        path = write("filter.conf", conf + f"\nRequireSafeKeys no\nSocket inet:{self.port}@127.0.0.1\n")
        command = ["opendkim", "-f", "-x", path] if WHAT == "opendkim" else ["dkimpy-milter", path]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open(f"{WORK}/filter.log", "w"), stderr=subprocess.STDOUT)
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"{WHAT} does not start: {open(f'{WORK}/filter.log').read()}")

    def domains(self, sender, **how):
        try:
            return {d for d, _, _, _ in milter_client.signatures(self.port, sender, **how)}
        except milter_client.Refused:
            return set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()  # it takes seconds to end otherwise, and has nothing to lose
        self.process.wait(20)


def run_import(conf, *options):
    done = subprocess.run([f"{BUILD}/zegel", "import", WHAT, *options, conf], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def with_test_token(yaml):
    """The imported configuration with the test's token, and one pair of keys in it for all domains."""
    head, _, rest = yaml.partition("\ntokens:")
    tail = rest[rest.index("\nlisten:"):]
    tokens = open(f"{WORK}/tokens.yaml").read()
    tail = re.sub(r'object=[^/"]*/[^"]*e"', 'object=shared/e"', re.sub(r'object=[^/"]*/[^"]*r"', 'object=shared/r"', tail))
    return head.replace("state: /var/lib/zegel", f"state: {WORK}/state") + "\n" + tokens + tail


def zegel_domains(sender):
    message = f"From: {sender}\r\nTo: to@example.org\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\n\r\ntext\r\n"
    done = subprocess.run([f"{BUILD}/zegel", "sign", "--config", f"{WORK}/imported.yaml"], input=message, capture_output=True, text=True, check=False)
    if done.returncode > 1 or (done.returncode and 'no key for this From domain' not in done.stderr):
        raise RuntimeError(done.stderr)
    return {d.lower() for d in re.findall(r"\bd=([^;\s]+);", done.stdout)}


def try_case(case):
    write("keytable", case.keytable)
    write("signing", case.signing)
    write("list", case.signing)
    conf = write("import.conf", f"# {case.name}\nMode s\n{case.conf}")
    code, _, _ = run_import(conf)
    expect(f"{case.name}: exit code", code == case.code, code)
    _, text, _ = run_import(conf, "--json")
    told = json.loads(text)
    lost = {line["what"] for line in told["lines"] if line["fate"] == "not-carried"}
    expect(f"{case.name}: says what it lost", lost >= set(case.lost) and (case.code or not lost), (lost, case.lost))
    entries = [line for line in case.signing.splitlines() if line and not line.startswith("#")]
    reported = {line["line"] for line in told["lines"] if line["file"].startswith(f"{WORK}/signing")}
    expect(f"{case.name}: every entry of the table has its line", "/signing" not in case.conf or len(reported) == len(entries), reported)
    expect(f"{case.name}: no key is in there", "PRIVATE" not in text and KEY not in text)
    if told["domains"]:
        write("imported.yaml", with_test_token(told["zegel.yaml"]))
    with Filter(open(conf).read()) as old:
        for sender in case.only or ADDRESSES:
            theirs, ours = old.domains(sender), zegel_domains(sender) if told["domains"] else set()
            expect(f"{case.name}: {sender}: never more than before", ours <= theirs, (ours, theirs))
            if sender not in case.less:
                expect(f"{case.name}: {sender}: as before", ours == theirs, (ours, theirs))
            else:
                expect(f"{case.name}: {sender}: less, as said", ours < theirs, (ours, theirs))


def try_clients():
    hosts = write("hosts", "127.0.0.1\n192.0.2.0/24\n!192.0.2.7\n198.51.100.0/24\n2001:db8:1::/48\n[203.0.113.5]\n")
    conf = write("import.conf", PLAIN + f"Mode s\nInternalHosts {hosts}\nPeerList csl:198.51.100.9\n")
    _, text, _ = run_import(conf, "--json")
    networks = re.findall(r'^  - "([^"]*)"$', json.loads(text)["zegel.yaml"].split("domains:")[0], re.M)
    expect("clients: some networks are carried", networks == ["127.0.0.1", "2001:db8:1::/48", "203.0.113.5"], networks)
    with Filter(open(conf).read()) as old:
        for client in CLIENTS:
            signs = bool(old.domains("u@a.nl", client=client))
            ours = any(ipaddress.ip_address(client) in ipaddress.ip_network(n) for n in networks)
            expect(f"clients: {client}: no more than before", signs or not ours, (signs, ours))


def try_size():
    """More entries than are read: what is behind them may be an exception."""
    peers = write("peers", "192.0.2.1\n" * 1000000 + "198.51.100.9\n")
    conf = write("import.conf", PLAIN + f"Mode s\nInternalHosts 198.51.100.0/24\nPeerList {peers}\n")
    code, text, _ = run_import(conf, "--json")
    told = json.loads(text)
    lost = {line["what"] for line in told["lines"] if line["fate"] == "not-carried"}
    expect("a table of more entries than are read: no network is carried", code == 1 and lost == {"PeerList", "InternalHosts"} and
           "trusted-networks:\n" not in told["zegel.yaml"], (code, lost))
    os.unlink(peers)


def try_headers():
    conf = write("import.conf", PLAIN + "Mode s\nCanonicalization simple/relaxed\nSignHeaders From,To,X-Case,Received\nOversignHeaders From,X-Case\nSignatureTTL 86400\n")
    code, text, _ = run_import(conf, "--json")
    yaml = json.loads(text)["zegel.yaml"]
    expect("headers: what can be is carried", all(line in yaml for line in ('sign-headers: ["+X-Case"]', 'oversign-headers: ["+X-Case"]', "canonicalization: simple/relaxed",
                                                                            "expire: 86400s")), yaml)
    lost = {line["what"] for line in json.loads(text)["lines"] if line["fate"] == "not-carried"}
    expect("headers: what changes on the way is not", code == 1 and lost == {"Received"}, lost)


def try_identities():
    """i= is the one text of a table that zegel.yaml takes as it stands: in quotes, which it must not end."""
    write("keytable", KEYTABLE)
    conf = write("import.conf", TABLES + RE)
    for identity, carried in (("news@a.nl", True), ('x@a.nl"\r    limit: "1/d"\r    expire: "@a.nl', False), ("x\\n@a.nl", False), ("x y@a.nl", False),
                              ("x\u0085@a.nl", False)):
        write("signing", f"*@a.nl a:{identity}\n")
        code, text, err = run_import(conf, "--json")
        told = json.loads(text or "{}")
        yaml = told.get("zegel.yaml", "")
        lost = {line["what"] for line in told.get("lines", []) if line["fate"] == "not-carried"}
        expect(f"identity {identity!r}: {'carried' if carried else 'not carried, and said'}",
               code == (0 if carried else 1) and (f'identity: "{identity}"' in yaml) == carried and lost == (set() if carried else {"*@a.nl"}) and
               ("identity:" in yaml.split("\ndomains:")[1]) == carried and "limit:" not in yaml, (code, lost, err))


def try_faults():
    for name, conf, wanted, word in (
            ("no file", None, 2, "cannot"), ("includes itself", f"Include {WORK}/import.conf\n", 2, "levels"), ("NUL", PLAIN + "\0", 2, "NUL"),
            ("a script", f"KeyTable file:{WORK}/keytable\nSetupPolicyScript x.lua\n", 2, "script"), ("nothing signed", PLAIN + "Mode v\n", 1, ""),
            ("unknown option", PLAIN + "Frobnicate yes\n", 1, "Frobnicate"), ("empty", "", 1, ""), ("LDAP", "KeyTable ldap://x/y\nSigningTable ldap://x/y\n", 1, "export"),
            ("password", PLAIN + "LDAPBindPassword geheim123\n", 1, "LDAPBindPassword"), ("all domains", PLAIN.replace("a.nl, b.nl", "*"), 1, "is no domain"),
            ("yaml in a name", PLAIN.replace("b.nl", 'b.nl"}]\nx'), 1, ""), ("escape sequences", TABLES + RE, 1, "")):
        write("signing", "*@a.nl\x1b]0;x\x07 a\n*@b.nl b\n")
        write("keytable", KEYTABLE)
        path = write("import.conf", conf) if conf is not None else f"{WORK}/nowhere.conf"
        code, out, err = run_import(path)
        expect(f"fault: {name}: {wanted}", code == wanted and (word in out + err or name == "no file") and "geheim" not in out + err, (code, out, err))
        expect(f"fault: {name}: nothing for the terminal but text", not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out + err), "")


def main():
    os.makedirs(f"{WORK}/state", exist_ok=True)
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", KEY, "2048"], check=True, capture_output=True)
    os.chmod(KEY, 0o600)
    for case in CASES:
        try_case(case)
    try_clients()
    try_size()
    try_headers()
    try_identities()
    try_faults()
    print(f"{failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main() != 0)
