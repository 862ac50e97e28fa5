/* The kinds of keys, one row each.  A further kind is a further row. */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <string.h>

#include "sign/key.h"

void gf_crypto_forget(void)
{
	ERR_clear_error();
}

/* ---- ECDSA (FIPS 186-5; signatures in DER, RFC 3279 2.2.3) ---- */

/* Uncompressed, compressed and hybrid points become uncompressed; points off the curve and infinity are refused. */
static size_t ec_canonical(const gf_kind *kind, const unsigned char *in, size_t n, unsigned char *out)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(kind->curve);
	EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
	bool ok = point != NULL && EC_POINT_oct2point(group, point, in, n, NULL) == 1 &&
	    EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out + kind->prefix_len, kind->point_len,
		NULL) == kind->point_len;

	memcpy(out, kind->prefix, kind->prefix_len);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return ok ? kind->prefix_len + kind->point_len : 0;
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

static bool evp_fits(const gf_pubkey *k, const unsigned char *sig, size_t sig_len, const void *bytes, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	/* 1 is the only yes: 0 is no, and malformed is negative. */
	bool ok = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, k->kind->hash(), NULL, k->pkey) == 1 &&
	    EVP_DigestVerify(ctx, sig, sig_len, bytes, n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

static bool ec_fits(const gf_pubkey *k, const unsigned char *sig, size_t sig_len, const void *bytes, size_t n)
{
	return ec_strict(sig, sig_len) && evp_fits(k, sig, sig_len, bytes, n);
}

/* ---- RSA, PKCS#1 v1.5 (RFC 8017; OpenSSL compares the whole block and wants a signature as long as the modulus) ---- */

/* The size of the modulus, and an exponent as FIPS 186-5 A.1.1 wants it: odd, above 2^16, below 2^256. */
static bool rsa_sane(const EVP_PKEY *key)
{
	BIGNUM *n = NULL, *e = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, "n", &n) == 1 && EVP_PKEY_get_bn_param(key, "e", &e) == 1 &&
	    BN_num_bits(n) >= GF_RSA_BITS_MIN && BN_num_bits(n) <= GF_RSA_BITS_MAX && BN_is_odd(n) && BN_is_odd(e) &&
	    BN_num_bits(e) > 16 && BN_num_bits(e) <= 256;

	BN_free(n);
	BN_free(e);
	return ok;
}

static size_t rsa_canonical(const gf_kind *kind, const unsigned char *in, size_t n, unsigned char *out)
{
	const unsigned char *p = in;
	EVP_PKEY *key = n <= GF_SPKI_MAX ? d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)n) : NULL;
	unsigned char *again = NULL, *der = NULL;
	int len = key != NULL && p == in + n && rsa_sane(key) ? i2d_PublicKey(key, &again) : 0;

	(void)kind;
	/* DER has one spelling, and negative or padded numbers are another. */
	len = len > 0 && (size_t)len == n && memcmp(again, in, n) == 0 ? i2d_PUBKEY(key, &der) : 0;
	if (len <= 0 || (size_t)len > GF_SPKI_MAX)
		len = 0;
	else
		memcpy(out, der, (size_t)len);
	OPENSSL_free(again);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	return (size_t)len;
}

/* ---- Ed25519 (RFC 8032, pure) ---- */

/*
 * Only points of the prime-order group, canonically encoded: with a key of low order one signature
 * fits nearly every message.  No honest key generator makes another.
 */
static size_t ed_canonical(const gf_kind *kind, const unsigned char *in, size_t n, unsigned char *out)
{
	if (n != kind->point_len || sodium_init() < 0 || crypto_core_ed25519_is_valid_point(in) != 1)
		return 0;
	memcpy(out, kind->prefix, kind->prefix_len);
	memcpy(out + kind->prefix_len, in, n);
	return kind->prefix_len + n;
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
static const unsigned char p384_prefix[] = { 0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
	0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00 };
static const unsigned char ed25519_prefix[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21,
	0x00 };

static const gf_kind kinds[] = {
	{ "ecdsa-p256", "P-256", NID_X9_62_id_ecPublicKey, NID_X9_62_prime256v1, p256_prefix, sizeof p256_prefix, 65,
	    ec_canonical, ec_fits, EVP_sha256, false },
	{ "ecdsa-p384", "P-384", NID_X9_62_id_ecPublicKey, NID_secp384r1, p384_prefix, sizeof p384_prefix, 97,
	    ec_canonical, ec_fits, EVP_sha384, false },
	{ "rsa", "RSA", NID_rsaEncryption, 0, NULL, 0, 0, rsa_canonical, evp_fits, EVP_sha256, true },
	{ "ed25519", "Ed25519", NID_ED25519, 0, ed25519_prefix, sizeof ed25519_prefix, 32, ed_canonical, ed_fits, NULL,
	    false },
};

const gf_kind *gf_kind_find(int algorithm, int curve)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (kinds[i].algorithm == algorithm && kinds[i].curve == curve)
			return &kinds[i];
	return NULL;
}

gf_pubkey *gf_pubkey_from_ed25519(const unsigned char point[32], const char *name, gf_error *err)
{
	unsigned char der[sizeof ed25519_prefix + 32];

	memcpy(der, ed25519_prefix, sizeof ed25519_prefix);
	memcpy(der + sizeof ed25519_prefix, point, 32);
	return gf_pubkey_from_der(der, sizeof der, name, err);
}

const unsigned char *gf_pubkey_ed25519(const gf_pubkey *k)
{
	return k->kind->algorithm == NID_ED25519 ? k->spki + sizeof ed25519_prefix : NULL;
}

EVP_PKEY *gf_kind_generate(const char *type, gf_error *err)
{
	EVP_PKEY *key;

	if (strcmp(type, "p256") == 0) {
		key = EVP_EC_gen("P-256");
	} else if (strcmp(type, "p384") == 0) {
		key = EVP_EC_gen("P-384");
	} else if (strcmp(type, "rsa3072") == 0) {
		key = EVP_RSA_gen(3072);
	} else if (strcmp(type, "ed25519") == 0) {
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	} else {
		gf_fail(err, GF_USAGE, "key-type", type,
		    "'%s' is not a type of key; there are p256, p384, rsa3072, ed25519 and minisign", type);
		return NULL;
	}
	if (key == NULL)
		gf_fail(err, GF_FAILED, "key-new", type, "OpenSSL cannot make a key of type %s", type);
	gf_crypto_forget();
	return key;
}
