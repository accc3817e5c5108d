#!/usr/bin/env python3
"""The path of a Unix socket: what is there before, who may send, what is left, what the configuration says."""

import json
import os
import signal
import socket
import stat

import tap
from daemon import BINARY, WRAP, Daemon, run
from streams import folder, free_name, send_from_a_process, sockets, unix_connect, wait_ingest

PATH_MAX = 107  # bytes that fit into the kernel's structure, with a NUL after a path or in front of a name


def refused(*options, word, status=1):
    """The daemon does not start with these options, and says why."""
    done = run("--udp", "127.0.0.1:0", "--http", "127.0.0.1:0", *options)
    tap.equal((status, ""), (done.returncode, done.stdout), f"exit status and stdout of {options}; stderr: {done.stderr}")
    tap.contains(word, done.stderr, f"message for {options}")


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


if __name__ == "__main__":
    tap.main(globals())
