#!/usr/bin/python3
"""What a signature costs on the imx6ul port beyond its RSA operation, as ratios within one machine. speed.py DIRECTORY
Last lines: name, figure, goal, PASS or FAIL."""
import re
import statistics
import sys
import time

from card import Token

COUNT = 60
OPENPGP, ADMIN, USER = "00A4040006D27600012401", "0020008308" + b"12345678".hex(), "0020008106" + b"123456".hex()
INFO = "33" + "3031300D060960864801650304020105000420" + "A5" * 32


def ms_of(token, command, count=COUNT):
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        answer = token.apdu(command)
        times.append((time.perf_counter() - begin) * 1000)
        if answer[-2:] != b"\x90\x00":
            sys.exit(f"speed: {command} was answered {answer.hex()}")
    return statistics.median(times)


def main():
    token = Token("qemu", sys.argv[1] + "/speed", run=COUNT)
    token.atr()
    count, signed, verified = (int(n) for n in re.search(r"speed: (\d+) signed in (\d+) ms, verified in (\d+) ms", token.logged()).groups())
    for command in (OPENPGP, ADMIN, "00478000000002B6000000", USER):
        token.apdu(command)
    whole = ms_of(token, "002A9E9A" + INFO + "00")
    least = ms_of(token, "00CA00C400")
    token.off()
    operation, checked = (signed - verified) / count, signed / count
    overhead = whole / checked - 1
    print(f"RSA-2048 under QEMU: private operation {operation:.1f} ms, verifying it {verified / count:.1f} ms ({verified / count / operation:.0%});"
          f" PSO:CDS as the reader sees it {whole:.1f} ms, of which a command that does nothing takes {least:.1f} ms")
    print(f"token: PSO:CDS beyond the verified RSA operation  {overhead:.1%}  goal at most 10%  {'PASS' if overhead <= 0.10 else 'FAIL'}")


main()
