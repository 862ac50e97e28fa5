/* statement: a small signed file that is no manifest: trust file, approval, permit, receipt (FORMAT.md 3, 6). */
#ifndef GF_VERIFY_STATEMENT_H
#define GF_VERIFY_STATEMENT_H

#include "bundles/bundles.h"

#define GF_TYPE_TRUST "urn:gapferry:trust:v1"
#define GF_TYPE_APPROVAL "urn:gapferry:approval:v1"
#define GF_TYPE_PERMIT "urn:gapferry:permit:v1"
#define GF_TYPE_RECEIPT "urn:gapferry:receipt:v1"

/* An in-toto Statement v1 (in-toto/attestation spec/v1/statement.md) of one subject (a trust file: of none), read
 * strictly. */
typedef struct gf_statement {
	gf_json_doc *doc;
	const char *type;  /* predicateType; the document's */
	gf_digest subject; /* sha256 of the one subject; a trust file: zeros */
	gf_json predicate;
} gf_statement;
/* At most GF_COMPANION_MAX bytes; GF_DAMAGED: "statement" and the names of json.h.  type NULL: any.  name: of the file. */
bool gf_statement_open(
    const void *text, size_t n, const char *name, const char *type, gf_statement *out, gf_error *err);
void gf_statement_close(gf_statement *s);

/* The envelope, written (subject NULL: none): up to the predicate's members, which the caller puts, and the end with one LF. */
void gf_statement_begin(
    gf_json_out *o, gf_buf *out, const char *type, const char *subject_name, const gf_digest *subject, gf_error *err);
bool gf_statement_end(gf_json_out *o);

#endif
