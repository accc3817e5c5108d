#!/usr/bin/env python3
"""Every linter over every file it knows; `make lint` calls this. One line a tool; the exit status
is 1 if any complains."""

import concurrent.futures
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JOBS = os.cpu_count() or 2


def files(*suffixes):
    """Ours: what git knows or would add, in a checkout; else what lies in our folders."""
    done = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    names = done.stdout.decode().split("\0") if done.returncode == 0 else \
        [os.path.relpath(path, ROOT) for top in ("daemon", "include", "tests", "systemd", "config")
         for path in glob.glob(os.path.join(ROOT, top, "**", "*"), recursive=True) if "node_modules" not in path]
    return sorted(name for name in names if name.endswith(suffixes) and os.path.isfile(os.path.join(ROOT, name)))


def command(line, **options):
    done = subprocess.run(line, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, **options)
    return done.returncode, done.stdout


def missing(tool):
    return None if shutil.which(tool) else f"{tool} is not installed"


def flags(name):
    """The compiler's, as the Makefile gives them."""
    if name.startswith(("include/", "daemon/atomicstats/")):
        return ["-std=c11", "-Iinclude"]
    packages = command(["pkg-config", "--cflags", "libuv", "libmicrohttpd", "libcjson", "libcurl"])[1].split()
    common = ["-std=gnu11", "-Iinclude", "-Idaemon", "-Itests", "-D_GNU_SOURCE", '-DATOMICSTATSD_VERSION="0"', *packages]
    own = os.path.dirname(name)
    return common + ([f"-I{own}"] if own.startswith("tests") else [])


def check_format():
    names = files(".c", ".h")
    status, output = command(["clang-format", "--dry-run", "-Werror", *names])
    return len(names), status, output


def check_tidy():
    names = files(".c")

    # Tests have one thread where they set an environment or a locale, and texts of known lengths.
    relaxed = ["--checks=-concurrency-mt-unsafe,-cert-err34-c,-clang-analyzer-security.insecureAPI.strcpy"]

    def one(name):
        return command(["clang-tidy", "--quiet", "--warnings-as-errors=*",
                        *(relaxed if name.startswith("tests/") else []), name, "--", *flags(name)])

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        results = list(pool.map(one, names))
    noise = re.compile(r"^\d+ warnings? (generated|treated)|^Suppressed |^Use -header-filter|^Use -system-headers")
    # A header's fault is told once, not once for each file that includes it: three lines each.
    said = {}
    for _, output in results:
        block = []
        for line in output.replace(ROOT + os.sep, "").splitlines():
            if re.match(r"\S+:\d+:\d+: (error|warning):", line):
                block = said.setdefault(line, [])
                block.clear()
            if not noise.match(line):
                block.append(line)
    text = "\n".join(line for block in said.values() for line in block)
    return len(names), max((status for status, _ in results), default=0), text


def check_cppcheck():
    # Not with --library=posix: it takes mmap(…, -1, 0) for an error, and a socket that could not be
    # opened for a leak. Not uninitvar: it supposes that no loop is ever entered; the compilers,
    # clang's analyser and the sanitizers look at the same.
    names = [name for name in files(".c") if name.startswith(("daemon/", "tests/"))]
    status, output = command(["cppcheck", "--quiet", "--enable=warning,performance,portability", "--error-exitcode=1",
                              "--inline-suppr", "--std=c11", "--suppress=uninitvar", "--suppress=legacyUninitvar",
                              "--suppress=missingIncludeSystem",
                              "--suppress=normalCheckLevelMaxBranches", "-Iinclude", "-Idaemon", "-D_GNU_SOURCE",
                              '-DATOMICSTATSD_VERSION="0"', f"-j{JOBS}", "--template=gcc", *names])
    return len(names), status, output


def check_shell():
    names = files(".sh", ".bash") + [name for name in files("run", "before-stop") if is_shell(name)]
    status, output = command(["shellcheck", *names]) if names else (0, "")
    return len(names), status, output


def is_shell(name):
    with open(os.path.join(ROOT, name), "rb") as file:
        return re.match(rb"#!.*\b(ba|da)?sh\b", file.readline()) is not None


def check_units():
    names = files(".service", ".socket", ".timer", ".target")
    with tempfile.TemporaryDirectory(prefix="atomicstatsd-lint-") as directory:
        # As `make install` would write them, with a program that is there.
        os.makedirs(os.path.join(directory, "bin"))
        program = os.path.join(directory, "bin", "atomicstatsd")
        shutil.copy("/bin/true", program)
        units = []
        for name in names:
            with open(os.path.join(ROOT, name), encoding="utf-8") as file:
                text = file.read()
            text = re.sub(r"@BINDIR@", os.path.join(directory, "bin"), text)
            text = re.sub(r"(?m)^(Exec\w+=[-@:+!]*)\S*/atomicstatsd(?=\s|$)", rf"\1{program}", text)
            text = re.sub(r"@[A-Z_]+@", "/etc", text)
            units.append(os.path.join(directory, os.path.basename(name)))
            with open(units[-1], "w", encoding="utf-8") as file:
                file.write(text)
        status, output = command(["systemd-analyze", "verify", "--man=no", *units]) if units else (0, "")
        ours = [line for line in output.splitlines() if any(os.path.basename(unit) in line for unit in units)]
    return len(names), status or bool(ours), "\n".join(ours) or output


def check_python():
    names = files(".py")
    wrong = []
    for name in names:
        with open(os.path.join(ROOT, name), "rb") as file:
            try:
                compile(file.read(), name, "exec")
            except SyntaxError as error:
                wrong.append(f"{name}:{error.lineno}: {error.msg}")
    return len(names), bool(wrong), "\n".join(wrong)


TOOLS = [("clang-format", check_format), ("clang-tidy", check_tidy), ("cppcheck", check_cppcheck),
         ("shellcheck", check_shell), ("systemd-analyze", check_units), ("python3", check_python)]


def main():
    wanted = sys.argv[1:]
    failed = False
    for tool, check in TOOLS:
        if wanted and tool not in wanted:
            continue
        absent = missing(tool)
        number, status, output = (0, 1, absent) if absent else check()
        failed |= bool(status)
        print(f"{'FAILED' if status else 'ok':<6} {tool}: {number} files", flush=True)
        if status:
            print(output.rstrip() or shlex.join([tool, "gave no reason"]), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
