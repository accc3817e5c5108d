#!/usr/bin/env python3
"""What no call reports: clocks that step, a table of descriptors that is full; and that the daemon
stays one process."""

import errno
import os
import resource
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import tap
from daemon import BINARY, Daemon, environment
from faulty import Workshop, checkpoints, shim_environment, with_log

E = errno

# Leaks are found by a process of its own, which needs descriptors.
NO_LEAKS = {"ASAN_OPTIONS": shim_environment()["ASAN_OPTIONS"] + ":detect_leaks=0"}



def test_clock_steps():
    """The time of day jumps, and the machine sleeps: values, age and checkpoints go on."""
    with Workshop() as workshop:
        workshop.config["state"]["checkpoint_s"] = 1
        workshop.config["limits"]["expire_after_s"] = 3600
        state, year = workshop.fresh(), 365 * 86400
        with workshop.daemon(state) as d:
            hits = workshop.BASE
            for realtime_s, boottime_s in ((86400, 0), (-86400, 0), (200 * year, 0), (-56 * year, 0), (0, 30 * 86400),
                                           (0, 0)):
                workshop.fault.step_clocks(realtime_s, boottime_s)
                before = checkpoints(d)
                for n in range(20):
                    hits += 1
                    stats = d.record(f"hits:1|c\njob:{n + 1}/20|p\nwrong")
                tap.equal((hits, 20), (stats["counters"]["hits"], stats["progress"]["job"]["done"]), "hits and progress")
                tap.equal(7 + 1, sum(len(stats[kind]) for kind in ("stats", "counters", "gauges", "sets", "flags",
                                                                   "progress")), f"series: {stats}")
                for field in "rate_per_s", "eta_s":
                    value = stats["progress"]["job"][field]
                    tap.check(value is None or value >= 0, f"{field} is {value} after {realtime_s} s")
                tap.within(0, 600, stats["service"]["uptime_s"], "uptime_s")
                tap.equal(200, d.get("/healthz").status, "status of /healthz")
                tap.wait_until(lambda: checkpoints(d)[0] > before[0], "a checkpoint")
        tap.equal(hits, workshop.hits(state), "hits that were saved")


def test_few_descriptors():
    """With so many descriptors and no more: it says so and ends, or serves with them."""
    with Workshop() as workshop:
        for limit in range(4, 200):
            workshop.fault.arm("", 0)
            command = ["/bin/sh", "-c", f'ulimit -Sn {limit}; exec "$0" "$@"', BINARY]
            # Without TCP: for that it would raise its limit itself.
            d = workshop.daemon(workshop.fresh(), streams=False, command=command, env=NO_LEAKS)
            try:
                if d.started:  # with none left for clients, perhaps
                    hard = resource.prlimit(d.pid, resource.RLIMIT_NOFILE)[1]
                    resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (hard, hard))
                    tap.equal(workshop.BASE, d.count(), "hits that it has taken up")
                    d.end()
                    tap.equal(0, d.status, "exit status")
                    break
                tap.equal(None, with_log(d.wrong_end(E.EMFILE), d), f"what is wrong with {limit} descriptors")
                tap.equal(1, d.status, f"exit status with {limit} descriptors")
            finally:
                d.close()
        tap.within(12, 60, limit, "descriptors that it needs")
        print(f"# it needs {limit} descriptors")


def test_it_never_becomes_two():
    """Under a filter of the kernel's that kills whoever forks, or executes another program."""
    forbidden = {**shim_environment(FAULT_FORBID_FORK="1"), **NO_LEAKS}
    shown = subprocess.run(["/bin/sh", "-c", ":; echo one"], env=environment(**forbidden), stdout=subprocess.PIPE)
    if shown.stdout != b"one\n":
        raise tap.Skip("this system lets no process filter its own calls")
    for body in "(echo two)", "exec true", "true & wait", "/bin/true":
        killed = subprocess.run(["/bin/sh", "-c", f"{body}; exit"], env=environment(**forbidden), stdout=subprocess.PIPE)
        tap.equal((-signal.SIGSYS, b""), (killed.returncode, killed.stdout), f"what becomes of sh -c '{body}'")
    with Workshop() as workshop:
        state = workshop.fresh()
        with Daemon("--state", state, config={"state": {"checkpoint_s": 1}}, env=forbidden) as d:
            before = checkpoints(d)[0]
            d.record("hits:1|c")
            tap.wait_until(lambda: checkpoints(d)[0] > before, "a checkpoint")
            d.send_signal(signal.SIGHUP)
            d.wait_log("nothing has changed")
            tap.equal(200, d.get("/stats").status, "status of /stats")
        tap.equal(workshop.BASE + 1, workshop.hits(state), "hits that were saved")


if __name__ == "__main__":
    tap.main(globals())
