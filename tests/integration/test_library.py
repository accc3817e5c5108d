#!/usr/bin/env python3
"""The library as other programs use it: by its headers alone, linked, and from another language."""

import ctypes
import math
import os
import re
import shutil
import subprocess
import tempfile

import tap
from daemon import ROOT

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(ROOT, "build")
WARNINGS = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


def compile_and_run(compiler, *link, env=None, flags=()):
    if not shutil.which(compiler):
        raise tap.Skip(f"no {compiler} here")
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        program = os.path.join(directory, "program")
        line = [compiler, *WARNINGS, *flags, "-I" + os.path.join(ROOT, "include"), "-o", program,
                os.path.join(HERE, "library_program.c"), *link, "-pthread", "-lm"]
        made = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        tap.equal(0, made.returncode, f"exit status of {' '.join(line)}:\n{made.stdout}\n")
        done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, **(env or {})}, timeout=tap.DEADLINE_S * 5)
        tap.equal((0, "all well\n"), (done.returncode, done.stdout), "exit status and output of the program")


def test_by_its_headers_alone_with_gcc():
    compile_and_run("gcc")


def test_by_its_headers_alone_with_clang():
    compile_and_run("clang")


def test_by_its_headers_alone_as_c17_unoptimised():
    compile_and_run("gcc", flags=["-std=c17", "-O0"])


def test_linked_to_the_static_library():
    compile_and_run("gcc", os.path.join(BUILD, "libatomicstats.a"))


def test_linked_to_the_shared_library():
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-test-") as directory:
        # By its soname, as it would be found once installed.
        os.symlink(os.path.join(BUILD, "libatomicstats.so"), os.path.join(directory, "libatomicstats.so.0"))
        compile_and_run("gcc", os.path.join(BUILD, "libatomicstats.so"), env={"LD_LIBRARY_PATH": directory})


class Summary(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in ("count", "sum", "mean", "min", "max", "stddev")]


def shared_library():
    library = ctypes.CDLL(os.path.join(BUILD, "libatomicstats.so"))
    library.astats_create.restype = ctypes.c_void_p
    library.astats_destroy.argtypes = [ctypes.c_void_p]
    library.astats_record.argtypes = [ctypes.c_void_p, ctypes.c_double]
    library.astats_record_weighted.argtypes = [ctypes.c_void_p, ctypes.c_double, ctypes.c_double]
    library.astats_summary.argtypes = [ctypes.c_void_p, ctypes.POINTER(Summary)]
    return library


def test_from_python():
    library = shared_library()
    stats, summary = library.astats_create(), Summary()
    tap.check(stats, "astats_create gave NULL")
    library.astats_summary(stats, ctypes.byref(summary))
    tap.equal((0, 0, True), (summary.count, summary.sum, math.isnan(summary.mean)), "with no record")
    for value in (10, 20, 30):
        library.astats_record(stats, value)
    library.astats_record_weighted(stats, 40, 2)
    library.astats_summary(stats, ctypes.byref(summary))
    tap.equal((5, 140, 28, 10, 40), (summary.count, summary.sum, summary.mean, summary.min, summary.max), "summary")
    tap.close(math.sqrt(136), summary.stddev, "stddev")
    library.astats_destroy(stats)


def test_the_shared_library_exports_what_is_promised_and_no_more():
    done = subprocess.run(["nm", "-D", "--defined-only", os.path.join(BUILD, "libatomicstats.so")],
                          stdout=subprocess.PIPE, text=True, check=True)
    names = {line.split()[-1] for line in done.stdout.splitlines()}
    promised = {"counter_init", "counter_increment", "counter_add", "counter_get", "counter_set",
                "counter_compare_and_swap", "flag_init", "flag_get", "flag_set", "flag_swap", "create", "destroy",
                "record", "record_weighted", "summary", "progress_init", "progress_add", "progress_done",
                "progress_total", "progress_fraction"}
    tap.equal(set(), {"astats_" + name for name in promised} - names, "functions that are missing")
    tap.equal(set(), {name for name in names if not name.startswith("astats_")}, "symbols with another prefix")


def test_the_shared_library_needs_only_the_c_library():
    done = subprocess.run(["objdump", "-p", os.path.join(BUILD, "libatomicstats.so")], stdout=subprocess.PIPE,
                          text=True, check=True)
    needed = set(re.findall(r"NEEDED\s+(\S+)", done.stdout))
    tap.equal(set(), {name for name in needed if not re.match(r"lib[cm]\.so|ld-linux", name)}, "other libraries")


if __name__ == "__main__":
    tap.main(globals())
