#!/bin/bash
# A ceremony as people see it: through a pseudo-terminal of 80 columns, with typed answers and a typed PIN; the interview before it, and
# the checklist it prints.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/ceremony.sh
. "$SYSTEM/ceremony.sh"

need_ceremony_programs cmp gropdf pdfinfo pdftotext
make_work_dir
make_people
A=$WORK/one
prepare "$A" 1 --key example.nl/z1:ed25519 >/dev/null || die "prepare"
approve "$A" alice bob >/dev/null || die "approve"
"$PYTHON" "$SYSTEM/ceremony_terminal.py" "$WORK/screens" "$ROOT/hostd/handbook/ceremony.md" "$BUILD/zegel" ceremony run --state "$WORK/state" "$A" || die "the dialogue"
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
# ---- the checklist as PDF, by groff; what a plan says is no request to groff
P=$WORK/paper
Z prepare --serial 3 --organisation '.sy touch pwned; \*(Tm \(co "van" Zegels' --module "$MODULE" --label zegel --threshold 2 --key example.nl/z1:rsa2048 \
    --key example.nl/z2:ed25519 --custodian "alice=$WORK/people/alice.pem" --custodian "bob=$WORK/people/bob.pem" --custodian "carol=$WORK/people/carol.pem" \
    --administrator "dave=$WORK/people/dave.pem" --dns-operator "frank=$WORK/people/frank.pem" --witness "erin=$WORK/people/erin.pem" \
    --transcript "transcript-key=$WORK/people/transcript-key.pem" "$P" >/dev/null || die "prepare paper"
verdict "script.pdf is a PDF" "" test "$(head -c 5 "$P/script.pdf")" = %PDF-
verdict "of two pages of A4" "$(pdfinfo "$P/script.pdf" | grep -E '^(Pages|Page size):')" \
    test "$(pdfinfo "$P/script.pdf" | grep -E '^(Pages|Page size):' | tr -s ' \n' ' ')" = "Pages: 2 Page size: 595 x 842 pts (A4) "
pdftotext -layout "$P/script.pdf" "$WORK/paper.txt"
printed() { tr -s ' \n' ' ' <"$WORK/paper.txt" | grep -qF -- "$1"; } # TEXT: on paper, however the lines are broken
while read -r line; do
    verdict "on paper: $line" "" printed "$line"
done <<TEXT
Key ceremony 3: generate
.sy touch pwned; \\*(Tm \\(co "van" Zegels. Valid
$(sha256sum "$P/plan.json" | cut -c1-32 | sed 's/..../& /g;s/ $//')
custodian (2 of 3 approve) carol
zegel ceremony run DIR
STEP 4 of 7: key example.nl/z1. Generate this rsa2048
STEP 7 of 7: response. Write response.json
E3
TEXT
steps=$(grep -cE '^ *[0-9]+  +[a-zA-Z]' "$WORK/paper.txt")
verdict "every step has a line" "$steps" test "$steps" -eq "$(grep -cE '^\| [0-9]+ \|' "$P/script.md")"
[ ! -e "$P/pwned" ] || not_ok "script.pdf" "the plan ran a command"

conclude
