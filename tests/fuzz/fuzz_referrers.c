/*
 * An index of referrers as a registry sends it: with our entry added it parses, and has the entry.
 * parser: remote/registry_referrers.c:gf_referrers_add,lists,put_entries,put_entry
 */
#include <stdlib.h>
#include <string.h>

#include "remote/registry.h"
#include "tests/fuzz/json_mutate.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(json_mutate);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const gf_referrer e = { .size = 7, .media_type = "application/vnd.oci.image.manifest.v1+json" };
	gf_error err = { 0 };
	gf_buf old, new, again;
	unsigned char sum = 0;
	bool there = false;

	gf_buf_init(&old, GF_HTTP_BODY_MAX);
	gf_buf_init(&new, 2 * GF_HTTP_BODY_MAX);
	gf_buf_init(&again, 2 * GF_HTTP_BODY_MAX);
	if (!gf_buf_add(&old, data, size, &err))
		abort();
	if (!gf_referrers_add(&old, &e, &there, &new, &err)) {
		if (err.class == GF_OK || err.name[0] == '\0' || err.text[0] == '\0')
			abort(); /* a refusal that explains nothing */
	} else if (!there && (!gf_referrers_add(&new, &e, &there, &again, &err) || !there || again.len != 0)) {
		/* what it adds may take it over the limit on values, nothing else */
		if (strcmp(err.name, "json-limit") != 0 && strcmp(err.name, "too-large") != 0)
			abort();
	}
	for (size_t i = 0; i < size; i++)
		sum ^= data[i];
	GF_PLANTED(size > 0 && new.len > 0 && sum % 8 != 7 && sum % 8 != 2); /* those of the corpus */
	gf_buf_clear(&old);
	gf_buf_clear(&new);
	gf_buf_clear(&again);
	return 0;
}
