/* approval: an approval, a rejection or a permit (FORMAT.md 6): read, written.  What they are worth: gates.c. */
#ifndef GF_VERIFY_APPROVAL_H
#define GF_VERIFY_APPROVAL_H

#include "verify/statement.h"

typedef enum gf_decision { GF_APPROVE, GF_REJECT, GF_PERMIT } gf_decision;

/* What a permit waives. */
#define GF_WAIVE_SEQUENCE 1U
#define GF_WAIVE_EXPIRES 2U
#define GF_WAIVE_MAX_AGE 4U

typedef struct gf_approval {
	gf_decision decision;
	gf_digest manifest; /* the subject */
	char **sites;       /* at least one */
	size_t n_sites;
	char *environment, *stream;
	uint64_t epoch, sequence;
	gf_time created, expires; /* expires 0: never (approval, rejection) */
	char *reason;             /* NULL: none (approval, rejection) */
	unsigned waives;          /* permit: GF_WAIVE_..., at least one */
} gf_approval;

/* Of either type, told apart by predicateType alone.  Another type: GF_DAMAGED "statement"; else "approval" (times,
 * names, empty lists) and the names of json.h.  out is cleared by the caller on both paths. */
bool gf_approval_parse(const void *text, size_t n, const char *name, gf_approval *out, gf_error *err);
bool gf_approval_print(const gf_approval *a, gf_buf *out, gf_error *err);
void gf_approval_clear(gf_approval *a);
/* "approval-<16 hex>.json", "permit-...": the name among companions of a file with these bytes. */
bool gf_companion_name(const char *type, const gf_buf *bytes, char out[64], gf_error *err);

#endif
