"""The status page in a real browser, with what check_page.py asks of any page of ours. status_page.py PORT SHOTS [WORD]: pictures go to SHOTS; WORD must be
in the text."""
import sys

import check_page
from check_page import expect, look
from chromium import Chromium


def read_aloud(browser, address, language):
    browser.screen(1280)
    browser.open(address)
    tree = browser.tree()
    roles = {role for role, _ in tree}
    headings = {"en": ["Faults", "Mail", "Domains and keys", "Last check", "Tokens", "Audit log"], "nl": ["Storingen", "Mail", "Domeinen en sleutels", "Laatste controle", "Tokens", "Auditlog"]}[language]
    expect(f"{language}: the language is said", browser.run("document.documentElement.lang") == language)
    expect(f"{language}: one heading of the first level", browser.run("document.querySelectorAll('h1').length") == 1)
    seen = browser.run("[...document.querySelectorAll('h2')].map(h => h.textContent)")
    expect(f"{language}: its parts", seen == headings, seen)
    expect(f"{language}: landmarks, tables with headers", {"main", "banner", "table", "columnheader", "rowheader"} <= roles, roles)
    expect(f"{language}: every drawing has a name", "image" in roles and all(n for r, n in tree if r == "image"))
    expect(f"{language}: badges are words", browser.run("[...document.querySelectorAll('.badge')].every(b => /[A-Za-z]{4}/.test(b.textContent))"))
    ids = browser.run("[...document.querySelectorAll('[id]')].map(e => e.id)")
    expect(f"{language}: no id twice", len(ids) == len(set(ids)), ids)


def main(port, shots, word):
    with Chromium() as browser:
        for language in ("en", "nl"):
            address = f"http://127.0.0.1:{port}/{language}"
            look(browser, address, language, shots)
            read_aloud(browser, address, language)
            if word:
                expect(f"{language}: {word}", word in browser.run("document.body.textContent"))
        browser.key("Tab", 9)
        expect("keyboard: Tab comes to the other language", browser.run("document.activeElement.hreflang") == "en", browser.run("document.activeElement.outerHTML"))
        browser.key("Enter", 13)
        browser.run("1")
        browser.screen(1280, script=False)
        browser.open(f"http://127.0.0.1:{port}/")
        text = [name for role, name in browser.tree() if role == "StaticText"]
        expect("no script: everything is there", any("example.nl" in t for t in text) and len(text) > 40, len(text))
    return check_page.failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "") != 0)
