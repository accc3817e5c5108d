"""A strict reader of both text formats, written from their specifications and from nothing of ours.

It raises ValueError for all that either forbids: a family twice or in two pieces, a sample that is not
its family's, labels twice, samples twice, escapes and numbers that there are not; and for OpenMetrics
also values that a type cannot have, names that clash, and whatever is not before `# EOF`."""

import collections
import math
import re

Sample = collections.namedtuple("Sample", "name labels value type family")

METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"')
ESCAPE = re.compile(r"\\(.)")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z|[+-]Inf\Z|NaN\Z")
TYPES = {False: ("counter", "gauge", "summary", "untyped"), True: ("counter", "gauge", "summary", "unknown")}
# Which names a family's samples may have, whether it has such samples or not.
SUFFIXES = {"counter": ("_total", "_created"), "summary": ("", "_sum", "_count", "_created")}


def fail(line, why):
    raise ValueError(f"{why}: {line!r}")


def read_help(line, text, openmetrics):
    for escape in re.finditer(r"\\(.?)", text):
        if escape.group(1) not in ("\\", "n") + (('"',) if openmetrics else ()):
            fail(line, "an escape that there is not")
    if openmetrics and '"' in text.replace('\\\\', "").replace('\\"', ""):
        fail(line, "a quote that is not escaped")


def read_labels(line, text):
    """=> (labels, what follows the closing brace)"""
    labels, at = {}, 0
    while not text.startswith("}", at):
        pair = PAIR.match(text, at)
        if not pair:
            fail(line, "no label, or an escape that there is not")
        name, value, at = pair.group(1), pair.group(2), pair.end()
        if name in labels:
            fail(line, "a label twice")
        labels[name] = ESCAPE.sub(lambda found: "\n" if found.group(1) == "n" else found.group(1), value)
        if text.startswith(",", at) and not text.startswith("}", at + 1):
            at += 1
        elif not text.startswith("}", at):
            fail(line, "no comma, or one before the brace")
    return labels, text[at + 1:]


def read_value(line, text):
    if not NUMBER.match(text):
        fail(line, "no number")
    return float(text.replace("Inf", "inf"))


def belongs(name, family, kind, openmetrics):
    if kind == "counter":
        return name == (family + "_total" if openmetrics else family)
    if kind == "summary":
        return name in (family + "_sum", family + "_count")
    return name == family


def check_value(line, sample):
    counts = sample.type == "counter" or sample.type == "summary"
    if counts and not sample.value >= 0:
        fail(line, f"a {sample.type} of {sample.value}")
    if sample.type == "summary" and sample.name.endswith("_count") and sample.value != math.floor(sample.value):
        fail(line, "a count that is not whole")


class Reader:
    def __init__(self, openmetrics):
        self.openmetrics = openmetrics
        self.samples = []
        self.families = {}  # name: type
        self.described = set()
        self.current = None
        self.seen = set()
        self.metrics = set()
        self.metric = None

    def comment(self, line):
        words = line.split(" ", 3)
        if len(words) < 4 or words[1] not in ("HELP", "TYPE") or not METRIC.fullmatch(words[2]):
            fail(line, "a comment that says nothing")
        _, what, name, rest = words
        if what == "HELP":
            if name in self.described:
                fail(line, "HELP twice")
            self.described.add(name)
            read_help(line, rest, self.openmetrics)
            return
        if name in self.families:
            fail(line, "a family twice")
        if rest not in TYPES[self.openmetrics]:
            fail(line, "an unknown type")
        if name not in self.described:
            fail(line, "no HELP before")
        self.families[name] = rest
        self.current = name

    def sample(self, line):
        name = METRIC.match(line)
        if not name or self.current is None:
            fail(line, "no sample")
        rest, labels = line[name.end():], {}
        if rest.startswith("{"):
            labels, rest = read_labels(line, rest[1:])
        if not rest.startswith(" "):
            fail(line, "no value")
        kind = self.families[self.current]
        if not belongs(name.group(0), self.current, kind, self.openmetrics):
            fail(line, f"a sample in the family {self.current}")
        sample = Sample(name.group(0), labels, read_value(line, rest[1:]), kind, self.current)
        # To Prometheus an empty label is none.
        identity = frozenset((key, value) for key, value in labels.items() if value)
        if (sample.name, identity) in self.seen:
            fail(line, "a sample twice")
        self.seen.add((sample.name, identity))
        metric = (self.current, identity)
        if metric != self.metric:
            if metric in self.metrics:
                fail(line, "a metric in two pieces")
            self.metrics.add(metric)
            self.metric = metric
        if self.openmetrics:
            check_value(line, sample)
        self.samples.append(sample)

    def check_clashes(self):
        owners = {}
        for family, kind in self.families.items():
            for name in {family + suffix for suffix in SUFFIXES.get(kind, ("",))}:
                if name in owners:
                    raise ValueError(f"{name} may be of {family} and of {owners[name]}")
                owners[name] = family


def read(body, openmetrics):
    """=> every sample of the exposition (bytes), in its order."""
    lines = body.decode("utf-8").split("\n")
    if lines.pop() != "":
        raise ValueError("no line feed at the end")
    if openmetrics and (not lines or lines.pop() != "# EOF"):
        raise ValueError("no # EOF at the end")
    reader = Reader(openmetrics)
    for line in lines:
        if line.startswith("#"):
            reader.comment(line)
        else:
            reader.sample(line)
    if openmetrics:
        reader.check_clashes()
    return reader.samples
