#!/usr/bin/python3
"""mutate.py BUILD FILE.c... - flips each condition of the files once: does a test notice?

A condition is what if, while, for, do and ?: ask, each side of && and ||, what ! negates, and every comparison.  A mutant is
the program with one of them flipped.  It dies when a test fails, crashes, or takes ten times as long as it should.  Of
the files of a room, at least 95 of 100 die.

All mutants are built at once: in a copy of the tree, below BUILD/mutate, each condition becomes gf_mutant(N, condition),
and tests/mutant.c flips the one that the environment names.  A first run of every test by itself finds how long it takes and
which conditions it comes by; then a mutant meets the tests that come by it until one fails: first the one that killed it
last time (BUILD/mutate/killers), then the unit tests, then those of the command line and the hostile table.  In units leaks
count, too: the leak sanitizer is linked in.

tests/mutants names those that may live, each with its reason: FILE, FUNCTION, the condition's text, why, with a tab
between; the second of a text in a function ends in " (2)".  They meet the unit tests alone.  TAP, one test a file and one a
room: good when every other mutant died and every line of tests/mutants still fits one that lives.

-j N: so many at once (default: cores).  --units: unit tests alone."""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import clang.cindex as clang
from clang.cindex import CursorKind as Kind

ROOMS = ("bundles", "sign", "verify", "pack", "unpack", "cli")  # whose unit tests are run
SYSTEM_STATE = "/var/lib/gapferry"
SLOW = 120  # seconds of tests that a mutant must outlive
MUST_DIE = 0.95
ASKING = {Kind.IF_STMT: 0, Kind.WHILE_STMT: 0, Kind.CONDITIONAL_OPERATOR: 0, Kind.DO_STMT: 1}
COMPARING = (b"==", b"!=", b"<", b">", b"<=", b">=")


# ---- conditions ----

def read(path):
    with open(path, "rb") as f:
        return f.read()


class File:
    def __init__(self, path, flags):
        self.path, self.text = path, read(path)
        self.found = {}  # (begin, end): function
        unit = clang.Index.create().parse(path, args=flags)
        errors = [d for d in unit.diagnostics if d.severity >= clang.Diagnostic.Error]
        if errors:
            sys.exit("mutate.py: %s" % errors[0])
        for node in unit.cursor.get_children():
            if node.kind == Kind.FUNCTION_DECL and node.location.file.name == path:
                self.function = node.spelling
                self.walk(node, False)

    def walk(self, node, asked):
        """asked: what is around node wants to know whether it is true."""
        span = whole = extent(node)
        sides = list(node.get_children())
        while node.kind in (Kind.PAREN_EXPR, Kind.UNEXPOSED_EXPR) and len(sides) == 1:
            node = sides[0]
            span, sides = extent(node), list(node.get_children())
        if node.kind == Kind.VAR_DECL and node.storage_class == clang.StorageClass.STATIC:
            return
        asks = ASKING.get(node.kind, -1)
        if node.kind == Kind.FOR_STMT:
            asks = next((i for i, s in enumerate(sides) if self.text[span[0]:extent(s)[0]].count(b";") == 1), -1)
        operator = b""
        if node.kind == Kind.UNARY_OPERATOR:
            operator = self.text[span[0]:span[0] + 1]
        elif node.kind == Kind.BINARY_OPERATOR:
            operator = re.sub(rb"/\*.*?\*/", b"", self.text[extent(sides[0])[1]:extent(sides[1])[0]]).strip()
        logical = operator in (b"&&", b"||", b"!")
        if operator in COMPARING or (asked and not logical):
            self.found[whole] = self.function
        for i, side in enumerate(sides):
            if extent(side) != span:  # else it is the inside of a macro
                self.walk(side, logical or i == asks)

    def mutants(self):
        out, texts = [], collections.Counter()
        for span in sorted(self.found):
            m = Mutant(self, span)
            texts[m.key] += 1
            if texts[m.key] > 1:
                m.condition += " (%d)" % texts[m.key]
            out.append(m)
        return out

    def wrapped(self, first):
        """At one place the longer one opens first and closes last."""
        marks = []
        for number, (begin, end) in enumerate(sorted(self.found), first):
            marks += [(begin, 1, -end, b"gf_mutant(%d, " % number), (end, 0, -begin, b")")]
        out, at = [b"_Bool gf_mutant(int, _Bool);\n#line 1\n"], 0
        for place, _, _, mark in sorted(marks):
            out += [self.text[at:place], mark]
            at = place
        return b"".join(out) + self.text[at:]


def extent(node):
    return node.extent.start.offset, node.extent.end.offset


class Mutant:
    def __init__(self, file, span):
        self.number, self.path, self.room, self.function = 0, file.path, file.path.split("/")[0], file.found[span]
        self.line = file.text.count(b"\n", 0, span[0]) + 1
        self.condition = " ".join(file.text[span[0]:span[1]].decode().split())

    @property
    def key(self):
        return self.path, self.function, self.condition

    def __str__(self):
        return "%s:%d: %s: %s" % (self.path, self.line, self.function, self.condition)


# ---- what is built, and run ----

def make(tree, *words):
    done = subprocess.run(["make", "--no-print-directory", "-s", "-C", tree, *words], stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit("mutate.py: make failed")
    return done.stdout.decode()


def compile_flags(build):
    out = make(".", "-n", "-B", "B=" + build, build + "/verify/accept.o")
    words = next(l for l in out.splitlines() if "accept.c" in l).replace("'\"", '"').replace("\"'", '"').split()
    return [w for w in words if re.match(r"-(std|D|I)", w) and "FORTIFY" not in w]


class Test:
    """A command that fails when something is wrong."""

    def __init__(self, place, *argv, **env):
        self.place, self.argv, self.env = place, argv, env
        self.seconds, self.seen, self.out = 0.0, b"", ""
        self.room = os.path.basename(os.path.dirname(argv[0]))
        self.name = " ".join([*argv, *env.values()])

    def run(self, limit, **env):
        """Does it pass?  Whatever it started in its group is ended."""
        with tempfile.TemporaryDirectory(prefix="gf-mutant.") as work:
            env = {**{k: v for k, v in os.environ.items() if k in ("PATH", "GF_VECTORS")}, "LC_ALL": "C", "HOME": work,
                   "TMPDIR": work, "GAPFERRY_STATE": work + "/state", "B": self.place.out,
                   "GAPFERRY": self.place.out + "/gapferry", **self.env, **env}
            p = subprocess.Popen(["prlimit", "--core=0", "--data=%d" % (4 << 30), "--cpu=%d" % max(2, limit // 3), *self.argv],
                                 env=env, cwd=self.place.tree, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                self.out = p.communicate(timeout=limit)[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                pass
            finally:
                try:
                    os.killpg(p.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                p.wait()
            return p.returncode == 0

    def measure(self):
        """How long it takes without a mutant, and which it comes by."""
        with tempfile.NamedTemporaryFile() as f:
            f.write(bytes(self.place.mutants))
            f.flush()
            began = time.time()
            good = self.run(900, GF_MUTANT_SEEN=f.name)
            self.seconds = time.time() - began
            f.seek(0)
            self.seen = f.read()
        return good

    def kills(self, mutant):
        return not self.run(max(10, 10 * self.seconds), GF_MUTANT=str(mutant.number))


class Place:
    """The copy of the tree, built; and its tests."""

    def __init__(self, build, files):
        self.tree, self.out, self.mutants = build + "/mutate/tree", build + "/mutate/build", 0
        wrapped = {}
        for f in files:
            wrapped["./" + f.path] = f.wrapped(self.mutants)
            self.mutants += len(f.found)
        self.copy(build, wrapped)
        os.makedirs(self.out, exist_ok=True)
        subprocess.run(["cc", "-O1", "-Wall", "-fPIE", "-c", "-o", self.out + "/mutant.o", "tests/mutant.c"], check=True)
        self.programs = [os.path.join(at, n)[len(self.tree) + 1:-2] for r in ROOMS
                         for at, _, names in os.walk(self.tree + "/tests/unit/" + r) for n in sorted(names) if re.match(r"test_.*\.c$", n)]
        # The program without: it contains itself, where no leak can be searched, and under faketime(1) the sanitizer hangs.
        self.make("", self.out + "/gapferry")
        self.make("-fsanitize=leak ", *[self.out + "/" + p for p in self.programs])

    def copy(self, build, wrapped):
        """The tree as it is, but for these files; what is there already and the same stays, and make(1) has less to do."""
        there = set()
        for at, names, files in os.walk("."):
            names[:] = [n for n in names if n != ".git" and os.path.abspath(os.path.join(at, n)) != build]
            os.makedirs(os.path.join(self.tree, at), exist_ok=True)
            for path in (os.path.join(at, n) for n in files):
                to = os.path.join(self.tree, path)
                there.add(os.path.normpath(to))
                text = wrapped.get(path) or read(path)
                if os.path.exists(to) and read(to) == text:
                    continue
                # Newer than what was made of it, also where it is as it was before the last run.
                with open(to, "wb") as f:
                    f.write(text)
                shutil.copymode(path, to)
        for at, _, files in os.walk(self.tree):
            for path in (os.path.join(at, n) for n in files):
                if path not in there:
                    os.unlink(path)

    def make(self, sanitizer, *what):
        make(self.tree, "-j%d" % os.cpu_count(), "B=" + self.out, "CFLAGS=-O1 -w", "LDFLAGS=" + sanitizer + self.out + "/mutant.o", *what)

    def unit(self, program):
        """The tests of a program, each by itself; where one needs those before it, the whole program too."""
        whole = Test(self, self.out + "/" + program)
        if not whole.measure():
            sys.exit("mutate.py: %s fails without a mutant" % program)
        names = re.findall(r"(?m)^\[ RUN +\] (\w+)$", whole.out)
        alone = [p for p in (Test(self, whole.argv[0], GF_MUTANT_TEST=n) for n in names) if p.measure()]
        return alone if names and len(alone) == len(names) else alone + [whole]

    def units(self, pool):
        return sum(pool.map(self.unit, self.programs), [])

    def program(self, pool):
        """What asks the program itself: the tests of the command line, the hostile table."""
        tests = []
        for path in sorted(os.listdir(self.tree + "/tests/cli")):
            if path.endswith(".bats"):
                with open(self.tree + "/tests/cli/" + path, encoding="utf-8") as f:
                    for name in re.findall(r"(?m)^@test ['\"](.*)['\"] {", f.read()):
                        name = re.sub(r"([][.*+?(){}|^$\\])", r"\\\1", name)
                        tests.append(Test(self, "bats", "--filter", "^%s$" % name, "tests/cli/" + path))
        ids = {"trust", "peers", "D", "O", "text"}
        for group in ("container", "signature", "statement", "graph", "archive"):
            with open(self.tree + "/tests/hostile/%s_rows.py" % group, encoding="utf-8") as f:
                ids |= set(re.findall(r'row\("([A-Z]\d+)"', f.read()))
        tests += [Test(self, "/usr/bin/python3", "tests/hostile/table.py", "--show", i) for i in sorted(ids)]
        for test, good in zip(tests, pool.map(Test.measure, tests)):
            if not good:
                print("# fails without a mutant, and is left out: %s" % " ".join(test.argv), flush=True)
                test.seen = bytes(self.mutants)
        return tests


class Killers:
    """Which test killed a mutant, now and the last time."""

    def __init__(self, path):
        self.counts, self.of = collections.Counter(), {}
        self.file = open(path, "a+", encoding="utf-8")
        self.file.seek(0)
        for line in self.file:
            key, name = json.loads(line)
            self.of[tuple(key)] = name

    def order(self, mutant, tests):
        """Tests that killed others of its file come first, and those of its room, as far as they are fast."""
        return sorted(tests, key=lambda t: (t.name != self.of.get(mutant.key), t.seconds / (
            self.counts[mutant.path, t.name] + (0.5 if t.room == mutant.room else 0.05))))

    def note(self, mutant, test):
        self.counts[mutant.path, test.name] += 1
        if self.of.get(mutant.key) != test.name:
            self.of[mutant.key] = test.name
            self.file.write(json.dumps([mutant.key, test.name]) + "\n")
            self.file.flush()


def judge(mutant, tests, killers):
    """Does it live?"""
    left = SLOW
    for test in killers.order(mutant, [t for t in tests if t.seen[mutant.number]]):
        if left <= 0:
            break
        began = time.time()
        if test.kills(mutant):
            killers.note(mutant, test)
            return False
        left -= time.time() - began
    return True


def allowed():
    out = {}
    with open("tests/mutants", encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                path, function, condition, why = line.rstrip("\n").split("\t")
                out[path, function, condition] = why
    return out


def report_file(number, path, mutants, alive, may):
    """Is all well with this file?"""
    living = {m.key for m in alive}
    lines = ["# lives: %s" % m for m in alive if m.key not in may]
    unexplained = len(lines)
    lines += ["# tests/mutants names one that died, or is not there: %s: %s" % k[1:] for k in may if k[0] == path and k not in living]
    print("\n".join(lines + ["%sok %d - %s: %d conditions, %d died, %d live with a reason" % (
        "not " if lines else "", number, path, len(mutants), len(mutants) - len(alive), len(alive) - unexplained)]), flush=True)
    return not lines


def report_room(number, room, mutants, alive):
    """Do enough of them die?"""
    died = len(mutants) - len(alive)
    good = died >= MUST_DIE * len(mutants)
    print("%sok %d - %s/: %d of %d died: %.1f %%" % (
        "" if good else "not ", number, room, died, len(mutants), 100 * died / len(mutants)), flush=True)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("files", nargs="+")
    parser.add_argument("-j", type=int, default=os.cpu_count())
    parser.add_argument("--units", action="store_true")
    args = parser.parse_args()
    if os.path.exists(SYSTEM_STATE):
        sys.exit("mutate.py: a mutant may write to %s: not on a machine that has one" % SYSTEM_STATE)
    clang.Config.set_library_file("/usr/lib/llvm-14/lib/libclang.so.1")
    build = os.path.abspath(args.build)
    flags = compile_flags(build)
    files = [File(path, flags) for path in args.files]
    mutants = [m for f in files for m in f.mutants()]
    for number, m in enumerate(mutants):
        m.number = number
    place, may, killers = Place(build, files), allowed(), Killers(build + "/mutate/killers")
    alive = mutants
    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        for stage in (place.units,) if args.units else (place.units, place.program):
            met = alive if stage == place.units else [m for m in alive if m.key not in may]
            tests, dead = stage(pool) if met else [], set()
            for m, lives in zip(met, pool.map(lambda m: judge(m, tests, killers), met)):
                if lives:
                    print("# still lives: %s" % m, flush=True)
                else:
                    dead.add(m)
            alive = [m for m in alive if m not in dead]
            print("# %d mutants met %d tests: %d live" % (len(met), len(tests), len(met) - len(dead)), flush=True)
    shutil.rmtree(SYSTEM_STATE, ignore_errors=True)
    rooms = sorted({m.room for m in mutants})
    good = [report_file(n, f.path, [m for m in mutants if m.path == f.path], [m for m in alive if m.path == f.path], may)
            for n, f in enumerate(files, 1)]
    good += [report_room(n, r, [m for m in mutants if m.room == r], [m for m in alive if m.room == r])
             for n, r in enumerate(rooms, len(files) + 1)]
    print("1..%d" % len(good))
    sys.exit(0 if all(good) else 1)


main()
