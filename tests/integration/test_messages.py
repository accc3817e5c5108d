#!/usr/bin/env python3
"""What people do wrong, and what they are told: each message names what is wrong, where, why, and what to do."""

import os
import re
import shutil
import socket
import subprocess
import tempfile

import tap
from daemon import BINARY, WRAP, Daemon, environment

NOBODY = 65534


def told(*args, status, cwd="/", user=None):
    """Runs the daemon, which ends with this status. => what it says, in one line without its time."""
    done = subprocess.run([*WRAP, BINARY, *args], env=environment(), cwd=cwd, text=True, errors="backslashreplace",
                          user=user, group=user, extra_groups=None if user is None else [], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=tap.DEADLINE_S)
    tap.equal(status, done.returncode, f"exit status of {args}, which said {done.stderr!r}")
    lines = [line for line in done.stderr.splitlines() if " error " in line]
    tap.equal(1, len(lines), f"errors in {done.stderr!r}")
    return re.sub(r"^\S+ error +", "", lines[0])


class Scratch:
    """A directory that everybody may enter."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="atomicstatsd-test-")
        os.chmod(self.path, 0o755)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def write(self, name, content, mode=0o644):
        path = os.path.join(self.path, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        return path

    def make(self, name, mode=0o755):
        path = os.path.join(self.path, name)
        os.mkdir(path)
        os.chmod(path, mode)
        return path


def need_root():
    if os.geteuid() != 0:
        raise tap.Skip("only root can become somebody who may not")


# ---- addresses -----------------------------------------------------------------------------------


def refused_address(option, address):
    other = ["--http", "127.0.0.1:0"] if option == "--udp" else ["--udp", "127.0.0.1:0"]
    return told(option, address, *other, status=1)


def test_ports_in_use():
    """By another daemon, and by another program."""
    with Daemon() as d, socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        for port in d.udp[0][1], udp.getsockname()[1]:
            tap.equal(f"ingest: cannot receive on udp 127.0.0.1:{port}: Address already in use; `sudo ss -lunp "
                      f"'sport = :{port}'` shows by whom: stop that, or choose another port with --udp or ingest.udp",
                      refused_address("--udp", f"127.0.0.1:{port}"), "a UDP port in use")
        for port in d.http[1], tcp.getsockname()[1]:
            tap.equal(f"http: cannot listen on 127.0.0.1:{port}: Address already in use; `sudo ss -ltnp "
                      f"'sport = :{port}'` shows by whom: stop that, or choose another port with --http or http.listen",
                      refused_address("--http", f"127.0.0.1:{port}"), "an HTTP port in use")


def test_the_command_that_shows_who_has_a_port():
    """What the message says to type shows the program, for one's own without sudo."""
    if shutil.which("ss") is None:
        raise tap.Skip("ss is not installed")
    with Daemon() as d:
        for options, (_, port) in (("-lunp", d.udp[0]), ("-ltnp", d.http)):
            shown = subprocess.run(["ss", options, f"sport = :{port}"], text=True, stdout=subprocess.PIPE, check=True)
            tap.contains(f"pid={d.pid},", shown.stdout, f"what ss {options} shows")


def test_addresses_that_are_not_here():
    tap.equal("ingest: cannot receive on udp 192.0.2.1:8125: Cannot assign requested address; this machine has no such "
              "address: `ip -brief address` lists those that it has, 0.0.0.0 stands for all; choose one with --udp or "
              "ingest.udp", refused_address("--udp", "192.0.2.1:8125"), "a UDP address that is not here")
    tap.equal("http: cannot listen on 192.0.2.1:8127: Cannot assign requested address; this machine has no such "
              "address: `ip -brief address` lists those that it has, 0.0.0.0 stands for all; choose one with --http or "
              "http.listen", refused_address("--http", "192.0.2.1:8127"), "an HTTP address that is not here")


def test_ports_that_are_for_root():
    need_root()
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        if int(file.read()) <= 81:
            raise tap.Skip("here they are for everybody")
    for option, what, setting in (("--udp", "ingest: cannot receive on udp", "--udp or ingest.udp"),
                                  ("--http", "http: cannot listen on", "--http or http.listen")):
        other = "--http" if option == "--udp" else "--udp"
        tap.equal(f"{what} 127.0.0.1:81: Permission denied; ports below 1024 take CAP_NET_BIND_SERVICE: choose a higher "
                  f"one with {setting}, or let systemd hold it (the .socket unit)",
                  told(option, "127.0.0.1:81", other, "127.0.0.1:0", status=1, user=NOBODY), f"{option} below 1024")


# ---- the state directory -------------------------------------------------------------------------

ANOTHER = "choose another with --state, or `state` in the configuration"


def refused_state(path, status=1, user=None):
    return told("--udp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--state", path, status=status, user=user)


def test_state_directories():
    with Scratch() as s, Daemon("--state", s.path + "/used"):
        file = s.write("file", "")
        tap.equal(f"state: cannot make {s.path}/no/such: No such file or directory; make the one above it first (mkdir -p "
                  f"'{s.path}/no'), or {ANOTHER}", refused_state(s.path + "/no/such"), "none above it")
        tap.equal(f"state: cannot open {file}: Not a directory; a file of that name is in the way: move it, or {ANOTHER}",
                  refused_state(file), "a file")
        tap.equal(f"state: {s.path}/used is in use by another daemon (`sudo fuser -v {s.path}/used/lock` shows which); "
                  f"each needs a directory of its own: {ANOTHER}", refused_state(s.path + "/used", status=78), "in use")


def test_state_directories_without_the_right():
    need_root()
    with Scratch() as s:
        why = f"Permission denied; uid {NOBODY} must be allowed to write there: `ls -ld` shows who is; give it the " \
              f"directory (chown), or {ANOTHER}"
        for what, path in (("make", s.path + "/new"), ("open", s.make("closed", 0o700)),
                           ("open the lock in", s.make("open", 0o755))):
            tap.equal(f"state: cannot {what} {path}: {why}", refused_state(path, user=NOBODY), f"no right to {what}")


if __name__ == "__main__":
    tap.main(globals())
