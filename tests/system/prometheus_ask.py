#!/usr/bin/python3
"""A Prometheus of our own scrapes zegel-status; then every expression of the dashboard and every rule is evaluated by it: prometheus_ask.py STATUS_PORT PORT WORK
Prints what fails, and which expressions have nothing to show on this day. Exit status: 1 when one fails, or when most show nothing."""
import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request

status_port, port, work = sys.argv[1:4]
with open(f"{work}/prometheus.yml", "w") as f:
    f.write(f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{sys.path[0]}/../../hostd/prometheus/zegel.rules.yml]\n"
            f"scrape_configs:\n  - {{job_name: zegel, static_configs: [{{targets: ['127.0.0.1:{status_port}']}}]}}\n")


def ask(path, **query):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as e:
        return {"error": e.read().decode()}


def until(good, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if good():
                return True
        except OSError:
            pass
        time.sleep(0.2)
    return False


log = open(f"{work}/log/prometheus", "w")
prometheus = subprocess.Popen(["prometheus", f"--config.file={work}/prometheus.yml", f"--storage.tsdb.path={work}/prometheus", f"--web.listen-address=127.0.0.1:{port}"],
                              stdout=log, stderr=log)
failed = 0
try:
    if not until(lambda: any(float(r["value"][1]) >= 3 for r in ask("query", query="count_over_time(zegel_build_info[1m])").get("result", []))):
        sys.exit("Prometheus has not scraped zegel-status")
    dashboard = json.load(open(f"{sys.path[0]}/../../hostd/prometheus/zegel-dashboard.json"))
    shown = empty = 0
    for expr in [t["expr"] for p in dashboard["panels"] for t in p["targets"]]:
        data = ask("query", query=expr.replace("$instance", ".*").replace("$__rate_interval", "1m"))
        failed += "error" in data
        if "error" in data:
            print(f"FAIL {expr}: {data['error']}")
        elif data["result"]:
            shown += 1
        else:
            empty += 1
            print(f"     nothing today: {expr}")
    rules = []
    until(lambda: all(r["health"] == "ok" for g in ask("rules")["groups"] for r in g["rules"]))
    for rule in [r for g in ask("rules")["groups"] for r in g["rules"]]:
        rules.append(rule["name"])
        if rule["health"] != "ok":
            failed += 1
            print(f"FAIL {rule['name']}: {rule.get('lastError', rule['health'])}")
    if [a for a in ask("alerts")["alerts"] if a["state"] == "firing" and a["labels"]["alertname"] == "ZegelDown"] or not rules:
        failed += 1
        print(f"FAIL rules: {rules}, and Zegel is not down")
    unknown = [name for name in sorted(set(re.findall(r"zegel_[a-z_]+", json.dumps(dashboard)))) if not ask("query", query=f"count({name})")["result"]]
    print(f"{shown} expressions of the dashboard show something, {empty} nothing, {failed} fail; {len(rules)} rules evaluated; without a series today: {unknown}")
finally:
    prometheus.terminate()
    prometheus.wait(30)
sys.exit(failed > 0 or shown <= empty)
