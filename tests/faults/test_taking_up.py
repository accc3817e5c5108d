#!/usr/bin/env python3
"""Each call of a start fails that takes up what a killed process has left: nothing of it is lost or
counted twice, however often such starts fail."""

import errno
import http.client
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import tap
from faulty import HELD, SHORT, daemon_status, with_log
from sweeps import broken, look_at_state, sweep_all

E = errno


def take_up(workshop, error):
    killed, hits = workshop.killed()
    state = workshop.fresh(killed)
    d = workshop.daemon(state)
    try:
        if not d.started:
            wrong = d.wrong_end(error) or ("exit status 0 before it served" if d.status == 0 else None)
            return with_log(wrong or look_at_state(workshop, state, [hits]), d)
        workshop.fault.disarm()
        base = d.count()
        d.end()
        if d.status != 0:
            return with_log(f"it ran, but: {d.wrong_end(error) or daemon_status(d.status)}", d)
        if base != hits:
            return with_log(f"it began at {base}, expected {hits}", d)
        return with_log(look_at_state(workshop, state, [base + HELD]), d)
    except (tap.Failure, http.client.HTTPException, OSError) as failure:
        return broken(workshop, state, hits, d, error, failure)
    finally:
        d.close()


take_up.on_disk = True  # there, a boot has to be told from others


def test_taking_up_without_memory():
    sweep_all(take_up, [("alloc", [E.ENOMEM], 10, 1, 4, 2), ("mmap", [E.ENOMEM], 4), ("mprotect", [E.ENOMEM], 3),
                        ("munmap", [E.ENOMEM], 1), ("mlock", [E.ENOMEM], 0), ("madvise", [E.EINVAL], 0)])


def test_taking_up_without_files():
    sweep_all(take_up, [("open", [E.EMFILE], 4), ("read file", [E.EIO, SHORT], 3),
                        ("write file", [E.ENOSPC, E.EIO], 0), ("ftruncate", [E.ENOSPC], 0),
                        ("fallocate", [E.ENOSPC], 0), ("fstat", [E.EIO], 1), ("readdir", [E.EIO], 0), ("fsync", [E.EIO], 0),
                        ("rename", [E.EIO], 0), ("unlink", [E.EIO], 0), ("close", [E.EIO], 3), ("flock", [E.ENOLCK], 1)])


if __name__ == "__main__":
    tap.main(globals())
