#!/usr/bin/env python3
"""The process: options, configuration, signals, and what a service manager agrees on with it."""

import contextlib
import ctypes
import glob
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile

import tap
from daemon import BINARY, ROOT, WRAP, Daemon, Flow, environment, request, run, strip_priority, udp_socket
from test_exact import wait_stopped


@contextlib.contextmanager
def scratch():
    directory = tempfile.mkdtemp(prefix="atomicstatsd-test-")
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def write(directory, text, name="broken.json"):
    path = os.path.join(directory, name)
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    return path


# ---- options -------------------------------------------------------------------------------------


def test_help():
    done = run("--help")
    tap.equal((0, ""), (done.returncode, done.stderr), "exit status and stderr")
    for word in ("--udp", "--http", "--threads", "--state DIR", "--check-config", "--print-config", "--version", "-c",
                 "127.0.0.1:8125", "127.0.0.1:8127"):
        tap.contains(word, done.stdout, "--help")
    tap.check(max(map(len, done.stdout.splitlines())) <= 100, "lines of --help fit a terminal")


def test_version():
    done = run("--version")
    tap.equal((0, ""), (done.returncode, done.stderr), "exit status and stderr")
    tap.check(re.fullmatch(r"atomicstatsd \d+\.\d+\.\d+\n", done.stdout), f"--version says {done.stdout!r}")


def test_bad_arguments_exit_2_and_say_which():
    for args, word in (["--nonsense"], "nonsense"), (["-x"], "x"), (["--udp"], "udp"), (["--udp", "127.0.0.1"], "127.0.0.1"), \
            (["--udp", "localhost:x"], "localhost:x"), (["--udp", "127.0.0.1:65536"], "65536"), \
            (["--udp", "::1:8125"], "::1:8125"), (["--http", "1.2.3:80"], "1.2.3:80"), (["--threads", "x"], "x"), \
            (["--threads", "-1"], "-1"), (["--threads", "999999"], "999999"), (["--threads", ""], "threads"), \
            (["--state"], "state"), (["--state", ""], "state"), (["--state", "/" + 1023 * "d"], "1023 bytes"), \
            (["--state", b"/\xff"], "UTF-8"), \
            (["operand"], "operand"), (["-c"], "c"):
        done = run(*args)
        tap.equal((2, ""), (done.returncode, done.stdout), f"exit status and stdout of {args}")
        tap.contains(word, done.stderr, f"message for {args}")


# ---- configuration -------------------------------------------------------------------------------


def test_check_config_accepts_good_ones():
    with scratch() as directory:
        for text in ("{}", "// nothing\n{ /* at all */ }\n", '{"limits": {"max_series": 5}, "log": {"level": "debug"}}',
                     '{"ingest": {"udp": ["[::1]:0", "127.0.0.1:0"], "threads": 2, "gauge_sign": "absolute"}}',
                     '{"state": {"directory": "/nonexistent/\u00e4", "checkpoint_s": 3600}}',
                     '{"http": {"listen": "[::1]:0"}} // the end'):
            done = run("-c", write(directory, text), "--check-config")
            tap.equal(0, done.returncode, f"exit status for {text!r}; stderr: {done.stderr}")
        done = run("-c", os.path.join(ROOT, "config", "atomicstatsd.json"), "--check-config")
        tap.equal(0, done.returncode, f"exit status for the sample; stderr: {done.stderr}")


BAD = [
    # text, line, a word of what is wrong
    ('{\n  "limits": {"max_serie": 5}\n}', 2, "max_serie"),
    ('{\n\n"nonsense": {}\n}', 3, "nonsense"),
    ('{"limits":\n {"max_series":\n "five"}}', 3, "max_series"),
    ('{"limits":\n {"max_series": 0}}', 2, "max_series"),
    ('{"limits":\n {"max_series": -5}}', 2, "max_series"),
    ('{"limits":\n {"max_series": 1.5}}', 2, "max_series"),
    ('{"limits":\n {"max_series": 1e99}}', 2, "max_series"),
    ('{"limits":\n\n 5}', 3, "limits"),
    ('{"log":\n{"level": "loud"}}', 2, "loud"),
    ('{"ingest":\n{"udp":\n["127.0.0.1:8125",\n"nowhere"]}}', 4, "nowhere"),
    ('{"ingest":\n{"gauge_sign": "sideways"}}', 2, "sideways"),
    ('{"state":\n{"directory": "relative/path"}}', 2, "absolute"),
    ('{"state":\n{"directory": 5}}', 2, "directory"),
    ('{"state":\n{"directory": "/a\\tb"}}', 2, "control"),
    ('{"state": {"directory":\n"/' + 1023 * "d" + '"}}', 2, "1023 bytes"),
    ('{"state":\n{"checkpoint_s": 0}}', 2, "checkpoint_s"),
    ('{"state":\n{"checkpoint_s": 3601}}', 2, "3600"),
    ('{"state": {\n"dir": "/a"}}', 2, "dir"),
    ('{"ingest": {"threads": true}}', 1, "threads"),
    ('{"ingest": {"threads": null}}', 1, "threads"),
    ('{\n"limits": {"max_series": 5},\n"limits": {"max_series": 6}\n}', 3, "limits"),
    ('{"limits": {"max_series": 5,\n"max_series": 6}}', 2, "max_series"),
    ('{"Limits": {}}', 1, "Limits"),
    ('{\n"limits": {"max_series": 5}\n} trailing', 3, ""),
    ('{\n"limits": {"max_series": 5},\n}', 2, ""),
    ('{\n"limits" {}\n}', 2, ""),
    ('{\n"limits": {"max_series": 05}}', 2, ""),
    ('{\n/* open', 2, ""),
    ('{\n"a": "open\n}', 2, ""),
    ("", 1, ""),
    ("[]", 1, ""),
    ("[" * 5000, 1, ""),
]


def test_bad_configuration_exits_78_with_file_line_and_what():
    with scratch() as directory:
        for text, line, word in BAD:
            path = write(directory, text)
            for args in (["--check-config"], []):
                done = run("-c", path, *args)
                tap.equal(78, done.returncode, f"exit status for {text[:60]!r} {args}; stderr: {done.stderr}")
                tap.contains(f"{path}:{line}", done.stderr, f"message for {text[:60]!r}")
                tap.contains(word, done.stderr, f"message for {text[:60]!r}")
        for raw in (b"\xff\xfe{}", b'{"log": {"level": "\xff"}}', b"\0", b'{"log": {"level": "in\0fo"}}'):
            tap.equal(78, run("-c", write(directory, raw), "--check-config").returncode, f"exit status for {raw!r}")


def test_a_configuration_that_cannot_be_read_exits_78():
    with scratch() as directory:
        for path in (os.path.join(directory, "missing.json"), directory):
            done = run("-c", path)
            tap.equal(78, done.returncode, f"exit status for {path}")
            tap.contains(path, done.stderr, "message")


def test_print_config_round_trip():
    with scratch() as directory:
        default = run("--print-config")
        tap.equal((0, ""), (default.returncode, default.stderr), "exit status and stderr")
        again = run("-c", write(directory, default.stdout), "--print-config")
        tap.equal((0, default.stdout), (again.returncode, again.stdout), "what it prints of its own output")
        changed = '{"limits": {"max_series": 77}, "ingest": {"threads": 3, "udp": ["[::1]:9"], "gauge_sign": "absolute"}}'
        first = run("-c", write(directory, changed), "--print-config")
        tap.check(first.stdout != default.stdout, "a change shows")
        for word in ("77", "[::1]:9", "absolute"):
            tap.contains(word, first.stdout, "--print-config")
        second = run("-c", write(directory, first.stdout), "--print-config")
        tap.equal(first.stdout, second.stdout, "what it prints of its own output")
        options = run("-c", write(directory, changed), "--print-config", "--threads", "5", "--udp", "127.0.0.1:7",
                      "--http", "127.0.0.1:6")
        for word in ("127.0.0.1:7", "127.0.0.1:6", "5", "77"):
            tap.contains(word, options.stdout, "--print-config with options")
        tap.check("[::1]:9" not in options.stdout, "an option takes the place of what the file says")


def test_the_state_directory():
    with scratch() as directory:
        path = write(directory, '{"state": {"directory": "/a \\" b", "checkpoint_s": 7}}')

        def state(*args):
            done = run("-c", path, "--print-config", *args)
            tap.equal((0, ""), (done.returncode, done.stderr), f"exit status and stderr of {args}")
            return json.loads(done.stdout)["state"]
        tap.equal({"directory": '/a " b', "arenas": "", "checkpoint_s": 7}, state(), "what the file says")
        tap.equal({"directory": "/c", "arenas": "", "checkpoint_s": 7}, state("--state", "/c"), "what the option says")
        tap.equal("/c", state("--state", "c")["directory"], "relative to /, where the daemon is started")
        new = os.path.join(directory, "new")
        tap.equal(new, state("--state", new)["directory"], "one that is not there")
        tap.check(not os.path.exists(new), "--print-config makes no directory")
        path = write(directory, run("-c", path, "--print-config").stdout)
        tap.equal({"directory": '/a " b', "arenas": "", "checkpoint_s": 7}, state(), "what it reads of its own output")


def test_the_configuration_works():
    config = """// a comment
    {
        "ingest": { "udp": ["127.0.0.1:0", "127.0.0.1:0"], "threads": 2 }, /* another */
        "http": { "listen": "127.0.0.1:0" }
    }"""
    with Daemon(config=config, udp=None, http=None) as d:
        tap.equal(2, len(d.udp), "addresses")
        tap.equal(2, d.stats()["ingest"]["threads"], "threads")


# ---- start ---------------------------------------------------------------------------------------


def test_the_start_of_make_run():
    """On the sample configuration, with ports of our own."""
    with Daemon("-c", os.path.join(ROOT, "config", "atomicstatsd.json")) as d:
        tap.equal({"hits": 1}, d.record("hits:1|c")["counters"], "counters")
        stopped = d.stop(signal.SIGINT)
        tap.contains("stopped", stopped, "the last log line after Ctrl-C")


def test_a_port_in_use_exits_1_and_is_named():
    with Daemon() as d:
        for option, (host, port) in (("--udp", d.udp[0]), ("--http", d.http)):
            other = ["--http", "127.0.0.1:0"] if option == "--udp" else ["--udp", "127.0.0.1:0"]
            if option == "--udp":
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
                    taken.bind(("127.0.0.1", 0))
                    host, port = taken.getsockname()
                    done = run(option, f"{host}:{port}", *other)
            else:
                done = run(option, f"{host}:{port}", *other)
            tap.equal(1, done.returncode, f"exit status for {option}; stderr: {done.stderr}")
            tap.contains(f"{host}:{port}", done.stderr, "message")


def test_an_address_that_is_not_ours_exits_1():
    done = run("--udp", "192.0.2.1:0", "--http", "127.0.0.1:0")
    tap.equal(1, done.returncode, f"exit status; stderr: {done.stderr}")
    tap.contains("192.0.2.1", done.stderr, "message")


def test_two_daemons_do_not_share_a_port_unasked():
    with Daemon() as first:
        host, port = first.udp[0]
        done = run("--udp", f"{host}:{port}", "--http", "127.0.0.1:0")
        tap.equal(1, done.returncode, f"exit status of the second; stderr: {done.stderr}")
        tap.contains(f"{host}:{port}", done.stderr, "message")
        tap.equal(1, first.record("c:1|c")["counters"]["c"], "the first goes on")


def test_the_first_log_line():
    with Daemon("--threads", "1", udp=("127.0.0.1:0", "127.0.0.1:0")) as d:
        line = strip_priority(d.log()[0])
        tap.contains("atomicstatsd", line, "first line")
        tap.equal(2, len(d.udp), "udp addresses in it")
        tap.check(all(port > 0 for _, port in d.udp) and d.http[1] > 0, f"real ports in it: {line}")
        tap.check(not d.log()[0].startswith("<"), f"no priority without systemd: {d.log()[0]!r}")


def test_priorities_when_systemd_reads():
    with scratch() as directory:
        with open(os.path.join(directory, "log"), "w+b") as log:
            status = os.fstat(log.fileno())
            journal = f"{status.st_dev}:{status.st_ino}"
            process = subprocess.Popen([BINARY, "--udp", "127.0.0.1:0", "--http", "127.0.0.1:0"], stderr=log,
                                       stdout=log, env=environment(JOURNAL_STREAM=journal), cwd=directory)
            try:
                def lines():
                    with open(log.name, encoding="utf-8") as file:
                        return file.read().splitlines()
                tap.wait_until(lambda: any("atomicstatsd" in line for line in lines()), "the first log line")
                process.terminate()
                tap.equal(0, process.wait(tap.DEADLINE_S), "exit status")
                bare = [line for line in lines() if not re.match(r"<[0-7]>", line)]
                tap.equal([], bare, "lines without a priority")
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()


def test_the_locale_never_matters():
    with scratch() as directory:
        # A real locale with a decimal comma, where the machine has what it takes to make one.
        made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", os.path.join(directory, "de_DE.UTF-8")],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        if not made:
            print("# localedef cannot make de_DE here: only the environment is set")
        env = {"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "LC_NUMERIC": "de_DE.UTF-8", "LOCPATH": directory}
        with Daemon(env=env, config='{"limits": {"max_series": 100}}') as d:
            stats = d.record("g:1.5|g", "t:0.25:1e-3|ms|@0.5", "k:1,5|g")
            tap.equal({"g": 1.5}, stats["gauges"], "gauges")
            tap.close(0.502, stats["stats"]["t"]["sum"], "sum")
            tap.equal(1, stats["ingest"]["rejected"]["bad_value"], "rejected")


def test_the_working_directory_and_stdin_do_not_matter():
    with Daemon(command=["sh", "-c", f"cd / && exec '{BINARY}' \"$@\" <&-", "sh"]) as d:
        tap.equal(1, d.record("c:1|c")["counters"]["c"], "counter")
        tap.equal("/", os.readlink(f"/proc/{d.pid}/cwd"), "working directory")


# ---- stop ----------------------------------------------------------------------------------------


def drops(port):
    """What the kernel has dropped at our UDP sockets on this port."""
    total = 0
    with open("/proc/net/udp", encoding="ascii") as file:
        for line in list(file)[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == port:
                total += int(fields[12])
    return total


def test_stopping_takes_what_the_kernel_holds():
    for number in (signal.SIGTERM, signal.SIGINT):
        with Daemon("--threads", "2", "--udp", "127.0.0.1:0") as d:
            d.record("c:1|c")
            socks = [udp_socket() for _ in range(8)]
            d.send_signal(signal.SIGSTOP)
            wait_stopped(d.pid)
            for sent in range(20000):
                socks[sent % 8].sendto(b"c:1:1|c", d.udp[sent % 2])
            lost = drops(d.udp[0][1]) + drops(d.udp[1][1])
            for sock in socks:
                sock.close()
            d.send_signal(number)
            d.send_signal(signal.SIGCONT)
            tap.equal(0, d.wait_exit(), "exit status")
            last = d.log()[-1]
            found = re.search(r"(\d+) datagrams\D+?(\d+) values", last)
            tap.check(found, f"no totals in the last log line: {last!r}")
            tap.equal((20001 - lost, 40001 - 2 * lost), (int(found.group(1)), int(found.group(2))),
                      f"datagrams and values after {number.name} ({lost} were dropped by the kernel): {last!r}")


def test_stopping_at_once():
    for number in (signal.SIGTERM, signal.SIGINT):
        with Daemon() as d:
            d.send_signal(number)
            tap.equal(0, d.wait_exit(), f"exit status after {number.name}")


def test_stopping_under_load_accounts_for_all():
    with Daemon("--threads", "4") as d:
        flow = Flow(d, ports=4)
        try:
            for _ in range(tap.scaled(5000)):
                flow.send(b"c:1|c\nt:5|ms")
            flow.settle()
        finally:
            flow.close()
        last = d.stop()
        found = re.search(r"(\d+) datagrams\D+?(\d+) values", last)
        tap.check(found, f"no totals in the last log line: {last!r}")
        tap.equal((flow.sent, 2 * flow.sent), (int(found.group(1)), int(found.group(2))), "datagrams and values")


class SlowReader:
    """A request for so many series that the reply fits in no buffer: the daemon is busy with it
    until the rest is read."""

    def __init__(self, daemon):
        self.series = tap.scaled(80000, 60000)
        with Flow(daemon, window=24) as flow:
            for at in range(0, self.series, 400):
                flow.send("\n".join(f"a.series.with.a.name.{n}:1|ms" for n in range(at, at + 400)).encode())
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self.sock.connect(daemon.http)
        self.sock.sendall(b"GET /stats HTTP/1.0\r\n\r\n")
        self.parts = [self.sock.recv(4096)]

    def finish(self):
        """=> how many series the reply has."""
        with self.sock, contextlib.suppress(ConnectionResetError):
            while part := self.sock.recv(65536):
                self.parts.append(part)
        body = b"".join(self.parts).partition(b"\r\n\r\n")[2]
        try:
            return len(json.loads(body)["stats"])
        except ValueError:
            return f"a reply that ends after {len(body)} bytes"


def test_requests_in_flight_are_answered():
    with Daemon() as d:
        slow = SlowReader(d)
        d.send_signal(signal.SIGTERM)
        d.wait_log("stopping")
        tap.equal(slow.series, slow.finish(), "series in the reply")
        tap.equal(0, d.wait_exit(), "exit status")


def test_a_reader_that_never_reads_does_not_hold_up_the_stop():
    with Daemon() as d:
        slow = SlowReader(d)
        d.send_signal(signal.SIGTERM)
        tap.equal(0, d.wait_exit(), "exit status")
        slow.sock.close()


def test_a_second_signal_changes_nothing():
    """`timeout` sends two, and so does an impatient operator; what is being saved must be saved."""
    for again in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with Daemon() as d:
            slow = SlowReader(d)
            d.send_signal(signal.SIGTERM)
            d.wait_log("stopping")
            d.send_signal(again)
            tap.equal(slow.series, slow.finish(), f"series in the reply after a {again.name} while stopping")
            tap.equal(0, d.wait_exit(), f"exit status after a {again.name} while stopping")


# ---- reload --------------------------------------------------------------------------------------


def test_reload_takes_what_can_change():
    with Daemon(config={"limits": {"max_series": 2}, "log": {"level": "info"}}) as d:
        d.record("a:1|c\nb:1|c\nc:1|c")
        tap.equal(["a", "b"], list(d.stats()["counters"]), "counters before")
        seen = d.log_length()
        d.write_config({"limits": {"max_series": 3}, "log": {"level": "debug"}})
        d.send_signal(signal.SIGHUP)
        d.wait_log(r"(?i)(reload|configuration)", after=seen)

        def third():
            d.record("c:1|c")
            return "c" in d.stats()["counters"]
        tap.wait_until(third, "the new limit is in force")
        d.record("d:1|c")
        tap.equal(["a", "b", "c"], list(d.stats()["counters"]), "counters after")


def test_reload_changes_the_log_level():
    with Daemon(config={"log": {"level": "info"}}) as d:
        d.write_config({"log": {"level": "error"}})
        d.send_signal(signal.SIGHUP)
        d.wait_log(r"(?i)(reload|configuration)")
        seen = d.log_length()
        # The next reload is information, and no longer logged; the broken one after it is an error.
        d.write_config("{broken")
        d.send_signal(signal.SIGHUP)
        d.wait_log(re.escape(d.config_path), after=seen)
        seen = d.log_length()
        d.write_config({"log": {"level": "info"}, "limits": {"max_series": 5}})
        d.send_signal(signal.SIGHUP)
        d.wait_log(r"(?i)(reload|configuration)", after=seen)


def test_reload_says_what_it_cannot_change():
    with Daemon("--threads", "2", config={"log": {"level": "info"}}) as d:
        seen = d.log_length()
        d.write_config({"log": {"level": "info"}, "ingest": {"gauge_sign": "absolute"}, "http": {"max_connections": 99},
                        "state": {"directory": os.path.join(d.directory, "state")}})
        d.send_signal(signal.SIGHUP)
        d.wait_log(r"gauge_sign", after=seen)
        d.wait_log(r"max_connections", after=seen)
        d.wait_log(r"state\.directory is changed in the configuration, but needs a restart", after=seen)
        tap.equal({"g": 3}, d.record("g:1|g\ng:+2|g")["gauges"], "gauges: the sign is still relative")
    with Daemon(config={"ingest": {"threads": 1}}) as d:
        seen = d.log_length()
        d.write_config({"ingest": {"threads": 2}})
        d.send_signal(signal.SIGHUP)
        d.wait_log(r"threads", after=seen)
        tap.equal(1, d.stats()["ingest"]["threads"], "threads")


def test_a_broken_configuration_keeps_the_old_one():
    with Daemon(config={"limits": {"max_series": 2}}) as d:
        d.record("a:1|c\nb:1|c")
        for text, line in (('{"limits":\n{"max_series": "many"}}', 2), ("{", 1), ('{\n\n"x": 1}', 3)):
            seen = d.log_length()
            d.write_config(text)
            d.send_signal(signal.SIGHUP)
            d.wait_log(re.escape(f"{d.config_path}:{line}"), after=seen)
        seen = d.log_length()
        os.unlink(d.config_path)
        d.send_signal(signal.SIGHUP)
        d.wait_log(re.escape(d.config_path), after=seen)
        stats = d.record("a:1|c\nc:1|c")
        tap.equal({"a": 2, "b": 1}, stats["counters"], "counters: the old limit holds")


def test_reload_without_a_file():
    with Daemon() as d:
        d.record("c:1|c")
        for _ in range(3):
            d.send_signal(signal.SIGHUP)
        tap.equal(2, d.record("c:1|c")["counters"]["c"], "it goes on")


# ---- what a service manager agrees on with it ----------------------------------------------------


class Notices:
    """The receiving end of NOTIFY_SOCKET."""

    def __init__(self, directory, abstract=False):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if abstract:
            self.sock.bind("\0atomicstatsd-test-" + os.path.basename(directory))
            self.name = "@" + self.sock.getsockname()[1:].decode()
        else:
            self.name = os.path.join(directory, "notify")
            self.sock.bind(self.name)

    def next(self, timeout=None):
        """=> the lines of the next message, or None."""
        if not select.select([self.sock], [], [], tap.DEADLINE_S if timeout is None else timeout)[0]:
            return None
        return self.sock.recv(65536).decode().splitlines()

    def wait(self, line):
        while (message := self.next()) is not None:
            if line in message:
                return message
        return tap.fail(f"expected the notice {line}, actual: none")

    def close(self):
        self.sock.close()


def test_notify_ready_and_stopping():
    for abstract in (False, True):
        with scratch() as directory:
            notices = Notices(directory, abstract)
            with Daemon(env={"NOTIFY_SOCKET": notices.name}) as d:
                message = notices.wait("READY=1")
                # Ready means ready: at once, without asking again.
                tap.equal(200, d.get("/readyz").status, f"status of /readyz after {message}")
                tap.equal(1, d.record("c:1|c")["counters"]["c"], "a value sent after READY=1")
                d.send_signal(signal.SIGTERM)
                notices.wait("STOPPING=1")
                tap.equal(0, d.wait_exit(), "exit status")
            notices.close()


def test_ready_is_not_sent_when_the_start_fails():
    with scratch() as directory:
        notices = Notices(directory)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            done = run("--udp", f"127.0.0.1:{taken.getsockname()[1]}", "--http", "127.0.0.1:0",
                       env={"NOTIFY_SOCKET": notices.name})
        tap.equal(1, done.returncode, "exit status")
        messages = []
        while (message := notices.next(0)) is not None:
            messages += message
        tap.check("READY=1" not in messages, f"notices of a start that failed: {messages}")
        notices.close()


def test_notify_reloading():
    with scratch() as directory:
        notices = Notices(directory)
        with Daemon(env={"NOTIFY_SOCKET": notices.name}, config={"limits": {"max_series": 5}}) as d:
            notices.wait("READY=1")
            d.send_signal(signal.SIGHUP)
            notices.wait("RELOADING=1")
            notices.wait("READY=1")
        notices.close()


def test_drops_are_shown_in_the_status():
    with scratch() as directory:
        notices = Notices(directory)
        with Daemon("--threads", "1", env={"NOTIFY_SOCKET": notices.name},
                    config={"ingest": {"receive_buffer_bytes": 4096}}) as d, udp_socket() as sock:
            serving = f"serving udp 127.0.0.1:{d.udp[0][1]}, http 127.0.0.1:{d.http[1]} with 1 ingest threads"
            tap.contains(f"STATUS={serving}", notices.wait("READY=1"), "the notice at the start")
            d.send_signal(signal.SIGSTOP)
            wait_stopped(d.pid)
            for _ in range(1000):
                sock.sendto(b"c:1|c", d.udp[0])
            lost = drops(d.udp[0][1])
            d.send_signal(signal.SIGCONT)
            tap.check(lost > 0, "expected drops")
            tap.equal([f"STATUS={lost} datagrams dropped by the kernel; {serving}"], notices.next(), "the next notice")
        notices.close()


def test_watchdog_pings():
    with scratch() as directory:
        notices = Notices(directory)
        with Daemon(env={"NOTIFY_SOCKET": notices.name, "WATCHDOG_USEC": "400000"}):
            for _ in range(4):
                notices.wait("WATCHDOG=1")
        with Daemon(env={"NOTIFY_SOCKET": notices.name, "WATCHDOG_USEC": "400000", "WATCHDOG_PID": "1"}) as d:
            while "READY=1" not in notices.next():
                pass
            seen = []
            message = notices.next(1.2)
            while message is not None and len(seen) < 20:
                seen += message
                message = notices.next(1.2)
            tap.check("WATCHDOG=1" not in seen, f"another process is watched, and yet: {seen}")
            tap.equal(200, d.get("/healthz").status, "status of /healthz")
        notices.close()


def test_a_notify_socket_that_is_not_there_does_no_harm():
    for name in ("/nonexistent/notify", "@nonexistent", "", "relative", "/" + "x" * 200):
        with Daemon(env={"NOTIFY_SOCKET": name}) as d:
            tap.equal(200, d.get("/healthz").status, f"status with NOTIFY_SOCKET={name!r}")


HAND_OVER = """
i=3; for fd in $TEST_FDS; do eval "exec $((i + 40))<&$fd $fd<&-"; i=$((i + 1)); done
i=3; for fd in $TEST_FDS; do eval "exec $i<&$((i + 40)) $((i + 40))<&-"; i=$((i + 1)); done
LISTEN_PID=${TEST_LISTEN_PID:-$$} exec "$@"
"""


def listening(socks, names, **options):
    """A daemon that gets these sockets from 3 on, as systemd would hand them over."""
    fds = [sock.fileno() for sock in socks]
    env = {"TEST_FDS": " ".join(map(str, fds)), "LISTEN_FDS": str(len(fds)), **options.pop("env", {})}
    if names is not None:
        env["LISTEN_FDNAMES"] = ":".join(names)
    return Daemon(command=["bash", "-c", HAND_OVER, "bash", *WRAP, BINARY], pass_fds=fds, env=env, **options)


def udp_and_http(udp=1):
    socks = []
    for _ in range(udp):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        socks.append(sock)
    http = socket.socket()
    http.bind(("127.0.0.1", 0))
    http.listen(64)
    return socks, http


def test_sockets_handed_over():
    for order in ("udp first", "http first", "http between"):
        udp, http = udp_and_http(2)
        socks, names = {"udp first": ([*udp, http], ["udp", "udp", "http"]),
                        "http first": ([http, *udp], ["http", "udp", "udp"]),
                        "http between": ([udp[0], http, udp[1]], ["udp", "http", "udp"])}[order]
        with listening(socks, names, udp=None, http=None) as d:
            tap.equal(sorted(sock.getsockname() for sock in udp), sorted(d.udp), f"udp, {order}")
            tap.equal(http.getsockname(), d.http, f"http, {order}")
            for to in (0, 1):
                d.send("c:1|c", to=to)
            d.wait_datagrams(2)
            tap.equal({"c": 2}, d.stats()["counters"], "counters")
        for sock in socks:
            sock.close()


def test_what_waits_in_a_socket_handed_over_is_received():
    (udp,), http = udp_and_http()
    with udp_socket() as sender:
        for _ in range(100):
            sender.sendto(b"c:1|c", udp.getsockname())
    with listening([http, udp], ["http", "udp"], udp=None, http=None) as d:
        d.wait_datagrams(100)
        tap.equal({"c": 100}, d.stats()["counters"], "counters")
    # They are the service manager's: after the daemon's end they still hold what comes.
    with udp_socket() as sender:
        sender.sendto(b"c:1|c", udp.getsockname())
    with listening([http, udp], ["http", "udp"], udp=None, http=None) as d:
        d.wait_datagrams(1)
    udp.close()
    http.close()


def test_only_one_kind_handed_over():
    (udp,), http = udp_and_http()
    with listening([udp], ["udp"], udp=None) as d:
        tap.equal([udp.getsockname()], d.udp, "udp")
        tap.check(d.http != http.getsockname(), "its own http")
        d.record("c:1|c")
    with listening([http], ["http"], http=None) as d:
        tap.equal(http.getsockname(), d.http, "http")
        d.record("c:1|c")
    udp.close()
    http.close()


def test_many_threads_on_one_socket_handed_over():
    (udp,), http = udp_and_http()
    with listening([http, udp], ["http", "udp"], udp=None, http=None) as d:
        with Flow(d, ports=4) as flow:
            for _ in range(500):
                flow.send(b"c:1|c\nt:1|ms")
        tap.equal({"c": 500}, d.stats()["counters"], "counters")
        ingest = d.ingest()
        tap.equal((500, 0), (ingest["datagrams"], ingest["dropped"]["kernel"]), "datagrams and drops")
    udp.close()
    http.close()


def test_sockets_for_another_process_are_left_alone():
    (udp,), http = udp_and_http()
    with listening([udp, http], ["udp", "http"], env={"TEST_LISTEN_PID": "1"}) as d:
        tap.check(udp.getsockname() not in d.udp, "the socket was for process 1")
        d.record("c:1|c")
    udp.close()
    http.close()


def test_sockets_that_nothing_is_done_for_are_refused_by_name():
    """Serving on would leave a socket that takes datagrams and never gives them to anybody."""
    (udp,), http = udp_and_http()
    for names, word in ((["udp", "nonsense"], "nonsense"), (["http", "udp"], "3")):
        fds = [udp.fileno(), http.fileno()]
        done = subprocess.run(["bash", "-c", HAND_OVER, "bash", *WRAP, BINARY], pass_fds=fds, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=tap.DEADLINE_S,
                              env=environment(TEST_FDS=" ".join(map(str, fds)), LISTEN_FDS="2",
                                              LISTEN_FDNAMES=":".join(names)))
        tap.equal(1, done.returncode, f"exit status for {names}; stderr: {done.stderr}")
        tap.contains(word, done.stderr, f"message for {names}")
    udp.close()
    http.close()


# ---- health --------------------------------------------------------------------------------------

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


class StoppedThread:
    """One thread of a process, held by ptrace while the others run."""

    def __init__(self, tid):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.tid = tid
        if self.libc.ptrace(PTRACE_SEIZE, tid, None, None) != 0:
            raise tap.Skip(f"ptrace is not permitted here: {os.strerror(ctypes.get_errno())}")
        self.libc.ptrace(PTRACE_INTERRUPT, tid, None, None)
        os.waitpid(tid, WALL)

    def release(self):
        self.libc.ptrace(PTRACE_DETACH, self.tid, None, None)


def ingest_threads(pid):
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/comm"):
        with open(path, encoding="ascii") as file:
            if file.read().startswith("ingest"):
                found.append(int(path.split("/")[-2]))
    return sorted(found)


def test_threads_have_names():
    with Daemon("--threads", "3") as d:
        tap.equal(3, len(ingest_threads(d.pid)), "threads named ingest…")


def test_a_stuck_ingest_thread_is_seen():
    with scratch() as directory:
        notices = Notices(directory)
        env = {"NOTIFY_SOCKET": notices.name, "WATCHDOG_USEC": "2000000"}
        with Daemon("--threads", "2", env=env) as d:
            notices.wait("WATCHDOG=1")
            tap.equal(200, d.get("/healthz").status, "status before")
            held = StoppedThread(ingest_threads(d.pid)[0])
            try:
                tap.wait_until(lambda: d.get("/healthz").status == 503, "/healthz is 503")
                reply = d.get("/healthz")
                tap.check(reply.json.get("status") != "ok", f"body while stuck: {reply.body!r}")
                tap.equal(200, d.get("/stats").status, "status of /stats while one thread is stuck")
                while notices.next(0) is not None:
                    pass
                tap.equal(None, notices.next(3), "pings while one thread is stuck")
            finally:
                held.release()
            tap.wait_until(lambda: d.get("/healthz").status == 200, "/healthz is 200 again")
            notices.wait("WATCHDOG=1")
        notices.close()


def test_readyz_while_stopping():
    """A reader that is still being answered sees 503; nobody new is told that we are ready."""
    with Daemon() as d:
        tap.equal(200, d.get("/readyz").status, "status before")
        d.send_signal(signal.SIGTERM)

        def gone():
            try:
                return request(*d.http, "GET", "/readyz").status == 503
            except OSError:
                return True
        tap.wait_until(gone, "/readyz is 503 or closed")
        tap.equal(0, d.wait_exit(), "exit status")


if __name__ == "__main__":
    tap.main(globals())
