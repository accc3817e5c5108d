"""A day of new names: a million an hour, forgotten when they have been idle for 10 minutes, with the time
scaled down 300 times. Memory must be flat, and no datagram may be lost or counted twice."""

import json

from receivers import Ours, check, fetch, memory_bytes
from table import ratio

NAMES_AN_HOUR = 1000000
HOUR_S = 12
EXPIRE_AFTER_S = 2  # 10 minutes: 600 / 300


class Forgetful(Ours):
    """Its series go, so only its figures can be looked at."""

    def __init__(self):
        super().__init__(limits={"expire_after_s": EXPIRE_AFTER_S})

    def check(self, run):
        self.sent += run.sent["datagrams"]
        ingest = json.loads(fetch(self.http, "/stats?name=none")[1])["ingest"]
        series = json.loads(fetch(self.http, "/server")[1])["series"]
        self.equal("datagrams sent", self.sent, ingest["datagrams"] + ingest["dropped"]["kernel"])
        self.equal("series there and expired", ingest["values"], series["total"] + series["expired"])
        self.total = series["total"]


def day_of_new_names(table, scale):
    hours = 24 if scale == 1 else 4
    names = int(NAMES_AN_HOUR * scale)
    memory, runs, there = [], [], []
    with Forgetful() as ours:
        for hour in range(hours):
            runs.append(ours.run(names=names, once=True, first=hour * names, rate=NAMES_AN_HOUR / HOUR_S))
            memory.append(memory_bytes(ours.pid) / (1 << 20))
            there.append(ours.total / 1000)
    check(min(there) > 0, "no series is left right after the load: nothing was measured")
    name = f"{hours} hours of {names} new names, each hour in {names * HOUR_S // NAMES_AN_HOUR} s"
    table.add(f"{name}: thousands of series", there)
    table.add("   the same: MiB of RSS after each hour but the first", memory[1:])
    table.add("   the same: RSS after the last hour, to that after the second", [memory[-1]], [memory[1]],
              ratio, ("<=", 1.05), "x", against="2nd hour")
    table.add("   the same: us CPU a datagram", [run.us_a_datagram for run in runs])
    table.add("   the same: lost, %", [run.lost_percent for run in runs], target=("<=", 0), worst=True)
