"""A bundle as a list of members that can be changed one by one, and the tools to make one: a small docker-archive,
keys and signatures by openssl.  Nothing here shares code with gapferry: it is written from bundles/FORMAT.md."""

import base64
import hashlib
import io
import json
import os
import subprocess
import tarfile

BLOCK = 512


def sha256(b):
    return hashlib.sha256(b).hexdigest()


def field(text, n):
    b = text if isinstance(text, bytes) else text.encode()
    return b + bytes(n - len(b))


def checksum(h):
    h = bytearray(h)
    h[148:156] = b" " * 8
    return sum(h)


def with_checksum(h):
    h = bytearray(h)
    h[148:156] = b"%06o\0 " % checksum(h)
    return bytes(h)


def header(name, size, mtime, **over):
    """FORMAT.md 1 "Headers"; over replaces whole fields by their bytes before the checksum is made."""
    f = dict(
        name=field(name, 100), mode=b"0000644\0", uid=b"0000000\0", gid=b"0000000\0",
        size=(b"%011o\0" % size) if size < 8**11 else b"\x80" + size.to_bytes(11, "big"), mtime=b"%011o\0" % mtime,
        chksum=b" " * 8, type=b"0", link=bytes(100), magic=b"ustar\0", version=b"00", uname=bytes(32), gname=bytes(32),
        devmajor=b"0000000\0", devminor=b"0000000\0", prefix=bytes(155), rest=bytes(12))
    f.update(over)
    h = b"".join(f[k] for k in ("name", "mode", "uid", "gid", "size", "mtime", "chksum", "type", "link", "magic",
                                "version", "uname", "gname", "devmajor", "devminor", "prefix", "rest"))
    assert len(h) == BLOCK, len(h)
    return with_checksum(h)


class Member:
    def __init__(self, name, data, head, fill=None):
        self.name, self.data, self.head = name, data, head
        self.fill = bytes(-len(data) % BLOCK) if fill is None else fill

    def bytes(self):
        return self.head + self.data + self.fill

    def copy(self):
        return Member(self.name, self.data, self.head, self.fill)


class Bundle:
    """members in order and tail, what follows them (the end blocks)."""

    def __init__(self, blob):
        self.members, at = [], 0
        while blob[at:at + BLOCK] != bytes(BLOCK):
            head = blob[at:at + BLOCK]
            name = head[:100].rstrip(b"\0").decode()
            size = int.from_bytes(head[125:136], "big") if head[124] == 0x80 else int(head[124:135], 8)
            at += BLOCK
            data = blob[at:at + size]
            fill = blob[at + size:at + size + -size % BLOCK]
            at += size + -size % BLOCK
            self.members.append(Member(name, data, head, fill))
        self.tail = blob[at:]
        self.mtime = int(self.members[0].head[136:147], 8)

    def copy(self):
        b = Bundle.__new__(Bundle)
        b.members = [m.copy() for m in self.members]
        b.tail, b.mtime = self.tail, self.mtime
        return b

    def bytes(self):
        return b"".join(m.bytes() for m in self.members) + self.tail

    def index(self, name):
        return next(i for i, m in enumerate(self.members) if m.name == name)

    def get(self, name):
        return self.members[self.index(name)]

    def make(self, name, data, **over):
        return Member(name, data, header(name, len(data), self.mtime, **over))

    def replace(self, name, data):
        """Other bytes under the same name, with the header that is right for them; the padding moves along."""
        self.members[self.index(name)] = self.make(name, data)
        self.pad()

    def insert(self, before, member):
        self.members.insert(self.index(before) if isinstance(before, str) else before, member)

    def pad(self):
        """META/padding anew: the first layer's header (or the end) at a multiple of 65,536."""
        names = [m.name for m in self.members]
        if "META/padding" not in names:
            return
        i = names.index("META/padding")
        at = sum(len(m.bytes()) for m in self.members[:i]) + BLOCK
        self.members[i] = self.make("META/padding", bytes(-at % 65536))

    def signatures(self):
        return [m for m in self.members if m.name.startswith("META/manifest.json.")]

    def drop_signatures(self):
        self.members = [m for m in self.members if not m.name.startswith("META/manifest.json.")]

    def sign(self, *files):
        """files: (name, bytes), the signatures inside; sorted by name as the format wants."""
        self.drop_signatures()
        for i, (name, data) in enumerate(sorted(files)):
            self.members.insert(1 + i, self.make(name, data))
        self.pad()

    def statement(self):
        return self.members[0].data

    def layers(self):
        s = json.loads(self.statement())
        return ["blobs/sha256/" + b["digest"][7:] for b in s["predicate"]["blobs"] if b["kind"] == "layer"]

    def documents(self):
        s = json.loads(self.statement())
        return ["blobs/sha256/" + b["digest"][7:] for b in s["predicate"]["blobs"] if b["kind"] == "json"]


def run(*argv, **kw):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw).stdout


class Key:
    """A key pair made by openssl; NAME.pem and NAME.pub in dir."""

    def __init__(self, dir, name, *genpkey):
        self.pem, self.pub = os.path.join(dir, name + ".pem"), os.path.join(dir, name + ".pub")
        if not os.path.exists(self.pem):
            run("openssl", "genpkey", "-out", self.pem, *(genpkey or (
                "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")))
        run("openssl", "pkey", "-in", self.pem, "-pubout", "-out", self.pub)
        self.id = sha256(run("openssl", "pkey", "-in", self.pem, "-pubout", "-outform", "DER"))

    def raw(self, data, digest="sha256"):
        return run("openssl", "dgst", "-" + digest, "-sign", self.pem, input=data)

    def file(self, data, raw=None):
        """(name, bytes) of the signature file over data; raw: these signature bytes instead."""
        raw = self.raw(data) if raw is None else raw
        return "META/manifest.json.%s.sig" % self.id[:16], base64.b64encode(raw) + b"\n"


P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def der_read(sig):
    """r and s of an ECDSA signature with short lengths."""
    n = sig[3]
    r = int.from_bytes(sig[4:4 + n], "big")
    s = int.from_bytes(sig[6 + n:6 + n + sig[5 + n]], "big")
    return r, s


def der_int(v, pad=0):
    b = v.to_bytes(v.bit_length() // 8 + 1, "big", signed=True) if v else b"\0"
    if len(b) > 1 and b[0] == 0 and b[1] < 0x80:
        b = b[1:]
    b = bytes(pad) + b
    return b"\x02" + bytes([len(b)]) + b


def der_sig(r, s, pad=0):
    body = der_int(r, pad) + der_int(s)
    return b"\x30" + bytes([len(body)]) + body


# ---- inputs for pack ----

def layer(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for name, data in files.items():
            ti = tarfile.TarInfo(name)
            ti.size = len(data)
            t.addfile(ti, io.BytesIO(data))
    return out.getvalue()


def image(layers, names=("acme/app:1.0",)):
    """Members of a docker-archive of one image, in a dict."""
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha256(x) for x in layers]}}).encode()
    files = {"%s.json" % sha256(config): config}
    for i, x in enumerate(layers):
        files["l%d/layer.tar" % i] = x
    files["manifest.json"] = json.dumps([{
        "Config": "%s.json" % sha256(config), "RepoTags": list(names),
        "Layers": ["l%d/layer.tar" % i for i in range(len(layers))]}]).encode()
    return files


def archive(members, tail=bytes(1024)):
    """A tar of raw members: (name, data) or whole bytes."""
    out = []
    for m in members:
        if isinstance(m, bytes):
            out.append(m)
        else:
            out.append(Member(m[0], m[1], header(m[0], len(m[1]), 0)).bytes())
    return b"".join(out) + tail
