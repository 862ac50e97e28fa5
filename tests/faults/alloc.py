#!/usr/bin/env python3
# alloc.py DIR SHIM SECONDS - pack, verify and unpack, once for each allocation that can be made to fail (alloc.c).
#
# After each: no death by a signal, no hang, a message where it failed, no child, no file beside those that may be
# there, and 0 only with the result of a run without faults; and the same command again, without a fault, succeeds.
# SECONDS 0 places every fault; else it is one for each way of calls to an allocation, as many as that time allows,
# spread evenly.  Prints TAP.
import ctypes, hashlib, os, re, shutil, signal, struct, subprocess, sys, tempfile, time

base, shim, budget = os.path.abspath(sys.argv[1]), sys.argv[2], float(sys.argv[3])
gapferry = os.environ['GAPFERRY']
WAYS, HEAD = 1 << 16, 4096
SIZE = HEAD + 2 * WAYS * 8
ROLES = ('parent', 'child')
STRIDE = 101
# Every run syncs its files: in memory, where there is a place for that.
TOP = tempfile.mkdtemp(prefix='gapferry-alloc.', dir='/dev/shm' if os.access('/dev/shm', os.W_OK) else base)
REPORT = os.path.join(base, 'report')
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: whom gapferry leaves becomes a child of this

# Where a library kills the process that it finds no memory in: its own OPENSSL_assert of the lists of its secure heap.
ABORTS = {'libcrypto.so.3:CRYPTO_secure_malloc_init'}


def tree(top):
    """{path: digest} of every file below."""
    out = {}
    for here, _, names in os.walk(top):
        for name in names:
            path = os.path.join(here, name)
            with open(path, 'rb') as f:
                out[os.path.relpath(path, top)] = hashlib.sha256(f.read()).hexdigest()
    return out


class Job:
    """One command: run in DIR/run, which holds out, tmp and state."""

    def __init__(self, name, argv, outputs):
        self.name, self.argv, self.outputs = name, argv, outputs
        self.top = os.path.join(TOP, 'run')

    def fresh(self):
        shutil.rmtree(self.top, ignore_errors=True)
        for d in ('out', 'tmp'):
            os.makedirs(os.path.join(self.top, d))

    def run(self, fail=None):
        env = dict(os.environ, TMPDIR=self.top + '/tmp', GAPFERRY_STATE=self.top + '/state', ASAN_OPTIONS='detect_leaks=0')
        if fail:
            with open(REPORT, 'wb') as f:
                f.truncate(SIZE)
            env.update(LD_PRELOAD=shim, GF_ALLOC_FILE=REPORT, GF_ALLOC_FAIL=fail)
        p = subprocess.Popen([gapferry, *self.argv], cwd=self.top, env=env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.said, self.err = p.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()
            return 'hang'
        return p.returncode

    def result(self):
        return tree(self.top + '/out') if self.outputs else self.said


def orphans():
    """Is a child left five seconds later?  A dead one is reaped, and is none."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.01)
        except ChildProcessError:
            return False
    return True


def report():
    """The ways of all allocations, by role."""
    with open(REPORT, 'rb') as f:
        data = f.read()
    counts = struct.unpack_from('QQ', data)
    if max(counts) > WAYS:
        sys.exit('more allocations than alloc.c has room for')
    return [struct.unpack_from('%dQ' % counts[r], data, HEAD + r * WAYS * 8) for r in range(2)]


def failure():
    """Did the fault come to pass, and where?"""
    with open(REPORT, 'rb') as f:
        data = f.read(HEAD)
    return struct.unpack_from('Q', data, 16)[0] != 0, data[24:].split(b'\0')[0].decode()


def frames(where):
    """The program's and the libraries' functions at the failure, innermost first."""
    out = []
    for line in where.splitlines()[2:16]:
        path, offset = line.rsplit(' ', 1)
        try:
            text = subprocess.run(['addr2line', '-fe', path, offset], capture_output=True, text=True).stdout.split('\n')[0]
        except OSError:
            text = '?'
        out.append('%s:%s' % (os.path.basename(path), text if text and text[0] != '?' else offset))
    return ' '.join(out)


def look(job, status, clean, where):
    """What is wrong after a run with a fault, or None."""
    if status == 'hang':
        return 'hangs'
    aborted = status == -signal.SIGABRT and bool(ABORTS.intersection(frames(where).split()))
    if status < 0 and not aborted:
        return 'died of ' + signal.Signals(-status).name
    if orphans():
        return 'leaves a child'
    if status == 0:
        return None if job.result() == clean else 'ended with 0 and another result'
    if not job.err.strip():
        return 'ended with %d and no message' % status
    # 5 where a target had no memory: it is what failed.
    if status != 1 and not aborted and not (status == 5 and job.err.strip().endswith(b'out of memory')):
        return 'ended with %d: %s' % (status, job.err.decode().strip().split('\n')[-1])
    left = os.listdir(job.top + '/tmp')
    if job.outputs:
        left += [f for f, digest in tree(job.top + '/out').items() if clean.get(f) != digest]
        left += [f for f in tree(job.top + '/state') if not STATE.fullmatch(f)] if os.path.isdir(job.top + '/state') else []
    return 'leaves ' + ' '.join(left) if left else None


STATE = re.compile(r'audit\.jsonl|lock|state\.json|checkpoint|site\.(pem|pub)|'
                   r'records/[0-9a-f]{64}/(manifest|receipt-[0-9a-f]{16})\.json(\.[0-9a-f]{16}\.sig)?')


def places(ways, sample):
    """(role, n) of every allocation; for a sample, of the first of each way."""
    out = []
    for role in range(2):
        seen = set()
        for n, way in enumerate(ways[role], 1):
            if not sample or way not in seen:
                seen.add(way)
                out.append((role, n))
    return out


def loop(job, seconds):
    job.fresh()
    if job.run() != 0:
        sys.exit('the clean run failed: ' + job.err.decode())
    clean = job.result()
    job.fresh()
    if job.run('parent:0') != 0 or job.result() != clean:
        sys.exit('the run that counts has another result')
    ways = report()
    began = time.monotonic()
    bad, placed = [], 0
    todo = places(ways, bool(seconds))
    # In a sample first the child's, which are few, then strides, so that any part of the time sees all of the run.
    if seconds:
        few, many = [[p for p in todo if p[0] == role] for role in (1, 0)]
        todo = few + [many[i] for s in range(STRIDE) for i in range(s, len(many), STRIDE)]
    for role, n in todo:
        if seconds and time.monotonic() - began > seconds:
            break
        job.fresh()
        status = job.run('%s:%d' % (ROLES[role], n))
        fired, where = failure()
        if not fired:
            continue  # fewer this time: a thread, a random number
        placed += 1
        wrong = look(job, status, clean, where)
        if not wrong and status != 0:
            if job.run() != 0:
                wrong = 'the run after it fails: ' + job.err.decode().strip()
            elif job.outputs and job.result() != clean:
                wrong = 'the run after it has another result'
        if wrong:
            bad.append('%s %s:%d %s at %s' % (job.name, ROLES[role], n, wrong, frames(where)))
            print('# ' + bad[-1], flush=True)
    return bad, placed, len(todo)


def main():
    bundle = base + '/app.tar'
    jobs = [
        Job('pack', ['pack', '-q', '-j1', '-o', 'out/app.tar', '--key', base + '/release.pem', '--stream', 'app', '--sequence', '7',
                     '--created', '2026-01-02T03:04:05Z', base + '/image.tar'], True),
        Job('verify', ['verify', '--json', '--key', base + '/release.pub', bundle], False),
        Job('unpack', ['unpack', '-q', '-j1', '--key', base + '/release.pub', '--to', 'oci:out/layout', bundle], True),
    ]
    failed = 0
    for i, job in enumerate(jobs, 1):
        bad, placed, of = loop(job, budget / len(jobs))
        what = 'ways to an allocation' if budget else 'allocations'
        print('%sok %d - %s: %d of %d %s failed' % ('not ' if bad or not placed else '', i, job.name, placed, of, what), flush=True)
        failed += bool(bad or not placed)
    print('1..%d' % len(jobs))
    return failed


try:
    failures = main()
finally:
    shutil.rmtree(TOP)
sys.exit(1 if failures else 0)
