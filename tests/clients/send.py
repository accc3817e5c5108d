"""Sends what test_clients.py expects with Debian's python3-statsd: send.py udp|tcp PORT ROUNDS"""

import datetime
import sys

import statsd

port, rounds = map(int, sys.argv[2:])
kind = {"udp": statsd.StatsClient, "tcp": statsd.TCPStatsClient}[sys.argv[1]]
client = kind("127.0.0.1", port, prefix="python")
for n in range(1, rounds + 1):
    client.incr("inc")
    client.incr("cnt", n)
    client.decr("dec")
    client.timing("time", n * 3)
    client.timing("hist", datetime.timedelta(milliseconds=n))
    client.gauge("gauge", n + 0.5)
    client.gauge("level", 5 if n == 1 else 2, delta=n > 1)
    client.gauge("negative", -n)
    client.set("set", f"user-{n % 7}")
    client.incr("half", rate=0.5)
    with client.pipeline() as pipe:
        pipe.incr("batched")
        pipe.incr("batched", 2)
    with client.timer("timer"):
        pass
client.close()
