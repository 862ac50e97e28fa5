#!/usr/bin/env python3
# syscalls.py fail|kill DIR TRACER SECONDS - each system call of pack, verify, inspect and unpack fails, or is the last.
#
# A place is ROLE:NAME:N, the N-th call of that name by the program with all its threads, or by the children that it
# contains (syscalls.c).  fail: with each error that the call has in the field (ERRORS).  After it no death by a signal,
# no hang, no child, no file beside those that may be there; an error with a name, or the result of a run without
# faults; a bundle that is refused stays so; and the same command again, without a fault, succeeds.
# kill: SIGKILL where the call is entered.  What lies there is then a state that the papers name, and the same command
# again has the result of a run that nobody disturbed.
# SECONDS 0 takes every place; else it is as many as that time allows, every name of a call in turn.  Prints TAP.
import errno, json, os, re, shutil, subprocess, sys
import jobs

mode, base, tracer, budget = sys.argv[1], os.path.abspath(sys.argv[2]), sys.argv[3], float(sys.argv[4])
ROLES = ('child', 'parent')

# What each call returns in the field when it fails.  A second or third error is one that has a way of its own.
ERRORS = {
    'access': 'EACCES', 'bind': 'EADDRINUSE', 'brk': 'ENOMEM', 'clone': 'EAGAIN', 'clone3': 'EAGAIN', 'close': 'EIO EINTR',
    'close_range': 'ENOSYS', 'connect': 'ECONNREFUSED ETIMEDOUT', 'copy_file_range': 'EIO EXDEV', 'epoll_create1': 'EMFILE',
    'eventfd2': 'EMFILE', 'faccessat': 'EACCES', 'faccessat2': 'EACCES', 'fallocate': 'ENOSPC EOPNOTSUPP', 'fchmod': 'EPERM EIO', 'fcntl': 'EMFILE',
    'fdatasync': 'EIO', 'flock': 'ENOLCK EINTR', 'fork': 'EAGAIN', 'fstat': 'EIO', 'fstatfs': 'EIO', 'fsync': 'EIO ENOSPC',
    'ftruncate': 'EIO ENOSPC', 'getcwd': 'ENOMEM', 'getdents64': 'EIO', 'getpeername': 'ENOTCONN', 'getrandom': 'EINTR',
    'getsockname': 'ENOBUFS', 'getsockopt': 'ENOBUFS', 'ioctl': 'EIO', 'kill': 'EPERM', 'landlock_create_ruleset': 'ENOSYS EOPNOTSUPP',
    'landlock_restrict_self': 'E2BIG EPERM', 'linkat': 'EIO ENOSPC EPERM', 'listen': 'EADDRINUSE', 'lseek': 'EIO', 'lstat': 'EIO EACCES',
    'madvise': 'ENOMEM', 'mkdir': 'ENOSPC EACCES', 'mkdirat': 'ENOSPC EACCES', 'mlock': 'ENOMEM EPERM', 'mlock2': 'ENOMEM EPERM',
    'mmap': 'ENOMEM', 'mprotect': 'ENOMEM', 'mremap': 'ENOMEM', 'munlock': 'ENOMEM', 'munmap': 'ENOMEM', 'newfstatat': 'EIO EACCES',
    'open': 'EMFILE EACCES EIO', 'openat': 'EMFILE EACCES EIO', 'pipe2': 'EMFILE', 'poll': 'EINTR ENOMEM', 'ppoll': 'EINTR ENOMEM',
    'prctl': 'EPERM', 'pread64': 'EIO EINTR', 'prlimit64': 'EPERM', 'pwrite64': 'EIO ENOSPC EINTR', 'read': 'EIO EINTR',
    'readlink': 'EACCES', 'readlinkat': 'EACCES', 'readv': 'EIO EINTR', 'recvfrom': 'ECONNRESET EINTR', 'recvmsg': 'ECONNRESET EINTR',
    'rename': 'EIO ENOSPC', 'renameat': 'EIO ENOSPC', 'renameat2': 'EIO EINVAL', 'sched_getaffinity': 'EPERM',
    'seccomp': 'EINVAL EPERM', 'sendmsg': 'EPIPE EINTR', 'sendmmsg': 'EPERM', 'sendto': 'ECONNRESET EINTR', 'set_robust_list': 'ENOSYS',
    'setsockopt': 'ENOBUFS', 'socket': 'EMFILE EACCES', 'socketpair': 'EMFILE', 'stat': 'EIO EACCES', 'statfs': 'EIO',
    'statx': 'EIO EACCES', 'sync_file_range': 'EIO', 'sysinfo': 'EPERM', 'uname': 'EPERM', 'unlink': 'EIO EACCES', 'unlinkat': 'EIO EACCES',
    'wait4': 'EINTR', 'waitid': 'EINTR', 'write': 'EIO ENOSPC EINTR', 'writev': 'EPIPE EINTR',
}
# Those that do not fail, or in the C library's hands only by a bug of it: it ends the process then, and is right.
NEVER = set('arch_prctl exit exit_group futex getpid getppid gettid getuid geteuid getgid getegid rt_sigaction rt_sigprocmask rt_sigreturn '
            'sched_yield set_tid_address rseq umask clock_gettime nanosleep clock_nanosleep restart_syscall rt_sigtimedwait'.split())


def numbers():
    """{number: name} of the system calls of this machine."""
    text = subprocess.run(['gcc', '-E', '-dM', '-'], input='#include <asm/unistd.h>\n', capture_output=True, text=True, check=True).stdout
    return {int(n): name for name, n in re.findall(r'#define __NR_(\w+) (\d+)$', text, re.M)}


NAMES = numbers()
NUMBER = {name: n for n, name in NAMES.items()}


def under(place, error=0):
    """The tracer, to place a fault; place None: to list the calls."""
    if place is None:
        return [tracer, REPORT, '-']
    role, name, n = place
    return [tracer, REPORT, '%s:%d:%d:%d' % (role, NUMBER[name], n, error)]


def reported():
    with open(REPORT, errors='replace') as f:
        return f.read().splitlines()


def calls(job):
    """The places of a run, from the first to the last, and its result."""
    clean = job.clean(before=under(None))
    count, places = {}, []
    for line in reported():
        role, number = line.split()
        key = role, NAMES[int(number)]
        count[key] = count.get(key, 0) + 1
        places.append((*key, count[key]))
    return places, clean


def rotated(faults, start):
    """Every name in turn: one fault of each, then another of each; those of one name far apart."""
    by_name = {}
    for f in faults:
        by_name.setdefault(f[0][:2], []).append(f)
    lists = [[of[i] for i in sorted(range(len(of)), key=lambda i: (i + 1) * 0.6180339887 % 1)] for of in by_name.values()]
    lists = lists[start % len(lists):] + lists[:start % len(lists)]
    return [of[i] for i in range(max(map(len, lists))) for of in lists if i < len(of)]


def written(place, error):
    return '%s:%s:%d' % place + (' with ' + errno.errorcode[error] if error else '')


# ---- the jobs ----

# What a file is called that is to take another one's place: a run that was killed just then leaves it.
TEMPORARY = re.compile(r'(.*/)?\.[^/]+\.[A-Za-z0-9]{6}(/.*)?')


class Named(jobs.Job):
    """With --json: a run that fails gives its error a name, unless it was stdout that failed."""
    fault, error = [''], 0  # what the tracer says; which error, 0 for a kill
    old = {}

    def stdout_failed(self):
        return self.fault[0].startswith('fired 0x1<')

    def wrong(self, status, clean, may_end, may_abort=lambda: False):
        wrong = super().wrong(status, clean, may_end, may_abort)
        if wrong or status == self.ends or self.stdout_failed():
            return wrong
        try:
            return None if re.fullmatch('[a-z0-9-]+', json.loads(self.said)['error']['name']) else 'an error without a name'
        except (ValueError, KeyError, TypeError):
            return 'no error in what it prints: %r' % self.said.decode()

    def result(self):
        return {f: d for f, d in super().result().items() if mode == 'fail' or not TEMPORARY.fullmatch(f)}

    def left(self, clean):
        return os.listdir(self.top + '/tmp') + [f for f, d in self.result().items() if d not in (clean.get(f), self.old.get(f))]


class Verdict(Named):
    """verify, inspect: the result is what they say."""

    def __init__(self, top, name, argv, state, ends=0, **env):
        super().__init__(top, name, argv, False, base + '/' + state, ends, {'GAPFERRY_CONFIG': base + '/config', **env})

    def result(self):
        return self.said

    def left(self, clean):
        return os.listdir(self.top + '/tmp')

    def wrong(self, status, clean, may_end, may_abort=lambda: False):
        # What is refused stays refused where nobody can be told.
        if self.ends == status == 3 and self.stdout_failed():
            return None
        return super().wrong(status, clean, may_end, may_abort)


class Refusal(Verdict):
    """unpack of what is refused: the target stays as it is."""

    def __init__(self, top, name, argv, state):
        self.target = jobs.tree(base + '/to-test')
        super().__init__(top, name, argv, state, 3)

    def wrong(self, status, clean, may_end, may_abort=lambda: False):
        return super().wrong(status, clean, may_end, may_abort) or \
            (None if jobs.tree(base + '/to-test') == self.target else 'changes the target')


class Pack(Named):
    """In a git checkout, into a new place or over release 6."""

    def __init__(self, top, name, out, seed='checkout'):
        super().__init__(top, name, ['pack', '--json', '-j2', '-o', out, '--key', base + '/packer.pem', '--stream', 'shop', '--sequence', '7',
                                     '--created', '2026-01-02T03:04:05Z', base + '/image.tar'], True, base + '/' + seed)
        self.old = jobs.tree(self.seed + '/out')

    def wrong(self, status, clean, may_end, may_abort=lambda: False):
        # What of a checkout is not ours to read is left out of the manifest.
        if status == 0 and '/.git' in self.fault[0] and self.error == errno.EACCES:
            return None
        return super().wrong(status, clean, may_end, may_abort)

    def wrong_state(self, clean):
        there = self.result()
        return os.listdir(self.top + '/tmp') + ([] if there in (self.old, clean) else ['half a bundle: ' + ' '.join(there)])

    def wrong_after(self, clean):
        if self.argv[4].endswith('/') and self.result() == clean:
            return None  # what came last failed, and a directory that is there is never replaced
        return super().wrong_after(clean)


class Unpack(Named):
    """Release 7 into a target that shows release 6 under the same name."""

    def __init__(self, top, target):
        self.config, self.target, self.seen = os.path.join(top, target + '.config'), target, set()
        super().__init__(top, 'unpack into ' + target, ['unpack', '--json', '--env', 'test', base + '/shop-7.tar'], True, None, 0,
                         {'GAPFERRY_CONFIG': self.config})
        shutil.copytree(base + '/config', self.config)
        self.environment()
        self.fresh()
        argv, self.argv = self.argv, ['unpack', '-q', '--env', 'test', base + '/shop-6.tar']
        if self.run() != 0:
            sys.exit('%s: release 6: %s' % (self.name, self.err.decode()))
        self.argv, self.old = argv, self.result()
        self.seed = os.path.join(top, target + '.seed')
        shutil.copytree(self.top, self.seed)

    def environment(self):
        self.write('{%s: "%s/out/%s"}' % (self.target, self.top, self.target))

    def write(self, target):
        with open(self.config + '/environments/test.yaml', 'w') as f:
            f.write('environment: test\ntargets: [%s]\non-existing: overwrite\n' % target)

    def left(self, clean):
        state = [f for f in jobs.tree(self.top + '/state') if not jobs.STATE.fullmatch(f)]
        return super().left(clean) + state + self.wrong_log(torn=True)

    def wrong_log(self, torn):
        """[] or what is wrong with the log."""
        p = subprocess.run([jobs.gapferry, 'log', 'verify', '--json'], env=dict(os.environ, GAPFERRY_STATE=self.top + '/state'),
                           capture_output=True, text=True)
        if p.returncode != 0:
            return ['a log that does not verify: ' + p.stdout + p.stderr]
        said = json.loads(p.stdout)
        whole = said['torn'] == 0 and said['checkpoint'] == said['lines'] and said['cache'] == 'fits'
        return [] if torn or whole else ['a log that is not whole: ' + p.stdout]

    def wrong_state(self, clean):
        # Each file is release 6's, or release 7's, and state and target have nothing else but what a rename left.
        state = [f for f in jobs.tree(self.top + '/state') if not jobs.STATE.fullmatch(f) and not TEMPORARY.fullmatch(f)]
        return super().left(clean) + state + self.wrong_log(torn=True) + self.wrong_images()

    def wrong_images(self):
        """Whatever a name shows is whole: skopeo reads all of it, once for each state."""
        there = self.result()
        state = tuple(sorted(there.items()))
        if state in self.seen:
            return []
        for name in self.names(there):
            to = os.path.join(self.top, 'copied')
            shutil.rmtree(to, ignore_errors=True)
            p = subprocess.run(['skopeo', 'copy', '-q', '--src-tls-verify=false', name, 'dir:' + to], capture_output=True, text=True)
            if p.returncode != 0:
                return ['%s, which skopeo cannot read: %s' % (name, p.stderr.strip())]
        self.seen.add(state)
        return []

    def names(self, there):
        if self.target == 'oci-archive':
            return ['oci-archive:%s/out/oci-archive' % self.top]
        with open(self.top + '/out/oci/index.json') as f:
            entries = json.load(f)['manifests']
        if len(entries) != 1:
            return ['%d entries' % len(entries)]
        return ['oci:%s/out/oci:%s' % (self.top, entries[0]['annotations']['org.opencontainers.image.ref.name'])]

    def wrong_after(self, clean):
        return super().wrong_after(clean) or ', '.join(self.wrong_log(torn=False)) or None


class Registry(Unpack):
    """Each run has a prefix of its own there.  The result is what lies below that in the registry's storage."""
    runs = 0

    def __init__(self, top):
        self.repositories, self.address, self.prefix = top + '/registry/docker/registry/v2/repositories', jobs.registry(top), 'seed'
        super().__init__(top, 'registry')

    def environment(self):
        self.write('{registry: "%s/%s"}' % (self.address, self.prefix))

    def below(self):
        return os.path.join(self.repositories, self.prefix)

    def fresh(self):
        super().fresh()
        if self.seed:
            if self.runs > 0:
                shutil.rmtree(self.below(), ignore_errors=True)
            self.runs += 1
            self.prefix = 'r%d' % (10000000 + self.runs)
            shutil.copytree(self.repositories + '/seed', self.below())
            self.environment()

    def made(self):
        return jobs.pushed(self.below())

    def names(self, there):
        return ['docker://%s/%s/%s' % (self.address, self.prefix, re.sub('/_manifests/tags/(.*)/current/link', r':\1', f))
                for f in there if f.endswith('/current/link')]


def all_jobs(top):
    prod = ['verify', '--json', '--env', 'prod']
    writing = [
        lambda: Pack(top, 'pack', 'out/shop.tar'),
        lambda: Pack(top, 'pack over an older bundle', 'out/shop.tar', 'packed'),
        lambda: Pack(top, 'pack a directory', 'out/shop/'),
        lambda: Unpack(top, 'oci'),
        lambda: Unpack(top, 'oci-archive'),
        lambda: Registry(top),
    ]
    reading = [
        lambda: Verdict(top, 'verify', [*prod, base + '/approved/shop-7.tar'], 'tested'),
        lambda: Verdict(top, 'inspect', ['inspect', '--json', base + '/shop-7.tar'], 'nothing', GAPFERRY_CONFIG='', HOME=base + '/home'),
        lambda: Verdict(top, 'verify what carol has rejected', [*prod, base + '/rejected/shop-7.tar'], 'tested', 3),
        lambda: Verdict(top, 'verify what carol has rejected once', [*prod, base + '/approved/shop-7.tar'], 'kept', 3),
        lambda: Verdict(top, 'verify under a trust file that comes with it', [*prod, base + '/revoked/shop-7.tar'], 'tested', 3),
        lambda: Verdict(top, 'verify what is below the floor', ['verify', '--json', '--env', 'test', base + '/shop-7.tar'], 'floor', 3),
        lambda: Refusal(top, 'unpack what is below the floor', ['unpack', '--json', '--env', 'test', base + '/shop-7.tar'], 'floor'),
        lambda: Verdict(top, 'verify what the trust file does not know', ['verify', '--json', '--env', 'test', base + '/strange.tar'],
                        'tested', 3, GAPFERRY_CONFIG=base + '/config-mallory'),
    ]
    only = os.environ.get('GF_ONLY', '.*')
    return [j for j in (make() for make in (writing + reading if mode == 'fail' else writing)) if re.fullmatch(only, j.name)]


# ---- what must hold ----

def may_end(job, status):
    # 2: a file that was named may not be read.
    return status in (1, 5) or status == 2 and job.error in (errno.EACCES, errno.EPERM)


def judge(job, clean, fault, status):
    place, error = fault
    killed = error == 0 and place[0] == 'parent'
    if 'left' in job.fault:
        wrong = 'leaves a process'
    elif not killed:
        wrong = job.wrong(status, clean, lambda end: may_end(job, end))
    elif jobs.orphans():
        wrong = 'leaves a child'
    else:
        wrong = ', '.join(job.wrong_state(clean)) or (None if status == -9 else 'ended with %s' % status)
    return wrong and '%s, at %s %s' % (wrong, written(*fault), job.fault[0][6:])


def faults_of(places):
    if mode == 'kill':
        # Between two calls that change nothing nothing is new.
        return [(p, 0) for p in places if not budget or re.fullmatch(CHANGING, p[1])]
    unknown = {p[1] for p in places if p[1] not in ERRORS and p[1] not in NEVER}
    if unknown:
        sys.exit('syscalls.py does not know how these fail: ' + ' '.join(sorted(unknown)))
    return [(p, getattr(errno, e)) for p in places for e in ERRORS.get(p[1], '').split()]


CHANGING = 'close|fsync|fallocate|ftruncate|linkat|mkdir|mkdirat|openat|pwrite64|renameat2?|sendto|unlinkat|write'


def every(job, seconds, start):
    places, clean = calls(job)
    faults = faults_of(places)
    count = {}

    def strike(j, fault):
        place, j.error = fault
        status = j.run(before=under(*fault))
        j.fault = reported()
        if not j.fault:
            return None  # fewer this time: threads
        count[place[1]] = count.get(place[1], 0) + 1
        return status
    bad, placed = jobs.loop(job, clean, rotated(faults, start) if seconds else faults, strike,
                            lambda j, fault, status: judge(j, clean, fault, status), seconds)
    print('# %s: %s' % (job.name, ', '.join('%s %d' % n for n in sorted(count.items()))), flush=True)
    return bad, placed, len(faults)


def main(top):
    todo = all_jobs(top)
    share = budget / len(todo)
    return jobs.report(todo, 'system calls', lambda job: every(job, share, 7 * todo.index(job)),
                       'failed' if mode == 'fail' else 'were the last')


with jobs.place(base) as top:
    REPORT = top + '/report'
    failures = main(top)
sys.exit(1 if failures else 0)
