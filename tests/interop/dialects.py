#!/usr/bin/env python3
"""dialects.py DIALECT OUT IN...

The images of docker-archives (make_image.py) again, as a tool writes them that is not at hand.  Written after the
sources of these tools (image-protocols.md 1.2 and 1.4), not by them."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import subprocess
import sys
import tarfile

OCI = "application/vnd.oci.image."
CODECS = {"gzip": lambda b: gzip.compress(b, mtime=0), "xz": lzma.compress, "bzip2": bz2.compress,
          "zstd": lambda b: subprocess.run(["zstd", "-qc"], input=b, stdout=subprocess.PIPE, check=True).stdout}


def sha(data):
    return hashlib.sha256(data).hexdigest()


def read(path):
    """Config, names and layers of each image."""
    with tarfile.open(path) as tar:
        def get(name):
            return tar.extractfile(name).read()
        return [(get(e["Config"]), e["RepoTags"], [get(name) for name in e["Layers"]])
                for e in json.loads(get("manifest.json"))]


class Writer:
    """A tar in which each name comes once."""

    def __init__(self, path):
        self.tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)
        self.names = set()

    def add(self, name, data):
        if name not in self.names:
            self.names.add(name)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o444
            self.tar.addfile(info, io.BytesIO(data))

    def add_json(self, name, value):
        self.add(name, json.dumps(value).encode())

    def blob(self, data):
        self.add("blobs/sha256/" + sha(data), data)
        return "blobs/sha256/" + sha(data)

    def descriptor(self, kind, data):
        self.blob(data)
        return {"mediaType": OCI + kind, "digest": "sha256:" + sha(data), "size": len(data)}


def packed(out, images, codec):
    """Layers compressed inside: what a build tool with a compression setting writes."""
    entries = []
    for config, tags, layers in images:
        names = []
        for layer in layers:
            names.append(sha(layer) + ".tar")
            out.add(names[-1], CODECS[codec](layer))
        out.add(sha(config) + ".json", config)
        entries.append({"Config": sha(config) + ".json", "RepoTags": tags, "Layers": names})
    out.add_json("manifest.json", entries)


def docker25(out, images, bug):
    """The hybrid of Docker 25 and later: an OCI half that is made up while it is saved, and its bugs."""
    entries, listed = [], []
    for i, (config, tags, layers) in enumerate(images):
        if bug == "null" or (bug == "untagged" and i > 0):
            tags = None
        rows = [out.descriptor("layer.v1.tar", layer) for layer in layers]
        entries.append({"Config": out.blob(config), "RepoTags": tags, "Layers": [out.blob(b) for b in layers],
                        "LayerSources": {row["digest"]: row for row in rows}})
        if bug == "order":
            rows.reverse()
        if bug == "no-layers":
            rows = []
        manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                               "config": out.descriptor("config.v1+json", config), "layers": rows}).encode()
        row = out.descriptor("manifest.v1+json", manifest)
        if tags:
            row["annotations"] = {"io.containerd.image.name": tags[0],
                                  "org.opencontainers.image.ref.name": tags[0].rsplit(":", 1)[1]}
            listed.append(row)
    if bug == "hollow":  # the layer that no longer hashes to its diff ID is stored under another name
        entries[0]["Layers"][-1] = "blobs/sha256/" + "0" * 64
    out.add_json("index.json", {"schemaVersion": 2, "mediaType": OCI + "index.v1+json",
                                "manifests": None if bug == "null" else listed})
    out.add_json("manifest.json", entries)
    out.add_json("oci-layout", {"imageLayoutVersion": "1.0.0"})


def ggcr(out, images, _):
    """crane pull, kaniko --tarPath: the config's name has a colon, manifest.json comes last."""
    entries = []
    for config, tags, layers in images:
        out.add("sha256:" + sha(config), config)
        names = []
        for layer in layers:
            small = CODECS["gzip"](layer)
            names.append(sha(small) + ".tar.gz")
            out.add(names[-1], small)
        entries.append({"Config": "sha256:" + sha(config), "RepoTags": tags, "Layers": names})
    out.add_json("manifest.json", entries)


def nix(out, images, _):
    """dockerTools.streamLayeredImage: the config is indented by 4."""
    entries = []
    for config, tags, layers in images:
        config = json.dumps(json.loads(config), indent=4).encode()
        for layer in layers:
            out.add(sha(layer) + "/layer.tar", layer)
        out.add(sha(config) + ".json", config)
        entries.append({"Config": sha(config) + ".json", "RepoTags": tags,
                        "Layers": [sha(layer) + "/layer.tar" for layer in layers]})
    out.add("manifest.json", json.dumps(entries, indent=4).encode())


def bazel(out, images, how):
    """rules_oci: manifest.json first, ".tar.gz" whatever is inside, no oci-layout; untagged: old rules_docker."""
    entries, blobs = [], []
    for config, tags, layers in images:
        stored = [(layer if i % 2 else CODECS["gzip"](layer)) for i, layer in enumerate(layers)]
        names = ["blobs/sha256/" + sha(b) + ".tar.gz" for b in stored]
        blobs += [("blobs/sha256/" + sha(config), config)] + list(zip(names, stored))
        entries.append({"Config": "blobs/sha256/" + sha(config),
                        "RepoTags": [t.rsplit(":", 1)[0] for t in tags] if how == "untagged" else tags, "Layers": names})
    out.add_json("manifest.json", entries)
    for name, data in blobs:
        out.add(name, data)


def sparse(out, images, how):
    """A containerd store that pulled one platform of several: the index is whole, its other children are absent."""
    children = []
    for i, (config, tags, layers) in enumerate(images):
        kept = out if i == 0 and how != "hollow" else Writer("/dev/null")
        manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                               "config": kept.descriptor("config.v1+json", config),
                               "layers": [kept.descriptor("layer.v1.tar", b) for b in layers]}).encode()
        row = kept.descriptor("manifest.v1+json", manifest)
        row["platform"] = {"os": "linux", "architecture": "amd64" if i == 0 else "arm64"}
        children.append(row)
        if i == 0 and how != "hollow":
            out.add_json("manifest.json", [{"Config": out.blob(config), "RepoTags": tags,
                                            "Layers": [out.blob(b) for b in layers]}])
    root = json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": children}).encode()
    row = out.descriptor("index.v1+json", root)
    row["annotations"] = {"io.containerd.image.name": images[0][1][0], "org.opencontainers.image.ref.name": "1"}
    out.add_json("index.json", {"schemaVersion": 2, "manifests": [row]})
    out.add_json("oci-layout", {"imageLayoutVersion": "1.0.0"})


def legacy(out, images, version):
    """Docker 1.9 and older: a text for each layer, whose parents are the chain; version "" has none.  The texts have what
    a round trip through Go's encoding/json changes.  VERSION/anonymous: without authors."""
    version, _, anonymous = version.partition("/")
    command = ["/bin/sh", "-c", "#(nop) CMD [\"<a>\" & 'b'] \u2028 \u00e9 \U0001f600 \\u0041"]
    container = {"Hostname": "<none>", "Cmd": command, "Volumes": {"/z": {}, "/a": {}}, "Env": None, "Memory": 0,
                 "PortSpecs": None, "ExposedPorts": {"80/tcp": {}, "443/tcp": {}}, "Entrypoint": [], "OnBuild": [],
                 "Labels": {"b": "2", "a": "<1>"}, "NetworkDisabled": True, "MacAddress": "", "Tty": True}
    repositories = {}
    for config, tags, layers in images:
        parent = ""
        for i, layer in enumerate(layers):
            top = i == len(layers) - 1
            text = {"id": sha((parent + sha(layer)).encode()), "created": "2015-10-28T23:59:59.12034500%dZ" % (i * 5),
                    "container": "c" * 64, "container_config": container, "docker_version": version, "author": "A <a@b>",
                    "config": container if top else None, "architecture": "amd64", "os": "linux", "Size": len(layer),
                    "comment": "", "x-unknown": [1.50, {"b": 1e3, "a": "\u003d<>"}], "throwaway": True}
            if parent:
                text["parent"] = parent
            if anonymous:
                text["author"] = ""
            if i == 0:
                del text["container_config"], text["author"]
                text["created"] = "2015-10-28T23:59:59+02:00"
            if not version:
                text = {k.upper() if k in ("author", "os") and not top else k: v for k, v in text.items()}
                text["CMD" if not top else "comment"] = "of nothing"
                text.pop("docker_version")
                text.pop("created" if i == 1 else "", None)
            parent = text["id"]
            out.add(parent + "/VERSION", b"1.0")
            out.add(parent + "/json", json.dumps(text, indent=1 if top else None, ensure_ascii="/a:" in tags[0]).encode())
            out.add(parent + "/layer.tar", layer)
        for tag in tags:
            name, _, version_of = tag.rpartition(":")
            repositories.setdefault(name.removeprefix("docker.io/"), {})[version_of] = parent
    out.add_json("repositories", repositories)


dialect, _, detail = sys.argv[1].partition(":")
writer = Writer(sys.argv[2])
{"packed": packed, "docker25": docker25, "ggcr": ggcr, "nix": nix, "bazel": bazel,
 "sparse": sparse, "legacy": legacy}[dialect](writer, [image for path in sys.argv[3:] for image in read(path)], detail)
writer.tar.close()
