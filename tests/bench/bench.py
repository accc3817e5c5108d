#!/usr/bin/env python3
"""Measures the daemon against the limit of its receive path, and against its targets.

    tests/bench/bench.py [--quick] [--no-micro] [--json FILE] [-k PATTERN]...

`make bench` builds what it needs and calls it. Whatever is compared takes turns in one run, on
127.0.0.1, with receive buffers of one size (the daemon's default; less if net.core.rmem_max is less and
the user may not go beyond it); figures are medians with the least and the most, and ratios are formed
pair by pair. Trust the ratios: the absolute times are this machine's, today.

CPU is what the kernel charged to the receiving process (schedstat, ns), divided by what it took in.
Nothing is pinned: with few cores the scheduler keeps sender and receiver apart better than a fixed
choice does while other things run.

Speed is only shown: a target that is missed is not an error. Totals that are not exactly what was
sent, less what the daemon says was dropped, are one: the exit status is then 1."""

import argparse
import json
import os
import signal
import sys
import time

import churn
import measures
import others
import process_measures
from receivers import kept_waiting, program, wrong
from table import Spread, Table

MEASURES = (process_measures.start_and_idle, measures.one_value, measures.twenty_values, measures.state_directory,
            measures.lossless, process_measures.thread_counts, measures.ten_thousand, measures.many_names,
            churn.day_of_new_names, process_measures.instructions, others.peers)


def micro(quick):
    """The benches of one part in a process of its own: each prints a table."""
    found = program("bench_record", "--seconds-per-run", "0.02" if quick else "0.08")
    found += program("bench_pipeline", "--seconds-per-run", "0.01" if quick else "0.05")
    found += program("bench_wait", "--seconds-per-run", "0.05" if quick else "0.2")
    return found + program("bench_growth", "--names", "1000000" if quick else "4000000")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter runs, fewer names: 90 seconds")
    parser.add_argument("--no-micro", action="store_true", help="without the benches of one part")
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    parser.add_argument("-k", metavar="PATTERN", action="append", help="only measures with this in their name: "
                        + " ".join(measure.__name__ for measure in MEASURES))
    return parser.parse_args()


def stop(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def main():
    options = parse()
    signal.signal(signal.SIGTERM, stop)
    began = time.monotonic()
    table = Table()
    small = [] if options.no_micro else micro(options.quick)
    for measure in MEASURES:
        if not options.k or any(pattern in measure.__name__ for pattern in options.k):
            print(f"== {measure.__name__.replace('_', ' ')}", flush=True)
            measure(table, 0.3 if options.quick else 1)
    print(f"\n{os.cpu_count()} cores, kernel {os.uname().release}, load {os.getloadavg()[0]:.1f}, "
          f"{time.monotonic() - began:.0f} s; median (least-most)\n\n{table.text()}\n")
    if kept_waiting:
        print(f"receivers waited for a CPU while others ran: {Spread(kept_waiting)} % of a run's time; "
              "what is lost beyond a few percent of that is the machine's doing\n")
    missed = sum(row["met"] is False for row in table.rows)
    print(f"{sum(row['met'] is True for row in table.rows)} targets met, {missed} missed, "
          + (f"{len(wrong)} checks FAILED:" if wrong else "all totals exact"))
    for text in wrong:
        print(f"  {text}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"cores": os.cpu_count(), "kernel": os.uname().release, "measures": table.json(), "micro": small,
                       "wrong": wrong}, file, indent=1)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
