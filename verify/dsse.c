#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/dsse.h"

#define STEM "dsse"

/* ---- envelopes ---- */

/* Standard or URL-safe, padded or not (RFC 4648 4 and 5; the protocol asks readers to take both). */
static bool decode(gf_json object, const char *key, gf_buf *out, gf_error *err)
{
	static const char pad[] = "==";
	const char *text = NULL;
	gf_buf dense;
	size_t n;
	bool ok;

	if (!gf_json_string(object, key, &text, err))
		return false;
	n = strlen(text);
	gf_buf_init(&dense, n + 4);
	ok = gf_buf_add(&dense, text, n, err) &&
	    (n % 4 < 2 || text[n - 1] == '=' || gf_buf_add(&dense, pad, 4 - n % 4, err));
	for (size_t i = 0; ok && i < n; i++)
		dense.data[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	ok = ok && gf_base64_decode(gf_buf_text(&dense), dense.len, out, err);
	gf_buf_clear(&dense);
	return ok;
}

/* As the file that such a signature would be beside what it signs, so that it is judged like one. */
static bool read_signature(gf_json v, gf_member *out, gf_error *err)
{
	gf_buf raw;
	bool ok;

	gf_buf_init(&raw, GF_SIGNATURE_MAX);
	gf_buf_init(&out->bytes, 2 * GF_SIGNATURE_MAX);
	out->name = gf_strdup(STEM ".0000000000000000.sig", err);
	ok = out->name != NULL && decode(v, "sig", &raw, err) &&
	    gf_base64_encode(&out->bytes, gf_buf_text(&raw), raw.len, err) && gf_buf_puts(&out->bytes, "\n", err);
	gf_buf_clear(&raw);
	return ok;
}

static bool read_envelope(gf_json v, gf_envelope *out, gf_error *err)
{
	gf_json list;

	if (!gf_json_copy(v, "payloadType", &out->payload_type, err) || !gf_json_array(v, "signatures", &list, err) ||
	    !decode(v, "payload", &out->payload, err))
		return false;
	if (gf_json_count(list) > GF_ENVELOPE_SIGNATURES_MAX)
		return gf_json_fail(list, "dsse", err, "more than %d signatures", GF_ENVELOPE_SIGNATURES_MAX);
	out->signatures = gf_alloc(gf_json_count(list) + 1, sizeof *out->signatures, err);
	if (out->signatures == NULL)
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++)
		if (!read_signature(gf_json_at(list, i), &out->signatures[out->n_signatures++], err))
			return false;
	return true;
}

/* The key hint and the log entries beside it decide nothing: signatures are tried with the keys of a role. */
static gf_json inside_bundle(gf_json root)
{
	gf_json type = gf_json_get(root, "mediaType");
	const char *text = "";
	gf_error why;

	if (gf_json_typeof(type) != GF_JSON_STRING || !gf_json_text(type, &text, &why) ||
	    !gf_starts_with(text, "application/vnd.dev.sigstore.bundle"))
		return (gf_json){ 0 };
	return gf_json_get(root, "dsseEnvelope");
}

bool gf_envelope_open(gf_json root, bool *is, gf_envelope *out, gf_error *err)
{
	gf_json inside = inside_bundle(root), v = gf_json_typeof(inside) == GF_JSON_OBJECT ? inside : root;

	*out = (gf_envelope){ 0 };
	gf_buf_init(&out->payload, GF_ATTESTATION_MAX);
	*is = gf_json_typeof(gf_json_get(v, "payload")) == GF_JSON_STRING &&
	    gf_json_typeof(gf_json_get(v, "payloadType")) == GF_JSON_STRING;
	if (!*is || read_envelope(v, out, err))
		return true;
	gf_envelope_close(out);
	return false;
}

void gf_envelope_close(gf_envelope *e)
{
	free(e->payload_type);
	gf_buf_clear(&e->payload);
	gf_members_free(e->signatures, e->n_signatures);
	*e = (gf_envelope){ 0 };
}

/* PAE(type, body) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body */
static bool encode(const gf_envelope *e, gf_buf *out, gf_error *err)
{
	return gf_buf_printf(
		   out, err, "DSSEv1 %zu %s %zu ", strlen(e->payload_type), e->payload_type, e->payload.len) &&
	    gf_buf_add(out, gf_buf_text(&e->payload), e->payload.len, err);
}

bool gf_envelope_signed(
    const gf_envelope *e, const gf_policy *p, const gf_policy_role *role, gf_time at, size_t *holders, gf_error *err)
{
	gf_buf pae;
	bool ok;

	gf_buf_init(&pae, 2 * GF_ATTESTATION_MAX);
	ok = encode(e, &pae, err) &&
	    gf_policy_signed(p, role, at, STEM, pae.data, pae.len, e->signatures, e->n_signatures, holders, err);
	gf_buf_clear(&pae);
	return ok;
}

bool gf_envelope_is_statement(const gf_envelope *e)
{
	return strcmp(e->payload_type, GF_TYPE_IN_TOTO) == 0 ||
	    (gf_starts_with(e->payload_type, "application/vnd.in-toto.") && gf_ends_with(e->payload_type, "+json"));
}

/* ---- Statements ---- */

static bool is_statement(gf_json root, gf_error *err)
{
	const char *type = NULL;

	return gf_json_string(root, "_type", &type, err) &&
	    (strcmp(type, "https://in-toto.io/Statement/v1") == 0 ||
		strcmp(type, "https://in-toto.io/Statement/v0.1") == 0 ||
		gf_json_fail(gf_json_get(root, "_type"), "attestation", err, "'%.80s' is no in-toto Statement", type));
}

/* Subjects match by digest; those with other digests are nobody's here. */
static bool read_subjects(gf_json root, gf_attestation *out, gf_error *err)
{
	gf_json list;

	if (!gf_json_array(root, "subject", &list, err))
		return false;
	if (gf_json_count(list) > GF_SUBJECTS_MAX)
		return gf_json_fail(list, "attestation", err, "more than %d subjects", GF_SUBJECTS_MAX);
	out->subjects = gf_alloc(gf_json_count(list) + 1, sizeof *out->subjects, err);
	if (out->subjects == NULL)
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++) {
		gf_json hex = gf_json_get(gf_json_get(gf_json_at(list, i), "digest"), "sha256");
		const char *text = "";
		gf_error why;

		if (gf_json_typeof(hex) == GF_JSON_STRING && gf_json_text(hex, &text, &why) &&
		    gf_digest_parse_hex(text, &out->subjects[out->n_subjects]))
			out->n_subjects++;
	}
	return true;
}

/* slsa.dev/spec/v1.0/provenance and slsa.dev/spec/v0.2/provenance */
static void read_builder(gf_json predicate, gf_attestation *out)
{
	gf_json id = { 0 };
	gf_error why;

	if (strcmp(out->type, "https://slsa.dev/provenance/v1") == 0)
		id = gf_json_get(gf_json_get(gf_json_get(predicate, "runDetails"), "builder"), "id");
	else if (strcmp(out->type, "https://slsa.dev/provenance/v0.2") == 0)
		id = gf_json_get(gf_json_get(predicate, "builder"), "id");
	if (gf_json_typeof(id) != GF_JSON_STRING || !gf_json_text(id, &out->builder, &why))
		out->builder = NULL;
}

bool gf_attestation_read(gf_json root, gf_attestation *out, gf_error *err)
{
	*out = (gf_attestation){ 0 };
	if (is_statement(root, err) && gf_json_string(root, "predicateType", &out->type, err) &&
	    read_subjects(root, out, err)) {
		read_builder(gf_json_get(root, "predicate"), out);
		return true;
	}
	gf_attestation_clear(out);
	return false;
}

void gf_attestation_clear(gf_attestation *a)
{
	free(a->subjects);
	*a = (gf_attestation){ 0 };
}
