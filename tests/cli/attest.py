#!/usr/bin/env python3
"""attest.py IN OUT KEY [--index] [--bare FILE] [--evidence FILE]... - the bundle IN again as OUT, signed with KEY.pem, with
evidence of its first image, which pack takes from registries and layouts only as it is there:
    --index          the image becomes an index of linux/amd64 and linux/arm64
    --bare FILE      its index has an attestation child of this Statement, as buildkit makes it
    --evidence FILE  an OCI artifact with this one layer is among its evidence
Prints the digest of the image and of the manifest of each platform, a line each."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "hostile"))
from model import CONFIG, EMPTY, IN_TOTO, MANIFEST, Bundle, Key, Maker, compact  # noqa: E402


def platform(os_, architecture):
    return {"os": os_, "architecture": architecture}


def main(source, target, key, *more):
    with open(source, "rb") as f:
        m = Maker(Bundle(f.read()))
    image = m.images[0]
    children, platforms = [], list(image["platforms"])
    own = image["digest"]
    children.append({"mediaType": MANIFEST, "digest": own, "size": len(m.blobs[own]), "platform": platform("linux", "amd64")})
    if "--index" in more:
        document = m.manifest()
        config = m.read(document["config"]["digest"])
        config["architecture"] = "arm64"
        document["config"] = m.desc(CONFIG, compact(config))
        other = m.desc(MANIFEST, compact(document), platform=platform("linux", "arm64"))
        children.append(other)
        platforms.append({"platform": "linux/arm64", "manifest": other["digest"], "imageId": document["config"]["digest"]})
    files = [more[i + 1] for i, x in enumerate(more) if x == "--evidence"]
    for bare in [more[i + 1] for i, x in enumerate(more) if x == "--bare"]:
        with open(bare, "rb") as f:
            child = {"schemaVersion": 2, "mediaType": MANIFEST, "config": m.desc(EMPTY, b"{}"), "layers": [m.desc(IN_TOTO, f.read())]}
        children.append(m.desc(MANIFEST, compact(child), platform=platform("unknown", "unknown")))
    if len(children) > 1:
        m.put({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": children}, platforms=platforms)
    evidence = []
    for file in files:
        with open(file, "rb") as f:
            layer = m.desc("application/vnd.dsse.envelope.v1+json", f.read())
        evidence.append(m.blob(compact({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.dsse.envelope.v1+json",
            "config": m.desc(EMPTY, b"{}"), "layers": [layer],
            "subject": {"mediaType": image["mediaType"], "digest": image["digest"], "size": image["size"]}})))
    if evidence:
        image["evidence"] = evidence
    with open(target, "wb") as f:
        f.write(m.make(Key(".", key)).bytes())
    print(image["digest"], *(p["manifest"] for p in platforms), sep="\n")


main(*sys.argv[1:])
