"""A daemon under shim.so: which of its calls fails, and what became of it."""

import errno
import mmap
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "integration")]

import daemon
import tap
from daemon import Daemon

# What looks at a state afterwards; it need not be as slow as what is tested.
READER = os.path.abspath(os.environ.get("ATOMICSTATSD_READER", daemon.BINARY))
SHIM = os.path.abspath(os.environ.get("FAULT_SHIM", os.path.join(daemon.ROOT, "build", "tests", "faults", "shim.so")))
HELD = 1000  # values that each daemon which runs on has to count
ALWAYS = 1 << 30  # calls that fail, one after the other
SHORT = 0  # instead of an errno: the call does half of its work

# struct Fault of fault.h
LAYOUT = struct.Struct("=32s16siIIIqqII128s")
ARMED, REALTIME, BOOTTIME, SEEN, STRUCK, WHERE = 60, 64, 72, 80, 84, 88

# libuv has its own words for some.
REASONS = {errno.ENOMEM: "memory", errno.EMFILE: "too many open files", errno.ENFILE: "file table overflow",
           errno.EIO: "i/o error", errno.EAGAIN: "resource temporarily unavailable",
           errno.ENOTSOCK: "is no ", errno.ENOBUFS: "no buffer space available", errno.EADDRINUSE: "address already in use"}


class Fault:
    """What is to fail: written here, read by the shim, in one file that both map."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "fault")
        with open(self.path, "wb") as file:
            file.write(bytes(LAYOUT.size))
        with open(self.path, "r+b") as file:
            self.bytes = mmap.mmap(file.fileno(), LAYOUT.size)

    def arm(self, call, error, first=1, count=1, thread=""):
        self.disarm()
        steps = struct.unpack_from("=qq", self.bytes, REALTIME)
        self.bytes[:] = LAYOUT.pack(call.encode(), thread.encode(), error, first, count, 0, *steps, 0, 0, b"")
        struct.pack_into("=I", self.bytes, ARMED, 1)

    def take(self):
        """Disarms it. => what arm() makes it again with."""
        self.disarm()
        call, thread, error, first, count, *_ = LAYOUT.unpack(self.bytes)
        return call.rstrip(b"\0").decode(), error, first, count, thread.rstrip(b"\0").decode()

    def disarm(self):
        struct.pack_into("=I", self.bytes, ARMED, 0)

    def step_clocks(self, realtime_s=0, boottime_s=0):
        struct.pack_into("=q", self.bytes, REALTIME, realtime_s)
        struct.pack_into("=q", self.bytes, BOOTTIME, boottime_s)

    @property
    def struck(self):
        return struct.unpack_from("=I", self.bytes, STRUCK)[0]

    @property
    def seen(self):
        return struct.unpack_from("=I", self.bytes, SEEN)[0]

    @property
    def where(self):
        return self.bytes[WHERE:].split(b"\0")[0].decode("utf-8", "replace")

    def close(self):
        self.bytes.close()


def shim_environment(fault=None, **more):
    """Before the sanitizer's runtime, which then stands behind it."""
    env = {"LD_PRELOAD": SHIM, **more}
    env["ASAN_OPTIONS"] = more.get("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "exitcode=99")) + \
        ":verify_asan_link_order=0"
    if fault is not None:
        env["FAULT_FILE"] = fault.path
    return env


class Faulty(Daemon):
    """One daemon whose start may fail: `started` tells. It says what it serves in its log and to a
    service manager; either will do, since the other may be what fails."""

    def __init__(self, *args, fault, env=None, **options):
        self.fault = fault
        self.started = self.hung = False
        self.status = None
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = os.path.join(os.path.dirname(fault.path), f"notify-{os.getpid()}-{threading.get_ident()}")
        if os.path.exists(address):
            os.unlink(address)
        self.manager.bind(address)
        super().__init__(*args, env=shim_environment(fault, NOTIFY_SOCKET=address, **(env or {})), **options)

    def _start(self, line, env, pass_fds):
        self.process = subprocess.Popen(line, env=daemon.environment(**env), cwd=self.directory,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, pass_fds=pass_fds,
                                        preexec_fn=daemon._die_with_parent)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self.started = self._wait_served()

    def _wait_served(self):
        """=> whether it serves; else it has ended, or hangs. Waits for all of the start, unless what
        is to fail has failed."""
        end, ready = time.monotonic() + tap.DEADLINE_S, None
        while time.monotonic() < end:
            if select.select([self.manager], [], [], 0.002)[0]:
                ready = self.manager.recv(4096).decode()
            with self._news:
                ended = None in self._lines
                first = next((text for text in self._lines if text and "serving udp" in text), None)
            if ended:
                self.wait_exit()
                return False
            unheard = any("cannot notify" in text for text in self.log())
            if ready or (first and (self.fault.struck or unheard)):
                return self._read_addresses(ready or first)
        self.hung = True
        return False

    def _read_addresses(self, text):
        text = daemon.strip_priority(text)
        self.udp = [(host, int(port)) for host, port in re.findall(r"udp[ =:]+" + daemon._ADDRESS, text)]
        host, port = re.search(r"http[ =:]+" + daemon._ADDRESS, text).groups()
        self.http = (host, int(port))
        return True

    def wait_exit(self):
        try:
            self.status = self.process.wait(tap.DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.hung = True
        else:
            self._reader.join(tap.DEADLINE_S)
        return self.status

    def close(self):
        super().close()
        self.manager.close()

    def hang_up(self):
        """Ends the connection that is kept."""
        self._connection.close()
        self._connection = None

    # ---- what it did ----

    def end(self):
        self.send_signal(signal.SIGTERM)
        self.wait_exit()

    def has_left(self):
        """=> whether it ends by itself, within some seconds."""
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            return False
        self.wait_exit()
        return True

    def has_said(self, error):
        """=> whether a line of its log gives this error as a reason, or any if there is none to give."""
        if error == SHORT:
            return any(" error " in line for line in self.log())
        texts = [os.strerror(error).lower()] + ([REASONS[error]] if error in REASONS else [])
        return any(text in line.lower() for line in self.log() for text in texts)

    def wrong_end(self, error):
        """=> None: it has ended as it may; else what is wrong with it."""
        if self.hung:
            return "it hangs"
        if self.status == 0:
            return None
        if self.status not in (1, 2, 78):
            return daemon_status(self.status)
        if self.status == 78 and error in (errno.ENOMEM, errno.EMFILE, errno.EIO):
            return "exit status 78: a service manager would not try again"
        if not self.has_said(error):
            return f"exit status {self.status} without a word about {os.strerror(error)!r}"
        return None

    def count(self):
        """Has it count HELD values of `hits`. => how many there were before."""
        tap.equal(200, self.get("/healthz").status, "status of /healthz")
        stats = self.stats()
        before, base = stats["ingest"], stats["counters"].get("hits", 0)
        for _ in range(10):
            self.send(b"hits:1|c\n" * (HELD // 10))
        self.wait_datagrams(before["datagrams"] + 10)
        stats = self.stats()
        tap.equal((before["values"] + HELD, base + HELD), (stats["ingest"]["values"], stats["counters"]["hits"]),
                  "values and hits")
        return base


def place(where):
    """=> "state_open" for what the shim calls "atomicstatsd+0x1234 (after ?)", if there are symbols."""
    found = re.match(r"atomicstatsd\+0x([0-9a-f]+) ", where)
    if not found or not shutil.which("addr2line"):
        return where
    address = hex(int(found.group(1), 16) - 1)  # within the call, not after it
    done = subprocess.run(["addr2line", "-fsi", "-e", daemon.BINARY, address], stdout=subprocess.PIPE, text=True)
    return " in ".join(done.stdout.split()[::2])


def daemon_status(status):
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def what(error, count):
    name = "half" if error == SHORT else errno.errorcode[error]
    return name + (" from there on" if count == ALWAYS else "")


def with_log(wrong, d):
    return wrong and f"{wrong}\n" + "\n".join(d.log()[-25:])


def checkpoints(d):
    figures = d.server()["state"]["checkpoints"]
    return figures["written"], figures["failed"]


class Workshop:
    """A directory with a checkpoint to begin with; each run gets a copy of it."""

    BASE = 7

    def __init__(self, on_disk=False):
        fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) and not on_disk else None
        self.directory = tempfile.mkdtemp(prefix="atomicstatsd-test-", dir=fast)
        self.fault = Fault(self.directory)
        self.config = {"log": {"level": "info"}, "ingest": {"threads": 2, "receive_buffer_bytes": 65536},
                       "limits": {"max_series": 5000, "expire_after_s": 3600}, "state": {"checkpoint_s": 3600}}
        self.good = os.path.join(self.directory, "good")
        with Daemon("--state", self.good, command=[READER]) as d:
            d.record(f"hits:{self.BASE}|c\nt:1.5|ms|#b:2,a:1\ng:3|g\ns:x|s\non:1|f\np:1/3|p\nbad",
                     "a.name.that.does.not.fit.into.a.slot.at.all.since.it.is.long:1|ms|@0.5")

    def fresh(self, like=None):
        """=> the path of a state directory like the good one, or like that one."""
        path = os.path.join(self.directory, "state")
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(like or self.good, path)
        return path

    def killed(self):
        """=> the path of what a daemon leaves that is killed after three more hits, and the hits in it."""
        path = os.path.join(self.directory, "killed")
        if not os.path.exists(path):
            shutil.copytree(self.good, path)
            d = Daemon("--state", path, "--threads", "3", command=[READER])
            try:
                d.record("hits:3|c", "t:1|ms")
                d.send_signal(signal.SIGKILL)
                d.wait_exit()
            finally:
                d.close()
            self.killed_hits = self.hits(self.fresh(path))
        return path, self.killed_hits

    def daemon(self, state, streams=True, **options):
        more = ["--unix", f"{state}.socket", "--tcp", "127.0.0.1:0"] if streams else []
        return Faulty("--state", state, *more, fault=self.fault, config=self.config, **options)

    def hits(self, state):
        """=> what a daemon without faults takes up."""
        with Daemon("--state", state, "--threads", "1", command=[READER]) as d:
            return d.stats()["counters"].get("hits", 0)

    def close(self):
        self.fault.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
