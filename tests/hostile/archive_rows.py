"""Groups C and I of the table, the other side: archives that somebody else made and pack reads, whole and layer by layer."""

import bz2
import gzip
import json
import lzma
import subprocess

from model import Member, archive, compact, header, image, layer
from rows import *  # the words that rows are written in
from quine import quine


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
row("C32", "100,001 empty members, twin 10,000", lambda bad: archive(list(image(LAYERS).items()) + [("e/%d" % i, b"") for i in range(100001 if bad else 10000)]),
    (4, "archive-members"), verbs=PACK)
row("I20", "a config of 10 MiB", saved(lambda f: f.update({k: v + b" " * (10 << 20) for k, v in f.items() if k.endswith(".json") and k != "manifest.json"})), LARGE, verbs=PACK)
row("I14", "a layer of no bytes", lambda bad: archive(image([b"", LAYERS[1]] if bad else LAYERS).items()), (0, ""), verbs=PACK)
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
