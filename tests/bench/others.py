"""Other daemons, measured like ours if they are installed: statsd (npm, in tests/bench/node_modules
or tests/clients/node_modules) and collectd. They have no total to check; lost is what the kernel
dropped on their port."""

import glob
import json
import os
import shutil
import socket
import subprocess
import tempfile

from measures import ROUNDS
from receivers import ROOT, Receiver, daemon, wait_until

START_S = 10


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Other(Receiver):
    """A daemon with a configuration file in a folder of its own."""

    def __init__(self, name, line, configuration):
        self.name, self.port = name, free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="atomicstatsd-bench-")
        path = os.path.join(self.folder.name, "configuration")
        with open(path, "w", encoding="utf-8") as file:
            file.write(configuration(self.port, self.folder.name))
        self.process = subprocess.Popen([*line, path], cwd=self.folder.name, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=daemon._die_with_parent)
        self.pid = self.process.pid
        wait_until(lambda: bound(self.port) or self.process.poll() is not None, START_S)
        if not bound(self.port):
            self.close()
            raise RuntimeError(f"{name} does not receive")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(START_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


def bound(port):
    with open("/proc/net/udp", encoding="ascii") as file:
        return f":{port:04X} " in file.read()


def statsd_configuration(port, _folder):
    return json.dumps({"address": "127.0.0.1", "port": port, "mgmt_address": "127.0.0.1", "mgmt_port": free_port(),
                       "backends": []})


def collectd_configuration(port, folder):
    return (f'BaseDir "{folder}"\nPIDFile "{folder}/pid"\nInterval 10\nLoadPlugin statsd\n'
            f'<Plugin statsd>\n  Host "127.0.0.1"\n  Port "{port}"\n</Plugin>\n')


def installed():
    for script in glob.glob(os.path.join(ROOT, "tests", "*", "node_modules", "statsd", "stats.js")):
        if shutil.which("node"):
            yield "statsd", ["node", script], statsd_configuration
    if shutil.which("collectd"):
        yield "collectd", ["collectd", "-f", "-C"], collectd_configuration


def peers(table, scale):
    found = list(installed())
    if not found:
        print("  no peer installed", flush=True)
    for name, line, configuration in found:
        try:
            other = Other(name, line, configuration)
        except RuntimeError as why:
            print(f"  skipped: {why}", flush=True)
            continue
        with other:
            slow = [other.run(rate=100000, seconds=scale) for _ in range(ROUNDS)]
            fast = [other.run(values=20, seconds=0.7 * scale) for _ in range(ROUNDS)]
        table.note(f"{name}: 1 value a datagram, 100k/s", "us CPU a datagram", [run.us_a_datagram for run in slow],
                   [run.lost_percent for run in slow])
        table.note(f"{name}: 20 ms values a datagram, flat out", "ns CPU a value", [run.ns_a_value for run in fast],
                   [run.lost_percent for run in fast])
