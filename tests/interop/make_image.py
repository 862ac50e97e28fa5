#!/usr/bin/env python3
"""make_image.py OUT REF[,REF...] NAME:KIB...

A docker-archive of one image.  Each NAME:KIB is a layer: one file NAME of KIB KiB of bytes that do not compress, the
same for the same NAME and KIB, so that images share the layers they name alike."""

import hashlib
import io
import json
import sys
import tarfile


def keystream(seed, size):
    return hashlib.shake_256(seed.encode()).digest(size)


def add(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    tar.addfile(info, io.BytesIO(data))


def layer(text):
    name, kib = text.split(":")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        add(tar, name, keystream(text, int(kib) * 1024))
    return out.getvalue()


out, refs, layers = sys.argv[1], sys.argv[2].split(","), [layer(a) for a in sys.argv[3:]]
sums = [hashlib.sha256(b).hexdigest() for b in layers]
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"image": refs[0]}},
                     "rootfs": {"type": "layers", "diff_ids": ["sha256:" + s for s in sums]}}).encode()
entry = {"Config": hashlib.sha256(config).hexdigest() + ".json", "RepoTags": refs,
         "Layers": [s + "/layer.tar" for s in sums]}
with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as tar:
    add(tar, entry["Config"], config)
    for s, b in dict(zip(sums, layers)).items():
        add(tar, s + "/layer.tar", b)
    add(tar, "manifest.json", json.dumps([entry]).encode())
