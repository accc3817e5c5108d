"""Holds sockets and starts daemons on them, as a service manager does: what comes between two daemons waits."""

import json
import os
import signal
import socket
import struct
import subprocess

import daemon
import tap

FIRST_FD = 3
SO_RCVBUFFORCE, SO_MEMINFO = 33, 55
BUFFER = 128 << 20


def udp_group(count):
    """=> sockets with one address, over which the kernel spreads the senders."""
    group, address = [], ("127.0.0.1", 0)
    for _ in range(count):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.bind(address)
        address = sock.getsockname()
        group.append(sock)
    return group


def tcp_group(count):
    """=> the same for connections."""
    group, address = [], ("127.0.0.1", 0)
    for _ in range(count):
        group.append(socket.create_server(address, backlog=128, reuse_port=True))
        address = group[-1].getsockname()
    return group


def unix_sockets(directory, count):
    found = []
    for number in range(count):
        found.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        found[-1].bind(os.path.join(directory, f"unix.{number}"))
    return found


class Manager:
    """Holds the sockets and starts daemons on them: so many `sockets` for UDP, `tcp` listeners, `unix` ones."""

    def __init__(self, directory, sockets=4, config=None, tcp=0, unix=0):
        self.http = socket.create_server(("127.0.0.1", 0))
        kinds = {"udp": udp_group(sockets), "tcp": tcp_group(tcp), "unix": unix_sockets(directory, unix),
                 "http": [self.http]}
        self.names = [name for name, socks in kinds.items() for _ in socks]
        self.held = [sock for socks in kinds.values() for sock in socks]
        self.udp = kinds["udp"][0].getsockname()
        self.tcp = kinds["tcp"][0].getsockname() if tcp else None
        self.unix = [sock.getsockname() for sock in kinds["unix"]]
        self.log = open(os.path.join(directory, "log"), "ab")
        self.config = os.path.join(directory, "config.json")
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump({"state": {"directory": os.path.join(directory, "state")}, **(config or {})}, file)
        self.process = None

    def _hand_over(self):
        """In the child: the sockets from FIRST_FD on, by way of where none of them is. dup2() clears
        close-on-exec."""
        daemon._die_with_parent()
        far = [os.dup2(sock.fileno(), 200 + i) for i, sock in enumerate(self.held)]
        for i, fd in enumerate(far):
            os.dup2(fd, FIRST_FD + i)

    def start(self, threads):
        line = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *daemon.WRAP, daemon.BINARY, "-c", self.config,
                "--threads", str(threads)]
        environment = daemon.environment(LISTEN_FDS=str(len(self.held)), LISTEN_FDNAMES=":".join(self.names))
        self.process = subprocess.Popen(line, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.log, close_fds=False, preexec_fn=self._hand_over)

    def _end(self, expected):
        status = self.process.wait(tap.DEADLINE_S)
        tap.equal(expected, status, f"exit status; the log:\n{self.log_text()}\n")

    def kill(self):
        self.process.kill()
        self._end(-signal.SIGKILL)

    def stop(self):
        self.process.terminate()
        self._end(0)

    def log_text(self):
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()[-4000:]

    def queued(self):
        """=> how full the fullest UDP socket's buffer is, 0 to 1."""
        def one(sock):
            info = struct.unpack("9I", sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))
            return info[0] / info[1]  # SK_MEMINFO_RMEM_ALLOC of SK_MEMINFO_RCVBUF
        return max(one(sock) for name, sock in zip(self.names, self.held) if name == "udp")

    def get(self, path):
        return daemon.request(*self.http.getsockname(), "GET", path).json

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for held in (*self.held, self.log):
            held.close()
