/* gf_pubkey_parse: whatever stands in a .pub file.  A key that is taken prints, and its print is the same key. */
#include <stdlib.h>

#include "sign/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err;
	gf_pubkey *k = gf_pubkey_parse(data, size, "fuzz.pub", &err), *again;
	gf_buf pem;

	if (k == NULL)
		return 0;
	gf_buf_init(&pem, GF_KEY_FILE_MAX);
	if (!gf_pubkey_print(k, &pem, &err) ||
	    (again = gf_pubkey_parse(pem.data, pem.len, "again.pub", &err)) == NULL ||
	    !gf_digest_equal(gf_pubkey_id(k), gf_pubkey_id(again)))
		abort();
	gf_pubkey_free(again);
	gf_buf_clear(&pem);
	gf_pubkey_free(k);
	return 0;
}
