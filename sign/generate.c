/* New key pairs, as 'openssl pkey' reads them. */
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>

#include "sign/key.h"

/* PBES2: AES-256-CBC under PBKDF2-HMAC-SHA256 (RFC 8018). */
#define ITERATIONS 600000
#define SALT_SIZE 16

static bool write_encrypted(BIO *bio, PKCS8_PRIV_KEY_INFO *info, const gf_secret *passphrase)
{
	X509_ALGOR *pbe = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), ITERATIONS, NULL, SALT_SIZE, NULL, NID_hmacWithSHA256);
	X509_SIG *box = pbe != NULL ? PKCS8_set0_pbe(passphrase->data, (int)passphrase->len, info, pbe) : NULL;
	bool ok = box != NULL && PEM_write_bio_PKCS8(bio, box) == 1;

	if (box == NULL)
		X509_ALGOR_free(pbe); /* else the box has it */
	X509_SIG_free(box);
	return ok;
}

static bool private_pem_of(EVP_PKEY *key, const gf_secret *passphrase, gf_secret *out, gf_error *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	char *text = NULL;
	long n = 0;
	bool ok = bio != NULL && info != NULL &&
	    (passphrase != NULL ? write_encrypted(bio, info, passphrase)
				: PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) == 1);

	if (ok)
		n = BIO_get_mem_data(bio, &text);
	ok = n > 0 ? gf_secret_set(out, text, (size_t)n, err)
		   : gf_fail(err, GF_FAILED, "key-new", NULL, "OpenSSL cannot write the new key");
	if (n > 0)
		OPENSSL_cleanse(text, (size_t)n);
	PKCS8_PRIV_KEY_INFO_free(info);
	BIO_free(bio);
	return ok;
}

bool gf_key_generate(
    const char *type, const gf_secret *passphrase, gf_secret *private_pem, gf_buf *public_pem, gf_error *err)
{
	EVP_PKEY *key;
	gf_pubkey *public = NULL;
	unsigned char *der = NULL;
	int n;
	bool ok;

	gf_secret_guard();
	if (passphrase != NULL && (passphrase->len == 0 || passphrase->len > 4096))
		return gf_fail(err, GF_USAGE, "passphrase", NULL, "a passphrase has 1 to 4096 bytes, this one has %zu",
		    passphrase->len);
	if (strcmp(type, "minisign") == 0)
		return gf_minisign_generate(passphrase, private_pem, public_pem, err);
	key = gf_kind_generate(type, err);
	if (key == NULL)
		return false;
	n = i2d_PUBKEY(key, &der);
	ok = n > 0 || gf_fail(err, GF_FAILED, "key-new", type, "OpenSSL cannot write the new key");
	ok = ok && (public = gf_pubkey_from_der(der, (size_t)n, "new", err)) != NULL &&
	    gf_pubkey_print(public, public_pem, err) && private_pem_of(key, passphrase, private_pem, err);
	gf_pubkey_free(public);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	gf_crypto_forget();
	return ok;
}
