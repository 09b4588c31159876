#!/usr/bin/python3
"""Change every file of a transcript and demand that the verifier notices: VERIFIER DIR [all | FILE...]. VERIFIER: zegel-ceremony-verify.

Of each file (or only those): the first of each octet value, a bit of it flipped, and octets spread over all of it; cut, longer, empty, gone; and files
that do not belong there. With `all`: every octet."""
import os, shutil, subprocess, sys, tempfile

verifier, original, every = sys.argv[1], sys.argv[2], sys.argv[3:] == ["all"]
only = [] if every else sys.argv[3:]
SPREAD = int(os.environ.get("SPREAD", "12"))
work = tempfile.mkdtemp()
directory = os.path.join(work, "t")
shutil.copytree(original, directory)
tried, unnoticed = 0, []


def passes():
    return subprocess.run([verifier, directory], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def attempt(path, data, what):
    global tried
    with open(path, "wb") as file:
        file.write(data)
    tried += 1
    if passes():
        unnoticed.append("%s: %s" % (os.path.basename(path), what))


def classes(data):  # one octet of each kind: digits, letters, punctuation, line ends, the rest
    def kind(octet):
        c = chr(octet)
        return "0" if c.isdigit() else "a" if octet < 128 and c.isalpha() else c if octet < 128 else "b"
    return {kind(octet): at for at, octet in reversed(list(enumerate(data)))}.values()


assert passes(), "the original does not verify"
for name in sorted(only or os.listdir(original)):
    path = os.path.join(directory, name)
    with open(path, "rb") as file:
        data = file.read()
    places = range(len(data)) if every else [] if SPREAD == 0 else sorted(set(classes(data)) | set(range(0, len(data), max(1, len(data) // SPREAD))))
    for at in places:
        attempt(path, data[:at] + bytes([data[at] ^ 1]) + data[at + 1:], "octet %d" % at)
    for what, changed in (("cut", data[:-1]), ("longer", data + b"\n"), ("empty", b""), ("a line twice", data + data)):
        attempt(path, changed, what)
    os.unlink(path)
    tried += 1
    # Spare signatures may be gone, as long as the threshold holds; nothing else may.
    if passes() and not name.startswith("manifest-"):
        unnoticed.append(name + ": gone")
    attempt(path, data, "")
    unnoticed.pop() if unnoticed and unnoticed[-1].endswith(": ") else sys.exit("the original no longer verifies")
for name in ("extra", ".hidden", "manifest-mallory.p7s", "approval-carol.p7s"):
    path = os.path.join(directory, name)
    attempt(path, b"x", "added") if not os.path.exists(path) else None
    os.unlink(path) if name not in os.listdir(original) else None
shutil.rmtree(work)
print("%d changes, %d not noticed" % (tried, len(unnoticed)))
sys.exit("\n".join(unnoticed) if unnoticed else 0)
