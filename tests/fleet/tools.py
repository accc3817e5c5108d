"""Debian's Prometheus and VictoriaMetrics: those that are installed, or that `make deps` has unpacked."""

import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

import tap

ROOT = os.path.dirname(os.path.dirname(HERE))
UNPACKED = os.path.join(ROOT, "build", "debian", "usr", "bin")


def find(name):
    """=> the program's path; a Skip if it cannot be had."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + os.pathsep + UNPACKED)
    if path is None:
        raise tap.Skip(f"there is no {name}")
    return path


def promtool(*arguments, data=None):
    """=> (exit status, output)"""
    done = subprocess.run([find("promtool"), *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=tap.DEADLINE_S)
    return done.returncode, done.stdout.decode("utf-8", "replace")
