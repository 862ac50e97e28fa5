#!/usr/bin/env python3
"""coverage.py LCOV - lines and branches that were reached, by room and file; the lines that raise an error and were not.

A branch is one condition with one outcome.  Of tests/uncovered (FILE, part of the line, reason; tabs between) each line
must fit a line that raises an error and was not reached."""

import os
import re
import sys

import names

FIVE = "base bundles sign verify remote".split()
LINES, BRANCHES = 95, 85  # percent, of the five rooms
RAISES = re.compile(r"\b(gf_\w*fail\w*|gf_no_memory)\(")


class Reached:
    def __init__(self):
        self.lines, self.branches = {}, {}  # line: was it reached; (line, block, branch): the same

    def sums(self):
        return (sum(self.lines.values()), len(self.lines), sum(self.branches.values()), len(self.branches))


def read(path):
    found, root, now = {}, os.getcwd() + "/", None
    for line in open(path, encoding="utf-8"):
        word, _, rest = line.strip().partition(":")
        part = rest.split(",")
        if word == "SF":
            file = os.path.normpath(rest).replace(root, "")
            now = found.setdefault(file, Reached()) if file.split("/")[0] in names.ROOMS else None
        elif now is not None and word == "DA":
            now.lines[int(part[0])] = now.lines.get(int(part[0]), False) or part[1] != "0"
        elif now is not None and word == "BRDA":
            key = tuple(part[:3])
            now.branches[key] = now.branches.get(key, False) or part[3] not in ("0", "-")
    return found


def error_name(text, at, call):
    if call == "gf_no_memory":
        return "no-memory"
    args = names.arguments(text, at)
    for arg in args[names.ARGUMENT[call]:] if call in names.ARGUMENT else args:
        literal = names.LITERAL.fullmatch(arg.strip())
        if literal:
            return literal.group(1)
    return "-"


def silent(file, reached):
    """(line, error's name, text) of what raises an error and was not reached."""
    text = names.text_of(file)
    lines = text.split("\n")
    for m in RAISES.finditer(text):
        n = text.count("\n", 0, m.start()) + 1
        if reached.lines.get(n) is False:
            yield n, error_name(text, m.end(), m.group(1)), lines[n - 1].strip()


def percent(a, b):
    return 100.0 * a / b if b else 100.0


def row(name, sums):
    a, b, c, d = sums
    print("%-36s %6d of %6d lines %6.1f %%  %6d of %6d branches %6.1f %%" % (name, a, b, percent(a, b), c, d, percent(c, d)))


def add(rows):
    return tuple(sum(r[i] for r in rows) for i in range(4))


def main():
    found = read(sys.argv[1])
    sums = {f: r.sums() for f, r in found.items()}
    for room in names.ROOMS:
        files = sorted(f for f in sums if f.startswith(room + "/"))
        for f in files:
            row("  " + f, sums[f])
        row(room, add([sums[f] for f in files]))
    five = add([s for f, s in sums.items() if f.split("/")[0] in FIVE])
    row("the five rooms: " + " ".join(FIVE), five)

    with open("tests/uncovered", encoding="utf-8") as f:
        reasons = [line.rstrip("\n").split("\t") for line in f if line.strip() and not line.startswith("#")]
    fits, open_ones = set(), 0
    print("\nErrors that no test raised:")
    for file in sorted(found):
        for n, name, text in silent(file, found[file]):
            reason = [i for i, r in enumerate(reasons) if r[0] == file and r[1] in text]
            fits.update(reason)
            open_ones += not reason
            print("%s:%d %s%s" % (file, n, name, "".join("  (" + reasons[i][2] + ")" for i in reason[:1])))
    print("%d of them have no reason in tests/uncovered" % open_ones)

    bad = ["tests/uncovered: no such line, or a test reaches it: " + "  ".join(r[:2])
           for i, r in enumerate(reasons) if i not in fits]
    if percent(*five[:2]) < LINES:
        bad.append("fewer than %d %% of the lines of %s" % (LINES, " ".join(FIVE)))
    if percent(*five[2:]) < BRANCHES:
        bad.append("fewer than %d %% of their branches" % BRANCHES)
    for line in bad:
        print("FAILED: " + line)
    return 1 if bad else 0


sys.exit(main())
