#!/usr/bin/env python3
"""Values over a Unix datagram socket: exact totals, who sent what was refused, and the socket's file."""

import contextlib
import json
import os
import re
import signal
import socket
import stat
import tempfile

import known_traffic
import tap
from daemon import BINARY, WRAP, Daemon, run, strip_priority
from manager import Manager
from streams import send_from_a_process, sockets, unix_connect, wait_ingest
from test_exact import wait_stopped

PATH_MAX = 107  # bytes that fit into the kernel's structure, with a NUL after a path or in front of a name


@contextlib.contextmanager
def folder(mode=0o755):
    """A folder that others may pass through, too."""
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        os.chmod(directory, mode)
        yield directory


def free_name():
    return f"@atomicstatsd-test-{os.getpid()}-{os.urandom(6).hex()}"


def refused(*options, word, status=1):
    """The daemon does not start with these options, and says why."""
    done = run("--udp", "127.0.0.1:0", "--http", "127.0.0.1:0", *options)
    tap.equal((status, ""), (done.returncode, done.stdout), f"exit status and stdout of {options}; stderr: {done.stderr}")
    tap.contains(word, done.stderr, f"message for {options}")


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


# ---- the file ------------------------------------------------------------------------------------


def mode(path):
    status = os.stat(path)
    tap.check(stat.S_ISSOCK(status.st_mode), f"{path} is a socket")
    return oct(stat.S_IMODE(status.st_mode))


def test_who_may_send():
    for configured, expected in ((None, "0o666"), ("0660", "0o660"), ("600", "0o600"), ("0222", "0o222")):
        for umask in ("022", "077", "0"):
            config = {"ingest": {"unix_mode": configured}} if configured else None
            command = ["sh", "-c", f'umask {umask}; exec "$@"', "sh", *WRAP, BINARY]
            with folder() as at, Daemon(config=config, unix=at + "/s", command=command):
                tap.equal(expected, mode(at + "/s"), f"mode with unix_mode {configured} and umask {umask}")


def test_others_are_kept_out_where_the_mode_says_so():
    if os.geteuid() != 0:
        raise tap.Skip("only root may become others")
    with folder() as at, Daemon(config={"ingest": {"unix_mode": "0600"}}, unix=at + "/s") as d:
        try:
            send_from_a_process(at + "/s", "c:1|c", 12345)
        except tap.Failure as error:
            tap.contains("PermissionError", str(error), "what the sender was told")
        else:
            tap.fail("another user may send")
        send_from_a_process(at + "/s", "c:1|c")
        wait_ingest(d, datagrams=1)


def test_a_clean_stop_removes_it():
    with folder() as at:
        for number in (signal.SIGTERM, signal.SIGINT):
            with Daemon(unix=at + "/s") as d:
                tap.equal(["s"], os.listdir(at), "files while it runs")
                d.stop(number)
                tap.equal([], os.listdir(at), f"files after {number.name}")


def test_what_somebody_else_has_put_there_is_kept():
    with folder() as at:
        with Daemon(unix=at + "/s") as d, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            os.unlink(at + "/s")
            other.bind(at + "/s")
            d.stop()
            tap.check(os.path.exists(at + "/s"), "the other one's socket stays")
            other.settimeout(tap.DEADLINE_S)
            with unix_connect(at + "/s") as sock:
                sock.send(b"x")
            tap.equal(b"x", other.recv(10), "what the other one receives")


def test_a_socket_that_a_dead_process_left_is_replaced():
    with folder() as at:
        for _ in range(3):
            d = Daemon(unix=at + "/s")
            try:
                with unix_connect(at + "/s") as sock:
                    sock.send(b"c:1|c")
                    wait_ingest(d, datagrams=1)
                    d.send_signal(signal.SIGKILL)
                    d.wait_exit()
                    tap.check(os.path.exists(at + "/s"), "the file is still there")
                    try:
                        sock.send(b"c:1|c")
                        tap.fail("the sender is told nothing")
                    except ConnectionRefusedError:
                        pass
            finally:
                d.close()
        with Daemon(unix=at + "/s") as d:
            d.stop()
        tap.equal([], os.listdir(at), "files at the end")


def test_a_kill_loses_nothing_that_was_taken_in():
    with folder() as at:
        config = {"state": {"directory": at + "/state"}}
        for expected in (20, 40, 60):
            d = Daemon(config=config, unix=at + "/s")
            try:
                with unix_connect(at + "/s") as sock:
                    for _ in range(20):
                        sock.send(b"c:1|c\nbad")
                wait_ingest(d, datagrams=expected, values=expected, rejected=expected)
                d.send_signal(signal.SIGKILL)
                d.wait_exit()
            finally:
                d.close()


def test_a_socket_in_use_is_left_alone():
    with folder() as at:
        for path in (at + "/s", free_name()):
            with Daemon(unix=path) as d, unix_connect(path) as sock:
                refused("--unix", path, word=path)
                sock.send(b"c:1|c")
                wait_ingest(d, datagrams=1)
                with unix_connect(path) as late:
                    late.send(b"c:1|c")
                wait_ingest(d, datagrams=2)


def test_a_stream_socket_in_use_is_left_alone():
    """Connecting to it with datagrams gives another error than to a dead one."""
    with folder() as at, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(at + "/s")
        other.listen()
        refused("--unix", at + "/s", word=at + "/s")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(at + "/s")


def test_what_is_no_socket_is_never_removed():
    with folder() as at:
        path = at + "/precious"
        with open(path, "w", encoding="ascii") as file:
            file.write("kept")
        refused("--unix", path, word=path)
        with open(path, encoding="ascii") as file:
            tap.equal("kept", file.read(), "the file")
        os.mkdir(at + "/folder")
        refused("--unix", at + "/folder", word=at + "/folder")
        os.symlink(path, at + "/link")
        refused("--unix", at + "/link", word=at + "/link")
        os.symlink(at + "/nowhere", at + "/dangling")
        refused("--unix", at + "/dangling", word=at + "/dangling")
        tap.equal(["dangling", "folder", "link", "precious"], sorted(os.listdir(at)), "what is there")


def test_a_place_where_it_cannot_be():
    with folder() as at:
        refused("--unix", at + "/no/such/folder", word="/no/such/folder")
        if os.geteuid() != 0:
            os.chmod(at, 0o555)
            refused("--unix", at + "/s", word=at + "/s")


def test_how_long_a_path_may_be():
    with folder() as at:
        longest = at + "/" + "p" * (PATH_MAX - len(at) - 1)
        with Daemon(unix=longest) as d, unix_connect(longest) as sock:
            sock.send(b"c:1|c")
            wait_ingest(d, datagrams=1)
        refused("--unix", longest + "p", word=str(PATH_MAX), status=2)
        name = free_name()
        with Daemon(unix=name + "n" * (PATH_MAX - len(name))) as d, unix_connect(d.unix[0]) as sock:
            sock.send(b"c:1|c")
            wait_ingest(d, datagrams=1)


def test_an_abstract_name_leaves_no_file():
    name = free_name()
    with Daemon(unix=name) as d, unix_connect(name) as sock:
        tap.check(not os.path.exists(os.path.join(d.directory, name)), "no file has that name")
        sock.send(b"c:1|c")
        wait_ingest(d, datagrams=1)
        tap.equal([name], [one["address"] for one in sockets(d.server(), "unix")], "addresses in /server")
    with Daemon(unix=name) as again, unix_connect(name) as sock:
        sock.send(b"c:1|c")
        wait_ingest(again, datagrams=1)


# ---- configuration -------------------------------------------------------------------------------


def test_in_the_configuration():
    with folder() as at:
        with Daemon(config={"ingest": {"unix": at + "/s", "unix_mode": "0640"}}) as d, unix_connect(at + "/s") as sock:
            tap.equal(([at + "/s"], "0o640"), (d.unix, mode(at + "/s")), "path and mode")
            sock.send(b"c:1|c")
            wait_ingest(d, datagrams=1)
        with Daemon(config={"ingest": {"unix": at + "/s"}}, unix=at + "/t"):
            tap.equal(["t"], os.listdir(at), "the command line comes first")
        with Daemon(config={"ingest": {"unix": ""}}) as d:
            tap.equal(([], []), (d.unix, sockets(d.server(), "unix")), "none, by default")


def test_what_the_configuration_may_say():
    with folder() as at:
        for what, word in (({"unix": "relative"}, "absolute"), ({"unix": "/" + "p" * PATH_MAX}, str(PATH_MAX)),
                           ({"unix": "@"}, "unix"), ({"unix": 5}, "unix"), ({"unix": "/a\tb"}, "control"),
                           ({"unix_mode": "0888"}, "unix_mode"), ({"unix_mode": "rw"}, "unix_mode"),
                           ({"unix_mode": ""}, "unix_mode"), ({"unix_mode": "01777"}, "unix_mode"),
                           ({"unix_mode": 438}, "unix_mode"), ({"unix_mod": "0666"}, "unix_mod")):
            path = at + "/config.json"
            with open(path, "w", encoding="utf-8") as file:
                file.write(json.dumps({"ingest": what}))
            done = run("-c", path, "--check-config")
            tap.equal(78, done.returncode, f"exit status for {what}; stderr: {done.stderr}")
            tap.contains(word, done.stderr, f"message for {what}")


def test_reload_says_that_it_needs_a_restart():
    with folder() as at, Daemon(config={"ingest": {"unix": at + "/s"}}) as d:
        d.write_config({"ingest": {"unix": at + "/t"}})
        d.send_signal(signal.SIGHUP)
        d.wait_log(r"ingest\.unix\b.*restart|restart.*ingest\.unix\b")
        with unix_connect(at + "/s") as sock:
            sock.send(b"c:1|c")
        wait_ingest(d, datagrams=1)


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
