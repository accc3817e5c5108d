#!/usr/bin/env python3
"""Each call of the thread that writes checkpoints fails in turn, while the daemon runs."""

import concurrent.futures
import errno
import os
import shutil
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import tap
from faulty import SHORT, Workshop, checkpoints, what

E = errno



def wait_for_checkpoints(d, total):
    """Has it write them, as there are always new values."""
    pause = threading.Event()

    def enough():
        d.send("hits:1|c")
        pause.wait(0.1)
        return sum(checkpoints(d)) >= total

    tap.wait_until(enough, f"{total} checkpoints")


def checkpoint_sweep(call, error):
    """As sweep(), with the thread that writes checkpoints, each second. A failure is counted, what is
    there stays good, and the next one is written."""
    runs, wrong = 0, []
    with Workshop() as workshop:
        workshop.config["state"]["checkpoint_s"] = 1
        state = workshop.fresh()
        with workshop.daemon(state) as d:
            saved = workshop.BASE
            for k in range(1, 100):  # until a checkpoint has no k-th call
                before = checkpoints(d)
                workshop.fault.arm(call, error, k, thread="checkpoint")
                wait_for_checkpoints(d, sum(before) + 2)  # the first may have begun before
                workshop.fault.disarm()
                if not workshop.fault.struck:
                    break
                runs += 1
                now, copy = checkpoints(d), state + ".copy"
                hits = d.stats()["counters"]["hits"]
                shutil.rmtree(copy, ignore_errors=True)
                os.mkdir(copy)
                shutil.copy(os.path.join(state, "checkpoint"), copy)
                found = workshop.hits(copy)
                if not saved <= found <= hits:
                    wrong.append(f"{call} {k}, {what(error, 1)}: the file has {found}, expected {saved} to {hits}")
                if error not in (SHORT, E.EINTR) and (now[1] == before[1] or not d.has_said(error)):
                    wrong.append(f"{call} {k}, {what(error, 1)}: not counted as failed, or not told: {d.log()}")
                saved = found
                if 2 * k >= workshop.fault.seen:
                    break
            hits, before = d.record("hits:1|c")["counters"]["hits"], checkpoints(d)
            tap.wait_until(lambda: checkpoints(d)[0] >= before[0] + 1, "a good checkpoint")
        if workshop.hits(state) != hits:
            wrong.append(f"after {call} {what(error, 1)}: {workshop.hits(state)} saved, expected {hits}")
    return call, error, runs, wrong


def test_checkpoints():
    plan = [("alloc", E.ENOMEM), ("open", E.EMFILE), ("open", E.EROFS), ("write file", E.ENOSPC), ("write file", E.EIO),
            ("write file", E.EINTR), ("write file", SHORT), ("fsync", E.EIO), ("fsync", E.ENOSPC), ("rename", E.EIO),
            ("close", E.EIO)]
    with concurrent.futures.ProcessPoolExecutor(len(plan)) as pool:  # they sleep
        done = list(pool.map(checkpoint_sweep, *zip(*plan)))
    print("# " + ", ".join(f"{call} {what(error, 1)} {runs}" for call, error, runs, _ in done))
    wrong = [text for *_, texts in done for text in texts]
    wrong += [f"no run in which {call} failed" for call, _, runs, _ in done if runs == 0]
    tap.check(not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong))


if __name__ == "__main__":
    tap.main(globals())
