#!/usr/bin/env python3
"""atomicstats progress: a job's lines are passed on and counted."""

import signal
import subprocess
import sys

import program  # noqa: F401, finds the modules below
import tap
from daemon import Daemon, udp_socket
from program import BINARY, done, places, run


def job(d, name="job"):
    """=> [done, total], None before the daemon knows it."""
    found = d.stats()["progress"].get(name)
    return found and [found["done"], found["total"]]


def test_a_pipe_s_lines_are_passed_on_and_counted():
    with Daemon() as d:
        text = "".join(f"{i}\n" for i in range(100000)) + "last"
        tap.equal(text, done("progress", "job", "--lines", "--total", "100001", env=places(d), stdin=text), "passed on")
        tap.wait_equal([100001, 100001], lambda: job(d), "the progress")
        tap.equal("", done("progress", "none", "--lines", "--tags", "b,a", env=places(d)), "passed on")
        tap.wait_equal([0, None], lambda: job(d, "none|#a,b"), "the progress of nothing")


def test_bytes_are_passed_on_whatever_they_are():
    with Daemon() as d:
        data = bytes(range(256)) * 1000
        found = run("progress", "job", "--lines", env=places(d), stdin=data, text=False)
        tap.equal((0, True), (found.returncode, data == found.stdout), "exit status, and whether all came through")
        tap.wait_equal([1001, None], lambda: job(d), "the progress")


def test_it_is_told_while_the_job_runs():
    with Daemon() as d:
        process = subprocess.Popen([BINARY, "progress", "job", "--lines", "--total=10"], env=places(d),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            tap.wait_equal([0, 10], lambda: job(d), "the progress at the start")
            process.stdin.write(b"1\n2\n3\n")
            process.stdin.flush()
            tap.equal(b"1\n", process.stdout.readline(), "the first line")
            tap.wait_equal([3, 10], lambda: job(d), "the progress")
            process.stdin.close()
            tap.equal(0, process.wait(tap.DEADLINE_S), "exit status")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def test_a_command_s_exit_status_is_ours():
    with Daemon() as d:
        env = places(d)
        tap.equal("a\nb\n", done("progress", "job", "--total", "2", "--", "printf", "a\\nb\\n", env=env), "its output")
        tap.wait_equal([2, 2], lambda: job(d), "the progress")
        done("progress", "job", "--", "sh", "-c", "exit 7", env=env, status=7)
        done("progress", "job", "--", "sh", "-c", "kill -KILL $$", env=env, status=137)
        found = run("progress", "job", "--", "./no-such-command", env=env)
        tap.equal(127, found.returncode, "exit status of what is not there")
        tap.contains("cannot start ./no-such-command: No such file", found.stderr, "what it says")
        done("progress", "job", "--", "/", env=env, status=126)


def test_signals_reach_the_command():
    # A blocked signal waits for sigwait(); a handler's could come before pause(), which then waits for ever.
    # Under nohup the tests ignore SIGHUP, and so would the command.
    script = "import signal, sys; own = [signal.SIGTERM]; signal.signal(signal.SIGHUP, signal.SIG_DFL); " \
             "signal.pthread_sigmask(signal.SIG_BLOCK, own); print('up', flush=True); signal.sigwait(own); sys.exit(9)"
    with Daemon() as d:
        for number, expected in ((signal.SIGTERM, 9), (signal.SIGHUP, 128 + signal.SIGHUP)):
            process = subprocess.Popen([BINARY, "progress", "job", "--", sys.executable, "-c", script], env=places(d),
                                       stdout=subprocess.PIPE)
            try:
                tap.equal(b"up\n", process.stdout.readline(), "its first line")
                process.send_signal(number)
                tap.equal(expected, process.wait(tap.DEADLINE_S), f"exit status after {number.name}")
            finally:
                process.kill()
                process.wait()
                process.stdout.close()


def test_a_reader_that_goes_away_ends_the_command():
    with Daemon() as d:
        process = subprocess.Popen([BINARY, "progress", "job", "--", "yes"], env=places(d), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        tap.equal(b"y\n", process.stdout.readline(), "its first line")
        process.stdout.close()
        tap.equal(128 + signal.SIGPIPE, process.wait(tap.DEADLINE_S), "exit status")
        tap.equal(b"", process.stderr.read(), "what it says")
        process.stderr.close()


def test_without_a_daemon_the_job_runs_all_the_same():
    with udp_socket() as free:
        where = f"127.0.0.1:{free.getsockname()[1]}"
    found = run("progress", "job", "--udp", where, "--", "echo", "fine")
    tap.equal((0, "fine\n"), (found.returncode, found.stdout), "exit status and output")
    tap.equal(1, found.stderr.count("nobody receives at"), f"complaints in {found.stderr!r}")


def test_wrong_arguments_end_with_2():
    for words, said in (([], "a NAME is missing"), (["a"], "either --lines, or -- and a command"),
                        (["a", "--lines", "--", "true"], "either --lines"), (["a", "--"], "no command behind --"),
                        (["a", "b", "--lines"], "the command stands behind --"), (["a", "--total", "0", "--lines"], "--total"),
                        (["a:b", "--lines"], 'has a ":" in it')):
        found = run("progress", *words)
        tap.equal((2, ""), (found.returncode, found.stdout), f"exit status and output of {words}")
        tap.contains(said, found.stderr, f"what {words} says")


if __name__ == "__main__":
    tap.main(globals())
