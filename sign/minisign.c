/*
 * minisign: its keys and signatures (jedisct1/minisign src/minisign.h; trust-formats.md 1.1).
 *
 * Only prehashed signatures ("ED": Ed25519 over BLAKE2b-512 of the bytes) are made and taken.  Every base64 is canonical,
 * every line ends in one LF, nothing follows the last.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "sign/key.h"

#define TRUSTED "trusted comment: "
#define COMMENT_MAX 1024
#define TRUSTED_MAX 8192
#define NUMBER 8
#define PUBLIC_SIZE (2 + NUMBER + 32)
#define SIGNATURE_SIZE (2 + NUMBER + crypto_sign_BYTES)
#define SECRET_SIZE (2 + 2 + 2 + 32 + 8 + 8 + NUMBER + 64 + 32)
#define BOX_AT (SECRET_SIZE - BOX_SIZE) /* what the passphrase covers */
#define BOX_SIZE (NUMBER + 64 + 32)
#define SALT_AT 6
#define OPS_AT (SALT_AT + 32)
#define MEM_AT (OPS_AT + 8)

/* ---- lines ---- */

typedef struct line {
	const char *text;
	size_t n;
} line;

/* The next line of *text without its LF; false: there is none that ends in one. */
static bool next_line(const char **text, size_t *len, line *out)
{
	const char *lf = memchr(*text, '\n', *len);

	if (lf == NULL)
		return false;
	*out = (line){ *text, (size_t)(lf - *text) };
	*len -= out->n + 1;
	*text = lf + 1;
	return true;
}

static bool begins(const line *l, const char *with)
{
	return l->n >= strlen(with) && memcmp(l->text, with, strlen(with)) == 0;
}

/* Printable UTF-8 or TAB, as minisign has it: no C0, DEL or C1. */
static bool printable(const char *text, size_t n)
{
	while (n > 0) {
		uint32_t c;
		size_t step = gf_utf8_decode(text, n, &c);

		if (step == 0 || (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0))
			return false;
		text += step;
		n -= step;
	}
	return true;
}

/* base64 of exactly size bytes.  The room is the caller's. */
static bool decode(const line *l, unsigned char *out, size_t size)
{
	gf_error why;
	gf_buf raw;
	bool ok;

	if (l->n != (size + 2) / 3 * 4)
		return false;
	gf_buf_init(&raw, size + 2);
	ok = gf_base64_decode(l->text, l->n, &raw, &why) && raw.len == size;
	if (ok)
		memcpy(out, raw.data, size);
	gf_buf_wipe(&raw); /* it may have been a private key */
	return ok;
}

/* A comment line, a line of base64, and no more; minisign itself writes no further line. */
static bool two_lines(const char *text, size_t len, line *comment, line *base64)
{
	return next_line(&text, &len, comment) && next_line(&text, &len, base64) && len == 0 &&
	    begins(comment, GF_MINISIGN_START) && comment->n <= COMMENT_MAX;
}

/* ---- public keys ---- */

static bool looks_secret(const line *base64)
{
	return base64->n == (SECRET_SIZE + 2) / 3 * 4;
}

gf_pubkey *gf_minisign_public(const char *text, size_t len, const char *name, gf_error *err)
{
	unsigned char raw[PUBLIC_SIZE];
	line comment, base64 = { 0 };
	gf_pubkey *k;

	if (!two_lines(text, len, &comment, &base64) || looks_secret(&base64) || !decode(&base64, raw, sizeof raw)) {
		if (looks_secret(&base64))
			gf_fail(err, GF_USAGE, "key-private", name,
			    "'%s' is a private key of minisign; expected the public one: private keys do not belong where "
			    "bundles are checked",
			    name);
		else
			gf_fail(err, GF_USAGE, "key-form", name,
			    "'%s' begins like a file of minisign but is not a public key: expected a comment and a line of %d "
			    "characters, nothing else",
			    name, PUBLIC_SIZE / 3 * 4);
		return NULL;
	}
	if (memcmp(raw, "Ed", 2) != 0) {
		gf_fail(err, GF_USAGE, "key-type", name, "'%s' is not an Ed25519 key of minisign", name);
		return NULL;
	}
	k = gf_pubkey_from_ed25519(raw + 2 + NUMBER, name, err);
	if (k != NULL) {
		k->has_number = true;
		memcpy(k->number, raw + 2, NUMBER);
	}
	return k;
}

/* minisign shows the number as one of 64 bits, little-endian. */
static bool put_number(gf_buf *out, const unsigned char number[NUMBER], gf_error *err)
{
	bool ok = true;

	for (size_t i = 1; ok && i <= NUMBER; i++)
		ok = gf_buf_printf(out, err, "%02X", number[NUMBER - i]);
	return ok;
}

static bool put_public(gf_buf *out, const unsigned char number[NUMBER], const unsigned char point[32], gf_error *err)
{
	unsigned char raw[PUBLIC_SIZE] = { 'E', 'd' };

	memcpy(raw + 2, number, NUMBER);
	memcpy(raw + 2 + NUMBER, point, 32);
	return gf_buf_puts(out, GF_MINISIGN_START " minisign public key ", err) && put_number(out, number, err) &&
	    gf_buf_puts(out, "\n", err) && gf_base64_encode(out, raw, sizeof raw, err) && gf_buf_puts(out, "\n", err);
}

bool gf_pubkey_print_minisign(const gf_pubkey *k, gf_buf *text, gf_error *err)
{
	const unsigned char *point = gf_pubkey_ed25519(k);

	if (point == NULL)
		return gf_fail(err, GF_USAGE, "key-type", k->holder,
		    "key '%s' is of type %s; minisign has Ed25519 only", k->holder, k->kind->name);
	return put_public(text, k->has_number ? k->number : k->id.bytes, point, err);
}

/* ---- signatures ---- */

typedef struct signature {
	unsigned char raw[SIGNATURE_SIZE], global[crypto_sign_BYTES];
	line trusted; /* without its beginning */
} signature;

static bool parse_signature(const gf_buf *file, signature *s)
{
	const char *text = gf_buf_text(file);
	size_t len = file->len;
	line comment, raw, trusted, global;

	if (!next_line(&text, &len, &comment) || !next_line(&text, &len, &raw) || !next_line(&text, &len, &trusted) ||
	    !next_line(&text, &len, &global) || len != 0 || !begins(&comment, GF_MINISIGN_START) ||
	    comment.n > COMMENT_MAX || !begins(&trusted, TRUSTED) || trusted.n > TRUSTED_MAX)
		return false;
	s->trusted = (line){ trusted.text + strlen(TRUSTED), trusted.n - strlen(TRUSTED) };
	return printable(s->trusted.text, s->trusted.n) && decode(&raw, s->raw, sizeof s->raw) &&
	    decode(&global, s->global, sizeof s->global);
}

/* What the global signature covers: the signature, then the trusted comment. */
static bool covered(
    const unsigned char sig[crypto_sign_BYTES], const char *trusted, size_t n, gf_buf *out, gf_error *err)
{
	gf_buf_init(out, crypto_sign_BYTES + TRUSTED_MAX);
	return gf_buf_add(out, sig, crypto_sign_BYTES, err) && gf_buf_add(out, trusted, n, err);
}

static bool hash_of(const void *bytes, size_t n, unsigned char out[64])
{
	return sodium_init() >= 0 && crypto_generichash(out, 64, bytes, n, NULL, 0) == 0;
}

bool gf_minisign_fits(const gf_pubkey *k, const gf_buf *file, const void *bytes, size_t n)
{
	const unsigned char *point = gf_pubkey_ed25519(k);
	unsigned char hash[64];
	gf_error why;
	gf_buf whole;
	signature s;
	bool ok;

	if (point == NULL || !parse_signature(file, &s) || memcmp(s.raw, "ED", 2) != 0 ||
	    (k->has_number && memcmp(s.raw + 2, k->number, NUMBER) != 0) || !hash_of(bytes, n, hash) ||
	    crypto_sign_verify_detached(s.raw + 2 + NUMBER, hash, sizeof hash, point) != 0)
		return false;
	ok = covered(s.raw + 2 + NUMBER, s.trusted.text, s.trusted.n, &whole, &why) &&
	    crypto_sign_verify_detached(s.global, (const unsigned char *)whole.data, whole.len, point) == 0;
	gf_buf_clear(&whole);
	return ok;
}

bool gf_signature_legacy(const char *ext, const gf_buf *file)
{
	signature s;

	return strcmp(ext, "minisig") == 0 && parse_signature(file, &s) && memcmp(s.raw, "Ed", 2) == 0;
}

bool gf_signature_comment(const char *ext, const gf_buf *file, gf_buf *out, gf_error *err)
{
	signature s;

	gf_buf_clear(out);
	return strcmp(ext, "minisig") != 0 || !parse_signature(file, &s) ||
	    gf_buf_add(out, s.trusted.text, s.trusted.n, err);
}

bool gf_minisign_sign(
    const gf_secret *secret, const char *stem, const void *bytes, size_t n, gf_buf *file, gf_error *err)
{
	const unsigned char *number = (const unsigned char *)secret->data, *sk = number + NUMBER;
	unsigned char hash[64], raw[SIGNATURE_SIZE] = { 'E', 'D' }, global[crypto_sign_BYTES];
	gf_buf trusted, whole;
	bool ok;

	gf_buf_init(&trusted, TRUSTED_MAX);
	gf_buf_init(&whole, 0);
	memcpy(raw + 2, number, NUMBER);
	ok = (hash_of(bytes, n, hash) && crypto_sign_detached(raw + 2 + NUMBER, NULL, hash, sizeof hash, sk) == 0) ||
	    gf_fail(err, GF_FAILED, "sign", NULL, "libsodium did not sign");
	ok = ok &&
	    gf_buf_printf(&trusted, err, "timestamp:%lld\tfile:%s\thashed", (long long)gf_now(), gf_path_base(stem)) &&
	    covered(raw + 2 + NUMBER, trusted.data, trusted.len, &whole, err);
	if (ok && crypto_sign_detached(global, NULL, (const unsigned char *)whole.data, whole.len, sk) != 0)
		ok = gf_fail(err, GF_FAILED, "sign", NULL, "libsodium did not sign");
	ok = ok && gf_buf_puts(file, GF_MINISIGN_START " signature of gapferry\n", err) &&
	    gf_base64_encode(file, raw, sizeof raw, err) && gf_buf_puts(file, "\n" TRUSTED, err) &&
	    gf_buf_add(file, trusted.data, trusted.len, err) && gf_buf_puts(file, "\n", err) &&
	    gf_base64_encode(file, global, sizeof global, err) && gf_buf_puts(file, "\n", err);
	gf_buf_clear(&whole);
	gf_buf_clear(&trusted);
	return ok;
}

/* ---- private keys ---- */

static uint64_t get_u64(const unsigned char *p)
{
	uint64_t v = 0;

	for (size_t i = 8; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static void put_u64(unsigned char *p, uint64_t v)
{
	for (size_t i = 0; i < 8; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

/* Lays the stream that scrypt makes of the passphrase over the box, on or off. */
static bool cover(unsigned char *raw, const gf_secret *passphrase, uint64_t ops, uint64_t mem, gf_error *err)
{
	static const unsigned char zeros[BOX_SIZE];
	gf_secret stream = { 0 };
	bool ok = gf_secret_set(&stream, zeros, sizeof zeros, err);

	if (ok &&
	    crypto_pwhash_scryptsalsa208sha256((unsigned char *)stream.data, BOX_SIZE, passphrase->data,
		passphrase->len, raw + SALT_AT, ops, (size_t)mem) != 0)
		ok = gf_fail(err, GF_FAILED, "no-memory", NULL, "scrypt needs %llu MiB of memory and does not get it",
		    (unsigned long long)(mem / GF_MIB));
	for (size_t i = 0; ok && i < BOX_SIZE; i++)
		raw[BOX_AT + i] ^= (unsigned char)stream.data[i];
	gf_secret_clear(&stream);
	return ok;
}

static bool checksum(const unsigned char *raw, unsigned char out[32])
{
	crypto_generichash_state state;
	bool ok = crypto_generichash_init(&state, NULL, 0, 32) == 0 && crypto_generichash_update(&state, raw, 2) == 0 &&
	    crypto_generichash_update(&state, raw + BOX_AT, NUMBER + 64) == 0 &&
	    crypto_generichash_final(&state, out, 32) == 0;

	sodium_memzero(&state, sizeof state);
	return ok;
}

/* The checksum is right, and the public half is that of the seed. */
static bool box_right(const unsigned char *raw)
{
	const unsigned char *sk = raw + BOX_AT + NUMBER;
	unsigned char sum[32], public[32], again[64];
	bool ok = checksum(raw, sum) && sodium_memcmp(sum, sk + 64, 32) == 0 &&
	    crypto_sign_seed_keypair(public, again, sk) == 0 && sodium_memcmp(again, sk, 64) == 0;

	sodium_memzero(again, sizeof again);
	return ok;
}

/* The passphrase is asked for only when its work is bounded: minisign's own default is the bound. */
static bool uncover(unsigned char *raw, const char *path, const gf_asker *asker, gf_error *err)
{
	uint64_t ops = get_u64(raw + OPS_AT), mem = get_u64(raw + MEM_AT);
	gf_secret passphrase = { 0 };
	bool ok;

	if (ops > crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE ||
	    mem > crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE)
		return gf_fail(err, GF_USAGE, "key-work", path,
		    "'%s' wants more work or memory for its passphrase than the 1 GiB that minisign itself asks", path);
	if (asker == NULL || asker->ask == NULL)
		return gf_fail(err, GF_USAGE, "passphrase", path, "'%s' is encrypted and there is nobody to ask", path);
	ok = asker->ask(asker->ctx, path, false, &passphrase, err) && cover(raw, &passphrase, ops, mem, err);
	gf_secret_clear(&passphrase);
	return ok;
}

bool gf_minisign_secret(
    const gf_secret *text, const char *path, const gf_asker *asker, bool *plain, gf_secret *out, gf_error *err)
{
	static const unsigned char zeros[SECRET_SIZE];
	gf_secret room = { 0 };
	unsigned char *raw;
	line comment, base64;
	bool ok = gf_secret_set(&room, zeros, sizeof zeros, err);

	*plain = false;
	if (!ok)
		return false;
	raw = (unsigned char *)room.data;
	if (!two_lines(text->data, text->len, &comment, &base64) || !decode(&base64, raw, SECRET_SIZE) ||
	    memcmp(raw, "Ed", 2) != 0 || memcmp(raw + 4, "B2", 2) != 0)
		ok = gf_fail(err, GF_USAGE, "key-form", path,
		    "'%s' begins like a file of minisign but is not a private key of it", path);
	else if (memcmp(raw + 2, "\0\0", 2) == 0)
		*plain = true;
	else if (memcmp(raw + 2, "Sc", 2) != 0)
		ok = gf_fail(err, GF_USAGE, "key-form", path, "'%s' is encrypted in a way that is not known", path);
	else
		ok = uncover(raw, path, asker, err);
	if (ok && !box_right(raw))
		ok = *plain ? gf_fail(err, GF_USAGE, "key-form", path, "the private key in '%s' is damaged", path)
			    : gf_fail(err, GF_USAGE, "passphrase", path, "the passphrase does not open '%s'", path);
	ok = ok && gf_secret_set(out, raw + BOX_AT, GF_MINISIGN_SECRET, err);
	gf_secret_clear(&room);
	return ok;
}

static bool put_private(gf_secret *out, const unsigned char *raw, gf_error *err)
{
	static const char head[] = GF_MINISIGN_START " minisign encrypted secret key\n";
	char text[sizeof head + sodium_base64_ENCODED_LEN(SECRET_SIZE, sodium_base64_VARIANT_ORIGINAL) + 1];
	bool ok;

	memcpy(text, head, sizeof head);
	sodium_bin2base64(
	    text + sizeof head - 1, sizeof text - sizeof head, raw, SECRET_SIZE, sodium_base64_VARIANT_ORIGINAL);
	memcpy(text + strlen(text), "\n", 2);
	ok = gf_secret_set(out, text, strlen(text), err);
	sodium_memzero(text, sizeof text);
	return ok;
}

bool gf_minisign_generate(const gf_secret *passphrase, gf_secret *private_text, gf_buf *public_text, gf_error *err)
{
	static const unsigned char zeros[SECRET_SIZE];
	gf_secret room = { 0 };
	unsigned char *raw, public[32];
	bool ok = gf_secret_set(&room, zeros, sizeof zeros, err);

	if (!ok)
		return false;
	raw = (unsigned char *)room.data;
	memcpy(raw, passphrase != NULL ? "EdScB2" : "Ed\0\0B2", 6);
	randombytes_buf(raw + BOX_AT, NUMBER);
	ok = (crypto_sign_keypair(public, raw + BOX_AT + NUMBER) == 0 && checksum(raw, raw + BOX_AT + NUMBER + 64)) ||
	    gf_fail(err, GF_FAILED, "key-new", NULL, "libsodium cannot make a key");
	ok = ok && put_public(public_text, raw + BOX_AT, public, err);
	if (ok && passphrase != NULL) {
		randombytes_buf(raw + SALT_AT, 32);
		put_u64(raw + OPS_AT, crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE);
		put_u64(raw + MEM_AT, crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE);
		ok = cover(raw, passphrase, crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE,
		    crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE, err);
	}
	ok = ok && put_private(private_text, raw, err);
	gf_secret_clear(&room);
	return ok;
}
