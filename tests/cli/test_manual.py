#!/usr/bin/env python3
"""The manual and the completion say what the programs do."""

import json
import os
import re
import shutil
import subprocess

import program
import tap
from daemon import run as run_daemon
from program import ROOT, done

MAN = os.path.join(ROOT, "daemon", "man")
COMPLETION = os.path.join(ROOT, "daemon", "cli", "completion.bash")
COMMANDS = ("send", "get", "watch", "progress")


def pages():
    found = sorted(os.listdir(MAN))
    tap.equal(["atomicstats.1", "atomicstatsd-protocol.7", "atomicstatsd.8", "atomicstatsd.json.5"], found, "the pages")
    return found


def source(page):
    with open(os.path.join(MAN, page), encoding="utf-8") as file:
        return file.read()


def mandoc(*words):
    if not shutil.which("mandoc"):
        raise tap.Skip("there is no mandoc")
    return subprocess.run(["mandoc", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def rendered(page):
    """=> its text as one line, without overstrikes."""
    text = re.sub(r".\x08", "", mandoc("-Tutf8", os.path.join(MAN, page)).stdout)
    return " ".join(text.split())


def test_mandoc_finds_nothing_wrong():
    for page in pages():
        # Whether the pages are installed here is no question of theirs; the next test looks at that.
        said = [line for line in mandoc("-Tlint", "-Wstyle", os.path.join(MAN, page)).stdout.splitlines()
                if "referenced manual not found" not in line and "mandoc.db" not in line]
        tap.equal([], said, f"what mandoc says of {page}")


def test_what_the_pages_refer_to_is_there():
    ours = set(pages())
    for page in ours:
        named = set(re.findall(r"(?m)^\.Xr (\S+) (\d)", source(page)))
        tap.check(len(named) >= 3, f"{page} refers to {named}")
        tap.equal(set(), {f"{name}.{section}" for name, section in named} - ours, f"references of {page}")


def options_of(text):
    return set(re.findall(r"--[a-z][a-z-]*", text))


def test_every_option_is_in_the_manual_and_no_other():
    page = rendered("atomicstats.1")
    ours = set().union(*(options_of(done(command, "--help")) for command in COMMANDS), {"--version"})
    tap.equal(ours, options_of(page) - {"--out-format"}, "options of atomicstats(1)")
    for command in COMMANDS:
        tap.contains(f"atomicstats {command}", page, "the page")
    tap.equal(options_of(run_daemon("--help").stdout), options_of(rendered("atomicstatsd.8")), "options of atomicstatsd(8)")


def test_every_key_stands_in_the_configuration_s_page_with_its_default():
    text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*', lambda m: m.group(1) or "", run_daemon("--print-config").stdout)
    page = rendered("atomicstatsd.json.5")
    keys = []
    for section, values in json.loads(text).items():
        tap.contains(f".Ss {section}\n", source("atomicstatsd.json.5"), "the page")
        for key, value in values.items():
            keys.append(key)
            found = re.search(rf" {key}: (.*?)Default: (.+?)\.(?: |$)(?=[a-z_]+:|http|limits|state|log|Reload|FILES)", page)
            tap.check(found, f"{section}.{key} with a default: {page}")
            default = "empty" if value == "" else json.dumps(value)
            tap.equal(default, found.group(2), f"the default of {section}.{key}")
    tap.equal(keys, re.findall(r"(?m)^\.It Cm (\w+) : ", source("atomicstatsd.json.5")), "keys, in their order")


def test_the_protocol_s_page_has_every_type_and_reason():
    with program.daemon.Daemon() as d:
        reasons = set(d.ingest()["rejected"]) - {"total"}
        page = source("atomicstatsd-protocol.7")
        tap.equal(set(), {reason for reason in reasons if not re.search(rf"\b{reason}\b", page)}, "reasons left out")
        examples = page.split(".Sh EXAMPLES\n.Bd -literal\n")[1].split("\n.Ed")[0].splitlines()
        d.record(*(line.split("  ")[0] for line in examples))
        tap.equal([len(examples), 0], [d.ingest()["lines"], d.ingest()["rejected"]["total"]], "lines, and refused ones")


# ---- completion ----


def completed(*words, function="_atomicstats"):
    """=> what bash offers for the last word."""
    script = 'source "$1"; f=$2; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; ' \
             '"$f"; printf "%s\\n" "${COMPREPLY[@]}"'
    found = subprocess.run(["bash", "-c", script, "bash", COMPLETION, function, *words], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    tap.equal((0, ""), (found.returncode, found.stderr), f"exit status and stderr for {words}")
    return set(found.stdout.split())


def test_completion_knows_every_command_and_option():
    tap.equal({*COMMANDS, "--help", "--version"}, completed("atomicstats", ""), "commands")
    tap.equal({"watch"}, completed("atomicstats", "w"), "w")
    for command in COMMANDS:
        tap.equal(options_of(done(command, "--help")) | ({"--"} if command == "progress" else set()),
                  completed("atomicstats", command, "-"), f"options of {command}")
    tap.equal(options_of(run_daemon("--help").stdout) | {"-c"}, completed("atomicstatsd", "-", function="_atomicstatsd"),
              "options of the daemon")


def test_completion_knows_what_options_take():
    tap.equal({"ms", "h", "d", "c", "g", "s", "f", "p"}, completed("atomicstats", "send", "a", "--type", ""), "types")
    tap.equal({"stats", "sets", "state"} - {"state"}, completed("atomicstats", "get", "--type", "s"), "kinds")
    tap.equal({"stats,counters"}, completed("atomicstats", "watch", "--type", "stats,c"), "a second kind")
    tap.contains("printf", completed("atomicstats", "progress", "job", "--", "print"), "commands behind --")
    tap.equal(set(), completed("atomicstats", "send", "a", "--udp", ""), "an address")


if __name__ == "__main__":
    tap.main(globals())
