#!/usr/bin/env python3
"""Values over TCP: lines however the stream is cut, their ends, exact totals, and where connections come from."""

import json
import os
import random
import re
import socket
import tempfile
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "fuzz")]

import bend
import known_traffic
import reference
import tap
from daemon import Daemon, run, strip_priority
from streams import free_name, reset, sockets, tcp_connect, total, wait_closed, wait_ingest, wait_read

LINE_MAX = 8192  # bytes of a line, without its newline


def tcp_daemon(*args, **options):
    return Daemon(*args, tcp=options.pop("tcp", ("127.0.0.1:0",)), **options)


def line_of(size, name="t"):
    """=> a valid line of so many bytes, and how many values it has."""
    head, tail = f"{name}:1", "|ms"
    count, odd = divmod(size - len(head) - len(tail), 2)
    return (head + (":11" if odd else "") + ":1" * (count - odd) + tail).encode(), 1 + count


# ---- lines ---------------------------------------------------------------------------------------


def test_lines_and_their_ends():
    with tcp_daemon() as d:
        with tcp_connect(d.tcp[0], b"c:1|c\nc:2|c\r\n\n\r\nt:1:2:3|ms\n42\n") as sock:
            stats = wait_ingest(d, lines=4, values=6, rejected=0)
            tap.equal((3, 6, 42), (stats["counters"]["c"], stats["stats"]["t"]["sum"], stats["stats"]["value"]["sum"]),
                      "what was recorded")
            sock.sendall(b"c:4|c\n")
            tap.equal(7, wait_ingest(d, lines=5)["counters"]["c"], "a later line of the same connection")
            tap.equal((0, 36), (d.ingest()["datagrams"], d.ingest()["bytes"]), "datagrams and bytes")


def test_a_line_waits_for_its_end():
    with tcp_daemon() as d, tcp_connect(d.tcp[0], b"c:1|c\nc:1") as sock:
        wait_read(sock)
        tap.equal({"c": 1}, wait_ingest(d, lines=1)["counters"], "counters before the line's end")
        sock.sendall(b"0|c")
        wait_read(sock)
        tap.equal({"c": 1}, wait_ingest(d, lines=1)["counters"], "counters before the line's end")
        sock.sendall(b"\n")
        tap.equal({"c": 11}, wait_ingest(d, lines=2)["counters"], "counters after the line's end")


def test_byte_by_byte():
    """Each is read before the next one is sent."""
    data = b"a:1|c\r\nlatency:10:20|ms|@0.5|#k:v,b\n\nbad\n_e{1,1}:a|b\ng:-3.5|g\n"
    with tcp_daemon() as d, tcp_connect(d.tcp[0]) as sock:
        for number in range(len(data)):
            sock.sendall(data[number:number + 1])
            wait_read(sock)
        stats = wait_ingest(d, lines=5, ignored=1, rejected=1, values=4, bytes=len(data))
        tap.equal(({"a": 1}, {"g": -3.5}), (stats["counters"], stats["gauges"]), "counters and gauges")
        tap.equal((4, 60), tuple(stats["stats"]["latency|#b,k:v"][key] for key in ("count", "sum")), "stats")


def test_cut_anywhere():
    """Two writes, with the cut at each place; the daemon has read the first before the second comes."""
    traffic = known_traffic.Traffic(5, names=3, datagrams=6)
    data = traffic.stream()
    cuts = range(1, len(data), 1 if tap.SCALE >= 1 else 20)
    with tcp_daemon("--threads", "1") as d, tcp_connect(d.tcp[0]) as sock:
        for cut in cuts:
            sock.sendall(data[:cut])
            wait_read(sock)
            sock.sendall(data[cut:])
            wait_read(sock)
        known_traffic.wait_exact(lambda path: d.get(path).json, traffic.expected_of_streams(len(cuts)))
        print(f"# {len(cuts)} cuts")


def test_an_end_without_a_newline():
    with tcp_daemon() as d:
        for number, data in enumerate((b"c:1|c", b"x:1|c\nc:1|c", b"c:1|c\r", b"c:1|c\n"), 1):
            with tcp_connect(d.tcp[0], data) as sock:
                sock.shutdown(socket.SHUT_WR)
                wait_closed(sock)
            tap.equal(number, wait_ingest(d, rejected=0)["counters"]["c"], f"counter after {data}")
        for data in (b"", b"\n", b"\r", b"\r\n"):
            with tcp_connect(d.tcp[0], data) as sock:
                sock.shutdown(socket.SHUT_WR)
                wait_closed(sock)
        wait_ingest(d, lines=5, values=5, rejected=0)
        tap.wait_equal((0, 8), lambda: (total(d, "connections"), total(d, "accepted")), "connections and accepted")


def test_a_close_without_a_shutdown():
    with tcp_daemon() as d:
        for number in range(1, 21):
            tcp_connect(d.tcp[0], b"c:1|c\nlast:2|c").close()
            tap.equal({"c": number, "last": 2 * number}, wait_ingest(d, lines=2 * number)["counters"], "counters")
        tap.wait_equal(0, lambda: total(d, "connections"), "connections")


def test_a_reset_in_the_middle_of_a_line():
    """What has no end was never a line: neither recorded nor refused."""
    with tcp_daemon() as d:
        for number in range(1, 11):
            sock = tcp_connect(d.tcp[0], b"c:1|c\nc:100")
            wait_read(sock)
            reset(sock)
            tap.wait_equal(0, lambda: total(d, "connections"), "connections")
            stats = wait_ingest(d, lines=number, rejected=0)
            tap.equal({"c": number}, stats["counters"], "counters")


# ---- long lines ----------------------------------------------------------------------------------


def test_how_long_a_line_may_be():
    """It does not matter how the kernel cuts it."""
    with tcp_daemon("--threads", "1") as d, tcp_connect(d.tcp[0]) as sock:
        lines = values = too_long = 0
        for size in (LINE_MAX - 1, LINE_MAX, LINE_MAX + 1, LINE_MAX + 2, 2 * LINE_MAX, 3 * LINE_MAX + 7, 65535, 65536, 65537, 200000):
            line, count = line_of(size)
            for end in (b"\n", b"\r\n"):
                for cut in (None, 1, size // 2, min(size, LINE_MAX), size, size + len(end) - 1):
                    data = b"c:1|c\n" + line + end + b"c:1|c\n"
                    at = 0 if cut is None else 6 + cut
                    for part in (data[:at], data[at:]):
                        sock.sendall(part)
                        wait_read(sock)
                    lines += 3
                    fits = len(line + end) - 1 <= LINE_MAX
                    values += 2 + (count if fits else 0)
                    too_long += not fits
                    stats = wait_ingest(d, lines=lines, values=values, rejected=too_long)
                    tap.equal(too_long, stats["ingest"]["rejected"]["too_long"], f"too_long: {size} bytes cut at {cut}")


def test_a_long_line_at_the_end():
    """With nothing behind it, it is one refused line as well."""
    with tcp_daemon() as d:
        for number, size in enumerate((LINE_MAX + 1, 100000), 1):
            with tcp_connect(d.tcp[0], b"x" * size) as sock:
                sock.shutdown(socket.SHUT_WR)
                wait_closed(sock)
            stats = wait_ingest(d, lines=number, rejected=number)
            tap.equal(number, stats["ingest"]["rejected"]["too_long"], "too_long")


def test_a_refused_long_line_is_told_with_its_beginning():
    with tcp_daemon() as d, tcp_connect(d.tcp[0], b"a.long.one." + b"x" * 100000 + b"\n") as sock:
        wait_ingest(d, lines=1, rejected=1)
        (entry,) = d.server()["recent_rejected"]
        tap.equal(("too_long", f"tcp 127.0.0.1:{sock.getsockname()[1]}"), (entry["reason"], entry["source"]),
                  "reason and source")
        tap.check(entry["text"].startswith("a.long.one.xxx") and len(entry["text"]) <= 210, f"text: {entry['text']!r}")


# ---- much ----------------------------------------------------------------------------------------


def send_pieces(sock, data, rng):
    """In writes of any size."""
    view, at = memoryview(data), 0
    while at < len(data):
        size = rng.choice((1, 7, 100, 1500, 8191, 65536, 300000))
        sock.sendall(view[at:at + size])
        at += size


def test_a_million_values_over_eight_connections_are_exact():
    traffic = known_traffic.Traffic(9)
    data = traffic.stream()
    each = -(-tap.scaled(1000000, 20000) // (8 * traffic.expected_of_streams(1)[1]["values"]))
    with tcp_daemon("--threads", "4") as d:
        def feed(seed):
            with tcp_connect(d.tcp[0]) as sock:
                for _ in range(each):
                    send_pieces(sock, data, random.Random(seed))
        feeders = [threading.Thread(target=feed, args=(seed,)) for seed in range(8)]
        for feeder in feeders:
            feeder.start()
        for feeder in feeders:
            feeder.join()
        expected = traffic.expected_of_streams(8 * each)
        known_traffic.wait_exact(lambda path: d.get(path).json, expected)
        tap.equal(8 * each * len(data), total(d, "bytes"), "bytes of the sockets")
        print(f"# {expected[1]['values']} values in {expected[1]['lines']} lines, accepted by "
              f"{[one['accepted'] for one in sockets(d.server(), 'tcp')]}")


def test_one_client_s_lines_stay_in_order():
    count = tap.scaled(50000, 5000)
    with tcp_daemon("--threads", "2") as d, tcp_connect(d.tcp[0]) as sock:
        send_pieces(sock, "".join(f"g:{n}|g\n" for n in range(count)).encode(), random.Random(1))
        tap.equal({"g": count - 1}, wait_ingest(d, lines=count)["gauges"], "the last value")


def test_all_ways_in_at_once():
    path = free_name()
    traffic = known_traffic.Traffic(13)
    with tcp_daemon("--threads", "2", unix=path) as d, \
            known_traffic.Sender(path, seed=13, rate=1e6) as sender, tcp_connect(d.tcp[0]) as sock:
        for _ in range(10):
            sock.sendall(traffic.stream())
        over_tcp = traffic.expected_of_streams(10)
        tap.wait_until(lambda: d.ingest()["lines"] > over_tcp[1]["lines"] + 1000, "both have come")
        (series, ingest), _ = sender.stop()
        d.record(*["udp:1|c"] * 10)
        stats = wait_ingest(d, lines=ingest["lines"] + over_tcp[1]["lines"] + 10)
        expected = {name: series["counters"].get(name, 0) + over_tcp[0]["counters"].get(name, 0)
                    for name in {*series["counters"], *over_tcp[0]["counters"]}}
        tap.equal({**expected, "udp": 10}, stats["counters"], "counters")
        tap.equal((ingest["datagrams"] + 10, 0), (stats["ingest"]["datagrams"], stats["ingest"]["dropped"]["kernel"]),
                  "datagrams and dropped")


# ---- anything ------------------------------------------------------------------------------------


class StreamModel(reference.Model):
    """What the daemon should hold after a stream of lines."""

    def stream(self, data):
        self.bytes += len(data)
        for line in data.split(b"\n"):
            if len(line) > LINE_MAX:
                self.lines += 1
                self.rejected["too_long"] += 1
            elif line not in (b"", b"\r"):
                self.line(line[:-1] if line.endswith(b"\r") else line)


def test_bent_lines_get_the_reference_s_verdict_wherever_they_are_cut():
    """Lines of other servers' tests, changed at random, in writes of any size that cut them anywhere."""
    seed = int(os.environ.get("TEST_SEED", "20260131"))
    print(f"# seed {seed}: TEST_SEED=N sets it")
    rng, seeds = random.Random(seed), bend.datagrams()
    lines = [line for data in seeds for line in data.split(b"\n") if line]
    model = StreamModel()
    with tcp_daemon("--threads", "2") as d:
        for number in range(tap.scaled(60, 6)):
            parts = [bend.bent_datagram(rng, seeds, lines) for _ in range(40)]
            if number % 4 == 0:
                parts.insert(rng.randrange(len(parts)), b"long:1|c|#" + b"x" * rng.randrange(LINE_MAX - 20, 3 * LINE_MAX))
            data = b"\n".join(parts) + b"\n" * (number % 2)
            model.stream(data)
            with tcp_connect(d.tcp[0]) as sock:
                at = 0
                while at < len(data):
                    size = min(rng.choice((1, 3, 50, 1000, 8192, 65536)), len(data) - at)
                    sock.sendall(data[at:at + size])
                    if rng.random() < 0.2:
                        wait_read(sock)
                    at += size
            tap.wait_equal(model.counts()["lines"], lambda: d.ingest()["lines"], f"lines after stream {number}")
            actual = {key: value for key, value in d.ingest().items() if key in model.counts()}
            tap.equal(model.counts(), actual, f"ingest after stream {number}")
        wrong = reference.differences(model, d.stats())
        tap.check(not wrong, f"{len(wrong)} series differ:\n" + "\n".join(wrong[:20]))
        print(f"# {model.lines} lines, {model.values} values, {model.rejected['too_long']} too long")


# ---- the report ----------------------------------------------------------------------------------


def test_what_the_server_page_says():
    with tcp_daemon("--threads", "2") as d:
        tap.equal([d.tcp[0]], list(set(d.tcp)), f"addresses in {d.first_line!r}")
        tap.contains(f"tcp 127.0.0.1:{d.tcp[0][1]}", strip_priority(d.log()[0]), "the first log line")
        clients = [tcp_connect(d.tcp[0], b"c:1|c\nbad%d:x|c\n" % number) for number in range(20)]
        wait_ingest(d, lines=40, rejected=20)
        server = d.server()
        listeners = sockets(server, "tcp")
        tap.equal([f"127.0.0.1:{d.tcp[0][1]}"] * 2, [one["address"] for one in listeners], "addresses, one a thread")
        tap.equal((20, 20, 0, 20 * 6 + sum(len(f"bad{n}:x|c\n") for n in range(20))),
                  tuple(sum(one[key] for one in listeners) for key in ("connections", "accepted", "refused", "bytes")),
                  "connections, accepted, refused and bytes")
        tap.equal({f"bad{n}:x|c": f"tcp 127.0.0.1:{sock.getsockname()[1]}" for n, sock in enumerate(clients)},
                  {entry["text"]: entry["source"] for entry in server["recent_rejected"]}, "sources")
        for sock in clients:
            sock.close()
        tap.wait_equal((0, 20), lambda: (total(d, "connections"), total(d, "accepted")), "connections and accepted")


def test_udp_keeps_what_it_said_before():
    with tcp_daemon("--threads", "1") as d:
        d.record("c:1|c")
        (one,) = sockets(d.server(), "udp")
        for key in ("address", "datagrams", "dropped", "receive_buffer", "queued_bytes"):
            tap.contains(key, one, "what is said of a UDP socket")


def test_the_totals():
    with tcp_daemon("--threads", "2", config={"ingest": {"tcp_max_connections": 50}}) as d:
        clients = [tcp_connect(d.tcp[0], b"c:1|c\n") for _ in range(8)]
        wait_ingest(d, lines=8)
        clients.pop().close()
        tap.wait_equal({"max_connections": 50, "connections": 7, "accepted": 8, "refused": 0, "crowded_out": 0, "bytes": 48},
                       lambda: d.server()["ingest"]["tcp"], "ingest.tcp in /server")
        metrics = d.get("/metrics").body.decode()
        found = dict(re.findall(r"(?m)^(atomicstatsd_tcp_\w+) (\d+)$", metrics))
        tap.equal({"atomicstatsd_tcp_connections": "7", "atomicstatsd_tcp_accepted_connections_total": "8",
                   "atomicstatsd_tcp_refused_connections_total": "0", "atomicstatsd_tcp_crowded_out_connections_total": "0"},
                  found, "figures of TCP in /metrics")
        for sock in clients:
            sock.close()


# ---- addresses -----------------------------------------------------------------------------------


def test_several_addresses_and_ipv6():
    addresses = ["127.0.0.1:0", "127.0.0.1:0"]
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        addresses.append("[::1]:0")
    except OSError as error:
        print(f"# no IPv6 here: {error}")
    with tcp_daemon("--threads", "2", tcp=addresses) as d:
        tap.equal(len(addresses), len(set(d.tcp)), f"addresses in {d.first_line!r}")
        for number, address in enumerate(d.tcp, 1):
            with tcp_connect(address, b"c:1|c\nbad\n"):
                wait_ingest(d, lines=2 * number)
        tap.equal({"c": len(addresses)}, d.stats()["counters"], "counters")
        sources = [entry["source"] for entry in d.server()["recent_rejected"]]
        tap.equal(len(addresses) - 2, sum(source.startswith("tcp [::1]:") for source in sources), f"IPv6 in {sources}")


def test_in_the_configuration():
    with Daemon(config={"ingest": {"tcp": ["127.0.0.1:0", "127.0.0.1:0"]}}) as d:
        tap.equal(2, len(set(d.tcp)), "addresses")
    with Daemon() as d:
        tap.equal(([], []), (d.tcp, sockets(d.server(), "tcp")), "none, by default")


def test_an_address_in_use_is_named():
    with tcp_daemon("--threads", "2") as d:
        host, port = d.tcp[0]
        options = ["--udp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--tcp"]
        done = run(*options, f"{host}:{port}")
        tap.equal(1, done.returncode, f"exit status of a second daemon; stderr: {done.stderr}")
        tap.contains(f"{host}:{port}", done.stderr, "message")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = run(*options, "127.0.0.1:%d" % taken.getsockname()[1])
            tap.equal(1, done.returncode, f"exit status for an address in use; stderr: {done.stderr}")
        done = run(*options, "192.0.2.1:0")
        tap.equal(1, done.returncode, f"exit status for another machine's address; stderr: {done.stderr}")
        tap.contains("192.0.2.1", done.stderr, "message")
        with tcp_connect(d.tcp[0], b"c:1|c\n"):
            tap.equal({"c": 1}, wait_ingest(d, lines=1)["counters"], "the first goes on")


def test_the_port_is_free_again_at_once():
    """Connections that the last daemon had closed do not keep its port."""
    port = 0
    for _ in range(3):
        with tcp_daemon(tcp=[f"127.0.0.1:{port}"]) as d:
            port = d.tcp[0][1]
            sock = tcp_connect(d.tcp[0], b"c:1|c\n")
            wait_ingest(d, lines=1)
        sock.close()


def test_what_the_configuration_may_say():
    for what, word in (({"tcp": "127.0.0.1:8125"}, "tcp"), ({"tcp": ["localhost:1"]}, "localhost"),
                       ({"tcp": ["127.0.0.1:65536"]}, "65536"), ({"tcp": [5]}, "tcp"),
                       ({"tcp_max_connections": 0}, "tcp_max_connections"),
                       ({"tcp_max_connections": 1048577}, "1048576"), ({"tcp_max_connections": "x"}, "tcp_max")):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"ingest": what}, file)
            file.flush()
            done = run("-c", file.name, "--check-config")
        tap.equal(78, done.returncode, f"exit status for {what}; stderr: {done.stderr}")
        tap.contains(word, done.stderr, f"message for {what}")
    for address in ("127.0.0.1", "x:1", "127.0.0.1:65536"):
        done = run("--tcp", address)
        tap.equal(2, done.returncode, f"exit status for --tcp {address}; stderr: {done.stderr}")
        tap.contains(address, done.stderr, "message")


if __name__ == "__main__":
    tap.main(globals())
