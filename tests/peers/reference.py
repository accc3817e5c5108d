"""A second, deliberately simple implementation of what the daemon does with a datagram: the oracle
that the tests compare the daemon with. It is written from the protocol's description (README), not
from the daemon's source, and favours the obvious over the fast.

Where the protocol leaves a choice, this page decides, and the daemon has to agree:
- A line with no ':' before its first '|' must be a bare number and nothing else, else bad_value.
- The section after the value is the type, unless it begins with '@' or '#': then there is none. A
  type must be one of ms h d c g s f p; an empty one is bad_type.
- Checked in this order: name, type, value, rate, tags; the first fault is the line's reason.
- Of repeated '@' or '#' sections only the last is looked at.
- 1/RATE, and VALUE/RATE of stats and counters, must not overflow: bad_rate, bad_value."""

import math
import re
import unicodedata

NAME_LIMIT, TAGS_LIMIT = 255, 1024
INT64_MAX = 2 ** 63 - 1
REASONS = ("bad_name", "bad_value", "bad_type", "bad_rate", "bad_tags", "too_long", "over_limit")
SECTIONS = ("stats", "counters", "gauges", "sets", "flags", "progress")
KINDS = {b"ms": "stats", b"h": "stats", b"d": "stats", b"c": "counters", b"g": "gauges",
         b"s": "sets", b"f": "flags", b"p": "progress"}
NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
FLAGS = {b"1": True, b"true": True, b"0": False, b"false": False}


class Rejected(Exception):
    pass


def clean(text):
    """Valid UTF-8 without control characters."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not any(unicodedata.category(c) == "Cc" for c in decoded)


def number(text):
    """=> an int where it is a whole number, else a double. (A dict keeps small and huge apart: an
    integer's text may have any number of digits.)"""
    if not NUMBER.match(text):
        raise Rejected("bad_value")
    value = float(text)
    if math.isinf(value):
        raise Rejected("bad_value")
    if re.match(rb"[+-]?[0-9]{1,400}\Z", text):
        return int(text)
    return value


def whole(text):
    if not re.match(rb"[0-9]+\Z", text) or int(text) > INT64_MAX:
        raise Rejected("bad_value")
    return int(text)


def progress(text):
    """=> (how, done, total): how is "set", "add" or None."""
    if text.startswith(b"+"):
        return "add", whole(text[1:]), None
    done, slash, total = text.partition(b"/")
    if not slash:
        return "set", whole(done), None
    if not done:
        return None, None, whole(total)
    return "set", whole(done), whole(total)


def parse(line):
    """=> None for what is ignored, else (kind, id, values, rate); raises Rejected(reason)."""
    if line.startswith((b"_e{", b"_sc|")):
        return None
    head, *sections = line.split(b"|")
    if b":" not in head:
        return "stats", "value", [number(line)], 1.0
    name, _, text = head.partition(b":")
    if len(name) > NAME_LIMIT:
        raise Rejected("too_long")
    if not name or not clean(name):
        raise Rejected("bad_name")

    kind = "stats"
    if sections and not sections[0].startswith((b"@", b"#")):
        kind = KINDS.get(sections.pop(0))
        if kind is None:
            raise Rejected("bad_type")

    if kind in ("stats", "counters", "gauges"):
        values = [(number(part), part[:1] in (b"+", b"-")) for part in text.split(b":")]
        if kind != "gauges":
            values = [value for value, _ in values]
    elif kind == "sets":
        values = [text]
        if not text:
            raise Rejected("bad_value")
    elif kind == "flags":
        if text not in FLAGS:
            raise Rejected("bad_value")
        values = [FLAGS[text]]
    else:
        values = [progress(text)]

    rates = [s[1:] for s in sections if s.startswith(b"@")]
    tags = [s[1:] for s in sections if s.startswith(b"#")]
    rate = 1.0
    if rates:
        try:
            rate = float(number(rates[-1]))
        except Rejected:
            raise Rejected("bad_rate") from None
        if not 0 < rate <= 1 or _overflows(1.0, rate):
            raise Rejected("bad_rate")
        if kind in ("stats", "counters") and any(_overflows(float(v), rate) for v in values):
            raise Rejected("bad_value")
    series = name.decode()
    if tags:
        if len(tags[-1]) > TAGS_LIMIT:
            raise Rejected("too_long")
        if not clean(tags[-1]):
            raise Rejected("bad_tags")
        items = sorted({item for item in tags[-1].split(b",") if item})
        if items:
            series += "|#" + b",".join(items).decode()
    return kind, series, values, rate


def _overflows(value, rate):
    try:
        return math.isinf(value / rate)
    except OverflowError:
        return True


class Model:
    """What the daemon should hold after the datagrams that it was sent, in order."""

    def __init__(self):
        self.datagrams = self.bytes = self.lines = self.values = self.ignored = 0
        self.rejected = dict.fromkeys(REASONS, 0)
        self.series = {section: {} for section in SECTIONS}

    def counts(self):
        return {"datagrams": self.datagrams, "bytes": self.bytes, "lines": self.lines,
                "values": self.values, "ignored": self.ignored,
                "rejected": {"total": sum(self.rejected.values()), **self.rejected}}

    def datagram(self, data):
        self.datagrams += 1
        self.bytes += len(data)
        for line in data.split(b"\n"):
            line = line[:-1] if line.endswith(b"\r") else line
            if line:
                self.line(line)

    def line(self, line):
        self.lines += 1
        try:
            parsed = parse(line)
        except Rejected as reason:
            self.rejected[str(reason)] += 1
            return
        if parsed is None:
            self.ignored += 1
            return
        kind, series, values, rate = parsed
        self.values += len(values)
        for value in values:
            self._record(self.series[kind], kind, series, value, rate)

    def _record(self, section, kind, series, value, rate):
        if kind == "stats":
            section.setdefault(series, []).append((float(value), 1 / rate))
        elif kind == "counters":
            parts = section.setdefault(series, [])
            exact = isinstance(value, int) and rate == 1 and -INT64_MAX - 1 <= value <= INT64_MAX
            parts.append(value if exact else float(value) / rate)
        elif kind == "gauges":
            amount, relative = value
            section[series] = section.get(series, 0.0) + amount if relative else float(amount)
        elif kind == "sets":
            section.setdefault(series, set()).add(value)
        elif kind == "flags":
            section[series] = value
        else:
            done, total = section.get(series, (0, 0))
            how, number_done, new_total = value
            if how == "add":
                done += number_done
            elif how == "set":
                done = number_done
            section[series] = (done, total if new_total is None else new_total)


def summary(records):
    """count, sum, mean, min, max, stddev of weighted records, in exact arithmetic where it counts."""
    count = math.fsum(w for _, w in records)
    total = math.fsum(v * w for v, w in records)
    mean = total / count
    spread = math.fsum(w * (v - mean) ** 2 for v, w in records) / count
    return {"count": count, "sum": total, "mean": mean, "min": min(v for v, _ in records),
            "max": max(v for v, _ in records), "stddev": math.sqrt(spread)}


def differences(model, reply):
    """=> what a reply of /stats says otherwise than the model, as lines of text."""
    wrong = []
    counts = {key: reply["ingest"][key] for key in model.counts()}
    if counts != model.counts():
        wrong.append(f"ingest: expected {model.counts()}, actual {counts}")
    for section in SECTIONS:
        expected, actual = model.series[section], reply[section]
        if set(expected) != set(actual):
            wrong.append(f"{section}: missing {sorted(set(expected) - set(actual))}, "
                         f"too many {sorted(set(actual) - set(expected))}")
        for series in expected:
            if series in actual:
                wrong += _compare(section, series, expected[series], actual[series])
    return wrong


def _near(expected, actual, scale=0.0):
    """The daemon may print null for what is no finite number."""
    if not math.isfinite(expected):
        return actual is None
    return actual is not None and abs(actual - expected) <= 1e-9 * max(abs(expected), scale)


def _compare(section, series, expected, actual):
    if section == "stats":
        try:
            wanted = summary(expected)
        except OverflowError:
            return []
        if not all(math.isfinite(x) for x in wanted.values()):
            return []
        size = max(abs(wanted["min"]), abs(wanted["max"]))
        # A sum of terms that cancel is as exact as its terms are, and a spread near nothing as the
        # root of that.
        scale = {"stddev": 100 * size, "mean": size, "sum": size * wanted["count"]}
        if all(_near(wanted[k], actual[k], scale.get(k, 0.0)) for k in wanted):
            return []
        return [f"{section} {series!r}: expected {wanted}, actual {actual}"]
    if section == "counters":
        exact = all(isinstance(part, int) for part in expected)
        total = sum(expected) if exact else math.fsum(expected)
        good = actual == total if exact and abs(total) <= INT64_MAX else \
            _near(float(total), actual, max(abs(float(part)) for part in expected))
        return [] if good else [f"{section} {series!r}: expected {total}, actual {actual}"]
    if section == "sets":
        total = len(expected)
        return [] if abs(actual - total) <= max(0.5, 0.02 * total) else \
            [f"{section} {series!r}: expected about {total}, actual {actual}"]
    if section == "progress":
        state = (actual["done"], actual["total"] or 0)
        return [] if state == expected else [f"{section} {series!r}: expected {expected}, actual {state}"]
    good = _near(expected, actual) if section == "gauges" else expected is actual
    return [] if good else [f"{section} {series!r}: expected {expected}, actual {actual}"]


def unescape(text):
    r"""The table's spelling of a datagram as bytes: \n, \r, \\ and octal \NNN."""
    def one(match):
        code = match.group(1)
        return {b"n": b"\n", b"r": b"\r", b"\\": b"\\"}.get(code) or bytes([int(code, 8)])
    return re.sub(rb"\\(n|r|\\|[0-7]{3})", one, text.encode("ascii"))


def escape(data):
    """The other way round, for one line of a message."""
    return "".join({10: "\\n", 13: "\\r", 92: "\\\\"}.get(b, chr(b) if 32 <= b < 127 else f"\\{b:03o}")
                   for b in data)


def read_table(path):
    with open(path, encoding="ascii", newline="\n") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [dict(zip(rows[0], row)) for row in rows[1:]]
