#!/usr/bin/python3
"""What custodians do with sc-hsm-tool at a terminal, typed: passwords are asked for there and stand in no argument.
sc-hsm-tool exits with 0 also when it found no card: what it says counts.

ceremony_dkek.py create FILE PASSWORD               a DKEK share, its password typed twice
ceremony_dkek.py create-shared FILE M N OUT         the same with a random password that nobody sees, in N shares; they go to OUT
ceremony_dkek.py import READER FILE PASSWORD
ceremony_dkek.py import-shared READER FILE SHARES   SHARES: lines of OUT: the prime, then as many shares as were asked for"""
import os, re, sys, termios, time

from dialogue import hold

LIMIT = 120
ENCRYPT, CONFIRM, DECRYPT = SECRET = "encrypt DKEK share : ", "to confirm : ", "decrypt DKEK share : "


def drive(arguments, answers):
    """answers: [(what is in the prompt, what is typed)], in that order. Returns (status, the screen)."""

    def answer(shown, fd):
        if not answers or not re.search(answers[0][0], shown):
            return None
        if answers[0][0] in SECRET:  # what is typed before it stops echoing, it throws away
            wait_until_silent(fd)
        return answers.pop(0)[1] + "\n"

    return hold(["sc-hsm-tool"] + arguments, answer, LIMIT)


def wait_until_silent(fd):
    end = time.monotonic() + LIMIT
    while termios.tcgetattr(fd)[3] & termios.ECHO and time.monotonic() < end:
        time.sleep(0.01)


def create(file, password):
    status, text = drive(["--create-dkek-share", file], [(ENCRYPT, password), (CONFIRM, password)])
    return status == 0 and "DKEK share created" in text and password not in text, text


def create_shared(file, m, n, out):
    answers = [("to continue", "")] + [("key share \\d of ", ""), ("when finished", "")] * int(n)
    status, text = drive(["--create-dkek-share", file, "--pwd-shares-threshold", m, "--pwd-shares-total", n], answers)
    primes = set(re.findall(r"Prime +: ([0-9a-f:]+)", text, re.I))
    shares = re.findall(r"Share ID +: (\d+)\nShare value : ([0-9a-f:]+)", text, re.I)
    with open(os.open(out, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write("%s\n%s" % ("".join(primes), "".join("%s %s\n" % s for s in shares)))
    return status == 0 and "DKEK share created" in text and len(primes) == 1 and len(shares) == int(n), text


def import_(reader, file, password):
    status, text = drive(["--reader", reader, "--import-dkek-share", file], [(DECRYPT, password)])
    return status == 0 and "DKEK share imported" in text and password not in text, text


def import_shared(reader, file, shares):
    with open(shares) as f:
        prime, *parts = f.read().split("\n")[:-1]
    answers = [("enter prime: ", prime)]
    for part in parts:
        number, value = part.split()
        answers += [("to enter share ", ""), ("share ID: ", number), ("share value: ", value)]
    status, text = drive(["--reader", reader, "--import-dkek-share", file, "--pwd-shares-total", str(len(parts))], answers)
    return status == 0 and "DKEK share imported" in text, text


good, screen = {"create": create, "create-shared": create_shared, "import": import_, "import-shared": import_shared}[sys.argv[1]](*sys.argv[2:])
if not good:
    lines = screen.strip().split("\n")
    sys.exit(([line for line in lines if line.startswith("Error")] or lines)[-1])
