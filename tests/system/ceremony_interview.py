#!/usr/bin/python3
"""Answer the interview of `zegel ceremony prepare` at a terminal: ZEGEL WORK MODULE. Wrong answers first: each is asked for again."""
import os, pty, re, select, sys, time

zegel, work, module = sys.argv[1:]
os.chdir(work + "/people")
script = [  # question, answers: all but the last are refused
    ("What is the ceremony for", ["make", ""]),
    ("Which organisation", ["", 'Ministerie "van" Zegels']),
    ("ceremony before this one", ["/nonexistent", work + "/people", work + "/one"]),
    ("Number of this ceremony", ["0", "x", "1", ""]),
    ("PKCS#11 module", ["/nonexistent.so", module]),
    ("Label of the token", ["no such token", "zegel"]),
    ("A key", ["", "example.nl", "example.nl/i1:dsa", "exa mple/i1:ed25519", "example.nl/i1:ed25519:" + "0" * 64, "example.nl/i1:ed25519"]),
    ("A key", ["example.nl/i2:rsa2048"]),
    ("A key", [""]),
    ("second token for a backup", [""]),
    ("Why there is no backup", [""]),
    ("A custodian", ["nobody", "alice"]),
    ("A custodian", ["", "bob=bob.pem"]),
    ("A custodian", ["carol=alice.key", "carol"]),
    ("A custodian", [""]),
    ("How many custodians", ["1", "4", ""]),
    ("The administrator", ["dave"]),
    ("The DNS operator", ["frank"]),
    ("The witness", ["erin"]),
    ("The transcript key", ["transcript-key"]),
    ("For how many days", ["91", "3"]),
    ("Type Yes", ["Yes"]),
]


def hold(arguments, script):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "vt100"
        os.execv(zegel, [zegel, "ceremony", "prepare"] + arguments)
    text, seen, end = "", 0, time.monotonic() + 60
    todo = [(question, answer, at > 0) for question, answers in script for at, answer in enumerate(answers)]
    while time.monotonic() < end:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            more = os.read(fd, 4096)
        except OSError:
            break
        if not more:
            break
        text += more.decode()
        if text.endswith("\n> "):
            asked, seen = text[seen:].replace("\r", ""), len(text)
            if not todo:
                os.write(fd, b"\x04")  # end of the input
                continue
            question, answer, again = todo.pop(0)
            assert question in asked, "asked %r, not about %r" % (asked, question)
            assert ("    No: " in asked) == again, (answer, asked)
            os.write(fd, (answer + "\n").encode())
    assert not todo, todo
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.replace("\r", "")


status, text = hold([work + "/early"], script[:3])
assert status == 1 and "not finished; nothing was written" in text and not os.path.exists(work + "/early"), text
status, text = hold([work + "/no"], script[:-1] + [("Type Yes", [""])])
assert status == 1 and not os.path.exists(work + "/no"), text
status, text = hold([work + "/interview"], script)
assert status == 0, text
assert "# Key ceremony 2: generate" in text, "the checklist is not shown"
for line in text.split("# Key ceremony")[0].split("\n"):
    assert len(line) <= 80 or line.startswith("> ") or work in line or "/usr" in line or "No: " in line, line
status, text = hold([work + "/interview"], [])
assert status == 0 and ">" not in text, "asks although there is a plan"
print("ok   the interview: asked, refused what is wrong, wrote a plan")
