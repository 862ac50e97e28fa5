# jobs.py - what the loops over faults share (alloc.py, syscalls.py): a command that is run again and again in a place of
# its own, and what must hold after each run.
import contextlib, ctypes, hashlib, itertools, os, re, shutil, signal, subprocess, sys, tempfile, time

gapferry = os.environ['GAPFERRY']
STRIDE = 101
# What unpack may leave in its state.
STATE = re.compile(r'audit\.jsonl|lock|state\.json|checkpoint|site\.(pem|pub)|'
                   r'records/[0-9a-f]{64}/(manifest|receipt-[0-9a-f]{16})\.json(\.[0-9a-f]{16}\.sig)?')
# What makes an image visible, in a layout and in a registry.
NAMES = re.compile(r'index\.json$|/_manifests/tags/')


SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def ends(number, _):
    for other in SIGNALS:  # a second one must not end the cleaning up
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


@contextlib.contextmanager
def place(base, tls=False):
    """A directory for all runs, with a registry in it (servers.sh), and with tls another one in TOP/tls; nothing of it stays.
    Each run syncs its files: in memory, where there is a place for that."""
    prctl = ctypes.CDLL(None).prctl
    for number in SIGNALS:
        signal.signal(number, ends)
    prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG: the end of who started this
    top = tempfile.mkdtemp(prefix='gapferry-faults.', dir='/dev/shm' if os.access('/dev/shm', os.W_OK) else base)
    try:
        server(top, 'start_registry "$1"')
        if tls:
            os.mkdir(top + '/tls')
            server(top + '/tls', 'start_registry "$1" tls')
        prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: whom gapferry leaves becomes a child of this
        yield top
    finally:
        server(top, 'stop_server "$1/registry.pid"; stop_server "$1/tls/registry.pid"')
        shutil.rmtree(top)


def server(top, call):
    """A function of servers.sh."""
    subprocess.run(['bash', '-c', '. "$0"; ' + call, os.path.join(os.path.dirname(__file__), '../lib/servers.sh'), top],
                   check=True, stdin=subprocess.DEVNULL)


def registry(top):
    with open(top + '/registry.port') as f:
        return '127.0.0.1:' + f.read().strip()


def tree(top):
    """{path: digest} of every file below."""
    out = {}
    for here, _, names in os.walk(top):
        for name in names:
            path = os.path.join(here, name)
            with open(path, 'rb') as f:
                out[os.path.relpath(path, top)] = hashlib.sha256(f.read()).hexdigest()
    return out


def pushed(repositories):
    """What lies in repositories of a registry.  An upload that was begun and not ended is the registry's to purge (README)."""
    return {f: digest for f, digest in tree(repositories).items() if '/_uploads/' not in f}


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


class Job:
    """One command: run in TOP/run, which holds out, tmp and state.  Its result is out, or what it says.
    seed: what lies in TOP/run before, if anything; ends: its status without a fault."""

    def __init__(self, top, name, argv, outputs, seed=None, ends=0, env={}):
        self.name, self.argv, self.outputs, self.seed, self.ends, self.env = name, argv, outputs, seed, ends, env
        self.top = os.path.join(top, 'run')

    def fresh(self):
        shutil.rmtree(self.top, ignore_errors=True)
        if self.seed:
            shutil.copytree(self.seed, self.top, symlinks=True)
        for d in ('out', 'tmp'):
            os.makedirs(os.path.join(self.top, d), exist_ok=True)

    def run(self, before=(), **env):
        env = dict(os.environ, TMPDIR=self.top + '/tmp', GAPFERRY_STATE=self.top + '/state', ASAN_OPTIONS='detect_leaks=0',
                   **self.env, **env)
        p = subprocess.Popen([*before, gapferry, *self.argv], cwd=self.top, env=env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.said, self.err = p.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            return 'hang'
        finally:
            if p.poll() is None:
                p.kill()
                p.communicate()
        return p.returncode

    def made(self):
        """What a run has made where its user looks: {path: digest}."""
        return tree(self.top + '/out')

    def written(self):
        """Has it written anything?  Else the next run is the clean one."""
        return tree(self.top) != (tree(self.seed) if self.seed else {}) or bool(self.made())

    def result(self):
        return self.made() if self.outputs else self.said

    def left(self, clean):
        """What lies there and may not, after a run that failed."""
        left = os.listdir(self.top + '/tmp')
        if self.outputs:
            made = self.made()
            left += [f for f, digest in made.items() if clean.get(f) != digest]
            if any(NAMES.search(f) for f in made):
                left += ['a name without ' + f for f in clean if f not in made]
            left += [f for f in tree(self.top + '/state') if not STATE.fullmatch(f)] if os.path.isdir(self.top + '/state') else []
        return left

    def clean(self, **how):
        """The result of a run without a fault."""
        self.fresh()
        if self.run(**how) != self.ends:
            raise SystemExit('%s: the clean run failed: %s' % (self.name, self.err.decode()))
        return self.result()

    def wrong(self, status, clean, may_end, may_abort=lambda: False):
        """What is wrong after a run with a fault, or None.  may_end(status): is this the end of such a run?"""
        if status == 'hang':
            return 'hangs'
        aborted = status == -signal.SIGABRT and may_abort()
        if status < 0 and not aborted:
            return 'died of ' + signal.Signals(-status).name
        if orphans():
            return 'leaves a child'
        if status == self.ends:
            return None if self.result() == clean else 'ended with %d and another result' % status
        if not self.err.strip():
            return 'ended with %d and no message' % status
        if not aborted and not may_end(status):
            return 'ended with %d: %s' % (status, self.err.decode().strip().split('\n')[-1])
        left = self.left(clean)
        return 'leaves ' + ' '.join(left) if left else None

    def wrong_after(self, clean):
        """What is wrong with the same command again, or None."""
        if self.run() != self.ends:
            return 'the run after it fails: ' + self.err.decode().strip()
        return 'the run after it has another result' if self.outputs and self.result() != clean else None


class Push(Job):
    """An unpack into the registry: each time under a prefix of its own, for a registry has no undo."""

    numbers = itertools.count(10000000)
    repositories = None

    def __init__(self, top, name, argv, below=''):
        """below: where in TOP the registry is."""
        super().__init__(top, name, argv, True)
        self.place, self.before = top + below, argv

    def fresh(self):
        super().fresh()
        if self.repositories:
            shutil.rmtree(self.repositories, ignore_errors=True)
        prefix = 'r%d' % next(self.numbers)
        self.repositories = '%s/registry/docker/registry/v2/repositories/%s' % (self.place, prefix)
        self.argv = [*self.before, '--to', 'docker://%s/%s' % (registry(self.place), prefix)]

    def made(self):
        return pushed(self.repositories)


def strides(faults):
    """In an order of which any part sees all of the run."""
    return [faults[i] for s in range(STRIDE) for i in range(s, len(faults), STRIDE)]


def loop(job, clean, faults, strike, judge, seconds):
    """Each fault in a run of its own, as many as there is time for (0: all).  strike(job, fault): the status, or None
    where it did not come to pass; judge(job, fault, status): what is wrong.  Returns what was wrong, and how many."""
    began = time.monotonic()
    bad, placed = [], 0
    for fault in faults:
        if seconds and time.monotonic() - began > seconds:
            break
        job.fresh()
        status = strike(job, fault)
        if status is None:
            continue
        placed += 1
        wrong = judge(job, fault, status)
        if not wrong and status != job.ends and job.written():
            wrong = job.wrong_after(clean)
        if wrong:
            bad.append('%s %s' % (job.name, wrong))
            print('# ' + bad[-1], flush=True)
    return bad, placed


def report(jobs, what, run, how='failed'):
    """TAP; run(job): what was wrong, how many were placed, of how many.  Returns how many jobs failed."""
    failed = 0
    for i, job in enumerate(jobs, 1):
        bad, placed, of = run(job)
        print('%sok %d - %s: %d of %d %s %s' % ('not ' if bad or not placed else '', i, job.name, placed, of, what, how), flush=True)
        failed += bool(bad or not placed)
    print('1..%d' % len(jobs))
    return failed
