/* judgement: what the checks of FORMAT.md 5, steps 5 and 6, share: accept.c runs them in order.  Private to verify/. */
#ifndef GF_VERIFY_JUDGEMENT_H
#define GF_VERIFY_JUDGEMENT_H

#include "verify/verify.h"

typedef struct gf_judgement {
	const gf_judge *judge;
	const gf_policy *policy;                  /* NULL: no trust file */
	const gf_policy_stream *stream;           /* NULL: none, or not found */
	const gf_policy_environment *environment; /* the same */
	const gf_manifest *manifest;
	const char *site; /* NULL: it has no name */
	gf_verdict *verdict;
	gf_time now;
	bool repeated;                            /* accepted or loaded here before: expires and maxAge do not count */
	unsigned waived;                          /* GF_WAIVE_..., by permits */
	char waived_by[GF_WAIVE_MAX_AGE + 1][80]; /* the holders, by what is waived */
	gf_digest permits[GF_WAIVE_MAX_AGE + 1];  /* and one of their files */
} gf_judgement;

/* Every check sets its line of the verdict when it passes; false: *err says why, and accept.c sets the line. */

/* freshness.c: numbers and times */
bool gf_judge_clock(const gf_judgement *g, gf_error *err);
bool gf_judge_created(gf_judgement *g, gf_error *err);
bool gf_judge_epoch(gf_judgement *g, gf_error *err);
bool gf_judge_floor(gf_judgement *g, gf_error *err);
bool gf_judge_max_jump(gf_judgement *g, gf_error *err);
bool gf_judge_expires(gf_judgement *g, gf_error *err);
bool gf_judge_max_age(gf_judgement *g, gf_error *err);

/* gates.c: what was added after packing */
bool gf_judge_after(gf_judgement *g, gf_error *err);
bool gf_judge_approvals(gf_judgement *g, gf_error *err);
/* Fills waived.  Never fails but for want of memory. */
bool gf_judge_permits(gf_judgement *g, gf_error *err);

#endif
