#!/usr/bin/env python3
"""The whole daemon under garbage, from outside: bent datagrams, bent requests, and readers meanwhile.

    tests/fuzz/fuzz_daemon.py [--seconds N] [--seed N]

ATOMICSTATSD names the daemon, which should be a sanitized one. In turn, datagrams come no faster than
the kernel holds them, and what the daemon counts must be what the reference implementation counts,
line for line; or they come to a daemon that is stopped, until the kernel drops some, and what was sent
must be what was received and dropped. Checkpoints are written meanwhile, and in the end the next daemon
must hold the same. Prints TAP, and the seed, which makes the same datagrams."""

import argparse
import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import bend
import reference
import tap
from daemon import Daemon, udp_socket
from stranger import strict

ROUND = 300  # datagrams
PORTS = 8  # so that each of the threads gets some
ASIDE = ("datagrams", "bytes", "lines", "values", "ignored")
sys.set_int_max_str_digits(0)  # the reference reads numbers of any length


class Counts(reference.Model):
    """The reference's figures without its series."""

    def _record(self, *_):
        pass


# ---- reading ----


class Reader:
    """Walks all that can be read. What only grows must never shrink."""

    PATHS = ("/stats", "/server", "/progress", "/stats?name=*a*&pretty", "/stats?type=stats,sets", "/stats/steady")

    def __init__(self, daemon):
        self.daemon = daemon
        self.replies = 0
        self.last = {}

    def step(self):
        reply = self.daemon.get(self.PATHS[self.replies % len(self.PATHS)])
        tap.equal(200, reply.status, "status")
        told = strict(reply.body)
        self.replies += 1
        ingest = told["ingest"]
        if "rejected" in ingest:
            self.grows("ingest", {**{key: ingest[key] for key in ASIDE}, **ingest["rejected"],
                                  "dropped": ingest["dropped"]["kernel"]})
        self.grows("stats", {name: figures["count"] for name, figures in told.get("stats", {}).items()})
        self.grows("steady", {name: value for name, value in told.get("counters", {}).items() if name == "steady"})

    def grows(self, what, figures):
        last = self.last.setdefault(what, {})
        for name, value in figures.items():
            before = last.get(name)
            if before is not None and value is not None:
                tap.check(value >= before, f"{what} {name} went from {before} to {value}")
        last.update(figures)


# ---- meanwhile ----


class Meanwhile(threading.Thread):
    """Takes steps until it is told to stop; the first failure is raised in stop()."""

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step, self.failure, self.ending = step, None, threading.Event()
        self.start()

    def run(self):
        try:
            while not self.ending.is_set():
                self.step()
        except Exception as failure:
            self.failure = failure

    def stop(self):
        self.ending.set()
        self.join()
        self.check()

    def check(self):
        if self.failure is not None:
            raise self.failure


class Strangers:
    """A process that sends bent requests."""

    def __init__(self, daemon, seed):
        host, port = daemon.http
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "stranger.py"), host, str(port), str(seed)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def stop(self):
        """=> what it has to say."""
        said = self.process.communicate(timeout=tap.DEADLINE_S)[0]
        tap.equal(0, self.process.returncode, f"exit status of what sends requests, which says:\n{said}\n")
        return said.strip()

    def check(self):
        if self.process.poll() is not None:
            self.stop()

    def close(self):
        self.process.kill()
        self.process.communicate()


# ---- datagrams ----


class Sender:
    def __init__(self, daemon):
        self.daemon = daemon
        self.sockets = [udp_socket() for _ in range(PORTS)]
        self.sent = 0
        granted = min(sock["receive_buffer"]["granted_bytes"] for thread in daemon.server()["ingest"]["threads"]
                      for sock in thread["sockets"])
        self.window = granted // 4  # in the kernel's bytes, should all go to one socket

    def send(self, data):
        self.sockets[self.sent % PORTS].sendto(data, self.daemon.udp[0])
        self.sent += 1

    def settle(self):
        """Waits until all is in or dropped. => the figures then."""
        def ask():
            ingest = self.daemon.ingest()
            arrived[0] = ingest
            return ingest["datagrams"] + ingest["dropped"]["kernel"]

        arrived = [None]
        tap.wait_equal(self.sent, ask, "datagrams and dropped")
        return arrived[0]

    def gently(self, data):
        flight = 0
        for datagram in data:
            cost = 2 * len(datagram) + 1300
            if flight and flight + cost > self.window:
                self.settle()
                flight = 0
            flight += cost
            self.send(datagram)
        return self.settle()

    def flood(self, data):
        """To a daemon that is stopped: more than the kernel holds for it."""
        self.daemon.send_signal(signal.SIGSTOP)
        try:
            total = 0
            for datagram in itertools.cycle(data):
                self.send(datagram)
                total += 832 + len(datagram)
                if total > 3 * PORTS * self.window:
                    break
        finally:
            self.daemon.send_signal(signal.SIGCONT)
        return self.settle()

    def close(self):
        for sock in self.sockets:
            sock.close()


def difference(before, after):
    """=> what counts() of the reference has."""
    return {**{key: after[key] - before[key] for key in ASIDE},
            "rejected": {key: after["rejected"][key] - before["rejected"][key] for key in after["rejected"]}}


def counts_of(data):
    model = Counts()
    for datagram in data:
        model.datagram(datagram)
    return model.counts()


def blame(sender, data):
    """Which of them is counted otherwise: one by one."""
    for datagram in data:
        before = sender.settle()
        actual = difference(before, sender.gently([datagram]))
        if actual != counts_of([datagram]):
            return f"{reference.escape(datagram)}: expected {counts_of([datagram])}, actual {actual}"
    return "each alone is as expected"


def exactly(sender, data):
    before = sender.settle()
    after = sender.gently(data)
    tap.equal(before["dropped"], after["dropped"], "dropped, though the kernel has room")
    if difference(before, after) != counts_of(data):
        tap.fail(f"expected {counts_of(data)}, actual {difference(before, after)}; {blame(sender, data)}")


def is_plain(datagram):
    """No line has several values: then lines and values can be added up without knowing which came."""
    counts = counts_of([datagram])
    return counts["lines"] == counts["values"] + counts["rejected"]["total"] + counts["ignored"]


def overflowing(sender, data):
    before = sender.settle()
    after = sender.flood([datagram for datagram in data if len(datagram) < 2000 and is_plain(datagram)])
    got = difference(before, after)
    tap.equal(got["lines"], got["values"] + got["rejected"]["total"] + got["ignored"], "recorded, rejected and ignored")
    return after["dropped"]["kernel"] - before["dropped"]["kernel"]


def rounds(seconds, seed, sender, others):
    """=> how many rounds there were, and how many datagrams were dropped."""
    seeds = bend.datagrams()
    lines = [line for data in seeds for line in data.split(b"\n") if line]
    end, dropped, number = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end or number == 0:
        rng = random.Random(f"{seed}/{number}")
        data = [b"steady:1|c"] + [bend.bent_datagram(rng, seeds, lines) for _ in range(ROUND)]
        exactly(sender, data)
        dropped += overflowing(sender, data)
        for other in others:
            other.check()
        number += 1
    return number, dropped


def held(daemon):
    stats = daemon.stats()
    return {section: stats[section] for section in reference.SECTIONS}


def alike(before, after):
    """Of stats that several threads had a part in, the last digits depend on how they are put together."""
    if not isinstance(before, dict) or "stddev" not in before or not isinstance(after, dict) \
            or None in (*before.values(), *after.values()):
        return before == after
    size = max(abs(before["min"]), abs(before["max"]))
    scale = {"stddev": size, "mean": size, "sum": size * before["count"]}
    return all(abs(before[key] - after[key]) <= 1e-9 * max(abs(before[key]), scale.get(key, 0)) for key in before)


def fuzz(seconds, seed):
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        config = {"ingest": {"receive_buffer_bytes": 1 << 18}, "limits": {"max_series": 20000000},
                  "state": {"directory": os.path.join(directory, "state"), "checkpoint_s": 1}}
        before = garbage(config, seconds, seed)
        with Daemon("--threads", "2", config=config) as d:
            after = held(d)
            for section in reference.SECTIONS:
                wrong = [f"{name}: {value} before, {after[section].get(name)} after" for name, value
                         in before[section].items() if not alike(value, after[section].get(name))]
                tap.equal([], wrong[:10], f"what differs in {section} in the next daemon")
                tap.equal(len(before[section]), len(after[section]), f"how many {section} the next daemon has")


def garbage(config, seconds, seed):
    """=> what the daemon holds in the end."""
    with Daemon("--threads", "4", config=config) as d, contextlib.ExitStack() as open_things:
        reader, sender = Reader(d), Sender(d)
        strangers = Strangers(d, seed)
        open_things.callback(strangers.close)
        open_things.callback(sender.close)
        sender.gently([b"steady:1|c"])
        walk = Meanwhile(reader.step)
        open_things.callback(walk.ending.set)
        number, dropped = rounds(seconds, seed, sender, (walk, strangers))
        walk.stop()
        print(f"# {number} rounds: {sender.sent} datagrams, {dropped} of them dropped; {reader.replies} replies; "
              + strangers.stop())
        tap.equal(200, d.get("/healthz").status, "status of /healthz")
        tap.check(dropped > 0 and reader.replies > 0, "nothing was dropped, or nobody has read")
        tap.check(len(d.log()) < 20 + seconds // 10, "the log:\n" + "\n".join(d.log()[:100]))
        return held(d)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    options = parser.parse_args()
    sys.argv[1:] = []
    print(f"# --seed {options.seed}")

    def test_the_daemon_under_garbage():
        fuzz(options.seconds, options.seed)

    tap.main({"test_the_daemon_under_garbage": test_the_daemon_under_garbage})


if __name__ == "__main__":
    main()
