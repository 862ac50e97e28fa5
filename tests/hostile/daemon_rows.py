"""Group D of the table: Docker daemons that refuse, break off, lie and never end, and what unpack, pack and trace make of them.
Each row is one daemon that does one thing wrong at one step; afterwards nothing is left in it that has no name and was not
there before, no file is left here, no secret was said to it.  The twin is the same daemon without the lie: the same command
again, which must finish the work.

A daemon that has the whole stream and says nothing is waited for: unpacking takes what it takes, and Ctrl-C ends it.  A drip of a
byte a second is not told from a slow daemon."""

import base64
import concurrent.futures
import io
import itertools
import json
import os
import shutil
import socket
import tarfile
import time

from model import archive, image, layer
from peers import OTHER, PASSWORD, USER, Daemon, digest_of
from program import Program, files_of

MIB = 1 << 20
EARLIER = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
NASTY = "bad \x1b]0;x\x07\u202e/etc/passwd\r\nok: loaded"


# ---- what a step does ----

def ours(work):
    """Only for the image that is loaded, not for one that is there."""
    return lambda h: digest_of(EARLIER) not in h.path and work(h)


def says(status, body=b"", **headers):
    """That answer, after the request has been read."""
    def work(h):
        h.body()
        h.say(status, body, **headers)
        return True
    return work


def raw(*pieces, wait=0.0, read=True):
    """Those bytes as they stand, and the end of the connection."""
    def work(h):
        h.close_connection = True
        if read:
            h.body()
        for x in pieces:
            h.wfile.write(x)
            h.wfile.flush()
            if wait:
                time.sleep(wait)
        return True
    return work


def hangs_up(after=0):
    """The connection ends after so many bytes of the request's body."""
    def work(h):
        h.close_connection = True
        if after:
            h.rfile.read(after)
        h.connection.shutdown(socket.SHUT_RDWR)
        return True
    return work


def endless(head, piece):
    """At most 1 GiB."""
    def work(h):
        h.close_connection = True
        h.body()
        h.wfile.write(head)
        for _ in range(1 + (1 << 30) // len(piece)):
            h.wfile.write(piece)
        return True
    return work


def instead(change):
    """The honest answer, changed: change(bytes) -> (status, bytes)."""
    def work(h):
        taken, h.say = [], lambda status, body=b"", **_: taken.append((status, body if isinstance(body, bytes) else json.dumps(body).encode()))
        h.answer(h.body())
        del h.say
        status, body = change(taken[0][1])
        h.say(status, body)
        return True
    return work


def loads(body, status=200):
    """The image is taken, and that is said of it."""
    return instead(lambda _: (status, body))


def fields(**more):
    """The object of the honest answer with other values; None takes one out."""
    def change(body):
        o = {**json.loads(body), **more}
        return 200, json.dumps({k: v for k, v in o.items() if v is not None}).encode()
    return instead(change)


def times(n, work, skip=0):
    """Only for the first n requests behind the first skip ones."""
    count = itertools.count()

    def step(h):
        return skip <= next(count) < skip + n and work(h)
    return step


def line(**o):
    return json.dumps(o).encode() + b"\r\n"


LOADED = line(stream="Loaded image ID: %s\n" % OTHER)


class Run:
    """One daemon, one command, and the command again with the daemon honest."""

    def __init__(self, program, pem, pub, fresh, clean_env, bad_bytes):
        self.program, self.pem, self.pub, self.fresh, self.bad_bytes = program, pem, pub, fresh, bad_bytes
        self.run = Program(program, clean_env, bad_bytes)

    def argv(self, verb, host, pipe):
        return {"unpack": ["unpack", "--key", self.pub, "--to", "docker-daemon:", "-" if pipe else "b.tar"],
                "pack": ["pack", "-o", "out.tar", "--key", self.pem, "--layers", "none", "docker-daemon:acme/app:1.0"],
                "pack by ID": ["pack", "-o", "out.tar", "--key", self.pem, "--layers", "none", "docker-daemon:" + self.id],
                "trace": ["trace", "acme/app:1.0"], "trace a container": ["trace", "web"]}[verb] + ["-H", host, "--json"] + ([] if verb.startswith("trace") else ["--progress=none"])

    def __call__(self, verb, want, bundle, saved, steps=None, lie="", names=(), left=0, word=None, pipe=False, after=None, look=None, setup=None):
        """names: those that stand after the bad run; left: images without a name that it could not remove; word: a part of the
        message; after: what the second run gives (default: done)."""
        dir = self.fresh()
        os.mkdir(os.path.join(dir, "tmp"))
        os.mkdir(os.path.join(dir, ".docker"))
        auth = base64.b64encode(("%s:%s" % (USER, PASSWORD)).encode()).decode()
        with open(os.path.join(dir, ".docker", "config.json"), "w") as f:
            json.dump({"auths": {"localhost": {"auth": auth}, "https://index.docker.io/v1/": {"auth": auth}}}, f)
        if verb == "unpack" and not pipe:
            with open(os.path.join(dir, "b.tar"), "wb") as f:
                f.write(bundle)
        d = Daemon(os.path.join(dir, "d.sock"), lie)
        d.images[digest_of(EARLIER)], d.names["docker.io/acme/earlier:1"] = EARLIER, digest_of(EARLIER)
        if verb != "unpack":
            self.stock(d, saved)
        before = dict(d.names), set(d.images)
        d.steps = dict(steps or {})
        if setup:
            setup(d)
        stdin = bundle if pipe else None
        self.run.clean_env(dir)
        files = files_of(dir)
        r = self.run(dir, self.argv(verb, d.host, pipe), stdin, secrets=(PASSWORD, auth))
        bad = r.bad + r.differs(want, word)
        bad += self.state_of(d, before, names if verb == "unpack" else (), left)
        if want[0] != 0:
            new = [n for n in files_of(dir) if n not in files and not n.startswith("state")]
            bad += ["left behind: %s" % new] if new else []
            bad += ["the message does not say of what: %s" % r.err] if not any(x in r.err for x in (b"daemon", b"acme/", b"sock")) else []
            if r.types(dir) & {"complete", "loaded"}:
                bad.append("the log says %s" % r.types(dir))
        bad += ["%s was sent to it" % k for q in d.requests for k in q if k.lower() in ("authorization", "x-registry-auth", "x-registry-config", "cookie")]
        bad += ["%s" % what for what, well in (look(d, r) if look else ()) if not well]
        # the twin
        d.steps, d.lie = {}, ""
        twin = self.run(dir, self.argv(verb, d.host, pipe), stdin, secrets=(PASSWORD, auth))
        bad += ["again: " + x for x in twin.bad + twin.differs(after or ((3, "not-traced") if verb.startswith("trace") else (0, "")))]
        if verb == "unpack" and after is None:
            bad += [] if {n: i for n, i in d.names.items() if n in before[0]} == before[0] and len(d.names) > len(before[0]) else ["again: names are %s" % sorted(d.names)]
        d.end()
        shutil.rmtree(dir)
        return bad, r

    def state_of(self, d, before, names, left):
        bad = []
        if sorted(set(d.names) - set(before[0])) != sorted(names) or any(d.names.get(n) != i for n, i in before[0].items()):
            bad.append("names are %s" % sorted(d.names))
        unnamed = [i for i in d.images if i not in before[1] and i not in d.names.values()]
        if len(unnamed) != left:
            bad.append("%d images without a name" % len(unnamed))
        if before[1] - set(d.images):
            bad.append("an earlier image is gone")
        return bad

    def stock(self, d, saved):
        with tarfile.open(fileobj=io.BytesIO(saved)) as t:
            config = t.extractfile(json.load(t.extractfile("manifest.json"))[0]["Config"]).read()
        self.id = digest_of(config)
        d.saved, d.images[self.id], d.names["docker.io/acme/app:1.0"] = saved, config, self.id


def rows(run, one, two, big, saved):
    """one: a bundle of acme/app:1.0; two: of that and of acme/again:1.0; big: with a layer of 6 MiB; saved: a docker save of the first."""
    todo = []
    APP, AGAIN = "docker.io/acme/app:1.0", "docker.io/acme/again:1.0"
    with tarfile.open(fileobj=io.BytesIO(saved)) as t:
        run.id = "sha256:" + json.load(t.extractfile("manifest.json"))[0]["Config"][:64]

    def row(id, what, steps, want, verb="unpack", bundle=one, **more):
        todo.append(("%s - %s: %s" % (id, verb, what), lambda: run(verb, want, bundle, saved, steps, **more)))

    def refused(name, status=5):
        return (status, name)

    # the honest one, and D31: what it was sent is what the format allows
    def stream(d, _):
        names = [m.name for m in tarfile.open(fileobj=io.BytesIO(d.bodies[-1])).getmembers()]
        entry = json.load(tarfile.open(fileobj=io.BytesIO(d.bodies[-1])).extractfile("manifest.json"))
        blobs = [n for n in names if n.startswith("blobs/sha256/") and len(n) == 77]
        yield "members %s" % names, len(set(names)) == len(names) and sorted(set(names) - set(blobs)) == ["index.json", "manifest.json", "oci-layout"] and len(blobs) == 4
        yield "it was sent names: %s" % entry, len(entry) == 1 and not entry[0].get("RepoTags")
    row("D31", "an honest daemon is sent one image without names, and nothing else", {}, (0, ""), names=[APP], look=stream)
    row("D31", "through a pipe", {}, (0, ""), names=[APP], pipe=True)

    # D01-D04, D08, D17: what a 200 of /images/load holds.  taken: the image is there all the same
    for what, body in (
            ("error", line(error="no")), ("errorDetail", line(errorDetail={"message": "no"})), ("both", line(errorDetail={"message": "no"}, error="no")),
            ("errorDetail without a message", line(errorDetail={"code": 1})), ("errorDetail that is nested", line(errorDetail={"message": {"message": "no"}})),
            ("error that is no text", line(error=7)), ("an error behind Loaded image", LOADED + line(error="no")), ("an error before it", line(error="no") + LOADED),
            ("an error behind 5 MiB of progress", line(stream="x" * 1000) * 5000 + line(error="no")),
            ("Error unpacking image, in plain text", LOADED + line(stream="Error unpacking image acme/app: no\n")), ("text that is no JSON", b"Loaded image: acme/app\n"),
            ("HTML", b"<html>It works!</html>"), ("an array", b'[{"stream":"x"}]'), ("an answer that stops", LOADED + b'{"stream":"Loa'), ("a key twice", b'{"error":null,"stream":"x","stream":"y"}'),
            ("NULs", bytes(100)), ("bytes that are no UTF-8", b'{"stream":"\xff\xfe"}'), ("20 levels of nothing, a hundred thousand times", b'{"a":' + b"[" * 100000),
            ("no space left on device", line(errorDetail={"message": "write /layer.tar: no space left on device"})), ("text for your terminal", line(error=NASTY))):
        word = {"no space left on device": "no space left", "text for your terminal": "bad \\x1b]0;x"}.get(what)
        want = (5, "json" if what in ("a key twice", "bytes that are no UTF-8") else "docker-load")
        row("D02", what + ", and nothing is loaded", {"load": says(200, body)}, want, word=word)
        row("D02", what + ", and the image is loaded", {"load": loads(body)}, want, word=word)
    for what, body in (("nothing", b""), ("{}", b"{}"), ("white space", b" \r\n" * 1000), ("progress alone", line(status="Loading layer", progressDetail={"current": 1, "total": 1})), ("an ID that is another", LOADED)):
        row("D04", what + ", and nothing is loaded", {"load": says(200, body)}, refused("docker-image"))
        row("D04", what + ", and the image is loaded", {"load": loads(body)}, (0, ""), names=[APP])
    row("D08", "it names the image as nobody asked", {"load": loads(line(stream="Loaded image: evil.example/x:1\n"))}, refused("docker-load"))
    row("D08", "under a name for your terminal", {"load": loads(line(stream="Loaded image: %s\n" % NASTY.replace("\n", "")))}, refused("docker-load"))
    row("D08", "ten thousand images", {"load": loads(line(stream="Loaded image: x:%d\n" % 1) * 10001)}, refused("docker-load"))

    # D05, D06: the line, and statuses
    head, half = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"stream\":"
    for step in ("version", "list", "inspect", "tag"):
        for what, work, name in (
                ("hangs up", hangs_up(), "http-broken"), ("hangs up within the status", raw(b"HTTP/1."), "http-broken"), ("hangs up within the headers", raw(head + b"Content-Le"), "json"),
                ("hangs up within the body", raw(half), "http-broken"), ("answers 500 with text for your terminal", says(500, {"message": NASTY}), ""),
                ("answers 403", says(403, {"message": "authorization denied by plugin"}), ""), ("answers 200 and HTML", says(200, b"<html>"), "json"),
                ("answers 200 and JSON of another kind", says(200, b"7"), "docker-answer" if step == "list" else "json-type"), ("answers 204", says(204), ""),
                ("answers 301 to elsewhere", says(301, b"", Location="http://127.0.0.1:1/"), "")):
            row("D05", "%s at %s" % (what, step), {step: work}, refused("docker-tag" if step == "tag" and name != "http-broken" else name or "docker-" + step))
        if step == "inspect":
            for what, work, name in (("hangs up", hangs_up(), "http-broken"), ("answers 500", says(500, {"message": NASTY}), "docker-inspect"), ("answers 404", says(404, b"{}"), "docker-image")):
                row("D05", "%s at inspect, once the image is loaded" % what, {step: ours(work)}, refused(name))
    row("D13", "tag: 200 in place of 201", {"tag": says(200, b"{}")}, refused("docker-tag"))
    for status in (404, 409, 500):
        row("D13", "tag: %d" % status, {"tag": says(status, {"message": "no such image"})}, refused("docker-tag"))
    for what, after in (("before the body", 0), ("after a byte", 1), ("after 1 MiB", MIB), ("after 6 MiB, all but the end", 6 * MIB)):
        row("D05", "load: hangs up %s" % what, {"load": hangs_up(after)}, refused("http-broken"), bundle=big)
        row("D05", "load: hangs up %s, through a pipe" % what, {"load": hangs_up(after)}, refused("http-broken"), bundle=big, pipe=True)
    row("D05", "load: hangs up before the status", {"load": raw()}, refused("http-broken"))
    row("D05", "load: hangs up within the answer", {"load": raw(half)}, refused("docker-load"))
    early = b'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 34\r\n\r\n{"message":"no such storage pool"}'
    row("D06", "load: 500 before the body, and it reads on", {"load": raw(early, read=True)}, refused("docker-load"), bundle=big, word="no such storage pool")
    row("D06", "load: 500 before the body, and it hangs up", {"load": raw(early, read=False)}, refused("docker-load"), bundle=big, word="no such storage pool")
    row("D06", "load: 200 before the body, and it hangs up", {"load": raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LOADED) + LOADED, read=False)}, refused("docker-load"), bundle=big)
    for status in (400, 404, 418, 500, 503, 507):
        row("D06", "load: %d" % status, {"load": says(status, {"message": "so it is"})}, refused("docker-load"), word="so it is")
    row("D06", "load: 307 to elsewhere is not followed", {"load": says(307, b"", Location="http://127.0.0.1:1/images/load")}, refused("docker-load"))

    # lengths that lie
    for step in ("version", "list", "load"):
        body = {"version": b'{"ApiVersion":"1.41"}', "list": b"[]", "load": LOADED}[step]
        for what, text in (("0", b"0"), ("one less", b"%d" % (len(body) - 1)), ("one more", b"%d" % (len(body) + 1)), ("-1", b"-1"), ("a word", b"x")):
            name = {"0": "docker-image" if step == "load" else "json", "one less": "docker-image" if step == "load" else "json", "one more": "docker-load" if step == "load" else "http-broken"}.get(what, "http")
            row("D07", "%s: a length of %s" % (step, what), {step: raw(head + b"Content-Length: %s\r\n\r\n" % text + body)}, refused(name))
        row("D07", "%s: chunks that lie" % step, {step: raw(head + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n" + body)}, refused("docker-load" if step == "load" else "http-broken"))
        for what, begin, piece in (("without end", head + b"\r\n", b'{"status":"x"}\r\n' * 4096), ("one object without end", head + b"\r\n", b'{"stream":"' + b"a" * 65536), ("headers without end", head, b"X: y\r\n" * 1000)):
            row("D07", "%s: %s" % (step, what), {step: endless(begin, piece)}, refused("too-large"))
    row("D07", "load: an object of 7 MiB", {"load": loads(line(stream="x" * (7 * MIB)))}, refused("too-large"))
    row("D07", "load: the answer byte by byte", {"load": times(1, lambda h: drip(h))}, (0, ""), names=[APP])
    row("D07", "load: two objects in a chunk", {"load": loads(line(status="x").strip() + line(stream="Loaded image ID: %s\n" % run.id))}, (0, ""), names=[APP])

    # D09: inspect
    for what, more, want in (("another ID", {"Id": OTHER}, "docker-image"), ("an ID that is none", {"Id": "sha256:\x1b[2J"}, "docker-image"), ("no ID", {"Id": None}, "missing-key"), ("an ID that is a number", {"Id": 7}, "json-type"),
                             ("an ID of 1 MiB", {"Id": "a" * MIB}, "docker-image"), ("no layers", {"RootFS": None}, "docker-rootfs"), ("another layer", {"RootFS": {"Layers": [OTHER]}}, "docker-rootfs"),
                             ("layers that are no digests", {"RootFS": {"Layers": ["x"]}}, "docker-answer"), ("names that are numbers", {"RepoTags": [7]}, "json-type")):
        row("D09", "inspect shows %s" % what, {"inspect": ours(fields(**more))}, (4 if want == "docker-rootfs" else 5, want))
    row("D09", "the list shows the ID twice, once with our name", {"list": times(1, instead(lambda b: (200, json.dumps(json.loads(b) + [{"Id": OTHER, "RepoTags": [APP]}]).encode())), skip=2)}, (3, "exists"))
    row("D14", "the name is there under another ID, before we begin", {}, (3, "exists"), setup=lambda d: d.names.update({APP: digest_of(EARLIER)}), after=(3, "exists"), names=[APP])
    row("D14", "somebody else takes the name while we load", {"load": takes_name(APP)}, (3, "exists"), after=(3, "exists"), names=[APP])
    row("D18", "the daemon is gone between load and tag", {"tag": lambda h: h.server.steps.update(dict.fromkeys(("list", "tag", "inspect", "remove"), hangs_up())) or hangs_up()(h)}, refused("http-broken"), left=1)

    # D15: two images
    row("D15", "the second image fails", {"load": times(1, says(200, line(error="no")), skip=1)}, refused("docker-load"), bundle=two)
    row("D15", "the second name fails", {"tag": times(1, says(500, {"message": "no"}), skip=1)}, refused("docker-tag"), bundle=two, names=[APP])

    # D10: who it says it is
    for what, more, want in (("1.12", {"ApiVersion": "1.12"}, "docker-version"), ("1.60 at the least", {"ApiVersion": "1.99", "MinAPIVersion": "1.60"}, "docker-version"), ("nothing", {"ApiVersion": ""}, "docker-version"),
                             ("a number", {"ApiVersion": 1.41}, "json-type"), ("no API version", {"ApiVersion": None}, "missing-key"), ("2.0", {"ApiVersion": "2.0"}, "docker-version"),
                             ("1.41 and a path", {"ApiVersion": "1.41/../../x"}, "docker-version"), ("1.-1", {"ApiVersion": "1.-1"}, "docker-version"), ("1.99999999999999999999", {"ApiVersion": "1.99999999999999999999"}, "docker-version"),
                             ("text for your terminal", {"ApiVersion": NASTY}, "docker-version")):
        for verb in ("unpack", "pack", "trace"):
            row("D10", "its API is %s" % what, {"version": fields(**more)}, (5 if verb == "unpack" else 1, want), verb=verb)
    row("D10", "a version of 1 MiB, and one for your terminal", {"version": fields(Version="v" * MIB + NASTY)}, (0, ""), names=[APP])
    # D30: an engine with a hole that is known is named before it is sent anything
    for version, old in (("29.6.9", True), ("20.10.24+dfsg1", True), ("29.7", False), ("29.7.0", False), ("29.7.1-rc1", False), ("30.0.0", False), ("1" + NASTY, True), ("dev", False)):
        row("D30", "it is %s" % version[:16].encode("unicode_escape").decode(), {"version": fields(Version=version)}, (0, ""), names=[APP],
            look=lambda d, r, old=old: [("warned: %s" % r.err, (b"CVE-2026-17106" in r.err) == old)])
    # D12: no daemon at all
    for what, make in (("no socket", lambda p: None), ("a file", lambda p: open(p, "w").close()), ("a directory", os.mkdir), ("a FIFO", os.mkfifo), ("a link to nothing", lambda p: os.symlink("/no/where", p))):
        for verb in ("unpack", "pack", "trace"):
            row("D12", "the socket is %s" % what, {}, (5 if verb == "unpack" else 1, "docker-connect"), verb=verb, setup=moved(make), after=(5 if verb == "unpack" else 1, "docker-connect"))

    # pack: the save
    for verb in ("pack", "pack by ID"):
        for what, work, want in (
                ("hangs up", hangs_up(), (1, "http-broken")), ("hangs up within the headers", raw(head + b"Content-"), (4, "archive-format")),
                ("breaks off in the middle", raw(head + b"Content-Length: %d\r\n\r\n" % len(saved) + saved[:len(saved) // 2]), (1, "http-broken")),
                ("breaks off at the end of a member", raw(head + b"\r\n" + saved[:1024]), (4, "archive-format")), ("stops without an end", raw(head + b"\r\n" + saved[:-1536]), (4, "cut-short")),
                ("says 500", says(500, {"message": NASTY}), (1, "docker-save")), ("says an error inside a 200", says(200, line(error="no")), (4, "archive-format")), ("says nothing", says(200), (4, "archive-format")),
                ("says HTML", says(200, b"<html>" + b"x" * 2000), (4, "archive-format")), ("is zeros", says(200, bytes(10240)), (4, "archive-format")),
                ("goes on without end", endless(head + b"\r\n" + saved[:512], b"x" * 65536), (4, "archive")), ("is zeros without end", endless(head + b"\r\n", bytes(65536)), (4, "archive-tail")),
                ("is another image", says(200, other_save()), (1, "docker-answer"))):
            row("D07", "the save %s" % what, {"save": work}, want, verb=verb)
        row("D09", "the ID is none", {"inspect": fields(Id="sha256:\x1b[2J")}, (1, "docker-answer"), verb=verb)
        row("D09", "it has no such image, and then has", {"inspect": says(404, {"message": NASTY})}, (1, "docker-no-image"), verb=verb)
    # trace: what runs here
    for what, work, name in (("hangs up", hangs_up(), "http-broken"), ("says 500", says(500, {"message": NASTY}), "docker-inspect"), ("says HTML", says(200, b"<html>"), "json"),
                             ("has no image ID", says(200, {"Id": "x", "Name": "/y"}), "missing-key"), ("goes on without end", endless(head + b"\r\n", b"x" * 65536), "too-large"),
                             ("has an image for your terminal", says(200, {"Id": "x", "Name": NASTY, "Image": NASTY, "Config": {"Image": NASTY}}), "docker-answer")):
        row("D09", "a container %s" % what, {"container": work}, (1, name), verb="trace a container")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for name, (bad, r) in zip([n for n, _ in todo], pool.map(lambda w: w[1](), todo)):
            yield name, bad, r


def drip(h):
    """The honest answer, a byte at a time."""
    taken = []
    h.say = lambda status, body=b"", **_: taken.append(body)
    h.answer(h.body())
    del h.say
    h.close_connection = True
    h.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for i in range(len(taken[0])):
        h.wfile.write(taken[0][i:i + 1])
        h.wfile.flush()
        time.sleep(0.002)
    return True


def takes_name(name):
    def work(h):
        h.server.names[name] = digest_of(EARLIER)
        return False
    return work


def moved(make):
    """Something else in the place of the socket."""
    def setup(d):
        path = d.host[len("unix://"):]
        os.unlink(path)
        make(path)
    return setup


def other_save():
    return archive(image([layer({"evil": b"x"})], ("evil/x:1",)).items())
