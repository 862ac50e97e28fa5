/* key: what the files of this room know of a key; private to sign/. */
#ifndef GF_SIGN_KEY_H
#define GF_SIGN_KEY_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "sign/sign.h"

#define GF_SPKI_MAX 2112 /* the longest canonical SubjectPublicKeyInfo: RSA of 8192 bits with an exponent of 256 */
#define GF_RSA_BITS_MIN 3072
#define GF_RSA_BITS_MAX 8192

/*
 * A kind of key: one row of the table in kind.c.  prefix and point_len give the one encoding
 * of its public key that counts: prefix, then the point (RFC 5480, RFC 8410).
 */
typedef struct gf_kind {
	const char *type; /* "ecdsa-p256" */
	const char *name; /* for messages: "P-256" */
	int algorithm;    /* NID of the SubjectPublicKeyInfo's algorithm */
	int curve;        /* NID of its named curve; 0: the algorithm has no parameters */
	const unsigned char *prefix;
	size_t prefix_len, point_len;
	/* Any encoding of the key inside to the canonical SubjectPublicKeyInfo in out of GF_SPKI_MAX bytes, its length;
	 * 0: not a key to trust. */
	size_t (*canonical)(const struct gf_kind *kind, const unsigned char *in, size_t n, unsigned char *out);
	bool (*fits)(const gf_pubkey *k, const unsigned char *sig, size_t sig_len, const void *bytes, size_t n);
	const EVP_MD *(*hash)(void); /* for EVP_DigestSign; NULL: none */
	bool null;                   /* the algorithm's parameters are NULL (RFC 3279 2.3.1), and must be there */
} gf_kind;

/* NULL: not in the table. */
const gf_kind *gf_kind_find(int algorithm, int curve);
/* By its name on the command line: "p256", "ed25519". */
EVP_PKEY *gf_kind_generate(const char *type, gf_error *err);

struct gf_pubkey {
	const gf_kind *kind;
	EVP_PKEY *pkey;
	unsigned char spki[GF_SPKI_MAX]; /* canonical: prefix and point */
	size_t spki_len;
	gf_digest id;
	char *holder;
	bool has_number; /* it was a minisign key */
	unsigned char number[8];
	X509 *certificate; /* that the key came in; NULL: none */
	gf_time not_before, not_after;
};

/* From DER (SubjectPublicKeyInfo, nothing behind it). */
gf_pubkey *gf_pubkey_from_der(const unsigned char *der, size_t n, const char *name, gf_error *err);

/* The kind of key that minisign has, Ed25519, of its 32 bytes. */
gf_pubkey *gf_pubkey_from_ed25519(const unsigned char point[32], const char *name, gf_error *err);
const unsigned char *gf_pubkey_ed25519(const gf_pubkey *k); /* its 32 bytes; NULL: of another kind */

/* ---- certificates and CMS (cms.c) ---- */

/* From DER (a certificate, nothing behind it). */
gf_pubkey *gf_pubkey_from_certificate(const unsigned char *der, size_t n, const char *name, gf_error *err);
/* The ".p7s" file; only a key that is a certificate can fit. */
bool gf_cms_fits(const gf_pubkey *k, const gf_buf *file, const void *bytes, size_t n);

/* ---- minisign (minisign.c) ---- */

#define GF_MINISIGN_START "untrusted comment:"

gf_pubkey *gf_minisign_public(const char *text, size_t len, const char *name, gf_error *err);
bool gf_minisign_fits(const gf_pubkey *k, const gf_buf *file, const void *bytes, size_t n);

/* A private key: key number, then libsodium's 64 bytes of seed and public key. */
#define GF_MINISIGN_SECRET (8 + 64)
bool gf_minisign_secret(
    const gf_secret *text, const char *path, const gf_asker *asker, bool *plain, gf_secret *out, gf_error *err);
/* The file for bytes; stem goes into its trusted comment. */
bool gf_minisign_sign(
    const gf_secret *secret, const char *stem, const void *bytes, size_t n, gf_buf *file, gf_error *err);
bool gf_minisign_generate(const gf_secret *passphrase, gf_secret *private_text, gf_buf *public_text, gf_error *err);

/* ---- cosign (cosign.c) ---- */

/* What stands in the PEM of a cosign.key, opened: PKCS#8. */
bool gf_cosign_open(
    const char *text, size_t n, const char *path, const gf_asker *asker, gf_secret *pkcs8, gf_error *err);

/* Does the signature itself, without the clothes of a .sig file, fit? */
bool gf_raw_fits(const gf_pubkey *k, const void *sig, size_t sig_len, const void *bytes, size_t n);

/* OpenSSL keeps errors in a queue of the thread; what is left there would be taken for somebody else's. */
void gf_crypto_forget(void);

#endif
