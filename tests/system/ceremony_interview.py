#!/usr/bin/python3
"""Answer the interview of `zegel ceremony prepare` at a terminal: ZEGEL WORK MODULE. Wrong answers first: each is asked for again."""
import os, sys

from dialogue import hold

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


def interview(arguments, script):
    todo = [(question, answer, at > 0) for question, answers in script for at, answer in enumerate(answers)]

    def answer(shown, fd):
        if not shown.endswith("\n> "):
            return None
        if not todo:
            return "\x04"  # end of the input
        question, typed, again = todo.pop(0)
        assert question in shown, "asked %r, not about %r" % (shown, question)
        assert ("    No: " in shown) == again, (typed, shown)
        return typed + "\n"

    result = hold([zegel, "ceremony", "prepare"] + arguments, answer)
    assert not todo, todo
    return result


status, text = interview([work + "/early"], script[:3])
assert status == 1 and "not finished; nothing was written" in text and not os.path.exists(work + "/early"), text
status, text = interview([work + "/no"], script[:-1] + [("Type Yes", [""])])
assert status == 1 and not os.path.exists(work + "/no"), text
status, text = interview([work + "/interview"], script)
assert status == 0, text
assert "# Key ceremony 2: generate" in text, "the checklist is not shown"
for line in text.split("# Key ceremony")[0].split("\n"):
    assert len(line) <= 80 or line.startswith("> ") or work in line or "/usr" in line or "No: " in line, line
status, text = interview([work + "/interview"], [])
assert status == 0 and ">" not in text, "asks although there is a plan"
print("ok   the interview: asked, refused what is wrong, wrote a plan")
