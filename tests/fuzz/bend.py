"""Datagrams and requests, bent at random: what fuzz_daemon.py sends."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(os.path.dirname(HERE), "peers")
sys.path[:0] = [PEERS]

import reference
from mutate import mutated

UDP_MAX = 65507
PATHS = (b"/stats", b"/stats?name=a*&type=stats", b"/stats/steady", b"/progress", b"/progress/p", b"/server",
         b"/healthz", b"/readyz", b"/", b"/nothing")
REQUESTS = (b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            b"HEAD %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"GET %s HTTP/1.0\r\n\r\n",
            b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            b"GET %s HTTP/1.1\r\nHost: a\r\n\r\nGET /server HTTP/1.0\r\nHost: a\r\n\r\n",
            b"PUT %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
WORDS = (b"\r\n", b"\n", b"\r\n\r\n", b"\0", b" ", b"  ", b"\t", b":", b"%", b"%00", b"%zz", b"%2", b"?", b"&", b"*", b"/",
         b"//", b"..", b"HTTP/1.0", b"HTTP/9.9", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Host: b\r\n",
         b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"Upgrade: x\r\n", b"Range: bytes=0-1\r\n",
         b"Connection: keep-alive\r\n", b"\xff", b"\xc3\xa9", b"A" * 300, b"A" * 9000, b"B: c\r\n" * 900)


def corpus(name):
    folder = os.path.join(HERE, "corpus", name)
    for entry in sorted(os.listdir(folder)):
        with open(os.path.join(folder, entry), "rb") as file:
            yield file.read()


def datagrams():
    rows = reference.read_table(os.path.join(PEERS, "peer_datagrams.tsv"))
    return list(corpus("statsd_line")) + [reference.unescape(row["datagram"]) for row in rows]


def targets():
    return list(corpus("uri")) + list(PATHS)


def bent_bytes(rng, data, words):
    """The bytes with a few changes that know nothing of lines."""
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at, way = rng.randrange(len(data) + 1), rng.randrange(5)
        if way == 0:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
        elif way == 1:
            data = data[:at] + data[at + rng.choice((1, 2, 8, 64)):]
        elif way == 2:
            data = data[:at] + rng.choice(words) + data[at:]
        elif way == 3:
            end = rng.randrange(at, len(data) + 1)
            data = data[:end] + data[at:end] + data[end:]
        else:
            data = data[:at]
    return data


def bent_datagram(rng, seeds, lines):
    """`lines`: all lines of all seeds."""
    way = rng.randrange(100)
    if way < 50:
        data = b"\n".join(mutated(rng, lines) for _ in range(rng.choice((1, 1, 1, 2, 5, 20))))
    elif way < 95:
        data = bent_bytes(rng, rng.choice(seeds), (b"\n", b"\r\n", b"\0", b"\n\n", *lines[:50]))
    elif way < 98:
        data = bytes(rng.randrange(256) for _ in range(rng.choice((1, 40, 1500))))
    else:
        data = bent_bytes(rng, rng.choice(seeds), (b"\n",)) * rng.choice((50, 1000))
    return data[:rng.choice((UDP_MAX, UDP_MAX, 9000))]


def bent_request(rng, places):
    request = rng.choice(REQUESTS) % rng.choice(places)
    return request if rng.randrange(10) == 0 else bent_bytes(rng, request, WORDS)
