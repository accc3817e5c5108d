#!/usr/bin/env python3
"""Runs every test and counts each one; `make test` calls this.

    tests/run.py [STAGE...] [-k PATTERN] [-v]

STAGE: unit asan tsan clang house model integration faults cli systemd clients page fuzz (all, in this order, if
none is named).
-k runs only the test programs whose name ("integration/test_http.py") has PATTERN in it.
-v shows the output of tests that pass, too.

Every test program speaks TAP. A crash, a time-out, a sanitizer's report, an unfulfilled plan and a
build that fails count as one failed test each; a skip is counted as a skip. The last line is
`N passed, N failed` (`, N skipped` may follow); the exit status is 1 if any failed."""

import argparse
import glob
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = os.cpu_count() or 2
TIMEOUT_S = 900  # of one test program; generous, for a loaded machine
BUILD_TIMEOUT_S = 1800
STRESS_SECONDS = "3"
FUZZ_SECONDS = "30"
# A report ends the program with an exit status that no test expects.
SANITIZERS = {
    "ASAN_OPTIONS": "exitcode=99:halt_on_error=1:abort_on_error=0:detect_leaks=1:detect_stack_use_after_return=1:"
                    "strict_string_checks=1:check_initialization_order=1",
    "LSAN_OPTIONS": "exitcode=99",
    "UBSAN_OPTIONS": "exitcode=99:halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "exitcode=99:halt_on_error=1:second_deadlock_stack=1",
}
PYTHON_TESTS = ("integration", "peers", "fleet")
# What a datagram does must not depend on how it is searched.
PARSING_TESTS = (("integration", "test_exact.py"), ("integration", "test_protocol.py"), ("peers", "test_peers.py"))


class Results:
    def __init__(self, verbose):
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.verbose = verbose

    def add(self, state, label, output=""):
        if state == "ok":
            self.passed += 1
        elif state == "skip":
            self.skipped += 1
        else:
            self.failed += 1
            self.failures.append(label)
        print(f"  {state:<6} {label}", flush=True)
        if output and (state == "FAILED" or self.verbose):
            print("".join(f"         {line}\n" for line in output.rstrip().splitlines()), end="", flush=True)


class Runner:
    def __init__(self, results, pattern):
        self.results = results
        self.pattern = pattern
        self.child = None

    # ---- processes ----

    def run(self, command, timeout, env=None):
        """=> (exit status or None after a time-out, output). In a session of its own, so that
        nothing that it started outlives it."""
        if not shutil.which(command[0]):
            return 127, f"there is no {command[0]}"
        self.child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, start_new_session=True,
                                      env={**clean_environment(), **SANITIZERS, **(env or {})})
        output, end = b"", time.monotonic() + timeout
        try:
            pipe = self.child.stdout.fileno()
            while True:
                left = end - time.monotonic()
                if left <= 0 or not select.select([pipe], [], [], left)[0]:
                    return None, output.decode("utf-8", "replace")
                part = os.read(pipe, 65536)
                if not part:
                    break
                output += part
            return self.child.wait(), output.decode("utf-8", "replace")
        finally:
            self.end_child()

    def end_child(self):
        child, self.child = self.child, None
        if child is None:
            return
        if child.poll() is None:  # its own clean-up first
            signal_group(child.pid, signal.SIGTERM)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                pass
        signal_group(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()

    # ---- tests ----

    def wanted(self, label):
        return self.pattern in label

    def tap(self, label, command, env=None, timeout=TIMEOUT_S):
        """Runs one program that speaks TAP and counts its tests."""
        if not self.wanted(label):
            return
        status, output = self.run(command, timeout, env)
        self.count_tap(label, status, output)

    def count_tap(self, label, status, output):
        planned, seen, failed, block = None, 0, 0, []
        for kind, text, block in tap_points(output):
            if kind == "plan":
                planned = (planned or 0) + text
                continue
            seen += 1
            failed += kind == "FAILED"
            self.results.add(kind, f"{label}: {text}", "\n".join(block))
        if status is None:
            self.results.add("FAILED", f"{label}: took more than its time", tail(output))
        elif status != 0 and not failed:
            self.results.add("FAILED", f"{label}: ended with {describe(status)}", tail(output))
        elif planned is None or seen < planned:
            self.results.add("FAILED", f"{label}: planned {planned} tests, ran {seen}", tail(output))
        elif status == 0 and failed:
            self.results.add("FAILED", f"{label}: says 0 though {failed} failed", tail(output))

    def step(self, label, command, timeout=BUILD_TIMEOUT_S):
        """Runs a command that is one test by itself: 0 is a pass. => whether it passed."""
        status, output = self.run(command, timeout)
        self.results.add("ok" if status == 0 else "FAILED", label,
                         tail(output, 200) if status != 0 else "")
        return status == 0

    def make(self, *arguments):
        return self.step("make " + " ".join(arguments), ["make", "--no-print-directory", f"-j{JOBS}", *arguments])

    def programs(self, mode, prefix=(), env=None):
        base = os.path.join("build", *([] if mode == "release" else [mode]), "tests")
        for path in built(base, "unit", "test_"):
            self.tap(f"{mode}/unit/{os.path.basename(path)}", [*prefix, path],
                     {"CMOCKA_MESSAGE_OUTPUT": "TAP", **(env or {})})
        for path in built(base, "stress", "stress_"):
            self.tap(f"{mode}/stress/{os.path.basename(path)}", [*prefix, path, STRESS_SECONDS], env)

    def python(self, folder, name, label=None, env=None):
        path = os.path.join("tests", folder, name)
        self.tap(label or f"{folder}/{name}", [sys.executable, path], env)


def clean_environment():
    """Make's own variables would reach the makes that tests start."""
    dropped = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "GNUMAKEFLAGS", "MODE", "B", "DESTDIR")
    env = {key: value for key, value in os.environ.items() if key not in dropped}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    return env


def signal_group(pid, number):
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass


def describe(status):
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def tail(output, lines=80):
    return "\n".join(output.rstrip().splitlines()[-lines:])


def tap_points(output):
    """Yields ("plan", number, []) and ("ok" | "FAILED" | "skip", text, diagnostics). What stands
    around a point belongs to it: cmocka writes before the point, everybody else after it."""
    points, loose = [], []
    for line in output.splitlines():
        plan = re.match(r"1\.\.(\d+)", line)
        point = re.match(r"(not )?ok\b\s*(\d+)?\s*(?:- )?(.*)", line)
        if plan:
            yield "plan", int(plan.group(1)), []
        elif point:
            text = point.group(3)
            skip = re.search(r"#\s*SKIP\b", text, re.IGNORECASE)
            # cmocka reports a skipped test as "not ok N # SKIP".
            kind = "skip" if skip else "FAILED" if point.group(1) else "ok"
            points.append([kind, text or f"test {point.group(2)}", loose])
            loose = []
        elif points and points[-1][0] != "ok":
            points[-1][2].append(line)
        else:
            loose.append(line)
    for kind, text, block in points:
        yield kind, text, block


def built(base, folder, prefix):
    """The programs whose source is there now: old ones may lie about in build/."""
    sources = glob.glob(os.path.join(ROOT, "tests", folder, prefix + "*.c"))
    return [os.path.join(base, folder, os.path.basename(path)[:-2]) for path in sorted(sources)]


def tests_in(folder, suffix=".py"):
    return sorted(os.path.basename(path) for path in glob.glob(os.path.join(ROOT, "tests", folder, "test_*" + suffix)))


# ---- stages --------------------------------------------------------------------------------------


def stage_unit(runner):
    """gcc, warnings as errors: units and stress"""
    if runner.make("WERROR=1", "all", "unit", "stress"):
        runner.programs("release")


def stage_asan(runner):
    """address, leak and undefined behaviour: units, stress, the daemon under load, the program for the terminal"""
    if runner.make("MODE=asan", "all", "unit", "stress"):
        runner.programs("asan")
        loaded(runner, "asan", {})
        base = os.path.join(ROOT, "build", "asan")
        for name in tests_in("cli"):
            runner.python("cli", name, f"asan/cli/{name}",
                          {"ATOMICSTATSD": f"{base}/atomicstatsd", "ATOMICSTATS": f"{base}/atomicstats",
                           "TEST_SCALE": "0.05", "TEST_DEADLINE_S": "180"})


def stage_tsan(runner):
    """data races: units, stress, the daemon under load"""
    compiler, prefix = tsan_that_runs()
    if compiler is None:
        runner.results.add("skip", "tsan: no thread sanitizer runs on this kernel")
        return
    if runner.make("MODE=tsan", f"CC={compiler}", "all", "unit", "stress"):
        runner.programs("tsan", prefix)
        loaded(runner, "tsan", {"ATOMICSTATSD_WRAP": " ".join(prefix)})


def loaded(runner, mode, env):
    env = {"ATOMICSTATSD": os.path.join(ROOT, "build", mode, "atomicstatsd"), "TEST_SCALE": "0.05",
           "TEST_DEADLINE_S": "180", **env}
    for name in ("test_protocol.py", "test_http.py", "test_hostile_http.py", "test_exact.py", "test_unix.py", "test_tcp.py",
                 "test_tcp_limits.py", "test_tcp_kills.py"):
        runner.python("integration", name, f"{mode}/integration/{name}", env)
    runner.python("peers", "test_peers.py", f"{mode}/peers/test_peers.py", env)
    runner.python("fleet", "test_metrics.py", f"{mode}/fleet/test_metrics.py", env)


def tsan_that_runs():
    """=> (compiler, what to put before a program): not every runtime starts under every kernel's
    address space layout."""
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        source = os.path.join(directory, "probe.c")
        with open(source, "w", encoding="ascii") as file:
            file.write("int main(void) { return 0; }\n")
        for prefix in ([], ["setarch", "-R"]):
            for compiler in ("gcc", "clang"):
                program = os.path.join(directory, compiler)
                if not shutil.which(compiler):
                    continue
                made = subprocess.run([compiler, "-fsanitize=thread", "-fPIE", "-pie", "-o", program, source],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                # A layout that fits by luck is none: it has to fit each time.
                if made.returncode == 0 and all(
                        subprocess.run([*prefix, program], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL).returncode == 0 for _ in range(20)):
                    return compiler, prefix
    return None, []


def stage_clang(runner):
    """clang, warnings as errors"""
    runner.make("B=build/clang", "CC=clang", "WERROR=1", "all", "unit", "stress")


def stage_house(runner):
    """the house rules: floors, headers, memory orders"""
    for name in tests_in("house"):
        runner.python("house", name)


def stage_model(runner):
    """the models, all their runs"""
    runner.tap("model/run.py", [sys.executable, os.path.join("tests", "model", "run.py")], timeout=BUILD_TIMEOUT_S)


def need_daemon(runner):
    return runner.make("WERROR=1", "all")


def stage_integration(runner):
    """the daemon from outside"""
    if need_daemon(runner):
        for folder in PYTHON_TESTS:
            for name in tests_in(folder):
                runner.python(folder, name)
        # The tests above have run with the fastest scanner that the CPU has.
        for folder, name in PARSING_TESTS:
            runner.python(folder, name, f"portable/{folder}/{name}", {"TEST_SCANNER": "portable"})


def stage_faults(runner):
    """each call of start-up, checkpoint and stop fails once, under the sanitizers"""
    if need_daemon(runner) and runner.make("WERROR=1", "shim") and runner.make("MODE=asan", "daemon"):
        env = {"ATOMICSTATSD": os.path.join(ROOT, "build", "asan", "atomicstatsd"),
               "ATOMICSTATSD_READER": os.path.join(ROOT, "build", "atomicstatsd")}
        for name in tests_in("faults"):
            runner.python("faults", name, env=env)


def stage_cli(runner):
    """the program for the terminal, and the manual"""
    if need_daemon(runner):
        for name in tests_in("cli"):
            runner.python("cli", name)


def stage_systemd(runner):
    """the installed units under a real systemd"""
    if need_daemon(runner):
        for name in tests_in("systemd"):
            runner.python("systemd", name)


def stage_clients(runner):
    """real StatsD clients"""
    if need_daemon(runner):
        for name in tests_in("clients"):
            runner.python("clients", name)


def stage_page(runner):
    """the page in a browser"""
    if need_daemon(runner) and runner.step("npm ci in tests/page", [
            "npm", "ci", "--prefix", "tests/page", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional"]):
        for name in tests_in("page", ".js"):
            runner.tap(f"page/{name}", ["node", os.path.join("tests", "page", name)])


def stage_fuzz(runner):
    """the fuzzers over their corpora"""
    runner.tap("fuzz/run.py", [sys.executable, os.path.join("tests", "fuzz", "run.py"), "--seconds", FUZZ_SECONDS],
               timeout=BUILD_TIMEOUT_S)


STAGES = {name[6:]: function for name, function in list(globals().items()) if name.startswith("stage_")}
ORDER = ("unit", "asan", "tsan", "clang", "house", "model", "integration", "faults", "cli", "systemd", "clients", "page",
         "fuzz")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="any of: " + " ".join(ORDER))
    parser.add_argument("-k", dest="pattern", default="", help="only test programs with this in their name")
    parser.add_argument("-v", dest="verbose", action="store_true", help="show the output of passing tests")
    options = parser.parse_args()
    unknown = [name for name in options.stages if name not in STAGES]
    if unknown:
        parser.error(f"no such stage: {' '.join(unknown)} (there are: {' '.join(ORDER)})")
    os.chdir(ROOT)
    results = Results(options.verbose)
    runner = Runner(results, options.pattern)

    def stop(number, _frame):
        raise KeyboardInterrupt(signal.Signals(number).name)

    signal.signal(signal.SIGTERM, stop)
    start = time.monotonic()
    try:
        for name in options.stages or ORDER:
            began = time.monotonic()
            print(f"== {name}: {STAGES[name].__doc__}", flush=True)
            STAGES[name](runner)
            print(f"   {time.monotonic() - began:.0f} s", flush=True)
    except KeyboardInterrupt as why:
        runner.end_child()
        results.failed += 1
        results.failures.append(f"interrupted ({why or 'SIGINT'})")
    if results.passed + results.failed + results.skipped == 0:
        results.add("FAILED", f"nothing matches {options.pattern!r}")
    print(f"== {time.monotonic() - start:.0f} s")
    for label in results.failures:
        print(f"FAILED {label}")
    print(f"{results.passed} passed, {results.failed} failed"
          + (f", {results.skipped} skipped" if results.skipped else ""), flush=True)
    sys.exit(1 if results.failed else 0)


if __name__ == "__main__":
    main()
