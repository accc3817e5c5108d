#!/usr/bin/env python3
"""What people do wrong, and what they are told: each message names what is wrong, where, why, and what to do."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

import tap
from daemon import BINARY, WRAP, Daemon, environment
from test_process import HAND_OVER, listening, udp_and_http

NOBODY = 65534


def told(*args, status, cwd="/", user=None):
    """Runs the daemon, which ends with this status. => what it says, in one line without its time."""
    done = subprocess.run([*WRAP, BINARY, *args], env=environment(), cwd=cwd, text=True, errors="backslashreplace",
                          user=user, group=user, extra_groups=None if user is None else [], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=tap.DEADLINE_S)
    tap.equal(status, done.returncode, f"exit status of {args}, which said {done.stderr!r}")
    lines = [line for line in done.stderr.splitlines() if " error " in line]
    tap.equal(1, len(lines), f"errors in {done.stderr!r}")
    return re.sub(r"^\S+ error +", "", lines[0])


class Scratch:
    """A directory that everybody may enter."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="atomicstatsd-test-")
        os.chmod(self.path, 0o755)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def write(self, name, content, mode=0o644):
        path = os.path.join(self.path, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        return path

    def make(self, name, mode=0o755):
        path = os.path.join(self.path, name)
        os.mkdir(path)
        os.chmod(path, mode)
        return path


def need_root():
    if os.geteuid() != 0:
        raise tap.Skip("only root can become somebody who may not")


# ---- addresses -----------------------------------------------------------------------------------


def refused_address(option, address):
    other = ["--http", "127.0.0.1:0"] if option == "--udp" else ["--udp", "127.0.0.1:0"]
    return told(option, address, *other, status=1)


def test_ports_in_use():
    """By another daemon, and by another program."""
    with Daemon() as d, socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        for port in d.udp[0][1], udp.getsockname()[1]:
            tap.equal(f"ingest: cannot receive on udp 127.0.0.1:{port}: Address already in use; `sudo ss -lunp "
                      f"'sport = :{port}'` shows by whom: stop that, or choose another port with --udp or ingest.udp",
                      refused_address("--udp", f"127.0.0.1:{port}"), "a UDP port in use")
        for port in d.http[1], tcp.getsockname()[1]:
            tap.equal(f"http: cannot listen on 127.0.0.1:{port}: Address already in use; `sudo ss -ltnp "
                      f"'sport = :{port}'` shows by whom: stop that, or choose another port with --http or http.listen",
                      refused_address("--http", f"127.0.0.1:{port}"), "an HTTP port in use")


def test_the_command_that_shows_who_has_a_port():
    """What the message says to type shows the program, for one's own without sudo."""
    if shutil.which("ss") is None:
        raise tap.Skip("ss is not installed")
    with Daemon() as d:
        for options, (_, port) in (("-lunp", d.udp[0]), ("-ltnp", d.http)):
            shown = subprocess.run(["ss", options, f"sport = :{port}"], text=True, stdout=subprocess.PIPE, check=True)
            tap.contains(f"pid={d.pid},", shown.stdout, f"what ss {options} shows")


def test_addresses_that_are_not_here():
    tap.equal("ingest: cannot receive on udp 192.0.2.1:8125: Cannot assign requested address; this machine has no such "
              "address: `ip -brief address` lists those that it has, 0.0.0.0 stands for all; choose one with --udp or "
              "ingest.udp", refused_address("--udp", "192.0.2.1:8125"), "a UDP address that is not here")
    tap.equal("http: cannot listen on 192.0.2.1:8127: Cannot assign requested address; this machine has no such "
              "address: `ip -brief address` lists those that it has, 0.0.0.0 stands for all; choose one with --http or "
              "http.listen", refused_address("--http", "192.0.2.1:8127"), "an HTTP address that is not here")


def test_ports_that_are_for_root():
    need_root()
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        if int(file.read()) <= 81:
            raise tap.Skip("here they are for everybody")
    for option, what, setting in (("--udp", "ingest: cannot receive on udp", "--udp or ingest.udp"),
                                  ("--http", "http: cannot listen on", "--http or http.listen")):
        other = "--http" if option == "--udp" else "--udp"
        tap.equal(f"{what} 127.0.0.1:81: Permission denied; ports below 1024 take CAP_NET_BIND_SERVICE: choose a higher "
                  f"one with {setting}, or let systemd hold it (the .socket unit)",
                  told(option, "127.0.0.1:81", other, "127.0.0.1:0", status=1, user=NOBODY), f"{option} below 1024")


# ---- the state directory -------------------------------------------------------------------------

ANOTHER = "choose another with --state, or `state` in the configuration"


def refused_state(path, status=1, user=None):
    return told("--udp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--state", path, status=status, user=user)


def test_state_directories():
    with Scratch() as s, Daemon("--state", s.path + "/used"):
        file = s.write("file", "")
        tap.equal(f"state: cannot make {s.path}/no/such: No such file or directory; make the one above it first (mkdir -p "
                  f"'{s.path}/no'), or {ANOTHER}", refused_state(s.path + "/no/such"), "none above it")
        tap.equal(f"state: cannot open {file}: Not a directory; a file of that name is in the way: move it, or {ANOTHER}",
                  refused_state(file), "a file")
        tap.equal(f"state: {s.path}/used is in use by another daemon (`sudo fuser -v {s.path}/used/lock` shows which); "
                  f"each needs a directory of its own: {ANOTHER}", refused_state(s.path + "/used", status=78), "in use")


def test_state_directories_without_the_right():
    need_root()
    with Scratch() as s:
        why = f"Permission denied; uid {NOBODY} must be allowed to write there: `ls -ld` shows who is; give it the " \
              f"directory (chown), or {ANOTHER}"
        for what, path in (("make", s.path + "/new"), ("open", s.make("closed", 0o700)),
                           ("open the lock in", s.make("open", 0o755))):
            tap.equal(f"state: cannot {what} {path}: {why}", refused_state(path, user=NOBODY), f"no right to {what}")


# ---- what stands where an address should ---------------------------------------------------------

ADDRESSES = (
    ("8125", "127.0.0.1:PORT is for this machine alone, 0.0.0.0:PORT for all"),
    (":8125", "0.0.0.0:PORT stands for all of IPv4, [::]:PORT for all of IPv6"),
    ("127.0.0.1", "the port is missing"),
    ("127.0.0.1:70000", "the port is a number from 0 to 65535"),
    ("::1:8125", "IPv6 stands in brackets, as in [::1]:PORT"),
    ("localhost:8125", "host names are not looked up: `getent ahosts NAME` shows a name's addresses"),
    ("http://127.0.0.1:8125", "leave what ends in :// away"),
    ("[fe80::1%nix]:8125", "`ip link` lists the interfaces that may stand behind the %"),
    ("127.0.0.300:8125", "an IPv4 address is four numbers from 0 to 255"),
)
HELP = " (atomicstatsd --help lists the options)"


def test_what_is_no_address():
    for text, advice in ADDRESSES:
        wrong = f'"{text}" is not ADDR:PORT, such as 127.0.0.1:8125; {advice}'
        tap.equal(f"app: --udp: {wrong}{HELP}", told("--udp", text, status=2), f"--udp {text}")
    with Scratch() as s:
        for text, advice in ADDRESSES:
            file = s.write("c.json", json.dumps({"http": {"listen": text}}))
            tap.equal(f'config: {file}:1:21: http.listen: "{text}" is not ADDR:PORT, such as 127.0.0.1:8127; {advice}',
                      told("-c", file, "--check-config", status=78), f"http.listen {text}")


# ---- options -------------------------------------------------------------------------------------

OPTIONS = (
    (["--thraeds", "4"], "unknown option --thraeds; did you mean --threads?"),
    (["--port", "8125"], "unknown option --port"),
    (["-p", "8125"], "unknown option -p"),
    (["--c", "f"], "--c is short for several options"),
    (["--udp"], "--udp needs a value"),
    (["--help=x"], "--help takes no value: --help=x"),
    (["c.json"], "unexpected argument c.json; a configuration is given with -c FILE"),
    (["send", "hits", "1"], "unexpected argument send; did you mean `atomicstats send`?"),
    (["--threads", "x"], '--threads: "x" is not a whole number (0 to 256)'),
    (["--threads", "1000"], '--threads: "1000" is out of range (0 to 256)'),
    (["--state", ""], '--state: "" is not a directory'),
)


def test_options():
    for words, message in OPTIONS:
        tap.equal(f"app: {message}{HELP}", told(*words, status=2), f"what it says of {words}")


# ---- the configuration ---------------------------------------------------------------------------

CONFIGURATIONS = (
    ("", "1:1: the text ends where '{' should be"),
    ("ingest:\n  threads: 2\n", "1:1: 'i' where '{' should be"),
    ("# mine\n{}", "1:1: '#' where '{' should be; comments begin with //"),
    ("\ufeff{}", "1:1: a byte order mark: save the file as UTF-8 without it"),
    (b'{"log": "\xe9"}', "1:10: byte 0xE9 is not valid UTF-8: save the file as UTF-8"),
    (b"\x7fELF\x02\x01\x01\x00", "1:8: a zero byte: this is no text file"),
    ("{'log': {}}", "1:2: ''' where a key in double quotes should be"),
    ('{"log": {"level": warn}}', "1:19: 'w' where a value (text stands in double quotes) should be"),
    ('{"ingest": {"threads": 2,\n}}', "1:25: a comma before '}': take it out"),
    ('{"ingest": {"threads": 2 "udp": []}}', "1:26: '\"' where ',' or '}' should be"),
    ('{\n"log": {}, "ingest": {\n"threads": 2}\n', "4:1: the text ends, and the '{' of line 1 is not closed"),
    ('{"log": {}, "log": {}}', "1:13: duplicate key log: it is there already, further up"),
    ('{"ingst": {}}', '1:2: unknown section "ingst"; did you mean "ingest"?'),
    ('{"udp": []}', '1:2: unknown section "udp"; did you mean "ingest.udp"?'),
    ('{"backends": []}', '1:2: unknown section "backends"; the sections are: ingest, http, limits, state, log'),
    ('{"state": {"directry": "/x"}}', '1:12: unknown key "state.directry"; did you mean "state.directory"?'),
    ('{"http": {"udp": []}}', '1:11: unknown key "http.udp"; did you mean "ingest.udp"?'),
    ('{"http": {"certificate": ""}}', '1:11: unknown key "http.certificate"; its keys are: listen, max_connections'),
    ('{"log": {"level": "warn"}}',
     '1:19: log.level: "warn" is not one of "error", "warning", "notice", "info", "debug"'),
    ('{"ingest": {"threads": "2"}}',
     '1:24: ingest.threads: "2" is a string, not a whole number (0 to 256); take the quotes away'),
    ('{"state": {"checkpoint_s": "10s"}}',
     '1:28: state.checkpoint_s: "10s" is a string, not a whole number (1 to 3600)'),
    ('{"state": {"checkpoint_s": 0.5}}', "1:28: state.checkpoint_s: 0.5 is not a whole number (1 to 3600)"),
    ('{"state": {"checkpoint_s": 7200}}', "1:28: state.checkpoint_s: 7200 is out of range (1 to 3600 seconds)"),
    ('{"state": {"directory": "var"}}',
     '1:25: state.directory: "var" is not an absolute path, such as /var/lib/atomicstatsd'),
    ('{"ingest": {"udp": "127.0.0.1:8125"}}',
     '1:20: ingest.udp: "127.0.0.1:8125" is a string, not a list of 1 to 64 addresses; put it in [ ]'),
    ('{"http": {"listen": ["[::1]:8127"]}}',
     '1:21: http.listen: ["[::1]:8127"] is a list, not ADDR:PORT, such as 127.0.0.1:8127; write one, without [ ]'),
)


def test_configurations():
    with Scratch() as s:
        for text, message in CONFIGURATIONS:
            file = s.write("c.json", text)
            tap.equal(f"config: {file}:{message}", told("-c", file, "--check-config", status=78), f"of {text!r}")


def test_configuration_files():
    with Scratch() as s:
        for path, message in ((s.path + "/no.json", "No such file or directory; `atomicstatsd --print-config` prints one "
                                                    "with the defaults"),
                              ("no.json", "No such file or directory; what does not begin with / is looked for in the "
                                          "current directory"),
                              (s.path, "Is a directory; name a file in it"),
                              (s.write("c.json", "") + "/x", "Not a directory; something above it is a file"),
                              ("/dev/zero", "larger than 1 MiB: is it the right one?")):
            tap.equal(f"config: {path}: {message}", told("-c", path, status=78), f"of {path}")


def test_configuration_without_the_right():
    need_root()
    with Scratch() as s:
        path = s.write("c.json", "{}", 0o600)
        tap.equal(f"config: {path}: Permission denied; uid {NOBODY} must be allowed to read it, and to enter the "
                  "directories above it", told("-c", path, status=78, user=NOBODY), "no right to read")


# ---- what comes to the wrong port ----------------------------------------------------------------


def spoken_to(address, data):
    """=> what the other side answers until it closes the connection. Bytes that come later than a second after
    the connection, as they may on a busy machine, are libmicrohttpd's to judge: then it is tried again."""
    while True:
        since = time.monotonic()
        with socket.create_connection(address, timeout=tap.DEADLINE_S) as sock:
            sock.sendall(data)
            late = time.monotonic() - since > 0.5
            parts = []
            try:
                while part := sock.recv(65536):
                    parts.append(part)
            except ConnectionResetError:
                pass
        if parts or not late:
            return b"".join(parts).decode()


def test_a_value_sent_to_the_http_port():
    with Daemon() as d:
        to = f"udp 127.0.0.1:{d.udp[0][1]}"
        for data in b"a:1|c\n", b"a:1|c", b"42\n", b"a b:1|ms|#x y\n", b"\n\xff\xfe\n", b"GET /\r\n\r\n":
            head, _, body = spoken_to(d.http, data).partition("\r\n\r\n")
            tap.equal("HTTP/1.1 400 Bad Request", head.splitlines()[0], f"answer to {data!r}")
            tap.equal({"error": {"status": 400, "message": "this is no HTTP request, and values are only read here: send "
                                                           f"them to {to}"}}, json.loads(body), f"body after {data!r}")
        line = d.wait_log("no HTTP request")
        found = re.sub(r"^\S+ warning http: 127\.0\.0\.1:\d+", "SOMEBODY", line)
        tap.equal(f'SOMEBODY sends to the HTTP port what is no HTTP request: "a:1|c"; values go to {to} (0 similar messages '
                  "suppressed)", found, "what the log says")
        tap.equal(1, sum("no HTTP request" in line for line in d.log()), "lines a minute about it")
        tap.equal(6, d.server()["http"]["not_http"], "http.not_http of /server")
        tap.equal(0, d.ingest()["values"], "values")


def test_tls_at_the_http_port():
    with Daemon() as d:
        answer = spoken_to(d.http, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500))
        tap.contains("this is TLS, and the port speaks plain HTTP: ask http://, or a proxy that speaks TLS before it",
                     answer, "the answer")
        tap.equal(1, d.server()["http"]["not_http"], "http.not_http of /server")


# ---- what is asked over HTTP ---------------------------------------------------------------------

PATHS = ("the paths are /, /stats, /stats/NAME, /progress, /progress/NAME, /metrics, /server, /healthz and /readyz")

REQUESTS = (
    ("/stat", 404, f"no such path (did you mean /stats?); {PATHS}"),
    ("/stats/", 404, f"no such path (did you mean /stats?); {PATHS}"),
    ("/Stats", 404, f"no such path (did you mean /stats?); {PATHS}"),
    ("/metric", 404, f"no such path (did you mean /metrics?); {PATHS}"),
    ("/health", 404, f"no such path (did you mean /healthz?); {PATHS}"),
    ("/server/", 404, f"no such path (did you mean /server?); {PATHS}"),
    ("/api/v2/query", 404, f"no such path; {PATHS}"),
    ("/" + "x" * 5000, 404, f"no such path; {PATHS}"),
    ("/%ff", 404, f"no such path; {PATHS}"),
    ("/100%", 400, "a broken percent-escape or a NUL in the path; a % itself is written %25"),
    ("/stats/laten", 404, "no series of this name or id has come; /stats?name=*PART* finds those that have PART in them"),
    ("/progress/latency", 404,
     "no series of this name or id has come; /stats?name=*PART* finds those that have PART in them"),
    ("/stats?nam=latency", 400, "unknown parameter; did you mean name=GLOB?"),
    ("/stats?types=stats", 400, "unknown parameter; did you mean type=stats,counters,…?"),
    ("/server?prety", 400, "unknown parameter; did you mean pretty?"),
    ("/stats?type=counter", 400, "unknown type; the types are stats, counters, gauges, sets, flags, progress"),
    ("/stats?name=100%", 400, "a broken percent-escape in the query; a % itself is written %25"),
    ("/web/none.js", 404, "no such file"),
)


def test_wrong_requests():
    with Daemon() as d:
        d.record("latency:1|ms")
        for path, status, message in REQUESTS:
            reply = d.get(path)
            tap.equal({"error": {"status": status, "message": message}}, reply.json, f"what GET {path[:40]} says")
            tap.equal(status, reply.status, f"status of {path[:40]}")
        for method, path in (("POST", "/stats"), ("PUT", "/"), ("DELETE", "/stats/latency")):
            reply = d.get(path, method=method, body="a:1|c")
            tap.equal({"error": {"status": 405, "message": "only GET and HEAD are allowed here; values are sent to udp "
                                                           f"127.0.0.1:{d.udp[0][1]}"}}, reply.json, f"{method} {path}")


# ---- what clients send ---------------------------------------------------------------------------

NUMBER = "a number is digits, as in 42, -3.5 or 1e3"

REFUSED = (
    ("a:NaN|ms", "bad_value", NUMBER),
    ("a:0x10|c", "bad_value", NUMBER),
    ("a:1,5|ms", "bad_value", "a decimal point is a point, and digits are not grouped"),
    ("a:10ms", "bad_value", "a value has no unit: put it into the name, and ms into the type (|ms)"),
    ("a:1 |c", "bad_value", "a value has no spaces"),
    ("a:|c", "bad_value", "the value is missing"),
    ("a:yes|f", "bad_value", "a flag is 1, 0, true or false"),
    ("a:1.5|p", "bad_value", "progress is N, +N, /TOTAL or N/TOTAL, in whole numbers"),
    ("a:1|counter", "bad_type", "the types are ms, h, d, c, g, s, f and p"),
    ("a:1|c|@2", "bad_rate", "a rate is a number above 0 and up to 1, as in @0.1"),
    ("a:1|c|#\x01", "bad_tags", "tags are UTF-8 without control characters, as in #env:prod,web"),
    (":1|c", "bad_name", "the name is missing"),
    (b"\xff:1|c", "bad_name", "a name is UTF-8 without control characters, : and |"),
    ("n" * 256 + ":1|c", "too_long", "a name has at most 255 bytes, all tags together 1024, a line over TCP 8192"),
    ("second:1|c", "over_limit", "there are limits.max_series already: raise it, or let old ones go "
                                 "(limits.expire_after_s)"),
    ('{"name": "a", "value": 1}', "bad_value", "this is JSON; a line is NAME:VALUE|TYPE"),
    ("GET / HTTP/1.1", "bad_value", "this is HTTP; the port for it is that of http.listen"),
    ("a.b 1 1700000000", "bad_value", "this looks like Graphite's protocol; a line is NAME:VALUE|TYPE"),
    ("cpu,host=a v=1", "bad_value", "this looks like InfluxDB's protocol; a line is NAME:VALUE|TYPE"),
    ("hello", "bad_value", "a line is NAME:VALUE|TYPE, or a bare number"),
)


def test_refused_lines():
    with Daemon("--threads", "1", config={"limits": {"max_series": 1}}) as d:
        d.record("first:1|c")
        for line, reason, hint in REFUSED:
            d.record(line)
            latest = d.server()["recent_rejected"][0]
            tap.equal((reason, hint), (latest["reason"], latest["hint"]), f"what {line!r} is refused for")


# ---- what a service manager hands over -----------------------------------------------------------


def test_sockets_of_no_known_kind():
    (udp,), http = udp_and_http()
    with udp, http:
        fds = [udp.fileno(), http.fileno()]
        done = subprocess.run(["bash", "-c", HAND_OVER, "bash", *WRAP, BINARY], pass_fds=fds, text=True,
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=tap.DEADLINE_S,
                              env=environment(TEST_FDS=" ".join(map(str, fds)), LISTEN_FDS="2", LISTEN_FDNAMES="udp:web"))
    tap.equal(1, done.returncode, "exit status")
    tap.contains("app: the sockets handed over are not usable: LISTEN_FDNAMES: descriptor 4: \"web\" is none of ", done.stderr,
                 "what it says")
    tap.contains("; each .socket unit says of what kind its own are (FileDescriptorName=)\n", done.stderr, "what it says")


def test_addresses_that_are_not_used():
    (udp,), http = udp_and_http()
    with udp, http, listening([udp, http], ["udp", "http"], udp=["127.0.0.1:9"], http="127.0.0.1:9") as d:
        for setting, unit in (("ingest.udp", "udp"), ("http.listen", "http")):
            tap.contains(f"{setting} is not used: the service manager has handed over the sockets; `systemctl edit "
                         f"atomicstatsd-{unit}.socket` sets their addresses", "\n".join(d.log()), f"what it says of {setting}")


if __name__ == "__main__":
    tap.main(globals())
