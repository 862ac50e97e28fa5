/*
 * Certificates as keys, and the ".p7s" file (FORMAT.md 3): detached CMS SignedData (RFC 5652) in DER, one signer.
 * The certificate is pinned: no chain is built, and what certificates the message carries is not looked at.
 */
#include <openssl/cms.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "sign/key.h"

/* ---- certificates ---- */

/* Years that gf_time cannot say are the first and the last that it can. */
static bool time_of(const ASN1_TIME *time, gf_time *out)
{
	char text[40];
	struct tm t;

	if (ASN1_TIME_to_tm(time, &t) != 1)
		return false;
	if (t.tm_year + 1900 < 1971)
		return gf_time_parse("1970-01-01T00:00:01Z", out);
	if (t.tm_year + 1900 > 2241)
		return gf_time_parse("2242-01-01T00:00:00Z", out);
	(void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
	    t.tm_hour, t.tm_min, t.tm_sec);
	return gf_time_parse(text, out);
}

/* Purposes (code signing, S/MIME) are whatever the issuer thought of; the trust file says what the key is for.  But a
 * certificate whose keyUsage names no signatures is not one to check them with. */
static bool check_use(const gf_pubkey *k, X509 *x, const char *name, gf_error *err)
{
	if (k->kind->hash == NULL)
		return gf_fail(err, GF_USAGE, "key-type", name,
		    "'%s' is a certificate of an %s key, and OpenSSL 3.0 knows no CMS signatures by these: trust the key itself "
		    "('openssl x509 -pubkey -noout' takes it out), which signs .sig files",
		    name, k->kind->name);
	if ((X509_get_key_usage(x) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
		return gf_fail(err, GF_USAGE, "key-type", name,
		    "'%s' is a certificate whose keyUsage does not allow signatures; expected digitalSignature", name);
	return true;
}

gf_pubkey *gf_pubkey_from_certificate(const unsigned char *der, size_t n, const char *name, gf_error *err)
{
	const unsigned char *p = der;
	unsigned char *spki = NULL;
	X509 *x = n <= GF_KEY_FILE_MAX ? d2i_X509(NULL, &p, (long)n) : NULL;
	int len = x != NULL && p == der + n ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki) : 0;
	gf_pubkey *k = len > 0 ? gf_pubkey_from_der(spki, (size_t)len, name, err) : NULL;

	if (len <= 0)
		gf_fail(err, GF_USAGE, "key-form", name, "'%s' is not a well-formed certificate (X.509)", name);
	if (k != NULL &&
	    (!time_of(X509_get0_notBefore(x), &k->not_before) || !time_of(X509_get0_notAfter(x), &k->not_after))) {
		gf_fail(err, GF_USAGE, "key-form", name, "'%s' is a certificate with a malformed time", name);
		gf_pubkey_free(k);
		k = NULL;
	}
	if (k != NULL && !check_use(k, x, name, err)) {
		gf_pubkey_free(k);
		k = NULL;
	}
	if (k != NULL)
		k->certificate = x;
	else
		X509_free(x);
	OPENSSL_free(spki);
	gf_crypto_forget();
	return k;
}

bool gf_pubkey_is_certificate(const gf_pubkey *k)
{
	return k->certificate != NULL;
}

void gf_pubkey_times(const gf_pubkey *k, gf_time *from, gf_time *until)
{
	*from = k->not_before;
	*until = k->not_after;
}

bool gf_pubkey_print_certificate(const gf_pubkey *k, gf_buf *pem, gf_error *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	bool ok = bio != NULL && k->certificate != NULL && PEM_write_bio_X509(bio, k->certificate) == 1;
	long n = ok ? BIO_get_mem_data(bio, &text) : 0;

	ok = n > 0 ? gf_buf_add(pem, text, (size_t)n, err)
		   : gf_fail(err, GF_FAILED, "key-form", k->holder, "'%s' is no certificate", k->holder);
	BIO_free(bio);
	gf_crypto_forget();
	return ok;
}

/* ---- signatures ---- */

/* DER has one spelling: nothing behind it, and what is read must be what is written again. */
static CMS_ContentInfo *read_message(const gf_buf *file)
{
	const unsigned char *p = (const unsigned char *)gf_buf_text(file), *end = p + file->len;
	CMS_ContentInfo *cms = file->len <= GF_SIGNATURE_MAX ? d2i_CMS_ContentInfo(NULL, &p, (long)file->len) : NULL;
	unsigned char *again = NULL;
	int len = cms != NULL && p == end ? i2d_CMS_ContentInfo(cms, &again) : 0;

	if (len <= 0 || (size_t)len != file->len || memcmp(again, gf_buf_text(file), file->len) != 0) {
		CMS_ContentInfo_free(cms);
		cms = NULL;
	}
	OPENSSL_free(again);
	return cms;
}

/* SignedData over plain data that is not inside. */
static bool is_detached(CMS_ContentInfo *cms)
{
	return OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed &&
	    OBJ_obj2nid(CMS_get0_eContentType(cms)) == NID_pkcs7_data && CMS_is_detached(cms) == 1;
}

/* The hash and the signature that this kind of key has in .sig files, and no other. */
static bool is_our_algorithm(const gf_pubkey *k, CMS_SignerInfo *signer)
{
	X509_ALGOR *digest = NULL, *signature = NULL;
	int hash = NID_undef, key = NID_undef, nid;

	CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, &signature);
	if (digest == NULL || signature == NULL || OBJ_obj2nid(digest->algorithm) != EVP_MD_get_type(k->kind->hash()))
		return false;
	nid = OBJ_obj2nid(signature->algorithm);
	/* RFC 3370 3.2: the hash need not be said twice. */
	if (nid == NID_rsaEncryption)
		return k->kind->algorithm == NID_rsaEncryption;
	return OBJ_find_sigid_algs(nid, &hash, &key) == 1 && hash == EVP_MD_get_type(k->kind->hash()) &&
	    key == k->kind->algorithm;
}

/*
 * Signed attributes must be there, of the type of the content and its digest: without them the very attributes of another
 * message, offered as content, would pass as signed.
 */
static bool has_attributes(const CMS_SignerInfo *signer)
{
	const ASN1_OBJECT *type =
	    CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);

	return type != NULL && OBJ_obj2nid(type) == NID_pkcs7_data &&
	    CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(NID_pkcs9_messageDigest), -3, V_ASN1_OCTET_STRING) != NULL;
}

static bool has_one_signer(const gf_pubkey *k, CMS_ContentInfo *cms)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
	CMS_SignerInfo *signer;

	if (sk_CMS_SignerInfo_num(signers) != 1)
		return false;
	signer = sk_CMS_SignerInfo_value(signers, 0);
	return is_our_algorithm(k, signer) && has_attributes(signer);
}

/* CMS_verify of OpenSSL 3.0 copies a memory BIO and loses the copy; behind a filter it does not see what it reads. */
static BIO *open_content(const void *bytes, size_t n)
{
	BIO *filter = BIO_new(BIO_f_null()), *memory = n <= INT32_MAX ? BIO_new_mem_buf(bytes, (int)n) : NULL;

	if (filter != NULL && memory != NULL)
		return BIO_push(filter, memory);
	BIO_free(filter);
	BIO_free(memory);
	return NULL;
}

/* By the pinned certificate alone, whoever issued it. */
static bool verify(const gf_pubkey *k, CMS_ContentInfo *cms, const void *bytes, size_t n)
{
	STACK_OF(X509) *pinned = sk_X509_new_null();
	BIO *content = open_content(bytes, n);
	bool fits = pinned != NULL && content != NULL && sk_X509_push(pinned, k->certificate) == 1 &&
	    CMS_verify(cms, pinned, NULL, content, NULL,
		CMS_BINARY | CMS_DETACHED | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY) == 1;

	BIO_free_all(content);
	sk_X509_free(pinned);
	return fits;
}

bool gf_cms_fits(const gf_pubkey *k, const gf_buf *file, const void *bytes, size_t n)
{
	CMS_ContentInfo *cms = k->certificate != NULL ? read_message(file) : NULL;
	bool fits = cms != NULL && is_detached(cms) && has_one_signer(k, cms) && verify(k, cms, bytes, n);

	CMS_ContentInfo_free(cms);
	gf_crypto_forget();
	return fits;
}
