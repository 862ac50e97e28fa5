/* Signatures made: by a private key, or by a command that has one somewhere. */
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "sign/key.h"

#define COMMAND_SECONDS 300 /* somebody may have to find a card and type its PIN */

struct gf_signer {
	gf_pubkey *public;
	EVP_PKEY *key;      /* or: */
	gf_secret minisign; /* or: */
	char *command;
};

/* ---- reading private keys ---- */

typedef struct block { /* one PEM block */
	char *label, *header;
	unsigned char *der;
	long n;
} block;

static void block_free(block *b)
{
	OPENSSL_secure_free(b->label);
	OPENSSL_secure_free(b->header);
	OPENSSL_secure_clear_free(b->der, b->n > 0 ? (size_t)b->n : 0);
	*b = (block){ 0 };
}

static bool block_next(BIO *bio, block *b)
{
	block_free(b);
	return PEM_read_bio_ex(bio, &b->label, &b->header, &b->der, &b->n, PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE) ==
	    1;
}

/* PKCS#8, its DER whole. */
static EVP_PKEY *from_pkcs8(const unsigned char *der, long n)
{
	const unsigned char *p = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, n);
	EVP_PKEY *key = info != NULL && p == der + n ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

/* The same encrypted (PKCS#5): asks once. */
static EVP_PKEY *from_encrypted(const block *b, const char *path, const gf_asker *asker, gf_error *err)
{
	const unsigned char *p = b->der;
	X509_SIG *box = d2i_X509_SIG(NULL, &p, b->n);
	PKCS8_PRIV_KEY_INFO *info = NULL;
	EVP_PKEY *key = NULL;
	gf_secret passphrase = { 0 };

	if (box == NULL || p != b->der + b->n) {
		gf_fail(err, GF_USAGE, "key-form", path, "the encrypted key in '%s' is not well-formed", path);
		goto out;
	}
	if (asker == NULL || asker->ask == NULL) {
		gf_fail(err, GF_USAGE, "passphrase", path, "'%s' is encrypted and there is nobody to ask", path);
		goto out;
	}
	if (!asker->ask(asker->ctx, path, false, &passphrase, err))
		goto out;
	info = passphrase.len <= INT16_MAX ? PKCS8_decrypt(box, passphrase.data, (int)passphrase.len) : NULL;
	if (info == NULL) {
		gf_fail(err, GF_USAGE, "passphrase", path, "the passphrase does not open '%s'", path);
		goto out;
	}
	key = EVP_PKCS82PKEY(info);
	if (key == NULL)
		gf_fail(
		    err, GF_USAGE, "key-form", path, "what is encrypted in '%s' is not a key that OpenSSL takes", path);
out:
	gf_secret_clear(&passphrase);
	PKCS8_PRIV_KEY_INFO_free(info);
	X509_SIG_free(box);
	return key;
}

/* cosign's box around PKCS#8. */
static EVP_PKEY *from_cosign(const block *b, const char *path, const gf_asker *asker, gf_error *err)
{
	gf_secret der = { 0 };
	EVP_PKEY *key = NULL;

	if (!gf_cosign_open((const char *)b->der, (size_t)b->n, path, asker, &der, err))
		return NULL;
	key = from_pkcs8((const unsigned char *)der.data, (long)der.len);
	if (key == NULL)
		gf_fail(
		    err, GF_USAGE, "key-form", path, "what is encrypted in '%s' is not a key that OpenSSL takes", path);
	gf_secret_clear(&der);
	return key;
}

static EVP_PKEY *from_block(const block *b, const char *path, const gf_asker *asker, bool *plain, gf_error *err)
{
	const unsigned char *p = b->der;
	EVP_PKEY *key = NULL;

	if (strcmp(b->label, PEM_STRING_PKCS8) == 0)
		return from_encrypted(b, path, asker, err);
	if (strcmp(b->label, "ENCRYPTED COSIGN PRIVATE KEY") == 0 ||
	    strcmp(b->label, "ENCRYPTED SIGSTORE PRIVATE KEY") == 0)
		return from_cosign(b, path, asker, err);
	if (strcmp(b->label, PEM_STRING_PKCS8INF) == 0) {
		key = from_pkcs8(b->der, b->n);
	} else if (strcmp(b->label, PEM_STRING_ECPRIVATEKEY) == 0 && b->header[0] == '\0') {
		key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &p, b->n);
	} else if (strcmp(b->label, PEM_STRING_RSA) == 0 && b->header[0] == '\0') {
		key = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &p, b->n);
	} else if (strcmp(b->label, PEM_STRING_ECPRIVATEKEY) == 0 || strcmp(b->label, PEM_STRING_RSA) == 0) {
		gf_fail(err, GF_USAGE, "key-form", path,
		    "'%s' is encrypted in the old way of PEM, which is weak; write it anew with 'openssl pkcs8 -topk8'",
		    path);
		return NULL;
	} else if (strcmp(b->label, PEM_STRING_PUBLIC) == 0) {
		gf_fail(err, GF_USAGE, "key-form", path, "'%s' is a public key; signing needs the private one", path);
		return NULL;
	} else {
		gf_fail(err, GF_USAGE, "key-type", path,
		    "'%s' is not a private key of a kind that is read: PKCS#8 in PEM, cosign.key, or minisign's form",
		    path);
		return NULL;
	}
	*plain = key != NULL;
	if (key == NULL)
		gf_fail(err, GF_USAGE, "key-form", path, "the private key in '%s' is not well-formed", path);
	return key;
}

static EVP_PKEY *read_pem(const gf_secret *text, const char *path, const gf_asker *asker, bool *plain, gf_error *err)
{
	block b = { 0 };
	BIO *bio = NULL;
	EVP_PKEY *key = NULL;
	bool found;

	bio = BIO_new_mem_buf(text->data, (int)text->len);
	found = bio != NULL && block_next(bio, &b);
	if (found && strcmp(b.label, PEM_STRING_ECPARAMETERS) == 0) /* 'openssl ecparam -genkey' puts them first */
		found = block_next(bio, &b);
	if (found)
		key = from_block(&b, path, asker, plain, err);
	else
		gf_fail(err, GF_USAGE, "key-form", path,
		    "'%s' holds no private key in PEM; 'gapferry key new' makes one", path);
	block_free(&b);
	BIO_free(bio);
	return key;
}

/* The public half, through the same door as every public key. */
static gf_pubkey *public_of(EVP_PKEY *key, const char *path, gf_error *err)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	gf_pubkey *k = NULL;

	if (n > 0)
		k = gf_pubkey_from_der(der, (size_t)n, path, err);
	else
		gf_fail(err, GF_USAGE, "key-form", path, "'%s' holds a private key without its public half", path);
	OPENSSL_free(der);
	return k;
}

/* The private half and its public one into s. */
static bool read_key(gf_signer *s, const char *path, const gf_asker *asker, bool *plain, gf_error *err)
{
	gf_secret text = { 0 };
	bool ok = gf_secret_load(&text, path, GF_KEY_FILE_MAX, err);

	if (ok && gf_starts_with(text.data, GF_MINISIGN_START)) {
		ok = gf_minisign_secret(&text, path, asker, plain, &s->minisign, err) &&
		    (s->public = gf_pubkey_from_ed25519(
			 (const unsigned char *)s->minisign.data + GF_MINISIGN_SECRET - 32, path, err)) != NULL;
	} else if (ok) {
		ok = (s->key = read_pem(&text, path, asker, plain, err)) != NULL &&
		    (s->public = public_of(s->key, path, err)) != NULL;
	}
	gf_secret_clear(&text);
	return ok;
}

gf_signer *gf_signer_open(const char *path, const gf_asker *asker, bool *plain, gf_error *err)
{
	gf_signer *s = gf_alloc(1, sizeof *s, err);

	*plain = false;
	gf_secret_guard();
	if (s != NULL && !read_key(s, path, asker, plain, err)) {
		gf_signer_free(s);
		s = NULL;
	}
	gf_crypto_forget();
	return s;
}

gf_signer *gf_signer_command(const char *command, const char *public_key, gf_error *err)
{
	gf_signer *s = gf_alloc(1, sizeof *s, err);

	if (s != NULL &&
	    ((s->command = gf_strdup(command, err)) == NULL || (s->public = gf_pubkey_load(public_key, err)) == NULL)) {
		gf_signer_free(s);
		s = NULL;
	}
	return s;
}

void gf_signer_free(gf_signer *s)
{
	if (s == NULL)
		return;
	gf_pubkey_free(s->public);
	EVP_PKEY_free(s->key);
	gf_secret_clear(&s->minisign);
	free(s->command);
	free(s);
}

const gf_pubkey *gf_signer_public(const gf_signer *s)
{
	return s->public;
}

/* ---- signing ---- */

static bool by_key(const gf_signer *s, const void *bytes, size_t n, gf_buf *raw, gf_error *err)
{
	const gf_kind *kind = s->public->kind;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[GF_RSA_BITS_MAX / 8];
	size_t len = sizeof sig;
	bool ok = ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, kind->hash != NULL ? kind->hash() : NULL, NULL, s->key) == 1 &&
	    EVP_DigestSign(ctx, sig, &len, bytes, n) == 1;

	EVP_MD_CTX_free(ctx);
	gf_crypto_forget();
	if (!ok)
		return gf_fail(
		    err, GF_FAILED, "sign", s->public->holder, "OpenSSL did not sign with key '%s'", s->public->holder);
	return gf_buf_add(raw, sig, len, err);
}

/* Base64 with whatever white space the command likes. */
static bool unwrap(const gf_buf *text, gf_buf *raw)
{
	gf_error why;
	gf_buf dense;
	bool ok = true;

	gf_buf_init(&dense, text->max);
	for (size_t i = 0; ok && i < text->len; i++)
		if (strchr(" \t\r\n", text->data[i]) == NULL || text->data[i] == '\0')
			ok = gf_buf_add(&dense, text->data + i, 1, &why);
	ok = ok && gf_base64_decode(gf_buf_text(&dense), dense.len, raw, &why);
	gf_buf_clear(&dense);
	return ok;
}

/* Is it all that a signature file holds, in one form or the other? */
static bool is_signature(const gf_pubkey *k, const gf_buf *out, const void *bytes, size_t n)
{
	return out->len > 0 && (gf_raw_fits(k, out->data, out->len, bytes, n) || gf_cms_fits(k, out, bytes, n));
}

/* Raw or base64 is told apart by what verifies. */
static bool by_command(const gf_signer *s, const void *bytes, size_t n, gf_buf *raw, gf_error *err)
{
	const char *const argv[] = { "/bin/sh", "-c", s->command, NULL };
	gf_process p = { .argv = argv, .input = bytes, .input_size = n, .seconds = COMMAND_SECONDS };
	gf_buf out;
	int status = 0;
	bool ok;

	gf_buf_init(&out, GF_SIGNATURE_MAX);
	ok = gf_process_run(&p, &out, &status, err) || gf_because(err, "signing command '%s'", s->command);
	if (ok && status != 0)
		ok = gf_fail(err, GF_FAILED, "command", s->command, "signing command '%s' ended with status %d",
		    s->command, status);
	if (ok && is_signature(s->public, &out, bytes, n))
		ok = gf_buf_add(raw, out.data, out.len, err);
	else if (ok && !unwrap(&out, raw))
		ok = gf_fail(err, GF_FAILED, "sign", s->command,
		    "signing command '%s' wrote %zu bytes that are neither a signature of key '%s' nor base64",
		    s->command, out.len, s->public->holder);
	gf_buf_clear(&out);
	return ok;
}

/* What is no CMS becomes a .sig. */
static bool sig_file(const gf_signer *s, const void *bytes, size_t n, gf_buf *file, const char **ext, gf_error *err)
{
	gf_buf raw;
	bool ok;

	gf_buf_init(&raw, GF_SIGNATURE_MAX);
	ok = s->key != NULL ? by_key(s, bytes, n, &raw, err) : by_command(s, bytes, n, &raw, err);
	*ext = ok && gf_cms_fits(s->public, &raw, bytes, n) ? "p7s" : "sig";
	if (ok && strcmp(*ext, "p7s") == 0)
		ok = gf_buf_add(file, gf_buf_text(&raw), raw.len, err);
	else
		ok = ok && gf_base64_encode(file, gf_buf_text(&raw), raw.len, err) && gf_buf_puts(file, "\n", err);
	gf_buf_clear(&raw);
	return ok;
}

static bool name_of(const gf_signer *s, const char *stem, const char *ext, gf_member *out, gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_buf name;
	bool ok;

	gf_digest_hex(&s->public->id, hex);
	gf_buf_init(&name, 4096);
	ok =
	    gf_buf_printf(&name, err, "%s.%.16s.%s", stem, hex, ext) && (out->name = gf_strdup(name.data, err)) != NULL;
	gf_buf_clear(&name);
	return ok;
}

bool gf_signer_sign(gf_signer *s, const char *stem, const void *bytes, size_t n, gf_member *out, gf_error *err)
{
	const char *ext = "minisig";
	bool ok;

	out->name = NULL;
	gf_buf_init(&out->bytes, GF_SIGNATURE_MAX);
	ok = (s->minisign.data != NULL ? gf_minisign_sign(&s->minisign, stem, bytes, n, &out->bytes, err)
				       : sig_file(s, bytes, n, &out->bytes, &ext, err)) &&
	    name_of(s, stem, ext, out, err);
	/* Nothing leaves that its own reader would refuse: a fault of the hardware, a command with another key. */
	if (ok && !gf_signature_fits(s->public, ext, &out->bytes, bytes, n))
		ok = gf_fail(err, GF_FAILED, "sign", s->public->holder,
		    "the signature just made does not fit key '%s' over these %zu bytes; is it the right public key?",
		    s->public->holder, n);
	if (!ok) {
		free(out->name);
		out->name = NULL;
		gf_buf_clear(&out->bytes);
	}
	return ok;
}
