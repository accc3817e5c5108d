#!/usr/bin/env python3
"""HTTP clients that mean harm: requests that others would read otherwise, requests that never end,
answers that are never taken, and many of each at once. Whoever asks properly must not notice."""

import itertools
import re
import socket
import statistics
import subprocess
import threading

import tap
from daemon import Daemon, Flow
from test_http import fill

ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
SECOND = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(daemon, source="127.0.0.1"):
    return socket.create_connection(daemon.http, timeout=tap.DEADLINE_S, source_address=(source, 0))


def read_to_end(sock):
    """=> what comes until the other side closes; a connection that stays open fails."""
    parts = []
    try:
        while part := sock.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    except TimeoutError:
        tap.fail(f"the connection stays open after {b''.join(parts)[:300]!r}")
    return b"".join(parts)


def refused(daemon, status, data, what=None):
    """Sends the bytes; expects this status, nothing that looks like a second answer, and the end."""
    with connect(daemon) as sock:
        sock.sendall(data)
        answer = read_to_end(sock)
    what = what or f"{data[:90]!r}"
    tap.equal(f"HTTP/1.1 {status}", answer[:12].decode("ascii", "replace"), f"answer to {what}")
    tap.check(b"200 OK" not in answer, f"{what} was answered in spite of all: {answer!r}")


# ---- one request ---------------------------------------------------------------------------------


def test_bodies_are_refused_and_not_taken_for_requests():
    with Daemon() as d:
        for status, head, body in (
                (413, ASK + b"Content-Length: 5", b"hello"), (413, ASK + b"Content-Length: 9999999999", b""),
                (413, ASK + b"Transfer-Encoding: chunked", b"0\r\n\r\n"),
                (413, ASK + b"Transfer-Encoding: identity", b""), (413, ASK + b"Transfer-Encoding: x", b""),
                (405, ASK.replace(b"GET", b"POST") + b"Content-Length: 5", b"hello"),
                (405, ASK.replace(b"GET", b"PUT") + b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
                (405, ASK.replace(b"GET", b"POST") + b"Expect: 100-continue\r\nContent-Length: 5", b"")):
            refused(d, status, head + b"\r\n\r\n" + body + SECOND)
        tap.equal(200, d.get("/healthz").status, "status afterwards")


def test_lengths_that_contradict_themselves_are_refused():
    with Daemon() as d:
        for status, headers in ((400, [b"Content-Length: 0", b"Content-Length: 0"]),
                                (400, [b"Content-Length: 5", b"Content-Length: 0"]),
                                (400, [b"content-length: 0", b"A: b", b"CONTENT-LENGTH: 5"]),
                                (400, [b"Content-Length: 0, 0"]), (400, [b"Content-Length: -1"]),
                                (400, [b"Content-Length: +0"]), (400, [b"Content-Length: 0x5"]),
                                (413, [b"Content-Length: 99999999999999999999999"]),
                                (400, [b"Content-Length: 0", b"Transfer-Encoding: chunked"]),
                                (400, [b"Transfer-Encoding: chunked", b"Content-Length: 5"]),
                                (400, [b"Content-Length : 5"]), (400, [b"Content-Length\t: 5"]),
                                (400, [b"Transfer-Encoding : chunked"]), (400, [b" Content-Length: 5"]),
                                (400, [b"Content-Length\0: 5"]), (400, [b"(a): b"]), (400, [b"a b: c"])):
            refused(d, status, ASK + b"\r\n".join(headers) + b"\r\n\r\n" + SECOND)
        for header in b"Content-Length: 0", b"content-length:000", b"X-a.b_c!#$%&'*+^`|~1: \xff(\0":
            with connect(d) as sock:
                sock.sendall(ASK + header + b"\r\nConnection: close\r\n\r\n")
                tap.contains(b"200 OK", read_to_end(sock), f"answer with {header!r}")


def test_nul_is_refused():
    with Daemon() as d:
        for line in (b"GET /healthz\0 HTTP/1.1", b"GET /healthz\0evil HTTP/1.1", b"GET /heal\0thz HTTP/1.1",
                     b"GET /healthz?\0 HTTP/1.1", b"GET /stats?name=\0 HTTP/1.1", b"GET \0/healthz HTTP/1.1",
                     b"GET\0 /healthz HTTP/1.1", b"GET /healthz\0\0 HTTP/1.1", b"GET /healthz HTTP/1.1\0",
                     b"GET /healthz HTTP/1.1\0 HTTP/1.1"):
            refused(d, 400, line + b"\r\nHost: x\r\n\r\n" + SECOND)
        for path in "/healthz%00", "/stats/%00", "/stats?name=%00":
            tap.equal(400, d.get(path).status, f"status of {path}")


def test_long_targets_and_headers_are_refused():
    with Daemon() as d:
        reply = d.get("/stats/" + "y" * 7993)
        tap.equal((404, 8000), (reply.status, len("/stats/") + 7993), "status and length of a target that is taken")
        tap.equal(414, d.get("/stats/" + "y" * 7994).status, "status of one byte more")
        refused(d, 414, b"GET /" + b"y" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", "a target of 40,000 bytes")
        refused(d, 431, ASK + b"A: " + b"b" * 40000 + b"\r\n\r\n", "a header of 40,000 bytes")
        refused(d, 431, ASK + b"A: b\r\n" * 6000 + b"\r\n", "6,000 headers")
        tap.equal(200, d.get("/healthz").status, "status afterwards")


# ---- many connections ----------------------------------------------------------------------------


def cut(daemon):
    return daemon.server()["http"]["cut"]


def still_open(sock):
    """=> whether the other side has not closed yet."""
    try:
        sock.setblocking(False)
        return sock.recv(65536) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        sock.settimeout(tap.DEADLINE_S)


def ask(sock):
    """=> whether a request over this connection is answered."""
    try:
        sock.sendall(ASK + b"\r\n")
        return b" 200 " in sock.recv(65536)
    except OSError:
        return False


def test_places_are_for_those_who_ask():
    """Far more connections than there are places, from many addresses, each with a request that never
    ends: every newcomer is answered at once, wherever it comes from."""
    with Daemon(config={"http": {"max_connections": 32}}) as d:
        socks = []
        try:
            for number in range(150):
                socks.append(connect(d, f"127.0.1.{1 + number % 50}"))
                socks[-1].send(b"GET /stats HTTP/1.1\r\nX: ")
                if number % 10 == 9:
                    for source in "127.0.0.1", "127.0.2.1", "127.0.1.1":
                        with connect(d, source) as other:
                            tap.check(ask(other), f"no answer to {source} after {number} others")
            http = d.server()["http"]
            tap.within(1, 32 + 16, http["connections"], "connections at a time")
            tap.check(http["cut"]["crowded_out"] >= 150 - 32, f"expected most to be crowded out, actual {http}")
            lines = [line for line in d.log() if "more than 32 connections" in line]
            tap.equal(1, len(lines), f"log lines about it: {lines}")
        finally:
            for sock in socks:
                sock.close()


def test_one_address_crowds_out_its_own():
    """Whoever takes more than a quarter of the places gives them back first."""
    with Daemon(config={"http": {"max_connections": 32}}) as d:
        others = [connect(d, f"127.0.2.{1 + number // 4}") for number in range(16)]
        greedy = []
        try:
            tap.equal([True] * 16, [ask(sock) for sock in others], "answers to the others at first")
            for number in range(100):
                greedy.append(connect(d, "127.0.1.1"))
                if number % 2:  # half of them have been good clients so far
                    tap.check(ask(greedy[-1]), f"no answer to client {number} of the greedy address")
            tap.wait_until(lambda: sum(map(still_open, greedy)) <= 16, "the greedy address has 16 places at most")
            tap.equal([True] * 16, [ask(sock) for sock in others], "answers to the others at the end")
        finally:
            for sock in others + greedy:
                sock.close()


class Tricklers:
    """Clients that send one byte a second of a request that does not end, and come again when they
    are cut."""

    def __init__(self, daemon, count, addresses):
        self.daemon = daemon
        self.sources = itertools.cycle(f"127.0.1.{1 + number}" for number in range(addresses))
        self.lock = threading.Lock()
        self.socks = [self.begin() for _ in range(count)]
        self.rounds = self.came_again = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.trickle)
        self.thread.start()

    def begin(self):
        sock = connect(self.daemon, next(self.sources))
        sock.sendall(b"GET /stats HTTP/1.1\r\nX: ")
        return sock

    def trickle(self):
        while not self.stop.wait(1):
            for number, sock in enumerate(self.socks):
                try:
                    sock.send(b"a")
                except OSError:
                    sock.close()
                    self.socks[number] = self.begin()
                    self.came_again += 1
            self.rounds += 1

    def close(self):
        self.stop.set()
        self.thread.join()
        for sock in self.socks:
            sock.close()


def time_of_curl(daemon):
    """=> seconds that `curl /stats` took, by its own clock."""
    host, port = daemon.http
    done = subprocess.run(["curl", "-sS", "-m", str(tap.DEADLINE_S), "-o", "/dev/null", "-w", "%{http_code} %{time_total}",
                           f"http://{host}:{port}/stats"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    tap.equal((0, "200"), (done.returncode, done.stdout.split(" ")[0]), f"exit status and status of curl ({done.stderr})")
    return float(done.stdout.split(" ")[1])


def test_two_hundred_tricklers_are_not_noticed():
    """They send one byte a second, from twenty addresses, over their deadline of 10 s and beyond.
    Meanwhile /stats is answered, and not a datagram is lost."""
    with Daemon() as d:
        fill(d, 1000)
        start = d.ingest()["datagrams"]
        tricklers = Tricklers(d, 200, 20)
        times, sent = [], 0
        try:
            tap.equal(200, sum(map(still_open, tricklers.socks)), "tricklers that are connected")
            with Flow(d, ports=4) as flow:
                while tricklers.rounds < 13:
                    for _ in range(500):
                        flow.send(b"c:1|c\nt:1:2|ms")
                    times.append(time_of_curl(d))
                sent = flow.sent
            tap.wait_until(lambda: cut(d)["late"] >= 200, "the first two hundred are cut")
        finally:
            tricklers.close()
        stats = d.stats()
        tap.equal((start + sent, 0), (stats["ingest"]["datagrams"], stats["ingest"]["dropped"]["kernel"]),
                  "datagrams and drops")
        tap.equal((sent, 2 * sent), (stats["counters"]["c"], stats["stats"]["t"]["count"]), "values")
        tap.equal(0, cut(d)["crowded_out"], "connections that made room: there was enough")
        print(f"# curl /stats, {len(times)} times beside 200 tricklers: median {statistics.median(times) * 1000:.1f} ms, "
              f"longest {max(times) * 1000:.1f} ms; {sent} datagrams, none lost; {tricklers.came_again} tricklers were cut")
        tap.within(0, tap.DEADLINE_S / 10, max(times), "seconds of the slowest curl")


# ---- answers that nobody takes -------------------------------------------------------------------


def begin_slow(daemon, source="127.0.0.1"):
    """=> a connection that has asked for everything and takes none of it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.bind((source, 0))
    sock.connect(daemon.http)
    sock.sendall(b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n")
    return sock


def unsent(daemon):
    """=> bytes that the kernel holds for each of the daemon's connections."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        fields = [line.split() for line in list(file)[1:]]
    return [int(field[4].split(":")[0], 16) for field in fields
            if int(field[1].split(":")[1], 16) == daemon.http[1] and field[3] == "01"]


def wait_settled(ask, what):
    """Waits until twenty answers in a row are the same."""
    latest = []

    def question():
        latest.append(ask())
        return latest[-20:] == latest[-1:] * 20
    tap.wait_until(question, f"{what} does not change any more")


def resident(daemon):
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


def test_slow_readers_hold_no_memory_and_nobody_up():
    count = tap.scaled(200000, 20000)
    with Daemon() as d:
        fill(d, count)
        tap.equal(count, len(d.get("/stats").json["stats"]), "series")
        before = resident(d)
        slow = [begin_slow(d, f"127.0.1.{1 + number % 5}") for number in range(20)]
        try:
            tap.wait_until(lambda: sum(held > 10000 for held in unsent(d)) == 20, "all twenty answers have begun")
            times = [time_of_curl(d) for _ in range(5)]
            wait_settled(lambda: unsent(d), "what the kernel holds")
            grown, held = resident(d) - before, max(unsent(d))
            d.record("more:1|c")
            tap.equal(1, d.series("counters", "more"), "a value recorded meanwhile")
            tap.equal(20, sum(map(still_open, slow)), "slow readers that are still there")
            print(f"# 20 slow readers of {count} series: {grown / 20 / 1024:.0f} KiB each in the daemon, "
                  f"{held / 1024:.0f} KiB in the kernel at most; curl /stats {statistics.median(times) * 1000:.0f} ms")
            if tap.SCALE == 1:
                tap.within(0, 20 * 256 * 1024, max(0, grown), "memory that they took")
            # Without a bound it is as much as tcp_wmem lets grow: 2.8 MB were seen.
            tap.within(1, 512 * 1024, held, "bytes that the kernel holds for one of them")
        finally:
            for sock in slow:
                sock.close()


def test_slow_readers_cannot_take_all_places():
    """An answer that is not taken has one second before a newcomer may have its place."""
    with Daemon(config={"http": {"max_connections": 8}}) as d:
        fill(d, 20000)
        slow = [begin_slow(d, f"127.0.1.{1 + number}") for number in range(24)]  # as many as may be there at all
        try:
            def served():
                try:
                    with connect(d, "127.0.2.1") as other:
                        other.settimeout(0.2)
                        return ask(other)
                except OSError:
                    return False
            tap.wait_until(served, "a newcomer is served")
            tap.check(cut(d)["crowded_out"] > 0, "expected slow readers to be crowded out")
        finally:
            for sock in slow:
                sock.close()


# ---- and rubbish ---------------------------------------------------------------------------------


def test_what_is_no_http_leaves_no_trace_in_the_log():
    with Daemon() as d:
        for data in (b"\0" * 5000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n" * 5000, b"GET", b"\xff" * 40000,
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /stats HTTP/1.1\r\n" * 500, b"a" * 100000):
            socks = [connect(d) for _ in range(10)]
            for sock in socks:
                try:
                    sock.sendall(data)
                except OSError:  # cut off while it still talks
                    pass
            for sock in socks:
                sock.close()
            tap.equal(200, d.get("/healthz").status, f"status after {data[:20]!r}")
        noise = [line for line in d.log() if not re.search(r"atomicstatsd|receive buffer", line)]
        tap.equal([], noise, "log lines about it")


if __name__ == "__main__":
    tap.main(globals())
