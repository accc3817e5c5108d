#!/usr/bin/env python3
"""Traffic of all kinds of which is known to the last value what a daemon must hold after it.

A Traffic is a number of datagrams, the same for the same seed. It can be sent in any order, any number of
times each, over any number of sockets, also as lines of a stream: what comes out depends only on how often each was
sent.

Run as a program it sends until its standard input ends, and then prints how often it has sent each."""

import contextlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time

import tap

SOCKETS = 16


class Traffic:
    def __init__(self, seed, names=1000, datagrams=600):
        self._random = random.Random(seed)
        self.names = names
        self.datagrams = []
        self.effects = []
        for number in range(datagrams):
            lines = 1 if number % 2 else self._random.randint(2, 20)
            pairs = [self._line() for _ in range(lines)]
            self.datagrams.append("\n".join(line for line, _ in pairs).encode())
            self.effects.append([effect for _, effect in pairs])

    def _line(self):
        """=> a line, and what it does: (section, name, values)."""
        rng, number = self._random, self._random.randrange(self.names)
        kind = rng.choice(("ms", "ms", "ms tags", "c", "c", "c rate", "g", "s", "f", "p", "bad", "event"))
        values = [rng.randint(-1000, 1000) for _ in range(rng.choice((1, 1, 1, 3, 8)))]
        packed = ":".join(map(str, values))
        if kind == "ms":
            return f"t{number}:{packed}|ms", ("stats", f"t{number}", values)
        if kind == "ms tags":
            tags = ["b:2", f"a:{number % 7}", "c"]
            rng.shuffle(tags)
            return f"t{number}:{packed}|h|#{','.join(tags)}", ("stats", f"t{number}|#a:{number % 7},b:2,c", values)
        if kind == "c":
            return f"c{number}:{packed}|c", ("counters", f"c{number}", values)
        if kind == "c rate":
            return f"c{number}:{packed}|c|@0.5", ("counters", f"c{number}", [2 * v for v in values])
        if kind == "g":
            return f"g{number}:{':'.join(f'{v:+d}' for v in values)}|g", ("gauges", f"g{number}", values)
        if kind == "s":
            return f"s{number % 50}:{values[0] % 100}|s", ("sets", f"s{number % 50}", [values[0] % 100])
        if kind == "f":
            return f"f{number}:{number % 2}|f", ("flags", f"f{number}", [bool(number % 2)])
        if kind == "p":
            return f"p{number}:+{abs(values[0])}|p", ("progress", f"p{number}", [abs(values[0])])
        if kind == "bad":
            return f"x{number}:one|c", ("bad_value", None, [])
        return "_e{1,1}:a|b", ("ignored", None, [])

    def stream(self):
        """=> all of it as lines, each datagram once."""
        return b"".join(datagram + b"\n" for datagram in self.datagrams)

    def expected_of_streams(self, times):
        """=> as expected(), after `times` streams."""
        series, ingest = self.expected([times] * len(self.datagrams))
        newlines = ingest["datagrams"]  # each has one more than the datagram
        return series, {**ingest, "datagrams": 0, "bytes": ingest["bytes"] + newlines}

    def expected(self, times):
        """=> what a daemon holds after each datagram was sent so many times; and its figures."""
        series = {section: {} for section in ("stats", "counters", "gauges", "sets", "flags", "progress")}
        ingest = {"datagrams": sum(times), "bytes": 0, "lines": 0, "values": 0, "ignored": 0, "bad_value": 0}
        for datagram, effects, count in zip(self.datagrams, self.effects, times):
            ingest["bytes"] += count * len(datagram)
            for section, name, values in effects if count else ():
                ingest["lines"] += count
                ingest["values"] += count * len(values)
                if name is None:
                    ingest[section] += count
                else:
                    _add(series[section], name, values, count)
        return {section: {name: _result(section, what) for name, what in names.items()}
                for section, names in series.items()}, ingest


def _add(names, name, values, count):
    what = names.setdefault(name, {"count": 0, "sum": 0, "all": set()})
    what["count"] += count * len(values)
    what["sum"] += count * sum(values)
    what["all"].update(values)


def _result(section, what):
    if section == "stats":
        return (what["count"], what["sum"], min(what["all"]), max(what["all"]))
    if section == "sets":
        return len(what["all"])
    return all(what["all"]) if section == "flags" else what["sum"]


def held(stats):
    """=> what a daemon's /stats say, in the form of expected()."""
    ingest = stats["ingest"]
    return ({"stats": {name: (s["count"], s["sum"], s["min"], s["max"]) for name, s in stats["stats"].items()},
             "progress": {name: p["done"] for name, p in stats["progress"].items()},
             **{section: stats[section] for section in ("counters", "gauges", "sets", "flags")}},
            {**{key: ingest[key] for key in ("datagrams", "bytes", "lines", "values", "ignored")},
             "bad_value": ingest["rejected"]["bad_value"]})


def differences(expected, actual, most=12):
    """=> texts, none if both are the same."""
    (series, ingest), (own, own_ingest) = expected, actual
    found = [f"ingest.{key}: expected {value}, actual {own_ingest[key]}"
             for key, value in ingest.items() if own_ingest[key] != value]
    for section, names in series.items():
        found += [f"{section} {name}: expected {value}, actual {own[section].get(name)}"
                  for name, value in names.items() if own[section].get(name) != value]
        found += [f"{section} {name}: nobody sent it" for name in own[section] if name not in names]
    return found[:most] + ([f"and {len(found) - most} more"] if len(found) > most else [])


class Sender:
    """Sends a Traffic in the background, from a process of its own, in a `with`. `addresses`: of UDP, or paths of
    Unix sockets; where such a one is full the process waits."""

    def __init__(self, *addresses, seed, names=1000, rate):
        self.traffic = Traffic(seed, names)
        line = [sys.executable, os.path.abspath(__file__), json.dumps(addresses), *map(str, (seed, names, rate))]
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @contextlib.contextmanager
    def stopped(self):
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """=> what must be there, and how many datagrams a second there were."""
        output, _ = self.process.communicate(timeout=tap.DEADLINE_S)
        result = json.loads(output)
        return self.traffic.expected(result["times"]), result["datagrams_per_s"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def wait_exact(get, expected):
    """Waits until all of it has been taken in, and compares. `get`: path to JSON."""
    count = expected[1]["lines"]
    tap.wait_until(lambda: get("/stats?name=none")["ingest"]["lines"] >= count, f"{count} lines are in")
    stats = get("/stats")
    tap.equal([], differences(expected, held(stats)), "differences")
    tap.equal(0, stats["ingest"]["dropped"]["kernel"], "ingest.dropped.kernel")


def connected(address):
    """=> a socket that sends datagrams there: a path, or host and port."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
    else:
        sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(tuple(address))
    return sock


def send(addresses, seed, names, rate):
    """Until standard input ends. => how often each datagram was sent, and how many a second."""
    traffic = Traffic(seed, names)
    sockets = [connected(addresses[number % len(addresses)]) for number in range(SOCKETS)]
    times, rng = [0] * len(traffic.datagrams), random.Random(seed + 1)
    order = [rng.randrange(len(times)) for _ in range(20011)]
    began, sent, step = time.monotonic(), 0, 200
    while not select.select([sys.stdin], [], [], 0)[0]:
        sock = sockets[sent // step % SOCKETS]
        for i in range(sent, sent + step):
            number = order[i % len(order)]
            sock.send(traffic.datagrams[number])
            times[number] += 1
        sent += step
        ahead = sent / rate - (time.monotonic() - began)
        if ahead > 0:
            select.select([sys.stdin], [], [], ahead)
    return times, sent / (time.monotonic() - began)


if __name__ == "__main__":
    counts, per_second = send(json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    json.dump({"times": counts, "datagrams_per_s": per_second}, sys.stdout)
