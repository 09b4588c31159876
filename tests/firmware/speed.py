#!/usr/bin/python3
"""What a signature costs on the imx6ul port beyond its RSA operation. speed.py DIRECTORY

QEMU counts instructions (-icount) instead of time, so the figures are the same on every machine and every day: one instruction
is one nanosecond of the token's clock. Lines that begin with 'token:' are goals: name, figure, goal, PASS or FAIL."""
import re
import sys

from card import Token

COUNT = 20


def main():
    token = Token("qemu", sys.argv[1] + "/speed", run=COUNT, more=["-icount", "shift=0,sleep=off"])
    token.atr()
    token.off()
    figures = re.search(r"speed: (\d+) signed in (\d+) ms, verified in (\d+) ms, PSO:CDS in (\d+) ms, header blocks in (\d+) ms", token.logged())
    count, signed, verified, pso, block = (int(n) for n in figures.groups())
    bare = signed - verified
    print(f"RSA-2048 on the imx6ul image, million instructions: private operation {bare / count:.1f}, its verification {verified / count:.1f}"
          f" ({verified / bare:.1%}); PSO:CDS {pso / count:.1f}, a header block of 230 octets {block / count:.1f}")
    for name, figure in (("PSO:CDS", pso), ("header block", block)):
        share = figure / bare - 1
        print(f"token: {name} beyond the bare RSA operation, instructions  {share:.1%}  goal at most 10%  {'PASS' if share <= 0.10 else 'FAIL'}")


main()
