"""Group R of the table: registries that break off, refuse, lie and listen for passwords, and what unpack makes of them.
Each row is a run against one of the peers; afterwards what the registry has is whole, and no secret was said aloud."""

import base64
import concurrent.futures
import json
import os
import shutil
import subprocess

from peers import ECR, OTHER, PASSWORD, USER, Expires, Harbor, Registry, digest_of, error

MIB = 1 << 20


class Run:
    """unpack into a registry in a directory of its own, with the password in an auth file."""

    def __init__(self, program, key, fresh, clean_env, bad_bytes):
        self.program, self.key, self.fresh, self.clean_env, self.bad_bytes = program, key, fresh, clean_env, bad_bytes

    def __call__(self, want, registry, bundle, *more, pipe=False, user=USER, auth_host=None, times=1, tags=()):
        """times: the same run so often; the last must be as wanted, the ones before end with 5.  tags: those there before."""
        dir, bad = self.fresh(), []
        path = os.path.join(dir, "b.tar")
        with open(path, "wb") as f:
            f.write(bundle)
        auth = {"auths": {auth_host or registry.host: {"auth": base64.b64encode(("%s:%s" % (user, PASSWORD)).encode()).decode()}}}
        with open(os.path.join(dir, "auth.json"), "w") as f:
            json.dump(auth, f)
        argv = [self.program, "unpack", "-v", "--json", "--progress=none", "--key", self.key, "--authfile", "auth.json", *(() if "--retries" in more else ("--retries", "2")), "--to",
                "docker://%s/shop" % registry.host, *more, "-" if pipe else "b.tar"]
        for i in range(times):
            p = subprocess.run(argv, cwd=dir, env=self.clean_env(dir), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **(dict(input=bundle) if pipe else {}))
            said = p.stdout + p.stderr + log_of(dir)
            o = json.loads(p.stdout)
            registry.said = o.get("error", {}).get("text", "")
            found = (p.returncode, o.get("error", {}).get("name", ""))
            if i == times - 1 and found != want:
                bad.append("expected %s, found %s: %s" % (want, found, p.stderr.decode(errors="replace")[-700:]))
            if i < times - 1 and found[0] != 5:
                bad.append("run %d: expected 5, found %s" % (i + 1, found))
            for secret in (PASSWORD, base64.b64encode(("%s:%s" % (user, PASSWORD)).encode()).decode(), "canary"):
                if secret.encode() in said:
                    bad.append("a secret was said: %s" % secret)
            if self.bad_bytes(p.stdout) or self.bad_bytes(p.stderr):
                bad.append("control characters in the output")
            if len(p.stderr) > 20000:
                bad.append("%d bytes of messages" % len(p.stderr))
        shutil.rmtree(dir)
        return bad + (whole(registry) if want[0] == 0 else [] if registry.tags() == list(tags) else ["it was left tags %s" % registry.tags()])


def log_of(dir):
    path = os.path.join(dir, "state", "audit.jsonl")
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as f:
        return f.read()


def whole(r):
    """Every tag's image is there with all its bytes."""
    bad = [] if r.tags() else ["no tag is there"]
    for (repo, d), (_, b) in r.blobs.items():
        if digest_of(b) != d:
            bad.append("blob %s of %s has other bytes" % (d, repo))
    for (repo, name), (type, text) in r.manifests.items():
        if type != INDEX and r.lacking(repo, json.loads(text)):  # an index is here a list of referrers
            bad.append("%s:%s lacks blobs" % (repo, name))
    return bad


def planned(**answers):
    """answers: METHOD_what=[(status, body, headers), ...]"""
    return {k.replace("_", " "): v for k, v in answers.items()}


MANIFEST, INDEX, CONFIG = ("application/vnd.oci.image.%s+json" % x for x in ("manifest.v1", "index.v1", "config.v1"))
SBOM = "application/spdx+json"


def layout(members):
    """An OCI archive of an image "acme/app:1" and of an SBOM that refers to it, "acme/app:sbom"; and both manifests."""
    blobs = {}

    def blob(type, b, **more):
        b = b if isinstance(b, bytes) else json.dumps(b).encode()
        blobs[digest_of(b)] = b
        return {"mediaType": type, "digest": digest_of(b), "size": len(b), **more}

    layer = blob("application/vnd.oci.image.layer.v1.tar", members)
    config = blob(CONFIG, {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}})
    image = blob(MANIFEST, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]})
    sbom = blob(MANIFEST, {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": SBOM, "config": blob("application/vnd.oci.empty.v1+json", b"{}"),
                           "layers": [blob(SBOM, b'{"spdxVersion":"SPDX-2.3"}')], "subject": image, "annotations": {"made.by": "a test \u00e9"}})

    def named(d, name):
        return {**d, "annotations": {"org.opencontainers.image.ref.name": "acme.example/app:" + name}}
    files = {"blobs/sha256/" + d.split(":")[1]: b for d, b in blobs.items()}
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    files["index.json"] = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [named(image, "1"), named(sbom, "sbom")]}).encode()
    return files, image, {**sbom, "artifactType": SBOM, "annotations": {"made.by": "a test \u00e9"}}


def referrer_rows(row, bundle, image, sbom):
    """Manifests with a subject, where the registry keeps no list of referrers."""
    repo, tag = "shop/app", image["digest"].replace(":", "-")
    other = {"mediaType": MANIFEST, "digest": OTHER, "size": 1, "artifactType": "application/x", "data": "e30="}

    def index(r):
        return json.loads(r.manifests[repo, tag][1]) if (repo, tag) in r.manifests else None

    def holds(*entries, **more):
        want = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries), **more}
        return lambda r: [("the list is %s" % index(r), index(r) == want)]

    def kept(r, *entries, **more):
        text = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries), **more}).encode()
        r.manifests[repo, tag] = r.manifests[repo, digest_of(text)] = (INDEX, text)
        return r
    row("referrers - none listed yet", Registry(), (0, ""), bundle, look=holds(sbom))
    row("referrers - the registry lists them itself", Registry(referrers=True), (0, ""), bundle, look=lambda r: [("a tag %s" % r.tags(), index(r) is None)])
    row("referrers - others are kept as they are", kept(Registry(), other, annotations={"a": "b"}), (0, ""), bundle, look=holds(other, sbom, annotations={"a": "b"}))
    row("referrers - it is listed already: nothing is written", kept(Registry(), sbom, other), (0, ""), bundle, look=lambda r: [
        *holds(sbom, other)(r), ("written", r.count("PUT", "manifests/" + tag) == 0)])

    class Busy(Registry):
        """Somebody else adds an entry each time the list was read, so often."""
        others, keeps_etags = 0, True

        def before(self, h):
            if h.command == "PUT" and h.name == tag and self.others > 0:
                self.others -= 1
                now = index(self)
                kept(self, *(now["manifests"] if now else []), {**other, "size": self.others})
            if not self.keeps_etags:
                h.headers.replace_header("If-Match", "") if "If-Match" in h.headers else None
            return super().before(h)
    row("referrers - somebody else is faster, twice (412)", kept(Busy(others=2), other), (0, ""), bundle, look=lambda r: [
        ("the list is %s" % index(r), [d["digest"] for d in index(r)["manifests"]] == [OTHER] * 3 + [sbom["digest"]])])
    row("referrers - somebody else is always faster", kept(Busy(others=99), other), (5, "registry-referrers"), bundle, tags=["shop/app:" + tag])

    class Forgets(Registry):
        def put_manifest(self, h):
            before = self.manifests.get((repo, tag))
            super().put_manifest(h)
            if h.name == tag:
                self.manifests.pop((repo, tag))
                self.manifests.update({(repo, tag): before} if before else {})
    row("referrers - what is written is not kept", Forgets(), (5, "registry-referrers"), bundle)
    for text in (b"[]", b'{"manifests":7}', b'{"schemaVersion":2}', b"\x1b[2J", b'{"manifests":[],"manifests":[]}'):
        r = Registry()
        r.manifests[repo, tag] = (INDEX, text)
        row("referrers - the tag shows %s" % text, r, (5, {b"[]": "json-type", b"\x1b[2J": "json", b'{"schemaVersion":2}': "missing-key"}.get(text, "json" if b"[]," in text else "json-type")),
            bundle, tags=["shop/app:" + tag])

    class Killed(Registry):
        """The list is lost after the first run, as if it had been killed before it was written."""
        def put_manifest(self, h):
            if h.name == tag and not getattr(self, "lost", False):
                self.lost = True
                return h.say(500, b"")
            return super().put_manifest(h)
    row("referrers - a run that ended before the list was written, run again", Killed(), (0, ""), bundle, "--retries", "0", times=2, look=holds(sbom))


def rows(run, one, two, big, evidence):
    """one: a small bundle; two: two images in two repositories with a layer in common; big: a layer of 6 MiB; evidence:
    a bundle of a layout(), and what layout() said of it."""
    tried = []

    def row(name, r, want, bundle, *more, look=None, answers=None, other=None, **kw):
        """look(r): (complaint, is it well?)...; other: a registry that must be asked, and told no secret."""
        def work():
            r.answers.update(answers or {})
            bad = run(want, r, bundle, *more, **kw)
            bad += [what for what, well in (look(r) if look else ()) if not well]
            if other:
                bad += ["the other was told %s" % q for q in other.requests if q["Authorization"] or q["Cookie"]]
                bad += [] if other.requests else ["the other was not asked"]
                other.end()
            r.end()
            return name, bad
        tried.append(work)

    # R41: the line breaks
    def resumed(r):
        yield "PATCH of the rest", r.count("PATCH") >= 1 and r.count("GET", "uploads/") >= 1
        yield "began anew", r.count("POST") == 3
        ranges = [q["Content-Range"] for q in r.requests if q["method"] == "PATCH"]
        yield "ranges %s" % ranges, ranges[0].endswith("-%d" % (len(max((b for _, b in r.blobs.values()), key=len)) - 1))
    row("R41 - the line breaks within an upload, and the registry knows how far it came: the rest is sent", Registry(cuts=[2 * MIB]), (0, ""), big, look=resumed)
    row("R41 - it breaks twice", Registry(cuts=[2 * MIB, MIB]), (0, ""), big, look=lambda r: [("PATCH", r.count("PATCH") == 2)])
    row("R41 - the registry forgot the upload: it begins anew", Registry(cuts=[2 * MIB], resumes=False), (0, ""), big,
              look=lambda r: [("POST", r.count("POST") == 4), ("PATCH", r.count("PATCH") == 0)])
    row("R41 - the line breaks at the first byte", Registry(cuts=[1]), (0, ""), one)
    row("R41 - a line that always breaks ends the target", Registry(cuts=[MIB // 8] * 20), (5, "http-broken"), big)
    # Early: what the kernels' buffers take beyond the cut must be within the first 4 MiB, which are kept.
    row("R41 - a pipe: what came first is kept", Registry(cuts=[MIB // 8]), (0, ""), big, pipe=True, look=lambda r: [("PATCH", r.count("PATCH") == 1)])
    row("R41 - a pipe, and the registry forgot", Registry(cuts=[MIB // 8], resumes=False), (0, ""), big, pipe=True)
    row("R41 - a pipe cannot go back", Registry(cuts=[5 * MIB]), (5, "http-broken"), big, pipe=True)
    row("R41 - a pipe, run again", Registry(cuts=[5 * MIB]), (0, ""), big, pipe=True, times=2)

    class Boaster(Registry):
        def upload_get(self, h):
            id = self.session(h)
            if id is not None:
                h.say(204, Location=self.location(h, id), Range=self.boast)
        boast = ""
    for boast in ("0-99999999999", "0-18446744073709551615", "bytes", "9-3-", "0--1", "0-0"):
        row("R41 - it says that %s has arrived: not believed" % boast, Boaster(cuts=[2 * MIB], boast=boast), (0, ""), big)
    row("R41 - it says that other bytes have arrived than have: found out, and sent again", Boaster(cuts=[2 * MIB], boast="0-1500000"), (0, ""), big)
    # R43, R15: answers in the middle
    gone = (404, error("BLOB_UPLOAD_UNKNOWN", "gone"), {})
    row("R43 - the session is gone: once more", Registry(), (0, ""), one, answers=planned(PUT_uploads=[gone]))
    row("R43 - every session is gone", Registry(), (5, "registry-not-found"), one, answers=planned(PUT_uploads=[gone] * 30))
    for left, want in ((1, (0, "")), (99, (5, "registry-auth"))):
        row("R15 - 401 to an upload after a good token, %d times" % left, Expires(left=left, method="PUT"), want, one)
    # 413, and pieces
    def pieces(r):
        sizes = [int(q["Content-Range"].split("-")[1]) - int(q["Content-Range"].split("-")[0]) + 1 for q in r.requests if q["method"] == "PATCH"]
        yield "no pieces", bool(sizes)
        yield "pieces of %s" % sizes, all(n <= (r.body_max or 10**9) for n in sizes[-3:])
    row("a proxy takes 1 MiB at once: pieces", Registry(body_max=MIB), (0, ""), big, look=pieces)
    row("a proxy takes 5 MiB at once: pieces", Registry(body_max=5 * MIB), (0, ""), big, look=pieces)
    row("a proxy takes 5.5 MiB at once, and the registry no pieces below 5", Registry(body_max=11 * MIB // 2, chunk_least=5 * MIB), (0, ""), big, look=pieces)
    row("a proxy takes 1 KiB at once: what it says", Registry(body_max=1024), (5, "registry-answer"), big)
    row("a proxy takes 1 MiB at once, and the bundle comes through a pipe", Registry(body_max=MIB), (0, ""), big, pipe=True, look=pieces)
    row("R40 - 503 once, and the bundle comes through a pipe", Registry(), (0, ""), one, pipe=True, answers=planned(PUT_uploads=[(503, b"", {})]))
    row("PUT with a body is not known (old Artifactory): PATCH", Registry(needs_patch=True), (0, ""), one)
    # R25: mounts
    row("R25 - mounts: the layer in common goes once", Registry(), (0, ""), two, look=lambda r: [("mounts %d" % r.mount_count, r.mount_count == 1)])
    row("R25 - no mounts: asked for once, and the session it gave instead is used", Registry(mounts=False), (0, ""), two,
              look=lambda r: [("mounts %d" % r.mount_count, r.mount_count == 1), ("sessions left %s" % r.sessions, not r.sessions)])
    row("R25 - 201 and nothing is there: sent", Registry("mounts nothing"), (0, ""), two)

    class Refuses(Registry):
        status = 0

        def upload_post(self, h):
            if not h.one("mount"):
                return super().upload_post(h)
            return h.say(self.status, error("DENIED", "no mounts"), **({"WWW_Authenticate": 'Basic realm="x"'} if self.status == 401 else {}))
    for status in (400, 401, 403, 404, 405, 500):
        row("R25 - a mount is answered %d: sent" % status, Refuses(status=status), (0, ""), two, "--retries", "0")
    row("R25 - from a pipe: it is learnt before the layer comes", Registry(), (0, ""), two, pipe=True, look=lambda r: [("mounts %d" % r.mount_count, r.mount_count == 2)])
    row("R25 - from a pipe, no mounts: the layer goes to both", Registry(mounts=False), (0, ""), two, pipe=True, look=lambda r: [("mounts %d" % r.mount_count, r.mount_count == 1)])
    row("R25 - from a pipe, one mount and no more", Registry("mounts once"), (5, "registry-mount"), two, pipe=True)
    # R40, R42, R16, R35, R31: answers
    busy = (503, b"later", {"Retry_After": "1"})
    row("R40 - 503 once, at each step", Registry(), (0, ""), one, answers=planned(HEAD_blobs=[busy], POST_uploads=[busy], PUT_uploads=[busy], HEAD_manifests=[busy], PUT_manifests=[busy]))
    row("R40 - 503 always", Registry(), (5, "registry-answer"), one, answers=planned(POST_uploads=[(503, b"", {})] * 9))
    row("R42 - 429 always", Registry(), (5, "registry-busy"), one, answers=planned(HEAD_blobs=[(429, b"", {})] * 30))
    for status, name in ((403, "registry-denied"), (407, "registry-answer"), (418, "registry-answer"), (451, "registry-answer"), (999, "registry-answer")):
        row("R16 - %d to an upload" % status, Registry(), (5, name), one, answers=planned(PUT_uploads=[(status, b"", {})] * 9))
    html = (500, b"<html>\x1b[2J</script>\xff" + b"A" * (8 * MIB), {"Content_Type": "text/html"})
    row("R35 - 8 MiB of HTML with control characters", Registry(), (5, "registry-answer"), one, "--retries", "0", answers=planned(POST_uploads=[html]))
    row("R31 - a header of 1 MiB", Registry(), (5, "http"), one, "--retries", "0", answers=planned(POST_uploads=[(202, b"", {"X": "a" * MIB})]))
    # R44: full at the last moment
    row("R44 - the quota is full at the manifest", Harbor(quota=1), (5, "registry-denied"), one, look=lambda r: [("said: " + r.said, "configured upper limit" in r.said)])
    # R06, R09, R11: where credentials go
    for name, what, status, where in (("R06 - a blob is elsewhere", "HEAD blobs", 307, "blobs/z"), ("R09 - an upload is elsewhere", "POST uploads", 202, "blobs/uploads/1")):
        evil = Registry()
        row(name + ": it sees no credentials", ECR(repositories=("shop/acme/app",)), (5, "registry-not-found"), one, "--retries", "0", user="AWS", other=evil,
            answers={what: [(status, b"", {"Location": "http://%s/v2/x/y/%s" % (evil.host, where)})] * 30})
    for host in ("127.0.0.1:1", "127.0.0.1", "127.0.0.1:%d.attacker.example"):
        r = ECR(repositories=("shop/acme/app",))
        row("R11 - a password for '%s' is not this registry's" % host, r, (5, "registry-auth"), one, user="AWS", auth_host=host % r.server_port if "%" in host else host,
            look=lambda r: [("it was sent", not any(q["Authorization"] for q in r.requests))])
    referrer_rows(row, *evidence)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        yield from pool.map(lambda work: work(), tried)
