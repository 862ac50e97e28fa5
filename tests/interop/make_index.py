#!/usr/bin/env python3
"""make_index.py LAYOUT NAME

The one image of an OCI layout becomes an index of two: itself, for amd64, and the same layers with a config that says
arm64."""

import hashlib
import json
import os
import sys

layout, name = sys.argv[1:]


def load(digest):
    with open(os.path.join(layout, "blobs/sha256", digest[7:]), "rb") as f:
        return json.load(f)


def store(document, media_type):
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(layout, "blobs/sha256", digest), "wb") as f:
        f.write(data)
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}


with open(os.path.join(layout, "index.json"), encoding="utf-8") as f:
    one = json.load(f)["manifests"][0]
manifest = load(one["digest"])
config = load(manifest["config"]["digest"])
config["architecture"] = "arm64"
other = dict(manifest, config=store(config, manifest["config"]["mediaType"]))
children = []
for arch, d in ("amd64", {k: one[k] for k in ("mediaType", "digest", "size")}), ("arm64", store(other, one["mediaType"])):
    children.append(dict(d, platform={"os": "linux", "architecture": arch}))
index = "application/vnd.oci.image.index.v1+json"
entry = store({"schemaVersion": 2, "mediaType": index, "manifests": children}, index)
entry["annotations"] = {"org.opencontainers.image.ref.name": name}
with open(os.path.join(layout, "index.json"), "w", encoding="utf-8") as f:
    json.dump({"schemaVersion": 2, "manifests": [entry]}, f)
