#!/usr/bin/env python3
"""Killed at random times under load, the daemon counts every value that the kernel accepted exactly once.

This process holds the sockets, as a service manager does, so that what comes between two daemons waits.
By hand: test_kills.py --kills 1000 [--rate DATAGRAMS_A_SECOND] [--seed N]"""

import os
import random
import sys
import tempfile
import threading
import time

import known_traffic
import tap
from manager import Manager

def option(name, default):
    return type(default)(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


KILLS = option("--kills", tap.scaled(150, 20))
RATE = option("--rate", float(tap.scaled(50000, 5000)))
SEED = option("--seed", 1)


def kill_again_and_again(manager, sender, rng, kills, longest_s):
    """Between 2 ms and `longest_s` after each start, or after it was ready. Where the machine is so busy that the queues fill up, the
    sender waits: how fast a daemon comes back is not the question here. => how often it waited."""
    pause, waits = threading.Event(), 0
    for _ in range(kills):
        manager.start(rng.choice((1, 2, 4, 4, 4)))
        if rng.random() < 0.3:  # however long it takes on this machine, some come to take something in
            manager.get("/readyz")
        pause.wait(rng.uniform(0.002, longest_s))
        if manager.queued() > 0.5:
            waits += 1
            with sender.stopped():
                tap.wait_until(lambda: manager.queued() < 0.1, "the queues get shorter")
        manager.kill()
    return waits


def kills_under(addresses, **sockets):
    """Sends to the manager's `addresses` while daemons come and go, and compares every figure at the end."""
    rng = random.Random(SEED)
    slow = 1 if tap.SCALE >= 1 else 20  # a sanitized one must come to take something in, too
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-", dir=memory) as directory, \
            Manager(directory, **sockets) as manager, \
            known_traffic.Sender(*addresses(manager), seed=SEED, rate=RATE) as sender:
        began = time.monotonic()
        waits = kill_again_and_again(manager, sender, rng, KILLS, 0.020 * slow)
        took = time.monotonic() - began
        manager.start(4)  # a sender may wait for room in a full queue
        expected, rate = sender.stop()
        known_traffic.wait_exact(manager.get, expected)
        print(f"# {KILLS} kills in {took:.1f} s, {expected[1]['datagrams']} datagrams, {rate:.0f} a second (the sender "
              f"waited {waits} times), seed {SEED}")
        manager.stop()
        tap.equal(["checkpoint", "lock"], sorted(os.listdir(os.path.join(directory, "state"))), "files after a stop")


def test_killed_at_random_times_nothing_is_lost_or_counted_twice():
    kills_under(lambda manager: [manager.udp])


def test_killed_at_random_times_with_unix_sockets():
    kills_under(lambda manager: manager.unix, sockets=2, unix=3)


def test_killed_at_random_times_with_both():
    kills_under(lambda manager: [manager.udp, *manager.unix], sockets=2, unix=1)


if __name__ == "__main__":
    tap.main(globals())
