"""How a row of the table is written: one change to one good bundle, how each verb must end (exit status and name of the error),
and a harmless twin, the same steps with the bad bit left out, which must be accepted.  Here are the good bundle and the ways to
change it; the rows are in the files NAME_rows.py, by groups of the corpus that the project's threat model names."""

import itertools
import os
import subprocess
import sys
import tempfile

from model import Bundle, Key, Member, archive, header, image, layer, with_checksum
from program import Program


PROGRAM = os.path.abspath(os.environ.get("GAPFERRY", "build/gapferry"))
WORK = tempfile.mkdtemp(prefix="gapferry-hostile.")
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


cases = itertools.count()


def fresh():
    dir = os.path.join(WORK, "case%d" % next(cases))
    os.mkdir(dir)
    return dir


def bad_bytes(text):
    return [b for b in text if b < 32 and b != 10 or b == 127]


# ---- the good bundle ----

def say(*argv, **kw):
    return subprocess.run([PROGRAM, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def clean_env(dir):
    e = {k: v for k, v in os.environ.items() if not k.startswith(("GAPFERRY_", "DOCKER_"))}
    e.update(HOME=dir, GAPFERRY_STATE=os.path.join(dir, "state"), GAPFERRY_CONFIG=os.path.join(dir, "config"), LC_ALL="C")
    os.makedirs(e["GAPFERRY_CONFIG"], exist_ok=True)
    return e


once = Program(PROGRAM, clean_env, bad_bytes)


LAYERS = [layer({"etc/motd": b"hello\n" * 400, "bin/a": bytes(range(256)) * 40}), layer({"app/b": b"b" * 3000})]
keydir = os.path.join(WORK, "keys")
os.mkdir(keydir)
rel, evil = Key(keydir, "rel"), Key(keydir, "evil")
with open(rel.pem, "rb") as f:
    SECRETS = [x[:20].decode() for x in f.read().splitlines()[1:-1]]


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
