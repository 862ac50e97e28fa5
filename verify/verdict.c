#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/signers.h"

static const char *const names[GF_CHECKS] = {
	[GF_CHECK_HEAD] = "head",
	[GF_CHECK_TRUST] = "trust",
	[GF_CHECK_SIGNATURE] = "signature",
	[GF_CHECK_MANIFEST] = "manifest",
	[GF_CHECK_STREAM] = "stream",
	[GF_CHECK_AUDIENCE] = "audience",
	[GF_CHECK_TRUST_VERSION] = "trust-version",
	[GF_CHECK_CREATED] = "created",
	[GF_CHECK_ENVIRONMENT] = "environment",
	[GF_CHECK_EPOCH] = "epoch",
	[GF_CHECK_FLOOR] = "floor",
	[GF_CHECK_MAX_JUMP] = "max-jump",
	[GF_CHECK_EXPIRES] = "expires",
	[GF_CHECK_MAX_AGE] = "max-age",
	[GF_CHECK_AFTER] = "after",
	[GF_CHECK_APPROVALS] = "approvals",
	[GF_CHECK_FRONT] = "front",
	[GF_CHECK_GRAPH] = "graph",
	[GF_CHECK_EVIDENCE] = "evidence",
	[GF_CHECK_LAYERS] = "layers",
	[GF_CHECK_DEEP] = "deep",
	[GF_CHECK_END] = "end",
};

void gf_verdict_init(gf_verdict *v)
{
	*v = (gf_verdict){ 0 };
	for (size_t i = 0; i < GF_CHECKS; i++) {
		v->checks[i].name = names[i];
		v->checks[i].result = GF_CHECK_OPEN;
	}
}

void gf_verdict_clear(gf_verdict *v)
{
	gf_signers_forget(v);
	free(v->approvals);
	gf_verdict_init(v);
}

void gf_check_set(gf_verdict *v, gf_check_id id, gf_result result, const char *fmt, ...)
{
	gf_check *c = &v->checks[id];
	va_list args;

	c->result = result;
	va_start(args, fmt);
	if (vsnprintf(c->detail, sizeof c->detail, fmt, args) < 0)
		c->detail[0] = '\0';
	va_end(args);
}

bool gf_verdict_good(const gf_verdict *v)
{
	for (size_t i = 0; i < GF_CHECKS; i++)
		if (!v->checks[i].advisory && v->checks[i].result != GF_CHECK_PASSED &&
		    v->checks[i].result != GF_CHECK_LIFTED && v->checks[i].result != GF_CHECK_NOT_REQUIRED)
			return false;
	return true;
}

const char *gf_result_text(gf_result r)
{
	switch (r) {
	case GF_CHECK_FAILED: return "failed";
	case GF_CHECK_PASSED: return "passed";
	case GF_CHECK_LIFTED: return "lifted";
	case GF_CHECK_NOT_REQUIRED: return "not required";
	case GF_CHECK_OPEN: return "not reached";
	}
	return "not reached";
}
