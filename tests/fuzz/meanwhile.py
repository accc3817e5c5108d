"""What goes on beside the datagrams of fuzz_daemon.py: a reader, and strangers."""

import os
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import tap
from stranger import strict

FIGURES = ("datagrams", "bytes", "lines", "values", "ignored")


class Reader:
    """Walks all that can be read. What only grows must never shrink."""

    PATHS = ("/stats", "/server", "/progress", "/stats?name=*a*&pretty", "/stats?type=stats,sets", "/stats/steady")

    def __init__(self, daemon):
        self.daemon = daemon
        self.replies = 0
        self.last = {}

    def step(self):
        reply = self.daemon.get(self.PATHS[self.replies % len(self.PATHS)])
        tap.equal(200, reply.status, "status")
        told = strict(reply.body)
        self.replies += 1
        ingest = told["ingest"]
        if "rejected" in ingest:
            self.grows("ingest", {**{key: ingest[key] for key in FIGURES}, **ingest["rejected"],
                                  "dropped": ingest["dropped"]["kernel"]})
        self.grows("stats", {name: figures["count"] for name, figures in told.get("stats", {}).items()})
        self.grows("steady", {name: value for name, value in told.get("counters", {}).items() if name == "steady"})

    def grows(self, what, figures):
        last = self.last.setdefault(what, {})
        for name, value in figures.items():
            before = last.get(name)
            if before is not None and value is not None:
                tap.check(value >= before, f"{what} {name} went from {before} to {value}")
        last.update(figures)


class Meanwhile(threading.Thread):
    """Takes steps until it is told to stop; the first failure is raised in stop()."""

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step, self.failure, self.ending = step, None, threading.Event()
        self.start()

    def run(self):
        try:
            while not self.ending.is_set():
                self.step()
        except Exception as failure:
            self.failure = failure

    def stop(self):
        self.ending.set()
        self.join()
        self.check()

    def check(self):
        if self.failure is not None:
            raise self.failure


class Strangers:
    """A process that sends bent requests."""

    def __init__(self, daemon, seed):
        host, port = daemon.http
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "stranger.py"), host, str(port), str(seed)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def stop(self):
        """=> what it has to say."""
        said = self.process.communicate(timeout=tap.DEADLINE_S)[0]
        tap.equal(0, self.process.returncode, f"exit status of what sends requests, which says:\n{said}\n")
        return said.strip()

    def check(self):
        if self.process.poll() is not None:
            self.stop()

    def close(self):
        self.process.kill()
        self.process.communicate()
