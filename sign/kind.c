/* The kinds of keys, one row each.  A further kind is a further row. */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <sodium.h>
#include <string.h>

#include "sign/key.h"

void gf_crypto_forget(void)
{
	ERR_clear_error();
}

/* ---- ECDSA (FIPS 186-5; signatures in DER, RFC 3279 2.2.3) ---- */

/* Uncompressed, compressed and hybrid points become uncompressed; points off the curve and infinity are refused. */
static bool ec_canonical(const gf_kind *kind, const unsigned char *in, size_t n, unsigned char *out)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(kind->curve);
	EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
	bool ok = point != NULL && EC_POINT_oct2point(group, point, in, n, NULL) == 1 &&
	    EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, kind->point_len, NULL) ==
		kind->point_len;

	EC_POINT_free(point);
	EC_GROUP_free(group);
	return ok;
}

/* DER has one spelling: what d2i takes must be what i2d gives, to the last byte.  OpenSSL 3 compares likewise
 * inside; the format promises it whatever the library does. */
static bool ec_strict(const unsigned char *sig, size_t n)
{
	const unsigned char *p = sig;
	unsigned char *again = NULL;
	ECDSA_SIG *s = n <= INT16_MAX ? d2i_ECDSA_SIG(NULL, &p, (long)n) : NULL;
	int len = s != NULL && p == sig + n ? i2d_ECDSA_SIG(s, &again) : -1;
	bool ok = len > 0 && (size_t)len == n && memcmp(again, sig, n) == 0;

	OPENSSL_free(again);
	ECDSA_SIG_free(s);
	return ok;
}

static bool ec_fits(const gf_pubkey *k, const unsigned char *sig, size_t sig_len, const void *bytes, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	/* 1 is the only yes: 0 is no, and malformed is negative. */
	bool ok = ctx != NULL && ec_strict(sig, sig_len) &&
	    EVP_DigestVerifyInit(ctx, NULL, k->kind->hash(), NULL, k->pkey) == 1 &&
	    EVP_DigestVerify(ctx, sig, sig_len, bytes, n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

/* ---- Ed25519 (RFC 8032, pure) ---- */

/*
 * Only points of the prime-order group, canonically encoded: with a key of low order one signature
 * fits nearly every message.  No honest key generator makes another.
 */
static bool ed_canonical(const gf_kind *kind, const unsigned char *in, size_t n, unsigned char *out)
{
	if (n != kind->point_len || sodium_init() < 0 || crypto_core_ed25519_is_valid_point(in) != 1)
		return false;
	memcpy(out, in, n);
	return true;
}

/* libsodium refuses s >= L, R of low order and keys that are not canonical; OpenSSL lets the latter two pass. */
static bool ed_fits(const gf_pubkey *k, const unsigned char *sig, size_t sig_len, const void *bytes, size_t n)
{
	return sig_len == crypto_sign_BYTES && sodium_init() >= 0 &&
	    crypto_sign_verify_detached(sig, bytes, n, k->spki + k->kind->prefix_len) == 0;
}

/* ---- the table ---- */

static const unsigned char p256_prefix[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
	0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };
static const unsigned char ed25519_prefix[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21,
	0x00 };

static const gf_kind kinds[] = {
	{ "ecdsa-p256", "P-256", NID_X9_62_id_ecPublicKey, NID_X9_62_prime256v1, p256_prefix, sizeof p256_prefix, 65,
	    ec_canonical, ec_fits, EVP_sha256 },
	{ "ed25519", "Ed25519", NID_ED25519, 0, ed25519_prefix, sizeof ed25519_prefix, 32, ed_canonical, ed_fits,
	    NULL },
};

const gf_kind *gf_kind_find(int algorithm, int curve)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (kinds[i].algorithm == algorithm && kinds[i].curve == curve)
			return &kinds[i];
	return NULL;
}

EVP_PKEY *gf_kind_generate(const char *type, gf_error *err)
{
	EVP_PKEY *key;

	if (strcmp(type, "p256") == 0) {
		key = EVP_EC_gen("P-256");
	} else if (strcmp(type, "ed25519") == 0) {
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	} else {
		gf_fail(err, GF_USAGE, "key-type", type, "'%s' is not a type of key; there are p256 and ed25519", type);
		return NULL;
	}
	if (key == NULL)
		gf_fail(err, GF_FAILED, "key-new", type, "OpenSSL cannot make a key of type %s", type);
	gf_crypto_forget();
	return key;
}
