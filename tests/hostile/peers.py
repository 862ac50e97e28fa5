"""A registry and a Docker daemon that keep what they are given and lie in one point, for tests of unpack.  They do what
the protocols ask of an honest one and no more, and they remember every request."""

import hashlib
import http.server
import io
import json
import os
import re
import socketserver
import tarfile
import threading
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


# ---- a registry ----

class RegistryHandler(Handler):
    def answer(self, body):
        s, url = self.server, urllib.parse.urlsplit(self.path)
        m = re.fullmatch(r"/v2/(.+)/(blobs|manifests)/(.*)", url.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/v2/":
            return self.say(200, {})
        if m is None:
            return self.say(404)
        repo, kind, what = m.groups()
        with s.lock:
            if kind == "blobs" and what.startswith("uploads/"):
                return self.upload(repo, what, query, body)
            kept = s.blobs if kind == "blobs" else s.manifests
            if self.command == "PUT":
                kept[repo, what] = (self.headers.get("Content-Type"), body)
                kept[repo, digest_of(body)] = kept[repo, what]
                return self.say(201, Docker_Content_Digest=digest_of(body))
            found = kept.get((repo, what))
            if found is None or (s.lie == "tag is gone" and kind == "manifests" and ":" not in what):
                return self.say(404)
            shown = OTHER if s.lie == "tag shows another" and ":" not in what else digest_of(found[1])
            return self.say(200, found[1], Content_Type=found[0] or "application/octet-stream", Docker_Content_Digest=shown)

    def upload(self, repo, what, query, body):
        s = self.server
        if self.command == "POST":
            have = s.blobs.get((query.get("from"), query.get("mount")))
            if have is not None and s.lie != "no mounts":
                s.blobs[repo, query["mount"]] = have
                return self.say(201, Docker_Content_Digest=query["mount"])
            return self.say(202, Location="/v2/%s/blobs/uploads/1" % repo)
        if digest_of(body) != query.get("digest"):
            return self.say(400, {"errors": [{"code": "DIGEST_INVALID"}]})
        s.blobs[repo, query["digest"]] = (None, body)
        return self.say(201, Docker_Content_Digest=query["digest"])


class Registry(Peer, socketserver.ThreadingMixIn, http.server.HTTPServer):
    def __init__(self, lie=""):
        super().__init__(("127.0.0.1", 0), RegistryHandler)
        self.blobs, self.manifests = {}, {}
        self.host = "127.0.0.1:%d" % self.server_port
        self.begin(lie)

    def tags(self):
        return sorted("%s:%s" % k for k in self.manifests if ":" not in k[1])


# ---- a daemon ----

class DaemonHandler(Handler):
    def address_string(self):
        return "local"

    def answer(self, body):
        s, url = self.server, urllib.parse.urlsplit(self.path)
        path, query = re.sub(r"^/v1\.\d+", "", urllib.parse.unquote(url.path)), dict(urllib.parse.parse_qsl(url.query))
        with s.lock:
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
        self.images, self.names = {}, {}
        self.host = "unix://" + os.path.abspath(path)
        self.begin(lie)

    def find(self, what):
        if what in self.images:
            return what
        return next((i for n, i in self.names.items() if what in (n, n.replace("docker.io/library/", "").replace("docker.io/", ""))), None)
