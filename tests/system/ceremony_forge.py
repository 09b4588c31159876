#!/usr/bin/python3
"""Tell one lie in a transcript and make the journal's hashes and response.json fit again: DIR LIE."""
import base64, hashlib, json, subprocess, sys

directory, lie = sys.argv[1:3]


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


with open(directory + "/journal.jsonl", "rb") as file:
    entries = [json.loads(line) for line in file.read().split(b"\n")[:-1]]
done = {e["step"]: e["data"] for e in entries if e["event"] == "done"}
key = done["key example.nl/z1"]
if lie == "attribute":
    key["attributes"]["CKA_EXTRACTABLE"] = True
elif lie == "key":
    pem = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    spki = subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER"], input=pem, stdout=subprocess.PIPE).stdout
    key["spki"], key["spki_sha256"] = base64.b64encode(spki).decode(), hashlib.sha256(spki).hexdigest()
elif lie == "record":
    key["record"]["txt"] = key["record"]["txt"].replace("p=MII", "p=MIJ")
elif lie == "inventory":
    done["inventory after"]["keys"].append({"label": "evil.nl/z1", "id": "00", "spki_sha256": "0" * 64})
elif lie == "rehearsal":
    entries[0]["data"]["rehearsal"] = True
elif lie == "order":
    entries[3], entries[5] = entries[5], entries[3]
    times = [e["time"] for e in entries]
    entries[4], entries[6] = entries[6], entries[4]
    for e, time in zip(entries, sorted(times)):
        e["time"] = time
elif lie == "dkek":
    done["backup example.nl/z1"]["dkek"]["backup"] = "0123456789abcdef"
elif lie == "no-dkek":
    del done["backup example.nl/z1"]["dkek"]
elif lie == "time":
    for e in entries:
        e["time"] = "2020-01-01T00:00:00Z"
elif lie == "drop":
    entries = [e for e in entries if e["step"] != "inventory before"]
elif lie != "response":
    sys.exit("what lie?")
with open(directory + "/plan.json", "rb") as file:
    head = hashlib.sha256(file.read()).hexdigest()
with open(directory + "/response.json", "rb") as file:
    response = json.loads(file.read())
response["keys"] = [key]
if lie == "response":
    response["keys"][0] = dict(key, label="evil.nl/z1")
with open(directory + "/response.json", "wb") as file:
    file.write(canonical(response))
if "response" in done:
    done["response"]["response_sha256"] = hashlib.sha256(canonical(response)).hexdigest()
with open(directory + "/journal.jsonl", "wb") as file:
    for number, entry in enumerate(entries):
        entry["n"], entry["prev"] = number, head
        head = hashlib.sha256(canonical(entry)).hexdigest()
        file.write(canonical(entry) + b"\n")
