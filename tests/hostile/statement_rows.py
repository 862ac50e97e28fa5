"""Group M of the table: the statement, changed and signed anew."""

import json

from model import compact
from rows import *  # the words that rows are written in


def stated(edit):
    """edit(object) changes the statement; all else stays as it is."""
    def change(text, bad):
        o = json.loads(text)
        edit(o) if bad else None
        return json.dumps(o, indent=1, ensure_ascii=False).encode() + b"\n"
    return resigned(change)


def text_edit(old, new):
    """The first old in the statement becomes new."""
    def change(text, bad):
        assert old in text, old
        return text.replace(old, new, 1) if bad else text
    return resigned(change)


JSON, LIMIT, KEY, LACKS, KIND, RANGE = ((4, n) for n in ("json", "json-limit", "unknown-key", "missing-key", "json-type", "json-range"))
P = lambda o: o["predicate"]
IMAGE = lambda o: o["predicate"]["images"][0]
for what, old, new, want in (
        ("a key twice", b'"predicateType"', b'"_type": "x", "predicateType"', JSON), ("a key twice, escaped", b'"predicateType"', b'"\\u005ftype": "x", "predicateType"', JSON),
        ("a key twice in the predicate", b'"epoch"', b'"stream": "shop", "epoch"', JSON), ("a key twice in an image", b'"source"', b'"size": 1, "source"', JSON)):
    row("M01", what, text_edit(old, new), want)
row("M02", "'Stream' beside 'stream'", text_edit(b'"epoch"', b'"Stream": "x", "epoch"'), KEY)
for what, edit in (
        ("the statement", lambda o: o.update(x=1)), ("the predicate", lambda o: P(o).update(x=1)), ("an image", lambda o: IMAGE(o).update(x=1)),
        ("a platform", lambda o: IMAGE(o)["platforms"][0].update(x=1)), ("a blob", lambda o: P(o)["blobs"][0].update(x=1)), ("a file", lambda o: P(o)["files"][0].update(x=1)),
        ("the packer", lambda o: P(o)["packer"].update(x=1)), ("a subject", lambda o: o["subject"][0].update(x=1)),
        ("the digest of a subject", lambda o: o["subject"][0]["digest"].update(sha512="00" * 64))):
    row("M03", "an unknown key in %s" % what, stated(edit), KEY)
for key in ("_type", "subject", "predicateType", "predicate"):
    row("M04", "without %s" % key, stated(lambda o, key=key: o.pop(key)), LACKS)
for key in ("created", "packer", "images", "files", "blobs"):
    row("M04", "without %s" % key, stated(lambda o, key=key: P(o).pop(key)), LACKS)
for key in ("stream", "epoch", "sequence"):
    row("M04", "without %s alone" % key, stated(lambda o, key=key: P(o).pop(key)), (4, "manifest-stream"))
for key in ("names", "source", "digest", "mediaType", "size", "platforms"):
    row("M04", "an image without %s" % key, stated(lambda o, key=key: IMAGE(o).pop(key)), LACKS)
for key in ("digest", "size", "kind"):
    row("M04", "a blob without %s" % key, stated(lambda o, key=key: P(o)["blobs"][0].pop(key)), LACKS)
row("M05", "other white space under the signature of the original",
    changed(lambda b, bad: (b.members.__setitem__(0, b.make("META/manifest.json", b.statement() + b"\n")), b.pad()) if bad else None), NO_SIG)
for what, f in (
        ("UTF-8 mark", lambda t: b"\xef\xbb\xbf" + t), ("UTF-16", lambda t: t.decode().encode("utf-16")), ("NUL behind it", lambda t: t + b"\0"), ("an object behind it", lambda t: t + b"{}"),
        ("comma too many", lambda t: t.replace(b'"epoch": 1,', b'"epoch": 1,,', 1)), ("comment", lambda t: b"/* */" + t), ("single quotes", lambda t: t.replace(b'"epoch"', b"'epoch'")),
        ("NaN", lambda t: t.replace(b'"epoch": 1', b'"epoch": NaN')), ("cut", lambda t: t[:-3]), ("nothing but space", lambda t: b" \n" * 9)):
    row("M06", what, resigned(lambda t, bad, f=f: f(t) if bad else t), JSON)
row("M06", "CRLF is white space", resigned(lambda t, bad: t.replace(b"\n", b"\r\n")), (0, ""))
for what, value in (
        ("overlong", b"\xc0\xaf"), ("surrogate", b"\xed\xa0\x80"), ("above U+10FFFF", b"\xf4\x90\x80\x80"), ("cut short", b"\xe2\x82"), ("a byte below 0x20", b"a\x1fb"), ("LF in a text", b"a\nb"),
        ("lone surrogate, escaped", b"\\ud800"), ("NUL, escaped", b"a\\u0000b")):
    row("M08" if what in ("lone surrogate, escaped", "NUL, escaped") else "M07", "version with %s" % what, text_edit(b'"stream"', b'"version": "' + value + b'", "stream"'), (4, "json-nul") if b"0000" in value else JSON)
for what, value, want in (
        ("-1", b"-1", RANGE), ("1.0", b"7.0", KIND), ("1e3", b"7e0", KIND), ("010", b"07", JSON), ("+1", b"+7", JSON), ("2^53", b"9007199254740992", RANGE), ("2^63", b"9223372036854775808", JSON),
        ("a text", b'"7"', KIND), ("null", b"null", KIND), ("true", b"true", KIND), ("a list", b"[7]", KIND)):
    row("M09", "sequence %s" % what, text_edit(b'"sequence": 7', b'"sequence": ' + value), want)
for key in ("stream", "created", "packer", "images", "files", "blobs"):
    for value in (None, [], {}, 0, True):
        if isinstance(value, (dict, list)) and isinstance(P(json.loads(good.statement()))[key], value.__class__):
            continue
        row("M10", "%s is %s" % (key, json.dumps(value)), stated(lambda o, key=key, value=value: P(o).update({key: value})), KIND)
row("M11", "no image", stated(lambda o: P(o).update(images=[])), (4, "manifest-images"))
row("M11", "an image without a name", stated(lambda o: IMAGE(o).update(names=[])), (4, "manifest-name"))
row("M12", "a name twice in an image", stated(lambda o: IMAGE(o)["names"].append(IMAGE(o)["names"][0])), (4, "manifest-twice"))
row("M12", "an image twice", stated(lambda o: P(o)["images"].append(IMAGE(o))), (4, "manifest-twice"))
row("M12", "a blob twice", stated(lambda o: P(o)["blobs"].append(P(o)["blobs"][-1])), (4, "manifest-twice"))
for what, edit, want in (
        ("no file", lambda o: P(o).update(files=[]), "manifest-files"), ("files in another order", lambda o: P(o)["files"].reverse(), "manifest-files"),
        ("a fifth file", lambda o: P(o)["files"].append(P(o)["files"][0]), "manifest-files"), ("another subject", lambda o: o["subject"][0].update(name="docker.io/acme/other:1"), "manifest-subject"),
        ("no subject", lambda o: o.update(subject=[]), "manifest-subject"), ("a subject more", lambda o: o["subject"].append(o["subject"][0]), "manifest-subject"),
        ("a blob of size 0 less", lambda o: P(o)["blobs"].sort(key=lambda b: b["kind"] == "json"), "manifest-blobs"), ("an unknown kind", lambda o: P(o)["blobs"][0].update(kind="x"), "manifest-blobs"),
        ("a source with a path", lambda o: IMAGE(o).update(source="/home/me/x.tar"), "manifest-source"), ("expired before it was made", lambda o: P(o).update(expires="2020-01-01T00:00:00Z"), "manifest-time"),
        ("trustVersion 0", lambda o: P(o).update(trustVersion=0), "manifest-trust-version"), ("an audience that is no name", lambda o: P(o).update(audience=["Site A"]), "manifest-audience"),
        ("labels out of order", lambda o: P(o).update(build={"labels": {"b": "1", "a": "2"}}), "manifest-labels"), ("a media type that is none", lambda o: IMAGE(o).update(mediaType="text/plain"), "media-type"),
        ("a document of 4 MiB + 1", lambda o: P(o)["blobs"][0].update(size=4 * 2**20 + 1), "too-large"),
        ("a stream that is a path", lambda o: P(o).update(stream="../../x"), "manifest-stream"), ("a stream of 65 letters", lambda o: P(o).update(stream="x" * 65), "manifest-stream")):
    row("M13" if want == "manifest-files" else "M40" if want == "manifest-stream" else "M30", what, stated(edit), (4, want))
for what, text, want in (
        ("33 deep", b"[" * 33 + b"]" * 33, LIMIT), ("2,049 deep", b"[" * 2049 + b"]" * 2049, LIMIT), ("100,001 values", b"[" + b"0," * 100000 + b"0]", LIMIT),
        ("4 MiB of {},", b"[" + b"{}," * 1398000 + b"{}]", LIMIT), ("4 MiB of [", b"[" * (4 * 2**20 - 10), LIMIT), ("an array", b"[]", KIND), ("a text", b'"x"', KIND), ("an empty object", b"{}", LACKS),
        ("a bundle's predicate alone", compact(json.loads(good.statement())["predicate"]), KEY), ("a package.json", b'{"name":"x","version":"1.0.0","dependencies":{}}', KEY)):
    row("M28" if len(text) < 99 or b"images" in text else "M26" if text.count(b"{},") > 1000 else "M27" if text.count(b"[") > 4096 else "M20", "the statement is %s" % what, resigned(lambda t, bad, text=text: text if bad else t), want)
for type in ("approval", "receipt", "trust"):
    row("M31", "the statement is a word of type %s" % type, stated(lambda o, type=type: o.update(predicateType="urn:gapferry:%s:v1" % type)), (4, "manifest-type"))
for name, digits in (("sha512", 128), ("sha512", 64), ("sha1", 40), ("md5", 32), ("none", 0), ("SHA256", 64)):
    row("M32", "a digest of %s with %d digits" % (name, digits), stated(lambda o, d=name + ":" + "0" * digits: IMAGE(o).update(digest=d)), (4, "digest-form"))
row("C33", "a statement of 4 MiB + 1", resigned(lambda t, bad: t + b" " * (4 * 2**20 + 1 - len(t)) if bad else t + b" " * (4 * 2**20 - len(t))), LARGE)
row("C33", "a statement of 8 EiB", patched(0, 124, b"\x80" + (2**63 - 512).to_bytes(11, "big")), HEAD)
