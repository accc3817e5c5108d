#!/usr/bin/env python3
"""What a datagram does: every type, every reason to refuse, and who is told about it."""

import math
import random
import socket

import tap
from daemon import Daemon, udp_socket

INT64_MAX, INT64_MIN = 2 ** 63 - 1, -2 ** 63
REASONS = ["bad_name", "bad_value", "bad_type", "bad_rate", "bad_tags", "too_long", "over_limit"]


def rejected(stats):
    return {reason: n for reason, n in stats["ingest"]["rejected"].items() if n and reason != "total"}


def test_the_shape_of_an_empty_reply():
    with Daemon() as d:
        stats = d.stats()
        tap.equal(["service", "ingest", "stats", "counters", "gauges", "sets", "flags", "progress"],
                  list(stats), "sections of /stats")
        for section in ("stats", "counters", "gauges", "sets", "flags", "progress"):
            tap.equal({}, stats[section], section)
        tap.equal("atomicstatsd", stats["service"]["name"], "service.name")
        tap.equal(d.pid, stats["service"]["pid"], "service.pid")
        tap.contains(stats["service"]["version"], d.first_line, "the first log line names the version")
        tap.check(stats["service"]["uptime_s"] >= 0, f"uptime_s: {stats['service']['uptime_s']}")
        ingest = stats["ingest"]
        for key in ("datagrams", "bytes", "lines", "values", "ignored"):
            tap.equal(0, ingest[key], f"ingest.{key}")
        tap.equal({"total": 0, **dict.fromkeys(REASONS, 0)}, ingest["rejected"], "ingest.rejected")
        tap.equal({"kernel": 0}, ingest["dropped"], "ingest.dropped")


def test_stats_of_ms_h_d_and_no_type_are_one_series():
    with Daemon() as d:
        stats = d.record("t:10|ms", "t:20|h", "t:30|d", "t:40")
        tap.equal(["t"], list(stats["stats"]), "series")
        one = stats["stats"]["t"]
        tap.equal((4, 100, 25, 10, 40), tuple(one[k] for k in ("count", "sum", "mean", "min", "max")), "stats")
        tap.close(math.sqrt(125), one["stddev"], "stddev")
        tap.equal(["count", "sum", "mean", "min", "max", "stddev"], list(one), "members")


def test_the_example_of_the_readme():
    with Daemon() as d:
        d.record("api.latency:10:20:30|ms|#env:prod", "hits:42|c", "temperature:-3.5|g", "maintenance:0|f",
                 "import:250/1000|p", *[f"users:{n}|s" for n in range(17)])
        stats = d.stats()
        tap.equal({"count": 3, "sum": 60, "mean": 20, "min": 10, "max": 30, "stddev": 8.16496580927726},
                  stats["stats"]["api.latency|#env:prod"], "stats")
        tap.equal({"hits": 42}, stats["counters"], "counters")
        tap.equal({"temperature": -3.5}, stats["gauges"], "gauges")
        tap.equal({"users": 17}, stats["sets"], "sets")
        tap.equal({"maintenance": False}, stats["flags"], "flags")
        bar = stats["progress"]["import"]
        tap.equal(["done", "total", "fraction", "rate_per_s", "eta_s", "started_at", "updated_at"], list(bar),
                  "members of a progress")
        tap.equal((250, 1000, 0.25), (bar["done"], bar["total"], bar["fraction"]), "progress")


def test_packed_values():
    with Daemon() as d:
        stats = d.record("s:1:2:3|ms", "n:4:5", "c:1:2:3|c", "g:1:+5:-2|g")
        tap.equal((3, 6), (stats["stats"]["s"]["count"], stats["stats"]["s"]["sum"]), "stats")
        tap.equal((2, 9), (stats["stats"]["n"]["count"], stats["stats"]["n"]["sum"]), "without a type")
        tap.equal(6, stats["counters"]["c"], "counter")
        tap.equal(4, stats["gauges"]["g"], "gauge")
        tap.equal((4, 11), (stats["ingest"]["lines"], stats["ingest"]["values"]), "lines and values")


def test_a_line_with_one_bad_packed_value_records_nothing():
    with Daemon() as d:
        stats = d.record("s:1:2:x|ms", "c:1:2:|c", "g:1::2|g")
        tap.equal({"bad_value": 3}, rejected(stats), "rejected")
        tap.equal(0, stats["ingest"]["values"], "values")
        tap.equal(({}, {}, {}), (stats["stats"], stats["counters"], stats["gauges"]), "series")


def test_packed_sets_flags_and_progress_do_not_exist():
    with Daemon() as d:
        stats = d.record("s:a:b|s", "f:1:0|f", "p:1:2|p")
        tap.equal({"s": 1}, stats["sets"], "a colon is part of a set's value")
        tap.equal(({}, {}), (stats["flags"], stats["progress"]), "flags and progress")
        tap.equal({"bad_value": 2}, rejected(stats), "rejected")


def test_rates():
    with Daemon() as d:
        stats = d.record("t:10|ms|@0.5", "t:30|ms", "c:3|c|@0.1", "n:5|@0.25", "g:7|g|@0.5", "s:x|s|@0.5",
                         "f:1|f|@0.5", "p:3|p|@0.5")
        t = stats["stats"]["t"]
        tap.equal((3, 50, 10, 30), tuple(t[k] for k in ("count", "sum", "min", "max")), "weighted stats")
        tap.close(50 / 3, t["mean"], "weighted mean")
        tap.close(math.sqrt(2 * (10 - 50 / 3) ** 2 / 3 + (30 - 50 / 3) ** 2 / 3), t["stddev"], "weighted stddev")
        tap.equal(30, stats["counters"]["c"], "counter")
        tap.equal((4, 20, 5), tuple(stats["stats"]["n"][k] for k in ("count", "sum", "mean")), "no type")
        tap.equal(7, stats["gauges"]["g"], "gauge")
        tap.equal(1, stats["sets"]["s"], "set")
        tap.equal(True, stats["flags"]["f"], "flag")
        tap.equal(3, stats["progress"]["p"]["done"], "progress")
        tap.equal(8, stats["ingest"]["values"], "values")


def test_bad_rates_refuse_the_line_whatever_the_type():
    with Daemon() as d:
        lines = [f"x:1|{kind}|@{rate}" for kind in ("ms", "c", "g", "s", "f", "p")
                 for rate in ("0", "-1", "1.01", "2", "", "x", "nan", "inf", "0x1", "1e-400", "1e-309", " 1", "0.5 ")]
        stats = d.record("\n".join(lines))
        tap.equal({"bad_rate": len(lines)}, rejected(stats), "rejected")


def test_the_last_rate_and_the_last_tags_win():
    with Daemon() as d:
        stats = d.record("c:1|c|@0.5|@0.1|#a|#b", "c:1|c|@bad|#\x01|@1|#b")
        tap.equal({"c|#b": 11}, stats["counters"], "counters")


def test_sections_come_in_any_order_and_unknown_ones_are_ignored():
    with Daemon() as d:
        lines = ["c:1|c|#b,a|@0.5|c:id|T123|e:x|card:low", "c:1|c|T|@0.5||e:|#a,b|whatever",
                 "c:1|c|card:none|#a,b|@0.5"]
        stats = d.record(*lines)
        tap.equal({"c|#a,b": 6}, stats["counters"], "counters")
        tap.equal({}, rejected(stats), "rejected")


def test_tags_make_the_identity_whatever_their_order():
    with Daemon() as d:
        stats = d.record("c:1|c|#b:2,a:1", "c:1|c|#a:1,b:2", "c:1|c|#,a:1,,b:2,a:1,", "c:1|c|#b:2,b:2,a:1",
                         "c:1|c", "c:1|c|#", "c:1|c|#,,", "c:1|c|#a:1", "c:1|c|#a", "c:1|c|#a:")
        tap.equal({"c|#a:1,b:2": 4, "c": 3, "c|#a:1": 1, "c|#a": 1, "c|#a:": 1}, stats["counters"], "counters")


def test_the_same_name_with_another_type_is_another_series():
    with Daemon() as d:
        stats = d.record("x:1|ms\nx:2|c\nx:3|g\nx:4|s\nx:1|f\nx:6/7|p")
        tap.equal(1, stats["stats"]["x"]["count"], "stats")
        tap.equal((2, 3, 1, True, 6), (stats["counters"]["x"], stats["gauges"]["x"], stats["sets"]["x"],
                                       stats["flags"]["x"], stats["progress"]["x"]["done"]), "the others")


def test_a_bare_number_goes_to_the_series_value():
    with Daemon() as d:
        stats = d.record("5", "+7.5\n-2.5", "1e1")
        one = stats["stats"]["value"]
        tap.equal((4, 20, -2.5, 10), tuple(one[k] for k in ("count", "sum", "min", "max")), "stats")
        stats = d.record("abc", "5|ms", "5 ", "nan")
        tap.equal({"bad_value": 4}, rejected(stats), "rejected")


def test_line_ends_and_blank_lines():
    with Daemon() as d:
        stats = d.record("a:1|c\r\nb:1|c\r\n", "\n\n\r\n", "", "a:1|c\n\n\nb:1|c", "a:1|c\n")
        tap.equal({"a": 3, "b": 2}, stats["counters"], "counters")
        tap.equal((5, 5), (stats["ingest"]["datagrams"], stats["ingest"]["lines"]), "datagrams and lines")
        tap.equal({}, rejected(stats), "rejected")


def test_events_and_service_checks_are_ignored():
    with Daemon() as d:
        stats = d.record("_e{5,4}:title|text|t:warning", "_sc|name|0|m:fine", "_e{", "_sc|\nx:1|c")
        tap.equal((4, 5, 1), tuple(stats["ingest"][k] for k in ("ignored", "lines", "values")), "counts")
        tap.equal({}, rejected(stats), "rejected")


def test_every_reason_to_refuse():
    cases = {
        "bad_name": [":1|c", b"\xff:1|c", b"a\x01b:1|c", b"a\x7f:1|c", b"a\xc2\x85:1|c", b"\xed\xa0\x80:1|c",
                     b"\xc0\xaf:1|c", b"\xf5\x80\x80\x80:1|c"],
        "bad_value": ["a:|c", "a:x|c", "a:1x|c", "a: 1|c", "a:1 |c", "a:0x10|c", "a:nan|g", "a:inf|g", "a:-inf|g",
                      "a:1e999|ms", "a:-1e999|ms", "a:.|g", "a:+|g", "a:1e|g", "a:1e+|g", "a:--1|g", "a:1,5|g",
                      "a:1_0|g", "a:|s", "a:2|f", "a:TRUE|f", "a:|f", "a:-1|p", "a:1.5|p", "a:/|p", "a:1/|p",
                      "a:+1/2|p", "a:+|p", "a:9223372036854775808|p", "a:1e3|p", "a:1e308|ms|@0.1",
                      "a:1e308|c|@0.1", "a", "a|c", "a|g:1"],
        "bad_type": ["a:1|", "a:1|x", "a:1|C", "a:1|m", "a:1|msx", "a:1||#t", "a:1|c ", "a:1|T123"],
        "bad_rate": ["a:1|c|@", "a:1|c|@0", "a:1|c|@2"],
        "bad_tags": [b"a:1|c|#\xff", b"a:1|c|#a\x02", b"a:1|c|#k:\xc2\x80", b"a:1|c|#k:\xe2\x82"],
        "too_long": ["n" * 256 + ":1|c", "a:1|c|#" + "t" * 1025],
    }
    with Daemon() as d:
        expected = dict.fromkeys(REASONS, 0)
        for reason, lines in cases.items():
            for line in lines:
                before = d.stats()["ingest"]["rejected"][reason]
                actual = d.record(line)["ingest"]["rejected"][reason]
                tap.equal(before + 1, actual, f"{reason} after {line!r}")
                expected[reason] += 1
        stats = d.stats()
        total = sum(expected.values())
        tap.equal({"total": total, **expected}, stats["ingest"]["rejected"], "ingest.rejected")
        tap.equal((total, 0), (stats["ingest"]["lines"], stats["ingest"]["values"]), "lines and values")


def test_the_first_fault_is_the_reason():
    order = [("bad_name", "\x01:x|q|@9|#\x01"), ("bad_type", "a:x|q|@9|#\x01"), ("bad_value", "a:x|c|@9|#\x01"),
             ("bad_rate", "a:1|c|@9|#\x01"), ("bad_tags", "a:1|c|@1|#\x01")]
    with Daemon() as d:
        stats = d.record(*[line for _, line in order])
        tap.equal({reason: 1 for reason, _ in order}, rejected(stats), "rejected")


def test_names_and_tags_up_to_the_limit():
    with Daemon() as d:
        name, tag = "ü" * 127 + "n", "t" * 1024
        stats = d.record(f"{name}:1|c", f"a:1|c|#{tag}", "_ -/\\\"'#@,;=~😀:1|c", " :1|c")
        tap.equal({name: 1, f"a|#{tag}": 1, "_ -/\\\"'#@,;=~😀": 1, " ": 1}, stats["counters"], "counters")


def test_over_limit_refuses_new_series_and_goes_on_with_known_ones():
    with Daemon(config={"limits": {"max_series": 10}}) as d:
        d.record("\n".join(f"c{n}:1|c" for n in range(15)))
        stats = d.record("\n".join(f"c{n}:1|c" for n in range(15)), "c3:1|g")
        tap.equal({f"c{n}": 2 for n in range(10)}, stats["counters"], "counters")
        tap.equal({"over_limit": 11}, rejected(stats), "rejected")
        tap.equal(20, stats["ingest"]["values"], "values")
        tap.equal({}, stats["gauges"], "gauges")


def test_gauges_relative():
    with Daemon() as d:
        stats = d.record("a:10|g", "a:+5.5|g", "a:-20|g", "b:-3|g", "c:+0|g", "d:0|g\nd:-3|g", "e:1e3|g")
        tap.equal({"a": -4.5, "b": -3, "c": 0, "d": -3, "e": 1000}, stats["gauges"], "gauges")


def test_gauges_absolute():
    with Daemon(config={"ingest": {"gauge_sign": "absolute"}}) as d:
        stats = d.record("a:10|g", "a:+5.5|g", "b:10|g", "b:-20|g")
        tap.equal({"a": 5.5, "b": -20}, stats["gauges"], "gauges")


def test_counters_are_exact_over_int64():
    with Daemon() as d:
        stats = d.record(f"max:{INT64_MAX}|c", f"min:{INT64_MIN}|c", f"back:{INT64_MAX}|c", f"back:-{INT64_MAX}|c",
                         "back:1|c", f"near:{INT64_MAX - 1}|c", "near:1|c", "odd:9007199254740993|c", "odd:2|c",
                         "plus:+9007199254740993|c", "zeros:000000000000000000000000000001|c")
        tap.equal({"max": INT64_MAX, "min": INT64_MIN, "back": 1, "near": INT64_MAX, "odd": 9007199254740995,
                   "plus": 9007199254740993, "zeros": 1}, stats["counters"], "counters")


def test_counters_beyond_int64_go_on_as_doubles():
    with Daemon() as d:
        stats = d.record(f"over:{INT64_MAX}|c", f"over:{INT64_MAX}|c", "huge:1e21|c", "big:18446744073709551616|c")
        for name, value in (("over", 2.0 ** 64), ("huge", 1e21), ("big", 2.0 ** 64)):
            tap.close(value, stats["counters"][name], name)


def test_counters_add_fractions():
    with Daemon() as d:
        stats = d.record("f:0.5|c", "f:2|c", "f:-0.25|c", "w:0.5|c", "w:0.5|c", "d:1e2|c")
        tap.equal({"f": 2.25, "w": 1, "d": 100}, stats["counters"], "counters")


def test_sets_estimate_within_two_per_cent():
    with Daemon() as d:
        for size in (10, 1000, 100000):
            size = tap.scaled(size, 10)
            lines = [f"set{size}:user-{n}|s" for n in range(size)]
            d.record(*["\n".join(lines[at:at + 500]) for at in range(0, size, 500)])
            d.record("\n".join(lines[:100]))
            actual = d.series("sets", f"set{size}")
            tap.within(size * 0.98, size * 1.02, actual, f"set of {size}")
            if size == 10:
                tap.equal(10, actual, "a small set")


def test_set_values_are_any_bytes():
    with Daemon() as d:
        stats = d.record(b"s:\xff\xfe|s", b"s:\x00|s", b"s:\x00\x00|s", b"s:a:b|s", b"s:a b|s", b"s:\xff\xfe|s")
        tap.equal({"s": 5}, stats["sets"], "sets")


def test_flags():
    with Daemon() as d:
        stats = d.record("a:1|f", "b:true|f", "c:0|f", "d:false|f", "e:1|f", "e:false|f")
        tap.equal({"a": True, "b": True, "c": False, "d": False, "e": False}, stats["flags"], "flags")


def test_progress():
    with Daemon() as d:
        def bar(name):
            one = d.stats()["progress"][name]
            return one["done"], one["total"], one["fraction"]

        d.record("a:10|p")
        tap.equal((10, None, None), bar("a"), "N")
        tap.equal(None, d.stats()["progress"]["a"]["eta_s"], "eta_s while the total is unknown")
        d.record("a:+5|p")
        tap.equal((15, None, None), bar("a"), "+N")
        d.record("a:/60|p")
        tap.equal((15, 60, 0.25), bar("a"), "/T")
        d.record("a:30/40|p")
        tap.equal((30, 40, 0.75), bar("a"), "N/T")
        d.record("a:20|p")
        tap.equal((20, 40, 0.5), bar("a"), "N again")
        d.record("b:/8|p")
        tap.equal((0, 8, 0), bar("b"), "a total first")
        d.record(f"c:{INT64_MAX}/{INT64_MAX}|p")
        tap.equal((INT64_MAX, INT64_MAX, 1), bar("c"), "the largest")
        for key in ("started_at", "updated_at"):
            tap.check(d.stats()["progress"]["a"][key].endswith("Z"), f"{key} is a time in UTC")


def test_the_rate_of_a_progress():
    with Daemon() as d:
        d.record("a:0/1000|p")
        d.record("a:+100|p")

        def rated():
            d.record("a:+1|p")
            one = d.stats()["progress"]["a"]
            return one if one["rate_per_s"] and one["eta_s"] is not None else None

        one = tap.wait_until(rated, "rate_per_s and eta_s are known")
        tap.check(one["rate_per_s"] > 0 and one["eta_s"] >= 0, f"expected positive, actual {one}")


def test_nothing_overflows_into_bad_json():
    with Daemon() as d:
        stats = d.record("s:1e308|ms", "s:1e308|ms", "g:1.7e308|g", "g:+1.7e308|g", "c:1.7e308|c", "c:1.7e308|c",
                         "x:-1e308:1e308|ms")
        tap.equal((2, None), (stats["stats"]["s"]["count"], stats["stats"]["s"]["sum"]), "an overflowed sum")
        tap.equal((1e308, 1e308), (stats["stats"]["s"]["min"], stats["stats"]["s"]["max"]), "min and max")
        tap.equal(None, stats["counters"]["c"], "an overflowed counter")


def test_sums_are_compensated():
    with Daemon() as d:
        count = tap.scaled(100000, 1000)
        line = "s" + ":0.1" * 1000 + "|ms"
        d.record(*[line] * (count // 1000))
        one = d.series("stats", "s")
        tap.equal(count // 1000 * 1000, one["count"], "count")
        tap.close(count // 1000 * 1000 / 10, one["sum"], "sum", 4e-16)
        tap.close(0.1, one["mean"], "mean", 4e-16)
        tap.within(0, 1e-9, one["stddev"], "stddev of equal values")


def test_stddev_does_not_cancel():
    with Daemon() as d:
        one = d.record("s:1000000001:1000000002:1000000003|ms")["stats"]["s"]
        tap.close(math.sqrt(2 / 3), one["stddev"], "stddev", 1e-6)


def test_ipv4_and_ipv6_at_once():
    if not socket.has_ipv6:
        raise tap.Skip("no IPv6 here")
    try:
        udp_socket("::1").close()
    except OSError as error:
        raise tap.Skip(f"no IPv6 here: {error}") from None
    with Daemon(udp=("127.0.0.1:0", "[::1]:0", "127.0.0.1:0"), http="[::1]:0") as d:
        tap.equal(["127.0.0.1", "::1", "127.0.0.1"], [host for host, _ in d.udp], "addresses in the first line")
        for to, (host, _) in enumerate(d.udp):
            with udp_socket(host) as sock:
                d.send("c:1|c", sock, to)
        d.wait_datagrams(3)
        tap.equal({"c": 3}, d.stats()["counters"], "counters")


def test_the_server_page_names_the_client_at_fault():
    with Daemon() as d, udp_socket() as sock:
        port = sock.getsockname()[1]
        for line in (b"first:x|c", b"bad\x01\xff\"\\:1|c", b"long:" + b"y" * 5000 + b"|c"):
            d.send(line, sock)
        d.wait_datagrams(3)
        recent = d.server()["recent_rejected"]
        tap.equal(3, len(recent), "recent rejected lines")
        texts = [str(entry) for entry in recent]
        for entry in recent:
            tap.equal(entry.get("source"), f"127.0.0.1:{port}", "source of a rejected line")
            tap.check(entry.get("time", "").endswith("Z"), f"time of a rejected line: {entry}")
        by_reason = sorted(entry["reason"] for entry in recent)
        tap.equal(["bad_name", "bad_value", "bad_value"], by_reason, "reasons")
        first = next(entry for entry in recent if entry["text"].startswith("first"))
        tap.equal("first:x|c", first["text"], "text")
        tap.check(any("\\x01" in text or "\\u0001" in text or "\\\\x01" in text for text in texts),
                  f"expected the control character escaped, actual {texts}")
        longest = max(len(entry["text"].encode()) for entry in recent)
        tap.within(150, 210, longest, "length of a cut line")


def test_many_bad_lines_log_nothing_each_and_keep_only_the_latest():
    with Daemon() as d:
        lines = d.log_length()
        d.record(*["\n".join(f"bad{n}:x|c" for n in range(at, at + 100)) for at in range(0, 3000, 100)])
        tap.equal({"bad_value": 3000}, rejected(d.stats()), "rejected")
        recent = d.server()["recent_rejected"]
        tap.within(1, 256, len(recent), "lines kept")
        tap.contains("bad2999:x|c", [entry["text"] for entry in recent], "the latest")
        tap.within(0, 10, d.log_length() - lines, "log lines about 3,000 bad ones")


def test_the_largest_datagram():
    with Daemon() as d:
        line = b"c:1|c\n"
        data = line * (65507 // len(line))
        stats = d.record(data)
        tap.equal({"c": len(data) // len(line)}, stats["counters"], "counters")
        tap.equal(len(data), stats["ingest"]["bytes"], "bytes")


def test_random_bytes_only_count():
    rng = random.Random(7)
    with Daemon() as d:
        for number in range(1, tap.scaled(300) + 1):
            d.send(rng.randbytes(rng.randrange(1, 2000)))
            if number % 20 == 0:
                d.wait_datagrams(number)
        d.wait_datagrams(number)
        ingest = d.ingest()
        recorded = ingest["lines"] - ingest["rejected"]["total"] - ingest["ignored"]
        tap.within(0, ingest["values"], recorded, "lines recorded")
        tap.equal(200, d.get("/healthz").status, "status of /healthz")


if __name__ == "__main__":
    tap.main(globals())
