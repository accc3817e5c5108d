"""What every Python test file here shares: run functions, print TAP, wait for conditions.

A test file ends with `tap.main(globals())`; each function named test_… is one test. It passes by
returning, fails by raising, and is skipped by raising Skip. `-k PATTERN` picks tests by name."""

import fnmatch
import os
import signal
import sys
import threading
import time
import traceback

DEADLINE_S = float(os.environ.get("TEST_DEADLINE_S", "60"))
# Sanitizers slow the daemon down: they get the same tests with less load.
SCALE = float(os.environ.get("TEST_SCALE", "1"))


class Skip(Exception):
    """This machine cannot show what the test wants to see."""


class Failure(AssertionError):
    pass


def scaled(number, least=1):
    return max(least, int(number * SCALE))


def short(value, limit=600):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def fail(text):
    raise Failure(text)


def equal(expected, actual, what=""):
    if expected != actual:
        fail(f"{what or 'value'}: expected {short(expected)}, actual {short(actual)}")


def close(expected, actual, what="", relative=1e-9):
    ok = isinstance(actual, (int, float)) and abs(actual - expected) <= relative * abs(expected)
    if not ok:
        fail(f"{what or 'value'}: expected {expected!r} within {relative:g}, actual {actual!r}")


def within(low, high, actual, what=""):
    if actual is None or not low <= actual <= high:
        fail(f"{what or 'value'}: expected {low!r} to {high!r}, actual {actual!r}")


def contains(part, whole, what=""):
    if part not in whole:
        fail(f"{what or 'text'}: expected to contain {short(part)}, actual {short(whole, 2000)}")


def check(condition, text):
    if not condition:
        fail(text)


def wait_until(question, what, deadline_s=None):
    """Asks until the answer is true, then returns that answer."""
    pause = threading.Event()
    end = time.monotonic() + (deadline_s or DEADLINE_S)
    last = None
    while True:
        last = question()
        if last:
            return last
        if time.monotonic() > end:
            fail(f"still not so after {deadline_s or DEADLINE_S:g} s: {what}; last: {short(last)}")
        pause.wait(0.005)


def wait_equal(expected, ask, what, deadline_s=None):
    """Asks until the answer is `expected`; a failure shows the last answer."""
    seen = [None]

    def question():
        seen[0] = ask()
        return seen[0] == expected

    try:
        wait_until(question, what, deadline_s)
    except Failure:
        fail(f"{what}: expected {short(expected)}, actual {short(seen[0])} (last of many)")


def _stop(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def _diagnose(text):
    for line in text.rstrip().splitlines():
        print(f"# {line}")


def main(names):
    signal.signal(signal.SIGTERM, _stop)
    arguments = sys.argv[1:]
    pattern = arguments[arguments.index("-k") + 1] if "-k" in arguments else ""
    tests = [(name[5:], test) for name, test in names.items()
             if name.startswith("test_") and callable(test)
             and (not pattern or pattern in name or fnmatch.fnmatch(name[5:], pattern))]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        title, began = name.replace("_", " "), time.monotonic()
        try:
            test()
            print(f"ok {number} - {title}", flush=True)
            if time.monotonic() - began > 5:
                print(f"# took {time.monotonic() - began:.0f} s", flush=True)
        except Skip as why:
            print(f"ok {number} - {title} # SKIP {why}", flush=True)
        except Failure as why:
            failed += 1
            print(f"not ok {number} - {title}", flush=True)
            where = traceback.extract_tb(why.__traceback__)
            own = [f for f in where if os.path.basename(f.filename) != "tap.py"]
            _diagnose(str(why))
            _diagnose("at " + " < ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in reversed(own)))
        except Exception:  # a test that breaks is a failed test, and the next one runs
            failed += 1
            print(f"not ok {number} - {title}", flush=True)
            _diagnose(traceback.format_exc())
    sys.stdout.flush()
    sys.exit(1 if failed else 0)
