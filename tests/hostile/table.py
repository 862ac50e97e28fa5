#!/usr/bin/env python3
"""The table of bad input: runs the rows of all groups.  How a row is written: rows.py.  After every refusal nothing may be left
behind.

    table.py            run all, as TAP
    table.py --show ID  what the program says now, for those rows; peers, trust, D, F, O, text: those alone
    GAPFERRY=PROGRAM    which program
"""

import concurrent.futures
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading

from model import Bundle, archive, image, layer, run, sha256
from peers import Daemon, Registry
from quine import quine
import archive_rows  # noqa: F401 - it adds to ROWS
import daemon_rows
import file_rows
import graph_rows  # noqa: F401 - it adds to ROWS
import operator_rows
import readers
import registry_rows
import source_rows
import statement_rows  # noqa: F401 - it adds to ROWS
import text_rows
import trust_rows
import trust_world
from container_rows import head_end
from rows import *  # the words that rows are written in
from signature_rows import FFFF, MINI, commented, malleated, minisig, text_of


def snapshot(dir):
    out = {}
    for base, dirs, files in os.walk(dir):
        for n in dirs + files:
            p = os.path.join(base, n)
            st = os.lstat(p)
            out[os.path.relpath(p, dir)] = (stat.S_IFMT(st.st_mode), st.st_size if stat.S_ISREG(st.st_mode) else 0)
    return out


def argv_of(verb, key, source):
    return {
        "verify": ["verify", "--json", "--progress=none", "--key", key, source],
        "inspect": ["inspect", "--json", "--progress=none", "--key", key, source],
        "unpack": ["unpack", "--json", "--progress=none", "--key", key, "--to", "oci:out", source],
        "pack": ["pack", "--json", "--progress=none", "-o", "out.tar", "--key", rel.pem, source],
        "sign": ["sign", "--json", "--progress=none", "--key", key, source],
    }[verb]


def failing(r):
    """The one check of the verdict that fails in a row; None: its bundle is not even opened, or it is no matter."""
    if r.expect.get("verify", (0, ""))[1] == "signature":
        return "signature"
    if r.id[0] == "I" and r.expect.get("verify") == LARGE:
        return "manifest"  # which has the sizes of documents
    if r.id[0] == "I" or r.id in ("M14", "M15"):
        return "graph"
    return "manifest" if r.id[0] == "M" or r.id == "S31" else None


def judge(verb, dir, key, want, stdin=None, check=None):
    """Run one verb; a list of complaints, and what it said.  check: the one check that may have failed."""
    before = snapshot(dir)
    r = once(dir, argv_of(verb, key, "-" if stdin is not None else "b.tar"), stdin, secrets=("PRIVATE KEY", *SECRETS),
             env=dict(GAPFERRY_PASSPHRASE="x", COSIGN_PASSWORD="x") if verb == "sign" else None)
    bad = r.bad + (r.differs(want[:2]) if want else [])
    if want is not None and len(want) > 2 and want[2] not in r.text:
        bad.append("'%s' is not in: %s" % (want[2], r.text))
    if check and verb == "verify" and r.status in (3, 4):
        failed = [c["name"] for c in r.object.get("checks", []) if c["result"] == "failed"]
        if failed != [check]:
            bad.append("failed checks are %s, expected %s" % (failed, check))
    if r.status != 0:
        new = {k: v for k, v in snapshot(dir).items() if before.get(k) != v and not k.startswith(("state", "tmp", "config"))}
        # blobs that had passed may lie unreferenced in a target (DESIGN.md 3.9); a name never
        new = [k for k in new if not (verb == "unpack" and (k in ("out", "out/blobs", "out/blobs/sha256") or blob_is_whole(dir, k)))]
        if new:
            bad.append("left behind: %s" % ", ".join(sorted(new)[:5]))
        if r.types(dir) & {"accepted", "loaded", "complete"}:
            bad.append("the log says %s" % r.types(dir))
    elif verb == "unpack" and not os.path.exists(os.path.join(dir, "out", "index.json")):
        bad.append("done, and no index.json in the target")
    return bad, (r.status, r.name, r.text)


def blob_is_whole(dir, path):
    parts = path.split("/")
    if len(parts) != 4 or parts[:3] != ["out", "blobs", "sha256"]:
        return False
    with open(os.path.join(dir, path), "rb") as f:
        return sha256(f.read()) == parts[3]


lock = threading.Lock()
accepted = {}
believed = {}  # by their digests: the bundles that verify accepted


def case(verb, data, key, want, pipe, check=None):
    dir = fresh()
    path = os.path.join(dir, "b.tar")
    if pipe is None:
        with open(path, "wb") as f:
            f.write(data)
    result = judge(verb, dir, key, want, pipe, check)
    shutil.rmtree(dir)
    return result


def run_row(r):
    """Complaints of one row."""
    bad, seen = [], {}
    data, twin = r.make(True), r.make(False)
    key = r.keys(True) if r.keys else rel.pub
    for verb in r.verbs:
        found, seen[verb] = case(verb, data, key, r.expect[verb], None, failing(r))
        bad += ["%s: %s" % (verb, x) for x in found]
    # the same bytes through a pipe: refused as well, and of the same class
    if r.pipe and "verify" in r.verbs and not r.keys:
        found, seen["pipe"] = case("verify", b"", key, None, data)
        bad += ["pipe: %s" % x for x in found]
        if seen["pipe"][0] != seen["verify"][0]:
            bad.append("pipe: status %s %s, as a file %s" % (seen["pipe"][0], seen["pipe"][1], seen["verify"][0]))
    # twins are mostly the same bytes: each is tried once
    for verb in r.verbs:
        tag = (verb, sha256(twin), r.keys(False) if r.keys else rel.pub)
        with lock:
            known = tag in accepted
        if not known:
            found, s = case(verb, twin, tag[2], (0, ""), None)
            bad += ["twin, %s: %s" % (verb, x) for x in found]
            with lock:
                accepted[tag] = not found
                if verb == "verify" and not found:
                    believed[sha256(twin)] = twin
        elif not accepted[tag]:
            bad.append("twin, %s: was not accepted before" % verb)
    return bad, seen


# ---- rows that are accepted, or have another form ----

def specials():
    """(name, list of complaints)"""
    text = good.statement()

    def verified(b, *more, beside=()):
        """beside: (name, bytes) of a file in b.tar.d; None: an empty b.tar.d."""
        dir = fresh()
        with open(os.path.join(dir, "b.tar"), "wb") as f:
            f.write(b.bytes())
        if beside != ():
            os.mkdir(os.path.join(dir, "b.tar.d"))
        if beside:
            with open(os.path.join(dir, "b.tar.d", beside[0]), "wb") as f:
                f.write(beside[1])
        p = say("verify", "--json", "--progress=none", "--key", rel.pub, *more, "b.tar", cwd=dir, env=clean_env(dir))
        shutil.rmtree(dir)
        return p.returncode, json.loads(p.stdout)

    def signers(o):
        return o.get("signers") or o.get("verdict", {}).get("signers") or []

    b = good.copy()
    b.sign(*malleated(text, True))
    status, o = verified(b)
    yield "S07 - (r, n-s) beside the original is accepted and its key counted once", (
        [] if status == 0 and len(signers(o)) == 1 else ["status %d, signers %s" % (status, signers(o))])
    name, line = rel.file(text)
    b.sign((name, line), (FFFF, evil.file(text)[1]), ("META/manifest.json.0000000000000000.sig", b"broken\n"))
    status, o = verified(b)
    yield "S34 - a good signature beside a foreign and a broken one is accepted", ([] if status == 0 and len(signers(o)) == 1 else ["status %d" % status])
    b.sign()
    status, o = verified(b, beside=(FFFF[5:], line))
    yield "S01 - a signature beside the bundle and none inside is accepted", [] if status == 0 and len(signers(o)) == 1 else ["status %d" % status]
    status, o = verified(b, beside=(FFFF[5:], evil.file(text)[1]))
    yield "S01 - a foreign signature beside the bundle and none inside is refused", [] if (status, o["error"]["name"]) == NO_SIG else ["status %d" % status]
    status, o = verified(b, beside=None)
    yield "S01 - an empty directory beside the bundle and no signature is refused", [] if (status, o["error"]["name"]) == NO_SIG else ["status %d" % status]
    b.sign((FFFF, line))
    status, o = verified(b)
    yield "S27 - the key id in a name is a hint and never trusted", [] if status == 0 else ["status %d" % status]
    b.sign((name, line), ("META/manifest.json.%s.zzz" % rel.id[:16], b"x"))
    status, o = verified(b)
    yield "S27 - an extension not known beside a good one is passed over", [] if status == 0 else ["status %d" % status]
    lines = minisig(text)
    commented("grün\t\U0001f600".encode())(lines)
    b.sign(("META/manifest.json.%s.minisig" % ("0" * 16), text_of(lines)))
    status, o = verified(b, "--key", MINI)
    yield "S13 - a trusted comment in UTF-8, signed by another hand than minisign's, is accepted", [] if status == 0 else ["status %d" % status]
    # its stored bytes and what is inside have one digest: pack, which looks at digests, takes it; it is no tar
    b = pack("quine", archive(image([quine(), LAYERS[1]]).items()), "--layers", "none")
    for deep, want in (((), (0, "")), (("--deep",), (4, "layer-tar"))):
        status, o = verified(b, *deep)
        found = (status, o.get("error", {}).get("name", ""))
        yield "C41 - a layer that inflates to itself and has the diff ID of both, verify %s" % "".join(deep), [] if found == want else ["found %s %s" % found]
    # one key, three encodings (FORMAT.md 3)
    for form in ("compressed", "uncompressed", "hybrid"):
        path = os.path.join(keydir, form + ".pub")
        run("openssl", "ec", "-in", rel.pem, "-pubout", "-conv_form", form, "-out", path)
        dir = fresh()
        with open(os.path.join(dir, "b.tar"), "wb") as f:
            f.write(GOOD)
        p = say("verify", "--json", "--progress=none", "--key", rel.pub, "--key", path, "b.tar", cwd=dir, env=clean_env(dir))
        shutil.rmtree(dir)
        o = json.loads(p.stdout)
        yield "S23 - one key in its %s form is one key" % form, [] if p.returncode == 0 and len(signers(o)) == 1 else [
            "status %d, signers %s" % (p.returncode, signers(o))]


def directories():
    """The same bundle as a directory: what a directory can do that a tar cannot."""
    def lay(dir, b=good):
        for m in b.members:
            if m.name != "META/padding":
                path = os.path.join(dir, "b.tar", m.name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as f:
                    f.write(m.data)
        return os.path.join(dir, "b.tar")

    def link(root):
        p = os.path.join(root, LAYER)
        os.rename(p, os.path.join(root, "..", "moved"))
        os.symlink("../../../moved", p)

    def linked_dir(root):
        os.rename(os.path.join(root, "blobs"), os.path.join(root, "..", "blobs"))
        os.symlink("../blobs", os.path.join(root, "blobs"))

    def fifo(root):
        os.unlink(os.path.join(root, LAYER))
        os.mkfifo(os.path.join(root, LAYER))

    def fifo_head(root):
        os.unlink(os.path.join(root, "META/manifest.json"))
        os.mkfifo(os.path.join(root, "META/manifest.json"))

    def grown(root):
        with open(os.path.join(root, LAYER), "ab") as f:
            f.write(b"x")

    def flipped(root):
        with open(os.path.join(root, LAYER), "r+b") as f:
            c = f.read(1)
            f.seek(0)
            f.write(bytes([c[0] ^ 1]))

    def cut(root):
        os.truncate(os.path.join(root, LAYER), 100)

    def gone(name):
        return lambda root: os.unlink(os.path.join(root, name))

    def subdir(root):
        os.unlink(os.path.join(root, LAYER))
        os.mkdir(os.path.join(root, LAYER))

    def nothing(root):
        pass

    def foreign(root):
        with open(os.path.join(root, "._x"), "w") as f:
            f.write("x")
        with open(os.path.join(root, "blobs", ".DS_Store"), "w") as f:
            f.write("x")
        os.chmod(os.path.join(root, LAYER), 0o755)

    for what, edit, want in (
            ("as it is", nothing, 0), ("with foreign names and other modes", foreign, 0), ("a layer is a symbolic link", link, 4), ("blobs is a symbolic link", linked_dir, 4),
            ("a layer is a FIFO", fifo, 4), ("the manifest is a FIFO", fifo_head, 4), ("a layer is longer", grown, 4), ("a layer has a bit flipped", flipped, 4),
            ("a layer is cut", cut, 4), ("a layer is missing", gone(LAYER), 4), ("a document is missing", gone(DOC), 4), ("SHA256SUMS is missing", gone(SUMS), 4),
            ("index.json is missing", gone("index.json"), 4), ("a layer is a directory", subdir, 4), ("the signature is missing", gone(good.members[1].name), 3),
            ("the manifest is missing", gone("META/manifest.json"), 4)):
        bad = []
        for verb in ("verify", "unpack"):
            dir = fresh()
            edit(lay(dir))
            found, s = judge(verb, dir, rel.pub, None)
            bad += found
            if s[0] != want:
                bad.append("%s: expected %d, found %s %s: %s" % (verb, want, *s))
            shutil.rmtree(dir)
        yield "directory - %s" % what, bad


def others():
    """What verify accepted, other readers of tar list alike."""
    def members(b):
        return [(m.name, len(m.data), sha256(m.data)) for m in b.members]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda data: readers.differences(data, members(Bundle(data)), fresh), believed.values())
        bad = ["%s: %s" % (digest, x) for digest, complaints in zip(believed, found) for x in complaints]
    print("# %d bundles that verify accepted, through GNU tar, bsdtar, BusyBox, Python's tarfile and the rules of Go" % len(believed))
    yield "X2 - names, sizes, bytes and order are the same to five other readers", bad if len(believed) > 50 else bad + ["only %d bundles" % len(believed)]
    b = good.copy()
    b.members.append(b.make(SUMS, b"x"))
    yield "X2 - a member too many is seen by each of them", [] if len(readers.differences(b.bytes(), members(good), fresh)) == 5 else ["it is not"]


def peers():
    """Registries and daemons that lie in one point: status, name, and what they have afterwards."""
    a, b = image(LAYERS), image(LAYERS[:1], ("acme/again:1.0",))
    entries = json.loads(a.pop("manifest.json")) + json.loads(b.pop("manifest.json"))
    two = pack("two", archive([*{**a, **b}.items(), ("manifest.json", json.dumps(entries).encode())]))

    def unpacked(want, *argv, bundle=GOOD, pipe=False, env=None):
        dir = fresh()
        with open(os.path.join(dir, "b.tar"), "wb") as f:
            f.write(bundle)
        e = clean_env(dir)
        if env:
            os.makedirs(os.path.join(e["GAPFERRY_CONFIG"], "environments"))
            with open(os.path.join(e["GAPFERRY_CONFIG"], "environments", "e.yaml"), "w") as f:
                f.write(env.replace("DIR", dir))
        p = say("unpack", "--json", "--progress=none", "--key", rel.pub, "--retries", "0", *argv, "-" if pipe else "b.tar", cwd=dir, env=e,
                **(dict(input=bundle) if pipe else {}))
        found = (p.returncode, json.loads(p.stdout).get("error", {}).get("name", ""))
        shutil.rmtree(dir)
        bad = [] if found == want else ["expected %s, found %s: %s" % (want, found, p.stderr.decode(errors="replace")[-500:])]
        return bad + (["control characters in the output"] if bad_bytes(p.stdout) or bad_bytes(p.stderr) else [])

    for lie, want in (("", (0, "")), ("tag shows another", (5, "read-back")), ("tag is gone", (5, "read-back"))):
        r = Registry(lie)
        bad = unpacked(want, "--to", "docker://%s/p" % r.host)
        r.end()
        yield "registry - %s" % (lie or "honest"), bad
    big = pack("big", archive(image([layer({"data": bytes(range(256)) * (6 << 12)}), LAYERS[1]]).items()), "--layers", "none")
    run_registry = registry_rows.Run(PROGRAM, rel.pub, fresh, clean_env, bad_bytes)
    files, subject, sbom = registry_rows.layout(LAYERS[0])
    evidence = pack("evidence", archive(files.items()))
    yield from registry_rows.rows(run_registry, GOOD, two.bytes(), big.bytes(), (evidence.bytes(), subject, sbom))
    yield from source_rows.rows(source_rows.Run(PROGRAM, rel.pem, rel.pub, fresh, clean_env, bad_bytes), LAYERS)
    for lie, want in (
            ("", (0, "")), ("image is not shown", (5, "docker-image")), ("image is not listed", (5, "docker-image")), ("other layers", (4, "docker-rootfs")), ("tag is not set", (5, "read-back")),
            ("tag is refused", (5, "docker-tag")), ("error inside a 200", (5, "docker-load")), ("answer is cut", (5, "docker-load")), ("another name", (5, "docker-load"))):
        d = Daemon(os.path.join(WORK, "docker.sock"), lie)
        bad = unpacked(want, "-H", d.host, "--to", "docker-daemon:")
        names = sorted(d.names)
        if names != ([] if want[0] else ["docker.io/acme/app:1.0"]):
            bad.append("names are %s" % names)
        d.end()
        os.unlink(os.path.join(WORK, "docker.sock"))
        # what it does not show cannot be removed
        if want[0] and d.images and lie not in ("image is not shown", "image is not listed"):
            bad.append("it was left %d images" % len(d.images))
        yield "daemon - %s" % (lie or "honest"), bad
    for program, want in (("/bin/true", (0, "")), ("/bin/false", (1, "notify")), ("/no/such/program", (1, "notify"))):
        yield "notify - %s" % program, unpacked(want, "--env", "e", env="environment: e\ntargets:\n  - oci: DIR/out\nnotify:\n  - run: [%s]\n" % program)
    for pipe, want in ((False, (0, "")), (True, (2, "verify-first"))):
        yield "--verify-first %s" % ("from a pipe" if pipe else "from a file"), unpacked(want, "--verify-first", "--to", "oci:out", pipe=pipe)


def groups(which):
    """Groups D, F and O: (name, complaints, what was said)."""
    a, b = image(LAYERS), image(LAYERS[:1], ("acme/again:1.0",))
    entries = json.loads(a["manifest.json"]) + json.loads(b["manifest.json"])
    two = pack("two", archive([*{**{k: v for k, v in {**a, **b}.items() if k != "manifest.json"}, "manifest.json": json.dumps(entries).encode()}.items()]))
    big = pack("big", archive(image([layer({"data": bytes(range(256)) * (6 << 12)}), LAYERS[1]]).items()), "--layers", "none")
    if "D" in which:
        yield from daemon_rows.rows(daemon_rows.Run(PROGRAM, rel.pem, rel.pub, fresh, clean_env, bad_bytes), GOOD, two.bytes(), big.bytes(), archive(image(LAYERS).items()))
    place, saved = file_rows.Place(PROGRAM, rel.pem, rel.pub, fresh, clean_env, bad_bytes, GOOD, big.bytes()), archive(image(LAYERS).items())
    try:
        if "F" in which:
            yield from file_rows.rows(place, saved)
        if "O" in which:
            yield from operator_rows.rows(place, saved, evil.pub, run)
    finally:
        for m in place.mounts:
            subprocess.run(["umount", "-l", m])


def ids(words):
    """C01-C03 P07: each of them."""
    out = set()
    for word in words:
        first, _, last = word.partition("-")
        out |= {"%s%02d" % (first[0], n) for n in range(int(first[1:]), int((last or first)[1:]) + 1)}
    return out


def corpus(had):
    """Complaints: had are the ids of the rows that were run."""
    here = os.path.dirname(os.path.abspath(__file__))
    all, elsewhere, into = set(), set(), None
    with open(os.path.join(here, "ELSEWHERE")) as f:
        text = "".join(x for x in f if not x.startswith("#"))
    for line in text.splitlines():
        into = all if line.startswith("corpus") else into if line.startswith((" ", "\t")) and into is all else elsewhere
        into |= ids(re.findall(r"\b[A-Z]\d\d(?:-[A-Z]\d\d)?\b", line if into is all else re.match(r"(?:[A-Z]\d\d(?:-[A-Z]\d\d)?\s+)*", line)[0]))
    return (["neither a row nor in ELSEWHERE: %s" % sorted(all - had - elsewhere)] if all - had - elsewhere else []) + [
        "a row that the corpus does not have: %s" % x for x in sorted(had - all)] + [
        "ELSEWHERE has what is no id: %s" % x for x in sorted(elsewhere - all)] + [
        "there is no %s" % x for x in re.findall(r"tests/[a-z_0-9/]+\.(?:bats|c)", text) if not os.path.exists(os.path.join(here, "..", "..", x))]


def main():
    show = sys.argv[2:] if sys.argv[1:2] == ["--show"] else None
    rows = [r for r in ROWS if r.verbs and (not show or r.id in show)]
    n = failed = 0
    had = set()

    def result(name, bad):
        nonlocal n, failed
        had.update(re.findall(r"^(?:pack: )?([A-Z]\d\d) - ", name))
        n += 1
        failed += bool(bad)
        print("%sok %d - %s" % ("not " if bad else "", n, name))
        for x in bad:
            print("# %s" % x)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for r, (bad, seen) in zip(rows, pool.map(run_row, rows)):
            result("%s - %s" % (r.id, r.what), bad)
            if show:
                for verb, s in seen.items():
                    print("#   %s: %s" % (verb, s))
    if not show or show == ["trust"]:
        for name, bad in trust_rows.rows(trust_world.Run(PROGRAM, fresh, clean_env, bad_bytes), good, rel, keydir):
            result(name, bad)
    if show == ["peers"]:
        for name, bad in peers():
            result(name, bad)
    if show == ["text"]:
        for name, bad in text_rows.rows():
            result(name, bad)
    for name, bad, said in groups(show or ["D", "F", "O"]):
        if bad is None:
            n += 1
            had.update(re.findall(r"^(?:pack: )?([A-Z]\d\d) - ", name))
            print("ok %d - %s # SKIP only root may mount and change users, and not everywhere" % (n, name))
            continue
        result(name, bad)
        if show:
            print("#   %s %s: %s" % (said.status, said.name, said.text or said.err.decode(errors="replace").strip()[-300:]))
    if not show:
        names = {e[1] for r in rows if r.id[0] in "CMSI" for e in r.expect.values() if e[1]}
        print("# %d rows of %d ids, %d different names of errors in groups C, M, S and I" % (len(rows), len({r.id for r in rows}), len(names)))
        result("the table has 60 rows and 45 names", [] if len(rows) >= 60 and len(names) >= 45 else ["it has not"])
        for name, bad in specials():
            result(name, bad)
        for name, bad in directories():
            result(name, bad)
        for name, bad in others():
            result(name, bad)
        for name, bad in text_rows.rows():
            result(name, bad)
        for name, bad in peers():
            result(name, bad)
        result("every id of the corpus is a row, or stands in ELSEWHERE", corpus(had))
        flip = os.path.join(os.environ.get("B", "build"), "tests", "hostile", "flip")
        if not os.path.exists(flip):
            flip = os.path.join(os.environ.get("B", "build"), "asan", "tests", "hostile", "flip")
        path = os.path.join(WORK, "flip.tar")
        with open(path, "wb") as f:
            f.write(GOOD)
        p = subprocess.run([flip, path, rel.pub, str(head_end)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for line in p.stdout.decode(errors="replace").splitlines():
            if line.startswith(("ok ", "not ok ")):
                result(line.split(" - ", 1)[1], [] if line.startswith("ok") else ["see above"])
            else:
                print("# " + line)
        if p.returncode not in (0, 1):
            result("flip - ended with status %d" % p.returncode, ["it did not end"])
    print("1..%d" % n)
    return 1 if failed else 0


try:
    status = main()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
sys.exit(status)
