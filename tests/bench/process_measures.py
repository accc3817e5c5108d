"""What is measured of the process: its start, its rest, its threads. As in measures.py."""

import os
import re
import shutil
import tempfile
import time

from measures import ROUNDS, rounds
from receivers import (RECEIVE_BUFFER, Ours, Sink, asleep, check, cpu_ns, cpu_ticks, daemon, fetch, load,
                       memory_bytes, switches, udp_port, wait_until)
from table import Spread, ratio

# ---- resting ----

def start_and_idle(table, scale):
    """posix_spawn, so that what is measured is the daemon's start and not this program's fork."""
    ready, answers, resident = [], [], []
    for _ in range(2 * ROUNDS):
        first_line, answer, rss = start_once()
        ready.append(1e3 * first_line)
        answers.append(1e3 * answer)
        resident.append(rss / 1e6)
    table.add("exec to ready (its log says so): ms", ready, target=("<=", 10))
    table.add("exec to 200 from /readyz: ms", answers, target=("<=", 10))
    table.add("RSS after the start: MB", resident, target=("<=", 8))
    seconds = 5 * scale
    with Ours(0) as ours:
        wait_until(lambda: asleep(ours.pid))
        ticks, cpu, switched = cpu_ticks(ours.pid), cpu_ns(ours.pid), switches(ours.pid)
        time.sleep(seconds)
        table.add(f"idle for {seconds:g} s: ticks of CPU", [cpu_ticks(ours.pid) - ticks], target=("<=", 0))
        table.add("   the same: us of CPU a second", [(cpu_ns(ours.pid) - cpu) / 1e3 / seconds])
        table.add("   the same: context switches a second", [(switches(ours.pid) - switched) / seconds])


def start_once():
    """=> seconds until its first log line, and until /readyz; RSS then."""
    out, into = os.pipe()
    began = time.perf_counter()
    pid = os.posix_spawn(daemon.BINARY, [daemon.BINARY, "--udp", "127.0.0.1:0", "--http", "127.0.0.1:0"],
                         daemon.environment(), file_actions=[(os.POSIX_SPAWN_DUP2, into, 2)])
    try:
        os.close(into)
        line = os.read(out, 4096).decode()
        first_line = time.perf_counter() - began
        fetch(int(re.search(r"http 127\.0\.0\.1:(\d+)", line).group(1)), "/readyz")
        return first_line, time.perf_counter() - began, memory_bytes(pid)
    finally:
        os.kill(pid, 15)
        os.waitpid(pid, 0)
        os.close(out)


# ---- threads ----

COUNTS = (1, 2, 4, 8)


def thread_counts(table, scale):
    """Against one thread; and what as many sockets cost the sink, which has nothing to share."""
    receivers = []
    try:
        for count in COUNTS:
            receivers += [Ours(count), Sink("--sockets", str(count))]
        for receiver in receivers:
            receiver.run(values=20, ports=16, rate=20000, seconds=0.2)
        runs = rounds(receivers, ROUNDS, values=20, ports=16, seconds=0.5 * scale)
    finally:
        for receiver in receivers:
            receiver.close()
    figures = [[run.ns_a_value for run in each] for each in runs]
    for i, count in enumerate(COUNTS[1:], 1):
        limit = Spread(map(ratio, figures[2 * i + 1], figures[1]))
        table.add(f"{count} ingest threads, 16 ports, flat out: ns CPU a value", figures[2 * i], figures[0], ratio,
                  ("<=", 1.10), f"x; sink {limit} x", against="1 thread")


def instructions(table, scale):
    """User-space instructions a value, which do not depend on the machine's mood: what 10,000
    datagrams more cost, divided by their values. Not with 8 threads: valgrind has too few addresses."""
    if not shutil.which("valgrind"):
        print("  skipped: there is no valgrind to count instructions", flush=True)
        return
    figures = []
    for count in COUNTS[:3] if scale == 1 else COUNTS[:2]:
        few, many = (instructions_of(count, datagrams) for datagrams in (2000, 12000))
        figures.append((many - few) / 10000 / 20)
        table.add(f"user instructions a value, {count} ingest thread{'s' * (count > 1)}", figures[-1:], figures[:1],
                  ratio, ("<=", 1.10), "x", against="1 thread")


def instructions_of(count, datagrams):
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-bench-") as folder:
        path = os.path.join(folder, "callgrind")
        command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={path}", daemon.BINARY,
                   "--threads", str(count)]
        with daemon.Daemon(command=command, config={"ingest": {"receive_buffer_bytes": RECEIVE_BUFFER}}) as d:
            port = d.udp[0][1]
            load(port, values=20, names=100, ports=16, rate=4000, datagrams=datagrams)
            # The stop takes what is left; asking the daemon would cost instructions.
            wait_until(lambda: udp_port(port)[0] == 0)
            check(udp_port(port)[1] == 0, "callgrind: datagrams were lost")
        with open(path, encoding="utf-8") as file:
            return int(re.search(r"^(?:summary|totals): (\d+)", file.read(), re.M).group(1))
