#!/usr/bin/env python3
"""Plays a trace of APDUs to a token, as vpcd would, and compares each response, octet by octet.

replay.py [--record] TRACE COMMAND...: listens on a free port of the loopback, starts COMMAND with that port as its last argument, and
sends every line of TRACE that begins with '>' ('!' is a reset). Lines with '<' are what must come back; --record writes them anew.
The token must be one whose random numbers are constant, with an empty store. Exit 0: all the same; 1: not.
"""
import socket
import subprocess
import sys


def receive(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise SystemExit("replay: the token is gone")
        data += part
    return data


def exchange(connection, command):
    connection.sendall(len(command).to_bytes(2, "big") + command)
    return receive(connection, int.from_bytes(receive(connection, 2), "big"))


def play(connection, lines):
    """The trace as it is played: its comments and commands, with the responses of this token."""
    for line in lines:
        if line.startswith(">"):
            yield line
            yield "< " + exchange(connection, bytes.fromhex(line[1:])).hex()
        elif line.startswith("!"):
            connection.sendall(b"\x00\x01\x02")
            yield line
        elif not line.startswith("<"):
            yield line


def main():
    arguments = sys.argv[1:]
    record = arguments[0] == "--record"
    path, command = arguments[record], arguments[record + 1:]
    with open(path, encoding="ascii") as file:
        lines = file.read().splitlines()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        token = subprocess.Popen(command + [str(server.getsockname()[1])])
        try:
            connection, _ = server.accept()
            connection.settimeout(120)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(b"\x00\x01\x01")  # power on
            played = list(play(connection, lines))
            connection.close()
        finally:
            token.terminate()
            token.wait()
    if record:
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(played) + "\n")
        return 0
    different = [(want, have) for want, have in zip(lines, played) if want != have]
    for want, have in different[:5]:
        print(f"replay: not the same:\n  {want}\n  {have}")
    print(f"replay: {sum(line.startswith('>') for line in lines)} commands, {len(different)} differ")
    return 0 if not different and len(lines) == len(played) else 1


sys.exit(main())
