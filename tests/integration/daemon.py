"""Starts an atomicstatsd of our own, talks to it, and sees that it leaves as it should."""

import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.parse

import tap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.abspath(os.environ.get("ATOMICSTATSD", os.path.join(ROOT, "build", "atomicstatsd")))

# What to put before it: a sanitizer's runtime may need another memory layout.
WRAP = os.environ.get("ATOMICSTATSD_WRAP", "").split()

# Run every daemon with this `ingest.scanner`: the same tests hold under each.
SCANNER = os.environ.get("TEST_SCANNER", "")

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_ADDRESS = r"(\[[0-9a-fA-F:.%a-z]+\]|[0-9.]+):(\d+)"


def _die_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def environment(**changes):
    """Ours without what a service manager or a locale would put there; None removes a name."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("LC_", "LISTEN_", "NOTIFY_", "WATCHDOG_"))
           and k not in ("LANG", "LANGUAGE", "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "JOURNAL_STREAM")}
    for key, value in changes.items():
        if value is None:
            env.pop(key, None)
        else:
            env[key] = value
    return env


def with_scanner(config, scanner):
    return {**config, "ingest": {**config.get("ingest", {}), "scanner": scanner}}


def scanner_in_use(scanner):
    """=> what /server calls it when `ingest.scanner` is this."""
    if scanner == "portable":
        return "portable"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = re.search(r"(?m)^flags\s*:(.*)", file.read())
    return "avx2" if flags and {"avx2", "popcnt", "bmi1"} <= set(flags.group(1).split()) else "portable"


def strip_priority(line):
    return re.sub(r"^<\d>", "", line)


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body.decode("utf-8"), parse_constant=_no_constant)


def _no_constant(text):
    raise ValueError(f"not JSON: {text}")


def request(host, port, method, path, headers=None, body=None):
    connection = http.client.HTTPConnection(host, port, timeout=tap.DEADLINE_S)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def run(*args, env=None, timeout=None, text=True):
    """Runs the daemon's program to its end: for --help, --check-config and the like."""
    return subprocess.run([*WRAP, BINARY, *args], env=environment(**(env or {})), cwd="/", text=text,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout or tap.DEADLINE_S, preexec_fn=_die_with_parent)


class Daemon:
    """`with Daemon() as d:` is one daemon on free ports, stopped (and its exit status checked) at
    the end, killed if the test failed before."""

    def __init__(self, *args, config=None, udp=("127.0.0.1:0",), http="127.0.0.1:0", tcp=(), unix=None, env=None,
                 command=None, pass_fds=(), directory=None):
        self.process = None
        self.directory = directory or tempfile.mkdtemp(prefix="atomicstatsd-test-")
        self._own_directory = directory is None
        self._lines = []
        self._news = threading.Condition()
        self._sender = None
        self._reader = None
        self._connection = None
        try:
            line = list(command or [*WRAP, BINARY])
            if SCANNER:
                config = with_scanner(config or {}, SCANNER)
            if config is not None:
                self.write_config(config)
                line += ["-c", self.config_path]
            for address in udp or ():
                line += ["--udp", address]
            for address in tcp:
                line += ["--tcp", address]
            if unix:
                line += ["--unix", unix]
            if http:
                line += ["--http", http]
            self._start(line + list(args), env or {}, pass_fds)
            if SCANNER:
                tap.equal(scanner_in_use(SCANNER), self.server()["ingest"]["scanner"], "the scanner in use")
        except BaseException:
            self.close()
            raise

    # ---- life ----

    @property
    def config_path(self):
        return os.path.join(self.directory, "config.json")

    def write_config(self, config):
        text = config if isinstance(config, str) else json.dumps(config)
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(text)

    def _start(self, line, env, pass_fds):
        self.process = subprocess.Popen(line, env=environment(**env), cwd=self.directory,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, pass_fds=pass_fds,
                                        preexec_fn=_die_with_parent)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        first = self.wait_log(r"atomicstatsd v?\d+\.\d+")
        self.first_line = first
        text = strip_priority(first)
        self.udp, self.tcp = ([(host.strip("[]"), int(port))
                               for host, port in re.findall(kind + r"[ =:]+" + _ADDRESS, text)] for kind in ("udp", "tcp"))
        self.unix = re.findall(r"\bunix (\S+?)(?=,|;|$)", text)
        found = re.search(r"http[ =:]+(?:http://)?" + _ADDRESS, text)
        tap.check(self.udp and found, f"no addresses in the first log line: {first!r}")
        self.http = (found.group(1).strip("[]"), int(found.group(2)))

    def _read_log(self):
        for raw in self.process.stderr:
            with self._news:
                self._lines.append(raw.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._lines.append(None)
            self._news.notify_all()

    def log(self):
        with self._news:
            return [line for line in self._lines if line is not None]

    def wait_log(self, pattern, after=0):
        """Waits for a log line that matches; => the line. The end of the log fails it."""
        def found():
            for line in self._lines[after:]:
                if line is None:
                    return "end"
                if re.search(pattern, line):
                    return line
            return None

        with self._news:
            self._news.wait_for(found, tap.DEADLINE_S)
            line = found()
        if line is None or line == "end":
            tap.fail(f"no log line matches {pattern!r}; the log: " + "\n".join(self.log()))
        return line

    def log_length(self):
        with self._news:
            return len(self._lines)

    @property
    def pid(self):
        return self.process.pid

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self):
        """=> its exit status, once its log has been read to the end."""
        try:
            status = self.process.wait(tap.DEADLINE_S)
        except subprocess.TimeoutExpired:
            tap.fail("the daemon does not stop; its log: " + "\n".join(self.log()[-20:]))
        self._reader.join(tap.DEADLINE_S)
        return status

    def stop(self, number=signal.SIGTERM):
        """Stops it as a service manager does; => the last log line."""
        if self.process.poll() is None:
            self.send_signal(number)
        status = self.wait_exit()
        lines = self.log()
        if status != 0:
            tap.fail(f"exit status: expected 0, actual {status}; the log:\n" + "\n".join(lines[-60:]))
        return lines[-1]

    def close(self):
        """Nothing of it is left afterwards."""
        if self._connection:
            self._connection.close()
        if self._sender:
            self._sender.close()
        if self.process:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            if self._reader:
                self._reader.join(tap.DEADLINE_S)
            self.process.stderr.close()
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.stop()
            elif isinstance(error, tap.Failure) and self.process and self.process.poll() is not None:
                raise tap.Failure(f"{error}\nthe daemon has ended with {self.process.returncode}; its log:\n"
                                  + "\n".join(self.log()[-60:]))
        finally:
            self.close()

    # ---- in ----

    def send(self, data, sock=None, to=0):
        """One datagram: text, bytes, or a list of lines."""
        if isinstance(data, (list, tuple)):
            data = "\n".join(data)
        if isinstance(data, str):
            data = data.encode()
        if sock is None:
            if self._sender is None:
                self._sender = udp_socket(self.udp[0][0])
            sock = self._sender
        sock.sendto(data, self.udp[to])

    def record(self, *datagrams, values=None):
        """Sends datagrams one by one and waits until they are all in; => the stats then."""
        before = self.ingest()["datagrams"]
        for datagram in datagrams:
            self.send(datagram)
        self.wait_datagrams(before + len(datagrams))
        return self.stats()

    def wait_datagrams(self, total):
        tap.wait_equal(total, lambda: self.ingest()["datagrams"], "ingest.datagrams")

    # ---- out ----

    def get(self, path, method="GET", headers=None, body=None):
        return request(*self.http, method, path, headers, body)

    def _get_kept(self, path):
        """GET over a connection that is kept: for polling."""
        for attempt in (1, 2):
            if self._connection is None:
                self._connection = http.client.HTTPConnection(*self.http, timeout=tap.DEADLINE_S)
            try:
                self._connection.request("GET", path)
                answer = self._connection.getresponse()
                return Reply(answer.status, answer.headers, answer.read())
            except (http.client.HTTPException, OSError):
                self._connection.close()
                self._connection = None
                if attempt == 2:
                    raise
        return None

    def stats(self, query=""):
        reply = self._get_kept("/stats" + query)
        tap.equal(200, reply.status, f"status of /stats{query}")
        return reply.json

    def ingest(self):
        return self.stats("?name=no.such.series")["ingest"]

    def series(self, kind, series_id):
        found = self.get("/stats/" + urllib.parse.quote(series_id, safe=""))
        tap.equal(200, found.status, f"status of /stats/{series_id}")
        return found.json[kind][series_id]

    def server(self):
        reply = self._get_kept("/server")
        tap.equal(200, reply.status, "status of /server")
        return reply.json


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def udp_socket(host="127.0.0.1"):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("::1" if ":" in host else "127.0.0.1", 0))
    return sock


class Flow:
    """Sends many datagrams to one daemon from several ports, never more in flight than the kernel
    surely holds, so that none is lost whatever the machine's load."""

    def __init__(self, daemon, ports=1, window=48):
        self.daemon = daemon
        self.window = window
        self.sockets = [udp_socket(daemon.udp[0][0]) for _ in range(ports)]
        self.sent = 0
        self.start = daemon.ingest()["datagrams"]

    def send(self, data, port=None):
        sock = self.sockets[(self.sent if port is None else port) % len(self.sockets)]
        sock.sendto(data, self.daemon.udp[0])
        self.sent += 1
        if self.sent % self.window == 0:
            self.settle()

    def settle(self):
        self.daemon.wait_datagrams(self.start + self.sent)

    def close(self):
        for sock in self.sockets:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.settle()
        finally:
            self.close()
