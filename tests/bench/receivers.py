"""Who receives what tests/bench/load.c sends, what it costs them, and whether their totals are right."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))

import daemon  # the tests' own way to start one and to see that it leaves as it should

PROGRAMS = os.path.join(os.path.dirname(daemon.BINARY), "tests", "bench")
# The daemon's default, the same for everybody; systemd gives it more. The rights to go beyond
# net.core.rmem_max are the same for everybody, too.
RECEIVE_BUFFER = 8 << 20
SETTLE_S = 30

# Everything that makes a run worthless: reported at the end, and the exit status is 1.
wrong = []
# For each run, how long the receiver waited for a CPU while others ran, in % of the run's time. With
# a core for each it is next to nothing; if not, losses are this machine's, not the receiver's.
kept_waiting = []


def check(condition, text):
    if not condition:
        wrong.append(text)
        print(f"  WRONG  {text}", flush=True)


def wait_until(question, seconds=SETTLE_S):
    """Asks until the answer is true, or the time is over. => the last answer."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while True:
        answer = question()
        if answer or time.monotonic() > end:
            return answer
        pause.wait(0.002)


# ---- what the kernel knows of a process and of a port ----

def threads(pid):
    """=> (name, folder) of each of its threads."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        folder = f"/proc/{pid}/task/{task}"
        with open(f"{folder}/comm", encoding="utf-8") as file:
            found.append((file.read().strip(), folder))
    return found


def schedule_ns(pid, prefix=""):
    """=> CPU time of its threads whose names begin so, and how long they waited for a CPU."""
    used = waited = 0
    for name, folder in threads(pid):
        if name.startswith(prefix):
            with open(f"{folder}/schedstat", encoding="ascii") as file:
                fields = file.read().split()
            used += int(fields[0])
            waited += int(fields[1])
    return used, waited


def asleep(pid):
    """Whether each of its threads waits for something."""
    for _, folder in threads(pid):
        with open(f"{folder}/stat", encoding="utf-8") as file:
            if file.read().rpartition(")")[2].split()[0] != "S":
                return False
    return True


def cpu_ns(pid, prefix=""):
    return schedule_ns(pid, prefix)[0]


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def switches(pid):
    total = 0
    for _, folder in threads(pid):
        with open(f"{folder}/status", encoding="utf-8") as file:
            total += sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", file.read())))
    return total


def memory_bytes(pid, field="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(rf"{field}:\s+(\d+) kB", file.read()).group(1)) * 1024


def udp_port(port):
    """=> (bytes queued, datagrams dropped) of all sockets on that port."""
    queued = dropped = 0
    with open("/proc/net/udp", encoding="ascii") as file:
        for line in file.readlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port:
                queued += int(fields[4].rpartition(":")[2], 16)
                dropped += int(fields[-1])
    return queued, dropped


# ---- sending ----

def load(port, **options):
    """Options as load.c has them: load(port, values=20, once=True). => what it says it has sent."""
    line = [os.path.join(PROGRAMS, "load"), "--port", str(port)]
    for key, value in options.items():
        line += [f"--{key}"] if value is True else [f"--{key}", str(value)]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False,
                          preexec_fn=daemon._die_with_parent)
    if done.returncode != 0:
        raise RuntimeError(f"load ended with {done.returncode}: {done.stdout.strip()}")
    return json.loads(done.stdout)


class Run:
    """One load on one receiver."""

    def __init__(self, sent, cpu, ingest_cpu, lost):
        self.sent, self.lost = sent, lost
        self.taken = sent["datagrams"] - lost
        self.values = self.taken * (sent["values"] // max(1, sent["datagrams"]))
        self.us_a_datagram = cpu / 1e3 / max(1, self.taken)
        self.ns_a_value = cpu / max(1, self.values)
        self.ingest_us_a_datagram = ingest_cpu / 1e3 / max(1, self.taken)
        self.lost_percent = 100 * lost / max(1, sent["datagrams"])
        self.values_a_second = sent["values"] / sent["seconds"]


# ---- receiving ----

class Receiver:
    name = "?"
    port = pid = None
    ingest_threads = ""  # how their names begin

    def settle(self):
        """Waits until the kernel holds nothing for it, and it has nothing in hand."""
        wait_until(lambda: udp_port(self.port)[0] == 0 and asleep(self.pid))

    def run(self, **options):
        before, cpu = udp_port(self.port)[1], cpu_ns(self.pid)
        ingest, waited = schedule_ns(self.pid, self.ingest_threads)
        sent = load(self.port, **options)
        self.settle()
        ingest_now, waited_now = schedule_ns(self.pid, self.ingest_threads)
        run = Run(sent, cpu_ns(self.pid) - cpu, ingest_now - ingest, udp_port(self.port)[1] - before)
        kept_waiting.append((waited_now - waited) / 1e7 / sent["seconds"])
        self.check(run)
        return run

    def check(self, run):
        """Whether what it has equals what was sent to it."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def close(self):
        raise NotImplementedError


class Sink(Receiver):
    """tests/bench/sink.c: the limit."""

    def __init__(self, *options):
        self.name = " ".join(["sink", *(option for option in options if option in ("--poll", "--wait"))])
        self.sent = 0
        self.process = subprocess.Popen([os.path.join(PROGRAMS, "sink"), "--buffer", str(RECEIVE_BUFFER), *options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=daemon._die_with_parent)
        self.pid = self.process.pid
        self.port = json.loads(self.process.stdout.readline())["port"]

    def check(self, run):
        self.sent += run.sent["datagrams"]

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        text = self.process.communicate()[0]
        seen = json.loads(text) if text else {"datagrams": 0, "dropped": 0}
        check(seen["datagrams"] + seen["dropped"] == self.sent,
              f"{self.name}: sent {self.sent}, taken {seen['datagrams']}, dropped {seen['dropped']}")


def fetch(port, path):
    """GET by the cheapest client there is. => seconds, body."""
    parts = []
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), 120) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        while part := connection.recv(1 << 20):
            parts.append(part)
    seconds = time.perf_counter() - began
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    check(b" 200 " in head.split(b"\r\n")[0] and body.rstrip().endswith(b"}"), f"{path}: not a whole answer")
    return seconds, body


class Ours(Receiver):
    """The daemon, with the totals that it must have by now."""

    name = "atomicstatsd"
    ingest_threads = "ingest-"

    def __init__(self, ingest_thread_count=1, limits=None, state=None):
        """`state`: the state directory; None: values are not kept."""
        self.daemon = daemon.Daemon("--threads", str(ingest_thread_count), config={
            "ingest": {"receive_buffer_bytes": RECEIVE_BUFFER}, "limits": limits or {},
            "state": {"directory": state} if state else {}})
        self.pid = self.daemon.pid
        self.port, self.http = self.daemon.udp[0][1], self.daemon.http[1]
        self.sent = self.taken = self.dropped = self.values = self.bytes = self.sum = 0
        self.sum_known = True

    def check(self, run):
        sent = run.sent
        body = fetch(self.http, "/stats")[1]
        ingest = json.loads(re.search(rb'"ingest":(\{.*?\}\})', body).group(1))
        taken = ingest["datagrams"] - self.taken
        self.sent += sent["datagrams"]
        self.taken, self.dropped = ingest["datagrams"], ingest["dropped"]["kernel"]
        self.values += taken * sent["values"] // sent["datagrams"]
        self.bytes += taken * sent["bytes"] // sent["datagrams"]
        self.sum_known &= taken == sent["datagrams"] or sent["sum_each"] > 0
        self.sum += sent["sum"] if taken == sent["datagrams"] else sent["sum_each"] * taken
        count, total = totals(body)
        self.equal("datagrams sent", self.sent, self.taken + self.dropped)
        self.equal("bytes, values, lines that are no values",
                   (self.bytes, self.values, 0), (ingest["bytes"], ingest["values"],
                                                  ingest["rejected"]["total"] + ingest["ignored"]))
        if count is not None:
            self.equal("values in the series", self.values, count)
        if self.sum_known:
            self.equal("sum of the series", self.sum, total)

    @staticmethod
    def equal(what, expected, actual):
        check(expected == actual, f"atomicstatsd: {what}: expected {expected}, actual {actual}")

    def close(self):
        try:
            self.daemon.stop()
        finally:
            self.daemon.close()


def totals(body):
    """=> (values or None, sum) over all series of a /stats reply. Counters do not tell how many."""
    count = total = 0
    for found in re.finditer(rb'"count":(\d+),"sum":(\d+)', body):
        count += int(found.group(1))
        total += int(found.group(2))
    counters = body.rfind(b'"counters":{')
    section = body[counters + len(b'"counters":{'):body.rfind(b'"gauges":{')]
    for found in re.finditer(rb'":(\d+)', section):
        count = None
        total += int(found.group(1))
    return count, total


def program(*line):
    """One of the other benches, its output shown. => what it wrote as JSON lines."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", suffix=".json") as file:
        status = subprocess.run([os.path.join(PROGRAMS, line[0]), *line[1:], "--json", file.name],
                                stdin=subprocess.DEVNULL, check=False, preexec_fn=daemon._die_with_parent).returncode
        check(status == 0, f"{line[0]} ended with {status}")
        return [json.loads(text) for text in file]
