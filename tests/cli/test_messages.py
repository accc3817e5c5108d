#!/usr/bin/env python3
"""What people do wrong with the program for the terminal, and what they are told to do next."""

import socket
import threading

import program  # noqa: F401, finds the modules below
import tap
from daemon import Daemon, udp_socket
from program import nowhere, places, run, shown

NUMBER = "a number is wanted, such as 42, -3.5 or 1e3"
ADDRESS = "is not HOST:PORT; "

# No daemon is needed to know these: exit status 2.
MISUSES = (
    ([], "a command is missing: send, get, watch or progress"),
    (["gte"], "there is no command gte; did you mean get?"),
    (["progess", "x"], "there is no command progess; did you mean progress?"),
    (["list"], "there is no command list: send, get, watch or progress"),
    (["send"], "a NAME is missing"),
    (["send", "x", "1", "--typ", "c"], "unknown option --typ; did you mean --type?"),
    (["send", "x", "1", "--url", "y"], "unknown option --url"),
    (["send", "x", "1", "--type"], "--type needs a value"),
    (["get", "--json=1"], "--json takes no value: --json=1"),
    (["send", "x", "NaN"], f'"NaN" is no value: {NUMBER}'),
    (["send", "x", "10ms"], f'"10ms" is no value: {NUMBER}'),
    (["send", "x", "yes", "--type", "f"], '"yes" is no value: a flag is 1, 0, true or false'),
    (["send", "x", "1.5", "--type", "p"],
     '"1.5" is no value: progress is N, +N, /TOTAL or N/TOTAL, in whole numbers'),
    (["send", "x", "1", "--type", "counter"], 'there is no type "counter": ms h d c g s f p; did you mean c?'),
    (["send", "x", "1", "--type", "z"], 'there is no type "z": ms h d c g s f p'),
    (["send", "x", "1", "--rate", "10"], 'the rate "10" is no number above 0 and up to 1'),
    (["send", "x:1|c"], 'the name "x:1|c" has a ":" in it; write NAME VALUE --type TYPE'),
    (["send", "x", "1", "--udp", "127.0.0.1:70000"],
     f'--udp: "127.0.0.1:70000" {ADDRESS}the port is a number from 1 to 65535'),
    (["send", "x", "1", "--udp", "::1"], f'--udp: "::1" {ADDRESS}IPv6 stands in brackets, as in [::1]:PORT'),
    (["get", "--http", "http://127.0.0.1:8127"], f'--http: "http://127.0.0.1:8127" {ADDRESS}leave what ends in :// away'),
    (["get", "--http", "127.0.0.1:8127/stats"], f'--http: "127.0.0.1:8127/stats" {ADDRESS}there is no path in it'),
    (["get", "--type", "counter"],
     '--type: "counter" is not of stats,counters,gauges,sets,flags,progress; did you mean counters?'),
    (["get", "a", "b"], "one GLOB at most; quote it, or the shell takes it"),
    (["watch", "--interval", "0"], '--interval: "0" is no number from 0.1 to 3600'),
    (["progress", "x"], "either --lines, or -- and a command, as in `atomicstats progress NAME -- make`"),
    (["progress", "x", "--total", "many", "--", "true"], '--total: "many" is no whole number above 0'),
)


def said(*args, status, **options):
    """=> the lines that it says, without its name; it ends with this status and prints nothing."""
    found = run(*args, **options)
    tap.equal((status, ""), (found.returncode, found.stdout), f"exit status and output of {args}; {found.stderr!r}")
    return [line.removeprefix("atomicstats: ") for line in found.stderr.splitlines()]


def test_misuses():
    for words, message in MISUSES:
        command = words[0] + " " if words and words[0] in ("send", "get", "watch", "progress") else ""
        tap.equal([message, f"Try `atomicstats {command}--help`."], said(*words, status=2), f"what it says of {words}")


def test_wrong_places_in_the_environment():
    env = {**nowhere(), "ATOMICSTATS_UDP": "localhost:x", "ATOMICSTATS_HTTP": ":8127"}
    tap.equal(f'ATOMICSTATS_UDP: "localhost:x" {ADDRESS}the port is a number from 1 to 65535',
              said("send", "x", "1", status=2, env=env)[0], "a wrong port")
    tap.equal(f'ATOMICSTATS_HTTP: ":8127" {ADDRESS}the host is missing',
              said("get", status=2, env={**env, "ATOMICSTATS_UDP": ""})[0], "no host")


STARTS = "`systemctl start atomicstatsd` or `atomicstatsd` starts it"


def test_nobody_there():
    with udp_socket() as free, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        udp, http = (shown(one.getsockname()) for one in (free, closed))
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        tap.equal([f"nobody receives at {nobody}; is atomicstatsd running there? {STARTS}, --udp HOST:PORT says where it is"],
                  said("send", "x", "1", "--udp", nobody, status=1), "send")
        tap.equal([f"cannot reach {http}: connection refused; is atomicstatsd running there? {STARTS}, --http HOST:PORT "
                   "says where it is"], said("get", "--http", http, status=1), "get")
        found = said("send", "x", "--udp", udp, "--http", http, status=0, stdin="1\n")
        tap.contains(f"not paced, and not known whether all were counted: cannot reach {http}", found[-1], "from a pipe")


def test_the_two_ports_mistaken_for_each_other():
    """An address of this machine that nobody else uses, with the daemon's usual ports."""
    host = "127.254.254.254"
    with socket.socket() as http:
        try:
            http.bind((host, 8125))  # and does not listen
            with socket.socket(type=socket.SOCK_DGRAM) as probe:
                probe.bind((host, 8127))
        except OSError as error:
            raise tap.Skip(f"the ports are in use: {error}") from error
        tap.equal([f"cannot reach {host}:8125: connection refused; 8125 is the port for values, HTTP is at 8127"],
                  said("get", "--http", f"{host}:8125", status=1), "HTTP at the port for values")
        tap.equal([f"nobody receives at {host}:8127; 8127 is the port for HTTP, values go to 8125"],
                  said("send", "x", "1", "--udp", f"{host}:8127", status=1), "values to the port for HTTP")


def test_no_such_host():
    for words, option in ((["get", "--http", "no.such.host.invalid"], "--http"),
                          (["send", "x", "1", "--udp", "no.such.host.invalid"], "--udp")):
        (line,) = said(*words, status=1)
        tap.check(line.startswith("there is no host no.such.host.invalid"), f"what {words} says: {line}")
        tap.check(line.endswith(f"; {option} HOST:PORT says where atomicstatsd is"), f"what {words} says: {line}")


def test_somebody_else_there():
    """An HTTP server that is not the daemon, and one that speaks something else."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(tap.DEADLINE_S)
        where = shown(server.getsockname())
        for answer, message in ((b"SSH-2.0-OpenSSH_9.2\r\n", "; is that atomicstatsd's HTTP port?"),
                                (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
                                 f"{where} answers with status 404; is that atomicstatsd's HTTP port?"),
                                (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                                 f"who answers at {where} is not atomicstatsd; --http HOST:PORT says where it is")):
            with Answering(server, answer):
                (line,) = said("get", "--http", where, status=1)
            tap.check(line.endswith(message), f"what it says after {answer!r}: {line}")


class Answering:
    """Takes one connection and answers whatever it asks."""

    def __init__(self, server, answer):
        self.server, self.answer = server, answer
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        connection, _ = self.server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(self.answer)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.thread.join(tap.DEADLINE_S)


def test_nothing_is_found():
    with Daemon() as d:
        tap.equal(["there are no such series yet; `atomicstats send NAME VALUE` makes one"],
                  said("get", status=1, env=places(d)), "an empty daemon")
        d.record("api.latency:1|ms")
        tap.equal(["no series has the name or id \"api\"; `atomicstats get '*api*'` shows those that have it in them"],
                  said("get", "api", status=1, env=places(d)), "a part of a name")
        tap.equal(['no series matches "apy.*"; `atomicstats get` shows all'],
                  said("get", "apy.*", status=1, env=places(d)), "a pattern")


def test_a_pipe_that_the_daemon_refuses():
    with Daemon("--threads", "1", config={"limits": {"max_series": 1}}) as d:
        d.record("first:1|c")
        found = said("send", "second", status=1, env=places(d), stdin="1\n2\n")
        tap.equal(["sent 2 values in 1 datagrams, 13 bytes",
                   "the daemon counted 0 values in 1 datagrams, dropped 0 datagrams, refused 1 lines",
                   f"which lines it has refused, and why: http://{shown(d.http)}/server?pretty, recent_rejected"],
                  found, "what it says")


def test_a_command_that_is_not_there():
    with Daemon() as d:
        tap.equal(["cannot start no-such-command: No such file or directory; what only a shell knows needs sh -c '...'"],
                  said("progress", "x", "--", "no-such-command", status=127, env=places(d)), "what it says")


if __name__ == "__main__":
    tap.main(globals())
