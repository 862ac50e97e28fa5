"""One run of the program for the table: how it ended, what it said, and what no run may do: hang, take
memory, leave a process, a temporary file or a control character, or say a secret."""

import json
import os
import signal
import subprocess
import time

SECONDS = 60
MEMORY = 64 << 10  # KiB


def files_of(dir):
    """Every name below dir."""
    return sorted(os.path.relpath(os.path.join(base, n), dir) for base, dirs, files in os.walk(dir) for n in dirs + files)


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err, self.bad, self.name, self.text, self.object = status, out, err, [], "", "", {}

    def differs(self, want, word=None):
        """Complaints; want: (status, name), None in it for any but success."""
        bad = []
        if (want[0] is None and self.status not in (1, 2, 3, 4, 5)) or (want[0] is not None and self.status != want[0]) or (want[1] is not None and self.name != want[1]):
            bad.append("expected %s, found %s %s: %s" % (want, self.status, self.name, self.text or self.err.decode(errors="replace")[-700:]))
        if word and word not in self.err.decode(errors="replace"):
            bad.append("'%s' is not said: %s" % (word, self.err.decode(errors="replace")[-500:]))
        return bad

    def types(self, dir):
        path = os.path.join(dir, "state", "audit.jsonl")
        if not os.path.exists(path):
            return set()
        with open(path) as f:
            return {json.loads(x).get("type") for x in f}


class Program:
    def __init__(self, program, clean_env, bad_bytes):
        self.program, self.clean_env, self.bad_bytes = program, clean_env, bad_bytes

    def __call__(self, dir, argv, stdin=None, secrets=(), env=None, before=(), json_out=True, memory=MEMORY, **how):
        """before: a program that starts it, with its options; env: more variables, None takes one away."""
        e = self.clean_env(dir)
        os.makedirs(os.path.join(dir, "tmp"), exist_ok=True)
        e["TMPDIR"] = os.path.join(dir, "tmp")
        for k, v in (env or {}).items():
            e.pop(k, None)
            e.update({} if v is None else {k: v})
        peak = os.path.join(dir, "tmp", "peak")
        p = subprocess.Popen(["/usr/bin/time", "-f", "%M", "-o", peak, *before, self.program, *argv], cwd=dir, env=e, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **how)
        late = False
        try:
            out, err = p.communicate(stdin, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            late = True
            os.killpg(p.pid, signal.SIGKILL)
            out, err = p.communicate()
        r = Result(p.returncode, out, err)
        try:
            for _ in range(40):  # who writes into a pipe that is closed has a second to notice
                os.killpg(p.pid, 0)
                time.sleep(0.05)
            os.killpg(p.pid, signal.SIGKILL)
            r.bad.append("a process was left running")
        except ProcessLookupError:
            pass
        if late:
            r.bad.append("not done after %d s" % SECONDS)
            return r
        with open(peak) as f:
            kib = int(f.read().split()[-1])
        os.unlink(peak)
        if kib > memory:
            r.bad.append("%d KiB of memory" % kib)
        if os.listdir(os.path.join(dir, "tmp")):
            r.bad.append("temporary files: %s" % os.listdir(os.path.join(dir, "tmp")))
        if self.bad_bytes(out) or self.bad_bytes(err):
            r.bad.append("control characters in the output")
        if len(err) > 20000:
            r.bad.append("%d bytes of messages" % len(err))
        r.bad += ["a secret was said: %s" % s for s in secrets if s.encode() in out + err]
        if json_out:
            try:
                o = r.object = json.loads(out)
                r.name, r.text = o.get("error", {}).get("name", ""), o.get("error", {}).get("text", "")
                if o["status"] != r.status:
                    r.bad.append("the JSON says status %s" % o["status"])
            except (ValueError, KeyError) as x:
                r.bad.append("no JSON object on stdout (%s): %r" % (x, out[:200]))
        return r
