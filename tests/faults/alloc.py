#!/usr/bin/env python3
# alloc.py DIR SHIM SECONDS|ways|each [JOB...] - each job (below) once for each allocation that can be made to fail (alloc.c).
#
# After each: no death by a signal, no hang, a message where it failed, no child, no file or tag beside those that may be
# there, and 0 only with the result of a run without faults; and the same command again, without a fault, succeeds.
# "each" places every fault; "ways" one for each way of calls to an allocation, a sixth of them; SECONDS as many of those as
# that time allows, spread evenly.  DIR holds image.tar, release.pem, release.pub and app.tar.  Prints TAP.
import os, struct, subprocess, sys
import jobs

base, shim, which, wanted = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
budget = 0 if which in ('each', 'ways') else float(which)
WAYS, HEAD = 1 << 16, 4096
SIZE = HEAD + 2 * WAYS * 8
ROLES = ('parent', 'child')

# Where a library kills the process that it finds no memory in: its own OPENSSL_assert of the lists of its secure heap.
ABORTS = {'libcrypto.so.3:CRYPTO_secure_malloc_init'}
# What libcurl says where OpenSSL found no memory, and does not tell why.
UNSAID = b'error setting certificate file: '


def shimmed(fail):
    """The environment of a run in which this one fails."""
    with open(REPORT, 'wb') as f:
        f.truncate(SIZE)
    return dict(LD_PRELOAD=shim, GF_ALLOC_FILE=REPORT, GF_ALLOC_FAIL=fail)


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


def strike(job, fault):
    status = job.run(**shimmed('%s:%d' % (ROLES[fault[0]], fault[1])))
    return status if failure()[0] else None  # fewer this time: a thread, a random number


def judge(job, fault, clean, status):
    where = failure()[1]
    wrong = job.wrong(status, clean,
                      # 5 where a target had no memory: it is what failed.
                      lambda end: end == 1 or end == 5 and (job.err.strip().endswith(b'out of memory') or UNSAID in job.err),
                      lambda: bool(ABORTS.intersection(frames(where).split())))
    return wrong and '%s at %s:%d, %s' % (wrong, ROLES[fault[0]], fault[1], frames(where))


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


def every(job, seconds):
    clean = job.clean()
    if job.clean(**shimmed('parent:0')) != clean:
        sys.exit('the run that counts has another result')
    todo = places(report(), which != 'each')
    # In a sample first the child's, which are few.
    if seconds:
        todo = [p for p in todo if p[0] == 1] + jobs.strides([p for p in todo if p[0] == 0])
    bad, placed = jobs.loop(job, clean, todo, strike, lambda j, fault, status: judge(j, fault, clean, status), seconds)
    return bad, placed, len(todo)


def main(top):
    bundle, key = base + '/app.tar', ['--key', base + '/release.pub']
    registry = 'docker://' + jobs.registry(top)
    subprocess.run([jobs.gapferry, 'unpack', '-q', *key, '--to', registry + '/source', bundle], check=True, stdout=subprocess.DEVNULL)
    pack = ['pack', '-q', '-j1', '-o', 'out/app.tar', '--key', base + '/release.pem', '--stream', 'app', '--sequence', '7',
            '--created', '2026-01-02T03:04:05Z']
    unpack = ['unpack', '-q', '-j1', *key, bundle]
    every_job = [
        jobs.Job(top, 'pack', [*pack, base + '/image.tar'], True),
        jobs.Job(top, 'pack from a registry', [*pack, registry + '/source/team/app:1.2'], True),
        jobs.Job(top, 'verify', ['verify', '--json', *key, bundle], False),
        jobs.Job(top, 'inspect', ['inspect', '--json', *key, bundle], False),
        jobs.Job(top, 'unpack to a layout', [*unpack, '--to', 'oci:out/layout'], True),
        jobs.Job(top, 'unpack to an archive', [*unpack, '--to', 'oci-archive:out/archive.tar'], True),
        jobs.Push(top, 'unpack to a registry', unpack),
        jobs.Push(top, 'unpack to a registry over TLS', [*unpack, '--ca-file', top + '/tls/registry.ca'], '/tls'),
    ]
    todo = [j for j in every_job if not wanted or j.name in wanted]
    what = 'allocations' if which == 'each' else 'ways to an allocation'
    return jobs.report(todo, what, lambda job: every(job, budget / len(todo)))


with jobs.place(base, tls=True) as top:
    REPORT = top + '/report'
    failures = main(top)
sys.exit(1 if failures else 0)
