"""report.py FIGURES PAGE HOW: the figures as text on standard output, those with a goal last; the same and the plots as a page that
needs nothing but itself. Exits 0: a goal that is missed is told, not an error."""
import html
import json
import sys

STYLE = """
:root { color-scheme: light dark; --line: #8886 } body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid var(--line) }
td.number { text-align: right; font-variant-numeric: tabular-nums } .fail { font-weight: bold } figure { margin: 2rem 0; overflow-x: auto }
svg { max-width: 100%; height: auto } svg text { fill: currentColor; font: 13px system-ui, sans-serif }
"""
MARKS = ("#2a6fb0", "#c2571a", "#5b8c3a", "#8a4fa3")
DASHES = ("", "6 4", "2 3", "8 3 2 3")  # colour is never the only sign
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 320, 70, 190, 20, 40


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def verdict(figure):
    met = figure["value"] >= figure["goal"] if figure["sense"] == ">=" else figure["value"] <= figure["goal"]
    return "PASS" if met else "FAIL"


def text(figures, because):
    for f in figures:
        if "goal" not in f:
            print(f"{f['figure']}: {number(f['value'])} {f['unit']}")
    print()
    for f in figures:
        if "goal" in f:
            print(f"{f['figure']:<76} {number(f['value']):>8} {f['unit']:<3} goal {f['sense']} {f['goal']:<6} {verdict(f)}")
            if verdict(f) == "FAIL" and f["figure"] in because:
                print(f"    why: {because[f['figure']]}")


def rows(figures):
    for f in figures:
        goal = f"{f['sense']} {f['goal']}" if "goal" in f else ""
        met = verdict(f) if "goal" in f else ""
        yield (f"<tr><td>{html.escape(f['figure'])}</td><td class=number>{number(f['value'])} {html.escape(f['unit'])}</td>"
               f"<td>{html.escape(goal)}</td><td class={met.lower() or 'none'}>{met}</td></tr>")


def svg(title, series):
    """One plot; equal steps between the x values, whatever they are: they grow by factors, or are names."""
    steps = list(dict.fromkeys(x for points in series.values() for x, _ in points))
    most = max(y for points in series.values() for _, y in points) or 1
    across = (WIDTH - LEFT - RIGHT) / max(len(steps) - 1, 1)
    place = {x: LEFT + i * across for i, x in enumerate(steps)}

    def height(y):
        return HEIGHT - BOTTOM - y / most * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">']
    for part in range(5):
        y = most * part / 4
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height(y):.1f}" y2="{height(y):.1f}" stroke="#8884"/>'
                   f'<text x="{LEFT - 8}" y="{height(y) + 4:.1f}" text-anchor="end">{number(y)}</text>')
    for x in steps:
        out.append(f'<text x="{place[x]:.1f}" y="{HEIGHT - 14}" text-anchor="middle">{html.escape(str(x))}</text>')
    for i, (name, points) in enumerate(series.items()):
        colour, dash = MARKS[i % len(MARKS)], DASHES[i % len(DASHES)]
        line = " ".join(f"{place[x]:.1f},{height(y):.1f}" for x, y in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        out += [f'<circle cx="{place[x]:.1f}" cy="{height(y):.1f}" r="3.5" fill="{colour}"><title>{number(y)}</title></circle>' for x, y in points]
        at = TOP + 16 + i * 20
        out.append(f'<line x1="{WIDTH - RIGHT + 12}" x2="{WIDTH - RIGHT + 44}" y1="{at - 4}" y2="{at - 4}" stroke="{colour}" stroke-width="2" '
                   f'stroke-dasharray="{dash}"/><text x="{WIDTH - RIGHT + 50}" y="{at}">{html.escape(name)}</text>')
    return "".join(out) + "</svg>"


def page(figures, points, how):
    plots = {}
    for p in points:
        plots.setdefault(p["plot"], {}).setdefault(p["series"], []).append((p["x"], p["y"]))
    drawn = "".join(f"<figure><figcaption>{html.escape(t)}</figcaption>{svg(t, s)}</figure>" for t, s in plots.items())
    goals = "".join(rows([f for f in figures if "goal" in f]))
    rest = "".join(rows([f for f in figures if "goal" not in f]))
    head = "<tr><th scope=col>figure<th scope=col>measured<th scope=col>goal<th scope=col>"
    return (f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>Zegel: make bench</title><style>{STYLE}</style><h1>Zegel: make bench</h1><p>{html.escape(how)}; medians of runs in turns on "
            f"one machine.</p><h2>Goals</h2><table>{head}{goals}</table><h2>Plots</h2>{drawn}<h2>Other figures</h2><table>{head}{rest}</table></html>\n")


def main():
    figures_file, page_file, how = sys.argv[1:]
    with open(figures_file, encoding="utf-8") as lines:
        all_of_them = [json.loads(line) for line in lines]
    figures = [f for f in all_of_them if "figure" in f]
    text(figures, {b["because"]: b["text"] for b in all_of_them if "because" in b})
    with open(page_file, "w", encoding="utf-8") as out:
        out.write(page(figures, [p for p in all_of_them if "plot" in p], how))
    print(f"\n{how}; {page_file}")


main()
