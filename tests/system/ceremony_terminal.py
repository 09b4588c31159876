#!/usr/bin/python3
"""Hold a ceremony at a terminal: SCREENS COMMAND... Stops it once with No, starts it again, and checks what is on the screen."""
import fcntl, os, pty, re, select, struct, sys, termios, time

screens, command = sys.argv[1], sys.argv[2:]
LIMIT = 60


def hold(answer):
    """Run the command; answer(question, n) is typed at each prompt. Returns (status, what was on the screen)."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "vt100"
        os.execv(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    text, seen, asked, end = "", 0, 0, time.monotonic() + LIMIT
    while True:
        if time.monotonic() > end:
            sys.exit("no end in sight; the screen:\n" + text)
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            more = os.read(fd, 4096)
        except OSError:
            break
        if not more:
            break
        text += more.decode()
        prompt = re.search(r"(PIN for token|No to stop here|capital)[^:\n]*: $", text[seen:])
        if prompt:
            seen = len(text)
            os.write(fd, (answer(prompt.group(1), asked) + "\n").encode())
            asked += 1
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.replace("\r", "")


def first(question, n):
    return "1234" if question.startswith("PIN") else "yes" if n == 1 else "Yes" if n < 4 else "No"


def second(question, n):
    return "1234" if question.startswith("PIN") else "Yes"


status, text = hold(first)
with open(screens, "w") as file:
    file.write(re.sub("\033\\[[0-9;]*m", "", text))
assert status == 1, (status, text)
assert "1234" not in text, "the PIN is on the screen"
assert "the whole word, with its capital" in text, "yes was taken for Yes"
assert "stopped before step 3 (inventory before), as you said" in text, text
assert "\033[" in text, "no colours on a terminal"
status, text = hold(second)
with open(screens, "a") as file:
    file.write(re.sub("\033\\[[0-9;]*m", "", text))
assert status == 0, (status, text)
assert text.count("was done before") == 2 and text.count("[DONE]") == 6, text
plain = re.sub("\033\\[[0-9;]*m", "", text)
for line in plain.split("\n"):
    assert len(line) <= 80 or line.startswith("The ceremony has ended"), line
print("ok   at the terminal: asked, refused yes for Yes, stopped, went on, ended")
