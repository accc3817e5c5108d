#!/usr/bin/env python3
"""Everything at once: load over UDP and Unix sockets, garbage, also over TCP, kills, clean stops, slow readers, reloads,
names that come and go. At the end every value of the known traffic is there exactly once, and memory has not grown.

By hand: test_everything.py --seconds 1200 [--rate DATAGRAMS_A_SECOND] [--seed N], best with the sanitized daemon:
make MODE=asan; ATOMICSTATSD=build/asan/atomicstatsd tests/integration/test_everything.py …"""

import contextlib
import json
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time

import known_traffic
import streams
import tap
from daemon import rss_kib
from manager import Manager


def option(name, default):
    return type(default)(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


SECONDS = option("--seconds", 12.0)
RATE = option("--rate", float(tap.scaled(8000, 1000)))
SEED = option("--seed", 1)
EXPIRE_S = 8  # known names come several times a second


class Background(threading.Thread):
    """Calls `step` again and again until it is stopped; what it raises fails the test."""

    def __init__(self, step, pause_s):
        super().__init__()
        self.step, self.pause_s, self.error = step, pause_s, None
        self.enough = threading.Event()

    def run(self):
        try:
            while not self.enough.wait(self.pause_s):
                self.step()
        except Exception as error:  # told by stop()
            self.error = error

    def stop(self):
        self.enough.set()
        self.join()
        if self.error:
            raise self.error


@contextlib.contextmanager
def running(*threads):
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.stop()


class Stranger:
    """Sends what nobody should: random bytes, cut and bent lines; and names that live for a moment."""

    def __init__(self, address, rng):
        self.rng, self.sent, self.born = rng, 0, 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect(address)

    def garbage(self):
        rng = self.rng
        for _ in range(40):
            text = rng.choice((b"x:1|c|@0", b"x:nan|ms", b":1|c", b"a b:+|g", b"x:1|q", b"x|c:1", b"\xff\xfe:1|c", b""))
            if rng.random() < 0.5:
                text = rng.randbytes(rng.randrange(200))
            self._send(text)

    def churn(self):
        for _ in range(20):
            self._send(b"\n".join(b"short.%d.%s:1|%s" % (self.born + i, b"lived" * 3, self.rng.choice((b"ms", b"c", b"g")))
                                  for i in range(10)))
            self.born += 10

    def _send(self, text):
        self.sock.send(text)
        self.sent += 1


class Connections:
    """Clients over TCP that send what strangers do, leave in the middle of a line or without a word, or stay."""

    def __init__(self, address, rng):
        self.address, self.rng, self.open, self.made = address, rng, [], 0

    def step(self):
        rng = self.rng
        with contextlib.suppress(OSError):  # the daemon may be killed just then
            sock = streams.tcp_connect(self.address)
            self.open.append(sock)
            self.made += 1
            sock.sendall(b"\n".join(rng.choice((b"x:1|c|@0", b"over.tcp:1|c", b"y" * rng.randrange(20000), rng.randbytes(300)))
                                    for _ in range(rng.randrange(30))))
        while len(self.open) > 30:
            (streams.reset if rng.random() < 0.5 else socket.socket.close)(self.open.pop(rng.randrange(len(self.open))))

    def close(self):
        while self.open:
            self.open.pop().close()


class Readers:
    """Clients that take their time, and some that leave in the middle."""

    def __init__(self, address):
        self.address, self.open = address, []

    def step(self):
        with contextlib.suppress(OSError):
            sock = socket.create_connection(self.address, timeout=tap.DEADLINE_S)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n")
            self.open.append(sock)
        for sock in list(self.open):
            with contextlib.suppress(OSError):
                sock.settimeout(0)
                sock.recv(512)
        while len(self.open) > 20:
            self.open.pop(0).close()

    def close(self):
        while self.open:
            self.open.pop().close()


def reload(manager, rng):
    """Only what may change under way; and sometimes a file that is broken."""
    config = {"state": {"directory": os.path.join(os.path.dirname(manager.config), "state"),
                        "checkpoint_s": rng.randint(1, 3)},
              "limits": {"expire_after_s": EXPIRE_S, "max_series": rng.randint(60000, 90000)}}
    with open(manager.config, "w", encoding="utf-8") as file:
        file.write(json.dumps(config))
    manager.process.send_signal(signal.SIGHUP)


def lives(manager, rng, until):
    """=> (kills, stops, memory of processes that lived for some seconds)"""
    pause, kills, stops, memory = threading.Event(), 0, 0, []
    while time.monotonic() < until:
        manager.start(rng.choice((1, 2, 3, 4)))
        tap.wait_until(lambda: manager.get("/readyz")["status"] == "ok", "it is ready")
        for _ in range(rng.randint(1, 4)):
            pause.wait(rng.uniform(0.05, 1))
            reload(manager, rng)
        memory.append(rss_kib(manager.process.pid))
        if rng.random() < 0.8:
            manager.kill()
            kills += 1
        else:
            manager.stop()
            stops += 1
    return kills, stops, memory


def differences(expected, stats):
    """What is known is compared; the figures are everybody's."""
    series, _ = expected
    actual, _ = known_traffic.held(stats)
    return known_traffic.differences((series, {}), ({section: {name: value for name, value in names.items()
                                                               if name in series[section]}
                                                     for section, names in actual.items()}, {}))


def test_everything_at_once():
    rng = random.Random(SEED)
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    config = {"limits": {"expire_after_s": EXPIRE_S, "max_series": 90000}}
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-", dir=folder) as directory, \
            Manager(directory, config=config, tcp=2, unix=2) as manager, \
            known_traffic.Sender(manager.udp, *manager.unix, seed=SEED, names=100, rate=RATE) as sender:
        stranger, readers = Stranger(manager.udp, rng), Readers(manager.http.getsockname())
        connections = Connections(manager.tcp, random.Random(SEED + 1))
        slow = tap.SCALE
        with running(Background(stranger.garbage, 0.02 / slow), Background(stranger.churn, 0.02 / slow),
                     Background(readers.step, 0.05), Background(connections.step, 0.02 / slow)):
            kills, stops, memory = lives(manager, rng, time.monotonic() + SECONDS)
        readers.close()
        connections.close()
        manager.start(4)  # the sender may wait for room in a Unix socket's queue
        expected, rate = sender.stop()
        sent = expected[1]["datagrams"] + stranger.sent
        tap.wait_until(lambda: manager.get("/stats?name=none")["ingest"]["datagrams"] >= sent, f"{sent} datagrams are in")
        stats = manager.get("/stats")
        ingest = stats["ingest"]
        tap.equal([], differences(expected, stats), "differences")
        tap.equal((sent, 0), (ingest["datagrams"], ingest["dropped"]["kernel"]), "datagrams and dropped")
        manager.stop()
        print(f"# {SECONDS:g} s, {kills} kills, {stops} stops, {sent} datagrams ({rate:.0f} a second known), "
              f"{stranger.born} short-lived names, {connections.made} connections, RSS {min(memory) // 1024} to {max(memory) // 1024} MiB, seed {SEED}")
        # What lives at once is bounded, so is memory: processes late in the run need no more than early ones.
        early, late = max(memory[: max(1, len(memory) // 2)]), max(memory[len(memory) // 2:])
        tap.check(late <= 2 * early + 20480, f"memory grew from {early} to {late} KiB")


if __name__ == "__main__":
    tap.main(globals())
