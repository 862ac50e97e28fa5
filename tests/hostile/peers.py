"""Registries of several kinds and a Docker daemon that keep what they are given and lie in one point, for tests of unpack.  They do what
the protocols ask of an honest one and no more, and they remember every request."""

import base64
import hashlib
import http.server
import io
import json
import os
import re
import signal
import socketserver
import sys
import tarfile
import threading
import time
import urllib.parse


def digest_of(b):
    return "sha256:" + hashlib.sha256(b).hexdigest()


OTHER = "sha256:" + "0d" * 32


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        out = b""
        while True:
            n = int(self.rfile.readline(), 16)
            out += self.rfile.read(n)
            self.rfile.readline()
            if n == 0:
                return out

    def say(self, status, body=b"", **headers):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def any(self):
        self.server.seen.append("%s %s" % (self.command, self.path))
        self.answer(self.body())

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = any


class Peer:
    """A server in a thread; lie: the one thing it does wrong, "" for none."""
    daemon_threads = True
    allow_reuse_address = True

    def begin(self, lie):
        self.lie, self.seen, self.lock = lie, [], threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def end(self):
        self.shutdown()
        self.server_close()


# ---- registries ----

REPOSITORY = re.compile(r"/v2/(.+)/(blobs|manifests|tags|referrers)/(.*)")


def error(code, message):
    return {"errors": [{"code": code, "message": message}]}


class RegistryHandler(Handler):
    """One request: who asks, then what for."""

    def any(self):
        s, url = self.server, urllib.parse.urlsplit(self.path)
        self.query = urllib.parse.parse_qs(url.query)
        m = REPOSITORY.fullmatch(urllib.parse.unquote(url.path))
        self.repo, self.what, self.name = m.groups() if m else (None, None, None)
        self.taken = 0
        s.seen.append("%s %s" % (self.command, self.path))
        self.asked = {"method": self.command, "path": self.path, **{k: self.headers.get(k) for k in ("Authorization", "Cookie", "Content-Range", "Accept")}}
        s.requests.append(self.asked)
        try:
            if not s.before(self):
                self.answer()
        except (ConnectionError, EOFError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = any

    def one(self, key):
        return self.query.get(key, [None])[0]

    def say(self, status, body=b"", **headers):
        self.asked["status"] = status
        unread = int(self.headers.get("Content-Length") or 0) - self.taken
        if unread > 0:
            headers["Connection"] = "close"
            self.close_connection = True
        super().say(status, body, **headers, **self.server.always)

    def pieces(self):
        """The body as it comes; the connection ends where the server is told to cut it."""
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            piece = self.rfile.read1(min(left, 65536))
            if not piece:
                raise EOFError
            self.taken += len(piece)
            left -= len(piece)
            yield piece

    def answer(self):
        s = self.server
        if self.path == "/v2/":
            return self.say(200, {})
        if self.repo is None:
            return self.say(404)
        if self.what == "blobs" and self.name.startswith("uploads/"):
            return getattr(s, "upload_" + self.command.lower(), s.not_allowed)(self)
        if self.what == "tags":
            tags = sorted(t for r, t in s.manifests if r == self.repo and ":" not in t)
            return self.say(200, {"name": self.repo, "tags": tags}) if tags else self.say(404, error("NAME_UNKNOWN", "repository name not known"))
        if self.what == "referrers":
            return self.say(200, {"schemaVersion": 2, "manifests": []}) if s.referrers else self.say(404, b"404 page not found\n")
        if self.what == "manifests" and self.command == "PUT":
            return s.put_manifest(self)
        kept = s.blobs if self.what == "blobs" else s.manifests
        found = kept.get((self.repo, self.name))
        if found is None or (s.lie == "tag is gone" and self.what == "manifests" and ":" not in self.name):
            return self.say(404, error("MANIFEST_UNKNOWN" if self.what == "manifests" else "BLOB_UNKNOWN", "not known"))
        shown = OTHER if s.lie == "tag shows another" and ":" not in self.name else digest_of(found[1])
        return self.say(200, found[1], Content_Type=found[0] or "application/octet-stream", Docker_Content_Digest=shown, ETag='"%s"' % shown)


class Registry(Peer, socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Takes uploads in one PUT and in pieces, says how much of one has arrived, mounts, and keeps manifests and blobs by
    repository.  Its kinds are the classes below; what each does otherwise stands in image-protocols.md 4.5 and 4.6."""
    mounts = True        # False: 202
    resumes = True       # False: an upload that was cut is unknown afterwards, as in docker-registry 2.8
    referrers = False    # the referrers API, and OCI-Subject
    chunk_least = 0      # OCI-Chunk-Min-Length, and smaller pieces but the last are refused
    chunk_status = 202
    body_max = None      # a proxy in front of it answers 413 to more
    needs_patch = False  # a PUT with a body is answered 404, as by old Artifactories
    secure_location = "relative"
    always = {}          # headers of every answer

    def __init__(self, lie="", **script):
        super().__init__(("127.0.0.1", 0), RegistryHandler)
        self.blobs, self.manifests, self.sessions, self.requests = {}, {}, {}, []
        self.cuts = []       # a request of an upload is cut after so many bytes, the next one that has more; one number a request
        self.answers = {}    # "METHOD what": list of (status, body, headers), each given once
        self.host = "127.0.0.1:%d" % self.server_port
        self.mount_count = self.session_count = 0
        for k, v in script.items():
            assert hasattr(self, k), k
            setattr(self, k, v)
        self.begin(lie)

    def handle_error(self, *about):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*about)

    def tags(self):
        return sorted("%s:%s" % k for k in self.manifests if ":" not in k[1])

    def count(self, method, path=""):
        return sum(r["method"] == method and path in r["path"] for r in self.requests)

    # -- before --

    def before(self, h):
        """True: answered."""
        planned = self.answers.get("%s %s" % (h.command, h.what if not (h.what == "blobs" and h.name.startswith("uploads/")) else "uploads"))
        if planned:
            status, body, headers = planned.pop(0)
            h.say(status, body, **headers)
            return True
        length = int(h.headers.get("Content-Length") or 0)
        if self.body_max is not None and length > self.body_max:
            h.say(413, b"<html><head><title>413 Request Entity Too Large</title></head></html>\r\n", Content_Type="text/html")
            return True
        return False

    # -- uploads --

    def not_allowed(self, h):
        h.say(405, error("UNSUPPORTED", "The operation is unsupported."))

    def location(self, h, id):
        at = "/v2/%s/blobs/uploads/%s?_state=%d" % (h.repo, id, len(self.sessions[id]))
        return at if self.secure_location == "relative" else "http://%s%s" % (self.host, at)

    def session(self, h):
        """The id of the session that the request is about; None: answered."""
        id = h.name.split("/")[1]
        with self.lock:
            known = id in self.sessions and (h.command == "GET" or h.one("_state") == str(len(self.sessions[id])))
        if known:
            return id
        h.say(404, error("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"))
        return None

    def upload_post(self, h):
        digest, source = h.one("mount"), h.one("from")
        if digest is not None:
            with self.lock:
                self.mount_count += 1
                have = self.blobs.get((source, digest))
                if self.lie == "mounts once" and self.mount_count > 1 or self.lie == "no mounts" or not self.mounts:
                    have = None
                if have is not None:
                    self.blobs[h.repo, digest] = have
            if have is not None or self.lie == "mounts nothing":
                return h.say(201, Location="/v2/%s/blobs/%s" % (h.repo, digest), Docker_Content_Digest=digest)
        with self.lock:
            self.session_count += 1
            id = "u%d" % self.session_count
            self.sessions[id] = b""
        least = {"OCI_Chunk_Min_Length": str(self.chunk_least)} if self.chunk_least else {}
        return h.say(202, Location=self.location(h, id), Range="0-0", Docker_Upload_UUID=id, **least)

    def take(self, h, id):
        """The body into the session."""
        with self.lock:
            cut = self.cuts.pop(0) if self.cuts and int(h.headers.get("Content-Length") or 0) > self.cuts[0] else None
        try:
            for piece in h.pieces():
                self.sessions[id] += piece if cut is None else piece[:max(0, cut - h.taken + len(piece))]
                if cut is not None and h.taken >= cut:
                    raise EOFError
        except EOFError:
            if not self.resumes:
                self.sessions.pop(id)
            h.connection.close()
            raise

    def upload_patch(self, h):
        id = self.session(h)
        if id is None:
            return None
        given, length, here = h.headers.get("Content-Range"), int(h.headers.get("Content-Length") or 0), len(self.sessions[id])
        if given is not None and given != "%d-%d" % (here, here + length - 1):
            return h.say(416, error("RANGE_INVALID", "invalid content range"))
        self.sizes = getattr(self, "sizes", []) + [length]
        self.take(h, id)
        return h.say(self.chunk_status, Location=self.location(h, id), Range="0-%d" % max(0, len(self.sessions[id]) - 1))

    def upload_get(self, h):
        id = self.session(h)
        if id is not None:
            h.say(204, Location=self.location(h, id), Range="0-%d" % max(0, len(self.sessions[id]) - 1))

    def upload_put(self, h):
        id = self.session(h)
        if id is None:
            return None
        if self.needs_patch and int(h.headers.get("Content-Length") or 0) > 0:
            return h.say(404, error("BLOB_UNKNOWN", "blob unknown to registry"))
        small = [n for n in getattr(self, "sizes", [])[:-1] if n < self.chunk_least]
        if small:
            return h.say(400, error("SIZE_INVALID", "Your proposed upload is smaller than the minimum allowed size"))
        self.take(h, id)
        bytes, digest = self.sessions[id], h.one("digest")
        self.sizes = []
        if digest_of(bytes) != digest:
            return h.say(400, error("DIGEST_INVALID", "provided digest did not match uploaded content"))
        with self.lock:
            self.blobs[h.repo, digest] = (None, bytes)
            self.sessions.pop(id)
        return h.say(201, Location="/v2/%s/blobs/%s" % (h.repo, digest), Docker_Content_Digest=digest)

    # -- manifests --

    def lacking(self, repo, manifest):
        wanted = [d["digest"] for d in [manifest.get("config"), *manifest.get("layers", [])] if d]
        lacks = [d for d in wanted if (repo, d) not in self.blobs]
        return lacks + [d["digest"] for d in manifest.get("manifests", []) if (repo, d["digest"]) not in self.manifests]

    def put_manifest(self, h, **headers):
        body = b"".join(h.pieces())
        manifest = json.loads(body)
        with self.lock:
            now = self.manifests.get((h.repo, h.name))
            if h.headers.get("If-Match") and (now is None or h.headers["If-Match"] != '"%s"' % digest_of(now[1])):
                return h.say(412, error("PRECONDITION", "changed meanwhile"))
            lacks = self.lacking(h.repo, manifest) if not h.name.startswith("sha256-") else []
            if lacks:
                return h.say(400, {"errors": [{"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown to registry", "detail": d} for d in lacks]})
            kept = (h.headers.get("Content-Type"), body)
            self.manifests[h.repo, h.name] = self.manifests[h.repo, digest_of(body)] = kept
        if self.referrers and "subject" in manifest:
            headers["OCI_Subject"] = manifest["subject"]["digest"]
        headers.setdefault("Docker_Content_Digest", digest_of(body))
        return h.say(201, Location="/v2/%s/manifests/%s" % (h.repo, digest_of(body)), **{k: v for k, v in headers.items() if v})


# ---- kinds of registries ----

USER, PASSWORD = "robot$far side", "canary: pass word"


def basic(user, password):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


class TokenHandler(Handler):
    def answer(self, body):
        s, query = self.server, urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if self.command == "POST":
            query = urllib.parse.parse_qs(body.decode())
        s.scopes.append([w for x in query.get("scope", []) for w in x.split()])
        if self.headers.get("Authorization") != basic(USER, PASSWORD):
            return self.say(401, error("UNAUTHORIZED", "incorrect username or password"))
        granted = [x for x in s.scopes[-1] if s.grants(x)]
        return self.say(200, {"token": "canary." + base64.urlsafe_b64encode(json.dumps(granted).encode()).decode().rstrip("="), "expires_in": 300})


class TokenServer(Peer, socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Tokens that say what they are good for, at another port than the registry's."""

    def __init__(self, grants=lambda scope: True):
        super().__init__(("127.0.0.1", 0), TokenHandler)
        self.scopes, self.grants = [], grants
        self.begin("")


class BearerRegistry(Registry):
    realm_path, service = "/token", "registry"

    def __init__(self, lie="", grants=lambda scope: True, **script):
        self.tokens = TokenServer(grants)
        super().__init__(lie, **script)

    def end(self):
        self.tokens.end()
        super().end()

    def needed(self, h):
        if h.repo is None:
            return []
        out = ["repository:%s:%s" % (h.repo, "pull" if h.command in ("GET", "HEAD") else "pull,push")]
        return out + (["repository:%s:pull" % h.one("from")] if h.one("mount") and h.one("from") else [])

    def allowed(self, h, needed):
        sent = h.headers.get("Authorization") or ""
        if not sent.startswith("Bearer canary."):
            return False
        text = sent[len("Bearer canary."):]
        granted = {}
        for scope in json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))):
            granted.setdefault(scope.split(":")[1], set()).update(scope.split(":")[2].split(","))
        return all(set(x.split(":")[2].split(",")) <= granted.get(x.split(":")[1], set()) for x in needed)

    def before(self, h):
        needed = self.needed(h)
        if not self.allowed(h, needed):
            scope = ',scope="%s"' % " ".join(needed) if needed else ""
            h.say(401, error("UNAUTHORIZED", "authentication required"), WWW_Authenticate='Bearer realm="http://127.0.0.1:%d%s",service="%s"%s' % (
                self.tokens.server_port, self.realm_path, self.service, scope))
            return True
        return super().before(h)


class Expires(BearerRegistry):
    """Tokens that are no longer good when a blob is asked for by this method, so often."""
    left, method = 0, "GET"

    def before(self, h):
        if h.command == self.method and h.what == "blobs" and self.left > 0:
            self.left -= 1
            h.say(401, error("UNAUTHORIZED", "expired"), WWW_Authenticate='Bearer realm="http://127.0.0.1:%d/token",service="registry",error="invalid_token"' % self.tokens.server_port)
            return True
        return super().before(h)


class Hub(BearerRegistry):
    """Docker Hub: tokens from elsewhere, absolute locations, and pulls that are counted: 429 with when to come again."""
    secure_location, service = "absolute", "registry.docker.io"

    def __init__(self, lie="", limited=2, **script):
        self.limited = limited
        super().__init__(lie, **script)

    def before(self, h):
        if super().before(h):
            return True
        if h.what == "manifests" and h.command in ("GET", "HEAD") and self.limited > 0:
            self.limited -= 1
            h.say(429, error("TOOMANYREQUESTS", "You have reached your pull rate limit."), Retry_After="1", ratelimit_limit="100;w=21600", ratelimit_remaining="0;w=21600",
                  docker_ratelimit_source="192.0.2.1")
            return True
        return False


class Harbor(BearerRegistry):
    """Harbor: a project must be there before anything is pushed into it; every answer sets cookies, and who sends one back
    is a browser and must show that it means it; a quota that is found full at the manifest; tags that do not move."""
    realm_path, service = "/service/token", "harbor-registry"
    always = {"Set_Cookie": "sid=canary-cookie; Path=/; HttpOnly", "X_Harbor_Csrf_Token": "canary-csrf"}
    projects, quota, immutable = ("shop",), None, ()
    veiled = False  # what is not there is not told from what is not allowed (goharbor/harbor 890, 966)

    def before(self, h):
        if super().before(h):
            return True
        if h.headers.get("Cookie") and h.command not in ("GET", "HEAD"):
            h.say(403, error("FORBIDDEN", "CSRF token invalid"))
            return True
        if h.repo is not None and h.repo.split("/")[0] not in self.projects:
            if self.veiled:
                h.say(401, error("UNAUTHORIZED", "unauthorized to access repository: %s, action: push: unauthorized to access repository: %s, action: push" % (h.repo, h.repo)),
                      WWW_Authenticate='Bearer realm="http://127.0.0.1:%d/service/token",service="harbor-registry"' % self.tokens.server_port)
            else:
                h.say(404, error("NOT_FOUND", "project %s not found" % h.repo.split("/")[0]))
            return True
        return False

    def put_manifest(self, h):
        if h.name in self.immutable and (h.repo, h.name) in self.manifests:
            return h.say(412, error("PRECONDITION", "Failed to process request due to '%s:%s' configured as immutable." % (h.repo, h.name)))
        if self.quota is not None and sum(len(b) for _, b in self.blobs.values()) > self.quota:
            return h.say(403, error("DENIED", "adding 1.2 MiB of storage resource, which when updated to current usage will exceed the configured upper limit of 1.0 MiB."))
        return super().put_manifest(h)


class GitLab(BearerRegistry):
    """GitLab: the token service grants what lies in the group; a mount needs one token for both repositories; slow."""
    realm_path, service = "/jwt/auth", "container_registry"

    def __init__(self, lie="", group="group", **script):
        super().__init__(lie, grants=lambda scope: scope.split(":")[1].split("/")[0] == group, **script)

    def before(self, h):
        time.sleep(0.03)
        return super().before(h)


class ECR(Registry):
    """ECR: Basic with the user AWS, repositories that must be there, no mounts, pieces of at least 5 MiB, 201 to PATCH with
    a Range that may be behind, no Docker-Content-Digest on manifests, nothing said of an upload's progress."""
    mounts, chunk_status, chunk_least = False, 201, 5 << 20
    repositories, hangs_up = (), False  # hangs_up: aws/containers-roadmap 1970

    def before(self, h):
        if h.headers.get("Authorization") != basic("AWS", PASSWORD):
            h.say(401, b"Not Authorized\n", WWW_Authenticate='Basic realm="https://%s/",service="ecr.amazonaws.com"' % self.host)
            return True
        if h.repo is not None and h.repo not in self.repositories:
            if self.hangs_up and h.command == "POST":
                raise ConnectionError
            h.say(404, error("NAME_UNKNOWN", "The repository with name '%s' does not exist in the registry with id '123456789012'" % h.repo))
            return True
        return super().before(h)

    upload_get = upload_delete = Registry.not_allowed

    def put_manifest(self, h):
        return super().put_manifest(h, Docker_Content_Digest=None)


KINDS = {"plain": Registry, "hub": Hub, "harbor": Harbor, "gitlab": GitLab, "ecr": ECR}


# ---- a daemon ----

class DaemonHandler(Handler):
    def address_string(self):
        return "local"

    def any(self):
        s = self.server
        s.requests.append({"method": self.command, "path": self.path, **{k: v for k, v in self.headers.items()}})
        try:
            planned = s.steps.get(self.step())
            if not planned or not planned(self):
                super().any()
        except (ConnectionError, EOFError, ValueError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = any

    def step(self):
        """What it is asked for: version, info, list, load, save, inspect, tag, remove, container."""
        path = re.sub(r"^/v1\.\d+", "", urllib.parse.urlsplit(self.path).path)
        fixed = {"/version": "version", "/info": "info", "/images/json": "list", "/images/load": "load", "/images/get": "save"}
        return fixed.get(path) or ("container" if path.startswith("/containers/") else "remove" if self.command == "DELETE" else "tag" if path.endswith("/tag") else "inspect")

    def answer(self, body):
        s, url = self.server, urllib.parse.urlsplit(self.path)
        path, query = re.sub(r"^/v1\.\d+", "", urllib.parse.unquote(url.path)), dict(urllib.parse.parse_qsl(url.query))
        with s.lock:
            if path == "/images/get":
                return self.say(200, s.saved)
            if path.startswith("/containers/"):
                return self.say(404, {"message": "No such container"})
            if path == "/version":
                return self.say(200, {"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux", "Arch": "amd64"})
            if path == "/info":
                return self.say(200, {"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]], "DockerRootDir": "/nowhere"})
            if path == "/images/json":
                return self.say(200, [self.image(i) for i in s.images if s.lie != "image is not listed"])
            if path == "/images/load":
                return self.load(body)
            m = re.fullmatch(r"/images/(.+?)(/json|/tag)?", path)
            found = s.find(m[1]) if m else None
            if found is None or (s.lie == "image is not shown" and m[2] == "/json"):
                return self.say(404, {"message": "No such image"})
            if self.command == "DELETE":
                return self.remove(m[1], found)
            if m[2] == "/tag":
                if s.lie == "tag is refused":
                    return self.say(500, {"message": "no \x1b[2J tags"})
                if s.lie != "tag is not set":
                    s.names["%s:%s" % (query["repo"], query["tag"])] = found
                return self.say(201)
            return self.say(200, self.image(found))

    def image(self, id):
        s, c = self.server, json.loads(self.server.images[id])
        layers = [OTHER] if s.lie == "other layers" else c["rootfs"]["diff_ids"]
        return {"Id": id, "RepoTags": [n for n, i in s.names.items() if i == id] or None, "Os": c["os"], "Architecture": c["architecture"],
                "RootFS": {"Type": "layers", "Layers": layers}}

    def load(self, body):
        s, lines = self.server, []
        s.bodies.append(body)
        if s.lie == "error inside a 200":
            return self.say(200, b'{"errorDetail":{"message":"no space \\u001b[2J left on device"},"error":"x"}\r\n')
        if s.lie == "answer is cut":
            return self.say(200, b'{"stream":"Loaded ima')
        with tarfile.open(fileobj=io.BytesIO(body)) as t:
            for entry in json.load(t.extractfile("manifest.json")):
                config = t.extractfile(entry["Config"]).read()
                s.images[digest_of(config)] = config
                for n in entry["RepoTags"] or []:
                    s.names[n] = digest_of(config)
                lines.append("Loaded image ID: " + digest_of(config))
        if s.lie == "another name":
            lines.append("Loaded image: evil.example/x:1")
        return self.say(200, b"".join(json.dumps({"stream": x + "\n"}).encode() + b"\r\n" for x in lines))

    def remove(self, what, id):
        s = self.server
        s.names = {n: i for n, i in s.names.items() if n != what and not (what == id and i == id)}
        if id not in s.names.values():
            del s.images[id]
        return self.say(200, [])


class Daemon(Peer, socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    def __init__(self, path, lie=""):
        super().__init__(path, DaemonHandler)
        self.images, self.names = {}, {}  # ID: config; name: ID
        self.steps = {}  # step: a function of the handler that answers in place of the honest one, and returns True
        self.requests, self.bodies, self.saved = [], [], b""
        self.host = "unix://" + os.path.abspath(path)
        self.begin(lie)

    def handle_error(self, *about):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ValueError)):
            super().handle_error(*about)

    def find(self, what):
        if what in self.images:
            return what
        return next((i for n, i in self.names.items() if what in (n, n.replace("docker.io/library/", "").replace("docker.io/", ""))), None)


def main():
    """peers.py KIND PORT-FILE LOG [NAME=JSON...]: such a registry until SIGTERM; LOG then has its requests, a JSON line each."""
    r = KINDS[sys.argv[1]](**{k: json.loads(v) for k, v in (x.split("=", 1) for x in sys.argv[4:])})

    def write(*_):
        with open(sys.argv[3] + ".new", "w") as f:
            for q in list(r.requests):
                f.write(json.dumps(q) + "\n")
        os.rename(sys.argv[3] + ".new", sys.argv[3])

    def end(*_):
        write()
        os._exit(0)
    signal.signal(signal.SIGUSR1, write)
    signal.signal(signal.SIGTERM, end)
    with open(sys.argv[2] + ".new", "w") as f:
        f.write("%s\n" % r.host.split(":")[1])
    os.rename(sys.argv[2] + ".new", sys.argv[2])
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
