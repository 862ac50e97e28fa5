/* Whose a receipt is, and floors that come back by it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/companion.h"
#include "verify/floors.h"
#include "verify/signers.h"
#include "verify/state.h"

/* The file first, then what lies beside it. */
static bool fits(const gf_pubkey *k, const gf_member *files, size_t n)
{
	return gf_signature_among(k, files[0].name, gf_buf_text(&files[0].bytes), files[0].bytes.len, files + 1, n - 1);
}

static bool by_given(const gf_member *files, size_t n, const gf_receipt_keys *keys, gf_receipt_by *out)
{
	for (size_t i = 0; i < keys->n_given; i++)
		if (fits(keys->given[i], files, n)) {
			out->key = keys->given[i];
			(void)snprintf(out->how, sizeof out->how, "%.80s, as named", gf_pubkey_holder(out->key));
			return true;
		}
	return false;
}

/* *met: by enough of the role. */
static bool by_role(const gf_policy *p, const gf_policy_role *role, const gf_member *files, size_t n, gf_time now,
    gf_receipt_by *out, bool *met, gf_error *err)
{
	const gf_files all = { files, n };
	bool *signed_by = gf_alloc(role->n_keys + 1, sizeof *signed_by, err);

	if (signed_by == NULL)
		return false;
	*met = gf_files_signed(p, role, now, &files[0], &all, signed_by) &&
	    gf_role_holders(p, role, signed_by) >= role->threshold;
	(void)snprintf(out->how, sizeof out->how, "role %s:", role->name);
	for (size_t k = 0; *met && k < role->n_keys; k++)
		if (signed_by[k]) {
			out->key = p->keys[role->keys[k]].key;
			gf_text_append(out->how, sizeof out->how, " %s", p->keys[role->keys[k]].holder);
		}
	free(signed_by);
	return true;
}

static bool nobody(const gf_receipt *r, const gf_member *files, size_t n, const gf_receipt_keys *keys, gf_error *err)
{
	const char *where = r->environment != NULL ? r->environment : "ENV";

	if (n < 2)
		return gf_fail(err, GF_REFUSED, "receipt-signature", files[0].name,
		    "no signature lies beside '%s' (%s.<16 hex>.sig): carry both", files[0].name, files[0].name);
	if (keys->n_given > 0)
		return gf_fail(err, GF_REFUSED, "receipt-signature", files[0].name,
		    "none of the %zu signatures beside '%s' is by a key that was named", n - 1, files[0].name);
	return gf_fail(err, GF_REFUSED, "receipt-signature", files[0].name,
	    "none of the %zu signatures beside '%s' is by %s or by this site's own key: name the key of site '%s' (--key)",
	    n - 1, files[0].name, keys->policy == NULL ? "a trust file's role" : "enough of its role in the trust file",
	    r->site != NULL ? r->site : where);
}

bool gf_receipt_judge(const gf_receipt *r, const gf_member *files, size_t n, const gf_receipt_keys *keys, gf_time now,
    gf_receipt_by *out, gf_error *err)
{
	const gf_policy_role *role = NULL;
	char name[80];
	bool met = false;

	*out = (gf_receipt_by){ .own = keys->site != NULL && fits(keys->site, files, n) };
	if (keys->n_given > 0)
		return by_given(files, n, keys, out) || nobody(r, files, n, keys, err);
	if (keys->policy != NULL && r->environment != NULL) {
		(void)snprintf(name, sizeof name, "receipt:%s", r->environment);
		role = gf_policy_role_find(keys->policy, name);
	}
	if (role != NULL && !by_role(keys->policy, role, files, n, now, out, &met, err))
		return false;
	if (met)
		return true;
	if (!out->own)
		return nobody(r, files, n, keys, err);
	out->key = keys->site;
	(void)snprintf(out->how, sizeof out->how, "this site's key");
	return true;
}

/* ---- restore ---- */

static bool is_ours(const gf_state *s, const gf_receipt *r, gf_error *err)
{
	const char *site = gf_state_site(s);

	if (site != NULL && r->site != NULL && strcmp(site, r->site) != 0)
		return gf_fail(err, GF_REFUSED, "receipt-site", r->site,
		    "the receipt is of site '%s', and this is '%s': floors come back from a site's own receipts",
		    r->site, site);
	if (r->stream == NULL || r->environment == NULL || !gf_receipt_signed(r))
		return gf_fail(err, GF_REFUSED, "receipt-floor", NULL, "the receipt moved no floor: it is of %s",
		    r->environment == NULL  ? "an export"
			: r->stream == NULL ? "a bundle without a stream"
					    : "an unsigned bundle");
	return true;
}

bool gf_receipt_restore(gf_state *s, const gf_receipt *r, const gf_digest *file, bool *raised, gf_error *err)
{
	gf_record line = { .type = "restored",
		.stream = r->stream,
		.environment = r->environment,
		.site = gf_state_site(s),
		.epoch = r->epoch,
		.sequence = r->sequence,
		.manifest = &r->manifest,
		.statement = file };
	gf_digest other;
	gf_floor floor;
	bool known;

	*raised = false;
	if (!is_ours(s, r, err) || !gf_state_floor(s, r->stream, r->environment, &floor, err) ||
	    !gf_state_accepted(s, r->stream, r->epoch, r->sequence, &known, &other, err))
		return false;
	if (known && !gf_digest_equal(&other, &r->manifest))
		return gf_fail(err, GF_REFUSED, "fork", r->stream,
		    "another bundle of stream '%s' has epoch %llu, sequence %llu here: one of the two receipts or bundles is "
		    "not what it says",
		    r->stream, (unsigned long long)r->epoch, (unsigned long long)r->sequence);
	*raised = !floor.present || gf_floor_compare(&floor, r->epoch, r->sequence) < 0;
	return !*raised || gf_state_append(s, &line, 1, err);
}
