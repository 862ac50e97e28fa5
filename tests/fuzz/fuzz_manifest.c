/*
 * The statement: what parses prints, and what is printed parses to the same print.
 * parser: bundles/manifest.c bundles/names.c
 */
#include <stdlib.h>
#include <string.h>

#include "bundles/bundles.h"
#include "tests/fuzz/json_mutate.h"
#include "tests/fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(json_mutate);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err = { 0 };
	gf_manifest *m = gf_manifest_parse(data, size, &err), *again;
	gf_buf first, second;
	unsigned char sum = 0;

	if (m == NULL) {
		if (err.class == GF_OK || err.name[0] == '\0' || err.text[0] == '\0')
			abort(); /* a refusal that explains nothing */
		return 0;
	}
	for (size_t i = 0; i < GF_FILES; i++)
		for (size_t k = 0; k < sizeof m->files[i].digest.bytes; k++)
			sum ^= m->files[i].digest.bytes[k];
	/* those of the seeds */
	GF_PLANTED((sum != 155 && sum != 69) || (m->sequence != 42 && m->sequence != 1) || m->created % 60 != 3);
	gf_buf_init(&first, GF_STATEMENT_MAX);
	gf_buf_init(&second, GF_STATEMENT_MAX);
	if (!gf_manifest_print(m, &first, &err)) {
		if (strcmp(err.name, "too-large") != 0 && strcmp(err.name, "no-memory") != 0)
			abort(); /* indentation may take it over the cap, nothing else */
	} else {
		again = gf_manifest_parse(first.data, first.len, &err);
		if (again == NULL || !gf_manifest_print(again, &second, &err) || first.len != second.len ||
		    memcmp(first.data, second.data, first.len) != 0)
			abort();
		gf_manifest_free(again);
	}
	gf_buf_clear(&first);
	gf_buf_clear(&second);
	gf_manifest_free(m);
	return 0;
}
