"""Group O of the table: operators in a hurry, two of them at once, and what they type, paste and interrupt.  After each mistake
nothing is loaded and the message says which word was wrong; the twin is the command as it should have been."""

import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import threading
import time

from file_rows import NOBODY, ROOT, contents, put, read
from peers import PASSWORD, Daemon, Registry, basic
from program import Program, Result, files_of

SECRET = "canary-passphrase-7"
NASTY = "\x1b]0;x\x07\u202e\r\nok"


def rows(place, src, other_pub, run):
    """place: file_rows.Place; other_pub: a key that signed nothing here; run: openssl and the like."""
    todo = []
    program = place.run.program

    def row(id, what, work, root=False):
        todo.append(("%s - %s" % (id, what), work if ROOT or not root else None))

    def mistake(argv, want, prepare=None, word=None, twin=None, env=None, before=(), json_out=True, stdin=None, look=None, loaded=False):
        """argv(dir): the wrong words; twin(dir): the right ones."""
        def work():
            dir = place.new(loaded)
            put(os.path.join(dir, "src.tar"), src)
            if prepare:
                prepare(dir)
            was = contents(dir)
            words = argv(dir) if callable(argv) else argv
            r = place.run(dir, [*words, *(["--json"] if json_out else [])], stdin, secrets=(SECRET, PASSWORD), env=env, before=before)
            bad = r.bad + r.differs(want, word)
            if r.status:
                changed = [k for k, v in contents(dir).items() if was.get(k) != v and not k.startswith(("state", "tmp"))]
                bad += ["changed: %s" % changed] if changed else []
                bad += ["the log says %s" % r.types(dir)] if not loaded and r.types(dir) & {"loaded", "complete", "accepted"} else []
            bad += look(dir, r) if look else []
            if twin:
                again = place.run(dir, twin(dir) + ["--json"])
                bad += ["twin: " + x for x in again.bad + again.differs((0, ""))]
            place.end(dir)
            return bad, r
        return work

    good = ["unpack", "--key", place.pub, "--env", "e", "--site", "here", "b.tar"]
    right = lambda dir: list(good)  # noqa: E731

    # ---- O01-O03: keys ----
    row("O01", "no key at all", mistake(["verify", "b.tar"], (3, "signature"), lambda dir: shutil.rmtree(os.path.join(dir, "config", "keys")), word="--key", twin=right))
    row("O01", "the key of another site", mistake(["unpack", "--key", other_pub, "--to", "oci:out", "b.tar"], (3, "signature"), twin=right))
    der = run("openssl", "pkey", "-in", place.pub, "-pubin", "-outform", "DER")
    for what, data in (("a private key", read(place.pem)), ("HTML", b"<html>It works!</html>"), ("empty", b""), ("10 MiB", b"x" * (10 << 20)), ("DER", der), ("a NUL", b"\0"), ("text for your terminal", NASTY.encode()),
                       ("PEM that is cut", read(place.pub)[:60]), ("a key of 512 bits", run("openssl", "pkey", "-pubout", input=run("openssl", "genrsa", "512"))), ("the bundle", place.bundle)):
        row("O02", "--key is %s" % what, mistake(["verify", "--key", "k", "b.tar"], (2, None), lambda dir, data=data: put(os.path.join(dir, "k"), data), twin=right))
    for what, make in (("a directory", os.mkdir), ("/dev/zero", lambda p: os.symlink("/dev/zero", p)), ("not there", lambda p: None), ("a FIFO that nobody writes to", os.mkfifo)):
        row("O02", "--key is %s" % what, mistake(["verify", "--key", "k", "b.tar"], (2, None), lambda dir, make=make: make(os.path.join(dir, "k")), twin=right))
    digest = "%064x" % 7
    for what, text in (("one digit less", digest[:-1]), ("8 digits", digest[:8]), ("capitals", "AB" * 32), ("0x", "0x" + digest), ("nothing", "")):
        row("O03", "trust apply --sha256 with %s" % what, mistake(["trust", "apply", "t.json", "--sha256", text, "--site", "a"], (2, None), lambda dir: put(os.path.join(dir, "t.json"), b"{}")))

    # ---- O06, O16: words ----
    for what, text in (("other case", "E"), ("a space", "e "), ("a path", "../environments/e"), ("a slash", "/e"), ("nothing", ""), ("a file's name", "e.yaml"), ("text for your terminal", NASTY), ("100 KB", "e" * 100000), ("a dash", "-e"), ("two dots", "..")):
        row("O06", "--env with %s" % what, mistake(["unpack", "--key", place.pub, "--env", text, "b.tar"], (2, None), twin=right))
    row("O06", "an environment file that has another's name", mistake(good, (2, None), lambda dir: put(os.path.join(dir, "config", "environments", "e.yaml"), b"environment: prod\ntargets:\n  - oci: /x/out\n")))
    for what, argv, word in (
            ("--allow-u is not --allow-unsigned", ["unpack", "--allow-u", "--to", "oci:out", "b.tar"], "--allow-u"), ("--ke", ["verify", "--ke", place.pub, "b.tar"], "--ke"), ("--dry", ["unpack", "--env", "e", "--dry", "b.tar"], "--dry"),
            ("a dash of a word processor", ["verify", "\u2014key", place.pub, "b.tar"], None), ("--key=", ["verify", "--key=", "b.tar"], "--key"), ("an empty word", ["verify", "--key", place.pub, ""], None), ("no bundle", ["verify", "--key", place.pub], None),
            ("two bundles", ["verify", "--key", place.pub, "b.tar", "src.tar"], None), ("a glob that matched nothing", ["verify", "--key", place.pub, "*.tar.gz"], "*.tar.gz"), ("text for your terminal", ["verify", "--key", place.pub, NASTY], None),
            ("an option for your terminal", ["verify", "--" + NASTY, "b.tar"], None), ("a word of 100 KB", ["verify", "x" * 100000], None), ("a target in the bundle's place", ["unpack", "--key", place.pub, "--to", "b.tar", "oci:out"], None),
            ("a target without a transport", ["unpack", "--key", place.pub, "--to", "out", "b.tar"], None), ("--password", ["unpack", "--username", "u", "--password", SECRET, "--to", "docker://127.0.0.1:1/x", "b.tar"], "--password"),
            ("--passphrase", ["sign", "--key", "rel.pem", "--passphrase", SECRET, "b.tar"], "--passphrase"), ("a password in the target", ["unpack", "--key", place.pub, "--to", "docker://u:%s@127.0.0.1:1/x" % SECRET, "b.tar"], None),
            ("a password in the source", ["pack", "-o", "out", "docker://u:%s@127.0.0.1:1/x" % SECRET], None), ("a password in -H", ["unpack", "--key", place.pub, "--to", "docker-daemon:", "-H", "tcp://u:%s@127.0.0.1:1" % SECRET, "b.tar"], None),
            ("--creds of skopeo", ["unpack", "--creds", "u:" + SECRET, "--to", "docker://127.0.0.1:1/x", "b.tar"], "--creds"), ("--force", ["unpack", "--force", "--to", "oci:out", "b.tar"], "--force"), ("--insecure", ["unpack", "--insecure", "--to", "oci:out", "b.tar"], "--insecure")):
        row("O16", what, mistake(argv, (2, None), word=word, twin=right, json_out=True))
    row("O02", "bundle and key are swapped", mistake(["verify", "--key", "b.tar", place.pub], (2, None), twin=right))
    row("O16", "the key in the bundle's place", mistake(["verify", "--key", place.pub, place.pub], (4, None), twin=right))
    row("O16", "a docker save in the bundle's place", mistake(["verify", "--key", place.pub, "src.tar"], (4, None), twin=right))
    row("O20", "an empty directory", mistake(["verify", "--key", place.pub, "d"], (4, None), lambda dir: os.mkdir(os.path.join(dir, "d")), twin=right))
    row("O20", "an empty file", mistake(["verify", "--key", place.pub, "d"], (4, None), lambda dir: put(os.path.join(dir, "d")), twin=right))
    row("O20", "an empty pipe", mistake(["verify", "--key", place.pub, "-"], (4, None), stdin=b"", twin=right))

    # ---- O12, O14: credential helpers ----
    class Locked(Registry):
        """Whoever comes is asked for a password."""
        def before(self, h):
            if h.headers.get("Authorization") == basic("u", SECRET):
                return super().before(h)
            h.say(401, b"", WWW_Authenticate='Basic realm="x"')
            return True

    def helper(script, name, want, runs):
        """A helper of that name in config.json, and a program there; runs: it may be run."""
        def work():
            dir, r = place.new(loaded=False), Locked()
            path = os.path.join(dir, "bin", "docker-credential-" + name)
            if script is not None and len(name) < 200:
                # where the name has a path in it, the directories that lead there are made as well
                os.makedirs(os.path.join(dir, "bin", os.path.dirname("docker-credential-" + name).split("/")[0]), exist_ok=True)
                with open(path, "wb") as f:
                    f.write(b"#!/bin/sh\n: >ran\n" + script)
                os.chmod(path, 0o755)
            os.mkdir(os.path.join(dir, ".docker"))
            put(os.path.join(dir, ".docker", "config.json"), json.dumps({"credHelpers": {r.host: name}}).encode())
            done = place.run(dir, ["unpack", "--key", place.pub, "--retries", "0", "--to", "docker://%s/x" % r.host, "--json", "b.tar"], env={"PATH": "%s/bin:%s" % (dir, os.environ["PATH"])}, secrets=(SECRET,))
            bad = done.bad + done.differs(want) + ([] if os.path.exists(os.path.join(dir, "ran")) == runs else ["it was run" if not runs else "it was not run"])
            bad += [] if done.status == 0 or not r.tags() else ["tags: %s" % r.tags()]
            r.end()
            place.end(dir)
            return bad, done
        return work
    reads, entry = b"cat >/dev/null\n", b'{"Username":"u","Secret":"%s"}' % SECRET.encode()
    row("O12", "a credential helper that answers", helper(reads + b"echo '%s'" % entry, "x", (0, ""), True))
    for what, script in (("says 1", reads + b"exit 1"), ("prints 10 MiB", reads + b"head -c 10485760 /dev/zero"), ("prints without end", reads + b"exec yes"),
                         ("prints text for your terminal and fails", reads + b"printf '\\033[2J'; exit 1"), ("prints two objects", reads + b"echo '%s{}'" % entry), ("prints JSON that is broken at the password", reads + b"echo '%s'" % entry.replace(b'"Secret":', b'"Secret" ')), ("prints nothing", reads), ("prints HTML", reads + b"echo '<html>'"),
                         ("answers and says 1", reads + b"echo '%s'; exit 1" % entry), ("reads nothing, and prints half of it", b"echo '%s'" % entry[:-9]), ("closes its output and sleeps", reads + b"exec >&- 2>&-; sleep 1; exit 3"), ("is killed", reads + b"kill -9 $$")):
        name = "too-large" if what in ("prints 10 MiB", "prints without end") else "command" if what == "is killed" else "json" if script.endswith((b"}'", b"<html>'", reads)) or what.startswith("reads") or "broken" in what else "credential-helper"
        row("O12", "a credential helper that %s" % what, helper(script, "x", (5, name), True))
    row("O12", "a credential helper that is not there", helper(None, "x", (5, "command"), False))
    for name in ("../../x", "/x", "x;id", "x y", "$(id)", NASTY):
        row("O14", "a credential helper named %s" % ascii(name)[:20], helper(reads + b"echo '%s'" % entry, name, (2, "credential-helper"), False))
    row("O14", "a credential helper with a name of 5000 letters", helper(None, "x" * 5000, (2, None), False))
    row("O14", "a credential helper without a name is none", helper(None, "", (5, "registry-auth"), False))

    # ---- O13, O15: secrets ----
    def quiet(dir, r):
        return ["a secret was written to %s" % n for n in files_of(dir) if n.startswith(("state", "out", "b.tar.d")) and os.path.isfile(os.path.join(dir, n)) and SECRET.encode() in read(os.path.join(dir, n))]

    def netrc():
        dir, r = place.new(loaded=False), Registry()
        put(os.path.join(dir, ".netrc"), b"default login u password %s\n" % SECRET.encode())
        put(os.path.join(dir, ".curlrc"), b"user = u:%s\nheader = \"X-Canary: %s\"\n" % (SECRET.encode(), SECRET.encode()))
        os.chmod(os.path.join(dir, ".netrc"), 0o600)
        done = place.run(dir, ["unpack", "--key", place.pub, "--to", "docker://%s/x" % r.host, "--json", "b.tar"], secrets=(SECRET,))
        bad = done.bad + done.differs((0, "")) + ["it was told %s" % q for q in r.requests if q["Authorization"]] + quiet(dir, done)
        r.end()
        place.end(dir)
        return bad, done
    row("O13", "~/.netrc with default, and ~/.curlrc", netrc)

    def hidden():
        """While the program waits for the daemon: the arguments and environments of all that run have no passphrase but in its own."""
        dir = place.new(loaded=False)
        put(os.path.join(dir, "pass"), SECRET.encode() + b"\n")
        place.run(dir, ["key", "new", "--passphrase-file", "pass", "--json", "k"])
        os.makedirs(os.path.join(dir, "bin"))
        put(os.path.join(dir, "see"), b"#!/bin/sh\ncat /proc/self/environ /proc/$PPID/cmdline /proc/self/cmdline >seen; exit 1\n")
        os.chmod(os.path.join(dir, "see"), 0o755)
        done = place.run(dir, ["sign", "--key", "k.pub", "--sign-cmd", "./see", "--json", "b.tar"], env={"GAPFERRY_PASSPHRASE": SECRET, "COSIGN_PASSWORD": SECRET}, secrets=(SECRET,))
        bad = done.bad + done.differs((None, None))
        path = os.path.join(dir, "seen")
        bad += ["the command was not run: %s" % done.err] if not os.path.exists(path) else ["a child has the passphrase"] if SECRET.encode() in read(path) else []
        bad += quiet(dir, done)
        place.end(dir)
        return bad, done
    row("O15", "a passphrase in the environment is not handed on", hidden)

    # ---- O17, O18: surroundings ----
    def same(env):
        def work():
            dir = place.new(loaded=False)
            plain = place.run(dir, place.argv("verify"))
            r = place.run(dir, place.argv("verify"), env=env)
            bad = r.bad + r.differs((0, "")) + ([] if r.out == plain.out else ["the JSON differs"])
            place.end(dir)
            return bad, r
        return work
    for env in ({"LC_ALL": "tr_TR.UTF-8"}, {"LC_ALL": "ja_JP.SJIS"}, {"LC_ALL": "no_SUCH", "LANG": NASTY}, {"COLUMNS": "0", "TERM": "dumb"}, {"COLUMNS": "-1", "TERM": ""}, {"COLUMNS": "9" * 4096, "NO_COLOR": "1"}, {"TZ": "/etc/passwd"}, {"TZ": NASTY},
                {"LD_BIND_NOW": "1", "MALLOC_PERTURB_": "165"}, {"OPENSSL_CONF": "/no/such", "SSL_CERT_FILE": "/dev/null"}, {"HTTPS_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "socks5://127.0.0.1:1"}):
        row("O17", "verify with %s" % ascii(sorted(env.items()))[:60], same(env))
    yaml = b"environment: e\ntargets:\n  - oci: DIR/out\n"
    for what, change, want in (("CRLF", lambda y: y.replace(b"\n", b"\r\n"), (0, "")), ("a BOM", lambda y: b"\xef\xbb\xbf" + y, (2, "yaml")), ("trailing spaces", lambda y: y.replace(b"\n", b"  \n"), (0, "")), ("tabs", lambda y: y.replace(b"  -", b"\t-"), (2, None)),
                               ("a key twice", lambda y: y + b"environment: e\n", (2, None)), ("a key unknown", lambda y: y + b"verify: false\n", (2, None)), ("UTF-16", lambda y: b"\xff\xfe" + y.decode().encode("utf-16-le"), (None, None)),
                               ("two documents", lambda y: y + b"---\nenvironment: x\n", (2, None)), ("an alias", lambda y: y.replace(b"e\n", b"&a e\n", 1), (2, None)), ("text for your terminal", lambda y: y + b"x: \"\x1b[2J\"\n", (2, None)), ("nothing", lambda y: b"", (2, None))):
        def prepare(dir, change=change):
            put(os.path.join(dir, "config", "environments", "e.yaml"), change(yaml.replace(b"DIR", dir.encode())))
        if what == "UTF-16":
            continue
        row("O18", "an environment with %s" % what, mistake(good, want, prepare))

    # ---- O11: another user ----
    def other_user(dir):
        d = dir
        while d != "/" and os.stat(d).st_uid == os.geteuid():
            os.chmod(d, os.stat(d).st_mode | 0o055)
            d = os.path.dirname(d)
    row("O11", "as another user than the state's", mistake(good, (1, "state"), other_user, before=NOBODY, loaded=True), root=True)
    row("O11", "verify as another user than the state's", mistake(["verify", "--key", place.pub, "--env", "e", "b.tar"], (None, None), other_user, before=NOBODY, loaded=True), root=True)

    # ---- interrupted, and two at once ----
    def begin(dir, argv, **more):
        e = {**place.clean_env(dir), **more}
        return subprocess.Popen([program, *argv], cwd=dir, env=e, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def interrupted(number, step, target="docker-daemon:"):
        """The signal comes while the daemon is asked: nothing has a name, nothing lies about, and the same command finishes."""
        def work():
            dir = place.new(loaded=False)
            put(os.path.join(dir, "b.tar"), place.big)
            d = Daemon(os.path.join(dir, "d.sock"))
            there, go = threading.Event(), threading.Event()

            def stop(h):
                if step == "load":
                    h.rfile.read(1 << 20)
                there.set()
                go.wait(30)
                h.close_connection = True
                return True
            d.steps[step] = stop
            argv = ["unpack", "--key", place.pub, "--to", target, "-H", d.host, "--json", "b.tar"]
            p = begin(dir, argv)
            bad = [] if there.wait(30) else ["the daemon was not asked"]
            for _ in range(2):
                if p.poll() is None:
                    p.send_signal(number)
                    time.sleep(0.05)
            try:
                out, err = p.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                p.kill()
                out, err = p.communicate()
                bad.append("it goes on")
            go.set()
            r = Result(p.returncode, out, err)
            bad += [] if p.returncode == -number else ["it ended with %d" % p.returncode]
            left = [n for n in files_of(dir) if not n.startswith(("state", "config", "b.tar", "rel.pem", "d.sock"))]
            bad += ["left behind: %s" % left] if left else []
            bad += ["the log says %s" % r.types(dir)] if r.types(dir) & {"loaded", "complete"} else []
            d.steps = {}
            again = place.run(dir, argv)
            bad += ["again: " + x for x in again.bad + again.differs((0, ""))]
            bad += [] if sorted(d.names) == ["docker.io/acme/app:1.0"] and len(d.images) == 1 else ["again: %s, %d images" % (sorted(d.names), len(d.images))]
            log = place.run(dir, place.argv("log"))
            bad += ["log: " + x for x in log.bad + log.differs((0, ""))]
            d.end()
            place.end(dir)
            return bad, r
        return work
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for step in ("version", "load", "tag"):
            row("F32", "%s while the daemon is asked for %s" % (number.name, step), interrupted(number, step))

    def pair(argvs, check, env=None, may=(0,)):
        """The commands at the same time, in one directory; may: how they may end, the first of them with 0."""
        def work():
            dir = place.new(loaded=False)
            put(os.path.join(dir, "src.tar"), src)
            d = Daemon(os.path.join(dir, "d.sock"))
            ps = [begin(dir, [x.replace("SOCK", d.host) for x in argv], **(env(i) if env else {})) for i, argv in enumerate(argvs)]
            ends = [p.communicate(timeout=60) for p in ps]
            r = Result(max(p.returncode for p in ps), b"", b"".join(e for _, e in ends))
            bad = ["status %d: %s" % (p.returncode, e.decode(errors="replace")) for p, (_, e) in zip(ps, ends) if p.returncode not in may] + ([] if min(p.returncode for p in ps) == 0 else ["none of them is done"])
            bad += check(dir, d)
            d.end()
            place.end(dir)
            return bad, r
        return work

    def loaded_once(dir, d):
        log = place.run(dir, place.argv("log"))
        bad = log.bad + log.differs((0, ""))
        bad += [] if sorted(d.names) == ["docker.io/acme/app:1.0"] and len(d.images) == 1 else ["names are %s, %d images" % (sorted(d.names), len(d.images))]
        return bad
    daemon = ["unpack", "--key", place.pub, "--to", "docker-daemon:", "-H", "SOCK", "--json", "b.tar"]
    row("D16", "three runs into one daemon at once", pair([daemon] * 3, loaded_once))

    def layout_whole(dir, d):
        again = place.run(dir, place.argv("env"))
        log = place.run(dir, place.argv("log"))
        bad = again.bad + again.differs((0, "")) + log.bad + log.differs((0, ""))
        return bad + ["a blob is damaged: %s" % n for n in files_of(os.path.join(dir, "out", "blobs", "sha256")) if run("sha256sum", os.path.join(dir, "out", "blobs", "sha256", n))[:64].decode() != n]
    row("F34", "four runs into one layout at once", pair([place.argv("env")] * 4, layout_whole))
    row("F34", "four runs into one layout at once, each with a state of its own", pair([["unpack", "--key", place.pub, "--to", "oci:out", "--json", "b.tar"]] * 4, layout_whole, env=lambda i: {"GAPFERRY_STATE": "state%d" % i}))

    def packed(dir, d):
        r = place.run(dir, ["verify", "--key", place.pub, "--json", "out"])
        return r.bad + r.differs((0, "")) + (["left behind: %s" % [n for n in os.listdir(dir) if n.startswith(".out")]] if [n for n in os.listdir(dir) if n.startswith(".out")] else [])
    row("F34", "three packs to one name at once: one of them is there, whole", pair([place.argv("pack", "src.tar")] * 3, packed))
    row("F34", "three signatures by one key at once: one is there, and is not replaced", pair([place.argv("sign")] * 3, may=(0, 2), check=lambda dir, d: [] if len([n for n in files_of(os.path.join(dir, "b.tar.d")) if n.endswith(".sig")]) == 1 else ["companions: %s" % files_of(os.path.join(dir, "b.tar.d"))]))

    def holder():
        """Who holds the state's lock is killed: the next one goes on."""
        dir = place.new(loaded=False)
        d = Daemon(os.path.join(dir, "d.sock"))
        there = threading.Event()
        d.steps["tag"] = lambda h: there.set() or time.sleep(2) or True
        argv = [x.replace("SOCK", d.host) for x in daemon]
        p = begin(dir, argv)
        bad = [] if there.wait(30) else ["the daemon was not asked"]
        p.kill()
        p.communicate()
        d.steps = {}
        r = place.run(dir, argv)
        bad += r.bad + r.differs((0, ""))
        d.end()
        place.end(dir)
        return bad, r
    row("F34", "who holds the lock is killed", holder)

    names = [n for n, _ in todo]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for name, done in zip(names, pool.map(lambda w: w[1]() if w[1] else (None, None), todo)):
            yield (name, *done)
