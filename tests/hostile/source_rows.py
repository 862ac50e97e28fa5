"""Group R of the table, the other side: registries that pack reads from, that lie, break off and send elsewhere.  After each
refusal there is no bundle; afterwards no secret was said aloud, and nobody but the registry was told one."""

import base64
import concurrent.futures
import gzip
import json
import os
import shutil
import subprocess

from peers import PASSWORD, USER, BearerRegistry, Expires, Hub, Registry, digest_of, error

MIB = 1 << 20
MANIFEST, CONFIG, LAYER = ("application/vnd.oci.image.%s" % x for x in ("manifest.v1+json", "config.v1+json", "layer.v1.tar"))
REPO = "acme/app"


class Run:
    """pack out of a registry in a directory of its own, with the password in an auth file."""

    def __init__(self, program, key, public, fresh, clean_env, bad_bytes):
        self.program, self.key, self.public, self.fresh, self.clean_env, self.bad_bytes = program, key, public, fresh, clean_env, bad_bytes

    def __call__(self, want, registry, *more, reference=":1", image=None, user=USER):
        dir, bad = self.fresh(), []
        auth = base64.b64encode(("%s:%s" % (user, PASSWORD)).encode()).decode()
        with open(os.path.join(dir, "auth.json"), "w") as f:
            json.dump({"auths": {registry.host: {"auth": auth}}}, f)
        p = subprocess.run([self.program, "pack", "-v", "--json", "--progress=none", "-o", "out.tar", "--key", self.key, "--authfile", "auth.json", "--layers", "none",
                            *(() if "--retries" in more else ("--retries", "0")), *more, "docker://%s/%s%s" % (registry.host, REPO, reference)],
                           cwd=dir, env=self.clean_env(dir), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60)
        found = (p.returncode, json.loads(p.stdout).get("error", {}).get("name", ""))
        if found != want:
            bad.append("expected %s, found %s: %s" % (want, found, p.stderr.decode(errors="replace")[-700:]))
        left = sorted(set(os.listdir(dir)) - {"auth.json", "config", "state"})
        if left != (["out.tar"] if want[0] == 0 else []):
            bad.append("files: %s" % left)
        if want[0] == 0 and found[0] == 0:
            bad += self.checked(dir, image or registry.image)
        for secret in (PASSWORD, auth, "canary"):
            if secret.encode() in p.stdout + p.stderr:
                bad.append("a secret was said: %s" % secret)
        if self.bad_bytes(p.stdout) or self.bad_bytes(p.stderr):
            bad.append("control characters in the output")
        if len(p.stderr) > 20000:
            bad.append("%d bytes of messages" % len(p.stderr))
        shutil.rmtree(dir)
        return bad

    def checked(self, dir, image):
        """The bundle holds that image, and all of it."""
        p = subprocess.run([self.program, "verify", "-q", "--deep", "--key", self.public, "out.tar"], cwd=dir, env=self.clean_env(dir), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = subprocess.run(["tar", "-xOf", "out.tar", "META/manifest.json"], cwd=dir, stdout=subprocess.PIPE, check=True).stdout
        digest = json.loads(text)["predicate"]["images"][0]["digest"]
        return (["verify: %s" % p.stdout.decode(errors="replace")] if p.returncode else []) + (["it packed %s and not %s" % (digest, image)] if digest != image else [])


def made(layers, **more):
    """An image: its blobs, and its manifest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest_of(x) for x in layers]}}).encode()
    parts = [dict({"mediaType": type, "digest": digest_of(b), "size": len(b)}, **kw) for type, b, kw in [(CONFIG, config, {})] + [(LAYER, x, more) for x in layers]]
    return [config, *layers], json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:]}).encode()


def stock(r, layers, tag="1", **more):
    """The image in the registry under a tag; its digest."""
    blobs, text = made(layers, **more)
    r.blobs.update({(REPO, digest_of(b)): (None, b) for b in blobs})
    r.manifests[REPO, tag] = r.manifests[REPO, digest_of(text)] = (MANIFEST, text)
    return digest_of(text)


def raw(h, *pieces):
    """An answer as it stands, and the end of the connection."""
    h.asked["status"] = 0
    h.close_connection = True
    for x in pieces:
        h.wfile.write(x)


def endless(h, chunked=False, start=b"HTTP/1.1 200 OK\r\n\r\n", piece=b"a" * 65536):
    """More than anybody wants; at most 1 GiB."""
    if chunked:
        start, piece = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + piece + b"\r\n"
    raw(h, start, *[piece] * 16384)


class Lies(Registry):
    """Every GET of what (manifests, blobs; blobs: the first layer) is answered by the function answer(handler, honest bytes)."""
    what, answer, times, layer = "blobs", None, 1 << 30, ""

    def before(self, h):
        if h.command == "GET" and h.what == self.what and (self.what != "blobs" or h.name == self.layer) and self.times > 0:
            with self.lock:
                self.times -= 1
            self.answer(h, (self.blobs if h.what == "blobs" else self.manifests)[h.repo, h.name][1])
            return True
        return super().before(h)


class Door(Registry):
    """It wants a token from that realm, says so many times."""
    realm, times = "", 1

    def before(self, h):
        challenge = 'Bearer realm="%s",service="x"' % self.realm if self.realm else 'Bearer service="x"'
        h.say(401, error("UNAUTHORIZED", "who?"), WWW_Authenticate=", ".join([challenge] * self.times))
        return True


class Sends(BearerRegistry):
    """Whoever asks for the first layer, and may, is sent to where(handler)."""
    where, layer = None, ""

    def before(self, h):
        if super().before(h):
            return True
        if h.command == "GET" and h.name == self.layer:
            at = self.where(h)
            h.say(307, b"", **({"Location": at} if at is not None else {}))
            return True
        return False


def rows(run, layers):
    tried = []

    def row(name, r, want, *more, look=None, answers=None, other=None, foreign=None, **kw):
        """look(r): (complaint, is it well?)...; other: a registry that must be asked, and told no secret."""
        r.image = stock(r, layers, **(foreign or {}))
        if hasattr(r, "layer"):
            r.layer = digest_of(layers[0])

        def work():
            r.answers.update(answers or {})
            bad = run(want, r, *more, **kw)
            bad += [what for what, well in (look(r) if look else ()) if not well]
            bad += ["a cookie was sent back"] if any(q["Cookie"] for q in r.requests) else []
            bad += ["something was written"] if any(q["method"] not in ("GET", "HEAD") for q in r.requests) else []
            if other:
                bad += ["the other was told %s" % q for q in other.requests if q["Authorization"] or q["Cookie"]]
                bad += [] if other.requests else ["the other was not asked"]
                other.end()
            r.end()
            return "pack: " + name, bad
        tried.append(work)

    def lies(answer, what="blobs", **script):
        return Lies(what=what, answer=answer, **script)

    def of(length, body, *lines, status=b"200 OK"):
        return lambda h, b: raw(h, b"HTTP/1.1 %s\r\n" % status, *(b"Content-Length: %s\r\n" % x for x in ([length] if length is not None else [])), *lines, b"\r\n", body(b) if callable(body) else body)

    for what, r in (("none", Registry()), ("a token", BearerRegistry()), ("Docker Hub's limits", Hub())):
        row("honest, %s" % what, r, (0, ""), "--retries", "2")
    # R20, R21: the manifest

    class Moves(Registry):
        """The tag shows another image each time it is looked at."""
        def before(self, h):
            if h.command == "GET" and h.name == "1":
                self.looked = getattr(self, "looked", 0) + 1
                if self.looked > 1:
                    stock(self, layers[:1])
            return super().before(h)
    row("R20 - a tag that moves while it is read", Moves(), (0, ""), look=lambda r: [("looked at %d times" % r.looked, r.looked == 1)])
    row("R21 - the tag's manifest is not what the header says", Registry("tag shows another"), (1, "registry-digest"))
    row("R21 - another manifest than the one asked for", lies(lambda h, b: h.say(200, b + b" ", Content_Type=MANIFEST), "manifests"), (1, "registry-digest"),
        reference="@" + digest_of(made(layers)[1]))
    row("R21 - no header", lies(lambda h, b: h.say(200, b, Content_Type=MANIFEST), "manifests"), (0, ""))
    row("R21 - a header that is no digest", lies(lambda h, b: h.say(200, b, Content_Type=MANIFEST, Docker_Content_Digest="\x1b[2J"), "manifests"), (0, ""))
    row("R30 - a manifest without end", lies(lambda h, b: endless(h), "manifests"), (1, "too-large"))
    row("R33 - a manifest in gzip that nobody asked for", lies(lambda h, b: h.say(200, gzip.compress(b), Content_Type=MANIFEST, Content_Encoding="gzip", Docker_Content_Digest=digest_of(b)), "manifests"),
        (1, "registry-digest"))
    # R21, R23, R30, R33: a layer
    row("R21 - a layer with another byte", lies(lambda h, b: h.say(200, b[:-1] + bytes([b[-1] ^ 1]))), (4, "blob-digest"))
    row("R23 - a layer that is not there", lies(lambda h, b: h.say(404, error("BLOB_UNKNOWN", "gone"))), (1, "registry-not-found"))
    row("R30 - a layer without end", lies(lambda h, b: endless(h)), (1, "registry-size"))
    row("R30 - in chunks without end", lies(lambda h, b: endless(h, chunked=True)), (1, "registry-size"))
    row("R30 - a byte more", lies(lambda h, b: h.say(200, b + b"x")), (1, "registry-size"))
    row("R30 - a byte less", lies(lambda h, b: h.say(200, b[:-1])), (1, "http-broken"))
    row("R30 - a byte less than its length says", lies(of(b"%d" % len(layers[0]), lambda b: b[:-1])), (1, "http-broken"))
    row("R30 - a length of 0", lies(of(b"0", lambda b: b)), (1, "http-broken"))
    row("R30 - a length of -1", lies(of(b"-1", lambda b: b)), (1, "http"))
    row("R30 - a length of 2^64", lies(of(b"18446744073709551616", lambda b: b)), (0, ""))
    row("R30 - two lengths", lies(of(b"%d" % len(layers[0]), lambda b: b, b"Content-Length: 1\r\n")), (1, "http-broken"))
    row("R30 - no length, all bytes", lies(of(None, lambda b: b)), (0, ""))
    row("R33 - a layer in gzip that nobody asked for", lies(lambda h, b: h.say(200, gzip.compress(b), Content_Encoding="gzip")), (1, "http-broken"))
    # R30: lengths and the line, with retries: it is taken up where it broke, or from the start
    row("R30 - a layer that breaks off once", lies(of(b"%d" % len(layers[0]), lambda b: b[:-1]), times=1), (0, ""), "--retries", "1")
    row("R30 - the rest from elsewhere", lies(lambda h, b: h.say(206, b[5:], Content_Range="bytes 99-200/201") if h.headers.get("Range") else raw(h, b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b[:50]),
        times=2), (1, "registry-answer"), "--retries", "2")
    # R16, R31, R35, R40, R42: answers
    for status, name in ((403, "registry-denied"), (407, "registry-answer"), (418, "registry-answer"), (451, "registry-answer"), (999, "registry-answer"), (204, "registry-answer"), (206, "registry-answer")):
        row("R16 - %d to a layer" % status, lies(lambda h, b, status=status: h.say(status, b"")), (1, name))
    row("R16 - no status line", lies(lambda h, b: raw(h, b"SSH-2.0-OpenSSH_9.2\r\n")), (1, "http"))
    row("R31 - a header of 1 MiB", lies(lambda h, b: h.say(200, b, X="a" * MIB)), (1, "http"))
    row("R31 - headers without end", lies(lambda h, b: endless(h, start=b"HTTP/1.1 200 OK\r\n", piece=b"X: y\r\n" * 1000)), (1, "too-large"))
    row("R35 - 8 MiB of HTML with control characters", lies(lambda h, b: h.say(500, b"<html>\x1b[2J</script>\xff" + b"A" * (8 * MIB))), (1, "registry-answer"))
    row("R40 - 503 once, at each step", Registry(), (0, ""), "--retries", "1", answers={k: [(503, b"later", {"Retry_After": "1"})] for k in ("GET manifests", "GET blobs")})
    for when in ("Thu, 01 Jan 1970 00:00:00 GMT", "soon", "-1", "0"):
        row("R40 - Retry-After: %s" % when, Registry(), (0, ""), "--retries", "1", answers={"GET blobs": [(503, b"", {"Retry_After": when})]})
    row("R42 - 429 always", Registry(), (1, "registry-busy"), "--retries", "1", answers={"GET blobs": [(429, b"", {})] * 30})
    # R01-R04, R15: who we are
    for realm, name in (("http://169.254.169.254/token", "registry-challenge"), ("http://10.0.0.1/token", "registry-challenge"), ("http://[::ffff:a9fe:a9fe]/t", "registry-challenge"),
                        ("http://2852039166/t", "registry-challenge"), ("http://user@127.0.0.1/t", "http-url"), ("file:///etc/passwd", "http-url"), ("", "registry-challenge"),
                        ("http://evil.example\\\\@127.0.0.1/t", "http-url"), ("http://127.0.0.1/" + "a" * 65536, "registry-challenge")):
        row("R02 - a token service at %.40s" % realm, Door(realm=realm), (1, name))
    row("R04 - a thousand challenges", Door(realm="http://10.0.0.1/", times=1000), (1, "registry-challenge"))
    for left, want in ((1, (0, "")), (99, (1, "registry-auth"))):
        row("R15 - 401 to a layer after a good token, %d times" % left, Expires(left=left, method="GET"), want)
    # R05-R08: elsewhere
    evil = Registry()
    row("R05 - a layer with urls, which the registry lacks", lies(lambda h, b: h.say(404, error("BLOB_UNKNOWN", "gone"))), (1, "registry-not-found"),
        foreign={"urls": ["http://%s/v2/%s/blobs/x" % (evil.host, REPO)]}, look=lambda r, evil=evil: [("it was asked for", not evil.requests), ("", evil.end() is None)])
    for name, change, want in (("it has it: no credentials go there", lambda b: b, (0, "")), ("it has another", lambda b: b[:-1] + b"?", (4, "blob-digest"))):
        evil = Registry()
        stock(evil, layers)
        evil.blobs[REPO, digest_of(layers[0])] = (None, change(layers[0]))
        row("R06 - a layer is elsewhere, and %s" % name, Sends(where=lambda h, evil=evil: "http://%s%s" % (evil.host, h.path)), want, other=evil)
    for where, name in (("/v2/%s/blobs/" % REPO, "registry-not-found"), ("", "http-url"), ("file:///etc/passwd", "http-url"), ("gopher://127.0.0.1:1/x", "http-url"),
                        ("http://169.254.169.254/latest", "http-redirect"), ("http://me@127.0.0.1/x", "http-url"), ("//[::1", "http-url"), ("http://127.0.0.1:99999/", "http-url"), (None, "http-redirect")):
        row("R08 - a layer is said to be at %s" % where, Sends(where=lambda h, where=where: where), (1, name))
    row("R08 - a layer is where it is said to be, and so on", Sends(where=lambda h: h.path), (1, "http-redirect"),
        look=lambda r: [("asked %d times" % r.count("GET", r.layer), r.count("GET", r.layer) <= 7)])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        yield from pool.map(lambda work: work(), tried)
