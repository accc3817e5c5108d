"""What is measured: receiving, many names, reading. Each function adds its rows to the table; `scale`
shortens the runs."""

import os
import socket
import tempfile
import threading

from receivers import Ours, Sink, check, fetch, memory_bytes
from table import difference, ratio

ROUNDS = 5


def rounds(receivers, count, **options):
    """The receivers take turns. => for each, its runs."""
    runs = [[] for _ in receivers]
    for _ in range(count):
        for i, receiver in enumerate(receivers):
            runs[i].append(receiver.run(**options))
    return runs


def lost(table, name, runs, limit=()):
    table.add(f"{name}: lost, %", [run.lost_percent for run in runs], [run.lost_percent for run in limit],
              target=("<=", 0), worst=True)


# ---- receiving ----

def one_value(table, scale):
    """A datagram of one value: what the daemon adds to the limit. A part of that it saves by waiting
    under dense traffic; `sink --wait` does the same, and shows what is left."""
    for name, options in (("1 value a datagram, 100k/s", {"rate": 100000, "seconds": 1.0 * scale}),
                          ("1 value a datagram, flat out", {"seconds": 0.7 * scale})):
        with Sink() as sink, Sink("--poll") as poll, Sink("--wait") as wait, Ours() as ours:
            for receiver in (sink, poll, wait, ours):
                receiver.run(seconds=0.1)
            limit, polled, waited, runs = rounds((sink, poll, wait, ours), ROUNDS, **options)
        figures = [run.us_a_datagram for run in runs]
        table.add(f"{name}: us CPU a datagram", figures, [run.us_a_datagram for run in limit], ratio, ("<=", 1.10), "x")
        table.add("   the same", figures, [run.us_a_datagram for run in polled], ratio, how="x",
                  against="sink --poll")
        table.add("   the same", figures, [run.us_a_datagram for run in waited], ratio, how="x",
                  against="sink --wait")
        lost(table, "   the same", runs, limit)


def twenty_values(table, scale):
    name = "20 ms values a datagram, flat out"
    with Sink() as sink, Ours() as ours:
        for receiver in (sink, ours):
            receiver.run(values=20, seconds=0.1)
        limit, runs = rounds((sink, ours), ROUNDS, values=20, seconds=0.7 * scale)
    table.add(f"{name}: ns CPU a value", [run.ns_a_value for run in runs], [run.ns_a_value for run in limit],
              difference, ("<=", 35), "more")
    lost(table, "   the same", runs, limit)
    table.add("   the sender's M values/s meanwhile", [run.values_a_second / 1e6 for run in runs],
              [run.values_a_second / 1e6 for run in limit])


def state_directory(table, scale):
    """What it costs that values outlive a kill: arenas in memory, and a checkpoint every ten seconds."""
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    for name, options in (("1 value a datagram, flat out", {"seconds": 0.7 * scale}),
                          ("20 ms values a datagram, flat out", {"values": 20, "seconds": 0.7 * scale})):
        with tempfile.TemporaryDirectory(prefix="atomicstatsd-bench-", dir=folder) as directory, \
                Ours() as alone, Ours(state=directory) as kept:
            for receiver in (alone, kept):
                receiver.run(seconds=0.1, values=options.get("values", 1))
            limit, runs = rounds((alone, kept), ROUNDS, **options)
        table.add(f"with a state directory, {name}: ns CPU a value", [run.ns_a_value for run in runs],
                  [run.ns_a_value for run in limit], ratio, ("<=", 1.05), "x", against="without")
        lost(table, "   the same", runs, limit)


def lossless_at(receiver, rate, seconds):
    """=> the most datagrams/s that were really sent without any loss, or 0. This machine has other
    things to do, too: a loss, or a sender that falls behind, must happen three times."""
    best = 0
    for _ in range(3):
        run = receiver.run(values=20, rate=rate, seconds=seconds)
        if run.lost == 0:
            best = max(best, run.sent["rate"])
        if best >= 0.95 * rate:
            break
    return best


def highest_lossless(receiver, seconds):
    """By doubling, then by halving the gap. => M values/s, and whether the sender was the limit."""
    good, rate = 0, 50000
    while reached := lossless_at(receiver, rate, seconds):
        good = reached
        if reached < 0.95 * rate:
            return good * 20 / 1e6, True
        rate *= 2
    low, high = rate / 2, rate
    for _ in range(4):
        middle = (low + high) / 2
        reached = lossless_at(receiver, middle, seconds)
        if not reached:
            high = middle
        elif reached < 0.95 * middle:
            return max(good, reached) * 20 / 1e6, True
        else:
            low, good = middle, max(good, reached)
    return good * 20 / 1e6, False


def lossless(table, scale):
    found, capped = ([], []), [0, 0]
    with Sink() as sink, Ours() as ours:
        for _ in range(3 if scale == 1 else 1):
            for i, receiver in enumerate((ours, sink)):
                rate, sender = highest_lossless(receiver, 0.5 * scale)
                found[i].append(rate)
                capped[i] += sender
    how = f"x; the sender was the limit {capped[0]} and {capped[1]} times"
    table.add("20 ms values a datagram: highest lossless M values/s", *found, ratio, (">=", 0.7), how)


# ---- names ----

def many_names(table, scale):
    """First sight of a million names, each once. The last daemon also answers: many_series()."""
    names = 1000000 if scale == 1 else 200000
    limit, runs, grown = [], [], {}
    for kind, count in (("c", 1), ("ms", 3)):
        for _ in range(count):
            with Sink() as sink, Ours() as ours:
                limit.append(sink.run(rate=100000, seconds=scale))
                before = memory_bytes(ours.pid)
                run = ours.run(names=names, once=True, rate=100000, type=kind)
                grown.setdefault(kind, []).append((memory_bytes(ours.pid) - before) / run.taken)
                if kind == "ms":
                    runs.append(run)
                if kind == "ms" and len(runs) == count:
                    name_rows(table, names, limit[-count:], runs, grown)
                    many_series(table, ours, run.taken, scale)


def name_rows(table, names, limit, runs, grown):
    name = f"{names} ms names, each once, 100k/s"
    figures = [run.us_a_datagram for run in runs]
    table.add(f"{name}: us CPU a datagram", figures, target=("<=", 2.4))
    table.add("   the same", figures, [run.us_a_datagram for run in limit], ratio, how="x (2.4 was 1.29 x)")
    lost(table, "   the same", runs)
    table.add("   the same: bytes of RSS a name", grown["ms"], target=("<=", 256))
    table.add(f"{names} c names: bytes of RSS a name", grown["c"], target=("<=", 192))


# ---- reading ----

def ten_thousand(table, _scale):
    with Ours() as ours:
        ours.run(names=10000, once=True, rate=20000)
        answers = [fetch(ours.http, "/stats") for _ in range(20)]
        check(all(body.count(b'"count":1,') == 10000 for _, body in answers), "/stats: 10,000 series are not there")
    table.add("/stats of 10000 series: ms", [1e3 * seconds for seconds, _ in answers], target=("<=", 12))


def many_series(table, ours, names, scale):
    """/stats of all of them, and what it does to ingest."""
    with open(f"/proc/{ours.pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    before = memory_bytes(ours.pid)
    seconds, body = fetch(ours.http, "/stats")
    grown = (memory_bytes(ours.pid, "VmHWM") - before) / (1 << 20)
    check(body.count(b'"count":1,') == names, f"/stats: {names} series are not there")
    del body
    table.add(f"/stats of {names} series: s", [seconds])
    table.add("   the same: MiB by which the peak of the RSS grows", [grown], target=("<=", 16))
    options = {"rate": 50000, "seconds": 1.5 * scale}
    ours.run(**options)
    alone, reading, answers = [], [], 0
    for _ in range(ROUNDS):
        alone.append(ours.run(**options))
        with Reader(ours.http) as reader:
            reading.append(run_unread(ours, **options))
        answers += reader.answers
        ours.check(reading[-1])
    table.add("   ingest at 50k/s meanwhile: us CPU a datagram", [run.ingest_us_a_datagram for run in reading],
              [run.ingest_us_a_datagram for run in alone], ratio, ("<=", 1.05), f"x; {answers} answers",
              against="no reader")
    lost(table, "   the same", reading)


def run_unread(ours, **options):
    """A run whose totals are looked at later, when nobody else reads."""
    looked, ours.check = ours.check, lambda run: None
    try:
        return ours.run(**options)
    finally:
        ours.check = looked


class Reader:
    """Reads all of /stats over and over, in a thread of its own."""

    def __init__(self, port):
        self.port, self.answers = port, 0
        self.begun, self.ended = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._read)

    def _read(self):
        buffer = bytearray(1 << 20)
        while not self.ended.is_set():
            with socket.create_connection(("127.0.0.1", self.port), 120) as connection:
                connection.sendall(b"GET /stats HTTP/1.0\r\n\r\n")
                while not self.ended.is_set() and connection.recv_into(buffer):
                    self.begun.set()
            self.answers += not self.ended.is_set()

    def __enter__(self):
        self.thread.start()
        self.begun.wait(120)
        return self

    def __exit__(self, kind, error, trace):
        self.ended.set()
        self.thread.join()
