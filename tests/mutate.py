#!/usr/bin/python3
"""mutate.py BUILD FILE.c... - flips each condition of the files once and runs the unit tests of their room.

A condition is what if, while, for, do and ?: ask, each side of && and || by itself, and a comparison or a logical
expression that is returned or assigned.  A mutant is the file with one of them negated.  It dies when a test program
fails, crashes or takes too long; what lives is printed with its line.

tests/mutants names those that may live, each with its reason: FILE, a tab, the condition's text, a tab, why.  TAP, one test
a file: good when every other mutant died and every line of tests/mutants still fits one that lives.

BUILD is a finished build (make units).  Programs run in the order of their speed; a mutant costs one compilation, one
link for each program, and their run until one fails.  The tree must stay as it is meanwhile.  -j N: so many at once (default: cores).  --only TEXT: conditions
that contain it."""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import time

import clang.cindex as clang
from clang.cindex import CursorKind as Kind

LIMIT = 60  # seconds for one program
INSIDE = (Kind.PAREN_EXPR, Kind.UNEXPOSED_EXPR)
ASKING = {Kind.IF_STMT: 0, Kind.WHILE_STMT: 0, Kind.CONDITIONAL_OPERATOR: 0, Kind.DO_STMT: 1}
COMPARING = {"==", "!=", "<", ">", "<=", ">="}


def operator_of(node):
    """Of a binary operator, from the tokens between its two sides."""
    left, right = list(node.get_children())
    for token in node.get_tokens():
        if left.extent.end.offset <= token.extent.start.offset < right.extent.start.offset and token.spelling != ")":
            return token.spelling
    return ""


def bare(node):
    while node.kind in INSIDE and len(list(node.get_children())) == 1:
        node = next(node.get_children())
    return node


def atoms(node, out):
    node = bare(node)
    if node.kind == Kind.BINARY_OPERATOR and operator_of(node) in ("&&", "||"):
        for side in node.get_children():
            atoms(side, out)
    else:
        out.add((node.extent.start.offset, node.extent.end.offset))


def logical(node):
    node = bare(node)
    if node.kind == Kind.UNARY_OPERATOR:
        return next(node.get_tokens()).spelling == "!"
    return node.kind == Kind.BINARY_OPERATOR and operator_of(node) in COMPARING | {"&&", "||"}


def walk(node, path, out):
    for child in node.get_children():
        if child.location.file is not None and child.location.file.name != path:
            continue
        sides = list(child.get_children())
        if child.kind in ASKING:
            atoms(sides[ASKING[child.kind]], out)
        elif child.kind == Kind.FOR_STMT:
            for side in sides[:-1]:
                if logical(side):
                    atoms(side, out)
        elif child.kind == Kind.RETURN_STMT and sides and logical(sides[0]):
            atoms(sides[0], out)
        elif child.kind in (Kind.VAR_DECL,) and sides and logical(sides[-1]):
            atoms(sides[-1], out)
        elif child.kind == Kind.BINARY_OPERATOR and operator_of(child) == "=" and logical(sides[1]):
            atoms(sides[1], out)
        walk(child, path, out)


def conditions(path, flags):
    clang.Config.set_library_file("/usr/lib/llvm-14/lib/libclang.so.1") if not clang.Config.loaded else None
    unit = clang.Index.create().parse(path, args=flags)
    errors = [d for d in unit.diagnostics if d.severity >= clang.Diagnostic.Error]
    if errors:
        sys.exit("mutate.py: %s" % errors[0])
    found = set()
    walk(unit.cursor, path, found)
    return sorted(found)


def make_flags(build):
    """As the Makefile compiles, and what it links a test program with."""
    out = subprocess.run(["make", "-n", "-B", "B=" + build, build + "/verify/accept.o"], check=True, stdout=subprocess.PIPE)
    line = next(l for l in out.stdout.decode().splitlines() if "accept.c" in l)
    words = line.replace("'\"", '"').replace("\"'", '"').split()
    return [w for w in words[1:] if re.match(r"-(std|D|I|pthread)", w) and "FORTIFY" not in w]


class Program:
    def __init__(self, build, room, name):
        self.source = "tests/unit/%s/%s.c" % (room, name)
        self.name = name
        out = subprocess.run(["make", "-n", "-B", "B=" + build, "%s/tests/unit/%s/%s" % (build, room, name)], check=True,
                             stdout=subprocess.PIPE)
        line = next(l for l in out.stdout.decode().splitlines() if " -lcmocka" in l)
        self.libraries = [w for w in line.split() if w.endswith(".a") or w.startswith("-l")]
        self.object = "%s/mutate/%s.o" % (build, name)
        self.seconds = 0.0


class Bench:
    def __init__(self, build, flags):
        self.build, self.flags = build, flags

    def compile(self, source, target):
        subprocess.run(["cc", "-O0", "-w", *self.flags, "-c", "-o", target, source], check=True, stdin=subprocess.DEVNULL)

    def run(self, program, mutant, work):
        """True: every test passed."""
        binary = os.path.join(work, program.name)
        subprocess.run(["cc", "-pthread", "-o", binary, program.object, *([mutant] if mutant else []), *program.libraries],
                       check=True)
        try:
            done = subprocess.run([binary], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def judge(bench, programs, path, text, span):
    """Does the mutant live?"""
    begin, end = span
    with tempfile.TemporaryDirectory(prefix="gf-mutant.") as work:
        source = os.path.join(work, os.path.basename(path))
        with open(source, "wb") as f:
            f.write(text[:begin] + b"!(" + text[begin:end] + b")" + text[end:])
        mutant = os.path.join(work, "mutant.o")
        bench.compile(source, mutant)
        return all(bench.run(p, mutant, work) for p in programs)


def programs_for(bench, build, path):
    """The unit tests of the file's room, the one of its own name first, then the fast ones."""
    room, stem = path.split("/")[0], os.path.basename(path)[:-2]
    names = sorted(f[:-2] for f in os.listdir("tests/unit/" + room) if f.startswith("test_") and f.endswith(".c"))
    programs = [Program(build, room, n) for n in names]
    with tempfile.TemporaryDirectory(prefix="gf-mutant.") as work:
        for p in programs:
            bench.compile(p.source, p.object)
            start = time.time()
            if not bench.run(p, None, work):
                sys.exit("mutate.py: %s fails without a mutant" % p.name)
            p.seconds = time.time() - start
    return sorted(programs, key=lambda p: (p.name != "test_" + stem, p.seconds))


def allowed():
    out = {}
    with open("tests/mutants", encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                path, condition, why = line.rstrip("\n").split("\t")
                out[path, condition] = why
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("files", nargs="+")
    parser.add_argument("-j", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    build = os.path.abspath(args.build)
    flags = make_flags(build)
    bench = Bench(build, flags)
    os.makedirs(build + "/mutate", exist_ok=True)
    may, bad = allowed(), 0
    for number, path in enumerate(args.files, 1):
        began, used, lives = time.time(), set(), []
        programs = programs_for(bench, build, path)
        with open(path, "rb") as f:
            text = f.read()
        spans = [s for s in conditions(path, flags) if args.only.encode() in text[s[0]:s[1]]]
        with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
            verdicts = list(pool.map(lambda s: judge(bench, programs, path, text, s), spans))
        for span, alive in zip(spans, verdicts):
            condition = " ".join(text[span[0]:span[1]].decode().split())
            if alive and (path, condition) in may:
                used.add((path, condition))
            elif alive:
                lives.append("# lives: %s:%d: %s" % (path, text.count(b"\n", 0, span[0]) + 1, condition))
        lives += ["# tests/mutants names one that died: %s" % c for p, c in may if p == path and (p, c) not in used and not args.only]
        print("\n".join(lives + ["%sok %d - %s: %d conditions flipped, %d live with a reason; %d s" %
                                 ("not " if lives else "", number, path, len(spans), len(used), time.time() - began)]), flush=True)
        bad += bool(lives)
    print("1..%d" % len(args.files))
    sys.exit(1 if bad else 0)


main()
