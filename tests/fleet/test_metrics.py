#!/usr/bin/env python3
"""/metrics as those see it who read it: both formats, held to a strict reader and to promtool."""

import os
import random
import re
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import daemon
import exposition
import tap
import tools
from daemon import Daemon, Flow

SEED = int(os.environ.get("TEST_SEED", "20260131"))
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
# As Prometheus 2.42 and VictoriaMetrics 1.79 send them.
PROMETHEUS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
              "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
VICTORIA = "text/plain;version=0.0.4;q=1,*/*;q=0.1"

SAMPLE = ["request.duration:10:20:30|ms|#env:prod,route:/x", "request.duration:1|ms", "jobs.done:5|c|#env:prod",
          "temperature:-3.5|g", "users:alice|s", "users:bob|s", "maintenance:true|f", "import:250/1000|p"]


def scrape(d, openmetrics=False):
    reply = d.get("/metrics", headers={"Accept": OPENMETRICS if openmetrics else "text/plain"})
    tap.equal((200, OPENMETRICS if openmetrics else TEXT), (reply.status, reply.headers["Content-Type"]), "the reply")
    return reply.body


def values(d, openmetrics=False):
    return {(sample.name, *sorted(sample.labels.items())): sample.value
            for sample in exposition.read(scrape(d, openmetrics), openmetrics)}


def test_the_reader_is_strict():
    def family(name, kind, *samples):
        return "".join(f"{line}\n" for line in (f"# HELP {name} x", f"# TYPE {name} {kind}", *samples))

    good = family("a", "gauge", 'a{b="1"} 1', 'a{b="\\"\\\\\\n"} -2e-3') + family("s", "summary", "s_sum 1", "s_count 2")
    tap.equal(4, len(exposition.read(good.encode(), False)), "samples")
    tap.equal(4, len(exposition.read((good + "# EOF\n").encode(), True)), "samples")
    for text in (good + "\n", good + "a 3\n", good + family("a", "gauge", "a 3"), good + "b 1\n", good[:-1], good + "s 1\n",
                 good + "s_sum 2\n", family("a", "gauge", 'a{b="1",b="2"} 1'), family("a", "gauge", 'a{b="1",} 1'),
                 family("a", "gauge", 'a{b="\\x"} 1'), family("a", "gauge", "a 0x1"), family("a", "gauge", "a null"),
                 family("a", "gauge", 'a{b=""} 1', "a 1"), family("a", "counters", "a 1"), "# TYPE a gauge\na 1\n",
                 family("a", "summary", 'a_sum{b="1"} 1', 'a_sum{b="2"} 1', 'a_count{b="1"} 1')):
        for openmetrics in (False, True):
            refused(text + ("# EOF\n" if openmetrics else ""), openmetrics)
    for text in (good, good + "# EOF\n# EOF\n", family("c", "counter", "c_total -1") + "# EOF\n",
                 family("c", "counter", "c 1") + "# EOF\n", family("s", "summary", "s_count 1.5") + "# EOF\n",
                 good + family("s_count", "gauge", "s_count 1") + "# EOF\n", good + family("u", "untyped", "u 1") + "# EOF\n"):
        refused(text, True)


def refused(text, openmetrics):
    try:
        exposition.read(text.encode(), openmetrics)
    except ValueError:
        return
    tap.fail(f"the reader takes {text!r}")


def test_the_format_is_the_one_accepted():
    with Daemon() as d:
        for accept, expected in ((None, TEXT), ("*/*", TEXT), ("text/plain", TEXT), (VICTORIA, TEXT),
                                 ("application/json", TEXT), ("application/openmetrics-text;q=0.4,text/plain", TEXT),
                                 (PROMETHEUS, OPENMETRICS), ("application/openmetrics-text", OPENMETRICS)):
            reply = d.get("/metrics", headers={"Accept": accept} if accept else {})
            tap.equal((200, expected), (reply.status, reply.headers["Content-Type"]), f"Accept: {accept}")
            tap.equal("Accept", reply.headers["Vary"], "Vary")
            exposition.read(reply.body, expected == OPENMETRICS)


def test_other_methods():
    with Daemon() as d:
        head = d.get("/metrics", method="HEAD", headers={"Accept": PROMETHEUS})
        tap.equal((200, b"", OPENMETRICS), (head.status, head.body, head.headers["Content-Type"]), "HEAD")
        for method in ("POST", "PUT", "DELETE"):
            reply = d.get("/metrics", method=method, body=b"x=1")
            tap.equal((405, "GET, HEAD"), (reply.status, reply.headers["Allow"]), method)
        tap.equal(404, d.get("/metrics/x").status, "/metrics/x")


def test_every_kind_and_the_daemon_itself():
    with Daemon() as d:
        d.record("\n".join(SAMPLE), "bad:x|ms")
        for openmetrics in (False, True):
            now = values(d, openmetrics)
            labels = (("env", "prod"), ("route", "/x"))
            for name, value in (("sum", 60), ("count", 3), ("min", 10), ("max", 30), ("stddev", 8.16496580927726)):
                tap.equal(value, now[(f"request_duration_{name}", *labels)], name)
            tap.equal(1, now[("request_duration_count",)], "the series without tags")
            tap.equal(5, now[("jobs_done_total", ("env", "prod"))], "a counter")
            tap.equal(-3.5, now[("temperature",)], "a gauge")
            tap.equal(2, now[("users",)], "a set")
            tap.equal(1, now[("maintenance",)], "a flag")
            tap.equal((250, 1000), (now[("import_progress_done",)], now[("import_progress_target",)]), "progress")
            tap.equal(2, now[("atomicstatsd_datagrams_total",)], "datagrams")
            tap.equal(10, now[("atomicstatsd_values_total",)], "values")
            tap.equal(1, now[("atomicstatsd_rejected_lines_total", ("reason", "bad_value"))], "refused lines")
            tap.equal(2, now[("atomicstatsd_series", ("kind", "stats"))], "series")
            tap.check(now[("atomicstatsd_resident_memory_bytes",)] > 100000, "resident memory")
            tap.equal(0, now[("atomicstatsd_metrics_colliding",)], "collisions")


def test_checkpoints_are_told():
    with Daemon(config={"state": {"checkpoint_s": 1}}) as d:
        tap.check(("atomicstatsd_checkpoints_written_total",) not in values(d), "no checkpoints without a directory")
    with Daemon("--state", "state", config={"state": {"checkpoint_s": 1}}) as d:
        d.record("x:1|c")
        tap.wait_until(lambda: values(d)[("atomicstatsd_checkpoints_written_total",)] > 0, "a checkpoint")
        now = values(d)
        tap.check(now[("atomicstatsd_checkpoint_size_bytes",)] > 64, "its size")
        tap.equal(0, now[("atomicstatsd_checkpoints_failed_total",)], "failures")


def test_promtool_has_nothing_to_say():
    with Daemon("--state", "state") as d:
        d.record("\n".join(SAMPLE))
        status, output = tools.promtool("check", "metrics", data=scrape(d))
        tap.equal((0, ""), (status, output), "promtool check metrics")


# ---- any names whatsoever ----


def random_name(rng):
    parts = ["".join(rng.choice('aAb.-_ 09"\\{}é=,') for _ in range(rng.randint(1, 3)))]
    parts += rng.choices(["_sum", ".count", "_total", ".min", "_max", "_created", "_bucket", "_stddev",
                          "_progress_done", "_value"], k=rng.choice((0, 0, 1, 2)))
    return rng.choice(("", "", "", "atomicstatsd_", "up", "scrape_")) + "".join(parts)


def random_tags(rng):
    tags = ["".join(rng.choice('a.b_é"\\:1{}= ') for _ in range(rng.randint(1, 4))) for _ in range(rng.randint(0, 3))]
    tags += rng.choices(["le:1", "quantile:x", "__name__:y", "statsd_series:z", "env:", "env:prod"], k=rng.randint(0, 1))
    return "|#" + ",".join(tags) if tags else ""


def random_line(rng):
    value, kind = rng.choice((("1.5", "ms"), ("-2", "ms"), ("3", "c"), ("-4", "c"), ("0.5", "c"), ("7", "g"), ("x", "s"),
                              ("1", "f"), ("5/10", "p"), ("5", "p")))
    rate = rng.choice(("", "", "|@0.3")) if kind in ("ms", "c") else ""
    return f"{random_name(rng)}:{value}|{kind}{rate}{random_tags(rng)}"


def expected_samples(stats):
    """How many samples the series of a /stats document have, and the counters' values."""
    progress = stats["progress"].values()
    number = 5 * len(stats["stats"]) + sum(len(stats[kind]) for kind in ("counters", "gauges", "sets", "flags"))
    number += sum(3 + (one["total"] is not None) + (one["eta_s"] is not None) for one in progress)
    return number, sorted(stats["counters"].values())


def test_any_names_give_what_others_can_read():
    rng = random.Random(SEED)
    for _ in range(tap.scaled(12, 2)):
        with Daemon() as d:
            lines = [random_line(rng) for _ in range(tap.scaled(400, 100))]
            stats = d.record(*("\n".join(lines[i:i + 8]) for i in range(0, len(lines), 8)))
            number, counters = expected_samples(stats)
            for openmetrics in (False, True):
                body = scrape(d, openmetrics)
                try:
                    samples = [one for one in exposition.read(body, openmetrics)
                               if not one.name.startswith("atomicstatsd_")]
                except ValueError as error:
                    tap.fail(f"seed {SEED}: {error}")
                tap.equal(number, len(samples), f"samples (seed {SEED})")
                totals = sorted(one.value for one in samples if one.name.endswith("_total"))
                tap.equal(counters, totals, f"counters (seed {SEED})")
            status, output = tools.promtool("check", "metrics", data=scrape(d))
            tap.check(status in (0, 3), f"promtool (seed {SEED}): {status}: {output}")  # 3: names it would not choose


def test_collisions_are_counted_and_told_apart():
    with Daemon() as d:
        d.record("a.b:1|c\na_b:2|c\na-b:3|c|#x:1\nm:1|f\nm:7|g\nx:1|ms\nx:1|g\nx.min:-1|g")
        for openmetrics in (False, True):
            now = values(d, openmetrics)
            tap.equal(1, now[("a_b_total", ("statsd_series", "a.b|c"))], "a.b")
            tap.equal(2, now[("a_b_total", ("statsd_series", "a_b|c"))], "a_b")
            tap.equal(3, now[("a_b_total", ("x", "1"))], "a-b")
            tap.equal((1, 7), (now[("m", ("statsd_series", "m|f"))], now[("m", ("statsd_series", "m|g"))]), "m")
            tap.equal((1, 1), (now[("x",)], now[("x_sum",)]), "a gauge and stats of one name")
            tap.equal(-1, now[("x_min", ("statsd_series", "x.min|g"))], "a gauge x.min")
            tap.equal(6, now[("atomicstatsd_metrics_colliding",)], "colliding samples")
            tap.equal(1, now[("atomicstatsd_metrics_mixed",)], "mixed families")


# ---- many ----


def fill(d, number, line):
    flow = Flow(d)
    for i in range(0, number, 20):
        flow.send("\n".join(line(k) for k in range(i, min(i + 20, number))).encode())
    d.wait_datagrams(flow.start + flow.sent)


def peak_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) * 1024


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def test_more_series_than_are_sorted_at_once():
    number = tap.scaled(80000, 2000)
    with Daemon() as d:
        fill(d, number, lambda k: f"giant:{k}|ms|#host:{k:0150}" if k % 2 else f"many.{k:0150}:{k}|c")
        for openmetrics in (False, True):
            forget_peak(d.pid)
            before = peak_bytes(d.pid)
            body = scrape(d, openmetrics)
            if not daemon.WRAP and tap.SCALE == 1:  # a sanitizer's own memory is another matter
                # 32 MiB, the reply's own buffers, and room to breathe: sorting all at once would take 50.
                tap.within(0, 38 << 20, peak_bytes(d.pid) - before, "bytes that a scrape took")
            samples = exposition.read(body, openmetrics)
            giant = [one for one in samples if one.family == "giant"]
            tap.equal(sum(range(1, number, 2)), sum(one.value for one in giant if one.name == "giant_sum"), "sum")
            tap.equal(number // 2, sum(one.value for one in giant if one.name == "giant_count"), "count")
            many = {one.name: one.value for one in samples if one.name.startswith("many_")}
            tap.equal({f"many_{k:0150}_total": k for k in range(0, number, 2)}, many, "counters")


def test_slow_readers_keep_nobody_out():
    number = tap.scaled(20000, 2000)
    with Daemon() as d:
        fill(d, number, lambda k: f"some.name.of.usual.length.{k}:1|ms")
        expected = sorted(line for line in scrape(d).splitlines() if line.startswith(b"some_"))
        tap.equal(5 * number, len(expected), "samples")
        held = []
        try:
            for _ in range(8):
                held.append(socket.socket())
                held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                held[-1].settimeout(tap.DEADLINE_S)
                held[-1].connect(d.http)
                held[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                tap.equal(b"HTTP/1.1 200", held[-1].recv(12), "one that does not read on")
            # With less memory, and so in several goes; but all the same.
            actual = sorted(line for line in scrape(d).splitlines() if line.startswith(b"some_"))
            tap.check(expected == actual, f"{len(actual)} samples of {len(expected)}, or others")
        finally:
            for sock in held:
                sock.close()


if __name__ == "__main__":
    tap.main(globals())
