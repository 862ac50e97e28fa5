/* key: what the files of this room know of a key; private to sign/. */
#ifndef GF_SIGN_KEY_H
#define GF_SIGN_KEY_H

#include <openssl/evp.h>

#include "sign/sign.h"

#define GF_SPKI_MAX 128 /* the longest canonical SubjectPublicKeyInfo of the table */

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
	/* Any encoding of the point to its canonical one of point_len bytes; false: not a point to trust. */
	bool (*canonical)(const struct gf_kind *kind, const unsigned char *in, size_t n, unsigned char *out);
	bool (*fits)(const gf_pubkey *k, const unsigned char *sig, size_t sig_len, const void *bytes, size_t n);
	const EVP_MD *(*hash)(void); /* for EVP_DigestSign; NULL: none */
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
};

/* From DER (SubjectPublicKeyInfo, nothing behind it). */
gf_pubkey *gf_pubkey_from_der(const unsigned char *der, size_t n, const char *name, gf_error *err);

/* Does the signature itself, without the clothes of a .sig file, fit? */
bool gf_raw_fits(const gf_pubkey *k, const void *sig, size_t sig_len, const void *bytes, size_t n);

/* OpenSSL keeps errors in a queue of the thread; what is left there would be taken for somebody else's. */
void gf_crypto_forget(void);

#endif
