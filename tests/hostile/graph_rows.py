"""Group I of the table: a document of the image changed, and all that follows from it made right and signed."""

from model import CONFIG, EMPTY, IN_TOTO, INDEX, MANIFEST, TAR, Maker, compact
from rows import *  # the words that rows are written in
from statement_rows import IMAGE, LIMIT, P


def remade(edit, late=None, twin=None):
    """edit(maker) changes documents, late(object) the finished statement; twin is edit's harmless counterpart."""
    def make(bad):
        if not bad and twin is None:
            return GOOD
        m = Maker(good)
        (edit if bad else twin)(m)
        return m.make(rel, late if bad else None).bytes()
    return make


def document(change, twin=None):
    """change(document) changes the image's manifest."""
    def one(f):
        def edit(m):
            d = m.manifest()
            m.put(f(d) or d)
        return edit
    return remade(one(change), twin=one(twin) if twin else None)


def config(change, twin=None):
    def one(f):
        def edit(m):
            d = m.manifest()
            c = m.read(d["config"]["digest"])
            d["config"] = m.desc(CONFIG, compact(f(c) or c))
            m.put(d)
        return edit
    return remade(one(change), twin=one(twin) if twin else None)


assert [x.data for x in Maker(good).make(rel).members[2:]] == [x.data for x in good.members[2:]], "the model makes another bundle than pack"
GRAPH = (4, "manifest-graph")
AMD64, UNKNOWN = dict(os="linux", architecture="amd64"), dict(os="unknown", architecture="unknown")


def index(m, children, platforms=None):
    """The image becomes an index of these descriptors."""
    old = m.images[0]["platforms"]
    m.put(dict(schemaVersion=2, mediaType=INDEX, manifests=children), platforms=old if platforms is None else platforms)


def own(m, **more):
    d = m.images[0]["digest"]
    return dict(mediaType=MANIFEST, digest=d, size=len(m.blobs[d]), **more)


def nested(depth):
    def edit(m):
        child = own(m, platform=AMD64)
        for _ in range(depth - 1):
            child = m.desc(INDEX, compact(dict(schemaVersion=2, mediaType=INDEX, manifests=[child])))
        index(m, [child])
    return edit


def proof(m, **over):
    d = dict(schemaVersion=2, mediaType=MANIFEST, config=m.desc(EMPTY, b"{}"), layers=[m.desc(IN_TOTO, b'{"a":1}')])
    d.update(over)
    return d


def evidence(make):
    """make(maker): an evidence document of the image."""
    return lambda m: m.images[0].update(evidence=[m.blob(compact(make(m)))])


def attested(layer_type, platforms=None):
    """An index of the image and of a child of unknown platform with one layer of this type."""
    def edit(m):
        child = proof(m, layers=[m.desc(layer_type, b'{"a":1}')])
        b = compact(child)
        more = [dict(platform="unknown/unknown", manifest=m.blob(b), imageId=child["config"]["digest"])] if platforms else []
        index(m, [own(m, platform=AMD64), m.desc(MANIFEST, b, platform=UNKNOWN)], m.images[0]["platforms"] + more)
    return edit


def absent(pick):
    """The blob that pick(maker) names is in no list and in no member."""
    return remade(lambda m: m.blobs.pop(pick(m)))


def set_path(*path, value):
    """d[path...] = value"""
    def f(d):
        for k in path[:-1]:
            d = d[k]
        d[path[-1]] = value
    return f


row("I01", "the config is missing", absent(lambda m: m.manifest()["config"]["digest"]), (4, "graph-missing"))
row("I01", "the manifest is missing", absent(lambda m: m.images[0]["digest"]), (4, "graph-missing"))
row("I01", "a layer is missing in the statement", absent(lambda m: m.manifest()["layers"][0]["digest"]), GRAPH)
row("I01", "the child of an index is missing", remade(lambda m: (index(m, [own(m, platform=AMD64), dict(mediaType=MANIFEST, digest="sha256:" + "a" * 64, size=9)])), twin=nested(1)),
    (4, "graph-missing"))
row("I02", "a document that nothing uses", remade(lambda m: m.extra.append(m.blob(b'{"a":1}'))), (4, "graph-unreferenced"))
for what, path in (("the config", ("config", "size")), ("a layer", ("layers", 0, "size"))):
    row("I03", "a descriptor gives %s another size" % what, document(set_path(*path, value=7)), (4, "graph-mismatch") if what == "the config" else GRAPH)
row("I03", "'data' of a layer is not the layer", document(lambda d: d["layers"][0].update(data="aGkh")), (4, "graph-mismatch"))
row("I03", "'data' of the config is not the config", document(lambda d: d["config"].update(data="e30=")), (4, "graph-mismatch"))
row("I03", "'data' is not base64", document(lambda d: d["config"].update(data="a")), (4, "base64"))
row("I21", "a descriptor gives a layer 2^62 bytes", document(set_path("layers", 0, "size", value=2**62)), (4, "json-range"))
row("I20", "a config of more than 4 MiB", config(lambda c: c.update(author="x" * (4 * 2**20))), LARGE)
row("I20", "a manifest of more than 4 MiB", document(lambda d: d.update(annotations={"a": "x" * (4 * 2**20)})), LARGE)
row("I24", "100,001 entries of history", config(lambda c: c.update(history=[{}] * 100001)), LIMIT)
row("I24", "five labels of 1 MiB", config(lambda c: c.setdefault("config", {}).update(Labels={str(i): "x" * 2**20 for i in range(5)}),
                                             twin=lambda c: c.setdefault("config", {}).update(Labels={str(i): "x" * 2**18 for i in range(5)})), LARGE)


def repeated(n):
    """The one layer n times."""
    def edit(m):
        d = m.manifest()
        c = m.read(d["config"]["digest"])
        d["layers"], c["rootfs"]["diff_ids"] = d["layers"][:1] * n, c["rootfs"]["diff_ids"][:1] * n
        d["config"] = m.desc(CONFIG, compact(c))
        m.put(d)
    return edit


def fanned(n, depth):
    """An index of n times the same, and so on: n to the power of depth ways to one image."""
    def edit(m):
        child = own(m, platform=AMD64)
        for _ in range(depth - 1):
            child = m.desc(INDEX, compact(dict(schemaVersion=2, mediaType=INDEX, manifests=[child] * n)))
        index(m, [child] * n)
    return edit


row("I22", "30,000 layers, twin 10,000", remade(repeated(30000), twin=repeated(10000)), LARGE)
row("I23", "an index that names one image 15,000 times", remade(fanned(15000, 1), twin=fanned(2, 1)), LIMIT)
row("I23", "300 times the same, four deep: each is looked at once", remade(fanned(300, 4), twin=nested(4)), (0, ""))
row("I30", "a layer with urls: they are kept and nobody is asked", document(lambda d: d["layers"][0].update(
    mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls=["http://127.0.0.1:1/x"])), (0, ""))
row("I31", "a layer of a type not known, in an image that is listed to run", document(lambda d: d["layers"][0].update(mediaType="application/vnd.example")), GRAPH)
row("I04", "indexes five deep, twin four", remade(nested(5), twin=nested(4)), (4, "graph-depth"))
row("I05", "a child of a type not known", remade(lambda m: index(m, [dict(own(m, platform=AMD64), mediaType="application/vnd.example+json")]), twin=nested(1)), (4, "media-type"))
row("I05", "a child that its descriptor calls an index", remade(lambda m: index(m, [dict(own(m), mediaType=INDEX)]), twin=nested(1)), (4, "media-type"))
row("I05", "a child of schema 1", remade(lambda m: index(m, [dict(own(m), mediaType="application/vnd.docker.distribution.manifest.v1+prettyjws")]), twin=nested(1)), (4, "schema1"))
row("I05", "an image of schema 1", document(lambda d: d.update(schemaVersion=1)), (4, "schema1"))
row("I05", "schemaVersion 3", document(lambda d: d.update(schemaVersion=3)), (4, "media-type"))
row("I05", "both an index and a manifest", document(lambda d: d.update(manifests=[])), (4, "media-type"))
row("I06", "a layer more than diff IDs", document(lambda d: d["layers"].append(d["layers"][0])), (4, "layer-count"))
row("I06", "a diff ID more than layers", config(lambda c: c["rootfs"]["diff_ids"].append("sha256:" + "0" * 64)), (4, "layer-count"))
row("I06", "no layers at all", document(lambda d: d.update(layers=[])), (4, "layer-count"))
row("I07", "a diff ID that is none", config(lambda c: c["rootfs"]["diff_ids"].__setitem__(0, "sha256:xyz")), (4, "digest-form"))
row("I07", "a layer with a digest of SHA-512", document(lambda d: d["layers"][0].update(digest="sha512:" + "0" * 128)), (4, "digest-algorithm"))
row("I07", "a layer with a digest in upper case", document(lambda d: d["layers"][0].update(digest=d["layers"][0]["digest"].upper().replace("SHA", "sha"))), (4, "digest-form"))
row("I08", "'Layers' beside 'layers'", document(lambda d: d.update(Layers=[])), (4, "key-case"))
row("I08", "'Config' beside 'config' in the descriptor's neighbour", document(lambda d: d.update(CONFIG={})), (4, "key-case"))
row("I08", "'OS' beside 'os' in the config", config(lambda c: c.update(OS="windows")), (4, "key-case"))
row("I08", "a key twice in the manifest", document(lambda d: compact(d).replace(b'"config"', b'"layers":[],"config"', 1)), (4, "json"))
row("I09", "an operating system that is no word", config(lambda c: c.update(os="li nux/../x")), (4, "platform"))
row("I09", "another kind of root file system", config(lambda c: c["rootfs"].update(type="base")), (4, "rootfs-type"))
row("I09", "a platform that is ESC", config(lambda c: c.update(architecture="\x1b[2J")), (4, "platform"))
row("I10", "evidence that is an index", remade(evidence(lambda m: dict(schemaVersion=2, mediaType=INDEX, manifests=[])), twin=evidence(proof)), (4, "graph-evidence"))
row("I32", "evidence about another image", remade(evidence(lambda m: proof(m, subject=dict(mediaType=MANIFEST, digest="sha256:" + "b" * 64, size=1))),
                                                  twin=evidence(lambda m: proof(m, subject=own(m)))), (4, "graph-subject"))
row("I10", "evidence that is missing", remade(lambda m: m.images[0].update(evidence=["sha256:" + "c" * 64]), twin=evidence(proof)), (4, "graph-missing"))
row("I11", "a runnable child under an unknown platform, not listed", remade(attested(TAR), twin=attested(TAR, platforms=True)), GRAPH)
row("I11", "an attestation listed as a platform", remade(attested(IN_TOTO, platforms=True), twin=attested(IN_TOTO)), GRAPH)


def late(edit, twin=None):
    return remade(lambda m: None, late=edit)


BLOB = lambda o, kind: next(b for b in P(o)["blobs"] if b["kind"] == kind)
OTHER = "sha256:" + "d" * 64
for what, edit in (
        ("imageId", lambda o: IMAGE(o)["platforms"][0].update(imageId=OTHER)), ("the manifest of a platform", lambda o: IMAGE(o)["platforms"][0].update(manifest=OTHER)),
        ("the name of a platform", lambda o: IMAGE(o)["platforms"][0].update(platform="linux/arm64")), ("no platform", lambda o: (IMAGE(o).update(platforms=[]), IMAGE(o).pop("load"))),
        ("a platform twice", lambda o: IMAGE(o)["platforms"].append(IMAGE(o)["platforms"][0])), ("load", lambda o: IMAGE(o).update(load="linux/arm64")), ("no load", lambda o: IMAGE(o).pop("load")),
        ("the size of the image", lambda o: IMAGE(o).update(size=IMAGE(o)["size"] + 1)), ("the media type", lambda o: IMAGE(o).update(mediaType="application/vnd.docker.distribution.manifest.v2+json"))):
    row("I12", "the statement has another %s" % what, late(edit), GRAPH)
for name, change in ((SUMS, lambda b: b.upper()), (SUMS, lambda b: b.replace(b"  ", b" ")), (SUMS, lambda b: b.replace(b"  ", b" *")), (SUMS, lambda b: b.replace(b"\n", b"\r\n")),
                     (SUMS, lambda b: b"# x\n" + b), (SUMS, lambda b: b + b.splitlines(True)[0]), (SUMS, lambda b: b[:-1]), (SUMS, lambda b: b"".join(sorted(b.splitlines(True)))),
                     (SUMS, lambda b: b + b"0" * 64 + b"  META/manifest.json\n"), (SUMS, lambda b: b""),
                     ("oci-layout", lambda b: b[:-1]), ("oci-layout", lambda b: b.replace(b"1.0.0", b"1.1.0")), ("index.json", lambda b: b.replace(b"acme/app", b"acme/apq")),
                     ("index.json", lambda b: b.replace(b'"manifests"', b'"manifests":[],"manifests"')), ("manifest.json", lambda b: b.replace(b"acme/app:1.0", b"evil/app:1.0")),
                     ("manifest.json", lambda b: b"[]\n"), ("manifest.json", lambda b: b" " + b)):
    row("I13" if name != SUMS else "M15" if b"META/" in change(b"a  b\n") else "M14", "%s says something else, pinned and signed: %s" % (name, change(b"a  b\n")[:20]),
        remade(lambda m, name=name, change=change: m.files.update({name: change})), GRAPH)
