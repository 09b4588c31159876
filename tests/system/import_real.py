"""What the running dkimpy-milter and rspamd sign, and what zegel signs with what was made of their configurations. import_real.py dkimpy|rspamd WORK BUILD

For every configuration and address: the same d=, and the same c=; no header field that they sign is left out; and the plan retires each of the
selectors that they sign with."""
import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import import_cases
import milter_client
from import_cases import BUILD, KEY, WHAT, WORK, expect, free_port, run_import, with_test_token, write

ADDRESSES = ["u@a.nl", "U@A.NL", "u@sub.a.nl", "u@b.nl", "u@x.b.nl", "u@other.org"]
MESSAGE = ("From: {}\r\nTo: to@example.org\r\nSubject: about\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@example.net>\r\nMIME-Version: 1.0\r\n"
           "Content-Type: text/plain\r\nX-Case: 7\r\n\r\ntext\r\n")


def tags(value):
    return dict(t.strip().split("=", 1) for t in re.sub(r"\s+", "", value).rstrip(";").split(";"))


def dkimpy(conf):
    with import_cases.Filter(conf + f"\nUserID root\nPidFile {WORK}/dkimpy-{free_port()}.pid\nSyslog no\n") as running:
        def ask(sender):
            extra = [("MIME-Version", "1.0"), ("Content-Type", "text/plain"), ("X-Case", "7")]
            try:
                return [found[3] for found in milter_client.signatures(running.port, sender, extra=extra)]
            except milter_client.Refused:
                return []
        yield ask


def rspamd(conf):
    """A worker of rspamd with this dkim_signing.conf and nothing else, asked over HTTP, as rspamc does."""
    port, base = free_port(), f"{WORK}/rspamd"
    os.makedirs(f"{base}/plugins", exist_ok=True)
    if not os.path.exists(f"{base}/plugins/dkim_signing.lua"):
        os.symlink("/usr/share/rspamd/plugins/dkim_signing.lua", f"{base}/plugins/dkim_signing.lua")
    write("rspamd/tlds", "nl\norg\n")
    write("rspamd/rspamd.conf", f'''options {{ pidfile = "{base}/pid"; control_socket = "{base}/control"; hs_cache_dir = "{base}"; tempdir = "{base}"; url_tld = "{base}/tlds";
  filters = "dkim"; disable_hyperscan = true; dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }} }}
logging {{ type = "console"; level = "info"; }}
modules {{ path = "{base}/plugins"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
dkim {{ }}
dkim_signing {{
{conf}
}}
''')
    log = open(f"{WORK}/filter.log", "w")
    process = subprocess.Popen(["rspamd", "-f", "-i", "-c", f"{base}/rspamd.conf"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def ask(sender):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/checkv2", MESSAGE.format(sender).encode(), {"From": sender, "Rcpt": "to@example.org", "IP": "127.0.0.1"})
        found = json.load(urllib.request.urlopen(request, timeout=30)).get("dkim-signature", [])
        return [tags(value) for value in ([found] if isinstance(found, str) else found)]

    try:
        for _ in range(600):
            try:
                ask("u@unrelated.org")
                break
            except OSError:
                time.sleep(0.1)
        yield ask
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def ours(sender):
    done = subprocess.run([f"{BUILD}/zegel", "sign", "--config", f"{WORK}/imported.yaml"], input=MESSAGE.format(sender), capture_output=True, text=True, check=False)
    if done.returncode > 1 or (done.returncode and "no key for this From domain" not in done.stderr):
        raise RuntimeError(done.stderr)
    return [tags(value) for value in re.findall(r"^DKIM-Signature:((?:.*\r?\n[ \t])*.*)$", done.stdout, re.M | re.I)]


def try_case(name, conf, case_matters=False):
    path = write("real.conf", conf)
    _, text, err = run_import(path, "--json")
    told = json.loads(text)
    plan = "\n".join(told["plan"])
    write("imported.yaml", with_test_token(told["zegel.yaml"]))
    signed = 0
    for ask in (dkimpy if WHAT == "dkimpy" else rspamd)(conf):
        for sender in ADDRESSES:
            theirs, mine = ask(sender), ours(sender)
            label = f"{WHAT}: {name}: {sender}"
            signed += bool(theirs)
            if case_matters and sender != sender.lower():  # dkimpy-milter compares the names of its tables octet by octet; domains have no case
                expect(f"{label}: not signed by them, signed by us", not theirs and {m["d"] for m in mine} == {"a.nl"}, (theirs, mine))
                continue
            expect(f"{label}: d=", {t["d"].lower() for t in theirs} == {t["d"].lower() for t in mine}, (theirs, mine, err))
            expect(f"{label}: c=", {t["c"] for t in theirs} == {t["c"] for t in mine}, (theirs, mine))
            for t in theirs:
                expect(f"{label}: s={t['s']} retires by the plan", f"{t['s']}._domainkey.{t['d'].lower()}. TXT" in plan, plan)
                names = {h for h in t["h"].lower().split(":") if re.search(rf"^{re.escape(h)}:", MESSAGE, re.M | re.I)}
                expect(f"{label}: h= has what theirs has", all(names <= set(m["h"].lower().split(":")) for m in mine), (names, mine))
    expect(f"{WHAT}: {name}: it does sign", signed > 0, open(f"{WORK}/filter.log").read()[-2000:])


def main():
    os.makedirs(f"{WORK}/state", exist_ok=True)
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", KEY, "2048"], check=True, capture_output=True)
    os.chmod(KEY, 0o600)
    seed = write("old.ed", base64.b64encode(os.urandom(32)).decode())
    if WHAT == "dkimpy":
        write("kt", f"a a.nl:s1:{KEY}\nb b.nl:s2:{KEY}\n")
        write("st", "*@a.nl a\n*@b.nl b\n")
        both = f"Selector r\nKeyFile {KEY}\nSelectorEd25519 e\nKeyFileEd25519 {seed}\nMode s\n"
        try_case("two keys, subdomains", "Domain a.nl, b.nl\nSubDomains Yes\n" + both)
        try_case("one key, simple", f"Domain a.nl\nSelector r\nKeyFile {KEY}\nMode s\nCanonicalization simple/simple\n")
        try_case("tables", f"KeyTable {WORK}/kt\nSigningTable refile:{WORK}/st\nMode s\n", case_matters=True)
    else:
        key = f'path = "{KEY}"'
        os.link(KEY, f"{WORK}/b.nl.dkim.pem")
        rest = "sign_local = true; try_fallback = false;\n"
        try_case("domains and what is below them", f'domain {{ a.nl {{ {key}; selector = "s1"; }} b.nl {{ {key}; selector = "s2"; }} }}\n{rest}')
        try_case("domains alone", f'domain {{ a.nl {{ {key}; selector = "s1"; }} }}\nuse_esld = false; {rest}')
        try_case("two selectors", f'domain {{ a.nl {{ selectors [ {{ {key}; selector = "x"; }}, {{ {key}; selector = "y"; }} ] }} }}\n{rest}')
        try_case("files by name", f'path = "{WORK}/$domain.$selector.pem"; selector = "dkim"; sign_local = true;\n')
        try_case("header fields", f'domain {{ b.nl {{ {key}; selector = "s2"; }} }}\nsign_headers = "(o)from:to:subject:(x)x-case"; {rest}')
    print(f"{import_cases.failed} failed")
    return import_cases.failed


if __name__ == "__main__":
    sys.exit(main() != 0)
