#!/usr/bin/env python3
"""Values live on: over a stop and a start, over kill -9, over a reboot as of the latest checkpoint, over bad
files. (test_kills.py kills under load.)"""

import json
import os
import shutil
import signal
import tempfile

import tap
from daemon import Daemon, Flow, run

SECTIONS = ("stats", "counters", "gauges", "sets", "flags", "progress")


def held(daemon):
    """All that must live on."""
    stats = daemon.stats()
    ingest = {key: value for key, value in stats["ingest"].items() if key != "threads"}
    return {"ingest": ingest, **{section: stats[section] for section in SECTIONS}}


def configuration(directory, **more):
    return {"state": {"directory": os.path.join(directory, "state"), **more}}


def everything(flow):
    for n in range(tap.scaled(2000, 200)):
        flow.send(f"t{n % 300}:{n}:0.1|ms|#b:2,a:{n % 3}\nc{n % 50}:{n}|c\nusers:{n}|s\nfew:{n % 7}|s".encode())
    flow.send("g:-3.25|g\non:1|f\noff:0|f\np:250/1000|p\nrate:5|c|@0.1\nwrong\n_e{1,1}:a|b\n"
              "a.name.that.does.not.fit.into.a.slot.é:1|ms".encode())


def test_a_stop_and_a_start_lose_nothing():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        config = configuration(directory)
        with Daemon("--threads", "3", config=config) as d:
            with Flow(d, ports=6) as flow:
                everything(flow)
            before = held(d)
            started = d.stats()["service"]["started_at"]
        for threads in ("3", "1", "8"):
            with Daemon("--threads", threads, config=config) as d:
                after = held(d)
                for section, values in before.items():
                    tap.equal(list(values), list(after[section]), f"the order of {section}, {threads} threads")
                    tap.equal(values, after[section], f"{section}, {threads} threads")
                tap.check(d.stats()["service"]["started_at"] != started, "service tells of the earlier process")
                tap.equal([], [name for name in os.listdir(os.path.join(directory, "state"))
                               if name not in ("lock", "checkpoint") and not name.startswith("arena.")],
                          "other files in the state directory")
        with Daemon(config=config) as d:
            d.record("c0:1|c\nt0:1|ms|#a:0,b:2\ng:+1|g\np:+1|p")
            after = held(d)
            tap.equal(before["counters"]["c0"] + 1, after["counters"]["c0"], "a counter that goes on")
            tap.equal(before["stats"]["t0|#a:0,b:2"]["count"] + 1, after["stats"]["t0|#a:0,b:2"]["count"], "stats, too")
            tap.equal((-2.25, 251), (after["gauges"]["g"], after["progress"]["p"]["done"]), "gauge and progress")
            tap.equal(before["ingest"]["datagrams"] + 1, after["ingest"]["datagrams"], "ingest.datagrams")


def test_the_command_line_names_a_directory_too():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        for expected in (1, 2, 3):
            with Daemon("--state", os.path.join(directory, "state")) as d:
                tap.equal({"a": expected}, d.record("a:1|c")["counters"], "counters")


def killed(daemon):
    daemon.send_signal(signal.SIGKILL)
    tap.equal(-signal.SIGKILL, daemon.wait_exit(), "exit status")


def written(daemon):
    return daemon.server()["state"]["checkpoints"]["written"]


def arenas_in(directory):
    return [name for name in os.listdir(directory) if name.startswith("arena.")]


def test_a_kill_loses_nothing():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        config = configuration(directory)
        before = None
        for threads in ("2", "3", "1", "8"):
            d = Daemon("--threads", threads, config=config)
            try:
                if before:
                    tap.equal(before, held(d), f"what a kill has left, {threads} threads")
                    tap.equal(sum(len(before[section]) for section in SECTIONS),
                              d.server()["state"]["recovered"]["series"], "series in /server")
                with Flow(d, ports=6) as flow:
                    everything(flow)
                before = held(d)
                tap.equal(0, written(d), "checkpoints")
                killed(d)
            finally:
                d.close()
        with Daemon(config=config) as d:
            tap.equal(before, held(d), "what the last kill has left")
            d.wait_log(r"took up \d+ series from the arenas of a killed process")
        tap.equal([], arenas_in(os.path.join(directory, "state")), "arenas after a stop")


def test_a_reboot_loses_only_what_came_after_the_latest_checkpoint():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        arenas = os.path.join(directory, "run")
        config = configuration(directory, checkpoint_s=1, arenas=arenas)
        least = most = 0
        for _ in range(4):
            d = Daemon(config=config)
            try:
                value = d.record("a:1|c")["counters"]["a"] - 1
                tap.within(least, most, value, "what the reboot has left")
                # A checkpoint has its figures first, and its series a moment later.
                tap.within(value, value + 1, d.ingest()["values"], "ingest.values")
                least = most = d.record(*["a:1|c"] * 20)["counters"]["a"]
                enough = written(d) + 2  # the next one may have begun before these came
                while written(d) < enough:
                    most = d.record("a:1|c")["counters"]["a"]
                killed(d)
            finally:
                d.close()
            tap.check(arenas_in(arenas), "the arenas are where the configuration says")
            for name in arenas_in(arenas):
                os.unlink(os.path.join(arenas, name))


def test_systemd_tells_where_the_arenas_are_to_be():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        run = os.path.join(directory, "run")
        with Daemon(config=configuration(directory), env={"RUNTIME_DIRECTORY": run + ":/nonexistent"}) as d:
            tap.equal(run, d.server()["state"]["arenas"], "state.arenas in /server")
            tap.check(arenas_in(run), "there are arenas")


def spoil(path, place, text):
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(text)


def test_damaged_arenas_are_moved_aside_and_the_checkpoint_is_taken_up():
    """The head's generation; and the address of the table of series."""
    for place in (32, 72):
        with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
            config = configuration(directory, checkpoint_s=1)
            d = Daemon(config=config)
            try:
                d.record("a:1|c")
                tap.wait_until(lambda: written(d) > 0, "a checkpoint is written")
                killed(d)
            finally:
                d.close()
            state = os.path.join(directory, "state")
            spoil(os.path.join(state, "arena.1.0"), place, b"\xff\xff\xff\xff")
            with Daemon(config=config) as d:
                tap.equal({"a": 1}, d.stats()["counters"], "counters")
                d.wait_log(r"the arenas are not taken up: .*; they are now damaged\.N; took up 1 series, saved at")
                tap.check(os.path.exists(os.path.join(state, "damaged.0")), "the damaged file is kept")


def expect_refused(config, why):
    """A daemon says so and ends with the status after which a service manager does not start it again."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config, file)
        file.flush()
        done = run("-c", file.name, "--udp", "127.0.0.1:0", "--http", "127.0.0.1:0")
    tap.contains(why, done.stderr, "what it says")
    tap.equal(78, done.returncode, "exit status")


def test_arenas_of_another_version_are_refused_and_left_as_they_are():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        state = os.path.join(directory, "state")
        os.mkdir(state)
        source = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "unit", "data", "arena-2")
        shutil.copy(source, os.path.join(state, "arena.7.0"))
        expect_refused(configuration(directory), "its arenas are of another version")
        tap.equal(["arena.7.0"], arenas_in(state), "files")


def test_a_damaged_checkpoint_is_moved_aside():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        config = configuration(directory)
        path = os.path.join(directory, "state", "checkpoint")
        with Daemon(config=config) as d:
            d.record("a:1|c")
        with open(path, "r+b") as file:
            file.seek(80)
            file.write(b"?")
        with open(path, "rb") as file:
            bad = file.read()
        with Daemon(config=config) as d:
            line = d.wait_log(r"checkpoint is not taken up: .* checksum; it is now checkpoint\.damaged-")
            tap.equal({"b": 1}, d.record("b:1|c")["counters"], "counters")
        with open(os.path.join(directory, "state", line.rsplit("it is now ")[1].split(",")[0]), "rb") as file:
            tap.equal(bad, file.read(), "the damaged file")
        with Daemon(config=config) as d:
            tap.equal({"b": 1}, d.stats()["counters"], "counters after that")


def test_a_later_format_is_refused_and_left_as_it_is():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        config = configuration(directory)
        path = os.path.join(directory, "state", "checkpoint")
        os.mkdir(os.path.dirname(path))
        source = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "unit", "data", "checkpoint-2")
        with open(source, "rb") as file:
            later = file.read()
        with open(path, "wb") as file:
            file.write(later)
        expect_refused(config, "it has format 2, this is 1; it stays as it is")
        with open(path, "rb") as file:
            tap.equal(later, file.read(), "the file")


def test_a_checkpoint_that_cannot_be_written():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        config = configuration(directory, checkpoint_s=1)
        with Daemon(config=config) as d:
            d.record("a:1|c")
        os.mkdir(os.path.join(directory, "state", "checkpoint.new"))
        with Daemon(config=config) as d:
            d.record("a:1|c")
            d.wait_log(r"no checkpoint in .*: cannot open checkpoint\.new: Is a directory; the one before stays")
            tap.equal({"a": 2}, d.record("b:1|g")["counters"], "it runs on")
            failed = d.server()["state"]["checkpoints"]["failed"]
            tap.check(failed > 0, f"failed checkpoints in /server: {failed}")
            os.rmdir(os.path.join(directory, "state", "checkpoint.new"))
            d.wait_log(r"checkpoints in .* are written again")
        d = Daemon(config=config)
        try:
            tap.equal({"a": 2}, d.stats()["counters"], "counters")
            os.mkdir(os.path.join(directory, "state", "checkpoint.new"))
            d.record("a:1|c")
            d.send_signal(signal.SIGTERM)
            tap.equal(1, d.wait_exit(), "exit status: what is held could not be saved")
        finally:
            d.close()
        os.rmdir(os.path.join(directory, "state", "checkpoint.new"))
        with Daemon(config=config) as d:
            tap.equal({"a": 3}, d.stats()["counters"], "what was not saved is in the arenas")


def test_two_daemons_do_not_share_a_directory():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        config = configuration(directory)
        with Daemon(config=config) as d:
            d.record("a:1|c")
            expect_refused(config, "is in use by another daemon")
            tap.equal({"a": 2}, d.record("a:1|c")["counters"], "counters of the first one")


if __name__ == "__main__":
    tap.main(globals())
