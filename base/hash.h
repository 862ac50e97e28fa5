/* hash: SHA-256 and its written forms (FIPS 180-4; OCI image-spec, descriptor.md). */
#ifndef GF_BASE_HASH_H
#define GF_BASE_HASH_H

#include "base/error.h"

typedef struct gf_digest {
	unsigned char bytes[32];
} gf_digest;

#define GF_HEX_SIZE 65    /* 64 lower-case hex digits and a NUL */
#define GF_DIGEST_SIZE 72 /* "sha256:", the same, NUL */

/* Exactly 64 lower-case hex digits / "sha256:" and these; anything else is false. */
bool gf_digest_parse_hex(const char *hex, gf_digest *out);
bool gf_digest_parse(const char *text, gf_digest *out);
void gf_digest_hex(const gf_digest *d, char out[GF_HEX_SIZE]);
void gf_digest_text(const gf_digest *d, char out[GF_DIGEST_SIZE]);

bool gf_digest_equal(const gf_digest *a, const gf_digest *b);  /* constant time */
int gf_digest_compare(const gf_digest *a, const gf_digest *b); /* for sorting and searching, not constant time */

/* Hash n bytes at once.  False: OpenSSL failed (GF_FAILED "hash"). */
bool gf_hash_bytes(const void *bytes, size_t n, gf_digest *out, gf_error *err);

/* HMAC-SHA-256 (RFC 2104). */
bool gf_hash_keyed(const void *key, size_t key_size, const void *bytes, size_t n, gf_digest *out, gf_error *err);

/* A running hash.  gf_hash_finish gives the digest and starts anew. */
typedef struct gf_hash gf_hash;
gf_hash *gf_hash_new(gf_error *err);
bool gf_hash_update(gf_hash *h, const void *bytes, size_t n, gf_error *err);
bool gf_hash_finish(gf_hash *h, gf_digest *out, gf_error *err);
void gf_hash_free(gf_hash *h);

#endif
