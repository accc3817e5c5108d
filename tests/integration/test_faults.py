#!/usr/bin/env python3
"""What the system refuses: memory, a buffer of that size, a place to write to."""

import resource
import subprocess

import tap
from daemon import BINARY, Daemon, environment


def limit_memory(pid, soft):
    """No new writable memory for the process beyond `soft` bytes; it keeps what it has."""
    hard = resource.prlimit(pid, resource.RLIMIT_DATA)[1]
    resource.prlimit(pid, resource.RLIMIT_DATA, (soft, hard))


def queued(port):
    """=> bytes that wait in our UDP sockets on this port."""
    with open("/proc/net/udp", encoding="ascii") as file:
        fields = [line.split() for line in list(file)[1:]]
    return sum(int(field[4].split(":")[1], 16) for field in fields if int(field[1].split(":")[1], 16) == port)


def send_names(daemon, first, count):
    """Two lines a name; never more under way than a small buffer holds. HTTP cannot be asked while
    there is no memory for it."""
    for at in range(first, first + count, 20):
        daemon.send("\n".join(f"name.{n}:1|ms\nname.{n}:x|s" for n in range(at, at + 20)))
        if at % 400 == 0:
            tap.wait_equal(0, lambda: queued(daemon.udp[0][1]), "bytes in the queue")


def test_no_memory_for_a_series_is_counted_and_told_once():
    count = 20000
    with Daemon("--threads", "1") as d:
        d.record("known:1|c")
        limit_memory(d.pid, 1)
        try:
            send_names(d, 0, count)
            d.wait_log("no memory")
            send_names(d, count, count)
            d.send("known:1|c")
            tap.wait_equal(0, lambda: queued(d.udp[0][1]), "bytes in the queue")
        finally:
            limit_memory(d.pid, resource.RLIM_INFINITY)
        send_names(d, 2 * count, 20)
        d.wait_datagrams(2 + 2 * count // 20 + 1)
        stats = d.stats()
        ingest = stats["ingest"]
        over_limit = ingest["rejected"]["over_limit"]
        tap.equal(2 + 4 * count + 40, ingest["lines"], "lines")
        tap.check(over_limit > 0, "some lines found no memory")
        tap.equal((over_limit, ingest["lines"] - over_limit), (ingest["rejected"]["total"], ingest["values"]),
                  "rejected and values")
        tap.equal(ingest["values"] - 2, len(stats["stats"]) + len(stats["sets"]), "series")
        tap.equal(2, stats["counters"]["known"], "a known series meanwhile")
        tap.contains(f"name.{2 * count}", stats["stats"], "a new series afterwards")
        told = [line for line in d.log() if "no memory" in line]
        tap.equal(1, len(told), f"lines about it in a minute: {told}")
        print(f"# {over_limit} of {4 * count} lines found no memory")


def test_the_largest_receive_buffer_is_not_complained_about():
    largest = 1073741824  # the kernel keeps twice as much in an int, so it takes one byte less
    with Daemon(config={"ingest": {"receive_buffer_bytes": largest}}) as d:
        buffer = d.server()["ingest"]["threads"][0]["sockets"][0]["receive_buffer"]
        tap.equal(largest - 1, buffer["asked_bytes"], "asked")
        complaints = [line for line in d.log() if "asked for a receive buffer" in line]
        if buffer["granted_bytes"] // 2 < largest - 1:
            print(f"# this system grants {buffer['granted_bytes'] // 2} bytes only")
            tap.equal(1, len(complaints), "complaints about a smaller buffer")
        else:
            tap.equal([], complaints, "complaints about what was granted")


def test_output_that_cannot_be_written_is_said():
    for option in "--print-config", "--check-config", "--help", "--version":
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, option], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                                  text=True, env=environment(), timeout=tap.DEADLINE_S)
        tap.equal(1, done.returncode, f"exit status of {option} >/dev/full")
        tap.contains("cannot write to stdout: No space left", done.stderr, f"stderr of {option} >/dev/full")


if __name__ == "__main__":
    tap.main(globals())
