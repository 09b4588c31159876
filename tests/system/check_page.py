"""The page of `zegel check` in a real browser. check_page.py DIR SHOTS: DIR has page-en.html and page-nl.html; pictures go to SHOTS."""
import sys

from chromium import Chromium

WIDTHS = (320, 768, 1280)
# The contrast of every piece of text with what is behind it (WCAG 2.1, 1.4.3), as [ratio, text] of the worst.
CONTRAST = """(() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgba = color => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
    const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
    let worst = [99, ''];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let n = walk.nextNode(); n; n = walk.nextNode()) {
        if (!n.data.trim()) continue;
        const e = n.parentElement, style = getComputedStyle(e);
        const ink = light(rgba(e instanceof SVGElement ? style.fill : style.color)), paper = light(behind(e));
        const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        if (ratio < worst[0]) worst = [ratio, n.data.trim().slice(0, 40)];
    }
    return worst; })()"""
# Elements whose text is cut off or runs over the edge at the right. What scrolls by itself (.wide) may be wider.
OVER = """[...document.querySelectorAll('body *')].filter(e => !(e instanceof SVGElement) && e.getClientRects().length && !e.parentElement.closest('.wide') &&
    (e.getBoundingClientRect().right > innerWidth + 1 || (!e.closest('.wide, .stack thead') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)))
    .map(e => e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 30))"""
# Two texts of a drawing on top of each other, or one outside it.
CLASH = """[...document.querySelectorAll('svg')].flatMap(s => {
    const t = [...s.querySelectorAll('text')].map(e => [e.getBoundingClientRect(), e.textContent]), box = s.getBoundingClientRect(), bad = [];
    t.forEach(([a, x], i) => {
        if (a.left < box.left - 1 || a.right > box.right + 1 || a.bottom > box.bottom + 1) bad.push(x + ' outside');
        t.slice(i + 1).forEach(([b, y]) => { if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) bad.push(x + ' on ' + y); });
    });
    return bad; })"""
SMALLEST = "Math.min(99, ...[...document.querySelectorAll('svg text')].map(e => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a))"

failed = 0


def expect(what, good, seen=""):
    global failed
    failed += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else f': {seen}'}")


def look(browser, address, language, shots):
    for dark in (False, True):
        for width in WIDTHS:
            name = f"{language} {'dark' if dark else 'light'} {width}"
            browser.screen(width, dark=dark)
            asked = browser.open(address)
            expect(f"{name}: loads nothing but itself", asked == [address], asked)
            complaints = [e["entry"]["text"] for e in browser.take("Log.entryAdded")]
            expect(f"{name}: its own policy lets it be", not complaints, complaints)
            over = browser.run(OVER)
            expect(f"{name}: nothing is cut off or wider than the window", over == [] and browser.run("document.documentElement.scrollWidth") <= width, over)
            expect(f"{name}: texts of drawings are apart", browser.run(CLASH) == [], browser.run(CLASH))
            expect(f"{name}: and can be read", browser.run(SMALLEST) >= 9, browser.run(SMALLEST))
            ratio, text = browser.run(CONTRAST)
            expect(f"{name}: contrast is 4.5 or more", ratio >= 4.5, (ratio, text))
            browser.shot(f"{shots}/check-{language}-{'dark' if dark else 'light'}-{width}.png")


def read_aloud(browser, address, language):
    browser.screen(1280)
    browser.open(address)
    tree = browser.tree()
    roles = [role for role, _ in tree]
    names = {"en": ("Verdict per domain", "Evidence"), "nl": ("Oordeel per domein", "Bewijs")}[language]
    expect(f"{language}: the language is said", browser.run("document.documentElement.lang") == language)
    expect(f"{language}: one heading of the first level", browser.run("document.querySelectorAll('h1').length") == 1)
    levels = browser.run("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    expect(f"{language}: no level is left out", all(b - a <= 1 for a, b in zip(levels, levels[1:])), levels)
    expect(f"{language}: a landmark for the content", "main" in roles and "banner" in roles, set(roles))
    expect(f"{language}: tables with headers for rows and columns", {"table", "columnheader", "rowheader"} <= set(roles), set(roles))
    expect(f"{language}: verdicts come by name", any(r == "heading" and n == names[0] for r, n in tree))
    expect(f"{language}: every drawing has a name", all(n for r, n in tree if r == "image") and "image" in roles)
    expect(f"{language}: results are words, not only colours", browser.run("[...document.querySelectorAll('.badge')].every(b => /[a-z]{4}/.test(b.textContent))"))
    ids = browser.run("[...document.querySelectorAll('[id]')].map(e => e.id)")
    expect(f"{language}: no id twice", len(ids) == len(set(ids)), ids)


def by_keyboard(browser, address):
    browser.screen(1280)
    browser.open(address)
    links = browser.run("document.querySelectorAll('a').length")
    browser.key("Tab", 9)
    expect("keyboard: Tab comes to the first link", browser.run("document.activeElement.tagName") == "A", browser.run("document.activeElement.outerHTML"))
    expect("keyboard: and one sees it", browser.run("getComputedStyle(document.activeElement).outlineStyle") != "none")
    browser.key("Enter", 13)
    expect("keyboard: which leads to its domain", browser.run("location.hash") == "#d0", browser.run("location.hash"))
    browser.open(address)
    browser.run("document.activeElement.blur()")
    for _ in range(links + 1):
        browser.key("Tab", 9)
    expect("keyboard: behind the links come the evidences", browser.run("document.activeElement.tagName") == "SUMMARY", browser.run("document.activeElement.tagName"))
    before = browser.run("document.activeElement.parentElement.open")
    browser.key(" ", 32)
    expect("keyboard: which the space bar opens and closes", browser.run("document.activeElement.parentElement.open") != before)


def without_script(browser, address):
    browser.screen(1280, script=False)
    browser.open(address)
    text = [name for role, name in browser.tree() if role == "StaticText"]
    expect("no script: everything is there", any("gone.live.nl" in t for t in text) and len(text) > 100, len(text))
    browser.screen(1280, media="print")
    browser.open(address)
    expect("on paper: black on white", browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)")


def main(directory, shots):
    with Chromium() as browser:
        for language in ("en", "nl"):
            address = f"file://{directory}/page-{language}.html"
            look(browser, address, language, shots)
            read_aloud(browser, address, language)
        by_keyboard(browser, address)
        without_script(browser, address)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]) != 0)
