#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hash.h"

struct gf_hash {
	EVP_MD *md; /* fetched once: an implicit fetch per message costs more than a short message */
	EVP_MD_CTX *ctx;
	bool broken; /* ctx could not be begun anew: to hash on with it would be a crash in OpenSSL */
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool gf_digest_parse_hex(const char *hex, gf_digest *out)
{
	gf_digest d;

	for (size_t i = 0; i < sizeof d.bytes; i++) {
		int high = hex_value(hex[2 * i]);
		int low = high < 0 ? -1 : hex_value(hex[2 * i + 1]);

		if (low < 0)
			return false;
		d.bytes[i] = (unsigned char)(high << 4 | low);
	}
	if (hex[2 * sizeof d.bytes] != '\0')
		return false;
	*out = d;
	return true;
}

bool gf_digest_parse(const char *text, gf_digest *out)
{
	return strncmp(text, "sha256:", 7) == 0 && gf_digest_parse_hex(text + 7, out);
}

void gf_digest_hex(const gf_digest *d, char out[GF_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof d->bytes; i++) {
		out[2 * i] = digits[d->bytes[i] >> 4];
		out[2 * i + 1] = digits[d->bytes[i] & 15];
	}
	out[GF_HEX_SIZE - 1] = '\0';
}

void gf_digest_text(const gf_digest *d, char out[GF_DIGEST_SIZE])
{
	memcpy(out, "sha256:", 7);
	gf_digest_hex(d, out + 7);
}

bool gf_digest_equal(const gf_digest *a, const gf_digest *b)
{
	return CRYPTO_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

int gf_digest_compare(const gf_digest *a, const gf_digest *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static bool fail(gf_error *err)
{
	return gf_fail(err, GF_FAILED, "hash", NULL, "SHA-256 of OpenSSL failed");
}

bool gf_hash_keyed(const void *key, size_t key_size, const void *bytes, size_t n, gf_digest *out, gf_error *err)
{
	return (key_size <= INT32_MAX && HMAC(EVP_sha256(), key, (int)key_size, bytes, n, out->bytes, NULL) != NULL) ||
	    gf_fail(err, GF_FAILED, "hash", NULL, "OpenSSL has no HMAC-SHA-256");
}

gf_hash *gf_hash_new(gf_error *err)
{
	gf_hash *h = gf_alloc(1, sizeof *h, err);

	if (h == NULL)
		return NULL;
	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	if (h->md == NULL || h->ctx == NULL || EVP_DigestInit_ex(h->ctx, h->md, NULL) != 1) {
		gf_hash_free(h);
		fail(err);
		return NULL;
	}
	return h;
}

bool gf_hash_update(gf_hash *h, const void *bytes, size_t n, gf_error *err)
{
	/* For good: what follows would be hashed behind the bytes that went before. */
	h->broken = h->broken || EVP_DigestUpdate(h->ctx, bytes, n) != 1;
	return !h->broken || fail(err);
}

bool gf_hash_finish(gf_hash *h, gf_digest *out, gf_error *err)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	h->broken = h->broken || EVP_DigestFinal_ex(h->ctx, md, &n) != 1 || n != sizeof out->bytes ||
	    EVP_DigestInit_ex(h->ctx, h->md, NULL) != 1;
	if (h->broken)
		return fail(err);
	memcpy(out->bytes, md, sizeof out->bytes);
	return true;
}

void gf_hash_free(gf_hash *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
	free(h);
}

bool gf_hash_bytes(const void *bytes, size_t n, gf_digest *out, gf_error *err)
{
	gf_hash *h = gf_hash_new(err);
	bool ok = h != NULL && gf_hash_update(h, bytes, n, err) && gf_hash_finish(h, out, err);

	gf_hash_free(h);
	return ok;
}
