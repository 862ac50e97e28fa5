#!/usr/bin/env python3
"""bench.py BUILD-DIR CACHE [ROW...] - gapferry and its peers on the same real images, in turn in one run.

Each row runs ours and the peer alternately, RUNS times, after an untimed look at the inputs (page cache warm) and a
sync before every run.  No sample is dropped.  What both made is compared before a figure counts.  Printed: median
(min-max) of both, the ratio of the medians, the smallest and largest ratio of neighbours, and what was expected.
Cold loads into a daemon use a fresh data-root each time and delete nothing before the end: a load that follows a
removal measures ext4's recently_deleted, not the daemon."""

import hashlib
import json
import os
import platform
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request

BUILD, CACHE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
WANTED = sys.argv[3:]
GAPFERRY = os.path.abspath(os.environ.get("GAPFERRY", os.path.join(BUILD, "gapferry")))
RUNS = int(os.environ.get("GF_BENCH_RUNS", "5"))
W = tempfile.mkdtemp(prefix="gapferry-bench.", dir=os.environ.get("GF_BENCH_DIR", "/var/tmp"))
ENV = {k: v for k, v in os.environ.items() if not k.startswith(("GAPFERRY_", "DOCKER_", "REGISTRY_"))}
ENV.update(HOME=W, GAPFERRY_CONFIG=os.path.join(W, "config"), LC_ALL="C")
os.mkdir(ENV["GAPFERRY_CONFIG"])
MIB32 = 32 * 1024
out = {"rows": [], "versions": {}}
pids = []


# ---- running ----

class Failed(Exception):
    pass


def measure(argv, limit=None, env=None):
    """Wall, CPU seconds and peak KiB of a command and its children; its output."""
    def limited():
        if limit:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    os.sync()
    with tempfile.TemporaryFile(dir=W) as o, tempfile.TemporaryFile(dir=W) as e:
        began = time.monotonic()
        p = subprocess.Popen(argv, stdout=o, stderr=e, stdin=subprocess.DEVNULL, env=env or ENV, preexec_fn=limited, cwd=W)
        _, status, use = os.wait4(p.pid, 0)
        wall = time.monotonic() - began
        p.returncode = os.waitstatus_to_exitcode(status)
        o.seek(0)
        e.seek(0)
        text, err = o.read(), e.read()
    if p.returncode != 0:
        raise Failed("%s: status %d: %s" % (" ".join(argv), p.returncode, err.decode(errors="replace")[-800:]))
    return {"wall": wall, "cpu": use.ru_utime + use.ru_stime, "rss": use.ru_maxrss, "out": text}


def say(*argv, env=None):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env or ENV, cwd=W).stdout.decode()


def fresh_state(n=[0]):
    """Every run has a state of its own: floors are not what is measured."""
    n[0] += 1
    return os.path.join(W, "state%d" % n[0])


def path(name):
    return os.path.join(W, name)


def wait_for(what, check, log):
    for _ in range(600):
        try:
            if check():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise Failed("%s does not answer; see %s" % (what, log))


def start(name, argv, check):
    log = path(name + ".log")
    with open(log, "wb") as f:
        p = subprocess.Popen(argv, stdout=f, stderr=f, stdin=subprocess.DEVNULL, env=dict(ENV, OTEL_TRACES_EXPORTER="none"), start_new_session=True)
    pids.append(p)
    wait_for(name, check, log)
    return p


def stop(p):
    p.send_signal(signal.SIGTERM)
    try:
        p.wait(60)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
    pids.remove(p)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Registry:
    count = 0

    def __init__(self):
        Registry.count += 1
        self.dir, self.host = path("registry%d" % Registry.count), "127.0.0.1:%d" % free_port()
        os.mkdir(self.dir)
        with open(self.dir + ".yml", "w") as f:
            f.write("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: '%s'}}\n"
                    "http: {addr: '%s', secret: none}\n" % (self.dir, self.host))
        self.p = start("registry%d" % Registry.count, ["docker-registry", "serve", self.dir + ".yml"], self.answers)

    def answers(self):
        with urllib.request.urlopen("http://%s/v2/" % self.host) as r:
            return r.status == 200

    def digest(self, repository, tag):
        q = urllib.request.Request("http://%s/v2/%s/manifests/%s" % (self.host, repository, tag), headers={
            "Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"})
        with urllib.request.urlopen(q) as r:
            body = r.read()
        return "sha256:" + hashlib.sha256(body).hexdigest(), json.loads(body)["config"]["digest"]

    def close(self):
        stop(self.p)


class Daemon:
    count = 0

    def __init__(self):
        Daemon.count += 1
        n = Daemon.count
        self.dir = path("docker%d" % n)
        self.exec = tempfile.mkdtemp(prefix="gfb.", dir="/tmp")
        self.sock = os.path.join(self.exec, "sock")
        os.mkdir(self.dir)
        self.env = dict(ENV, DOCKER_HOST="unix://" + self.sock)
        self.p = start("docker%d" % n, [
            "dockerd", "--data-root", self.dir, "--exec-root", os.path.join(self.exec, "x"), "--pidfile", os.path.join(self.exec, "pid"), "-H",
            "unix://" + self.sock, "--bridge=none", "--iptables=false", "--ip-masq=false", "--storage-driver=overlay2"], self.answers)

    def answers(self):
        return subprocess.run(["docker", "info"], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def id(self, name):
        return say("docker", "image", "inspect", "-f", "{{.Id}}", name, env=self.env).strip()

    def close(self):
        stop(self.p)
        shutil.rmtree(self.exec, ignore_errors=True)


# ---- what was made ----

def blob(t, digest):
    return json.load(t.extractfile("blobs/sha256/" + digest[7:]))


def bundle_images(bundle):
    """name: (digest, image ID, diff IDs) as the bundle signs them."""
    with tarfile.open(bundle) as t:
        m = json.load(t.extractfile("META/manifest.json"))["predicate"]
        return {n: (i["digest"], p["imageId"], blob(t, p["imageId"])["rootfs"]["diff_ids"])
                for i in m["images"] for p in i["platforms"][:1] for n in i["names"]}


def oci_archive_image(archive):
    """The same of skopeo's: it rewrites the config, so that only the diff IDs can be compared."""
    with tarfile.open(archive) as t:
        d = json.load(t.extractfile("index.json"))["manifests"][0]["digest"]
        config = blob(t, d)["config"]["digest"]
        return d, config, blob(t, config)["rootfs"]["diff_ids"]


def archive_ids(archive):
    with tarfile.open(archive) as t:
        return {n: "sha256:" + x["Config"].split("/")[-1].replace(".json", "") for x in json.load(t.extractfile("manifest.json")) for n in x["RepoTags"]}


def same(what, a, b):
    if a != b:
        raise Failed("%s differs: %s and %s" % (what, a, b))


# ---- rows ----

def spread(samples, key, form):
    v = [s[key] for s in samples]
    return (form + " (" + form + "-" + form + ")") % (statistics.median(v), min(v), max(v))


def report(name, ours, theirs, peer, expected, ok, notes=""):
    a, b = [s["wall"] for s in ours], [s["wall"] for s in theirs]
    ratio = statistics.median(b) / statistics.median(a)
    pairs = [y / x for x, y in zip(a, b)]
    met = ok(ratio)
    rss = max(s["rss"] for s in ours)
    print("%-44s %-22s %-22s %6.2f (%.2f-%.2f)  %-10s %-6s %5.1f MiB  %s" % (
        name, spread(ours, "wall", "%.3f"), spread(theirs, "wall", "%.3f"), ratio, min(pairs), max(pairs), expected, "met" if met else "MISSED", rss / 1024, notes),
        flush=True)
    strip = lambda l: [{k: round(v, 4) for k, v in s.items() if k != "out"} for s in l]
    out["rows"].append({"row": name, "peer": peer, "ours": strip(ours), "theirs": strip(theirs), "ratio": ratio, "pairs": pairs, "expected": expected, "met": met,
                        "notes": notes})


def plain(name, value, unit, expected, met, samples=None):
    print("%-44s %-68s %-10s %s" % (name, "%.3f %s" % (value, unit), expected, "met" if met else "MISSED"), flush=True)
    out["rows"].append({"row": name, "value": value, "unit": unit, "expected": expected, "met": met, "samples": samples})


def in_turn(ours, theirs):
    a, b = [], []
    for i in range(RUNS):
        a.append(ours(i))
        b.append(theirs(i))
    return a, b


def remove(*names):
    for n in names:
        if os.path.exists(path(n)):
            os.unlink(path(n))


def warm(*files):
    for f in files:
        with open(f, "rb") as x:
            while x.read(1 << 22):
                pass


def pack(to, source, *more):
    remove(to)
    return measure([GAPFERRY, "pack", "-q", "-o", path(to), "--key", path("release.pem"), "--created", "2026-11-23T01:02:03Z", *more, source])


LAST = [None]


def unpack(bundle, *to, env=None, again=False):
    """again: in the state of the run before, as where nothing is new."""
    e = dict(env or ENV, GAPFERRY_STATE=LAST[0] if again else fresh_state())
    LAST[0] = e["GAPFERRY_STATE"]
    return measure([GAPFERRY, "unpack", "-q", "--key", path("release.pub"), *to, bundle], env=e)


NAMES = open(os.path.join(CACHE, "NAMES")).read().split()
ONE = os.path.join(CACHE, "db.tar")
ALL = os.path.join(CACHE, "all.tar")
DB = "bench.example/db:1"


def ours_from(images, name):
    return next(v for k, v in images.items() if k.endswith(name.split("/", 1)[1]) or k == name)


def row_pack():
    warm(ONE)

    def peer(i):
        remove("peer.tar")
        s = measure(["skopeo", "copy", "-q", "docker-archive:" + ONE, "oci-archive:%s:%s" % (path("peer.tar"), DB)])
        return s
    for layers, least in (("gzip", 3.5), ("none", 10)):
        a, b = in_turn(lambda i: pack("ours-%s.tar" % layers, ONE, "--layers", layers), peer)
        ours = ours_from(bundle_images(path("ours-%s.tar" % layers)), DB)
        same("image ID", ours[1], ours_from(archive_ids(ONE), DB))
        same("diff IDs", ours[2], oci_archive_image(path("peer.tar"))[2])
        say(GAPFERRY, "verify", "-q", "--deep", "--key", path("release.pub"), path("ours-%s.tar" % layers))
        report("pack, one image of %.0f MB, --layers %s" % (os.path.getsize(ONE) / 1e6, layers), a, b, "skopeo docker-archive -> oci-archive", ">= %s" % least,
               lambda r: r >= least, "%.1f MB, peer %.1f MB" % (os.path.getsize(path("ours-%s.tar" % layers)) / 1e6, os.path.getsize(path("peer.tar")) / 1e6))


def row_layout():
    """An image that has its documents already: out of an OCI layout, and out of a registry."""
    archive, layout = os.path.join(CACHE, "gz", "db.tar"), path("db.layout")
    say("skopeo", "copy", "-q", "oci-archive:%s:%s" % (archive, DB), "oci:%s:%s" % (layout, DB))
    blobs = os.path.join(layout, "blobs", "sha256")
    warm(*[os.path.join(blobs, b) for b in os.listdir(blobs)])
    digest, config, _ = oci_archive_image(archive)
    r = Registry()
    say("skopeo", "copy", "-q", "--dest-tls-verify=false", "oci:%s:%s" % (layout, DB), "docker://%s/peer/db:1" % r.host)

    def peer(i):
        remove("peer.tar")
        return measure(["skopeo", "copy", "-q", "oci:%s:%s" % (layout, DB), "oci-archive:%s:%s" % (path("peer.tar"), DB)])
    mb = sum(os.path.getsize(os.path.join(blobs, b)) for b in os.listdir(blobs)) / 1e6
    for what, source in (("an OCI layout", "oci:%s:%s" % (layout, DB)), ("a registry", "docker://%s/peer/db:1" % r.host)):
        a, b = in_turn(lambda i: pack("layout.tar", source), peer)
        ours = next(iter(bundle_images(path("layout.tar")).values()))
        same("digest and image ID", ours[:2], (digest, config))
        same("the peer's", oci_archive_image(path("peer.tar"))[:2], (digest, config))
        say(GAPFERRY, "verify", "-q", "--deep", "--key", path("release.pub"), path("layout.tar"))
        report("pack, one image of %.0f MB out of %s" % (mb, what), a, b, "skopeo oci -> oci-archive", ">= 1.0", lambda x: x >= 1.0)
    r.close()
    shutil.rmtree(layout)
    shutil.rmtree(r.dir)
    remove("layout.tar", "peer.tar")


def row_ten():
    warm(ALL, *[os.path.join(CACHE, n + ".tar") for n in NAMES])

    def peer(i):
        total = {"wall": 0, "cpu": 0, "rss": 0}
        for n in NAMES:
            remove("peer-%s.tar" % n)
            s = measure(["skopeo", "copy", "-q", "docker-archive:%s/%s.tar" % (CACHE, n), "oci-archive:%s:bench.example/%s:1" % (path("peer-%s.tar" % n), n)])
            total = {"wall": total["wall"] + s["wall"], "cpu": total["cpu"] + s["cpu"], "rss": max(total["rss"], s["rss"])}
        return total
    gz, raw, theirs = [], [], []
    for i in range(RUNS):
        gz.append(pack("ten-gzip.tar", ALL, "--layers", "gzip"))
        raw.append(pack("ten-none.tar", ALL, "--layers", "none"))
        theirs.append(peer(i))
    for layers in ("gzip", "none"):
        images = bundle_images(path("ten-%s.tar" % layers))
        same("number of images", len(images), len(NAMES))
        for n in NAMES:
            ours = ours_from(images, "bench.example/%s:1" % n)
            same("image ID of " + n, ours[1], ours_from(archive_ids(ALL), "bench.example/%s:1" % n))
            same("diff IDs of " + n, ours[2], oci_archive_image(path("peer-%s.tar" % n))[2])
    size = os.path.getsize(ALL) / 1e6
    report("pack, ten images in one archive (%.0f MB), gzip" % size, gz, theirs, "ten skopeo runs", ">= 9", lambda r: r >= 9,
           "%.1f MB, peers %.1f MB" % (os.path.getsize(path("ten-gzip.tar")) / 1e6, sum(os.path.getsize(path("peer-%s.tar" % n)) for n in NAMES) / 1e6))
    report("pack, ten images in one archive, none", raw, theirs, "ten skopeo runs", ">= 25", lambda r: r >= 25)
    busy = [s["cpu"] / s["wall"] for s in gz]
    plain("pack of the ten, gzip: (user+sys)/wall", statistics.median(busy), "cores", ">= 1.6", statistics.median(busy) >= 1.6, busy)
    for n in NAMES:
        remove("peer-%s.tar" % n)


def need(name, source, *more):
    if not os.path.exists(path(name)):
        pack(name, source, *more)


def row_verify():
    need("ten-gzip.tar", ALL)
    b = path("ten-gzip.tar")
    warm(b)
    with open(b, "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else say("sha256sum", b).split()[0]
    a, t = in_turn(lambda i: measure([GAPFERRY, "verify", "--json", "--progress=none", "--key", path("release.pub"), b]),
                   lambda i: measure(["openssl", "dgst", "-sha256", "-r", b]))
    for s in t:
        same("digest", s["out"].decode().split()[0], digest)
    for s in a:
        same("verified", json.loads(s["out"])["verified"], True)
    r = [x["wall"] / y["wall"] for x, y in zip(a, t)]
    report("verify, the ten-image bundle (%.0f MB)" % (os.path.getsize(b) / 1e6), a, t, "one openssl dgst -sha256", ">= 1.67", lambda x: 1 / x <= 0.6,
           "%.2f of openssl's time (wanted <= 0.6)" % statistics.median(r))


def row_registry():
    need("ours-gzip.tar", ONE)
    bundle, archive = path("ours-gzip.tar"), os.path.join(CACHE, "gz", "db.tar")
    warm(bundle, archive)
    peer_digest, config, peer_diff_ids = oci_archive_image(archive)
    digest, image_id, diff_ids = ours_from(bundle_images(bundle), DB)
    empty, full = ([], []), ([], [])
    for i in range(RUNS):
        r = Registry()
        for s in empty[0], full[0]:
            s.append(unpack(bundle, "--to", "docker://" + r.host, "--name", "ours/db", "--tag", "1", again=s is full[0]))
        same("ours", r.digest("ours/db", "1"), (digest, image_id))
        r.close()
        r = Registry()
        for s in empty[1], full[1]:
            s.append(measure(["skopeo", "copy", "-q", "--dest-tls-verify=false", "oci-archive:%s:%s" % (archive, DB), "docker://%s/peer/db:1" % r.host]))
        same("peer", r.digest("peer/db", "1"), (peer_digest, config))
        r.close()
    same("diff IDs", diff_ids, peer_diff_ids)
    report("registry, empty", *empty, "skopeo oci-archive -> registry", ">= 1.7", lambda r: r >= 1.7)
    report("registry, everything there", *full, "the same", ">= 10", lambda r: r >= 10)


def row_registry_more():
    """All ten, which share a base; and out of an archive that has its layers raw, through a pipe, with no bundle between."""
    need("ten-gzip.tar", ALL)
    bundle = path("ten-gzip.tar")
    archives = [(n, os.path.join(CACHE, "gz", n + ".tar")) for n in NAMES]
    warm(bundle, *[a for _, a in archives])
    ours, theirs = [], []
    for i in range(RUNS):
        r = Registry()
        ours.append(unpack(bundle, "--to", "docker://%s/ours" % r.host))
        for name, image in bundle_images(bundle).items():
            repo = "ours/" + name.split("/", 1)[1].rsplit(":", 1)[0]
            same(name, r.digest(repo, name.rsplit(":", 1)[1]), image[:2])
        r.close()
        r = Registry()
        total = {"wall": 0, "cpu": 0, "rss": 0}
        for n, a in archives:
            s = measure(["skopeo", "copy", "-q", "--dest-tls-verify=false", "oci-archive:%s:bench.example/%s:1" % (a, n), "docker://%s/peer/%s:1" % (r.host, n)])
            total = {"wall": total["wall"] + s["wall"], "cpu": total["cpu"] + s["cpu"], "rss": max(total["rss"], s["rss"])}
        theirs.append(total)
        r.close()
    report("registry, ten images, empty", ours, theirs, "ten skopeo runs, oci-archives", ">= 2", lambda r: r >= 2)

    def piped(i):
        r = Registry()
        env = dict(ENV, GAPFERRY_STATE=fresh_state())
        s = measure(["sh", "-c", '"$0" pack -q -o - --key "$1" "$2" | "$0" unpack -q --key "$3" --to "docker://$4" --name ours/db --tag 1 -',
                     GAPFERRY, path("release.pem"), ONE, path("release.pub"), r.host], env=env)
        same("image ID", r.digest("ours/db", "1")[1], ours_from(archive_ids(ONE), DB))
        r.close()
        return s

    def peer(i):
        r = Registry()
        s = measure(["skopeo", "copy", "-q", "--dest-tls-verify=false", "docker-archive:" + ONE, "docker://%s/peer/db:1" % r.host])
        r.close()
        return s
    a, b = in_turn(piped, peer)
    report("registry, from a docker-archive, by a pipe", a, b, "skopeo docker-archive -> registry", ">= 1.5", lambda r: r >= 1.5)


def row_daemon():
    need("ours-gzip.tar", ONE)
    need("ours-none.tar", ONE, "--layers", "none")
    db2, base = os.path.join(CACHE, "db2.tar"), os.path.join(CACHE, "base.tar")
    pack("db2.bundle", db2)
    pack("base.bundle", base)
    warm(path("ours-gzip.tar"), path("ours-none.tar"), ONE, db2, base, path("db2.bundle"))
    want, want2 = archive_ids(ONE)[DB], archive_ids(db2)["bench.example/db2:1"]
    rows = {k: ([], []) for k in ("cold", "cold-none", "base", "all")}

    def ours(d, bundle, repo, again=False):
        return unpack(bundle, "--to", "docker-daemon:", "--name", "bench.example/" + repo, "--tag", "1", env=d.env, again=again)
    for i in range(RUNS):
        d = Daemon()
        rows["cold"][0].append(ours(d, path("ours-gzip.tar"), "db"))
        same("ours", d.id(DB), want)
        rows["all"][0].append(ours(d, path("ours-gzip.tar"), "db", again=True))
        d.close()
        d = Daemon()
        s = measure(["docker", "load", "-q", "-i", ONE], env=d.env)
        rows["cold"][1].append(s)
        rows["cold-none"][1].append(s)
        same("peer", d.id(DB), want)
        rows["all"][1].append(measure(["docker", "load", "-q", "-i", ONE], env=d.env))
        d.close()
        d = Daemon()
        rows["cold-none"][0].append(ours(d, path("ours-none.tar"), "db"))
        same("ours", d.id(DB), want)
        d.close()
        d = Daemon()
        say("docker", "load", "-q", "-i", base, env=d.env)
        rows["base"][0].append(ours(d, path("db2.bundle"), "db2"))
        same("ours", d.id("bench.example/db2:1"), want2)
        d.close()
        d = Daemon()
        say("docker", "load", "-q", "-i", base, env=d.env)
        rows["base"][1].append(measure(["docker", "load", "-q", "-i", db2], env=d.env))
        same("peer", d.id("bench.example/db2:1"), want2)
        d.close()
    load = "docker load of the raw archive"
    report("daemon, cold (bundle with gzip layers)", *rows["cold"], load, ">= 1.0", lambda r: r >= 1.0)
    report("daemon, cold (bundle with raw layers)", *rows["cold-none"], load, ">= 1.0", lambda r: r >= 1.0)
    report("daemon, base present", *rows["base"], load, ">= 1.25", lambda r: r >= 1.25)
    report("daemon, everything present", *rows["all"], load, ">= 50", lambda r: r >= 50)


def keystream_image(to, size, name):
    """A docker-archive with one layer of size bytes that do not compress, streamed to disk."""
    def head(n, length):
        t = tarfile.TarInfo(n)
        t.size = length
        return t.tobuf(tarfile.GNU_FORMAT)
    inner = size + -size % 512 + 512 + 1024
    digest = hashlib.sha256()
    with open(to, "wb") as f:
        def put(b):
            digest.update(b)
            f.write(b)
        f.write(head("l/layer.tar", inner))
        put(head("data", size))
        zeros = subprocess.Popen(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE)
        p = subprocess.Popen(["openssl", "enc", "-aes-128-ctr", "-K", "0" * 31 + "1", "-iv", "0" * 32], stdin=zeros.stdout, stdout=subprocess.PIPE)
        while True:
            b = p.stdout.read(1 << 20)
            if not b:
                break
            put(b)
        p.wait()
        zeros.wait()
        put(bytes(-size % 512 + 1024))
        f.write(bytes(-inner % 512))
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest.hexdigest()]}}).encode()
        for n, b in (("c.json", config), ("manifest.json", json.dumps([{"Config": "c.json", "RepoTags": [name], "Layers": ["l/layer.tar"]}]).encode())):
            f.write(head(n, len(b)) + b + bytes(-len(b) % 512))
        f.write(bytes(1024))
    return "sha256:" + hashlib.sha256(config).hexdigest()


def row_memory():
    limit = 128 << 20
    found = {}
    for size, what in ((100_000_000, "100 MB"), (4_000_000_000, "4 GB")):
        src = path("m.src.tar")
        image_id = keystream_image(src, size, "acme/m:1")
        env = dict(ENV, GAPFERRY_STATE=fresh_state())
        key = ["--key", path("release.pem")]
        pub = ["--key", path("release.pub")]
        r = Registry()
        for layers in ("gzip", "none"):
            remove("m.tar")
            s = {"pack": measure([GAPFERRY, "pack", "-q", "-o", path("m.tar"), "--layers", layers, *key, src], limit, env)}
            same("image ID", ours_from(bundle_images(path("m.tar")), "docker.io/acme/m:1")[1], image_id)
            s["verify"] = measure([GAPFERRY, "verify", "-q", *pub, path("m.tar")], limit, env)
            s["unpack to a registry"] = measure([GAPFERRY, "unpack", "-q", *pub, "--to", "docker://%s/%s" % (r.host, layers), path("m.tar")], limit, env)
            same("image ID in the registry", r.digest(layers + "/acme/m", "1")[1], image_id)
            s["unpack to a layout"] = measure([GAPFERRY, "unpack", "-q", *pub, "--to", "oci:" + path("m.layout"), path("m.tar")], limit, env)
            shutil.rmtree(path("m.layout"))
            for verb, x in s.items():
                found[what, layers, verb] = x["rss"] / 1024
                plain("peak memory, %s, %s, %s" % (verb, what, layers), x["rss"] / 1024, "MiB", "<= 32", x["rss"] <= MIB32)
        r.close()
        shutil.rmtree(r.dir)
        remove("m.tar", "m.src.tar")
    worst = max(found["4 GB", l, v] - found["100 MB", l, v] for (w, l, v) in found if w == "4 GB")
    plain("peak memory, 4 GB less 100 MB, the worst", worst, "MiB", "<= 4", worst <= 4)


ROWS = {"pack": row_pack, "layout": row_layout, "ten": row_ten, "verify": row_verify, "registry": row_registry, "registry-more": row_registry_more, "daemon": row_daemon, "memory": row_memory}


def versions():
    v = out["versions"]
    v["gapferry"] = say(GAPFERRY, "version").strip()
    v["skopeo"] = say("skopeo", "--version").strip()
    v["docker"] = say("docker", "--version").strip()
    v["dockerd"] = say("dockerd", "--version").strip()
    v["registry"] = say("docker-registry", "--version").strip()
    v["openssl"] = say("openssl", "version").strip()
    v["kernel"] = platform.release()
    with open("/proc/cpuinfo") as f:
        v["cpu"] = next((l.split(":")[1].strip() for l in f if l.startswith("model name")), "?") + ", %d cores" % os.cpu_count()
    for k, x in v.items():
        print("%-9s %s" % (k, " | ".join(x.splitlines()[:9])))
    print("\n%d runs each, ours and the peer in turn; seconds: median (min-max); ratio: peer / ours, of the medians (least-most of neighbours)\n" % RUNS)
    print("%-44s %-22s %-22s %-20s %-10s %-6s %s" % ("", "ours", "peer", "ratio", "expected", "", "peak of ours"), flush=True)


def main():
    versions()
    say(GAPFERRY, "key", "new", "--no-passphrase", path("release"))
    failed = 0
    for name in WANTED or ROWS:
        try:
            ROWS[name]()
        except (Failed, subprocess.CalledProcessError, OSError, StopIteration) as e:
            failed = 1
            print("%-44s FAILED: %s" % (name, e), flush=True)
            out["rows"].append({"row": name, "failed": str(e)})
        finally:
            for p in list(pids):
                stop(p)
    missed = [r["row"] for r in out["rows"] if r.get("met") is False]
    print("\n%d figures, %d missed%s" % (sum("met" in r for r in out["rows"]), len(missed), ": " + "; ".join(missed) if missed else ""))
    return failed


try:
    status = main()
finally:
    for p in list(pids):
        stop(p)
    with open(os.path.join(BUILD, "bench.json"), "w") as f:
        json.dump(out, f, indent=1)
    with open("/proc/self/mounts") as f:
        for m in sorted((l.split()[1] for l in f if l.split()[1].startswith(W + "/")), reverse=True):
            subprocess.run(["umount", "-l", m])
    shutil.rmtree(W, ignore_errors=True)
sys.exit(status)
