#!/usr/bin/env python3
"""The house rules that a compiler does not check: floors, headers that stand alone, memory orders
that are named, and no state hidden in files."""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))

import tap

# A file may include from floors below its own, and from its own folder. ingest and render share a
# floor and never see each other. cli is another program, which shares base with the daemon and nothing else.
FLOORS = {"atomicstats": 0, "base": 1, "metrics": 2, "cli": 2, "ingest": 3, "render": 3, "http": 4, "app": 5, "main.c": 6}
LIBRARIES = {
    "microhttpd.h": {"http"},
    "uv.h": {"ingest", "app", "main.c"},
    "cjson/": {"app", "http", "render", "cli"},
    "curl/": {"cli"},
}


def sources(*suffixes):
    found = []
    for top in ("daemon", "include"):
        for at, _, names in os.walk(os.path.join(ROOT, top)):
            found += [os.path.join(at, name) for name in names if name.endswith(suffixes or (".c", ".h"))]
    tap.check(found, "no sources found")
    return sorted(found)


def shown(path):
    return os.path.relpath(path, ROOT)


def folder(path):
    """The floor's name: "base" for daemon/base/log.c, "atomicstats" for the library's headers."""
    parts = shown(path).split(os.sep)
    return parts[1]


def includes(path):
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if found:
                yield number, found.group(1), found.group(2)


def without_comments(path):
    """The source with comments and literals blanked out, line for line."""
    with open(path, encoding="utf-8") as file:
        text = file.read()

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.DOTALL)


def complain(wrong):
    tap.check(not wrong, f"{len(wrong)}:\n" + "\n".join(wrong))


def test_every_folder_has_its_floor():
    unknown = {folder(path) for path in sources()} - set(FLOORS)
    tap.equal(set(), unknown, "folders without a floor")


def test_files_include_only_from_floors_below():
    wrong = []
    for path in sources():
        own = folder(path)
        for number, kind, name in includes(path):
            where = f"{shown(path)}:{number}"
            other = name.split("/")[0] if "/" in name else None
            if kind == '"' and other is None:
                beside = os.path.join(os.path.dirname(path), name)
                if not (shown(path).startswith("include") and os.path.exists(beside)):
                    wrong.append(f'{where}: "{name}" does not say its folder')
            elif kind == '"' and other not in FLOORS:
                wrong.append(f'{where}: "{name}" is in no known folder')
            elif other in FLOORS and other != own and FLOORS[other] >= FLOORS[own]:
                wrong.append(f"{where}: {own} (floor {FLOORS[own]}) includes {name} (floor {FLOORS[other]})")
    complain(wrong)


def test_the_library_includes_nothing_of_the_daemon():
    allowed = re.compile(r"(stdatomic|stdbool|stddef|stdint|stdlib|string|math|errno|pthread|float|limits|inttypes|"
                         r"stdalign|time|unistd|assert|sched|sys/mman)\.h|atomicstats/[a-z_]+\.h")
    wrong = [f"{shown(path)}:{number}: {name}" for path in sources() if folder(path) == "atomicstats"
             for number, kind, name in includes(path)
             if not allowed.fullmatch(name) and not (kind == '"' and "/" not in name)]
    complain(wrong)


def test_the_daemon_and_the_terminal_program_share_base_alone():
    wrong = [f"{shown(path)}:{number}: {name}" for path in sources() for number, _, name in includes(path)
             if folder(path) != "cli" and name.startswith("cli/")
             or folder(path) == "cli" and name.split("/")[0] in FLOORS and name.split("/")[0] not in ("cli", "base")]
    complain(wrong)


def test_each_library_is_seen_only_where_it_belongs():
    wrong = []
    for path in sources():
        for number, _, name in includes(path):
            for library, where in LIBRARIES.items():
                if (name == library or (library.endswith("/") and name.startswith(library))) and folder(path) not in where:
                    wrong.append(f"{shown(path)}:{number}: {name} belongs to {', '.join(sorted(where))} only")
    complain(wrong)


def test_every_source_has_its_header_and_includes_it_first():
    wrong = []
    for path in sources(".c"):
        header = path[:-2] + ".h"
        if folder(path) in ("main.c", "atomicstats") or os.path.basename(path) == "main.c":
            continue
        if not os.path.exists(header):
            wrong.append(f"{shown(path)}: there is no {shown(header)}")
            continue
        first = next((name for _, _, name in includes(path)), None)
        expected = f"{folder(path)}/{os.path.basename(header)}"
        if first != expected:
            wrong.append(f"{shown(path)}: expected to include {expected} first, actual {first}")
    complain(wrong)


def pkg_config():
    done = subprocess.run(["pkg-config", "--cflags", "libuv", "libmicrohttpd", "libcjson", "libcurl"], stdout=subprocess.PIPE,
                          text=True)
    return done.stdout.split()


def test_every_header_compiles_alone():
    flags, jobs = pkg_config(), []
    for path in sources(".h"):
        for compiler in ("gcc", "clang"):
            if folder(path) == "atomicstats":
                line = [compiler, "-std=c11", "-Wpedantic", "-pedantic-errors", "-Iinclude"]
            else:
                line = [compiler, "-std=gnu11", "-D_GNU_SOURCE", "-Iinclude", "-Idaemon", *flags]
            # Twice, so that the include guard is tried as well.
            text = f'#include "{path}"\n#include "{path}"\nint main(void) {{ return 0; }}\n'
            jobs.append((line + ["-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fsyntax-only", "-x", "c", "-"],
                         text, path))

    def compile_one(job):
        line, text, path = job
        done = subprocess.run(line, input=text, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return f"{shown(path)} with {line[0]}:\n{done.stdout}" if done.returncode else None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complain([said for said in pool.map(compile_one, jobs) if said])


def matches(pattern, top=("daemon", "include")):
    for path in sources():
        if shown(path).split(os.sep)[0] in top:
            for number, line in enumerate(without_comments(path).splitlines(), 1):
                if re.search(pattern, line):
                    yield f"{shown(path)}:{number}: {line.strip()}"


def test_every_atomic_access_names_its_memory_order():
    complain(list(matches(r"\batomic_(load|store|exchange|fetch_\w+?|compare_exchange_(weak|strong)|flag_\w+?)\s*\("
                          r"(?<!_explicit\()")))
    complain(list(matches(r"\bmemory_order_consume\b|\b__(sync|atomic)_\w+")))


def test_no_atomic_object_is_used_like_a_plain_one():
    """x++ on an _Atomic object is a sequentially consistent access that names no order; clang knows."""
    flags = pkg_config()

    def compile_one(path):
        standard = ["-std=c11"] if folder(path) == "atomicstats" else ["-std=gnu11", "-D_GNU_SOURCE", *flags]
        line = ["clang", *standard, "-Iinclude", "-Idaemon", '-DATOMICSTATSD_VERSION="0"', "-fsyntax-only",
                "-Watomic-implicit-seq-cst", "-Werror=atomic-implicit-seq-cst", path]
        done = subprocess.run(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout if done.returncode else None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complain([said for said in pool.map(compile_one, sources(".c")) if said])


def test_nothing_is_volatile_and_no_thread_is_cancelled():
    complain(list(matches(r"\bvolatile\b|\bpthread_(cancel|setcancel\w*|testcancel)\b|\bsched_yield\b")))
    complain(list(matches(r"\b(gets|sprintf|strcpy|strcat|strtok|rand|localtime|gmtime|ctime|asctime|setlocale)\s*\(")))


def test_no_state_is_hidden_in_files():
    """Parts get what they need as arguments, so that two daemons fit in one process. The log level
    is the one exception, and what C itself keeps (the library's shard registry), and what a handler of
    fatal signals has to know."""
    allowed = re.compile(r"^daemon/base/log\.c$|^daemon/ingest/replay\.c$|^include/atomicstats/")
    wrong = []
    for path in sources():
        if allowed.search(shown(path)):
            continue
        depth = 0
        for number, line in enumerate(without_comments(path).splitlines(), 1):
            at_file_scope, in_function = depth == 0, depth > 0
            depth += line.count("{") - line.count("}")
            text = line.strip()
            if not text or text.startswith(("#", "typedef", "extern", "_Static_assert", "}")) or "const" in text:
                continue
            declaration = re.match(r"static\s+(?!inline|_Noreturn)[\w\s*]+?\b\w+\s*(\[[^\]]*\])*\s*(=|;)", text)
            if declaration and (at_file_scope or in_function):
                wrong.append(f"{shown(path)}:{number}: {text}")
    complain(wrong)


def test_no_file_has_grown_too_long():
    complain([f"{shown(path)}: {length} lines" for path in sources()
              if (length := sum(1 for _ in open(path, encoding="utf-8"))) > 400])


def test_no_test_sleeps():
    """Tests wait for conditions. A measurement may pace what it sends: tests/bench is left out."""
    wrong = []
    for at, folders, names in os.walk(os.path.join(ROOT, "tests")):
        folders[:] = [name for name in folders if name not in ("node_modules", "bench")]
        for name in names:
            if name.endswith((".py", ".c", ".js", ".rb", ".pl", ".sh")) and name != os.path.basename(__file__):
                with open(os.path.join(at, name), encoding="utf-8", errors="replace") as file:
                    wrong += [f"{shown(os.path.join(at, name))}:{number}: {line.strip()}"
                              for number, line in enumerate(file, 1)
                              if re.search(r"\b(sleep|usleep|nanosleep|setTimeout)\b *\(? *[0-9.]", line)]
    complain(wrong)


def without_json_comments(text):
    return re.sub(r'("(?:\\.|[^"\\])*")|/\*.*?\*/|//[^\n]*', lambda m: m.group(1) or "", text, flags=re.DOTALL)


def test_the_sample_configuration_holds_every_key_with_its_default():
    binary = os.path.join(ROOT, "build", "atomicstatsd")
    sample = os.path.join(ROOT, "config", "atomicstatsd.json")
    with open(sample, encoding="utf-8") as file:
        text = file.read()
    default = printed(binary)
    tap.equal(default, printed(binary, "-c", sample), "--print-config with the sample, against none")
    tap.equal(default, json.loads(without_json_comments(text)), "the keys of the sample, against --print-config")
    keys = [key for section in default.values() for key in section] if default else []
    tap.check(len(keys) >= 6, f"keys in --print-config: {keys}")
    undocumented = [key for key in keys if not re.search(rf'//[^\n]*\n(?:\s*//[^\n]*\n)*\s*"{key}"|"{key}"[^\n]*//', text)]
    tap.equal([], undocumented, "keys of the sample without a comment")


def printed(binary, *args):
    done = subprocess.run([binary, *args, "--print-config"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    tap.equal((0, ""), (done.returncode, done.stderr), f"exit status and stderr of --print-config {args}")
    return json.loads(without_json_comments(done.stdout))


def test_nothing_that_is_generated_is_committed():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise tap.Skip("not a git checkout")
    wrong = [name for name in done.stdout.splitlines()
             if re.search(r"(^|/)(build|node_modules|__pycache__)/|\.(o|so|a|pyc)$", name)]
    complain(wrong)


# ---- the Makefile ----


class Tree:
    """A small copy to build in: the library, the floor base, and main()s that do nothing."""

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="atomicstatsd-test-")
        for name in ("include", "daemon/atomicstats", "daemon/base", "daemon/man", "config", "systemd"):
            shutil.copytree(os.path.join(ROOT, name), os.path.join(self.directory, name))
        shutil.copy(os.path.join(ROOT, "Makefile"), self.directory)
        os.makedirs(os.path.join(self.directory, "daemon", "cli"))
        shutil.copy(os.path.join(ROOT, "daemon/cli/completion.bash"), os.path.join(self.directory, "daemon", "cli"))
        for folder in ("daemon", "daemon/cli"):
            with open(os.path.join(self.directory, folder, "main.c"), "w", encoding="ascii") as file:
                file.write("int main(void)\n{\n    return 0;\n}\n")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, *arguments):
        ours = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MODE", "CC", "CFLAGS", "CPPFLAGS", "LDFLAGS", "WERROR")
        return subprocess.run(["make", *arguments], cwd=self.directory, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={k: v for k, v in os.environ.items() if k not in ours})

    def made(self, *arguments):
        """=> what `make` had to make, as "CC" or "LD" and a name."""
        done = self.run(*arguments)
        tap.equal((0, ""), (done.returncode, done.stderr), f"exit status and stderr of make {' '.join(arguments)}")
        return {tuple(found) for found in re.findall(r"(?m)^  ([A-Z]+) +\S*?([^\s/]+)$", done.stdout)}


def test_other_flags_make_again_what_they_concern():
    compiled = {("CC", "atomicstats.c"), ("AR", "libatomicstats.a"), ("LD", "libatomicstats.so")}
    with Tree() as tree:
        tap.equal(compiled, tree.made("lib"), "made at first")
        for flags in (["CFLAGS=-O1"], ["CFLAGS=-O1", "WERROR=1"], ["CC=clang"], ["CPPFLAGS=-DX='\"y\"'"]):
            tap.equal(compiled, tree.made("lib", *flags), f"made with {flags}")
            tap.equal(set(), tree.made("lib", *flags), f"made with {flags} again")
        tree.made("lib")
        tap.equal({("LD", "libatomicstats.so")}, tree.made("lib", "LDFLAGS=-Wl,-O1"), "made with other LDFLAGS")


def test_install_goes_on_with_the_flags_of_what_is_there():
    """As `make CFLAGS=-O3 && sudo make install` expects it: sudo hands no CFLAGS on."""
    with Tree() as tree:
        install = ["install", f"DESTDIR={tree.directory}/root", "PREFIX=/usr"]
        tree.made("CFLAGS=-O1 -DOURS")
        tap.equal(set(), tree.made(*install), "made by install")
        os.utime(os.path.join(tree.directory, "daemon", "base", "hash.c"))
        said = tree.run(*install, "V=1").stdout
        tap.equal(["hash.c"], re.findall(r"(?m)-O1 -DOURS -c .*/(\S+)$", said), f"compiled with our flags: {said}\n")
        tap.check(("CC", "hash.c") in tree.made(*install, "CFLAGS=-O2"), "install makes it again with flags of its own")


def test_a_source_that_has_gone_leaves_the_archive():
    with Tree() as tree:
        archive = os.path.join(tree.directory, "build", "libdaemon.a")

        def members():
            return subprocess.run(["ar", "t", archive], stdout=subprocess.PIPE, text=True, check=True).stdout.split()

        tree.made("build/libdaemon.a")
        tap.contains("hash.o", members(), "the archive")
        os.remove(os.path.join(tree.directory, "daemon", "base", "hash.c"))
        tap.equal({("AR", "libdaemon.a")}, tree.made("build/libdaemon.a"), "made without hash.c")
        tap.check("hash.o" not in members(), f"hash.o is still in {members()}")
        tap.equal(set(), tree.made("build/libdaemon.a"), "made again")


def test_fuzzing_without_clang_says_what_it_needs():
    with Tree() as tree:
        done = tree.run("MODE=fuzz", "CC=gcc", "build/fuzz/libdaemon.a")
        tap.equal(2, done.returncode, "exit status")
        tap.contains("MODE=fuzz needs clang, and CC=gcc is not", done.stderr, "message")
        tap.equal(0, tree.run("MODE=fuzz", "CC=gcc", "help").returncode, "exit status of help")
        tap.check(("CC", "hash.c") in tree.made("MODE=fuzz", "CC=clang", "build/fuzz/libdaemon.a"), "clang makes it")


if __name__ == "__main__":
    tap.main(globals())
