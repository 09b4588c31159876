#!/usr/bin/python3
"""milter_sign.py PORT DOMAIN [TEXT]: one message from DOMAIN to the milter on PORT, as an MTA would send it.

Prints the message with the header fields that came back, CRLF. Exit status: 0 accepted, 75 tempfail, 76 anything else.
"""
import socket
import struct
import sys

port, domain = int(sys.argv[1]), sys.argv[2]
text = sys.argv[3] if len(sys.argv) > 3 else "text"
connection = socket.create_connection(("127.0.0.1", port), timeout=60)
inserted = []


def send(command, data=b""):
    connection.sendall(struct.pack(">Ic", len(data) + 1, command) + data)


def receive():
    head = b""
    while len(head) < 5:
        head += connection.recv(5 - len(head)) or sys.exit(76)
    length, command = struct.unpack(">Ic", head)
    data = b""
    while len(data) < length - 1:
        data += connection.recv(length - 1 - len(data)) or sys.exit(76)
    return command, data


def ask(command, data):
    send(command, data)
    answer, reply = receive()
    if answer == b"y" and reply.startswith(b"4") or answer == b"t":
        sys.exit(75)
    if answer != b"c":
        sys.exit(76)


send(b"O", struct.pack(">III", 6, 0x1FF, 0))
receive()
ask(b"C", b"localhost\0004" + struct.pack(">H", 9) + b"127.0.0.1\0")
ask(b"M", f"<a@{domain}>\0".encode())
ask(b"R", b"<b@example.org>\0")
fields = [("From", f"a@{domain}"), ("To", "b@example.org"), ("Subject", text), ("Date", "Wed, 25 Nov 2026 12:00:00 +0000"),
          ("Message-ID", f"<{text.replace(' ', '.')}@{domain}>")]
for name, value in fields:
    ask(b"L", f"{name}\0{value}\0".encode())
ask(b"N", b"")
body = text.encode() + b"\r\n"
ask(b"B", body)
send(b"E")
while True:
    answer, reply = receive()
    if answer in b"hi":  # added or inserted: name NUL value NUL
        reply = reply[4:] if answer == b"i" else reply
        name, value = reply.split(b"\0")[:2]
        inserted.append(name + b": " + value.lstrip(b" "))
    elif answer in b"ac":
        break
    elif answer == b"t" or answer == b"y" and reply.startswith(b"4"):
        sys.exit(75)
    elif answer != b"p":
        sys.exit(76)
send(b"Q")
for line in inserted:
    sys.stdout.buffer.write(line.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n")
for name, value in fields:
    sys.stdout.buffer.write(f"{name}: {value}\r\n".encode())
sys.stdout.buffer.write(b"\r\n" + body)
