#!/usr/bin/env python3
"""Three daemons, scraped by Debian's own Prometheus and VictoriaMetrics with the files of
config/prometheus: what the recording rules say of the fleet is exact over all that was sent."""

import fractions
import json
import math
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import tap
import tools
from daemon import Daemon, environment, request

CONFIG = os.path.join(tools.ROOT, "config", "prometheus")
SEED = int(os.environ.get("TEST_SEED", "20260131"))
FIGURES = ("count", "sum", "mean", "min", "max", "stddev")


# ---- programs ----


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Program:
    """A server on a port of 127.0.0.1; killed at the end, with its log shown if the test failed."""

    def __init__(self, directory, name, *arguments, ready):
        self.port = free_port()
        self.log = os.path.join(directory, name + ".log")
        line = [tools.find(name), *(text.replace("@PORT@", str(self.port)) for text in arguments)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                                            env=environment())
        try:
            tap.wait_until(lambda: self.answers(ready), f"{name} is ready")
        except BaseException:
            self.close(failed=True)
            raise

    def answers(self, path):
        tap.equal(None, self.process.poll(), "exit status")
        try:
            return self.get(path)[0] == 200
        except OSError:
            return False

    def get(self, path):
        reply = request("127.0.0.1", self.port, "GET", path)
        return reply.status, reply.body

    def query(self, expression, path="/api/v1/query"):
        """=> [(labels, value)]"""
        status, body = self.get(path + "?" + urllib.parse.urlencode({"query": expression}))
        tap.equal(200, status, f"status of {expression}: {body[:500]}")
        answer = json.loads(body)
        tap.equal("success", answer["status"], expression)
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]

    def close(self, failed=False):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(tap.DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if failed:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                print("\n".join(f"# {line.rstrip()[:300]}" for line in log.readlines()[-20:]))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(failed=kind is not None)


def prepare(directory, daemons):
    """Our files, as an operator would change them: other targets, and shorter intervals for a test."""
    for name in os.listdir(CONFIG):
        with open(os.path.join(CONFIG, name), encoding="utf-8") as file:
            text = file.read()
        if name == "scrape.yml":
            targets = ", ".join(f'"{host}:{port}"' for host, port in (d.http for d in daemons))
            text, changed = re.subn(r'targets: \[.*\]', f"targets: [{targets}]", text)
            tap.equal(1, changed, "targets lines")
            text = re.sub(r"(scrape_interval|evaluation_interval|scrape_timeout): \w+", r"\1: 1s", text)
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(text)


def prometheus(directory):
    return Program(directory, "prometheus", "--config.file=scrape.yml", "--storage.tsdb.path=prometheus",
                   "--web.listen-address=127.0.0.1:@PORT@", ready="/-/ready")


def victoria(directory):
    return Program(directory, "victoria-metrics", "-promscrape.config=scrape.yml",
                   "-promscrape.config.strictParse=false", "-storageDataPath=victoria",
                   "-httpListenAddr=127.0.0.1:@PORT@", "-search.latencyOffset=0s", "-search.disableCache",
                   ready="/health")


def vmalert(directory, database):
    url = f"http://127.0.0.1:{database.port}"
    return Program(directory, "vmalert", "-rule=rules.yml", f"-datasource.url={url}", f"-remoteWrite.url={url}",
                   "-evaluationInterval=1s", "-remoteWrite.flushInterval=100ms", "-httpListenAddr=127.0.0.1:@PORT@",
                   ready="/health")


# ---- what is sent, and what is true of it ----


def workload(rng):
    """=> {(name, env): [[values for each daemon]]}, of quarters, whose sums are exact doubles."""
    quarter = lambda low, high: rng.randint(4 * low, 4 * high) / 4
    return {
        ("api_latency", "prod"): [[quarter(0, 1000) for _ in range(rng.randint(50, 300))] for _ in range(3)],
        ("api_latency", "test"): [[quarter(0, 10) for _ in range(100)], [], [quarter(5000, 5001) for _ in range(3)]],
        # The mean is 2 * 10^9 times the deviation: sums of squares would have lost it altogether.
        ("far_off", "prod"): [[1e9 + 0.5, 1e9 - 0.5] * 50, [1e9 + 0.5] * 7, [1e9 + 1]],
        ("below_zero", "prod"): [[-quarter(1, 50) for _ in range(40)] for _ in range(3)],
        ("only_one", "prod"): [[], [42.0], []],
    }


def send(daemons, work):
    for number, d in enumerate(daemons):
        lines = [f"{name.replace('_', '.')}:{value!r}|ms|#env:{env}" for (name, env), values in work.items()
                 for value in values[number]]
        d.record(*("\n".join(lines[i:i + 20]) for i in range(0, len(lines), 20)))


def exact(values):
    exactly = [fractions.Fraction(value) for value in values]
    mean = sum(exactly) / len(exactly)
    variance = sum((value - mean) ** 2 for value in exactly) / len(exactly)
    return {"count": len(values), "sum": float(sum(exactly)), "mean": float(mean), "min": min(values),
            "max": max(values), "stddev": math.sqrt(variance)}


def truth(work):
    return {key: exact([value for one in values for value in one]) for key, values in work.items()}


def fleet(database):
    """=> {(name, env): {figure: value}} as the recording rules have it."""
    found = {}
    for figure in FIGURES:
        for labels, value in database.query(f'fleet:stats_{figure}{{job="atomicstatsd"}}'):
            found.setdefault((labels["statsd_name"], labels["env"]), {})[figure] = value
    return found


def differences(expected, actual, digits):
    """Count, sum, min and max are equal to the bit; the mean to so many digits; the deviation to three
    less, and no better than what the last bit of the mean is worth."""
    wrong = []
    for key, figures in expected.items():
        for figure, value in figures.items():
            got = actual.get(key, {}).get(figure)
            tolerance = {"mean": abs(value) * 10.0 ** -digits,
                         "stddev": value * 10.0 ** (3 - digits) + 4 * math.ulp(figures["mean"])}.get(figure, 0)
            if got is None or abs(got - value) > tolerance:
                wrong.append(f"{figure} of {key}: expected {value!r}, actual {got!r}")
    return wrong + [f"unexpected {key}" for key in actual if key not in expected]


def wait_exact(work, ask, what, digits=15):
    expected, last = truth(work), [[]]

    def settled():
        last[0] = differences(expected, ask(), digits)
        return not last[0]

    try:
        tap.wait_until(settled, what)
    except tap.Failure as error:
        tap.fail(f"{error}\n" + "\n".join(last[0][:10]))


class Fleet:
    """Three daemons that have been sent the work, and a directory with the files."""

    def __enter__(self):
        self.daemons = []
        self.temporary = tempfile.TemporaryDirectory(prefix="atomicstatsd-test-")
        self.directory = self.temporary.name
        for _ in range(3):
            self.daemons.append(Daemon())
        self.work = workload(random.Random(SEED))
        send(self.daemons, self.work)
        prepare(self.directory, self.daemons)
        return self

    def __exit__(self, kind, error, trace):
        for d in self.daemons:
            d.__exit__(kind, error, trace)
        self.temporary.cleanup()


# ---- tests ----


def test_the_files_are_valid():
    for arguments in (("config", "scrape.yml"), ("rules", "rules.yml", "rules-top.yml", "alerts.yml")):
        what, *names = arguments
        status, output = tools.promtool("check", what, *(os.path.join(CONFIG, name) for name in names))
        tap.equal(0, status, f"promtool check {what}: {output}")
        tap.check("FAILED" not in output, output)


def test_the_alerts_fire_and_shards_add_up():
    status, output = tools.promtool("test", "rules", os.path.join(HERE, "rules_test.yml"))
    tap.equal(0, status, output)


def test_prometheus_has_the_fleets_exact_figures():
    with Fleet() as f, prometheus(f.directory) as p:
        tap.wait_equal([1.0] * 3, lambda: [value for _, value in p.query('up{job="atomicstatsd"}')], "daemons up")
        wait_exact(f.work, lambda: fleet(p), "the fleet's figures are exact")
        # And they stay so when more comes.
        more = {key: [values[2], values[0], values[1]] for key, values in f.work.items()}
        send(f.daemons, more)
        wait_exact({key: values + more[key] for key, values in f.work.items()}, lambda: fleet(p), "with more values")
        answer = json.loads(p.get("/api/v1/metadata?metric=api_latency")[1])["data"]["api_latency"]
        tap.equal("summary", answer[0]["type"], "the type of api_latency")
        check_dashboard(p)


def check_dashboard(database):
    """Each panel's expression is one that Prometheus understands."""
    with open(os.path.join(CONFIG, "dashboard.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    tap.check(len(expressions) > 15, f"{len(expressions)} expressions")
    empty = 0
    for expression in expressions:
        for variable, value in (("$__rate_interval", "4s"), ("$instance", ".*"), ("${stats}", "api_latency"),
                                ("$stats", "api_latency")):
            expression = expression.replace(variable, value)
        tap.check("$" not in expression.replace('"$1"', ""), f"a variable is left: {expression}")
        empty += not database.query(expression)
    # Nothing is refused, nothing collides, nobody makes progress, there is no state directory.
    tap.check(empty <= 4, f"{empty} panels show nothing")


def test_victoria_metrics_has_the_fleets_exact_figures():
    with Fleet() as f, victoria(f.directory) as v:
        tap.wait_equal([1.0] * 3, lambda: [value for _, value in v.query('up{job="atomicstatsd"}')], "daemons up")
        wait_exact(f.work, lambda: direct(f.directory, v), "the rules' expressions, asked directly, are exact")
        with vmalert(f.directory, v):
            # VictoriaMetrics keeps 12 to 13 decimal digits of what is recorded.
            wait_exact(f.work, lambda: fleet(v), "what vmalert has recorded is exact", digits=12)


def direct(directory, database):
    """=> the same as fleet(), by asking the rules' expressions themselves."""
    with open(os.path.join(directory, "rules.yml"), encoding="utf-8") as file:
        rules = re.findall(r"- record: fleet:stats_(\w+)\n\s+expr: >-\n((?:\s{10,}.*\n)+)", file.read())
    tap.equal(list(FIGURES), [figure for figure, _ in rules], "the rules")
    found = {}
    for figure, expression in rules:
        for labels, value in database.query(" ".join(expression.split())):
            found.setdefault((labels["statsd_name"], labels["env"]), {})[figure] = value
    return found


if __name__ == "__main__":
    tap.main(globals())
