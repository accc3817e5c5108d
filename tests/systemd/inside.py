#!/usr/bin/env python3
"""The daemon under systemd, from inside of a machine that test_systemd.py has made. Not to be run anywhere
else: it stops services and changes the configuration.

    inside.py [-k PATTERN] [--times N] [--rate DATAGRAMS_A_SECOND] [--seed N]

Kills N times, and restarts a third as often, under load."""

import errno
import functools
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading

import service  # first: it says where the next two are
import known_traffic
import tap
from service import BINARY, CONFIG, NAME, OPTIONAL, SOCKETS, Senders, Service, main_pid, show, systemctl, write
from streams import reset, send_from_a_process, tcp_connect, unix_connect


def option(name, default):
    return type(default)(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


TIMES = option("--times", 30)
RATE = option("--rate", 20000.0)
SEED = option("--seed", 1)

WITH_OPTIONAL = {NAME: f"[Service]\nSockets={' '.join(OPTIONAL)}"}
START = f"[Service]\nExecStart=\nExecStart={BINARY} -c {CONFIG} --state /var/lib/atomicstatsd"


def need_buffers(s):
    """What the units ask for, as the kernel counts it: twice as much."""
    for sock in s.sockets():
        granted = sock["receive_buffer"]["granted_bytes"]
        if granted < 1 << 20:
            raise tap.Skip("this systemd may not go beyond net.core.rmem_max")
        tap.equal(2 * 128 << 20, granted, "receive buffer")


# ---- start ---------------------------------------------------------------------------------------


def test_enabled_is_enabled_with_its_sockets():
    systemctl("enable", NAME)
    for unit in (NAME, *SOCKETS[:2]):
        tap.equal("enabled", systemctl("is-enabled", unit), unit)
    systemctl("disable", NAME)


def test_started_means_serving():
    with Service() as s, Senders() as senders:
        tap.equal(200, s.get("/readyz").status, "status of /readyz")
        tap.contains("serving udp 127.0.0.1:8125, http 127.0.0.1:8127", show("StatusText"), "StatusText")
        senders.send(100)
        s.wait_counted(100)
        tap.equal({"c": 100}, s.stats()["counters"], "counters")


def test_the_units_have_the_addresses_that_the_daemon_itself_would_take():
    with Service() as s:
        defaults = subprocess.run([BINARY, "--print-config"], stdout=subprocess.PIPE, text=True, check=True).stdout
        tap.contains(f'"{s.get("/server").json["http"]["address"]}"', defaults, "the default configuration")
        for sock in s.sockets():
            tap.contains(f'"{sock["address"]}"', defaults, "the default configuration")


def test_equal_lines_make_one_group():
    with Service() as s, Senders() as senders:
        senders.send(640)
        s.wait_counted(640)
        sockets = s.sockets()
        tap.equal(4, len(sockets), "sockets")
        idle = [sock for sock in sockets if sock["datagrams"] == 0]
        tap.equal([], idle, "sockets that got nothing from 64 ports")
        need_buffers(s)


def test_any_number_of_threads_takes_all_sockets():
    for threads, started in ((1, 1), (3, 3), (4, 4), (9, 4)):
        with Service({NAME: f"{START} --threads {threads}"}) as s, Senders() as senders:
            senders.send(640)
            s.wait_counted(640)
            tap.equal((started, 4), (s.ingest()["threads"], len(s.sockets())), f"threads and sockets of {threads}")
            told = any("no more start" in message for message in s.journal.messages())
            tap.equal(threads > 4, told, f"the log tells that not all of {threads} threads start")


def test_messages_have_their_priorities():
    with Service() as s:
        tap.equal("5", s.journal.wait("serving udp")["PRIORITY"], "a notice")
        tap.equal("6", s.journal.wait("receive buffer:")["PRIORITY"], "an information")
        write(CONFIG, '{"nonsense": 1}')
        systemctl("reload", NAME)
        entry = s.journal.wait("nonsense")
        tap.equal("3", entry["PRIORITY"], "an error")
        tap.check(entry["MESSAGE"].startswith("reload: "), f"no \"<3>\" is left in {entry['MESSAGE']!r}")


# ---- the configuration ---------------------------------------------------------------------------


def test_reload():
    with Service() as s:
        pid = main_pid()
        write(CONFIG, '{"limits": {"max_series": 7}}')
        systemctl("reload", NAME)
        s.journal.wait("configuration reloaded")
        tap.equal(7, s.get("/server").json["series"]["max"], "series.max")
        write(CONFIG, "{")
        systemctl("reload", NAME)
        s.journal.wait("the old configuration stays")
        tap.equal(7, s.get("/server").json["series"]["max"], "series.max")
        tap.wait_equal("running", lambda: show("SubState"), "state")
        tap.equal((pid, "0"), (main_pid(), show("NRestarts")), "process and restarts")


def test_a_wrong_configuration_ends_it_and_what_comes_meanwhile_waits():
    with Service(config='{"nonsense": 1}', start=False) as s, Senders() as senders:
        tap.check(service.run("systemctl", "start", NAME).returncode != 0, "systemctl start fails")
        for _ in range(10):  # to a socket unit each datagram would be a reason to start it again
            senders.send(10)
            tap.equal(("failed", "78", "0"), (show("ActiveState"), show("ExecMainStatus"), show("NRestarts")),
                      "state, exit status and restarts")
        starts = [entry for entry in s.journal.entries() if entry["MESSAGE"].startswith("Starting")]
        tap.equal(1, len(starts), "starts")
        tap.equal(["active"] * 3, [show("ActiveState", unit) for unit in SOCKETS], "sockets")
        write(CONFIG, s.installed)
        systemctl("start", NAME)
        s.wait_counted(100)


def test_addresses_that_are_not_used_are_told():
    with Service(config='{"ingest": {"udp": ["127.0.0.1:9"]}}') as s:
        tap.equal("4", s.journal.wait("ingest.udp is not used")["PRIORITY"], "a warning")
    with Service() as s:
        s.journal.wait("serving udp")
        tap.equal([], [message for message in s.journal.messages() if "not used" in message], "warnings by default")


# ---- sockets that outlive the process ------------------------------------------------------------


def test_stopped_is_stopped_and_what_comes_meanwhile_waits():
    with Service() as s, Senders() as senders:
        senders.send(10)
        s.wait_counted(10)
        systemctl("stop", NAME)
        for _ in range(9):
            senders.send(10)
            tap.equal("inactive", show("ActiveState"), "state")
        systemctl("start", NAME)
        s.wait_counted(100)
        systemctl("stop", "atomicstatsd*")
        tap.equal(["inactive"] * 3, [show("ActiveState", unit) for unit in SOCKETS], "sockets")


def test_killed_it_is_back_and_counts_what_came_meanwhile():
    with Service() as s, Senders() as senders:
        pid = main_pid()
        os.kill(pid, signal.SIGKILL)
        service.wait_dead(pid)
        senders.send(1000)
        s.wait_other(pid)
        s.wait_counted(1000)
        tap.equal("1", show("NRestarts"), "restarts")


def exactly(end, times, drop_ins=None, addresses=(service.UDP,)):
    """Sends known traffic of all kinds while the service ends and comes back; nothing of it may be lost."""
    pause, rng = threading.Event(), random.Random(SEED)
    with Service(drop_ins) as s, known_traffic.Sender(*addresses, seed=SEED, rate=RATE) as sender:
        need_buffers(s)
        for _ in range(times):
            pause.wait(rng.uniform(0, 0.1))
            end(s)
        expected, rate = sender.stop()
        known_traffic.wait_exact(lambda path: s.get(path).json, expected)
        print(f"# {times} times, {expected[1]['datagrams']} datagrams, {rate:.0f} a second, seed {SEED}")
        tap.equal(["active"] * 3, [show("ActiveState", unit) for unit in SOCKETS], "sockets")
        return s.journal.messages()


def kill(s):
    pid = main_pid()
    systemctl("kill", "--signal=KILL", NAME)
    s.wait_other(pid)


def upgrade(_):
    shutil.copy(BINARY, BINARY + ".new")
    os.rename(BINARY + ".new", BINARY)
    systemctl("restart", NAME)


def test_killed_again_and_again_under_load_it_counts_every_value_once():
    messages = exactly(kill, TIMES)
    taken = sum("from the arenas of a killed process" in message for message in messages)
    tap.equal(TIMES, taken, "processes that took up what a killed one had")


def test_upgraded_again_and_again_under_load_it_counts_every_value_once():
    messages = exactly(upgrade, max(5, TIMES // 3))
    tap.equal(max(5, TIMES // 3), sum("app: stopped: " in message for message in messages), "processes that stopped")


def test_the_sockets_outlive_a_reload_and_an_upgrade_of_systemd():
    with Service() as s, Senders() as senders:
        for command in ("daemon-reload", "daemon-reexec"):
            systemctl(command)
            systemctl("stop", NAME)
            senders.send(640)
            systemctl("start", NAME)
            s.wait_counted(senders.sent)
            tap.equal(4, sum(sock["datagrams"] > 0 for sock in s.sockets()), f"sockets in use after {command}")


def hold_first(senders):
    """Starts one socket alone, as at boot, and lets a datagram arrive before anything else is there."""
    systemctl("start", SOCKETS[0])
    senders.send(1)
    tap.wait_equal("active", lambda: show("ActiveState", "atomicstatsd-hold@udp.service"), "state of the holding unit")


def test_datagrams_may_come_before_anything_else_has_started():
    with Service(start=False) as s, Senders() as senders:
        hold_first(senders)
        systemctl("start", NAME)
        s.wait_counted(1)


def test_another_address():
    """As the README tells: a drop-in, and a restart of the socket unit."""
    to = (service.OUTSIDE, 8125)
    with Service({SOCKETS[0]: ""}, start=False) as s, Senders() as senders:
        hold_first(senders)
        systemctl("start", NAME)
        s.wait_counted(1)
        write(os.path.join(service.DROP_INS, SOCKETS[0] + ".d", "test.conf"),
              f"[Socket]\nListenDatagram=\nListenDatagram={to[0]}:{to[1]}\nListenDatagram={to[0]}:{to[1]}\n"
              f"IPAddressAllow={service.OUTSIDE}\n")
        systemctl("daemon-reload")
        pid = main_pid()
        systemctl("restart", SOCKETS[0])
        s.wait_other(pid)
        with Senders(to, source=service.OUTSIDE) as others:
            others.send(640)
            s.wait_counted(641)
        tap.equal([f"{to[0]}:{to[1]}"] * 2, [sock["address"] for sock in s.sockets()], "addresses")


# ---- the optional sockets ------------------------------------------------------------------------


def test_the_optional_sockets_are_there_only_where_they_are_named():
    """As the README tells: a drop-in, and a restart of the service."""
    with Service({NAME: ""}) as s:
        tap.equal(["inactive"] * 2, [show("ActiveState", unit) for unit in OPTIONAL], "states by default")
        tap.check(not os.path.exists(service.UNIX), f"there is no {service.UNIX}")
        tap.equal(([], []), (s.sockets("unix"), s.sockets("tcp")), "sockets in /server")
        write(os.path.join(service.DROP_INS, NAME + ".d", "test.conf"), WITH_OPTIONAL[NAME])
        systemctl("daemon-reload")
        systemctl("restart", NAME)
        tap.equal(["active"] * 5, [show("ActiveState", unit) for unit in (*SOCKETS, *OPTIONAL)], "states")
        tap.equal([service.UNIX], [sock["address"] for sock in s.sockets("unix")], "Unix sockets")
        tap.equal(["127.0.0.1:8125"] * 4, [sock["address"] for sock in s.sockets("tcp")], "TCP sockets")
        tap.contains(f"unix {service.UNIX}, ", show("StatusText"), "StatusText")
    tap.check(not os.path.exists(service.UNIX), f"{service.UNIX} goes with its unit")


def test_values_over_the_optional_sockets():
    with Service(WITH_OPTIONAL) as s, Senders() as senders, unix_connect(service.UNIX) as unix:
        for _ in range(50):
            unix.send(b"unix:1|c\nboth:1|c")
            tcp_connect(service.TCP, b"tcp:1|c\nboth:1|c\n").close()
        senders.send(50)
        tap.wait_equal({"unix": 50, "tcp": 50, "both": 100, "c": 50}, lambda: s.stats()["counters"], "counters")
        tap.equal((100, 250), tuple(s.ingest()[key] for key in ("datagrams", "lines")), "datagrams and lines")


def test_what_comes_to_the_optional_sockets_meanwhile_waits():
    with Service({NAME: f"{WITH_OPTIONAL[NAME]}\nRestartSec=2"}) as s, unix_connect(service.UNIX) as unix:
        for number, how, down in ((1, ("stop", NAME), "dead"), (2, ("kill", "--signal=KILL", NAME), "auto-restart")):
            systemctl(*how)
            tap.wait_equal(down, lambda: show("SubState"), "state")
            for _ in range(5):  # fewer than net.unix.max_dgram_qlen is anywhere
                unix.send(b"c:1|c")
                tcp_connect(service.TCP, b"c:1|c\n").close()
            if down == "dead":
                systemctl("start", NAME)
            tap.wait_equal("running", lambda: show("SubState"), "state")
            tap.wait_equal({"c": 10 * number}, lambda: s.stats()["counters"], "counters")


def test_killed_again_and_again_a_unix_socket_loses_nothing():
    messages = exactly(kill, TIMES, WITH_OPTIONAL, (service.UDP, service.UNIX))
    tap.equal(TIMES, sum("from the arenas of a killed process" in message for message in messages),
              "processes that took up what a killed one had")


def test_a_refused_line_s_process_is_told():
    """The daemon's user namespace has root, itself, and nobody; unless it has none of its own."""
    for more, seen in (("", 65534), ("\nPrivateUsers=no", 1)):
        with Service({NAME: WITH_OPTIONAL[NAME] + more}) as s:
            wanted = {f"of{uid}:x|c": ("unix", send_from_a_process(service.UNIX, f"of{uid}:x|c", uid), known)
                      for uid, known in ((0, 0), (1, seen))}

            def refused():
                return {entry["text"]: (entry["source"], entry.get("pid"), entry.get("uid"))
                        for entry in s.get("/server").json["recent_rejected"]}
            tap.wait_equal(wanted, refused, f"refused lines with{more or ' all of the sandbox'}")


def test_others_than_the_allowed_cannot_connect():
    with Service(WITH_OPTIONAL) as s, socket.socket() as other:
        need_filters()
        other.bind((service.OUTSIDE, 0))
        other.setblocking(False)
        tap.equal(errno.EINPROGRESS, other.connect_ex(service.TCP), "what connecting gives at first")
        with tcp_connect(service.TCP, b"c:1|c\n"):
            tap.wait_equal({"c": 1}, lambda: s.stats()["counters"], "counters")
        tap.equal([], select.select([], [other], [], 0)[1], "connections from outside")


# ---- watched -------------------------------------------------------------------------------------


def test_a_hanging_process_is_replaced():
    with Service({NAME: "[Service]\nWatchdogSec=1s"}) as s, Senders() as senders:
        pid = main_pid()
        os.kill(pid, signal.SIGSTOP)
        s.wait_other(pid)
        senders.send(100)
        s.wait_counted(100)
        s.journal.wait("Watchdog timeout")


# ---- the sandbox ---------------------------------------------------------------------------------


def test_the_daemon_asks_for_nothing_that_is_refused():
    """Where a refused system call kills it, it lives."""
    with Service({NAME: f"{WITH_OPTIONAL[NAME]}\nSystemCallErrorNumber=kill"}) as s, Senders() as senders:
        tap.equal("0", show("NRestarts"), "restarts")
        pid = main_pid()
        senders.send(1000, b"c:1|c\nt:1:2:3|ms\ng:1|g\nu:x|s\nf:1|f\np:1/2|p\nwrong\nt:1|ms|#" + b",".join(b"tag%d:%d" % (i, -i) for i in range(90)))
        s.wait_counted(1000)
        send_from_a_process(service.UNIX, "over.unix:1|c\nwrong")
        clients = [tcp_connect(service.TCP, b"over.tcp:1|c\nwrong\nunfinished") for _ in range(20)]
        tap.wait_equal((1, 20), lambda: tuple(map(s.stats()["counters"].get, ("over.unix", "over.tcp"))), "over the others")
        for client in clients[:10]:
            reset(client)
        for path in ("/stats", "/stats?pretty", "/server", "/progress", "/healthz", "/stats/none"):
            s.get(path)
        systemctl("reload", NAME)
        s.journal.wait("nothing has changed")
        for number in range(3000):  # memory that it has to ask for
            senders.send(1, b"".join(b"name.%d.%d:1|ms\n" % (number, i) for i in range(20)))
        s.wait_counted(senders.sent + 1)
        tap.check(s.get("/server").json["series"]["total"] > 60000, "new series")
        tap.equal((pid, "0"), (main_pid(), show("NRestarts")), "process and restarts")
        systemctl("stop", NAME)
        tap.equal("success", show("Result"), "result")


REFUSED = {
    "sockets opened": "none", "socketpair": "EPERM", "connect an inherited socket": "EPERM",
    "write a program into the state directory": "done", "execute what it has written": "EACCES",
    "execute /bin/true": "EACCES", "execute /bin/sh": "EACCES", "execute python3": "EACCES", "execveat": "EPERM",
    "memfd_create": "EPERM", "map memory writable and executable": "EPERM", "make memory executable": "EPERM",
    "map a written file as a program": "EPERM", "io_uring_setup": "EPERM", "unshare": "EPERM", "setns": "EPERM",
    "mount": "EPERM", "chroot": "EPERM", "ptrace": "EPERM", "process_vm_readv": "EPERM", "bpf": "EPERM",
    "perf_event_open": "EPERM", "userfaultfd": "EPERM", "keyctl": "EPERM", "init_module": "EPERM", "reboot": "EPERM",
    "kill another process": "EPERM", "setuid": "EPERM", "set the clock": "EPERM", "sethostname": "EPERM",
    "open /proc/sys": "ENOENT", "open /proc/1": "ENOENT", "make a folder in /run": "EROFS",
    "make a folder in /etc": "EROFS", "make a folder in /usr": "EROFS",
}


@functools.cache
def probe():
    """=> what the probe reports, run in the daemon's place: under the same unit, in the same sandbox."""
    line = f"[Service]\nType=exec\nRestart=no\nExecStart=\nExecStart={BINARY} {service.OUTSIDE}"
    kept = BINARY + ".kept"
    os.rename(BINARY, kept)
    try:
        shutil.copy(service.PROBE, BINARY)
        with Service({NAME: line}):
            tap.wait_equal("inactive", lambda: show("ActiveState"), "state of the probe")
            tap.equal("0", show("ExecMainStatus"), "exit status of the probe")
            with open(os.path.join(service.STATE, "report"), encoding="utf-8") as file:
                return dict(line.rstrip("\n").split(": ", 1) for line in file)
    finally:
        os.rename(kept, BINARY)


def test_a_probe_in_the_sandbox_gets_nowhere():
    report = probe()
    tap.equal(REFUSED, {what: report.get(what) for what in REFUSED}, "what was refused")
    tap.equal({"/var/lib/private/atomicstatsd", "/run/private/atomicstatsd"}, set(report["writable"].split()),
              "what it can write to")
    folders = tuple(path + "/" for path in show("ExecPaths").split() if path != BINARY)
    tap.check(folders, "the unit names the libraries' folders")
    programs = {path for path in report["executable"].split() if not path.startswith(folders)}
    tap.equal({BINARY}, programs, "what it can execute, but for what lies beside the libraries")


def need_filters():
    if "does not support BPF" in service.run("journalctl", "--quiet", "--output=cat").stdout:
        raise tap.Skip("there are no address filters here")


def test_a_probe_in_the_sandbox_cannot_send_to_the_outside():
    need_filters()
    tap.equal("EPERM", probe()["send out of an inherited socket"], "sending to another address than loopback's")


def test_others_than_the_allowed_are_not_heard():
    with Service() as s, Senders(source=service.OUTSIDE) as others, Senders() as senders:
        need_filters()
        others.send(64)
        senders.send(64)
        s.wait_counted(64, dropped=64)  # to the kernel's counter it is all the same


if __name__ == "__main__":
    service.add_outside_address()
    tap.main(globals())
