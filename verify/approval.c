#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/approval.h"

#define SUBJECT "META/manifest.json"

static const struct {
	const char *name;
	unsigned bit;
} waivers[] = { { "sequence", GF_WAIVE_SEQUENCE }, { "expires", GF_WAIVE_EXPIRES }, { "maxAge", GF_WAIVE_MAX_AGE } };

static bool read_names(gf_json predicate, gf_approval *a, gf_error *err)
{
	gf_json list;

	if (!gf_json_array(predicate, "sites", &list, err) || !gf_json_texts(list, &a->sites, &a->n_sites, err))
		return false;
	if (a->n_sites == 0)
		return gf_json_fail(list, "approval", err, "expected at least one site");
	for (size_t i = 0; i < a->n_sites; i++)
		if (!gf_name_valid(a->sites[i]))
			return gf_json_fail(gf_json_at(list, i), "approval", err, "is not the name of a site");
	if (!gf_json_copy(predicate, "environment", &a->environment, err) ||
	    !gf_json_copy(predicate, "stream", &a->stream, err))
		return false;
	return (gf_name_valid(a->environment) && gf_name_valid(a->stream)) ||
	    gf_json_fail(predicate, "approval", err, "environment or stream is not a name");
}

static bool read_times(gf_json predicate, gf_approval *a, gf_error *err)
{
	if (!gf_json_time(predicate, "created", &a->created, err) ||
	    !(a->decision == GF_PERMIT ? gf_json_time : gf_json_time_if)(predicate, "expires", &a->expires, err))
		return false;
	return a->expires == 0 || a->expires > a->created ||
	    gf_json_fail(gf_json_get(predicate, "expires"), "approval", err, "is not after 'created'");
}

static bool read_decision(gf_json predicate, gf_approval *a, gf_error *err)
{
	const char *text = NULL;

	if (!gf_json_string(predicate, "decision", &text, err))
		return false;
	a->decision = strcmp(text, "approve") == 0 ? GF_APPROVE : GF_REJECT;
	return a->decision == GF_APPROVE || strcmp(text, "reject") == 0 ||
	    gf_json_fail(gf_json_get(predicate, "decision"), "approval", err,
		"expected 'approve' or 'reject', found '%.64s'", text);
}

static bool read_waiver(gf_json item, gf_approval *a, gf_error *err)
{
	const char *text = NULL;

	if (!gf_json_text(item, &text, err))
		return false;
	for (size_t i = 0; i < sizeof waivers / sizeof *waivers; i++) {
		if (strcmp(text, waivers[i].name) != 0)
			continue;
		if (a->waives & waivers[i].bit)
			return gf_json_fail(item, "approval", err, "stands here twice");
		a->waives |= waivers[i].bit;
		return true;
	}
	return gf_json_fail(item, "approval", err,
	    "expected 'sequence', 'expires' or 'maxAge', found '%.64s'; nothing else can be waived", text);
}

static bool read_waives(gf_json predicate, gf_approval *a, gf_error *err)
{
	gf_json list;

	if (!gf_json_array(predicate, "waives", &list, err))
		return false;
	for (size_t i = 0; i < gf_json_count(list); i++)
		if (!read_waiver(gf_json_at(list, i), a, err))
			return false;
	return a->waives != 0 || gf_json_fail(list, "approval", err, "a permit that waives nothing");
}

static bool read_predicate(gf_json predicate, gf_approval *a, gf_error *err)
{
	static const char *const approval_keys[] = { "decision", "sites", "environment", "stream", "epoch", "sequence",
		"created", "expires", "reason", NULL };
	static const char *const permit_keys[] = { "waives", "sites", "environment", "stream", "epoch", "sequence",
		"created", "expires", "reason", NULL };
	bool permit = a->decision == GF_PERMIT;

	return gf_json_only(predicate, permit ? permit_keys : approval_keys, err) &&
	    (permit ? read_waives(predicate, a, err) : read_decision(predicate, a, err)) &&
	    read_names(predicate, a, err) && gf_json_u64(predicate, "epoch", &a->epoch, err) &&
	    gf_json_u64(predicate, "sequence", &a->sequence, err) && read_times(predicate, a, err) &&
	    (permit ? gf_json_copy : gf_json_copy_if)(predicate, "reason", &a->reason, err);
}

bool gf_approval_parse(const void *text, size_t n, const char *name, gf_approval *out, gf_error *err)
{
	gf_statement s;
	bool ok;

	memset(out, 0, sizeof *out);
	if (!gf_statement_open(text, n, name, NULL, &s, err))
		return false;
	out->manifest = s.subject;
	out->decision = strcmp(s.type, GF_TYPE_PERMIT) == 0 ? GF_PERMIT : GF_APPROVE;
	ok = out->decision == GF_PERMIT || strcmp(s.type, GF_TYPE_APPROVAL) == 0 ||
	    gf_fail(err, GF_DAMAGED, "statement", name, "'%s' is neither an approval nor a permit", name);
	ok = ok && read_predicate(s.predicate, out, err);
	gf_statement_close(&s);
	return ok;
}

bool gf_approval_print(const gf_approval *a, gf_buf *out, gf_error *err)
{
	bool permit = a->decision == GF_PERMIT;
	gf_json_out o;

	gf_statement_begin(&o, out, permit ? GF_TYPE_PERMIT : GF_TYPE_APPROVAL, SUBJECT, &a->manifest, err);
	if (permit) {
		gf_json_open(&o, "waives", '[');
		for (size_t i = 0; i < sizeof waivers / sizeof *waivers; i++)
			if (a->waives & waivers[i].bit)
				gf_json_put(&o, NULL, waivers[i].name);
		gf_json_close(&o, ']');
	} else {
		gf_json_put(&o, "decision", a->decision == GF_APPROVE ? "approve" : "reject");
	}
	gf_json_put_texts(&o, "sites", a->sites, a->n_sites);
	gf_json_put(&o, "environment", a->environment);
	gf_json_put(&o, "stream", a->stream);
	gf_json_put_u64(&o, "epoch", a->epoch);
	gf_json_put_u64(&o, "sequence", a->sequence);
	gf_json_put_time(&o, "created", a->created);
	if (a->expires != 0)
		gf_json_put_time(&o, "expires", a->expires);
	gf_json_put(&o, "reason", a->reason);
	return gf_statement_end(&o);
}

void gf_approval_clear(gf_approval *a)
{
	gf_texts_free(a->sites, a->n_sites);
	free(a->environment);
	free(a->stream);
	free(a->reason);
	memset(a, 0, sizeof *a);
}

bool gf_companion_name(const char *type, const gf_buf *bytes, char out[64], gf_error *err)
{
	char hex[GF_HEX_SIZE];
	gf_digest digest;

	if (!gf_hash_bytes(gf_buf_text(bytes), bytes->len, &digest, err))
		return false;
	gf_digest_hex(&digest, hex);
	(void)snprintf(out, 64, "%s-%.16s.json", type, hex);
	return true;
}
