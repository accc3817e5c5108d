"""Lines like those of the table, bent at random: what a differential test sends."""

BYTES = [bytes([b]) for b in b"|:@#,+-./0123456789eEabcdghmspf _{}\r\0\x7f\x1b"] + [
    b"\xc3\xa9", b"\xff", b"\xc2\x85", b"\xe2\x82", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\xc0\xaf"]
PIECES = [b"|c", b"|g", b"|ms", b"|h", b"|d", b"|s", b"|f", b"|p", b"|@0.5", b"|@1", b"|@0", b"|@1e-3", b"|#a:b",
          b"|#b,a", b"|#", b"|", b":", b":1", b":-1", b":+2.5", b"|T1", b"|c:x", b"1e308", b"9223372036854775807",
          b"-9223372036854775808", b"true", b"0", b"3/4", b"/9", b"+7", b"_e{", b"_sc|", b"nan", b"inf", b"0x10",
          b"1e-320", b"1e", b".", b"5.", b".5", b"1_0", b" ", b"n" * 256, b"#" + b"t" * 1025]


def mutated(rng, lines):
    line = rng.choice(lines)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        at = rng.randrange(len(line) + 1)
        way = rng.randrange(6)
        if way == 0:
            line = line[:at] + line[at + 1:]
        elif way == 1:
            line = line[:at] + rng.choice(BYTES) + line[at:]
        elif way == 2:
            line = line[:at] + rng.choice(BYTES) + line[at + 1:]
        elif way == 3:
            line = line[:at] + rng.choice(PIECES) + line[at:]
        elif way == 4:
            other = rng.choice(lines)
            line = line[:at] + other[rng.randrange(len(other) + 1):]
        else:
            sections = line.split(b"|")
            sections[rng.randrange(len(sections))] = rng.choice(PIECES).lstrip(b"|")
            line = b"|".join(sections)
    return line.replace(b"\n", b"")
