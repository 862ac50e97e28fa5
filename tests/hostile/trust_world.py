"""What the rows under a trust file are made of: keys, statements written from bundles/FORMAT.md and signed by openssl, sites with a
past, and one run of the program at such a site.  Nothing here shares code with gapferry."""

import base64
import hashlib
import json
import os
import shutil
import stat
import subprocess
import threading
import time

from model import Key, sha256

NOW = int(time.time())
DAY = 86400
TYPE = "urn:gapferry:%s:v1"


def at(t):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))


SIGNATURES = {}


def signature(key, text):
    """Made once, so that twins are the same bytes."""
    if (key.id, text) not in SIGNATURES:
        SIGNATURES[key.id, text] = key.raw(text)
    return SIGNATURES[key.id, text]


class Files(dict):
    """name: bytes; what lies in one directory."""

    def signed(self, name, text, *keys, hint=None, raw=None):
        self[name] = text
        for i, k in enumerate(keys):
            sig = signature(k, text) if raw is None else raw
            self["%s.%s.sig" % (name, hint or k.id[:16])] = base64.b64encode(sig) + b"\n"
        return self

    def statement(self, kind, text, *keys, **more):
        """Under the name that companions of that kind have."""
        return self.signed("%s-%s.json" % (kind, sha256(text)[:16]), text, *keys, **more)


def statement(kind, predicate, subject):
    return json.dumps({"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": TYPE % kind, "predicate": predicate}, indent=2).encode() + b"\n"


def about(manifest):
    return [{"name": "META/manifest.json", "digest": {"sha256": sha256(manifest)}}]


class World:
    """Keys, a trust file of them, and bundles made of one good one."""

    def __init__(self, dir, good, rel):
        self.good = good
        names = ("root1", "root2", "root3", "rel2", "oth", "carol", "dave", "erin", "lab", "evil")
        self.keys = {n: Key(dir, n) for n in names}
        self.keys["rel"] = rel

    def __getitem__(self, names):
        return [self.keys[n] for n in names.split()]

    def key(self, holder, public=None):
        k = self.keys[holder]
        return k.id, {"holder": holder, "type": "spki", "public": public or read(k.pub)}

    def trust(self, version=1, edit=None, holders="root1 root2 rel oth carol dave erin lab", **more):
        """The predicate of a trust file, changed by edit(predicate), as a statement."""
        def role(names, threshold=1):
            return {"keys": [self.keys[n].id for n in names.split()], "threshold": threshold}
        p = {"version": version, "created": at(NOW - 20 * DAY + version), "expires": at(NOW + 300 * DAY), "keys": dict(self.key(n) for n in holders.split()),
             "roles": {"root": role("root1 root2", 2), "release": role("rel"), "other": role("oth"), "approver:prod": role("carol dave", 2), "permit": role("erin"),
                       "receipt:test": role("lab")},
             "streams": {"shop": {"release": "release", "epoch": 1, "environments": {"test": {}, "prod": {"approvers": "approver:prod"}, "late": {"after": ["test"]}}},
                         "shop-eu": {"release": "other", "epoch": 1, "environments": {"test": {}}}}}
        p.update(more)
        if edit:
            edit(p, role)
        return statement("trust", p, [])

    def manifest(self, **more):
        o = json.loads(self.good.statement())
        p = o["predicate"]
        p.update(created=at(NOW - DAY))
        p.update(more)
        for k in [k for k, v in p.items() if v is None]:
            del p[k]
        return json.dumps(o, indent=1).encode() + b"\n"

    def bundle(self, text, *keys):
        """text as META/manifest.json of the good bundle, signed by keys (rel)."""
        b = self.good.copy()
        created = json.loads(text)["predicate"].get("created") if text.startswith(b"{") else None
        try:
            mtime = int(time.mktime(time.strptime(created, "%Y-%m-%dT%H:%M:%SZ"))) - time.timezone
        except (TypeError, ValueError):
            mtime = b.mtime
        if 0 <= mtime < 8**11:
            b.mtime = mtime
            b.members = [b.make(m.name, m.data) for m in b.members]
        b.members[0] = b.make("META/manifest.json", text)
        b.sign(*[k.file(text, signature(k, text)) for k in (keys or (self.keys["rel"],))])
        return b.bytes()

    def word(self, manifest, kind="approval", **more):
        """An approval or a permit of that manifest, as carol would write it."""
        p = json.loads(manifest)["predicate"]
        o = {"decision": "approve", "sites": ["a"], "environment": "prod", "stream": p["stream"], "epoch": p["epoch"], "sequence": p["sequence"],
             "created": at(NOW - 600), "expires": at(NOW + DAY), "reason": "OPS-1"}
        if kind == "permit":
            del o["decision"]
            o = {"waives": ["sequence"], **o}
        o.update(more)
        return statement(kind, {k: v for k, v in o.items() if v is not None}, about(manifest))

    def receipt(self, manifest, **more):
        p = json.loads(manifest)["predicate"]
        o = {"site": "lab", "environment": "test", "stream": p["stream"], "epoch": p["epoch"], "sequence": p["sequence"], "result": "complete",
             "checks": {"signature": "passed"}, "trust": {"signers": [self.keys["rel"].id]}, "configSha256": "0" * 64, "approvals": [], "images": [],
             "bytes": {"read": 0, "held": 0}, "log": {"size": 1, "root": "0" * 64}, "created": at(NOW - 600)}
        o.update(more)
        return statement("receipt", o, about(manifest))


class Case:
    """bundle: bytes; beside: Files in b.tar.d; trust: (text, Files) in force at the site; past: bundles loaded before, (bytes, environment);
    apply: files and arguments of trust apply (by default the companions); bare: nothing is installed; upset(dir): something done there
    before the program runs."""

    def __init__(self, bundle=None, beside=None, trust=None, past=(), apply=None, environment="prod", bare=False, upset=None):
        self.bundle, self.beside, self.trust, self.past, self.apply, self.environment, self.bare = bundle, beside or Files(), trust, past, apply, environment, bare
        self.upset = upset


class Run:
    def __init__(self, program, fresh, clean_env, bad_bytes):
        self.program, self.fresh, self.clean_env, self.bad_bytes = program, fresh, clean_env, bad_bytes
        self.sites, self.lock = {}, threading.Lock()

    def say(self, dir, *argv):
        return subprocess.run([self.program, *argv], cwd=dir, env=self.clean_env(dir), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)

    def site(self, case):
        """A copy of the state of a site with that trust file and that past."""
        text, files = case.trust
        tag = sha256(repr((text, sorted(files.items()), case.past)).encode())
        with self.lock:
            if tag not in self.sites:
                dir = self.fresh()
                lay(dir, files)
                environments(dir)
                p = self.say(dir, "trust", "apply", "t.json", "--sha256", sha256(text), "--site", "a")
                assert p.returncode == 0, p.stderr
                for bundle, environment in case.past:
                    put(os.path.join(dir, "b.tar"), bundle)
                    p = self.say(dir, "unpack", "-q", "--env", environment, "b.tar")
                    assert p.returncode == 0, p.stderr
                self.sites[tag] = os.path.join(dir, "state")
        return self.sites[tag]

    def argv(self, verb, case):
        return {"verify": ["verify", "--env", case.environment, "b.tar"], "unpack": ["unpack", "--env", case.environment, "b.tar"], "inspect": ["inspect", "b.tar"],
                "approve": ["approve", "--env", case.environment, "--site", "a", "--key", "carol.pem", "b.tar"],
                "permit": ["permit", "--env", case.environment, "--site", "a", "--waive", "sequence", "--expires", "1d", "--reason", "x", "--key", "carol.pem", "b.tar"],
                "apply": ["trust", "apply", *(case.apply[1] if case.apply else ("--with", "b.tar.d"))]}[verb]

    def __call__(self, verb, case, want, carol):
        """Complaints; want: (status, name)."""
        dir, bad = self.fresh(), []
        environments(dir)
        if not case.bare:
            shutil.copytree(self.site(case), os.path.join(dir, "state"))
        if case.bundle is not None:
            put(os.path.join(dir, "b.tar"), case.bundle)
        if case.beside:
            os.mkdir(os.path.join(dir, "b.tar.d"))
            lay(os.path.join(dir, "b.tar.d"), case.beside)
        if case.apply:
            lay(dir, case.apply[0])
        if case.upset:
            case.upset(dir)
        shutil.copy(carol.pem, os.path.join(dir, "carol.pem"))
        before, lines = tree(dir), log(dir)
        began = time.monotonic()
        p = self.say(dir, *self.argv(verb, case), "--json", *(() if verb == "apply" else ("--progress=none",)))
        took = time.monotonic() - began
        try:
            o = json.loads(p.stdout)
            found = (p.returncode, o.get("error", {}).get("name", ""))
        except ValueError:
            o, found = {}, (p.returncode, "no JSON: %r" % p.stdout[:200])
        if found != want:
            bad.append("expected %s, found %s: %s" % (want, found, o.get("error", {}).get("text", "") or p.stderr.decode(errors="replace")[-500:]))
        if self.bad_bytes(p.stdout) or self.bad_bytes(p.stderr):
            bad.append("control characters in the output")
        if took > 30:
            bad.append("it took %d s" % took)
        after = tree(dir)
        changed = sorted(k for k in set(before) | set(after) if before.get(k) != after.get(k))
        types = [x["type"] for x in log(dir)[len(lines):]]
        if verb in ("verify", "inspect") and changed:
            bad.append("changed: %s" % changed[:4])
        if found[0] != 0 and verb in ("approve", "permit", "apply") and [k for k in changed if k != "state" and not k.startswith("state/lock")]:
            # the first trust apply may make an empty state
            made = [k for k in changed if not (case.bare and k in ("state", "state/audit.jsonl", "state/records"))]
            bad += ["changed: %s" % made[:4]] if [k for k in made if not k.startswith("state/lock")] else []
        if found[0] != 0 and verb == "unpack":
            if [k for k in changed if not k.startswith("state")]:
                bad.append("changed: %s" % [k for k in changed if not k.startswith("state")][:4])
            if set(types) - {"trust", "rejected"} != ({"refused"} if found[0] in (3, 4) else set()) or types.count("refused") > 1:
                bad.append("the log says %s" % types)
        if found[0] == 0 and verb == "unpack" and "complete" not in types:
            bad.append("done, and the log says %s" % types)
        shutil.rmtree(dir)
        return bad


def read(path):
    with open(path) as f:
        return f.read()


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)


def lay(dir, files):
    for name, data in files.items():
        put(os.path.join(dir, name), data)


def environments(dir):
    path = os.path.join(dir, "config", "environments")
    os.makedirs(path)
    for e in ("test", "prod", "late"):
        put(os.path.join(path, e + ".yaml"), ("environment: %s\ntargets: [{oci: \"%s/out-%s\"}]\n" % (e, dir, e)).encode())


def tree(dir):
    out = {}
    for root, dirs, files in os.walk(dir):
        for name in dirs:
            out[os.path.relpath(os.path.join(root, name), dir)] = None
        for name in files:
            path = os.path.join(root, name)
            out[os.path.relpath(path, dir)] = os.readlink(path) if os.path.islink(path) else "special"
            if stat.S_ISREG(os.lstat(path).st_mode):
                with open(path, "rb") as f:
                    out[os.path.relpath(path, dir)] = hashlib.sha256(f.read()).digest()
    return out


def log(dir):
    path = os.path.join(dir, "state", "audit.jsonl")
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [json.loads(x) for x in f]
