#!/usr/bin/python3
"""plaincard.py PORT READER_PORT: a token that connects to PORT is, to vpcd at READER_PORT, an OpenPGP card without the Zegel
application: another answer to reset, and its SELECT finds nothing. Ends with either side."""
import select
import socket
import sys

ATR = bytes.fromhex("3bda18ff81b1fe751f030031f573c001600090001c")  # OpenPGP card 3.x
ZEGEL = bytes.fromhex("f05a6567656c01")
GET_ATR = b"\x04"


def exactly(end, count):
    data = b""
    while len(data) < count:
        more = end.recv(count - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def receive(end):
    return exactly(end, int.from_bytes(exactly(end, 2), "big"))


def send(end, data):
    end.sendall(len(data).to_bytes(2, "big") + data)


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
        token = server.accept()[0]
    reader = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    for end in (token, reader):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        ready = select.select([token, reader], [], [])[0]
        if token in ready:  # says nothing unasked: it is gone
            sys.exit(0)
        frame = receive(reader)
        if frame == GET_ATR:
            send(reader, ATR)
        elif frame[1:3] == b"\xa4\x04" and ZEGEL in frame:
            send(reader, b"\x6a\x82")
        else:
            send(token, frame)
            if len(frame) != 1:  # power and reset have no answer
                send(reader, receive(token))


main()
