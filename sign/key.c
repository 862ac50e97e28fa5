/* Public keys: PEM to the one encoding that counts (FORMAT.md 3). */
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "sign/key.h"

/* ---- SubjectPublicKeyInfo ---- */

/*
 * The curve of an EC key, or 0 and *err.  The algorithm identifier is looked at before OpenSSL makes a key of it:
 * explicit parameters name a curve of the sender's choice.
 */
static int ec_curve(const X509_ALGOR *algorithm, const char *name, gf_error *err)
{
	const void *value;
	int type;

	X509_ALGOR_get0(NULL, &type, &value, algorithm);
	if (type == V_ASN1_OBJECT)
		return OBJ_obj2nid(value);
	gf_fail(err, GF_USAGE, "key-parameters", name,
	    "'%s' describes its curve by explicit parameters or not at all; expected a named curve: write the key "
	    "again with 'openssl ec -pubin -param_enc named_curve', or make a new one with 'gapferry key new'",
	    name);
	return -1;
}

/* The row for an algorithm identifier. */
static const gf_kind *kind_of(const X509_ALGOR *algorithm, const char *name, gf_error *err)
{
	const ASN1_OBJECT *object;
	const char *found;
	const gf_kind *kind;
	int type, nid, curve = 0, wanted;

	X509_ALGOR_get0(&object, &type, NULL, algorithm);
	nid = OBJ_obj2nid(object);
	if (nid == NID_X9_62_id_ecPublicKey && (curve = ec_curve(algorithm, name, err)) < 0)
		return NULL;
	kind = gf_kind_find(nid, curve);
	wanted = kind != NULL && kind->null ? V_ASN1_NULL : V_ASN1_UNDEF;
	if (kind != NULL && curve == 0 && type != wanted) {
		gf_fail(err, GF_USAGE, "key-parameters", name,
		    "'%s' is a key of type %s with other parameters than that type has (%s)", name, kind->name,
		    kind->null ? "NULL" : "none");
		return NULL;
	}
	if (kind == NULL) {
		found = OBJ_nid2ln(curve != 0 ? curve : nid);
		gf_fail(err, GF_USAGE, "key-type", name,
		    "'%s' is a key of type '%s'; P-256, P-384, RSA (PKCS#1 v1.5) and Ed25519 are taken ('gapferry key new' makes them)",
		    name, found != NULL && curve + nid != 0 ? found : "unknown");
	}
	return kind;
}

/* The two parts of SEQUENCE { AlgorithmIdentifier, BIT STRING }; both are the caller's. */
static bool spki_split(const unsigned char *der, size_t n, X509_ALGOR **algorithm, ASN1_BIT_STRING **bits)
{
	const unsigned char *p = der;
	ASN1_SEQUENCE_ANY *parts = n <= GF_KEY_FILE_MAX ? d2i_ASN1_SEQUENCE_ANY(NULL, &p, (long)n) : NULL;
	const ASN1_TYPE *first = parts != NULL ? sk_ASN1_TYPE_value(parts, 0) : NULL;
	const ASN1_TYPE *second = parts != NULL ? sk_ASN1_TYPE_value(parts, 1) : NULL;

	*algorithm = NULL;
	*bits = NULL;
	if (first != NULL && second != NULL && p == der + n && sk_ASN1_TYPE_num(parts) == 2 &&
	    ASN1_TYPE_get(first) == V_ASN1_SEQUENCE && ASN1_TYPE_get(second) == V_ASN1_BIT_STRING) {
		const unsigned char *inner = first->value.sequence->data;
		const unsigned char *end = inner + first->value.sequence->length;

		*algorithm = d2i_X509_ALGOR(NULL, &inner, end - inner);
		*bits = inner == end ? ASN1_STRING_dup(second->value.bit_string) : NULL;
	}
	sk_ASN1_TYPE_pop_free(parts, ASN1_TYPE_free);
	return *algorithm != NULL && *bits != NULL;
}

/* "keys/ci.pub" belongs to "ci". */
static char *holder_of(const char *name, gf_error *err)
{
	const char *base = gf_path_base(name);
	const char *dot = strrchr(base, '.');

	return gf_strndup(base, dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base), err);
}

/* kind is set; the point in any encoding gives canonical bytes, id and the key of OpenSSL. */
static bool adopt(gf_pubkey *k, const ASN1_BIT_STRING *bits, const char *name, gf_error *err)
{
	const gf_kind *kind = k->kind;
	const unsigned char *p = k->spki;

	k->spki_len = kind->canonical(kind, ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits), k->spki);
	if (k->spki_len == 0 && kind->null)
		return gf_fail(err, GF_USAGE, "key-type", name,
		    "'%s' is an RSA key that is not taken: expected a modulus of %d to %d bits and an odd exponent of at "
		    "least 65537",
		    name, GF_RSA_BITS_MIN, GF_RSA_BITS_MAX);
	if (k->spki_len == 0)
		return gf_fail(err, GF_USAGE, "key-type", name,
		    "'%s' holds a point that %s does not allow: off the curve, of low order, or not in canonical form",
		    name, kind->name);
	k->pkey = d2i_PUBKEY(NULL, &p, (long)k->spki_len);
	if (k->pkey == NULL)
		return gf_fail(err, GF_USAGE, "key-type", name, "'%s' is not a key that OpenSSL takes", name);
	return gf_hash_bytes(k->spki, k->spki_len, &k->id, err);
}

gf_pubkey *gf_pubkey_from_der(const unsigned char *der, size_t n, const char *name, gf_error *err)
{
	gf_pubkey *k = gf_alloc(1, sizeof *k, err);
	X509_ALGOR *algorithm = NULL;
	ASN1_BIT_STRING *bits = NULL;
	bool ok = k != NULL;

	if (ok && !spki_split(der, n, &algorithm, &bits))
		ok = gf_fail(err, GF_USAGE, "key-form", name,
		    "'%s' is not a well-formed public key (SubjectPublicKeyInfo)", name);
	ok = ok && (k->kind = kind_of(algorithm, name, err)) != NULL && adopt(k, bits, name, err) &&
	    (k->holder = holder_of(name, err)) != NULL;
	ASN1_BIT_STRING_free(bits);
	X509_ALGOR_free(algorithm);
	gf_crypto_forget();
	if (ok)
		return k;
	gf_pubkey_free(k);
	return NULL;
}

/* ---- files ---- */

static bool is_pkcs12(const void *text, size_t len)
{
	const unsigned char *p = text;
	PKCS12 *p12 = len <= GF_KEY_FILE_MAX ? d2i_PKCS12(NULL, &p, (long)len) : NULL;
	bool is = p12 != NULL;

	PKCS12_free(p12);
	return is;
}

static bool has_text(const char *text, size_t len, const char *wanted)
{
	size_t n = strlen(wanted);

	for (size_t i = 0; i + n <= len; i++)
		if (memcmp(text + i, wanted, n) == 0)
			return true;
	return false;
}

/* What people give by mistake, said before anything is parsed.  Nothing of the text is repeated. */
static bool recognise(const char *text, size_t len, const char *name, gf_error *err)
{
	if (has_text(text, len, "PRIVATE KEY-----") || is_pkcs12(text, len))
		return gf_fail(err, GF_USAGE, "key-private", name,
		    "'%s' holds a private key; expected a public one ('gapferry key show' prints it): private keys "
		    "do not belong where bundles are checked",
		    name);
	if (!has_text(text, len, "-----BEGIN "))
		return gf_fail(err, GF_USAGE, "key-form", name,
		    "'%s' is neither PEM nor a minisign key; expected '-----BEGIN PUBLIC KEY-----'", name);
	return true;
}

/* The only block of the text, which must be a public key or a certificate. */
static bool pem_public(const char *text, size_t len, const char *name, bool *certificate, unsigned char **der,
    long *der_len, gf_error *err)
{
	BIO *bio = len <= GF_KEY_FILE_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;
	char *label = NULL, *header = NULL, *label2 = NULL, *header2 = NULL;
	unsigned char *der2 = NULL;
	long der2_len;
	bool ok;

	if (bio == NULL || PEM_read_bio(bio, &label, &header, der, der_len) != 1)
		ok = gf_fail(err, GF_USAGE, "key-form", name, "the PEM of '%s' is not well-formed", name);
	else if (!(*certificate = strcmp(label, PEM_STRING_X509) == 0) && strcmp(label, PEM_STRING_PUBLIC) != 0)
		ok = gf_fail(err, GF_USAGE, "key-type", name,
		    "'%s' is neither a public key nor a certificate in PEM; expected '-----BEGIN PUBLIC KEY-----'",
		    name);
	else if (PEM_read_bio(bio, &label2, &header2, &der2, &der2_len) == 1)
		ok = gf_fail(
		    err, GF_USAGE, "key-form", name, "'%s' holds more than one key; give each a file of its own", name);
	else
		ok = true;
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_free(label2);
	OPENSSL_free(header2);
	OPENSSL_free(der2);
	BIO_free(bio);
	return ok;
}

gf_pubkey *gf_pubkey_parse(const void *text, size_t len, const char *name, gf_error *err)
{
	unsigned char *der = NULL;
	long der_len = 0;
	bool certificate = false;
	gf_pubkey *k = NULL;

	if (len >= strlen(GF_MINISIGN_START) && memcmp(text, GF_MINISIGN_START, strlen(GF_MINISIGN_START)) == 0)
		return gf_minisign_public(text, len, name, err);
	if (recognise(text, len, name, err) && pem_public(text, len, name, &certificate, &der, &der_len, err))
		k = certificate ? gf_pubkey_from_certificate(der, (size_t)der_len, name, err)
				: gf_pubkey_from_der(der, (size_t)der_len, name, err);
	OPENSSL_free(der);
	gf_crypto_forget();
	return k;
}

gf_pubkey *gf_pubkey_load(const char *path, gf_error *err)
{
	gf_pubkey *k = NULL;
	gf_buf text;

	gf_buf_init(&text, GF_KEY_FILE_MAX);
	if (gf_file_load(path, GF_KEY_FILE_MAX, GF_USAGE, &text, err))
		k = gf_pubkey_parse(gf_buf_text(&text), text.len, path, err);
	if (text.data != NULL)
		OPENSSL_cleanse(text.data, text.len); /* it may be a private key all the same */
	gf_buf_clear(&text);
	return k;
}

void gf_pubkey_free(gf_pubkey *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	X509_free(k->certificate);
	free(k->holder);
	free(k);
}

size_t gf_pubkey_spki(const gf_pubkey *k, const unsigned char **der)
{
	*der = k->spki;
	return k->spki_len;
}

const gf_digest *gf_pubkey_id(const gf_pubkey *k)
{
	return &k->id;
}

const char *gf_pubkey_type(const gf_pubkey *k)
{
	return k->kind->type;
}

const char *gf_pubkey_holder(const gf_pubkey *k)
{
	return k->holder;
}

bool gf_pubkey_is_minisign(const gf_pubkey *k)
{
	return k->has_number;
}

bool gf_pubkey_print(const gf_pubkey *k, gf_buf *pem, gf_error *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n;
	bool ok = bio != NULL && PEM_write_bio(bio, PEM_STRING_PUBLIC, "", k->spki, (long)k->spki_len) > 0;

	if (!ok) {
		gf_no_memory(err);
	} else {
		n = BIO_get_mem_data(bio, &text);
		ok = n > 0 && gf_buf_add(pem, text, (size_t)n, err);
	}
	BIO_free(bio);
	gf_crypto_forget();
	return ok;
}
