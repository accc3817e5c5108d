#!/usr/bin/env python3
"""atomicstats send: from the command line, and from a pipe at the daemon's pace."""

import os
import pty
import subprocess

import program  # noqa: F401, finds the modules below
import tap
from daemon import Daemon, udp_socket
from program import BINARY, done, nowhere, places, run, shown


def test_each_type_arrives_as_it_should():
    with Daemon() as d:
        env = places(d)
        before = d.ingest()["datagrams"]
        for words in (["lat", "1", "2.5", "--tags", "b,a"], ["hits", "-5", "--type", "c"],
                      ["hits", "1", "--type=c", "--rate", "0.1"], ["temp", "20", "--type", "g"],
                      ["temp", "-3.5", "--type", "g"], ["users", "a:b c", "d", "--type", "s"],
                      ["maintenance", "true", "--type", "f"], ["job", "3/10", "--type", "p"]):
            tap.equal("", done("send", *words, env=env), f"output of {words}")
        d.wait_datagrams(before + 8)
        stats = d.stats()
        tap.equal([2, 3.5], [stats["stats"]["lat|#a,b"][key] for key in ("count", "sum")], "lat")
        tap.equal({"hits": 5}, stats["counters"], "counters")
        tap.equal({"temp": 16.5}, stats["gauges"], "gauges")
        tap.equal({"users": 2}, stats["sets"], "sets")
        tap.equal({"maintenance": True}, stats["flags"], "flags")
        tap.equal([3, 10], [stats["progress"]["job"][key] for key in ("done", "total")], "job")


def test_ipv6_and_names_are_places_too():
    with Daemon(udp=("[::1]:0",), http="[::1]:0") as d:
        done("send", "a", "1", "--udp", shown(d.udp[0]), "--http", shown(d.http))
        d.wait_datagrams(1)
        done("send", "a", "--udp", shown(d.udp[0]), "--http", shown(d.http), stdin="2\n")
        tap.equal(3, d.stats()["stats"]["a"]["sum"], "the sum")
    with Daemon() as d:
        done("send", "a", "1", "--udp", f"localhost:{d.udp[0][1]}")
        d.wait_datagrams(1)


def test_wrong_arguments_send_nothing_and_end_with_2():
    with Daemon() as d:
        for words, said in ((["a:b", "1"], 'the name "a:b" has a ":" in it'),
                            (["a", "1", "x"], '"x" is no value: a number is wanted'),
                            (["a", "1", "--type", "z"], 'there is no type "z"'),
                            (["a", "1", "--rate", "2"], 'the rate "2"'),
                            (["a", "1", "--tags", "x|y"], "have a \"|\" in them"),
                            (["a", "1", "--nix"], "unknown option --nix"),
                            (["a", "1", "--type"], "--type needs a value"),
                            (["a", "1", "--udp", "::1"], '"::1" is not HOST:PORT'),
                            (["a", "1", "--max-bytes", "65508"], "is no number from 16 to 65507"),
                            (["a", "1", "--max-bytes", "16", "--tags", "long:enough"], "does not fit --max-bytes"),
                            ([], "a NAME is missing")):
            found = run("send", *words, env=places(d) if "--udp" not in words else None)
            tap.equal((2, ""), (found.returncode, found.stdout), f"exit status and output of {words}")
            tap.contains(said, found.stderr, f"what {words} says")
        tap.equal(0, d.ingest()["datagrams"], "datagrams")


def test_help_and_version():
    for words in (["--help"], ["-h"], ["help"], ["send", "--help"], ["send", "-h"]):
        tap.contains("usage: atomicstats", done(*words), f"{words}")
    tap.check(done("--version").startswith("atomicstats "), "the version")
    tap.equal(2, run().returncode, "exit status without a command")
    found = run("nix")
    tap.equal(2, found.returncode, "exit status of an unknown command")
    tap.contains("there is no command nix", found.stderr, "what it says")


def test_nobody_there_is_an_error():
    with udp_socket() as free:
        port = free.getsockname()[1]
    found = run("send", "a", "1", "--udp", f"127.0.0.1:{port}")
    tap.equal(1, found.returncode, "exit status")
    tap.contains(f"nobody receives at 127.0.0.1:{port}", found.stderr, "what it says")
    found = run("send", "a", "1", "--udp", "no-such-host.invalid")
    tap.equal(1, found.returncode, "exit status of an unknown host")
    tap.contains("there is no host no-such-host.invalid", found.stderr, "what it says")


def test_a_million_values_from_a_pipe_arrive_exactly():
    number = tap.scaled(1000000)
    with Daemon(config={"ingest": {"receive_buffer_bytes": 65536}}) as d:  # far less than what is sent
        found = run("send", "big", env=places(d), stdin="".join(f"{i}\n" for i in range(1, number + 1)))
        tap.equal(0, found.returncode, f"exit status; {found.stderr}")
        stats = d.stats()
        tap.equal([number, number * (number + 1) // 2, 1, number],
                  [stats["stats"]["big"][key] for key in ("count", "sum", "min", "max")], "count, sum, min, max")
        tap.equal(0, stats["ingest"]["dropped"]["kernel"], "dropped")
        tap.contains(f"sent {number} values in {stats['ingest']['datagrams']} datagrams", found.stderr, "the report")
        tap.contains(f"counted {number} values in {stats['ingest']['datagrams']} datagrams, dropped 0", found.stderr,
                     "the report")
        tap.check(stats["ingest"]["bytes"] / stats["ingest"]["datagrams"] > 1400, "datagrams are full")
        tap.equal(number, stats["ingest"]["values"], "values")


def test_any_size_of_datagram_keeps_the_pace():
    with Daemon(config={"ingest": {"receive_buffer_bytes": 65536}}) as d:
        sent = 0
        for size, number in (("16", 2000), ("65507", 200000)):
            before = d.ingest()
            done("send", "x", "--max-bytes", size, env=places(d), stdin="7\n" * number)
            sent += number
            after = d.stats()
            tap.equal(sent, after["stats"]["x"]["count"], f"count after datagrams of {size}")
            datagrams = after["ingest"]["datagrams"] - before["datagrams"]
            tap.equal(-(-number * 2 // (int(size) - len("x|ms"))), datagrams, f"datagrams of {size}")


def test_bad_lines_are_told_and_the_others_sent():
    with Daemon() as d:
        found = run("send", "a", env=places(d), stdin="1\r\n\n x \n  2\t\n1e999\n3")
        tap.equal(1, found.returncode, "exit status")
        tap.contains('line 3: "x" is no value', found.stderr, "what it says")
        tap.contains('line 5: "1e999" is no value: it overflows', found.stderr, "what it says")
        tap.contains("not sent: 2 lines", found.stderr, "what it says")
        tap.equal([3, 6], [d.stats()["stats"]["a"][key] for key in ("count", "sum")], "count and sum")
        found = run("send", "s", "--type", "s", env=places(d), stdin=b" a \n\xff\nx|y\n" + b"z" * 200000 + b"\nb\n",
                    text=False)
        tap.equal(1, found.returncode, "exit status")
        tap.contains(b"line 4: it is too long", found.stderr, "what it says")
        tap.equal(3, d.stats()["sets"]["s"], "the set")


def test_a_slow_pipe_does_not_hold_values_back():
    with Daemon() as d:
        process = subprocess.Popen([BINARY, "send", "a"], env=places(d), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            process.stdin.write(b"5\n")
            process.stdin.flush()
            d.wait_datagrams(1)
            process.stdin.write(b"6\n7\n")
            process.stdin.flush()
            tap.wait_equal(3, lambda: d.stats()["stats"]["a"]["count"], "count")
            process.stdin.close()
            tap.equal(0, process.wait(tap.DEADLINE_S), "exit status")
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


def test_without_http_it_sends_and_says_that_it_does_not_know():
    with Daemon() as d, udp_socket() as other:
        closed = f"127.0.0.1:{other.getsockname()[1]}"
        found = run("send", "a", "--udp", shown(d.udp[0]), "--http", closed, stdin="1\n2\n")
        tap.equal(0, found.returncode, "exit status")
        tap.contains("not paced, and not known whether all were counted: cannot reach " + closed, found.stderr,
                     "what it says")
        d.wait_datagrams(1)
        found = run("send", "a", "--quiet", "--udp", shown(d.udp[0]), "--http", closed, stdin="1\n")
        tap.equal((0, ""), (found.returncode, found.stderr), "exit status and what --quiet says")


def test_what_does_not_come_to_the_daemon_is_told():
    """The socket is another's: this daemon never counts what is sent there."""
    with Daemon() as d, udp_socket() as other:
        found = run("send", "a", "--udp", f"127.0.0.1:{other.getsockname()[1]}", "--http", shown(d.http), stdin="1\n2\n")
        tap.equal(1, found.returncode, "exit status")
        tap.contains("datagrams that have not come to the daemon: 1", found.stderr, "what it says")


def test_a_terminal_gets_a_line_that_moves_and_goes():
    with Daemon() as d:
        ours, theirs = pty.openpty()
        process = subprocess.Popen([BINARY, "send", "a"], env=places(d), stdin=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        try:
            # The line is redrawn when a datagram goes out and 0.1 s are over: an idle flush is both.
            process.stdin.write(b"1\n" * 1000)
            process.stdin.flush()
            d.wait_datagrams(2)
            process.stdin.close()
            said = b""
            try:
                while part := os.read(ours, 65536):
                    said += part
            except OSError:  # a terminal whose other side has gone
                pass
            tap.equal(0, process.wait(tap.DEADLINE_S), "exit status")
            tap.contains(b"\r1000 values, ", said, "the line")
            tap.contains(b"\r\x1b[Katomicstats: sent 1000 values", said, "the end")
        finally:
            process.kill()
            process.wait()
            os.close(ours)


def test_a_terminal_in_place_of_a_pipe_is_a_mistake():
    ours, theirs = pty.openpty()
    found = subprocess.run([BINARY, "send", "a"], env=nowhere(), stdin=theirs, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=tap.DEADLINE_S)
    os.close(ours)
    os.close(theirs)
    tap.equal(2, found.returncode, "exit status")
    tap.contains("a VALUE is missing", found.stderr, "what it says")


if __name__ == "__main__":
    tap.main(globals())
