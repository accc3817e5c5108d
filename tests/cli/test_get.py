#!/usr/bin/env python3
"""atomicstats get: tables for people, JSON for programs."""

import http.server
import json
import threading

import program  # noqa: F401, finds the modules below
import tap
from daemon import Daemon, udp_socket
from program import Terminal, done, places, run

EVERYTHING = ["lat:1:2:6|ms|#b,a", "hits:9223372036854775807|c", "temp:-3.5|g", "users:a|s\nusers:b|s", "on:1|f",
              "off:0|f", "job:25/100|p", "größe:1|g"]


def filled():
    d = Daemon()
    try:
        d.record(*EVERYTHING)
    except BaseException:
        d.close()
        raise
    return d


def test_everything_stands_in_aligned_tables():
    with filled() as d:
        lines = done("get", env=places(d)).splitlines()
        tap.equal(["STATS     COUNT  SUM  MEAN  MIN  MAX   STDDEV",
                   "lat|#a,b      3    9     3    1    6  2.16025",
                   "",
                   "COUNTERS                VALUE",
                   "hits      9223372036854775807",
                   "",
                   "GAUGES  VALUE",
                   "temp     -3.5",
                   "größe       1",
                   "",
                   "SETS   DIFFERENT",
                   "users          2",
                   "",
                   "FLAGS  STATE",
                   "on        on",
                   "off      off",
                   ""], lines[:17], "the tables")
        tap.equal(["PROGRESS", "DONE", "TOTAL", "PART", "RATE/S", "LEFT"], lines[17].split(), "progress")
        tap.equal(["job", "25", "100", "25%"], lines[18].split()[:4], "the progress")


def test_a_glob_and_kinds_pick_series():
    with filled() as d:
        env = places(d)
        tap.equal("GAUGES  VALUE\ntemp     -3.5\n", done("get", "te*", env=env), "get te*")
        tap.equal(["COUNTERS", "VALUE", "hits", "9223372036854775807", "SETS", "DIFFERENT", "users", "2"],
                  done("get", "--type", "counters,sets", env=env).split(), "two kinds")
        found = run("get", "nix*", env=env)
        tap.equal((1, "", 'atomicstats: no series matches "nix*"; `atomicstats get` shows all\n'),
                  (found.returncode, found.stdout, found.stderr), "nix*")
        tap.contains("lat|#a,b", done("get", "lat|#a*", env=env), "a glob for an id with bytes that a URL must encode")


def test_json_is_the_daemon_s_answer():
    with filled() as d:
        env = places(d)
        text = done("get", "--json", "hits", env=env)
        tap.contains('"counters":{"hits":9223372036854775807}', text, "the answer")
        tap.check(text.endswith("}\n"), "it ends with a line break")
        tap.equal({}, json.loads(done("get", "--json", "nix", env=env, status=1))["counters"], "nothing found")


def test_wrong_arguments_end_with_2():
    for words, said in ((["a", "b"], "one GLOB at most"), (["--type", "stat"], '"stat" is not of stats,counters'),
                        (["--type", "stats,"], '"stats," is not of'), (["--http", "x:y"], '"x:y" is not HOST:PORT')):
        found = run("get", *words)
        tap.equal((2, ""), (found.returncode, found.stdout), f"exit status and output of {words}")
        tap.contains(said, found.stderr, f"what {words} says")


def test_nobody_there_is_an_error():
    with udp_socket() as free:
        where = f"127.0.0.1:{free.getsockname()[1]}"
    found = run("get", "--http", where)
    tap.equal((1, ""), (found.returncode, found.stdout), "exit status and output")
    tap.contains(f"cannot reach {where}: connection refused; is atomicstatsd running there?", found.stderr, "what it says")


def test_names_are_cut_to_the_terminal():
    with Daemon() as d:
        d.record(f"{'long.' * 30}name:1|ms", "b:123456|ms")
        with Terminal("get", env=places(d), columns=60) as terminal:
            lines = terminal.read_all().decode().splitlines()
            tap.equal(0, terminal.process.wait(tap.DEADLINE_S), "exit status")
        tap.equal([60, 60, 60], [len(line) for line in lines], "the lines' lengths")
        tap.contains("long.l", lines[1], "the long name")
        tap.contains("…", lines[1], "the long name")
        with Terminal("get", env=places(d), columns=12) as terminal:
            lines = terminal.read_all().decode().splitlines()
        tap.equal(["STATS", "long.long.l…", "b"], lines, "a narrow terminal")
        tap.contains("long." * 30 + "name", done("get", env=places(d)), "a pipe")


class Server:
    """Answers every request with the same bytes, as something that is not the daemon may."""

    def __init__(self, body, status=200):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return "127.0.0.1:%d" % self.server.server_address[1]

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


ANSWER = {"service": {"uptime_s": 1}, "ingest": {"datagrams": 0, "values": 0, "rejected": {"total": 0},
                                                "dropped": {"kernel": 0}},
          "stats": {}, "counters": {}, "gauges": {}, "sets": {}, "flags": {}, "progress": {}}


def test_no_control_byte_reaches_the_terminal():
    hostile = {**ANSWER, "counters": {"a\x1b]0;x\x07\u202eb\u009b": 1}, "gauges": {"g": "\x1b[31m"},
               "flags": {"f": "\x1b[31m"}}
    with Server(json.dumps(hostile).encode()) as where:
        text = done("get", "--http", where)
        tap.check(not set(text) & {"\x1b", "\x07", "\u202e", "\u009b"}, f"control bytes in {text!r}")
        tap.contains("a\\x1b]0;x\\x07\\xe2\\x80\\xaeb\\xc2\\x9b", text, "the name")
        done("get", "--json", "--http", where)
    for body in (b'{"\x1b[31m":1}', json.dumps(ANSWER).encode().replace(b"{}", b'{"\x1b":1}', 1),
                 json.dumps({**ANSWER, "sets": {"\u009b": 1}}, ensure_ascii=False).encode(), b"<html>", b"", b"[]"):
        with Server(body) as where:
            for words in (["get"], ["get", "--json"]):
                found = run(*words, "--http", where)
                tap.equal((1, ""), (found.returncode, found.stdout), f"{words} of {body[:30]}")
                tap.contains("is not atomicstatsd", found.stderr, "what it says")


def test_a_refusal_is_told_with_its_reason():
    with Server(b'{"error":{"status":503,"message":"later\\u001b[1m"}}', 503) as where:
        found = run("get", "--http", where)
        tap.equal(1, found.returncode, "exit status")
        tap.contains("answers with status 503: later\\x1b[1m", found.stderr, "what it says")


if __name__ == "__main__":
    tap.main(globals())
