/*
 * A blob of evidence: an envelope, a sigstore bundle or a Statement, and the payload inside.  Signatures come out in the one
 * spelling that .sig files have.
 *
 * parser: verify/dsse.c:decode,read_signature,read_envelope,inside_bundle,gf_envelope_open,gf_envelope_is_statement,
 *     is_statement,read_subjects,read_builder,gf_attestation_read
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/json_mutate.h"
#include "tests/fuzz/planted.h"
#include "verify/dsse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
GF_MUTATOR(json_mutate);

/* Refused with a reason, or read. */
static void statement(gf_json root)
{
	gf_error err = { 0 };
	gf_attestation a;

	if (!gf_attestation_read(root, &a, &err)) {
		if (err.class != GF_DAMAGED || err.text[0] == '\0')
			abort();
		return;
	}
	if (a.type == NULL || a.n_subjects > GF_SUBJECTS_MAX)
		abort();
	GF_PLANTED(a.builder != NULL && !gf_starts_with(a.builder, "https"));
	gf_attestation_clear(&a);
}

static void envelope(const gf_envelope *e)
{
	gf_error err = { 0 };
	gf_json_doc *doc;

	for (size_t i = 0; i < e->n_signatures; i++) {
		const gf_member *m = &e->signatures[i];
		gf_buf raw;

		gf_buf_init(&raw, GF_SIGNATURE_MAX);
		if (gf_signature_ext(m->name, "dsse") == NULL || m->bytes.len == 0 ||
		    m->bytes.data[m->bytes.len - 1] != '\n' ||
		    !gf_base64_decode(m->bytes.data, m->bytes.len - 1, &raw, &err))
			abort();
		gf_buf_clear(&raw);
	}
	if (!gf_envelope_is_statement(e))
		return;
	doc = gf_json_parse(gf_buf_text(&e->payload), e->payload.len, GF_ATTESTATION_MAX, GF_DAMAGED, "payload", &err);
	if (doc != NULL)
		statement(gf_json_root(doc));
	gf_json_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gf_error err = { 0 };
	gf_json_doc *doc = gf_json_parse(data, size, GF_ATTESTATION_MAX, GF_DAMAGED, "input", &err);
	gf_envelope e;
	bool is = false;

	if (doc == NULL)
		return 0;
	if (!gf_envelope_open(gf_json_root(doc), &is, &e, &err)) {
		if (!is || err.class != GF_DAMAGED || err.text[0] == '\0')
			abort();
	} else if (is) {
		envelope(&e);
		gf_envelope_close(&e);
	} else {
		statement(gf_json_root(doc));
	}
	gf_json_free(doc);
	return 0;
}
