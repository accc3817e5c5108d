"""Runs the program for the terminal against a daemon of our own."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))

import daemon
import tap

BINARY = os.path.abspath(os.environ.get("ATOMICSTATS", os.path.join(ROOT, "build", "atomicstats")))


def shown(address):
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def places(server, **more):
    """The environment in which it finds this daemon."""
    return daemon.environment(ATOMICSTATS_UDP=shown(server.udp[0]), ATOMICSTATS_HTTP=shown(server.http), **more)


def nowhere():
    """An environment in which no daemon is named: a test that needs one says where."""
    return daemon.environment(ATOMICSTATS_UDP=None, ATOMICSTATS_HTTP=None)


def run(*args, env=None, stdin="", text=True):
    """=> the finished process. Its standard input is a pipe with `stdin` in it."""
    return subprocess.run([BINARY, *args], env=env or nowhere(), input=stdin, text=text, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=tap.DEADLINE_S)


def done(*args, status=0, **options):
    """=> its standard output; it ends with this status."""
    found = run(*args, **options)
    tap.equal(status, found.returncode, f"exit status of {args}, which said {found.stderr!r}")
    return found.stdout


class Terminal:
    """A terminal of its own for one program: what it draws can be read, what is typed can be sent."""

    def __init__(self, *args, env=None, rows=24, columns=80):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self.process = subprocess.Popen([BINARY, *args], env=env or nowhere(), stdin=theirs, stdout=theirs,
                                        stderr=theirs, start_new_session=True)
        os.close(theirs)

    def read_all(self):
        """=> all that it writes, once it has ended."""
        found = b""
        try:
            while part := os.read(self.ours, 65536):
                found += part
        except OSError:  # the other side has gone
            pass
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
