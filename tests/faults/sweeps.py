"""One kind of call after the other fails, each time in another place."""

import concurrent.futures
import errno
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import tap
from faulty import HELD, SHORT, Workshop, place, what, with_log

JOBS = 3 * (os.cpu_count() or 2)  # they wait for one another, mostly


def sweep(phase, call, error, count, first, stride):
    """The k-th call fails, for k = first, first + stride, … => (runs, [complaint])."""
    runs, wrong, name = 0, [], phase.__name__
    with Workshop(getattr(phase, "on_disk", False)) as workshop:
        k = first
        while True:
            workshop.fault.arm(call, error, k, count)
            complaint = phase(workshop, error)
            if not workshop.fault.struck:
                if complaint:
                    wrong.append(f"{name} without any fault: {complaint}")
                return runs, wrong
            runs += 1
            where = place(workshop.fault.where) if complaint else ""
            if complaint:
                wrong.append(f"{name}, {call} {k}, {what(error, count)}, {where}: {complaint}")
            k += stride


def sweep_all(phase, plan):
    """`plan`: (call, errors, least number of runs for each[, count, split, stride])."""
    jobs = []
    for call, errors, least, *more in plan:
        count, split, stride = (list(more) + [1, 1, 1][len(more):])[:3] if more else (1, 1, 1)
        for error in errors:
            for part in range(split):
                jobs.append((call, error, least, (phase, call, error, count, 1 + part * stride, split * stride)))
    runs, wrong = {}, []
    with concurrent.futures.ProcessPoolExecutor(JOBS) as pool:
        for (call, error, least, _), done in zip(jobs, pool.map(sweep, *zip(*(job[3] for job in jobs)))):
            runs[call, error] = runs.get((call, error), 0) + done[0]
            wrong += done[1]
    print(f"# {phase.__name__}: {sum(runs.values())} runs: " + ", ".join(
        f"{call} {'half' if error == SHORT else errno.errorcode[error]} {number}"
        for (call, error), number in runs.items()))
    for call, errors, least, *_ in plan:
        for error in errors:
            if runs[call, error] < least:
                wrong.append(f"{phase.__name__}: only {runs[call, error]} runs in which {call} failed")
    tap.check(not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong))


# ---- what all phases ask ----


def look_at_state(workshop, state, allowed):
    """What was saved is taken up by the next start."""
    hits = workshop.hits(state)
    return None if hits in allowed else f"the next start takes up {hits}, expected one of {allowed}"


def broken(workshop, state, base, d, error, failure):
    """It no longer answers: it may have ended, but then as at any other time."""
    if not d.has_left():
        return with_log(repr(failure), d)
    wrong = d.wrong_end(error) or (f"exit status 0, unasked: {failure!r}" if d.status == 0 else None)
    return with_log(wrong or look_at_state(workshop, state, range(base, base + HELD + 1)), d)
