#!/usr/bin/env python3
"""Has spin try all runs of the models in this folder; `make model` calls this.

    tests/model/run.py [-k PATTERN]

Each model is run as it should be, where no run may break a promise and every statement must be reached,
and wrong in one thing at a time, where spin must find the promise that this breaks: a model that cannot
fail proves nothing. A witness is the same for what must be possible. Prints TAP; without spin all is
skipped."""

import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
JOBS = os.cpu_count() or 2
TIMEOUT_S = 600     # of one run; the longest takes half a minute on a slow machine
MEMORY_MB = 900     # of one run, at most
DEPTH = "100000"    # of a run, in steps; the deepest has some hundred

# (model, defines, what must break: None for nothing, else the promise that is asserted)
RIGHT = [
    ("redo", ["SCENARIO=1"]),
    ("redo", ["SCENARIO=2"]),
    ("redo", ["SCENARIO=3"]),
    ("redo", ["SCENARIO=1", "KILLS=3"]),
    ("cell", []),
]
WRONG = [
    ("cell", ["NO_RELEASE_FENCE"], "whole"),
    ("cell", ["NO_ACQUIRE_FENCE"], "whole"),
    ("cell", ["RELAXED_PUBLISH"], "whole"),
    ("cell", ["RELAXED_FIRST_LOAD"], "whole"),
    ("cell", ["NO_SECOND_LOOK"], "whole"),
    ("cell", ["ONE_COPY"], "complete"),
    ("redo", ["REDO_AFTER_STORE"], "counted_once"),
    ("redo", ["BEGUN_FIRST"], "counted_once"),
    ("redo", ["ONE_REDO"], "counted_once"),
    ("redo", ["DECLARE_BEFORE_LOCK"], "counted_once"),
    ("redo", ["UNLOCK_EARLY"], "counted_once"),
    ("redo", ["TRUST_BEGUN"], "counted_once"),
    ("redo", ["RECORD_AGAIN"], "counted_once"),
    ("redo", ["NO_ROLLBACK"], "counted_once"),
    ("redo", ["SETTLE_ONE_BY_ONE"], "counted_once"),
    ("redo", ["KEEP_LOCKS"], "no_lock_left"),
    ("redo", ["STALE_LENGTHS"], "counted_once"),
    ("redo", ["LIVE_FIRST"], "figures_exact"),
    ("redo", ["COUNT_KEPT"], "counted_once"),
    ("redo", ["FIGURES_APART"], "figures_exact"),
    ("redo", ["NO_PREFAULT"], "counted_once"),
    ("redo", ["SCENARIO=2", "ZERO_IS_NONE"], "figures_exact"),
    ("redo", ["SCENARIO=2", "OVER_BY_VALUE"], "counted_once"),
]
WITNESSES = [
    ("cell", [], ["SEEN_RETRY", "SEEN_OLD", "SEEN_HALF"]),
    ("redo", ["SCENARIO=1"], ["SEEN_IN", "SEEN_OUT", "SEEN_UNBEGUN", "SEEN_LOCKED", "SEEN_TWICE"]),
    ("redo", ["SCENARIO=2"], ["SEEN_REFUSED"]),
]


class Failure(Exception):
    pass


class Run:
    """One model with some defines."""

    def __init__(self, model, defines, breaks=None, witness=None):
        self.model, self.defines, self.witness = model, list(defines), witness
        self.breaks = breaks
        if witness:
            self.defines.append(f"WITNESS={witness}")
            self.breaks = r"\(*(\d)!=\1\)"  # the assertion, when spin has put the numbers in
        self.right = self.breaks is None
        self.summary = ""
        self.unreached = set()

    def title(self):
        name = " ".join([self.model, *self.defines])
        if self.right:
            return f"{name}: holds"
        return f"{name}: happens" if self.witness else f"{name}: breaks {self.breaks}"

    def check(self, directory):
        for path in glob.glob(os.path.join(HERE, "*.pml")):
            shutil.copy(path, directory)
        command(directory, "spin", "-a", *[f"-D{define}" for define in self.defines], f"{self.model}.pml")
        # NOREDUCE: spin's shortcut for runs that differ only in order; one thing less to believe in.
        # The wrong ones fail after a moment: compiling them takes longer.
        command(directory, os.environ.get("CC") or "gcc", "-w", "-O2" if self.right else "-O0", "-DSAFETY", "-DCOLLAPSE",
                "-DNOREDUCE", f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c")
        output = command(directory, "./pan", f"-m{DEPTH}")
        errors = re.search(r"errors: (\d+)", output)
        states = re.search(r"(\d+) states, stored", output)
        incomplete = re.search(r"max search depth|not completed|MEMLIM|out of memory", output)
        if not errors or not states:
            raise Failure(f"pan gives no result:\n{output}")
        self.summary = f"{states.group(1)} states"
        self.unreached = unreached(output)
        broken = re.search(r"^pan:1: (.*?)(?: \(at depth \d+\))?$", output, re.MULTILINE)
        if self.right and incomplete and not broken:
            raise Failure(f"not all runs were tried:\n{output}")
        if self.right and (errors.group(1) != "0" or broken):
            raise Failure(f"{broken.group(1) if broken else 'errors'}\n{self.how(directory)}")
        if not self.right and not broken:
            raise Failure(f"expected to break {self.breaks}, and nothing does:\n{output}")
        if not self.right and not re.match(rf"assertion violated\s+{self.breaks}", broken.group(1)):
            raise Failure(f"expected to break {self.breaks}, actual {broken.group(1)}\n{self.how(directory)}")

    def how(self, directory):
        """=> the end of the run that broke it, step by step."""
        steps = command(directory, "spin", "-t", "-p", "-g", *[f"-D{define}" for define in self.defines],
                        f"{self.model}.pml")
        return "\n".join(steps.splitlines()[-120:])


def unreached(output):
    """=> {(proctype, state, statement)}, but for the ends of what never ends."""
    found, where = set(), None
    for line in output.splitlines():
        begin = re.match(r"unreached in (.*)", line)
        state = re.match(r'\t\S+, (state \d+, ".*")', line)
        if begin:
            where = begin.group(1)
        elif where and state and '"-end-"' not in line:
            found.add((where, state.group(1)))
    return found


def command(directory, *line):
    """=> what it printed. pan's exit status says little; spin's and the compiler's count."""
    done = subprocess.run(line, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)
    if done.returncode != 0 and line[0] != "./pan":
        raise Failure(f"{' '.join(line)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def verify(run):
    """=> None, or what went wrong."""
    try:
        with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
            run.check(directory)
    except Failure as why:
        return str(why)
    except subprocess.TimeoutExpired:
        return f"took more than {TIMEOUT_S} s"
    return None


def planned(pattern):
    runs = [Run(model, defines) for model, defines in RIGHT]
    runs += [Run(model, defines, breaks) for model, defines, breaks in WRONG]
    runs += [Run(model, defines, witness=name) for model, defines, names in WITNESSES for name in names]
    return [run for run in runs if pattern in run.title()]


def reached(runs):
    """What no right run of a model reaches is not tried at all. => {model: such statements}"""
    result = {}
    for run in runs:
        if run.right:
            result[run.model] = result.get(run.model, run.unreached) & run.unreached
    return result


def point(number, title, wrong):
    print(f"{'not ok' if wrong else 'ok'} {number} - {title}", flush=True)
    if wrong:
        print("".join(f"# {line}\n" for line in wrong.rstrip().splitlines()), end="", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", dest="pattern", default="", help="only runs with this in their name")
    options = parser.parse_args()
    if not shutil.which("spin"):
        print("1..1\nok 1 - models # SKIP there is no spin here (Debian: spin)")
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    runs = planned(options.pattern)
    # Of a part of the runs nobody can say what all together reach.
    models = sorted({run.model for run in runs}) if not options.pattern else []
    print(f"1..{len(runs) + len(models)}", flush=True)
    failed = 0
    pool = concurrent.futures.ThreadPoolExecutor(JOBS)
    try:
        for number, (run, wrong) in enumerate(zip(runs, pool.map(verify, runs)), 1):
            failed += wrong is not None
            point(number, f"{run.title()}{f', {run.summary}' if run.right and not wrong else ''}", wrong)
    finally:
        pool.shutdown(cancel_futures=True)
    for number, model in enumerate(models, len(runs) + 1):
        left = reached(runs).get(model, set())
        failed += bool(left)
        point(number, f"{model}: every statement is reached", "\n".join(" ".join(part) for part in sorted(left)))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
