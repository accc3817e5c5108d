#!/usr/bin/env python3
"""Boots a real systemd as PID 1 in a throw-away machine (machine.sh) with what `make install` installs laid
over this machine's own root, and runs inside.py in it. Needs root, namespaces and no network.

    tests/systemd/test_systemd.py [-k PATTERN] [and more: inside.py]

Where namespaces are not allowed, that is said, and counts as skipped."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))

import tap

SCRIPT = os.path.join(HERE, "machine.sh")
NAMESPACES = ["unshare", "--pid", "--uts", "--ipc", "--net", "--mount", "--fork", "--kill-child"]
TIMEOUT_S = 600


def output_of(line, **options):
    """=> (exit status, what it said)"""
    done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **options)
    return done.returncode, done.stdout.strip()


class Machine:
    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="atomicstatsd-test-")
        self.name = os.path.basename(self.folder)
        self.child = None
        self.allowed = False
        os.mkdir(os.path.join(self.folder, "out"))
        return self

    def __exit__(self, *_):
        """Nothing of it is left: its processes go with its PID 1, its mounts with its last process."""
        try:
            if self.child and self.child.poll() is None:
                self.child.kill()  # and with it, by --kill-child, PID 1
            if self.child:
                self.child.wait()
            # The kernel may still be at work on the last processes.
            tap.wait_until(lambda: self._script("sweep", ["unshare", "--mount"])[0] == 0 or not self.allowed,
                           f"the control group {self.name} can be removed")
        finally:
            shutil.rmtree(self.folder)

    def _script(self, what, namespaces):
        return output_of([*namespaces, SCRIPT, what, self.folder, self.name])

    def why_not(self):
        """=> why there cannot be such a machine here; None: there can."""
        if os.geteuid() != 0:
            return "only root may make namespaces like these"
        if not os.path.exists("/lib/systemd/systemd") or not shutil.which("unshare"):
            return "no systemd, or no unshare, is installed"
        if os.path.ismount("/usr"):
            return "/usr is not on the root file system"
        status, said = self._script("check", NAMESPACES)
        self.allowed = status == 0
        return None if self.allowed else f"namespaces are not allowed here: {' '.join(said.split())}"

    def run(self, tree, command):
        """=> (exit status or None after a time-out, what the command said, what systemd said)"""
        line = [*NAMESPACES, SCRIPT, "boot", self.folder, self.name, tree, ROOT, *command]
        with open(os.path.join(self.folder, "console"), "w+b") as console:
            self.child = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
            try:
                status = self.child.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                status = None
            console.seek(0)
            said = console.read().decode("utf-8", "replace")
        path = os.path.join(self.folder, "out", "output")
        output = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                output = file.read()
        return status, output, said


def install(tree):
    """What goes over the root: the daemon as installed by default, and the probe."""
    status, said = output_of(["make", "-C", ROOT, "install", f"DESTDIR={tree}"])
    tap.equal(0, status, f"exit status of make install:\n{said}\n")
    folder = os.path.join(tree, "usr", "local", "libexec")
    os.makedirs(folder)
    status, said = output_of(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-o",
                              os.path.join(folder, "probe"), os.path.join(HERE, "probe.c")])
    tap.equal(0, status, f"exit status of gcc:\n{said}\n")


def stop(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def main():
    signal.signal(signal.SIGTERM, stop)
    with Machine() as machine:
        reason = machine.why_not()
        if reason:
            print(f"1..1\nok 1 - a machine under systemd # SKIP {reason}")
            return 0
        tree = os.path.join(machine.folder, "tree")
        os.mkdir(tree, 0o755)
        install(tree)
        status, output, said = machine.run(tree, [sys.executable, os.path.join(HERE, "inside.py"), *sys.argv[1:]])
        print(output, end="")
        if status is None or "1.." not in output:
            print(f"1..1\nnot ok 1 - the machine {'ends in time' if status is None else 'boots'}")
            print("".join(f"# {line}\n" for line in said.splitlines()), end="")
    return 1 if status is None else status


if __name__ == "__main__":
    sys.exit(main())
