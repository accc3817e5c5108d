#!/usr/bin/env python3
"""Killed at random times under load, the daemon counts every value that the kernel accepted exactly once.

This process holds the sockets, as a service manager does, so that what comes between two daemons waits.
By hand: test_kills.py --kills 1000 [--rate DATAGRAMS_A_SECOND] [--seed N]"""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import daemon
import known_traffic
import tap

FIRST_FD = 3
SO_RCVBUFFORCE, SO_MEMINFO = 33, 55
BUFFER = 128 << 20


def option(name, default):
    return type(default)(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


KILLS = option("--kills", tap.scaled(150, 20))
RATE = option("--rate", float(tap.scaled(50000, 5000)))
SEED = option("--seed", 1)


class Manager:
    """Holds the sockets and starts daemons on them."""

    def __init__(self, directory, sockets=4, config=None):
        self.held, address = [], ("127.0.0.1", 0)
        for _ in range(sockets):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
            except PermissionError:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            sock.bind(address)
            address = sock.getsockname()
            self.held.append(sock)
        self.udp = address
        self.http = socket.create_server(("127.0.0.1", 0))
        self.log = open(os.path.join(directory, "log"), "ab")
        self.config = os.path.join(directory, "config.json")
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump({"state": {"directory": os.path.join(directory, "state")}, **(config or {})}, file)
        self.process = None

    def _hand_over(self):
        """In the child: the sockets from FIRST_FD on, by way of where none of them is. dup2() clears
        close-on-exec."""
        daemon._die_with_parent()
        far = [os.dup2(sock.fileno(), 200 + i) for i, sock in enumerate((*self.held, self.http))]
        for i, fd in enumerate(far):
            os.dup2(fd, FIRST_FD + i)

    def start(self, threads):
        count = len(self.held)
        line = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *daemon.WRAP, daemon.BINARY, "-c", self.config,
                "--threads", str(threads)]
        environment = daemon.environment(LISTEN_FDS=str(count + 1), LISTEN_FDNAMES=":".join(["udp"] * count + ["http"]))
        self.process = subprocess.Popen(line, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.log, close_fds=False, preexec_fn=self._hand_over)

    def _end(self, expected):
        status = self.process.wait(tap.DEADLINE_S)
        tap.equal(expected, status, f"exit status; the log:\n{self.log_text()}\n")

    def kill(self):
        self.process.kill()
        self._end(-signal.SIGKILL)

    def stop(self):
        self.process.terminate()
        self._end(0)

    def log_text(self):
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()[-4000:]

    def queued(self):
        """=> how full the fullest socket's buffer is, 0 to 1."""
        def one(sock):
            info = struct.unpack("9I", sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))
            return info[0] / info[1]  # SK_MEMINFO_RMEM_ALLOC of SK_MEMINFO_RCVBUF
        return max(map(one, self.held))

    def get(self, path):
        return daemon.request(*self.http.getsockname(), "GET", path).json

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for held in (*self.held, self.http, self.log):
            held.close()


def kill_again_and_again(manager, sender, rng, kills, longest_s):
    """Between 2 ms and `longest_s` after each start. Where the machine is so busy that the queues fill up, the
    sender waits: how fast a daemon comes back is not the question here. => how often it waited."""
    pause, waits = threading.Event(), 0
    for _ in range(kills):
        manager.start(rng.choice((1, 2, 4, 4, 4)))
        pause.wait(rng.uniform(0.002, longest_s))
        if manager.queued() > 0.5:
            waits += 1
            with sender.stopped():
                tap.wait_until(lambda: manager.queued() < 0.1, "the queues get shorter")
        manager.kill()
    return waits


def test_killed_at_random_times_nothing_is_lost_or_counted_twice():
    rng = random.Random(SEED)
    slow = 1 if tap.SCALE >= 1 else 20  # a sanitized one must come to take something in, too
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-", dir=memory) as directory, \
            Manager(directory) as manager, known_traffic.Sender(manager.udp, SEED, rate=RATE) as sender:
        began = time.monotonic()
        waits = kill_again_and_again(manager, sender, rng, KILLS, 0.020 * slow)
        took = time.monotonic() - began
        expected, rate = sender.stop()
        manager.start(4)
        known_traffic.wait_exact(manager.get, expected)
        print(f"# {KILLS} kills in {took:.1f} s, {expected[1]['datagrams']} datagrams, {rate:.0f} a second (the sender "
              f"waited {waits} times), seed {SEED}")
        manager.stop()
        tap.equal(["checkpoint", "lock"], sorted(os.listdir(os.path.join(directory, "state"))), "files after a stop")


if __name__ == "__main__":
    tap.main(globals())
