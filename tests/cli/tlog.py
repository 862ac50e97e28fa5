#!/usr/bin/env python3
"""tlog.py - what an auditor could write: RFC 6962 and the formats of c2sp.org, with nothing of gapferry in it.

  tlog.py root LOG [N]                    root in base64 of the first N lines (default: all), by the RFC's recursion
  tlog.py proof PROOF LINE KEY            a tlog-proof: is this line (a file, without its LF) in the log that KEY signed?
  tlog.py growth PROOF OLD-CHECKPOINT KEY did the log of the three lines OLD grow into the one that KEY signed?
  tlog.py vectors DIRECTORY               the same two checks against vectors by others
Says what it found, and 0 when all is well.  Signatures are openssl's business."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def tree(leaves):
    """RFC 6962, 2.1, as it is written there."""
    n = len(leaves)
    if n == 0:
        return sha()
    if n == 1:
        return sha(b"\0", leaves[0])
    k = 1
    while 2 * k < n:
        k *= 2
    return sha(b"\1", tree(leaves[:k]), tree(leaves[k:]))


def included(leaf_hash, index, size, proof, root):
    """RFC 9162, 2.1.3.2."""
    if index >= size or len(leaf_hash) != 32:
        return False
    f, s, r = index, size - 1, leaf_hash
    for p in proof:
        if s == 0:
            return False
        if f & 1 or f == s:
            r = sha(b"\1", p, r)
            while not f & 1 and f:
                f, s = f >> 1, s >> 1
        else:
            r = sha(b"\1", r, p)
        f, s = f >> 1, s >> 1
    return s == 0 and r == root


def grown(old, new, old_root, new_root, proof):
    """RFC 9162, 2.1.4.2."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if not proof:
        return False
    if old & (old - 1) == 0:
        proof = [old_root] + proof
    f, s = old - 1, new - 1
    while f & 1:
        f, s = f >> 1, s >> 1
    a = b = proof[0]
    for c in proof[1:]:
        if s == 0:
            return False
        if f & 1 or f == s:
            a, b = sha(b"\1", c, a), sha(b"\1", c, b)
            while not f & 1 and f:
                f, s = f >> 1, s >> 1
        else:
            b = sha(b"\1", b, c)
        f, s = f >> 1, s >> 1
    return s == 0 and a == old_root and b == new_root


def b64(text):
    return base64.b64decode(text, validate=True)


def checkpoint(text):
    origin, size, root = text.split("\n")[:3]
    assert size.isdigit() and str(int(size)) == size
    return origin, int(size), b64(root)


def opened(note, key):
    """The text of a signed note, when the signature of key's file fits."""
    text, lines = note[:note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2:]
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", key, "-outform", "DER"], capture_output=True, check=True).stdout
    for line in lines.splitlines():
        dash, name, sig = line.split(" ")
        sig = b64(sig)
        assert dash == "\u2014"
        if name == text.split("\n")[0] and sig[:4] == hashlib.sha256(der).digest()[:4]:
            with tempfile.NamedTemporaryFile() as s, tempfile.NamedTemporaryFile() as t:
                s.write(sig[4:])
                t.write(text.encode())
                s.flush()
                t.flush()
                subprocess.run(["openssl", "dgst", "-sha256", "-verify", key, "-signature", s.name, t.name],
                               stdout=subprocess.DEVNULL, check=True)
            return text
    sys.exit("no signature by " + key)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def check_proof(path, line, key):
    head, note = read(path).decode().split("\n\n", 1)
    head = head.split("\n")
    assert head[0] == "c2sp.org/tlog-proof@v1" and head[1].startswith("index ")
    _, size, root = checkpoint(opened(note, key))
    if not included(sha(b"\0", read(line)), int(head[1][6:]), size, [b64(h) for h in head[2:]], root):
        sys.exit("not in the log")
    print("line %d of %d" % (int(head[1][6:]) + 1, size))


def check_growth(path, old, key):
    head, note = read(path).decode().split("\n\n", 1)
    head = head.split("\n")
    origin, size, root = checkpoint(opened(note, key) if key else note)
    old_origin, old_size, old_root = checkpoint(read(old).decode())
    assert head[0] == "old %d" % old_size and origin == old_origin
    if not grown(old_size, size, old_root, root, [b64(h) for h in head[1:]]):
        sys.exit("it did not grow")
    print("from %d to %d lines" % (old_size, size))


def check_vectors(directory):
    good = bad = 0
    for kind in "inclusion", "consistency":
        for where, _, names in os.walk(os.path.join(directory, kind)):
            for name in sorted(names):
                v = json.loads(read(os.path.join(where, name)))
                proof = [b64(p) for p in v["proof"] or []]
                if kind == "inclusion":
                    ok = included(b64(v["leafHash"]), v["leafIdx"], v["treeSize"], proof, b64(v["root"]))
                else:
                    ok = grown(v["size1"], v["size2"], b64(v["root1"]), b64(v["root2"]), proof)
                if ok == v["wantErr"]:
                    sys.exit("%s/%s: %s" % (where, name, ok))
                good, bad = good + ok, bad + (not ok)
    print("%d good, %d bad" % (good, bad))


verb, rest = sys.argv[1], sys.argv[2:]
if verb == "root":
    lines = read(rest[0]).split(b"\n")[:-1]
    print(base64.b64encode(tree(lines[:int(rest[1])] if len(rest) > 1 else lines)).decode())
elif verb == "proof":
    check_proof(*rest)
elif verb == "growth":
    check_growth(*rest)
else:
    check_vectors(*rest)
