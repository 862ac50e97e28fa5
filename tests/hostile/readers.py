"""What other readers of tar make of a bundle: names, sizes and bytes of all members, in order.  GNU tar, libarchive's
bsdtar, BusyBox and Python's tarfile as they are; the rules of Go's archive/tar written down again (reader.go of Go 1.19), for a Go
compiler is too much for a test."""

import hashlib
import io
import os
import shutil
import subprocess
import tarfile

BLOCK = 512


class Unread(Exception):
    pass


def number(field):
    """parseNumeric: base 256 where the first bit is set, else octal digits between spaces and NULs."""
    if field[:1] and field[0] & 0x80:
        inverted = 0xff if field[0] & 0x40 else 0
        n = 0
        for i, c in enumerate(field):
            c ^= inverted
            n = n << 8 | (c & 0x7f if i == 0 else c)
        if n >> 63:
            raise Unread("a number of more than 63 bits")
        return ~n if inverted else n
    text = field.strip(b" \0").split(b"\0")[0]
    if text.strip(b"01234567"):
        raise Unread("no octal number: %r" % text)
    return int(text or b"0", 8)


def go(data):
    """Members as archive/tar's Reader.Next and Read give them."""
    out, at = [], 0
    text = lambda field: field.split(b"\0")[0].decode("latin-1")
    while at < len(data):
        h = data[at:at + BLOCK]
        if len(h) < BLOCK:
            raise Unread("half a header")
        at += BLOCK
        if h == bytes(BLOCK):
            if data[at:at + BLOCK] not in (bytes(BLOCK), b""):
                raise Unread("one block of zeros")
            break
        unsigned = sum(h[:148] + b" " * 8 + h[156:])
        signed = unsigned - 256 * sum(c > 127 for c in h[:148] + h[156:])
        if number(h[148:156]) not in (unsigned, signed):
            raise Unread("checksum")
        ustar, gnu = h[257:263] == b"ustar\0", h[257:265] == b"ustar  \0"
        name, type, size = text(h[:100]), h[156:157], number(h[124:136])
        for field in [h[100:108], h[108:116], h[116:124], h[136:148]] + ([h[329:337], h[337:345]] if (ustar or gnu) and type in b"34" else []):
            number(field)
        if ustar and text(h[345:500]):
            name = text(h[345:500]) + "/" + name
        if size < 0:
            raise Unread("a negative size")
        if type in b"xgLKS":
            raise Unread("an extension: %r" % type)
        if type in b"12345 6".replace(b" ", b""):
            size = 0
        body = data[at:at + size]
        if len(body) < size:
            raise Unread("unexpected EOF")
        at += size + -size % BLOCK
        out.append((name, size, hashlib.sha256(body).hexdigest()))
    return out


def python(data):
    out = []
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:", errorlevel=2) as t:
        for m in t:
            out.append((m.name, m.size, hashlib.sha256(t.extractfile(m).read() if m.isreg() else b"").hexdigest()))
    return out


def program(tar, path, dir):
    """Listed, then unpacked into dir and read from there."""
    names = subprocess.run([*tar, "-tf", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout.decode("latin-1").splitlines()
    subprocess.run([*tar, "-xf", path, "-C", dir], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    out, found = [], sum(len(files) for _, _, files in os.walk(dir))
    for name in names:
        with open(os.path.join(dir, name), "rb") as f:
            b = f.read()
        out.append((name, len(b), hashlib.sha256(b).hexdigest()))
    if found != len(names):
        raise Unread("%d names, %d files" % (len(names), found))
    return out


def differences(data, members, fresh):
    """Complaints: who does not list members, (name, size, sha256) in order.  fresh(): a new directory."""
    dir, bad = fresh(), []
    path = os.path.join(dir, "x.tar")
    with open(path, "wb") as f:
        f.write(data)

    def unpacked(*tar):
        where = os.path.join(dir, tar[0])
        os.mkdir(where)
        return program(tar, path, where)
    for who, read in (("GNU tar", lambda: unpacked("tar")), ("bsdtar", lambda: unpacked("bsdtar")), ("BusyBox", lambda: unpacked("busybox", "tar")), ("tarfile", lambda: python(data)), ("Go", lambda: go(data))):
        try:
            seen = read()
        except (Unread, tarfile.TarError, OSError, subprocess.CalledProcessError) as e:
            bad.append("%s: %s" % (who, e))
            continue
        if seen != members:
            bad.append("%s: %d members, %s" % (who, len(seen), [x for x in zip(seen, members) if x[0] != x[1]][:2]))
    shutil.rmtree(dir)
    return bad
