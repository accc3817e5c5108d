#!/usr/bin/env python3
"""atomicstats watch, in a real terminal: tmux draws what it writes."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import termios

import program
import tap
from daemon import Daemon
from program import BINARY, Terminal, places, run, shown


class Tmux:
    """A terminal with a shell in it, on a tmux server of its own."""

    def __init__(self, columns=90, rows=24):
        if not shutil.which("tmux"):
            raise tap.Skip("there is no tmux")
        self.directory = tempfile.mkdtemp(prefix="atomicstatsd-test-")
        self.socket = os.path.join(self.directory, "tmux")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  "env PS1='$ ' bash --norc --noprofile")
        tap.wait_until(lambda: "$" in self.screen(), "the shell's prompt")

    def tmux(self, *words):
        env = program.daemon.environment(TMUX=None, TERM="xterm-256color", LC_ALL="C.UTF-8")
        done = subprocess.run(["tmux", "-S", self.socket, "-u", *words], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=tap.DEADLINE_S)
        tap.equal(0, done.returncode, f"exit status of tmux {words}: {done.stdout}")
        return done.stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def wait_screen(self, *parts):
        """Waits until all of these are seen; => the screen."""
        seen = [""]

        def there():
            seen[0] = self.screen()
            return all(part in seen[0] for part in parts)

        try:
            tap.wait_until(there, f"{parts} on the screen")
        except tap.Failure:
            tap.fail(f"not on the screen: {parts}; it shows\n{seen[0]}")
        return seen[0]

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def state(self):
        """=> alternate screen?, cursor shown?"""
        return self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").split()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.directory, ignore_errors=True)


def command(d, *words):
    return shlex.join([BINARY, "watch", "--interval", "0.2", "--http", shown(d.http), *words])


def lines(screen):
    return [line.rstrip() for line in screen.rstrip("\n").split("\n")]


def test_it_is_drawn_and_lives():
    with Daemon() as d, Tmux() as t:
        d.record("lat:1:2:6|ms|#a", "größe:5|g", "job:25/100|p")
        t.type(command(d), "Enter")
        screen = t.wait_screen("STATS", "lat|#a", "größe", "job", "[=====               ]", "q quits")
        tap.contains(shown(d.http), lines(screen)[0], "the title")
        tap.equal(["1", "0"], t.state(), "alternate screen on, cursor shown")
        d.record("hits:7|c", "job:75|p")
        t.wait_screen("COUNTERS", "hits", "[===============     ]", "7 values")
        t.type("q")
        t.wait_screen("$ ")
        tap.wait_equal(["0", "1"], t.state, "alternate screen off, cursor shown")


def test_the_shell_s_screen_is_as_it_was():
    with Daemon() as d, Tmux() as t:
        d.record("a:1|ms")
        t.type("clear; seq -s ' ' 30; echo before; stty -g > " + t.directory + "/before", "Enter")
        t.wait_screen("before")
        for leave in ("q", "C-c"):
            line = command(d)
            t.type(line, "Enter")
            t.wait_screen("STATS")
            t.type(leave)
            after = t.wait_screen("29 30", "before", "$ ")
            tap.check("STATS" not in after and "q quits" not in after, f"what watch drew is still there:\n{after}")
            tap.wait_equal(["0", "1"], t.state, f"alternate screen off and cursor shown after {leave}")
        t.type("clear; stty -g > " + t.directory + "/after; echo status=$?", "Enter")
        t.wait_screen("status=0")
        with open(t.directory + "/before", encoding="ascii") as one, open(t.directory + "/after", encoding="ascii") as two:
            tap.equal(one.read(), two.read(), "stty -g before and after")


def test_it_follows_the_terminal_s_size_and_scrolls():
    with Daemon() as d, Tmux() as t:
        d.record(*(f"counter.{i:03d}:1|c" for i in range(100)))
        t.type(command(d), "Enter")
        screen = t.wait_screen("counter.019", "lines 1 to 21 of 101")
        tap.equal(24, len(lines(screen)), "rows")
        t.tmux("resize-window", "-x", "30", "-y", "10")
        screen = t.wait_screen("counter.005")
        tap.check("counter.006" not in screen, f"more than fits:\n{screen}")
        tap.equal([10, True], [len(lines(screen)), all(len(line) <= 30 for line in lines(screen))], "rows and columns")
        t.tmux("resize-window", "-x", "120", "-y", "40")
        t.wait_screen("counter.035", "lines 1 to 37 of 101")
        t.type("End")
        t.wait_screen("counter.099", "lines 65 to 101 of 101")
        t.type("PageUp")
        t.wait_screen("lines 28 to 64 of 101")
        t.type("Up")
        t.wait_screen("lines 27 to 63 of 101")
        t.type("Home")
        t.wait_screen("lines 1 to 37 of 101", "COUNTERS")
        t.type("q")
        tap.wait_equal(["0", "1"], t.state, "alternate screen off, cursor shown")


def test_a_daemon_that_goes_and_comes_is_told():
    with Tmux() as t:
        with Daemon() as d:
            http = shown(d.http)
            d.record("a:1|ms")
            t.type(command(d), "Enter")
            t.wait_screen("STATS")
        t.wait_screen(f"cannot reach {http}", "STATS")
        with Daemon(http=http) as d:
            d.record("b:1|c")
            screen = t.wait_screen("COUNTERS")
            tap.check("cannot reach" not in screen, f"the trouble is over:\n{screen}")
        t.type("q")
        tap.wait_equal(["0", "1"], t.state, "alternate screen off, cursor shown")


def test_control_z_gives_the_terminal_back_for_a_while():
    with Daemon() as d, Tmux() as t:
        d.record("a:1|ms")
        t.type(command(d), "Enter")
        t.wait_screen("STATS")
        t.type("C-z")
        t.wait_screen("Stopped")
        tap.wait_equal(["0", "1"], t.state, "alternate screen off, cursor shown")
        t.type("fg", "Enter")
        t.wait_screen("STATS")
        t.type("C-c")
        tap.wait_equal(["0", "1"], t.state, "alternate screen off, cursor shown")


def test_a_signal_ends_it_cleanly_too():
    with Daemon() as d:
        with Terminal("watch", env=places(d)) as terminal:
            seen = b""
            while b"no series" not in seen:
                seen += os.read(terminal.ours, 65536)
            tap.check(termios.tcgetattr(terminal.ours) != terminal.before, "keys come one by one")
            terminal.process.send_signal(signal.SIGTERM)
            tap.equal(-signal.SIGTERM, terminal.process.wait(tap.DEADLINE_S), "exit status")
            tap.check(terminal.read_all().endswith(b"\x1b[?25h\x1b[?1049l"), "the terminal is given back")
            tap.equal(terminal.before, termios.tcgetattr(terminal.ours), "the terminal's settings")


def test_a_daemon_that_hangs_does_not_hold_the_keys_back():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with Terminal("watch", "--http", "127.0.0.1:%d" % server.getsockname()[1]) as terminal:
            connection, _ = server.accept()
            os.write(terminal.ours, b"q")
            tap.equal(0, terminal.process.wait(tap.DEADLINE_S), "exit status")
            connection.close()


def test_wrong_arguments_and_no_terminal():
    for words, said in ((["a", "b"], "one GLOB at most"), (["--interval", "0"], "--interval"),
                        (["--interval", "x"], "--interval"), (["--type", "x"], '"x" is not of')):
        found = run("watch", *words)
        tap.equal((2, ""), (found.returncode, found.stdout), f"exit status and output of {words}")
        tap.contains(said, found.stderr, f"what {words} says")
    found = run("watch")
    tap.equal((1, ""), (found.returncode, found.stdout), "exit status and output without a terminal")
    tap.contains("watch needs a terminal", found.stderr, "what it says")


if __name__ == "__main__":
    tap.main(globals())
