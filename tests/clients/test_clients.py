#!/usr/bin/env python3
"""Real StatsD clients send known values; what the daemon then holds is compared exactly.

Each client makes the same calls in ROUNDS rounds n = 1, 2, …: inc +1, cnt +n, dec -1, time 3n,
gauge n + 0.5, set "user-<n mod 7>", hist, and what else it can do."""

import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

import tap
from daemon import Daemon

ROUNDS = 20  # so few that every socket buffer holds them: a client cannot be slowed down
TOTAL = sum(range(1, ROUNDS + 1))


def send_with(daemon, *command, package):
    done = subprocess.run([*command, str(daemon.udp[0][1]), str(ROUNDS)], cwd=HERE, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=tap.DEADLINE_S * 3)
    tap.equal(0, done.returncode, f"exit status of {package}'s program:\n{done.stdout}\n")


def need(tool, *probe):
    if not shutil.which(tool) or probe and subprocess.run(
            probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        raise tap.Skip(f"{' '.join(probe) or tool} does not run here")


def settled(daemon, lines):
    """=> the stats once this many lines have come in."""
    tap.wait_until(lambda: daemon.ingest()["lines"] >= lines, f"{lines} lines have come in")
    stats = daemon.stats()
    tap.equal((0, 0), (stats["ingest"]["rejected"]["total"], stats["ingest"]["dropped"]["kernel"]),
              "rejected and dropped")
    return stats


def check_common(stats, spell, hist=None, sets=True):
    """`spell` makes a series' id of the name that the program used."""
    counters = stats["counters"]
    tap.equal((ROUNDS, TOTAL, -ROUNDS), tuple(counters.get(spell(name)) for name in ("inc", "cnt", "dec")),
              f"inc, cnt, dec in {sorted(counters)}")
    time = stats["stats"][spell("time")]
    tap.equal((ROUNDS, 3 * TOTAL, 3, 3 * ROUNDS), tuple(time[k] for k in ("count", "sum", "min", "max")), "time")
    tap.equal(ROUNDS + 0.5, stats["gauges"][spell("gauge")], "gauge")
    if sets:
        tap.equal(7, stats["sets"][spell("set")], "set")
    if hist:
        one = stats["stats"][spell("hist")]
        tap.equal((ROUNDS, hist * TOTAL, hist, hist * ROUNDS), tuple(one[k] for k in ("count", "sum", "min", "max")),
                  "hist")


def check_sampled(stats, name, others):
    """The client threw the dice: each value that came stands for two."""
    came = stats["ingest"]["values"] - others
    tap.within(0, ROUNDS, came, "sampled values that came")
    tap.equal(2 * came, stats["counters"].get(name, 0), "the counter sampled at 0.5")


def wait_sampled(daemon, others, name):
    """How many sampled lines come is not known: all are in once the others are, because the last
    line is one of those and one client's lines stay in order."""
    def came():
        stats = daemon.stats()
        return stats["ingest"]["values"] - stats["counters"].get(name, 0) / 2 >= others
    tap.wait_until(came, f"{others} values that are not sampled have come in")


def test_python3_statsd():
    need("/usr/bin/python3", "/usr/bin/python3", "-c", "import statsd")
    with Daemon() as d:
        send_with(d, "/usr/bin/python3", "send.py", package="python3-statsd")
        wait_sampled(d, ROUNDS * 13, "python.half")
        stats = settled(d, ROUNDS * 13)
        check_common(stats, "python.{}".format, hist=1)
        tap.equal(5 + 2 * (ROUNDS - 1), stats["gauges"]["python.level"], "a gauge changed by deltas")
        tap.equal(-ROUNDS, stats["gauges"]["python.negative"], "a negative gauge")
        tap.equal(3 * ROUNDS, stats["counters"]["python.batched"], "a counter sent through a pipeline")
        tap.equal(ROUNDS, stats["stats"]["python.timer"]["count"], "timers")
        check_sampled(stats, "python.half", ROUNDS * 13)


def test_libnet_statsd_perl():
    need("perl", "perl", "-MNet::Statsd", "-e", "1")
    with Daemon() as d:
        send_with(d, "perl", "send.pl", package="libnet-statsd-perl")
        wait_sampled(d, ROUNDS * 7, "perl.half")
        stats = settled(d, ROUNDS * 7)
        check_common(stats, "perl.{}".format, sets=False)
        tap.equal((ROUNDS, ROUNDS), tuple(stats["counters"][f"perl.several{n}"] for n in (1, 2)), "several at once")
        check_sampled(stats, "perl.half", ROUNDS * 7)


def test_ruby_statsd():
    need("ruby", "ruby", "-e", "require 'statsd'")
    with Daemon() as d:
        send_with(d, "ruby", "send.rb", package="ruby-statsd")
        wait_sampled(d, ROUNDS * 8, "ruby.half")
        stats = settled(d, ROUNDS * 8)
        check_common(stats, "ruby.{}".format, hist=1)
        tap.equal(ROUNDS, stats["counters"]["ruby.batched"], "a counter sent in a batch")
        check_sampled(stats, "ruby.half", ROUNDS * 8)


def install():
    """The clients from npm, as package-lock.json has them."""
    need("npm")
    need("node")
    mark = os.path.join(HERE, "node_modules", ".package-lock.json")
    lock = os.path.join(HERE, "package-lock.json")
    if os.path.exists(mark) and os.path.getmtime(mark) >= os.path.getmtime(lock):
        return
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional"], cwd=HERE,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    tap.equal(0, done.returncode, f"exit status of npm ci:\n{done.stdout[-3000:]}\n")


def from_npm(client, lines):
    install()
    d = Daemon()
    try:
        send_with(d, "node", "send.js", client, package=client)
        return settled(d, lines)
    finally:
        d.close()


def test_hot_shots():
    tagged = "{}|#a-b:c d,env:test,global:1"
    # Eight calls a round, an event, a check, and on closing a datagram about itself.
    stats = from_npm("hot-shots", ROUNDS * 8 + 2 + 1)
    own = {name: value for name, value in stats["counters"].items() if name.startswith("datadog.")}
    tap.equal(2, stats["ingest"]["ignored"], "events and checks")
    others = {name: value for name, value in stats["counters"].items() if name not in own}
    check_common({**stats, "counters": others}, tagged.format, hist=0.25)
    dist = stats["stats"][tagged.format("dist")]
    tap.equal((ROUNDS, TOTAL * 1e6), (dist["count"], dist["sum"]), "dist")
    metrics = [value for name, value in own.items() if name.startswith("datadog.dogstatsd.client.metrics|")]
    tap.equal([ROUNDS * 8], metrics, "what hot-shots says that it sent")
    events = [value for name, value in own.items() if ".client.events" in name]
    tap.equal([1], events, "events that hot-shots says that it sent")


def test_node_statsd():
    stats = from_npm("node-statsd", ROUNDS * 7)
    check_common(stats, "pre.{}.post|#env:test,global:1".format, hist=0.25)
    tap.equal(ROUNDS * 7, stats["ingest"]["values"], "values")


def test_lynx():
    stats = from_npm("lynx", ROUNDS * 8)
    check_common(stats, "scope.{}".format)
    tap.equal((ROUNDS, 2 * ROUNDS), tuple(stats["counters"][f"scope.several{n}"] for n in (1, 2)), "several at once")
    tap.equal(ROUNDS * 8, stats["ingest"]["values"], "values")


def test_statsd_client():
    stats = from_npm("statsd-client", ROUNDS * 7)
    check_common(stats, "pre.{}|#a-b:c d,env:test,global:1".format, hist=0.25)
    tap.equal(ROUNDS * 7, stats["ingest"]["values"], "values")


if __name__ == "__main__":
    tap.main(globals())
