#!/usr/bin/env python3
"""What strangers may do to the TCP port: connections that say nothing, too many of them, lines without end,
garbage. Memory is bounded, and everybody else is served meanwhile."""

import contextlib
import os
import random
import resource
import socket
import ssl
import threading
import time

import tap
from daemon import BINARY, WRAP, Daemon, rss_kib
from streams import server_side, sockets, tcp_connect, total, wait_closed, wait_ingest, wait_read

MANY = tap.scaled(1000, 200)


def tcp_daemon(*args, **options):
    return Daemon(*args, tcp=("127.0.0.1:0",), **options)


def check_memory(d, before_kib, most_kib, what):
    """A sanitizer's own memory is not ours to bound."""
    grown = rss_kib(d.pid) - before_kib
    print(f"# {what}: {grown} KiB more")
    if tap.SCALE >= 1:
        tap.check(grown <= most_kib, f"{what}: memory grew by {grown} KiB, more than {most_kib}")


@contextlib.contextmanager
def many(d, count, data=b""):
    """So many connections at once, each with `data` sent and read."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 100)), hard))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        bytes_ = total(d, "bytes") + count * len(data)
        socks = [stack.enter_context(tcp_connect(d.tcp[0], data)) for _ in range(count)]
        tap.wait_equal(bytes_, lambda: total(d, "bytes"), "bytes that have come")
        tap.wait_equal(count, lambda: total(d, "connections"), "connections")
        yield socks


def check_served(d, times=20):
    """A new client of each kind gets what it wants."""
    for _ in range(times):
        ingest = d.ingest()
        d.send("served.udp:1|c")
        with tcp_connect(d.tcp[0], b"served.tcp:1|c\n"):
            wait_ingest(d, datagrams=ingest["datagrams"] + 1, lines=ingest["lines"] + 2)
        tap.equal(200, d.get("/healthz").status, "status of /healthz")
    counters = d.stats()["counters"]
    tap.check(counters["served.udp"] == counters["served.tcp"] >= times, f"counters: {counters}")


# ---- many ----------------------------------------------------------------------------------------


def test_a_thousand_idle_connections_cost_next_to_nothing():
    with tcp_daemon("--threads", "2") as d:
        check_served(d)
        before = rss_kib(d.pid)
        with many(d, MANY):
            check_memory(d, before, 2048, f"{MANY} connections that never said anything")
            check_served(d)
        tap.wait_equal(0, lambda: total(d, "connections"), "connections")
        with many(d, MANY, b"c:1|c\n") as socks:
            check_memory(d, before, 4096, f"{MANY} connections that are silent after a line")
            check_served(d)
            for sock in socks:
                sock.sendall(b"c:1|c\n")
            tap.wait_equal(2 * MANY, lambda: d.stats()["counters"]["c"], "the counter")
        tap.wait_equal(0, lambda: total(d, "connections"), "connections")
        check_served(d)


def test_connections_in_the_middle_of_a_line_keep_it_and_no_more():
    count, part = tap.scaled(400, 50), b"c:1|c|#tag:" + b"x" * 800
    with tcp_daemon("--threads", "2") as d:
        check_served(d)
        before = rss_kib(d.pid)
        for number in (1, 2, 3):  # what one round took serves the next one
            with many(d, count, part) as socks:
                check_memory(d, before, 2048 + count * 16, f"{count} unfinished lines")
                check_served(d)
                for sock in socks:
                    sock.sendall(b"\n")
                tap.wait_equal(number * count, lambda: sum(d.stats("?name=c")["counters"].values()), "the counter")
            tap.wait_equal(0, lambda: total(d, "connections"), "connections")
        wait_ingest(d, rejected=0)


def test_a_client_that_never_sends_a_newline():
    """As much as it likes, as fast as it can: one refused line in the end."""
    megabytes = tap.scaled(256, 8)
    with tcp_daemon("--threads", "1") as d:
        check_served(d)
        before, ingest = rss_kib(d.pid), d.ingest()
        with tcp_connect(d.tcp[0]) as sock:
            def flood():
                for _ in range(megabytes):
                    sock.sendall(b"x" * (1 << 20))
            flooder = threading.Thread(target=flood)
            flooder.start()
            served = 0
            while flooder.is_alive():
                served += 1
                with tcp_connect(d.tcp[0], b"meanwhile:1|c\n"):
                    tap.wait_equal(served, lambda: d.stats()["counters"].get("meanwhile"), "clients served meanwhile")
            flooder.join()
            print(f"# {served} clients served meanwhile")
            wait_read(sock)
            check_memory(d, before, 4096, f"{megabytes} MiB without a newline")
            sock.sendall(b"\nc:1|c\n")
            tap.wait_equal(1, lambda: d.stats()["counters"].get("c"), "a line behind it")
            check_served(d)
        rejected = d.ingest()["rejected"]
        tap.equal((1, 1), (rejected["total"] - ingest["rejected"]["total"], rejected["too_long"]), "rejected and too_long")


def test_one_that_sends_without_end_does_not_keep_others_from_their_turn():
    """On one thread: three floods of lines that take their time, as their tags have to be sorted, and a client with a
    line now and then."""
    data = (b"flood:1|c|#" + b",".join(b"t%d:%d" % (99 - i, i) for i in range(90)) + b"\n") * 1000
    with tcp_daemon("--threads", "1") as d, contextlib.ExitStack() as stack:
        enough, sent = threading.Event(), [0] * 3

        def flood(number):
            with tcp_connect(d.tcp[0]) as sock:
                while not enough.is_set():
                    sock.sendall(data)
                    sent[number] += 1000
        flooders = [threading.Thread(target=flood, args=(number,)) for number in range(3)]
        for flooder in flooders:
            flooder.start()
        try:
            tap.wait_until(lambda: d.ingest()["lines"] > 10000, "the floods flow")
            sock = stack.enter_context(tcp_connect(d.tcp[0]))
            for number in range(1, 51):
                sock.sendall(b"small:1|c\n")
                d.send("udp:1|c")
                tap.wait_until(lambda: [d.stats()["counters"].get(name) for name in ("small", "udp")] == [number] * 2,
                               f"lines {number} of the small client and of UDP are in")
        finally:
            enough.set()
            for flooder in flooders:
                flooder.join()
        wait_ingest(d, lines=sum(sent) + 100, rejected=0)


# ---- too many ------------------------------------------------------------------------------------


def limited(limit, threads):
    return tcp_daemon("--threads", str(threads), config={"ingest": {"tcp_max_connections": limit}})


def test_more_connections_than_are_allowed_are_closed_at_once():
    for threads in (1, 3):
        with limited(9, threads) as d, contextlib.ExitStack() as stack:
            def connect():
                return stack.enter_context(tcp_connect(d.tcp[0], b"c:1|c\n"))
            kept = [connect() for _ in range(9)]
            wait_ingest(d, lines=9)
            for number in range(1, 21):
                with socket.create_connection(d.tcp[0]) as sock:
                    wait_closed(sock)
                tap.equal((9, number), (total(d, "connections"), total(d, "refused")), "connections and refused")
            said = [line for line in d.log() if "tcp_max_connections" in line]
            tap.within(1, threads, len(said), f"log lines about it in a minute, one a thread: {said}")
            for number, sock in enumerate(kept, 1):  # nobody had to leave
                sock.sendall(b"c:1|c\n")
            wait_ingest(d, lines=18)
            kept.pop().close()
            tap.wait_equal(8, lambda: total(d, "connections"), "connections after one has left")
            connect()
            wait_ingest(d, lines=19)
            d.record("udp:1|c")
            tap.equal((9, 20), (total(d, "connections"), total(d, "refused")), "connections and refused")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_without_descriptors_it_waits_and_goes_on():
    """There are fewer than connections may be: the rest waits in the kernel, and nothing spins."""
    with tcp_daemon("--threads", "2", command=["prlimit", "--nofile=64:64", *WRAP, BINARY]) as d:
        d.record("c:1|c")  # over a connection for HTTP that is kept
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(tcp_connect(d.tcp[0], b"tcp:1|c\n")) for _ in range(100)]
            counted = tap.wait_until(lambda: d.stats()["counters"].get("tcp", 0), "some are served")
            began, cpu = time.monotonic(), cpu_s(d.pid)
            for _ in range(200):
                d.record("c:1|c")
            tap.wait_until(lambda: time.monotonic() - began > 1.5, "some time has gone by")
            took, cpu = time.monotonic() - began, cpu_s(d.pid) - cpu
            # What we asked meanwhile costs something, too; a loop without a wait takes all that there is.
            print(f"# {counted} of 100 served at first; {cpu:.2f} s of CPU in {took:.2f} s")
            if tap.SCALE >= 1:
                tap.check(cpu < 0.6 * took, f"it needs {cpu:.2f} s of CPU in {took:.2f} s")
            for sock in socks[:90]:
                sock.close()
            with tcp_connect(d.tcp[0], b"later:1|c\n"):
                tap.wait_equal(1, lambda: d.stats()["counters"].get("later"), "one that came later")
        told = [line for line in d.log() if "descriptor" in line or "RLIMIT_NOFILE" in line or "NOFILE" in line]
        tap.check(1 <= len(told) <= 3, f"log lines about it: {told}")


def test_the_limit_of_descriptors_is_raised():
    """As many as connections may be, whatever the shell's soft limit says."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 2048:
        raise tap.Skip(f"the hard limit is {hard}")
    with tcp_daemon("--threads", "2", command=["prlimit", f"--nofile=256:{hard}", *WRAP, BINARY]) as d, \
            many(d, tap.scaled(1000, 400), b"c:1|c\n"):
        tap.equal(hard, resource.prlimit(d.pid, resource.RLIMIT_NOFILE)[0], "the soft limit")
        check_served(d, 1)


def test_dead_ones_are_looked_for():
    """The kernel asks whoever has been silent for a minute whether he is still there."""
    with tcp_daemon("--threads", "1") as d, tcp_connect(d.tcp[0], b"c:1|c\n") as sock:
        wait_read(sock)
        def timer():
            kind, _, ticks = server_side(sock)[5].partition(":")
            return kind == "02" and int(ticks, 16) / 100  # of USER_HZ
        tap.within(30, 60, tap.wait_until(timer, "the kernel's keepalive timer runs"), "seconds until it asks")


# ---- garbage -------------------------------------------------------------------------------------


def check_sums(d):
    ingest = d.ingest()
    tap.check(ingest["values"] >= ingest["lines"] - ingest["rejected"]["total"] - ingest["ignored"] >= 0,
              f"lines, values and rejected: {ingest}")
    return ingest


def test_an_http_request_by_mistake():
    with tcp_daemon() as d, tcp_connect(d.tcp[0], b"GET /stats HTTP/1.1\r\nHost: localhost:8125\r\nAccept: */*\r\n\r\n") as sock:
        stats = wait_ingest(d, lines=3, rejected=3)
        sock.shutdown(socket.SHUT_WR)
        wait_closed(sock)
        tap.equal({}, stats["counters"], "counters")
        check_served(d, 1)


def test_a_tls_client():
    with tcp_daemon() as d:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        for _ in range(20):
            with tcp_connect(d.tcp[0], outgoing.read() or b"\x16\x03\x01\x02\x00\x01") as sock:
                sock.shutdown(socket.SHUT_WR)
                wait_closed(sock)
        ingest = check_sums(d)
        tap.equal(ingest["lines"], ingest["rejected"]["total"] + ingest["values"], "lines are refused or values")
        tap.check(ingest["rejected"]["total"] > 0, f"some are refused: {ingest}")
        check_served(d, 1)


def test_random_bytes():
    rng = random.Random(8)
    with tcp_daemon("--threads", "2") as d:
        sent = 0
        for number in range(tap.scaled(200, 40)):
            data = rng.randbytes(rng.choice((1, 10, 1000, 70000)))
            if number % 3 == 0:
                data = bytes(rng.choice(b"a:1|c\n\r\0#@,.\xff") for _ in range(2000))
            with tcp_connect(d.tcp[0]) as sock:
                for at in range(0, len(data), max(1, len(data) // 3)):
                    sock.sendall(data[at:at + max(1, len(data) // 3)])
                sent += len(data)
                if number % 2:
                    sock.shutdown(socket.SHUT_WR)
                    wait_closed(sock)
                else:
                    wait_read(sock)
        tap.wait_equal((0, sent), lambda: (total(d, "connections"), total(d, "bytes")), "connections and bytes")
        check_sums(d)
        check_served(d)


def test_nothing_but_newlines():
    with tcp_daemon("--threads", "1") as d, tcp_connect(d.tcp[0], b"\n" * 200000 + b"\r\n" * 100000) as sock:
        wait_read(sock)
        wait_ingest(d, lines=0, values=0, rejected=0, bytes=400000)


def test_urgent_data():
    with tcp_daemon("--threads", "1") as d, tcp_connect(d.tcp[0], b"c:1|c\n") as sock:
        sock.send(b"!", socket.MSG_OOB)
        sock.sendall(b"c:1|c\n")
        tap.wait_equal(2, lambda: d.stats()["counters"].get("c"), "the counter")
        check_served(d, 1)


def test_they_come_and_go():
    """Faster than anybody looks: nothing is left of them."""
    count = tap.scaled(3000, 300)
    with tcp_daemon("--threads", "2") as d:
        check_served(d, 1)
        fds = len(os.listdir(f"/proc/{d.pid}/fd"))
        before = rss_kib(d.pid)
        lines = d.ingest()["lines"]
        for number in range(count):
            tcp_connect(d.tcp[0], b"c:1|c\nc:1|c").close()
            if number % 100 == 99:
                wait_ingest(d, lines=lines + 2 * (number + 1))
        tap.wait_equal({0}, lambda: {one["connections"] for one in sockets(d.server(), "tcp")}, "connections")
        tap.equal(fds, len(os.listdir(f"/proc/{d.pid}/fd")), "descriptors")
        check_memory(d, before, 2048, f"{count} connections one after the other")


if __name__ == "__main__":
    tap.main(globals())
