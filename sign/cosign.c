/*
 * cosign.key: PKCS#8 in a NaCl secretbox whose key scrypt makes of the passphrase (go-securesystemslib, encrypted;
 * trust-formats.md 3.4).  cosign.pub is an ordinary PEM.
 */
#include <sodium.h>
#include <string.h>

#include "sign/key.h"

#define MEMORY_MAX ((uint64_t)1 << 30) /* of scrypt: 128 * N * r bytes; cosign itself asks 64 MiB */
#define PARALLEL_MAX 4
#define SALT_MAX 64

typedef struct sealed {
	uint64_t n, r, p;
	gf_buf salt, nonce, box;
} sealed;

static bool get_base64(gf_json object, const char *key, gf_buf *out, gf_error *err)
{
	const char *text;

	return gf_json_string(object, key, &text, err) && gf_base64_decode(text, strlen(text), out, err);
}

static bool named(gf_json object, const char *want, gf_error *err)
{
	const char *name;

	return gf_json_string(object, "name", &name, err) &&
	    (strcmp(name, want) == 0 ||
		gf_json_fail(object, "key-form", err, "'%.40s' where '%s' was expected", name, want));
}

/* Before any memory is taken for it. */
static bool bounded(const sealed *s)
{
	return s->n >= 2 && (s->n & (s->n - 1)) == 0 && s->n <= MEMORY_MAX && s->r >= 1 && s->r <= 64 && s->p >= 1 &&
	    s->p <= PARALLEL_MAX && 128 * s->n * s->r <= MEMORY_MAX;
}

static bool parse(gf_json root, sealed *s, gf_error *err)
{
	static const char *const root_keys[] = { "kdf", "cipher", "ciphertext", NULL };
	static const char *const kdf_keys[] = { "name", "params", "salt", NULL };
	static const char *const param_keys[] = { "N", "r", "p", NULL };
	static const char *const cipher_keys[] = { "name", "nonce", NULL };
	gf_json kdf, params, cipher;

	return gf_json_only(root, root_keys, err) && gf_json_object(root, "kdf", &kdf, err) &&
	    gf_json_only(kdf, kdf_keys, err) && named(kdf, "scrypt", err) &&
	    gf_json_object(kdf, "params", &params, err) && gf_json_only(params, param_keys, err) &&
	    gf_json_u64(params, "N", &s->n, err) && gf_json_u64(params, "r", &s->r, err) &&
	    gf_json_u64(params, "p", &s->p, err) && get_base64(kdf, "salt", &s->salt, err) &&
	    gf_json_object(root, "cipher", &cipher, err) && gf_json_only(cipher, cipher_keys, err) &&
	    named(cipher, "nacl/secretbox", err) && get_base64(cipher, "nonce", &s->nonce, err) &&
	    get_base64(root, "ciphertext", &s->box, err);
}

static bool unseal(const sealed *s, const gf_secret *passphrase, const char *path, gf_secret *out, gf_error *err)
{
	gf_secret key = { 0 };
	static const unsigned char zeros[crypto_secretbox_KEYBYTES];
	bool ok = gf_secret_set(&key, zeros, sizeof zeros, err) &&
	    /* the room: in place */ gf_secret_set(out, s->box.data, s->box.len - crypto_secretbox_MACBYTES, err);

	if (ok &&
	    crypto_pwhash_scryptsalsa208sha256_ll((const uint8_t *)passphrase->data, passphrase->len,
		(const uint8_t *)s->salt.data, s->salt.len, s->n, (uint32_t)s->r, (uint32_t)s->p, (uint8_t *)key.data,
		key.len) != 0)
		ok = gf_fail(err, GF_FAILED, "no-memory", path, "scrypt does not get its memory for '%s'", path);
	if (ok &&
	    crypto_secretbox_open_easy((unsigned char *)out->data, (const unsigned char *)s->box.data, s->box.len,
		(const unsigned char *)s->nonce.data, (const unsigned char *)key.data) != 0)
		ok = gf_fail(err, GF_USAGE, "passphrase", path, "the passphrase does not open '%s'", path);
	gf_secret_clear(&key);
	if (!ok)
		gf_secret_clear(out);
	return ok;
}

static bool ask(const char *path, const gf_asker *asker, gf_secret *out, gf_error *err)
{
	if (asker == NULL || asker->ask == NULL)
		return gf_fail(err, GF_USAGE, "passphrase", path, "'%s' is encrypted and there is nobody to ask", path);
	return (asker->ask_cosign != NULL ? asker->ask_cosign : asker->ask)(asker->ctx, path, false, out, err);
}

bool gf_cosign_open(
    const char *text, size_t n, const char *path, const gf_asker *asker, gf_secret *pkcs8, gf_error *err)
{
	gf_json_doc *doc = gf_json_parse(text, n, GF_KEY_FILE_MAX, GF_USAGE, path, err);
	gf_secret passphrase = { 0 };
	sealed s = { 0 };
	bool ok;

	gf_buf_init(&s.salt, SALT_MAX);
	gf_buf_init(&s.nonce, crypto_secretbox_NONCEBYTES);
	gf_buf_init(&s.box, GF_KEY_FILE_MAX);
	ok = doc != NULL && parse(gf_json_root(doc), &s, err);
	if (!ok) {
		err->class = GF_USAGE; /* base64 and its caps speak of bundles */
		(void)gf_because(err, "the encrypted key in '%s'", path);
	} else if (s.nonce.len != crypto_secretbox_NONCEBYTES || s.salt.len == 0 ||
	    s.box.len <= crypto_secretbox_MACBYTES) {
		ok = gf_fail(err, GF_USAGE, "key-form", path, "the encrypted key in '%s' is cut short", path);
	} else if (!bounded(&s)) {
		ok = gf_fail(err, GF_USAGE, "key-work", path,
		    "'%s' wants more work or memory for its passphrase than 1 GiB, or scrypt parameters that make no sense",
		    path);
	}
	ok = ok && ask(path, asker, &passphrase, err) && unseal(&s, &passphrase, path, pkcs8, err);
	gf_secret_clear(&passphrase);
	gf_buf_clear(&s.salt);
	gf_buf_clear(&s.nonce);
	gf_buf_clear(&s.box);
	gf_json_free(doc);
	return ok;
}
