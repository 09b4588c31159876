#!/usr/bin/python3
"""Audit a Zegel ceremony without Zegel: python's standard library and the openssl command. See provisioning/README.md.

ceremony_audit.py DIR PEOPLE: PEOPLE holds NAME.pem, certificates that the auditor got from the people themselves."""
import base64, hashlib, json, os, subprocess, sys, tempfile

directory, people = sys.argv[1:3]


def fail(text):
    sys.exit("audit: FAIL: " + text)


def read(name):
    with open(os.path.join(directory, name), "rb") as file:
        return file.read()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def canonical(value):  # RFC 8785 for what transcripts hold: no fractions, names of ASCII
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def load(data, name):
    value = json.loads(data)
    if canonical(value) != data:
        fail(name + " is not canonical JSON")
    return value


def openssl(*words, stdin=None):
    return subprocess.run(("openssl",) + words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def same_certificate(name, pem):
    with open(os.path.join(people, name + ".pem"), "rb") as file:
        mine = openssl("x509", "-outform", "DER", stdin=file.read()).stdout
    return mine and mine == openssl("x509", "-outform", "DER", stdin=pem.encode()).stdout


def signers(prefix, content, allowed):
    good = []
    for file in sorted(os.listdir(directory)):
        if not (file.startswith(prefix + "-") and file.endswith(".p7s")):
            continue
        name = file[len(prefix) + 1:-4]
        if name not in allowed:
            fail(file + ": who is that?")
        certificate = os.path.join(people, name + ".pem")
        done = openssl("cms", "-verify", "-binary", "-inform", "DER", "-in", os.path.join(directory, file), "-content",
                       os.path.join(directory, content), "-certfile", certificate, "-CAfile", certificate, "-purpose", "any",
                       "-out", "/dev/null")
        if done.returncode != 0:
            fail(file + ": bad signature")
        good.append(name)
    return good


def proof_is_good(plan, plan_hash, key, purpose="proof of possession"):
    challenge = "zegel ceremony %s\n%s\n%s\n%s\n%s\n" % (purpose, plan_hash, plan["nonce"], key["label"], key["spki_sha256"])
    spki = base64.b64decode(key["spki"], validate=True)
    with tempfile.TemporaryDirectory() as work:
        names = [os.path.join(work, n) for n in ("spki", "challenge", "signature")]
        ed25519 = key["algorithm"] == "ed25519"
        message = hashlib.sha256(challenge.encode()).digest() if ed25519 else challenge.encode()
        for name, data in zip(names, (spki, message, base64.b64decode(key["proof"], validate=True))):
            with open(name, "wb") as file:
                file.write(data)
        how = ("-rawin",) if ed25519 else ("-rawin", "-digest", "sha256")
        return sha256(spki) == key["spki_sha256"] and openssl(
            "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", names[0], *how, "-in", names[1], "-sigfile",
            names[2]).returncode == 0


plan, plan_hash = load(read("plan.json"), "plan.json"), sha256(read("plan.json"))
manifest = load(read("manifest.json"), "manifest.json")
published = "published-%s.p7s" % plan["dns-operator"]["name"]
outside = {f for f in os.listdir(directory) if f in ("manifest.json", "manifest.tsr", published) or (f.startswith("manifest-") and f.endswith(".p7s"))}
if {f: sha256(read(f)) for f in os.listdir(directory) if f not in outside} != manifest["files"] or manifest["plan_sha256"] != plan_hash:
    fail("files are not those of the manifest")

custodians = {p["name"] for p in plan["custodians"]}
everybody = plan["custodians"] + [plan["witness"], plan["transcript"]]
executive = [plan["administrator"], plan["dns-operator"]]
if len({p["name"] for p in everybody + executive}) != len(everybody + executive):
    fail("somebody has two roles")
for person in everybody:
    if not same_certificate(person["name"], person["certificate"]):
        fail(person["name"] + ": the plan has another certificate")
approvals = signers("approval", "plan.json", custodians)
seals = signers("manifest", "manifest.json", {p["name"] for p in everybody})
if plan["threshold"] < 2 or len(approvals) < plan["threshold"] or len(custodians & set(seals)) < plan["threshold"]:
    fail("too few custodians")
if not {plan["witness"]["name"], plan["transcript"]["name"]} <= set(seals):
    fail("witness or transcript key did not sign")

head, entries = plan_hash, []
for line in read("journal.jsonl").split(b"\n")[:-1]:
    entry = load(line, "journal")
    if entry["prev"] != head or entry["n"] != len(entries) or not plan["not-before"] <= entry["time"] <= plan["not-after"]:
        fail("journal line %d" % len(entries))
    head = sha256(line)
    entries.append(entry)
if head != manifest["journal_head"] or entries[-1]["event"] != "close":
    fail("the journal has no proper end")
opened = [e for e in entries if e["event"] == "open"]
if len(opened) != 1 or opened[0]["data"]["rehearsal"] or set(opened[0]["data"]["approvals"]) != set(approvals):
    fail("the ceremony was not opened properly")
done = [e for e in entries if e["event"] == "done"]
abandoned = any(e["event"] == "abandon" for e in entries)
labels = ["%s/%s" % (k["domain"], k["selector"]) for k in plan["keys"]]
backups = plan["backup"]["rule"] != "none" and plan["action"] in ("generate", "destroy")
each = ("key ", "backup ") if backups else ("key ",)
steps = ["confirm", "use plan", "inventory before"] + [s + n for n in labels for s in each] + ["inventory after", "response"]
if [e["step"] for e in done] != (steps[:len(done)] if abandoned else steps):
    fail("steps")
keys = [e["data"] for e in done if e["step"].startswith("key ")]
for key in keys:
    if plan["action"] != "destroy" and not proof_is_good(plan, plan_hash, key):
        fail(key["label"] + ": no proof of possession")
restored = {e["data"]["label"]: e["data"] for e in done if e["step"].startswith("backup ")}
for key in keys:
    copy = restored.get(key["label"])
    if copy is None and backups and not abandoned:
        fail(key["label"] + ": no backup")
    if copy and plan["action"] == "generate":
        if not proof_is_good(plan, plan_hash, dict(key, proof=copy["proof"]), "restore test") or copy["closed"]["CKA_EXTRACTABLE"]:
            fail(key["label"] + ": the restore test")
        if plan["backup"]["rule"] == "dkek" and set(copy["dkek"].values()) != {plan["backup"]["dkek"]}:
            fail(key["label"] + ": the check value of the DKEK")
        if copy["file_sha256"] and manifest["files"].get("backup-%s.json" % key["label"].replace("/", "-")) != copy["file_sha256"]:
            fail(key["label"] + ": the encrypted key")
if not abandoned:
    response = load(read("response.json"), "response.json")
    if response["keys"] != keys or response["plan_sha256"] != plan_hash:
        fail("response.json is not what was done")
    before, after = (next(e["data"] for e in done if e["step"] == "inventory " + n) for n in ("before", "after"))
    held = {(k["label"], k["spki_sha256"]) for k in before["keys"]}
    mine = {(k["label"], k["spki_sha256"]) for k in keys}
    change = {"generate": held | mine, "destroy": held - mine}.get(plan["action"], held)
    if {(k["label"], k["spki_sha256"]) for k in after["keys"]} != change or (plan["action"] != "generate") != (mine <= held):
        fail("inventories")
    may = {s["label"]: s["standing"] for s in before["standings"]}
    for key in keys:
        if plan["action"] in ("activate", "retire"):
            if key["from"] != may.get(key["label"], "none"):
                fail("standing before")
            may[key["label"]] = key["to"] = {"activate": "active", "retire": "retired"}[plan["action"]]
    if {s["label"]: s["standing"] for s in after["standings"]} != may:
        fail("standing after")
print("audit: pass: %s %s%s; approved by %s; signed by %s" % ("abandoned: " if abandoned else "", plan["action"], ", ".join(labels), ", ".join(approvals), ", ".join(seals)))
