#!/usr/bin/env python3
"""Sends bent requests until its input ends: fuzz_daemon.py starts it.

    tests/fuzz/stranger.py HOST PORT SEED

The answers have to be HTTP, and JSON where they say so. Prints how many of each status there were."""

import collections
import errno
import json
import os
import random
import select
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import bend
import tap

PATIENCE_S = 0.01
ENOUGH = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)  # the daemon has read as much as it wants


def strict(body):
    """=> the JSON that these bytes are: UTF-8, no key twice, no NaN."""
    def once(pairs):
        keys = [key for key, _ in pairs]
        tap.equal(len(set(keys)), len(keys), f"keys that differ, of {tap.short(keys)}")
        return dict(pairs)

    def never(text):
        raise ValueError(f"{text} is not JSON")

    return json.loads(body.decode("utf-8"), object_pairs_hook=once, parse_constant=never)


def body_of(head, rest):
    """=> the body of a reply that is whole; None: it is cut, or there is none to look at."""
    fields = {name.strip().lower(): value.strip() for name, _, value in
              (line.partition(b":") for line in head.split(b"\r\n")[1:])}
    if fields.get(b"content-type") != b"application/json":
        return None
    if fields.get(b"transfer-encoding") == b"chunked":
        body = b""
        while True:
            size, end, rest = rest.partition(b"\r\n")
            if not end or len(rest) < int(size, 16):
                return None
            if int(size, 16) == 0:
                return body
            body, rest = body + rest[:int(size, 16)], rest[int(size, 16) + 2:]
    length = int(fields.get(b"content-length", b"0"))
    return rest[:length] if 0 < length <= len(rest) else None


class Stranger:
    """Sends bent requests, each over a connection of its own."""

    def __init__(self, address, seed):
        self.address, self.rng, self.places = address, random.Random(f"{seed}/http"), bend.targets()
        self.sent, self.statuses = 0, collections.Counter()

    def step(self):
        request = bend.bent_request(self.rng, self.places)
        reply = self.exchange(request)
        self.sent += 1
        if not reply:
            self.statuses["none"] += 1
            return
        head, _, rest = reply.partition(b"\r\n\r\n")
        status = head.split(b" ")[1] if head.startswith(b"HTTP/1.") else b"?"
        self.statuses[status.decode("latin-1")] += 1
        tap.check(status.isdigit() and status not in (b"500", b"503"),
                  f"to {tap.short(request)} it answers {tap.short(reply)}")
        body = None if request.startswith(b"HEAD") else body_of(head, rest)
        if body is not None:
            strict(body)

    def exchange(self, request):
        """=> all that came back. Where the daemon waits for more, the connection ends; but not at once
        with the request, since libmicrohttpd overlooks that, and then waits for its time-out."""
        reply = b""
        with socket.create_connection(self.address, timeout=tap.DEADLINE_S) as sock:
            sock.settimeout(PATIENCE_S)
            try:
                sock.sendall(request)
                while part := self.more(sock):
                    reply += part
            except OSError as error:
                if not isinstance(error, TimeoutError) and error.errno not in ENOUGH:
                    raise
        return reply

    @staticmethod
    def more(sock):
        try:
            return sock.recv(65536)
        except TimeoutError:
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(PATIENCE_S * 100)
            return sock.recv(65536)


def main():
    stranger = Stranger((sys.argv[1], int(sys.argv[2])), sys.argv[3])
    while not select.select([sys.stdin], [], [], 0)[0]:
        stranger.step()
    print(f"{stranger.sent} bent requests: {dict(sorted(stranger.statuses.items()))}")


if __name__ == "__main__":
    main()
