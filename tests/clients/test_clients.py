#!/usr/bin/env python3
"""Real StatsD clients send known values; what the daemon then holds is compared exactly.

Each client makes the same calls in ROUNDS rounds n = 1, 2, …: inc +1, cnt +n, dec -1, time 3n,
gauge n + 0.5, set "user-<n mod 7>", hist, and what else it can do."""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

import tap
from daemon import Daemon

ROUNDS = 20  # so few that every socket buffer holds them: a client cannot be slowed down
TOTAL = sum(range(1, ROUNDS + 1))


def where(daemon):
    """=> the port, or the path, that a client is to send to: the only one, or what comes beside UDP."""
    return daemon.unix[0] if daemon.unix else str((daemon.tcp or daemon.udp)[0][1])


def send_with(daemon, *command, package):
    done = subprocess.run([*command, where(daemon), str(ROUNDS)], cwd=HERE, stdin=subprocess.DEVNULL,
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


def python3_statsd(kind, **options):
    need("/usr/bin/python3", "/usr/bin/python3", "-c", "import statsd")
    with Daemon(**options) as d:
        send_with(d, "/usr/bin/python3", "send.py", kind, package="python3-statsd")
        wait_sampled(d, ROUNDS * 13, "python.half")
        stats = settled(d, ROUNDS * 13)
        check_common(stats, "python.{}".format, hist=1)
        tap.equal(5 + 2 * (ROUNDS - 1), stats["gauges"]["python.level"], "a gauge changed by deltas")
        tap.equal(-ROUNDS, stats["gauges"]["python.negative"], "a negative gauge")
        tap.equal(3 * ROUNDS, stats["counters"]["python.batched"], "a counter sent through a pipeline")
        tap.equal(ROUNDS, stats["stats"]["python.timer"]["count"], "timers")
        check_sampled(stats, "python.half", ROUNDS * 13)
        return stats["ingest"]


def test_python3_statsd():
    python3_statsd("udp")


def test_python3_statsd_over_tcp():
    tap.equal(0, python3_statsd("tcp", tcp=("127.0.0.1:0",))["datagrams"], "datagrams")


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
    status, said = npm("ci", "--no-audit", "--no-fund", "--ignore-scripts")
    tap.equal(0, status, f"exit status of npm ci:\n{said[-3000:]}\n")


def npm(*arguments):
    # Where node's headers are installed, as by Debian's libnode-dev: they are not to be downloaded.
    done = subprocess.run(["npm", *arguments], cwd=HERE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={**os.environ, "npm_config_nodedir": "/usr"})
    return done.returncode, done.stdout


def install_unix_dgram():
    """hot-shots' optional way to a Unix socket has to be compiled, for the node that runs it."""
    install()
    if not os.path.exists(os.path.join(HERE, "node_modules", "unix-dgram", "build", "Release", "unix_dgram.node")):
        status, said = npm("rebuild", "unix-dgram")
        if status != 0:
            raise tap.Skip(f"unix-dgram cannot be compiled (libnode-dev, g++): {' '.join(said[-600:].split())}")
    done = subprocess.run(["node", "-e", "require('unix-dgram')"], cwd=HERE, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise tap.Skip(f"unix-dgram does not fit this node: {' '.join(done.stdout[:600].split())}")


def from_npm(client, lines, **options):
    install()
    d = Daemon(**options)
    try:
        send_with(d, "node", "send.js", client, package=client)
        return settled(d, lines)
    finally:
        d.close()


def hot_shots(client, **options):
    tagged = "{}|#a-b:c d,env:test,global:1"
    # Eight calls a round, an event, a check, and on closing nine lines about itself.
    stats = from_npm(client, ROUNDS * 8 + 2 + 9, **options)
    own = {name: value for name, value in stats["counters"].items() if name.startswith("datadog.")}
    tap.equal((ROUNDS * 8 + 2 + 9, 2), (stats["ingest"]["lines"], stats["ingest"]["ignored"]), "lines; events and checks")
    others = {name: value for name, value in stats["counters"].items() if name not in own}
    check_common({**stats, "counters": others}, tagged.format, hist=0.25)
    dist = stats["stats"][tagged.format("dist")]
    tap.equal((ROUNDS, TOTAL * 1e6), (dist["count"], dist["sum"]), "dist")
    metrics = [value for name, value in own.items() if name.startswith("datadog.dogstatsd.client.metrics|")]
    tap.equal([ROUNDS * 8], metrics, "what hot-shots says that it sent")
    events = [value for name, value in own.items() if ".client.events" in name]
    tap.equal([1], events, "events that hot-shots says that it sent")
    return stats["ingest"]


def test_hot_shots():
    hot_shots("hot-shots")


def test_hot_shots_over_tcp():
    tap.equal(0, hot_shots("hot-shots-tcp", tcp=("127.0.0.1:0",))["datagrams"], "datagrams")


def test_hot_shots_into_a_stream_of_its_user():
    tap.equal(0, hot_shots("hot-shots-stream", tcp=("127.0.0.1:0",))["datagrams"], "datagrams")


def test_hot_shots_over_a_unix_socket():
    install_unix_dgram()
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        hot_shots("hot-shots-uds", unix=os.path.join(directory, "dsd.socket"))


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
