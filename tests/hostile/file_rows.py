"""Group F of the table: disks that are full, read-only or fail, things that are no files where a file is expected, names of any
bytes, a medium that changes while it is read, directories that somebody else may write into.  Each row damages one thing; the twin
is the same command in a healthy place, which must finish the work.  The rows that mount or change the user need root."""

import concurrent.futures
import os
import re
import shutil
import socket
import stat
import subprocess
import threading

from model import sha256
from peers import Daemon, Registry
from program import Program, files_of

ROOT = os.geteuid() == 0
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
WRITE = (1, "write")


def put(path, data=b""):
    with open(path, "wb") as f:
        f.write(data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def tmpfs(dir, options):
    os.makedirs(dir, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", dir], check=True)


def contents(dir):
    """Names and what they are, with the bytes of files (their number where it is beyond a gigabyte): what must not change."""
    out = {}
    for n in files_of(dir):
        p = os.path.join(dir, n)
        st = os.lstat(p)
        what = os.readlink(p) if stat.S_ISLNK(st.st_mode) else "" if not stat.S_ISREG(st.st_mode) else st.st_size if st.st_size > 1 << 30 else sha256(read(p))
        out[n] = (st.st_mode, what)
    return out


def things(victim):
    """What may stand where a file is expected: (what, how it is made)."""
    def device(p):
        os.mknod(p, 0o20666, os.makedev(1, 5))
    return [("a link to a file of somebody else", lambda p: os.symlink(victim, p)), ("a link to nothing", lambda p: os.symlink("/no/where/at/all", p)), ("a link to itself", lambda p: os.symlink(os.path.basename(p), p)),
            ("a FIFO", os.mkfifo), ("a directory", os.mkdir), ("a link to /dev/zero", lambda p: os.symlink("/dev/zero", p))] + ([("a device", device)] if ROOT else []) + [
            ("empty", put), ("a NUL", lambda p: put(p, b"\0")), ("text for your terminal", lambda p: put(p, b"\x1b[2J\r\n")), ("4 GiB of nothing", lambda p: (put(p), os.truncate(p, 4 << 30)))]


class Place:
    """A directory with a bundle, keys, an environment and a state that has one load in it."""

    def __init__(self, program, pem, pub, fresh, clean_env, bad_bytes, bundle, big):
        self.pem, self.pub, self.fresh, self.bundle, self.big = pem, pub, fresh, bundle, big
        self.run, self.clean_env, self.mounts = Program(program, clean_env, bad_bytes), clean_env, []
        self.loaded, self.lock = None, threading.Lock()

    def new(self, loaded=True):
        dir = self.fresh()
        e = self.clean_env(dir)
        put(os.path.join(dir, "b.tar"), self.bundle)
        shutil.copy(self.pem, os.path.join(dir, "rel.pem"))
        os.makedirs(os.path.join(e["GAPFERRY_CONFIG"], "environments"))
        os.makedirs(os.path.join(e["GAPFERRY_CONFIG"], "keys"))
        shutil.copy(self.pub, os.path.join(e["GAPFERRY_CONFIG"], "keys"))
        put(os.path.join(e["GAPFERRY_CONFIG"], "environments", "e.yaml"), b"environment: e\ntargets:\n  - oci: %s/out\nlock-file: %s/lock.json\n" % (dir.encode(), dir.encode()))
        if loaded:
            with self.lock:
                if self.loaded is None:
                    made = self.new(loaded=False)
                    r = self.run(made, self.argv("env"))
                    assert r.status == 0, r.err
                    self.loaded = made
            shutil.copytree(os.path.join(self.loaded, "state"), os.path.join(dir, "state"), symlinks=True)
        return dir

    def argv(self, verb, bundle="b.tar", out="out"):
        key = ["--key", self.pub]
        return {"verify": ["verify", *key, bundle], "inspect": ["inspect", *key, bundle], "env": ["unpack", *key, "--env", "e", "--site", "here", bundle], "oci": ["unpack", *key, "--to", "oci:" + out, bundle],
                "oci-archive": ["unpack", *key, "--to", "oci-archive:" + out, bundle], "docker-archive": ["unpack", *key, "--to", "docker-archive:" + out, bundle],
                "pack": ["pack", "--key", self.pem, "--created", "2026-11-23T01:02:03Z", "-o", out, bundle], "sign": ["sign", "--key", "rel.pem", bundle],
                "approve": ["approve", "--env", "e", "--site", "here", "--key", "rel.pem", bundle], "log": ["log", "verify"],
                "archive to stdout": ["unpack", *key, "--to", "oci-archive:-", bundle]}[verb] + ([] if verb == "archive to stdout" else ["--json"])

    def mount(self, dir, options):
        tmpfs(dir, options)
        self.mounts.append(dir)

    def mount_failing(self, dir, name, data, at):
        """A file on a disk of its own, DIR/ro, whose backing is gone from the block that has its byte `at` on, or with None
        from its begin: the kernel says EIO.  Returns what makes it whole again; None where no such disk can be had."""
        disk, tree, on = (os.path.join(dir, n) for n in ("disk", "disk.d", "ro"))
        os.makedirs(tree)
        os.makedirs(on)
        put(os.path.join(tree, name), data)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-b", "4096", "-d", tree, disk, "%dk" % (2048 + len(data) // 1000)],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(tree)
        shutil.copy(disk, disk + ".good")
        end = 0
        while at is not None and end == 0:  # zeros are a hole, which no disk fails to read
            end = int(subprocess.run(["debugfs", "-R", "bmap /%s %d" % (name, at // 4096), disk], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
            at -= 4096

        def mount():
            if subprocess.run(["mount", "-o", "ro,loop", disk, on], stderr=subprocess.DEVNULL).returncode != 0:
                return False
            self.mounts.append(on)
            return True

        def mend():
            subprocess.run(["umount", on], check=True)
            self.mounts.remove(on)
            os.rename(disk + ".good", disk)
            mount()
        if not mount():
            return None
        os.truncate(disk, end * 4096)
        return mend

    def end(self, dir):
        for m in [m for m in self.mounts if m.startswith(dir + "/")]:
            subprocess.run(["umount", "-l", m], check=True)
            self.mounts.remove(m)
        shutil.rmtree(dir)


def rows(place, src):
    """src: a docker save."""
    todo = []
    long = os.environ.get("GF_LONG")

    def row(id, what, work, root=False):
        """work(): complaints, and the last result."""
        todo.append(("%s - %s" % (id, what), work if ROOT or not root else None))

    # ---- F01: no space ----
    def full(verb, size, inside, want, earlier=None):
        """The command with its output in a tmpfs of that size, then the same in a larger one."""
        def work():
            dir = place.new(loaded=False)
            put(os.path.join(dir, "src.tar"), src)
            at = os.path.join(dir, "full")
            place.mount(at, "size=%s" % size)
            if earlier:
                earlier(at)
            before = contents(at)
            argv = place.argv(verb, "src.tar" if verb == "pack" else "b.tar", os.path.join("full", inside))
            r = place.run(dir, argv)
            bad = r.bad + r.differs(want)
            left = {k: v for k, v in contents(at).items() if before.get(k) != v and not blob(at, k)}
            bad += ["left behind: %s" % sorted(left)] if left else []
            bad += ["the message does not name it: %s" % r.text] if "full/" not in r.text and "full/" not in r.err.decode() else []
            subprocess.run(["mount", "-o", "remount,size=64m", at], check=True)
            again = place.run(dir, argv)
            bad += ["again: " + x for x in again.bad + again.differs((0, ""))]
            place.end(dir)
            return bad, r
        return work

    def blob(at, k):
        parts = k.split("/")
        return parts[1:] in (["blobs"], ["blobs", "sha256"]) or len(parts) == 1 and not os.path.exists(os.path.join(at, k, "index.json")) and os.path.isdir(os.path.join(at, k)) or (
            len(parts) == 4 and parts[1:3] == ["blobs", "sha256"] and sha256(read(os.path.join(at, k))) == parts[3])

    for size in ("4k", "16k", "32k") if not long else ["%dk" % k for k in range(4, 64, 4)]:
        row("F01", "pack into %s" % size, full("pack", size, "out.tar", WRITE), root=True)
        for verb in ("oci", "oci-archive", "docker-archive"):
            if size == "4k" or verb == "oci":
                row("F01", "unpack to %s in %s" % (verb, size), full(verb, size, "out", (5, "write")), root=True)

    def full_state(size):
        """The state in so little space: whatever happens, what is loaded stands in the log once there is space."""
        def work():
            dir = place.new(loaded=False)
            place.mount(os.path.join(dir, "state"), "size=%s,mode=700" % size)
            r = place.run(dir, place.argv("env"))
            bad = list(r.bad)
            if r.status not in (0, 1):
                bad += r.differs((1, None))
            bad += ["refused, and it is loaded"] if r.status == 1 and os.path.exists(os.path.join(dir, "out", "index.json")) and "loaded" not in r.types(dir) and b"out" not in r.err else []
            subprocess.run(["mount", "-o", "remount,size=64m", os.path.join(dir, "state")], check=True)
            for verb in ("env", "log"):
                again = place.run(dir, place.argv(verb))
                bad += ["again, %s: %s" % (verb, x) for x in again.bad + again.differs((0, ""))]
            bad += [] if "complete" in again.types(dir) else ["again: the log says %s" % again.types(dir)]
            place.end(dir)
            return bad, r
        return work
    for size in ("4k", "12k", "20k", "28k") if not long else ["%dk" % k for k in range(4, 80, 4)]:
        row("F01", "a state of %s" % size, full_state(size), root=True)

    def full_beside(verb, prepare):
        """Companions on a medium that is full."""
        def work():
            dir = place.new(loaded=False)
            at = os.path.join(dir, "full")
            place.mount(at, "size=1m")
            put(os.path.join(at, "b.tar"), place.bundle)
            prepare(at)
            before = contents(at)
            r = place.run(dir, place.argv(verb, "full/b.tar"))
            bad = r.bad + r.differs(WRITE)
            after = contents(at)
            bad += ["changed: %s" % [k for k in set(before) | set(after) if before.get(k) != after.get(k)]] if {k: v for k, v in after.items() if k != "b.tar.d"} != before else []
            os.unlink(os.path.join(at, "filler"))
            again = place.run(dir, place.argv(verb, "full/b.tar"))
            bad += ["again: " + x for x in again.bad + again.differs((0, ""))]
            place.end(dir)
            return bad, r
        return work

    def fill(at):
        with open(os.path.join(at, "filler"), "wb") as f:
            try:
                while True:
                    f.write(bytes(4096))
                    f.flush()
            except OSError:
                pass
            try:
                f.close()
            except OSError:
                pass
    for verb in ("sign", "approve"):
        row("F01", "%s on a medium that is full" % verb, full_beside(verb, fill), root=True)

    # ---- F02, F03: calls that fail ----
    def injected(verb, call, error, n, want):
        def work():
            dir = place.new(loaded=False)
            put(os.path.join(dir, "src.tar"), src)
            before = contents(dir)
            argv = place.argv(verb, "src.tar" if verb == "pack" else "b.tar", "new")
            r = place.run(dir, argv, before=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", "inject=%s:error=%s:when=%s" % (call, error, n)], memory=1 << 20)
            bad = r.bad + ([] if r.status == 0 and want is None else r.differs(want or (1, None)))
            left = [k for k in contents(dir) if k not in before and not k.startswith("state") and not blob(dir, k) and k != "tmp"]
            if r.status and left:
                bad.append("left behind: %s" % left)
            again = place.run(dir, argv)
            bad += ["again: " + x for x in again.bad + again.differs((0, ""))]
            place.end(dir)
            return bad, r
        return work
    for verb, name in (("pack", "sync"), ("oci", "state"), ("oci-archive", "state"), ("sign", "sync")):
        for error in ("EIO", "ENOSPC") if long else ("EIO",):
            row("F02", "%s: every fsync says %s" % (verb, error), injected(verb, "fsync", error, "1+", (1, name)))
    for call, error in (("linkat", "EIO"), ("ftruncate", "EFBIG"), ("flock", "ENOLCK"), ("pread64", "EIO"), ("getrandom", "ENOSYS")) if long else ():
        for verb in ("pack", "oci", "sign", "env"):
            for n in range(1, 6):
                row("F03", "%s: %s says %s, the %dth" % (verb, call, error, n), injected(verb, call, error, n, None))

    def simple(verb, want, prepare=None, twin=True, look=None, loaded=False, done=False, out="out", bundle=None, again=(0, ""), **how):
        """One run; prepare(dir) -> a function that mends it, or None; then the run again."""
        def work():
            dir = place.new(loaded)
            put(os.path.join(dir, "src.tar"), src)
            mend = prepare(dir) if prepare else None
            before = contents(dir)
            argv = place.argv(verb, bundle or ("src.tar" if verb == "pack" else "b.tar"), out)
            r = place.run(dir, argv, **how)
            bad = r.bad + r.differs(want)
            if r.status and not done:
                left = [k for k, v in contents(dir).items() if before.get(k) != v and not k.startswith(("state", "tmp")) and not blob(dir, k)]
                bad += ["changed: %s" % left] if left else []
            bad += look(dir, r) if look else []
            if twin:
                if mend:
                    mend()
                more = place.run(dir, argv, **{k: v for k, v in how.items() if k in ("json_out",)})
                bad += ["again: " + x for x in more.bad + more.differs(again)]
            place.end(dir)
            return bad, r
        return work

    # ---- F03: read-only ----
    def read_only(name):
        def prepare(dir):
            at = os.path.join(dir, name)
            was = os.path.join(dir, "was")
            if os.path.isdir(at):
                os.rename(at, was)
            place.mount(at, "size=8m,mode=700")
            if os.path.isdir(was):
                shutil.copytree(was, at, dirs_exist_ok=True)
                shutil.rmtree(was)
            shutil.copy(os.path.join(dir, "b.tar"), at)
            subprocess.run(["mount", "-o", "remount,ro", at], check=True)
            return lambda: subprocess.run(["mount", "-o", "remount,rw", at], check=True)
        return prepare
    for verb in ("verify", "inspect", "oci", "env"):
        row("F03", "%s from a read-only medium" % verb, simple(verb, (0, ""), read_only("ro"), bundle="ro/b.tar"), root=True)
    for verb in ("sign", "approve"):
        row("F03", "%s beside a bundle on a read-only medium" % verb, simple(verb, (1, "mkdir"), read_only("ro"), bundle="ro/b.tar"), root=True)
    row("F03", "pack onto a read-only medium", simple("pack", WRITE, read_only("ro"), out="ro/out.tar"), root=True)
    for verb in ("oci", "oci-archive", "docker-archive"):
        row("F03", "%s onto a read-only medium" % verb, simple(verb, (5, "mkdir" if verb == "oci" else "write"), read_only("ro"), out="ro/out"), root=True)
    row("F03", "a read-only state, which has that load", simple("env", (1, None), read_only("state"), loaded=True), root=True)
    row("F03", "verify with a read-only state", simple("verify", (0, ""), read_only("state"), loaded=True), root=True)

    # ---- F04: files that may not grow ----
    for verb, want in (("pack", WRITE), ("oci", (5, "write")), ("oci-archive", (5, "write")), ("docker-archive", (5, "write"))):
        row("F04", "%s where files end at 4 KiB" % verb, simple(verb, want, before=["prlimit", "--fsize=4096"]))
    row("F04", "unpack where files end at 1 byte", simple("env", (1, None), before=["prlimit", "--fsize=1"]))
    row("F03", "verify with 6 descriptors", simple("verify", (0, ""), before=["prlimit", "--nofile=6"]))
    row("F03", "unpack with 9 descriptors", simple("env", (5, "write"), before=["prlimit", "--nofile=9"]))

    # ---- F05, F06: where the output goes ----
    shut = ["sh", "-c", 'exec "$@" %s', "sh"]

    def redirected(how):
        return [*shut[:2], shut[2] % how, "sh"]
    for verb in ("verify", "inspect", "oci", "pack"):
        for what, how in (("closed", ">&-"), ("full", ">/dev/full")):
            row("F05", "%s with stdout %s" % (verb, what), simple(verb, (1, ""), before=redirected(how), json_out=False, twin=False, done=True))
        row("F05", "%s with stdin closed" % verb, simple(verb, (0, ""), before=redirected("<&-"), twin=False))
        row("F05", "%s with stderr closed" % verb, simple(verb, (0, ""), before=redirected("2>&-"), twin=False))
    row("F05", "verify of a closed stdin", simple("verify", (2, "medium"), bundle="-", before=redirected("<&-"), twin=False))

    # the archive goes to stdout, which is closed: no descriptor of ours may be 1 in its place
    row("F05", "an archive to a closed stdout", simple("archive to stdout", (5, ""), before=redirected(">&-"), json_out=False, twin=False))
    for verb in ("inspect", "verify", "log"):
        row("F06", "%s into a pipe that nobody reads" % verb, simple(verb, (1 if verb == "inspect" else 141, ""), json_out=False, twin=False, loaded=True,
            before=["python3", "-c", "import os,sys; r,w=os.pipe(); os.close(r); os.dup2(w,1); os.execvp(sys.argv[1], sys.argv[1:])"], memory=1 << 20))

    # ---- F10, F12, F20, F21: what stands where a file is expected ----
    def instead(verb, name, make, want, loaded=True, mends=True):
        def work():
            dir = place.new(loaded)
            put(os.path.join(dir, "src.tar"), src)
            put(os.path.join(dir, "victim"), b"somebody else's\n")
            path = os.path.join(dir, name)
            kept = path + ".kept"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.lexists(path):
                os.rename(path, kept)
            make(path)
            argv = place.argv(verb, "src.tar" if verb == "pack" else "b.tar", name if verb in ("pack", "oci", "oci-archive", "docker-archive") else "out")
            r = place.run(dir, argv)
            bad = list(r.bad)
            if want == "either":
                bad += [] if r.status in (0, 1, 2, 4, 5) else r.differs((1, None))
                bad += ["it does not name it: %s" % r.err] if r.status and os.path.basename(name).encode() not in r.err + r.out and b"log '" not in r.err + r.out else []
            else:
                bad += r.differs(want)
            bad += ["the file of somebody else has changed"] if read(os.path.join(dir, "victim")) != b"somebody else's\n" else []
            bad += ["refused, and loaded"] if r.status and verb == "env" and not name == "lock.json" and os.path.exists(os.path.join(dir, "out", "index.json")) else []
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)
            if os.path.lexists(kept):
                os.rename(kept, path)
            if mends:
                again = place.run(dir, argv)
                bad += ["again: " + x for x in again.bad + again.differs((0, ""))]
            place.end(dir)
            return bad, r
        return work
    for what, make in things("../victim"):
        row("F10", "state.json is %s" % what, instead("env", "state/state.json", make, "either"))
    for name in ("audit.jsonl", "checkpoint", "site", "site.pem", "site.pub", "lock", "records"):
        for what, make in things("../victim"):
            if long or what in ("a link to a file of somebody else", "a FIFO", "a directory", "a link to /dev/zero", "text for your terminal", "4 GiB of nothing") and not (name == "records" and what == "a directory"):
                row("F10", "%s is %s" % (name, what), instead("env", "state/" + name, make, "either"))
    for what, make in things("victim"):
        free = what in ("a link to a file of somebody else", "a link to nothing", "a link to itself", "empty", "a NUL", "text for your terminal", "4 GiB of nothing")
        for verb in ("pack", "oci-archive", "docker-archive"):
            if verb == "pack":
                want = (0, "") if free else WRITE
            else:
                want = {"a link to nothing": (0, ""), "a link to itself": (5, "read")}.get(what, (3, "exists")) if free else (2, "archive-path")
            row("F21", "%s where %s stands" % (verb, what), instead(verb, "made", make, want))
        row("F21", "the lock file is %s" % what, instead("env", "lock.json", make, "either", loaded=False))
        row("F10", "the environment is %s" % what, instead("env", "config/environments/e.yaml", make, (2, None)))
    beside = "b.tar.d"
    for what, make in things("../victim"):
        if what != "a link to a file of somebody else":
            for verb in ("verify", "env"):
                row("F44", "%s: an approval beside the bundle is %s" % (verb, what), instead(verb, beside + "/approval-0123456789abcdef.json", make, "either", loaded=False))
                row("F44", "%s: a signature beside it is %s" % (verb, what), instead(verb, beside + "/manifest.json.0123456789abcdef.sig", make, "either", loaded=False))
        row("F44", "the directory beside the bundle is %s" % what, instead("sign", beside, make, "either", loaded=False))
        row("F44", "--key is %s" % what, instead("sign", "rel.pem", make, (2, None), loaded=False) if what != "a FIFO" else None) if what != "a FIFO" else None

    def foreign(dir):
        os.mkdir(os.path.join(dir, beside))
        for n in ("autorun.inf", ".Trash-1000", "System Volume Information", "._approval.json", "Thumbs.db", "CON", "a\nb", "\x1b[2J", "desktop.ini", b"\xff\xfe".decode(errors="surrogateescape")):
            os.mkfifo(os.path.join(dir, beside, n))
        for i in range(100000 if long else 2000):
            put(os.path.join(dir, beside, "junk%d" % i))
    for verb in ("verify", "inspect", "env", "sign"):
        row("F44", "%s: FIFOs and thousands of files of others beside the bundle" % verb, simple(verb, (0, ""), foreign))

    # ---- F22, F23, F24 ----
    for what, value in (("unset", None), ("relative", "."), ("missing", "/no/such"), ("a file", "b.tar"), ("text for your terminal", "/\x1b[2J")):
        for verb in ("pack", "env"):
            row("F22", "%s: TMPDIR is %s" % (verb, what), simple(verb, (0, ""), env={"TMPDIR": value}, twin=False))

    def private(dir, r):
        """Only what is meant for others is open to them."""
        return ["%s has mode %o" % (n, os.lstat(os.path.join(dir, n)).st_mode & 0o7777) for n in files_of(dir)
                if n.startswith("state") and (n.endswith((".pem", "audit.jsonl", "checkpoint", "state.json")) or n == "state") and os.lstat(os.path.join(dir, n)).st_mode & 0o022]
    for mask in ("000", "077"):
        row("F23", "umask %s" % mask, simple("env", (0, ""), before=["sh", "-c", 'umask %s; exec "$@"' % mask, "sh"], look=private))

    def leftovers(dir):
        for n in (".out.abcdef", "out.tmp", ".lock.json.aaaaaa"):
            put(os.path.join(dir, n), b"x")
    for verb in ("pack", "oci-archive", "env"):
        row("F24", "%s where a run that was killed left files" % verb, simple(verb, (0, ""), leftovers))

    # ---- F20: a directory where others may write ----
    def sticky(owner):
        def prepare(dir):
            at = os.path.join(dir, "tmp2")
            os.mkdir(at)
            os.chmod(at, 0o1777)
            put(os.path.join(at, "out"), b"theirs")
            os.chown(os.path.join(at, "out"), 1234, 1234)
            open_to_all(dir)
            return lambda: os.unlink(os.path.join(at, "out"))
        return prepare

    def open_to_all(dir):
        d = dir
        while d != "/" and os.stat(d).st_uid == os.geteuid():
            if os.stat(d).st_mode & 0o005 != 0o005:
                os.chmod(d, os.stat(d).st_mode | 0o055)
            d = os.path.dirname(d)
        os.chmod(os.path.join(dir, "rel.pem"), 0o644)
        os.chmod(place.pem, 0o644)
        for n in ("state", "tmp"):
            os.makedirs(os.path.join(dir, n), exist_ok=True)
            os.chmod(os.path.join(dir, n), 0o777)
    for verb, want in (("pack", WRITE), ("oci-archive", (3, "exists"))):
        row("F20", "%s in a sticky directory where the name is somebody else's" % verb, simple(verb, want, sticky(1234), out="tmp2/out", before=NOBODY), root=True)

    def theirs(mode):
        def prepare(dir):
            os.mkdir(os.path.join(dir, "theirs"))
            os.chmod(os.path.join(dir, "theirs"), mode)
            open_to_all(dir)
        return prepare
    for verb, want in (("pack", WRITE), ("oci", (5, "mkdir")), ("oci-archive", (5, "write"))):
        row("F20", "%s into a directory that this user may not write" % verb, simple(verb, want, theirs(0o755), out="theirs/out", before=NOBODY), root=True)

    def home(value, **more):
        return {"HOME": value, "GAPFERRY_STATE": None, **more}
    for what, value in (("unset", None), ("empty", ""), ("missing", "/no/such/home"), ("/dev/null", "/dev/null")):
        row("F20", "HOME is %s, and no state is given" % what, simple("oci", (1, "state"), lambda dir: open_to_all(dir), env=home(value, GAPFERRY_CONFIG=None), before=NOBODY, twin=False,
            look=lambda dir, r: [] if r.status and (b"state" in r.err) else ["expected to be told where the state could not be made: %s" % r.err]), root=True)
        row("F20", "verify: HOME is %s" % what, simple("verify", (0, "") if what == "missing" else (1, "state"), lambda dir: open_to_all(dir), env=home(value), before=NOBODY, twin=False), root=True)

    # ---- names of any bytes ----
    odd = ["a b", "-b.tar", "b\nc", "\x1b[2J", "b:c", "b@c", "\u00e9\u202e", b"\xff\xfe".decode(errors="surrogateescape"), "x" * 255, "'\"$(id)", "b%s%n", ".b", "b.tar ", "CON", "BUNDLE.001;1"]
    for name in odd:
        def named(dir, name=name):
            shutil.copy(os.path.join(dir, "b.tar"), os.path.join(dir, name))
        for verb in ("verify", "env", "sign"):
            # a name of 255 bytes leaves no room for .d
            want = (0, "") if not (verb == "sign" and len(name) == 255) else (1, None)
            row("F41", "%s %s" % (verb, ascii(name)[:20]), simple(verb, want, named, bundle="./" + name, twin=want[0] == 0))
        row("F41", "pack -o %s" % ascii(name)[:20], simple("pack", (0, ""), out="./" + name))

    def plain_names(dir, r):
        names = subprocess.run(["tar", "-tf", "b.tar"], cwd=dir, stdout=subprocess.PIPE, check=True).stdout.decode().split()
        return ["a name for few file systems: %s" % n for n in names + files_of(os.path.join(dir, "b.tar.d")) if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", n) or len(n) > 200] + (
            ["names that differ in case alone"] if len({n.lower() for n in names}) != len(names) else [])
    row("F40", "what is written has names that every file system takes", simple("sign", (0, ""), look=plain_names))

    # ---- a medium that fails while it is read ----
    def failing(verb, file, data, at, want):
        def work():
            dir = place.new(loaded=False)
            mend = place.mount_failing(dir, file, data, at)
            if mend is None:
                place.end(dir)
                return None, None
            before = files_of(dir)
            argv = place.argv(verb, os.path.join("ro", file), "new")
            r = place.run(dir, argv)
            bad = r.bad + r.differs(want)
            left = [k for k in files_of(dir) if k not in before and not k.startswith(("state", "tmp")) and not blob(dir, k)]
            bad += ["left behind: %s" % left] if left and r.status else []
            bad += ["loaded, says the log"] if r.status and r.types(dir) & {"loaded", "complete", "accepted"} else []
            bad += ["the message names no file: %s" % r.err] if r.status and file.encode() not in r.err else []
            mend()
            again = place.run(dir, argv)
            bad += ["again: " + x for x in again.bad + again.differs((0, ""))]
            place.end(dir)
            return bad, r
        return work
    readers = ("verify", "inspect", "oci", "oci-archive", "docker-archive", "env")
    for what, share in (("altogether", None), ("at its begin", 0), ("at its end", 1)):
        for verb, file, data in [(v, "b.tar", place.bundle) for v in readers] + [("pack", "src.tar", src)]:
            want = (1, "open") if share is None else (0, "") if verb == "inspect" and share else (1, "read")
            row("F02", "a medium that fails %s: %s" % (what, verb), failing(verb, file, data, share and (len(data) - 1) * share, want), root=True)

    # ---- C44-C46, F46: what is given as a bundle, and what lies beside it ----
    def fed(dir):
        os.mkfifo(os.path.join(dir, "fifo"))
        subprocess.Popen(["sh", "-c", "exec cat b.tar >fifo"], cwd=dir)

    def bound(dir):
        s = socket.socket(socket.AF_UNIX)
        s.bind(os.path.join(dir, "socket"))
        s.close()

    def link(dir):
        os.symlink("b.tar", os.path.join(dir, "link"))
    for verb in ("verify", "inspect", "env"):
        row("C44", "%s of a FIFO through which a bundle comes" % verb, simple(verb, (0, ""), fed, bundle="fifo", twin=False))
        row("C44", "%s of a link to a bundle" % verb, simple(verb, (0, ""), link, bundle="link"))
        for what, path, want, prepare in (("/dev/zero", "/dev/zero", (2, "medium"), None), ("/dev/null", "/dev/null", (2, "medium"), None), ("a socket", "socket", (2, "open"), bound), ("its own memory", "/proc/self/mem", (4, "tar-head"), None)):
            row("C44", "%s of %s" % (verb, what), simple(verb, want, prepare, bundle=path, twin=False))
    for path, name in (("/dev/zero", "archive-tail"), ("/dev/null", "archive-format"), ("/proc/self/mem", "archive-format")):
        row("C44", "pack of %s" % path, simple("pack", (4, name), bundle=path, twin=False))

    def terabyte(name):
        return lambda dir: os.truncate(os.path.join(dir, name), 1 << 40)
    for verb, want in (("verify", (4, "tar-end")), ("inspect", (4, "tar-end")), ("env", (4, "tar-end"))):
        row("C45", "%s of a bundle on a terabyte of zeros" % verb, simple(verb, want, terabyte("b.tar"), twin=False))
    row("C45", "pack of an archive on a terabyte of zeros", simple("pack", (0, ""), terabyte("src.tar")))

    def crowd(n, ext):
        def prepare(dir):
            os.mkdir(os.path.join(dir, "b.tar.d"))
            for i in range(n):
                put(os.path.join(dir, "b.tar.d", "manifest.json.%016x.%s" % (i, ext)), b"x\n")
            os.makedirs(os.path.join(dir, "b.tar.d", *["deep"] * 100))
            put(os.path.join(dir, "b.tar.txt"), b"b.tar: VERIFIED\n")
        return prepare
    for verb in ("verify", "inspect", "env"):
        row("C46", "%s of a bundle beside files that it does not know" % verb, simple(verb, (0, ""), crowd(3, "txt")))
        for ext in ("txt", "sig"):
            row("F46", "%s of a bundle that has 5,000 companions: %s" % (verb, ext), simple(verb, (4, "too-large"), crowd(5000, ext), twin=False))

    # ---- F09: temporary files are elsewhere ----
    def elsewhere(dir):
        place.mount(os.path.join(dir, "elsewhere"), "size=1m")
    for verb in ("verify", "env", "oci-archive", "pack", "sign"):
        row("F09", "%s with TMPDIR on another file system" % verb, simple(verb, (0, ""), elsewhere, env={"TMPDIR": "elsewhere"}), root=True)

    # ---- F13: a refusal that the log has no room for ----
    def speechless(dir):
        place.mount(os.path.join(dir, "state"), "size=4k")
        put(os.path.join(dir, "state", "full"), b"x")
        put(os.path.join(dir, "b.tar"), place.bundle.replace(b'"epoch": 1', b'"epoch": 2', 1))
        return lambda: put(os.path.join(dir, "b.tar"), place.bundle) or subprocess.run(["mount", "-o", "remount,size=1m", os.path.join(dir, "state")], check=True)
    for verb in ("verify", "env"):
        row("F13", "%s of another's statement where the state is full" % verb, simple(verb, (3, "signature"), speechless), root=True)

    # ---- a medium that changes while it is read ----
    def swapped(change, want, names, first=()):
        """change(dir) is done when the daemon is asked what it has: the head is judged, and nothing else has been read.  With
        --verify-first it is a registry, at its first upload: all has been read, and is read again."""
        def begin(dir):
            if not first:
                d = Daemon(os.path.join(dir, "d.sock"))
                d.steps["list"] = lambda h: d.steps.pop("list") and change(dir)
                return d, ["docker-daemon:", "-H", d.host], lambda: sorted(d.names)
            r = Registry()
            todo = [lambda: change(dir)]
            r.before = lambda h: bool(todo and h.command == "POST" and todo.pop()())
            return r, ["docker://%s/p" % r.host], r.tags

        def work():
            dir = place.new(loaded=False)
            put(os.path.join(dir, "b.tar"), place.big)
            put(os.path.join(dir, "other.tar"), place.bundle)
            peer, to, shown = begin(dir)
            argv = ["unpack", "--key", place.pub, *first, "--to", *to, "--json", "b.tar"]
            r = place.run(dir, argv)
            bad = r.bad + r.differs(want)
            bad += ["names are %s" % shown()] if bool(shown()) != names else []
            put(os.path.join(dir, "new.tar"), place.big)
            os.rename(os.path.join(dir, "new.tar"), os.path.join(dir, "b.tar"))
            again = place.run(dir, argv)
            bad += ["again: " + x for x in again.bad + again.differs((0, ""))]
            peer.end()
            place.end(dir)
            return bad, r
        return work

    def overwrite(dir):
        with open(os.path.join(dir, "b.tar"), "r+b") as f:
            f.write(place.bundle)

    def flip(dir):
        with open(os.path.join(dir, "b.tar"), "r+b") as f:
            f.seek(-3 << 20, 2)
            c = f.read(1)
            f.seek(-1, 1)
            f.write(bytes([c[0] ^ 1]))

    for what, change, want, names in (
            ("another bundle takes its name", lambda dir: os.rename(os.path.join(dir, "other.tar"), os.path.join(dir, "b.tar")), (0, ""), True), ("it is removed", lambda dir: os.unlink(os.path.join(dir, "b.tar")), (0, ""), True),
            ("another bundle is written over it", overwrite, (4, None), False), ("a bit flips", flip, (4, "blob-digest"), False), ("it is cut", lambda dir: os.truncate(os.path.join(dir, "b.tar"), 1 << 20), (4, "cut-short"), False),
            ("it is emptied", lambda dir: os.truncate(os.path.join(dir, "b.tar"), 0), (4, "cut-short"), False)):
        row("F30", "while it is read, %s" % what, swapped(change, want, names))
        row("F30", "between its two readings, %s" % what, swapped(change, want, names, ("--verify-first",)))

    names = [n for n, _ in todo]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for name, done in zip(names, pool.map(lambda w: w[1]() if w[1] else (None, None), todo)):
            yield (name, *done)
