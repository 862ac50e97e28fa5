#!/usr/bin/env python3
"""remake.py thin IN OUT DIGEST...    the thin copy of IN without these layers (FORMAT.md 1 "A thin copy")
remake.py damage IN OUT DIGEST     IN with one bit changed in the middle of this blob

Written from the format's text, without a byte of the program."""

import sys


def members(data):
    """(name, where its header stands, size)"""
    at = 0
    while data[at] != 0:
        name = data[at:at + 100].rstrip(b"\0").decode()
        size = int(data[at + 124:at + 135], 8)
        yield name, at, size
        at += 512 + (size + 511) // 512 * 512


def header(like, name, size):
    block = bytearray(like)
    block[0:100] = name.encode().ljust(100, b"\0")
    block[124:136] = b"%011o\0" % size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


what, source, target, digests = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
data = open(source, "rb").read()
blobs = ["blobs/sha256/" + d.removeprefix("sha256:") for d in digests]
found = {name for name, _, _ in members(data)}
for b in blobs:
    if b not in found:
        sys.exit("remake.py: %s has no %s" % (source, b))
if what == "damage":
    changed = bytearray(data)
    for name, at, size in members(data):
        if name in blobs:
            changed[at + 512 + size // 2] ^= 1
    open(target, "wb").write(changed)
else:
    front, layers, padded = b"", b"", False
    for name, at, size in members(data):
        whole = data[at:at + 512 + (size + 511) // 512 * 512]
        if name == "META/padding":
            padded = True
        elif padded and name not in blobs:
            layers += whole
        elif not padded and name not in ("oci-layout", "index.json", "manifest.json"):
            front += whole
    size = -(len(front) + 512) % 65536
    padding = header(data[:512], "META/padding", size) + bytes((size + 511) // 512 * 512)
    open(target, "wb").write(front + padding + layers + bytes(1024))
