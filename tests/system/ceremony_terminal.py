#!/usr/bin/python3
"""Hold a ceremony at a terminal: SCREENS HANDBOOK COMMAND... Stops it once with No, starts it again, and checks what is on the screen,
and that the handbook shows the same."""
import os, re, sys

from dialogue import hold

screens, handbook, command = sys.argv[1], sys.argv[2], sys.argv[3:]


def at_terminal(answer):
    """answer(question, n) is typed at the nth prompt. Returns (status, what was on the screen)."""
    asked = []

    def typed(shown, fd):
        prompt = re.search(r"(PIN for token|No to stop here|capital)[^:\n]*: $", shown)
        if prompt is None:
            return None
        asked.append(prompt.group(1))
        return answer(asked[-1], len(asked) - 1) + "\n"

    return hold(command, typed)


def first(question, n):
    return "1234" if question.startswith("PIN") else "yes" if n == 1 else "Yes" if n < 4 else "No"


def second(question, n):
    return "1234" if question.startswith("PIN") else "Yes"


def plain(text):
    return re.sub("\033\\[[0-9;]*m", "", text)


def fits(text):
    """A projector and a serial line: ASCII, nothing moves the cursor, 80 columns, and from one question to the next 24 lines."""
    assert text.isascii() and not re.search("[^\n -~]", plain(text)), text
    for line in plain(text).split("\n"):
        assert len(line) <= 80 or line.startswith(("The ceremony has ended", "zegel ceremony run: ")), line
    for screen in re.split("STEP ", text):
        assert screen.count("\n") < 24, screen


def in_general(text):
    """Without what differs from one ceremony to the next: hashes, as hex and as words, and the directory."""
    text = re.sub(r"(?m)^ {8}[0-9a-f]{4}( [0-9a-f]{4}){7}$", "HEX", text)
    text = re.sub(r"(?m)^ {8}[A-Za-z]+( [A-Za-z]+){3}$", "WORDS", text)
    text = re.sub(r"ceremony seal \S+", "ceremony seal DIR", text)
    return [line.rstrip() for line in text.rstrip("\n").split("\n")]


os.environ["NO_COLOR"] = "1"
status, stopped = at_terminal(first)
assert status == 1, (status, stopped)
assert "1234" not in stopped, "the PIN is on the screen"
assert "the whole word, with its capital" in stopped, "yes was taken for Yes"
assert "stopped before step 3 (inventory before), as you said" in stopped, stopped
assert "\033" not in stopped and stopped.count("[DONE]") == 2, "colours although nobody wants them, or no words without them"
fits(stopped)
del os.environ["NO_COLOR"]
status, ended = at_terminal(second)
with open(screens, "w") as file:
    file.write(stopped + plain(ended))
assert status == 0, (status, ended)
assert ended.count("was done before") == 2 and plain(ended).count("[DONE]") == 6, ended
assert "\033[1;32m[DONE]" in ended, "no colours on a terminal"
fits(ended)
with open(handbook) as file:
    shown = file.read().split("## On the screen")[1].split("\n## ")[0]
shown = "\n".join(line[4:] for line in shown[shown.index("    PIN for"):].split("\n"))
assert in_general(shown) == in_general(stopped + plain(ended)), "the handbook shows something else: see " + screens
print("ok   at the terminal: asked, refused yes for Yes, stopped, went on, ended; and the handbook shows it")
