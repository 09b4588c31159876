"""zegel import rspamd and dkimpy, on configurations of their kind: what signs, what is said, what cannot be read.
import_others.py WORK BUILD"""
import json
import os
import re
import subprocess
import sys

WORK, BUILD = sys.argv[1:3]
failed = 0


def expect(what, good, seen=""):
    global failed
    failed += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else f': {seen}'}", flush=True)


def run(what, text):
    path = f"{WORK}/other.conf"
    with open(path, "w") as f:
        f.write(text)
    done = subprocess.run([f"{BUILD}/zegel", "import", what, path, "--json"], capture_output=True, text=True, check=False)
    told = json.loads(done.stdout) if done.stdout else None
    return done.returncode, told, done.stderr


def case(name, what, text, code, domains=None, lost=None, yaml=()):
    seen, told, err = run(what, text)
    expect(f"{what}: {name}: exit code {code}", seen == code, (seen, err))
    if told is None:
        expect(f"{what}: {name}: one line says where", domains is None and re.match(r"zegel import \w+: .*: .*\n$", err), err)
        return
    found = {d["domain"] + ("+" if d["subdomains"] else "") for d in told["domains"]}
    missing = {line["what"] for line in told["lines"] if line["fate"] == "not-carried"}
    expect(f"{what}: {name}: domains", domains is None or found == set(domains), found)
    expect(f"{what}: {name}: what is lost", lost is None or missing == set(lost), missing)
    expect(f"{what}: {name}: in zegel.yaml", all(y in told["zegel.yaml"] for y in yaml), told["zegel.yaml"])
    expect(f"{what}: {name}: no key", "key.pem" not in told["zegel.yaml"])


LOCAL = "sign_local"  # rspamd's private networks are always for a person to decide


def rspamd():
    os.makedirs(f"{WORK}/keys", exist_ok=True)
    for name in ("x.nl.dkim.key", "sub.y.nl.dkim.key", "x.nl.other.key", "nonsense.dkim.key"):
        with open(f"{WORK}/keys/{name}", "w") as f:
            f.write("not read")
    with open(f"{WORK}/map", "w") as f:
        f.write("# ours\nm.nl sel1\nn.nl sel2\n")
    case("domains", "rspamd", 'domain {\n  a.nl { path = "/k/key.pem"; selector = "s1"; }\n  "b.nl" {\n selectors [ { path = "/k/key.pem"; selector = "x" }, { selector: y } ] }\n}\n'
         "try_fallback = false;\n", 1, ["a.nl+", "b.nl+"], [LOCAL], ["x._domainkey.b.nl", "y._domainkey.b.nl", "s1._domainkey.a.nl", "network: local"])
    case("the section", "rspamd", "/* a /* nested */ comment */ dkim_signing {\n use_esld = false; sign_local = false; try_fallback = no\n domain { a.nl { selector = s } } }\nother { x = y }\n", 0, ["a.nl"], [])
    case("a domain by itself", "rspamd", "try_fallback=false; use_esld=no; sign_local=no; domain a.nl { selector = s }\ndomain b.nl { selector = s }", 0, ["a.nl", "b.nl"], [])
    case("key files", "rspamd", f'path = "{WORK}/keys/$domain.$selector.key"; selector = "dkim"; sign_local = false;', 1, ["x.nl+", "sub.y.nl+"], ["nonsense"])
    case("a selector that is a pattern of names", "rspamd", f'path = "{WORK}/keys/$domain.$selector.key"; selector = "[do][kt]*"; sign_local = false;', 1, [], ["path"])
    case("... and one that fits other files", "rspamd", f'path = "{WORK}/keys/$domain.$selector.key"; selector = "[do][kt]im"; sign_local = false;', 1, [], ["path"])
    case("maps", "rspamd", f'selector_map = "{WORK}/map"; path_map = "{WORK}/map"; try_fallback = false; sign_local = false', 0, ["m.nl+", "n.nl+"], [], ["sel1._domainkey.m.nl"])
    case("networks", "rspamd", 'sign_networks = ["192.0.2.0/24", "!192.0.2.9", "203.0.113.0/24"]; domain { a.nl { } } try_fallback = false; sign_local = false', 1, ["a.nl+"], ["192.0.2.0/24"],
         ['network: "203.0.113.0/24"'])
    case("what would be wider", "rspamd", "domain { a.nl { } } try_fallback=false; sign_local=false; sign_authenticated=false; allow_username_mismatch=true; allow_envfrom_empty=false;"
         ' use_domain = "envelope"; sign_condition = <<EOD\nreturn function(task) return true end\nEOD\n', 1, ["a.nl+"],
         ["sign_authenticated", "allow_username_mismatch", "allow_envfrom_empty", "use_domain", "sign_condition"])
    case("one key for all", "rspamd", 'path = "/k/key.pem"; sign_local = false', 1, [], ["path"])
    case("includes, and the unknown", "rspamd", 'domain { a.nl { } } try_fallback=false; sign_local=false\n.include(try=true) "$LOCAL_CONFDIR/x"\nfrobnicate = 7', 1, ["a.nl+"], [".include", "frobnicate"])
    case("as Debian ships it", "rspamd", DEBIAN, 1, [], [".include", "path", "sign_local"])
    case("switched off", "rspamd", "enabled = false; domain { a.nl { } }", 1, [], ["enabled"])
    case("empty", "rspamd", "", 1, [])
    for name, text in (("bracket", "domain { a.nl {"), ("string", 'path = "x'), ("comment", "/* x"), ("too deep", "a {" * 40), ("deep array", "a = " + "[" * 40), ("stray", "}"), ("NUL", "a\0b"),
                       ("text", "a = <<EOD\nx"), ("many", "a {}\n" * 200001), ("bracket first", "]]]"), ("equals", "= = =")):
        case(name, "rspamd", text, 2)
    case("quotes", "rspamd", 'domain { "a.nl\\"}]\\n- x" { } } try_fallback=false; sign_local=false', 1, [])


DEBIAN = """dkim_signing {
  # If false, messages with empty envelope from are not signed
  allow_envfrom_empty = true;
  #path = "/var/lib/rspamd/dkim/$domain.$selector.key";
  selector = "dkim";
  sign_authenticated = true;
  symbol = "DKIM_SIGNED";
  use_redis = false;
  .include(try=true,priority=5) "${DBDIR}/dynamic/dkim_signing.conf"
  .include(try=true,priority=1,duplicate=merge) "$LOCAL_CONFDIR/local.d/dkim_signing.conf"
}
"""


def dkimpy():
    with open(f"{WORK}/kt", "w") as f:
        f.write("a a.nl:rsa:/k/key.pem\nthird third.nl:x:/k/key.pem\n")
    with open(f"{WORK}/kt2", "w") as f:
        f.write("a a.nl:ed:/k/key.pem\n")
    with open(f"{WORK}/st", "w") as f:
        f.write("*@a.nl a\n*@*.a.nl a\n*@c.nl third\n")
    case("one key", "dkimpy", "Domain a.nl, b.nl\nSelector r\nSelectorEd25519 e\nKeyFile /k/key.pem\nKeyFileEd25519 /k/key.pem\nMode s\nSubDomains Yes\n", 0, ["a.nl+", "b.nl+"], [],
         ["r._domainkey.a.nl", "e._domainkey.b.nl", "canonicalization: relaxed/simple"])
    case("tables", "dkimpy", f"KeyTable {WORK}/kt\nKeyTableEd25519 {WORK}/kt2\nSigningTable refile:{WORK}/st\nMode s\nInternalHosts 127.0.0.1, 192.0.2.0/24\n", 1, ["a.nl+"], ["*@c.nl"],
         ["rsa._domainkey.a.nl", "ed._domainkey.a.nl", 'network: "192.0.2.0/24"'])
    case("macros", "dkimpy", "Domain a.nl\nSelector s\nKeyFile /k/key.pem\nMode s\nMacroList daemon_name|ORIGINATING\nMacroListVerify daemon_name|VERIFYING\n", 1, ["a.nl"],
         ["MacroList", "MacroListVerify"])
    case("OpenDKIM's own options", "dkimpy", "Domain a.nl\nMode s\nMultipleSignatures yes\n", 1, ["a.nl"], ["MultipleSignatures"])


rspamd()
dkimpy()
print(f"{failed} failed")
sys.exit(failed != 0)
