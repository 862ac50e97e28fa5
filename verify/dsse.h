/*
 * dsse: attestations by others: a signed envelope (DSSE v1.0.2, secure-systems-lab/dsse), alone or inside a sigstore bundle
 * (sigstore_bundle.proto), and the in-toto Statement that is its payload or stands alone.  Members that are not known are
 * passed over, as their specifications ask.  Private to verify/.
 */
#ifndef GF_VERIFY_DSSE_H
#define GF_VERIFY_DSSE_H

#include "verify/verify.h"

#define GF_ATTESTATION_MAX (8 * GF_MIB) /* of an envelope or a Statement; larger ones are not read */
#define GF_ENVELOPE_SIGNATURES_MAX 64
#define GF_SUBJECTS_MAX 1024 /* as sigstore has it */

typedef struct gf_envelope {
	char *payload_type;
	gf_buf payload;
	gf_member *signatures; /* as files "dsse.<16 hex>.sig" */
	size_t n_signatures;
} gf_envelope;

/* Is it an object as an envelope, or a sigstore bundle, has it?  *is false: it is something else.  False: it is, and
 * malformed: GF_DAMAGED "dsse", "base64" and the names of json.h; or memory. */
bool gf_envelope_open(gf_json root, bool *is, gf_envelope *out, gf_error *err);
void gf_envelope_close(gf_envelope *e);
/* Distinct holders of the role, with keys valid at `at`, who signed it (the rule of (t,n)). */
bool gf_envelope_signed(
    const gf_envelope *e, const gf_policy *p, const gf_policy_role *role, gf_time at, size_t *holders, gf_error *err);
/* To be looked at behind the signature: application/vnd.in-toto+json, or application/vnd.in-toto.<predicate>+json. */
bool gf_envelope_is_statement(const gf_envelope *e);

/* An in-toto Statement, v0.1 or v1; the texts are the document's. */
typedef struct gf_attestation {
	const char *type;    /* predicateType */
	const char *builder; /* builder.id of SLSA provenance v0.2 and v1; NULL: none */
	gf_digest *subjects; /* those that have a sha256 */
	size_t n_subjects;
} gf_attestation;
/* GF_DAMAGED "attestation" and the names of json.h. */
bool gf_attestation_read(gf_json root, gf_attestation *out, gf_error *err);
void gf_attestation_clear(gf_attestation *a);

#endif
