#!/usr/bin/env python3
"""The table of bad input: ids C01-C31 and those of group S that concern .sig files and keys (the corpus that the
project's threat model names); the rest of S and group P, which need a trust file, are in trust_rows.py.  Each row makes one change to one good bundle, says how verify, inspect and unpack must
end (exit status and name of the error), and has a harmless twin: the same steps with the bad bit left out, which must
be accepted.  After every refusal nothing may be left behind.

    table.py            run all, as TAP
    table.py --show ID  what the program says now, for those rows; peers, trust, D, F, O: those alone
    GAPFERRY=PROGRAM    which program
"""

import base64
import bz2
import concurrent.futures
import gzip
import json
import lzma
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading

from model import (BLOCK, CONFIG, EMPTY, IN_TOTO, INDEX, MANIFEST, P256_N, TAR, Bundle, Key, Maker, Member, archive, checksum,
                   compact, der_int, der_read, der_sig, header, image, layer, run, sha256, with_checksum)
from peers import Daemon, Registry
from quine import quine
import daemon_rows
import file_rows
import operator_rows
import readers
import registry_rows
import source_rows
import trust_rows
import trust_world

PROGRAM = os.path.abspath(os.environ.get("GAPFERRY", "build/gapferry"))
WORK = tempfile.mkdtemp(prefix="gapferry-hostile.")
SECONDS = 20
ROWS = []
VERBS = ("verify", "inspect", "unpack")


class Row:
    def __init__(self, id, what, make, twin, expect, keys, verbs, pipe):
        self.id, self.what, self.make, self.twin = id, what, make, twin
        self.expect, self.keys, self.verbs, self.pipe = expect, keys, verbs, pipe


def row(id, what, make, expect, twin=None, keys=None, verbs=VERBS, pipe=True, **other):
    """make(bad): the input; bad False gives the twin.  expect: (status, name) of every verb and, if it is there, a word
    that the message has; other[VERB] of one."""
    ROWS.append(Row(id, what, make, twin, {v: other.get(v, expect) for v in verbs}, keys, verbs, pipe))


# ---- the good bundle ----

def say(*argv, **kw):
    return subprocess.run([PROGRAM, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def clean_env(dir):
    e = {k: v for k, v in os.environ.items() if not k.startswith(("GAPFERRY_", "DOCKER_"))}
    e.update(HOME=dir, GAPFERRY_STATE=os.path.join(dir, "state"), GAPFERRY_CONFIG=os.path.join(dir, "config"), LC_ALL="C")
    os.makedirs(e["GAPFERRY_CONFIG"], exist_ok=True)
    return e


LAYERS = [layer({"etc/motd": b"hello\n" * 400, "bin/a": bytes(range(256)) * 40}), layer({"app/b": b"b" * 3000})]
keydir = os.path.join(WORK, "keys")
os.mkdir(keydir)
rel, evil = Key(keydir, "rel"), Key(keydir, "evil")


def pack(name, source, *more):
    src, out = os.path.join(WORK, name + ".src.tar"), os.path.join(WORK, name + ".tar")
    with open(src, "wb") as f:
        f.write(source)
    p = say("pack", "-q", "-o", out, "--key", rel.pem, "--created", "2026-11-23T01:02:03Z", "--stream", "shop", "--sequence",
            "7", *more, src, env=clean_env(os.path.join(WORK, "packing")))
    if p.returncode != 0:
        sys.exit("table.py: the good bundle cannot be packed: " + p.stderr.decode())
    with open(out, "rb") as f:
        return Bundle(f.read())


good = pack("good", archive(image(LAYERS).items()), "--layers", "none")
other = pack("other", archive(image(LAYERS[:1], ("acme/other:2",)).items()))
GOOD = good.bytes()


# ---- ways to change it ----

def changed(edit):
    """A generator: a copy of the good bundle, changed by edit(bundle, bad)."""
    def make(bad):
        b = good.copy()
        edit(b, bad)
        return b.bytes()
    return make


def patched(name, at, value, fix=True):
    """Bytes of the header of member name replaced; fix: the checksum made right again."""
    def edit(b, bad):
        m = b.members[name] if isinstance(name, int) else b.get(name)
        if bad:
            h = bytearray(m.head)
            h[at:at + len(value)] = value
            m.head = with_checksum(h) if fix else bytes(h)
        else:
            m.head = with_checksum(m.head)
    return changed(edit)


def inserted(before, member):
    def edit(b, bad):
        if bad:
            for x in reversed(member(b)):
                b.insert(before, x)
            b.pad() if not isinstance(before, str) or before in FRONT else None
    return changed(edit)


def resigned(edit, *keys):
    """The statement changed by edit(object) or edit(bytes) and signed anew by keys (rel)."""
    def make(bad):
        b = good.copy()
        text = edit(b.statement(), bad)
        if text == b.statement():
            return GOOD
        b.members[0] = b.make("META/manifest.json", text)
        b.sign(*[k.file(text) for k in (keys or (rel,))])
        return b.bytes()
    return make


def signed(files):
    """The signature files inside are files(statement, bad)."""
    return changed(lambda b, bad: b.sign(*files(b.statement(), bad)))


def raw_sig(raw):
    """One signature file whose decoded bytes are raw(good signature)."""
    def files(text, bad):
        sig = rel.raw(text)
        return [rel.file(text, raw(sig) if bad else sig)]
    return signed(files)


def line_sig(line):
    """One signature file with other bytes: line(good line)."""
    def files(text, bad):
        name, data = rel.file(text)
        return [(name, line(data) if bad else data)]
    return signed(files)


def pax(*records, type=b"x", name="PaxHeaders/x", size=None):
    data = b"".join(records)
    return Member(name, data, header(name, len(data) if size is None else size, good.mtime, type=type))


def record(key, value, length=None):
    body = b" " + key + b"=" + value + b"\n"
    n = len(body) + 1
    while len(b"%d" % n) + len(body) != n:
        n += 1
    return (b"%d" % n if length is None else length) + body


FRONT = [m.name for m in good.members if not m.name in good.layers()]
DOC = good.documents()[0]
LAYER, LAST = good.layers()[0], good.layers()[-1]
TAR_HEADER, HEAD, END, CUT = (4, "tar-header"), (4, "tar-head"), (4, "tar-end"), (4, "cut-short")
FILL, LARGE, DIGEST, PACKED = (4, "tar-fill"), (4, "too-large"), (4, "blob-digest"), (4, "compressed")
NO_SIG = (3, "signature")
SUMS = "SHA256SUMS"


def whole(bytes_):
    return lambda bad: bytes_ if bad else GOOD


# C01
for n, want in ((0, HEAD), (1, CUT), (511, CUT)):
    row("C01", "the first %d bytes alone" % n, whole(GOOD[:n]), want)
for n in (512, 1024):
    row("C01", "%d zeros" % n, whole(bytes(n)), HEAD)

# C02, C03: something else around our bytes, or instead of them
row("C02", "gzip", whole(gzip.compress(GOOD, mtime=0)), PACKED)
row("C02", "xz", whole(lzma.compress(GOOD)), PACKED)
row("C02", "zstd magic", whole(b"\x28\xb5\x2f\xfd" + GOOD), PACKED)
row("C03", "zip", whole(b"PK\3\4" + GOOD), PACKED)
row("C03", "7z", whole(b"7z\xbc\xaf\x27\x1c" + GOOD), PACKED)
row("C03", "cpio", whole(b"070701" + b"0" * 104 + b"META/manifest.json\0" + GOOD), HEAD)
row("C03", "iso", whole(bytes(32768) + b"\1CD001\1" + bytes(2041) + GOOD), HEAD)

# C04-C07, C26: header fields.  first: META/manifest.json, read before trust; the others after it.
for who, name in (("first", 0), ("SHA256SUMS", SUMS), ("document", DOC), ("layer", LAYER)):
    row("C04", "bad checksum, %s" % who, patched(name, 148, b"000001\0 ", fix=False), TAR_HEADER)
    row("C04", "checksum of spaces, %s" % who, patched(name, 148, b" " * 8, fix=False), TAR_HEADER)
    row("C04", "checksum with NUL and space swapped, %s" % who,
        changed(lambda b, bad, name=name: setattr(
            b.members[name] if name == 0 else b.get(name), "head",
            (lambda h: h[:154] + (b" \0" if bad else b"\0 ") + h[156:])((b.members[name] if name == 0 else b.get(name)).head))),
        TAR_HEADER)
    bad_magic = HEAD if name == 0 else TAR_HEADER
    row("C05", "v7 magic, %s" % who, patched(name, 257, bytes(8)), bad_magic)
    row("C05", "GNU magic, %s" % who, patched(name, 257, b"ustar  \0"), bad_magic)
    row("C05", "version 01, %s" % who, patched(name, 257, b"ustar\00001"), bad_magic)
    size = len((good.members[0] if name == 0 else good.get(name)).data)
    for what, value in (
            ("blank", b" " * 12), ("NULs", bytes(12)), ("12 digits", b"%012o" % size), ("leading spaces", b"%11o\0" % size),
            ("trailing space", b"%011o " % size), ("letter", b"%010oz\0" % (size // 8)), ("digit 8", b"%010o8\0" % (size // 8)),
            ("short", b"%010o\0\0" % size), ("hexadecimal", b"0x%09x\0" % size), ("plus", b"+%010o\0" % size)):
        row("C06", "size %s, %s" % (what, who), patched(name, 124, value), bad_magic)
    for what, value in (
            ("-1", b"\xff" * 12), ("2^63", b"\x80" + (2**63).to_bytes(11, "big")), ("2^87", b"\x80" + (2**87).to_bytes(11, "big")),
            ("2^95", b"\xa0" + bytes(11)), ("small positive", b"\x80" + size.to_bytes(11, "big"))):
        row("C07", "size in base 256: %s, %s" % (what, who), patched(name, 124, value), bad_magic)
    for what, at, value in (
            ("mode 06755", 100, b"0006755\0"), ("uid 2^31", 108, b"\x80\0\0\0\x80\0\0\0"), ("gid 1", 116, b"0000001\0"),
            ("mtime 2^33", 136, b"100000000000"), ("mtime -1", 136, b"\xff" * 12), ("mtime one second later", 136, b"%011o\0" % (good.mtime + 1)),
            ("user name", 265, b"root\0"), ("group name", 297, b"root\0"), ("device", 329, b"0000001\0"), ("link name", 157, b"/etc/passwd\0"),
            ("byte after the prefix", 511, b"x")):
        row("C26", "%s, %s" % (what, who), patched(name, at, value), TAR_HEADER)

# C08, C09, C11, C12: extensions that change what a following header means
for what, recs in (
        ("size smaller", [record(b"size", b"1")]), ("size larger", [record(b"size", b"100000")]),
        ("size equal", [record(b"size", b"%d" % len(good.get(SUMS).data))]), ("path", [record(b"path", b"x")]),
        ("linkpath", [record(b"linkpath", b"/x")]), ("empty path", [record(b"path", b"")]), ("NUL in path", [record(b"path", b"SHA256SUMS\0x")]),
        ("charset", [record(b"hdrcharset", b"BINARY")]), ("two of one key", [record(b"path", b"a"), record(b"path", b"b")]),
        ("wrong length", [record(b"path", b"x", b"99")]), ("size +4", [record(b"size", b"+4")]), ("size 0004", [record(b"size", b"0004")]),
        ("size -512", [record(b"size", b"-512")]), ("size 2^63", [record(b"size", b"%d" % 2**63)]), ("size 2^64", [record(b"size", b"%d" % 2**64)]),
        ("no record at all", [])):
    row("C08", "pax header, %s, before SHA256SUMS" % what, inserted(SUMS, lambda b, r=recs: [pax(*r)]), TAR_HEADER)
    row("C08", "pax header, %s, before a layer" % what, inserted(LAYER, lambda b, r=recs: [pax(*r)]), TAR_HEADER)
row("C08", "pax header at the start", inserted(0, lambda b: [pax(record(b"path", b"META/manifest.json"))]), HEAD)
row("C08", "pax header between manifest and signature", inserted(1, lambda b: [pax(record(b"comment", b"x"))]), NO_SIG)
row("C09", "global pax header at the start", inserted(0, lambda b: [pax(record(b"comment", b"x"), type=b"g")]), HEAD)
row("C09", "global pax header before SHA256SUMS", inserted(SUMS, lambda b: [pax(record(b"comment", b"x"), type=b"g")]), TAR_HEADER)
row("C09", "global pax header before a layer", inserted(LAYER, lambda b: [pax(record(b"size", b"0"), type=b"g")]), TAR_HEADER)
for what, types in (("L", [b"L"]), ("K", [b"K"]), ("two L", [b"L", b"L"])):
    row("C11", "GNU %s before SHA256SUMS" % what,
        inserted(SUMS, lambda b, t=types: [pax(b"x" * 120 + b"\0", type=x, name="././@LongLink") for x in t]), TAR_HEADER)
row("C11", "GNU L and pax", inserted(SUMS, lambda b: [pax(b"SHA256SUMS\0", type=b"L", name="././@LongLink"), pax(record(b"path", b"x"))]), TAR_HEADER)
row("C11", "GNU L without a member, at the end",
    changed(lambda b, bad: b.members.append(pax(b"x\0", type=b"L", name="././@LongLink")) if bad else None), END)
for what, rec in (("0.0", [record(b"GNU.sparse.size", b"9"), record(b"GNU.sparse.numblocks", b"0")]),
                  ("0.1", [record(b"GNU.sparse.map", b"0,9")]),
                  ("1.0", [record(b"GNU.sparse.major", b"1"), record(b"GNU.sparse.minor", b"0"), record(b"GNU.sparse.realsize", b"9")]),
                  ("SUN", [record(b"SUN.holesdata", b" 0 9")])):
    row("C12", "sparse %s" % what, inserted(LAYER, lambda b, r=rec: [pax(*r)]), TAR_HEADER)
row("C12", "old GNU sparse", patched(LAYER, 156, b"S"), TAR_HEADER)

# C10, C13-C15, C17: names
def named(member, new, want):
    what = new if isinstance(new, bytes) else new.encode()
    return patched(member, 0, (what + bytes(100))[:100]), want


for new in ("/" + LAYER, "../" + LAYER, "blobs/../" + LAYER, "./" + LAYER, LAYER.replace("/", "//"), LAYER + "/"):
    row("C10", "layer named %s" % new.replace(LAYER[13:], "..."), *named(LAYER, new, TAR_HEADER))
for new in ("/SHA256SUMS", "./SHA256SUMS", "META/../SHA256SUMS", "SHA256SUMS/"):
    row("C10", "file named %s" % new, *named(SUMS, new, TAR_HEADER))
for new in ("/META/manifest.json", "./META/manifest.json", "META//manifest.json", "META/./manifest.json", "META/manifest.json/"):
    row("C10", "first member named %s" % new, *named(0, new, HEAD))
for what, new in (("NUL and more", b"SHA256SUMS\0x"), ("LF", b"SHA256SUMS\n"), ("ESC", b"\x1b]0;x\x07SUMS"), ("DEL", b"SHA256SUM\x7f"),
                  ("0xE9", b"SHA256SUM\xe9"), ("UTF-8", "SHA256SÜMS".encode()), ("bidi", "SHA256\u202eSMUS".encode())):
    row("C13", "name with %s" % what, *named(SUMS, new, TAR_HEADER))
    row("C13", "first name with %s" % what, *named(0, new, HEAD))
row("C13", "META/manifest.json, NUL and more", *named(0, b"META/manifest.json\0x", HEAD))
row("C14", "name of 100 bytes", *named(SUMS, b"x" * 100, TAR_HEADER))
row("C14", "prefix", patched(LAYER, 345, b"prefix"), TAR_HEADER)
row("C14", "name split into prefix and name",
    changed(lambda b, bad: setattr(b.get(LAYER), "head", header(LAYER[13:], len(b.get(LAYER).data), b.mtime, prefix=b"blobs/sha256" + bytes(143)))
            if bad else None), TAR_HEADER)
row("C14", "prefix of 155 bytes", patched(SUMS, 345, b"x" * 155), TAR_HEADER)
for new in ("", ".", "/", ".."):
    row("C15", "name '%s'" % new, *named(SUMS, new, TAR_HEADER))
    row("C15", "first name '%s'" % new, *named(0, new, HEAD))
row("C17", "Blobs/", *named(LAYER, LAYER.replace("blobs", "Blobs"), TAR_HEADER))
row("C17", "upper-case digest", *named(LAYER, LAYER[:13] + LAYER[13:].upper(), TAR_HEADER))
row("C17", "both spellings", inserted(LAYER, lambda b: [b.make("Blobs/sha256/" + LAYER[13:], b.get(LAYER).data)]), TAR_HEADER)

# C16, C18, C19: members too many, too few, out of order
for what, name, want in (("SHA256SUMS", SUMS, TAR_HEADER), ("a document", DOC, TAR_HEADER), ("a layer", LAYER, TAR_HEADER)):
    row("C16", "%s twice, the same bytes" % what, inserted(name, lambda b, n=name: [b.get(n).copy()]), want)
    row("C16", "%s twice, bad bytes first" % what, inserted(name, lambda b, n=name: [b.make(n, b"x" * len(b.get(n).data))]),
        DIGEST if name != LAYER else TAR_HEADER)
    row("C16", "%s twice, bad bytes last" % what,
        changed(lambda b, bad, n=name: b.members.append(b.make(n, b"x")) if bad else None), END)
row("C16", "META/manifest.json twice", inserted(1, lambda b: [b.members[0].copy()]), NO_SIG)
row("C16", "META/manifest.json twice, the second changed", inserted(2, lambda b: [b.make("META/manifest.json", b"{}")]), TAR_HEADER)
row("C16", "the signature twice", inserted(2, lambda b: [b.members[1].copy()]), HEAD)
for what, before, want in (("after the head", SUMS, TAR_HEADER), ("among the documents", DOC, TAR_HEADER), ("before a layer", LAYER, TAR_HEADER)):
    row("C18", "an unlisted member %s" % what, inserted(before, lambda b: [b.make("blobs/sha256/" + "a" * 64, b"x")]), want)
row("C18", "an unlisted member at the end", changed(lambda b, bad: b.members.append(b.make("blobs/sha256/" + "a" * 64, b"x")) if bad else None), END)
for what, name in (("SHA256SUMS", SUMS), ("oci-layout", "oci-layout"), ("index.json", "index.json"), ("manifest.json", "manifest.json"),
                   ("a document", DOC), ("META/padding", "META/padding"), ("a layer", LAYER), ("the last layer", LAST)):
    def without(b, bad, name=name):
        if bad:
            del b.members[b.index(name)]
            b.pad()
    row("C18", "%s is missing" % what, changed(without), TAR_HEADER)


def swapped(one, two):
    def edit(b, bad):
        if bad:
            i, k = b.index(one), b.index(two)
            b.members[i], b.members[k] = b.members[k], b.members[i]
            b.pad()
    return changed(edit)


row("C19", "a layer before META", inserted(0, lambda b: [b.get(LAYER).copy()]), HEAD)
row("C19", "SHA256SUMS and oci-layout swapped", swapped(SUMS, "oci-layout"), TAR_HEADER)
row("C19", "two documents swapped", swapped(good.documents()[0], good.documents()[1]), TAR_HEADER)
row("C19", "two layers swapped", swapped(good.layers()[0], good.layers()[1]), TAR_HEADER)
row("C19", "a document after the layers",
    changed(lambda b, bad: (b.members.append(b.members.pop(b.index(DOC))), b.pad()) if bad else None), TAR_HEADER)
row("C19", "padding before the documents",
    changed(lambda b, bad: b.insert(DOC, b.members.pop(b.index("META/padding"))) if bad else None), TAR_HEADER)

# C20-C23, C25: other types of member
for id, what, type, link in (
        ("C20", "symbolic link", b"2", b"/etc/passwd"), ("C21", "hard link to META/manifest.json", b"1", b"META/manifest.json"),
        ("C21", "hard link, absolute", b"1", b"/etc/passwd"), ("C21", "hard link, relative", b"1", b"b.tar"), ("C23", "FIFO", b"6", b""),
        ("C23", "character device", b"3", b""), ("C23", "block device", b"4", b""), ("C23", "contiguous file", b"7", b""),
        ("C23", "type V", b"V", b""), ("C23", "type M", b"M", b""), ("C23", "type D", b"D", b""), ("C23", "type Z", b"Z", b""),
        ("C23", "type NUL", b"\0", b""), ("C25", "directory with a size", b"5", b"")):
    for who, name in (("first", 0), ("SHA256SUMS", SUMS), ("layer", LAYER)):
        def typed(b, bad, name=name, type=type, link=link):
            m = b.members[name] if name == 0 else b.get(name)
            if bad:
                m.head = header(m.name, len(m.data), b.mtime, type=type, link=link + bytes(100 - len(link)))
        row(id, "%s, %s" % (what, who), changed(typed), HEAD if name == 0 else TAR_HEADER)
row("C20", "symbolic link without size before SHA256SUMS",
    inserted(SUMS, lambda b: [Member("a", b"", header("a", 0, b.mtime, type=b"2", link=b"/tmp" + bytes(96)))]), TAR_HEADER)
row("C22", "symbolic link a, then a file a/x",
    inserted(LAYER, lambda b: [Member("a", b"", header("a", 0, b.mtime, type=b"2", link=(WORK.encode() + bytes(100))[:100])),
                               b.make("a/canary", b"x")]), TAR_HEADER)

# C27: the zeros between members
for who, name, want in (("META/manifest.json", 0, FILL), ("SHA256SUMS", SUMS, FILL), ("a document", DOC, FILL), ("a layer", LAYER, FILL), ("the last layer", LAST, FILL)):
    def filled(b, bad, name=name):
        m = b.members[name] if name == 0 else b.get(name)
        assert m.fill or not bad, "%s ends at a block" % name
        if bad:
            m.fill = m.fill[:-1] + b"x"
    m = good.members[0] if name == 0 else good.get(name)
    if m.fill:
        row("C27", "fill of %s not zero" % who, changed(filled), want)
row("C27", "META/padding not zero",
    changed(lambda b, bad: setattr(b.get("META/padding"), "data", b.get("META/padding").data[:-1] + (b"x" if bad else b"\0"))), FILL)
row("C27", "META/padding longer by 64 KiB",
    changed(lambda b, bad: b.members.__setitem__(b.index("META/padding"), b.make("META/padding", b.get("META/padding").data + bytes(65536))) if bad else None),
    TAR_HEADER)
row("C27", "META/padding shorter by a block",
    changed(lambda b, bad: b.members.__setitem__(b.index("META/padding"), b.make("META/padding", b.get("META/padding").data[512:])) if bad else None),
    TAR_HEADER)

# X1 through the program (flip.c has the rest): one bit of the bytes themselves
for what, name, want, inspected in (("SHA256SUMS", SUMS, DIGEST, DIGEST), ("index.json", "index.json", DIGEST, DIGEST), ("a document", DOC, DIGEST, DIGEST),
                                    ("a layer", LAYER, DIGEST, (0, "")), ("the last layer", LAST, DIGEST, (0, ""))):
    def flipped_bit(b, bad, name=name):
        m = b.get(name)
        m.data = m.data[:7] + bytes([m.data[7] ^ bad]) + m.data[8:]
    row("X1", "a bit of %s flipped" % what, changed(flipped_bit), want, inspect=inspected)

# C28-C31: the end
def tail(bytes_):
    return changed(lambda b, bad: setattr(b, "tail", bytes_ if bad else bytes(1024)))


row("C28", "one zero block, then a member", tail(bytes(512) + good.get(SUMS).bytes() + bytes(1024)), END)
row("C28", "two zero blocks, then a member", tail(bytes(1024) + good.get(SUMS).bytes() + bytes(1024)), END)
row("C28", "one byte more", tail(bytes(1024) + b"x"), END)
row("C28", "one zero more", tail(bytes(1025)), END)
row("C28", "zeros up to 10,240", tail(bytes(1024 + -len(GOOD) % 10240 + 10240)), END)
row("C28", "a second bundle behind it", tail(bytes(1024) + GOOD), END)
row("C28", "another bundle behind it", tail(bytes(1024) + other.bytes()), END)
row("C28", "a zero block in the front", inserted(SUMS, lambda b: [Member("", b"", bytes(512))]), TAR_HEADER)
row("C29", "no end blocks", tail(b""), CUT)
row("C29", "one end block", tail(bytes(512)), CUT)
row("C29", "half an end block", tail(bytes(1024 - 256)), CUT)
row("C29", "end blocks of something else", tail(b"x" * 1024), END)
at = GOOD.index(good.get(LAST).bytes()) + BLOCK
row("C30", "cut inside the last layer", whole(GOOD[:at + 700]), CUT)
row("C30", "cut inside a document", whole(GOOD[:GOOD.index(good.get(DOC).bytes()) + BLOCK + 5]), CUT)
head_end = len(good.members[0].bytes()) + len(good.members[1].bytes())
first = len(good.members[0].bytes())
for cut in range(0, len(GOOD), BLOCK):
    if cut < len(good.members[0].head) or cut < first and cut > 0:
        want = CUT if cut else HEAD
    elif cut < first + BLOCK:
        want = NO_SIG
    else:
        want = CUT
    # through the program for each block near a border, every eighth elsewhere; flip.c does all
    if cut < head_end + 8 * BLOCK or cut > len(GOOD) - 8 * BLOCK or cut // BLOCK % 8 == 0:
        row("C31", "cut at block %d" % (cut // BLOCK), whole(GOOD[:cut]), want)

# ---- group S: signatures inside the bundle, and keys ----

row("S01", "no signature at all", signed(lambda t, bad: [] if bad else [rel.file(t)]), NO_SIG)
row("S02", "signature file of 0 bytes", line_sig(lambda l: b""), HEAD)
row("S02", "signature of 0 bytes", line_sig(lambda l: b"\n"), NO_SIG)
row("S02", "the message as signature", signed(lambda t, bad: [(rel.file(t)[0], base64.b64encode(t[:1000]) + b"\n" if bad else rel.file(t)[1])]), NO_SIG)
for n in range(1, 70):
    row("S03", "signature shorter by %d" % n, raw_sig(lambda s, n=n: s[:-n]), NO_SIG, verbs=VERBS if n < 3 else ("verify",), pipe=n < 3)
for n in (1, 2, 36):
    row("S03", "signature without its first %d" % n, raw_sig(lambda s, n=n: s[n:]), NO_SIG)
rs = lambda f: raw_sig(lambda s: f(*der_read(s)))
row("S04", "integer with a leading zero too many", rs(lambda r, s: der_sig(r, s, pad=2)), NO_SIG)
row("S04", "negative r", rs(lambda r, s: der_sig(-r, s)), NO_SIG)
row("S04", "r = 0", rs(lambda r, s: der_sig(0, s)), NO_SIG)
row("S04", "s = 0", rs(lambda r, s: der_sig(r, 0)), NO_SIG)
row("S04", "r = s = 0", rs(lambda r, s: der_sig(0, 0)), NO_SIG)
row("S04", "s = n", rs(lambda r, s: der_sig(r, P256_N)), NO_SIG)
row("S04", "r + n", rs(lambda r, s: der_sig(r + P256_N, s)), NO_SIG)
row("S04", "s + n", rs(lambda r, s: der_sig(r, s + P256_N)), NO_SIG)
row("S04", "indefinite length", raw_sig(lambda s: b"\x30\x80" + s[2:] + b"\0\0"), NO_SIG)
row("S04", "long form of a short length", raw_sig(lambda s: b"\x30\x81" + s[1:]), NO_SIG)
for n in (1, 2, 500):
    row("S05", "%d bytes behind the signature" % n, raw_sig(lambda s, n=n: s + bytes(n)), NO_SIG)
row("S05", "one byte inside the sequence", raw_sig(lambda s: s[:1] + bytes([s[1] + 1]) + s[2:] + b"\0"), NO_SIG)
p384 = Key(keydir, "p384", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
rsa = Key(keydir, "rsa", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072")
row("S06", "signature by another curve under the name of ours", signed(lambda t, bad: [rel.file(t, p384.raw(t) if bad else None)]), NO_SIG)
row("S06", "signature by RSA under the name of ours", signed(lambda t, bad: [rel.file(t, rsa.raw(t) if bad else None)]), NO_SIG)


def malleated(text, bad):
    name, line = rel.file(text)
    r, s = der_read(base64.b64decode(line))
    return [(name, line), ("META/manifest.json.ffffffffffffffff.sig", base64.b64encode(der_sig(r, P256_N - s)) + b"\n")]


row("S08", "by a key not known", signed(lambda t, bad: [(evil if bad else rel).file(t)]), NO_SIG)
row("S08", "by a key not known, named as ours", signed(lambda t, bad: [(rel.file(t)[0], (evil if bad else rel).file(t)[1])]), NO_SIG)
for what, f in (
        ("padding inside", lambda l: l[:4] + b"=" + l[4:]), ("a space inside", lambda l: l[:4] + b" " + l[4:]), ("LF inside", lambda l: l[:64] + b"\n" + l[64:]),
        ("URL alphabet", lambda l: b"-" + l[1:]), ("an underscore", lambda l: l[:5] + b"_" + l[6:]), ("garbage behind", lambda l: l[:-1] + b"-garbage\n"),
        ("no padding", lambda l: l.rstrip(b"=\n") + b"\n" if b"=" in l else l[:-2] + b"\n"), ("a NUL behind", lambda l: l[:-1] + b"\0\n"),
        ("a space before", lambda l: b" " + l), ("too much padding", lambda l: l[:-1] + b"=\n")):
    row("S09", "base64: %s" % what, line_sig(f), NO_SIG)


def loose_bits(text, bad):
    """A signature whose last base64 letter before '=' carries bits that are not used."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    while True:
        name, line = rel.file(text)
        if line.endswith(b"=\n"):
            break
    body = line.rstrip(b"=\n")
    if bad:
        body = body[:-1] + bytes([alphabet[alphabet.index(body[-1:]) + 1]])
    return [(name, body + line[len(body):])]


row("S09", "base64: bits that are not used", signed(loose_bits), NO_SIG)
row("S10", "CRLF", line_sig(lambda l: l[:-1] + b"\r\n"), NO_SIG)
row("S10", "no LF", line_sig(lambda l: l[:-1]), NO_SIG)
row("S10", "two lines", line_sig(lambda l: l + l), NO_SIG)
row("S10", "an empty line behind", line_sig(lambda l: l + b"\n"), NO_SIG)
FFFF = "META/manifest.json.ffffffffffffffff.sig"
row("S11", "a further signature file of 16 KiB + 1",
    signed(lambda t, bad: [rel.file(t), (FFFF, b"A" * (16385 if bad else 16384))]), LARGE)
row("S26", "17 signature files, twin 16",
    signed(lambda t, bad: [rel.file(t)] + [("META/manifest.json.%016x.sig" % i, b"AAAA\n") for i in range(1, 17 if bad else 16)]), LARGE)
row("S27", "extension not known, alone", signed(lambda t, bad: [(rel.file(t)[0][:-3] + ("gpg" if bad else "sig"), rel.file(t)[1])]), NO_SIG)
row("S27", "upper-case key id", signed(lambda t, bad: [("META/manifest.json.%s.sig" % (rel.id[:16].upper() if bad else rel.id[:16]), rel.file(t)[1])]), NO_SIG)
row("S27", "name with ../", signed(lambda t, bad: [("META/../%s" % rel.file(t)[0] if bad else rel.file(t)[0], rel.file(t)[1])]), NO_SIG)
row("S28", "signature of another manifest", signed(lambda t, bad: [(rel.file(t)[0], rel.file(other.statement() if bad else t)[1])]), NO_SIG)
row("S28", "manifest of another bundle under our signature",
    changed(lambda b, bad: (b.members.__setitem__(0, b.make("META/manifest.json", other.statement())), b.pad()) if bad else None), NO_SIG)
row("S29", "signature over SHA256SUMS", signed(lambda t, bad: [(rel.file(t)[0], rel.file(good.get(SUMS).data if bad else t)[1])]), NO_SIG)
row("S29", "signature over the whole tar", signed(lambda t, bad: [(rel.file(t)[0], rel.file(GOOD if bad else t)[1])]), NO_SIG)
row("S29", "signature over the digest of the manifest", signed(lambda t, bad: [(rel.file(t)[0], rel.file(bytes.fromhex(sha256(t)) if bad else t)[1])]), NO_SIG)
row("S29", "signature with SHA-384", signed(lambda t, bad: [rel.file(t, rel.raw(t, "sha384" if bad else "sha256"))]), NO_SIG)
row("S31", "signed garbage", resigned(lambda t, bad: b"garbage" if bad else t), (4, "json"))
row("S31", "signed JSON that is no Statement", resigned(lambda t, bad: b'{"a":1}' if bad else t), (4, "unknown-key"))
row("S31", "a Statement of another type", resigned(lambda t, bad: t.replace(b"urn:gapferry:bundle:v1", b"urn:gapferry:bundle:v2") if bad else t), (4, "manifest-type"))


# ---- group M: the statement, changed and signed anew ----

def stated(edit):
    """edit(object) changes the statement; all else stays as it is."""
    def change(text, bad):
        o = json.loads(text)
        edit(o) if bad else None
        return json.dumps(o, indent=1, ensure_ascii=False).encode() + b"\n"
    return resigned(change)


def text_edit(old, new):
    """The first old in the statement becomes new."""
    def change(text, bad):
        assert old in text, old
        return text.replace(old, new, 1) if bad else text
    return resigned(change)


JSON, LIMIT, KEY, LACKS, KIND, RANGE = ((4, n) for n in ("json", "json-limit", "unknown-key", "missing-key", "json-type", "json-range"))
P = lambda o: o["predicate"]
IMAGE = lambda o: o["predicate"]["images"][0]
for what, old, new, want in (
        ("a key twice", b'"predicateType"', b'"_type": "x", "predicateType"', JSON), ("a key twice, escaped", b'"predicateType"', b'"\\u005ftype": "x", "predicateType"', JSON),
        ("a key twice in the predicate", b'"epoch"', b'"stream": "shop", "epoch"', JSON), ("a key twice in an image", b'"source"', b'"size": 1, "source"', JSON)):
    row("M01", what, text_edit(old, new), want)
row("M02", "'Stream' beside 'stream'", text_edit(b'"epoch"', b'"Stream": "x", "epoch"'), KEY)
for what, edit in (
        ("the statement", lambda o: o.update(x=1)), ("the predicate", lambda o: P(o).update(x=1)), ("an image", lambda o: IMAGE(o).update(x=1)),
        ("a platform", lambda o: IMAGE(o)["platforms"][0].update(x=1)), ("a blob", lambda o: P(o)["blobs"][0].update(x=1)), ("a file", lambda o: P(o)["files"][0].update(x=1)),
        ("the packer", lambda o: P(o)["packer"].update(x=1)), ("a subject", lambda o: o["subject"][0].update(x=1)),
        ("the digest of a subject", lambda o: o["subject"][0]["digest"].update(sha512="00" * 64))):
    row("M03", "an unknown key in %s" % what, stated(edit), KEY)
for key in ("_type", "subject", "predicateType", "predicate"):
    row("M04", "without %s" % key, stated(lambda o, key=key: o.pop(key)), LACKS)
for key in ("created", "packer", "images", "files", "blobs"):
    row("M04", "without %s" % key, stated(lambda o, key=key: P(o).pop(key)), LACKS)
for key in ("stream", "epoch", "sequence"):
    row("M04", "without %s alone" % key, stated(lambda o, key=key: P(o).pop(key)), (4, "manifest-stream"))
for key in ("names", "source", "digest", "mediaType", "size", "platforms"):
    row("M04", "an image without %s" % key, stated(lambda o, key=key: IMAGE(o).pop(key)), LACKS)
for key in ("digest", "size", "kind"):
    row("M04", "a blob without %s" % key, stated(lambda o, key=key: P(o)["blobs"][0].pop(key)), LACKS)
row("M05", "other white space under the signature of the original",
    changed(lambda b, bad: (b.members.__setitem__(0, b.make("META/manifest.json", b.statement() + b"\n")), b.pad()) if bad else None), NO_SIG)
for what, f in (
        ("UTF-8 mark", lambda t: b"\xef\xbb\xbf" + t), ("UTF-16", lambda t: t.decode().encode("utf-16")), ("NUL behind it", lambda t: t + b"\0"), ("an object behind it", lambda t: t + b"{}"),
        ("comma too many", lambda t: t.replace(b'"epoch": 1,', b'"epoch": 1,,', 1)), ("comment", lambda t: b"/* */" + t), ("single quotes", lambda t: t.replace(b'"epoch"', b"'epoch'")),
        ("NaN", lambda t: t.replace(b'"epoch": 1', b'"epoch": NaN')), ("cut", lambda t: t[:-3]), ("nothing but space", lambda t: b" \n" * 9)):
    row("M06", what, resigned(lambda t, bad, f=f: f(t) if bad else t), JSON)
row("M06", "CRLF is white space", resigned(lambda t, bad: t.replace(b"\n", b"\r\n")), (0, ""))
for what, value in (
        ("overlong", b"\xc0\xaf"), ("surrogate", b"\xed\xa0\x80"), ("above U+10FFFF", b"\xf4\x90\x80\x80"), ("cut short", b"\xe2\x82"), ("a byte below 0x20", b"a\x1fb"), ("LF in a text", b"a\nb"),
        ("lone surrogate, escaped", b"\\ud800"), ("NUL, escaped", b"a\\u0000b")):
    row("M07", "version with %s" % what, text_edit(b'"stream"', b'"version": "' + value + b'", "stream"'), (4, "json-nul") if b"0000" in value else JSON)
for what, value, want in (
        ("-1", b"-1", RANGE), ("1.0", b"7.0", KIND), ("1e3", b"7e0", KIND), ("010", b"07", JSON), ("+1", b"+7", JSON), ("2^53", b"9007199254740992", RANGE), ("2^63", b"9223372036854775808", JSON),
        ("a text", b'"7"', KIND), ("null", b"null", KIND), ("true", b"true", KIND), ("a list", b"[7]", KIND)):
    row("M09", "sequence %s" % what, text_edit(b'"sequence": 7', b'"sequence": ' + value), want)
for key in ("stream", "created", "packer", "images", "files", "blobs"):
    for value in (None, [], {}, 0, True):
        if isinstance(value, (dict, list)) and isinstance(P(json.loads(good.statement()))[key], value.__class__):
            continue
        row("M10", "%s is %s" % (key, json.dumps(value)), stated(lambda o, key=key, value=value: P(o).update({key: value})), KIND)
row("M11", "no image", stated(lambda o: P(o).update(images=[])), (4, "manifest-images"))
row("M11", "an image without a name", stated(lambda o: IMAGE(o).update(names=[])), (4, "manifest-name"))
row("M12", "a name twice in an image", stated(lambda o: IMAGE(o)["names"].append(IMAGE(o)["names"][0])), (4, "manifest-twice"))
row("M12", "an image twice", stated(lambda o: P(o)["images"].append(IMAGE(o))), (4, "manifest-twice"))
row("M12", "a blob twice", stated(lambda o: P(o)["blobs"].append(P(o)["blobs"][-1])), (4, "manifest-twice"))
for what, edit, want in (
        ("no file", lambda o: P(o).update(files=[]), "manifest-files"), ("files in another order", lambda o: P(o)["files"].reverse(), "manifest-files"),
        ("a fifth file", lambda o: P(o)["files"].append(P(o)["files"][0]), "manifest-files"), ("another subject", lambda o: o["subject"][0].update(name="docker.io/acme/other:1"), "manifest-subject"),
        ("no subject", lambda o: o.update(subject=[]), "manifest-subject"), ("a subject more", lambda o: o["subject"].append(o["subject"][0]), "manifest-subject"),
        ("a blob of size 0 less", lambda o: P(o)["blobs"].sort(key=lambda b: b["kind"] == "json"), "manifest-blobs"), ("an unknown kind", lambda o: P(o)["blobs"][0].update(kind="x"), "manifest-blobs"),
        ("a source with a path", lambda o: IMAGE(o).update(source="/home/me/x.tar"), "manifest-source"), ("expired before it was made", lambda o: P(o).update(expires="2020-01-01T00:00:00Z"), "manifest-time"),
        ("trustVersion 0", lambda o: P(o).update(trustVersion=0), "manifest-trust-version"), ("an audience that is no name", lambda o: P(o).update(audience=["Site A"]), "manifest-audience"),
        ("labels out of order", lambda o: P(o).update(build={"labels": {"b": "1", "a": "2"}}), "manifest-labels"), ("a media type that is none", lambda o: IMAGE(o).update(mediaType="text/plain"), "media-type"),
        ("a digest of SHA-512", lambda o: IMAGE(o).update(digest="sha512:" + "0" * 64), "digest-form"), ("a document of 4 MiB + 1", lambda o: P(o)["blobs"][0].update(size=4 * 2**20 + 1), "too-large"),
        ("a stream that is a path", lambda o: P(o).update(stream="../../x"), "manifest-stream"), ("a stream of 65 letters", lambda o: P(o).update(stream="x" * 65), "manifest-stream")):
    row("M13" if want == "manifest-files" else "M40" if want == "manifest-stream" else "M30", what, stated(edit), (4, want))
for what, text, want in (
        ("33 deep", b"[" * 33 + b"]" * 33, LIMIT), ("2,049 deep", b"[" * 2049 + b"]" * 2049, LIMIT), ("100,001 values", b"[" + b"0," * 100000 + b"0]", LIMIT),
        ("4 MiB of {},", b"[" + b"{}," * 1398000 + b"{}]", LIMIT), ("4 MiB of [", b"[" * (4 * 2**20 - 10), LIMIT), ("an array", b"[]", KIND), ("a text", b'"x"', KIND), ("an empty object", b"{}", LACKS),
        ("a package.json", b'{"name":"x","version":"1.0.0","dependencies":{}}', KEY)):
    row("M28" if len(text) < 99 else "M20", "the statement is %s" % what, resigned(lambda t, bad, text=text: text if bad else t), want)
row("C33", "a statement of 4 MiB + 1", resigned(lambda t, bad: t + b" " * (4 * 2**20 + 1 - len(t)) if bad else t + b" " * (4 * 2**20 - len(t))), LARGE)
row("C33", "a statement of 8 EiB", patched(0, 124, b"\x80" + (2**63 - 512).to_bytes(11, "big")), HEAD)


# ---- the graph: a document changed, and all that follows from it made right and signed ----

def remade(edit, late=None, twin=None):
    """edit(maker) changes documents, late(object) the finished statement; twin is edit's harmless counterpart."""
    def make(bad):
        if not bad and twin is None:
            return GOOD
        m = Maker(good)
        (edit if bad else twin)(m)
        return m.make(rel, late if bad else None).bytes()
    return make


def document(change, twin=None):
    """change(document) changes the image's manifest."""
    def one(f):
        def edit(m):
            d = m.manifest()
            m.put(f(d) or d)
        return edit
    return remade(one(change), twin=one(twin) if twin else None)


def config(change, twin=None):
    def one(f):
        def edit(m):
            d = m.manifest()
            c = m.read(d["config"]["digest"])
            d["config"] = m.desc(CONFIG, compact(f(c) or c))
            m.put(d)
        return edit
    return remade(one(change), twin=one(twin) if twin else None)


assert [x.data for x in Maker(good).make(rel).members[2:]] == [x.data for x in good.members[2:]], "the model makes another bundle than pack"
GRAPH = (4, "manifest-graph")
AMD64, UNKNOWN = dict(os="linux", architecture="amd64"), dict(os="unknown", architecture="unknown")


def index(m, children, platforms=None):
    """The image becomes an index of these descriptors."""
    old = m.images[0]["platforms"]
    m.put(dict(schemaVersion=2, mediaType=INDEX, manifests=children), platforms=old if platforms is None else platforms)


def own(m, **more):
    d = m.images[0]["digest"]
    return dict(mediaType=MANIFEST, digest=d, size=len(m.blobs[d]), **more)


def nested(depth):
    def edit(m):
        child = own(m, platform=AMD64)
        for _ in range(depth - 1):
            child = m.desc(INDEX, compact(dict(schemaVersion=2, mediaType=INDEX, manifests=[child])))
        index(m, [child])
    return edit


def proof(m, **over):
    d = dict(schemaVersion=2, mediaType=MANIFEST, config=m.desc(EMPTY, b"{}"), layers=[m.desc(IN_TOTO, b'{"a":1}')])
    d.update(over)
    return d


def evidence(make):
    """make(maker): an evidence document of the image."""
    return lambda m: m.images[0].update(evidence=[m.blob(compact(make(m)))])


def attested(layer_type, platforms=None):
    """An index of the image and of a child of unknown platform with one layer of this type."""
    def edit(m):
        child = proof(m, layers=[m.desc(layer_type, b'{"a":1}')])
        b = compact(child)
        more = [dict(platform="unknown/unknown", manifest=m.blob(b), imageId=child["config"]["digest"])] if platforms else []
        index(m, [own(m, platform=AMD64), m.desc(MANIFEST, b, platform=UNKNOWN)], m.images[0]["platforms"] + more)
    return edit


def absent(pick):
    """The blob that pick(maker) names is in no list and in no member."""
    return remade(lambda m: m.blobs.pop(pick(m)))


def set_path(*path, value):
    """d[path...] = value"""
    def f(d):
        for k in path[:-1]:
            d = d[k]
        d[path[-1]] = value
    return f


row("I01", "the config is missing", absent(lambda m: m.manifest()["config"]["digest"]), (4, "graph-missing"))
row("I01", "the manifest is missing", absent(lambda m: m.images[0]["digest"]), (4, "graph-missing"))
row("I01", "a layer is missing in the statement", absent(lambda m: m.manifest()["layers"][0]["digest"]), GRAPH)
row("I01", "the child of an index is missing", remade(lambda m: (index(m, [own(m, platform=AMD64), dict(mediaType=MANIFEST, digest="sha256:" + "a" * 64, size=9)])), twin=nested(1)),
    (4, "graph-missing"))
row("I02", "a document that nothing uses", remade(lambda m: m.extra.append(m.blob(b'{"a":1}'))), (4, "graph-unreferenced"))
for what, path in (("the config", ("config", "size")), ("a layer", ("layers", 0, "size"))):
    row("I03", "a descriptor gives %s another size" % what, document(set_path(*path, value=7)), (4, "graph-mismatch") if what == "the config" else GRAPH)
row("I03", "'data' of a layer is not the layer", document(lambda d: d["layers"][0].update(data="aGkh")), (4, "graph-mismatch"))
row("I03", "'data' of the config is not the config", document(lambda d: d["config"].update(data="e30=")), (4, "graph-mismatch"))
row("I03", "'data' is not base64", document(lambda d: d["config"].update(data="a")), (4, "base64"))
row("I04", "indexes five deep, twin four", remade(nested(5), twin=nested(4)), (4, "graph-depth"))
row("I05", "a child of a type not known", remade(lambda m: index(m, [dict(own(m, platform=AMD64), mediaType="application/vnd.example+json")]), twin=nested(1)), (4, "media-type"))
row("I05", "a child that its descriptor calls an index", remade(lambda m: index(m, [dict(own(m), mediaType=INDEX)]), twin=nested(1)), (4, "media-type"))
row("I05", "a child of schema 1", remade(lambda m: index(m, [dict(own(m), mediaType="application/vnd.docker.distribution.manifest.v1+prettyjws")]), twin=nested(1)), (4, "schema1"))
row("I05", "an image of schema 1", document(lambda d: d.update(schemaVersion=1)), (4, "schema1"))
row("I05", "schemaVersion 3", document(lambda d: d.update(schemaVersion=3)), (4, "media-type"))
row("I05", "both an index and a manifest", document(lambda d: d.update(manifests=[])), (4, "media-type"))
row("I06", "a layer more than diff IDs", document(lambda d: d["layers"].append(d["layers"][0])), (4, "layer-count"))
row("I06", "a diff ID more than layers", config(lambda c: c["rootfs"]["diff_ids"].append("sha256:" + "0" * 64)), (4, "layer-count"))
row("I06", "no layers at all", document(lambda d: d.update(layers=[])), (4, "layer-count"))
row("I07", "a diff ID that is none", config(lambda c: c["rootfs"]["diff_ids"].__setitem__(0, "sha256:xyz")), (4, "digest-form"))
row("I07", "a layer with a digest of SHA-512", document(lambda d: d["layers"][0].update(digest="sha512:" + "0" * 128)), (4, "digest-algorithm"))
row("I07", "a layer with a digest in upper case", document(lambda d: d["layers"][0].update(digest=d["layers"][0]["digest"].upper().replace("SHA", "sha"))), (4, "digest-form"))
row("I08", "'Layers' beside 'layers'", document(lambda d: d.update(Layers=[])), (4, "key-case"))
row("I08", "'Config' beside 'config' in the descriptor's neighbour", document(lambda d: d.update(CONFIG={})), (4, "key-case"))
row("I08", "'OS' beside 'os' in the config", config(lambda c: c.update(OS="windows")), (4, "key-case"))
row("I08", "a key twice in the manifest", document(lambda d: compact(d).replace(b'"config"', b'"layers":[],"config"', 1)), (4, "json"))
row("I09", "an operating system that is no word", config(lambda c: c.update(os="li nux/../x")), (4, "platform"))
row("I09", "another kind of root file system", config(lambda c: c["rootfs"].update(type="base")), (4, "rootfs-type"))
row("I09", "a platform that is ESC", config(lambda c: c.update(architecture="\x1b[2J")), (4, "platform"))
row("I10", "evidence that is an index", remade(evidence(lambda m: dict(schemaVersion=2, mediaType=INDEX, manifests=[])), twin=evidence(proof)), (4, "graph-evidence"))
row("I10", "evidence about another image", remade(evidence(lambda m: proof(m, subject=dict(mediaType=MANIFEST, digest="sha256:" + "b" * 64, size=1))),
                                                  twin=evidence(lambda m: proof(m, subject=own(m)))), (4, "graph-subject"))
row("I10", "evidence that is missing", remade(lambda m: m.images[0].update(evidence=["sha256:" + "c" * 64]), twin=evidence(proof)), (4, "graph-missing"))
row("I11", "a runnable child under an unknown platform, not listed", remade(attested(TAR), twin=attested(TAR, platforms=True)), GRAPH)
row("I11", "an attestation listed as a platform", remade(attested(IN_TOTO, platforms=True), twin=attested(IN_TOTO)), GRAPH)


def late(edit, twin=None):
    return remade(lambda m: None, late=edit)


BLOB = lambda o, kind: next(b for b in P(o)["blobs"] if b["kind"] == kind)
OTHER = "sha256:" + "d" * 64
for what, edit in (
        ("imageId", lambda o: IMAGE(o)["platforms"][0].update(imageId=OTHER)), ("the manifest of a platform", lambda o: IMAGE(o)["platforms"][0].update(manifest=OTHER)),
        ("the name of a platform", lambda o: IMAGE(o)["platforms"][0].update(platform="linux/arm64")), ("no platform", lambda o: (IMAGE(o).update(platforms=[]), IMAGE(o).pop("load"))),
        ("a platform twice", lambda o: IMAGE(o)["platforms"].append(IMAGE(o)["platforms"][0])), ("load", lambda o: IMAGE(o).update(load="linux/arm64")), ("no load", lambda o: IMAGE(o).pop("load")),
        ("the size of the image", lambda o: IMAGE(o).update(size=IMAGE(o)["size"] + 1)), ("the media type", lambda o: IMAGE(o).update(mediaType="application/vnd.docker.distribution.manifest.v2+json"))):
    row("I12", "the statement has another %s" % what, late(edit), GRAPH)
for name, change in ((SUMS, lambda b: b.upper()), (SUMS, lambda b: b.replace(b"  ", b" ")), (SUMS, lambda b: b.replace(b"  ", b" *")), (SUMS, lambda b: b.replace(b"\n", b"\r\n")),
                     (SUMS, lambda b: b"# x\n" + b), (SUMS, lambda b: b + b.splitlines(True)[0]), (SUMS, lambda b: b[:-1]), (SUMS, lambda b: b"".join(sorted(b.splitlines(True)))),
                     (SUMS, lambda b: b + b"0" * 64 + b"  META/manifest.json\n"), (SUMS, lambda b: b""),
                     ("oci-layout", lambda b: b[:-1]), ("oci-layout", lambda b: b.replace(b"1.0.0", b"1.1.0")), ("index.json", lambda b: b.replace(b"acme/app", b"acme/apq")),
                     ("index.json", lambda b: b.replace(b'"manifests"', b'"manifests":[],"manifests"')), ("manifest.json", lambda b: b.replace(b"acme/app:1.0", b"evil/app:1.0")),
                     ("manifest.json", lambda b: b"[]\n"), ("manifest.json", lambda b: b" " + b)):
    row("M14" if name == SUMS else "I13", "%s says something else, pinned and signed: %s" % (name, change(b"a  b\n")[:20]),
        remade(lambda m, name=name, change=change: m.files.update({name: change})), GRAPH)


# Keys given where a public key is expected.
def keyed(path):
    return lambda bad: path if bad else rel.pub


def write(name, data):
    path = os.path.join(keydir, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


rsa1024 = Key(keydir, "rsa1024", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
p224 = Key(keydir, "p224", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224")
p521 = Key(keydir, "p521", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521")
x25519 = Key(keydir, "x25519", "-algorithm", "X25519")
ed448 = Key(keydir, "ed448", "-algorithm", "ED448")
explicit = Key(keydir, "explicit", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit")
SPKI_ED = bytes.fromhex("302a300506032b6570032100")


def pem(der):
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(der) + b"-----END PUBLIC KEY-----\n"


def whole_key(path):
    with open(path, "rb") as f:
        return f.read()


p12 = os.path.join(keydir, "rel.p12")
run("openssl", "req", "-x509", "-key", rel.pem, "-subj", "/CN=x", "-days", "9", "-out", os.path.join(keydir, "rel.crt"))
run("openssl", "pkcs12", "-export", "-inkey", rel.pem, "-in", os.path.join(keydir, "rel.crt"), "-passout", "pass:x", "-out", p12)
with open(rel.pem, "rb") as f:
    SECRETS = [x[:20] for x in f.read().splitlines()[1:-1]]
sealed = os.path.join(keydir, "sealed.pem")
run("openssl", "pkey", "-in", rel.pem, "-aes256", "-passout", "pass:x", "-out", sealed)
TYPE, FORM, PRIVATE = (2, "key-type"), (2, "key-form"), (2, "key-private")
for what, key, want in (
        ("RSA-1024", rsa1024.pub, TYPE), ("P-224", p224.pub, TYPE), ("P-521", p521.pub, TYPE), ("X25519", x25519.pub, TYPE), ("Ed448", ed448.pub, TYPE),
        ("explicit curve parameters", explicit.pub, (2, "key-parameters")),
        ("Ed25519 of low order", write("low.pub", pem(SPKI_ED + b"\1" + bytes(31))), TYPE),
        ("Ed25519 of low order, zero", write("zero.pub", pem(SPKI_ED + bytes(32))), TYPE)):
    row("S12", "key: %s" % what, whole(GOOD), want, keys=keyed(key))
for what, key, want in (
        ("private key", rel.pem, PRIVATE), ("private key, encrypted", sealed, PRIVATE), ("PKCS#12", p12, PRIVATE), ("two certificates", write("two.crt", 2 * whole_key(os.path.join(keydir, "rel.crt"))), FORM), ("empty file", write("empty.pub", b""), FORM),
        ("two keys", write("two.pub", whole_key(rel.pub) + whole_key(evil.pub)), FORM), ("garbage", write("garbage.pub", b"garbage\n"), FORM),
        ("not there", os.path.join(keydir, "none.pub"), (2, "not-found")), ("a directory", keydir, (2, "not-regular")),
        ("64 KiB + 1", write("big.pub", whole_key(rel.pub) + b"\n" * 65536), (2, "too-large"))):
    row("S54", "key: %s" % what, whole(GOOD), want, keys=keyed(key))

# S14-S16: CMS, made by openssl; what is trusted is the certificate alone
CRT = os.path.join(keydir, "rel.crt")
run("openssl", "req", "-x509", "-key", evil.pem, "-subj", "/CN=x", "-days", "9", "-out", os.path.join(keydir, "evil.crt"))
serial = run("openssl", "x509", "-in", CRT, "-noout", "-serial").decode().strip().split("=")[1]
run("openssl", "req", "-x509", "-key", evil.pem, "-subj", "/CN=x", "-days", "9", "-set_serial", "0x" + serial, "-out", os.path.join(keydir, "twin.crt"))
run("openssl", "req", "-new", "-key", rel.pem, "-subj", "/CN=x", "-out", os.path.join(keydir, "rel.csr"))
run("openssl", "x509", "-req", "-in", os.path.join(keydir, "rel.csr"), "-days", "-1", "-signkey", rel.pem, "-set_serial", "0x" + serial, "-out", os.path.join(keydir, "old.crt"))
run("openssl", "req", "-new", "-key", evil.pem, "-subj", "/CN=y", "-out", os.path.join(keydir, "evil.csr"))
run("openssl", "x509", "-req", "-in", os.path.join(keydir, "evil.csr"), "-CA", CRT, "-CAkey", rel.pem, "-set_serial", "5", "-out", os.path.join(keydir, "child.crt"))


def cms(text, *more, crt=CRT, key=rel.pem):
    return run("openssl", "cms", "-sign", "-binary", "-md", "sha256", "-signer", crt, "-inkey", key, "-outform", "DER", *more, input=text)


def tlv(tag, body):
    n = len(body)
    return bytes([tag]) + (bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else b"\x82" + n.to_bytes(2, "big")) + body


def inner(der):
    return der[2 + (der[1] & 0x7F if der[1] > 0x80 else 0):]


def no_hashes(der):
    """digestAlgorithms, which stands behind OID, [0], SEQUENCE and version, empty."""
    content = inner(der)
    oid, data = content[:11], inner(inner(content[11:]))
    return tlv(0x30, oid + tlv(0xA0, tlv(0x30, data[:3] + b"\x31\0" + data[3 + 2 + data[4]:])))


def cms_row(id, what, make, crt=CRT, want=NO_SIG):
    def files(text, bad):
        return [("META/manifest.json.%s.p7s" % ("0" * 16), make(text) if bad else cms(text))]
    row(id, "CMS: " + what, signed(files), want, keys=lambda bad: crt if bad else CRT)


of = lambda name: dict(crt=os.path.join(keydir, name + ".crt"), key=rel.pem if name == "old" else evil.pem)
cms_row("S14", "no signer", lambda t: run("openssl", "crl2pkcs7", "-nocrl", "-certfile", CRT, "-outform", "DER"))
cms_row("S14", "two signers", lambda t: cms(t, "-signer", of("evil")["crt"], "-inkey", evil.pem))
cms_row("S14", "content inside", lambda t: cms(t[:2000], "-nodetach"))
cms_row("S14", "over other content", lambda t: cms(t + b"\n"))
cms_row("S14", "over the content as text", lambda t: cms(t.replace(b"\n", b"\r\n")))
cms_row("S14", "without signed attributes", lambda t: cms(t, "-noattr"))
cms_row("S14", "no digestAlgorithms", lambda t: no_hashes(cms(t, "-nocerts")))
cms_row("S14", "a byte behind it", lambda t: cms(t) + b"\0")
cms_row("S14", "a byte less", lambda t: cms(t)[:-1])
cms_row("S14", "in PEM", lambda t: cms(t, "-outform", "PEM"))
cms_row("S14", "SHA-1", lambda t: cms(t, "-md", "sha1"))
cms_row("S14", "a .sig", lambda t: rel.raw(t))
cms_row("S15", "issued by the certificate that is trusted", lambda t: cms(t, "-certfile", CRT, **of("child")))
cms_row("S16", "another certificate inside", lambda t: cms(t, **of("evil")))
cms_row("S16", "another certificate inside, of the same name and number", lambda t: cms(t, **of("twin")))
cms_row("S16", "expired", lambda t: cms(t, **of("old")), crt=of("old")["crt"], want=NO_SIG + ("valid until",))
cms_row("S16", "a trusted key without its certificate", cms, crt=rel.pub, want=NO_SIG + ("certificate",))

# S13: minisign, made by minisign
MINI_SECRET, MINI = os.path.join(keydir, "mini.key"), os.path.join(keydir, "mini.pub")
run("minisign", "-G", "-W", "-f", "-p", MINI, "-s", MINI_SECRET)
made = {}


def minisig(text, *more):
    """The lines of the signature that minisign makes over text."""
    if (text, more) not in made:
        path = write("m%d-%d" % (threading.get_ident(), len(made)), text)
        run("minisign", "-S", "-s", MINI_SECRET, "-m", path, "-x", path + ".minisig", *more)
        made[text, more] = whole_key(path + ".minisig").split(b"\n")[:4]
    return list(made[text, more])


def mini_row(what, change, *more, ext="minisig"):
    """change(lines): other lines, or the bytes of the file; more: for minisign, where it is to be bad."""
    def files(text, bad):
        lines = minisig(text, *more) if bad else minisig(text)
        lines = (change(lines) or lines) if bad else lines
        data = lines if isinstance(lines, bytes) else b"".join(x + b"\n" for x in lines)
        return [("META/manifest.json.%s.%s" % ("0" * 16, ext if bad else "minisig"), data)]
    row("S13", "minisign: " + what, signed(files), NO_SIG, keys=lambda bad: MINI)


def recoded(i, change):
    """Line i is base64: change its bytes."""
    def f(lines):
        b = bytearray(base64.b64decode(lines[i]))
        b = change(b) or b
        lines[i] = base64.b64encode(b)
    return f


text_of = lambda lines: b"".join(x + b"\n" for x in lines)
put_at = lambda at, what: lambda b: b.__setitem__(slice(at, at + len(what)), what)
turn = lambda at: lambda b: b.__setitem__(at, b[at] ^ 1)
for what, change in (
        ("another number of the key", recoded(1, turn(3))), ("the older form by its letters alone", recoded(1, put_at(0, b"Ed"))), ("an algorithm not known", recoded(1, put_at(0, b"EX"))),
        ("a bit of the signature", recoded(1, turn(20))), ("a bit of the global signature", recoded(3, turn(20))), ("a byte behind the signature", recoded(1, lambda b: b + b"x")),
        ("a byte behind the global signature", recoded(3, lambda b: b + b"x")), ("a byte less", recoded(1, lambda b: b[:-1])), ("R of low order", recoded(1, put_at(10, b"\1" + bytes(31)))),
        ("s of zero", recoded(1, put_at(42, bytes(32)))), ("another trusted comment", lambda l: l.__setitem__(2, l[2] + b"x")), ("no trusted comment", lambda l: l.pop(2) and None),
        ("another beginning of the trusted comment", lambda l: l.__setitem__(2, b"trusted comment:" + l[2][17:])), ("no untrusted comment", lambda l: l.pop(0) and None),
        ("an untrusted comment of 1,025 bytes", lambda l: l.__setitem__(0, (l[0] + b"x" * 1025)[:1025])), ("a fifth line", lambda l: l.append(b"x")), ("an empty line behind it", lambda l: l.append(b"")),
        ("CRLF", lambda l: text_of(l).replace(b"\n", b"\r\n")), ("no LF at the end", lambda l: text_of(l)[:-1]), ("the first two lines alone", lambda l: text_of(l[:2])),
        ("cut in the global signature", lambda l: text_of(l)[:-30]), ("base64 with a space", lambda l: l.__setitem__(1, l[1] + b" ")), ("lines two and four swapped", lambda l: [l[0], l[3], l[2], l[1]]),
        ("of another manifest", lambda l: minisig(other.statement()))):
    mini_row(what, change)
mini_row("the older form, which signs the bytes and not their hash", lambda l: None, "-l")
mini_row("the older form under the letters of the newer", recoded(1, put_at(0, b"ED")), "-l")
seed = base64.b64decode(whole_key(MINI_SECRET).split(b"\n")[1])[62:94]
run("openssl", "pkey", "-inform", "DER", "-out", os.path.join(keydir, "mini.pem"), input=bytes.fromhex("302e020100300506032b657004220420") + seed)


def commented(comment):
    """The trusted comment becomes this one, signed by the key all the same."""
    def f(lines):
        path = write("c%d" % threading.get_ident(), base64.b64decode(lines[1])[10:] + comment)
        lines[2] = b"trusted comment: " + comment
        lines[3] = base64.b64encode(run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", os.path.join(keydir, "mini.pem"), "-in", path))
    return f


for what, comment in (("ESC", b"a\x1b[2Jb"), ("CR", b"a\rb"), ("NUL", b"a\0b"), ("DEL", b"a\x7fb"), ("a C1 character", b"a\xc2\x9bb"), ("bytes that are not UTF-8", b"a\xffb"), ("8,193 bytes", b"x" * 8193)):
    mini_row("a trusted comment with %s, signed" % what, commented(comment))
mini_row("under the name of a .sig", lambda l: None, ext="sig")

for what, key, want in (
        ("cut", whole_key(MINI)[:-9], FORM), ("a third line", whole_key(MINI) + b"x\n", FORM), ("no LF", whole_key(MINI)[:-1], FORM), ("CRLF", whole_key(MINI).replace(b"\n", b"\r\n"), FORM),
        ("another algorithm", text_of(recoded(1, put_at(0, b"Xd"))(lines := whole_key(MINI).split(b"\n")[:2]) or lines), TYPE),
        ("a point of low order", text_of(recoded(1, put_at(10, b"\1" + bytes(31)))(lines := whole_key(MINI).split(b"\n")[:2]) or lines), TYPE),
        ("the private half", whole_key(MINI_SECRET), PRIVATE)):
    row("S12", "key of minisign: %s" % what, whole(GOOD), want, keys=keyed(write("m-%s.pub" % what, key)))

# S12 and S53 beyond P-256: what openssl makes and what is made of it
ed25519 = Key(keydir, "ed25519", "-algorithm", "ED25519")
ed25519.raw = lambda data: run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", ed25519.pem, "-in", write("ed%d" % threading.get_ident(), data))
ED_L = 2**252 + 27742317777372353535851937790883648493
PSS = lambda data: run("openssl", "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sign", rsa.pem, input=data)
for what, key, good_sig, bad_sig in (
        ("P-384: with SHA-256", p384, lambda t: p384.raw(t, "sha384"), lambda t: p384.raw(t)), ("P-384: a byte behind", p384, lambda t: p384.raw(t, "sha384"), lambda t: p384.raw(t, "sha384") + b"\0"),
        ("P-384: r = s = 0", p384, lambda t: p384.raw(t, "sha384"), lambda t: der_sig(0, 0)), ("RSA: PSS", rsa, rsa.raw, PSS), ("RSA: with SHA-1", rsa, rsa.raw, lambda t: rsa.raw(t, "sha1")),
        ("RSA: with SHA-512", rsa, rsa.raw, lambda t: rsa.raw(t, "sha512")), ("RSA: a byte behind", rsa, rsa.raw, lambda t: rsa.raw(t) + b"\0"), ("RSA: a zero before", rsa, rsa.raw, lambda t: b"\0" + rsa.raw(t)),
        ("RSA: all zeros", rsa, rsa.raw, lambda t: bytes(384)), ("RSA: 1", rsa, rsa.raw, lambda t: bytes(383) + b"\1"), ("Ed25519: a byte behind", ed25519, ed25519.raw, lambda t: ed25519.raw(t) + b"\0"),
        ("Ed25519: s + L", ed25519, ed25519.raw, lambda t: ed25519.raw(t)[:32] + (int.from_bytes(ed25519.raw(t)[32:], "little") + ED_L).to_bytes(32, "little")),
        ("Ed25519: R of low order, s = 0", ed25519, ed25519.raw, lambda t: b"\1" + bytes(63)), ("Ed25519: a byte less", ed25519, ed25519.raw, lambda t: ed25519.raw(t)[:-1])):
    row("S06", what, signed(lambda t, bad, key=key, g=good_sig, b=bad_sig: [key.file(t, b(t) if bad else g(t))]), NO_SIG, keys=lambda bad, key=key: key.pub)

rsa2048 = Key(keydir, "rsa2048", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
explicit384 = Key(keydir, "explicit384", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-pkeyopt", "ec_param_enc:explicit")
small_e = Key(keydir, "small-e", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-pkeyopt", "rsa_keygen_pubexp:3")
der_of = lambda key: run("openssl", "pkey", "-in", key.pem, "-pubout", "-outform", "DER")
for what, key, want in (
        ("RSA-2048", rsa2048.pub, TYPE), ("RSA with exponent 3", small_e.pub, TYPE), ("P-384 with explicit parameters", explicit384.pub, (2, "key-parameters")),
        ("a byte behind P-384", write("behind.pub", pem(der_of(p384) + b"x")), FORM), ("P-384 off its curve", write("off.pub", pem(der_of(p384)[:-1] + bytes([der_of(p384)[-1] ^ 1]))), TYPE),
        ("Ed25519 not canonical", write("noncanonical.pub", pem(SPKI_ED + b"\xee" + b"\xff" * 30 + b"\x7f")), TYPE),
        ("Ed25519 a byte short", write("short.pub", pem(b"\x30\x29" + SPKI_ED[2:9] + b"\x03\x20\0" + bytes(31))), TYPE),
        ("RSA without NULL", write("no-null.pub", pem((lambda d: d[:2] + (int.from_bytes(d[2:4], "big") - 2).to_bytes(2, "big") + b"\x30\x0b" + d[6:17] + d[19:])(der_of(rsa)))), (2, "key-parameters"))):
    row("S12", "key: %s" % what, whole(GOOD), want, keys=keyed(key))

# Private keys given to sign.  Those of the corpora of fuzz_cosign and fuzz_minisecret open with the passphrase "x" and little work.
CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "corpus")


def sealed_by_cosign(name, label=b"ENCRYPTED COSIGN PRIVATE KEY"):
    text = base64.encodebytes(whole_key(os.path.join(CORPUS, "cosign", name)))
    return write("cosign-%s.key" % name, b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label, text, label))


WORK_ASKED, PASSPHRASE = (2, "key-work"), (2, "passphrase")
for what, name, want in (
        ("scrypt with N of 2^30", "n-large", WORK_ASKED), ("N that is no power of 2", "n-odd", WORK_ASKED), ("r of 65", "r-large", WORK_ASKED), ("p of 5", "p-large", WORK_ASKED),
        ("another derivation", "kdf", FORM), ("another cipher", "cipher", FORM), ("a box of 3 bytes", "short", FORM), ("a nonce of 3 bytes", "nonce", FORM), ("no salt", "salt", FORM),
        ("a parameter not known", "unknown", (2, "unknown-key")), ("a bit of the box", "mac", PASSPHRASE), ("base64 of another alphabet", "base64", (2, "base64")), ("an array", "array", (2, "json-type"))):
    row("S54", "cosign.key: %s" % what, whole(GOOD), want, verbs=("sign",),
        keys=lambda bad, a=sealed_by_cosign(name), b=sealed_by_cosign("good"): a if bad else b)
for what, name, want in (
        ("2^40 of work", "work", WORK_ASKED), ("another derivation", "unknown-kdf", FORM), ("not Ed25519", "not-ed", FORM), ("a bit of the checksum", "checksum", FORM), ("a bit of the box", "wrong", PASSPHRASE),
        ("its first line alone", "head", FORM), ("the public half", "public", FORM)):
    row("S54", "private key of minisign: %s" % what, whole(GOOD), want, verbs=("sign",),
        keys=lambda bad, name=name: os.path.join(CORPUS, "minisecret", name if bad else "encrypted" if name in ("work", "wrong") else "plain"))

# C24: links in an archive that pack reads
LINK = lambda name, to: header(name, 0, 0, type=b"2", link=(to.encode() + bytes(100))[:100])


def links(bad_members, good_members):
    def make(bad):
        files = image(LAYERS)
        manifest = files.pop("manifest.json")
        files.pop("l0/layer.tar")
        return archive(list(files.items()) + (bad_members if bad else good_members) + [("manifest.json", manifest)])
    return make


REAL = [("real/layer.tar", LAYERS[0])]
chain = lambda n: [LINK("l0/layer.tar", "../c0")] + [LINK("c%d" % i, "c%d" % (i + 1)) for i in range(n)] + [LINK("c%d" % n, "real/layer.tar")]
fine = REAL + [LINK("l0/layer.tar", "../real/layer.tar")]
for what, bad, want, twin in (
        ("link to itself", REAL + [LINK("l0/layer.tar", "layer.tar")], (4, "archive-link"), fine),
        ("loop of two", REAL + [LINK("l0/layer.tar", "../x"), LINK("x", "l0/layer.tar")], (4, "archive-link"), fine),
        ("41 links deep", REAL + chain(40), (4, "archive-link"), REAL + chain(20)),
        ("link to nothing", REAL + [LINK("l0/layer.tar", "../none")], (4, "archive-link"), fine),
        ("link out of the archive", REAL + [LINK("l0/layer.tar", "../../../../etc/passwd")], (4, "archive-link"), fine),
        ("absolute link", REAL + [LINK("l0/layer.tar", "/etc/passwd")], (4, "archive-link"), fine)):
    row("C24", what, links(bad, twin), want, verbs=("pack",))

# C34-C47 and I04-I12: archives that pack reads and that somebody else made, whole and layer by layer
PACK = ("pack",)
codecs = {"gzip": lambda b: gzip.compress(b, mtime=0), "xz": lzma.compress, "bzip2": bz2.compress,
          "zstd": lambda b: subprocess.run(["zstd", "-qc", "--check"], input=b, stdout=subprocess.PIPE, check=True).stdout}


def behind(*members):
    """A docker-archive with such members at its end."""
    return lambda bad: archive(list(image(LAYERS).items()) + [m.bytes() if isinstance(m, Member) else m for m in members if bad])


def sparse(size, map):
    return pax(*[record(b"GNU.sparse." + k, v) for k, v in ((b"major", b"0"), (b"minor", b"1"), (b"numblocks", b"1"), (b"size", size), (b"map", map))])


DATA = ("x", b"x" * 512)
for size, want in ((b"9" + b"0" * 18, "archive"), (b"%d" % 2**40, "archive-sparse")):
    row("C34", "a sparse member of %s bytes" % size.decode(), behind(sparse(size, b"0,512"), DATA),
        (4, want), verbs=PACK)
row("C35", "a sparse map of three million entries", behind(sparse(b"6000000", b",".join(b"%d,1" % (2 * i) for i in range(3 * 10**6))), DATA),
    (4, "archive"), verbs=PACK)
row("C36", "a pax header of 8 GiB", behind(pax(record(b"comment", b"x"), size=2**33 - 1), DATA), (4, "archive"), verbs=PACK)
row("C36", "a member of 8 GiB by its pax header", behind(pax(record(b"size", b"%d" % 2**33)), DATA), (4, "cut-short"), verbs=PACK)


def wide_xz(b):
    return lzma.compress(b, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**28}])


def zeros_of(codec, size, n):
    """n times size zeros, streams in a row."""
    return codecs[codec](bytes(size)) * n


BOMBS = {"zstd": zeros_of("zstd", 2**27, 9), "bzip2": zeros_of("bzip2", 45899236, 24)}
BOMB_GZIP = zeros_of("gzip", 2**24, 64)


def saved(edit=lambda files: None):
    """A docker-archive; edit changes its members where it is to be bad."""
    def make(bad):
        files = image(LAYERS)
        if bad:
            edit(files)
        return archive(list(files.items()))
    return make


def saved_as(codec, edit, inside):
    """The same compressed, as a whole or its first layer; edit changes the compressed bytes where it is to be bad."""
    def make(bad):
        files = image(LAYERS)
        what = files["l0/layer.tar"] if inside else archive(list(files.items()))
        what = codecs[codec](what)
        what = edit(what) if bad else what
        if not inside:
            return what
        files["l0/layer.tar"] = what
        return archive(list(files.items()))
    return make


def listed(edit):
    def change(files):
        entries = json.loads(files["manifest.json"])
        files["manifest.json"] = json.dumps(edit(entries)).encode()
    return saved(change)


flipped = lambda at: lambda b: b[:at] + bytes([b[at] ^ 1]) + b[at + 1:]
for inside in (False, True):
    where = "a layer" if inside else "the archive"
    for codec in codecs:
        row("C43" if codec != "gzip" else "C42", "%s in %s cut short" % (codec, where), saved_as(codec, lambda b: b[:len(b) * 2 // 3], inside), (4, codec), verbs=PACK)
        row("C42", "%s in %s with another check" % (codec, where), saved_as(codec, flipped(-5) if codec != "xz" else flipped(-20), inside), (4, codec), verbs=PACK)
    row("C40", "zstd in %s with a window of 2 GiB" % where,
        saved_as("zstd", lambda b: b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", inside), (4, "window", "window"), verbs=PACK)
    row("C40", "xz in %s with a dictionary of 256 MiB" % where, saved_as("xz", lambda b: wide_xz(lzma.decompress(b)), inside),
        (4, "window", "window"), verbs=PACK)
    # zeros without an end, as the size of a member announces them
    for codec, zeros in BOMBS.items():
        row("C40", "%s in %s, a gigabyte from a few kilobytes" % (codec, where),
            saved_as(codec, lambda b, codec=codec, zeros=zeros: codecs[codec](header("x", 2**31, 0)) + zeros, inside),
            (4, "diff-id" if inside and codec == "zstd" else "bomb"), verbs=PACK)
row("C40", "a layer of gzip that is a gigabyte", saved_as("gzip", lambda b: BOMB_GZIP, True), (4, "diff-id"), verbs=PACK)
row("C40", "zeros without an end behind an archive",
    lambda bad: codecs["zstd"](archive(image(LAYERS).items(), bytes(2**26 + 2**20 if bad else 2**20))), (4, "archive-tail"), verbs=PACK)
row("C40", "an archive through gzip ten times", saved_as("gzip", lambda b: [b := gzip.compress(b, mtime=0) for _ in range(9)][-1], False),
    (2, "archive-compression"), verbs=PACK)
row("C41", "a gzip that inflates to itself", lambda bad: quine() if bad else gzip.compress(saved()(False), mtime=0), (2, "archive-compression"), verbs=PACK)
row("C41", "a layer that inflates to itself", saved(lambda f: f.update({"l0/layer.tar": quine()})), (4, "diff-id"), verbs=PACK)
row("C37", "an archive of lrzip", lambda bad: b"LRZI\0\6" + bytes(2048) if bad else saved()(False), (4, "archive-format"), verbs=PACK)
row("C37", "an archive of lzop", lambda bad: b"\x89LZO\0\r\n\x1a\n" + bytes(2048) if bad else saved()(False), (4, "archive-format"), verbs=PACK)
for what, magic in (("RAR", b"Rar!\x1a\7\0"), ("CAB", b"MSCF"), ("XAR", b"xar!"), ("mtree", b"#mtree\n"), ("shar", b"#!/bin/sh\n# This is a shell archive\n")):
    row("C38", "a file that begins as %s" % what, lambda bad, m=magic: m + bytes(2048) if bad else saved()(False), (4, "archive-format"), verbs=PACK)
row("C38", "an ISO image", lambda bad: bytes(32768) + b"\1CD001\1" + bytes(2041) if bad else saved()(False), (4, "archive-format"), verbs=PACK)
row("C39", "two members manifest.json", lambda bad: archive(list(image(LAYERS).items()) + [("manifest.json" if bad else "other.json", b"[]")]),
    (4, "archive-duplicate"), verbs=PACK)
row("I06", "manifest.json is []", listed(lambda e: []), (4, "archive-empty"), verbs=PACK)
row("I06", "manifest.json is null", listed(lambda e: None), (4, "archive-empty"), verbs=PACK)
row("I07", "a layer less than diff IDs", listed(lambda e: [dict(e[0], Layers=e[0]["Layers"][1:])]), (4, "layer-count"), verbs=PACK)
row("I08", "the layer of another image", saved(lambda f: f.update({"l0/layer.tar": layer({"x": b"y"})})), (4, "diff-id"), verbs=PACK)
row("I04", "a layer that is not there", saved(lambda f: f.pop("l0/layer.tar")), (4, "layer-missing"), verbs=PACK)
row("I04", "a config that is not there", listed(lambda e: [dict(e[0], Config="none.json")]), (4, "config-missing"), verbs=PACK)


def legacy(edit):
    """What Docker 1.9 saved: two layers, "low" below "top"; edit changes their texts, the repositories or the members."""
    def make(bad):
        texts = {"low": {"id": "low", "created": "2015-10-28T23:59:59Z", "architecture": "amd64", "os": "linux"},
                 "top": {"id": "top", "parent": "low", "created": "2015-10-28T23:59:59Z", "architecture": "amd64", "os": "linux"}}
        names = {"acme/app": {"1": "top"}}
        files = {"low/layer.tar": LAYERS[0], "top/layer.tar": LAYERS[1]}
        if bad:
            edit(texts, names, files)
        for id, text in texts.items():
            files[id + "/json"] = compact(text)
        return archive(list(files.items()) + [("repositories", compact(names))])
    return make


for what, edit, want in (
        ("parents in a circle", lambda t, n, f: t["low"].update(parent="top"), "legacy-chain"),
        ("its own parent", lambda t, n, f: t["top"].update(parent="top"), "legacy-chain"),
        ("a parent that is not there", lambda t, n, f: t.pop("low"), "config-missing"),
        ("a layer that is not there", lambda t, n, f: f.pop("low/layer.tar"), "layer-missing"),
        ("a time that is none", lambda t, n, f: t["low"].update(created="2015-10-28 23:59"), "legacy-time"),
        ("a health check before there were any", lambda t, n, f: t["top"].update(config={"Healthcheck": {"Test": []}}), "legacy-config"),
        ("words that are a number", lambda t, n, f: t["top"].update(container_config={"Cmd": 1}), "json-type"),
        ("a text that is a list", lambda t, n, f: t.update(low=[]), "json-type"),
        ("tags that are a list", lambda t, n, f: n.update({"acme/app": ["top"]}), "json-type"),
        ("an ID that is a number", lambda t, n, f: n.update({"acme/app": {"1": 1}}), "json-type"),
        ("no names", lambda t, n, f: n.clear(), "archive-empty"),
        ("a name in upper case", lambda t, n, f: n.update({"Acme/App": {"1": "top"}}), "reference"),
        ("a parent outside", lambda t, n, f: t["low"].update(parent="../../../etc"), "config-missing")):
    row("C47", "an archive of Docker 1.9: %s" % what, legacy(edit), (4, want), verbs=PACK)
row("I12", "a config that is not what its name says", saved(lambda f: (
    f.update({"blobs/sha256/" + "a" * 64: next(v for k, v in f.items() if k.endswith(".json"))}),
    f.update({"manifest.json": json.dumps([dict(json.loads(f["manifest.json"])[0], Config="blobs/sha256/" + "a" * 64)]).encode()}))),
    (4, "blob-digest"), verbs=PACK)


# ---- running ----

def snapshot(dir):
    out = {}
    for base, dirs, files in os.walk(dir):
        for n in dirs + files:
            p = os.path.join(base, n)
            st = os.lstat(p)
            out[os.path.relpath(p, dir)] = (stat.S_IFMT(st.st_mode), st.st_size if stat.S_ISREG(st.st_mode) else 0)
    return out


def bad_bytes(text):
    return [b for b in text if b < 32 and b != 10 or b == 127]


def run_verb(verb, dir, key, env, stdin=None):
    source = "-" if stdin is not None else "b.tar"
    argv = {
        "verify": ["verify", "--json", "--progress=none", "--key", key, source],
        "inspect": ["inspect", "--json", "--progress=none", "--key", key, source],
        "unpack": ["unpack", "--json", "--progress=none", "--key", key, "--to", "oci:out", source],
        "pack": ["pack", "--json", "--progress=none", "-o", "out.tar", "--key", rel.pem, source],
        "sign": ["sign", "--json", "--progress=none", "--key", key, source],
    }[verb]
    if verb == "sign":
        env = dict(env, GAPFERRY_PASSPHRASE="x", COSIGN_PASSWORD="x")
    p = subprocess.Popen([os.path.abspath(PROGRAM)] + argv, cwd=dir, env=env, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        out, err = p.communicate(stdin, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, err = p.communicate()
        return None, "time-out after %d s" % SECONDS, out, err
    left = ""
    try:
        os.killpg(p.pid, 0)
        os.killpg(p.pid, signal.SIGKILL)
        left = "a process was left running"
    except ProcessLookupError:
        pass
    return p.returncode, left, out, err


def failing(r):
    """The one check of the verdict that fails in a row; None: its bundle is not even opened, or it is no matter."""
    if r.expect.get("verify", (0, ""))[1] == "signature":
        return "signature"
    if r.id[0] == "I" or r.id == "M14":
        return "graph"
    return "manifest" if r.id[0] == "M" or r.id == "S31" else None


def judge(verb, dir, key, want, stdin=None, check=None):
    """Run one verb; a list of complaints, and what it said.  check: the one check that may have failed."""
    env = clean_env(dir)
    before = snapshot(dir)
    status, said, out, err = run_verb(verb, dir, key, env, stdin)
    bad = [said] if said else []
    name, text = "", ""
    try:
        o = json.loads(out)
        name, text = o.get("error", {}).get("name", ""), o.get("error", {}).get("text", "")
        if o["status"] != status:
            bad.append("the JSON says status %s, the program %s" % (o["status"], status))
    except (ValueError, KeyError) as e:
        bad.append("no JSON object on stdout (%s): %r" % (e, out[:200]))
    if want is not None and (status, name) != (want[0], want[1]):
        bad.append("expected %d %s, found %s %s: %s" % (want[0], want[1], status, name, text or err.decode(errors="replace")[-600:]))
    if want is not None and len(want) > 2 and want[2] not in text:
        bad.append("'%s' is not in: %s" % (want[2], text))
    if check and verb == "verify" and status in (3, 4):
        failed = [c["name"] for c in o.get("checks", []) if c["result"] == "failed"]
        if failed != [check]:
            bad.append("failed checks are %s, expected %s" % (failed, check))
    if bad_bytes(out) or bad_bytes(err):
        bad.append("control characters in the output")
    if b"PRIVATE KEY" in out + err or any(x in out + err for x in SECRETS):
        bad.append("a private key was printed")
    if status != 0:
        new = {k: v for k, v in snapshot(dir).items() if before.get(k) != v and not k.startswith("state")}
        # blobs that had passed may lie unreferenced in a target (DESIGN.md 3.9); a name never
        new = [k for k in new if not (verb == "unpack" and (k in ("out", "out/blobs", "out/blobs/sha256") or blob_is_whole(dir, k)))]
        if new:
            bad.append("left behind: %s" % ", ".join(sorted(new)[:5]))
        log = os.path.join(dir, "state", "audit.jsonl")
        if os.path.exists(log):
            with open(log) as f:
                types = [json.loads(x).get("type") for x in f]
            if set(types) & {"accepted", "loaded", "complete"}:
                bad.append("the log says %s" % types)
    elif verb == "unpack" and not os.path.exists(os.path.join(dir, "out", "index.json")):
        bad.append("done, and no index.json in the target")
    return bad, (status, name, text)


def blob_is_whole(dir, path):
    parts = path.split("/")
    if len(parts) != 4 or parts[:3] != ["out", "blobs", "sha256"]:
        return False
    with open(os.path.join(dir, path), "rb") as f:
        return sha256(f.read()) == parts[3]


counter = iter(range(10**9))
lock = threading.Lock()
accepted = {}
believed = {}  # by their digests: the bundles that verify accepted


def fresh():
    with lock:
        dir = os.path.join(WORK, "case%d" % next(counter))
    os.mkdir(dir)
    return dir


def case(verb, data, key, want, pipe, check=None):
    dir = fresh()
    path = os.path.join(dir, "b.tar")
    if pipe is None:
        with open(path, "wb") as f:
            f.write(data)
    result = judge(verb, dir, key, want, pipe, check)
    shutil.rmtree(dir)
    return result


def run_row(r):
    """Complaints of one row."""
    bad, seen = [], {}
    data, twin = r.make(True), r.make(False)
    key = r.keys(True) if r.keys else rel.pub
    for verb in r.verbs:
        found, seen[verb] = case(verb, data, key, r.expect[verb], None, failing(r))
        bad += ["%s: %s" % (verb, x) for x in found]
    # the same bytes through a pipe: refused as well, and of the same class
    if r.pipe and "verify" in r.verbs and not r.keys:
        found, seen["pipe"] = case("verify", b"", key, None, data)
        bad += ["pipe: %s" % x for x in found]
        if seen["pipe"][0] != seen["verify"][0]:
            bad.append("pipe: status %s %s, as a file %s" % (seen["pipe"][0], seen["pipe"][1], seen["verify"][0]))
    # twins are mostly the same bytes: each is tried once
    for verb in r.verbs:
        tag = (verb, sha256(twin), r.keys(False) if r.keys else rel.pub)
        with lock:
            known = tag in accepted
        if not known:
            found, s = case(verb, twin, tag[2], (0, ""), None)
            bad += ["twin, %s: %s" % (verb, x) for x in found]
            with lock:
                accepted[tag] = not found
                if verb == "verify" and not found:
                    believed[sha256(twin)] = twin
        elif not accepted[tag]:
            bad.append("twin, %s: was not accepted before" % verb)
    return bad, seen


# ---- rows that are accepted, or have another form ----

def specials():
    """(name, list of complaints)"""
    text = good.statement()

    def verified(b, *more, beside=()):
        """beside: (name, bytes) of a file in b.tar.d; None: an empty b.tar.d."""
        dir = fresh()
        with open(os.path.join(dir, "b.tar"), "wb") as f:
            f.write(b.bytes())
        if beside != ():
            os.mkdir(os.path.join(dir, "b.tar.d"))
        if beside:
            with open(os.path.join(dir, "b.tar.d", beside[0]), "wb") as f:
                f.write(beside[1])
        p = say("verify", "--json", "--progress=none", "--key", rel.pub, *more, "b.tar", cwd=dir, env=clean_env(dir))
        shutil.rmtree(dir)
        return p.returncode, json.loads(p.stdout)

    def signers(o):
        return o.get("signers") or o.get("verdict", {}).get("signers") or []

    b = good.copy()
    b.sign(*malleated(text, True))
    status, o = verified(b)
    yield "S07 - (r, n-s) beside the original is accepted and its key counted once", (
        [] if status == 0 and len(signers(o)) == 1 else ["status %d, signers %s" % (status, signers(o))])
    name, line = rel.file(text)
    b.sign((name, line), (FFFF, evil.file(text)[1]), ("META/manifest.json.0000000000000000.sig", b"broken\n"))
    status, o = verified(b)
    yield "S34 - a good signature beside a foreign and a broken one is accepted", ([] if status == 0 and len(signers(o)) == 1 else ["status %d" % status])
    b.sign()
    status, o = verified(b, beside=(FFFF[5:], line))
    yield "S01 - a signature beside the bundle and none inside is accepted", [] if status == 0 and len(signers(o)) == 1 else ["status %d" % status]
    status, o = verified(b, beside=(FFFF[5:], evil.file(text)[1]))
    yield "S01 - a foreign signature beside the bundle and none inside is refused", [] if (status, o["error"]["name"]) == NO_SIG else ["status %d" % status]
    status, o = verified(b, beside=None)
    yield "S01 - an empty directory beside the bundle and no signature is refused", [] if (status, o["error"]["name"]) == NO_SIG else ["status %d" % status]
    b.sign((FFFF, line))
    status, o = verified(b)
    yield "S27 - the key id in a name is a hint and never trusted", [] if status == 0 else ["status %d" % status]
    b.sign((name, line), ("META/manifest.json.%s.zzz" % rel.id[:16], b"x"))
    status, o = verified(b)
    yield "S27 - an extension not known beside a good one is passed over", [] if status == 0 else ["status %d" % status]
    lines = minisig(text)
    commented("grün\t\U0001f600".encode())(lines)
    b.sign(("META/manifest.json.%s.minisig" % ("0" * 16), text_of(lines)))
    status, o = verified(b, "--key", MINI)
    yield "S13 - a trusted comment in UTF-8, signed by another hand than minisign's, is accepted", [] if status == 0 else ["status %d" % status]
    # its stored bytes and what is inside have one digest: pack, which looks at digests, takes it; it is no tar
    b = pack("quine", archive(image([quine(), LAYERS[1]]).items()), "--layers", "none")
    for deep, want in (((), (0, "")), (("--deep",), (4, "layer-tar"))):
        status, o = verified(b, *deep)
        found = (status, o.get("error", {}).get("name", ""))
        yield "C41 - a layer that inflates to itself and has the diff ID of both, verify %s" % "".join(deep), [] if found == want else ["found %s %s" % found]
    # one key, three encodings (FORMAT.md 3)
    for form in ("compressed", "uncompressed", "hybrid"):
        path = os.path.join(keydir, form + ".pub")
        run("openssl", "ec", "-in", rel.pem, "-pubout", "-conv_form", form, "-out", path)
        dir = fresh()
        with open(os.path.join(dir, "b.tar"), "wb") as f:
            f.write(GOOD)
        p = say("verify", "--json", "--progress=none", "--key", rel.pub, "--key", path, "b.tar", cwd=dir, env=clean_env(dir))
        shutil.rmtree(dir)
        o = json.loads(p.stdout)
        yield "S23 - one key in its %s form is one key" % form, [] if p.returncode == 0 and len(signers(o)) == 1 else [
            "status %d, signers %s" % (p.returncode, signers(o))]


def directories():
    """The same bundle as a directory: what a directory can do that a tar cannot."""
    def lay(dir, b=good):
        for m in b.members:
            if m.name != "META/padding":
                path = os.path.join(dir, "b.tar", m.name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as f:
                    f.write(m.data)
        return os.path.join(dir, "b.tar")

    def link(root):
        p = os.path.join(root, LAYER)
        os.rename(p, os.path.join(root, "..", "moved"))
        os.symlink("../../../moved", p)

    def linked_dir(root):
        os.rename(os.path.join(root, "blobs"), os.path.join(root, "..", "blobs"))
        os.symlink("../blobs", os.path.join(root, "blobs"))

    def fifo(root):
        os.unlink(os.path.join(root, LAYER))
        os.mkfifo(os.path.join(root, LAYER))

    def fifo_head(root):
        os.unlink(os.path.join(root, "META/manifest.json"))
        os.mkfifo(os.path.join(root, "META/manifest.json"))

    def grown(root):
        with open(os.path.join(root, LAYER), "ab") as f:
            f.write(b"x")

    def flipped(root):
        with open(os.path.join(root, LAYER), "r+b") as f:
            c = f.read(1)
            f.seek(0)
            f.write(bytes([c[0] ^ 1]))

    def cut(root):
        os.truncate(os.path.join(root, LAYER), 100)

    def gone(name):
        return lambda root: os.unlink(os.path.join(root, name))

    def subdir(root):
        os.unlink(os.path.join(root, LAYER))
        os.mkdir(os.path.join(root, LAYER))

    def nothing(root):
        pass

    def foreign(root):
        with open(os.path.join(root, "._x"), "w") as f:
            f.write("x")
        with open(os.path.join(root, "blobs", ".DS_Store"), "w") as f:
            f.write("x")
        os.chmod(os.path.join(root, LAYER), 0o755)

    for what, edit, want in (
            ("as it is", nothing, 0), ("with foreign names and other modes", foreign, 0), ("a layer is a symbolic link", link, 4), ("blobs is a symbolic link", linked_dir, 4),
            ("a layer is a FIFO", fifo, 4), ("the manifest is a FIFO", fifo_head, 4), ("a layer is longer", grown, 4), ("a layer has a bit flipped", flipped, 4),
            ("a layer is cut", cut, 4), ("a layer is missing", gone(LAYER), 4), ("a document is missing", gone(DOC), 4), ("SHA256SUMS is missing", gone(SUMS), 4),
            ("index.json is missing", gone("index.json"), 4), ("a layer is a directory", subdir, 4), ("the signature is missing", gone(good.members[1].name), 3),
            ("the manifest is missing", gone("META/manifest.json"), 4)):
        bad = []
        for verb in ("verify", "unpack"):
            dir = fresh()
            edit(lay(dir))
            found, s = judge(verb, dir, rel.pub, None)
            bad += found
            if s[0] != want:
                bad.append("%s: expected %d, found %s %s: %s" % (verb, want, *s))
            shutil.rmtree(dir)
        yield "directory - %s" % what, bad


def others():
    """What verify accepted, other readers of tar list alike."""
    def members(b):
        return [(m.name, len(m.data), sha256(m.data)) for m in b.members]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda data: readers.differences(data, members(Bundle(data)), fresh), believed.values())
        bad = ["%s: %s" % (digest, x) for digest, complaints in zip(believed, found) for x in complaints]
    print("# %d bundles that verify accepted, through GNU tar, bsdtar, BusyBox, Python's tarfile and the rules of Go" % len(believed))
    yield "X2 - names, sizes, bytes and order are the same to five other readers", bad if len(believed) > 50 else bad + ["only %d bundles" % len(believed)]
    b = good.copy()
    b.members.append(b.make(SUMS, b"x"))
    yield "X2 - a member too many is seen by each of them", [] if len(readers.differences(b.bytes(), members(good), fresh)) == 5 else ["it is not"]


def peers():
    """Registries and daemons that lie in one point: status, name, and what they have afterwards."""
    a, b = image(LAYERS), image(LAYERS[:1], ("acme/again:1.0",))
    entries = json.loads(a.pop("manifest.json")) + json.loads(b.pop("manifest.json"))
    two = pack("two", archive([*{**a, **b}.items(), ("manifest.json", json.dumps(entries).encode())]))

    def unpacked(want, *argv, bundle=GOOD, pipe=False, env=None):
        dir = fresh()
        with open(os.path.join(dir, "b.tar"), "wb") as f:
            f.write(bundle)
        e = clean_env(dir)
        if env:
            os.makedirs(os.path.join(e["GAPFERRY_CONFIG"], "environments"))
            with open(os.path.join(e["GAPFERRY_CONFIG"], "environments", "e.yaml"), "w") as f:
                f.write(env.replace("DIR", dir))
        p = say("unpack", "--json", "--progress=none", "--key", rel.pub, "--retries", "0", *argv, "-" if pipe else "b.tar", cwd=dir, env=e,
                **(dict(input=bundle) if pipe else {}))
        found = (p.returncode, json.loads(p.stdout).get("error", {}).get("name", ""))
        shutil.rmtree(dir)
        bad = [] if found == want else ["expected %s, found %s: %s" % (want, found, p.stderr.decode(errors="replace")[-500:])]
        return bad + (["control characters in the output"] if bad_bytes(p.stdout) or bad_bytes(p.stderr) else [])

    for lie, want in (("", (0, "")), ("tag shows another", (5, "read-back")), ("tag is gone", (5, "read-back"))):
        r = Registry(lie)
        bad = unpacked(want, "--to", "docker://%s/p" % r.host)
        r.end()
        yield "registry - %s" % (lie or "honest"), bad
    big = pack("big", archive(image([layer({"data": bytes(range(256)) * (6 << 12)}), LAYERS[1]]).items()), "--layers", "none")
    run_registry = registry_rows.Run(PROGRAM, rel.pub, fresh, clean_env, bad_bytes)
    files, subject, sbom = registry_rows.layout(LAYERS[0])
    evidence = pack("evidence", archive(files.items()))
    yield from registry_rows.rows(run_registry, GOOD, two.bytes(), big.bytes(), (evidence.bytes(), subject, sbom))
    yield from source_rows.rows(source_rows.Run(PROGRAM, rel.pem, rel.pub, fresh, clean_env, bad_bytes), LAYERS)
    for lie, want in (
            ("", (0, "")), ("image is not shown", (5, "docker-image")), ("image is not listed", (5, "docker-image")), ("other layers", (4, "docker-rootfs")), ("tag is not set", (5, "read-back")),
            ("tag is refused", (5, "docker-tag")), ("error inside a 200", (5, "docker-load")), ("answer is cut", (5, "docker-load")), ("another name", (5, "docker-load"))):
        d = Daemon(os.path.join(WORK, "docker.sock"), lie)
        bad = unpacked(want, "-H", d.host, "--to", "docker-daemon:")
        names = sorted(d.names)
        if names != ([] if want[0] else ["docker.io/acme/app:1.0"]):
            bad.append("names are %s" % names)
        d.end()
        os.unlink(os.path.join(WORK, "docker.sock"))
        # what it does not show cannot be removed
        if want[0] and d.images and lie not in ("image is not shown", "image is not listed"):
            bad.append("it was left %d images" % len(d.images))
        yield "daemon - %s" % (lie or "honest"), bad
    for program, want in (("/bin/true", (0, "")), ("/bin/false", (1, "notify")), ("/no/such/program", (1, "notify"))):
        yield "notify - %s" % program, unpacked(want, "--env", "e", env="environment: e\ntargets:\n  - oci: DIR/out\nnotify:\n  - run: [%s]\n" % program)
    for pipe, want in ((False, (0, "")), (True, (2, "verify-first"))):
        yield "--verify-first %s" % ("from a pipe" if pipe else "from a file"), unpacked(want, "--verify-first", "--to", "oci:out", pipe=pipe)


def groups(which):
    """Groups D, F and O: (name, complaints, what was said)."""
    a, b = image(LAYERS), image(LAYERS[:1], ("acme/again:1.0",))
    entries = json.loads(a["manifest.json"]) + json.loads(b["manifest.json"])
    two = pack("two", archive([*{**{k: v for k, v in {**a, **b}.items() if k != "manifest.json"}, "manifest.json": json.dumps(entries).encode()}.items()]))
    big = pack("big", archive(image([layer({"data": bytes(range(256)) * (6 << 12)}), LAYERS[1]]).items()), "--layers", "none")
    if "D" in which:
        yield from daemon_rows.rows(daemon_rows.Run(PROGRAM, rel.pem, rel.pub, fresh, clean_env, bad_bytes), GOOD, two.bytes(), big.bytes(), archive(image(LAYERS).items()))
    place, saved = file_rows.Place(PROGRAM, rel.pem, rel.pub, fresh, clean_env, bad_bytes, GOOD, big.bytes()), archive(image(LAYERS).items())
    try:
        if "F" in which:
            yield from file_rows.rows(place, saved)
        if "O" in which:
            yield from operator_rows.rows(place, saved, evil.pub, run)
    finally:
        for m in place.mounts:
            subprocess.run(["umount", "-l", m])


def main():
    show = sys.argv[2:] if sys.argv[1:2] == ["--show"] else None
    rows = [r for r in ROWS if r.verbs and (not show or r.id in show)]
    n = failed = 0

    def result(name, bad):
        nonlocal n, failed
        n += 1
        failed += bool(bad)
        print("%sok %d - %s" % ("not " if bad else "", n, name))
        for x in bad:
            print("# %s" % x)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for r, (bad, seen) in zip(rows, pool.map(run_row, rows)):
            result("%s - %s" % (r.id, r.what), bad)
            if show:
                for verb, s in seen.items():
                    print("#   %s: %s" % (verb, s))
    if not show or show == ["trust"]:
        for name, bad in trust_rows.rows(trust_world.Run(PROGRAM, fresh, clean_env, bad_bytes), good, rel, keydir):
            result(name, bad)
    if show == ["peers"]:
        for name, bad in peers():
            result(name, bad)
    for name, bad, said in groups(show or ["D", "F", "O"]):
        if bad is None:
            n += 1
            print("ok %d - %s # SKIP only root may mount and change users" % (n, name))
            continue
        result(name, bad)
        if show:
            print("#   %s %s: %s" % (said.status, said.name, said.text or said.err.decode(errors="replace").strip()[-300:]))
    if not show:
        names = {e[1] for r in rows if r.id[0] in "CMSI" for e in r.expect.values() if e[1]}
        ids = {r.id for r in rows}
        print("# %d rows of %d ids, %d different names of errors in groups C, M, S and I" % (len(rows), len(ids), len(names)))
        result("the table has 60 rows and 45 names", [] if len(rows) >= 60 and len(names) >= 45 else ["it has not"])
        for name, bad in specials():
            result(name, bad)
        for name, bad in directories():
            result(name, bad)
        for name, bad in others():
            result(name, bad)
        for name, bad in peers():
            result(name, bad)
        flip = os.path.join(os.environ.get("B", "build"), "tests", "hostile", "flip")
        if not os.path.exists(flip):
            flip = os.path.join(os.environ.get("B", "build"), "asan", "tests", "hostile", "flip")
        path = os.path.join(WORK, "flip.tar")
        with open(path, "wb") as f:
            f.write(GOOD)
        p = subprocess.run([flip, path, rel.pub, str(head_end)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for line in p.stdout.decode(errors="replace").splitlines():
            if line.startswith(("ok ", "not ok ")):
                result(line.split(" - ", 1)[1], [] if line.startswith("ok") else ["see above"])
            else:
                print("# " + line)
        if p.returncode not in (0, 1):
            result("flip - ended with status %d" % p.returncode, ["it did not end"])
    print("1..%d" % n)
    return 1 if failed else 0


try:
    status = main()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
sys.exit(status)
