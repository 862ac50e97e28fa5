/* What a receipt is good for: it shows that an environment has a bundle, and becomes a summary for other tools. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/checkpoint.h"
#include "verify/companion.h"
#include "verify/receipt.h"

/* ---- after ---- */

/* This manifest, this environment, complete, and not let through unsigned. */
static bool says_complete(const gf_member *file, const char *environment, const gf_digest *manifest)
{
	gf_receipt r;
	gf_error why;
	bool yes = gf_receipt_parse(gf_buf_text(&file->bytes), file->bytes.len, file->name, &r, &why) &&
	    gf_digest_equal(&r.manifest, manifest) && r.environment != NULL &&
	    strcmp(r.environment, environment) == 0 && r.complete && gf_receipt_signed(&r);

	gf_receipt_clear(&r);
	return yes;
}

/* Keys of the role whose receipts say so. */
typedef struct asking {
	const char *environment;
	const gf_digest *manifest;
	const gf_policy_role *role;
	bool *say;
} asking;

static bool ask(void *ctx, const gf_member *file, const bool *signed_by, gf_error *err)
{
	asking *a = ctx;

	(void)err;
	if (says_complete(file, a->environment, a->manifest))
		for (size_t k = 0; k < a->role->n_keys; k++)
			a->say[k] = a->say[k] || signed_by[k];
	return true;
}

bool gf_receipt_complete(const gf_policy *p, const char *environment, const gf_digest *manifest, gf_time now,
    const gf_member *files, size_t n, bool *done, gf_error *err)
{
	const gf_files all = { files, n };
	asking a = { .environment = environment, .manifest = manifest };
	char name[80];
	bool ok;

	*done = false;
	(void)snprintf(name, sizeof name, "receipt:%s", environment);
	a.role = gf_policy_role_find(p, name);
	if (a.role == NULL)
		return true;
	a.say = gf_alloc(a.role->n_keys + 1, sizeof *a.say, err);
	ok = a.say != NULL && gf_files_each_signed(p, a.role, now, &all, ask, &a, err);
	*done = ok && gf_role_holders(p, a.role, a.say) >= a.role->threshold;
	free(a.say);
	return ok;
}

/* ---- the log of its site ---- */

void gf_receipt_log(const gf_receipt *r, gf_checkpoint *out)
{
	gf_checkpoint_origin(r->site, out->origin);
	out->size = r->log_size;
	out->root = r->log_root;
}

/* ---- a Verification Summary ---- */

static void put_digest(gf_json_out *o, const gf_digest *d)
{
	gf_json_open(o, "digest", '{');
	gf_json_put_hex(o, "sha256", d);
	gf_json_close(o, '}');
}

/* "urn:gapferry:site:a"; what has no name is unnamed. */
static void put_urn(gf_json_out *o, const char *key, const char *kind, const char *name)
{
	char text[128];

	(void)snprintf(text, sizeof text, "urn:gapferry:%s:%.64s", kind, name != NULL ? name : "unnamed");
	gf_json_put(o, key, text);
}

static void put_subjects(gf_json_out *o, const gf_receipt *r)
{
	gf_json_open(o, "subject", '[');
	for (size_t i = 0; i < r->n_images; i++)
		for (size_t k = 0; k < r->images[i].n_names; k++) {
			gf_json_open(o, NULL, '{');
			gf_json_put(o, "name", r->images[i].names[k].name);
			put_digest(o, &r->images[i].digest);
			gf_json_close(o, '}');
		}
	gf_json_close(o, ']');
}

static void put_input(gf_json_out *o, const char *type, const gf_digest *d)
{
	gf_json_open(o, NULL, '{');
	gf_json_put(o, "uri", type);
	put_digest(o, d);
	gf_json_close(o, '}');
}

static void put_policy(gf_json_out *o, const gf_receipt *r)
{
	gf_json_open(o, "policy", '{');
	gf_json_put(o, "uri", r->trust_version > 0 ? GF_TYPE_TRUST : "urn:gapferry:keys");
	if (r->trust_version > 0)
		put_digest(o, &r->trust);
	gf_json_close(o, '}');
}

static void put_inputs(gf_json_out *o, const gf_receipt *r, const gf_digest *receipt)
{
	gf_json_open(o, "inputAttestations", '[');
	put_input(o, "urn:gapferry:bundle:v1", &r->manifest);
	for (size_t i = 0; i < r->n_words; i++)
		put_input(o, r->words[i].permit ? GF_TYPE_PERMIT : GF_TYPE_APPROVAL, &r->words[i].file);
	put_input(o, GF_TYPE_RECEIPT, receipt);
	gf_json_close(o, ']');
}

bool gf_receipt_summary(const gf_receipt *r, const gf_digest *receipt, gf_buf *out, gf_error *err)
{
	char when[GF_TIME_SIZE];
	gf_json_out o;

	if (!gf_receipt_signed(r))
		return gf_fail(err, GF_REFUSED, "summary", NULL,
		    "the bundle was unsigned and loaded with --allow-unsigned: there is no verification to sum up");
	if (r->n_images == 0)
		return gf_fail(err, GF_REFUSED, "summary", NULL, "the run set no name: there is nothing to sum up");
	gf_time_print(r->created, when);
	gf_json_begin(&o, out, 2, err);
	gf_json_open(&o, NULL, '{');
	gf_json_put(&o, "_type", "https://in-toto.io/Statement/v1");
	put_subjects(&o, r);
	gf_json_put(&o, "predicateType", "https://slsa.dev/verification_summary/v1");
	gf_json_open(&o, "predicate", '{');
	gf_json_open(&o, "verifier", '{');
	put_urn(&o, "id", "site", r->site);
	gf_json_close(&o, '}');
	gf_json_put(&o, "timeVerified", when);
	put_urn(&o, "resourceUri", "stream", r->stream);
	put_policy(&o, r);
	put_inputs(&o, r, receipt);
	gf_json_put(&o, "verificationResult", "PASSED");
	/* Which build level stands behind it is evidence's, and not looked at here. */
	gf_json_open(&o, "verifiedLevels", '[');
	gf_json_put(&o, NULL, "SLSA_BUILD_LEVEL_UNEVALUATED");
	gf_json_close(&o, ']');
	gf_json_put(&o, "slsaVersion", "1.1");
	gf_json_close(&o, '}');
	gf_json_close(&o, '}');
	return gf_json_end(&o) && gf_buf_puts(out, "\n", err);
}
