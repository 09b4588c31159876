"""A program at a terminal of 80 columns and 24 lines, and somebody who types."""
import fcntl, os, pty, select, struct, sys, termios, time


def hold(command, answer, limit=60):
    """Runs it to its end. answer(shown, fd) gets what has come since something was typed last, without CR; it returns what to type, as
    it stands, or None for "not asked yet". Returns (exit status, all that was shown, without CR)."""
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.environ["TERM"] = "vt100"
        os.execvp(command[0], command)
    text, seen, end = "", 0, time.monotonic() + limit
    while time.monotonic() < end:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            more = os.read(fd, 4096)
        except OSError:
            more = b""
        if not more:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.replace("\r", "")
        text += more.decode()
        typed = answer(text[seen:].replace("\r", ""), fd)
        if typed is not None:
            seen = len(text)
            os.write(fd, typed.encode())
    sys.exit("no end in sight; the screen:\n" + text)
