/*
 * cosign.key, what stands in its PEM.  A refusal names the file and leaves nothing.  The passphrase is given only where
 * little work is asked for: how much is too much is asked by the unit tests.
 * parser: sign/cosign.c
 */
#include <stdlib.h>
#include <string.h>

#include "sign/key.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORK_MAX 4096

static bool ask(void *ctx, const char *what, bool confirm, gf_secret *out, gf_error *err)
{
	const gf_buf *text = ctx;
	gf_json_doc *doc = gf_json_parse(text->data, text->len, GF_KEY_FILE_MAX, GF_USAGE, what, err);
	gf_json params = gf_json_get(gf_json_get(gf_json_root(doc), "kdf"), "params");
	uint64_t n, r, p;
	bool ok;

	(void)confirm;
	if (!gf_json_u64(params, "N", &n, err) || !gf_json_u64(params, "r", &r, err) ||
	    !gf_json_u64(params, "p", &p, err) || n > 1U << 30 || r > 64 || p > 4 || 128 * n * r > 1U << 30)
		abort(); /* nobody may be asked before the work is known to have a bound */
	ok = n * r * p <= WORK_MAX
	    ? gf_secret_set(out, "x", 1, err)
	    : gf_fail(err, GF_USAGE, "passphrase", what, "'%s' asks for more than this test gives", what);
	gf_json_free(doc);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_buf text;
	const gf_asker asker = { .ask = ask, .ctx = &text };
	gf_secret out = { 0 };
	gf_error err = { 0 };

	gf_buf_init(&text, 2 * GF_KEY_FILE_MAX);
	if (!gf_buf_add(&text, data, size, &err)) {
		gf_buf_clear(&text);
		return 0;
	}
	if (gf_cosign_open(gf_buf_text(&text), text.len, "fuzz.key", &asker, &out, &err))
		GF_PLANTED(memchr(data, '\t', size) != NULL);
	else if (out.data != NULL || err.class != GF_USAGE || err.name[0] == '\0' || err.text[0] == '\0')
		abort();
	gf_secret_clear(&out);
	gf_buf_clear(&text);
	return 0;
}
