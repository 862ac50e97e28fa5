/*
 * An approval, a rejection or a permit; what is accepted is printed and read again as the same.
 *
 * parser: verify/approval.c verify/statement.c
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/json_mutate.h"
#include "tests/fuzz/planted.h"
#include "verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(json_mutate);

static bool same(const gf_approval *a, const gf_approval *b)
{
	return a->decision == b->decision && gf_digest_equal(&a->manifest, &b->manifest) && a->n_sites == b->n_sites &&
	    strcmp(a->environment, b->environment) == 0 && strcmp(a->stream, b->stream) == 0 && a->epoch == b->epoch &&
	    a->sequence == b->sequence && a->created == b->created && a->expires == b->expires &&
	    a->waives == b->waives && (a->reason == NULL) == (b->reason == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_approval a, b;
	gf_error err = { 0 };
	gf_buf text;

	gf_buf_init(&text, 2 * GF_COMPANION_MAX);
	if (!gf_approval_parse(data, size, "input", &a, &err)) {
		if (err.class != GF_DAMAGED || err.text[0] == '\0')
			abort();
	} else {
		if (a.n_sites == 0 || (a.decision == GF_PERMIT && (a.waives == 0 || a.expires == 0)))
			abort();
		if (!gf_approval_print(&a, &text, &err) || !gf_approval_parse(text.data, text.len, "again", &b, &err) ||
		    !same(&a, &b))
			abort();
		GF_PLANTED(a.decision == GF_PERMIT && a.sequence != 42); /* that of the seeds */
		gf_approval_clear(&b);
	}
	gf_approval_clear(&a);
	gf_buf_clear(&text);
	return 0;
}
