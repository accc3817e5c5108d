#!/usr/bin/env python3
"""What is read: paths, filters, errors, and JSON that is always valid."""

import http.client
import json
import math
import os
import random
import socket
import struct
import threading
import urllib.parse

import tap
from daemon import Daemon, Flow, scanner_in_use, with_scanner

JSON_PATHS = ["/stats", "/server", "/healthz", "/readyz", "/progress"]


def content_type(reply):
    return reply.headers.get("Content-Type", "").split(";")[0].strip().lower()


def error(reply, status, what):
    tap.equal(status, reply.status, f"status of {what}")
    tap.equal("application/json", content_type(reply), f"content type of {what}")
    body = reply.json
    tap.equal(status, body["error"]["status"], f"error.status of {what}")
    tap.check(isinstance(body["error"]["message"], str) and body["error"]["message"],
              f"error.message of {what}: {body}")


def quoted(text):
    return urllib.parse.quote(text, safe="")


def test_paths_that_answer():
    with Daemon() as d:
        d.record("p:1/2|p", "c:1|c")
        for path in JSON_PATHS + ["/stats/c", "/progress/p", "/stats?name=*", "/healthz?x=y"]:
            reply = d.get(path)
            tap.equal(200, reply.status, f"status of {path}")
            tap.equal("application/json", content_type(reply), f"content type of {path}")
            tap.check(isinstance(reply.json, dict), f"{path} is a JSON object")
        tap.equal({"status": "ok"}, d.get("/healthz").json, "/healthz")
        tap.equal({"status": "ok"}, d.get("/readyz").json, "/readyz")


def test_paths_that_do_not_exist():
    with Daemon() as d:
        for path in ("/nothing", "/stats/none", "/progress/none", "/statsx", "/server/x", "/healthz/",
                     "//stats", "/Stats", "/%2e%2e/etc/passwd", "/../etc/passwd"):
            error(d.get(path), 404, path)


def test_other_methods_are_405_and_say_what_is_allowed():
    with Daemon() as d:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"):
            for path in ("/stats", "/server", "/healthz", "/readyz", "/progress"):
                reply = d.get(path, method=method, body=b"x=1" if method in ("POST", "PUT") else None)
                error(reply, 405, f"{method} {path}")
                allowed = {word.strip() for word in reply.headers.get("Allow", "").split(",")}
                tap.check({"GET", "HEAD"} <= allowed, f"Allow of {method} {path}: {reply.headers.get('Allow')!r}")
        tap.equal(200, d.get("/stats").status, "status of GET afterwards")


def test_head_is_get_without_a_body():
    with Daemon() as d:
        for path, status in [(path, 200) for path in JSON_PATHS] + [("/nothing", 404), ("/stats/none", 404)]:
            reply = d.get(path, method="HEAD")
            tap.equal((status, b""), (reply.status, reply.body), f"HEAD {path}")
            tap.equal("application/json", content_type(reply), f"content type of HEAD {path}")


def test_filters_by_name():
    with Daemon() as d:
        d.record("api.a:1|c\napi.b:1|c\nweb.a:1|c\napi:1|c\napi.ü:1|c\ntagged:1|c|#x:1\nst*r:1|c")

        def names(glob):
            return list(d.stats("?name=" + quoted(glob))["counters"])

        tap.equal(["api.a", "api.b", "api.ü"], names("api.*"), "api.*")
        tap.equal(["api.a", "api.b", "api.ü"], names("api.?"), "api.?")
        tap.equal(["api.a", "web.a"], names("*.a"), "*.a")
        tap.equal(["api"], names("api"), "api")
        tap.equal([], names("nothing*"), "nothing*")
        tap.equal(7, len(names("*")), "number for *")
        tap.equal(["api.a", "api.b", "web.a", "api.ü"], names("*.?"), "*.?")
        tap.equal(["tagged|#x:1"], names("tagged"), "a name with tags")
        tap.equal(["api.a", "web.a"], names("*?*?*.a"), "*?*?*.a")
        tap.equal([], names("API.*"), "another case")


def test_a_hostile_glob_takes_no_time():
    with Daemon() as d:
        d.record("a" * 255 + ":1|c")
        reply = d.get("/stats?name=" + "a*" * 100 + "b")
        tap.equal((200, {}), (reply.status, reply.json["counters"]), "a glob that backtracks")


def test_filters_by_type():
    with Daemon() as d:
        d.record("x:1|ms\nx:2|c\nx:3|g\nx:4|s\nx:1|f\nx:6/7|p")
        sections = ("stats", "counters", "gauges", "sets", "flags", "progress")
        for wanted in ("stats", "counters", "gauges", "sets", "flags", "progress", "stats,flags"):
            reply = d.stats("?type=" + wanted)
            found = [section for section in sections if reply.get(section)]
            tap.equal(wanted.split(","), found, f"sections with something for {wanted}")
            tap.check("service" in reply and "ingest" in reply, "service and ingest are there")
        both = d.stats("?type=gauges&name=y*")
        tap.equal({}, both["gauges"], "both filters")
        reply = d.get("/stats?type=nonsense")
        error(reply, 400, "/stats?type=nonsense")


def test_pretty_is_the_same_indented():
    with Daemon() as d:
        d.record("x:1|ms|#a:b\ny:1|c\nz:1/2|p")
        plain, pretty = d.get("/stats"), d.get("/stats?pretty")
        tap.check(pretty.body.count(b"\n") > 20, f"expected many lines, actual {pretty.body[:300]!r}")
        for reply in (plain.json, pretty.json):
            reply["service"].pop("uptime_s")
        for section in ("stats", "counters", "gauges", "sets", "flags"):
            tap.equal(plain.json[section], pretty.json[section], section)
        tap.contains(b'\n  "stats"', pretty.body, "indentation")
        tap.check(len(d.get("/server?pretty").body.splitlines()) > 5, "/server?pretty has many lines")


def test_one_series_by_name_or_id():
    with Daemon() as d:
        d.record("a.b:1|ms", "a.b:2|ms|#x:1", "a.b:3|ms|#x:2", "a.b:4|c", "other:1|c")
        by_name = d.get("/stats/a.b").json
        tap.equal(["a.b", "a.b|#x:1", "a.b|#x:2"], list(by_name["stats"]), "all tag sets of a name")
        tap.equal({"a.b": 4}, by_name["counters"], "the other kind")
        by_id = d.get("/stats/" + quoted("a.b|#x:2")).json
        tap.equal((["a.b|#x:2"], {}), (list(by_id["stats"]), by_id["counters"]), "by exact id")
        tap.equal(404, d.get("/stats/a").status, "a prefix")
        tap.equal(404, d.get("/stats/" + quoted("a.b|#x")).status, "an id that is not there")
        tap.equal(404, d.get("/stats/" + quoted("a.*")).status, "a path is no glob")


def test_progress_paths():
    with Daemon() as d:
        d.record("import:1/4|p", "import:3|c", "export:+2|p|#job:1")
        every = d.get("/progress").json
        tap.equal(["import", "export|#job:1"], list(every["progress"]), "/progress")
        tap.check(not every.get("counters"), f"progress only, actual {every.get('counters')}")
        one = d.get("/progress/import").json
        tap.equal(["import"], list(one["progress"]), "/progress/import")
        tap.equal(0.25, one["progress"]["import"]["fraction"], "fraction")
        tap.equal(["export|#job:1"], list(d.get("/progress/export").json["progress"]), "/progress/export")


def test_hostile_names_by_path_and_in_json():
    names = ['quote"s', "back\\slash", "sl/ash", "../up", "per%cent", "%2F", "pl+us", "a b", "ünï", "日本", "😀",
             "q?x", "h#x", "am&p", "<script>alert(1)</script>", "'", "$(reboot)", "{}[]", ",", "\u2028", "\ufeff",
             "\ue000", "\U0010ffff", "n" * 255, "%", "+", ".", "..", "=", "constructor", "__proto__"]
    with Daemon() as d:
        stats = d.record(*[f"{name}:1|c" for name in names])
        tap.equal(names, list(stats["counters"]), "names in /stats")
        for name in names:
            reply = d.get("/stats/" + quoted(name))
            tap.equal((200, {name: 1}), (reply.status, reply.json["counters"]), f"/stats/{quoted(name)}")
        for name in names:
            tap.contains(name, list(d.stats("?name=" + quoted(name))["counters"]), f"?name={quoted(name)}")


def test_bad_paths_are_errors_in_json():
    with Daemon() as d:
        d.record("x:1|c")
        for path in ("/stats/%00", "/stats/x%00", "/stats/x%00y"):
            error(d.get(path), 400, path)
        for path in ("/stats/%ff", "/stats/%c3%28"):
            reply = d.get(path)
            tap.check(reply.status in (400, 404), f"status of {path}: expected 400 or 404, actual {reply.status}")
            error(reply, reply.status, path)
        long = d.get("/stats/" + "y" * 2000)
        error(long, 404, "a path of 2,000 letters")


def raw(daemon, data):
    """Sends bytes as they are; => what has come back by the time that another reader has been
    served. An answer need not come, and the connection need not be closed: it may wait for more."""
    with socket.create_connection(daemon.http, timeout=tap.DEADLINE_S) as sock:
        parts = []
        try:
            sock.sendall(data)
            tap.equal(200, daemon.get("/stats").status, f"status of /stats for another after {data[:40]!r}")
            sock.setblocking(False)
            while part := sock.recv(65536):
                parts.append(part)
        except (BlockingIOError, ConnectionResetError, BrokenPipeError):
            pass
        return b"".join(parts)


def test_what_is_no_http_does_no_harm():
    with Daemon() as d:
        d.record("x:1|c")
        for data in (b"", b"\0" * 100, b"GET", b"GET /stats\r\n\r\n", b"GET /stats HTTP/9.9\r\n\r\n",
                     b"GET /stats\0 HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n" * 1000,
                     b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10000 + b"\r\n",
                     b"POST /stats HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nabc",
                     b"POST /stats HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                     b"GET /stats?name=%zz&%%% HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"):
            answer = raw(d, data)
            tap.check(answer == b"" or answer.startswith(b"HTTP/1."), f"answer to {data[:40]!r}: {answer[:100]!r}")


def test_http_1_0_gets_a_whole_reply():
    with Daemon() as d:
        d.record("x:1|c")
        with socket.create_connection(d.http, timeout=tap.DEADLINE_S) as sock:
            sock.sendall(b"GET /stats HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: sock.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        tap.contains(b" 200 ", head.splitlines()[0], "status line")
        tap.equal({"x": 1}, json.loads(body)["counters"], "counters")


def test_a_connection_is_kept():
    with Daemon() as d:
        connection = http.client.HTTPConnection(*d.http, timeout=tap.DEADLINE_S)
        connection.connect()
        local = connection.sock.getsockname()
        for path in JSON_PATHS * 20 + ["/nothing"] * 3 + ["/stats"]:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            tap.check(connection.sock is not None and connection.sock.getsockname() == local,
                      f"the connection was closed after {path}")
        connection.close()


def test_numbers_read_back_exactly():
    rng = random.Random(42)
    count = tap.scaled(10000)
    values = [5e-324, -5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 0.1, 1 / 3, 1e15, 1e16, 1e17, 1e21,
              1e22, 1e23, 123456789012345680.0, 9007199254740993.0, 2.0 ** 63, -2.0 ** 63, 2.0 ** 64, 4.35, 1e-7]
    while len(values) < count:
        value = struct.unpack("<d", rng.randbytes(8))[0]
        if math.isfinite(value):
            values.append(value)
    with Daemon(config={"ingest": {"gauge_sign": "absolute"}}) as d:
        lines = [f"g{n}:{value!r}|g" for n, value in enumerate(values)]
        with Flow(d) as flow:
            for at in range(0, len(lines), 40):
                flow.send("\n".join(lines[at:at + 40]).encode())
        stats = d.stats()
        tap.equal(0, stats["ingest"]["rejected"]["total"], "rejected")
        gauges = stats["gauges"]
        wrong = [(value, gauges[f"g{n}"]) for n, value in enumerate(values) if float(gauges[f"g{n}"]) != value]
        tap.equal([], wrong[:10], "values that did not read back (sent, read)")
        integers = [n for n, value in enumerate(values) if value.is_integer() and abs(value) < 1e15]
        tap.equal([], [gauges[f"g{n}"] for n in integers if not isinstance(gauges[f"g{n}"], int)],
                  "integers not printed as such")


def test_integers_are_printed_as_integers():
    with Daemon() as d:
        d.record("g:5.0|g", "t:2:4|ms", "c:1.5:1.5|c")
        body = d.get("/stats").body.replace(b" ", b"")
        tap.contains(b'"g":5', body, "a gauge")
        tap.contains(b'"count":2,"sum":6,"mean":3,"min":2,"max":4', body, "stats")
        tap.contains(b'"c":3', body, "a counter")


def test_series_come_in_the_order_of_first_sight():
    rng = random.Random(3)
    names = [f"n{n}" for n in range(2000)]
    rng.shuffle(names)
    with Daemon() as d:
        d.record(*["\n".join(f"{name}:1|c" for name in names[at:at + 100]) for at in range(0, 2000, 100)])
        d.record("\n".join(f"{name}:1|c" for name in sorted(names)[:1000]))
        tap.equal(names, list(d.stats()["counters"]), "order")


def fill(daemon, count, name="series.with.a.name.of.usual.length.{}", value="{}|ms"):
    with Flow(daemon, window=24) as flow:
        line = f"{name}:{value}"
        for at in range(0, count, 400):
            flow.send("\n".join(line.format(n, n) for n in range(at, min(at + 400, count))).encode())


def test_a_large_reply_streams_and_parses():
    count = tap.scaled(100000, 1000)
    with Daemon() as d:
        fill(d, count)
        before = resident(d)
        reply = d.get("/stats")
        tap.equal(200, reply.status, "status")
        series = reply.json["stats"]
        tap.equal(count, len(series), "series")
        tap.check(all(one["count"] == 1 and one["sum"] == n for n, one in enumerate(series.values())),
                  "each series has its one value, in order")
        if tap.SCALE == 1:
            tap.within(0, 16 * 1024 * 1024, max(0, resident(d) - before), "memory that the reply added")


def resident(daemon):
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def test_readers_that_leave_in_the_middle_do_no_harm():
    with Daemon() as d:
        fill(d, tap.scaled(20000, 500))
        for number in range(40):
            sock = socket.create_connection(d.http, timeout=tap.DEADLINE_S)
            sock.sendall(b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n")
            if number % 3:
                sock.recv(100 if number % 3 == 1 else 100000)
            if number % 2:  # with a reset instead of an orderly end
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        tap.equal(200, d.get("/stats").status, "status afterwards")
        files = f"/proc/{d.pid}/fd"
        tap.wait_until(lambda: len(os.listdir(files)) < 40, "the connections are closed on our side too")


def test_many_readers_at_once():
    with Daemon() as d:
        fill(d, 200)
        wrong, replies = [], [0] * 12

        def read(which):
            paths = ["/stats", "/server", "/stats?name=*1*", "/progress", "/stats?pretty", "/healthz"]
            try:
                for turn in range(tap.scaled(60, 10)):
                    if d.get(paths[(turn + which) % len(paths)]).status != 200:
                        wrong.append(paths[(turn + which) % len(paths)])
                    replies[which] += 1
            except Exception as why:  # handed to the main thread, which fails the test
                wrong.append(repr(why))

        threads = [threading.Thread(target=read, args=(n,)) for n in range(len(replies))]
        for thread in threads:
            thread.start()
        with Flow(d, ports=2) as flow:
            while any(thread.is_alive() for thread in threads):
                flow.send(b"series:1:2:3|ms\nother:1|c")
        for thread in threads:
            thread.join()
        tap.equal([], wrong, "wrong replies")
        tap.equal(flow.sent, d.stats()["counters"]["other"], "values recorded meanwhile")


def test_a_slow_reader_blocks_nobody():
    with Daemon() as d:
        fill(d, tap.scaled(20000, 500))
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(d.http)
            slow.sendall(b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n")
            for _ in range(3):
                tap.equal(200, d.get("/stats").status, "status for another reader")
            d.record("more:1|c")
            tap.equal(1, d.series("counters", "more"), "a value recorded meanwhile")


def test_clients_that_trickle_lock_nobody_out():
    """More connections than are served at a time, each with a request that never ends but never
    rests either: a reader from another address gets an answer all the same."""
    with Daemon(config={"http": {"max_connections": 32}}) as d:
        tricklers = [socket.create_connection(d.http, timeout=tap.DEADLINE_S) for _ in range(48)]
        for sock in tricklers:
            sock.setblocking(False)
            sock.send(b"GET /stats HTTP/1.1\r\nX: ")

        def served():
            for sock in tricklers:
                try:
                    sock.send(b"a")
                except OSError:
                    pass  # cut off, which is one way to serve the others
            try:
                with socket.create_connection(d.http, timeout=1, source_address=("127.0.0.9", 0)) as other:
                    other.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                    return b" 200 " in other.recv(1000)
            except OSError:
                return False
        try:
            tap.wait_until(served, "a reader from another address is served", 90)
        finally:
            for sock in tricklers:
                sock.close()


def test_the_address_is_honoured():
    with Daemon(http="127.0.0.1:0") as d:
        tap.equal("127.0.0.1", d.http[0], "address in the first line")
        for host in ("127.0.0.2", "127.1.2.3"):
            try:
                socket.create_connection((host, d.http[1]), timeout=5).close()
                tap.fail(f"expected a refused connection to {host}, actual: it is open")
            except ConnectionRefusedError:
                pass
    with Daemon(http="127.0.0.2:0") as d:
        tap.equal("127.0.0.2", d.http[0], "address in the first line")
        tap.equal(200, d.get("/healthz").status, "status at 127.0.0.2")
        try:
            socket.create_connection(("127.0.0.1", d.http[1]), timeout=5).close()
            tap.fail("expected a refused connection to 127.0.0.1, actual: it is open")
        except ConnectionRefusedError:
            pass


def test_the_server_page():
    with Daemon("--threads", "3") as d:
        d.record("x:1|c", "y:z|c")
        server = d.server()
        text = json.dumps(server)
        for word in ("threads", "sockets", "rejected", "http", "memory"):
            tap.contains(word, text, "/server")
        port = d.udp[0][1]
        tap.contains(f"127.0.0.1:{port}", text, "the socket's address in /server")


def test_the_server_page_names_the_scanner():
    for scanner in ("portable", "fastest"):
        with Daemon(config=with_scanner({}, scanner)) as d:
            tap.equal(scanner_in_use(scanner), d.server()["ingest"]["scanner"], f"in use for {scanner!r}")


if __name__ == "__main__":
    tap.main(globals())
