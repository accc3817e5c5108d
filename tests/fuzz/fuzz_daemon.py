#!/usr/bin/env python3
"""The whole daemon under garbage, from outside: bent datagrams, bent requests, and readers meanwhile.

    tests/fuzz/fuzz_daemon.py [--seconds N] [--seed N]

ATOMICSTATSD names the daemon, which should be a sanitized one. In turn, datagrams come no faster than
the kernel holds them, and what the daemon counts must be what the reference implementation counts,
line for line; or they come to a daemon that is stopped, until the kernel drops some, and what was sent
must be what was received and dropped. Halfway it is killed, in the end stopped, and each time the next one
must hold the same. Prints TAP, and the seed, which makes the same datagrams."""

import argparse
import contextlib
import itertools
import os
import random
import signal
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import bend
import reference
import tap
from daemon import Daemon, udp_socket
from meanwhile import FIGURES, Meanwhile, Reader, Strangers

ROUND = 300  # datagrams
PORTS = 8  # so that each of the threads gets some
sys.set_int_max_str_digits(0)  # the reference reads numbers of any length


class Counts(reference.Model):
    """The reference's figures without its series."""

    def _record(self, *_):
        pass


# ---- datagrams ----


class Sender:
    def __init__(self, daemon):
        self.daemon = daemon
        self.sockets = [udp_socket() for _ in range(PORTS)]
        before = daemon.ingest()
        self.sent = before["datagrams"] + before["dropped"]["kernel"]
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
    return {**{key: after[key] - before[key] for key in FIGURES},
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


def compare(before, after):
    for section in reference.SECTIONS:
        wrong = [f"{name}: {value} before, {after[section].get(name)} after" for name, value
                 in before[section].items() if not alike(value, after[section].get(name))]
        tap.equal([], wrong[:10], f"what differs in {section} in the next daemon")
        tap.equal(len(before[section]), len(after[section]), f"how many {section} the next daemon has")


def fuzz(seconds, seed):
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        config = {"ingest": {"receive_buffer_bytes": 1 << 18}, "limits": {"max_series": 20000000},
                  "state": {"directory": os.path.join(directory, "state"), "checkpoint_s": 1}}
        before = {section: {} for section in reference.SECTIONS}
        for number, threads in (signal.SIGKILL, "4"), (signal.SIGTERM, "3"):
            before = garbage(config, threads, before, seconds / 2, f"{seed}/{threads}", number)
        with Daemon("--threads", "2", config=config) as d:
            compare(before, held(d))


def garbage(config, threads, before, seconds, seed, number):
    """One daemon's life, which begins with what the one before had and ends with this signal.
    => what it holds in the end."""
    with Daemon("--threads", threads, config=config) as d, contextlib.ExitStack() as open_things:
        compare(before, held(d))
        sender = Sender(d)
        open_things.callback(sender.close)
        sender.gently([b"steady:1|c"])
        reader, strangers = Reader(d), Strangers(d, seed)
        open_things.callback(strangers.close)
        walk = Meanwhile(reader.step)
        open_things.callback(walk.ending.set)
        turns, dropped = rounds(seconds, seed, sender, (walk, strangers))
        walk.stop()
        print(f"# {turns} rounds: {sender.sent} datagrams, {dropped} of them dropped; {reader.replies} replies; "
              + strangers.stop())
        tap.equal(200, d.get("/healthz").status, "status of /healthz")
        tap.check(dropped > 0 and reader.replies > 0, "nothing was dropped, or nobody has read")
        tap.check(len(d.log()) < 20 + seconds // 10, "the log:\n" + "\n".join(d.log()[:100]))
        result = held(d)
        if number == signal.SIGKILL:
            d.send_signal(number)
            tap.equal(-number, d.wait_exit(), "exit status")
            d.process.returncode = 0  # as it should be
        return result


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
