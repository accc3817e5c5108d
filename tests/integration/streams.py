"""Senders over Unix sockets and TCP, and what the kernel knows of their connections."""

import array
import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import termios

import tap

SIOCOUTQ = termios.TIOCOUTQ

# argv: the socket's path, the datagram, the user to become. Says its pid on stdout.
SEND_ONE = """
import os, socket, sys
if sys.argv[3]: os.setuid(int(sys.argv[3]))
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.sendto(sys.argv[2].encode(), sys.argv[1].replace("@", "\\0", 1) if sys.argv[1][0] == "@" else sys.argv[1])
print(os.getpid())
"""


# ---- Unix ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def folder(mode=0o755):
    """A folder that others may pass through, too."""
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        os.chmod(directory, mode)
        yield directory


def free_name():
    return f"@atomicstatsd-test-{os.getpid()}-{os.urandom(6).hex()}"


def unix_connect(path):
    """`path`: as the daemon prints it, an abstract name with "@"."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sock.connect("\0" + path[1:] if path.startswith("@") else path)
    except BaseException:
        sock.close()
        raise
    return sock


def send_from_a_process(path, text, uid=None):
    """Sends one datagram from a process of its own, as `uid` if that is given; => its pid."""
    done = subprocess.run([sys.executable, "-c", SEND_ONE, path, text, "" if uid is None else str(uid)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=tap.DEADLINE_S)
    tap.equal((0, ""), (done.returncode, done.stderr), "exit status and stderr of the sender")
    return int(done.stdout)


# ---- TCP -----------------------------------------------------------------------------------------


def tcp_connect(address, data=b""):
    """=> a connection whose writes go out at once; `data` is sent."""
    sock = socket.create_connection(address, timeout=tap.DEADLINE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(data)
    return sock


def reset(sock):
    """Closes it so that the other side finds an error, not an end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def unacknowledged(sock):
    """=> bytes that the other side's kernel does not have yet."""
    count = array.array("i", [0])
    fcntl.ioctl(sock, SIOCOUTQ, count)
    return count[0]


def server_side(sock):
    """=> what the kernel says of the other end, which is on this machine: the fields of /proc/net/tcp; None if it is
    gone."""
    here, there = sock.getsockname(), sock.getpeername()
    ports = [f"{there[1]:04X}", f"{here[1]:04X}"]
    with open("/proc/net/tcp6" if ":" in here[0] else "/proc/net/tcp", encoding="ascii") as file:
        for line in file:
            fields = line.split()
            if [fields[1].rpartition(":")[2], fields[2].rpartition(":")[2]] == ports:
                return fields
    return None


def unread(sock):
    """=> bytes that wait at the other end; 0 if it is gone."""
    fields = server_side(sock)
    return int(fields[4].split(":")[1], 16) if fields else 0


def wait_read(sock):
    """Until the daemon has read all that was sent."""
    tap.wait_until(lambda: unacknowledged(sock) == 0 and unread(sock) == 0, "the daemon has read what was sent")


def wait_closed(sock):
    """Until the daemon has closed it; what it says before, which is nothing, is read."""
    sock.settimeout(tap.DEADLINE_S)
    try:
        tap.equal(b"", sock.recv(1), "what the daemon says")
    except ConnectionResetError:
        pass


# ---- the daemon's figures ------------------------------------------------------------------------


def sockets(server, transport):
    """=> what /server says of the sockets of this kind."""
    return [one for thread in server["ingest"]["threads"] for one in thread["sockets"] if one["transport"] == transport]


def total(d, key, transport="tcp"):
    return sum(one[key] for one in sockets(d.server(), transport))


def wait_ingest(d, **figures):
    """Until these figures of `ingest` are as given; `rejected`: the total."""
    def now():
        ingest = d.ingest()
        ingest["rejected"] = ingest["rejected"]["total"]
        return {key: ingest[key] for key in figures}
    tap.wait_equal(figures, now, "ingest")
    return d.stats()
