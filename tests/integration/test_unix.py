#!/usr/bin/env python3
"""Values over a Unix datagram socket: exact totals, and who sent what was refused."""

import contextlib
import os
import re
import signal
import socket
import tempfile

import known_traffic
import tap
from daemon import Daemon, strip_priority
from manager import Manager
from streams import folder, free_name, send_from_a_process, sockets, unix_connect, wait_ingest
from test_exact import wait_stopped


# ---- values --------------------------------------------------------------------------------------


def test_known_traffic_is_exact():
    traffic = known_traffic.Traffic(3)
    times = [1 + number % 3 for number in range(len(traffic.datagrams))]
    with folder() as at, Daemon("--threads", "3", unix=at + "/s") as d, unix_connect(at + "/s") as sock:
        for datagram, count in zip(traffic.datagrams, times):
            for _ in range(count):
                sock.send(datagram)
        known_traffic.wait_exact(lambda path: d.get(path).json, traffic.expected(times))
        (one,) = sockets(d.server(), "unix")
        tap.equal((at + "/s", sum(times), 0), (one["address"], one["datagrams"], one["dropped"]["kernel"]),
                  "address, datagrams and dropped")


def test_the_first_log_line_names_it():
    with folder() as at:
        for path in (at + "/s", free_name()):
            with Daemon(unix=path) as d:
                tap.equal([path], d.unix, f"unix sockets in {d.first_line!r}")
                tap.contains(f"unix {path}", strip_priority(d.log()[0]), "the first log line")


def test_beside_udp():
    with folder() as at, Daemon("--threads", "2", unix=at + "/s") as d, unix_connect(at + "/s") as sock:
        for _ in range(100):
            sock.send(b"both:1|c\nunix:2|c")
            d.send("both:1|c\nudp:3|c")
        stats = wait_ingest(d, datagrams=200, lines=400)
        tap.equal({"both": 200, "unix": 200, "udp": 300}, stats["counters"], "counters")
        tap.equal([100], [one["datagrams"] for one in sockets(d.server(), "unix")], "datagrams over unix")
        tap.equal(100, sum(one["datagrams"] for one in sockets(d.server(), "udp")), "datagrams over UDP")


def test_many_senders_at_once():
    """Each waits where the queue is full: nothing is dropped, whatever they do."""
    with folder() as at, Daemon(unix=at + "/s") as d, contextlib.ExitStack() as stack:
        senders = [stack.enter_context(known_traffic.Sender(at + "/s", seed=seed, rate=1e6)) for seed in (1, 1, 1)]
        tap.wait_until(lambda: d.ingest()["datagrams"] >= tap.scaled(30000, 2000), "enough has come")
        results = [sender.stop()[0] for sender in senders]
        lines, values = (sum(ingest[key] for _, ingest in results) for key in ("lines", "values"))
        stats = wait_ingest(d, datagrams=sum(ingest["datagrams"] for _, ingest in results), lines=lines, values=values)
        tap.equal(0, stats["ingest"]["dropped"]["kernel"], "dropped")
        series = [series for series, _ in results]
        for section in ("counters", "gauges"):
            names = set().union(*(one[section] for one in series))
            tap.equal({name: sum(one[section].get(name, 0) for one in series) for name in names}, stats[section], section)


def test_a_full_queue_makes_the_sender_wait():
    with folder() as at, Daemon(unix=at + "/s") as d, unix_connect(at + "/s") as sock:
        sock.send(b"c:1|c")
        wait_ingest(d, datagrams=1)
        d.send_signal(signal.SIGSTOP)
        wait_stopped(d.pid)
        sock.setblocking(False)
        sent = 1
        with contextlib.suppress(BlockingIOError):
            while sent < 100000:
                sock.send(b"c:1|c")
                sent += 1
        d.send_signal(signal.SIGCONT)
        tap.check(sent < 100000, "there is an end to what the kernel takes")
        stats = wait_ingest(d, datagrams=sent)
        tap.equal((sent, 0), (stats["counters"]["c"], stats["ingest"]["dropped"]["kernel"]), "counted and dropped")


def test_a_stop_takes_what_the_kernel_holds():
    with folder() as at, Daemon(unix=at + "/s") as d, contextlib.ExitStack() as stack:
        d.record("c:1|c")
        d.send_signal(signal.SIGSTOP)
        wait_stopped(d.pid)
        sent = 0
        for _ in range(4):
            sock = stack.enter_context(unix_connect(at + "/s"))
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(5):
                    sock.send(b"c:1:1|c")
                    sent += 1
        tap.check(sent > 0, "something waits")
        d.send_signal(signal.SIGTERM)
        d.send_signal(signal.SIGCONT)
        tap.equal(0, d.wait_exit(), "exit status")
        found = re.search(r"(\d+) datagrams\D+?(\d+) values", d.log()[-1])
        tap.check(found, f"totals in the last log line: {d.log()[-1]!r}")
        tap.equal((1 + sent, 1 + 2 * sent), tuple(map(int, found.groups())), "datagrams and values")


def test_a_datagram_that_is_longer_than_the_daemon_takes():
    """Its end is missing: what was cut in the middle is refused, and not taken for a shorter value."""
    line = b"c:1000001|c\n"
    with folder() as at, Daemon(unix=at + "/s") as d, unix_connect(at + "/s") as sock:
        longest = 0
        for size in (65507, 65535, 65536, 65537, 70000, 100000, 150000):
            data = (line * (size // len(line) + 1))[:size]
            before = d.ingest()["datagrams"]
            try:
                sock.send(data)
            except OSError as error:  # more than this system sends
                print(f"# {size} bytes: {error}")
                break
            stats = wait_ingest(d, datagrams=before + 1)
            longest = size
            ingest = stats["ingest"]
            tap.equal(0, stats["counters"]["c"] % 1000001, f"what was counted after {size} bytes: {stats['counters']['c']}")
            tap.equal(ingest["lines"], ingest["values"] + ingest["rejected"]["total"], f"lines after {size} bytes")
        tap.check(longest > 65536, f"more than the daemon takes was sent: {longest}")
        tap.check(ingest["rejected"]["too_long"] > 0, f"what is cut is refused as too long: {ingest['rejected']}")


def test_floods_do_not_keep_others_from_their_turn():
    """All on one thread: senders that never pause, and a datagram over UDP now and then."""
    with folder() as at, Daemon("--threads", "1", unix=at + "/s") as d, contextlib.ExitStack() as stack:
        senders = [stack.enter_context(known_traffic.Sender(at + "/s", seed=5, rate=1e9)) for _ in range(3)]
        tap.wait_until(lambda: d.ingest()["datagrams"] > tap.scaled(20000, 1000), "the floods flow")
        for number in range(1, 51):
            d.send("over.udp:1|c")
            tap.wait_equal(number, lambda: d.stats("?name=over.udp")["counters"].get("over.udp"), "what came over UDP")
        sent = sum(sender.stop()[0][1]["datagrams"] for sender in senders)
        wait_ingest(d, datagrams=sent + 50)


def test_descriptors_that_are_sent_along_are_not_taken():
    with folder() as at, Daemon(unix=at + "/s") as d, unix_connect(at + "/s") as sock:
        sock.send(b"c:1|c")
        wait_ingest(d, datagrams=1)
        before = sorted(os.listdir(f"/proc/{d.pid}/fd"))
        with tempfile.TemporaryFile() as file:
            for _ in range(200):
                socket.send_fds(sock, [b"c:1|c"], [file.fileno()] * 50)
        tap.equal({"c": 201}, wait_ingest(d, datagrams=201)["counters"], "counters")
        tap.equal(before, sorted(os.listdir(f"/proc/{d.pid}/fd")), "descriptors of the daemon")


def test_garbage():
    with folder() as at, Daemon(unix=at + "/s") as d, unix_connect(at + "/s") as sock:
        for data in (b"", b"\n", b"\0", b"\n\n\r\n", os.urandom(300), b"x" * 5000, b"\xff\xfe:1|c", b"c:1|c"):
            sock.send(data)
        stats = wait_ingest(d, datagrams=8)
        tap.equal({"c": 1}, stats["counters"], "counters")


# ---- who sent it ---------------------------------------------------------------------------------


def refused_lines(d, texts):
    """=> the latest refused lines by their text, once these are there."""
    def there():
        found = {entry["text"]: entry for entry in d.server()["recent_rejected"]}
        return found if set(texts) <= set(found) else None
    return tap.wait_until(there, f"{texts} are in recent_rejected")


def test_what_is_refused_names_the_process_and_the_user():
    uids = [None, 12345, 54321] if os.geteuid() == 0 else [None]
    for threads in ("1", "3"):
        with folder() as at, Daemon("--threads", threads, unix=at + "/s") as d:
            wanted = {}
            for number, uid in enumerate(uids * 2):
                text = f"bad{number}:x|c"
                wanted[text] = {"source": "unix", "uid": os.geteuid() if uid is None else uid, "reason": "bad_value",
                                "pid": send_from_a_process(at + "/s", f"good:1|c\n{text}", uid)}
            found = refused_lines(d, wanted)
            for text, entry in wanted.items():
                tap.equal(entry, {key: found[text].get(key) for key in entry}, f"entry of {text}")
            tap.equal({"good": len(wanted)}, d.stats()["counters"], "counters")


def test_udp_and_unix_senders_are_told_apart():
    with folder() as at, Daemon("--threads", "1", unix=at + "/s") as d:
        pid = send_from_a_process(at + "/s", "over_unix:x|c")
        d.record("over_udp:x|c")
        found = refused_lines(d, ("over_unix:x|c", "over_udp:x|c"))
        tap.equal(("unix", pid), (found["over_unix:x|c"]["source"], found["over_unix:x|c"]["pid"]), "over unix")
        udp = found["over_udp:x|c"]
        tap.check(udp["source"].startswith("127.0.0.1:") and "pid" not in udp and "uid" not in udp, f"over UDP: {udp}")


def test_every_line_of_a_batch_has_its_own_sender():
    """All wait while the daemon sleeps, and are taken in at once."""
    with folder() as at, Daemon("--threads", "1", unix=at + "/s") as d:
        d.send_signal(signal.SIGSTOP)
        wait_stopped(d.pid)
        pids = {f"bad{number}:x|c": send_from_a_process(at + "/s", f"bad{number}:x|c") for number in range(6)}
        d.send_signal(signal.SIGCONT)
        found = refused_lines(d, pids)
        tap.equal(pids, {text: found[text]["pid"] for text in pids}, "pids")


# ---- sockets handed over -------------------------------------------------------------------------


def test_who_sent_what_came_before_the_daemon_is_not_known():
    """Unless the service manager asks the kernel to note it, as our unit does."""
    for asked in (False, True):
        with folder() as at, Manager(at, sockets=1, unix=1) as manager:
            if asked:
                manager.held[manager.names.index("unix")].setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            early = send_from_a_process(manager.unix[0], "early:x|c")
            pids = {"early:x|c": early if asked else None}
            manager.start(1)
            tap.wait_until(lambda: manager.get("/server")["recent_rejected"], "the early line is there")
            pids["late:x|c"] = send_from_a_process(manager.unix[0], "late:x|c")

            def found():
                return {entry["text"]: entry["pid"] for entry in manager.get("/server")["recent_rejected"]}
            tap.wait_equal(pids, found, "pids")
            manager.stop()


def test_unix_sockets_are_dealt_out():
    """More sockets than threads, and more threads than sockets."""
    with folder() as at, Manager(at, sockets=3, unix=3) as manager:
        for threads in (1, 2, 4):
            manager.start(threads)
            with known_traffic.Sender(*manager.unix, seed=4, rate=1e6) as sender:
                tap.wait_until(lambda: manager.get("/stats?name=none")["ingest"]["datagrams"] > 100, "something has come")
                sender.stop()
            report = manager.get("/server")["ingest"]["threads"]
            found = {one["address"]: one["datagrams"] for thread in report for one in thread["sockets"]
                     if one["transport"] == "unix"}
            tap.equal(set(manager.unix), set(found), "unix sockets")
            manager.stop()
        for path in manager.unix:
            tap.check(os.path.exists(path), f"{path} is the service manager's, and stays")


if __name__ == "__main__":
    tap.main(globals())
