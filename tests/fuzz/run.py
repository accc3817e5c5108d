#!/usr/bin/env python3
"""Builds the fuzzers and runs each on a copy of its corpus; `make fuzz` calls this.

    tests/fuzz/run.py [--seconds N] [NAME...]

N (default 30) is shared among the fuzzers. What crashes one is printed, and kept in build/fuzz/.
`daemon` is fuzz_daemon.py, for the whole daemon under the sanitizers. Prints TAP."""

import argparse
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "tests", "fuzz")
BUILD = os.path.join(ROOT, "build", "fuzz", "tests", "fuzz")
MAX_INPUT = "4096"


def make(*arguments):
    env = {key: value for key, value in os.environ.items()
           if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MODE", "B")}
    done = subprocess.run(["make", "--no-print-directory", f"-j{os.cpu_count()}", *arguments],
                          cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.stdout.write("".join(f"# {line}\n" for line in done.stdout.splitlines()))
    return done.returncode == 0


def build():
    return make("MODE=fuzz", "CC=clang", "fuzzers") and make("MODE=asan", "daemon")


def show(data):
    """The input in a form to put into a test: printable, the rest as octal escapes."""
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\{b:03o}" for b in data)


def fuzz_daemon(seconds):
    """=> None, or what went wrong."""
    env = {"ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "exitcode=99:halt_on_error=1:print_stacktrace=1",
           **os.environ, "ATOMICSTATSD": os.path.join(ROOT, "build", "asan", "atomicstatsd")}
    process = subprocess.Popen([sys.executable, os.path.join(HERE, "fuzz_daemon.py"), "--seconds", str(seconds)],
                               env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output = process.communicate(timeout=seconds + 600)[0].decode("utf-8", "replace")
    except BaseException:
        process.terminate()  # it ends its daemon
        process.wait()
        raise
    sys.stdout.write("".join(f"{line}\n" for line in output.splitlines() if line.startswith("#")))
    return f"exit status {process.returncode}\n{output}" if process.returncode != 0 else None


def fuzz(name, seconds):
    """=> None, or what went wrong."""
    if name == "daemon":
        return fuzz_daemon(seconds)
    corpus = os.path.join(HERE, "corpus", name)
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        copy = os.path.join(directory, "corpus")
        if os.path.isdir(corpus):
            shutil.copytree(corpus, copy)
        else:
            os.mkdir(copy)
        seeds = len(os.listdir(copy))
        prefix = os.path.join(directory, "found-")
        command = [os.path.join(BUILD, "fuzz_" + name), copy, f"-max_total_time={seconds}", f"-max_len={MAX_INPUT}",
                   "-timeout=30", "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={prefix}"]
        options = os.path.join(HERE, name + ".dict")
        if os.path.exists(options):
            command.append(f"-dict={options}")
        process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        try:
            output = process.communicate(timeout=seconds + 600)[0].decode("utf-8", "replace")
        except BaseException:
            process.kill()
            process.wait()
            raise
        wrong = [f"{os.path.basename(path)[6:]}: {show(open(path, 'rb').read())}" for path in glob.glob(prefix + "*")]
        for path in glob.glob(prefix + "*"):
            shutil.copy(path, os.path.join(ROOT, "build", "fuzz", f"{name}-{os.path.basename(path)[6:]}"))
        runs = [line.split()[-1] for line in output.splitlines() if "number_of_executed_units" in line]
        print(f"# {name}: {seeds} seeds, {runs[0] if runs else '?'} inputs in {seconds} s")
        if process.returncode != 0 or wrong:
            report = "\n".join(output.splitlines()[-60:])
            return f"exit status {process.returncode}\n" + "\n".join(wrong) + "\n" + report
        if seeds and not (runs and int(runs[0]) >= seeds):
            return f"expected at least {seeds} inputs, actual {runs}"
    return None


def stop(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=30, help="for all fuzzers together (default: 30)")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)
    known = sorted(os.path.basename(path)[5:-2] for path in glob.glob(os.path.join(HERE, "fuzz_*.c"))) + ["daemon"]
    names = options.names or known
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"no such fuzzer: {' '.join(unknown)} (there are: {' '.join(known)})")
    print(f"1..{len(names) + 1}", flush=True)
    made = build()
    print(f"{'ok' if made else 'not ok'} 1 - the fuzzers build", flush=True)
    failed = not made
    for number, name in enumerate(names, 2):
        wrong = fuzz(name, max(1, options.seconds // len(names))) if made else "not built"
        print(f"{'not ok' if wrong else 'ok'} {number} - fuzz_{name}", flush=True)
        if wrong:
            failed = True
            print("".join(f"# {line}\n" for line in wrong.splitlines()), end="", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
