"""The daemon as a service of the systemd that this runs under: for inside.py."""

import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

import tap
from daemon import request

NAME = "atomicstatsd.service"
SOCKETS = ("atomicstatsd-udp.socket", "atomicstatsd-http.socket", "atomicstatsd-notify.socket")
OPTIONAL = ("atomicstatsd-unix.socket", "atomicstatsd-tcp.socket")
UNIX, TCP = "/run/atomicstatsd.sock", ("127.0.0.1", 8125)
BINARY = "/usr/local/bin/atomicstatsd"
PROBE = "/usr/local/libexec/probe"
CONFIG = "/etc/atomicstatsd/atomicstatsd.json"
DROP_INS = "/run/systemd/system"
STATE = "/var/lib/private/atomicstatsd"  # where DynamicUser=yes has it
UDP, HTTP = ("127.0.0.1", 8125), ("127.0.0.1", 8127)
OUTSIDE = "192.0.2.1"  # of this machine, but not of its loopback network


def run(*line):
    return subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def systemctl(*arguments):
    done = run("systemctl", *arguments)
    tap.equal(0, done.returncode, f"exit status of systemctl {' '.join(arguments)}:\n{done.stdout}\n")
    return done.stdout.strip()


def show(name, unit=NAME):
    return systemctl("show", "--property", name, "--value", unit)


def main_pid():
    return int(show("MainPID"))


def add_outside_address():
    """Gives the loopback device OUTSIDE as well (SIOCSIFADDR)."""
    request_ = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(OUTSIDE))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8916, request_)


class Journal:
    """What was logged for a unit since this was made."""

    def __init__(self, unit=NAME):
        self.unit = unit
        self.since = time.time_ns() // 1000

    def entries(self):
        said = run("journalctl", "--quiet", "--output=json", f"--unit={self.unit}").stdout
        entries = [json.loads(line) for line in said.splitlines()]
        return [entry for entry in entries if int(entry["__REALTIME_TIMESTAMP"]) >= self.since]

    def messages(self):
        return [entry["MESSAGE"] for entry in self.entries()]

    def wait(self, text):
        """Waits for a message with `text` in it; => its entry."""
        return tap.wait_until(lambda: next((entry for entry in self.entries() if text in entry["MESSAGE"]), None),
                              f"{text!r} is in the journal")


class Service:
    """`with Service() as s:` is the installed service, started; at the end nothing of it is left. `drop_ins`:
    unit to the lines of a drop-in. `config`: in place of the installed configuration."""

    def __init__(self, drop_ins=None, config=None, start=True):
        self.drop_ins = drop_ins or {}
        self.config = config
        self.start = start

    def __enter__(self):
        self.journal = Journal()
        with open(CONFIG, encoding="utf-8") as file:
            self.installed = file.read()
        try:
            for unit, text in self.drop_ins.items():
                write(os.path.join(DROP_INS, unit + ".d", "test.conf"), text)
            if self.config is not None:
                write(CONFIG, self.config)
            systemctl("daemon-reload")
            if self.start:
                systemctl("start", NAME)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind, error, trace):
        messages = self.journal.messages()
        run("systemctl", "stop", "atomicstatsd*")
        run("systemctl", "reset-failed", "atomicstatsd*")
        for unit in self.drop_ins:
            shutil.rmtree(os.path.join(DROP_INS, unit + ".d"))
        write(CONFIG, self.installed)
        run("systemctl", "daemon-reload")
        shutil.rmtree(STATE, ignore_errors=True)
        if isinstance(error, tap.Failure):
            raise tap.Failure(f"{error}\nthe journal:\n" + "\n".join(messages[-40:]))

    def get(self, path):
        return request(*HTTP, "GET", path)

    def stats(self, query=""):
        reply = self.get("/stats" + query)
        tap.equal(200, reply.status, "status of /stats")
        return reply.json

    def ingest(self):
        return self.stats("?name=no.such.series")["ingest"]

    def wait_counted(self, number, dropped=0):
        tap.wait_equal(number, lambda: self.ingest()["datagrams"], "ingest.datagrams")
        tap.equal(dropped, self.ingest()["dropped"]["kernel"], "ingest.dropped.kernel")

    def sockets(self, transport="udp"):
        """=> what /server says of each socket of this kind."""
        return [sock for thread in self.get("/server").json["ingest"]["threads"] for sock in thread["sockets"]
                if sock["transport"] == transport]

    def wait_other(self, pid):
        """Waits until it runs as another process than `pid`; => that one."""
        def other():
            now = main_pid()
            return now if now not in (0, pid) and show("SubState") == "running" else None
        return tap.wait_until(other, f"it runs again, not as process {pid}")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def wait_dead(pid):
    """Until none of its threads can take anything any more."""
    def dead():
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().rpartition(")")[2].split()[0] in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return True
    tap.wait_until(dead, f"process {pid} is dead")


class Senders:
    """Sends from many ports in turn, so that every socket of a group gets some."""

    def __init__(self, to=UDP, source="127.0.0.1", ports=64):
        self.to = to
        self.sent = 0
        self.socks = []
        for _ in range(ports):
            self.socks.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self.socks[-1].bind((source, 0))

    def send(self, number, data=b"c:1|c"):
        for _ in range(number):
            self.socks[self.sent % len(self.socks)].sendto(data, self.to)
            self.sent += 1

    def close(self):
        for sock in self.socks:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
