"""Group S of the table, as far as no trust file is needed: signatures inside the bundle, of each kind, and the files of keys.
What a trust file decides is in trust_rows.py."""

import base64
import os
import threading

from model import P256_N, Key, der_read, der_sig, run, sha256
from rows import *  # the words that rows are written in


row("S01", "no signature at all", signed(lambda t, bad: [] if bad else [rel.file(t)]), NO_SIG)
row("S02", "signature file of 0 bytes", line_sig(lambda l: b""), HEAD)
row("S02", "signature of 0 bytes", line_sig(lambda l: b"\n"), NO_SIG)
row("S02", "the message as signature", signed(lambda t, bad: [(rel.file(t)[0], base64.b64encode(t[:1000]) + b"\n" if bad else rel.file(t)[1])]), NO_SIG)
for n in range(1, 70):
    row("S03", "signature shorter by %d" % n, raw_sig(lambda s, n=n: s[:-n]), NO_SIG, verbs=VERBS if n < 3 else ("verify",), pipe=n < 3)
for n in (1, 2, 36):
    row("S03", "signature without its first %d" % n, raw_sig(lambda s, n=n: s[n:]), NO_SIG)
rs = lambda f: raw_sig(lambda s: f(*der_read(s)))
row("S04", "integer with a leading zero too many", rs(lambda r, s: der_sig(r, s, pad=2)), NO_SIG)
row("S04", "negative r", rs(lambda r, s: der_sig(-r, s)), NO_SIG)
row("S04", "r = 0", rs(lambda r, s: der_sig(0, s)), NO_SIG)
row("S04", "s = 0", rs(lambda r, s: der_sig(r, 0)), NO_SIG)
row("S04", "r = s = 0", rs(lambda r, s: der_sig(0, 0)), NO_SIG)
row("S04", "s = n", rs(lambda r, s: der_sig(r, P256_N)), NO_SIG)
row("S04", "r + n", rs(lambda r, s: der_sig(r + P256_N, s)), NO_SIG)
row("S04", "s + n", rs(lambda r, s: der_sig(r, s + P256_N)), NO_SIG)
row("S04", "indefinite length", raw_sig(lambda s: b"\x30\x80" + s[2:] + b"\0\0"), NO_SIG)
row("S04", "long form of a short length", raw_sig(lambda s: b"\x30\x81" + s[1:]), NO_SIG)
for n in (1, 2, 500):
    row("S05", "%d bytes behind the signature" % n, raw_sig(lambda s, n=n: s + bytes(n)), NO_SIG)
row("S05", "one byte inside the sequence", raw_sig(lambda s: s[:1] + bytes([s[1] + 1]) + s[2:] + b"\0"), NO_SIG)
p384 = Key(keydir, "p384", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
rsa = Key(keydir, "rsa", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072")
row("S06", "signature by another curve under the name of ours", signed(lambda t, bad: [rel.file(t, p384.raw(t) if bad else None)]), NO_SIG)
row("S06", "signature by RSA under the name of ours", signed(lambda t, bad: [rel.file(t, rsa.raw(t) if bad else None)]), NO_SIG)


def malleated(text, bad):
    name, line = rel.file(text)
    r, s = der_read(base64.b64decode(line))
    return [(name, line), ("META/manifest.json.ffffffffffffffff.sig", base64.b64encode(der_sig(r, P256_N - s)) + b"\n")]


row("S08", "by a key not known", signed(lambda t, bad: [(evil if bad else rel).file(t)]), NO_SIG)
row("S08", "by a key not known, named as ours", signed(lambda t, bad: [(rel.file(t)[0], (evil if bad else rel).file(t)[1])]), NO_SIG)
for what, f in (
        ("padding inside", lambda l: l[:4] + b"=" + l[4:]), ("a space inside", lambda l: l[:4] + b" " + l[4:]), ("LF inside", lambda l: l[:64] + b"\n" + l[64:]),
        ("URL alphabet", lambda l: b"-" + l[1:]), ("an underscore", lambda l: l[:5] + b"_" + l[6:]), ("garbage behind", lambda l: l[:-1] + b"-garbage\n"),
        ("no padding", lambda l: l.rstrip(b"=\n") + b"\n" if b"=" in l else l[:-2] + b"\n"), ("a NUL behind", lambda l: l[:-1] + b"\0\n"),
        ("a space before", lambda l: b" " + l), ("too much padding", lambda l: l[:-1] + b"=\n")):
    row("S09", "base64: %s" % what, line_sig(f), NO_SIG)


def loose_bits(text, bad):
    """A signature whose last base64 letter before '=' carries bits that are not used."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    while True:
        name, line = rel.file(text)
        if line.endswith(b"=\n"):
            break
    body = line.rstrip(b"=\n")
    if bad:
        body = body[:-1] + bytes([alphabet[alphabet.index(body[-1:]) + 1]])
    return [(name, body + line[len(body):])]


row("S09", "base64: bits that are not used", signed(loose_bits), NO_SIG)
row("S10", "CRLF", line_sig(lambda l: l[:-1] + b"\r\n"), NO_SIG)
row("S10", "no LF", line_sig(lambda l: l[:-1]), NO_SIG)
row("S10", "two lines", line_sig(lambda l: l + l), NO_SIG)
row("S10", "an empty line behind", line_sig(lambda l: l + b"\n"), NO_SIG)
FFFF = "META/manifest.json.ffffffffffffffff.sig"
row("S11", "a further signature file of 16 KiB + 1",
    signed(lambda t, bad: [rel.file(t), (FFFF, b"A" * (16385 if bad else 16384))]), LARGE)
row("S26", "17 signature files, twin 16",
    signed(lambda t, bad: [rel.file(t)] + [("META/manifest.json.%016x.sig" % i, b"AAAA\n") for i in range(1, 17 if bad else 16)]), LARGE)
row("S27", "extension not known, alone", signed(lambda t, bad: [(rel.file(t)[0][:-3] + ("gpg" if bad else "sig"), rel.file(t)[1])]), NO_SIG)
row("S27", "upper-case key id", signed(lambda t, bad: [("META/manifest.json.%s.sig" % (rel.id[:16].upper() if bad else rel.id[:16]), rel.file(t)[1])]), NO_SIG)
row("S27", "name with ../", signed(lambda t, bad: [("META/../%s" % rel.file(t)[0] if bad else rel.file(t)[0], rel.file(t)[1])]), NO_SIG)
row("S28", "signature of another manifest", signed(lambda t, bad: [(rel.file(t)[0], rel.file(other.statement() if bad else t)[1])]), NO_SIG)
row("S28", "manifest of another bundle under our signature",
    changed(lambda b, bad: (b.members.__setitem__(0, b.make("META/manifest.json", other.statement())), b.pad()) if bad else None), NO_SIG)
row("S29", "signature over SHA256SUMS", signed(lambda t, bad: [(rel.file(t)[0], rel.file(good.get(SUMS).data if bad else t)[1])]), NO_SIG)
row("S29", "signature over the whole tar", signed(lambda t, bad: [(rel.file(t)[0], rel.file(GOOD if bad else t)[1])]), NO_SIG)
row("S29", "signature over the digest of the manifest", signed(lambda t, bad: [(rel.file(t)[0], rel.file(bytes.fromhex(sha256(t)) if bad else t)[1])]), NO_SIG)
row("S29", "signature with SHA-384", signed(lambda t, bad: [rel.file(t, rel.raw(t, "sha384" if bad else "sha256"))]), NO_SIG)
row("S31", "signed garbage", resigned(lambda t, bad: b"garbage" if bad else t), (4, "json"))
row("S31", "signed JSON that is no Statement", resigned(lambda t, bad: b'{"a":1}' if bad else t), (4, "unknown-key"))
row("S31", "a Statement of another type", resigned(lambda t, bad: t.replace(b"urn:gapferry:bundle:v1", b"urn:gapferry:bundle:v2") if bad else t), (4, "manifest-type"))


# Keys given where a public key is expected.
def keyed(path):
    return lambda bad: path if bad else rel.pub


def write(name, data):
    path = os.path.join(keydir, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


rsa1024 = Key(keydir, "rsa1024", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
p224 = Key(keydir, "p224", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224")
p521 = Key(keydir, "p521", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521")
x25519 = Key(keydir, "x25519", "-algorithm", "X25519")
ed448 = Key(keydir, "ed448", "-algorithm", "ED448")
explicit = Key(keydir, "explicit", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit")
SPKI_ED = bytes.fromhex("302a300506032b6570032100")


def pem(der):
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(der) + b"-----END PUBLIC KEY-----\n"


def whole_key(path):
    with open(path, "rb") as f:
        return f.read()


p12 = os.path.join(keydir, "rel.p12")
run("openssl", "req", "-x509", "-key", rel.pem, "-subj", "/CN=x", "-days", "9", "-out", os.path.join(keydir, "rel.crt"))
run("openssl", "pkcs12", "-export", "-inkey", rel.pem, "-in", os.path.join(keydir, "rel.crt"), "-passout", "pass:x", "-out", p12)
sealed = os.path.join(keydir, "sealed.pem")
run("openssl", "pkey", "-in", rel.pem, "-aes256", "-passout", "pass:x", "-out", sealed)
TYPE, FORM, PRIVATE = (2, "key-type"), (2, "key-form"), (2, "key-private")
for what, key, want in (
        ("RSA-1024", rsa1024.pub, TYPE), ("P-224", p224.pub, TYPE), ("P-521", p521.pub, TYPE), ("X25519", x25519.pub, TYPE), ("Ed448", ed448.pub, TYPE),
        ("explicit curve parameters", explicit.pub, (2, "key-parameters")),
        ("Ed25519 of low order", write("low.pub", pem(SPKI_ED + b"\1" + bytes(31))), TYPE),
        ("Ed25519 of low order, zero", write("zero.pub", pem(SPKI_ED + bytes(32))), TYPE)):
    row("S12", "key: %s" % what, whole(GOOD), want, keys=keyed(key))
for what, key, want in (
        ("private key", rel.pem, PRIVATE), ("private key, encrypted", sealed, PRIVATE), ("PKCS#12", p12, PRIVATE), ("two certificates", write("two.crt", 2 * whole_key(os.path.join(keydir, "rel.crt"))), FORM), ("empty file", write("empty.pub", b""), FORM),
        ("two keys", write("two.pub", whole_key(rel.pub) + whole_key(evil.pub)), FORM), ("garbage", write("garbage.pub", b"garbage\n"), FORM),
        ("not there", os.path.join(keydir, "none.pub"), (2, "not-found")), ("a directory", keydir, (2, "not-regular")),
        ("64 KiB + 1", write("big.pub", whole_key(rel.pub) + b"\n" * 65536), (2, "too-large"))):
    row("S54", "key: %s" % what, whole(GOOD), want, keys=keyed(key))

# S14-S16: CMS, made by openssl; what is trusted is the certificate alone
CRT = os.path.join(keydir, "rel.crt")
run("openssl", "req", "-x509", "-key", evil.pem, "-subj", "/CN=x", "-days", "9", "-out", os.path.join(keydir, "evil.crt"))
serial = run("openssl", "x509", "-in", CRT, "-noout", "-serial").decode().strip().split("=")[1]
run("openssl", "req", "-x509", "-key", evil.pem, "-subj", "/CN=x", "-days", "9", "-set_serial", "0x" + serial, "-out", os.path.join(keydir, "twin.crt"))
run("openssl", "req", "-new", "-key", rel.pem, "-subj", "/CN=x", "-out", os.path.join(keydir, "rel.csr"))
run("openssl", "x509", "-req", "-in", os.path.join(keydir, "rel.csr"), "-days", "-1", "-signkey", rel.pem, "-set_serial", "0x" + serial, "-out", os.path.join(keydir, "old.crt"))
run("openssl", "req", "-new", "-key", evil.pem, "-subj", "/CN=y", "-out", os.path.join(keydir, "evil.csr"))
run("openssl", "x509", "-req", "-in", os.path.join(keydir, "evil.csr"), "-CA", CRT, "-CAkey", rel.pem, "-set_serial", "5", "-out", os.path.join(keydir, "child.crt"))


def cms(text, *more, crt=CRT, key=rel.pem):
    return run("openssl", "cms", "-sign", "-binary", "-md", "sha256", "-signer", crt, "-inkey", key, "-outform", "DER", *more, input=text)


def tlv(tag, body):
    n = len(body)
    return bytes([tag]) + (bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else b"\x82" + n.to_bytes(2, "big")) + body


def inner(der):
    return der[2 + (der[1] & 0x7F if der[1] > 0x80 else 0):]


def no_hashes(der):
    """digestAlgorithms, which stands behind OID, [0], SEQUENCE and version, empty."""
    content = inner(der)
    oid, data = content[:11], inner(inner(content[11:]))
    return tlv(0x30, oid + tlv(0xA0, tlv(0x30, data[:3] + b"\x31\0" + data[3 + 2 + data[4]:])))


def cms_row(id, what, make, crt=CRT, want=NO_SIG):
    def files(text, bad):
        return [("META/manifest.json.%s.p7s" % ("0" * 16), make(text) if bad else cms(text))]
    row(id, "CMS: " + what, signed(files), want, keys=lambda bad: crt if bad else CRT)


of = lambda name: dict(crt=os.path.join(keydir, name + ".crt"), key=rel.pem if name == "old" else evil.pem)
cms_row("S14", "no signer", lambda t: run("openssl", "crl2pkcs7", "-nocrl", "-certfile", CRT, "-outform", "DER"))
cms_row("S14", "two signers", lambda t: cms(t, "-signer", of("evil")["crt"], "-inkey", evil.pem))
cms_row("S14", "content inside", lambda t: cms(t[:2000], "-nodetach"))
cms_row("S14", "over other content", lambda t: cms(t + b"\n"))
cms_row("S14", "over the content as text", lambda t: cms(t.replace(b"\n", b"\r\n")))
cms_row("S14", "without signed attributes", lambda t: cms(t, "-noattr"))
cms_row("S14", "no digestAlgorithms", lambda t: no_hashes(cms(t, "-nocerts")))
cms_row("S14", "a byte behind it", lambda t: cms(t) + b"\0")
cms_row("S14", "a byte less", lambda t: cms(t)[:-1])
cms_row("S14", "in PEM", lambda t: cms(t, "-outform", "PEM"))
cms_row("S14", "SHA-1", lambda t: cms(t, "-md", "sha1"))
cms_row("S14", "a .sig", lambda t: rel.raw(t))
cms_row("S15", "issued by the certificate that is trusted", lambda t: cms(t, "-certfile", CRT, **of("child")))
cms_row("S16", "another certificate inside", lambda t: cms(t, **of("evil")))
cms_row("S16", "another certificate inside, of the same name and number", lambda t: cms(t, **of("twin")))
cms_row("S16", "expired", lambda t: cms(t, **of("old")), crt=of("old")["crt"], want=NO_SIG + ("valid until",))
cms_row("S16", "a trusted key without its certificate", cms, crt=rel.pub, want=NO_SIG + ("certificate",))

# S13: minisign, made by minisign
MINI_SECRET, MINI = os.path.join(keydir, "mini.key"), os.path.join(keydir, "mini.pub")
run("minisign", "-G", "-W", "-f", "-p", MINI, "-s", MINI_SECRET)
made = {}


def minisig(text, *more):
    """The lines of the signature that minisign makes over text."""
    if (text, more) not in made:
        path = write("m%d-%d" % (threading.get_ident(), len(made)), text)
        run("minisign", "-S", "-s", MINI_SECRET, "-m", path, "-x", path + ".minisig", *more)
        made[text, more] = whole_key(path + ".minisig").split(b"\n")[:4]
    return list(made[text, more])


def mini_row(what, change, *more, ext="minisig"):
    """change(lines): other lines, or the bytes of the file; more: for minisign, where it is to be bad."""
    def files(text, bad):
        lines = minisig(text, *more) if bad else minisig(text)
        lines = (change(lines) or lines) if bad else lines
        data = lines if isinstance(lines, bytes) else b"".join(x + b"\n" for x in lines)
        return [("META/manifest.json.%s.%s" % ("0" * 16, ext if bad else "minisig"), data)]
    row("S13", "minisign: " + what, signed(files), NO_SIG, keys=lambda bad: MINI)


def recoded(i, change):
    """Line i is base64: change its bytes."""
    def f(lines):
        b = bytearray(base64.b64decode(lines[i]))
        b = change(b) or b
        lines[i] = base64.b64encode(b)
    return f


text_of = lambda lines: b"".join(x + b"\n" for x in lines)
put_at = lambda at, what: lambda b: b.__setitem__(slice(at, at + len(what)), what)
turn = lambda at: lambda b: b.__setitem__(at, b[at] ^ 1)
for what, change in (
        ("another number of the key", recoded(1, turn(3))), ("the older form by its letters alone", recoded(1, put_at(0, b"Ed"))), ("an algorithm not known", recoded(1, put_at(0, b"EX"))),
        ("a bit of the signature", recoded(1, turn(20))), ("a bit of the global signature", recoded(3, turn(20))), ("a byte behind the signature", recoded(1, lambda b: b + b"x")),
        ("a byte behind the global signature", recoded(3, lambda b: b + b"x")), ("a byte less", recoded(1, lambda b: b[:-1])), ("R of low order", recoded(1, put_at(10, b"\1" + bytes(31)))),
        ("s of zero", recoded(1, put_at(42, bytes(32)))), ("another trusted comment", lambda l: l.__setitem__(2, l[2] + b"x")), ("no trusted comment", lambda l: l.pop(2) and None),
        ("another beginning of the trusted comment", lambda l: l.__setitem__(2, b"trusted comment:" + l[2][17:])), ("no untrusted comment", lambda l: l.pop(0) and None),
        ("an untrusted comment of 1,025 bytes", lambda l: l.__setitem__(0, (l[0] + b"x" * 1025)[:1025])), ("a fifth line", lambda l: l.append(b"x")), ("an empty line behind it", lambda l: l.append(b"")),
        ("CRLF", lambda l: text_of(l).replace(b"\n", b"\r\n")), ("no LF at the end", lambda l: text_of(l)[:-1]), ("the first two lines alone", lambda l: text_of(l[:2])),
        ("cut in the global signature", lambda l: text_of(l)[:-30]), ("base64 with a space", lambda l: l.__setitem__(1, l[1] + b" ")), ("lines two and four swapped", lambda l: [l[0], l[3], l[2], l[1]]),
        ("of another manifest", lambda l: minisig(other.statement()))):
    mini_row(what, change)
mini_row("the older form, which signs the bytes and not their hash", lambda l: None, "-l")
mini_row("the older form under the letters of the newer", recoded(1, put_at(0, b"ED")), "-l")
seed = base64.b64decode(whole_key(MINI_SECRET).split(b"\n")[1])[62:94]
run("openssl", "pkey", "-inform", "DER", "-out", os.path.join(keydir, "mini.pem"), input=bytes.fromhex("302e020100300506032b657004220420") + seed)


def commented(comment):
    """The trusted comment becomes this one, signed by the key all the same."""
    def f(lines):
        path = write("c%d" % threading.get_ident(), base64.b64decode(lines[1])[10:] + comment)
        lines[2] = b"trusted comment: " + comment
        lines[3] = base64.b64encode(run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", os.path.join(keydir, "mini.pem"), "-in", path))
    return f


for what, comment in (("ESC", b"a\x1b[2Jb"), ("CR", b"a\rb"), ("NUL", b"a\0b"), ("DEL", b"a\x7fb"), ("a C1 character", b"a\xc2\x9bb"), ("bytes that are not UTF-8", b"a\xffb"), ("8,193 bytes", b"x" * 8193)):
    mini_row("a trusted comment with %s, signed" % what, commented(comment))
mini_row("under the name of a .sig", lambda l: None, ext="sig")

for what, key, want in (
        ("cut", whole_key(MINI)[:-9], FORM), ("a third line", whole_key(MINI) + b"x\n", FORM), ("no LF", whole_key(MINI)[:-1], FORM), ("CRLF", whole_key(MINI).replace(b"\n", b"\r\n"), FORM),
        ("another algorithm", text_of(recoded(1, put_at(0, b"Xd"))(lines := whole_key(MINI).split(b"\n")[:2]) or lines), TYPE),
        ("a point of low order", text_of(recoded(1, put_at(10, b"\1" + bytes(31)))(lines := whole_key(MINI).split(b"\n")[:2]) or lines), TYPE),
        ("the private half", whole_key(MINI_SECRET), PRIVATE)):
    row("S12", "key of minisign: %s" % what, whole(GOOD), want, keys=keyed(write("m-%s.pub" % what, key)))

# S12 and S53 beyond P-256: what openssl makes and what is made of it
ed25519 = Key(keydir, "ed25519", "-algorithm", "ED25519")
ed25519.raw = lambda data: run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", ed25519.pem, "-in", write("ed%d" % threading.get_ident(), data))
ED_L = 2**252 + 27742317777372353535851937790883648493
PSS = lambda data: run("openssl", "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sign", rsa.pem, input=data)
for what, key, good_sig, bad_sig in (
        ("P-384: with SHA-256", p384, lambda t: p384.raw(t, "sha384"), lambda t: p384.raw(t)), ("P-384: a byte behind", p384, lambda t: p384.raw(t, "sha384"), lambda t: p384.raw(t, "sha384") + b"\0"),
        ("P-384: r = s = 0", p384, lambda t: p384.raw(t, "sha384"), lambda t: der_sig(0, 0)), ("RSA: PSS", rsa, rsa.raw, PSS), ("RSA: with SHA-1", rsa, rsa.raw, lambda t: rsa.raw(t, "sha1")),
        ("RSA: with SHA-512", rsa, rsa.raw, lambda t: rsa.raw(t, "sha512")), ("RSA: a byte behind", rsa, rsa.raw, lambda t: rsa.raw(t) + b"\0"), ("RSA: a zero before", rsa, rsa.raw, lambda t: b"\0" + rsa.raw(t)),
        ("RSA: all zeros", rsa, rsa.raw, lambda t: bytes(384)), ("RSA: 1", rsa, rsa.raw, lambda t: bytes(383) + b"\1"), ("Ed25519: a byte behind", ed25519, ed25519.raw, lambda t: ed25519.raw(t) + b"\0"),
        ("Ed25519: s + L", ed25519, ed25519.raw, lambda t: ed25519.raw(t)[:32] + (int.from_bytes(ed25519.raw(t)[32:], "little") + ED_L).to_bytes(32, "little")),
        ("Ed25519: R of low order, s = 0", ed25519, ed25519.raw, lambda t: b"\1" + bytes(63)), ("Ed25519: a byte less", ed25519, ed25519.raw, lambda t: ed25519.raw(t)[:-1])):
    row("S06", what, signed(lambda t, bad, key=key, g=good_sig, b=bad_sig: [key.file(t, b(t) if bad else g(t))]), NO_SIG, keys=lambda bad, key=key: key.pub)

rsa2048 = Key(keydir, "rsa2048", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
explicit384 = Key(keydir, "explicit384", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-pkeyopt", "ec_param_enc:explicit")
small_e = Key(keydir, "small-e", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-pkeyopt", "rsa_keygen_pubexp:3")
der_of = lambda key: run("openssl", "pkey", "-in", key.pem, "-pubout", "-outform", "DER")
for what, key, want in (
        ("RSA-2048", rsa2048.pub, TYPE), ("RSA with exponent 3", small_e.pub, TYPE), ("P-384 with explicit parameters", explicit384.pub, (2, "key-parameters")),
        ("a byte behind P-384", write("behind.pub", pem(der_of(p384) + b"x")), FORM), ("P-384 off its curve", write("off.pub", pem(der_of(p384)[:-1] + bytes([der_of(p384)[-1] ^ 1]))), TYPE),
        ("Ed25519 not canonical", write("noncanonical.pub", pem(SPKI_ED + b"\xee" + b"\xff" * 30 + b"\x7f")), TYPE),
        ("Ed25519 a byte short", write("short.pub", pem(b"\x30\x29" + SPKI_ED[2:9] + b"\x03\x20\0" + bytes(31))), TYPE),
        ("RSA without NULL", write("no-null.pub", pem((lambda d: d[:2] + (int.from_bytes(d[2:4], "big") - 2).to_bytes(2, "big") + b"\x30\x0b" + d[6:17] + d[19:])(der_of(rsa)))), (2, "key-parameters"))):
    row("S12", "key: %s" % what, whole(GOOD), want, keys=keyed(key))

# Private keys given to sign.  Those of the corpora of fuzz_cosign and fuzz_minisecret open with the passphrase "x" and little work.
CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "corpus")


def sealed_by_cosign(name, label=b"ENCRYPTED COSIGN PRIVATE KEY"):
    text = base64.encodebytes(whole_key(os.path.join(CORPUS, "cosign", name)))
    return write("cosign-%s.key" % name, b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label, text, label))


WORK_ASKED, PASSPHRASE = (2, "key-work"), (2, "passphrase")
for what, name, want in (
        ("scrypt with N of 2^30", "n-large", WORK_ASKED), ("N that is no power of 2", "n-odd", WORK_ASKED), ("r of 65", "r-large", WORK_ASKED), ("p of 5", "p-large", WORK_ASKED),
        ("another derivation", "kdf", FORM), ("another cipher", "cipher", FORM), ("a box of 3 bytes", "short", FORM), ("a nonce of 3 bytes", "nonce", FORM), ("no salt", "salt", FORM),
        ("a parameter not known", "unknown", (2, "unknown-key")), ("a bit of the box", "mac", PASSPHRASE), ("base64 of another alphabet", "base64", (2, "base64")), ("an array", "array", (2, "json-type"))):
    row("S54", "cosign.key: %s" % what, whole(GOOD), want, verbs=("sign",),
        keys=lambda bad, a=sealed_by_cosign(name), b=sealed_by_cosign("good"): a if bad else b)
for what, name, want in (
        ("2^40 of work", "work", WORK_ASKED), ("another derivation", "unknown-kdf", FORM), ("not Ed25519", "not-ed", FORM), ("a bit of the checksum", "checksum", FORM), ("a bit of the box", "wrong", PASSPHRASE),
        ("its first line alone", "head", FORM), ("the public half", "public", FORM)):
    row("S54", "private key of minisign: %s" % what, whole(GOOD), want, verbs=("sign",),
        keys=lambda bad, name=name: os.path.join(CORPUS, "minisecret", name if bad else "encrypted" if name in ("work", "wrong") else "plain"))
