/*
 * A receipt; what is accepted is printed and read again as the same, and summed up.
 *
 * parser: verify/receipt.c verify/statement.c
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/json_mutate.h"
#include "tests/fuzz/planted.h"
#include "verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(json_mutate);

static bool same(const gf_buf *a, const gf_buf *b)
{
	return a->len == b->len && memcmp(gf_buf_text(a), gf_buf_text(b), a->len) == 0;
}

static void look(const gf_receipt *r)
{
	const gf_digest own = { { 1 } };
	gf_receipt again;
	gf_error err = { 0 };
	gf_buf text, text_again, summary;

	gf_buf_init(&text, 8 * GF_COMPANION_MAX);
	gf_buf_init(&text_again, 8 * GF_COMPANION_MAX);
	gf_buf_init(&summary, 8 * GF_COMPANION_MAX);
	if (r->n_checks == 0 || (r->stream == NULL && r->sequence != 0) || !gf_receipt_print(r, &text, &err))
		abort();
	/* Indented, a large one may be above the cap. */
	if (text.len <= GF_COMPANION_MAX) {
		if (!gf_receipt_parse(text.data, text.len, "again", &again, &err) ||
		    !gf_receipt_print(&again, &text_again, &err) || !same(&text, &text_again))
			abort();
		gf_receipt_clear(&again);
	}
	if (!gf_receipt_summary(r, &own, &summary, &err) && strcmp(err.name, "summary") != 0)
		abort();
	GF_PLANTED(r->complete && r->stream != NULL && r->sequence != 42); /* that of the seeds */
	gf_buf_clear(&text);
	gf_buf_clear(&text_again);
	gf_buf_clear(&summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_receipt r;
	gf_error err = { 0 };

	if (gf_receipt_parse(data, size, "input", &r, &err))
		look(&r);
	else if (err.class != GF_DAMAGED || err.text[0] == '\0')
		abort();
	gf_receipt_clear(&r);
	return 0;
}
