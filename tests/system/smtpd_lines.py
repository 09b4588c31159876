#!/usr/bin/python3
"""An smtpd that says to its filter what a real one may not: smtpd_lines.py FILTER SOCKET. Says 'ok' or 'FAIL' of each; 1: there was one."""
import subprocess
import sys

SESSION, TOKEN, MESSAGE = "aaaaaaaaaaaaaaa1", "bbbbbbbbbbbbbbb1", "1234abcd"
CONNECT = "link-connect|{s}|host|pass|127.0.0.1:1025|127.0.0.1:25"
failed = 0


def run(reports, version="0.6", sender="piet@example.nl", lines=("From: piet@example.nl", "", "..x"), session=SESSION, more=""):
    """The verdict on one message, and the lines that came back."""
    text = "config|smtpd-version|6.8.0p2\nconfig|ready\n"
    for report in reports:
        text += f"report|{version}|1.0|smtp-in|{report.format(s=session)}\n"
    if sender is not None:
        text += f"report|{version}|1.0|smtp-in|tx-mail|{session}|{MESSAGE}|ok|{sender}\n"
    text += more
    text += "".join(f"filter|{version}|1.0|smtp-in|data-line|{session}|{TOKEN}|{line}\n" for line in (*lines, "."))
    filter_ = subprocess.Popen(sys.argv[1:2] + ["--socket", sys.argv[2]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        filter_.stdin.write(text)
        filter_.stdin.flush()
    except BrokenPipeError:
        pass
    back = []
    for line in filter_.stdout:
        if line.startswith("filter-dataline|"):
            back.append(line.rstrip("\n").split("|", 3)[3])
            if back[-1] == ".":
                break
    if filter_.poll() is not None or not back:
        filter_.stdin = None
    out, _ = filter_.communicate(filter_.stdin and f"filter|{version}|1.0|smtp-in|commit|{session}|{TOKEN}|\n", timeout=60)
    return out.strip().split("|", 3)[-1], back, filter_.returncode


def expect(name, want, **kwargs):
    global failed
    verdict, back, status = run(**kwargs)
    signed = sum(line.startswith("DKIM-Signature:") for line in back)
    verdict = verdict.removeprefix("reject|")
    got = "signed" if verdict == "proceed" and signed == 2 else "unsigned" if verdict == "proceed" else verdict[:3]
    if got == want and status == 0:
        print(f"ok   {name}: {verdict}")
    else:
        failed = 1
        print(f"FAIL {name}: {got} ({verdict}), not {want}; status {status}")


def auth(rest):
    return [CONNECT, "link-auth|{s}|" + rest]


expect("authenticated", "signed", reports=auth("piet@example.nl|pass"))
expect("authenticated, version 0.7", "signed", reports=auth("pass|piet@example.nl"), version="0.7")
expect("authentication failed", "unsigned", reports=auth("piet@example.nl|fail"))
expect("failed, version 0.7, with a user name that looks like a pass", "unsigned", reports=auth("fail|x|pass"), version="0.7")
expect("failed, with a user name that has a bar", "unsigned", reports=auth("pass|piet@example.nl|fail"))
expect("another domain's user", "550", reports=auth("jan@example.org|pass"))
expect("not authenticated", "unsigned", reports=[CONNECT])
expect("from a socket", "signed", reports=["link-connect|{s}|host|pass|unix:/run/smtpd.sock|unix:/run/smtpd.sock"])
expect("IPv6", "unsigned", reports=["link-connect|{s}|host|pass|[2001:db8::1]:1025|[::1]:25"])
expect("a name that has a bar and an address", "unsigned", reports=["link-connect|{s}|x|pass|unix:/a|pass|127.0.0.1:1025|127.0.0.1:25"])
expect("no connection", "451", reports=[])
expect("no connection, but authenticated", "451", reports=["link-auth|{s}|piet@example.nl|pass"])
expect("an address that is none", "451", reports=["link-connect|{s}|host|pass|localhost:1025|127.0.0.1:25"])
expect("no address", "451", reports=["link-connect|{s}|host|pass||"])
expect("port 0", "451", reports=["link-connect|{s}|host|pass|127.0.0.1:0|127.0.0.1:25"])
expect("two connections in one", "451", reports=[CONNECT, CONNECT])
verdict, back, status = run([CONNECT], version="0.8")
if status != 76 or back or verdict:
    failed = 1
print("FAIL" if failed else "ok  ", "a version that we do not know ends the filter, and smtpd with it:", status)
expect("a user name too long", "451", reports=auth("x" * 600 + "|pass"))
expect("a sender too long", "451", reports=auth("piet@example.nl|pass"), sender="x" * 600)
expect("the next message of a user, after a reset", "signed", reports=auth("piet@example.nl|pass") + ["tx-reset|{s}|" + MESSAGE])
expect("no end of the header", "signed", reports=auth("piet@example.nl|pass"), lines=("From: piet@example.nl",))
expect("an empty message", "550", reports=auth("piet@example.nl|pass"), lines=())
expect("a field of 70,000 octets", "550", reports=auth("piet@example.nl|pass"), lines=("From: piet@example.nl", "X: " + "x" * 70000, ""))
expect("a bare CR", "550", reports=auth("piet@example.nl|pass"), lines=("From: piet@example.nl", "X: a\rb", "", "x"))
expect("lines of other sessions between", "signed", reports=auth("piet@example.nl|pass"),
       more="".join(f"filter|0.6|1.0|smtp-in|data-line|cccc{n:04x}|{TOKEN}|From: boss@example.nl\n" for n in range(2000)))
expect("lines of nothing", "signed", reports=auth("piet@example.nl|pass"), more="\n|\n|||||||||\nreport|0.6||||\nfilter|0.6|1|smtp-in|data-line|\nfilter|0.6|1|smtp-in|data-line|g|g|\n")
sys.exit(failed)
