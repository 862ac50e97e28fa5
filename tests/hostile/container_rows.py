"""Group C of the table, what a bundle is as a tar: its bytes, headers, members and end."""

import gzip
import lzma

from model import BLOCK, Member, header
from rows import *  # the words that rows are written in


# C01
for n, want in ((0, HEAD), (1, CUT), (511, CUT)):
    row("C01", "the first %d bytes alone" % n, whole(GOOD[:n]), want)
for n in (512, 1024):
    row("C01", "%d zeros" % n, whole(bytes(n)), HEAD)

# C02, C03: something else around our bytes, or instead of them
row("C02", "gzip", whole(gzip.compress(GOOD, mtime=0)), PACKED)
row("C02", "xz", whole(lzma.compress(GOOD)), PACKED)
row("C02", "zstd magic", whole(b"\x28\xb5\x2f\xfd" + GOOD), PACKED)
row("C03", "zip", whole(b"PK\3\4" + GOOD), PACKED)
row("C03", "7z", whole(b"7z\xbc\xaf\x27\x1c" + GOOD), PACKED)
row("C03", "cpio", whole(b"070701" + b"0" * 104 + b"META/manifest.json\0" + GOOD), HEAD)
row("C03", "iso", whole(bytes(32768) + b"\1CD001\1" + bytes(2041) + GOOD), HEAD)

# C04-C07, C26: header fields.  first: META/manifest.json, read before trust; the others after it.
for who, name in (("first", 0), ("SHA256SUMS", SUMS), ("document", DOC), ("layer", LAYER)):
    row("C04", "bad checksum, %s" % who, patched(name, 148, b"000001\0 ", fix=False), TAR_HEADER)
    row("C04", "checksum of spaces, %s" % who, patched(name, 148, b" " * 8, fix=False), TAR_HEADER)
    row("C04", "checksum with NUL and space swapped, %s" % who,
        changed(lambda b, bad, name=name: setattr(
            b.members[name] if name == 0 else b.get(name), "head",
            (lambda h: h[:154] + (b" \0" if bad else b"\0 ") + h[156:])((b.members[name] if name == 0 else b.get(name)).head))),
        TAR_HEADER)
    bad_magic = HEAD if name == 0 else TAR_HEADER
    row("C05", "v7 magic, %s" % who, patched(name, 257, bytes(8)), bad_magic)
    row("C05", "GNU magic, %s" % who, patched(name, 257, b"ustar  \0"), bad_magic)
    row("C05", "version 01, %s" % who, patched(name, 257, b"ustar\00001"), bad_magic)
    size = len((good.members[0] if name == 0 else good.get(name)).data)
    for what, value in (
            ("blank", b" " * 12), ("NULs", bytes(12)), ("12 digits", b"%012o" % size), ("leading spaces", b"%11o\0" % size),
            ("trailing space", b"%011o " % size), ("letter", b"%010oz\0" % (size // 8)), ("digit 8", b"%010o8\0" % (size // 8)),
            ("short", b"%010o\0\0" % size), ("hexadecimal", b"0x%09x\0" % size), ("plus", b"+%010o\0" % size)):
        row("C06", "size %s, %s" % (what, who), patched(name, 124, value), bad_magic)
    for what, value in (
            ("-1", b"\xff" * 12), ("2^63", b"\x80" + (2**63).to_bytes(11, "big")), ("2^87", b"\x80" + (2**87).to_bytes(11, "big")),
            ("2^95", b"\xa0" + bytes(11)), ("small positive", b"\x80" + size.to_bytes(11, "big"))):
        row("C07", "size in base 256: %s, %s" % (what, who), patched(name, 124, value), bad_magic)
    for what, at, value in (
            ("mode 06755", 100, b"0006755\0"), ("uid 2^31", 108, b"\x80\0\0\0\x80\0\0\0"), ("gid 1", 116, b"0000001\0"),
            ("mtime 2^33", 136, b"100000000000"), ("mtime -1", 136, b"\xff" * 12), ("mtime one second later", 136, b"%011o\0" % (good.mtime + 1)),
            ("user name", 265, b"root\0"), ("group name", 297, b"root\0"), ("device", 329, b"0000001\0"), ("link name", 157, b"/etc/passwd\0"),
            ("byte after the prefix", 511, b"x")):
        row("C26", "%s, %s" % (what, who), patched(name, at, value), TAR_HEADER)

# C08, C09, C11, C12: extensions that change what a following header means
for what, recs in (
        ("size smaller", [record(b"size", b"1")]), ("size larger", [record(b"size", b"100000")]),
        ("size equal", [record(b"size", b"%d" % len(good.get(SUMS).data))]), ("path", [record(b"path", b"x")]),
        ("linkpath", [record(b"linkpath", b"/x")]), ("empty path", [record(b"path", b"")]), ("NUL in path", [record(b"path", b"SHA256SUMS\0x")]),
        ("charset", [record(b"hdrcharset", b"BINARY")]), ("two of one key", [record(b"path", b"a"), record(b"path", b"b")]),
        ("wrong length", [record(b"path", b"x", b"99")]), ("size +4", [record(b"size", b"+4")]), ("size 0004", [record(b"size", b"0004")]),
        ("size -512", [record(b"size", b"-512")]), ("size 2^63", [record(b"size", b"%d" % 2**63)]), ("size 2^64", [record(b"size", b"%d" % 2**64)]),
        ("no record at all", [])):
    row("C08", "pax header, %s, before SHA256SUMS" % what, inserted(SUMS, lambda b, r=recs: [pax(*r)]), TAR_HEADER)
    row("C08", "pax header, %s, before a layer" % what, inserted(LAYER, lambda b, r=recs: [pax(*r)]), TAR_HEADER)
row("C08", "pax header at the start", inserted(0, lambda b: [pax(record(b"path", b"META/manifest.json"))]), HEAD)
row("C08", "pax header between manifest and signature", inserted(1, lambda b: [pax(record(b"comment", b"x"))]), NO_SIG)
row("C09", "global pax header at the start", inserted(0, lambda b: [pax(record(b"comment", b"x"), type=b"g")]), HEAD)
row("C09", "global pax header before SHA256SUMS", inserted(SUMS, lambda b: [pax(record(b"comment", b"x"), type=b"g")]), TAR_HEADER)
row("C09", "global pax header before a layer", inserted(LAYER, lambda b: [pax(record(b"size", b"0"), type=b"g")]), TAR_HEADER)
for what, types in (("L", [b"L"]), ("K", [b"K"]), ("two L", [b"L", b"L"])):
    row("C11", "GNU %s before SHA256SUMS" % what,
        inserted(SUMS, lambda b, t=types: [pax(b"x" * 120 + b"\0", type=x, name="././@LongLink") for x in t]), TAR_HEADER)
row("C11", "GNU L and pax", inserted(SUMS, lambda b: [pax(b"SHA256SUMS\0", type=b"L", name="././@LongLink"), pax(record(b"path", b"x"))]), TAR_HEADER)
row("C11", "GNU L without a member, at the end",
    changed(lambda b, bad: b.members.append(pax(b"x\0", type=b"L", name="././@LongLink")) if bad else None), END)
for what, rec in (("0.0", [record(b"GNU.sparse.size", b"9"), record(b"GNU.sparse.numblocks", b"0")]),
                  ("0.1", [record(b"GNU.sparse.map", b"0,9")]),
                  ("1.0", [record(b"GNU.sparse.major", b"1"), record(b"GNU.sparse.minor", b"0"), record(b"GNU.sparse.realsize", b"9")]),
                  ("SUN", [record(b"SUN.holesdata", b" 0 9")])):
    row("C12", "sparse %s" % what, inserted(LAYER, lambda b, r=rec: [pax(*r)]), TAR_HEADER)
row("C12", "old GNU sparse", patched(LAYER, 156, b"S"), TAR_HEADER)

# C10, C13-C15, C17: names
def named(member, new, want):
    what = new if isinstance(new, bytes) else new.encode()
    return patched(member, 0, (what + bytes(100))[:100]), want


for new in ("/" + LAYER, "../" + LAYER, "blobs/../" + LAYER, "./" + LAYER, LAYER.replace("/", "//"), LAYER + "/"):
    row("C10", "layer named %s" % new.replace(LAYER[13:], "..."), *named(LAYER, new, TAR_HEADER))
for new in ("/SHA256SUMS", "./SHA256SUMS", "META/../SHA256SUMS", "SHA256SUMS/"):
    row("C10", "file named %s" % new, *named(SUMS, new, TAR_HEADER))
for new in ("/META/manifest.json", "./META/manifest.json", "META//manifest.json", "META/./manifest.json", "META/manifest.json/"):
    row("C10", "first member named %s" % new, *named(0, new, HEAD))
for what, new in (("NUL and more", b"SHA256SUMS\0x"), ("LF", b"SHA256SUMS\n"), ("ESC", b"\x1b]0;x\x07SUMS"), ("DEL", b"SHA256SUM\x7f"),
                  ("0xE9", b"SHA256SUM\xe9"), ("UTF-8", "SHA256SÜMS".encode()), ("bidi", "SHA256\u202eSMUS".encode())):
    row("C13", "name with %s" % what, *named(SUMS, new, TAR_HEADER))
    row("C13", "first name with %s" % what, *named(0, new, HEAD))
row("C13", "META/manifest.json, NUL and more", *named(0, b"META/manifest.json\0x", HEAD))
row("C14", "name of 100 bytes", *named(SUMS, b"x" * 100, TAR_HEADER))
row("C14", "prefix", patched(LAYER, 345, b"prefix"), TAR_HEADER)
row("C14", "name split into prefix and name",
    changed(lambda b, bad: setattr(b.get(LAYER), "head", header(LAYER[13:], len(b.get(LAYER).data), b.mtime, prefix=b"blobs/sha256" + bytes(143)))
            if bad else None), TAR_HEADER)
row("C14", "prefix of 155 bytes", patched(SUMS, 345, b"x" * 155), TAR_HEADER)
for new in ("", ".", "/", ".."):
    row("C15", "name '%s'" % new, *named(SUMS, new, TAR_HEADER))
    row("C15", "first name '%s'" % new, *named(0, new, HEAD))
row("C17", "Blobs/", *named(LAYER, LAYER.replace("blobs", "Blobs"), TAR_HEADER))
row("C17", "upper-case digest", *named(LAYER, LAYER[:13] + LAYER[13:].upper(), TAR_HEADER))
row("C17", "both spellings", inserted(LAYER, lambda b: [b.make("Blobs/sha256/" + LAYER[13:], b.get(LAYER).data)]), TAR_HEADER)

# C16, C18, C19: members too many, too few, out of order
for what, name, want in (("SHA256SUMS", SUMS, TAR_HEADER), ("a document", DOC, TAR_HEADER), ("a layer", LAYER, TAR_HEADER)):
    row("C16", "%s twice, the same bytes" % what, inserted(name, lambda b, n=name: [b.get(n).copy()]), want)
    row("C16", "%s twice, bad bytes first" % what, inserted(name, lambda b, n=name: [b.make(n, b"x" * len(b.get(n).data))]),
        DIGEST if name != LAYER else TAR_HEADER)
    row("C16", "%s twice, bad bytes last" % what,
        changed(lambda b, bad, n=name: b.members.append(b.make(n, b"x")) if bad else None), END)
row("C16", "META/manifest.json twice", inserted(1, lambda b: [b.members[0].copy()]), NO_SIG)
row("C16", "META/manifest.json twice, the second changed", inserted(2, lambda b: [b.make("META/manifest.json", b"{}")]), TAR_HEADER)
row("C16", "the signature twice", inserted(2, lambda b: [b.members[1].copy()]), HEAD)
for what, before, want in (("after the head", SUMS, TAR_HEADER), ("among the documents", DOC, TAR_HEADER), ("before a layer", LAYER, TAR_HEADER)):
    row("C18", "an unlisted member %s" % what, inserted(before, lambda b: [b.make("blobs/sha256/" + "a" * 64, b"x")]), want)
row("C18", "an unlisted member at the end", changed(lambda b, bad: b.members.append(b.make("blobs/sha256/" + "a" * 64, b"x")) if bad else None), END)
for what, name in (("SHA256SUMS", SUMS), ("oci-layout", "oci-layout"), ("index.json", "index.json"), ("manifest.json", "manifest.json"),
                   ("a document", DOC), ("META/padding", "META/padding"), ("a layer", LAYER), ("the last layer", LAST)):
    def without(b, bad, name=name):
        if bad:
            del b.members[b.index(name)]
            b.pad()
    row("C18", "%s is missing" % what, changed(without), TAR_HEADER)


def swapped(one, two):
    def edit(b, bad):
        if bad:
            i, k = b.index(one), b.index(two)
            b.members[i], b.members[k] = b.members[k], b.members[i]
            b.pad()
    return changed(edit)


row("C19", "a layer before META", inserted(0, lambda b: [b.get(LAYER).copy()]), HEAD)
row("C19", "SHA256SUMS and oci-layout swapped", swapped(SUMS, "oci-layout"), TAR_HEADER)
row("C19", "two documents swapped", swapped(good.documents()[0], good.documents()[1]), TAR_HEADER)
row("C19", "two layers swapped", swapped(good.layers()[0], good.layers()[1]), TAR_HEADER)
row("C19", "a document after the layers",
    changed(lambda b, bad: (b.members.append(b.members.pop(b.index(DOC))), b.pad()) if bad else None), TAR_HEADER)
row("C19", "padding before the documents",
    changed(lambda b, bad: b.insert(DOC, b.members.pop(b.index("META/padding"))) if bad else None), TAR_HEADER)

# C20-C23, C25: other types of member
for id, what, type, link in (
        ("C20", "symbolic link", b"2", b"/etc/passwd"), ("C21", "hard link to META/manifest.json", b"1", b"META/manifest.json"),
        ("C21", "hard link, absolute", b"1", b"/etc/passwd"), ("C21", "hard link, relative", b"1", b"b.tar"), ("C23", "FIFO", b"6", b""),
        ("C23", "character device", b"3", b""), ("C23", "block device", b"4", b""), ("C23", "contiguous file", b"7", b""),
        ("C23", "type V", b"V", b""), ("C23", "type M", b"M", b""), ("C23", "type D", b"D", b""), ("C23", "type Z", b"Z", b""),
        ("C23", "type NUL", b"\0", b""), ("C25", "directory with a size", b"5", b"")):
    for who, name in (("first", 0), ("SHA256SUMS", SUMS), ("layer", LAYER)):
        def typed(b, bad, name=name, type=type, link=link):
            m = b.members[name] if name == 0 else b.get(name)
            if bad:
                m.head = header(m.name, len(m.data), b.mtime, type=type, link=link + bytes(100 - len(link)))
        row(id, "%s, %s" % (what, who), changed(typed), HEAD if name == 0 else TAR_HEADER)
row("C20", "symbolic link without size before SHA256SUMS",
    inserted(SUMS, lambda b: [Member("a", b"", header("a", 0, b.mtime, type=b"2", link=b"/tmp" + bytes(96)))]), TAR_HEADER)
row("C22", "symbolic link a, then a file a/x",
    inserted(LAYER, lambda b: [Member("a", b"", header("a", 0, b.mtime, type=b"2", link=(WORK.encode() + bytes(100))[:100])),
                               b.make("a/canary", b"x")]), TAR_HEADER)

# C27: the zeros between members
for who, name, want in (("META/manifest.json", 0, FILL), ("SHA256SUMS", SUMS, FILL), ("a document", DOC, FILL), ("a layer", LAYER, FILL), ("the last layer", LAST, FILL)):
    def filled(b, bad, name=name):
        m = b.members[name] if name == 0 else b.get(name)
        assert m.fill or not bad, "%s ends at a block" % name
        if bad:
            m.fill = m.fill[:-1] + b"x"
    m = good.members[0] if name == 0 else good.get(name)
    if m.fill:
        row("C27", "fill of %s not zero" % who, changed(filled), want)
row("C27", "META/padding not zero",
    changed(lambda b, bad: setattr(b.get("META/padding"), "data", b.get("META/padding").data[:-1] + (b"x" if bad else b"\0"))), FILL)
row("C27", "META/padding longer by 64 KiB",
    changed(lambda b, bad: b.members.__setitem__(b.index("META/padding"), b.make("META/padding", b.get("META/padding").data + bytes(65536))) if bad else None),
    TAR_HEADER)
row("C27", "META/padding shorter by a block",
    changed(lambda b, bad: b.members.__setitem__(b.index("META/padding"), b.make("META/padding", b.get("META/padding").data[512:])) if bad else None),
    TAR_HEADER)

# X1 through the program (flip.c has the rest): one bit of the bytes themselves
for what, name, want, inspected in (("SHA256SUMS", SUMS, DIGEST, DIGEST), ("index.json", "index.json", DIGEST, DIGEST), ("a document", DOC, DIGEST, DIGEST),
                                    ("a layer", LAYER, DIGEST, (0, "")), ("the last layer", LAST, DIGEST, (0, ""))):
    def flipped_bit(b, bad, name=name):
        m = b.get(name)
        m.data = m.data[:7] + bytes([m.data[7] ^ bad]) + m.data[8:]
    row("X1", "a bit of %s flipped" % what, changed(flipped_bit), want, inspect=inspected)

# C28-C31: the end
def tail(bytes_):
    return changed(lambda b, bad: setattr(b, "tail", bytes_ if bad else bytes(1024)))


row("C28", "one zero block, then a member", tail(bytes(512) + good.get(SUMS).bytes() + bytes(1024)), END)
row("C28", "two zero blocks, then a member", tail(bytes(1024) + good.get(SUMS).bytes() + bytes(1024)), END)
row("C28", "one byte more", tail(bytes(1024) + b"x"), END)
row("C28", "one zero more", tail(bytes(1025)), END)
row("C28", "zeros up to 10,240", tail(bytes(1024 + -len(GOOD) % 10240 + 10240)), END)
row("C28", "a second bundle behind it", tail(bytes(1024) + GOOD), END)
row("C28", "another bundle behind it", tail(bytes(1024) + other.bytes()), END)
row("C28", "a zero block in the front", inserted(SUMS, lambda b: [Member("", b"", bytes(512))]), TAR_HEADER)
row("C29", "no end blocks", tail(b""), CUT)
row("C29", "one end block", tail(bytes(512)), CUT)
row("C29", "half an end block", tail(bytes(1024 - 256)), CUT)
row("C29", "end blocks of something else", tail(b"x" * 1024), END)
at = GOOD.index(good.get(LAST).bytes()) + BLOCK
row("C30", "cut inside the last layer", whole(GOOD[:at + 700]), CUT)
row("C30", "cut inside a document", whole(GOOD[:GOOD.index(good.get(DOC).bytes()) + BLOCK + 5]), CUT)
head_end = len(good.members[0].bytes()) + len(good.members[1].bytes())
first = len(good.members[0].bytes())
for cut in range(0, len(GOOD), BLOCK):
    if cut < len(good.members[0].head) or cut < first and cut > 0:
        want = CUT if cut else HEAD
    elif cut < first + BLOCK:
        want = NO_SIG
    else:
        want = CUT
    # through the program for each block near a border, every eighth elsewhere; flip.c does all
    if cut < head_end + 8 * BLOCK or cut > len(GOOD) - 8 * BLOCK or cut // BLOCK % 8 == 0:
        row("C31", "cut at block %d" % (cut // BLOCK), whole(GOOD[:cut]), want)
