#!/usr/bin/env python3
"""The end of a process that has connections. A clean stop takes in what clients have sent; after kill -9, what the
daemon had read is counted exactly once, and of the rest nothing.

By hand: test_tcp_kills.py --kills 300 [--seed N]"""

import contextlib
import glob
import os
import random
import select
import signal
import socket
import struct
import sys
import tempfile
import threading

import known_traffic
import tap
from daemon import Daemon
from manager import Manager
from streams import server_side, tcp_connect, total, unacknowledged
from test_exact import wait_stopped


def option(name, default):
    return type(default)(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


KILLS = option("--kills", tap.scaled(40, 8))
SEED = option("--seed", 1)


def scratch():
    return tempfile.TemporaryDirectory(prefix="atomicstatsd-test-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


def stateful(directory, *args):
    return Daemon(*args, tcp=("127.0.0.1:0",), config={"state": {"directory": os.path.join(directory, "state")}})


# ---- a clean stop --------------------------------------------------------------------------------


def test_a_stop_takes_what_the_kernel_holds():
    """Of open connections, of those that the client has ended, and of those that nobody has accepted yet."""
    traffic = known_traffic.Traffic(21)
    for number in (signal.SIGTERM, signal.SIGINT):
        with scratch() as directory, contextlib.ExitStack() as stack:
            d = stack.enter_context(contextlib.closing(stateful(directory, "--threads", "2")))
            socks = [stack.enter_context(tcp_connect(d.tcp[0])) for _ in range(10)]
            tap.wait_equal(10, lambda: total(d, "connections"), "connections")
            d.send_signal(signal.SIGSTOP)
            wait_stopped(d.pid)
            socks += [stack.enter_context(tcp_connect(d.tcp[0])) for _ in range(10)]
            ended = socks[::2]
            for sock in socks:
                # Its last line has no newline: that is a line only of those who have ended.
                sock.sendall(traffic.stream()[:-1] if sock in ended else traffic.stream() + b"half:1")
            for sock in ended:
                sock.shutdown(socket.SHUT_WR)
            for sock in socks:
                tap.wait_equal(0, lambda sock=sock: unacknowledged(sock), "bytes that the kernel does not hold")
            d.send_signal(number)
            d.send_signal(signal.SIGCONT)
            tap.equal(0, d.wait_exit(), "exit status")
            series, ingest = traffic.expected_of_streams(20)
            ingest["bytes"] -= 10  # newlines; and what was no line is not counted
            with stateful(directory) as again:
                known_traffic.wait_exact(lambda path: again.get(path).json, (series, ingest))
            for sock in socks:
                sock.settimeout(tap.DEADLINE_S)
                tap.equal(b"", sock.recv(1), "what a client is told: an end, not an error")


def test_a_stop_does_not_wait_for_a_client_without_end():
    with Daemon("--threads", "1", tcp=("127.0.0.1:0",)) as d, tcp_connect(d.tcp[0]) as sock:
        enough = threading.Event()

        def flood():
            with contextlib.suppress(OSError):
                while not enough.is_set():
                    sock.sendall(b"c:1|c\n" * 10000)
        flooder = threading.Thread(target=flood)
        flooder.start()
        try:
            tap.wait_until(lambda: d.stats()["counters"].get("c", 0) > 10000, "the flood flows")
            d.stop()
        finally:
            enough.set()
            flooder.join()


def test_a_stop_does_not_wait_for_silent_ones():
    with Daemon(tcp=("127.0.0.1:0",)) as d, contextlib.ExitStack() as stack:
        socks = [stack.enter_context(tcp_connect(d.tcp[0])) for _ in range(50)]
        tap.wait_equal(50, lambda: total(d, "connections"), "connections")
        d.stop()
        for sock in socks:
            tap.equal(b"", sock.recv(1), "what a silent client is told")


# ---- kill -9 -------------------------------------------------------------------------------------


def in_flight(sock):
    """=> packets that the other side's kernel has not acknowledged (tcpi_unacked)."""
    return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]


def stop_all_threads(d):
    d.send_signal(signal.SIGSTOP)

    def states():
        found = set()
        for path in glob.glob(f"/proc/{d.pid}/task/*/stat"):
            with open(path, encoding="ascii") as file:
                found.add(file.read().rpartition(")")[2].split()[0])
        return found
    tap.wait_equal({"T"}, states, "states of the daemon's threads")


def was_read(sock, sent):
    """=> bytes that the daemon, which does not run, has read of so many."""
    tap.wait_equal(0, lambda: in_flight(sock), "packets under way")
    fields = tap.wait_until(lambda: server_side(sock), "the connection is in the kernel's table")
    return sent - unacknowledged(sock) - int(fields[4].split(":")[1], 16)


def test_what_was_read_is_counted_once_and_no_more():
    """Stopped anywhere, then killed: the kernel tells how far the daemon had read each connection."""
    rng, line = random.Random(SEED), b"n%d:+1|c\n"
    counted, torn = [0] * 3, 0
    with scratch() as directory:
        for _ in range(KILLS):
            with contextlib.closing(stateful(directory, "--threads", rng.choice("12"))) as d, contextlib.ExitStack() as stack:
                socks = [stack.enter_context(tcp_connect(d.tcp[0])) for _ in counted]
                data = [line % number * 2000 for number in range(len(socks))]
                sent = [0] * len(socks)
                for sock in socks:
                    sock.setblocking(False)
                for _ in range(rng.randrange(1, 60)):
                    for ready in select.select([], socks, [], 0.01)[1]:
                        number = socks.index(ready)
                        at = sent[number] % len(data[number])
                        with contextlib.suppress(BlockingIOError):
                            sent[number] += ready.send(data[number][at:at + rng.choice((1, 51, 4999, 20001))])
                stop_all_threads(d)
                read = [was_read(sock, count) for sock, count in zip(socks, sent)]
                d.send_signal(signal.SIGKILL)
                d.wait_exit()
            for number, bytes_ in enumerate(read):
                counted[number] += bytes_ // len(line % number)
                torn += bytes_ % len(line % number) != 0
            with stateful(directory) as d:
                stats = d.stats()
                found = [stats["counters"].get(f"n{number}", 0) for number in range(len(counted))]
                tap.equal(counted, found, "complete lines that were read, and what the counters say")
                tap.equal((sum(counted), sum(counted), 0), (stats["ingest"]["lines"], stats["ingest"]["values"],
                                                            stats["ingest"]["rejected"]["total"]), "lines, values, rejected")
    print(f"# {KILLS} kills, {sum(counted)} lines; {torn} connections were in the middle of a line; seed {SEED}")
    tap.check(torn > 0, "no kill came in the middle of a line")


NUMBERS = [b"%d" % number for number in range(1, 50001)]


class Client(threading.Thread):
    """One connection after the other, each with a name of its own and the values 1, 2, 3, …"""

    def __init__(self, address, number, rng):
        super().__init__()
        self.address, self.number, self.rng = address, number, rng
        self.sent, self.enough = {}, threading.Event()

    def run(self):
        while not self.enough.is_set():
            name, last = f"k{self.number}.{len(self.sent)}", self.rng.randrange(1, len(NUMBERS) + 1)
            self.sent[name] = last
            start = f"{name}:".encode()
            data = start + (b"|ms\n" + start).join(NUMBERS[:last]) + b"|ms\n"
            with contextlib.suppress(OSError), tcp_connect(self.address) as sock:  # until the daemon is killed
                for at in range(0, len(data), 4000):  # cuts lines, too
                    sock.sendall(data[at:at + 4000])


def parted(stats):
    """=> what came over TCP, name to stats; and the rest, as known_traffic has it."""
    series, ingest = known_traffic.held(stats)
    over_tcp = {name: one for name, one in stats["stats"].items() if name.startswith("k")}
    return over_tcp, ({**series, "stats": {name: one for name, one in series["stats"].items() if name not in over_tcp}},
                      ingest)


def all_in(manager, expected):
    """=> the stats, once there is no connection left, and the figures are those of what is known and of what came over
    TCP; None before that."""
    if manager.get("/server")["ingest"]["tcp"]["connections"] > 0:
        return None
    stats = manager.get("/stats")
    over_tcp = sum(one["count"] for one in parted(stats)[0].values())
    ingest = stats["ingest"]
    return stats if (ingest["values"], ingest["lines"]) == (expected["values"] + over_tcp, expected["lines"] + over_tcp) else None


def test_killed_again_and_again_each_connection_s_values_are_a_beginning_of_what_it_sent():
    """And what comes to the same threads over UDP and a Unix socket is counted once."""
    rng, pause = random.Random(SEED), threading.Event()
    with scratch() as directory, Manager(directory, sockets=1, tcp=2, unix=1) as manager, \
            known_traffic.Sender(manager.udp, *manager.unix, seed=SEED, rate=tap.scaled(5000, 500)) as sender:
        clients = [Client(manager.tcp, number, random.Random(SEED + number)) for number in range(4)]
        for client in clients:
            client.start()
        try:
            for _ in range(KILLS):
                manager.start(rng.choice((1, 2)))
                if rng.random() < 0.5:
                    tap.wait_until(lambda: manager.get("/server")["ingest"]["tcp"]["connections"], "somebody is connected")
                pause.wait(rng.uniform(0, 0.1))
                manager.kill()
        finally:
            manager.start(2)  # whoever waits for a connection, or for room in a queue, gets it
            for client in clients:
                client.enough.set()
            for client in clients:
                client.join()
        (series, ingest), _ = sender.stop()
        stats = tap.wait_until(lambda: all_in(manager, ingest), "all that was sent is in, and the figures tell what is held")
        over_tcp, known = parted(stats)
        same = {key: ingest[key] for key in ("datagrams", "ignored", "bad_value")}
        tap.equal([], known_traffic.differences((series, same), known), "what came over UDP and the Unix socket")
        sent = {name: last for client in clients for name, last in client.sent.items()}
        for name, one in over_tcp.items():
            count = one["count"]
            tap.equal((count, count * (count + 1) // 2, 1, count),
                      (count, one["sum"], one["min"], one["max"]), f"count, sum, min and max of {name}")
            tap.check(count <= sent[name], f"{name}: {count} of {sent[name]}")
        whole = sum(one["count"] == sent[name] for name, one in over_tcp.items())
        cut = len(sent) - whole
        print(f"# {KILLS} kills cut {cut} of {len(sent)} connections; {sum(one['count'] for one in over_tcp.values())} of "
              f"{sum(sent.values())} values came; besides {ingest['datagrams']} datagrams; seed {SEED}")
        tap.check(cut > 0 and whole > 0, "some connections are cut, and some are not")
        manager.stop()


# ---- sockets handed over -------------------------------------------------------------------------


def test_connections_wait_while_nobody_is_there():
    """What a service manager holds is the listening socket: who connects to it meanwhile is served by the next."""
    with scratch() as directory, Manager(directory, sockets=1, tcp=3) as manager, contextlib.ExitStack() as stack:
        lines = 0
        for end in ("", "stop", "kill", "stop", "kill"):
            if end:
                getattr(manager, end)()
            for number in range(30):
                sock = stack.enter_context(tcp_connect(manager.tcp, b"c:1|c\nc:1|c\n"))
                if number % 2:
                    sock.shutdown(socket.SHUT_WR)
                lines += 2
            manager.start(2)
            tap.wait_equal({"c": lines}, lambda: manager.get("/stats")["counters"], "counters")
        tap.equal(3, sum(one["transport"] == "tcp" for thread in manager.get("/server")["ingest"]["threads"]
                         for one in thread["sockets"]), "listening sockets")
        manager.stop()


def test_each_listening_socket_is_served():
    """Three of one group, over which the kernel spreads the clients, with fewer threads and with more."""
    with scratch() as directory, Manager(directory, sockets=3, tcp=3) as manager:
        lines = 0
        for threads in (1, 2, 3, 5):
            manager.start(threads)
            for _ in range(60):
                tcp_connect(manager.tcp, b"c:1|c\n").close()
                lines += 1
            tap.wait_equal({"c": lines}, lambda: manager.get("/stats")["counters"], f"counters with {threads} threads")
            manager.stop()


if __name__ == "__main__":
    tap.main(globals())
