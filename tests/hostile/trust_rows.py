"""Groups S and P of the table under a trust file: whose word counts, for what, where and when.  Each row is a bundle, what lies
beside it, and a site with a past; one thing in it is wrong, and the twin is the same without it.

The traps that the project's notes on formats list (facts, section 9), and where each is sprung:
 1 a type that nobody looks at           S31 here; keys apart: S24
 2 DSSE with several signatures          the tests of evidence
 3 .sig tags; 4 referrers by tag         "referrers" in registry_rows.py
 5 Ed25519 that peers do not take        P-256 is the default; sign's interop tests
 6 pkeyutl -rawin wants a file           only in what FORMAT.md tells people to type
 7 purposes in CMS                       the tests of p7s
 8 engines of tokens                     none is loaded; --sign-cmd runs a program
 9 minisign's two forms and its numbers  S13
10 age and who sent it                   waits for encryption: a bundle is believed for its signatures alone
11 voices, not signatures; noise voids   S07, S22, S34, P22 here; in a note a bad line of a known key voids it: note:test_signed
12 negative statements withheld          P23, P24, S25 here; kept.bats
13 blobs read whole to be verified       what is signed is the manifest, 4 MiB at most (S11, M-rows)
14 attestations in an index unsigned     they are pinned by the manifest; who made them: the tests of evidence
15 cosign's --local-image                not promised
16 comments in SHA256SUMS                M14 in table.py: the file is a function of the manifest"""

import base64
import concurrent.futures
import hashlib
import json
import os
import shutil
import time

from model import P256_N, Bundle, der_read, der_sig, run, sha256
from trust_world import DAY, NOW, Case, Files, World, at, read, signature

ALL = ("verify", "unpack", "inspect", "approve")


def rows(run_case, good, rel, keydir):
    w = World(keydir, good, rel)
    carol = w.keys["carol"]
    T1 = w.trust()
    ROOTS = w["root1 root2"]
    INSTALLED = (T1, Files().signed("t.json", T1, *ROOTS))
    M = w.manifest()
    B = w.bundle(M)
    todo = []
    OK, NO_VOTES = (0, ""), (3, "approvals")

    twins = {}

    def twin_of(verb, case):
        """Many are the same: each is tried once."""
        tag = sha256(repr((verb, sorted(vars(case).items(), key=lambda x: x[0]))).encode())
        if tag not in twins:
            twins[tag] = ["twin, %s: %s" % (verb, x) for x in run_case(verb, case, OK, carol)]
        return twins[tag]

    def row(id, what, make, want, verbs=("verify", "unpack"), **other):
        """make(bad): a Case.  want of all verbs but those named in other."""
        def work():
            bad, case, twin = [], make(True), make(False)
            for verb in verbs:
                bad += ["%s: %s" % (verb, x) for x in run_case(verb, case, other.get(verb, want), carol)] + twin_of(verb, twin)
            return "%s - %s" % (id, what), bad
        todo.append(work)

    def installed(text, *keys):
        return text, Files().signed("t.json", text, *(keys or ROOTS))

    def beside(files, manifest=M, bundle=B, trust=INSTALLED, **more):
        return Case(bundle, files, trust, **more)

    def votes(manifest=M, *who):
        f = Files()
        for k in who or w["carol dave"]:
            f.statement("approval", w.word(manifest), k)
        return f

    def dave(change):
        """carol's approval is good; dave's file is change(bad)."""
        def make(bad):
            f = votes(M, carol)
            for name, data in change(bad).items():
                f[name] = data
            return beside(f)
        return make

    # ---- types: each statement offered as each other; the type inside decides, and its form ----
    receipt, v2 = w.receipt(M), w.trust(2)
    texts = {"approval": w.word(M), "permit": w.word(M, "permit"), "receipt": receipt, "trust": T1, "manifest": M}
    for kind in ("permit", "receipt", "trust", "manifest"):
        row("S31", "%s offered as an approval" % kind, dave(lambda bad, k=kind: Files().statement("approval", texts[k] if bad else texts["approval"], *w["dave"])), NO_VOTES)
        row("S31", "an approval's form under the type of a %s" % kind, dave(lambda bad, k=kind: Files().statement(
            "approval", texts["approval"].replace(b"approval:v1", b"%s:v1" % {"manifest": "bundle"}.get(k, k).encode()) if bad else texts["approval"], *w["dave"])), NO_VOTES)
    low = w.manifest(sequence=6)
    past = ((w.bundle(w.manifest(sequence=9)), "test"),)
    for kind in ("approval", "receipt", "trust", "manifest"):
        row("S31", "%s offered as a permit" % kind, lambda bad, k=kind: beside(Files().statement(
            "permit", {**texts, "approval": w.word(low, environment="test"), "receipt": w.receipt(low)}[k] if bad else w.word(low, "permit", environment="test"), *w["erin"]),
            bundle=w.bundle(low), past=past, environment="test"), (3, "floor"))
    for kind in ("approval", "permit", "trust", "manifest"):
        row("S31", "%s offered as a receipt" % kind, lambda bad, k=kind: beside(Files().statement("receipt", texts[k] if bad else receipt, *w["lab"]), environment="late"), (3, "after"))
    for kind in ("approval", "permit", "receipt", "manifest"):
        def as_trust(bad, k=kind):
            f = Files().signed("n.json", texts[k] if bad else v2, *ROOTS)
            return Case(trust=INSTALLED, apply=(f, ("n.json",)))
        row("S31", "%s offered as the next trust file, signed by both roots" % kind, as_trust, (4, "statement"), ("apply",))
    for kind, want in (("approval", "manifest-type"), ("permit", "manifest-type"), ("receipt", "manifest-type"), ("trust", "manifest-type")):
        row("S31", "%s, signed by a release key, as META/manifest.json" % kind, lambda bad, k=kind: beside(votes(texts[k] if bad and k != "trust" else M), bundle=w.bundle(texts[k] if bad else M)),
            (4, want), ALL)
    row("S31", "the manifest itself signed by both approvers, and no approval", lambda bad: beside(
        Files().signed("manifest.json", M, *w["carol dave"]) if bad else votes()), NO_VOTES)
    row("S31", "an approval that waives, too", dave(lambda bad: Files().statement("approval", w.word(M, **({"waives": ["sequence"]} if bad else {})), *w["dave"])), NO_VOTES)
    for what, old, new in (("another version of its type", b"approval:v1", b"approval:v2"), ("another type of statement", b"Statement/v1", b"Statement/v0.1"),
                           ("a key twice", b'"decision"', b'"decision": "approve", "decision"'), ("an unknown key", b'"decision"', b'"x": 1, "decision"'),
                           ("two subjects", b'"subject": [', b'"subject": [{"name": "x", "digest": {"sha256": "%s"}}, ' % (b"0" * 64)),
                           ("another spelling", b'"approve"', b'"Approve"'), ("sequence as text", b'"sequence": 7', b'"sequence": "7"'),
                           ("no site", b'"a"', b''), ("every site", b'"a"', b'"*"'), ("a prefix of the environment", b'"prod"', b'"pro"'), ("every environment", b'"prod"', b'"*"')):
        row("S31", "an approval with %s" % what, dave(lambda bad, o=old, n=new: Files().statement("approval", w.word(M).replace(o, n, 1) if bad else w.word(M), *w["dave"])), NO_VOTES)

    # ---- moved and copied ----
    other = w.manifest(sequence=8)
    row("S28", "approvals of another bundle, with their signatures", lambda bad: beside(votes(other if bad else M)), NO_VOTES)

    def moved(bad):
        f, theirs, ours = votes(M, carol), w.word(other), w.word(M)
        name = "approval-%s.json" % sha256(ours)[:16]
        f[name] = ours
        f["%s.%s.sig" % (name, w.keys["dave"].id[:16])] = base64.b64encode(w.keys["dave"].raw(theirs if bad else ours)) + b"\n"
        return beside(f)
    row("S28", "a signature of another bundle's approval beside this one's", moved, NO_VOTES)
    row("S29", "a signature over the manifest beside the approval", dave(lambda bad: Files().statement("approval", w.word(M, reason="d"), *w["dave"], raw=w.keys["dave"].raw(M) if bad else None)), NO_VOTES)
    for what, edit in (("environment", {"environment": "test"}), ("site", {"sites": ["b"]}), ("stream", {"stream": "shop-eu"}), ("epoch", {"epoch": 2}), ("sequence", {"sequence": 8})):
        row("P23", "an approval for another %s" % what, dave(lambda bad, e=edit: Files().statement("approval", w.word(M, **(e if bad else {})), *w["dave"])), NO_VOTES)
        if what != "sequence":
            row("P23", "a permit for another %s" % what, lambda bad, e=edit: beside(Files().statement("permit", w.word(low, "permit", **{"environment": "test", **({**e, "environment": "prod"} if "environment" in e else e)} if bad
                else {"environment": "test"}), *w["erin"]), bundle=w.bundle(low), past=past, environment="test"), (3, "floor"))
    row("P23", "an approval that has expired", dave(lambda bad: Files().statement("approval", w.word(M, created=at(NOW - 9 * DAY), expires=at(NOW - 1 if bad else NOW + DAY)), *w["dave"])), NO_VOTES)
    row("P23", "an approval dated eleven minutes ahead, twin eight", dave(lambda bad: Files().statement("approval", w.word(M, created=at(int(time.time()) + (720 if bad else 480))), *w["dave"])), NO_VOTES)
    row("P23", "a receipt of another bundle", lambda bad: beside(Files().statement("receipt", w.receipt(other if bad else M), *w["lab"]), environment="late"), (3, "after"))
    row("P23", "a receipt of another environment", lambda bad: beside(Files().statement("receipt", w.receipt(M, environment="prod" if bad else "test"), *w["lab"]), environment="late"), (3, "after"))
    row("P23", "a receipt signed by an approver", lambda bad: beside(Files().statement("receipt", receipt, *w["carol" if bad else "lab"]), environment="late"), (3, "after"))
    row("P24", "a rejection beside enough approvals", lambda bad: beside(Files({**votes(), **(Files().statement("approval", w.word(M, decision="reject", created=at(NOW - 60)), carol) if bad else {})})), (3, "rejected"))
    row("P24", "a rejection dated ahead", lambda bad: beside(Files({**votes(), **(Files().statement("approval", w.word(M, decision="reject", created=at(NOW + DAY), expires=None), carol) if bad else {})})), (3, "rejected"))

    # ---- who counts ----
    yes = w.word(M)
    row("P22", "two approvals of one holder, twin of two", lambda bad: beside(Files({**votes(M, carol), **Files().statement("approval", w.word(M, reason="again"), *w["carol" if bad else "dave"])})), NO_VOTES)
    row("S24", "a stranger approves", dave(lambda bad: Files().statement("approval", yes, *w["evil" if bad else "dave"])), NO_VOTES)
    for who in ("rel", "root1", "erin", "lab"):
        row("S24", "the key of %s approves" % who, dave(lambda bad, n=who: Files().statement("approval", yes, *w[n if bad else "dave"])), NO_VOTES)
    row("S24", "an approver signs the release", lambda bad: beside(votes(), bundle=w.bundle(M, *w["carol" if bad else "rel"])), (3, "threshold"), ALL)
    row("S24", "another stream's release key", lambda bad: beside(votes(), bundle=w.bundle(M, *w["oth" if bad else "rel"])), (3, "threshold"), ALL)
    row("S08", "a key that the trust file does not have", lambda bad: beside(votes(), bundle=w.bundle(M, *w["evil" if bad else "rel"])), (3, "signature"), ALL)

    def negated(bad):
        """dave's signature, or another by carol: (r, n-s) of the one she made."""
        f = votes(M, carol)
        name = next(n for n in f if n.endswith(".json"))
        r, s = der_read(base64.b64decode(f["%s.%s.sig" % (name, carol.id[:16])]))
        f["%s.ffffffffffffffff.sig" % name] = base64.b64encode(der_sig(r, P256_N - s) if bad else w.keys["dave"].raw(f[name])) + b"\n"
        return beside(f)
    row("S07", "(r, n-s) of carol's signature is no second voice", negated, NO_VOTES)

    # two of release; one key twice, two keys of one holder
    def two(p, role):
        p["roles"]["release"] = role("rel rel2", 2)
    T_two = installed(w.trust(edit=two, holders="root1 root2 rel rel2 oth carol dave erin lab"))

    def one_holder(p, role):
        two(p, role)
        p["roles"]["release"] = role("rel rel2 oth", 2)
        p["keys"][w.keys["rel2"].id]["holder"] = "rel"
    T_one = installed(w.trust(edit=one_holder, holders="root1 root2 rel rel2 oth carol dave erin lab"))

    def remade(make):
        """The bundle with a second signature inside."""
        def f(bad):
            b = Bundle(B)
            b.sign(w.keys["rel"].file(M, signature(w.keys["rel"], M)), ("META/manifest.json.ffffffffffffffff.sig", make(bad)))
            return b.bytes()
        return f
    twice = remade(lambda bad: w.keys["rel" if bad else "rel2"].file(M, None)[1])
    row("S22", "two signatures of one key, threshold 2", lambda bad: beside(votes(), bundle=twice(bad), trust=T_two), (3, "threshold"), ALL)
    row("S22", "two keys of one holder, threshold 2", lambda bad: beside(votes(), bundle=w.bundle(M, *w["rel rel2" if bad else "rel oth"]), trust=T_one), (3, "threshold"), ALL)
    broken = remade(lambda bad: b"broken\n")
    row("S34", "a broken signature more, and one too few; twin: broken ones beside enough", lambda bad: beside(
        Files({**votes(M, *(w["carol"] if bad else w["carol dave"])), **{n + ".%016x.sig" % i: b"broken\n" for i, n in enumerate([x for x in votes() if x.endswith(".json")])}}),
        bundle=broken(bad)), NO_VOTES)

    def separate(p, role):
        p["roles"]["approver:prod"] = role("carol dave rel", 2)
    T_sep = installed(w.trust(edit=separate))
    row("P22", "who releases approves", lambda bad: beside(votes(M, *w["carol rel" if bad else "carol dave"]), trust=T_sep), NO_VOTES)

    # ---- hints that lie, one key in several encodings ----
    def hints(bad):
        f, name = Files(), "approval-%s.json" % sha256(yes)[:16]
        f[name] = yes
        f["%s.%s.sig" % (name, w.keys["dave"].id[:16])] = base64.b64encode(carol.raw(yes)) + b"\n"
        f["%s.%s.sig" % (name, carol.id[:16])] = base64.b64encode(w.keys["evil" if bad else "dave"].raw(yes)) + b"\n"
        return beside(f)
    row("S27", "key ids in names that lie: carol's as dave's, a stranger's as carol's", hints, NO_VOTES)
    for what, of in (("upper-case key id", lambda n, k: n.replace(k, k.upper())), ("an extension not known", lambda n, k: n[:-3] + "gpg"), ("no key id", lambda n, k: n.replace("." + k, ""))):
        def named(bad, of=of):
            f = votes(M, carol)
            g = Files().statement("approval", yes, *w["dave"])
            for n, d in g.items():
                f[of(n, w.keys["dave"].id[:16]) if bad and n.endswith(".sig") else n] = d
            return beside(f)
        if what != "upper-case key id" or w.keys["dave"].id[:16].upper() != w.keys["dave"].id[:16]:
            row("S27", "the approval's signature has %s" % what, named, NO_VOTES)

    def pem(key, *options):
        return run("openssl", "ec", "-in", key.pem, "-pubout", *options).decode()
    private = read(carol.pem)
    compressed, explicit = pem(carol, "-conv_form", "compressed"), pem(carol, "-param_enc", "explicit")

    def der_id(text):
        return sha256(base64.b64decode("".join(text.splitlines()[1:-1])))

    def encoded(text, second=None, id=None):
        """carol's key as text; second: the same key once more as this, under the id that its own bytes have."""
        def edit(p, role):
            p["keys"].pop(carol.id)
            p["keys"][id or carol.id] = w.key("carol", text)[1]
            p["roles"]["approver:prod"]["keys"] = [id or carol.id, w.keys["dave"].id]
            if second:
                p["keys"][der_id(second)] = dict(w.key("carol", second)[1], holder="erin2")
                p["roles"]["approver:prod"]["keys"].append(der_id(second))
        return edit

    def applied(edit, twin=None, **more):
        def make(bad):
            t = w.trust(edit=edit if bad else twin, **more)
            return Case(bare=True, apply=(Files().signed("t.json", t, *ROOTS), ("t.json", "--sha256", sha256(t), "--site", "a")))
        return make
    row("S23", "a compressed point under the id of its own bytes, twin under the key's", applied(encoded(compressed, id=der_id(compressed)), encoded(compressed)), (4, "trust-key"), ("apply",))
    row("S23", "one key in two encodings as two holders", applied(encoded(read(carol.pub), compressed), encoded(compressed)), (4, "trust-key"), ("apply",))
    row("S23", "explicit curve parameters", applied(encoded(explicit), encoded(compressed)), (4, "trust-key"), ("apply",))
    row("S23", "a private key as public", applied(lambda p, role: p["keys"][carol.id].update(public=private)), (4, "trust-key"), ("apply",))
    T_comp = installed(w.trust(edit=encoded(compressed)))
    row("S23", "carol, whose key stands there compressed, is one voice", lambda bad: beside(Files({**votes(M, carol), **Files().statement("approval", w.word(M, reason="2"), *w["carol" if bad else "dave"])}), trust=T_comp), NO_VOTES)

    # ---- the trust file itself ----
    for value, want in ((0, (3, "trust-threshold")), (-1, (4, "json-range")), (1.0, (4, "json-type")), ("2", (4, "json-type")), (3, (3, "trust-threshold")), (2**53 - 1, (3, "trust-threshold"))):
        row("S20", "threshold %s of 2" % json.dumps(value), applied(lambda p, role, v=value: p["roles"]["approver:prod"].update(threshold=v)), want, ("apply",))
    row("S21", "a role without keys", applied(lambda p, role: p["roles"]["permit"].update(keys=[])), (3, "trust-threshold"), ("apply",))
    row("S21", "a role with one key twice", applied(lambda p, role: p["roles"]["permit"].update(keys=p["roles"]["permit"]["keys"] * 2)), (4, "trust-twice"), ("apply",))
    for what, old, new, want in (("an unknown key", b'"version"', b'"x": 1, "version"', "unknown-key"), ("a key twice", b'"version"', b'"version": 1, "version"', "json"), ("a BOM", b"{", b"\xef\xbb\xbf{", "json"),
                                 ("a subject", b'"subject": []', b'"subject": [{"name": "x", "digest": {"sha256": "%s"}}]' % (b"0" * 64), "statement"), ("a comment", b"{", b"/**/{", "json")):
        def edited(bad, o=old, n=new):
            t = T1.replace(o, n, 1) if bad else T1
            return Case(bare=True, apply=(Files().signed("t.json", t, *ROOTS), ("t.json", "--sha256", sha256(t), "--site", "a")))
        row("P35", "a trust file with %s" % what, edited, (4, want), ("apply",))
    for value in ("2026-02-30T00:00:00Z", "2026-01-01T00:00:60Z", "10000-01-01T00:00:00Z", "2026-01-01t00:00:00z", "2026-01-01T00:00:00+25:00", "2026-01-01"):
        row("P14", "a trust file made at %s" % value, applied(lambda p, role, v=value: p.update(created=v)), (4, "time-form"), ("apply",))
        row("P14", "an approval of %s" % value, dave(lambda bad, v=value: Files().statement("approval", w.word(M, created=v if bad else at(NOW - 60)), *w["dave"])), NO_VOTES)
        row("P14", "a bundle made at %s" % value, lambda bad, v=value: beside(votes(), bundle=w.bundle(w.manifest(created=v) if bad else M)), (4, "time-form"), ALL)

    def follows(make, first=INSTALLED):
        """make(bad): (name, text, keys)..., given to trust apply in that order."""
        def f(bad):
            files, names = Files(), []
            for name, text, keys in make(bad):
                files.signed(name, text, *keys)
                names.append(name)
            return Case(trust=first, apply=(files, tuple(names)))
        return f
    v3 = w.trust(3)
    new_roots = w.trust(2, edit=lambda p, role: (p["roles"].update(root=role("root3", 1))), holders="root1 root2 root3 rel oth carol dave erin lab")
    three = w["root1 root2 root3"]
    row("S35", "version 3 without 2", follows(lambda bad: [("n.json", v3 if bad else v2, ROOTS)]), (3, "trust-version"), ("apply",))
    row("S35", "signed by the old root alone", follows(lambda bad: [("n.json", new_roots, ROOTS if bad else three)]), (3, "trust-own-root"), ("apply",))
    row("S35", "signed by the new root alone", follows(lambda bad: [("n.json", new_roots, w["root3"] if bad else three)]), (3, "trust-root"), ("apply",))
    row("S35", "signed by one of two", follows(lambda bad: [("n.json", v2, w["root1"] if bad else ROOTS)]), (3, "trust-root"), ("apply",))
    row("S24", "signed by release keys", follows(lambda bad: [("n.json", v2, w["rel oth"] if bad else ROOTS)]), (3, "trust-root"), ("apply",))
    row("S35", "the last of a chain has expired", follows(lambda bad: [("n.json", v2, ROOTS), ("m.json", w.trust(3, expires=at(NOW - 1)) if bad else v3, ROOTS)]), (3, "trust-expired"), ("apply",))
    row("S35", "made eleven minutes ahead, twin eight", follows(lambda bad: [("n.json", w.trust(2, created=at(int(time.time()) + (720 if bad else 480))), ROOTS)]), (3, "trust-created"), ("apply",))
    row("S36", "version 1 again, with other content", follows(lambda bad: [("n.json", w.trust(1, expires=at(NOW + DAY)) if bad else v2, ROOTS)]), (3, "trust-version"), ("apply",))
    row("S36", "version 1 again, after 2", follows(lambda bad: [("m.json", T1 if bad else v3, ROOTS)], installed(v2)), (3, "trust-version"), ("apply",))
    foreign = w.trust(2, edit=lambda p, role: p["roles"].update(root=role("evil oth", 2)), holders="evil root2 rel oth carol dave erin lab")
    row("S37", "another organisation's version 2", follows(lambda bad: [("n.json", foreign if bad else v2, w["evil oth"] if bad else ROOTS)]), (3, "trust-root"), ("apply",))
    row("P10", "a bundle that brings another organisation's trust file, and is signed under it", lambda bad: beside(
        Files({**votes(), **Files().statement("trust", foreign, *w["evil oth"])}), bundle=w.bundle(M, *w["evil" if bad else "rel"])), (3, "signature"), ALL)

    def first(change):
        """Options of the first trust apply."""
        return lambda bad: Case(bare=True, apply=(Files().signed("t.json", T1, *(w["root1"] if bad and change == "own" else ROOTS)), ("t.json", *(
            () if bad and change == "digest" else ("--sha256", sha256(v2 if bad and change == "other" else T1))), "--site", "a")))
    for change, what, want in (("digest", "no digest", (2, "option")), ("other", "the digest of another", (3, "trust-digest")), ("own", "one of its own two roots", (3, "trust-own-root"))):
        row("S38", "the first trust file with %s" % what, first(change), want, ("apply",))

    def revoked(p, role):
        p["keys"].pop(w.keys["rel"].id)
        p["roles"]["release"] = role("rel2")
    T_revoked = w.trust(2, edit=revoked, holders="root1 root2 rel rel2 oth carol dave erin lab")
    row("S25", "the bundle brings the version that revokes its own key", lambda bad: beside(Files({**votes(), **(Files().statement("trust", T_revoked, *ROOTS) if bad else {})})), (3, "signature"), ALL)
    row("S25", "the site has that version, the bundle brings the one before", lambda bad: beside(
        Files({**votes(), **Files().statement("trust", T1, *ROOTS)}), bundle=w.bundle(M, *w["rel" if bad else "rel2"]), trust=installed(T_revoked)), (3, "signature"), ALL)
    row("S25", "an approver is revoked by what the bundle brings", lambda bad: beside(Files({**votes(), **(Files().statement("trust", w.trust(2, edit=lambda p, role: (
        p["keys"].pop(w.keys["dave"].id), p["roles"].update({"approver:prod": role("carol oth", 2)}))), *ROOTS) if bad else {})})), NO_VOTES)
    for what, more in (("not yet valid", {"notBefore": at(NOW + DAY)}), ("valid no more", {"notBefore": at(NOW - 9 * DAY), "notAfter": at(NOW - 1)})):
        row("S17", "a release key that is %s" % what, lambda bad, m=more: beside(votes(), trust=installed(w.trust(edit=lambda p, role: p["keys"][rel.id].update(m if bad else {})))), (3, "signature"), ALL)
        row("S17", "an approver's key that is %s" % what, lambda bad, m=more: beside(votes(), trust=installed(w.trust(edit=lambda p, role: p["keys"][carol.id].update(m if bad else {})))), NO_VOTES)
    row("S25", "the trust file has expired", lambda bad: Case(B, Files({**votes(), **Files().statement("trust", w.trust(2, expires=at(NOW - 1) if bad else at(NOW + DAY)), *ROOTS)}), INSTALLED),
        (3, "trust-expired"), ALL)

    # ---- files beside ----
    for n, want in ((512, OK), (513, (4, "too-large"))):
        many = lambda bad, n=n: beside(Files({**votes(), **{"approval-%016x.json" % i: b"{}" for i in range((n if bad else 512) - 3)}}))
        row("S26", "%d files beside it" % n, many, want, ALL)
    for what, data in (("1 MiB and one byte", b" " * (2**20 + 1)),):
        row("S11", "a companion of %s" % what, lambda bad, d=data: beside(Files({**votes(), "approval-%016x.json" % 7: d if bad else d[:-1]})), (4, "too-large"), ALL)
    deep = b"[" * 500000
    row("S26", "256 files of noise: JSON that is deep, cut, empty, of one key a thousand times; signatures of strangers", lambda bad: beside(Files({
        **(votes(M, carol) if bad else votes()), **{"approval-%016x.json" % i: (deep, yes[:-9], b"", b'{"a":1,' * 1000)[i % 4] for i in range(128)},
        **{"approval-%016x.json.%016x.sig" % (i, i): base64.b64encode(noise(i)) + b"\n" for i in range(124)}})), NO_VOTES)
    stranger = base64.b64encode(w.keys["evil"].raw(yes)) + b"\n"
    row("S26", "400 signatures of a stranger beside one approval", lambda bad: beside(Files({
        **votes(M, *w["carol" if bad else "carol dave"]), **{"approval-%s.json.%016x.sig" % (sha256(yes)[:16], i): stranger for i in range(400)}})), NO_VOTES)

    odd = "b.tar.d/approval-%016x.json" % 7
    for what, upset, want in (
            ("a FIFO", lambda d: os.mkfifo(os.path.join(d, odd)), "not-regular"), ("a directory", lambda d: os.mkdir(os.path.join(d, odd)), "not-regular"),
            ("a symbolic link to a good one", lambda d: os.symlink(next(n for n in sorted(os.listdir(os.path.join(d, "b.tar.d"))) if n.endswith(".json")), os.path.join(d, odd)), "not-regular"),
            ("a link that leads nowhere", lambda d: os.symlink("/nowhere/" + "x" * 200, os.path.join(d, odd)), "not-regular"),
            ("in a directory that is a link", lambda d: (os.rename(os.path.join(d, "b.tar.d"), os.path.join(d, "real")), os.symlink("real", os.path.join(d, "b.tar.d"))), "companions"),
            ("in a directory that is a FIFO", lambda d: (shutil.rmtree(os.path.join(d, "b.tar.d")), os.mkfifo(os.path.join(d, "b.tar.d"))), "companions")):
        row("C23", "a companion that is %s" % what, lambda bad, u=upset: beside(votes(), upset=u if bad else None), (4, want), ALL + ("permit", "apply"))
    row("C23", "a trust file that is a FIFO", lambda bad: Case(trust=INSTALLED, apply=(Files() if bad else Files().signed("n.json", v2, *ROOTS), ("n.json",)),
        upset=(lambda d: os.mkfifo(os.path.join(d, "n.json"))) if bad else None), (2, "not-regular"), ("apply",))

    # ---- group P: numbers, places, times ----
    def loaded(*texts, environment="test"):
        return tuple((w.bundle(t), environment) for t in texts)

    def plain(name, id, what, make, past=(), trust=INSTALLED, verbs=("verify", "unpack"), **other):
        """make(bad): the manifest, judged for test."""
        row(id, what, lambda bad: Case(w.bundle(make(bad)), None, trust, past, environment="test"), (3, name), verbs, **other)
    plain("floor", "P01", "sequence below the floor", lambda bad: w.manifest(sequence=6 if bad else 10), past, verbs=ALL, inspect=OK, approve=OK)
    row("P01", "the floor of one environment is not that of another", lambda bad: beside(votes(low), bundle=w.bundle(low), past=past, environment="test" if bad else "prod"), (3, "floor"))
    plain("fork", "P02", "the floor's sequence, and another manifest; twin the same", lambda bad: w.manifest(sequence=9, **({"version": "2"} if bad else {})), past)
    T_jump = installed(w.trust(edit=lambda p, role: p["streams"]["shop"].update(maxJump=10, minSequence=5)))
    for n in (20, 2**53 - 1):
        plain("max-jump", "P03", "a jump to %d" % n, lambda bad, n=n: w.manifest(sequence=n if bad else 19), past, T_jump)
    plain("min-sequence", "P03", "below minSequence", lambda bad: w.manifest(sequence=4 if bad else 5), (), T_jump)
    plain("epoch", "P04", "an epoch that the trust file does not have", lambda bad: w.manifest(epoch=2 if bad else 1, sequence=10), past, verbs=ALL, inspect=OK, approve=OK)
    plain("epoch", "P01", "an epoch below that of the trust file", lambda bad: w.manifest(epoch=1 if bad else 2), (), installed(w.trust(edit=lambda p, role: p["streams"]["shop"].update(epoch=2))))
    plain("expired", "P05", "expired a second ago", lambda bad: w.manifest(expires=at(NOW - 1 if bad else NOW + DAY)), verbs=ALL, approve=OK)
    row("P05", "expires before it was created", lambda bad: Case(w.bundle(w.manifest(expires=at(NOW - 2 * DAY if bad else NOW + DAY))), None, INSTALLED, environment="test"), (4, "manifest-time"), ALL)
    plain("max-age", "P05", "older than maxAge", lambda bad: w.manifest(created=at(NOW - (11 if bad else 9) * DAY)), (), installed(w.trust(edit=lambda p, role: p["streams"]["shop"].update(maxAge="10d"))), ALL, approve=OK)
    nine = w.manifest(sequence=9)
    plain("previous", "P06", "follows another 9 than the one accepted", lambda bad: w.manifest(sequence=10, previous={"sequence": 9, "sha256": "ab" * 32 if bad else sha256(nine)}), past)
    plain("audience", "P08", "for another site", lambda bad: w.manifest(audience=["b" if bad else "a"]), verbs=ALL)
    for name in ("a-b", "aa"):
        plain("audience", "P08", "for site %s, of which ours is a part" % name, lambda bad, n=name: w.manifest(audience=[n] if bad else [n, "a"]), verbs=ALL)
    for what, names in (("every site", ["*"]), ("a site in capitals", ["A"]), ("a site twice", ["a", "a"])):
        row("P08", "for %s" % what, lambda bad, n=names: Case(w.bundle(w.manifest(audience=n if bad else ["a"])), None, INSTALLED, environment="test"), (4, "manifest-twice" if names[1:] else "manifest-audience"), ALL)
    for name in ("sho", "shop2", "shop-e", "other"):
        plain("stream", "P09", "stream '%s'" % name, lambda bad, n=name: w.manifest(stream=n if bad else "shop"), verbs=ALL)
    plain("threshold", "P09", "stream 'shop-eu' signed by who releases 'shop'", lambda bad: w.manifest(stream="shop-eu" if bad else "shop"), verbs=ALL)
    plain("stream", "P09", "no stream", lambda bad: w.manifest(**({"stream": None, "epoch": None, "sequence": None} if bad else {})), verbs=ALL)
    plain("created", "P11", "packed eleven minutes ahead, twin eight", lambda bad: w.manifest(created=at(int(time.time()) + (720 if bad else 480))), verbs=ALL, approve=OK)
    plain("trust-version", "P10", "packed under a newer trust file", lambda bad: w.manifest(trustVersion=2 if bad else 1), verbs=ALL, approve=OK)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield from pool.map(lambda f: f(), todo)


def noise(i):
    """A well-formed signature that fits nothing."""
    return der_sig(*(int.from_bytes(hashlib.sha256(b"%s%d" % (x, i)).digest(), "big") % P256_N for x in (b"r", b"s")))
