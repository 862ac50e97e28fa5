/*
 * evidence: the evidence rules of an environment (FORMAT.md 4; 5, step 7): what attestations that crossed with the images
 * must say, and who must have signed them.  Private to verify/.
 */
#ifndef GF_VERIFY_EVIDENCE_H
#define GF_VERIFY_EVIDENCE_H

#include "verify/dsse.h"

typedef struct gf_evidence gf_evidence;

/* The rules that gf_accept left in the verdict; *out NULL without an error: there are none. */
bool gf_evidence_new(const gf_verdict *v, const gf_manifest *m, gf_evidence **out, gf_error *err);
void gf_evidence_free(gf_evidence *e);
/* Is blob i one to be kept and given?  What is above GF_ATTESTATION_MAX is not, and counted. */
bool gf_evidence_wants(gf_evidence *e, size_t i);
/* The bytes of such a blob, whose digest has been checked.  What is no attestation, or a malformed one, satisfies nothing.
 * From any thread.  False: out of memory. */
bool gf_evidence_take(gf_evidence *e, const gf_buf *bytes, gf_error *err);
/* Sets the check.  GF_REFUSED "evidence": a rule is not satisfied. */
bool gf_evidence_judge(const gf_evidence *e, gf_verdict *v, gf_error *err);

#endif
