#!/usr/bin/env python3
"""Nothing is lost silently: exact totals under load, and each drop accounted for."""

import random
import signal
import threading

import tap
from daemon import Daemon, Flow, udp_socket


def test_a_million_values_are_exact():
    """Mixed types under 1,000 names from 8 ports into 4 threads: every total is what was sent."""
    rng = random.Random(11)
    target = tap.scaled(1000000, 20000)
    stats, counters, gauges, done, members = {}, {}, {}, {}, {}
    lines = values = 0
    with Daemon("--threads", "4") as d:
        with Flow(d, ports=8) as flow:
            while values < target:
                batch = []
                for _ in range(1 if rng.random() < 0.2 else 25):
                    number = rng.randrange(200)
                    kind = rng.choice("tttccgps")
                    if kind == "t":
                        # Quarters: their sums are exact doubles whatever the order.
                        packed = [rng.randrange(-4000, 40000) / 4 for _ in range(rng.choice((1, 1, 4, 8)))]
                        batch.append(f"t{number}:{':'.join(map(repr, packed))}|ms")
                        one = stats.setdefault(f"t{number}", [0, 0, packed[0], packed[0]])
                        one[0] += len(packed)
                        one[1] += sum(packed)
                        one[2], one[3] = min(one[2], *packed), max(one[3], *packed)
                        values += len(packed)
                        continue
                    values += 1
                    if kind == "c":
                        amount = rng.randrange(-10 ** 12, 10 ** 12)
                        batch.append(f"c{number}:{amount}|c")
                        counters[f"c{number}"] = counters.get(f"c{number}", 0) + amount
                    elif kind == "g":
                        amount = rng.randrange(-1000, 1000)
                        batch.append(f"g{number}:{amount:+}|g")
                        gauges[f"g{number}"] = gauges.get(f"g{number}", 0) + amount
                    elif kind == "p":
                        amount = rng.randrange(100)
                        batch.append(f"p{number}:+{amount}|p")
                        done[f"p{number}"] = done.get(f"p{number}", 0) + amount
                    else:
                        member = rng.randrange(20)
                        batch.append(f"s{number}:{member}|s")
                        members.setdefault(f"s{number}", set()).add(member)
                lines += len(batch)
                flow.send("\n".join(batch).encode())
        reply = d.stats()
        ingest = reply["ingest"]
        tap.equal((flow.sent, lines, values, 0, 0),
                  (ingest["datagrams"], ingest["lines"], ingest["values"], ingest["rejected"]["total"],
                   ingest["dropped"]["kernel"]), "datagrams, lines, values, rejected, dropped")
        tap.equal(sorted(stats), sorted(reply["stats"]), "names of stats")
        for name, (count, total, least, most) in stats.items():
            one = reply["stats"][name]
            tap.equal((count, total, least, most), (one["count"], one["sum"], one["min"], one["max"]), name)
            tap.close(total / count, one["mean"], f"mean of {name}")
        tap.equal(counters, reply["counters"], "counters")
        tap.equal(gauges, reply["gauges"], "gauges")
        tap.equal(done, {name: bar["done"] for name, bar in reply["progress"].items()}, "progress")
        tap.equal({name: len(some) for name, some in members.items()}, reply["sets"], "sets")
        busy = by_thread(d.server())
        print(f"# values {values}, datagrams {flow.sent}, by thread {busy}")


def by_thread(server):
    return [thread["datagrams"] for thread in server["ingest"]["threads"]]


def test_sent_is_received_plus_dropped():
    """A small buffer, as fast as we can send: drops there are, and each is counted."""
    sent = tap.scaled(100000, 20000)
    with Daemon("--threads", "2", config={"ingest": {"receive_buffer_bytes": 4096}}) as d:
        data = b"\n".join([b"c:1|c", b"bad:x|c", b"_sc|x|0", b"t:5:5|ms"] * 20)
        socks = [udp_socket() for _ in range(4)]
        total = 0
        try:
            while total < sent or (total < sent * 20 and d.ingest()["dropped"]["kernel"] == 0):
                for number in range(sent // 4):
                    socks[number % 4].sendto(data, d.udp[0])
                total += sent // 4
        finally:
            for sock in socks:
                sock.close()

        def accounted():
            ingest = d.ingest()
            return ingest["datagrams"] + ingest["dropped"]["kernel"]

        tap.wait_equal(total, accounted, "datagrams + dropped.kernel")
        reply = d.stats()
        ingest = reply["ingest"]
        tap.check(ingest["dropped"]["kernel"] > 0, f"expected drops, actual {ingest}")
        received = ingest["datagrams"]
        tap.equal((received * 80, received * 20, received * 20, received * 60, received * len(data)),
                  (ingest["lines"], ingest["rejected"]["total"], ingest["ignored"], ingest["values"], ingest["bytes"]),
                  "lines, rejected, ignored, values, bytes")
        tap.equal((received * 20, received * 40), (reply["counters"]["c"], reply["stats"]["t"]["count"]), "recorded")
        print(f"# sent {total}, received {received}, dropped {ingest['dropped']['kernel']}")


def test_each_address_accounts_for_what_was_sent_to_it():
    with Daemon("--threads", "2", "--udp", "127.0.0.1:0", config={"ingest": {"receive_buffer_bytes": 4096}}) as d:
        socks = [udp_socket() for _ in range(4)]
        wanted = {f"127.0.0.1:{d.udp[0][1]}": tap.scaled(20000), f"127.0.0.1:{d.udp[1][1]}": tap.scaled(5000)}
        try:
            for to, total in enumerate(wanted.values()):
                for number in range(total):
                    socks[number % 4].sendto(b"c:1|c\n" * 40, d.udp[to])
        finally:
            for sock in socks:
                sock.close()

        def accounted():
            found = dict.fromkeys(wanted, 0)
            for thread in d.server()["ingest"]["threads"]:
                for one in thread["sockets"]:
                    found[one["address"]] += one["datagrams"] + one["dropped"]["kernel"]
            return found

        tap.wait_equal(wanted, accounted, "datagrams + dropped.kernel by address")


def test_drops_are_known_at_rest_without_another_datagram():
    """The last burst's drops must not wait for the next datagram to be reported."""
    with Daemon("--threads", "1", config={"ingest": {"receive_buffer_bytes": 4096}}) as d, udp_socket() as sock:
        d.record("c:1|c")
        d.send_signal(signal.SIGSTOP)
        wait_stopped(d.pid)
        for _ in range(1000):
            sock.sendto(b"c:1|c", d.udp[0])
        d.send_signal(signal.SIGCONT)
        tap.wait_equal(1001, lambda: sum_of(d.ingest()), "datagrams + dropped.kernel after a burst")
        tap.check(d.ingest()["dropped"]["kernel"] > 0, "expected drops")


def sum_of(ingest):
    return ingest["datagrams"] + ingest["dropped"]["kernel"]


def wait_stopped(pid):
    def state():
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    tap.wait_equal("T", state, "state of the stopped daemon")


def test_each_reading_is_one_consistent_snapshot():
    """Four threads record the constant 7; whatever is read in between holds together."""
    with Daemon("--threads", "4") as d:
        stop = threading.Event()
        sent = [0]

        def feed():
            with Flow(d_sender, ports=8) as flow:
                while not stop.is_set():
                    flow.send(b"k:7:7:7:7:7:7:7:7|ms\nk:7|h\n" * 8)
                sent[0] = flow.sent

        # The feeder polls over a connection of its own: http.client is not for two threads.
        d_sender = Peer(d)
        feeder = threading.Thread(target=feed)
        feeder.start()
        readings, counts = tap.scaled(400, 50), []
        try:
            tap.wait_until(lambda: d.stats()["stats"].get("k"), "the first value is there")
            for _ in range(readings):
                one = d.stats()["stats"]["k"]
                tap.equal((7 * one["count"], 7, 7, 7, 0),
                          (one["sum"], one["min"], one["max"], one["mean"], one["stddev"]),
                          f"sum, min, max, mean, stddev at a count of {one['count']}")
                counts.append(one["count"])
            tap.check(counts == sorted(counts), "a count never falls")
            tap.wait_until(lambda: d.stats()["stats"]["k"]["count"] > counts[0], "the count grows while we read")
        finally:
            stop.set()
            feeder.join()
        tap.equal(sent[0] * 72, d.stats()["stats"]["k"]["count"], "count at the end")
        print(f"# {readings} readings, {len(set(counts))} of them different, {counts[-1]} values")


class Peer:
    """The parts of a Daemon that a Flow in another thread needs."""

    def __init__(self, daemon):
        self.udp = daemon.udp
        self._daemon = daemon

    def ingest(self):
        return self._daemon.get("/stats?name=no.such.series").json["ingest"]

    def wait_datagrams(self, total):
        tap.wait_equal(total, lambda: self.ingest()["datagrams"], "ingest.datagrams")


def test_one_client_s_lines_stay_in_order():
    with Daemon("--threads", "4") as d:
        with Flow(d, ports=8) as flow:
            for number in range(tap.scaled(20000, 2000)):
                flow.send(f"g{number % 8}:{number}|g".encode(), port=number % 8)
        last = number
        gauges = d.stats()["gauges"]
        tap.equal({f"g{n % 8}": n for n in range(last - 7, last + 1)},
                  gauges, "the last value of each client")


def test_many_series_from_many_ports_appear_once():
    """The same new names arrive at all threads at once: each is one series."""
    count = tap.scaled(5000, 500)
    with Daemon("--threads", "4") as d:
        with Flow(d, ports=16, window=32) as flow:
            for at in range(0, count, 50):
                lines = "\n".join(f"n{n}:1|c|#b:{n % 3},a:1\nn{n}:1|c|#a:1,b:{n % 3}\nn{n}:2|ms"
                                  for n in range(at, at + 50)).encode()
                for port in range(16):
                    flow.send(lines, port)
        reply = d.stats()
        tap.equal(count, len(reply["counters"]), "counters")
        tap.equal({32}, set(reply["counters"].values()), "their values")
        tap.equal({(16, 32)}, {(one["count"], one["sum"]) for one in reply["stats"].values()}, "stats")


if __name__ == "__main__":
    tap.main(globals())
