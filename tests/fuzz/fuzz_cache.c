/*
 * state.json: what stands before its sum, the sum being made here, for no fuzzer makes one.  What is taken is printed, and
 * that is read again as the same bytes.  And the input as it is.
 *
 * parser: verify/cache.c:whole,read_mark,read_stream,read_release,read_complete,read_list,read_peaks,read_members,
 * gf_cache_parse
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/planted.h"
#include "verify/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool what)
{
	if (!what)
		abort();
}

static bool take(const void *bytes, size_t n, gf_cache *c, gf_buf *printed)
{
	gf_error err = { 0 };

	gf_buf_clear(printed);
	if (gf_cache_parse(bytes, n, c, &err)) {
		/* what is longer than a cache may be is not written */
		hold(gf_cache_print(c, printed, &err) || strcmp(err.name, "too-large") == 0);
		return true;
	}
	hold(err.class == GF_FAILED && strcmp(err.name, "cache") == 0 && c->tree.size == 0 && c->floors.n_marks == 0);
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static gf_cache c;
	char hex[GF_HEX_SIZE];
	gf_buf text, first, second;
	gf_digest sum;
	gf_error err;

	gf_buf_init(&text, GF_STATEMENT_MAX);
	gf_buf_init(&first, GF_STATEMENT_MAX);
	gf_buf_init(&second, GF_STATEMENT_MAX);
	hold(gf_hash_bytes(data, size, &sum, &err));
	gf_digest_hex(&sum, hex);
	if (gf_buf_add(&text, data, size, &err) && gf_buf_printf(&text, &err, ",\"sum\":\"sha256:%s\"}\n", hex) &&
	    take(text.data, text.len, &c, &first)) {
		/* the last of an odd number of leaves is a peak too; the log would tell */
		GF_PLANTED((c.tree.size & 1) != 0 &&
		    !gf_digest_equal(&c.last_leaf, &c.tree.peaks[gf_merkle_peaks(c.tree.size) - 1]));
		gf_cache_clear(&c);
		if (first.len > 0) {
			hold(take(first.data, first.len, &c, &second));
			hold(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
			gf_cache_clear(&c);
		}
	}
	if (take(data, size, &c, &first))
		gf_cache_clear(&c);
	gf_buf_clear(&text);
	gf_buf_clear(&first);
	gf_buf_clear(&second);
	return 0;
}
