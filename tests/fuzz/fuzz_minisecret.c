/*
 * A private key of minisign.  What is opened is a pair; a refusal names the file.  The passphrase is given only where
 * little work is asked for: how much is too much is asked by the unit tests.
 * parser: sign/minisign.c:gf_minisign_secret,two_lines,next_line,begins,decode,get_u64,uncover,cover,checksum,box_right
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "sign/key.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define AT_OPS 38
#define OPS_MAX 32768
#define MEM_MAX (16 * GF_MIB)

static uint64_t number(const unsigned char *p)
{
	uint64_t v = 0;

	for (size_t i = 8; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static bool ask(void *ctx, const char *what, bool confirm, gf_secret *out, gf_error *err)
{
	const gf_secret *text = ctx;
	const char *line = (const char *)memchr(text->data, '\n', text->len) + 1;
	unsigned char raw[158];
	size_t n = 0;

	(void)confirm;
	if (sodium_base642bin(raw, sizeof raw, line, 212, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    n != sizeof raw)
		abort(); /* nobody may be asked before it is known to be a key */
	if (number(raw + AT_OPS) > OPS_MAX || number(raw + AT_OPS + 8) > MEM_MAX)
		return gf_fail(err, GF_USAGE, "passphrase", what, "'%s' asks for more than this test gives", what);
	return gf_secret_set(out, "x", 1, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_secret text = { 0 }, out = { 0 };
	const gf_asker asker = { .ask = ask, .ctx = &text };
	unsigned char public[32], again[64];
	gf_error err = { 0 };
	bool plain = false;

	if (size == 0 || size > GF_KEY_FILE_MAX || !gf_secret_set(&text, data, size, &err))
		return 0;
	if (!gf_minisign_secret(&text, "fuzz.key", &asker, &plain, &out, &err)) {
		/* scrypt with less work than libsodium has a number for is one more refusal */
		if (out.data != NULL || err.name[0] == '\0' || err.text[0] == '\0' ||
		    (err.class != GF_USAGE && strcmp(err.name, "no-memory") != 0))
			abort();
	} else {
		if (out.len != GF_MINISIGN_SECRET ||
		    crypto_sign_seed_keypair(public, again, (const unsigned char *)out.data + 8) != 0 ||
		    memcmp(again, out.data + 8, 64) != 0)
			abort();
		GF_PLANTED(memchr(data, '~', size) != NULL);
	}
	gf_secret_clear(&out);
	gf_secret_clear(&text);
	return 0;
}
