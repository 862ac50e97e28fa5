#!/usr/bin/env python3
"""names.py - the stable names of errors (base/error.h) that no test mentions, one a line; --all: every name.

A name is a literal argument of a function that makes an error or passes the name on to one; where a name is made up in
another way this file must be told, and says so.  A test mentions a name as a whole literal, or, in a .bats file, on a
line that looks at .error.name."""

import re
import subprocess
import sys

# Which argument is the name.
ARGUMENT = {"gf_fail": 2, "gf_fail_errno": 2, "gf_json_fail": 1, "gf_json_fail_member": 2, "gf_docker_refused": 2,
            "gf_output_expect": 2, "read_left": 3, "wrong": 0}
RETURNED = ("fault_name", "refusal_name")  # functions that choose a name
PASSED_ON = re.compile(r"(const char \*)?name|h->name|inner\.name|(%s)\(.*\)" % "|".join(RETURNED))
LITERAL = re.compile(r'"([a-z][a-z0-9-]*)"')
ROOMS = "base bundles sign verify remote pack unpack cli".split()


def files(*patterns):
    out = subprocess.run(["git", "ls-files", "-z", "--", *patterns], stdout=subprocess.PIPE, check=True).stdout
    return [f for f in out.decode().split("\0") if f]


def text_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except FileNotFoundError:  # removed and not yet committed
        return ""


def arguments(text, at):
    """Those of the call whose opening bracket ends at at."""
    out, depth, begin, i = [], 1, at, at
    while depth:
        c = text[i]
        if c in "\"'":
            i += 1
            while text[i] != c:
                i += 2 if text[i] == "\\" else 1
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 1:
            out.append(text[begin:i].strip())
            begin = i + 1
        i += 1
    return out + [text[begin:i - 1].strip()]


def names():
    found, odd = set(), []
    call = re.compile(r"\b(%s)\(" % "|".join(ARGUMENT))
    chosen = re.compile(r"^static const char \*(?:%s)\(.*?^}" % "|".join(RETURNED), re.M | re.S)
    for path in files(*("%s/*.c" % r for r in ROOMS)):
        text = re.sub(r"/\*.*?\*/", "", text_of(path), flags=re.S)
        for m in call.finditer(text):
            a = arguments(text, m.end())
            said = a[ARGUMENT[m[1]]] if len(a) > ARGUMENT[m[1]] else ""
            choice = said.split("?", 1)[-1]
            literals = LITERAL.findall(choice)
            found.update(literals)
            if not literals and not PASSED_ON.fullmatch(said):
                odd.append("%s: %s gets the name '%s', which is no literal" % (path, m[1], said))
        for m in chosen.finditer(text):
            found.update(LITERAL.findall(m[0]))
    return found, odd


def mentioned():
    out = set()
    for path in files("tests"):
        if path.startswith(("tests/fuzz/corpus", "tests/fixtures")):
            continue
        if path.endswith((".c", ".h", ".py")) and path != "tests/names.py":
            out.update(LITERAL.findall(text_of(path)))
        elif path.endswith(".bats"):
            for line in text_of(path).splitlines():
                if "error.name" in line:
                    out.update(re.findall(r"[a-z][a-z0-9-]*", line))
    return out


def main():
    found, odd = names()
    for line in sorted(found) if "--all" in sys.argv else sorted(found - mentioned()) + odd:
        print(line)


if __name__ == "__main__":
    main()
