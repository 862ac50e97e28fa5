/*
 * A signature file of minisign over fixed bytes, by a key whose private half nobody has any more, in both forms of its
 * public half.  One signature is known, which the corpus has; another may fit only by its untrusted comment.
 * parser: sign/minisign.c:gf_minisign_fits,gf_signature_legacy,parse_signature,next_line,begins,printable,decode,covered,
 *     hash_of
 */
#include <stdlib.h>
#include <string.h>

#include "sign/sign.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char message[] = "fuzz";
static const char own[] = "untrusted comment: minisign public key 654819ADD77A7B69\n"
			  "RWRpe3rXrRlIZWcrXuO5ir2g1X4H/VIn4cwhSoehFz/BLhJ5ofVofJMV\n";
static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
			  "MCowBQYDK2VwAyEAZyte47mKvaDVfgf9UifhzCFKh6EXP8EuEnmh9Wh8kxU=\n"
			  "-----END PUBLIC KEY-----\n";
static const char known[] =
    "RURpe3rXrRlIZX6E0XmqWrOxZ8BSC5SEmUQV6fbrAajFTj/ky1OIuJr8Jvv9b0E26cXP8RzBUqBojsi+bJsKgJb2cZlj+91seAA=\n"
    "trusted comment: gapferry fuzz\n"
    "RVJk9Uos9aRcM1IgDEq9vbcMD3wSSpNvDDGt+VZx8yUbU4PitUa0NJxeAigj77xIyZ+GJvuvmylRZvNdA40KBA==\n";

static bool fits(gf_pubkey **key, const char *text, const gf_buf *file)
{
	gf_error err;

	if (*key == NULL && (*key = gf_pubkey_parse(text, strlen(text), "fuzz", &err)) == NULL)
		abort();
	return gf_signature_fits(*key, "minisig", file, message, strlen(message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static gf_pubkey *of_minisign, *of_pem;
	gf_error err;
	gf_buf file;
	const char *second;
	bool fit;

	gf_buf_init(&file, 4 * GF_SIGNATURE_MAX);
	if (!gf_buf_add(&file, data, size, &err)) {
		gf_buf_clear(&file);
		return 0;
	}
	fit = fits(&of_minisign, own, &file);
	if (!fits(&of_pem, pem, &file) && fit) /* it has no number to compare */
		abort();
	if (fit) {
		second = memchr(data, '\n', size);
		if (second == NULL || size - (size_t)(second + 1 - (const char *)data) != strlen(known) ||
		    memcmp(second + 1, known, strlen(known)) != 0 || gf_signature_legacy("minisig", &file))
			abort();
		GF_PLANTED(memchr(data, '~', size) != NULL);
	}
	(void)gf_signature_legacy("minisig", &file);
	gf_buf_clear(&file);
	return 0;
}
