#!/usr/bin/env python3
"""make_layout.py DIR KIND          an OCI layout with one image, named KIND, of a kind that few tools write on demand
make_layout.py push DIR HOST/REPO   all of it into a registry, byte for byte: blobs, then manifests, then the root as KIND

buildx    index: amd64 and arm64, each with an attestation child as buildx writes them
nested    an index in an index
mixed     an OCI index over manifests of Docker schema 2 and OCI; "list" the other way round
artifact  a manifest whose config and layer are of no image
zstd      a layer of each: raw, gzip, zstd
empty     layers with nothing in them, one of them twice; "none" has no layer at all
foreign   a non-distributable layer with urls, present; "absent" without its bytes
deep      127 layers
windows   two images of one platform that differ in os.version
wide      1,000 indexes of one index of 1,500 ways to two manifests, of which one is there"""

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import urllib.request

OCI, DOCKER = "application/vnd.oci.image.", "application/vnd.docker."
INDEX, MANIFEST, CONFIG, LAYER = OCI + "index.v1+json", OCI + "manifest.v1+json", OCI + "config.v1+json", OCI + "layer.v1.tar"
LIST, SCHEMA2 = DOCKER + "distribution.manifest.list.v2+json", DOCKER + "distribution.manifest.v2+json"


def put(kind, data, **more):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(where, "blobs/sha256", digest), "wb") as f:
        f.write(data)
    return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data), **more}


def document(kind, value, **more):
    return put(kind, json.dumps(value, indent=1).encode(), **more)  # indented: bytes of its own


def tar(name, size=2000):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        if name:
            info = tarfile.TarInfo(name)
            info.size = size
            t.addfile(info, io.BytesIO(hashlib.shake_256(name.encode()).digest(size)))
    return out.getvalue()


def packed(raw, how):
    if how == "gzip":
        return gzip.compress(raw, mtime=0)
    return subprocess.run(["zstd", "-q", "-c"], input=raw, stdout=subprocess.PIPE, check=True).stdout if how == "zstd" else raw


def image(layers, arch="amd64", docker=False, os_="linux", platform=True, **more):
    """layers: (media type's end, raw bytes, how packed)"""
    config = put(DOCKER + "container.image.v1+json" if docker else CONFIG, json.dumps({
        "architecture": arch, "os": os_, "config": {"Cmd": ["/x"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(raw).hexdigest() for _, raw, _ in layers]}}).encode())
    listed = [put(kind, packed(raw, how)) for kind, raw, how in layers]
    m = {"schemaVersion": 2, "mediaType": SCHEMA2 if docker else MANIFEST, "config": config, "layers": listed}
    if platform:
        more["platform"] = {"os": os_, "architecture": arch, **more.pop("extra", {})}
    return document(m["mediaType"], m, **more)


def layer(name, how="gzip", docker=False):
    if docker:
        return DOCKER + "image.rootfs.diff.tar.gzip", tar(name), "gzip"
    return LAYER + ("+" + how if how else ""), tar(name), how


def index(children, kind=INDEX, **members):
    return document(kind, {"schemaVersion": 2, "mediaType": kind, "manifests": children, **members})


def attestation(of):
    statement = put("application/vnd.in-toto+json", json.dumps({"_type": "https://in-toto.io/Statement/v0.1", "subject": [
        {"name": "_", "digest": {"sha256": of["digest"][7:]}}]}).encode(), annotations={"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"})
    config = put(CONFIG, json.dumps({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": [statement["digest"]]}}).encode())
    return document(MANIFEST, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [statement]},
                    annotations={"vnd.docker.reference.digest": of["digest"], "vnd.docker.reference.type": "attestation-manifest"},
                    platform={"os": "unknown", "architecture": "unknown"})


def make(kind):
    if kind == "buildx":
        amd, arm = image([layer("base"), layer("amd")]), image([layer("base"), layer("arm")], "arm64")
        return index([amd, arm, attestation(amd), attestation(arm)])
    if kind == "nested":
        return index([image([layer("base")]), index([image([layer("arm")], "arm64"), image([layer("s390x")], "s390x")])])
    if kind in ("mixed", "list"):
        return index([image([layer("base", docker=True)], docker=True), image([layer("arm")], "arm64")], INDEX if kind == "mixed" else LIST)
    if kind == "artifact":
        return document(MANIFEST, {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.chart",
                                   "config": put("application/vnd.oci.empty.v1+json", b"{}"),
                                   "layers": [put("application/vnd.example.chart.v1", b"not a tar at all")]})
    if kind == "zstd":
        return image([layer("raw", None), layer("base"), layer("top", "zstd")], platform=False)
    if kind == "empty":
        return image([(LAYER, tar(None), None), layer("base"), (LAYER + "+gzip", tar(None), "gzip"), (LAYER, tar(None), None)], platform=False)
    if kind == "none":
        return image([], platform=False)
    if kind in ("foreign", "absent"):
        d = image([(DOCKER + "image.rootfs.foreign.diff.tar.gzip", tar("foreign"), "gzip"), layer("top", docker=True)], docker=True, platform=False)
        path = os.path.join(where, "blobs/sha256", d["digest"][7:])
        with open(path, "rb") as f:
            m = json.load(f)
        os.unlink(path)
        m["layers"][0]["urls"] = ["https://go.example/layer"]
        if kind == "absent":
            os.unlink(os.path.join(where, "blobs/sha256", m["layers"][0]["digest"][7:]))
        return document(SCHEMA2, m)
    if kind == "deep":
        return image([layer("l%d" % i) for i in range(127)], platform=False)
    if kind == "windows":
        return index([image([layer(v)], os_="windows", extra={"os.version": v}) for v in ("10.0.17763.1", "10.0.20348.2")])
    if kind == "wide":
        there, gone = image([layer("base")]), image([layer("gone")], "arm64")
        os.unlink(os.path.join(where, "blobs/sha256", gone["digest"][7:]))
        wide = index([there] + [gone] * 1500)
        return [index([wide], annotations={"number": str(i)}) for i in range(1000)]
    sys.exit("make_layout.py: no kind " + kind)


def send(url, data, kind, method="PUT"):
    q = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": kind})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(q) as r:
        return r.headers.get("Location")


def push(where, to):
    base = "http://" + to.replace("/", "/v2/", 1)

    def load(d):
        with open(os.path.join(where, "blobs/sha256", d["digest"][7:]), "rb") as f:
            return f.read()

    def blob(d):
        at = send(base + "/blobs/uploads/", b"", "application/octet-stream", "POST")
        send(at + ("&" if "?" in at else "?") + "digest=" + d["digest"], load(d), "application/octet-stream")

    def manifest(d, name):
        data = load(d)
        for m in json.loads(data).get("manifests", []):
            manifest(m, m["digest"])
        if "config" in json.loads(data):
            for b in [json.loads(data)["config"]] + json.loads(data)["layers"]:
                blob(b)
        send(base + "/manifests/" + name, data, d["mediaType"])
    with open(os.path.join(where, "index.json")) as f:
        root = json.load(f)["manifests"][0]
    manifest(root, root["annotations"]["org.opencontainers.image.ref.name"])


if sys.argv[1] == "push":
    push(*sys.argv[2:])
else:
    where, kind = sys.argv[1:]
    os.makedirs(os.path.join(where, "blobs/sha256"))
    roots = make(kind)
    roots = roots if isinstance(roots, list) else [roots]
    for i, root in enumerate(roots):
        root["annotations"] = {"org.opencontainers.image.ref.name": kind + (str(i) if i else "")}
    with open(os.path.join(where, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": roots}, f)
    with open(os.path.join(where, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
