"""A milter that does one thing wrong. fake_filter.py PORT HOW; HOW: silent, gone, huge, garbage, accept, forge, escape, loop, from"""
import socket
import struct
import sys
import threading


def packet(command, data=b""):
    return struct.pack("!I", len(data) + 1) + command + data


def forged(selector, algorithm, domain="live.nl"):
    value = (f" v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector}; h=from; "
             "bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;\n\tb=AAAA")
    return packet(b"i", struct.pack("!I", 1) + b"DKIM-Signature\0" + value.encode() + b"\0")


def serve(peer, how):
    def read(n):
        data = b""
        while len(data) < n:
            more = peer.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    while True:
        command = read(struct.unpack("!I", read(4))[0])[:1]
        if how == "silent" or command == b"D":
            continue
        if how == "gone":
            return peer.close()
        if how == "huge":
            peer.sendall(struct.pack("!I", 0xffffffff) + b"O")
        elif how == "garbage":
            peer.sendall(packet(b"\x1b", b"[31m"))
        elif command == b"O":
            peer.sendall(packet(b"O", struct.pack("!III", 6, 1, 0)))
        elif how == "loop":
            peer.sendall(packet(b"p") * 2000)
        elif how == "accept" or command == b"E":
            added = {"forge": forged("r", "rsa-sha256") + forged("e", "ed25519-sha256"),
                     "escape": forged("r\x1b[31m\u009b7m", "rsa-sha256", "\x1b]0;x\x07live.nl\u009b7m") + forged("r\u009b7m", "rsa-sha256") +
                     forged("r\u202er", "rsa-sha256"),
                     "from": packet(b"h", b"From\0 somebody@else.example\0")}
            peer.sendall(added.get(how, b"") + packet(b"a"))
        else:
            peer.sendall(packet(b"c"))


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    while True:
        peer, _ = listener.accept()

        def run(peer=peer):
            try:
                serve(peer, sys.argv[2])
            except (EOFError, OSError):
                peer.close()
        threading.Thread(target=run, daemon=True).start()


main()
