#!/usr/bin/python3
"""crowd.py PORT IDLE SLOW SECONDS: milter clients that say nothing, and others that say one octet a second.

Prints "up" once all are connected, and the number still connected at the end."""
import selectors
import socket
import struct
import sys
import time

port, idle, slow, seconds = map(int, sys.argv[1:])
negotiation = struct.pack(">IcIII", 13, b"O", 6, 0x1FF, 0x1FFFFF)
connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(idle + slow)]
print("up", flush=True)
end, at = time.monotonic() + seconds, 0
while time.monotonic() < end:
    for connection in connections[idle:]:
        try:
            connection.send(negotiation[at % 17 : at % 17 + 1])
        except OSError:
            pass
    at += 1
    time.sleep(1)
selector = selectors.DefaultSelector()
for connection in connections:
    connection.setblocking(False)
alive = 0
for connection in connections:
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        alive += 1
    except OSError:
        pass
print(alive)
