#!/usr/bin/env python3
"""Each call of start-up, of serving, of a reload and of a clean stop fails in turn: the first of its
kind, the second, and so on, until a run gets by without the failure. The daemon has to end with a
status that is documented and a line that says why, or run on and count exactly; and whatever
happens, a start without faults takes up what was saved."""

import errno
import http.client
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import tap
import test_process
from daemon import BINARY
from faulty import ALWAYS, HELD, SHORT, daemon_status, with_log
from sweeps import broken, look_at_state, sweep_all

E = errno


# ---- one run of each phase: => what is wrong with it, or None ----


def look_aside(workshop, state, d):
    """What could not be taken up is said, and is still there."""
    aside = [name for name in os.listdir(state) if name.startswith("checkpoint.damaged")]
    if len(aside) != 1 or not any("is not taken up" in line for line in d.log()):
        return f"it has begun at 0; beside the checkpoint lie {aside}"
    with open(os.path.join(workshop.good, "checkpoint"), "rb") as good, open(os.path.join(state, *aside), "rb") as kept:
        return None if good.read() == kept.read() else "what is set aside is not what was there"


def start_up(workshop, error, **options):
    state = workshop.fresh()
    before = os.stat(os.path.join(state, "checkpoint")).st_ino
    d = workshop.daemon(state, **options)
    try:
        if not d.started:
            wrong = d.wrong_end(error) or ("exit status 0 before it served" if d.status == 0 else None)
            if wrong is None and os.stat(os.path.join(state, "checkpoint")).st_ino != before:
                wrong = look_at_state(workshop, state, [workshop.BASE])
            return with_log(wrong, d)
        workshop.fault.disarm()
        base = d.count()
        d.end()
        if d.status != 0:
            return with_log(f"it ran, but: {d.wrong_end(error) or daemon_status(d.status)}", d)
        wrong = None if base == workshop.BASE else look_aside(workshop, state, d)
        return with_log(wrong or look_at_state(workshop, state, [base + HELD]), d)
    except (tap.Failure, http.client.HTTPException, OSError) as failure:
        return broken(workshop, state, workshop.BASE, d, error, failure)
    finally:
        d.close()


def start_with_sockets(workshop, error):
    """As under a service manager that holds them."""
    (udp, *more), web = test_process.udp_and_http(2)
    handed = [udp, *more, web]
    fds = [sock.fileno() for sock in handed]
    env = {"TEST_FDS": " ".join(map(str, fds)), "LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": "udp:udp:http",
           "FAULT_FILE": ""}  # not for the shell
    command = ["bash", "-c", test_process.HAND_OVER, "bash", "env", "FAULT_FILE=" + workshop.fault.path, BINARY]
    try:
        return start_up(workshop, error, udp=None, http=None, command=command, pass_fds=fds, env=env)
    finally:
        for sock in handed:
            sock.close()


def reload(workshop, error):
    """Takes the new configuration, or keeps the old one and says why; and counts on."""
    armed = workshop.fault.take()
    state = workshop.fresh()
    d = workshop.daemon(state)
    try:
        workshop.fault.arm(*armed)
        d.send_signal(signal.SIGHUP)
        line = d.wait_log("nothing has changed|the old configuration stays")
        workshop.fault.disarm()
        if "stays" in line and not d.has_said(error):
            return with_log("it does not say why", d)
        d.count()
        d.end()
        return with_log(None if d.status == 0 else daemon_status(d.status), d)
    except (tap.Failure, http.client.HTTPException, OSError) as failure:
        return with_log(repr(failure), d)
    finally:
        d.close()


def stop(workshop, error):
    """Ends with all its values saved and 0, or without and 1."""
    armed = workshop.fault.take()
    state = workshop.fresh()
    d = workshop.daemon(state)
    try:
        d.count()
        workshop.fault.arm(*armed)
        d.end()
        workshop.fault.disarm()
        saved = [workshop.BASE + HELD] + ([workshop.BASE] if d.status == 1 else [])
        return with_log(d.wrong_end(error) or look_at_state(workshop, state, saved), d)
    except (tap.Failure, http.client.HTTPException, OSError) as failure:
        return with_log(repr(failure), d)
    finally:
        d.close()


def patiently(ask):
    """An answer may get lost with its connection; the next one must not."""
    for attempt in range(3):
        try:
            reply = ask()
            if reply.status == 200:
                return reply
        except (http.client.HTTPException, OSError):
            if attempt == 2:
                raise
    tap.fail(f"status {reply.status}")
    return None


def serve(workshop, error):
    """Counts on, and answers when asked again. New series may find no memory: then that is counted."""
    armed = workshop.fault.take()
    state = workshop.fresh()
    d = workshop.daemon(state)
    try:
        before = d.ingest()
        d.hang_up()  # libmicrohttpd accepts again when a connection ends, or at once if there is none
        workshop.fault.arm(*armed)
        for n in range(20):
            d.send(f"hits:1|c\nnew.{n}:1|ms|#b,a\nset.{n}:x|s\nwrong")
        for path in "/stats", "/server", "/healthz", "/progress", "/stats/hits":
            patiently(lambda path=path: d.get(path))
        tap.wait_until(lambda: patiently(lambda: d.get("/stats?name=x")).json["ingest"]["datagrams"]
                       == before["datagrams"] + 20, "20 datagrams are in")
        workshop.fault.disarm()
        stats = d.stats()
        ingest = stats["ingest"]
        tap.equal(before["lines"] + 80, ingest["lines"], "lines")
        tap.equal(ingest["lines"], ingest["values"] + ingest["rejected"]["total"], "values and rejected")
        tap.equal((workshop.BASE + 20, before["rejected"]["bad_value"] + 20),
                  (stats["counters"]["hits"], ingest["rejected"]["bad_value"]), "hits and wrong lines")
        tap.equal(before["values"] + 20 + sum(s["count"] for name, s in stats["stats"].items() if name[:4] == "new.")
                  + sum(name[:4] == "set." for name in stats["sets"]), ingest["values"], "values in series")
        d.end()
        return with_log(None if d.status == 0 else daemon_status(d.status), d)
    except (tap.Failure, http.client.HTTPException, OSError) as failure:
        return broken(workshop, state, workshop.BASE, d, error, failure)
    finally:
        d.close()


# ---- which calls, with which errors, in how many runs at least ----


def test_start_up_without_memory():
    sweep_all(start_up, [("alloc", [E.ENOMEM], 20, 1, 4), ("mmap", [E.ENOMEM], 4), ("mprotect", [E.ENOMEM], 4),
                           ("munmap", [E.ENOMEM], 1), ("madvise", [E.EINVAL], 0), ("mutex_init", [E.ENOMEM], 3),
                           ("cond_init", [E.ENOMEM], 1), ("mlock", [E.ENOMEM], 0), ("pthread_create", [E.EAGAIN], 4),
                           ("alloc", [E.ENOMEM], 5, ALWAYS, 2, 5)])


def test_start_up_without_files():
    sweep_all(start_up, [("open", [E.EMFILE, E.EACCES], 4), ("read file", [E.EIO, E.EINTR, SHORT], 3),
                           ("read", [E.EINTR], 0), ("write", [E.EINTR], 0), ("write log", [E.ENOSPC, SHORT], 3),
                           ("close", [E.EIO], 3), ("fstat", [E.EIO], 1), ("flock", [E.ENOLCK], 1),
                           ("mkdir", [E.ENOSPC, E.EROFS], 1), ("ftruncate", [E.ENOSPC], 0),
                           ("fallocate", [E.ENOSPC], 0), ("unlink", [E.EIO], 0), ("fsync", [E.EIO], 0),
                           ("fcntl", [E.EINVAL], 0), ("ioctl", [E.EINVAL], 1),
                           ("getrandom", [E.EINTR, E.ENOSYS, SHORT], 1)])


def test_start_up_without_sockets():
    sweep_all(start_up, [("socket", [E.EMFILE], 3), ("bind", [E.EADDRINUSE], 3),
                           ("listen", [E.EADDRINUSE], 1), ("setsockopt", [E.EPERM, E.ENOMEM], 3),
                           ("getsockopt", [E.ENOBUFS], 2), ("getsockname", [E.ENOBUFS], 3),
                           ("sendto", [E.EAGAIN, E.EINTR, E.ECONNREFUSED], 1)])


def test_start_up_without_events():
    sweep_all(start_up, [("epoll_create", [E.EMFILE], 4), ("epoll_add", [E.ENOMEM], 4),
                           ("epoll_wait", [E.EINTR], 0), ("eventfd", [E.EMFILE], 3), ("pipe", [E.EMFILE], 1),
                           ("signalfd", [E.EMFILE], 1), ("setname", [E.EIO], 3),
                           ("clock_nanosleep", [E.EINTR], 0)])


def test_start_up_with_sockets_handed_over():
    sweep_all(start_with_sockets, [("fcntl", [E.EPERM], 6, 1, 2, 3), ("getsockopt", [E.ENOTSOCK], 8, 1, 2),
                                     ("getsockname", [E.ENOBUFS], 3), ("setsockopt", [E.ENOMEM], 0)])


def test_reload():
    sweep_all(reload, [("alloc", [E.ENOMEM], 8, 1, 4, 3), ("open", [E.EMFILE, E.EIO], 1),
                         ("read file", [E.EIO, E.EINTR, SHORT], 1), ("close", [E.EIO], 1), ("sendto", [E.EAGAIN], 1)])


def test_stop():
    sweep_all(stop, [("alloc", [E.ENOMEM], 1), ("munmap", [E.ENOMEM], 1), ("open", [E.EMFILE, E.EROFS], 1),
                       ("read", [E.EINTR], 1), ("write file", [E.EIO, E.ENOSPC, E.EINTR, SHORT], 2),
                       ("write log", [E.ENOSPC, SHORT], 2), ("fsync", [E.EIO, E.ENOSPC], 2),
                       ("rename", [E.EIO, E.ENOSPC], 1), ("close", [E.EIO], 3), ("getsockopt", [E.ENOBUFS], 1),
                       ("sendto", [E.EAGAIN, E.EINTR], 1), ("recvmmsg", [E.EINTR, E.EIO], 1), ("epoll_wait", [E.EINTR], 1),
                       ("shutdown", [E.ENOTCONN], 0), ("clock_nanosleep", [E.EINTR], 0),
                       ("write file", [E.ENOSPC], 2, ALWAYS)])


def test_serving():
    sweep_all(serve, [("alloc", [E.ENOMEM], 10, 1, 4, 17), ("open", [E.EMFILE], 1),
                        ("accept", [E.EMFILE, E.ECONNABORTED], 2, 1, 1, 3),
                        ("recv", [E.EINTR, E.ECONNRESET], 2, 1, 1, 4), ("send", [E.EINTR, E.EPIPE], 2, 1, 1, 4),
                        ("recvmmsg", [E.EINTR, E.EIO, E.ENOMEM], 1), ("getsockopt", [E.ENOBUFS], 2, 1, 1, 5),
                        ("setsockopt", [E.ENOBUFS], 1, 1, 1, 3), ("epoll_wait", [E.EINTR], 2, 1, 1, 5),
                        ("epoll_add", [E.ENOMEM], 3), ("close", [E.EINTR], 3, 1, 1, 3)])


if __name__ == "__main__":
    tap.main(globals())
