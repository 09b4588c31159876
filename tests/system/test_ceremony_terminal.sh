#!/bin/bash
# A ceremony as people see it: through a pseudo-terminal of 80 columns, with typed answers and a typed PIN; the interview before it, and
# the checklist it prints.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs cmp
make_work_dir
make_people
A=$WORK/one
prepare "$A" 1 --key example.nl/z1:ed25519 >/dev/null || die "prepare"
approve "$A" alice bob >/dev/null || die "approve"
"$PYTHON" "$SYSTEM/ceremony_terminal.py" "$WORK/screens" "$BUILD/zegel" ceremony run --state "$WORK/state" "$A" || die "the dialogue"
{ seal "$A" && approve "$A" alice bob erin; } >/dev/null || die "seal"
accepted "verify, by the separate program" env -i "$BUILD/zegel-ceremony-verify" --trust "$WORK/people/trust.pem" "$A"

# ---- the interview, and the checklist as it goes to a printer
"$PYTHON" "$SYSTEM/ceremony_interview.py" "$BUILD/zegel" "$WORK" "$MODULE" || die "the interview"
I=$WORK/interview
accepted "what it wrote keeps every rule" Z lint "$I/plan.yaml"
grep -qF 'organisation: "Ministerie \"van\" Zegels"' "$I/plan.yaml" || not_ok "the interview" "another organisation"
{ rm -f "$I/script.pdf" && approve "$I" alice carol && run "$I" --previous "$A" && seal "$I" && approve "$I" alice carol erin; } >/dev/null || die "hold what it planned"
accepted "and is a plan that can be held" Z verify --previous "$A" --trust "$WORK/people/trust.pem" "$I"
printf x >>"$I/script.md"
refused "verify, by the separate program: a change" 1 'script.md was changed' "$BUILD/zegel-ceremony-verify" "$I"
truncate -s -1 "$I/script.md"
"$PYTHON" - "$I/script.md" "$I/script.html" <<'PY' || not_ok "script.html" "see above"
import html.parser, re, sys
class Page(html.parser.HTMLParser):
    open, rows, boxes = [], 0, 0
    def handle_starttag(self, tag, attrs):
        self.rows += tag == "tr"
        self.boxes += ("class", "tick") in attrs
        assert tag not in ("script", "link", "img", "iframe"), tag
        if tag != "meta":
            self.open.append(tag)
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
markdown, page = open(sys.argv[1]).read(), open(sys.argv[2]).read()
p = Page()
p.feed(page)
assert p.open == [], p.open
lines = [l for l in markdown.splitlines() if l.startswith("|") and not l.startswith("| --")]
assert p.rows == len(lines) and p.boxes == markdown.count("[ ]") > 10, (p.rows, len(lines), p.boxes)
assert not re.search(r"https?://|\*\*|`", page), "markup is left, or something from elsewhere"
PY
if [ -n "${SHOW:-}" ]; then cat "$WORK/screens"; fi
conclude
