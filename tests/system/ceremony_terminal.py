#!/usr/bin/python3
"""Hold a ceremony at a terminal: SCREENS COMMAND... Stops it once with No, starts it again, and checks what is on the screen."""
import re, sys

from dialogue import hold

screens, command = sys.argv[1], sys.argv[2:]


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


status, text = at_terminal(first)
with open(screens, "w") as file:
    file.write(re.sub("\033\\[[0-9;]*m", "", text))
assert status == 1, (status, text)
assert "1234" not in text, "the PIN is on the screen"
assert "the whole word, with its capital" in text, "yes was taken for Yes"
assert "stopped before step 3 (inventory before), as you said" in text, text
assert "\033[" in text, "no colours on a terminal"
status, text = at_terminal(second)
with open(screens, "a") as file:
    file.write(re.sub("\033\\[[0-9;]*m", "", text))
assert status == 0, (status, text)
assert text.count("was done before") == 2 and text.count("[DONE]") == 6, text
plain = re.sub("\033\\[[0-9;]*m", "", text)
for line in plain.split("\n"):
    assert len(line) <= 80 or line.startswith("The ceremony has ended"), line
print("ok   at the terminal: asked, refused yes for Yes, stopped, went on, ended")
