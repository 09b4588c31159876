#!/usr/bin/python3
"""One HTTP request, just as given, to zegel-status: status_ask.py PORT|SOCKET PATH [METHOD [HEADER...]] prints all that comes back.
status_ask.py --value 'NAME{LABELS}' reads such an answer with metrics and prints the value of that series; labels in any order."""
import socket
import sys


def ask(where, path, method="GET", *headers):
    if not any(h.lower().startswith("host:") for h in headers):
        headers = ("Host: localhost",) + headers
    s = socket.create_connection(("127.0.0.1", int(where))) if where.isdigit() else socket.socket(socket.AF_UNIX)
    if not where.isdigit():
        s.connect(where)
    s.settimeout(20)
    lines = [f"{method} {path} HTTP/1.1", *headers, "Connection: close", "", ""]
    out = b""
    try:
        s.sendall("\r\n".join(lines).encode())
        while data := s.recv(65536):
            out += data
    except OSError:
        pass
    sys.stdout.buffer.write(out.replace(b"\r\n", b"\n"))


def value(wanted):
    from prometheus_client.parser import text_string_to_metric_families

    name, _, labels = wanted.partition("{")
    pairs = dict(p.split("=", 1) for p in labels.rstrip("}").split(",") if p)
    pairs = {k: v.strip('"') for k, v in pairs.items()}
    text = sys.stdin.read().partition("\n\n")[2]
    for family in text_string_to_metric_families(text):
        for s in family.samples:
            if s.name == name and s.labels == pairs:
                print(f"{s.value:.15g}")


value(sys.argv[2]) if sys.argv[1] == "--value" else ask(*sys.argv[1:])
