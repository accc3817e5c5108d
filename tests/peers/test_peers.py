#!/usr/bin/env python3
"""What other StatsD servers are tested with, and what kills them, sent to ours.

peer_datagrams.tsv holds datagrams out of the peers' own tests and out of real clients on the wire
(`\\n`, `\\r`, `\\\\` and octal escapes), the verdict of that source, and ours: lines, values, ignored
and rejected by reason, and, where we decide otherwise, why."""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import reference
import tap
from daemon import Daemon
from mutate import mutated

ROWS = reference.read_table(os.path.join(HERE, "peer_datagrams.tsv"))
SEED = int(os.environ.get("TEST_SEED", "20260131"))


def verdict(counts_before, counts):
    """The columns of the table, from two states of the counters."""
    rejected = {reason: counts["rejected"][reason] - counts_before["rejected"][reason]
                for reason in reference.REASONS}
    text = ",".join(f"{reason}:{number}" for reason, number in rejected.items() if number) or "-"
    return {"lines": str(counts["lines"] - counts_before["lines"]),
            "values": str(counts["values"] - counts_before["values"]),
            "ignored": str(counts["ignored"] - counts_before["ignored"]), "rejected": text}


def test_the_table_and_the_reference_agree():
    wrong = []
    for row in ROWS:
        model = reference.Model()
        nothing = model.counts()
        model.datagram(reference.unescape(row["datagram"]))
        actual = verdict(nothing, model.counts())
        expected = {key: row[key] for key in actual}
        if expected != actual:
            wrong.append(f"{row['datagram']}: table {expected}, reference {actual}")
    tap.check(len(ROWS) > 500, f"expected more than 500 rows, actual {len(ROWS)}")
    tap.check(not wrong, "\n".join(wrong))


def test_every_datagram_gets_our_verdict_and_none_stops_us():
    wrong = []
    model = reference.Model()
    with Daemon() as d:
        before = d.ingest()
        for row in ROWS:
            data = reference.unescape(row["datagram"])
            model.datagram(data)
            d.send(data)
            d.wait_datagrams(before["datagrams"] + 1)
            stats = d.stats()
            actual = verdict(before, stats["ingest"])
            expected = {key: row[key] for key in actual}
            if expected != actual:
                wrong.append(f"{row['datagram']}: expected {expected}, actual {actual}")
            before = stats["ingest"]
        wrong += reference.differences(model, d.stats())
    tap.check(not wrong, "\n".join(wrong))


def test_what_kills_peers_does_us_no_harm():
    """statsd dies of the first three, gostatsd of the fourth; statsd_exporter makes 10^9 events of
    the fifth; statsite loses the sixth; a stale batch makes brubeck count the last twice."""
    killers = [b"a:1|c|@+1", b"constructor:1|ms", b"__proto__:1|ms|#hasOwnProperty:toString", b"a:|g",
               b"foo:1|ms|@0.000000001", b"tagged:1|c|#env:prod", b"", b"\0", b"\n" * 60000, b":" * 65507,
               b"|" * 65507, b"#" * 65507, b"a:" + b"9" * 65000 + b"|c", b"a:1|c|@0." + b"0" * 60000 + b"1",
               b"a:1e" + b"9" * 6000 + b"|g", b"p:" + b"1:" * 30000 + b"1|ms", b"\n".join([b"x"] * 32000),
               b"t:1|c|#" + b"," * 1024, b"last:1|c\nlast"]
    model = reference.Model()
    with Daemon() as d:
        for number, data in enumerate(killers, 1):
            model.datagram(data)
            d.send(data)
            d.wait_datagrams(number)
            tap.equal([], reference.differences(model, d.stats()), f"after {data[:60]!r}")
        big = d.stats()["stats"]["foo"]
        tap.close(1e9, big["count"], "count of one value at a rate of 1e-9")
        tap.close(1, big["mean"], "its mean")
        tap.equal(200, d.get("/healthz").status, "status of /healthz afterwards")
        tap.check(len(d.log()) < 50, "expected no log line per datagram, actual:\n" + "\n".join(d.log()))


def test_mutated_lines_get_the_reference_s_verdict():
    print(f"# seed {SEED}: TEST_SEED=N sets it")
    rng = random.Random(SEED)
    known = [line for row in ROWS for line in reference.unescape(row["datagram"]).split(b"\n") if line]
    total, batch = tap.scaled(20000), 40
    model = reference.Model()
    with Daemon() as d:
        for start in range(0, total, batch):
            lines = [mutated(rng, known) for _ in range(batch)]
            before = model.counts()
            model.datagram(b"\n".join(lines))
            d.send(b"\n".join(lines))
            d.wait_datagrams(model.datagrams)
            actual = {key: value for key, value in d.ingest().items() if key in before}
            if actual != model.counts():
                _name_the_line(lines)
                tap.fail(f"lines {start} to {start + batch}: expected {model.counts()}, actual {actual}; "
                         "but each line alone is as expected")
        wrong = reference.differences(model, d.stats())
        tap.check(not wrong, f"{len(wrong)} series differ:\n" + "\n".join(wrong[:20]))


def _name_the_line(lines):
    """Sends each line alone to a daemon of its own and fails on the first that differs."""
    with Daemon() as d:
        for number, line in enumerate(lines, 1):
            alone, before = reference.Model(), d.ingest()
            nothing = alone.counts()
            alone.datagram(line)
            d.send(line)
            d.wait_datagrams(number)
            tap.equal(verdict(nothing, alone.counts()), verdict(before, d.ingest()),
                      f"verdict on {reference.escape(line)}")


if __name__ == "__main__":
    tap.main(globals())
