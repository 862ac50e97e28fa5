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


INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
TAR = "application/vnd.oci.image.layer.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"
IN_TOTO = "application/vnd.in-toto+json"


def compact(v):
    return json.dumps(v, separators=(",", ":"), ensure_ascii=False).encode()


class Maker:
    """A bundle made anew from its images, so that a document in it can be changed and all that follows from it is
    right: digests, order and kinds of blobs, the four files, the statement (FORMAT.md 1 and 2)."""

    def __init__(self, base):
        self.object = json.loads(base.statement())
        self.predicate = self.object["predicate"]
        self.images = self.predicate["images"]
        self.blobs = {"sha256:" + m.name[13:]: m.data for m in base.members if m.name.startswith("blobs/")}
        self.mtime = base.mtime
        self.extra = []      # further blobs at the end of kind json
        self.files = {}      # other bytes for one of the four files, or a function of the right ones

    def blob(self, b):
        d = "sha256:" + sha256(b)
        self.blobs[d] = b
        return d

    def desc(self, media_type, b, **more):
        return dict(mediaType=media_type, digest=self.blob(b), size=len(b), **more)

    def read(self, digest):
        return json.loads(self.blobs[digest])

    def manifest(self, image=0):
        """The document of an image, to be changed and put back."""
        return self.read(self.images[image]["digest"])

    def put(self, document, image=0, platforms=None):
        """Make document (an object or bytes) the image: its digest, size and type; platforms where it is an index."""
        b = document if isinstance(document, bytes) else compact(document)
        i = self.images[image]
        i.update(digest=self.blob(b), size=len(b))
        if platforms is not None:
            i.update(platforms=platforms, mediaType=INDEX)
        elif isinstance(document, dict):
            i["platforms"][0].update(manifest=i["digest"], imageId=document["config"]["digest"])

    def walk(self):
        """(digest, kind) in tar order, of what is there."""
        order, kind, rank, seen = [], {}, ["json", "evidence", "layer"], set()

        def use(d, k):
            if d in self.blobs and d not in kind:
                order.append(d)
                kind[d] = k
            elif d in kind and rank.index(k) < rank.index(kind[d]):
                kind[d] = k

        def visit(d, layers, depth=0):
            use(d, "json")
            try:
                doc = json.loads(self.blobs.get(d, b""))
            except ValueError:
                return
            if depth > 8 or not isinstance(doc, dict) or (d, layers) in seen:
                return
            seen.add((d, layers))
            for c in doc.get("manifests", []):
                p = c.get("platform", {})
                below = json.loads(self.blobs.get(c["digest"], b"{}")).get("layers", [])
                proof = p.get("os") == p.get("architecture") == "unknown" and below and all(
                    x["mediaType"] == IN_TOTO for x in below)
                visit(c["digest"], "evidence" if proof else "layer", depth + 1)
            if "config" in doc:
                use(doc["config"]["digest"], "json")
                for x in doc.get("layers") or []:
                    use(x["digest"], layers)

        for i in self.images:
            visit(i["digest"], "layer")
            for e in i.get("evidence", []):
                visit(e, "evidence")
        for d in self.extra:
            use(d, "json")
        return [(d, k) for want in rank for d in order for k in [kind[d]] if k == want]

    def derived(self, order):
        """The four files, as their functions say."""
        docker = []
        for i in self.images:
            p = next((p for p in i["platforms"] if p["platform"] == i.get("load")), None)
            m = self.read(p["manifest"]) if p and p["manifest"] in self.blobs else {}
            if "config" in m:
                docker.append({"Config": "blobs/sha256/" + m["config"]["digest"][7:],
                               "RepoTags": [n for n in i["names"] if "@" not in n],
                               "Layers": ["blobs/sha256/" + x["digest"][7:] for x in m.get("layers") or []]})
        out = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}\n',
               "index.json": compact(dict(schemaVersion=2, mediaType=INDEX, manifests=[
                   dict(mediaType=i["mediaType"], digest=i["digest"], size=i["size"],
                        annotations={"io.containerd.image.name": n, "org.opencontainers.image.ref.name": n})
                   for i in self.images for n in i["names"]])) + b"\n",
               "manifest.json": compact(docker) + b"\n"}
        for n, f in self.files.items():
            if n in out:
                out[n] = f(out[n])
        sums = "".join("%s  %s\n" % (sha256(b), n) for n, b in out.items())
        sums = (sums + "".join("%s  blobs/sha256/%s\n" % (d[7:], d[7:]) for d, _ in order)).encode()
        return {"SHA256SUMS": self.files["SHA256SUMS"](sums) if "SHA256SUMS" in self.files else sums, **out}

    def make(self, key, late=None):
        """The bundle, signed; late(object) changes the statement once all in it is right."""
        order = self.walk()
        files = self.derived(order)
        known = {b["digest"]: b for b in self.predicate["blobs"]}
        self.predicate["files"] = [dict(path=n, size=len(b), sha256=sha256(b)) for n, b in files.items()]
        self.predicate["blobs"] = [dict(known.get(d, {}), digest=d, size=len(self.blobs[d]), kind=k) for d, k in order]
        self.object["subject"] = [dict(name=n, digest=dict(sha256=i["digest"][7:])) for i in self.images for n in i["names"]]
        if late:
            late(self.object)
        text = json.dumps(self.object, indent=1, ensure_ascii=False).encode() + b"\n"
        b = Bundle.__new__(Bundle)
        b.mtime, b.tail = self.mtime, bytes(1024)
        b.members = [b.make("META/manifest.json", text)]
        b.members += [b.make(n, d) for n, d in files.items()]
        b.members += [b.make("blobs/sha256/" + d[7:], self.blobs[d]) for d, k in order if k != "layer"]
        b.members.append(b.make("META/padding", b""))
        b.members += [b.make("blobs/sha256/" + d[7:], self.blobs[d]) for d, k in order if k == "layer"]
        b.sign(key.file(text))
        return b


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
