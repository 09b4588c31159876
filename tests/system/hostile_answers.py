#!/usr/bin/python3
"""A milter that answers an MTA as none may: hostile_answers.py ZEGEL-PIPE DIRECTORY. Says 'ok' or 'FAIL' of each; 1: there was one."""
import os
import socket
import struct
import subprocess
import sys
import threading

pipe, directory = sys.argv[1:]
path = os.path.join(directory, "s")
failed = 0
MESSAGE = b"A: 1\nFrom: piet@example.nl\na: 2\n\nbody\n.\n"
NEGOTIATED = struct.pack("!III", 6, 0x11, 0x18038A)
GO_ON = {b"O": [(b"O", NEGOTIATED)], b"C": [(b"c", b"")], b"M": [(b"c", b"")], b"N": [(b"c", b"")], b"E": [(b"a", b"")]}


def change(number, name, value):
    return struct.pack("!I", number) + name + b"\0" + value + b"\0"


def serve(listener, answers, seen):
    try:
        talk(listener.accept()[0], answers, seen)
    except OSError:
        pass  # it has had enough of us


def talk(c, answers, seen):
    with c:
        stream = c.makefile("rb")
        while head := stream.read(5):
            command = head[4:5]
            data = stream.read(struct.unpack("!I", head[:4])[0] - 1)
            seen.append((command, data))
            for answer in answers.get(command, []):
                c.sendall(answer if isinstance(answer, bytes) else struct.pack("!I", len(answer[1]) + 1) + answer[0] + answer[1])
            if answers.get(command) == []:
                return  # hang up


def run(answers, message=MESSAGE, arguments=("--client", "192.0.2.1", "--port", "25", "--user", "piet", "--sender", "piet@example.nl")):
    seen = []
    if os.path.exists(path):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=serve, args=(listener, GO_ON | answers, seen), daemon=True)
        thread.start()
        done = subprocess.run([pipe, "--socket", path, *arguments], input=message, capture_output=True, timeout=60)
    return done.returncode, done.stdout, seen


def expect(name, answers, status, output=b"", **more):
    global failed
    got = run(answers, **more)
    if got[:2] == (status, output):
        print(f"ok   {name}: {status}")
    else:
        failed = 1
        print(f"FAIL {name}: {got[:2]}, not {(status, output)}")
    return got[2]


INSERT = (b"i", change(1, b"DKIM-Signature", b" v=1;\n\tb=x"))
DONE = (b"a", b"")
seen = expect("accepted", {}, 0, MESSAGE)
said = dict(seen)
if said[b"C"] != b"192.0.2.1\x004\x00\x19192.0.2.1\0" or said[b"M"] != b"<piet@example.nl>\0" or b"{auth_authen}\0piet\0" not in said[b"D"] \
        or said[b"B"] != b"body\r\n.\r\n":
    failed = 1
    print("FAIL what was said:", said)
expect("signed", {b"E": [INSERT, (b"p", b""), DONE]}, 0, b"DKIM-Signature: v=1;\n\tb=x\n" + MESSAGE)
expect("fields removed", {b"E": [(b"m", change(2, b"A", b"")), (b"m", change(1, b"A", b"")), DONE]}, 0, MESSAGE.replace(b"A: 1\n", b"").replace(b"a: 2\n", b""))
expect("one that is not there", {b"E": [(b"m", change(3, b"A", b"")), DONE]}, 75, MESSAGE[:MESSAGE.index(b"\n\n") + 1])  # found out at the header's end
expect("removed in another order", {b"E": [(b"m", change(1, b"A", b"")), (b"m", change(2, b"A", b"")), DONE]}, 75)
expect("a field changed", {b"E": [(b"m", change(1, b"From", b" boss@example.nl")), DONE]}, 75)
expect("two fields in one", {b"E": [(b"i", change(1, b"X", b" 1\nFrom: boss@example.nl")), DONE]}, 75)
expect("the header's end", {b"E": [(b"i", change(1, b"X", b" 1\n\nbody")), DONE]}, 75)
expect("no end of the name", {b"E": [(b"i", b"\0\0\0\1X"), DONE]}, 75)
expect("a million fields", {b"E": [(b"i", change(1, b"X", b" " + b"x" * 1000))] * 1000 + [DONE]}, 75)
expect("one deep below", {b"E": [(b"i", change(7, b"X", b" 1")), DONE]}, 75)
for command, what in ((b"b", b"another body"), (b"+", b"<boss@example.nl>\0"), (b"-", b"<a@b>\0"), (b"e", b"<a@b>\0"), (b"h", b"X\0 1\0"), (b"q", b"x\0"),
                      (b"d", b""), (b"f", b""), (b"s", b""), (b"\0", b"")):
    expect(f"answer {command}", {b"E": [(command, what), DONE]}, 75)
expect("refused", {b"E": [(b"y", b"550 5.7.1 no\0")]}, 75)
expect("a reply of several lines", {b"E": [(b"y", b"550 5.7.1 no\r\n250 yes\0")]}, 75)
expect("a reply that is a 250", {b"E": [(b"y", b"250 2.0.0 yes\0")]}, 75)
expect("a reply too long", {b"E": [(b"y", b"550 " + b"x" * 5000)]}, 75)
expect("a packet of no octets", {b"E": [b"\0\0\0\0"]}, 75)
expect("a packet of 4 GiB", {b"E": [b"\xff\xff\xff\xffa"]}, 75)
for command in b"OCMNE":
    expect(f"hung up at {chr(command)}", {bytes([command]): []}, 75)
expect("no fields without an answer", {b"O": [(b"O", struct.pack("!III", 6, 0x11, 0x18030A))]}, 75)
expect("no body without an answer", {b"O": [(b"O", struct.pack("!III", 6, 0x11, 0x10038A))], b"B": [(b"c", b"")]}, 75)
expect("more than we can", {b"O": [(b"O", struct.pack("!III", 6, 0x1FF, 0x18038A))]}, 75)
expect("no milter", {b"O": [b"220 smtp ready\r\n"]}, 75)
expect("NUL in the header", {}, 75, message=b"From: a\0b\n\nx\n")
expect("a field of 70,000 octets", {}, 75, message=b"X: " + b"x" * 70000 + b"\n\nx\n")
expect("a line that is no field", {}, 75, message=b"From: a\nnothing\n\nx\n")
expect("NUL in the body", {}, 0, b"A: 1\n\na\0b\n", message=b"A: 1\n\na\0b\n")
expect("1 MiB in one line", {}, 0, b"A: 1\n\n" + b"x" * (1 << 20) + b"\n", message=b"A: 1\n\n" + b"x" * (1 << 20))
expect("no line end", {}, 0, b"A: 1\n\nx\n", message=b"A: 1\n\nx")
SENDER = ("--sender", "a@b")
for wrong in (("--client", "host", "--port", "25"), ("--client", "192.0.2.1", "--port", "0"), ("--client", "", "--port", "25"), ("--client", "192.0.2.1")):
    expect(f"{' '.join(wrong)}", {}, 75, arguments=wrong + SENDER)
for wrong in ((), ("--local", "--client", "192.0.2.1", "--port", "1"), ("--local", "--user", "piet"), ("--client", "192.0.2.1", "--port", "x"),
              ("--local", "--exim", "/tmp", "--id", "x"), ("--local", "x"), ("--local", "--id", "a\nb")):
    expect(f"called with {wrong}", {}, 64, arguments=wrong + SENDER)
expect("no spool file", {}, 75, arguments=("--exim", directory, "--id", "1xWHlh-0006jY-0Q"))
expect("an id that is a path", {}, 75, arguments=("--exim", directory, "--id", "../../etc/passwd"))
sys.exit(failed)
