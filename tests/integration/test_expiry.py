#!/usr/bin/env python3
"""Series that nobody uses any more are forgotten, their memory is used again, and nothing else is lost."""

import signal

import tap
from daemon import Daemon, Flow


def left(daemon):
    series = daemon.server()["series"]
    return series["total"], series["expired"]


def use_until(send, question, what):
    """Sends over and over, so that a series is in use, until the answer is true. => how often."""
    sent = [0]

    def again():
        send()
        sent[0] += 1
        return question()

    tap.wait_until(again, what)
    return sent[0]


def test_idle_series_of_all_kinds_go_and_the_one_in_use_stays():
    with Daemon("--threads", "2", config={"limits": {"expire_after_s": 1}}) as d:
        d.record("a:1|ms\nb:1|c|#x:1,y:2\nb:1|c|#y:2,x:1\ng:-4|g\ns:m|s\nf:1|f\np:1/2|p", "stays:1|c|#b,a",
                 "\n".join(f"many:{n}|s" for n in range(400)))
        tap.equal((8, 0), left(d), "series and expired ones before")
        sent = 1 + use_until(lambda: d.record("stays:1|c|#b,a"), lambda: left(d) == (1, 7), "only the series in use is left")
        stats = d.stats()
        tap.equal({"stays|#a,b": sent}, stats["counters"], "counters")
        for section in ("stats", "gauges", "sets", "flags", "progress"):
            tap.equal({}, stats[section], section)
        tap.equal(404, d.get("/stats/a").status, "status of one that is gone")
        tap.wait_until(lambda: left(d) == (0, 8), "the last one goes, too")
        # What comes back begins anew, and behind those that are there.
        stats = d.record("b:5|c\ng:+1|g\nmany:1|s\nstays:2|c|#a,b")
        tap.equal(({"b": 5, "stays|#a,b": 2}, {"g": 1}, {"many": 1}),
                  (stats["counters"], stats["gauges"], stats["sets"]), "what came back")


def test_what_expires_makes_room():
    with Daemon(config={"limits": {"expire_after_s": 1, "max_series": 2}}) as d:
        d.record("a:1|c\nb:1|c\nc:1|c")
        tap.equal(1, d.ingest()["rejected"]["over_limit"], "over the limit")
        tap.wait_until(lambda: left(d) == (0, 2), "both expire")
        tap.equal({"c": 1}, d.record("c:1|c")["counters"], "counters")


def test_reload_switches_it_on_and_off():
    with Daemon(config={"limits": {"expire_after_s": 0}}) as d:
        d.record("a:1|c")
        d.write_config({"limits": {"expire_after_s": 1}})
        d.send_signal(signal.SIGHUP)
        d.wait_log(r"limits\.expire_after_s is changed")
        tap.wait_until(lambda: left(d) == (0, 1), "it expires")
        tap.equal(1, d.server()["series"]["expire_after_s"], "series.expire_after_s")
        d.write_config({})
        seen = d.log_length()
        d.send_signal(signal.SIGHUP)
        d.wait_log(r"configuration reloaded", after=seen)
        tap.equal(0, d.server()["series"]["expire_after_s"], "series.expire_after_s")


def wave(flow, number, names):
    """New names of all kinds, some with tags, some too long for a slot, a set with many members."""
    for first in range(0, names, 20):
        lines = []
        for n in range(first, first + 20):
            name = f"wave.{number}.name.{n}" + (".and.a.tail.that.is.longer" if n % 3 == 0 else "")
            tags = "|#b:2,a:1" if n % 4 == 0 else ""
            lines.append(f"{name}:1|{('ms', 'c', 'g', 'f', 'p')[n % 5]}{tags}")
        flow.send("\n".join(lines).encode())
    flow.send("\n".join(f"wave.{number}.members:{n}|s" for n in range(100)).encode())


def test_memory_is_used_again_and_series_in_use_stay_exact():
    names = tap.scaled(20000, 2000) // 20 * 20
    hot = 0
    memory = []
    with Daemon("--threads", "4", config={"limits": {"expire_after_s": 1}}) as d:
        with Flow(d, ports=8) as flow:  # the same ports all the time, and so the same share for each thread
            def use():
                flow.send(b"hot:1|c", port=0)
                flow.settle()
            for number in range(7):
                wave(flow, number, names)
                flow.settle()
                memory.append(sum(d.server()["memory"][part] for part in ("cells_bytes", "registry_bytes")))
                gone = (number + 1) * (names + 1)
                hot += use_until(use, lambda: left(d) == (1, gone), f"wave {number} expires")
                tap.equal({"hot": hot}, d.stats()["counters"], f"counters after wave {number}")
    # What has expired is freed a second later, so two waves may be held at once; of a leak there were seven.
    tap.within(0, 3 * memory[1], max(memory[2:]), f"bytes held with each wave: {memory}; the greatest later one")


if __name__ == "__main__":
    tap.main(globals())
