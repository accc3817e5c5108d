#!/usr/bin/env python3
"""make install puts what a package needs where it belongs, and make uninstall takes it away."""

import os
import re
import shutil
import subprocess
import tempfile

import tap
from daemon import ROOT

CONFIG = "etc/atomicstatsd/atomicstatsd.json"


def make(target, directory, *variables, root=ROOT):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "DESTDIR", "PREFIX")}
    done = subprocess.run(["make", "-C", root, target, f"DESTDIR={directory}", "PREFIX=/usr", *variables], env=env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    tap.equal(0, done.returncode, f"exit status of make {target}:\n{done.stdout[-3000:]}\n")


def files(directory):
    return sorted(os.path.relpath(os.path.join(at, name), directory)
                  for at, _, names in os.walk(directory) for name in names)


class Installed:
    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="atomicstatsd-test-")
        try:
            make("install", self.directory)
        except BaseException:
            self.__exit__()
            raise
        return self.directory

    def __exit__(self, *_):
        shutil.rmtree(self.directory, ignore_errors=True)


def test_install_puts_everything_in_its_place():
    with Installed() as at:
        found = files(at)
        for name in ("usr/bin/atomicstatsd", "usr/lib/libatomicstats.a", "usr/lib/libatomicstats.so",
                     "usr/lib/libatomicstats.so.0", "usr/lib/pkgconfig/atomicstats.pc", CONFIG,
                     "usr/include/atomicstats/counter.h", "usr/include/atomicstats/flag.h",
                     "usr/include/atomicstats/stats.h", "usr/include/atomicstats/progress.h",
                     "usr/share/doc/atomicstatsd/prometheus/rules.yml",
                     "usr/bin/atomicstats", "usr/share/man/man1/atomicstats.1", "usr/share/man/man8/atomicstatsd.8",
                     "usr/share/man/man5/atomicstatsd.json.5", "usr/share/man/man7/atomicstatsd-protocol.7",
                     "usr/share/bash-completion/completions/atomicstats",
                     "usr/share/bash-completion/completions/atomicstatsd"):
            tap.contains(name, found, "installed files")
        tap.equal(["atomicstatsd-hold@.service", "atomicstatsd-http.socket", "atomicstatsd-notify.socket",
                   "atomicstatsd-tcp.socket", "atomicstatsd-udp.socket", "atomicstatsd-unix.socket",
                   "atomicstatsd.service"],
                  [os.path.basename(name) for name in found if name.endswith((".service", ".socket"))], "units")
        tap.equal(0o755, os.stat(os.path.join(at, "usr/bin/atomicstatsd")).st_mode & 0o777, "mode of the program")
        done = subprocess.run([os.path.join(at, "usr/bin/atomicstatsd"), "-c", os.path.join(at, CONFIG),
                               "--check-config"], stderr=subprocess.PIPE, text=True)
        tap.equal((0, ""), (done.returncode, done.stderr), "the installed program on the installed configuration")


def test_install_makes_what_is_not_made():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        root = os.path.join(directory, "root")
        for name in ("daemon", "include", "config", "systemd"):
            shutil.copytree(os.path.join(ROOT, name), os.path.join(root, name))
        shutil.copy(os.path.join(ROOT, "Makefile"), root)
        make("install", os.path.join(directory, "tree"), root=root)
        tap.contains("usr/bin/atomicstatsd", files(os.path.join(directory, "tree")), "installed files")


def test_a_program_builds_against_what_is_installed():
    if not shutil.which("pkg-config"):
        raise tap.Skip("no pkg-config here")
    with Installed() as at:
        env = {**os.environ, "PKG_CONFIG_PATH": os.path.join(at, "usr/lib/pkgconfig"), "PKG_CONFIG_SYSROOT_DIR": at}
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "atomicstats"], env=env, stdout=subprocess.PIPE,
                               text=True, check=True).stdout.split()
        flags = [f"-I{at}/usr/include", f"-L{at}/usr/lib"] + [f for f in flags if not f.startswith(("-I", "-L"))]
        program = os.path.join(at, "program")
        made = subprocess.run(["gcc", "-std=c11", "-o", program, os.path.join(os.path.dirname(__file__), "library_program.c"),
                               *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        tap.equal(0, made.returncode, f"exit status of gcc:\n{made.stdout}\n")
        done = subprocess.run([program], env={**os.environ, "LD_LIBRARY_PATH": f"{at}/usr/lib"})
        tap.equal(0, done.returncode, "exit status of the program")


def units(directory):
    return [os.path.join(directory, name) for name in files(directory) if name.endswith((".service", ".socket"))]


def systemd_analyze(*arguments):
    if not shutil.which("systemd-analyze"):
        raise tap.Skip("no systemd-analyze here")
    done = subprocess.run(["systemd-analyze", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def test_the_units_are_sound():
    with Installed() as at:
        for unit in units(at):
            with open(unit, encoding="utf-8") as file:
                text = file.read()
            tap.equal([], re.findall(r"@[A-Z_]+@", text), f"placeholders left in {unit}")
            # Where it is now, its program lies under the staging directory.
            with open(unit, "w", encoding="utf-8") as file:
                file.write(re.sub(r"(?m)^(Exec\w+=[-@:+!]*)/usr/bin/", rf"\1{at}/usr/bin/", text))
        status, output = systemd_analyze("verify", "--man=no", *units(at))
        ours = [line for line in output.splitlines() if "atomicstatsd" in line]
        tap.equal((0, []), (status, ours), "exit status and complaints of systemd-analyze verify")


def test_the_service_is_exposed_to_next_to_nothing():
    with Installed() as at:
        unit = next(unit for unit in units(at) if unit.endswith("/atomicstatsd.service"))
        status, output = systemd_analyze("security", "--offline=yes", "--no-pager", "--threshold=2", unit)
        found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", output)
        tap.check(found, f"there is a level in:\n{output}")
        tap.check(float(found.group(1)) <= 0.2 and status == 0,
                  f"exposure: expected at most 0.2, actual {found.group(1)} (exit status {status}):\n"
                  + "\n".join(line for line in output.splitlines() if line.startswith("✗")))


def test_installing_again_keeps_the_administrator_s_configuration():
    with Installed() as at:
        path = os.path.join(at, CONFIG)
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"limits": {"max_series": 7}}')
        make("install", at)
        with open(path, encoding="utf-8") as file:
            tap.equal('{"limits": {"max_series": 7}}', file.read(), "the configuration")
        tap.contains(CONFIG + ".new", files(at), "the new sample beside it")


def test_uninstall_leaves_only_the_configuration():
    with Installed() as at:
        make("install", at)
        make("uninstall", at)
        tap.equal([CONFIG], files(at), "files left")


if __name__ == "__main__":
    tap.main(globals())
